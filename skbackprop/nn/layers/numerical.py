"""Numbers in more than one column: what a network finds hard to make of a single one.

A dense layer sees a feature through straight lines, and needs many of them to follow a
curve that bends often, as those of tables do.  So each feature gets several columns: smooth
waves whose frequencies are learned, or ramps between its quantiles.  The feature itself
stays in front: ``y = [x, …]``, and the columns of the first feature come before those of
the second.

>>> import numpy as np
>>> from skbackprop.nn.initializers import FixedValues
>>> from skbackprop.nn.network import Network
>>> x = np.array([[1.0], [2.0], [4.0]])
>>> network = Network(PiecewiseLinear(1, 2, init=FixedValues(quantile_edges(x, 2))))
>>> network.initialize(None)
>>> network.scores(np.array([[1.5], [3.0], [5.0]]))     # bins from 1 to 2 and from 2 to 4
array([[ 1.5,  0. , -0.5],
       [ 3. ,  0.5,  0. ],
       [ 5. ,  0.5,  0.5]])
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import pi, prod, sqrt
from typing import Any

import numpy as np

from ..initializers import Constant, Initializer, Normal, UniformRange
from ..parameters import Param, Tree
from ..workspace import Workspace
from .base import Backward, Forward, Layer
from .scale import copy_or_sum, sum_rows

MOST = 0.5  # of a bin: what a single value counts for


@dataclass(frozen=True)
class PeriodicEmbedding(Layer):
    """``y = [x, cos φ]`` with ``φ = 2π w x + b``: every feature has waves of its own.

    Backwards, with ``e = -sin φ · d`` for the columns of the waves: ``db = Σ e`` and ``dw =
    2π Σ e · x`` over the batch, and ``dx = d + 2π Σ e · w`` over the waves of a feature.

    Gorishniy, Rubachev & Babenko, "On embeddings for numerical features in tabular deep
    learning" (2022).  Differs from the paper: a cosine with a phase that learns takes the
    place of a sine and a cosine without, as in Holzmüller et al. (see below).

    Parameters
    ----------
    n_in : int
        Number of features.
    n_frequencies : int
        Number of waves of each feature.
    sigma : float
        Standard deviation of the frequencies at the start, for features with a spread of
        about 1.  From 1 on, networks tend to learn the training data by heart.
    members : int, optional
        Number of members that have waves of their own.  An ``x`` without an axis of
        members, ``(n, n_in)``, is then shared by all, and ``y`` is ``(members, n, n_out)``.
    """

    n_in: int
    n_frequencies: int = 8
    sigma: float = 0.2
    members: int | None = None

    def arrays(self) -> Tree:
        shape = (*self._lead, self.n_in, self.n_frequencies)
        of_sigma = Normal("lecun", self.sigma * sqrt(self.n_in))  # the rule divides by the root
        return {
            "frequency": Param(shape, of_sigma, "free"),
            "phase": Param(shape, UniformRange(-pi, pi), "free"),
        }

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return (*(self._lead or shape[:-2]), shape[-2], self.n_in * (1 + self.n_frequencies))

    @property
    def _lead(self) -> tuple[int, ...]:
        return () if self.members is None else (self.members,)

    def bind(self, p: Any, g: Any, ws: Workspace) -> tuple[Forward, Backward]:
        y, n_in = ws.array("y", self.output_shape(ws.shape)), self.n_in
        forward_cosines, backward_cosines = self.bind_cosines(p, g, ws)

        def forward(x: np.ndarray) -> np.ndarray:
            y[..., :n_in] = x
            forward_cosines(x, y[..., n_in:])
            return y

        def backward(d: np.ndarray) -> np.ndarray | None:
            dx = backward_cosines(d[..., n_in:])
            return None if dx is None else add_raw(dx, d[..., :n_in], ws.shape)

        return forward, backward

    def bind_cosines(
        self, p: Any, g: Any, ws: Workspace
    ) -> tuple[Callable[[np.ndarray, np.ndarray], None], Backward]:
        """Bind ``cos φ``: a forward that writes it to its second argument, and a backward."""
        lead, each = self._lead or ws.shape[:-2], (self.n_in, self.n_frequencies)
        flat = (*lead, ws.shape[-2], prod(each))
        repeated = ws.array("repeated", (*ws.shape[:-1], prod(each)))
        phi, e = ws.array("phi", flat), ws.array("e", flat)
        dx = ws.array("dx", (*flat[:-1], self.n_in)) if ws.needs_dx else None
        of_features = (*self._lead, prod(each))
        w, b = np.empty(p.frequency.shape, ws.dtype), p.phase.reshape(of_features)[..., None, :]
        flat_w = w.reshape(of_features)[..., None, :]
        minus_ones = np.full(prod(flat[:-1]), -1, ws.dtype)
        minus_turns = 2 * pi * minus_ones

        def forward(x: np.ndarray, out: np.ndarray) -> None:
            np.multiply(p.frequency, 2 * pi, out=w)
            repeat(x, repeated)
            np.multiply(repeated, flat_w, out=phi)
            np.add(phi, b, out=phi)
            np.cos(phi, out=out)

        def backward(d: np.ndarray) -> np.ndarray | None:
            np.multiply(np.sin(phi, out=e), d, out=e)  # the minus is in the factors of the sums
            sum_rows(e, minus_ones, out=g.phase.reshape(of_features))
            if dx is not None:
                np.vecdot(e.reshape(*flat[:-1], *each), w[..., None, :, :], out=dx)
                np.negative(dx, out=dx)
            np.multiply(e, repeated, out=e)
            sum_rows(e, minus_turns, out=g.frequency.reshape(of_features))
            return dx

        return forward, backward


@dataclass(frozen=True)
class PeriodicLinearEmbedding(PeriodicEmbedding):
    """``y = [x, cos(φ) W + b]``: the waves of each feature through a small dense layer.

    What is above gets fewer columns than there are waves.  Backwards, feature by feature,
    ``dW = cos(φ)ᵀ d``, ``db = Σ d``, and ``d Wᵀ`` is the delta of the waves.  No array of
    this layer is penalized.

    Holzmüller, Grinsztajn & Steinwart, "Better by default: strong pre-tuned MLPs and
    boosted trees on tabular data" (2024), where it is called PBLD.

    Parameters
    ----------
    n_in, n_frequencies, sigma, members
        See `PeriodicEmbedding`.
    n_out : int
        Number of outputs for each feature, besides the feature itself.
    """

    n_frequencies: int = 16
    sigma: float = 0.1
    n_out: int = 3

    def arrays(self) -> Tree:
        bound = 1 / sqrt(self.n_frequencies)
        shape = (*self._lead, self.n_in, self.n_frequencies, self.n_out)
        return {
            **super().arrays(),
            "W": Param(shape, UniformRange(-bound, bound), "free"),
            "b": Param((*shape[:-2], self.n_out), UniformRange(-bound, bound), "free"),
        }

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return (*(self._lead or shape[:-2]), shape[-2], self.n_in * (1 + self.n_out))

    def bind(self, p: Any, g: Any, ws: Workspace) -> tuple[Forward, Backward]:
        y, n_in = ws.array("y", self.output_shape(ws.shape)), self.n_in
        forward_cosines, backward_cosines = self.bind_cosines(p, g, ws)
        cosines = ws.array("cosines", (*y.shape[:-1], n_in * self.n_frequencies))
        d_cosines = ws.array("d_cosines", cosines.shape)
        of_features = (*self._lead, n_in * self.n_out)
        ones = np.ones(prod(y.shape[:-1]), ws.dtype)
        sums = np.empty((*self._lead, y.shape[-1]), ws.dtype)
        b = p.b.reshape(of_features)[..., None, :]

        def forward(x: np.ndarray) -> np.ndarray:
            forward_cosines(x, cosines)
            y[..., :n_in], mapped = x, y[..., n_in:]
            np.matmul(by_feature(cosines, n_in), p.W, out=by_feature(mapped, n_in))
            np.add(mapped, b, out=mapped)
            return y

        def backward(d: np.ndarray) -> np.ndarray | None:
            sum_rows(d, ones, out=sums)  # of all columns: of a part BLAS would make a copy
            g.b.reshape(of_features)[...] = sums[..., n_in:]
            of_each, d_of_each = by_feature(cosines, n_in), by_feature(d[..., n_in:], n_in)
            if of_each.ndim == p.W.ndim:
                np.matmul(of_each.swapaxes(-1, -2), d_of_each, out=g.W)
            else:  # the arrays are shared: the rows of all members count
                np.matmul(of_each.swapaxes(-1, -2), d_of_each).sum(axis=0, out=g.W)
            np.matmul(d_of_each, p.W.swapaxes(-1, -2), out=by_feature(d_cosines, n_in))
            dx = backward_cosines(d_cosines)
            return None if dx is None else add_raw(dx, d[..., :n_in], ws.shape)

        return forward, backward


@dataclass(frozen=True)
class PiecewiseLinear(Layer):
    """``y = [x, clip((x - left) / (right - left), 0, 1) - ½]``, for every bin of a feature.

    Nothing of it learns: ``edges``, an array ``(n_in, n_bins + 1)`` whose rows ascend, is
    stored with the model and read by `bind`.  A bin without width has an output of 0.
    Backwards ``dx = d + Σ d / (right - left)`` over the bin that ``x`` is in.

    Gorishniy, Rubachev & Babenko, "On embeddings for numerical features in tabular deep
    learning" (2022).  Differs from the paper: the first and the last bin are clipped like
    the others, for ``x`` itself is there, too; and ½ is subtracted, for inputs around 0.

    Parameters
    ----------
    n_in : int
        Number of features.
    n_bins : int
        Number of bins of each feature.
    init : Initializer
        How the edges start: ``FixedValues(quantile_edges(x, n_bins))``, unless somebody writes
        them later.
    """

    n_in: int
    n_bins: int
    init: Initializer = Constant(0.0)

    def arrays(self) -> Tree:
        return {"edges": Param((self.n_in, self.n_bins + 1), self.init, "fixed")}

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return (*shape[:-1], self.n_in * (1 + self.n_bins))

    def bind(self, p: Any, g: Any, ws: Workspace) -> tuple[Forward, Backward]:
        y, n_in = ws.array("y", self.output_shape(ws.shape)), self.n_in
        forward_bins, backward_bins = self.bind_bins(p, ws)

        def forward(x: np.ndarray) -> np.ndarray:
            y[..., :n_in] = x
            forward_bins(x, y[..., n_in:])
            return y

        def backward(d: np.ndarray) -> np.ndarray | None:
            dx = backward_bins(d[..., n_in:])
            return None if dx is None else add_raw(dx, d[..., :n_in], ws.shape)

        return forward, backward

    def bind_bins(
        self, p: Any, ws: Workspace
    ) -> tuple[Callable[[np.ndarray, np.ndarray], None], Backward]:
        """Bind the ramps: a forward that writes them to its second argument, and a backward."""
        z = ws.array("z", (*ws.shape, self.n_bins))
        dx = ws.array("dx", ws.shape) if ws.needs_dx else None
        wanted = z.shape if ws.needs_dx else (*z.shape[:-1], 0)
        e, inside = ws.array("e", wanted), ws.array("inside", wanted, bool)
        flat = z.reshape(*ws.shape[:-1], -1)
        center, slope = bins(p.edges)
        half = np.full((), 0.5, ws.dtype)

        def forward(x: np.ndarray, out: np.ndarray) -> None:
            repeat(x, flat)
            np.subtract(flat, center.ravel(), out=flat)
            np.multiply(flat, slope.ravel(), out=flat)
            np.clip(flat, -half, half, out=out)

        def backward(d: np.ndarray) -> np.ndarray | None:
            if dx is None:
                return None
            np.less(np.abs(z, out=e), 0.5, out=inside)
            copy_or_sum(d, e.reshape(flat.shape))
            np.multiply(e, inside, out=e)
            return np.vecdot(e, slope, out=dx)

        return forward, backward


def bins(edges: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Center and slope, 1 / width, of every bin; the slope is 0 if it has no width."""
    left, width = edges[:, :-1], np.diff(edges, axis=1)
    limits, span = np.finfo(edges.dtype), edges[:, -1:] - edges[:, :1]
    # What is narrower than rounding is no bin, and would make the quotient overflow.
    wide = width > np.maximum(limits.eps * span, limits.tiny)
    return left + width / 2, np.divide(1, width, out=np.zeros_like(width), where=wide)


def quantile_edges(x: np.ndarray, n_bins: int) -> np.ndarray:
    """Edges ``(n_in, n_bins + 1)`` between which lie equal parts of each column of `x`.

    A value that is met more often counts for `MOST` of a bin and no more: of a column that is
    mostly 0, as counts and amounts are, the other values get the bins.  Where there are fewer
    values than bins, the last edge is repeated.

    >>> quantile_edges(np.array([[0.0, 5.0], [1.0, 5.0], [2.0, 6.0]]), 2)
    array([[0., 1., 2.],
           [5., 6., 6.]])
    """
    edges = np.empty((x.shape[1], n_bins + 1))
    for row, column in zip(edges, x.T, strict=True):
        values, counts = np.unique(column.astype(float), return_counts=True)
        if len(values) <= n_bins + 1:
            different = values
        else:
            normalizer = np.minimum(counts, MOST * len(column) / n_bins)
            place = np.cumsum(normalizer) - normalizer / 2
            different = np.interp(np.linspace(place[0], place[-1], n_bins + 1), place, values)
        row[: different.size], row[different.size :] = different, different[-1]
    return edges


def repeat(x: np.ndarray, out: np.ndarray) -> None:
    """Write every column of `x` as often in a row as `out` has room for.

    A copy, and then products of whole rows, take half the time of products that broadcast
    along the few columns of a feature.
    """
    out.reshape(*x.shape, -1)[...] = x[..., None]


def by_feature(a: np.ndarray, n_in: int) -> np.ndarray:
    """View ``(..., n, n_in * m)`` as a matrix for each feature, ``(..., n_in, n, m)``."""
    return a.reshape(*a.shape[:-1], n_in, -1).swapaxes(-2, -3)


def add_raw(dx: np.ndarray, d: np.ndarray, shape: tuple[int, ...]) -> Any:
    """The delta of an ``x`` of `shape`, which is also an output, with the delta `d`."""
    np.add(dx, d, out=dx)
    if dx.ndim == len(shape):
        return dx
    for of_member in dx[1:]:  # all members share x
        dx[0] += of_member
    return dx[0]
