"""The record of a training: rows by epoch, and copies that share them."""

import copy
import pickle

import pytest

from skbackprop.training.history import COLUMNS, History


def history(*losses):
    made = History()
    for epoch, loss in enumerate(losses, 1):
        made.add(epoch=epoch, loss=loss)
    return made


def test_what_was_not_measured_is_none():
    made = history(3.0, 2.0)
    made.set("validation_loss", 5.0)
    assert made["loss"] == [3.0, 2.0]
    assert made["validation_loss"] == [None, 5.0]
    assert made["seconds"] == [None, None]
    assert list(made.columns) == list(COLUMNS)
    assert (len(made), made.last("loss")) == (2, 2.0)


@pytest.mark.parametrize("read", [True, False])
def test_a_copy_and_its_original_go_on_apart(read):
    first = history(3.0, 2.0)
    if read:
        assert first["loss"] == [3.0, 2.0]
    second = first.copy()
    second.add(epoch=3, loss=1.0)
    assert (len(first), first.last("loss")) == (2, 2.0)
    assert (len(second), second.last("loss")) == (3, 1.0)
    first.add(epoch=3, loss=7.0)
    assert first["loss"] == [3.0, 2.0, 7.0]
    assert second["loss"] == [3.0, 2.0, 1.0]


def test_lists_that_were_read_do_not_grow_by_a_copy():
    first = history(3.0)
    read = first["loss"]
    first.copy().add(epoch=2, loss=1.0)
    assert read == [3.0]


def test_a_copy_that_is_shortened_leaves_the_original():
    first = history(3.0, 2.0, 1.0)
    second = first.copy()
    second.add(epoch=4, loss=0.5)
    first.truncate(1)
    assert (first["loss"], second["loss"]) == ([3.0], [3.0, 2.0, 1.0, 0.5])


@pytest.mark.parametrize(("n", "losses"), [(0, []), (1, [3.0]), (2, [3.0, 2.0]), (5, [3.0, 2.0])])
def test_the_first_rows_are_kept(n, losses):
    made = history(3.0, 2.0)
    made.truncate(n)
    assert (len(made), made["loss"]) == (len(losses), losses)
    made.add(epoch=9, loss=4.0)
    assert made.last("loss") == 4.0
    assert made["loss"] == [*losses, 4.0]


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda made: pickle.loads(pickle.dumps(made))])
def test_pickles_have_the_rows_of_the_one_that_was_pickled(copied):
    first = history(3.0, 2.0)
    first.copy().add(epoch=3, loss=1.0)  # to the lists that they share
    again = copied(first)
    assert (len(again), again["loss"]) == (2, [3.0, 2.0])
