"""Effects of single values: their formulas written down a second time, and their laws."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skbackprop.tables import read_table
from skbackprop.tables.encoder import ColumnEncoder
from skbackprop.tables.value_effects import (
    OF_LABELS,
    OF_NUMBERS,
    ValueEffect,
    distinct_values,
    encode_effects,
    find_effects,
    learn_effects,
    line_and_effect,
    out_of_fold,
    sums,
    z_of_effects,
)

from .stored import stored

N = 300


def example(seed=0, n=N, m=2):
    """A column with gaps, a target of m columns, weights and folds."""
    rng = np.random.default_rng(seed)
    x = np.round(rng.normal(size=n) * 8)
    x[rng.random(n) < 0.4] = 0
    x[rng.random(n) < 0.1] = np.nan
    y = rng.normal(size=(n, m)) + np.where(np.nan_to_num(x) % 3 == 0, 1, 0)[:, np.newaxis]
    return x, y, rng.integers(1, 4, n).astype(float), rng.integers(0, 5, n)


def of_value(x, y, w, rows, v):
    """Line and effect of the value v from some rows: sums and a ridge regression, row by row."""
    known = [i for i in range(len(x)) if not np.isnan(x[i])]
    distinct = sorted({x[i] for i in known})
    everywhere = {u: sum(w[i] for i in known if x[i] == u) for u in distinct}
    n = sum(everywhere.values())
    mass = {u: min(everywhere[u], n / 32) for u in distinct}
    total = sum(mass.values())
    place = {u: (sum(mass[t] for t in distinct if t < u) + mass[u] / 2) / total for u in distinct}

    def design(u):
        row, part = np.zeros(32), min(int(place[u] * 16), 15)
        row[part], row[16 + part] = 1, 16 * place[u] - part - 0.5
        return row

    used = [i for i in rows if not np.isnan(x[i])]
    mean = sum(w[i] * y[i] for i in used) / sum(w[i] for i in used)
    P, W = np.stack([design(x[i]) for i in used]), np.diag([w[i] for i in used])
    Y = np.stack([y[i] - mean for i in used])
    line = design(v) @ np.linalg.solve(P.T @ W @ P + np.eye(32), P.T @ W @ Y)
    S = sum([w[i] * (y[i] - mean) for i in used if x[i] == v], np.zeros(y.shape[1]))
    C = sum(w[i] for i in used if x[i] == v)
    effect = (S + 10 * line) / (C + 10) - line
    return line + mean, effect if everywhere[v] >= 2 else 0 * effect


def test_line_and_effect_by_enumeration():
    x, y, w, _ = example(n=120)
    values = distinct_values(x, w)
    line, effect = line_and_effect(values, sums(values.of_row, len(values.count), y, w))
    for j, v in enumerate(np.unique(x[~np.isnan(x)])):
        expected = of_value(x, y, w, range(len(x)), v)
        np.testing.assert_allclose(line[j], expected[0], atol=1e-10)
        np.testing.assert_allclose(effect[j], expected[1], atol=1e-10)


def test_out_of_fold_and_z_by_enumeration():
    x, y, w, fold = example(n=80)
    line, effect = out_of_fold(distinct_values(x, w), y, w, fold)
    d = np.zeros_like(y)
    for i in range(len(x)):
        if np.isnan(x[i]):
            assert np.isnan(line[i]).all()
            assert (effect[i] == 0).all()
            continue
        others = [k for k in range(len(x)) if fold[k] != fold[i]]
        expected = of_value(x, y, w, others, x[i])
        np.testing.assert_allclose(line[i], expected[0], atol=1e-10)
        np.testing.assert_allclose(effect[i], expected[1], atol=1e-10)
        d[i] = (y[i] - line[i]) ** 2 - (y[i] - line[i] - effect[i]) ** 2
    repeated = np.repeat(d, w.astype(int), axis=0)  # a weight is a repetition
    expected = repeated.mean(axis=0) / repeated.std(axis=0) * np.sqrt(len(repeated))
    np.testing.assert_allclose(z_of_effects(y, line, effect, w), expected)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 100), st.integers(0, N - 1), st.floats(-1e3, 1e3))
def test_a_row_does_not_see_its_own_label(seed, row, label):
    x, y, w, fold = example(seed)
    values = distinct_values(x, w)
    before = out_of_fold(values, y, w, fold)[1]
    y[row] = label
    after = out_of_fold(values, y, w, fold)[1]
    same = fold == fold[row]
    np.testing.assert_allclose(after[same], before[same], atol=1e-9)


def screened(X, y, weight=None, limits=(-np.inf, 0.0)):
    fold = np.random.RandomState(0).permutation(len(y)) % 10
    encoder = ColumnEncoder().fit(X, weight)
    return fold, encoder, find_effects(encoder, X, y, weight, fold, limits)


def columns(X, y, limits):
    """The columns that pass the screen."""
    return [i for i, _ in screened(X, y, limits=limits)[2]]


def learned(X, y, weight=None, limits=(-np.inf, 0.0)):
    fold, encoder, found = screened(X, y, weight, limits)
    return encoder, found, learn_effects(encoder, X, y, weight, fold, found)


def encoded_later(encoder, effects, X):
    with_effects, _ = encoder.with_effects(effects, encoder.transform(X), np.empty((len(X), 0)))
    return encode_effects(with_effects, read_table(X))


@pytest.mark.parametrize(("a", "b"), [(2.0, 3.0), (-1.0, 0.0), (-0.25, 17.0)])
def test_units_and_signs_do_not_matter(a, b):
    x, y, *_ = example()
    X = x[:, np.newaxis]
    encoder, _, (effects, own) = learned(X, y)
    turned, _, (others, same) = learned(a * X + b, y)
    np.testing.assert_allclose(same, own, atol=1e-9)
    later = encoded_later(encoder, effects, X)
    np.testing.assert_allclose(encoded_later(turned, others, a * X + b), later, atol=1e-9)


def test_weights_are_repetitions():
    x, y, w, fold = example()
    times = w.astype(int)
    values = distinct_values(x, w)
    _, once = out_of_fold(values, y, w, fold)
    long = [np.repeat(array, times, axis=0) for array in (x, y, np.ones(N), fold)]
    _, often = out_of_fold(distinct_values(long[0], long[2]), *long[1:])
    np.testing.assert_allclose(often, np.repeat(once, times, axis=0), atol=1e-10)


def codes_and_noise(n=2000, seed=0):
    """A column of codes, of which some raise the target, one of noise, and a constant."""
    rng = np.random.default_rng(seed)
    code = rng.integers(0, 60, n).astype(float)
    X = np.stack([rng.normal(size=n), code, rng.integers(0, 60, n), np.ones(n)], axis=1)
    return X, rng.normal(size=(n, 1)) + 1.5 * (code % 7 == 3)[:, np.newaxis]


@pytest.mark.parametrize("limits", [OF_LABELS, OF_NUMBERS])
def test_the_screen_finds_codes_and_not_noise(limits):
    X, y = codes_and_noise()
    found = learned(X, np.hstack([y, -y[::-1]]), limits=limits)[1]
    assert [(i, targets.tolist()) for i, targets in found] == [(1, [0])]


def test_later_rows_have_the_effects_of_all_rows():
    X, y = codes_and_noise()
    encoder, _, (effects, _) = learned(X, y, limits=OF_NUMBERS)
    (effect,), codes = effects, np.arange(60.0)
    sign = encoder.sign_of(1)  # the direction in which the column is encoded
    values = distinct_values(sign * X[:, 1], np.ones(len(X)))
    _, expected = line_and_effect(values, sums(values.of_row, 60, y, np.ones(len(X))))
    z = expected[:: int(sign)] * effect.scale
    rows = np.stack([codes, codes, codes, codes], axis=1)
    later = encoded_later(encoder, effects, rows)
    np.testing.assert_allclose(later, z / np.sqrt(1 + (z / 3) ** 2))
    unknown = np.array([[0, np.nan, 0, 0], [0, 0.5, 0, 0], [0, -1, 0, 0], [0, 1e300, 0, 0]])
    assert (encoded_later(encoder, effects, unknown) == 0).all()


@pytest.mark.parametrize("fitted", [np.float32, np.float64])
@pytest.mark.parametrize("asked", [np.float32, np.float64])
def test_values_are_found_in_either_precision(fitted, asked):
    X, y = codes_and_noise()
    X[:, 1] /= 10
    encoder, _, (effects, _) = learned(X.astype(fitted), y, limits=OF_NUMBERS)
    assert (encoded_later(encoder, effects, X.astype(asked)) != 0).all()


def test_values_of_one_row_have_no_effect():
    x, y = np.r_[np.arange(1.0, 41), np.repeat([50.0, 60.0], 100)], np.ones((240, 1))
    y[:40] = 3
    values = distinct_values(x, np.ones(240))
    _, effect = line_and_effect(values, sums(values.of_row, 42, y, np.ones(240)))
    assert (effect[:40] == 0).all()
    assert (effect[40:] != 0).all()


def test_effects_are_stored():
    X, y = codes_and_noise()
    encoder, _, (effects, own) = learned(X, y, limits=OF_NUMBERS)
    encoder, E = encoder.with_effects(effects, encoder.transform(X), own)
    again = stored(encoder)
    assert (again.transform(X) == encoder.transform(X)).all()
    assert E.shape == encoder.transform(X).shape
    assert isinstance(again.effects[0], ValueEffect)
    assert encoder.report()[1]["n_encoded"] == 2
    assert "effects" in encoder.report()[1]["note"]


# ---- limits --------------------------------------------------------------------------------------


def test_ten_rows_are_often_and_nine_are_not():
    x, w = np.repeat([1.0, 2.0, 3.0, np.nan], [9, 10, 4, 20]), np.ones(43)
    values = distinct_values(x, w)
    assert values.often == 10
    np.testing.assert_array_equal(values.occurs_often, x == 2)
    weighted = distinct_values(x, np.where(x == 3, 2.5, 1.0))  # four rows that count as ten
    assert weighted.often == 20
    np.testing.assert_array_equal(weighted.occurs_often, (x == 2) | (x == 3))


def codes(n_values, n=2000, seed=0):
    """A column of codes of which every third has an effect."""
    rng = np.random.default_rng(seed)
    code = np.arange(n) % n_values * 1.0
    return code[:, np.newaxis], 2.0 * (code % 3 == 1)[:, np.newaxis] + rng.normal(size=(n, 1))


@pytest.mark.parametrize(("n_values", "found"), [(16, []), (17, [0])])
def test_sixteen_values_are_left_to_the_pieces(n_values, found):
    assert columns(*codes(n_values), (-np.inf, 0.0)) == found


@pytest.mark.parametrize(("n_often", "found"), [(980, []), (1000, [0])])
def test_a_share_of_the_rows_has_values_that_occur_often(n_often, found):
    X, y = codes(20)
    X[n_often:, 0] = 100.0 + np.arange(2000 - n_often) / 7
    assert columns(X, y, (-np.inf, 0.5)) == found


def test_copies_of_rows_do_not_pass():
    """Half of the rows are there six times: the label of a copy gives that of a row away."""
    rng = np.random.default_rng(0)
    x, y = np.repeat(rng.normal(size=(150, 1)), 6, axis=0), np.repeat(rng.normal(size=150), 6)
    noise = np.repeat(rng.integers(0, 30, 30) + 10.0, 30)[:, np.newaxis]  # values that occur often
    X, y = np.concatenate([x, noise]), np.concatenate([y, rng.normal(size=900)])[:, np.newaxis]
    own = learned(X, y)[2][1]
    values = distinct_values(X[:, 0], np.ones(len(X)))
    assert values.often >= 0.5 * len(X)
    assert np.corrcoef(own[:900, 0], y[:900, 0])[0, 1] > 0.9  # the effects would be believed
    assert columns(X, y, OF_NUMBERS) == []


def test_effects_that_do_not_predict_do_not_pass_by_frequent_values_alone():
    """Frequent values have an effect, and those of the others make the sum worthless."""
    X, y = codes_that_fail_in_rare_values()
    assert columns(X, y, OF_LABELS) == []
    often = np.flatnonzero(np.bincount(X[:, 0].astype(int))[X[:, 0].astype(int)] >= 10)
    assert columns(X[often], y[often], OF_LABELS) == [0]


def codes_that_fail_in_rare_values():
    """Half of the rows have codes with an effect, the others are pairs with opposite labels."""
    rng = np.random.default_rng(0)
    code, label = rng.integers(0, 60, 2000) * 1.0, rng.normal(size=2000)
    label += 1.0 * (code % 3 == 1)
    pair = np.repeat(np.arange(100.0, 1100), 2)
    opposite = 6.0 * np.tile([1.0, -1.0], 1000)
    X, y = np.concatenate([code, pair]), np.concatenate([label, opposite])
    return X[:, np.newaxis], y[:, np.newaxis]


def test_values_of_one_row_have_no_code():
    X, y = codes(20)
    X[:5, 0] = [50, 60, 60, 70, np.nan]
    ((effect,), _) = learned(X, y)[2]
    np.testing.assert_array_equal(np.sort(effect.numbers), [*range(20), 60])


def test_the_scale_makes_the_mean_square_of_effects_that_are_not_zero_one():
    X, y = codes(20)
    X[:300, 0] = np.nan  # of these the effects are zero
    weight = np.where(np.arange(len(X)) % 2 == 0, 1.0, 3.0)
    own = learned(X, y, weight)[2][1]
    linear = own / np.sqrt(1 - (own / 3) ** 2)  # before it was clipped
    used = own[:, 0] != 0
    assert 0 < used.sum() < len(X)
    np.testing.assert_allclose(np.average(linear[used, 0] ** 2, weights=weight[used]), 1.0)


def test_a_second_call_keeps_the_scale():
    X, y = codes(20)
    fold = np.arange(len(X)) % 10
    encoder, found, (effects, own) = learned(X, y)
    encoder, _ = encoder.with_effects(effects, encoder.transform(X), own)
    (again,), _ = learn_effects(encoder, X, 2 * y, None, fold, found)
    np.testing.assert_array_equal(again.scale, effects[0].scale)
    (before,) = effects

    def linear(table):
        return table / np.sqrt(1 - (table / 3) ** 2)

    np.testing.assert_allclose(linear(again.table), 2 * linear(before.table), atol=1e-9)
