r"""Shapley values: what a column adds to the output, on average over all orders of the columns.

A coalition :math:`S` of columns has the cells of the explained row; the other columns have those of
a row of the baseline.  With the output :math:`v(S)` of this mixed row, a column :math:`j` gets

.. math:: \phi_j = \frac{1}{d!} \sum_\pi \bigl( v(S_{\pi j} \cup \{j\}) - v(S_{\pi j}) \bigr),

where :math:`S_{\pi j}` are the columns before it in the order :math:`\pi`, and the mean over the
rows of the baseline.  For each order the sum over the columns is the difference of the outputs of
both rows, so the sum of the values is, too.

**Orders.**  Every row of the baseline has orders of its own: as many outputs as with the same
orders for all of them, and a fraction of the error.  Each order is followed by its reverse, which
makes the values exact if no more than two columns act together.  Where all coalitions are no more
than those of the orders, they are used instead:

.. math:: \phi_j = \sum_{S \not\ni j} \frac{|S|!\,(d - |S| - 1)!}{d!}
    \bigl( v(S \cup \{j\}) - v(S) \bigr).

**The first layer.**  No mixed row is encoded.  What reaches the first activation is a sum over the
columns, :math:`z(S) = z(b) + \sum_{j \in S} (c_j(x) - c_j(b))`, and its terms are computed once for
each row.  Only whitened columns are no such sum, since each of them is clipped after it has been
computed from several columns: they are computed anew from the mixed numbers.

Shapley, "A value for n-person games" (1953); Strumbelj & Kononenko, "Explaining prediction models
and individual predictions with feature contributions" (2014); Castro, Gomez & Tejada, "Polynomial
calculation of the Shapley value based on sampling" (2009); Mitchell, Cooper, Frank & Holmes,
"Sampling permutations for Shapley value estimation" (2022), for pairs of orders.

>>> masks, weights = every_coalition(2)
>>> first, alone, last = 0.0, np.array([1.0, 5.0]), 8.0     # v of {1} and {0}, of none and of both
>>> masks.astype(int).tolist(), (weights @ alone + (last - first) / 2).tolist()
([[0, 1], [1, 0]], [6.0, 2.0])
"""

from __future__ import annotations

from math import factorial
from typing import Any, NamedTuple

import numpy as np

from ..estimators.fitted import Fitted
from ..nn.network import Network
from .scores import Parts

GROUP = 16  # rows with the same orders
EVALUATED = 2**18  # numbers at the first activation that are computed at once
MOST_COALITIONS = 2**12  # that are all used


class Terms(NamedTuple):
    """Rows at the first activation of k members.

    Attributes
    ----------
    whole : ndarray of shape (k, n, h)
        Their values there, without what whitened columns add.
    each : ndarray of shape (k, n, d + m, h)
        The terms of these that belong to each column; and the weights of whitened columns.
    scaled : ndarray of shape (n, n_read)
        The numbers that whitened columns are made of.
    outputs : ndarray of shape (g, n, q)
        The outputs of the rows, whose mean over the first axis is explained.
    """

    whole: np.ndarray
    each: np.ndarray
    scaled: np.ndarray
    outputs: np.ndarray

    def take(self, which: slice) -> Terms:
        """Some of the rows."""
        return Terms(
            self.whole[:, which], self.each[:, which], self.scaled[which], self.outputs[:, which]
        )


class MixedRows:
    """The outputs of rows that have some cells of one row and the others of another.

    Parameters
    ----------
    fitted : Fitted
        The fitted state of an estimator.
    dtype : dtype
        Of the encoded rows.  The mixed rows are computed in the precision of the network.
    directions : ndarray of shape (q, n_outputs)
        What is explained of the outputs.

    Attributes
    ----------
    columns : ndarray of int, shape (d,)
        The columns of the table that the output may depend on.
    """

    def __init__(self, fitted: Fitted, dtype: Any, directions: np.ndarray):
        self.parts, self.directions = Parts(fitted, dtype), directions
        self.dtype = fitted.network.dtype
        self.upper = Parts(fitted, self.dtype).scores
        self.whitening, self.whitened = None, slice(0, 0)
        if fitted.encoder is not None and fitted.encoder._whitening is not None:
            self.whitening, self.whitened = fitted.encoder._whitening, fitted.encoder.whitened
        owners, weights = self.parts.owners.copy(), linear_map(self.parts)
        whitened = np.isin(self.parts.sources, np.arange(len(owners))[self.whitened])
        owners[whitened] = -1
        self.of_whitened = weights[..., whitened, :]
        read = np.zeros(0, int) if self.whitening is None else self.whitening.columns
        self.columns = np.union1d(owners[owners >= 0], read).astype(int)
        self.read = np.searchsorted(self.columns, read)
        self.inputs = [np.flatnonzero(owners == j) for j in self.columns]
        self.weights = [weights[..., places, :] for places in self.inputs]
        self.is_stacked = weights.ndim == 3
        self._bound: tuple[Any, Any] = (None, None)

    def terms(self, x: np.ndarray, scaled: np.ndarray) -> Terms:
        """Encoded rows at the first activation, column by column."""
        embedded = self.parts.embed(x)
        z = self.parts.affine.scores(embedded)
        outputs = self.parts.scores.terms(z.copy()) @ self.directions.T
        d, m = len(self.columns), self.of_whitened.shape[-2]
        each = np.empty((*z.shape[:-1], d + m, z.shape[-1]), self.dtype)
        for j, (places, weights) in enumerate(zip(self.inputs, self.weights, strict=True)):
            each[..., j, :] = embedded[..., places] @ weights
        each[..., d:, :] = self.of_whitened[..., None, :, :]
        z -= x[:, self.whitened] @ self.of_whitened
        whole = z.astype(self.dtype)
        if not self.is_stacked:
            whole, each = whole[None], each[None]
        return Terms(whole, each, scaled, outputs)

    def __call__(self, rows: Terms, starts: Terms, masks: np.ndarray) -> np.ndarray:
        """The outputs of mixtures of each row with the baselines.

        Parameters
        ----------
        rows : Terms
            Of r rows.
        starts : Terms
            Of s rows of the baseline.
        masks : ndarray of bool, shape (g, s, c, d) or (1, s, c, d)
            For each of these c coalitions: which columns have the cells of the row?

        Returns
        -------
        outputs : ndarray of shape (g, r, s, c, q)
        """
        shape = (masks.shape[0], rows.whole.shape[1], *masks.shape[1:3])
        if not masks.size:  # a single column
            return np.empty((len(rows.outputs), *shape[1:], len(self.directions)))
        if self._bound[0] != shape:
            self._bound = shape, self._bind(shape, rows.each.shape)
        return self._bound[1](rows, starts, masks)

    def _bind(self, shape: tuple[int, ...], each: tuple[int, ...]) -> Any:
        """The function for so many rows, baselines and coalitions, and its arrays."""
        (g, r, s, c), (k, _, n_factors, h) = shape, each
        d = len(self.columns)
        factors = np.empty((g, r, s, c, n_factors), self.dtype)
        of_starts = np.empty((k, s, c, h), self.dtype)
        z = np.empty((k, r, s, c, h), self.dtype)
        flat = z.reshape(k, r * s * c, h) if self.is_stacked else z.reshape(r * s * c, h)
        upper = self.upper.bind_terms(flat.shape)

        def outputs(rows: Terms, starts: Terms, masks: np.ndarray) -> np.ndarray:
            factors[..., :d] = masks[:, None]
            if self.whitening is not None:
                of_row, of_start = rows.scaled[:, None, None], starts.scaled[:, None]
                mixed = np.where(masks[:, None, ..., self.read], of_row, of_start)
                factors[..., d:] = self.whitening.of_scaled(mixed)
            np.matmul(factors[:, 0, ..., :d], starts.each[:, :, :d], out=of_starts)
            np.subtract(starts.whole[:, :, None], of_starts, out=of_starts)
            by_row = g, r, s * c, n_factors
            np.matmul(factors.reshape(by_row), rows.each, out=z.reshape(k, r, s * c, h))
            np.add(z, of_starts[:, None], out=z)
            found = upper(flat) @ self.directions.T
            return found.reshape(-1, r, s, c, len(self.directions))

        return outputs


def linear_map(parts: Parts) -> np.ndarray:
    """The weights of the affine part, ``(n_embedded, h)`` or ``(k, n_embedded, h)``."""
    affine: Network = parts.affine
    unit = np.eye(len(parts.sources), dtype=affine.dtype)
    return affine.scores(unit) - affine.scores(np.zeros_like(unit[:1]))


def shapley_values(
    mixed: MixedRows,
    rows: tuple[np.ndarray, np.ndarray],
    starts: tuple[np.ndarray, np.ndarray],
    n_permutations: int,
    rng: Any,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Shapley values of the columns of `mixed`, and what they add to.

    Parameters
    ----------
    mixed : MixedRows
        The model.
    rows, starts : tuple of ndarray
        The encoded rows and those of the baseline, with the numbers of whitened columns.
    n_permutations : int
        Pairs of orders for each row and each row of the baseline.
    rng : RandomState
        For the orders.

    Returns
    -------
    values : ndarray of shape (n, d, q)
    base : ndarray of shape (q,)
        The mean output of the baseline.
    errors : ndarray of shape (n, q)
        Standard error relative to the values: both as the root of the sum of squares over the
        columns.  NaN with one pair of orders, 0 for all coalitions.
    """
    n, d, q = len(rows[0]), len(mixed.columns), len(mixed.directions)
    of_starts, n_starts = mixed.terms(*starts), len(starts[0])
    sampler = Sampler(d, n_permutations, rng)
    width = of_starts.whole.size // n_starts * max(sampler.n_coalitions, 1)
    n_at_once = max(1, EVALUATED // width)
    n_groups = -(-n // min(GROUP, n_at_once))
    values, variances = np.zeros((2, n, d, q))
    for some in np.array_split(np.arange(n), n_groups):
        of_rows = mixed.terms(rows[0][some], rows[1][some])
        step = max(1, n_at_once // len(some))
        for b in range(0, n_starts, step):
            found, variance = sampler.values(mixed, of_rows, of_starts.take(slice(b, b + step)))
            values[some] += found / n_starts
            variances[some] += variance / n_starts**2
    size = np.maximum((values**2).sum(axis=1), np.finfo(float).tiny)
    base = of_starts.outputs.mean(axis=(0, 1))
    return values, base, np.sqrt(variances.sum(axis=1) / size)


class Sampler:
    """Shapley values of a few rows against a few rows of the baseline.

    Parameters
    ----------
    d : int
        Number of columns.
    n_permutations : int
        Pairs of orders for each row of the baseline.
    rng : RandomState
        For the orders.

    Attributes
    ----------
    n_coalitions : int
        For each row of the baseline.
    """

    def __init__(self, d: int, n_permutations: int, rng: Any):
        self.d, self.n, self.rng = d, n_permutations, rng
        n_drawn, n_all = 2 * max(d - 1, 0) * n_permutations, max(2**d - 2, 0)
        self.every = every_coalition(d) if n_all <= min(n_drawn, MOST_COALITIONS) else None
        self.n_coalitions = n_drawn if self.every is None else n_all

    def values(self, mixed: MixedRows, rows: Terms, starts: Terms) -> tuple[np.ndarray, np.ndarray]:
        """Sums over the baselines of the values, and of the squares of their standard errors."""
        whole = rows.outputs[:, :, None] - starts.outputs[:, None]
        g, r, s, q = whole.shape
        if self.every is not None:
            masks, weights = self.every
            outputs = mixed(rows, starts, np.broadcast_to(masks, (1, s, *masks.shape)))
            found = np.matmul(weights, outputs) + whole[..., None, :] / max(self.d, 1)
            return found.mean(axis=0).sum(axis=1), np.zeros((r, self.d, q))
        places = self.rng.random_sample((g, s, self.n, self.d)).argsort(axis=-1)
        masks = masks_of_orders(places)
        outputs = mixed(rows, starts, masks.reshape(g, s, -1, self.d))
        outputs = outputs.reshape(g, r, *masks.shape[1:4], q)
        found = values_of_orders(outputs, whole, places).mean(axis=0)
        with np.errstate(invalid="ignore"):
            variance = found.var(axis=2) / np.float64(self.n - 1)
        return found.mean(axis=2).sum(axis=1), variance.sum(axis=1)


def every_coalition(d: int) -> tuple[np.ndarray, np.ndarray]:
    """All coalitions but none and all, ``(c, d)``, and the weights of their outputs, ``(d, c)``."""
    numbers = np.arange(1, 2**d - 1)[:, None]
    masks = numbers >> np.arange(d)[::-1] & 1 == 1
    of_size = np.array([factorial(s) * factorial(d - s - 1) / factorial(d) for s in range(d)])
    size = masks.sum(axis=1)
    return masks, np.where(masks.T, of_size[size - 1], -of_size[size])


def masks_of_orders(places: np.ndarray) -> np.ndarray:
    """The coalitions on the way through orders, and through their reverses.

    Parameters
    ----------
    places : ndarray of int, shape (g, s, n, d)
        The place of each column in each order.

    Returns
    -------
    masks : ndarray of bool, shape (g, s, n, 2 (d - 1), d)
        The first 1, 2, … columns, and then all columns but these.
    """
    masks = places[..., None, :] < np.arange(1, places.shape[-1])[:, None]
    return np.concatenate([masks, ~masks], axis=-2)


def values_of_orders(outputs: np.ndarray, whole: np.ndarray, places: np.ndarray) -> np.ndarray:
    """What each column adds, the mean of orders and their reverses, ``(g, r, s, n, d, q)``.

    Parameters
    ----------
    outputs : ndarray of shape (g, r, s, n, 2 (d - 1), q)
        Of the coalitions of `masks_of_orders`.
    whole : ndarray of shape (g, r, s, q)
        What all columns add together.
    places : ndarray of int, shape (g, s, n, d)
        The place of each column in each order.
    """
    forth, back = np.split(outputs, 2, axis=-2)
    n, q = outputs.shape[3], outputs.shape[-1]
    end = np.broadcast_to(whole[..., None, None, :], (*whole.shape[:3], n, 1, q))
    steps = np.diff(np.concatenate([-end, forth - back, end], axis=-2), axis=-2) / 2
    return np.take_along_axis(steps, places[:, None, ..., None], axis=-2)
