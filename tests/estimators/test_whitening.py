"""Whitened columns in the estimators: which members get them, and what they are good for."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import skbackprop
from skbackprop import BackpropClassifier, BackpropRegressor, TableEncoding
from skbackprop.nn.layers import ScaledDense

rng = np.random.default_rng(0)
LATENT = rng.exponential(size=(400, 1))
DIFFERENCES = rng.exponential(size=(400, 4))
X = LATENT + 0.02 * DIFFERENCES
SCORE = DIFFERENCES[:, 0] - DIFFERENCES[:, 1] + 0.2 * LATENT[:, 0]
LABEL = np.median(SCORE) < SCORE
QUICK = {"max_iter": 10, "random_state": 0}


def regressor(**params):
    return BackpropRegressor(**QUICK | params).fit(X, SCORE)


def classifier(**params):
    return BackpropClassifier(**QUICK | params).fit(X, LABEL)


def share(estimator):
    return estimator.resolved_params_["feature_encoding"].whitened


def inputs_of(estimator):
    """For each member and each whitened input the largest number that it is multiplied by."""
    fitted = estimator._fitted
    for name, layer in fitted.network.layer.named:
        if isinstance(layer, ScaledDense):
            p, places = getattr(fitted.network.p, name), fitted.encoder.whitened
            return (np.abs(p.W).max(axis=2) * np.abs(p.scale))[:, places]


def test_numbers_get_them_in_all_members_and_classes_in_half():
    assert share(regressor()) == 1.0
    assert (inputs_of(regressor()) > 0).all()
    half = classifier(n_members=5)
    assert share(half) == 0.5
    assert_array_equal(inputs_of(half).any(axis=1), [True, True, False, False, False])


def test_they_can_be_switched_off():
    none = regressor(feature_encoding=TableEncoding(whitened=0.0))
    assert none._fitted.encoder._whitening is None
    plain = BackpropRegressor(preset="plain", solver="lbfgs", tol=1e5).fit(X, SCORE)
    assert plain._fitted.encoder is None
    stream = BackpropRegressor(random_state=0).partial_fit(X, SCORE)
    assert share(stream) == 0.0
    assert stream._fitted.encoder._whitening is None
    asked = BackpropRegressor(feature_encoding=TableEncoding(whitened=1.0), random_state=0)
    assert asked.partial_fit(X, SCORE)._fitted.encoder._whitening is not None
    with pytest.raises(ValueError, match="feature_encoding__whitened"):
        TableEncoding(whitened=2)


@pytest.mark.parametrize("solver", ["adam", "sgd", "adamw", "lion", "muon", "schedule_free"])
def test_a_member_that_does_without_them_never_gets_them(solver):
    estimator = classifier(solver=solver, n_members=3, alpha=0.1)
    encoder, network = estimator._fitted.encoder, estimator.network_
    x = encoder.transform(X)
    other = x.copy()
    other[:, encoder.whitened] += 1.0
    before, after = network.scores(x), network.scores(other)
    assert_array_equal(before[1:], after[1:])
    assert np.abs(before[0] - after[0]).max() > 1e-3
    estimator.partial_fit(X, LABEL)
    assert_array_equal(inputs_of(estimator).any(axis=1), [True, False, False])


@pytest.mark.parametrize("params", [{"n_members": 1}, {"n_members": 3, "member_sharing": "batch"},
                                    {"learned_scale": False, "n_members": 3}])  # fmt: skip
def test_networks_without_factors_of_their_own_all_get_them(params):
    learned = params.pop("learned_scale", True)
    encoding = TableEncoding(whitened=0.5, learned_scale=learned)
    estimator = classifier(feature_encoding=encoding, **params)
    encoder = estimator._fitted.encoder
    x = encoder.transform(X)
    other = x.copy()
    other[:, encoder.whitened] += 1.0
    change = np.abs(estimator.network_.scores(x) - estimator.network_.scores(other))
    assert (np.atleast_3d(change.T).max(axis=(0, 1)) > 1e-4).all()


def test_small_differences_are_learned():
    """Most of what there is to know lies in a 2500th of the variance."""
    with_them, without = (
        BackpropRegressor(preset="fast", random_state=0)
        .set_params(feature_encoding=TableEncoding(whitened=value))
        .fit(X[:300], SCORE[:300])
        .score(X[300:], SCORE[300:])
        for value in ("auto", 0.0)
    )
    assert 1 - with_them < 0.5 * (1 - without)


def test_the_order_of_the_columns_and_their_units_do_not_matter():
    expected, order = classifier().predict_proba(X), [2, 0, 3, 1]
    permuted = BackpropClassifier(**QUICK).fit(X[:, order], LABEL)
    assert_array_equal(permuted.predict_proba(X[:, order]), expected)
    other = X * [7.0, -1e-3, 2.0, -1e6] + [1.0, 5.0, -30.0, 1e7]
    changed = BackpropClassifier(**QUICK).fit(other, LABEL)
    assert_allclose(changed.predict_proba(other), expected, atol=1e-3)


def test_what_was_resolved_gives_the_same_model():
    for model, y in ((regressor(), SCORE), (classifier(), LABEL)):
        again = type(model)(**model.resolved_params_ | {"random_state": 0}).fit(X, y)
        assert_array_equal(again.predict(X), model.predict(X))


def test_a_saved_model_is_the_same_and_goes_on(tmp_path):
    model = classifier()
    model.save(tmp_path / "model", training_state=True)
    again = skbackprop.load(tmp_path / "model")
    assert_array_equal(again.predict_proba(X), model.predict_proba(X))
    for each in (again, model):
        each.partial_fit(X[:50], LABEL[:50])
    assert_array_equal(again.predict_proba(X), model.predict_proba(X))
