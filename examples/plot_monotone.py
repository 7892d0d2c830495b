"""
Predictions that never fall
===========================

With few rows a network fits the noise. If a prediction must not fall when a number rises, a
monotone constraint guarantees this for all rows.
"""

# %%
# A harvest that grows with rain and levels off, differently on two soils, from 160 noisy rows.
# ``monotonic_cst`` has the name and the meaning that it has in scikit-learn's
# ``HistGradientBoostingRegressor``; it is a setting of the encoding of the table.
import matplotlib.pyplot as plt
import numpy as np

from skbackprop import BackpropRegressor, TableEncoding

rng = np.random.default_rng(0)
rain, soil = rng.uniform(0, 10, 160), rng.integers(0, 2, 160)


def harvest(rain, soil):
    return np.where(soil == 1, 3 * np.tanh(rain / 3), 0.4 * np.maximum(rain - 5, 0))


X = np.column_stack([rain, soil])
y = harvest(rain, soil) + rng.normal(0, 0.8, 160)
encoding = TableEncoding(monotonic_cst=[1, 0])
models = {
    "free": BackpropRegressor(random_state=0).fit(X, y),
    "monotone in rain": BackpropRegressor(feature_encoding=encoding, random_state=0).fit(X, y),
}

# %%
# Both predict beyond the rows, too, where only the constraint knows the direction.
grid = np.linspace(0, 13, 300)
fig, axes = plt.subplots(1, 2, figsize=(8, 3.4), sharey=True, layout="constrained")
for kind, ax in enumerate(axes):
    ax.plot(rain[soil == kind], y[soil == kind], ".", color="0.7")
    ax.plot(grid, harvest(grid, kind), "k:", label="truth")
    for name, model in models.items():
        predicted = model.predict(np.column_stack([grid, np.full(300, kind)]))
        falls = np.mean(np.diff(predicted) < 0)
        ax.plot(grid, predicted, label=f"{name}: falls on {falls:.0%} of the way")
    ax.set(xlabel="rain", title=f"soil {kind}")
    ax.legend(fontsize="small")
axes[0].set_ylabel("harvest")
plt.show()
