"""Groups of members: runs side by side, put together at the end."""

import threading

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skbackprop.nn.activations import ACTIVATIONS
from skbackprop.nn.architectures import Extras, mlp
from skbackprop.nn.losses import LOSSES
from skbackprop.nn.network import Network
from skbackprop.optim import OPTIMIZERS, SCHEDULES
from skbackprop.training import Batches, Plan, Rows, Run, train
from skbackprop.training.callbacks import Callback, RestoreBest, Validation, WarmRestart
from skbackprop.training.history import History
from skbackprop.training.parallel_members import (
    LARGE,
    load_members,
    merge_runs,
    stack_sizes,
    train_in_parallel,
)

SIZES = [2, 1]
LOSS = LOSSES["squared_error"]
rng = np.random.default_rng(0)
X = rng.normal(size=(40, 3))
T = X[:, :1] * X[:, 1:2] + 0.1 * rng.normal(size=(40, 1))


def network_of(members, seed=0):
    network = Network(
        mlp(3, (5,), 1, activations=[ACTIVATIONS["tanh"]], extras=Extras(members=members))
    )
    network.initialize(np.random.RandomState(seed))
    return network


def start(sizes=SIZES, epochs=4, callbacks=()):
    runs = [Run(network_of(size, i), np.random.RandomState(i)) for i, size in enumerate(sizes)]
    plans = [
        Plan(
            LOSS,
            Batches(Rows(X, T), 8, members=[np.arange(m, 40) for m in range(size)]),
            optimizer=OPTIMIZERS["adam"](),
            learning_rate=0.02,
            max_epochs=epochs,
            callbacks=callbacks,
        )
        for size in sizes
    ]
    return plans, runs


def test_sizes():
    assert stack_sizes(8, LARGE) == [4, 4]
    assert stack_sizes(5, LARGE) == [3, 2]
    assert stack_sizes(1, LARGE) == [1]
    assert stack_sizes(7, LARGE, 3) == [3, 2, 2]
    assert stack_sizes(7, LARGE // 7) == [7]
    assert stack_sizes(7, LARGE // 7 + 1) == [4, 3]


@pytest.mark.parametrize("n_threads", [1, 2, 8])
def test_the_number_of_threads_makes_no_difference(n_threads):
    plans, runs = start()
    train_in_parallel(plans, runs, n_threads=n_threads)
    for plan, run, alone in zip(*start(), runs, strict=True):
        train(plan, run)
        assert_array_equal(run.network.theta, alone.network.theta)


def test_members_learn_what_they_would_learn_alone():
    plans, (run,) = start([1])
    train(plans[0], run)
    alone = Run(
        Network(mlp(3, (5,), 1, activations=[ACTIVATIONS["tanh"]])), np.random.RandomState(0)
    )
    alone.network.theta[...] = network_of(1).theta
    plain = Plan(
        LOSS,
        Batches(Rows(X, T), 8),
        optimizer=OPTIMIZERS["adam"](),
        learning_rate=0.02,
        max_epochs=4,
    )
    train(plain, alone)
    np.testing.assert_allclose(run.network.theta, alone.network.theta, rtol=1e-9)
    np.testing.assert_allclose(run.history["loss"], alone.history["loss"], rtol=1e-9)


def test_gathered_and_scattered():
    plans, runs = start()
    train_in_parallel(plans, runs, n_threads=1)
    whole = Run(network_of(3), np.random.RandomState(0))
    merge_runs(whole, runs, SIZES)
    both = np.concatenate([run.network.scores(X) for run in runs])
    assert_array_equal(whole.network.scores(X), both)
    assert len(whole.history) == 4
    assert whole.history["loss"][0] == np.mean([run.history["loss"][0] for run in runs])
    whole.network.theta += 1
    load_members(whole, runs, SIZES)
    both = np.concatenate([run.network.scores(X) for run in runs])
    assert_array_equal(whole.network.scores(X), both)


def test_a_group_that_fails_stops_the_others_and_is_heard():
    class Fail(Callback):
        def on_epoch_end(self, run):
            if run.network.layer.layers[0].k == 1:
                raise RuntimeError("mine")

    plans, runs = start(epochs=100_000, callbacks=[Fail()])
    with pytest.raises(RuntimeError, match="mine"):
        train_in_parallel(plans, runs, n_threads=2)
    assert runs[0].n_epochs < 100_000
    assert not [t for t in threading.enumerate() if t.name.startswith("skbackprop-members")]


def test_each_member_keeps_its_own_best_weights():
    folds = [np.arange(0, 8), np.arange(8, 15)]  # not of one length
    keep = RestoreBest(Validation(Rows(X, T), folds), LOSS)
    seen = []

    class Note(Callback):
        def on_epoch_end(self, run):
            losses, _ = keep.evaluate(run.network)
            seen.append((losses, run.network.theta.copy()))

    plans, runs = start([2], epochs=25, callbacks=[keep, Note()])
    plans[0].learning_rate = 0.1  # up and down
    train(plans[0], runs[0])
    losses = np.array([loss for loss, _ in seen])
    for m, fold in enumerate(folds):
        by_hand = 0.5 * np.mean((runs[0].network.scores(X[fold])[m] - T[fold]) ** 2)
        assert by_hand == pytest.approx(losses[:, m].min(), rel=1e-12)
    assert keep.best_epochs.tolist() == (losses.argmin(axis=0) + 1).tolist()
    assert len(set(keep.best_epochs.tolist())) == 2  # or the test says little


@pytest.mark.parametrize("folds", [
    [np.arange(0, 8), np.arange(8, 15)],
    [np.arange(3, 12)] * 2,
])  # fmt: skip
def test_rows_held_out_are_judged_alike_however_many_are_gathered_at_once(folds, monkeypatch):
    from skbackprop.training.callbacks import restore

    _, runs = start([2])
    rows, network = Rows(X, T, np.linspace(0.5, 2.0, len(X))), runs[0].network
    whole = Validation(rows, folds)
    monkeypatch.setattr(restore, "CACHED", 4 * X.shape[1])
    parts = Validation(rows, folds)
    assert (whole.cached is None, parts.cached is None) == (False, True)
    assert parts.losses(network, LOSS) == pytest.approx(whole.losses(network, LOSS), rel=1e-12)
    for a, b in zip(parts.held_out(network), whole.held_out(network), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)


class Scripted(Callback):
    """Validation losses that were decided before."""

    def __init__(self, losses):
        self.losses = losses

    def on_epoch_end(self, run):
        run.history.set("validation_loss", self.losses[min(run.n_epochs, len(self.losses)) - 1])


@pytest.mark.parametrize(
    ("losses", "n_epochs"),
    [
        ([4, 3, 2, 1], 12),  # falls in the second half: 4 + 8 epochs, flat in those
        ([4, 3, 2.99, 2.98], 4),  # flat
        ([4, 3, 2, 1, 1, 1, 1, 1, 0.5], 28),  # 4, then 8, then 16, and no more than three
        ([4, None, None, 1], 12),  # not looked at every epoch
    ],
)
def test_another_round_if_the_last_one_paid(losses, n_epochs):
    plans, runs = start([1], epochs=4, callbacks=[Scripted(losses), WarmRestart(max_restarts=2)])
    train(plans[0], runs[0])
    assert runs[0].n_epochs == n_epochs
    assert runs[0].stop_reason == "max_iter"
    assert runs[0].clock.first_step in (0, 4 * 5, 12 * 5)


@pytest.mark.parametrize(
    ("losses", "n_epochs"),
    [
        ([0.4, 0.3, 0.2, 0.1], 12),
        ([0.4, 0.3, 0.002, 0.001], 4),  # negligible
        ([0.4, 0.0115, 0.011, 0.0101], 4),  # a fall by a tenth, but by less than 0.002
        ([0.4, 0.3, 0.2, 0.1, 0.1, 0.1, 0.1, 0.1, 0.05, 0.001], 12),  # negligible later
    ],
)
def test_no_other_round_for_a_negligible_loss_or_gain(losses, n_epochs):
    restart = WarmRestart(max_restarts=2, least=0.002)
    plans, runs = start([1], epochs=4, callbacks=[Scripted(losses), restart])
    train(plans[0], runs[0])
    assert runs[0].n_epochs == n_epochs


@pytest.mark.parametrize(
    ("seconds", "n_epochs", "reason"),
    [
        (100, 8, "max_iter"),  # a second each: there is time for all
        (5.5, 5, "time_budget"),
        (0.5, 1, "time_budget"),  # one at least
    ],
)
def test_a_plan_is_shortened_to_what_there_is_time_for(seconds, n_epochs, reason, monkeypatch):
    from skbackprop.training.callbacks import budget

    plans, runs = start([1], epochs=8, callbacks=[budget.TimeBudget(seconds)])
    plans[0].schedule = SCHEDULES["cosine"]()
    monkeypatch.setattr(budget, "perf_counter", lambda: float(runs[0].clock.epoch))
    train(plans[0], runs[0])
    assert (runs[0].n_epochs, runs[0].stop_reason) == (n_epochs, reason)
    if n_epochs > 1:  # the schedule has come to its end all the same
        assert runs[0].lr < 0.1 * 0.02


def test_histories_of_unequal_length():
    from skbackprop.training.parallel_members import mean_history

    long, short = History(), History()
    for epoch, loss in enumerate([3.0, 2.0, 1.0], 1):
        long.add(epoch=epoch, loss=loss)
    short.add(epoch=1, loss=1.0)
    assert mean_history([long, short])["loss"] == [2.0, 2.0, 1.0]
    assert mean_history([long, short])["epoch"] == [1, 2, 3]


class Stop(Callback):
    """Ends training in an epoch, in the way that is asked for."""

    def __init__(self, epoch, error=None):
        self.epoch, self.error = epoch, error

    def on_epoch_end(self, run):
        if run.n_epochs == self.epoch:
            if self.error is not None:
                raise self.error
            run.stop("enough")


def test_after_ctrl_c_no_other_stack_begins():
    plans, runs = start([2, 1])
    plans[0].callbacks = [Stop(1, KeyboardInterrupt())]
    train_in_parallel(plans, runs, n_threads=1)
    assert [(run.interrupted, run.stop_reason) for run in runs] == [(True, "interrupted")] * 2
    assert runs[1].clock.epoch == 0


def test_members_that_did_not_begin_are_copies_of_those_that_did():
    """Of two that have trained three become the first, the second and the first."""
    plans, runs = start([2, 3])
    train(plans[0], runs[0])
    whole = Run(network_of(5), np.random.RandomState(0))
    merge_runs(whole, runs, [2, 3])
    W = getattr(whole.network.p, whole.network.layer.named[0][0]).W
    assert_array_equal(W[2:], W[[0, 1, 0]])
    assert (W[0] != W[1]).any()


@pytest.mark.parametrize("longer", [0, 1])
def test_the_clock_is_that_of_the_stack_that_trained_longest(longer):
    plans, runs = start([1, 1])
    for i, (plan, run) in enumerate(zip(plans, runs, strict=True)):
        plan.callbacks = [Stop(4 if i == longer else 2)]
        train(plan, run)
    whole = Run(network_of(2), np.random.RandomState(0))
    merge_runs(whole, runs, [1, 1])
    assert whole.clock == runs[longer].clock
    assert len(whole.history) == 4
    assert whole.best_epoch == 4


@pytest.mark.parametrize(("best", "expected"), [((3, 0), 0), ((3, 2), 3)])
def test_a_stack_that_diverged_at_once_is_not_averaged_with_others(best, expected):
    plans, runs = start([1, 1])
    for plan, run, epoch in zip(plans, runs, best, strict=True):
        train(plan, run)
        run.best_epoch = epoch
    runs[1].stop_reason = "diverged"
    whole = Run(network_of(2), np.random.RandomState(0))
    merge_runs(whole, runs, [1, 1])
    assert (whole.best_epoch, whole.stop_reason) == (expected, "diverged")
