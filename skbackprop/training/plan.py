"""What is decided before training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field
from typing import TYPE_CHECKING

import numpy as np

from ..nn.losses import Loss
from ..optim.averaging import Average
from ..optim.base import Optimizer
from ..optim.schedules import Constant, Schedule
from ..params import Record, record
from .batches import Batches
from .callbacks.base import Callback

if TYPE_CHECKING:
    from .resume import Recorder


@record
class Plan(Record):
    """Everything that is decided before training.

    Parameters
    ----------
    loss : Loss
    batches : Batches
        Or `StoredBatches`, or `ShardedBatches`.
    alpha : float
        L2 penalty, see `Objective`.
    optimizer : Optimizer or None
        None stands for L-BFGS on all rows at once.
    learning_rate : float
        Initial learning rate, multiplied by `schedule`.
    schedule : Schedule
    callbacks : sequence of Callback
        Called in this order.
    weight_decay : float
        Decoupled: before each step the weights lose ``lr · weight_decay`` of themselves.
    l1 : float
        L1 penalty on the weights, decoupled: after each step they move by ``lr · l1``
        towards 0, and stay at 0 if they reach it.
    max_grad_norm : float or None
        A longer gradient is shortened to this length.
    limits : tuple of ndarray (low, high) or None
        The smallest and the largest value of each parameter: after each step, what is beyond is
        moved to the limit.
    average : Average or None
        An average of the parameters, to be evaluated and returned instead of them.
    average_from : float
        The part of training, from 0 to 1, after which averaging begins.
    has_dropout : bool
        Does a layer draw random numbers in training?
    lr_multipliers : ndarray or None
        A factor on the learning rate for each parameter; 0 keeps it as it is.
    scheduled : dict of Schedule
        Schedules of "dropout", "weight_decay", "label_smoothing": factors on these.
    label_smoothing : float
        Part of each class target that is spread over all classes.
    max_epochs : int
        Epochs (or L-BFGS iterations) of this call.
    horizon : int or None
        Epochs in all, for schedules that depend on it; None stands for the end of the call.
    tol, max_fun : float, int
        Of L-BFGS: largest gradient entry at the end, most evaluations.
    recorder : Recorder or None
        What writes the state of the training down after epochs, to go on from there later.
    """

    loss: Loss
    batches: Batches
    alpha: float = 0.0
    optimizer: Optimizer | None = None
    learning_rate: float = 1e-3
    schedule: Schedule = field(default_factory=Constant)
    callbacks: Sequence[Callback] = ()
    weight_decay: float = 0.0
    l1: float = 0.0
    max_grad_norm: float | None = None
    limits: tuple[np.ndarray, np.ndarray] | None = None
    average: Average | None = None
    average_from: float = 0.0
    has_dropout: bool = False
    lr_multipliers: np.ndarray | None = None
    scheduled: dict[str, Schedule] = field(default_factory=dict)
    label_smoothing: float = 0.0
    max_epochs: int = 200
    horizon: int | None = None
    tol: float = 1e-4
    max_fun: int = 15000
    recorder: Recorder | None = None
