"""Normalizing layers: torch's numbers, running moments, and the independence of rows."""

import json
import warnings
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skbackprop.nn.layers import (
    BatchNorm,
    Dense,
    LayerNorm,
    RMSNorm,
    Sequential,
)
from skbackprop.nn.network import Network

from .test_layers import draw, make

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "norms.json").read_text())
NORMS = [BatchNorm, LayerNorm, RMSNorm]
NAMES = dict(zip(("batch_norm", "layer_norm", "rms_norm"), NORMS, strict=True))
each_norm = pytest.mark.parametrize("norm", NORMS)


def run(network, x, d, train):
    """Copies of ``y``, ``dx`` and the gradient."""
    bound = network.bind(x.shape, train=train, needs_dx=True)
    return bound.forward(x).copy(), bound.backward(d.copy()).copy(), network.grad.copy()


@pytest.mark.parametrize(
    "row", GOLDEN["rows"], ids=lambda row: f"{row['name']} {row['parameters']}"
)
def test_results_of_torch(row):
    x, d, numbers = (np.array(GOLDEN[name]) for name in ("x", "d", "numbers"))
    network = Network(NAMES[row["name"]](x.shape[-1:], **row["parameters"]))
    network.theta[...] = numbers.ravel()[: network.theta.size]
    if network.fixed.size:
        network.fixed[...] = [*numbers[2:].ravel(), row["n_batches"]]
    for batch, expected in zip(x, row["train"], strict=True):
        for result, name in zip(run(network, batch, d, train=True), expected, strict=True):
            assert_allclose(result, expected[name], rtol=1e-11, atol=1e-13, err_msg=name)
    if row["fixed"]:
        assert_allclose(network.fixed, [*np.ravel(row["fixed"]), row["n_batches"] + 3], rtol=1e-13)
    for result, name in zip(run(network, x[0], d, train=False), row["predict"], strict=True):
        assert_allclose(result, row["predict"][name], rtol=1e-11, atol=1e-13, err_msg=name)


def test_every_norm_has_golden_numbers():
    assert {NAMES[row["name"]] for row in GOLDEN["rows"]} == set(NORMS)


def fresh(layer):
    network = Network(layer)
    network.initialize(None)
    return network


@each_norm
@pytest.mark.parametrize("shape", [(300, 5), (4, 300, 5)])
def test_the_output_of_a_new_layer_is_normal(norm, shape):
    x = 3 + 2 * draw(shape)
    y = fresh(norm((5,), epsilon=0.0)).bind(shape, train=True).forward(x)
    over = tuple(range(len(shape) - 1)) if norm is BatchNorm else -1
    if norm is not RMSNorm:
        assert_allclose(y.mean(axis=over), 0, atol=1e-12)
    assert_allclose(np.square(y).mean(axis=over), 1, rtol=1e-12)


@pytest.mark.parametrize("norm", [LayerNorm, RMSNorm])
def test_the_scale_of_a_row_does_not_matter(norm):
    x, factors = draw((9, 5)), np.logspace(-3, 3, 9)[:, None]
    network = fresh(norm((5,), epsilon=0.0))
    assert_allclose(network.scores(factors * x), network.scores(x), rtol=1e-12)
    shifted = network.scores(x + factors)
    assert np.allclose(shifted, network.scores(x), rtol=1e-9, atol=1e-9) == (norm is LayerNorm)


@each_norm
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("value", [0.0, 1.0, -1e6])
def test_constant_input_is_no_division_by_zero(norm, dtype, value):
    network = make(norm((5,)), dtype)
    x = np.full((9, 5), value, dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for result in run(network, x, np.ones_like(x), train=True):
            assert np.isfinite(result).all()
        assert np.isfinite(network.scores(x)).all()


# Batch norm: the running moments.


def test_running_moments_are_plain_means_and_then_exponential():
    batches = draw((8, 9, 5))
    network = fresh(BatchNorm((5,), momentum=0.25))
    bound = network.bind((9, 5), train=True)
    means, variances = batches.mean(axis=1), batches.var(axis=1, ddof=1)
    mean, variance = np.zeros(5), np.ones(5)
    for t, batch in enumerate(batches, start=1):
        bound.forward(batch)
        if t <= 4:
            mean, variance = means[:t].mean(axis=0), variances[:t].mean(axis=0)
        else:
            mean, variance = (
                (0.75 * mean + 0.25 * means[t - 1]),
                (0.75 * variance + 0.25 * variances[t - 1]),
            )
        assert_allclose(network.p.mean, mean, rtol=1e-12, atol=1e-14)
        assert_allclose(network.p.variance, variance, rtol=1e-12)
        assert network.p.n_batches == t


def test_inference_uses_the_running_moments():
    network, x = make(BatchNorm((5,))), draw((9, 5))
    p = network.p
    by_hand = p.gamma * (x - p.mean) / np.sqrt(p.variance + 1e-5) + p.beta
    assert_allclose(network.scores(x), by_hand, rtol=1e-12, atol=1e-14)


def test_moments_after_one_batch():
    """After one batch, inference and training agree up to the factor of n and n - 1."""
    network, x = fresh(BatchNorm((5,), epsilon=0.0)), draw((9, 5))
    y = network.bind(x.shape, train=True).forward(x)
    assert_allclose(network.scores(x), y * np.sqrt(8 / 9), rtol=1e-12, atol=1e-14)


def test_before_the_first_batch_inference_is_the_identity():
    x = draw((9, 5))
    assert_array_equal(fresh(BatchNorm((5,), epsilon=0.0)).scores(x), x)


def test_the_state_is_all_in_the_fixed_vector():
    """Training continued from a copy of both vectors is the training itself."""
    batches = draw((6, 9, 5))
    network = make(BatchNorm((5,)))
    bound = network.bind((9, 5), train=True)
    for batch in batches[:3]:
        bound.forward(batch)
    other = network.over(network.theta.copy(), network.fixed.copy())
    results = []
    for each in (network, other):
        bound = each.bind((9, 5), train=True)
        results.append([bound.forward(batch).copy() for batch in batches[3:]])
    assert_array_equal(*results)
    assert_array_equal(network.fixed, other.fixed)


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (BatchNorm((5,)), (1, 5)),
        (BatchNorm((3, 5)), (3, 1, 5)),
        (Sequential((Dense(4, 5), BatchNorm((5,)))), (1, 4)),
    ],
)
def test_a_training_batch_of_one_row_is_refused(layer, shape):
    network = make(layer)
    with pytest.raises(ValueError, match=r"at least 2 rows in a training batch, got 1.*batch_size"):
        network.bind(shape, train=True)
    assert np.isfinite(network.bind(shape).forward(draw(shape))).all()


def test_members_that_share_moments_may_have_one_row_each():
    network, x = fresh(BatchNorm((5,), epsilon=0.0)), draw((3, 1, 5))
    y = network.bind(x.shape, train=True).forward(x)
    assert_allclose(y.mean(axis=(0, 1)), 0, atol=1e-14)


def test_dx_of_batch_norm_is_orthogonal_to_ones_and_to_the_output():
    network, x, d = fresh(BatchNorm((5,), epsilon=0.0)), draw((9, 5)), draw((9, 5), seed=2)
    y, dx, _ = run(network, x, d, train=True)
    assert_allclose(dx.sum(axis=0), 0, atol=1e-13)
    assert_allclose((dx * y).sum(axis=0), 0, atol=1e-13)
