"""The statistics of the training rows that an encoder keeps, column by column.

A fitted encoder keeps no rows, but the quartiles and a few quantiles of each number, and the
shares of the levels of each category.  From them come a baseline row, rows in which the columns
are independent, and the slope of each encoded number.

>>> import numpy as np
>>> encoder = ColumnEncoder().fit([[1.0, "a"], [2.0, "b"], [3.0, "b"], [5.0, "b"]])
>>> owners(encoder)
array([0, 1])
>>> rows, weights = baseline_rows(encoder)
>>> rows.round(2)                     # the median; and no level, "a" and "b"
array([[ 0.  , -0.95],
       [ 0.  , -1.66],
       [ 0.  ,  0.  ]])
>>> weights                           # how often each of them occurs
array([[1.  , 0.  ],
       [0.  , 0.25],
       [0.  , 0.75]])
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .categories import Category
from .columns import read_table
from .encoder import ColumnEncoder
from .growth import slots
from .scaling import CLIP, FAR, robust_scale, smooth_clip
from .whitening import linear_scale

NORMAL_SPREAD = 1 / 1.349  # of a normal distribution with quartiles that are 1 apart


def owners(encoder: ColumnEncoder) -> np.ndarray:
    """For each encoded column the number of the column it comes from; -1 if it has none."""
    return np.array([slot[1] if len(slot) > 1 else -1 for slot in slots(encoder)], dtype=int)


def baseline_rows(encoder: ColumnEncoder) -> tuple[np.ndarray, np.ndarray]:
    """Encoded rows whose mean is the baseline row, and the weight of each cell in the mean.

    The baseline row has the median of each number, and of each category the levels with their
    shares of the training rows.  The mean is taken after the embedding of the codes.

    Returns
    -------
    rows, weights : ndarray of shape (n, n_encoded)
        The weights of each column add up to 1.
    """
    categories = _categories(encoder)
    n = max((len(category.table) for category in categories.values()), default=1)
    rows, weights = np.zeros((n, encoder.n_encoded)), np.zeros((n, encoder.n_encoded))
    weights[0] = 1  # the median of a number is encoded as 0
    if encoder._whitening is not None:
        rows[0, encoder.whitened] = smooth_clip(-encoder._whitening.offset)
    for j, (kind, *place) in enumerate(slots(encoder)):
        if kind == "effect":
            median = 2 * encoder._center[encoder._numeric == place[0]]
            rows[0, j] = _effect(encoder, place, median)[0]
        elif kind in ("level", "code"):
            category = categories[place[0]]
            rows[: len(category.table), j] = _values(category, kind, place)
            weights[: len(category.table), j] = category.shares
    return rows, weights


def draw_rows(encoder: ColumnEncoder, n: int, rng: np.random.Generator) -> np.ndarray:
    """`n` encoded rows with the distribution of each column in training, and no dependence.

    No cell is missing.  Whitened columns do not depend on the others in training either; a normal
    distribution stands for theirs.
    """
    rows, numbers = np.zeros((n, encoder.n_encoded)), {}
    categories = _categories(encoder)
    codes = {i: rng.choice(len(c.table), n, p=c.shares) for i, c in categories.items()}
    place_of = {i: j for j, i in enumerate(getattr(encoder, "_followed", ()))}
    for j, (kind, *place) in enumerate(slots(encoder)):
        if kind == "number":
            points = encoder._points[place_of[place[0]]]
            numbers[place[0]] = drawn = rng.choice(points, n)
            rows[:, j] = np.nan_to_num(robust_scale(drawn, encoder._center[j], encoder._scale[j]))
        elif kind == "missing":
            rows[:, j] = encoder._off[j - encoder.n_numeric]
        elif kind == "whitened":
            rows[:, j] = smooth_clip(rng.normal(0, NORMAL_SPREAD, n))
        elif kind == "effect":
            rows[:, j] = _effect(encoder, place, numbers[place[0]])
        elif kind in ("level", "code"):
            rows[:, j] = _values(categories[place[0]], kind, place)[codes[place[0]]]
    return rows


def slopes(encoder: ColumnEncoder, X: Any, encoded: np.ndarray) -> np.ndarray:
    """The derivative of encoded rows with respect to the numbers they come from.

    Parameters
    ----------
    encoder : ColumnEncoder
        A fitted encoder.
    X : table
        The rows.
    encoded : ndarray of shape (n_samples, n_encoded)
        The same rows, encoded.

    Returns
    -------
    slopes : ndarray of shape (n_samples, n_encoded)
        NaN for what is encoded of a missing number or a category, which have no derivative, and
        0 for indicators of what is missing.
    """
    slopes = np.maximum(1 - (encoded / CLIP) ** 2, 0) ** 1.5  # of `smooth_clip`
    if is_sparse(encoder):
        return slopes * encoder._scale
    table = read_table(X)
    slopes[:, encoder.n_numeric :] = 0
    slopes[:, : encoder.n_numeric] *= 0.5 * encoder._scale
    for j, (kind, *place) in enumerate(slots(encoder)):
        if kind == "number":
            slopes[np.isnan(encoder.read_numbers(table, place[0])), j] = np.nan
        elif kind in ("level", "code"):
            slopes[:, j] = np.nan
    return slopes


def slopes_of_whitened(
    encoder: ColumnEncoder, encoded: np.ndarray, gradient: np.ndarray
) -> np.ndarray:
    """The part of the derivatives by the numbers that comes through whitened columns.

    Parameters
    ----------
    encoder : ColumnEncoder
        A fitted encoder.
    encoded : ndarray of shape (n_samples, n_encoded)
        Encoded rows.
    gradient : ndarray of shape (n_samples, n_encoded, q)
        The derivatives with respect to them.

    Returns
    -------
    part : ndarray of shape (n_samples, n_features, q)
        With respect to the numbers, in their units.
    """
    part = np.zeros((len(encoded), encoder.n_features, gradient.shape[2]))
    whitening, places = encoder._whitening, encoder.whitened
    if whitening is not None:
        slope = np.maximum(1 - (encoded[:, places] / CLIP) ** 2, 0) ** 1.5
        linear = 0.5 * whitening.scale[:, None] * whitening.matrix
        part[:, whitening.columns] = np.einsum(
            "nmq,nm,dm->ndq", gradient[:, places], slope, linear, optimize=True
        )
    return part


def scaled_numbers(encoder: ColumnEncoder, X: Any) -> np.ndarray:
    """The numbers that the whitened columns are made of, ``(n_samples, d)``, of rows of a table."""
    whitening, table = encoder._whitening, read_table(X)
    if whitening is None:
        return np.empty((table.n_rows, 0))
    x = encoder.read_columns(table.dense(), whitening.columns)
    return linear_scale(x, whitening.center, whitening.scale)


def whiten_drawn(encoder: ColumnEncoder, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Encoded rows whose whitened columns are those of their numbers, and `scaled_numbers`.

    The numbers are computed from the encoded ones, by the inverse of the smooth clip.

    >>> X = np.random.default_rng(0).normal(size=(100, 1)) * np.ones(3)
    >>> X[:, 1:] += np.random.default_rng(1).normal(size=(100, 2)) / 10
    >>> encoder = ColumnEncoder(whiten=True).fit(X)
    >>> rows = encoder.transform(X, np.float64)
    >>> again, scaled = whiten_drawn(encoder, rows)
    >>> bool(np.allclose(again, rows)), bool(np.allclose(scaled, scaled_numbers(encoder, X)))
    (True, True)
    """
    whitening = encoder._whitening
    if whitening is None:
        return rows, np.empty((len(rows), 0))
    places = [encoder._numeric.tolist().index(i) for i in whitening.columns.tolist()]
    share = np.minimum((rows[:, places] / CLIP) ** 2, 1 - 1 / FAR)
    halves = rows[:, places] / np.sqrt(1 - share) / encoder._scale[places]
    x = 2 * (halves + encoder._center[places])
    scaled, rows = linear_scale(x, whitening.center, whitening.scale), rows.copy()
    rows[:, encoder.whitened] = whitening.of_scaled(scaled)
    return rows, scaled


def is_sparse(encoder: ColumnEncoder) -> bool:
    """Tell whether the encoder makes sparse rows, about which it knows only the sizes."""
    return encoder._sparse


def _categories(encoder: ColumnEncoder) -> dict[int, Category]:
    """The categories by their columns; an encoder of sparse rows has none."""
    return {category.column: category for category in getattr(encoder, "_categories", ())}


def _effect(encoder: ColumnEncoder, place: list[int], x: np.ndarray) -> np.ndarray:
    """An encoded column of effects for values of its column."""
    (effect,) = (effect for effect in encoder.effects if effect.column == place[0])
    return effect.table[effect.codes(x, single=False), place[1]]


def _values(category: Category, kind: str, place: list[int]) -> np.ndarray:
    """For each code of a category the value of an encoded column."""
    return category.table[:, place[1]] if kind == "level" else np.arange(len(category.table))
