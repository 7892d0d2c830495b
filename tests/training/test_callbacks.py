"""Callbacks one by one: what each does to a run whose epochs are made up."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skbackprop.nn import ACTIVATIONS, Dense, Network
from skbackprop.nn.architectures import Extras, mlp
from skbackprop.nn.initializers import Constant
from skbackprop.optim import WeightAverage
from skbackprop.training import Run
from skbackprop.training.callbacks import (
    ReduceOnPlateau,
    StopOnPlateau,
    TimeBudget,
    WarmRestart,
    budget,
    loss_fell,
    score_or_loss_improved,
    score_rose,
)
from skbackprop.training.callbacks.replay import ReplayLearningRates, RestoreEpochs
from skbackprop.training.callbacks.restarts import ReplayRestarts

NAN = np.nan


def start(max_epochs=100, epochs_before=0, members=None, n_steps=5):
    """A run that begins a call, the second one if there were epochs before."""
    if members is None:
        layer = Dense(1, 1, bias=False, init=Constant(1.0))
    else:
        layer = mlp(1, (), 1, activations=[ACTIVATIONS["identity"]], extras=Extras(members=members))
    network = Network(layer)
    network.initialize(np.random.RandomState(0))
    run = Run(network, np.random.RandomState(0))
    run.clock.n_steps = n_steps
    for _ in range(epochs_before):
        add(run, loss=1.0, validation_loss=0.01)
    run.begin()
    run.max_epochs, run.clock.n_epochs = max_epochs, epochs_before + max_epochs
    return run


def add(run, **values):
    """The records of an epoch."""
    run.clock.step += run.clock.n_steps
    run.clock.epoch += 1
    run.history.add(epoch=run.clock.epoch, **values)


def epochs(callback, run, name, values):
    """Epochs with these values, until training ends; returns how many there were."""
    for event in ("on_train_begin", "on_epoch_begin"):
        getattr(callback, event, lambda run: None)(run)
    n = 0
    for value in values:
        n += 1
        add(run, **(value if isinstance(value, dict) else {name: value}))
        callback.on_epoch_end(run)
        if run.stop_reason is not None:
            break
    return n


# ---- early stopping ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("monitor", "name", "sign"),
    [(loss_fell, "loss", 1), (score_rose, "validation_score", -1)],
)
@pytest.mark.parametrize(
    ("values", "n"),
    [
        ([1.0] * 9, 4),  # the first, and more than two without improvement
        ([1.0, 1.0, 1.0, 0.7, 0.7, 0.7, 0.7, 0.7], 7),  # in a row
        ([1.0, 0.75, 0.5, 0.25, 0.125, 0.125, 0.125], 7),  # by the tolerance exactly, then less
        ([1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3], None),  # two or three steps add up to it
        ([1.0, NAN, NAN, NAN, NAN, NAN], 4),
        ([NAN, 1.0, NAN, NAN, 0.5, NAN, NAN, NAN], 8),
        ([0.0, 5.0, -5.0, 0.0, 0.0, 0.0, 0.0], 6),
    ],
)
def test_training_stops_after_more_than_the_epochs_of_patience(monitor, name, sign, values, n):
    run, callback = start(), StopOnPlateau(monitor, 0.25, 2)
    n_epochs = epochs(callback, run, name, [sign * value for value in values])
    assert n_epochs == (n or len(values))
    assert run.stop_reason == ("no_improvement" if n else None)
    if n:
        assert run.messages[0].endswith("tol=0.250000 for 2 consecutive epochs. Stopping.")


def test_a_score_or_a_loss_that_improves_is_enough():
    run, callback = start(), StopOnPlateau(score_or_loss_improved, 0.25, 1)
    values = [
        {"validation_score": 0.5, "validation_loss": 1.0},
        {"validation_score": 0.5, "validation_loss": 0.75},  # the loss
        {"validation_score": 0.5, "validation_loss": 0.75},
        {"validation_score": 0.75, "validation_loss": 9.0},  # the score
        {"validation_score": 0.75, "validation_loss": 0.75},  # neither: the best loss was 0.75
        {"validation_score": 0.75, "validation_loss": 0.75},
        {"validation_score": 9.0, "validation_loss": 0.0},
    ]
    assert epochs(callback, run, "", values) == 6


# ---- dividing the learning rate ------------------------------------------------------------------


def test_the_rate_is_divided_again_after_another_plateau():
    run, callback = start(), ReduceOnPlateau(loss_fell, 0.25, 1, factor=4.0)
    run.lr = 1.0
    scales = []
    for loss in (0.5, 0.5, 0.5, 0.9, 0.9, 0.9):  # after a division 0.9 is a new reference
        epochs(callback, run, "loss", [loss])
        scales.append(run.lr_scale)
    assert scales == [1, 1, 1 / 4, 1 / 4, 1 / 4, 1 / 16]
    assert len(run.messages) == 2
    assert run.messages[0].endswith("Setting learning rate to 0.250000")


@pytest.mark.parametrize(("lr", "stops"), [(1e-6, True), (1.001e-6, False)])
def test_at_the_smallest_rate_training_stops(lr, stops):
    run, callback = start(), ReduceOnPlateau(loss_fell, 0.25, 1)
    run.lr = lr
    epochs(callback, run, "loss", [1.0] * 3)
    assert run.stop_reason == ("learning_rate_too_small" if stops else None)
    assert run.lr_scale == (1.0 if stops else 0.2)


# ---- a time budget -------------------------------------------------------------------------------


@pytest.fixture
def spend(monkeypatch):
    """Lets seconds pass."""
    now = [0.0]
    monkeypatch.setattr(budget, "perf_counter", lambda: now[0])

    def spend(seconds):
        now[0] += seconds

    return spend


@pytest.mark.parametrize("before", [0, 7])
def test_a_plan_is_shortened_by_the_mean_time_of_an_epoch(before, spend):
    run, callback = start(20, before), TimeBudget(30.0)
    callback.on_train_begin(run)
    planned = []
    for seconds in (1.0, 3.0, 2.0, 4.0):
        spend(seconds)
        add(run, loss=1.0)
        callback.on_epoch_end(run)
        planned.append(run.max_epochs)
    assert planned == [20, 15, 15, 12]  # of 30 s with 1, 2, 2 and 2.5 s for an epoch
    assert run.clock.n_epochs == before + 12
    assert run.stop_reason is None
    for _ in range(8):
        spend(2.5)
        add(run, loss=1.0)
        callback.on_epoch_end(run)
    assert run.stop_reason == "time_budget"


def test_a_plan_that_fits_is_left_alone(spend):
    run, callback = start(3), TimeBudget(30.0)
    callback.on_train_begin(run)
    for _ in range(3):
        spend(1.0)
        add(run, loss=1.0)
        callback.on_epoch_end(run)
    assert (run.max_epochs, run.stop_reason) == (3, None)


def test_training_ends_when_the_time_is_over(spend):
    """Also in the epoch that would have been the last one."""
    run, callback = start(2), TimeBudget(10.0)
    callback.on_train_begin(run)
    spend(5.0)
    add(run, loss=1.0)
    callback.on_epoch_end(run)
    assert (run.max_epochs, run.stop_reason) == (2, None)
    spend(5.0)
    add(run, loss=1.0)
    callback.on_epoch_end(run)
    assert run.stop_reason == "time_budget"


def test_seconds_before_the_call_do_not_count(spend):
    spend(1000.0)
    run, callback = start(4), TimeBudget(10.0)
    callback.on_train_begin(run)
    spend(1.0)
    add(run, loss=1.0)
    callback.on_epoch_end(run)
    assert (run.max_epochs, callback.spent) == (4, 1.0)


# ---- following another run -----------------------------------------------------------------------


def weights(run):
    return np.ravel(run.network.theta)


def test_each_member_gets_the_weights_of_its_own_epoch():
    run, callback = start(members=2), RestoreEpochs([3, 2])
    callback.on_train_begin(run)
    for epoch in (1, 2, 3, 4):
        run.network.theta[...] = epoch
        add(run, loss=1.0)
        callback.on_epoch_end(run)
        if run.stop_reason:
            break
    assert (epoch, run.stop_reason) == (3, "chosen_epoch")
    run.network.theta[...] = 99.0
    callback.on_train_end(run)
    p = getattr(run.network.p, run.network.layer.named[-1][0])
    assert_array_equal(p.W.ravel(), [3, 2])
    assert run.best_epoch == 3


def test_an_average_is_what_is_kept():
    run, callback = start(), RestoreEpochs([1])
    run.average = WeightAverage()
    callback.on_train_begin(run)
    run.average.update(np.array([5.0]))
    run.network.theta[...] = 7.0
    add(run, loss=1.0)
    callback.on_epoch_end(run)
    callback.on_train_end(run)
    assert_array_equal(weights(run), [5])


@pytest.mark.parametrize(
    ("reason", "failed", "expected"),
    [("max_iter", False, 1), ("converged", False, 9), ("abnormal", False, 9), (None, True, 9)],
)
def test_an_epoch_that_is_not_reached(reason, failed, expected):
    """The weights are those of the start, but where L-BFGS has arrived, and after an error."""
    run, callback = start(), RestoreEpochs([5])
    callback.on_train_begin(run)
    run.network.theta[...] = 9.0
    add(run, loss=1.0)
    callback.on_epoch_end(run)
    assert run.stop_reason is None
    run.stop_reason, run.failed = reason, failed
    callback.on_train_end(run)
    assert_array_equal(weights(run), [expected])


@pytest.mark.parametrize("before", [0, 2])
def test_rates_are_scaled_by_the_epoch_of_all_calls(before):
    run, callback = start(epochs_before=before), ReplayLearningRates([1.0, 0.5, 0.25, 0.125])
    found = []
    for _ in range(5):
        callback.on_epoch_begin(run)
        found.append(run.lr_scale)
        add(run, loss=1.0)
    assert found == [1.0, 0.5, 0.25, 0.125, 0.125, 0.125, 0.125][before : before + 5]


# ---- warm restarts -------------------------------------------------------------------------------

FALLS = [1.0, 0.9, 0.7, 0.5]  # from 0.9 in the first half to 0.5


def restarted(losses, max_epochs=4, before=0, **params):
    run = start(max_epochs, before)
    epochs(WarmRestart(**({"gain": 0.1} | params)), run, "validation_loss", losses)
    return run


@pytest.mark.parametrize("before", [0, 6])
def test_a_restart_begins_the_schedule_anew(before):
    run = restarted(FALLS, before=before, factor=3)
    assert (run.restarts, run.max_epochs) == ([4], 4 + 12)
    assert run.clock.first_step == (before + 4) * 5
    assert run.clock.n_epochs == before + 16
    assert run.clock.progress == 0


@pytest.mark.parametrize(
    ("losses", "params", "n"),
    [
        (FALLS, {}, 1),
        ([0.5, 0.9, 0.7, 0.6], {}, 0),  # not below the best of the first half
        ([1.0, 1.0, 1.0, 0.9], {}, 0),  # by the part of the gain, and not more
        ([1.0, 1.0, 1.0, 0.89], {}, 1),
        ([10.0, 10.0, 10.0, 9.5], {}, 0),  # by more than 0.1, but by a part that is less
        ([0.1, 0.1, 0.1, 0.05], {}, 1),
        (FALLS, {"least": 0.4}, 1),
        (FALLS, {"least": 0.41}, 0),  # a fall of 0.4
        ([9.0, 9.0, 1.0, 0.5], {"least": 0.51}, 0),  # a loss that is negligible
        ([None, 0.9, None, 0.5], {}, 1),  # evaluated every other epoch
        ([None, None, None, 0.5], {}, 0),
        ([1.0, 1.0, NAN, NAN], {}, 0),
        ([0.0, 0.0, 0.0, 0.0], {}, 0),
    ],
)
def test_a_restart_has_to_pay(losses, params, n):
    assert len(restarted(losses, **params).restarts) == n


def test_the_fall_is_that_of_the_last_schedule():
    """And of this call: losses before do not count."""
    rest = [0.4] * 4 + [0.3] * 4  # of the second schedule, with twice as many epochs
    assert restarted(FALLS + rest).restarts == [4, 12]
    assert restarted(FALLS + [0.5] * 8).restarts == [4]
    assert restarted(FALLS, before=4).restarts == [4]


def test_there_are_no_more_restarts_than_allowed():
    losses = list(0.8 ** np.arange(200))
    for most in (0, 1, 3):
        assert len(restarted(losses, max_restarts=most).restarts) == most


def test_a_run_that_has_ended_is_not_restarted():
    run = start(4)
    for loss in FALLS:
        add(run, validation_loss=loss)
    run.stop("no_improvement")
    callback = WarmRestart(gain=0.1)
    callback.on_train_begin(run)
    callback.on_epoch_end(run)
    assert run.restarts == []


@pytest.mark.parametrize("before", [0, 3])
def test_restarts_are_replayed_where_they_were(before):
    run = start(4, before)
    epochs(ReplayRestarts([4, 12, 28]), run, "loss", [1.0] * 30)
    assert (run.restarts, run.max_epochs) == ([4, 12], 28)
    assert run.clock.first_step == (before + 12) * 5
    assert run.clock.n_epochs == before + 28
