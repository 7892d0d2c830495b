"""Training, the whole story: for every epoch, for every batch, learn.

    scores ← forward(x);  δ ← ∂L/∂scores;  grad ← backward(δ);  θ ← θ − step(grad)

Everything else (early stopping, restoring the best weights, dividing the learning
rate, printing, guarding against divergence) is a callback, told at the end of each
epoch.  There is no ``if early_stopping`` here.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from time import perf_counter
from typing import TypeAlias, cast

import numpy as np

from ..optim.base import Optimizer, OptimizerState
from ..optim.lbfgs import minimize_lbfgs
from ..optim.regularize import clip_norm, decay, soft_threshold
from .callbacks.base import EVENTS, Callback
from .objective import Objective
from .run import Plan, Run

Hooks: TypeAlias = dict[str, list[Callable[[Run], None]]]


def train(plan: Plan, run: Run) -> Run:
    """Run a plan to its end: the epoch limit, or a callback that stops the run."""
    run.begin()
    run.max_epochs = plan.max_epochs
    run.swap_out()
    run.optimizer = plan.optimizer
    hooks = collect(plan)
    for hook in hooks["on_train_begin"]:
        hook(run)
    learn = fit_stochastic if plan.optimizer is not None else fit_lbfgs
    try:
        with np.errstate(over="ignore", invalid="ignore"):  # a guard watches for divergence
            learn(plan, run, hooks)
    except KeyboardInterrupt:
        run.interrupted = True
        run.stop("interrupted")
    except Exception:
        run.failed = True  # in a loss or a callback of the user's: back to the start
        raise
    finally:
        run.swap_in()
        for hook in reversed(hooks["on_train_end"]):  # who came first has the last word
            hook(run)
        run.passes = {}
        run.network.release()
    return run


def fit_stochastic(plan: Plan, run: Run, hooks: Hooks) -> None:
    """Stochastic gradient descent with any optimizer."""
    network, optimizer = run.network, plan.optimizer
    assert optimizer is not None
    if run.optimizer_state is None:
        run.optimizer_state = optimizer.state(network.theta)
    if type(run.average) is not type(plan.average):
        run.average = plan.average
    if plan.has_dropout and run.dropout_rng is None:
        run.dropout_rng = np.random.default_rng(deepcopy(run.rng).randint(2**31))
    objective = Objective(
        network, plan.loss, plan.alpha, plan.label_smoothing, run.schedule_factors
    )
    run.clock.n_steps = len(plan.batches)
    run.clock.n_epochs = plan.horizon or run.clock.epoch + plan.max_epochs
    while run.stop_reason is None:
        start = perf_counter()
        for hook in hooks["on_epoch_begin"]:
            hook(run)
        loss = one_epoch(plan, run, objective, hooks["on_batch_end"])
        run.clock.end_epoch()
        run.best_epoch = run.clock.epoch
        run.history.add(
            epoch=run.clock.epoch,
            loss=loss,
            learning_rate=run.lr,
            gradient_norm=float(np.sqrt(np.dot(network.grad, network.grad))),
        )
        end_epoch(plan, run, hooks, start)


def one_epoch(
    plan: Plan, run: Run, objective: Objective, batch_hooks: list[Callable[[Run], None]]
) -> float:
    """Visit every row once; return the mean loss, measured before each step."""
    clock, average = run.clock, run.average
    first_averaged = plan.average_from * clock.n_steps * clock.n_epochs
    update = Update(plan, run)
    run.order = plan.batches.order(run.order, run.rng)
    total, n_rows, at_once = 0.0, 0, plan.batches.rows_per_micro_batch
    for x, target, weight, normalizer in plan.batches.epoch(run.order):
        n = x.shape[-2]
        for name, schedule in plan.scheduled.items():
            run.schedule_factors[name] = schedule(clock)
        if n <= at_once:
            value = objective(x, target, weight, run.bound(x.shape), normalizer)
        else:
            value = objective.accumulate(x, target, weight, run.bound, normalizer, size=at_once)
        run.lr = plan.learning_rate * run.lr_scale * plan.schedule(clock)
        update()
        clock.tick(n)
        if average is not None and clock.step >= first_averaged:
            average.update(run.network.theta)
        total += value * n
        n_rows += n
        for hook in batch_hooks:
            hook(run)
    return total / max(n_rows, 1)


class Update:
    """What a gradient does to the parameters: clip, decay, step, shrink."""

    def __init__(self, plan: Plan, run: Run):
        self.plan, self.run = plan, run
        self.optimizer = cast(Optimizer, plan.optimizer)
        self.state = cast(OptimizerState, run.optimizer_state)
        network = run.network
        self.theta, self.grad, self.weights = network.theta, network.grad, network.weights
        self.learning_rates = np.empty(
            0 if plan.lr_multipliers is None else plan.lr_multipliers.size, self.theta.dtype
        )
        self.moving: float | np.ndarray = 1.0  # 0 for weights that stay as they are
        if plan.lr_multipliers is not None and not plan.lr_multipliers.all():
            self.moving = (plan.lr_multipliers[: self.weights.size] > 0).astype(self.theta.dtype)

    def __call__(self) -> None:
        plan, lr = self.plan, self.run.lr
        if plan.max_grad_norm is not None:
            clip_norm(self.grad, plan.max_grad_norm)
        if plan.weight_decay > 0:
            fade = self.run.schedule_factors.get("weight_decay", 1.0)
            decay(self.weights, lr * plan.weight_decay * fade * self.moving)
        if plan.lr_multipliers is None:
            self.optimizer.step(self.theta, self.grad, lr, self.state)
        else:
            np.multiply(plan.lr_multipliers, lr, out=self.learning_rates)
            self.optimizer.step(self.theta, self.grad, self.learning_rates, self.state)
        if plan.l1 > 0:
            soft_threshold(self.weights, lr * plan.l1 * self.moving)


def fit_lbfgs(plan: Plan, run: Run, hooks: Hooks) -> None:
    """L-BFGS on all rows; an iteration is reported as an epoch is."""
    # In double precision whatever the network's own: line searches need it.
    theta = run.network.theta.astype(np.float64)
    network = run.network.over(theta, run.network.fixed.astype(np.float64))
    objective = Objective(network, plan.loss, plan.alpha, plan.label_smoothing)
    batches = plan.batches
    x, target = batches.x.astype(np.float64), batches.target.astype(np.float64)
    weight = None if batches.weight is None else batches.weight.astype(np.float64)
    bound = network.bind(x.shape, train=True)
    start = perf_counter()

    def value_and_gradient(vector: np.ndarray) -> tuple[float, np.ndarray]:
        theta[...] = vector
        return objective(x, target, weight, bound), network.grad

    def on_iteration(vector: np.ndarray, value: float) -> None:
        nonlocal start
        run.network.theta[...] = vector
        run.clock.epoch += 1
        run.best_epoch = run.clock.epoch
        norm = float(np.sqrt(np.dot(network.grad, network.grad)))
        run.history.add(epoch=run.clock.epoch, loss=value, gradient_norm=norm)
        end_epoch(plan, run, hooks, start)
        start = perf_counter()
        if run.stop_reason not in (None, "max_iter"):
            raise StopIteration

    result = minimize_lbfgs(
        value_and_gradient,
        theta.copy(),
        max_iter=plan.max_epochs,
        max_fun=plan.max_fun,
        tol=plan.tol,
        callback=on_iteration,
    )
    if run.stop_reason not in (None, "max_iter"):
        return  # a callback had a reason of its own
    value, _ = value_and_gradient(result.theta)  # the result's own is that of the last trial
    if not np.isfinite(value):
        run.stop_reason = "diverged"
        return
    if run.n_epochs == 0:  # no step was found: the start is the result
        on_iteration(result.theta, value)
    run.network.theta[...] = result.theta
    abnormal = result.status == 2  # no step along the search direction was better
    run.stop_reason = "converged" if result.converged else "abnormal" if abnormal else "max_iter"
    run.messages.append(result.message)


def end_epoch(plan: Plan, run: Run, hooks: Hooks, start: float) -> None:
    """Tell the callbacks, note the seconds, and mind the epoch limit."""
    for hook in hooks["on_epoch_end"]:
        hook(run)
    run.history.set("seconds", perf_counter() - start)
    if run.n_epochs >= run.max_epochs:
        run.stop("max_iter")


def collect(plan: Plan) -> Hooks:
    """For each event the methods to call: only those that somebody has written."""
    return {
        event: [
            getattr(callback, event)
            for callback in plan.callbacks
            if getattr(type(callback), event, None) is not getattr(Callback, event)
        ]
        for event in EVENTS
    }
