"""Who is in each mini-batch.

An epoch visits every row once.  The rows of a batch are copied into one fixed
buffer; the input itself is never copied, reordered or made dense.  Members of an ensemble
have rows and an order of their own, and their batches come stacked, ``(k, batch, …)``.

>>> import numpy as np
>>> batches = Batches(np.arange(10.0)[:, None], np.zeros((10, 1)), batch_size=4, shuffle=False)
>>> [x.ravel().tolist() for x, *_ in batches.epoch(None)]
[[0.0, 1.0, 2.0, 3.0], [4.0, 5.0, 6.0, 7.0], [8.0, 9.0]]
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

GATHER = 2**16  # numbers of x that are copied at once: they stay in the cache

Batch: TypeAlias = tuple[Any, np.ndarray, "np.ndarray | None", Any]


@dataclass
class Batches:
    """The training rows, dealt out in mini-batches.

    Parameters
    ----------
    x : ndarray or CSR of shape (n, n_features)
    target : ndarray of shape (n, n_targets)
    weight : ndarray of shape (n,) or None
        None stands for ones.
    batch_size : int
        Rows in a batch; the last one of an epoch may have fewer.
    shuffle : bool
        Deal in a new order every epoch?
    normalizer : ndarray of shape (n,) or None
        The sum of a batch's losses is divided by the sum of its masses; None stands
        for the weights.
    members : sequence of ndarray, or None
        The numbers of the rows that each member learns from; None stands for one network
        that learns from all.  `x` is not sparse then.
    micro_batch_size : int or None
        Rows of a batch that are propagated together, those of the next part after them: one
        step, and room for the activations of a part.  None stands for all rows of the batch.
    """

    x: Any
    target: np.ndarray
    weight: np.ndarray | None = None
    batch_size: int = 200
    shuffle: bool = True
    normalizer: np.ndarray | None = None
    members: Sequence[np.ndarray] | None = None
    micro_batch_size: int | None = None
    _buffers: dict[tuple[str, int], np.ndarray] = field(default_factory=dict, repr=False)

    @property
    def rows_per_micro_batch(self) -> int:
        """Rows that are propagated together, at most."""
        return self.micro_batch_size or self.batch_size

    @property
    def n_rows(self) -> int:
        """Rows that a member sees in an epoch."""
        if self.members is None:
            return int(self.x.shape[0])
        # Where some have a row more than others, they miss a random one in each epoch.
        return min(len(rows) for rows in self.members)

    def __len__(self) -> int:
        """Number of batches in an epoch."""
        return -(-self.n_rows // self.batch_size)

    def order(self, previous: Any, rng: Any) -> Any:
        """The order of the next epoch: the previous one, shuffled once more."""
        if self.members is not None:
            return self._order_of_members(previous, rng)
        if not self.shuffle:
            return None
        n = self.x.shape[0]
        order = np.arange(n) if previous is None or len(previous) != n else previous
        rng.shuffle(order)  # in place: the draws and the result are scikit-learn's
        return order

    def _order_of_members(self, previous: Any, rng: Any) -> list[np.ndarray]:
        assert self.members is not None
        same = previous is not None and [len(o) for o in previous] == [len(r) for r in self.members]
        orders = previous if same else [rows.copy() for rows in self.members]
        for order in orders if self.shuffle else []:
            rng.shuffle(order)
        return orders

    def epoch(self, order: Any) -> Iterator[Batch]:
        """The batches of one epoch; those whose rows all weigh nothing are left out."""
        n = self.n_rows
        if self.members is not None:
            order = np.stack([rows[:n] for rows in order])
        step = self.batch_size * self._batches_at_once()
        for first in range(0, n, step):
            last = min(first + step, n)
            part = self if order is None else self._gather(order[..., first:last])
            offset = 0 if order is None else first
            for start in range(first, last, self.batch_size):
                rows = slice(start - offset, min(start + self.batch_size, last) - offset)
                batch = part._slice(rows)
                if batch[2] is None or batch[2].any():
                    yield batch

    def _batches_at_once(self) -> int:
        """How many small batches to gather by one call, which costs more than they do."""
        k = 1 if self.members is None else len(self.members)
        return max(1, GATHER // (k * self.batch_size * max(self.x.shape[1], 1)))

    def _slice(self, rows: slice) -> Batch:
        if self.x.ndim == 3:
            return self._slice_members(rows)
        weight = None if self.weight is None else self.weight[rows]
        total = None if self.normalizer is None else float(self.normalizer[rows].sum())
        return self.x[rows], self.target[rows], weight, total

    def _slice_members(self, rows: slice) -> Batch:
        weight = None if self.weight is None else self.weight[:, rows]
        total = (
            None if self.normalizer is None else self.normalizer[:, rows].sum(axis=1, keepdims=True)
        )
        return self.x[:, rows], self.target[:, rows], weight, total

    def _gather(self, rows: np.ndarray) -> Batches:
        """Copies of these rows, in buffers that are used again."""
        return Batches(
            self._take("x", self.x, rows) if isinstance(self.x, np.ndarray) else self.x[rows],
            self._take("target", self.target, rows),
            None if self.weight is None else self._take("weight", self.weight, rows),
            normalizer=None
            if self.normalizer is None
            else self._take("normalizer", self.normalizer, rows),
        )

    def _take(self, name: str, a: np.ndarray, rows: np.ndarray) -> np.ndarray:
        # an epoch knows two sizes: a full gathering and the last
        key = name, rows.shape[-1]
        if key not in self._buffers:
            self._buffers[key] = np.empty((*rows.shape, *a.shape[1:]), a.dtype)
        # "clip" never clips here; it spares the buffer that mode "raise" needs
        return a.take(rows, axis=0, out=self._buffers[key], mode="clip")
