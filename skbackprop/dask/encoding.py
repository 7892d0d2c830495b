"""Encoded partitions, on the workers that hold them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..estimators.fitted import Fitted
from ..estimators.inputs import FitInputs
from ..estimators.source import encode_batch, fold_of
from ..sources import Batch
from ..sources.survey import rows_of_batch
from ..training.shards import Shards


class EncodePartitions:
    """Makes the `Shards` of a worker, from its partitions.

    Parameters
    ----------
    estimator : BackpropClassifier or BackpropRegressor
    fitted : Fitted
        With the encoder, and the codec of the target.
    inputs : FitInputs
        Of `fit`.
    n_folds : int
    spans : mapping of int to (int, int)
        Of each partition the number of its first row, and how many rows it has.
    kind : type of Shards
    """

    def __init__(
        self,
        estimator: Any,
        fitted: Fitted,
        inputs: FitInputs,
        n_folds: int,
        spans: Mapping[int, tuple[int, int]],
        kind: type[Shards] = Shards,
    ) -> None:
        self.estimator, self.fitted, self.n_folds = estimator, fitted, n_folds
        self.spans, self.kind = spans, kind
        self.inputs = FitInputs(None, None)  # without the sample
        self.inputs.weight_scale = inputs.weight_scale
        self.inputs.class_counts = inputs.class_counts

    def __call__(self, numbers: list[int], *batches: Batch) -> Shards:
        shards = {}
        for i, batch in zip(numbers, batches, strict=True):
            name = f"Partition {i}"
            (first, before), n = self.spans[i], rows_of_batch(batch, name)
            if n != before:
                raise ValueError(
                    f"{name} had {before} rows when it was read first, and {n} "
                    "when it was read again. Pass a collection that gives the same rows each time."
                )
            rows, kept = encode_batch(self.estimator, self.fitted, batch, self.inputs, name)
            if rows is not None:  # some have a weight
                shards[i] = rows, fold_of(first + np.arange(n)[kept], self.n_folds)
        return self.kind(shards)
