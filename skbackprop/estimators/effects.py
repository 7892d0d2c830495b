"""The effects of values in the encoded rows: the columns that have them, and the folds.

The rows that a member holds out are one fold: their effects come from the rows that the member
learns from, as those of later rows come from all training rows.  The rows that no member holds
out are dealt into further folds.  All rows of a group are in the same fold.  Members beyond those
that hold out all rows once share the folds of these: what they hold out has effects of rows that
they hold out, too, but no row has an effect of its own label.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from typing import Any

import numpy as np

from ..tables.encoder import ColumnEncoder
from ..tables.value_effects import (
    FEWEST_ROWS,
    OF_LABELS,
    OF_NUMBERS,
    find_effects,
    learn_effects,
)
from . import rows
from .fitted import Fitted, ValidationRows
from .inputs import FitInputs, Table
from .split import draw_rows, known_rows

N_FOLDS = 10


def add_effects(
    encoder: ColumnEncoder | None,
    table: Table,
    codec: Any,
    resolved: dict[str, Any],
    inputs: FitInputs,
    before: Fitted | None,
    rng: Any,
) -> tuple[ColumnEncoder | None, Table, ValidationRows | None]:
    """The encoder with effects, the rows with theirs, and the validation rows if drawn for them.

    Without effects everything is as it was.  A second ``fit`` with ``warm_start=True`` learns the
    effects of the same columns from its rows, if these are not few; ``partial_fit`` leaves them as
    they are.  `rng`, the generator of the fit, is left where it is: a copy draws.
    """
    found = _columns_with_effects(encoder, table, codec, resolved, inputs, before)
    if encoder is None or not found:
        return encoder, table, None
    n, drawn = table.rows.n, None
    rng = deepcopy(rng)
    if resolved["early_stopping"] and inputs.X_val is None:
        known = known_rows(before, resolved)
        drawn = draw_rows(resolved, codec, table, inputs, rng, known)
    weight = inputs.sample_weight
    fold = deal(n, inputs.groups, rng, drawn)
    effects, columns = learn_effects(encoder, inputs.columns, table.target, weight, fold, found)
    encoder, x = encoder.with_effects(effects, table.x, columns)
    return encoder, replace(table, x=x), drawn


def _columns_with_effects(
    encoder: ColumnEncoder | None,
    table: Table,
    codec: Any,
    resolved: dict[str, Any],
    inputs: FitInputs,
    before: Fitted | None,
) -> list[tuple[int, np.ndarray]]:
    """The columns, and the columns of the target that they have effects on."""
    dense = isinstance(table.x, np.ndarray) and inputs.survey is None
    if encoder is None or not dense or table.rows.n < FEWEST_ROWS:
        return []
    if before is not None:
        going_on = () if inputs.incremental else encoder.effects
        return [(effect.column, effect.targets) for effect in going_on]
    if not resolved["value_effects"]:
        return []
    heads = getattr(codec, "heads", ())
    if any(head.n_targets > 1 for head in heads):
        return []  # of more classes than two: tried, and 3 to 9 % more error
    limits = OF_LABELS if heads else OF_NUMBERS
    fold = deal(table.rows.n, inputs.groups, np.random.RandomState(0), None)
    return find_effects(encoder, inputs.columns, table.target, inputs.sample_weight, fold, limits)


def deal(n: int, groups: Any, rng: Any, drawn: ValidationRows | None) -> np.ndarray:
    """The number of the fold of each of n rows.

    Parameters
    ----------
    n : int
        How many rows there are.
    groups : array-like of shape (n,) or None
        Rows that must stay together.
    rng : RandomState
        Deals the rows that are no validation rows.
    drawn : tuple or None
        Validation rows: each member's are one fold.  Of members that have them twice, the first.
    """
    fold, first = np.full(n, -1), 0
    if drawn is not None:
        (_, k), _, held = drawn
        for own in reversed([held] if k == 1 else held):
            fold[own] = first
            first += 1
    rest = np.flatnonzero(fold < 0)
    unit = np.arange(len(rest)) if groups is None else rows.group_numbers(groups, n)[rest]
    n_units = int(unit.max(initial=-1)) + 1
    fold[rest] = first + (rng.permutation(n_units) % max(2, N_FOLDS - first))[unit]
    return fold
