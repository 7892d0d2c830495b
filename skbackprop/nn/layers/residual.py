"""Layers with a trained factor on what an inner layer or an activation adds.

With a factor of 0 at first, a network of any depth starts as a shallow one (`ReZero`).  With
a factor of 1 at first, training can remove a non-linearity (`ParametricActivation`).

>>> import numpy as np
>>> from skbackprop.nn.layers import Dense
>>> from skbackprop.nn.network import Network
>>> network = Network(ReZero(Dense(3, 3)))
>>> network.initialize(np.random.default_rng(0))
>>> network.scores(np.array([[1.0, 2.0, 3.0]]))     # residual_weight is 0
array([[1., 2., 3.]])
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np

from ..activations import Activation, bind_activation
from ..initializers import Constant, Initializer
from ..parameters import Param, Tree, Views
from ..workspace import Workspace
from .base import Backward, Forward, Layer
from .compose import Residual
from .scale import sum_rows


@dataclass(frozen=True)
class ReZero(Residual):
    """``y = s(x) + a f(x)``, with one trained number ``a``, ``residual_weight``, 0 at first.

    Backwards ``da = Σ d · f(x)`` and ``dx = s'(x)ᵀ d + f'(x)ᵀ (a d)``.  While ``a`` is 0, the
    delta reaches the lowest layer unchanged and the gradient of the inner layers is 0; the
    first step changes ``a``.

    Bachlechner, Majumder, Mao, Cottrell & McAuley, "ReZero is all you need: fast
    convergence at large depth" (2021).

    Parameters
    ----------
    inner : Layer
        The ``f``.
    shortcut : Layer
        The ``s``: ``Dense(n_in, n_out, bias=False)`` where `inner` changes the width.
    shape : tuple of int
        Of ``a``: ``(1,)``, or ``(k,)`` if each of ``k`` members has its own.
    init : Initializer
        Initial value of ``a``.
    """

    shape: tuple[int, ...] = (1,)
    init: Initializer = Constant(0.0)

    def arrays(self) -> Tree:
        return {**super().arrays(), "residual_weight": Param(self.shape, self.init, "free")}

    def bind(self, p: Views, g: Views, ws: Workspace) -> tuple[Forward, Backward]:
        (forward_f, backward_f), (forward_s, backward_s) = self.branches(p, g, ws)
        shape = self.output_shape(ws.shape)
        y, scaled = ws.array("y", shape), ws.array("scaled", shape)
        of_rows = ws.array("of_rows", shape[:-1])
        shared = self.shape == (1,)
        a = p.residual_weight if shared else p.residual_weight[:, None, None]

        def forward(x: np.ndarray) -> np.ndarray:
            f = ws.arrays["f"] = forward_f(x)
            np.multiply(f, a, out=y)
            return np.add(y, forward_s(x), out=y)

        def backward(d: np.ndarray) -> np.ndarray | None:
            products = np.vecdot(d, ws.arrays["f"], out=of_rows)
            g.residual_weight[...] = products.sum(axis=None if shared else -1)
            dx = backward_f(np.multiply(d, a, out=scaled))
            dx_s = backward_s(d)
            return np.add(dx, dx_s, out=dx) if ws.needs_dx else None

        return forward, backward


@dataclass(frozen=True)
class ParametricActivation(Layer):
    """``y = z + alpha · (f(z) - z)``, with a trained ``alpha`` for each feature, 1 at first.

    With ``alpha = 0`` it is the identity, with ``alpha = 1`` the activation.  Backwards ``dalpha =
    Σ d · (f(z) - z)`` over the batch, and ``dz = (1 - alpha) · d + alpha · d · f'(z)``.

    Holzmüller, Grinsztajn & Steinwart, "Better by default: strong pre-tuned MLPs and
    boosted trees on tabular data" (2024).

    Parameters
    ----------
    activation : Activation
        The ``f``, see `Activate`.
    shape : tuple of int
        Of ``alpha``: ``(n_in,)``, or ``(k, n_in)`` if each member has its own.
    init : Initializer
        Initial value of ``alpha``.
    """

    activation: Activation
    shape: tuple[int, ...]
    init: Initializer = Constant(1.0)

    def arrays(self) -> Tree:
        return {"alpha": Param(self.shape, self.init, "free")}

    def bind(self, p: Views, g: Views, ws: Workspace) -> tuple[Forward, Backward]:
        f_forward, f_backward = bind_activation(self.activation, ws)
        y, active = ws.array("y", ws.shape), ws.array("active", ws.shape)
        change, product = ws.array("change", ws.shape), ws.array("product", ws.shape)
        ones = np.ones(prod(ws.shape[:-1]), ws.dtype)
        alpha = p.alpha[..., None, :]

        def forward(z: np.ndarray) -> np.ndarray:
            ws.x = z
            f_forward(z, active)
            np.subtract(active, z, out=change)
            return np.add(z, np.multiply(change, alpha, out=y), out=y)

        def backward(d: np.ndarray) -> np.ndarray:
            sum_rows(np.multiply(d, change, out=product), ones, out=g.alpha)
            f_backward(ws.x, active, np.multiply(d, alpha, out=product))
            d *= 1 - alpha
            return np.add(d, product, out=d)

        return forward, backward
