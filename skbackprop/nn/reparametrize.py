r"""Networks whose inputs or outputs change their units, or that get more inputs.

The function of a network stays what it was:

- With :math:`x = a x' + b` for some inputs, the rows of the first weights are multiplied by `a`,
  and the first biases get what `b` adds.  Frequencies, phases and edges of embeddings change in
  the same way.
- With :math:`s' = a s + b` for the scores, the last weights and biases change.
- A new input gets weights of 0, or those of another input.

And members that have their own factors for the inputs can do without some of them.

>>> import numpy as np
>>> from skbackprop.nn.layers import Dense, Sequential
>>> from skbackprop.nn.network import Network
>>> network = Network(Sequential((Dense(2, 3), Dense(3, 1))))
>>> network.initialize(np.random.default_rng(0))
>>> before = network.scores(np.array([[5.0, 1.0]]))
>>> rescale_inputs(network.layer, network.p, np.array([2.0]), np.array([1.0]))
>>> bool(np.allclose(network.scores(np.array([[2.0, 1.0]])), before))
True
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

from .layers import (
    BatchEnsembleDense,
    Dense,
    Layer,
    MemberDense,
    Scale,
    ScaledDense,
    Sequential,
    TableInput,
)
from .network import Network
from .parameters import Path

DENSE = Dense, MemberDense, ScaledDense, BatchEnsembleDense
LARGEST_SLOPE = 3.0  # an input's weights change by at most this factor
LARGEST_FREQUENCY = 1.0  # periods of a cosine in one spread of its input

Places: TypeAlias = dict[str, np.ndarray]


# ---- units ----------------------------------------------------------------------------------


def rescale_inputs(layer: Layer, p: Any, a: np.ndarray, b: np.ndarray) -> None:
    """Change the parameters `p` so that inputs ``(x - b) / a`` give the scores of ``x``.

    Parameters
    ----------
    layer : Sequential
        The layers of the network.
    p : Views
        Their arrays, changed in place.
    a, b : ndarray of shape (n,)
        Factors, greater than 0, and shifts of the first n inputs.

    Notes
    -----
    It is exact where `a` is from 1 / `LARGEST_SLOPE` to `LARGEST_SLOPE`.  Beyond, the scores stay
    equal at ``x = b`` only: a network that was trained on a narrow range would otherwise be very
    steep on a wide one.  For the same reason no frequency gets larger than `LARGEST_FREQUENCY`.
    """
    n, slope = len(a), np.clip(a, 1 / LARGEST_SLOPE, LARGEST_SLOPE)
    factors: Any = None
    for name, part in _named(layer):
        arrays = getattr(p, name)
        if isinstance(part, TableInput):
            _rescale_embeddings(part, arrays, slope, b)
        elif isinstance(part, Scale):
            factors = arrays.scale[..., :n]
        elif isinstance(part, DENSE):
            _rescale_dense(part, arrays, slope, b, factors)
            return


def _rescale_embeddings(layer: TableInput, p: Any, a: np.ndarray, b: np.ndarray) -> None:
    if layer.periodic:
        w = p.periodic.frequency
        p.periodic.phase += (2 * np.pi * b[:, None]).astype(w.dtype) * w
        limit = np.maximum(np.abs(w), LARGEST_FREQUENCY)
        w[...] = np.clip(w * a[:, None], -limit, limit)
    if layer.piecewise_linear:
        edges = p.piecewise_linear.edges
        edges[...] = (edges - b[:, None]) / a[:, None]


def _rescale_dense(layer: Layer, p: Any, a: np.ndarray, b: np.ndarray, factors: Any) -> None:
    W = p.W[..., : len(a), :]
    if isinstance(layer, ScaledDense):
        factors = p.scale[:, : len(a)]
    elif isinstance(layer, BatchEnsembleDense):
        factors = p.r[:, : len(a)]
    if hasattr(p, "b"):
        shift = b if factors is None else factors * b
        added = np.einsum("...i,...io->...o", shift, W)
        if isinstance(layer, BatchEnsembleDense):
            added = added * p.s
        # Members that share a bias get the mean of what each of them needs.
        p.b += added.mean(axis=0) if added.ndim > p.b.ndim else added
    W *= a[:, None].astype(W.dtype)


def rescale_outputs(layer: Layer, p: Any, a: np.ndarray, b: np.ndarray) -> None:
    """Change the parameters `p` so that the scores ``s`` become ``a s + b``, column by column."""
    name = [name for name, part in _named(layer) if isinstance(part, DENSE)][-1]
    arrays = getattr(p, name)
    arrays.W *= a.astype(arrays.W.dtype)
    if hasattr(arrays, "b"):
        arrays.b *= a.astype(arrays.b.dtype)
        arrays.b += b.astype(arrays.b.dtype)


def leave_out_inputs(network: Network, inputs: slice, members: slice) -> None:
    """Remove some inputs of the first dense layer for some members, permanently.

    Where both the factor of an input and its weights are 0, both of their gradients are 0: an
    optimizer that starts there stays there.  Networks without such factors are not changed.

    Parameters
    ----------
    network : Network
        Initialized, and not yet trained; changed in place.
    inputs, members : slice
        Of the layer `ScaledDense`.
    """
    for name, part in _named(network.layer):
        if isinstance(part, ScaledDense):
            arrays = getattr(network.p, name)
            arrays.scale[members, inputs] = 0
            arrays.W[members, inputs] = 0


def ends_with_scores(layer: Layer) -> bool:
    """Tell whether the scores are those of the last dense layer, which `rescale_outputs` needs."""
    return isinstance(_named(layer)[-1][1], DENSE)


def _named(layer: Layer) -> tuple[tuple[str, Layer], ...]:
    assert isinstance(layer, Sequential)
    return layer.named


# ---- more inputs ----------------------------------------------------------------------------


def grown(network: Network, layer: Layer, inputs: Places, rng: Any) -> tuple[Network, np.ndarray]:
    """A network of more inputs with the function of `network`.

    Parameters
    ----------
    network : Network
    layer : Sequential
        The layers of the new network, which differ in the number of inputs only.
    inputs : dict
        For each new "number", each new "plain" column, each new "code" column and each row of
        the "table" of the categories the position of the old one, or -1 for what is new.
    rng : RandomState or Generator
        Draws the new frequencies, phases and vectors.

    Returns
    -------
    network : Network
    places : ndarray of int, shape (new.layout.size,)
        For each parameter the position of the old one, or -1.
    """
    new = Network(layer, network.dtype)
    new.initialize(rng)
    places = np.full(new.layout.size, -1)
    for vector, old_vector, old_at, new_at, kept in (
        (new.theta, network.theta, network.layout.trained, new.layout.trained, places),
        (new.fixed, network.fixed, network.layout.fixed, new.layout.fixed, None),
    ):
        sources = _places(network.layer, layer, old_at, new_at, inputs, new.layout.size)
        for where, index, is_weight in sources:
            values = np.where(index >= 0, old_vector[index], 0 if is_weight else vector[where])
            vector[where] = values
            if kept is not None:
                kept[where] = index
    return new, places


def _places(
    old: Layer, new: Layer, old_at: Any, new_at: Any, inputs: Places, size: int
) -> list[tuple[slice, np.ndarray, bool]]:
    """For each new array its place, where its numbers were, and whether it has weights."""
    shift = _has_front(new) - _has_front(old)
    columns, found = _columns(old, new, inputs), []
    first = next(i for i, (_, part) in enumerate(_named(new)) if isinstance(part, DENSE))
    for path, (where, _) in new_at.items():
        number = int(path[0].rpartition("_")[2])
        source: Path = (f"{path[0].rpartition('_')[0]}_{number - shift}", *path[1:])
        if source not in old_at:
            continue  # a new embedding
        old_where, old_param = old_at[source]
        index = np.arange(old_where.start, old_where.stop).reshape(old_param.shape)
        axis, kind = -2, None
        if number <= first:
            axis, kind = _AXES.get(path[-1], (-2, None))
        if kind is not None:
            chosen = columns[kind]
            index = np.take(index, chosen, axis=axis)
            of_axis = (slice(None),) * (index.ndim + axis) + (chosen < 0,)
            index[of_axis] = -1
        found.append((where, index.reshape(-1), path[-1] == "W"))
    return found


_AXES = {
    "frequency": (-2, "number"),
    "phase": (-2, "number"),
    "edges": (-2, "number"),
    "table": (-2, "table"),
    "W": (-2, "input"),
    "scale": (-1, "input"),
    "r": (-1, "input"),
}


def _has_front(layer: Layer) -> bool:
    return isinstance(_named(layer)[0][1], TableInput)


def _columns(old: Layer, new: Layer, inputs: Places) -> Places:
    """The places of numbers, rows of the table, and inputs of the first dense layer."""
    before, after = (_named(layer)[0][1] for layer in (old, new))
    columns = [inputs["plain"]]
    if not isinstance(after, TableInput):
        return inputs | {"input": columns[0]}
    parts = before.places() if isinstance(before, TableInput) else {}
    for name, (_, taken, outputs) in after.places().items():
        each = (outputs.stop - outputs.start) // max(taken.stop - taken.start, 1)
        kind = inputs["code" if name == "categorical" else "number"]
        start = parts[name][2].start if name in parts else -1
        index = start + kind[:, None] * each + np.arange(each)
        known = (kind >= 0)[:, None] & (start >= 0)
        columns.append(np.where(known, index, -1).ravel())
    return inputs | {"input": np.concatenate(columns)}
