"""Any container as a table that is read one column at a time.

A DataFrame of pandas or polars, a table of pyarrow, an array, a sparse matrix and a list of
lists all become `TableColumns`.

>>> table = read_table([[1.5, "red"], [None, "blue"], [2, "red"]])
>>> table.cells(1)
Cells(distinct=['red', 'blue'], inverse=array([0, 1, 0]), families=frozenset({'text'}))
>>> sorted(table.cells(0).families)
['number']
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from math import isfinite
from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn import config_context
from sklearn.utils import check_array

from ..params import Frozen, frozen
from .cells import (
    AWARE_DATE,
    BOOLEAN,
    BOOLEANS,
    COMPLEX,
    DATE,
    DURATION,
    MISSING,
    NESTED,
    NUMBER,
    date_keys,
    families_of,
    family_of_type,
    is_missing,
    key_of,
    normalized,
    seconds,
)
from .containers import Column, Reader, names_of, open_container, reader_of

FLOATS = (np.dtype(np.float64), np.dtype(np.float32))
INFINITE = "Input X contains infinity or a value too large for dtype('float64')"
ADVICE = "Replace these values, for example by NaN, which means missing."
FAMILY_OF_KIND = {"b": BOOLEAN, "i": NUMBER, "u": NUMBER, "f": NUMBER, "m": DURATION, "M": DATE}
LONGEST_NAME = 60  # characters of a column's name in a message


@frozen
class Cells(Frozen):
    """The distinct cells of a column.

    Attributes
    ----------
    distinct : list
        Plain cells: text without spaces around it, None for missing.  May repeat.
    inverse : ndarray of int, shape (n_rows,)
        Which of them each row has.
    families : frozenset of str
        The families of the cells that are not missing.
    """

    distinct: list[Any]
    inverse: np.ndarray
    families: frozenset[str]


class TableColumns:
    """The columns of a table, read one at a time.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns.
    names : list of str or None
        The names of the columns, if all names are strings.
    read : callable
        ``read(i)`` returns a `Column`.
    block : ndarray or None
        The table itself if it is a plain array of numbers.
    complete : bool
        True if no number is missing.
    sparse : CSR or None
        The table itself if it is sparse.

    Attributes
    ----------
    source : object
        The container that was read, for scikit-learn's checks of names.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        names: list[str] | None,
        read: Reader,
        block: np.ndarray | None = None,
        complete: bool = False,
        sparse: Any = None,
    ) -> None:
        self.n_rows, self.n_columns = shape
        self.names, self.read, self.sparse = names, read, sparse
        self.block, self.complete = block, complete
        self.source: Any = None
        self._cells: dict[int, Cells] = {}
        self._columns: dict[int, Column] = {}
        self._families: dict[int, frozenset[str]] = {}

    def dense(self) -> TableColumns:
        """The table itself; for a sparse one the dense table with the same entries."""
        return self if self.sparse is None else read_table(self.sparse.toarray())

    def label(self, i: int) -> str:
        """The name of column i in a message."""
        return str(i) if self.names is None else short(repr(self.names[i]))

    def column(self, i: int) -> Column:
        """Column i, if it holds cells at all."""
        if i in self._columns:
            return self._columns[i]
        column = self.read(i)
        if column.nested:
            raise self._nested(column.nested, i)
        if column.values.dtype.kind == "c":
            raise self._complex(i)
        if column.values.dtype.kind == "O":  # it may have been converted
            self._columns[i] = column
        return column

    def families(self, i: int) -> frozenset[str]:
        """The families of the cells of column i; none if all are missing."""
        if i not in self._families:
            self._families[i] = self._find_families(i)
        return self._families[i]

    def _find_families(self, i: int) -> frozenset[str]:
        if self.block is not None:
            return _families_of_array(self.block[:, i], NUMBER)
        column = self.column(i)
        kind = column.values.dtype.kind
        if kind in FAMILY_OF_KIND:
            if column.missing is not None and column.missing.all():
                return frozenset()
            family = AWARE_DATE if column.aware else FAMILY_OF_KIND[kind]
            return _families_of_array(column.values, family)
        if kind == "O":  # numbers need not be compared with each other
            kinds = {k for k in set(map(type, column.values)) if k.__name__ not in MISSING}
            if {family_of_type(k) for k in kinds} <= {NUMBER}:
                known = not all(map(is_missing, column.values))
                return frozenset([NUMBER] if known else [])
        return self.cells(i).families

    def only_text(self, i: int) -> bool:
        """Tell whether column i is of an array that cannot hold anything but text."""
        return self.block is None and self.column(i).values.dtype.kind in "US"

    def is_plain_text(self, i: int) -> bool:
        """Tell whether all text of column i is plain numbers."""
        try:
            self.column(i).values.astype(np.float64)
        except ValueError:
            return False
        return True

    def is_declared(self, i: int) -> bool:
        """Tell whether the container declares column i a category."""
        return self.block is None and self.column(i).declared

    def floats(self, i: int, plain: bool = True) -> np.ndarray | None:
        """Column i in float64, NaN where it is missing; None if its cells have to be read.

        Text of an array of text is read only if `plain`.
        """
        if self.block is not None:
            return self.block[:, i].astype(np.float64)
        column = self.column(i)
        kind = column.values.dtype.kind
        try:
            if kind in "mM":
                x = seconds(column.values)
            elif self._holds_numbers(i, kind, plain):
                x = column.values.astype(np.float64)
            else:
                return None
        except (TypeError, ValueError, OverflowError):
            return None
        if column.missing is not None:
            x[column.missing] = np.nan
        if np.isinf(x).any():
            self.refuse_infinity(i)
        return x

    def is_single(self, i: int) -> bool:
        """Tell whether column i holds numbers in single precision."""
        values = self.read(i).values if self.block is None else self.block
        return values.dtype == np.float32

    def _holds_numbers(self, i: int, kind: str, plain: bool) -> bool:
        if kind == "O":
            return self.families(i) <= {NUMBER, BOOLEAN}
        return kind in "biuf" or (kind in "US" and plain)

    def cells(self, i: int) -> Cells:
        """The distinct cells of column i."""
        if i not in self._cells:
            self._cells[i] = self._distinct(i)
        return self._cells[i]

    def _distinct(self, i: int) -> Cells:
        values = self.column(i).values.tolist()
        nested = [kind for kind in set(map(type, values)) if family_of_type(kind) == NESTED]
        if nested:
            raise self._nested(nested[0].__name__, i)
        first: dict[Any, int] = {}
        places = (first.setdefault(cell, len(first)) for cell in values)
        inverse = np.fromiter(places, np.intp, self.n_rows)
        distinct = [normalized(cell) for cell in first]
        families = families_of([cell for cell in distinct if cell is not None])
        if COMPLEX in families:
            raise self._complex(i)
        if families == {BOOLEAN} and any(family_of_type(type(v)) == NUMBER for v in values):
            # True is equal to 1, so that one of them hides the other.
            families |= {
                NUMBER for v in values if not isinstance(v, BOOLEANS) and v == v and v in (0, 1)
            }
        return Cells(distinct, inverse, frozenset(families))

    def keys(self, i: int) -> tuple[list[Any], np.ndarray]:
        """The distinct keys of column i, which may repeat, and which of them each row has."""
        column = self.column(i)
        if column.values.dtype.kind in FAMILY_OF_KIND:
            values, inverse = np.unique(column.values, return_inverse=True)
            if values.dtype.kind == "M":
                keys: list[Any] = date_keys(values)
            elif values.dtype.kind == "m":
                keys = [key_of(key) for key in seconds(values).tolist()]
            else:
                keys = [key_of(cell) for cell in values]
            if column.missing is not None:
                inverse = np.where(column.missing, len(keys), inverse)
                keys.append(None)
        else:
            cells = self.cells(i)
            keys, inverse = [key_of(cell) for cell in cells.distinct], cells.inverse
        if any(isinstance(key, float) and not isfinite(key) for key in keys):
            self.refuse_infinity(i)
        return keys, inverse

    def _nested(self, kind: str, i: int) -> TypeError:
        return TypeError(
            f"In column {self.label(i)} each argument must be a string or a real number, got "
            f"{kind!r}. Unpack what is nested into columns of its own."
        )

    def _complex(self, i: int) -> ValueError:
        return ValueError(
            f"Complex data not supported, got complex in column {self.label(i)}. "
            "Pass the real and the imaginary part as two columns."
        )

    def refuse_infinity(self, found: int) -> None:
        """Raise an error that names all columns that hold infinite numbers."""
        columns = [i for i in range(self.n_columns) if i == found or self._has_infinity(i)]
        raise ValueError(_infinity_message([self.label(i) for i in columns]))

    def _has_infinity(self, i: int) -> bool:
        values = self.read(i).values
        return values.dtype.kind == "f" and bool(np.isinf(values).any())


def _families_of_array(values: np.ndarray, family: str) -> frozenset[str]:
    if values.dtype.kind in "fmM" and values[0] != values[0] and (values != values).all():
        return frozenset()
    return frozenset([family])


def read_table(X: Any) -> TableColumns:
    """What the user gave, checked: two dimensions, rows, columns, real numbers, no infinity.

    Raises
    ------
    TypeError
        If X is not a table in memory, or if cells are nested.
    ValueError
        If X has no rows or columns, if names repeat, or if numbers are infinite.
    """
    if isinstance(X, TableColumns):
        return X
    if type(X) is np.ndarray and X.ndim == 2 and X.dtype in FLOATS and X.size:
        table = _read_block(X)
    else:
        X = open_container(X)
        reader = reader_of(X)
        table = _read_array(X) if reader is None else _read_frame(X, reader)
    table.source = X
    return table


def _read_frame(X: Any, reader: Reader) -> TableColumns:
    names = names_of(X)
    named = all(isinstance(name, str) for name in names)
    if named and len(set(names)) < len(names):
        repeated = [name for name, n in Counter(names).items() if n > 1]
        raise ValueError(
            f"The names of the columns of X must differ, got {quoted(repeated)} more than once. "
            "Rename the columns, or pass X.to_numpy()."
        )
    if 0 in X.shape:
        check_array(np.empty(X.shape))  # raises scikit-learn's error
    table = TableColumns(X.shape, names if named else None, reader)
    plain = hasattr(X, "iloc") and all(
        isinstance(dtype, np.dtype) and dtype.kind in "iuf" for dtype in X.dtypes
    )
    block = X.to_numpy() if plain else None
    if block is not None and block.dtype.kind in "iuf":
        return _read_block(block, table.names, reader)
    return table


def _read_array(X: Any) -> TableColumns:
    if isinstance(X, (list, tuple)) and np.asarray(X).dtype.kind in "US":
        X = np.array(X, dtype=object)  # so that 1 is not the string "1"
    with config_context(array_api_dispatch=False):  # foreign arrays become NumPy arrays
        X = check_array(X, accept_sparse="csr", dtype=None, ensure_all_finite=False)
    if issparse(X):
        return _read_sparse(X)
    if X.dtype.kind in "biuf":
        return _read_block(X)
    return TableColumns(X.shape, None, lambda i: Column(X[:, i]))


def _read_block(
    X: np.ndarray, names: list[str] | None = None, reader: Reader | None = None
) -> TableColumns:
    block, exact = X, reader or (lambda i: Column(X[:, i]))
    with np.errstate(over="ignore", invalid="ignore"):
        if X.dtype.kind == "f" and X.dtype not in FLOATS:
            block = X.astype(np.float64)
        complete = isfinite(block.sum())  # if a sum is finite, then all its terms are
    table = TableColumns(X.shape, names, exact, block, complete)
    if not complete and np.isinf(block).any():
        columns = np.flatnonzero(np.isinf(block).any(axis=0)).tolist()
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
            f"Input X contains NaN, in {some([str(i) for i in nan], 'column')}, which a sparse "
            "matrix may not have. Replace it, or pass a dense array, in which NaN means missing."
        )
    return TableColumns(X.shape, None, lambda i: Column(X[:, [i]].toarray()[:, 0]), sparse=X)


def _infinity_message(columns: list[str]) -> str:
    return f"{INFINITE}, in {some(columns, 'column')}. {ADVICE}"


def some(items: list[str], noun: str = "") -> str:
    """The first items of a list, in words."""
    shown = ", ".join(items[:10]) + (", …" if len(items) > 10 else "")
    return f"{noun}{'s' if len(items) > 1 else ''} {shown}" if noun else shown


def quoted(values: Iterable[Any]) -> str:
    """Labels or other values; not too many, and none too long for a message."""
    return some([short(repr(value)) for value in values])


def written(values: Iterable[Any]) -> str:
    """Labels or other values in brackets; not too many, and none too long for a message.

    >>> written(["a", "b" * 99]) == "['a', '" + "b" * 59 + "…]"
    True
    """
    return f"[{quoted(values)}]"


def short(text: str, longest: int = LONGEST_NAME) -> str:
    """A text that is not too long for a message."""
    return text if len(text) <= longest else f"{text[:longest]}…"
