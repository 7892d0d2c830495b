r"""The effect of single values on the target, as an additional input beside the column.

Some numbers mean something one by one: the amount 7688, the code -9.  A network sees a number
through a few pieces between quantiles, and cannot tell 7688 from 7700; a tree gives a value that
occurs often a bin of its own.  What the pieces miss is the mean of the target over the rows that
have the value.  With the sum :math:`S_v` of the centered target and the number :math:`C_v` of the
rows that have the value v, its effect is

.. math:: e_v = \frac{S_v + a\, l_v}{C_v + a} - l_v, \qquad a = 10,

where :math:`l_v` is what they say: a line in each of 16 parts of the column, fitted by ridge
regression.  A value that is missing, new or of a single row has the effect 0.

**Out of fold.**  A row must not see its own label.  The effects of a training row come from the
rows of the other folds, those of later rows from all training rows.

**The screen.**  A column has effects if they predict the rows that were left out: with
:math:`d_i = (y_i - l)^2 - (y_i - l - e)^2`, the mean of d has to be z standard errors above 0.  It
has to be half as many above 0 with the effects of those values only that occur at least 10 times,
since copies of rows would pass otherwise, and a share of the rows has to have such values.

Micci-Barreca, "A preprocessing scheme for high-cardinality categorical attributes in classification
and prediction problems" (2001), for the shrunk means; Prokhorenkova, Gusev, Vorobev, Dorogush and
Gulin, "CatBoost: unbiased boosting with categorical features" (2018), for what goes wrong if a row
sees its own label; Ke et al., "LightGBM: a highly efficient gradient boosting decision tree"
(2017), whose histograms give a bin to a value that occurs often.

>>> x = np.tile(np.arange(100.0), 10)
>>> y = (x == 7)[:, np.newaxis] * 1.0
>>> values = distinct_values(x, np.ones(1000))
>>> _, e = line_and_effect(values, sums(values.of_row, 100, y, np.ones(1000)))
>>> e[6:10, 0].round(2)
array([-0.17,  0.37, -0.1 , -0.06])
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

from ..params import Frozen, frozen
from .columns import TableColumns, read_table
from .scaling import LARGEST, smooth_clip
from .weights import as_counts

PRIOR = 10.0  # rows that the line counts as
PARTS = 16  # of a column, with a line each
RIDGE = 1.0
REPEATED = 2.0  # rows that a value must have for an effect
OFTEN = 10.0  # rows of a value that counts for the share
FEWEST_ROWS = 200  # of a table
FEWEST_VALUES = 16  # the pieces tell so many apart
# The least z, and the least share of rows whose value occurs often.
OF_LABELS, OF_NUMBERS = (4.0, 0.3), (6.0, 0.5)
TINY = np.finfo(np.float64).tiny


# ---- statistics -------------------------------------------------------------------------------


@frozen
class Values(Frozen):
    """The values of a column.

    Attributes
    ----------
    of_row : ndarray of int, shape (n,)
        Which of the distinct values each row has; -1 if it is missing.
    count : ndarray of shape (n_values,)
        How many rows have each value.
    place : ndarray of shape (n_values,)
        Where a value is between the others, from 0 to 1.
    """

    of_row: np.ndarray
    count: np.ndarray
    place: np.ndarray

    @property
    def often(self) -> float:
        """Number of rows whose value occurs often."""
        return float(self.count[self.count >= OFTEN].sum())

    @property
    def occurs_often(self) -> np.ndarray:
        """For each row, does its value occur often?"""
        known = self.of_row >= 0
        known[known] = self.count[self.of_row[known]] >= OFTEN
        return known


def distinct_values(x: np.ndarray, weight: np.ndarray) -> Values:
    """The values of a column of numbers, in increasing order.

    The place of a value is the share of the rows up to its middle, where a value of more rows
    than half a part counts as half a part: as between the edges of the pieces.
    """
    known = np.flatnonzero(~np.isnan(x))
    distinct, inverse = np.unique(x[known], return_inverse=True)
    of_row = np.full(len(x), -1)
    of_row[known] = inverse
    count = np.bincount(inverse, weights=weight[known], minlength=len(distinct))
    mass = np.minimum(count, count.sum() / (2 * PARTS))
    return Values(of_row, count, (np.cumsum(mass) - mass / 2) / max(mass.sum(), TINY))


def sums(of_row: np.ndarray, n: int, y: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """For each of n values the sums of the columns of y, and last the number of its rows."""
    known = np.flatnonzero(of_row >= 0)
    where = of_row[known], np.arange(len(known))
    rows = sparse.csr_matrix((weight[known], where), shape=(n, len(known)))
    return rows @ np.column_stack([y[known], np.ones(len(known))])


def lines(place: np.ndarray, total: np.ndarray, count: np.ndarray) -> np.ndarray:
    """For each value what a line in its part of the column says, by ridge regression.

    Parameters
    ----------
    place : ndarray of shape (n_values,)
        Where each value is, from 0 to 1.
    total : ndarray of shape (n_values, m)
        Sums of the centered target.
    count : ndarray of shape (n_values,)
        Numbers of rows.
    """
    part = np.minimum((place * PARTS).astype(int), PARTS - 1)

    def summed(x: np.ndarray) -> np.ndarray:
        return np.bincount(part, weights=x, minlength=PARTS)

    t = PARTS * place - (part + 0.5)  # counted from the middle of the part
    a, b, d = summed(count) + RIDGE, summed(count * t), summed(count * t * t) + RIDGE
    determinant = a * d - b * b
    said = np.empty_like(total)
    for j, column in enumerate(total.T):
        p, q = summed(column), summed(column * t)
        level, slope = (d * p - b * q) / determinant, (a * q - b * p) / determinant
        said[:, j] = level[part] + slope[part] * t
    return said


def line_and_effect(values: Values, summed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each value what the line says and the effect, ``(n_values, m)``, from some `sums`."""
    total, count = summed[:, :-1], summed[:, -1]
    mean = total.sum(axis=0) / max(count.sum(), TINY)
    total = total - np.outer(count, mean)
    said = lines(values.place, total, count)
    effect = (total - count[:, np.newaxis] * said) / (count + PRIOR)[:, np.newaxis]
    return said + mean, effect * (values.count >= REPEATED)[:, np.newaxis]


def out_of_fold(
    values: Values, y: np.ndarray, weight: np.ndarray, fold: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """For each row what the line says and the effect, ``(n, m)``, from the rows of other folds.

    Where the value is missing they are NaN and 0.
    """
    n = len(values.count)
    every = sums(values.of_row, n, y, weight)
    line, effect = np.full(y.shape, np.nan), np.zeros(y.shape)
    for number in np.unique(fold):
        rows = np.flatnonzero((fold == number) & (values.of_row >= 0))
        own = values.of_row[rows]
        said, e = line_and_effect(values, every - sums(own, n, y[rows], weight[rows]))
        line[rows], effect[rows] = said[own], e[own]
    return line, effect


def z_of_effects(
    y: np.ndarray, line: np.ndarray, effect: np.ndarray, weight: np.ndarray
) -> np.ndarray:
    """For each column of y how many standard errors the gain by the effects is above 0."""
    d = (y - line) ** 2 - (y - line - effect) ** 2
    d[np.isnan(line)] = 0.0
    mean = np.average(d, axis=0, weights=weight)
    spread = np.sqrt(np.average((d - mean) ** 2, axis=0, weights=weight))
    return np.where(spread > 0, mean / np.maximum(spread, TINY) * np.sqrt(weight.sum()), 0.0)


# ---- columns of a table -----------------------------------------------------------------------


@frozen
class ValueEffect(Frozen):
    """The effects of the values of a column, as they are encoded.

    Attributes
    ----------
    column : int
        Number of the column in the table.
    numbers : ndarray of shape (n,)
        The values that have an effect, in increasing order; number j has the code j + 1.
    targets : ndarray of int, shape (width,)
        Which columns of the target the effects are on.
    scale : ndarray of shape (width,)
        What the effects are multiplied by before they are clipped.
    table : ndarray of shape (n + 1, width)
        For each code the values of the encoded columns; those of code 0 are 0.
    single : bool
        True if the numbers are in single precision.
    """

    column: int
    numbers: np.ndarray
    targets: np.ndarray
    scale: np.ndarray
    table: np.ndarray
    single: bool = False

    @property
    def width(self) -> int:
        """Number of encoded columns."""
        return len(self.targets)

    def codes(self, x: np.ndarray, *, single: bool) -> np.ndarray:
        """The code of each number, which may be in single precision; 0 for NaN and new ones."""
        known = self.numbers
        if not len(known):
            return np.zeros(len(x), int)
        if single or self.single:  # 0.1 in double precision is not 0.1 in single precision
            with np.errstate(over="ignore"):
                known, x = known.astype(np.float32), x.astype(np.float32)
        place = np.minimum(np.searchsorted(known, x), len(known) - 1)
        return np.where(known[place] == x, place + 1, 0)


def encode_effects(encoder: Any, table: TableColumns) -> np.ndarray:
    """The columns of the effects that an encoder has, side by side."""
    parts = []
    for effect in encoder.effects:
        x = encoder.read_numbers(table, effect.column)
        parts.append(effect.table[effect.codes(x, single=table.is_single(effect.column))])
    return np.concatenate(parts, axis=1)


def find_effects(
    encoder: Any,
    X: Any,
    y: np.ndarray,
    weight: np.ndarray | None,
    fold: np.ndarray,
    limits: tuple[float, float],
) -> list[tuple[int, np.ndarray]]:
    """The columns that pass the screen, and the columns of the target they have effects on.

    Parameters
    ----------
    encoder : ColumnEncoder
        The encoder, fitted to X.
    X : table
        The training rows.
    y : ndarray of shape (n, m)
        The target of the network.
    weight : ndarray of shape (n,) or None
        Their weights.
    fold : ndarray of int, shape (n,)
        The number of the fold of each row.
    limits : tuple of float
        The least z, and the least share of rows whose value occurs often.
    """
    (least_z, least_share), found = limits, []
    table, y, w = _prepared(X, y, weight)
    for i in encoder.columns_of_numbers():
        values = distinct_values(_oriented(encoder, table, i), w)
        if len(values.count) > FEWEST_VALUES and values.often >= least_share * w.sum():
            line, effect = out_of_fold(values, y, w, fold)
            passes = z_of_effects(y, line, effect, w) >= least_z
            effect[~values.occurs_often] = 0.0  # copies of rows do not pass
            passes &= z_of_effects(y, line, effect, w) >= least_z / 2
            if passes.any():
                found.append((i, np.flatnonzero(passes)))
    return found


def learn_effects(
    encoder: Any,
    X: Any,
    y: np.ndarray,
    weight: np.ndarray | None,
    fold: np.ndarray,
    found: list[tuple[int, np.ndarray]],
) -> tuple[tuple[ValueEffect, ...], np.ndarray]:
    """The effects of some columns, and the columns of the training rows, out of fold.

    The parameters are those of `find_effects`, and what it returned.  A column that has effects
    already keeps their scale.
    """
    table, y, w = _prepared(X, y, weight)
    known = {effect.column: effect for effect in encoder.effects}
    learned, encoded = [], []
    for i, targets in found:
        x, target = _oriented(encoder, table, i), y[:, targets]
        values = distinct_values(x, w)
        own = out_of_fold(values, target, w, fold)[1]
        scale = known[i].scale if i in known else _scales(own, w)
        _, effect = line_and_effect(values, sums(values.of_row, len(values.count), target, w))
        distinct = encoder.sign_of(i) * np.unique(x[~np.isnan(x)])
        order = np.argsort(distinct)
        order = order[values.count[order] >= REPEATED]
        rows = np.concatenate([np.zeros((1, len(targets))), effect[order]])
        rows = smooth_clip(rows * scale)
        learned.append(
            ValueEffect(i, distinct[order], targets, scale, rows, bool(table.is_single(i)))
        )
        encoded.append(smooth_clip(own * scale))
    return tuple(learned), np.concatenate(encoded, axis=1)


def _prepared(
    X: Any, y: np.ndarray, weight: np.ndarray | None
) -> tuple[TableColumns, np.ndarray, np.ndarray]:
    return read_table(X).dense(), y.astype(np.float64), as_counts(weight, len(y))


def _oriented(encoder: Any, table: TableColumns, i: int) -> np.ndarray:
    """Column i in the direction in which it is encoded: -x has the effects of x."""
    return encoder.sign_of(i) * encoder.read_numbers(table, i)


def _scales(effect: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """One over the root of the mean square of the effects that are not 0."""
    square = np.average(effect**2, axis=0, weights=weight)
    share = np.average(effect != 0, axis=0, weights=weight)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return np.where(square > 0, np.minimum(np.sqrt(share / square), LARGEST), 0.0)
