"""Training on a cluster: ``python -m benchmarks cluster``, a million rows of fifty columns.

Needs dask and distributed.

The same network is trained on the same rows in one process, with two threads, and on 1, 2 and 4
local workers of one thread each.  Reports seconds for a step, the part of them in which the client
waits for the slowest worker, and the bytes of a step.  With more workers than cores a step cannot
become faster: what is measured is the cost of the messages.

The times on one and on two workers, and those of the messages to a worker that only sends arrays
back, give a model of the time of a step,

    seconds = rows · seconds of a row / workers + workers · (latency + bytes / bandwidth) + client

in which the client serves one worker after the other.  It predicts the times of larger clusters.

``--simulate`` compares the error of ``sync="epoch"`` with that of ``sync="step"`` for more workers,
which are objects of one process: it needs neither Dask nor cores.  ``--kill`` kills workers, see
`lost_workers`.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from skbackprop import BackpropRegressor, RowSource
from skbackprop.dask.encoding import EncodePartitions
from skbackprop.dask.estimators import KINDS_OF_SYNC
from skbackprop.estimators.source import folds_of
from skbackprop.training.shards import ShardedRows

from . import isolate
from .lost_workers import N_ROWS, killed

N_COLUMNS = 50


def rows(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Numbers, and a target that depends on five of them."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, N_COLUMNS), dtype=np.float32)
    y = X[:, 0] * X[:, 1] + np.sin(2 * X[:, 2]) + np.maximum(X[:, 3], 0) * X[:, 4]
    return X, y


class Steps:
    """Seconds of each step, as a callback."""

    state_attributes = ()

    def __init__(self) -> None:
        self.times: list[float] = []

    def __deepcopy__(self, memo: Any) -> Steps:
        return self  # the times of the training are read afterwards

    def on_batch_end(self, run: Any) -> None:
        self.times.append(perf_counter())

    @property
    def seconds(self) -> np.ndarray:
        """Without the first step, and without what is between two epochs."""
        return np.diff(self.times)[1:]


@contextmanager
def watched() -> Iterator[list[tuple[float, int]]]:
    """Collects, of each gradient, the seconds until the workers have answered, and the bytes."""
    from skbackprop.training.shards import ShardedBatch

    plain, calls = ShardedBatch.value_and_gradient, []

    def value_and_gradient(self: Any, theta: Any, factors: Any) -> Any:
        start = perf_counter()
        value, gradient = plain(self, theta, factors)
        n_workers = len(self.holders.actors)
        calls.append((perf_counter() - start, n_workers * (theta.nbytes + gradient.nbytes)))
        return value, gradient

    ShardedBatch.value_and_gradient = value_and_gradient  # type: ignore[method-assign]
    try:
        yield calls
    finally:
        ShardedBatch.value_and_gradient = plain  # type: ignore[method-assign]


def in_one_process(X: Any, y: Any, settings: dict[str, Any], n_threads: int) -> dict[str, float]:
    """Seconds of a step on arrays in memory."""
    steps = Steps()
    with threadpool_limits(n_threads):
        BackpropRegressor(**settings, callbacks=[steps], n_jobs=n_threads).fit(X, y)
    return {"seconds": float(np.median(steps.seconds))}


def on_workers(X: Any, y: Any, settings: dict[str, Any], n_workers: int) -> dict[str, float]:
    """Seconds of a step on local workers, the part of waiting, and the bytes of the messages."""
    import dask.array as da
    from distributed import Client, LocalCluster

    from skbackprop.dask import DaskBackpropRegressor

    steps, size = Steps(), -(-len(X) // 4)
    options = {"threads_per_worker": 1, "dashboard_address": ":0", "memory_limit": 0}
    with (
        LocalCluster(n_workers=n_workers, processes=True, **options) as cluster,
        Client(cluster) as client,
        watched() as calls,
    ):
        arrays = da.from_array(X, chunks=(size, N_COLUMNS)), da.from_array(y, chunks=size)
        arrays = client.persist(arrays)
        sample = min(50_000, len(X) // 2)
        DaskBackpropRegressor(**settings, callbacks=[steps], sample_rows=sample).fit(*arrays)
    waited, sent = np.median(np.array(calls), axis=0)
    seconds = float(np.median(steps.seconds))
    return {"seconds": seconds, "waiting": waited / seconds, "bytes": sent}


class Echo:
    """What a worker does if its gradient takes no time."""

    def gradient(self, theta: np.ndarray) -> np.ndarray:
        return theta.astype(np.float64)


def make_echo(numbers: list[int], *parts: Any) -> Echo:
    return Echo()


def messages() -> tuple[float, float]:
    """Seconds of the messages to one worker, and seconds for each byte of them."""
    from dask import delayed
    from distributed import Client, LocalCluster

    from skbackprop.dask.cluster import ActorHolders, Cluster

    options = {"threads_per_worker": 1, "dashboard_address": ":0", "memory_limit": 0}
    seconds = {}
    with (
        LocalCluster(n_workers=1, processes=True, **options) as cluster,
        Client(cluster) as client,
        ActorHolders(Cluster(client), {0: delayed(0)}, make_echo) as holders,
    ):
        for size in (100, 200_000):
            theta, times = np.zeros(size, np.float32), []
            for _ in range(100):
                start = perf_counter()
                holders.call("gradient", theta)
                times.append(perf_counter() - start)
            seconds[12 * size] = float(np.median(times))  # 4 bytes there, 8 back
    (few, short), (many, long) = seconds.items()
    return short, (long - short) / (many - few)


def predicted(steps: dict[int, float], batch_size: int, n_bytes: int) -> list[str]:
    """What the model says of 10⁹ rows, from the seconds of a step on 1 and on 2 workers."""
    n = 1_000_000_000
    latency, byte_seconds = messages()
    message = latency + n_bytes * byte_seconds
    row_seconds = max(1e-9, 2 * (steps[1] - steps[2] + message) / batch_size)
    client = max(0.0, steps[1] - batch_size * row_seconds - message)
    lines = [
        "",
        f"messages: {1e3 * latency:.2f} ms and {1e-9 / byte_seconds:.2f} GB/s for one worker",
        f"one worker: {1e-3 / row_seconds:.0f} thousand rows a second",
        f"client: {1e3 * client:.1f} ms",
        "| workers | rows of a batch | ms a step | messages | hours of an epoch |",
        "|---|---|---|---|---|",
    ]
    for n_workers, batch in ((2, 4096), (8, 16_384), (8, 65_536), (128, 65_536), (128, 524_288)):
        seconds = batch * row_seconds / n_workers + n_workers * message + client
        lines.append(
            f"| {n_workers} | {batch} | {1e3 * seconds:.0f} | "
            f"{n_workers * message / seconds:.0%} | {seconds * n / batch / 3600:.1f} |"
        )
    return lines


class Workers(BackpropRegressor):
    """The estimator on a cluster whose workers are objects of this process."""

    n_workers, sync = 1, "step"

    @contextmanager
    def _stored_rows(self, fitted: Any, table: Any, inputs: Any) -> Iterator[Any]:
        batches, n_folds = list(inputs.survey.source.batches()), folds_of(fitted.resolved)
        ends = np.cumsum([0, *(len(batch.y) for batch in batches)]).tolist()
        spans = {i: (ends[i], len(batch.y)) for i, batch in enumerate(batches)}
        holder, kind = KINDS_OF_SYNC[self.sync]
        encode = EncodePartitions(self, fitted, inputs, n_folds, spans, holder)
        own = [range(j, len(batches), self.n_workers) for j in range(self.n_workers)]
        holders = InProcess([encode(list(each), *(batches[i] for i in each)) for each in own])
        width = table.x.shape[1]
        yield replace(
            table, stored=ShardedRows(holders, width, n_folds, has_weight=False, kind=kind)
        )


class InProcess:
    """Calls methods of the shards one after the other."""

    def __init__(self, shards: list[Any]) -> None:
        self.shards = shards

    def call(self, method: str, *args: Any) -> list[Any]:
        return [getattr(shard, method)(*args) for shard in self.shards]


def simulated(n: int, epochs: int) -> list[str]:
    """1 - R² of test rows for numbers of workers, as lines of text."""
    X, y = rows(n + 20_000)
    parts = [(X[i:n:64], y[i:n:64]) for i in range(64)]
    lines = ["| workers | step | epoch |", "|---|---|---|"]
    for n_workers in (1, 2, 4, 16, 64):
        errors = []
        for sync in KINDS_OF_SYNC:
            model = Workers(max_iter=epochs, batch_size=256, random_state=0)
            model.n_workers, model.sync = n_workers, sync
            model.fit(RowSource(Parts(parts), sample_rows=n // 10))
            errors.append(1 - model.score(X[n:], y[n:]))
        lines.append(f"| {n_workers} | {errors[0]:.4f} | {errors[1]:.4f} |")
    return lines


class Parts:
    """Batches that can be read again."""

    def __init__(self, parts: list[Any]) -> None:
        self.parts = parts

    def __iter__(self) -> Iterator[Any]:
        return iter(self.parts)


def measured(n: int, epochs: int, batch_size: int) -> list[str]:
    """Steps in one process and on workers, as lines of text."""
    X, y = rows(n)
    settings = {"max_iter": epochs, "batch_size": batch_size, "random_state": 0}
    base = in_one_process(X, y, settings, n_threads=2)
    lines = ["| trained on | ms a step | ratio | waiting | MB a step |", "|---|---|---|---|---|"]
    lines.append(f"| one process, 2 threads | {1e3 * base['seconds']:.1f} | 1 | | |")
    steps = {}
    for n_workers in (1, 2, 4):
        row = on_workers(X, y, settings, n_workers)
        steps[n_workers] = row["seconds"]
        ratio = row["seconds"] / base["seconds"]
        lines.append(
            f"| {n_workers} workers | {1e3 * row['seconds']:.1f} | {ratio:.2f} | "
            f"{row['waiting']:.0%} | {row['bytes'] / 1e6:.2f} |"
        )
    return lines + predicted(steps, batch_size, int(row["bytes"] / n_workers))


def main(arguments: list[str]) -> int:
    """Print a table, and write it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks cluster", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--simulate", action="store_true")
    parser.add_argument("--kill", type=int, default=0, help="fits in which a worker is killed")
    parser.add_argument("--quick", action="store_true", help="few rows: does everything work?")
    parser.add_argument("--output", type=Path, default=isolate.ROOT / "benchmarks" / "results")
    options = parser.parse_args(arguments)
    n = min(options.rows, 6_000) if options.quick else options.rows
    if options.kill:
        name, lines = "cluster_killed", killed(options.kill, n_rows=min(n, N_ROWS))
    elif options.simulate:
        name, lines = "cluster_simulated", simulated(min(n, 100_000), 10 * options.epochs)
    else:
        name, lines = "cluster", measured(n, options.epochs, 512 if options.quick else 4096)
    print("\n".join(lines))
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / f"{name}.md").write_text("\n".join([*lines, ""]), "utf-8")
    return 0
