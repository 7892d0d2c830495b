"""Laws of the initializers, for every entry of `INITIALIZERS` and for those that need arguments."""

import copy
import pickle
from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skbackprop.nn.initializers import (
    INITIALIZERS,
    Constant,
    FixedValues,
    Normal,
    Orthogonal,
    Uniform,
    UniformRange,
)

TABLE = {
    **INITIALIZERS,
    "constant": Constant(-2.5),
    "range": UniformRange(-1, 3),
    "given": FixedValues(np.arange(40.0).reshape(5, 8)),
}
RANDOM = [name for name in TABLE if name not in {"zeros", "constant", "given"}]
RULES = [name for name in RANDOM if name != "range"]
STACKS = [name for name in TABLE if name != "given"]
VARIANCE = {  # of an array (n_in, n_out)
    "glorot": lambda n_in, n_out: 2 / (n_in + n_out),
    "he": lambda n_in, n_out: 2 / n_in,
    "lecun": lambda n_in, n_out: 1 / n_in,
}


def fill(init, shape, *, seed=0, dtype=np.float64):
    out = np.full(shape, np.nan, dtype)
    assert init(out, np.random.RandomState(seed)) is None
    return out


@pytest.mark.parametrize("name", TABLE)
@pytest.mark.parametrize("make_rng", [np.random.RandomState, np.random.default_rng])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_fills_every_entry(name, make_rng, dtype):
    out = np.full((5, 8), np.nan, dtype)
    TABLE[name](out, make_rng(0))
    assert np.isfinite(out).all()


@pytest.mark.parametrize("name", TABLE)
def test_one_seed_gives_the_same_numbers_in_both_precisions(name):
    double = fill(TABLE[name], (5, 8))
    assert_array_equal(fill(TABLE[name], (5, 8)), double)
    assert_array_equal(fill(TABLE[name], (5, 8), dtype=np.float32), double.astype(np.float32))


@pytest.mark.parametrize("name", RANDOM)
def test_the_seed_matters(name):
    assert np.unique(fill(TABLE[name], (5, 8))).size == 40
    assert not np.isin(fill(TABLE[name], (5, 8), seed=1), fill(TABLE[name], (5, 8))).any()


@pytest.mark.parametrize("name", STACKS)
def test_fills_a_view_of_a_longer_vector(name):
    vector = np.full(60, np.nan)
    TABLE[name](vector[10:50].reshape(5, 8), np.random.RandomState(0))
    assert_array_equal(vector[10:50].reshape(5, 8), fill(TABLE[name], (5, 8)))
    assert np.isnan(vector[:10]).all()
    assert np.isnan(vector[50:]).all()


@pytest.mark.parametrize("cls", [Uniform, Normal])
@pytest.mark.parametrize("kind", VARIANCE)
@pytest.mark.parametrize("shape", [(300, 200), (4, 300, 50)])
def test_variance(cls, kind, shape):
    """60,000 numbers: the standard error of their variance is at most 0.6 %."""
    W = fill(cls(kind), shape)
    members = W.reshape(-1, *shape[-2:])
    variance = VARIANCE[kind](*shape[-2:])
    assert_allclose(members.var(axis=(1, 2)), variance, rtol=0.04)
    assert_allclose(W.var(), variance, rtol=0.02)
    assert abs(W.mean()) < 4 * np.sqrt(variance / W.size)


@pytest.mark.parametrize("kind", VARIANCE)
def test_uniform_fills_its_range(kind):
    bound = np.sqrt(3 * VARIANCE[kind](300, 200))
    W = fill(Uniform(kind), (300, 200))
    assert 0.999 * bound < W.max() <= bound
    assert -0.999 * bound > W.min() >= -bound


def test_uniform_range():
    b = fill(UniformRange(-1, 3), (10_000,))
    assert -1 <= b.min() < -0.99
    assert 2.99 < b.max() <= 3


@pytest.mark.parametrize("init", [Uniform("he"), Normal("he"), Orthogonal()])
def test_gain_multiplies(init):
    W = fill(init, (5, 8))
    assert_allclose(fill(replace(init, gain=3.0), (5, 8)), 3 * W, rtol=0, atol=1e-14)


@pytest.mark.parametrize("name", RANDOM)
def test_members_are_drawn_independently(name):
    W = fill(TABLE[name], (3, 40, 50))
    correlation = np.corrcoef(W.reshape(3, -1))
    assert np.abs(correlation - np.eye(3)).max() < 4 / np.sqrt(2000)


@pytest.mark.parametrize("shape", [(4, 4), (7, 3), (3, 7), (1, 5), (2, 6, 3), (2, 3, 6)])
def test_orthogonal(shape):
    Q = fill(Orthogonal(gain=2.0), shape)
    gram = Q @ np.swapaxes(Q, -1, -2) if shape[-2] < shape[-1] else np.swapaxes(Q, -1, -2) @ Q
    expected = np.broadcast_to(4 * np.eye(min(shape[-2:])), gram.shape)
    assert_allclose(gram, expected, rtol=0, atol=1e-14)


@pytest.mark.parametrize("shape", [(4000, 2, 2), (4000, 3, 2), (4000, 2, 3)])
def test_orthogonal_prefers_no_direction(shape):
    """Without the signs, LAPACK's entries would lean to one side; 4 standard errors."""
    Q = fill(Orthogonal(), shape)
    assert np.abs(Q.mean(axis=0)).max() < 4 * np.sqrt(0.5 / 4000)


@pytest.mark.parametrize("name", RULES)
def test_rules_refuse_biases(name):
    with pytest.raises(
        ValueError, match=r"\(\.\.\., n_in, n_out\), got shape \(5,\)\. Initialize bias"
    ):
        fill(TABLE[name], (5,))


def test_biases_of_scikit_learn():
    """It draws the weights and then the biases from one range."""
    expected = np.random.RandomState(0)
    bound = np.sqrt(6 / 13)
    W, b = expected.uniform(-bound, bound, (5, 8)), expected.uniform(-bound, bound, 8)
    rng, out = np.random.RandomState(0), [np.empty((5, 8)), np.empty(8)]
    for array in out:
        UniformRange(-bound, bound)(array, rng)
    assert_array_equal(out[0], W)
    assert_array_equal(out[1], b)
    assert_allclose(fill(Uniform("glorot"), (5, 8)), W, rtol=0, atol=1e-15)


@pytest.mark.parametrize("name", TABLE)
@pytest.mark.parametrize(
    "duplicate", [copy.copy, copy.deepcopy, "pickle"], ids=["copy", "deepcopy", "pickle"]
)
def test_is_a_value(name, duplicate):
    init = TABLE[name]
    twin = pickle.loads(pickle.dumps(init)) if duplicate == "pickle" else duplicate(init)
    assert twin == init
    assert hash(twin) == hash(init)
    assert_array_equal(fill(twin, (5, 8)), fill(init, (5, 8)))
    with pytest.raises(FrozenInstanceError):
        twin.gain = 2.0


def test_entries_differ():
    assert len(set(TABLE.values())) == len(TABLE)


class TestGiven:
    def test_is_equal_if_its_values_are(self):
        assert FixedValues([1, 2]) == FixedValues(np.array([1.0, 2.0]))
        assert hash(FixedValues([1, 2])) == hash(FixedValues(np.array([1.0, 2.0])))
        assert FixedValues([1, 2]) != FixedValues([1, 3])
        assert FixedValues([1, 2]) != FixedValues([[1, 2]])
        assert FixedValues([1, 2]) != Constant(1)

    @pytest.mark.parametrize("duplicate", [lambda given: given, copy.deepcopy])
    def test_it_cannot_be_changed(self, duplicate):
        values = np.array([1.0, 2.0])
        given = duplicate(FixedValues(values))
        values[0] = 9
        assert_array_equal(given.values, [1, 2])
        with pytest.raises(ValueError, match="read-only"):
            given.values[0] = 9

    @pytest.mark.parametrize("shape", [(3, 2), (1, 2, 3), (6,), (2, 1)])
    def test_refuses_another_shape(self, shape):
        with pytest.raises(ValueError, match=r"needs values .*, got values of .*\(2, 3\).*n_in"):
            fill(FixedValues(np.ones((2, 3))), shape)
