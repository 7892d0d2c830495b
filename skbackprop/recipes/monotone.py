"""Monotone constraints: from `monotonic_cst` to the limits of the weights.

A constraint is one of a column in its own unit, on predictions in theirs.  The encoder may turn a
column, and the codec may turn the target, so that the signs of the weights are known only when
both are there.  Everything else on the way keeps the order: scaling, clipping, bins, averages of
parameters and of members, links, and a temperature.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..nn.activations import Activation
from ..nn.losses import LOSSES, Loss
from ..nn.losses.classification import BinaryLogLoss
from ..nn.monotone import Limits, MonotoneUnits, weight_limits
from ..nn.network import Network
from ..optim.base import Optimizer
from ..tables.growth import statistics
from ..targets import LabelCodec
from .resolve import changed
from .settings import public_name

KNOWN_LOSSES = {type(loss) for loss in LOSSES.values()}
NOT_MONOTONE = ("gelu", "gelu_tanh", "mish", "silu")
NAME = public_name("monotonic_cst", {})


def settle(
    resolved: dict[str, Any],
    encoder: Any,
    codec: Any,
    loss: Loss,
    old: dict[str, Any] | None = None,
) -> None:
    """Make ``resolved["monotonic_cst"]`` a list with an entry for each column, or None.

    What cannot be guaranteed is refused, and so are other constraints than those of `old`, the
    parameters of the call before.
    """
    if resolved["monotonic_cst"] is not None:
        found = directions(resolved["monotonic_cst"], encoder)
        resolved["monotonic_cst"] = found if any(found) else None
    now = resolved["monotonic_cst"]
    if old is not None and now != old["monotonic_cst"]:
        raise changed(NAME, now, old["monotonic_cst"])
    if now is not None:
        check_columns(now, encoder)
        check_target(codec, loss)
        check_parts(resolved, loss)


def directions(monotonic_cst: Any, encoder: Any) -> list[int]:
    """-1, 0 or 1 for each column of X.

    Parameters
    ----------
    monotonic_cst : array-like or dict
        With values that are allowed.
    encoder : ColumnEncoder
        Fitted to the training rows.
    """
    n, names = encoder.n_features, encoder.names
    if not isinstance(monotonic_cst, dict):
        if len(monotonic_cst) != n:
            raise ValueError(
                f"{NAME} needs one entry for each of the {n} columns of X, got "
                f"{len(monotonic_cst)}. Use 0 for a column without constraint."
            )
        return [int(value) for value in monotonic_cst]
    if names is None:
        raise ValueError(
            f"{NAME} as a dict needs columns with names, got X without. Pass a DataFrame, or an "
            f"array-like with one entry for each of the {n} columns."
        )
    unknown = [name for name in monotonic_cst if name not in names]
    if unknown:
        raise ValueError(
            f"{NAME} needs names of columns of X, got {', '.join(map(repr, unknown))}. The "
            f"columns are {', '.join(map(repr, names))}."
        )
    return [int(monotonic_cst.get(name, 0)) for name in names]


def check_columns(directions: list[int], encoder: Any) -> None:
    """Refuse constraints of columns that have no order."""
    for (name, kind, _), direction in zip(encoder.describe(), directions, strict=True):
        if direction and kind not in ("numeric", "constant"):
            advice = "Pass a dense table" if kind == "sparse" else "Make numbers of it"
            raise ValueError(
                f"{NAME} needs columns of numbers, got {direction} for column {name!r}, which "
                f"is {kind}. {advice}, or remove its constraint."
            )


def check_parts(resolved: dict[str, Any], loss: Loss) -> None:
    """Refuse parts with which a network is not monotone whatever the signs of its weights."""
    last, solver = resolved["out_activation"], resolved["solver"]
    chooses = getattr(type(solver), "eval_params", Optimizer.eval_params)
    problems = {
        "solver": solver in ("lbfgs", "schedule_free")
        if isinstance(solver, str)
        else chooses is not Optimizer.eval_params,
        "normalization": resolved["normalization"] is not None,
        "residual": resolved["residual"],
        "member_sharing": resolved["n_members"] > 1 and resolved["member_sharing"] != "independent",
        "activation": not isinstance(last, str) or last in NOT_MONOTONE,
        "value_effects": resolved["value_effects"],
        "whitened": resolved["whitened"] > 0,
        "solve_output": resolved["solve_output"],
    }
    found = [
        f"{public_name(name, {})}={resolved[name]!r}"
        for name, is_problem in problems.items()
        if is_problem
    ]
    if found:
        raise ValueError(
            f"{NAME} needs a network whose order of predictions follows from the signs of its "
            f"weights, got {', '.join(found)}. Leave {'it' if len(found) == 1 else 'them'} at the "
            "default."
        )
    plain = type(loss).predict is Loss.predict and type(loss).combine is Loss.combine
    if type(loss) not in KNOWN_LOSSES and not plain:
        raise ValueError(
            f"{NAME} needs predictions that rise with the scores, got the loss "
            f"{type(loss).__name__}, of which this is not known. Use a loss of skbackprop, or a "
            "subclass of Loss without its own predict and combine."
        )


def check_target(codec: Any, loss: Loss) -> None:
    """Refuse targets that have no order: several classes, and several columns of labels."""
    if codec.n_classes and not (type(loss) is BinaryLogLoss and codec.n_classes == 2):
        single = isinstance(codec, LabelCodec)
        got = f"{codec.n_classes} classes" if single else "several columns of labels"
        raise ValueError(
            f"{NAME} needs two classes, whose probabilities have one order, got {got} and the "
            f"loss {type(loss).__name__}. Remove the constraints, or learn one class against the "
            "others."
        )


def monotone_activations(
    resolved: dict[str, Any], activations: list[Activation]
) -> list[Activation]:
    """The activations of the hidden layers; with constraints those of `MonotoneUnits`.

    Half of the units are free.  Measured on ten tables, a quarter and three quarters give the same
    errors to 1 %.
    """
    given, sizes = resolved["monotonic_cst"], resolved["hidden_layer_sizes"]
    if given is None or not sizes:
        return activations
    each = activations * len(sizes) if len(activations) == 1 else activations
    free = [0 if all(given) else size // 2 for size in sizes]  # none without a free column
    return [
        MonotoneUnits(activation, n, size - n)
        for activation, n, size in zip(each, free, sizes, strict=True)
    ]


def make_limits(
    resolved: dict[str, Any], network: Network, encoder: Any, codec: Any
) -> Limits | None:
    """The limits of the parameters within which the network is monotone; None for no limits."""
    if resolved["monotonic_cst"] is None:
        return None
    inputs = np.zeros(encoder.n_numeric + encoder.n_other)
    for place, (i, (_, scale)) in enumerate(statistics(encoder).items()):
        inputs[place] = resolved["monotonic_cst"][i] * np.sign(scale)
    outputs = np.sign(getattr(codec, "scale", np.ones(1)))  # of a classifier none is turned
    return weight_limits(network, inputs, np.repeat(outputs, resolved["n_out"] // len(outputs)))
