"""A small table with targets of all kinds, and short fits of the default on it."""

import numpy as np
import pytest
from packed import packed

from skbackprop import BackpropClassifier, BackpropRegressor

QUICK = {"max_iter": 12, "random_state": 0}
rng = np.random.default_rng(0)
X = rng.normal(size=(160, 4))
SCORE = X[:, 0] * X[:, 1] + np.sin(2 * X[:, 2])
Y = {
    "binary": np.where(SCORE > 0, "yes", "no"),
    "multiclass": np.digitize(SCORE, [-0.5, 0.5]),
    "multilabel": np.stack([SCORE > 0, X[:, 3] > 0], axis=1).astype(int),
    "number": SCORE,
    "numbers": np.stack([SCORE, X[:, 3]], axis=1),
}
ESTIMATORS = {
    name: BackpropRegressor if name.startswith("number") else BackpropClassifier for name in Y
}
TASKS = pytest.mark.parametrize("task", Y)


def fitted(task, X=X, **params):
    return ESTIMATORS[task](**packed(**{**QUICK, **params})).fit(X, Y[task])


def outputs(estimator, X):
    return np.asarray(getattr(estimator, "predict_proba", estimator.predict)(X))
