"""scikit-learn's callbacks on every preset: raw tables, warm restarts, refits and failures."""

import subprocess
import sys
import textwrap

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop.recipes import build
from skbackprop.training.callbacks import Monitor

from .common import SKLEARN_HAS_CALLBACKS, assert_identical, unconverged

pytestmark = [
    unconverged,
    pytest.mark.skipif(not SKLEARN_HAS_CALLBACKS, reason="scikit-learn < 1.9"),
]
PRESETS = pytest.mark.parametrize("preset", ["auto", "plain", "fast", "best"])
WITHIN = pytest.mark.parametrize("within", ["alone", "pipeline", "search"])


class Recorder:
    """Counts the hooks, and keeps what it is given."""

    def __init__(self, fail_in=None, error=RuntimeError, epoch=1):
        self.fail_in, self.error, self.epoch = fail_in, error, epoch
        self.n_setups = self.n_teardowns = 0
        self.begun, self.ended, self.limits, self.models = [], [], {}, []

    def _count(self, event, tasks, context):
        tasks.append((context.task_name, context.task_id))
        self.limits[context.task_name] = context.max_subtasks
        n = sum(name == "epoch" for name, _ in tasks)
        if event == self.fail_in and context.task_name == "epoch" and n == self.epoch:
            raise self.error

    def setup(self, estimator, context):
        self.n_setups += 1

    def teardown(self, estimator, context):
        self.n_teardowns += 1

    def on_fit_task_begin(self, estimator, context, *, X=None, y=None, metadata=None):
        self.X, self.y, self.metadata = X, y, metadata
        self._count("begin", self.begun, context)

    def on_fit_task_end(self, estimator, context, *, X=None, fitted_estimator=None):
        self._count("end", self.ended, context)
        if fitted_estimator is not None:
            self.models.append((context.task_name, fitted_estimator, fitted_estimator.predict(X)))

    def n_epochs(self):
        return sum(name == "epoch" for name, _ in self.ended)


def frame(preset, n=60):
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(n, 2)), columns=["a", "b"])
    y = np.where(X["a"] > 0, "yes", "no")
    if preset != "plain":
        X["c"] = rng.choice(["red", "blue"], n)
        X.loc[3, "a"] = np.nan
    return X, y


def wrapped(estimator, within):
    if within == "alone":
        return estimator
    estimator = make_pipeline("passthrough", estimator)
    if within == "pipeline":
        return estimator
    return GridSearchCV(estimator, {"backpropclassifier__alpha": [0.0, 1.0]}, cv=2)


@WITHIN
@PRESETS
def test_progress_bar_on_every_preset(preset, within, capsys):
    pytest.importorskip("rich")
    from sklearn.callback import ProgressBar

    X, y = frame(preset)
    estimator = BackpropClassifier(preset=preset, max_iter=2, random_state=0)
    wrapped(estimator, within).set_callbacks(ProgressBar(max_propagation_depth=None)).fit(X, y)
    shown = capsys.readouterr().out
    assert "BackpropClassifier - fit" in shown
    assert "100%" in shown


@WITHIN
@PRESETS
def test_scoring_monitor_on_every_preset(preset, within):
    from sklearn.callback import ScoringMonitor

    X, y = frame(preset)
    monitor = ScoringMonitor(scoring=["accuracy", "neg_log_loss"])
    estimator = BackpropClassifier(preset=preset, max_iter=3, random_state=0)
    model = wrapped(estimator.set_callbacks(monitor), within).fit(X, y)
    rows = [r for run in monitor.get_logs("all") for r in run.data if r["task_name"] == "epoch"]
    assert len(rows) == 3 * (1 if within != "search" else 5)
    assert np.isfinite([row["neg_log_loss"] for row in rows]).all()
    if within == "alone":
        (end,) = [row for row in monitor.get_logs().data if row["task_name"] == "fit"]
        assert end["accuracy"] == model.score(X, y)


@WITHIN
@PRESETS
def test_own_callback_on_every_preset(preset, within):
    X, y = frame(preset)
    recorder = Recorder()
    estimator = BackpropClassifier(preset=preset, max_iter=2, random_state=0)
    wrapped(estimator.set_callbacks(recorder), within).fit(X, y)
    n_fits = 5 if within == "search" else 1
    assert recorder.X.equals(X)  # of a search: all rows, in its refit
    np.testing.assert_array_equal(recorder.y, y)
    assert recorder.metadata == {}
    assert recorder.n_setups == recorder.n_teardowns == n_fits
    assert [name for name, _ in recorder.begun].count("fit") == n_fits
    assert recorder.n_epochs() == 2 * n_fits


def test_epochs_of_warm_restarts_are_tasks(monkeypatch):
    monkeypatch.setitem(build.GAINS, "squared_error", 0.1)
    rng = np.random.default_rng(0)
    X = rng.normal(size=(160, 3))
    y = X[:, 0] * X[:, 1] + X[:, 2]
    recorder = Recorder()
    params = {"random_state": 0, "max_iter": 8, "max_restarts": 2, "n_members": 8}
    estimator = BackpropRegressor(**params)
    estimator.set_callbacks(recorder).fit(X, y)
    assert recorder.n_epochs() == estimator.n_iter_ > 8  # with a restart
    assert recorder.limits["fit"] == 8 * (1 + 2 + 4)
    alone = BackpropRegressor(**params).fit(X, y)
    assert_identical(estimator, alone)


def test_number_of_epochs_is_unknown_with_training_callbacks():
    class Longer:
        def on_epoch_end(self, run):
            run.max_epochs = 5

    X, y = frame("auto")
    recorder = Recorder()
    monitor = Monitor({"train": (X, y)})
    estimator = BackpropClassifier(max_iter=2, max_restarts=0, callbacks=[monitor], random_state=0)
    estimator.set_callbacks(recorder).fit(X, y)
    assert recorder.limits["fit"] == recorder.n_epochs() == 2
    assert len(recorder.models[0][1].history_["train_score"]) == 1
    recorder = Recorder()
    estimator = BackpropClassifier(max_iter=2, callbacks=[monitor, Longer()], random_state=0)
    estimator.set_callbacks(recorder).fit(X, y)
    assert recorder.limits["fit"] is None
    assert recorder.n_epochs() == estimator.n_iter_ == 5


@PRESETS
def test_refit_is_a_training_of_its_own(preset):
    X, y = frame(preset)
    settings = {"preset": preset, "max_iter": 3, "random_state": 0, "early_stopping": True}
    recorder = Recorder()
    estimator = BackpropClassifier(**settings, refit=True).set_callbacks(recorder).fit(X, y)
    assert recorder.limits["fit"] == 2
    assert recorder.limits["training"] == 3
    assert [task for task in recorder.begun if task[0] == "training"] == [
        ("training", 0),
        ("training", 1),
    ]
    name, model, predicted = recorder.models[-1]
    assert name == "fit"
    assert_identical(model, estimator)
    np.testing.assert_array_equal(predicted, estimator.predict(X))


def test_every_stack_of_members_is_a_training():
    X, y = frame("auto", n=300)
    recorder = Recorder()
    settings = {"hidden_layer_sizes": (1024,), "batch_size": 270, "n_members": 3, "max_iter": 2}
    estimator = BackpropClassifier(**settings, random_state=0).set_callbacks(recorder).fit(X, y)
    assert [task for task in recorder.begun if task[0] == "training"] == [
        ("training", 0),
        ("training", 1),
    ]
    assert recorder.n_epochs() == 4
    members = [len(model.coefs_[0]) for name, model, _ in recorder.models if name == "epoch"]
    assert members == [2, 2, 3, 3]  # members that are not trained yet are left out
    assert_identical(recorder.models[-1][1], estimator)
    for _, model, predicted in recorder.models:
        np.testing.assert_array_equal(model.predict(X), predicted)  # nothing has moved since


def test_callbacks_get_the_rows_and_weights_of_the_user():
    X, y = frame("auto")
    weight = np.ones(len(X))
    weight[:5] = 0
    recorder = Recorder()
    estimator = BackpropClassifier(max_iter=2, random_state=0, class_weight="balanced")
    estimator.set_callbacks(recorder).fit(X, y, sample_weight=weight)
    assert recorder.X is X
    assert recorder.y is y
    assert recorder.metadata["sample_weight"] is weight


@PRESETS
def test_iterations_of_lbfgs_are_tasks(preset):
    X, y = frame(preset)
    recorder = Recorder()
    estimator = BackpropClassifier(preset=preset, solver="lbfgs", max_iter=4, random_state=0)
    estimator.set_callbacks(recorder).fit(X, y)
    assert recorder.n_epochs() == estimator.n_iter_ == 4
    assert recorder.begun[1:] == [("epoch", i) for i in range(4)]


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("event", ["begin", "end"])
@PRESETS
def test_a_fit_that_raises_is_torn_down(preset, event, solver):
    X, y = frame(preset)
    recorder = Recorder(event)
    estimator = BackpropClassifier(preset=preset, solver=solver, max_iter=2, random_state=0)
    with pytest.raises(RuntimeError):
        estimator.set_callbacks(recorder).fit(X, y)
    assert recorder.n_setups == recorder.n_teardowns == 1
    assert set(vars(estimator)) - set(vars(BackpropClassifier())) == {"_skl_callbacks"}


def test_a_fit_that_fails_in_its_loss_is_torn_down():
    class Fails:
        def on_batch_end(self, run):
            raise RuntimeError("a full disk")

    X, y = frame("auto")
    recorder = Recorder()
    estimator = BackpropClassifier(max_iter=2, callbacks=[Fails()]).set_callbacks(recorder)
    with pytest.raises(RuntimeError, match="a full disk"):
        estimator.fit(X, y)
    assert recorder.n_teardowns == 1
    assert recorder.n_epochs() == 0


@pytest.mark.parametrize("event", ["begin", "end"])
@PRESETS
def test_an_interrupted_epoch_is_a_task_that_ends(preset, event):
    X, y = frame(preset)
    recorder = Recorder(event, KeyboardInterrupt, epoch=3)
    estimator = BackpropClassifier(preset=preset, max_iter=6, random_state=0)
    estimator.set_callbacks(recorder)
    with pytest.warns(UserWarning, match="interrupted"):
        estimator.fit(X, y)
    assert recorder.n_teardowns == 1
    assert recorder.begun[-1] == ("epoch", 2)
    assert recorder.ended[-1] == ("fit", 0)
    n_complete = 2 if event == "begin" else 3
    assert estimator.history_["epoch"] == list(range(1, n_complete + 1))
    assert None not in estimator.history_["seconds"]


@pytest.mark.parametrize("error", ["RuntimeError", "KeyboardInterrupt"])
@PRESETS
def test_a_failed_process_ends_with_a_progress_bar(preset, error):
    pytest.importorskip("rich")
    code = f"""
    import warnings
    from sklearn.callback import ProgressBar
    from sklearn.datasets import load_iris
    from skbackprop import BackpropClassifier
    class Fails:
        def on_epoch_end(self, run):
            raise {error}
    warnings.simplefilter("ignore")
    X, y = load_iris(return_X_y=True)
    estimator = BackpropClassifier(preset={preset!r}, max_iter=2, callbacks=[Fails()])
    estimator.set_callbacks(ProgressBar()).fit(X, y)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == (1 if error == "RuntimeError" else 0), done.stderr
