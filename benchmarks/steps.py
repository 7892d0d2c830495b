"""The training loop of the package below the estimators, where single steps can be watched."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from skbackprop.nn import ACTIVATIONS, LOSSES, Network, mlp
from skbackprop.optim import Adam
from skbackprop.training import Batches, Plan, Rows, Run, Step

from .configurations import ALPHA, Configuration, make_data

Epoch: TypeAlias = Callable[..., None]


def make_epoch(
    configuration: Configuration, dtype: str = "float32", kind: type = np.ndarray
) -> Epoch:
    """A function that trains for an epoch and calls the hooks it is given after each step.

    Parameters
    ----------
    configuration : Configuration
    dtype : str
        Of the data and of the network.
    kind : type
        Class of the arrays that the rows are in: `np.ndarray`, or one that watches.
    """
    c = configuration
    X, y = make_data(c, dtype)
    rng = np.random.RandomState(0)
    network = Network(mlp(c.features, c.hidden, c.n_out, activations=[RELU]), np.dtype(dtype))
    network.initialize(rng)
    loss = LOSSES[LOSS_OF.get(c.classes, "multiclass_log_loss")]
    target = np.eye(c.classes)[y] if c.classes > 2 else y[:, None]
    batches = Batches(Rows(X.view(kind), target.astype(dtype).view(kind)), c.batch)
    optimizer = Adam()
    plan = Plan(loss, batches, ALPHA, optimizer)
    run = Run(network, rng, optimizer.state(network.theta))
    run.clock.n_steps = len(batches)
    step = Step(plan, run)

    def epoch(*hooks: Callable[[Any], None]) -> None:
        run.order = batches.order(run.order, rng)
        for batch in batches.epoch(run.order):
            step(batch)
            for hook in hooks:
                hook(run)

    return epoch


RELU = ACTIVATIONS["relu"]
LOSS_OF = {0: "squared_error", 2: "binary_log_loss"}
