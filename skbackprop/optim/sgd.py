"""Stochastic gradient descent, with or without momentum.

``θ ← θ − lr g``.  With momentum the steps are a velocity ``v`` that decays by the factor ``μ``:

``v ← μ v − lr g``,  ``θ ← θ + v``.

Nesterov's momentum adds the next decayed velocity, ``θ ← θ + μ v − lr g``.

The learning rate is inside the velocity, as in scikit-learn: when a schedule lowers it, the
velocity falls over the next steps only.  In PyTorch the rate is outside; the two agree as long
as the rate is constant.

>>> import numpy as np
>>> optimizer, theta = SGD(momentum=0.0), np.array([1.0, -2.0])
>>> optimizer.step(theta, theta.copy(), 0.5, optimizer.state(theta))
>>> theta
array([ 0.5, -1. ])
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ..params import check_range, frozen
from .base import Optimizer, Rate, flush


@frozen
class SGD(Optimizer):
    """Stochastic gradient descent: ``v ← μ v − lr g``, ``θ ← θ + v``.

    Parameters
    ----------
    momentum : float in [0, 1]
        ``μ``, the decay of the velocity per step; 0: no momentum.
    nesterov : bool
        Use Nesterov's momentum, ``θ ← θ + μ v − lr g``?
    """

    slots: ClassVar[tuple[str, ...]] = ("decayed_velocity",)

    momentum: float = 0.9
    nesterov: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, "[0, 1]", "momentum")

    def update(
        self,
        theta: np.ndarray,
        grad: np.ndarray,
        slots: np.ndarray,
        scratch: np.ndarray,
        lr: Rate,
        t: int,
    ) -> None:
        step = np.multiply(grad, lr, out=scratch[0])
        if self.momentum == 0:
            theta -= step
            return
        v = slots[0]  # μ v between steps, as both formulas use it
        v -= step
        if not self.nesterov:
            theta += v
        v *= self.momentum
        if self.nesterov:
            theta += np.subtract(v, step, out=step)
        flush(v, step, t)
