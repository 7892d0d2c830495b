"""The target `y` from any container as an array, without a change of labels or digits.

Series of pandas and polars, arrays of pyarrow, data frames, lists, masked and sparse arrays all
become one NumPy array.  Integers stay integers, booleans stay booleans, and a missing value is
refused.  The libraries are recognized by their methods and not imported.

>>> read_target([10**17 + 1, 10**17 + 2])
array([100000000000000001, 100000000000000002])
>>> read_target([1.5, None])
Traceback (most recent call last):
    ...
ValueError: Input y contains NaN: 1 of 2 rows has no value (None, NaN, NA or NaT), row 1. Remove it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn import config_context
from sklearn.utils import check_array

from ..tables.cells import is_missing
from ..tables.containers import objects

SHOWN = 5  # rows that a message names


def read_target(y: Any, name: str = "y") -> np.ndarray:
    """`y` as an array ``(n,)`` or ``(n, m)`` of numbers, booleans, strings, dates or objects.

    Parameters
    ----------
    y : array-like, Series, data frame or sparse matrix
        The target as the user gave it.
    name : str
        What messages call it.

    Raises
    ------
    TypeError
        If `y` is the name of a column, or another single value.
    ValueError
        If a value is missing, masked, infinite or complex, or if there are 3 dimensions.
    """
    if y is None:
        raise ValueError(
            f"requires {name} to be passed, but the target {name} is None. Pass the target of "
            "each row."
        )
    if isinstance(y, str) and name in ("y", "y_val"):
        raise TypeError(
            f"{name} needs the target of each row, got {y!r}. The name of a column is for an X in "
            f"files. Of a table in memory pass the column, {name}=X[{y!r}], and X without it."
        )
    columns = _columns(y)
    if columns is None:
        array = _read(y, name)
    else:
        array = _side_by_side([_read(column, name) for column in columns], name)
    if array.ndim == 0:
        raise TypeError(
            f"{name} needs at least 1 dimension, a value for each row, got {array.item()!r:.80}. "
            "Pass an array, a list or a Series."
        )
    if array.dtype.kind == "c":
        raise ValueError(
            f"Complex data not supported: {name} has complex numbers. Pass the real and the "
            "imaginary part as two columns."
        )
    if array.dtype.kind == "T":  # NumPy's strings of variable width
        array = array.astype(object)
    with config_context(array_api_dispatch=False):
        array = check_array(
            array, ensure_2d=False, dtype=None, ensure_all_finite=False, input_name=name
        )
    check_complete(array, name)
    return array


def as_columns(y: np.ndarray) -> np.ndarray:
    """A target ``(n,)`` or ``(n, m)`` as ``(n, m)``."""
    return y[:, None] if y.ndim == 1 else y


def check_complete(y: np.ndarray, name: str) -> None:
    """Refuse missing and infinite values."""
    missing = _missing(y)
    if missing.any():
        rows = np.flatnonzero(as_columns(missing).any(axis=1))
        raise ValueError(
            f"Input {name} contains NaN: {len(rows)} of {len(y)} rows "
            f"{'has' if len(rows) == 1 else 'have'} no value (None, NaN, NA or NaT), "
            f"{name_rows(rows)}. Remove {'it' if len(rows) == 1 else 'them'}."
        )
    if y.dtype.kind == "f" and np.isinf(y).any():
        rows = np.flatnonzero(as_columns(np.isinf(y)).any(axis=1))
        raise ValueError(
            f"Input {name} contains infinity or a value too large for dtype('float64'), in "
            f"{name_rows(rows)}. Remove or correct these values."
        )


def _missing(y: np.ndarray) -> np.ndarray:
    """For each value, is it None, NaN, NA or NaT?"""
    if y.dtype.kind in "fc":
        return np.isnan(y)
    if y.dtype.kind in "mM":
        return np.isnat(y)
    if y.dtype.kind != "O":
        return np.zeros(y.shape, bool)
    cells = y.ravel().tolist()
    never = {kind for kind in set(map(type, cells)) if issubclass(kind, (str, bytes, int))}
    missing = [type(cell) not in never and is_missing(cell) for cell in cells]
    return np.array(missing, bool).reshape(y.shape)


def name_rows(rows: np.ndarray) -> str:
    """``"row 3"``, or ``"rows 3, 4, …"``."""
    shown = ", ".join(map(str, rows[:SHOWN].tolist()))
    return f"row{'s' if len(rows) > 1 else ''} {shown}{', …' if len(rows) > SHOWN else ''}"


def _columns(y: Any) -> list[Any] | None:
    """The columns of a data frame; None for what is no data frame."""
    if hasattr(y, "iloc") and hasattr(y, "columns"):  # pandas
        return [y.iloc[:, i] for i in range(y.shape[1])]
    if hasattr(y, "get_columns"):  # polars
        return list(y.get_columns())
    if hasattr(y, "itercolumns"):  # pyarrow
        return list(y.itercolumns())
    return None


def _read(y: Any, name: str) -> np.ndarray:
    if issparse(y):
        return y.toarray()
    if isinstance(y, np.ma.MaskedArray):
        return _read_masked(y, name)
    if isinstance(y, (list, tuple)):
        return _read_list(y, name)
    if hasattr(y, "null_count"):  # polars and pyarrow
        return _read_arrow(y)
    dtype = getattr(y, "dtype", None)
    if hasattr(y, "isna") and not isinstance(dtype, np.dtype):  # pandas' own dtypes
        own = getattr(dtype, "numpy_dtype", None)
        if own is not None and own.kind in "biuf" and not y.isna().any():
            return np.asarray(y, dtype=own)
        return np.asarray(y, dtype=object)
    return np.asarray(y)


def _read_masked(y: Any, name: str) -> np.ndarray:
    hidden = np.ma.getmaskarray(y)
    if hidden.any():
        rows = np.flatnonzero(as_columns(hidden).any(axis=1))
        raise ValueError(
            f"{name} is a masked array with masked values in {len(rows)} of {len(y)} rows, "
            f"{name_rows(rows)}. Remove these rows from X and {name}: "
            f"keep = ~np.ma.getmaskarray({name})."
        )
    return np.asarray(y.data)


def _read_list(y: Any, name: str) -> np.ndarray:
    """A list; one of several types stays an array of objects, and 1 does not become "1"."""
    try:
        array = np.asarray(y)
    except ValueError:  # lists of different lengths
        raise ValueError(
            f"{name} needs one value, or equally many, for each row, got sequences of different "
            "lengths. For rows with several labels pass MultiLabelBinarizer().fit_transform"
            f"({name})."
        ) from None
    if array.dtype.kind in "iufUSc":
        objects = np.array(y, dtype=object)
        kinds = {_family(kind) for kind in set(map(type, objects.ravel().tolist()))}
        if len(kinds) > 1:
            return objects
    return array


def _family(kind: type) -> str:
    for family, kinds in {
        "bool": (bool, np.bool_),
        "number": (int, float, complex, np.number),
        "str": (str,),
        "bytes": (bytes,),
    }.items():
        if issubclass(kind, kinds):
            return family
    return kind.__name__


def _read_arrow(y: Any) -> np.ndarray:
    nulls = y.null_count() if callable(y.null_count) else y.null_count
    kind = str(getattr(y, "type", getattr(y, "dtype", ""))).lower()
    if not nulls and kind in ("double", "float", "float32", "float64", "int64", "int32"):
        return np.asarray(y)
    return objects(y.to_pylist() if hasattr(y, "to_pylist") else y.to_list())


def _side_by_side(columns: list[np.ndarray], name: str) -> np.ndarray:
    if not columns:
        raise ValueError(f"{name} needs at least one column, got a data frame without columns.")
    if len({column.dtype for column in columns}) == 1:
        return np.stack(columns, axis=1)
    cells = np.empty((len(columns[0]), len(columns)), dtype=object)
    for i, column in enumerate(columns):
        cells[:, i] = column.tolist() if column.dtype.kind in "biufO" else list(column)
    return cells
