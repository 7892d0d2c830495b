"""Levels of one column: their order, their codes, and the numbers that stand for them."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skbackprop.tables.categories import encode_values, learn_category, rows_of_each
from skbackprop.tables.cells import BOOLEAN, NUMBER, TEXT
from skbackprop.tables.scaling import center_and_scale, robust_scale

LIMITS = 4, 2  # of one-hot columns, and rows of a level of a large category


def learned(counts, absent=0.0, families=(TEXT,), limits=LIMITS):
    return learn_category(0, frozenset(families), counts, absent, limits)


def column(values, weights):
    """Scaled and clipped as a column of these values."""
    values, weights = np.array(values, float), np.array(weights, float)
    return robust_scale(values, *center_and_scale(values[weights > 0], weights[weights > 0]))


def test_two_levels_are_one_column_in_which_unknown_is_between():
    category = learned({"no": 30.0, "yes": 70.0})
    assert (category.kind, category.levels) == ("binary", ["no", "yes"])
    assert_allclose(category.table[:, 0], column([0, -1, 1], [0, 30, 70]))
    unknown, no, yes = category.table[:, 0]
    assert no < unknown < yes == 0  # the median


def test_few_levels_have_a_column_each():
    counts = {"a": 10.0, "b": 30.0, "c": 60.0}
    category = learned(counts, absent=5.0)
    assert category.kind == "one-hot"
    for j in range(3):
        expected = column(np.arange(4) == j + 1, [5, 10, 30, 60])
        assert_allclose(category.table[:, j], expected)
    assert_allclose(category.shares, np.array([5, 10, 30, 60]) / 105, atol=1e-7)


def test_many_levels_have_a_share_and_a_code():
    counts = dict(zip("abcdefg", [1.0, 2.0, 3.0, 30.0, 14.0, 1.0, 5.0], strict=True))
    category = learned(counts, absent=4.0)
    assert (category.kind, category.embedded) == ("embedded", True)
    assert category.levels == [*"bcdeg"]  # two rows are enough
    assert category.rare == ["a", "f"]
    n = np.array([6, 2, 3, 30, 14, 5])  # missing and rare levels share code 0
    assert_allclose(category.shares, n / 60, atol=1e-7)
    assert_allclose(category.table[:, 0], column([0, 2, 3, 30, 14, 5], n))
    assert [category.code(key) for key in ("a", "b", "e", "z", None)] == [0, 1, 4, 0, 0]


def test_rare_levels_of_a_small_category_are_levels():
    assert learned({"a": 1.0, "b": 50.0}).levels == ["a", "b"]


@pytest.mark.parametrize("counts", [{}, {"a": 9.0}])
def test_a_column_of_one_level_is_constant(counts):
    category = learned(counts, absent=0.0 if counts else 4.0)
    assert (category.kind, category.table.shape[1]) == ("constant", 0)
    assert category.shares.sum() == 1


def test_of_one_level_that_is_missing_at_times_a_column_is_left():
    category = learned({"a": 6.0}, absent=4.0)
    assert category.kind == "one-hot"
    assert category.table[0, 0] < category.table[1, 0]


def test_numbers_are_in_their_order_and_text_is_in_its_own():
    assert learned({10: 5.0, 9: 5.0, 2.5: 5.0}, families=(NUMBER,)).levels == [2.5, 9, 10]
    assert learned({"10": 5.0, "9": 5.0}).levels == ["10", "9"]


def test_numbers_are_found_by_their_text_where_that_is_clear():
    category = learned({"01": 5.0, "2": 5.0, "x": 5.0})
    assert [category.code(key) for key in ("01", 1, 1.0, "1", 2, "02", 3)] == [1, 1, 1, 1, 2, 2, 0]
    unclear = learned({"01": 5.0, "1": 5.0, "2": 5.0})
    assert [unclear.code(key) for key in ("01", "1", 1, "001", 2)] == [1, 2, 0, 0, 3]


def test_case_blanks_and_form_make_no_other_level_where_that_is_clear():
    category = learned({"Yes": 5.0, "New York": 5.0, "ros\u00e9": 5.0})
    keys = "YES", "yes", "new  york", "NEW\u00a0YORK", "ROSE\u0301", "no", "Y"
    assert [category.code(key) for key in keys] == [2, 2, 1, 1, 3, 0, 0]
    unclear = learned({"Yes": 5.0, "yes": 5.0})
    assert [unclear.code(key) for key in ("Yes", "yes", "YES")] == [1, 2, 0]


@pytest.mark.parametrize(
    ("families", "levels", "other", "keys", "may"),
    [
        ((NUMBER,), [0, 1], BOOLEAN, [True], True),
        ((BOOLEAN,), [False, True], NUMBER, [1], True),
        ((BOOLEAN,), [False, True], NUMBER, [1, 0, None], True),
        ((BOOLEAN,), [False, True], NUMBER, [1, 2], False),
        ((BOOLEAN,), [True], NUMBER, [0], True),
        ((TEXT,), ["1", "2"], NUMBER, [5], True),  # all levels are numbers
        ((TEXT,), ["a", "2"], NUMBER, [2], True),  # one is known
        ((TEXT,), ["a", "b"], NUMBER, [2], False),
        ((NUMBER,), [1, 2], TEXT, ["3"], True),
        ((NUMBER,), [1, 2], TEXT, ["x"], False),
        ((), [], TEXT, ["x"], True),  # no level is known yet
    ],
)
def test_which_other_cells_may_be_levels(families, levels, other, keys, may):
    category = learned(dict.fromkeys(levels, 5.0), absent=1.0, families=families)
    if may:
        category.check_families(keys, Later(other))
    else:
        with pytest.raises(ValueError, match="cannot be compared"):
            category.check_families(keys, Later(other))


class Later:
    """A table that is asked for the families and the name of its column alone."""

    def __init__(self, family):
        self.family = family

    def families(self, i):
        return {self.family}

    def label(self, i):
        return "'color'"


def test_constant_columns_of_values_are_dropped():
    n = np.array([0.0, 3.0, 5.0])
    values = np.array([[9.0, 1.0], [2.0, 1.0], [4.0, 1.0]])
    assert_allclose(encode_values(values, n), column([9, 2, 4], n)[:, None])
    assert encode_values(values[:, 1:], n).shape == (3, 0)


def test_rows_are_counted_by_weight():
    which = np.array([0, 2, 2])
    assert_array_equal(rows_of_each(which, None, 4), [1, 0, 2, 0])
    assert_array_equal(rows_of_each(which, np.array([0.5, 1.0, 2.0]), 4), [0.5, 0, 3, 0])
