"""Running quartiles of a column, from a summary of all rows so far.

A column is summarized by `POINTS` quantiles of equal weight.  New rows are merged with them, and
the rows before them count as at most `MEMORY` rows, so that a summary follows a change.

>>> summary = summarize(np.arange(100.0))
>>> values, weight = with_rows(summary, 100.0, np.full(300, 7.0), np.ones(300))
>>> float(np.average(values == 7, weights=weight).round(2))
0.76
"""

from __future__ import annotations

import numpy as np

from .scaling import center_and_scale

POINTS = 33  # of a summary
LITTLE = 1e-9  # so many rows or fewer have no influence
MEMORY = 300.0  # rows that all earlier rows count as, at most
MOST_ROWS = 4000  # of one call: the quartiles of so many are known to 2 %
PATIENCE = 64  # rows that wait at most until they are merged
LEAST = 32  # rows that can show that the rows before are not like them
JUMP = 4.0  # interquartile ranges; about 5 standard deviations of normal numbers


def summarize(x: np.ndarray, weight: np.ndarray | None = None) -> np.ndarray:
    """Quantiles of the numbers of a column; NaN if there is none.

    Parameters
    ----------
    x : ndarray of shape (n,)
        Numbers without NaN.
    weight : ndarray of shape (n,), optional
        Their weights; None stands for ones.

    Returns
    -------
    points : ndarray of shape (POINTS,)
        In ascending order.
    """
    if not x.size:
        return np.full(POINTS, np.nan)
    order = np.argsort(x, kind="stable")
    upto = np.arange(1.0, len(x) + 1) if weight is None else np.cumsum(weight[order])
    places = (np.arange(POINTS) + 0.5) / POINTS * upto[-1]
    return x[order][np.minimum(np.searchsorted(upto, places), len(x) - 1)]


def with_rows(
    points: np.ndarray, known: float, x: np.ndarray, weight: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The numbers of a summary and those of new rows, with their weights.

    Parameters
    ----------
    points : ndarray of shape (POINTS,)
        A summary.
    known : float
        The number of rows behind it; 0 if there is none.
    x, weight : ndarray of shape (n,)
        Numbers without NaN, and how many rows each stands for.
    """
    if known <= LITTLE:
        return x, weight
    each = min(known, MEMORY) / POINTS
    return np.concatenate([points, x]), np.concatenate([np.full(POINTS, each), weight])


def has_jumped(points: np.ndarray, x: np.ndarray, weight: np.ndarray) -> bool:
    """Tell whether new rows are so far from a summary that the rows behind it are forgotten.

    The quartiles of two groups that are far apart are those of neither.  "Far" is by the larger of
    the two interquartile ranges: numbers that grow steadily do not jump.

    >>> points = summarize(np.linspace(-1, 1, 100))
    >>> [has_jumped(points, np.linspace(a, a + 2, 40), np.ones(40)) for a in (1, 9)]
    [False, True]
    """
    if len(x) < LEAST or np.isnan(points).any():
        return False
    before, after = center_and_scale(points), center_and_scale(x, weight)
    return bool(abs(after[0] - before[0]) * min(before[1], after[1]) > JUMP)


def is_due(n_waiting: int, known: float) -> bool:
    """Tell whether rows that wait are to be merged: at first often, later in groups."""
    return n_waiting >= max(1, min(PATIENCE, known // 4))


def differs(shift: float, ratio: float) -> bool:
    """Tell whether statistics are so far from those in use that they replace them.

    Parameters
    ----------
    shift : float
        The difference of the centers, in units of the spread that is in use.
    ratio : float
        The quotient of the spreads.
    """
    return abs(shift) > 1 or not 0.25 <= ratio <= 2
