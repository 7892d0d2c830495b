"""Laws of the activations, for every entry of `ACTIVATIONS`."""

import copy
import pickle
from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skbackprop.nn import blocks
from skbackprop.nn.activations import ACTIVATIONS, Activation, Elu, Exp, LeakyRelu
from skbackprop.nn.gradcheck import check_layer
from skbackprop.nn.layers import Activate

KINKS = {"relu": [0], "leaky_relu": [0], "selu": [0], "elu": [0], "hard_tanh": [-1, 1]}
FLOATS = [np.float32, np.float64]

# f(z) and f'(z) as torch 2.13 computes them in double precision.
Z = [-2.0, -0.5, 0.0, 1.0, 3.0]
TORCH = {
    "identity": (Z, [1.0] * 5),
    "logistic": (
        [0.119202922022, 0.377540668798, 0.5, 0.73105857863, 0.952574126822],
        [0.104993585404, 0.235003712202, 0.25, 0.196611933241, 0.045176659731],
    ),
    "tanh": (
        [-0.964027580076, -0.46211715726, 0.0, 0.761594155956, 0.995054753687],
        [0.070650824853, 0.786447732966, 1.0, 0.419974341614, 0.009866037165],
    ),
    "relu": ([0.0, 0.0, 0.0, 1.0, 3.0], [0.0, 0.0, 0.0, 1.0, 1.0]),
    "leaky_relu": ([-0.02, -0.005, 0.0, 1.0, 3.0], [0.01, 0.01, 0.01, 1.0, 1.0]),
    "elu": (
        [-0.864664716763, -0.393469340287, 0.0, 1.0, 3.0],
        [0.135335283237, 0.606530659713, 1.0, 1.0, 1.0],
    ),
    "selu": (
        [-1.520166468596, -0.691758187803, 0.0, 1.050700987355, 3.152102962066],
        [0.237932872252, 1.066341153045, 1.758099340847, 1.050700987355, 1.050700987355],
    ),
    "gelu": (
        [-0.045500263896, -0.154268769363, 0.0, 0.841344746069, 2.995950305905],
        [-0.085231801078, 0.132504875344, 0.5, 1.083315470588, 1.011945647204],
    ),
    "gelu_tanh": (
        [-0.045402305912, -0.154285990175, 0.0, 0.841191990608, 2.996362607918],
        [-0.086099256624, 0.132630096465, 0.5, 1.082964083846, 1.011584166631],
    ),
    "silu": (
        [-0.238405844044, -0.188770334399, 0.0, 0.73105857863, 2.857722380467],
        [-0.090784248785, 0.260038812697, 0.5, 0.927670511871, 1.088104106015],
    ),
    "mish": (
        [-0.252501482696, -0.220743774652, 0.0, 0.865098388267, 2.986535004968],
        [-0.10835509242, 0.289510677914, 0.6, 1.0490362201, 1.021106910929],
    ),
    "softplus": (
        [0.126928011043, 0.47407698418, 0.69314718056, 1.313261687518, 3.048587351574],
        [0.119202922022, 0.377540668798, 0.5, 0.73105857863, 0.952574126822],
    ),
    "hard_tanh": ([-1.0, -0.5, 0.0, 1.0, 1.0], [0.0, 1.0, 1.0, 0.0, 0.0]),
    "exp": (
        [0.135335283237, 0.606530659713, 1.0, 2.718281828459, 20.085536923188],
        [0.135335283237, 0.606530659713, 1.0, 2.718281828459, 20.085536923188],
    ),
}

# Slopes far to the left and far to the right.
TAILS = {
    "identity": (1, 1),
    "logistic": (0, 0),
    "tanh": (0, 0),
    "relu": (0, 1),
    "leaky_relu": (0.01, 1),
    "elu": (0, 1),
    "selu": (0, 1.0507009873554805),
    "gelu": (0, 1),
    "gelu_tanh": (0, 1),
    "silu": (0, 1),
    "mish": (0, 1),
    "softplus": (0, 1),
    "hard_tanh": (0, 0),
    "exp": (0, None),
}

each = pytest.mark.parametrize("name", ACTIVATIONS)
each_dtype = pytest.mark.parametrize("dtype", FLOATS)


def value(f, z):
    y = np.full_like(z, np.nan)
    f.forward(z, y)
    return y


def derivative(f, z):
    d = np.ones_like(z)
    f.backward(z, value(f, z), d)
    return d


@each
@each_dtype
def test_values_and_derivatives_of_torch(name, dtype):
    z = np.array(Z, dtype)
    tolerance = {"rtol": 10 * np.finfo(dtype).eps, "atol": max(1e-12, np.finfo(dtype).eps)}
    assert_allclose(value(ACTIVATIONS[name], z), TORCH[name][0], **tolerance)
    assert_allclose(derivative(ACTIVATIONS[name], z), TORCH[name][1], **tolerance)


@each
@each_dtype
def test_derivative_is_the_slope(name, dtype):
    f, h = ACTIVATIONS[name], 1e-3
    z = np.linspace(-6, 6, 241).astype(dtype).astype(float)
    for kink in KINKS.get(name, []):
        z = z[np.abs(z - kink) > 3 * h]
    slope = 8 * (value(f, z + h) - value(f, z - h)) - (value(f, z + 2 * h) - value(f, z - 2 * h))
    eps = np.finfo(dtype).eps
    expected = slope / (12 * h)
    assert_allclose(
        derivative(f, z.astype(dtype)), expected, rtol=max(1e-9, 10 * eps), atol=max(1e-9, 4 * eps)
    )


@each
@each_dtype
def test_extremes(name, dtype):
    large = np.concatenate([np.geomspace(1, 1e4, 500), np.geomspace(1e-40, 1, 50)])
    z = np.concatenate([-large, [0], large]).astype(dtype)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        y, d = value(ACTIVATIONS[name], z), derivative(ACTIVATIONS[name], z)
    assert np.isfinite(y).all()
    assert np.isfinite(d).all()
    assert y.dtype == d.dtype == dtype
    if name != "exp":
        assert np.abs(d).max() < 2
        assert_allclose(y, value(ACTIVATIONS[name], z.astype(float)), rtol=1e-6, atol=1e-6)


@each
def test_far_away_it_is_a_straight_line(name):
    """Multiplied by -1e4 and 1e4, rounding noise in a tail would show."""
    far = np.array([-1e4, -100.0, 100.0, 1e4])
    left, right = TAILS[name]
    d = derivative(ACTIVATIONS[name], far)
    assert_allclose(d[:2], left, rtol=0, atol=1e-15)
    if right is not None:
        assert_allclose(d[2:], right, rtol=1e-15)


@each
@each_dtype
def test_derivative_is_continuous_at_zero(name, dtype):
    """From the left, the side to which 0 belongs; numbers may be too small to divide by."""
    tiny = -np.array([0, 1e-45, 1e-40, 1e-35, 1e-25, 1e-12], dtype)
    expected = derivative(ACTIVATIONS[name], np.zeros(1, dtype))[0]
    assert_allclose(
        derivative(ACTIVATIONS[name], tiny), np.full(6, expected), rtol=1e-7, atol=1e-11
    )


@each
@each_dtype
def test_in_place(name, dtype, rng):
    f = ACTIVATIONS[name]
    z = rng.normal(size=(6, 4)).astype(dtype)
    z_before, factor = z.copy(), derivative(f, z)
    y = value(f, z)
    assert not np.shares_memory(y, z)
    y_before, d_before = y.copy(), rng.normal(size=z.shape).astype(dtype)
    d = d_before.copy()
    assert f.backward(z, y, d) is None
    assert_array_equal(z, z_before)
    assert_array_equal(y, y_before)
    assert_allclose(d, d_before * factor, rtol=4 * np.finfo(dtype).eps)


@each
@pytest.mark.parametrize("shape", [(40,), (40, 3), (4, 10, 3), (2, 2, 5, 30), (0, 3)])
@pytest.mark.parametrize("order", ["C", "F"])
def test_blocks_do_not_matter(name, shape, order, rng, monkeypatch):
    f, z = ACTIVATIONS[name], np.asarray(rng.normal(size=shape), order=order)
    z.setflags(write=False)
    y, d = value(f, z), derivative(f, z)
    monkeypatch.setattr(blocks, "BLOCK", 7)
    assert_allclose(value(f, z), y, rtol=1e-15)
    assert_allclose(derivative(f, z), d, rtol=1e-15)


@each
def test_is_a_value(name):
    f = ACTIVATIONS[name]
    assert isinstance(f, Activation)
    assert f == copy.deepcopy(f) == pickle.loads(pickle.dumps(f))
    assert hash(f) == hash(copy.deepcopy(f))
    with pytest.raises(FrozenInstanceError):
        f.alpha = 2.0


def test_entries_differ():
    assert len(set(ACTIVATIONS.values())) == len(ACTIVATIONS)


def test_parameters(rng):
    z = -np.ones(1)
    assert_allclose(value(LeakyRelu(0.25), z), -0.25)
    assert_allclose(derivative(LeakyRelu(0.25), z), 0.25)
    assert_allclose(value(Elu(2.0), z), 2 * np.expm1(-1))
    assert_allclose(derivative(Elu(2.0), z), 2 * np.exp(-1))


@pytest.mark.parametrize("slope", [-0.1, 1.5, np.nan])
def test_leaky_relu_refuses_other_slopes(slope):
    with pytest.raises(ValueError, match=r"0 <= slope <= 1, got slope=.*Usual values"):
        LeakyRelu(slope)


def test_gelu_tanh_is_close_to_gelu():
    z = np.linspace(-20, 20, 4001)
    gap = np.abs(value(ACTIVATIONS["gelu"], z) - value(ACTIVATIONS["gelu_tanh"], z)).max()
    assert 0.0004 < gap < 0.0005


@each_dtype
def test_exp_is_cut_where_its_square_would_overflow(dtype):
    y = value(Exp(), np.array([1e4, 2e4], dtype))
    assert y[0] == y[1] > 1e18
    assert np.isfinite(y * y).all()
    assert_array_equal(derivative(Exp(), np.array([1e4, 2e4], dtype)), y)  # it can come back


class Square:
    """An activation of a user, who knows nothing of `Activation`."""

    def forward(self, z, out):
        np.multiply(z, z, out=out)

    def backward(self, z, y, d):
        d *= 2 * z


def test_an_object_of_a_user(rng):
    assert isinstance(Square(), Activation)
    assert check_layer(Activate(Square()), rng.normal(size=(9, 5))) < 1e-9
