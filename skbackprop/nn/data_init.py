"""Data-dependent initialization of weights and biases.

The rules of `initializers` keep the variance of the layers under assumptions about inputs and
activations.  With data at hand no assumption is needed: the rows are passed through the
network once, and every dense layer is adjusted to its own input, layer by layer.

1. Each column of ``W`` is divided by the standard deviation of that column of ``p = x W``
   over the rows, so that it is 1, whatever the activation, the depth and the units of ``x``.
   D. Mishkin, J. Matas, "All you need is a good init", ICLR 2016, there with one factor for
   a whole layer.
2. ``b_j = - Σ_m λ_m p[i_m, j]``, for each neuron with 5 random rows ``i_m`` of its own and
   random ``λ_m >= 0``, ``Σ_m λ_m = 1``: ``z = p + b`` then changes its sign within the data,
   where the kink or the curve of the activation is useful ("he+5").  I. Steinwart, "A sober
   look at neural network initializations", 2019, arXiv 1903.11482.

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

from typing import Any, Literal, TypeAlias

import numpy as np

from ..params import Frozen, frozen
from .layers import (
    BatchEnsembleDense,
    Dense,
    Layer,
    MemberDense,
    Residual,
    ScaledDense,
    Sequential,
)
from .linalg import rows
from .network import Network, bind_forward
from .parameters import Views
from .workspace import Workspace

DENSE = Dense, MemberDense, ScaledDense, BatchEnsembleDense
BiasRule: TypeAlias = Literal["he5"] | None

MAX_ROWS = 2000  # enough to estimate a standard deviation to 2 %
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

    The network must be initialized: columns of weights keep their direction.  Dropout is off.
    A neuron that is constant over the rows is not changed.

    Parameters
    ----------
    network : Network
        Its ``theta`` is changed.
    x : ndarray or sparse matrix of shape (n, n_in), or ndarray of shape (k, n, n_in)
        Training rows, for all members or for each of ``k``.  Of more than `MAX_ROWS` rows a
        random sample of this size is used.
    rng : numpy.random.Generator
        Draws the rows and the biases.
    bias : {"he5", None}
        The rule for biases; None does not change them.
    scale_output : bool
        Is the last dense layer adjusted too?
    """
    if bias not in ("he5", None):
        raise ValueError(
            f"bias must be 'he5' or None, got {bias!r}. With None biases are not changed."
        )
    if x.shape[-2] == 0:
        raise ValueError(
            f"data_dependent_init needs at least one row, got x of shape {x.shape}. Without data "
            "use the network as its initializers have made it."
        )
    x = draw_rows(x, rng)
    x = x if x.dtype == network.dtype else x.astype(network.dtype)
    excluded = None if scale_output else last_dense(network.layer, network.p)
    DataInit(rng, bias, excluded).forward(network.layer, network.p, x)


def draw_rows(x: Any, rng: np.random.Generator) -> Any:
    """At most `MAX_ROWS` rows, the same for all members."""
    n = x.shape[-2]
    if n <= MAX_ROWS:
        return x
    chosen = np.sort(rng.choice(n, MAX_ROWS, replace=False))
    return x[chosen] if len(x.shape) == 2 else x[:, chosen]


@frozen
class DataInit(Frozen):
    """Adjusts the dense layers one after the other, each to the output of those before it.

    Parameters
    ----------
    rng : numpy.random.Generator
        Draws the biases.
    bias : {"he5", None}
        The rule for biases.
    excluded : Views or None
        The parameters of a dense layer that is not adjusted.
    """

    rng: np.random.Generator
    bias: BiasRule
    excluded: Views | None

    def forward(self, layer: Layer, p: Views, x: Any) -> Any:
        """Adjust all dense layers in `layer` to its input `x`, and return its output."""
        if isinstance(layer, Sequential):
            for name, part in layer.named:
                x = self.forward(part, getattr(p, name), x)
            return x
        for name, part in parts(layer):
            self.forward(part, getattr(p, name), x)
        if isinstance(layer, DENSE) and p is not self.excluded:
            self.adjust(layer, p, x)
        return output(layer, p, x)

    def adjust(self, layer: Layer, p: Views, x: Any) -> None:
        """Scale ``W`` and choose ``b`` of one dense layer."""
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
            # Where nothing varies, b = -p would make the pre-activation a rounding error, and
            # the layers above would be scaled by it.
            np.copyto(b, -mixed, where=varies, casting="same_kind")

    def mixture(self, product: np.ndarray) -> np.ndarray:
        """For each column of ``(..., n, n_out)`` a random convex combination of 5 rows."""
        *k, n, n_out = product.shape
        chosen = self.rng.integers(n, size=(*k, N_MIXED, n_out))
        share = self.rng.dirichlet(np.ones(N_MIXED), size=(*k, n_out)).swapaxes(-1, -2)
        mixed: np.ndarray = (share * np.take_along_axis(product, chosen, axis=-2)).sum(axis=-2)
        return mixed


def parts(layer: Layer) -> tuple[tuple[str, Layer], ...]:
    """The layers inside a layer, in the order of the forward pass, with their names."""
    if isinstance(layer, Sequential):
        return layer.named
    if isinstance(layer, Residual):
        return ("inner", layer.inner), ("shortcut", layer.shortcut)
    return ()


def last_dense(layer: Layer, p: Views) -> Views | None:
    """The parameters of the last dense layer of the forward pass, or None."""
    for name, part in reversed(parts(layer)):
        found = last_dense(part, getattr(p, name))
        if found is not None:
            return found
    return p if isinstance(layer, DENSE) else None


def output(layer: Layer, p: Views, x: Any) -> Any:
    """``y`` of the layer at inference."""
    return bind_forward(layer, p, Workspace(x.shape, x.dtype))(x)


def deviations(product: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The standard deviation of each column of ``(..., n, n_out)``, and where it is not 0."""
    std = product.std(axis=-2, dtype=np.float64)
    size = np.abs(product).max(axis=(-2, -1))[..., None]
    rounding = 16 * np.finfo(product.dtype).eps * size  # of equal rows
    return std.astype(product.dtype), std > rounding
