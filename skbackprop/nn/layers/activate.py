"""Elementwise non-linearities as a layer."""

from __future__ import annotations

import numpy as np

from ...params import frozen
from ..activations import Activation, bind_activation
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
        ``backward(z, y, d)``, which multiplies ``d`` by ``f'(z)`` in place.
    """

    activation: Activation

    def bind(self, p: Views, g: Views, ws: Workspace) -> tuple[Forward, Backward]:
        f_forward, f_backward = bind_activation(self.activation, ws)
        y = ws.array("y", ws.shape)

        def forward(z: np.ndarray) -> np.ndarray:
            ws.x, ws.y = z, y
            f_forward(z, y)
            return y

        def backward(d: np.ndarray) -> np.ndarray:
            f_backward(ws.x, y, d)
            return d

        return forward, backward
