"""The scores of a `Monitor` among the callbacks, after each epoch."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.metrics import check_scoring

from ..nn.network import Network
from ..training.callbacks import Callback, Monitor
from ..training.callbacks.monitor import Scorer
from ..training.history import COLUMNS
from ..training.run import Run
from .fitted import Fitted
from .scoring import explained


def monitors_of(resolved: dict[str, Any]) -> list[Monitor]:
    """The monitors among the callbacks."""
    return [each for each in resolved["callbacks"] or [] if isinstance(each, Monitor)]


def make_monitors(estimator: Any, fitted: Fitted, *, incremental: bool) -> list[Callback]:
    """What scores the rows of all monitors, after it has been tried on the weights at the start."""
    monitors = monitors_of(fitted.resolved)
    if monitors and len(fitted.stack_sizes) > 1:
        raise ValueError(
            "Monitor needs members that are trained in one stack, got a model that was fitted "
            f"without one, in {len(fitted.stack_sizes)} stacks. Fit it anew, with "
            "warm_start=False, or leave Monitor out."
        )
    callbacks = [MonitorScores(monitor, estimator, fitted, incremental) for monitor in monitors]
    known = set(COLUMNS)
    for callback in callbacks:
        for column in callback.columns():
            if column in known:
                raise ValueError(
                    f"The history has a column {column!r} already. Give the set of Monitor, or the "
                    "scorer, another name."
                )
            known.add(column)
    if not incremental:
        for callback in callbacks:
            callback.scores(fitted.network)
    return list(callbacks)


class MonitorScores(Callback):
    """Write the scores of the sets of a monitor into the history.

    Parameters
    ----------
    monitor : Monitor
    estimator : BackpropClassifier or BackpropRegressor
        In training, with `fitted` as its state.
    fitted : Fitted
    incremental : bool
        Is it one epoch of ``partial_fit``?  Then it is no last one.
    """

    state_attributes = ()  # what it finds is in the history

    def __init__(self, monitor: Monitor, estimator: Any, fitted: Fitted, incremental: bool):
        if not monitor.sets:
            raise ValueError(
                "Monitor needs its sets of rows, which are not in the file of a model. Set "
                "callbacks again, by set_params(callbacks=[Monitor(...)]), or to None."
            )
        self.every, self.incremental = monitor.every, incremental
        self.scorers = make_scorers(estimator, monitor.scoring)
        self.sets = [
            WatchedRows(name, rows, estimator, fitted) for name, rows in monitor.sets.items()
        ]

    def columns(self) -> list[str]:
        """The names of the columns of the history, in the order of `scores`."""
        return [f"{rows.name}_{name}" for rows in self.sets for name in self.scorers]

    def scores(self, network: Network) -> list[float]:
        """The score of each set by each scorer, with the weights of a network."""
        return [score for rows in self.sets for score in rows.scores(network, self.scorers)]

    def on_epoch_end(self, run: Run) -> None:
        self._write(run, is_due=run.clock.epoch % self.every == 0)

    def on_train_end(self, run: Run) -> None:
        ended = not (run.failed or run.interrupted or self.incremental)
        if ended and run.n_epochs > 0 and run.clock.epoch % self.every:
            self._write(run, is_due=True)  # before the best epochs are restored

    def _write(self, run: Run, *, is_due: bool) -> None:
        columns = self.columns()
        scores = self.scores(run.eval_network()) if is_due else [None] * len(columns)
        for column, score in zip(columns, scores, strict=True):
            run.history.set(column, score)


class WatchedRows:
    """Rows as the user has passed them, which are encoded once.

    Parameters
    ----------
    name : str
    rows : tuple
        X, y and perhaps weights.
    estimator, fitted
        As those of `MonitorScores`.
    """

    def __init__(self, name: str, rows: Any, estimator: Any, fitted: Fitted):
        self.name, self.fitted = name, fitted
        self.X, self.y, weight = (*rows, None)[:3]
        self.weight = {} if weight is None else {"sample_weight": weight}
        self.model = copy.copy(estimator)
        self.model._scores = self._scores  # of all that predicts, this is the slow part
        self.encoded: Any = None
        self.raw: Any = None

    def scores(self, network: Network, scorers: Mapping[str, Scorer]) -> list[float]:
        """The score by each scorer; NaN if the network overflows."""
        self.model._fitted = replace(self.fitted, network=network, temperature=1.0)
        if self.encoded is None:
            with self._explained():
                self.encoded = self.model._encode(self.X)
        self.raw = self.model._fitted.scores(self.encoded)
        if not np.isfinite(self.raw).all():
            return [float("nan")] * len(scorers)
        return [self._score(name, scorer) for name, scorer in scorers.items()]

    def _score(self, name: str, scorer: Scorer) -> float:
        with self._explained(f" by {name!r}"):
            return float(scorer(self.model, self.X, self.y, **self.weight))

    def _scores(self, X: Any) -> np.ndarray:
        """Raw scores as those of the estimator; of its own rows they are computed once."""
        return self.raw.copy() if X is self.X else type(self.model)._scores(self.model, X)

    def _explained(self, how: str = "") -> AbstractContextManager[None]:
        what = f"Monitor cannot score the set {self.name!r}{how}"
        return explained(what, "Change the rows, or choose another score.")


def make_scorers(estimator: Any, scoring: Any) -> dict[str, Scorer]:
    """The scorers by name; one that has no name is called "score"."""
    if isinstance(scoring, Mapping):
        named = dict(scoring)
    elif isinstance(scoring, str):
        named = {scoring: scoring}
    elif scoring is None or callable(scoring):
        named = {"score": scoring}
    else:
        named = {str(name): name for name in scoring}
    return {name: check_scoring(estimator, scoring=each) for name, each in named.items()}
