"""Selection of weights for members: each has validation rows of its own.

Averaging forgives what a single network must avoid, so members hold out different rows,
and between them have learned from all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import isfinite
from typing import Any

import numpy as np

from ...nn.losses import Loss
from ...nn.network import Network, copy_marked
from ..run import Run
from .base import Callback

KEPT = 2**19  # numbers of the rows held out: more are not copied


class RestoreBestMembers(Callback):
    """Evaluate each member on its own rows, and return the best weights of each.

    The last of equally good epochs is kept (Holzmüller et al., 2024).

    Parameters
    ----------
    x : ndarray of shape (n, n_features)
        All rows.
    target : ndarray of shape (n, n_targets)
    weight : ndarray of shape (n,) or None
    folds : sequence of ndarray
        The numbers of the rows that each member validates on.
    loss : Loss
        Gives ``validation_loss``, the mean loss without penalty.
    score : callable or None
        ``score(target, scores, weight) -> float``, greater is better; None stands for the
        negative loss.
    every : int
        Evaluate after every so many epochs, and after the last.
    restore : bool
        Put the best weights back at the end?
    """

    def __init__(
        self,
        table: tuple[np.ndarray, np.ndarray, np.ndarray | None],
        folds: Sequence[np.ndarray],
        loss: Loss,
        score: Callable[[np.ndarray, np.ndarray, Any], float] | None = None,
        *,
        every: int = 1,
        restore: bool = True,
    ):
        self.x, target, weight = table
        n = max(len(fold) for fold in folds)
        if all(fold is folds[0] for fold in folds):
            self.rows = folds[0]  # all members validate on the same rows
        else:  # shorter folds are filled up to be stacked; what fills them is not looked at
            self.rows = np.stack([np.resize(fold, n) for fold in folds])
        # Few rows are kept, those of a large table are gathered whenever they are looked at.
        self.at_once = max(1, KEPT // max(1, self.x.shape[1] * self.rows.size // n))
        self.kept = self.x[self.rows] if n <= self.at_once else None
        self.sizes = [len(fold) for fold in folds]
        self.target = [target[fold] for fold in folds]
        self.weight = [None if weight is None else weight[fold] for fold in folds]
        self.loss, self.score, self.every, self.restore = loss, score, every, restore
        self.best_scores = np.full(len(folds), -np.inf)
        self.best_epochs = np.zeros(len(folds), int)
        self.best: Network | None = None

    @property
    def best_score(self) -> float:
        """Mean of the best scores of the members."""
        return float(self.best_scores.mean())

    def evaluate(self, network: Network) -> tuple[np.ndarray, np.ndarray]:
        """Mean loss and score of each member, ``(k,)``; NaN where a score is not finite."""
        stacked = self.predict(network)
        losses = np.full(len(self.sizes), np.nan)
        scores = losses.copy()
        for m, n in enumerate(self.sizes):
            raw, target, weight = stacked[m, :n], self.target[m], self.weight[m]
            if not np.isfinite(raw).all():
                continue
            total = n if weight is None else max(weight.sum(), np.finfo(raw.dtype).tiny)
            share = 1.0 / total if weight is None else weight / total
            losses[m] = self.loss.value_and_delta(target, raw, share, np.empty_like(raw))
            scores[m] = -losses[m] if self.score is None else self.score(target, raw, weight)
        return losses, scores

    def predict(self, network: Network) -> np.ndarray:
        """The scores of each member for its rows, ``(k, n, n_scores)``."""
        if self.kept is not None:
            return network.scores(self.kept)
        starts = range(0, self.rows.shape[-1], self.at_once)
        parts = (self.x[self.rows[..., start : start + self.at_once]] for start in starts)
        return np.concatenate([network.scores(part) for part in parts], axis=-2)

    def mean_loss(self, network: Network) -> float:
        """The mean over the members of their losses on the rows held out."""
        return float(self.evaluate(network)[0].mean())

    def held_out(self, network: Network) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        """Targets, scores by whom they were held from, and weights of the rows held out."""
        stacked = self.predict(network)
        scores = [stacked[m, :n] for m, n in enumerate(self.sizes)]
        weight = [w for w in self.weight if w is not None]
        return (
            np.concatenate(self.target),
            np.concatenate(scores),
            np.concatenate(weight) if weight else None,
        )

    def on_train_begin(self, run: Run) -> None:
        if run.first_epoch > 0:  # going on: only better weights may replace the present ones
            self._compare(self.evaluate(run.eval_network())[1], run)

    def on_epoch_end(self, run: Run) -> None:
        if run.n_epochs % self.every and run.n_epochs < run.max_epochs:
            return
        losses, scores = self.evaluate(run.eval_network())
        run.history.set("validation_loss", float(losses.mean()))
        run.history.set("validation_score", float(scores.mean()))
        self._compare(scores, run)

    def _compare(self, scores: np.ndarray, run: Run) -> None:
        better = scores >= self.best_scores
        network = run.eval_network()
        if self.best is None:
            self.best = network.over(network.theta.copy(), network.fixed.copy())
        copy_marked(self.best, network, better)  # what members share does not learn
        self.best_scores[better] = scores[better]
        self.best_epochs[better] = run.clock.epoch

    def on_train_end(self, run: Run) -> None:
        good = self.best is not None and isfinite(self.best_score)
        if run.failed or not (self.restore and good):
            return
        assert self.best is not None
        run.network.theta[...], run.network.fixed[...] = self.best.theta, self.best.fixed
        run.best_epochs = self.best_epochs.tolist()
        run.best_epoch = max(run.best_epochs)
