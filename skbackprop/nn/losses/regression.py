"""Losses for numbers.

Four act on the scores directly: squared, absolute, Huber and pinball.  Their predictions are
the mean, the median, a value between the two, and quantiles.  Three are for targets
that cannot be negative; there the score is the logarithm of the mean:

>>> import numpy as np
>>> loss = HalfPoissonDeviance()
>>> target, scores = np.array([[3.0]]), np.array([[np.log(3.0)]])
>>> delta = np.empty_like(scores)
>>> value = loss.value_and_delta(target, scores, 1.0, out=delta)
>>> bool(abs(value) < 1e-12 and abs(delta[0, 0]) < 1e-12)       # the mean hits the target
True
>>> loss.predict(scores).round(6)
array([[3.]])
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from scipy.special import xlogy

from ...params import frozen
from .base import Interval, Loss, log_mean_exp, per_row, shares, weighted_mean

# Above this score the exponential goes on as its tangent.  Half of the largest exponent leaves
# a margin for squared gradients and sums over many rows.
SCORE_CAP = {np.dtype(t): float(np.log(np.finfo(t).max)) / 2 for t in (np.float32, np.float64)}

# Replaces a mean of zero, which has no logarithm.
SMALL_MEAN = float(np.finfo(np.float32).eps)


@frozen
class HalfSquaredError(Loss):
    """``ℓ = ½ Σ (s - t)²``, summed over the outputs; the prediction is the mean."""

    name: ClassVar[str] = "squared_error"

    def row_losses(self, target: np.ndarray, scores: np.ndarray, out: np.ndarray) -> np.ndarray:
        # Differs from scikit-learn: MLPRegressor averages the value over the outputs but
        # sums the gradient (its issue 8349); here both are sums.
        np.subtract(scores, target, out=out)
        losses: np.ndarray = np.vecdot(out, out)
        losses *= 0.5
        return losses

    def constant(self, target: np.ndarray, weight: Any) -> np.ndarray:
        return weighted_mean(target, weight)


@frozen
class AbsoluteError(Loss):
    """``ℓ = Σ |s - t|``; the prediction is the median."""

    name: ClassVar[str] = "absolute_error"

    def row_losses(self, target: np.ndarray, scores: np.ndarray, out: np.ndarray) -> np.ndarray:
        residual = scores - target
        np.sign(residual, out=out)  # 0 where the score is the target
        losses: np.ndarray = np.vecdot(residual, out)
        return losses

    def constant(self, target: np.ndarray, weight: Any) -> np.ndarray:
        return weighted_quantiles(target, weight, (0.5,))


@frozen
class Huber(Loss):
    """Squared error near the target, absolute error far from it.

    With ``r = s - t`` and ``c = clip(r, -delta, delta)`` both pieces are
    ``ℓ = Σ c (r - ½ c)``, and the derivative is ``c``.

    Parameters
    ----------
    delta : float
        Where the square ends, in units of y.
    """

    delta: float = 1.35
    name: ClassVar[str] = "huber"

    def __post_init__(self) -> None:
        if not 0 < self.delta < np.inf:
            raise ValueError(
                f"Huber needs a finite delta > 0, got {self.delta}. "
                "Use loss='squared_error' for no limit, loss='absolute_error' for a limit of 0."
            )

    def row_losses(self, target: np.ndarray, scores: np.ndarray, out: np.ndarray) -> np.ndarray:
        residual = scores - target
        np.clip(residual, -self.delta, self.delta, out=out)
        residual -= 0.5 * out
        losses: np.ndarray = np.vecdot(out, residual)
        return losses

    def constant(self, target: np.ndarray, weight: Any) -> np.ndarray:
        w = np.broadcast_to(np.asarray(weight, np.float64), len(target))
        return np.array([self._location(t, w) for t in target.T.astype(np.float64)])

    def _location(self, t: np.ndarray, w: np.ndarray) -> float:
        """Where the derivative, which is a rising polygon with two knots per row, is zero."""
        order = np.argsort(knots := np.concatenate([t - self.delta, t + self.delta]))
        knots, bends = knots[order], np.concatenate([w, -w])[order]
        rises = np.cumsum(bends)[:-1] * np.diff(knots)
        slope = np.concatenate([[0.0], np.cumsum(rises)]) - self.delta * w.sum()
        return float(np.interp(0.0, slope, knots))


@frozen
class Pinball(Loss):
    """``ℓ = Σ max(q (t - s), (1 - q) (s - t))``; the prediction is the ``q`` quantile.

    Several quantiles are learned together: every target has one score for each of
    them, in the order ``target 0: q0 q1 …, target 1: q0 q1 …``.

    Parameters
    ----------
    quantiles : tuple of float
        Each strictly between 0 and 1.

    Examples
    --------
    >>> Pinball((0.1, 0.5, 0.9)).n_scores(2)
    6
    """

    quantiles: Sequence[float] = (0.5,)
    name: ClassVar[str] = "pinball"

    def __post_init__(self) -> None:
        object.__setattr__(self, "quantiles", tuple(self.quantiles))
        if not self.quantiles or not all(0 < q < 1 for q in self.quantiles):
            raise ValueError(
                f"Pinball needs quantiles strictly between 0 and 1, got {self.quantiles}. "
                "Use for example quantiles=(0.1, 0.5, 0.9)."
            )

    def n_scores(self, n_targets: int) -> int:
        return n_targets * len(self.quantiles)

    def row_losses(self, target: np.ndarray, scores: np.ndarray, out: np.ndarray) -> np.ndarray:
        # Splitting the last axis never copies: (..., n, m·q) becomes (..., n, m, q).
        apart = (target.shape[-1], len(self.quantiles))
        residual = scores.reshape(scores.shape[:-1] + apart) - target[..., None]
        slope = out.reshape(out.shape[:-1] + apart)
        # ½ sign(r) + ½ - q is 1 - q above the target and -q below it.
        np.sign(residual, out=slope)
        slope *= 0.5
        slope += np.subtract(0.5, self.quantiles, dtype=out.dtype)
        losses: np.ndarray = np.vecdot(residual.reshape(scores.shape), out)
        return losses

    def constant(self, target: np.ndarray, weight: Any) -> np.ndarray:
        return weighted_quantiles(target, weight, self.quantiles)


@frozen
class HalfPoissonDeviance(Loss):
    """``ℓ = Σ t log(t / μ) - t + μ`` with ``μ = eˢ``: counts and rates."""

    name: ClassVar[str] = "poisson"
    link: ClassVar[str] = "exp"
    domain: ClassVar[Interval] = Interval(0, low_inclusive=True)
    advice: ClassVar[str] = "Use loss='squared_error', or shift the target."

    def row_losses(self, target: np.ndarray, scores: np.ndarray, out: np.ndarray) -> np.ndarray:
        losses = exp_or_tangent(scores, slope=out)
        losses -= target * (scores + 1)
        losses += xlogy(target, target)
        np.subtract(out, target, out=out)
        return per_row(losses)

    def predict(self, scores: np.ndarray) -> np.ndarray:
        return exp_capped(scores)

    def combine(self, scores: np.ndarray) -> np.ndarray:
        return combine_logs(scores)

    def combine_backward(self, scores: np.ndarray, d: np.ndarray) -> np.ndarray:
        return combine_logs_backward(scores, d)

    def constant(self, target: np.ndarray, weight: Any) -> np.ndarray:
        return log_mean(target, weight)


@frozen
class HalfGammaDeviance(Loss):
    """``ℓ = Σ log(μ / t) + t / μ - 1`` with ``μ = eˢ``: positive and skewed, as costs are."""

    name: ClassVar[str] = "gamma"
    link: ClassVar[str] = "exp"
    domain: ClassVar[Interval] = Interval(0)
    advice: ClassVar[str] = "Use loss='tweedie', which allows zeros, or loss='squared_error'."

    def row_losses(self, target: np.ndarray, scores: np.ndarray, out: np.ndarray) -> np.ndarray:
        losses = exp_or_tangent(-scores, slope=out)
        losses *= target
        losses += scores
        losses -= np.log(target) + 1
        np.multiply(out, target, out=out)
        np.subtract(1, out, out=out)
        return per_row(losses)

    def predict(self, scores: np.ndarray) -> np.ndarray:
        return exp_capped(scores)

    def combine(self, scores: np.ndarray) -> np.ndarray:
        return combine_logs(scores)

    def combine_backward(self, scores: np.ndarray, d: np.ndarray) -> np.ndarray:
        return combine_logs_backward(scores, d)

    def constant(self, target: np.ndarray, weight: Any) -> np.ndarray:
        return log_mean(target, weight)


@frozen
class HalfTweedieDeviance(Loss):
    """Zeros and positive amounts mixed: insurance claims, rainfall.

    With ``μ = eˢ``, ``a = 2 - power`` and ``b = power - 1``::

        ℓ = Σ μᵃ / a + t μ⁻ᵇ / b - tᵃ / (a b)        ∂ℓ/∂s = μᵃ - t μ⁻ᵇ

    Parameters
    ----------
    power : float
        Strictly between 1 (Poisson) and 2 (Gamma): the variance is ``μ**power``.
    """

    power: float = 1.5
    name: ClassVar[str] = "tweedie"
    link: ClassVar[str] = "exp"
    domain: ClassVar[Interval] = Interval(0, low_inclusive=True)
    advice: ClassVar[str] = "Use loss='squared_error', or shift the target."

    def __post_init__(self) -> None:
        if not 1 < self.power < 2:
            raise ValueError(
                f"HalfTweedieDeviance needs 1 < power < 2, got {self.power}. Use "
                "loss='squared_error' for power 0, loss='poisson' for 1, loss='gamma' for 2."
            )

    def row_losses(self, target: np.ndarray, scores: np.ndarray, out: np.ndarray) -> np.ndarray:
        a, b = 2 - self.power, self.power - 1
        losses = exp_or_tangent(a * scores, slope=out)
        falling_slope = np.empty_like(out)
        falling = exp_or_tangent(-b * scores, slope=falling_slope)
        losses *= b
        losses += a * target * falling
        losses -= target**a
        losses /= a * b
        falling_slope *= target
        np.subtract(out, falling_slope, out=out)
        return per_row(losses)

    def predict(self, scores: np.ndarray) -> np.ndarray:
        return exp_capped(scores)

    def combine(self, scores: np.ndarray) -> np.ndarray:
        return combine_logs(scores)

    def combine_backward(self, scores: np.ndarray, d: np.ndarray) -> np.ndarray:
        return combine_logs_backward(scores, d)

    def constant(self, target: np.ndarray, weight: Any) -> np.ndarray:
        return log_mean(target, weight)


def exp_or_tangent(x: np.ndarray, slope: np.ndarray) -> np.ndarray:
    """``exp(x)``, above the cap its tangent there; the derivative is written to `slope`.

    Finite for any score, and still a convex function with exactly this derivative:
    if only the score were clipped, the value would be constant above the cap.
    """
    np.minimum(x, SCORE_CAP[slope.dtype], out=slope)
    value: np.ndarray = x - slope  # by how much x is above the cap
    np.exp(slope, out=slope)
    value += 1
    value *= slope
    return value


def exp_capped(scores: np.ndarray) -> np.ndarray:
    """``exp(scores)``, never infinite."""
    mean: np.ndarray = np.minimum(scores, SCORE_CAP[scores.dtype])
    np.exp(mean, out=mean)
    return mean


def combine_logs(scores: np.ndarray) -> np.ndarray:
    """`Loss.combine` for scores that are logarithms: that of the mean of `exp_capped`."""
    return log_mean_exp(np.minimum(scores, SCORE_CAP[scores.dtype]))


def combine_logs_backward(scores: np.ndarray, d: np.ndarray) -> np.ndarray:
    """`Loss.combine_backward` of `combine_logs`; the slope above the cap is 0."""
    cap = SCORE_CAP[scores.dtype]
    share = shares(np.minimum(scores, cap))
    share *= scores <= cap
    return np.multiply(share, d, out=share)


def log_mean(target: np.ndarray, weight: Any) -> np.ndarray:
    """Logarithm of the mean of every column, finite if all are zero."""
    mean = weighted_mean(target, weight)
    mean[mean == 0] = SMALL_MEAN
    np.log(mean, out=mean)
    return mean


def weighted_quantiles(target: np.ndarray, weight: Any, q: Sequence[float]) -> np.ndarray:
    """Quantiles of every column, as one vector: those of the first column first."""
    weights = weight if isinstance(weight, np.ndarray) else None
    # The only method of np.quantile that takes weights; its result is a row of the data.
    quantiles = np.quantile(target, q, axis=0, weights=weights, method="inverted_cdf")
    return np.ravel(quantiles.T)
