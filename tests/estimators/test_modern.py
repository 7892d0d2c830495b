"""Solvers, schedules, decay, clipping, dropout, normalization, residuals, averages.

What each parameter promises, seen from `fit` and `predict`; that training with them can be
continued is in `test_modern_continuation`.
"""

from dataclasses import fields
from typing import ClassVar

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from packed import packed
from plain import BackpropClassifier, BackpropRegressor
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.metrics import get_scorer
from sklearn.model_selection import GridSearchCV
from sklearn.utils.estimator_checks import check_estimator

from skbackprop.nn.architectures import NORMALIZATIONS
from skbackprop.nn.layers import Dropout
from skbackprop.nn.losses import HalfSquaredError
from skbackprop.optim import AVERAGES, OPTIMIZERS, AdamW, ExponentialAverage, Lion
from skbackprop.optim.schedules import SCHEDULES

from .common import (
    BOTH,
    SKLEARN_HAS_CALLBACKS,
    assert_identical,
    assert_within,
    features,
    small,
    target,
    unconverged,
)

pytestmark = unconverged

X = features(64, 4)
y = target("multiclass", X)
Y = target("regression", X)
RATES = {"sgd": 0.1, "adagrad": 0.1, "lion": 0.01}
COMMON = {"hidden_layer_sizes": (8, 8), "batch_size": 16, "random_state": 3}


def classifier(**params):
    rate = {"learning_rate_init": RATES.get(params.get("solver"), 0.02)}
    return BackpropClassifier(**packed(**COMMON | rate | params))


# Solvers and schedules -----------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:.*no effect with solver='adam'.*:UserWarning")
@pytest.mark.parametrize("solver", OPTIMIZERS)
@pytest.mark.parametrize("rate", [*SCHEDULES, "adaptive"])
def test_every_solver_learns_on_every_schedule(solver, rate):
    estimator = classifier(solver=solver, learning_rate=rate, max_iter=25).fit(X, y)
    assert estimator.loss_curve_[-1] < 0.85 * estimator.loss_curve_[0]
    assert estimator.score(X, y) > 0.6


@pytest.mark.parametrize("rate", SCHEDULES)
def test_a_schedule_spans_the_epochs_of_a_fit(rate):
    estimator = classifier(solver="adamw", learning_rate=rate, max_iter=8, tol=0).fit(X, y)
    seen = np.array(estimator.history_["learning_rate"]) / 0.02
    assert seen.max() <= 1
    if rate in ("cosine", "warmup_cosine", "one_cycle", "polynomial", "flat_cos"):
        assert seen[-1] < 0.05  # the last step of 32


@pytest.mark.parametrize("solver", sorted(set(OPTIMIZERS) - {"sgd", "adam"}))
def test_a_solver_has_the_numbers_of_its_paper_unless_told_otherwise(solver):
    own = {field.name: field.default for field in fields(OPTIMIZERS[solver])}
    resolved = classifier(solver=solver, max_iter=1).fit(X, y).resolved_params_
    for name in ("beta_1", "beta_2", "epsilon", "momentum", "weight_decay"):
        if name in own:
            assert resolved[name] == own[name]
    told = {name: 0.5 for name in ("beta_1", "beta_2", "momentum") if name in own}
    told["weight_decay"] = 0.125
    resolved = classifier(solver=solver, max_iter=1, **told).fit(X, y).resolved_params_
    assert {name: resolved[name] for name in told} == told


def test_parameters_that_a_solver_does_not_read_are_named():
    with pytest.warns(UserWarning, match=r"solver='lion'.*epsilon=0\.1.*Remove"):
        classifier(solver="lion", epsilon=0.1, max_iter=1).fit(X, y)
    with pytest.warns(UserWarning, match=r"solver='adagrad'.*beta_1=0\.5"):
        classifier(solver="adagrad", beta_1=0.5, max_iter=1).fit(X, y)


def test_schedule_free_returns_the_mean_and_not_where_it_goes_on():
    estimator = classifier(solver="schedule_free", max_iter=5).fit(X, y)
    run = estimator._fitted.run
    x, z, _ = run.optimizer_state.slots
    assert_array_equal(estimator.network_.theta, x)
    assert_within(run.training_theta, 0.9 * x + 0.1 * z, 1e-12)
    assert np.abs(run.training_theta - x).max() > 1e-4


# Averaging and validation --------------------------------------------------------------------


def stepwise(n_steps, **params):
    """The parameters after every step: one batch is one call."""
    estimator = classifier(batch_size=64, **params)
    path = []
    for _ in range(n_steps):
        estimator.partial_fit(X, y, classes=np.unique(y))
        path.append(estimator.network_.theta.copy())
    return path


def test_averages_are_those_of_the_steps():
    path = stepwise(12)
    ema = ExponentialAverage()
    for theta in path:
        ema.update(theta)
    settings = {"batch_size": 64, "max_iter": 12}
    assert_within(
        classifier(averaging="ema", **settings).fit(X, y).network_.theta, ema.value, 1e-12
    )
    mean = np.mean(path[8:], axis=0)  # from three quarters on: steps 9 to 12
    assert_within(classifier(averaging="swa", **settings).fit(X, y).network_.theta, mean, 1e-12)


@pytest.mark.parametrize("scoring", ["auto", "accuracy", "neg_log_loss", "loss"])
@pytest.mark.parametrize("params", [*({"averaging": name} for name in AVERAGES),
                                    {"solver": "schedule_free"}])  # fmt: skip
def test_validation_judges_the_weights_that_are_returned(params, scoring):
    settings = {"early_stopping": True, "scoring": scoring, "max_iter": 12, "warm_start": True}
    estimator = classifier(**params, **settings).fit(X[:40], y[:40], X_val=X[40:], y_val=y[40:])
    name = {"auto": "accuracy", "loss": "neg_log_loss"}.get(scoring, scoring)
    score = get_scorer(name)(estimator, X[40:], y[40:])
    assert_allclose(estimator.best_validation_score_, score, rtol=1e-9)


@pytest.mark.parametrize("params", [{"averaging": "ema"}, {"solver": "schedule_free"}])
def test_validation_of_each_partial_fit_too(params):
    estimator = classifier(**params)
    for _ in range(4):
        estimator.partial_fit(X, y, classes=np.unique(y), X_val=X[::2], y_val=y[::2])
        loss = -get_scorer("neg_log_loss")(estimator, X[::2], y[::2])
        assert_allclose(estimator.history_["validation_loss"][-1], loss, rtol=1e-9)


@pytest.mark.skipif(not SKLEARN_HAS_CALLBACKS, reason="scikit-learn < 1.9")
@pytest.mark.parametrize("params", [{"averaging": "ema"}, {"solver": "schedule_free"}])
def test_callbacks_of_scikit_learn_see_the_average(params):
    from sklearn.callback import ScoringMonitor

    monitor = ScoringMonitor(scoring="r2")
    estimator, A, b = small(BackpropRegressor, max_iter=4, batch_size=16, **params)
    estimator.set_callbacks(monitor).fit(A, b)
    scores = [row["r2"] for row in monitor.get_logs().data if row["task_name"] == "epoch"]
    shorter = [small(BackpropRegressor, max_iter=n, batch_size=16, **params)[0].fit(A, b)
               for n in range(1, 5)]  # fmt: skip
    assert_within(scores, [each.score(A, b) for each in shorter], 1e-9)


# Dropout -------------------------------------------------------------------------------------


class Recording(HalfSquaredError):
    """The squared error, which notes the targets of every batch in the class."""

    seen: ClassVar[list] = []

    def value_and_delta(self, target, scores, weight, out):
        self.seen.append(target.ravel().copy())
        return super().value_and_delta(target, scores, weight, out)


def order_of_rows(**params):
    Recording.seen.clear()
    estimator = BackpropRegressor(**COMMON, loss=Recording(), max_iter=3, **params)
    estimator.fit(X, np.arange(64.0))
    return np.concatenate(Recording.seen)


def test_dropout_changes_neither_the_start_nor_the_order_of_rows():
    assert_array_equal(order_of_rows(dropout=0.5), order_of_rows())
    starts = [
        classifier(dropout=rate, solver="sgd", learning_rate_init=1e-300, max_iter=1).fit(X, y)
        for rate in (0.0, 0.5)
    ]
    assert_identical(*starts)


def test_dropout_is_off_in_predictions_and_on_in_training():
    estimator = classifier(dropout=0.5, max_iter=5).fit(X, y)
    assert_array_equal(estimator.predict_proba(X), estimator.predict_proba(X))
    whole, parts = estimator.predict_proba(X), estimator.predict_proba(X[:7])
    assert_within(parts, whole[:7], 1e-12)
    with pytest.raises(AssertionError):
        assert_identical(estimator, classifier(max_iter=5).fit(X, y))
    assert_identical(estimator, classifier(dropout=0.5, max_iter=5).fit(X, y))


# Normalization, residual connections ---------------------------------------------------------


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize("dropout", [0.0, 0.2])
def test_layers_combine(normalization, residual, dropout):
    settings = {"hidden_layer_sizes": (8, 8, 5), "max_iter": 60, "residual": residual}
    estimator = classifier(**settings, dropout=dropout, normalization=normalization).fit(X, y)
    assert estimator.score(X, y) > 0.75
    assert [estimator.activations(X, k).shape[1] for k in range(3)] == [8, 8, 5]
    scores = estimator.activations(X) @ estimator.coefs_[-1] + estimator.intercepts_[-1]
    assert_within(scores, estimator.decision_function(X), 1e-12)


@BOTH
@pytest.mark.parametrize("normalization", ["layer", "rms", None])
def test_weight_0_is_absence_in_full_batches(Estimator, normalization):
    estimator, A, b = small(Estimator, normalization=normalization, shuffle=False, max_iter=15)
    weight = np.arange(len(A)) % 3 > 0
    estimator.set_params(batch_size=len(A), residual=True, hidden_layer_sizes=(6, 6))
    weighted = clone(estimator).fit(A, b, sample_weight=weight.astype(float))
    without = clone(estimator).set_params(batch_size=int(weight.sum())).fit(A[weight], b[weight])
    assert_within(weighted.network_.theta, without.network_.theta, 1e-9)


def digits():
    A, b = load_digits(return_X_y=True)
    A = (A / 8 - 1).astype(np.float32)
    return A[:1200], A[1200:], b[:1200], b[1200:]


def test_fifty_layers_learn_with_residual_connections_only():
    A, A_test, b, b_test = digits()
    deep = BackpropClassifier((64,) * 50, batch_size=64, max_iter=6, random_state=0)
    assert clone(deep).fit(A, b).score(A, b) < 0.5
    residual = clone(deep).set_params(residual=True).fit(A, b)
    assert residual.score(A, b) >= 0.95
    assert residual.score(A_test, b_test) >= 0.85


# Decay and clipping --------------------------------------------------------------------------


def norm_after(**params):
    estimator = BackpropRegressor((20,), solver="sgd", momentum=0.0, alpha=0.0, random_state=0,
                                  tol=0.0, **params)  # fmt: skip
    estimator.fit(X, np.zeros(64))
    return np.linalg.norm(estimator.network_.weights)


def test_decay_is_that_of_the_rate_whatever_the_batch():
    rate = 1e-6  # next to no learning: what is left is decay
    start = norm_after(max_iter=1, learning_rate_init=rate)
    for size in (8, 64):
        steps = 10 * 64 // size
        decayed = norm_after(max_iter=10, batch_size=size, learning_rate_init=rate,
                             weight_decay=1e4)  # fmt: skip
        assert_allclose(decayed / start, (1 - 1e-2) ** steps, rtol=1e-3)


def test_decay_leaves_the_biases_alone():
    settings = {"solver": "sgd", "momentum": 0.0, "alpha": 0.0, "learning_rate_init": 1e-9}
    free, decayed = (
        classifier(**settings, weight_decay=d, max_iter=1).fit(X, y) for d in (0.0, 1e8)
    )
    for a, b in zip(free.intercepts_, decayed.intercepts_, strict=True):
        assert_within(a, b, 1e-7)
    assert_allclose(decayed.coefs_[0], 0.9**4 * free.coefs_[0], rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("solver", OPTIMIZERS)
def test_no_gradient_is_longer_than_allowed(solver):
    norms = classifier(solver=solver, max_grad_norm=0.05, max_iter=5).fit(X, y).history_
    assert max(norms["gradient_norm"]) <= 0.05 * (1 + 1e-12)
    assert max(classifier(solver=solver, max_iter=5).fit(X, y).history_["gradient_norm"]) > 0.05


# A rate of dropout for each layer ---------------------------------------------------------------


def test_equal_rates_of_dropout_are_one_rate():
    one, each = (
        classifier(hidden_layer_sizes=(6, 5), dropout=d, max_iter=4).fit(X, y)
        for d in (0.2, [0.2, 0.2])
    )
    np.testing.assert_array_equal(one._fitted.network.theta, each._fitted.network.theta)


@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize("rates", [(0.0, 0.3), [0.3, 0.0], (0.1, 0.4)])
def test_each_layer_drops_at_its_own_rate(rates, residual):
    model = classifier(hidden_layer_sizes=(6, 6), dropout=rates, residual=residual, max_iter=4).fit(
        X, y
    )
    layers = [
        part for layer in model.network_.layer.layers
        for part in (layer.inner.layers if hasattr(layer, "inner") else (layer,))
    ]  # fmt: skip
    assert [layer.rate for layer in layers if isinstance(layer, Dropout)] == [
        rate for rate in rates if rate > 0
    ]
    # the layers are found again whatever stands between them
    last = model.activations(X) @ model.coefs_[-1] + model.intercepts_[-1]
    np.testing.assert_allclose(last, model.network_.scores(X), rtol=1e-6)
    assert model.activations(X, 0).shape == (len(X), 6)
    assert (model.predict_std(X, method="dropout") > 0).any()


def test_rates_of_dropout_need_as_many_layers():
    with pytest.raises(ValueError, match=r"dropout needs one rate.*each of the 2.*got 4.*as long"):
        classifier(hidden_layer_sizes=(6, 5), dropout=[0.1, 0.2, 0.3, 0.4]).fit(X, y)


def test_rates_of_zero_are_no_dropout():
    params = {"solver": "lbfgs", "learning_rate_init": "auto", "batch_size": "auto", "max_iter": 20}
    none = classifier(hidden_layer_sizes=(6, 5), dropout=[0.0, 0.0], **params).fit(X, y)
    np.testing.assert_array_equal(
        none._fitted.network.theta,
        classifier(hidden_layer_sizes=(6, 5), **params).fit(X, y)._fitted.network.theta,
    )
    with pytest.raises(ValueError, match=r"lbfgs.*dropout=\[0.0, 0.1\]"):
        classifier(hidden_layer_sizes=(6, 5), dropout=[0.0, 0.1], **params).fit(X, y)


# What makes no sense is refused ----------------------------------------------------------------


@BOTH
@pytest.mark.parametrize("params", [
    {"dropout": 0.1}, {"weight_decay": 0.1}, {"normalization": "batch"},
    {"dropout": 0.1, "weight_decay": 0.2},
])  # fmt: skip
def test_lbfgs_refuses_what_it_cannot_use(Estimator, params):
    estimator, A, b = small(Estimator, solver="lbfgs", learning_rate_init="auto", **params)
    with pytest.raises(ValueError, match=r"solver='lbfgs' needs.*got.*(Leave|use)") as error:
        estimator.fit(A, b)
    assert all(f"{name}={value!r}" in str(error.value) for name, value in params.items())
    assert not hasattr(estimator, "coefs_")


@BOTH
@pytest.mark.parametrize("params", [{"normalization": "layer"}, {"normalization": "rms"},
                                    {"residual": True, "hidden_layer_sizes": (6, 6)}])  # fmt: skip
def test_lbfgs_takes_what_is_the_same_at_every_look(Estimator, params):
    estimator, A, b = small(Estimator, solver="lbfgs", **params, learning_rate_init="auto")
    assert estimator.fit(A, b).loss_curve_[-1] < 0.5 * estimator.loss_curve_[0]


@BOTH
@pytest.mark.parametrize(("n", "size"), [(81, 20), (90, 1), (90, 89)])
def test_batch_norm_refuses_a_batch_of_one_row(Estimator, n, size):
    estimator, A, b = small(Estimator, n=n, normalization="batch", batch_size=size)
    with pytest.raises(ValueError, match=r"'batch' needs.*got.*single row.*batch_size"):
        estimator.fit(A, b)
    estimator.set_params(batch_size=9 if n == 90 else 27).fit(A, b)


@pytest.mark.parametrize("params", [*({"averaging": name} for name in AVERAGES),
                                    {"solver": "schedule_free"}])  # fmt: skip
def test_batch_norm_refuses_averages_that_have_no_moments(params):
    with pytest.raises(ValueError, match=r"'batch' needs moments.*got.*normalization='layer'"):
        classifier(normalization="batch", **params).fit(X, y)


def test_batch_norm_refuses_a_row_alone_in_partial_fit():
    estimator = classifier(normalization="batch").partial_fit(X, y, classes=np.unique(y))
    with pytest.raises(ValueError, match="single row"):
        estimator.partial_fit(X[:1], y[:1])


# scikit-learn ----------------------------------------------------------------------------------

GRID = {
    "solver": [AdamW(), Lion()],
    "dropout": [0.0, 0.2],
    "normalization": [None, "layer"],
    "solver__averaging": [None, "ema"],
}


@BOTH
def test_a_grid_search_tunes_them(Estimator):
    estimator, A, b = small(Estimator, max_iter=3)
    search = GridSearchCV(estimator, GRID, cv=2).fit(A, b)
    assert len(search.cv_results_["params"]) == 16
    best = search.best_estimator_
    chosen = dict(search.best_params_)
    assert type(best.solver) is type(chosen.pop("solver"))
    assert {name: best.get_params()[name] for name in chosen} == chosen
    assert clone(best).get_params() == best.get_params()


CONFIGURATIONS = {
    "residual": {"normalization": "layer", "residual": True, "hidden_layer_sizes": (10, 10)},
    "rms": {"normalization": "rms"},
    "ema": {"averaging": "ema"},
    "swa": {"averaging": "swa"},
    "cosine": {"solver": "adamw", "learning_rate": "cosine"},
    "clipped": {"max_grad_norm": 1.0, "weight_decay": 0.1},
    **{solver: {"solver": solver} for solver in OPTIMIZERS if solver not in ("sgd", "adam")},
}


@BOTH
@pytest.mark.parametrize("name", CONFIGURATIONS)
@pytest.mark.filterwarnings("ignore:These parameters .* n_iter_no_change=20. :UserWarning")
def test_check_estimator(Estimator, name):
    params = {"hidden_layer_sizes": (10,), "max_iter": 40, **CONFIGURATIONS[name]}
    rate = RATES.get(params.get("solver"), 0.03)
    estimator = Estimator(**packed(**params, learning_rate_init=rate))
    rows = check_estimator(estimator, on_skip=None, on_fail=None)
    failed = {r["check_name"]: r["exception"] for r in rows if r["status"] == "failed"}
    assert not failed
