"""An encoder for the rows of later calls: new statistics, and places for new columns and levels.

`follow` returns an encoder for the rows of one more call and leaves the old one as it was.

- The median and the spread of a number are replaced when the running quartiles (`running`) have
  more than twice or less than a quarter of the spread, or are off by more than one spread.  In
  between nothing moves, so that more calls with the same rows change no statistic.
- A column that was constant, or missing in all rows, gets a place when it varies.  So does a
  column that says where a number is missing.
- A new level of a category gets a column of its own up to `max_one_hot` levels, and a code
  beyond.  Until the network has learned it, it is encoded as an unknown level.  A category has
  room for `MOST_LEVELS` levels.  Levels that were rare in `fit` need `min_frequency` rows in one
  call.

What is added stands behind what was there, in each of the three groups of encoded columns.

>>> from .encoder import ColumnEncoder
>>> first = ColumnEncoder().fit([[1.0, "red"]])
>>> first.describe()
[(0, 'constant', 0), (1, 'constant', 0)]
>>> second, _ = follow(first, [[1.0, "blue"], [3.0, "red"], [5.0, "red"]])
>>> second.describe()
[(0, 'numeric', 1), (1, 'one-hot', 2)]
"""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from typing import Any

import numpy as np

from .categories import Category, count_levels
from .cells import BOOLEAN, TEXT
from .columns import TableColumns, read_table, some
from .encoder import ColumnEncoder
from .running import LITTLE, MOST_ROWS, differs, has_jumped, is_due, summarize, with_rows
from .scaling import LARGEST, ROUNDING, center_and_scale, sparse_medians
from .selection import category_mask
from .weights import as_counts, spread_rows

MOST_LEVELS = 1000  # of a category whose levels appear one after the other
ON = 1 / np.sqrt(1 + 1 / 9)  # what a rare indicator is encoded as where it is on; 0 where not


def follow(
    encoder: ColumnEncoder, X: Any, weight: np.ndarray | None = None, *, alone: bool = False
) -> tuple[ColumnEncoder, list[str]]:
    """The encoder for the rows so far and those of X.

    Parameters
    ----------
    encoder : ColumnEncoder
        A fitted encoder, which is not changed.
    X : table
        More rows, with the columns of `fit`.
    weight : ndarray of shape (n_samples,), optional
        Their weights, more than 0.  They are relative, unless they are counts.
    alone : bool, default=False
        True if the quartiles of these rows alone count, and not those of the rows before.

    Returns
    -------
    encoder : ColumnEncoder
        Another one, in which every column of the old one has its place.
    notes : list of str
        Sentences about what there is no room for, for a warning.
    """
    table = read_table(X)
    encoder.check_columns(table)
    new, notes = copy(encoder), list[str]()
    if encoder._sparse:
        _follow_sparse(new, table, weight)
        return new, notes
    table = table.dense()
    weight = as_counts(weight, table.n_rows)
    _find_categories(new, table)
    if alone:
        known = np.isin(new._followed, new._numeric)  # a constant is needed to see a change
        new._known = np.where(known, np.minimum(new._known, LITTLE), new._known)
        new._waiting = new._waiting[:0]
    _follow_numbers(new, table, weight)
    _follow_categories(new, table, weight, notes)
    new.count_columns()
    return new, notes


# ---- numbers --------------------------------------------------------------------------------


def _follow_numbers(new: ColumnEncoder, table: TableColumns, weight: np.ndarray) -> None:
    if not len(new._followed):
        return
    x = new.read_columns(table, new._followed)
    absent = np.isnan(x)
    if absent.any():
        was_known = new._known > 0
        _add_missing(new, absent.any(axis=0) & (was_known | ~absent.all(axis=0)))
    some = spread_rows(len(x), MOST_ROWS)
    waiting = np.concatenate([new._waiting, np.column_stack([x, weight])[some]])
    known = float(new._known.max())
    if is_due(len(waiting), known) or _awakes(new, x):
        _merge(new, waiting, len(x))
        waiting = waiting[:0]
    new._waiting = waiting


def _add_missing(new: ColumnEncoder, needed: np.ndarray) -> None:
    """Add a column that says what is missing to each of these columns that has none."""
    columns = np.setdiff1d(new._followed[needed], new._missing)
    new._missing = np.concatenate([new._missing, columns])
    new._off = np.concatenate([new._off, np.zeros(len(columns))])
    new._on = np.concatenate([new._on, np.full(len(columns), ON)])


def _awakes(new: ColumnEncoder, x: np.ndarray) -> bool:
    """Tell whether a column without a place is not constant any more."""
    idle = ~np.isin(new._followed, new._numeric)
    if not idle.any():
        return False
    value, now = new._points[idle, 0], x[:, idle]
    return bool((np.abs(now - value) > ROUNDING * np.abs(value)).any() or np.isnan(value).any())


def _merge(new: ColumnEncoder, rows: np.ndarray, n_new: int) -> None:
    """Merge rows that have waited with the summaries, and replace statistics that are off."""
    places = {i: j for j, i in enumerate(new._numeric.tolist())}
    new._points, new._known = new._points.copy(), new._known.copy()
    new._center, new._scale = new._center.copy(), new._scale.copy()
    factor = max(1.0, n_new / len(rows))  # of many rows some were taken
    for j, i in enumerate(new._followed.tolist()):
        known = ~np.isnan(rows[:, j])
        x, weight = rows[known, j], rows[known, -1] * factor
        if not len(x):
            continue
        if has_jumped(new._points[j], x, weight):
            new._known[j] = 0.0
        values, w = with_rows(new._points[j], new._known[j], x, weight)
        center, scale = center_and_scale(values, w)
        place = places.get(i)
        if place is None and scale:
            new._numeric = np.append(new._numeric, i)
            new._center, new._scale = np.append(new._center, center), np.append(new._scale, scale)
        elif place is not None and scale and not _is_same(new, place, x, weight):
            old = new._scale[place]
            if differs((center - new._center[place]) * abs(old), scale / abs(old)):
                new._center[place], new._scale[place] = center, np.copysign(scale, old)
        new._points[j] = summarize(values, w)
        new._known[j] += weight.sum()


def _is_same(new: ColumnEncoder, place: int, x: np.ndarray, weight: np.ndarray) -> bool:
    """Tell whether the statistics in use are those of these rows alone."""
    center, scale = center_and_scale(x, None if (weight == weight[0]).all() else weight)
    used = new._center[place], abs(new._scale[place])
    return bool(np.allclose((center, scale), used, rtol=1e-9, atol=0))


# ---- categories -----------------------------------------------------------------------------


def _find_categories(new: ColumnEncoder, table: TableColumns) -> None:
    """Make categories of columns that were missing in all rows and hold levels now."""
    unknown = new._followed[new._known == 0].tolist()
    if not unknown:
        return
    mask = category_mask(table, new.categorical_features)
    found = [i for i in unknown if mask[i] or table.families(i) & {TEXT, BOOLEAN}]
    if found:
        kept = ~np.isin(new._followed, found)
        new._followed, new._points = new._followed[kept], new._points[kept]
        new._known = new._known[kept]
        new._waiting = new._waiting[:, [*kept, True]]
        empty = np.empty((1, 0))
        new._constant = [*new._constant, *(Category(i, "constant", [], (), empty) for i in found)]


def _follow_categories(
    new: ColumnEncoder, table: TableColumns, weight: np.ndarray, notes: list[str]
) -> None:
    full: list[str] = []
    used = [_grown(new, c, table, weight, full) for c in new._categories]
    constant = [_grown(new, c, table, weight, full) for c in new._constant]
    new._categories = used + [c for c in constant if c.kind != "constant"]
    new._constant = [c for c in constant if c.kind == "constant"]
    if full:
        notes.append(
            f"There is no room for more than {MOST_LEVELS} levels in {some(full, 'column')}: "
            "further ones count as one unknown level. Group the levels, or leave the column out."
        )


def _grown(
    new: ColumnEncoder,
    category: Category,
    table: TableColumns,
    weight: np.ndarray,
    full: list[str],
) -> Category:
    """A category with places for new levels; the same one if there are none."""
    keys, _ = table.keys(category.column)
    category.check_families(keys, table)
    rare = set(category.rare)
    found = {key for key in keys if key is not None and not category.code(key)}
    if not found and not (category.kind == "constant" and category.levels and None in keys):
        return category
    if found & rare:
        counts, _ = count_levels(table, category.column, slice(None), weight)
        found = {k for k in found if k not in rare or counts[k] >= new.min_frequency}
    if len(category.levels) + len(found) > MOST_LEVELS and not category.is_full:
        full.append(table.label(category.column))
        category = replace(category, is_full=True)
    room = max(0, MOST_LEVELS - len(category.levels))
    levels = sorted(found, key=lambda key: (isinstance(key, str), key))[:room]
    families = {*category.families, *table.families(category.column)}
    return _with_levels(category, levels, new.max_one_hot, tuple(sorted(families)))


def _with_levels(
    category: Category, levels: list[Any], max_one_hot: int, families: tuple[str, ...]
) -> Category:
    """A category with more levels, which have the values of code 0 and a column or a code."""
    every, table = [*category.levels, *levels], category.table
    if category.is_full and not levels:
        return category
    rows = np.concatenate([table, np.repeat(table[:1], len(levels), axis=0)])
    kind = "embedded"
    if not category.embedded and len(every) <= max_one_hot:
        first = 1 if category.kind == "constant" else len(table)
        added = np.eye(len(rows))[:, first:] * ON
        rows, kind = np.hstack([rows, added]), "one-hot"
    return replace(category, kind=kind, levels=every, families=families, table=rows)


# ---- sparse ---------------------------------------------------------------------------------


def _follow_sparse(new: ColumnEncoder, table: TableColumns, weight: np.ndarray | None) -> None:
    """Scale the columns that had no entry before by the entries that they have now."""
    if table.sparse is None or (new._scale > 0).all():
        return
    median = sparse_medians(table.sparse, weight)
    added = (new._scale == 0) & (median > 0)
    with np.errstate(over="ignore"):
        scale = np.minimum(1 / np.where(added, median, 1), LARGEST)
    new._scale = np.where(added, scale, new._scale)


# ---- places ---------------------------------------------------------------------------------


def slots(encoder: ColumnEncoder) -> list[tuple[Any, ...]]:
    """A name for each encoded column, in their order; the same name has the same meaning."""
    if encoder._sparse:
        return [("sparse", i) for i in range(encoder.n_features)]
    numbers = [("number", i) for i in encoder._numeric.tolist()]
    other: list[tuple[Any, ...]] = [("missing", i) for i in encoder._missing.tolist()]
    for category in encoder._categories:
        other += [("level", category.column, j) for j in range(category.table.shape[1])]
    other += [("whitened", i) for i in encoder.whitened_columns]
    if encoder._is_empty:
        other.append(("nothing",))
    for effect in encoder.effects:
        other += [("effect", effect.column, j) for j in range(effect.width)]
    codes = [("code", c.column) for c in encoder._categories if c.embedded]
    return [*numbers, *other, *codes]


def statistics(encoder: ColumnEncoder) -> dict[int, tuple[float, float]]:
    """For each column of numbers half its center, and its scale for halves."""
    if encoder._sparse:
        return {}
    pairs = zip(encoder._center.tolist(), encoder._scale.tolist(), strict=True)
    return dict(zip(encoder._numeric.tolist(), pairs, strict=True))
