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
from ..tables.columns import short, some
from ..tables.containers import names_of, written_names
from ..warn import warn_user
from .saving import NAMES

FLOATS = [np.float64, np.float32]
FOR_TABLES = "use a preset for tables and leave feature_encoding at 'auto'"


def check_rows(estimator: Any, X: Any, *, reset: bool) -> Any:
    """X as a float array or CSR; `reset` learns names and number of columns."""
    own = estimator.dtype
    dtype = FLOATS if not reset or (isinstance(own, str) and own == "auto") else np.dtype(own)
    X = open_container(X)
    # What is too large becomes infinite, and is refused.
    with np.errstate(over="ignore", invalid="ignore"):
        rows = _numbers(estimator, X, reset=reset, dtype=dtype, order="C")  # a batch gathers rows
    check_order(estimator, X, reset=reset)
    return rows.tocsr() if issparse(rows) else rows


def _numbers(estimator: Any, X: Any, **checks: Any) -> Any:
    """X, checked by scikit-learn, and what to do about cells that are no numbers."""
    try:
        # Foreign arrays become NumPy arrays.
        with config_context(array_api_dispatch=False), short_names():
            return validate_data(estimator, X, accept_sparse=["csr", "csc"], **checks)
    except (ValueError, TypeError) as error:
        text, _, more = str(error).partition("\n")
        if "contains NaN" in text and "missing values" in more:
            raise ValueError(
                f"{text} Without an encoding of the table missing values are refused. Fill them, "
                f"for example with SimpleImputer, or {FOR_TABLES}."
            ) from error
        column = _first_without_numbers(X)
        if column is None:
            raise
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(
            f"{str(error).rstrip('.')}. Without an encoding of the table all columns need numbers, "
            f"and column {column!r} has others. Encode it, for example with OneHotEncoder, or "
            f"{FOR_TABLES}."
        ) from error


def _first_without_numbers(X: Any) -> Any:
    """The name of the first column of a DataFrame that is not numbers, or None."""
    for name in names_of(X) if hasattr(X, "columns") else ():
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
    check_order(estimator, X, reset=reset)


def check_order(estimator: Any, X: Any, *, reset: bool) -> None:
    """Learn names that are not all strings, or refuse these names in another order.

    scikit-learn ignores such names, for example those of a pandas MultiIndex, and takes the
    columns by position.  Other names are ignored here, too: they may be dates of other days.
    Names are compared as text, as a file of text holds them.
    """
    names, strings = written_names(X), vars(estimator).get("feature_names_in_")
    if reset:
        estimator.__dict__.pop(NAMES, None)
        if names is not None and strings is None:
            estimator.__dict__[NAMES] = names
        return
    known = vars(estimator).get(NAMES) if strings is None else strings.tolist()
    if known is not None and names is not None and names != known and set(names) == set(known):
        raise ValueError(
            "The columns of X must be in the same order as they were in fit, "
            f"[{some([short(name) for name in known])}], got "
            f"[{some([short(name) for name in names])}]. Put them in that order."
        )


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
    rows = _numbers(estimator, X, reset=False, dtype=FLOATS)
    check_order(estimator, X, reset=False)
    return rows


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
