"""What changes during training."""

from __future__ import annotations

from copy import copy, deepcopy
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ..nn.network import Network, Pass
from ..optim.averaging import Average
from ..optim.base import Optimizer, OptimizerState
from ..optim.schedules import Clock
from ..params import Record, record
from .history import History

SEED = np.random.SeedSequence(0)  # of generators whose state is replaced


@dataclass
class Plateau:
    """How long the monitored value has not improved; part of what is continued."""

    reference: float = np.inf
    reference_loss: float = np.inf
    n_epochs: int = 0


@record
class Run(Record):
    """Everything that changes during training; with it a fit can be continued exactly."""

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
    training_theta: np.ndarray | None = None  # where to go on, if an average was swapped in
    dropout_rng: np.random.Generator | None = None  # shuffles do not depend on dropout
    stacks: list[Run] = field(default_factory=list)  # the runs of stacks of members
    # Of the present call only:
    first_epoch: int = 0
    max_epochs: int = 0
    best_epoch: int = 0
    best_epochs: list[int] = field(default_factory=list)  # of each member
    restarts: list[int] = field(default_factory=list)  # epochs after which the schedule restarted
    lr: float = 0.0
    schedule_factors: dict[str, float] = field(default_factory=dict)  # of this step, by name
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
        """A copy for the next call, on a copy of the vectors of `network`.

        A call that fails leaves the original as it was, with its optimizer, generators and
        order of rows.
        """
        average = copy(self.average)
        if average is not None and average.value is not None:
            average.value = average.value.copy()
        theta = self.training_theta
        return replace(
            self,
            network=network.over(network.theta.copy(), network.fixed.copy()),
            rng=self.rng if self.stacks else copy_generator(self.rng),  # stacks have their own
            dropout_rng=copy_generator(self.dropout_rng),
            optimizer_state=copy_state(self.optimizer_state),
            average=average,
            training_theta=None if theta is None else theta.copy(),
            order=copy_order(self.order),
            clock=replace(self.clock),
            plateau=replace(self.plateau),
            history=self.history.copy(),
        )

    def begin(self) -> None:
        """Start a call: reset what belongs to one call only."""
        self.first_epoch = self.clock.epoch
        self.stop_reason, self.interrupted, self.failed, self.messages = None, False, False, []
        self.passes, self.schedule_factors, self.restarts, self.best_epochs = {}, {}, [], []

    def eval_params(self, theta: np.ndarray | None = None) -> np.ndarray:
        """The parameters to evaluate and to return: an average, or those trained."""
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
        if theta is self.network.theta:
            return self.network
        return self.network.over(theta, self.network.fixed)

    def swap_in(self) -> None:
        """Put the evaluated parameters into the network, and keep those of training."""
        theta = self.eval_params()
        self.training_theta = None
        if theta is not self.network.theta:
            self.training_theta = self.network.theta.copy()
            self.network.theta[...] = theta

    def swap_out(self) -> None:
        """Go on from the parameters of training, unless the user has changed those returned."""
        if self.training_theta is None:
            return
        if np.array_equal(self.eval_params(self.training_theta), self.network.theta):
            self.network.theta[...] = self.training_theta
        else:
            self.reset_optimizer()
        self.training_theta = None

    def reset_optimizer(self) -> None:
        """Go on from the network as it is, without any memory of earlier steps."""
        self.optimizer_state, self.average, self.training_theta = None, None, None

    def stop(self, reason: str, message: str = "") -> None:
        """End training after this epoch; the first reason given counts."""
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
                shape,
                train=True,
                rng=self.dropout_rng,
                schedule_factors=self.schedule_factors,
            )
        return self.passes[n]

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "passes": {}, "messages": []}


def copy_generator(rng: Any) -> Any:
    """A copy of a generator; much faster than `deepcopy` for those that `fit` makes."""
    if type(rng) is np.random.RandomState:
        state = rng.get_state(legacy=False)
        if state["bit_generator"] == "MT19937":
            other = np.random.RandomState(0)
            other.set_state(state)
            return other
    if type(rng) is np.random.Generator and type(rng.bit_generator) is np.random.PCG64:
        bits = np.random.PCG64(SEED)
        bits.state = rng.bit_generator.state
        return np.random.Generator(bits)
    return deepcopy(rng)


def copy_state(state: OptimizerState | None) -> OptimizerState | None:
    """A copy of what an optimizer keeps, without its memory for a step."""
    if type(state) is not OptimizerState:
        return deepcopy(state)
    return OptimizerState(state.slots.copy(), state.t, scalars=state.scalars.copy())


def copy_order(order: Any) -> Any:
    """A copy of the order of rows, or of the order of each member."""
    if isinstance(order, list):
        return [each.copy() for each in order]
    return None if order is None else order.copy()
