"""Another round of training, when the last one was still worth it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..run import Run
from .base import Callback


class WarmRestart(Callback):
    """When the schedule has come to its end, go on with a longer round if that pays.

    A schedule that ends at a rate of 0 leaves nothing to be gained by going on as before,
    so the next round begins anew with the whole rate, and is `factor` times as long
    (Loshchilov & Hutter, "SGDR: stochastic gradient descent with warm restarts", 2017).
    It is begun if the validation loss has fallen by the part `gain`, and by at least `least`,
    since about the middle of the round.  A round takes `factor` times as long as all the gain
    before, and rarely lowers the loss by more than the last half round did; of a loss that is
    already below `least` there is nothing left to gain.

    Parameters
    ----------
    gain : float
        Least relative fall of the validation loss in the second half of a round.
    factor : int
        How many times as long the next round is.
    most : int
        Most rounds in all.
    least : float
        Least absolute fall of the validation loss in the second half of a round.  A loss that is
        smaller is negligible.
    """

    def __init__(self, gain: float = 0.1, factor: int = 2, most: int = 3, least: float = 0.0):
        self.gain, self.factor, self.most, self.least = gain, factor, most, least

    def on_train_begin(self, run: Run) -> None:
        self.n_rounds, self.begin = 1, 0

    def on_epoch_end(self, run: Run) -> None:
        if run.n_epochs < run.max_epochs or run.stop_reason is not None:
            return
        length = run.max_epochs - self.begin
        losses = run.history["validation_loss"][run.first_epoch + self.begin :]
        known = np.array([np.inf if loss is None else loss for loss in losses])
        middle, end = known[: max(length // 2, 1)].min(), known.min()
        fall = middle - end
        pays = fall > self.gain * middle and fall >= self.least and end >= self.least
        if self.n_rounds >= self.most or not pays:
            return
        self.n_rounds, self.begin = self.n_rounds + 1, run.max_epochs
        begin_restart(run, self.factor * length)


class ReplayRestarts(Callback):
    """Begin rounds where another run began them.

    Parameters
    ----------
    ends : sequence of int
        The epochs of the call with which the rounds end, the first of them the ``max_epochs``
        of the plan.
    """

    def __init__(self, ends: Sequence[int]):
        self.ends = list(ends)

    def on_epoch_end(self, run: Run) -> None:
        later = [end for end in self.ends if end > run.n_epochs]
        if run.n_epochs == run.max_epochs and later:
            begin_restart(run, later[0] - run.max_epochs)


def begin_restart(run: Run, length: int) -> None:
    """After the last epoch planned, plan a schedule of so many more."""
    run.restarts.append(run.n_epochs)
    run.max_epochs += length
    run.clock.first_step = run.clock.step
    run.clock.n_epochs = run.clock.epoch + length


def most_epochs_of_rounds(length: int, most: int, factor: int = 2) -> int:
    """The number of epochs of all `most` rounds, of which the first has `length`.

    >>> most_epochs_of_rounds(10, 3)
    70
    """
    return length * sum(factor**i for i in range(most))
