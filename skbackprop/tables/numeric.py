"""The fitted state of a column of numbers: its median, scale and sign, and missing cells.

The center is half the median, and the scale is one over half the interquartile range.

>>> import numpy as np
>>> column = NumericColumn.learn(0, np.array([1.0, 2.0, 4.0, 8.0, 16.0, np.nan]), None)
>>> float(2 * column.center), round(2 / column.scale, 3), column.n_known
(4.0, 6.0, 5.0)
"""

from __future__ import annotations

import numpy as np

from ..params import Frozen, frozen
from .categories import encode_values, rows_of_each
from .running import MOST_ROWS, summarize
from .scaling import DIGITS, center_and_scale, moments, robust_scale, skew_sign, weight_of
from .weights import spread_rows


@frozen
class NumericColumn(Frozen):
    """What is learned of a column of numbers."""

    column: int
    center: float
    scale: float  # 0 for a constant column
    missing: np.ndarray | None  # for "not missing" and for "missing" the value of a column
    sort_key: tuple[float, ...]
    points: np.ndarray  # quantiles, see `running`
    n_known: float  # rows in which it is not missing

    @staticmethod
    def learn(i: int, x: np.ndarray, weight: np.ndarray | None) -> NumericColumn:
        """Median, scale and sign of a column, and how its missing cells are encoded."""
        absent = np.isnan(x)
        known = ~absent if absent.any() else slice(None)
        of_known = weight_of(weight, known)
        center, scale = center_and_scale(x[known], of_known)
        z, share = robust_scale(x[known], center, scale), float(np.average(absent, weights=weight))
        sign = skew_sign(z, of_known)
        sort_key = (round(share, DIGITS), *(moments(sign * z, of_known) if len(z) else ()))
        missing = None
        if absent.any() and not absent.all():
            off_on = np.array([[0.0], [1.0]])
            missing = encode_values(off_on, rows_of_each(absent.astype(int), weight, 2))
        n_known = float(np.sum(~absent) if of_known is None else of_known.sum())
        some = spread_rows(len(z), MOST_ROWS)
        points = summarize(x[known][some], weight_of(of_known, some))
        return NumericColumn(i, center, scale * sign, missing, sort_key, points, n_known)
