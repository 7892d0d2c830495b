"""What ``verbose`` prints, and the logger ``skbackprop``."""

from __future__ import annotations

import logging
from math import ceil
from numbers import Real
from time import perf_counter

from ..history import COLUMNS, History
from ..run import Run
from .base import Callback

logger = logging.getLogger("skbackprop")

LINES = 8
LONG, MEASURED = 10.0, 0.5  # seconds: of a long training, and after which it is known to be one
REASONS = {
    "max_iter": "all planned epochs are done",
    "no_improvement": "no improvement for n_iter_no_change epochs",
    "learning_rate_too_small": "the learning rate is too small",
    "diverged": "the loss or the weights are not finite",
    "interrupted": "interrupted by the user",
    "time_budget": "time_budget is used up",
    "converged": "converged",
    "abnormal": "no step lowers the loss",
    "callback": "a callback asked to stop",
}


class Progress(Callback):
    """Print what scikit-learn's MLP prints; the last callback of a plan."""

    state_attributes = ("n_printed",)

    n_printed = 0

    def on_epoch_end(self, run: Run) -> None:
        print(f"Iteration {run.n_epochs}, loss = {run.history.last('loss'):.8f}")
        score = run.history.last("validation_score")
        if score is not None:
            print(f"Validation score: {score:f}")
        for text in recorded(run.history):
            print(text)
        self._print_messages(run)

    def on_train_end(self, run: Run) -> None:
        self._print_messages(run)

    def _print_messages(self, run: Run) -> None:
        for message in run.messages[self.n_printed :]:
            print(message)
        self.n_printed = len(run.messages)


class PeriodicProgress(Callback):
    """Print a line after every few epochs, and one for each warm restart.

    Parameters
    ----------
    period : int or None
        Print after epochs that are a multiple of it, and after the last one planned.  None: such
        that a fit prints about `LINES` lines until its first warm restart, and as many later.
    score : str
        The name of the validation score; "loss" if there is none but the loss.
    prefix : str
        Printed before each line.
    """

    state_attributes = ("n_restarts",)

    def __init__(self, period: int | None = None, score: str = "loss", prefix: str = ""):
        self.period, self.score, self.prefix = period, score, prefix
        self.n_restarts = 0

    def on_epoch_end(self, run: Run) -> None:
        begun = len(run.restarts) > self.n_restarts
        planned = run.restarts[-1] if begun else run.max_epochs
        ends = run.n_epochs >= planned or run.stop_reason is not None
        if ends or run.n_epochs % (self.period or ceil(planned / LINES)) == 0:
            total = str(run.first_epoch + planned)
            epoch = f"epoch {run.clock.epoch:>{len(total)}}/{total}"
            print(f"{self.prefix}{epoch}: {self._values(run)}")
        if begun:
            self.n_restarts = len(run.restarts)
            more = run.max_epochs - run.n_epochs
            print(f"{self.prefix}warm restart: {more} more epochs")

    def _values(self, run: Run) -> str:
        """The losses, and the score, of the last epoch that was validated."""
        history = run.history
        text = [f"training loss {history.last('loss'):.4g}"]
        known = [i for i, loss in enumerate(history["validation_loss"]) if loss is not None]
        if known and known[-1] >= run.first_epoch:
            text.append(f"validation loss {history['validation_loss'][known[-1]]:.4g}")
            if self.score != "loss":
                text.append(f"{self.score} {history['validation_score'][known[-1]]:.4g}")
        return ", ".join(text + recorded(history))


def recorded(history: History) -> list[str]:
    """What callbacks have written into columns of their own in the last epoch."""
    own = {name: history.last(name) for name in history.columns if name not in COLUMNS}
    return [f"{name} {value:.4g}" for name, value in own.items() if isinstance(value, Real)]


def print_begin(preset: str, parts: list[str]) -> None:
    """Print one line about what will be trained."""
    print(f"preset={preset!r}: " + ", ".join(parts))


def print_end(run: Run, *parts: str) -> None:
    """Print one line about why training stopped, which epochs were kept, and `parts`."""
    kept = [
        epoch for each in run.stacks or [run] for epoch in each.best_epochs or [each.best_epoch]
    ]
    first, last = min(kept), max(kept)
    epochs = f"epoch {last}" if first == last else f"epochs {first} to {last}, by member"
    reason = REASONS.get(str(run.stop_reason), run.stop_reason)
    text = [f"kept: {epochs}", *parts]
    print(f"stopped after epoch {run.clock.epoch} ({reason}); {'; '.join(text)}")


class Log(Callback):
    """Write epochs (DEBUG) and the end (INFO) to the logger ``skbackprop``.

    A training that will take long says so once (INFO), when its first epochs have shown how long
    an epoch takes.

    Parameters
    ----------
    work : str
        What there is to do, for this message; without it there is none.
    """

    state_attributes = ()  # after a kill the time is measured anew

    def __init__(self, work: str = ""):
        self.work, self.start = work, 0.0

    def on_train_begin(self, run: Run) -> None:
        self.start = perf_counter()

    def on_epoch_end(self, run: Run) -> None:
        self._expect(run)
        if logger.isEnabledFor(logging.DEBUG):
            row = {name: column[-1] for name, column in run.history.columns.items()}
            logger.debug("%s", row)

    def _expect(self, run: Run) -> None:
        elapsed = perf_counter() - self.start
        if not self.work or elapsed < MEASURED:
            return
        expected = elapsed / run.n_epochs * run.max_epochs
        if expected > LONG:
            logger.info("training will take about %.0f s: %s", expected, self.work)
        self.work = ""

    def on_train_end(self, run: Run) -> None:
        logger.info("stopped after epoch %d: %s", run.clock.epoch, run.stop_reason)
