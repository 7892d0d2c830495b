"""Averages of the parameters over the steps.

With a constant learning rate the parameters oscillate around a minimum; their average is
nearer to it than the last point.  Both averages have weights that depend on the number of
updates ``t`` only,

``ā ← k_t ā + (1−k_t) θ``,  computed as  ``ā ← θ + k_t (ā − θ)``, which needs no temporary array.

>>> import numpy as np
>>> average = WeightAverage()
>>> for theta in np.array([[1.0], [2.0], [6.0]]):
...     average.update(theta)
>>> average.value
array([3.])
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ..params import Params, check_range


@dataclass(eq=False)
class Average(Params):
    """Base of all averages.

    It keeps its state itself: one object for each run.

    Attributes
    ----------
    value : ndarray of shape (n,) or None
        The average; None before the first update.
    t : int
        Number of updates.
    """

    value: np.ndarray | None = field(default=None, init=False)
    t: int = field(default=0, init=False)

    def keep(self) -> float:
        """``k_t``, the weight of the old average in the next update."""
        raise NotImplementedError(f"{type(self).__name__} does not define `keep`.")

    def update(self, theta: np.ndarray) -> None:
        """Add `theta` to the average; the first one is copied."""
        if self.value is None:
            self.value = theta.copy()
        else:
            self.value -= theta
            self.value *= self.keep()
            self.value += theta
        self.t += 1


@dataclass(eq=False)
class ExponentialAverage(Average):
    """Recent parameters count most: ``k_t = min(decay, (1+t) / (10+t))``.

    It averages over about ``1 / (1 − decay)`` updates; the second term shortens this at the
    start.  For an update every ``s`` steps use ``decay ** s``.

    Parameters
    ----------
    decay : float in [0, 1)
        The weight of the old average.  Tuned on 17 tables, the best values were between 0.9
        and 0.995 with a median of 0.97
        (arXiv 2604.15297, 2026).

    References
    ----------
    B. T. Polyak, A. B. Juditsky, "Acceleration of stochastic approximation by averaging",
    SIAM J. Control Optim. 30, 1992.  The start is that of TensorFlow.
    """

    decay: float = 0.98

    def __post_init__(self) -> None:
        check_range(self, "[0, 1)", "decay")

    def keep(self) -> float:
        return min(self.decay, (1 + self.t) / (10 + self.t))


@dataclass(eq=False)
class WeightAverage(Average):
    """Stochastic weight averaging: the plain mean, ``k_t = t / (t+1)``.

    Used in about the last quarter of training, because all updates have the same weight.
    Users of PyTorch expect it as ``torch.optim.swa_utils``.

    References
    ----------
    P. Izmailov et al., "Averaging weights leads to wider optima and better
    generalization", UAI 2018.
    """

    def keep(self) -> float:
        return self.t / (self.t + 1)


AVERAGES: dict[str, type[Average]] = {
    "ema": ExponentialAverage,
    "swa": WeightAverage,
}
