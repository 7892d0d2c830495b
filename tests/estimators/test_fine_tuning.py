"""``refit="fine_tune"``: some epochs more, on all rows, from the weights of the best epochs."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from second_trainings import COMMON as PLAIN
from second_trainings import TASKS, A, X, b, numbers, y
from settings import packed
from sklearn.datasets import make_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import ShuffleSplit

from skbackprop import BackpropClassifier, BackpropRegressor, Scheduled
from skbackprop.optim import Adam, Polynomial
from skbackprop.training import Batches, Plan, Rows, Run, train
from skbackprop.training.callbacks import Callback, RestoreFinite, budget
from skbackprop.training.run import copy_generator

COMMON = PLAIN | {"early_stopping": True}
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def on_all_rows(first, rows, target, n_epochs, **plan):
    """The numbers of the network of `first` after some more epochs."""
    fitted = first._fitted
    network = fitted.network.over(fitted.network.theta.copy(), fitted.network.fixed.copy())
    generators = fitted.run.stacks or [fitted.run]
    run = Run(network, copy_generator(generators[0].rng))
    members = [np.arange(len(rows))] * len(first.coefs_[0]) if fitted.run.stacks else None
    encoded = Rows(rows, fitted.codec.encode(target, np.dtype("float64")))
    batches = Batches(encoded, 16, True, members)
    plan = {"alpha": 1e-4, "optimizer": Adam(), "learning_rate": 0.003} | plan
    train(Plan(fitted.loss, batches, schedule=Polynomial(1.0), max_epochs=n_epochs, **plan), run)
    return np.concatenate([network.theta, network.fixed])


@TASKS
def test_it_trains_on_with_all_rows(Estimator, rows, target):
    first = Estimator(**COMMON).fit(rows, target)
    tuned = Estimator(**COMMON, refit="fine_tune").fit(rows, target)
    n_epochs = int(first.n_iter_ / 10 + 0.5)
    assert n_epochs > 0
    np.testing.assert_array_equal(numbers(tuned), on_all_rows(first, rows, target, n_epochs))
    assert not np.array_equal(numbers(tuned), numbers(first))
    for attribute in ("loss_curve_", "validation_scores_", "n_iter_", "best_iter_", "stop_reason_"):
        assert getattr(tuned, attribute) == getattr(first, attribute)


@TASKS
def test_each_member_gets_the_rows_that_it_held_out(Estimator, rows, target):
    params = COMMON | {"n_members": 4, "n_iter_no_change": float("inf")}
    first = Estimator(**params).fit(rows, target)
    tuned = Estimator(**params, refit="fine_tune").fit(rows, target)
    np.testing.assert_array_equal(numbers(tuned), on_all_rows(first, rows, target, 3))
    for own, before in zip(tuned.coefs_, first.coefs_, strict=True):
        assert (own != before).any(axis=(1, 2)).all()


def test_scheduled_parameters_are_as_they_were_at_last():
    schedule = Polynomial(2.0)
    params = COMMON | {"n_iter_no_change": float("inf"), "dropout": Scheduled(0.3, schedule)}
    first = BackpropClassifier(**params).fit(X, y)
    tuned = BackpropClassifier(**params, refit="fine_tune").fit(X, y)
    scheduled = {"dropout": lambda clock: 0.0}
    expected = on_all_rows(first, X, y, 3, has_dropout=True, scheduled=scheduled)
    np.testing.assert_array_equal(numbers(tuned), expected)


def test_threads_do_not_change_it(monkeypatch):
    monkeypatch.setattr("skbackprop.training.parallel_members.LARGE", 1)
    params = COMMON | {"n_members": 4, "refit": "fine_tune"}
    one = BackpropClassifier(**params, n_jobs=1).fit(X, y)
    two = BackpropClassifier(**params, n_jobs=2).fit(X, y)
    assert one._fitted.stack_sizes == [2, 2]
    np.testing.assert_array_equal(numbers(one), numbers(two))


X3, y3 = make_classification(181, 9, n_informative=5, n_classes=3, random_state=0)


@pytest.mark.parametrize("preset", ["auto", "fast"])
def test_the_recipes_for_more_than_two_classes_have_it(preset):
    tuned = BackpropClassifier(preset=preset, random_state=0).fit(X3, y3)
    first = BackpropClassifier(preset=preset, random_state=0, refit=False).fit(X3, y3)
    assert tuned.resolved_params_["refit"] == "fine_tune"
    assert tuned.loss_curve_ == first.loss_curve_
    assert not np.array_equal(numbers(tuned), numbers(first))


class OneEpoch(Callback):
    """A training of one epoch."""

    def on_epoch_end(self, run):
        run.stop("told_to")


@pytest.mark.parametrize(
    ("params", "refit"),
    [
        ({}, "fine_tune"),
        ({"validation_fraction": 0.2}, "fine_tune"),
        ({"max_iter": 50}, False),
        ({"normalization": "batch", "solver": Adam(averaging=None), "batch_size": 20}, False),
        ({"scoring": "accuracy"}, False),
        ({"validation_fraction": ShuffleSplit(1, random_state=0)}, False),
        ({"early_stopping": False}, False),
        ({"solver": "lbfgs", "early_stopping": True}, False),
        ({"max_iter": 50, "refit": "fine_tune"}, "fine_tune"),
    ],
    ids=str,
)
def test_when_the_recipe_has_it(params, refit):
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = BackpropClassifier(random_state=0, callbacks=[OneEpoch()], **params)
        model.fit(X3, y3)
    assert model.resolved_params_["refit"] == refit


@pytest.mark.parametrize(
    ("Estimator", "target"),
    [
        (BackpropClassifier, y),
        (BackpropClassifier, np.stack([y, 1 - y], axis=1)),
        (BackpropRegressor, b),
    ],
    ids=["two classes", "several columns", "numbers"],
)
def test_the_other_recipes_do_not_have_it(Estimator, target):
    model = Estimator(random_state=0, callbacks=[OneEpoch()]).fit(X, target)
    assert model.resolved_params_["refit"] is False


def test_rows_of_the_user_are_not_trained_on():
    given = {"X_val": X3[:100], "y_val": y3[:100]}
    model = BackpropClassifier(random_state=0, callbacks=[OneEpoch()])
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        model.fit(X3, y3, **given)
    assert model.resolved_params_["refit"] is False
    with pytest.warns(UserWarning, match="refit='fine_tune' has no effect with X_val"):
        model.set_params(refit="fine_tune").fit(X3, y3, **given)


def test_lbfgs_is_refused():
    model = BackpropClassifier(solver="lbfgs", early_stopping=True, refit="fine_tune")
    with pytest.raises(ValueError, match="needs a solver with a learning rate, got solver='lbfgs'"):
        model.fit(X, y)


@pytest.mark.parametrize("n_epochs", [4, 5])
def test_less_than_half_an_epoch_is_none(n_epochs):
    params = COMMON | {"max_iter": n_epochs}
    first = BackpropClassifier(**params).fit(X, y)
    tuned = BackpropClassifier(**params, refit="fine_tune").fit(X, y)
    assert np.array_equal(numbers(tuned), numbers(first)) == (n_epochs == 4)


class StopAt(Callback):
    def __init__(self, epoch, how):
        self.epoch, self.how = epoch, how

    def on_epoch_end(self, run):
        if run.clock.epoch == self.epoch and self.how == "interrupt":
            raise KeyboardInterrupt
        if run.clock.epoch == self.epoch:
            run.stop(self.how)


@pytest.mark.parametrize("how", ["interrupt", "diverged", "told_to"])
def test_a_training_that_was_stopped_does_not_go_on(how):
    params = COMMON | {"callbacks": [StopAt(10, how)], "n_iter_no_change": 99}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of the interruption
        first = BackpropClassifier(**params).fit(X, y)
        tuned = BackpropClassifier(**params, refit="fine_tune").fit(X, y)
    np.testing.assert_array_equal(numbers(tuned), numbers(first))


def test_one_that_diverges_leaves_the_weights_of_the_first(monkeypatch):
    first = BackpropClassifier(**COMMON).fit(X, y)

    def spoil(self, run):
        if run.clock.n_epochs < 25:
            self._diverge(run, self.last)

    monkeypatch.setattr(RestoreFinite, "on_epoch_end", spoil)
    with pytest.warns(UserWarning, match="second training.*failed.*those of the first"):
        tuned = BackpropClassifier(**COMMON, refit="fine_tune").fit(X, y)
    np.testing.assert_array_equal(numbers(tuned), numbers(first))


def test_the_budget_is_for_both(monkeypatch):
    seen = []
    make = budget.TimeBudget.__init__
    monkeypatch.setattr(
        budget.TimeBudget, "__init__", lambda self, s: (seen.append(s), make(self, s))[1]
    )
    BackpropClassifier(**COMMON, refit="fine_tune", time_budget=12.0).fit(X, y)
    assert seen == pytest.approx([10.0])


def test_going_on_afterwards():
    model = BackpropClassifier(**COMMON, refit="fine_tune", warm_start=True).fit(X, y)
    before = numbers(model).copy()
    model.fit(X, y)
    assert not np.array_equal(numbers(model), before)
    model.set_params(early_stopping=False, refit="auto").partial_fit(X, y)


def test_calibration_and_intervals_use_the_rows_held_out_before():
    params = packed(**COMMON | {"n_members": 3, "calibration": "temperature"})
    first = BackpropClassifier(**params).fit(X, y)
    tuned = BackpropClassifier(**params, refit="fine_tune").fit(X, y)
    assert tuned._fitted.temperature == first._fitted.temperature != 1
    first = BackpropRegressor(**COMMON).fit(A, b)
    tuned = BackpropRegressor(**COMMON, refit="fine_tune").fit(A, b)
    widths = [np.diff(model.predict_interval(A), axis=1) for model in (first, tuned)]
    np.testing.assert_allclose(*widths)
