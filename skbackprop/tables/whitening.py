r"""Whitened columns: uncorrelated copies of correlated numbers.

Where columns are nearly the same, as the readings of neighboring sensors are, the answer may lie
in their small differences.  A network learns these slowly, since each of its steps changes all
weights by about the same.  With the scaled numbers :math:`z`, brought to mean 0 and variance 1,
and the eigenvectors :math:`V` and eigenvalues :math:`\lambda` of their correlations,

.. math:: z' = z V \mathrm{diag}(\lambda^{-1/2}) V^\top

has as many columns, uncorrelated and of equal variance, each of them as close to its own column of
`z` as uncorrelated columns can be ("ZCA").  In another order, or with other signs, the columns of
`z` give the same new columns in that order, or with those signs; the eigenvectors themselves, as in
principal components, would not.  The new columns are scaled and clipped as all numbers are
(`scaling`), and are given beside the others.

Bell and Sejnowski, "The 'independent components' of natural scenes are edge filters" (1997);
Kessy, Lewin and Strimmer, "Optimal whitening and decorrelation" (2018).

>>> rng = np.random.default_rng(0)
>>> x = rng.normal(size=(1000, 1)) + 0.01 * rng.normal(size=(1000, 3))
>>> whitening = learn_whitening(np.arange(3), x, np.zeros(3), np.ones(3))
>>> np.corrcoef(x.T).round(2)[0], np.corrcoef(whitening.transform(x).T).round(1)[0] + 0
(array([1., 1., 1.]), array([1., 0., 0.]))
"""

from __future__ import annotations

import numpy as np

from ..params import Frozen, frozen
from .scaling import FAR, center_and_scale, smooth_clip

MOST_COLUMNS = 100  # more are not whitened: the columns would be twice as many
ROWS_EACH = 5  # rows for each column, at least: with fewer the correlations are mostly noise
MOST_ROWS = 20_000  # of which correlations are taken
MOST_MISSING = 0.05  # share of the rows: a filled cell does not fit the other numbers of its row
# Directions with less variance than this share of the largest are those of columns that follow
# from others. Small directions are kept: in them lies what makes whitening worth it.
SMALLEST = 1e-9
# A new column that is correlated so much with its own says nothing new.
ALIKE = 0.95


@frozen
class Whitening(Frozen):
    """An affine map of columns of numbers, and the smooth clip.

    Parameters
    ----------
    columns : ndarray of int, shape (d,)
        The columns of the table that are read.
    center, scale : ndarray of shape (d,)
        Half of what is subtracted from each of them, and what their halves are multiplied by.
    own : ndarray of int, shape (m,)
        The column of the table that each new column belongs to.
    matrix, offset : ndarray of shape (d, m) and (m,)
        The map from scaled numbers to scaled new columns.
    """

    columns: np.ndarray
    center: np.ndarray
    scale: np.ndarray
    own: np.ndarray
    matrix: np.ndarray
    offset: np.ndarray

    def transform(self, x: np.ndarray) -> np.ndarray:
        """The new columns for rows of numbers, ``(n, d)``; a missing number is the median."""
        return self.of_scaled(linear_scale(x, self.center, self.scale))

    def of_scaled(self, z: np.ndarray) -> np.ndarray:
        """The new columns for numbers that `linear_scale` has scaled."""
        return smooth_clip(z @ self.matrix - self.offset)


def linear_scale(x: np.ndarray, center: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Center and scale; 0 where a number is missing.

    Differs from `robust_scale`: nothing is bent, so that sums and differences stay what they are.
    """
    z = np.multiply(x, 0.5, dtype=np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        z -= center
        z *= scale
    z[np.isnan(z)] = 0
    np.minimum(z, FAR, out=z)
    return np.maximum(z, -FAR, out=z)


def few_missing(x: np.ndarray, weight: np.ndarray | None = None) -> bool:
    """Tell whether few numbers of a column are missing, and the others have three values or more.

    Two values are a category: its difference from other columns says little.
    """
    absent = np.isnan(x)
    known = x[~absent]
    if not len(known) or np.average(absent, weights=weight) > MOST_MISSING:
        return False
    return bool(((known != known.min()) & (known != known.max())).any())


def learn_whitening(
    columns: np.ndarray,
    x: np.ndarray,
    center: np.ndarray,
    scale: np.ndarray,
    weight: np.ndarray | None = None,
) -> Whitening | None:
    """The whitening of some columns of numbers; None if there is nothing to gain.

    Parameters
    ----------
    columns : ndarray of int, shape (d,)
        Their numbers in the table.
    x : ndarray of shape (n, d)
        Their training rows.
    center, scale : ndarray of shape (d,)
        As in `scaling`: half their medians, and the factors on halves.
    weight : ndarray of shape (n,), optional
        The weights of the rows.
    """
    d, n = x.shape[1], len(x) if weight is None else weight.sum()
    if not 1 < d <= MOST_COLUMNS or n < ROWS_EACH * d:
        return None
    scaled = linear_scale(x, center, scale)
    mean = np.average(scaled, axis=0, weights=weight)
    z = scaled - mean
    spread = np.sqrt(np.average(z * z, axis=0, weights=weight))
    used = spread > SMALLEST * np.abs(mean)
    if not used.all():  # the others vary in other rows only, or beyond what squares can hold
        return learn_whitening(columns[used], x[:, used], center[used], scale[used], weight)
    z /= spread
    values, V = np.linalg.eigh(np.cov(z.T, aweights=weight, bias=True))
    kept = values > SMALLEST * values[-1]
    root, V = np.sqrt(values[kept]), V[:, kept]
    # The correlation of each column with the new one that belongs to it.
    alike = (V * V * root).sum(axis=1) / np.sqrt((V * V).sum(axis=1))
    new = np.flatnonzero(alike < ALIKE)
    if not len(new):
        return None
    W = (V / root) @ V[new].T
    pairs = [center_and_scale(column, weight) for column in (z @ W).T]
    half, factor = np.array(pairs).T
    matrix = W / spread[:, None] * (0.5 * factor)
    return Whitening(columns, center, scale, columns[new], matrix, mean @ matrix + half * factor)
