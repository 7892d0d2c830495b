"""The scores of a fitted estimator as a function that has a gradient.

What is explained is the number that ``decision_function`` or ``predict`` is made of, on the scale
on which the network adds up:

=======================================  =================================================
estimator                                 scale
=======================================  =================================================
classifier                                ``decision_function``: log-odds of two classes,
                                          else a score of each class
regressor                                 ``predict``, before it is limited to the range of y
regressor, loss "poisson", "gamma" or     logarithm of ``predict``
"tweedie"
=======================================  =================================================

The scores of members are combined, and the temperature of a calibration is applied, as in
prediction.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..estimators.fitted import Fitted
from ..nn.layers import (
    BatchEnsembleDense,
    Dense,
    Dropout,
    Layer,
    MemberDense,
    Scale,
    ScaledDense,
    Sequential,
)
from ..nn.losses import Loss
from ..nn.network import Network
from ..recipes.build import has_front
from ..tables.marginals import owners
from ..targets.label_codecs import HeadsCodec, LabelCodec
from ..targets.number_codec import TargetCodec
from .models import dense

CACHED = 2**17  # numbers of a chunk of rows that stay in the cache
AFFINE = BatchEnsembleDense, Dense, Dropout, MemberDense, Scale, ScaledDense  # at inference


class Scores:
    """The outputs of a network, and their gradient with respect to its input.

    Parameters
    ----------
    network : Network
        All of a network, or its upper layers.
    fitted : Fitted
        What else the scores depend on.
    """

    def __init__(self, network: Network, fitted: Fitted):
        # Vectors of its own: backward writes to the gradient, and other threads may explain too.
        self.network = network.over(network.theta, network.fixed)
        self.loss, codec = fitted.loss, fitted.codec
        self.n_outputs = int(fitted.resolved["n_out"])
        factor, offset = np.ones(self.n_outputs), np.zeros(self.n_outputs)
        if isinstance(codec, TargetCodec):
            with np.errstate(over="ignore"):
                factor, offset = codec.units(self.n_outputs)
            if self.loss.link == "exp":
                factor, offset = np.ones_like(factor), np.log(factor)
        self.factor, self.offset, self.temperature = factor, offset, fitted.temperature

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """The outputs, ``(n, m)``, in float64."""
        scores = self._calibrated(self.network.scores(x))
        return self._in_units(self.loss.combine(scores) if scores.ndim == 3 else scores)

    def _calibrated(self, scores: np.ndarray) -> np.ndarray:
        scores /= scores.dtype.type(self.temperature)
        return scores

    def _in_units(self, scores: np.ndarray) -> np.ndarray:
        return scores * self.factor + self.offset

    @property
    def is_mean(self) -> bool:
        """Is the output of several members the mean of theirs?"""
        return getattr(self.loss.combine, "__func__", None) is Loss.combine

    def terms(self, x: np.ndarray) -> np.ndarray:
        """The outputs, ``(g, n, m)``, whose mean over the first axis is the output.

        They are those of the members if `is_mean`, else there is one.
        """
        return self._terms(self.network.scores(x))

    def _terms(self, scores: np.ndarray) -> np.ndarray:
        scores = self._calibrated(scores)
        if scores.ndim == 3 and not self.is_mean:
            scores = self.loss.combine(scores)
        return self._in_units(scores if scores.ndim == 3 else scores[None])

    def bind_terms(self, shape: tuple[int, ...]) -> Any:
        """``terms(x)`` for many inputs of `shape`, which may be overwritten."""
        forward = self.network.bind(shape).forward
        return lambda x: self._terms(forward(x))

    def bind(self, shape: tuple[int, ...]) -> Any:
        """``gradient(x, direction)`` for inputs of `shape`: that of ``outputs · direction``."""
        bound, loss = self.network.bind(shape, needs_dx=True), self.loss

        def gradient(x: np.ndarray, direction: np.ndarray) -> np.ndarray:
            scores = bound.forward(x)
            d = np.empty(scores.shape[-2:], scores.dtype)
            d[...] = direction * self.factor
            if scores.ndim == 3:
                d = loss.combine_backward(scores / scores.dtype.type(self.temperature), d)
            d /= scores.dtype.type(self.temperature)
            return bound.backward(d)

        return gradient

    def chunk(self, shape: tuple[int, ...]) -> int:
        """How many rows of inputs of `shape` are passed at once."""
        each = (param.shape[-1] for _, param in self.network.layout.trained.values())
        widest, outputs = max(each, default=1), self.network.layer.output_shape(shape)
        k = outputs[0] if len(outputs) == 3 else 1
        return max(16, CACHED // (k * max(widest, shape[-1])))


class Parts:
    """A network in three parts: embeddings, an affine map, and the layers above.

    The embeddings turn codes into vectors, and numbers into several columns, each column of
    the table by itself.  The affine map is the first dense layer, with what is below it.

    Parameters
    ----------
    fitted : Fitted
        The fitted state of an estimator.
    dtype : dtype
        Of the encoded rows; the network is at least as precise.

    Attributes
    ----------
    affine : Network
        The second part.
    scores : Scores
        The outputs as a function of what the affine map returns.
    sources : ndarray of shape (n_embedded,)
        For each column of the embedded rows that of the encoded rows.
    owners : ndarray of shape (n_embedded,)
        For each of them the number of the column of the table; -1 for none.
    """

    def __init__(self, fitted: Fitted, dtype: Any):
        self.whole = network = fitted.network.at_least(dtype)
        layers, first = layers_of(network), int(has_front(fitted))
        is_affine = [isinstance(layer, AFFINE) for layer in layers[first:]]
        last = first + [*is_affine, False].index(False)
        self.front = Sequential(layers[:first])
        self.affine = part_of(network, slice(first, last))
        self.scores = Scores(part_of(network, slice(last, None)), fitted)
        encoded = encoded_owners(fitted)
        self.sources = embedded_columns(self.front, len(encoded))
        self.owners = encoded[self.sources]

    def embed(self, x: Any) -> np.ndarray:
        """The embedded rows, ``(n, d)``, or ``(k, n, d)`` if members have embeddings."""
        x = dense(x).astype(self.whole.dtype, copy=False)
        return self.whole.scores(x, layer=self.front) if self.front.layers else x


def encoded_owners(fitted: Fitted) -> np.ndarray:
    """For each encoded column the number of the column of the table; -1 for none."""
    if fitted.encoder is not None:
        return owners(fitted.encoder)
    return np.arange(fitted.widths[0] + fitted.widths[1])


def embedded_columns(front: Sequential, n_in: int) -> np.ndarray:
    """For each column of the embedded rows the column of the encoded rows that it comes from."""
    if not front.layers:
        return np.arange(n_in)
    table_input: Any = front.layers[0]
    sources = np.arange(table_input.output_shape((1, n_in))[-1])
    for _, inputs, outputs in table_input.places().values():
        n_columns = inputs.stop - inputs.start
        each = (outputs.stop - outputs.start) // n_columns
        sources[outputs] = np.repeat(np.arange(inputs.start, inputs.stop), each)
    return sources


def layers_of(network: Network) -> tuple[Layer, ...]:
    """The layers of a network that is a sequence of layers."""
    assert isinstance(network.layer, Sequential)
    return network.layer.layers


def part_of(network: Network, which: slice) -> Network:
    """Some of the layers as a network with a copy of their arrays."""
    whole = Sequential(layers_of(network))
    layer = Sequential(whole.layers[which])
    part = Network(layer, network.dtype)
    names = {new: old for (new, _), (old, _) in zip(layer.named, whole.named[which], strict=True)}
    for vector, source, places, of_whole in (
        (part.theta, network.theta, part.layout.trained, network.layout.trained),
        (part.fixed, network.fixed, part.layout.fixed, network.layout.fixed),
    ):
        for (name, *path), (where, _) in places.items():
            vector[where] = source[of_whole[names[name], *path][0]]
    return part


def output_names(codec: Any, n_outputs: int) -> list[str]:
    """Words for each output: the class, or y with the number of the output."""
    if isinstance(codec, LabelCodec):
        classes = codec.classes.tolist()
        return [str(label) for label in (classes[1:] if len(classes) == 2 else classes)]
    if isinstance(codec, HeadsCodec):
        return [
            f"{i}: {name}"
            for i, head in enumerate(codec.heads)
            for name in output_names(head, head.n_targets)
        ]
    return ["y"] if n_outputs == 1 else [f"y{i}" for i in range(n_outputs)]


def directions_of(codec: Any, n_outputs: int, output: Any) -> tuple[np.ndarray, list[str]]:
    """What is explained: factors of the outputs, ``(q, n_outputs)``, and a name for each.

    Parameters
    ----------
    codec : LabelCodec, MultilabelCodec, HeadsCodec or TargetCodec
        Of the fitted state.
    n_outputs : int
        Number of scores.
    output : label, int or None
        A class, the number of an output, or all.
    """
    names, every = output_names(codec, n_outputs), np.eye(n_outputs)
    if output is None:
        return every, names
    if isinstance(codec, LabelCodec):
        classes = codec.classes.tolist()
        label = output.item() if isinstance(output, np.generic) else output
        if label not in classes:
            raise ValueError(f"output must be one of the classes {classes}, got {output!r}.")
        place = classes.index(label)
        # Of two classes there is one score; that of the other is its negative.
        two = len(classes) == 2
        return (every * (2 * place - 1) if two else every[[place]]), [str(label)]
    if isinstance(output, bool) or not isinstance(output, (int, np.integer)):
        raise TypeError(
            f"output must be the number of an output, 0 for {names[0]!r} and so on, got {output!r}."
        )
    if not 0 <= output < n_outputs:
        raise ValueError(
            f"output must be an int in the range [0, {n_outputs - 1}], got {output!r}."
        )
    return every[[int(output)]], [names[output]]
