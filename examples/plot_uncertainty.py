"""
How certain is a prediction?
============================

Three answers of one regressor: the spread of its members, a conformal interval, and quantiles. The
noise of the data grows from left to right, and there are no rows in the middle.
"""

# %%
import matplotlib.pyplot as plt
import numpy as np

from skbackprop import BackpropRegressor
from skbackprop.nn.losses import Pinball

rng = np.random.default_rng(0)
x = np.concatenate([rng.uniform(0, 4, 400), rng.uniform(6, 10, 400)])
y = np.sin(x) + rng.normal(0, 0.05 + 0.06 * x)
X, grid = x[:, None], np.linspace(-1, 11, 300)[:, None]

model = BackpropRegressor(random_state=0).fit(X, y)
quantiles = BackpropRegressor(loss=Pinball((0.1, 0.5, 0.9)), random_state=0).fit(X, y)

# %%
# The spread of the members says where the model has not seen rows: it is about the *model*. The
# conformal interval holds a stated share of new rows, on average over the table: it is about the
# *noise*, but has nearly the same width everywhere. Quantiles follow the noise.
mean, spread = model.predict(grid), model.predict_std(grid)
low, high = model.predict_interval(grid, coverage=0.8).T
q10, _, q90 = quantiles.predict(grid).T
bands = {
    "members, ± 2 standard deviations": (mean - 2 * spread, mean + 2 * spread),
    "conformal, 80 %": (low, high),
    "quantiles, 10 % to 90 %": (q10, q90),
}
fig, axes = plt.subplots(1, 3, figsize=(10, 3.2), sharey=True, layout="constrained")
for ax, (name, (bottom, top)) in zip(axes, bands.items(), strict=True):
    ax.plot(x, y, ".", color="0.7", markersize=2)
    ax.fill_between(grid[:, 0], bottom, top, alpha=0.4)
    ax.plot(grid[:, 0], mean, linewidth=1)
    inside = np.interp(x, grid[:, 0], bottom) <= y
    inside &= y <= np.interp(x, grid[:, 0], top)
    ax.set(title=f"{name}\n{inside.mean():.0%} of the rows are inside", xlabel="x")
plt.show()
