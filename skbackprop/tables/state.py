"""The fitted state of an encoder as plain data: numbers, strings, lists, dictionaries, arrays.

A file format that executes no code can store it.

>>> from skbackprop.tables import ColumnEncoder
>>> encoder = ColumnEncoder().fit([["1,5", "a"], ["2,5", "b"], ["?", "a"]])
>>> again = from_state(to_state(encoder))
>>> bool((again.transform([["3,5", "b"]]) == encoder.transform([["3,5", "b"]])).all())
True
"""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import Any

from .categories import Category
from .encoder import ColumnEncoder
from .reading import Reading
from .text_dates import DateNotation
from .text_numbers import NumberNotation
from .value_effects import ValueEffect
from .whitening import Whitening

PARAMETERS = ("categorical_features", "max_one_hot", "min_frequency", "whiten")
CATEGORIES = ("_categories", "_constant")
NOTATIONS = {"NumberNotation": NumberNotation, "DateNotation": DateNotation}


def to_state(encoder: ColumnEncoder) -> dict[str, Any]:
    """The parameters and the fitted attributes of an encoder, as plain data."""
    state = dict(vars(encoder))
    for name in CATEGORIES:
        state[name] = [category.__getstate__() for category in state.get(name, [])]
    state["effects"] = [
        {f.name: getattr(effect, f.name) for f in fields(effect)} for effect in encoder.effects
    ]
    state["_whitening"] = None if encoder._whitening is None else asdict(encoder._whitening)
    state["_readings"] = {
        i: asdict(reading) | {"kind": type(reading.notation).__name__}
        for i, reading in encoder._readings.items()
    }
    return state


def from_state(state: dict[str, Any]) -> ColumnEncoder:
    """The encoder of a state."""
    encoder = ColumnEncoder(*(state[name] for name in PARAMETERS))
    vars(encoder).update(state)
    for name in CATEGORIES:
        vars(encoder)[name] = [Category(**category) for category in state[name]]
    encoder.effects = tuple(ValueEffect(**effect) for effect in state.get("effects", ()))
    for name in ("notes", "_left_out"):  # a file may have made text of the numbers of columns
        vars(encoder)[name] = {int(i): words for i, words in state[name].items()}
    if state["_whitening"] is not None:
        encoder._whitening = Whitening(**state["_whitening"])
    encoder._readings = {int(i): _reading(dict(plain)) for i, plain in state["_readings"].items()}
    return encoder


def _reading(plain: dict[str, Any]) -> Reading:
    make = NOTATIONS.get(plain.pop("kind"))
    notation = None if make is None else make(**plain["notation"])
    return Reading(plain["family"], notation, tuple(plain["words"]))
