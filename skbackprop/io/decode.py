"""From plain JSON and named arrays to objects: what `encode` has written.

Nothing is imported by a name and no code is run but the constructors of the classes in `tables`
and of those that the user passes.

>>> import numpy as np
>>> decoder = Decoder({"model.W": np.eye(2)})
>>> decoder.decode({"shape": {"$tuple": [2, 3]}, "edge": {"$float": "-inf"}}, "model")
{'shape': (2, 3), 'edge': -inf}
>>> decoder.decode({"$type": "initializer.Constant", "value": 0.5}, "model")
Constant(value=0.5)
>>> decoder.decode({"$type": "os.system"}, "model")
Traceback (most recent call last):
ValueError: model: there is no type 'os.system'. The file is damaged, or of a later version.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import is_dataclass
from math import prod
from typing import Any

import numpy as np

from ..nn.layers import Layer
from ..nn.network import Network
from ..nn.parameters import Layout
from . import tables

FLOATS = {"inf": np.inf, "-inf": -np.inf, "nan": np.nan}
LATER = "The file is damaged, or of a later version."


class Decoder:
    """Decode JSON.

    Parameters
    ----------
    tensors : mapping of str to ndarray
        The arrays.
    custom : mapping of str to class or function, or None
        The user's classes and functions by their names.
    """

    def __init__(
        self, tensors: Mapping[str, np.ndarray], custom: Mapping[str, Any] | None = None
    ) -> None:
        self.tensors, self.custom = tensors, custom or {}
        self._arrays: dict[str, np.ndarray] = {}
        self._objects: dict[str, Any] = {}

    def decode(self, value: Any, path: str) -> Any:
        """What a JSON value stands for; `path` says where it is.

        Raises
        ------
        ValueError
            If it stands for nothing.
        """
        if isinstance(value, list):
            return [self._child(item, path, i) for i, item in enumerate(value)]
        if not isinstance(value, dict):
            return value
        tag = next((key for key in value if key.startswith("$")), None)
        if tag is None:
            names = tables.path_names(value)
            return {key: self._child(item, path, names[key]) for key, item in value.items()}
        if tag not in READERS:
            raise ValueError(f"{path}: there is no {tag[:100]!r}. {LATER}")
        decoded = READERS[tag](self, value, path)
        if tag in SHARED:
            self._objects[path] = decoded
        return decoded

    def _child(self, value: Any, path: str, name: Any) -> Any:
        return self.decode(value, f"{path}.{name}")

    def _float(self, value: dict[str, Any], path: str) -> float:
        return FLOATS[value["$float"]]

    def _tuple(self, value: dict[str, Any], path: str) -> tuple[Any, ...]:
        return tuple(self.decode(value["$tuple"], path))

    def _range(self, value: dict[str, Any], path: str) -> range:
        start, stop, step = value["$range"]
        numbers = range(start, stop, step)
        if len(numbers) > tables.LONGEST_RANGE:
            raise ValueError(
                f"{path}: a range has at most {tables.LONGEST_RANGE} numbers in a file, got "
                f"{len(numbers)}."
            )
        return numbers

    def _items(self, value: dict[str, Any], path: str) -> dict[Any, Any]:
        return {
            self.decode(key, f"{path}.key"): self._child(item, path, i)
            for i, (key, item) in enumerate(value["$items"])
        }

    def _bytes(self, value: dict[str, Any], path: str) -> bytes:
        return base64.b64decode(value["$bytes"], validate=True)

    # ---- arrays ---------------------------------------------------------------------------

    def _tensor(self, name: Any) -> np.ndarray:
        if not isinstance(name, str) or name not in self.tensors:
            raise ValueError(f"The array {str(name)[:100]!r} is missing.")
        return self.tensors[name]

    def _array(self, value: dict[str, Any], path: str) -> np.ndarray:
        name = value["$array"]
        if name not in self._arrays:  # the same array, wherever it is met
            self._arrays[name] = _as_dtype(self._tensor(name), value.get("dtype"), path)
        return self._arrays[name]

    def _numbers(self, value: dict[str, Any], path: str) -> list[Any]:
        numbers = self._tensor(value["$numbers"])
        known = self._tensor(value["known"]) if "known" in value else None
        if numbers.ndim != 1 or numbers.dtype.kind not in "fi":
            raise ValueError(f"{path}: a list of numbers needs a tensor of one axis.")
        if known is None:
            return list(numbers.tolist())
        if known.ndim != 1 or known.dtype != bool or known.sum() != len(numbers):
            raise ValueError(f"{path}: a list of {len(numbers)} numbers needs as many places.")
        items = np.full(len(known), None)
        items[known] = numbers.tolist()
        return list(items)

    def _scalar(self, value: dict[str, Any], path: str) -> Any:
        dtype = _checked_dtype(value["dtype"], "biufUSmM", path)
        item = self.decode(value["$scalar"], path)
        if dtype.kind in "US":
            return dtype.type(item)
        return np.asarray(item, np.int64 if dtype.kind in "mM" else None).astype(dtype)[()]

    def _objects_of_array(self, value: dict[str, Any], path: str) -> np.ndarray:
        items, shape = value["$objects"], value["shape"]
        if not all(type(size) is int and size >= 0 for size in shape) or prod(shape) != len(items):
            raise ValueError(f"{path}: {len(items)} objects have no shape {str(shape)[:100]}.")
        array = np.empty(len(items), object)
        for i, item in enumerate(items):
            array[i] = self._child(item, path, i)
        return array.reshape(shape)

    def _dtype(self, value: dict[str, Any], path: str) -> np.dtype:
        return _checked_dtype(value["$dtype"], "biuf", path)

    # ---- objects --------------------------------------------------------------------------

    def _same(self, value: dict[str, Any], path: str) -> Any:
        if value["$same"] not in self._objects:
            raise ValueError(f"{path}: there is no object {str(value['$same'])[:100]!r} before it.")
        return self._objects[value["$same"]]

    def _function(self, value: dict[str, Any], path: str) -> Any:
        name = value["$function"]
        if name not in tables.FUNCTIONS:
            raise ValueError(f"{path}: there is no function {str(name)[:100]!r}. {LATER}")
        return tables.FUNCTIONS[name]

    def _typed(self, value: dict[str, Any], path: str) -> Any:
        key = value["$type"]
        if key not in tables.KINDS:
            raise ValueError(f"{path}: there is no type {str(key)[:100]!r}. {LATER}")
        kind = tables.KINDS[key]
        unknown = [name for name in value if name not in ("$type", *kind.fields)]
        if unknown:
            raise ValueError(f"{path}: {key} has no {unknown[0][:100]!r}. {LATER}")
        state = {name: self._child(v, path, name) for name, v in value.items() if name != "$type"}
        return _rebuilt(kind.cls, state, key in tables.RECORDS)

    def _network(self, value: dict[str, Any], path: str) -> Network:
        layer, prefix = self._child(value["$network"], path, "layer"), value["prefix"]
        if not isinstance(layer, Layer):
            raise ValueError(f"{path}: a network needs a layer, got {type(layer).__name__}.")
        dtype = _checked_dtype(value["dtype"], "f", path)
        layout = Layout(layer.arrays())
        vectors = [self._vector(place, prefix, dtype) for place in (layout.trained, layout.fixed)]
        network = object.__new__(Network)
        network.__setstate__({"layer": layer, "theta": vectors[0], "fixed": vectors[1]})
        return network

    def _vector(self, place: Mapping[Any, Any], prefix: str, dtype: np.dtype) -> np.ndarray:
        """The arrays of a network one after the other, if they are what its layers need."""
        parts = []
        for names, (_, param) in place.items():
            name = ".".join((prefix, *names))
            array = self._tensor(name)
            if array.shape != tuple(param.shape) or array.dtype != dtype:
                raise ValueError(
                    f"The array {name!r} must be of shape {param.shape} and dtype {dtype}, got "
                    f"{array.shape} and {array.dtype}."
                )
            parts.append(array.reshape(-1))
        return _joined(parts) if parts else np.empty(0, dtype)

    def _random(self, value: dict[str, Any], path: str) -> Any:
        state = self.decode(value["state"], path)
        bit_generator = tables.BIT_GENERATORS[state["bit_generator"]](0)
        if value["$random"] == "Generator":
            bit_generator.state = state
            return np.random.Generator(bit_generator)
        rng = tables.GENERATORS[value["$random"]](bit_generator)
        rng.set_state(state)
        return rng

    def _custom(self, value: dict[str, Any], path: str) -> Any:
        cls = self.own(value["$custom"])
        state = self.decode(value["fields"], path)
        return _rebuilt(cls, state, is_dataclass(cls))

    def _custom_function(self, value: dict[str, Any], path: str) -> Any:
        return self.own(value["$custom_function"])

    def own(self, name: str) -> Any:
        """A class or function of the user's."""
        check_custom([name], self.custom)
        return self.custom[name]


def check_custom(names: list[str], custom: Mapping[str, Any] | None) -> None:
    """Refuse a file with classes and functions that the user did not pass."""
    missing = [str(name)[:100] for name in names if name not in (custom or {})]
    if missing:
        example = ", ".join(f'"{name}": {name}' for name in missing)
        raise ValueError(
            f"The file holds objects of your own, of {', '.join(missing)}. Pass the classes or "
            f"functions themselves: load(path, custom={{{example}}})."
        )


def _rebuilt(cls: Any, state: dict[str, Any], by_constructor: bool) -> Any:
    if by_constructor:
        return cls(**state)
    value = cls.__new__(cls)
    if hasattr(cls, "__setstate__"):
        value.__setstate__(state)
    else:
        value.__dict__.update(state)
    return value


def _checked_dtype(name: Any, kinds: str, path: str) -> np.dtype:
    dtype = np.dtype(name) if isinstance(name, str) else None
    if dtype is None or dtype.kind not in kinds or dtype.hasobject:
        raise ValueError(f"{path}: there is no dtype {str(name)[:100]!r} in a file.")
    return dtype


def _joined(parts: list[np.ndarray]) -> np.ndarray:
    """The arrays as one: a view, where they follow each other in the bytes of a file."""
    file, starts = parts[0].base, [part.__array_interface__["data"][0] for part in parts]
    ends = [start + part.nbytes for start, part in zip(starts, parts, strict=True)]
    together = starts[1:] == ends[:-1] and all(part.base is file for part in parts)
    if not together or file is None or file.dtype != np.uint8:
        return np.concatenate(parts)
    first = file.__array_interface__["data"][0]
    return file[starts[0] - first : ends[-1] - first].view(parts[0].dtype)


def _as_dtype(array: np.ndarray, name: Any, path: str) -> np.ndarray:
    """The array of a tensor: characters and times are stored as integers."""
    if name is None:
        return array
    dtype = _checked_dtype(name, "USmM", path)
    shape = array.shape if dtype.kind in "mM" else array.shape[:-1]
    unit = {"U": np.uint32, "S": np.uint8}.get(dtype.kind, np.int64)
    if array.dtype != unit or prod(shape) * dtype.itemsize != array.nbytes:
        raise ValueError(f"{path}: a tensor of {array.dtype}, {array.shape} is no {dtype}.")
    if dtype.kind == "U" and array.size and array.max() > 0x10FFFF:
        raise ValueError(f"{path}: there is a number that is no character.")
    return np.ndarray(shape, dtype, np.ascontiguousarray(array))


SHARED = {"$type", "$network", "$random", "$custom", "$custom_function"}
READERS: dict[str, Callable[[Decoder, dict[str, Any], str], Any]] = {
    "$float": Decoder._float,
    "$tuple": Decoder._tuple,
    "$range": Decoder._range,
    "$items": Decoder._items,
    "$bytes": Decoder._bytes,
    "$array": Decoder._array,
    "$numbers": Decoder._numbers,
    "$scalar": Decoder._scalar,
    "$objects": Decoder._objects_of_array,
    "$dtype": Decoder._dtype,
    "$same": Decoder._same,
    "$function": Decoder._function,
    "$type": Decoder._typed,
    "$network": Decoder._network,
    "$random": Decoder._random,
    "$custom": Decoder._custom,
    "$custom_function": Decoder._custom_function,
}
