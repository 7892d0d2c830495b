"""Processes that are killed while they fit, and others that go on where these were."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import time
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import make_classification

from skbackprop import BackpropClassifier
from skbackprop.training import parallel_members
from skbackprop.training.callbacks import Checkpoint

N_KILLED = 20
X, y = make_classification(300, 6, n_informative=4, flip_y=0.1, random_state=0)


def fit(folder):
    """Fit several members in two stacks, twice, and write down what was learned."""
    parallel_members.LARGE = 1
    model = BackpropClassifier(
        n_members=3,
        early_stopping=True,
        refit=True,
        max_iter=6,
        dropout=0.1,
        random_state=0,
        callbacks=[Checkpoint(folder / "fit.ckpt", every_seconds=0)],
    ).fit(X, y)
    history = {name: column for name, column in model.history_.items() if name != "seconds"}
    learned = model._fitted.network.theta.tobytes(), history, model.best_iter_, model.stop_reason_
    other = folder / "result.tmp"
    other.write_bytes(pickle.dumps(learned))
    os.replace(other, folder / "result")


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
def test_a_killed_fit_goes_on_bit_for_bit(tmp_path):
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(["skbackprop", __name__])
    result, rng = tmp_path / "result", np.random.RandomState(0)

    def start():
        process = processes.Process(target=fit, args=(Path(tmp_path),))
        process.start()
        return process

    for _ in range(2):  # the first one starts the server
        begun = time.perf_counter()
        start().join()
        seconds = time.perf_counter() - begun
        whole = result.read_bytes()
        result.unlink()
    n_killed = 0
    while n_killed < N_KILLED:
        process = start()
        if n_killed == 0:  # at once when there is a file; later at random moments
            while process.exitcode is None and not (tmp_path / "fit.ckpt").exists():
                time.sleep(0.001)
        else:
            process.join(rng.uniform(0, seconds / 2))
        if process.exitcode is None:
            process.kill()
            process.join()
            n_killed += 1
        if result.exists():  # it was at its end already
            assert result.read_bytes() == whole
            result.unlink()
    start().join()
    assert result.read_bytes() == whole
    assert not (tmp_path / "fit.ckpt").exists()
