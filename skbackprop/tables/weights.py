"""Sample weights: checked, without rows of weight 0, and in the range of the network's dtype."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Number
from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.utils.validation import _num_samples

ORDINARY = 2.0**30  # a largest weight up to here, and down to its inverse, is left as it is


class NoWeightError(ValueError):
    """All rows have the weight 0."""


def check_weight(weight: Any, n: int, name: str = "sample_weight") -> np.ndarray | None:
    """Sample weights as float64, ``(n,)``, or None.

    Parameters
    ----------
    weight : array-like of shape (n,), float or None
        Weights as the user gave them.
    n : int
        The number of rows.
    name : str
        What messages call them.

    Raises
    ------
    ValueError
        If there is not one finite number of at least 0 for each row.
    NoWeightError
        If none of them is above 0.
    """
    if weight is None:
        return None
    if isinstance(weight, Number):
        weight = np.full(n, weight)
    w = _floats(weight, name)
    if w.ndim != 1:
        raise ValueError(
            f"Sample weights must be 1D array or scalar, got {w.ndim}D array as {name}. Pass one "
            "weight for each row."
        )
    if len(w) != n:
        raise ValueError(
            f"{name} needs a weight for each of the {n} rows, got {len(w)} weights "
            f"(inconsistent numbers of samples: {[n, len(w)]})."
        )
    _check_values(w, name)
    if not w.any():
        raise NoWeightError(
            f"Sample weights must contain at least one non-zero number, got only zeros as {name}. "
            "Give the rows that should count a positive weight."
        )
    return w


def _check_values(w: np.ndarray, name: str) -> None:
    for what, bad in {"NaN": np.isnan(w), "infinity": np.isinf(w)}.items():
        if bad.any():
            raise ValueError(
                f"Input {name} contains {what}, in {bad.sum()} of {len(w)} rows, the first is row "
                f"{bad.argmax()}. Set the weight of rows to be ignored to 0."
            )
    if (w < 0).any():
        raise ValueError(
            f"Negative values in data passed to `{name}`: weights need to be >= 0, "
            f"got {w.min()}. Set the weight of rows to be ignored to 0."
        )


def _floats(weight: Any, name: str) -> np.ndarray:
    if np.ma.is_masked(weight):
        n = np.ma.getmaskarray(weight).sum()
        raise ValueError(
            f"{name} is a masked array with {n} masked weights. Set the weight of rows to be "
            "ignored to 0."
        )
    array = np.asarray(weight)
    if array.dtype.kind == "c":
        raise ValueError(f"{name} needs real numbers, got complex ones. Pass their real part.")
    if array.dtype.kind in "mM":
        raise ValueError(f"{name} needs numbers, got {array.dtype}. Pass one number for each row.")
    try:
        if array.dtype.kind == "O":
            array = np.reshape([_float(cell) for cell in array.ravel().tolist()], array.shape)
        return array.astype(np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(
            f"{name} needs numbers, got values of dtype {array.dtype}: {error}. Pass one number "
            "for each row."
        ) from None


def _float(cell: Any) -> float:
    return np.nan if cell is None or type(cell).__name__ == "NAType" else float(cell)


def scale_weights(weight: np.ndarray) -> tuple[np.ndarray, float]:
    """Weights near 1, and the factor that they were multiplied by: a power of two, or 1.

    A mean loss ``Σ wℓ / Σ w`` does not change with a common factor of the weights.  The strength
    ``alpha`` of a penalty that is divided by ``Σ w`` has to be multiplied by the same factor.

    >>> w, factor = scale_weights(np.array([1e39, 2e39]))
    >>> float(w[1] / w[0]), factor == 2.0**-131
    (2.0, True)
    """
    largest = weight.max()
    if 1 / ORDINARY <= largest <= ORDINARY:
        return weight, 1.0
    exponent = -int(np.frexp(largest)[1])
    return np.ldexp(weight, exponent), float(np.ldexp(1.0, min(exponent, 1023)))


def cast_weights(weight: np.ndarray | None, dtype: Any) -> tuple[np.ndarray | None, float]:
    """Weights in the dtype of the network, and the factor that they were multiplied by.

    Weights that are all equal become None, which stands for ones.

    >>> cast_weights(np.array([4.0, 4.0]), np.float32)
    (None, 0.25)
    """
    if weight is None or weight.min() < weight.max():
        return None if weight is None else weight.astype(dtype), 1.0
    return None, float(1 / weight[0])


def as_counts(weight: np.ndarray | None, n: int) -> np.ndarray:
    """How many rows each of n rows stands for: weights that are no counts have the mean 1."""
    if weight is None:
        return np.ones(n)
    return weight if (weight == np.round(weight)).all() else weight / weight.mean()


def spread_rows(n: int, most: int) -> slice:
    """At most so many of n rows, at equal distances.

    >>> list(range(10)[spread_rows(10, most=4)])
    [0, 3, 6, 9]
    """
    return slice(None, None, -(-n // most) or 1)


def take_rows(data: Any, rows: np.ndarray) -> Any:
    """Some rows of an array, a list, a sparse matrix, a Series or a data frame."""
    if data is None:
        return None
    if hasattr(data, "iloc"):  # pandas
        return data.iloc[rows]
    if hasattr(data, "tocsr"):
        return data.tocsr()[rows]
    if hasattr(data, "take") and hasattr(data, "to_pylist"):  # pyarrow
        return data.take(rows)
    if isinstance(data, (list, tuple)):
        return [data[i] for i in rows.tolist()]
    return data[rows]


def count_rows(data: Any) -> int | None:
    """The number of rows; None for what has no rows."""
    if isinstance(data, (str, bytes, Mapping)) and not issparse(data):
        return None
    try:
        return int(_num_samples(data))
    except (TypeError, ValueError):
        return None
