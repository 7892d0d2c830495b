"""Residual connections, ReZero, and arrays of features or of members."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skbackprop.nn.layers import (
    Dense,
    Identity,
    Residual,
    ReZero,
    Scale,
    Sequential,
)
from skbackprop.nn.network import Network

from .cases import BLOCK, OF_FEATURES, Standardize
from .test_layers import assert_same, draw, make, run


def test_scale_by_hand():
    network, x, d = make(Scale((5,))), draw((9, 5)), draw((9, 5), seed=2)
    scale = network.p.scale.copy()
    y, dx, grad = run(network, x)
    assert_allclose(y, x * scale, rtol=1e-14)
    assert_allclose(dx, d * scale, rtol=1e-14)
    assert_allclose(grad, (d * x).sum(axis=0), rtol=1e-12)


def test_gains_and_residual_weights_are_not_penalized():
    layers = [ReZero(Identity()), *(make_layer((5,)) for make_layer in OF_FEATURES.values())]
    assert [Network(layer).layout.n_weights for layer in layers] == [0] * len(layers)


@pytest.mark.parametrize("name", OF_FEATURES)
@pytest.mark.parametrize("train", [False, True])
def test_members_of_their_own_are_separate_networks(name, train):
    make_layer, x, d = OF_FEATURES[name], draw((3, 9, 5)), draw((3, 9, 5), seed=2)
    together = make(make_layer((3, 5)))
    alone = [Network(make_layer((5,))) for _ in range(3)]
    for k, network in enumerate(alone):
        for array in vars(network.p):
            whole = getattr(together.p, array)
            getattr(network.p, array)[...] = whole if array == "n_batches" else whole[k]
    bound = together.bind(x.shape, train=train, needs_dx=True)
    y, dx = bound.forward(x), bound.backward(d.copy())
    for k, network in enumerate(alone):
        one = network.bind(x.shape[1:], train=train, needs_dx=True)
        assert_allclose(y[k], one.forward(x[k]), rtol=1e-12, atol=1e-13)
        assert_allclose(dx[k], one.backward(d[k].copy()), rtol=1e-12, atol=1e-13)
        for array in vars(network.g):
            result, expected = getattr(together.g, array)[k], getattr(network.g, array)
            assert_allclose(result, expected, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("name", OF_FEATURES)
@pytest.mark.parametrize("train", [False, True])
def test_members_that_share_are_rows_of_one_network(name, train):
    network, x, d = make(OF_FEATURES[name]((5,))), draw((3, 9, 5)), draw((3, 9, 5), seed=2)
    results = []
    for shape in ((3, 9, 5), (27, 5)):
        other = network.over(network.theta.copy(), network.fixed.copy())
        bound = other.bind(shape, train=train, needs_dx=True)
        y, dx = bound.forward(x.reshape(shape)), bound.backward(d.reshape(shape).copy())
        results.append([a.reshape(27, 5) for a in (y, dx)] + [other.grad, other.fixed])
    assert_same(*results)


def test_a_residual_of_another_width_by_hand():
    network, x = make(Residual(Dense(5, 7), Dense(5, 7, bias=False))), draw((9, 5))
    p, d = network.p, draw((9, 7), seed=2)
    y, dx, _ = run(network, x)
    assert_allclose(y, x @ p.shortcut.W + x @ p.inner.W + p.inner.b, rtol=1e-12, atol=1e-14)
    assert_allclose(dx, d @ p.shortcut.W.T + d @ p.inner.W.T, rtol=1e-12, atol=1e-14)
    for branch in (network.g.inner, network.g.shortcut):
        assert_allclose(branch.W, x.T @ d, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("residual", [Residual, ReZero])
@pytest.mark.parametrize("layer", [Dense(5, 7), Dense(5, 1)])
def test_branches_with_different_output_shapes_are_refused(residual, layer):
    message = rf"{residual.__name__} needs .* same shape.*shortcut=Dense\(5, {layer.n_out}\)"
    with pytest.raises(ValueError, match=message):
        Network(residual(layer)).bind((9, 5))


@pytest.mark.parametrize("residual", [Residual, ReZero])
def test_no_dx_of_the_lowest_layer(residual):
    layer = residual(Dense(5, 7), Dense(5, 7))
    network, x = make(layer), draw((9, 5))
    expected = run(network, x)[2]
    bound = network.bind(x.shape)
    d = draw(bound.forward(x).shape, seed=2)
    assert bound.backward(d) is None
    assert_array_equal(network.grad, expected)
    assert "dx" not in bound.ws.children["inner"].arrays


def test_rezero_by_hand():
    network, x, d = make(ReZero(Dense(5, 5))), draw((9, 5)), draw((9, 5), seed=2)
    W, b, a = network.p.inner.W, network.p.inner.b, network.p.residual_weight
    y, dx, _ = run(network, x)
    assert_allclose(y, x + a * (x @ W + b), rtol=1e-12, atol=1e-14)
    assert_allclose(dx, d + a * d @ W.T, rtol=1e-12, atol=1e-14)
    assert_allclose(network.g.residual_weight, [np.sum(d * (x @ W + b))], rtol=1e-12)
    assert_allclose(network.g.inner.W, a * x.T @ d, rtol=1e-12, atol=1e-14)


def test_residual_weights_of_members():
    network, x = make(ReZero(BLOCK, shape=(3,))), draw((3, 9, 5))
    one = make(ReZero(BLOCK))
    y, dx, _ = run(network, x)
    gradient = network.g.residual_weight.copy()
    for k in range(3):
        one.p.inner.dense_0.W[...] = network.p.inner.dense_0.W
        one.p.inner.dense_0.b[...] = network.p.inner.dense_0.b
        one.p.inner.dense_2.W[...] = network.p.inner.dense_2.W
        one.p.inner.dense_2.b[...] = network.p.inner.dense_2.b
        one.p.residual_weight[...] = network.p.residual_weight[k]
        bound = one.bind((9, 5), needs_dx=True)
        assert_allclose(bound.forward(x[k]), y[k], rtol=1e-12, atol=1e-14)
        d = draw((3, 9, 5), seed=2)[k]
        assert_allclose(bound.backward(d), dx[k], rtol=1e-12, atol=1e-14)
        assert_allclose(one.g.residual_weight, gradient[k : k + 1], rtol=1e-12)


def test_new_rezero_is_the_identity():
    """A hundred new blocks are the identity, and pass the delta on as it is."""
    network = Network(Sequential(tuple(ReZero(BLOCK) for _ in range(100))))
    network.initialize(np.random.default_rng(0))
    x, d = draw((9, 5)), draw((9, 5), seed=2)
    bound = network.bind(x.shape, needs_dx=True)
    assert_array_equal(bound.forward(x), x)
    assert_array_equal(bound.backward(d.copy()), d)
    assert network.g.rezero_0.residual_weight != 0
    assert_array_equal(network.g.rezero_0.inner.dense_0.W, 0)


def test_a_trained_shortcut_is_trained():
    """A shortcut that learns is a layer that learns."""
    layer = Residual(Standardize(5), Dense(5, 5))
    network = make(Sequential((Standardize(5), layer)))
    bound = network.bind((9, 5))
    bound.forward(draw((9, 5)))
    assert bound.backward(np.ones((9, 5))) is None
    assert np.abs(network.grad).min() > 0
