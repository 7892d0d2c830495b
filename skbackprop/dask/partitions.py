"""The rows of Dask collections: partition by partition, on the workers that hold them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..estimators.inputs import warn_by_position
from ..optional import optional
from ..sources import Batch, Survey
from ..sources.readers import column_of, without
from ..sources.survey import Sample, parts_in_other_order, rows_of_batch
from .cluster import Cluster

KINDS = "Dask arrays, Dask DataFrames or Series, or lists of delayed partitions"


@dataclass
class Partitions:
    """The partitions of a table, its labels and its weights.

    Parameters
    ----------
    cluster : Cluster
    delayed : dict of int to Delayed
        Each is a `Batch`, by its number.
    n_rows_of : dict of int to int
        How many rows each of them has.  Partitions without rows are left out.
    sample_rows : int
        See `RowSource`.
    held : dict of int to Future
        The partitions as long as they are needed: they are computed once.
    """

    cluster: Cluster
    delayed: dict[int, Any]
    n_rows_of: dict[int, int]
    sample_rows: int
    held: dict[int, Any]

    @property
    def spans(self) -> dict[int, tuple[int, int]]:
        """Of each partition the number of its first row in the table, and how many it has."""
        ends = np.cumsum([0, *self.n_rows_of.values()]).tolist()
        return {
            i: (first, n) for (i, n), first in zip(self.n_rows_of.items(), ends[:-1], strict=True)
        }

    def survey(self, *, all_labels: bool) -> Survey:
        """The same sample as `sources.survey` takes of the same rows, in whatever partitions."""
        cluster, size = self.cluster, self.sample_rows
        jobs = {
            i: cluster.submit(sample_of, self.held[i], first, size, all_labels, f"Partition {i}")
            for i, (first, _) in self.spans.items()
        }
        sample = Sample(size, all_labels=all_labels)
        for i in jobs:
            batch, numbers = cluster.result(jobs[i], f"Partition {i}")
            sample.add(batch, numbers, f"Partition {i}")
        return Survey(self, sum(self.n_rows_of.values()), *sample.rows())  # type: ignore[arg-type]


def open_partitions(
    cluster: Cluster, X: Any, y: Any, sample_weight: Any, sample_rows: int
) -> Partitions:
    """The partitions of the arguments of `fit`.

    Raises
    ------
    ValueError
        If they are not divided alike, or have no rows.
    TypeError
        If some are in memory.
    """
    from dask.delayed import delayed

    columns = {"y": y, "sample_weight": sample_weight}
    names = {name: column for name, column in columns.items() if isinstance(column, str)}
    check_given(X, y, names)
    divided = {"X": delayed_parts("X", X)}
    for name, column in columns.items():
        if name not in names and column is not None:
            divided[name] = delayed_parts(name, like_rows(column, X))
    lengths = {name: len(parts) for name, parts in divided.items()}
    if len(set(lengths.values())) > 1:
        raise ValueError(
            f"X, y and sample_weight need the same partitions, got {lengths}. Divide them alike, "
            "by repartition or rechunk."
        )
    make = delayed(batch_of, pure=False)
    batches = {
        i: make(**{name: parts[i] for name, parts in divided.items()}, names=names, i=i)
        for i in range(lengths["X"])
    }
    parts = cluster.compute(batches)
    jobs = {i: cluster.submit(rows_and_order, part, f"Partition {i}") for i, part in parts.items()}
    found = {i: cluster.result(job, f"Partition {i}") for i, job in jobs.items()}
    misplaced = [f"{name} of partition {i}" for i, (_, others) in found.items() for name in others]
    if misplaced:
        warn_by_position(misplaced[0])
    n_rows_of = {i: n for i, (n, _) in found.items() if n > 0}
    if not n_rows_of:
        raise ValueError("X has no rows in any partition. Pass at least one row.")
    kept, held = ({i: each[i] for i in n_rows_of} for each in (batches, parts))
    return Partitions(cluster, kept, n_rows_of, sample_rows, held)


def check_given(X: Any, y: Any, names: dict[str, str]) -> None:
    """Refuse what can be refused before anything is computed."""
    if y is None:
        raise ValueError(
            "y is required, got None. Pass labels with the partitions of X, or the name of a "
            "column of X."
        )
    if not is_collection(X):
        return
    if X.ndim != 2:
        raise ValueError(
            f"X needs rows and columns, got {type(X).__name__} of {X.ndim} dimension(s). One "
            "column is X[:, None], or X.to_frame()."
        )
    for column in names.values():
        column_of(X, column, "X")


def is_collection(data: Any) -> bool:
    """Is it a Dask array, DataFrame or Series?"""
    from dask.base import is_dask_collection

    kind = type(data)
    return is_dask_collection(data) and hasattr(kind, "to_delayed") and hasattr(kind, "ndim")


def is_part(data: Any) -> bool:
    """Is it something that is computed on a cluster?"""
    with optional("skbackprop.dask", "skbackprop[dask]"):
        from dask.base import is_dask_collection
        from distributed import Future
    return isinstance(data, Future) or is_dask_collection(data)


def is_partitioned(data: Any) -> bool:
    """Are the rows on a cluster?  `delayed_parts` divides them, or says why it cannot."""
    if isinstance(data, (list, tuple)) and data:
        return is_part(data[0])
    return is_part(data)


def delayed_parts(name: str, data: Any) -> list[Any]:
    """The partitions of a collection; a list of partitions is left as it is."""
    if isinstance(data, (list, tuple)) and data and all(map(is_part, data)):
        return list(data)
    if not is_collection(data):
        got = type(data).__name__
        if isinstance(data, (list, tuple)):
            got += f" of {', '.join(sorted({type(part).__name__ for part in data}))}"
        raise TypeError(
            f"{name} needs one of {KINDS}, got {got}. Convert it, for example by "
            "dask.array.from_array or dask.dataframe.from_pandas; one partition is [part]."
        )
    if hasattr(data, "chunks") and data.ndim == 2:
        data = data.rechunk({1: -1})  # all columns of a row together
    return list(np.ravel(np.array(data.to_delayed(), dtype=object)))


def like_rows(column: Any, X: Any) -> Any:
    """An array of labels or weights, in the chunks of an array X."""
    both = hasattr(column, "chunks") and hasattr(X, "chunks") and column.shape[:1] == X.shape[:1]
    if both and column.chunks[0] != X.chunks[0] and not np.isnan(X.shape[0]):
        return column.rechunk({0: X.chunks[0]})
    return column


def batch_of(X: Any, y: Any = None, sample_weight: Any = None, *, names: Any, i: int) -> Batch:
    """A partition with labels and weights, some of which may be columns of X."""
    columns = {"y": y, "sample_weight": sample_weight}
    for name, column in names.items():
        columns[name] = column_of(X, column, f"Partition {i}")
    return Batch(without(X, list(names.values())) if names else X, **columns)


def rows_and_order(batch: Batch, name: str) -> tuple[int, list[str]]:
    """The number of rows of a partition, and what has their labels in another order."""
    return rows_of_batch(batch, name), parts_in_other_order(batch)


def sample_of(
    batch: Batch, first: int, size: int, all_labels: bool, name: str
) -> tuple[Batch, np.ndarray]:
    """Those rows of a partition that may be in the sample, and their numbers."""
    sample = Sample(size, all_labels=all_labels)
    sample.add(batch, first + np.arange(rows_of_batch(batch, name)), name)
    return sample.rows()
