"""Immutable settings objects, with the `get_params` and `set_params` of scikit-learn.

An optimizer, a schedule, a layer or a loss is a frozen dataclass: its fields are its
settings, two objects with equal fields are equal, and it can be hashed, printed and
pickled.  `get_params` and `set_params` let `sklearn.base.clone` copy it and let a search
reach its fields by a double underscore, as in ``solver__beta_2``.

`frozen` does what ``@dataclass(frozen=True)`` does.  It is faster: all methods, the
constructor too, are inherited from `Frozen` and are not compiled for each class.  This saves
30 ms of ``import skbackprop``.  A subclass may use ``@dataclass(frozen=True)``, too.  `record`
and `Record` are the same for ``@dataclass(eq=False)``: an object that may be changed.

>>> @frozen
... class Momentum(Frozen):
...     "How fast a velocity decays."
...     decay: float = 0.9
...     def __post_init__(self):
...         check_range(self, "[0, 1)", "decay")
>>> settings = Momentum(0.5)
>>> settings, settings == Momentum(decay=0.5)
(Momentum(decay=0.5), True)
>>> settings.set_params(decay=0.99)
Momentum(decay=0.99)
>>> settings.set_params(decay=2)
Traceback (most recent call last):
    ...
ValueError: Momentum needs decay in the range [0, 1), got decay=2. Choose a number in this range.
"""

from __future__ import annotations

from copy import copy
from dataclasses import (
    MISSING,
    Field,
    FrozenInstanceError,
    dataclass,
    field,
    fields,
    is_dataclass,
    replace,
)
from difflib import get_close_matches
from functools import cache
from inspect import Parameter, Signature
from numbers import Real
from typing import Any, ClassVar, Self, TypeVar, dataclass_transform

T = TypeVar("T")


class Params:
    """`get_params` and `set_params` for a dataclass.  The parameters are its init fields."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Names and values of the parameters.

        Parameters
        ----------
        deep : bool, default=True
            Include the parameters of parameters, as ``name__parameter``.

        Returns
        -------
        params : dict
            Names and values.
        """
        params = {f.name: getattr(self, f.name) for f in fields(self) if f.init}
        if deep:
            for name, value in list(params.items()):
                if hasattr(value, "get_params") and not isinstance(value, type):
                    params |= {f"{name}__{key}": v for key, v in value.get_params().items()}
        return params

    def set_params(self, **params: Any) -> Self:
        """Set parameters in place; nothing changes if a name or a value is not valid.

        Parameters
        ----------
        **params : dict
            Names and values.  ``name__parameter`` sets a parameter of a parameter.

        Returns
        -------
        self : object
            The object itself.

        Raises
        ------
        ValueError
            If a name is unknown, or if the constructor refuses a value.
        """
        known = self.get_params(deep=False)
        own: dict[str, Any] = {}
        nested: dict[str, dict[str, Any]] = {}
        for key, value in params.items():
            name, is_nested, rest = key.partition("__")
            if name not in known:
                near = nearest(name, tuple(known))
                raise ValueError(
                    f"{type(self).__name__} has no parameter {name!r}. "
                    + (f"Did you mean {near!r}? " if near else "")
                    + f"Valid parameters are: {', '.join(known) or 'none'}."
                )
            if is_nested:
                nested.setdefault(name, {})[rest] = value
            else:
                own[name] = value
        for name, values in nested.items():
            part = own.get(name, known[name])
            if not hasattr(part, "set_params"):
                raise ValueError(
                    f"{name} of {type(self).__name__} is {part!r} and has no parameters of its "
                    f"own, got {', '.join(values)}. Set {name} to an object that has them."
                )
            own[name] = copy(part).set_params(**values)  # other owners keep the old values
        checked = replace(self, **own)
        for name in known:
            object.__setattr__(self, name, getattr(checked, name))
        return self


class SignatureOfFields:
    """The attribute ``__signature__``, which is made when `inspect.signature` asks for it."""

    def __get__(self, instance: Any, owner: type[Record]) -> Signature | None:
        if instance is not None:  # `inspect` then takes the signature of `__call__`
            raise AttributeError("__signature__")
        inherited = is_dataclass(owner) and owner.__init__ is Record.__init__
        return signature_of(owner) if inherited else None


def signature_of(cls: type[Record]) -> Signature:
    """The signature of the constructor of a dataclass, by its fields."""
    parameters = []
    for f in fields(cls):
        if f.init:
            kind = Parameter.KEYWORD_ONLY if f.kw_only else Parameter.POSITIONAL_OR_KEYWORD
            default = f.default if f.default_factory is MISSING else f.default_factory
            default = Parameter.empty if default is MISSING else default
            parameters.append(Parameter(f.name, kind, default=default, annotation=f.type))
    return Signature(sorted(parameters, key=lambda p: p.kind), return_annotation=None)


class Record:
    """Base of all classes made by `record`: constructor and text."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]
    __signature__ = SignatureOfFields()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        names, positional, defaults, factories = self._arguments()
        given = dict(zip(positional, args, strict=False)) | kwargs
        values = {name: make() for name, make in factories.items()} | defaults | given
        if len(given) < len(args) + len(kwargs) or values.keys() != names:
            try:
                signature_of(type(self)).bind(*args, **kwargs)
            except TypeError as error:
                raise TypeError(f"{type(self).__name__}: {error}") from None
        vars(self).update(values)
        self.__post_init__()

    @classmethod
    @cache
    def _arguments(cls) -> tuple[frozenset[str], list[str], dict[str, Any], dict[str, Any]]:
        """Of the constructor: all names, those of positions, the defaults, what makes defaults."""
        arguments = [f for f in fields(cls) if f.init]
        names = frozenset(f.name for f in arguments)
        positional = [f.name for f in arguments if not f.kw_only]
        defaults = {f.name: f.default for f in arguments if f.default is not MISSING}
        made = ((f.name, f.default_factory) for f in arguments)
        return names, positional, defaults, {n: make for n, make in made if make is not MISSING}

    def __post_init__(self) -> None:
        """Check the fields."""

    def __repr__(self) -> str:
        shown = ", ".join(f"{f.name}={getattr(self, f.name)!r}" for f in fields(self) if f.repr)
        return f"{type(self).__qualname__}({shown})"


class Frozen(Record, Params):
    """Base of all classes made by `frozen`: also equality, hash and immutability."""

    def __eq__(self, other: object) -> bool:
        if other.__class__ is not self.__class__:
            return NotImplemented
        names = [f.name for f in fields(self) if f.compare]
        return [getattr(self, n) for n in names] == [getattr(other, n) for n in names]

    def __hash__(self) -> int:
        hashed = (f for f in fields(self) if (f.compare if f.hash is None else f.hash))
        return hash(tuple(getattr(self, f.name) for f in hashed))

    def __setattr__(self, name: str, value: object) -> None:
        if name in self.__dataclass_fields__ or "__dataclass_params__" in vars(type(self)):
            raise FrozenInstanceError(f"cannot assign to field {name!r}")
        object.__setattr__(self, name, value)

    def __delattr__(self, name: str) -> None:
        raise FrozenInstanceError(f"cannot delete field {name!r}")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def frozen(cls: type[T]) -> type[T]:
    """Make an immutable dataclass of a subclass of `Frozen`."""
    if not issubclass(cls, Frozen):
        raise TypeError(f"frozen needs a subclass of Frozen, got {cls.__name__}. Derive it.")
    _make_dataclass(cls)
    return cls


def _make_dataclass(cls: type[Frozen]) -> None:
    # `dataclass` compiles `__setattr__` for every frozen class, and only allows a frozen class
    # below a frozen class.  So the flag is off while it runs, and on for the subclasses of users.
    above = (vars(c).get("__dataclass_params__") for c in cls.__mro__[1:])
    flags = [flag for flag in above if flag is not None]
    for flag in flags:
        flag.frozen = False
    dataclass(init=False, repr=False, eq=False, match_args=False)(cls)
    for flag in (*flags, vars(cls)["__dataclass_params__"]):
        flag.frozen = True


_make_dataclass(Frozen)


@dataclass_transform(field_specifiers=(field,))
def record(cls: type[T]) -> type[T]:
    """Make a dataclass of a subclass of `Record`."""
    if not issubclass(cls, Record):
        raise TypeError(f"record needs a subclass of Record, got {cls.__name__}. Derive it.")
    return dataclass(init=False, repr=False, eq=False, match_args=False)(cls)


def nearest(value: Any, known: tuple[str, ...]) -> str | None:
    """The known name that is most like a misspelled one."""
    if not isinstance(value, str):
        return None
    lower = value.lower().replace("-", "_")
    near = [lower] if lower in known else get_close_matches(value, known, n=1)
    return near[0] if near else None


def check_range(settings: object, interval: str, *names: str) -> None:
    """Raise a ValueError if a field is not a number in the interval, such as ``"[0, 1)"``."""
    low, high = map(float, interval[1:-1].split(","))
    for name in names:
        value = getattr(settings, name)
        is_number = isinstance(value, Real) and not isinstance(value, bool)
        if not (
            is_number
            and (low <= value if interval[0] == "[" else low < value)
            and (value <= high if interval[-1] == "]" else value < high)
        ):
            raise ValueError(
                f"{type(settings).__name__} needs {name} in the range {interval}, got "
                f"{name}={value!r}. Choose a number in this range."
            )
