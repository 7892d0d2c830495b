"""The steps of the loop: at which step a schedule, an average and a penalty act."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from skbackprop.nn import ACTIVATIONS, LOSSES, Activate, Dense, Network, Sequential
from skbackprop.nn.initializers import Constant
from skbackprop.optim import SGD, Average, Schedule
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
