"""Formulas with temporary arrays, computed block by block.

A formula such as ``d *= s * (1 - s)`` makes new arrays, of the size of a whole batch.  In
blocks they stay in the cache, and their size does not depend on the batch.

>>> import numpy as np
>>> class Square:
...     @blockwise()
...     def forward(self, z, out):
...         out[...] = z * z
>>> z = np.arange(3 * BLOCK).reshape(-1, 8)
>>> out = np.empty_like(z)
>>> Square().forward(z, out)
>>> bool((out == z**2).all())
True
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

import numpy as np

from .linalg import rows

BLOCK = 2**14  # numbers; in smaller blocks the calls take more time than the arithmetic
Method = TypeVar("Method", bound=Callable[..., None])


def blockwise(*, times: int = 1) -> Callable[[Method], Method]:
    """Call a method for blocks of whole rows, of about ``times · BLOCK`` numbers at most.

    All arrays have the same shape.  A formula with few temporaries can take larger blocks.
    """

    def decorate(method: Method) -> Method:
        @wraps(method)
        def by_blocks(self: Any, *arrays: np.ndarray) -> None:
            first, most = arrays[0], times * BLOCK
            if first.size <= most or first.ndim < 2:
                method(self, *arrays)
            elif first.ndim > 2 and all(a.flags.c_contiguous for a in arrays):
                by_blocks(self, *map(rows, arrays))
            elif first.ndim > 2:  # the rows of all members are no view: member by member
                for members in zip(*arrays, strict=True):
                    by_blocks(self, *members)
            else:
                step = max(1, most // first.shape[1])
                for start in range(0, len(first), step):
                    method(self, *(a[start : start + step] for a in arrays))

        return cast(Method, by_blocks)

    return decorate
