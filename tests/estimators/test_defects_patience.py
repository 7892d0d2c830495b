"""Defects of scikit-learn's MLP: patience, learning rates, alpha, and Ctrl-C.

See ``test_defects_stopping.py``.  Here: 10, 19-21, 27, 28 and 35.
"""

import warnings
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from plain import BackpropClassifier, BackpropRegressor
from sklearn.neural_network import MLPClassifier, MLPRegressor

from skbackprop.training.callbacks import ReduceOnPlateau, StopOnPlateau, loss_fell
from skbackprop.training.run import Run

from .common import BOTH, SOLVERS, assert_identical, unconverged, weights

FLAT = 1e-12  # a learning rate so small that every epoch after the first is a bad one


def blobs(n=60, seed=0):
    """Two classes that overlap."""
    rng = np.random.RandomState(seed)
    y = np.arange(n) % 2
    return rng.normal(size=(n, 4)) + y[:, None], y


def plane(n=60, seed=0):
    """A linear relation with a little noise."""
    rng = np.random.RandomState(seed)
    X = rng.normal(size=(n, 3))
    return X, X @ [1.0, -2.0, 0.5] + 0.1 * rng.normal(size=n)


def replay(callback, losses, *, rate=1e-3):
    """Tell a callback a curve of losses; return the run it has acted on."""
    run = Run(network=None, rng=None)
    for epoch, loss in enumerate(losses, start=1):
        run.lr = rate * run.lr_scale
        run.clock.epoch = epoch
        run.history.add(epoch=epoch, loss=loss)
        callback.on_epoch_end(run)
        if run.stop_reason is not None:
            break
    return run


@dataclass
class Slope:
    """A user's loss, ``ℓ = score``: full-batch descent lowers it by the same step forever."""

    def value_and_delta(self, target, scores, weight, out):
        out[...] = np.reshape(weight, (-1, 1))
        return float((out * scores).sum())

    def predict(self, scores):
        return scores


@dataclass
class Interrupting:
    """A user's activation, tanh, during whose call number `calls` the user presses Ctrl-C."""

    calls: float = np.inf

    def forward(self, z, out):
        self.calls -= 1
        if self.calls == 0:
            raise KeyboardInterrupt
        np.tanh(z, out=out)

    def backward(self, z, y, d):
        d *= 1 - y**2


# 10: the meaning of alpha ----------------------------------------------------------------


@unconverged
@pytest.mark.parametrize("batch_size", [30, 29, 8])
def test_10_plain_divides_alpha_by_the_rows_of_the_batch_as_mlp_does(batch_size):
    X, y = plane(30)
    settings = {"hidden_layer_sizes": (4,), "alpha": 5.0, "batch_size": batch_size}
    settings |= {"max_iter": 20, "random_state": 0, "learning_rate_init": 0.01}
    ours, theirs = BackpropRegressor(**settings).fit(X, y), MLPRegressor(**settings).fit(X, y)
    assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=1e-9)
    for mine, other in zip(weights(ours), weights(theirs), strict=True):
        assert_allclose(mine, other, rtol=1e-9, atol=1e-12)


# 19, 20, 21: patience --------------------------------------------------------------------


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("n_iter_no_change", [1, 5])
def test_19_plain_stops_after_one_bad_epoch_more_as_mlp_does(n_iter_no_change, early_stopping):
    X, y = blobs(100)
    settings = {"learning_rate_init": FLAT, "n_iter_no_change": n_iter_no_change}
    settings |= {"early_stopping": early_stopping, "random_state": 0}
    for Estimator in (BackpropClassifier, MLPClassifier):
        assert Estimator((3,), **settings).fit(X, y).n_iter_ == 1 + (n_iter_no_change + 1)


@unconverged
@pytest.mark.parametrize(
    ("share", "n_epochs"),
    [(0.9, 60), (0.3, 60), (0.05, 12)],  # of tol, gained in each epoch; 11 epochs of patience
)
def test_20_small_gains_add_up(share, n_epochs):
    X, y = np.zeros((20, 1)), np.zeros(20)
    tol = 1e-3
    estimator = BackpropRegressor(
        (), loss=Slope(), solver="sgd", momentum=0, alpha=0, learning_rate_init=share * tol,
        tol=tol, max_iter=60, random_state=0,
    ).fit(X, y)  # fmt: skip
    assert_allclose(-np.diff(estimator.loss_curve_), share * tol, rtol=1e-9)
    assert estimator.n_iter_ == n_epochs


@pytest.mark.parametrize(("share", "n_epochs"), [(0.9, 100), (0.3, 100), (0.05, 12)])
def test_20_the_reference_moves_only_on_gains_of_tol(share, n_epochs):
    losses = 1 - share * 1e-4 * np.arange(100)
    run = replay(StopOnPlateau(loss_fell, tol=1e-4, n_iter_no_change=10), losses)
    assert len(run.history) == n_epochs


def test_20_not_a_number_is_never_an_improvement():
    run = replay(StopOnPlateau(loss_fell, tol=0.0, n_iter_no_change=3), [1.0] + 20 * [np.nan])
    assert len(run.history) == 5


@unconverged
@SOLVERS
@BOTH
def test_21_without_early_stopping_the_last_epoch_is_described(Estimator, solver):
    X, y = blobs()
    estimator = Estimator((6,), solver=solver, max_iter=15, random_state=0).fit(X, y)
    assert estimator.best_iter_ == estimator.n_iter_ == len(estimator.loss_curve_)
    assert estimator.loss_ == estimator.loss_curve_[-1]
    assert estimator.best_loss_ == min(estimator.loss_curve_)


@unconverged
@SOLVERS
@BOTH
def test_21_with_early_stopping_the_best_epoch_is_described(Estimator, solver):
    X, y = blobs(80)
    estimator = Estimator(
        (10,), solver=solver, max_iter=40, n_iter_no_change=100, early_stopping=True,
        learning_rate_init=0.05, alpha=0, random_state=2,
    )  # fmt: skip
    if solver == "lbfgs":
        estimator.set_params(learning_rate_init="auto")
    elif solver == "sgd":
        estimator.set_params(learning_rate_init=0.5)
    estimator.fit(X, y)
    best = estimator.best_iter_
    assert 0 < best < estimator.n_iter_ == len(estimator.loss_curve_)
    assert estimator.loss_ == estimator.loss_curve_[best - 1]
    assert estimator.best_loss_ is None
    assert estimator.best_validation_score_ == estimator.validation_scores_[best - 1]
    assert_identical(estimator, estimator.__class__(**estimator.get_params()).set_params(
        max_iter=best
    ).fit(X, y))  # fmt: skip


# 27, 28: learning rates ------------------------------------------------------------------


@unconverged
@pytest.mark.parametrize("power_t", [0.5, 1.0])
@pytest.mark.parametrize("n", [40, 400])
def test_27_invscaling_counts_epochs(n, power_t):
    X, y = blobs(n)
    estimator = BackpropClassifier(
        (3,), solver="sgd", learning_rate="invscaling", power_t=power_t, learning_rate_init=0.1,
        batch_size=10, max_iter=6, random_state=0,
    ).fit(X, y)  # fmt: skip
    rates = 0.1 / np.arange(1, 7) ** power_t
    assert_allclose(estimator.history_["learning_rate"], rates, rtol=1e-12)


def test_28_a_lucky_epoch_costs_at_most_one_division():
    losses = 1 - 0.01 * np.arange(60)
    losses[3] = 0.05
    callback = ReduceOnPlateau(loss_fell, tol=1e-4, n_iter_no_change=2)
    run = replay(callback, losses)
    assert run.stop_reason is None
    assert run.lr_scale == 1 / 5


def test_28_a_flat_loss_is_divided_until_the_rate_is_too_small():
    callback = ReduceOnPlateau(loss_fell, tol=1e-4, n_iter_no_change=2)
    run = replay(callback, np.ones(100), rate=1e-3)
    assert run.stop_reason is not None
    assert 1e-3 * run.lr_scale <= 1e-6 < 5e-3 * run.lr_scale
    # Five divisions, then the end; each takes a first epoch and three bad ones.
    assert len(run.history) == 6 * 4


@unconverged
def test_28_adaptive_divides_the_rate_of_an_estimator():
    X, y = np.zeros((20, 1)), np.zeros(20)
    estimator = BackpropRegressor(
        (), loss=Slope(), solver="sgd", learning_rate="adaptive", momentum=0, alpha=0,
        learning_rate_init=1e-5, tol=1.0, n_iter_no_change=2, max_iter=50, random_state=0,
    ).fit(X, y)  # fmt: skip
    rates = np.repeat([1e-5, 2e-6, 4e-7], 4)
    assert_allclose(estimator.history_["learning_rate"], rates, rtol=1e-12)


# 35: Ctrl-C ------------------------------------------------------------------------------


def interrupted(calls, params, data, validation):
    """A fit interrupted in the middle of an epoch, and its warnings."""
    estimator = BackpropClassifier((5,), activation=Interrupting(calls), **params)
    with warnings.catch_warnings(record=True) as log:
        warnings.simplefilter("always")
        estimator.fit(*data, **validation)
    return estimator, [str(w.message) for w in log]


@unconverged
@pytest.mark.parametrize(
    ("calls", "params"),
    [
        (10, {"solver": "adam"}),  # four batches are an epoch: this is in the third
        (10, {"solver": "sgd"}),
        (10, {"solver": "sgd", "learning_rate": "invscaling"}),
        (13, {"solver": "adam", "early_stopping": True}),  # and a call for the validation rows
        (10, {"solver": "lbfgs", "batch_size": "auto"}),
    ],
)
def test_35_ctrl_c_keeps_the_last_complete_epoch(calls, params):
    params = {"batch_size": 10, "random_state": 0} | params
    data, validation = blobs(40), {}
    if "early_stopping" in params:
        X_val, y_val = blobs(30, seed=1)
        validation = {"X_val": X_val, "y_val": 1 - y_val}  # so that the first epoch is the best
    estimator, messages = interrupted(calls, params, data, validation)
    assert messages == ["Training interrupted by user."]
    assert estimator.interrupted_ is True
    assert 1 <= estimator.n_iter_ == len(estimator.loss_curve_) < 10
    if params["solver"] != "lbfgs":
        assert estimator.n_iter_ == 2
    reference = BackpropClassifier(
        (5,), activation=Interrupting(), max_iter=estimator.n_iter_, **params
    ).fit(*data, **validation)
    assert reference.interrupted_ is False
    assert_identical(estimator, reference)
    assert estimator.loss_curve_ == reference.loss_curve_
    assert estimator.best_iter_ == reference.best_iter_
    assert estimator.t_ == reference.t_
    assert estimator.loss_ == reference.loss_


@unconverged
@SOLVERS
def test_35_ctrl_c_in_the_first_epoch_of_a_warm_fit_changes_nothing(solver):
    X, y = blobs(40)
    activation = Interrupting()
    estimator = BackpropClassifier(
        (5,), activation=activation, solver=solver, max_iter=3, warm_start=True, random_state=0
    ).fit(X, y)
    before = [array.copy() for array in weights(estimator)]
    activation.calls = 1
    with pytest.warns(UserWarning, match="Training interrupted by user."):
        estimator.fit(X, y)
    assert estimator.interrupted_
    for array, other in zip(weights(estimator), before, strict=True):
        assert_array_equal(array, other)
