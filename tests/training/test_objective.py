"""The objective: micro-batches, members and weights, against sums over rows."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from skbackprop.nn import ACTIVATIONS, LOSSES, Dense, Network
from skbackprop.nn.architectures import Extras, mlp
from skbackprop.nn.initializers import Constant
from skbackprop.training import Objective, Rows

N = 7
rng = np.random.default_rng(0)
X, TARGET = rng.normal(size=(N, 3)), rng.normal(size=(N, 2))
WEIGHT = np.array([0.5, 0.0, 2.0, 1.0, 3.0, 0.0, 1.5])
LOSS = LOSSES["squared_error"]


def made(members=None, alpha=0.0, **params):
    extras = Extras(members=members)
    network = Network(mlp(3, (4,), 2, activations=[ACTIVATIONS["tanh"]], extras=extras))
    network.initialize(np.random.default_rng(1))
    return network, Objective(network, LOSS, alpha, **params)


def rows_of(members, weight):
    """The rows, and for members other rows of each."""
    if members is None:
        return Rows(X, TARGET, weight)
    order = np.stack([np.roll(np.arange(N), m) for m in range(members)])
    return Rows(X[order], TARGET[order], None if weight is None else weight[order])


def value_and_gradient(network, objective, rows):
    value = objective(rows, network.bind(rows.x.shape, train=True))
    return value, network.grad.copy()


@pytest.mark.parametrize("members", [None, 3])
@pytest.mark.parametrize("weight", [None, WEIGHT])
@pytest.mark.parametrize("alpha", [0.0, 0.7])
@pytest.mark.parametrize("size", [1, 3, 7])
def test_micro_batches_have_the_gradient_of_the_batch(members, weight, alpha, size):
    network, objective = made(members, alpha)
    rows = rows_of(members, weight)
    value, gradient = value_and_gradient(network, objective, rows)
    found = objective.accumulate(rows, lambda shape: network.bind(shape, train=True), size)
    assert_allclose(found, value)
    assert_allclose(network.grad, gradient, rtol=1e-10, atol=1e-14)


def dense(network, vector):
    """The arrays of the dense layers that a vector holds."""
    views = network.layout.bind(vector, network.fixed.copy())
    return [getattr(views, network.layer.named[i][0]) for i in (0, 2)]


@pytest.mark.parametrize("weight", [None, WEIGHT])
def test_the_value_of_members_is_their_mean_and_each_has_its_own_gradient(weight):
    network, objective = made(3, alpha=0.7)
    rows, values = rows_of(3, weight), []
    value, gradient = value_and_gradient(network, objective, rows)
    for m in range(3):
        alone, of_one = made(alpha=0.7)
        for own, whole in zip(
            dense(alone, alone.theta), dense(network, network.theta), strict=True
        ):
            own.W[...], own.b[...] = whole.W[m], whole.b[m]
        w = None if weight is None else rows.weight[m]
        one, expected = value_and_gradient(alone, of_one, Rows(rows.x[m], rows.target[m], w))
        values.append(one)
        for ours, theirs in zip(dense(network, gradient), dense(alone, expected), strict=True):
            assert_allclose(ours.W[m], theirs.W, rtol=1e-10)
            assert_allclose(ours.b[m], theirs.b, rtol=1e-10)
    assert_allclose(value, np.mean(values))


def test_a_member_without_weight_in_a_batch_has_no_gradient():
    network, objective = made(2)
    rows = rows_of(2, WEIGHT)
    rows.weight[1] = 0.0
    value, gradient = value_and_gradient(network, objective, rows)
    assert np.isfinite(value)
    assert np.isfinite(gradient).all()
    last = dense(network, gradient)[-1]
    assert np.abs(last.W[0]).min() > 0
    assert (last.W[1] == 0).all()


@pytest.mark.parametrize(("mean", "expected"), [(None, 0.5), (4.0, 1.5), (12.0, 0.5)])
def test_a_batch_of_one_row_counts_by_its_weight(mean, expected):
    """From the mean of one row its weight would cancel: it is divided by the mean of all."""
    network = Network(Dense(1, 1, bias=False, init=Constant(1.0)))
    network.initialize(None)
    objective = Objective(network, LOSS, mean_weight=mean)
    rows = Rows(np.ones((1, 1)), np.zeros((1, 1)), np.array([12.0]))
    value, gradient = value_and_gradient(network, objective, rows)
    assert_allclose([value, *gradient], [expected, 2 * expected])
