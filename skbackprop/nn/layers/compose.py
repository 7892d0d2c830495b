"""Layers made of layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..parameters import Tree
from ..workspace import Workspace
from .base import Backward, Forward, Layer, is_trained
from .scale import copy_or_sum


@dataclass(frozen=True)
class Sequential(Layer):
    """One layer after the other: ``y = f_m(… f_2(f_1(x)))``.

    This is the chain rule: forward through the list, backward through the
    reversed list, each layer turning the delta of its output into the delta of
    its input.  The way back ends at the lowest layer that learns.
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

    def bind(self, p: Any, g: Any, ws: Workspace) -> tuple[Forward, Backward]:
        shape, needs_dx, first_dx_column = ws.shape, ws.needs_dx, ws.first_dx_column
        forwards: list[Forward] = []
        backwards: list[Backward] = []
        for name, layer in self.named:
            child = ws.child(name, shape, needs_dx)
            child.first_dx_column = first_dx_column
            forward, backward = layer.bind(getattr(p, name), getattr(g, name, None), child)
            forwards.append(forward)
            first_dx_column = 0 if needs_dx else layer.n_untrained
            needs_dx = needs_dx or is_trained(layer)
            if needs_dx:  # below the first layer that learns nobody asks for a delta
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

    Backwards the delta takes both roads: ``dx = s'(x)ᵀ d + f'(x)ᵀ d``.  With ``s(x) = x``
    it reaches the lowest layer unchanged, however many blocks lie above.  He, Zhang, Ren &
    Sun, "Deep residual learning for image recognition" (2015).

    Parameters
    ----------
    inner : Layer
        The ``f``.
    shortcut : Layer
        The ``s``: ``Dense(n_in, n_out, bias=False)`` where `inner` changes the width.
    """

    inner: Layer
    shortcut: Layer = Layer()

    def arrays(self) -> Tree:
        return {"inner": self.inner.arrays(), "shortcut": self.shortcut.arrays()}

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return self.inner.output_shape(shape)

    def bind(self, p: Any, g: Any, ws: Workspace) -> tuple[Forward, Backward]:
        (forward_f, backward_f), (forward_s, backward_s) = self.branches(p, g, ws)
        shape = self.output_shape(ws.shape)
        y, copy = ws.array("y", shape), ws.array("copy", shape)

        def forward(x: np.ndarray) -> np.ndarray:
            return np.add(forward_s(x), forward_f(x), out=y)

        def backward(d: np.ndarray) -> np.ndarray | None:
            copy[...] = d  # each road owns its delta and may overwrite it
            dx, dx_s = backward_f(copy), backward_s(d)
            return np.add(dx, dx_s, out=dx) if ws.needs_dx else None

        return forward, backward

    def branches(
        self, p: Any, g: Any, ws: Workspace
    ) -> tuple[tuple[Forward, Backward], tuple[Forward, Backward]]:
        """Bind `inner` and `shortcut` to the same input."""
        ends = self.inner.output_shape(ws.shape), self.shortcut.output_shape(ws.shape)
        if ends[0] != ends[1]:
            raise ValueError(
                f"{type(self).__name__} needs an inner layer and a shortcut that end in the same "
                f"shape, got {ends[0]} and {ends[1]} from an input of shape {ws.shape}. "
                f"Use shortcut=Dense({ws.shape[-1]}, {ends[0][-1]})."
            )
        inner = ws.child("inner", ws.shape, ws.needs_dx)
        shortcut = ws.child("shortcut", ws.shape, ws.needs_dx)
        return (
            self.inner.bind(p.inner, getattr(g, "inner", None), inner),
            self.shortcut.bind(p.shortcut, getattr(g, "shortcut", None), shortcut),
        )


@dataclass(frozen=True)
class Branches(Layer):
    """``y = [f_1(x_1), …, f_m(x_m)]``, where ``x = [x_1, …, x_m]`` is split by columns.

    So codes go to one layer and numbers to another.  Backwards each layer gets its columns
    of the delta, and returns its columns of ``dx``; those that learn nothing are passed by
    if nobody below wants one.

    Parameters
    ----------
    branches : tuple of (int, Layer)
        How many columns, in order, and what they go through: ``((2, f_1), (5, f_2))``.
    """

    branches: tuple[tuple[int, Layer], ...]

    @property
    def named(self) -> tuple[tuple[str, Layer], ...]:
        """The layers under their names, as in `Sequential`."""
        return Sequential(tuple(layer for _, layer in self.branches)).named

    def arrays(self) -> Tree:
        return {name: layer.arrays() for name, layer in self.named}

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return self._joined(self._shapes(shape))

    def bind(self, p: Any, g: Any, ws: Workspace) -> tuple[Forward, Backward]:
        shapes = self._shapes(ws.shape)
        y = ws.array("y", self._joined(shapes))
        dx = ws.array("dx", ws.shape) if ws.needs_dx else None
        forwards, backwards = [], []
        start = stop = 0
        for (name, layer), (width, _), shape in zip(self.named, self.branches, shapes, strict=True):
            inputs, outputs = slice(start, start + width), slice(stop, stop + shape[-1])
            start, stop = inputs.stop, outputs.stop
            child = ws.child(name, (*ws.shape[:-1], width), ws.needs_dx)
            forward, backward = layer.bind(getattr(p, name), getattr(g, name, None), child)
            # Parts are copied, for of an array with gaps BLAS would make a copy each time.
            forwards.append((forward, inputs, ws.array(f"x_{name}", child.shape), y[..., outputs]))
            if ws.needs_dx or is_trained(layer):
                backwards.append((backward, inputs, outputs, ws.array(f"d_{name}", shape)))

        def forward_all(x: np.ndarray) -> np.ndarray:
            for forward, inputs, x_part, y_part in forwards:
                x_part[...] = x[..., inputs]
                y_part[...] = forward(x_part)
            return y

        def backward_all(d: np.ndarray) -> np.ndarray | None:
            for backward, inputs, outputs, d_part in backwards:
                dx_part = backward(copy_or_sum(d[..., outputs], out=d_part))
                if dx is not None:
                    dx[..., inputs] = dx_part
            return dx

        return forward_all, backward_all

    def _shapes(self, shape: tuple[int, ...]) -> list[tuple[int, ...]]:
        """Of the outputs of all branches."""
        widths = [width for width, _ in self.branches]
        if sum(widths) != shape[-1]:
            raise ValueError(
                f"Branches needs as many columns as its branches take, {sum(widths)} = "
                f"{' + '.join(map(str, widths))}, got an input of shape {shape}. "
                "Columns that need no layer go through Layer()."
            )
        return [layer.output_shape((*shape[:-1], width)) for width, layer in self.branches]

    def _joined(self, shapes: list[tuple[int, ...]]) -> tuple[int, ...]:
        """The shape of ``y``, with an axis of members if any output has one."""
        ends = {shape[:-1] for shape in shapes if len(shape) == max(map(len, shapes))}
        if len(ends) != 1:
            raise ValueError(
                f"Branches needs outputs of one number of members, got the shapes {shapes}. "
                "Give all layers of members the same number."
            )
        return (*ends.pop(), sum(shape[-1] for shape in shapes))
