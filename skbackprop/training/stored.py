"""Training rows in files, for tables that are larger than memory.

The encoded rows are written once, in buckets.  If each row goes to a random bucket, every bucket
is a random part of the rows, in whatever order they came.  An epoch visits the buckets in a new
order, one in memory at a time, and shuffles the rows of each.

>>> import numpy as np
>>> rows = Rows(np.arange(10.0)[:, None], np.zeros((10, 1)))
>>> with StoredRows((1, 1), np.float64, n_buckets=2, n_folds=1) as stored:
...     stored.write(rows, bucket=np.arange(10) % 2, fold=np.zeros(10, int))
...     batches = StoredBatches(stored, batch_size=2)
...     order = batches.order(None, np.random.RandomState(0))
...     seen = [batch.x.ravel().tolist() for batch in batches.epoch(order)]
>>> len(batches), seen
(4, [[4.0, 2.0], [0.0, 8.0], [3.0, 9.0], [7.0, 1.0]])
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

import numpy as np

from .batches import NO_FOLD, Batches, Rows


class StoredRows:
    """Encoded rows in a temporary folder, which is removed at the end of the ``with`` block.

    Parameters
    ----------
    widths : tuple of int
        Numbers in a row of the input, and of the target.
    dtype : dtype
        Of the network.
    n_buckets : int
        Number of parts, each of which has to fit into memory.
    n_folds : int
        Number of parts of which one can be left out in training.
    has_weight : bool
        Is there a weight for each row?
    folder : str or path-like, optional
        Where the folder is made; by default among the temporary files of the system.
    """

    in_one_stack = False  # must all members be trained together?

    def __init__(
        self,
        widths: tuple[int, int],
        dtype: Any,
        n_buckets: int,
        n_folds: int,
        *,
        has_weight: bool = False,
        folder: Any = None,
    ) -> None:
        self.widths, self.dtype, self.has_weight = widths, np.dtype(dtype), has_weight
        self.counts = np.zeros((n_buckets, n_folds), np.int64)  # rows
        self.sum_of_weights = 0.0
        self._folder = TemporaryDirectory(prefix="skbackprop-", dir=folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._folder.cleanup()

    @property
    def n(self) -> int:
        """Number of rows."""
        return int(self.counts.sum())

    @property
    def weight(self) -> np.ndarray | None:
        """The mean weight, as an array of one number; None stands for ones."""
        return np.array([self.sum_of_weights / max(self.n, 1)]) if self.has_weight else None

    def write(self, rows: Rows, bucket: np.ndarray, fold: np.ndarray) -> None:
        """Append rows to their buckets."""
        np.add.at(self.counts, (bucket, fold), 1)
        parts = [rows.target, fold[:, None].astype(self.dtype)]
        if self.has_weight:
            assert rows.weight is not None
            parts.append(rows.weight[:, None])
            self.sum_of_weights += float(rows.weight.sum())
        rest = np.concatenate(parts, axis=1, dtype=self.dtype, casting="unsafe")
        for b in np.unique(bucket).tolist():
            chosen = np.flatnonzero(bucket == b)
            for name, values in (("x", rows.x), ("rest", rest)):
                with self._path(b, name).open("ab") as file:
                    np.ascontiguousarray(values[chosen], self.dtype).tofile(file)

    def read(self, bucket: int) -> tuple[Rows, np.ndarray]:
        """The rows of a bucket, and the fold of each."""
        n_features, n_targets = self.widths
        if not self.counts[bucket].any():
            empty = np.empty((0, n_features + n_targets), self.dtype)
            return Rows(empty[:, :n_features], empty[:, n_features:]), np.empty(0, int)
        x = np.fromfile(self._path(bucket, "x"), self.dtype).reshape(-1, n_features)
        rest = np.fromfile(self._path(bucket, "rest"), self.dtype).reshape(len(x), -1)
        weight = np.ascontiguousarray(rest[:, n_targets + 1]) if self.has_weight else None
        target = np.ascontiguousarray(rest[:, :n_targets])
        return Rows(x, target, weight), rest[:, n_targets].astype(int)

    def batches(
        self, batch_size: int, shuffle: bool, left_out: int | Sequence[int], micro: int | None
    ) -> StoredBatches:
        """The mini-batches of these rows."""
        return StoredBatches(self, batch_size, shuffle, left_out, micro)

    def _path(self, bucket: int, name: str) -> Path:
        return Path(self._folder.name) / f"{bucket}.{name}"


@dataclass(eq=False)
class FoldedBatches:
    """Mini-batches of rows that lie in parts, such as files; used as `Batches`.

    Parameters
    ----------
    rows : StoredRows or ShardedRows
        With ``counts``, the number of rows in each part and fold.
    batch_size : int
    shuffle : bool
        Is the order new in every epoch?
    left_out : int or sequence of int
        The fold that is not trained on: of one network, or of each member; `NO_FOLD` for none.
    micro_batch_size : int or None
        See `Batches`.

    Attributes
    ----------
    used : ndarray of shape (n_parts,)
        For each part the number of rows that an epoch uses (of each member).
    """

    rows: Any
    batch_size: int = 200
    shuffle: bool = True
    left_out: int | Sequence[int] = NO_FOLD
    micro_batch_size: int | None = None
    used: np.ndarray = field(init=False, repr=False)

    def __post_init__(self) -> None:
        counts = self.rows.counts
        without = [
            counts.sum(axis=1) - (0 if fold == NO_FOLD else counts[:, fold])
            for fold in folds_of(self.left_out)
        ]
        self.used = np.min(without, axis=0)

    @property
    def rows_per_pass(self) -> int:
        """Largest number of rows that are propagated together."""
        return self.micro_batch_size or self.batch_size

    @property
    def n_rows(self) -> int:
        """Rows of an epoch (of each member)."""
        return int(self.used.sum())


def folds_of(left_out: int | Sequence[int]) -> Sequence[int]:
    """The fold that is left out, of one network, or those of the members."""
    return [left_out] if isinstance(left_out, int) else left_out


@dataclass(eq=False)
class StoredBatches(FoldedBatches):
    """The mini-batches of stored rows.

    A batch has rows of one bucket.  With `shuffle`, the random rows of a bucket that do not fill a
    batch are left out of the epoch.
    """

    _buffers: dict[tuple[str, int], np.ndarray] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.shuffle:
            whole = self.used // self.batch_size * self.batch_size
            self.used = np.where(whole > 0, whole, self.used)

    def __len__(self) -> int:
        """Number of batches in an epoch."""
        return int((-(-self.used // self.batch_size)).sum())

    def order(self, previous: Any, rng: Any) -> Any:
        """The order of the next epoch: the seed of a generator."""
        return np.array([rng.randint(2**31)]) if self.shuffle else None

    def epoch(self, order: Any) -> Iterator[Rows]:
        """The batches of one epoch."""
        rng = None if order is None else np.random.default_rng(order)
        buckets = np.arange(len(self.used))
        for bucket in (buckets if rng is None else rng.permutation(buckets)).tolist():
            if not self.used[bucket]:
                continue
            rows, fold = self.rows.read(bucket)
            orders = []
            for left_out in folds_of(self.left_out):
                kept = np.flatnonzero(fold != left_out)
                kept = kept if rng is None else rng.permutation(kept)
                orders.append(kept[: self.used[bucket]])
            members = None if isinstance(self.left_out, int) else orders
            batches = Batches(rows, self.batch_size, members=members, _buffers=self._buffers)
            yield from batches.epoch(orders[0] if members is None else orders)
