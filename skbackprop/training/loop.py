"""Training: for every epoch, for every batch, one step.

The step itself is in `step`.  Everything else (early stopping, restoring the best
parameters, reducing the learning rate, printing, guarding against divergence) is a callback
of the end of an epoch.
"""

from __future__ import annotations

from copy import deepcopy
from time import perf_counter

import numpy as np

from ..optim.averaging import ExponentialAverage
from .callbacks.base import Hooks, collect, end_epoch
from .lbfgs import fit_lbfgs
from .plan import Plan
from .run import Run
from .step import Step


def train(plan: Plan, run: Run) -> Run:
    """Train until the epoch limit, or until a callback stops the run."""
    run.begin()
    run.max_epochs = plan.max_epochs
    run.swap_out()
    run.optimizer = plan.optimizer
    hooks = collect(plan.callbacks)
    fit = fit_lbfgs if plan.optimizer is None else fit_stochastic
    try:
        for hook in hooks["on_train_begin"]:
            hook(run)
        with np.errstate(over="ignore", invalid="ignore"):  # a callback detects divergence
            fit(plan, run, hooks)
    except KeyboardInterrupt:
        run.interrupted = True
        run.stop("interrupted")
    except Exception:
        run.failed = True  # in a loss or a callback of the user
        raise
    finally:
        run.swap_in()
        if plan.limits is not None:  # an interrupted step, or a callback, may have left them
            np.clip(run.network.theta, *plan.limits, out=run.network.theta)
        run.passes = {}
        run.network.release()
        for hook in reversed(hooks["on_train_end"]):  # the first callback is called last
            hook(run)
    return run


def fit_stochastic(plan: Plan, run: Run, hooks: Hooks) -> None:
    """Stochastic gradient descent with any optimizer."""
    start_optimizer(plan, run)
    if plan.recorder is not None:
        plan.recorder.restore(plan, run)
    batches, grad = plan.batches, run.network.grad
    step = getattr(batches, "make_step", Step)(plan, run)
    while run.stop_reason is None:
        clock = run.clock
        start, first, total = perf_counter(), clock.samples, 0.0
        for hook in hooks["on_epoch_begin"]:
            hook(run)
        run.order = batches.order(run.order, run.rng)
        for batch in batches.epoch(run.order):
            before = clock.samples
            total += step(batch) * (clock.samples - before)
            for hook in hooks["on_batch_end"]:
                hook(run)
        clock.end_epoch()
        run.best_epoch = clock.epoch
        run.history.add(
            epoch=clock.epoch,
            loss=total / max(clock.samples - first, 1),  # mean of the losses before each step
            learning_rate=run.lr,
            gradient_norm=float(np.sqrt(np.dot(grad, grad))),
        )
        end_epoch(run, hooks, start)
        if plan.recorder is not None:
            plan.recorder.record(plan, run)


def start_optimizer(plan: Plan, run: Run) -> None:
    """What the first step needs: optimizer state, average, generator of dropout, horizon."""
    assert plan.optimizer is not None
    if run.optimizer_state is None:
        run.optimizer_state = plan.optimizer.state(run.network.theta)
    if type(run.average) is not type(plan.average):
        run.average = plan.average
    elif isinstance(run.average, ExponentialAverage):
        assert isinstance(plan.average, ExponentialAverage)
        run.average.decay = plan.average.decay
    if plan.has_dropout and run.dropout_rng is None:
        # Drawn from a copy: the generator of the run stays where it is.
        run.dropout_rng = np.random.default_rng(deepcopy(run.rng).randint(2**31))
    run.clock.n_steps = len(plan.batches)
    run.clock.n_epochs = plan.horizon or run.clock.epoch + plan.max_epochs
