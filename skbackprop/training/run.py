"""What is decided before training (`Plan`) and what changes during it (`Run`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..nn.losses import Loss
from ..nn.network import Network, Pass
from ..optim.averaging import Average
from ..optim.base import Optimizer, OptimizerState
from ..optim.schedules import Clock, Constant, Schedule
from .batches import Batches
from .history import History

if TYPE_CHECKING:
    from .callbacks.base import Callback


@dataclass
class Plan:
    """Everything decided before training.

    Parameters
    ----------
    loss : Loss
    alpha : float
        L2 penalty, see `Objective`.
    batches : Batches
    optimizer : Optimizer or None
        None stands for L-BFGS on all rows at once.
    learning_rate : float
        Initial learning rate, multiplied by `schedule`.
    schedule : Schedule
    callbacks : sequence of Callback
        Told what happens, in this order.
    weight_decay : float
        Decoupled: before each step the weights lose ``lr · weight_decay`` of themselves.
    max_grad_norm : float or None
        Longest gradient; longer ones are shortened to it.
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
    l1 : float
        L1 penalty on the weights, decoupled: after each step they move by ``lr · l1``
        towards 0, and stay there if they arrive.
    max_epochs : int
        Epochs (or L-BFGS iterations) of this call.
    horizon : int or None
        Epochs in all, for schedules that need to know; None stands for the end of the call.
    tol, max_fun : float, int
        Of L-BFGS: largest gradient entry at the end, most evaluations.
    """

    loss: Loss
    batches: Batches
    alpha: float = 0.0
    optimizer: Optimizer | None = None
    learning_rate: float = 1e-3
    schedule: Schedule = field(default_factory=Constant)
    callbacks: Sequence[Callback] = ()
    weight_decay: float = 0.0
    max_grad_norm: float | None = None
    average: Average | None = None
    average_from: float = 0.0
    has_dropout: bool = False
    lr_multipliers: np.ndarray | None = None
    scheduled: dict[str, Schedule] = field(default_factory=dict)
    label_smoothing: float = 0.0
    l1: float = 0.0
    max_epochs: int = 200
    horizon: int | None = None
    tol: float = 1e-4
    max_fun: int = 15000


@dataclass
class Plateau:
    """How long the monitored value has been flat; part of what is continued."""

    reference: float = np.inf
    reference_loss: float = np.inf
    count: int = 0


@dataclass
class Run:
    """Everything that changes during training; continuing it continues the fit exactly."""

    network: Network
    rng: Any
    optimizer_state: OptimizerState | None = None
    clock: Clock = field(default_factory=Clock)
    history: History = field(default_factory=History)
    order: Any = None
    lr_scale: float = 1.0
    plateau: Plateau = field(default_factory=Plateau)
    optimizer: Optimizer | None = None
    average: Average | None = None
    training_theta: np.ndarray | None = None  # where to go on, if other parameters were handed out
    dropout_rng: np.random.Generator | None = None  # of dropout: shuffles do not depend on it
    parts: list[Run] = field(default_factory=list)  # those of groups of members
    # Of the present call only:
    first_epoch: int = 0
    max_epochs: int = 0
    best_epoch: int = 0
    best_epochs: list[int] = field(default_factory=list)  # of each member, if they have their own
    restarts: list[int] = field(default_factory=list)  # epochs after which the schedule began anew
    lr: float = 0.0
    schedule_factors: dict[str, float] = field(
        default_factory=dict
    )  # factors that fade, for all layers
    stop_reason: str | None = None
    interrupted: bool = False
    failed: bool = False
    messages: list[str] = field(default_factory=list)
    passes: dict[int, Pass] = field(default_factory=dict)

    @property
    def n_epochs(self) -> int:
        """Epochs of the present call."""
        return self.clock.epoch - self.first_epoch

    def continued(self, network: Network) -> Run:
        """The run of the next call, which shares the vectors but not the records."""
        return replace(
            self,
            network=network,
            clock=replace(self.clock),
            plateau=replace(self.plateau),
            history=self.history.copy(),
        )

    def begin(self) -> None:
        """Start a call: what belongs to the last call only is forgotten."""
        self.first_epoch = self.clock.epoch
        self.stop_reason, self.interrupted, self.failed, self.messages = None, False, False, []
        self.passes, self.schedule_factors, self.restarts, self.best_epochs = {}, {}, [], []

    def eval_params(self, theta: np.ndarray | None = None) -> np.ndarray:
        """The parameters to evaluate and to hand out: an average, or those trained."""
        theta = self.network.theta if theta is None else theta
        if self.average is not None and self.average.value is not None:
            return self.average.value
        if self.optimizer is not None and self.optimizer_state is not None:
            choose = getattr(self.optimizer, "eval_params", None)  # a user's may have none
            return theta if choose is None else choose(theta, self.optimizer_state)
        return theta

    def eval_network(self) -> Network:
        """The network on these parameters."""
        theta = self.eval_params()
        return (
            self.network
            if theta is self.network.theta
            else self.network.over(theta, self.network.fixed)
        )

    def swap_in(self) -> None:
        """Put the judged parameters into the network, and remember where to go on."""
        theta = self.eval_params()
        self.training_theta = None
        if theta is not self.network.theta:
            self.training_theta = self.network.theta.copy()
            self.network.theta[...] = theta

    def swap_out(self) -> None:
        """Go on from the parameters trained, unless the user has changed those handed out."""
        if self.training_theta is None:
            return
        if np.array_equal(self.eval_params(self.training_theta), self.network.theta):
            self.network.theta[...] = self.training_theta
        else:
            self.reset_optimizer()
        self.training_theta = None

    def reset_optimizer(self) -> None:
        """Go on from the network as it is, with nothing remembered of earlier steps."""
        self.optimizer_state, self.average, self.training_theta = None, None, None

    def stop(self, reason: str, message: str = "") -> None:
        """Ask the loop to end after this epoch; the first reason given counts."""
        if self.stop_reason is None:
            self.stop_reason = reason
            if message:
                self.messages.append(message)

    def bound(self, shape: tuple[int, ...]) -> Pass:
        """The training pass for a batch of this shape, bound on first use."""
        n, network = shape[-2], self.network
        if n not in self.passes and n < max(self.passes, default=0):
            self.passes[n] = network.bind_within(self.passes[max(self.passes)], shape)
        elif n not in self.passes:
            self.passes[n] = network.bind(
                shape, train=True, rng=self.dropout_rng, schedule_factors=self.schedule_factors
            )
        return self.passes[n]

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "passes": {}, "messages": []}
