"""Importances, and the selectors of scikit-learn that use them."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.feature_selection import RFECV, SelectFromModel
from sklearn.inspection import permutation_importance
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop.inspection import (
    Importances,
    feature_attributions,
    feature_importance,
    model_importances,
)
from skbackprop.tables.encoder import ColumnEncoder
from skbackprop.tables.marginals import baseline_rows, draw_rows, owners

from .tables import fitted, mixed, target

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def xor(n=300, n_features=5, seed=0):
    """Two columns that matter together only, in the unit of each 3 and 5."""
    X = np.random.default_rng(seed).normal(size=(n, n_features)) * 3 + 5
    return X, ((X[:, 1] > 5) ^ (X[:, 3] > 5)).astype(int)


def test_both_importances_find_the_columns_that_matter():
    X, y = xor()
    model = BackpropClassifier(preset="fast", random_state=0).fit(X[:200], y[:200])
    found = feature_importance(model, X[200:], y[200:], random_state=0, scoring="neg_log_loss")
    assert isinstance(found, Importances)
    assert set(found.order[:2]) == {1, 3}
    sizes = np.abs(feature_attributions(model, X[200:]).values)
    assert_allclose(found.attribution_mean, sizes.mean(axis=0))
    assert_allclose(found.attribution_std, sizes.std(axis=0))
    shuffled = permutation_importance(
        model, X[200:], y[200:], random_state=0, scoring="neg_log_loss"
    )
    assert_array_equal(found.permutation_mean, shuffled.importances_mean)
    assert_array_equal(found.permutation_std, shuffled.importances_std)


def test_a_sparse_matrix_is_refused():
    X, y = xor(60)
    X = sparse.csr_array(X)
    model = BackpropClassifier(preset="plain", max_iter=3, random_state=0).fit(X, y)
    with pytest.raises(TypeError, match=r"got a sparse matrix\. Pass its rows by toarray\(\)"):
        feature_importance(model, X, y, baseline=X)


def test_a_table_with_several_classes_and_a_pipeline():
    X, y = mixed(), target("multiclass", mixed())
    found = feature_importance(fitted("multiclass"), X, y, baseline=X[:5], n_repeats=2)
    assert found.feature_names == list(X.columns)
    assert found.attribution_mean.shape == found.permutation_std.shape == (8,)
    X, y = xor(60)
    model = BackpropClassifier(preset="plain", max_iter=3, random_state=0)
    pipe = make_pipeline(StandardScaler(), model).fit(X, y)
    found = feature_importance(pipe, X, y, baseline=X, random_state=0)
    assert found.feature_names == [f"x{i}" for i in range(5)]


@pytest.mark.parametrize("preset", ["fast", "plain"])
def test_the_model_alone_knows_what_matters(preset):
    X, y = xor()
    X = X if preset == "fast" else StandardScaler().fit_transform(X)
    params = {"max_iter": 500, "learning_rate_init": 0.01} if preset == "plain" else {}
    model = BackpropClassifier(preset=preset, random_state=0, **params).fit(X, y)
    importances = model_importances(model)
    assert set(np.argsort(-importances)[:2]) == {1, 3}
    assert importances[[0, 2, 4]].max() < 0.5 * importances[[1, 3]].min()
    assert_array_equal(model_importances(model), importances)  # no randomness


def test_of_a_linear_model_they_are_the_spread_of_each_term():
    X = np.random.default_rng(0).normal(size=(2000, 3))
    model = BackpropRegressor((), preset="plain", solver="lbfgs", alpha=0, random_state=0)
    model.fit(X, X @ [3.0, 0.0, -1.0])
    assert_allclose(model_importances(model), [3, 0, 1], rtol=0.1, atol=1e-3)


def test_selectors_of_columns():
    X, y = xor()
    model = BackpropClassifier(preset="fast", random_state=0)
    chosen = SelectFromModel(model, importance_getter=model_importances).fit(X, y)
    assert chosen.get_support().tolist() == [False, True, False, True, False]
    rfecv = RFECV(model, importance_getter=model_importances, cv=2, min_features_to_select=1)
    rfecv.fit(X, y)
    assert rfecv.support_[[1, 3]].all()
    assert rfecv.ranking_[[1, 3]].tolist() == [1, 1]


def test_selection_from_a_mixed_table():
    X, y = mixed(), target("regression", mixed())
    model = BackpropRegressor(preset="fast", random_state=0, max_iter=5)
    with pytest.warns(UserWarning, match="Columns of X that hold text"):
        selector = SelectFromModel(model, importance_getter=model_importances).fit(X, y)
    names = list(X.columns[selector.get_support()])
    assert "one" not in names
    assert {"area", "town", "rooms"} & set(names)


def test_sparse_models_are_refused():
    X = sparse.random(60, 400, 0.05, "csr", random_state=0)
    model = BackpropClassifier(preset="fast", random_state=0, max_iter=2).fit(X, np.arange(60) % 2)
    with pytest.raises(ValueError, match="SelectKBest"):
        model_importances(model)


def test_drawn_rows_have_the_marginals_of_training():
    X = mixed(500)
    encoder = ColumnEncoder().fit(X)
    E = encoder.transform(X, np.float64)
    drawn = draw_rows(encoder, 4000, np.random.default_rng(0))
    columns = owners(encoder)
    complete = columns != X.columns.get_loc("area")  # whose holes are not drawn
    assert_allclose(drawn.mean(axis=0)[complete], E.mean(axis=0)[complete], atol=0.15)
    assert_allclose(drawn.std(axis=0)[complete], E.std(axis=0)[complete], rtol=0.1)
    rows, weights = baseline_rows(encoder)
    assert_allclose(weights.sum(axis=0), 1)
    levels = [j for j in range(len(columns)) if X.columns[columns[j]] in ("town", "kind", "new")]
    assert_allclose((rows * weights).sum(axis=0)[levels], E.mean(axis=0)[levels], atol=1e-6)


def test_columns_of_polars_keep_their_names_and_types():
    polars = pytest.importorskip("polars")
    pytest.importorskip("pyarrow")
    rng = np.random.default_rng(0)
    columns = {"size": rng.normal(size=80), "color": rng.choice(["red", "blue", "green"], 80)}
    y = columns["size"] + (columns["color"] == "red")
    found = []
    for X in (pd.DataFrame(columns), polars.DataFrame(columns)):
        model = BackpropRegressor(preset="fast", max_iter=5, random_state=0).fit(X, y)
        found.append(feature_importance(model, X, y, random_state=0).permutation_mean)
    assert_array_equal(*found)
