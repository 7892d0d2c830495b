"""Matrix products whose left factor may be sparse.

Every product with a sparse input is made here, so each layer has one formula for dense and
sparse inputs.

>>> import numpy as np
>>> from scipy.sparse import csr_array
>>> out = np.empty((2, 1))
>>> matmul(csr_array([[0.0, 2.0], [1.0, 0.0]]), np.array([[1.0], [3.0]]), out)
array([[6.],
       [1.]])
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

# OpenBLAS uses one thread for each 2¹⁸ multiplications.  Below this number it uses only the
# thread that calls it.
SINGLE_THREAD = 2**19 - 1

# The functions that ``a @ b`` of SciPy calls.  They are not public; if they are missing,
# ``a @ b`` is used.
_KERNELS: dict[str, Callable[..., None]] = {}
try:
    from scipy.sparse import _sparsetools

    _KERNELS.update(csr=_sparsetools.csr_matvecs, csc=_sparsetools.csc_matvecs)
except (ImportError, AttributeError):  # pragma: no cover
    pass


def matmul(a: Any, b: np.ndarray, out: np.ndarray) -> np.ndarray:
    """Write ``a @ b`` to `out`; `a` may be a SciPy sparse matrix or array."""
    if not isinstance(a, np.ndarray):
        _sparse_matmul(a, b, out)
    elif a.ndim == b.ndim == 2:
        np.dot(a, b, out=out)  # the same BLAS call as matmul, at half its overhead
    else:
        np.matmul(a, b, out=out)
    return out


def _sparse_matmul(a: Any, b: np.ndarray, out: np.ndarray) -> None:
    """``out = a @ b`` without the new array that SciPy's operator makes for the product.

    For a batch of texts ``xᵀ d`` is as large as the weights, and most of its entries are 0.
    """
    kernel = _KERNELS.get(a.format)
    if kernel is None or not out.flags.c_contiguous or a.dtype != out.dtype or b.dtype != out.dtype:
        out[...] = a @ b
        return
    out.fill(0)
    b = np.ascontiguousarray(b)
    kernel(*a.shape, b.shape[1], a.indptr, a.indices, a.data, b.ravel(), out.reshape(-1))


def stacked_matmul(a: Any, b: np.ndarray, out: np.ndarray) -> np.ndarray:
    """Write the products of a stack, ``a[m] @ b[m]`` for every member ``m``, to `out`.

    If `a` has no axis of members, it is shared by all of them, and may be sparse.  The rows
    of `a` are multiplied in blocks small enough for BLAS to use only the calling thread:
    members are trained in parallel threads, and additional threads of BLAS double the time.
    """
    if not isinstance(a, np.ndarray):
        for factor, product in zip(b, out, strict=True):
            _sparse_matmul(a, factor, product)
        return out
    n, most = a.shape[-2], SINGLE_THREAD // (a.shape[-1] * b.shape[-1])
    if n <= most:
        return np.matmul(a, b, out=out)
    step = max(most // 16 * 16 or most, 1)  # kernels compute 16 rows and more at once
    for start in range(0, n, step):
        block = np.s_[..., start : start + step, :]
        np.matmul(a[block], b, out=out[block])
    return out


def scatter_adder(n: int, dtype: Any) -> Callable[[np.ndarray, np.ndarray, np.ndarray], None]:
    """Bind ``scatter_add(codes, d, out)``: ``out[codes[i]] += d[i]`` for `n` rows of `d`.

    This is the product ``Hᵀ d`` with the sparse one-hot matrix of the codes.  The codes must be
    rows of `out`: they are not checked.  ``np.add.at`` takes several times as long.

    >>> out = np.zeros((2, 1))
    >>> scatter_adder(3, out.dtype)(np.array([1, 0, 1]), np.array([[1.0], [2.0], [4.0]]), out)
    >>> out
    array([[2.],
           [5.]])
    """
    kernel = _KERNELS.get("csc")
    ones, starts = np.ones(n, dtype), np.arange(n + 1)

    def scatter_add(codes: np.ndarray, d: np.ndarray, out: np.ndarray) -> None:
        if kernel is None:
            np.add.at(out, codes, d)
        else:
            shape = out.shape[0], n, out.shape[1]
            kernel(*shape, starts, codes, ones, d.reshape(-1), out.reshape(-1))

    return scatter_add


def rows(a: Any) -> Any:
    """View ``(..., n, m)`` as the matrix of all its rows, ``(... * n, m)``."""
    return a if a.ndim == 2 else a.reshape(-1, a.shape[-1])
