"""The Jacobian against finite differences, in the unit of each column."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skbackprop import BackpropClassifier, BackpropRegressor, NumericEmbedding
from skbackprop.inspection import input_gradients

from .tables import fit, fitted, mixed, outputs

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def check_differences(model, X, gradients, columns, steps):
    """Central differences of the public methods agree to 1e-5 of the largest slope."""
    gradients = gradients.reshape(len(X), X.shape[1], -1)
    for column, step in zip(columns, steps, strict=True):
        j = X.columns.get_loc(column)
        known = X[column].notna().to_numpy()
        high, low = (X.assign(**{column: X[column] + h}) for h in (step, -step))
        slope = (outputs(model, high) - outputs(model, low)) / (2 * step)
        assert_allclose(gradients[known, j], slope[known], atol=1e-5 * np.abs(slope).max())
        assert np.isnan(gradients[~known, j]).all()


@pytest.mark.parametrize(
    ("kind", "params"),
    [
        ("binary", {}),
        ("multiclass", {"preset": "auto", "max_iter": 2}),
        ("multiclass", {"calibration": "temperature"}),
        ("heads", {}),
        ("outputs", {}),
        ("counts", {"loss": "poisson"}),
        ("regression", {"numeric_embedding": NumericEmbedding("both")}),
        ("regression", {"member_sharing": "batch"}),
        ("regression", {"n_members": 1, "normalization": "layer"}),
    ],
)
def test_the_jacobian_is_that_of_finite_differences(kind, params):
    X = mixed()
    params = {"preset": "fast", **params}
    if kind in ("outputs", "counts", "regression"):
        params["clip_predictions"] = False
    model = fit(kind, X, **params)
    # Not at the ends of bins, where the slope changes; these are numbers of training rows.
    shifts = {"area": 0.003, "rooms": 0.01, "tax": 0.01}
    rows = X[:15].assign(**{name: X[name][:15].astype(float) + h for name, h in shifts.items()})
    gradients = input_gradients(model, rows)
    check_differences(model, rows, gradients, ["area", "rooms", "tax"], [1e-5, 1e-5, 1e-4])
    of = [rows.columns.get_loc(name) for name in ("town", "kind", "new")]
    assert np.isnan(gradients[:, of]).all()
    assert (gradients[:, rows.columns.get_loc("one")] == 0).all()


def test_a_date_counts_seconds():
    X = mixed()
    model = fit("regression", X, preset="fast", clip_predictions=False)
    rows, hour = X[:10], pd.Timedelta("1h")
    later, earlier = (rows.assign(sold=rows["sold"] + h) for h in (hour, -hour))
    slope = (model.predict(later) - model.predict(earlier)) / 7200
    found = input_gradients(model, rows)[:, X.columns.get_loc("sold")]
    assert_allclose(found, slope, atol=1e-5 * np.abs(slope).max())


@pytest.mark.parametrize("Estimator", [BackpropClassifier, BackpropRegressor])
def test_plain_models(Estimator):
    X = pd.DataFrame(np.random.default_rng(0).normal(size=(40, 3)), columns=list("abc"))
    y = (X["a"] * X["b"] > 0).astype(int)
    model = Estimator((5, 4), "tanh", preset="plain", max_iter=5, random_state=0).fit(X, y)
    gradients = input_gradients(model, X)
    assert gradients.shape == (40, 3)
    check_differences(model, X, gradients, X.columns, [1e-5] * 3)
    pipe = make_pipeline(StandardScaler(), Estimator(preset="plain", max_iter=1)).fit(X, y)
    assert_array_equal(input_gradients(pipe, X), input_gradients(pipe[-1], pipe[0].transform(X)))


def test_sparse_rows():
    X = sparse.random(60, 400, 0.05, "csr", random_state=0)
    model = BackpropClassifier(preset="fast", random_state=0, max_iter=2).fit(X, np.arange(60) % 2)
    gradients = input_gradients(model, X[:3])
    dense = X[:3].toarray()
    for j in range(0, 400, 40):
        high, low = (dense + h * (np.arange(400) == j) for h in (1e-5, -1e-5))
        slope = (model.decision_function(sparse.csr_matrix(high))
                 - model.decision_function(sparse.csr_matrix(low))) / 2e-5  # fmt: skip
        assert_allclose(gradients[:, j], slope, atol=1e-5 * np.abs(gradients).max())


def test_single_precision():
    X = np.random.default_rng(0).normal(size=(100, 4))
    # Without bins, at the ends of which the slope changes: X has been rounded across some of them.
    model = BackpropRegressor(preset="fast", numeric_embedding=None, random_state=0)
    model.fit(X, X[:, 0] * X[:, 1])
    exact = input_gradients(model, X)
    assert_allclose(
        input_gradients(model, X.astype(np.float32)), exact, atol=1e-3 * np.abs(exact).max()
    )


def test_an_output_can_be_chosen():
    X = mixed()[:4]
    every = input_gradients(fitted("multiclass"), X)
    assert every.shape == (4, 8, 3)
    assert_array_equal(input_gradients(fitted("multiclass"), X, output=2), every[..., 2])
    no = input_gradients(fitted("binary"), X, output="no")
    assert_array_equal(no, -input_gradients(fitted("binary"), X))


def test_derivatives_pass_through_whitened_columns():
    rng = np.random.default_rng(0)
    units = np.array([1.0, 10.0, 100.0, 1.0])
    X = (rng.normal(size=(600, 1)) + 0.1 * rng.normal(size=(600, 4))) * units
    y = 5 * (X[:, 0] - X[:, 1] / 10) + X[:, 2] / 100
    model = BackpropRegressor(dtype="float64", max_iter=10, random_state=0).fit(X, y)
    assert model.resolved_params_["feature_encoding"].whitened == 1.0
    slopes, rows = input_gradients(model, X[:30]), np.repeat(X[:30, None], 4, axis=1)
    step = 1e-5 * np.diag(units)
    high, low = (model.predict((rows + sign * step).reshape(-1, 4)) for sign in (1, -1))
    expected = (high - low).reshape(30, 4) / (2e-5 * units)
    np.testing.assert_allclose(slopes, expected, rtol=1e-5, atol=1e-6 * np.abs(expected).max())
