"""The steps of the loop: at which step a schedule, an average and a penalty act."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from skbackprop.nn import ACTIVATIONS, LOSSES, Activate, Dense, Network, Sequential
from skbackprop.nn.initializers import Constant
from skbackprop.optim import SGD, Average, ExponentialAverage, Schedule
from skbackprop.training import Batches, Objective, Plan, Rows, Run, train
from skbackprop.training.callbacks import Callback

X, TARGET = np.ones((6, 1)), np.zeros((6, 1))


def start(**changes):
    """A plan of three steps per epoch for a network of one weight, 1 at the start."""
    network = Network(Dense(1, 1, bias=False, init=Constant(1.0)))
    network.initialize(None)
    batches = Batches(Rows(X, TARGET), batch_size=2, shuffle=False)
    changes = {"optimizer": SGD(momentum=0.0), "learning_rate": 1.0, "max_epochs": 1} | changes
    return Plan(LOSSES["squared_error"], batches, **changes), Run(network, np.random.RandomState(0))


class Steps(Callback):
    """The weight and the rate after each step."""

    def __init__(self):
        self.weights, self.rates = [], []

    def on_batch_end(self, run):
        self.weights.append(float(run.network.theta[0]))
        self.rates.append(run.lr)


class Factors(Schedule):
    """The factors of steps 0, 1, 2, …"""

    def __call__(self, clock):
        return (0.5, 0.25, 0.125, 0.0625)[clock.step]


def test_the_first_step_has_the_first_factor_of_the_schedule():
    steps = Steps()
    train(*start(schedule=Factors(), callbacks=[steps]))
    assert steps.rates == [0.5, 0.25, 0.125]
    assert steps.weights == [0.5, 0.375, 0.328125]  # w ← w − lr w


class _Count(Average):
    """Counts the updates."""

    def keep(self):
        return 0.0


@pytest.mark.parametrize(("begin", "expected"), [(0.0, 6), (0.5, 4), (1.0, 1)])
def test_averaging_begins_with_the_step_that_completes_its_part(begin, expected):
    average = _Count()
    train(*start(average=average, average_from=begin, max_epochs=2, learning_rate=0.1))
    assert average.t == expected


@pytest.mark.parametrize("n_rows", [5, 6, 7])
def test_the_last_batch_counts(n_rows):
    batches = Batches(Rows(X[:n_rows], TARGET[:n_rows]), batch_size=3)
    assert len(batches) == len(list(batches.epoch(None)))


def test_the_penalty_is_divided_by_the_rows():
    plan, run = start()
    objective = Objective(run.network, plan.loss, alpha=3.0)
    value = objective(Rows(X, TARGET), run.bound(X.shape))
    assert value == pytest.approx(0.5 + 0.5 * 3.0 / 6)
    assert run.network.grad == pytest.approx([1.0 + 3.0 / 6])


def test_the_penalty_has_the_same_gradient_in_blocks(monkeypatch):
    network = Network(Sequential((Dense(5, 2), Dense(2, 1))))
    network.initialize(np.random.RandomState(0))
    grads = []
    for block in (100, 5, 4):  # of 12 weights
        monkeypatch.setattr("skbackprop.training.objective.BLOCK", block)
        objective = Objective(network, LOSSES["squared_error"], alpha=3.0)
        network.grad[...] = 1.0
        objective.penalize(6.0)
        grads.append(network.grad.copy())
    expected = np.where(np.arange(15) < 12, 1.0 + 3.0 * network.theta / 6.0, 1.0)
    assert_allclose(grads, [expected] * 3, rtol=1e-12)


@pytest.mark.parametrize(("factor", "epsilon"), [(1.0, 0.4), (0.5, 0.2), (0.0, 0.0)])
def test_label_smoothing_is_scheduled(factor, epsilon):
    network = Network(Sequential((Dense(2, 3), Activate(ACTIVATIONS["tanh"]))))
    network.initialize(np.random.RandomState(0))
    loss, x, target = LOSSES["multiclass_log_loss"], np.eye(2), np.eye(3)[:2]
    objective = Objective(network, loss, 0.0, 0.4, {"label_smoothing": factor})
    value = objective(Rows(x, target), network.bind(x.shape, train=True))
    smooth = loss.smoothed(target, epsilon)
    scores = network.scores(x)
    expected = loss.value_and_delta(smooth, scores, 0.5, np.empty_like(scores))
    assert_allclose(value, expected, rtol=1e-6)


def test_the_loss_of_an_epoch_is_the_mean_over_its_rows():
    """Of batches of two, two and one row, before each step."""
    target = np.array([[0.0], [0.0], [2.0], [2.0], [9.0]])
    batches = Batches(Rows(X[:5], target), batch_size=2, shuffle=False)
    plan, run = start(learning_rate=0.5)
    plan.batches = batches
    train(plan, run)
    weights = (1.0, 0.5, 1.25)  # w ← w − lr (w − t)
    losses = [(w - t) ** 2 / 2 for w, t in zip(weights, (0.0, 2.0, 9.0), strict=True)]
    assert run.history["loss"] == [pytest.approx((2 * losses[0] + 2 * losses[1] + losses[2]) / 5)]


class Ends(Callback):
    """Writes down when it is called."""

    def __init__(self, name, called):
        self.name, self.called = name, called

    def on_epoch_end(self, run):
        self.called.append(f"epoch {self.name}")

    def on_train_end(self, run):
        self.called.append(f"end {self.name}")


def test_the_first_callback_has_the_last_word():
    called = []
    train(*start(callbacks=[Ends("a", called), Ends("b", called)]))
    assert called == ["epoch a", "epoch b", "end b", "end a"]


@pytest.mark.parametrize(("horizon", "expected"), [(None, [2, 5]), (9, [9, 9])])
def test_schedules_end_with_the_call_or_at_the_horizon(horizon, expected):
    plan, run = start(max_epochs=2, horizon=horizon)
    found = []
    for plan.max_epochs in (2, 3):
        train(plan, run)
        found.append(run.clock.n_epochs)
    assert found == expected


@pytest.mark.parametrize("has_dropout", [True, False])
def test_orders_of_rows_do_not_depend_on_dropout(has_dropout):
    plan, run = start(has_dropout=has_dropout, max_epochs=3)
    plan.batches.shuffle = True
    train(plan, run)
    expected, rng = np.arange(6), np.random.RandomState(0)
    for _ in range(3):
        rng.shuffle(expected)
    assert run.order.tolist() == expected.tolist()
    assert (run.dropout_rng is not None) is has_dropout


def test_an_average_that_goes_on_has_the_decay_of_the_new_plan():
    plan, run = start(average=ExponentialAverage(0.5))
    train(plan, run)
    first, t = run.average, run.average.t
    plan.average = ExponentialAverage(0.25)
    train(plan, run)
    assert run.average is first
    assert (first.decay, first.t) == (0.25, t + 3)
    plan.average = None
    train(plan, run)
    assert run.average is None


def test_an_epoch_without_batches_has_no_loss():
    """All rows of it have the weight 0."""
    plan, run = start()
    plan.batches = Batches(Rows(X, TARGET, np.zeros(6)), batch_size=2, shuffle=False)
    train(plan, run)
    assert run.history["loss"] == [0.0]
    assert run.network.theta.tolist() == [1.0]
