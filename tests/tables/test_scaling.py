"""Medians, spreads and signs of columns, against definitions that are written down otherwise."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

from skbackprop.tables.scaling import (
    CLIP,
    LARGEST,
    center_and_scale,
    moments,
    quantiles,
    robust_scale,
    skew_sign,
    smooth_clip,
    sparse_medians,
)

rng = np.random.default_rng(0)
P = (0.25, 0.5, 0.75)
few = st.lists(st.integers(-3, 3), min_size=1, max_size=12)


@settings(max_examples=60, deadline=None)
@given(few, st.integers(0, 99))
def test_quantiles_are_the_second_definition_of_hyndman_and_fan(values, seed):
    x = np.array(values, float)
    expected = np.quantile(x, P, method="averaged_inverted_cdf")
    assert_array_equal(quantiles(x, P, None), expected)
    assert_array_equal(quantiles(x, P, np.full(len(x), 0.1)), expected)
    weight = np.random.default_rng(seed).integers(0, 4, len(x)).astype(float)
    weight[0] = 1
    repeated = np.quantile(np.repeat(x, weight.astype(int)), P, method="averaged_inverted_cdf")
    assert_array_equal(quantiles(x, P, weight), repeated)
    assert_array_equal(quantiles(x, P, weight / 3), repeated)  # sums of these are rounded


def test_center_and_scale_are_those_of_halves():
    x = np.array([1.0, 2.0, 4.0, 8.0])  # quartiles 1.5, 3 and 6
    assert center_and_scale(x) == (1.5, 1 / 2.25)
    assert_allclose(robust_scale(x, *center_and_scale(x)), smooth_clip((x - 3) / 4.5))


def test_where_quartiles_are_equal_the_other_values_make_the_spread():
    x = np.array([0.0] * 9 + [1.0, -2.0, 6.0])
    assert center_and_scale(x) == (0.0, 1 / (0.5 * 2.0))
    weight = np.ones(12)
    weight[-1] = 2  # 1, 2, 6 and 6
    assert center_and_scale(x, weight) == (0.0, 1 / (0.5 * 4.0))


@pytest.mark.parametrize(
    "x", [[], [7.0], [7.0] * 5, [0.1, 0.3 - 0.2, 0.1], [1e300, np.nextafter(1e300, 0)]]
)
def test_without_a_spread_the_scale_is_0(x):
    center, scale = center_and_scale(np.array(x))
    assert scale == 0
    assert center == pytest.approx(0.5 * x[0] if x else 0.0)


def test_small_and_large_numbers_are_scaled():
    small = np.array([0.0, 5e-324, 1e-323, 1.5e-323])
    center, scale = center_and_scale(small)
    assert scale == LARGEST
    assert np.isfinite(robust_scale(small, center, scale)).all()
    large = np.array([-1.7e308, 0.0, 1.7e308])
    scaled = robust_scale(large, *center_and_scale(large))
    assert 0 < scaled[2] < 1
    assert_array_equal(scaled, -scaled[::-1])


def test_the_clip_is_odd_and_below_3():
    z = np.array([-np.inf, -1e200, -2.0, -1e-9, 0.0, 1e-9, 4.0, 1e200, np.inf])
    y = smooth_clip(z.copy())
    assert np.abs(y).max() <= CLIP == 3
    assert_array_equal(smooth_clip(-z), -y)
    assert y[6] == pytest.approx(4 / np.sqrt(1 + 16 / 9))
    assert_allclose(y[[3, 5]], z[[3, 5]])
    assert np.isnan(smooth_clip(np.array([np.nan]))).all()


def test_the_sign_is_that_of_the_third_moment():
    x = rng.exponential(size=100)
    for weight in (None, rng.random(100)):
        assert skew_sign(x - x.mean(), weight) == 1
        assert skew_sign(x.mean() - x, weight) == -1
    assert skew_sign(np.array([-2.0, 1.0]), np.array([1.0, 3.0])) == -1


def test_the_first_rows_give_a_symmetric_column_its_sign():
    x = np.array([3.0, -3.0, 1.0, -1.0])
    assert moments(x)[2] == 0
    assert skew_sign(x) == -skew_sign(-x) != 0


def median_of_column(S, j, weight):
    """From the definition, of repeated rows."""
    column = np.abs(S.toarray()[:, j])
    known = np.repeat(column, weight)[np.repeat(column, weight) > 0]
    return np.median(known) if len(known) else 0.0


@pytest.mark.parametrize("weighted", [False, True])
def test_medians_of_sparse_columns(weighted):
    S = sparse.random_array((40, 30), density=0.1, rng=0, format="csr")
    S.data = np.round(S.data * 9) - 4  # some stored zeros, and negative numbers
    assert (S.data == 0).any()
    weight = rng.integers(1, 4, 40) if weighted else np.ones(40, int)
    found = sparse_medians(S, weight.astype(float) if weighted else None)
    assert_array_equal(found, [median_of_column(S, j, weight) for j in range(30)])
    assert (found == 0).any()
    assert_array_equal(sparse_medians(S, 0.1 * weight), found)
