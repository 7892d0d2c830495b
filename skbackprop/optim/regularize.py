"""Gradient clipping, weight decay and soft thresholding.

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
    """Scale `grad` in place to the norm `max_norm`, if its norm is larger.

    Parameters
    ----------
    grad : ndarray of shape (n,)
        The gradient.
    max_norm : float or None
        The largest norm allowed; None: no limit.

    Returns
    -------
    norm : float
        The norm before.  If it is not finite the gradient is unchanged, and the caller can
        detect it.
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
    """``θ ← θ − amount · θ`` in place: decoupled weight decay.

    The training loop calls it before the step, on the weights only and with
    ``lr * weight_decay``; with Adam this is AdamW.  With one rate for each parameter the amount
    is a vector, too.
    """
    theta *= 1 - amount


def soft_threshold(weights: np.ndarray, amount: float | np.ndarray) -> None:
    """``w ← sign(w) · max(|w| − amount, 0)`` in place: the step of the penalty ``l1 Σ |w|``.

    Called after the step with ``lr * l1``.  Each weight moves towards zero by the same
    amount and stops at zero.  With steps along the derivative of ``|w|`` it would oscillate
    around zero.

    It is the proximal operator of the penalty, the ``v`` that minimizes
    ``½ ‖v - w‖² + amount ‖v‖₁``.  Parikh & Boyd, "Proximal algorithms" (2014).

    Parameters
    ----------
    weights : ndarray of shape (n,)
        The weights that are penalized.
    amount : float or ndarray of shape (n,)
        Not negative; one number, or one for each weight.
    """
    each = isinstance(amount, np.ndarray) and amount.ndim > 0
    limit = np.asarray(amount, weights.dtype) if each else float(amount)
    scratch = np.empty(min(BLOCK, weights.size), weights.dtype)
    for start in range(0, weights.size, BLOCK):
        part = weights[start : start + BLOCK]
        a = limit[start : start + BLOCK] if isinstance(limit, np.ndarray) else limit
        # It subtracts a or the weight itself: zeros are exact.
        part -= np.clip(part, -a, a, out=scratch[: part.size])
