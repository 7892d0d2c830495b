"""Residual connections with a learned weight: ReZero.

The weight starts at 0.  So a network of any depth starts as a shallow one, and becomes deeper
where that reduces the loss.

>>> import numpy as np
>>> from skbackprop.nn.layers import Dense
>>> from skbackprop.nn.network import Network
>>> network = Network(ReZero(Dense(3, 3)))
>>> network.initialize(np.random.default_rng(0))
>>> network.scores(np.array([[1.0, 2.0, 3.0]]))     # closed: the identity
array([[1., 2., 3.]])
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..initializers import Constant, Initializer
from ..parameters import Param, Tree
from ..workspace import Workspace
from .base import Backward, Forward
from .compose import Residual


@dataclass(frozen=True)
class ReZero(Residual):
    """``y = s(x) + gate · f(x)``, with one learned number ``gate`` that starts at 0.

    Backwards ``dgate = Σ d · f(x)`` and ``dx = s'(x)ᵀ d + f'(x)ᵀ (gate · d)``.  While the
    gate is 0 the delta reaches the lowest layer unchanged, and the layers inside learn
    nothing; the first step opens the gate.

    Bachlechner, Majumder, Mao, Cottrell & McAuley, "ReZero is all you need: fast
    convergence at large depth" (2021).

    Parameters
    ----------
    inner : Layer
        The ``f``.
    shortcut : Layer
        The ``s``: ``Dense(n_in, n_out, bias=False)`` where `inner` changes the width.
    shape : tuple of int
        Of the gate: ``(1,)``, or ``(k,)`` if each of ``k`` members has its own.
    init : Initializer
        How it starts.
    """

    shape: tuple[int, ...] = (1,)
    init: Initializer = Constant(0.0)

    def arrays(self) -> Tree:
        return {**super().arrays(), "gate": Param(self.shape, self.init, "free")}

    def bind(self, p: Any, g: Any, ws: Workspace) -> tuple[Forward, Backward]:
        (forward_f, backward_f), (forward_s, backward_s) = self.branches(p, g, ws)
        shape = self.output_shape(ws.shape)
        y, gated = ws.array("y", shape), ws.array("gated", shape)
        of_rows = ws.array("of_rows", shape[:-1])
        shared = self.shape == (1,)
        gate = p.gate if shared else p.gate[:, None, None]

        def forward(x: np.ndarray) -> np.ndarray:
            f = ws.arrays["f"] = forward_f(x)
            np.multiply(f, gate, out=y)
            return np.add(y, forward_s(x), out=y)

        def backward(d: np.ndarray) -> np.ndarray | None:
            g.gate[...] = np.vecdot(d, ws.arrays["f"], out=of_rows).sum(axis=None if shared else -1)
            dx = backward_f(np.multiply(d, gate, out=gated))
            dx_s = backward_s(d)
            return np.add(dx, dx_s, out=dx) if ws.needs_dx else None

        return forward, backward
