"""
XOR, and what the hidden units do
=================================

A linear model cannot learn XOR: no line separates the two classes. A network with one hidden layer
can. This example trains a small network on the four rows, and draws its decision function and the
line of each hidden unit.
"""

# %%
# The four rows. L-BFGS is the right solver for so few.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.inspection import DecisionBoundaryDisplay

from skbackprop.mlp import MLPClassifier

X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
y = [0, 1, 1, 0]
model = MLPClassifier((2,), activation="tanh", solver="lbfgs", alpha=1e-3, random_state=0).fit(X, y)
print("learned:", model.predict(X), "after", model.n_iter_, "iterations")
assert (model.predict(X) == y).all()

# %%
# Each hidden unit is 0 on a line, W₁ x₁ + W₂ x₂ + b = 0 (dashed). Between the two lines the network
# answers 1, outside of them 0.
fig, ax = plt.subplots(figsize=(5.5, 4.5), layout="constrained")
DecisionBoundaryDisplay.from_estimator(
    model, X, response_method="predict_proba", class_of_interest=1, eps=0.5, cmap="coolwarm", ax=ax
)
t = np.linspace(-0.5, 1.5, 2)
for w, b in zip(model.coefs_[0].T, model.intercepts_[0], strict=True):
    ax.plot(t, -(w[0] * t + b) / w[1], "k--")
ax.scatter(*X.T, c=y, cmap="coolwarm", edgecolor="k", s=120)
ax.set(xlim=(-0.5, 1.5), ylim=(-0.5, 1.5), xlabel="x₁", ylabel="x₂", title="P(y = 1)")
plt.show()
