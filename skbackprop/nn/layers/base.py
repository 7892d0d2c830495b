"""What a layer is.

Notation, used in every file of this folder
-------------------------------------------
=======  =====================================================================
``x``    input, ``(..., n, n_in)``: features last, the batch just before them,
         and, in ensembles, the ``k`` members first: ``(k, n, n_in)``
``y``    output, ``(..., n, n_out)``
``z``    what goes into an activation, ``y = f(z)``
``d``    delta, the derivative of the loss with respect to ``y``
``dx``   the derivative of the loss with respect to ``x``
``W b``  weights ``(n_in, n_out)`` and biases ``(n_out,)``
``p``    the layer's parameters, as views of ``theta`` and ``fixed``: ``p.W``
``g``    the gradient, as views of ``grad`` under the same names: ``g.W``
``ws``   the workspace of this layer in this pass
=======  =====================================================================

The contract
------------
A layer says which arrays it needs (`Layer.arrays`) and *binds* once per batch
size: `Layer.bind` gets every view and buffer in hand and returns two functions,
``forward(x) -> y`` and ``backward(d) -> dx``, which are then called for every
batch.  They are neighbors: one screen shows a formula and its derivative.

1. ``forward`` never writes to ``x``.  It writes to arrays of ``ws``.
2. ``backward`` owns ``d``: it may overwrite it.  The ``dx`` it returns belongs to
   the caller.
3. ``backward`` fills every entry of ``g``.  It writes, it does not accumulate.
4. A layer is immutable.  What one pass remembers hangs on ``ws``; what must
   outlive the batch is a ``"fixed"`` array, written only if ``ws.train``.

From 1 and 4 follows a thread-safe `predict`, from 3 that nobody zeroes
gradients.  ``tests/nn/test_layers.py`` checks all four for every layer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from ..parameters import Param, Tree
from ..workspace import Workspace

Forward: TypeAlias = Callable[[Any], Any]
Backward: TypeAlias = Callable[[Any], Any]


@dataclass(frozen=True)
class Layer:
    """Base of all layers: declares no arrays and does nothing."""

    def arrays(self) -> Tree:
        """The arrays the layer needs, by name."""
        return {}

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Shape of ``y`` for an ``x`` of shape `shape`."""
        return shape

    @property
    def n_untrained(self) -> int:
        """How many of the first columns of ``y`` depend on nothing that learns here."""
        return 0

    def bind(self, p: Any, g: Any, ws: Workspace) -> tuple[Forward, Backward]:
        """``forward(x) -> y`` and ``backward(d) -> dx`` for the batch size of `ws`.

        ``dx`` may be None if ``not ws.needs_dx``.
        """
        return _same, _same


def _same(x: Any) -> Any:
    return x


def is_trained(layer: Layer) -> bool:
    """Does the layer have an array that learns?"""
    return _any_trained(layer.arrays())


def _any_trained(tree: Tree) -> bool:
    return any(
        node.role != "fixed" if isinstance(node, Param) else _any_trained(node)
        for node in tree.values()
    )
