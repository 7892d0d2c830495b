"""Categorical embeddings: a trained vector for each category.

Categories have no order, so the code of a category is used as an index: the table of a column
has a row for each category, and this row is the output.  This is a product with the one-hot
encoding ``H``, which is not made: ``y = H T``, and so ``dT = Hᵀ d``.

>>> import numpy as np
>>> from skbackprop.nn.network import Network
>>> network = Network(CategoricalEmbedding((2, 3), n_out=2))
>>> network.p.table[...] = [[0, 1], [2, 3], [4, 5], [6, 7], [8, 9]]
>>> network.scores(np.array([[1.0, 0.0], [0.0, 2.0]]))
array([[2., 3., 4., 5.],
       [0., 1., 8., 9.]])
"""

from __future__ import annotations

from math import sqrt

import numpy as np

from ...params import frozen
from ..initializers import Initializer, Normal
from ..linalg import scatter_adder
from ..parameters import Param, Tree, Views
from ..workspace import Workspace
from .base import Backward, Forward, Layer


@frozen
class CategoricalEmbedding(Layer):
    """``y = [T₁[x₁], T₂[x₂], …]``: for each column of codes a row of the table of the column.

    Backwards the delta of a row of the batch is added to the rows of the tables it came
    from.  The tables of all columns, and of all members, are parts of one array.

    Codes are whole numbers from 0, stored as floats; other numbers are rounded, and
    clipped to the codes of their column.

    Guo & Berkhahn, "Entity embeddings of categorical variables" (2016).

    Parameters
    ----------
    cardinalities : tuple of int
        Number of categories of each column.
    n_out : int
        Number of outputs for each column.
    members : int, optional
        Number of members that have tables of their own.  An ``x`` without an axis of
        members is then shared by all, and ``y`` is ``(members, n, columns · n_out)``.
    init : Initializer, optional
        Initial values of the table.  By default normal with mean 0 and variance 1.
    """

    cardinalities: tuple[int, ...]
    n_out: int = 8
    members: int | None = None
    init: Initializer | None = None

    def __post_init__(self) -> None:
        if min(self.cardinalities, default=0) < 1:
            raise ValueError(
                "CategoricalEmbedding needs one or more columns of one or more categories each, "
                f"got cardinalities={self.cardinalities!r}. Leave out columns without categories."
            )

    def arrays(self) -> Tree:
        n = sum(self.cardinalities)
        init = self.init or Normal("lecun", sqrt(n))  # the rule divides by the root
        return {"table": Param((*self._members_axis, n, self.n_out), init, "free")}

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        n_columns = len(self.cardinalities)
        return (*(self._members_axis or shape[:-2]), shape[-2], n_columns * self.n_out)

    @property
    def _members_axis(self) -> tuple[int, ...]:
        return () if self.members is None else (self.members,)

    def bind(self, p: Views, g: Views, ws: Workspace) -> tuple[Forward, Backward]:
        y = ws.array("y", self.output_shape(ws.shape))
        codes = ws.array("codes", ws.shape)
        numbers = ws.array("numbers", (*y.shape[:-1], ws.shape[-1]), np.intp)  # rows of the table
        dx = ws.array("dx", ws.shape) if ws.needs_dx else None
        last, first = np.array(self.cardinalities, ws.dtype) - 1, self._first_rows()
        table, vectors = p.table.reshape(-1, self.n_out), y.reshape(*numbers.shape, self.n_out)
        scatter_add = scatter_adder(numbers.size if ws.needs_grad else 0, ws.dtype)

        def forward(x: np.ndarray) -> np.ndarray:
            np.clip(np.rint(x, out=codes), 0, last, out=codes)
            numbers[...] = codes
            np.add(numbers, first, out=numbers)
            table.take(numbers, axis=0, out=vectors, mode="clip")  # "raise" makes a copy
            return y

        def backward(d: np.ndarray) -> np.ndarray | None:
            g.table.fill(0)
            flat = (-1, self.n_out)
            scatter_add(numbers.reshape(-1), d.reshape(flat), g.table.reshape(flat))
            if dx is not None:
                dx.fill(0)  # a step function has the slope 0
            return dx

        return forward, backward

    def _first_rows(self) -> np.ndarray:
        """The row of code 0 of every column, ``(columns,)``, and member, ``(k, 1, columns)``."""
        stops = np.cumsum(self.cardinalities, dtype=np.intp)
        first = stops - np.array(self.cardinalities, np.intp)
        if self.members is None:
            return first
        return first + stops[-1] * np.arange(self.members, dtype=np.intp)[:, None, None]
