"""Displays: what is drawn is what was measured."""

import pickle
import sys

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skbackprop import BackpropClassifier, BackpropRegressor, RowSource, load
from skbackprop.optim.schedules import SCHEDULES, Cosine
from skbackprop.plots import LearningRateDisplay, LossCurveDisplay, ScheduleDisplay
from skbackprop.recipes import build
from skbackprop.training.callbacks import Monitor
from skbackprop.training.probe import RangeTest

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
    display.plot(c="green", ls=":")
    for line in (display.line_, display.validation_line_):
        assert (line.get_color(), line.get_linestyle()) == ("green", ":")
    estimator = fitted(early_stopping=True)
    display = LossCurveDisplay.from_estimator(estimator, name="mine")
    assert list(display.validation_line_.get_ydata()) == estimator.history_["validation_loss"]
    assert labels(display)[:3] == ["mine, training", "mine, validation", "mine, epochs kept"]


def test_monitored_columns_are_drawn_where_they_were_measured():
    x = np.random.default_rng(1).normal(size=(30, 3))
    monitor = Monitor({"new": (x, x[:, 0] > 0)}, ["neg_log_loss", "accuracy"], every=2)
    model = fitted(callbacks=[monitor])
    columns = ["new_neg_log_loss", "new_accuracy"]
    display = LossCurveDisplay.from_estimator(model, monitored=columns[:1], negate_score=True)
    (line,) = display.monitored_lines_
    values = model.history_["new_neg_log_loss"]
    assert line.get_xdata().tolist() == [2, 4, 5]
    assert line.get_ydata().tolist() == [-values[i] for i in (1, 3, 4)]
    assert labels(display)[-1] == "BackpropClassifier, new_log_loss"
    both = LossCurveDisplay.from_estimator(model, monitored=columns, name="mine")
    assert [line.get_label() for line in both.monitored_lines_] == [f"mine, {c}" for c in columns]
    assert both.monitored_lines_[0].get_ydata()[-1] == values[-1]
    assert LossCurveDisplay.from_estimator(model).monitored_lines_ == []
    with pytest.raises(ValueError, match=r"columns of history_.*'loss'.*got \['new_r2'\]"):
        LossCurveDisplay.from_estimator(model, monitored=["new_r2"])


def test_displays_share_axes(pyplot, range_test):
    _, ax = pyplot.subplots()
    first = LossCurveDisplay([1.0]).plot(ax, name="a")
    second = LossCurveDisplay([2.0]).plot(ax, name="b")
    assert first.ax_ is second.ax_ is ax
    assert labels(second) == ["a, training", "b, training"]
    for display in (
        ScheduleDisplay.from_schedule("cosine", ax=ax),
        LearningRateDisplay(range_test).plot(ax),
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
    display = LearningRateDisplay(range_test).plot(name="loss")
    np.testing.assert_array_equal(display.line_.get_data(), [range_test.rates, range_test.smoothed])
    np.testing.assert_array_equal(display.batch_line_.get_ydata(), range_test.losses)
    assert display.steepest_line_.get_xdata()[0] == range_test.steepest
    assert display.ax_.get_xscale() == "log"
    assert display.used_line_ is None
    assert display.probe_lines_ == []
    assert labels(display) == ["loss", f"steepest, {range_test.steepest:.2g}"]


X = np.random.default_rng(0).normal(size=(120, 3))
Y = (X[:, 0] > 0).astype(int)


def test_a_range_test_is_made_from_an_estimator_that_it_leaves_alone():
    model = fitted(learning_rate_init=0.02)
    before = model.network_.theta.copy()
    display = LearningRateDisplay.from_estimator(model, X, Y, probe=True, n_steps=40)
    np.testing.assert_array_equal(model.network_.theta, before)
    assert display.used_line_.get_xdata()[0] == display.learning_rate == 0.02
    assert len(display.range_test.rates) <= 40
    *tries, chosen = display.probe_lines_
    assert chosen.get_xdata()[0] == display.probe.learning_rate
    assert sum(len(line.get_xdata()) for line in tries) == len(display.probe.tries)


def test_the_probe_is_the_one_of_fit():
    rate = {"learning_rate_init": "probe"}
    model = fitted(**rate)
    probed = fitted(max_iter=1)
    x = np.random.default_rng(0).normal(size=(60, 3))
    display = LearningRateDisplay.from_estimator(
        probed.set_params(max_iter=5, **rate), x, (x[:, 0] > 0).astype(int), probe=True
    )
    assert display.probe.learning_rate == model.resolved_params_["learning_rate_init"]


def test_the_range_test_of_a_pipeline_gets_its_columns():
    plain = BackpropClassifier(preset="plain", hidden_layer_sizes=(4,), random_state=0)
    scaled = StandardScaler().fit_transform(1000 * X)
    of_rows = LearningRateDisplay.from_estimator(plain, scaled, Y).range_test
    pipeline = make_pipeline(StandardScaler(), plain)
    search = GridSearchCV(pipeline, {"backpropclassifier__max_iter": [3]}, cv=2)
    for model in (pipeline, search.fit(1000 * X, Y)):
        of_model = LearningRateDisplay.from_estimator(model, 1000 * X, Y).range_test
        np.testing.assert_array_equal(of_model.losses, of_rows.losses)
    alone = LearningRateDisplay.from_estimator(make_pipeline(plain), scaled, Y).range_test
    np.testing.assert_array_equal(alone.losses, of_rows.losses)


# What a fit has kept.


def test_the_kept_epochs_and_their_loss_are_marked(tmp_path):
    model = BackpropClassifier(random_state=0, max_iter=12).fit(X, Y)
    display = LossCurveDisplay.from_estimator(model)
    epochs = display.kept_points_.get_xdata().tolist()
    assert epochs == sorted(set(model._fitted.run.best_epochs))
    history = model.history_["validation_loss"]
    assert [history[epoch - 1] for epoch in epochs] == display.kept_points_.get_ydata().tolist()
    assert display.kept_line_.get_ydata()[0] == display.kept_loss
    assert display.kept_loss <= 1.01 * min(loss for loss in history if loss is not None)
    assert display.ensemble_line_ is None
    assert f"BackpropClassifier, weights kept, {display.kept_loss:.3g}" in labels(display)
    again = LossCurveDisplay.from_estimator(pickle.loads(pickle.dumps(model)))
    assert (again.kept_loss, again.kept_epochs) == (display.kept_loss, display.kept_epochs)
    model.save(tmp_path / "model.skbp")
    loaded = LossCurveDisplay.from_estimator(load(tmp_path / "model.skbp"))
    assert (loaded.kept_loss, loaded.kept_epochs) == (None, display.kept_epochs)


def test_of_a_single_network_the_kept_loss_is_on_the_curve():
    model = fitted(early_stopping=True, max_iter=20)
    display = LossCurveDisplay.from_estimator(model)
    assert display.kept_epochs == [model.best_iter_]
    assert display.kept_loss == pytest.approx(display.validation_loss[model.best_iter_ - 1])


def test_the_loss_of_the_ensemble_is_that_of_its_predictions():
    model = BackpropClassifier(random_state=0, max_iter=12, n_members=3)
    model.fit(X[:80], Y[:80], X_val=X[80:], y_val=Y[80:])
    display = LossCurveDisplay.from_estimator(model)
    assert display.ensemble_loss == pytest.approx(
        log_loss(Y[80:], model.predict_proba(X[80:])), rel=1e-5
    )
    assert display.ensemble_loss < display.kept_loss
    copy = pickle.loads(pickle.dumps(model))  # which rows were shared is not in a pickle
    assert LossCurveDisplay.from_estimator(copy).ensemble_loss is None
    shared = BackpropClassifier(random_state=0, max_iter=12, n_members=3, member_sharing="batch")
    shared.fit(X[:80], Y[:80], X_val=X[80:], y_val=Y[80:])
    display = LossCurveDisplay.from_estimator(shared)
    assert display.kept_loss is None
    assert display.ensemble_loss == pytest.approx(
        log_loss(Y[80:], shared.predict_proba(X[80:])), rel=1e-5
    )


def test_members_of_a_source_have_validation_rows_of_their_own():
    x = np.random.default_rng(0).normal(size=(600, 2))
    source = RowSource(x, x[:, 0], sample_rows=150, buffer_rows=200)
    model = BackpropRegressor(random_state=0, max_iter=2).fit(source)
    display = LossCurveDisplay.from_estimator(model)
    assert display.kept_loss > 0
    assert display.ensemble_loss is None


def test_restarts_are_marked(monkeypatch):
    display = LossCurveDisplay([3.0, 2.0, 1.0], restarts=[1, 2]).plot()
    assert [line.get_xdata()[0] for line in display.restart_lines_] == [1, 2]
    assert labels(display) == ["training", "restart"]
    x = np.random.default_rng(0).normal(size=(300, 2))
    monkeypatch.setitem(build.GAINS, "squared_error", 0.1)
    model = BackpropRegressor(random_state=0, max_iter=10, n_members=2, max_restarts=2)
    restarts = model.fit(x, np.sin(2 * x[:, 0]) * x[:, 1])._fitted.run.restarts
    assert len(restarts) > 0
    assert LossCurveDisplay.from_estimator(model).restarts == restarts


def test_nothing_is_marked_that_was_not_kept():
    refitted = fitted(early_stopping=True, refit=True)
    display = LossCurveDisplay.from_estimator(refitted)
    assert display.kept_points_ is not None
    assert display.kept_line_ is None
    stream = BackpropClassifier(preset="plain", random_state=0)
    stream.partial_fit(X[:80], Y[:80], classes=[0, 1], X_val=X[80:], y_val=Y[80:])
    assert LossCurveDisplay.from_estimator(stream).kept_points_ is None


def test_pipelines_and_searches_are_opened(pyplot):
    plain = BackpropClassifier(preset="plain", random_state=0, max_iter=5)
    pipeline = make_pipeline(StandardScaler(), plain)
    search = GridSearchCV(pipeline, {"backpropclassifier__alpha": [0.1]}, cv=2).fit(X, Y)
    _, ax = pyplot.subplots()
    for model in (pipeline.fit(X, Y), search):
        display = LossCurveDisplay.from_estimator(model, ax=ax)
        inner = getattr(model, "best_estimator_", model)[-1]
        assert list(display.line_.get_ydata()) == inner.history_["loss"]
        rates = ScheduleDisplay.from_estimator(model).learning_rates
        assert rates == inner.history_["learning_rate"]
    colors = {line.get_color() for line in ax.get_lines()}
    assert len(colors) == 2  # two fits in one picture


def test_errors_say_what_to_do(monkeypatch):
    with pytest.raises(NotFittedError):
        LossCurveDisplay.from_estimator(BackpropClassifier())
    with pytest.raises(ValueError, match="one of .*coslog4.*, or a Schedule, got 'cosinus'"):
        ScheduleDisplay.from_schedule("cosinus")
    with pytest.raises(ValueError, match="solver='lbfgs' has none"):
        ScheduleDisplay.from_estimator(fitted(solver="lbfgs", max_iter=1))
    with pytest.raises(TypeError, match="got LogisticRegression"):
        LearningRateDisplay.from_estimator(LogisticRegression(), X, Y)
    with pytest.raises(ValueError, match="needs an optimizer with a learning rate"):
        LearningRateDisplay.from_estimator(BackpropClassifier(preset="plain", solver="lbfgs"), X, Y)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r'pip install "skbackprop\[plot\]"'):
        LossCurveDisplay([1.0]).plot()
