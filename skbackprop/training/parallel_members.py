"""Members in stacks, each stack trained in a thread of its own.

Independent members share no state, so whole runs go on side by side without locks.  The
stacks depend on the number of members and the size of their layers, and not on the number of
cores: the same seed gives the same numbers on every machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextvars import copy_context

import numpy as np

from ..nn.network import copy_members, leaves
from .history import History
from .loop import train
from .plan import Plan
from .run import Run

N_STACKS = 2
LARGE = 2**18  # numbers: below, threads wait longer for the interpreter than they compute


def stack_sizes(n_members: int, width: int, n_stacks: int = N_STACKS) -> list[int]:
    """How many members each stack has; there is only one, unless the layers are large.

    Parameters
    ----------
    n_members : int
        Number of members.
    width : int
        Numbers in the widest layer of a member, for a batch.
    n_stacks : int
        Number of stacks if there is more than one.

    >>> stack_sizes(5, LARGE), stack_sizes(5, 100), stack_sizes(1, LARGE)
    ([3, 2], [5], [1])
    """
    if n_members * width < LARGE:
        return [n_members]
    n_stacks = max(1, min(n_stacks, n_members))
    return [n_members // n_stacks + (i < n_members % n_stacks) for i in range(n_stacks)]


def train_in_parallel(plans: Sequence[Plan], runs: Sequence[Run], *, n_threads: int) -> None:
    """Train every run by its plan, on up to `n_threads` threads at once."""
    if n_threads < 2 or len(runs) < 2:
        interrupted = False
        for plan, run in zip(plans, runs, strict=True):
            if interrupted:
                run.begin()
                run.interrupted, run.stop_reason = True, "interrupted"
            else:
                interrupted = train(plan, run).interrupted
        return
    with ThreadPoolExecutor(min(n_threads, len(runs)), "skbackprop-members") as pool:
        jobs = [
            # The context carries np.errstate, which a new thread does not have.
            pool.submit(copy_context().run, train, plan, run)
            for plan, run in zip(plans, runs, strict=True)
        ]
        _wait(jobs, runs)


def _wait(jobs: Sequence[Future[Run]], runs: Sequence[Run]) -> None:
    """Wait for all; an interruption or an error stops the other runs after their epoch."""
    try:
        wait(jobs, return_when=FIRST_EXCEPTION)
        for job in sorted(jobs, key=lambda job: not job.done()):  # those that failed are done
            job.result()
    except KeyboardInterrupt:
        for run in runs:
            run.interrupted = True
            run.stop("interrupted")
    except BaseException:
        for run in runs:
            run.stop("failed")
        raise


def merge_runs(whole: Run, runs: Sequence[Run], sizes: Sequence[int]) -> None:
    """Put the members of all stacks into the network of `whole`, and merge their records."""
    replace_untrained(runs, sizes)
    merge_members(whole, runs, sizes)
    longest = max(runs, key=lambda run: run.clock.epoch)
    whole.clock, whole.lr = longest.clock, longest.lr
    whole.max_epochs, whole.first_epoch = longest.max_epochs, longest.first_epoch
    whole.restarts = longest.restarts
    whole.best_epochs = [epoch for run in runs for epoch in run.best_epochs]
    diverged = [run for run in runs if run.stop_reason == "diverged"]
    # Members without a complete epoch must not be averaged with the others.
    lost = any(run.best_epoch == 0 for run in diverged)
    whole.best_epoch = 0 if lost else max(run.best_epoch for run in runs)
    whole.stop_reason = longest.stop_reason
    for run in runs:
        if run.stop_reason in ("diverged", "interrupted"):
            whole.stop_reason = run.stop_reason
    whole.interrupted = any(run.interrupted for run in runs)
    whole.messages = [message for run in runs for message in run.messages]
    whole.history = mean_history([run.history for run in runs])
    whole.stacks = list(runs)


def replace_untrained(runs: Sequence[Run], sizes: Sequence[int]) -> None:
    """After an interruption, make the members without an epoch copies of trained members."""
    trained = [run for run in runs if run.clock.epoch > 0]
    if not trained:
        return
    source, n = trained[0].network, sizes[runs.index(trained[0])]
    for run, size in zip(runs, sizes, strict=True):
        if run.clock.epoch == 0:
            for large, small in zip(leaves(run.network), leaves(source), strict=True):
                large[...] = small[np.arange(size) % n]


def merge_members(whole: Run, runs: Sequence[Run], sizes: Sequence[int]) -> None:
    """Put the members of all stacks into the network of `whole`."""
    first = 0
    for run, size in zip(runs, sizes, strict=True):
        copy_members(whole.network, run.network, first, to_whole=True)
        first += size


def load_members(whole: Run, runs: Sequence[Run], sizes: Sequence[int]) -> None:
    """Copy to each stack its members of the network of `whole`."""
    first = 0
    for run, size in zip(runs, sizes, strict=True):
        copy_members(whole.network, run.network, first, to_whole=False)
        first += size


def mean_history(histories: Sequence[History]) -> History:
    """Epoch by epoch the mean over the stacks that were still in training."""
    if len(histories) == 1:
        return histories[0]
    mean = History()
    columns = [history.columns for history in histories]
    for epoch in range(max(len(history) for history in histories)):
        mean.add()
        for name in dict.fromkeys(name for c in columns for name in c):
            known = [c[name][epoch] for c in columns if epoch < len(c.get(name, ()))]
            values = [value for value in known if value is not None]
            mean.set(name, sum(values) / len(values) if values else None)
        mean.set("epoch", epoch + 1)
    return mean
