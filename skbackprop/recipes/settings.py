"""Settings of the parts of an estimator: objects that are the values of its parameters.

A part with one setting is a plain value, ``dropout=0.1``.  A part with several settings takes
an object, ``dropout=Scheduled(0.1, "flat_cos")``.  Searches reach its fields by scikit-learn's
double underscore:

>>> from skbackprop import BackpropClassifier, NumericEmbedding
>>> clf = BackpropClassifier(numeric_embedding=NumericEmbedding("piecewise", n_bins=4))
>>> clf.set_params(numeric_embedding__n_bins=16).numeric_embedding.n_bins
16

An object checks its fields when it is made, as an optimizer or a schedule does.

`flatten` replaces these objects by the plain settings of which `recipes` makes a network;
`public` makes objects of them again.
"""

from __future__ import annotations

from dataclasses import field, fields, replace
from math import inf
from typing import Any, ClassVar

import numpy as np

from ..nn.initializers import INITIALIZERS
from ..optim import Optimizer
from ..optim.schedules import SCHEDULES
from ..params import Frozen, frozen, nearest
from .rules import (
    AUTO,
    BOOL,
    CALLABLE,
    NONE,
    Rule,
    complain,
    each,
    integer,
    is_allowed,
    names,
    number,
)

SCHEDULE = names("auto", *SCHEDULES) | CALLABLE
INITIALIZERS_RULE = (
    names("auto", "mlp", "data", *INITIALIZERS)
    | CALLABLE
    | each(Rule("arrays or initializers", lambda v: True), "arrays or initializers")
)


class Settings(Frozen):
    """Base of the settings objects: the fields are checked, and may hold arrays."""

    rules: ClassVar[dict[str, Rule]]
    parameter: ClassVar[str]  # of the estimator, for messages

    def __post_init__(self) -> None:
        problems = []
        for name, rule in self.rules.items():
            value = getattr(self, name)
            if not is_allowed(rule, value):
                owner = f"{type(self).__name__}, as in {self.parameter}__{name},"
                problems.append(complain(name, value, rule, owner))
        if problems:
            raise ValueError("\n".join(problems))

    def __eq__(self, other: object) -> bool:
        if other.__class__ is not self.__class__:
            return NotImplemented
        return all(same(getattr(self, f.name), getattr(other, f.name)) for f in fields(self))

    __hash__ = Frozen.__hash__


def same(a: Any, b: Any) -> bool:
    """Equal values; arrays and lists of arrays, too."""
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return bool(np.array_equal(a, b))
    return bool(a == b)


@frozen
class Scheduled(Settings):
    """A value that changes in training: `value` times the factor of a schedule.

    Parameters
    ----------
    value : float, list of float or "auto"
        The value at the start, for `dropout`, `weight_decay` or ``LogLoss.label_smoothing``.
        "auto", for `dropout` and `weight_decay`: the value of the preset.
    schedule : str or object, default="constant"
        A name of `skbackprop.optim.SCHEDULES`, or ``schedule(clock) -> factor``.  "auto", for
        `dropout` and `weight_decay`: the schedule of the preset.

    Raises
    ------
    ValueError
        If a value is not one of those listed above.

    Examples
    --------
    >>> from skbackprop import BackpropRegressor, Scheduled
    >>> BackpropRegressor(dropout=Scheduled(0.3, "flat_cos")).get_params()["dropout__value"]
    0.3
    """

    value: Any = field(hash=False)  # may be a list
    schedule: Any = "constant"

    parameter = "dropout"
    rules: ClassVar[dict[str, Rule]] = {
        "value": AUTO | number(0, inf) | each(number(0, 1), "floats in the range [0, 1)"),
        "schedule": SCHEDULE,
    }


@frozen
class NumericEmbedding(Settings):
    """Settings of the embedding of numbers: several inputs of the network for each column.

    Parameters
    ----------
    kind : {"piecewise", "periodic", "both", "auto"}, default="auto"
        Piecewise-linear encoding between quantiles, cosines with learned frequencies, or both.
    n_bins : int or "auto", default="auto"
        Bins of a column, for "piecewise".
    n_frequencies : int or "auto", default="auto"
        Frequencies of a column, for "periodic".
    frequency_scale : float or "auto", default="auto"
        Standard deviation of the frequencies at the start.

    Raises
    ------
    ValueError
        If a value is not one of those listed above.

    References
    ----------
    Gorishniy, Rubachev & Babenko, "On embeddings for numerical features in tabular deep
    learning" (2022).

    Examples
    --------
    >>> from skbackprop import BackpropRegressor, NumericEmbedding
    >>> reg = BackpropRegressor(numeric_embedding=NumericEmbedding("periodic", n_frequencies=8))
    """

    kind: str = "auto"
    n_bins: Any = "auto"
    n_frequencies: Any = "auto"
    frequency_scale: Any = "auto"

    parameter = "numeric_embedding"
    rules: ClassVar[dict[str, Rule]] = {
        "kind": names("auto", "piecewise", "periodic", "both"),
        "n_bins": AUTO | integer(2),
        "n_frequencies": AUTO | integer(1),
        "frequency_scale": AUTO | number(0, inf, closed="neither"),
    }


def is_directions(value: Any) -> bool:
    """Is it a list of -1, 0 and 1, or a one-dimensional array of them?"""
    if not isinstance(value, (list, tuple, np.ndarray)) or np.ndim(value) != 1 or not len(value):
        return False
    return bool(np.isin(np.asarray(value), (-1, 0, 1)).all())


def is_directions_by_name(value: Any) -> bool:
    """Is it a dict from texts to -1, 0 and 1?"""
    return (
        isinstance(value, dict)
        and all(isinstance(name, str) for name in value)
        and (not value or is_directions(list(value.values())))
    )


@frozen
class TableEncoding(Settings):
    """Settings of the encoding of the columns of a table.

    Parameters
    ----------
    embedding_dim : int or "auto", default="auto"
        Numbers that stand for a category of more than 8 levels.
    learned_scale : bool or "auto", default="auto"
        Has each input of the network a learned factor?
    value_effects : bool or "auto", default="auto"
        Are the effects of single values on the target inputs, too, where they predict rows that
        were left out?  "auto": in the presets for tables, unless rows are sparse or come by
        ``partial_fit``.
    whitened : float or "auto", default="auto"
        Share of the members that get whitened numeric columns beside the others; 0 for none.
        Members that share weights, or have no learned factors, all get them.
    monotonic_cst : list, tuple or array of int, dict of str to int, or None, default=None
        For each column, or for those with these names, 1: predictions, or probabilities of the
        second of two classes, never fall where the number rises; -1: they never rise; 0: no
        constraint.  Name and meaning are those of
        `sklearn.ensemble.HistGradientBoostingRegressor`; it is here because it says how columns
        are read.  See :ref:`monotone-constraints`.

    Raises
    ------
    ValueError
        If a value is not one of those listed above.

    References
    ----------
    Guo & Berkhahn, "Entity embeddings of categorical variables" (2016); Kessy, Lewin & Strimmer,
    "Optimal whitening and decorrelation" (2018).

    Micci-Barreca, "A preprocessing scheme for high-cardinality categorical attributes in
    classification and prediction problems" (2001), for `value_effects`.

    Runje & Shankaranarayana, "Constrained monotonic neural networks" (2023), for `monotonic_cst`.

    Examples
    --------
    >>> from skbackprop import BackpropClassifier, TableEncoding
    >>> clf = BackpropClassifier(feature_encoding=TableEncoding(embedding_dim=16))
    >>> clf = BackpropClassifier(feature_encoding=TableEncoding(monotonic_cst={"age": 1}))
    """

    embedding_dim: Any = "auto"
    learned_scale: Any = "auto"
    value_effects: Any = "auto"
    whitened: Any = "auto"
    monotonic_cst: Any = field(default=None, hash=False)  # may be an array

    parameter = "feature_encoding"
    rules: ClassVar[dict[str, Rule]] = {
        "embedding_dim": AUTO | integer(1),
        "learned_scale": AUTO | BOOL,
        "value_effects": AUTO | BOOL,
        "whitened": AUTO | number(0, 1, closed="both"),
        "monotonic_cst": NONE
        | Rule("a list, a tuple or an array of -1, 0 and 1", is_directions)
        | Rule("a dict of these by column names", is_directions_by_name),
    }


@frozen
class WeightInit(Settings):
    """The initial weights and biases.

    Parameters
    ----------
    weights : str, callable, list or "auto", default="auto"
        See the parameter `weight_init`.
    biases : float, str, callable, list, None or "auto", default="auto"
        "mlp" (scikit-learn's rule), "data", "zeros", a number, an initializer, or a list with
        an initializer or array for each layer.  None: the layers have no biases.

    Raises
    ------
    ValueError
        If a value is not one of those listed above.

    Examples
    --------
    >>> from skbackprop import BackpropClassifier, WeightInit
    >>> clf = BackpropClassifier(weight_init=WeightInit("he_normal", biases="zeros"))
    """

    weights: Any = field(default="auto", hash=False)  # may hold arrays
    biases: Any = field(default="auto", hash=False)

    parameter = "weight_init"
    rules: ClassVar[dict[str, Rule]] = {
        "weights": INITIALIZERS_RULE,
        "biases": INITIALIZERS_RULE | number(-inf, inf, closed="neither") | NONE,
    }


@frozen
class LogLoss(Settings):
    """The log loss of a classifier, with smoothed labels.

    Parameters
    ----------
    label_smoothing : float or Scheduled, default=0.0
        Part of each target that is spread evenly over the classes.

    Raises
    ------
    ValueError
        If a value is not one of those listed above.

    References
    ----------
    Szegedy, Vanhoucke, Ioffe, Shlens & Wojna, "Rethinking the inception architecture for
    computer vision" (2016).

    Examples
    --------
    >>> from skbackprop import BackpropClassifier, LogLoss
    >>> clf = BackpropClassifier(loss=LogLoss(label_smoothing=0.1))
    """

    label_smoothing: Any = 0.0

    parameter = "loss"
    rules: ClassVar[dict[str, Rule]] = {
        "label_smoothing": number(0, 1)
        | Rule(
            "a Scheduled with a value in this range",
            lambda v: isinstance(v, Scheduled) and is_allowed(number(0, 1), v.value),
        )
    }


# Plain settings, and the parameter by which a user reaches each of them.
PUBLIC_NAMES: dict[str, str] = {
    "dropout_schedule": "dropout__schedule",
    "weight_decay_schedule": "weight_decay__schedule",
    "label_smoothing": "loss__label_smoothing",
    "label_smoothing_schedule": "loss__label_smoothing__schedule",
    "n_bins": "numeric_embedding__n_bins",
    "n_frequencies": "numeric_embedding__n_frequencies",
    "frequency_scale": "numeric_embedding__frequency_scale",
    "embedding_dim": "feature_encoding__embedding_dim",
    "feature_scale": "feature_encoding__learned_scale",
    "value_effects": "feature_encoding__value_effects",
    "whitened": "feature_encoding__whitened",
    "monotonic_cst": "feature_encoding__monotonic_cst",
    "bias_init": "weight_init__biases",
    "max_grad_norm": "solver__max_grad_norm",
    "l1": "solver__l1",
    "gradient_accumulation_steps": "solver__gradient_accumulation_steps",
    "averaging": "solver__averaging",
    "lr_multipliers": "solver__lr_multipliers",
    "solve_output": "solver__solve_output",
}
OF_OPTIMIZER: dict[str, Any] = {  # fields that every optimizer object has
    "max_grad_norm": None,
    "l1": 0.0,
    "gradient_accumulation_steps": 1,
    "averaging": "auto",
    "lr_multipliers": "auto",
    "solve_output": "auto",
}


def flatten(params: dict[str, Any]) -> dict[str, Any]:
    """The parameters, with the settings of each part as plain values."""
    flat = dict(params)
    for name in ("dropout", "weight_decay"):
        flat |= _scheduled(name, params[name], "auto")
    loss = params["loss"]
    smoothing = loss.label_smoothing if isinstance(loss, LogLoss) else 0.0
    flat |= _scheduled("label_smoothing", smoothing, "constant")
    embedding, encoding = params["numeric_embedding"], params["feature_encoding"]
    given = embedding if isinstance(embedding, NumericEmbedding) else NumericEmbedding()
    flat |= given.get_params(deep=False)
    flat["numeric_embedding"] = embedding if given is not embedding else given.kind
    columns = encoding if isinstance(encoding, TableEncoding) else TableEncoding()
    flat |= columns.get_params(deep=False)
    flat["feature_encoding"] = encoding if columns is not encoding else "table"
    flat["feature_scale"] = flat.pop("learned_scale")
    init = params["weight_init"]
    weights, biases = init, "auto"
    if isinstance(init, WeightInit):
        weights, biases = init.weights, init.biases
    elif isinstance(init, str) and init in ("mlp", "data"):  # rules for weights and biases
        biases = init
    flat |= {"weight_init": weights, "fit_intercept": biases is not None}
    flat["bias_init"] = "auto" if biases is None else biases
    solver = params["solver"]
    own = {} if isinstance(solver, str) else OF_OPTIMIZER
    flat |= OF_OPTIMIZER | {name: getattr(solver, name, own[name]) for name in own}
    return flat


def public_name(name: str, params: dict[str, Any]) -> str:
    """The name by which a user sets a plain setting, such as "numeric_embedding__n_bins"."""
    scheduled = isinstance(params.get(name), Scheduled) and f"{name}_schedule" in PUBLIC_NAMES
    return f"{name}__value" if scheduled else PUBLIC_NAMES.get(name, name)


def _scheduled(name: str, value: Any, schedule: str) -> dict[str, Any]:
    if isinstance(value, Scheduled):
        return {name: value.value, f"{name}_schedule": value.schedule}
    return {name: value, f"{name}_schedule": schedule}


def public(resolved: dict[str, Any], names: Any) -> dict[str, Any]:
    """The resolved parameters under the names, and in the objects, of the constructor.

    An estimator that is made with them is trained in the same way.
    """
    r = resolved
    # `hidden_layer_sizes` has an entry for each layer.
    values = r | {"n_hidden_layers": None, "solver": _with_own(r["solver"], r)}
    for name in ("dropout", "weight_decay"):
        schedule, on = r[f"{name}_schedule"], np.any(r[name])
        if on and not (r["preset"] == "plain" and schedule == "constant"):
            values[name] = Scheduled(r[name], schedule)
    if r["solver"] == "lbfgs":
        values["batch_size"] = "auto"  # all rows
    if r["early_stopping"] is False and r["scoring"] == r["score"]:
        values["scoring"] = "auto"  # not used
    kind = r["numeric_embedding"]
    if kind is not None:
        values["numeric_embedding"] = NumericEmbedding(
            kind,
            r["n_bins"] if kind != "periodic" else "auto",
            r["n_frequencies"] if kind != "piecewise" else "auto",
            r["frequency_scale"] if kind != "piecewise" else "auto",
        )
    if r["feature_encoding"] is not None:
        values["feature_encoding"] = TableEncoding(
            r["embedding_dim"],
            r["feature_scale"],
            r["value_effects"],
            r["whitened"],
            r["monotonic_cst"],
        )
    biases = r["bias_init"] if r["fit_intercept"] else None
    values["weight_init"] = WeightInit(r["weight_init"], biases)
    return {name: values[name] for name in names}


def _with_own(solver: Any, resolved: dict[str, Any]) -> Any:
    """An optimizer object, with the settings that the preset has chosen for it."""
    if not isinstance(solver, Optimizer):
        return solver
    return replace(solver, **{name: resolved[name] for name in OF_OPTIMIZER})


EXAMPLES = {  # of the objects that have settings of their own
    "dropout": "Scheduled(0.1)",
    "weight_decay": "Scheduled(0.1)",
    "loss": "LogLoss() for a classifier",
    "numeric_embedding": "NumericEmbedding()",
    "feature_encoding": "TableEncoding()",
    "weight_init": "WeightInit()",
    "solver": "Adam()",
}


def check_settable(estimator: Any, params: dict[str, Any]) -> None:
    """Refuse unknown names, and ``part__setting`` of a part that is a plain value, with advice."""
    known = tuple(estimator.get_params(deep=False))
    for key in params:
        part, nested, _ = key.partition("__")
        near = PUBLIC_NAMES.get(key) or nearest(key, known)
        if part not in known:
            advice = f"Did you mean {near!r}?" if near else f"Valid parameters are: {list(known)}."
            raise ValueError(f"Invalid parameter {part!r} for estimator {estimator}. {advice}")
        value = params.get(part, getattr(estimator, part))
        if nested and not hasattr(value, "set_params"):
            advice = f"Did you mean {near!r}?" if near else f"Set {part} instead."
            if part in EXAMPLES:
                advice = f"Set it first, such as {part}={EXAMPLES[part]}."
            raise ValueError(
                f"{key} needs {part} to be an object with this setting, got {part}={value!r}. "
                f"{advice}"
            )
