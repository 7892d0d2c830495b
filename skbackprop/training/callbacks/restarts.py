"""Warm restarts of the schedule, while they reduce the validation loss."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..run import Run
from .base import Callback


class WarmRestart(Callback):
    """At the end of the schedule, start a longer one if the validation loss still falls.

    A schedule that ends at a rate of 0 cannot simply go on.  A restart begins with the whole
    learning rate again, and its schedule is `factor` times as long (Loshchilov & Hutter,
    "SGDR: stochastic gradient descent with warm restarts", 2017).  It is begun if the
    validation loss has fallen by the part `gain`, and by at least `least`, since about the middle
    of the last schedule: a target without noise needs many steps, a noisy one needs few.

    Parameters
    ----------
    gain : float
        Least relative fall of the validation loss in the second half of a schedule.
    factor : int
        How many times as long the next schedule is.
    max_restarts : int
        Largest number of restarts.
    least : float
        Least absolute fall of the validation loss in the second half of a schedule.  A loss that
        is smaller is negligible.
    """

    state_attributes = ("n_restarts", "begin")

    def __init__(
        self, gain: float = 0.1, factor: int = 2, max_restarts: int = 2, least: float = 0.0
    ):
        self.gain, self.factor = gain, factor
        self.max_restarts, self.least = max_restarts, least

    def on_train_begin(self, run: Run) -> None:
        self.n_restarts, self.begin = 0, 0

    def on_epoch_end(self, run: Run) -> None:
        if run.n_epochs < run.max_epochs or run.stop_reason is not None:
            return
        length = run.max_epochs - self.begin
        losses = run.history["validation_loss"][run.first_epoch + self.begin :]
        known = np.array([np.inf if loss is None else loss for loss in losses])
        middle, end = known[: max(length // 2, 1)].min(), known.min()
        fall = middle - end
        pays = fall > self.gain * middle and fall >= self.least and end >= self.least
        if self.n_restarts >= self.max_restarts or not pays:
            return
        self.n_restarts, self.begin = self.n_restarts + 1, run.max_epochs
        begin_restart(run, self.factor * length)


class ReplayRestarts(Callback):
    """Restart the schedule where another run has restarted it.

    Parameters
    ----------
    ends : sequence of int
        The epochs of the call at which the schedules end, the first of them the
        ``max_epochs`` of the plan.
    """

    state_attributes = ()

    def __init__(self, ends: Sequence[int]):
        self.ends = list(ends)

    def on_epoch_end(self, run: Run) -> None:
        later = [end for end in self.ends if end > run.n_epochs]
        if run.n_epochs == run.max_epochs and later:
            begin_restart(run, later[0] - run.max_epochs)


def begin_restart(run: Run, length: int) -> None:
    """After the last epoch of a schedule, start one of so many more epochs."""
    run.restarts.append(run.n_epochs)
    run.max_epochs += length
    run.clock.first_step = run.clock.step
    run.clock.n_epochs = run.clock.epoch + length


def most_epochs_with_restarts(length: int, max_restarts: int, factor: int = 2) -> int:
    """The number of epochs of all schedules, of which the first has `length`.

    >>> most_epochs_with_restarts(10, 2)
    70
    """
    return length * sum(factor**i for i in range(max_restarts + 1))
