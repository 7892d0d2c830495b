"""A trained factor for every feature.

A parameter of a feature is broadcast along the batch in forward, and its gradient is a sum
over the batch.  All layers with such parameters take the `shape` of their arrays:
``(n_in,)``, or ``(k, n_in)`` if each of ``k`` members has its own.

>>> import numpy as np
>>> sum_rows(np.array([[1.0, 2.0], [3.0, 4.0]]), np.ones(2), out=np.empty(2))
array([4., 6.])
"""

from __future__ import annotations

from math import prod

import numpy as np

from ...params import frozen
from ..initializers import Constant, Initializer
from ..linalg import rows
from ..parameters import Param, Tree, Views
from ..workspace import Workspace
from .base import Backward, Forward, Layer


@frozen
class Scale(Layer):
    """``y = x · scale``, with a trained factor for each feature.

    Backwards ``dscale = Σ d · x`` over the batch, and ``dx = d · scale``.

    Parameters
    ----------
    shape : tuple of int
        Of the factors: ``(n_in,)``, or ``(k, n_in)`` if each member has its own.
    init : Initializer
        Initial values of the factors.
    """

    shape: tuple[int, ...]
    init: Initializer = Constant(1.0)

    def arrays(self) -> Tree:
        return {"scale": Param(self.shape, self.init, "free")}

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return (*(self.shape[:-1] or shape[:-2]), *shape[-2:])

    def bind(self, p: Views, g: Views, ws: Workspace) -> tuple[Forward, Backward]:
        shape = self.output_shape(ws.shape)
        y, product = ws.array("y", shape), ws.array("product", shape)
        ones = np.ones(prod(shape[:-1]), ws.dtype)
        scale = p.scale[..., None, :]
        # If all members share x, their deltas are summed.
        total = ws.array("total", ws.shape) if len(shape) > len(ws.shape) else None

        def forward(x: np.ndarray) -> np.ndarray:
            ws.x = x
            return np.multiply(x, scale, out=y)

        def backward(d: np.ndarray) -> np.ndarray:
            sum_rows(np.multiply(d, ws.x, out=product), ones, out=g.scale)
            np.multiply(d, scale, out=d)
            return d if total is None else np.sum(d, axis=0, out=total)

        return forward, backward


def sum_rows(a: np.ndarray, ones: np.ndarray, out: np.ndarray) -> np.ndarray:
    """Write to `out`, of shape ``(n_in,)`` or ``(k, n_in)``, the sum of `a` over the rest.

    `ones` has one entry for each row of `a`: a product with it is faster than ``np.sum``.
    """
    if out.ndim == 1:  # shared parameters: sum over the rows of all members
        return np.dot(ones, rows(a), out=out)
    return np.matmul(ones[: a.shape[-2]], a, out=out)


def copy_or_sum(d: np.ndarray, out: np.ndarray) -> np.ndarray:
    """Write to `out` the delta `d`, or, if all members share `out`, the sum of theirs."""
    if out.ndim < d.ndim:
        return d.sum(axis=0, out=out)
    out[...] = d
    return out
