"""The default: raw tables in, members, and everything a parameter can switch off."""

import pickle
import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes, make_classification
from sklearn.metrics import log_loss
from sklearn.utils.estimator_checks import check_estimator

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop.estimators.presets import Facts, preset_values
from skbackprop.mlp import MLPClassifier, MLPRegressor
from skbackprop.nn.losses import Pinball

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
    return ESTIMATORS[task](**{**QUICK, **params}).fit(X, Y[task])


def outputs(estimator, X):
    return np.asarray(getattr(estimator, "predict_proba", estimator.predict)(X))


# What it is ------------------------------------------------------------------------------


@TASKS
def test_members_are_trained_and_averaged(task):
    estimator = fitted(task)
    resolved = estimator.resolved_params_
    assert resolved["n_members"] == 8
    assert resolved["preset"] == "auto"
    members = estimator.network_.scores(estimator._encode(X))
    assert members.shape[:2] == (8, len(X))
    if task == "binary":
        p = estimator._fitted.loss.predict(members).mean(axis=0)[:, 0]
        assert_allclose(estimator.predict_proba(X)[:, 1], p, rtol=1e-5)
        assert estimator.predict_proba(X).sum(axis=1) == pytest.approx(1)
    if task == "number":
        mean = members.mean(axis=0)[:, 0] * Y[task].std() + Y[task].mean()
        assert_allclose(estimator.predict(X), mean.clip(SCORE.min(), SCORE.max()), rtol=1e-4)


@TASKS
@pytest.mark.parametrize("params", [{}, {"member_sharing": "independent", "n_members": 3}])
def test_the_number_of_threads_makes_no_difference(task, params):
    one, two = fitted(task, n_jobs=1, **params), fitted(task, n_jobs=2, **params)
    assert_array_equal(one.network_.theta, two.network_.theta)


def test_it_is_better_than_mlp_on_raw_tables():
    X, y = load_breast_cancer(return_X_y=True)
    auto = BackpropClassifier(random_state=0).fit(X[::2], y[::2])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mlp = MLPClassifier(random_state=0).fit(X[::2], y[::2])
    ours, theirs = (log_loss(y[1::2], e.predict_proba(X[1::2])) for e in (auto, mlp))
    assert ours < 0.15 < theirs
    X, y = load_diabetes(return_X_y=True)
    assert BackpropRegressor(random_state=0).fit(X[::2], y[::2]).score(X[1::2], y[1::2]) > 0.42


@pytest.mark.parametrize("preset", ["auto", "fast", "best"])
@pytest.mark.parametrize("n", [0, 1, 5, 12, 90, 500, 2000, 9000, 200_000])
@pytest.mark.parametrize("n_classes", [0, 1, 2, 7])
def test_recipes_are_complete_for_any_table(preset, n, n_classes):
    for sparse_rows in (False, True):
        for incremental in (False, True):
            for solver in ("auto", "lbfgs"):
                facts = Facts(n, 10, n_classes, sparse_rows, incremental)
                values = preset_values(preset, facts, solver)
                assert set(preset_values("plain", facts, solver)) <= set(values)
                assert values["max_iter"] >= 1
                assert values["batch_size"] >= 1


def test_a_class_of_its_own_keeps_scikit_learns_numbers():
    for Own, Other in ((MLPClassifier, BackpropClassifier), (MLPRegressor, BackpropRegressor)):
        y = Y["binary"] if Own is MLPClassifier else SCORE
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            own = Own(**QUICK).fit(X, y)
            plain = Other(preset="plain", **QUICK).fit(X, y)
        assert_array_equal(own.network_.theta, plain.network_.theta)
        assert own.resolved_params_["solver"] == "adam"
        assert type(clone(own)) is Own


# What it does not depend on --------------------------------------------------------------


@TASKS
def test_the_units_of_the_columns(task):
    other = X * [1e-6, -3.0, 1e4, 0.5] + [1.0, 1e3, 5e6, -2.0]
    a = outputs(fitted(task, X, dtype="float64"), X)
    b = outputs(fitted(task, other, dtype="float64"), other)
    if task.startswith("number"):
        assert a.std() > 0.1
    same = fitted(task, X * [1e-6, 3.0, 1e4, 0.5] + [1.0, 1e3, 5e6, -2.0], dtype="float64")
    c = outputs(same, X * [1e-6, 3.0, 1e4, 0.5] + [1.0, 1e3, 5e6, -2.0])
    assert_allclose(a, c, rtol=1e-4, atol=1e-6)
    assert a.shape == b.shape  # a changed sign mirrors a column: as good, but not the same


@pytest.mark.parametrize(("scale", "shift"), [(1e-5, 0.0), (300.0, 1e6), (1.0, -50.0)])
def test_the_unit_of_the_target(scale, shift):
    plain = fitted("number").predict(X)
    other = BackpropRegressor(**QUICK).fit(X, SCORE * scale + shift).predict(X)
    assert_allclose((other - shift) / scale, plain, rtol=1e-4, atol=1e-4)


def test_the_container():
    pandas = pytest.importorskip("pandas")
    columns = [*(X[:, i] for i in range(3)), np.where(X[:, 3] > 0, "a", "b")]
    frame = pandas.DataFrame({f"c{i}": column for i, column in enumerate(columns)})
    array = frame.to_numpy(object)
    a = BackpropClassifier(**QUICK).fit(frame, Y["binary"])
    b = BackpropClassifier(categorical_features=[3], **QUICK).fit(array, Y["binary"])
    assert_array_equal(a.predict_proba(frame), b.predict_proba(array))
    with pytest.raises(ValueError, match="feature names"):
        a.predict(frame[["c1", "c0", "c2", "c3"]])


# What it puts up with --------------------------------------------------------------------


def test_missing_numbers_and_unseen_categories():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X.copy(), columns=list("abcd"))
    frame.loc[::3, "a"] = np.nan
    frame["kind"] = np.where(SCORE > 0, "good", "bad")
    frame["many"] = [f"level {i % 30}" for i in range(len(frame))]
    frame["constant"], frame["nothing"] = 1.0, np.nan
    classifier = BackpropClassifier(**QUICK).fit(frame, Y["binary"])
    new = frame.iloc[:3].copy()
    new["kind"], new["many"] = ["good", "unseen", None], ["level 1", "unseen", None]
    assert np.isfinite(classifier.predict_proba(new)).all()
    assert classifier.predict(frame.iloc[[0]]).shape == (1,)
    new.loc[new.index[0], "b"] = np.inf
    with pytest.raises(ValueError, match=r"infinity.*b"):
        classifier.predict(new)


@pytest.mark.parametrize("n", [1, 2, 3, 6, 11, 25])
@TASKS
def test_few_rows(task, n):
    y = Y[task][:n] if task != "binary" else np.array(["no", "yes"] * n)[:n]
    estimator = ESTIMATORS[task](**QUICK).fit(X[:n], y)
    assert np.isfinite(outputs(estimator, X)).all()


def test_a_constant_column_only():
    classifier = BackpropClassifier(**QUICK).fit(np.ones((40, 1)), np.arange(40) % 4 == 0)
    assert_allclose(classifier.predict_proba(np.ones((1, 1))), [[0.75, 0.25]], atol=0.15)


def test_sparse_rows():
    rows = sparse.random(200, 50, 0.1, format="csr", random_state=0)
    y = np.asarray(rows[:, :25].sum(axis=1)).ravel() > np.asarray(rows[:, 25:].sum(axis=1)).ravel()
    classifier = BackpropClassifier(random_state=0).fit(rows, y)
    assert classifier.score(rows, y) > 0.9


@TASKS
def test_weights_of_nothing_and_pickles(task):
    weight = np.ones(len(X))
    weight[:30] = 0
    estimator = ESTIMATORS[task](**QUICK).fit(X, Y[task], sample_weight=weight)
    assert np.isfinite(outputs(estimator, X)).all()
    copy = pickle.loads(pickle.dumps(estimator))
    assert_array_equal(outputs(copy, X), outputs(estimator, X))


# How it goes on --------------------------------------------------------------------------


@TASKS
def test_partial_fit(task):
    estimator = ESTIMATORS[task](random_state=0)
    first = {"classes": np.unique(Y[task])} if task in ("binary", "multiclass") else {}
    for start in range(0, 160, 40):
        part = slice(start, start + 40)
        estimator.partial_fit(X[part], Y[task][part], **first)
        first = {}
    assert estimator.n_iter_ == 4
    assert np.isfinite(outputs(estimator, X)).all()
    again = pickle.loads(pickle.dumps(estimator))
    assert_array_equal(
        outputs(again.partial_fit(X, Y[task]), X), outputs(estimator.partial_fit(X, Y[task]), X)
    )


def test_warm_fits_go_on():
    params = {"learning_rate": lambda clock: 1.0, "max_rounds": 1, "early_stopping": False}
    params |= {"dropout_schedule": "exponential", "weight_decay_schedule": "exponential"}
    params["random_state"] = 0
    warm = BackpropClassifier(warm_start=True, max_iter=3, **params)
    warm.fit(X, Y["binary"]).set_params(max_iter=4).fit(X, Y["binary"])
    once = BackpropClassifier(max_iter=7, **params).fit(X, Y["binary"])
    assert_array_equal(warm.network_.theta, once.network_.theta)
    assert warm.loss_curve_ == once.loss_curve_


def test_a_failed_fit_leaves_the_old_model():
    estimator = fitted("number")
    before = estimator.predict(X)
    for bad in (X[:, :3], X.astype(complex), np.full_like(X, np.inf)):
        with pytest.raises(ValueError, match="."):
            estimator.fit(bad, SCORE[: len(bad) - 1])
        assert_array_equal(estimator.predict(X), before)


# How sure it is --------------------------------------------------------------------------


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
    X = rng.uniform(-1, 1, size=(900, 1))
    y = X[:, 0] * rng.normal(size=900)
    pinball = BackpropRegressor(loss=Pinball((0.1, 0.9)), random_state=0, max_iter=20)
    intervals = pinball.fit(X[:400], y[:400]).predict_interval(X[400:], coverage=0.8)
    inside = (intervals[:, 0] <= y[400:]) & (y[400:] <= intervals[:, 1])
    assert 0.73 < inside.mean() < 0.87
    width = np.diff(intervals, axis=1)[:, 0]
    assert width[np.abs(X[400:, 0]) > 0.7].mean() > 2 * width[np.abs(X[400:, 0]) < 0.2].mean()


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
    {"feature_scale": False},
    {"parametric_activation": False, "activation": "relu"},
    {"rate_factors": None},
    {"dropout": 0.0, "weight_decay": 0.0},
    {"dropout_schedule": "cosine", "input_dropout": 0.1},
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
    params = {**QUICK, **params}
    if params.get("scoring"):
        params["scoring"] = "r2" if task == "numbers" else "accuracy"
    estimator = ESTIMATORS[task](**params).fit(X, Y[task])
    assert np.isfinite(outputs(estimator, X)).all()
    for name, value in params.items():
        assert estimator.resolved_params_[name] == value


def test_label_smoothing_and_frozen_arrays():
    soft = fitted("multiclass", label_smoothing=0.3, label_smoothing_schedule="constant")
    hard = fitted("multiclass")
    assert soft.predict_proba(X).max(axis=1).mean() < hard.predict_proba(X).max(axis=1).mean()
    params = {"preset": "plain", "rate_factors": {"dense_0": 0.0}, "weight_decay": 0.1}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        one = fitted("multiclass", **params, solver="adamw")
        untrained = clone(one).set_params(max_iter=1).fit(X, Y["multiclass"])
    assert_array_equal(one.coefs_[0], untrained.coefs_[0])
    assert (one.coefs_[1] != untrained.coefs_[1]).any()


# What scikit-learn asks ------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    "params",
    [
        {"max_iter": 40, "max_rounds": 1, "n_members": 2},
        {"preset": "fast", "max_iter": 40},
        {"preset": "best", "max_iter": 40, "n_members": 2, "max_rounds": 1},
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
