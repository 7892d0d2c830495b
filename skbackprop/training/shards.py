r"""Data parallelism: one training on rows that several processes hold.

The rows are divided into *shards*, which stay where they are.  A batch has some rows of every
shard, in proportion to their numbers.  In each step every holder of shards gets the parameters and
returns the sum of the gradients of its rows::

    δL/δθ = Σ over holders Σ over shards Σ over rows  share · δℓ/δθ

The sums are in float64.  Orders of rows and dropout masks depend on the seed of the epoch, the step
and the number of the shard alone: the model does not depend on which process holds which shard, up
to the rounding of the sum.

Dean et al., "Large scale distributed deep networks" (2012); the synchronous form is that of Chen,
Pan, Monga, Bengio & Jozefowicz, "Revisiting distributed synchronous SGD" (2016).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, Protocol, cast

import numpy as np

from ..nn.layers.base import Layer
from ..nn.losses import Loss
from ..nn.network import Network
from .batches import Rows
from .objective import TINY, Objective
from .plan import Plan
from .run import Run
from .step import Step
from .stored import FoldedBatches, folds_of

MASK = 2**64 - 1


class Task(NamedTuple):
    """What every holder of shards gets for a training.

    ``used`` are the rows of each shard that an epoch uses (of each member), ``left_out`` the fold
    that is not trained on: of one network, or of each member.
    """

    layer: Layer
    dtype: np.dtype
    fixed: np.ndarray
    loss: Loss
    label_smoothing: float
    has_dropout: bool
    left_out: int | Sequence[int]
    used: np.ndarray
    n_steps: int
    shuffle: bool
    rows_per_pass: int

    def bounds(self, shard: int | slice, step: int) -> Any:
        """The position in the order of a shard at which a step begins.

        The shards have different offsets, so that many small ones do not all give their next row
        in the same step.

        >>> task = Task(*[None] * 7, np.array([5, 2]), 3, shuffle=True, rows_per_pass=9)
        >>> [task.bounds(slice(None), step).tolist() for step in range(4)]
        [[0, 0], [1, 1], [3, 1], [5, 2]]
        """
        n_shards = len(self.used)
        offset = np.arange(n_shards)[shard] * self.n_steps // n_shards
        return (self.used[shard] * step + offset) // self.n_steps


class Shards:
    """Some shards, with the gradient of their part of each batch.

    Parameters
    ----------
    shards : mapping of int to (Rows, ndarray)
        The rows of each shard, and the fold of each row.
    """

    def __init__(self, shards: Mapping[int, tuple[Rows, np.ndarray]]) -> None:
        self.shards = dict(sorted(shards.items()))
        self.epoch: int | None = None

    def counts(self, n_folds: int) -> dict[int, tuple[np.ndarray, float]]:
        """Of each shard the number of rows in each fold, and the sum of the weights."""
        return {
            i: (
                np.bincount(fold, minlength=n_folds),
                float(rows.n if rows.weight is None else rows.weight.sum(dtype=np.float64)),
            )
            for i, (rows, fold) in self.shards.items()
        }

    def begin(self, task: Task) -> None:
        """Prepare for the steps of a training."""
        network = Network(task.layer, task.dtype)
        network.fixed[...] = task.fixed
        rng = np.random.Generator(np.random.Philox(0)) if task.has_dropout else None
        self.task, self.epoch = task, None
        self.run = Run(network, None, dropout_rng=rng)
        self.objective = Objective(
            network,
            task.loss,
            label_smoothing=task.label_smoothing,
            schedule_factors=self.run.schedule_factors,
        )

    def sums_of_weights(self, epoch: int) -> np.ndarray:
        """The sum of the weights in each step (of each member)."""
        self._order(epoch)
        n_steps = self.task.n_steps
        sums = np.zeros((n_steps, *np.shape(self.task.left_out), 1))
        for step in range(n_steps):
            for i in self.shards:
                weight = np.asarray(self._rows(i, step).weight, np.float64)
                sums[step] += weight.sum(axis=-1, keepdims=True)
        return sums

    def value_and_gradient(
        self, epoch: int, step: int, theta: np.ndarray, factors: dict[str, float], total: Any
    ) -> tuple[float, np.ndarray]:
        """``Σ share · ℓ`` of the rows of a step that are here, and its gradient."""
        self._order(epoch)
        run, value, added = self.run, 0.0, np.zeros(theta.size)
        run.network.theta[...] = theta
        run.schedule_factors.update(factors)
        for i in self.shards:
            rows = self._rows(i, step)
            if rows.n == 0:
                continue
            if run.dropout_rng is not None:
                run.dropout_rng.bit_generator.state = philox_state(epoch, step, i)
            share = 1.0 / total
            if rows.weight is not None:
                share = rows.weight / np.maximum(total, TINY).astype(rows.weight.dtype)
            value += self.objective.add_gradients(
                rows, share, run.bound, self.task.rows_per_pass, added
            )
        return value, added

    def _order(self, epoch: int) -> None:
        """Make the order of the rows of each shard for an epoch, which is named by its seed."""
        if epoch == self.epoch:
            return
        self.epoch, self.orders = epoch, {}
        left_out = self.task.left_out
        for i, (_, fold) in self.shards.items():
            rng, used = np.random.default_rng([epoch, i]), self.task.used[i]
            orders = []
            for out in folds_of(left_out):
                kept = np.flatnonzero(fold != out)
                orders.append((rng.permutation(kept) if self.task.shuffle else kept)[:used])
            self.orders[i] = orders[0] if isinstance(left_out, int) else np.stack(orders)

    def _rows(self, i: int, step: int) -> Rows:
        """The rows of a shard in a step."""
        start, stop = self.task.bounds(i, step), self.task.bounds(i, step + 1)
        return self.shards[i][0].take(self.orders[i][..., start:stop])


def philox_state(epoch: int, step: int, shard: int) -> Any:
    """The state of a counter-based generator at the begin of a step of a shard.

    Salmon, Moraes, Dror & Shaw, "Parallel random numbers: as easy as 1, 2, 3" (2011).
    """
    bits = np.random.Philox(key=[epoch & MASK, 0], counter=[0, 0, step, shard])
    return bits.state


class Holders(Protocol):
    """The processes that hold the shards."""

    def call(self, method: str, *args: Any) -> list[Any]:
        """Call a method of all `Shards`, and return the results in an order that is fixed."""
        ...


class ShardedRows:
    """Training rows that other processes hold; used as `StoredRows`.

    Parameters
    ----------
    holders : Holders
    n_features, n_folds : int
    has_weight : bool
    kind : type of ShardedBatches
        What `batches` makes.
    """

    in_one_stack = True  # few long messages

    def __init__(
        self,
        holders: Holders,
        n_features: int,
        n_folds: int,
        *,
        has_weight: bool,
        kind: type[ShardedBatches] | None = None,
    ) -> None:
        self.holders, self.n_features, self.kind = holders, n_features, kind or ShardedBatches
        of_shard: dict[int, tuple[np.ndarray, float]] = {}
        of_holders = holders.call("counts", n_folds)
        self.n_holders = len(of_holders)
        for each in of_holders:
            of_shard |= each
        self.counts = np.zeros((max(of_shard) + 1, n_folds), np.int64)  # shards × folds
        for i, (counts, _) in of_shard.items():
            self.counts[i] = counts
        mean = sum(weight for _, weight in of_shard.values()) / max(self.n, 1)
        self.weight = np.array([mean]) if has_weight else None

    @property
    def n(self) -> int:
        """Number of rows."""
        return int(self.counts.sum())

    def batches(
        self, batch_size: int, shuffle: bool, left_out: int | Sequence[int], micro: int | None
    ) -> ShardedBatches:
        """The mini-batches of these rows."""
        return self.kind(self, batch_size, shuffle, left_out, micro)


@dataclass
class ShardedBatch:
    """The rows of one step, wherever they are.

    Parameters
    ----------
    holders : Holders
    epoch : int
        The seed of the epoch.
    step : int
        Its number in the epoch.
    n : int
        Number of rows (of each member).
    total : int or ndarray of shape (k, 1)
        Sum of the weights (of each member); the number of rows if there are no weights.
    n_members : int
    """

    holders: Holders
    epoch: int
    step: int
    n: int
    total: Any
    n_members: int

    def value_and_gradient(
        self, theta: np.ndarray, factors: dict[str, float]
    ) -> tuple[float, np.ndarray]:
        """Mean loss of the batch, and its gradient."""
        results = self.holders.call(
            "value_and_gradient", self.epoch, self.step, theta, dict(factors), self.total
        )
        value, gradient = results[0][0], results[0][1].copy()
        for more, added in results[1:]:
            value += more
            gradient += added
        return value, gradient


class ShardedStep(Step):
    """A step on the rows of all holders: only the gradient is computed there."""

    def __init__(self, plan: Plan, run: Run):
        super().__init__(plan, run)
        self.rows_per_pass = 0  # no batch is here
        cast(ShardedBatches, plan.batches).begin(self.objective, has_dropout=plan.has_dropout)

    def add_up(self, batch: ShardedBatch) -> float:
        """Mean loss of a batch plus the penalty; leaves the gradient in ``network.grad``."""
        objective, run = self.objective, self.run
        value, gradient = batch.value_and_gradient(run.network.theta, run.schedule_factors)
        self.grad[...] = gradient
        if objective.alpha:
            value += objective.penalize(float(np.mean(batch.total))) / batch.n_members
        return value


class ShardedBatches(FoldedBatches):
    """The mini-batches of sharded rows.

    The rows of an epoch are divided evenly: a batch has `batch_size` rows or a few fewer.
    """

    make_step: ClassVar[Any] = ShardedStep

    def __len__(self) -> int:
        """Number of batches in an epoch."""
        return -(-self.n_rows // self.batch_size)

    def order(self, previous: Any, rng: Any) -> np.ndarray:
        """The order of the next epoch: a seed."""
        return np.array([rng.randint(2**31) if self.shuffle else 0])

    def begin(self, objective: Objective, *, has_dropout: bool) -> None:
        """Tell the holders what is trained."""
        network, k = objective.network, np.shape(self.left_out)
        n_features = self.rows.n_features
        scores = network.layer.output_shape((*k, 1, n_features))
        self.n_members = scores[0] if len(scores) == 3 else 1
        self.task = Task(
            network.layer,
            network.dtype,
            network.fixed,
            objective.loss,
            objective.label_smoothing,
            has_dropout,
            self.left_out,
            self.used,
            len(self),
            self.shuffle,
            self.rows_per_pass,
        )
        self.rows.holders.call("begin", self.task)

    def epoch(self, order: Any) -> Iterator[ShardedBatch]:
        """The batches of one epoch, without those in which all weights are 0."""
        holders, seed, task = self.rows.holders, int(order[0]), self.task
        totals = None
        if self.rows.weight is not None:
            totals = sum(holders.call("sums_of_weights", seed))
        for step in range(len(self)):
            start, stop = task.bounds(slice(None), step), task.bounds(slice(None), step + 1)
            n = int((stop - start).sum())
            total = n if totals is None else totals[step]
            if n and np.any(total):
                yield ShardedBatch(holders, seed, step, n, total, self.n_members)
