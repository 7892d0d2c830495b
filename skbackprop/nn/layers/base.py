"""What a layer is.

Notation, used in every file of this folder
-------------------------------------------
=======  =====================================================================
``x``    input, ``(..., n, n_in)``: features last, the batch just before them,
         and, in ensembles, the ``k`` members first: ``(k, n, n_in)``
``y``    output, ``(..., n, n_out)``
``z``    input of an activation, ``y = f(z)``
``d``    delta, the derivative of the loss with respect to ``y``
``dx``   the derivative of the loss with respect to ``x``
``W b``  weights ``(n_in, n_out)`` and biases ``(n_out,)``
``p``    the layer's parameters, as views of ``theta`` and ``fixed``: ``p.W``
``g``    the gradient, as views of ``grad`` under the same names: ``g.W``
``ws``   the workspace of this layer in this pass
=======  =====================================================================

The contract
------------
A layer declares its arrays (`Layer.arrays`).  `Layer.bind` is called once for each batch
size.  It makes the scratch arrays and returns two functions, ``forward(x) -> y`` and
``backward(d) -> dx``, which are then called for every batch.  They are next to each other,
so that a formula and its derivative can be read together.

1. ``forward`` never writes to ``x``.  It writes to arrays of ``ws``, and it writes every
   entry of its output for every batch.
2. ``backward`` may overwrite ``d``.  The caller may overwrite the ``dx`` it returns.
3. ``backward`` writes every entry of ``g``.  It does not add to what ``g`` holds.
4. A layer is immutable.  Values that ``backward`` needs from ``forward`` are stored on
   ``ws``.  Values that outlive the batch are stored in a ``"fixed"`` array, which is written
   only if ``ws.train``.
5. At inference ``g`` is empty: ``g.W`` is read in ``backward``, not in `bind`.

From rules 1 and 4 follows a `predict` that is safe in threads.  Because of rule 3 gradients
need not be set to zero.  `skbackprop.nn.check_layer` checks all rules for one layer.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from ...params import Frozen, frozen
from ..parameters import Param, Tree, Views
from ..workspace import Workspace

Forward: TypeAlias = Callable[[Any], Any]  # of a dense or a sparse x
Backward: TypeAlias = Callable[[np.ndarray], Any]  # of d; the result may be None


@frozen
class Layer(Frozen, ABC):
    """Base class of all layers.  A layer defines `bind`, and the rest if it differs."""

    def arrays(self) -> Tree:
        """The arrays of the layer, by name: none."""
        return {}

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Shape of ``y`` for an ``x`` of shape `shape`: the same."""
        return shape

    @property
    def n_untrained(self) -> int:
        """Number of the first columns of ``y`` that depend on no trained array of the layer."""
        return 0

    @abstractmethod
    def bind(self, p: Views, g: Views, ws: Workspace) -> tuple[Forward, Backward]:
        """``forward(x) -> y`` and ``backward(d) -> dx`` for the batch size of `ws`.

        ``dx`` may be None if ``not ws.needs_dx``.
        """


@frozen
class Identity(Layer):
    """``y = x`` and ``dx = d``, without a copy."""

    def bind(self, p: Views, g: Views, ws: Workspace) -> tuple[Forward, Backward]:
        return same, same


def same(x: Any) -> Any:
    """Forward and backward of what changes nothing."""
    return x


def is_trained(layer: Layer) -> bool:
    """Does the layer have a trained array?"""
    return _any_trained(layer.arrays())


def _any_trained(tree: Tree) -> bool:
    return any(
        node.role != "fixed" if isinstance(node, Param) else _any_trained(node)
        for node in tree.values()
    )
