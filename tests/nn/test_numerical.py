"""Periodic features and piecewise-linear bins by hand, of members, and at extreme values."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skbackprop.nn.gradcheck import check_layer
from skbackprop.nn.initializers import FixedValues
from skbackprop.nn.layers import PeriodicEmbedding, PiecewiseLinear
from skbackprop.nn.layers.numerical import quantile_edges
from skbackprop.nn.network import Network

from .cases import EMBEDDINGS
from .test_layers import draw, make, run

each_embedding = pytest.mark.parametrize("name", EMBEDDINGS)
each_periodic = pytest.mark.parametrize("name", [name for name in EMBEDDINGS if "periodic" in name])


def piecewise(edges, dtype=np.float64):
    edges = np.atleast_2d(edges)
    network = Network(PiecewiseLinear(len(edges), edges.shape[1] - 1, FixedValues(edges)), dtype)
    network.initialize(None)
    return network


# Periodic features.


def test_cosines_of_known_numbers():
    """A quarter of a period, half a period, one period, and one and a third."""
    network = Network(PeriodicEmbedding(2, 2))
    network.p.frequency[...] = [[0.25, 0.5], [1, 2]]
    network.p.phase[...] = [[0, 0], [0, np.pi]]
    y = network.scores(np.array([[1.0, 1.0], [2.0, 2 / 3]]))
    expected = [[1, 1, 0, -1, 1, -1], [2, 2 / 3, -1, 1, -0.5, 0.5]]
    assert_allclose(y, expected, atol=1e-12)


def test_periodic_embedding_by_hand():
    network, x, d = make(PeriodicEmbedding(5, 3)), draw((9, 5)), draw((9, 20), seed=2)
    w, b = network.p.frequency, network.p.phase
    phi = 2 * np.pi * np.einsum("ni,if->nif", x, w) + b
    e = -np.sin(phi) * d[:, 5:].reshape(9, 5, 3)
    y, dx, _ = run(network, x)
    assert_allclose(y, np.hstack([x, np.cos(phi).reshape(9, 15)]), rtol=1e-12, atol=1e-13)
    assert_allclose(network.g.phase, e.sum(axis=0), rtol=1e-11, atol=1e-13)
    assert_allclose(network.g.frequency, 2 * np.pi * np.einsum("ni,nif->if", x, e), rtol=1e-11)
    assert_allclose(dx, d[:, :5] + 2 * np.pi * (e * w).sum(axis=-1), rtol=1e-11)


@pytest.mark.parametrize("members", [None, 4])
@pytest.mark.parametrize("n_in", [1, 30])
def test_initial_frequencies_and_phases(n_in, members):
    layer = PeriodicEmbedding(n_in, 400, sigma=0.3, members=members)
    network = Network(layer)
    network.initialize(np.random.default_rng(0))
    p, few = network.p, 4 / np.sqrt(400 * n_in)
    assert p.frequency.std() == pytest.approx(0.3, rel=few)
    assert p.frequency.mean() == pytest.approx(0, abs=0.3 * few)
    assert np.abs(p.phase).max() <= np.pi
    assert p.phase.std() == pytest.approx(np.pi / np.sqrt(3), rel=few)


@each_embedding
def test_embeddings_are_not_penalized(name):
    assert Network(EMBEDDINGS[name]()).layout.n_weights == 0


@each_periodic
def test_dx_only_if_needed(name):
    x, grads = draw((9, 5)), []
    for needs_dx in (False, True):
        network = make(EMBEDDINGS[name]())
        bound = network.bind(x.shape, needs_dx=needs_dx)
        dx = bound.backward(draw(bound.forward(x).shape, seed=2))
        assert (dx is not None) == needs_dx
        assert needs_dx or "dx" not in bound.ws.arrays
        grads.append(network.grad)
    assert_array_equal(*grads)


# Members, of these layers and of categories.


@each_embedding
def test_members_of_their_own_are_separate_networks(name):
    layer, x = EMBEDDINGS[name](members=3), 2 * draw((3, 9, 5))
    together = make(layer)
    y, dx, _ = run(together, x)
    d = draw(y.shape, seed=2)
    for k in range(3):
        one = Network(replace(layer, members=None))
        for array in vars(one.p):
            getattr(one.p, array)[...] = getattr(together.p, array)[k]
        bound = one.bind(x.shape[1:], needs_dx=True)
        assert_allclose(y[k], bound.forward(x[k]), rtol=1e-12, atol=1e-13)
        assert_allclose(dx[k], bound.backward(d[k].copy()), rtol=1e-12, atol=1e-13)
        for array in vars(one.g):
            result, expected = getattr(together.g, array)[k], getattr(one.g, array)
            assert_allclose(result, expected, rtol=1e-11, atol=1e-12)


@each_embedding
def test_members_over_one_input_see_copies_of_it(name):
    layer, x = EMBEDDINGS[name](members=3), 2 * draw((9, 5))
    network = make(layer)
    assert layer.output_shape(x.shape) == layer.output_shape((3, 9, 5))
    y, dx, grad = run(network, x)
    expected = run(network, np.stack([x] * 3))
    assert_allclose(y, expected[0], rtol=1e-13)
    assert_allclose(dx, expected[1].sum(axis=0), rtol=1e-12, atol=1e-13)
    assert_allclose(grad, expected[2], rtol=1e-12, atol=1e-13)


@each_embedding
def test_members_that_share_are_rows_of_one_network(name):
    network, x = make(EMBEDDINGS[name]()), 2 * draw((3, 9, 5))
    y, dx, grad = run(network, x)
    bound = network.bind((27, 5), needs_dx=True)
    assert_allclose(y.reshape(27, -1), bound.forward(x.reshape(27, 5)), rtol=1e-13)
    d = draw(y.shape, seed=2).reshape(27, -1)
    assert_allclose(dx.reshape(27, 5), bound.backward(d), rtol=1e-12, atol=1e-13)
    assert_allclose(grad, network.grad, rtol=1e-12, atol=1e-12)


# Piecewise-linear bins.


def test_bins_of_known_numbers():
    """Bins from -1 to 0, to 2, to 6: before, at, within and after them."""
    network = piecewise([-1, 0, 2, 6])
    x = np.array([[-9.0], [-1.0], [-0.25], [0.0], [1.0], [3.0], [6.0], [7.0]])
    bins = [
        [-0.5, -0.5, -0.5],
        [-0.5, -0.5, -0.5],
        [0.25, -0.5, -0.5],
        [0.5, -0.5, -0.5],
        [0.5, 0, -0.5],
        [0.5, 0.5, -0.25],
        [0.5, 0.5, 0.5],
        [0.5, 0.5, 0.5],
    ]
    assert_allclose(network.scores(x), np.hstack([x, bins]), atol=1e-15)


def test_slopes_of_bins():
    """``dx`` is the delta of ``x`` itself, and that of the bin it is in, over its width."""
    network = piecewise([[-1, 0, 2, 6], [0, 1, 2, 3]])
    x = np.array([[-9.0, 0.5], [-0.25, 1.5], [1.0, 2.5], [3.0, 4.0]])
    bound = network.bind(x.shape, needs_dx=True)
    bound.forward(x)
    d = np.arange(1.0, 9.0) * np.ones((4, 1))
    assert_allclose(
        bound.backward(d), [[1, 2 + 6], [1 + 3, 2 + 7], [1 + 4 / 2, 2 + 8], [1 + 5 / 4, 2]]
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "edges",
    [
        [0, 1, 2, 2, 2],  # fewer quantiles than edges
        [0, 1, 1, 2, 2],
        [3, 3, 3, 3, 3],  # a constant
        [1, 1 + 1e-17, 2, np.nextafter(2, 3), 3],  # quantiles that differ by rounding
        [0, 1e-320, 1, 2, 3],  # 1 / width is infinite
        [0, 1e-44, 2e-44, 3e-44, 4e-44],
        [-1e30, 0, 1e30, 2e30, 3e30],
    ],
)
def test_bins_without_width_are_zero(edges, dtype):
    network = piecewise(edges, dtype)
    limit = 1e6 * max(1, np.abs(edges).max())
    x = np.array([-limit, -1, 0, 1, 1.5, 2, 3, limit], dtype)[:, None]
    bound = network.bind(x.shape, needs_dx=True)
    y = bound.forward(x)
    dx = bound.backward(np.ones_like(y))
    assert np.isfinite(dx).all()
    assert np.abs(y[:, 1:]).max() <= 0.5
    stored = network.p.edges[0]
    width, span = np.diff(stored), stored[-1] - stored[0]
    narrow = width <= 4 * np.finfo(dtype).eps * span + np.finfo(dtype).tiny
    assert_array_equal(y[:, 1:][:, narrow], 0)
    assert_array_equal(y[0, 1:][~narrow], -0.5)
    assert_array_equal(y[-1, 1:][~narrow], 0.5)


def test_bins_are_not_trained():
    network = piecewise([[0, 1, 2]] * 3)
    assert network.theta.size == 0
    assert network.fixed.size == 9
    bound = network.bind((9, 3))
    assert bound.backward(np.ones_like(bound.forward(draw((9, 3))))) is None


@pytest.mark.parametrize("n_bins", [1, 2, 7, 16])
def test_quantile_edges_hold_equal_parts(n_bins):
    x = draw((n_bins * 20 + 1, 3))
    edges = quantile_edges(x, n_bins)
    assert edges.shape == (3, n_bins + 1)
    assert_array_equal(edges[:, 0], x.min(axis=0))
    assert_array_equal(edges[:, -1], x.max(axis=0))
    for column, row in zip(x.T, edges, strict=True):
        counts, _ = np.histogram(column, row)
        assert_array_equal(counts, [20] * (n_bins - 1) + [21])


def test_quantile_edges_of_ties():
    x = np.array([[0.0, 7, 1], [0, 7, 2], [0, 7, 3], [1, 7, 4], [5, 7, 5]])
    edges = quantile_edges(x.astype(np.float32), 4)
    assert_array_equal(edges, [[0, 1, 5, 5, 5], [7, 7, 7, 7, 7], [1, 2, 3, 4, 5]])
    assert edges.dtype == np.float64


def test_bins_between_quantiles_are_uniform():
    """The sum of the bins of a value grows with its rank."""
    x = np.random.default_rng(0).lognormal(size=(801, 1))
    y = piecewise(quantile_edges(x, 16)).scores(x)
    rank = x[:, 0].argsort().argsort() / 800
    assert_allclose(y[:, 1:].sum(axis=1) / 16 + 0.5, rank, atol=1 / 16)


def test_gradient_of_bins_between_quantiles():
    x = draw((50, 3))
    assert check_layer(PiecewiseLinear(3, 6, FixedValues(quantile_edges(x, 6))), x + 0.01) < 1e-8
