"""sample_weight and class_weight: what a weight is worth, exactly."""

import numpy as np
import pytest
from plain import BackpropClassifier
from sklearn.utils.class_weight import compute_sample_weight

import skbackprop

from .common import (
    BOTH,
    DENSE_AND_CSR,
    SOLVERS,
    TARGETS,
    assert_identical,
    assert_same_weights,
    assert_within,
    estimator_for,
    features,
    target,
    unconverged,
    weights,
)

pytestmark = unconverged

TASKS = pytest.mark.parametrize("task", TARGETS)
FIT = {"hidden_layer_sizes": (6,), "max_iter": 10, "random_state": 0, "alpha": 0.1}


def data(task, n=40):
    """X, y, and integer weights, some of them zero."""
    X = features(n)
    return X, target(task, X), np.random.RandomState(5).randint(0, 4, n)


def assert_same_training(a, b, tolerance):
    """Weights of the network and the losses on the way there."""
    assert_same_weights(a, b, tolerance)
    assert_within(a.loss_curve_, b.loss_curve_, tolerance)
    assert_within(a.loss_, b.loss_, tolerance)


# Weight = number of rows -----------------------------------------------------------------


@SOLVERS
@DENSE_AND_CSR
@TASKS
def test_weights_count_rows(task, container, solver):
    X, y, w = data(task)
    params = {**FIT, "solver": solver}
    rows = np.arange(40).repeat(w)
    weighted = estimator_for(task, **params).fit(container(X), y, sample_weight=w)
    repeated = estimator_for(task, **params).fit(container(X[rows]), y[rows])
    assert_same_training(weighted, repeated, 1e-10)


@SOLVERS
@DENSE_AND_CSR
@TASKS
def test_rows_without_weight_are_absent(task, container, solver):
    X, y, w = data(task)
    kept = w > 0
    params = {**FIT, "solver": solver}
    weighted = estimator_for(task, **params).fit(container(X), y, sample_weight=kept)
    removed = estimator_for(task, **params).fit(container(X[kept]), y[kept])
    assert_same_training(weighted, removed, 1e-10)


@SOLVERS
@TASKS
def test_ones_are_no_weights(task, solver):
    X, y, _ = data(task)
    params = {**FIT, "solver": solver, **({} if solver == "lbfgs" else {"batch_size": 16})}
    ones = estimator_for(task, **params).fit(X, y, sample_weight=np.ones(40))
    none = estimator_for(task, **params).fit(X, y)
    assert_same_training(ones, none, 1e-10)


@SOLVERS
@TASKS
def test_without_a_penalty_the_unit_does_not_matter(task, solver):
    X, y, _ = data(task)
    w = np.random.RandomState(1).uniform(0.1, 2.0, 40)
    params = {**FIT, "solver": solver, "alpha": 0.0}
    fits = [estimator_for(task, **params).fit(X, y, sample_weight=c * w) for c in (1, 1000)]
    assert_same_training(*fits, 1e-10)


@pytest.mark.parametrize("form", [list, np.float32, lambda w: w.astype(object), tuple])
@BOTH
def test_weights_of_any_type(Estimator, form):
    X, y, w = data("binary")
    given = Estimator(**FIT).fit(X, y, sample_weight=form(w))
    assert_identical(given, Estimator(**FIT).fit(X, y, sample_weight=w.astype(float)))


@BOTH
def test_weights_as_a_series(Estimator):
    pandas = pytest.importorskip("pandas")
    X, y, w = data("binary")
    series = pandas.Series(w, index=np.arange(40)[::-1])  # the index does not reorder
    given = Estimator(**FIT).fit(X, y, sample_weight=series)
    assert_identical(given, Estimator(**FIT).fit(X, y, sample_weight=w))


@BOTH
def test_one_weight_for_all_rows(Estimator):
    X, y, _ = data("binary")
    scalar = Estimator(**FIT).fit(X, y, sample_weight=2.0)
    assert_identical(scalar, Estimator(**FIT).fit(X, y, sample_weight=np.full(40, 2.0)))


@BOTH
@SOLVERS
def test_weights_do_not_widen_float32(Estimator, solver):
    X, y, w = data("binary")
    estimator = Estimator(**{**FIT, "solver": solver})
    estimator.fit(X.astype(np.float32), y, sample_weight=w.astype(np.float64))
    assert {array.dtype for array in weights(estimator)} == {np.dtype("float32")}


@BOTH
def test_weights_are_left_untouched(Estimator):
    X, y, w = data("binary")
    w = w.astype(float)
    before = w.copy()
    w.flags.writeable = False
    Estimator(**FIT).fit(X, y, sample_weight=w)
    np.testing.assert_array_equal(w, before)


# Batches ---------------------------------------------------------------------------------


@DENSE_AND_CSR
@pytest.mark.parametrize("solver", ["adam", "sgd"])
@TASKS
def test_batches_without_weight_are_skipped(task, container, solver):
    X, y, _ = data(task)
    empty = np.zeros(40, bool)
    empty[:4] = empty[12:20] = True  # the first batch, and two in the middle
    params = {**FIT, "solver": solver, "batch_size": 4, "shuffle": False}
    w = np.random.RandomState(1).uniform(0.5, 1.5, 40)
    weighted = estimator_for(task, **params).fit(container(X), y, sample_weight=w * ~empty)
    removed = estimator_for(task, **params).fit(
        container(X[~empty]), y[~empty], sample_weight=w[~empty]
    )
    assert_identical(weighted, removed)
    assert_within(weighted.loss_curve_, removed.loss_curve_, 1e-12)


@pytest.mark.parametrize("solver", ["adam", "sgd"])
@BOTH
def test_batches_of_one_row(Estimator, solver):
    X, y, w = data("binary")
    params = {**FIT, "solver": solver, "batch_size": 1}
    estimator = Estimator(**params).fit(X, y, sample_weight=w)
    assert np.isfinite(estimator.loss_curve_).all()
    assert all(np.isfinite(array).all() for array in weights(estimator))


@pytest.mark.parametrize("shuffle", [True, False])
@BOTH
def test_partial_fit_takes_weights(Estimator, shuffle):
    X, y, w = data("binary")
    params = {**FIT, "batch_size": 8, "shuffle": shuffle, "max_iter": 5}
    stepwise = Estimator(**params)
    classes = {"classes": [0, 1]} if Estimator is BackpropClassifier else {}
    for _ in range(5):
        stepwise.partial_fit(X, y, sample_weight=w, **classes)
    assert_identical(stepwise, Estimator(**params).fit(X, y, sample_weight=w))


# Early stopping --------------------------------------------------------------------------


@BOTH
def test_weights_follow_their_rows_into_the_validation_part(Estimator):
    """A weight that is spoiled where the row validates does not change what is learned."""
    X, y, _ = data("binary", 80)
    w = np.random.RandomState(1).uniform(0.5, 1.5, 80)
    params = {**FIT, "early_stopping": True, "validation_fraction": 0.25, "n_iter_no_change": 99}
    first = Estimator(**params).fit(X, y, sample_weight=w)
    changes = []
    for row in range(0, 80, 4):
        other = w.copy()
        other[row] = 9.0
        second = Estimator(**params).fit(X, y, sample_weight=other)
        learned = second.loss_curve_ != first.loss_curve_
        scored = second.history_["validation_loss"][0] != first.history_["validation_loss"][0]
        assert learned or scored
        changes.append(learned)
    assert 0 < sum(changes) < len(changes)


# class_weight ----------------------------------------------------------------------------

CLASS_WEIGHTS = {
    "binary": {0: 1.0, 1: 3.0},
    "multiclass": {0: 2.0, 1: 0.5, 2: 1.0},
}


@SOLVERS
@DENSE_AND_CSR
@pytest.mark.parametrize("given", ["dict", "balanced"])
@pytest.mark.parametrize("task", CLASS_WEIGHTS)
def test_class_weight_is_the_weight_of_the_rows(task, given, container, solver):
    X, y, _ = data(task)
    class_weight = CLASS_WEIGHTS[task] if given == "dict" else "balanced"
    params = {**FIT, "solver": solver}
    by_class = BackpropClassifier(**params, class_weight=class_weight).fit(container(X), y)
    w = compute_sample_weight(class_weight, y)
    by_row = BackpropClassifier(**params).fit(container(X), y, sample_weight=w)
    assert len(np.unique(w)) > 1
    assert_same_training(by_class, by_row, 1e-10)


@pytest.mark.parametrize("task", CLASS_WEIGHTS)
def test_class_weight_multiplies_sample_weight(task):
    X, y, w = data(task)
    by_both = BackpropClassifier(**FIT, class_weight=CLASS_WEIGHTS[task])
    by_both.fit(X, y, sample_weight=w)
    product = w * compute_sample_weight(CLASS_WEIGHTS[task], y)
    by_row = BackpropClassifier(**FIT).fit(X, y, sample_weight=product)
    assert_same_training(by_both, by_row, 1e-10)


@SOLVERS
@pytest.mark.parametrize("task", CLASS_WEIGHTS)
def test_balanced_counts_rows_by_their_weight(task, solver):
    X, y, w = data(task)
    estimator = BackpropClassifier(**{**FIT, "solver": solver}, class_weight="balanced")
    weighted = estimator.fit(X, y, sample_weight=w)
    repeated = BackpropClassifier(**{**FIT, "solver": solver}, class_weight="balanced")
    repeated.fit(X.repeat(w, axis=0), y.repeat(w))
    assert_same_training(weighted, repeated, 1e-10)


def test_class_weight_of_named_classes():
    X, y, _ = data("binary")
    names = np.array(["no", "yes"])
    named = BackpropClassifier(**FIT, class_weight={"no": 1.0, "yes": 3.0}).fit(X, names[y])
    assert_identical(named, BackpropClassifier(**FIT, class_weight={0: 1.0, 1: 3.0}).fit(X, y))


def test_class_weight_in_partial_fit():
    X, y, _ = data("binary")
    by_class = BackpropClassifier(**FIT, class_weight=CLASS_WEIGHTS["binary"])
    by_row = BackpropClassifier(**FIT)
    for rows in (slice(0, 20), slice(20, 40), slice(0, 40)):
        by_class.partial_fit(X[rows], y[rows], classes=[0, 1])
        w = compute_sample_weight(CLASS_WEIGHTS["binary"], y[rows])
        by_row.partial_fit(X[rows], y[rows], classes=[0, 1], sample_weight=w)
    assert_same_weights(by_class, by_row, 1e-10)


@pytest.mark.parametrize("batch_size", ["auto", 8])
def test_class_weight_moves_the_border(batch_size):
    X, y, _ = data("binary", 200)
    y = np.where(np.random.RandomState(0).uniform(size=200) < 0.3, 1 - y, y)  # no border is sure
    params = {**FIT, "max_iter": 50, "batch_size": batch_size, "alpha": 0.0}
    params |= {"learning_rate_init": 0.05 if batch_size == "auto" else 0.002}
    shares = [
        BackpropClassifier(**params, class_weight={0: 1.0, 1: w}).fit(X, y).predict(X).mean()
        for w in (0.05, 1.0, 20.0)
    ]
    assert shares[0] < 0.1 < shares[1] < 0.9 < shares[2]


@pytest.mark.parametrize("batch_size", ["auto", 8, 1])
@pytest.mark.parametrize("given", ["dict", "balanced"])
@pytest.mark.parametrize("task", CLASS_WEIGHTS)
@pytest.mark.parametrize("Estimator", [BackpropClassifier, skbackprop.BackpropClassifier])
def test_class_weight_and_sample_weight_are_one_product(Estimator, task, given, batch_size):
    """The same factors give the same bits, in every batch."""
    X, y, _ = data(task, 120)
    w = np.random.RandomState(1).uniform(0.1, 2.0, 120)
    params = FIT | {"batch_size": batch_size, "max_iter": 2}
    class_weight = CLASS_WEIGHTS[task] if given == "dict" else "balanced"
    factor = compute_sample_weight(class_weight, y)
    by_class = Estimator(**params, class_weight=class_weight).fit(X, y)
    assert_identical(by_class, Estimator(**params).fit(X, y, sample_weight=factor))
    if given == "dict":
        by_both = Estimator(**params, class_weight=class_weight).fit(X, y, sample_weight=w)
        assert_identical(by_both, Estimator(**params).fit(X, y, sample_weight=w * factor))


def test_balanced_in_partial_fit_with_fractional_weights_is_a_fit():
    X, y, _ = data("binary", 60)
    w = np.random.RandomState(1).uniform(0.1, 2.0, 60)
    params = FIT | {"batch_size": 16, "class_weight": "balanced"}
    stepwise = BackpropClassifier(**params)
    for _ in range(10):
        stepwise.partial_fit(X, y, sample_weight=w, classes=[0, 1])
    assert_identical(stepwise, BackpropClassifier(**params).fit(X, y, sample_weight=w))


@pytest.mark.parametrize(
    ("class_weight", "message"),
    [
        ({0: 1.0, 1: None}, "got None for the class 1"),
        ({0: np.nan, 1: 1.0}, "got nan for the class 0"),
        ({0: np.inf, 1: 1.0}, "got inf for the class 0"),
        ({0: "much", 1: 1.0}, "got 'much' for the class 0"),
        ({0: 0, 1: 0.0}, "zero for all classes"),
        ([{0: 1.0}, {1: 1.0}], "needs a dict for y with 1 column"),
    ],
)
def test_class_weights_that_are_no_weights_are_named(class_weight, message):
    X, y, _ = data("binary")
    with pytest.raises(ValueError, match=message):
        BackpropClassifier(**FIT, class_weight=class_weight).fit(X, y)


@pytest.mark.parametrize(
    ("class_weight", "message"),
    [("even", "class_weight"), (2.0, "class_weight"), ({0: 1.0, 7: 2.0}, "7")],
)
def test_class_weight_that_makes_no_sense(class_weight, message):
    X, y, _ = data("binary")
    with pytest.raises(ValueError, match=message):
        BackpropClassifier(**FIT, class_weight=class_weight).fit(X, y)


def test_class_weight_below_zero():
    X, y, _ = data("binary")
    with pytest.raises(ValueError, match=r"(?i)negative|>= 0"):
        BackpropClassifier(**FIT, class_weight={0: 1.0, 1: -1.0}).fit(X, y)


# What is refused -------------------------------------------------------------------------

REFUSED = {
    "negative": (lambda w: np.where(np.arange(40) == 3, -1.0, w), r"(?i)negative.*weight"),
    "all zero": (np.zeros_like, r"weight.*zero"),
    "nan": (lambda w: np.where(np.arange(40) == 3, np.nan, w), "NaN"),
    "inf": (lambda w: np.where(np.arange(40) == 3, np.inf, w), "infinity"),
    "too short": (lambda w: w[:-1], r"inconsistent numbers of samples|shape"),
    "2-d": (lambda w: np.stack([w, w], axis=1), "1D array"),
    "text": (lambda w: ["much"] * 40, "could not convert"),
}


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@BOTH
def test_weights_that_make_no_sense(Estimator, method, case):
    X, y, w = data("binary")
    spoil, message = REFUSED[case]
    estimator = Estimator(**FIT).fit(X, y, sample_weight=w)
    before = [array.copy() for array in weights(estimator)]
    with pytest.raises(ValueError, match=message):
        getattr(estimator, method)(X, y, sample_weight=spoil(w.astype(float)))
    for a, b in zip(weights(estimator), before, strict=True):  # no harm to what was learned
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("params", [{}, {"class_weight": {2: 0.0}}])
def test_a_scorer_gets_no_validation_rows_of_weight_0(params):
    X = np.random.default_rng(0).normal(size=(90, 3))
    y, seen = np.arange(90) % 3, []

    def scorer(model, X, y, sample_weight=None):
        seen.append((len(X), set(y.tolist()), sample_weight is None or bool(sample_weight.all())))
        return model.score(X, y)

    weight = None if params else (y < 2).astype(float)
    model = skbackprop.BackpropClassifier(scoring=scorer, max_iter=1, random_state=0, **params)
    model.fit(X, y, X_val=X, y_val=y, sample_weight_val=weight)
    assert set(map(str, seen)) == {str((60, {0, 1}, True))}
