"""The parts of the default: what each parameter switches, and uncertainty."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from settings import packed
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.estimator_checks import check_estimator

from skbackprop import BackpropClassifier, BackpropRegressor, LogLoss
from skbackprop.nn.losses import Pinball
from skbackprop.optim import Adam, AdamW
from skbackprop.recipes.settings import PUBLIC_NAMES, Settings

from .tables import ESTIMATORS, QUICK, SCORE, X, Y, fitted, outputs

# Uncertainty --------------------------------------------------------------------------


def test_the_spread_of_the_members():
    number, binary = fitted("number"), fitted("binary")
    members = number.network_.scores(number._encode(X))[..., 0] * SCORE.std()
    assert_allclose(number.predict_std(X), members.std(axis=0), rtol=1e-4)
    assert binary.predict_std(X).shape == (160, 2)
    far = number.predict_std(X * 100).mean()
    assert far > number.predict_std(X).mean() > 0
    assert (number.predict_std(X, method="dropout") > 0).all()
    with pytest.raises(ValueError, match="n_members of two or more"):
        fitted("number", n_members=1).predict_std(X)


def test_intervals_hold_what_they_promise():
    rng = np.random.default_rng(1)
    X = rng.normal(size=(1200, 3))
    y = X[:, 0] + rng.normal(size=1200)
    regressor = BackpropRegressor(random_state=0, max_iter=10).fit(X[:400], y[:400])
    for coverage in (0.5, 0.9):
        low, high = regressor.predict_interval(X[400:], coverage=coverage).T
        assert coverage - 0.06 < np.mean((low <= y[400:]) & (y[400:] <= high)) < coverage + 0.06
    quantiles = regressor.predict_quantiles(X[400:], (0.1, 0.5, 0.9))
    shares = (y[400:, None] < quantiles).mean(axis=0)
    assert_allclose(shares, [0.1, 0.5, 0.9], atol=0.06)
    with pytest.raises(ValueError, match="early_stopping"):
        fitted("number", early_stopping=False).predict_interval(X)


def test_intervals_of_quantiles():
    rng = np.random.default_rng(1)
    X = rng.uniform(-1, 1, size=(3600, 1))
    y = X[:, 0] * rng.normal(size=3600)
    pinball = BackpropRegressor(loss=Pinball((0.1, 0.9)), random_state=0, max_iter=20)
    intervals = pinball.fit(X[:1600], y[:1600]).predict_interval(X[1600:], coverage=0.8)
    x, y = X[1600:, 0], y[1600:]
    inside = (intervals[:, 0] <= y) & (y <= intervals[:, 1])
    # 640 rows held out and 2000 new ones: a standard error of 0.018.
    assert 0.74 < inside.mean() < 0.86
    width = np.diff(intervals, axis=1)[:, 0]
    assert width[np.abs(x) > 0.7].mean() > 2 * width[np.abs(x) < 0.2].mean()


def test_rows_of_weight_nothing_say_nothing_about_the_residuals():
    y, weight = SCORE.copy(), np.ones(len(SCORE))
    y[::4], weight[::4] = 50.0, 0.0
    regressor = BackpropRegressor(**QUICK, clip_predictions=False).fit(X, y, sample_weight=weight)
    assert np.diff(regressor.predict_interval(X, coverage=0.8)).max() < 10
    assert regressor.predict_quantiles(X, (0.9,)).max() < 10


def test_calibration_by_temperature():
    X, y = make_classification(300, flip_y=0.3, random_state=0)
    params = {"random_state": 0, "n_members": 2, "dropout": 0.0, "max_iter": 40}
    raw = BackpropClassifier(**params).fit(X, y)
    calibrated = BackpropClassifier(calibration="temperature", **params).fit(X, y)
    T = calibrated._fitted.temperature
    assert T != 1
    members = raw.network_.scores(raw._encode(X)) / np.float32(T)
    expected = calibrated._fitted.loss.predict(members).mean(axis=0)[:, 0]
    assert_allclose(calibrated.predict_proba(X)[:, 1], expected, rtol=1e-5)
    with pytest.raises(ValueError, match="early_stopping=True"):
        BackpropClassifier(early_stopping=False, calibration="temperature").fit(X, y)


# What can be switched off ----------------------------------------------------------------

SWITCHES = [
    {"feature_encoding": None},
    {"numeric_embedding": None},
    {"numeric_embedding": "piecewise", "n_bins": 4},
    {"numeric_embedding": "both", "n_frequencies": 2, "n_bins": 3},
    {"learned_scale": False},
    {"activation": "relu"},
    {"lr_multipliers": None},
    {"dropout": 0.0, "weight_decay": 0.0},
    {"dropout_schedule": "cosine", "dropout": [0.1, 0.2, 0.2]},
    {"averaging": None},
    {"weight_init": "mlp", "bias_init": "mlp"},
    {"weight_init": "data", "bias_init": "data"},
    {"weight_init": "orthogonal"},
    {"early_stopping": False},
    {"n_members": 1},
    {"n_members": 5},
    {"solver": "lbfgs", "max_iter": 15},
    {"solver": "adamw"},
    {"solver": "sgd", "learning_rate_init": 0.01},
    {"solver": "schedule_free", "averaging": None},
    {"normalization": "layer", "residual": True},
    {"hidden_layer_sizes": ()},
    {"scoring": "accuracy_or_r2", "n_iter_no_change": 3},
    {"validation_fraction": 0.25},
    {"l1": 0.01},
    {"max_grad_norm": 0.5},
    {"dtype": "float64"},
    {"batch_size": 7, "shuffle": False},
]


@pytest.mark.slow
@pytest.mark.parametrize("task", ["multiclass", "numbers"])
@pytest.mark.parametrize("params", SWITCHES, ids=str)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_every_ingredient_is_a_parameter(task, params):
    params = packed(**QUICK | params)
    if params.get("scoring"):
        params["scoring"] = "r2" if task == "numbers" else "accuracy"
    estimator = ESTIMATORS[task](**packed(**params)).fit(X, Y[task])
    assert np.isfinite(outputs(estimator, X)).all()
    for name, value in params.items():
        resolved = estimator.resolved_params_[name]
        if hasattr(value, "get_params"):
            given = {k: v for k, v in value.get_params(deep=False).items() if v != "auto"}
            assert {k: getattr(resolved, k) for k in given} == given
        elif isinstance(resolved, Settings):  # of a plain value: the first field
            assert next(iter(resolved.get_params(deep=False).values())) == value
        else:
            assert resolved == value


def test_label_smoothing_and_frozen_arrays():
    soft = fitted("multiclass", loss=LogLoss(label_smoothing=0.3))
    hard = fitted("multiclass")
    assert soft.predict_proba(X).max(axis=1).mean() < hard.predict_proba(X).max(axis=1).mean()
    params = {"preset": "plain", "weight_decay": 0.1}
    params["solver"] = AdamW(lr_multipliers={"dense_0": 0.0})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        one = fitted("multiclass", **params)
        untrained = clone(one).set_params(max_iter=1).fit(X, Y["multiclass"])
    assert_array_equal(one.coefs_[0], untrained.coefs_[0])
    assert (one.coefs_[1] != untrained.coefs_[1]).any()


# What scikit-learn asks ------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    "params",
    [
        {"max_iter": 40, "max_restarts": 0, "n_members": 2},
        {"preset": "fast", "max_iter": 40},
        {"preset": "best", "max_iter": 40, "n_members": 2, "max_restarts": 0},
    ],
    ids=["auto", "fast", "best"],
)
@pytest.mark.parametrize("Estimator", [BackpropClassifier, BackpropRegressor])
def test_check_estimator(Estimator, params):
    rows = check_estimator(Estimator(**params), on_skip=None, on_fail=None)
    failed = {
        row["check_name"]: row["exception"]
        for row in rows
        if row["status"] not in ("passed", "skipped")
    }
    assert not failed
    assert len(rows) > 50


def test_rates_need_names_that_exist():
    with pytest.raises(ValueError, match=r"got 'dense_0'.*memberdense_\d\.W"):
        fitted("number", solver=Adam(lr_multipliers={"dense_0": 0.0}))
    solver = Adam(lr_multipliers={"scaleddense_1": 0.0}, averaging=None)
    frozen = fitted("number", solver=solver, weight_decay=0.1)
    start = fitted("number", solver=solver, max_iter=1)
    assert_array_equal(frozen.coefs_[0], start.coefs_[0])


def test_muon_makes_the_matrices_of_all_members_orthogonal():
    estimator = fitted("number", n_members=4, solver="muon", learning_rate_init=0.01)
    (run,) = estimator._fitted.run.stacks
    assert [shape[2:] for shape in run.optimizer.shapes] == [(64, 64)] * 4
    adam = fitted("number", n_members=4, solver="adamw", learning_rate_init=0.01)
    assert (estimator.network_.theta != adam.network_.theta).any()


def test_lbfgs_smooths_labels_and_validates_on_rows_it_has_not_seen():
    params = {"solver": "lbfgs", "preset": "plain", "alpha": 1e-3, "max_iter": 300}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        hard = fitted("binary", **params)
        soft = fitted("binary", **params, loss=LogLoss(label_smoothing=0.4))
        members = fitted("number", solver="lbfgs", n_members=2, early_stopping=True)
    assert soft.predict_proba(X).max() < 0.9 < hard.predict_proba(X).max()
    assert len(members._fitted.held_out.target) == 2 * 16


@pytest.mark.parametrize(
    "params",
    [
        {"n_frequencies": 3},
        {"numeric_embedding": "periodic", "n_bins": 5},
        {"categorical_features": [0]},
        {"dropout": 0.0, "dropout_schedule": "cosine"},
        {"bias_init": "data"},
    ],
    ids=str,
)
def test_parameters_of_absent_parts_are_named(params):
    idle = PUBLIC_NAMES.get(list(params)[-1], list(params)[-1])
    params = packed(preset="plain", solver="adamw", tol=1e9, n_iter_no_change=1, **params)
    with pytest.warns(UserWarning, match=f"no effect.*: {idle}="):
        fitted("number", **params)


@pytest.mark.parametrize("embedding", ["periodic", "piecewise", "both"])
def test_numbers_that_are_not_encoded_may_be_embedded(embedding):
    estimator = fitted("number", feature_encoding=None, numeric_embedding=embedding)
    assert estimator.coefs_[0].shape[1] > X.shape[1]


def test_quantiles_do_not_depend_on_the_unit():
    params = {**QUICK, "loss": Pinball((0.2, 0.8))}
    a = BackpropRegressor(**params).fit(X, SCORE).predict(X)
    b = BackpropRegressor(**params).fit(X, SCORE * 1000 + 7).predict(X)
    assert_allclose((b - 7) / 1000, a, rtol=1e-3, atol=1e-3)
    with pytest.raises(ValueError, match="standardize_target=True needs"):
        BackpropRegressor(loss="poisson", standardize_target=True).fit(X, np.abs(SCORE))


def test_without_patience_plain_warns_as_scikit_learn_and_a_recipe_does_not():
    with pytest.warns(ConvergenceWarning, match="Maximum iterations"):
        fitted("binary", preset="plain", n_iter_no_change=np.inf, max_iter=3)
    fitted("binary", n_iter_no_change=np.inf, max_iter=3)  # any warning is an error here
