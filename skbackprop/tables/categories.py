"""A column of levels: their codes, and the numbers that stand for them.

A category of two levels becomes one column, one of up to `max_one_hot` levels a column for each
level, and one of more levels its share of the training rows and a code: the row of a table that
the network learns.  A level that is missing, rare or new has code 0.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import field, fields
from functools import cached_property
from typing import Any

import numpy as np

from ..params import Frozen, frozen
from .cells import BOOLEAN, DATE, DESCRIPTIONS, NUMBER, TEXT, spelling_of
from .columns import TableColumns, quoted
from .scaling import DIGITS, center_and_scale, robust_scale

ISO = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\b.*")


@frozen
class Category(Frozen):
    """The levels of a column.

    Attributes
    ----------
    column : int
        Number of the column in the table.
    kind : str
        "constant", "binary", "one-hot" or "embedded".
    levels : list of int, float or str
        The keys of the levels; level j has code j + 1.
    families : tuple of str
        The families of the cells of the training column.
    table : ndarray of shape (n_levels + 1, width)
        For each code the values of the encoded columns.
    sort_key : list
        What categories are sorted by: the frequencies of the levels and their names.
    rare : list
        Levels that were so rare in `fit` that they share code 0.
    is_full : bool
        True if a level was refused because there is no room for more.
    """

    column: int
    kind: str
    levels: list[Any]
    families: tuple[str, ...]
    table: np.ndarray
    sort_key: list[Any] = field(default_factory=list)
    rare: list[Any] = field(default_factory=list)
    is_full: bool = False

    @property
    def embedded(self) -> bool:
        """True if the category has a column of codes."""
        return self.kind == "embedded"

    @property
    def shares(self) -> np.ndarray:
        """For each code its share of the rows of `fit`; code 0 alone if there were none."""
        shares = np.zeros(len(self.table))
        known = self.sort_key[1] if self.sort_key else [1.0]
        shares[: len(known)] = known  # levels that came later had no rows
        return shares / shares.sum()

    @cached_property
    def _codes(self) -> dict[Any, int]:
        return {key: code for code, key in enumerate(self.levels, 1)}

    @cached_property
    def _codes_of_spellings(self) -> dict[Any, int]:
        """The codes of levels by the spelling of the key, if no two of them are equal."""
        pairs = [(spelling_of(key), code) for key, code in self._codes.items()]
        count = Counter(spelling for spelling, _ in pairs)
        return {spelling: code for spelling, code in pairs if count[spelling] == 1}

    def __getstate__(self) -> dict[str, Any]:
        return {f.name: getattr(self, f.name) for f in fields(self)}

    def code(self, key: Any) -> int:
        """The code of a level; 0 for what is missing, rare or new.

        "01" may be read as 1 later, and "Yes" be written "YES", unless both were levels in `fit`.
        """
        if key is None or key in self._codes:
            return self._codes.get(key, 0)
        return self._codes_of_spellings.get(spelling_of(key), 0)

    def codes(self, table: TableColumns, notes: list[str] | None = None) -> np.ndarray:
        """The code of each row of a table; `notes` gets a sentence if all levels are new."""
        keys, inverse = table.keys(self.column)
        self.check_families(keys, table)
        codes = [self.code(key) for key in keys]
        new = {*keys} - {None, *self.rare}
        if notes is not None and len(new) > 1 and not any(codes) and not self.is_full:
            notes.append(
                f"Column {table.label(self.column)}: all levels are new, for example "
                f"{_examples(new)}, and count as unknown; fit had levels such as "
                f"{_examples(self.levels)}. Write them as in fit."
            )
        return np.array(codes, dtype=int)[inverse]

    def check_families(self, keys: list[Any], table: TableColumns) -> None:
        """Raise an error if cells of a family that `fit` did not have cannot be levels."""
        new = sorted(table.families(self.column) - set(self.families)) if self.families else []
        refused = [family for family in new if not self._may_hold(family, keys)]
        if refused:
            held = " and ".join(DESCRIPTIONS[family] for family in self.families)
            raise ValueError(
                f"Column {table.label(self.column)} of X held {held} in fit, with levels such as "
                f"{_examples(self.levels)}, and now holds {DESCRIPTIONS[refused[0]]}, which cannot "
                "be compared. Pass the levels as in fit, not codes or other types."
            )

    def _may_hold(self, family: str, keys: list[Any]) -> bool:
        numbers = {NUMBER, BOOLEAN}
        if self.families == (BOOLEAN,) and family == NUMBER:
            return {*keys} <= {None, 0, 1}
        if family in numbers:
            are_numbers = [not isinstance(key, str) for key in self._codes_of_spellings]
            all_numbers = sum(are_numbers) == len(self.levels)
            same = not numbers.isdisjoint(self.families)
            return same or (TEXT in self.families and (all_numbers or any(map(self.code, keys))))
        if family == TEXT and DATE in self.families:
            return _any_date(keys)
        if family == TEXT:
            known = set(self.families) <= numbers and any(
                k is not None and not isinstance(spelling_of(k), str) for k in keys
            )
            return known or any(map(self.code, keys))
        return family == DATE and TEXT in self.families and _any_date(self.levels)


def _any_date(keys: list[Any]) -> bool:
    return any(isinstance(key, str) and ISO.fullmatch(key) for key in keys)


def _examples(levels: Iterable[Any]) -> str:
    return quoted(sorted(levels, key=str)[:3])


def count_levels(
    table: TableColumns, i: int, rows: Any, weight: np.ndarray | None
) -> tuple[dict[Any, float], float]:
    """How many rows each level of column i has, and in how many rows it is missing."""
    keys, inverse = table.keys(i)
    counts: dict[Any, float] = {}
    for key, count in zip(keys, rows_of_each(inverse[rows], weight, len(keys)), strict=True):
        if count > 0:
            counts[key] = counts.get(key, 0.0) + float(count)
    return counts, counts.pop(None, 0.0)


def learn_category(
    i: int, families: frozenset[str], counts: dict[Any, float], absent: float, limits: Any
) -> Category:
    """The category of a column; of kind "constant" if it has no encoded column.

    Parameters
    ----------
    i : int
        Number of the column.
    families : frozenset of str
        What its cells are.
    counts : dict
        For each level the number of rows.
    absent : float
        The number of rows without a level.
    limits : tuple of int and float
        `max_one_hot` and `min_frequency` of the encoder.
    """
    max_one_hot, min_frequency = limits
    least = min_frequency if len(counts) > max_one_hot else 0
    # Numbers, then text: an order that depends neither on the container nor on its rows.
    text = TEXT in families  # whole numbers that are written as text are ordered as text

    def order(key: Any) -> tuple[bool, Any]:
        return (True, str(key)) if text or isinstance(key, str) else (False, key)

    ordered = sorted(counts, key=order)
    levels = [key for key in ordered if counts[key] >= least]
    others = sum(count for count in counts.values() if count < least)
    n = np.array([absent + others, *(counts[key] for key in levels)])
    embedded = len(levels) > max_one_hot
    kind = "embedded" if embedded else "binary" if len(levels) == 2 else "one-hot"
    encoded = encode_values(_values_of_codes(kind, n), n)
    if not encoded.shape[1] and not embedded:
        kind = "constant"
    shares = np.round(n / n.sum(), DIGITS).tolist()
    sort_key = [len(levels), shares, [str(key) for key in levels]]
    rare = [key for key in ordered if counts[key] < least]
    return Category(i, kind, levels, tuple(sorted(families)), encoded, sort_key, rare)


def _values_of_codes(kind: str, n: np.ndarray) -> np.ndarray:
    """For each code a row of values, before they are scaled; `n` rows have the code."""
    if kind == "embedded":
        share = n / n.sum()
        share[0] = 0
        return share[:, np.newaxis]
    if kind == "binary":
        return np.array([[0.0], [-1.0], [1.0]])
    return np.eye(len(n))[:, 1:]


def encode_values(values: np.ndarray, n: np.ndarray) -> np.ndarray:
    """Center, scale and clip columns of which row i occurs `n[i]` times; drop constant ones."""
    seen = n > 0
    columns = []
    for x in values.T:
        center, scale = center_and_scale(x[seen], n[seen])
        if scale:
            columns.append(robust_scale(x, center, scale))
    return np.stack(columns, axis=1) if columns else np.empty((len(n), 0))


def rows_of_each(which: np.ndarray, weight: np.ndarray | None, n: int) -> np.ndarray:
    """How many rows have each of n values."""
    return np.bincount(which, weights=weight, minlength=n).astype(np.float64)
