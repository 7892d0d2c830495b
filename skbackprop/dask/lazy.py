"""Predictions and scores of Dask collections, partition by partition."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from sklearn.exceptions import UndefinedMetricWarning

from ..sources import Batch
from ..sources.survey import rows_of_batch
from ..tables.weights import NoWeightError, check_weight, count_rows
from ..targets.number_codec import check_one_each, exponents
from ..targets.numbers import check_numbers
from .partitions import is_collection


def lazily(model: Any, method: str, X: Any) -> Any:
    """A method of every partition: a Dask array of an array, a Series or DataFrame of a frame.

    The divisions and the index of a DataFrame stay.  What `method` returns for one row shows
    the type and the number of columns.  The model is one task, which each worker gets once.
    """
    from dask.delayed import delayed

    check_rows_and_columns(X, method)
    is_frame = hasattr(X, "map_partitions") and not hasattr(X, "map_blocks")
    example = _row_of_frame(model, X) if is_frame else _row_of_array(model, X)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the row of the example is no data
        y = getattr(model, method)(example)
    if isinstance(y, list):
        raise ValueError(
            "Several columns of labels have a list of arrays of probabilities, which is no Dask "
            "collection. Use X.map_partitions(model.to_local().predict_proba)."
        )
    y, shared = y[:0], delayed(model, pure=False, traverse=False)
    if is_frame:
        return X.map_partitions(_of_frame, shared, method, y, meta=_as_frame(y, X._meta.index))
    X = X.rechunk({1: -1})
    if y.ndim == 1:
        return X.map_blocks(_of_array, shared, method, y, dtype=y.dtype, drop_axis=1, meta=y)
    chunks = (X.chunks[0], (y.shape[1],))
    return X.map_blocks(_of_array, shared, method, y, dtype=y.dtype, chunks=chunks, meta=y)


def check_rows_and_columns(X: Any, method: str) -> None:
    """Refuse what is no Dask array or DataFrame of two dimensions."""
    if not is_collection(X):
        raise TypeError(
            f"{method} needs a Dask array or DataFrame, or rows in memory, got "
            f"{type(X).__name__}. For partitions call "
            f"dask.delayed(model.to_local().{method})(part) for each of them."
        )
    if X.ndim != 2:
        raise ValueError(
            f"{method} needs an X with rows and columns, got {type(X).__name__} of {X.ndim} "
            "dimension(s). One column is X[:, None], or X.to_frame()."
        )


def _row_of_frame(model: Any, X: Any) -> Any:
    """A row of a DataFrame: missing values, which every encoded column may have."""
    if model._fitted.encoder is None:  # numbers only
        return X._meta_nonempty.iloc[:1]
    return X._meta.reset_index(drop=True).reindex([0])


def _row_of_array(model: Any, X: Any) -> np.ndarray:
    if X.dtype.kind in "OSU" and model._fitted.encoder is not None:
        return np.full((1, X.shape[1]), None, object)
    return np.zeros((1, X.shape[1]), X.dtype)


def _of_array(part: Any, model: Any, method: str, none: np.ndarray) -> np.ndarray:
    return getattr(model, method)(part) if count_rows(part) else none


def _of_frame(part: Any, model: Any, method: str, none: np.ndarray) -> Any:
    return _as_frame(_of_array(part, model, method, none), part.index)


def _as_frame(y: np.ndarray, index: Any) -> Any:
    import pandas

    return pandas.Series(y, index) if y.ndim == 1 else pandas.DataFrame(y, index)


def accuracy_of_part(model: Any, batch: Batch) -> tuple[float, float]:
    """The weight of the rows of a partition, and their score."""
    n = rows_of_batch(batch, "The partition")
    try:
        weight = check_weight(batch.sample_weight, n)
    except NoWeightError:  # other partitions have some
        return 0.0, 0.0
    return float(n if weight is None else weight.sum()), model.score(*batch)


Squares = tuple[int, float, np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def squares_of_part(model: Any, batch: Batch) -> Squares:
    """Number and weight of the rows of a partition, and sums over them.

    Of each column of y: a binary exponent e, and, of numbers divided by ``2**e``, the mean, the
    squared deviations from it, and the squared errors of the predictions.
    """
    y, predicted = check_numbers(batch.y).astype(np.float64), model.predict(batch.X)
    check_one_each(y, predicted)
    try:
        w = check_weight(batch.sample_weight, len(y))
    except NoWeightError:  # other partitions have some
        none = np.zeros(y.shape[1:])
        return len(y), 0.0, exponents(none[None]), none, none, none
    w = np.ones(len(y)) if w is None else w
    exponent = exponents(y, predicted)
    y, predicted = np.ldexp(y, -exponent), np.ldexp(predicted, -exponent)
    mean = np.average(y, axis=0, weights=w)
    around, missed = w @ (y - mean) ** 2, w @ (y - predicted) ** 2
    return len(y), float(w.sum()), exponent, mean, around, missed


def mean_of_parts(parts: list[tuple[float, float]]) -> float:
    """The score of all rows, from those of the partitions by `accuracy_of_part`."""
    weights, scores = zip(*parts, strict=True)
    return float(np.average(scores, weights=weights))


def r2_of_parts(parts: list[Squares]) -> float:
    """R² of all rows from `squares_of_part`; the mean over the columns of y."""
    n, weight, exponent, mean, around, missed = map(np.array, zip(*parts, strict=True))
    if n.sum() < 2:  # as in scikit-learn
        warnings.warn(
            "R^2 score is not well-defined with less than two samples.",
            UndefinedMetricWarning,
            stacklevel=3,
        )
        return float("nan")
    exponent -= exponent.max(axis=0)  # now in one unit
    mean = np.ldexp(mean, exponent)
    around, missed = np.ldexp(around, 2 * exponent), np.ldexp(missed, 2 * exponent)
    center = np.average(mean, axis=0, weights=weight)
    around = around.sum(axis=0) + weight @ (mean - center) ** 2
    missed = missed.sum(axis=0)
    # As in scikit-learn, for a y without variance: 1 if it is met, else 0.
    r2 = np.where(around > 0, 1 - missed / np.where(around > 0, around, 1), missed == 0)
    return float(np.mean(r2))
