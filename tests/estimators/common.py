"""What the tests of the estimators share: versions, data of every kind, comparisons."""

import numpy as np
import pytest
import sklearn
from packed import packed
from plain import BackpropClassifier, BackpropRegressor
from scipy import sparse
from sklearn.base import clone
from sklearn.utils.fixes import parse_version

version = parse_version(sklearn.__version__)
MLP_HAS_WEIGHTS = version >= parse_version("1.7.0")  # and MLPRegressor its loss="poisson"
SKLEARN_HAS_CALLBACKS = version >= parse_version("1.9.0")

# Short fits do not converge; every other warning is an error.
unconverged = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
BOTH = pytest.mark.parametrize("Estimator", [BackpropClassifier, BackpropRegressor])
DENSE_AND_CSR = pytest.mark.parametrize("container", [np.asarray, sparse.csr_matrix])
SOLVERS = pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])


def features(n=80, n_features=6, seed=0):
    """Columns of spread 1, about a third of the entries zero."""
    rng = np.random.RandomState(seed)
    X = rng.normal(size=(n, n_features))
    X[rng.uniform(size=X.shape) < 0.3] = 0
    return X


def target(task, X, seed=1):
    """A target of this kind that depends on X, with noise."""
    rng = np.random.RandomState(seed)
    scores = X @ rng.normal(size=(X.shape[1], 3)) + 0.5 * rng.normal(size=(len(X), 3))
    return TARGETS[task](scores, rng)


TARGETS = {
    "binary": lambda scores, rng: (scores[:, 0] > 0.4).astype(int),
    "multiclass": lambda scores, rng: scores.argmax(axis=1),
    "multilabel": lambda scores, rng: (scores > 0).astype(int),
    "heads": lambda scores, rng: np.stack([scores.argmax(axis=1), (scores[:, 0] > 0) + 5], axis=1),
    "regression": lambda scores, rng: scores[:, 0],
    "multi-output": lambda scores, rng: scores,
    "poisson": lambda scores, rng: rng.poisson(np.exp(0.3 * scores[:, 0])).astype(float),
}
CLASSIFICATION = ("binary", "multiclass", "multilabel", "heads")
REGRESSION = ("regression", "multi-output", "poisson")


def estimator_for(task, **params):
    """Our class for a kind of target."""
    if task in CLASSIFICATION:
        return BackpropClassifier(**params)
    if task == "poisson":
        params = {"loss": "poisson", **params}
    return BackpropRegressor(**params)


SMALL = {"hidden_layer_sizes": (6,), "random_state": 0, "max_iter": 40}
CLASSIFIER = BackpropClassifier(**SMALL, learning_rate_init=0.05)
REGRESSOR = BackpropRegressor(**SMALL, learning_rate_init=0.05)


def task_data(task, n=90):
    """X and y."""
    X = features(n)
    return X, target(task, X)


def small(Estimator, n=90, **params):
    """A small estimator that is not fitted, X, and y of the kind that suits it."""
    is_classifier = Estimator is BackpropClassifier
    estimator = clone(CLASSIFIER if is_classifier else REGRESSOR).set_params(**packed(**params))
    return estimator, *task_data("binary" if is_classifier else "regression", n)


def weights(estimator):
    """All fitted arrays."""
    return [*estimator.coefs_, *estimator.intercepts_]


def assert_within(actual, desired, tolerance):
    """Equal up to `tolerance`, absolute below 1 and relative to the largest entry above."""
    actual, desired = np.asarray(actual), np.asarray(desired)
    assert actual.shape == desired.shape
    assert np.isfinite(desired).all()
    scale = max(1.0, np.abs(desired).max(initial=0.0))
    np.testing.assert_allclose(actual, desired, rtol=0, atol=tolerance * scale)


def assert_same_weights(actual, desired, tolerance):
    """The fitted arrays of two estimators, one by one."""
    for a, b in zip(weights(actual), weights(desired), strict=True):
        assert_within(a, b, tolerance)


def assert_identical(actual, desired):
    """The fitted arrays of two estimators, bit for bit."""
    for a, b in zip(weights(actual), weights(desired), strict=True):
        np.testing.assert_array_equal(a, b)
