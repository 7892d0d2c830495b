"""What a loss is.

The output of a network are raw *scores*: any real numbers.  A loss computes its value for
scores and a target, and the derivative with respect to the scores, in one method.  The *link*
from scores to predictions is part of the loss: logarithm and exponential then cancel in the
formula and do not overflow.

======================  ===========  ========================================  =============
loss                    link         ``ℓ`` for target ``t``, score ``s``       ``∂ℓ/∂s``
======================  ===========  ========================================  =============
HalfSquaredError        identity     ``½ (s - t)²``                            ``s - t``
AbsoluteError           identity     ``|s - t|``                               ``±1``
Huber                   identity     ``½ (s - t)²``, linear above              ``clip(s - t)``
Pinball                 identity     ``q (t - s)`` or ``(1 - q)(s - t)``       ``-q, 1 - q``
HalfPoissonDeviance     exp          ``eˢ - t s + (t log t - t)``              ``eˢ - t``
HalfGammaDeviance       exp          ``s + t e⁻ˢ - (log t + 1)``               ``1 - t e⁻ˢ``
HalfTweedieDeviance     exp          between the two above                     in class
BinaryLogLoss           logistic     ``log(1 + eˢ) - t s``                     ``p - t``
MulticlassLogLoss       softmax      ``log Σₖ exp sₖ - Σₖ tₖ sₖ``              ``p - t``
======================  ===========  ========================================  =============

A row of several outputs costs the sum over its outputs, and a batch costs the weighted
sum over its rows: sums are additive over rows, members and chunks.  For a mean the weights
are divided by their sum.

>>> import numpy as np
>>> from skbackprop.nn.losses import LOSSES
>>> loss = LOSSES["binary_log_loss"]
>>> target, scores = np.array([[1.0], [0.0]]), np.array([[0.0], [0.0]])
>>> delta = np.empty_like(scores)
>>> round(loss.value_and_delta(target, scores, 1.0, out=delta), 4)     # 2 log 2
1.3863
>>> delta
array([[-0.5],
       [ 0.5]])
>>> loss.predict(scores)
array([[0.5],
       [0.5]])

Shapes
------
=============  ==================================================================
``target``     ``(n, m)`` floats: one-hot for several classes, 0/1 for two classes
               (``m = 1``) and for multilabel, numbers for regression
``scores``     ``(n, n_scores(m))``, or ``(k, n, n_scores(m))`` for `k` members,
               which have the same target or, ``(k, n, m)``, their own
``weight``     a float for all rows, or an array ``(n,)``, or ``(k, n)``
``out``        like `scores`, and never the same memory
=============  ==================================================================

The dtype of `scores` is the dtype of everything of its size.

A loss of your own
------------------
A subclass of `Loss` needs one method, `Loss.row_losses`; weights, sums and the defaults of a
regression loss are in the base class.  Any other object needs ``value_and_delta`` and
``predict``: `as_loss` adds the rest.

>>> class LogCosh(Loss):
...     def row_losses(self, target, scores, out):
...         residual = scores - target
...         np.tanh(residual, out=out)
...         return np.log(np.cosh(residual)).sum(axis=-1)
>>> round(LogCosh().value_and_delta(target, scores, 2.0, out=delta), 4)
0.8676
"""

from __future__ import annotations

from inspect import signature
from math import inf
from typing import Any, ClassVar

import numpy as np

from ...params import Frozen, frozen


@frozen
class Interval(Frozen):
    """The numbers that a target may take.

    >>> counts = Interval(0, low_inclusive=True)
    >>> str(counts)
    'y >= 0'
    >>> counts.includes(np.array([0.0, 7.0]))
    True
    >>> str(Interval(0, 1, low_inclusive=True, high_inclusive=True))
    '0 <= y <= 1'
    """

    low: float = -inf
    high: float = inf
    low_inclusive: bool = False
    high_inclusive: bool = False

    def includes(self, array: np.ndarray) -> bool:
        """Are all the numbers in the interval?  NaN never is."""
        return self._above_low(array.min()) and self._below_high(array.max())

    def describe_outlier(self, array: np.ndarray) -> str:
        """The extreme that is outside: ``"min(y) = -2.0"``."""
        smallest, largest = float(array.min()), float(array.max())
        if self._above_low(smallest):
            return f"max(y) = {largest}"
        return f"min(y) = {smallest}"

    def _above_low(self, value: Any) -> bool:
        return bool(value >= self.low if self.low_inclusive else value > self.low)

    def _below_high(self, value: Any) -> bool:
        return bool(value <= self.high if self.high_inclusive else value < self.high)

    def __str__(self) -> str:
        if self.low == -inf and self.high == inf:
            return "finite y"
        left = "" if self.low == -inf else f"{self.low} {'<=' if self.low_inclusive else '<'} "
        right = "" if self.high == inf else f" {'<=' if self.high_inclusive else '<'} {self.high}"
        if left and not right:  # "y >= 0" is read faster than "0 <= y"
            return f"y {'>=' if self.low_inclusive else '>'} {self.low}"
        return f"{left}y{right}"


@frozen
class Loss(Frozen):
    """Base of all losses: a regression loss on the scores themselves.

    Attributes
    ----------
    name : str
        Key in `LOSSES`, used in messages.
    link : str
        Name of the function from scores to predictions.
    domain : Interval
        The legal targets.
    advice : str
        What to do about an illegal target, for the error message.
    """

    name: ClassVar[str] = ""
    link: ClassVar[str] = "identity"
    domain: ClassVar[Interval] = Interval()
    advice: ClassVar[str] = "Remove or impute the rows with missing or infinite y."

    def row_losses(self, target: np.ndarray, scores: np.ndarray, out: np.ndarray) -> np.ndarray:
        """Return ``ℓᵢ`` for every row, ``(..., n)``, and write ``∂ℓᵢ/∂scores`` to `out`."""
        raise NotImplementedError(
            f"A loss needs row_losses or value_and_delta, {type(self).__name__} has neither. "
            "Define one of them."
        )

    def value_and_delta(
        self, target: np.ndarray, scores: np.ndarray, weight: Any, out: np.ndarray
    ) -> float:
        """Return ``Σ wᵢ ℓᵢ`` and write ``wᵢ ∂ℓᵢ/∂scores`` to `out`."""
        losses = self.row_losses(target, scores, out)
        if isinstance(weight, np.ndarray):
            np.multiply(out, weight[..., None], out=out)
            losses = losses * weight
            weight = 1.0
        elif weight != 1:
            np.multiply(out, weight, out=out)
        # One number per row is cheap to add in double precision.  Rejected: a dot product
        # with the weights, which BLAS spreads over threads that cost more than they add.
        return float(np.add.reduce(losses, axis=None, dtype=np.float64) * weight)

    def n_scores(self, n_targets: int) -> int:
        """How many columns of scores a target of `n_targets` columns needs."""
        return n_targets

    def predict(self, scores: np.ndarray) -> np.ndarray:
        """The predictions for scores: the inverse link.  May return `scores` itself."""
        return scores

    def combine(self, scores: np.ndarray) -> np.ndarray:
        """The scores, ``(n, m)``, that predict the mean prediction of `k` members, ``(k, n, m)``.

        ``predict(combine(scores)) == predict(scores).mean(axis=0)``: a mean of the scores
        themselves, right for the identity link, is a geometric mean under a log link.
        """
        mean: np.ndarray = scores.mean(axis=0)
        return mean

    def combine_backward(self, scores: np.ndarray, d: np.ndarray) -> np.ndarray:
        """Turn the delta `d` of `combine`, ``(n, m)``, into that of its input, ``(k, n, m)``."""
        if getattr(self.combine, "__func__", None) is not Loss.combine:
            owner = type(getattr(self.combine, "__self__", self)).__name__
            raise ValueError(
                f"The derivative of combine is needed, and {owner!r} defines combine without it. "
                "Define combine_backward(scores, d)."
            )
        return np.repeat(d[None] / len(scores), len(scores), axis=0)

    def smoothed(self, target: np.ndarray, epsilon: float) -> np.ndarray:
        """The target with the part `epsilon` spread over all classes; for class losses only."""
        raise ValueError(
            f"label_smoothing needs a loss for classes, got {self.name or type(self).__name__!r}. "
            "Set label_smoothing=0."
        )

    def constant(self, target: np.ndarray, weight: Any) -> np.ndarray:
        """The constant scores of the smallest loss, ``(n_scores,)``."""
        return np.zeros(self.n_scores(target.shape[1]))

    def check_target(self, target: np.ndarray) -> None:
        """Raise ValueError, with advice, if a target is not legal."""
        if not self.domain.includes(target):
            raise ValueError(
                f"loss={self.name or type(self).__name__!r} needs {self.domain}, "
                f"got {self.domain.describe_outlier(target)}. {self.advice}"
            )


REQUIRED = {"value_and_delta": 4, "predict": 1}  # methods, and how many arguments they get
OPTIONAL = (
    "advice", "check_target", "combine", "combine_backward", "constant", "domain", "link",
    "log_predict", "n_scores", "name", "smoothed",
)  # fmt: skip


def as_loss(loss: Any) -> Loss:
    """A loss object with all methods of `Loss`; what is missing gets its default.

    Parameters
    ----------
    loss : object
        A `Loss`, which is returned as it is, or any object with
        ``value_and_delta(target, scores, weight, out)`` and ``predict(scores)``.  Such an
        object gets the rows of one member at a time.

    Returns
    -------
    Loss
        The loss itself, or a `LossAdapter` of it.

    Raises
    ------
    ValueError
        If a required method is missing, or cannot be called with its arguments.

    Examples
    --------
    >>> class Quartic:
    ...     def value_and_delta(self, target, scores, weight, out):
    ...         np.multiply(np.reshape(weight, (-1, 1)), (scores - target) ** 3, out=out)
    ...         return float(np.sum(out * (scores - target)) / 4)
    ...     def predict(self, scores):
    ...         return scores
    >>> loss = as_loss(Quartic())
    >>> loss.combine(np.array([[[1.0]], [[3.0]]])), loss.n_scores(2), loss.link
    (array([[2.]]), 2, 'identity')
    """
    kind = type(loss)
    if isinstance(loss, Loss):
        if kind.row_losses is Loss.row_losses and kind.value_and_delta is Loss.value_and_delta:
            raise ValueError(
                f"A loss needs row_losses or value_and_delta, {kind.__name__} has neither. "
                "Define one of them."
            )
        return loss
    for name, n_arguments in REQUIRED.items():
        method = getattr(loss, name, None)
        if not callable(method):
            raise ValueError(
                f"A loss needs the methods {' and '.join(REQUIRED)}, {kind.__name__} has no "
                f"{name}. Define it, or derive from skbackprop.nn.losses.Loss."
            )
        try:
            signature(method).bind(*range(n_arguments))
        except TypeError as error:
            raise ValueError(
                f"{name} of {kind.__name__} must take {n_arguments} arguments ({error}). The "
                "methods are value_and_delta(target, scores, weight, out) and predict(scores)."
            ) from error
    return LossAdapter(loss)


@frozen
class LossAdapter(Loss):
    """An object that does not derive from `Loss`, with the defaults of `Loss`."""

    loss: Any

    def __post_init__(self) -> None:
        for name in OPTIONAL:
            if hasattr(self.loss, name):
                object.__setattr__(self, name, getattr(self.loss, name))

    def value_and_delta(
        self, target: np.ndarray, scores: np.ndarray, weight: Any, out: np.ndarray
    ) -> float:
        if scores.ndim == 2:
            return float(self.loss.value_and_delta(target, scores, weight, out))
        total = 0.0
        for k in range(len(scores)):
            t = target[k] if target.ndim == 3 else target
            w = weight[k] if np.ndim(weight) == 2 else weight
            total += self.loss.value_and_delta(t, scores[k], w, out[k])
        return float(total)

    def predict(self, scores: np.ndarray) -> np.ndarray:
        if scores.ndim == 2:
            return np.asarray(self.loss.predict(scores))
        return np.stack([self.loss.predict(part) for part in scores])


def per_row(losses: np.ndarray) -> np.ndarray:
    """Add up the losses of the outputs of every row."""
    total: np.ndarray = losses[..., 0] if losses.shape[-1] == 1 else losses.sum(axis=-1)
    return total


def log_mean_exp(members: np.ndarray) -> np.ndarray:
    """``log(mean(exp(a)))`` over the first axis, without an exponential that overflows.

    The largest member is factored out, so no argument of ``exp`` is above 0.

    >>> log_mean_exp(np.array([[-1e4, 0.0], [-1e4, 1e4]])).round(4)
    array([-10000.    ,   9999.3069])
    """
    top = members.max(axis=0)
    below = members - top
    mean: np.ndarray = np.add.reduce(np.exp(below, out=below), axis=0)
    mean /= len(members)
    np.log(mean, out=mean)
    mean += top
    return mean


def shares(members: np.ndarray) -> np.ndarray:
    """The derivative of `log_mean_exp`: ``exp(a)`` divided by its sum over the first axis.

    >>> shares(np.array([[0.0, -1e4], [0.0, 1e4]]))
    array([[0.5, 0. ],
           [0.5, 1. ]])
    """
    share: np.ndarray = np.exp(members - members.max(axis=0))
    share /= share.sum(axis=0)
    return share


def weighted_mean(target: np.ndarray, weight: Any) -> np.ndarray:
    """Mean of every column, added in double precision."""
    weights = np.asarray(weight, np.float64) if isinstance(weight, np.ndarray) else None
    mean: np.ndarray = np.average(target.astype(np.float64), axis=0, weights=weights)
    return mean
