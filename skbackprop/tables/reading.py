"""How a column that is no category is read as numbers: decided in `fit`, applied in `transform`.

A `Reading` says what the column holds (numbers, dates, …) and, if it holds text, in which
notation.  A column that cannot mean the same later is refused.

>>> from skbackprop.tables import read_table
>>> table = read_table([["1,5", 1], ["2,5", 2], ["?", 3]])
>>> reading = recognize(table, 0, np.ones(3), 0)
>>> reading.notation.describe(), floats(table, 0, reading)
("decimal sign ','", array([1.5, 2.5, nan]))
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ..params import Frozen, frozen
from .cells import AWARE_DATE, BOOLEAN, DATE, DESCRIPTIONS, DURATION, NUMBER, TEXT, TIME, seconds_of
from .columns import Cells, TableColumns, quoted, short
from .shares import is_null_text, share_parsed
from .text_dates import (
    DURATION_FORMAT,
    AmbiguousDatesError,
    DateNotation,
    find_date_notation,
    find_durations,
)
from .text_numbers import NumberNotation, find_number_notation

COMPARABLE = {
    NUMBER: {NUMBER, BOOLEAN, TEXT},
    DATE: {DATE, TEXT},
    AWARE_DATE: {AWARE_DATE, TEXT},
    DURATION: {DURATION, TEXT},
    TIME: {TIME, TEXT},
}
CONVERT = {
    NUMBER: "Convert it to numbers.",
    DATE: "Convert it to dates without a time zone.",
    AWARE_DATE: "Convert it to dates with a time zone.",
    DURATION: "Convert it to durations.",
    TIME: "Convert it to times of day.",
}
MOST_WORDS = 100  # texts without a value that are stored


@frozen
class Reading(Frozen):
    """How the cells of a column become numbers.

    Attributes
    ----------
    family : str
        What the column holds: "number", "date", "aware date", "duration" or "time".
    notation : NumberNotation, DateNotation or None
        How it is written, if the training column was text.
    words : tuple of str
        Texts of the training column that have no value in this notation.
    """

    family: str = NUMBER
    notation: NumberNotation | DateNotation | None = None
    words: tuple[str, ...] = ()

    def describe(self) -> str:
        """Words for a message."""
        words = self.notation.describe() if self.notation is not None else ""
        return DESCRIPTIONS[self.family] + (f" ({words})" if words else "")

    def parse_all(self, texts: Iterable[str]) -> list[float | None]:
        """The numbers that texts mean; None for what means none."""
        if self.notation is not None:
            return self.notation.parse_all(texts)
        if self.family == NUMBER:
            return NumberNotation().parse_all(texts)
        if self.family == TIME:
            texts = list(texts)
            read = zip(*(DateNotation(form).parse_all(texts) for form in TIMES), strict=True)
            return [next((v for v in values if v is not None), None) for values in read]
        if self.family == DURATION:
            return DateNotation(DURATION_FORMAT).parse_all(texts)
        return DateNotation(aware=self.family == AWARE_DATE).parse_all(texts)


PLAIN = Reading()
TIMES = ("%H:%M:%S.%f", "%H:%M:%S", "%H:%M")


def typed_reading(table: TableColumns, i: int) -> Reading:
    """The reading of a column without text."""
    families = table.families(i)
    if families <= {NUMBER, BOOLEAN}:
        return PLAIN
    if len(families) > 1:
        held = " and ".join(DESCRIPTIONS[family] for family in sorted(families))
        raise ValueError(
            f"Column {table.label(i)} of X holds {held}, which cannot be compared. "
            "Convert all of its cells to one of them."
        )
    return Reading(next(iter(families)))


def recognize(table: TableColumns, i: int, counts: np.ndarray, max_codes: int) -> Reading | None:
    """The reading of a column with text; None if it is neither numbers, dates nor times.

    Parameters
    ----------
    table : TableColumns
        The training table.
    i : int
        The column.
    counts : ndarray of float
        For each of its distinct cells the number of rows.
    max_codes : int
        Up to this many integers, each in two rows on average, are codes of categories, and are
        left as text.
    """
    cells = table.cells(i)
    texts: dict[str, float] = {}
    nulls, others, parsed = set(), set(), 0.0
    for cell, count in zip(cells.distinct, counts.tolist(), strict=True):
        if count > 0 and isinstance(cell, str):
            if is_null_text(cell):
                nulls.add(cell)
            else:
                texts[cell] = texts.get(cell, 0.0) + count
        elif count > 0 and cell is not None:
            parsed += count
            others.add(cell)
    reading = _recognize(table, i, texts, (others, parsed), max_codes)
    return None if reading is None else _with_words(reading, {*texts, *nulls})


def _recognize(
    table: TableColumns,
    i: int,
    texts: dict[str, float],
    typed: tuple[set[Any], float],
    max_codes: int,
) -> Reading | None:
    """The reading without its words; `typed` holds the cells that are no text, and their rows."""
    others, parsed = typed
    families = table.cells(i).families - {TEXT}
    if families in ({DATE}, {AWARE_DATE}):
        return _mostly_dates(families, texts, parsed)
    if families <= {NUMBER}:
        number = find_number_notation(texts, parsed)
        if number is not None:
            reading = Reading(NUMBER, number)
            is_code = not table.only_text(i) and _are_codes(reading, texts, others, parsed)
            return None if is_code and len(texts) + len(others) <= max_codes else reading
    return None if families else _find_dates(table, i, texts)


def _are_codes(reading: Reading, texts: dict[str, float], others: set[Any], parsed: float) -> bool:
    """Tell whether a column of text holds a few plain integers, each several times."""
    plain = reading.notation == NumberNotation()
    values = [value for value in reading.parse_all(texts) if value is not None]
    whole = all(float(value).is_integer() for value in (*values, *others))
    n_rows = parsed + sum(texts.values())
    return plain and whole and 2 * (len(texts) + len(others)) <= n_rows


def _mostly_dates(
    families: frozenset[str], texts: dict[str, float], parsed: float
) -> Reading | None:
    (family,) = families
    reading = Reading(family, DateNotation(aware=family == AWARE_DATE))
    return reading if share_parsed(texts, reading.parse_all(texts), parsed) else None


def _find_dates(table: TableColumns, i: int, texts: dict[str, float]) -> Reading | None:
    try:
        notation = find_date_notation(texts)
    except AmbiguousDatesError as error:
        raise ValueError(
            f"Column {table.label(i)} of X holds dates such as '{error}', in which the day cannot "
            "be told from the month. Convert it to dates, for example by pandas.to_datetime with "
            "dayfirst or format, or put it among the categorical_features."
        ) from None
    if notation is None or notation.family == TIME:
        notation = find_durations(texts, notation)
    return None if notation is None else Reading(notation.family, notation)


def _with_words(reading: Reading, texts: set[str]) -> Reading:
    values = reading.parse_all(texts)
    words = sorted(text for text, value in zip(texts, values, strict=True) if value is None)
    return Reading(reading.family, reading.notation, tuple(words[:MOST_WORDS]))


def floats(
    table: TableColumns, i: int, reading: Reading, notes: list[str] | None = None
) -> np.ndarray:
    """Column i in float64, NaN where it is missing or, in a text column, does not parse.

    Parameters
    ----------
    table : TableColumns
        The table.
    i : int
        The column.
    reading : Reading
        How it was read in `fit`.
    notes : list of str, optional
        Where to add a sentence about cells that do not parse, and that `fit` did not have.

    Raises
    ------
    ValueError
        If the column cannot mean the same as in `fit`, or holds infinite numbers.
    """
    families = table.families(i)
    _refuse_others(table, i, reading, families)
    x = table.floats(i, reading.family == NUMBER and reading.notation is None)
    if x is not None:
        return x
    cells = table.cells(i)
    values, unread = _values(cells, reading)
    if unread:
        _report_unread(table, i, reading, unread, cells, notes)
    if np.isinf(values).any():
        table.refuse_infinity(i)
    return values[cells.inverse]


def _values(cells: Cells, reading: Reading) -> tuple[np.ndarray, list[str]]:
    """The numbers of the distinct cells, and the texts that have none."""
    values, unread = np.full(len(cells.distinct), np.nan), []
    parsed = iter(reading.parse_all(cell for cell in cells.distinct if isinstance(cell, str)))
    for j, cell in enumerate(cells.distinct):
        if isinstance(cell, str):
            value = next(parsed)
            if value is not None:
                values[j] = value
            elif not is_null_text(cell) and cell not in reading.words:
                unread.append(cell)
        elif cell is not None:
            values[j] = _number(cell, reading.family)
    return values, unread


def _number(cell: Any, family: str) -> float:
    if family != NUMBER:
        return float(seconds_of([cell], family)[0])
    try:
        return float(cell)
    except OverflowError:
        return np.inf


def _refuse_others(table: TableColumns, i: int, reading: Reading, families: frozenset[str]) -> None:
    """Raise an error if a column cannot mean the same as in `fit`."""
    others = sorted(families - COMPARABLE[reading.family])
    share = isinstance(reading.notation, NumberNotation) and reading.notation.suffix in ("%", "‰")
    if share and not others and NUMBER in families:
        others = [NUMBER]
    if others:
        held = " and ".join(DESCRIPTIONS[family] for family in others)
        held += " without it" if share else ""
        convert = "Write it as in fit." if share else CONVERT[reading.family]
        raise ValueError(
            f"Column {table.label(i)} of X held {reading.describe()} in fit, and now holds "
            f"{held}. {convert}"
        )


def _report_unread(
    table: TableColumns,
    i: int,
    reading: Reading,
    unread: list[str],
    cells: Cells,
    notes: list[str] | None,
) -> None:
    example = short(repr(min(unread)))
    if reading.notation is None:
        if reading.family != NUMBER:
            raise ValueError(
                f"Column {table.label(i)} of X held {reading.describe()} in fit, and now holds "
                f"text such as {example}. {CONVERT[reading.family]}"
            )
        raise ValueError(
            f"could not convert string to float: {example} in column {table.label(i)}, which "
            f"holds numbers. If it holds categories, fit with "
            'categorical_features="from_dtype", or with this column among the '
            "categorical_features."
        )
    known = [
        c for c in cells.distinct if c is not None and not (isinstance(c, str) and is_null_text(c))
    ]
    if len(unread) == len(set(known)):
        raise ValueError(
            f"Column {table.label(i)} of X held {reading.describe()} in fit, and no cell of it "
            f"can be read so now, for example {example}. Write it as in fit."
        )
    if notes is not None:
        notes.append(
            f"Column {table.label(i)}: {len(unread)} texts that are not {reading.describe()} "
            f"count as missing, for example {quoted(sorted(unread)[:3])}."
        )
