r"""From the columns of a table to the one matrix of numbers that a network reads.

- A **number** becomes one column.  Where it is missing it is 0, the median, and if it was
  missing in training a second column says so.  Dates, durations and times of day are numbers of
  seconds; text that writes numbers or dates is read as `reading` says.
- A **category** becomes what `categories` says.
- The **effects** of the values of some of these columns are further columns; see
  `value_effects`.

All of these columns but the codes of levels are scaled and clipped as `scaling` says.  With
`whiten` there are the columns of `whitening`, too.  A column
that is constant in training is left out, and so is text with nearly as many levels as rows.

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

from copy import copy
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.utils import check_consistent_length

from .categories import Category, count_levels, learn_category, rows_of_each
from .cells import TEXT
from .columns import TableColumns, read_table
from .numeric import NumericColumn
from .reading import PLAIN, Reading, floats, recognize, typed_reading
from .report import EFFECTS_WORDS, fit_message, levels_words, reading_words, report_rows
from .running import POINTS
from .scaling import LARGEST, robust_scale, smooth_clip, sparse_medians, weight_of
from .selection import category_mask
from .value_effects import ValueEffect, encode_effects
from .weights import as_counts, spread_rows
from .whitening import MOST_ROWS, Whitening, few_missing, learn_whitening

BLOCK = 1 << 16  # numbers that are encoded at once, so that they stay in the cache
MOST_LEVELS = 0.5  # text with more levels than this share of the rows is left out
# A sparse matrix is encoded as the dense table with the same entries if that is small: if it has
# few columns and bytes, or a large share of entries.
FEW_COLUMNS, FEW_BYTES = 300, 100e6
LARGE_SHARE, MOST_BYTES = 0.1, 1e9


class ColumnEncoder:
    """Encode tables as matrices of numbers.

    The columns of the matrix come in three groups: `n_numeric` numbers, then `n_other` columns
    for what is missing, for categories, and whitened ones, then one column of codes for each entry
    of `cardinalities`.  A sparse matrix that is small when dense is encoded as the dense table (see
    `is_small_when_dense`).  Others stay sparse: their columns are scaled and clipped, but not
    centered, and count as other columns.

    Parameters
    ----------
    categorical_features : "from_dtype", array-like of {bool, int, str} or None
        Which columns are categories: those of booleans, categorical dtypes and text that is
        neither numbers nor dates; or names, indices or a mask of the columns; or none.
    max_one_hot : int
        Up to this many levels each level gets a column, beyond there is a column of codes.
    min_frequency : float
        Levels of a large category that have fewer rows, counted by weight, share code 0.
    whiten : bool
        Add whitened columns?

    Attributes
    ----------
    n_numeric, n_other : int
        Number of encoded columns in the first two groups.
    cardinalities : tuple of int
        Number of codes, including code 0, of each column of the third group.
    notes : dict of int to str
        What became of columns of text that are not categories, for `message`.
    """

    n_numeric: int
    n_other: int
    cardinalities: tuple[int, ...]
    effects: tuple[ValueEffect, ...] = ()  # until `with_effects`
    _whitening: Whitening | None = None

    def __init__(
        self,
        categorical_features: Any = "from_dtype",
        max_one_hot: int = 8,
        min_frequency: float = 2,
        whiten: bool = False,
    ) -> None:
        self.categorical_features = categorical_features
        self.max_one_hot = max_one_hot
        self.min_frequency = min_frequency
        self.whiten = whiten

    @property
    def n_encoded(self) -> int:
        """Number of columns of the encoded matrix."""
        return self.n_numeric + self.n_other + len(self.cardinalities)

    @property
    def whitened(self) -> slice:
        """The places of the whitened columns, before those of the effects of values."""
        stop = self._places_of_effects.start
        return slice(stop - len(self.whitened_columns), stop)

    @property
    def whitened_columns(self) -> list[int]:
        """The column of the table that each whitened column belongs to."""
        return [] if self._whitening is None else self._whitening.own.tolist()

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
        if table.sparse is not None and is_small_when_dense(table.sparse):
            table = table.dense()
        self._sparse = table.sparse is not None
        self.notes: dict[int, str] = {}
        self._left_out: dict[int, str] = {}
        self._readings: dict[int, Reading] = {}  # of columns that are not plain numbers
        if self._sparse:
            if mask.any():
                raise ValueError(
                    "categorical_features needs a dense table, got a large sparse matrix. Pass a "
                    "DataFrame or an array, or categorical_features=None."
                )
            self._fit_sparse(table.sparse[rows], weight)
        else:
            self._fit_dense(table, mask, rows, weight)
        return self

    def transform(self, X: Any, dtype: Any = np.float32, notes: list[str] | None = None) -> Any:
        """Encode: an array in C order, or CSR if the encoder was fitted to a sparse matrix.

        Sentences about cells that count as missing or unknown are added to `notes`.
        """
        table = read_table(X)
        self.check_columns(table)
        if self._sparse:
            return self._encode_sparse(table, dtype)
        table = table.dense()
        E = np.empty((table.n_rows, self.n_encoded), dtype)
        self._encode_numbers(table, E, notes)
        self._encode_categories(table, E, notes)
        self._encode_whitened(table, E)
        if self.effects:
            E[:, self._places_of_effects] = encode_effects(self, table)
        if self._is_empty:
            E.fill(0)
        return E

    def check_columns(self, table: TableColumns) -> None:
        """Raise an error if a table has more or fewer columns than that of `fit`."""
        if table.n_columns != self.n_features:
            raise ValueError(
                f"X has {table.n_columns} features, but ColumnEncoder is expecting "
                f"{self.n_features} features as input. Pass the columns of fit."
            )

    def describe(self) -> list[tuple[str | int, str, int]]:
        """What became of each column: name or index, kind, number of encoded columns."""
        if self._sparse:
            return [(self._name(i), "sparse", 1) for i in range(self.n_features)]
        widths = dict.fromkeys(range(self.n_features), 0)
        kinds = dict.fromkeys(range(self.n_features), "constant") | self._left_out
        for i in [*self._numeric.tolist(), *self._missing.tolist(), *self.whitened_columns]:
            kinds[i] = "numeric"
            widths[i] += 1
        for category in self._categories:
            kinds[category.column] = category.kind
            widths[category.column] = category.table.shape[1] + category.embedded
        for effect in self.effects:
            widths[effect.column] += effect.width
        return [(self._name(i), kinds[i], widths[i]) for i in range(self.n_features)]

    def report(self) -> list[dict[str, Any]]:
        """What became of each column, as dictionaries: see `report`."""
        effects = {effect.column: EFFECTS_WORDS for effect in self.effects}
        return report_rows(self.describe(), self._readings, effects, self.notes)

    def message(self) -> str:
        """The text of one warning about columns of text; empty if there are none."""
        return fit_message({repr(self._name(i)): words for i, words in self.notes.items()})

    # ---- effects of values --------------------------------------------------------------

    def columns_of_numbers(self) -> list[int]:
        """The columns that are encoded as numbers, in the order of their encoded columns."""
        return self._numeric.tolist()

    def read_numbers(
        self, table: TableColumns, i: int, notes: list[str] | None = None
    ) -> np.ndarray:
        """Column i of a table as numbers, read as in `fit`; see `reading.floats`."""
        return floats(table, i, self._readings.get(i, PLAIN), notes)

    def read_columns(self, table: TableColumns, columns: np.ndarray) -> np.ndarray:
        """Some columns of a table as numbers, ``(n, d)``, read as in `fit`."""
        if table.block is not None and not self._readings:
            return table.block[:, columns].astype(np.float64)
        return np.stack([self.read_numbers(table, i) for i in columns.tolist()], axis=1)

    def sign_of(self, i: int) -> float:
        """-1 if column i is encoded in the opposite direction."""
        return float(np.sign(self._scale[self._numeric == i][0]))

    @property
    def _places_of_effects(self) -> slice:
        end = self.n_numeric + self.n_other
        return slice(end - sum(effect.width for effect in self.effects), end)

    def with_effects(
        self, effects: tuple[ValueEffect, ...], E: np.ndarray, columns: np.ndarray
    ) -> tuple[ColumnEncoder, np.ndarray]:
        """An encoder with these effects, and the rows E with the columns of the effects.

        E are rows that this encoder has encoded.
        """
        new, old = copy(self), self._places_of_effects
        new.effects = effects
        new.count_columns()
        parts = [E[:, : old.start], columns.astype(E.dtype), E[:, old.stop :]]
        return new, np.concatenate(parts, axis=1)

    def _name(self, i: int) -> str | int:
        return i if self.names is None else self.names[i]

    # ---- learning -----------------------------------------------------------------------

    def _fit_dense(
        self, table: TableColumns, mask: np.ndarray, rows: Any, weight: np.ndarray | None
    ) -> None:
        numbers, categories = [], []
        known: dict[int, np.ndarray] = {}  # the numbers that may be whitened
        for i in range(self.n_features):
            reading = self._reading(table, i, bool(mask[i]), rows, weight)
            if reading is None:
                categories.append(self._learn_levels(table, i, rows, weight))
            else:
                if reading != PLAIN:
                    self._readings[i] = reading
                x = floats(table, i, reading)[rows]
                numbers.append(NumericColumn.learn(i, x, weight))
                some = spread_rows(len(x), MOST_ROWS)
                few = self.whiten and few_missing(x[some], weight_of(weight, some))
                if few and numbers[-1].scale:
                    known[i] = x[some]
        # The same model from the same columns, in whatever order they come.
        numbers.sort(key=lambda column: column.sort_key)
        self._arrange(numbers)
        if len(known) > 1:
            self._whitening = self._learn_whitening(known, weight)
        used = [category for category in categories if category and category.kind != "constant"]
        self._categories = sorted(used, key=lambda category: category.sort_key)
        self._constant = [c for c in categories if c and c.kind == "constant"]
        numbers.sort(key=lambda column: column.column)
        self._followed = np.array([column.column for column in numbers], dtype=int)
        self._points = np.reshape([column.points for column in numbers], (-1, POINTS))
        self._known = np.array([column.n_known for column in numbers])
        self._waiting = np.empty((0, len(numbers) + 1))  # the last column: weights
        self.count_columns()

    def _reading(
        self, table: TableColumns, i: int, chosen: bool, rows: Any, weight: np.ndarray | None
    ) -> Reading | None:
        """How column i is read as numbers; None for a category."""
        is_text = TEXT in table.families(i)
        if chosen and not (is_text and self._is_by_dtype(table, i)):
            return None
        if not is_text:
            return typed_reading(table, i)
        if table.only_text(i) and table.is_plain_text(i):
            return PLAIN
        cells = table.cells(i)
        counts = rows_of_each(cells.inverse[rows], weight, len(cells.distinct))
        reading = recognize(table, i, counts, self.max_one_hot if chosen else 0)
        if reading is not None:
            self.notes[i] = reading_words(reading)
        return reading if reading is not None or chosen else PLAIN

    def _learn_levels(
        self, table: TableColumns, i: int, rows: Any, weight: np.ndarray | None
    ) -> Category | None:
        """The levels of column i, and their encoding; None if it is left out."""
        counts, absent = count_levels(table, i, rows, weight)
        families, n_known = table.families(i), sum(counts.values())
        many = len(counts) > max(self.max_one_hot, MOST_LEVELS * n_known)
        if many and TEXT in families and self._is_by_dtype(table, i):
            if len(counts) > 1:
                self._left_out[i] = "left out"
                self.notes[i] = levels_words(len(counts), n_known)
            return None
        limits = self.max_one_hot, self.min_frequency
        return learn_category(i, families, counts, absent, limits)

    def _is_by_dtype(self, table: TableColumns, i: int) -> bool:
        """Tell whether neither the user nor the container declares what column i is."""
        return isinstance(self.categorical_features, str) and not table.is_declared(i)

    def _learn_whitening(
        self, known: dict[int, np.ndarray], weight: np.ndarray | None
    ) -> Whitening | None:
        places = [j for j, i in enumerate(self._numeric.tolist()) if i in known]
        columns = self._numeric[places]
        x = np.stack([known[i] for i in columns.tolist()], axis=1)
        if weight is not None:
            weight = weight[spread_rows(len(weight), MOST_ROWS)]
        return learn_whitening(columns, x, self._center[places], self._scale[places], weight)

    def _arrange(self, numbers: list[NumericColumn]) -> None:
        """The arrays of the numeric columns, and of the columns that say what is missing."""
        numeric = [column for column in numbers if column.scale]
        missing = [column for column in numbers if column.missing is not None]
        self._numeric = np.array([column.column for column in numeric], dtype=int)
        self._center = np.array([column.center for column in numeric])
        self._scale = np.array([column.scale for column in numeric])
        self._missing = np.array([column.column for column in missing], dtype=int)
        self._off, self._on = np.reshape([column.missing for column in missing], (-1, 2)).T

    def count_columns(self) -> None:
        """Count the encoded columns of each group."""
        embedded = [len(category.table) for category in self._categories if category.embedded]
        self.n_numeric, self.cardinalities = len(self._numeric), tuple(embedded)
        self.n_other = len(self._missing) + len(self.whitened_columns)
        self.n_other += sum(category.table.shape[1] for category in self._categories)
        self.n_other += sum(effect.width for effect in self.effects)
        self._is_empty = self.n_encoded == 0
        self.n_other += self._is_empty  # a network needs an input: a column of zeros

    # ---- encoding -----------------------------------------------------------------------

    def _encode_numbers(self, table: TableColumns, E: np.ndarray, notes: Any) -> None:
        if table.block is None or self._readings:
            self._encode_numbers_by_column(table, E, notes)
            return
        other = E[:, self.n_numeric :]
        for rows in _blocks(table.n_rows, self.n_features):
            if self.n_numeric:
                z = robust_scale(table.block[rows, self._numeric], self._center, self._scale)
                E[rows, : self.n_numeric] = z if table.complete else _known(z)
            if len(self._missing):
                absent = np.isnan(table.block[rows, self._missing])
                other[rows, : len(self._missing)] = np.where(absent, self._on, self._off)

    def _encode_numbers_by_column(self, table: TableColumns, E: np.ndarray, notes: Any) -> None:
        numeric = {i: j for j, i in enumerate(self._numeric.tolist())}
        missing = {i: j for j, i in enumerate(self._missing.tolist())}
        for i in sorted({*numeric, *missing}):
            x = self.read_numbers(table, i, notes)
            if i in missing:
                j = missing[i]
                E[:, self.n_numeric + j] = np.where(np.isnan(x), self._on[j], self._off[j])
            if i in numeric:
                j = numeric[i]
                E[:, j] = _known(robust_scale(x, self._center[j], self._scale[j]))

    def _encode_categories(self, table: TableColumns, E: np.ndarray, notes: Any) -> None:
        plain, coded = self.n_numeric + len(self._missing), self.n_numeric + self.n_other
        for category in self._categories:
            codes = category.codes(table, notes)
            width = category.table.shape[1]
            E[:, plain : plain + width] = category.table[codes]
            plain += width
            if category.embedded:
                E[:, coded] = codes
                coded += 1

    def _encode_whitened(self, table: TableColumns, E: np.ndarray) -> None:
        whitening, of_rows = self._whitening, E[:, self.whitened]
        if whitening is None:
            return
        block = None if self._readings else table.block
        read = whitening.columns.tolist() if block is None else []
        columns = [self.read_numbers(table, i) for i in read]
        for rows in _blocks(table.n_rows, self.n_features):
            if block is None:
                x = np.stack([column[rows] for column in columns], axis=1)
            else:
                x = block[rows, whitening.columns]
            of_rows[rows] = whitening.transform(x)

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
            numbers = self.read_columns(table, np.arange(table.n_columns))
            X = read_table(sparse.csr_matrix(numbers)).sparse
        with np.errstate(over="ignore"):
            z = X.data * self._scale[X.indices]
        return type(X)((smooth_clip(z).astype(dtype), X.indices, X.indptr), shape=X.shape)


def is_small_when_dense(X: Any) -> bool:
    """Is a sparse matrix a table, and not the many columns with few entries of text?

    It is if the array in double precision has at most `FEW_COLUMNS` columns and `FEW_BYTES`, or
    if at least `LARGE_SHARE` of the entries are stored and the array has at most `MOST_BYTES`.
    """
    n_entries = X.shape[0] * X.shape[1]
    few = X.shape[1] <= FEW_COLUMNS and 8 * n_entries <= FEW_BYTES
    return few or (X.nnz >= LARGE_SHARE * n_entries and 8 * n_entries <= MOST_BYTES)


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
    return rows, as_counts(weight, len(weight))


def _blocks(n_rows: int, width: int) -> list[slice]:
    step = max(1, BLOCK // width)
    return [slice(start, start + step) for start in range(0, n_rows, step)]
