"""From resolved parameters to layers, optimizer, schedule and callbacks.

`resolve` says what the parameters are; this file makes the parts of them.
"""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from math import floor
from typing import Any, TypeAlias

import numpy as np

from ..nn.activations import ACTIVATIONS, Activation
from ..nn.architectures import (
    Embedding,
    Extras,
    Initialization,
    mlp,
    ntk_lr_multipliers,
    table_input,
)
from ..nn.data_init import data_dependent_init
from ..nn.initializers import INITIALIZERS, Constant, FixedValues
from ..nn.layers import Activate, Sequential
from ..nn.layers.numerical import quantile_edges
from ..nn.losses import Loss
from ..nn.monotone import Limits, start_within
from ..nn.network import Network, fixed_arrays
from ..nn.parameters import Layout
from ..nn.reparametrize import leave_out_inputs
from ..optim import AVERAGES, OPTIMIZERS, Muon
from ..optim.averaging import Average, ExponentialAverage
from ..optim.base import Optimizer
from ..optim.schedules import SCHEDULES, InverseScaling, Schedule
from ..training.callbacks import (
    Callback,
    PeriodicProgress,
    Progress,
    ReduceOnPlateau,
    ReplayLearningRates,
    ReplayRestarts,
    RestoreBest,
    RestoreEpochs,
    RestoreFinite,
    StopOnPlateau,
    TimeBudget,
    WarmRestart,
    loss_fell,
    score_or_loss_improved,
    score_rose,
)
from ..training.run import Run
from ..warn import warn_user
from .monotone import monotone_activations
from .resolve import MLP_RATES, is_auto, is_data, optimizer_fields

# The time of both trainings over that of the first: the second one has more rows.
FITS_OF_REFIT = {False: 1.0, "fine_tune": 1.2, True: 2.2}
# Validation losses: of probabilities near 0.9995, and of R² near 0.9995.
NEGLIGIBLE = {"log_loss": 0.0005, "squared_error": 0.00025}
# Least relative fall of the validation loss for a restart. The squared errors of five tables that
# fell by 0.11 to 0.15 gained nothing; without noise they fell by 0.7.
GAINS = {"squared_error": 0.2}
GAIN = 0.1

Widths: TypeAlias = tuple[int, int, tuple[int, ...]]  # see `table_input`


def make_activations(given: Any, n_hidden: int) -> list[Activation]:
    """One activation, or one for each hidden layer."""
    items = list(given) if isinstance(given, (list, tuple)) else [given]
    if len(items) not in (1, n_hidden):
        raise ValueError(
            f"activation needs one entry, or one for each of the {n_hidden} hidden layers and "
            f"possibly one for the output, got {len(items)}: {given!r}. Make the list as long as "
            "hidden_layer_sizes, or longer by one."
        )
    if "softmax" in [item for item in items if isinstance(item, str)]:
        raise ValueError(
            f"activation needs 'softmax' to be an entry after those of the {n_hidden} hidden "
            f"layers, for the output, got {given!r}. Add an entry, or choose another activation."
        )
    # A parameter may be changed in place later; the fitted model does not change then.
    return [ACTIVATIONS[item] if isinstance(item, str) else copy(item) for item in items]


def widths_of(encoder: Any, x: Any, old: Any) -> Widths:
    """How many columns of which kind the rows have that go into the network.

    `old` is the fitted state that training goes on from, or None.
    """
    if encoder is not None:
        return encoder.n_numeric, encoder.n_other, encoder.cardinalities
    if old is not None:
        return old.widths  # dense rows may follow sparse ones
    # Those of sparse rows are not embedded.
    return (x.shape[1], 0, ()) if isinstance(x, np.ndarray) else (0, x.shape[1], ())


def make_layer(
    resolved: dict[str, Any], widths: Widths, loss: Loss, members: int | None
) -> Sequential:
    """The network from the input to the scores that the loss expects."""
    hidden = resolved["hidden_layer_sizes"]
    # Members that share their weights share their embeddings, too.
    apart = members if resolved["member_sharing"] == "independent" else None
    front, n_in = table_input(widths, make_embedding(resolved), apart)
    layer = mlp(
        n_in,
        hidden,
        resolved["n_out"],
        activations=monotone_activations(
            resolved, make_activations(resolved["hidden_activation"], len(hidden))
        ),
        initialization=Initialization(
            make_init("weight_init", resolved["weight_init"], len(hidden) + 1),
            make_init("weight_init__biases", resolved["bias_init"], len(hidden) + 1),
        ),
        extras=make_extras(resolved, members),
    )
    layers = layer.layers if front is None else (front, *layer.layers)
    out, link = resolved["out_activation"], loss.link
    if is_auto(out) or out == link:
        return Sequential(layers)
    if link != "identity" or out == "softmax":
        raise ValueError(
            f"activation={resolved['activation']!r} ends with that of the output, {out!r}, which "
            f"needs a loss on plain outputs, such as 'squared_error', got {type(loss).__name__}, "
            f"which goes with {link!r}. Leave the last entry out, or choose another loss."
        )
    activation = ACTIVATIONS[out] if isinstance(out, str) else out
    return Sequential((*layers, Activate(activation)))


def make_embedding(resolved: dict[str, Any]) -> Embedding:
    """How numbers and categories become inputs."""
    kind = resolved["numeric_embedding"]
    return Embedding(
        resolved["n_frequencies"] if kind in ("periodic", "both") else 0,
        resolved["frequency_scale"],
        resolved["n_bins"] if kind in ("piecewise", "both") else 0,
        resolved["embedding_dim"],
    )


def make_extras(resolved: dict[str, Any], members: int | None) -> Extras:
    """Biases, dropout, normalization and residual connections."""
    return Extras(
        resolved["fit_intercept"],
        make_dropout(resolved),
        resolved["normalization"],
        resolved["residual"],
        resolved["input_dropout"],
        resolved["feature_scale"],
        members,
        resolved["member_sharing"],
    )


def make_dropout(resolved: dict[str, Any]) -> float | tuple[float, ...]:
    """One rate for all hidden layers, or one for each."""
    rates, n_hidden = resolved["hidden_dropout"], len(resolved["hidden_layer_sizes"])
    if not isinstance(rates, (list, tuple)):
        return float(rates)
    if len(rates) != n_hidden:
        raise ValueError(
            f"dropout needs one rate, or one for each of the {n_hidden} hidden layers and "
            f"possibly one for the input before them, got {len(rates)}: {rates!r}. Make the list "
            "as long as hidden_layer_sizes, or longer by one."
        )
    return tuple(float(rate) for rate in rates)


def drops(resolved: dict[str, Any]) -> bool:
    """Is anything dropped in training?"""
    return bool(np.any(make_dropout(resolved)) or resolved["input_dropout"])


def has_front(fitted: Any) -> bool:
    """Does the network begin with embeddings?"""
    return table_input(fitted.widths, make_embedding(fitted.resolved), None)[0] is not None


def dense_if_embedded(fitted: Any, x: Any) -> Any:
    """Sparse rows as an array, if the network embeds each of its inputs."""
    return x if isinstance(x, np.ndarray) or not has_front(fitted) else x.toarray()


def n_members(resolved: dict[str, Any]) -> int | None:
    """Length of the axis of members; None if there is no such axis."""
    return resolved["n_members"] if resolved["n_members"] > 1 else None


def initialize(
    network: Network,
    x: Any,
    resolved: dict[str, Any],
    rng: Any,
    whitened: slice,
    limits: Limits | None = None,
) -> None:
    """Fill the arrays of a new network: by its initializers, and then from the data.

    `whitened` are the places of the inputs that only some of the members get.
    """
    network.initialize(rng)
    k = n_members(resolved)
    if k is not None and resolved["whitened"] < 1:
        leave_out_inputs(network, whitened, slice(floor(k * resolved["whitened"]), k))
    if limits is not None:
        start_within(network.theta, limits)
    edges = [view for name, view in fixed_arrays(network) if name == "edges"]
    for view in edges:
        view[...] = quantile_edges(x[:, : view.shape[0]], view.shape[1] - 1)
    if is_data(resolved["weight_init"]) and x.shape[0] > 0:
        data_rng = np.random.default_rng(rng.randint(2**31))
        with_bias = is_data(resolved["bias_init"]) and resolved["fit_intercept"]
        data_dependent_init(network, x, data_rng, bias="he5" if with_bias else None)


def make_lr_multipliers(resolved: dict[str, Any], network: Network) -> np.ndarray | None:
    """A factor on the learning rate for each parameter, or None."""
    if resolved["lr_multipliers"] is None:
        return None
    if resolved["lr_multipliers"] == "ntk":
        return ntk_lr_multipliers(network.layout, network.dtype, resolved["learning_rate_init"])
    multipliers = np.ones(network.layout.size, network.dtype)
    places = {name: where for name, where, _ in network.layout.names()}
    for part, factor in resolved["lr_multipliers"].items():
        named = [where for name, where in places.items() if f".{part}." in f".{name}."]
        if not named:
            raise ValueError(
                f"solver__lr_multipliers needs names of arrays or parts of them between dots, got "
                f"{part!r}. The arrays are {', '.join(places)}."
            )
        for where in named:
            multipliers[where] = factor
    return multipliers


def make_init(name: str, given: Any, n_layers: int) -> Any:
    """An initializer, one for each layer, or ``"mlp"``."""
    if isinstance(given, str):
        return "mlp" if given in ("mlp", "data") else INITIALIZERS[given]
    if isinstance(given, (list, tuple)):
        if len(given) != n_layers:
            raise ValueError(
                f"{name} needs one entry for each of the {n_layers} layers, got {len(given)}. "
                "Give one array for each, the output layer included."
            )
        return [item if callable(item) else FixedValues(item) for item in given]
    return given if callable(given) else Constant(given)


def make_optimizer(resolved: dict[str, Any], layout: Layout) -> Optimizer | None:
    """The optimizer; None stands for L-BFGS."""
    solver = resolved["solver"]
    if not isinstance(solver, str):
        without = isinstance(solver, Muon) and not solver.shapes
        return replace(solver, shapes=hidden_matrices(layout)) if without else solver
    if solver == "lbfgs":
        return None
    chosen = {field: resolved[name] for field, name in optimizer_fields(solver).items()}
    if solver == "muon":
        chosen["shapes"] = hidden_matrices(layout)
    return OPTIMIZERS[solver](**chosen)


def hidden_matrices(layout: Layout) -> tuple[tuple[int, int, int, int], ...]:
    """Where the matrices between hidden layers are: what Muon makes orthogonal."""
    weights = [(where, param.shape) for _, where, param in layout.names() if param.role == "weight"]
    matrices = []
    for where, (*_, rows, columns) in weights[1:-1]:
        size = rows * columns  # members have a matrix each, one after the other
        starts = range(where.start, where.stop, size)
        matrices += [(start, start + size, rows, columns) for start in starts]
    return tuple(matrices)


def make_schedule(resolved: dict[str, Any]) -> Schedule:
    """The factor on the learning rate; ``'adaptive'`` is a callback."""
    rate = resolved["learning_rate"]
    if not isinstance(rate, str):
        return rate
    if rate == "invscaling" and resolved["solver"] != "adam":
        return InverseScaling(resolved["power_t"])
    if rate in MLP_RATES:
        return SCHEDULES["constant"]()
    return SCHEDULES[rate]()


def make_scheduled(resolved: dict[str, Any]) -> dict[str, Schedule]:
    """The schedules of dropout, weight decay and label smoothing that are not constant."""
    scheduled = {}
    for name in ("dropout", "weight_decay", "label_smoothing"):
        schedule = resolved[f"{name}_schedule"]
        if resolved[name] and schedule != "constant":
            scheduled[name] = SCHEDULES[schedule]() if isinstance(schedule, str) else schedule
    return scheduled


def make_average(resolved: dict[str, Any]) -> tuple[Average | None, float]:
    """The average of the parameters, and the part of training after which it begins."""
    kind = resolved["averaging"]
    if kind is None:
        return None, 0.0
    average = AVERAGES[kind]()
    if isinstance(average, ExponentialAverage):
        average.decay **= resolved["average_share"]
    return average, 0.75 if kind == "swa" else 0.0


def batch_size(resolved: dict[str, Any], n: int, *, chosen: bool) -> int:
    """Rows in a batch: as asked for, but not more than there are."""
    size = resolved["batch_size"]
    if is_auto(size):
        return min(200, n)
    if chosen and size > n and resolved["solver"] != "lbfgs":
        warn_user(
            f"batch_size={size} is larger than the {n} rows to learn from: every batch has all "
            f"{n}. Set batch_size to at most {n}, or to 'auto'.",
        )
    return min(size, n)


def warn_accumulation(resolved: dict[str, Any], n: int) -> None:
    """Say so if no step will have as many batches as asked for."""
    count, n_batches = resolved["gradient_accumulation_steps"], -(-n // resolved["batch_size"])
    if count > n_batches and resolved["solver"] != "lbfgs":
        warn_user(
            f"solver__gradient_accumulation_steps={count} is more than the {n_batches} batches "
            f"of an epoch, which ends with a step. Set it to at most {n_batches}, or batch_size "
            "lower.",
        )


def make_callbacks(
    resolved: dict[str, Any],
    restore_best: RestoreBest | None,
    restore_finite: RestoreFinite,
    extra: list[Callback],
    *,
    incremental: bool,
    n_turns: int = 1,
) -> list[Callback]:
    """What happens at the end of each epoch, in this order.

    `n_turns` runs, one after the other, share the time.
    """
    callbacks: list[Callback] = [] if restore_best is None else [restore_best]
    if resolved["time_budget"] is not None and not incremental:
        # Before the others, which look at whether an epoch is the last.
        n_fits = FITS_OF_REFIT[resolved["refit"]]
        callbacks.insert(0, TimeBudget(resolved["time_budget"] / (n_turns * n_fits)))
    monitor = loss_fell if restore_best is None else score_or_loss_improved
    if restore_best is not None and resolved["scoring"] in ("r2", "loss"):
        monitor = score_rose  # these two cannot tie while the loss falls
    patience = monitor, resolved["tol"], resolved["n_iter_no_change"]
    stochastic = resolved["solver"] != "lbfgs"
    if reduces_on_plateau(resolved):
        callbacks.append(ReduceOnPlateau(*patience))
    elif not incremental and (stochastic or restore_best is not None) and patience[2] < np.inf:
        callbacks.append(StopOnPlateau(*patience))
    if restore_best is not None and restarts(resolved) and not incremental:
        gain, least = GAINS.get(str(resolved.get("loss")), GAIN), negligible_loss(resolved)
        callbacks.append(WarmRestart(gain, max_restarts=resolved["max_restarts"], least=least))
    return [*callbacks, restore_finite, *extra]


def make_progress(resolved: dict[str, Any], prefix: str = "") -> list[Callback]:
    """What prints, if anything: scikit-learn's lines, a line for each period, or a bar."""
    verbose, scoring = resolved["verbose"], resolved["scoring"]
    if not verbose:
        return []
    if isinstance(verbose, str):
        from .progress_bar import make_bar

        bar = make_bar(prefix)
        if bar is not None:
            return [bar]
    elif resolved["preset"] == "plain":
        return [Progress()]
    period = None if isinstance(verbose, (str, bool, np.bool_)) else int(verbose)
    name = "loss" if scoring == "loss" else "validation score"
    if isinstance(scoring, str) and scoring != "loss":
        name = f"validation {scoring}"
    return [PeriodicProgress(period, name, prefix)]


def restarts(resolved: dict[str, Any]) -> bool:
    """May the schedule restart?"""
    return bool(resolved["early_stopping"]) and resolved["max_restarts"] > 0


def reduces_on_plateau(resolved: dict[str, Any]) -> bool:
    """Is the learning rate divided by 5 at a plateau?  As in scikit-learn, not that of "adam"."""
    return resolved["learning_rate"] == "adaptive" and resolved["solver"] not in ("adam", "lbfgs")


def negligible_loss(resolved: dict[str, Any]) -> float:
    """A validation loss that is too small to be worth more epochs; 0 if its unit is unknown."""
    loss = resolved.get("loss")
    if not isinstance(loss, str) or (
        loss == "squared_error" and not resolved["standardize_target"]
    ):
        return 0.0
    return NEGLIGIBLE.get(loss, 0.0)


def make_callbacks_of_refit(
    resolved: dict[str, Any], restore_finite: RestoreFinite, first: Run, ends: list[int]
) -> list[Callback]:
    """For a second training like `first`, whose schedules have these ends."""
    chosen = first.best_epochs or [first.best_epoch]
    callbacks: list[Callback] = [RestoreEpochs(chosen), ReplayRestarts(ends), restore_finite]
    if reduces_on_plateau(resolved):
        rate = resolved["learning_rate_init"]
        callbacks.append(ReplayLearningRates([lr / rate for lr in first.history["learning_rate"]]))
    if resolved["preset"] != "plain":  # scikit-learn has no second training
        callbacks += make_progress(resolved, "on all rows, ")
    return callbacks
