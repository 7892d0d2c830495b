"""Losses for classes: minus the logarithm of the probability of the true class.

The delta of both is ``p - t``, prediction minus target: the derivative of the link cancels,
because the link is part of the loss.

>>> import numpy as np
>>> loss = MulticlassLogLoss()
>>> target, scores = np.array([[0.0, 1.0, 0.0]]), np.array([[0.0, 10_000.0, 0.0]])
>>> delta = np.empty_like(scores)
>>> loss.value_and_delta(target, scores, 1.0, out=delta)       # confident and right
0.0
>>> loss.value_and_delta(target, -scores, 1.0, out=delta)      # confident and wrong
10000.6931
>>> delta
array([[ 0.5, -1. ,  0.5]])
"""

from __future__ import annotations

from functools import cached_property
from itertools import accumulate, pairwise
from math import log
from typing import Any, ClassVar

import numpy as np
from scipy.special import expit, log_expit, logit

from ...params import frozen
from .base import Interval, Loss, log_mean_exp, per_row, shares, weighted_mean

# A class without rows gets this share, so that its score is finite.
SMALL_SHARE = float(np.finfo(np.float32).eps)
# Probabilities of lower scores do not change a step.  They would be denormal numbers, whose
# products take several times as long, and training of a confident network would become slow.
LOWEST = {np.dtype(t): t(0.7 * log(np.finfo(t).tiny)) for t in (np.float32, np.float64)}


@frozen
class BinaryLogLoss(Loss):
    """``ℓ = Σ log(1 + eˢ) - t s``, one score for each binary target.

    One column serves two classes, several columns serve multilabel targets.  The target
    is 0 or 1, or anything between (soft labels).
    """

    name: ClassVar[str] = "binary_log_loss"
    link: ClassVar[str] = "logistic"
    domain: ClassVar[Interval] = Interval(0, 1, low_inclusive=True, high_inclusive=True)
    advice: ClassVar[str] = "Encode the two classes as 0 and 1."

    def row_losses(self, target: np.ndarray, scores: np.ndarray, out: np.ndarray) -> np.ndarray:
        # Differs from scikit-learn: MLPClassifier clips the probability, so its loss is
        # at most 36; this one is not bounded, in agreement with its derivative.
        # log(1 + eˢ) - t s = [max(s, 0) - t s] + log(1 + exp(-|s|)): nothing overflows, and
        # a small loss keeps its digits, which logaddexp(0, s) - t s loses to cancellation.
        losses = np.maximum(scores, 0)
        losses -= np.multiply(target, scores, out=out)
        np.copysign(scores, -1, out=out)
        np.exp(out, out=out)
        losses += np.log1p(out, out=out)
        expit(np.maximum(scores, LOWEST[scores.dtype], out=out), out=out)
        np.subtract(out, target, out=out)
        return per_row(losses)

    def predict(self, scores: np.ndarray) -> np.ndarray:
        """Probability of the class 1."""
        return np.asarray(expit(scores))

    def log_predict(self, scores: np.ndarray) -> np.ndarray:
        """Log-probability of the class 1; that of the class 0 is ``log_predict(-scores)``."""
        return np.asarray(log_expit(scores))

    def combine(self, scores: np.ndarray) -> np.ndarray:
        """The log-odds of the mean probability."""
        # The means of both probabilities, so that neither is 1 minus a number near 1.
        log_odds = log_mean_exp(log_expit(scores))
        log_odds -= log_mean_exp(log_expit(-scores))
        return log_odds

    def combine_backward(self, scores: np.ndarray, d: np.ndarray) -> np.ndarray:
        # The shares of the member in the mean probabilities of class 1 and of class 0.
        log_p, log_q = log_expit(scores), log_expit(-scores)
        share: np.ndarray = shares(log_p) * np.exp(log_q) + shares(log_q) * np.exp(log_p)
        share *= d
        return share

    def smoothed(self, target: np.ndarray, epsilon: float) -> np.ndarray:
        """``t + ε (½ - t)``."""
        return smooth(target, epsilon, 2)

    def constant(self, target: np.ndarray, weight: Any) -> np.ndarray:
        share = np.clip(weighted_mean(target, weight), SMALL_SHARE, 1 - SMALL_SHARE)
        return np.asarray(logit(share))


def smooth(target: np.ndarray, epsilon: float, n_classes: int) -> np.ndarray:
    """Spread the part `epsilon` of each target evenly over the classes.

    Szegedy, Vanhoucke, Ioffe, Shlens & Wojna, "Rethinking the inception architecture for
    computer vision" (2016).
    """
    return target * (1 - epsilon) + epsilon / n_classes


def _shift(scores: np.ndarray) -> Any:
    """What to subtract from the scores before exp, so that nothing overflows or vanishes.

    The largest score of each row is always possible.  The largest of all is found five times
    faster, and is enough if the scores are close together.
    """
    top = scores.max()
    if top - scores.min() < 50:
        return top
    return scores.max(axis=-1, keepdims=True)


@frozen
class MulticlassLogLoss(Loss):
    """``ℓ = log Σₖ exp sₖ - Σₖ tₖ sₖ``, one score for each class.

    The target is one-hot, or any row of shares that add up to 1 (soft labels).
    """

    name: ClassVar[str] = "multiclass_log_loss"
    link: ClassVar[str] = "softmax"
    domain: ClassVar[Interval] = Interval(0, 1, low_inclusive=True, high_inclusive=True)
    advice: ClassVar[str] = "Encode the classes as one column each, 1 in the column of the class."

    def row_losses(self, target: np.ndarray, scores: np.ndarray, out: np.ndarray) -> np.ndarray:
        # Differs from scikit-learn: no probability of the value is clipped, see BinaryLogLoss.
        np.subtract(scores, _shift(scores), out=out)
        chosen = np.vecdot(target, out)
        np.exp(np.maximum(out, LOWEST[out.dtype], out=out), out=out)
        total = np.dot(out, np.ones(out.shape[-1], out.dtype))  # faster than sum(axis=-1)
        np.divide(out, total[..., None], out=out)
        np.subtract(out, target, out=out)
        losses: np.ndarray = np.log(total, out=total)
        losses -= chosen
        return losses

    def predict(self, scores: np.ndarray) -> np.ndarray:
        """Probability of each class."""
        p: np.ndarray = scores - scores.max(axis=-1, keepdims=True)
        np.exp(p, out=p)
        p /= p.sum(axis=-1, keepdims=True)
        return p

    def log_predict(self, scores: np.ndarray) -> np.ndarray:
        """Log-probability of each class."""
        log_p: np.ndarray = scores - scores.max(axis=-1, keepdims=True)
        log_p -= np.log(np.exp(log_p).sum(axis=-1, keepdims=True))
        return log_p

    def combine(self, scores: np.ndarray) -> np.ndarray:
        """The logarithm of the mean probability of each class."""
        return log_mean_exp(self.log_predict(scores))

    def combine_backward(self, scores: np.ndarray, d: np.ndarray) -> np.ndarray:
        log_p = self.log_predict(scores)
        e = shares(log_p)
        e *= d
        e -= np.exp(log_p) * e.sum(axis=-1, keepdims=True)
        return e

    def smoothed(self, target: np.ndarray, epsilon: float) -> np.ndarray:
        """``t + ε (1 / K - t)``."""
        return smooth(target, epsilon, target.shape[-1])

    def constant(self, target: np.ndarray, weight: Any) -> np.ndarray:
        share: np.ndarray = np.maximum(weighted_mean(target, weight), SMALL_SHARE)
        np.log(share, out=share)
        return share

    def check_target(self, target: np.ndarray) -> None:
        super().check_target(target)
        total = target.sum(axis=1)
        worst = total[np.argmax(np.abs(total - 1))]
        if abs(worst - 1) > 1e-3:
            raise ValueError(
                f"loss={self.name!r} needs rows of y that add up to 1, got a row that adds up "
                f"to {worst}. {self.advice}"
            )


@frozen
class Heads(Loss):
    """Several losses side by side, each on its own columns: ``ℓ = Σₕ ℓₕ``.

    For several multiclass targets.

    Parameters
    ----------
    losses : tuple of Loss
        One for each head.
    sizes : tuple of int
        How many columns of the target belong to each head.

    Examples
    --------
    >>> color_and_size = Heads((MulticlassLogLoss(), MulticlassLogLoss()), (3, 2))
    >>> color_and_size.predict(np.zeros((1, 5))).round(3)
    array([[0.333, 0.333, 0.333, 0.5  , 0.5  ]])
    """

    losses: tuple[Any, ...]
    sizes: tuple[int, ...]
    link: ClassVar[str] = "softmax"

    def __post_init__(self) -> None:
        if len(self.losses) != len(self.sizes):
            raise ValueError(
                f"Heads needs one size for each loss, got {len(self.losses)} losses and "
                f"{len(self.sizes)} sizes. Give as many of the one as of the other."
            )

    @cached_property
    def blocks(self) -> list[tuple[Any, slice, slice]]:
        """Each loss with its columns of the target and its columns of the scores."""
        widths = [loss.n_scores(n) for loss, n in zip(self.losses, self.sizes, strict=True)]
        return list(zip(self.losses, _slices(self.sizes), _slices(widths), strict=True))

    def n_scores(self, n_targets: int) -> int:
        return sum(loss.n_scores(n) for loss, n in zip(self.losses, self.sizes, strict=True))

    def value_and_delta(
        self, target: np.ndarray, scores: np.ndarray, weight: Any, out: np.ndarray
    ) -> float:
        total = 0.0
        for loss, t, s in self.blocks:
            total += loss.value_and_delta(target[..., t], scores[..., s], weight, out[..., s])
        return total

    def predict(self, scores: np.ndarray) -> np.ndarray:
        """The predictions of all heads, side by side."""
        return np.concatenate([loss.predict(scores[..., s]) for loss, _, s in self.blocks], -1)

    def log_predict(self, scores: np.ndarray) -> np.ndarray:
        """The log-probabilities of all heads, side by side."""
        return np.concatenate([loss.log_predict(scores[..., s]) for loss, _, s in self.blocks], -1)

    def combine(self, scores: np.ndarray) -> np.ndarray:
        """Every head combines its own columns."""
        return np.concatenate([loss.combine(scores[..., s]) for loss, _, s in self.blocks], -1)

    def combine_backward(self, scores: np.ndarray, d: np.ndarray) -> np.ndarray:
        """Every head on its own columns."""
        parts = [loss.combine_backward(scores[..., s], d[..., s]) for loss, _, s in self.blocks]
        return np.concatenate(parts, -1)

    def smoothed(self, target: np.ndarray, epsilon: float) -> np.ndarray:
        """The targets of all heads, each smoothed by its loss."""
        parts = [loss.smoothed(target[..., t], epsilon) for loss, t, _ in self.blocks]
        return np.concatenate(parts, -1)

    def constant(self, target: np.ndarray, weight: Any) -> np.ndarray:
        return np.concatenate([loss.constant(target[:, t], weight) for loss, t, _ in self.blocks])

    def check_target(self, target: np.ndarray) -> None:
        for head, (loss, t, _) in enumerate(self.blocks):
            try:
                loss.check_target(target[:, t])
            except ValueError as error:
                raise ValueError(f"Output {head}: {error}") from error


def _slices(widths: Any) -> list[slice]:
    return [slice(start, stop) for start, stop in pairwise(accumulate(widths, initial=0))]
