"""A target codec that goes on: mean, spread and range of y follow the rows of more calls.

The running mean and variance are kept in the units of the encoded target, where those in use are
0 and 1.  They replace those in use when the mean is off by more than a spread, or the spread by
more than a factor of 2.

>>> from .number_codec import TargetCodec
>>> y = np.array([-1.0, 1.0])
>>> codec = TargetCodec.fitted(y, standardize=True, clip=True)
>>> codec = replace(codec, moments=start_moments(codec, y))
>>> new = follow_target(codec, 100 * y, scaling="standardize")
>>> new.scale.round(1), new.high
(array([70.7]), array([100.]))
>>> a, b = score_change(codec, new)
>>> new.scale * (a * 2.0 + b)              # a score of 2 means the same number
array([2.])
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

LARGEST = 4.0  # factor of a score
MEMORY = 1000.0  # rows that all earlier rows count as, at most


@dataclass(frozen=True)
class RunningMoments:
    """The mean and the variance of each column of the encoded target, and the rows so far."""

    mean: np.ndarray
    variance: np.ndarray
    n: float

    def updated(self, target: np.ndarray, weight: np.ndarray | None) -> RunningMoments:
        """Those of the rows so far, of `MEMORY` rows at most, and of more rows."""
        mean = np.average(target, axis=0, weights=weight)
        variance = np.average((target - mean) ** 2, axis=0, weights=weight)
        n = float(len(target))
        before = min(self.n, max(MEMORY, n))
        share = n / (before + n)
        gap = mean - self.mean
        return RunningMoments(
            self.mean + share * gap,
            (1 - share) * self.variance + share * variance + share * (1 - share) * gap**2,
            self.n + n,
        )


def start_moments(codec: Any, y: np.ndarray, weight: np.ndarray | None = None) -> RunningMoments:
    """The moments of the rows that the codec was fitted to."""
    n = codec.n_targets
    start = RunningMoments(np.zeros(n), np.zeros(n), 0.0)
    return start.updated(codec.encode(y, np.dtype(np.float64)), weight)


def follow_target(
    codec: Any,
    y: np.ndarray,
    weight: np.ndarray | None = None,
    *,
    scaling: str | None = None,
    has_bias: bool = True,
) -> Any:
    """The codec for the rows so far and more rows.

    Parameters
    ----------
    codec : TargetCodec
    y : ndarray of shape (n,) or (n, n_targets)
        The rows of one more call.
    weight : ndarray of shape (n,), optional
        Their weights.
    scaling : {"standardize", "mean", None}
        What is scaled: mean and spread; the mean, for scores that are logarithms; or nothing.
    has_bias : bool
        False if the network has no bias that can take up a shift.

    Returns
    -------
    codec : TargetCodec
    """
    columns = y[:, None] if y.ndim == 1 else y
    if codec.low is not None:
        low, high = columns.min(axis=0), columns.max(axis=0)
        codec = replace(codec, low=np.minimum(codec.low, low), high=np.maximum(codec.high, high))
    if scaling is None or codec.moments is None:
        return codec
    moments = codec.moments.updated(codec.encode(y, np.dtype(np.float64)), weight)
    if scaling == "mean":
        shift, scale = np.zeros(codec.n_targets), np.where(moments.mean > 0, moments.mean, 1.0)
        off = (scale < 0.5) | (scale > 2)
    else:
        shift = moments.mean if has_bias else np.zeros(codec.n_targets)
        scale = np.sqrt(moments.variance + (0 if has_bias else moments.mean**2))
        scale = np.where(scale > 0, scale, 1.0)
        off = (np.abs(shift) > 1) | (scale < 0.5) | (scale > 2)
    off &= np.isfinite(shift) & np.isfinite(scale)
    shift, scale = np.where(off, shift, 0.0), np.where(off, scale, 1.0)
    moments = replace(
        moments, mean=(moments.mean - shift) / scale, variance=moments.variance / scale**2
    )
    codec = replace(codec, moments=moments)
    if not off.any():
        return codec
    return replace(codec, center=codec.center + codec.scale * shift, scale=codec.scale * scale)


def score_change(old: Any, new: Any, logarithm: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Factors `a` and shifts `b`: scores ``a s + b`` mean for `new` what ``s`` means for `old`.

    A factor is at most `LARGEST`: what was learned of a target with hardly any spread would
    otherwise be noise of a large amplitude.

    Parameters
    ----------
    old, new : TargetCodec
    logarithm : bool, default=False
        True if the scores are logarithms of predictions.
    """
    ratio = old.scale / new.scale
    if logarithm:
        return np.ones(len(ratio)), np.log(ratio)
    return np.minimum(ratio, LARGEST), (old.center - new.center) / new.scale
