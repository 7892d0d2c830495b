"""Training of a fitted state: split the rows, make plans, train, keep the results.

A single network is one run.  Members are trained in stacks, each with a run of its own
(`training.parallel_members`); afterwards their networks are merged.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from threadpoolctl import threadpool_limits

from ..cores import n_cores
from ..nn.losses import HalfSquaredError
from ..nn.network import Network
from ..recipes import build, resolve
from ..recipes.monotone import make_limits
from ..training.batches import Batches
from ..training.callbacks import (
    Callback,
    Checkpoint,
    Log,
    Monitor,
    RestoreBest,
    RestoreFinite,
    SolveOutput,
    can_be_solved,
)
from ..training.callbacks.replay import ARRIVED
from ..training.callbacks.restore import HeldOut
from ..training.parallel_members import (
    load_members,
    merge_members,
    merge_runs,
    stack_sizes,
    train_in_parallel,
)
from ..training.plan import Plan
from ..training.run import Run
from ..training.stored import NO_FOLD
from ..warn import warn_user
from .calibration import TEMPERATURES
from .callback_bridge import FitTasks
from .fitted import Fitted
from .inputs import FitInputs, Table
from .monitoring import make_monitors, monitors_of
from .reporting import announce, announce_end, describe_work, report_end
from .resuming import check_start
from .scoring import is_scorer, make_score
from .split import Split, all_rows, are_independent, check_split, part, split_rows
from .stream import match_moments

if TYPE_CHECKING:
    from ..training.probe import Probe

MOST_EVALUATIONS = 16  # of a plan without patience: more of them find nothing better


@dataclass(eq=False)
class Stack:
    """Members that are trained together; a single network is one stack.

    Attributes
    ----------
    first, size : int
        The number of the first member, and how many there are.
    plan : Plan
    run : Run
    keeper : RestoreBest or None
        The callback that restores the best parameters; None without validation rows.
    """

    first: int
    size: int
    plan: Plan
    run: Run
    keeper: RestoreBest | None

    def probe(self) -> Probe:
        """Short trainings of a copy, with several learning rates."""
        from ..training.probe import probe_learning_rate  # takes a millisecond; few fits need it

        evaluate = None if self.keeper is None else self.keeper.mean_loss
        return probe_learning_rate(self.plan, self.run, evaluate=evaluate)


def learn(estimator: Any, fitted: Fitted, table: Table, inputs: FitInputs) -> None:
    """Train `fitted` on a table, in place."""
    resolved = fitted.resolved
    resolved["refit"] = refits(resolved, inputs)
    start = deepcopy(fitted.run) if resolved["refit"] else None
    split, stacks = prepare_training(estimator, fitted, table, inputs)
    announce(fitted, split)
    tasks = FitTasks(estimator, fitted, inputs, len(stacks) * (1 + resolved["refit"]))
    n_at_once = stacks_at_once(resolved, tasks, len(stacks))
    add_callbacks(estimator, fitted, split, inputs, stacks, tasks, n_at_once)
    probe(fitted, stacks, inputs)
    if inputs.checkpoint is not None:
        check_start(inputs.checkpoint, fitted, table, split, [stack.plan for stack in stacks])
    train_stacks(stacks, n_at_once, inputs.checkpoint)
    if are_independent(resolved):
        merge_runs(fitted.run, [stack.run for stack in stacks], [stack.size for stack in stacks])
    keep_results(fitted, stacks, inputs)
    if start is not None and not fitted.run.interrupted:
        again = Split(table, None, all_rows(resolved, table))
        stacks = make_stacks(estimator, replace(fitted, run=start), again, inputs)
        refit(fitted, table, stacks, tasks, n_at_once, inputs.checkpoint)
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


def make_stacks(estimator: Any, fitted: Fitted, split: Split, inputs: FitInputs) -> list[Stack]:
    """The stacks of all members, with their plans and runs."""
    runs = [fitted.run]
    if are_independent(fitted.resolved):
        fitted.stack_sizes = fitted.stack_sizes or sizes_of_stacks(estimator, fitted, split)
        runs = runs_of_stacks(fitted, fitted.stack_sizes)
    stacks: list[Stack] = []
    for size, run in zip(fitted.stack_sizes or [1], runs, strict=True):
        first = sum(stack.size for stack in stacks)
        plan = make_plan(fitted, run, split.table, inputs, part(split.training, first, size))
        keeper = restore_best(estimator, fitted, split, inputs, first, size)
        stacks.append(Stack(first, size, plan, run, keeper))
    return stacks


def restore_best(
    estimator: Any, fitted: Fitted, split: Split, inputs: FitInputs, first: int, size: int
) -> RestoreBest | None:
    """The callback that restores the best parameters of the members of a stack."""
    resolved, loss, members = fitted.resolved, fitted.loss, are_independent(fitted.resolved)
    validation = split.validation(first, size if members else None, loss.combine)
    if validation is None:
        return None
    every = 1
    if members and resolved["n_iter_no_change"] == np.inf:
        every = max(1, resolved["max_iter"] // MOST_EVALUATIONS)
    score = make_score(estimator, fitted, split, inputs, first)
    keeper = RestoreBest(validation, loss, score, every=every)
    keeper.restore = not inputs.incremental
    return keeper


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


def sizes_of_stacks(estimator: Any, fitted: Fitted, split: Split) -> list[int]:
    """The number of members of each stack; one stack if they must be trained together."""
    resolved, stored = fitted.resolved, split.table.stored
    by_scorer = split.shares_validation and is_scorer(estimator, fitted)
    in_one_stack = stored is not None and stored.in_one_stack
    if by_scorer or in_one_stack or monitors_of(resolved):
        return [resolved["n_members"]]
    width = resolved["batch_size"] * max(resolved["hidden_layer_sizes"], default=1)
    return stack_sizes(resolved["n_members"], width)


def runs_of_stacks(fitted: Fitted, sizes: Sequence[int]) -> list[Run]:
    """A run for each stack: a new one, or a copy that goes on."""
    whole = fitted.run
    if whole.stacks:
        runs = [old.continued(old.network) for old in whole.stacks]
    else:
        runs = []
        for size in sizes:
            network = Network(fitted.layer_of(size), whole.network.dtype)
            runs.append(Run(network, np.random.RandomState(whole.rng.randint(2**31))))
    load_members(whole, runs, sizes)
    return runs


def train_stacks(stacks: Sequence[Stack], n_at_once: int, checkpoint: Any) -> None:
    """Train every stack, and divide the cores among the threads that train at once."""
    plans, runs = [stack.plan for stack in stacks], [stack.run for stack in stacks]
    if checkpoint is not None:
        checkpoint.attach(plans, runs)
    limits = nullcontext()
    if n_at_once > 1:
        limits = threadpool_limits(n_cores() // n_at_once, user_api="blas")
    with limits:
        train_in_parallel(plans, runs, n_threads=n_at_once)


def make_plan(
    fitted: Fitted, run: Run, table: Table, inputs: FitInputs, members: list[Any] | None
) -> Plan:
    """Everything that is decided before training, without the callbacks."""
    resolved = fitted.resolved
    optimizer = build.make_optimizer(resolved, run.network.layout)
    average, average_from = build.make_average(resolved)
    if optimizer is None or not continues(run, optimizer):
        run.reset_optimizer()
    else:
        match_moments(run, optimizer)
    return Plan(
        fitted.loss,
        make_batches(resolved, table, members),
        alpha=resolved["alpha"] * table.weight_scale,
        optimizer=optimizer,
        learning_rate=resolved["learning_rate_init"],
        schedule=build.make_schedule(resolved),
        weight_decay=resolved["weight_decay"],
        max_grad_norm=resolved["max_grad_norm"],
        limits=make_limits(resolved, run.network, fitted.encoder, fitted.codec),
        average=average,
        average_from=average_from,
        has_dropout=build.drops(resolved),
        lr_multipliers=build.make_lr_multipliers(resolved, run.network),
        scheduled=build.make_scheduled(resolved),
        label_smoothing=resolved["label_smoothing"],
        l1=resolved["l1"],
        max_epochs=1 if inputs.incremental else resolved["max_iter"],
        horizon=resolved["max_iter"] if inputs.incremental else None,
        tol=resolved["tol"],
        max_fun=resolved["max_fun"],
    )


def make_batches(resolved: dict[str, Any], table: Table, members: list[Any] | None) -> Any:
    """The mini-batches of a table, wherever its rows are; see `Split.training`."""
    size, n_parts = resolved["batch_size"], resolved["gradient_accumulation_steps"]
    micro = size if n_parts > 1 else None
    if table.stored is None:
        return Batches(table.rows, size * n_parts, resolved["shuffle"], members, micro)
    left_out = members if are_independent(resolved) else (members or [NO_FOLD])[0]
    return table.stored.batches(size * n_parts, resolved["shuffle"], left_out, micro)


def continues(run: Run, optimizer: Any) -> bool:
    """Does the state of the last call fit this optimizer?"""
    return run.optimizer_state is not None and type(run.optimizer) is type(optimizer)


def refits(resolved: dict[str, Any], inputs: FitInputs) -> bool:
    """Is there a second training, on all rows?"""
    if not resolved["refit"] or inputs.incremental or not resolved["early_stopping"]:
        return False  # without early stopping all rows are trained on, and a warning says so
    if inputs.X_val is not None:
        warn_user(
            "refit=True has no effect with X_val: no rows of X are held out. Remove it, or leave "
            "X_val out."
        )
    return inputs.X_val is None


def refit(
    fitted: Fitted,
    table: Table,
    stacks: list[Stack],
    tasks: FitTasks,
    n_at_once: int,
    checkpoint: Any,
) -> None:
    """Train once more, on all rows, up to the best epochs.

    `stacks` have the runs as they were before the first training; `fitted` gets the weights.
    """
    resolved, whole = fitted.resolved, fitted.run
    firsts = whole.stacks or [whole]
    for i, (first, stack) in enumerate(zip(firsts, stacks, strict=True)):
        ends = [*first.restarts, first.max_epochs]
        stack.plan.max_epochs = ends[0]
        stack.plan.callbacks = [
            *build.make_callbacks_of_refit(resolved, RestoreFinite(table.x), first, ends),
            *tasks.callbacks(stacks, i),
        ]
    train_stacks(stacks, n_at_once, checkpoint)
    failed = {str(stack.run.stop_reason) for stack in stacks} - {"chosen_epoch", *ARRIVED}
    if failed:
        warn_user(
            f"The second training, on all rows, failed ({', '.join(sorted(failed))}). The weights "
            "are those of the first. Set refit=False, or learning_rate_init lower."
        )
        return
    for first, stack in zip(firsts, stacks, strict=True):
        network = stack.run.network
        first.network.theta[...], first.network.fixed[...] = network.theta, network.fixed
        first.reset_optimizer()  # it belongs to other weights
    if whole.stacks:
        merge_members(whole, firsts, [stack.size for stack in stacks])
