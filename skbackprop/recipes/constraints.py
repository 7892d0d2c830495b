"""What each parameter may be.

`CONSTRAINTS` names every parameter of the two estimators once.  A `Rule` can say
whether a value is legal and describe itself, so that a message states what was
required, what was got and, for a misspelled name, what was probably meant.

>>> rule = number(0, inf)
>>> str(rule)
'a float in the range [0, inf)'
>>> rule.allows(-1.0), rule.allows(2)
(False, True)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches
from inspect import signature
from math import inf
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.metrics import get_scorer

from ..nn.activations import ACTIVATIONS
from ..nn.architectures import NORMALIZATIONS
from ..nn.initializers import INITIALIZERS
from ..nn.losses import LOSSES
from ..optim import AVERAGES, OPTIMIZERS
from ..optim.schedules import SCHEDULES
from ..training.callbacks import is_callback
from .settings import PUBLIC_NAMES, flatten


@dataclass(frozen=True)
class Rule:
    """A condition with a description, and the names it knows."""

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
        if not isinstance(value, Real) or isinstance(value, (bool, np.bool_)):
            return False
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
    """Can `method` be called, with `n` arguments if it is given?"""
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


def is_sizes(value: Any) -> bool:
    """Sizes of hidden layers: an int, or an array-like of ints, all at least 1."""
    if is_integer(value):
        return bool(value >= 1)
    if isinstance(value, np.ndarray):
        return value.ndim == 1 and value.dtype.kind in "iu" and bool((value >= 1).all())
    return isinstance(value, (list, tuple, range)) and all(is_integer(v) and v >= 1 for v in value)


def is_factors(value: Any) -> bool:
    """A dict from names to factors of at least 0."""
    return isinstance(value, dict) and all(
        isinstance(k, str) and number(0, inf).allows(v) for k, v in value.items()
    )


def instance(name: str) -> Rule:
    """A settings object; `flatten` has replaced it before the rules are applied."""
    return Rule(f"a {name}", lambda value: False)


BOOL = Rule("a bool", lambda value: isinstance(value, (bool, np.bool_)))
NONE = Rule("None", lambda value: value is None)
AUTO = names("auto")
SIZES = Rule("an int or an array-like of ints, all at least 1, such as (100,) or 100", is_sizes)
CALLABLE = Rule("a callable", callable)
SPLITTER = having("split") | Rule(
    "an iterable of (train, validation) index pairs",
    lambda v: isinstance(v, Iterable) and not isinstance(v, (str, bytes)),
)
SEED = Rule(
    "an int in the range [0, 2**32), a RandomState, None",
    lambda v: (
        v is None or isinstance(v, np.random.RandomState) or (is_integer(v) and 0 <= v < 2**32)
    ),
)
RATE = number(0, 1)
SCHEDULED = instance("Scheduled")
SCHEDULE = names("auto", *SCHEDULES) | CALLABLE
ACTIVATION_OBJECT = Rule(
    "an object with `forward(z, out)` and `backward(z, y, d)`",
    having(forward=2, backward=3).allows,
)
ACTIVATION = names(*ACTIVATIONS) | ACTIVATION_OBJECT
INITIALIZER = names("mlp", "data", *INITIALIZERS) | CALLABLE

CONSTRAINTS: dict[str, Rule] = {
    "hidden_layer_sizes": AUTO | SIZES,
    "activation": AUTO
    | ACTIVATION
    | each(ACTIVATION, "these, one for each hidden layer, or one more for the output"),
    "preset": names("auto", "plain", "fast", "best"),
    "categorical_features": NONE
    | names("from_dtype")
    | Rule(
        "an array-like of column names, of column numbers, or a mask",
        lambda v: not isinstance(v, (str, bytes)) and isinstance(v, (Iterable, np.ndarray)),
    ),
    "solver": names("auto", "lbfgs", *OPTIMIZERS) | having("state", "step"),
    "alpha": AUTO | number(0, inf),
    "batch_size": AUTO | integer(1),
    "learning_rate": names("auto", "adaptive", *SCHEDULES) | CALLABLE,
    "learning_rate_init": names("auto", "probe") | number(0, inf, closed="neither"),
    "power_t": number(0, inf),
    "max_iter": AUTO | integer(1),
    "shuffle": BOOL,
    "random_state": SEED,
    "tol": AUTO | number(0, inf),
    "verbose": BOOL | integer(0),
    "warm_start": BOOL,
    "momentum": AUTO | number(0, 1, closed="both"),
    "nesterovs_momentum": BOOL,
    "early_stopping": AUTO | BOOL,
    "validation_fraction": AUTO | number(0, 1, closed="neither") | SPLITTER,
    "refit": BOOL,
    "beta_1": AUTO | number(0, 1),
    "beta_2": AUTO | number(0, 1),
    "epsilon": AUTO | number(0, inf, closed="neither"),
    "n_iter_no_change": AUTO
    | integer(1)
    | Rule("inf", lambda v: isinstance(v, float) and v == inf),
    "max_fun": integer(1),
    "n_hidden_layers": NONE | integer(0),
    "weight_decay": AUTO | number(0, inf) | SCHEDULED,
    "gradient_accumulation_steps": integer(1),
    "max_grad_norm": NONE | number(0, inf, closed="neither"),
    "weight_decay_schedule": SCHEDULE,
    "l1": number(0, inf),
    "dropout": AUTO
    | RATE
    | each(RATE, "these, one for each hidden layer, or one for the input and each hidden layer")
    | SCHEDULED,
    "dropout_schedule": SCHEDULE,
    "normalization": NONE | names(*NORMALIZATIONS),
    "residual": BOOL,
    "averaging": NONE | names("auto", *AVERAGES),
    "feature_encoding": NONE | names("auto", "table") | instance("TableEncoding"),
    "feature_scale": AUTO | BOOL,
    "numeric_embedding": NONE
    | names("auto", "periodic", "piecewise", "both")
    | instance("NumericEmbedding"),
    "n_frequencies": AUTO | integer(1),
    "frequency_scale": AUTO | number(0, inf, closed="neither"),
    "n_bins": AUTO | integer(2),
    "embedding_dim": AUTO | integer(1),
    "lr_multipliers": NONE
    | names("auto", "ntk")
    | Rule("a dict of factors, at least 0, by parts of array names", is_factors),
    "n_members": AUTO | integer(1),
    "member_sharing": names("independent", "batch", "mini"),
    "max_restarts": AUTO | integer(0),
    "time_budget": NONE | number(0, inf, closed="neither"),
    "calibration": NONE | names("temperature"),
    "label_smoothing": number(0, 1),
    "label_smoothing_schedule": SCHEDULE,
    "standardize_target": AUTO | BOOL,
    "clip_predictions": AUTO | BOOL,
    "weight_init": AUTO
    | INITIALIZER
    | each(Rule("arrays or initializers", lambda v: True), "arrays or initializers")
    | instance("WeightInit"),
    "bias_init": AUTO
    | INITIALIZER
    | number(-inf, inf, closed="neither")
    | each(Rule("arrays or initializers", lambda v: True), "arrays or initializers"),
    "scoring": AUTO | NONE | Rule("a str", lambda v: isinstance(v, str)) | CALLABLE,
    "dtype": names("auto", "float32", "float64")
    | Rule("np.float32, np.float64", lambda v: v in (np.float32, np.float64)),
    "callbacks": NONE | each(Rule("callbacks", is_callback), "callbacks"),
    "n_jobs": NONE | Rule("an int, not 0", lambda v: is_integer(v) and v != 0),
}

LOSS_OF_CLASSIFIER = (
    names("log_loss") | instance("LogLoss") | having("value_and_delta", "predict", "log_predict")
)
LOSS_OF_REGRESSOR = names(*(name for name in LOSSES if "log_loss" not in name)) | having(
    "value_and_delta", "predict"
)
CLASS_WEIGHT = (
    NONE
    | names("balanced")
    | Rule("a dict, a list of dicts", lambda v: isinstance(v, (dict, list)))
)


def check_parameters(estimator: Any, **own: Rule) -> None:
    """Raise one ValueError that lists every parameter with an illegal value."""
    rules = {**CONSTRAINTS, **own}
    problems = [
        complain(PUBLIC_NAMES.get(name, name), value, rules[name], type(estimator).__name__)
        for name, value in flatten(estimator.get_params(deep=False)).items()
        if name in rules and not _allows(rules[name], value)
    ]
    problems += check_together(estimator)
    if problems:
        raise ValueError("\n".join(problems))


def _allows(rule: Rule, value: Any) -> bool:
    try:
        return bool(rule.allows(value))
    except (TypeError, ValueError):  # a comparison that an array or a string does not know
        return False


def complain(name: str, value: Any, rule: Rule, owner: str) -> str:
    """What was required, what was got, what to do."""
    text = f"The {name!r} parameter of {owner} must be {rule}. Got {value!r} instead."
    if isinstance(value, str):
        near = nearest(value, rule.names)
        if name == "hidden_layer_sizes" and value in LOSSES:
            text += f" Did you mean loss={value!r}? The loss is given by keyword."
        elif near:
            text += f" Did you mean {near!r}?"
    elif isinstance(value, (list, tuple)) and name == "activation":
        near = next((nearest(v, rule.names) for v in value if v not in rule.names), None)
        text += f" Did you mean {near!r}?" if near else ""
    elif name == "hidden_layer_sizes":
        text += " Write whole numbers, one for each hidden layer: hidden_layer_sizes=(8, 4)."
    return text


def nearest(value: Any, known: tuple[str, ...]) -> str | None:
    """The known name that is most like a misspelled one."""
    if not isinstance(value, str):
        return None
    lower = value.lower().replace("-", "_")
    near = [lower] if lower in known else get_close_matches(value, known, n=1)
    return near[0] if near else None


def check_scoring_of_numbers(scoring: Any) -> None:
    """Refuse a scorer by name that needs probabilities, which a regressor does not have."""
    if not isinstance(scoring, str) or scoring in ("auto", "loss"):
        return
    methods = getattr(get_scorer(scoring), "_response_method", "predict")
    methods = (methods,) if isinstance(methods, str) else methods
    if "predict" not in methods:
        raise ValueError(
            f"scoring={scoring!r} needs a classifier with {' or '.join(methods)}, got a regressor. "
            "Use a score of predictions, such as 'r2' or 'neg_mean_absolute_error', or 'loss'."
        )


def check_together(estimator: Any) -> list[str]:
    """Problems of parameters that do not go together."""
    sizes, count = estimator.hidden_layer_sizes, estimator.n_hidden_layers
    if count is not None and not (is_integer(sizes) or isinstance(sizes, str)):
        return [
            f"n_hidden_layers={count!r} needs hidden_layer_sizes to be an int, the width of every "
            f"hidden layer, or 'auto', got {sizes!r}. Set the one or the other."
        ]
    return []
