"""From whatever users call a table to columns: of numbers, or of keys that name levels.

A DataFrame of pandas or polars, a table of pyarrow, an array, a sparse matrix and a list of
lists all become `TableColumns`, which hands out one column at a time, as one of two things:

- ``floats(i)``: float64, with NaN for what is missing; dates are seconds;
- ``keys(i)``: the distinct cells as Python values that are equal when the cells mean the
  same (``1``, ``1.0`` and ``True``), None for what is missing, and which of them each row has.

The libraries are told by what they can do, not imported, so that none has to be there.

>>> table = read_table([[1.5, "red"], [None, "blue"]])
>>> table.floats(0), table.keys(1)
(array([1.5, nan]), (['red', 'blue'], array([0, 1])))
>>> category_mask(table, "from_dtype")
array([False,  True])
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from math import isfinite, isinf
from numbers import Complex, Integral, Number, Real
from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn import config_context
from sklearn.utils import check_array

FLOATS = (np.dtype(np.float64), np.dtype(np.float32))
INFINITE = "Input X contains infinity or a value too large for dtype('float64')"
ADVICE = "Replace these values, for example by NaN, which means missing."
NESTED = (dict, list, tuple, set, frozenset, np.ndarray)
DATES = (datetime.date, datetime.timedelta, np.datetime64, np.timedelta64)
BOOLEANS = (bool, np.bool_)
MISSING = ("NoneType", "NAType", "NaTType")  # None, and what pandas calls NA and NaT
EPOCH = datetime.datetime(1970, 1, 1)


class TableColumns:
    """The columns of a table, read one at a time.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns.
    names : list of str or None
        What the columns are called, if all names are strings.
    read : callable
        ``read(i)``: column i as a one-dimensional array, and "is it declared a category?"
    block : ndarray or None
        The table itself if it is a plain array of numbers.
    complete : bool
        Is it known that no number is missing?
    sparse : CSR or None
        The table itself if it is sparse.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        names: list[str] | None,
        read: Callable[[int], tuple[np.ndarray, bool]],
        block: np.ndarray | None = None,
        complete: bool = False,
        sparse: Any = None,
    ) -> None:
        self.n_rows, self.n_columns = shape
        self.names, self.read, self.sparse = names, read, sparse
        self.block, self.complete = block, complete

    def label(self, i: int) -> str:
        """What an error message calls column i."""
        return str(i) if self.names is None else repr(self.names[i])

    def is_category(self, i: int) -> bool:
        """Do the dtype and the cells of column i say that it is no column of numbers?"""
        if self.block is not None:
            return False
        values, declared = self.read(i)
        if declared or values.dtype.kind in "biufmM":
            return declared or values.dtype.kind == "b"
        if values.dtype.kind == "O":
            return self._holds_levels(values.tolist(), i)
        try:  # in an array of strings the numbers are strings, too
            values.astype(np.float64)
        except ValueError:
            return True
        return False

    def _holds_levels(self, cells: list[Any], i: int) -> bool:
        kinds = {kind for kind in set(map(type, cells)) if kind.__name__ not in MISSING}
        for kind in kinds:
            if issubclass(kind, NESTED):
                raise self._not_a_cell(kind, i)
            if issubclass(kind, Complex) and not issubclass(kind, Real):
                raise ValueError(
                    f"Complex data not supported, got {kind.__name__} in column {self.label(i)}. "
                    "Pass the real and the imaginary part as two columns."
                )
        if not all(issubclass(kind, (Number, np.bool_, *DATES)) for kind in kinds):
            return True
        has_booleans = not kinds.isdisjoint(BOOLEANS)
        return has_booleans and all(type(c) in BOOLEANS or _is_missing(c) for c in cells)

    def floats(self, i: int) -> np.ndarray:
        """Column i in float64, NaN where it is missing."""
        if self.block is not None:
            return self.block[:, i].astype(np.float64)
        values = self.read(i)[0]
        if values.dtype.kind in "mM":
            return _seconds(values)
        try:
            x = values.astype(np.float64)
        except (TypeError, ValueError, OverflowError):
            x = np.array([self._number(cell, i) for cell in values.tolist()])
        if np.isinf(x).any():
            self._refuse_infinity(i)
        return x

    def keys(self, i: int) -> tuple[list[Any], np.ndarray]:
        """The distinct keys of column i, and which of them each row has."""
        values = self.read(i)[0]
        if values.dtype.kind in "mM":
            values = _seconds(values)
        if values.dtype.kind in "biuf":
            distinct, inverse = np.unique(values, return_inverse=True)
            cells = distinct.tolist()
        else:
            first: dict[Any, int] = {}
            try:
                places = (first.setdefault(cell, len(first)) for cell in values.tolist())
                inverse = np.fromiter(places, np.intp, self.n_rows)
            except TypeError:
                kind = next(type(v) for v in values.tolist() if isinstance(v, NESTED))
                raise self._not_a_cell(kind, i) from None
            cells = list(first)
        keys = [_key(cell) for cell in cells]
        if any(isinstance(key, float) and isinf(key) for key in keys):
            self._refuse_infinity(i)
        return keys, inverse

    def _number(self, cell: Any, i: int) -> float:
        """What ``float(cell)`` says, and what it does not understand."""
        if _is_missing(cell):
            return np.nan
        if isinstance(cell, DATES):
            return _seconds_of(cell)
        try:
            return float(cell)
        except OverflowError:
            return np.inf
        except TypeError:
            raise self._not_a_cell(type(cell), i) from None
        except ValueError:
            raise ValueError(
                f"could not convert string to float: {cell!r} in column {self.label(i)}, which "
                'holds numbers. If it holds categories, fit with categorical_features="from_dtype"'
                ", or with this column among the categorical_features."
            ) from None

    def _not_a_cell(self, kind: type, i: int) -> TypeError:
        return TypeError(
            f"In column {self.label(i)} each argument must be a string or a real number, got "
            f"{kind.__name__!r}. Unpack what is nested into columns of its own."
        )

    def _refuse_infinity(self, found: int) -> None:
        columns = [i for i in range(self.n_columns) if i == found or _has_infinity(self.read(i)[0])]
        raise ValueError(_infinity_message([self.label(i) for i in columns]))


def read_table(X: Any) -> TableColumns:
    """What the user gave, checked: two dimensions, rows, columns, real numbers, no infinity."""
    if isinstance(X, TableColumns):
        return X
    if type(X) is np.ndarray and X.ndim == 2 and X.dtype in FLOATS and X.size:
        return _read_block(X)
    reader = _reader(X)
    if reader is not None:
        names = list(X.column_names if hasattr(X, "column_names") else X.columns)
        table = TableColumns(X.shape, names if _all_strings(names) else None, reader)
        if 0 in X.shape:
            check_array(np.empty(X.shape))  # says so, in scikit-learn's words
        plain = hasattr(X, "iloc") and all(
            isinstance(dtype, np.dtype) and dtype.kind in "iuf" for dtype in X.dtypes
        )
        block = X.to_numpy() if plain else None
        if block is not None and block.dtype.kind in "iuf":
            return _read_block(block, table.names)
        return table
    return _read_array(X)


def _reader(X: Any) -> Callable[[int], tuple[np.ndarray, bool]] | None:
    """How to read the columns of a DataFrame; None for what is no DataFrame."""
    if hasattr(X, "iloc") and hasattr(X, "columns"):  # pandas
        return lambda i: _read_series(X.iloc[:, i])
    if hasattr(X, "get_columns") and hasattr(X, "to_series"):  # polars
        return lambda i: (X.to_series(i).to_numpy(), False)
    if hasattr(X, "column_names") and hasattr(X, "itercolumns"):  # pyarrow
        return lambda i: _read_arrow(X.column(i))
    return None


def _read_series(column: Any) -> tuple[np.ndarray, bool]:
    """A column of pandas; its own dtypes may hold `pandas.NA`, which NumPy does not know."""
    dtype = column.dtype
    if isinstance(dtype, np.dtype):
        return column.to_numpy(), False
    if hasattr(dtype, "categories"):
        return column.astype(object).to_numpy(), True
    if dtype.kind in "iuf":
        return column.to_numpy(dtype=np.float64, na_value=np.nan), False
    if dtype.kind in "mM":
        return column.to_numpy(dtype=f"{dtype.kind}8[ns]"), False
    return column.to_numpy(dtype=object), False


def _read_arrow(column: Any) -> tuple[np.ndarray, bool]:
    declared = hasattr(column.type, "index_type")
    if declared:
        column = column.cast(column.type.value_type)
    return column.to_numpy(zero_copy_only=False), declared


def _read_array(X: Any) -> TableColumns:
    if isinstance(X, (list, tuple)) and np.asarray(X).dtype.kind in "US":
        X = np.array(X, dtype=object)  # so that 1 is not the string "1"
    with config_context(array_api_dispatch=False):  # foreign arrays become NumPy arrays
        X = check_array(X, accept_sparse="csr", dtype=None, ensure_all_finite=False)
    if issparse(X):
        return _read_sparse(X)
    if X.dtype.kind in "biuf":
        return _read_block(X)
    return TableColumns(X.shape, None, lambda i: (X[:, i], False))


def _read_block(X: np.ndarray, names: list[str] | None = None) -> TableColumns:
    with np.errstate(over="ignore", invalid="ignore"):
        if X.dtype.kind == "f" and X.dtype not in FLOATS:
            X = X.astype(np.float64)
        complete = isfinite(X.sum())  # if a sum is finite, then all its terms are
    table = TableColumns(X.shape, names, lambda i: (X[:, i], False), X, complete)
    if not complete and np.isinf(X).any():
        columns = np.flatnonzero(np.isinf(X).any(axis=0)).tolist()
        raise ValueError(_infinity_message([table.label(i) for i in columns]))
    return table


def _read_sparse(X: Any) -> TableColumns:
    X = X if X.dtype in FLOATS else X.astype(np.float64)
    if not X.has_canonical_format:  # entries stored twice mean their sum
        X = X.copy()
        X.sum_duplicates()
    if not np.isfinite(X.data).all():
        columns = [str(i) for i in np.unique(X.indices[np.isinf(X.data)])]
        if columns:
            raise ValueError(_infinity_message(columns))
        nan = np.unique(X.indices[np.isnan(X.data)])
        raise ValueError(
            f"Input X contains NaN, in {_some([str(i) for i in nan])}, which a sparse matrix may "
            "not have. Replace it, or pass a dense array, in which NaN means missing."
        )
    return TableColumns(X.shape, None, lambda i: (X[:, [i]].toarray()[:, 0], False), sparse=X)


def category_mask(table: TableColumns, categorical_features: Any) -> np.ndarray:
    """Which columns are categories: by dtype, names, indices or a mask; with None no column."""
    n = table.n_columns
    if isinstance(categorical_features, str):
        if categorical_features != "from_dtype":
            raise ValueError(
                'categorical_features must be "from_dtype", names, indices, a mask or None, got '
                f"{categorical_features!r}. Put the name of a single column into a list."
            )
        return np.array([table.sparse is None and table.is_category(i) for i in range(n)])
    mask = np.zeros(n, dtype=bool)
    chosen = np.asarray([] if categorical_features is None else categorical_features)
    if chosen.size:
        mask[_places(chosen, table)] = True
    return mask


def _places(chosen: np.ndarray, table: TableColumns) -> np.ndarray:
    """Names, indices or a mask, checked, as indices or a mask."""
    n = table.n_columns
    if _all_strings(chosen.tolist()):
        return _places_of_names(chosen.tolist(), table)
    if chosen.dtype.kind not in "biu":
        raise ValueError(
            "categorical_features must be an array-like of bool, int or str, got: "
            f"{chosen.tolist()!r}."
        )
    if chosen.dtype.kind == "b":
        if chosen.shape != (n,):
            raise ValueError(
                "categorical_features set as a boolean mask must have shape (n_features,), got: "
                f"{chosen.shape} for {n} columns."
            )
    elif chosen.min() < 0 or chosen.max() >= n:
        raise ValueError(
            "categorical_features set as integer indices must be in [0, n_features - 1], got: "
            f"{chosen.tolist()} for {n} columns."
        )
    return chosen


def _places_of_names(chosen: list[str], table: TableColumns) -> np.ndarray:
    if table.names is None:
        raise ValueError(
            "categorical_features should be passed as an array of integers or as a boolean mask "
            "when the model is fitted on data without feature names."
        )
    unknown = [name for name in chosen if name not in table.names]
    if unknown:
        raise ValueError(
            f"categorical_features has the item {unknown[0]!r} which is not a valid feature name "
            f"of the training data. Observed feature names: {table.names}"
        )
    return np.array([table.names.index(name) for name in chosen])


def _key(cell: Any) -> Any:
    """A number, a string, or None; nothing that would need another library to unpickle."""
    if _is_missing(cell):
        return None
    if isinstance(cell, (*BOOLEANS, Integral)):
        return int(cell)
    if isinstance(cell, bytes):
        return cell.decode("utf-8", "backslashreplace")
    if isinstance(cell, DATES):
        return _seconds_of(cell)
    is_number = isinstance(cell, Number) and not isinstance(cell, complex)
    return float(cell) if is_number else str(cell)


def _is_missing(cell: Any) -> bool:
    if type(cell).__name__ in MISSING:
        return True
    if isinstance(cell, (np.datetime64, np.timedelta64)):
        return bool(np.isnat(cell))
    return isinstance(cell, Number) and bool(cell != cell)


def _seconds(values: np.ndarray) -> np.ndarray:
    """Dates as seconds since 1970 and durations as seconds, whatever their unit; NaT as NaN."""
    if np.datetime_data(values.dtype)[0] in "YM":  # months are not all of one length
        values = values.astype(f"{values.dtype.kind}8[D]")
    tick = np.ones(1, np.int64).view(f"m8[{values.dtype.str[4:-1]}]")
    x = values.astype(np.int64) * (tick / np.timedelta64(1, "s"))
    x[np.isnat(values)] = np.nan
    return x


def _seconds_of(cell: Any) -> float:
    if isinstance(cell, (np.datetime64, np.timedelta64)):
        return float(_seconds(np.array([cell]))[0])
    if isinstance(cell, datetime.timedelta):
        return cell.total_seconds()
    if not isinstance(cell, datetime.datetime):
        cell = datetime.datetime(cell.year, cell.month, cell.day)
    return cell.timestamp() if cell.tzinfo else (cell - EPOCH).total_seconds()


def _has_infinity(values: np.ndarray) -> bool:
    return values.dtype.kind == "f" and bool(np.isinf(values).any())


def _infinity_message(columns: list[str]) -> str:
    return f"{INFINITE}, in {_some(columns)}. {ADVICE}"


def _some(columns: list[str]) -> str:
    shown = ", ".join(columns[:10]) + (", …" if len(columns) > 10 else "")
    return f"column{'s' if len(columns) > 1 else ''} {shown}"


def _all_strings(names: list[Any]) -> bool:
    return all(isinstance(name, str) for name in names)
