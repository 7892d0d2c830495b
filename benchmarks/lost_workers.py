"""Workers that are killed while a model is trained: ``python -m benchmarks cluster --kill 10``.

In every trial a process among three local workers gets SIGKILL at a random moment of `fit`: while
partitions are computed, sampled or encoded, or in training.  Right are the model of an undisturbed
fit, and an error whose message names the worker; wrong are any other model, any other error, and a
fit that takes ten times as long.
"""

from __future__ import annotations

import logging
import os
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Timer
from time import perf_counter
from typing import Any

import numpy as np

N_ROWS, N_PARTITIONS, N_WORKERS = 60_000, 12, 3
SETTINGS: dict[str, Any] = {
    "max_iter": 4,
    "batch_size": 1000,
    "sample_rows": 5000,
    "dtype": "float64",  # rounding is far below the tolerance
    "random_state": 0,
}
TOLERANCE = 1e-8


class Killer:
    """Kills a process after some seconds, unless it is stopped before."""

    def __init__(self, pid: int, seconds: float) -> None:
        self.pid, self.done = pid, False
        self.timer = Timer(seconds, self.kill)
        self.timer.start()

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        self.done = True

    def cancel(self) -> None:
        self.timer.cancel()
        self.timer.join()


@contextmanager
def limit(seconds: float) -> Iterator[None]:
    """A TimeoutError in the main thread after some seconds."""

    def stop(*_: Any) -> None:
        raise TimeoutError(f"fit has not ended after {seconds:.0f} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(int(np.ceil(seconds)))
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def outcome(fit: Any, expected: np.ndarray, address: str, seconds: float) -> str:
    """What became of a fit."""
    try:
        with limit(seconds):
            predicted = fit()
    except TimeoutError:
        return "hangs"
    except Exception as error:
        named = address in f"{error} {getattr(error, '__notes__', '')}"
        return "error that names the worker" if named else f"other error: {error!r:.200}"
    same = np.allclose(predicted, expected, rtol=TOLERANCE, atol=TOLERANCE)
    return "model of the undisturbed fit" if same else "other model"


def killed(n_kills: int, *, n_rows: int = N_ROWS) -> list[str]:
    """Kill a worker in so many fits: the outcomes, as lines of text."""
    import dask.array as da
    from distributed import Client, LocalCluster

    from skbackprop.dask import DaskBackpropRegressor

    logging.getLogger("skbackprop").setLevel(logging.ERROR)
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n_rows, 10))
    y = X[:, 0] * X[:, 1] + np.sin(2 * X[:, 2])
    size = -(-n_rows // N_PARTITIONS)
    arrays = da.from_array(X, chunks=(size, 10)), da.from_array(y, chunks=size)

    def fit() -> np.ndarray:
        return DaskBackpropRegressor(**SETTINGS).fit(*arrays).predict(X[:1000])

    options = {"threads_per_worker": 1, "dashboard_address": ":0", "silence_logs": 50}
    counts: Counter[str] = Counter()
    with (
        LocalCluster(n_workers=N_WORKERS, processes=True, memory_limit=0, **options) as cluster,
        Client(cluster) as client,
    ):
        fit()  # imports on the workers
        start = perf_counter()
        expected = fit()
        seconds = perf_counter() - start
        while counts.total() < n_kills:
            client.wait_for_workers(N_WORKERS, timeout=120)  # those that were killed start anew
            pids = client.run(os.getpid)
            address = sorted(pids)[rng.integers(len(pids))]
            killer = Killer(pids[address], rng.uniform(0, seconds))
            found = outcome(fit, expected, address, 10 * seconds + 60)
            killer.cancel()
            if killer.done:  # otherwise the fit was over before
                counts[found] += 1
                print(f"{counts.total():3} {found}", flush=True)
    lines = ["| outcome | of fits |", "|---|---|"]
    return lines + [f"| {found} | {n} of {n_kills} |" for found, n in counts.most_common()]
