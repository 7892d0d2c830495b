"""The check of gradients must accept the right ones and be able to refuse the others."""

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skbackprop.nn.gradcheck import check_gradient, check_layer
from skbackprop.nn.layers import Dense

each_dtype = pytest.mark.parametrize("dtype", [np.float32, np.float64])


@pytest.fixture
def theta(rng):
    return rng.normal(size=30)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_accepts_the_derivative(dtype, theta):
    theta = theta.astype(dtype)
    error = check_gradient(lambda t: (np.sum(np.sin(t), dtype=float), np.cos(t)), theta)
    assert error < (1e-9 if dtype == np.float64 else 1e-4)


@pytest.mark.parametrize("factor", [0.0, -1.0, 0.99, 1.0001])
def test_refuses_another_scale(factor, theta):
    error = check_gradient(lambda t: (np.sum(np.sin(t)), factor * np.cos(t)), theta)
    assert error > 0.5 * min(abs(factor - 1), 1)


def test_refuses_one_wrong_entry_and_nan(theta):
    def wrong(t, value):
        g = np.cos(t)
        g[7] = value
        return np.sum(np.sin(t)), g

    assert check_gradient(lambda t: wrong(t, 0.0), theta) > 1e-2
    assert np.isnan(check_gradient(lambda t: wrong(t, np.nan), theta))


def test_a_gradient_of_zeros():
    assert check_gradient(lambda t: (3.0, np.zeros(4)), np.ones(4)) == 0
    assert check_gradient(lambda t: (0.0, np.zeros(0)), np.ones(0)) == 0
    assert check_gradient(lambda t: (np.sum(t), np.zeros(4)), np.ones(4)) == 1


def test_may_get_the_same_array_each_time(theta):
    g = np.empty(30)

    def reused(t):
        np.cos(t, out=g)
        return np.sum(np.sin(t)), g

    before = theta.copy()
    assert check_gradient(reused, theta) < 1e-9
    assert_array_equal(theta, before)


def test_steps_over_kinks(rng):
    """The longest step reaches across some of these kinks, a shorter one does not."""
    theta = rng.normal(size=300)
    theta[::100] = 2e-5
    longest = 2 * np.finfo(float).eps ** 0.2 / np.sqrt(300)  # of a typical entry
    assert longest / 8 < 2e-5 < longest
    assert check_gradient(lambda t: (np.sum(np.abs(t)), np.sign(t)), theta) < 1e-8


@pytest.mark.parametrize("directions", [1, 7])
def test_step_and_directions(directions):
    calls = []

    def counted(t):
        calls.append(t)
        return np.sum(t**7), 7 * t**6

    coarse = check_gradient(counted, np.ones(3), step=0.5, directions=directions)
    assert len(calls) == 1 + directions * 16
    assert coarse < 1e-4
    assert np.max([np.linalg.norm(t - 1) for t in calls]) == pytest.approx(1.0)


@pytest.mark.parametrize("wrong", ["W", "b", "dx"])
@each_dtype
def test_refuses_a_wrong_layer(wrong, dtype, rng):
    assert check_layer(Wrong(5, 8, wrong=wrong), rng.normal(size=(9, 5)), dtype=dtype) > 0.1


@dataclass(frozen=True)
class Wrong(Dense):
    """Dense, one of whose derivatives is off."""

    wrong: str = "W"

    def bind(self, p, g, ws):
        forward, backward = super().bind(p, g, ws)

        def wrong_backward(d):
            dx = backward(d)
            array = {"W": g.W, "b": g.b, "dx": dx}[self.wrong]
            if array is not None:
                array *= 2
            return dx

        return forward, wrong_backward
