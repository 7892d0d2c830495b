"""The training and validation rows of each member."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..params import Record, record
from ..recipes import build
from ..recipes.resolve import differs
from ..training.batches import NO_FOLD
from ..training.callbacks import Validation
from . import rows
from .fitted import Fitted, ValidationRows
from .inputs import FitInputs, Table
from .later_rows import check_validation

FEWEST_HELD = 5  # the least number of validation rows of a member


@record
class Split(Record):
    """Training rows and validation rows.

    Parameters
    ----------
    table : Table
        The rows that `training` counts.
    held_out : Table or None
        The rows that `folds` counts, or, without folds, all of which are validation rows.
    training : list of ndarray or of int, or None
        The numbers of the training rows of each member.  Of rows in files: the fold that each
        member leaves out; a single network has one entry.  None: all rows of the table.
    folds : list of ndarray or None
        The numbers of the validation rows of each member.  None: all rows of `held_out`.
    index : ndarray or None
        The numbers that the rows of `held_out` have in X; None if they are not rows of X.
    """

    table: Table
    held_out: Table | None = None
    training: list[Any] | None = None
    folds: list[np.ndarray] | None = None
    index: np.ndarray | None = None

    @property
    def n_training(self) -> int:
        """Number of training rows of the first member."""
        if self.table.stored is not None:
            counts, left_out = self.table.stored.counts, (self.training or [NO_FOLD])[0]
            return int(counts.sum() - (counts[:, left_out].sum() if left_out != NO_FOLD else 0))
        return len(self.training[0]) if self.training else self.table.rows.n

    @property
    def shares_validation(self) -> bool:
        """Do all members have the same validation rows?"""
        return self.folds is None

    def validation(self, first: int, size: int | None, combine: Any) -> Validation | None:
        """The validation rows of `size` members; None stands for a single run."""
        if self.held_out is None:
            return None
        if size is None:
            return Validation(self.held_out.rows, combine=combine)
        folds = part(self.folds, first, size)
        if folds is None:
            folds = [rows.numbers(self.held_out.rows.n)] * size
        return Validation(self.held_out.rows, folds)

    def rows_of_member(self, m: int) -> np.ndarray | slice:
        """The numbers of the validation rows of a member, among those of `held_out`."""
        return slice(None) if self.folds is None else self.folds[m]


def are_independent(resolved: dict[str, Any]) -> bool:
    """Are several members trained that share no weights?"""
    return build.n_members(resolved) is not None and resolved["member_sharing"] == "independent"


def split_rows(estimator: Any, fitted: Fitted, table: Table, inputs: FitInputs) -> Split:
    """Divide the rows into training and validation rows."""
    resolved, n = fitted.resolved, table.rows.n
    everything = all_rows(resolved, table)
    if inputs.X_val is not None:
        if resolved["early_stopping"] is False and not inputs.incremental:
            raise ValueError(
                "X_val and y_val need early_stopping=True, got early_stopping=False. "
                "Set early_stopping=True, or leave the validation data out."
            )
        return Split(table, check_validation(estimator, inputs, fitted), everything)
    if not resolved["early_stopping"]:
        return Split(table, None, everything)
    if table.stored is not None:
        return split_stored(fitted, table, inputs)
    known, rng = fitted.validation_rows, fitted.run.rng
    fitted.validation_rows = draw_rows(resolved, fitted.codec, table, inputs, rng, known)
    (_, k), training, held = fitted.validation_rows
    if k > 1:
        return Split(table, table, training, held, rows.numbers(n))
    trained = table.take(training)
    return Split(trained, table.take(held), all_rows(resolved, trained), index=held)


def known_rows(before: Fitted | None, resolved: dict[str, Any]) -> ValidationRows | None:
    """The rows that were drawn in the call before, unless `validation_fraction` is another one."""
    fraction = resolved["validation_fraction"]
    if before is None or differs(fraction, before.resolved["validation_fraction"]):
        return None
    return before.validation_rows


def draw_rows(
    resolved: dict[str, Any],
    codec: Any,
    table: Table,
    inputs: FitInputs,
    rng: Any,
    known: ValidationRows | None,
) -> ValidationRows:
    """The numbers of the training and of the validation rows, of each member or of all.

    Those of the call before, `known`, stay if there are as many rows and members, and if no group
    would be on both sides.
    """
    drawn = isinstance(resolved["validation_fraction"], (int, float))
    members = all_rows(resolved, table) if drawn else None
    n, k = key = table.rows.n, 1 if members is None else len(members)
    if known is not None and known[0] == key:
        folds = [known[2]] if k == 1 else known[2]
        groups = inputs.groups if drawn else None
        if groups is None or not rows.divide_groups(rows.group_numbers(groups, n), folds):
            return known
    draw = draw_once if k == 1 else draw_folds
    return key, *draw(resolved, codec, table, inputs, rng)


def draw_folds(
    resolved: dict[str, Any], codec: Any, table: Table, inputs: FitInputs, rng: Any
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Other validation rows for each member."""
    n, k, groups = table.rows.n, resolved["n_members"], inputs.groups
    fraction, stratify = resolved["validation_fraction"], codec.stratify(table.target)
    fraction = max(fraction, min(0.5, FEWEST_HELD / n))
    if groups is None:
        folds = rows.folds(n, stratify, fraction, k, rng)
    else:
        folds = rows.group_folds(rows.check_groups(groups, n), fraction, k, rng)
    training = [np.setdiff1d(rows.numbers(n), fold, assume_unique=True) for fold in folds]
    if not min(map(len, training)):
        raise ValueError(
            f"early_stopping=True needs rows to train on beside the validation rows, got {n} rows "
            f"and validation_fraction={fraction}. Pass more rows, or set early_stopping=False."
        )
    return training, folds


def split_stored(fitted: Fitted, table: Table, inputs: FitInputs) -> Split:
    """Rows in files: each network leaves out a fold, and validates on the sample of it."""
    from .source import folds_of, folds_of_sample

    resolved, members = fitted.resolved, are_independent(fitted.resolved)
    n_folds = folds_of(resolved)
    training = [m % n_folds for m in range(resolved["n_members"] if members else 1)]
    fold = folds_of_sample(inputs, n_folds)
    folds = [np.flatnonzero(fold == left_out) for left_out in training]
    if min(map(len, folds)) < 2:
        raise ValueError(
            f"{rows.TOO_SMALL}: {len(fold)} rows of the sample, divided into {n_folds} parts. "
            "Raise sample_rows."
        )
    if members:
        return Split(table, table, training, folds, rows.numbers(table.rows.n))
    return Split(table, table.take(folds[0]), training, index=folds[0])


def draw_once(
    resolved: dict[str, Any], codec: Any, table: Table, inputs: FitInputs, rng: Any
) -> tuple[np.ndarray, np.ndarray]:
    """The same validation rows for all."""
    n, fraction = table.rows.n, resolved["validation_fraction"]
    if not isinstance(fraction, (int, float)):
        positions = inputs.row_positions()
        return rows.split_with(fraction, inputs.X, inputs.y, inputs.groups, positions)
    if inputs.groups is not None:
        groups = rows.check_groups(inputs.groups, n)
        (held,) = rows.group_folds(groups, fraction, 1, rng)
        return np.setdiff1d(np.arange(n), held, assume_unique=True), held
    stratify = codec.stratify(table.target)
    training, held = rows.split(table.contents(), stratify, n, fraction, rng)
    if stratify is not None:
        rows.warn_rare(stratify, codec.classes)
    return training, held


def all_rows(resolved: dict[str, Any], table: Table) -> list[Any] | None:
    """For each member the numbers of all rows; None if the rows of members are not stacked."""
    # Sparse rows are not stacked, and L-BFGS takes all rows for all members.
    dense = isinstance(table.x, np.ndarray)
    if not are_independent(resolved) or not dense or resolved["solver"] == "lbfgs":
        return None
    everything = rows.numbers(table.rows.n) if table.stored is None else NO_FOLD
    return [everything] * resolved["n_members"]


def part(members: list[Any] | None, first: int, size: int) -> list[Any] | None:
    """What belongs to the members of a stack."""
    return None if members is None else members[first : first + size]


def check_split(fitted: Fitted, split: Split) -> None:
    """Refuse what these rows do not allow, before training."""
    sharing, dense = fitted.resolved["member_sharing"], isinstance(split.table.x, np.ndarray)
    if fitted.resolved["n_members"] > 1 and sharing != "independent" and not dense:
        raise ValueError(
            f"member_sharing={sharing!r} needs dense rows, got a sparse X. Use "
            "member_sharing='independent', or X.toarray()."
        )
    only_dense = {
        "feature_scale": "learned_scale=True",
        "value_effects": "value_effects=True",
        "input_dropout": "dropout of the input",
    }
    named = [words for name, words in only_dense.items() if fitted.resolved[name]]
    if named and not dense:
        raise ValueError(
            f"{' and '.join(named)} needs dense rows, got a sparse X. Leave it out, or pass "
            "X.toarray()."
        )
    calibration = fitted.resolved["calibration"]
    if split.held_out is None and calibration:
        raise ValueError(
            f"calibration={calibration!r} needs validation rows, got early_stopping=False. Set "
            "early_stopping=True, pass X_val and y_val, or leave calibration out."
        )
