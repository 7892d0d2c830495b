"""Defects of scikit-learn's MLP: divergence, warm start, and the validation set.

The documentation lists 36 defects and quirks by number; each has a test of the behavior
ours must show, named ``test_NN_…``.  Here: 2-8.  The others are in ``test_defects.py``,
``test_defects_patience.py``, ``test_defects_solvers.py`` and ``test_continuation.py``.
"""

import warnings
from dataclasses import dataclass, field

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from plain import BackpropClassifier, BackpropRegressor
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import log_loss, mean_poisson_deviance
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from .common import BOTH, SOLVERS, unconverged, weights

# A fit cut off by max_iter says so; here that is how most fits are meant to end.
FLAT = 1e-12  # a learning rate so small that every epoch after the first is a bad one


def blobs(n=60, n_classes=2, *, spread=1.0, seed=0):
    """Rows around the corners of a simplex, classes in turn."""
    rng = np.random.RandomState(seed)
    y = np.arange(n) % n_classes
    return rng.normal(size=(n, 4)) * spread + 3 * np.eye(n_classes, 4)[y], y


def plane(n=60, seed=0):
    """A linear relation with a little noise."""
    rng = np.random.RandomState(seed)
    X = rng.normal(size=(n, 3))
    return X, X @ [1.0, -2.0, 0.5] + 0.1 * rng.normal(size=n)


def snapshot(estimator):
    return [array.copy() for array in weights(estimator)]


def assert_same_weights(estimator, arrays):
    for mine, other in zip(weights(estimator), arrays, strict=True):
        assert_array_equal(mine, other)


@dataclass
class Witness:
    """A scorer that remembers the validation rows it was shown."""

    X: list = field(default_factory=list)
    y: list = field(default_factory=list)

    def __call__(self, estimator, X, y):
        self.X.append(np.array(X))
        self.y.append(np.array(y))
        return estimator.score(X, y)


# 2: a loss that is not a number is not progress -----------------------------------------


def diverging(X, y, **params):
    """Full-batch descent far beyond stability: the loss grows by a factor each epoch."""
    settings = {"momentum": 0, "learning_rate_init": 1e3, "alpha": 0, "max_iter": 500}
    patience = {"n_iter_no_change": 400, "tol": 0}
    estimator = BackpropRegressor((), solver="sgd", random_state=0, **settings, **patience)
    return estimator.set_params(**params).fit(X, y)


@pytest.mark.parametrize("early_stopping", [False, True])
def test_02_divergence_falls_back_to_the_last_finite_epoch(early_stopping):
    X, y = plane()
    with pytest.warns(ConvergenceWarning):
        estimator = diverging(X, y, early_stopping=early_stopping)
    curve = np.array(estimator.loss_curve_)
    assert 3 < len(curve) < 100
    assert np.isfinite(curve[:-1]).all()  # at most one epoch after the first bad loss
    assert all(np.isfinite(array).all() for array in weights(estimator))
    assert np.isfinite(estimator.loss_)
    assert np.isfinite(estimator.predict(X)).all()
    assert estimator.best_iter_ <= np.isfinite(curve).sum()
    if early_stopping:
        assert estimator.best_iter_ == 1 + np.nanargmax(estimator.validation_scores_)


def test_02_the_last_finite_epoch_is_the_one_of_a_shorter_fit():
    X, y = plane()
    with pytest.warns(ConvergenceWarning):
        estimator = diverging(X, y)
    with pytest.warns(ConvergenceWarning):
        shorter = diverging(X, y, max_iter=estimator.best_iter_)
    assert_same_weights(estimator, weights(shorter))


@pytest.mark.parametrize("early_stopping", [False, True])
@SOLVERS
def test_02_without_a_finite_epoch_there_is_one_clear_error(solver, early_stopping):
    X, y = plane()
    estimator = BackpropRegressor(
        (5,), solver=solver, early_stopping=early_stopping, random_state=0
    )
    with pytest.raises(ValueError, match="Solver produced non-finite parameter weights"):
        estimator.fit(X * 1e200, y)


# 3: warm start and early stopping --------------------------------------------------------


@unconverged
def test_03_a_second_fit_without_improvement_changes_nothing():
    X, y = blobs(80)
    X_val, y_val = blobs(40, seed=1)
    estimator = BackpropClassifier(
        (8,), solver="sgd", momentum=0, learning_rate_init=0.05, max_iter=20, random_state=0,
        warm_start=True, early_stopping=True,
    )  # fmt: skip
    estimator.fit(X, y, X_val=X_val, y_val=y_val)
    before, best = snapshot(estimator), estimator.best_validation_score_
    described = estimator.best_iter_, estimator.loss_
    assert estimator.score(X_val, y_val) == best
    estimator.fit(X, 1 - y, X_val=X_val, y_val=y_val)
    assert_same_weights(estimator, before)
    assert estimator.best_validation_score_ == best == estimator.score(X_val, y_val)
    assert (estimator.best_iter_, estimator.loss_) == described


@unconverged
@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_03_the_attributes_describe_the_weights_over_warm_fits(solver):
    X, y = blobs(100, 3, spread=2.0)
    witness = Witness()
    estimator = BackpropClassifier(
        (8,), solver=solver, learning_rate_init=0.02, max_iter=8, n_iter_no_change=50,
        random_state=0, warm_start=True, early_stopping=True, scoring=witness,
    )  # fmt: skip
    for _ in range(4):
        estimator.fit(X, y)
        assert estimator.score(witness.X[-1], witness.y[-1]) == estimator.best_validation_score_
        assert max(estimator.validation_scores_) == estimator.best_validation_score_
    assert len(estimator.validation_scores_) == len(estimator.loss_curve_) == 32


# 4: no stale state over warm fits --------------------------------------------------------


@pytest.mark.parametrize("early_stopping", [False, True])
@BOTH
def test_04_patience_restarts_with_each_fit(Estimator, early_stopping):
    X, y = blobs(100)
    estimator = Estimator(
        (4,), learning_rate_init=FLAT, n_iter_no_change=5, warm_start=True, random_state=0,
        early_stopping=early_stopping,
    )  # fmt: skip
    total = 0
    for _ in range(3):
        estimator.fit(X, y)
        total += estimator.n_iter_
        assert estimator.n_iter_ >= 6
        assert len(estimator.loss_curve_) == total


@unconverged
def test_04_loss_curve_holds_all_epochs_and_n_iter_those_of_the_last_fit():
    X, y = plane()
    estimator = BackpropRegressor((4,), max_iter=3, warm_start=True, random_state=0)
    for n_fits in (1, 2, 3):
        estimator.fit(X, y)
        assert (estimator.n_iter_, len(estimator.loss_curve_)) == (3, 3 * n_fits)
        assert estimator.t_ == 3 * n_fits * len(X)
    estimator.partial_fit(X, y)
    assert estimator.n_iter_ == len(estimator.loss_curve_) == 10
    estimator.set_params(warm_start=False).fit(X, y)
    assert (estimator.n_iter_, len(estimator.loss_curve_)) == (3, 3)


@unconverged
@pytest.mark.parametrize("seed", [None, 0])
def test_04_the_validation_rows_stay_the_same_over_warm_fits(seed):
    X, y = blobs(100)
    witness = Witness()
    estimator = BackpropClassifier(
        (4,), max_iter=2, warm_start=True, early_stopping=True, random_state=seed, scoring=witness
    )
    for _ in range(3):
        estimator.fit(X, y)
    assert len(witness.X) >= 6
    for rows in witness.X:
        assert_array_equal(rows, witness.X[0])


# 5, 6: the validation set ----------------------------------------------------------------


@unconverged
@pytest.mark.parametrize("sizes", [(500, 90, 10), (540, 60), (300, 200, 60, 40)])
def test_05_the_validation_rows_are_stratified(sizes):
    y = np.repeat(np.arange(len(sizes)), sizes)
    X = np.random.RandomState(0).normal(size=(len(y), 3)) + y[:, None]
    witness = Witness()
    BackpropClassifier(
        (3,), max_iter=1, early_stopping=True, random_state=0, scoring=witness
    ).fit(X, y)  # fmt: skip
    assert_array_equal(np.bincount(witness.y[0]), np.array(sizes) // 10)


@unconverged
@pytest.mark.parametrize("others", [["a"], ["a", "b"], ["a", "b", "c"]])
def test_06_a_class_with_one_row_stays_in_training(others):
    X, codes = blobs(60, len(others))
    y = np.array(others, dtype=object)[codes]
    y[7] = "rare"
    witness = Witness()
    estimator = BackpropClassifier(
        (3,), max_iter=1, early_stopping=True, random_state=0, scoring=witness
    )
    with warnings.catch_warnings(record=True) as log:
        warnings.simplefilter("always")
        estimator.fit(X, y)
    mine = [str(w.message) for w in log if not issubclass(w.category, ConvergenceWarning)]
    assert len(mine) == 1
    assert "rare" in mine[0]
    assert "rare" not in witness.y[0]
    assert set(witness.y[0]) == set(others)
    assert "rare" in estimator.classes_


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([0, 0, 0, 1], r"The least populated class(es)? in y ha(s|ve) only 1 member"),  # by version
        ([0, 0, 1, 1], "The validation set is too small"),
        ([0, 1], "The least populated class|The validation set is too small"),
        ([0, 1, 2, 3, 4], "The least populated class|The validation set is too small"),
    ],
)
def test_06_too_few_rows_stop_with_a_plain_message(y, message):
    X = np.arange(len(y), dtype=float)[:, None]
    with pytest.raises(ValueError, match=message):
        BackpropClassifier((2,), early_stopping=True, random_state=0).fit(X, y)
    if len(y) < 5:
        with pytest.raises(ValueError, match="The validation set is too small"):
            BackpropRegressor((2,), early_stopping=True, random_state=0).fit(X, y)


@unconverged
@pytest.mark.parametrize("y", [[0, 0, 0, 1, 1], [0, 1] * 4, [0, 1, 2] * 3, [0, 1, 2] * 7])
@BOTH
def test_06_few_rows_validate_on_two_rows_and_one_of_each_class(Estimator, y):
    X = np.arange(len(y), dtype=float)[:, None]
    witness = Witness()
    estimator = Estimator(
        (2,), early_stopping=True, max_iter=2, random_state=0, scoring=witness
    ).fit(X, y)
    n_classes = len(set(y)) if Estimator is BackpropClassifier else 1
    assert len(witness.y[0]) == max(2, n_classes, -(-len(y) // 10))
    if Estimator is BackpropClassifier:
        assert_array_equal(estimator.classes_, np.unique(witness.y[0]))


@BOTH
def test_06_a_validation_fraction_of_zero_is_refused_by_name(Estimator):
    X, y = blobs()
    with pytest.raises(ValueError, match="validation_fraction"):
        Estimator((2,), early_stopping=True, validation_fraction=0.0).fit(X, y)


# 7, 8: what is monitored -----------------------------------------------------------------


def iris_accuracy(seed, *, early_stopping):
    classifier = BackpropClassifier(early_stopping=early_stopping, random_state=seed)
    model = make_pipeline(StandardScaler(), classifier)
    return cross_val_score(model, *load_iris(return_X_y=True), cv=5).mean()


@unconverged
def test_07_early_stopping_on_iris():
    assert iris_accuracy(0, early_stopping=True) >= 0.93  # MLPClassifier: 0.807


@unconverged
def test_07_early_stopping_costs_little_on_iris():
    plain, early = (
        np.mean([iris_accuracy(seed, early_stopping=early_stopping) for seed in range(3)])
        for early_stopping in (False, True)
    )
    assert early >= plain - 0.03  # MLPClassifier: 0.951 without, 0.744 with


@unconverged
def test_07_the_validation_loss_breaks_ties_of_the_score():
    X, y = blobs(100, 2, spread=0.5)
    estimator = BackpropClassifier(
        (8,), learning_rate_init=0.01, max_iter=60, n_iter_no_change=5, early_stopping=True,
        random_state=0,
    ).fit(X, y)  # fmt: skip
    scores = np.array(estimator.validation_scores_)
    losses = np.array(estimator.history_["validation_loss"])
    first = np.argmax(scores)  # of the epochs with the highest score
    assert first + 7 < 60  # accuracy alone would have stopped here
    assert (scores[first:] == scores[first]).all()
    assert (np.diff(losses[first:]) < -1e-4).all()
    assert estimator.n_iter_ == estimator.best_iter_ == 60


def monitored(task):
    """An estimator, its data, and the loss of the fitted model on the validation rows."""
    rng = np.random.RandomState(0)
    X, X_val = rng.normal(size=(80, 3)), rng.normal(size=(40, 3))
    if task == "multilabel":
        y, y_val = (X[:, :2] > 0).astype(int), (X_val[:, :2] > 0).astype(int)

        def loss(estimator):
            p = estimator.predict_proba(X_val)
            return -np.log(np.where(y_val == 1, p, 1 - p)).sum(axis=1).mean()

        return BackpropClassifier, {}, (X, y, X_val, y_val), loss
    y, y_val = rng.poisson(np.exp(X[:, 0])), rng.poisson(np.exp(X_val[:, 0]))
    if task == "poisson":
        return (
            BackpropRegressor,
            {"loss": task},
            (X, y, X_val, y_val),
            lambda estimator: mean_poisson_deviance(y_val, estimator.predict(X_val)) / 2,
        )
    return (
        BackpropRegressor,
        {"loss": task},
        (X, y, X_val, y_val),
        lambda estimator: np.mean(np.abs(y_val - estimator.predict(X_val))),
    )


@unconverged
@pytest.mark.parametrize("task", ["multilabel", "poisson", "absolute_error"])
def test_08_the_fitted_loss_is_monitored(task):
    Estimator, params, (X, y, X_val, y_val), loss = monitored(task)
    estimator = Estimator(
        (6,), early_stopping=True, alpha=0, max_iter=30, learning_rate_init=0.01, random_state=0,
        **params,
    ).fit(X, y, X_val=X_val, y_val=y_val)  # fmt: skip
    scores = np.array(estimator.validation_scores_)
    assert_array_equal(scores, -np.array(estimator.history_["validation_loss"]))
    assert estimator.best_validation_score_ == scores.max() == scores[estimator.best_iter_ - 1]
    assert_allclose(-estimator.best_validation_score_, loss(estimator), rtol=1e-9)


@unconverged
@BOTH
def test_08_plain_monitors_the_score_of_scikit_learn(Estimator):
    X, y = blobs(100)
    X_val, y_val = blobs(50, seed=1)
    estimator = Estimator((6,), early_stopping=True, max_iter=10, random_state=0)
    estimator.fit(X, y, X_val=X_val, y_val=y_val)
    assert estimator.best_validation_score_ == max(estimator.validation_scores_)
    assert_allclose(estimator.best_validation_score_, estimator.score(X_val, y_val), rtol=1e-12)


@unconverged
@pytest.mark.parametrize("scoring", ["loss", "neg_log_loss", lambda e, X, y: -e.n_features_in_])
def test_08_any_scorer_can_be_selected(scoring):
    X, y = blobs(100)
    X_val, y_val = blobs(50, seed=1)
    estimator = BackpropClassifier(
        (6,), early_stopping=True, alpha=0, max_iter=10, random_state=0, scoring=scoring
    ).fit(X, y, X_val=X_val, y_val=y_val)
    expected = -4
    if isinstance(scoring, str):
        expected = -log_loss(y_val, estimator.predict_proba(X_val))
    assert_allclose(estimator.best_validation_score_, expected, rtol=1e-9)
