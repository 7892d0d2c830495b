"""The values that each parameter of the two estimators accepts.

`CONSTRAINTS` has a `Rule` for each parameter, `check_parameters` applies them all.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import inf
from typing import Any

import numpy as np
from sklearn.metrics import get_scorer, get_scorer_names

from ..nn.activations import ACTIVATIONS
from ..nn.architectures import NORMALIZATIONS
from ..nn.losses import LOSSES
from ..optim import AVERAGES, OPTIMIZERS
from ..optim.base import is_lr_multipliers
from ..optim.schedules import SCHEDULES
from ..training.callbacks import EVENTS, is_callback
from .rules import (
    AUTO,
    BOOL,
    CALLABLE,
    NONE,
    Rule,
    complain,
    each,
    having,
    integer,
    is_allowed,
    is_integer,
    names,
    number,
)
from .settings import INITIALIZERS_RULE, SCHEDULE, LogLoss, flatten, public_name


def is_sizes(value: Any) -> bool:
    """Sizes of hidden layers: an int, or an array-like of ints, all at least 1."""
    if is_integer(value):
        return bool(value >= 1)
    if isinstance(value, np.ndarray):
        return value.ndim == 1 and value.dtype.kind in "iu" and bool((value >= 1).all())
    return isinstance(value, (list, tuple, range)) and all(is_integer(v) and v >= 1 for v in value)


def settings(name: str) -> Rule:
    """A settings object, which `flatten` has replaced by the values of its fields."""
    return Rule(f"a {name}", lambda value: False)


def is_activations(value: Any) -> bool:
    """A list with an activation for each layer; only the last one may be "softmax"."""
    return isinstance(value, (list, tuple)) and all(
        ACTIVATION.allows(item) or (item == "softmax" and i == len(value) - 1)
        for i, item in enumerate(value)
    )


SIZES = Rule("an int or an array-like of ints, all at least 1, such as (100,) or 100", is_sizes)
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
SCORER = Rule(
    "the name of a scorer (sklearn.metrics.get_scorer_names)",
    lambda v: v in get_scorer_names(),
    tuple(get_scorer_names()),
)
RATE = number(0, 1)
SCHEDULED = settings("Scheduled")
ACTIVATION_OBJECT = Rule(
    "an object with `forward(z, out)` and `backward(z, y, d)`",
    having(forward=2, backward=3).allows,
)
ACTIVATION = names(*ACTIVATIONS) | ACTIVATION_OBJECT

CONSTRAINTS: dict[str, Rule] = {
    "hidden_layer_sizes": AUTO | SIZES,
    "activation": AUTO
    | ACTIVATION
    | Rule(
        "a list or tuple of these, one for each hidden layer, or one more for the output",
        is_activations,
        (*ACTIVATIONS, "softmax"),
    ),
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
    "verbose": BOOL | integer(0) | names("bar"),
    "warm_start": BOOL,
    "momentum": AUTO | number(0, 1, closed="both"),
    "nesterovs_momentum": BOOL,
    "early_stopping": AUTO | BOOL,
    "validation_fraction": AUTO | number(0, 1, closed="neither") | SPLITTER,
    "refit": names("auto", "fine_tune") | BOOL,
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
    "feature_encoding": NONE | names("auto", "table") | settings("TableEncoding"),
    "numeric_embedding": NONE
    | names("auto", "periodic", "piecewise", "both")
    | settings("NumericEmbedding"),
    "lr_multipliers": NONE
    | names("auto", "ntk")
    | Rule("a dict of factors, at least 0, by parts of array names", is_lr_multipliers),
    "solve_output": AUTO | BOOL,
    "n_members": AUTO | integer(1),
    "member_sharing": names("independent", "batch", "mini"),
    "max_restarts": AUTO | integer(0),
    "time_budget": NONE | number(0, inf, closed="neither"),
    "calibration": NONE | names("auto", "temperature", "sqrt_temperature"),
    "standardize_target": AUTO | BOOL,
    "clip_predictions": AUTO | BOOL,
    "weight_init": INITIALIZERS_RULE | settings("WeightInit"),
    "scoring": AUTO | NONE | names("loss") | SCORER | CALLABLE,
    "dtype": names("auto", "float32", "float64")
    | Rule("np.float32, np.float64", lambda v: v in (np.float32, np.float64)),
    "callbacks": NONE
    | each(
        Rule("a callback", is_callback),
        f"objects, not classes, with one or more of the methods {', '.join(EVENTS)}",
    ),
    "n_jobs": NONE | Rule("an int, not 0", lambda v: is_integer(v) and v != 0),
}

LOSS_OF_CLASSIFIER = (
    names("log_loss")
    | Rule("a LogLoss", lambda value: isinstance(value, LogLoss))
    | having("value_and_delta", "predict", "log_predict")
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
    params = estimator._params() | {name: getattr(estimator, name) for name in own}
    problems = [
        complain(public_name(name, params), value, rules[name], type(estimator).__name__)
        for name, value in flatten(params).items()
        if name in rules and not is_allowed(rules[name], value)
    ]
    problems += check_together(estimator)
    if problems:
        raise ValueError("\n".join(problems))


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
