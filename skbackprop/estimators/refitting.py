"""A second training, on all rows: from the start, or from the best epochs of the first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ..optim.schedules import Polynomial
from ..recipes import build
from ..recipes.resolve import is_auto
from ..training.callbacks import RestoreFinite
from ..training.callbacks.replay import ARRIVED
from ..training.parallel_members import merge_members
from ..training.run import Run, copy_generator
from ..warn import warn_user
from .callback_bridge import FitTasks
from .fitted import Fitted
from .inputs import FitInputs, Table
from .split import Split, all_rows, part
from .stacks import Stack, make_plan, make_stacks, train_stacks

FINE_TUNED = 0.1  # of the epochs of the first training, and of its learning rate
# How a training ends that is complete.
ENDED = {"max_iter", "no_improvement", "learning_rate_too_small", "time_budget"}


def kind_of_refit(estimator: Any, resolved: dict[str, Any], inputs: FitInputs) -> bool | str:
    """True or "fine_tune" for a second training, False for none."""
    kind: bool | str = resolved["refit"]
    if inputs.incremental or not resolved["early_stopping"]:
        return False  # without early stopping all rows are trained on, and a warning says so
    if inputs.X_val is None:
        return kind
    if kind and not is_auto(estimator.refit):
        warn_user(
            f"refit={kind!r} has no effect with X_val: no rows of X are held out. Remove it, or "
            "leave X_val out."
        )
    return False


def refit(
    estimator: Any,
    fitted: Fitted,
    start: Run,
    table: Table,
    inputs: FitInputs,
    tasks: FitTasks,
    n_at_once: int,
) -> None:
    """Train the networks of `start` on all rows, up to the best epochs of `fitted`."""
    resolved, whole = fitted.resolved, fitted.run
    everything = Split(table, None, all_rows(resolved, table))
    stacks = make_stacks(estimator, replace(fitted, run=start), everything, inputs)
    for i, (first, stack) in enumerate(zip(whole.stacks or [whole], stacks, strict=True)):
        ends = [*first.restarts, first.max_epochs]
        stack.plan.max_epochs = ends[0]
        stack.plan.callbacks = [
            *build.make_callbacks_of_refit(resolved, RestoreFinite(table.x), first, ends),
            *tasks.callbacks(stacks, i),
        ]
    train_stacks(stacks, n_at_once, inputs.checkpoint)
    take_weights(fitted, stacks, {"chosen_epoch", *ARRIVED})


def fine_tune(
    fitted: Fitted, table: Table, stacks: Sequence[Stack], inputs: FitInputs, n_at_once: int
) -> None:
    """Train the networks on, on all rows, for a tenth of the epochs.

    The learning rate falls from a tenth of the initial one to 0; dropout, weight decay and label
    smoothing are as they were at last.  Less than half an epoch is none.  It is in no checkpoint:
    it is short, and the same again after the first training is restored.
    """
    everything = all_rows(fitted.resolved, table)
    n_epochs = [int(FINE_TUNED * stack.run.n_epochs + 0.5) for stack in stacks]
    if fitted.run.stop_reason not in ENDED or not all(n_epochs):
        return
    again = []
    for stack, n in zip(stacks, n_epochs, strict=True):
        first = stack.run
        network = first.network.over(first.network.theta.copy(), first.network.fixed.copy())
        run = Run(network, copy_generator(first.rng))
        plan = make_plan(fitted, run, table, inputs, part(everything, stack.first, stack.size))
        plan.learning_rate *= FINE_TUNED
        plan.schedule, plan.average = Polynomial(1.0), None
        plan.scheduled = {name: constant(f(first.clock)) for name, f in plan.scheduled.items()}
        plan.max_epochs, plan.callbacks = n, [RestoreFinite(table.x)]
        again.append(Stack(stack.first, stack.size, plan, run, None))
    train_stacks(again, n_at_once, None)
    take_weights(fitted, again, ENDED)


def constant(factor: float) -> Any:
    """A schedule of one value."""
    return lambda clock: factor


def take_weights(fitted: Fitted, stacks: Sequence[Stack], complete: set[str]) -> None:
    """Put the weights of the second training into `fitted`, if it has not failed."""
    whole = fitted.run
    failed = {str(stack.run.stop_reason) for stack in stacks} - complete
    if failed:
        warn_user(
            f"The second training, on all rows, failed ({', '.join(sorted(failed))}). The weights "
            "are those of the first. Set refit=False, or learning_rate_init lower."
        )
        return
    firsts = whole.stacks or [whole]
    for first, stack in zip(firsts, stacks, strict=True):
        network = stack.run.network
        first.network.theta[...], first.network.fixed[...] = network.theta, network.fixed
        first.reset_optimizer()  # it belongs to other weights
    if whole.stacks:
        merge_members(whole, firsts, [stack.size for stack in stacks])
