"""From labels to the target of a network, and from its scores to labels and probabilities."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, ClassVar, Protocol

import numpy as np
from sklearn.metrics import accuracy_score
from sklearn.utils import check_consistent_length

from ..nn.losses import BinaryLogLoss, Heads, MulticlassLogLoss
from ..params import Frozen, frozen
from .reading import as_columns


class ProbabilityLoss(Protocol):
    """A loss whose predictions are probabilities."""

    def predict(self, scores: np.ndarray) -> np.ndarray: ...

    def log_predict(self, scores: np.ndarray) -> np.ndarray: ...


@frozen
class LabelCodec(Frozen):
    """One label per row; two classes need one score, K ≠ 2 need K."""

    classes: np.ndarray

    @property
    def n_classes(self) -> int:
        return len(self.classes)

    @property
    def n_targets(self) -> int:
        return 1 if self.n_classes == 2 else self.n_classes

    @property
    def loss(self) -> BinaryLogLoss | MulticlassLogLoss:
        return BinaryLogLoss() if self.n_classes == 2 else MulticlassLogLoss()

    @property
    def heads(self) -> tuple[LabelCodec, ...]:
        """The codec of each column of labels."""
        return (self,)

    def split(self, scores: np.ndarray) -> list[np.ndarray]:
        """The scores of each column of labels."""
        return [scores]

    def codes(self, y: np.ndarray) -> np.ndarray:
        """The number of the class of each label; -1 for a label that is no class.

        Python compares an integer, a float and a boolean exactly, whatever their dtypes.  Dates
        of different units are compared in the finer one.
        """
        classes = self.classes
        if classes.dtype.kind == y.dtype.kind and y.dtype.kind in "mM":
            unit = np.promote_types(classes.dtype, y.dtype)
            classes, y = classes.astype(unit), y.astype(unit)
        place = {label: i for i, label in enumerate(classes.tolist())}
        return np.fromiter((place.get(label, -1) for label in y.tolist()), np.intp, len(y))

    def encode(self, y: np.ndarray, dtype: np.dtype) -> np.ndarray:
        """(n,) labels → (n, n_targets) zeros and ones."""
        codes = self.codes(y)
        if self.n_classes == 2:
            return codes[:, None].astype(dtype)
        return (codes[:, None] == np.arange(self.n_classes)).astype(dtype)

    def stratify(self, target: np.ndarray) -> np.ndarray:
        """What a stratified split looks at: of two classes a column, as in scikit-learn's MLP."""
        return target.astype(bool) if self.n_classes == 2 else target.argmax(axis=1)

    def decode(self, scores: np.ndarray) -> np.ndarray:
        """The label of the largest score."""
        return self.classes[self.predicted(scores)]

    def predicted(self, scores: np.ndarray) -> np.ndarray:
        """The number of the class of the largest score."""
        if self.n_classes == 2:
            return (scores[:, 0] > 0).astype(int)
        return scores.argmax(axis=1)

    def probabilities(self, scores: np.ndarray, loss: ProbabilityLoss, *, log: bool) -> np.ndarray:
        """(n, K), columns in the order of ``classes``."""
        if self.n_classes == 1:
            return np.zeros_like(scores) if log else np.ones_like(scores)
        if self.n_classes == 2:
            scores = np.concatenate([-scores, scores], axis=1)
        return _probabilities(scores, loss, log=log)

    def decision(self, scores: np.ndarray) -> np.ndarray:
        return scores[:, 0] if self.n_targets == 1 else scores

    def score(self, target: np.ndarray, scores: np.ndarray, weight: np.ndarray | None) -> float:
        """Accuracy."""
        hits = self.predicted(scores) == self.predicted(target)
        return float(np.average(hits, weights=weight))


def _probabilities(scores: np.ndarray, loss: ProbabilityLoss, *, log: bool) -> np.ndarray:
    """Probabilities strictly between 0 and 1, or their logarithms.

    Where a probability is too small to be a number, its logarithm still is one: it comes
    from the scores then, and orders the probabilities, which are moved a little above 0.
    """
    p = loss.predict(scores)
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


@frozen
class MultilabelCodec(Frozen):
    """An indicator matrix: every column is a question of its own."""

    n_targets: int
    n_classes: ClassVar[int] = 1

    @property
    def classes(self) -> np.ndarray:
        return np.arange(self.n_targets)

    @property
    def heads(self) -> tuple[LabelCodec, ...]:
        """Each column as a column of the labels 0 and 1."""
        return (LabelCodec(np.arange(2)),) * self.n_targets

    @property
    def loss(self) -> BinaryLogLoss:
        return BinaryLogLoss()

    def encode(self, y: np.ndarray, dtype: np.dtype) -> np.ndarray:
        return np.asarray(y).astype(dtype, order="C")

    def stratify(self, target: np.ndarray) -> None:
        """Indicator matrices are split at random, as in scikit-learn."""
        return None

    def decode(self, scores: np.ndarray) -> np.ndarray:
        return (scores > 0).astype(int)

    def probabilities(self, scores: np.ndarray, loss: ProbabilityLoss, *, log: bool) -> np.ndarray:
        return _probabilities(scores, loss, log=log)

    def decision(self, scores: np.ndarray) -> np.ndarray:
        return scores

    def score(self, target: np.ndarray, scores: np.ndarray, weight: np.ndarray | None) -> float:
        """Share of the rows with every label right."""
        return float(accuracy_score(target > 0, scores > 0, sample_weight=weight))


@frozen
class HeadsCodec(Frozen):
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
    def loss(self) -> Heads:
        return Heads(
            tuple(head.loss for head in self.heads), tuple(head.n_targets for head in self.heads)
        )

    def encode(self, y: np.ndarray, dtype: np.dtype) -> np.ndarray:
        columns = zip(self.heads, y.T, strict=True)
        return np.hstack([head.encode(column, dtype) for head, column in columns])

    def stratify(self, target: np.ndarray) -> None:
        """Several columns cannot all be stratified: split at random."""
        return None

    def split(self, scores: np.ndarray) -> list[np.ndarray]:
        """The scores of each head."""
        ends = np.cumsum([0, *(head.n_targets for head in self.heads)])
        return [scores[:, a:b] for a, b in pairwise(ends)]

    def decode(self, scores: np.ndarray) -> np.ndarray:
        """Labels in the dtype of the classes, or as objects if the columns differ in kind."""
        columns = [h.decode(s) for h, s in zip(self.heads, self.split(scores), strict=True)]
        if len({column.dtype.kind for column in columns}) == 1:
            return np.stack(columns, axis=1)
        labels = np.empty((len(scores), len(columns)), dtype=object)
        for i, column in enumerate(columns):
            labels[:, i] = column.tolist()
        return labels

    def probabilities(
        self, scores: np.ndarray, loss: ProbabilityLoss, *, log: bool
    ) -> list[np.ndarray]:
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


def label_accuracy(codec: Any, y: np.ndarray, scores: np.ndarray, weight: Any = None) -> float:
    """Share of the rows of checked labels that the scores predict right.

    Of an indicator matrix a row counts if all labels are right; of several columns of labels
    it is the mean over the columns.  A label that is no class is never predicted.
    """
    if isinstance(codec, MultilabelCodec):
        return float(accuracy_score(y, codec.decode(scores), sample_weight=weight))
    columns = as_columns(y)
    check_consistent_length(columns, scores, weight)
    if columns.shape[1] != len(codec.heads):
        raise ValueError(f"`y` needs {len(codec.heads)} columns, as in fit, got shape {y.shape}.")
    parts = zip(codec.heads, columns.T, codec.split(scores), strict=True)
    hits = [head.codes(column) == head.predicted(part) for head, column, part in parts]
    return float(np.mean([np.average(hit, weights=weight) for hit in hits]))
