"""Other packages, and the displays of scikit-learn, take what this package makes."""

import sys

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.inspection import DecisionBoundaryDisplay, PartialDependenceDisplay

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop.inspection import feature_attributions

from .tables import fitted, mixed


@pytest.fixture(autouse=True)
def pyplot():
    pyplot = pytest.importorskip("matplotlib.pyplot")
    yield pyplot
    pyplot.close("all")


@pytest.mark.filterwarnings("ignore")  # of shap and its dependencies
def test_plots_of_shap(pyplot):
    shap = pytest.importorskip("shap")
    X = mixed()[:30]
    found = feature_attributions(fitted("binary"), X)
    explanation = found.to_shap()
    assert isinstance(explanation, shap.Explanation)
    assert_allclose(explanation.values.sum(axis=1) + explanation.base_values,
                    fitted("binary").decision_function(X))  # fmt: skip
    for plot in shap.plots.beeswarm, shap.plots.bar:
        plot(explanation, show=False)
        pyplot.close("all")
    shap.plots.waterfall(explanation[0], show=False)
    pyplot.close("all")
    shap.plots.scatter(explanation[:, "rooms"], show=False)
    several = feature_attributions(fitted("multiclass"), X).to_shap()
    shap.plots.beeswarm(several[..., 1], show=False)
    assert several.output_names == ["0", "1", "2"]


@pytest.mark.filterwarnings("ignore")  # of shap and its dependencies
def test_shap_computes_the_same_values():
    shap = pytest.importorskip("shap")
    X = np.random.default_rng(0).normal(size=(80, 4))
    model = BackpropClassifier(preset="fast", random_state=0, max_iter=3)
    model.fit(X, X[:, 0] * X[:, 1] + X[:, 2] > 0)
    masker = shap.maskers.Independent(X[:20], max_samples=20)
    expected = shap.ExactExplainer(model.decision_function, masker)(X[60:65])
    found = feature_attributions(model, X[60:65], baseline=X[:20], method="shapley")
    assert_allclose(found.values, expected.values, atol=1e-5 * np.abs(expected.values).max())
    assert_allclose(found.base_values, expected.base_values[0])
    assert_allclose(found.to_shap().base_values, expected.base_values)


def test_what_to_do_without_shap(monkeypatch):
    monkeypatch.setitem(sys.modules, "shap", None)
    with pytest.raises(ImportError, match=r'pip install "skbackprop\[shap\]"'):
        feature_attributions(fitted("binary"), mixed()[:2]).to_shap()


def test_partial_dependence():
    X = np.random.default_rng(0).normal(size=(100, 3))
    model = BackpropRegressor(preset="fast", random_state=0, max_iter=5).fit(X, X[:, 0] ** 2)
    display = PartialDependenceDisplay.from_estimator(model, X, [0, (0, 1)], grid_resolution=5)
    assert display.axes_.shape == (1, 2)
    table = PartialDependenceDisplay.from_estimator(
        fitted("regression"), mixed(), ["area", "kind"], categorical_features=["kind"],
        grid_resolution=5,
    )  # fmt: skip
    assert table.axes_.shape == (1, 2)


def test_decision_boundaries():
    X = np.random.default_rng(0).normal(size=(100, 2))
    model = BackpropClassifier(preset="fast", random_state=0, max_iter=5)
    display = DecisionBoundaryDisplay.from_estimator(
        model.fit(X, X[:, 0] * X[:, 1] > 0), X, grid_resolution=10
    )
    assert display.response.shape == (10, 10)
