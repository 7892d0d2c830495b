"""What an encoder keeps of single columns, against the rows that it was fitted to."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

from skbackprop.tables.encoder import ColumnEncoder
from skbackprop.tables.growth import slots
from skbackprop.tables.marginals import (
    baseline_rows,
    draw_rows,
    owners,
    scaled_numbers,
    slopes,
    slopes_of_whitened,
    whiten_drawn,
)
from skbackprop.tables.value_effects import learn_effects

N, MANY = 400, 20_000


def table(seed=0, n=N):
    """Related numbers, one with holes, codes with effects, levels of three kinds, a constant."""
    rng = np.random.default_rng(seed)
    common = rng.exponential(size=n)
    frame = pd.DataFrame(
        {
            "a": common + 0.1 * rng.exponential(size=n),
            "one": 1.0,
            "b": 100 - 50 * common - 5 * rng.exponential(size=n),
            "color": rng.choice(["red", "green", "blue"], n, p=[0.2, 0.3, 0.5]),
            "c": rng.normal(7, 3, n),
            "town": rng.choice([f"town {i}" for i in range(12)], n, p=np.arange(1, 13) / 78),
            "code": rng.choice([2.0, 3.0, 5.0, 8.0, 13.0], n, p=[0.1, 0.2, 0.4, 0.2, 0.1]),
            "flag": rng.random(n) < 0.3,
        }
    )
    frame.loc[rng.random(n) < 0.2, "c"] = np.nan
    return frame


X = table()


def fitted(effects=True, whiten=True):
    encoder = ColumnEncoder(whiten=whiten).fit(X)
    if not effects:
        return encoder
    y = np.stack([X["code"] == 5, X["code"] * 1.0], axis=1).astype(float)
    fold, found = np.arange(N) % 10, [(X.columns.get_loc("code"), np.array([0, 1]))]
    learned, columns = learn_effects(encoder, X, y, None, fold, found)
    return encoder.with_effects(learned, encoder.transform(X, np.float64), columns)[0]


ENCODER = fitted()
E = ENCODER.transform(X, np.float64)
KINDS = np.array([kind for kind, *_ in slots(ENCODER)])
assert {*KINDS} == {"number", "missing", "level", "code", "whitened", "effect"}


def of(kind, column):
    """The encoded columns of a kind that a column has."""
    return np.flatnonzero((kind == KINDS) & (owners(ENCODER) == X.columns.get_loc(column)))


def test_an_encoded_column_depends_on_its_owner_alone():
    encoder = fitted(whiten=False)
    before, other = encoder.transform(X), table(1)
    for i, name in enumerate(X.columns):
        changed = encoder.transform(X.assign(**{name: other[name]})) != before
        assert_array_equal(
            np.flatnonzero(changed.any(axis=0)), np.flatnonzero(owners(encoder) == i)
        )


def test_a_whitened_column_belongs_to_the_column_that_it_resembles():
    for j in np.flatnonzero(KINDS == "whitened"):
        own = np.flatnonzero((KINDS == "number") & (owners(ENCODER) == owners(ENCODER)[j]))
        others = np.flatnonzero((KINDS == "number") & (owners(ENCODER) != owners(ENCODER)[j]))
        correlation = np.abs(np.corrcoef(E.T)[j])
        assert correlation[own] > correlation[others].max()


def test_a_column_of_zeros_has_no_owner():
    assert owners(ColumnEncoder().fit(np.ones((5, 2)))).tolist() == [-1]


# ---- the baseline ------------------------------------------------------------------------------


def test_the_baseline_is_the_row_of_the_medians_and_the_mean_of_the_levels():
    rows, weights = baseline_rows(ENCODER)
    assert_allclose(weights.sum(axis=0), 1)
    mean, numbers = (rows * weights).sum(axis=0), X[["a", "b", "c", "code"]]
    median = ENCODER.transform(X[:1].assign(**numbers.median()), np.float64)[0]
    levels = KINDS == "level"
    assert_allclose(mean[levels], E[:, levels].mean(axis=0), atol=1e-6)
    for kind in ("number", "whitened", "effect"):
        assert_allclose(mean[kind == KINDS], median[kind == KINDS], atol=1e-12)
    assert (median[KINDS == "effect"] != 0).all()
    assert (mean[KINDS == "missing"] == 0).all()
    (code,) = of("code", "town")
    counts = np.bincount(E[:, code].astype(int), minlength=len(rows))
    assert_array_equal(rows[:, code], np.arange(len(rows)))
    assert_allclose(weights[:, code], counts / N, atol=1e-6)


# ---- rows that are drawn -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def drawn():
    return draw_rows(ENCODER, MANY, np.random.default_rng(0))


def test_numbers_are_drawn_with_their_quantiles(drawn):
    q = np.arange(1, 20) / 20
    for column in "abc":
        (j,) = of("number", column)
        known = E[X[column].notna(), j]
        assert_allclose(np.quantile(drawn[:, j], q), np.quantile(known, q), atol=0.15)


def test_levels_are_drawn_with_their_shares(drawn):
    for kind, column in (("level", "color"), ("level", "flag"), ("code", "town")):
        for j in of(kind, column):
            values, counts = np.unique(E[:, j], return_counts=True)
            for value, count in zip(values, counts, strict=True):
                assert abs(np.mean(drawn[:, j] == value) - count / N) < 0.02


def test_the_columns_of_a_level_fit_each_other(drawn):
    """One level is drawn for all columns of a category, one number for its effects."""
    for column in ("color", "town", "code"):
        places = np.flatnonzero(owners(ENCODER) == X.columns.get_loc(column))
        assert len(places) > 1
        in_training = {tuple(row) for row in E[:, places].round(9).tolist()}
        assert {tuple(row) for row in drawn[:, places].round(9).tolist()} <= in_training


def test_nothing_is_missing_and_columns_are_independent(drawn):
    (missing,) = of("missing", "c")
    assert_allclose(drawn[:, missing], E[X["c"].notna(), missing][0])
    (a,), (b,), (c,) = of("number", "a"), of("number", "b"), of("number", "c")
    assert np.abs(np.corrcoef(drawn[:, [a, b, c]].T) - np.eye(3)).max() < 0.03


def test_whitened_columns_are_normal_with_the_usual_quartiles(drawn):
    quartile = 0.5 / np.sqrt(1 + (0.5 / 3) ** 2)  # they are scaled to be 1 apart, and clipped
    for j in np.flatnonzero(KINDS == "whitened"):
        found = np.quantile(drawn[:, j], [0.25, 0.5, 0.75])
        assert_allclose(found, [-quartile, 0, quartile], atol=0.02)


# ---- slopes ------------------------------------------------------------------------------------

INNER = X[:40].assign(code=X["code"][:40] + 0.25)  # between two codes, where effects are constant


def differences(encoder, X, column, step):
    """The derivative of the encoded rows by a column of numbers, by central differences."""
    high, low = (encoder.transform(X.assign(**{column: X[column] + h}), np.float64)
                 for h in (step, -step))  # fmt: skip
    return (high - low) / (2 * step)


@pytest.mark.parametrize(("column", "step"), [("a", 1e-5), ("b", 1e-3), ("c", 1e-4)])
def test_slopes_are_those_of_finite_differences(column, step):
    encoded = ENCODER.transform(INNER, np.float64)
    found = slopes(ENCODER, INNER, encoded)
    expected = differences(ENCODER, INNER, column, step)
    known = INNER[column].notna().to_numpy()
    (j,) = of("number", column)
    assert_allclose(found[known, j], expected[known, j], rtol=1e-6)
    assert np.isnan(found[~known, j]).all()
    assert (found[:, np.isin(KINDS, ["missing", "effect", "whitened"])] == 0).all()
    assert np.isnan(found[:, np.isin(KINDS, ["level", "code"])]).all()
    every = np.repeat(np.eye(len(KINDS))[None], len(INNER), axis=0)
    through = slopes_of_whitened(ENCODER, encoded, every)
    of_whitened = KINDS == "whitened"
    assert_allclose(
        through[known, X.columns.get_loc(column)][:, of_whitened],
        expected[known][:, of_whitened],
        rtol=1e-5,
        atol=1e-7 * np.abs(expected[known]).max(),
    )
    assert (through[..., ~of_whitened] == 0).all()


def test_without_whitened_columns_no_slope_goes_through_them():
    encoder = fitted(effects=False, whiten=False)
    gradient = np.ones((3, encoder.n_encoded, 2))
    part = slopes_of_whitened(encoder, encoder.transform(X[:3], np.float64), gradient)
    assert_array_equal(part, np.zeros((3, X.shape[1], 2)))


def test_slopes_of_sparse_columns():
    S = sparse.random(300, 400, 0.05, "csr", random_state=0)
    encoder = ColumnEncoder().fit(S)
    dense, step = S[:5].toarray() + 0.5, 1e-6

    def encoded(X):
        return encoder.transform(sparse.csr_matrix(X), np.float64).toarray()

    expected = (encoded(dense + step) - encoded(dense - step)) / (2 * step)
    found = slopes(encoder, sparse.csr_matrix(dense), encoded(dense))
    assert_allclose(found, expected, rtol=1e-6)


# ---- the numbers of whitened columns ----------------------------------------------------------


def test_whitened_columns_come_from_scaled_numbers():
    whitening, scaled = ENCODER._whitening, scaled_numbers(ENCODER, X)
    assert scaled.shape == (N, len(whitening.columns))
    assert_array_equal(whitening.of_scaled(scaled), E[:, ENCODER.whitened])
    numbers = X.select_dtypes("number")
    plain = ColumnEncoder(whiten=True).fit(numbers[["a", "b"]].to_numpy())
    rows = sparse.csr_matrix(numbers[["a", "b"]].to_numpy())
    assert_allclose(scaled_numbers(plain, rows), scaled_numbers(plain, rows.toarray()))
    assert scaled_numbers(fitted(whiten=False), X).shape == (N, 0)


def test_drawn_rows_are_whitened_anew():
    rows, scaled = whiten_drawn(ENCODER, E)
    assert_allclose(scaled, scaled_numbers(ENCODER, X), rtol=1e-9, atol=1e-12)
    assert_allclose(rows, E, rtol=1e-9, atol=1e-9)
    drawn = draw_rows(ENCODER, 50, np.random.default_rng(0))
    kept = drawn.copy()
    anew, scaled = whiten_drawn(ENCODER, drawn)
    assert_array_equal(drawn, kept)
    assert_array_equal(ENCODER._whitening.of_scaled(scaled), anew[:, ENCODER.whitened])
    others = KINDS != "whitened"
    assert_array_equal(anew[:, others], drawn[:, others])
    rows, scaled = whiten_drawn(fitted(whiten=False), drawn)
    assert rows is drawn
    assert scaled.shape == (50, 0)


def test_drawn_numbers_at_the_clip_stay_finite():
    rows = E.copy()
    rows[:, : ENCODER.n_numeric] = 3.0
    anew, scaled = whiten_drawn(ENCODER, rows)
    assert np.isfinite(anew).all()
    assert np.isfinite(scaled).all()
