"""Which rows learn and which validate: parts without a common row, of classes and groups."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy.sparse import csr_array
from sklearn.model_selection import KFold, TimeSeriesSplit

import skbackprop
from skbackprop.estimators import rows

N = 103
CLASSES = np.repeat([0, 1, 2], [50, 43, 10])


def rng(seed=0):
    return np.random.RandomState(seed)


# ---- folds of members ----------------------------------------------------------------------------


@pytest.mark.parametrize("fraction", [0.1, 0.25, 0.3, 0.5, 0.9])
@pytest.mark.parametrize("stratify", [None, CLASSES])
def test_each_row_is_in_one_fold_of_a_deal(fraction, stratify):
    n_folds = max(2, round(1 / fraction))
    folds = rows.folds(N, stratify, fraction, 2 * n_folds + 1, rng())
    assert len(folds) == 2 * n_folds + 1
    for first in (0, n_folds):
        dealt = folds[first : first + n_folds]
        assert_array_equal(np.sort(np.concatenate(dealt)), np.arange(N))
        sizes = [len(fold) for fold in dealt]
        assert max(sizes) - min(sizes) <= 1
    assert not np.array_equal(folds[0], folds[n_folds])  # of another deal


def test_each_fold_has_its_share_of_every_class():
    for fold in rows.folds(N, CLASSES, 0.1, 10, rng()):
        counts = np.bincount(CLASSES[fold], minlength=3)
        assert (np.abs(counts - np.array([5.0, 4.3, 1.0])) < 1).all()


@pytest.mark.parametrize("fraction", [0.1, 0.3, 0.5])
def test_groups_stay_together_in_folds_of_about_equal_size(fraction):
    sizes = rng(1).randint(1, 6, 40)
    groups = np.repeat(np.arange(40), sizes)
    n_folds = max(2, round(1 / fraction))
    folds = rows.group_folds(groups, fraction, 2 * n_folds, rng())
    for first in (0, n_folds):
        dealt = folds[first : first + n_folds]
        assert_array_equal(np.sort(np.concatenate(dealt)), np.arange(len(groups)))
        lengths = [len(fold) for fold in dealt]
        assert max(lengths) - min(lengths) <= sizes.max()
        assert sum(len(set(groups[fold])) for fold in dealt) == 40


def test_of_three_groups_each_is_a_fold():
    groups = np.repeat([0, 1, 2], [50, 2, 1])
    folds = rows.group_folds(groups, 0.1, 6, rng())
    assert sorted(map(len, folds[:3])) == sorted(map(len, folds[3:])) == [1, 2, 50]


# ---- one split -----------------------------------------------------------------------------------


def split(stratify, n=N, fraction=0.1, contents=None):
    training, validation = rows.split(contents, stratify, n, fraction, rng())
    assert_array_equal(np.sort(np.concatenate([training, validation])), np.arange(n))
    return training, validation


def test_a_class_of_one_row_is_trained_on():
    labels = np.where(np.arange(N) == 7, 9, CLASSES)
    training, validation = split(labels)
    assert 7 in training
    assert set(labels[validation]) == {0, 1, 2}
    assert len(validation) == pytest.approx(0.1 * N, abs=1)


def test_each_class_is_on_both_sides():
    labels = np.arange(20) % 10
    training, validation = split(labels, 20)  # a tenth would be two rows
    assert set(labels[training]) == set(labels[validation]) == set(range(10))


def test_copies_of_a_row_stay_together():
    number = np.repeat(np.arange(30), 4)
    contents = [bytes([i]) for i in number]
    training, validation = split(None, 120, 0.2, contents)
    assert set(number[training]).isdisjoint(number[validation])
    assert len(validation) == 24


def test_rows_are_equal_if_their_numbers_are():
    """In a CSR array also where a zero is stored, or an entry in two parts."""
    dense = np.array([[1.0, 0.0, 2.0], [1.0, 0.0, 2.0], [1.0, 0.0, 3.0], [0.0, 1.0, 2.0]])
    target = np.array([[1.0], [1.0], [1.0], [1.0]])
    data, columns = [1, 2, 1, 0, 2, 0.5, 0.5, 3, 1, 2], [0, 2, 0, 1, 2, 0, 0, 2, 1, 2]
    sparse = csr_array((data, columns, [0, 2, 5, 8, 10]), shape=(4, 3))
    assert_array_equal(sparse.toarray(), dense)
    for x in (dense, sparse):
        found = rows.contents(x, target)
        assert [found.index(content) for content in found] == [0, 0, 2, 3]
    assert len(set(rows.contents(dense, np.arange(4.0)[:, None]))) == 4
    assert sparse.nnz == 10  # the rows of the user are not changed


@pytest.mark.parametrize(
    ("stratify", "n", "fraction", "message"),
    [
        (None, 3, 0.1, "got n_samples=3"),
        (np.arange(8), 8, 0.1, "too few to have each class on both"),
        (None, 10, 0.95, "leaves no training rows"),
    ],
)
def test_too_few_rows_are_refused(stratify, n, fraction, message):
    with pytest.raises(ValueError, match=message):
        split(stratify, n, fraction)


# ---- a split of the user -------------------------------------------------------------------------

X, Y, EVERY = np.zeros((12, 1)), np.zeros(12), np.arange(12)


def test_of_several_splits_the_one_with_most_training_rows():
    training, validation = rows.split_with(TimeSeriesSplit(3), X, Y, None, EVERY)
    assert (training.tolist(), validation.tolist()) == ([*range(9)], [9, 10, 11])
    first = rows.split_with(KFold(3), X, Y, None, EVERY)
    assert first[1].tolist() == [0, 1, 2, 3]


def test_numbers_count_the_rows_as_they_were_given():
    positions = np.full(12, -1)
    positions[[0, 2, 3, 6, 8, 10, 11]] = np.arange(7)  # the others have the weight 0
    pairs = [([0, 1, 2, 3, 4], [5, 6, 7, -1, -2])]
    training, validation = rows.split_with(pairs, X[:7], Y[:7], None, positions)
    assert training.tolist() == [0, 1, 2]
    assert validation.tolist() == [3, 6, 5]
    mask = np.arange(12) < 6
    masked = rows.split_with([(mask, ~mask)], X[:7], Y[:7], None, positions)
    assert [part.tolist() for part in masked] == [[0, 1, 2], [3, 4, 5, 6]]


@pytest.mark.parametrize(
    ("pair", "message"),
    [
        (([0, 1, 2], [2, 3, 4]), "not have a row in both parts, got 1 such rows.*row 2"),
        (([0, 1], [-12, 3]), "not have a row in both parts.*row 0"),
        (([0, 1], [5, 12]), "numbers of the 12 rows"),
        (([0, -13], [5, 6]), "numbers of the 12 rows"),
        (([], [5, 6]), "row numbers or masks"),
        ((np.array([], int), [5, 6]), "needs training rows, got none"),
        (([True] * 11, [5, 6]), "numbers of the 12 rows"),
        (([0.0, 1.0], [5, 6]), "row numbers or masks"),
        (([[0, 1]], [5, 6]), "row numbers or masks"),
        (5, "two arrays of row numbers"),
        (([0, 1], [5]), "gave 1 rows to validate"),
    ],
)
def test_pairs_that_are_no_split_are_refused(pair, message):
    with pytest.raises(ValueError, match=message):
        rows.split_with([pair], X, Y, None, EVERY)


def test_no_pair_is_refused():
    with pytest.raises(ValueError, match="got an empty iterable"):
        rows.split_with(iter([]), X, Y, None, EVERY)


def test_groups_have_numbers_in_the_order_of_their_names():
    assert rows.group_numbers(["b", "a", "b", "c"], 4).tolist() == [1, 0, 1, 2]
    with pytest.raises(ValueError, match="one entry for each of the 3 rows"):
        rows.group_numbers(["b", "a", "b", "c"], 3)
    with pytest.raises(ValueError, match="at least two groups"):
        rows.check_groups(["a", "a"], 2)


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ([1, None, 1], "groups contains NaN: 1 of 3 rows"),
        ([1.0, np.nan, 1.0], "groups contains NaN"),
        (np.array([1, "a", 1], dtype=object), "cannot be compared"),
    ],
)
def test_what_is_no_group_is_refused(groups, message):
    with pytest.raises(ValueError, match=message):
        rows.group_numbers(groups, 3)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("preset", ["plain", "fast"])
def test_other_groups_of_a_warm_fit_stay_together(preset):
    X = np.random.default_rng(0).normal(size=(120, 3))
    groups, others = np.arange(120) // 6, np.arange(120) % 20
    model = skbackprop.BackpropRegressor(
        preset=preset, early_stopping=True, warm_start=True, max_iter=2, random_state=0
    )
    first = model.fit(X, X[:, 0], groups=groups)._fitted.validation_rows
    assert model.fit(X, X[:, 0], groups=groups)._fitted.validation_rows is first
    (_, k), _, held = model.fit(X, X[:, 0], groups=others)._fitted.validation_rows
    for fold in [held] if k == 1 else held:
        assert not set(others[fold]) & set(np.delete(others, fold))
