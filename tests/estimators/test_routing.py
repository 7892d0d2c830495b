"""Metadata routing: weights and validation data through pipelines, searches and splits."""

import numpy as np
import pytest
from plain import BackpropClassifier, BackpropRegressor
from sklearn import config_context
from sklearn.base import clone
from sklearn.exceptions import UnsetMetadataPassedError
from sklearn.metrics import accuracy_score, r2_score
from sklearn.model_selection import GridSearchCV, KFold, cross_validate
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from .common import BOTH, assert_identical, assert_within, features, target, unconverged

pytestmark = unconverged

SMALL = {"hidden_layer_sizes": (5,), "max_iter": 8, "random_state": 0, "learning_rate_init": 0.02}
STOPPING = {**SMALL, "early_stopping": True}
VALIDATION = {"X_val": True, "y_val": True}


@pytest.fixture
def _routing():
    with config_context(enable_metadata_routing=True):
        yield


routing = pytest.mark.usefixtures("_routing")


def data(Estimator, n=80, seed=0):
    """X, y, weights."""
    X = features(n, seed=seed)
    y = target("binary" if Estimator is BackpropClassifier else "regression", X)
    return X, y, np.random.RandomState(seed).uniform(0.1, 3.0, n)


def held_out(Estimator, shift=0.0):
    """Training data, and validation data of another length."""
    X, y, w = data(Estimator, 110)
    return (X[:80] + shift, y[:80], w[:80]), (X[80:] + shift, y[80:], w[80:])


# What can be asked for -------------------------------------------------------------------


@BOTH
def test_every_piece_of_metadata_can_be_requested(Estimator):
    requests = Estimator().get_metadata_routing()
    assert set(requests.fit.requests) >= {"sample_weight", "X_val", "y_val", "sample_weight_val"}
    incremental = {"sample_weight"} | ({"classes"} if Estimator is BackpropClassifier else set())
    assert set(requests.partial_fit.requests) >= incremental
    assert set(requests.score.requests) == {"sample_weight"}
    assert not requests.predict.requests


@BOTH
@routing
def test_requests_are_remembered_by_clones(Estimator):
    estimator = Estimator().set_fit_request(X_val=True, y_val=True, sample_weight="weight")
    requests = clone(estimator).get_metadata_routing().fit.requests
    assert requests["X_val"] is True
    assert requests["sample_weight"] == "weight"


@BOTH
def test_requests_need_routing_to_be_enabled(Estimator):
    with pytest.raises(RuntimeError, match="enable_metadata_routing"):
        Estimator().set_fit_request(sample_weight=True)


@BOTH
@routing
def test_metadata_without_a_request_is_refused(Estimator):
    X, y, w = data(Estimator)
    with pytest.raises(UnsetMetadataPassedError, match="sample_weight"):
        cross_validate(Estimator(**SMALL), X, y, cv=3, params={"sample_weight": w})


# sample_weight ---------------------------------------------------------------------------


@BOTH
@routing
def test_weights_reach_every_fold(Estimator):
    X, y, w = data(Estimator)
    estimator = Estimator(**SMALL).set_fit_request(sample_weight=True)
    estimator.set_score_request(sample_weight=True)
    found = cross_validate(
        estimator, X, y, cv=KFold(3), params={"sample_weight": w}, return_estimator=True
    )
    for (train, test), fitted, score in zip(
        KFold(3).split(X), found["estimator"], found["test_score"], strict=True
    ):
        by_hand = Estimator(**SMALL).fit(X[train], y[train], sample_weight=w[train])
        assert_identical(fitted, by_hand)
        assert score == pytest.approx(by_hand.score(X[test], y[test], w[test]), abs=1e-12)


@BOTH
@routing
def test_weights_under_another_name(Estimator):
    X, y, w = data(Estimator)
    pipeline = Pipeline(
        [
            ("scale", StandardScaler().set_fit_request(sample_weight=False)),
            ("net", Estimator(**SMALL).set_fit_request(sample_weight="importance")),
        ]
    )
    pipeline.fit(X, y, importance=w)
    scaled = StandardScaler().fit_transform(X)
    assert_identical(pipeline[-1], Estimator(**SMALL).fit(scaled, y, sample_weight=w))


@BOTH
@routing
def test_weights_through_a_search(Estimator):
    X, y, w = data(Estimator)
    estimator = Estimator(**SMALL).set_fit_request(sample_weight=True)
    estimator.set_score_request(sample_weight=True)
    search = GridSearchCV(estimator, {"alpha": [0.0, 1.0]}, cv=2).fit(X, y, sample_weight=w)
    best = Estimator(**SMALL).set_params(**search.best_params_).fit(X, y, sample_weight=w)
    assert_identical(search.best_estimator_, best)


# Validation data -------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_validation_data_are_judged_and_all_other_rows_learned(Estimator, solver):
    (X, y, _), (X_val, y_val, _) = held_out(Estimator)
    params = {"hidden_layer_sizes": (5,), "max_iter": 8, "random_state": 0, "solver": solver}
    estimator = Estimator(**params, early_stopping=True, n_iter_no_change=100)
    estimator.fit(X, y, X_val=X_val, y_val=y_val)
    plain = Estimator(**params).fit(X, y)  # the validation data do not change what is learned
    assert_within(estimator.loss_curve_, plain.loss_curve_, 0)
    metric = accuracy_score if Estimator is BackpropClassifier else r2_score
    score = metric(y_val, estimator.predict(X_val))
    assert score == pytest.approx(estimator.best_validation_score_, abs=1e-12)
    assert max(estimator.validation_scores_) == estimator.best_validation_score_


@BOTH
def test_validation_rows_of_weight_zero_are_not_seen(Estimator):
    (X, y, _), (X_val, y_val, w_val) = held_out(Estimator)
    w_val[::3] = 0
    spoiled = y_val.copy()
    spoiled[::3] = spoiled[::3][::-1] + 1 if Estimator is BackpropRegressor else 1 - y_val[::3]
    weighted = Estimator(**STOPPING).fit(X, y, X_val=X_val, y_val=spoiled, sample_weight_val=w_val)
    seen = w_val > 0
    removed = Estimator(**STOPPING).fit(
        X, y, X_val=X_val[seen], y_val=y_val[seen], sample_weight_val=w_val[seen]
    )
    assert_within(weighted.validation_scores_, removed.validation_scores_, 1e-12)
    unweighted = Estimator(**STOPPING).fit(X, y, X_val=X_val, y_val=spoiled)
    assert unweighted.validation_scores_ != weighted.validation_scores_


@BOTH
def test_weights_of_validation_are_those_of_the_score(Estimator):
    (X, y, _), (X_val, y_val, w_val) = held_out(Estimator)
    estimator = Estimator(**STOPPING).fit(X, y, X_val=X_val, y_val=y_val, sample_weight_val=w_val)
    score = estimator.score(X_val, y_val, w_val)
    assert score == pytest.approx(estimator.best_validation_score_, abs=1e-12)


@BOTH
@pytest.mark.parametrize("missing", ["X_val", "y_val"])
def test_validation_data_come_in_pairs(Estimator, missing):
    (X, y, _), (X_val, y_val, _) = held_out(Estimator)
    given = {"X_val": X_val, "y_val": y_val}
    del given[missing]
    with pytest.raises(ValueError, match=missing):
        Estimator(**STOPPING).fit(X, y, **given)


@BOTH
def test_weights_without_validation_data_are_refused(Estimator):
    (X, y, _), (_, _, w_val) = held_out(Estimator)
    with pytest.raises(ValueError, match="sample_weight_val"):
        Estimator(**STOPPING).fit(X, y, sample_weight_val=w_val)


@BOTH
def test_validation_data_without_early_stopping_are_refused(Estimator):
    (X, y, _), (X_val, y_val, _) = held_out(Estimator)
    with pytest.raises(ValueError, match="early_stopping"):
        Estimator(**SMALL, early_stopping=False).fit(X, y, X_val=X_val, y_val=y_val)


@BOTH
@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda X, y: (X[:, :-1], y), "features"),
        (lambda X, y: (X, y[:-1]), "inconsistent numbers of samples"),
        (lambda X, y: (np.full_like(X, np.nan), y), "NaN"),
    ],
)
def test_validation_data_are_validated(Estimator, spoil, message):
    (X, y, _), (X_val, y_val, _) = held_out(Estimator)
    X_val, y_val = spoil(X_val, y_val)
    with pytest.raises(ValueError, match=message):
        Estimator(**STOPPING).fit(X, y, X_val=X_val, y_val=y_val)


def test_validation_labels_need_to_be_known():
    (X, y, _), (X_val, y_val, _) = held_out(BackpropClassifier)
    with pytest.raises(ValueError, match="7"):
        BackpropClassifier(**STOPPING).fit(X, y, X_val=X_val, y_val=np.where(y_val, 7, 0))


# Validation data through a pipeline ------------------------------------------------------


def pipeline_of(Estimator, **kwargs):
    return Pipeline(
        [("scale", StandardScaler()), ("net", Estimator(**STOPPING).set_fit_request(**VALIDATION))],
        **kwargs,
    )


@BOTH
@routing
def test_a_pipeline_transforms_the_validation_data(Estimator):
    (X, y, _), (X_val, y_val, _) = held_out(Estimator, shift=5.0)
    pipeline = pipeline_of(Estimator, transform_input=["X_val"])
    pipeline.fit(X, y, X_val=X_val, y_val=y_val)
    scaler = StandardScaler().fit(X)
    by_hand = Estimator(**STOPPING).fit(
        scaler.transform(X), y, X_val=scaler.transform(X_val), y_val=y_val
    )
    assert_identical(pipeline[-1], by_hand)
    assert pipeline[-1].validation_scores_ == by_hand.validation_scores_
    # the score of the pipeline is the one that was monitored
    assert pipeline.score(X_val, y_val) == pytest.approx(by_hand.best_validation_score_, abs=1e-12)


@BOTH
@routing
def test_without_transform_input_the_validation_data_arrive_as_they_are(Estimator):
    (X, y, _), (X_val, y_val, _) = held_out(Estimator, shift=5.0)
    pipeline = pipeline_of(Estimator).fit(X, y, X_val=X_val, y_val=y_val)
    scaled = StandardScaler().fit_transform(X)
    by_hand = Estimator(**STOPPING).fit(scaled, y, X_val=X_val, y_val=y_val)
    assert pipeline[-1].validation_scores_ == by_hand.validation_scores_


@BOTH
@routing
def test_validation_data_through_a_search_over_a_pipeline(Estimator):
    (X, y, _), (X_val, y_val, _) = held_out(Estimator, shift=5.0)
    search = GridSearchCV(
        pipeline_of(Estimator, transform_input=["X_val"]), {"net__alpha": [0.0, 1.0]}, cv=2
    )
    # of another length than X: what has as many rows as X is cut into folds
    search.fit(X, y, X_val=X_val, y_val=y_val)
    best = search.best_estimator_
    assert best.score(X_val, y_val) == pytest.approx(best[-1].best_validation_score_, abs=1e-12)


@routing
def test_classes_are_routed_to_partial_fit():
    X, y, w = data(BackpropClassifier)
    estimator = BackpropClassifier(**SMALL)
    estimator.set_partial_fit_request(classes=True, sample_weight=True)
    estimator.partial_fit(X, y, classes=[0, 1], sample_weight=w)
    assert estimator.get_metadata_routing().partial_fit.requests["classes"] is True


def test_without_routing_a_pipeline_passes_what_is_named_by_its_step():
    (X, y, w), (X_val, y_val, _) = held_out(BackpropRegressor)
    pipeline = Pipeline([("scale", StandardScaler()), ("net", BackpropRegressor(**STOPPING))])
    pipeline.fit(X, y, net__X_val=X_val, net__y_val=y_val, net__sample_weight=w)
    by_hand = BackpropRegressor(**STOPPING).fit(
        StandardScaler().fit_transform(X), y, sample_weight=w, X_val=X_val, y_val=y_val
    )
    assert_identical(pipeline[-1], by_hand)
