"""``refit=True``: once more on all rows, up to the epochs that the rows held out have chosen."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from scipy.sparse import csr_array
from second_trainings import COMMON, TASKS, A, X, b, numbers, y
from settings import packed
from sklearn.exceptions import ConvergenceWarning

from skbackprop import BackpropClassifier, BackpropRegressor, WeightInit
from skbackprop.optim import Adam
from skbackprop.recipes import build
from skbackprop.training.callbacks import Callback, budget, replay
from skbackprop.training.callbacks.restarts import begin_restart

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
SETTINGS = {
    "adam": {},
    "sgd": {"solver": "sgd", "learning_rate_init": 0.1},
    "cosine": {"learning_rate": "cosine"},
    "averaged": {"solver": Adam(averaging="ema")},
    "schedule_free": {"solver": "schedule_free"},
    "dropout": {"dropout": 0.2},
    "batch norm": {"normalization": "batch", "batch_size": 20},
    "members that share": {"n_members": 3, "member_sharing": "batch"},
    "data": {"weight_init": WeightInit("data", biases="data")},
}


class StopAfter(Callback):
    """The end of a training at an epoch, whatever its schedule had planned."""

    def __init__(self, epoch):
        self.epoch = epoch

    def on_epoch_end(self, run):
        if run.clock.epoch == self.epoch:
            run.stop("told_to")


@TASKS
@pytest.mark.parametrize("name", SETTINGS)
def test_it_is_the_training_on_all_rows_that_stops_at_the_best_epoch(Estimator, rows, target, name):
    params = packed(**COMMON | SETTINGS[name])
    first = Estimator(**params, early_stopping=True).fit(rows, target)
    again = Estimator(**params, early_stopping=True, refit=True).fit(rows, target)
    assert first.best_iter_ > 1
    assert name != "adam" or first.best_iter_ < 25  # not simply the last
    params |= {"early_stopping": False, "n_iter_no_change": 99}
    by_hand = Estimator(**params, callbacks=[StopAfter(first.best_iter_)]).fit(rows, target)
    np.testing.assert_array_equal(numbers(again), numbers(by_hand))
    assert not np.array_equal(numbers(again), numbers(first))
    for attribute in ("loss_curve_", "validation_scores_", "n_iter_", "stop_reason_"):
        assert getattr(again, attribute) == getattr(first, attribute)


@TASKS
def test_each_member_gets_its_own_epoch(Estimator, rows, target):
    params = COMMON | {"n_members": 4}
    first = Estimator(**params, early_stopping=True).fit(rows, target)
    again = Estimator(**params, early_stopping=True, refit=True).fit(rows, target)
    epochs = first._fitted.run.stacks[0].best_epochs
    assert len(epochs) == 4
    assert len(set(epochs)) > 1
    for m, epoch in enumerate(epochs):
        by_hand = Estimator(
            **params, early_stopping=False, n_iter_no_change=99, callbacks=[StopAfter(epoch)]
        ).fit(rows, target)
        for own, expected in zip(again.coefs_, by_hand.coefs_, strict=True):
            np.testing.assert_array_equal(own[m], expected[m])


def test_groups_of_members(monkeypatch):
    monkeypatch.setattr("skbackprop.training.parallel_members.LARGE", 1)
    params = COMMON | {"n_members": 4, "early_stopping": True, "refit": True}
    one = BackpropClassifier(**params, n_jobs=1).fit(X, y)
    two = BackpropClassifier(**params, n_jobs=2).fit(X, y)
    assert one._fitted.stack_sizes == [2, 2]
    np.testing.assert_array_equal(numbers(one), numbers(two))
    first = BackpropClassifier(**{**params, "refit": False}).fit(X, y)
    for own, before in zip(one.coefs_, first.coefs_, strict=True):
        assert (own != before).any(axis=(1, 2)).all()


@TASKS
@pytest.mark.parametrize("preset", ["auto", "fast"])
def test_the_recipes(Estimator, rows, target, preset):
    params = {"preset": preset, "max_iter": 6, "random_state": 0}
    first = Estimator(**params).fit(rows, target)
    again = Estimator(**params, refit=True).fit(rows, target)
    assert first.resolved_params_["refit"] is False
    assert again.resolved_params_["refit"] is True
    assert again.score(rows, target) > 0.3
    assert not np.array_equal(numbers(again), numbers(first))


def test_restarts_are_the_same_restarts(monkeypatch):
    """A target without noise needs a restart; the second training makes it, too."""
    monkeypatch.setitem(build.GAINS, "squared_error", 0.1)
    clean = np.sin(3 * A[:, 0])
    params = {"n_members": 1, "max_restarts": 2, "learning_rate": "cosine", "max_iter": 5}
    params = COMMON | params | {"n_iter_no_change": float("inf"), "scoring": "loss"}
    first = BackpropRegressor(**params, early_stopping=True).fit(A, clean)
    restarts = first._fitted.run.restarts
    assert restarts
    assert first.best_iter_ > restarts[-1]
    again = BackpropRegressor(**params, early_stopping=True, refit=True).fit(A, clean)

    class Restart(Callback):
        def on_epoch_end(self, run):
            if run.n_epochs in restarts:
                before = [0, *restarts][restarts.index(run.n_epochs)]
                begin_restart(run, 2 * (run.n_epochs - before))

    params |= {"early_stopping": False, "max_restarts": 0, "scoring": "auto"}
    callbacks = [Restart(), StopAfter(first.best_iter_)]
    by_hand = BackpropRegressor(**params, callbacks=callbacks).fit(A, clean)
    np.testing.assert_array_equal(numbers(again), numbers(by_hand))


def test_rates_that_react_are_the_same_rates():
    params = COMMON | {"solver": "sgd", "learning_rate": "adaptive", "learning_rate_init": 0.5}
    params |= {"n_iter_no_change": 2, "tol": 1e-2, "max_iter": 60}
    first = BackpropClassifier(**params, early_stopping=True).fit(X, y)
    rates = first.history_["learning_rate"]
    assert len(set(rates[: first.best_iter_])) > 1
    again = BackpropClassifier(**params, early_stopping=True, refit=True).fit(X, y)

    class Rates(Callback):
        def on_epoch_begin(self, run):
            run.lr_scale = rates[run.clock.epoch] / 0.5

    params["learning_rate"] = "constant"
    params["n_iter_no_change"] = 99
    callbacks = [Rates(), StopAfter(first.best_iter_)]
    by_hand = BackpropClassifier(**params, early_stopping=False, callbacks=callbacks).fit(X, y)
    np.testing.assert_allclose(numbers(again), numbers(by_hand), rtol=1e-9)


@pytest.mark.parametrize("schedule", ["cosine", "one_cycle", "warmup_cosine", "coslog4"])
def test_restarts_may_be_followed_by_partial_fit(schedule, monkeypatch):
    monkeypatch.setitem(build.GAINS, "squared_error", 0.1)
    params = COMMON | {"early_stopping": True, "max_restarts": 2, "max_iter": 4, "scoring": "loss"}
    params |= {"n_iter_no_change": float("inf"), "learning_rate": schedule}
    model = BackpropRegressor(**params).fit(A, A[:, 0])
    assert model.n_iter_ > 4
    model.set_params(early_stopping=False, scoring="auto", max_restarts="auto")
    assert np.isfinite(model.partial_fit(A, b).predict(A)).all()


@TASKS
def test_lbfgs(Estimator, rows, target):
    params = {"preset": "plain", "solver": "lbfgs", "hidden_layer_sizes": (4,), "max_iter": 100}
    params |= {"random_state": 0, "early_stopping": True, "dtype": "float64"}
    first = Estimator(**params).fit(rows, target)
    again = Estimator(**params, refit=True).fit(rows, target)
    params |= {"early_stopping": False, "max_iter": first.best_iter_}
    by_hand = Estimator(**params).fit(rows, target)
    np.testing.assert_allclose(numbers(again), numbers(by_hand), rtol=1e-9)


def test_lbfgs_that_converges_earlier_the_second_time(monkeypatch):
    params = {"preset": "plain", "solver": "lbfgs", "hidden_layer_sizes": (), "max_iter": 200}
    params |= {"random_state": 0, "tol": 1e-8, "dtype": "float64", "alpha": 1.0}
    whole = BackpropRegressor(**params).fit(A, b)
    make = replay.RestoreEpochs.__init__
    monkeypatch.setattr(replay.RestoreEpochs, "__init__", lambda self, _: make(self, [99]))
    model = BackpropRegressor(**params, early_stopping=True, refit=True).fit(A, b)
    assert whole.n_iter_ < 99
    np.testing.assert_array_equal(numbers(model), numbers(whole))


def test_sparse_rows():
    params = COMMON | {"early_stopping": True, "refit": True}
    dense = BackpropClassifier(**params).fit(X, y)
    sparse = BackpropClassifier(**params).fit(csr_array(X), y)
    np.testing.assert_allclose(numbers(sparse), numbers(dense), rtol=1e-6, atol=1e-9)


def test_intervals_go_by_the_rows_held_out():
    first = BackpropRegressor(**COMMON, early_stopping=True).fit(A, b)
    again = BackpropRegressor(**COMMON, early_stopping=True, refit=True).fit(A, b)
    widths = [np.diff(model.predict_interval(A), axis=1) for model in (first, again)]
    np.testing.assert_allclose(*widths)


def test_going_on_after_a_refit():
    params = COMMON | {"early_stopping": True, "refit": True, "warm_start": True, "max_iter": 4}
    model = BackpropClassifier(**params).fit(X, y)
    before = numbers(model).copy()
    model.fit(X, y)
    assert len(model.loss_curve_) == 8
    assert not np.array_equal(numbers(model), before)
    twin = BackpropClassifier(**params).fit(X, y)
    np.testing.assert_array_equal(numbers(twin), before)
    model.set_params(early_stopping=False, refit=False).partial_fit(X, y)


@pytest.mark.parametrize("params", [{"early_stopping": False}, {}], ids=["off", "plain"])
def test_without_rows_held_out_it_has_no_effect_and_says_so(params):
    model = BackpropClassifier(**COMMON, refit=True, **params)
    with pytest.warns(UserWarning, match=r"no effect.*refit=True"):
        model.fit(X, y)
    np.testing.assert_array_equal(
        numbers(model), numbers(BackpropClassifier(**COMMON, **params).fit(X, y))
    )
    assert model.resolved_params_["refit"] is False


def test_with_rows_of_the_user_it_has_no_effect_and_says_so():
    model = BackpropClassifier(**COMMON, refit=True)
    with pytest.warns(UserWarning, match=r"refit=True has no effect with X_val"):
        model.fit(X[:90], y[:90], X_val=X[90:], y_val=y[90:])
    assert model.resolved_params_["refit"] is False


def test_a_second_training_that_diverges_leaves_the_first(monkeypatch):
    first = BackpropClassifier(**COMMON, early_stopping=True).fit(X, y)

    def spoil(keep, run):
        run.network.theta[...] = np.nan
        run.stop("diverged")

    monkeypatch.setattr(replay.RestoreEpochs, "on_epoch_end", spoil)
    with pytest.warns(UserWarning, match=r"second training.*failed.*those of the first"):
        again = BackpropClassifier(**COMMON, early_stopping=True, refit=True).fit(X, y)
    np.testing.assert_array_equal(numbers(again), numbers(first))


def test_batch_norm_is_checked_for_both():
    params = COMMON | {"normalization": "batch", "batch_size": 17}  # 120 = 7 · 17 + 1
    BackpropClassifier(**params, early_stopping=True).fit(X, y)
    with pytest.raises(ValueError, match="single row"):
        BackpropClassifier(**params, early_stopping=True, refit=True).fit(X, y)


def test_the_budget_is_for_both(monkeypatch):
    seen = []
    make = budget.TimeBudget.__init__
    monkeypatch.setattr(
        budget.TimeBudget, "__init__", lambda self, s: (seen.append(s), make(self, s))[1]
    )
    params = COMMON | {"early_stopping": True, "time_budget": 22.0}
    BackpropClassifier(**params).fit(X, y)
    BackpropClassifier(**params, refit=True).fit(X, y)
    assert seen == pytest.approx([22.0, 10.0])


def test_callbacks_are_told_of_the_first_training_only():
    epochs = []

    class Note(Callback):
        def on_epoch_end(self, run):
            epochs.append(run.clock.epoch)

    for refit in (False, True):
        epochs.append("fit")
        BackpropClassifier(**COMMON, early_stopping=True, refit=refit, callbacks=[Note()]).fit(X, y)
    half = len(epochs) // 2
    assert epochs[:half] == epochs[half:]


def test_where_it_has_an_effect_there_is_no_warning():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        BackpropClassifier(**COMMON, early_stopping=True, refit=True).fit(X, y)
    assert [w for w in caught if not issubclass(w.category, ConvergenceWarning)] == []
