"""The first reading of a source: the number of rows, all labels, and a sample of the rows.

The sample has the rows with the smallest keys, where the key of a row is a hash of its number: a
uniform sample without replacement, the same in every reading.  A statistic of the sample differs
from that of all rows by sampling: the rank of a quantile q by ``sqrt(q (1 - q) / sample_rows)``,
0.2 % for the median and 50,000 rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from ..tables.containers import in_other_order, names_of
from ..tables.weights import count_rows, take_rows
from .readers import Batch, RowSource

SALT_OF_SAMPLE = 0
FIRST_ROWS = 10  # of each label, which are in the sample in any case
MOST_CELLS = 20_000_000  # of the sample: fewer rows of wide tables


@dataclass(eq=False)
class Survey:
    """What the first reading found.

    Parameters
    ----------
    source : RowSource
    n_rows : int
        Number of rows of the source.
    sample : Batch
        Some of the rows, in the order of the source; all of them, if there are few.
    numbers : ndarray of shape (n_sample,)
        The numbers of these rows in the source.
    misplaced : str or None
        The first labels or weights of a batch whose rows are in another order than those of X, by
        their index.
    """

    source: RowSource
    n_rows: int
    sample: Batch
    numbers: np.ndarray
    misplaced: str | None = None

    @property
    def is_complete(self) -> bool:
        """Does the sample have all rows?"""
        return len(self.numbers) == self.n_rows


def row_keys(numbers: np.ndarray, salt: int) -> np.ndarray:
    """For each row number an integer below 2⁶⁴ that looks random: SplitMix64.

    Steele, Lea & Flood, "Fast splittable pseudorandom number generators", OOPSLA (2014).

    >>> [hex(key) for key in row_keys(np.arange(2), salt=0)]
    ['0xe220a8397b1dcdaf', '0x6e789e6aa1b965f4']
    """
    step, mix1, mix2 = (
        np.uint64(x) for x in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB)
    )
    with np.errstate(over="ignore"):
        z = (np.asarray(numbers, np.uint64) + np.uint64(1)) * step + np.uint64(salt) * mix1
        z = (z ^ (z >> np.uint64(30))) * mix1
        z = (z ^ (z >> np.uint64(27))) * mix2
    return z ^ (z >> np.uint64(31))


def survey(source: RowSource, *, all_labels: bool = False) -> Survey:
    """Read a source once.

    Parameters
    ----------
    source : RowSource
    all_labels : bool, default=False
        Add the first rows of each label to the sample, so that rare labels are in it, too?

    Raises
    ------
    ValueError
        If the source has no rows, a batch whose parts differ in length, or one with other columns
        than the first, or with weights where the first one has none.
    """
    sample, n_rows, misplaced = Sample(source.sample_rows, all_labels=all_labels), 0, []
    for i, batch in enumerate(source.batches()):
        name = f"Batch {i} of the source"
        n = rows_of_batch(batch, name)
        misplaced += [f"{part} of batch {i}" for part in parts_in_other_order(batch)]
        sample.add(batch, np.arange(n_rows, n_rows + n), name)
        n_rows += n
    if n_rows == 0:
        raise ValueError("The source has no rows. Pass one with at least one row.")
    return Survey(source, n_rows, *sample.rows(), next(iter(misplaced), None))


def rows_of_batch(batch: Batch, name: str) -> int:
    """The number of rows of a batch, which messages call `name`."""
    n, n_labels = count_rows(batch.X), count_rows(batch.y)
    if n is None or n_labels != n:
        raise ValueError(
            f"{name} needs as many labels as rows, got X of type "
            f"{type(batch.X).__name__} with {n} rows and y of type {type(batch.y).__name__} with "
            f"{n_labels}."
        )
    weight = batch.sample_weight
    if weight is not None and count_rows(weight) != n:
        raise ValueError(
            f"{name} needs as many weights as rows, got {n} rows and "
            f"sample_weight of type {type(weight).__name__} with {count_rows(weight)}."
        )
    return n


def parts_in_other_order(batch: Batch) -> list[str]:
    """Which parts of a batch have the row labels (index) of X in another order."""
    others = {"y": batch.y, "sample_weight": batch.sample_weight}
    return [name for name, part in others.items() if in_other_order(batch.X, part)]


def _check_columns(X: Any, first: list[Any] | int | None, name: str) -> list[Any] | int | None:
    """The names or the number of the columns of a batch, which must be those of the first one."""
    found: list[Any] | int | None
    if hasattr(X, "columns") or hasattr(X, "column_names"):
        found = names_of(X)
    else:
        shape: tuple[int, ...] = np.shape(X[:1]) if isinstance(X, list) else getattr(X, "shape", ())
        found = shape[1] if len(shape) == 2 else None
    if type(found) is not type(first) or found == first:  # other containers are refused later
        return found if first is None else first
    n, n_first = (len(c) if isinstance(c, list) else c for c in (found, first))
    got = f"{n} columns, not {n_first}"
    if isinstance(found, list) and isinstance(first, list) and n == n_first:
        pairs = enumerate(zip(found, first, strict=True))
        j, (own, other) = next((j, pair) for j, pair in pairs if pair[0] != pair[1])
        got = f"{own!r} as column {j}, not {other!r}"
    raise ValueError(
        f"{name} needs the columns of the first one, in their order, got {got}. "
        "Choose the same columns in every batch."
    )


def _check_presence(has_weight: bool, first: bool | None, name: str) -> bool:
    """Are there weights?  All batches have them, or none has."""
    if first is None or has_weight == first:
        return has_weight
    raise ValueError(
        f"{name} {'has a' if has_weight else 'has no'} sample_weight, unlike the "
        "first one. Pass weights in all batches, or in none."
    )


def _first_rows(y: Any, counts: Counter[Any]) -> np.ndarray:
    """Which rows of a batch are among the first `FIRST_ROWS` of their label; counts are updated."""
    columns = np.atleast_2d(np.asarray(y).T)
    chosen: list[int] = []
    for c, column in enumerate(columns):
        # Labels that cannot be compared, such as None and 1, are refused later.
        column = column.astype(str) if column.dtype == object else column
        values, inverse = np.unique(column, return_inverse=True)
        for k, value in enumerate(values.tolist()):
            missing = FIRST_ROWS - counts[c, value]
            if missing > 0:
                rows = np.flatnonzero(inverse == k)[:missing]
                counts[c, value] += len(rows)
                chosen += rows.tolist()
    return np.unique(np.array(chosen, dtype=int))


class Sample:
    """The rows with the smallest keys so far, and the first rows of each label.

    The samples of the parts of some rows, added in their order, give the sample of all.

    Parameters
    ----------
    size : int
        Number of rows with the smallest keys.
    all_labels : bool
        Are the first rows of each label in the sample in any case?
    """

    def __init__(self, size: int, *, all_labels: bool) -> None:
        self.size, self.all_labels, self.n = size, all_labels, 0
        self.counts: Counter[Any] = Counter()
        self.always = np.empty(0, int)
        self.limit = np.uint64(2**64 - 1)  # rows with larger keys do not get in
        self.parts: list[tuple[Batch, np.ndarray]] = []
        self.columns: list[Any] | int | None = None
        self.has_weight: bool | None = None

    def add(self, batch: Batch, numbers: np.ndarray, name: str) -> None:
        """Take those rows of a batch that may belong to the sample; messages call it `name`."""
        if not len(numbers):
            return
        self.columns = _check_columns(batch.X, self.columns, name)
        has_weight = batch.sample_weight is not None
        self.has_weight = _check_presence(has_weight, self.has_weight, name)
        if self.all_labels:
            first = numbers[_first_rows(batch.y, self.counts)]
            self.always = np.concatenate([self.always, first])
        if not self.parts and len(getattr(batch.X, "shape", ())) == 2:
            self.size = max(1, min(self.size, MOST_CELLS // max(1, batch.X.shape[1])))
        chosen = self._chosen(numbers)
        if len(chosen):
            self.parts.append((_take(batch, chosen), numbers[chosen]))
            self.n += len(chosen)
        if self.n > 2 * self.size:
            self._shrink()

    def _chosen(self, numbers: np.ndarray) -> np.ndarray:
        small = row_keys(numbers, SALT_OF_SAMPLE) <= self.limit
        return np.flatnonzero(small | np.isin(numbers, self.always))

    def _shrink(self) -> None:
        keys = np.concatenate([row_keys(numbers, SALT_OF_SAMPLE) for _, numbers in self.parts])
        self.limit = np.partition(keys, self.size - 1)[self.size - 1]
        parts = []
        for batch, numbers in self.parts:
            kept = self._chosen(numbers)
            if len(kept):
                parts.append((_take(batch, kept), numbers[kept]))
        self.parts, self.n = parts, sum(len(numbers) for _, numbers in parts)

    def rows(self) -> tuple[Batch, np.ndarray]:
        """The sample as one batch, and the numbers of its rows."""
        if self.n > self.size:
            self._shrink()
        batches = [batch for batch, _ in self.parts]
        together = Batch(*(_concatenate(list(part)) for part in zip(*batches, strict=True)))
        return together, np.concatenate([numbers for _, numbers in self.parts])


def _take(batch: Batch, index: np.ndarray) -> Batch:
    return Batch(*(take_rows(part, index) for part in batch))


def _concatenate(parts: list[Any]) -> Any:
    """Arrays, tables or columns of one kind, one below the other."""
    first = parts[0]
    if len({type(part) for part in parts}) > 1:
        kinds = {f"{type(part).__module__.split('.')[0]}.{type(part).__name__}" for part in parts}
        raise ValueError(
            f"The batches of the source need one container, got {', '.join(sorted(kinds))}. "
            "Convert all batches to one of them."
        )
    if first is None or len(parts) == 1:
        return first
    if isinstance(first, list):
        return [row for part in parts for row in part]
    for attribute, join in JOINS.items():
        if hasattr(first, attribute):
            return join(parts)
    if len({part.dtype.kind in "SU" for part in parts}) > 1:
        raise ValueError(
            "The batches of the source need numbers in all of them or text in all of them, got "
            "both. Pass labels, and columns, of one kind."
        )
    return np.concatenate(parts)


def _join_pandas(parts: list[Any]) -> Any:
    """The rows of all parts; what is a category in each of them stays one.

    pandas makes plain numbers of two categorical columns whose levels differ.
    """
    import pandas

    together = pandas.concat(parts)
    if together.ndim == 1:
        return together
    categories = [
        name
        for name in together.columns
        if all(hasattr(part[name].dtype, "categories") for part in parts)
    ]
    return together.astype(dict.fromkeys(categories, "category"))


def _join_polars(parts: list[Any]) -> Any:
    import polars

    return polars.concat(parts)


def _join_arrow_tables(parts: list[Any]) -> Any:
    import pyarrow

    return pyarrow.concat_tables(parts)


def _join_arrow_columns(parts: list[Any]) -> Any:
    import pyarrow

    return pyarrow.chunked_array([chunk for part in parts for chunk in part.chunks])


# An attribute that the tables or columns of a library have, and how to join some of them.
JOINS: dict[str, Callable[[list[Any]], Any]] = {
    "iloc": _join_pandas,
    "column_names": _join_arrow_tables,
    "combine_chunks": _join_arrow_columns,
    "to_series": _join_polars,
    "to_frame": _join_polars,
    "tocsr": lambda parts: sparse.vstack(parts, format="csr"),
}
