"""When to stop, and which weights to keep.

`StopOnPlateau` and `ReduceOnPlateau` (in `rates`) ask a *monitor* after each epoch
whether the monitored value has improved by ``tol`` over a reference.  The reference
moves only on such a gain, so a slow but steady descent adds up to one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import isfinite
from typing import Any, TypeAlias

import numpy as np

from ...nn.losses import Loss
from ..history import History
from ..run import Plateau, Run
from .base import Callback

TIE = 1e-6  # scores that differ by less tie

Monitor: TypeAlias = Callable[[History, Plateau, float], bool]


def loss_fell(history: History, plateau: Plateau, tol: float) -> bool:
    """Did the training loss fall by `tol`?"""
    loss = history.last("loss")
    # Differs from scikit-learn: its reference follows every tiny gain, so that a loss
    # falling by 0.9 tol an epoch counts as flat; and NaN counts as progress.
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
    # Differs from scikit-learn: a flat accuracy is no reason to stop as long as the
    # probabilities get better.
    loss = history.last("validation_loss")
    fell = loss <= plateau.reference_loss - tol
    if fell:
        plateau.reference_loss = loss
    return score_rose(history, plateau, tol) or fell


class StopOnPlateau(Callback):
    """Stop after more than `n_iter_no_change` epochs in a row without improvement."""

    def __init__(self, monitor: Monitor, tol: float, n_iter_no_change: float):
        self.monitor, self.tol, self.n_iter_no_change = monitor, tol, n_iter_no_change
        self.plateau = Plateau()

    def on_epoch_end(self, run: Run) -> None:
        flat = self.plateau
        flat.count = 0 if self.monitor(run.history, flat, self.tol) else flat.count + 1
        if flat.count > self.n_iter_no_change:
            message = plateau_message(self.monitor, self.tol, self.n_iter_no_change)
            run.stop("no_improvement", message + " Stopping.")


def plateau_message(monitor: Monitor, tol: float, n_iter_no_change: float) -> str:
    """What scikit-learn prints when the monitored value is flat."""
    name = "Training loss" if monitor is loss_fell else "Validation score"
    return (
        f"{name} did not improve more than tol={tol:f} for "
        f"{n_iter_no_change:.0f} consecutive epochs."
    )


class RestoreBest(Callback):
    """Evaluate on validation rows after each epoch and return the best weights.

    Parameters
    ----------
    rows : tuple (x, target, weight)
        The validation rows, as in `Batches`.
    loss : Loss
        Gives ``validation_loss``, the mean loss without penalty.
    score : callable or None
        ``score(scores) -> float``, greater is better; None stands for the negative loss.
    restore : bool
        Put the best weights back at the end?
    """

    def __init__(
        self,
        rows: tuple[Any, np.ndarray, np.ndarray | None],
        loss: Loss,
        score: Callable[[np.ndarray], float] | None = None,
        *,
        restore: bool = True,
    ):
        self.x, self.target, self.weight = rows
        self.loss, self.score, self.restore = loss, score, restore
        self.best_score, self.best_loss = -np.inf, np.inf
        self.best: tuple[np.ndarray, np.ndarray] | None = None
        self.best_epoch = 0

    def evaluate(self, run: Run) -> tuple[float, float]:
        """Mean loss and score of the present weights."""
        scores = run.eval_network().scores(self.x)
        if not np.isfinite(scores).all():
            return float("nan"), float("nan")
        if scores.ndim == 3:  # members are judged together
            scores = self.loss.combine(scores)
        n = len(self.target)
        total = n if self.weight is None else self.weight.sum()
        share = 1.0 / total if self.weight is None else self.weight / total
        loss = self.loss.value_and_delta(self.target, scores, share, np.empty_like(scores))
        return float(loss), float(-loss if self.score is None else self.score(scores))

    def on_train_begin(self, run: Run) -> None:
        if run.first_epoch > 0:  # going on: only better weights may replace the present ones
            self._compare(*self.evaluate(run), run)
            self.best_epoch = run.best_epoch

    def on_epoch_end(self, run: Run) -> None:
        loss, score = self.evaluate(run)
        run.history.set("validation_loss", loss)
        run.history.set("validation_score", score)
        self._compare(loss, score, run)

    def _compare(self, loss: float, score: float, run: Run) -> None:
        tie = self.score is not None and abs(score - self.best_score) < TIE
        if loss < self.best_loss if tie else score > self.best_score:
            self.best_score, self.best_loss = score, loss
            self.best_epoch = run.clock.epoch
            self.best = run.eval_params().copy(), run.network.fixed.copy()

    def on_train_end(self, run: Run) -> None:
        if self.restore and self.best is not None and not run.failed:
            run.network.theta[...], run.network.fixed[...] = self.best
            run.best_epoch = self.best_epoch


class RestoreFinite(Callback):
    """Return to the last complete and finite epoch after divergence or Ctrl-C.

    A loss or a weight that is not finite ends training within the epoch in which it
    appears.  After an error the network is as it was before the call.
    """

    def on_train_begin(self, run: Run) -> None:
        self.start = self.kept = run.eval_params().copy(), run.network.fixed.copy()
        self.kept_epoch, self.kept_clock = run.best_epoch, replace(run.clock)

    def on_epoch_end(self, run: Run) -> None:
        network = run.network
        squares = float(np.dot(network.theta, network.theta))  # huge weights diverge too
        if isfinite(run.history.last("loss")) and isfinite(squares):
            if self.kept is self.start:
                self.kept = network.theta.copy(), network.fixed.copy()
            np.copyto(self.kept[0], run.eval_params())
            np.copyto(self.kept[1], network.fixed)
            self.kept_epoch, self.kept_clock = run.clock.epoch, replace(run.clock)
        else:
            run.stop_reason = None  # this reason comes before all others
            run.stop("diverged", "The loss or the weights are not finite. Stopping.")
            run.reset_optimizer()
            self._restore(run, self.kept)

    def on_train_end(self, run: Run) -> None:
        if run.failed:
            self._restore(run, self.start)
        elif run.interrupted:
            self._restore(run, self.kept)
            run.clock = self.kept_clock
            run.reset_optimizer()  # what has seen batches of the epoch that is dropped

    def _restore(self, run: Run, kept: tuple[np.ndarray, np.ndarray]) -> None:
        run.network.theta[...], run.network.fixed[...] = kept
        run.best_epoch = self.kept_epoch
