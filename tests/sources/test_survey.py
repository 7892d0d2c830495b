"""The first reading of a source: every row counts once, and the sample is uniform."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from skbackprop.sources import Batch, RowSource, survey
from skbackprop.sources.survey import FIRST_ROWS, Sample, row_keys


class Batches:
    """An iterable of batches of `size` rows."""

    def __init__(self, X, y, size, weight=None):
        self.parts, self.size = (X, y) if weight is None else (X, y, weight), size

    def __iter__(self):
        for first in range(0, len(self.parts[0]), self.size):
            yield tuple(part[first : first + self.size] for part in self.parts)


X = np.arange(1000.0)[:, None]


@pytest.mark.parametrize("size", [1, 7, 400, 2000])
def test_the_sample_does_not_depend_on_the_batches(size):
    found = survey(RowSource(Batches(X, X[:, 0], size), sample_rows=100))
    chosen = np.sort(np.argsort(row_keys(np.arange(1000), salt=0))[:100])  # the smallest keys
    assert found.n_rows == 1000
    assert not found.is_complete
    assert_array_equal(found.numbers, chosen)
    assert_array_equal(found.sample.X[:, 0], chosen)
    assert_array_equal(found.sample.y, chosen)


def test_a_source_of_few_rows_is_the_sample():
    found = survey(RowSource(Batches(X, X[:, 0], 300, X[:, 0]), sample_rows=1000))
    assert found.is_complete
    for part in found.sample:
        assert_array_equal(np.ravel(part), X[:, 0])


def test_a_categorical_column_stays_one_if_batches_have_different_levels():
    codes = np.arange(1000) // 100
    sample = Sample(1000, all_labels=False)
    for i in range(0, 1000, 250):  # each batch has few of the levels
        part = pd.DataFrame({"code": pd.Categorical(codes[i : i + 250])})
        sample.add(Batch(part, np.zeros(250)), np.arange(i, i + 250), "A batch")
    found = sample.rows()[0].X["code"]
    assert isinstance(found.dtype, pd.CategoricalDtype)
    assert_array_equal(found.to_numpy(), codes)


def test_keys_are_spread_evenly_and_salts_are_independent():
    numbers = np.arange(100_000)
    first, second = (row_keys(numbers, salt) % np.uint64(10) for salt in (1, 2))
    table = np.zeros((10, 10))
    np.add.at(table, (first.astype(int), second.astype(int)), 1)
    chi_square = ((table - 1000) ** 2 / 1000).sum()
    assert chi_square < 150  # 99 degrees of freedom: beyond 150 with probability 0.0007


def test_each_label_is_in_the_sample_however_rare():
    y = np.zeros(1000, int)
    y[[5, 990]] = 1
    y[500:530] = 2
    found = survey(RowSource(Batches(X, y, 64), sample_rows=20), all_labels=True)
    assert_array_equal(np.flatnonzero(y == 1), found.numbers[found.sample.y == 1])
    assert (found.sample.y == 2).sum() >= FIRST_ROWS
    both = np.stack([y, y[::-1]], axis=1)  # of each column
    sample = survey(RowSource(Batches(X, both, 64), sample_rows=20), all_labels=True).sample
    for column in sample.y.T:
        assert set(column) == {0, 1, 2}


def test_beside_the_sample_there_are_the_first_rows_of_each_label():
    """Ten of each label, of all batches together, and no other row."""
    y = np.array([["a", "b", "c"][i % 3] for i in range(1000)])
    y[:600][y[:600] == "c"] = "a"  # c comes late
    found = survey(RowSource(Batches(X, y, 7), sample_rows=20), all_labels=True)
    smallest = np.argsort(row_keys(np.arange(1000), salt=0))[:20]
    first = [np.flatnonzero(y == label)[:FIRST_ROWS] for label in "abc"]
    assert_array_equal(found.numbers, np.unique(np.concatenate([smallest, *first])))


def test_keys_are_those_of_the_published_generator():
    """The first outputs of SplitMix64 from the seed 1234567."""
    step, seed = 0x9E3779B97F4A7C15, 1234567
    number = seed * pow(step, -1, 2**64) % 2**64  # so that its state is the seed
    keys = row_keys(np.uint64(number) + np.arange(3, dtype=np.uint64), salt=0)
    assert keys.tolist() == [
        6457827717110365317, 3203168211198807973, 9817491932198370423,
    ]  # fmt: skip


def test_few_rows_are_in_memory_at_once():
    sample = Sample(10, all_labels=False)
    for first in range(0, 5000, 50):
        part = Batch(X[:50] + first, X[:50, 0])
        sample.add(part, np.arange(first, first + 50), "A batch")
        assert sum(len(numbers) for _, numbers in sample.parts) == sample.n <= 20
    assert len(sample.rows()[1]) == 10


def test_a_sample_of_all_rows_but_one_is_not_complete():
    for n, complete in ((999, False), (1000, True)):
        assert survey(RowSource(Batches(X, X[:, 0], 64), sample_rows=n)).is_complete is complete


def test_parts_without_rows_do_not_matter():
    """As a filter leaves them; their types do not count, either."""
    parts = [(X[:0], X[:0, 0]), (X[:9], X[:9, 0]), ([], []), (X[9:20], X[9:20, 0]), ([], [])]
    for rows, labels in ((10, False), (30, True)):
        source = RowSource(Parts(*parts), sample_rows=rows)
        found = survey(source, all_labels=labels)
        assert found.n_rows == 20
        assert_array_equal(found.sample.X[:, 0], found.numbers)


class Parts:
    """An iterable of these batches."""

    def __init__(self, *parts):
        self.parts = parts

    def __iter__(self):
        return iter(self.parts)


FRAME = pd.DataFrame(np.arange(12).reshape(4, 3), columns=[*"abc"])
ONES = np.ones(4)
DIFFERENT = {
    "more labels": ((X[:4], ONES), (X[:4], X[:5, 0]), "as many labels as rows"),
    "fewer labels": ((X[:4], ONES), (X[:4], X[:3, 0]), "as many labels as rows"),
    "more weights": ((X[:4], ONES, ONES), (X[:4], ONES, X[:5, 0]), "as many weights as rows"),
    "one weight": ((X[:4], ONES, ONES), (X[:4], ONES, 2.0), "weights as rows, .* type float"),
    "another name": (
        (FRAME, ONES), (FRAME.rename(columns={"b": "d"}), ONES), "got 'd' as column 1, not 'b'",
    ),
    "another order": ((FRAME, ONES), (FRAME[["c", "a", "b"]], ONES), "'c' as column 0, not 'a'"),
    "a column fewer": ((FRAME, ONES), (FRAME[["a", "b"]], ONES), "got 2 columns, not 3"),
    "wider arrays": ((X[:4], ONES), (X[:8].reshape(4, 2), ONES), "got 2 columns, not 1"),
    "longer lists": (([[1], [2]], [1, 2]), ([[1, 2], [2, 3]], [1, 2]), "got 2 columns, not 1"),
    "weights": ((X[:4], ONES), (X[:4], ONES, ONES), "has a sample_weight, unlike the first"),
    "no weights": ((X[:4], ONES, ONES), (X[:4], ONES), "has no sample_weight, unlike the first"),
}  # fmt: skip


@pytest.mark.parametrize("name", DIFFERENT)
@pytest.mark.parametrize("sample_rows", [1, 100])
def test_batches_that_differ_are_refused(name, sample_rows):
    first, other, message = DIFFERENT[name]
    source = RowSource(Parts(first, first, other), sample_rows=sample_rows)
    with pytest.raises(ValueError, match=message):
        survey(source)


def test_numbers_do_not_become_text():
    source = RowSource(Parts((X[:4], ONES), (X[:4], ONES.astype(str))))
    with pytest.raises(ValueError, match="numbers in all of them or text in all of them"):
        survey(source)


def test_labels_that_cannot_be_compared_are_found_too():
    y = np.array([1, None, "1"] * 8, object)
    found = survey(RowSource(X[:24], y, sample_rows=2), all_labels=True)
    assert None in found.sample.y.tolist()


def test_the_sample_of_a_wide_table_has_fewer_rows():
    wide = np.zeros((50, 1_000_000), np.int8)
    found = survey(RowSource(wide, np.zeros(50)))
    assert 0 < len(found.numbers) <= 20
