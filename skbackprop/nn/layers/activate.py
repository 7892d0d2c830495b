"""Elementwise non-linearities as a layer."""

from __future__ import annotations

import numpy as np

from ...params import frozen
from ..activations import Activation
from ..parameters import Views
from ..workspace import Workspace
from .base import Backward, Forward, Layer


@frozen
class Activate(Layer):
    """``y = f(z)``, elementwise; backwards ``dz = d · f'(z)``.

    Parameters
    ----------
    activation : Activation
        Any object with ``forward(z, out)``, which writes ``f(z)`` to `out`, and
        ``backward(z, y, d)``, which multiplies ``d`` by ``f'(z)`` in place.  If ``f`` and ``f'``
        share an exponential, it may also have ``forward_and_slope(z, out, slope)``, which writes
        ``f(z)`` and ``f'(z)``.  It is used in passes with a backward.
    """

    activation: Activation

    def bind(self, p: Views, g: Views, ws: Workspace) -> tuple[Forward, Backward]:
        f, y = self.activation, ws.array("y", ws.shape)
        both = getattr(f, "forward_and_slope", None)
        if both is not None and ws.needs_grad:
            slope = ws.array("slope", ws.shape)

            def forward_both(z: np.ndarray) -> np.ndarray:
                both(z, y, slope)
                return y

            def backward_slope(d: np.ndarray) -> np.ndarray:
                return np.multiply(d, slope, out=d)

            return forward_both, backward_slope

        def forward(z: np.ndarray) -> np.ndarray:
            ws.x = z
            f.forward(z, y)
            return y

        def backward(d: np.ndarray) -> np.ndarray:
            f.backward(ws.x, y, d)
            return d

        return forward, backward
