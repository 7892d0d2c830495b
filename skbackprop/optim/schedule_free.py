"""Schedule-free training: averaging instead of a schedule with a known end.

A learning rate that goes to zero removes the noise of the last steps; so does the mean
of all points.  Schedule-free training keeps two points and computes the gradient between them:

``y = (1−β₁) z + β₁ x``   the gradient is computed here: this is ``theta``
``z ← z − lr · ĝ(y)``     takes the steps
``x ← (1−c) x + c z``     the mean of all ``z``: this is evaluated and returned

with ``c = 1/t``, or, because the steps of a warm-up should count less,
``c = lr² / Σ lr²``, each ``lr`` being the largest so far.

The learning rate is constant after a warm-up: ``WarmupCosine(end=1.0)``.

>>> import numpy as np
>>> rng = np.random.default_rng(0)
>>> optimizer, theta = ScheduleFree(), np.zeros(2)
>>> state = optimizer.state(theta)
>>> for _ in range(2000):
...     optimizer.step(theta, 2 * (theta - 3) + rng.standard_normal(2), 0.05, state)
>>> optimizer.eval_params(theta, state).round(1)
array([3., 3.])
"""

from __future__ import annotations

from math import sqrt
from typing import ClassVar

import numpy as np

from ..params import check_range, frozen
from .base import Optimizer, OptimizerState, Rate, as_learning_rates, scale, update_in_blocks


@frozen
class ScheduleFree(Optimizer):
    """Schedule-free AdamW: steps of ``z``, gradients at ``y``, evaluation at ``x``.

    ``v ← β₂ v + (1−β₂) g²``,  ``z ← z − lr · g / (√(v / (1−β₂ᵗ)) + ε)``,
    ``x ← (1−c) x + c z``,  ``θ = y = (1−β₁) z + β₁ x``.

    The slot ``square_sum`` holds ``v / (1−β₂)``.  Users of PyTorch expect it: it won the
    self-tuning track of the AlgoPerf competition of 2024.

    Parameters
    ----------
    beta_1 : float in [0, 1)
        Weight of the mean ``x`` in the point where the gradient is computed.
    beta_2 : float in [0, 1)
        Decay of the running mean of squares per step.
    epsilon : float
        Added to the denominator.
    weight_decay : float
        ``λ``; ``z`` decays by ``lr λ y``.

    References
    ----------
    A. Defazio et al., "The road less scheduled", NeurIPS 2024; the correction of ``v`` as
    in the authors' later code.
    """

    # The authors keep z and v and compute x from y and z.  Rejected: a change of theta between
    # two steps (weight decay) would change x instead of z.
    slots: ClassVar[tuple[str, ...]] = ("x", "z", "square_sum")
    scalars: ClassVar[tuple[str, ...]] = ("largest_lr", "sum_of_squares")
    n_scratch: ClassVar[int] = 2

    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, "[0, 1)", "beta_1", "beta_2")
        check_range(self, "(0, inf)", "epsilon")

    def state(self, theta: np.ndarray) -> OptimizerState:
        """The state before the first step: ``x = z = θ``."""
        state = super().state(theta)
        state.slots[:2] = theta
        return state

    def eval_params(self, theta: np.ndarray, state: OptimizerState) -> np.ndarray:
        """``x``, a row of the state."""
        x: np.ndarray = state.slots[0]
        return x

    def step(self, theta: np.ndarray, grad: np.ndarray, lr: Rate, state: OptimizerState) -> None:
        """Take one step: change `theta` and `state` in place."""
        state.t += 1
        lr = as_learning_rates(lr, theta)
        largest = max(float(state.scalars[0]), float(np.max(lr)))
        total = float(state.scalars[1]) + largest**2
        state.scalars[:] = largest, total
        share = largest**2 / total if total > 0 else 0.0
        unscale = sqrt((1 - self.beta_2) / (1 - self.beta_2**state.t))

        def update(
            theta: np.ndarray,
            grad: np.ndarray,
            slots: np.ndarray,
            scratch: np.ndarray,
            lr: Rate,
            t: int,
        ) -> None:
            x, z, square_sum = slots
            s, y = scratch
            # y is recomputed bit for bit: the difference was made by others, as by weight decay.
            z += np.subtract(theta, self._interpolate(x, z, y, s), out=s)
            square_sum *= self.beta_2
            square_sum += np.multiply(grad, grad, out=s)
            np.sqrt(square_sum, out=s)
            s += self.epsilon / unscale
            np.divide(grad, s, out=s)
            z -= scale(s, lr, 1 / unscale)
            np.subtract(z, x, out=s)
            s *= share
            x += s
            self._interpolate(x, z, theta, s)

        update_in_blocks(update, theta, grad, lr, state, self.n_scratch)

    def _interpolate(
        self, x: np.ndarray, z: np.ndarray, out: np.ndarray, scratch: np.ndarray
    ) -> np.ndarray:
        np.multiply(x, self.beta_1, out=out)
        out += np.multiply(z, 1 - self.beta_1, out=scratch)
        return out
