"""An encoder that follows more rows: what moves, what stays, and what gets a place."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy import sparse

from skbackprop.tables import growth
from skbackprop.tables.encoder import ColumnEncoder
from skbackprop.tables.growth import follow, slots, statistics
from skbackprop.tables.running import (
    LEAST,
    MEMORY,
    differs,
    has_jumped,
    is_due,
    summarize,
    with_rows,
)

from .stored import stored

pd = pytest.importorskip("pandas")
rng = np.random.default_rng(0)
X = rng.normal(size=(200, 3))


def after(*tables, **params):
    encoder = ColumnEncoder(**params).fit(tables[0])
    for table in tables[1:]:
        encoder, notes = follow(encoder, table)
        assert not notes
    return encoder


def test_a_summary_has_the_quartiles_of_its_rows():
    x = rng.exponential(size=1000)
    assert np.quantile(summarize(x), [0.25, 0.5, 0.75]) == pytest.approx(
        np.quantile(x, [0.25, 0.5, 0.75]), rel=0.05
    )
    values, weight = with_rows(summarize(x), 50.0, x + 9, np.ones(1000))
    assert weight.sum() == pytest.approx(1050)
    assert np.average(values > 9, weights=weight) == pytest.approx(1000 / 1050, abs=1e-3)


@pytest.mark.parametrize("alone", [True, False])
@pytest.mark.parametrize("n", [2, 7, 60, 200])
def test_the_same_rows_move_nothing(n, alone):
    zeros = np.where(rng.random(n) < 0.9, 0, np.exp(3 * rng.normal(size=n)))
    table = np.column_stack([X[:n], zeros, np.round(X[:n, 0])])
    first = encoder = ColumnEncoder().fit(table)
    for _ in range(30):
        encoder, _ = follow(encoder, table, alone=alone)
    assert statistics(encoder) == statistics(first)
    assert slots(encoder) == slots(first)


@pytest.mark.parametrize("size", [1, 7, 200])
def test_a_jump_leaves_the_rows_before(size):
    far = X + 10
    used = statistics(after(X, *np.split(far, range(size, 200, size))))
    alone = statistics(after(far))
    for i in range(3):
        assert used[i][0] == pytest.approx(alone[i][0], abs=0.2)
        assert used[i][1] == pytest.approx(alone[i][1], rel=0.5)


@pytest.mark.parametrize("alone", [True, False])
def test_the_encoder_before_stays_as_it_was(alone):
    first = ColumnEncoder().fit(X)
    before = first.transform(X)
    state = {name: np.copy(v) for name, v in vars(first).items() if isinstance(v, np.ndarray)}
    follow(first, 100 * X + 7, alone=alone)
    assert_array_equal(first.transform(X), before)
    for name, value in state.items():
        assert_array_equal(vars(first)[name], value)


@pytest.mark.parametrize("size", [1, 7, 200])
@pytest.mark.parametrize(("factor", "shift"), [(100.0, 0.0), (0.01, 0.0), (-1.0, 10.0)])
def test_another_range_is_followed(factor, shift, size):
    rows = factor * rng.normal(size=(1400, 3)) + shift
    encoder = after(X, *(rows[i : i + size] for i in range(0, 1400, size)))
    z = encoder.transform(rows)
    assert np.abs(np.median(z, axis=0)).max() < 1.1
    assert (np.diff(np.quantile(z, [0.25, 0.75], axis=0), axis=0) > 0.4).all()


def test_the_rows_of_a_fit_that_goes_on_count_alone():
    encoder, _ = follow(ColumnEncoder().fit(X), X + 50, alone=True)
    z = encoder.transform(X + 50)
    assert np.median(z, axis=0) == pytest.approx(0, abs=1e-6)


def test_one_row_after_the_other_has_the_quartiles_of_all():
    encoder = after(*(X[i : i + 1] for i in range(200)))
    z = encoder.transform(X)
    assert encoder.n_numeric == 3
    assert (np.diff(np.quantile(z, [0.25, 0.75], axis=0), axis=0) > 0.4).all()


def test_a_constant_number_gets_a_place_when_it_varies():
    first = np.column_stack([X[:50, 0], np.full(50, 3.0)])
    encoder = after(first, np.column_stack([X[50:60, 0], np.full(10, 3.0)]))
    assert encoder.n_numeric == 1
    encoder, _ = follow(encoder, [[0.5, 4.0]])
    assert slots(encoder) == [("number", 0), ("number", 1)]
    assert len(np.unique(encoder.transform([[0, 3.0], [0, 4.0]])[:, 1])) == 2


def test_a_number_that_was_missing_in_all_rows_gets_a_place_at_once():
    """Though other columns wait until there are more rows."""
    encoder = after(np.column_stack([X[:, 0], np.full(200, np.nan)]), [[0.0, 1.0], [0.0, 2.0]])
    assert ("number", 1) in slots(encoder)


def test_missing_numbers_get_a_place_when_they_appear():
    encoder = after(X[:, :1], [[np.nan]])
    assert slots(encoder) == [("number", 0), ("missing", 0)]
    assert encoder.transform([[np.nan]])[0] != pytest.approx(encoder.transform([[0.0]])[0])
    encoder = after([[np.nan], [np.nan]], [[1.0], [2.0], [np.nan]])
    assert ("missing", 0) in slots(encoder)


def frame(*levels):
    return pd.DataFrame({"s": pd.Series(levels, dtype=object)})


def rows_of(encoder, *levels):
    return [tuple(row) for row in encoder.transform(frame(*levels)).tolist()]


@pytest.mark.parametrize("first", [("a",), ("a", "b"), ("a", "b", "c"), ("a", None), (None,)])
def test_new_levels_get_a_place(first):
    encoder = after(frame(*first), frame("d"), frame("e", "f", "d"))
    known = [level for level in first if level] + ["d", "e", "f"]
    assert len(set(rows_of(encoder, *known))) == len(known)
    assert rows_of(encoder, "other") == rows_of(encoder, None)


def test_a_missing_level_gets_a_place_beside_a_constant():
    encoder = after(frame("a", "a"), frame("a", None))
    assert len(set(rows_of(encoder, "a", None))) == 2


def test_many_levels_get_codes():
    encoder = after(frame("a"), *(frame(f"l{i}") for i in range(30)))
    assert encoder.describe() == [("s", "embedded", encoder.n_encoded)]
    assert encoder.cardinalities == (32,)
    every = ["a", *(f"l{i}" for i in range(30))]
    assert len(set(rows_of(encoder, *every))) == 31


def test_a_new_level_is_encoded_as_unknown_besides_its_own_column_or_code():
    before = after(frame("a", "b", "c"))
    encoder, _ = follow(before, frame("d"))
    assert encoder.transform(frame("d"))[0, :-1] == pytest.approx(before.transform(frame("d"))[0])
    assert encoder.transform(frame("a", "b", "c"))[:, -1].tolist() == [0, 0, 0]


def test_rare_levels_stay_rare_with_the_same_rows():
    levels = [f"l{i // 3}" for i in range(60)] + ["rare", "rarer"]
    encoder = after(frame(*levels), frame(*levels), frame(*levels))
    assert encoder.cardinalities == (21,)
    encoder, _ = follow(encoder, frame("rare", "rare", "new"))
    assert encoder.cardinalities == (23,)


def test_there_is_room_for_so_many_levels(monkeypatch):
    monkeypatch.setattr(growth, "MOST_LEVELS", 12)
    encoder, notes = follow(after(frame("a")), frame(*(f"l{i:02}" for i in range(20))))
    assert encoder.cardinalities == (13,)
    assert len(notes) == 1
    assert "room for more than 12 levels in column 's'" in notes[0]
    encoder, notes = follow(encoder, frame("more"))  # one warning is enough
    assert not notes
    assert encoder.cardinalities == (13,)


def test_text_that_was_missing_at_first():
    encoder = after(frame(None, None), frame("a", "b"))
    assert len(set(rows_of(encoder, "a", "b", None))) == 3


def test_codes_are_no_levels_of_text():
    with pytest.raises(ValueError, match="cannot be compared"):
        follow(after(frame("a", "b")), pd.DataFrame({"s": [0, 1]}))


def test_places_stay_in_their_groups():
    table = pd.DataFrame({"x": X[:, 0], "k": 1.0, "s": "a"})
    first = ColumnEncoder().fit(table)
    other = pd.DataFrame({"x": [np.nan, 1.0], "k": [2.0, 3.0], "s": ["b", "c"]})
    encoder, _ = follow(first, other)
    names = slots(encoder)
    assert names[: encoder.n_numeric] == [("number", 0), ("number", 1)]
    assert names[encoder.n_numeric :] == [("missing", 0), *(("level", 2, j) for j in range(3))]
    again = stored(encoder)
    assert_array_equal(again.transform(other), encoder.transform(other))


def test_sparse_columns_without_entries_at_first():
    shape = (2, 400)  # a small matrix would be a table
    rows = sparse.csr_matrix(([1.0, 2.0], [[0, 1], [0, 0]]), shape=shape)
    encoder = ColumnEncoder().fit(rows)
    more = sparse.csr_matrix(([4.0, 8.0], [[0, 1], [1, 1]]), shape=shape)
    assert encoder.transform(more).sum() == 0
    encoder, _ = follow(encoder, more)
    assert encoder.transform(more).toarray()[:, 1].min() > 0.5


# ---- limits ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("known", "wait"), [(0, 1), (7, 1), (40, 10), (255, 63), (10_000, 64)])
def test_rows_wait_until_they_are_a_quarter_of_those_before(known, wait):
    assert is_due(wait, known)
    assert not is_due(wait - 1, known)


@pytest.mark.parametrize(
    ("shift", "ratio", "expected"),
    [(0, 1, False), (1, 2, False), (-1, 0.25, False), (1.01, 1, True), (-1.01, 1, True),
     (0, 2.01, True), (0, 0.249, True)],
)  # fmt: skip
def test_statistics_are_replaced_if_they_are_far_off(shift, ratio, expected):
    assert differs(shift, ratio) is expected


def test_rows_before_count_as_many_as_they_were_up_to_the_memory():
    points, x = summarize(X[:, 0]), np.zeros(10)
    for known, counted in ((0, 0), (50, 50), (1e6, MEMORY)):
        values, weight = with_rows(points, known, x, np.ones(10))
        assert weight.sum() == pytest.approx(counted + 10)
        assert len(values) == (10 if known == 0 else len(points) + 10)


@pytest.mark.parametrize(("distance", "jumps"), [(36.0, False), (44.0, True)])
@pytest.mark.parametrize("narrow_first", [True, False])
def test_far_is_by_the_larger_of_the_spreads(distance, jumps, narrow_first):
    """Interquartile ranges of 1 and 10: four times the larger one is far."""
    narrow, wide = np.linspace(-1, 1, 1001), np.linspace(-10, 10, 1001) + distance
    before, now = (narrow, wide) if narrow_first else (wide, narrow)
    assert has_jumped(summarize(before), now, np.ones(1001)) is jumps


@pytest.mark.parametrize(("n", "jumps"), [(LEAST - 1, False), (LEAST, True)])
def test_few_rows_are_no_jump(n, jumps):
    assert has_jumped(summarize(X[:, 0]), X[:n, 0] + 1000, np.ones(n)) is jumps
    assert not has_jumped(np.full(33, np.nan), X[:, 0], np.ones(200))


def test_a_turned_column_stays_turned():
    x = -rng.exponential(size=(100, 1))
    first = ColumnEncoder().fit(x)
    assert first._scale[0] < 0
    second, _ = follow(first, 1000 * x)
    assert 0 > second._scale[0] > first._scale[0]


@pytest.mark.parametrize("n", [100, 4000, 12_000])
def test_all_rows_of_a_call_are_counted(n):
    """Also where some of them stand for all."""
    new, _ = follow(ColumnEncoder().fit(X[:, :1]), rng.normal(size=(n, 1)))
    assert new._known.tolist() == [200 + n]


def test_rows_before_a_jump_are_not_counted():
    new, _ = follow(ColumnEncoder().fit(X), X[:100] + 1000)
    assert new._known.tolist() == [100] * 3
