"""The weights of the rows: `sample_weight` times `class_weight`; rows of weight 0 are removed.

In the presets for tables a row of weight 0 is removed before anything is computed from the
rows, so that it is absent from every statistic.  ``preset="plain"`` keeps such rows, as
scikit-learn's MLP does: they count in the size of a batch and in the list of classes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..tables.weights import NoWeightError, check_weight, take_rows
from .inputs import FitInputs


def check_row_weights(
    weight: Any, absent: np.ndarray | None, n: int, name: str = "sample_weight"
) -> np.ndarray | None:
    """Sample weights as float64, 0 for the rows of `absent`, whose class has the weight 0."""
    w = check_weight(weight, n, name)
    if absent is None:
        return w
    w = np.where(absent, 0.0, 1.0 if w is None else w)
    if not w.any():
        raise NoWeightError(
            f"class_weight and {name} give the weight 0 to all {n} rows. Pass rows of a class "
            "whose weight is not 0."
        )
    return w


def drop_weightless_rows(inputs: FitInputs) -> None:
    """Remove the training rows of weight 0 from X, y, weights and groups, in place.

    ``inputs.kept_rows`` and ``inputs.n_rows_given`` say which rows are left, for index pairs
    that count the rows as the user gave them.
    """
    weight = inputs.sample_weight
    if weight is None or weight.all():
        return
    rows = np.flatnonzero(weight)
    inputs.X, inputs.y = take_rows(inputs.X, rows), take_rows(inputs.y, rows)
    inputs.groups = take_rows(inputs.groups, rows)
    inputs.sample_weight = weight[rows]
    inputs.kept_rows, inputs.n_rows_given = rows, len(weight)


def row_positions(inputs: FitInputs, n: int) -> np.ndarray:
    """For each row that the user gave its place among the rows kept; -1 for one removed."""
    if inputs.kept_rows is None:
        return np.arange(n)
    positions = np.full(inputs.n_rows_given, -1)
    positions[inputs.kept_rows] = np.arange(len(inputs.kept_rows))
    return positions
