"""A network with other units of its inputs and outputs, or more inputs, is the same function."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skbackprop.nn.activations import ACTIVATIONS
from skbackprop.nn.architectures import Embedding, Extras, mlp, table_input
from skbackprop.nn.layers import Sequential
from skbackprop.nn.network import Network, fixed_arrays
from skbackprop.nn.reparametrize import (
    LARGEST_SLOPE,
    ends_with_scores,
    grown,
    leave_out_inputs,
    rescale_inputs,
    rescale_outputs,
)

rng = np.random.default_rng(0)
KINDS = {
    "one network": Extras(),
    "scaled inputs": Extras(input_scale=True),
    "members": Extras(members=3),
    "members, scaled inputs": Extras(members=3, input_scale=True),
    "shared": Extras(members=3, sharing="batch"),
    "residual, normalized": Extras(residual=True, normalization="layer"),
}
EMBEDDINGS = {
    "plain": Embedding(),
    "periodic": Embedding(n_frequencies=4, sigma=0.1),
    "both": Embedding(n_frequencies=2, n_bins=3, sigma=0.1),
}
EVERY = [
    pytest.mark.parametrize("kind", KINDS),
    pytest.mark.parametrize("embedding", EMBEDDINGS),
]


def make(kind, embedding, widths=(3, 2, ())):
    members = KINDS[kind].members if KINDS[kind].sharing == "independent" else None
    front, n_in = table_input(widths, EMBEDDINGS[embedding], members)
    layer = mlp(n_in, (6, 6), 2, activations=[ACTIVATIONS["silu"]], extras=KINDS[kind])
    network = Network(layer if front is None else Sequential((front, *layer.layers)))
    network.initialize(np.random.default_rng(1))
    network.theta += 0.1 * np.random.default_rng(2).normal(size=network.theta.size)
    for name, view in fixed_arrays(network):
        if name == "edges":
            view[...] = np.sort(np.random.default_rng(3).normal(size=view.shape))
    return network


def test_a_member_that_does_without_inputs_has_no_gradient_for_them():
    network, x = make("members, scaled inputs", "both"), rng.normal(size=(20, 5))
    leave_out_inputs(network, slice(3, 5), slice(1, 3))
    bound = network.bind(x.shape, train=True)
    bound.delta[...] = bound.forward(x) - 1
    bound.backward(bound.delta)
    other = x + np.array([0, 0, 0, 1, -1])
    same = (network.scores(other) == network.scores(x)).all(axis=(1, 2))
    assert same.tolist() == [False, True, True]
    (first,) = [g for g in vars(network.g).values() if hasattr(g, "scale")]
    for gradient in (first.W, first.scale):
        assert not gradient[1:, 3:5].any()
        assert gradient[0, 3:5].any()
        assert gradient[1:, :3].any()


@EVERY[0]
@EVERY[1]
def test_an_affine_change_of_the_inputs_changes_no_score(kind, embedding):
    network, x = make(kind, embedding), rng.normal(size=(20, 5))
    a, b = np.array([0.5, 2.0, 1.0]), np.array([1.0, -0.5, 3.0])
    before, other = network.scores(x), x.copy()
    other[:, :3] = (x[:, :3] - b) / a
    assert np.abs(network.scores(other) - before).max() > 0.01
    rescale_inputs(network.layer, network.p, a, b)
    assert_allclose(network.scores(other), before, rtol=1e-9, atol=1e-12)


@EVERY[0]
def test_an_affine_change_of_the_scores(kind):
    network, x = make(kind, "periodic"), rng.normal(size=(20, 5))
    before, a, b = network.scores(x), np.array([3.0, 0.5]), np.array([1.0, -2.0])
    rescale_outputs(network.layer, network.p, a, b)
    assert_allclose(network.scores(x), a * before + b, rtol=1e-9)
    assert ends_with_scores(network.layer)


def test_a_large_factor_keeps_the_scores_at_the_new_center_only():
    network = make("one network", "plain")
    b, x = np.array([1.0, 2.0, 3.0]), np.array([[1.0, 2.0, 3.0, 0.0, 0.0]])
    before, W = network.scores(x), network.p.dense_0.W.copy()
    rescale_inputs(network.layer, network.p, np.full(3, 1e6), b)
    assert_allclose(network.scores(np.zeros((1, 5))), before, rtol=1e-9)
    assert_allclose(network.p.dense_0.W[:3], LARGEST_SLOPE * W[:3])


@EVERY[0]
@EVERY[1]
def test_more_inputs_and_levels_change_no_score(kind, embedding):
    old = make(kind, embedding, (3, 2, (4,)))
    new = make(kind, embedding, (4, 3, (5, 2)))
    inputs = {
        "number": np.array([0, 1, 2, -1]),
        "plain": np.array([0, 1, 2, -1, 3, 4, -1]),
        "code": np.array([0, -1]),
        "table": np.array([0, 1, 2, 3, 0, -1, -1]),  # the new level has the vector of code 0
    }
    x = np.column_stack([rng.normal(size=(20, 5)), rng.integers(0, 4, 20)])
    wide = np.column_stack(
        [x[:, :3], rng.normal(size=20), x[:, 3:5], np.ones(20), x[:, 5], np.ones(20)]
    )
    network, places = grown(old, new.layer, inputs, np.random.default_rng(0))
    assert_allclose(network.scores(wide), old.scores(x), rtol=1e-9, atol=1e-12)
    assert_array_equal(network.theta[places >= 0], old.theta[places[places >= 0]])
    assert_array_equal(np.unique(places[places >= 0]), np.arange(old.theta.size))


def test_embeddings_may_appear_where_there_were_none():
    old, new = make("members", "periodic", (0, 2, ())), make("members", "periodic", (1, 2, ()))
    inputs = {"number": np.array([-1]), "plain": np.array([-1, 0, 1])}
    inputs |= {"code": np.array([], int), "table": np.array([], int)}
    network, _ = grown(old, new.layer, inputs, np.random.default_rng(0))
    x = rng.normal(size=(7, 3))
    assert_allclose(network.scores(x), old.scores(x[:, 1:]), rtol=1e-9)
