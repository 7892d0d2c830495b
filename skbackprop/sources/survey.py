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
    """

    source: RowSource
    n_rows: int
    sample: Batch
    numbers: np.ndarray

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
        If the source has no rows, or a batch whose parts differ in length.
    """
    sample, n_rows, counts = _Sample(source.sample_rows), 0, Counter()
    for i, batch in enumerate(source.batches()):
        n = rows_of_batch(batch, i)
        first = _first_rows(batch.y, counts) if all_labels else np.empty(0, int)
        sample.add(batch, np.arange(n_rows, n_rows + n), first)
        n_rows += n
    if n_rows == 0:
        raise ValueError("The source has no rows. Pass one with at least one row.")
    return Survey(source, n_rows, *sample.rows())


def rows_of_batch(batch: Batch, i: int) -> int:
    """The number of rows of a batch."""
    n, n_labels = count_rows(batch.X), count_rows(batch.y)
    if n is None or n_labels != n:
        raise ValueError(
            f"Batch {i} of the source needs as many labels as rows, got X of type "
            f"{type(batch.X).__name__} with {n} rows and y of type {type(batch.y).__name__} with "
            f"{n_labels}."
        )
    return n


def _first_rows(y: Any, counts: Counter[Any]) -> np.ndarray:
    """Which rows of a batch are among the first `FIRST_ROWS` of their label; counts are updated."""
    columns = np.atleast_2d(np.asarray(y).T)
    chosen: list[int] = []
    for c, column in enumerate(columns):
        values, inverse = np.unique(column, return_inverse=True)
        for k, value in enumerate(values.tolist()):
            missing = FIRST_ROWS - counts[c, value]
            if missing > 0:
                rows = np.flatnonzero(inverse == k)[:missing]
                counts[c, value] += len(rows)
                chosen += rows.tolist()
    return np.unique(np.array(chosen, dtype=int))


class _Sample:
    """The rows with the smallest keys so far, and some that belong to it in any case."""

    def __init__(self, size: int) -> None:
        self.size, self.n = size, 0
        self.always = np.empty(0, int)
        self.limit = np.uint64(2**64 - 1)  # rows with larger keys do not get in
        self.parts: list[tuple[Batch, np.ndarray]] = []

    def add(self, batch: Batch, numbers: np.ndarray, always: np.ndarray) -> None:
        """Take those rows of a batch that may belong to the sample."""
        self.always = np.concatenate([self.always, numbers[always]])
        if not self.parts and not len(numbers):
            return
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
        kinds = sorted({type(part).__name__ for part in parts})
        raise ValueError(f"The batches of the source need one container, got {', '.join(kinds)}.")
    if first is None or len(parts) == 1:
        return first
    if isinstance(first, list):
        return [row for part in parts for row in part]
    for attribute, join in JOINS.items():
        if hasattr(first, attribute):
            return join(parts)
    return np.concatenate(parts)


def _join_pandas(parts: list[Any]) -> Any:
    import pandas

    return pandas.concat(parts)


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
