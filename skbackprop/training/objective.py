r"""The function that every solver minimizes.

With weights :math:`w_i` of the rows (1 if none are given) and :math:`W` all entries
of ``theta`` that are penalized::

    L(θ) = ( Σᵢ wᵢ ℓ(tᵢ, scores(xᵢ; θ)) + ½ α ‖W‖² ) / Σᵢ wᵢ

It is scikit-learn's objective for the same batch.  ``k`` members in one stack have the sum
of their objectives, so that each gets the gradient that it would get alone; the value is
their mean.  The stochastic loop, L-BFGS and gradient accumulation all call it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field
from typing import Any

import numpy as np

from ..nn.losses import Loss
from ..nn.network import Network, Pass
from ..params import Frozen, frozen
from .batches import Rows

BLOCK = 2**16  # elements of a temporary: so many stay in the cache
TINY = float(np.finfo(np.float32).tiny)  # the weights of a member may all be 0 in a batch


@frozen
class Objective(Frozen):
    """Mean loss plus L2 penalty of a network.

    Parameters
    ----------
    network : Network
        Its ``grad`` receives the gradient.
    loss : Loss
        Turns targets and scores into a value and deltas.
    alpha : float
        Strength of the penalty.
    label_smoothing : float
        Part of each class target that is spread over all classes.  The factor
        ``schedule_factors["label_smoothing"]`` multiplies it.
    schedule_factors : dict
        Those of the run.
    mean_weight : float or None
        Mean weight of the training rows.  It takes the place of ``Σ w`` in a batch of one
        row, from which the weight would cancel.
    """

    network: Network
    loss: Loss
    alpha: float = 0.0
    label_smoothing: float = 0.0
    schedule_factors: dict[str, float] = field(default_factory=dict)
    mean_weight: float | None = None
    blocks: list[tuple[np.ndarray, ...]] = field(init=False, repr=False)  # for `penalize`

    def __post_init__(self) -> None:
        W, grad = self.network.weights, self.network.grad
        n = W.size if self.alpha else 0
        scratch, blocks = np.empty(min(n, BLOCK), W.dtype), []
        for start in range(0, n, BLOCK):
            part = slice(start, min(start + BLOCK, n))
            blocks.append((grad[part], W[part], scratch[: part.stop - start]))
        object.__setattr__(self, "blocks", blocks)

    def __call__(self, rows: Rows, bound: Pass) -> float:
        """Value for a batch; leaves the gradient in ``network.grad``."""
        n = rows.x.shape[-2]
        share, total = (1.0 / n, float(n)) if rows.weight is None else shares(rows)
        if n == 1 and self.mean_weight is not None:
            # Differs from scikit-learn, where the weight cancels.
            share = rows.weight / rows.target.dtype.type(self.mean_weight)
        value = self.propagate(rows, share, bound)
        if self.alpha:
            value += self.penalize(total) / bound.n_members
        return value

    def propagate(self, rows: Rows, share: Any, bound: Pass) -> float:
        """``Σ share · ℓ`` of the rows; leaves its gradient in ``network.grad``."""
        x, target, _ = rows
        scores = bound.forward(x)
        if self.label_smoothing:
            factor = self.schedule_factors.get("label_smoothing", 1.0)
            target = self.loss.smoothed(target, self.label_smoothing * factor)
        value = self.loss.value_and_delta(target, scores, share, bound.delta)
        bound.backward(bound.delta)
        return value / bound.n_members

    def penalize(self, total: float) -> float:
        """``½ α ‖W‖² / Σw``; adds its gradient ``α W / Σw`` to ``network.grad``."""
        W, rate = self.network.weights, self.alpha / total
        # Rejected: BLAS's axpy.  SciPy and NumPy have a BLAS each, and the two pools of threads
        # wait for each other: the next product took three times as long.
        for grad, part, product in self.blocks:
            np.add(grad, np.multiply(part, rate, out=product), out=grad)
        return 0.5 * rate * float(np.dot(W, W))

    def accumulate(
        self, rows: Rows, bind: Callable[[tuple[int, ...]], Pass], micro_batch_size: int
    ) -> float:
        """The same value and gradient, with `micro_batch_size` rows in memory at a time.

        The gradients of the micro-batches are added up.  `bind` makes the pass for the shape
        of one of them.
        """
        share, total = shares(rows)
        added = np.zeros_like(self.network.grad)
        value = self.add_gradients(rows, share, bind, micro_batch_size, added)
        self.network.grad[...] = added
        if self.alpha:
            first = rows.part(slice(0, micro_batch_size))
            value += self.penalize(total) / bind(first.x.shape).n_members
        return value

    def add_gradients(
        self,
        rows: Rows,
        share: Any,
        bind: Callable[[tuple[int, ...]], Pass],
        micro_batch_size: int,
        added: np.ndarray,
    ) -> float:
        """Add the gradient of ``Σ share · ℓ`` to `added`, and return the sum."""
        value = 0.0
        for start in range(0, rows.n, micro_batch_size):
            index = slice(start, start + micro_batch_size)
            part = rows.part(index)
            share_part = share[..., index] if isinstance(share, np.ndarray) else share
            value += self.propagate(part, share_part, bind(part.x.shape))
            added += self.network.grad
        return value


def shares(rows: Rows) -> tuple[Any, float]:
    """The share ``wᵢ / Σw`` of each row in its batch, and ``Σw`` (the mean over members).

    To divide the n weights, and not the whole gradient at the end, saves a pass over all
    parameters.
    """
    if rows.weight is None:
        return 1.0 / rows.n, float(rows.n)
    total = rows.weight.sum(axis=-1, keepdims=True)
    share = rows.weight / np.maximum(total, TINY).astype(rows.weight.dtype)
    return share, float(np.mean(total))
