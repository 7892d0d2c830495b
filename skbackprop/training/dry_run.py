"""A training on a copy of the run, which leaves the run as it was.

>>> import numpy as np
>>> from skbackprop.nn import LOSSES, Dense, Network
>>> from skbackprop.optim import SGD
>>> from skbackprop.training import Batches, Plan, Rows, Run
>>> run = Run(Network(Dense(1, 1)), np.random.RandomState(0))
>>> batches = Batches(Rows(np.ones((9, 1)), np.ones((9, 1))))
>>> plan = Plan(LOSSES["squared_error"], batches, optimizer=SGD(momentum=0.0))
>>> recorder = LossRecorder(plan.loss)
>>> copy = dry_run(plan, run, recorder, n_steps=3, learning_rate=0.25)
>>> recorder.losses                               # ½ 1², ½ ½², ½ ¼²
[0.5, 0.125, 0.03125]
>>> copy.network.theta, run.network.theta
(array([0.4375, 0.4375]), array([0., 0.]))
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from itertools import islice
from math import isfinite
from typing import Any, cast

import numpy as np

from ..nn.losses import Loss
from ..optim.schedules import Clock
from .batches import Batches, Rows
from .callbacks.base import Callback
from .history import History
from .loop import train
from .plan import Plan
from .run import Run

EXPLODED = 4.0  # a smoothed loss that is so many times the best one has diverged


def dry_run(plan: Plan, run: Run, recorder: LossRecorder, n_steps: int, **changes: Any) -> Run:
    """Train a copy of the run for `n_steps`, or until ``recorder.should_stop``."""
    in_epoch = len(plan.batches)
    n_epochs = -(-n_steps // in_epoch)
    copy = deepcopy(run)
    copy.clock, copy.history = Clock(), History()
    dry_plan = replace(
        plan,
        loss=cast(Loss, recorder),
        batches=cast(Batches, _FirstBatches(plan.batches, n_steps, n_epochs, recorder)),
        callbacks=(_StopWhenDiverged(recorder),),
        average=deepcopy(plan.average),
        max_epochs=n_epochs,
        horizon=None,
        recorder=None,
        **changes,
    )
    train(dry_plan, copy)
    if copy.interrupted:
        raise KeyboardInterrupt
    return copy


class LossRecorder:
    """A loss that records its value for each batch."""

    def __init__(self, loss: Loss, smooth: float = 0.0):
        self.loss, self.smooth = loss, smooth
        self.losses: list[float] = []
        self.smoothed: list[float] = []
        self.mean = 0.0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.loss, name)

    def value_and_delta(
        self, target: np.ndarray, scores: np.ndarray, weight: Any, out: np.ndarray
    ) -> float:
        value = self.loss.value_and_delta(target, scores, weight, out)
        self.losses.append(value / (scores.shape[0] if scores.ndim == 3 else 1))
        self.mean = self.smooth * self.mean + (1 - self.smooth) * self.losses[-1]
        self.smoothed.append(self.mean / (1 - self.smooth ** len(self.losses)))
        return value

    @property
    def diverged(self) -> bool:
        """Is the last loss not finite?"""
        return bool(self.losses) and not isfinite(self.losses[-1])

    @property
    def should_stop(self) -> bool:
        """Has the loss diverged?"""
        if self.smooth == 0 or not self.losses or self.diverged:
            return self.diverged
        best = min(self.smoothed)
        return self.smoothed[-1] > best + (EXPLODED - 1) * abs(best)


class _FirstBatches:
    """The first batches of every epoch, for a number of steps."""

    def __init__(self, batches: Batches, n_steps: int, n_epochs: int, recorder: LossRecorder):
        self.batches, self.recorder, self.left = batches, recorder, n_steps
        self.in_epoch = -(-n_steps // n_epochs)

    def __len__(self) -> int:
        return self.in_epoch

    def __getattr__(self, name: str) -> Any:
        return getattr(self.batches, name)

    def epoch(self, order: Any) -> Iterator[Rows]:
        for batch in islice(self.batches.epoch(order), min(self.in_epoch, self.left)):
            if self.recorder.should_stop:
                return
            self.left -= 1
            yield batch


class _StopWhenDiverged(Callback):
    def __init__(self, recorder: LossRecorder):
        self.recorder = recorder

    def on_epoch_end(self, run: Run) -> None:
        if self.recorder.should_stop:
            run.stop("diverged")
