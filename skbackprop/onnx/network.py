"""The layers of a network as a graph, each by the formula of its forward pass.

Layers, activations and losses are looked up by their exact type: a class of the user's own, or
derived from one of ours, has formulas that are not known here, and is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from math import log, pi, sqrt
from typing import Any, NamedTuple

import numpy as np

from ..nn import activations as f
from ..nn import layers as nn
from ..nn.layers.numerical import bins
from ..nn.monotone import MonotoneUnits
from .encoder import Encoded
from .graph import Graph


class Tensor(NamedTuple):
    """A tensor of numbers: its name, and whether it has an axis of members."""

    name: str
    stacked: bool = False


def scores_of(graph: Graph, network: Any, encoded: Encoded) -> Tensor:
    """The scores of a network."""
    layer, p = network.layer, network.p
    x: Any = Tensor(encoded.plain or "")
    layers = list(layer.named)
    if type(layers[0][1]) is nn.TableInput:
        name, first = layers.pop(0)
        x = table_input(graph, first, getattr(p, name), encoded)
    for name, part in layers:
        x = convert_layer(graph, part, getattr(p, name), x)
    return x


def convert_layer(graph: Graph, layer: nn.Layer, p: Any, x: Tensor) -> Tensor:
    """The output of a layer."""
    convert = LAYERS.get(type(layer))
    if convert is None:
        raise ValueError(
            f"The layer {type(layer).__name__} has no ONNX formula. Use layers of skbackprop."
        )
    return convert(graph, layer, p, x)


# ---- layers ----------------------------------------------------------------------------------


def _sequential(graph: Graph, layer: nn.Sequential, p: Any, x: Tensor) -> Tensor:
    for name, part in layer.named:
        x = convert_layer(graph, part, getattr(p, name), x)
    return x


def _same(graph: Graph, layer: nn.Layer, p: Any, x: Tensor) -> Tensor:
    return x


def _dense(graph: Graph, layer: nn.Dense, p: Any, x: Tensor) -> Tensor:
    if layer.bias and not x.stacked:
        return Tensor(graph.add("Gemm", x.name, p.W, p.b))
    y = graph.add("MatMul", x.name, p.W)
    return Tensor(graph.add("Add", y, p.b) if layer.bias else y, x.stacked)


def _member_dense(graph: Graph, layer: Any, p: Any, x: Tensor) -> Tensor:
    W = p.W * p.scale[:, :, None] if type(layer) is nn.ScaledDense else p.W
    y = graph.add("MatMul", x.name, W)
    return Tensor(_plus_bias(graph, layer, p, y), True)


def _batch_ensemble_dense(graph: Graph, layer: Any, p: Any, x: Tensor) -> Tensor:
    scaled = graph.add("Mul", x.name, p.r[:, None, :])
    y = graph.add("MatMul", scaled, p.W)
    y = graph.add("Mul", y, p.s[:, None, :])
    return Tensor(_plus_bias(graph, layer, p, y), True)


def _plus_bias(graph: Graph, layer: Any, p: Any, y: str) -> str:
    return graph.add("Add", y, p.b[:, None, :]) if layer.bias else y


def _scale(graph: Graph, layer: nn.Scale, p: Any, x: Tensor) -> Tensor:
    stacked = x.stacked or len(layer.shape) > 1
    return Tensor(graph.add("Mul", x.name, p.scale[..., None, :]), stacked)


def _batch_norm(graph: Graph, layer: nn.BatchNorm, p: Any, x: Tensor) -> Tensor:
    factor = p.gamma / np.sqrt(p.variance + layer.epsilon)
    shift = p.beta - factor * p.mean
    scaled = graph.add("Mul", x.name, factor[..., None, :])
    return Tensor(graph.add("Add", scaled, shift[..., None, :]), x.stacked)


def _layer_norm(graph: Graph, layer: nn.LayerNorm, p: Any, x: Tensor) -> Tensor:
    mean = graph.add("ReduceMean", x.name, graph.constant([-1], "int64"))
    centered = graph.add("Sub", x.name, mean)
    y = _divide_by_root_mean_square(graph, centered, layer.epsilon)
    y = graph.add("Mul", y, p.gamma[..., None, :])
    return Tensor(graph.add("Add", y, p.beta[..., None, :]), x.stacked)


def _rms_norm(graph: Graph, layer: nn.RMSNorm, p: Any, x: Tensor) -> Tensor:
    y = _divide_by_root_mean_square(graph, x.name, layer.epsilon)
    return Tensor(graph.add("Mul", y, p.gamma[..., None, :]), x.stacked)


def _divide_by_root_mean_square(graph: Graph, x: str, epsilon: float) -> str:
    square = graph.add("ReduceMean", graph.add("Mul", x, x), graph.constant([-1], "int64"))
    root = graph.add("Sqrt", graph.add("Add", square, epsilon))
    return graph.add("Div", x, root)


def _residual(graph: Graph, layer: nn.Residual, p: Any, x: Tensor) -> Tensor:
    inner = convert_layer(graph, layer.inner, p.inner, x)
    shortcut = convert_layer(graph, layer.shortcut, p.shortcut, x)
    name = inner.name
    if type(layer) is nn.ReZero:
        a = p.residual_weight if layer.shape == (1,) else p.residual_weight[:, None, None]
        name = graph.add("Mul", name, a)
    return Tensor(graph.add("Add", name, shortcut.name), inner.stacked or shortcut.stacked)


def _activate(graph: Graph, layer: nn.Activate, p: Any, z: Tensor) -> Tensor:
    return Tensor(_activation(graph, layer.activation, z.name), z.stacked)


def _activation(graph: Graph, activation: Any, z: str) -> str:
    convert = ACTIVATIONS.get(type(activation))
    if convert is None:
        raise ValueError(
            f"The activation {type(activation).__name__} has no ONNX formula. Use one of "
            f"{', '.join(f.ACTIVATIONS)}."
        )
    return convert(graph, activation, z)


Convert = Callable[[Graph, Any, Any, Tensor], Tensor]
LAYERS: dict[type, Convert] = {
    nn.Sequential: _sequential,
    nn.Identity: _same,
    nn.Dropout: _same,
    nn.Dense: _dense,
    nn.MemberDense: _member_dense,
    nn.ScaledDense: _member_dense,
    nn.BatchEnsembleDense: _batch_ensemble_dense,
    nn.Scale: _scale,
    nn.BatchNorm: _batch_norm,
    nn.LayerNorm: _layer_norm,
    nn.RMSNorm: _rms_norm,
    nn.Residual: _residual,
    nn.ReZero: _residual,
    nn.Activate: _activate,
}


# ---- the columns of a table ------------------------------------------------------------------


def table_input(graph: Graph, layer: nn.TableInput, p: Any, encoded: Encoded) -> Tensor:
    """The numbers, and beside them the embeddings of numbers and categories."""
    parts = [] if encoded.plain is None else [Tensor(encoded.plain)]
    if layer.piecewise_linear or layer.periodic:
        assert encoded.plain is not None
        every = layer.n_other == 0
        x = encoded.plain if every else graph.columns(encoded.plain, np.arange(layer.n_numeric))
        x = graph.add("Unsqueeze", x, graph.constant([-1], "int64"))
        if layer.piecewise_linear:
            parts.append(_piecewise_linear(graph, p.piecewise_linear, x))
        if layer.periodic:
            parts.append(_periodic(graph, layer.periodic, p.periodic, x))
    if layer.categorical:
        assert encoded.codes is not None
        parts.append(_categorical(graph, layer.categorical, p.categorical, encoded.codes))
    members = [part.members for part in (layer.periodic, layer.categorical) if part]
    k = next(filter(None, members), None)
    if k is not None:  # what members share is repeated for each
        ones = np.ones((k, 1, 1))
        parts = [t if t.stacked else Tensor(graph.add("Mul", t.name, ones), True) for t in parts]
    return Tensor(graph.concat([part.name for part in parts]), k is not None)


def _piecewise_linear(graph: Graph, p: Any, x: str) -> Tensor:
    center, slope = bins(p.edges)
    z = graph.add("Sub", x, center)
    z = graph.add("Mul", z, slope)
    z = graph.add("Clip", z, -0.5, 0.5)
    return Tensor(graph.add("Reshape", z, graph.constant([-1, center.size], "int64")))


def _periodic(graph: Graph, layer: nn.PeriodicEmbedding, p: Any, x: str) -> Tensor:
    stacked, width = layer.members is not None, layer.n_in * layer.n_frequencies
    w, b = 2 * pi * p.frequency, p.phase
    if stacked:
        w, b = w[:, None], b[:, None]
    phi = graph.add("Add", graph.add("Mul", x, w), b)
    shape = [layer.members, -1, width] if stacked else [-1, width]
    y = graph.add("Reshape", graph.add("Cos", phi), graph.constant(shape, "int64"))
    return Tensor(y, stacked)


def _categorical(graph: Graph, layer: nn.CategoricalEmbedding, p: Any, codes: str) -> Tensor:
    stacked, width = layer.members is not None, len(layer.cardinalities) * layer.n_out
    first = np.cumsum([0, *layer.cardinalities[:-1]])
    rows = graph.add("Add", codes, graph.constant(first, "int64"))
    vectors = graph.add("Gather", p.table, rows, axis=int(stacked))
    shape = [layer.members, -1, width] if stacked else [-1, width]
    return Tensor(graph.add("Reshape", vectors, graph.constant(shape, "int64")), stacked)


# ---- activations -----------------------------------------------------------------------------
# By operators that exist in single and double precision everywhere, except Erf.


def _product_with_sigmoid(graph: Graph, z: str, u: str) -> str:
    """``z σ(u)``."""
    if graph.number_type == "float":
        return graph.add("Mul", z, graph.add("Sigmoid", u))
    # onnxruntime 1.20 joins these two nodes to one that it has in single precision only.
    w = graph.add("Exp", graph.add("Neg", u))
    return graph.add("Div", z, graph.add("Add", w, 1.0))


def _leaky_relu(graph: Graph, a: f.LeakyRelu, z: str) -> str:
    return graph.add("Max", z, graph.add("Mul", z, a.slope))


def _elu(graph: Graph, a: Any, z: str) -> str:
    below = graph.add("Exp", graph.add("Min", z, 0.0))
    below = graph.add("Sub", below, 1.0)
    alpha, scale = (f.SELU_ALPHA, f.SELU_SCALE) if type(a) is f.Selu else (a.alpha, 1.0)
    y = graph.add("Add", graph.add("Mul", below, alpha), graph.add("Relu", z))
    return y if scale == 1 else graph.add("Mul", y, scale)


def _gelu(graph: Graph, a: f.Gelu, z: str) -> str:
    u = graph.add("Mul", z, sqrt(0.5))
    if graph.number_type == "double":  # onnxruntime has Erf in single precision only
        erf = graph.cast(graph.add("Erf", graph.cast(u, "float")), "double")
    else:
        erf = graph.add("Erf", u)
    phi = graph.add("Mul", graph.add("Add", erf, 1.0), 0.5)
    return graph.add("Mul", z, phi)


def _gelu_tanh(graph: Graph, a: f.GeluTanh, z: str) -> str:
    square = graph.add("Mul", graph.add("Mul", z, z), 0.044715)
    inner = graph.add("Mul", z, graph.add("Add", square, 1.0))
    return _product_with_sigmoid(graph, z, graph.add("Mul", inner, f.GELU_SLOPE))


def _softplus(graph: Graph, a: Any, z: str) -> str:
    w = graph.add("Exp", graph.add("Neg", graph.add("Abs", z)))
    soft = graph.add("Log", graph.add("Add", w, 1.0))
    return graph.add("Add", soft, graph.add("Relu", z))


def _monotone_units(graph: Graph, a: MonotoneUnits, z: str) -> str:
    """The free units; of the others ``±(max(u, 0) + ½ / (√(u² + 1) + |u|))`` with ``u = ±z``."""
    n, sign = a.n_free, graph.constant(a.signs)
    u = graph.add("Mul", graph.columns(z, np.arange(n, n + a.n_monotone)), sign)
    root = graph.add("Sqrt", graph.add("Add", graph.add("Mul", u, u), 1.0))
    below = graph.add("Div", 0.5, graph.add("Add", root, graph.add("Abs", u)))
    y = graph.add("Mul", graph.add("Add", graph.add("Relu", u), below), sign)
    free = [_activation(graph, a.free, graph.columns(z, np.arange(n)))] if n else []
    return graph.concat([*free, y])


def _exp(graph: Graph, a: f.Exp, z: str) -> str:
    dtype = np.float64 if graph.number_type == "double" else np.float32
    return graph.add("Exp", graph.add("Min", z, 0.49 * log(np.finfo(dtype).max)))


ACTIVATIONS: dict[type, Callable[[Graph, Any, str], str]] = {
    f.Identity: lambda graph, a, z: z,
    f.Logistic: lambda graph, a, z: graph.add("Sigmoid", z),
    f.Tanh: lambda graph, a, z: graph.add("Tanh", z),
    f.HardTanh: lambda graph, a, z: graph.add("Clip", z, -1.0, 1.0),
    f.Relu: lambda graph, a, z: graph.add("Relu", z),
    f.LeakyRelu: _leaky_relu,
    f.Elu: _elu,
    f.Selu: _elu,
    f.Gelu: _gelu,
    f.GeluTanh: _gelu_tanh,
    f.Silu: lambda graph, a, z: _product_with_sigmoid(graph, z, z),
    f.Softplus: _softplus,
    f.Mish: lambda graph, a, z: graph.add("Mul", z, graph.add("Tanh", _softplus(graph, a, z))),
    f.Exp: _exp,
    MonotoneUnits: _monotone_units,
}
