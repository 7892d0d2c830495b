"""The file of a checkpoint: when it is written, what it holds, and whose it is."""

import json
import os
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy.sparse import csr_array

from skbackprop.io import checkpoint, safetensors
from skbackprop.io.checkpoint import CheckpointFile, describe, digest
from skbackprop.nn import LOSSES, Dense, Network
from skbackprop.optim import Adam
from skbackprop.training import Batches, Plan, Rows, Run

ROWS = Rows(np.ones((4, 2)), np.zeros((4, 1)))


class Clock:
    """A clock that is moved by hand."""

    now = 0.0


@pytest.fixture
def clock(monkeypatch):
    monkeypatch.setattr(checkpoint, "perf_counter", lambda: Clock.now)
    monkeypatch.setattr(Clock, "now", 100.0)
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)  # no power is cut here
    return Clock


def trainings(n=1):
    """Plans and runs that have begun."""
    plans, runs = [], []
    for i in range(n):
        network = Network(Dense(2, 1))
        network.initialize(np.random.default_rng(i))
        plans.append(Plan(LOSSES["squared_error"], Batches(ROWS), optimizer=Adam()))
        runs.append(Run(network, np.random.RandomState(i)))
        runs[-1].optimizer_state = plans[-1].optimizer.state(network.theta)
    return plans, runs


def opened(path, n=1, every=10.0):
    """A file with n trainings, and a function that ends an epoch of one of them."""
    file = CheckpointFile(str(path), every)
    file.check({"seed": "0"})
    file.rewind(np.random.RandomState(0))
    plans, runs = trainings(n)
    file.attach(plans, runs)

    def end_epoch(i=0, **changes):
        for name, value in changes.items():
            setattr(runs[i], name, value)
        plans[i].recorder.record(plans[i], runs[i])

    return file, runs, end_epoch


def read(path):
    """The names of the trainings in a file, and their parameters."""
    file = CheckpointFile(str(path), 0)
    return {name: part.tensors[f"{name}.network.theta"] for name, part in file.parts.items()}


# ---- when it is written ------------------------------------------------------------------------


def test_it_is_written_when_the_seconds_are_over(tmp_path, clock):
    path = tmp_path / "fit.ckpt"
    _, runs, end_epoch = opened(path)
    clock.now += 9.5
    end_epoch()
    assert not path.exists()
    clock.now += 0.5
    end_epoch()
    first = read(path)["training_0"]
    assert_array_equal(first, runs[0].network.theta)
    clock.now += 9.5
    runs[0].network.theta += 1
    end_epoch()
    assert_array_equal(read(path)["training_0"], first)


@pytest.mark.parametrize(("every", "wait"), [(10.0, 100 * 3), (1000.0, 1000), (0.0, 0)])
def test_writing_takes_one_percent_of_the_time(every, wait, tmp_path, clock, monkeypatch):
    def slow(path, *chunks):
        clock.now += 3.0
        moments.append(clock.now)

    moments = []
    monkeypatch.setattr(checkpoint, "write_atomically", slow)
    _, _, end_epoch = opened(tmp_path / "fit.ckpt", every=every)
    clock.now += every
    for _ in range(3):
        end_epoch()
        clock.now += max(wait - 0.5, 0)
        if wait:
            end_epoch()  # too early
        clock.now += 0.5
    assert np.diff(moments).tolist() == [max(wait, 0.5) + 3] * 2


def test_the_end_of_a_training_is_kept_for_the_next_writing(tmp_path, clock):
    path = tmp_path / "fit.ckpt"
    _, runs, end_epoch = opened(path, n=2)
    end_epoch(0, stop_reason="max_iter")  # at once, so that nothing is written
    assert not path.exists()
    at_the_end = runs[0].network.theta.copy()
    runs[0].network.theta += 1  # what callbacks do at the end belongs to the next process
    clock.now += 10
    end_epoch(1)
    found = read(path)
    assert_array_equal(found["training_0"], at_the_end)
    assert_array_equal(found["training_1"], runs[1].network.theta)


@pytest.mark.parametrize("reason", ["interrupted", "failed"])
def test_an_end_that_is_not_its_own_is_not_kept(reason, tmp_path, clock):
    path = tmp_path / "fit.ckpt"
    file, runs, end_epoch = opened(path)
    clock.now += 10
    end_epoch()
    before = runs[0].network.theta.copy()
    runs[0].network.theta += 1
    clock.now += 10
    end_epoch(stop_reason=reason)
    file.write()
    assert_array_equal(read(path)["training_0"], before)


def test_what_is_restored_does_not_change_the_file(tmp_path, clock):
    path = tmp_path / "fit.ckpt"
    _, _, end_epoch = opened(path, n=2)
    clock.now += 10
    end_epoch(0)
    end_epoch(1)
    clock.now += 10
    end_epoch(1)
    before = {name: theta.copy() for name, theta in read(path).items()}
    file = CheckpointFile(str(path), 0)
    file.check({"seed": "0"})
    plans, runs = trainings(2)
    file.attach(plans, runs)
    for plan, run in zip(plans, runs, strict=True):
        run.network.theta[...] = 0
        assert plan.recorder.restore(plan, run)
        run.network.theta *= 2
        run.optimizer_state.slots += 1
    file.write()
    for name, theta in read(path).items():
        assert_array_equal(theta, before[name])
    slots = CheckpointFile(str(path), 0).parts["training_0"].tensors
    assert not np.any(slots["training_0.run.optimizer_state.slots"])


# ---- whose it is -------------------------------------------------------------------------------


def test_other_facts_are_refused_and_more_are_added(tmp_path, clock):
    path = tmp_path / "fit.ckpt"
    opened(path)[0].write()
    file = CheckpointFile(str(path), 0)
    file.check({"seed": "0", "a setting that is new": "1"})
    with pytest.raises(ValueError, match="seed is 0 there and 1 here"):
        file.check({"seed": "1"})


def test_each_training_has_its_own_arrays(tmp_path, clock):
    """The name of the second one is the beginning of that of the eleventh."""
    path, n = tmp_path / "fit.ckpt", 11
    _, _, end_epoch = opened(path, n=n, every=0)
    for i in range(n):
        end_epoch(i)
    parts = CheckpointFile(str(path), 0).parts
    assert list(parts) == [f"training_{i}" for i in range(n)]
    for name, part in parts.items():
        assert {key.split(".")[0] for key in part.tensors} == {name}


def test_the_generator_is_set_to_the_start_of_the_fit(tmp_path, clock):
    path, rng = tmp_path / "fit.ckpt", np.random.RandomState(7)
    file = CheckpointFile(str(path), 0)
    file.check({"seed": "7"})
    file.rewind(rng)
    expected = rng.rand(5)
    file.write()
    later = np.random.RandomState(3)
    file = CheckpointFile(str(path), 0)
    file.rewind(later)
    assert_array_equal(later.rand(5), expected)
    file.rewind(later)  # of a file that was read, as often as one likes
    assert_array_equal(later.rand(5), expected)


def test_the_end_of_a_fit_removes_the_file(tmp_path, clock):
    path = tmp_path / "fit.ckpt"
    file, *_ = opened(path)
    file.close()  # nothing was written
    file.write()
    file.close()
    assert not path.exists()


def test_after_an_interruption_the_file_stays(tmp_path, clock):
    path = tmp_path / "fit.ckpt"
    file, runs, _ = opened(path, n=2)
    file.write()
    runs[1].interrupted = True
    file.close()
    assert path.exists()


def test_a_file_of_another_process_is_neither_overwritten_nor_removed(tmp_path, clock):
    path = tmp_path / "fit.ckpt"
    file, _, end_epoch = opened(path, every=0)
    end_epoch()
    path.write_bytes(b"of another process")
    with pytest.warns(UserWarning, match="was written by another process"):
        end_epoch()
    end_epoch()  # without a second warning
    file.close()
    assert path.read_bytes() == b"of another process"


def test_a_file_that_was_removed_is_written_anew(tmp_path, clock):
    path = tmp_path / "fit.ckpt"
    _, _, end_epoch = opened(path, every=0)
    end_epoch()
    path.unlink()
    end_epoch()
    assert list(read(path)) == ["training_0"]


def test_one_bit_of_damage_is_found(tmp_path, clock):
    path = tmp_path / "fit.ckpt"
    _, _, end_epoch = opened(path, every=0)
    end_epoch()
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(ValueError, match="is as it was. The file is damaged"):
        CheckpointFile(str(path), 0)
    assert path.read_bytes() == data


def test_a_file_without_a_checksum_is_refused(tmp_path, clock):
    path = tmp_path / "fit.ckpt"
    _, _, end_epoch = opened(path, every=0)
    end_epoch()
    data = path.read_bytes()
    stop = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:stop])
    del header["__metadata__"][safetensors.CHECKSUM]
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(len(text).to_bytes(8, "little") + text + data[stop:])
    assert safetensors.loads(path.read_bytes()).tensors
    with pytest.raises(ValueError, match="is as it was. The file is damaged"):
        CheckpointFile(str(path), 0)


# ---- facts -------------------------------------------------------------------------------------


class Setting:
    """Describes itself by its name alone: it cannot be stored."""

    def __init__(self, value):
        self.value = iter([value])


LONG = list(range(500))
LONG_ARRAY = np.arange(2000.0)
OTHER_ARRAY = np.where(LONG_ARRAY == 1000, -1, LONG_ARRAY)
DIFFERENT = [
    None, True, 1, 1.0, "1", "None", [], (), {}, [1], (1,), [1, [2]], [1, 2], {"a": 1}, {"a": 2},
    {"b": 1}, {"a": [1]}, LONG, [*LONG[:-1], -1], np.zeros(3), np.ones(3), np.zeros(3, np.float32),
    np.zeros((3, 1)), np.zeros((1, 3)), [np.zeros(3), np.ones(3)], [np.ones(3), np.zeros(3)],
    {"a": LONG_ARRAY}, {"a": OTHER_ARRAY}, np.float64(1.0), Adam(), Adam(beta_1=0.5), len, Setting,
]  # fmt: skip


def test_different_values_have_different_descriptions():
    texts = [describe(value) for value in DIFFERENT]
    for i, text in enumerate(texts):
        same = [repr(DIFFERENT[j]) for j in range(i) if texts[j] == text]
        assert not same, (DIFFERENT[i], same)
    assert max(map(len, texts)) < 300


def test_equal_values_have_equal_descriptions():
    assert describe(np.zeros(3)) == describe(np.zeros(6)[::2])
    assert describe(Adam(beta_1=0.5)) == describe(Adam(beta_1=0.5))
    assert describe(Setting(1)) == describe(Setting(2)) == "Setting"


def test_digests_tell_arrays_apart():
    sparse = csr_array(np.array([[1.0, 0], [0, 2]]))
    moved = csr_array((sparse.data, [1, 1], sparse.indptr), shape=(2, 2))
    rows = csr_array((sparse.data, sparse.indices, [0, 2, 2]), shape=(2, 2))
    cases = [
        [], [None], [None, None], [np.zeros(2)], [np.zeros(2), None], [None, np.zeros(2)],
        [np.zeros(2, np.float32)], [np.zeros(1)], [np.zeros((2, 1))], [np.zeros((1, 2))],
        [np.zeros(0)], [np.zeros((0, 2))], [np.zeros(1), np.zeros(1)], [-np.zeros(2)],
        [sparse], [moved], [rows], [np.arange(6).reshape(2, 3)], [np.arange(6).reshape(2, 3).T],
    ]  # fmt: skip
    texts = [digest(arrays) for arrays in cases]
    assert len(set(texts)) == len(cases)
    x = np.arange(6).reshape(2, 3)
    assert digest([np.asfortranarray(x)]) == digest([x])


def test_facts_are_those_of_the_parameters_that_are_not_left_out():
    params = {"alpha": 1.0, "solver": Adam(), "solver__beta_1": 0.9, "n_jobs": 2}
    estimator = SimpleNamespace(get_params=lambda deep: params)
    facts = checkpoint.facts_of(estimator, ["n_jobs"])
    assert facts["the class"] == "SimpleNamespace"
    assert (facts["alpha"], facts["solver"], facts["solver__beta_1"]) == ("1.0", "Adam", "0.9")
    assert "n_jobs" not in facts
    assert facts["numpy"] == np.__version__
