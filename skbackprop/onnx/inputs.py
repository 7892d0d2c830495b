"""The inputs of a graph: one matrix for a table of numbers, or one tensor for each column.

A column that the fit left out has no input of its own.  The type of an input is

- of a column of text, and of numbers or dates that were text in `fit`: string;
- of a sample of the table, if there is one: int64, float or double, as the sample has it;
- without a sample: float, or double where single precision has too few digits.

Dates, durations and times of day are numbers of seconds, in double.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..tables.categories import Category
from ..tables.cells import BOOLEAN, DURATION, NUMBER
from ..tables.columns import TableColumns, read_table, short
from ..tables.date_digits import ISO
from ..tables.encoder import ColumnEncoder
from ..tables.reading import PLAIN, Reading
from ..tables.text_dates import DateNotation
from ..tables.text_numbers import NumberNotation

LARGE_OFFSET = 2.0**8  # of a column in units of its spread: from here on single precision is poor
LARGEST_SCALE = 1e30  # float32 ends at 1e38; values are often far larger than the spread
FLOAT_INTEGERS, DOUBLE_INTEGERS = 2**24, 2**53  # integers up to here are exact
LARGEST_INTEGER = 2**63 - 1
NUMERIC = {NUMBER, BOOLEAN, DURATION}  # families of levels that are numbers


@dataclass(frozen=True)
class Inputs:
    """The inputs of a graph.

    Attributes
    ----------
    names : list of str
        Their names, in order.
    kinds : list of str
        Their types: "float", "double", "int64" or "string".
    columns : list of int or None
        The column of the table that each has; None for one matrix of all columns.
    """

    names: list[str]
    kinds: list[str]
    columns: list[int] | None
    n_features: int

    @property
    def is_matrix(self) -> bool:
        return self.columns is None


def choose_inputs(
    encoder: ColumnEncoder | None, n_features: int, sample: Any, outputs: list[str]
) -> Inputs:
    """The inputs for an encoder, or for a network that takes the table as it is.

    Parameters
    ----------
    encoder : ColumnEncoder or None
        The fitted encoder.
    n_features : int
        Number of columns of the table.
    sample : table or None
        Rows like those to come, for the types of the inputs.
    outputs : list of str
        Names that no input may have.

    Raises
    ------
    ValueError
        If a column cannot be read in a graph, or the sample has another number of columns.
    """
    table = None if sample is None else read_table(sample)
    if table is not None and table.n_columns != n_features:
        raise ValueError(
            f"X_sample needs {n_features} columns, as X in fit, got {table.n_columns}. Pass rows "
            "of the table of fit."
        )
    kinds = {} if encoder is None or encoder._sparse else kinds_of_columns(encoder, table)
    if encoder is None or is_matrix(encoder, kinds):
        given = {} if table is None else {kind_of_sample(table, i) for i in range(n_features)}
        kind = widest([*kinds.values(), *filter(None, given)])
        return Inputs(["X"], [kind], None, n_features)
    columns = sorted(kinds)
    names = input_names([encoder._name(i) for i in columns], outputs)
    return Inputs(names, [kinds[i] for i in columns], columns, n_features)


def is_matrix(encoder: ColumnEncoder, kinds: dict[int, str]) -> bool:
    """Tell whether all columns of a table are numbers, and none is a column with a type."""
    if encoder._sparse:
        return True
    constant = [c.column for c in encoder._constant if set(c.families) <= NUMERIC]
    numbers = {*encoder._followed.tolist(), *constant, *kinds}
    if kinds and len(numbers) < encoder.n_features:  # a column of text that is not used
        return False
    typed = encoder.names is not None and bool(encoder._categories)
    # A matrix of doubles has too few digits for some identifiers.
    mixed = "string" in kinds.values() or {"int64"} < set(kinds.values())
    return not (mixed or typed or encoder._readings)


def widest(kinds: list[str]) -> str:
    """The type for a matrix of columns with these types; float for none."""
    if not kinds or set(kinds) == {"float"}:
        return "float"
    return "int64" if set(kinds) == {"int64"} else "double"


def input_names(given: list[Any], outputs: list[str]) -> list[str]:
    """The names of columns, or ``x0``, ``x1``, … for columns without a name."""
    taken = {*outputs}
    names = []
    for name in given:
        name = f"x{name}" if isinstance(name, int) else name or "column"
        while name in taken:
            name += "_input"
        taken.add(name)
        names.append(name)
    return names


def kinds_of_columns(encoder: ColumnEncoder, table: TableColumns | None) -> dict[int, str]:
    """The type of the input of each column that the encoder uses."""
    large = needs_double(encoder)
    kinds = {}
    for i in sorted({*encoder._numeric.tolist(), *encoder._missing.tolist()}):
        reading = encoder._readings.get(i, PLAIN)
        sampled = kind_of_sample(table, i)
        if sampled == "int64" and i in encoder._missing:
            sampled = "double"  # an integer cannot be missing
        default = "double" if i in large else "float"
        kinds[i] = kind_of_numbers(encoder, i, reading) or sampled or default
    for category in encoder._categories:
        kinds[category.column] = kind_of_category(encoder, category, table)
    return kinds


def needs_double(encoder: ColumnEncoder) -> set[int]:
    """The columns of numbers for which single precision has too few digits, or too few powers."""
    scale = np.abs(encoder._scale)
    large = np.abs(encoder._center * scale) > LARGE_OFFSET
    far = (scale < 1 / LARGEST_SCALE) | (scale > LARGEST_SCALE)
    return set(encoder._numeric[large | far].tolist())


def kind_of_numbers(encoder: ColumnEncoder, i: int, reading: Reading) -> str | None:
    """The type for a column of numbers, if its reading decides."""
    notation = reading.notation
    if notation is None:
        return None if reading.family == NUMBER else "double"
    if notation in (NumberNotation(), DateNotation(ISO)):
        return "string"
    raise ValueError(
        f"Column {short(repr(encoder._name(i)))} holds {reading.describe()} as text, which ONNX "
        "has no operator to read. Convert it to numbers or dates before fit, and fit again."
    )


def kind_of_category(encoder: ColumnEncoder, category: Category, table: Any) -> str:
    """The type for a column of levels."""
    if not set(category.families) <= NUMERIC:
        return "string"
    integers = [abs(level) for level in category.levels if isinstance(level, int)]
    largest = max(integers, default=0)
    if largest > LARGEST_INTEGER:
        raise ValueError(
            f"Column {short(repr(encoder._name(category.column)))} holds integers of more than 64 "
            "bits, which ONNX does not have. Convert it to text before fit, and fit again."
        )
    if largest > DOUBLE_INTEGERS:
        return "int64"
    single = np.unique(np.array(category.levels, np.float32))
    collide = len(single) < len(category.levels) or largest > FLOAT_INTEGERS
    return kind_of_sample(table, category.column) or ("double" if collide else "float")


def kind_of_sample(table: TableColumns | None, i: int) -> str | None:
    """The type of a column of a sample; None without a sample, or if it holds objects."""
    if table is None or table.sparse is not None:
        return None
    column = table.column(i)
    dtype = column.values.dtype
    if column.missing is not None:
        return "double"  # integers of which some are missing
    if dtype.kind in "biu":
        return "double" if dtype == np.uint64 else "int64"
    if dtype.kind == "f":
        return "double" if dtype.itemsize > 4 else "float"
    return None
