"""A time limit for training."""

from __future__ import annotations

from time import perf_counter

from ..run import Run
from .base import Callback


class TimeBudget(Callback):
    """Plan no more epochs than there is time for.

    After each epoch the time of those so far says how many there will be.  If they are fewer
    than planned, the plan is shortened, and the schedules with it: they still come to their
    end, which is where most of the gain is.

    Parameters
    ----------
    seconds : float
        The time for all epochs of a call.  At least one is trained.
    """

    state_attributes = ("spent", "shortened")

    def __init__(self, seconds: float):
        self.seconds = seconds

    def on_train_begin(self, run: Run) -> None:
        self.spent, self.shortened = 0.0, False
        self.last = perf_counter()

    def on_epoch_end(self, run: Run) -> None:
        now = perf_counter()
        self.spent, self.last = self.spent + now - self.last, now
        spent = max(self.spent, 1e-9)
        affordable = max(int(run.n_epochs * self.seconds / spent), run.n_epochs)
        if affordable < run.max_epochs:
            self.shortened = True
            run.max_epochs = affordable
            run.clock.n_epochs = run.first_epoch + affordable
        if spent >= self.seconds or (self.shortened and run.n_epochs >= run.max_epochs):
            run.stop("time_budget")
