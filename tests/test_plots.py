"""Displays: what is drawn is what was measured."""

import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop.optim.schedules import SCHEDULES, Cosine
from skbackprop.plots import LearningRateRangeDisplay, LossCurveDisplay, ScheduleDisplay
from skbackprop.plots.curves import EXTRA
from skbackprop.training.probe import RangeTest

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture(autouse=True)
def pyplot():
    pyplot = pytest.importorskip("matplotlib.pyplot")
    yield pyplot
    pyplot.close("all")


@pytest.fixture
def range_test():
    each = np.geomspace(1e-5, 1.0, 50)
    losses = 1 / (1 + 10 * each) + each**2
    return RangeTest(each, losses + 0.01, losses)


def fitted(Estimator=BackpropClassifier, **params):
    x = np.random.default_rng(0).normal(size=(60, 3))
    params = {"preset": "plain", "hidden_layer_sizes": (4,), "max_iter": 5, **params}
    return Estimator(**params, random_state=0).fit(x, (x[:, 0] > 0).astype(int))


def labels(display):
    return [text.get_text() for text in display.ax_.get_legend().get_texts()]


@pytest.mark.parametrize("Estimator", [BackpropClassifier, BackpropRegressor])
def test_the_loss_of_every_epoch_is_drawn(Estimator):
    estimator = fitted(Estimator)
    display = LossCurveDisplay.from_estimator(estimator)
    x, y = display.line_.get_data()
    assert x.tolist() == [1, 2, 3, 4, 5]
    assert list(y) == estimator.history_["loss"]
    assert display.validation_line_ is None
    assert labels(display) == [f"{Estimator.__name__}, training"]
    assert (display.ax_.get_xlabel(), display.ax_.get_ylabel()) == ("Epoch", "Loss")
    assert display.figure_ is display.ax_.figure


def test_the_validation_loss_is_drawn_where_it_was_measured():
    display = LossCurveDisplay([3.0, 2.0, 1.0], [None, 2.5, 1.5]).plot(color="red", alpha=0.5)
    x, y = display.validation_line_.get_data()
    assert (x.tolist(), y.tolist()) == ([2, 3], [2.5, 1.5])
    assert display.line_.get_color() == display.validation_line_.get_color() == "red"
    assert display.line_.get_linestyle() != display.validation_line_.get_linestyle()
    assert display.validation_line_.get_alpha() == 0.5
    assert labels(display) == ["training", "validation"]
    estimator = fitted(early_stopping=True)
    display = LossCurveDisplay.from_estimator(estimator, name="mine")
    assert list(display.validation_line_.get_ydata()) == estimator.history_["validation_loss"]
    assert labels(display) == ["mine, training", "mine, validation"]


def test_displays_share_axes(pyplot, range_test):
    _, ax = pyplot.subplots()
    first = LossCurveDisplay([1.0]).plot(ax, name="a")
    second = LossCurveDisplay([2.0]).plot(ax, name="b")
    assert first.ax_ is second.ax_ is ax
    assert labels(second) == ["a, training", "b, training"]
    for display in (
        ScheduleDisplay.from_schedule("cosine", ax=ax),
        LearningRateRangeDisplay.from_range_test(range_test, ax=ax),
    ):
        assert display.ax_ is ax


@pytest.mark.parametrize("name", SCHEDULES)
def test_every_schedule_is_drawn(name):
    display = ScheduleDisplay.from_schedule(name, n_epochs=8, n_steps=5, learning_rate=0.5)
    x, y = display.line_.get_data()
    assert len(x) == len(y) == 40
    assert (x[4], x[-1]) == (1, 8)  # the last steps of the first and of the last epoch
    assert 0 <= min(y) <= max(y) <= 0.5
    assert labels(display) == [name]


def test_a_schedule_may_be_given():
    display = ScheduleDisplay.from_schedule(Cosine(0.5), n_epochs=2, n_steps=2, lw=3)
    assert display.line_.get_ydata() == pytest.approx(
        [1, 0.5 + 0.5 * (2 + 2**0.5) / 4, 0.75, 0.5 + 0.5 * (2 - 2**0.5) / 4]
    )
    assert display.line_.get_linewidth() == 3
    assert labels(display) == ["Cosine"]
    assert ScheduleDisplay([0.1]).plot().ax_.get_legend() is None


def test_the_schedule_of_an_estimator_is_what_it_used():
    estimator = fitted(solver="adamw", learning_rate="cosine")
    display = ScheduleDisplay.from_estimator(estimator)
    assert list(display.line_.get_ydata()) == estimator.history_["learning_rate"]
    assert len(display.line_.get_ydata()) == 5


def test_a_range_test_is_drawn(range_test):
    display = LearningRateRangeDisplay.from_range_test(range_test, name="loss")
    np.testing.assert_array_equal(display.line_.get_data(), [range_test.rates, range_test.smoothed])
    np.testing.assert_array_equal(display.batch_line_.get_ydata(), range_test.losses)
    assert display.steepest_line_.get_xdata()[0] == range_test.steepest
    assert display.ax_.get_xscale() == "log"
    assert labels(display) == ["loss", f"steepest, {range_test.steepest:.2g}"]


def test_errors_say_what_to_do(monkeypatch):
    with pytest.raises(NotFittedError):
        LossCurveDisplay.from_estimator(BackpropClassifier())
    with pytest.raises(ValueError, match="one of .*coslog4.*, or a Schedule, got 'cosinus'"):
        ScheduleDisplay.from_schedule("cosinus")
    with pytest.raises(ValueError, match="solver='lbfgs' has none"):
        ScheduleDisplay.from_estimator(fitted(solver="lbfgs", max_iter=1))
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=rf'pip install "skbackprop\[{EXTRA}\]"'):
        LossCurveDisplay([1.0]).plot()


def test_the_extra_that_the_error_names_exists():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extra = project["optional-dependencies"][EXTRA]
    assert any(requirement.startswith("matplotlib") for requirement in extra)
