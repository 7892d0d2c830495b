"""The importance of the columns for a model.

Two answers need rows: the mean size of the attributions says how much a column moves the output,
and permutation importance how much worse the predictions become without it.  A third one is
computed from the fitted model alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.inspection import permutation_importance

from ..estimators.base import BackpropEstimator
from ..tables.marginals import draw_rows, is_sparse
from .attributions import Attributions, feature_attributions
from .models import open_model
from .scores import Scores, encoded_owners

DRAWS = 256  # rows from which the importances of a model alone are computed


@dataclass(frozen=True, eq=False)
class Importances:
    """Two importances of each column, with their spread.

    Attributes
    ----------
    feature_names : list of str
        The names of the columns.
    attribution_mean, attribution_std : ndarray of shape (n_columns,)
        Mean of the absolute attributions, over the rows and outputs, and their standard
        deviation over the rows.
    permutation_mean, permutation_std : ndarray of shape (n_columns,)
        By how much the score falls when the column is shuffled: mean and standard deviation
        over the repeats.
    """

    feature_names: list[str]
    attribution_mean: np.ndarray
    attribution_std: np.ndarray
    permutation_mean: np.ndarray
    permutation_std: np.ndarray

    @property
    def order(self) -> np.ndarray:
        """The numbers of the columns, the largest mean attribution first."""
        return np.argsort(-self.attribution_mean, kind="stable")


def feature_importance(
    model: Any,
    X: Any,
    y: Any,
    *,
    baseline: Any = "training",
    scoring: Any = None,
    n_repeats: int = 5,
    random_state: Any = None,
) -> Importances:
    """Importance of each column by attributions and by permutation.

    A column that moves the output and whose permutation does no harm is one that the model
    has learned from without use.  Of columns that say the same both importances are low.

    Parameters
    ----------
    model : BackpropClassifier, BackpropRegressor, Pipeline or search
        Fitted.  The columns of a pipeline are those that its last step gets.
    X : {array-like, DataFrame} of shape (n_rows, n_features)
        Rows, not sparse; best those that the model was not fitted to.
    y : array-like of shape (n_rows,) or (n_rows, n_outputs)
        Their targets.
    baseline : "training" or table
        See `feature_attributions`.
    scoring : str or callable, optional
        For the permutation importance; by default the ``score`` of the estimator.  For
        classifiers ``"neg_log_loss"`` sees changes that leave the predicted label as it is.
    n_repeats : int
        How often each column is shuffled.
    random_state : int, RandomState or None
        For the shuffling.

    Returns
    -------
    importances : Importances
        Both importances, with their spread.

    References
    ----------
    Breiman, "Random forests" (2001); Fisher, Rudin & Dominici, "All models are wrong, but many
    are useful" (2019).

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from skbackprop import BackpropRegressor
    >>> from skbackprop.inspection import feature_importance
    >>> X, y = load_diabetes(return_X_y=True, as_frame=True)
    >>> model = BackpropRegressor(random_state=0).fit(X[:300], y[:300])
    >>> importances = feature_importance(model, X[300:], y[300:], random_state=0)
    >>> sorted(importances.feature_names[i] for i in importances.order[:2])
    ['bmi', 's5']
    """
    opened = open_model(model)
    X = opened.transform(X)
    if issparse(X):
        raise TypeError(
            "feature_importance shuffles dense columns, got a sparse matrix. Pass its rows by "
            "toarray(), or use the means of abs(feature_attributions(model, X).values)."
        )
    if not isinstance(baseline, str):
        baseline = opened.transform(baseline)
    explained = feature_attributions(opened.estimator, X, baseline=baseline)
    mean, std = mean_and_std(explained)
    shuffled = permutation_importance(
        opened.estimator,
        to_shuffle(X),
        y,
        scoring=scoring,
        n_repeats=n_repeats,
        random_state=random_state,
    )
    return Importances(
        opened.feature_names, mean, std, shuffled.importances_mean, shuffled.importances_std
    )


def to_shuffle(X: Any) -> Any:
    """X for `permutation_importance`, which keeps names and types of columns of pandas only."""
    return X.to_pandas() if hasattr(X, "to_pandas") else X


def mean_and_std(explained: Attributions) -> tuple[np.ndarray, np.ndarray]:
    """Mean of the absolute attributions of each column, and their spread over the rows."""
    sizes = np.abs(explained.values)
    if sizes.ndim == 3:
        sizes = sizes.mean(axis=2)
    return sizes.mean(axis=0), sizes.std(axis=0)


def model_importances(estimator: Any) -> np.ndarray:
    """Importance of each column, computed from the fitted model alone.

    It is made for ``importance_getter`` of ``SelectFromModel``, ``RFE`` and ``RFECV``, which
    have no rows to show.  It is the standard deviation of the output that would be left if all
    columns but one were known, with interactions: a total Sobol index, estimated from rows in
    which each column is drawn by itself, as the encoding of a table has kept it.  Without this
    encoding (``preset="plain"``) numbers of mean 0 and variance 1 are drawn, which is right after
    a ``StandardScaler``.

    Parameters
    ----------
    estimator : BackpropClassifier or BackpropRegressor
        Fitted; a pipeline or a search with one is accepted.

    Returns
    -------
    importances : ndarray of shape (n_features,)
        In the unit of the output, at least 0; 0 for a column that is not used.

    References
    ----------
    Jansen, "Analysis of variance designs for model output" (1999); Saltelli et al., "Variance
    based sensitivity analysis of model output" (2010).

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import make_regression
    >>> from sklearn.feature_selection import SelectFromModel
    >>> from skbackprop import BackpropRegressor
    >>> from skbackprop.inspection import model_importances
    >>> X, y = make_regression(200, 6, n_informative=2, random_state=0)
    >>> reg = BackpropRegressor(random_state=0, preset="fast")
    >>> selector = SelectFromModel(reg, importance_getter=model_importances).fit(X, y)
    >>> int(selector.get_support().sum())
    2
    """
    model = open_model(estimator).estimator
    x, other = _drawn(model)
    scores = Scores(model._fitted.network.at_least(x.dtype), model._fitted)
    columns = encoded_owners(model._fitted)
    expected, importances = scores(x), np.zeros(model.n_features_in_)
    for i in range(model.n_features_in_):
        places = np.flatnonzero(columns == i)
        if places.size:
            changed = x.copy()
            changed[:, places] = other[:, places]
            square = (scores(changed) - expected) ** 2
            importances[i] = np.sqrt(square.mean() / 2)
    return importances


def _drawn(model: BackpropEstimator) -> tuple[np.ndarray, np.ndarray]:
    """Two sets of encoded rows, independent of each other."""
    encoder, rng = model._fitted.encoder, np.random.default_rng(0)
    if encoder is None:
        return tuple(rng.normal(size=(2, DRAWS, model.n_features_in_)))
    if is_sparse(encoder):
        raise ValueError(
            "model_importances needs the distribution of each column, which is not kept of sparse "
            "tables with many columns. Select columns before, for example with SelectKBest."
        )
    return draw_rows(encoder, DRAWS, rng), draw_rows(encoder, DRAWS, rng)
