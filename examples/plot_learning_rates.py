"""
The influence of the learning rate
==================================

The result of plain stochastic gradient descent depends on the learning rate. This example trains
with rates that differ by factors of up to 64, and compares the plain network with the recipe for
tables, whose schedule ends every training with small steps.
"""

# %%
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skbackprop import BackpropRegressor
from skbackprop.mlp import MLPRegressor

X, y = load_diabetes(return_X_y=True)
y = (y - y.mean()) / y.std()  # a plain network needs a target near 1
factors = [1 / 8, 1 / 4, 1 / 2, 1, 2, 4, 8]
rates = {
    "plain network": 1e-3,
    "recipe for tables": BackpropRegressor(random_state=0)
    .fit(X, y)
    .resolved_params_["learning_rate_init"],
}
scores = {name: [] for name in rates}
for factor in factors:
    plain = MLPRegressor(
        (64, 64), learning_rate_init=factor * rates["plain network"], max_iter=100, tol=0,
        n_iter_no_change=100, random_state=0,
    )  # fmt: skip
    table = BackpropRegressor(
        learning_rate_init=factor * rates["recipe for tables"], n_members=2, random_state=0
    )
    for name, model in zip(rates, (make_pipeline(StandardScaler(), plain), table), strict=True):
        scores[name].append(cross_val_score(model, X, y, cv=3).mean())

# %%
fig, ax = plt.subplots(figsize=(6.5, 4), layout="constrained")
for name, values in scores.items():
    ax.plot(factors, values, "o-", label=name)
ax.set(xscale="log", xlabel="learning rate, as a multiple of the default", ylabel="R² of new rows")
ax.set_xticks(factors, [f"{factor:g}" for factor in factors])
ax.set_xticks([], minor=True)
ax.legend()
plt.show()
print({name: f"from {min(v):.2f} to {max(v):.2f}" for name, v in scores.items()})
assert np.ptp(scores["recipe for tables"]) < np.ptp(scores["plain network"])
