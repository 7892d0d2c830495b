"""Members in stacks: the plan and the run of each stack, and their training.

A single network is one run.  Members are trained in stacks, each with a run of its own
(`training.parallel_members`); afterwards their networks are merged.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np
from threadpoolctl import threadpool_limits

from ..cores import n_cores
from ..nn.network import Network
from ..params import Record, record
from ..recipes import build
from ..recipes.monotone import make_limits
from ..training.batches import NO_FOLD, Batches
from ..training.callbacks import RestoreBest
from ..training.parallel_members import load_members, stack_sizes, train_in_parallel
from ..training.plan import Plan
from ..training.run import Run
from .fitted import Fitted
from .inputs import FitInputs, Table
from .monitoring import monitors_of
from .scoring import is_scorer, make_score
from .split import Split, are_independent, part
from .stream import match_moments

if TYPE_CHECKING:
    from ..training.probe import Probe

MOST_EVALUATIONS = 16  # of a plan without patience: more of them find nothing better


@record
class Stack(Record):
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


def make_plan(
    fitted: Fitted, run: Run, table: Table, inputs: FitInputs, members: list[Any] | None
) -> Plan:
    """Everything that is decided before training, without the callbacks."""
    resolved = fitted.resolved
    optimizer = build.make_optimizer(resolved, run.network.layout)
    average, average_from = build.make_average(resolved)
    state, before = run.optimizer_state, run.optimizer
    if optimizer is None or state is None or type(before) is not type(optimizer):
        run.reset_optimizer()
    else:
        match_moments(state, before, optimizer)
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
    folds = members or [NO_FOLD]
    left_out = folds if are_independent(resolved) else folds[0]
    return table.stored.batches(size * n_parts, resolved["shuffle"], left_out, micro)


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
