"""Whitened columns: their formula written down a second time, and laws of what they are given."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.linalg import pinvh, sqrtm

from skbackprop.tables import ColumnEncoder
from skbackprop.tables.growth import follow, slots
from skbackprop.tables.scaling import center_and_scale, robust_scale
from skbackprop.tables.weights import spread_rows
from skbackprop.tables.whitening import (
    MOST_COLUMNS,
    MOST_ROWS,
    ROWS_EACH,
    learn_whitening,
)

from .stored import stored

N = 300


def related(n=N, seed=0, d=4, noise=0.3):
    """Columns with something in common, each skewed, so that none is its own mirror image."""
    rng = np.random.default_rng(seed)
    return rng.exponential(size=(n, 1)) + noise * rng.exponential(size=(n, d))


def fitted(X, weight=None):
    return ColumnEncoder(whiten=True).fit(X, weight)


def whitened(X, *, test=None, weight=None):
    encoder = fitted(X, weight)
    return encoder.transform(X if test is None else test, np.float64)[:, encoder.whitened]


def twin(X, inverse):
    """By the root of the correlations, which scipy computes otherwise."""
    z = (X - X.mean(axis=0)) / X.std(axis=0)
    new = z @ inverse(sqrtm(np.corrcoef(X.T)).real)
    columns = [robust_scale(column, *center_and_scale(column)) for column in new.T]
    return np.stack(columns, axis=1)


def sorted_columns(E):
    return E[:, np.argsort(E[0])]


# ---- the formula -------------------------------------------------------------------------


@pytest.mark.parametrize("noise", [1.0, 0.1, 1e-3])
def test_it_is_the_inverse_root_of_the_correlations(noise):
    X = related(noise=noise)
    expected = twin(X, np.linalg.inv)
    assert_allclose(sorted_columns(whitened(X)), sorted_columns(expected), atol=1e-6)


def test_columns_that_follow_from_others_have_the_pseudo_inverse():
    X = related(d=3)
    X = np.hstack([X, X[:, :1], X[:, 1:2] + X[:, 2:3]])
    expected = twin(X, lambda root: pinvh(root, rtol=1e-5))
    assert_allclose(sorted_columns(whitened(X)), sorted_columns(expected), atol=1e-5)


def test_new_columns_are_not_correlated():
    X = related(noise=0.01)
    encoder = fitted(X)
    encoder._whitening.matrix[...] *= 1e-6  # so little that nothing is clipped
    encoder._whitening.offset[...] *= 1e-6
    new = encoder.transform(X, np.float64)[:, encoder.whitened]
    assert_allclose(np.corrcoef(new.T), np.eye(4), atol=1e-6)


# ---- laws ----------------------------------------------------------------------------------


def test_the_order_of_the_columns_changes_no_bit():
    X = related()
    E, order = fitted(X).transform(X), [2, 0, 3, 1]
    assert_array_equal(fitted(X[:, order]).transform(X[:, order]), E)


@pytest.mark.parametrize("noise", [1.0, 1e-3])
def test_units_and_signs_do_not_matter(noise):
    X = related(noise=noise)
    other = X * [7.0, -1e-3, 2.0, -1e6] + [1.0, 5.0, -30.0, 1e7]
    assert_allclose(whitened(other), whitened(X), atol=1e-5)


def test_a_weight_is_a_repetition():
    X, weight = related(), np.random.default_rng(1).integers(0, 4, N)
    E = whitened(np.repeat(X, weight, axis=0), test=X)
    assert_allclose(whitened(X, test=X, weight=weight.astype(float)), E, atol=1e-8)
    assert_allclose(whitened(X, test=X, weight=0.1 * weight), E, atol=1e-8)


def test_rows_are_counted_by_weight():
    X, twice = related(n=2 * ROWS_EACH), np.full(2 * ROWS_EACH, 2.0)
    X[0, 0] = np.nan
    for weight in (twice, np.where(np.arange(len(X)) == 0, 1, twice)):
        repeated = np.repeat(X, weight.astype(int), axis=0)
        assert_allclose(whitened(X, weight=weight), whitened(repeated, test=X), atol=1e-8)
    assert whitened(X).shape[1] == 0


def test_a_row_is_encoded_as_among_many():
    X = related()
    encoder = fitted(X)
    E = encoder.transform(X, np.float64)
    assert_allclose(np.concatenate([encoder.transform(row[None], np.float64) for row in X]), E,
                    atol=1e-9)  # fmt: skip


def test_copies_have_the_same_new_column():
    X = related(d=3)
    E = whitened(np.hstack([X, X[:, :1], 3 - 2 * X[:, :1]]))
    assert E.shape[1] == 5
    equal = [(i, j) for i in range(5) for j in range(i) if np.allclose(E[:, i], E[:, j], atol=1e-6)]
    assert len(equal) == 3  # of the three pairs of copies


@pytest.mark.parametrize("noise", [1e-2, 1e-5, 1e-9, 0.0])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_any_condition_number_gives_finite_columns(noise, dtype):
    X = related(noise=noise).astype(dtype)
    X[0, 0] = 3e38  # an outlier
    test = np.array([[0, 0, 0, 0], [3e38, -3e38, 3e38, 1], [np.nan, 1, np.nan, 1]], dtype)
    E = fitted(X).transform(test)
    assert np.isfinite(E).all()
    assert np.abs(E).max() <= 3


def test_a_missing_number_is_the_median():
    X = related()
    medians = np.median(X, axis=0)
    holes = np.where(np.arange(4) == 1, np.nan, X)
    assert_allclose(
        whitened(X, test=holes), whitened(X, test=np.where(np.isnan(holes), medians, X))
    )


# ---- which columns ------------------------------------------------------------------------


def n_whitened(X):
    encoder = fitted(X)
    return encoder.whitened.stop - encoder.whitened.start


def test_columns_that_have_nothing_in_common_are_not_whitened():
    rng = np.random.default_rng(0)
    alone = rng.normal(size=(N, 2))
    assert n_whitened(alone) == n_whitened(related()[:, :1]) == 0
    assert n_whitened(np.hstack([related(d=3), alone])) == 3


def test_columns_that_are_left_out():
    X, rng = related(), np.random.default_rng(0)
    assert n_whitened(X) == 4
    flag = (X[:, :1] > 1).astype(float)
    assert n_whitened(np.hstack([X, flag, np.full((N, 1), 7.0)])) == 4
    for share, n in ((0.04, 4), (0.06, 3), (1.0, 3)):
        holes = X.copy()
        holes[rng.permutation(N)[: int(share * N)], 0] = np.nan
        assert n_whitened(holes) == n


@pytest.mark.parametrize("weight", [None, np.random.default_rng(1).random(N)])
@pytest.mark.parametrize("values", [[5.1, 5.1, 5.1], [0.0, 1e-200, 2e-200], [1e30, 2e30, 3e30]])
def test_a_column_without_variance_in_the_rows_that_are_read(values, weight):
    """Its squares are 0, or it is beyond the clip in all of them."""
    X = related(d=5)
    X[:, 4] = np.resize(values, N)
    center, scale = np.zeros(5), np.ones(5)
    found = learn_whitening(np.arange(5), X, center, scale, weight)
    expected = learn_whitening(np.arange(4), X[:, :4], center[:4], scale[:4], weight)
    assert_array_equal(found.columns, np.arange(4))
    assert_allclose(found.transform(X[:, :4]), expected.transform(X[:, :4]), atol=1e-11)
    assert learn_whitening(np.arange(2), X[:, 3:], center[:2], scale[:2], weight) is None


def test_few_rows_or_many_columns_are_not_whitened():
    assert n_whitened(related(n=4 * ROWS_EACH - 1)) == 0
    assert n_whitened(related(n=4 * ROWS_EACH, noise=0.1)) > 0
    assert n_whitened(related(n=600, d=MOST_COLUMNS)) == MOST_COLUMNS
    assert n_whitened(related(n=600, d=MOST_COLUMNS + 1)) == 0


def correlated(r, n=400):
    """Two columns whose correlation is r to the last bits."""
    rng = np.random.default_rng(0)
    u, v = np.linalg.qr(rng.normal(size=(n, 3)) * [0, 1, 1] + [1, 0, 0])[0].T[1:]
    return np.stack([u, r * u + np.sqrt(1 - r * r) * v], axis=1)


@pytest.mark.parametrize(("alike", "expected"), [(0.945, 2), (0.955, 0)])
def test_columns_that_would_be_almost_the_same_are_left_out(alike, expected):
    """Of two columns, the correlation with the new one is (sqrt(1 + r) + sqrt(1 - r)) / 2."""
    r = np.sqrt(1 - (2 * alike**2 - 1) ** 2)
    np.testing.assert_allclose((np.sqrt(1 + r) + np.sqrt(1 - r)) / 2, alike)
    assert n_whitened(correlated(r)) == n_whitened(correlated(-r)) == expected


def test_a_copy_has_nothing_new():
    alone = np.random.default_rng(0).normal(size=(N, 2))
    assert n_whitened(np.hstack([alone, alone[:, :1]])) == 0


@pytest.mark.parametrize("n", [1, 2, MOST_ROWS, MOST_ROWS + 1, 2 * MOST_ROWS - 1, 50_000, 10**6])
def test_as_many_rows_are_read_as_there_is_room_for(n):
    taken = len(range(n)[spread_rows(n, MOST_ROWS)])
    assert min(n, MOST_ROWS / 2) <= taken <= MOST_ROWS


def test_many_rows_are_sampled():
    X = related(n=50_000)
    some = sorted_columns(whitened(X, test=X[:50]))
    assert_allclose(some, sorted_columns(whitened(X[:20_000], test=X[:50])), atol=0.1)


# ---- among other columns ----------------------------------------------------------------------


def table(seed=0):
    X, rng = related(seed=seed), np.random.default_rng(seed)
    frame = pd.DataFrame(X, columns=[*"abcd"])
    return frame.assign(town=rng.choice([f"town {i}" for i in range(12)], N),
                        color=rng.choice(["red", "blue", "green"], N))  # fmt: skip


def test_text_that_writes_numbers_is_whitened_too():
    frame = table()
    text = frame.assign(b=[f"{x!r} $" for x in frame.b.tolist()])
    E, encoder = fitted(frame).transform(frame), fitted(text)
    assert_array_equal(encoder.transform(text), E)
    assert [row["n_encoded"] for row in encoder.report()] == [2, 2, 2, 2, 2, 3]


def test_an_encoder_is_stored():
    encoder, X = fitted(table()), table(1)
    again = stored(encoder)
    assert_array_equal(again.transform(X), encoder.transform(X))
    assert stored(ColumnEncoder().fit(X))._whitening is None


def test_what_is_whitened_stays_what_it_is_in_streams():
    encoder, X = fitted(table()), table(1)
    X.loc[:9, "color"], X.loc[:5, "a"] = "yellow", np.nan
    new, _ = follow(encoder, X)
    for each in (encoder, new):
        assert [name for name, _ in slots(each)[each.whitened]] == ["whitened"] * 4
        assert len(slots(each)) == each.n_encoded
    assert new.n_encoded > encoder.n_encoded
    far = X.assign(a=100 * X.a + 1000)
    new, _ = follow(new, far)
    old = encoder.transform(X)[:, encoder.whitened]
    assert_array_equal(new.transform(X)[:, new.whitened], old)
