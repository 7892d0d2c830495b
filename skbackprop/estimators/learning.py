"""Training of a fitted state: split the rows, make stacks, train, keep the results."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import numpy as np

from ..cores import n_cores
from ..nn.losses import HalfSquaredError
from ..recipes import build, resolve
from ..training.batches import Batches
from ..training.callbacks import (
    Callback,
    Checkpoint,
    Log,
    Monitor,
    RestoreFinite,
    SolveOutput,
    can_be_solved,
)
from ..training.callbacks.restore import HeldOut
from ..training.parallel_members import merge_runs
from .calibration import TEMPERATURES
from .callback_bridge import FitTasks
from .fitted import Fitted
from .inputs import FitInputs, Table
from .monitoring import make_monitors
from .refitting import fine_tune, kind_of_refit, refit
from .reporting import announce, announce_end, describe_work, report_end
from .resuming import check_start
from .split import Split, are_independent, check_split, split_rows
from .stacks import Stack, make_stacks, train_stacks


def learn(estimator: Any, fitted: Fitted, table: Table, inputs: FitInputs) -> None:
    """Train `fitted` on a table, in place."""
    resolved = fitted.resolved
    resolved["refit"] = kind = kind_of_refit(estimator, resolved, inputs)
    start = deepcopy(fitted.run) if kind is True else None  # the untrained networks
    split, stacks = prepare_training(estimator, fitted, table, inputs)
    announce(fitted, split)
    tasks = FitTasks(estimator, fitted, inputs, len(stacks) * (1 + (kind is True)))
    n_at_once = stacks_at_once(resolved, tasks, len(stacks))
    add_callbacks(estimator, fitted, split, inputs, stacks, tasks, n_at_once)
    probe(fitted, stacks, inputs)
    if inputs.checkpoint is not None:
        check_start(inputs.checkpoint, fitted, table, split, [stack.plan for stack in stacks])
    train_stacks(stacks, n_at_once, inputs.checkpoint)
    if are_independent(resolved):
        merge_runs(fitted.run, [stack.run for stack in stacks], [stack.size for stack in stacks])
    keep_results(fitted, stacks, inputs)
    if kind == "fine_tune":
        fine_tune(fitted, table, stacks, inputs, n_at_once)
    elif start is not None and not fitted.run.interrupted:
        refit(estimator, fitted, start, table, inputs, tasks, n_at_once)
    if inputs.checkpoint is not None:
        inputs.checkpoint.close()
    announce_end(fitted)
    report_end(fitted.run, resolved, incremental=inputs.incremental)
    tasks.end_fit()


def untrained_stack(estimator: Any, X: Any, y: Any) -> Stack:
    """What `fit` would begin with: its first stack, before the training."""
    inputs = FitInputs(X, y)
    fitted, table = estimator._prepare(inputs)
    fitted.resolved["refit"] = False
    return prepare_training(estimator, fitted, table, inputs)[1][0]


def prepare_training(
    estimator: Any, fitted: Fitted, table: Table, inputs: FitInputs
) -> tuple[Split, list[Stack]]:
    """Divide the rows, choose the size of the batches, and make the stacks."""
    resolved = fitted.resolved
    split = split_rows(estimator, fitted, table, inputs)
    n = split.n_training
    chosen = not (inputs.incremental or resolve.is_auto(estimator.batch_size))
    resolved["batch_size"] = build.batch_size(resolved, n, chosen=chosen)
    if not inputs.incremental and n > 0 and resolved["gradient_accumulation_steps"] > 1:
        build.warn_accumulation(resolved, n)
    for count in {n, table.n_rows} if resolved["refit"] else {n}:
        resolve.check_combination(resolved, count)
    check_split(fitted, split)
    return split, make_stacks(estimator, fitted, split, inputs)


def stacks_at_once(resolved: dict[str, Any], tasks: FitTasks, n: int) -> int:
    """How many of `n` stacks are trained at the same time, in threads."""
    if tasks.context or own_callbacks(resolved) or resolved["verbose"]:
        return 1  # callbacks that print or report are called in the order of the stacks
    limit = resolved["n_jobs"]
    n_threads = n_cores() if limit is None or limit < 0 else min(limit, n_cores())
    return min(n_threads, n)


def add_callbacks(
    estimator: Any,
    fitted: Fitted,
    split: Split,
    inputs: FitInputs,
    stacks: list[Stack],
    tasks: FitTasks,
    n_at_once: int,
) -> None:
    """Add the callbacks to the plans."""
    resolved, n, incremental = fitted.resolved, len(stacks), inputs.incremental
    monitors = make_monitors(estimator, fitted, incremental=incremental)
    for i, stack in enumerate(stacks):
        log = Log("" if incremental else describe_work(fitted, split, stack.size))
        own = deepcopy(own_callbacks(resolved))
        stack.plan.callbacks = [
            *solver_of_output(fitted, stack),
            *build.make_callbacks(
                resolved,
                stack.keeper,
                RestoreFinite(split.table.x),
                [*monitors, log, *tasks.callbacks(stacks, i), *own],
                incremental=incremental,
                n_turns=-(-n // n_at_once),
            ),
            *build.make_progress(resolved, "" if n == 1 else f"stack {i + 1} of {n}, "),
        ]


def solver_of_output(fitted: Fitted, stack: Stack) -> list[Callback]:
    """What solves for the last layer at the end, if that has a closed form.

    It is the first callback, and so the last one at the end: the best parameters are back then.
    """
    resolved, batches, keeper = fitted.resolved, stack.plan.batches, stack.keeper
    solves = (
        resolved["solve_output"]
        and isinstance(batches, Batches)  # all rows in memory
        and not resolved["refit"]
        and type(fitted.loss) is HalfSquaredError
        and (are_independent(resolved) or resolved["n_members"] == 1)
        and resolved["hidden_layer_sizes"]
        and can_be_solved(stack.run.network)
    )
    if not solves or keeper is None or not keeper.restore:
        return []
    return [SolveOutput(batches.rows, batches.members, keeper)]


def own_callbacks(resolved: dict[str, Any]) -> list[Callback]:
    """The user's callbacks, of which each training gets copies: `fit` changes no parameter."""
    given = resolved["callbacks"] or []
    return [callback for callback in given if not isinstance(callback, (Checkpoint, Monitor))]


def probe(fitted: Fitted, stacks: list[Stack], inputs: FitInputs) -> None:
    """With ``learning_rate_init="probe"``, choose the learning rate on the first stack."""
    resolved = fitted.resolved
    if not resolved["probe"] or inputs.incremental or stacks[0].run.clock.epoch > 0:
        return
    resolved["learning_rate_init"] = stacks[0].probe().learning_rate
    for stack in stacks:
        stack.plan.learning_rate = resolved["learning_rate_init"]


def keep_results(fitted: Fitted, stacks: list[Stack], inputs: FitInputs) -> None:
    """Keep the validation rows' scores, and the best score (over all calls of `partial_fit`)."""
    kept = [(stack.keeper, stack.run) for stack in stacks if stack.keeper is not None]
    before = fitted.best_score if inputs.incremental else None
    fitted.held_out = None
    if not kept:
        fitted.best_score = before
        return
    scores = np.concatenate([keeper.best_scores for keeper, _ in kept])
    known = np.isfinite(scores)  # not those of members that have not begun
    best = float(scores[known].mean() if known.any() else scores.mean())
    fitted.best_score = best if before is None else max(best, before)
    parts = [keeper.validation.held_out(run.network) for keeper, run in kept]
    weight = None if parts[0].weight is None else np.concatenate([p.weight for p in parts])
    held = fitted.held_out = HeldOut(
        np.concatenate([p.target for p in parts]), np.concatenate([p.scores for p in parts]), weight
    )
    if fitted.resolved["calibration"] is not None:
        temperature = TEMPERATURES[fitted.resolved["calibration"]]
        fitted.temperature = temperature(held.scores, held.target, held.weight, fitted.loss)
