"""One step of training.

    scores ← forward(x);  δ ← ∂L/∂scores;  grad ← backward(δ);  θ ← θ − step(grad)

The objective is the first line up to the gradient.  Then the gradient is clipped, the
weights decay, the optimizer takes its step, and the L1 penalty moves the weights towards 0.
Parameters with limits, as in monotone networks, are moved back into them.
"""

from __future__ import annotations

from typing import Any, cast

import numpy as np

from ..optim.base import Optimizer, OptimizerState
from ..optim.regularize import clip_norm, decay, soft_threshold
from .batches import Rows
from .objective import Objective
from .plan import Plan
from .run import Run


class Step:
    """``step(batch) -> loss``: what one batch does to the parameters of a run.

    Parameters
    ----------
    plan : Plan
        With an optimizer.
    run : Run
        Its network, optimizer state, average and clock are changed by every call.
    """

    def __init__(self, plan: Plan, run: Run):
        network, multipliers = run.network, plan.lr_multipliers
        self.plan, self.run = plan, run
        self.rows_per_pass = plan.batches.rows_per_pass
        self.grad, self.weights = network.grad, network.weights
        self.optimizer = cast(Optimizer, plan.optimizer)
        self.state = cast(OptimizerState, run.optimizer_state)
        weight = plan.batches.rows.weight
        self.objective = Objective(
            network,
            plan.loss,
            plan.alpha,
            plan.label_smoothing,
            run.schedule_factors,
            None if weight is None else float(weight.mean()),
        )
        n_epochs = plan.horizon or run.first_epoch + plan.max_epochs
        self.first_averaged = plan.average_from * len(plan.batches) * n_epochs
        self.learning_rates = None if multipliers is None else np.empty_like(multipliers)
        self.moving: Any = 1.0  # 0 for weights whose multiplier is 0
        if multipliers is not None and not multipliers.all():
            self.moving = (multipliers[: network.weights.size] > 0).astype(network.dtype)

    def __call__(self, batch: Rows) -> float:
        plan, run, clock, theta = self.plan, self.run, self.run.clock, self.run.network.theta
        n = batch.n
        for name, schedule in plan.scheduled.items():
            run.schedule_factors[name] = schedule(clock)
        lr = run.lr = plan.learning_rate * run.lr_scale * plan.schedule(clock)
        if n <= self.rows_per_pass:
            loss = self.objective(batch, run.passes.get(n) or run.bound(batch.x.shape))
        else:
            loss = self.add_up(batch)
        if plan.max_grad_norm is not None:
            clip_norm(self.grad, plan.max_grad_norm)
        if plan.weight_decay > 0:
            rate = lr * plan.weight_decay * run.schedule_factors.get("weight_decay", 1.0)
            decay(self.weights, rate * self.moving)
        multipliers, out = plan.lr_multipliers, self.learning_rates
        rates = lr if multipliers is None else np.multiply(multipliers, lr, out=out)
        self.optimizer.step(theta, self.grad, rates, self.state)
        if plan.l1 > 0:
            soft_threshold(self.weights, lr * plan.l1 * self.moving)
        if plan.limits is not None:
            np.clip(theta, *plan.limits, out=theta)
        clock.tick(n)
        if run.average is not None and clock.step >= self.first_averaged:
            run.average.update(theta)
        return loss

    def add_up(self, batch: Any) -> float:
        """The loss of a batch whose gradient is the sum of those of its parts."""
        return self.objective.accumulate(batch, self.run.bound, self.rows_per_pass)
