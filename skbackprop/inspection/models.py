"""From what users have, a pipeline or a search, to the estimator inside.

>>> from sklearn.datasets import load_iris
>>> from sklearn.pipeline import make_pipeline
>>> from sklearn.preprocessing import StandardScaler
>>> from skbackprop import BackpropClassifier
>>> X, y = load_iris(return_X_y=True)
>>> model = make_pipeline(StandardScaler(), BackpropClassifier(max_iter=2, random_state=0))
>>> opened = open_model(model.fit(X, y))
>>> type(opened.estimator).__name__, opened.feature_names
('BackpropClassifier', ['x0', 'x1', 'x2', 'x3'])
"""

from __future__ import annotations

from typing import Any, NamedTuple

from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from ..estimators.base import BackpropEstimator


class Opened(NamedTuple):
    """A fitted estimator, and the steps of the pipelines around it, the outermost first."""

    estimator: BackpropEstimator
    steps: list[Pipeline]

    def transform(self, X: Any) -> Any:
        """X as the estimator gets it."""
        for step in self.steps:
            X = step.transform(X)
        return X

    @property
    def feature_names(self) -> list[str]:
        """The names of the columns of the estimator; x0, x1, … if they have none."""
        names = getattr(self.estimator, "feature_names_in_", None)
        if names is None and self.steps:
            try:
                names = self.steps[-1].get_feature_names_out()
            except (AttributeError, ValueError):  # a step that does not name its columns
                names = None
        if names is None or len(names) != self.estimator.n_features_in_:
            names = [f"x{i}" for i in range(self.estimator.n_features_in_)]
        return [str(name) for name in names]


def open_model(model: Any) -> Opened:
    """The estimator of this package in a model.

    Parameters
    ----------
    model : BackpropClassifier, BackpropRegressor, Pipeline or search
        Fitted.  A pipeline ends with the estimator; a search has a ``best_estimator_``.

    Raises
    ------
    TypeError
        If there is no such estimator.
    NotFittedError
        If it is not fitted.
    """
    steps: list[Pipeline] = []
    inner = model
    while isinstance(inner, Pipeline) or hasattr(inner, "best_estimator_"):
        if isinstance(inner, Pipeline):
            steps += [inner[:-1]] if len(inner.steps) > 1 else []
            inner = inner.steps[-1][1]
        else:
            inner = inner.best_estimator_
    if not isinstance(inner, BackpropEstimator):
        if hasattr(inner, "estimator"):  # a search that is not fitted says so first
            check_is_fitted(inner)
        of = "" if inner is model else f" inside {type(model).__name__}"
        raise TypeError(
            "model must be a BackpropClassifier or BackpropRegressor, or a Pipeline or search "
            f"(with refit=True) of one, got {type(inner).__name__}{of}."
        )
    check_is_fitted(inner)
    return Opened(inner, steps)
