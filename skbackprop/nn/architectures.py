"""Architectures: functions that return a layer.

>>> from skbackprop.nn.activations import ACTIVATIONS
>>> net = mlp(4, (8,), 3, activations=[ACTIVATIONS["relu"]])
>>> [type(layer).__name__ for layer in net.layers]
['Dense', 'Activate', 'Dense']
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field, replace
from itertools import pairwise
from math import inf, sqrt
from typing import Any, TypeAlias

import numpy as np

from ..params import Frozen, frozen
from .activations import Activation, Logistic
from .initializers import Constant, Initializer, RandomSigns, UniformRange
from .layers import (
    Activate,
    BatchEnsembleDense,
    BatchNorm,
    CategoricalEmbedding,
    Dense,
    Dropout,
    Identity,
    Layer,
    LayerNorm,
    MemberDense,
    PeriodicEmbedding,
    PiecewiseLinear,
    ReZero,
    RMSNorm,
    Scale,
    ScaledDense,
    Sequential,
    TableInput,
)
from .parameters import Layout

AnyDense: TypeAlias = Dense | MemberDense | ScaledDense | BatchEnsembleDense

NORMALIZATIONS: dict[str, type[BatchNorm] | type[LayerNorm] | type[RMSNorm]] = {
    "batch": BatchNorm,
    "layer": LayerNorm,
    "rms": RMSNorm,
}


@frozen
class Initialization(Frozen):
    """How the dense layers of a network are initialized.

    Parameters
    ----------
    weight : Initializer, sequence of Initializer, or "mlp"
        For all layers, or one for each; ``"mlp"`` is scikit-learn's own rule.
    bias : Initializer, sequence of Initializer, or "mlp"
        Likewise for the biases.
    """

    weight: Any = "mlp"
    bias: Any = field(default_factory=lambda: Constant(0.0))

    def of_layer(
        self, i: int, n_in: int, n_out: int, activation: Activation
    ) -> tuple[Initializer, Initializer]:
        """Initializers of ``W`` and ``b`` of dense layer `i`."""
        mlp = mlp_uniform(n_in, n_out, activation)
        return _choose(self.weight, i, mlp), _choose(self.bias, i, mlp)


def mlp_uniform(n_in: int, n_out: int, activation: Activation) -> UniformRange:
    """scikit-learn's initialization of weights *and* biases: uniform on ±√(6 / (n_in + n_out)).

    For the logistic activation, whose slope at 0 is 1/4, it has a 2 instead of the 6.
    """
    bound = sqrt((2.0 if isinstance(activation, Logistic) else 6.0) / (n_in + n_out))
    return UniformRange(-bound, bound)


@frozen
class Extras(Frozen):
    """What a network has besides weights and activations.

    Parameters
    ----------
    bias : bool
        Do the dense layers have biases?
    dropout : float or tuple of float
        Fraction dropped after each hidden activation, the same for all or one for each layer.
    normalization : key of `NORMALIZATIONS`, or None
        What is between each hidden dense layer and its activation.
    residual : bool
        Is each hidden layer but the first one added to its own input, times a factor that
        starts at 0 (ReZero)?  Where the width changes, a linear map leads past it.
    input_dropout : float
        Fraction dropped of the input.
    input_scale : bool
        Is each input multiplied by a factor that learns?
    members : int or None
        Number of networks in one stack; None for one without an axis of members.
    sharing : {"independent", "batch", "mini"}
        What members have of their own: everything; vectors at each matrix (`BatchEnsembleDense`)
        and the head; or the signs of the input and the head.
    """

    bias: bool = True
    dropout: float | tuple[float, ...] = 0.0
    normalization: str | None = None
    residual: bool = False
    input_dropout: float = 0.0
    input_scale: bool = False
    members: int | None = None
    sharing: str = "independent"

    def each(self, *shape: int) -> tuple[int, ...]:
        """The shape of an array that each member has, unless they share it."""
        if self.members is None or self.sharing != "independent":
            return shape
        return (self.members, *shape)

    def dropped(self, i: int) -> float:
        """The fraction dropped of hidden layer `i`."""
        return self.dropout[i] if isinstance(self.dropout, tuple) else self.dropout

    def drop(self, rate: float) -> Dropout:
        """A dropout layer; with weights in common members had better differ in what they drop."""
        return Dropout(rate, shared_mask=self.members is not None and self.sharing == "independent")

    def dense(self, n_in: int, n_out: int, *rest: Any, first: bool = False) -> AnyDense:
        """A hidden dense layer, of all members if there are any; the first may scale its input."""
        if self.members is None or self.sharing == "mini":
            return Dense(n_in, n_out, *rest)
        if self.sharing == "batch":
            layer = BatchEnsembleDense(self.members, n_in, n_out, *rest)
            return replace(layer, start=RandomSigns()) if first else layer
        kind = ScaledDense if first and self.input_scale else MemberDense
        return kind(self.members, n_in, n_out, *rest)

    def head(self, n_in: int, n_out: int, *rest: Any, first: bool = False) -> AnyDense:
        """The dense layer of the scores, which members never share."""
        if self.members is None or self.sharing == "independent":
            return self.dense(n_in, n_out, *rest, first=first)
        return MemberDense(self.members, n_in, n_out, *rest)


def mlp(
    n_in: int,
    hidden: Sequence[int],
    n_out: int,
    *,
    activations: Sequence[Activation],
    initialization: Initialization | None = None,
    extras: Extras = Extras(),
) -> Sequential:
    """The classical network: dense, activation, dense, activation, …, dense.

    Parameters
    ----------
    n_in, n_out : int
        Number of inputs and of scores.
    hidden : sequence of int
        Width of each hidden layer; empty for a linear model.
    activations : sequence of Activation
        One for each hidden layer, or one for all of them.
    initialization : Initialization, optional
        How the arrays start; by default as in scikit-learn's MLP.
    extras : Extras
        Biases, dropout, normalization, residual connections; by default only the first.
    """
    initialization = initialization or Initialization("mlp", "mlp")
    each = list(activations) * len(hidden) if len(activations) == 1 else list(activations)
    sizes = [n_in, *hidden, n_out]
    layers = input_layers(n_in, extras)
    for i, (before, after) in enumerate(pairwise(sizes)):
        # scikit-learn scales the output layer by the hidden activation too
        nearest = each[min(i, len(each) - 1)] if each else activations[0]
        init, bias_init = initialization.of_layer(i, before, after, nearest)
        make = extras.head if i == len(hidden) else extras.dense
        dense = make(before, after, extras.bias, init, bias_init, first=i == 0)
        if i == len(hidden):
            layers.append(dense)
        else:
            layers += hidden_layer(i, dense, each[i], extras)
    return Sequential(tuple(layers))


def input_layers(n_in: int, extras: Extras) -> list[Layer]:
    """What happens to the input before the first dense layer."""
    layers: list[Layer] = [extras.drop(extras.input_dropout)] if extras.input_dropout > 0 else []
    if extras.members is not None and extras.sharing == "mini":
        return [*layers, Scale((extras.members, n_in), RandomSigns())]
    # Members scale within their first dense layer, which makes no array for it.
    scaled = extras.input_scale and extras.members is None
    return [*layers, Scale((n_in,))] if scaled else layers


def hidden_layer(i: int, dense: AnyDense, activation: Activation, extras: Extras) -> list[Layer]:
    """The layers that make hidden layer `i`."""
    layers: list[Layer] = [dense]
    shape = extras.each(dense.n_out)
    if extras.normalization is not None:
        layers.append(NORMALIZATIONS[extras.normalization](shape))
    layers.append(Activate(activation))
    if extras.dropped(i) > 0:
        layers.append(extras.drop(extras.dropped(i)))
    if i == 0 or not extras.residual:
        return layers
    same = dense.n_in == dense.n_out
    shortcut = Identity() if same else extras.dense(dense.n_in, dense.n_out, False)
    return [ReZero(Sequential(tuple(layers)), shortcut, extras.each(1)[:1])]


def depth_of_hidden(k: int, extras: Extras) -> int:
    """How many layers of `mlp` it takes to get the output of hidden layer `k`, from 0."""
    below = len(input_layers(1, extras))
    layers = [
        2 + (extras.normalization is not None) + (extras.dropped(i) > 0) for i in range(k + 1)
    ]
    return below + (layers[0] + k if extras.residual else sum(layers))


def table_input(
    widths: tuple[int, int, tuple[int, ...]], embedding: Embedding, members: int | None
) -> tuple[Layer | None, int]:
    """The layer that makes inputs of an encoded table, and how many.

    Parameters
    ----------
    widths : tuple (n_numeric, n_other, cardinalities)
        Columns of the table, in this order: numbers; numbers that are not embedded, such
        as indicators; codes of categories.
    embedding : Embedding
        How numbers and categories are embedded.
    members : int or None
        Number of members, each with embeddings of its own.
    """
    n_numeric, n_other, cardinalities = widths
    if n_numeric == 0 and not cardinalities:
        return None, n_other
    n_bins, width = embedding.n_bins, embedding.category_width
    layer = TableInput(
        n_numeric,
        n_other,
        PiecewiseLinear(n_numeric, n_bins) if n_numeric and n_bins else None,
        embedding.periodic(n_numeric, members) if n_numeric and embedding.n_frequencies else None,
        CategoricalEmbedding(cardinalities, width, members) if cardinalities else None,
    )
    n_in = n_numeric + n_other + len(cardinalities)
    return (layer if layer.places() else None), layer.output_shape((1, n_in))[-1]


@frozen
class Embedding(Frozen):
    """How the columns of a table become more columns.

    Parameters
    ----------
    n_frequencies : int
        Frequencies of each number; 0 for none.
    sigma : float
        Spread of their frequencies at the initialization.
    n_bins : int
        Bins of each number, between quantiles; 0 for none.
    category_width : int
        Columns of each category of many levels.
    """

    n_frequencies: int = 0
    sigma: float = 0.2
    n_bins: int = 0
    category_width: int = 8

    def periodic(self, n: int, members: int | None) -> PeriodicEmbedding:
        """The periodic embedding of `n` numbers."""
        return PeriodicEmbedding(n, self.n_frequencies, self.sigma, members)


# Factors on the learning rate by the name of an array, for the rate of a matrix with 64
# inputs.  A step of Adam moves every entry by about the rate, so that a sum over many
# inputs moves by more: matrices take a rate that falls with the root of their inputs
# (the "neural tangent" parametrization, without its rescaled weights).
NTK_INPUTS = 64
NTK_LR_MULTIPLIERS: dict[str, float] = {
    "b": 0.8,
    "scale": 48.0,
    "frequency": 2.4,
    "phase": 2.4,
    "table": 8.0,
}
# The factors of the inputs start at 1.  A step nearly as long as that destroys them: they are the
# first arrays that a learning rate 8 times too large spoils.
LONGEST_STEP: dict[str, float] = {"scale": 0.3}


def ntk_lr_multipliers(layout: Layout, dtype: Any, learning_rate: float) -> np.ndarray:
    """A factor on the learning rate for each parameter.

    Holzmüller, Grinsztajn & Steinwart, "Better by default: strong pre-tuned MLPs and boosted
    trees on tabular data" (2024), with their factors.  Differs from the paper: no factor makes
    more of the learning rate than `LONGEST_STEP`.
    """
    multipliers = np.ones(layout.size, dtype)
    for name, where, param in layout.names():
        leaf = name.rpartition(".")[2]
        if leaf == "W":
            multipliers[where] = sqrt(NTK_INPUTS / param.shape[-2])
        else:
            longest = LONGEST_STEP.get(leaf, inf) / learning_rate
            multipliers[where] = min(NTK_LR_MULTIPLIERS.get(leaf, 1.0), longest)
    return multipliers


def _choose(rule: Any, i: int, mlp_rule: Initializer) -> Initializer:
    if isinstance(rule, str):
        return mlp_rule
    chosen: Initializer = rule[i] if isinstance(rule, (list, tuple)) else rule
    return chosen
