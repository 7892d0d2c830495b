"""A target codec for the rows of later calls: mean, spread and range of y are updated.

The running mean and variance are kept in the units of the encoded target, where those in use are
0 and 1.  They replace those in use when the mean is off by more than 1.5 spreads, or the spread is
more than twice or less than a quarter.

>>> from .number_codec import TargetCodec
>>> y = np.array([-1.0, 1.0])
>>> codec = TargetCodec.fitted(y, scaling="standardize", clip=True)
>>> new = follow_target(start_moments(codec, y), 100 * y)
>>> new.scale.round(1), new.high
(array([70.7]), array([100.]))
>>> a, b = score_change(codec, new)
>>> new.scale * (a * 2.0 + b)              # a score of 2 means the same number
array([2.])
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ..params import Frozen, frozen
from .number_codec import words_on_far_values
from .reading import as_columns

LARGEST = 4.0  # factor of a score
FARTHEST = 3.0  # shift of a score: to what is farther away nothing is carried over
MEMORY = 300.0  # rows that all earlier rows count as, at most
LEAST, MOST = 32, 64  # rows of a block
OFF, JUMP = 3.0, 5.0  # standard deviations
MUCH = 100.0  # times the spread


@frozen
class RunningMoments(Frozen):
    """The mean and the variance of each column of the encoded target, and the rows so far.

    Attributes
    ----------
    mean, variance : ndarray of shape (n_targets,)
    n : float
        The number of rows.
    scaling : {"standardize", "mean"}
        What follows them: mean and spread; or the mean, for scores that are logarithms.
    block : RunningMoments or None
        Those of the latest rows, which are not yet part of these.
    """

    mean: np.ndarray
    variance: np.ndarray
    n: float
    scaling: str = "standardize"
    block: RunningMoments | None = None

    def updated(self, target: np.ndarray, weight: np.ndarray | None) -> RunningMoments:
        """Those of the rows so far, of `MEMORY` rows at most, and of more rows.

        If a block of new rows is far from the rows before, these are forgotten: the mean and the
        spread of two groups that are far apart are those of neither.
        """
        mean = np.average(target, axis=0, weights=weight)
        variance = np.average((target - mean) ** 2, axis=0, weights=weight)
        before = replace(self, block=None)
        call = replace(before, mean=mean, variance=variance, n=float(len(target)))
        block = self.block
        if block is None:
            block = call
        elif call.n >= LEAST or (_is_off(before, call) & ~_is_off(before, block)).any():
            before, block = before.joined(block), call  # a block has rows of one side only
        else:
            block = block.joined(call)
        if block.n >= LEAST and _has_jumped(before, block).all():
            return block
        return before.joined(block) if block.n >= MOST else replace(before, block=block)

    def joined(self, other: RunningMoments) -> RunningMoments:
        """Those of both, of which these count as at most `MEMORY` rows."""
        before = min(self.n, MEMORY)
        share = other.n / (before + other.n)
        gap = other.mean - self.mean
        return replace(
            self,
            mean=self.mean + share * gap,
            variance=(1 - share) * (self.variance + share * gap**2) + share * other.variance,
            n=self.n + other.n,
            block=None,
        )

    def total(self) -> RunningMoments:
        """Those of all rows."""
        return self if self.block is None else self.joined(self.block)

    def rescaled(self, shift: np.ndarray, scale: np.ndarray) -> RunningMoments:
        """Those of ``(target - shift) / scale``."""
        return replace(
            self,
            mean=(self.mean - shift) / scale,
            variance=self.variance / scale**2,
            block=None if self.block is None else self.block.rescaled(shift, scale),
        )

    def change(self, has_bias: bool) -> tuple[np.ndarray, np.ndarray]:
        """The center and the scale that replace 0 and 1, which are returned if they are near."""
        zero = np.zeros_like(self.mean)
        if self.scaling == "mean":
            shift, scale = zero, self.mean
        elif has_bias:
            shift, scale = self.mean, np.sqrt(self.variance)
        else:
            shift, scale = zero, np.sqrt(self.variance + self.mean**2)
        scale = np.where(scale > 0, scale, 1.0)
        off = (np.abs(shift) > 1.5) | (scale < 0.25) | (scale > 2)
        off &= np.isfinite(shift) & np.isfinite(scale)
        return np.where(off, shift, 0.0), np.where(off, scale, 1.0)


def _is_off(before: RunningMoments, rows: RunningMoments) -> np.ndarray:
    """Whether rows are so far from those before that they may be the first of others."""
    return (rows.mean - before.mean) ** 2 > OFF**2 * before.variance


def _has_jumped(before: RunningMoments, block: RunningMoments) -> np.ndarray:
    """Whether the rows of a block and those before are far apart, by the spreads of both."""
    spread = np.maximum(before.variance, block.variance)
    return (block.variance > 0) & ((block.mean - before.mean) ** 2 > JUMP**2 * spread)


def start_moments(
    codec: Any,
    y: np.ndarray,
    weight: np.ndarray | None = None,
    *,
    scaling: str = "standardize",
) -> Any:
    """A codec that was fitted to these rows, with their moments: it can follow more rows."""
    n = codec.n_targets
    start = RunningMoments(np.zeros(n), np.zeros(n), 0.0, scaling)
    moments = start.updated(codec.encode(y, np.dtype(np.float64)), weight)
    return replace(codec, moments=moments.total())


def follow_target(
    codec: Any,
    y: np.ndarray,
    weight: np.ndarray | None = None,
    *,
    alone: bool = False,
    has_bias: bool = True,
    is_fixed: bool = False,
) -> Any:
    """The codec for the rows so far and more rows.

    Parameters
    ----------
    codec : TargetCodec
        Center and scale follow if it has moments, and limits if it has limits.
    y : ndarray of shape (n,) or (n, n_targets)
        The rows of one more call.
    weight : ndarray of shape (n,), optional
        Their weights.
    alone : bool, default=False
        True if the mean and the spread of these rows alone count, and not those before.
    has_bias : bool, default=True
        False if the network has no bias that can take up a shift.
    is_fixed : bool, default=False
        True if center and scale must stay.

    Returns
    -------
    codec : TargetCodec
    """
    columns = as_columns(y)
    if codec.low is not None:
        low, high = columns.min(axis=0), columns.max(axis=0)
        codec = replace(codec, low=np.minimum(codec.low, low), high=np.maximum(codec.high, high))
    if is_fixed or codec.moments is None:
        return codec
    before = replace(codec.moments, n=0.0, block=None) if alone else codec.moments
    moments = before.updated(codec.encode(y, np.dtype(np.float64)), weight)
    shift, scale = moments.total().change(has_bias)
    return replace(
        codec,
        center=codec.center + codec.scale * shift,
        scale=codec.scale * scale,
        moments=moments.rescaled(shift, scale),
    )


def words_on_spread(old: Any, new: Any, y: np.ndarray) -> str:
    """A warning, if a few rows have made the spread of y in use many times as large."""
    if old.moments is None:
        return ""
    before = old.moments.total()
    ratio = np.where(before.variance > 0, np.abs(new.scale / old.scale), 1.0).max()
    of_many = len(y) >= LEAST and not words_on_far_values(y, new.encode(y, np.dtype(np.float64)))
    if before.n < LEAST or ratio < MUCH or of_many:
        return ""
    return (
        f"With the rows of this call, whose y goes from {y.min():.3g} to {y.max():.3g}, the spread "
        f"of y is {ratio:.3g} times what it was, so the earlier rows have little influence now. If "
        "values are wrong, continue from a copy of the model that was made before the call."
    )


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
    shift = (old.center - new.center) / new.scale
    return np.minimum(ratio, LARGEST), np.clip(shift, -FARTHEST, FARTHEST)
