"""The columns of a table as the inputs of a network.

An encoded table has numbers, numbers that are not embedded (indicators), and codes of
categories, in this order.  Every kind has its own embedding, and all write to one array:

    ``y = [numbers and indicators | piecewise-linear | periodic | categorical]``

The trained embeddings are the last columns, so the dense layer above computes ``dx`` for
these columns only (`Layer.n_untrained`).

>>> import numpy as np
>>> from skbackprop.nn.network import Network
>>> layer = TableInput(2, 1, periodic=PeriodicEmbedding(2, 3))
>>> network = Network(layer)
>>> network.initialize(np.random.default_rng(0))
>>> network.scores(np.array([[0.5, -1.0, 1.0]])).round(2)
array([[ 0.5 , -1.  ,  1.  , ...]])
>>> layer.n_untrained, layer.output_shape((1, 3))
(3, (1, 9))
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from ..parameters import NO_GRADIENT, Tree, Views
from ..workspace import Workspace
from .base import Backward, Forward, Layer, is_trained
from .categorical import CategoricalEmbedding
from .numerical import PeriodicEmbedding, PiecewiseLinear
from .scale import copy_or_sum


@dataclass(frozen=True)
class TableInput(Layer):
    """``y = [x, piecewise-linear, periodic, categorical]`` of the columns of a table.

    Backwards the ``dx`` of a number is the sum of those of its columns.

    Parameters
    ----------
    n_numeric, n_other : int
        Number of columns with numbers, and with numbers that are not embedded.
    piecewise_linear : PiecewiseLinear or None
        Piecewise-linear embedding of the numbers.
    periodic : PeriodicEmbedding or None
        Periodic embedding of the numbers.
    categorical : CategoricalEmbedding or None
        Embedding of the categories, whose codes are the last columns.
    """

    n_numeric: int
    n_other: int = 0
    piecewise_linear: PiecewiseLinear | None = None
    periodic: PeriodicEmbedding | None = None
    categorical: CategoricalEmbedding | None = None

    def places(self) -> dict[str, tuple[Layer, slice, slice]]:
        """Each embedding that is not None, with its columns of ``x`` and of ``y``."""
        places: dict[str, tuple[Layer, slice, slice]] = {}
        start, numbers = self.n_plain, slice(0, self.n_numeric)
        if self.piecewise_linear:
            n_out = self.n_numeric * self.piecewise_linear.n_bins
            places["piecewise_linear"] = (
                self.piecewise_linear,
                numbers,
                slice(start, start := start + n_out),
            )
        if self.periodic:
            n_out = self.n_numeric * self.periodic.n_frequencies
            places["periodic"] = self.periodic, numbers, slice(start, start := start + n_out)
        if self.categorical:
            codes = slice(self.n_plain, self.n_plain + len(self.categorical.cardinalities))
            n_out = len(self.categorical.cardinalities) * self.categorical.n_out
            places["categorical"] = self.categorical, codes, slice(start, start + n_out)
        return places

    def arrays(self) -> Tree:
        return {name: layer.arrays() for name, (layer, *_) in self.places().items()}

    @property
    def n_plain(self) -> int:
        """Number of columns that are not embedded or are copied."""
        return self.n_numeric + self.n_other

    @property
    def n_untrained(self) -> int:
        return self.n_plain + (
            self.n_numeric * self.piecewise_linear.n_bins if self.piecewise_linear else 0
        )

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        first, n_out = shape[:-1], self.n_plain
        for layer, inputs, outputs in self.places().values():
            of_part = layer.output_shape((*shape[:-1], inputs.stop - inputs.start))[:-1]
            first, n_out = max(first, of_part, key=len), outputs.stop
        return (*first, n_out)

    def bind(self, p: Views, g: Views, ws: Workspace) -> tuple[Forward, Backward]:
        y, plain = ws.array("y", self.output_shape(ws.shape)), self.n_plain
        dx = ws.array("dx", ws.shape) if ws.needs_dx else None
        forwards, backwards = [], []
        for name, (layer, inputs, outputs) in self.places().items():
            n_in = inputs.stop - inputs.start
            child = ws.child(name, (*ws.shape[:-1], n_in), ws.needs_dx)
            forward, backward = columns_of(
                layer, getattr(p, name), getattr(g, name, NO_GRADIENT), child
            )
            forwards.append((forward, inputs, y[..., outputs]))
            if ws.needs_dx or (ws.needs_grad and is_trained(layer)):
                backwards.append((backward, inputs, outputs))

        def forward_all(x: np.ndarray) -> np.ndarray:
            y[..., :plain] = x[..., :plain]
            for forward, inputs, columns in forwards:
                forward(x[..., inputs], columns)
            return y

        def backward_all(d: np.ndarray) -> np.ndarray | None:
            parts = [(backward(d[..., outputs]), inputs) for backward, inputs, outputs in backwards]
            if dx is None:
                return None
            copy_or_sum(d[..., :plain], dx[..., :plain])
            dx[..., plain:] = 0
            for part, inputs in parts:
                add_each(part, dx[..., inputs])
            return dx

        return forward_all, backward_all


Columns: TypeAlias = Callable[[np.ndarray, np.ndarray], None]


def columns_of(layer: Layer, p: Views, g: Views, ws: Workspace) -> tuple[Columns, Backward]:
    """``forward(x, out)``, which writes the embedding of `x` to `out`, and ``backward(d)``."""
    if isinstance(layer, PiecewiseLinear):
        return layer.bind_bins(p, ws)
    if isinstance(layer, PeriodicEmbedding):
        return layer.bind_cosines(p, g, ws)
    forward, backward = layer.bind(p, g, ws)
    of_output = ws.array("d", layer.output_shape(ws.shape))

    def write(x: np.ndarray, out: np.ndarray) -> None:
        out[...] = forward(x)

    def backward_copy(d: np.ndarray) -> np.ndarray | None:
        of_output[...] = d
        return backward(of_output)

    return write, backward_copy


def add_each(d: np.ndarray, dx: np.ndarray) -> None:
    """Add `d` to `dx`, member by member if they share it."""
    for part in d if d.ndim > dx.ndim else (d,):
        dx += part
