"""Defects of scikit-learn's MLP: L-BFGS, dead options, pickles, threads.

See ``test_defects_stopping.py``.  Here: 25, 26 and 29-31.
"""

import pickle
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pytest
from joblib import Parallel, delayed
from numpy.testing import assert_allclose, assert_array_equal
from plain import BackpropClassifier, BackpropRegressor
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from threadpoolctl import threadpool_info, threadpool_limits

from .common import BOTH, SOLVERS, unconverged, weights


def blobs(n=60, n_classes=2, seed=0):
    """Classes that overlap."""
    rng = np.random.RandomState(seed)
    y = np.arange(n) % n_classes
    return rng.normal(size=(n, 4)) + y[:, None], y


def warnings_of(action):
    """The messages of an action, those on convergence left out."""
    with warnings.catch_warnings(record=True) as log:
        warnings.simplefilter("always")
        action()
    assert all(issubclass(w.category, UserWarning) for w in log)
    return [str(w.message) for w in log if not issubclass(w.category, ConvergenceWarning)]


# 25: L-BFGS is a solver like the others --------------------------------------------------


@unconverged
@BOTH
def test_25_lbfgs_keeps_float32(Estimator):
    X, y = blobs()
    X = X.astype(np.float32)
    estimator = Estimator((5,), solver="lbfgs", max_iter=20, random_state=0).fit(X, y)
    assert {array.dtype for array in weights(estimator)} == {np.dtype("float32")}
    output = getattr(estimator, "predict_proba", estimator.predict)(X)
    assert output.dtype == np.float32


@unconverged
@BOTH
def test_25_lbfgs_has_the_attributes_of_the_others(Estimator):
    X, y = blobs()
    estimator = Estimator((5,), solver="lbfgs", max_iter=20, random_state=0).fit(X, y)
    curve = np.array(estimator.loss_curve_)
    assert len(curve) == estimator.n_iter_ == 20
    assert (np.diff(curve) < 0).all()
    assert estimator.best_loss_ == estimator.loss_ == curve[-1]
    assert estimator.best_iter_ == 20
    assert estimator.validation_scores_ is None
    assert estimator.best_validation_score_ is None


@unconverged
def test_25_the_last_entry_of_the_curve_is_the_loss_of_the_weights():
    X, y = blobs()
    estimator = BackpropRegressor((5,), solver="lbfgs", max_iter=20, alpha=0.1, random_state=0)
    estimator.fit(X, y)
    penalty = 0.5 * 0.1 * sum((W**2).sum() for W in estimator.coefs_) / len(X)
    loss = 0.5 * np.mean((estimator.predict(X) - y) ** 2) + penalty
    assert_allclose(estimator.loss_, loss, rtol=1e-10)


@unconverged
@BOTH
def test_25_lbfgs_stops_early(Estimator):
    X, y = blobs(80)
    X_val, y_val = blobs(60, seed=1)
    estimator = Estimator(
        (20,), solver="lbfgs", alpha=0, tol=1e-9, max_iter=400, n_iter_no_change=5,
        early_stopping=True, scoring="loss", random_state=0,
    ).fit(X, y, X_val=X_val, y_val=y_val)  # fmt: skip
    assert estimator.n_iter_ == len(estimator.validation_scores_) < 400
    best = 1 + np.argmax(estimator.validation_scores_)
    assert estimator.best_iter_ == best < estimator.n_iter_
    assert estimator.best_validation_score_ == max(estimator.validation_scores_)


# 26: no dead options ---------------------------------------------------------------------

SGD_ONLY = {
    "learning_rate": "invscaling",
    "power_t": 0.3,
    "momentum": 0.5,
    "nesterovs_momentum": False,
}
ADAM_ONLY = {"beta_1": 0.5, "beta_2": 0.5, "epsilon": 1e-3}
STOCHASTIC_ONLY = {"batch_size": 10, "learning_rate_init": 0.1, "shuffle": False}
LBFGS_ONLY = {"max_fun": 100}
IGNORED = {
    "adam": SGD_ONLY | LBFGS_ONLY,
    "sgd": ADAM_ONLY | LBFGS_ONLY,
    "lbfgs": SGD_ONLY | ADAM_ONLY | STOCHASTIC_ONLY,
}
USED = {
    "adam": ADAM_ONLY | STOCHASTIC_ONLY,
    "sgd": SGD_ONLY | STOCHASTIC_ONLY,
    "lbfgs": LBFGS_ONLY,
}


def cases(table):
    return [(solver, name, value) for solver in table for name, value in table[solver].items()]


@BOTH
@pytest.mark.parametrize(("solver", "name", "value"), cases(IGNORED))
def test_26_an_option_without_effect_warns_once(Estimator, solver, name, value):
    estimator = Estimator((2,), solver=solver, max_iter=2, random_state=0, **{name: value})
    for _ in range(2):  # once for each fit
        messages = warnings_of(lambda: estimator.fit(*blobs()))
        assert len(messages) == 1
        assert name in messages[0]
        assert solver in messages[0]
    assert warnings_of(lambda: estimator.predict(blobs()[0])) == []


@SOLVERS
def test_26_one_warning_names_all_options_without_effect(solver):
    estimator = BackpropClassifier((2,), solver=solver, max_iter=2, random_state=0)
    estimator.set_params(**IGNORED[solver])
    (message,) = warnings_of(lambda: estimator.fit(*blobs()))
    assert all(name in message for name in IGNORED[solver])


@BOTH
@SOLVERS
def test_26_an_option_with_effect_does_not_warn(Estimator, solver):
    estimator = Estimator((2,), solver=solver, max_iter=2, random_state=0, **USED[solver])
    assert warnings_of(lambda: estimator.fit(*blobs())) == []


@unconverged
@pytest.mark.parametrize(("solver", "name", "value"), cases(USED))
def test_26_an_option_that_does_not_warn_has_an_effect(solver, name, value):
    X, y = blobs()
    params = {"solver": solver, "batch_size": 20, "max_iter": 30, "random_state": 0}
    if solver == "lbfgs":
        params |= {"batch_size": "auto", "max_iter": 200, "tol": 0, "alpha": 0}
    if name == "power_t":
        params["learning_rate"] = "invscaling"
    plain = BackpropClassifier((8,), **params).fit(X, y)
    changed = BackpropClassifier((8,), **params | {name: value}).fit(X, y)
    assert np.abs(plain.coefs_[0] - changed.coefs_[0]).max() > 1e-6


# 29: small pickles -----------------------------------------------------------------------


@unconverged
@pytest.mark.parametrize("early_stopping", [False, True])
@SOLVERS
@BOTH
def test_29_a_pickle_is_little_more_than_the_weights(Estimator, solver, early_stopping):
    rng = np.random.RandomState(0)
    X, y = rng.normal(size=(40, 200)), np.arange(40) % 2
    estimator = Estimator(
        (1000,), solver=solver, early_stopping=early_stopping, max_iter=2, random_state=0
    ).fit(X, y)
    size = sum(array.nbytes for array in weights(estimator))
    assert size > 200_000 * 8
    data = pickle.dumps(estimator)
    assert len(data) < 1.2 * size
    assert_array_equal(pickle.loads(data).predict(X), estimator.predict(X))


# 30: partial_fit and early stopping ------------------------------------------------------


@BOTH
def test_30_partial_fit_refuses_early_stopping_without_validation_rows(Estimator):
    X, y = blobs()
    classes = {"classes": [0, 1]} if Estimator is BackpropClassifier else {}
    estimator = Estimator((3,), early_stopping=True, random_state=0)
    with pytest.raises(ValueError, match="partial_fit does not support early_stopping=True"):
        estimator.partial_fit(X, y, **classes)
    validation = dict(zip(("X_val", "y_val"), blobs(40, seed=1), strict=True))
    for _ in range(4):
        estimator.partial_fit(X, y, **classes, **validation)
    assert len(estimator.validation_scores_) == estimator.n_iter_ == 4
    score = estimator.score(validation["X_val"], validation["y_val"])
    assert_allclose(score, estimator.validation_scores_[estimator.best_iter_ - 1], rtol=1e-12)


# 31: threads -----------------------------------------------------------------------------


def thread_limits():
    """What another thread sees of the thread pools; limits may belong to a thread."""
    with ThreadPoolExecutor(1) as pool:
        pools = pool.submit(threadpool_info).result()
    return {(pool["filepath"], pool["num_threads"]) for pool in pools}


@dataclass
class ThreadWatch:
    """A user's activation, tanh, that looks at the thread pools."""

    seen: list

    def forward(self, z, out):
        self.seen.append(thread_limits())
        np.tanh(z, out=out)

    def backward(self, z, y, d):
        d *= 1 - y**2


@unconverged
@SOLVERS
def test_31_the_threads_of_the_process_are_left_alone(solver):
    X, y = blobs()
    watch = ThreadWatch([])
    estimator = BackpropClassifier(
        (3,), activation=watch, solver=solver, max_iter=2, random_state=0
    )
    with threadpool_limits(2):  # more than the one that the tests are run with
        before = thread_limits()
        estimator.fit(X, y).predict(X)
        after = thread_limits()
    assert before
    assert len(watch.seen) >= 3
    # The first fit may load a library that was not there before.
    assert all(before <= limits for limits in watch.seen)
    assert before <= after


@unconverged
@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_31_nested_parallelism_is_safe(backend):
    X, y = blobs(90)
    estimator = BackpropClassifier((4,), max_iter=5, random_state=0)
    search = GridSearchCV(estimator, {"alpha": [1e-4, 10.0]}, cv=3, n_jobs=2, refit=False)
    grids = [clone(search) for _ in range(2)]
    fitted = Parallel(2, backend=backend)(delayed(grid.fit)(X, y) for grid in grids)
    expected = search.set_params(n_jobs=1).fit(X, y).cv_results_["mean_test_score"]
    for grid in fitted:
        assert_allclose(grid.cv_results_["mean_test_score"], expected, rtol=1e-12)
