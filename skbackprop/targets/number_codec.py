"""From numbers to the target of a network, and from its predictions to numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from sklearn.metrics import r2_score

from ..tables.scaling import direction


@dataclass(frozen=True)
class TargetCodec:
    """Numbers; ``y = center + scale · target``, column by column.

    ``center`` and ``scale`` are 0 and 1 unless the target is standardized
    (`TargetCodec.fitted`), which the preset ``"plain"`` never does.
    """

    n_targets: int
    one_dimensional: bool = True
    center: np.ndarray = field(default_factory=lambda: np.zeros(1))
    scale: np.ndarray = field(default_factory=lambda: np.ones(1))
    low: np.ndarray | None = None
    high: np.ndarray | None = None
    n_classes: ClassVar[int] = 0

    @classmethod
    def fitted(
        cls,
        y: np.ndarray,
        weight: np.ndarray | None = None,
        *,
        standardize: bool = False,
        turn: bool = False,
        clip: bool = False,
    ) -> TargetCodec:
        """The codec for a target of this shape and, if asked, of this mean, spread and range.

        With `turn`, a column of negative skewness gets a negative scale: what is learned of
        ``-y`` is what is learned of ``y``.
        """
        columns = y[:, None] if y.ndim == 1 else y
        n, single = columns.shape[1], y.ndim == 1
        limits = (columns.min(axis=0), columns.max(axis=0)) if clip else (None, None)
        if not standardize:
            return cls(n, single, np.zeros(1), np.ones(1), *limits)
        center = np.average(columns.astype(float), axis=0, weights=weight)
        spread = np.sqrt(np.average((columns - center) ** 2, axis=0, weights=weight))
        scale = np.where(spread > 0, spread, 1.0)  # a constant target needs no scale
        if turn:
            z = (columns - center) / scale
            scale *= [direction(column, weight) for column in z.T]
        return cls(n, single, center, scale, *limits)

    def encode(self, y: np.ndarray, dtype: np.dtype) -> np.ndarray:
        columns = y[:, None] if y.ndim == 1 else y
        return ((columns - self.center) / self.scale).astype(dtype, order="C")

    def stratify(self, target: np.ndarray) -> None:
        return None

    def decode(self, predictions: np.ndarray) -> np.ndarray:
        """Predictions in the units of y, of the shape of y where that is possible."""
        per_target = predictions.shape[1] // self.n_targets  # several quantiles: q columns each
        center = np.repeat(np.broadcast_to(self.center, self.n_targets), per_target)
        scale = np.repeat(np.broadcast_to(self.scale, self.n_targets), per_target)
        if (center != 0).any() or (scale != 1).any():  # y may need more digits than the network
            predictions = predictions.astype(np.float64)
        y = predictions * scale.astype(predictions.dtype) + center.astype(predictions.dtype)
        if self.low is not None:
            y = np.clip(y, np.repeat(self.low, per_target), np.repeat(self.high, per_target))
        return y[:, 0] if self.one_dimensional and y.shape[1] == 1 else y

    def score(self, target: np.ndarray, scores: np.ndarray, weight: np.ndarray | None) -> float:
        """R² of scores that are predictions (squared error), the mean over the columns."""
        return float(r2_score(target, scores, sample_weight=weight))
