"""Weights of classes: products over the columns, and counts that add up exactly."""

from datetime import date, datetime, timedelta

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.utils.class_weight import compute_class_weight

from skbackprop.targets import LabelCodec
from skbackprop.targets.class_weight import (
    DIGITS,
    balanced,
    check_class_weight,
    class_counts,
    class_factors,
    plain_labels,
    without_weight,
)

LETTERS, NUMBERS = LabelCodec(np.array([*"abc"])), LabelCodec(np.array([1, 2]))
Y = np.array([*"abacabba"])
TWO = np.array([["a", 1], ["b", 2], ["a", 2]], object)


def test_a_row_has_the_factor_of_its_class():
    assert_array_equal(class_factors({"a": 2.0, "c": 0.0}, Y, (LETTERS,)), [2, 1, 2, 0, 2, 1, 1, 2])


def test_factors_of_columns_are_multiplied():
    found = class_factors([{"a": 2.0, "b": 3.0}, {2: 10.0}], TWO, (LETTERS, NUMBERS))
    assert_array_equal(found, [2, 30, 20])


def test_balanced_classes_have_the_same_weight():
    counts = class_counts(Y, (LETTERS,), None)
    factor = class_factors("balanced", Y, (LETTERS,), counts)
    expected = compute_class_weight("balanced", classes=np.array([*"abc"]), y=Y)
    assert_allclose(factor, expected[LETTERS.codes(Y)])
    assert_allclose([factor[label == Y].sum() for label in "abc"], len(Y) / 3)


def test_a_class_without_rows_is_no_class():
    assert_array_equal(balanced(np.array([2.0, 0.0, 6.0])), [2, 1, 2 / 3])


def test_each_column_is_balanced_by_its_own_counts():
    heads, weight = (LETTERS, NUMBERS), np.array([1.0, 2.0, 3.0])
    counts = class_counts(TWO, heads, weight)
    assert_allclose(counts, [4, 2, 0, 1, 5])
    found = class_factors("balanced", TWO, heads, counts)
    assert_allclose(found, [6 / 8 * 6 / 2, 6 / 4 * 6 / 10, 6 / 8 * 6 / 10])


@pytest.mark.parametrize("weight", [None, np.random.default_rng(0).random(8), np.full(8, 0.1)])
def test_counts_of_many_calls_are_multiples_of_those_of_one(weight):
    once, counts = class_counts(Y, (LETTERS,), weight), None
    for _ in range(1000):
        counts = class_counts(Y, (LETTERS,), weight, counts)
    assert_array_equal(counts, 1000 * once)
    exact = np.bincount(LETTERS.codes(Y), weight)
    assert_allclose(once, exact, rtol=0, atol=exact.sum() / 2**DIGITS)


def test_a_class_of_hardly_any_weight_is_there():
    counts = class_counts(np.array(["a", "b"]), (LETTERS,), np.array([1.0, 1e-30]))
    assert counts[1] > 0
    assert counts[2] == 0


@pytest.mark.parametrize(
    ("class_weight", "y", "absent"),
    [
        ({"a": 0}, Y, Y == "a"),
        ({"a": 0, "b": 0.0, "c": 1}, Y, Y != "c"),
        ([{"a": 0}, {2: 0}], TWO, [True, True, True]),
        ([{"b": 0}, {}], TWO, [False, True, False]),
    ],
)
def test_rows_of_a_class_of_weight_0(class_weight, y, absent):
    assert_array_equal(without_weight(class_weight, y), absent)


@pytest.mark.parametrize("class_weight", [None, "balanced", {"a": 2}, {"z": 0}, {}])
def test_no_row_has_a_class_of_weight_0(class_weight):
    assert without_weight(class_weight, Y) is None


DAY = [np.datetime64("2020-01-01"), np.datetime64("2020-01-01", "ns"), date(2020, 1, 1)]
HOUR = [np.timedelta64(1, "h"), np.timedelta64(60, "m").astype("m8[ns]"), timedelta(hours=1)]


@pytest.mark.parametrize(
    ("label", "kind"),
    [(label, f"M8[{u}]") for label in (*DAY, datetime(2020, 1, 1)) for u in ("D", "us", "ns")]
    + [(label, f"m8[{u}]") for label in HOUR for u in ("h", "s", "ns")],
)
def test_dates_and_durations_are_found_by_every_spelling(label, kind):
    first = DAY[0] if kind[0] == "M" else HOUR[0]
    y = np.array([first, first + 1, first]).astype(kind)
    heads = (LabelCodec(np.unique(y)),)
    check_class_weight({label: 5.0}, [plain_labels(heads[0].classes)])
    assert_array_equal(class_factors({label: 5.0}, y, heads), [5, 1, 5])
    assert_array_equal(without_weight({label: 0}, y), [True, False, True])
    with pytest.raises(ValueError, match="got zero for all classes"):
        check_class_weight({label: 0}, [plain_labels(y[:1])])


def test_labels_finer_than_python_dates_are_told_apart():
    y = np.array([1, 2, 1], "M8[ns]")
    factors = class_factors({y[0]: 5.0}, y, (LabelCodec(np.unique(y)),))
    assert_array_equal(factors, [5, 1, 5])


@pytest.mark.parametrize(
    ("class_weight", "message"),
    [
        ({"d": 1}, r"labels of y, .* got \['d'\] too"),
        ({"a": -1}, "finite numbers >= 0, got -1 for the class 'a'"),
        ({"a": np.inf}, "got inf"),
        ({"a": np.nan}, "got nan"),
        ({"a": "1"}, "got '1'"),
        ({"a": 0, "b": 0, "c": 0}, "a weight > 0, got zero for all classes"),
        ([{"a": 1}], "needs a dict for y with 1 column of labels, got a list of 1"),
    ],
)
def test_what_is_no_class_weight(class_weight, message):
    with pytest.raises(ValueError, match=message):
        check_class_weight(class_weight, [[*"abc"]])


def test_what_is_a_class_weight():
    for class_weight in (None, "balanced", {}, {"a": 0}, {"a": 0, "b": 0}, {"a": True, "c": 2.5}):
        check_class_weight(class_weight, [[*"abc"]])
    check_class_weight([{"a": 1}, {}], [[*"abc"], [1, 2]])
    for class_weight in ({"a": 1}, [{"a": 1}], [{"a": 1}, 5]):
        with pytest.raises(ValueError, match="class_weight needs a"):
            check_class_weight(class_weight, [[*"abc"], [1, 2]])
