"""Members: several networks in one stack of arrays.

Step by step a small network leaves a computer idle: most of the time goes into calling
NumPy.  ``k`` members with arrays ``(k, …)`` cost as many calls as one, and share nothing
but that.  All layers but the dense one broadcast over members anyway, so this file has the
dense one.

>>> import numpy as np
>>> from skbackprop.nn.network import Network
>>> network = Network(MemberDense(3, 2, 1))
>>> network.initialize(np.random.default_rng(0))
>>> network.scores(np.zeros((5, 2))).shape         # the same rows for all
(3, 5, 1)
>>> network.scores(np.zeros((3, 5, 2))).shape      # rows of their own
(3, 5, 1)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..initializers import Constant, Initializer, Uniform
from ..linalg import stacked_matmul
from ..parameters import Param, Tree
from ..workspace import Workspace
from .base import Backward, Forward, Layer
from .scale import sum_rows


@dataclass(frozen=True)
class MemberDense(Layer):
    """``y[m] = x[m] W[m] + b[m]``: a dense layer for each of ``k`` members.

    Backwards, member by member, ``dW = xᵀ d``, ``db = Σ d``, ``dx = d Wᵀ``; an ``x`` that all
    members share, ``(n, n_in)``, gets the sum of their ``dx``.

    Parameters
    ----------
    k : int
        Number of members.
    n_in, n_out : int
        Number of inputs and of outputs of each.
    bias : bool
        Is there a ``b``?
    init, bias_init : Initializer
        How ``W``, of shape ``(k, n_in, n_out)``, and ``b``, ``(k, n_out)``, start.
    """

    k: int
    n_in: int
    n_out: int
    bias: bool = True
    init: Initializer = Uniform("glorot")
    bias_init: Initializer = Constant(0.0)

    def arrays(self) -> Tree:
        W = Param((self.k, self.n_in, self.n_out), self.init)
        if not self.bias:
            return {"W": W}
        return {"W": W, "b": Param((self.k, self.n_out), self.bias_init, "free")}

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return (self.k, shape[-2], self.n_out)

    def bind(self, p: Any, g: Any, ws: Workspace) -> tuple[Forward, Backward]:
        y = ws.array("y", self.output_shape(ws.shape))
        stacked = (self.k, *ws.shape[-2:])
        dx = ws.array("dx", stacked) if ws.needs_dx else None
        total = ws.array("total", ws.shape) if ws.needs_dx else None
        ones = np.ones(ws.shape[-2], ws.dtype)
        W, b = p.W, p.b[:, None, :] if self.bias else None
        W_transposed = W.swapaxes(-1, -2)

        def forward(x: Any) -> np.ndarray:
            ws.x = x
            stacked_matmul(x, W, out=y)
            return y if b is None else np.add(y, b, out=y)

        def backward(d: np.ndarray) -> np.ndarray | None:
            x = ws.x
            stacked_matmul(x.swapaxes(-1, -2) if x.ndim == 3 else x.T, d, out=g.W)
            if b is not None:
                sum_rows(d, ones, out=g.b)
            if dx is None:
                return None
            stacked_matmul(d, W_transposed, out=dx)
            return dx if x.ndim == 3 else np.sum(dx, axis=0, out=total)

        return forward, backward
