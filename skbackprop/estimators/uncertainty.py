"""What `predict_std` and `predict_interval` are computed from."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..recipes.build import drops
from .conformal import mc_dropout
from .fitted import Fitted


def member_deviation(fitted: Fitted, x: Any, method: str, n_passes: int) -> np.ndarray:
    """Standard deviation of the predictions of members, or of passes with dropout, ``(n, m)``."""
    if method == "members":
        scores = fitted.member_scores(x)
        if scores.ndim == 2:
            raise ValueError(
                "method='members' needs n_members of two or more, got one network. Fit with "
                "n_members=8, or use method='dropout'."
            )
        return fitted.loss.predict(scores).std(axis=0)
    if method != "dropout":
        raise ValueError(f"method must be 'members' or 'dropout', got {method!r}.")
    if not drops(fitted.resolved):
        raise ValueError(
            "method='dropout' needs a network with dropout, got dropout=0. Fit with "
            "dropout=0.1, or use method='members'."
        )
    rng = np.random.default_rng(0)  # the same masks whenever it is asked
    return mc_dropout(fitted.network, x, n_passes, rng, fitted.loss, fitted.temperature)[1]


def held_out_rows(fitted: Fitted, name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Targets and predictions of the rows held out, in the unit of y, and their weights."""
    if fitted.held_out is None:
        raise ValueError(
            f"{name} needs rows that were not learned from, got early_stopping=False. Fit "
            "with early_stopping=True, or with X_val and y_val."
        )
    held, decode = fitted.held_out, fitted.codec.decode
    y, predicted = decode(held.target), decode(fitted.loss.predict(held.scores))
    return y.reshape(len(y), -1), predicted.reshape(len(y), -1), held.weight
