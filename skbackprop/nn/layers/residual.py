"""Residual connections with a learned weight: ReZero.

The weight starts at 0.  So a network of any depth starts as a shallow one, and becomes deeper
where that reduces the loss.

>>> import numpy as np
>>> from skbackprop.nn.layers import Dense
>>> from skbackprop.nn.network import Network
>>> network = Network(ReZero(Dense(3, 3)))
>>> network.initialize(np.random.default_rng(0))
>>> network.scores(np.array([[1.0, 2.0, 3.0]]))     # residual_weight is 0
array([[1., 2., 3.]])
"""

from __future__ import annotations

import numpy as np

from ...params import frozen
from ..initializers import Constant, Initializer
from ..parameters import Param, Tree, Views
from ..workspace import Workspace
from .base import Backward, Forward
from .compose import Residual


@frozen
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
