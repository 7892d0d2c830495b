"""The parameters that a fit returns: the best on validation rows, and always finite."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import isfinite
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from ...nn.losses import Loss
from ...nn.network import Network, copy_marked
from ...optim.schedules import Clock
from ..batches import Rows
from ..run import Run
from .base import Callback

CACHED = 2**19  # numbers of the validation rows that are kept as a copy
CHECKED, CHUNK = 2**12, 2**8  # rows whose scores are checked, and are computed, at once
TIE = 1e-6  # scores that differ by less are equal

Score: TypeAlias = Callable[[Network, int, np.ndarray, Rows], float]


class HeldOut(NamedTuple):
    """Targets, scores and weights of the validation rows, one member after the other."""

    target: np.ndarray
    scores: np.ndarray
    weight: np.ndarray | None


class Validation:
    """The validation rows of each member.

    Parameters
    ----------
    rows : Rows
        The rows that `folds` counts.
    folds : sequence of ndarray, or None
        The numbers of the validation rows of each member.  None: all rows validate one
        network, or members that share weights, whose scores are then combined.
    combine : callable, optional
        `Loss.combine`, for members that share weights.
    """

    def __init__(self, rows: Rows, folds: Sequence[np.ndarray] | None = None, combine: Any = None):
        self.x, self.combine = rows.x, combine
        self.index: Any = None
        self.cached = rows.x
        if folds is None:
            self.members = [rows]
            return
        self.members = [rows.take(fold) for fold in folds]
        n = max(len(fold) for fold in folds)
        if all(fold is folds[0] for fold in folds):
            self.index = folds[0]  # all members have the same validation rows
        else:  # shorter folds are filled up to be stacked; the additional scores are not used
            self.index = np.stack([np.resize(fold, n) for fold in folds])
        # The few rows of a small table are copied once, those of a large one in every epoch.
        self.n_pass = max(1, CACHED // max(1, self.x.shape[1] * self.index.size // n))
        self.cached = self.x[self.index] if n <= self.n_pass else None

    def scores(self, network: Network) -> list[np.ndarray]:
        """The scores of each member for its validation rows."""
        if self.cached is not None:
            stacked = network.scores(self.cached)
        else:
            starts = range(0, self.index.shape[-1], self.n_pass)
            parts = (self.x[self.index[..., start : start + self.n_pass]] for start in starts)
            stacked = np.concatenate([network.scores(part) for part in parts], axis=-2)
        if self.index is None:
            return [self.combine(stacked) if stacked.ndim == 3 else stacked]
        return [scores[: rows.n] for scores, rows in zip(stacked, self.members, strict=True)]

    def losses(self, network: Network, loss: Loss) -> np.ndarray:
        """The mean loss of each member, without penalty, ``(k,)``."""
        pairs = zip(self.members, self.scores(network), strict=True)
        return np.array([mean_loss_of(loss, rows, scores) for rows, scores in pairs])

    def held_out(self, network: Network) -> HeldOut:
        """The validation rows of all members, with their scores."""
        weights = [rows.weight for rows in self.members if rows.weight is not None]
        return HeldOut(
            np.concatenate([rows.target for rows in self.members]),
            np.concatenate(self.scores(network)),
            np.concatenate(weights) if weights else None,
        )


def mean_loss_of(loss: Loss, rows: Rows, scores: np.ndarray) -> float:
    """The mean loss of some rows; NaN if a score is not finite."""
    if not np.isfinite(scores).all():
        return float("nan")
    share: Any = 1.0 / rows.n
    if rows.weight is not None:
        share = rows.weight / max(rows.weight.sum(), np.finfo(scores.dtype).tiny)
    return loss.value_and_delta(rows.target, scores, share, np.empty_like(scores))


class RestoreBest(Callback):
    """Evaluate each member on its validation rows, and restore the best parameters of each.

    The best epoch has the highest score, and, of scores that are equal up to `TIE`, the
    smallest validation loss.

    Parameters
    ----------
    validation : Validation
    loss : Loss
        Gives ``validation_loss``, the mean loss without penalty.
    score : callable or None
        ``score(network, member, scores, rows) -> float``, greater is better; None stands for the
        negative loss.
    every : int
        Evaluate after every so many epochs, and after the last.
    restore : bool
        Put the best parameters back at the end?
    """

    state_attributes = ("best_scores", "best_losses", "best_epochs", "best")

    def __init__(
        self,
        validation: Validation,
        loss: Loss,
        score: Score | None = None,
        *,
        every: int = 1,
        restore: bool = True,
    ):
        self.validation, self.loss, self.score = validation, loss, score
        self.every, self.restore = every, restore
        k = len(validation.members)
        self.best_scores, self.best_losses = np.full(k, -np.inf), np.full(k, np.inf)
        self.best_epochs = np.zeros(k, int)
        self.best: Network | None = None

    @property
    def best_score(self) -> float:
        """Mean of the best scores of the members."""
        return float(self.best_scores.mean())

    def evaluate(self, network: Network) -> tuple[np.ndarray, np.ndarray]:
        """Mean loss and score of each member, ``(k,)``; NaN where a score is not finite."""
        all_scores, members = self.validation.scores(network), self.validation.members
        pairs = list(zip(members, all_scores, strict=True))
        losses = np.array([mean_loss_of(self.loss, rows, scores) for rows, scores in pairs])
        if self.score is None:
            return losses, -losses
        scores = [
            self.score(network, m, raw, rows) if np.isfinite(losses[m]) else np.nan
            for m, (rows, raw) in enumerate(pairs)
        ]
        return losses, np.array(scores)

    def mean_loss(self, network: Network) -> float:
        """The mean of the validation losses of the members."""
        return float(self.validation.losses(network, self.loss).mean())

    def on_train_begin(self, run: Run) -> None:
        if run.first_epoch > 0:  # going on: only better parameters may replace the present ones
            self._compare(*self.evaluate(run.eval_network()), run)
            self.best_epochs[...] = run.best_epoch

    def on_epoch_end(self, run: Run) -> None:
        if run.n_epochs % self.every and run.n_epochs < run.max_epochs:
            return
        losses, scores = self.evaluate(run.eval_network())
        run.history.set("validation_loss", float(losses.mean()))
        run.history.set("validation_score", float(scores.mean()))
        self._compare(losses, scores, run)

    def _compare(self, losses: np.ndarray, scores: np.ndarray, run: Run) -> None:
        better = scores > self.best_scores
        if self.score is not None:
            with np.errstate(invalid="ignore"):  # of two infinities
                tie = np.abs(scores - self.best_scores) < TIE
            better = np.where(tie, losses < self.best_losses, better)
        if not better.any():
            return
        network = run.eval_network()
        if self.best is None:
            self.best = network.over(network.theta.copy(), network.fixed.copy())
        copy_marked(self.best, network, better)
        self.best_scores[better], self.best_losses[better] = scores[better], losses[better]
        self.best_epochs[better] = run.clock.epoch

    def on_train_end(self, run: Run) -> None:
        finite = self.best is not None and isfinite(self.best_score)
        if run.failed or not (self.restore and finite):
            return
        assert self.best is not None
        run.network.theta[...], run.network.fixed[...] = self.best.theta, self.best.fixed
        run.best_epochs = self.best_epochs.tolist()
        run.best_epoch = max(run.best_epochs)


class Snapshot(NamedTuple):
    """Parameters after an epoch, and where training was."""

    theta: np.ndarray
    fixed: np.ndarray
    best_epoch: int
    clock: Clock
    n_rows: int  # of the history

    @classmethod
    def of(cls, run: Run, best_epoch: int) -> Snapshot:
        """Copies of the parameters to evaluate."""
        theta, fixed = run.eval_params().copy(), run.network.fixed.copy()
        return cls(theta, fixed, best_epoch, replace(run.clock), len(run.history))

    def restore(self, run: Run) -> None:
        """Put the parameters back."""
        run.network.theta[...], run.network.fixed[...] = self.theta, self.fixed
        run.best_epoch = self.best_epoch


class RestoreFinite(Callback):
    """Return to the last complete and finite epoch after divergence or Ctrl-C.

    A loss or a parameter that is not finite ends training in the epoch in which it
    appears.  The parameters of the last epoch are kept only if the scores of all training rows
    are finite.  After an error the network is as it was before the call.

    Parameters
    ----------
    x : ndarray or CSR, optional
        The training rows.
    """

    state_attributes = ("previous", "last")  # `start` is made again

    start: Snapshot | None = None

    def __init__(self, x: Any = None):
        self.x = x

    def on_train_begin(self, run: Run) -> None:
        self.start = self.previous = self.last = Snapshot.of(run, run.best_epoch)

    def on_epoch_end(self, run: Run) -> None:
        theta = run.network.theta
        squares = float(np.dot(theta, theta))  # huge parameters diverge too
        if isfinite(run.history.last("loss")) and isfinite(squares):
            self.previous, self.last = self.last, Snapshot.of(run, run.clock.epoch)
        else:
            self._diverge(run, self.last)

    def on_train_end(self, run: Run) -> None:
        if self.start is None:  # an earlier callback has failed
            return
        if run.failed:
            self.start.restore(run)
        elif run.interrupted:
            self.last.restore(run)
            run.clock = self.last.clock
            run.history.truncate(self.last.n_rows)
            run.reset_optimizer()  # it has seen batches of the epoch that is dropped
        elif self.x is not None and self._has_jumped() and not self._is_finite(run):
            for snapshot in (self.last, self.previous, self.start):
                self._diverge(run, snapshot)
                if self._is_finite(run):
                    break

    def _diverge(self, run: Run, snapshot: Snapshot) -> None:
        run.stop_reason = None  # this reason comes before all others
        run.stop("diverged", "The loss or the weights are not finite. Stopping.")
        run.reset_optimizer()
        snapshot.restore(run)

    def _has_jumped(self) -> bool:
        """Was the last epoch a change larger than the parameters before it?

        The losses of the last epoch are finite.  After a smaller change all scores still are,
        and the check of all rows is left out.  Running statistics, as of `BatchNorm`, are not
        used in training: its losses say nothing about them.
        """
        if not np.array_equal(self.previous.fixed, self.last.fixed):
            return True
        before, after = self.previous.theta, self.last.theta
        change = after - before
        return not np.dot(change, change) <= np.dot(before, before)

    def _is_finite(self, run: Run) -> bool:
        """Are the scores of all training rows finite?"""
        network, n = run.network, self.x.shape[0]
        with np.errstate(over="ignore", invalid="ignore"):
            return all(
                np.isfinite(network.scores(self.x[start : start + CHECKED], chunk=CHUNK)).all()
                for start in range(0, n, CHECKED)
            )
