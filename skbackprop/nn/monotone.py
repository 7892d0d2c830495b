r"""Networks that are monotone in some of their inputs.

A network is non-decreasing in an input if no path from it to the score has a negative product of
weights, and every unit on these paths has a non-decreasing activation.  The units of each hidden
layer are therefore divided:

- *Free* units see neither a constrained input nor a unit that sees one.  They have any weights
  and any activation.
- *Monotone* units see everything.  Weights from constrained inputs have the sign of the
  constraint, weights from monotone units are not negative, and all others are free.

.. math:: h = f(A u), \qquad m = g(B u + C h' + P x + Q m'), \quad P, Q \ge 0,

with the constrained inputs :math:`x`, the others :math:`u`, and the units :math:`h', m'` below.
Half of the monotone units have a convex :math:`g`, the others a concave one: with convex units and
non-negative weights alone, the network would be convex in :math:`x`.

Runje & Shankaranarayana, "Constrained monotonic neural networks" (2023); Sill, "Monotonic
networks" (1997).  Differs from the papers: the signs are kept by a projection after every step,
and not by absolute values in the formula, so that the network is an ordinary one.

>>> from skbackprop.nn.activations import ACTIVATIONS
>>> from skbackprop.nn.layers import Activate, Dense, Sequential
>>> units = MonotoneUnits(ACTIVATIONS["silu"], n_free=1, n_monotone=2)
>>> network = Network(Sequential((Dense(2, 3), Activate(units), Dense(3, 1))))
>>> limits = weight_limits(network, np.array([-1.0, 0.0]), np.array([1.0]))
>>> network.initialize(np.random.default_rng(0))
>>> start_within(network.theta, limits)
>>> network.p.dense_0.W.round(2)     # falls with the first input; the first unit does not see it
array([[ 0.  , -0.5 , -1.01],
       [-1.06,  0.69,  0.9 ]])
>>> network.p.dense_2.W.T.round(2)   # the first unit is free
array([[0.26, 0.56, 0.11]])
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

from ..params import Frozen, frozen
from .activations import Activation
from .blocks import blockwise
from .layers import Activate, Dense, Layer, MemberDense, Scale, ScaledDense, TableInput
from .network import Network

Limits: TypeAlias = tuple[np.ndarray, np.ndarray]  # the smallest and the largest parameters

DENSE = Dense, MemberDense, ScaledDense
NEVER = np.nan  # the direction of an input that is neither increasing nor decreasing


@frozen
class MonotoneUnits(Frozen, Activation):
    """Any activation of the first units, and a non-decreasing one of the others.

    Half of the others have ``g(z) = ½ (z + √(z² + 1))``, which is convex, and the rest
    ``-g(-z)``, which is concave; ``g'(z) = g(z) / √(z² + 1)``.  Barron, "Squareplus: a
    softplus-like algebraic rectifier" (2021).

    Parameters
    ----------
    free : Activation
        The activation of the first units.
    n_free, n_monotone : int
        Number of these, and of the others.
    """

    free: Any
    n_free: int
    n_monotone: int

    @property
    def signs(self) -> np.ndarray:
        """1 for each convex unit, and -1 for each concave one."""
        return np.where(np.arange(self.n_monotone) < (self.n_monotone + 1) // 2, 1.0, -1.0)

    @blockwise(times=3)
    def forward(self, z: np.ndarray, out: np.ndarray) -> None:
        n = self.n_free
        self.free.forward(z[..., :n], out[..., :n])
        self._forward_monotone(z[..., n:], out[..., n:])

    @blockwise(times=3)
    def backward(self, z: np.ndarray, y: np.ndarray, d: np.ndarray) -> None:
        n = self.n_free
        self.free.backward(z[..., :n], y[..., :n], d[..., :n])
        self._backward_monotone(z[..., n:], y[..., n:], d[..., n:])

    @blockwise(times=3)
    def forward_and_slope(self, z: np.ndarray, out: np.ndarray, slope: np.ndarray) -> None:
        """Both at once: the slope of a free unit takes no second exponential then."""
        n = self.n_free
        both = getattr(self.free, "forward_and_slope", None)
        if both is None:
            self.free.forward(z[..., :n], out[..., :n])
            slope[..., :n] = 1
            self.free.backward(z[..., :n], out[..., :n], slope[..., :n])
        else:
            both(z[..., :n], out[..., :n], slope[..., :n])
        slope[..., n:] = 1
        self._forward_monotone(z[..., n:], out[..., n:])
        self._backward_monotone(z[..., n:], out[..., n:], slope[..., n:])

    def _forward_monotone(self, z: np.ndarray, out: np.ndarray) -> None:
        sign = self.signs.astype(z.dtype)
        u = z * sign
        # g(u) = r for u >= 0 and 1 / (4 r) below, with r = g(|u|): after rounding it never falls,
        # either, which u + sqrt(u² + 1) does.
        root = _root(u)
        root += np.abs(u)
        root *= 0.5
        np.copysign(root, u, out=u)
        np.divide(0.25, root, out=root)
        np.maximum(u, root, out=u)  # a mask that cannot be predicted takes ten times as long
        np.multiply(u, sign, out=out)

    def _backward_monotone(self, z: np.ndarray, y: np.ndarray, d: np.ndarray) -> None:
        d *= np.abs(y)
        d /= _root(z)


def _root(z: np.ndarray) -> np.ndarray:
    root: np.ndarray = z * z
    root += 1
    return np.sqrt(root, out=root)


def weight_limits(network: Network, inputs: np.ndarray, outputs: np.ndarray) -> Limits:
    """The limits of ``theta`` within which a network is monotone.

    Parameters
    ----------
    network : Network
        A sequence of dense layers and `MonotoneUnits`, after a `TableInput` or none, with a
        `Scale` or none.
    inputs : ndarray of shape (n,)
        The directions of the inputs that are not codes: 1 for increasing, -1 for decreasing, 0
        for those that are not constrained.
    outputs : ndarray of shape (n_scores,)
        1 for each score that is to have these directions, -1 for the opposite ones.
    """
    named: Any = list(network.layer.named)  # type: ignore[attr-defined]
    units = [part.activation for _, part in named if _is_monotone(part)]
    above = [np.repeat([0.0, 1.0], (u.n_free, u.n_monotone)) for u in units] + [outputs]
    low = np.full(network.layout.size, -np.inf, network.dtype)
    high = -low
    below = inputs_of_table(named[0][1], inputs) if type(named[0][1]) is TableInput else inputs
    for name, part in named:
        if isinstance(part, (Scale, ScaledDense)):
            where, param = network.layout.trained[name, "scale"]
            low[where].reshape(param.shape)[..., below != 0] = 0
        if isinstance(part, DENSE):
            where, param = network.layout.trained[name, "W"]
            smallest, largest = _limits_between(below, above[0])
            low[where].reshape(param.shape)[...] = smallest
            high[where].reshape(param.shape)[...] = largest
            below = above.pop(0)
    return low, high


def inputs_of_table(layer: TableInput, directions: np.ndarray) -> np.ndarray:
    """The directions of the columns that a `TableInput` makes, from those that it takes.

    Bins rise with their number; cosines do not rise or fall.
    """
    of_numbers, parts = directions[: layer.n_numeric], [directions]
    if layer.piecewise_linear:
        parts.append(np.repeat(of_numbers, layer.piecewise_linear.n_bins))
    if layer.periodic:
        cosines = np.where(of_numbers != 0, NEVER, 0.0)
        parts.append(np.repeat(cosines, layer.periodic.n_frequencies))
    if layer.categorical:
        parts.append(np.zeros(len(layer.categorical.cardinalities) * layer.categorical.n_out))
    return np.concatenate(parts)


def start_within(theta: np.ndarray, limits: Limits) -> None:
    """Turn the signs of initial parameters that are not within the limits, in place."""
    low, high = limits
    outside = (theta < low) | (theta > high)
    np.negative(theta, out=theta, where=outside)
    np.clip(theta, low, high, out=theta)


def _is_monotone(layer: Layer) -> bool:
    return isinstance(layer, Activate) and isinstance(layer.activation, MonotoneUnits)


def _limits_between(below: np.ndarray, above: np.ndarray) -> Limits:
    """The limits of the weights between units of these directions."""
    product = below[:, None] * above
    constrained = (below != 0)[:, None]
    low = np.where(constrained & ~(product < 0), 0.0, -np.inf)
    high = np.where(constrained & ~(product > 0), 0.0, np.inf)
    return low, high
