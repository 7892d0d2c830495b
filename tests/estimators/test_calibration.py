"""One temperature: found where it is known, never harmful, and blind to the answers."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import minimize_scalar
from scipy.sparse import csr_matrix
from scipy.special import expit, log_softmax, logit

from skbackprop import BackpropClassifier, LogLoss, RowSource, mlp
from skbackprop.estimators.calibration import (
    HIGHEST,
    LOWEST,
    TEMPERATURES,
    fit_temperature,
    sqrt_temperature,
)
from skbackprop.nn.losses import BinaryLogLoss, Heads, MulticlassLogLoss
from skbackprop.recipes.presets import CALIBRATED_MORE, CALIBRATED_TWO, DataSummary, preset_values

N = 400
LOSSES = {
    "two classes": (BinaryLogLoss(), 1),
    "multilabel": (BinaryLogLoss(), 3),
    "several classes": (MulticlassLogLoss(), 4),
    "heads": (Heads((BinaryLogLoss(), MulticlassLogLoss()), (1, 3)), 4),
}
every_loss = pytest.mark.parametrize(("loss", "m"), LOSSES.values(), ids=LOSSES)


def rows(loss, m, seed=0, sharpness=3.0):
    """Scores that are too large by the factor `sharpness`, labels, and weights."""
    rng = np.random.default_rng(seed)
    scores = 1.5 * rng.normal(size=(N, m))
    target = draw(loss, scores, rng)
    return sharpness * scores, target, rng.uniform(0.5, 2.0, N)


def draw(loss, scores, rng):
    """Labels with the probabilities that the scores stand for."""
    if isinstance(loss, Heads):
        return np.hstack([draw(head, scores[:, s], rng) for head, _, s in loss.blocks])
    p = loss.predict(scores)
    if loss.link == "logistic":
        return (rng.random(p.shape) < p).astype(float)
    codes = (rng.random((len(p), 1)) > p.cumsum(axis=1)[:, :-1]).sum(axis=1)
    return np.eye(p.shape[1])[codes]


def value(loss, target, scores, weight=1.0):
    return loss.value_and_delta(target, scores, weight, np.empty_like(scores))


@every_loss
@pytest.mark.parametrize("temperature", [0.1, 0.7, 1.0, 3.0, 15.0])
def test_a_known_temperature_is_found(loss, m, temperature):
    """Targets that are the probabilities themselves leave no other minimum."""
    scores, _, weight = rows(loss, m)
    target = loss.predict(scores / temperature)
    for w in None, weight:
        assert_allclose(fit_temperature(scores, target, w, loss), temperature, rtol=1e-6)


@every_loss
def test_labels_drawn_from_the_probabilities_are_enough(loss, m):
    found = [fit_temperature(*rows(loss, m, seed), loss) for seed in range(20)]
    assert_allclose(np.mean(found), 3.0, rtol=0.1)


@every_loss
@pytest.mark.parametrize("sharpness", [0.01, 0.5, 1.0, 4.0, 1e3])
def test_the_loss_never_rises_and_no_temperature_is_better(loss, m, sharpness):
    scores, target, weight = rows(loss, m, seed=1, sharpness=sharpness)
    temperature = fit_temperature(scores, target, weight, loss)
    best = value(loss, target, scores / temperature, weight)
    assert best <= value(loss, target, scores, weight)
    for other in np.geomspace(LOWEST, HIGHEST, 60):
        assert best <= value(loss, target, scores / other, weight) * (1 + 1e-12)


@every_loss
def test_weight_is_repetition(loss, m):
    scores, target, _ = rows(loss, m)
    times = np.arange(N) % 3
    repeated = [np.repeat(a, times, axis=0) for a in (scores, target)]
    expected = fit_temperature(*repeated, None, loss)
    for factor in 1.0, 1e-3:
        weight = factor * times
        assert_allclose(fit_temperature(scores, target, weight, loss), expected, rtol=1e-9)


def test_two_classes_by_hand():
    """Equally sure everywhere and right in 70 %: the calibrated probability is 0.7."""
    scores, target = np.full((10, 1), 5.0), np.repeat([[1.0], [0.0]], [7, 3], axis=0)
    temperature = fit_temperature(scores, target, None, BinaryLogLoss())
    assert_allclose(expit(5 / temperature), 0.7)
    assert_allclose(temperature, 5 / logit(0.7))


@every_loss
def test_rows_that_are_all_right_or_all_wrong_meet_the_bounds(loss, m):
    scores, _, _ = rows(loss, m)
    blocks = loss.blocks if isinstance(loss, Heads) else [(loss, slice(None), slice(None))]
    right = np.hstack(
        [
            scores[:, s] > 0
            if part.link == "logistic"
            else scores[:, s] == scores[:, s].max(axis=1, keepdims=True)
            for part, _, s in blocks
        ]
    ).astype(float)
    for size in 1.0, 1e3:  # where a loss is 0 exactly, its derivative is, too
        with np.errstate(over="raise", invalid="raise", divide="raise"):
            assert fit_temperature(size * scores, right, None, loss) <= LOWEST * 20
            assert fit_temperature(-size * scores, right, None, loss) == HIGHEST
    assert fit_temperature(scores / 100, right, None, loss) == LOWEST


@every_loss
def test_nothing_to_learn_from_is_temperature_one(loss, m):
    scores, target, weight = rows(loss, m)
    assert fit_temperature(0 * scores, target, None, loss) == 1
    assert fit_temperature(scores, target, 0 * weight, loss) == 1
    assert fit_temperature(scores[:0], target[:0], None, loss) == 1


def test_single_precision_is_read_and_left_alone():
    loss, m = LOSSES["several classes"]
    arrays = [a.astype(np.float32) for a in rows(loss, m)]
    before = [a.copy() for a in arrays]
    for a in arrays:
        a.flags.writeable = False
    temperature = fit_temperature(*arrays, loss)
    assert type(temperature) is float
    assert temperature == fit_temperature(*(a.astype(np.float64) for a in before), loss)


def test_answers_do_not_change():
    loss, m = LOSSES["several classes"]
    scores, target, _ = rows(loss, m)
    calibrated = scores / fit_temperature(scores, target, None, loss)
    assert_array_equal(calibrated.argmax(axis=1), scores.argmax(axis=1))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_scores_of_a_diverged_network_are_refused(bad):
    scores = np.array([[1.0], [bad]])
    with pytest.raises(ValueError, match=r"needs finite scores, got .*\. Lower the learning rate"):
        fit_temperature(scores, np.ones((2, 1)), None, BinaryLogLoss())


# ---- its root, in the presets for tables ------------------------------------------------------


@every_loss
def test_the_root_is_at_least_one(loss, m):
    for sharpness, expected in ((3.0, 3.0**0.5), (0.3, 1.0)):
        scores, _, weight = rows(loss, m, sharpness=sharpness)
        target = loss.predict(scores / sharpness)
        assert_allclose(sqrt_temperature(scores, target, weight, loss), expected, rtol=1e-6)


def binary(n, seed=0):
    """Two classes, and so much chance that a network is soon too sure."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3))
    return X, X[:, 0] + 3 * rng.normal(size=n) > 0


def classifier(**params):
    return BackpropClassifier(**{"random_state": 0, "max_iter": 60, "dropout": 0.0, **params})


X, Y = binary(120)
THREE = Y + (X[:, 1] > 0.5)


def root(model):
    """The temperature, found by another minimization, of other formulas."""
    held = model._fitted.held_out
    s, t = held.scores.astype(float), held.target.astype(float)
    if s.shape[1] == 1:
        s, t = np.hstack([0 * s, s]), np.hstack([1 - t, t])
    w = np.ones(len(s)) if held.weight is None else held.weight

    def log_loss(log_temperature):
        return -(w[:, None] * t * log_softmax(s / np.exp(log_temperature), axis=1)).sum()

    bounds = np.log([LOWEST, HIGHEST])
    found = minimize_scalar(log_loss, bounds=bounds, method="bounded", options={"xatol": 1e-9})
    return max(1.0, np.exp(found.x)) ** 0.5


def assert_calibrated(model, X=X):
    """Each member's scores are divided, the mean is over members, labels are the likeliest."""
    fitted = model._fitted
    assert model.resolved_params_["calibration"] == "sqrt_temperature"
    assert_allclose(fitted.temperature, root(model), rtol=1e-4)
    assert fitted.temperature > 1.02
    scores = fitted.network.at_least(np.float64).scores(model._encode(X)) / fitted.temperature
    p = expit(scores) if len(model.classes_) == 2 else np.exp(log_softmax(scores, axis=-1))
    p = p if p.ndim == 2 else p.mean(axis=0)
    p = np.hstack([1 - p, p]) if len(model.classes_) == 2 else p
    assert_allclose(model.predict_proba(X), p, rtol=1e-6, atol=1e-9)
    assert_array_equal(model.predict(X), model.classes_[p.argmax(axis=1)])


CALIBRATED = {
    "two classes": (Y, {}),
    "three classes": (THREE, {}),
    "fast, with one member": (Y, {"preset": "fast", "n_members": 1}),
    "members that share weights": (Y, {"member_sharing": "batch", "n_members": 4}),
    "the same held-out rows for all": (Y, {"validation_fraction": [(range(60), range(60, 120))]}),
    "a second training": (Y, {"refit": True}),
    "class weights": (Y, {"class_weight": {False: 3.0, True: 1.0}}),
    "smoothed labels": (Y, {"loss": LogLoss(0.01)}),
}


@pytest.mark.parametrize(("y", "params"), CALIBRATED.values(), ids=CALIBRATED)
def test_few_rows_are_calibrated(y, params):
    assert_calibrated(classifier(**params).fit(X, y))


def test_the_training_is_the_same():
    without = classifier(calibration=None).fit(X, Y)
    assert_array_equal(classifier().fit(X, Y).network_.theta, without.network_.theta)


def test_validation_rows_of_the_user():
    assert_calibrated(classifier().fit(X, Y, X_val=X[::2] + 0.1, y_val=Y[1::2]))


def test_training_that_goes_on_finds_another_temperature():
    model = classifier(warm_start=True).fit(X, Y)
    first = model._fitted.temperature
    assert_calibrated(model.fit(X, Y))
    assert model._fitted.temperature != first


def test_a_source_of_few_rows():
    assert_calibrated(classifier().fit(RowSource(X, Y)))
    source = RowSource(X, Y, sample_rows=80)  # the rest is read for training only
    assert_calibrated(classifier().fit(source))


LABELS = np.stack([Y, X[:, 1] > 0], axis=1).astype(int)
AS_TRAINED = {
    "plain": (X, Y, {"preset": "plain"}),
    "no held-out rows": (X, Y, {"early_stopping": False}),
    "all rows at once": (X, Y, {"solver": "lbfgs"}),
    "very few rows": (X[:9], Y[:9], {}),
    "many rows": (*binary(CALIBRATED_TWO), {"max_iter": 2}),
    "indicators": (X, LABELS, {}),
    "columns of labels": (X, np.stack([THREE, LABELS[:, 1]], axis=1), {}),
    "a loss of the user": (X, Y, {"loss": BinaryLogLoss()}),
    "a scorer": (X, Y, {"scoring": "neg_log_loss"}),
    "sparse": (csr_matrix(X), Y, {"feature_encoding": None}),
    "one class": (X, 0 * THREE, {}),
    "switched off": (X, Y, {"calibration": None}),
}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(("X", "y", "params"), AS_TRAINED.values(), ids=AS_TRAINED)
def test_other_scores_are_as_trained(X, y, params):
    model = classifier(**{"max_iter": 4, **params}).fit(X, y)
    assert model.resolved_params_["calibration"] is None
    assert model._fitted.temperature == 1


def test_streams_are_as_trained():
    model = classifier().fit(X, Y)
    for goes_on in (model, classifier()):
        goes_on.partial_fit(X, Y, classes=[False, True])
        assert goes_on.resolved_params_["calibration"] is None
        assert goes_on._fitted.temperature == 1
    with_val = classifier().partial_fit(X, Y, classes=[False, True], X_val=X, y_val=Y)
    assert with_val._fitted.temperature == 1


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_the_mlp_of_scikit_learn_is_not_calibrated():
    model = mlp.MLPClassifier(early_stopping=True, max_iter=3, random_state=0).fit(X, Y)
    assert model.calibration == "auto"
    assert model._fitted.temperature == 1


def test_by_rows_and_classes():
    for preset in ("fast", "auto", "best"):
        for n, n_classes, expected in (
            (CALIBRATED_TWO - 1, 2, "sqrt_temperature"),
            (CALIBRATED_TWO, 2, None),
            (CALIBRATED_MORE - 1, 3, "sqrt_temperature"),
            (CALIBRATED_MORE, 3, None),
            (100, 1, None),  # several columns of labels
            (100, 0, None),
        ):
            values = preset_values(preset, DataSummary(n, n_classes=n_classes), "auto")
            assert values["calibration"] == expected


def test_dropout_at_prediction_divides_too():
    model = classifier(dropout=0.1).fit(X, Y)
    by_members = model.predict_std(X), model.predict_std(X, method="dropout")
    model._fitted.temperature = 1e6
    for before, method in zip(by_members, ("members", "dropout"), strict=True):
        assert model.predict_std(X, method=method).max() < 1e-3 * before.max()


def test_the_names_are_those_of_the_table():
    for name in TEMPERATURES:
        model = classifier(calibration=name).fit(X, Y)
        held = model._fitted.held_out
        expected = TEMPERATURES[name](held.scores, held.target, held.weight, model._fitted.loss)
        assert model._fitted.temperature == expected
