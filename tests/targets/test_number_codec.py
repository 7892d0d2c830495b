"""The codec of numbers: what is encoded comes back, in every unit and of every column."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skbackprop.nn.losses import LOSSES, Loss, Pinball
from skbackprop.targets.number_codec import (
    TargetCodec,
    check_distinct,
    check_encoded,
    check_size,
    r2_in_any_unit,
    scaling_of,
    words_on_far_values,
)

rng = np.random.default_rng(0)
F64, F32 = np.dtype(np.float64), np.dtype(np.float32)
Y = np.stack([rng.exponential(size=60), -5 * rng.exponential(size=60), np.full(60, 7.0)], axis=1)
W = rng.integers(0, 4, 60).astype(float)


def fitted(y=Y, weight=None, scaling="standardize", **params):
    return TargetCodec.fitted(y, weight, scaling=scaling, **params)


@pytest.mark.parametrize("scaling", [None, "standardize", "mean"])
@pytest.mark.parametrize("flip_sign", [False, True])
@pytest.mark.parametrize("unit", [1.0, 1e200, 1e-200])
def test_what_is_encoded_comes_back(scaling, flip_sign, unit):
    y = np.abs(Y) if scaling == "mean" else Y
    for given in (y * unit, y[:, 0] * unit):
        codec = fitted(given, scaling=scaling, flip_sign=flip_sign and scaling == "standardize")
        found = codec.decode(codec.encode(given, F64))
        assert found.shape == given.shape
        assert_allclose(found, given, rtol=1e-12, atol=1e-13 * np.abs(given).max())


def test_standardized_columns_have_mean_0_and_variance_1_by_weight():
    target = fitted(weight=W).encode(Y, F64)
    assert_allclose(np.average(target, axis=0, weights=W), 0, atol=1e-12)
    assert_allclose(np.average(target**2, axis=0, weights=W), [1, 1, 0], atol=1e-12)
    mean = fitted(np.abs(Y), W, "mean").encode(np.abs(Y), F64)
    assert_allclose(np.average(mean, axis=0, weights=W), 1)
    assert (mean >= 0).all()


def test_a_constant_target_is_zero_and_comes_back():
    codec = fitted(np.full(5, 3.0))
    assert_array_equal(codec.encode(np.full(5, 3.0), F32), np.zeros((5, 1)))
    assert_array_equal(codec.decode(np.zeros((2, 1))), [3.0, 3.0])
    zeros = fitted(np.zeros(5), scaling="mean")
    assert_array_equal(zeros.encode(np.zeros(5), F32), np.zeros((5, 1)))


def test_a_column_and_its_negative_have_the_same_target():
    codec, turned = fitted(flip_sign=True), fitted(-Y, flip_sign=True)
    assert_array_equal(np.sign(codec.scale), [1, -1, 1])
    assert_array_equal(np.sign(turned.scale), [-1, 1, 1])
    assert_array_equal(codec.encode(Y, F64), turned.encode(-Y, F64))


def test_deviations_have_no_sign_and_no_center():
    codec = fitted(flip_sign=True)
    deviations = codec.decode_deviations(np.full((1, 3), 2.0))[0]
    assert_allclose(deviations, 2 * np.array([Y[:, 0].std(), Y[:, 1].std(), 1.0]))
    huge = fitted(Y * 1e200, flip_sign=True)
    assert_allclose(huge.decode_deviations(np.full((1, 3), 2.0))[0, :2], deviations[:2] * 1e200)


def test_predictions_are_limited_to_the_range_of_their_column():
    weight = np.where(Y[:, 0] == Y[:, 0].max(), 0.0, 1.0)  # a row that does not count
    counted = Y[weight > 0]
    for w, rows in ((None, Y), (weight, counted)):
        codec = fitted(weight=w, clip=True)
        for far, limit in ((1e9, rows.max(axis=0)), (-1e9, rows.min(axis=0))):
            assert_array_equal(codec.decode(np.full((1, 3), far))[0], limit)
            per_quantile = codec.decode(np.full((1, 6), far))[0]  # two quantiles of each column
            assert_array_equal(per_quantile, np.repeat(limit, 2))


def test_units_are_those_of_decoding():
    codec = fitted(Y * 1e150, flip_sign=True)
    scores = rng.normal(size=(4, 6))
    factor, offset = codec.units(6)
    assert_allclose(scores * factor + offset, codec.decode(scores))


# ---- how a target is scaled, and what is refused -------------------------------------------------


class Own(Loss):
    """A loss of the user."""


@pytest.mark.parametrize(
    ("loss", "asked", "automatic", "expected"),
    [
        (LOSSES["squared_error"], True, True, "standardize"),
        (LOSSES["squared_error"], False, True, None),
        (Pinball((0.1, 0.9)), True, True, "standardize"),
        (LOSSES["gamma"], True, False, "mean"),
        (LOSSES["gamma"], False, True, "mean"),
        (LOSSES["tweedie"], False, True, "mean"),
        (LOSSES["poisson"], False, True, None),
        (LOSSES["poisson"], True, True, "mean"),
        (LOSSES["gamma"], False, False, None),
        (Own(), True, True, None),
    ],
)
def test_scaling_depends_on_the_loss(loss, asked, automatic, expected):
    assert scaling_of(loss, asked=asked, automatic=automatic) == expected


@pytest.mark.parametrize("n", [1, 100])
def test_the_sum_of_the_squares_is_a_number(n):
    squared, limit = LOSSES["squared_error"], np.sqrt(np.finfo(np.float32).max / n)
    for factor, refused in ((0.999, False), (1.001, True)):
        target = np.full((n, 1), factor * limit, np.float32)
        if refused:
            with pytest.raises(ValueError, match="dtype float32 cannot learn.* at most"):
                check_encoded(target, target, squared)
        else:
            check_encoded(target, target, squared)
            assert np.isfinite(np.sum(target**2, dtype=np.float32))
    large = np.full((n, 1), 1e30, np.float32)
    check_encoded(large, large, LOSSES["poisson"])  # is not squared


def test_squares_of_a_small_target_are_numbers():
    squared, y = LOSSES["squared_error"], np.full((3, 1), 1e-20)
    with pytest.raises(ValueError, match="at least 1"):
        check_size(y, y.astype(np.float32), squared)
    check_size(y, y, squared)
    check_size(0 * y, 0 * y.astype(np.float32), squared)
    check_size(y, y.astype(np.float32), LOSSES["gamma"])


def test_amounts_that_become_zero_are_refused():
    y = np.array([[1.0], [1e-50]])
    check_encoded(y, y, LOSSES["gamma"])
    with pytest.raises(ValueError, match="needs y > 0 also as float32"):
        check_encoded(y, y.astype(np.float32), LOSSES["gamma"])


def test_values_that_become_equal_are_refused():
    y = np.append(np.arange(100.0), 1e12)
    check_distinct(y, fitted(y).encode(y, F64))
    with pytest.raises(ValueError, match="that only .* of 101 different values.* as float32"):
        check_distinct(y, fitted(y).encode(y, F32))
    equal = np.append(np.zeros(100), 1e12)  # of which none becomes equal to another
    check_distinct(equal, fitted(equal).encode(equal, F32))


@pytest.mark.parametrize("unit", [1.0, 1e200, 1e-200])
def test_r2_has_no_unit(unit):
    y, predicted = Y[:, 0], Y[:, 0] + 0.1 * Y[:, 1]
    expected = 1 - np.sum((y - predicted) ** 2) / np.sum((y - y.mean()) ** 2)
    assert r2_in_any_unit(y * unit, predicted * unit) == pytest.approx(expected)


def test_r2_needs_one_prediction_for_each_column():
    with pytest.raises(ValueError, match=r"got 3 predictions for 1 column.* d2_pinball_score"):
        r2_in_any_unit(Y[:, 0], Y)
    with pytest.raises(ValueError, match=r"got 1 predictions for 3 column"):
        r2_in_any_unit(Y, Y[:, 0])


def test_r2_of_columns_in_different_units():
    y, predicted = Y[:, :2], Y[:, :2] + 0.1 * Y[:, 1::-1]
    expected = r2_in_any_unit(y, predicted)
    units = np.array([1e200, 1e-200])
    assert r2_in_any_unit(y * units, predicted * units) == pytest.approx(expected)


FAR = np.append(np.linspace(-1, 1, 99), 1e6)


def test_a_few_far_values_are_said():
    assert "from -1 to 1e+06 with a median of" in words_on_far_values(
        FAR, fitted(FAR).encode(FAR, F64)
    )
    tail = np.exp(2 * rng.normal(size=1000))  # a heavy tail is no wrong value
    for y in (tail, np.append(np.zeros(99), 1.0), np.full(9, 5.0)):
        assert not words_on_far_values(y, fitted(y).encode(y, F64))


def test_a_robust_codec_is_scaled_by_the_quartiles_of_far_values_only():
    near, far = fitted(robust=True), fitted(FAR, robust=True)
    assert_array_equal(near.encode(Y, F64), fitted().encode(Y, F64))
    median, spread = np.median(FAR), np.subtract(*np.quantile(FAR, (0.75, 0.25)))
    assert_allclose(far.encode(FAR, F64)[:, 0], (FAR - median) / spread, rtol=0.02)
    doubled = fitted(np.repeat(FAR, 2), robust=True)
    weighted = fitted(FAR, np.full(100, 2.0), robust=True)
    assert_allclose((weighted.center, weighted.scale), (doubled.center, doubled.scale))
