"""Optimizers that use only the sign of a mean gradient.

Every parameter moves by exactly the learning rate, up or down.  The steps are longer than
Adam's at the same rate.  The paper recommends a rate 3 to 10 times smaller than Adam's, and a
weight decay larger by the same factor.

>>> import numpy as np
>>> optimizer, theta = Lion(), np.zeros(3)
>>> optimizer.step(theta, np.array([3.0, -4000.0, 0.0]), 0.1, optimizer.state(theta))
>>> theta
array([-0.1,  0.1,  0. ])
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ..params import check_range, frozen
from .base import Optimizer, Rate, flush, scale

SMALL = 2.0**-80  # `flush` sets smaller numbers to zero in float32; they move by less


@frozen
class Lion(Optimizer):
    """Lion: the sign of a mean of momentum and gradient.

    ``θ ← θ − lr · sign(β₁ m + (1−β₁) g)``,  then  ``m ← β₂ m + (1−β₂) g``.

    The slot holds the discounted sum ``grad_sum = m / (1−β₂)``.  Lion has one slot, Adam two.

    Parameters
    ----------
    beta_1, beta_2 : float in [0, 1)
        Weight of ``m`` in the sign of the step, and decay of ``m`` per step.

    References
    ----------
    X. Chen et al., "Symbolic discovery of optimization algorithms", NeurIPS 2023.
    """

    slots: ClassVar[tuple[str, ...]] = ("grad_sum",)

    beta_1: float = 0.9
    beta_2: float = 0.99

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, "[0, 1)", "beta_1", "beta_2")

    def update(
        self,
        theta: np.ndarray,
        grad: np.ndarray,
        slots: np.ndarray,
        scratch: np.ndarray,
        lr: Rate,
        t: int,
    ) -> None:
        grad_sum, s = slots[0], scratch[0]  # a positive factor does not change a sign
        np.multiply(grad_sum, self.beta_1 * (1 - self.beta_2) / (1 - self.beta_1), out=s)
        s += grad
        # The sign, times a power of two.  np.sign branches at every number: with random
        # signs, which a processor cannot predict, a step of 100,000 took eight times as long.
        s.clip(-SMALL, SMALL, out=s)
        theta -= scale(s, lr, 1 / SMALL)
        grad_sum *= self.beta_2
        grad_sum += grad
        flush(grad_sum, s, t)
