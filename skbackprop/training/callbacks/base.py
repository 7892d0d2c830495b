"""The methods of a callback.

A callback is an object with some of the methods `EVENTS`.  Each gets the `Run`, may read and
change it, and stops training with ``run.stop(reason, message)``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Any, ClassVar, TypeAlias

from ..run import Run

EVENTS = ("on_train_begin", "on_epoch_begin", "on_batch_end", "on_epoch_end", "on_train_end")

Hooks: TypeAlias = dict[str, list[Callable[[Run], None]]]


class Callback:
    """Base of all callbacks: define the methods you need.

    To derive from this class is not required: any object with at least one of the methods
    is a callback.

    Attributes
    ----------
    state_attributes : tuple of str
        Names of the attributes that change from epoch to epoch, ``()`` if there are none.  They
        are what a `Checkpoint` saves of a callback; without one they need not be defined.
    """

    state_attributes: ClassVar[tuple[str, ...]]  # without a value: not even () is assumed

    def on_train_begin(self, run: Run) -> None:
        """Before the first epoch of a call."""

    def on_epoch_begin(self, run: Run) -> None:
        """Before an epoch."""

    def on_batch_end(self, run: Run) -> None:
        """After a step of the optimizer."""

    def on_epoch_end(self, run: Run) -> None:
        """After an epoch, when it has been added to ``run.history``."""

    def on_train_end(self, run: Run) -> None:
        """After the last epoch, also after an interruption or an error."""


def is_callback(value: Any) -> bool:
    """Does the object have a method of a callback, and is each of them callable?"""
    methods = [getattr(value, event) for event in EVENTS if hasattr(value, event)]
    return bool(methods) and all(map(callable, methods)) and not isinstance(value, type)


def collect(callbacks: Sequence[Any]) -> Hooks:
    """The methods to call at each event: those that a callback defines itself."""
    return {
        event: [
            getattr(callback, event)
            for callback in callbacks
            if getattr(type(callback), event, None) is not getattr(Callback, event)
            and hasattr(callback, event)
        ]
        for event in EVENTS
    }


def end_epoch(run: Run, hooks: Hooks, start: float) -> None:
    """Call the callbacks, write down the seconds, and check the epoch limit."""
    try:
        for hook in hooks["on_epoch_end"]:
            hook(run)
    finally:  # an interrupted epoch may be kept
        run.history.set("seconds", perf_counter() - start)
    if run.n_epochs >= run.max_epochs:
        run.stop("max_iter")
