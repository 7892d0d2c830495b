"""The callbacks that came with scikit-learn 1.9: alone, in a pipeline, in a search."""

import warnings

import numpy as np
import pytest
from plain import BackpropClassifier
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from .common import (
    BOTH,
    SKLEARN_HAS_CALLBACKS,
    SOLVERS,
    assert_identical,
    small,
    unconverged,
)

pytestmark = unconverged

BRIEF = {"hidden_layer_sizes": (6,), "random_state": 0}

callbacks = pytest.mark.skipif(not SKLEARN_HAS_CALLBACKS, reason="scikit-learn < 1.9")


def monitor(Estimator):
    from sklearn.callback import ScoringMonitor

    return ScoringMonitor(scoring="accuracy" if Estimator is BackpropClassifier else "r2")


def scores_of(log, Estimator):
    """The scores of the epochs, in their order."""
    name = "accuracy" if Estimator is BackpropClassifier else "r2"
    return [row[name] for row in log.data if row["task_name"] == "epoch"]


@callbacks
@SOLVERS
@BOTH
def test_scoring_monitor_sees_every_epoch(Estimator, solver):
    _, X, y = small(Estimator)
    callback = monitor(Estimator)
    estimator = Estimator(**BRIEF, max_iter=7, solver=solver).set_callbacks(callback)
    estimator.fit(X, y)
    scores = scores_of(callback.get_logs(), Estimator)
    assert len(scores) == estimator.n_iter_ == 7
    assert scores[-1] == pytest.approx(estimator.score(X, y), abs=1e-12)
    for epochs in (1, 4):  # the score of an epoch is that of a fit that ended there
        shorter = Estimator(**BRIEF, max_iter=epochs, solver=solver).fit(X, y)
        assert scores[epochs - 1] == pytest.approx(shorter.score(X, y), abs=1e-12)


@callbacks
@BOTH
def test_callbacks_change_nothing_and_leave_nothing(Estimator):
    estimator, X, y = small(Estimator)
    watched = clone(estimator).set_callbacks(monitor(Estimator)).fit(X, y)
    alone = clone(estimator).fit(X, y)
    assert_identical(watched, alone)
    assert watched.get_params() == alone.get_params()
    assert repr(watched) == repr(alone)
    assert set(vars(watched)) - set(vars(alone)) == {"_skl_callbacks"}


@callbacks
@BOTH
def test_scoring_monitor_when_training_stops_early(Estimator):
    estimator, X, y = small(Estimator)
    callback = monitor(Estimator)
    estimator = clone(estimator).set_params(tol=1e3, n_iter_no_change=2).set_callbacks(callback)
    estimator.fit(X, y)
    assert len(scores_of(callback.get_logs(), Estimator)) == estimator.n_iter_ == 4


@callbacks
@BOTH
def test_scoring_monitor_is_given_the_weights(Estimator):
    estimator, X, y = small(Estimator)
    w = np.random.RandomState(0).uniform(0.1, 2.0, len(X))
    callback = monitor(Estimator)
    estimator = clone(estimator).set_callbacks(callback).fit(X, y, sample_weight=w)
    scores = scores_of(callback.get_logs(), Estimator)
    assert scores[-1] == pytest.approx(estimator.score(X, y, w), abs=1e-12)


@callbacks
@BOTH
def test_scoring_monitor_in_a_pipeline_and_a_search(Estimator):
    estimator, X, y = small(Estimator)
    callback = monitor(Estimator)
    inner = clone(estimator).set_params(max_iter=5).set_callbacks(callback)
    pipeline = make_pipeline(StandardScaler(), inner).fit(X, y)
    scores = scores_of(callback.get_logs(), Estimator)
    assert len(scores) == 5
    assert scores[-1] == pytest.approx(pipeline.score(X, y), abs=1e-12)

    name = f"{type(inner).__name__.lower()}__alpha"
    search = GridSearchCV(make_pipeline(StandardScaler(), inner), {name: [0.0, 1.0]}, cv=2)
    search.fit(X, y)
    scores = scores_of(callback.get_logs(), Estimator)
    assert len(scores) == 5 * (2 * 2 + 1)  # two alphas, two folds, and the refit


@callbacks
@pytest.mark.parametrize("within", ["alone", "pipeline", "search"])
@BOTH
def test_progress_bar(Estimator, within, capsys):
    pytest.importorskip("rich")
    from sklearn.callback import ProgressBar

    estimator, X, y = small(Estimator, max_iter=5)
    if within != "alone":
        estimator = make_pipeline(StandardScaler(), estimator)
    if within == "search":
        name = f"{Estimator.__name__.lower()}__alpha"
        estimator = GridSearchCV(estimator, {name: [0.0, 1.0]}, cv=2)
    estimator.set_callbacks(ProgressBar(max_propagation_depth=None))
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)  # no step lacks support for callbacks
        warnings.filterwarnings("ignore", "Stochastic Optimizer")
        estimator.fit(X, y)
    shown = capsys.readouterr().out
    assert Estimator.__name__ in shown
    assert "100%" in shown


@callbacks
@BOTH
def test_a_callback_may_end_training(Estimator):
    class EndAfter:
        def setup(self, estimator, context):
            self.n_tasks = 0

        def teardown(self, estimator, context):
            """Nothing is left to do."""

        def on_fit_task_begin(self, estimator, context):
            """Nothing happens before an epoch."""

        def on_fit_task_end(self, estimator, context):
            self.n_tasks += context.task_name == "epoch"
            return self.n_tasks == 3

    estimator, X, y = small(Estimator)
    ended = clone(estimator).set_callbacks(EndAfter()).fit(X, y)
    assert ended.n_iter_ == 3
    assert_identical(ended, clone(estimator).set_params(max_iter=3).fit(X, y))


@BOTH
def test_callbacks_need_scikit_learn_1_9(Estimator):
    assert hasattr(Estimator(), "set_callbacks") == SKLEARN_HAS_CALLBACKS
