"""The encoding of a table as a graph: the same steps as `ColumnEncoder.transform`.

Numbers are centered, scaled and clipped in double precision, as in `transform`, and are then
cast to the type of the network.  So a column with a large offset, such as a date, loses no
digits.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..tables.categories import Category
from ..tables.cells import AWARE_DATE, DATE, PLAIN_NUMBER
from ..tables.encoder import ColumnEncoder
from ..tables.scaling import CLIP, FAR
from ..tables.value_effects import ValueEffect
from ..tables.whitening import Whitening
from .graph import ML, Graph
from .inputs import Inputs

# Only text of these forms has a value; a day must exist: no 30 February.
NUMBER_TEXT = rf"\s*{PLAIN_NUMBER.pattern}\s*"
YEAR = "(?:[0-9]{3}[1-9]|[0-9]{2}[1-9][0-9]|[0-9][1-9][0-9]{2}|[1-9][0-9]{3})"
LEAP_YEAR = "(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][48]|[13579][26])00|[2468]000)"
DAYS = [
    "(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])",
    "(?:0[13-9]|1[0-2])-(?:29|30)",
    "(?:0[13578]|1[02])-31",
]
TIME = r"(?:[T ](?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{1,6})?)?)?"
ISO_DATE = f"(?:{YEAR}-(?:{'|'.join(DAYS)})|{LEAP_YEAR}-02-29){TIME}"
NO_DATE = "1970-01-01"


class Encoded(NamedTuple):
    """The names of the tensors of an encoded table; None for one without columns."""

    plain: str | None  # numbers, then indicators and categories of few levels
    codes: str | None  # int64, a column for each category of many levels


class Source:
    """The columns of the inputs, each read once."""

    def __init__(self, graph: Graph, inputs: Inputs, encoder: ColumnEncoder | None) -> None:
        self.graph, self.inputs, self.encoder = graph, inputs, encoder
        self._numbers: dict[int, str] = {}
        self._matrix = inputs.names[0] if inputs.is_matrix else ""
        tensors = list(zip(inputs.names, inputs.kinds, strict=True))
        self._inputs = dict(zip(inputs.columns or (), tensors, strict=not inputs.is_matrix))

    def numbers(self, columns: list[int]) -> str:
        """Some columns as one matrix of doubles."""
        if not self.inputs.is_matrix:
            return self.graph.concat([self._number(i) for i in columns])
        if columns == list(range(self.inputs.n_features)):
            return self.as_double(self._matrix, self.inputs.kinds[0])
        return self.as_double(self.graph.columns(self._matrix, columns), self.inputs.kinds[0])

    def level(self, i: int) -> tuple[str, str]:
        """Column i as it comes, and its type."""
        if not self.inputs.is_matrix:
            return self._inputs[i]
        return self.graph.columns(self._matrix, [i]), self.inputs.kinds[0]

    def kind_of(self, i: int) -> str:
        """The type in which column i comes."""
        return self.inputs.kinds[0] if self.inputs.is_matrix else self._inputs[i][1]

    def as_double(self, x: str, kind: str) -> str:
        """Numbers in double precision."""
        return x if kind == "double" else self.graph.cast(x, "double")

    def _number(self, i: int) -> str:
        if i not in self._numbers:
            name, kind = self._inputs[i]
            if kind != "string":
                self._numbers[i] = self.as_double(name, kind)
            elif self.encoder is not None and self.encoder._readings[i].family == DATE:
                self._numbers[i] = seconds_of_text(self.graph, name)
            else:
                self._numbers[i] = number_of_text(self.graph, name)
        return self._numbers[i]


def encode(graph: Graph, encoder: ColumnEncoder | None, source: Source) -> Encoded:
    """The encoded table; without an encoder the numbers as they are."""
    name, kind = source.inputs.names[0], source.inputs.kinds[0]
    if encoder is None:
        same = kind == graph.number_type
        return Encoded(name if same else graph.cast(name, graph.number_type), None)
    if encoder._sparse:
        everything = source.numbers(list(range(encoder.n_features)))
        z = graph.add("Mul", everything, graph.constant(encoder._scale, "double"))
        return Encoded(graph.cast(smooth_clip(graph, z), graph.number_type), None)
    if encoder._is_empty:
        return Encoded(zeros(graph, name), None)
    parts = []
    if len(encoder._numeric):
        parts.append(scaled_numbers(graph, encoder, source))
    if len(encoder._missing):
        parts.append(indicators(graph, encoder, source))
    codes = [codes_of(graph, c, *source.level(c.column)) for c in encoder._categories]
    pairs = list(zip(encoder._categories, codes, strict=True))
    parts += [rows_of(graph, c.table, code) for c, code in pairs if c.table.shape[1]]
    if encoder._whitening is not None:
        parts.append(whitened_numbers(graph, encoder._whitening, source))
    parts += [effects_of(graph, effect, source) for effect in encoder.effects]
    embedded = [code for c, code in pairs if c.embedded]
    return Encoded(
        graph.concat(parts) if parts else None, graph.concat(embedded) if embedded else None
    )


def scaled_numbers(graph: Graph, encoder: ColumnEncoder, source: Source) -> str:
    """The numbers, centered, scaled and clipped; 0 where they are missing."""
    x = source.numbers(encoder._numeric.tolist())
    z = scaled(graph, x, encoder._center, encoder._scale)
    return graph.cast(smooth_clip(graph, z), graph.number_type)


def whitened_numbers(graph: Graph, whitening: Whitening, source: Source) -> str:
    """The whitened columns."""
    x = source.numbers(whitening.columns.tolist())
    z = limited(graph, scaled(graph, x, whitening.center, whitening.scale))
    product = graph.add("MatMul", z, graph.constant(whitening.matrix, "double"))
    shifted = graph.add("Sub", product, graph.constant(whitening.offset, "double"))
    return graph.cast(smooth_clip(graph, shifted), graph.number_type)


def scaled(graph: Graph, x: str, center: np.ndarray, scale: np.ndarray) -> str:
    """Numbers, centered and scaled; 0 where they are missing."""
    half = graph.add("Mul", x, graph.constant(0.5, "double"))
    centered = graph.add("Sub", half, graph.constant(center, "double"))
    z = graph.add("Mul", centered, graph.constant(scale, "double"))
    return graph.add("Where", graph.add("IsNaN", z), graph.constant(0.0, "double"), z)


def smooth_clip(graph: Graph, z: str) -> str:
    """``z / sqrt(1 + (z/3)²)``."""
    z = limited(graph, z)
    third = graph.add("Div", z, graph.constant(CLIP, "double"))
    square = graph.add("Mul", third, third)
    root = graph.add("Sqrt", graph.add("Add", square, graph.constant(1.0, "double")))
    return graph.add("Div", z, root)


def limited(graph: Graph, z: str) -> str:
    """Numbers up to `FAR`, so that their squares are finite."""
    return graph.add("Clip", z, graph.constant(-FAR, "double"), graph.constant(FAR, "double"))


def indicators(graph: Graph, encoder: ColumnEncoder, source: Source) -> str:
    """For each column that had missing cells in training, whether a cell is missing."""
    absent = graph.add("IsNaN", source.numbers(encoder._missing.tolist()))
    return graph.add("Where", absent, encoder._on, encoder._off)


def codes_of(graph: Graph, category: Category, x: str, kind: str) -> str:
    """The codes of a column of levels: int64, 0 for a level that is missing or new."""
    codes = codes_by_text(category) if kind == "string" else codes_by_number(category, kind)
    return look_up(graph, codes, x, kind)


def look_up(graph: Graph, codes: dict[Any, int], x: str, kind: str) -> str:
    """The codes of a column, int64, and 0 for what has none."""
    if not codes:  # every level is left out
        codes = {"" if kind == "string" else 0: 0}
    keys = list(codes)
    if kind == "double":
        tensor, code = graph.helper.make_tensor, graph.type_code("int64")
        settings = {
            "keys_tensor": tensor("keys", graph.type_code(kind), [len(keys)], keys),
            "values_tensor": tensor("values", code, [len(keys)], list(codes.values())),
            "default_tensor": tensor("default", code, [1], [0]),
        }
    else:  # opset 2 of ai.onnx.ml can do these
        settings = {f"keys_{kind}s": keys, "values_int64s": list(codes.values())}
        settings["default_int64"] = 0
    return graph.add("LabelEncoder", x, domain=ML, **settings)


def rows_of(graph: Graph, table: np.ndarray, codes: str) -> str:
    """The numbers that stand for the codes of a column."""
    rows = graph.add("Gather", table, codes, axis=0)
    return graph.add("Reshape", rows, graph.constant([-1, table.shape[1]], "int64"))


def effects_of(graph: Graph, effect: ValueEffect, source: Source) -> str:
    """The effects of the values of a column, in the precision in which they are compared."""
    single = effect.single or source.kind_of(effect.column) == "float"
    kind = "float" if single else "double"
    x, numbers = source.numbers([effect.column]), effect.numbers
    if single:
        x, numbers = graph.cast(x, kind), numbers.astype(np.float32)
    codes = {number: code for code, number in reversed([*enumerate(numbers.tolist(), 1)])}
    return rows_of(graph, effect.table, look_up(graph, codes, x, kind))


def codes_by_text(category: Category) -> dict[str, int]:
    """The code of every usual spelling of a level."""
    is_date = set(category.families) <= {DATE, AWARE_DATE}
    codes = {
        text: category.code(level)
        for level in category.levels
        for text in spellings_of(level, is_date)
    }
    return {text: codes[text] for text in sorted(codes) if codes[text]}


def spellings_of(level: Any, is_date: bool) -> list[str]:
    """How text may write a level: ``1``, ``1.0`` and ``True`` are one; a day is its midnight."""
    if isinstance(level, str):
        moment = level if " " in level or not is_date else f"{level} 00:00:00"
        return [level, moment, moment.replace(" ", "T")] if is_date else [level]
    words = {0: "false", 1: "true"}.get(level, "")
    whole = [f"{level}.0"] if isinstance(level, int) else []
    return [str(level), *whole, words, words.title(), words.upper()]


def codes_by_number(category: Category, kind: str) -> dict[Any, int]:
    """The code of every level that is a number, in the type of the input."""
    numbers = {level: category.code(level) for level in category.levels}
    if kind == "int64":
        return {int(n): code for n, code in numbers.items() if float(n).is_integer()}
    cast = np.float32 if kind == "float" else np.float64
    return {cast(n).item(): code for n, code in numbers.items()}


def zeros(graph: Graph, x: str) -> str:
    """A column of zeros, for a table without a column that varies."""
    n = graph.add("Shape", x, start=0, end=1)
    shape = graph.add("Concat", n, graph.constant([1], "int64"), axis=0)
    return graph.add("Expand", [[0.0]], shape)


# ---- text that writes numbers and dates ------------------------------------------------------


def number_of_text(graph: Graph, x: str) -> str:
    """The numbers that text writes; NaN for all other text."""
    is_number = graph.add("RegexFullMatch", x, pattern=NUMBER_TEXT)
    return graph.cast(graph.add("Where", is_number, x, graph.constant("nan", "string")), "double")


def seconds_of_text(graph: Graph, x: str) -> str:
    """Seconds since 1970 of dates such as ``2024-01-31`` or ``2024-01-31 10:30:00``."""
    is_date = graph.add("RegexFullMatch", x, pattern=ISO_DATE)
    other = graph.constant([[NO_DATE]], "string")
    text = graph.add("Where", is_date, x, other)
    # Without rows StringSplit makes no parts: there is one row more, up to `total`.
    text = graph.add("Concat", text, other, axis=0)
    year, month, rest = split_text(graph, text, "-", 3)
    # One of the two separators is there; each split adds it, so that there are two parts.
    day, by_letter, _ = split_text(graph, add_text(graph, rest, "TT"), "T", 3)
    day, by_space, _ = split_text(graph, add_text(graph, day, "  "), " ", 3)
    time = add_text(graph, graph.add("StringConcat", by_letter, by_space), "::")
    hour, minute, second = split_text(graph, time, ":", 3)
    days = days_since_1970(graph, *(graph.cast(part, "int64") for part in (year, month, day)))
    total = graph.add("Mul", graph.cast(days, "double"), graph.constant(86400.0, "double"))
    for part, factor in ((hour, 3600.0), (minute, 60.0), (second, 1.0)):
        seconds = graph.add("Mul", number_or_zero(graph, part), graph.constant(factor, "double"))
        total = graph.add("Add", total, seconds)
    total = graph.add("Slice", total, *(graph.constant([i], "int64") for i in (0, -1, 0)))
    return graph.add("Where", is_date, total, graph.constant(np.nan, "double"))


def split_text(graph: Graph, x: str, separator: str, n: int) -> list[str]:
    """The first `n` parts of each text, ``(rows, 1)`` each."""
    parts, _ = graph.add("StringSplit", x, n_outputs=2, delimiter=separator, maxsplit=n)
    return [graph.add("Gather", parts, graph.constant(i, "int64"), axis=-1) for i in range(n)]


def add_text(graph: Graph, x: str, end: str) -> str:
    """Every text of `x` with an ending."""
    return graph.add("StringConcat", x, graph.constant(end, "string"))


def number_or_zero(graph: Graph, x: str) -> str:
    """The numbers that text writes; 0 for all other text."""
    is_number = graph.add("RegexFullMatch", x, pattern=r"[0-9]+(\.[0-9]+)?")
    return graph.cast(graph.add("Where", is_number, x, graph.constant("0", "string")), "double")


def days_since_1970(graph: Graph, year: str, month: str, day: str) -> str:
    """The number of a day, in integers, by years that begin in March.

    Hinnant, "chrono-compatible low-level date algorithms" (2013), for years from 0 on.
    """

    def number(value: int) -> str:
        return graph.constant(value, "int64")

    late = graph.cast(graph.add("LessOrEqual", month, number(2)), "int64")
    y = graph.add("Sub", year, late)
    m = graph.add("Mod", graph.add("Add", month, number(9)), number(12))  # 0 for March
    days = graph.add("Add", graph.add("Mul", m, number(153)), number(2))
    of_year = graph.add("Add", graph.add("Div", days, number(5)), graph.add("Sub", day, number(1)))
    total = graph.add("Add", graph.add("Mul", y, number(365)), of_year)
    for sign, years in (("Add", 4), ("Sub", 100), ("Add", 400)):
        total = graph.add(sign, total, graph.add("Div", y, number(years)))
    return graph.add("Sub", total, number(719468))
