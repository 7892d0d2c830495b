"""
Fifty layers, with and without residual connections
===================================================

Very deep networks do not learn by plain backpropagation, because the gradient vanishes or explodes
from layer to layer. With a residual connection around each block it does not.
"""

# %%
# The same digits, the same number of epochs; 2 or 50 hidden layers of 32 units.
import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skbackprop.mlp import MLPClassifier

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X / 16, y, stratify=y, random_state=0)
networks = {
    "2 layers": {"n_hidden_layers": 2},
    "50 layers": {"n_hidden_layers": 50},
    "50 layers, residual": {"n_hidden_layers": 50, "residual": True, "normalization": "layer"},
}
fig, ax = plt.subplots(figsize=(6.5, 4), layout="constrained")
for name, settings in networks.items():
    model = MLPClassifier(32, max_iter=25, tol=0, n_iter_no_change=25, random_state=0, **settings)
    model.set_params(learning_rate_init=3e-3).fit(X_train, y_train)
    accuracy = model.score(X_test, y_test)
    ax.plot(model.loss_curve_, label=f"{name}: accuracy {accuracy:.2f}")
ax.set(xlabel="epoch", ylabel="training loss", title="Scikit-learn's digits")
ax.legend()
plt.show()
