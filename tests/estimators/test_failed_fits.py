"""Fits that fail or are interrupted: wherever it happens, nothing is lost and nothing has moved."""

import copy
import pickle

import numpy as np
import pytest

from skbackprop import BackpropRegressor
from skbackprop.nn.losses import LOSSES
from skbackprop.optim import Adam
from skbackprop.training.callbacks import EVENTS

from .common import unconverged

pytestmark = [unconverged, pytest.mark.filterwarnings("ignore::UserWarning")]

MODELS = {
    "plain": {"preset": "plain"},
    "momentum": {"preset": "plain", "solver": "sgd", "learning_rate": "adaptive"},
    "schedule_free": {"preset": "plain", "solver": "schedule_free"},
    "average": {"preset": "plain", "solver": Adam(averaging="ema"), "dropout": 0.1},
    "batch_norm": {"preset": "plain", "normalization": "batch"},
    "lbfgs": {"preset": "plain", "solver": "lbfgs"},
    "auto": {},
    "best": {"preset": "best", "n_members": 3},
    "refit": {"preset": "fast", "refit": True},
    "fine-tuned": {"preset": "fast", "refit": "fine_tune"},
    "stacks": {"hidden_layer_sizes": (1024,), "batch_size": 150, "n_members": 2},
}
MODEL = pytest.mark.parametrize("name", MODELS)
HOW = pytest.mark.parametrize("how", ["fit", "warm fit", "partial_fit"])
RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(160, 3)), RNG.normal(size=160)


class Fault:
    """Raises the error at call number `at`; armed only once."""

    def __init__(self, error, at):
        self.error, self.at = error, at

    def __call__(self, *arguments):
        self.at -= 1
        if self.at == 0:
            raise self.error

    def __deepcopy__(self, memo):
        return self  # copies count together


class FailingCallback:
    """A training callback with one method."""

    def __init__(self, event, fault):
        setattr(self, event, fault)


class FailingLoss:
    """The squared error, with a fault."""

    def __init__(self):
        self.loss, self.fault = LOSSES["squared_error"], None

    def __deepcopy__(self, memo):
        return self

    def __getattr__(self, name):
        return getattr(LOSSES["squared_error"], name)

    def value_and_delta(self, *arguments):
        if self.fault is not None:
            self.fault()
        return self.loss.value_and_delta(*arguments)

    def predict(self, scores):
        return self.loss.predict(scores)


class FailingScorer:
    """The score of the estimator, with a fault."""

    def __init__(self):
        self.fault = None

    def __deepcopy__(self, memo):
        return self

    def __call__(self, estimator, X, y):
        if self.fault is not None:
            self.fault()
        return estimator.score(X, y)


def model(name, how, **params):
    estimator = BackpropRegressor(
        **{"max_iter": 3, "random_state": 0, "warm_start": True, **MODELS[name], **params}
    )
    if how == "warm fit":
        estimator.fit(X, Y)
    elif how == "partial_fit":
        estimator.partial_fit(X, Y)
    return estimator


def call(estimator, how):
    return estimator.partial_fit(X, Y) if how == "partial_fit" else estimator.fit(X, Y)


def contents(estimator):
    """Everything that a model holds but its parameters, as bytes."""
    state = {k: v for k, v in vars(estimator).items() if k not in estimator.get_params()}
    return pickle.dumps(state)


def learned(estimator):
    """What was learned: predictions, and the history without the times."""
    columns = {k: v for k, v in estimator.history_.items() if k != "seconds"}
    return estimator.predict(X).tobytes(), repr(columns)


def runs(name, how):
    """Is this a call that exists?  L-BFGS has no `partial_fit`."""
    return not (name == "lbfgs" and how == "partial_fit")


def check_failure(estimator, how, arm, disarm):
    """A call that fails leaves everything as it was, and the next one goes on as without it."""
    control, before = copy.deepcopy(estimator), contents(estimator)
    arm()
    with pytest.raises(RuntimeError, match="injected"):
        call(estimator, how)
    disarm()
    assert contents(estimator) == before
    assert learned(call(estimator, how)) == learned(call(control, how))


@pytest.mark.parametrize("event", EVENTS)
@HOW
@MODEL
def test_a_failing_callback_leaves_everything_as_it_was(name, how, event):
    if not runs(name, how) or (name, event) in [("lbfgs", "on_epoch_begin")]:
        return
    if name == "lbfgs" and event == "on_batch_end":
        return  # L-BFGS has no batches
    estimator = model(name, how)
    several = event in ("on_epoch_begin", "on_epoch_end") and how != "partial_fit"
    fault = Fault(RuntimeError("injected"), at=2 if several else 1)
    check_failure(
        estimator,
        how,
        lambda: estimator.set_params(callbacks=[FailingCallback(event, fault)]),
        lambda: estimator.set_params(callbacks=None),
    )


@pytest.mark.parametrize("at", [1, 2, 5])
@HOW
@MODEL
def test_a_failing_loss_leaves_everything_as_it_was(name, how, at):
    if not runs(name, how):
        return
    loss = FailingLoss()
    estimator = model(name, how, loss=loss, batch_size=20)
    check_failure(
        estimator,
        how,
        lambda: setattr(loss, "fault", Fault(RuntimeError("injected"), at)),
        lambda: setattr(loss, "fault", None),
    )


@pytest.mark.parametrize("at", [1, 2])
@pytest.mark.parametrize("how", ["fit", "warm fit"])
@pytest.mark.parametrize("name", ["plain", "lbfgs", "auto", "best", "refit"])
def test_a_failing_scorer_leaves_everything_as_it_was(name, how, at):
    scorer = FailingScorer()
    estimator = model(name, how, scoring=scorer, early_stopping=True)
    check_failure(
        estimator,
        how,
        lambda: setattr(scorer, "fault", Fault(RuntimeError("injected"), at)),
        lambda: setattr(scorer, "fault", None),
    )


def check_history(estimator):
    """Complete epochs only, counted from 1, and the best one in its row."""
    history, best = estimator.history_, estimator.best_iter_
    assert history["epoch"] == list(range(1, len(history["epoch"]) + 1))
    assert {len(column) for column in history.values()} == {len(history["epoch"])}
    assert None not in history["loss"] + history["seconds"]
    assert 0 <= best <= len(history["epoch"])
    if best:
        assert history["epoch"][best - 1] == best
    assert np.isfinite(estimator.predict(X)).all()


@pytest.mark.parametrize("at", [1, 2, 3])
@pytest.mark.parametrize("event", EVENTS[:-1])
@HOW
@MODEL
def test_an_interrupted_fit_has_complete_epochs(name, how, event, at):
    if not runs(name, how):
        return
    estimator = model(name, how)
    fault = Fault(KeyboardInterrupt, at)
    call(estimator.set_params(callbacks=[FailingCallback(event, fault)]), how)
    assert estimator.interrupted_ == (fault.at <= 0)
    check_history(estimator)
    n_epochs = len(estimator.history_["epoch"])
    call(estimator.set_params(callbacks=None), how)
    check_history(estimator)
    assert len(estimator.history_["epoch"]) > n_epochs


@pytest.mark.parametrize("at", [1, 4, 9, 20, 30])
@HOW
@MODEL
def test_a_fit_interrupted_in_its_loss_has_complete_epochs(name, how, at):
    if not runs(name, how):
        return
    loss = FailingLoss()
    estimator = model(name, how, loss=loss, batch_size=20)
    loss.fault = fault = Fault(KeyboardInterrupt, at)
    before = contents(estimator)
    try:
        call(estimator, how)
    except KeyboardInterrupt:  # before the first epoch or after the last one
        assert contents(estimator) == before
        return
    assert estimator.interrupted_ or fault.at > 0
    check_history(estimator)
    loss.fault = None
    check_history(call(estimator, how))


def test_an_interrupt_at_the_very_end_leaves_everything_as_it_was():
    estimator = model("auto", "warm fit")
    before = contents(estimator)
    fault = Fault(KeyboardInterrupt, at=1)
    with pytest.raises(KeyboardInterrupt):
        estimator.set_params(callbacks=[FailingCallback("on_train_end", fault)]).fit(X, Y)
    assert contents(estimator.set_params(callbacks=None)) == before


@pytest.mark.parametrize("at", [2, 5])
def test_an_interrupt_ends_the_stacks_that_have_not_begun(at):
    fault, epochs = Fault(KeyboardInterrupt, at), []

    class Watch(FailingCallback):
        def on_epoch_begin(self, run):
            epochs.append(run.clock.epoch)

    watch = Watch("on_epoch_end", fault)
    estimator = model("stacks", "fit", callbacks=[watch], n_members=3).fit(X, Y)
    assert len(epochs) == at
    assert estimator.interrupted_
    assert estimator.n_iter_ == min(at, 3)
    assert np.isfinite(estimator.best_validation_score_)
    first, second, third = estimator.coefs_[0]
    assert not np.array_equal(first, second)
    # Members without an epoch are copies of trained ones.
    assert np.array_equal(first, third) == (at < 3)
    estimator.set_params(callbacks=None).fit(X, Y)
    check_history(estimator)
    first, second, third = estimator.coefs_[0]
    assert not np.array_equal(first, third)
