"""Defects of scikit-learn's MLP: kinds of targets, what is printed, ways to write sizes.

See ``test_defects_stopping.py``.  Here: 32-34.
"""

import logging
import warnings

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from plain import BackpropClassifier, BackpropRegressor
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, DataConversionWarning

from .common import BOTH, SOLVERS, unconverged


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
    return [str(w.message) for w in log if not issubclass(w.category, ConvergenceWarning)]


# 32: regressions to pin ------------------------------------------------------------------


@unconverged
@pytest.mark.parametrize("dtype", [object, str])
@pytest.mark.parametrize("names", [["no", "yes"], ["a", "b", "c"]])
def test_32_labels_that_are_words_and_early_stopping(names, dtype):
    X, codes = blobs(90, len(names))
    y = np.array(names, dtype=dtype)[codes]
    estimator = BackpropClassifier((4,), max_iter=3, early_stopping=True, random_state=0)
    estimator.fit(X, y)
    assert_array_equal(estimator.classes_, names)
    assert set(estimator.predict(X)) <= set(names)
    assert np.isfinite(estimator.validation_scores_).all()


@BOTH
def test_32_no_warning_about_feature_names_with_early_stopping(Estimator):
    pd = pytest.importorskip("pandas")
    X, y = blobs()
    estimator = Estimator((4,), max_iter=3, early_stopping=True, random_state=0)
    assert warnings_of(lambda: estimator.fit(pd.DataFrame(X, columns=list("abcd")), y)) == []


def test_32_one_validation_row_has_no_r2_and_is_refused():
    X, y = blobs()
    estimator = BackpropRegressor((4,), max_iter=20, early_stopping=True, random_state=0)
    with pytest.raises(ValueError, match="The validation set is too small"):
        estimator.fit(X, y, X_val=X[:1], y_val=y[:1])


def test_32_partial_fit_takes_batches_of_one_class():
    X, y = blobs(90, 3)
    estimator = BackpropClassifier((8,), learning_rate_init=0.01, random_state=0)
    for _ in range(60):
        for label in range(3):
            estimator.partial_fit(X[y == label], y[y == label], classes=[0, 1, 2])
    assert_array_equal(estimator.classes_, [0, 1, 2])
    assert estimator.predict_proba(X).shape == (90, 3)


def test_32_partial_fit_takes_multilabel_targets():
    X, _ = blobs()
    Y = (X[:, :2] > 0.5).astype(int)
    estimator = BackpropClassifier((16,), learning_rate_init=0.05, random_state=0)
    for _ in range(100):
        estimator.partial_fit(X, Y, classes=[0, 1])
    assert estimator.predict(X).shape == Y.shape
    assert (estimator.predict(X) == Y).mean() > 0.95


@unconverged
@BOTH
def test_32_a_column_vector_warns_and_predicts_one_dimension(Estimator):
    X, y = blobs()
    estimator = Estimator((4,), max_iter=3, random_state=0)
    with pytest.warns(DataConversionWarning):
        estimator.fit(X, y[:, None])
    assert estimator.predict(X).ndim == 1


@unconverged
@BOTH
@SOLVERS
def test_32_the_best_values_exist_or_are_none(Estimator, solver):
    X, y = blobs()
    estimator = Estimator((4,), solver=solver, max_iter=3, random_state=0).fit(X, y)
    assert estimator.best_loss_ == min(estimator.loss_curve_)
    assert estimator.validation_scores_ is None
    assert estimator.best_validation_score_ is None
    estimator.set_params(early_stopping=True).fit(X, y)
    assert estimator.best_loss_ is None
    assert len(estimator.validation_scores_) == 3
    assert estimator.best_validation_score_ == max(estimator.validation_scores_)


# 33: quiet -------------------------------------------------------------------------------


@unconverged
@SOLVERS
def test_33_nothing_is_printed_unless_asked_for(capfd, solver):
    X, y = blobs()
    BackpropClassifier((4,), solver=solver, max_iter=3, random_state=0).fit(X, y).predict(X)
    assert capfd.readouterr() == ("", "")


@unconverged
@SOLVERS
@pytest.mark.parametrize("early_stopping", [False, True])
def test_33_verbose_prints_what_mlp_prints(capfd, solver, early_stopping):
    X, y = blobs()
    estimator = BackpropClassifier(
        (4,), solver=solver, max_iter=3, verbose=True, early_stopping=early_stopping,
        random_state=0,
    ).fit(X, y)  # fmt: skip
    out, err = capfd.readouterr()
    assert err == ""
    for epoch, loss in enumerate(estimator.loss_curve_, start=1):
        assert f"Iteration {epoch}, loss = {loss:.8f}\n" in out
    for score in estimator.validation_scores_ or []:
        assert f"Validation score: {score:f}\n" in out


@unconverged
@SOLVERS
def test_33_epochs_go_to_the_logger(caplog, solver):
    X, y = blobs()
    with caplog.at_level(logging.DEBUG, logger="skbackprop"):
        BackpropClassifier((4,), solver=solver, max_iter=3, random_state=0).fit(X, y)
    records = [record for record in caplog.records if record.name == "skbackprop"]
    assert sum(record.levelno == logging.DEBUG for record in records) == 3
    assert sum(record.levelno == logging.INFO for record in records) == 1


@BOTH
def test_33_a_batch_larger_than_the_data_warns_once_and_says_what_is_used(Estimator):
    estimator = Estimator((4,), max_iter=3, batch_size=1000, random_state=0)
    (message,) = warnings_of(lambda: estimator.fit(*blobs(60)))
    assert "batch_size" in message
    assert "1000" in message
    assert "60" in message


@BOTH
@pytest.mark.parametrize(
    "params", [{"max_iter": 2}, {"momentum": 0.5}, {"batch_size": 1000}, {"solver": "lbfgs"}]
)
def test_33_warnings_point_at_the_line_of_the_user(Estimator, params):
    X, y = blobs()
    estimator = Estimator((4,), random_state=0, **{"max_iter": 1} | params)
    with warnings.catch_warnings(record=True) as log:
        warnings.simplefilter("always")
        estimator.fit(X, y)
    assert log
    assert {w.filename for w in log} == {__file__}


# 34: sizes -------------------------------------------------------------------------------


@unconverged
@BOTH
@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ((), []),
        ([], []),
        (6, [6]),
        (np.int64(6), [6]),
        ((6,), [6]),
        ([6, 5], [6, 5]),
        (np.array([6, 5]), [6, 5]),
        ((np.int32(6), 5, 4), [6, 5, 4]),
    ],
)
def test_34_hidden_layer_sizes_may_be_written_in_many_ways(Estimator, sizes, expected):
    X, y = blobs()
    estimator = clone(Estimator(sizes, max_iter=2, random_state=0)).fit(X, y)
    assert [W.shape[0] for W in estimator.coefs_] == [4, *expected]
    assert estimator.n_layers_ == len(expected) + 2


@BOTH
@pytest.mark.parametrize("sizes", [(8.0, 4.5), "12", ("8", 4), 0, (5, 0), (5, -1), ((5, 5), 3)])
def test_34_other_sizes_are_refused_with_advice(Estimator, sizes):
    with pytest.raises(ValueError, match=r"hidden_layer_sizes(.|\n)*int") as error:
        Estimator(hidden_layer_sizes=sizes).fit(*blobs())
    assert repr(sizes) in str(error.value)
