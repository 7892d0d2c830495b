"""How each column was read, in words: for one warning after `fit`, and for `column_report_`."""

from __future__ import annotations

from typing import Any

from .columns import quoted, short
from .reading import PLAIN, Reading

MOST_COLUMNS = 20  # that a warning names
EFFECTS_WORDS = "with the effects of its values"


def reading_words(reading: Reading) -> str:
    """What became of a column of text that is read as numbers, dates or times."""
    words = f"read as {reading.describe()}"
    if reading.words:
        words += f"; these texts count as missing: {quoted(reading.words)}"
    return words


def levels_words(n_levels: int, n_rows: float) -> str:
    """Why a column of levels is left out."""
    return (
        f"left out, because its {n_rows:g} rows hold {n_levels} different texts. Drop it, or for "
        "free text use TfidfVectorizer"
    )


def fit_message(notes: dict[str, str]) -> str:
    """The warning about columns of text; empty if there is nothing to say."""
    if not notes:
        return ""
    lines = [f"- {short(name)}: {words}." for name, words in list(notes.items())[:MOST_COLUMNS]]
    if len(notes) > MOST_COLUMNS:
        lines.append(f"- and {len(notes) - MOST_COLUMNS} more columns.")
    return "\n".join(
        [
            "Columns of X that hold text are not used as categories:",
            *lines,
            "To use such a column as a category, put it among the categorical_features. To avoid "
            "this warning, convert or drop it. The attribute column_report_ lists all columns.",
        ]
    )


def report_rows(
    described: list[tuple[str | int, str, int]],
    readings: dict[int, Reading],
    *notes: dict[int, str],
) -> list[dict[str, Any]]:
    """For each column its name, what it was read as, its encoding, and a note.

    Parameters
    ----------
    described : list of tuple
        For each column name, kind and number of encoded columns.
    readings : dict of int to Reading
        How columns that are not plain numbers are read.
    *notes : dict of int to str
        Notes about columns.
    """
    rows = []
    for i, (name, kind, width) in enumerate(described):
        read_as = readings.get(i, PLAIN).describe()
        if kind in ("binary", "one-hot", "embedded"):
            read_as = "category"
        elif kind == "left out":
            read_as = "text"
        row = {"column": name, "read_as": read_as, "encoding": kind, "n_encoded": width}
        rows.append(row | {"note": "; ".join(words[i] for words in notes if i in words)})
    return rows
