"""One cell of a table: its family, and its key.

The *family* of a cell is what it holds: a number, text, a date, ….  Two cells mean the same only
if their families can be compared.  The *key* of a cell is a plain number or string that is equal
for all spellings of one level: ``True``, ``1`` and ``"1.0"``; ``"red "`` and ``b"red"``; an accent
as part of its letter and after it.  Text with leading zeros stays text: ``"01"`` may be a code.

>>> [key_of(cell) for cell in (True, "True", "1.0", np.float32(0.1), " red ", b"red", "  ")]
[1, 1, 1, 0.1, 'red', 'red', None]
>>> key_of(datetime.date(2024, 1, 31)), family_of(datetime.date(2024, 1, 31))
('2024-01-31', 'date')
"""

from __future__ import annotations

import datetime
import re
import unicodedata
from decimal import Decimal
from numbers import Complex, Integral, Number, Real
from typing import Any

import numpy as np

NUMBER, BOOLEAN, TEXT = "number", "boolean", "text"
DATE, AWARE_DATE, DURATION, TIME = "date", "aware date", "duration", "time"
NESTED, COMPLEX = "nested", "complex"
DESCRIPTIONS = {
    NUMBER: "numbers",
    BOOLEAN: "booleans",
    TEXT: "text",
    DATE: "dates without a time zone",
    AWARE_DATE: "dates with a time zone",
    DURATION: "durations",
    TIME: "times of day",
}

MISSING = ("NoneType", "NAType", "NaTType", "MaskedConstant")  # of Python, pandas and NumPy
BOOLEANS = (bool, np.bool_)
CONTAINERS = (dict, list, tuple, set, frozenset, np.ndarray)
PLAIN_NUMBER = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]{1,3})?")
LEADING_ZEROS = re.compile(r"[-+]?0[0-9]")
# The units of dates that are smaller than a second.
PER_SECOND = {"ms": 10**3, "us": 10**6, "ns": 10**9, "ps": 10**12, "fs": 10**15, "as": 10**18}
BOOLEAN_WORDS = {"true": 1, "false": 0}
NO_WIDTH = "\ufeff\u200b"  # a byte order mark and a space without width


def is_missing(cell: Any) -> bool:
    """Tell whether a cell is None, NaN, NaT or NA."""
    if type(cell).__name__ in MISSING:
        return True
    if isinstance(cell, (np.datetime64, np.timedelta64)):
        return bool(np.isnat(cell))
    return isinstance(cell, Number) and bool(cell != cell)


def family_of_type(kind: type) -> str | None:
    """The family of all cells of a type; None if the cell itself decides."""
    if issubclass(kind, CONTAINERS):
        return NESTED
    if issubclass(kind, (datetime.datetime, datetime.time)):
        return None
    for family, types in (
        (BOOLEAN, BOOLEANS),
        (DURATION, (datetime.timedelta, np.timedelta64)),
        (DATE, (datetime.date, np.datetime64)),
        (NUMBER, (Real, Decimal)),
        (COMPLEX, Complex),
    ):
        if issubclass(kind, types):
            return family
    if issubclass(kind, Number) and kind is not Number:
        return NUMBER
    return DATE if kind.__name__ == "Period" else TEXT


def family_of(cell: Any) -> str:
    """The family of one cell that is not missing."""
    family = family_of_type(type(cell))
    if family is not None:
        return family
    if isinstance(cell, datetime.time):
        return TIME
    return DATE if cell.tzinfo is None else AWARE_DATE


def families_of(cells: list[Any]) -> set[str]:
    """The families of some cells, of which none is missing."""
    of_types = {kind: family_of_type(kind) for kind in set(map(type, cells))}
    families = {family for family in of_types.values() if family is not None}
    if None in of_types.values():
        families |= {family_of(cell) for cell in cells if of_types[type(cell)] is None}
    return families


def normalized(cell: Any) -> Any:
    """Text without spaces around it, None for what is missing; other cells as they are."""
    if isinstance(cell, bytes):
        cell = cell.decode("utf-8", "backslashreplace")
    if isinstance(cell, str):
        return _clean(str(cell)) or None
    if is_missing(cell):
        return None
    return _clean(str(cell)) if family_of_type(type(cell)) == TEXT else cell


def _clean(text: str) -> str:
    """Text without blanks and marks of no width around it, its accents in the composed form."""
    text = text.strip()
    if text.isascii():
        return text
    return unicodedata.normalize("NFC", text.strip(NO_WIDTH)).strip()


def spelling_of(key: Any) -> Any:
    """What is equal for keys that differ in case, in inner blanks or in the form of a letter.

    >>> spelling_of("New  York") == spelling_of("NEW\u00a0YORK"), spelling_of("01")
    (True, 1)
    """
    if not isinstance(key, str):
        return key
    number = number_of_text(key)
    if number is not None:
        return number
    return " ".join(unicodedata.normalize("NFKC", key).casefold().split())


def key_of(cell: Any) -> int | float | str | None:
    """What is equal for equal cells: a number, a string, or None for a missing cell."""
    cell = normalized(cell)
    if cell is None:
        return None
    if isinstance(cell, str):
        number = None if LEADING_ZEROS.match(cell) else number_of_text(cell)
        return cell if number is None else number
    family = family_of(cell)
    if family == DURATION:  # asked first: a timedelta64 is an Integral, too
        return seconds_of([cell], DURATION)[0].item()
    if isinstance(cell, (*BOOLEANS, Integral)):
        return int(cell)
    if family == NUMBER:
        return _number_key(cell)
    if family in (DATE, AWARE_DATE):
        return _date_key(_instant(cell))
    return cell.isoformat() if family == TIME else str(cell)


def _number_key(cell: Any) -> int | float:
    if isinstance(cell, np.floating) and not isinstance(cell, float):
        return float(str(cell))  # 0.1 in single precision is the level 0.1
    if isinstance(cell, Decimal) and cell.is_finite() and cell == cell.to_integral_value():
        return int(cell)  # a Decimal may have more digits than a float
    try:
        return float(cell)
    except OverflowError:
        return float("inf")


def _instant(cell: Any) -> np.datetime64:
    if isinstance(cell, np.datetime64):
        return cell
    if hasattr(cell, "to_timestamp"):  # a Period of pandas: its start
        cell = cell.to_timestamp()
    if isinstance(cell, datetime.datetime):
        if cell.tzinfo is not None:
            cell = cell.astimezone(datetime.UTC).replace(tzinfo=None)
        return np.datetime64(cell.replace(fold=0), "us")
    return np.datetime64(cell, "us")


def _date_key(instant: np.datetime64) -> str:
    text = np.datetime_as_string(instant.astype("M8[us]")).replace("T", " ")
    date, time = text.split(" ")
    time = time.rstrip("0").rstrip(".") if time.strip("0:.") else ""
    return date + (f" {time}" if time else "")


def date_keys(values: np.ndarray) -> list[str | None]:
    """The keys of an array of dates."""
    return [None if np.isnat(value) else _date_key(value) for value in values]


def seconds_of(cells: list[Any], family: str) -> np.ndarray:
    """Dates as seconds since 1970; durations and times of day as seconds."""
    if family == TIME:
        today = datetime.datetime(1970, 1, 1)
        cells = [datetime.datetime.combine(today, cell.replace(tzinfo=None)) for cell in cells]
    if family == DURATION:
        return seconds(np.array([np.timedelta64(cell) for cell in cells], "m8[us]"))
    return seconds(np.array([_instant(cell) for cell in cells], "M8[us]"))


def seconds(values: np.ndarray) -> np.ndarray:
    """Dates as seconds since 1970 and durations as seconds, whatever their unit; NaT as NaN."""
    unit, step = np.datetime_data(values.dtype)
    if unit not in PER_SECOND:
        x = values.astype(f"{values.dtype.kind}8[s]").astype(np.float64)
    else:  # the same number in every unit: whole seconds, and the rest
        per_second = PER_SECOND[unit]
        whole, rest = np.divmod(values.astype(np.int64), np.int64(per_second // step))
        x = whole + rest / (per_second / step)
    x[np.isnat(values)] = np.nan
    return x


def number_of_text(text: str) -> int | float | None:
    """The number that a text writes; None if it is no number.

    >>> [number_of_text(text) for text in ("1", "1.0", "01", "1e2", "True", "1_0", "nan", "red")]
    [1, 1, 1, 100, 1, None, None, None]
    """
    if text.lower() in BOOLEAN_WORDS:
        return BOOLEAN_WORDS[text.lower()]
    if not PLAIN_NUMBER.fullmatch(text):
        return None
    exact = Decimal(text)
    if exact.adjusted() > 300:
        return None
    return int(exact) if exact == exact.to_integral_value() else float(text)
