"""
Learning curves, compared with scikit-learn's MLP
=================================================

Learning curves on scikit-learn's digits: the error rate on rows that are held out, as the number
of training rows grows. scikit-learn's `MLPClassifier` gets scaled numbers, and our
`BackpropClassifier` gets the table as it is.
"""

# %%
import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.model_selection import StratifiedShuffleSplit, learning_curve
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skbackprop import BackpropClassifier

X, y = load_digits(return_X_y=True)
models = {
    "MLPClassifier, scaled": make_pipeline(
        StandardScaler(), MLPClassifier(max_iter=1000, random_state=0)
    ),
    "BackpropClassifier": BackpropClassifier(random_state=0),
}

# %%
# The lines are means over three divisions of the rows, the bands their range.
fig, ax = plt.subplots(figsize=(6.5, 4), layout="constrained")
for name, model in models.items():
    sizes, _, scores = learning_curve(
        model,
        X,
        y,
        train_sizes=[50, 100, 200, 400],
        cv=StratifiedShuffleSplit(3, test_size=0.5, random_state=0),
        scoring="accuracy",
    )
    error = 1 - scores
    ax.plot(sizes, error.mean(axis=1), "o-", label=name)
    ax.fill_between(sizes, error.min(axis=1), error.max(axis=1), alpha=0.15)
ax.set(xlabel="training rows", ylabel="error rate on new rows", xscale="log", yscale="log")
ax.set_xticks(sizes, sizes)
ax.set_xticks([], minor=True)
ax.legend()
plt.show()
