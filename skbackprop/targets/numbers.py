"""The numbers that a regressor is given, checked."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils import column_or_1d

from .reading import as_columns, check_complete, name_rows, read_target


def check_numbers(y: Any, name: str = "y") -> np.ndarray:
    """Numbers as float64, ``(n,)`` or ``(n, n_outputs)``.

    Parameters
    ----------
    y : array-like, Series, data frame or sparse matrix
        The target as the user gave it.
    name : str
        What messages call it.

    Raises
    ------
    ValueError
        If a value is missing, infinite, complex, a text, a date, or larger than float64.

    Examples
    --------
    >>> check_numbers([1, 2.5, True])
    array([1. , 2.5, 1. ])
    >>> check_numbers(["1", "2"])
    Traceback (most recent call last):
        ...
    ValueError: could not convert y: it has texts, such as '1'. A regressor needs numbers: use \
    y.astype(float) for numbers that are written as text, and a classifier for labels.
    """
    y = read_target(y, name)
    if y.ndim == 2 and y.shape[1] == 1:
        y = column_or_1d(y, warn=True)
    kinds = set(map(type, y.ravel().tolist())) if y.dtype.kind in "OSU" else set()
    if any(issubclass(kind, (str, bytes)) for kind in kinds):
        text = next(cell for cell in y.ravel().tolist() if isinstance(cell, (str, bytes)))
        raise ValueError(
            f"could not convert {name}: it has texts, such as {text!r:.50}. A regressor needs "
            f"numbers: use {name}.astype(float) for numbers that are written as text, and a "
            "classifier for labels."
        )
    if y.dtype.kind in "mM" or not all(hasattr(kind, "__float__") for kind in kinds):
        example = y.ravel()[0] if y.dtype.kind == "O" else y.dtype
        raise ValueError(
            f"{name} needs numbers, got {example!r:.80}. Convert dates and durations, for example "
            f"by ({name} - start) / np.timedelta64(1, 'D')."
        )
    return _floats(y, name)


def _floats(y: np.ndarray, name: str) -> np.ndarray:
    try:
        with np.errstate(over="ignore"):
            numbers = y.astype(np.float64, copy=False)
    except OverflowError:
        largest = int(np.finfo(np.float64).max)  # of Python, which compares exactly
        cells = enumerate(as_columns(y).tolist())
        large = [i for i, row in cells if any(abs(cell) > largest for cell in row)]
        raise ValueError(
            f"Input {name} contains a value too large for dtype('float64'), in "
            f"{name_rows(np.array(large))}. Divide {name} by a power of ten, or take its logarithm."
        ) from None
    check_complete(numbers, name)
    return numbers
