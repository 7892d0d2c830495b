"""A progress bar for ``verbose="bar"``, drawn by rich."""

from __future__ import annotations

from typing import Any

from ..optional import optional
from ..training.callbacks import Callback
from ..training.run import Run

REFRESHES = 4  # per second: drawing must take little time


class ProgressBar(Callback):
    """Epochs, losses, the best validation loss so far and the time left, on one line.

    Parameters
    ----------
    progress : rich.progress.Progress
    prefix : str
        Printed before the bar.
    """

    state_attributes = ()

    def __init__(self, progress: Any, prefix: str = ""):
        self.progress, self.prefix = progress, prefix
        self.task: Any = None

    def on_train_begin(self, run: Run) -> None:
        self.task = self.progress.add_task(f"{self.prefix}epochs", total=run.max_epochs, losses="")
        self.progress.start()

    def on_epoch_end(self, run: Run) -> None:
        words = f"loss {run.history.last('loss'):.4g}"
        known = [loss for loss in run.history["validation_loss"] if loss is not None]
        if known:
            words += f", validation loss {known[-1]:.4g}, best {min(known):.4g}"
        if run.restarts:
            words += f", warm restart {len(run.restarts)}"
        self.progress.update(self.task, completed=run.n_epochs, total=run.max_epochs, losses=words)

    def on_train_end(self, run: Run) -> None:
        if self.task is not None:
            self.progress.stop()


def make_bar(prefix: str) -> ProgressBar | None:
    """The bar; None where there is no terminal to draw it on.

    Raises
    ------
    ImportError
        If rich is not installed.
    """
    with optional("verbose='bar'", "skbackprop[progress]", ", or set verbose=True"):
        from rich import progress
        from rich.console import Console
    console = Console()
    if not console.is_terminal:
        return None
    columns = (
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.MofNCompleteColumn(),
        progress.TimeRemainingColumn(),
        progress.TextColumn("{task.fields[losses]}"),
    )
    return ProgressBar(
        progress.Progress(*columns, console=console, refresh_per_second=REFRESHES), prefix
    )
