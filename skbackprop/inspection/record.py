"""One pass of a network, with copies of the inputs and outputs of each layer.

The layers compute as they always do: each is wrapped in a layer that calls it and keeps copies
of its input, its output and their deltas.  Random parts are off, as in prediction: dropout is the
identity, and batch normalization uses its running moments.

>>> from skbackprop.nn import ACTIVATIONS, LOSSES, mlp
>>> network = Network(mlp(2, (3,), 1, activations=[ACTIVATIONS["tanh"]]))
>>> network.initialize(np.random.RandomState(0))
>>> recording = record_pass(network, np.ones((4, 2)), np.ones((4, 1)), LOSSES["squared_error"])
>>> [(".".join(record.path), record.y.shape) for record in recording.records]
[('dense_0', (4, 3)), ('activate_1', (4, 3)), ('dense_2', (4, 1))]
>>> recording.records[0].d.shape                       # the delta of the first dense layer
(4, 3)
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ..nn.layers import Layer, Residual, Sequential
from ..nn.losses import Loss
from ..nn.network import Network
from ..nn.parameters import Tree, Views
from ..nn.workspace import Workspace
from ..params import frozen


@dataclass
class LayerRecord:
    """What one layer got and returned in a pass.

    Attributes
    ----------
    path : tuple of str
        Its name in the network, below the names of the layers that it is a part of.
    layer : Layer
    x, y : ndarray
        Input and output.
    d, dx : ndarray or None
        The derivatives of the loss with respect to `y` and `x`; None without a backward pass.
    """

    path: tuple[str, ...]
    layer: Layer
    x: Any = None
    y: Any = None
    d: Any = None
    dx: Any = None


@dataclass
class Recording:
    """A recorded pass: the layers in their order, the scores, the mean loss and its gradient.

    ``dx`` is the derivative of the loss with respect to the input.
    """

    network: Network
    records: list[LayerRecord]
    scores: np.ndarray
    loss: float | None = None
    grad: np.ndarray | None = None
    dx: np.ndarray | None = None

    def own_arrays(self, record: LayerRecord) -> list[tuple[str, ...]]:
        """The paths of the trained arrays of a layer that belong to no part of it."""
        n, paths = len(record.path), {other.path for other in self.records}
        return [
            path
            for path in self.network.layout.trained
            if path[:n] == record.path
            and not any(path[:end] in paths for end in range(n + 1, len(path) + 1))
        ]


def record_pass(
    network: Network, x: np.ndarray, target: np.ndarray | None = None, loss: Loss | None = None
) -> Recording:
    """Pass `x` forward and, with a target, the mean loss of its rows backward."""
    records: list[LayerRecord] = []
    copy = Network(_recorded(network.layer, (), records), network.dtype)
    copy = copy.over(network.theta, network.fixed.copy())
    bound = copy.bind(x.shape, needs_dx=True)
    scores = np.array(bound.forward(x))
    if target is None or loss is None:
        return Recording(network, records, scores)
    value = loss.value_and_delta(target, scores, 1.0 / x.shape[-2], bound.delta)
    dx = np.array(bound.backward(bound.delta))
    return Recording(network, records, scores, value / bound.n_members, copy.grad, dx)


@frozen
class _Recorded(Layer):
    """A layer that keeps copies of what another one gets and returns."""

    layer: Layer
    record: Any = field(compare=False)

    def arrays(self) -> Tree:
        return self.layer.arrays()

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return self.layer.output_shape(shape)

    def bind(self, p: Views, g: Views, ws: Workspace) -> Any:
        forward, backward = self.layer.bind(p, g, ws)
        record = self.record

        def forward_and_keep(x: Any) -> Any:
            record.x = np.array(x)
            y = forward(x)
            record.y = np.array(y)
            return y

        def backward_and_keep(d: Any) -> Any:
            record.d = np.array(d)
            dx = backward(d)
            record.dx = None if dx is None else np.array(dx)
            return dx

        return forward_and_keep, backward_and_keep


@frozen
class _Named(Sequential):
    """A sequence of layers that keep the names of the layers that they wrap."""

    names: tuple[str, ...] = ()

    @property
    def named(self) -> tuple[tuple[str, Layer], ...]:
        return tuple(zip(self.names, self.layers, strict=True))


def _recorded(layer: Layer, path: tuple[str, ...], records: list[LayerRecord]) -> Layer:
    """The same layer, with a record for each of its parts, the parts of a block before it."""
    if isinstance(layer, Sequential):
        parts = tuple(_recorded(part, (*path, name), records) for name, part in layer.named)
        return _Named(parts, tuple(name for name, _ in layer.named))
    wrapped = layer
    if isinstance(layer, Residual):
        inner = _recorded(layer.inner, (*path, "inner"), records)
        shortcut = _recorded(layer.shortcut, (*path, "shortcut"), records)
        wrapped = replace(layer, inner=inner, shortcut=shortcut)
    records.append(LayerRecord(path, layer))
    return _Recorded(wrapped, records[-1])
