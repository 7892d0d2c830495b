"""Members: several networks in one stack of arrays.

Step by step a small network leaves a computer idle: most of the time goes into calling
NumPy.  ``k`` members with arrays ``(k, …)`` cost as many calls as one, and share nothing
but that.  All layers but the dense ones broadcast over members anyway, so this file has the
dense ones.

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
from ..parameters import Param, Tree, Views
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
        ones = np.ones(ws.shape[-2], ws.dtype)
        W, b = p.W, p.b[:, None, :] if self.bias else None
        backward_x = delta_of_x(W, ws)

        def forward(x: Any) -> np.ndarray:
            ws.x = x
            stacked_matmul(x, W, out=y)
            return y if b is None else np.add(y, b, out=y)

        def backward(d: np.ndarray) -> np.ndarray | None:
            stacked_matmul(ws.x.swapaxes(-1, -2) if ws.x.ndim == 3 else ws.x.T, d, out=g.W)
            if b is not None:
                sum_rows(d, ones, out=g.b)
            return backward_x(d)

        return forward, backward


@dataclass(frozen=True)
class ScaledDense(Layer):
    """``y[m] = (s[m] · x[m]) W[m] + b[m]``: every input has a factor that learns.

    As ``(s · x) W = x V`` with ``V = s · W``, row by row of ``W``, no other ``x`` is made.
    Backwards ``dV = xᵀ d``, and from it ``dW = s · dV`` and ``ds = Σ dV · W`` over the
    outputs; ``db = Σ d``, ``dx = d Vᵀ``.

    Parameters
    ----------
    k, n_in, n_out, bias, init, bias_init
        See `MemberDense`; ``s``, of shape ``(k, n_in)``, starts at 1.
    """

    k: int
    n_in: int
    n_out: int
    bias: bool = True
    init: Initializer = Uniform("glorot")
    bias_init: Initializer = Constant(0.0)

    @property
    def dense(self) -> MemberDense:
        """The layer that ``V`` belongs to."""
        return MemberDense(self.k, self.n_in, self.n_out, self.bias, self.init, self.bias_init)

    def arrays(self) -> Tree:
        return {**self.dense.arrays(), "scale": Param((self.k, self.n_in), Constant(1.0), "free")}

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return (self.k, shape[-2], self.n_out)

    def bind(self, p: Any, g: Any, ws: Workspace) -> tuple[Forward, Backward]:
        W, s, V = p.W, p.scale[:, :, None], np.empty_like(p.W)
        scaled = Views(**{**vars(p), "W": V})
        forward_dense, backward_dense = self.dense.bind(scaled, g, ws)

        def forward(x: Any) -> np.ndarray:
            np.multiply(s, W, out=V)
            return forward_dense(x)

        def backward(d: np.ndarray) -> np.ndarray | None:
            dx, dV = backward_dense(d), g.W
            np.vecdot(dV, W, out=g.scale)
            np.multiply(s, dV, out=g.W)
            return dx

        return forward, backward


def delta_of_x(W: np.ndarray, ws: Workspace) -> Backward:
    """``dx = d Wᵀ``, of the columns that are wanted; of all members if they share ``x``."""
    if not ws.needs_dx:
        return lambda d: None
    dx = ws.array("dx", (len(W), *ws.shape[-2:]))
    total = ws.array("total", ws.shape) if len(ws.shape) == 2 else None
    dx[..., : ws.first_dx_column] = 0
    wanted, W_transposed = (
        dx[..., ws.first_dx_column :],
        W[:, ws.first_dx_column :].swapaxes(-1, -2),
    )
    # With a single output the product is one of numbers, for which BLAS is no good.
    product = np.multiply if W.shape[-1] == 1 else stacked_matmul

    def backward(d: np.ndarray) -> np.ndarray:
        product(d, W_transposed, out=wanted)
        return dx if total is None else np.sum(dx, axis=0, out=total)

    return backward
