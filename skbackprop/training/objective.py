r"""The one function that every solver minimizes.

With weights :math:`w_i` of the rows (1 if none are given) and :math:`W` all entries
of ``theta`` that are penalized::

    L(θ) = ( Σᵢ wᵢ ℓ(tᵢ, scores(xᵢ; θ)) + ½ α ‖W‖² ) / Σᵢ wᵢ

It is scikit-learn's objective for the same batch.  ``k`` members in one stack have the sum
of their objectives, so that each gets the gradient it would get alone; what is reported is
their mean.  The stochastic loop, L-BFGS,
gradient accumulation and workers that share the rows among themselves all call
it: workers return `Objective.sums`, somebody adds them, `Objective.finish` runs once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from ..nn.linalg import add_scaled
from ..nn.losses import Loss
from ..nn.network import Network, Pass

BLOCK = 2**16  # elements of a temporary: so many stay in the cache
TINY = float(np.finfo(np.float32).tiny)  # a member may get a batch that weighs nothing


@dataclass(frozen=True)
class Objective:
    """Mean loss plus L2 penalty of a network.

    Parameters
    ----------
    network : Network
        Whose ``grad`` receives the gradient.
    loss : Loss
        Turns targets and scores into a value and deltas.
    alpha : float
        Strength of the penalty.
    smoothing : float
        Part of each class target that is spread over all classes; it may fade by
        ``schedule_factors["label_smoothing"]``.
    schedule_factors : dict
        Those of the run.
    """

    network: Network
    loss: Loss
    alpha: float = 0.0
    smoothing: float = 0.0
    schedule_factors: dict[str, float] = field(default_factory=dict)
    scratch: np.ndarray = field(init=False, repr=False)
    penalized: np.ndarray = field(init=False, repr=False)

    def __post_init__(self) -> None:
        weights = self.network.weights
        size = min(weights.size, BLOCK) if self.alpha else 0
        object.__setattr__(self, "scratch", np.empty(size, weights.dtype))
        object.__setattr__(self, "penalized", self.network.grad[: weights.size])

    def __call__(
        self,
        x: Any,
        target: np.ndarray,
        weight: np.ndarray | None,
        bound: Pass,
        total: Any = None,
    ) -> float:
        """Value for a batch; leaves the gradient in ``network.grad``.

        `total` stands for ``Σ wᵢ`` where a batch has to be divided by something else.
        Dividing the n weights by it, rather than the whole gradient at the end, saves
        a pass over all parameters and is the same up to rounding.
        """
        if weight is None:
            total = float(x.shape[-2]) if total is None else total
            share = 1.0 / total
        else:
            total = weight.sum(axis=-1, keepdims=True) if total is None else total
            share = weight / np.maximum(total, TINY).astype(weight.dtype)
            total = float(np.mean(total))
        value = self._propagate(x, target, share, bound)
        return value + self._penalize(total) / bound.n_members

    def accumulate(
        self,
        x: Any,
        target: np.ndarray,
        weight: np.ndarray | None,
        bind: Callable[[tuple[int, ...]], Pass],
        total: Any = None,
        *,
        size: int,
    ) -> float:
        """The same for a batch that is propagated `size` rows at a time.

        The gradients of the parts are added up, so that only a part needs room for its
        activations; `bind` makes a pass for the shape of a part.
        """
        n = x.shape[-2]
        if total is None:
            total = float(n) if weight is None else weight.sum(axis=-1, keepdims=True)
        grad, added, value = self.network.grad, self._added, 0.0
        added.fill(0)
        for start in range(0, n, size):
            rows = slice(start, start + size)
            x_part = x[rows] if x.ndim == 2 else x[:, rows]
            weight_part = None if weight is None else weight[..., rows]
            bound = bind(x_part.shape)
            value += self._loss_alone(x_part, target[..., rows, :], weight_part, bound, total)
            added += grad
        grad[...] = added
        return value + self._penalize(float(np.mean(total))) / bound.n_members

    @cached_property
    def _loss_alone(self) -> Objective:
        return replace(self, alpha=0.0)

    @cached_property
    def _added(self) -> np.ndarray:
        return np.empty_like(self.network.grad)

    def sums(
        self, x: Any, target: np.ndarray, weight: np.ndarray | None, bound: Pass
    ) -> tuple[float, float]:
        """``Σ wᵢ ℓᵢ`` and ``Σ wᵢ``; leaves the sum of the gradients, to be added up."""
        total = float(x.shape[0] if weight is None else weight.sum())
        return self._propagate(x, target, 1.0 if weight is None else weight, bound), total

    def finish(self, value: float, total: float) -> float:
        """Turn added-up `sums` into the value, and ``network.grad`` into its gradient."""
        self.network.grad[...] /= total
        return value / total + self._penalize(total)

    def _propagate(self, x: Any, target: np.ndarray, weight: Any, bound: Pass) -> float:
        scores = bound.forward(x)
        if self.smoothing > 0.0:
            epsilon = self.smoothing * self.schedule_factors.get("label_smoothing", 1.0)
            target = self.loss.smoothed(target, epsilon)
        value = self.loss.value_and_delta(target, scores, weight, bound.delta)
        bound.backward(bound.delta)
        return value / bound.n_members

    def _penalize(self, total: float) -> float:
        """``½ α ‖W‖² / Σw``, and its gradient ``α W / Σw`` onto ``network.grad``."""
        if self.alpha == 0.0:
            return 0.0
        W, rate = self.network.weights, self.alpha / total
        add_scaled(self.penalized, W, rate, self.scratch)
        return 0.5 * rate * float(np.dot(W, W))
