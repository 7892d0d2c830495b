r"""From the columns of a table to the one matrix of numbers that a network reads.

Networks want inputs of about the same size without extremes: every column is centered,
scaled and bent as `scaling` says.

- A **number** becomes one column.  Where it is missing it is 0, the median, and if it was
  missing in training a second column says so.
- A **category** of two levels becomes one column, one of up to `max_one_hot` levels a column
  per level, and one of more levels its share of the training rows, and a code: the row of a
  table that the network learns.  A level that is missing, or that was never seen, has code 0
  and no column of its own.  Levels seen once are given code 0 too, so that row 0 learns.

All of these columns but the codes are centered, scaled, turned and bent.  One that is constant
in training says nothing and is left out.

Gorishniy, Rubachev, Khrulkov and Babenko, "Revisiting deep learning models for tabular data"
(2021).

>>> import numpy as np
>>> encoder = ColumnEncoder().fit([[1.0, "red"], [2.0, "blue"], [3.0, "red"], [5.0, "red"]])
>>> encoder.transform([[2.5, "blue"], [1000, "green"], [np.nan, "red"]])
array([[ 0.       , -1.6641006],
       [ 2.9999151, -0.9486833],
       [ 0.       ,  0.       ]], dtype=float32)
>>> encoder.describe()
[(0, 'numeric', 1), (1, 'binary', 1)]
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.utils import check_consistent_length

from .columns import TableColumns, category_mask, read_table
from .scaling import (
    DIGITS,
    LARGEST,
    bend,
    center_and_scale,
    direction,
    moments,
    robust,
    sparse_medians,
    taken,
)

BLOCK = 1 << 16  # numbers that are encoded at once, so that they stay in the cache


class ColumnEncoder:
    """Encode tables as matrices of numbers.

    The columns of the matrix come in three groups: `n_numeric` numbers, then `n_other` columns
    for what is missing and for categories, then one column of codes for each entry of
    `cardinalities`.  A sparse matrix stays sparse: its columns are scaled and bent, but not
    centered, and count as other columns.

    Parameters
    ----------
    categorical_features : "from_dtype", array-like of {bool, int, str} or None
        Which columns are categories: those of strings, booleans and categorical dtypes; or
        names, indices or a mask of the columns; or none.
    max_one_hot : int
        Up to this many levels each level gets a column, beyond there is a column of codes.
    min_frequency : float
        Levels of a large category that have fewer rows, counted by weight, share code 0.

    Attributes
    ----------
    n_numeric, n_other : int
        Number of encoded columns in the first two groups.
    cardinalities : tuple of int
        Number of codes, including code 0, of each column of the third group.
    """

    n_numeric: int
    n_other: int
    cardinalities: tuple[int, ...]

    def __init__(
        self,
        categorical_features: Any = "from_dtype",
        max_one_hot: int = 8,
        min_frequency: float = 2,
    ) -> None:
        self.categorical_features = categorical_features
        self.max_one_hot = max_one_hot
        self.min_frequency = min_frequency

    @property
    def n_encoded(self) -> int:
        """Number of columns of the encoded matrix."""
        return self.n_numeric + self.n_other + len(self.cardinalities)

    def fit(self, X: Any, weight: np.ndarray | None = None, names: Any = None) -> ColumnEncoder:
        """Learn medians, scales and levels from the rows whose weight is not 0.

        A row of weight 2 is the same as two rows.  Weights that are no counts are relative:
        for counting levels, their mean is taken as 1.
        """
        table = read_table(X)
        if names is not None:
            table.names = list(names)
        self.n_features, self.names = table.n_columns, table.names
        if weight is not None:
            check_consistent_length(weight, np.empty((table.n_rows, 0)))
        rows, weight = _counted(weight)
        mask = category_mask(table, self.categorical_features)
        self._sparse = table.sparse is not None
        if self._sparse:
            if mask.any():
                raise ValueError(
                    "categorical_features needs a dense table, got a sparse matrix. Pass a "
                    "DataFrame or an array, or categorical_features=None."
                )
            self._fit_sparse(table.sparse[rows], weight)
        else:
            self._fit_dense(table, mask, rows, weight)
        return self

    def transform(self, X: Any, dtype: Any = np.float32) -> Any:
        """Encode: an array in C order, or CSR if the encoder was fitted to a sparse matrix."""
        table = read_table(X)
        if table.n_columns != self.n_features:
            raise ValueError(
                f"X has {table.n_columns} features, but ColumnEncoder is expecting "
                f"{self.n_features} features as input. Pass the columns of fit."
            )
        if self._sparse:
            return self._encode_sparse(table, dtype)
        if table.sparse is not None:
            table = read_table(table.sparse.toarray())
        E = np.empty((table.n_rows, self.n_encoded), dtype)
        self._encode_numbers(table, E)
        self._encode_missing(table, E[:, self.n_numeric :])
        self._encode_categories(table, E)
        if self._nothing:
            E.fill(0)
        return E

    def describe(self) -> list[tuple[str | int, str, int]]:
        """What became of each column: name or index, kind, number of encoded columns."""
        if self._sparse:
            return [(self._name(i), "sparse", 1) for i in range(self.n_features)]
        widths = dict.fromkeys(range(self.n_features), 0)
        kinds = dict.fromkeys(range(self.n_features), "constant")
        for i in [*self._numeric.tolist(), *self._missing.tolist()]:
            kinds[i] = "numeric"
            widths[i] += 1
        for category in self._categories:
            kinds[category.column] = category.kind
            widths[category.column] = category.table.shape[1] + category.embedded
        return [(self._name(i), kinds[i], widths[i]) for i in range(self.n_features)]

    def _name(self, i: int) -> str | int:
        return i if self.names is None else self.names[i]

    # ---- learning -----------------------------------------------------------------------

    def _fit_dense(
        self, table: TableColumns, mask: np.ndarray, rows: Any, weight: np.ndarray | None
    ) -> None:
        numeric, missing, looks = [], [], {}
        for i in np.flatnonzero(~mask).tolist():
            x = table.floats(i)[rows]
            absent = np.isnan(x)
            known = ~absent if absent.any() else slice(None)
            center, scale = center_and_scale(x[known], taken(weight, known))
            z, of_known = robust(x[known], center, scale), taken(weight, known)
            turn, share = direction(z, of_known), float(np.average(absent, weights=weight))
            scale *= turn
            looks[i] = (round(share, DIGITS), *(moments(turn * z, of_known) if len(z) else ()))
            if scale:
                numeric.append((i, center, scale))
            if absent.any() and not absent.all():
                off_on = np.array([[0.0], [1.0]])
                missing.append((i, _encode_table(off_on, _count(absent.astype(int), weight, 2))))
        # The same model from the same columns, in whatever order they come.
        for columns in (numeric, missing):
            columns.sort(key=lambda column: looks[column[0]])
        self._numeric = np.array([i for i, _, _ in numeric], dtype=int)
        self._center = np.array([center for _, center, _ in numeric])
        self._scale = np.array([scale for _, _, scale in numeric])
        self._missing = np.array([i for i, _ in missing], dtype=int)
        self._off, self._on = np.reshape([encoded for _, encoded in missing], (-1, 2)).T
        self._categories = [
            category
            for i in np.flatnonzero(mask).tolist()
            if (category := self._learn_levels(table, i, rows, weight)) is not None
        ]
        self._categories.sort(key=lambda category: category.look)
        embedded = [len(category.table) for category in self._categories if category.embedded]
        plain = sum(category.table.shape[1] for category in self._categories)
        self.n_numeric, self.n_other = len(numeric), len(missing) + plain
        self.cardinalities = tuple(embedded)
        self._nothing = self.n_encoded == 0
        self.n_other += self._nothing  # a network needs an input: a column of zeros

    def _learn_levels(
        self, table: TableColumns, i: int, rows: Any, weight: np.ndarray | None
    ) -> Category | None:
        """The levels of column i, and what they are encoded as; None if they are all the same."""
        keys, which = table.keys(i)
        counts: dict[Any, float] = {}
        for key, count in zip(keys, _count(which[rows], weight, len(keys)), strict=True):
            if count > 0:
                counts[key] = counts.get(key, 0.0) + count
        absent = counts.pop(None, 0.0)
        large = len(counts) > self.max_one_hot
        least = self.min_frequency if large else 0
        # Numbers, then strings: no order that depends on the container or on its rows.
        ordered = sorted(counts, key=lambda key: (isinstance(key, str), key))
        levels = [key for key in ordered if counts[key] >= least]
        others = sum(count for key, count in counts.items() if counts[key] < least)
        n = np.array([absent + others, *(counts[key] for key in levels)])
        embedded = len(levels) > self.max_one_hot
        kind = "embedded" if embedded else "binary" if len(levels) == 2 else "one-hot"
        encoded = _encode_table(_plain_columns(kind, n), n)
        if not encoded.shape[1] and not embedded:
            return None
        codes = {key: code for code, key in enumerate(levels, 1)}
        one_type = len({isinstance(key, str) for key in counts}) == 1
        shares = np.round(n / n.sum(), DIGITS).tolist()
        looks = len(levels), shares, [str(key) for key in levels]
        return Category(i, kind, codes, one_type, encoded, looks)

    # ---- encoding -----------------------------------------------------------------------

    def _encode_numbers(self, table: TableColumns, E: np.ndarray) -> None:
        if table.block is None:
            for j, i in enumerate(self._numeric.tolist()):
                E[:, j] = _known(robust(table.floats(i), self._center[j], self._scale[j]))
        elif self.n_numeric:
            every = np.array_equal(self._numeric, np.arange(self.n_features))
            columns = slice(None) if every else self._numeric
            for rows in _blocks(table.n_rows, self.n_features):
                z = robust(table.block[rows, columns], self._center, self._scale)
                E[rows, : self.n_numeric] = z if table.complete else _known(z)

    def _encode_missing(self, table: TableColumns, other: np.ndarray) -> None:
        if not len(self._missing):
            return
        if table.block is None:
            for j, i in enumerate(self._missing.tolist()):
                other[:, j] = np.where(np.isnan(table.floats(i)), self._on[j], self._off[j])
        else:
            for rows in _blocks(table.n_rows, self.n_features):
                absent = np.isnan(table.block[rows, self._missing])
                other[rows, : len(self._missing)] = np.where(absent, self._on, self._off)

    def _encode_categories(self, table: TableColumns, E: np.ndarray) -> None:
        plain, coded = self.n_numeric + len(self._missing), self.n_numeric + self.n_other
        for category in self._categories:
            keys, which = table.keys(category.column)
            codes = np.array([category.code(key) for key in keys], dtype=int)[which]
            width = category.table.shape[1]
            E[:, plain : plain + width] = category.table[codes]
            plain += width
            if category.embedded:
                E[:, coded] = codes
                coded += 1

    # ---- sparse -------------------------------------------------------------------------

    def _fit_sparse(self, X: Any, weight: np.ndarray | None) -> None:
        median = sparse_medians(X, weight)
        used = median > 0
        with np.errstate(over="ignore"):
            self._scale = np.minimum(1 / np.where(used, median, 1), LARGEST) * used
        self.n_numeric, self.n_other, self.cardinalities = 0, X.shape[1], ()

    def _encode_sparse(self, table: TableColumns, dtype: Any) -> Any:
        X = table.sparse
        if X is None:
            columns = [table.floats(i) for i in range(table.n_columns)]
            X = read_table(sparse.csr_matrix(np.stack(columns, axis=1))).sparse
        with np.errstate(over="ignore"):
            z = X.data * self._scale[X.indices]
        return type(X)((bend(z).astype(dtype), X.indices, X.indptr), shape=X.shape)


@dataclass(frozen=True)
class Category:
    """A column of levels: their codes, and for each code the values of the encoded columns."""

    column: int
    kind: str
    codes: dict[Any, int]
    one_type: bool  # are the levels all strings, or all numbers?
    table: np.ndarray
    look: Any  # what it is sorted by: how frequent its levels are, and what they are called

    @property
    def embedded(self) -> bool:
        """Is there a column of codes?"""
        return self.kind == "embedded"

    def code(self, key: Any) -> int:
        """The code of a level; 0 for what is missing, rare or new.

        An array of strings writes the number 1 as "1"; where levels are all numbers, or all
        strings, these mean the same.
        """
        if key in self.codes or key is None or not self.one_type:
            return self.codes.get(key, 0)
        spellings = _numbers(key) if isinstance(key, str) else _strings(key)
        return next((self.codes[s] for s in spellings if s in self.codes), 0)


def _numbers(key: str) -> list[float]:
    try:
        return [float(key)]
    except ValueError:
        return []


def _strings(key: float) -> list[str]:
    return [str(key), str(int(key))] if key == int(key) else [str(key)]


def _plain_columns(kind: str, n: np.ndarray) -> np.ndarray:
    """For each code a row of values, before they are scaled; `n` rows have the code."""
    if kind == "embedded":
        share = n / n.sum()
        share[0] = 0
        return share[:, np.newaxis]
    if kind == "binary":
        return np.array([[0.0], [-1.0], [1.0]])
    return np.eye(len(n))[:, 1:]


def _encode_table(values: np.ndarray, n: np.ndarray) -> np.ndarray:
    """Center, scale and bend columns of which row i occurs `n[i]` times; drop constant ones."""
    seen = n > 0
    columns = []
    for x in values.T:
        center, scale = center_and_scale(x[seen], n[seen])
        if scale:
            columns.append(robust(x, center, scale))
    return np.stack(columns, axis=1) if columns else np.empty((len(n), 0))


def _known(z: np.ndarray) -> np.ndarray:
    """What is missing is encoded as the median is: 0."""
    z[np.isnan(z)] = 0
    return z


def _counted(weight: np.ndarray | None) -> tuple[Any, np.ndarray | None]:
    """The rows that count, and how much; None if all count the same."""
    if weight is None:
        return slice(None), None
    rows = slice(None) if weight.all() else np.flatnonzero(weight)
    weight = weight[rows]
    if (weight != np.round(weight)).any():
        weight = weight / weight.mean()
    return rows, weight


def _count(which: np.ndarray, weight: np.ndarray | None, n: int) -> np.ndarray:
    return np.bincount(which, weights=weight, minlength=n).astype(np.float64)


def _blocks(n_rows: int, width: int) -> list[slice]:
    step = max(1, BLOCK // width)
    return [slice(start, start + step) for start in range(0, n_rows, step)]
