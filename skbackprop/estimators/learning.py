"""From a table and a network to a trained one: who validates, the plan, the training.

One network has one run.  Members that share nothing are trained in groups, each with a run
of its own (`training.parallel_members`); their network is put together at the end.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace
from typing import Any

import numpy as np

from ..cores import n_cores
from ..nn.network import Network
from ..recipes import build as recipe
from ..recipes import resolve
from ..training.batches import Batches
from ..training.callbacks import Callback, RestoreBest, RestoreBestMembers
from ..training.callbacks.replay import ARRIVED
from ..training.loop import train
from ..training.parallel_members import (
    load_members,
    merge_members,
    merge_runs,
    stack_sizes,
    train_in_parallel,
)
from ..training.probe import mean_loss, probe_learning_rate
from ..training.run import Plan, Run
from ..warn import warn_user
from . import rows
from .calibration import fit_temperature
from .convergence import report_end
from .fitted import Fitted, HeldOut
from .inputs import FitInputs, Table
from .split import Split, all_rows, check_split, has_members, part, split_rows

MOST_EVALUATIONS = 16  # of a plan without patience: more find nothing better


def learn(estimator: Any, fitted: Fitted, table: Table, inputs: FitInputs) -> None:
    """Train `fitted` on a table, in place."""
    resolved = fitted.resolved
    resolved["refit"] = refits(resolved, inputs)
    start = deepcopy(fitted.run) if resolved["refit"] else None
    split = split_rows(estimator, fitted, table, inputs)
    n = len(split.learning[0]) if split.learning else split.table.x.shape[0]
    choose_batches(estimator, resolved, n, inputs)
    for count in {n, table.x.shape[0]} if resolved["refit"] else {n}:
        resolve.check_combination(resolved, count)
    check_split(fitted, split)
    extra = estimator._tell_scikit_learn(fitted, inputs)
    if has_members(resolved):
        fit_members(fitted, split, inputs, extra)
    else:
        fit_single(estimator, fitted, split, inputs, extra)
    held = fitted.held_out
    if resolved["calibration"] == "temperature" and held is not None:
        fitted.temperature = fit_temperature(held.scores, held.target, held.weight, fitted.loss)
    if start is not None and not fitted.run.interrupted:
        refit(replace(fitted, run=start), fitted, table, inputs)
    report_end(fitted.run, resolved, incremental=inputs.incremental)


def choose_batches(estimator: Any, resolved: dict[str, Any], n: int, inputs: FitInputs) -> None:
    """Settle the size of the batches of `n` rows."""
    chosen = not (inputs.incremental or resolve.is_auto(estimator.batch_size))
    resolved["batch_size"] = recipe.batch_size(resolved, n, chosen=chosen)
    if not inputs.incremental and n > 0 and resolved["gradient_accumulation_steps"] > 1:
        recipe.warn_accumulation(resolved, n)


def fit_single(
    estimator: Any, fitted: Fitted, split: Split, inputs: FitInputs, extra: list[Callback]
) -> None:
    """Train a network in one run."""
    run, held = fitted.run, split.validation
    restore_best = None
    if held is not None:
        restore_best = RestoreBest(
            (held.x, held.target, held.weight),
            fitted.loss,
            estimator._make_score(fitted, held),
            restore=not inputs.incremental,
        )
    plan = make_plan(fitted, run, split.table, inputs)
    plan.callbacks = recipe.make_callbacks(
        fitted.resolved, restore_best, extra + own_callbacks(fitted), incremental=inputs.incremental
    )
    judge = None if held is None else mean_loss(fitted.loss, held.x, held.target, held.weight)
    probe(fitted, [plan], run, inputs, judge)
    train(plan, run)
    if held is not None:
        fitted.held_out = HeldOut(held.target, fitted.scores(held.x), held.weight)
    remember_score(fitted, None if restore_best is None else restore_best.best_score, inputs)


def fit_members(fitted: Fitted, split: Split, inputs: FitInputs, extra: list[Callback]) -> None:
    """Train the members group by group, side by side if nobody listens."""
    resolved, whole = fitted.resolved, fitted.run
    sizes = fitted.stack_sizes or stack_sizes(
        resolved["n_members"],
        resolved["batch_size"] * max(resolved["hidden_layer_sizes"], default=1),
    )
    fitted.stack_sizes = sizes
    runs = runs_of_stacks(fitted, sizes)
    plans, keepers = [], []
    listeners = bool(extra or resolved["callbacks"] or resolved["verbose"])
    n_at_once = 1 if listeners else min(n_threads(resolved), len(sizes))
    for i, (run, size) in enumerate(zip(runs, sizes, strict=True)):
        first = sum(sizes[:i])
        plan = make_plan(fitted, run, split.table, inputs, part(split.learning, first, size))
        restore_best = keeper(fitted, split, inputs, first, size)
        # Who is told of epochs is told of the last group: the others are complete by then.
        told = extra if i == len(sizes) - 1 else []
        plan.callbacks = recipe.make_callbacks(
            resolved,
            restore_best,
            told + own_callbacks(fitted),
            incremental=inputs.incremental,
            n_turns=-(-len(sizes) // n_at_once),
        )
        plans.append(plan)
        keepers.append(restore_best)
    judge = None if keepers[0] is None else keepers[0].mean_loss
    probe(fitted, plans, runs[0], inputs, judge)
    train_in_parallel(plans, runs, n_threads=n_at_once)
    merge_runs(whole, runs, sizes)
    fitted.held_out = held_out(keepers, runs)
    scores = [keep.best_scores for keep in keepers if keep is not None]
    remember_score(fitted, float(np.concatenate(scores).mean()) if scores else None, inputs)


def own_callbacks(fitted: Fitted) -> list[Callback]:
    """Copies of the user's callbacks: `fit` changes no parameter."""
    return deepcopy(list(fitted.resolved["callbacks"] or []))


def probe(fitted: Fitted, plans: list[Plan], run: Run, inputs: FitInputs, judge: Any) -> None:
    """With ``learning_rate_init="probe"``, try rates on the first run, and use the best."""
    resolved = fitted.resolved
    if not resolved["probe"] or inputs.incremental or run.clock.epoch > 0:
        return
    rate = probe_learning_rate(plans[0], run, judge=judge).learning_rate
    resolved["learning_rate_init"] = rate
    for plan in plans:
        plan.learning_rate = rate


def keeper(
    fitted: Fitted, split: Split, inputs: FitInputs, first: int, size: int
) -> RestoreBestMembers | None:
    """What keeps the best weights of the members of a group."""
    resolved, codec = fitted.resolved, fitted.codec
    every, folds, held = 1, part(split.folds, first, size), split.table
    if resolved["n_iter_no_change"] == np.inf:
        every = max(1, resolved["max_iter"] // MOST_EVALUATIONS)
    if split.validation is not None:
        held = split.validation
        folds = [rows.numbers(held.x.shape[0])] * size
    if folds is None:
        return None
    score = None if resolved["scoring"] == "loss" else codec.score
    return RestoreBestMembers(
        (held.x, held.target, held.weight),
        folds,
        fitted.loss,
        score,
        every=every,
        restore=not inputs.incremental,
    )


def held_out(keepers: Sequence[RestoreBestMembers | None], runs: Sequence[Run]) -> HeldOut | None:
    """The rows that members did not learn from."""
    parts = [k.held_out(run.network) for k, run in zip(keepers, runs, strict=True) if k is not None]
    if not parts:
        return None
    targets, scores, weights = zip(*parts, strict=True)
    weight = None if weights[0] is None else np.concatenate(weights)
    return HeldOut(np.concatenate(targets), np.concatenate(scores), weight)


def runs_of_stacks(fitted: Fitted, sizes: Sequence[int]) -> list[Run]:
    """A run for each group: new ones, or those that go on."""
    whole = fitted.run
    if whole.parts:
        runs = [old.continued(old.network) for old in whole.parts]
    else:
        runs = []
        for size in sizes:
            network = Network(fitted.layer_of(size), whole.network.dtype)
            runs.append(Run(network, np.random.RandomState(whole.rng.randint(2**31))))
    load_members(whole, runs, sizes)
    return runs


def n_threads(resolved: dict[str, Any]) -> int:
    """How many threads may train at once."""
    limit = resolved["n_jobs"]
    return n_cores() if limit is None or limit < 0 else min(limit, n_cores())


def remember_score(fitted: Fitted, best: float | None, inputs: FitInputs) -> None:
    """Keep the best validation score; over all calls of ``partial_fit``."""
    before = fitted.best_score if inputs.incremental else None
    if best is not None:
        fitted.best_score = best if before is None else max(best, before)
    elif not inputs.incremental:
        fitted.best_score = None


def make_plan(
    fitted: Fitted,
    run: Run,
    table: Table,
    inputs: FitInputs,
    members: list[np.ndarray] | None = None,
) -> Plan:
    """Everything decided before training, but for the callbacks."""
    resolved = fitted.resolved
    optimizer = recipe.make_optimizer(resolved, run.network.layout)
    average, average_from = recipe.make_average(resolved)
    if optimizer is None or not continues(run, optimizer):
        run.reset_optimizer()
    size, n_parts = resolved["batch_size"], resolved["gradient_accumulation_steps"]
    return Plan(
        fitted.loss,
        Batches(
            table.x,
            table.target,
            table.weight,
            size * n_parts,
            resolved["shuffle"],
            table.normalizer,
            members,
            micro_batch_size=size if n_parts > 1 else None,
        ),
        alpha=resolved["alpha"],
        optimizer=optimizer,
        learning_rate=resolved["learning_rate_init"],
        schedule=recipe.make_schedule(resolved),
        weight_decay=resolved["weight_decay"],
        max_grad_norm=resolved["max_grad_norm"],
        average=average,
        average_from=average_from,
        has_dropout=recipe.drops(resolved),
        lr_multipliers=recipe.make_lr_multipliers(resolved, run.network),
        scheduled=recipe.make_scheduled(resolved),
        label_smoothing=resolved["label_smoothing"],
        l1=resolved["l1"],
        max_epochs=1 if inputs.incremental else resolved["max_iter"],
        horizon=resolved["max_iter"] if inputs.incremental else None,
        tol=resolved["tol"],
        max_fun=resolved["max_fun"],
    )


def continues(run: Run, optimizer: Any) -> bool:
    """Does the state of the last call fit this optimizer?"""
    return run.optimizer_state is not None and type(run.optimizer) is type(optimizer)


def refits(resolved: dict[str, Any], inputs: FitInputs) -> bool:
    """Is there a second training, on all rows?"""
    if not resolved["refit"] or inputs.incremental or not resolved["early_stopping"]:
        return False  # without early stopping all rows are learned from, and a warning says so
    if inputs.X_val is not None:
        warn_user(
            "refit=True has no effect with X_val: no rows of X are held out. Remove it, or leave "
            "X_val out."
        )
    return inputs.X_val is None


def refit(again: Fitted, fitted: Fitted, table: Table, inputs: FitInputs) -> None:
    """Train once more, from the same start and on all rows, up to the epochs that were best.

    `again` has the run as it was before the first training; `fitted` gets the weights.
    """
    resolved, whole = fitted.resolved, fitted.run
    members, sizes = all_rows(resolved, table), fitted.stack_sizes or [1]
    grouped = has_members(resolved)
    firsts, runs = (
        (whole.parts, runs_of_stacks(again, sizes)) if grouped else ([whole], [again.run])
    )
    plans = []
    for i, (first, run) in enumerate(zip(firsts, runs, strict=True)):
        own = part(members, sum(sizes[:i]), sizes[i])
        plan = make_plan(again, run, table, inputs, own)
        ends = [*first.restarts, first.max_epochs]
        plan.max_epochs = ends[0]
        plan.callbacks = recipe.make_callbacks_of_refit(resolved, first, ends)
        plans.append(plan)
    train_in_parallel(plans, runs, n_threads=n_threads(resolved))
    lost = {str(run.stop_reason) for run in runs} - {"chosen_epoch", *ARRIVED}
    if lost:
        warn_user(
            "The second training, on all rows, came to no good end "
            f"({', '.join(sorted(lost))}). The weights are "
            "those of the first. Set refit=False, or learning_rate_init lower."
        )
        return
    for first, run in zip(firsts, runs, strict=True):
        first.network.theta[...], first.network.fixed[...] = run.network.theta, run.network.fixed
        first.reset_optimizer()  # the optimizer has seen other weights
    if grouped:
        merge_members(whole, firsts, sizes)
