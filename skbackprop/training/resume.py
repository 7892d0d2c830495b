"""The state of a training between two epochs, from which it continues exactly.

What is decided before training, such as the rows, the optimizer and the callbacks with their
settings, belongs to the `Plan` and is made again.  What changes is in the `Run` and in those
attributes of the callbacks that they name, ``state_attributes``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from ..nn.network import Network
from .plan import Plan
from .run import Run

OF_RUN = (
    "optimizer_state",
    "clock",
    "history",
    "order",
    "lr_scale",
    "plateau",
    "average",
    "dropout_rng",
    "max_epochs",
    "best_epoch",
    "restarts",
    "lr",
    "schedule_factors",
    "stop_reason",
    "messages",
)


class Recorder(Protocol):
    """What keeps the states of one training."""

    def restore(self, plan: Plan, run: Run) -> bool:
        """Put the state back that was kept, if there is one.  Is there one?"""
        ...

    def record(self, plan: Plan, run: Run) -> None:
        """After an epoch, or at the end: keep the state, or leave it for a later epoch."""
        ...


class Vectors(NamedTuple):
    """The numbers of a network."""

    theta: np.ndarray
    fixed: np.ndarray

    @classmethod
    def of(cls, value: Any) -> Any:
        """Those of a network; any other value as it is."""
        return cls(value.theta, value.fixed) if isinstance(value, Network) else value


def check_callbacks(callbacks: Sequence[Any]) -> None:
    """Refuse callbacks that do not say what they remember."""
    for callback in callbacks:
        if not hasattr(callback, "state_attributes"):
            raise TypeError(
                "Checkpoint needs to know what each callback remembers from epoch to epoch, got "
                f"{type(callback).__name__} without state_attributes. Give its class the names "
                'of these attributes, as in state_attributes = ("losses",), or () if there are '
                "none."
            )


def training_state(plan: Plan, run: Run) -> dict[str, Any]:
    """What changes during training.  Arrays are not copied."""
    check_callbacks(plan.callbacks)
    return {
        "network": Vectors.of(run.network),
        "rng": run.rng,
        "run": {name: getattr(run, name) for name in OF_RUN},
        "callbacks": [_remembered(callback) for callback in plan.callbacks],
    }


def restore_training(plan: Plan, run: Run, state: dict[str, Any]) -> None:
    """Put a state back, from `training_state` of the same plan."""
    network, vectors, remembered = run.network, state["network"], state["callbacks"]
    for now, then in zip((network.theta, network.fixed), vectors, strict=True):
        if (now.shape, now.dtype) != (then.shape, then.dtype):
            raise ValueError(
                f"The network has {now.size} numbers of {now.dtype}, got a state of {then.size} "
                f"of {then.dtype}."
            )
    if set(state["run"]) != set(OF_RUN) or len(remembered) != len(plan.callbacks):
        raise ValueError("The state has not the parts that this training needs.")
    network.theta[...], network.fixed[...] = vectors
    run.rng.set_state(state["rng"].get_state(legacy=False))  # it may be an object of the user's
    for name, value in state["run"].items():
        setattr(run, name, value)
    for callback, attributes in zip(plan.callbacks, remembered, strict=True):
        for name, value in attributes.items():
            restored = network.over(*value) if isinstance(value, Vectors) else value
            setattr(callback, name, restored)


def _remembered(callback: Any) -> dict[str, Any]:
    names = [name for name in callback.state_attributes if hasattr(callback, name)]
    return {name: Vectors.of(getattr(callback, name)) for name in names}
