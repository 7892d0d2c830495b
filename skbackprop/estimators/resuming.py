"""A fit that continues from a checkpoint: which fit it is, and from which epoch."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np

from ..training.callbacks import Checkpoint
from ..training.plan import Plan
from .fitted import Fitted
from .inputs import FitInputs, Table
from .split import Split

LEFT_OUT = (
    "callbacks",
    "client",
    "n_jobs",
    "random_state",
)  # these are no facts, or are described here


def open_checkpoint(estimator: Any, inputs: FitInputs, rng: Any) -> Any:
    """The `CheckpointFile` of the `Checkpoint` among the callbacks, or None.

    The generator is set to where it was when the fit was begun.
    The facts that are known before the rows are encoded are checked here, the others in
    `check_start`.
    """
    callbacks = list(estimator.callbacks or [])
    found = [callback for callback in callbacks if isinstance(callback, Checkpoint)]
    if not found:
        return None
    _check_use(estimator, inputs, len(found))
    from ..io.checkpoint import CheckpointFile, describe, facts_of

    seed = estimator.random_state
    seed = str(int(seed)) if isinstance(seed, Integral) else type(seed).__name__
    own = [callback for callback in callbacks if callback is not found[0]]
    file = CheckpointFile(found[0].path, found[0].every_seconds)
    file.check(
        facts_of(estimator, LEFT_OUT)
        # A generator, or a seed that is drawn, is in the file as it was at first.
        | {"random_state": seed}
        | {f"callback {i}": f"{type(c).__name__} {describe(c)}" for i, c in enumerate(own)}
        | {"the number of callbacks": str(len(callbacks))}
    )
    if rng is not None:
        file.rewind(rng)
    return file


def check_start(file: Any, fitted: Fitted, table: Table, split: Split, plans: list[Plan]) -> None:
    """Refuse a file whose trainings began with other rows or numbers than these."""
    from ..io.checkpoint import digest

    run, held = fitted.run, split.held_out
    rows = [table.x, table.target, table.weight, split.table.x, split.table.target]
    held_rows = [] if held is None else [held.x, held.target, held.weight]
    training: list[Any] = [np.asarray(rows) for rows in split.training or []] or [None]
    folds: list[Any] = [*(split.folds or [])] or [None]
    members = [*training, None, *folds]
    start = [run.network.theta, run.network.fixed]
    rates = ", ".join(str(plan.learning_rate) for plan in plans[:1])
    file.check(
        {
            "the shape of the encoded table": str(tuple(table.x.shape)),
            "the number of rows": str(table.n_rows),  # of a source, beyond those in the table
            "the digest of the rows": digest(rows),
            "the digest of the division of the rows": digest([*held_rows, *members]),
            "the number of epochs before": str(run.clock.epoch),
            "the learning rate at the start": rates,
            "the digest of the weights at the start": digest(start),
        }
    )


def _check_use(estimator: Any, inputs: FitInputs, n: int) -> None:
    if n > 1:
        raise ValueError(f"callbacks may hold one Checkpoint, got {n}. Leave out all but one.")
    if inputs.incremental:
        raise ValueError(
            "partial_fit does not support Checkpoint: a call is one epoch. Save the model between "
            "calls, by save(path, training_state=True), and leave the Checkpoint out of callbacks."
        )
    if getattr(estimator, "_skl_callbacks", None):
        raise ValueError(
            "Checkpoint does not work together with scikit-learn's callbacks, whose state cannot "
            f"be saved, got {estimator._skl_callbacks!r}. Leave out one of them."
        )
