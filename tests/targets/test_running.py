"""Targets that go on: moments of all rows so far, and scores that keep their meaning."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skbackprop.targets import TargetCodec
from skbackprop.targets.running import (
    FARTHEST,
    LARGEST,
    LEAST,
    MEMORY,
    RunningMoments,
    follow_target,
    score_change,
    start_moments,
    words_on_spread,
)

rng = np.random.default_rng(0)
Y = rng.normal(size=(200, 2)) * [1, 3] + [0, 1]


def followed(parts, weights=None, scaling="standardize"):
    moments = RunningMoments(np.zeros(2), np.zeros(2), 0.0, scaling)
    for i, part in enumerate(parts):
        moments = moments.updated(part, None if weights is None else weights[i])
    return moments.total()


@pytest.mark.parametrize("size", [1, 7, 40, 200])
def test_moments_are_those_of_all_rows(size):
    assert MEMORY >= 200
    found = followed([Y[i : i + size] for i in range(0, 200, size)])
    assert_allclose(found.mean, Y.mean(axis=0))
    assert_allclose(found.variance, Y.var(axis=0))
    assert found.n == 200


def test_the_rows_of_a_call_are_weighted():
    weight = rng.integers(0, 3, 200).astype(float)
    found = followed([Y], [weight])
    repeated = np.repeat(Y, weight.astype(int), axis=0)
    assert_allclose(found.mean, repeated.mean(axis=0))
    assert_allclose(found.variance, repeated.var(axis=0))


def test_rows_of_long_ago_are_forgotten():
    """All of them count as `MEMORY` rows, so that rows of another mean are followed."""
    old = RunningMoments(np.zeros(1), np.ones(1), 1e9)
    new = RunningMoments(np.ones(1), np.ones(1), float(MEMORY))
    both = old.joined(new)
    assert both.mean == pytest.approx([0.5])
    assert both.variance == pytest.approx([1.25])
    assert both.n == 1e9 + MEMORY


def test_a_jump_forgets_the_rows_before():
    far = Y[:LEAST] + 1000.0
    found = followed([Y, far])
    assert_allclose(found.mean, far.mean(axis=0))
    assert_allclose(followed([Y, far[: LEAST - 1]]).n, 200 + LEAST - 1)  # too few to say so


def test_moments_in_another_unit():
    shift, scale = np.array([1.0, -2.0]), np.array([4.0, 0.5])
    moments = RunningMoments(np.zeros(2), np.zeros(2), 0.0).updated(Y, None).updated(Y[:5], None)
    assert moments.block is not None
    found = moments.rescaled(shift, scale).total()
    expected = followed([(Y - shift) / scale, (Y[:5] - shift) / scale])
    assert_allclose(found.mean, expected.mean)
    assert_allclose(found.variance, expected.variance)


@pytest.mark.parametrize(
    ("scaling", "has_bias", "mean", "variance", "expected"),
    [
        ("standardize", True, 1.4, 1.0, (0, 1)),  # near 0 and 1: nothing moves
        ("standardize", True, 1.6, 1.0, (1.6, 1)),
        ("standardize", True, 0.1, 4.1, (0.1, np.sqrt(4.1))),
        ("standardize", True, 0.1, 0.06, (0.1, np.sqrt(0.06))),
        ("standardize", True, 0.1, 0.07, (0, 1)),
        ("standardize", True, 2.0, 0.0, (2, 1)),
        ("standardize", False, 3.0, 16.0, (0, 5)),
        ("mean", True, 3.0, 99.0, (0, 3)),
        ("mean", True, 1.9, 99.0, (0, 1)),
        ("standardize", True, np.inf, 1.0, (0, 1)),
    ],
)  # fmt: skip
def test_when_center_and_scale_follow(scaling, has_bias, mean, variance, expected):
    moments = RunningMoments(np.array([mean]), np.array([variance]), 50.0, scaling)
    shift, scale = moments.change(has_bias)
    assert_allclose((shift[0], scale[0]), expected)


# ---- codecs --------------------------------------------------------------------------------------


def codec(y, **params):
    made = TargetCodec.fitted(y, scaling="standardize", flip_sign=True, **params)
    return start_moments(made, y)


SKEWED = -np.exp(rng.normal(size=(100, 2)))


def test_a_target_that_moves_is_standardized_anew():
    first = codec(SKEWED)
    assert (first.scale < 0).all()
    moved = 50 * SKEWED + 2000.0
    second = follow_target(first, moved, alone=True)
    target = second.encode(moved, np.dtype(float))
    assert_allclose(target.mean(axis=0), 0, atol=1e-9)
    assert_allclose(target.std(axis=0), 1)
    assert_array_equal(np.sign(second.scale), np.sign(first.scale))
    same = follow_target(first, SKEWED)
    assert_array_equal((same.center, same.scale), (first.center, first.scale))
    fixed = follow_target(first, moved, is_fixed=True)
    assert_array_equal((fixed.center, fixed.scale), (first.center, first.scale))


def test_limits_are_those_of_all_rows():
    first = codec(SKEWED, clip=True)
    second = follow_target(first, SKEWED[:9] * 0.5)
    high = np.maximum(first.high, 0.5 * SKEWED[:9].max(axis=0))
    assert_array_equal((second.low, second.high), (first.low, high))
    third = follow_target(second, SKEWED * 3)
    assert_array_equal((third.low, third.high), (3 * first.low, second.high))
    assert codec(SKEWED).low is None


def test_scores_keep_their_meaning():
    old = TargetCodec(2, center=np.array([1.0, -2.0]), scale=np.array([2.0, -0.5]))
    new = TargetCodec(2, center=np.array([0.5, -2.25]), scale=np.array([3.0, -0.25]))
    a, b = score_change(old, new)
    scores = rng.normal(size=(5, 2))
    assert_allclose(new.decode(a * scores + b), old.decode(scores))
    mean, other = (TargetCodec(2, scale=np.array(s)) for s in ([2.0, 8.0], [4.0, 1.0]))
    a, b = score_change(mean, other, logarithm=True)
    assert_allclose(other.decode(np.exp(a * scores + b)), mean.decode(np.exp(scores)))


def test_changes_of_scores_are_limited():
    old = TargetCodec(1, center=np.array([1e9]), scale=np.array([1e9]))
    a, b = score_change(old, TargetCodec(1))
    assert (a[0], b[0]) == (LARGEST, FARTHEST)
    assert score_change(TargetCodec(1), TargetCodec(1, center=np.array([1e9])))[1] == -FARTHEST


def test_a_few_rows_that_widen_the_spread_are_said():
    first = codec(SKEWED)
    one = np.array([[-1e9, -1.0]])
    assert "whose y goes from -1e+09 to -1" in words_on_spread(
        first, follow_target(first, one), one
    )
    some = np.concatenate([SKEWED, one])
    assert words_on_spread(first, follow_target(first, some), some)
    for y in (SKEWED * 1e6, SKEWED[:1] * 20, SKEWED):  # another unit is followed
        assert not words_on_spread(first, follow_target(first, y), y)
    constant = codec(np.full((40, 1), 2.0))
    assert not words_on_spread(constant, follow_target(constant, one[:, :1]), one[:, :1])
