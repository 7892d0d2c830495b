"""Early stopping.

`StopOnPlateau` and `ReduceOnPlateau` call a function, `monitor`, after each epoch.  It returns
whether the monitored value has improved by ``tol`` over a reference.  The reference moves only with
such an improvement, so a slow but steady descent adds up to one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from ..history import History
from ..run import Plateau, Run
from .base import Callback

HasImproved: TypeAlias = Callable[[History, Plateau, float], bool]


def loss_fell(history: History, plateau: Plateau, tol: float) -> bool:
    """Did the training loss fall by `tol`?"""
    loss = history.last("loss")
    # Differs from scikit-learn: its reference follows every tiny gain, so that a loss
    # falling by 0.9 tol an epoch counts as a plateau; and NaN counts as progress.
    if not loss <= plateau.reference - tol:
        return False
    plateau.reference = loss
    return True


def score_rose(history: History, plateau: Plateau, tol: float) -> bool:
    """Did the validation score rise by `tol`?"""
    score = history.last("validation_score")
    if not -score <= plateau.reference - tol:
        return False
    plateau.reference = -score
    return True


def score_or_loss_improved(history: History, plateau: Plateau, tol: float) -> bool:
    """Did the validation score rise, or the validation loss fall, by `tol`?

    For scores that take few values, such as accuracy.
    """
    # Differs from scikit-learn: a constant accuracy is no reason to stop as long as the
    # probabilities improve.
    loss = history.last("validation_loss")
    fell = loss <= plateau.reference_loss - tol
    if fell:
        plateau.reference_loss = loss
    return score_rose(history, plateau, tol) or fell


class StopOnPlateau(Callback):
    """Stop after more than `n_iter_no_change` epochs in a row without improvement."""

    state_attributes = ("plateau",)

    def __init__(self, monitor: HasImproved, tol: float, n_iter_no_change: float):
        self.monitor, self.tol = monitor, tol
        self.n_iter_no_change = n_iter_no_change
        self.plateau = Plateau()

    def on_epoch_end(self, run: Run) -> None:
        if count_epochs(self, run, self.plateau) > self.n_iter_no_change:
            message = plateau_message(self.monitor, self.tol, self.n_iter_no_change)
            run.stop("no_improvement", message + " Stopping.")


def count_epochs(callback: Any, run: Run, plateau: Plateau) -> int:
    """Epochs in a row without improvement, this one included."""
    improved = callback.monitor(run.history, plateau, callback.tol)
    plateau.n_epochs = 0 if improved else plateau.n_epochs + 1
    return plateau.n_epochs


def plateau_message(monitor: HasImproved, tol: float, n_iter_no_change: float) -> str:
    """The text of scikit-learn for a monitored value that does not improve."""
    name = "Training loss" if monitor is loss_fell else "Validation score"
    return (
        f"{name} did not improve more than tol={tol:f} for "
        f"{n_iter_no_change:.0f} consecutive epochs."
    )
