"""Networks that are monotone by the signs of their weights."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skbackprop.nn.activations import ACTIVATIONS
from skbackprop.nn.gradcheck import check_layer
from skbackprop.nn.layers import (
    Activate,
    CategoricalEmbedding,
    Dense,
    MemberDense,
    PeriodicEmbedding,
    PiecewiseLinear,
    Scale,
    ScaledDense,
    Sequential,
    TableInput,
)
from skbackprop.nn.monotone import MonotoneUnits, inputs_of_table, start_within, weight_limits
from skbackprop.nn.network import Network

SILU = ACTIVATIONS["silu"]
UNITS = MonotoneUnits(SILU, 3, 5)
FLOATS = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def values(units, z):
    out = np.empty_like(z)
    units.forward(z, out)
    return out


# Units ----------------------------------------------------------------------------------------


def test_formulas():
    z = np.random.default_rng(0).normal(size=(7, 8)) * 3
    y = values(UNITS, z)
    assert_array_equal(y[:, :3], values(SILU, z[:, :3].copy()))
    convex = (z + np.sqrt(z**2 + 1)) / 2
    concave = -(-z + np.sqrt(z**2 + 1)) / 2
    assert_allclose(y[:, 3:6], convex[:, 3:6], rtol=1e-12)
    assert_allclose(y[:, 6:], concave[:, 6:], rtol=1e-12)


@pytest.mark.parametrize("n_free", [0, 3, 8])
def test_gradient(n_free):
    layer, rng = Activate(MonotoneUnits(SILU, n_free, 8 - n_free)), np.random.default_rng(0)
    assert check_layer(layer, rng.normal(size=(6, 8))) < 1e-8
    assert check_layer(layer, rng.normal(size=(2, 6, 8))) < 1e-8


@pytest.mark.parametrize("free", ["silu", "tanh"])  # with both at once, and without
def test_slopes_are_the_same_in_both_ways(free):
    units, z = MonotoneUnits(ACTIVATIONS[free], 3, 5), np.random.default_rng(0).normal(size=(6, 8))
    y, slope, d = np.empty_like(z), np.empty_like(z), np.full_like(z, 2.0)
    units.forward_and_slope(z, y, slope)
    units.backward(z, values(units, z), d)
    assert_allclose(y, values(units, z), rtol=1e-12)
    assert_allclose(d, 2 * slope, rtol=1e-12)
    assert (slope[:, 3:] > 0).all()


@FLOATS
def test_units_never_fall_after_rounding(dtype):
    rng = np.random.default_rng(0)
    z = rng.normal(size=(20_000, 2)) * 10.0 ** rng.uniform(-6, 8, (20_000, 1))
    z = z.astype(dtype)
    above = np.nextafter(z, dtype(np.inf))
    units = MonotoneUnits(SILU, 0, 2)
    assert (values(units, above) >= values(units, z)).all()


@FLOATS
def test_units_of_large_numbers_are_finite(dtype):
    z = np.array([[1e15, 1e15, -1e15, -1e15]], dtype)
    units = MonotoneUnits(SILU, 0, 4)
    assert np.isfinite(values(units, z)).all()


# Limits ---------------------------------------------------------------------------------------


def test_limits_of_a_linear_model():
    network = Network(Sequential((Dense(3, 2),)))
    low, high = weight_limits(network, np.array([1.0, -1.0, 0.0]), np.array([1.0, -1.0]))
    inf = np.inf
    assert_array_equal(low, [0, -inf, -inf, 0, -inf, -inf, -inf, -inf])
    assert_array_equal(high, [inf, 0, 0, inf, inf, inf, inf, inf])


def test_directions_of_the_columns_of_a_table():
    layer = TableInput(
        2, 1, PiecewiseLinear(2, 3), PeriodicEmbedding(2, 2), CategoricalEmbedding((4,), 2)
    )
    nan = np.nan
    expected = [-1, 0, 0, *[-1] * 3, *[0] * 3, nan, nan, 0, 0, 0, 0]
    assert_array_equal(inputs_of_table(layer, np.array([-1.0, 0.0, 0.0])), expected)


FRONT = TableInput(3, 1, PiecewiseLinear(3, 2), PeriodicEmbedding(3, 2))
N_IN = FRONT.output_shape((1, 4))[-1]
HIDDEN = MonotoneUnits(SILU, 4, 6)
NETWORKS = {
    "linear": Sequential((Dense(4, 2),)),
    "hidden": Sequential((Dense(4, 10), Activate(HIDDEN), Dense(10, 2))),
    "scaled": Sequential((FRONT, Scale((N_IN,)), Dense(N_IN, 10), Activate(HIDDEN), Dense(10, 2))),
    "members": Sequential(
        (
            FRONT,
            ScaledDense(3, N_IN, 10),
            Activate(HIDDEN),
            MemberDense(3, 10, 10),
            Activate(HIDDEN),
            MemberDense(3, 10, 2),
        )
    ),
}


@FLOATS
@pytest.mark.parametrize("name", NETWORKS)
def test_random_parameters_within_the_limits_are_monotone(name, dtype):
    rng = np.random.default_rng(0)
    network = Network(NETWORKS[name], dtype)
    network.initialize(rng)
    if hasattr(network.p, "tableinput_0"):
        network.p.tableinput_0.piecewise_linear.edges[...] = [-1, 0, 1]
    x = rng.normal(size=(4000, 4)).astype(dtype)
    raised = x + np.array([1, -1, 0, 0], dtype) * rng.exponential(size=x.shape).astype(dtype)
    limits = weight_limits(network, np.array([1.0, -1.0, 0.0, 0.0]), np.array([1.0, -1.0]))
    for _ in range(10):
        network.theta[...] = rng.normal(size=network.theta.size)
        assert ((network.scores(raised) - network.scores(x)) * [1, -1] < 0).any()
        network.theta.clip(*limits, out=network.theta)
        assert ((network.scores(raised) - network.scores(x)) * [1, -1] >= 0).all()


def test_the_start_keeps_sizes_and_turns_signs():
    theta = np.array([-1.0, 2.0, -3.0, 4.0, -5.0])
    low, high = np.array([0, -np.inf, 0, 0, -np.inf]), np.array([np.inf, 0, 0, 0, np.inf])
    start_within(theta, (low, high))
    assert_array_equal(theta, [1, -2, 0, 0, -5])
