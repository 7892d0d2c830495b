r"""Integrals of gradients along a straight path.

With :math:`x(t) = x_0 + t (x - x_0)`, the attribution of column :math:`j` is

.. math:: a_j = (x - x_0)_j \int_0^1 \partial_j F(x(t)) \, dt, \qquad \sum_j a_j = F(x) - F(x_0).

If the function begins with an affine map, :math:`F(x) = G(x W + b)`, then :math:`x(t) W + b` is
a straight path, too, and the integral of the gradient of :math:`G` along it, times the transpose
of :math:`W`, is that of the gradient of :math:`F`.  So the widest layer is not passed at every
node.

The second equation, completeness, is the fundamental theorem of calculus.  It holds for every
piece of the path, and says how good a quadrature is there: a piece in which it does not hold
to its share of `TOLERANCE` is halved.  For smooth activations such as SiLU few pieces are
needed.  The gradient of ReLU networks has steps, at which a quadrature converges slowly: short
pieces are halved only where more than `LOOSE` is missing.  What is missing in the end is divided
among the columns in proportion to the size of their attributions.

Sundararajan, Taly & Yan, "Axiomatic attribution for deep networks" (2017).

>>> nodes, weights = NODES
>>> round(float(weights @ nodes**15), 12)                 # 1/16: exact up to this power
0.0625
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .scores import Parts

# Nodes and weights of Gauss-Legendre quadrature from 0 to 1.
NODES = (np.polynomial.legendre.leggauss(8) + np.array([[1.0], [0.0]])) / 2
TOLERANCE = {np.dtype(np.float32): 1e-4, np.dtype(np.float64): 1e-6}
LOOSE, SHORT, SHORTEST = 1e-4, 4, 14  # relative; and how often a piece has been halved


class Pieces(NamedTuple):
    """Pieces of paths, all of the same length: of which row, where it begins, F at its ends."""

    row: np.ndarray
    left: np.ndarray
    first: np.ndarray
    last: np.ndarray

    def take(self, which: np.ndarray | slice) -> Pieces:
        """Some of them."""
        return Pieces(*(array[which] for array in self))


class Path:
    """Straight paths, one from each baseline to each row, the baselines of the first row first.

    Parameters
    ----------
    parts : Parts
        The function.
    start : ndarray of shape (b, d) or (k, b, d)
        Embedded baselines.
    stop : ndarray of shape (n, d) or (k, n, d)
        Embedded rows.
    """

    def __init__(self, parts: Parts, start: np.ndarray, stop: np.ndarray):
        self.parts, self.scores = parts, parts.scores
        self.way = differences(start, stop)
        self.z_start = parts.affine.scores(start)
        self.z_way = differences(self.z_start, parts.affine.scores(stop))
        self.n_starts = start.shape[-2]
        self.step = self.scores.chunk(self.z_way.shape)

    def attributions(self, direction: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Attributions and errors.

        Parameters
        ----------
        direction : ndarray of shape (n_outputs,)
            What is explained of the outputs.

        Returns
        -------
        attributions : ndarray of shape (n · b, n_embedded)
            They add up to the difference of the outputs.
        errors : ndarray of shape (n · b,)
            How much was missing, relative to the sum of their sizes, before it was divided
            among them.
        """
        n, dtype = self.z_way.shape[-2], self.z_way.dtype
        total, missing = np.zeros(self.z_way.shape), np.zeros(n)
        pieces = Pieces(np.arange(n), np.zeros(n), *self._ends(direction))
        size = difference = pieces.last - pieces.first
        floor = 16 * np.finfo(dtype).eps * (np.abs(pieces.first) + np.abs(pieces.last))
        for depth in range(SHORTEST + 1):
            gradient, gap = self._integrate(pieces, 0.5**depth, direction)
            if depth == 0:
                size = self._size(self._of_columns(gradient), difference)
            tolerance = TOLERANCE[dtype] * 0.5**depth if depth < SHORT else LOOSE
            again = gap > tolerance * size[pieces.row] + floor[pieces.row]
            again &= depth < SHORTEST
            # A row may have several pieces.
            where: Any = (..., pieces.row[~again], slice(None))  # the stub knows no tuples
            np.add.at(total, where, gradient[..., ~again, :])
            np.add.at(missing, pieces.row[~again], gap[~again])
            if not again.any():
                break
            pieces = self._halve(pieces.take(again), 0.5**depth, direction)
        found = self._of_columns(total)
        share = np.abs(found) / np.maximum(np.abs(found).sum(axis=1), np.finfo(float).tiny)[:, None]
        found += (difference - found.sum(axis=1))[:, None] * share
        over = np.maximum(missing - floor, 0)
        size = self._size(found, difference)
        return found, np.divide(over, size, out=np.zeros(n), where=over > 0)

    def _ends(self, direction: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The outputs at both ends of each path."""
        n = self.z_way.shape[-2]
        first = np.tile(self.scores(self.z_start) @ direction, n // self.n_starts)
        every = Pieces(np.arange(n), np.zeros(n), first, first)
        return first, self._scores_at(every, np.ones(n), direction)

    @staticmethod
    def _size(found: np.ndarray, difference: np.ndarray) -> np.ndarray:
        """What errors of a row are relative to."""
        return np.maximum(np.abs(found).sum(axis=1), np.abs(difference))

    def _chunks(self, n: int) -> list[slice]:
        return [slice(i, i + self.step) for i in range(0, n, self.step)]

    def _paths(self, row: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Where paths begin, and the ways to their ends, above the affine map."""
        return self.z_start[..., row % self.n_starts, :], self.z_way[..., row, :]

    def _integrate(
        self, pieces: Pieces, length: float, direction: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """The integral of the gradient over each piece, and by how much it is not complete."""
        totals, gaps = [], []
        for chunk in self._chunks(len(pieces.row)):
            part = pieces.take(chunk)
            start, way = self._paths(part.row)
            gradient, total = self.scores.bind(way.shape), np.zeros(way.shape)
            for node, weight in zip(*NODES, strict=True):
                x = way * (part.left + node * length).astype(way.dtype)[:, None]
                total += (weight * length) * gradient(np.add(x, start, out=x), direction)
            found = np.vecdot(total, way)
            found = found if found.ndim == 1 else found.sum(axis=0)
            totals.append(total)
            gaps.append(np.abs(part.last - part.first - found))
        return np.concatenate(totals, axis=-2), np.concatenate(gaps)

    def _scores_at(self, pieces: Pieces, t: np.ndarray, direction: np.ndarray) -> np.ndarray:
        """The output at one point of each path."""
        outputs = []
        for chunk in self._chunks(len(t)):
            start, way = self._paths(pieces.row[chunk])
            outputs.append(self.scores(start + way * t[chunk].astype(way.dtype)[:, None]))
        return np.concatenate(outputs) @ direction

    def _halve(self, pieces: Pieces, length: float, direction: np.ndarray) -> Pieces:
        """Both halves of each piece."""
        row, left, first, last = pieces
        middle = left + length / 2
        between = self._scores_at(pieces, middle, direction)
        return Pieces(
            np.concatenate([row, row]),
            np.concatenate([left, middle]),
            np.concatenate([first, between]),
            np.concatenate([between, last]),
        )

    def _of_columns(self, gradient: np.ndarray) -> np.ndarray:
        """Attributions of the embedded columns from the gradient above the affine map."""
        affine = self.parts.affine
        bound = affine.bind(self.way.shape, needs_dx=True)
        bound.forward(self.way)
        found = bound.backward(gradient.astype(affine.dtype)) * self.way
        return (found if found.ndim == 2 else found.sum(axis=0)).astype(np.float64)


def differences(start: np.ndarray, stop: np.ndarray) -> np.ndarray:
    """Each row of `stop` minus each row of `start`.

    >>> differences(np.array([[1.0], [2.0]]), np.array([[10.0], [20.0]])).T
    array([[ 9.,  8., 19., 18.]])
    """
    pairs = stop[..., :, None, :] - start[..., None, :, :]
    return pairs.reshape(*pairs.shape[:-3], -1, pairs.shape[-1])
