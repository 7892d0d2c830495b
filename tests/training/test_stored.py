"""Rows in files are the rows that were written, and an epoch visits each of them once."""

from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skbackprop.training.batches import Rows
from skbackprop.training.stored import NO_FOLD, StoredBatches, StoredRows

N = 103
BUCKET, FOLD = np.arange(N) * 7 % 5, np.arange(N) % 3


@pytest.fixture
def stored(tmp_path):
    x = np.stack([np.arange(N), -np.arange(N)], axis=1)
    rows = Rows(x, np.arange(N)[:, None] + 0.5, np.arange(N) + 1.0)
    with StoredRows((2, 1), np.float32, 6, 3, has_weight=True, folder=tmp_path) as stored:
        for part in np.array_split(np.arange(N), 4):
            stored.write(rows.take(part), BUCKET[part], FOLD[part])
        yield stored
    assert list(Path(tmp_path).iterdir()) == []


def seen(batches, seed=0):
    """The numbers of the rows of an epoch, and of the rows of each batch."""
    order = batches.order(None, np.random.RandomState(seed))
    epoch = [batch.x[..., 0].copy() for batch in batches.epoch(order)]
    return [int(x) for part in epoch for x in np.ravel(part)], epoch


def test_rows_come_back_from_their_buckets(stored):
    assert stored.n == N
    assert_array_equal(stored.weight, [(N + 1) / 2])
    for bucket in range(6):  # the last one is empty
        rows, fold = stored.read(bucket)
        numbers = np.flatnonzero(bucket == BUCKET)
        assert_array_equal(rows.x[:, 0], numbers)
        assert_array_equal(rows.target[:, 0], numbers + 0.5)
        assert_array_equal(fold, FOLD[numbers])
        if len(numbers):
            assert_array_equal(rows.weight, numbers + 1.0)


@pytest.mark.parametrize("size", [1, 4, 20, 500])
def test_without_shuffling_an_epoch_has_each_row_once(stored, size):
    batches = StoredBatches(stored, size, shuffle=False)
    numbers, epoch = seen(batches)
    assert sorted(numbers) == list(range(N))
    assert len(epoch) == len(batches)


@pytest.mark.parametrize("size", [1, 4, 20, 500])
def test_with_shuffling_the_rows_of_whole_batches(stored, size):
    batches = StoredBatches(stored, size)
    numbers, epoch = seen(batches)
    assert len(set(numbers)) == len(numbers) == batches.n_rows > N - 5 * size
    assert len(epoch) == len(batches)
    assert numbers != seen(batches, seed=1)[0]
    assert numbers == seen(batches)[0]
    missed = set(range(N)) - {row for seed in range(40) for row in seen(batches, seed)[0]}
    assert missed == set()


def test_a_network_leaves_out_its_fold(stored):
    numbers, _ = seen(StoredBatches(stored, 1, left_out=1))
    assert sorted(numbers) == np.flatnonzero(FOLD != 1).tolist()


def test_members_leave_out_their_folds_and_have_orders_of_their_own(stored):
    batches = StoredBatches(stored, 2, left_out=[0, 2, NO_FOLD])
    _, epoch = seen(batches)
    assert len(epoch) == len(batches)
    members = np.concatenate(epoch, axis=1).astype(int)
    assert members.shape[0] == 3
    for numbers, left_out in zip(members, (0, 2, NO_FOLD), strict=True):
        assert len(set(numbers)) == len(numbers)
        assert not (FOLD[numbers] == left_out).any()
    assert (members[0] != members[2]).any()


def test_each_bucket_may_be_the_first_one_of_an_epoch(stored):
    batches = StoredBatches(stored, 4)
    first = [BUCKET[seen(batches, seed)[0][0]] for seed in range(60)]
    assert set(first) == set(range(5))
    numbers, _ = seen(StoredBatches(stored, 4, shuffle=False))
    assert BUCKET[numbers].tolist() == sorted(BUCKET)


def test_no_two_epochs_have_the_same_order(stored):
    batches, rng = StoredBatches(stored, 20), np.random.RandomState(0)
    orders = [batches.order(None, rng).tolist() for _ in range(100)]
    assert len({tuple(order) for order in orders}) == 100


@pytest.mark.parametrize("left_out", [NO_FOLD, 1, [0, 2]])
def test_with_shuffling_all_batches_of_a_bucket_are_full(stored, left_out):
    _, epoch = seen(StoredBatches(stored, 4, left_out=left_out))
    assert {part.shape[-1] for part in epoch} == {4}


def test_a_bucket_that_fills_no_batch_is_a_batch(stored):
    _, epoch = seen(StoredBatches(stored, 500))
    assert sorted(map(len, epoch)) == sorted(np.bincount(BUCKET))


def test_micro_batches_are_as_large_as_asked(stored):
    assert StoredBatches(stored, 20).rows_per_pass == 20
    assert StoredBatches(stored, 20, micro_batch_size=8).rows_per_pass == 8
