"""What a checkpoint adds to a `fit` of a minute, at the interval that is the default.

The seconds inside of the checkpoint are added up: two fits of a minute differ by more than that.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from time import perf_counter
from typing import Any
from unittest.mock import patch

import numpy as np

from skbackprop import BackpropClassifier
from skbackprop.estimators import base, learning
from skbackprop.io.checkpoint import CheckpointFile, Recorder
from skbackprop.training.callbacks import Checkpoint

MINUTE = 60
CONFIGURATIONS: dict[str, dict[str, Any]] = {
    "default": {"early_stopping": True},
    "best": {"preset": "best"},
    "three layers of 1,000": {
        "preset": "plain",
        "hidden_layer_sizes": (1000, 1000, 1000),
        "dtype": "float32",
    },
}
INSIDE = (  # none of these calls another one
    (base, "open_checkpoint"),
    (learning, "check_start"),
    (Recorder, "restore"),
    (Recorder, "record"),
    (CheckpointFile, "close"),
)


def cases(quick: bool) -> list[dict[str, Any]]:
    """Networks with few and with many weights."""
    seconds = 1 if quick else MINUTE
    return [{"configuration": name, "time_budget": seconds} for name in CONFIGURATIONS]


def measure(configuration: str, time_budget: float, repeats: int) -> dict[str, Any]:
    """The seconds inside of the checkpoint, and of the whole fit, once."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((20_000, 20))
    y = (X[:, 0] * X[:, 1] + X[:, 2] > 0).astype(int)
    inside: list[float] = []
    sizes: list[int] = []
    with tempfile.TemporaryDirectory() as folder, ExitStack() as patches:
        checkpoint = Checkpoint(Path(folder) / "fit.ckpt")
        checkpoint.every_seconds *= time_budget / MINUTE
        model = BackpropClassifier(
            time_budget=time_budget,
            max_iter=10_000,
            n_iter_no_change=10_000,
            callbacks=[checkpoint],
            random_state=0,
            **CONFIGURATIONS[configuration],
        )
        for owner, name in INSIDE:
            patches.enter_context(patch.object(owner, name, timed(getattr(owner, name), inside)))
        write = CheckpointFile.write

        def write_and_look(file: CheckpointFile) -> None:
            write(file)
            sizes.append(file.path.stat().st_size)

        patches.enter_context(patch.object(CheckpointFile, "write", write_and_look))
        start = perf_counter()
        model.fit(X, y)
        seconds = perf_counter() - start
    return {
        "fit": seconds,
        "epochs": len(model.history_["epoch"]),
        "writings": len(sizes),
        "megabytes": max(sizes) / 1e6,
        "milliseconds": 1e3 * sum(inside),
        "percent": 100 * sum(inside) / seconds,
    }


def timed(function: Callable[..., Any], seconds: list[float]) -> Callable[..., Any]:
    """The function, which adds the seconds of each call to a list."""

    def call(*arguments: Any) -> Any:
        start = perf_counter()
        try:
            return function(*arguments)
        finally:
            seconds.append(perf_counter() - start)

    return call


TITLE = "Checkpoints at the default interval"
COLUMNS = {
    "configuration": "configuration",
    "fit": "fit, seconds",
    "epochs": "epochs",
    "writings": "writings",
    "megabytes": "file, MB",
    "milliseconds": "checkpoint, ms",
    "percent": "checkpoint, % of the fit",
}
