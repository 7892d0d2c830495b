"""Conformal intervals, and the deviation of members and of predictions with dropout.

*Conformal* intervals take the residuals of rows that were not trained on, and assume no more
than that the next row is exchangeable with them.  Of the ``n + 1`` residuals the next one is
then as likely to be the smallest, the second smallest and so on; so it is at most the
``⌈(n + 1)(1 - alpha)⌉``-th smallest of the ``n`` known ones with a probability of at least
``1 - alpha``, whatever the network and whatever the distribution:

>>> import numpy as np
>>> residuals = np.array([0.5, -1.0, 2.0, 0.1, -0.3, 1.5, -0.7, 0.2, 4.0])
>>> print(conformal_margin(residuals, alpha=0.2))       # the 8th of 9
2.0
>>> print(conformal_margin(residuals, alpha=0.05))      # the 10th of 9: too few rows
inf

The *spread* of members, or of passes of one network with its dropout on, tells how much the
prediction depends on chance in training, not how much ``y`` scatters around it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..nn.losses import Loss
from ..nn.network import Network, bind_forward
from ..nn.workspace import Workspace
from ..recipes.build import drops
from ..recipes.rules import is_integer
from .fitted import Fitted

ROWS = 1024  # predicted at once, by all passes


# ---------------------------------------------------------------------------- conformal


def conformal_margin(residuals: np.ndarray, alpha: float, weight: np.ndarray | None = None) -> Any:
    """The margin ``q`` for which ``[prediction - q, prediction + q]`` holds ``1 - alpha``.

    Vovk, Gammerman & Shafer, "Algorithmic learning in a random world" (2005); Lei, G'Sell,
    Rinaldo, Tibshirani & Wasserman, "Distribution-free predictive inference for regression"
    (2018).

    Parameters
    ----------
    residuals : ndarray of shape (n,) or (n, m)
        Target minus prediction of rows that were not trained on.
    alpha : float
        The share of the rows to come that may be outside, ``0 < alpha < 1``.
    weight : ndarray of shape (n,) or None
        Weights of the rows, see `conformal_quantile`.

    Returns
    -------
    margin : float or ndarray of shape (m,)
        Infinite if there are fewer than ``1 / alpha - 1`` rows.
    """
    return conformal_quantile(np.abs(residuals), alpha, weight)


def conformalized_quantiles(
    low: np.ndarray,
    high: np.ndarray,
    y: np.ndarray,
    alpha: float,
    weight: np.ndarray | None = None,
) -> Any:
    """The margin ``q`` for which ``[low - q, high + q]`` holds ``1 - alpha``.

    Two predicted quantiles are an interval as wide as the noise at each row, but with no
    promise.  A row's ``max(low - y, y - high)`` says by how much it is outside, negative if
    it is inside; its quantile corrects both ends.

    Romano, Patterson & Candès, "Conformalized quantile regression" (2019).

    Parameters
    ----------
    low, high, y : ndarray of shape (n,) or (n, m)
        Predicted quantiles and targets of rows that were not trained on; ``alpha / 2`` and
        ``1 - alpha / 2`` are the natural quantiles, and any others are corrected, too.
    alpha, weight
        As in `conformal_margin`.

    Returns
    -------
    margin : float or ndarray of shape (m,)
        Negative if the intervals are too wide; one narrower than ``-2 q`` is then empty.
    """
    return conformal_quantile(np.maximum(low - y, y - high), alpha, weight)


def check_shares(name: str, value: Any, ndim: int) -> None:
    """Refuse what is no probability, more than 0 and less than 1, or no list of these."""
    shares = np.asarray(value)
    numbers = shares.dtype.kind in "iuf" and shares.size > 0
    if not numbers or not ((shares > 0) & (shares < 1)).all():
        raise ValueError(
            f"{name} needs probabilities, more than 0 and less than 1, got {value!r}. Write "
            "0.9 for 90 %."
        )
    if shares.ndim > ndim:
        needed = "a list of probabilities" if ndim else "one probability"
        raise ValueError(f"{name} needs {needed}, got {value!r}. Make a call for each.")


def conformal_quantile(
    outlyingness: np.ndarray, alpha: float, weight: np.ndarray | None = None
) -> Any:
    """The ``⌈(n + 1)(1 - alpha)⌉``-th smallest number of every column, infinite without one.

    Rows of unequal weight count as if there were fewer of them: ``n`` is Kish's effective
    size ``(Σw)² / Σw²``, which for equal weights is their number, whatever their scale.  The
    row to come then weighs ``Σw² / Σw``, the mean weight of a row drawn by weight.  See
    Tibshirani, Barber, Candès & Ramdas, "Conformal prediction under covariate shift" (2019).
    """
    if not 0 < alpha < 1:
        raise ValueError(
            f"An interval needs 0 < alpha < 1, got alpha={alpha!r}. It is the share of the "
            "rows that may be outside: 0.1 for intervals of 90 %."
        )
    w = np.ones(len(outlyingness)) if weight is None else np.asarray(weight, np.float64)
    dtype = np.result_type(outlyingness, np.float16)  # whole numbers have no infinity
    beyond = np.full((1, *outlyingness.shape[1:]), np.inf, dtype)
    if not w.any():
        return beyond[0]
    share = w / w.sum()
    effective_size = 1 / np.dot(share, share)
    order = np.argsort(outlyingness, axis=0)
    ranked = np.concatenate([np.take_along_axis(outlyingness, order, axis=0), beyond])
    # A sum of n rounded shares may miss a level that it reaches on paper.
    level = (1 - alpha) * (1 + 1 / effective_size) * (1 - 1e-9)
    rank = np.sum(np.cumsum(share[order], axis=0) < level, axis=0)
    return np.take_along_axis(ranked, np.expand_dims(rank, 0), axis=0)[0]


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


# ---------------------------------------------------------------------------- deviations


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


def mc_dropout(
    network: Network, x: Any, n_passes: int, rng: Any, loss: Loss, temperature: float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of the predictions of many passes with dropout.

    Each pass drops other units, so it is a network of its own.  Gal & Ghahramani, "Dropout
    as a Bayesian approximation: representing model uncertainty in deep learning" (2016).

    Parameters
    ----------
    network : Network
        With dropout; without any, all passes agree.  It is not changed.
    x : {ndarray, sparse matrix} of shape (n, n_in)
        The rows.
    n_passes : int
        Number of passes.
    rng : Generator or RandomState
        The units that are dropped.
    loss : Loss
        Its `Loss.predict` turns scores into predictions.
    temperature : float
        By which the scores are divided first.

    Returns
    -------
    mean, sd : ndarray of shape (n, m)
        Over all passes, of all members.
    """
    passes = mc_predictions(network, x, n_passes, rng, loss, temperature)
    moments = [(rows.mean(axis=0), rows.std(axis=0)) for rows in passes]
    means, sds = zip(*moments, strict=True)
    return np.concatenate(means), np.concatenate(sds)


def mc_predictions(
    network: Network, x: Any, n_passes: int, rng: Any, loss: Loss, temperature: float = 1.0
) -> Iterator[np.ndarray]:
    """Predictions of many passes with dropout, ``(n_passes, rows, m)``, chunk after chunk.

    For whatever needs all of them at once, such as quantiles, in bounded memory.  ``k``
    members make ``k`` times as many passes.  Parameters as in `mc_dropout`.
    """
    if not is_integer(n_passes) or n_passes < 1:
        raise ValueError(
            f"Dropout needs a whole number n_passes >= 1, got {n_passes!r}. Usual are 30 to 100."
        )
    bound, forward = -1, None
    for start in range(0, x.shape[0], ROWS):
        rows = x[start : start + ROWS]
        if isinstance(rows, np.ndarray) and rows.dtype != network.dtype:
            rows = rows.astype(network.dtype)
        if rows.shape[0] != bound:
            bound = rows.shape[0]
            # An inference pass in which dropout drops: batch norm, unlike in training, goes
            # on to use its stored moments and does not update them: no row depends on another.
            ws = Workspace(
                rows.shape, network.dtype, rng=rng, schedule_factors={"drop_at_inference": 1.0}
            )
            forward = bind_forward(network.layer, network.p, ws)
        assert forward is not None
        # Divided, they are copies: scores are written over by the next pass.
        passes = np.stack([loss.predict(forward(rows) / temperature) for _ in range(n_passes)])
        yield passes.reshape(-1, *passes.shape[-2:])
