"""Attributions: complete, of the right column, and equal to integrals made in another way."""

import sys
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skbackprop import BackpropClassifier, BackpropRegressor, NumericEmbedding
from skbackprop.inspection import feature_attributions, input_gradients
from skbackprop.inspection.scores import Parts
from skbackprop.nn.losses import Pinball
from skbackprop.tables.encoder import ColumnEncoder

from .tables import fit, fitted, mixed, outputs, target

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
KINDS = ["binary", "multiclass", "multilabel", "heads", "regression", "outputs", "counts"]
SMOOTH = {
    **{kind: (kind, {"preset": "fast"}) for kind in KINDS},
    "auto": ("regression", {"max_iter": 2}),
    "best": ("multiclass", {"preset": "best", "max_iter": 1}),
    "poisson": ("counts", {"preset": "fast", "loss": "poisson"}),
    "gamma": ("counts", {"preset": "fast", "loss": "gamma"}),
    "quantiles": ("regression", {"preset": "fast", "loss": Pinball((0.1, 0.9))}),
    "calibrated": ("multiclass", {"preset": "fast", "calibration": "temperature"}),
    "float64": ("binary", {"preset": "fast", "dtype": "float64"}),
    "one member": ("binary", {"preset": "fast", "n_members": 1}),
    "batch": ("binary", {"preset": "fast", "member_sharing": "batch"}),
    "mini": ("regression", {"preset": "fast", "member_sharing": "mini"}),
    "periodic": (
        "regression", {"preset": "fast", "numeric_embedding": NumericEmbedding("both")}
    ),
    "deep": (
        "regression",
        {
            "preset": "fast", "hidden_layer_sizes": (8, 8, 8), "residual": True,
            "normalization": "layer",
        },
    ),
    "no embedding": ("binary", {"preset": "fast", "numeric_embedding": None}),
    "lbfgs": ("binary", {"solver": "lbfgs"}),
    "output activation": ("regression", {"preset": "fast", "activation": ["silu", "tanh"]}),
}  # fmt: skip


def check_complete(model, X, explained, tolerance):
    """Attributions add up to the difference of the outputs."""
    expected = outputs(model, X)
    values = explained.values.reshape(len(X), X.shape[1], -1)
    found = values.sum(axis=1) + explained.base_values
    scale = np.abs(values).sum(axis=1).max(axis=0)
    assert (np.abs(found - expected) <= tolerance * scale).all()
    assert explained.errors.max() <= tolerance  # of the quadrature alone


@pytest.mark.parametrize("case", SMOOTH)
def test_attributions_are_complete(case):
    kind, params = SMOOTH[case]
    params = {"clip_predictions": False, **params} if kind in KINDS[4:] else params
    model, X = fit(kind, **params), mixed()[:20]
    explained = feature_attributions(model, X)
    check_complete(model, X, explained, 1e-6)
    assert explained.feature_names == list(X.columns)
    assert (explained.values[:, -1] == 0).all()  # the constant column


def test_attributions_are_complete_in_single_precision():
    X = np.random.default_rng(0).normal(size=(100, 4)).astype(np.float32)
    model = BackpropClassifier(preset="fast", random_state=0).fit(X, X[:, 0] * X[:, 1] > 0)
    explained = feature_attributions(model, X)
    check_complete(model, X, explained, 1e-3)


def test_predictions_that_are_clipped_are_explained_before():
    X = np.linspace(-1, 1, 60)[:, None]
    model = BackpropRegressor(preset="fast", random_state=0, max_iter=3).fit(X, X[:, 0] ** 3)
    free = model.set_params(clip_predictions=False).fit(X, X[:, 0] ** 3)
    far = np.array([[40.0], [-40.0]])
    assert_allclose(
        feature_attributions(free, far).values.sum(axis=1),
        free.predict(far) - feature_attributions(free, far).base_values,
    )


@pytest.mark.parametrize("activation", ["relu", "tanh", "identity"])
@pytest.mark.parametrize("labels", [True, False])
def test_plain_models_agree_with_sums_of_gradients(activation, labels):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 3))
    y = X[:, 0] * X[:, 1] > 0 if labels else X[:, 0] * X[:, 1]
    Estimator = BackpropClassifier if labels else BackpropRegressor
    model = Estimator(
        (12, 6), activation, preset="plain", solver="lbfgs", max_iter=50, alpha=0.1, random_state=0
    ).fit(X, y)
    explained = feature_attributions(model, X[:8], baseline=X[8:9])
    n = 20_000
    t = (np.arange(n) + 0.5) / n
    way = X[:8] - X[8]
    path = X[8] + t[:, None, None] * way
    gradients = input_gradients(model, path.reshape(-1, 3)).reshape(path.shape)
    tolerance = 1e-6 if activation != "relu" else 0.01
    expected = gradients.mean(axis=0) * way
    assert_allclose(explained.values, expected, atol=tolerance * np.abs(expected).max())
    score = model.decision_function if labels else model.predict
    total = explained.values.sum(axis=1) + explained.base_values
    assert_allclose(total, score(X[:8]), rtol=1e-10)
    assert_allclose(explained.base_values, score(X[8:9])[0], rtol=1e-10)


def test_of_a_sum_each_column_gets_its_term():
    """Without hidden layers every encoded or embedded input belongs to one column."""
    X = mixed()
    for embedding in ("auto", None, NumericEmbedding("both")):
        model = fit("binary", hidden_layer_sizes=(), n_members=1, preset="fast",
                    numeric_embedding=embedding)  # fmt: skip
        values = feature_attributions(model, X[1:20], baseline=X[:1]).values
        for j, column in enumerate(X.columns):
            changed = pd.concat([X[:1]] * 19, ignore_index=True)
            changed[column] = X[column][1:20].array
            difference = model.decision_function(changed) - model.decision_function(X[:1])
            assert_allclose(values[:, j], difference, atol=1e-10)


def test_the_training_baseline_has_medians_and_shares():
    X = mixed()
    model = fit("binary", hidden_layer_sizes=(), n_members=1, preset="fast")
    values = feature_attributions(model, X).values
    for column in "town", "kind", "new":
        of_column = values[:, X.columns.get_loc(column)]
        assert np.abs(of_column).max() > 1e-3
        assert_allclose(of_column.mean(), 0, atol=1e-6)
    median = X[:1].assign(area=X["area"].median(), rooms=int(X["rooms"].median()))
    at_median = feature_attributions(model, median).values[0]
    assert_allclose(
        at_median[[X.columns.get_loc("area"), X.columns.get_loc("rooms")]], 0, atol=1e-12
    )


def test_the_baseline_may_be_rows():
    model, X = fitted("multiclass"), mixed()
    one = feature_attributions(model, X[:5], baseline=X[7:8])
    assert_allclose(one.base_values, outputs(model, X[7:8])[0])
    expected = feature_attributions(model, X[:5], baseline=X[7:10], method="expected_gradients")
    each = [feature_attributions(model, X[:5], baseline=X[i : i + 1]) for i in (7, 8, 9)]
    assert_allclose(expected.values, np.mean([e.values for e in each], axis=0))
    assert_allclose(expected.base_values, outputs(model, X[7:10]).mean(axis=0))
    drawn = feature_attributions(model, X[:5], method="expected_gradients")
    check_complete(model, X[:5], drawn, 1e-6)
    again = feature_attributions(model, X[:5], method="expected_gradients")
    assert_array_equal(drawn.values, again.values)


@pytest.mark.parametrize("preset", ["plain", "fast"])
def test_several_rows_stand_for_their_mean(preset):
    """Of a plain network that is the mean row; with embeddings the mean of the embedded rows."""
    X = np.random.default_rng(0).normal(size=(60, 3))
    model = BackpropRegressor(preset=preset, hidden_layer_sizes=(8,), activation="tanh",
                              max_iter=5, random_state=0).fit(X, X[:, 0] * X[:, 1])  # fmt: skip
    found = feature_attributions(model, X[:6], baseline=X[10:14])
    parts = Parts(model._fitted, np.float64)
    start = parts.embed(model._encode(X[10:14])).mean(axis=-2, keepdims=True)
    base = parts.scores(parts.affine.scores(start))[0, 0]
    assert_allclose(found.base_values, base)
    if preset == "plain":
        one = feature_attributions(model, X[:6], baseline=X[10:14].mean(axis=0, keepdims=True))
        assert_allclose(found.values, one.values, atol=1e-12)
        assert_allclose(found.base_values, one.base_values)


def test_rows_are_explained_in_parts(monkeypatch):
    model, X = fitted("multiclass"), mixed()[:40]
    params = {"baseline": X[:3], "method": "expected_gradients"}
    whole = feature_attributions(model, X, **params)
    monkeypatch.setattr("skbackprop.inspection.attributions.MOST_PATHS", 20)
    monkeypatch.setattr("skbackprop.inspection.scores.CACHED", 1)  # 16 rows at once
    parts = feature_attributions(model, X, **params)
    assert_allclose(parts.values, whole.values, atol=1e-9 * np.abs(whole.values).max())
    assert_allclose(parts.base_values, whole.base_values)
    assert_allclose(input_gradients(model, X)[:5], input_gradients(model, X[:5]))


def test_an_output_can_be_chosen():
    X = mixed()[:6]
    every = feature_attributions(fitted("multiclass"), X)
    assert every.values.shape == (6, 8, 3)
    assert every.output_names == ["0", "1", "2"]
    second = feature_attributions(fitted("multiclass"), X, output=1)
    assert_array_equal(second.values, every.values[..., 1])
    assert second.output_names == ["1"]
    yes, no = (feature_attributions(fitted("binary"), X, output=label) for label in ("yes", "no"))
    assert_allclose(no.values, -yes.values)
    assert_array_equal(feature_attributions(fitted("binary"), X).values, yes.values)
    heads = feature_attributions(fitted("heads"), X)
    assert heads.output_names == ["0: 0", "0: 1", "0: 2", "1: 1"]
    last = feature_attributions(fitted("heads"), X, output=3)
    assert_array_equal(last.values, heads.values[..., 3])
    assert feature_attributions(fitted("outputs"), X).output_names == ["y0", "y1"]


def test_it_is_an_array():
    explained = feature_attributions(fitted("regression"), mixed()[:4])
    assert_array_equal(np.asarray(explained), explained.values)
    assert np.asarray(explained, dtype=np.float32).dtype == np.float32
    assert len(explained) == 4
    assert repr(explained) == "Attributions(4 rows, 8 columns, output='y')"
    several = feature_attributions(fitted("outputs"), mixed()[:4])
    assert repr(several) == "Attributions(4 rows, 8 columns, n_outputs=2)"
    assert_allclose(explained.numbers[:, 0], mixed()["area"][:4])


@pytest.mark.parametrize("kind", ["binary", "multiclass"])
def test_what_shap_is_given(kind, monkeypatch):
    """A base value, the cells and their numbers for each row."""
    stub = SimpleNamespace(Explanation=lambda values, **rest: (values, SimpleNamespace(**rest)))
    monkeypatch.setitem(sys.modules, "shap", stub)
    explained = feature_attributions(fitted(kind), mixed()[:4])
    values, rest = explained.to_shap()
    assert values is explained.values
    assert rest.base_values.shape == ((4,) if kind == "binary" else (4, 3))
    assert_array_equal(rest.base_values, [explained.base_values] * 4)
    assert_array_equal(rest.data, explained.numbers)
    assert rest.display_data.shape == (4, 8)
    assert rest.feature_names == explained.feature_names
    assert rest.output_names == (None if kind == "binary" else ["0", "1", "2"])


def test_of_a_single_class_nothing_is_explained():
    X = np.arange(12.0)[:, None]
    model = BackpropClassifier(preset="fast", random_state=0).fit(X, np.ones(12))
    explained = feature_attributions(model, X, output=1)
    assert_allclose(explained.values.sum(axis=1) + explained.base_values, outputs(model, X)[:, 0])


def test_any_container_of_rows():
    rows = [[1.0, "a"], [2.0, "b"], [4.0, "b"], [3.0, "a"]] * 10
    model = BackpropClassifier(preset="fast", random_state=0, max_iter=2)
    model.fit(rows, np.arange(40) % 2)
    explained = feature_attributions(model, rows[:3])
    assert_array_equal(explained.numbers, [[1, 0], [2, 1], [4, 1]])
    missing = feature_attributions(model, [[np.nan, "b"], [2.0, None], [3.0, "a"]])
    assert_array_equal(missing.numbers, [[np.nan, 1], [2, np.nan], [3, 0]])
    frame = feature_attributions(model, np.array(rows[:3], dtype=object))
    assert_array_equal(frame.values, explained.values)


def test_whole_numbers_with_gaps_are_numbers():
    X = pd.DataFrame({"n": pd.array([10, None, 9, 100] * 10, "Int64"), "t": [*"aba", None] * 10})
    model = BackpropClassifier(preset="fast", random_state=0, max_iter=2)
    explained = feature_attributions(model.fit(X, np.arange(40) % 2), X[:4])
    nan = np.nan
    assert_array_equal(explained.numbers, [[10, 0], [nan, 1], [9, 0], [100, nan]])


def test_members_of_a_pipeline_and_of_a_search():
    X = np.random.default_rng(0).normal(5, 3, size=(60, 3))
    y = (X[:, 0] > 5).astype(int)
    model = BackpropClassifier(preset="fast", random_state=0, max_iter=3)
    pipe = make_pipeline(StandardScaler(), model).fit(X, y)
    search = GridSearchCV(pipe, {"backpropclassifier__n_members": [1]}, cv=2).fit(X, y)
    for outer in pipe, search, make_pipeline(StandardScaler(), pipe).fit(X, y):
        inner = outer.best_estimator_ if outer is search else outer
        explained = feature_attributions(outer, X[:5])
        total = explained.values.sum(axis=1) + explained.base_values
        assert_allclose(total, inner.decision_function(X[:5]), rtol=1e-9)
        assert explained.feature_names == ["x0", "x1", "x2"]
    frame = pd.DataFrame(X, columns=list("abc"))
    assert feature_attributions(pipe.fit(frame, y), frame[:2]).feature_names == ["a", "b", "c"]
    assert feature_attributions(pipe, frame[:2], baseline=frame).values.shape == (2, 3)


def test_sparse_rows():
    X = sparse.random(60, 400, 0.05, "csr", random_state=0)
    model = BackpropClassifier(preset="fast", random_state=0, max_iter=2).fit(X, np.arange(60) % 2)
    assert model._fitted.encoder._sparse
    explained = feature_attributions(model, X[:5])
    total = explained.values.sum(axis=1) + explained.base_values
    assert_allclose(total, model.decision_function(X[:5]), rtol=1e-9)
    assert (explained.values[X[:5].toarray() == 0] == 0).all()
    assert explained.numbers.shape == (5, 400)


@pytest.mark.filterwarnings("ignore:Columns of X that hold text")
def test_streams():
    """Levels and columns that came later, and levels that never came."""
    X, y = mixed(), target("binary", mixed())
    model = BackpropClassifier(random_state=0)
    model.partial_fit(X[:40].assign(kind="flat", one=2.0), y[:40], classes=["no", "yes"])
    model.partial_fit(X[40:80], y[40:80])
    model.partial_fit(X[80:], y[80:])
    rows = X[:9].assign(kind="palace")
    check_complete(model, rows, feature_attributions(model, rows), 1e-6)


def test_a_loaded_model_explains_the_same(tmp_path):
    import skbackprop

    model, X = fitted("binary"), mixed()[:5]
    model.save(tmp_path / "model.skbp")
    loaded = skbackprop.load(tmp_path / "model.skbp")
    for method in "integrated_gradients", "expected_gradients":
        explained = feature_attributions(model, X, method=method)
        assert_array_equal(feature_attributions(loaded, X, method=method).values, explained.values)


def test_explaining_leaves_the_model_alone():
    model, X = fitted("multiclass"), mixed()[:10]
    theta = model.network_.theta.copy()
    grad = model.network_._grad
    feature_attributions(model, X)
    input_gradients(model, X)
    assert_array_equal(model.network_.theta, theta)
    assert model.network_._grad is grad


# ---- what is refused ------------------------------------------------------------------------


def test_what_cannot_be_explained_is_refused():
    X = mixed()[:5]
    model = fitted("binary")
    with pytest.raises(TypeError, match="got LogisticRegression"):
        feature_attributions(LogisticRegression(), X)
    with pytest.raises(TypeError, match="got LogisticRegression inside Pipeline"):
        feature_attributions(make_pipeline(StandardScaler(), LogisticRegression()), X)
    with pytest.raises(NotFittedError):
        feature_attributions(BackpropClassifier(), X)
    with pytest.raises(NotFittedError):
        feature_attributions(GridSearchCV(BackpropClassifier(), {}), X)
    with pytest.raises(ValueError, match="feature names"):
        feature_attributions(model, X.rename(columns={"area": "size"}))
    with pytest.raises(ValueError, match="feature names"):
        feature_attributions(model, X.drop(columns="area"))
    with pytest.raises(ValueError, match="feature names"):
        feature_attributions(model, X, baseline=X.drop(columns="area"))
    with pytest.raises(ValueError, match="method must be one of"):
        feature_attributions(model, X, method="saliency")
    with pytest.raises(ValueError, match="baseline must be 'training' or rows"):
        feature_attributions(model, X, baseline="zero")
    with pytest.raises(ValueError, match=r"one of the classes \['no', 'yes'\], got 'maybe'"):
        feature_attributions(model, X, output="maybe")
    with pytest.raises(ValueError, match=r"range \[0, 1\], got 2"):
        feature_attributions(fitted("outputs"), X, output=2)
    with pytest.raises(TypeError, match="number of an output"):
        feature_attributions(fitted("outputs"), X, output="y")


def test_a_plain_model_needs_rows():
    X = np.random.default_rng(0).normal(size=(30, 2))
    model = BackpropRegressor(preset="plain", max_iter=2).fit(X, X[:, 0])
    with pytest.raises(ValueError, match="Pass rows, for example baseline=X_train"):
        feature_attributions(model, X)


def test_a_search_without_a_best_estimator_is_refused():
    X = np.random.default_rng(0).normal(size=(30, 2))
    model = BackpropRegressor(preset="plain", max_iter=2)
    search = GridSearchCV(model, {"alpha": [0.1]}, refit=False, cv=2).fit(X, X[:, 0])
    with pytest.raises(TypeError, match="refit=True"):
        feature_attributions(search, X)


def test_an_integral_that_is_not_precise_is_reported():
    X = np.linspace(-1, 1, 40)[:, None]
    model = BackpropRegressor((1,), preset="plain", max_iter=2, random_state=0).fit(X, X[:, 0])
    for array, value in (
        (model.coefs_[0], 1e8),
        (model.intercepts_[0], -3e7),
        (model.coefs_[1], 1),
    ):
        array[...] = value  # a slope that begins at 0.3
    with pytest.warns(UserWarning, match="known to 100.0% only.*smooth activation"):
        feature_attributions(model, [[0.3000001]], baseline=[[-1.0]])


def test_columns_of_pipelines_without_names():
    from sklearn.preprocessing import FunctionTransformer

    X = np.random.default_rng(0).normal(size=(30, 2))
    pipe = make_pipeline(
        FunctionTransformer(np.sin), BackpropRegressor(preset="fast", max_iter=1, random_state=0)
    ).fit(X, X[:, 0])
    assert feature_attributions(pipe, X[:1]).feature_names == ["x0", "x1"]


def test_shares_without_rows_are_those_of_unknown_levels():
    encoder = ColumnEncoder().fit([["a", 1.0], ["b", 2.0], ["b", 3.0]])
    (category,) = encoder._categories
    assert_allclose(category.shares, [0, 1 / 3, 2 / 3])
