"""The probe and the range test: they choose well, always the same, and leave no trace."""

import pickle
from copy import deepcopy
from dataclasses import replace
from math import inf, sqrt

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.datasets import load_diabetes, load_digits

from skbackprop.nn import ACTIVATIONS, LOSSES, Dense, Network, mlp
from skbackprop.nn.architectures import Extras
from skbackprop.optim import SGD, Adam, Cosine, ExponentialAverage, Polynomial, ScheduleFree
from skbackprop.training import Batches, Plan, Rows, Run, train
from skbackprop.training.callbacks import Callback
from skbackprop.training.dry_run import LossRecorder, dry_run
from skbackprop.training.probe import (
    FACTORS,
    FARTHEST,
    FEWEST_STEPS,
    MOST_EPOCHS,
    N_EVALUATED,
    RangeTest,
    best_rate,
    best_third,
    hold_out,
    mean_loss,
    probe_learning_rate,
    range_test,
    widen,
)

SQUARED = LOSSES["squared_error"]


def table(n=200, n_in=3, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, n_in))
    return x, np.sin(x[:, :1]) + 0.1 * rng.normal(size=(n, 1))


def start(layer=None, *, extras=None, batches=None, **changes):
    """A plan and a run."""
    x, target = table()
    extras = extras or Extras()
    layer = layer or mlp(3, (8,), 1, activations=[ACTIVATIONS["tanh"]], extras=extras)
    network = Network(layer)
    network.initialize(np.random.RandomState(0))
    changes = deepcopy({"optimizer": Adam(), **changes})  # an average belongs to one run
    plan = Plan(SQUARED, batches or Batches(Rows(x, target), batch_size=20), **changes)
    return plan, Run(network, np.random.RandomState(1))


def state(plan, run):
    return pickle.dumps((run, plan.average, plan.batches.rows.x, plan.batches.rows.target))


SETUPS = {
    "adam": {},
    "sgd": {"optimizer": SGD(), "learning_rate": 0.01},
    "cosine": {"schedule": Cosine()},
    "average": {"average": ExponentialAverage()},
    "schedule-free": {"optimizer": ScheduleFree()},
    "dropout": {"extras": Extras(dropout=0.2), "has_dropout": True},
    "batch norm": {"extras": Extras(normalization="batch")},
    "members": {"extras": Extras(members=2)},
    "decay": {"alpha": 0.1, "weight_decay": 0.1, "max_grad_norm": 1.0},
    "scheduled": {
        "scheduled": {"dropout": Cosine()},
        "extras": Extras(dropout=0.2),
        "has_dropout": True,
    },
}
EACH = pytest.mark.parametrize("setup", SETUPS.values(), ids=SETUPS.keys())
LOOKS = pytest.mark.parametrize("look", [probe_learning_rate, range_test])


@EACH
@LOOKS
def test_a_look_leaves_no_trace(look, setup):
    plan, run = start(**setup)
    before = state(plan, run)
    look(plan, run, n_steps=12)
    assert state(plan, run) == before
    assert run.passes == {}
    train(replace(plan, max_epochs=2), run)  # a run in the middle of training
    before = state(plan, run)
    look(plan, run, n_steps=12)
    assert state(plan, run) == before


@EACH
@LOOKS
def test_training_goes_on_as_without_a_probe(look, setup):
    thetas = []
    for looking in (False, True):
        plan, run = start(**setup)
        plan.max_epochs = 2
        if looking:
            look(plan, run, n_steps=12)
        train(plan, run)
        if looking:
            look(plan, run, n_steps=12)
        train(plan, run)
        thetas.append(run.network.theta)
    np.testing.assert_array_equal(*thetas)


@EACH
def test_the_choice_is_a_function_of_plan_and_run(setup):
    first, second = (probe_learning_rate(*start(**setup), n_steps=12) for _ in range(2))
    assert first == second
    plan, run = start(**setup)
    tests = [range_test(plan, run, n_steps=30) for _ in range(2)]
    np.testing.assert_array_equal(tests[0].losses, tests[1].losses)


def test_a_noisy_run_hears_the_same_noise_each_time():
    plan, run = start(**SETUPS["dropout"])
    run.dropout_rng = np.random.default_rng(3)
    probes = [probe_learning_rate(plan, run, n_steps=10) for _ in range(2)]
    assert probes[0] == probes[1]
    assert run.dropout_rng.integers(1000) == np.random.default_rng(3).integers(1000)


def test_the_tries_are_those_of_successive_halving():
    plan, run = start(learning_rate=2e-3, max_epochs=100)
    probe = probe_learning_rate(plan, run, n_steps=15)
    first = [t for t in probe.tries if t.n_steps == 15]
    second = [t for t in probe.tries if t.n_steps == 30]
    rates = [t.learning_rate for t in first]
    assert rates[:7] == [2e-3 * factor for factor in FACTORS]
    third = best_third({t.learning_rate: t.loss for t in first})
    assert [t.learning_rate for t in second] == third
    assert len(third) == 3
    assert probe.tries == (*first, *second)
    best = best_rate({t.learning_rate: t.loss for t in second})
    assert probe.learning_rate == pytest.approx(best / sqrt(1000 / 30))


def test_a_try_is_what_training_would_be():
    """With a straight line to zero, from the same start, on the same batches."""
    plan, run = start()
    judge = mean_loss(SQUARED, Rows(*table(50, seed=5)))
    probe = probe_learning_rate(plan, run, evaluate=judge, n_steps=20, factors=[1.0])
    copy = deepcopy(run)
    train(replace(plan, max_epochs=2, schedule=Polynomial()), copy)
    assert [t.loss for t in probe.tries] == [judge(copy.network)]


def test_equal_steps_need_no_correction():
    plan, run = start(max_epochs=1)
    probe = probe_learning_rate(plan, run, factors=[1.0], n_steps=10)
    assert probe.learning_rate == plan.learning_rate
    plan.max_epochs = 4
    assert probe_learning_rate(plan, run, factors=[1.0], n_steps=10).learning_rate == pytest.approx(
        plan.learning_rate / 2
    )
    plan.max_epochs = 10**6
    assert probe_learning_rate(plan, run, factors=[1.0], n_steps=10).learning_rate == pytest.approx(
        plan.learning_rate / sqrt(FARTHEST)
    )


@pytest.mark.parametrize(
    ("max_epochs", "horizon", "n_steps"),
    [
        (10, None, FEWEST_STEPS),
        (85, None, 34),  # of 850
        (10_000, None, 10 * MOST_EPOCHS),
        (1, 85, 34),
    ],
)
def test_the_first_tries_are_a_part_of_the_plan(max_epochs, horizon, n_steps):
    plan, run = start(max_epochs=max_epochs, horizon=horizon)
    assert probe_learning_rate(plan, run, factors=[1.0]).tries[0].n_steps == n_steps


def test_the_best_of_the_losses():
    assert best_rate({1: 0.5, 2: 0.504, 4: 0.506}) == 2
    assert best_rate({1: -0.5, 2: -0.496, 4: -0.49}) == 2
    assert best_rate({1: 0.5, 2: inf}) == 1
    assert best_rate({2: inf, 1: inf}) == 1
    assert best_rate({1: 0.0, 2: 0.0}) == 2
    assert best_third({1: 3.0, 2: 1.0, 4: 1.0, 8: inf}) == [1, 2, 4]
    assert best_third({1: 2.0, 2: 1.0, 4: 2.0, 8: 2.0}) == [2, 4, 8]
    assert best_third({i: float(i) for i in range(14)}) == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("best", "tried"),
    [
        (32.0, [8.0, 16.0, 32.0, 64.0]),
        (1 / 4, [1 / 4, 1 / 8]),
        (1e6, [8.0, 16.0, 32.0, 64.0]),  # not for ever
        (2.0, []),
    ],
)
def test_rates_beyond_the_first_ones(best, tried):
    asked = []

    def loss(rate):
        asked.append(rate)
        return 1 + np.log(rate / best) ** 2

    losses = widen({rate: loss(rate) for rate in (0.5, 1.0, 2.0, 4.0)}, loss)
    assert asked[4:] == tried
    assert sorted(losses) == sorted(asked)


@pytest.mark.parametrize("base", [1e-9, 1.0, 1e6])
def test_a_base_that_is_far_off_is_left_behind(base):
    plan, run = start(optimizer=SGD(momentum=0.0), learning_rate=base, max_epochs=10)
    probe = probe_learning_rate(plan, run)
    assert (probe.learning_rate > 8 * base) if base < 1 else (probe.learning_rate < base)


def test_divergence_is_an_infinite_loss():
    plan, run = start(optimizer=SGD(), learning_rate=1e150)
    probe = probe_learning_rate(plan, run, factors=[1e-151, 1.0])
    assert [np.isfinite(t.loss) for t in probe.tries[-2:]].count(False) >= 1
    assert probe.learning_rate < 1
    hopeless = probe_learning_rate(plan, run, factors=[1.0, 2.0], n_steps=10)
    assert all(t.loss == inf for t in hopeless.tries)
    assert np.isfinite(hopeless.learning_rate)


def test_a_try_that_diverges_ends_at_once():
    plan, run = start(optimizer=SGD(), learning_rate=1e150)
    recorder = LossRecorder(plan.loss)
    dry_run(plan, run, recorder, 500)
    assert recorder.diverged
    assert len(recorder.losses) < 10


# ---- who judges -----------------------------------------------------------------------------


@pytest.mark.parametrize("weighted", [False, True])
def test_the_mean_loss_of_rows_and_members(rng, weighted):
    x, target = table(30)
    weight = rng.uniform(size=30) if weighted else None
    network = Network(mlp(3, (4,), 1, activations=[ACTIVATIONS["tanh"]], extras=Extras(members=2)))
    network.initialize(rng)
    each = [
        np.average((scores - target)[:, 0] ** 2, weights=weight) / 2 for scores in network.scores(x)
    ]
    assert mean_loss(SQUARED, Rows(x, target, weight))(network) == pytest.approx(np.mean(each))


def test_rows_that_judge_do_not_learn():
    x, target = table(201)
    batches, judge = hold_out(Batches(Rows(x, target, np.arange(201.0)), 20), SQUARED)
    assert batches.rows.x.shape == (160, 3)
    held = np.arange(0, 201, 5)
    np.testing.assert_array_equal(batches.rows.x, np.delete(x, held, axis=0))
    np.testing.assert_array_equal(batches.rows.weight, np.delete(np.arange(201.0), held))
    _, run = start()
    expected = mean_loss(SQUARED, Rows(x[held], target[held], held.astype(float)))(run.network)
    assert judge(run.network) == expected


def test_members_keep_their_rows():
    x, target = table(100)
    rows = [np.arange(0, 90), np.arange(10, 100)]
    whole = Batches(Rows(x, target), 20, members=rows)
    batches, _ = hold_out(whole, SQUARED)
    assert batches.rows.x is x
    for kept, before in zip(batches.members, rows, strict=True):
        assert kept.tolist() == [i for i in before if i % 5]
    plan, run = start(extras=Extras(members=2), batches=whole)
    assert np.isfinite(probe_learning_rate(plan, run, n_steps=10).tries[0].loss)


def test_no_batch_of_a_single_row_is_made():
    x, target = table(26)  # 20 learn, a multiple of 19 and one more
    batches, _ = hold_out(Batches(Rows(x, target), batch_size=19), SQUARED)
    assert batches.rows.x.shape[0] == 19
    members = [np.arange(26)] * 2
    batches, _ = hold_out(Batches(Rows(x, target), batch_size=19, members=members), SQUARED)
    assert [len(rows) for rows in batches.members] == [19, 19]


@pytest.mark.parametrize(
    "weight", [np.arange(50) % 5 == 0, np.arange(50) % 5 > 0, None], ids=["held", "rest", "few"]
)
def test_where_no_row_can_be_spared_all_learn_and_judge(weight):
    x, target = table(9 if weight is None else 50)
    batches = Batches(Rows(x, target, None if weight is None else weight.astype(float)))
    kept, judge = hold_out(batches, SQUARED)
    assert kept is batches
    _, run = start()
    assert judge(run.network) == mean_loss(SQUARED, Rows(x, target, batches.rows.weight))(
        run.network
    )


def test_of_many_rows_all_learn_and_some_judge():
    n = 6 * N_EVALUATED
    batches = Batches(Rows(np.zeros((n, 1)), np.arange(float(n))[:, None]))
    kept, judge = hold_out(batches, SQUARED)
    assert kept is batches
    network = Network(Dense(1, 1))
    assert judge(network) == pytest.approx(np.mean(np.arange(0.0, n, 6) ** 2) / 2)


def test_sparse_rows():
    x, _ = table()
    plan, run = start()
    of_sparse = replace(
        plan, batches=replace(plan.batches, rows=plan.batches.rows._replace(x=csr_array(x)))
    )
    dense, sparse = (probe_learning_rate(p, run, n_steps=10) for p in (plan, of_sparse))
    assert sparse.learning_rate == dense.learning_rate
    assert [t.loss for t in sparse.tries] == pytest.approx([t.loss for t in dense.tries])


# ---- is it good? ----------------------------------------------------------------------------


def digits():
    x, y = load_digits(return_X_y=True)
    return x / 8 - 1, np.eye(10)[y], LOSSES["multiclass_log_loss"]


def diabetes():
    x, y = load_diabetes(return_X_y=True)
    return x / x.std(axis=0), ((y - y.mean()) / y.std())[:, None], SQUARED


def cosines():
    x, target = table(800)
    return x, target + 0.4 * np.random.default_rng(1).normal(size=target.shape), SQUARED


class Best(Callback):
    """The lowest validation loss of all epochs: what early stopping would keep."""

    def __init__(self, judge):
        self.judge, self.loss = judge, inf

    def on_epoch_end(self, run):
        self.loss = min(self.loss, self.judge(run.network))


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", [Adam(), SGD()], ids=["adam", "sgd"])
# The loss of digits is so small that rates near the best differ by as much.
@pytest.mark.parametrize(("data", "within"), [(digits, 1.35), (diabetes, 1.1), (cosines, 1.1)])
def test_the_choice_is_nearly_as_good_as_the_best_of_the_grid(data, within, optimizer):
    x, target, loss = data()
    order = np.random.RandomState(0).permutation(len(x))
    learns, held = order[len(x) // 4 :], order[: len(x) // 4]
    layer = mlp(x.shape[1], (32,), target.shape[1], activations=[ACTIVATIONS["relu"]])
    plan, run = start(
        layer,
        batches=Batches(Rows(x[learns], target[learns]), batch_size=32),
        optimizer=optimizer,
        schedule=Cosine(),
        max_epochs=30,
    )
    plan.loss = loss
    judge = mean_loss(loss, Rows(x[held], target[held]))

    def lowest(rate):
        best, copy = Best(judge), deepcopy(run)
        train(replace(plan, learning_rate=rate, callbacks=[best]), copy)
        return best.loss

    base = 4e-3 if isinstance(optimizer, Adam) else 4e-2
    grid = [lowest(base * 4.0**i) for i in range(-3, 3)]
    for wrong in (1 / 8, 8):  # whatever the rate of the plan
        chosen = probe_learning_rate(replace(plan, learning_rate=base * wrong), run)
        assert lowest(chosen.learning_rate) < within * min(grid)
    assert max(grid) > 1.12 * min(grid)  # it matters


# ---- the range test -------------------------------------------------------------------------


def test_rates_rise_by_the_same_factor():
    plan, run = start()
    test = range_test(plan, run, 1e-5, 1e-2, n_steps=31)
    assert test.rates == pytest.approx(np.geomspace(1e-5, 1e-2, 31))
    assert len(test.rates) == len(test.losses) == len(test.smoothed)


def test_the_steps_take_these_rates():
    """One parameter, no noise: the losses can be told in advance."""
    batches = Batches(Rows(np.ones((4, 1)), np.ones((4, 1))))
    plan, run = start(Dense(1, 1, bias=False), batches=batches, optimizer=SGD(momentum=0.0))
    run.network.theta[...] = 0
    test = range_test(plan, run, 0.01, 0.5, n_steps=6)
    missing = np.cumprod([1, *(1 - test.rates)])[:-1]
    assert test.losses == pytest.approx(missing**2 / 2)
    plan.learning_rate, plan.schedule = 123.0, Cosine()
    np.testing.assert_array_equal(range_test(plan, run, 0.01, 0.5, 6).losses, test.losses)


def test_smoothing():
    plan, run = start()
    test = range_test(plan, run, 1e-6, 1e-3, n_steps=20)
    for i in (0, 1, 19):
        shares = 0.9 ** np.arange(i, -1, -1)
        assert test.smoothed[i] == pytest.approx(np.average(test.losses[: i + 1], weights=shares))


def test_it_ends_when_the_loss_explodes():
    plan, run = start(optimizer=SGD(momentum=0.0))
    test = range_test(plan, run, 1e-4, 1e4, n_steps=200)
    assert len(test.rates) < 200
    assert np.isfinite(test.losses).all()
    assert test.smoothed[-1] > 4 * test.smoothed.min()
    assert (test.smoothed[:-1] <= 4 * np.minimum.accumulate(test.smoothed[:-1])).all()
    assert 1e-3 < test.steepest < test.rates[np.argmin(test.smoothed)] < test.rates[-1]


def test_it_ends_before_a_loss_that_is_not_finite():
    plan, run = start(optimizer=SGD(momentum=0.0))
    test = range_test(plan, run, 1e-4, 1e200, n_steps=5)
    assert 1 <= len(test.rates) < 5
    assert np.isfinite(test.losses).all()


def test_more_steps_than_an_epoch_has():
    plan, run = start()
    assert len(range_test(plan, run, 1e-6, 1e-5, n_steps=37).rates) == 37
    assert len(range_test(plan, run, 1e-6, 1e-5, n_steps=3).rates) == 3


def test_the_steepest_fall():
    rates = np.geomspace(1e-3, 1, 31)
    fall = np.where(np.arange(31) < 20, 1.0, 0.5) + np.r_[0, np.full(30, 0.01)]
    fall[25:] = [2, 1, 2, 1, 3, 9]  # steeper, but after the minimum
    assert RangeTest(rates, fall, fall).steepest == rates[19]
    assert RangeTest(rates[:1], fall[:1], fall[:1]).steepest == rates[0]
    rising = np.arange(31.0)
    assert RangeTest(rates, rising, rising).steepest in rates


def test_errors_say_what_to_do():
    plan, run = start()
    for factors in ([], [0.0, 1.0], [2.0, 1.0]):
        with pytest.raises(ValueError, match="rising factors above 0, got factors="):
            probe_learning_rate(plan, run, factors=factors)
    for wrong in ({"lowest": 0.0}, {"lowest": 1.0, "highest": 1.0}, {"n_steps": 1}):
        with pytest.raises(ValueError, match="0 < lowest < highest and n_steps >= 2"):
            range_test(plan, run, **wrong)
    plan.optimizer = None
    for look in (probe_learning_rate, range_test):
        with pytest.raises(ValueError, match="needs an optimizer with a learning rate, got"):
            look(plan, run)


def test_interrupting_a_look_ends_it():
    class Interrupted(type(SQUARED)):
        name = "squared_error"

        def value_and_delta(self, *args):
            raise KeyboardInterrupt

    plan, run = start()
    before = state(plan, run)
    with pytest.raises(KeyboardInterrupt):
        probe_learning_rate(replace(plan, loss=Interrupted()), run)
    assert state(plan, run) == before
