"""Dropout: the mean is kept, the mask is drawn in training only, and the rate can fade."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

from skbackprop.nn.gradcheck import check_gradient
from skbackprop.nn.layers import Dense, Dropout, LayerNorm, Residual, Sequential
from skbackprop.nn.layers.dropout import BLOCK, draw_mask
from skbackprop.nn.network import Network
from skbackprop.nn.workspace import Workspace

from .test_layers import all_arrays, draw, make

each_rng = pytest.mark.parametrize("make_rng", [np.random.default_rng, np.random.RandomState])
each_rate = pytest.mark.parametrize("rate", [0.01, 0.1, 0.25, 0.5, 0.9])
NESTED = Sequential((Dense(5, 5), Residual(Sequential((LayerNorm((5,)), Dropout(0.5))))))


class NoRandom:
    """A generator that must not be asked."""

    def __getattr__(self, name):
        raise AssertionError(f"rng.{name} was asked for")


def mask(rate, shape=(500, 400), seed=0, make_rng=np.random.default_rng, dtype=np.float64):
    bound = Network(Dropout(rate), dtype).bind(shape, train=True, rng=make_rng(seed))
    return bound.forward(np.ones(shape, dtype))


@each_rate
@each_rng
def test_the_mean_is_kept(rate, make_rng):
    y = mask(rate, make_rng=make_rng)
    dropped, kept = np.unique(y)
    assert dropped == 0
    used = 1 - 1 / kept  # a rate is a multiple of 1/256
    assert abs(used - rate) < 1 / 256
    deviation = np.sqrt(used / (1 - used) / y.size)
    assert abs(y.mean() - 1) < 4 * deviation
    # ... and everywhere: row by row, column by column
    for axis, n in ((0, 500), (1, 400)):
        z = (y.mean(axis=axis) - 1) / np.sqrt(used / (1 - used) / n)
        assert np.abs(z).max() < 5
        assert 0.8 < z.std() < 1.2


@each_rng
@pytest.mark.parametrize("rate", [0.001, 0.1, 0.5, 0.9])
def test_rates_are_right_on_average(rate, make_rng):
    """A batch has the rate t/256 or (t + 1)/256; many batches have the one asked for."""
    rng, out, used = make_rng(0), np.empty(200), []
    for _ in range(4000):
        draw_mask(rng, rate, out)
        used.append(1 - 1 / out.max())
    assert set(np.round(np.multiply(used, 256), 9)) <= {np.floor(rate * 256), np.ceil(rate * 256)}
    assert abs(np.mean(used) - rate) < 4 * 0.5 / 256 / np.sqrt(4000)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_extreme_rates(dtype):
    rng, out = np.random.default_rng(0), np.empty(1000, dtype)
    draw_mask(rng, 0.0, out)
    assert_array_equal(out, 1)
    draw_mask(rng, np.nextafter(1, 0), out)
    assert set(out) == {0, 256}  # the last byte is never dropped, lest 1 / 0 be a factor


@each_rng
def test_the_mask_comes_from_the_generator(make_rng):
    masks = [mask(0.5, make_rng=make_rng, seed=seed) for seed in (0, 0, 1)]
    assert_array_equal(masks[0], masks[1])
    assert 0.45 < np.mean(masks[0] != masks[2]) < 0.55
    assert_array_equal(mask(0.5, make_rng=make_rng, dtype=np.float32), masks[0])


def test_every_batch_has_its_own_mask():
    bound = Network(Dropout(0.5)).bind((500, 400), train=True, rng=np.random.default_rng(0))
    first, second = (bound.forward(np.ones((500, 400))).copy() for _ in range(2))
    assert 0.45 < np.mean(first != second) < 0.55


def test_members_and_blocks_have_their_own_masks():
    members = mask(0.5, shape=(2, BLOCK // 100, 100))
    assert 0.45 < np.mean(members[0] != members[1]) < 0.55
    blocks = mask(0.5, shape=(2 * BLOCK + 7, 1)).ravel()
    assert 0.45 < np.mean(blocks[:BLOCK] != blocks[BLOCK : 2 * BLOCK]) < 0.55
    assert set(blocks[2 * BLOCK :]) <= {0.0, 2.0}


@pytest.mark.parametrize("layer", [Dropout(0.5), NESTED])
def test_nothing_is_drawn_at_inference(layer):
    network, x = make(layer), draw((9, 5))
    bound = network.bind(x.shape, rng=NoRandom(), needs_dx=True)
    y = bound.forward(x)
    assert_array_equal(y, network.scores(x))
    bound.backward(np.ones_like(y))


def test_inference_and_a_rate_of_zero_are_the_identity_without_a_copy():
    x, d = draw((9, 5)), draw((9, 5), seed=2)
    for rate, train in ((0.5, False), (0.0, False), (0.0, True)):
        bound = Network(Dropout(rate)).bind(x.shape, train=train, rng=NoRandom(), needs_dx=True)
        assert bound.forward(x) is x
        assert bound.backward(d) is d
        assert [a is bound.delta for a in all_arrays(bound.ws)] == [True]


@each_rng
def test_the_gradient_goes_through_the_same_mask(make_rng):
    layer = Sequential((Dropout(0.3), Dense(5, 8), Dropout(0.5), Dense(8, 2)))
    network, x, c = make(layer), draw((9, 5)), draw((9, 2), seed=2)

    def value_and_gradient(theta):
        network.theta[...] = theta
        bound = network.bind(x.shape, train=True, rng=make_rng(3))
        value = np.sum(bound.forward(x) * c)
        bound.backward(c.copy())
        return value, network.grad

    assert check_gradient(value_and_gradient, network.theta.copy()) < 1e-9


def test_what_is_dropped_gets_no_delta():
    bound = Network(Dropout(0.5)).bind((40, 50), train=True, rng=np.random.default_rng(0))
    y = bound.forward(np.ones((40, 50))).copy()
    assert_array_equal(bound.backward(np.full((40, 50), 3.0)), 3 * y)


def test_members_alike_drop_the_same_and_only_in_training():
    x = np.ones((3, 40, 50))
    network, rng = Network(Dropout(0.5, shared_mask=True)), np.random.default_rng(0)
    bound = network.bind(x.shape, train=True, rng=rng)
    first, *others = bound.forward(x).copy()
    for other in others:
        assert_array_equal(other, first)
    d = np.arange(x.size, dtype=float).reshape(x.shape)
    assert_array_equal(bound.backward(d.copy()), d * first)
    network, factors = Network(Dropout(0.5, shared_mask=True)), {"drop_at_inference": 1.0}
    first, second, _ = network.bind(x.shape, rng=rng, schedule_factors=factors).forward(x)
    assert 0.4 < np.mean(first == second) < 0.6


@pytest.mark.parametrize("fade", [0.0, 0.25, 0.5, 1.0])
def test_the_rate_fades(fade):
    x = np.ones((500, 400))
    bound = Network(Dropout(0.4)).bind(x.shape, train=True, rng=np.random.default_rng(0))
    assert abs(np.mean(bound.forward(x) == 0) - 0.4) < 0.007
    bound.ws.schedule_factors["dropout"] = fade
    y = bound.forward(x)
    assert abs(np.mean(y == 0) - 0.4 * fade) < 0.007  # 1/256 and three deviations
    assert abs(1 - 1 / y.max() - 0.4 * fade) < 1 / 256


def test_a_faded_pass_is_an_inference_pass():
    """The facts reach a layer however deep it lies, between two batches."""
    network, x = make(NESTED), draw((9, 5))
    bound = network.bind(x.shape, train=True, rng=np.random.default_rng(0))
    assert not np.allclose(bound.forward(x), network.scores(x))
    bound.ws.schedule_factors["dropout"] = 0.0
    assert_array_equal(bound.forward(x), network.scores(x))


def test_children_share_the_facts():
    ws = Workspace((4, 3), np.dtype("float64"), schedule_factors={"dropout": 0.5})
    child = ws.child("inner", (4, 2), needs_dx=False).child("inner", (4, 2), needs_dx=False)
    ws.schedule_factors["dropout"] = 0.25
    assert child.schedule_factors == {"dropout": 0.25}
    assert Workspace((4, 3), np.dtype("float64")).schedule_factors == {}


@pytest.mark.parametrize("rate", [-0.1, 1.0, 1.5, np.nan])
def test_a_rate_that_is_none_is_refused(rate):
    with pytest.raises(ValueError, match=r"needs 0 <= rate < 1, got rate=.*fraction dropped"):
        Dropout(rate)


def test_training_without_a_generator_is_refused():
    with pytest.raises(ValueError, match=r"got a pass with rng=None.*L-BFGS"):
        make(NESTED).bind((9, 5), train=True)


def test_sparse_input_is_refused_in_training_only():
    x = sparse.csr_array(np.eye(5))
    network = make(Sequential((Dropout(0.5), Dense(5, 2))))
    assert_allclose(network.scores(x), network.scores(np.eye(5)))
    bound = network.bind(x.shape, train=True, rng=np.random.default_rng(0))
    with pytest.raises(TypeError, match=r"needs a dense array in training, got csr_array"):
        bound.forward(x)
