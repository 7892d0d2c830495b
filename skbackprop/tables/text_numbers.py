"""Numbers that are written as text: ``1,234.5``, ``12,5``, ``$ 1'000``, ``(12 %)``, ``3 kg``.

A column is read in one *notation*: a decimal sign, a sign between thousands, a currency and a
unit.  The notation is the one in which most cells are numbers.  A unit is compared without case,
a final full stop and a final "s" (``year``, ``Years``).

>>> notation = NumberNotation(decimal=",", thousands=".", suffix="eur")
>>> notation.parse_all(["1.234,5 EUR", "-7,25 EUR", "7.25 EUR", "1 USD"])
[1234.5, -7.25, None, None]
>>> find_number_notation({"$1,200": 5, "$900.5": 4, "call": 1})
NumberNotation(decimal='.', thousands=',', prefix='$', suffix='')
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import TypeAlias

from ..params import Frozen, frozen
from .cells import PLAIN_NUMBER
from .shares import Group, Tally, is_enough

CURRENCY = (
    r"(?:[A-Z]{0,3}[$€£¥₹₩₽₺₪₫₴฿₦₱]|"
    r"USD|EUR|GBP|CHF|JPY|CNY|INR|AUD|CAD|NZD|SEK|NOK|DKK|PLN|CZK|HUF|BRL|MXN|KRW|RUB|TRY|"
    r"Rs\.?|kr\.?|Fr\.?)"
)
NUMBER = rf"""(?x)  # compiled by `re` at its first use
    (?P<open>\()?\s*
    (?P<sign>[-+−–]?)\s*(?P<prefix>{CURRENCY})?\s*(?P<second>[-+−–]?)\s*
    (?P<body>[0-9](?:[0-9.,'’_\s]*[0-9.,])?|[.,][0-9]+)(?P<power>[eE][-+]?[0-9]{{1,3}})?\s*
    (?P<suffix>[%‰°+]|[^\W\d_][^\s()+\d]*[23]?(?:\s[^\W\d_][^\s()+\d]*[23]?){{0,2}}|{CURRENCY}|°[CFK])?
    (?P<trailing>[-−–]?)\s*(?P<close>\))?"""
# In the order in which equally good ones are preferred: plain numbers first.
SIGNS = [(".", ""), (".", ","), (",", ""), (",", "."), (".", " "), (",", " ")]
SIGNS += [(".", "'"), (",", "'"), (".", "_")]
INFINITY = re.compile("[-+]?inf(?:inity)?", re.IGNORECASE)
SPACES = re.compile(r"\s")  # thin and non-breaking spaces too
EXACT_DIGITS = 15  # of an integer in float64
FIRST_NUMBER = re.compile(r"([^0-9]*)([0-9])([0-9.,'’_\s]*)")
TWOS = str.maketrans("013456789", "222222222")
CODES = 0.01  # from this share of codes on, such as 00123, the column holds codes

Match: TypeAlias = tuple[Group, re.Match[str]]


@frozen
class NumberNotation(Frozen):
    """How the numbers of a column are written."""

    decimal: str = "."
    thousands: str = ""
    prefix: str = ""
    suffix: str = ""

    def parse_all(self, texts: Iterable[str]) -> list[float | None]:
        """The numbers that cells write; None for what is none.  Each shape is matched once."""
        places: dict[str, tuple[int, int, bool] | None] = {}
        numbers: list[float | None] = []
        marks = self.thousands.replace("'", "'’")
        texts = list(texts)
        for text, shape in zip(texts, shapes_of(texts), strict=True):
            place = places[shape] if shape in places else places.setdefault(shape, self.find(text))
            if place is None:
                numbers.append(None)
                continue
            start, stop, negative = place
            body = text[start:stop]
            for mark in marks:
                body = "".join(body.split()) if mark == " " else body.replace(mark, "")
            number = float(body if self.decimal == "." else body.replace(self.decimal, "."))
            numbers.append(-number if negative else number)
        return numbers

    def find(self, text: str) -> tuple[int, int, bool] | None:
        """Where the number begins and ends, and whether it is negative; None for no number.

        All texts of one shape have the same answer.
        """
        is_plain = self.decimal == "." and not self.suffix
        if (is_plain and PLAIN_NUMBER.fullmatch(text)) or INFINITY.fullmatch(text):
            return 0, len(text), False
        match = re.fullmatch(NUMBER, text)
        if match is None or unit_of(match["suffix"]) != self.suffix:
            return None
        if match["prefix"] and match["prefix"] != self.prefix:
            return None
        return self.place_of(match)

    def place_of(self, match: re.Match[str]) -> tuple[int, int, bool] | None:
        """The same for a cell whose parts are known."""
        signs = [match["sign"], match["second"], match["trailing"], match["open"]]
        is_open, is_closed = match["open"] is not None, match["close"] is not None
        if is_open != is_closed or sum(bool(sign) for sign in signs) > 1:
            return None
        body = SPACES.sub(" ", match["body"]).replace("’", "'")
        if not _body(self.decimal, self.thousands).fullmatch(body):
            return None
        stop = match.end("power") if match["power"] else match.end("body")
        return match.start("body"), stop, "".join(filter(None, signs)) not in ("", "+")

    def describe(self) -> str:
        """Words for a message; nothing for plain numbers."""
        parts = {
            "decimal sign": self.decimal if self.decimal != "." else "",
            "thousands separator": self.thousands,
            "currency": self.prefix,
            "unit": self.suffix,
        }
        return ", ".join(f"{name} {value!r}" for name, value in parts.items() if value)


@lru_cache
def _body(decimal: str, thousands: str) -> re.Pattern[str]:
    point, mark = re.escape(decimal), re.escape(thousands)
    number = rf"[0-9]+(?:{point}[0-9]*)?|{point}[0-9]+"
    if thousands:  # by twos before the last three, as in India, too
        number += rf"|[1-9][0-9]{{0,2}}(?:{mark}[0-9]{{2,3}})*{mark}[0-9]{{3}}(?:{point}[0-9]*)?"
    return re.compile(number)


def unit_of(suffix: str | None) -> str:
    """A unit in the form in which units are compared.

    >>> unit_of("Years"), unit_of("sq. ft."), unit_of(None)
    ('year', 'sq. ft', '')
    """
    unit = (suffix or "").casefold().rstrip(".")
    return unit[:-1] if len(unit) > 2 and unit.endswith("s") else unit


def shapes_of(texts: Iterable[str]) -> Iterator[str]:
    """Texts with their first number abstracted: of those of one shape all or none are numbers.

    >>> list(shapes_of(["$1,234.50", "05 m2", "5 m4", "7 m4", "9/9", "red"]))
    ['$2,222.22', '02 m2', '2 m4', '2 m4', '2/2', 'red']
    """
    first: dict[str, int | None] = {}  # where the first digit is, if there is one number
    for text in texts:
        twos = text.translate(TWOS)  # matches what the text matches, "m²" as "m2" too
        if twos not in first:
            match = FIRST_NUMBER.match(twos)
            if match is None or not (re.fullmatch(NUMBER, twos) or PLAIN_NUMBER.fullmatch(twos)):
                first[twos] = -1
            else:
                first[twos] = None if "2" in twos[match.end() :] else match.start(2)
        place = first[twos]
        if place is None:  # an exponent or a unit has digits
            match = FIRST_NUMBER.match(text)
            assert match is not None
            zero = "0" if match[2] == "0" else "2"  # codes have leading zeros
            yield match[1] + zero + match[3].translate(TWOS) + text[match.end() :]
        elif place >= 0 and text[place] == "0":
            yield f"{twos[:place]}0{twos[place + 1 :]}"
        else:
            yield twos


def find_number_notation(counts: dict[str, float], parsed: float = 0.0) -> NumberNotation | None:
    """The notation of a column, or None if it holds no numbers.

    Parameters
    ----------
    counts : dict of str to float
        How many rows have each text.
    parsed : float
        How many rows hold numbers that are not text.
    """
    total = parsed + sum(counts.values())
    shapes: dict[str, Group] = {}
    for shape, (text, count) in zip(shapes_of(counts), counts.items(), strict=True):
        group = shapes.get(shape)
        if group is None:
            group = shapes[shape] = Group()
        group.add(text, count)
    matches, tally, codes = _match(shapes.values(), parsed)
    if codes > CODES * total or tally.is_hopeless(total):
        return None
    prefix = _most_common([(group, m["prefix"] or "") for group, m in matches], blank=False)
    suffix = _most_common([(group, unit_of(m["suffix"])) for group, m in matches])
    if suffix in ("%", "‰") and parsed:
        return None  # a number 0.5 among texts such as "50 %" may be a half or half a percent
    notations = [NumberNotation(*signs, prefix, suffix) for signs in SIGNS]
    shares = [_share(notation, matches, tally, total) for notation in notations]
    return notations[shares.index(max(shares))] if any(shares) else None


def _match(groups: Iterable[Group], parsed: float) -> tuple[list[Match], Tally, float]:
    """The parts of all groups that may be numbers, a tally of the others, and the rows of codes."""
    matches: list[Match] = []
    tally, codes = Tally(parsed), 0.0
    for group in groups:
        text = group.texts[0]
        match = re.fullmatch(NUMBER, text)
        if INFINITY.fullmatch(text):
            tally.parsed += group.count
        elif match is not None and not _is_code(match):
            matches.append((group, match))
        else:
            tally.fail_group(group)
            codes += group.count if match is not None else 0.0
    return matches, tally, codes


def _share(notation: NumberNotation, matches: list[Match], start: Tally, total: float) -> float:
    """The share of rows that are numbers in a notation; 0 if it is too small."""
    tally = start.copy()
    for group, match in matches:
        fits = unit_of(match["suffix"]) == notation.suffix
        fits = fits and (match["prefix"] or notation.prefix) == notation.prefix
        if fits and notation.place_of(match) is not None:
            tally.parsed += group.count
        else:
            tally.fail_group(group)
            if tally.is_hopeless(total):
                return 0.0
    return tally.parsed / total if is_enough(tally) else 0.0


def _is_code(match: re.Match[str]) -> bool:
    """Tell whether a cell is a code: leading zeros, or more digits than a float has."""
    body = match["body"]
    return body.isdigit() and (len(body) > EXACT_DIGITS or (len(body) > 1 and body[0] == "0"))


def _most_common(parts: list[tuple[Group, str]], blank: bool = True) -> str:
    rows = defaultdict[str, float](float)
    for group, part in parts:
        if part or blank:
            rows[part] += group.count
    return min(rows, key=lambda part: (-rows[part], part), default="")
