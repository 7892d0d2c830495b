"""Training on the rows of later calls: the encoder, the target scale and the network adapt.

`follow_rows` makes the encoder for the rows so far and those of a call; the codec of y does the
same in `targets.running`.  `continued` corrects a copy of the run, so that the network with the
new encoder and codec is the function that it was with the old ones: exactly, where no number is
clipped.  The estimator gets the copies when training has succeeded.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np

from ..nn.layers import Layer
from ..nn.layers.numerical import quantile_edges
from ..nn.network import Network, fixed_arrays
from ..nn.reparametrize import Places, grown, rescale_inputs, rescale_outputs
from ..optim.base import Optimizer, OptimizerState
from ..recipes.build import make_layer, n_members
from ..tables.encoder import ColumnEncoder
from ..tables.growth import follow, slots, statistics
from ..targets.running import score_change
from ..training.parallel_members import load_members, merge_members
from ..training.run import Run
from ..warn import warn_user
from .fitted import Fitted, same_arrays
from .inputs import FitInputs

Change: TypeAlias = Callable[[Any, Any], None]

FARTHEST = 1.5  # spreads that an input is shifted by with its function; see `input_change`
DECAYS = {"grad_sum": "beta_1", "square_sum": "beta_2"}  # of slots that are sums
PARAMETER_SLOTS = ("x", "z")  # of an optimizer: parameters, not moments of gradients


def follow_rows(encoder: ColumnEncoder, inputs: FitInputs) -> ColumnEncoder:
    """The encoder for the rows so far and those of a call, with a warning of what has no room."""
    followed, notes = follow(
        encoder, inputs.columns, inputs.sample_weight, alone=not inputs.incremental
    )
    if notes:
        warn_user("\n".join(notes))
    return followed


def continued(old: Fitted, x: Any, rng: Any, **changes: Any) -> Fitted:
    """A copy of a fitted state with another codec, encoder and so on, to be trained further.

    Parameters
    ----------
    old : Fitted
    x : ndarray or CSR
        The encoded rows of the call.
    rng : RandomState
        In the place of the generator of `old`, if its pickle or its file had none.
    **changes
        Fields of `Fitted`, besides those that belong to the training.
    """
    new = replace(old, **changes, held_out=None, temperature=1.0)
    new.run = _continued_run(old, new, x, rng)
    new.network = new.run.network
    return new


def _continued_run(old: Fitted, new: Fitted, x: Any, rng: Any) -> Run:
    """A copy of the run of `old`, with a network for the encoder, codec and widths of `new`."""
    run = _with_new_layers(old, new)
    run.rng = run.rng or rng
    changes, inputs = _changes(old, new), _new_inputs(old, new)
    if not changes and inputs is None:
        return run
    sizes = old.stack_sizes if run.stacks else []
    of_parts: Sequence[int | None] = sizes or [n_members(new.resolved)]
    parts = [part.continued(part.network) for part in run.stacks] or [run]
    if run.stacks:
        load_members(run, parts, sizes)  # the user may have assigned weights
    for part, size in zip(parts, of_parts, strict=True):
        for change in changes:
            _change_units(part, change)
        if inputs is not None:
            _grow(part, new.layer_of(size), inputs, x)
    if run.stacks:
        layer = new.layer_of(new.resolved["n_members"])
        run.network = Network(layer, run.network.dtype)
        merge_members(run, parts, sizes)
        run.stacks = parts
    return run


def _with_new_layers(old: Fitted, new: Fitted) -> Run:
    """A copy of the run, on the layers of parameters that were set since."""

    def with_layer(network: Network, size: int | None) -> Network:
        layer = make_layer(new.resolved, old.widths, new.loss, size)
        return network if layer == network.layer else same_arrays(network, layer, new.resolved)

    network = with_layer(old.network, n_members(new.resolved))
    run = old.run.continued(network)
    if network is not old.network and run.stacks:
        pairs = zip(run.stacks, old.stack_sizes, strict=True)
        run.stacks = [replace(r, network=with_layer(r.network, size)) for r, size in pairs]
    return run


def _new_inputs(old: Fitted, new: Fitted) -> Places | None:
    """Where the inputs of the new network were in the old one; None if they are the same."""
    if old.encoder is None or new.encoder is None:
        return None
    same = old.widths == new.widths and slots(old.encoder) == slots(new.encoder)
    return None if same else places_of_inputs(old.encoder, new.encoder)


def _changes(old: Fitted, new: Fitted) -> list[Change]:
    """What changes the arrays of a network, as functions of its layers and its arrays."""
    changes: list[Change] = []
    if old.encoder is not None and new.encoder is not None:
        a, b = input_change(old.encoder, new.encoder)
        if (a != 1).any() or (b != 0).any():
            changes.append(lambda layer, p: rescale_inputs(layer, p, a, b))
    if old.codec is not new.codec and hasattr(new.codec, "scale"):
        c, d = score_change(old.codec, new.codec, new.loss.link == "exp")
        if (c != 1).any() or (d != 0).any():
            each = new.resolved["n_out"] // len(c)  # scores of a column of y
            c, d = c.repeat(each), d.repeat(each)
            changes.append(lambda layer, p: rescale_outputs(layer, p, c, d))
    return changes


def input_change(old: ColumnEncoder, new: ColumnEncoder) -> tuple[np.ndarray, np.ndarray]:
    """For each number that `old` encodes the change of its unit: ``x_old = a x_new + b``.

    A shift of more than `FARTHEST` spreads is limited: what was learned so far away says little
    about the new rows, and neurons that are moved so far hardly learn any more.
    """
    before, after = statistics(old), statistics(new)
    pairs = np.reshape([(before[i], after[i]) for i in before], (-1, 2, 2))
    (center, scale), (new_center, new_scale) = pairs[:, 0].T, pairs[:, 1].T
    shift = (new_center - center) * scale
    return scale / new_scale, np.clip(shift, -FARTHEST, FARTHEST)


def _change_units(run: Run, change: Change) -> None:
    network, state = run.network, run.optimizer_state
    if run.average is not None:
        run.average.t = 0  # the data changes: parameters of long ago count less from now on
    change(network.layer, network.p)
    vectors = [run.training_theta, None if run.average is None else run.average.value]
    if state is not None:
        names = run.optimizer.slots if run.optimizer is not None else ()
        pairs = zip(names, state.slots, strict=False)
        vectors += [slot for name, slot in pairs if name in PARAMETER_SLOTS]
    for vector in vectors:
        if vector is not None:
            change(network.layer, network.layout.bind(vector, network.fixed.copy()))


def _grow(run: Run, layer: Layer, inputs: Places, x: Any) -> None:
    """Give the network of a run more inputs."""
    rng = np.random.RandomState(deepcopy(run.rng).randint(2**31))
    network, places = grown(run.network, layer, inputs, rng)
    added = np.flatnonzero(inputs["number"] < 0)
    for name, view in fixed_arrays(network):
        if name == "edges":
            view[added] = quantile_edges(x[:, added], view.shape[1] - 1)
    known = places >= 0

    def moved(vector: np.ndarray, start: Any) -> np.ndarray:
        return np.where(known, vector[places], start).astype(vector.dtype)

    if run.training_theta is not None:
        run.training_theta = moved(run.training_theta, network.theta)
    if run.average is not None and run.average.value is not None:
        run.average.value = moved(run.average.value, network.theta)
    state = run.optimizer_state
    if state is not None:
        names = getattr(run.optimizer, "slots", ())
        starts = [network.theta if name in PARAMETER_SLOTS else 0.0 for name in names]
        slots_ = [moved(slot, start) for slot, start in zip(state.slots, starts, strict=True)]
        state.slots = np.reshape(slots_, (len(slots_), -1)).astype(state.slots.dtype)
    run.network = network


def match_moments(state: OptimizerState, before: Optimizer, now: Optimizer) -> None:
    """Keep the means of an optimizer if their decay is another one from now on.

    The sums that an optimizer keeps are those means times ``(1 - βᵗ) / (1 - β)``.
    """
    for i, name in enumerate(before.slots):
        decay = DECAYS.get(name, "")
        old, new = getattr(before, decay, None), getattr(now, decay, None)
        if old is not None and new is not None and old != new and state.t > 0:
            t = state.t
            factor = (1 - old) / (1 - old**t) * (1 - new**t) / (1 - new)
            largest = np.finfo(state.slots.dtype).max / max(factor, 1.0)
            state.slots[i] = factor * np.clip(state.slots[i], -largest, largest)


def places_of_inputs(old: ColumnEncoder, new: ColumnEncoder) -> Places:
    """Where the encoded columns of an encoder, and the rows of its tables, were in an old one."""
    before, after = slots(old), slots(new)
    position = {name: i for i, name in enumerate(before)}
    index = np.array([position.get(name, -1) for name in after])
    n_number, n_plain = new.n_numeric, new.n_numeric + new.n_other
    codes = index[n_plain:]
    codes = np.where(codes >= 0, codes - (old.n_numeric + old.n_other), -1)
    starts = np.cumsum([0, *old.cardinalities])
    rows = []
    for code, n in zip(codes.tolist(), new.cardinalities, strict=True):
        if code < 0:
            rows.append(np.full(n, -1))
        else:  # a new level has the vector of code 0
            row = np.arange(n)
            rows.append(starts[code] + np.where(row < old.cardinalities[code], row, 0))
    return {
        "number": index[:n_number],
        "plain": index[:n_plain],
        "code": codes,
        "table": np.concatenate([*rows, np.empty(0, int)]).astype(int),
    }
