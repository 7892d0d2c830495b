"""Temperature scaling of probabilities.

A network that is trained for long goes on to raise its scores after the labels are right,
and ends surer than it should be.  Dividing all scores by one number, the temperature ``T``,
takes that back.  No answer changes, for the order of the scores does not; the probabilities
do.  ``T`` is fitted on rows that the network was not trained on, where it minimizes

    ``Σᵢ wᵢ ℓ(tᵢ, sᵢ / T)``

With ``β = 1 / T`` this is convex (a log loss is convex in the scores, and they are linear in
``β``), so its minimum is where its derivative ``Σᵢ wᵢ ⟨∂ℓ/∂s (tᵢ, β sᵢ), sᵢ⟩`` is zero; the
first factor is the delta that every loss returns.

Guo, Pleiss, Sun & Weinberger, "On calibration of modern neural networks" (2017).

Of few rows few are held out, and they say little about ``T``; and the mean of several members is
less sure than each of them, while ``T`` is fitted to the scores of single members.  With few rows
the presets for tables therefore divide by ``√T``, and never by less than 1 (`sqrt_temperature`),
with many rows by nothing.  The root and the limit are not from a paper: they are a choice of ours,
made by measurement ("How good are the defaults?" in the documentation), and shrink the
correction toward none.

>>> import numpy as np
>>> from skbackprop.nn.losses import BinaryLogLoss
>>> scores = np.repeat([[4.0], [-4.0]], 4, axis=0)         # 98 % sure, four times out of four
>>> target = np.array([[1], [1], [1], [0], [0], [0], [0], [1.0]])    # right in three of four
>>> temperature = fit_temperature(scores, target, None, BinaryLogLoss())
>>> round(temperature, 4)
3.641
>>> BinaryLogLoss().predict(scores / temperature)[0].round(4)
array([0.75])
>>> round(sqrt_temperature(scores, target, None, BinaryLogLoss()), 4)
1.9081
"""

from __future__ import annotations

from collections.abc import Callable
from math import exp, log, sqrt

import numpy as np
from scipy.optimize import brentq

from ..nn.losses import Loss

# Where every answer is right no temperature is low enough, and where answers are wrong more
# often than by chance none is high enough.
LOWEST, HIGHEST = 0.05, 20.0


def fit_temperature(
    scores: np.ndarray, target: np.ndarray, weight: np.ndarray | None, loss: Loss
) -> float:
    """The temperature, from 0.05 to 20, at which the loss of ``scores / T`` is least.

    Parameters
    ----------
    scores : ndarray of shape (n, n_scores)
        Raw scores of rows that were not trained on.
    target : ndarray of shape (n, m)
        Their encoded targets.
    weight : ndarray of shape (n,) or None
        Weights of the rows; None stands for ones.
    loss : Loss
        A loss that is convex in the scores, as the log losses are, or `Heads` of them,
        which then share one temperature.

    Returns
    -------
    temperature : float
        1 if all temperatures are as good: without rows, or if all scores are zero.
    """
    if not np.isfinite(scores).all():
        raise ValueError(
            "A temperature needs finite scores, got infinite or missing ones. Lower the "
            "learning rate: training has diverged."
        )
    s, t = scores.astype(np.float64), target.astype(np.float64)
    w = 1.0 if weight is None else weight.astype(np.float64)
    delta = np.empty_like(s)

    def slope(log_beta: float) -> float:
        loss.value_and_delta(t, exp(log_beta) * s, w, delta)
        return float(np.vdot(delta, s))

    if not s.any() or slope(0.0) == 0:
        return 1.0
    if slope(-log(HIGHEST)) >= 0:
        return HIGHEST
    if slope(-log(LOWEST)) <= 0:
        return LOWEST
    return exp(-brentq(slope, -log(HIGHEST), -log(LOWEST), xtol=1e-12))


def sqrt_temperature(
    scores: np.ndarray, target: np.ndarray, weight: np.ndarray | None, loss: Loss
) -> float:
    """The square root of `fit_temperature`, and at least 1: scores never grow.

    Parameters
    ----------
    scores, target, weight, loss
        As in `fit_temperature`.

    Returns
    -------
    temperature : float
    """
    return max(1.0, sqrt(fit_temperature(scores, target, weight, loss)))


TEMPERATURES: dict[str, Callable[..., float]] = {
    "temperature": fit_temperature,
    "sqrt_temperature": sqrt_temperature,
}
