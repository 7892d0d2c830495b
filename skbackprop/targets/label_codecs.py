"""From labels to the target of a network, and from its scores to labels and probabilities."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

import numpy as np
from sklearn.metrics import accuracy_score

from ..nn.losses import BinaryLogLoss, Heads, Loss, MulticlassLogLoss


@dataclass(frozen=True)
class LabelCodec:
    """One label per row; two classes need one score, K ≠ 2 need K."""

    classes: np.ndarray

    @property
    def n_classes(self) -> int:
        return len(self.classes)

    @property
    def n_targets(self) -> int:
        k = len(self.classes)
        return 1 if k == 2 else k

    @property
    def loss(self) -> Loss:
        return BinaryLogLoss() if len(self.classes) == 2 else MulticlassLogLoss()

    def encode(self, y: np.ndarray, dtype: np.dtype) -> np.ndarray:
        """(n,) labels → (n, n_targets) zeros and ones."""
        codes = np.searchsorted(self.classes, y)
        if len(self.classes) == 2:
            return codes[:, None].astype(dtype)
        return (codes[:, None] == np.arange(len(self.classes))).astype(dtype)

    def counted(
        self, target: np.ndarray, weight: np.ndarray | None, before: np.ndarray | None
    ) -> np.ndarray:
        """Rows of each class by weight, added to those counted before."""
        normalizer = np.ones(len(target)) if weight is None else weight
        counts = normalizer @ self._one_hot(target)
        return counts if before is None else before + counts

    def balance(self, target: np.ndarray, counts: np.ndarray) -> np.ndarray:
        """Factors of the rows with which each class has the same total weight."""
        present = counts > 0
        factor = np.ones(len(counts))
        factor[present] = counts.sum() / (present.sum() * counts[present])
        return (self._one_hot(target) @ factor).astype(target.dtype)

    def _one_hot(self, target: np.ndarray) -> np.ndarray:
        return np.hstack([1 - target, target]) if len(self.classes) == 2 else target

    def stratify(self, target: np.ndarray) -> np.ndarray:
        """What a stratified split looks at."""
        return target.astype(bool) if target.shape[1] == 1 else target.argmax(axis=1)

    def decode(self, scores: np.ndarray) -> np.ndarray:
        """The label of the largest score."""
        if len(self.classes) == 2:
            return self.classes[(scores[:, 0] > 0).astype(int)]
        return self.classes[scores.argmax(axis=1)]

    def probabilities(self, scores: np.ndarray, loss: Loss, *, log: bool) -> np.ndarray:
        """(n, K), columns in the order of ``classes``."""
        if len(self.classes) == 1:
            return np.zeros_like(scores) if log else np.ones_like(scores)
        if len(self.classes) > 2:
            return _probabilities(scores, loss.predict(scores), loss, log=log)
        both = np.concatenate([-scores, scores], axis=1)
        return _probabilities(both, loss.predict(both), loss, log=log)

    def decision(self, scores: np.ndarray) -> np.ndarray:
        return scores[:, 0] if self.n_targets == 1 else scores

    def score(self, target: np.ndarray, scores: np.ndarray, weight: np.ndarray | None) -> float:
        """Accuracy."""
        if target.shape[1] == 1:
            hits = (scores[:, 0] > 0) == (target[:, 0] > 0)
        else:
            hits = scores.argmax(axis=1) == target.argmax(axis=1)
        return float(np.average(hits, weights=weight))


def _probabilities(scores: np.ndarray, p: np.ndarray, loss: Loss, *, log: bool) -> np.ndarray:
    """Probabilities strictly between 0 and 1, or their logarithms.

    Where a probability is too small to be a number, its logarithm still is one: it comes
    from the scores then, and orders the probabilities, which are moved a little above 0.
    """
    limits = np.finfo(p.dtype)
    p = np.minimum(p, 1 - limits.epsneg)
    lost = p < limits.tiny
    if not lost.any():
        return np.log(p) if log else p
    exact = loss.log_predict(scores)[lost]
    if log:
        p[lost] = 1.0
        log_p = np.log(p)
        log_p[lost] = exact
        return log_p
    p[lost] = limits.tiny / (1 + np.log(limits.tiny) - exact)
    return p


@dataclass(frozen=True)
class MultilabelCodec:
    """An indicator matrix: every column is a question of its own."""

    n_targets: int
    n_classes: ClassVar[int] = 1

    @property
    def classes(self) -> np.ndarray:
        return np.arange(self.n_targets)

    @property
    def loss(self) -> Loss:
        return BinaryLogLoss()

    def encode(self, y: np.ndarray, dtype: np.dtype) -> np.ndarray:
        return np.asarray(y).astype(dtype, order="C")

    def stratify(self, target: np.ndarray) -> None:
        """Indicator matrices are split at random, as in scikit-learn."""
        return None

    def decode(self, scores: np.ndarray) -> np.ndarray:
        return (scores > 0).astype(int)

    def probabilities(self, scores: np.ndarray, loss: Loss, *, log: bool) -> np.ndarray:
        return _probabilities(scores, loss.predict(scores), loss, log=log)

    def decision(self, scores: np.ndarray) -> np.ndarray:
        return scores

    def score(self, target: np.ndarray, scores: np.ndarray, weight: np.ndarray | None) -> float:
        """Share of the rows with every label right."""
        return float(accuracy_score(target > 0, scores > 0, sample_weight=weight))


@dataclass(frozen=True)
class HeadsCodec:
    """Several columns of labels: a head of the network for each."""

    heads: tuple[LabelCodec, ...]
    n_classes: ClassVar[int] = 1

    @property
    def n_targets(self) -> int:
        return sum(head.n_targets for head in self.heads)

    @property
    def classes(self) -> list[np.ndarray]:
        return [head.classes for head in self.heads]

    @property
    def loss(self) -> Loss:
        return Heads(
            tuple(head.loss for head in self.heads), tuple(head.n_targets for head in self.heads)
        )

    def encode(self, y: np.ndarray, dtype: np.dtype) -> np.ndarray:
        return np.hstack(
            [h.encode(column, dtype) for h, column in zip(self.heads, y.T, strict=True)]
        )

    def stratify(self, target: np.ndarray) -> None:
        """Several columns cannot all be stratified: split at random."""
        return None

    def split(self, scores: np.ndarray) -> list[np.ndarray]:
        """The scores of each head."""
        ends = np.cumsum([0, *(head.n_targets for head in self.heads)])
        return [scores[:, a:b] for a, b in pairwise(ends)]

    def decode(self, scores: np.ndarray) -> np.ndarray:
        columns = [h.decode(s) for h, s in zip(self.heads, self.split(scores), strict=True)]
        return np.stack(columns, axis=1)

    def probabilities(self, scores: np.ndarray, loss: Loss, *, log: bool) -> list[np.ndarray]:
        """A list with (n, K) for each head, as forests return it."""
        return [
            head.probabilities(part, head.loss, log=log)
            for head, part in zip(self.heads, self.split(scores), strict=True)
        ]

    def decision(self, scores: np.ndarray) -> list[np.ndarray]:
        return [h.decision(s) for h, s in zip(self.heads, self.split(scores), strict=True)]

    def score(self, target: np.ndarray, scores: np.ndarray, weight: np.ndarray | None) -> float:
        """Mean accuracy of the heads."""
        parts = zip(self.heads, self.split(target), self.split(scores), strict=True)
        return float(np.mean([head.score(t, s, weight) for head, t, s in parts]))
