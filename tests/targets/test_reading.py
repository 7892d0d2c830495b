"""Labels and numbers from every container: exact, of their own kind, or refused by name."""

import datetime
from decimal import Decimal

import numpy as np
import pytest

from skbackprop.targets.labels import check_labels, is_indicator, make_label_codec
from skbackprop.targets.numbers import check_numbers

pd = pytest.importorskip("pandas")
BIG = [10**18 + 1, 10**18 + 2, 10**18 + 1]
CASES = [  # what is given, what the labels are, the kind of their dtype
    (pd.Series(BIG, dtype="Int64"), BIG, "i"),
    (pd.Series(BIG, dtype="UInt64"), BIG, "u"),
    (pd.array(BIG, dtype="Int64"), BIG, "i"),
    (pd.Series([1, 0, 1], dtype="Int8"), [1, 0, 1], "i"),
    (pd.Series([True, False, True], dtype="boolean"), [True, False, True], "b"),
    (pd.Series(["b", "a", "b"], dtype="string"), ["b", "a", "b"], "O"),
    (pd.Series(["b", "a", "b"], dtype="category"), ["b", "a", "b"], "O"),
    (pd.Series(BIG, dtype="category"), BIG, "i"),
    (np.array(BIG, dtype=object), BIG, "i"),
    (np.array([1.0, 2.0, 1.0], dtype=object), [1.0, 2.0, 1.0], "f"),
    (np.array([1, 2.0, 1], dtype=object), [1.0, 2.0, 1.0], "f"),
    (np.array([True, False, True], dtype=object), [True, False, True], "b"),
    (np.array(["b", "a", "b"], dtype=object), ["b", "a", "b"], "O"),
    (np.array([2**63, -1, 2**63], dtype=object), [2**63, -1, 2**63], "O"),
    (np.array(["b", "a", "b"], dtype=np.dtypes.StringDType()), ["b", "a", "b"], "O"),
    ([Decimal(1), Decimal(2), Decimal(1)], [Decimal(1), Decimal(2), Decimal(1)], "O"),
    ([datetime.date(2020, 1, 1)] * 3, [datetime.date(2020, 1, 1)] * 3, "O"),
    (np.ma.array([1, 2, 1], mask=False), [1, 2, 1], "i"),
]


@pytest.mark.parametrize(("given", "labels", "kind"), CASES)
def test_labels_are_exact_and_of_their_own_kind(given, labels, kind):
    y = check_labels(given)
    assert y.tolist() == labels
    assert y.dtype.kind == kind
    codec = make_label_codec(y)
    assert codec.classes.tolist() == sorted(set(labels))
    assert codec.classes[codec.codes(y)].tolist() == labels


@pytest.mark.parametrize("labels", [BIG, [1, 0, 1], [True, False, True], ["b", "a", "b"]])
def test_labels_of_polars_and_pyarrow(labels):
    pl, pa = pytest.importorskip("polars"), pytest.importorskip("pyarrow")
    kind = np.asarray(labels).dtype.kind.replace("U", "O")
    arrow = pd.Series(labels).convert_dtypes(dtype_backend="pyarrow")
    for given in (pl.Series(labels), pa.array(labels), pa.chunked_array([labels]), arrow):
        y = check_labels(given)
        assert y.tolist() == labels
        assert y.dtype.kind == kind


def test_integers_of_other_dtypes_are_compared_exactly():
    codec = make_label_codec(np.array(BIG))
    assert codec.codes(np.array(BIG, dtype=np.uint64)).tolist() == [0, 1, 0]
    assert codec.codes(np.array([10**18 + 3, 10**18], dtype=np.uint64)).tolist() == [-1, -1]


@pytest.mark.parametrize(
    ("cells", "kinds"),
    [
        ([0, "one", 0], "int and str"),
        ([True, 2, False], "bool and int"),
        ([0.5, "a", True], "bool, float and str"),
        ([b"a", "a", "b"], "bytes and str"),
        (np.array([BIG[0], 1.0, 2.0], dtype=object), "float and int"),
    ],
)
def test_labels_of_several_types_are_refused(cells, kinds):
    for given in (cells, np.array(cells, dtype=object)):
        with pytest.raises(ValueError, match=f"labels of y are of several types: {kinds}"):
            check_labels(given)


def test_labels_that_cannot_be_sorted_are_refused():
    cells = np.array([{1: 2}, {1: 3}], dtype=object)
    with pytest.raises(ValueError, match="Unknown label type: .* type 'dict'"):
        check_labels(cells)


MISSING = [
    pd.Series([1, None, 0, None], dtype="Int64"),
    pd.Series(["a", None, "b", None], dtype="string"),
    pd.Series(["a", None, "b", None], dtype="category"),
    pd.Series([True, None, False, None], dtype="boolean"),
    np.array(["a", None, "b", None], dtype=object),
    np.array(["a", np.nan, "b", pd.NaT], dtype=object),
    np.array([1.0, np.nan, 0.0, np.nan]),
    [1, None, 0, None],
]


@pytest.mark.parametrize("y", MISSING)
@pytest.mark.parametrize("check", [check_labels, check_numbers])
def test_missing_values_are_counted_and_named(y, check):
    message = "Input y contains NaN: 2 of 4 rows have no value .* rows 1, 3. Remove them"
    with pytest.raises(ValueError, match=message):
        check(y)


@pytest.mark.parametrize("library", ["polars", "pyarrow"])
def test_nulls_of_arrow_are_missing(library):
    module = pytest.importorskip(library)
    y = module.Series([1, None]) if library == "polars" else module.array([1, None])
    with pytest.raises(ValueError, match="1 of 2 rows has no value .* row 1. Remove it"):
        check_labels(y)


@pytest.mark.parametrize("check", [check_labels, check_numbers])
def test_masked_values_are_refused_with_advice(check):
    y = np.ma.array([1, -9999, 0], mask=[False, True, False])
    with pytest.raises(ValueError, match=r"masked values in 1 of 3 rows, row 1.*~np.ma.getmask"):
        check(y)


def test_columns_of_text_and_numbers():
    frame = pd.DataFrame({"shape": ["b", "a", "b"], "id": BIG})
    y = check_labels(frame)
    codec = make_label_codec(y)
    assert [classes.tolist() for classes in codec.classes] == [["a", "b"], sorted(set(BIG))]
    assert [classes.dtype.kind for classes in codec.classes] == ["O", "i"]
    scores = codec.encode(y, np.dtype("float64")) - 0.5
    assert codec.decode(scores).tolist() == y.tolist()


def test_only_zeros_and_ones_are_an_indicator_matrix():
    assert is_indicator(np.array([[0, 1], [1, 1]]))
    assert is_indicator(np.array([[True, False]]))
    assert not is_indicator(np.array([[1, 2], [2, 1]]))  # two columns of labels
    assert not is_indicator(np.array([0, 1]))


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.array(["a", "b"]), "could not convert y: it has texts, such as 'a'"),
        (np.array(["1.5", "2"], dtype=object), "y.astype"),
        (np.array(["2020-01-01"], dtype="M8[D]"), "needs numbers, got .*Convert dates"),
        ([datetime.date(2020, 1, 1)], "Convert dates"),
        (np.array([1 + 2j, 0]), "Complex data not supported: y has complex"),
        (np.array([10**400, 1], dtype=object), "too large for dtype.'float64'.*row 0"),
        (np.array([1.0, np.inf]), "contains infinity .* in row 1"),
        (np.zeros((2, 2, 2)), "dim 3"),
        (None, "requires y to be passed"),
    ],
)
def test_what_is_no_number_is_refused(y, message):
    with pytest.raises(ValueError, match=message):
        check_numbers(y)


def test_numbers_of_every_container():
    given = [[1, 2], np.array([1, 2], object), pd.Series([1, 2], dtype="Int64"),
             pd.DataFrame({"y": [1, 2]}).y, [Decimal(1), Decimal(2)]]  # fmt: skip
    for y in given:
        assert check_numbers(y).tolist() == [1.0, 2.0]
        assert check_numbers(y).dtype == np.float64


@pytest.mark.parametrize("check", [check_labels, check_numbers])
@pytest.mark.parametrize("y", [3, "abc", {"a": 1}, {0, 1}])
def test_a_single_value_is_refused_by_name(y, check):
    with pytest.raises(TypeError, match="classes needs at least 1 dimension, a value for each row"):
        check(y, "classes")


def test_several_labels_in_a_row_are_refused_with_advice():
    with pytest.raises(ValueError, match="y needs one value.*MultiLabelBinarizer"):
        check_labels([["a"], ["a", "b"]])
