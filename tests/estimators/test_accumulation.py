"""Gradient accumulation: the steps of large batches, in the memory of small ones."""

from __future__ import annotations

import tracemalloc
import warnings

import numpy as np
import pytest
from packed import packed
from scipy.sparse import csr_array
from sklearn.datasets import make_classification, make_regression
from sklearn.exceptions import ConvergenceWarning

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop.nn.layers import Dense
from skbackprop.nn.losses import LOSSES
from skbackprop.nn.network import Network
from skbackprop.optim import Adam
from skbackprop.training import Objective, Rows

X, y = make_classification(90, 7, n_informative=5, n_classes=3, random_state=0)
A, b = make_regression(90, 7, random_state=0)
WEIGHT = np.random.default_rng(0).uniform(0.5, 2.0, 90)
COMMON = {
    "preset": "plain",
    "hidden_layer_sizes": (6, 5),
    "dtype": "float64",
    "max_iter": 5,
    "n_iter_no_change": 100,
    "random_state": 0,
}
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

SETTINGS = {
    "plain": {},
    "sgd": {"solver": "sgd", "learning_rate_init": 0.1},
    "penalty": {"alpha": 0.5, "l1": 0.01, "weight_decay": 0.1},
    "clipped": {"max_grad_norm": 0.05},
    "averaged": {"averaging": "ema"},
    "layer norm": {"normalization": "layer"},
    "members": {"n_members": 3},
    "shared members": {"n_members": 3, "member_sharing": "batch"},
    "held out": {"early_stopping": True},
    "cosine": {"learning_rate": "cosine", "solver": "adamw"},
}


def coefficients(estimator):
    return np.concatenate([np.ravel(part) for part in estimator.coefs_ + estimator.intercepts_])


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize("task", ["classes", "numbers"])
def test_it_takes_the_steps_of_a_batch_so_many_times_as_large(task, name, weighted):
    Estimator, rows, target = (
        (BackpropClassifier, X, y) if task == "classes" else (BackpropRegressor, A, b)
    )
    params = COMMON | SETTINGS[name]
    weight = WEIGHT if weighted else None
    # 90 rows: a last batch that is not full, and (for 20) a last part that is not
    for large, count in [(24, 3), (40, 2)]:
        whole = Estimator(**packed(**params, batch_size=large)).fit(rows, target, weight)
        size = {"batch_size": large // count, "gradient_accumulation_steps": count}
        parts = Estimator(**packed(**params, **size)).fit(rows, target, weight)
        assert parts.loss_curve_ == pytest.approx(whole.loss_curve_, rel=1e-9)
        np.testing.assert_allclose(coefficients(parts), coefficients(whole), rtol=1e-6, atol=1e-9)


def test_sparse_rows():
    whole = BackpropClassifier(**COMMON, batch_size=40).fit(csr_array(X), y)
    parts = BackpropClassifier(**packed(**COMMON, batch_size=20, gradient_accumulation_steps=2))
    parts.fit(csr_array(X), y)
    np.testing.assert_allclose(coefficients(parts), coefficients(whole), rtol=1e-6, atol=1e-9)


def test_partial_fit():
    whole = BackpropClassifier(**COMMON, batch_size=40)
    parts = BackpropClassifier(**packed(**COMMON, batch_size=20, gradient_accumulation_steps=2))
    for part in (slice(0, 50), slice(50, 90)):
        whole.partial_fit(X[part], y[part], classes=[0, 1, 2])
        parts.partial_fit(X[part], y[part], classes=[0, 1, 2])
    np.testing.assert_allclose(coefficients(parts), coefficients(whole), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("preset", ["auto", "fast"])
def test_the_recipes_take_it(preset):
    params = {"preset": preset, "max_iter": 3, "batch_size": 10, "random_state": 0}
    params["solver"] = Adam(gradient_accumulation_steps=3)
    assert BackpropClassifier(**params).fit(X, y).score(X, y) > 0.4
    assert np.isfinite(BackpropRegressor(**params).fit(A, b).predict(A)).all()


def test_a_part_is_what_needs_room():
    rows = np.random.default_rng(0).normal(size=(4096, 4)).astype(np.float32)
    target = rows[:, 0] > 0
    params = COMMON | {"hidden_layer_sizes": (256,), "dtype": "float32", "max_iter": 1}

    def peak(**batches):
        estimator = BackpropClassifier(**packed(**params, **batches))
        tracemalloc.start()
        try:
            estimator.fit(rows, target)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert peak(batch_size=128, gradient_accumulation_steps=32) < 0.3 * peak(batch_size=4096)


@pytest.mark.parametrize("size", [1, 4, 7, 20])
def test_the_gradient_of_the_objective_does_not_depend_on_the_parts(size):
    network = Network(Dense(7, 1))
    network.initialize(np.random.RandomState(0))
    objective = Objective(network, LOSSES["squared_error"], alpha=0.3)
    target = b[:, None]
    for weight in (None, WEIGHT):
        bind = lambda shape: network.bind(shape, train=True)  # noqa: E731
        rows = Rows(A, target, weight)
        whole = objective(rows, bind(A.shape))
        grad = network.grad.copy()
        value = objective.accumulate(rows, bind, size)
        assert value == pytest.approx(whole, rel=1e-12)
        np.testing.assert_allclose(network.grad, grad, rtol=1e-10)


def test_more_than_the_batches_of_an_epoch_is_said():
    estimator = BackpropClassifier(**packed(**COMMON, batch_size=40, gradient_accumulation_steps=4))
    with pytest.warns(UserWarning, match=r"gradient_accumulation_steps=4 .* 3 batches.*Set it"):
        estimator.fit(X, y)
    estimator.set_params(solver__gradient_accumulation_steps=3)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        warnings.filterwarnings("ignore", category=ConvergenceWarning)
        estimator.fit(X, y)


def test_batch_norm_sees_parts():
    params = COMMON | {"normalization": "batch", "gradient_accumulation_steps": 2}
    with pytest.raises(ValueError, match="a single row"):
        BackpropClassifier(**packed(**params), batch_size=1).fit(X, y)
    with pytest.raises(ValueError, match="a single row"):  # 90 = 4 · 22 + 2 · 1
        BackpropClassifier(**packed(**params), batch_size=89).fit(X, y)
    BackpropClassifier(**packed(**params), batch_size=15).fit(X, y)
