"""The arrays a pass writes to, and what it remembers.

A layer is an immutable description; its parameters are shared by all threads.
Everything a pass *produces* goes into a `Workspace`, which belongs to one thread
and to one batch size.  Training keeps one and reuses its arrays batch after
batch, so a warm step allocates next to nothing; `predict` makes a fresh one per
call, which is why it needs no lock.

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
    """Scratch arrays by name, one child per sub-layer, and the facts of the pass.

    Besides its arrays, a layer may hang anything on `ws` in ``forward`` that its
    ``backward`` will want (``ws.x = x``); inspection reads it there.

    Attributes
    ----------
    shape : shape of the input of the layer that owns this workspace.
    dtype : of every floating-point array of the pass.
    train : is this a training pass (dropout drops, moments move)?
    rng : source of the random numbers of a training pass.
    schedule_factors : numbers by name that all layers of the pass see, and that whoever runs it may
        change between batches: ``schedule_factors["dropout"] = 0.5`` halves every dropout rate.
    needs_dx : does anything below want this layer's ``dx``?
    first_dx_column : the first column of ``dx`` that is wanted: what stands in those before it is
        read by nobody, and a layer may leave it out.
    parent : the workspace of a larger batch whose arrays this one uses, see `smaller`.
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
        self.first_dx_column = 0
        self.parent: Workspace | None = None
        self.schedule_factors: dict[str, float] = (
            {} if schedule_factors is None else schedule_factors
        )
        self.arrays: dict[str, np.ndarray] = {}
        self.children: dict[str, Workspace] = {}
        self.x: Any = None
        self.y: Any = None

    def array(self, name: str, shape: tuple[int, ...], dtype: Any = None) -> np.ndarray:
        """An uninitialized array, remembered under `name`; ask for it in `bind`."""
        dtype, size = np.dtype(dtype or self.dtype), prod(shape)
        lent = None if self.parent is None else self.parent.arrays.get(name)
        if lent is None or lent.dtype != dtype or lent.size < size:
            self.arrays[name] = np.empty(shape, dtype)
        else:
            self.arrays[name] = lent.reshape(-1)[:size].reshape(shape)
        return self.arrays[name]

    def child(self, name: str, shape: tuple[int, ...], needs_dx: bool) -> Workspace:
        """The workspace of a sub-layer, made by the layer that contains it."""
        self.children[name] = self._like(shape, needs_dx)
        if self.parent is not None:
            self.children[name].parent = self.parent.children.get(name)
        return self.children[name]

    def smaller(self, shape: tuple[int, ...]) -> Workspace:
        """For a smaller batch of the same layer; the two must not be in use at the same time.

        Its arrays are the beginnings of these: the last batch of an epoch needs no room.
        """
        ws = self._like(shape, self.needs_dx)
        ws.parent = self
        return ws

    def _like(self, shape: tuple[int, ...], needs_dx: bool) -> Workspace:
        return Workspace(
            shape,
            self.dtype,
            train=self.train,
            rng=self.rng,
            needs_dx=needs_dx,
            # The dictionary itself: a change reaches every layer.
            schedule_factors=self.schedule_factors,
        )
