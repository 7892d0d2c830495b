"""The default: raw tables in, members, and everything a parameter can switch off."""

import pickle
import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.metrics import log_loss

from skbackprop import BackpropClassifier, BackpropRegressor, Scheduled
from skbackprop.mlp import MLPClassifier, MLPRegressor
from skbackprop.nn.losses import Pinball
from skbackprop.optim import Adam
from skbackprop.recipes import build
from skbackprop.recipes.presets import DataSummary, preset_values

from .tables import ESTIMATORS, QUICK, SCORE, TASKS, X, Y, fitted, outputs

# What it is ------------------------------------------------------------------------------


@TASKS
def test_members_are_trained_and_averaged(task):
    estimator = fitted(task)
    resolved = estimator.resolved_params_
    k = resolved["n_members"]
    assert k == 16
    assert resolved["preset"] == "auto"
    members = estimator._fitted.member_scores(estimator._encode(X))
    assert members.shape[:2] == (k, len(X))
    if task == "binary":
        p = estimator._fitted.loss.predict(members).mean(axis=0)[:, 0]
        assert_allclose(estimator.predict_proba(X)[:, 1], p, rtol=1e-5)
        assert estimator.predict_proba(X).sum(axis=1) == pytest.approx(1)
    if task == "number":
        mean = members.mean(axis=0)[:, 0] * Y[task].std() + Y[task].mean()
        mean = mean.clip(SCORE.min(), SCORE.max())
        assert_allclose(estimator.predict(X), mean, rtol=1e-4, atol=1e-6)  # some are almost 0


@TASKS
@pytest.mark.parametrize("params", [{}, {"n_members": 3}])
def test_the_number_of_threads_makes_no_difference(task, params):
    one, two = fitted(task, n_jobs=1, **params), fitted(task, n_jobs=2, **params)
    assert_array_equal(one.network_.theta, two.network_.theta)


def test_it_is_better_than_mlp_on_raw_tables():
    X, y = load_breast_cancer(return_X_y=True)
    halves = [(slice(0, None, 2), slice(1, None, 2)), (slice(1, None, 2), slice(0, None, 2))]
    losses = []
    for learn, test in halves:
        auto = BackpropClassifier(random_state=0).fit(X[learn], y[learn])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            mlp = MLPClassifier(random_state=0).fit(X[learn], y[learn])
        losses.append([log_loss(y[test], e.predict_proba(X[test])) for e in (auto, mlp)])
    ours, theirs = np.mean(losses, axis=0)
    assert ours < 0.13 < 0.18 < theirs
    X, y = load_diabetes(return_X_y=True)
    regressor = BackpropRegressor(random_state=0)
    scores = [regressor.fit(X[learn], y[learn]).score(X[test], y[test]) for learn, test in halves]
    assert np.mean(scores) > 0.42


@pytest.mark.parametrize("preset", ["auto", "fast", "best"])
@pytest.mark.parametrize("n", [0, 1, 5, 12, 90, 500, 2000, 9000, 200_000])
@pytest.mark.parametrize("n_classes", [0, 1, 2, 7])
def test_recipes_are_complete_for_any_table(preset, n, n_classes):
    for sparse_rows in (False, True):
        for incremental in (False, True):
            for solver in ("auto", "lbfgs"):
                summary = DataSummary(n, 10, n_classes, sparse_rows, incremental)
                values = preset_values(preset, summary, solver)
                assert set(preset_values("plain", summary, solver)) <= set(values)
                assert values["max_iter"] >= 1
                assert values["batch_size"] >= 1


@pytest.mark.parametrize("preset", ["auto", "fast", "best"])
@pytest.mark.parametrize("n", [100, 500, 5000, 100_000])
def test_work_is_bounded_for_wide_tables(preset, n):
    def work(d):
        values = preset_values(preset, DataSummary(n, d), "auto")
        width = values["hidden_layer_sizes"][0]
        n_inputs = d * (1 if values["numeric_embedding"] is None else 3)
        schedules = 2 ** (values["max_restarts"] + 1) - 1
        return n_inputs * values["n_members"] * width * values["max_iter"] * schedules

    most = preset_values(preset, DataSummary(n, 300), "auto")["n_members"]
    assert most >= (3 if n <= 10_000 else 2)
    works = [work(d) for d in (300, 3000, 30_000)]
    assert works[1] <= 2.5 * works[0] * max(1, 3 / most)  # two members do not become fewer
    assert works[2] <= 8 * works[1]
    members = [
        preset_values(preset, DataSummary(n, d), "auto")["n_members"] for d in range(290, 4000, 10)
    ]
    assert np.diff(members).max() == 0  # fewer, and never more again
    assert np.diff(members).min() >= -1
    assert members[-1] >= 2


@pytest.mark.parametrize("least", [None, 0.0])
def test_no_restart_for_a_negligible_loss(least, monkeypatch):
    if least is not None:
        monkeypatch.setattr(build, "NEGLIGIBLE", {"log_loss": least})
    y = np.arange(400) % 2
    X = np.random.default_rng(0).normal(size=(400, 2)) + 10 * y[:, None]
    model = BackpropClassifier(random_state=0, max_iter=40, max_restarts=2).fit(X, y)
    assert 0 < -model.best_validation_score_ < 0.0005
    assert (model.n_iter_ == 40) == (least is None)


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
    a = outputs(fitted(task, X, dtype="float64"), X)
    if task.startswith("number"):
        assert a.std() > 0.1
    for signs in ([1, 1, 1, 1], [1, -1, 1, -1], [-1, -1, -1, -1]):
        other = X * signs * [1e-6, 3.0, 1e4, 0.5] + [1.0, 1e3, 5e6, -2.0]
        b = outputs(fitted(task, other, dtype="float64"), other)
        assert_allclose(a, b, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("scale", "shift"),
    [(1e-5, 0.0), (300.0, 1e6), (1.0, -50.0), (-1.0, 0.0), (-7.0, 1e3), (1e-30, 0), (1e30, 0)],
)
def test_the_unit_of_the_target(scale, shift):
    plain = fitted("number").predict(X)
    other = BackpropRegressor(**QUICK).fit(X, SCORE * scale + shift)
    assert_allclose((other.predict(X) - shift) / scale, plain, rtol=1e-4, atol=1e-4)
    assert (other.predict_std(X) > 0).all()


def test_quantiles_are_not_turned():
    """The lower quantiles of -y are the upper ones of y, with another sign."""
    fit = BackpropRegressor(loss=Pinball((0.1, 0.9)), **QUICK).fit
    for target in (np.exp(SCORE), -np.exp(SCORE)):
        low, high = fit(X, target).predict(X).T
        assert (low < high).mean() > 0.9


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


@TASKS
def test_the_order_of_the_columns(task):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=list("abcd"))
    frame["e"] = np.where(X[:, 1] > 0.3, "low", "high")
    frame["f"] = [f"level {i}" for i in (np.abs(X[:, 2]) * 9).astype(int)]
    frame["g"] = np.where(X[:, 0] > 1, np.nan, X[:, 0] ** 2)
    expected = outputs(fitted(task, frame), frame)
    for order in ("gfedcba", "cagebfd"):
        other = frame[list(order)]
        assert_array_equal(outputs(fitted(task, other), other), expected)


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
    params = {"learning_rate": lambda clock: 1.0, "max_restarts": 0, "early_stopping": False}
    params |= {name: Scheduled("auto", "exponential") for name in ("dropout", "weight_decay")}
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


def test_max_iter_is_the_most_epochs():
    assert fitted("number").n_iter_ == QUICK["max_iter"]
    assert fitted("number", max_restarts=1, max_iter=3).resolved_params_["max_restarts"] == 1


def test_resolved_params_are_the_parameters():
    for task in ("binary", "number"):
        estimator = fitted(task)
        assert set(estimator.resolved_params_) == set(estimator.get_params(deep=False))


def test_members_take_any_scorer():
    assert 0.5 < fitted("binary", scoring="roc_auc").best_validation_score_ <= 1
    one = fitted("binary", scoring="roc_auc", n_members=1)
    assert 0.5 < one.best_validation_score_ <= 1
    assert fitted("binary", scoring="accuracy").best_validation_score_ <= 1
    assert fitted("number", scoring=None).best_validation_score_ <= 1


def test_partial_fit_refuses_early_stopping_also_of_numpy():
    estimator = BackpropClassifier(early_stopping=np.bool_(True))
    with pytest.raises(ValueError, match="partial_fit does not support early_stopping"):
        estimator.partial_fit(X, Y["binary"], classes=["no", "yes"])


def test_going_on_with_another_way_to_hold_rows_out():
    estimator = fitted("binary", warm_start=True, max_restarts=0)
    held = [(np.arange(100), np.arange(100, 160))]
    estimator.set_params(validation_fraction=held).fit(X, Y["binary"])
    assert len(estimator._fitted.held_out.target) == 16 * 60


def test_a_temperature_is_not_applied_twice():
    params = {"n_members": 1, "calibration": "temperature", "warm_start": True}
    params["solver"] = Adam(averaging=None, beta_2=0.95)
    estimator = fitted("binary", **params)
    first = estimator._fitted.temperature
    estimator.set_params(learning_rate_init=1e-12).fit(X, Y["binary"])
    assert estimator._fitted.temperature == pytest.approx(first, rel=1e-3)


def test_members_that_diverge_at_once_are_not_averaged():
    with pytest.raises(ValueError, match="non-finite"), np.errstate(all="ignore"):
        fitted("number", solver="sgd", learning_rate_init=1e30)
