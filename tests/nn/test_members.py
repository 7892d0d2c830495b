"""Members in one stack are networks that are independent of each other."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skbackprop.nn.activations import ACTIVATIONS
from skbackprop.nn.architectures import (
    LONGEST_STEP,
    Embedding,
    Extras,
    mlp,
    ntk_lr_multipliers,
    table_input,
)
from skbackprop.nn.layers import Sequential
from skbackprop.nn.linalg import SINGLE_THREAD, stacked_matmul
from skbackprop.nn.network import Network, copy_members, fixed_arrays, leaves

K, N = 3, 11
MISH = [ACTIVATIONS["mish"]]
EXTRAS = {
    "plain": Extras(),
    "everything": Extras(input_scale=True, residual=True, normalization="layer"),
}
WIDTHS = 4, 2, (5, 3)
EMBEDDINGS = {
    "both": Embedding(3, 0.2, 2, 2),
    "periodic": Embedding(3, 0.2, 0, 2),
    "piecewise": Embedding(0, 0.2, 3, 2),
    "none": Embedding(category_width=2),
}


def network_of(members, extras=EXTRAS["plain"], embedding=EMBEDDINGS["both"], seed=0):
    front, n_in = table_input(WIDTHS, embedding, members)
    extras = Extras(**{**vars(extras), "members": members})
    layer = mlp(n_in, (6, 6), 2, activations=MISH, extras=extras)
    network = Network(Sequential((front, *layer.layers)))
    rng = np.random.default_rng(seed)
    network.initialize(rng)
    network.theta += 0.1 * rng.normal(size=network.theta.shape)  # gates and biases, too
    for name, view in fixed_arrays(network):
        if name == "edges":
            view[...] = np.sort(rng.normal(size=view.shape), axis=1)
    return network


def rows(*lead, seed=1):
    rng = np.random.default_rng(seed)
    numbers = rng.normal(size=(*lead, N, 6))
    codes = np.stack([rng.integers(0, c, (*lead, N)) for c in WIDTHS[2]], axis=-1)
    return np.concatenate([numbers, codes], axis=-1)


@pytest.mark.parametrize("extras", EXTRAS.values(), ids=EXTRAS)
@pytest.mark.parametrize("embedding", EMBEDDINGS.values(), ids=EMBEDDINGS)
def test_each_member_computes_and_learns_as_if_it_were_alone(extras, embedding):
    whole, x = network_of(K, extras, embedding), rows(K)
    d = np.random.default_rng(2).normal(size=(K, N, 2))
    bound = whole.bind(x.shape, train=True)
    scores = bound.forward(x).copy()
    bound.backward(d.copy())
    gradient = whole.over(whole.grad, whole.fixed)
    for m in range(K):
        alone = network_of(1, extras, embedding)
        copy_members(whole, alone, m, to_whole=False)
        part = alone.bind((1, N, x.shape[-1]), train=True)
        assert_allclose(part.forward(x[m : m + 1])[0], scores[m], rtol=1e-10)
        part.backward(d[m : m + 1].copy())
        expected = alone.over(np.zeros_like(alone.theta), alone.fixed)
        copy_members(gradient, expected, m, to_whole=False)
        assert_allclose(alone.grad, expected.theta, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("extras", EXTRAS.values(), ids=EXTRAS)
def test_members_that_share_their_rows_predict_as_with_copies_of_them(extras):
    network, x = network_of(K, extras), rows()
    assert_allclose(network.scores(x), network.scores(np.stack([x] * K)), rtol=1e-12)
    assert_array_equal(network.scores(x, chunk=4), network.scores(x, chunk=4))
    assert_allclose(network.scores(x, chunk=4), network.scores(x), rtol=1e-12)


def test_members_are_copied_out_and_in():
    whole, part = network_of(5), network_of(2, seed=3)
    before = [leaf.copy() for leaf in leaves(whole)]
    copy_members(whole, part, 3, to_whole=True)
    for old, new, small in zip(before, leaves(whole), leaves(part), strict=True):
        if new.shape == small.shape:  # shared by all
            assert_array_equal(new, small)
        else:
            assert_array_equal(new[:3], old[:3])
            assert_array_equal(new[3:], small)
    copy = network_of(2, seed=4)
    copy_members(whole, copy, 3, to_whole=False)
    assert_array_equal(copy.theta, part.theta)


@pytest.mark.parametrize("n", [1, 16, 17, 300])
@pytest.mark.parametrize("n_in", [3, 400])
@pytest.mark.parametrize("transposed", [False, True])
def test_products_in_blocks_are_products(n, n_in, transposed):
    rng = np.random.default_rng(0)
    a = (
        rng.normal(size=(2, n_in, n)).swapaxes(1, 2)
        if transposed
        else rng.normal(size=(2, n, n_in))
    )
    b = rng.normal(size=(2, n_in, 70))
    assert (n * n_in * 70 > SINGLE_THREAD) == (n * n_in == 300 * 400)
    assert_allclose(stacked_matmul(a, b, np.empty((2, n, 70))), a @ b, rtol=1e-12, atol=1e-12)


def test_rates_fall_with_the_root_of_the_inputs():
    network = Network(mlp(16, (256,), 1, activations=MISH, extras=Extras(input_scale=True)))
    rates = network.layout.bind(ntk_lr_multipliers(network.layout, np.float64, 0.005))
    assert_array_equal(np.unique(rates.scale_0.scale), [48.0])
    assert_array_equal(np.unique(rates.dense_1.W), [2.0])  # √(64 / 16)
    assert_array_equal(np.unique(rates.dense_3.W), [0.5])  # √(64 / 256)
    assert_array_equal(np.unique(rates.dense_3.b), [0.8])


@pytest.mark.parametrize("learning_rate", [0.005, 0.01, 0.1, 10.0])
def test_factors_of_inputs_take_no_long_steps(learning_rate):
    network = Network(mlp(16, (8,), 1, activations=MISH, extras=Extras(input_scale=True)))
    factors = network.layout.bind(ntk_lr_multipliers(network.layout, np.float64, learning_rate))
    longest = learning_rate * factors.scale_0.scale
    assert_allclose(longest, min(48.0 * learning_rate, LONGEST_STEP["scale"]))
    assert_array_equal(np.unique(factors.dense_1.W), [2.0])


def test_columns_that_do_not_learn_are_asked_for_nothing():
    network = network_of(K, Extras(input_scale=True))
    bound = network.bind((K, N, 8), train=True)
    bound.forward(rows(K))
    bound.backward(np.ones((K, N, 2)))
    dense = bound.ws.children["scaleddense_1"]
    assert dense.first_dx_column == network.layer.layers[0].n_untrained == 6 + 4 * 2
    assert not dense.arrays["dx"][..., : dense.first_dx_column].any()
    assert dense.arrays["dx"][..., dense.first_dx_column :].any()
