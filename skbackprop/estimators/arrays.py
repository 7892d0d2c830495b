"""From whatever users pass to float arrays: scikit-learn's checks, each done once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from math import isfinite
from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn import config_context
from sklearn.utils.validation import validate_data

from ..tables import ColumnEncoder, TableColumns, open_container, read_table
from ..tables.columns import short
from ..warn import warn_user

FLOATS = [np.float64, np.float32]


def check_rows(estimator: Any, X: Any, *, reset: bool) -> Any:
    """X as a float array or CSR; `reset` learns names and number of columns."""
    own = estimator.dtype
    dtype = FLOATS if not reset or (isinstance(own, str) and own == "auto") else np.dtype(own)
    X = open_container(X)
    try:
        # Foreign arrays become NumPy arrays; what is too large becomes infinite, and is refused.
        with (
            config_context(array_api_dispatch=False),
            np.errstate(over="ignore", invalid="ignore"),
            short_names(),
        ):
            X = validate_data(
                estimator,
                X,
                reset=reset,
                accept_sparse=["csr", "csc"],
                dtype=dtype,
                order="C",  # a batch gathers rows
            )
    except (ValueError, TypeError) as error:
        if str(error).startswith("Input X contains NaN"):
            raise ValueError(
                "Input X contains NaN, and without an encoding of the table no number may be "
                "missing. Use the default preset of BackpropClassifier or BackpropRegressor, for "
                "which NaN means missing, or SimpleImputer."
            ) from None
        column = _first_without_numbers(X)
        if column is None:
            raise
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(
            f"{str(error).rstrip('.')}. Without an encoding of the table all columns need numbers, "
            f"and column {column!r} has others. Encode it, for example with OneHotEncoder, or "
            "use a preset for tables and leave feature_encoding at 'auto'."
        ) from error
    return X.tocsr() if issparse(X) else X


def _first_without_numbers(X: Any) -> Any:
    """The name of the first column of a DataFrame that is not numbers, or None."""
    for name in getattr(X, "columns", ()):
        kind = getattr(getattr(X[name], "dtype", None), "kind", "O")
        if kind in "biuf":
            continue
        if kind in "mM":
            return name
        try:
            np.asarray(X[name], dtype=np.float64)
        except (ValueError, TypeError):
            return name
    return None


def fit_encoder(
    estimator: Any, table: TableColumns, sample_weight: Any, *, whiten: bool
) -> ColumnEncoder:
    """Fit the encoder of the columns to a table, and warn about columns of text."""
    check_names(estimator, table.source, reset=True)
    encoder = ColumnEncoder(estimator.categorical_features, whiten=whiten)
    encoder.fit(table, sample_weight)
    if encoder.notes:
        warn_user(encoder.message())
    return encoder


def encode(estimator: Any, encoder: Any, X: Any, dtype: Any) -> Any:
    """X by an encoder that is fitted, with the columns that the estimator was fitted with."""
    table = read_table(X)  # what is no table at all is refused first
    if not _has_same_names(estimator, table):
        check_names(estimator, table.source, reset=False)
    return encode_table(encoder, table, dtype)


def encode_table(encoder: ColumnEncoder, table: TableColumns, dtype: Any) -> Any:
    """A table by an encoder that is fitted; one warning about text that counts as missing."""
    notes: list[str] = []
    encoded = encoder.transform(table, dtype, notes)
    if notes:
        warn_user("\n".join(notes))
    return encoded


@contextmanager
def short_names() -> Iterator[None]:
    """Cut the names of columns in the messages of scikit-learn, which lists them line by line."""
    try:
        yield
    except ValueError as error:
        lines = str(error).split("\n")
        cut = [f"- {short(line[2:])}" if line.startswith("- ") else line for line in lines]
        if cut == lines:
            raise
        raise ValueError("\n".join(cut)) from None


def check_names(estimator: Any, X: Any, *, reset: bool) -> None:
    """Learn or compare the number and names of the columns; the rest is the encoder's."""
    with config_context(array_api_dispatch=False), short_names():
        validate_data(estimator, X, reset=reset, skip_check_array=True)


def _has_same_names(estimator: Any, table: TableColumns) -> bool:
    """Are the columns so plainly those of `fit` that scikit-learn's checks would pass?"""
    known = vars(estimator).get("feature_names_in_")
    if known is not None:
        return table.names == known.tolist()
    return type(table.source) is np.ndarray and table.n_columns == estimator.n_features_in_


def check_features(estimator: Any, X: Any) -> Any:
    """X to predict from, with the columns that the estimator was fitted with."""
    if _passes(estimator, X):
        return X
    X = open_container(X)
    with config_context(array_api_dispatch=False), short_names():
        return validate_data(estimator, X, reset=False, accept_sparse=["csr", "csc"], dtype=FLOATS)


def _passes(estimator: Any, X: Any) -> bool:
    """Is X so plain that every check would pass?

    For a few rows scikit-learn's checks take longer than the network.
    """
    return (
        type(X) is np.ndarray
        and X.ndim == 2
        and X.dtype in FLOATS
        and X.shape[0] > 0
        and X.shape[1] == estimator.n_features_in_
        and "feature_names_in_" not in estimator.__dict__
        and isfinite(X.sum())
    )
