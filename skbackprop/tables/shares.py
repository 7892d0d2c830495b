"""Which share of a column must be readable as numbers or dates for the column to be read so.

Nine tenths of the cells that are not missing; or half of them, if all others are the same text,
such as "varies".  Texts that mean "missing" do not count.

>>> tally = Tally(parsed=90.0)
>>> tally.fail("varies", 10)
>>> is_enough(tally)
True
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

ENOUGH, ENOUGH_WITH_ONE_WORD = 0.9, 0.5
NULLS = frozenset(
    {"", "?", "??", "-", "--", "---", "–", "—", ".", "..", "...", "*", "na", "n/a", "n.a.", "#n/a"}
    | {"nan", "null", "none", "nil", "nat", "<na>", "missing", "unknown", "undefined", "no data"}
    | {"not available", "not applicable", "#na", "#value!", "#div/0!", "#null!", "#ref!"}
)


def is_null_text(text: str) -> bool:
    """Tell whether a text means "missing" in a column of numbers or dates."""
    return text.casefold() in NULLS


@dataclass(eq=False)
class Group:
    """Texts that are all parsed, or all not: the first two, and how many rows have one of them."""

    texts: list[str] = field(default_factory=list)
    count: float = 0.0

    def add(self, text: str, count: float) -> None:
        """Add a text that is not in the group."""
        self.count += count
        if len(self.texts) < 2:
            self.texts.append(text)


@dataclass(eq=False)
class Tally:
    """How many rows are parsed, and how many are not."""

    parsed: float = 0.0
    failed: float = 0.0
    words: set[str] = field(default_factory=set)  # two texts that are not parsed

    def fail(self, text: str, count: float) -> None:
        """Count rows that are not parsed."""
        self.failed += count
        if len(self.words) < 2:
            self.words.add(text)

    def fail_group(self, group: Group) -> None:
        """Count the rows of texts that are not parsed."""
        self.failed += group.count
        self.words.update(group.texts)

    def copy(self) -> Tally:
        """A tally that goes on from here."""
        return Tally(self.parsed, self.failed, set(self.words))

    def is_hopeless(self, total: float) -> bool:
        """Tell whether too many rows have failed, whatever the others are."""
        least = ENOUGH_WITH_ONE_WORD if len(self.words) < 2 else ENOUGH
        return self.failed > (1 - least) * total * (1 + 1e-9)


def share_parsed(
    counts: dict[str, float], values: Iterable[float | None], parsed: float = 0.0
) -> float:
    """The share of rows that are parsed; 0 if it is not enough.

    Parameters
    ----------
    counts : dict of str to float
        How many rows have each text.
    values : iterable of float or None
        What each text means; None if it is not parsed.  Read as far as needed.
    parsed : float
        How many rows hold no text and are parsed.

    Examples
    --------
    >>> share_parsed({"1": 9, "2": 90, "x": 1}, iter([1.0, 2.0, None]))
    0.99
    >>> share_parsed({"1": 1, "x": 9, "y": 90}, iter([1.0, None, None]))
    0.0
    """
    tally, total = Tally(parsed), parsed + sum(counts.values())
    for (text, count), value in zip(counts.items(), values, strict=False):
        if value is not None:
            tally.parsed += count
        else:
            tally.fail(text, count)
            if tally.is_hopeless(total):
                return 0.0
    return tally.parsed / total if is_enough(tally) else 0.0


def is_enough(tally: Tally) -> bool:
    """Tell whether enough of the rows are parsed."""
    least = ENOUGH_WITH_ONE_WORD if len(tally.words) < 2 else ENOUGH
    return tally.parsed > 0 and tally.parsed >= least * (tally.parsed + tally.failed) * (1 - 1e-9)
