"""Exact continuation: training on is the same as having trained longer, bit for bit.

Ten epochs in one `fit`, ten warm fits of one epoch, four and six, ten calls of
`partial_fit`: the same weights, the same loss curve; optimizer, schedule and generator
are continued, also through a pickle.  Here are the defects 14-18 of scikit-learn's MLP.
"""

import copy
import io
import pickle

import joblib
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from plain import BackpropClassifier, BackpropRegressor
from scipy import sparse
from sklearn.base import clone

from .common import SOLVERS, assert_identical, unconverged, weights

pytestmark = unconverged

SETTINGS = {
    "adam": {"solver": "adam"},
    "adam without shuffle": {"solver": "adam", "shuffle": False},
    "sgd": {"solver": "sgd"},
    "sgd without nesterov": {"solver": "sgd", "nesterovs_momentum": False},
    "sgd without momentum": {"solver": "sgd", "momentum": 0.0},
    "invscaling": {"solver": "sgd", "learning_rate": "invscaling"},
    # A tol that no epoch satisfies: the rate is divided after every other epoch.
    "adaptive": {"solver": "sgd", "learning_rate": "adaptive", "tol": 1e3, "n_iter_no_change": 1},
}
TASKS = ("binary", "multiclass", "multilabel", "regression", "multi-output", "poisson")
EVERY_SETTING = pytest.mark.parametrize("setting", SETTINGS)
EVERY_TASK = pytest.mark.parametrize("task", TASKS)


def make(task, setting="adam", **params):
    """An estimator, X, y, and what `partial_fit` wants to know."""
    rng = np.random.RandomState(0)
    X = rng.normal(size=(50, 4))
    Y = X[:, :2] + 0.3 * rng.normal(size=(50, 2))
    known = {"learning_rate_init": 0.01, "batch_size": 16, "random_state": 7}  # 16 16 16 2
    known |= SETTINGS[setting] | params
    if task in ("binary", "multiclass", "multilabel"):
        y = {
            "binary": np.array(["no", "yes"])[(Y[:, 0] > 0).astype(int)],
            "multiclass": np.digitize(Y[:, 0], [-0.5, 0.5]),
            "multilabel": (Y > 0).astype(int),
        }[task]
        return BackpropClassifier((6,), **known), X, y, {"classes": np.unique(y)}
    known["loss"] = "poisson" if task == "poisson" else "squared_error"
    y = {"regression": Y[:, 0], "multi-output": Y, "poisson": rng.poisson(np.exp(Y[:, 0]))}[task]
    return BackpropRegressor((6,), **known), X, y, {}


def assert_same(first, second):
    """The same model with the same past, bit for bit."""
    assert_identical(first, second)
    assert first.loss_curve_ == second.loss_curve_
    assert first.history_["learning_rate"] == second.history_["learning_rate"]
    assert (first.t_, first.loss_, first.best_iter_) == (second.t_, second.loss_, second.best_iter_)


def through_pickle(estimator):
    return pickle.loads(pickle.dumps(estimator))


def through_joblib(estimator):
    buffer = io.BytesIO()
    joblib.dump(estimator, buffer)
    buffer.seek(0)
    return joblib.load(buffer)


def warm(estimator, X, y, *parts, copied=lambda estimator: estimator):
    """Warm fits of so many epochs each, with a copy made in between."""
    estimator = clone(estimator).set_params(warm_start=True)
    for n_epochs in parts:
        estimator = copied(estimator).set_params(max_iter=n_epochs).fit(X, y)
    return estimator


def partial(estimator, X, y, classes, n_calls=10, copied=lambda estimator: estimator):
    """Calls of `partial_fit`, with a copy made in between."""
    estimator = clone(estimator)
    for _ in range(n_calls):
        estimator = copied(estimator).partial_fit(X, y, **classes)
    return estimator


# 14, 15: training on -------------------------------------------------------------------


@EVERY_SETTING
@EVERY_TASK
def test_14_warm_fits_are_one_long_fit(task, setting):
    estimator, X, y, _ = make(task, setting)
    long = clone(estimator).set_params(max_iter=10).fit(X, y)
    assert len(set(long.loss_curve_)) == 10  # every epoch learned something
    assert_same(warm(estimator, X, y, *10 * [1]), long)
    assert_same(warm(estimator, X, y, 4, 6), long)


@EVERY_SETTING
@EVERY_TASK
def test_15_calls_of_partial_fit_are_one_long_fit(task, setting):
    estimator, X, y, classes = make(task, setting)
    long = clone(estimator).set_params(max_iter=10).fit(X, y)
    short = partial(estimator, X, y, classes)
    assert_same(short, long)
    assert short.n_iter_ == 10


def test_14_the_adaptive_rate_of_these_tests_is_divided():
    estimator, X, y, _ = make("binary", "adaptive", max_iter=10)
    rates = estimator.fit(X, y).history_["learning_rate"]
    assert_allclose(rates, 0.01 / 5.0 ** (np.arange(10) // 3), rtol=1e-12)


@EVERY_SETTING
@pytest.mark.parametrize("copied", [through_pickle, through_joblib, copy.deepcopy])
@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_15_copies_go_on_exactly(task, setting, copied):
    estimator, X, y, classes = make(task, setting)
    long = clone(estimator).set_params(max_iter=6).fit(X, y)
    assert_same(warm(estimator, X, y, 1, 2, 3, copied=copied), long)
    assert_same(partial(estimator, X, y, classes, 6, copied=copied), long)


def test_14_fits_and_partial_fits_mix():
    estimator, X, y, classes = make("multiclass")
    mixed = warm(estimator, X, y, 2, 3).partial_fit(X, y, **classes).partial_fit(X, y)
    mixed.set_params(max_iter=3).fit(X, y)
    assert_same(mixed, clone(estimator).set_params(max_iter=10).fit(X, y))


@pytest.mark.parametrize(
    "kind", ["float32", "csr", "weighted", "class_weight", "deep", "tail of 1"]
)
def test_15_whatever_the_input(kind):
    estimator, X, y, classes = make("multiclass")
    if kind == "float32":
        X = X.astype(np.float32)
    elif kind == "csr":
        X = sparse.csr_array(np.where(X > 0, X, 0))
    elif kind == "deep":
        estimator.set_params(hidden_layer_sizes=(5, 4, 3))
    elif kind == "tail of 1":
        estimator.set_params(batch_size=49)
    weight = {"sample_weight": np.arange(50) % 3} if kind == "weighted" else {}
    if kind == "class_weight":
        estimator.set_params(class_weight={0: 1.0, 1: 2.0, 2: 0.5})
    long = clone(estimator).set_params(max_iter=6).fit(X, y, **weight)
    short, again = clone(estimator), clone(estimator).set_params(warm_start=True, max_iter=2)
    for _ in range(6):
        short.partial_fit(X, y, **classes, **weight)
    for _ in range(3):
        again.fit(X, y, **weight)
    assert_same(short, long)
    assert_same(again, long)


@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_15_every_call_of_partial_fit_shuffles_anew(solver):
    estimator, X, y, classes = make("binary", solver, learning_rate_init=1e-12)
    estimator.partial_fit(X, y, **classes)
    # The weights hardly move, so a batch's gradient changes only with the rows in it.
    norms = [estimator.partial_fit(X, y).history_["gradient_norm"][-1] for _ in range(5)]
    assert len({round(norm, 9) for norm in norms}) == 5


def test_15_the_epoch_counter_grows():
    estimator, X, y, classes = make("binary")
    for n in range(1, 5):
        estimator.partial_fit(X, y, **classes)
        assert estimator.n_iter_ == estimator.best_iter_ == len(estimator.loss_curve_) == n
        assert estimator.t_ == 50 * n


def test_14_a_fit_without_warm_start_begins_again():
    estimator, X, y, _ = make("binary", max_iter=4)
    first = weights(clone(estimator).fit(X, y))
    for before in (estimator.fit, estimator.partial_fit):
        before(X, y)
        for mine, other in zip(weights(estimator.fit(X, y)), first, strict=True):
            assert_array_equal(mine, other)
        assert len(estimator.loss_curve_) == 4


def test_14_a_generator_is_shared_and_continued():
    estimator, X, y, _ = make("binary", max_iter=4)
    rng = np.random.RandomState(7)
    first = weights(clone(estimator).fit(X, y))
    estimator.set_params(random_state=rng)
    for mine, other in zip(weights(estimator.fit(X, y)), first, strict=True):
        assert_array_equal(mine, other)
    assert np.abs(weights(estimator.fit(X, y))[0] - first[0]).max() > 0.1


@SOLVERS
@pytest.mark.parametrize("copied", [lambda estimator: estimator, through_pickle])
def test_14_a_plain_fit_can_be_continued_from_its_weights(solver, copied):
    estimator, X, y, _ = make("regression", max_iter=20, alpha=0, batch_size="auto")
    if solver == "lbfgs":
        estimator.set_params(learning_rate_init="auto")
    estimator.set_params(solver=solver).fit(X, y)
    loss = 0.5 * np.mean((estimator.predict(X) - y) ** 2)
    estimator = copied(estimator).set_params(warm_start=True, max_iter=5).fit(X, y)
    assert estimator.n_iter_ == 5
    assert len(estimator.loss_curve_) == 25
    if solver == "lbfgs":  # a loss after the step, not before it
        assert estimator.loss_curve_[20] < loss
    else:
        assert_allclose(estimator.loss_curve_[20], loss, rtol=1e-12)


# 16: parameters changed on the way ---------------------------------------------------------


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize("solver", ["adam", "sgd without momentum"])
def test_16_a_new_learning_rate_counts_from_the_next_step(solver, method):
    estimator, X, y, classes = make("regression", solver, batch_size=50, max_iter=1)
    estimator.set_params(warm_start=True).partial_fit(X, y, **classes)
    start = weights(copy.deepcopy(estimator))
    steps = []
    for rate in (0.01, 0.02):
        other = through_pickle(estimator).set_params(learning_rate_init=rate)
        getattr(other, method)(X, y)
        assert other.history_["learning_rate"][-1] == rate
        steps.append([after - before for after, before in zip(weights(other), start, strict=True)])
    for one, two in zip(*steps, strict=True):
        assert_allclose(two, 2 * one, rtol=1e-9, atol=1e-15)


def test_16_other_parameters_count_from_the_next_call():
    estimator, X, y, _ = make("regression", "sgd without momentum", batch_size=50, alpha=0)
    estimator.partial_fit(X, y)
    plain, penalized = through_pickle(estimator), through_pickle(estimator)
    before = estimator.coefs_[0]
    plain.partial_fit(X, y)
    penalized.set_params(alpha=5.0).partial_fit(X, y)
    assert_allclose(plain.coefs_[0] - penalized.coefs_[0], 0.01 * 5.0 / 50 * before, rtol=1e-9)


# 17: classes -------------------------------------------------------------------------------


@pytest.mark.parametrize("warm_start", [False, True])
def test_17_partial_fit_takes_a_subset_of_the_classes(warm_start):
    estimator, X, y, classes = make("multiclass", warm_start=warm_start)
    estimator.partial_fit(X, y, **classes)
    for label in (2, 0, 1):
        estimator.partial_fit(X[y == label], y[y == label])
        estimator.partial_fit(X[y == label], y[y == label], **classes)
    assert_array_equal(estimator.classes_, [0, 1, 2])
    assert estimator.n_iter_ == 7


@pytest.mark.parametrize("warm_start", [False, True])
def test_17_an_unseen_class_is_refused_by_name(warm_start):
    estimator, X, y, _ = make("binary", warm_start=warm_start)
    estimator.partial_fit(X, y, classes=["no", "yes"])
    before = estimator.predict_proba(X)
    other = np.where(np.arange(50) == 3, "maybe", y)
    with pytest.raises(ValueError, match="maybe"):
        estimator.partial_fit(X, other)
    with pytest.raises(ValueError, match="maybe"):
        clone(estimator).partial_fit(X, other, classes=["no", "yes"])
    with pytest.raises(ValueError, match="classes"):
        estimator.partial_fit(X, y, classes=["maybe", "no", "yes"])
    assert_array_equal(estimator.predict_proba(X), before)


def test_17_the_first_partial_fit_needs_the_classes():
    estimator, X, y, _ = make("binary")
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        estimator.partial_fit(X, y)


@pytest.mark.parametrize("other", [[0, 1], [0, 1, 2, 3], [0, 1, 5]])
def test_17_a_warm_fit_needs_the_same_classes(other):
    estimator, X, y, _ = make("multiclass", warm_start=True, max_iter=2)
    before = estimator.fit(X, y).predict_proba(X)
    message = "warm_start can only be used where `y` has the same classes as in the previous"
    with pytest.raises(ValueError, match=message):
        estimator.fit(X, np.array(other)[np.arange(50) % len(other)])
    assert_array_equal(estimator.predict_proba(X), before)


# 18: shapes --------------------------------------------------------------------------------


@SOLVERS
@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_18_another_architecture_is_refused_and_the_model_unharmed(task, solver):
    estimator, X, y, _ = make(task, max_iter=2, warm_start=True)
    estimator.set_params(solver=solver, batch_size="auto", learning_rate_init="auto")
    before = estimator.fit(X, y).predict(X)
    methods = [estimator.fit] if solver == "lbfgs" else [estimator.fit, estimator.partial_fit]
    for method in methods:
        for sizes in ((7,), (6, 6), ()):
            estimator.set_params(hidden_layer_sizes=sizes)
            with pytest.raises(ValueError, match="same shape.*hidden_layer_sizes"):
                method(X, y)
            assert_array_equal(estimator.predict(X), before)
        estimator.set_params(hidden_layer_sizes=(6,))
        with pytest.raises(ValueError, match=r"3 features.*4 features"):
            method(X[:, :3], y)
        assert estimator.n_features_in_ == 4
        assert_array_equal(estimator.predict(X), before)
        method(X, y)
        before = estimator.predict(X)


def test_18_another_number_of_outputs_is_refused():
    estimator, X, y, _ = make("multi-output", max_iter=2, warm_start=True)
    before = estimator.fit(X, y).predict(X)
    with pytest.raises(ValueError, match=r"2 columns.*got 1"):
        estimator.fit(X, y[:, 0])
    assert_array_equal(estimator.predict(X), before)
