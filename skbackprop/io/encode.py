"""From objects to plain JSON and named arrays: what `decode` reads.

``None``, booleans, integers, finite floats, strings, lists, and dicts whose keys are strings are
written as they are.  All else is a JSON object with a key that begins with ``$``:

==================================================  =============================================
``{"$float": "nan"}``                               a float that is not finite
``{"$tuple": [...]}``, ``{"$range": [0, 9, 3]}``    a tuple, a range; a long one becomes a list
``{"$items": [[key, value], ...]}``                 any other dict
``{"$bytes": "AAE="}``                              bytes, in base64
``{"$scalar": 0.5, "dtype": "<f4"}``                a scalar of NumPy; a time as an integer
``{"$array": "name", "dtype": "<U3"}``              an array, the name of its tensor and, where
                                                    these differ, its dtype
``{"$numbers": "name", "known": "mask"}``           a list of many floats or of many integers, as a
                                                    tensor; where its mask is not, there is a None
``{"$objects": [...], "shape": [2]}``               an array of objects
``{"$random": "RandomState", "state": {...}}``      a random generator
``{"$dtype": "<f4"}``                               a dtype
``{"$function": "monitor.loss_fell"}``              a function or class of the tables
``{"$type": "layer.Dense", "n_in": 3, ...}``        an object of a class of the tables
``{"$network": {...}, "prefix": "fitted.network"}`` a network: its layers, and where its arrays
                                                    are: ``fitted.network.dense_0.W``
``{"$custom": "Sine", "fields": {...}}``            an object of a class of the user's
``{"$custom_function": "decay"}``                   a function of the user's
``{"$same": "fitted.network"}``                     an object that is there already
==================================================  =============================================

Arrays are called after the place where they are, such as ``fitted.held_out.scores``.

>>> encoder = Encoder()
>>> encoder.encode({"shape": (2, 3), "edge": float("-inf"), "W": np.eye(2)}, "model")
{'shape': {'$tuple': [2, 3]}, 'edge': {'$float': '-inf'}, 'W': {'$array': 'model.W'}}
>>> list(encoder.tensors)
['model.W']
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import is_dataclass
from math import isfinite
from types import FunctionType
from typing import Any, cast

import numpy as np

from ..nn.network import Network
from . import tables
from .safetensors import NAMES

DEEPEST = 60  # levels of objects in objects
MANY = 16  # numbers of a list that become a tensor
PLAIN = (type(None), bool, int, str)


class Encoder:
    """Encode objects, and collect their arrays.

    Attributes
    ----------
    tensors : dict of str to ndarray
        The arrays.
    custom : dict of str to class or function
        The classes and functions of the user's that were met, by their names.
    """

    def __init__(self) -> None:
        self.tensors: dict[str, np.ndarray] = {}
        self.custom: dict[str, Any] = {}
        self._names: dict[int, Any] = {}  # of arrays that are there already
        self._masks: dict[bytes, str] = {}  # the names of masks that are there already
        self._paths: dict[int, str] = {}  # of objects that are there already
        self._alive: list[Any] = []  # an id is that of another object once its own is gone

    def encode(self, value: Any, path: str) -> Any:
        """Something as JSON; `path` says where it is.

        Raises
        ------
        TypeError
            If it cannot be stored; the message says where it is, and of which class.
        """
        if type(value) in PLAIN:
            return value
        if path.count(".") > DEEPEST:
            raise TypeError(
                f"save cannot store {path[:200]}…: it is nested too deep, or part of itself."
            )
        write = WRITERS.get(type(value))
        if write is not None:
            return write(self, value, path)
        if isinstance(value, np.generic):
            return self._scalar(value, path)
        if isinstance(value, np.ndarray):
            return self._array(np.asarray(value), path)
        return self._shared(value, path)

    def _child(self, value: Any, path: str, name: Any) -> Any:
        return self.encode(value, f"{path}.{name}")

    def _float(self, value: float, path: str) -> Any:
        return value if isfinite(value) else {"$float": repr(value)}

    def _list(self, value: list[Any], path: str) -> Any:
        known = [item for item in value if item is not None] if len(value) >= MANY else []
        numbers = _narrowed(known) if set(map(type, known)) in ({float}, {int}) else None
        if numbers is None:
            return [self._child(item, path, i) for i, item in enumerate(value)]
        encoded = {"$numbers": self._new(path, numbers)}
        if len(known) < len(value):
            mask = np.array([item is not None for item in value])
            if mask.tobytes() not in self._masks:
                self._masks[mask.tobytes()] = self._new(f"{path}.known", mask)
            encoded["known"] = self._masks[mask.tobytes()]
        return encoded

    def _tuple(self, value: tuple[Any, ...], path: str) -> Any:
        return {"$tuple": [self._child(item, path, i) for i, item in enumerate(value)]}

    def _range(self, value: range, path: str) -> Any:
        if len(value) > tables.LONGEST_RANGE:
            return self._list(list(value), path)
        return {"$range": [value.start, value.stop, value.step]}

    def _dict(self, value: dict[Any, Any], path: str) -> Any:
        if all(type(key) is str and not key.startswith("$") for key in value):
            names = tables.path_names(value)
            return {key: self._child(item, path, names[key]) for key, item in value.items()}
        items = [
            [self.encode(key, f"{path}.key"), self._child(item, path, i)]
            for i, (key, item) in enumerate(value.items())
        ]
        return {"$items": items}

    def _bytes(self, value: bytes, path: str) -> Any:
        return {"$bytes": base64.b64encode(value).decode("ascii")}

    # ---- arrays ---------------------------------------------------------------------------

    def _array(self, array: np.ndarray, path: str) -> Any:
        if id(array) in self._names:
            return self._names[id(array)]
        if array.dtype == object:
            items = [self._child(item, path, i) for i, item in enumerate(array.ravel().tolist())]
            return {"$objects": items, "shape": list(array.shape)}
        found = {"$array": self._tensor(array, path)}
        if array.dtype.newbyteorder("<") not in NAMES:
            found["dtype"] = array.dtype.newbyteorder("<").str
        self._names[id(array)] = found
        self._alive.append(array)
        return found

    def _scalar(self, value: np.generic, path: str) -> Any:
        kind, dtype = value.dtype.kind, value.dtype.newbyteorder("<").str
        if kind in "mM":
            return {"$scalar": int(value.astype(np.int64)), "dtype": dtype}
        if kind not in "biufUS" or (value.dtype.itemsize > 8 and kind == "f"):
            raise TypeError(f"save cannot store {path}: a number of dtype {value.dtype}.")
        return {"$scalar": self.encode(value.item(), path), "dtype": dtype}

    def _tensor(self, array: np.ndarray, path: str) -> str:
        """The name of an array, in a dtype of the file: characters and times are integers."""
        array = array.astype(array.dtype.newbyteorder("<"), copy=False)
        if array.dtype in NAMES:
            return self._new(path, array)
        unit = {"U": "<u4", "S": "|u1", "M": "<i8", "m": "<i8"}.get(array.dtype.kind)
        if unit is None:
            raise TypeError(
                f"save cannot store {path}: an array of dtype {array.dtype}. Convert it to float64 "
                "or to object."
            )
        width = () if unit == "<i8" else (array.dtype.itemsize // np.dtype(unit).itemsize,)
        flat = np.ascontiguousarray(array).reshape(-1)
        return self._new(path, flat.view(unit).reshape(array.shape + width))

    def _new(self, path: str, array: np.ndarray) -> str:
        name, i = path, 1
        while name in self.tensors:
            name, i = f"{path}_{i}", i + 1
        self.tensors[name] = array
        return name

    # ---- objects --------------------------------------------------------------------------

    def _shared(self, value: Any, path: str) -> Any:
        """An object; one that can change and is met again is the same after loading, too."""
        if isinstance(value, np.dtype):
            return {"$dtype": value.str}
        if id(value) in tables.FUNCTION_OF:
            return {"$function": tables.FUNCTION_OF[id(value)]}
        if id(value) in self._paths:
            return {"$same": self._paths[id(value)]}
        encoded = self._object(value, path)
        if not _is_frozen(value):
            self._paths[id(value)] = path
            self._alive.append(value)
        return encoded

    def _object(self, value: Any, path: str) -> Any:
        if type(value) is Network:
            return self._network(value, path)
        if type(value) in tables.GENERATORS.values():
            return self._random(value, path)
        kind = tables.KIND_OF.get(type(value))
        if kind is None:
            return self._custom(value, path)
        state = {
            name: self._child(getattr(value, name), path, name)
            for name in kind.fields
            if hasattr(value, name)
        }
        return {"$type": kind.key, **state}

    def _network(self, network: Network, path: str) -> Any:
        for vector, place in (
            (network.theta, network.layout.trained),
            (network.fixed, network.layout.fixed),
        ):
            for parts, (where, param) in place.items():
                self.tensors[".".join((path, *parts))] = vector[where].reshape(param.shape)
        layer = self._child(network.layer, path, "layer")
        return {"$network": layer, "prefix": path, "dtype": network.dtype.name}

    def _random(self, rng: Any, path: str) -> Any:
        legacy = isinstance(rng, np.random.RandomState)
        state = rng.get_state(legacy=False) if legacy else rng.bit_generator.state
        name = next(name for name, cls in tables.GENERATORS.items() if type(rng) is cls)
        return {"$random": name, "state": self._dict(state, path)}

    def _custom(self, value: Any, path: str) -> Any:
        """An object of a class of the user's: its fields, if these can be stored."""
        if isinstance(value, FunctionType):
            if not value.__name__.isidentifier() or "<locals>" in value.__qualname__:
                raise TypeError(_refusal(path, "a lambda or a function inside a function"))
            return {"$custom_function": self.own_name(value, path)}
        cls = type(value)
        if is_dataclass(value) and not isinstance(value, type):
            state = {name: getattr(value, name) for name in tables.field_names(cls)}
        elif hasattr(value, "__dict__") and not isinstance(value, type) and _is_simple(cls):
            state = dict(vars(value))
        else:
            raise TypeError(_refusal(path, f"an object of class {cls.__name__}"))
        return {"$custom": self.own_name(cls, path), "fields": self._dict(state, path)}

    def own_name(self, thing: Any, path: str) -> str:
        """The name of a class or function of the user's, which `load` will ask for."""
        name: str = thing.__name__
        if name in tables.ESTIMATORS or self.custom.setdefault(name, thing) is not thing:
            raise TypeError(
                f"save cannot store {path}: there is another class or function called {name}. "
                "Rename one of them."
            )
        return name


def _narrowed(numbers: list[Any]) -> np.ndarray | None:
    """Floats or integers in the narrowest dtype that has the same numbers."""
    try:
        wide = np.array(numbers, np.float64 if type(numbers[0]) is float else np.int64)
    except OverflowError:
        return None
    dtypes = (np.float32,) if wide.dtype.kind == "f" else (np.int8, np.int16, np.int32)
    with np.errstate(over="ignore"):
        for dtype in dtypes:
            narrow = wide.astype(dtype)
            if narrow.astype(wide.dtype).tobytes() == wide.tobytes():
                return narrow
    return wide


def _is_frozen(value: Any) -> bool:
    """Is it of a class whose objects never change?"""
    if isinstance(value, tuple):
        return True
    return is_dataclass(value) and cast(Any, type(value)).__dataclass_params__.frozen


def _is_simple(cls: type) -> bool:
    """Is the state of its objects what their ``__dict__`` holds?"""
    own = ("__reduce__", "__reduce_ex__", "__getstate__", "__setstate__")
    same = all(getattr(cls, name, None) is getattr(object, name, None) for name in own)
    return same and cls.__module__ != "builtins" and not _has_slots(cls)


def _has_slots(cls: type) -> bool:
    return any(vars(base).get("__slots__") for base in cls.__mro__)


def _refusal(path: str, what: str) -> str:
    return (
        f"save cannot store {path}: {what}. A file holds objects of your own if they are frozen "
        "dataclasses with plain fields, and functions of a module: for a class Sine, load such a "
        'file with load(path, custom={"Sine": Sine}). Write it like that, or pickle the model.'
    )


WRITERS: dict[type, Callable[[Encoder, Any, str], Any]] = {
    float: Encoder._float,
    list: Encoder._list,
    tuple: Encoder._tuple,
    range: Encoder._range,
    dict: Encoder._dict,
    bytes: Encoder._bytes,
}
