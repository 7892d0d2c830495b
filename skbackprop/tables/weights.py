"""The check of sample weights."""

from __future__ import annotations

from numbers import Number
from typing import Any

import numpy as np
from sklearn.utils import check_array, check_consistent_length


def check_weight(weight: Any, x: Any, dtype: np.dtype) -> np.ndarray | None:
    """Sample weights as a 1-d array, or None."""
    if weight is None:
        return None
    if isinstance(weight, Number):
        weight = np.full(x.shape[0], weight)
    weight = check_array(
        weight, ensure_2d=False, dtype=dtype, input_name="sample_weight", copy=True
    )
    if weight.ndim != 1:
        raise ValueError(f"Sample weights must be 1D array or scalar, got {weight.ndim}D array.")
    check_consistent_length(weight, x)
    if (weight < 0).any():
        raise ValueError(
            "Negative values in data passed to `sample_weight`: weights need to be >= 0, "
            f"got {weight.min()}. Set the weight of rows to be ignored to 0."
        )
    if not weight.any():
        raise ValueError(
            "Sample weights must contain at least one non-zero number, got only zeros. "
            "Give the rows that should count a positive weight."
        )
    return weight
