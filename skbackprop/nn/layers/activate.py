"""Elementwise non-linearities as a layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..activations import Activation, trained
from ..workspace import Workspace
from .base import Backward, Forward, Layer


@dataclass(frozen=True)
class Activate(Layer):
    """``y = f(z)``, elementwise; backwards ``dz = d · f'(z)``.

    Parameters
    ----------
    activation : Activation
        Any object with ``forward(z, out)``, which writes ``f(z)`` to `out`, and
        ``backward(z, y, d)``, which multiplies ``d`` by ``f'(z)`` in place.
    """

    activation: Activation

    def bind(self, p: Any, g: Any, ws: Workspace) -> tuple[Forward, Backward]:
        f = self.activation
        f_forward, f_backward = f.forward, f.backward
        if g is not None:
            f_forward, f_backward = trained(f, ws.shape, ws.dtype)
        y = ws.array("y", ws.shape)

        def forward(z: np.ndarray) -> np.ndarray:
            ws.x, ws.y = z, y
            f_forward(z, y)
            return y

        def backward(d: np.ndarray) -> np.ndarray:
            f_backward(ws.x, y, d)
            return d

        return forward, backward
