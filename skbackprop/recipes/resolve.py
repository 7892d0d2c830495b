"""The parameters after ``"auto"`` is replaced, and the combinations that are refused.

`resolve` replaces every ``"auto"`` by what the preset says; `check_combination` refuses what
cannot work, and `warn_unused` names what has no effect.
"""

from __future__ import annotations

from collections.abc import Iterable
from copy import copy
from dataclasses import fields
from numbers import Real
from typing import Any

import numpy as np

from ..optim import OPTIMIZERS
from ..params import Params
from ..warn import warn_user
from .presets import PLAIN, DataSummary, preset_values
from .settings import PUBLIC_NAMES, LogLoss, flatten, public_name

# Parameters that only some solvers look at.
OPTIMIZER_PARAMETERS = {  # field of an optimizer: parameter of the estimator
    "momentum": "momentum",
    "nesterov": "nesterovs_momentum",
    "beta_1": "beta_1",
    "beta_2": "beta_2",
    "epsilon": "epsilon",
}
STOCHASTIC = {
    "batch_size",
    "gradient_accumulation_steps",
    "shuffle",
    "learning_rate_init",
    "learning_rate",
    "power_t",
}
SOLVER_SPECIFIC = STOCHASTIC | {"max_fun", *OPTIMIZER_PARAMETERS.values()}
# lbfgs refuses them
ONLY_STOCHASTIC = ("weight_decay", "dropout")
MLP_RATES = ("constant", "invscaling", "adaptive")  # which scikit-learn's adam ignores
# What a network is made of: going on, "auto" is what it was.
STRUCTURE = (
    "hidden_layer_sizes",
    "activation",
    "numeric_embedding",
    "n_frequencies",
    "n_bins",
    "feature_scale",
    "n_members",
)
# What the first call has decided for all later ones: going on, it cannot be changed.
KEPT = (
    "feature_encoding",
    "categorical_features",
    "standardize_target",
    "clip_predictions",
    "dtype",
    "frequency_scale",
    "embedding_dim",
    "value_effects",
    "whitened",
)
# What only the first call uses: going on, another value has no effect.
OF_START = ("random_state", "weight_init", "bias_init")
WITH_PAPER = {cls for name, cls in OPTIMIZERS.items() if name not in ("sgd", "adam")}
NOT_IN_EARLIER_FILES = {
    "value_effects": False,
    "whitened": 0.0,
    "monotonic_cst": None,
    "solve_output": False,
}
OF_CLASSIFIERS = {"calibration": None}  # what a regressor does without


def is_data(rule: Any) -> bool:
    """Does an initialization look at the data?"""
    return isinstance(rule, str) and rule == "data"


def is_auto(value: Any) -> bool:
    """Is a parameter left to the preset?"""
    return isinstance(value, str) and value == "auto"


def is_on(value: Any) -> bool:
    """Is a part there?  Rates of 0, one or several, leave it out."""
    return any(value) if isinstance(value, (list, tuple)) else bool(value)


def resolve(
    params: dict[str, Any], summary: DataSummary, old: dict[str, Any] | None = None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The parameters with every ``"auto"`` replaced, and the values that "auto" stands for.

    These are what the preset says or, if training goes on, what `old` says, the parameters of
    the last call.
    """
    flat = flatten(params)
    preset = preset_values(params["preset"], summary, params["solver"])
    preset = preset | switched_off(flat, preset)
    if old is not None:
        preset |= {name: old[name] for name in STRUCTURE}
        preset |= {name: old[name] for name in KEPT if name in old}
    own = own_defaults(params["solver"], preset)
    preset |= own
    resolved = OF_CLASSIFIERS | {k: preset.get(k, v) if is_auto(v) else v for k, v in flat.items()}
    if not isinstance(params["solver"], str):  # an object goes by its own numbers
        resolved |= {name: own[name] for name in OPTIMIZER_PARAMETERS.values() if name in own}
    resolved["hidden_layer_sizes"] = hidden_sizes(resolved, params)
    resolved |= by_layer(resolved)
    resolved["average_share"] = preset.get("average_share", 1.0)
    resolved["probe"] = isinstance(resolved["learning_rate_init"], str)
    if resolved["probe"]:  # around the preset's
        resolved["learning_rate_init"] = preset["learning_rate_init"]
    if old is not None:
        check_kept(resolved, old)
        keep_start(resolved, params, old)
    return {name: plain(value) for name, value in resolved.items()}, preset


def switched_off(params: dict[str, Any], preset: dict[str, Any]) -> dict[str, Any]:
    """What the preset does without, because of other parameters."""
    off: dict[str, Any] = {}
    if is_constrained(params["monotonic_cst"]):  # these do not keep an order
        off |= {"value_effects": False, "whitened": 0.0, "solve_output": False}
    if is_auto(params["max_restarts"]) and not is_auto(params["max_iter"]):
        off["max_restarts"] = 0  # max_iter is the largest number of epochs
    if not may_calibrate(params, preset):
        off["calibration"] = None
    if not may_fine_tune(params, preset):
        off["refit"] = False
    return off


def plain(value: Any) -> Any:
    """A value as numbers of Python; those of NumPy, as searches draw them, would be other fits.

    They raise the precision of arrays that they meet, and small integers overflow.  Objects are
    copied: `set_params` changes them in place, which must not change a fitted model.
    """
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, (list, tuple)) and any(isinstance(v, np.generic) for v in value):
        return [plain(v) for v in value]
    if isinstance(value, Params):
        value = copy(value)
        for name, setting in value.get_params(deep=False).items():
            object.__setattr__(value, name, plain(setting))
    return value


def check_kept(resolved: dict[str, Any], old: dict[str, Any]) -> None:
    """Refuse other values of what the first call has decided for all later ones."""
    now = resolved | {"dtype": np.dtype(resolved["dtype"]).name}
    for name in KEPT:
        if name in old and differs(now[name], old[name]):
            raise changed(PUBLIC_NAMES.get(name, name), now[name], old[name])


def keep_start(resolved: dict[str, Any], params: dict[str, Any], old: dict[str, Any]) -> None:
    """Warn of other values of what only the first call uses, and keep those of the first call."""
    given, unused = flatten(params), []
    for name in OF_START:
        if name not in old:
            continue
        if not is_auto(given[name]) and differs(given[name], old[name]):
            unused.append(f"{public_name(name, params)}={given[name]!r}, was {old[name]!r}")
        resolved[name] = old[name]
    if unused:
        warn_user(
            f"These parameters have no effect when training goes on: {'; '.join(unused)}. Set them "
            "back, or set warm_start=False to start anew."
        )


def changed(name: str, now: Any, before: Any) -> ValueError:
    """The error about a parameter that is another one than in the call that is gone on with."""
    return ValueError(
        f"Continuing needs the {name} of the first call, which was {before!r}, got {now!r}. Set "
        "it back, or set warm_start=False to start anew."
    )


def hidden_sizes(resolved: dict[str, Any], params: dict[str, Any]) -> tuple[int, ...]:
    """The width of each hidden layer; `n_hidden_layers` repeats a single width."""
    sizes, count = resolved["hidden_layer_sizes"], params["n_hidden_layers"]
    sizes = list(sizes) if isinstance(sizes, Iterable) else [sizes]
    if count is not None:
        sizes = [(sizes or PLAIN["hidden_layer_sizes"])[0]] * count
    return tuple(int(size) for size in sizes)


def by_layer(resolved: dict[str, Any]) -> dict[str, Any]:
    """Activations and dropout of the hidden layers, the output and the input.

    A list with one entry more than there are hidden layers has that of the output, or input.
    """
    n_hidden = len(resolved["hidden_layer_sizes"])
    activation, out = resolved["activation"], "auto"
    dropout, of_input = resolved["dropout"], 0.0
    if isinstance(activation, (list, tuple)) and len(activation) == n_hidden + 1:
        activation, out = activation[:-1] or "identity", activation[-1]  # "identity": of no layer
    if isinstance(dropout, (list, tuple)) and len(dropout) == n_hidden + 1:
        of_input, dropout = dropout[0], dropout[1:]
    return {
        "hidden_activation": activation,
        "out_activation": out,
        "hidden_dropout": dropout,
        "input_dropout": of_input,
    }


def of_any_version(resolved: dict[str, Any]) -> dict[str, Any]:
    """The resolved parameters of a file, with those that earlier versions did not have."""
    missing = NOT_IN_EARLIER_FILES | by_layer(resolved)
    return resolved | {name: v for name, v in missing.items() if name not in resolved}


def preset_of(estimator: Any) -> str:
    """What ``preset="auto"`` means for this class."""
    return estimator._auto_preset if is_auto(estimator.preset) else estimator.preset


def encodes(params: dict[str, Any]) -> bool:
    """Are the columns of X encoded, or taken as the numbers that they are?"""
    given = params["feature_encoding"]
    return params["preset"] != "plain" if is_auto(given) else given is not None


def whitens(params: dict[str, Any], *, incremental: bool) -> bool:
    """Does an encoded table get whitened columns, where they say something new?"""
    flat = flatten(params)
    share = flat["whitened"]
    if is_auto(share):
        return not incremental and not is_constrained(flat["monotonic_cst"])
    return share > 0


def is_constrained(monotonic_cst: Any) -> bool:
    """Is there a column with a monotone constraint?"""
    if monotonic_cst is None:
        return False
    return any(monotonic_cst.values() if isinstance(monotonic_cst, dict) else monotonic_cst)


def may_calibrate(params: dict[str, Any], preset: dict[str, Any]) -> bool:
    """May the preset calibrate?

    Not without held-out rows, nor the scores of a user's loss.  And not with a scorer: the score
    that training has ended by is that of the model.
    """
    stopping, loss, scoring = params["early_stopping"], params["loss"], params["scoring"]
    holds_out = preset["early_stopping"] if is_auto(stopping) else stopping
    has_scorer = not isinstance(scoring, str) or scoring not in ("auto", "loss")
    return bool(holds_out) and isinstance(loss, (str, LogLoss)) and not has_scorer


def may_fine_tune(params: dict[str, Any], preset: dict[str, Any]) -> bool:
    """May the preset train on with the held-out rows?

    Only where it may calibrate.  Not if `max_iter` is given, which is the largest number of
    epochs; nor with a splitter, which may leave out rows for good; nor with batch normalization,
    which may refuse the last batch of all rows.
    """
    is_share = isinstance(params["validation_fraction"], (str, Real))
    may = is_share and is_auto(params["max_iter"]) and params["normalization"] != "batch"
    return may and may_calibrate(params, preset)


def own_defaults(solver: Any, preset: dict[str, Any]) -> dict[str, Any]:
    """What an optimizer brings: the fields of an object, or the numbers of its paper.

    The names "sgd" and "adam" stand for the numbers of the preset.  The weight decay of the
    preset is for these two and for optimizers of users, if theirs is the default.
    """
    solver = preset["solver"] if is_auto(solver) else solver
    named = isinstance(solver, str)
    own = OPTIMIZERS.get(solver) if named else solver
    kind = own if named else type(solver)
    decay, default = getattr(own, "weight_decay", 0.0), getattr(kind, "weight_decay", 0.0)
    values: dict[str, Any] = {}
    if kind in WITH_PAPER or not named:
        found = {p: getattr(own, f, None) for f, p in OPTIMIZER_PARAMETERS.items()}
        values = {  # NAdam has a method `momentum`
            p: v for p, v in found.items() if v is not None and not callable(v)
        }
    if kind in WITH_PAPER or decay != default or "weight_decay" not in preset:
        values["weight_decay"] = float(decay)
    return values


def check_combination(resolved: dict[str, Any], n: int) -> None:
    """Refuse what cannot work together, with advice."""
    if resolved["solver"] == "lbfgs":
        unfit = [name for name in ONLY_STOCHASTIC if is_on(resolved[name])]
        unfit += ["normalization"] if resolved["normalization"] == "batch" else []
        if unfit:
            named = ", ".join(f"{name}={resolved[name]!r}" for name in unfit)
            raise ValueError(
                f"solver='lbfgs' needs a loss without random parts and steps, got {named}. "
                "Leave these out, or use solver='adamw'."
            )
    if resolved["probe"] and resolved["solver"] == "lbfgs":
        raise ValueError(
            "learning_rate_init='probe' needs a solver with a learning rate, got solver='lbfgs'. "
            "Leave learning_rate_init out, or use solver='adam'."
        )
    if resolved["refit"] == "fine_tune" and resolved["solver"] == "lbfgs":
        raise ValueError(
            "refit='fine_tune' needs a solver with a learning rate, got solver='lbfgs'. Use "
            "refit=True, or solver='adam'."
        )
    if resolved["normalization"] == "batch" and (
        resolved["averaging"] or resolved["solver"] == "schedule_free"
    ):
        raise ValueError(
            "normalization='batch' needs moments of the parameters that are returned, got "
            f"averaging={resolved['averaging']!r} and solver={resolved['solver']!r}, which average "
            "parameters but not moments. Use normalization='layer', or an optimizer with "
            "averaging=None (solver__averaging)."
        )
    size = resolved["batch_size"]
    if resolved["normalization"] == "batch" and n > 0 and (size == 1 or n % size == 1):
        raise ValueError(
            f"normalization='batch' needs batches of two rows and more, got {n} rows in batches "
            f"of {size}, the last one of a single row. Change batch_size, or use "
            "normalization='layer'."
        )


def warn_unused(
    params: dict[str, Any],
    resolved: dict[str, Any],
    of_preset: dict[str, Any],
    defaults: dict[str, Any],
) -> None:
    """One warning that names the parameters that were set and have no effect."""
    given, params, defaults = params, flatten(params), flatten(defaults)
    solver, rate = resolved["solver"], resolved["learning_rate"]
    idle = SOLVER_SPECIFIC - reads_of(solver) | idle_parts(resolved)
    if rate != "invscaling":
        idle |= {"power_t"}
    if solver == "adam" and rate in MLP_RATES:
        idle |= {"learning_rate", "power_t"}
    if solver == "sgd" and resolved["momentum"] == 0:
        idle |= {"nesterovs_momentum"}
    if resolved["early_stopping"] is False:
        idle |= {"validation_fraction", "scoring", "refit"}
        if solver == "lbfgs":
            idle |= {"n_iter_no_change"}
        if resolved["max_restarts"] > 0:
            idle |= {"max_restarts"}
    # A value that "auto" stands for, as in `resolved_params_`, needs no warning.
    unused = [
        name
        for name in defaults
        if name in idle
        and differs(params[name], defaults[name])
        and differs(params[name], of_preset.get(name, defaults[name]))
    ]
    if unused:
        named = ", ".join(f"{public_name(name, given)}={params[name]!r}" for name in unused)
        warn_user(
            f"These parameters have no effect with solver={solver!r}, learning_rate={rate!r} and "
            f"early_stopping={resolved['early_stopping']!r}: {named}. Remove them, or choose "
            "settings that use them.",
        )


def idle_parts(resolved: dict[str, Any]) -> set[str]:
    """Parameters of parts that the network does not have."""
    kind, idle = resolved["numeric_embedding"], set()
    if kind not in ("periodic", "both"):
        idle |= {"n_frequencies", "frequency_scale"}
    if kind not in ("piecewise", "both"):
        idle |= {"n_bins"}
    if resolved["n_members"] == 1:
        idle |= {"member_sharing"}
    if resolved["feature_encoding"] is None:
        idle |= {"categorical_features"}
    for name in ("dropout", "weight_decay", "label_smoothing"):
        if not is_on(resolved[name]) and resolved[f"{name}_schedule"] != "constant":
            idle |= {f"{name}_schedule"}
    if is_data(resolved["bias_init"]) and not is_data(resolved["weight_init"]):
        idle |= {"bias_init"}
    return idle


def reads_of(solver: Any) -> set[str]:
    """Which of the solver-specific parameters a solver looks at."""
    if not isinstance(solver, str):
        return STOCHASTIC
    if solver == "lbfgs":
        return {"max_fun"}
    return STOCHASTIC | set(optimizer_fields(solver).values())


def differs(value: Any, default: Any) -> bool:
    """Was a parameter set to something else than its default?"""
    if isinstance(value, str) or isinstance(default, str):
        return not (isinstance(value, str) and value == default)
    return value is not default and not np.array_equal(value, default)


def optimizer_fields(solver: str) -> dict[str, str]:
    """Which parameter of the estimator each field of an optimizer is set by."""
    known = {field.name for field in fields(OPTIMIZERS[solver])}
    return {field: name for field, name in OPTIMIZER_PARAMETERS.items() if field in known}


def solver_is_stochastic(estimator: Any) -> bool:
    """Can the estimator go on by one epoch?  For ``available_if``."""
    if estimator.solver == "lbfgs":
        raise AttributeError(
            "partial_fit is only available for stochastic optimizers. lbfgs is not stochastic. "
            "Use solver='adam' or 'sgd'."
        )
    return True
