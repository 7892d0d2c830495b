"""Conditions on the value of a parameter, and the messages about values that are refused.

A `Rule` says whether a value is allowed, and describes itself.  So a message states what was
required, what was got and, for a misspelled name, the nearest known name.

>>> rule = number(0, 1)
>>> str(rule)
'a float in the range [0, 1)'
>>> rule.allows(-1.0), rule.allows(0.5)
(False, True)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field
from inspect import signature
from numbers import Integral, Real
from typing import Any, cast

import numpy as np

from ..nn.losses import LOSSES
from ..params import Frozen, frozen, nearest
from ..tables.columns import short

LONGEST_VALUE = 300  # characters of a value in a message


@frozen
class Rule(Frozen):
    """A condition with a description, and the names that it allows."""

    description: str
    allows: Callable[[Any], bool]
    names: tuple[str, ...] = field(default=())

    def __str__(self) -> str:
        return self.description

    def __or__(self, other: Rule) -> Rule:
        return Rule(
            f"{self} or {other}",
            lambda value: self.allows(value) or other.allows(value),
            self.names + other.names,
        )


def names(*known: str) -> Rule:
    """One of these strings."""
    quoted = ", ".join(repr(name) for name in known)
    text = quoted if len(known) == 1 else f"a str among {{{quoted}}}"
    return Rule(text, lambda value: isinstance(value, str) and value in known, known)


def number(low: float, high: float, *, closed: str = "left") -> Rule:
    """A real number in a range; `closed` is "left", "right", "both" or "neither"."""
    left, right = (
        "[" if closed in ("left", "both") else "(",
        "]" if closed in ("right", "both") else ")",
    )

    def allows(value: Any) -> bool:
        if not is_real(value):
            return False
        value = cast(Any, value)  # the type Real has no comparison with float
        above = value >= low if left == "[" else value > low
        below = value <= high if right == "]" else value < high
        return bool(above and below)

    return Rule(f"a float in the range {left}{low}, {high}{right}", allows)


def integer(low: int) -> Rule:
    """An int of at least `low`."""
    return Rule(
        f"an int in the range [{low}, inf)", lambda value: is_integer(value) and value >= low
    )


def is_integer(value: Any) -> bool:
    """An int of Python or NumPy, and not a bool."""
    return isinstance(value, Integral) and not isinstance(value, (bool, np.bool_))


def is_real(value: Any) -> bool:
    """A real number of Python or NumPy, and not a bool."""
    return isinstance(value, Real) and not isinstance(value, (bool, np.bool_))


def having(*methods: str, **n_arguments: int) -> Rule:
    """An object with these methods; the named ones must take that many arguments."""
    every = (*methods, *n_arguments)
    text = "an object with " + " and ".join(f"`{method}`" for method in every)

    def allows(value: Any) -> bool:
        if isinstance(value, (type, str)):
            return False
        return all(takes(getattr(value, m, None), n_arguments.get(m)) for m in every)

    return Rule(text, allows)


def takes(method: Any, n: int | None) -> bool:
    """Tell whether `method` can be called, with `n` arguments if it is given."""
    if n is not None and callable(method):
        try:
            signature(method).bind(*range(n))
        except TypeError:
            return False
        except ValueError:  # no signature: written in C
            return True
    return callable(method)


def each(rule: Rule, what: str) -> Rule:
    """A list or tuple of `what`."""

    def allows(value: Any) -> bool:
        return isinstance(value, (list, tuple)) and all(rule.allows(item) for item in value)

    return Rule(f"a list or tuple of {what}", allows, rule.names)


def is_allowed(rule: Rule, value: Any) -> bool:
    """Does a rule allow a value?"""
    try:
        return bool(rule.allows(value))
    except (TypeError, ValueError):  # a comparison that an array or a string does not have
        return False


def complain(name: str, value: Any, rule: Rule, owner: str) -> str:
    """What was required, what was got, what to do."""
    got = short(repr(value), LONGEST_VALUE)
    text = f"The {name!r} parameter of {owner} must be {rule}. Got {got} instead."
    return f"{text} {advice}" if (advice := advice_on(name, value, rule)) else text


def advice_on(name: str, value: Any, rule: Rule) -> str:
    """What was meant, as far as it can be guessed."""
    if name == "learning_rate" and is_real(value):
        return f"Did you mean learning_rate_init={value!r}?"
    if name == "hidden_layer_sizes" and not isinstance(value, str):
        return "Write whole numbers, one for each hidden layer: hidden_layer_sizes=(8, 4)."
    if name == "hidden_layer_sizes" and value in LOSSES:
        return f"Did you mean loss={value!r}? The loss is given by keyword."
    if name == "activation" and value == "softmax":
        return "It is for the output, where the log loss has it. Name one for the hidden layers."
    values = value if name == "activation" and isinstance(value, (list, tuple)) else [value]
    unknown = [v for v in values if isinstance(v, str) and v not in rule.names]
    near = next((SYNONYMS.get(v.lower()) or nearest(v, rule.names) for v in unknown), None)
    return f"Did you mean {near!r}?" if near in rule.names else ""


# What other libraries call it.
SYNONYMS = {
    "sigmoid": "logistic",
    "swish": "silu",
    "linear": "identity",
    "mse": "squared_error",
    "mae": "absolute_error",
    "quantile": "pinball",
    "cross_entropy": "log_loss",
    "binary_crossentropy": "log_loss",
    "categorical_crossentropy": "log_loss",
    "xavier": "glorot_uniform",
    "kaiming": "he_normal",
}
BOOL = Rule("a bool", lambda value: isinstance(value, (bool, np.bool_)))
NONE = Rule("None", lambda value: value is None)
AUTO = names("auto")
CALLABLE = Rule("a callable", callable)
