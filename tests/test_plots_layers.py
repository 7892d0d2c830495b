"""Displays of layers: activations and gradients of all members."""

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skbackprop import BackpropClassifier
from skbackprop.inspection import summary
from skbackprop.mlp import MLPClassifier
from skbackprop.nn import ACTIVATIONS, Activate, Dense, Network, Sequential
from skbackprop.plots import ActivationDisplay, GradientFlowDisplay

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
X = np.random.default_rng(0).normal(size=(60, 4))
Y = (X[:, 0] > 0).astype(int)


@pytest.fixture(autouse=True)
def pyplot():
    pyplot = pytest.importorskip("matplotlib.pyplot")
    yield pyplot
    pyplot.close("all")


def ticks(display):
    return [label.get_text() for label in display.ax_.get_yticklabels()]


def test_the_boxes_are_the_percentiles_of_the_activations():
    model = BackpropClassifier(
        hidden_layer_sizes=(5, 4), n_members=2, max_iter=2, random_state=0
    ).fit(X, Y)
    display = ActivationDisplay.from_estimator(model, X, color="green")
    assert ticks(display) == ["activate_2", "activate_5"]
    for i, box in enumerate(display.boxes_):
        first, third = np.percentile(model.activations(X, i), [25, 75])
        assert box.get_x() == pytest.approx(first, abs=1e-5)
        assert box.get_width() == pytest.approx(third - first, abs=1e-5)
        median = np.median(model.activations(X, i))
        assert display.medians_.get_xdata()[i] == pytest.approx(median, abs=1e-5)
    low, high = np.percentile(model.activations(X, 1), [5, 95])
    segment = display.whiskers_.get_segments()[1]
    np.testing.assert_allclose(segment, [[low, 1], [high, 1]], atol=1e-5)
    assert display.n_units == [10, 8]


def test_dead_units_are_named():
    network = Network(Sequential((Dense(4, 3), Activate(ACTIVATIONS["relu"]), Dense(3, 1))))
    network.initialize(np.random.RandomState(0))
    network.p.dense_0.b[...] = [-100, 100, 0]
    assert ticks(ActivationDisplay.from_estimator(network, X)) == ["activate_1\n1 of 3 dead"]
    with pytest.raises(ValueError, match="a network with a hidden layer, got one without"):
        ActivationDisplay.from_estimator(Network(Dense(4, 1)), X)


def test_the_norms_are_those_of_the_summary(pyplot):
    plain = MLPClassifier((5, 3), max_iter=2, random_state=0)
    model = make_pipeline(StandardScaler(), plain).fit(X, Y)
    _, ax = pyplot.subplots()
    display = GradientFlowDisplay.from_estimator(model, X, Y, ax=ax, color="red")
    rows = [row for row in summary(model, X, Y).rows if row["parameters"]]
    assert display.ax_ is ax
    assert ticks(display) == [row["layer"] for row in rows]
    assert list(display.line_.get_xdata()) == [row["gradient norm"] for row in rows]
    assert display.ax_.get_xscale() == "log"
    assert GradientFlowDisplay(["a"], [0.0]).plot().ax_.get_xscale() == "linear"
