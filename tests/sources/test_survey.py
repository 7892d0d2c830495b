"""The first reading of a source: every row counts once, and the sample is uniform."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skbackprop.sources import RowSource, survey
from skbackprop.sources.survey import FIRST_ROWS, row_keys


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


def test_the_sample_of_a_wide_table_has_fewer_rows():
    wide = np.zeros((50, 1_000_000), np.int8)
    found = survey(RowSource(wide, np.zeros(50)))
    assert 0 < len(found.numbers) <= 20
