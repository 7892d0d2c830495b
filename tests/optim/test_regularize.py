"""Clipping shortens what is too long and nothing else; decay shrinks in place, and the step
of the L1 penalty sets to zero what is small."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skbackprop.optim import clip_norm, decay
from skbackprop.optim.base import BLOCK
from skbackprop.optim.regularize import soft_threshold


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_clip_norm_shortens_what_is_too_long(dtype):
    grad = np.array([3.0, -4.0], dtype)
    assert clip_norm(grad, 2.5) == 5.0
    assert_allclose(grad, [1.5, -2.0], rtol=1e-6)
    assert grad.dtype == dtype


@pytest.mark.parametrize("max_norm", [None, 5.0, 7.0, np.inf])
def test_clip_norm_leaves_what_is_short_enough(max_norm):
    grad = np.array([3.0, -4.0])
    assert clip_norm(grad, max_norm) == 5.0
    assert_array_equal(grad, [3.0, -4.0])


def test_clip_norm_survives_squares_that_overflow():
    grad = np.array([3e30, -4e30], np.float32)
    assert_allclose(clip_norm(grad, 1.0), 5e30, rtol=1e-6)
    assert_allclose(grad, [0.6, -0.8], rtol=1e-6)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_clip_norm_does_not_hide_what_is_not_finite(bad):
    grad = np.array([1.0, bad])
    assert not np.isfinite(clip_norm(grad, 1.0))
    assert_array_equal(grad, [1.0, bad])


@pytest.mark.parametrize("amount", [0.1, np.array([0.1, 0.1])], ids=["one", "each"])
def test_decay_shrinks_in_place(amount):
    vector = np.array([1.0, -2.0, 4.0], np.float32)
    decay(vector[:2], amount)
    assert_allclose(vector, [0.9, -1.8, 4.0], rtol=1e-6)
    assert vector.dtype == np.float32


def thresholded(weights, amount):
    """The formula as it is printed."""
    return np.sign(weights) * np.maximum(np.abs(weights) - amount, 0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_soft_threshold_by_hand(dtype):
    vector = np.array([3.0, -3.0, 1.0, -1.0, 0.75, -0.5, 0.0, 9.0], dtype)
    soft_threshold(vector[:-1], 1.0)
    assert_array_equal(vector, [2, -2, 0, 0, 0, 0, 0, 9])
    assert not np.signbit(vector[2:7]).any()  # plain zeros
    assert vector.dtype == dtype


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n", [0, 1, BLOCK - 1, BLOCK, 2 * BLOCK + 3])
@pytest.mark.parametrize("many_rates", [False, True])
def test_soft_threshold_is_the_formula_whatever_the_length(dtype, n, many_rates):
    rng = np.random.default_rng(n)
    weights = rng.normal(size=n).astype(dtype)
    amount = rng.uniform(0, 1, n).astype(dtype) if many_rates else dtype(0.3)
    expected = thresholded(weights, amount)
    soft_threshold(weights, amount)
    assert_array_equal(weights, expected)
    assert weights.dtype == dtype


@pytest.mark.parametrize("amount", [0.0, np.zeros(4)], ids=["one", "each"])
def test_a_threshold_of_zero_changes_nothing(amount):
    weights = np.array([1e-300, -2.0, 0.0, 3e300])
    soft_threshold(weights, amount)
    assert_array_equal(weights, [1e-300, -2.0, 0.0, 3e300])


def test_small_weights_become_zero_where_the_derivative_leaves_them_trembling():
    by_steps, by_derivative = np.full(5, 0.05), np.full(5, 0.05)
    for _ in range(9):
        soft_threshold(by_steps, 0.03)
        by_derivative -= 0.03 * np.sign(by_derivative)
    assert_array_equal(by_steps, 0)
    assert (by_derivative != 0).all()


def test_soft_threshold_minimizes_what_it_says():
    """``½ (v - w)² + amount |v|``, on a grid that contains the minimum."""
    grid, amount = np.linspace(-3, 3, 601), 0.7
    for w in np.linspace(-2, 2, 41):
        costs = (grid - w) ** 2 / 2 + amount * np.abs(grid)
        weights = np.array([w])
        soft_threshold(weights, amount)
        assert_allclose(weights, grid[np.argmin(costs)], atol=1e-9)


def test_soft_threshold_does_not_hide_what_is_not_finite():
    weights = np.array([np.nan, np.inf, -np.inf])
    soft_threshold(weights, 1.0)
    assert_array_equal(weights, [np.nan, np.inf, -np.inf])


def test_proximal_steps_reach_the_minimum_of_the_lasso():
    """Gradient step, then `soft_threshold`: the optimality conditions of the L1 penalty."""
    rng = np.random.default_rng(0)
    X, l1 = rng.normal(size=(60, 8)), 12.0
    y = X[:, :2] @ [2.0, -1.0] + 0.1 * rng.normal(size=60)
    lr, w = 1 / np.linalg.norm(X, 2) ** 2, np.zeros(8)
    for _ in range(500):
        w -= lr * X.T @ (X @ w - y)
        soft_threshold(w, lr * l1)
    pull = X.T @ (y - X @ w)
    assert_allclose(pull[w != 0], l1 * np.sign(w[w != 0]), rtol=1e-8)
    assert (np.abs(pull[w == 0]) <= l1).all()
    assert 2 <= np.count_nonzero(w) < 8
