"""The arrays that a pass writes to, and its state.

A layer is an immutable description, and its parameters are shared by all threads.
Everything that a pass produces goes into a `Workspace`, which belongs to one thread and
to one batch size.  Training keeps a workspace and reuses its arrays for every batch, so a
step allocates almost no memory.  `predict` makes a new one for each call and therefore
needs no lock.

>>> import numpy as np
>>> ws = Workspace((4, 3), np.dtype("float64"))
>>> ws.array("y", (4, 2)).shape
(4, 2)
>>> ws.child("inner", (4, 2), needs_dx=True).shape
(4, 2)
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np


class Workspace:
    """Scratch arrays by name, one child for each sub-layer, and the options of the pass.

    Besides its arrays, ``forward`` of a layer may store on `ws` whatever its ``backward``
    needs (``ws.x = x``).

    Parameters
    ----------
    shape : tuple of int
        Shape of the input of the layer that owns the workspace.
    dtype : dtype
        Of every floating-point array of the pass.
    train : bool
        Is this a training pass?  Only then entries are dropped and running moments move.
    rng : Generator or RandomState, optional
        Source of the random numbers of the pass.
    needs_dx : bool
        Must ``backward`` return ``dx``?
    schedule_factors : dict, optional
        Numbers by name that all layers of the pass read, and that the caller may change
        between batches: ``schedule_factors["dropout"] = 0.5`` halves every dropout rate.

    Attributes
    ----------
    needs_grad : bool
        Is ``backward`` called in this pass?  False at inference.
    first_dx_column : int
        The columns of ``dx`` before this one are not used, and a layer may leave them out.
    debug : bool
        Are new floating-point arrays filled with NaN?  An entry that the pass does not
        write is then visible in the results (see `check_layer`).
    parent : Workspace or None
        The workspace of a larger batch whose arrays this one uses, see `smaller`.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        dtype: np.dtype,
        *,
        train: bool = False,
        rng: Any = None,
        needs_dx: bool = False,
        schedule_factors: dict[str, float] | None = None,
    ):
        self.shape = shape
        self.dtype = dtype
        self.train = train
        self.rng = rng
        self.needs_dx = needs_dx
        self.needs_grad = True
        self.debug = False
        self.first_dx_column = 0
        self.parent: Workspace | None = None
        self.schedule_factors: dict[str, float] = (
            {} if schedule_factors is None else schedule_factors
        )
        self.arrays: dict[str, np.ndarray] = {}
        self.children: dict[str, Workspace] = {}
        self.x: Any = None  # dense or sparse

    def array(self, name: str, shape: tuple[int, ...], dtype: Any = None) -> np.ndarray:
        """An uninitialized array, kept under `name`.  Call this in `bind`."""
        dtype, size = np.dtype(dtype or self.dtype), prod(shape)
        large = None if self.parent is None else self.parent.arrays.get(name)
        if large is None or large.dtype != dtype or large.size < size:
            array = np.empty(shape, dtype)
        else:
            array = large.reshape(-1)[:size].reshape(shape)
        if self.debug and dtype.kind == "f":
            array.fill(np.nan)
        self.arrays[name] = array
        return array

    def child(self, name: str, shape: tuple[int, ...], needs_dx: bool) -> Workspace:
        """The workspace of a sub-layer, made by the layer that contains it."""
        self.children[name] = self._like(shape, needs_dx)
        if self.parent is not None:
            self.children[name].parent = self.parent.children.get(name)
        return self.children[name]

    def smaller(self, shape: tuple[int, ...]) -> Workspace:
        """For a smaller batch of the same layer; the two must not be in use at the same time.

        Its arrays are the first parts of the arrays of this workspace, so the last batch of
        an epoch needs no memory of its own.
        """
        ws = self._like(shape, self.needs_dx)
        ws.parent = self
        return ws

    def _like(self, shape: tuple[int, ...], needs_dx: bool) -> Workspace:
        ws = Workspace(
            shape,
            self.dtype,
            train=self.train,
            rng=self.rng,
            needs_dx=needs_dx,
            # The dictionary itself: a change reaches every layer.
            schedule_factors=self.schedule_factors,
        )
        ws.needs_grad, ws.debug = self.needs_grad, self.debug
        return ws
