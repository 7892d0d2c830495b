"""Partitions as encoded rows, on the workers that hold them."""

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
    n_rows_of, first_row : mapping of int to int
        The number of rows of each partition, and the number of its first row.
    """

    def __init__(
        self,
        estimator: Any,
        fitted: Fitted,
        inputs: FitInputs,
        n_folds: int,
        n_rows_of: Mapping[int, int],
        first_row: Mapping[int, int],
    ) -> None:
        self.estimator, self.fitted, self.n_folds = estimator, fitted, n_folds
        self.n_rows_of, self.first_row = n_rows_of, first_row
        self.inputs = FitInputs(None, None)  # without the sample
        self.inputs.weight_scale = inputs.weight_scale
        self.inputs.class_counts = inputs.class_counts

    def __call__(self, numbers: list[int], *batches: Batch) -> Shards:
        shards = {}
        for i, batch in zip(numbers, batches, strict=True):
            name = f"Partition {i}"
            n = rows_of_batch(batch, name)
            if n != self.n_rows_of[i]:
                raise ValueError(
                    f"{name} had {self.n_rows_of[i]} rows when it was read first, and {n} "
                    "when it was read again. Pass a collection that gives the same rows each time."
                )
            rows, kept = encode_batch(self.estimator, self.fitted, batch, self.inputs, name)
            shards[i] = rows, fold_of(self.first_row[i] + np.arange(n)[kept], self.n_folds)
        return Shards(shards)
