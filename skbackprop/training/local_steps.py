r"""Data parallelism with few messages: local steps, and an average of the parameters.

In an epoch every holder of shards takes its own steps on its own rows, all from the same parameters
θ.  At the end the parameters become the mean over the holders, by their numbers of rows::

    θ ← Σₖ nₖ θₖ / Σₖ nₖ

That is one message for an epoch, in the place of one for each step.  Optimizers keep their state
where they are.  The result depends on the number of holders and on which rows they hold: the more
holders, the fewer steps in an epoch, and the farther apart their parameters.

McMahan, Moore, Ramage, Hampson & Agüera y Arcas, "Communication-efficient learning of deep networks
from decentralized data" (2017); Stich, "Local SGD converges fast and communicates little" (2019).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, cast

import numpy as np

from ..optim.base import Optimizer
from ..optim.schedules import Clock
from .batches import Batches, Rows
from .plan import Plan
from .run import Run
from .shards import ShardedBatch, ShardedBatches, ShardedStep, Shards, Task, philox_state
from .step import Step


class LocalShards(Shards):
    """Some shards, and steps on their rows."""

    def begin(self, task: Task) -> None:
        """Prepare for the epochs of a training."""
        super().begin(task)
        if not self.shards:
            return
        held = [rows for rows, _ in self.shards.values()]
        weights = [rows.weight for rows in held]
        self.rows = Rows(
            np.concatenate([rows.x for rows in held]),
            np.concatenate([rows.target for rows in held]),
            None if weights[0] is None else np.concatenate(cast(list[np.ndarray], weights)),
        )

    def train(
        self, epoch: int, theta: np.ndarray, plan: Plan, clock: Clock, lr_scale: float
    ) -> tuple[np.ndarray, float, int]:
        """Take the steps of an epoch: the new parameters, the mean loss and the number of rows."""
        if not self.shards:
            return theta, 0.0, 0
        run, task, order = self.run, self.task, self._order_of_all(epoch)
        run.network.theta[...] = theta
        run.clock, run.lr_scale = clock, lr_scale
        if run.dropout_rng is not None:
            run.dropout_rng.bit_generator.state = philox_state(epoch, 0, min(self.shards))
        if run.optimizer_state is None:
            run.optimizer_state = cast(Optimizer, plan.optimizer).state(run.network.theta)
        members = None if isinstance(task.left_out, int) else list(order)
        batches = Batches(self.rows, task.rows_per_pass, task.shuffle, members)
        step, total, n = Step(replace(plan, batches=batches), run), 0.0, 0
        for batch in batches.epoch(order):
            total += step(batch) * batch.n
            n += batch.n
        return run.network.theta, total / max(n, 1), n

    def _order_of_all(self, epoch: int) -> np.ndarray:
        """The order of the rows of all shards together (of each member)."""
        self._order(epoch)
        first, orders = 0, []
        for i, (rows, _) in self.shards.items():
            orders.append(self.orders[i] + first)
            first += rows.n
        order = np.concatenate(orders, axis=-1)
        if self.task.shuffle:
            rng = np.random.default_rng([epoch, *self.shards])
            order = order[..., rng.permutation(order.shape[-1])]
        return order


class LocalSteps:
    """``step(batch) -> loss``: an epoch of local steps, and the mean of the parameters.

    It has the place of a `Step`.  There is no average over the steps: the mean over the holders
    takes its place.

    Parameters
    ----------
    plan : Plan
        With `LocalBatches`, and an optimizer whose parameters are those that are evaluated.
    run : Run
    """

    def __init__(self, plan: Plan, run: Run) -> None:
        self.batches, self.run = plan.batches, run
        self.plan = replace(plan, batches=None, callbacks=(), recorder=None, average=None)  # type: ignore[arg-type]
        self.grad = ShardedStep(plan, run).grad  # sends the task to the holders

    def __call__(self, batch: Any) -> float:
        run, n_steps = self.run, len(self.batches)
        theta = run.network.theta
        results = batch.holders.call(
            "train", batch.epoch, theta, self.plan, replace(run.clock), run.lr_scale
        )
        n = np.array([n for _, _, n in results])
        thetas = np.array([theta_k for theta_k, _, _ in results], np.float64)
        mean = n @ thetas / n.sum()
        np.subtract(theta, mean, out=self.grad, casting="unsafe")  # the length of the way
        theta[...] = mean
        run.clock.tick(batch.n)
        run.clock.step += n_steps - 1
        run.lr = self.plan.learning_rate * run.lr_scale * self.plan.schedule(run.clock)
        return float(np.dot(n, [loss for _, loss, _ in results]) / n.sum())


class LocalBatches(ShardedBatches):
    """Sharded rows whose holders take the steps themselves; an epoch is one batch."""

    make_step = LocalSteps

    def __len__(self) -> int:
        """Number of steps in an epoch, of each holder."""
        return -(-self.n_rows // (self.batch_size * self.rows.n_holders))

    def epoch(self, order: Any) -> Iterator[ShardedBatch]:
        """All rows at once."""
        n = self.n_rows
        yield ShardedBatch(self.rows.holders, int(order[0]), 0, n, n, self.n_members)
