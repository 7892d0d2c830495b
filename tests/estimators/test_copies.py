"""Pickles, copies, clones and memory maps."""

import copy
import io
import pickle

import joblib
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from plain import BackpropClassifier
from sklearn.base import clone

from .common import (
    BOTH,
    SOLVERS,
    TARGETS,
    assert_identical,
    estimator_for,
    small,
    task_data,
    unconverged,
)

pytestmark = unconverged


def through_joblib(estimator):
    buffer = io.BytesIO()
    joblib.dump(estimator, buffer)
    buffer.seek(0)
    return joblib.load(buffer)


COPIES = {
    "pickle": lambda estimator: pickle.loads(pickle.dumps(estimator)),
    "joblib": through_joblib,
    "deepcopy": copy.deepcopy,
    "copy": copy.copy,
}


@pytest.mark.parametrize("made_by", COPIES)
@SOLVERS
@pytest.mark.parametrize("task", TARGETS)
def test_copies_predict_the_same(task, solver, made_by):
    X, y = task_data(task)
    estimator = estimator_for(task, hidden_layer_sizes=(6,), max_iter=5, solver=solver).fit(X, y)
    other = COPIES[made_by](estimator)
    assert type(other) is type(estimator)
    assert_array_equal(other.predict(X), estimator.predict(X))
    assert_identical(other, estimator)
    assert other.n_iter_ == estimator.n_iter_
    assert other.loss_curve_ == estimator.loss_curve_
    assert repr(other) == repr(estimator)


@pytest.mark.parametrize("made_by", ["pickle", "joblib", "deepcopy"])
@BOTH
def test_copies_are_independent(Estimator, made_by):
    estimator, X, y = small(Estimator)
    estimator = clone(estimator).fit(X, y)
    other = COPIES[made_by](estimator)
    before = estimator.predict(X)
    for W in other.coefs_:
        W[...] = 0
    assert_array_equal(estimator.predict(X), before)
    assert len(np.unique(other.predict(X))) == 1  # its arrays are those that it predicts with


@pytest.mark.parametrize("made_by", ["pickle", "joblib", "deepcopy"])
@BOTH
def test_copies_go_on_exactly(Estimator, made_by):
    estimator, X, y = small(Estimator, batch_size=16)
    classes = {"classes": [0, 1]} if Estimator is BackpropClassifier else {}
    for _ in range(3):
        estimator.partial_fit(X, y, **classes)
    other = COPIES[made_by](estimator)
    for each in (estimator, other):
        each.partial_fit(X, y).partial_fit(X, y)
    assert_identical(other, estimator)


@BOTH
def test_clones_are_not_fitted_and_fit_the_same(Estimator):
    estimator, X, y = small(Estimator)
    fitted = clone(estimator).fit(X, y)
    assert fitted.get_params() == estimator.get_params()
    fresh = clone(fitted)
    assert [name for name in vars(fresh) if name.endswith("_")] == []
    assert_identical(fresh.fit(X, y), fitted)


@BOTH
def test_memory_maps(Estimator, tmp_path):
    estimator, X, y = small(Estimator)
    joblib.dump((X, y, clone(estimator).fit(X, y)), tmp_path / "all")
    X_map, y_map, fitted = joblib.load(tmp_path / "all", mmap_mode="r")
    assert not X_map.flags.writeable
    assert_identical(clone(estimator).fit(X_map, y_map), fitted)
    assert_array_equal(fitted.predict(X_map), fitted.predict(X))
