r"""From numbers to the target of a network, and from its predictions to numbers.

Losses of any number are learned from the standardized target :math:`(y - c) / s`.  The deviances
of counts and amounts are homogeneous,

.. math:: d(a y, a \mu) = a^{2 - p} \, d(y, \mu),

with :math:`p = 1` for Poisson, 2 for gamma, and between them for Tweedie, so that they are learned
from :math:`y / m` with the weighted mean :math:`m`: the score 0 of a new network is then the best
constant, in any unit of y.

Before moments are computed, very large and very small numbers are divided by a power of two,
which is exact, so that no square over- or underflows:

>>> y = np.array([1e300, 2e300, 4e300])
>>> codec = TargetCodec.fitted(y, scaling="standardize")
>>> codec.encode(y, np.dtype("float32"))[:, 0].round(3)
array([-1.069, -0.267,  1.336], dtype=float32)
>>> codec.decode(codec.encode(y, np.dtype("float64"))).tolist()
[1e+300, 2e+300, 4e+300]
"""

from __future__ import annotations

from dataclasses import field
from typing import Any, ClassVar, Literal, TypeAlias

import numpy as np
from sklearn.metrics import r2_score

from ..nn.losses import (
    LOSSES,
    HalfGammaDeviance,
    HalfPoissonDeviance,
    HalfTweedieDeviance,
)
from ..params import Frozen, frozen
from ..tables.scaling import quantiles, skew_sign
from .reading import as_columns

Scaling: TypeAlias = Literal["standardize", "mean"] | None

ANY_UNIT = {type(loss) for loss in LOSSES.values() if loss.link == "identity"}
HOMOGENEOUS = {HalfPoissonDeviance, HalfGammaDeviance, HalfTweedieDeviance}
ORDINARY = 250  # binary exponents up to here have squares, and sums of squares
LARGEST = np.finfo(np.float64).max
NARROW = 0.02  # standard deviations between quartiles, or between most of the values


@frozen
class TargetCodec(Frozen):
    """Numbers; ``y = 2**exponent · (center + scale · target)``, column by column.

    `center`, `scale` and `exponent` are 0, 1 and 0 unless the target is scaled, see
    `TargetCodec.fitted`.  `low` and `high` limit the predictions.
    """

    n_targets: int
    one_dimensional: bool = True
    center: np.ndarray = field(default_factory=lambda: np.zeros(1))
    scale: np.ndarray = field(default_factory=lambda: np.ones(1))
    low: np.ndarray | None = None
    high: np.ndarray | None = None
    exponent: np.ndarray = field(default_factory=lambda: np.zeros(1, np.int64))
    moments: Any = None  # of the encoded target, see `running`
    n_classes: ClassVar[int] = 0

    @classmethod
    def fitted(
        cls,
        y: np.ndarray,
        weight: np.ndarray | None = None,
        *,
        scaling: Scaling = None,
        flip_sign: bool = False,
        clip: bool = False,
        robust: bool = False,
    ) -> TargetCodec:
        """The codec for a target of this shape, scaled and with limits if asked.

        If `robust`, a column whose variance comes from a few values is scaled by its quartiles.

        Rows of weight 0 have no influence.  With `flip_sign`, a column of negative skewness gets a
        negative scale: what is learned of ``-y`` is what is learned of ``y``.
        """
        columns = as_columns(y)
        n, single = columns.shape[1], y.ndim == 1
        if weight is not None and not weight.all():
            columns, weight = columns[weight > 0], weight[weight > 0]
        low, high = (columns.min(axis=0), columns.max(axis=0)) if clip else (None, None)
        if scaling is None:
            return cls(n, single, low=low, high=high)
        exponent = np.frexp(np.abs(columns).max(axis=0))[1].astype(np.int64)
        exponent[np.abs(exponent) <= ORDINARY] = 0
        u = np.ldexp(columns, -exponent)
        center, scale = np.zeros(n), np.average(u, axis=0, weights=weight)
        if scaling == "standardize":
            center = scale
            scale = np.sqrt(np.average((u - center) ** 2, axis=0, weights=weight))
            for j in range(n if robust else 0):
                low_quarter, median, high_quarter = quantiles(u[:, j], (0.25, 0.5, 0.75), weight)
                if 0 < high_quarter - low_quarter < NARROW * scale[j]:
                    center[j], scale[j] = median, high_quarter - low_quarter
        scale = np.where(scale > 0, scale, 1.0)  # a constant target needs no scale
        if flip_sign:
            scale *= [skew_sign(column, weight) for column in ((u - center) / scale).T]
        return cls(n, single, center, scale, low, high, exponent)

    def check_columns(self, y: np.ndarray, name: str = "y") -> None:
        """Refuse a target with more or fewer columns."""
        n = as_columns(y).shape[1]
        if n != self.n_targets:
            raise ValueError(
                f"`{name}` needs {self.n_targets} columns, as in the first call, got {n}. Pass "
                "these columns, or fit anew with warm_start=False."
            )

    def encode(self, y: np.ndarray, dtype: np.dtype) -> np.ndarray:
        columns = as_columns(y)
        with np.errstate(over="ignore", under="ignore"):  # `check_encoded` refuses infinity
            u = np.ldexp(columns, -self.exponent) if self.exponent.any() else columns
            return ((u - self.center) / self.scale).astype(dtype, order="C")

    def stratify(self, target: np.ndarray) -> None:
        return None

    def decode(self, predictions: np.ndarray) -> np.ndarray:
        """Predictions in the units of y, of the shape of y where that is possible."""
        center, scale = (self._each(a, predictions) for a in (self.center, self.scale))
        if (center != 0).any() or (scale != 1).any():  # y may need more digits than the network
            predictions = predictions.astype(np.float64)
        y = predictions * scale.astype(predictions.dtype) + center.astype(predictions.dtype)
        y = self._unscaled(y)
        if self.low is not None:
            y = np.clip(y, self._each(self.low, y), self._each(self.high, y))
        return y[:, 0] if self.one_dimensional and y.shape[1] == 1 else y

    def decode_deviations(self, deviations: np.ndarray) -> np.ndarray:
        """Deviations of predictions in the units of y."""
        return self._unscaled(deviations * np.abs(self._each(self.scale, deviations)))

    def units(self, n_scores: int) -> tuple[np.ndarray, np.ndarray]:
        """What each of so many predictions is multiplied by, and what is added, for those of y.

        Limits of the predictions are left out.
        """
        like = np.empty((0, n_scores))
        scale, center = (self._each(values, like) for values in (self.scale, self.center))
        exponent = self._each(self.exponent, like)
        return np.ldexp(scale, exponent), np.ldexp(center, exponent)

    def _each(self, values: Any, predictions: np.ndarray) -> np.ndarray:
        """A value for each column of predictions: of several quantiles all have that of y."""
        per_target = predictions.shape[1] // self.n_targets
        return np.repeat(np.broadcast_to(values, self.n_targets), per_target)

    def _unscaled(self, u: np.ndarray) -> np.ndarray:
        if not self.exponent.any():
            return u
        with np.errstate(over="ignore", under="ignore"):
            return np.clip(np.ldexp(u, self._each(self.exponent, u)), -LARGEST, LARGEST)

    def score(self, target: np.ndarray, scores: np.ndarray, weight: np.ndarray | None) -> float:
        """R² of scores that are predictions (squared error), the mean over the columns."""
        return float(r2_score(target, scores, sample_weight=weight))


def scaling_of(loss: Any, *, asked: bool, automatic: bool) -> Scaling:
    """How a target is scaled for a loss.

    Parameters
    ----------
    loss : Loss
        The loss; one that the user has written is given y as it is.
    asked : bool
        The resolved ``standardize_target``.
    automatic : bool
        Did the user leave it at "auto"?
    """
    if type(loss) in ANY_UNIT:
        return "standardize" if asked else None
    # Differs for poisson without a preset for tables: scikit-learn's MLP leaves y as it is.
    own = automatic and type(loss) in HOMOGENEOUS - {HalfPoissonDeviance}
    return "mean" if type(loss) in HOMOGENEOUS and (asked or own) else None


def check_encoded(y: np.ndarray, target: np.ndarray, loss: Any) -> None:
    """Refuse a target that is too large for the dtype of the network.

    Parameters
    ----------
    y : ndarray of shape (n,) or (n, m)
        The target in the unit of the user.
    target : ndarray of shape (n, m)
        The target of the network.
    loss : Loss
        Squares of the target have to be finite, too, if the loss is one of `ANY_UNIT`.
    """
    limit = float(np.finfo(target.dtype).max)
    if type(loss) in ANY_UNIT:
        limit = float(np.sqrt(limit / target.size))
    if np.abs(target).max() > limit:
        raise ValueError(_out_of_range(y, target, f"at most {limit:.1g}"))
    if isinstance(loss, HalfGammaDeviance) and not (target > 0).all():
        raise ValueError(
            f"loss='gamma' needs y > 0 also as {target.dtype.name}, got values from "
            f"{y.min():.3g} to {y.max():.3g}, of which the smallest become 0. Remove the "
            "extreme rows, or set dtype='float64'."
        )


def check_size(y: np.ndarray, target: np.ndarray, loss: Any) -> None:
    """Refuse a target that is not scaled, and whose squares are 0 in the dtype of the network."""
    limit = float(np.finfo(target.dtype).tiny)
    if type(loss) in ANY_UNIT:
        limit = float(np.sqrt(limit))
    if np.abs(target).max() < limit and y.any():
        raise ValueError(_out_of_range(y, target, f"at least {limit:.1g}"))


def _out_of_range(y: np.ndarray, target: np.ndarray, needed: str) -> str:
    return (
        f"y has values up to {np.abs(y).max():.3g} in size, which a network of dtype "
        f"{target.dtype.name} cannot learn: the largest has to be {needed}. Scale y, for example "
        "with TransformedTargetRegressor, or leave preset and standardize_target at 'auto'."
    )


def check_distinct(y: np.ndarray, target: np.ndarray) -> None:
    """Refuse a column most of whose values become equal, because a few are so far away."""
    for column, encoded in zip(as_columns(y).T, target.T, strict=True):
        middle = np.median(encoded)
        if np.median(np.abs(encoded - middle)) > 1e-5:
            continue
        before, after = len(np.unique(column)), len(np.unique(encoded))
        if after < 0.5 * before:
            raise ValueError(
                f"y has values so far apart, from {column.min():.3g} to {column.max():.3g} with a "
                f"median of {np.median(column):.3g}, that only {after} of {before} different "
                f"values are different as {target.dtype.name}. Remove wrong values, transform y "
                "(TransformedTargetRegressor with QuantileTransformer or a logarithm), or set "
                "dtype='float64'."
            )


def words_on_far_values(y: np.ndarray, target: np.ndarray) -> str:
    """A warning, if a few values of a standardized column make up nearly all of its variance."""
    for column, encoded in zip(as_columns(y).T, target.T, strict=True):
        low, high = np.quantile(encoded, (0.05, 0.95))
        if 0 < high - low < NARROW:
            return (
                f"y has values so far apart, from {column.min():.3g} to {column.max():.3g} with a "
                f"median of {np.median(column):.3g}, that nearly all of the squared error comes "
                "from the farthest ones. Remove wrong values, use loss='absolute_error' or "
                "'huber', or learn the logarithm with TransformedTargetRegressor."
            )
    return ""


def check_one_each(y: np.ndarray, predicted: np.ndarray) -> None:
    """Refuse to score predictions that are not one for each column of y."""
    if predicted.shape[1:] != y.shape[1:]:
        got, columns = (a.shape[1] if a.ndim == 2 else 1 for a in (predicted, y))
        raise ValueError(
            f"R² needs one prediction for each column of y, got {got} predictions for {columns} "
            "column(s). Pass y as in fit; several quantiles are scored one by one, for example by "
            "d2_pinball_score of sklearn.metrics, with columns of predict(X)."
        )


def r2_in_any_unit(y: np.ndarray, predicted: np.ndarray, weight: Any = None) -> float:
    """R², also where the squares of y are too large or too small for float64."""
    check_one_each(y, predicted)
    exponent = exponents(y, predicted)
    if exponent.any():
        y, predicted = np.ldexp(y, -exponent), np.ldexp(predicted, -exponent)
    return float(r2_score(y, predicted, sample_weight=weight))


def exponents(*values: np.ndarray) -> np.ndarray:
    """For each column the binary exponent of its largest number; 0 if its squares are ordinary.

    That of zeros is the smallest one.
    """
    largest = np.max([np.abs(each).max(axis=0) for each in values], axis=0)
    exponent = np.frexp(np.maximum(largest, np.finfo(np.float64).tiny))[1]
    return np.where(np.abs(exponent) > ORDINARY, exponent, 0)
