"""Every kind of target, and what the methods return for it."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from plain import BackpropClassifier, BackpropRegressor
from scipy.special import expit, log_softmax
from sklearn.exceptions import DataConversionWarning
from sklearn.metrics import accuracy_score, r2_score

import skbackprop

from .common import (
    BOTH,
    CLASSIFICATION,
    REGRESSION,
    SOLVERS,
    TARGETS,
    assert_same_weights,
    assert_within,
    estimator_for,
    features,
    target,
    unconverged,
)

pytestmark = unconverged

FIT = {"hidden_layer_sizes": (8,), "max_iter": 60, "learning_rate_init": 0.05, "random_state": 0}
LABELS = {
    "int": np.array([3, -1, 12]),
    "uint8": np.array([3, 1, 12], dtype=np.uint8),
    "float": np.array([0.0, 1.0, 2.0]),
    "str": np.array(["pear", "apple", "fig"]),
    "object": np.array(["pear", "apple", "fig"], dtype=object),
}


def fitted(task, **params):
    """An estimator, its X and its y."""
    X = features()
    y = target(task, X)
    return estimator_for(task, **{**FIT, **params}).fit(X, y), X, y


# Shapes ----------------------------------------------------------------------------------


@SOLVERS
@pytest.mark.parametrize("task", TARGETS)
def test_predictions_have_the_shape_of_y_and_are_learned(task, solver):
    params = {"learning_rate_init": "auto", "max_iter": 100} if solver == "lbfgs" else {}
    estimator, X, y = fitted(task, solver=solver, **params)
    prediction = estimator.predict(X)
    assert prediction.shape == y.shape
    if task in CLASSIFICATION:
        assert (prediction == y).mean() > 0.8
    elif task != "poisson":
        assert r2_score(y, prediction) > 0.5
    else:
        assert (prediction > 0).all()
        assert np.corrcoef(prediction, y)[0, 1] > 0.5


@pytest.mark.parametrize(
    ("task", "shape"), [("binary", (80,)), ("multiclass", (80, 3)), ("multilabel", (80, 3))]
)
def test_decision_function(task, shape):
    estimator, X, _ = fitted(task)
    scores = estimator.decision_function(X)
    assert scores.shape == shape
    if task == "multiclass":
        assert_array_equal(scores.argmax(axis=1), estimator.predict(X))
        assert_within(log_softmax(scores, axis=1), estimator.predict_log_proba(X), 1e-12)
    else:
        assert_array_equal((scores > 0).astype(int), estimator.predict(X))
        positive = estimator.predict_proba(X)
        assert_within(expit(scores), positive[:, 1] if task == "binary" else positive, 1e-12)


@pytest.mark.parametrize(
    ("task", "n_columns"), [("binary", 2), ("multiclass", 3), ("multilabel", 3)]
)
def test_probabilities(task, n_columns):
    estimator, X, y = fitted(task)
    p = estimator.predict_proba(X)
    assert p.shape == (80, n_columns)
    assert (p >= 0).all()
    assert (p <= 1).all()
    if task == "multilabel":
        assert_array_equal((p > 0.5).astype(int), estimator.predict(X))
    else:
        assert_within(p.sum(axis=1), np.ones(80), 1e-12)
        assert_array_equal(estimator.classes_[p.argmax(axis=1)], estimator.predict(X))
    assert estimator.score(X, y) == accuracy_score(y, estimator.predict(X))


def test_heads():
    """A column of labels each: lists of what a column alone would have."""
    estimator, X, _ = fitted("heads")
    assert [classes.tolist() for classes in estimator.classes_] == [[0, 1, 2], [5, 6]]
    p, log_p = estimator.predict_proba(X), estimator.predict_log_proba(X)
    scores = estimator.decision_function(X)
    assert isinstance(p, list)
    assert [part.shape for part in p] == [part.shape for part in log_p] == [(80, 3), (80, 2)]
    assert [part.shape for part in scores] == [(80, 3), (80,)]
    for i, (part, log_part) in enumerate(zip(p, log_p, strict=True)):
        assert_within(part.sum(axis=1), np.ones(80), 1e-12)
        assert_within(np.exp(log_part), part, 1e-12)
        predicted = estimator.classes_[i][part.argmax(axis=1)]
        assert_array_equal(predicted, estimator.predict(X)[:, i])


def test_heads_are_scored():
    estimator, X, _ = fitted("heads")
    prediction = estimator.predict(X)
    assert estimator.score(X, prediction) == 1.0
    wrong = np.stack([(prediction[:, 0] + 1) % 3, 11 - prediction[:, 1]], axis=1)
    assert estimator.score(X, wrong) == 0.0


def test_heads_of_text():
    X = features()
    y = target("heads", X)
    words = np.stack([LABELS["object"][y[:, 0]], np.array(["no", "yes"], object)[y[:, 1] - 5]], 1)
    estimator = BackpropClassifier(**FIT).fit(X, words)
    assert [sorted(classes) for classes in estimator.classes_] == [
        ["apple", "fig", "pear"],
        ["no", "yes"],
    ]
    assert (estimator.predict(X) == words).mean() > 0.8
    assert_array_equal(estimator.predict(X)[:, 1] == "yes", estimator.decision_function(X)[1] > 0)


@pytest.mark.parametrize("task", REGRESSION)
def test_score_of_regression_is_r2(task):
    estimator, X, y = fitted(task)
    assert estimator.score(X, y) == pytest.approx(r2_score(y, estimator.predict(X)), abs=1e-12)
    w = np.random.RandomState(0).uniform(size=80)
    expected = r2_score(y, estimator.predict(X), sample_weight=w)
    assert estimator.score(X, y, w) == pytest.approx(expected, abs=1e-12)


def test_outputs_are_counted():
    counts = {task: fitted(task)[0].n_outputs_ for task in TARGETS}
    assert counts == {
        "binary": 1, "multiclass": 3, "multilabel": 3, "heads": 4,
        "regression": 1, "multi-output": 3, "poisson": 1,
    }  # fmt: skip


# Labels ----------------------------------------------------------------------------------


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("kind", LABELS)
def test_labels_of_any_type(kind, n_classes):
    X = features()
    code = target("multiclass", X) % n_classes
    labels = np.sort(LABELS[kind][:n_classes])
    estimator = BackpropClassifier(**FIT).fit(X, labels[code])
    assert_array_equal(estimator.classes_, labels)
    assert estimator.classes_.dtype == labels.dtype
    assert estimator.predict(X).dtype == labels.dtype
    plain = BackpropClassifier(**FIT).fit(X, code)
    assert_same_weights(estimator, plain, 0)  # names are nothing but names
    assert_array_equal(estimator.predict(X), labels[plain.predict(X)])


def test_labels_that_are_bools():
    X = features()
    y = target("binary", X).astype(bool)
    estimator = BackpropClassifier(**FIT).fit(X, y)
    assert_array_equal(estimator.classes_, [False, True])
    assert estimator.predict(X).dtype == bool
    assert estimator.score(X, y) > 0.8


def test_labels_in_lists():
    X = features()
    y = LABELS["str"][target("multiclass", X)]
    as_list = BackpropClassifier(**FIT).fit(X.tolist(), y.tolist())
    assert_array_equal(as_list.predict(X), BackpropClassifier(**FIT).fit(X, y).predict(X))


@pytest.mark.parametrize("early_stopping", [False, True])
@SOLVERS
@pytest.mark.parametrize("label", [7, True, "only"])
def test_one_class(label, solver, early_stopping):
    X = features()
    params = {"solver": solver, "max_iter": 5, "early_stopping": early_stopping}
    estimator = BackpropClassifier((4,), **params).fit(X, np.full(80, label))
    assert estimator.classes_.tolist() == [label]
    assert set(estimator.predict(X).tolist()) == {label}
    assert_array_equal(estimator.predict_proba(X), np.ones((80, 1)))
    assert_array_equal(estimator.predict_log_proba(X), np.zeros((80, 1)))
    assert estimator.score(X, np.full(80, label)) == 1.0
    assert all(np.isfinite(W).all() for W in estimator.coefs_)


def test_partial_fit_knows_classes_before_it_meets_them():
    X = features()
    y = LABELS["str"][target("multiclass", X)]
    estimator = BackpropClassifier(**FIT)
    for label in np.unique(y):  # one class a call
        rows = y == label
        estimator.partial_fit(X[rows], y[rows], classes=np.unique(y))
    assert_array_equal(estimator.classes_, np.unique(y))
    for _ in range(60):
        estimator.partial_fit(X, y)
    assert estimator.score(X, y) > 0.8


# Confident networks ----------------------------------------------------------------------


@pytest.mark.parametrize("task", CLASSIFICATION)
def test_log_probabilities_stay_finite(task):
    estimator, X, _ = fitted(task)
    scores = estimator.decision_function(X)
    parts = scores if task == "heads" else [scores]
    largest = max(np.abs(part).max() for part in parts)
    for array in (estimator.coefs_[-1], estimator.intercepts_[-1]):
        array *= 1e4 / largest
    p, log_p = estimator.predict_proba(X), estimator.predict_log_proba(X)
    if task != "heads":
        p, log_p = [p], [log_p]
    assert max(np.abs(part).max() for part in log_p) > 1e3
    for part, log_part in zip(p, log_p, strict=True):
        assert np.isfinite(log_part).all()
        assert (log_part <= 0).all()
        assert_within(np.exp(log_part), part, 1e-12)
        if task != "multilabel":
            assert_within(np.exp(log_part).sum(axis=1), np.ones(80), 1e-12)


@pytest.mark.parametrize("task", ["binary", "multiclass", "multilabel"])
def test_log_probabilities_come_from_scores(task):
    """Those of small probabilities keep all digits, whatever is left of the probability."""
    estimator, X, _ = fitted(task)
    for array in (estimator.coefs_[-1], estimator.intercepts_[-1]):
        array *= 50
    scores = estimator.decision_function(X)
    if task == "multiclass":
        expected = log_softmax(scores.astype(np.longdouble), axis=1)
    elif task == "binary":
        both = np.stack([-scores, scores], axis=1)
        expected = -np.logaddexp(0, -both.astype(np.longdouble))
    else:
        expected = -np.logaddexp(0, -scores.astype(np.longdouble))
    np.testing.assert_allclose(
        estimator.predict_log_proba(X), expected.astype(float), rtol=1e-12, atol=2.3e-16
    )


# What is refused -------------------------------------------------------------------------


@BOTH
def test_a_column_is_taken_for_a_vector_with_a_warning(Estimator):
    X = features()
    y = target("binary" if Estimator is BackpropClassifier else "regression", X)
    with pytest.warns(DataConversionWarning, match="column-vector"):
        column = Estimator(**FIT).fit(X, y[:, None])
    assert column.predict(X).shape == (80,)
    assert_same_weights(column, Estimator(**FIT).fit(X, y), 0)


def test_numbers_are_no_labels():
    X = features()
    with pytest.raises(ValueError, match="Unknown label type"):
        BackpropClassifier(**FIT).fit(X, target("regression", X))


def test_text_is_no_number():
    X = features()
    with pytest.raises(ValueError, match=r"could not convert|dtype='numeric'"):
        BackpropRegressor(**FIT).fit(X, LABELS["str"][target("multiclass", X)])


@BOTH
@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda y: np.where(np.arange(80) == 3, np.nan, y), "NaN"),
        (lambda y: np.where(np.arange(80) == 3, np.inf, y), "infinity"),
        (lambda y: y[:-1], "inconsistent numbers of samples"),
        (lambda y: None, "requires y to be passed"),
        (lambda y: np.zeros((80, 2, 2)), "dim 3|3-d|multilabel|Unknown label type"),
    ],
)
def test_targets_are_validated(Estimator, spoil, message):
    X = features()
    y = target("binary" if Estimator is BackpropClassifier else "regression", X)
    estimator = Estimator(**FIT).fit(X, y)
    before = estimator.predict(X)
    with pytest.raises(ValueError, match=message):
        estimator.fit(X, spoil(y.astype(float)))
    assert_array_equal(estimator.predict(X), before)  # no harm to what was learned


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_unknown_classes_are_refused_by_name(task):
    X = features()
    y = LABELS["object"][target(task, X)]
    estimator = BackpropClassifier(**FIT).partial_fit(X, y, classes=np.unique(y))
    before = estimator.predict_proba(X)
    t = estimator.t_
    with pytest.raises(ValueError, match=r"(?s)class.*kiwi"):
        estimator.partial_fit(X, np.where(np.arange(80) == 0, "kiwi", y).astype(object))
    assert_array_equal(estimator.predict_proba(X), before)
    assert estimator.t_ == t


def test_classes_that_are_not_in_the_list_are_refused():
    X = features()
    y = target("multiclass", X)
    with pytest.raises(ValueError, match=r"(?s)class.*2"):
        BackpropClassifier(**FIT).partial_fit(X, y, classes=[0, 1])


def test_classes_cannot_change():
    X = features()
    y = target("multiclass", X)
    estimator = BackpropClassifier(**FIT).partial_fit(X, y, classes=[0, 1, 2])
    with pytest.raises(ValueError, match="classes"):
        estimator.partial_fit(X, y, classes=[0, 1, 2, 3])


def test_classes_are_needed_by_the_first_call():
    X = features()
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        BackpropClassifier(**FIT).partial_fit(X, target("binary", X))


def test_warm_start_refuses_other_classes():
    X = features()
    y = target("multiclass", X)
    estimator = BackpropClassifier(**FIT, warm_start=True).fit(X, y)
    before = estimator.predict_proba(X)
    message = "warm_start can only be used where `y` has the same classes"
    with pytest.raises(ValueError, match=message):
        estimator.fit(X, y + 1)
    assert_array_equal(estimator.predict_proba(X), before)


def test_partial_fit_refuses_another_number_of_outputs():
    X = features()
    y = target("multi-output", X)
    estimator = BackpropRegressor(**FIT).partial_fit(X, y)
    with pytest.raises(ValueError, match="3"):
        estimator.partial_fit(X, y[:, :2])
    labels = target("multilabel", X)
    estimator = BackpropClassifier(**FIT).partial_fit(X, labels, classes=[0, 1, 2])
    with pytest.raises(ValueError, match="3"):
        estimator.partial_fit(X, labels[:, :2])


@pytest.mark.parametrize(("loss", "worst"), [("poisson", -2.0), ("gamma", 0.0), ("tweedie", -2.0)])
def test_targets_outside_the_domain_of_the_loss(loss, worst):
    X = features()
    y = np.abs(target("regression", X)) + 0.1
    estimator = BackpropRegressor(**FIT, loss=loss).fit(X, y)
    before = estimator.predict(X)
    y[5] = worst
    with pytest.raises(ValueError, match=rf"loss='{loss}' needs y .* got .*{worst}"):
        estimator.fit(X, y)
    assert_array_equal(estimator.predict(X), before)


@pytest.mark.parametrize("loss", ["absolute_error", "huber", "pinball"])
def test_an_outlier_of_y_does_not_hide_the_other_rows(loss):
    X, y = features(), features()[:, 0].copy()
    y[3] = 1e6
    model = skbackprop.BackpropRegressor(preset="fast", loss=loss, random_state=0).fit(X, y)
    kept = np.arange(len(y)) != 3
    assert r2_score(y[kept], model.predict(X[kept])) > 0.8


def test_an_outlier_of_y_that_hides_the_other_rows_is_said():
    X, y = features(), features()[:, 0].copy()
    model = skbackprop.BackpropRegressor(preset="fast", max_iter=2, random_state=0)
    model.partial_fit(X, y)
    with pytest.warns(UserWarning, match="the spread of y is .* times what it was"):
        model.partial_fit(X[:1], [1e9])
    y[3] = 1e6
    with pytest.warns(UserWarning, match="nearly all of the squared error comes from"):
        model.fit(X, y)


@pytest.mark.parametrize("n", [1, 2])
def test_validation_rows_with_other_columns_of_y_are_refused(n):
    X = features()
    y = X[:, :2]
    with pytest.raises(ValueError, match=f"`y_val` needs {n} columns, .* got {3 - n}"):
        BackpropRegressor(**FIT).fit(X, y[:, :n].squeeze(), X_val=X, y_val=y[:, : 3 - n].squeeze())


def test_rows_of_pandas_in_another_order_are_said():
    pd = pytest.importorskip("pandas")
    X = pd.DataFrame(features())
    y = X[0]
    model = BackpropRegressor(**{**FIT, "max_iter": 1})
    for name, given in {"y": (y[::-1],), "sample_weight": (y, y[::-1] ** 2)}.items():
        with pytest.warns(
            UserWarning, match=f"The rows of {name} have the labels .* another order"
        ):
            model.fit(X, *given)
    with pytest.warns(UserWarning, match="The rows of y_val"):
        model.fit(X, y, X_val=X, y_val=y[::-1])
    model.fit(X, pd.Series(y.to_numpy(), index=y.index + 7), sample_weight=y**2)
    model.fit(X[::-1], y[::-1])


def test_a_score_that_is_nan_is_refused():
    X = features()
    model = BackpropRegressor(**FIT, early_stopping=True, scoring=lambda *_: float("nan"))
    with pytest.raises(ValueError, match="failed on the validation rows: the score is NaN"):
        model.fit(X, X[:, 0])
