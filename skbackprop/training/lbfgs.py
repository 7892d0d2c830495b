"""Training with L-BFGS, on all rows at once.  An iteration is reported as an epoch."""

from __future__ import annotations

from time import perf_counter

import numpy as np

from ..optim.lbfgs import minimize_lbfgs
from .batches import Rows
from .callbacks.base import Hooks, end_epoch
from .objective import Objective
from .plan import Plan
from .run import Run


def fit_lbfgs(plan: Plan, run: Run, hooks: Hooks) -> None:
    """Minimize the objective, or restore the end of a search that is written down.

    What SciPy keeps from iteration to iteration cannot be written down: a search that was broken
    off begins anew.
    """
    if plan.recorder is None:
        search(plan, run, hooks)
    elif not plan.recorder.restore(plan, run):
        search(plan, run, hooks)
        plan.recorder.record(plan, run)


def search(plan: Plan, run: Run, hooks: Hooks) -> None:
    """Minimize the objective of all rows, in double precision: line searches need it."""
    theta = run.network.theta.astype(np.float64)
    network = run.network.over(theta, run.network.fixed.astype(np.float64))
    objective = Objective(network, plan.loss, plan.alpha, plan.label_smoothing)
    x, target, weight = plan.batches.rows
    x, target = x.astype(np.float64), target.astype(np.float64)
    rows = Rows(x, target, None if weight is None else weight.astype(np.float64))
    bound = network.bind(x.shape, train=True)
    start = perf_counter()

    def value_and_gradient(vector: np.ndarray) -> tuple[float, np.ndarray]:
        theta[...] = vector
        return objective(rows, bound), network.grad

    def on_iteration(vector: np.ndarray, value: float) -> None:
        nonlocal start
        run.network.theta[...] = vector
        run.clock.epoch += 1
        run.best_epoch = run.clock.epoch
        norm = float(np.sqrt(np.dot(network.grad, network.grad)))
        run.history.add(epoch=run.clock.epoch, loss=value, gradient_norm=norm)
        end_epoch(run, hooks, start)
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
        return  # a callback has stopped the run
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
