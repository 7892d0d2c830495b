"""A network: immutable layers, and two flat vectors with its whole state.

>>> import numpy as np
>>> from skbackprop.nn.activations import ACTIVATIONS
>>> from skbackprop.nn.layers import Activate, Dense, Sequential
>>> layers = Sequential((Dense(2, 3), Activate(ACTIVATIONS["tanh"]), Dense(3, 1)))
>>> network = Network(layers)
>>> network.initialize(np.random.RandomState(0))
>>> network.theta.shape                       # 2·3 + 3·1 weights, then 3 + 1 biases
(13,)
>>> network.scores(np.zeros((5, 2))).shape
(5, 1)
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from .layers.base import Backward, Forward, Layer
from .parameters import NO_GRADIENT, Layout, Views
from .workspace import Workspace

CACHED = 2**16  # numbers of an activation that stays in the cache


class Pass(NamedTuple):
    """A network bound to one batch size: call ``forward``, then ``backward``.

    ``delta`` is an array of the shape of the scores, for the loss to write to.  It has an
    axis of members, ``(k, n, n_scores)``, if the network has.
    """

    forward: Forward
    backward: Backward
    delta: np.ndarray
    ws: Workspace
    n_members: int = 1


class Network:
    """Layers over one flat vector of trained numbers and one of fixed numbers.

    Parameters
    ----------
    layer : Layer
        The (composed) layer from input to scores.
    dtype : dtype
        Of every number of the network, float32 or float64.

    Attributes
    ----------
    theta : ndarray of shape (layout.size,)
        The trained parameters, weights first.
    fixed : ndarray of shape (layout.fixed_size,)
        Arrays that are stored but not trained.
    grad : ndarray of shape (layout.size,)
        The gradient, written by `Pass.backward`; made on first use.
    weights : ndarray of shape (layout.n_weights,)
        The penalized part of ``theta``, a view.
    p, g : Views
        Named views of the vectors.
    """

    def __init__(self, layer: Layer, dtype: Any = np.float64):
        layout = Layout(layer.arrays())
        self._bind(layer, layout, np.zeros(layout.size, dtype), np.zeros(layout.fixed_size, dtype))

    def _bind(self, layer: Layer, layout: Layout, theta: np.ndarray, fixed: np.ndarray) -> None:
        self.layer, self.layout, self.theta, self.fixed = layer, layout, theta, fixed
        self.p: Views = layout.bind(theta, fixed)
        self.weights = theta[: layout.n_weights]
        self._grad: np.ndarray | None = None
        self._g: Views | None = None

    @property
    def dtype(self) -> np.dtype:
        return self.theta.dtype

    @property
    def grad(self) -> np.ndarray:
        if self._grad is None:
            self._grad = np.zeros_like(self.theta)
            self._g = self.layout.bind(self._grad)
        return self._grad

    @property
    def g(self) -> Views:
        _ = self.grad
        assert self._g is not None
        return self._g

    def initialize(self, rng: Any) -> None:
        """Fill ``theta`` and ``fixed`` from the initializers of the layers."""
        self.layout.initialize(self.theta, self.fixed, rng)

    def over(self, theta: np.ndarray, fixed: np.ndarray | None = None) -> Network:
        """The same layers with other numbers, for an average, a snapshot or a line search."""
        other = object.__new__(Network)
        other._bind(self.layer, self.layout, theta, self.fixed if fixed is None else fixed)
        return other

    def at_least(self, dtype: Any) -> Network:
        """The network in a precision no lower than `dtype`: itself, or a float64 copy."""
        wide = np.result_type(self.dtype, dtype)
        if wide == self.dtype:
            return self
        return self.over(self.theta.astype(wide), self.fixed.astype(wide))

    def bind(
        self,
        shape: tuple[int, ...],
        *,
        train: bool = False,
        rng: Any = None,
        needs_dx: bool = False,
        schedule_factors: dict[str, float] | None = None,
    ) -> Pass:
        """A training pass for inputs of `shape`; its backward fills ``grad``."""
        return self.bind_workspace(
            Workspace(
                shape,
                self.dtype,
                train=train,
                rng=rng,
                needs_dx=needs_dx,
                schedule_factors=schedule_factors,
            )
        )

    def bind_within(self, larger: Pass, shape: tuple[int, ...]) -> Pass:
        """A pass like `larger`, for fewer rows, in its arrays: do not use both at once."""
        return self.bind_workspace(larger.ws.smaller(shape))

    def bind_workspace(self, ws: Workspace) -> Pass:
        """A pass in this workspace."""
        forward, backward = self.layer.bind(self.p, self.g, ws)
        delta = ws.array("delta", self.layer.output_shape(ws.shape))
        return Pass(forward, backward, delta, ws, delta.shape[0] if delta.ndim == 3 else 1)

    def scores(self, x: Any, *, chunk: int | None = None, layer: Layer | None = None) -> np.ndarray:
        """Inference in bounded memory; safe to call from many threads at once.

        `layer` may be the lower part of a sequential network: its output is returned.
        """
        layer, n = layer or self.layer, x.shape[-2]
        chunk = chunk or self._rows_in_cache()
        shape = layer.output_shape((*x.shape[:-2], min(n, chunk), x.shape[-1]))
        scores = np.empty((*shape[:-2], n, shape[-1]), self.dtype)
        forward, bound = None, -1
        for start in range(0, n, chunk):
            part = slice(start, start + chunk)
            rows = x if n <= chunk else x[part] if x.ndim == 2 else x[:, part]
            if rows.shape[-2] != bound:
                bound = rows.shape[-2]
                forward = bind_forward(layer, self.p, Workspace(rows.shape, self.dtype))
            assert forward is not None
            if isinstance(rows, np.ndarray) and rows.dtype != self.dtype:
                rows = rows.astype(self.dtype)  # a chunk at a time, not the whole input
            scores[..., start : start + bound, :] = forward(rows)
        return scores

    def _rows_in_cache(self) -> int:
        """Number of rows for which the output of the widest layer stays in the cache."""
        width = max((param.shape[-1] for _, param in self.layout.trained.values()), default=1)
        return max(128, CACHED // width)

    def release(self) -> None:
        """Give back the memory of the gradient."""
        self._grad, self._g = None, None

    def __getstate__(self) -> dict[str, Any]:
        # A copied or unpickled view no longer shares memory: keep vectors, rebind.
        return {"layer": self.layer, "theta": self.theta, "fixed": self.fixed}

    def __setstate__(self, state: dict[str, Any]) -> None:
        layer = state["layer"]
        self._bind(layer, Layout(layer.arrays()), state["theta"], state["fixed"])


def bind_forward(layer: Layer, p: Views, ws: Workspace) -> Forward:
    """``forward`` of a layer for a pass without ``backward``."""
    ws.needs_grad = False
    return layer.bind(p, NO_GRADIENT, ws)[0]


def leaves(network: Network) -> Iterator[np.ndarray]:
    """Every array of the network, trained and fixed, as views in a fixed order."""
    layout = network.layout
    for vector, place in ((network.theta, layout.trained), (network.fixed, layout.fixed)):
        for where, param in place.values():
            yield vector[where].reshape(param.shape)


def fixed_arrays(network: Network) -> Iterator[tuple[str, np.ndarray]]:
    """The arrays that are not trained, each with the last part of its name."""
    for path, (where, param) in network.layout.fixed.items():
        yield path[-1], network.fixed[where].reshape(param.shape)


def copy_marked(kept: Network, new: Network, marked: np.ndarray) -> None:
    """Copy the members of `new` that are marked; shared arrays are copied if all are marked."""
    for old, now in zip(leaves(kept), leaves(new), strict=True):
        if marked.all():
            old[...] = now
        elif len(now) == len(marked):
            old[marked] = now[marked]


def copy_members(whole: Network, part: Network, first: int, *, to_whole: bool) -> None:
    """Copy the members of `part`, number `first` and following of `whole`, one way or the other.

    Arrays of `part` without an axis of members are shared by all members.
    """
    for large, small in zip(leaves(whole), leaves(part), strict=True):
        view = large if large.shape == small.shape else large[first : first + len(small)]
        if to_whole:
            view[...] = small
        else:
            small[...] = view
