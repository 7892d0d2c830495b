"""Embeddings of numbers: several columns for each number.

A dense layer is linear in each feature, and the functions of tables are often irregular.  An
embedding adds several columns for each feature: periodic features with trained frequencies,
or piecewise-linear bins between its quantiles.  The output is ``y = [x, …]``, and the columns
of the first feature come before those of the second.

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
from math import pi, prod, sqrt
from typing import Any

import numpy as np

from ...params import frozen
from ..initializers import Constant, Initializer, Normal, UniformRange
from ..parameters import Param, Tree, Views
from ..workspace import Workspace
from .base import Backward, Forward, Layer
from .scale import copy_or_sum, sum_rows

MOST = 0.5  # of a bin, for one value


@frozen
class PeriodicEmbedding(Layer):
    """``y = [x, cos φ]`` with ``φ = 2π w x + b``: periodic features of each number.

    Backwards, with ``e = -sin φ · d`` for the columns of the cosines: ``db = Σ e`` and ``dw =
    2π Σ e · x`` over the batch, and ``dx = d + 2π Σ e · w`` over the cosines of a feature.

    Gorishniy, Rubachev & Babenko, "On embeddings for numerical features in tabular deep
    learning" (2022).  Differs from the paper: a cosine with a trained phase replaces a sine
    and a cosine, as in Holzmüller, Grinsztajn & Steinwart, "Better by default" (2024).

    Parameters
    ----------
    n_in : int
        Number of features.
    n_frequencies : int
        Number of cosines of each feature.
    sigma : float
        Standard deviation of the initial frequencies, for features with a standard deviation of
        about 1.  With 1 and more, networks tend to overfit.
    members : int, optional
        Number of members, each with its own frequencies and phases.  An ``x`` without an axis of
        members, ``(n, n_in)``, is then shared by all, and ``y`` is ``(members, n, n_out)``.
    """

    n_in: int
    n_frequencies: int = 8
    sigma: float = 0.2
    members: int | None = None

    def arrays(self) -> Tree:
        shape = (*self._members_axis, self.n_in, self.n_frequencies)
        of_sigma = Normal("lecun", self.sigma * sqrt(self.n_in))  # the rule divides by the root
        return {
            "frequency": Param(shape, of_sigma, "free"),
            "phase": Param(shape, UniformRange(-pi, pi), "free"),
        }

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return (
            *(self._members_axis or shape[:-2]),
            shape[-2],
            self.n_in * (1 + self.n_frequencies),
        )

    @property
    def _members_axis(self) -> tuple[int, ...]:
        return () if self.members is None else (self.members,)

    def bind(self, p: Views, g: Views, ws: Workspace) -> tuple[Forward, Backward]:
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
        self, p: Views, g: Views, ws: Workspace
    ) -> tuple[Callable[[np.ndarray, np.ndarray], None], Backward]:
        """Bind the cosines alone: ``forward(x, out)``, which writes to `out`, and a backward."""
        first, each = self._members_axis or ws.shape[:-2], (self.n_in, self.n_frequencies)
        flat = (*first, ws.shape[-2], prod(each))
        repeated = ws.array("repeated", (*ws.shape[:-1], prod(each)))
        phi, e = ws.array("phi", flat), ws.array("e", flat)
        dx = ws.array("dx", (*flat[:-1], self.n_in)) if ws.needs_dx else None
        of_features = (*self._members_axis, prod(each))
        w, b = np.empty(p.frequency.shape, ws.dtype), p.phase.reshape(of_features)[..., None, :]
        flat_w = w.reshape(of_features)[..., None, :]
        minus_ones = np.full(prod(flat[:-1]), -1, ws.dtype)
        minus_2_pi = 2 * pi * minus_ones

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
            sum_rows(e, minus_2_pi, out=g.frequency.reshape(of_features))
            return dx

        return forward, backward


@frozen
class PiecewiseLinear(Layer):
    """``y = [x, clip((x - left) / (right - left), 0, 1) - ½]``, for every bin of a feature.

    The layer is not trained.  ``edges``, an array ``(n_in, n_bins + 1)`` with ascending rows,
    is stored with the model and read by `bind`.  A bin without width has an output of 0.
    Backwards ``dx = d + Σ d / (right - left)`` over the bin that ``x`` is in.

    Gorishniy, Rubachev & Babenko, "On embeddings for numerical features in tabular deep
    learning" (2022).  Differs from the paper: the first and the last bin are clipped like
    the others, because ``x`` itself is in the output; and ½ is subtracted, for outputs around 0.

    Parameters
    ----------
    n_in : int
        Number of features.
    n_bins : int
        Number of bins of each feature.
    init : Initializer
        Initial edges: ``FixedValues(quantile_edges(x, n_bins))``, or any, if they are written
        later.
    """

    n_in: int
    n_bins: int
    init: Initializer = Constant(0.0)

    def arrays(self) -> Tree:
        return {"edges": Param((self.n_in, self.n_bins + 1), self.init, "fixed")}

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return (*shape[:-1], self.n_in * (1 + self.n_bins))

    def bind(self, p: Views, g: Views, ws: Workspace) -> tuple[Forward, Backward]:
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
        self, p: Views, ws: Workspace
    ) -> tuple[Callable[[np.ndarray, np.ndarray], None], Backward]:
        """Bind the bins alone: ``forward(x, out)``, which writes them to `out`, and a backward."""
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
    left, width = edges[:, :-1], edges[:, 1:] - edges[:, :-1]
    limits, span = np.finfo(edges.dtype), edges[:, -1:] - edges[:, :1]
    # A bin that is narrower than rounding errors has no width: 1 / width would overflow.
    wide = width > np.maximum(limits.eps * span, limits.tiny)
    return left + width / 2, np.divide(1, width, out=np.zeros_like(width), where=wide)


def quantile_edges(x: np.ndarray, n_bins: int) -> np.ndarray:
    """Edges ``(n_in, n_bins + 1)`` with equal parts of each column of `x` between them.

    A frequent value counts for `MOST` of a bin at most: in a column that is mostly 0, such as
    counts and amounts, the bins then cover the other values.  If there are fewer values than
    bins, the last edge is repeated.

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
    """Write every column of `x` several times side by side, until `out` is full.

    A copy, and then products of whole rows, take half the time of products that broadcast
    along the few columns of a feature.
    """
    out.reshape(*x.shape, -1)[...] = x[..., None]


def add_raw(dx: np.ndarray, d: np.ndarray, shape: tuple[int, ...]) -> Any:
    """Add the delta `d` of the ``x`` in the output to `dx`; sum over members that share ``x``."""
    np.add(dx, d, out=dx)
    if dx.ndim == len(shape):
        return dx
    for of_member in dx[1:]:  # all members share x
        dx[0] += of_member
    return dx[0]
