"""The rows of each mini-batch.

An epoch visits every row once.  The rows of a batch are copied into one fixed
buffer; the input itself is never copied, reordered or made dense.  Members of an ensemble
have rows and an order of their own, and their batches are stacked, ``(k, batch, …)``.

>>> import numpy as np
>>> rows = Rows(np.arange(10.0)[:, None], np.zeros((10, 1)))
>>> batches = Batches(rows, batch_size=4, shuffle=False)
>>> [batch.x.ravel().tolist() for batch in batches.epoch(None)]
[[0.0, 1.0, 2.0, 3.0], [4.0, 5.0, 6.0, 7.0], [8.0, 9.0]]
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

GATHER = 2**16  # numbers of x that are copied at once: they stay in the cache
NO_FOLD = -1  # in the place of the number of a fold that is left out


class Rows(NamedTuple):
    """Encoded rows: inputs, targets and weights.

    Parameters
    ----------
    x : ndarray or CSR of shape (n, n_features), or ndarray of shape (k, n, n_features)
    target : ndarray of shape (n, n_targets), or (k, n, n_targets)
    weight : ndarray of shape (n,) or (k, n), or None
        None stands for ones.
    """

    x: Any
    target: np.ndarray
    weight: np.ndarray | None = None

    @property
    def n(self) -> int:
        """Number of rows (of each member)."""
        return int(self.x.shape[-2])

    def take(self, index: Any) -> Rows:
        """Copies of the rows with these numbers, or a view of a slice of them."""
        weight = None if self.weight is None else self.weight[index]
        return Rows(self.x[index], self.target[index], weight)

    def part(self, rows: slice) -> Rows:
        """A view of some rows of a batch; of each member if rows are stacked."""
        weight = None if self.weight is None else self.weight[..., rows]
        x = self.x[rows] if self.x.ndim == 2 else self.x[:, rows]
        return Rows(x, self.target[..., rows, :], weight)


@dataclass(eq=False)
class Batches:
    """The training rows, divided into mini-batches.

    Parameters
    ----------
    rows : Rows
    batch_size : int
        Rows in a batch; the last one of an epoch may have fewer.
    shuffle : bool
        Is the order new in every epoch?
    members : sequence of ndarray, or None
        The numbers of the training rows of each member; None stands for one network that is
        trained on all rows.  ``rows.x`` is not sparse then.
    micro_batch_size : int or None
        Rows of a batch that are propagated together.  The gradients of the micro-batches are
        added up: one step, in the memory of a micro-batch.  None stands for the whole batch.
    """

    rows: Rows
    batch_size: int = 200
    shuffle: bool = True
    members: Sequence[np.ndarray] | None = None
    micro_batch_size: int | None = None
    _buffers: dict[tuple[str, int], np.ndarray] = field(default_factory=dict, repr=False)

    @property
    def rows_per_pass(self) -> int:
        """Largest number of rows that are propagated together."""
        return self.micro_batch_size or self.batch_size

    @property
    def n_rows(self) -> int:
        """Rows of an epoch (of each member)."""
        if self.members is None:
            return self.rows.n
        # Where some members have one row more, they skip a random one in each epoch.
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
        n = self.rows.n
        order = np.arange(n) if previous is None or len(previous) != n else previous
        rng.shuffle(order)  # in place: the draws and the result are scikit-learn's
        return order

    def _order_of_members(self, previous: Any, rng: Any) -> list[np.ndarray]:
        assert self.members is not None
        lengths = [len(rows) for rows in self.members]
        same = isinstance(previous, list) and [len(order) for order in previous] == lengths
        orders = previous if same else [rows.copy() for rows in self.members]
        for order in orders if self.shuffle else []:
            rng.shuffle(order)
        return orders

    def epoch(self, order: Any) -> Iterator[Rows]:
        """The batches of one epoch, without those in which all weights are 0."""
        n, size, rows = self.n_rows, self.batch_size, self.rows
        if self.members is not None:
            order = np.stack([each[:n] for each in order])
        elif order is not None:
            n = len(order)
        step = size * self._batches_at_once()
        for first in range(0, n, step):
            last, offset = min(first + step, n), 0
            if order is not None:
                rows, offset = self._gather(order[..., first:last]), first
            for start in range(first - offset, last - offset, size):
                index = slice(start, min(start + size, last - offset))
                if rows.weight is not None or rows.x.ndim == 3:
                    batch = rows.part(index)
                else:
                    batch = Rows(rows.x[index], rows.target[index])
                if batch.weight is None or batch.weight.any():
                    yield batch

    def _batches_at_once(self) -> int:
        """How many small batches one call gathers: the call costs more than the copies."""
        k = 1 if self.members is None else len(self.members)
        return max(1, GATHER // (k * self.batch_size * max(self.rows.x.shape[1], 1)))

    def _gather(self, index: np.ndarray) -> Rows:
        """Copies of these rows, in buffers that are used again."""
        x, target, weight = self.rows
        return Rows(
            self._take("x", x, index) if isinstance(x, np.ndarray) else x[index],
            self._take("target", target, index),
            None if weight is None else self._take("weight", weight, index),
        )

    def _take(self, name: str, a: np.ndarray, index: np.ndarray) -> np.ndarray:
        # An epoch has two sizes: that of a full gathering and that of the last one.
        key = name, index.shape[-1]
        if key not in self._buffers:
            self._buffers[key] = np.empty((*index.shape, *a.shape[1:]), a.dtype)
        # "clip" never clips here; it spares the buffer that mode "raise" needs
        return a.take(index, axis=0, out=self._buffers[key], mode="clip")
