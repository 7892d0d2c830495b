"""Three verbs beside the step: clip the gradient, let weights decay, set some to zero.

>>> import numpy as np
>>> grad = np.array([3.0, 4.0])
>>> clip_norm(grad, 1.0), grad
(5.0, array([0.6, 0.8]))
>>> weights = np.array([1.0, -2.0])
>>> decay(weights, 0.5)
>>> weights
array([ 0.5, -1. ])
>>> soft_threshold(weights, 0.75)
>>> weights
array([ 0.  , -0.25])
"""

from __future__ import annotations

from math import inf, isfinite

import numpy as np

from .base import BLOCK


def clip_norm(grad: np.ndarray, max_norm: float | None = None) -> float:
    """Shorten `grad` in place to the length `max_norm`, if it is longer.

    Parameters
    ----------
    grad : ndarray of shape (n,)
        The gradient.
    max_norm : float or None
        The greatest length allowed; None changes nothing.

    Returns
    -------
    norm : float
        The length before.  If it is not finite the gradient stays as it is, for the
        caller to see.
    """
    with np.errstate(over="ignore"):
        norm = float(np.sqrt(np.dot(grad, grad)))
    if norm == inf and np.isfinite(grad).all():  # only the squares overflowed
        largest = float(np.abs(grad).max())
        norm = largest * float(np.linalg.norm(grad / largest))
    if max_norm is not None and max_norm < norm and isfinite(norm):
        grad *= max_norm / norm
    return norm


def decay(theta: np.ndarray, amount: float | np.ndarray) -> None:
    """``θ ← θ − amount · θ`` in place: weight decay that no optimizer rescales.

    Called before the step, on the weights only and with ``lr * weight_decay``, it
    makes AdamW out of Adam.  That number is `Optimizer.weight_decay`, and with many rates
    the amount is a vector, too.
    """
    theta *= 1 - amount


def soft_threshold(weights: np.ndarray, amount: float | np.ndarray) -> None:
    """``w ← sign(w) · max(|w| − amount, 0)`` in place: the step of the penalty ``l1 Σ |w|``.

    Called after the step with ``lr * l1``.  Each weight moves towards zero by the same
    amount, and one that would cross zero stays there: following the derivative of
    ``|w|`` instead it would jump to and fro and never be zero.

    It is the proximal operator of the penalty, the ``v`` that minimizes
    ``½ ‖v - w‖² + amount ‖v‖₁``.  Parikh & Boyd, "Proximal algorithms" (2014).

    Parameters
    ----------
    weights : ndarray of shape (n,)
        What is penalized.
    amount : float or ndarray of shape (n,)
        Not negative; one for all or, with many rates, one for each.
    """
    each = isinstance(amount, np.ndarray) and amount.ndim > 0
    limit = np.asarray(amount, weights.dtype) if each else float(amount)
    scratch = np.empty(min(BLOCK, weights.size), weights.dtype)
    for start in range(0, weights.size, BLOCK):
        part = weights[start : start + BLOCK]
        a = limit[start : start + BLOCK] if isinstance(limit, np.ndarray) else limit
        # What is taken away is a itself or all there is: zeros come out exactly.
        part -= np.clip(part, -a, a, out=scratch[: part.size])
