"""Averages equal their definitions, own their vector, and allocate nothing."""

import pickle
import tracemalloc

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skbackprop.optim import AVERAGES, Average, ExponentialAverage, WeightAverage

every_average = pytest.mark.parametrize("cls", AVERAGES.values(), ids=AVERAGES)


def path(n_steps=60, n=5, dtype=np.float64, seed=0):
    return np.random.default_rng(seed).standard_normal((n_steps, n)).astype(dtype)


def follow(average, thetas):
    for theta in thetas:
        average.update(theta)
    return average


@pytest.mark.parametrize("decay", [0.0, 0.5, 0.98])
def test_the_exponential_average_is_its_recurrence(decay):
    thetas = path()
    expected = thetas[0]
    for t, theta in enumerate(thetas[1:], start=1):
        beta = min(decay, (1 + t) / (10 + t))
        expected = beta * expected + (1 - beta) * theta
    assert_allclose(follow(ExponentialAverage(decay=decay), thetas).value, expected, rtol=1e-12)


def test_the_weight_average_is_the_mean():
    thetas = path()
    average = WeightAverage()
    for t, theta in enumerate(thetas, start=1):
        average.update(theta)
        assert_allclose(average.value, thetas[:t].mean(axis=0), rtol=1e-11)


@every_average
def test_the_start_does_not_linger(cls):
    average = follow(cls(), [np.full(3, 100.0), *np.zeros((400, 3))])
    assert np.all(average.value < 0.3)


@every_average
def test_a_constant_is_its_own_average(cls):
    theta = path()[0]
    assert_array_equal(follow(cls(), [theta] * 20).value, theta)


@every_average
def test_counts_and_owns_its_vector(cls):
    average = cls()
    assert (average.value, average.t) == (None, 0)
    thetas = path(3)
    before = thetas.copy()
    thetas.setflags(write=False)
    average.update(thetas[0])
    first = average.value
    assert not np.shares_memory(first, thetas)
    follow(average, thetas[1:])
    assert average.value is first
    assert average.t == 3
    assert_array_equal(thetas, before)


@every_average
def test_dtype_is_kept(cls):
    assert follow(cls(), path(dtype=np.float32)).value.dtype == np.float32


@every_average
def test_a_warm_update_allocates_nothing(cls):
    theta = path(1, 50_000)[0]
    average = follow(cls(), [theta, theta])
    tracemalloc.start()
    try:
        average.update(theta)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1024  # one vector has 400,000 bytes


@every_average
def test_goes_on_exactly_from_a_pickle(cls):
    thetas = path()
    twin = follow(pickle.loads(pickle.dumps(follow(cls(), thetas[:20]))), thetas[20:])
    whole = follow(cls(), thetas)
    assert_array_equal(twin.value, whole.value)
    assert twin.t == whole.t


def test_the_table_is_complete():
    own = {c for c in Average.__subclasses__() if c.__module__.startswith("skbackprop.")}
    assert set(AVERAGES.values()) == own


def test_an_average_without_a_formula_says_so():
    average = follow(Average(), path(1))
    with pytest.raises(NotImplementedError, match="Average does not define `keep`"):
        average.update(average.value)
