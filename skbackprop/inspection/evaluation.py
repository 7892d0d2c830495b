"""Test scores, calibration, residuals and importances, as data and as pictures.

>>> from sklearn.dummy import DummyClassifier
>>> model = DummyClassifier().fit([[0], [1], [2]], ["a", "b", "b"])
>>> test = Evaluation(model, [[0], [1], [2], [3]], ["a", "b", "b", "b"])
>>> test.scores()["accuracy"]
0.75
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.base import is_classifier
from sklearn.inspection import permutation_importance
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    log_loss,
    mean_absolute_error,
    r2_score,
    roc_auc_score,
    root_mean_squared_error,
)
from sklearn.utils import check_consistent_length

from .importance import to_shuffle

MOST_CLASSES = 20  # of a confusion matrix that can be read
MOST_COLUMNS = 200  # whose importance is computed
MOST_POINTS = 1000  # of a picture
N_BINS = 10  # of a calibration curve

Draw = Callable[[Any], Any]


class Evaluation:
    """A fitted model and test rows.

    Parameters
    ----------
    model : estimator
        A fitted classifier or regressor.
    X, y : array-like
        The rows, and what is true of them.
    max_rows : int
        The importances are those of so many rows, drawn at random.
    """

    def __init__(self, model: Any, X: Any, y: Any, *, max_rows: int = 1000):
        check_consistent_length(X, y)
        self.model, self.X, self.y, self.max_rows = model, X, np.asarray(y), max_rows
        self.n, self.is_classifier = len(self.y), is_classifier(model)
        self.predicted = np.asarray(model.predict(X))
        if self.y.shape == (self.n, 1) and self.predicted.ndim == 1:
            self.y = self.y[:, 0]
        self.is_single = self.y.ndim == 1 and self.predicted.ndim == 1
        self.probabilities: np.ndarray | None = None
        if self.is_classifier and self.is_single:
            self.probabilities = np.asarray(model.predict_proba(X))

    @property
    def has_score(self) -> bool:
        """Is there one prediction for each target?  There are more of several quantiles."""
        return self.predicted.shape == self.y.shape

    def scores(self) -> dict[str, float]:
        """The usual scores, by name."""
        if not self.has_score:
            return {}
        if not self.is_single:
            return {"score": float(self.model.score(self.X, self.y))}
        pair = self.y, self.predicted
        if not self.is_classifier:
            return {
                "R²": float(r2_score(*pair)),
                "mean absolute error": float(mean_absolute_error(*pair)),
                "root mean squared error": float(root_mean_squared_error(*pair)),
            }
        labels, p = self.model.classes_, self.probabilities
        scores = {"accuracy": float(accuracy_score(*pair))}
        if len(labels) == 1:
            return scores
        if np.isin(self.y, labels).all():
            scores["log loss"] = float(log_loss(self.y, p, labels=labels))
        if np.array_equal(np.unique(self.y), labels):  # else the next two are not defined
            assert p is not None
            scores["balanced accuracy"] = float(balanced_accuracy_score(*pair))
            of = p[:, 1] if len(labels) == 2 else p
            scores["ROC AUC"] = float(roc_auc_score(self.y, of, multi_class="ovr", labels=labels))
        return scores

    def figures(self) -> dict[str, Draw]:
        """What draws each picture, by title; none for several targets."""
        if not self.is_single or (self.is_classifier and len(self.model.classes_) < 2):
            return {}
        if not self.is_classifier:
            return {"Residuals": self.draw_residuals, "True against predicted": self.draw_errors}
        figures: dict[str, Draw] = {"Calibration": self.draw_calibration}
        if len(self.model.classes_) <= MOST_CLASSES:
            figures["Confusion"] = self.draw_confusion
        return figures

    def draw_calibration(self, ax: Any) -> None:
        """How often a probability is right: of the second of two classes, or of the answer."""
        from sklearn.calibration import CalibrationDisplay

        labels, p = self.model.classes_, self.probabilities
        assert p is not None
        if len(labels) == 2:
            right, sure, what = self.y == labels[1], p[:, 1], f"probability of {labels[1]}"
        else:
            right, sure, what = self.predicted == self.y, p.max(axis=1), "largest probability"
        CalibrationDisplay.from_predictions(
            right, sure, n_bins=N_BINS, strategy="quantile", pos_label=True, ax=ax, name="model"
        )
        ax.set(xlabel=f"Mean {what}", ylabel="Share of rows where it is true")

    def draw_confusion(self, ax: Any) -> None:
        """True classes as rows, predicted ones as columns."""
        from sklearn.metrics import ConfusionMatrixDisplay

        wide = max(len(str(label)) for label in self.model.classes_) > 3
        ConfusionMatrixDisplay.from_predictions(
            self.y,
            self.predicted,
            labels=self.model.classes_,
            ax=ax,
            colorbar=False,
            cmap="Blues",
            xticks_rotation=45 if wide else "horizontal",
        )

    def draw_residuals(self, ax: Any) -> None:
        """Residuals over predictions."""
        self._draw_errors(ax, "residual_vs_predicted")

    def draw_errors(self, ax: Any) -> None:
        """What is true over predictions."""
        self._draw_errors(ax, "actual_vs_predicted")

    def _draw_errors(self, ax: Any, kind: str) -> None:
        from sklearn.metrics import PredictionErrorDisplay

        subsample = MOST_POINTS if self.n > MOST_POINTS else None
        PredictionErrorDisplay.from_predictions(
            self.y,
            self.predicted,
            kind=kind,
            subsample=subsample,
            random_state=0,
            ax=ax,
            scatter_kwargs={"alpha": 0.6, "s": 12, "color": "C0"},
        )

    def importances(self) -> tuple[list[tuple[str, float, float]], str]:
        """For each column its name, by how much the score falls, and the spread; and words.

        Breiman, "Random forests" (2001): the values of a column are shuffled among the rows.
        """
        shape = np.shape(self.X)
        refused = {
            "a model without a score": not self.has_score,
            "sparse rows": issparse(self.X),
            "texts": len(shape) == 1,
            f"{shape[-1]} columns": shape[-1] > MOST_COLUMNS,
        }
        if any(refused.values()):
            kind = next(kind for kind, is_so in refused.items() if is_so)
            return [], f"Not computed for {kind}: columns are shuffled and scored one by one."
        index = np.arange(self.n)
        if self.n > self.max_rows:
            index = np.sort(np.random.default_rng(0).permutation(self.n)[: self.max_rows])
        X = to_shuffle(self.X)
        names = getattr(X, "columns", [f"x{i}" for i in range(shape[1])])
        X = X.iloc[index] if hasattr(X, "iloc") else np.asarray(X)[index]
        found = permutation_importance(self.model, X, self.y[index], n_repeats=5, random_state=0)
        rows = [
            (str(name), float(mean), float(std))
            for name, mean, std in zip(
                names, found.importances_mean, found.importances_std, strict=True
            )
        ]
        words = (
            f"The fall of the score when the values of a column are shuffled, the mean and the "
            f"standard deviation of 5 shuffles of {len(index):,} rows."
        )
        return sorted(rows, key=lambda row: -row[1]), words
