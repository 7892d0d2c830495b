"""Which columns are categories: `categorical_features` as a mask.

>>> from skbackprop.tables import read_table
>>> table = read_table([[1.5, "red"], [None, "blue"]])
>>> category_mask(table, "from_dtype"), category_mask(table, [0])
(array([False,  True]), array([ True, False]))
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .cells import BOOLEAN, TEXT
from .columns import TableColumns, quoted, short


def category_mask(table: TableColumns, categorical_features: Any) -> np.ndarray:
    """Which columns are categories: by dtype, names, indices or a mask; with None no column.

    With "from_dtype" these are columns of a categorical dtype, of booleans, and all columns that
    hold text.
    """
    n = table.n_columns
    if isinstance(categorical_features, str):
        if categorical_features != "from_dtype":
            raise ValueError(
                'categorical_features must be "from_dtype", names, indices, a mask or None, got '
                f"{short(repr(categorical_features))}. Put the name of a single column into a list."
            )
        if table.sparse is not None or table.block is not None:
            return np.zeros(n, dtype=bool)
        return np.array([_is_category(table, i) for i in range(n)])
    mask = np.zeros(n, dtype=bool)
    chosen = np.asarray([] if categorical_features is None else categorical_features)
    if chosen.size:
        mask[_places(chosen, table)] = True
    return mask


def _is_category(table: TableColumns, i: int) -> bool:
    families = table.families(i)
    return table.column(i).declared or TEXT in families or families == {BOOLEAN}


def _places(chosen: np.ndarray, table: TableColumns) -> np.ndarray:
    """Names, indices or a mask, checked, as indices or a mask."""
    n = table.n_columns
    if all(isinstance(name, str) for name in chosen.tolist()):
        return _places_of_names(chosen.tolist(), table)
    if chosen.dtype.kind not in "biu":
        raise ValueError(
            "categorical_features must be an array-like of bool, int or str, got: "
            f"{chosen.tolist()!r}."
        )
    if chosen.dtype.kind == "b":
        if chosen.shape != (n,):
            raise ValueError(
                "categorical_features set as a boolean mask must have shape (n_features,), got: "
                f"{chosen.shape} for {n} columns."
            )
    elif chosen.min() < 0 or chosen.max() >= n:
        raise ValueError(
            "categorical_features set as integer indices must be in [0, n_features - 1], got: "
            f"{chosen.tolist()} for {n} columns."
        )
    return chosen


def _places_of_names(chosen: list[str], table: TableColumns) -> np.ndarray:
    if table.names is None:
        raise ValueError(
            "categorical_features should be passed as an array of integers or as a boolean mask "
            "when the model is fitted on data without feature names."
        )
    unknown = [name for name in chosen if name not in table.names]
    if unknown:
        raise ValueError(
            f"categorical_features has the item {short(repr(unknown[0]))} which is not a valid "
            f"feature name of the training data. Observed feature names: {quoted(table.names)}"
        )
    return np.array([table.names.index(name) for name in chosen])
