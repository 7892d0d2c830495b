"""The file of a checkpoint: the states of the trainings of one fit, and what fit it was.

A fit has one or several trainings: stacks of members, and a second one of each on all rows.  The
file has a part for each that has begun, and *facts*: short texts by name, such as the value of
each parameter and a digest of the rows.  All of them must be equal for the file to be used.

>>> describe({"momentum": 0.9}), describe((64, 64)), describe(len)
("{'momentum': 0.9}", '(64, 64)', 'len')
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np

from ..training.callbacks.reporting import logger
from ..training.plan import Plan
from ..training.resume import restore_training, training_state
from ..training.run import Run
from ..warn import warn_user
from . import safetensors
from .decode import Decoder
from .encode import Encoder
from .model import (
    CHECKPOINT,
    DEEPEST,
    FORMAT_VERSION,
    VERSION,
    check_version,
    versions,
    write_atomically,
)

LONGEST_FACT = 200  # characters of a text; of a longer one the rest is a digest
REST = 100  # times as long as a writing took, before the next one: they take 1 % of the time
UNFINISHED = "interrupted", "failed"  # ends of a training that are not its own


class Part(NamedTuple):
    """The state of a training as JSON, and its arrays."""

    state: Any
    tensors: dict[str, np.ndarray]


class CheckpointFile:
    """The checkpoint of one fit.

    Parameters
    ----------
    path : str
        One that exists is read.
    every_seconds : float
        The least time between two writings for the same training.

    Raises
    ------
    ValueError
        If there is something else at `path` than a checkpoint.
    FileNotFoundError
        If there is no such folder.
    """

    def __init__(self, path: str, every_seconds: float) -> None:
        self.path, self.every_seconds = Path(path).absolute(), every_seconds
        self.facts: dict[str, str] = {}
        self.parts: dict[str, Part] = {}
        self.start = Part(None, {})  # the generator of the fit, as it was at first
        self.recorders: list[Recorder] = []
        self._known: dict[str, str] = {}  # the facts of a file that was there
        self._stamp: Any = None  # of the file as it was read or written here
        self._written, self._lock = perf_counter(), Lock()
        if os.path.lexists(self.path):
            self._open()
        elif not self.path.parent.is_dir():
            raise FileNotFoundError(f"There is no folder {str(self.path.parent)!r}. Make it first.")

    def check(self, facts: Mapping[str, str]) -> None:
        """Refuse a file that is of another fit, with what differs."""
        self.facts.update(facts)
        different = [
            f"{name} is {self._known[name]} there and {fact} here"
            for name, fact in facts.items()
            if self._known.get(name, fact) != fact  # not those of an object that is no object there
        ]
        if different:
            raise ValueError(
                f"The checkpoint {str(self.path)!r} is of another fit: {'; '.join(different)}. "
                "Fit as it was begun, remove the file to start anew, or give Checkpoint another "
                "path. The file is as it was."
            )

    def rewind(self, rng: np.random.RandomState) -> None:
        """Set the generator of the fit to where it was when the fit was begun."""
        if self._known:
            with self.refused_if_damaged():
                first = _decoded(self.start, "start", {})
                rng.set_state(first.get_state(legacy=False))
        else:
            self.start = _part(rng, "start")

    def attach(self, plans: Sequence[Plan], runs: Sequence[Run]) -> None:
        """Give the plans of the next trainings what records them."""
        for plan, run in zip(plans, runs, strict=True):
            recorder = Recorder(self, f"training_{len(self.recorders)}", run, self._written)
            plan.recorder = recorder
            self.recorders.append(recorder)

    def write(self) -> None:
        """Write the file; where this is not possible, warn and go on."""
        with self._lock:
            if self._current() not in (None, self._stamp):
                warn_user(
                    f"The checkpoint {str(self.path)!r} was written by another process meanwhile. "
                    "This fit leaves it alone and goes on without. Give each fit a path of its own."
                )
                self.every_seconds = float("inf")
                return
            try:
                write_atomically(self.path, *self._chunks())
                self._stamp = self._current()
            except OSError as error:
                warn_user(f"The checkpoint was not written, and training goes on: {error}")
            self._written = perf_counter()

    def close(self) -> None:
        """Remove the file, unless a training was interrupted."""
        interrupted = any(recorder.run.interrupted for recorder in self.recorders)
        if interrupted or self._stamp is None or self._current() != self._stamp:
            return
        try:
            self.path.unlink()
        except OSError as error:  # the model is worth more than a tidy folder
            warn_user(f"The checkpoint was not removed: {error}")

    @contextmanager
    def refused_if_damaged(self) -> Iterator[None]:
        """Raise what goes wrong as a ValueError that names the file."""
        try:
            yield
        except OSError:
            raise
        except Exception as error:
            raise ValueError(
                f"{str(self.path)!r} is not used as a checkpoint, and is as it was. {error} "
                "Remove it to start anew, or give Checkpoint another path."
            ) from error

    def _current(self) -> tuple[int, int, int] | None:
        """What tells the file that is there from any other."""
        try:
            status = self.path.stat()
        except FileNotFoundError:
            return None
        return status.st_ino, status.st_size, status.st_mtime_ns

    def _chunks(self) -> list[Any]:
        parts = dict(self.parts)
        tensors = {**self.start.tensors}
        for part in parts.values():
            tensors |= part.tensors
        states = {name: part.state for name, part in parts.items()}
        text = json.dumps({"facts": self.facts, "start": self.start.state, "trainings": states})
        return safetensors.chunks(tensors, {VERSION: str(FORMAT_VERSION), CHECKPOINT: text})

    def _open(self) -> None:
        with self.refused_if_damaged(), open(self.path, "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise ValueError("It is not a regular file.")
            self._take(safetensors.read(file, status.st_size))
        self._stamp = self._current()

    def _take(self, contents: safetensors.Contents) -> None:
        tensors, metadata, checked = contents
        if VERSION not in metadata or CHECKPOINT not in metadata:
            raise ValueError("It holds something else, such as a model.")
        check_version(metadata[VERSION])
        found = safetensors.parse_json(metadata[CHECKPOINT], "checkpoint", DEEPEST)
        trainings = found.get("trainings")
        if not checked or not isinstance(trainings, dict) or not isinstance(found["facts"], dict):
            raise ValueError("The file is damaged.")
        self._known = found["facts"]
        self.start = Part(found["start"], _of(tensors, "start"))
        for name, state in trainings.items():
            self.parts[name] = Part(state, _of(tensors, name))


class Recorder:
    """Keeps the states of one training; see `training.resume.Recorder`."""

    def __init__(self, file: CheckpointFile, name: str, run: Run, written: float) -> None:
        self.file, self.name, self.run, self.written = file, name, run, written
        self.seconds = 0.0  # that the last writing took

    def restore(self, plan: Plan, run: Run) -> bool:
        # What cannot be stored is refused now, and not after the first half minute.
        encoder, _ = _encoded(training_state(plan, run), self.name)
        part = self.file.parts.get(self.name)
        if part is None:
            return False
        with self.file.refused_if_damaged():
            restore_training(plan, run, _decoded(part, self.name, encoder.custom))
        logger.info("goes on after epoch %d, from %s", run.clock.epoch, self.file.path)
        return True

    def record(self, plan: Plan, run: Run) -> None:
        now, every = perf_counter(), self.file.every_seconds
        is_due = now - self.written >= (max(every, REST * self.seconds) if every else 0)
        if not is_due and run.stop_reason is None:
            return
        state = training_state(plan, run)
        part = _part(state, self.name)
        if state["run"]["stop_reason"] in UNFINISHED:
            return
        self.file.parts[self.name] = part
        if is_due:
            self.file.write()
            self.written = perf_counter()
            self.seconds = self.written - now


def _encoded(value: Any, path: str) -> tuple[Encoder, Any]:
    """An encoder with the arrays of a value, not copied, and the JSON."""
    encoder = Encoder()
    try:
        return encoder, encoder.encode(value, path)
    except TypeError as error:
        raise TypeError(f"A checkpoint cannot hold the state of this training. {error}") from error


def _part(value: Any, path: str) -> Part:
    """A copy: the value goes on changing."""
    encoder, state = _encoded(value, path)
    return Part(state, {name: array.copy() for name, array in encoder.tensors.items()})


def _decoded(part: Part, path: str, custom: Mapping[str, Any]) -> Any:
    tensors = {name: array.copy() for name, array in part.tensors.items()}
    return Decoder(tensors, custom).decode(part.state, path)


def _of(tensors: Mapping[str, np.ndarray], path: str) -> dict[str, np.ndarray]:
    return {name: array for name, array in tensors.items() if name.split(".")[0] == path}


# ---------------------------------------------------------------------------- facts


def facts_of(estimator: Any, left_out: Iterable[str]) -> dict[str, str]:
    """The class, the parameters, those of their objects too, and the versions of a fit."""
    params = estimator.get_params(deep=True)
    facts = {
        # The settings of an object are facts of their own.
        name: type(value).__name__ if hasattr(value, "get_params") else describe(value)
        for name, value in params.items()
        if name not in left_out
    }
    return {"the class": type(estimator).__name__, **versions(), **facts}


def describe(value: Any) -> str:
    """A short text that is equal for equal values, and in other processes, too.

    Objects that cannot be stored in a file are described by their class, or by their name.
    """
    if _is_plain(value):
        text = repr(value)
    else:
        encoder = Encoder()
        try:
            text = json.dumps(encoder.encode(value, "value"))
        except TypeError:
            return str(getattr(value, "__qualname__", type(value).__name__))
        if encoder.tensors:
            text += f" with arrays {digest(encoder.tensors.values())}"
    if len(text) > LONGEST_FACT:
        text = f"{text[:LONGEST_FACT]}… {hashlib.sha256(text.encode()).hexdigest()[:16]}"
    return text


def _is_plain(value: Any) -> bool:
    if isinstance(value, dict):
        return all(_is_plain(item) for pair in value.items() for item in pair)
    if isinstance(value, (list, tuple)):
        return all(map(_is_plain, value))
    return type(value) in (type(None), bool, int, float, str)


def digest(arrays: Iterable[Any]) -> str:
    """A digest of arrays, of CSR arrays, and of None."""
    found = hashlib.sha256()
    for array in arrays:
        parts = [array] if array is None or hasattr(array, "__array_interface__") else None
        for part in parts or (array.data, array.indices, array.indptr):
            if part is None:
                found.update(b"None")
                continue
            found.update(f"{part.dtype.str}{part.shape}".encode())
            found.update(np.ascontiguousarray(part).reshape(-1).view(np.uint8).data)
    return found.hexdigest()[:16]
