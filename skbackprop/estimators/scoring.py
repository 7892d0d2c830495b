"""The validation score: that of the codec, or any scorer of scikit-learn on the user's rows."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.metrics import check_scoring
from sklearn.utils import _safe_indexing

from ..nn.network import Network, copy_members
from ..training.callbacks.restore import Score
from ..warn import warn_user
from .fitted import Fitted
from .inputs import FitInputs
from .split import Split


def make_score(
    estimator: Any, fitted: Fitted, split: Split, inputs: FitInputs, first: int
) -> Score | None:
    """``score(network, member, scores, rows)``, or None for the negative loss.

    `first` is the number of the first member of the stack.
    """
    scoring, codec = fitted.resolved["scoring"], fitted.codec
    if scoring == "loss":
        return None
    if not is_scorer(estimator, fitted):
        return lambda network, m, scores, rows: codec.score(rows.target, scores, rows.weight)
    return UserScore(estimator, fitted, split, inputs, first)


def is_scorer(estimator: Any, fitted: Fitted) -> bool:
    """Is the score computed by a scorer of scikit-learn?"""
    scoring = fitted.resolved["scoring"]
    auto = isinstance(estimator.scoring, str) and estimator.scoring == "auto"
    return scoring != "loss" and not (auto and scoring in ("accuracy", "r2"))


class UserScore:
    """A scorer, called with the rows of X (or of X_val) as the user has passed them.

    Members with the same validation rows are scored together, as the ensemble that predicts.
    Members with validation rows of their own are scored one by one.
    """

    def __init__(self, estimator: Any, fitted: Fitted, split: Split, inputs: FitInputs, first: int):
        self.scorer = check_scoring(estimator, scoring=fitted.resolved["scoring"])
        self.estimator, self.fitted, self.first = copy.copy(estimator), fitted, first
        self.split, self.ensemble_score = split, float("nan")
        self.X, self.y, self.weight = inputs.X, inputs.y, inputs.scorer_weight
        if split.index is None:
            self.X, self.y, self.weight = inputs.X_val, inputs.y_val, inputs.sample_weight_val
        self.takes_weight = accepts_weight(self.scorer)
        if self.weight is not None and not self.takes_weight:
            warn_user(
                "The scorer does not accept sample_weight: the validation score does not depend "
                "on the weights. Give the scorer an argument sample_weight=None."
            )
        self.cache: dict[int, tuple[Any, Any, dict[str, Any]]] = {}

    def __call__(self, network: Network, m: int, scores: np.ndarray, rows: Any) -> float:
        if not self.split.shares_validation:
            return self._score(self._member_network(network, m), self.first + m)
        if m == 0:
            self.ensemble_score = self._score(network, 0)
        return self.ensemble_score

    def _score(self, network: Network, member: int) -> float:
        self.estimator._fitted = replace(self.fitted, network=network, temperature=1.0)
        X, y, weight = self._rows(member)
        what = f"scoring={self.estimator.scoring!r} failed on the validation rows"
        with explained(what, "Choose a score for this kind of target, or scoring='loss'."):
            score = float(self.scorer(self.estimator, X, y, **weight))
            if score != score:
                raise ValueError("the score is NaN")
            return score

    def _rows(self, member: int) -> tuple[Any, Any, dict[str, Any]]:
        """The validation rows of a member, in the container of the user."""
        if member not in self.cache:
            index = self.split.index
            if index is not None:
                index = index[self.split.rows_of_member(member)]
            X, y = take(self.X, index), take(self.y, index)
            weight = take(self.weight, index) if self.takes_weight else None
            self.cache[member] = X, y, {} if weight is None else {"sample_weight": weight}
        return self.cache[member]

    def _member_network(self, network: Network, m: int) -> Network:
        member = Network(self.fitted.layer_of(1), network.dtype)
        copy_members(network, member, m, to_whole=False)
        return member


@contextmanager
def explained(what: str, advice: str) -> Iterator[None]:
    """Errors of the block say what failed, and what to do."""
    try:
        yield
    except (AttributeError, TypeError, ValueError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"{what}: {str(error).rstrip('.')}. {advice}") from error


def accepts_weight(scorer: Any) -> bool:
    """Has a scorer an argument for the weights of rows?"""
    parameters = inspect.signature(scorer).parameters.values()
    return any(p.name == "sample_weight" or p.kind is p.VAR_KEYWORD for p in parameters)


def take(values: Any, index: np.ndarray | None) -> Any:
    """Some rows of an array, a table or a list; all of them without an index."""
    if values is None or index is None or np.ndim(values) == 0:
        return values
    return _safe_indexing(values, index)
