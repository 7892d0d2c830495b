"""Fast reading of many dates whose digits are at the same places.

The places are found in one text, the numbers are computed for all at once.  Where there is no such
day or time the answer is None, as that of `datetime`.

>>> read_alike(["31.01.1970", "32.01.1970"], "%d.%m.%Y")
[2592000.0, None]
>>> by_shape(["31.01.1970", "1.2.70", "32.01.1970"])
{'99.99.9999': [0, 2], '9.9.99': [1]}
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable
from functools import lru_cache

import numpy as np

from .cells import seconds

ISO = "ISO 8601"
ISO_FIELDS = (
    r"(?P<Y>[0-9]{4})-(?P<m>[0-9]{2})-(?P<d>[0-9]{2})"
    r"(?:[T ](?P<H>[0-9]{2}):(?P<M>[0-9]{2})(?::(?P<S>[0-9]{2})(?:[.](?P<f>[0-9]{3}|[0-9]{6}))?)?)?"
)
FIELD = {"Y": "[0-9]{4}", "f": "[0-9]{1,6}"} | dict.fromkeys("ymdHIMS", "[0-9]{1,2}")
PIVOT = 69  # two digits from here on are of the century before, as in POSIX
NINES = str.maketrans("012345678", "999999999")


def by_shape(texts: Iterable[str]) -> dict[str, list[int]]:
    """The places of the texts that differ in nothing but digits."""
    groups: dict[str, list[int]] = {}
    for place, text in enumerate(texts):
        groups.setdefault(text.translate(NINES), []).append(place)
    return groups


def read_alike(texts: list[str], form: str) -> list[float | None] | None:
    """Seconds since 1970, or since midnight for a time of day; None for what does not exist.

    Parameters
    ----------
    texts : list of str
        Texts of one shape.
    form : str
        The format, in the codes of `datetime.strptime`, or `ISO`.

    Returns
    -------
    values : list of float or None, or None
        None if the digits cannot be found in texts of this shape.
    """
    match = re.fullmatch(ISO_FIELDS if form == ISO else _fields_of(form), texts[0])
    if match is None:
        return None
    letters = np.array(texts).view(np.uint32).reshape(len(texts), -1)
    spans = {name: match.span(name) for name, digits in match.groupdict().items() if digits}
    number = {name: _number(letters[:, slice(*span)]) for name, span in spans.items()}
    if "f" in number:
        number["f"] *= 10 ** (6 - len(match["f"]))
    if form != ISO:
        sample = list(texts[0])
        for start, stop in spans.values():  # the first of January, 01:01, of the same letters
            sample[start:stop] = "0" * (stop - start - 1) + "1"
        try:
            words = datetime.datetime.strptime("".join(sample), form)
        except ValueError:
            return None
        number.setdefault("m", np.full(len(texts), words.month))
        if "I" in number:
            number["H"] = number["I"] % 12 + (12 if words.hour > 11 else 0)
    values, exists = _values(number, len(texts))
    return [value if e else None for value, e in zip(values.tolist(), exists.tolist(), strict=True)]


@lru_cache
def _fields_of(form: str) -> str:
    """What finds the digits of each field in a text of this format."""
    parts = []
    for part in re.findall("%.|.", form):
        code = part[1:]
        if code in FIELD:
            parts.append(f"(?P<{code}>{FIELD[code]})")
        else:
            parts.append(r"[^\W\d]+" if code else r"\s+" if part == " " else re.escape(part))
    return "".join(parts)


def _number(digits: np.ndarray) -> np.ndarray:
    return (digits.astype(np.int64) - ord("0")) @ 10 ** np.arange(digits.shape[1])[::-1]


def _values(number: dict[str, np.ndarray], n: int) -> tuple[np.ndarray, np.ndarray]:
    """Seconds since 1970 or midnight, and whether there is such a day and time."""
    zero, one = np.zeros(n, np.int64), np.ones(n, np.int64)
    hour, minute, second = (number.get(name, zero) for name in "HMS")
    micro = ((hour * 60 + minute) * 60 + second) * 1_000_000 + number.get("f", zero)
    exists = (hour < 24) & (minute < 60) & (second < 60)
    if "I" in number:
        exists &= (number["I"] >= 1) & (number["I"] <= 12)
    if "Y" not in number and "y" not in number:
        return micro / 1_000_000, exists
    month, day = number["m"], number.get("d", one)
    year = number["Y"] if "Y" in number else number["y"] + 1900 + 100 * (number["y"] < PIVOT)
    months = ((year - 1970) * 12 + month - 1).astype("M8[M]")
    days = months.astype("M8[D]") + (day - 1)
    exists &= (year >= 1) & (month >= 1) & (month <= 12) & (day >= 1)
    exists &= days.astype("M8[M]") == months
    return seconds(days.astype("M8[us]") + micro.astype("m8[us]")), exists
