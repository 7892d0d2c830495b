"""Layers made of layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..parameters import NO_GRADIENT, Tree, Views
from ..workspace import Workspace
from .base import Backward, Forward, Identity, Layer, is_trained


@dataclass(frozen=True)
class Sequential(Layer):
    """One layer after the other: ``y = f_m(… f_2(f_1(x)))``.

    This is the chain rule: forward calls the layers in order, backward in reverse order, and
    each backward turns the delta of its output into the delta of its input.  Backward ends at
    the lowest trained layer.
    """

    layers: tuple[Layer, ...]

    @property
    def named(self) -> tuple[tuple[str, Layer], ...]:
        """The layers under their names, ``("dense_0", …), ("activate_1", …)``."""
        return tuple((f"{type(f).__name__.lower()}_{i}", f) for i, f in enumerate(self.layers))

    def arrays(self) -> Tree:
        return {name: layer.arrays() for name, layer in self.named}

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        for layer in self.layers:
            shape = layer.output_shape(shape)
        return shape

    def bind(self, p: Views, g: Views, ws: Workspace) -> tuple[Forward, Backward]:
        shape, needs_dx, first_dx_column = ws.shape, ws.needs_dx, ws.first_dx_column
        forwards: list[Forward] = []
        backwards: list[Backward] = []
        for name, layer in self.named:
            child = ws.child(name, shape, needs_dx)
            child.first_dx_column = first_dx_column
            forward, backward = layer.bind(getattr(p, name), getattr(g, name, NO_GRADIENT), child)
            forwards.append(forward)
            first_dx_column = 0 if needs_dx else layer.n_untrained
            needs_dx = needs_dx or (ws.needs_grad and is_trained(layer))
            if needs_dx:  # no delta is needed below the lowest trained layer
                backwards.insert(0, backward)
            shape = layer.output_shape(shape)

        def forward_all(x: Any) -> Any:
            for forward in forwards:
                x = forward(x)
            return x

        def backward_all(d: Any) -> Any:
            for backward in backwards:
                d = backward(d)
            return d

        return forward_all, backward_all


@dataclass(frozen=True)
class Residual(Layer):
    """``y = s(x) + f(x)``, where the shortcut ``s`` is the identity unless widths differ.

    Backwards the delta goes through both branches: ``dx = s'(x)ᵀ d + f'(x)ᵀ d``.  With ``s(x) = x``
    it reaches the lowest layer unchanged, for any number of blocks.  He, Zhang, Ren &
    Sun, "Deep residual learning for image recognition" (2015).

    Parameters
    ----------
    inner : Layer
        The ``f``.
    shortcut : Layer
        The ``s``: ``Dense(n_in, n_out, bias=False)`` where `inner` changes the width.
    """

    inner: Layer
    shortcut: Layer = Identity()

    def arrays(self) -> Tree:
        return {"inner": self.inner.arrays(), "shortcut": self.shortcut.arrays()}

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return self.inner.output_shape(shape)

    def bind(self, p: Views, g: Views, ws: Workspace) -> tuple[Forward, Backward]:
        (forward_f, backward_f), (forward_s, backward_s) = self.branches(p, g, ws)
        shape = self.output_shape(ws.shape)
        y, copy = ws.array("y", shape), ws.array("copy", shape)

        def forward(x: np.ndarray) -> np.ndarray:
            return np.add(forward_s(x), forward_f(x), out=y)

        def backward(d: np.ndarray) -> np.ndarray | None:
            copy[...] = d  # each branch may overwrite its delta
            dx, dx_s = backward_f(copy), backward_s(d)
            return np.add(dx, dx_s, out=dx) if ws.needs_dx else None

        return forward, backward

    def branches(
        self, p: Views, g: Views, ws: Workspace
    ) -> tuple[tuple[Forward, Backward], tuple[Forward, Backward]]:
        """Bind `inner` and `shortcut` to the same input."""
        ends = self.inner.output_shape(ws.shape), self.shortcut.output_shape(ws.shape)
        if ends[0] != ends[1]:
            raise ValueError(
                f"{type(self).__name__} needs an inner layer and a shortcut that give the same "
                f"shape, got {ends[0]} and {ends[1]} from an input of shape {ws.shape}. "
                f"Use shortcut=Dense({ws.shape[-1]}, {ends[0][-1]})."
            )
        inner = ws.child("inner", ws.shape, ws.needs_dx)
        shortcut = ws.child("shortcut", ws.shape, ws.needs_dx)
        return (
            self.inner.bind(p.inner, getattr(g, "inner", NO_GRADIENT), inner),
            self.shortcut.bind(p.shortcut, getattr(g, "shortcut", NO_GRADIENT), shortcut),
        )
