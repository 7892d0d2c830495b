"""Predictions and scores of Dask collections, partition by partition."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from ..sources import Batch
from ..tables.weights import NoWeightError, check_weight, count_rows
from ..targets.numbers import check_numbers


def lazily(predict: Callable[[Any], Any], X: Any) -> Any:
    """``predict`` of every partition: a Dask array of an array, a Series or DataFrame of a frame.

    The divisions and the index of a DataFrame stay.  What `predict` returns for a few rows shows
    the type and the number of columns.
    """
    is_frame = hasattr(X, "map_partitions") and not hasattr(X, "map_blocks")
    example = X._meta_nonempty.iloc[:1] if is_frame else np.zeros((1, X.shape[1]), X.dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the rows of the example are no data
        y = predict(example)
    if isinstance(y, list):
        raise ValueError(
            "Several columns of labels have a list of arrays of probabilities, which is no Dask "
            "collection. Use X.map_partitions(model.to_local().predict_proba)."
        )
    if is_frame:
        return X.map_partitions(_of_frame, predict, y[:0], meta=_as_frame(y[:0], example.index[:0]))
    X = X.rechunk({1: -1})
    if y.ndim == 1:
        return X.map_blocks(_of_array, predict, y[:0], dtype=y.dtype, drop_axis=1)
    chunks = (X.chunks[0], (y.shape[1],))
    return X.map_blocks(_of_array, predict, y[:0], dtype=y.dtype, chunks=chunks)


def _of_array(part: Any, predict: Callable[[Any], Any], none: np.ndarray) -> np.ndarray:
    return predict(part) if count_rows(part) else none


def _of_frame(part: Any, predict: Callable[[Any], Any], none: np.ndarray) -> Any:
    return _as_frame(_of_array(part, predict, none), part.index)


def _as_frame(y: np.ndarray, index: Any) -> Any:
    import pandas

    return pandas.Series(y, index) if y.ndim == 1 else pandas.DataFrame(y, index)


def accuracy_of_part(model: Any, batch: Batch) -> tuple[float, float]:
    """The weight of the rows of a partition, and their score."""
    n = count_rows(batch.X)
    try:
        weight = check_weight(batch.sample_weight, n)
    except NoWeightError:  # other partitions have some
        return 0.0, 0.0
    return float(n if weight is None else weight.sum()), model.score(*batch)


def squares_of_part(model: Any, batch: Batch) -> tuple[float, np.ndarray, np.ndarray, np.ndarray]:
    """Weight of the rows of a partition, and sums over them.

    Of each column of y: the mean, the squared deviations from it, and the squared errors of the
    predictions.
    """
    y = check_numbers(batch.y).astype(np.float64)
    missed = y - model.predict(batch.X)
    try:
        w = check_weight(batch.sample_weight, len(y))
    except NoWeightError:  # other partitions have some
        return 0.0, *[np.zeros(y.shape[1:])] * 3
    w = np.ones(len(y)) if w is None else w
    mean = np.average(y, axis=0, weights=w)
    return float(w.sum()), mean, w @ (y - mean) ** 2, w @ missed**2


def mean_of_parts(parts: list[tuple[float, float]]) -> float:
    """The score of all rows, from those of the partitions by `accuracy_of_part`."""
    weights, scores = zip(*parts, strict=True)
    return float(np.average(scores, weights=weights))


def r2_of_parts(parts: list[tuple[float, np.ndarray, np.ndarray, np.ndarray]]) -> float:
    """R² of all rows from `squares_of_part`; the mean over the columns of y."""
    weight, mean, around, missed = (np.array(each) for each in zip(*parts, strict=True))
    center = np.average(mean, axis=0, weights=weight)
    around = around.sum(axis=0) + weight @ (mean - center) ** 2
    missed = missed.sum(axis=0)
    # As in scikit-learn, for a y without variance: 1 if it is met, else 0.
    r2 = np.where(around > 0, 1 - missed / np.where(around > 0, around, 1), missed == 0)
    return float(np.mean(r2))
