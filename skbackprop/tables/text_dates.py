"""Dates, times of day and durations that are written as text, in one regular format.

ISO 8601 (``2024-01-31``, ``2024-01-31T10:00:00Z``) is parsed by `datetime.fromisoformat`, every
other format by `datetime.strptime`.  The possible formats are derived from the shapes of the
cells, and the one that parses most cells is used.  If a day cannot be told from a month in any
row, the column is refused.

>>> find_date_notation({"31/01/2024": 1, "01/02/2024": 1})
DateNotation(format='%d/%m/%Y', aware=False)
>>> find_date_notation({"Jan 31, 2024 9:30 PM": 1}).format
'%b %d, %Y %I:%M %p'
>>> find_durations({"0 days 23:30:00": 1, "2 days 01:00:00.5": 1}).number("1 day, 0:00:01")
86401.0
>>> find_date_notation({"01/02/2024": 1, "03/04/2024": 1})
Traceback (most recent call last):
    ...
skbackprop.tables.text_dates.AmbiguousDatesError: 01/02/2024
"""

from __future__ import annotations

import datetime
import re
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from ..params import Frozen, frozen
from .cells import AWARE_DATE, DATE, DURATION, TIME, seconds_of
from .date_digits import ISO, by_shape, read_alike
from .shares import Tally, share_parsed

ISO_SHAPE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ][0-9].*)?")
SEPARATOR, WORD = r"\.\s|,?\s|[-/.]", r"[^\W\d_]{3,9}"
WEEKDAY = r"(?:(?P<weekday>(?i:mon|tue|wed|thu|fri|sat|sun)[^\W\d_]*)(?P<comma>,?\s))?"
TAIL = r"(?:(?P<gap>T|,?\s)(?P<time>[0-9]{1,2}:.*))?"
DATES = [  # compiled by `re` at their first use
    (
        rf"{WEEKDAY}(?P<a>[0-9]{{1,4}}|{WORD})(?P<s1>{SEPARATOR})(?P<b>[0-9]{{1,2}}|{WORD})"
        rf"(?P<s2>{SEPARATOR})(?P<c>[0-9]{{4}}|[0-9]{{1,2}}(?![0-9:])){TAIL}"
    ),
    rf"(?P<a>[0-9]{{1,4}}|{WORD})(?P<s1>{SEPARATOR})(?P<b>[0-9]{{4}}|[0-9]{{1,2}}|{WORD})",
]
TIME_SHAPE = r"""(?x)[0-9]{1,2}:[0-9]{2}(?P<seconds>:[0-9]{2})?(?P<fraction>[.][0-9]{1,6})?
    (?P<space>\s?)(?P<half>[AaPp][Mm])?(?P<gap>\s?)(?P<zone>Z|UTC|GMT|[+-][0-9]{2}:?[0-9]{2})?"""
DURATION_FORMAT = "days hours:minutes:seconds"  # as Python and pandas write it
DURATION_SHAPE = r"""(?x)(?:(?P<days>[-+]?[0-9]+)\s?d(?:ays?)?,?\s?)?
    (?P<sign>[-+]?)(?P<h>[0-9]+):(?P<m>[0-5][0-9])(?::(?P<s>[0-5][0-9](?:[.][0-9]+)?))?"""
FEW = 8  # texts of one shape, that are not read together
N_SHAPES = 3  # the most common shapes, from which formats are derived
ORDERS = ("Ymd", "dmY", "mdY", "dmy", "mdy", "ymd", "dbY", "bdY", "Ybd", "dby", "bdy")
PAIRS = ("bY", "Yb", "Ym", "mY")


class AmbiguousDatesError(ValueError):
    """The dates of a column could be day/month as well as month/day."""


@frozen
class DateNotation(Frozen):
    """How the dates, or the times of day, of a column are written."""

    format: str = ISO
    aware: bool = False  # with a time zone

    @property
    def family(self) -> str:
        """What cells are that are written so."""
        if self.format == DURATION_FORMAT:
            return DURATION
        if self.format != ISO and not re.search("%[Yy]", self.format):
            return TIME
        return AWARE_DATE if self.aware else DATE

    def parse(self, text: str) -> datetime.datetime | None:
        """The moment that a cell writes, or None."""
        parsed = None if self.format == ISO else _strptime(text, self.format)
        if parsed is None and self.family != TIME:
            parsed = _from_iso(text)
        if parsed is None:
            return None
        if parsed.tzinfo is None and self.aware and re.search("UTC|GMT", self.format):
            parsed = parsed.replace(tzinfo=datetime.UTC)
        return parsed if (parsed.tzinfo is not None) == self.aware else None

    def number(self, text: str) -> float | None:
        """Seconds since 1970, since midnight or in all; None for what does not parse."""
        if self.family == DURATION:
            return _seconds_of_duration(text)
        parsed = self.parse(text)
        if parsed is None:
            return None
        if self.family == TIME:
            return (parsed - datetime.datetime(1900, 1, 1)).total_seconds()
        return float(seconds_of([parsed], self.family)[0])

    def parse_all(self, texts: Iterable[str]) -> list[float | None]:
        """The numbers of many texts; those of one shape are read together."""
        texts = list(texts)
        values: list[float | None] = [None] * len(texts)
        for rows in by_shape(texts).values():
            alike = [texts[row] for row in rows]
            alone = len(rows) < FEW or self.family in (AWARE_DATE, DURATION)
            read = None if alone else read_alike(alike, self.format)
            if read is None or self.format == ISO:  # which has more forms than are read together
                found = read or [None] * len(rows)
                pairs = zip(found, alike, strict=True)
                read = [self.number(text) if v is None else v for v, text in pairs]
            for row, value in zip(rows, read, strict=True):
                values[row] = value
        return values

    def describe(self) -> str:
        """Words for a message."""
        return f"format {self.format!r}"


def _strptime(text: str, form: str) -> datetime.datetime | None:
    try:
        return datetime.datetime.strptime(text, form)
    except ValueError:
        return None


def _from_iso(text: str) -> datetime.datetime | None:
    if not ISO_SHAPE.fullmatch(text):
        return None
    try:
        return datetime.datetime.fromisoformat(text)
    except ValueError:
        return None


def _seconds_of_duration(text: str) -> float | None:
    match = re.fullmatch(DURATION_SHAPE, text)
    if match is None:
        return None
    time = 60 * (60 * int(match["h"]) + int(match["m"])) + float(match["s"] or 0)
    return 86400.0 * int(match["days"] or 0) + (-time if match["sign"] == "-" else time)


def find_durations(
    counts: dict[str, float], times: DateNotation | None = None
) -> DateNotation | None:
    """The notation of a column of durations; `times` if no more rows can be read as durations.

    The column is one of times of day (`times`) unless there are hours from 24 on, or days.
    """
    as_durations = share_parsed(counts, map(_seconds_of_duration, counts))
    as_times = share_parsed(counts, times.parse_all(counts)) if times is not None else 0.0
    return DateNotation(DURATION_FORMAT) if as_durations > as_times else times


def find_date_notation(counts: dict[str, float]) -> DateNotation | None:
    """The notation of a column of text, or None if it holds neither dates nor times.

    Parameters
    ----------
    counts : dict of str to float
        How many rows have each text.

    Raises
    ------
    AmbiguousDatesError
        If two formats parse the same share of the rows, and read different dates.
    """
    shapes, samples, total = defaultdict[str, float](float), dict[str, str](), sum(counts.values())
    tally, texts, rows = Tally(), list(counts), list(counts.values())
    for places in by_shape(texts).values():
        text = min(texts[place] for place in places)
        if re.fullmatch(TIME_SHAPE, text) or _match_date(text):
            shape = re.sub("[0-9]", "9", re.sub(r"[^\W\d_]+", _letters, text))
            shapes[shape] += sum(rows[place] for place in places)
            samples[shape] = min(text, samples.get(shape, text))
        else:
            for place in places:
                tally.fail(texts[place], rows[place])
            if tally.is_hopeless(total):
                return None
    common = sorted(shapes, key=lambda shape: (-shapes[shape], shape))[:N_SHAPES]
    candidates = dict.fromkeys(n for shape in common for n in _notations(samples[shape]))
    found = [(share_parsed(counts, n.parse_all(counts)), n) for n in candidates]
    found = [(share, notation) for share, notation in found if share]
    if not found:
        return None
    share, best = max(found, key=lambda pair: pair[0])
    for other_share, other in found:
        if other_share == share:
            _refuse_if_different(best, other, counts)
    return best


def _letters(word: re.Match[str]) -> str:
    return "aaa" if len(word[0]) == 3 else "a" * min(len(word[0]), 4)


def _refuse_if_different(a: DateNotation, b: DateNotation, counts: dict[str, float]) -> None:
    for text, here, there in zip(counts, a.parse_all(counts), b.parse_all(counts), strict=True):
        if here is not None and there is not None and here != there:
            raise AmbiguousDatesError(text)


def _notations(text: str) -> list[DateNotation]:
    """The formats that one cell may have."""
    if ISO_SHAPE.fullmatch(text):
        parsed = _from_iso(text)
        return [] if parsed is None else [DateNotation(ISO, parsed.tzinfo is not None)]
    if re.fullmatch(TIME_SHAPE, text):
        form = _time_format(text)
        return [] if form is None or "%z" in form else [DateNotation(form)]
    parts = _match_date(text)
    time = _time_format(parts["time"]) if parts.get("time") else ""
    if not parts or time is None:
        return []
    aware = time.endswith(("%z", "UTC", "GMT"))
    tail = _space(parts["gap"]) + time if time else ""
    weekday = ""
    if parts.get("weekday"):
        weekday = ("%a" if len(parts["weekday"]) == 3 else "%A") + _space(parts["comma"])
    return [DateNotation(weekday + form + tail, aware) for form in _date_formats(parts)]


def _match_date(text: str) -> dict[str, Any]:
    """The parts of a date; none for what has not the shape of a date."""
    match = next(filter(None, (re.fullmatch(shape, text) for shape in DATES)), None)
    return {} if match is None else match.groupdict()


def _date_formats(parts: dict[str, Any]) -> list[str]:
    """The formats of a date without weekday and time."""
    fields = [parts["a"], parts["b"]] + ([parts["c"]] if "c" in parts else [])
    forms = []
    for order in ORDERS if "c" in parts else PAIRS:
        if not all(_may_be(field, code) for field, code in zip(fields, order, strict=True)):
            continue
        for name in "bB" if "b" in order else "b":
            codes = [f"%{name if code == 'b' else code}" for code in order]
            end = _space(parts["s2"]) + codes[2] if "c" in parts else ""
            forms.append(codes[0] + _space(parts["s1"]) + codes[1] + end)
    return forms


def _may_be(field: str, code: str) -> bool:
    if code == "b":
        return field.isalpha()
    return field.isdigit() and (len(field) == 4 if code == "Y" else len(field) <= 2)


def _time_format(text: str) -> str | None:
    match = re.fullmatch(TIME_SHAPE, text)
    if match is None:
        return None
    form = ("%I" if match["half"] else "%H") + ":%M"
    form += ":%S" if match["seconds"] else ""
    form += ".%f" if match["fraction"] else ""
    form += _space(match["space"]) + "%p" if match["half"] else ""
    zone = match["zone"]
    if zone is not None:
        gap = match["gap"] if match["half"] else match["space"]
        form += _space(gap) + (zone if zone in ("UTC", "GMT") else "%z")
    return form


def _space(text: str) -> str:
    return re.sub(r"\s", " ", text)
