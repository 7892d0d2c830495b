"""`Network`: layers over two vectors."""

import copy
import pickle
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

from skbackprop.nn.activations import ACTIVATIONS
from skbackprop.nn.layers import Activate, Dense, Layer, Sequential
from skbackprop.nn.network import Network, bind_forward
from skbackprop.nn.workspace import Workspace

from .cases import Standardize

TANH = Activate(ACTIVATIONS["tanh"])
LAYER = Sequential((Standardize(5), Dense(5, 8), TANH, Dense(8, 2)))
SPARSE = Sequential((Dense(5, 8), TANH, Dense(8, 2)))


@dataclass(frozen=True)
class Twins(Layer):
    """Makes two members of a batch, ``x`` and ``2x``."""

    def output_shape(self, shape):
        return (2, *shape)

    def bind(self, p, g, ws):
        y = ws.array("y", self.output_shape(ws.shape))

        def forward(x):
            return np.multiply([[[1.0]], [[2.0]]], x, out=y)

        return forward, lambda d: d[0] + 2 * d[1]


@pytest.fixture
def network(rng):
    network = Network(LAYER)
    network.initialize(rng)
    network.theta += 0.1 * rng.normal(size=network.theta.shape)
    network.fixed += rng.uniform(size=network.fixed.shape)
    return network


def gradient(network, x):
    bound = network.bind(x.shape, train=True)
    bound.backward(np.ones_like(bound.forward(x)))
    return network.grad.copy()


def by_hand(p, x):
    x = (x - p.standardize_0.center) * p.standardize_0.scale
    hidden = np.tanh(x @ p.dense_1.W + p.dense_1.b)
    return hidden @ p.dense_3.W + p.dense_3.b


def test_scores_by_hand(network, rng):
    x = rng.normal(size=(9, 5))
    assert_allclose(network.scores(x), by_hand(network.p, x), rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_everything_has_one_dtype(dtype, rng):
    network = Network(LAYER, dtype)
    network.initialize(rng)
    x = rng.normal(size=(9, 5)).astype(dtype)
    arrays = [network.theta, network.fixed, network.grad, network.weights, network.scores(x)]
    assert {array.dtype for array in arrays} == {network.dtype} == {np.dtype(dtype)}


def test_the_gradient_is_made_once(network, rng):
    assert network.grad is network.grad
    assert network.g is network.g
    gradient(network, rng.normal(size=(9, 5)))
    assert np.shares_memory(network.g.dense_1.W, network.grad)
    assert_array_equal(network.g.dense_3.b, [9, 9])


def test_weights_are_the_penalized_slice(network):
    assert network.weights.size == 5 * 8 + 8 * 2
    assert np.shares_memory(network.weights, network.p.dense_3.W)
    assert not np.shares_memory(network.weights, network.p.dense_1.b)


def test_over_other_numbers(network, rng):
    """The same layers on other numbers; the original is not touched."""
    x, theta = rng.normal(size=(9, 5)), rng.normal(size=network.theta.shape)
    before, grad = network.scores(x), gradient(network, x)
    other = network.over(theta)
    assert other.theta is theta
    assert other.fixed is network.fixed
    assert_allclose(other.scores(x), by_hand(network.layout.bind(theta, network.fixed), x))
    assert not np.allclose(other.scores(x), before)
    assert not np.allclose(gradient(other, x), grad)
    assert_array_equal(network.scores(x), before)
    assert_array_equal(network.grad, grad)
    theta[...] = network.theta
    assert_array_equal(other.scores(x), before)


def test_over_other_fixed_numbers(network, rng):
    x, fixed = rng.normal(size=(9, 5)), rng.normal(size=network.fixed.shape)
    other = network.over(network.theta, fixed)
    assert other.fixed is fixed
    assert_allclose(other.scores(x), by_hand(network.layout.bind(network.theta, fixed), x))


@pytest.mark.parametrize("chunk", [1, 4, 9, 10, 4096])
@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array, sparse.csc_matrix])
def test_chunks_do_not_matter(chunk, make, rng):
    network = Network(SPARSE)
    network.initialize(rng)
    x = rng.normal(size=(9, 5)) * rng.randint(0, 2, (9, 5))
    assert_allclose(network.scores(make(x), chunk=chunk), network.scores(x), rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("chunk", [4, 4096])
def test_chunks_of_members(chunk, rng):
    network = Network(Sequential((Twins(), Dense(5, 3))))
    network.initialize(rng)
    x, W = rng.normal(size=(9, 5)), network.p.dense_1.W
    assert_allclose(network.scores(x, chunk=chunk), np.stack([x @ W, 2 * x @ W]), rtol=1e-12)


@pytest.mark.parametrize("chunk", [4, 4096])
def test_scores_of_other_numbers(network, chunk, rng):
    """Integers and single precision are converted, not refused."""
    x = rng.randint(-3, 4, (9, 5))
    expected = network.scores(x.astype(float))
    for dtype in (np.int64, np.int8, np.float32):
        assert_allclose(network.scores(x.astype(dtype), chunk=chunk), expected, rtol=1e-12)


def test_scores_of_no_rows(network):
    assert network.scores(np.empty((0, 5))).shape == (0, 2)


def test_scores_leave_the_gradient_alone(network, rng):
    grad = gradient(network, rng.normal(size=(9, 5)))
    network.scores(rng.normal(size=(9, 5)))
    assert_array_equal(network.grad, grad)


@pytest.mark.parametrize(
    "duplicate", [copy.copy, copy.deepcopy, "pickle"], ids=["copy", "deepcopy", "pickle"]
)
def test_copies(network, duplicate, rng):
    x = rng.normal(size=(9, 5))
    twin = pickle.loads(pickle.dumps(network)) if duplicate == "pickle" else duplicate(network)
    assert twin.layer == network.layer
    assert_array_equal(twin.scores(x), network.scores(x))
    assert_array_equal(gradient(twin, x), gradient(network, x))
    assert np.shares_memory(twin.p.dense_1.W, twin.theta)
    assert np.shares_memory(twin.p.standardize_0.scale, twin.fixed)
    assert np.shares_memory(twin.g.dense_1.W, twin.grad)


def test_a_deep_copy_is_independent(network, rng):
    x, twin = rng.normal(size=(9, 5)), copy.deepcopy(network)
    before = network.scores(x)
    twin.theta += 1
    twin.fixed += 1
    assert_array_equal(network.scores(x), before)
    assert_allclose(twin.scores(x), by_hand(twin.p, x))


def test_a_pickle_holds_only_vectors(rng):
    network = Network(Dense(300, 200))
    gradient(network, rng.normal(size=(50, 300)))
    assert set(network.__getstate__()) == {"layer", "theta", "fixed"}
    size = len(pickle.dumps(network))
    assert network.theta.nbytes < size < network.theta.nbytes + 1000


def test_a_workspace_passes_its_options_to_its_children():
    rng = np.random.default_rng(0)
    ws = Workspace((4, 3), np.dtype("float32"), train=True, rng=rng, needs_dx=True)
    child = ws.child("inner", (4, 2), needs_dx=False)
    assert ws.children == {"inner": child}
    assert (child.shape, child.dtype, child.train, child.rng) == ((4, 2), ws.dtype, True, rng)
    assert (ws.needs_dx, child.needs_dx) == (True, False)
    assert child.array("y", (4, 2)).dtype == np.float32
    assert child.array("mask", (4, 2), bool).dtype == bool
    assert set(child.arrays) == {"y", "mask"}


def test_a_smaller_workspace_begins_where_the_larger_does():
    large = Workspace((9, 3), np.dtype("float32"), train=True)
    y, wide = large.array("y", (9, 2)), large.child("inner", (9, 2), True).array("wide", (9, 1))
    small = large.smaller((4, 3))
    assert (small.shape, small.dtype, small.train) == ((4, 3), large.dtype, True)
    assert small.schedule_factors is large.schedule_factors
    part = small.array("y", (4, 2))
    assert np.shares_memory(part, y)
    assert np.shares_memory(small.child("inner", (4, 2), True).array("wide", (4, 1)), wide)
    # an array that is missing, too small or of another dtype is new
    assert not np.shares_memory(small.array("y", (4, 2), bool), y)
    assert not np.shares_memory(small.array("z", (4, 2)), y)
    assert small.array("y", (99, 2)).shape == (99, 2)
    assert small.child("other", (4, 2), False).parent is None


def test_inference_prepares_no_backward_pass():
    layer = Sequential((Dense(3, 4), Activate(ACTIVATIONS["tanh"]), Dense(4, 2)))
    network = Network(layer)
    ws = Workspace((5, 3), network.dtype)
    bind_forward(layer, network.p, ws)
    assert not any(child.needs_dx for child in ws.children.values())
    assert not any("dx" in child.arrays for child in ws.children.values())
