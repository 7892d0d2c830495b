"""Muon: steps of a matrix, not of its entries.

The momentum of a weight matrix is ``U Σ Vᵀ``, and after some training a few of its
singular values dwarf the others: all columns of a step say nearly the same.  Muon takes
the step ``U Vᵀ``, in which every direction counts the same.  No decomposition is
needed: an odd polynomial of a matrix is that polynomial of its singular values,

``X ← a X + (b A + c A²) X``   with ``A = X Xᵀ``,

and five times ``a s + b s³ + c s⁵`` takes any ``s`` from 0.01 to 1 to about 1 (Newton
and Schulz).  "About", since coefficients that go to 1 exactly are slower, and the
result is no better.

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
from dataclasses import dataclass
from math import sqrt
from typing import ClassVar, TypeAlias

import numpy as np

from .adaptive import Adam
from .base import BLOCK, Optimizer, OptimizerState, Rate, as_learning_rates, flush, scale

Shape: TypeAlias = tuple[int, int, int, int]

COEFFICIENTS = 3.4445, -4.7750, 2.0315
N_ITERATIONS = 5
SMALLEST = 1e-7  # a matrix whose norm is below is not blown up to one


@dataclass(frozen=True)
class Muon(Optimizer):
    """Muon for the hidden matrices, AdamW for everything else.

    For a matrix: ``M ← μ M + (1−μ) G``,  ``W ← W − lr · √max(1, n_out/n_in) · U Vᵀ`` with
    ``U Σ Vᵀ = μ M + (1−μ) G``.  Every other parameter follows `Adam`, with the same
    learning rate; the authors' 0.02 suits both.  Rates of its own for the rest can be given
    parameter by parameter, see `Optimizer.step`.

    A step costs 15 products of matrices of the size of ``W`` and smaller, whatever the
    batch: for square matrices of width 64, 128 and 256 it took 3, 4 and 7 times as long as
    the forward and backward pass of 256 rows through that layer.

    Parameters
    ----------
    shapes : tuple of (start, stop, rows, cols)
        Where the hidden matrices are: ``theta[start:stop]`` holds one or several of
        ``rows`` inputs and ``cols`` outputs each.  First and last layer do not belong
        here.
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

    slots: ClassVar[tuple[str, ...]] = ("m", "v")

    shapes: tuple[Shape, ...] = ()
    momentum: float = 0.95
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8

    def __post_init__(self) -> None:
        # From JSON come lists, which have no hash.
        object.__setattr__(self, "shapes", tuple(tuple(shape) for shape in self.shapes))
        end = 0
        for start, stop, rows, cols in self.shapes:
            size = rows * cols
            if start < end or stop <= start or size < 1 or (stop - start) % size != 0:
                raise ValueError(
                    "Muon needs its shapes in the order of the vector, each "
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
        scratch = state.scratch_array(1, 1, self._scratch_size(theta.size))[0]
        adam = Adam(self.beta_1, self.beta_2, self.epsilon)
        for part, size in self._parts(theta.size):
            slots = state.slots[:, part]
            rate = lr[part] if isinstance(lr, np.ndarray) else lr
            if size is None:
                n = part.stop - part.start
                adam.update(theta[part], grad[part], slots, scratch[:, :n], rate, state.t)
                continue
            rows, cols = size
            step, rest = np.split(scratch[0], [part.stop - part.start])
            self._direction(grad[part], slots[0], step, state.t)
            orthogonalize(step.reshape(-1, rows, cols), rest)
            theta[part] -= scale(step, rate, sqrt(max(1.0, cols / rows)))

    def _direction(self, grad: np.ndarray, m: np.ndarray, step: np.ndarray, t: int) -> None:
        """Nesterov's momentum: the mean as it will be if the gradient stays."""
        m *= self.momentum  # m is m/(1−μ), as in Adam
        m += grad
        flush(m, step, t)
        np.multiply(m, self.momentum, out=step)
        step += grad
        step *= 1 - self.momentum

    def _parts(self, n: int) -> Iterator[tuple[slice, tuple[int, int] | None]]:
        """The vector piece by piece: matrices, and between them blocks for Adam."""
        end = 0
        for start, stop, rows, cols in (*self.shapes, (n, n, 0, 0)):
            for first in range(end, start, BLOCK):
                yield slice(first, min(first + BLOCK, start)), None
            if stop > start:
                yield slice(start, stop), (rows, cols)
            end = stop

    def _scratch_size(self, n: int) -> int:
        """Number of elements the largest part needs room for."""
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
        A vector with room for twice the stack and two squares, see the code.
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
    """Of how many numbers `orthogonalize` makes use."""
    n_matrices, side = size // (rows * cols), min(rows, cols)
    return 2 * size + 2 * n_matrices * side * side
