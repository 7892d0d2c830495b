"""One temperature: found where it is known, never harmful, and blind to the answers."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit, logit

from skbackprop.estimators.calibration import HIGHEST, LOWEST, fit_temperature
from skbackprop.nn.losses import BinaryLogLoss, Heads, MulticlassLogLoss

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
