"""The columns of the containers of other libraries: pandas, polars, pyarrow, NumPy's masks.

A library is recognized by the methods of its objects and is not imported; only a stream in the
Arrow format is read by pyarrow.  Integers keep all their digits: missing ones have a mask.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from scipy.sparse import issparse

from ..optional import optional
from ..params import Frozen, frozen

NESTED_TYPES = ("List", "Array", "Struct", "list", "large_list", "fixed_size_list", "struct", "map")
# An attribute of tables that are not computed yet, and the method that computes them.
DEFERRED = {"npartitions": "compute", "rdd": "toPandas", "collect": "collect"}
EXACT = 2**53  # up to here every integer is a float64


@frozen
class Column(Frozen):
    """One column of a table, as one-dimensional arrays.

    Attributes
    ----------
    values : ndarray
        Numbers, dates, durations, text or objects.
    missing : ndarray of bool or None
        Which cells are missing, besides NaN, NaT and None.
    declared : bool
        Does the container declare the column a category?
    aware : bool
        Are the dates of `values` in UTC, converted from a time zone?
    nested : str
        The type of the column, if its cells are tables or lists themselves.
    """

    values: np.ndarray
    missing: np.ndarray | None = None
    declared: bool = False
    aware: bool = False
    nested: str = ""


Reader = Callable[[int], Column]


def open_container(X: Any) -> Any:
    """X in a form that can be read: streams as tables, masked arrays as arrays.

    Raises
    ------
    TypeError
        If X is a table that first has to be computed or converted, or is no table.
    ValueError
        If X is an array of three dimensions or more.
    """
    _refuse_others(X)
    if isinstance(X, (np.ndarray, list, tuple)):
        return unmasked(X)
    if hasattr(X, "iloc") and not hasattr(X, "npartitions"):  # pandas
        return X
    if hasattr(X, "to_native") and hasattr(X, "implementation"):  # narwhals
        return open_container(X.to_native())
    return _computed(X, set(dir(X)))  # a lazy table may compute an attribute that is asked for


def _computed(X: Any, attributes: set[str]) -> Any:
    """X if it is in memory or a stream of the Arrow format; else an error."""
    kind = f"{type(X).__module__.partition('.')[0]}.{type(X).__name__}"
    is_frame = not attributes.isdisjoint(("columns", "column_names"))
    deferred = [method for mark, method in DEFERRED.items() if is_frame and mark in attributes]
    if deferred:
        raise _not_computed(kind, deferred[0])
    if "itercolumns" in attributes and "to_batches" not in attributes:  # a batch of pyarrow
        return _read_stream(X, kind)  # scikit-learn reads the names of a table only
    if "__array__" not in attributes and reader_of(X) is None:
        if "__arrow_c_stream__" in attributes:
            return _read_stream(X, kind)
        if is_frame and "to_pandas" in attributes:
            raise _not_computed(kind, "to_pandas")
    return X


def _refuse_others(X: Any) -> None:
    """Refuse what scikit-learn's checks take for one value, or for a single row."""
    if issparse(X):
        return  # one of SciPy's formats is a dict
    records = isinstance(X, np.ndarray) and X.dtype.names is not None
    if isinstance(X, (list, tuple)) and len(X):
        records = isinstance(X[0], Mapping)
    if isinstance(X, (str, bytes, os.PathLike, Mapping, Iterator)) or records:
        got, advice = type(X).__name__, "Make a list of its rows"
        if records:
            got, advice = "records with names", "Make a table of them: pandas.DataFrame(X)"
        elif isinstance(X, Mapping):
            advice = "Make a table of it: pandas.DataFrame(X), or pandas.DataFrame([X]) of one row"
        elif not isinstance(X, Iterator):
            advice = "Read the file first"
        raise TypeError(
            f"X must be a table in memory, such as a DataFrame or an array, got {got}. {advice}."
        )
    if isinstance(X, np.ndarray) and X.ndim > 2:
        raise ValueError(
            f"Found array with dim {X.ndim}, while dim <= 2 is required: X has the shape "
            f"{X.shape}. Write the values of each sample in one row: X.reshape(len(X), -1)."
        )


def _not_computed(kind: str, method: str) -> TypeError:
    return TypeError(
        f"X must be a table in memory, such as a DataFrame or an array, got {kind}. "
        f"Call X.{method}() first, and pass the result."
    )


def _read_stream(X: Any, kind: str) -> Any:
    what, otherwise = f"Reading {kind}, an Arrow stream,", ", or pass a DataFrame or an array"
    with optional(what, "skbackprop[dataframe]", otherwise):
        import pyarrow
    return pyarrow.RecordBatchReader.from_stream(X).read_all()


def unmasked(X: Any) -> Any:
    """A masked array as an array, with NaN (or None) where it is masked."""
    if not isinstance(X, np.ma.MaskedArray):
        return X
    mask, values = np.ma.getmaskarray(X), X.data
    if not mask.any():
        return np.asarray(values)
    if values.dtype.kind in "biu" and np.abs(np.where(mask, 0, values), dtype=float).max() < EXACT:
        values = values.astype(np.float64)
    if values.dtype.kind in "fc":
        return np.where(mask, np.asarray(np.nan, values.dtype), values)
    values = values.astype(object)
    values[mask] = None
    return values


def reader_of(X: Any) -> Reader | None:
    """How to read the columns of a DataFrame or a table; None for anything else."""
    if hasattr(X, "iloc") and hasattr(X, "columns"):  # pandas
        return lambda i: read_series(X.iloc[:, i])
    if hasattr(X, "get_columns") and hasattr(X, "to_series"):  # polars
        return lambda i: _read_polars(X.to_series(i))
    if hasattr(X, "column_names") and hasattr(X, "itercolumns"):  # pyarrow
        return lambda i: _read_arrow(X.column(i))
    return None


def in_other_order(X: Any, other: Any) -> bool:
    """Do two objects of pandas have the same row labels (index) in another order?"""
    if not (hasattr(X, "iloc") and hasattr(other, "iloc")) or len(X) != len(other):
        return False
    a, b = X.index, other.index
    return bool(not a.equals(b) and a.is_unique and b.is_unique and a.isin(b).all())


def names_of(X: Any) -> list[Any]:
    """The names of the columns of a DataFrame or a table."""
    if hasattr(X, "iloc"):  # pandas
        return list(X.columns.tolist())
    return list(X.column_names if hasattr(X, "column_names") else X.columns)


def written_names(X: Any) -> list[str] | None:
    """The names of the columns of a DataFrame of pandas as text: 2 is "2", and so is 2.0."""
    if not (hasattr(X, "iloc") and hasattr(X, "columns")):
        return None
    return [
        str(int(name) if isinstance(name, float) and name.is_integer() else name)
        for name in names_of(X)
    ]


def read_series(column: Any) -> Column:
    """A column of pandas; its own dtypes may hold `pandas.NA`, which NumPy does not have."""
    dtype = column.dtype
    if isinstance(dtype, np.dtype):
        return Column(column.to_numpy())
    if hasattr(dtype, "categories"):
        return _read_categories(column)
    if type(dtype).__name__ == "PeriodDtype":
        return Column(column.dt.to_timestamp().to_numpy())
    if dtype.kind in "biuf":
        missing = column.isna().to_numpy(dtype=bool)
        exact = np.bool_ if dtype.kind == "b" else f"{dtype.kind}8"
        zero = {"f": np.nan, "b": False}.get(dtype.kind, 0)
        values = column.to_numpy(dtype=exact, na_value=zero)
        return Column(values, missing if dtype.kind != "f" and missing.any() else None)
    own = getattr(dtype, "pyarrow_dtype", dtype)
    unit = getattr(own, "unit", "ns")
    if dtype.kind == "M" and unit != "day":
        is_aware = getattr(own, "tz", None) is not None
        if is_aware:
            column = column.dt.tz_convert("UTC").dt.tz_localize(None)
        return Column(column.to_numpy(dtype=f"M8[{unit}]"), aware=is_aware)
    if dtype.kind == "m":
        return Column(column.to_numpy(dtype=f"m8[{unit}]"))
    return Column(column.to_numpy(dtype=object))


def _read_categories(column: Any) -> Column:
    """A categorical column of pandas, cell by cell; its codes are not used as numbers."""
    levels = read_series(column.cat.categories.to_series())
    cells = np.empty(len(levels.values) + 1, dtype=object)
    cells[:-1] = list(levels.values) if levels.values.dtype.kind in "mM" else levels.values.tolist()
    cells[-1] = None
    if levels.aware:
        cells[:-1] = column.cat.categories.to_pydatetime()
    return Column(cells[column.cat.codes.to_numpy()], declared=True)


def _read_polars(column: Any) -> Column:
    """A column of polars."""
    dtype = column.dtype
    kind = type(dtype).__name__ if not isinstance(dtype, type) else dtype.__name__
    if kind in NESTED_TYPES:
        return Column(np.empty(len(column), object), nested=str(dtype))
    if dtype.is_integer() and "128" not in kind:
        missing = column.is_null().to_numpy() if column.null_count() else None
        return Column(column.fill_null(0).to_numpy(), missing)
    if dtype.is_float() or kind in ("Date", "Datetime", "Duration", "String"):
        zone = getattr(dtype, "time_zone", None)
        return Column(column.to_numpy(), aware=zone is not None)
    if kind == "Boolean" and not column.null_count():
        return Column(column.to_numpy())
    return Column(objects(column.to_list()), declared=kind in ("Categorical", "Enum"))


def _read_arrow(column: Any) -> Column:
    """A column of pyarrow."""
    declared = hasattr(column.type, "index_type")
    if declared:
        column = column.cast(column.type.value_type)
    kind = str(column.type)
    if kind.partition("<")[0] in NESTED_TYPES:
        return Column(np.empty(len(column), object), nested=kind)
    missing = None
    if kind.startswith(("int", "uint")) and column.null_count:
        missing = np.asarray(column.is_null().to_numpy(zero_copy_only=False), dtype=bool)
        column = column.fill_null(0)
    plain = ("int", "uint", "float", "double", "halffloat", "timestamp", "date", "duration")
    if kind.startswith((*plain, "bool", "string", "large_string")):
        zone = getattr(column.type, "tz", None)
        values = column.to_numpy(zero_copy_only=False)
        return Column(values, missing, declared, aware=zone is not None)
    return Column(objects(column.to_pylist()), declared=declared)


def objects(cells: list[Any]) -> np.ndarray:
    """Cells as a one-dimensional array of objects."""
    values = np.empty(len(cells), dtype=object)
    values[:] = cells
    return values
