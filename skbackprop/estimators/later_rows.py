"""Checks and encoding of rows after `fit` has made the encoder: validation rows and batches."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils import check_consistent_length

from ..recipes.build import dense_if_embedded
from ..recipes.resolve import preset_of
from ..tables.columns import written
from ..tables.weights import cast_weights, count_rows, scale_weights, take_rows
from ..targets.class_weight import without_weight
from ..targets.number_codec import TargetCodec
from .arrays import check_rows, encode
from .fitted import Fitted
from .inputs import FitInputs, Table, check_row_weights, warn_other_order
from .rows import TOO_SMALL


def check_validation(estimator: Any, inputs: FitInputs, fitted: Fitted) -> Table:
    """`X_val` and `y_val`, checked and encoded; rows of weight 0 are removed from `inputs`."""
    given = inputs.X_val, inputs.y_val, inputs.sample_weight_val
    names = "y_val", "sample_weight_val"
    warn_other_order(inputs.X_val, dict(zip(names, given[1:], strict=True)))
    table, kept = check_later_rows(estimator, *given, names, fitted, inputs)
    if len(kept) < (count_rows(inputs.y_val) or 0):
        inputs.X_val, inputs.y_val, inputs.sample_weight_val = (take_rows(v, kept) for v in given)
    if table.rows.n < 2:
        raise ValueError(f"{TOO_SMALL}: got n_samples={table.rows.n} in X_val.")
    if table.weight is not None:
        table.weight = cast_weights(scale_weights(table.weight)[0], table.x.dtype)[0]
    return table


def check_later_rows(
    estimator: Any,
    X: Any,
    y: Any,
    sample_weight: Any,
    names: tuple[str, str],
    fitted: Fitted,
    inputs: FitInputs,
) -> tuple[Table, np.ndarray]:
    """Checked and encoded rows, and the numbers of those whose weight is not 0.

    `names` are those of `y` and of the weights in messages.  The weights are not scaled.
    """
    y, codec = estimator._check_y(y, names[0]), fitted.codec
    if isinstance(codec, TargetCodec):
        codec.check_columns(y, names[0])
    absent = without_weight(getattr(estimator, "class_weight", None), y)
    weight = check_row_weights(sample_weight, absent, len(y), names[1])
    kept = np.arange(len(y))
    if count_rows(X) is not None:
        check_consistent_length(X, y)
        if weight is not None and preset_of(estimator) != "plain" and not weight.all():
            kept = np.flatnonzero(weight)
            X, y, weight = take_rows(X, kept), y[kept], weight[kept]
    if fitted.encoder is None:
        X = dense_if_embedded(fitted, check_rows(estimator, X, reset=False))
    else:
        X = encode(estimator, fitted.encoder, X, fitted.network.dtype)
    check_consistent_length(X, y)
    X = X.astype(fitted.network.dtype, copy=False)
    unseen = estimator._unseen(y, codec)
    if unseen:
        raise ValueError(
            f"{names[0]} has labels that y does not have: {written(unseen)}. Remove these rows."
        )
    weight = estimator._weigh(y, weight, codec, inputs, count=False)
    return Table(X, y, codec.encode(y, X.dtype), weight), kept
