"""Sparse X: small matrices are tables, large ones are text; what needs dense rows is refused."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from skbackprop import BackpropClassifier, BackpropRegressor, TableEncoding

from .common import unconverged

pytestmark = unconverged

QUICK = {"max_iter": 3, "random_state": 0}
PRESETS = pytest.mark.parametrize("preset", ["auto", "fast", "best"])
CONTAINERS = {
    "csr_matrix": sparse.csr_matrix,
    "csc_matrix": sparse.csc_matrix,
    "coo_matrix": sparse.coo_matrix,
    "csr_array": sparse.csr_array,
    "csc_array": sparse.csc_array,
    "coo_array": sparse.coo_array,
    "frame of sparse columns": lambda X: pd.DataFrame.sparse.from_spmatrix(sparse.csr_matrix(X)),
}
CONTAINER = pytest.mark.parametrize("container", CONTAINERS.values(), ids=CONTAINERS)


def table(n=120):
    """Numbers, and a category of 10 levels with a column for each."""
    rng = np.random.default_rng(0)
    numbers, level = rng.normal(size=(n, 2)), rng.integers(10, size=n)
    X = np.column_stack([numbers, np.eye(10)[level]])
    return X, numbers[:, 0] + (level % 2)


def text(n=100, n_columns=400):
    X = sparse.random(n, n_columns, 0.02, format="csr", random_state=0)
    total = np.asarray(X.sum(axis=1)).ravel()
    return X, total > np.median(total)


@CONTAINER
@PRESETS
def test_small_sparse_predicts_as_the_dense_table(preset, container):
    X, y = table()
    dense = BackpropRegressor(preset=preset, **QUICK).fit(X, y)
    model = BackpropRegressor(preset=preset, **QUICK).fit(container(X), y)
    for rows in (X, container(X)):
        np.testing.assert_array_equal(model.predict(rows), dense.predict(X))
        np.testing.assert_array_equal(dense.predict(rows), dense.predict(X))
    assert model.resolved_params_ == dense.resolved_params_


@CONTAINER
@pytest.mark.parametrize("how", ["warm fit", "partial_fit", "X_val", "weights"])
def test_small_sparse_continues_as_the_dense_table(container, how):
    X, y = table()
    models = []
    for convert in (np.asarray, container):
        model = BackpropRegressor(warm_start=True, **QUICK)
        if how == "warm fit":
            model.fit(convert(X), y).fit(convert(X), y)
        elif how == "partial_fit":
            model.partial_fit(convert(X[:60]), y[:60]).partial_fit(convert(X[60:]), y[60:])
        elif how == "X_val":
            model.fit(convert(X[:90]), y[:90], X_val=convert(X[90:]), y_val=y[90:])
        else:
            model.fit(convert(X), y, sample_weight=np.arange(len(y)) % 3)
        models.append(model.predict(X))
    np.testing.assert_array_equal(*models)


@PRESETS
def test_text_stays_sparse(preset):
    X, y = text()
    model = BackpropClassifier(preset=preset, **QUICK).fit(X, y)
    assert {row["encoding"] for row in model.column_report_} == {"sparse"}
    assert model.resolved_params_["numeric_embedding"] is None
    np.testing.assert_array_equal(model.predict_proba(X.toarray()), model.predict_proba(X))


@pytest.mark.parametrize(
    ("setting", "named"),
    [
        ({"feature_encoding": TableEncoding(learned_scale=True)}, "learned_scale=True"),
        ({"feature_encoding": TableEncoding(value_effects=True)}, "value_effects=True"),
        ({"dropout": [0.1, 0.0], "hidden_layer_sizes": (8,)}, "dropout of the input"),
    ],
)
@pytest.mark.parametrize("preset", ["plain", "auto"])
def test_what_needs_dense_rows_is_refused_by_name(preset, setting, named):
    X, y = text()
    with pytest.raises(ValueError, match=f"{named} needs dense rows, got a sparse X"):
        BackpropClassifier(preset=preset, **QUICK, **setting).fit(X, y)


@pytest.mark.parametrize("preset", ["plain", "auto"])
@pytest.mark.parametrize("convert", [np.asarray, sparse.csr_matrix])
def test_a_network_without_hidden_layers_goes_on(preset, convert):
    X, y = table()
    model = BackpropRegressor(preset=preset, n_hidden_layers=0, **QUICK)
    model.partial_fit(convert(X), y).partial_fit(convert(X), y)
    model.set_params(warm_start=True).fit(convert(X), y)
    assert model.resolved_params_["hidden_layer_sizes"] == ()
    with pytest.raises(ValueError, match="network of the same shape"):
        model.set_params(n_hidden_layers=2).fit(convert(X), y)


@pytest.mark.parametrize("params", [{}, {"numeric_embedding": "piecewise"}], ids=str)
@pytest.mark.parametrize("how", ["warm fit", "partial_fit", "X_val", "predict"])
def test_sparse_rows_after_dense_ones_without_an_encoding(params, how):
    X, y = table()
    models = []
    for later in (X, sparse.csr_matrix(X)):
        model = BackpropRegressor(preset="plain", warm_start=True, **params, **QUICK)
        model.fit(X, y, **({"X_val": later, "y_val": y} if how == "X_val" else {}))
        if how == "warm fit":
            model.fit(later, y)
        if how == "partial_fit":
            model.partial_fit(later, y)
        models.append(model.predict(later if how == "predict" else X))
    np.testing.assert_allclose(*models, rtol=1e-10)


def test_dense_rows_after_sparse_ones_without_an_encoding():
    X, y = table()
    models = []
    for first in (X, sparse.csr_matrix(X)):
        model = BackpropRegressor(preset="plain", **QUICK).partial_fit(first, y)
        models.append(model.partial_fit(X, y).predict(X))
    np.testing.assert_allclose(*models, rtol=1e-10)


def test_words_in_the_rows_of_a_model_of_sparse_text_are_refused():
    X, y = text()
    model = BackpropClassifier(**QUICK).fit(X, y)
    dense = X[:2].toarray().astype(object)
    np.testing.assert_array_equal(model.predict(dense), model.predict(X[:2]))
    dense[0, 3] = "red"
    with pytest.raises(ValueError, match="'red' in column 3, which holds numbers"):
        model.predict(dense)
