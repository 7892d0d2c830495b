"""Who learns, and who validates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..recipes import build as recipe
from . import rows
from .fitted import Fitted
from .inputs import FitInputs, Table
from .row_weights import row_positions

FEWEST_HELD = 5  # rows that a member validates on, at least


@dataclass
class Split:
    """The rows that learn and those that validate.

    Parameters
    ----------
    table : Table
        All rows that `learning` and `folds` count, or those that learn.
    validation : Table or None
        Rows on which all members validate together.
    learning, folds : list of ndarray or None
        The numbers of the rows from which each member learns, and on which it validates.
    """

    table: Table
    validation: Table | None = None
    learning: list[np.ndarray] | None = None
    folds: list[np.ndarray] | None = None


def has_members(resolved: dict[str, Any]) -> bool:
    """Are there members that share nothing?"""
    return recipe.n_members(resolved) is not None and resolved["member_sharing"] == "independent"


def split_rows(estimator: Any, fitted: Fitted, table: Table, inputs: FitInputs) -> Split:
    """Who learns and who validates."""
    resolved = fitted.resolved
    everything = all_rows(resolved, table)
    if inputs.X_val is not None:
        if resolved["early_stopping"] is False and not inputs.incremental:
            raise ValueError(
                "X_val and y_val need early_stopping=True, got early_stopping=False. "
                "Set early_stopping=True, or leave the validation data out."
            )
        return Split(table, estimator._check_validation(inputs, fitted), everything)
    if not resolved["early_stopping"]:
        return Split(table, None, everything)
    fraction = resolved["validation_fraction"]
    if everything is not None and isinstance(fraction, (int, float)):
        return split_members(fitted, table, len(everything))
    learning, held = split_once(fitted, table, inputs)
    learns = table.take(learning)
    return Split(learns, table.take(held), all_rows(resolved, learns))


def split_members(fitted: Fitted, table: Table, k: int) -> Split:
    """Another part of the rows validates for each member."""
    n, kept = table.x.shape[0], fitted.validation_rows
    if kept is not None and kept[0] == (n, k):
        return Split(table, None, kept[1], kept[2])
    fraction, stratify = fitted.resolved["validation_fraction"], fitted.codec.stratify(table.target)
    folds = rows.folds(n, stratify, max(fraction, min(0.5, FEWEST_HELD / n)), k, fitted.run.rng)
    learning = [np.setdiff1d(rows.numbers(n), fold, assume_unique=True) for fold in folds]
    fitted.validation_rows = (n, k), learning, folds
    return Split(table, None, learning, folds)


def split_once(fitted: Fitted, table: Table, inputs: FitInputs) -> tuple[np.ndarray, np.ndarray]:
    """The numbers of the rows that learn, and of those that validate."""
    resolved, run = fitted.resolved, fitted.run
    n, fraction, kept = (
        table.x.shape[0],
        resolved["validation_fraction"],
        fitted.validation_rows,
    )
    if kept is not None and kept[0] == (n, 1):
        learning, held = kept[1:]
    elif isinstance(fraction, (int, float)):
        stratify = fitted.codec.stratify(table.target)
        learning, held = rows.split(table.contents(), stratify, n, fraction, run.rng)
        if stratify is not None:
            rows.warn_rare(stratify, fitted.codec.classes)
    else:
        positions = row_positions(inputs, n)
        learning, held = rows.split_with(fraction, table.x, table.y, inputs.groups, positions)
    fitted.validation_rows = (n, 1), learning, held
    return learning, held


def all_rows(resolved: dict[str, Any], table: Table) -> list[np.ndarray] | None:
    """For each member the numbers of all rows; None if the rows of members are not stacked."""
    # Sparse rows are not, and L-BFGS takes all rows for all members.
    dense = isinstance(table.x, np.ndarray)
    if not has_members(resolved) or not dense or resolved["solver"] == "lbfgs":
        return None
    return [rows.numbers(table.x.shape[0])] * resolved["n_members"]


def part(members: list[np.ndarray] | None, first: int, size: int) -> list[np.ndarray] | None:
    """What belongs to the members of a group."""
    return None if members is None else members[first : first + size]


def check_split(fitted: Fitted, split: Split) -> None:
    """Refuse what needs other rows than these, before they are learned from."""
    resolved = fitted.resolved
    sharing = resolved["member_sharing"]
    dense = isinstance(split.table.x, np.ndarray)
    if resolved["n_members"] > 1 and sharing != "independent" and not dense:
        raise ValueError(
            f"member_sharing={sharing!r} needs dense rows, got a sparse X: each member sees the "
            "columns times numbers of its own. Use member_sharing='independent', or X.toarray()."
        )
    nobody = split.folds is None and split.validation is None
    if nobody and resolved["calibration"]:
        raise ValueError(
            "calibration='temperature' needs rows that were not learned from, got "
            "early_stopping=False. Set early_stopping=True, pass X_val and y_val, or leave "
            "calibration out."
        )
    scoring, own = resolved["scoring"], resolved["score"]
    if nobody or not has_members(resolved) or scoring == "loss":
        return
    if own == "loss" or scoring not in (None, own):
        raise ValueError(
            f"scoring={scoring!r} needs a single network, got n_members={resolved['n_members']}. "
            f"Members are judged one by one, here by {own!r} or 'loss'. Set n_members=1, or "
            "scoring='loss'."
        )
