"""Muon: steps of whole matrices, with equal singular values.

The momentum of a weight matrix is ``U Σ Vᵀ``, and after some training a few of its
singular values are much larger than the others.  Muon takes the step ``U Vᵀ``, in which every
direction has the same size.  No decomposition is needed: an odd polynomial of a matrix is that
polynomial of its singular values,

``X ← a X + (b A + c A²) X``   with ``A = X Xᵀ``,

and five iterations of ``a s + b s³ + c s⁵`` map any ``s`` from 0.01 to 1 to about 1 (a
Newton-Schulz iteration).  Coefficients that converge to 1 exactly are slower, and the result
is not better.

>>> import numpy as np
>>> matrix = np.array([[3.0, 0.1], [0.0, 0.2]])
>>> np.linalg.svdvals(matrix).round(2)
array([3. , 0.2])
>>> orthogonalize(matrix[None])
>>> np.linalg.svdvals(matrix).round(2)
array([1.13, 0.7 ])
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field
from math import sqrt
from typing import TypeAlias

import numpy as np

from ..params import check_range, frozen
from .adaptive import Adam
from .base import BLOCK, OptimizerState, Rate, as_learning_rates, flush, scale

Shape: TypeAlias = tuple[int, int, int, int]

COEFFICIENTS = 3.4445, -4.7750, 2.0315
N_ITERATIONS = 5
SMALLEST = 1e-7  # a matrix with a smaller norm is not scaled up to norm 1


@frozen
class Muon(Adam):
    """Muon for the hidden matrices, AdamW for everything else.

    For a matrix: ``M ← μ M + (1−μ) G``,  ``W ← W − lr · √max(1, n_out/n_in) · U Vᵀ`` with
    ``U Σ Vᵀ = μ M + (1−μ) G``.  Every other parameter is updated by `Adam`, with the same
    learning rate; the authors' 0.02 works for both.  Other rates can be given for each
    parameter, see `Optimizer.step`.  The slot ``grad_sum`` of a matrix holds ``M / (1−μ)``.

    A step costs 15 products of matrices of the size of ``W`` and smaller, whatever the
    batch: for square matrices of width 64, 128 and 256 it took 3, 4 and 7 times as long as
    the forward and backward pass of 256 rows through that layer.

    Parameters
    ----------
    shapes : tuple of (start, stop, rows, cols)
        Where the hidden matrices are: ``theta[start:stop]`` holds one or several of
        ``rows`` inputs and ``cols`` outputs each.  Leave out the first and the last layer.
    momentum : float in [0, 1)
        ``μ``.
    beta_1, beta_2, epsilon : float
        Of `Adam`.
    weight_decay : float
        As of `AdamW`, for all weights alike.

    References
    ----------
    K. Jordan et al., "Muon: An optimizer for hidden layers in neural networks", 2024,
    kellerjordan.github.io/posts/muon.
    """

    shapes: tuple[Shape, ...] = field(default=(), kw_only=True)
    momentum: float = field(default=0.95, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, "[0, 1]", "momentum")
        if not all(isinstance(shape, tuple) for shape in (self.shapes, *self.shapes)):
            # JSON gives lists, which have no hash.
            object.__setattr__(self, "shapes", tuple(tuple(shape) for shape in self.shapes))
        end = 0
        for start, stop, rows, cols in self.shapes:
            size = rows * cols
            if start < end or stop <= start or size < 1 or (stop - start) % size != 0:
                raise ValueError(
                    "Muon needs shapes in the order of the vector, each "
                    "(start, stop, rows, cols) with room for whole matrices, got "
                    f"{self.shapes}. Take them from the layout of the network."
                )
            end = stop

    def state(self, theta: np.ndarray) -> OptimizerState:
        if self.shapes and self.shapes[-1][1] > theta.size:
            raise ValueError(
                f"The shapes of Muon end at {self.shapes[-1][1]}, but there are only {theta.size} "
                "parameters. Take the shapes from the layout of this network."
            )
        return super().state(theta)

    def step(self, theta: np.ndarray, grad: np.ndarray, lr: Rate, state: OptimizerState) -> None:
        """Take one step: change `theta` and `state` in place."""
        state.t += 1
        lr = as_learning_rates(lr, theta)
        scratch = state.scratch_array(1, self._scratch_size(theta.size))
        for part, size in self._parts(theta.size):
            slots = state.slots[:, part]
            rate = lr[part] if isinstance(lr, np.ndarray) else lr
            if size is None:
                n = part.stop - part.start
                self.update(theta[part], grad[part], slots, scratch[:, :n], rate, state.t)
                continue
            rows, cols = size
            step, rest = np.split(scratch[0], [part.stop - part.start])
            self._direction(grad[part], slots[0], step, state.t)
            orthogonalize(step.reshape(-1, rows, cols), rest)
            theta[part] -= scale(step, rate, sqrt(max(1.0, cols / rows)))

    def _direction(self, grad: np.ndarray, grad_sum: np.ndarray, step: np.ndarray, t: int) -> None:
        """Nesterov's momentum, ``μ M + (1−μ) G``."""
        grad_sum *= self.momentum
        grad_sum += grad
        flush(grad_sum, step, t)
        np.multiply(grad_sum, self.momentum, out=step)
        step += grad
        step *= 1 - self.momentum

    def _parts(self, n: int) -> Iterator[tuple[slice, tuple[int, int] | None]]:
        """The parts of the vector: matrices, and between them blocks for Adam."""
        end = 0
        for start, stop, rows, cols in (*self.shapes, (n, n, 0, 0)):
            for first in range(end, start, BLOCK):
                yield slice(first, min(first + BLOCK, start)), None
            if stop > start:
                yield slice(start, stop), (rows, cols)
            end = stop

    def _scratch_size(self, n: int) -> int:
        """Number of scratch elements of the largest part."""
        scratch = 0
        for part, size in self._parts(n):
            length = part.stop - part.start
            scratch = max(scratch, length + (0 if size is None else _scratch_size(length, *size)))
        return scratch


def orthogonalize(stack: np.ndarray, scratch: np.ndarray | None = None) -> None:
    """Replace each matrix ``U Σ Vᵀ`` of a stack by nearly ``U Vᵀ``, in place.

    Parameters
    ----------
    stack : ndarray of shape (n_matrices, rows, cols)
        The matrices.
    scratch : ndarray, optional
        A vector of at least twice the size of the stack and of two squares, see the code.
    """
    wide = stack if stack.shape[1] <= stack.shape[2] else stack.mT  # the smaller square
    k, m, n = wide.shape
    if scratch is None:
        scratch = np.empty(_scratch_size(stack.size, m, n), stack.dtype)
    X, BX = scratch[: 2 * k * m * n].reshape(2, k, m, n)
    A, B = scratch[2 * k * m * n :][: 2 * k * m * m].reshape(2, k, m, m)
    np.copyto(X, wide)
    flat = X.reshape(k, m * n)
    norms = np.sqrt(np.vecdot(flat, flat))
    for matrix, norm in zip(X, norms, strict=True):
        matrix /= max(norm, SMALLEST)
    a, b, c = COEFFICIENTS
    for _ in range(N_ITERATIONS):
        np.matmul(X, X.mT, out=A)
        np.matmul(A, A, out=B)
        B *= c
        A *= b
        B += A
        np.matmul(B, X, out=BX)
        X *= a
        X += BX
    np.copyto(wide, X)


def _scratch_size(size: int, rows: int, cols: int) -> int:
    """Number of scratch elements that `orthogonalize` uses."""
    n_matrices, side = size // (rows * cols), min(rows, cols)
    return 2 * size + 2 * n_matrices * side * side
