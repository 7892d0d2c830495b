"""What runs on the workers of a Dask cluster, and what happens if one of them is lost."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from time import monotonic, sleep
from typing import Any

logger = logging.getLogger("skbackprop")

POLL = 1.0  # seconds between two looks at the workers, while an answer is missing
NOTICE = 30.0  # seconds until the scheduler of a busy machine must have noticed a broken connection
PATIENCE = 60.0  # seconds until a worker has to be there, in the place of those that were lost
MOST_LOST = 20  # workers in one fit
PACKAGES = "python", "numpy", "skbackprop"


class WorkerLost(Exception):
    """A worker has left the cluster, and with it an answer or some rows."""


class NotYet(Exception):
    """An answer is still missing."""


class Cluster:
    """The workers of a client.

    Parameters
    ----------
    client : distributed.Client
    """

    def __init__(self, client: Any) -> None:
        if client.asynchronous:
            raise ValueError(
                "fit needs a synchronous client, got one with asynchronous=True. Make one by "
                "Client(address)."
            )
        if client.status != "running":
            raise ValueError(
                f"fit needs a client that is connected, got one with the status {client.status!r}. "
                "Make a new one by Client(address)."
            )
        self.client = client

    def workers(self) -> list[str]:
        """The addresses of the workers that are there now."""
        return list(self.client.nthreads())

    def check_versions(self) -> None:
        """Refuse workers with other versions than the client has."""
        versions = self.client.get_versions(packages=["numpy", "skbackprop"])
        own = versions["client"]["packages"]
        for address, worker in versions["workers"].items():
            theirs = worker["packages"]
            for name in PACKAGES:
                if theirs.get(name) != own.get(name):
                    raise ValueError(
                        f"The workers need the versions of the client: {name} {own.get(name)}, "
                        f"got {name} {theirs.get(name)} on {address}. Install the same one there."
                    )

    def compute(self, delayed: Mapping[int, Any]) -> dict[int, Any]:
        """Futures of delayed objects."""
        return dict(zip(delayed, self.client.compute([*delayed.values()]), strict=True))

    def submit(self, function: Callable[..., Any], *args: Any, **options: Any) -> Any:
        """A future of ``function(*args)``."""
        return self.client.submit(function, *args, pure=False, **options)

    def result(self, future: Any, what: str, address: str | None = None) -> Any:
        """The result of a future, or of a call of an actor on the worker at `address`.

        Raises
        ------
        WorkerLost
            If that worker has left the cluster.
        RuntimeError
            If there have been no workers for a minute, or if the result cannot be computed again.
        """
        from distributed.client import FutureCancelledError
        from distributed.scheduler import KilledWorker

        none_since: float | None = None
        limit = POLL
        while True:
            try:
                return _wait(future, limit)
            except NotYet:
                if future.done():
                    limit *= 2  # each call begins the transfer again
                if address is not None and address not in self.workers():
                    raise WorkerLost(address) from None
                none_since = self.check_workers(what, none_since)
            except (KilledWorker, FutureCancelledError) as error:
                raise RuntimeError(
                    f"{what} was lost with the workers that held it ({error}). Pass collections "
                    "that can be computed again, not scattered data, and give the workers enough "
                    "memory."
                ) from error
            except (OSError, RuntimeError) as error:
                wait = NOTICE if isinstance(error, OSError) else 5 * POLL
                if address is None or self.stays(address, wait):
                    error.add_note(f"{what} failed on {address or 'a worker'}.")
                    raise
                raise WorkerLost(address) from None

    def check_workers(self, what: str, none_since: float | None) -> float | None:
        """Since when there have been no workers; an error if that is too long."""
        if self.workers():
            return None
        none_since = monotonic() if none_since is None else none_since
        if monotonic() - none_since > PATIENCE:
            raise RuntimeError(
                f"{what} needs a worker, and there has been none for {PATIENCE:.0f} s. Start "
                "workers, and call fit again."
            )
        return none_since

    def stays(self, address: str, seconds: float) -> bool:
        """Is a worker in the cluster, and still there after some seconds?

        The scheduler notices after a moment that a worker was killed.
        """
        end = monotonic() + seconds
        while monotonic() < end:
            if address not in self.workers():
                return False
            sleep(POLL / 10)
        return True


class ActorHolders:
    """Objects that stay on the workers which hold the partitions: one for each worker.

    Parameters
    ----------
    cluster : Cluster
    delayed : mapping of int to Delayed
        The partitions by number.
    make : callable
        ``make({number: partition})`` gives the object of a worker.
    """

    def __init__(
        self, cluster: Cluster, delayed: Mapping[int, Any], make: Callable[..., Any]
    ) -> None:
        self.cluster, self.delayed, self.make = cluster, delayed, make
        # Addresses, partitions, actors, and their futures: without these Dask may release them.
        self.actors: list[tuple[str, list[int], Any, Any]] = []
        self.n_lost = 0
        self.last_begin: tuple[Any, ...] = ()

    def __enter__(self) -> ActorHolders:
        self.place(self.delayed)
        return self

    def __exit__(self, *error: object) -> None:
        self.actors = []

    def call(self, method: str, *args: Any) -> list[Any]:
        """Call a method of all objects, again if a worker is lost; the results of all."""
        if method == "begin":
            self.last_begin = args
        while True:
            try:
                jobs = [
                    (where, _start(actor, where, method, args))
                    for where, _, actor, _ in self.actors
                ]
                return [self.cluster.result(job, method, where) for where, job in jobs]
            except WorkerLost as lost:
                self.replace(str(lost))

    def replace(self, address: str) -> None:
        """Make the objects of a lost worker anew, on those that are left."""
        self.count_lost(address)
        numbers = [i for where, own, *_ in self.actors if where == address for i in own]
        self.actors = [actor for actor in self.actors if actor[0] != address]
        logger.warning(
            "Worker %s was lost with %d partitions, which are computed again on other workers.",
            address,
            len(numbers),
        )
        self.place(numbers)

    def place(self, numbers: Iterable[int]) -> None:
        """Make objects for some partitions, each on the worker that holds its partitions."""
        cluster, missing = self.cluster, set(numbers)
        while missing:
            parts = cluster.compute({i: self.delayed[i] for i in sorted(missing)})
            for i, part in parts.items():
                cluster.result(cluster.submit(_nothing, part), f"Partition {i}")
            for address, own in self.by_worker(parts).items():
                args = [parts[i] for i in own]
                options = {"actor": True, "workers": [address], "allow_other_workers": False}
                future = cluster.submit(self.make, own, *args, **options)
                try:
                    actor = cluster.result(
                        future, f"The encoding of the rows on {address}", address
                    )
                    if self.last_begin:
                        cluster.result(actor.begin(*self.last_begin), "begin", address)
                except WorkerLost:
                    self.count_lost(address)
                    continue  # its partitions are still missing
                self.actors.append((address, own, actor, future))
                missing -= set(own)
        self.actors.sort(key=lambda actor: actor[1])

    def count_lost(self, address: str) -> None:
        """Give up if workers are lost again and again."""
        self.n_lost += 1
        if self.n_lost > MOST_LOST:
            raise RuntimeError(
                f"fit has lost {self.n_lost} workers, {address} was the last one. Look into the "
                "log of the workers; often they need more memory, or smaller partitions."
            )

    def by_worker(self, parts: Mapping[int, Any]) -> dict[str, list[int]]:
        """The numbers of the partitions on each worker."""
        where = self.cluster.client.who_has(list(parts.values()))
        groups = defaultdict(list)
        for i, part in parts.items():
            addresses = where.get(part.key)
            if addresses:
                groups[min(addresses)].append(i)
        return dict(groups)


def _wait(future: Any, seconds: float) -> Any:
    """The result of a future; `NotYet` if it is not here after some seconds."""
    # The answer of an actor, which has no status, and an error are here at once.  The value of a
    # finished task has to be transferred.
    is_here = future.done() and getattr(future, "status", "error") == "error"
    try:
        return future.result(timeout=None if is_here else seconds)
    except TimeoutError:
        if is_here:  # the error is that of the function
            raise
        raise NotYet from None


def _start(actor: Any, address: str, method: str, args: tuple[Any, ...]) -> Any:
    """Begin a call of a method of an actor."""
    try:
        return getattr(actor, method)(*args)
    except RuntimeError:  # the client knows that it is lost
        raise WorkerLost(address) from None


def _nothing(part: Any) -> None:
    """Wait for a partition, where it is."""
