r"""Robust scaling and smooth clipping of columns of numbers.

With the quartiles of the training rows,

.. math:: x' = \frac{x - q_{50}}{q_{75} - q_{25}}, \qquad x'' = \frac{x'}{\sqrt{1 + (x'/3)^2}},

Half of the scaled numbers are within about 1/2 of 0, and none exceeds 3.  Where the quartiles
are equal, as in counts that are mostly zero, the median of :math:`|x - q_{50}|` over the values
that differ from :math:`q_{50}` replaces their distance.  The sign of a column is chosen so that
its third moment is positive: a column :math:`a x + b` is encoded as :math:`x` is, also for
negative :math:`a`.

Holzmüller, Grinsztajn and Steinwart, "Better by default: strong pre-tuned MLPs and boosted trees
on tabular data" (2024).

>>> counts = np.array([0.0] * 12 + [2.0, 4.0, 1e300])
>>> robust_scale(counts[11:], *center_and_scale(counts)).round(2)
array([0.  , 0.49, 0.95, 3.  ])
"""

from __future__ import annotations

from math import ceil, floor
from typing import Any

import numpy as np

CLIP = 3.0  # the largest absolute value after clipping
FAR = 1e9  # numbers beyond are clipped to CLIP, up to rounding; the square is still finite
ROUNDING = 8 * np.finfo(np.float64).eps  # relative differences up to here are rounding errors
LARGEST = np.finfo(np.float64).max
DIGITS = 7  # decimals of a sort key: rounding errors must not decide the order of columns
SOME = 1000  # rows that are compared where moments are equal


def robust_scale(x: np.ndarray, center: Any, scale: Any) -> np.ndarray:
    """Center, scale and clip, in float64; NaN stays NaN."""
    with np.errstate(over="ignore"):
        z = np.multiply(x, 0.5, dtype=np.float64)  # a difference of halves does not overflow
        z -= center
        z *= scale
    return smooth_clip(z)


def smooth_clip(z: np.ndarray) -> np.ndarray:
    """``z / sqrt(1 + (z/3)²)`` in place."""
    np.minimum(z, FAR, out=z)
    np.maximum(z, -FAR, out=z)
    root = z / CLIP
    root *= root
    root += 1
    np.sqrt(root, out=root)
    z /= root
    return z


def center_and_scale(x: np.ndarray, weight: np.ndarray | None = None) -> tuple[float, float]:
    """Half the median, and one over half the spread; a scale of 0 if there is no spread."""
    if not x.size:
        return 0.0, 0.0
    q25, q50, q75 = 0.5 * quantiles(x, (0.25, 0.5, 0.75), weight)
    rounding = ROUNDING * max(abs(q25), abs(q50), abs(q75))
    spread = q75 - q25
    if spread <= rounding:
        away = np.abs(0.5 * x - q50)
        differs = away > rounding
        if not differs.any():
            return q50, 0.0
        spread = quantiles(away[differs], (0.5,), weight_of(weight, differs))[0]
    with np.errstate(over="ignore"):
        return q50, float(min(1 / spread, LARGEST))


def moments(z: np.ndarray, weight: np.ndarray | None = None) -> list[float]:
    """The first three moments of `z`, and a sum over its first rows with factors that differ.

    The sum distinguishes columns whose moments are equal.
    """
    square, first = z * z, z[:SOME]
    means = [float(np.average(power, weights=weight)) for power in (z, square, square * z)]
    return np.round([*means, np.dot(np.cos(np.arange(len(first))), first)], DIGITS).tolist()


def skew_sign(z: np.ndarray, weight: np.ndarray | None = None) -> float:
    """1, or -1 if the third moment of `z` is negative.

    If it is zero, the first rows decide.

    >>> skew_sign(np.array([-9.0, 1.0, 1.0])), skew_sign(np.array([0.0, 0.0]))
    (-1.0, 1.0)
    """
    *_, third, first = moments(z, weight) if len(z) else (0.0, 0.0)
    return -1.0 if (third or first) < 0 else 1.0


def quantiles(x: np.ndarray, p: tuple[float, ...], weight: np.ndarray | None) -> np.ndarray:
    """The values below which a share p of the weight lies; the mean of two, if two are.

    The second definition of Hyndman and Fan, "Sample quantiles in statistical packages"
    (1996): the median is the usual one, a weight of 2 counts as two equal values, and the
    unit of the weights cancels.  Interpolated quantiles do not have these properties.
    """
    if weight is None:
        low = [ceil(len(x) * share) - 1 for share in p]
        high = [min(floor(len(x) * share), len(x) - 1) for share in p]
        x = np.partition(x, sorted({*low, *high}))
    else:
        order = np.argsort(x, kind="stable")
        x, upto = x[order], np.cumsum(weight[order])
        low, high = _low_and_high(upto, upto[-1] * np.array(p), len(x))
    return 0.5 * x[low] + 0.5 * x[high]


def _low_and_high(upto: np.ndarray, target: np.ndarray, n: int) -> tuple[Any, Any]:
    """The first entries of a cumulative sum to reach the targets, and to exceed them."""
    rounding = 1e-12 * upto[-1] if len(upto) else 0.0
    low = np.searchsorted(upto, target - rounding, side="left")
    high = np.searchsorted(upto, target + rounding, side="right")
    return low, np.minimum(high, n - 1)


def sparse_medians(X: Any, weight: np.ndarray | None) -> np.ndarray:
    """For each column the median of the absolute values that are not zero; 0 if all are."""
    n = X.shape[1]
    stored = X.data != 0
    w = np.ones(X.shape[0]) if weight is None else weight
    w = np.repeat(w, np.diff(X.indptr))[stored]
    column, size = X.indices[stored], np.abs(X.data[stored], dtype=np.float64)
    order = np.lexsort((size, column))  # all columns in a row, each one sorted
    size, upto = size[order], np.cumsum(w[order])
    end = np.cumsum(np.bincount(column, minlength=n))
    start = np.concatenate([[0], end[:-1]])
    used = end > start
    mass = np.bincount(column, weights=w, minlength=n)
    bounds = _low_and_high(upto, (np.cumsum(mass) - mass / 2)[used], len(size))
    low, high = (np.clip(bound, start[used], end[used] - 1) for bound in bounds)
    median = np.zeros(n)
    median[used] = 0.5 * size[low] + 0.5 * size[high]
    return median


def weight_of(weight: np.ndarray | None, rows: Any) -> np.ndarray | None:
    """The weights of some rows, if there are weights."""
    return None if weight is None else weight[rows]
