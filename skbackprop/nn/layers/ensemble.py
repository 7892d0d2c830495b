"""Members: several networks in one stack of arrays.

A step of a small network spends most of its time in the calls of NumPy.  ``k`` members with
arrays ``(k, …)`` need as many calls as one network, and are independent of each other.  The
other layers broadcast over members; this file has the dense layers.

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

from typing import Any

import numpy as np

from ...params import frozen
from ..initializers import Constant, Initializer, Uniform
from ..linalg import rows, stacked_matmul
from ..parameters import Param, Tree, Views
from ..workspace import Workspace
from .base import Backward, Forward, Layer
from .scale import sum_rows


@frozen
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
        Does the layer have a ``b``?
    init, bias_init : Initializer
        Initial values of ``W``, ``(k, n_in, n_out)``, and ``b``, ``(k, n_out)``.
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

    def bind(self, p: Views, g: Views, ws: Workspace) -> tuple[Forward, Backward]:
        y = ws.array("y", self.output_shape(ws.shape))
        ones = np.ones(ws.shape[-2], ws.dtype)
        W, b = p.W, p.b[:, None, :] if self.bias else None
        used = np.s_[..., ws.first_dx_column :]  # columns of dx
        WT = W.swapaxes(-1, -2)[used]
        dx = ws.array("dx", (self.k, *ws.shape[-2:])) if ws.needs_dx else None
        if dx is not None:
            dx[..., : ws.first_dx_column] = 0
        total = ws.array("total", ws.shape) if ws.needs_dx and len(ws.shape) == 2 else None
        # With a single output an elementwise product is faster than BLAS.
        product = np.multiply if self.n_out == 1 else stacked_matmul

        def forward(x: Any) -> np.ndarray:
            ws.x = x
            stacked_matmul(x, W, out=y)
            return y if b is None else np.add(y, b, out=y)

        def backward(d: np.ndarray) -> np.ndarray | None:
            stacked_matmul(ws.x.swapaxes(-1, -2) if ws.x.ndim == 3 else ws.x.T, d, out=g.W)
            if b is not None:
                np.matmul(ones, d, out=g.b)
            if dx is None:
                return None
            product(d, WT, out=dx[used])
            return dx if total is None else np.sum(dx, axis=0, out=total)

        return forward, backward


@frozen
class ScaledDense(Layer):
    """``y[m] = (s[m] · x[m]) W[m] + b[m]``: every input has a trained factor.

    ``(s · x) W = x V`` with ``V = s · W``, row by row of ``W``, needs no scaled copy of ``x``.
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
        """The dense layer with the weights ``V``."""
        return MemberDense(self.k, self.n_in, self.n_out, self.bias, self.init, self.bias_init)

    def arrays(self) -> Tree:
        return {**self.dense.arrays(), "scale": Param((self.k, self.n_in), Constant(1.0), "free")}

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return (self.k, shape[-2], self.n_out)

    def bind(self, p: Views, g: Views, ws: Workspace) -> tuple[Forward, Backward]:
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


@frozen
class BatchEnsembleDense(Layer):
    """``y[m] = ((r[m] · x[m]) W) · s[m] + b[m]``: one ``W`` for all, and vectors for each member.

    All members use the same matrix, each with its own batch.  Backwards, with ``e[m] = d[m] ·
    s[m]`` and sums over the members for what they share:
    ``dW = Σ (r · x)ᵀ e``, ``dr = Σ x · (e Wᵀ)``, ``ds = Σ d · ((r · x) W)``, ``db = Σ d``, and
    ``dx = r · (e Wᵀ)``.

    Wen, Tran & Ba, "BatchEnsemble: an alternative approach to efficient ensemble and lifelong
    learning" (2020); Gorishniy, Kotelnikov & Babenko, "TabM: advancing tabular deep learning
    with parameter-efficient ensembling" (2025), who start the first ``r`` at random signs, and
    all other vectors at 1, so that the members differ from the first layer on.

    Parameters
    ----------
    k, n_in, n_out, bias, init, bias_init
        See `MemberDense`; ``W`` has the shape ``(n_in, n_out)``.
    start : Initializer
        Initial values of ``r``, of shape ``(k, n_in)``; ``s`` is 1 at first.
    """

    k: int
    n_in: int
    n_out: int
    bias: bool = True
    init: Initializer = Uniform("glorot")
    bias_init: Initializer = Constant(0.0)
    start: Initializer = Constant(1.0)

    def arrays(self) -> Tree:
        tree: Tree = {
            "W": Param((self.n_in, self.n_out), self.init),
            "r": Param((self.k, self.n_in), self.start, "free"),
            "s": Param((self.k, self.n_out), Constant(1.0), "free"),
        }
        b = Param((self.k, self.n_out), self.bias_init, "free")
        return {**tree, "b": b} if self.bias else tree

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return (self.k, shape[-2], self.n_out)

    def bind(self, p: Views, g: Views, ws: Workspace) -> tuple[Forward, Backward]:
        shape = self.output_shape(ws.shape)
        y, z = ws.array("y", shape), ws.array("z", shape)
        scaled = ws.array("scaled", (self.k, *ws.shape[-2:]))
        product, e = ws.array("product", scaled.shape), ws.array("e", shape)
        total = ws.array("total", ws.shape) if ws.needs_dx and len(ws.shape) == 2 else None
        ones = np.ones(ws.shape[-2], ws.dtype)
        r, s = p.r[:, None, :], p.s[:, None, :]
        W, b = p.W, p.b[:, None, :] if self.bias else None

        def forward(x: np.ndarray) -> np.ndarray:
            ws.x = x
            np.dot(rows(np.multiply(x, r, out=scaled)), W, out=rows(z))
            np.multiply(z, s, out=y)
            return y if b is None else np.add(y, b, out=y)

        def backward(d: np.ndarray) -> np.ndarray | None:
            if b is not None:
                sum_rows(d, ones, out=g.b)
            sum_rows(np.multiply(d, z, out=e), ones, out=g.s)
            np.multiply(d, s, out=e)
            np.dot(rows(scaled).T, rows(e), out=g.W)
            np.dot(rows(e), W.T, out=rows(product))
            # dW is computed, so `scaled` is free.
            sum_rows(np.multiply(product, ws.x, out=scaled), ones, out=g.r)
            if not ws.needs_dx:
                return None
            np.multiply(product, r, out=product)
            return product if total is None else np.sum(product, axis=0, out=total)

        return forward, backward
