"""Displays of importances and attributions: what is drawn is what was computed."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop.inspection import Attributions, Importances, feature_importance
from skbackprop.plots import AttributionDisplay, FeatureImportanceDisplay
from skbackprop.plots.attributions import ranks, spread

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture(autouse=True)
def pyplot():
    pyplot = pytest.importorskip("matplotlib.pyplot")
    yield pyplot
    pyplot.close("all")


@pytest.fixture(scope="module")
def model():
    X = np.random.default_rng(0).normal(size=(80, 4))
    y = 10 * X[:, 2] + X[:, 0] ** 2
    return BackpropRegressor(preset="fast", random_state=0, max_iter=10).fit(X, y), X, y


def y_labels(display):
    return [label.get_text() for label in display.ax_.get_yticklabels()]


def test_both_importances_are_bars(model):
    display = FeatureImportanceDisplay.from_estimator(*model, random_state=0, max_display=3)
    found = feature_importance(*model, random_state=0)
    assert y_labels(display) == [f"x{i}" for i in found.order[:3]]
    assert y_labels(display)[0] == "x2"
    widths = [bar.get_width() for bar in display.attribution_bars_]
    assert_allclose(widths, found.attribution_mean[found.order[:3]] / found.attribution_mean.max())
    widths = [bar.get_width() for bar in display.permutation_bars_]
    assert_allclose(widths, found.permutation_mean[found.order[:3]] / found.permutation_mean.max())
    legend = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert legend == ["mean |attribution|", "permutation"]
    assert display.figure_ is display.ax_.figure


def test_importances_without_a_value_are_drawn(pyplot):
    _, ax = pyplot.subplots()
    zeros = np.zeros(2)
    display = FeatureImportanceDisplay(Importances(["a", "b"], zeros, zeros, zeros, zeros))
    assert display.plot(ax, height=0.2).ax_ is ax
    assert display.attribution_bars_[0].get_height() == 0.2


def test_one_row_is_a_waterfall(model):
    reg, X, _ = model
    display = AttributionDisplay.from_estimator(reg, X[:1], max_display=3)
    found = display.attributions
    order = np.argsort(-np.abs(found.values[0]))
    steps = [bar.get_width() for bar in display.bars_]
    others = found.values[0, order[2:]].sum()
    assert_allclose(steps, [*found.values[0, order[:2]], others])
    # From the prediction, step by step, to the baseline.
    ends = [bar.get_x() + bar.get_width() for bar in display.bars_]
    assert_allclose(ends[0], reg.predict(X[:1])[0])
    assert_allclose(display.bars_[-1].get_x(), found.base_values)
    assert_allclose([bar.get_x() for bar in display.bars_[:2]], ends[1:])
    first = order[0]
    assert y_labels(display) == [
        f"x{first} = {X[0, first]:.4g}", f"x{order[1]} = {X[0, order[1]]:.4g}", "2 other columns",
    ]  # fmt: skip
    assert display.points_ is None


def test_many_rows_are_points(model):
    reg, X, _ = model
    display = AttributionDisplay.from_estimator(reg, X, max_display=3, s=5)
    values = display.attributions.values
    order = np.argsort(-np.abs(values).mean(axis=0))
    assert y_labels(display) == [f"x{order[0]}", f"x{order[1]}", "2 other columns"]
    drawn = display.points_[0].get_offsets().data
    assert_allclose(drawn[:, 0], values[:, order[0]])
    assert (np.abs(drawn[:, 1]) < 0.5).all()
    assert_allclose(display.points_[0].get_array(), ranks(X[:, order[0]]))
    assert_allclose(display.points_[2].get_offsets().data[:, 0], values[:, order[2:]].sum(axis=1))
    assert display.bars_ is None
    every = AttributionDisplay(display.attributions).plot(max_display=4)
    assert len(every.points_) == 4


def test_points_may_have_a_color(model):
    reg, X, _ = model
    display = AttributionDisplay.from_estimator(reg, X, max_display=2, color="green")
    assert len(display.points_) == 2
    for points in display.points_:
        assert_allclose(points.get_facecolor(), [[0, 128 / 255, 0, 1]])
    assert "blue" not in display.ax_.get_xlabel()


def test_several_outputs_are_refused():
    X = np.random.default_rng(0).normal(size=(60, 3))
    model = BackpropClassifier(preset="fast", random_state=0, max_iter=2).fit(
        X, np.digitize(X[:, 0], [-0.5, 0.5])
    )
    with pytest.raises(ValueError, match="Choose one of 0, 1, 2 by output"):
        AttributionDisplay.from_estimator(model, X)
    display = AttributionDisplay.from_estimator(model, X[:1], output=2)
    assert display.ax_.get_xlabel() == "Output: 2"


def test_levels_and_holes_in_a_summary():
    cells = np.array([["b", None], ["a", 1.5], ["b", 2.5]], dtype=object)
    found = Attributions(np.eye(3)[:, :2], 0.0, cells, ["u", "v"], ["y"], np.zeros(3))
    assert_array_equal(found.numbers, [[1, np.nan], [0, 1.5], [1, 2.5]])
    assert len(AttributionDisplay(found).plot().points_) == 2
    row = Attributions(np.ones((1, 2)), 0.0, cells[:1], ["u", "v"], ["y"], np.zeros(1))
    assert y_labels(AttributionDisplay(row).plot()) == ["u = b", "v = None"]


def test_ranks_and_shifts():
    assert_array_equal(ranks(np.array([3.0, np.nan, 1.0, 1.0, 9.0])), [0.5, 0.5, 0, 0, 1])
    assert_array_equal(ranks(np.array([2.0, 2.0])), [0.5, 0.5])
    shifts = spread(100)
    assert len(set(shifts)) == 100
    assert np.abs(shifts).max() < 0.5
