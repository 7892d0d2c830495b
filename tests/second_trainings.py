"""Rows and settings of the tests of ``refit``."""

import numpy as np
import pytest
from sklearn.datasets import make_classification, make_regression

from skbackprop import BackpropClassifier, BackpropRegressor

X, y = make_classification(120, 6, n_informative=4, flip_y=0.2, random_state=0)
A, b = make_regression(120, 6, noise=30.0, random_state=0)
b = (b - b.mean()) / b.std()
COMMON = {
    "preset": "plain",
    "hidden_layer_sizes": (8,),
    "dtype": "float64",
    "learning_rate_init": 0.03,
    "batch_size": 16,
    "max_iter": 25,
    "tol": 0.0,
    "random_state": 0,
}
TASKS = pytest.mark.parametrize(
    ("Estimator", "rows", "target"),
    [(BackpropClassifier, X, y), (BackpropRegressor, A, b)],
    ids=["classes", "numbers"],
)


def numbers(estimator):
    """All numbers of the network."""
    network = estimator._fitted.network
    return np.concatenate([network.theta, network.fixed])
