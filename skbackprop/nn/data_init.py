"""Starting weights and biases that suit the data.

The rules of `initializers` keep variances on their way for inputs and activations as one
expects them.  Whoever has the rows need not expect: they are sent through the network once,
and every dense layer is adjusted to what it gets, before the next one gets anything.

1. Each column of ``W`` is divided by the standard deviation of that column of ``p = x W``
   over the rows, so that it is 1, whatever the activation, the depth and the units of ``x``.
   D. Mishkin, J. Matas, "All you need is a good init", ICLR 2016, there with one factor for
   a whole layer.
2. ``b_j = - Σ_m λ_m p[i_m, j]``, for each neuron with 5 random rows ``i_m`` of its own and
   random ``λ_m >= 0``, ``Σ_m λ_m = 1``: where ``z = p + b`` changes its sign, there is data,
   and a bend of the activation is of use ("he+5").  I. Steinwart, "A sober look at neural
   network initializations", 2019, arXiv 1903.11482.

Both together as in D. Holzmüller, L. Grinsztajn, I. Steinwart, "Better by default: Strong
pre-tuned MLPs and boosted trees on tabular data", NeurIPS 2024.

>>> import numpy as np
>>> from skbackprop.nn.layers import Dense
>>> from skbackprop.nn.network import Network
>>> network, rng = Network(Dense(2, 3)), np.random.default_rng(0)
>>> network.initialize(rng)
>>> x = rng.normal(size=(100, 2)) * [1.0, 1000.0]
>>> data_dependent_init(network, x, rng)
>>> network.scores(x).std(axis=0)
array([1., 1., 1.])
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np

from .layers import (
    Branches,
    Dense,
    Layer,
    MemberDense,
    Residual,
    ScaledDense,
    Sequential,
)
from .linalg import rows
from .network import Network
from .workspace import Workspace

DENSE = Dense, MemberDense, ScaledDense
BiasRule: TypeAlias = Literal["he5"] | None

MOST_ROWS = 2000  # the standard deviation of so many is known to 2 %
N_MIXED = 5  # rows that are mixed for a bias


def data_dependent_init(
    network: Network,
    x: Any,
    rng: np.random.Generator,
    *,
    bias: BiasRule = "he5",
    scale_output: bool = True,
) -> None:
    """Adjust the starting weights and biases of all dense layers to the data, in place.

    The network must be initialized: weights keep the directions they have.  Dropout is
    off.  A neuron that is constant over the rows is left as it is.

    Parameters
    ----------
    network : Network
        Whose ``theta`` is changed.
    x : ndarray or sparse matrix of shape (n, n_in), or ndarray of shape (k, n, n_in)
        Rows to learn from, for all members or for each of ``k``.  Of more than `MOST_ROWS`
        that many are drawn.
    rng : numpy.random.Generator
        Draws the rows and the biases.
    bias : {"he5", None}
        The rule for biases; None leaves them as they are.
    scale_output : bool
        Is the last dense layer adjusted too?
    """
    if bias not in ("he5", None):
        raise ValueError(f"bias must be 'he5' or None, got {bias!r}. None leaves biases alone.")
    if x.shape[-2] == 0:
        raise ValueError(
            f"data_dependent_init needs at least one row, got x of shape {x.shape}. Without data "
            "leave the network as its initializers have made it."
        )
    x = draw_rows(x, rng)
    x = x if x.dtype == network.dtype else x.astype(network.dtype)
    walk = Walk(rng, bias, None if scale_output else last_dense(network.layer, network.p))
    walk.through(network.layer, network.p, x)


def draw_rows(x: Any, rng: np.random.Generator) -> Any:
    """At most `MOST_ROWS` rows, the same of all members."""
    n = x.shape[-2]
    if n <= MOST_ROWS:
        return x
    chosen = np.sort(rng.choice(n, MOST_ROWS, replace=False))
    return x[chosen] if len(x.shape) == 2 else x[:, chosen]


@dataclass(frozen=True)
class Walk:
    """The way of the rows through a network, from its input to its scores.

    Parameters
    ----------
    rng : numpy.random.Generator
    bias : {"he5", None}
    spared : Views or None
        The parameters of the one layer that is left alone.
    """

    rng: np.random.Generator
    bias: BiasRule
    spared: Any

    def through(self, layer: Layer, p: Any, x: Any) -> Any:
        """Adjust all that is inside `layer` to its input `x`; return its output."""
        if isinstance(layer, Sequential):
            for name, part in layer.named:
                x = self.through(part, getattr(p, name), x)
            return x
        for name, part, columns in parts(layer):
            self.through(part, getattr(p, name), x[..., columns])
        if isinstance(layer, DENSE) and p is not self.spared:
            self.adjust(layer, p, x)
        return output(layer, p, x)

    def adjust(self, layer: Layer, p: Any, x: Any) -> None:
        """Scale ``W``, and choose ``b``, of one dense layer."""
        b = getattr(p, "b", None)
        kept = None if b is None else b.copy()
        if b is not None:
            b[...] = 0
        product = output(layer, p, x)  # p of the formulas above
        std, varies = deviations(product if p.W.ndim == 3 else rows(product))
        for a in (p.W, product):
            np.divide(a, std[..., None, :], out=a, where=varies[..., None, :])
        if b is None:
            return
        b[...] = kept
        if self.bias is not None:
            mixed = self.mixture(product if b.ndim == 2 else rows(product))
            # Where nothing varies, b = -p would leave of the pre-activation its rounding,
            # by which the layers above would be scaled.
            np.copyto(b, -mixed, where=varies, casting="same_kind")

    def mixture(self, product: np.ndarray) -> np.ndarray:
        """For each column of ``(..., n, n_out)`` a random convex combination of 5 rows."""
        *k, n, n_out = product.shape
        chosen = self.rng.integers(n, size=(*k, N_MIXED, n_out))
        share = self.rng.dirichlet(np.ones(N_MIXED), size=(*k, n_out)).swapaxes(-1, -2)
        mixed: np.ndarray = (share * np.take_along_axis(product, chosen, axis=-2)).sum(axis=-2)
        return mixed


def parts(layer: Layer) -> Iterator[tuple[str, Layer, slice]]:
    """The layers inside a layer that stand beside each other, and which columns each sees."""
    if isinstance(layer, Residual):
        yield "inner", layer.inner, slice(None)
        yield "shortcut", layer.shortcut, slice(None)
    if isinstance(layer, Branches):
        start = 0
        for (name, part), (width, _) in zip(layer.named, layer.branches, strict=True):
            yield name, part, slice(start, start + width)
            start += width


def last_dense(layer: Layer, p: Any) -> Any:
    """The parameters of the dense layer that is passed last, or None."""
    inside = layer.named if isinstance(layer, Sequential) else [part[:2] for part in parts(layer)]
    for name, part in reversed(inside):
        found = last_dense(part, getattr(p, name))
        if found is not None:
            return found
    return p if isinstance(layer, DENSE) else None


def output(layer: Layer, p: Any, x: Any) -> Any:
    """What the layer makes of `x` at inference."""
    forward, _ = layer.bind(p, None, Workspace(x.shape, x.dtype))
    return forward(x)


def deviations(product: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The standard deviation of each column of ``(..., n, n_out)``, and "does it vary?"."""
    std = product.std(axis=-2, dtype=np.float64)
    size = np.abs(product).max(axis=(-2, -1))[..., None]
    noise = 16 * np.finfo(product.dtype).eps * size  # what rounding makes of equal rows
    return std.astype(product.dtype), std > noise
