"""Numbers that are written as text: ``1,234.5``, ``12,5``, ``$ 1'000``, ``(12 %)``, ``3 kg``.

A column is read in one *notation*: a decimal sign, a sign between thousands, a currency and a
unit.  The notation is the one in which most cells are numbers.  A unit is compared without case,
a final full stop and a final "s" (``year``, ``Years``).

>>> notation = NumberNotation(decimal=",", thousands=".", suffix="eur")
>>> [notation.parse(text) for text in ("1.234,5 EUR", "-7,25 EUR", "7.25 EUR", "1 USD")]
[1234.5, -7.25, None, None]
>>> find_number_notation({"$1,200": 5, "$900.5": 4, "call": 1})
NumberNotation(decimal='.', thousands=',', prefix='$', suffix='')
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache

from .cells import PLAIN_NUMBER
from .shares import Tally, is_enough

CURRENCY = (
    r"(?:[A-Z]{0,3}[$€£¥₹₩₽₺₪₫₴฿₦₱]|"
    r"USD|EUR|GBP|CHF|JPY|CNY|INR|AUD|CAD|NZD|SEK|NOK|DKK|PLN|CZK|HUF|BRL|MXN|KRW|RUB|TRY|"
    r"Rs\.?|kr\.?|Fr\.?)"
)
NUMBER = re.compile(
    rf"""(?P<open>\()?\s*
    (?P<sign>[-+−–]?)\s*(?P<prefix>{CURRENCY})?\s*(?P<second>[-+−–]?)\s*
    (?P<body>[0-9](?:[0-9.,'’_\s]*[0-9.,])?|[.,][0-9]+)(?P<power>[eE][-+]?[0-9]{{1,3}})?\s*
    (?P<suffix>[%‰°+]|[^\W\d_][^\s()+\d]*[23]?(?:\s[^\W\d_][^\s()+\d]*[23]?){{0,2}}|{CURRENCY}|°[CFK])?
    (?P<trailing>[-−–]?)\s*(?P<close>\))?""",
    re.VERBOSE,
)
# In the order in which equally good ones are preferred: plain numbers first.
SIGNS = [(".", ""), (".", ","), (",", ""), (",", "."), (".", " "), (",", " ")]
SIGNS += [(".", "'"), (",", "'"), (".", "_")]
INFINITY = re.compile("[-+]?inf(?:inity)?", re.IGNORECASE)
SPACES = re.compile(r"\s")  # thin and non-breaking spaces too
EXACT_DIGITS = 15  # of an integer in float64
CODES = 0.01  # from this share of codes on, such as 00123, the column holds codes


@dataclass(frozen=True)
class NumberNotation:
    """How the numbers of a column are written."""

    decimal: str = "."
    thousands: str = ""
    prefix: str = ""
    suffix: str = ""

    def parse(self, text: str) -> float | None:
        """The number that a cell writes, or None."""
        is_plain = self.decimal == "." and not self.suffix
        if (is_plain and PLAIN_NUMBER.fullmatch(text)) or INFINITY.fullmatch(text):
            return float(text)
        match = NUMBER.fullmatch(text)
        if match is None or unit_of(match["suffix"]) != self.suffix:
            return None
        if match["prefix"] and match["prefix"] != self.prefix:
            return None
        return self.number_of(match)

    def number_of(self, match: re.Match[str]) -> float | None:
        """The number of a cell whose parts are known."""
        negative = [match["sign"], match["second"], match["trailing"], match["open"]]
        is_open, is_closed = match["open"] is not None, match["close"] is not None
        if is_open != is_closed or sum(bool(sign) for sign in negative) > 1:
            return None
        body = SPACES.sub(" ", match["body"]).replace("’", "'")
        if not _body(self.decimal, self.thousands).fullmatch(body):
            return None
        if self.thousands:
            body = body.replace(self.thousands, "")
        number = float(body.replace(self.decimal, ".") + (match["power"] or ""))
        return number if "".join(filter(None, negative)) in ("", "+") else -number

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
    matches, tally, codes = _match(counts, parsed)
    if codes > CODES * total or tally.is_hopeless(total):
        return None
    prefix = _most_common(counts, {t: m["prefix"] or "" for t, m in matches.items()}, blank=False)
    suffix = _most_common(counts, {t: unit_of(m["suffix"]) for t, m in matches.items()})
    if suffix in ("%", "‰") and parsed:
        return None  # a number 0.5 among texts such as "50 %" may be a half or half a percent
    notations = [NumberNotation(*signs, prefix, suffix) for signs in SIGNS]
    shares = [_share(notation, matches, counts, tally, total) for notation in notations]
    return notations[shares.index(max(shares))] if any(shares) else None


def _match(
    counts: dict[str, float], parsed: float
) -> tuple[dict[str, re.Match[str]], Tally, float]:
    """The parts of all texts that may be numbers, a tally of the others, and the rows of codes."""
    matches: dict[str, re.Match[str]] = {}
    tally, codes = Tally(parsed), 0.0
    for text, count in counts.items():
        match = NUMBER.fullmatch(text)
        if INFINITY.fullmatch(text):
            tally.parsed += count
        elif match is not None and not _is_code(match):
            matches[text] = match
        else:
            tally.fail(text, count)
            codes += count if match is not None else 0.0
    return matches, tally, codes


def _share(
    notation: NumberNotation,
    matches: dict[str, re.Match[str]],
    counts: dict[str, float],
    start: Tally,
    total: float,
) -> float:
    """The share of rows that are numbers in a notation; 0 if it is too small."""
    tally = start.copy()
    for text, match in matches.items():
        fits = unit_of(match["suffix"]) == notation.suffix
        fits = fits and (match["prefix"] or notation.prefix) == notation.prefix
        if fits and notation.number_of(match) is not None:
            tally.parsed += counts[text]
        else:
            tally.fail(text, counts[text])
            if tally.is_hopeless(total):
                return 0.0
    return tally.parsed / total if is_enough(tally) else 0.0


def _is_code(match: re.Match[str]) -> bool:
    """Tell whether a cell is a code: leading zeros, or more digits than a float has."""
    body = match["body"]
    return body.isdigit() and (len(body) > EXACT_DIGITS or (len(body) > 1 and body[0] == "0"))


def _most_common(counts: dict[str, float], parts: dict[str, str], blank: bool = True) -> str:
    rows: Counter[str] = Counter()
    for text, part in parts.items():
        if part or blank:
            rows[part] += counts[text]
    return min(rows, key=lambda part: (-rows[part], part), default="")
