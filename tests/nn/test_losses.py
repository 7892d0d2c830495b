"""Laws of the losses, for every entry of `LOSSES`, for several quantiles and for heads."""

import copy
import pickle
import warnings
from dataclasses import dataclass
from math import exp, log, log1p

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import metrics
from sklearn.exceptions import ConvergenceWarning

from skbackprop import BackpropRegressor
from skbackprop.nn.activations import ACTIVATIONS
from skbackprop.nn.losses import (
    LOSSES,
    BinaryLogLoss,
    HalfGammaDeviance,
    HalfPoissonDeviance,
    HalfTweedieDeviance,
    Heads,
    Huber,
    Interval,
    Loss,
    MulticlassLogLoss,
    Pinball,
    as_loss,
)

N = 13


def heads(n_outputs):
    """A head of every link: two classes, several classes, a count."""
    losses = (BinaryLogLoss(), MulticlassLogLoss(), HalfPoissonDeviance())
    return Heads(losses, (n_outputs, n_outputs, 1))


# A loss for each number of outputs.
CASES = {name: lambda n_outputs, loss=loss: loss for name, loss in LOSSES.items()}
CASES["pinball_3"] = lambda n_outputs: Pinball((0.1, 0.5, 0.8))
CASES["tweedie_1.1"] = lambda n_outputs: HalfTweedieDeviance(1.1)
CASES["heads"] = heads

every_case = pytest.mark.parametrize("case", CASES)
every_size = pytest.mark.parametrize("n_outputs", [1, 2, 3, 5])
both_precisions = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def legal_target(loss, n_outputs, rng):
    if isinstance(loss, Heads):
        parts = zip(loss.losses, loss.sizes, strict=True)
        return np.hstack([legal_target(part, size, rng) for part, size in parts])
    if loss.link == "softmax":
        return np.eye(n_outputs)[rng.integers(0, n_outputs, N)]
    if loss.link == "logistic":
        return rng.integers(0, 2, (N, n_outputs)).astype(float)
    if loss.domain.low == -np.inf:
        return 2 * rng.normal(size=(N, n_outputs))
    target = rng.gamma(1.5, size=(N, n_outputs))
    if loss.domain.low_inclusive:
        target[:: N // 3] = 0.0
    return target


def problem(case, n_outputs, members=None, dtype=np.float64, seed=0):
    """A loss with a target, scores and weights that are read-only."""
    rng = np.random.default_rng(seed)
    loss = CASES[case](n_outputs)
    target = legal_target(loss, n_outputs, rng)
    shape = (N, loss.n_scores(target.shape[1]))
    scores = 1.5 * rng.normal(size=shape if members is None else (members, *shape))
    weight = rng.uniform(0.5, 2.0, N)
    arrays = [a.astype(dtype) for a in (target, scores, weight)]
    for array in arrays:
        array.flags.writeable = False
    return loss, *arrays


def value_and_delta(loss, target, scores, weight=1.0):
    delta = np.full_like(scores, np.nan)
    value = loss.value_and_delta(target, scores, weight, out=delta)
    assert type(value) is float
    return value, delta


def numerical_derivative(loss, target, scores, weight, step=1e-4):
    """Central differences of 4th order, one score at a time."""
    scores = scores.copy()
    derivative, out = np.empty_like(scores), np.empty_like(scores)
    for i in np.ndindex(scores.shape):
        start, derivative[i] = scores[i], 0.0
        for k, coefficient in (-2, 1 / 12), (-1, -2 / 3), (1, 2 / 3), (2, -1 / 12):
            scores[i] = start + k * step
            derivative[i] += coefficient * loss.value_and_delta(target, scores, weight, out) / step
        scores[i] = start
    return derivative


# ---------------------------------------------------------------------------- the table


@pytest.mark.parametrize("name", LOSSES)
def test_entries_carry_their_own_name_and_a_known_link(name):
    assert LOSSES[name].name == name
    assert LOSSES[name].link in {*ACTIVATIONS, "softmax"}


@every_case
def test_losses_are_values(case):
    loss = CASES[case](3)
    _, target, scores, _ = problem(case, 3)
    value_and_delta(loss, target, scores)
    for twin in pickle.loads(pickle.dumps(loss)), copy.deepcopy(loss):
        assert twin == loss
        assert hash(twin) == hash(loss)
        assert value_and_delta(twin, target, scores)[0] == value_and_delta(loss, target, scores)[0]


# ---------------------------------------------------------------------------- value and delta


@every_case
@every_size
@pytest.mark.parametrize("members", [None, 2])
@pytest.mark.parametrize("weighted", [False, True])
def test_delta_is_the_derivative_of_the_value(case, n_outputs, members, weighted):
    loss, target, scores, weight = problem(case, n_outputs, members)
    weight = weight if weighted else 0.7
    delta = value_and_delta(loss, target, scores, weight)[1]
    expected = numerical_derivative(loss, target, scores, weight)
    scale = max(abs(expected).max(), 1e-3)  # one class only: all derivatives are 0
    assert_allclose(delta, expected, rtol=0, atol=1e-6 * scale)


@every_case
@pytest.mark.parametrize("members", [None, 2])
def test_weights_multiply(case, members):
    loss, target, scores, weight = problem(case, 3, members)
    value, delta = value_and_delta(loss, target, scores)
    tripled = value_and_delta(loss, target, scores, 3.0)
    assert_allclose(tripled[0], 3 * value, rtol=1e-12)
    assert_allclose(tripled[1], 3 * delta, rtol=1e-12)
    as_array = value_and_delta(loss, target, scores, np.full(N, 3.0))
    assert_allclose(as_array[0], 3 * value, rtol=1e-12)
    assert_allclose(as_array[1], 3 * delta, rtol=1e-12)
    weighted_value, weighted_delta = value_and_delta(loss, target, scores, weight)
    assert_allclose(weighted_delta, weight[:, None] * delta, rtol=1e-12)
    one_by_one = sum(
        weight[i] * value_and_delta(loss, target[i : i + 1], scores[..., i : i + 1, :])[0]
        for i in range(N)
    )
    assert_allclose(weighted_value, one_by_one, rtol=1e-12)


@every_case
def test_rows_of_weight_zero_do_not_count(case):
    loss, target, scores, weight = problem(case, 3)
    weight = weight.copy()
    weight[::3] = 0
    kept = weight > 0
    value, delta = value_and_delta(loss, target, scores, weight)
    expected = value_and_delta(loss, target[kept], scores[kept], weight[kept])
    assert_allclose(value, expected[0], rtol=1e-12)
    assert_array_equal(delta[kept], expected[1])
    assert_array_equal(delta[~kept], 0)


@every_case
@pytest.mark.parametrize("members", [None, 3])
def test_sums_are_additive_over_rows_and_members(case, members):
    loss, target, scores, weight = problem(case, 3, members)
    value, delta = value_and_delta(loss, target, scores, weight)
    top, bottom = slice(None, 5), slice(5, None)
    halves = [
        value_and_delta(loss, target[half], scores[..., half, :], weight[half])
        for half in (top, bottom)
    ]
    assert_allclose(value, halves[0][0] + halves[1][0], rtol=1e-12)
    assert_allclose(delta, np.concatenate([halves[0][1], halves[1][1]], axis=-2), rtol=1e-12)
    if members:
        each = [value_and_delta(loss, target, member, weight) for member in scores]
        assert_allclose(value, sum(part[0] for part in each), rtol=1e-12)
        # to rounding: softmax shifts all scores of a call by one number where that is safe
        assert_allclose(delta, [part[1] for part in each], rtol=1e-13, atol=1e-15)


@every_case
@every_size
def test_losses_are_never_negative(case, n_outputs):
    loss, target, scores, _ = problem(case, n_outputs)
    for row in range(N):
        value = value_and_delta(loss, target[row : row + 1], scores[row : row + 1])[0]
        assert value >= -1e-12


# ---------------------------------------------------------------------------- precision


@every_case
@pytest.mark.parametrize("members", [None, 2])
def test_float32_stays_float32_and_agrees_with_float64(case, members):
    loss, target, scores, weight = problem(case, 3, members, np.float32)
    value, delta = value_and_delta(loss, target, scores, weight)
    exact = [a.astype(np.float64) for a in (target, scores, weight)]
    expected_value, expected_delta = value_and_delta(loss, *exact)
    assert_allclose(value, expected_value, rtol=1e-3)
    assert_allclose(delta, expected_delta, rtol=1e-3, atol=1e-3)
    assert loss.predict(scores).dtype == np.float32
    assert_allclose(loss.predict(scores), loss.predict(exact[1]), rtol=1e-3)
    if not isinstance(loss, Heads):
        assert loss.row_losses(target, scores, np.empty_like(scores)).dtype == np.float32


@every_case
@both_precisions
def test_scores_of_ten_thousand_are_finite(case, dtype):
    loss, target, scores, weight = problem(case, 3, dtype=dtype)
    mixed = np.where(np.arange(scores.size).reshape(scores.shape) % 3, 1e4, -1e4)
    for extreme in np.full_like(scores, 1e4), np.full_like(scores, -1e4), mixed.astype(dtype):
        with np.errstate(over="raise", invalid="raise", divide="raise"):
            value, delta = value_and_delta(loss, target, extreme, weight)
            prediction = loss.predict(extreme)
        assert np.isfinite(value)
        assert np.isfinite(delta).all()
        assert np.isfinite(prediction).all()


@pytest.mark.parametrize(
    "loss", [HalfPoissonDeviance(), HalfGammaDeviance(), HalfTweedieDeviance()]
)
@pytest.mark.parametrize("score", [1e3, -1e3])
@both_precisions
def test_beyond_the_cap_the_value_goes_on_as_its_tangent(loss, score, dtype):
    target, scores = np.full((1, 1), 2, dtype), np.full((1, 1), score, dtype)
    value, delta = value_and_delta(loss, target, scores)
    further_value, further_delta = value_and_delta(loss, target, scores + 100)
    assert_allclose(further_value - value, 100 * delta[0, 0], rtol=1e-5)
    if abs(delta[0, 0]) > 2:  # on the steep side; the other is flat anyway
        assert_array_equal(further_delta, delta)


def test_small_log_losses_keep_their_digits():
    target = np.ones((1, 1))
    value = value_and_delta(BinaryLogLoss(), target, np.array([[30.0]]))[0]
    assert_allclose(value, log1p(exp(-30)), rtol=1e-14)


# ---------------------------------------------------------------------------- values by hand


def test_values_by_hand():
    t, s, p = 2.0, 0.5, 1.5
    mean = exp(s)
    by_hand = {
        "squared_error": ((s - t) ** 2 / 2, s - t),
        "absolute_error": (t - s, -1),
        "huber": (1.35 * (t - s) - 1.35**2 / 2, -1.35),
        "pinball": (0.5 * (t - s), -0.5),
        "poisson": (t * log(t / mean) - t + mean, mean - t),
        "gamma": (log(mean / t) + t / mean - 1, 1 - t / mean),
        "tweedie": (
            t ** (2 - p) / ((1 - p) * (2 - p))
            - t * mean ** (1 - p) / (1 - p)
            + mean ** (2 - p) / (2 - p),
            mean ** (2 - p) - t * mean ** (1 - p),
        ),
    }
    for name, expected in by_hand.items():
        value, delta = value_and_delta(LOSSES[name], np.array([[t]]), np.array([[s]]))
        assert_allclose([value, delta[0, 0]], expected, rtol=1e-12, err_msg=name)


def test_log_losses_by_hand():
    p = 1 / (1 + exp(-0.7))
    for t in 0.0, 1.0, 0.25:
        value, delta = value_and_delta(BinaryLogLoss(), np.array([[t]]), np.array([[0.7]]))
        assert_allclose(value, -t * log(p) - (1 - t) * log(1 - p), rtol=1e-12)
        assert_allclose(delta, [[p - t]], rtol=1e-12)
    scores = [0.3, -1.0, 2.0]
    p = [exp(s) / sum(map(exp, scores)) for s in scores]
    for t in [0.0, 1.0, 0.0], [0.2, 0.5, 0.3]:
        value, delta = value_and_delta(MulticlassLogLoss(), np.array([t]), np.array([scores]))
        assert_allclose(value, -sum(a * log(b) for a, b in zip(t, p, strict=True)), rtol=1e-12)
        assert_allclose(delta, [np.subtract(p, t)], rtol=1e-12)


def test_zero_targets_by_hand():
    s, zero = np.array([[0.4]]), np.array([[0.0]])
    assert_allclose(value_and_delta(HalfPoissonDeviance(), zero, s)[0], exp(0.4))
    assert_allclose(value_and_delta(HalfTweedieDeviance(1.3), zero, s)[0], exp(0.7 * 0.4) / 0.7)


def test_huber_near_and_far():
    target, scores = np.zeros((3, 1)), np.array([[0.5], [2.0], [-5.0]])
    value, delta = value_and_delta(Huber(2.0), target, scores)
    assert_allclose(value, 0.125 + 2 + (2 * 5 - 2))
    assert_array_equal(delta, [[0.5], [2], [-2]])


def test_quantiles_of_one_target_stand_side_by_side():
    loss, target = Pinball((0.1, 0.9)), np.array([[10.0, 20.0]])
    scores = np.array([[9.0, 12.0, 19.0, 24.0]])
    value, delta = value_and_delta(loss, target, scores)
    assert_allclose(value, 0.1 * 1 + 0.1 * 2 + 0.1 * 1 + 0.1 * 4)
    assert_allclose(delta, [[-0.1, 0.1, -0.1, 0.1]])
    assert loss.n_scores(2) == 4


def test_a_hit_does_not_push():
    target = np.array([[1.0], [2.0]])
    for name in "absolute_error", "pinball", "huber", "squared_error":
        assert value_and_delta(LOSSES[name], target, target.copy())[0] == 0
        assert_array_equal(value_and_delta(LOSSES[name], target, target.copy())[1], 0)


# ---------------------------------------------------------------------------- scikit-learn

METRICS = {
    "squared_error": lambda *a, **k: metrics.mean_squared_error(*a, **k) / 2,
    "absolute_error": metrics.mean_absolute_error,
    "pinball": metrics.mean_pinball_loss,
    "poisson": lambda *a, **k: metrics.mean_poisson_deviance(*a, **k) / 2,
    "gamma": lambda *a, **k: metrics.mean_gamma_deviance(*a, **k) / 2,
    "tweedie": lambda *a, **k: metrics.mean_tweedie_deviance(*a, power=1.5, **k) / 2,
    "tweedie_1.1": lambda *a, **k: metrics.mean_tweedie_deviance(*a, power=1.1, **k) / 2,
    "binary_log_loss": lambda *a, **k: metrics.log_loss(*a, labels=[0, 1], **k),
}


@pytest.mark.parametrize("case", METRICS)
def test_values_are_those_of_the_metrics(case):
    loss, target, scores, weight = problem(case, 1)
    value = value_and_delta(loss, target, scores, weight)[0]
    mean = METRICS[case](target[:, 0], loss.predict(scores)[:, 0], sample_weight=weight)
    assert_allclose(value / weight.sum(), mean, rtol=1e-10)


def test_value_of_several_quantiles_is_that_of_the_metric():
    loss, target, scores, weight = problem("pinball_3", 2)
    value = value_and_delta(loss, target, scores, weight)[0]
    by_quantile = scores.reshape(N, 2, 3)
    means = [
        metrics.mean_pinball_loss(
            target, by_quantile[:, :, i], sample_weight=weight, alpha=q, multioutput="raw_values"
        )
        for i, q in enumerate(loss.quantiles)
    ]
    assert_allclose(value / weight.sum(), np.sum(means), rtol=1e-10)


def test_value_of_several_classes_is_that_of_the_metric():
    loss, target, scores, weight = problem("multiclass_log_loss", 5)
    value = value_and_delta(loss, target, scores, weight)[0]
    mean = metrics.log_loss(
        target.argmax(1), loss.predict(scores), labels=range(5), sample_weight=weight
    )
    assert_allclose(value / weight.sum(), mean, rtol=1e-10)


# ---------------------------------------------------------------------------- family resemblance


def test_two_classes_are_softmax_with_a_score_of_zero():
    _, target, scores, weight = problem("binary_log_loss", 1)
    two_targets, two_scores = np.hstack([1 - target, target]), np.hstack([0 * scores, scores])
    one = value_and_delta(BinaryLogLoss(), target, scores, weight)
    two = value_and_delta(MulticlassLogLoss(), two_targets, two_scores, weight)
    assert_allclose(two[0], one[0], rtol=1e-12)
    assert_allclose(two[1][:, 1:], one[1], rtol=1e-10)


def test_median_pinball_is_half_the_absolute_error():
    _, target, scores, weight = problem("pinball", 3)
    half = value_and_delta(Pinball(), target, scores, weight)
    whole = value_and_delta(LOSSES["absolute_error"], target, scores, weight)
    assert_allclose(2 * half[0], whole[0])
    assert_allclose(2 * half[1], whole[1])


@pytest.mark.parametrize(("power", "limit"), [(1 + 1e-9, "poisson"), (2 - 1e-9, "gamma")])
def test_tweedie_lies_between_poisson_and_gamma(power, limit):
    loss, target, scores, weight = problem(limit, 3)
    target = np.maximum(target, 0.1)
    tweedie = value_and_delta(HalfTweedieDeviance(power), target, scores, weight)
    expected = value_and_delta(loss, target, scores, weight)
    assert_allclose(tweedie[0], expected[0], rtol=1e-5)
    assert_allclose(tweedie[1], expected[1], rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("members", [None, 2])
def test_heads_are_their_parts(members):
    loss, target, scores, weight = problem("heads", 3, members)
    value, delta = value_and_delta(loss, target, scores, weight)
    columns = slice(0, 3), slice(3, 6), slice(6, 7)
    parts = [
        value_and_delta(part, target[:, c], scores[..., c].copy(), weight)
        for part, c in zip(loss.losses, columns, strict=True)
    ]
    assert_allclose(value, sum(part[0] for part in parts), rtol=1e-12)
    assert_allclose(delta, np.concatenate([part[1] for part in parts], axis=-1), rtol=1e-12)
    predictions = [
        part.predict(scores[..., c]) for part, c in zip(loss.losses, columns, strict=True)
    ]
    assert_array_equal(loss.predict(scores), np.concatenate(predictions, axis=-1))


def test_heads_may_have_more_scores_than_targets():
    loss = Heads((Pinball((0.1, 0.9)), BinaryLogLoss()), (2, 1))
    assert loss.n_scores(3) == 5
    assert [(t, s) for _, t, s in loss.blocks] == [
        (slice(0, 2), slice(0, 4)),
        (slice(2, 3), slice(4, 5)),
    ]


# ---------------------------------------------------------------------------- predictions


@both_precisions
def test_probabilities(dtype):
    _, _, scores, _ = problem("multiclass_log_loss", 5, members=2, dtype=dtype)
    loss = MulticlassLogLoss()
    assert_allclose(loss.predict(scores).sum(-1), 1, rtol=1e-6)
    assert_allclose(np.exp(loss.log_predict(scores)).sum(-1), 1, rtol=1e-6)
    assert_allclose(np.exp(loss.log_predict(scores)), loss.predict(scores), rtol=2e-6)
    assert loss.log_predict(scores).dtype == dtype
    yes, no = BinaryLogLoss().log_predict(scores), BinaryLogLoss().log_predict(-scores)
    assert_allclose(np.exp(yes) + np.exp(no), 1, rtol=1e-6)
    assert_allclose(np.exp(yes), BinaryLogLoss().predict(scores), rtol=2e-6)
    assert yes.dtype == dtype


@both_precisions
def test_log_probabilities_are_never_infinite(dtype):
    scores = np.array([[1e4, -1e4, 0.0], [-1e4, 0.0, -1e4]], dtype)
    for loss in BinaryLogLoss(), MulticlassLogLoss(), Heads((MulticlassLogLoss(),), (3,)):
        with np.errstate(over="raise", invalid="raise", divide="raise"):
            assert np.isfinite(loss.log_predict(scores)).all()
    assert_array_equal(MulticlassLogLoss().log_predict(scores)[0], [0, -2e4, -1e4])
    assert_array_equal(BinaryLogLoss().log_predict(scores)[0, :2], [0, -1e4])


@every_case
def test_predictions_leave_the_scores_alone(case):
    loss, _, scores, _ = problem(case, 3)  # read-only
    before = scores.copy()
    assert loss.predict(scores).shape == scores.shape
    assert_array_equal(scores, before)


@pytest.mark.parametrize("case", [name for name in CASES if CASES[name](1).link == "exp"])
def test_exponential_link(case):
    loss, _, scores, _ = problem(case, 3)
    assert_allclose(loss.predict(scores), np.exp(scores))


def test_one_class_only():
    loss, target, scores = MulticlassLogLoss(), np.ones((3, 1)), np.array([[-1e4], [0.0], [7.0]])
    value, delta = value_and_delta(loss, target, scores)
    assert value == 0
    assert_array_equal(delta, 0)
    assert_array_equal(loss.predict(scores), 1)
    assert_array_equal(loss.log_predict(scores), 0)
    assert_array_equal(loss.constant(target, 1.0), [0])


# ---------------------------------------------------------------------------- constants


@every_case
@every_size
@pytest.mark.parametrize("weighted", [False, True])
def test_no_constant_is_better_than_constant(case, n_outputs, weighted):
    """The total derivative changes its sign there, for every column of scores."""
    loss, target, _, weight = problem(case, n_outputs)
    weight = weight if weighted else 1.0
    best = loss.constant(target, weight)
    assert best.shape == (loss.n_scores(target.shape[1]),)
    for column, step in enumerate(1e-6 * np.eye(len(best))):
        below = value_and_delta(loss, target, np.tile(best - step, (N, 1)), weight)[1]
        above = value_and_delta(loss, target, np.tile(best + step, (N, 1)), weight)[1]
        assert below[:, column].sum() <= 1e-12
        assert above[:, column].sum() >= -1e-12


@every_case
def test_weight_is_repetition_for_constants(case):
    loss, target, _, _ = problem(case, 3)
    times = np.arange(N) % 3
    weighted = loss.constant(target, times.astype(float))
    repeated = loss.constant(np.repeat(target, times, axis=0), 1.0)
    assert_allclose(weighted, repeated, rtol=1e-10, atol=1e-12)


@both_precisions
def test_constants_of_degenerate_targets_are_finite(dtype):
    zeros, ones = np.zeros((4, 2), dtype), np.ones((4, 2), dtype)
    one_hot = np.tile(np.array([1, 0, 0], dtype), (4, 1))
    for weight in 1.0, np.ones(4, dtype):
        for name in "poisson", "tweedie", "binary_log_loss", "squared_error", "huber", "pinball":
            constant = LOSSES[name].constant(zeros, weight)
            assert np.isfinite(constant).all(), name
        assert (BinaryLogLoss().constant(ones, weight) > 10).all()
        assert (BinaryLogLoss().constant(zeros, weight) < -10).all()
        constant = MulticlassLogLoss().constant(one_hot, weight)
        assert np.isfinite(constant).all()
        assert_allclose(MulticlassLogLoss().predict(constant), one_hot[0], atol=1e-6)


def test_constants_are_added_in_double_precision():
    target = np.full((200_000, 1), 0.1, np.float32)
    for weight in 1.0, np.ones(len(target), np.float32):
        mean = LOSSES["squared_error"].constant(target, weight)
        assert_allclose(mean, np.float32(0.1), rtol=1e-9)


def test_constants_by_hand():
    target = np.array([[1.0], [2.0], [3.0], [10.0]])
    weight = np.array([1.0, 1.0, 1.0, 0.0])
    assert_allclose(LOSSES["squared_error"].constant(target, 1.0), [4])
    assert_allclose(LOSSES["squared_error"].constant(target, weight), [2])
    assert_allclose(LOSSES["absolute_error"].constant(target, weight), [2])
    assert_allclose(Pinball((0.1, 0.9)).constant(target, 1.0), [1, 10])
    assert_allclose(LOSSES["poisson"].constant(target, 1.0), [log(4)])
    assert_allclose(Huber(1.0).constant(target, 1.0), [2.5])  # -1, -½, ½ and 1 add up to 0
    assert_allclose(Huber(100.0).constant(target, 1.0), [4])  # all near: the mean


# ---------------------------------------------------------------------------- refusals

REFUSED = [
    ("poisson", -2.0, "loss='poisson' needs y >= 0, got min(y) = -2.0. Use loss='squared_error'"),
    ("tweedie", -2.0, "loss='tweedie' needs y >= 0, got min(y) = -2.0. Use loss='squared_error'"),
    ("gamma", 0.0, "loss='gamma' needs y > 0, got min(y) = 0.0. Use loss='tweedie'"),
    ("squared_error", np.nan, "loss='squared_error' needs finite y, got min(y) = nan. Remove"),
    ("huber", np.inf, "loss='huber' needs finite y, got max(y) = inf. Remove"),
    ("pinball", -np.inf, "loss='pinball' needs finite y, got min(y) = -inf. Remove"),
    ("poisson", np.nan, "loss='poisson' needs y >= 0, got min(y) = nan."),
    ("binary_log_loss", 2.0, "loss='binary_log_loss' needs 0 <= y <= 1, got max(y) = 2.0. Encode"),
    ("multiclass_log_loss", -1.0, "needs 0 <= y <= 1, got min(y) = -1.0. Encode the classes"),
    ("multiclass_log_loss", 0.5, "needs rows of y that add up to 1, got a row that adds up to 0.5"),
]


def refusal(loss, target):
    with pytest.raises(ValueError, match=r"needs .*, got .*\. [A-Z].*\.$") as error:
        loss.check_target(target)
    return str(error.value)


@pytest.mark.parametrize(("name", "illegal", "message"), REFUSED)
def test_illegal_targets_are_refused_with_advice(name, illegal, message):
    target = np.ones((3, 1))
    LOSSES[name].check_target(target)
    target[1] = illegal
    assert message in refusal(LOSSES[name], target)


@every_case
@every_size
def test_legal_targets_pass_and_missing_ones_do_not(case, n_outputs):
    loss, target, _, _ = problem(case, n_outputs)
    loss.check_target(target)
    target = target.copy()
    target[3, -1] = np.nan
    assert "= nan" in refusal(loss, target)


def test_poisson_takes_infinitely_many_values_but_not_infinity():
    assert "got max(y) = inf" in refusal(HalfPoissonDeviance(), np.array([[1.0], [np.inf]]))


def test_heads_say_which_output_is_wrong():
    loss, target, _, _ = problem("heads", 2)
    target = target.copy()
    target[0, 3] = 2.0
    assert refusal(loss, target).startswith("Output 1: loss='multiclass_log_loss' needs")


@pytest.mark.parametrize("quantiles", [(), (0.0,), (0.5, 1.0), (-0.1,), (np.nan,)])
def test_quantiles_are_checked(quantiles):
    with pytest.raises(ValueError, match=r"quantiles strictly between 0 and 1, got .*\. Use"):
        Pinball(quantiles)


def test_quantiles_may_be_a_list():
    assert Pinball([0.1, 0.9]) == Pinball((0.1, 0.9))
    assert Pinball(np.array([0.1, 0.9])).n_scores(1) == 2


@pytest.mark.parametrize("power", [0, 1, 2, 3, np.nan])
def test_power_is_checked(power):
    with pytest.raises(ValueError, match=r"1 < power < 2, got .*loss='poisson' for 1"):
        HalfTweedieDeviance(power)


@pytest.mark.parametrize("delta", [0.0, -1.0, np.inf, np.nan])
def test_huber_delta_is_checked(delta):
    with pytest.raises(ValueError, match=r"finite delta > 0, got .*loss='squared_error'"):
        Huber(delta)


def test_heads_need_as_many_sizes_as_losses():
    with pytest.raises(
        ValueError, match=r"one size for each loss, got 1 losses and 2 sizes\. Give"
    ):
        Heads((BinaryLogLoss(),), (1, 1))


# ---------------------------------------------------------------------------- intervals


@pytest.mark.parametrize(
    ("interval", "text", "inside", "outside"),
    [
        (Interval(), "finite y", [-1e300, 0, 1e300], [np.inf, -np.inf, np.nan]),
        (Interval(0), "y > 0", [1e-300, 5], [0, -1, np.inf]),
        (Interval(0, low_inclusive=True), "y >= 0", [0, 5], [-1e-300, np.nan]),
        (Interval(high=3), "y < 3", [-5, 2], [3, 4, -np.inf]),
        (Interval(0, 1, high_inclusive=True), "0 < y <= 1", [0.1, 1], [0, 1.1]),
        (Interval(high=3, high_inclusive=True), "y <= 3", [3], [3.1]),
    ],
)
def test_intervals(interval, text, inside, outside):
    assert str(interval) == text
    assert interval.includes(np.array(inside))
    for number in outside:
        assert not interval.includes(np.array([*inside, number]))
        assert str(float(number)) in interval.describe_outlier(np.array([*inside, number]))


# ---------------------------------------------------------------------------- a loss of one's own


@dataclass(frozen=True)
class LogCosh(Loss):
    def row_losses(self, target, scores, out):
        residual = scores - target
        np.tanh(residual, out=out)
        return np.log(np.cosh(residual)).sum(axis=-1)


def test_a_loss_of_ones_own_needs_one_method():
    _, target, scores, weight = problem("squared_error", 3, members=2)
    loss = LogCosh()
    delta = value_and_delta(loss, target, scores, weight)[1]
    assert_allclose(delta, numerical_derivative(loss, target, scores, weight), atol=1e-8)
    assert loss.link == "identity"
    assert loss.n_scores(3) == 3
    assert_array_equal(loss.predict(scores), scores)
    assert_array_equal(loss.constant(target, 1.0), np.zeros(3))
    loss.check_target(target)
    assert "loss='LogCosh' needs finite y" in refusal(loss, np.array([[np.nan]]))


def test_a_loss_without_formula_says_so():
    with pytest.raises(NotImplementedError, match=r"Loss has neither\. Define one of them\."):
        value_and_delta(Loss(), np.zeros((1, 1)), np.zeros((1, 1)))


@pytest.mark.parametrize("name", ["binary_log_loss", "multiclass_log_loss"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sure_answers_leave_no_denormal_deltas(name, dtype):
    """Products with them take several times as long, so sure networks would learn slowly."""
    least = np.log(np.finfo(dtype).tiny)
    scores = np.linspace(3 * least, 0, 50).astype(dtype)[:, None]
    target = np.zeros((50, 1), dtype)
    if name == "multiclass_log_loss":
        scores, target = np.hstack([scores, 0 * scores]), np.hstack([target, 1 - target])
    delta = np.empty_like(scores)
    loss = LOSSES[name]
    value = loss.value_and_delta(target, scores, dtype(1), delta)
    exact = loss.predict(scores.astype(float)) - target
    assert np.isfinite(value)
    assert_allclose(delta, exact, rtol=1e-5, atol=np.finfo(dtype).eps)
    assert np.abs(delta)[delta != 0].min() > 1e5 * np.finfo(dtype).tiny


class Quartic:
    """The documented minimum of a loss object, for arrays of two axes."""

    def value_and_delta(self, target, scores, weight, out):
        assert target.ndim == scores.ndim == 2
        w = np.broadcast_to(weight, len(target))[:, None]
        np.multiply(w, (scores - target) ** 3, out=out)
        return float((out * (scores - target)).sum() / 4)

    def predict(self, scores):
        assert scores.ndim == 2
        return scores


@pytest.mark.parametrize("weight", [1.0, np.arange(1.0, 8.0), np.arange(1.0, 22.0).reshape(3, 7)])
@pytest.mark.parametrize("own_targets", [False, True])
def test_a_minimal_loss_object_gets_one_member_at_a_time(weight, own_targets, rng):
    loss, scores = as_loss(Quartic()), rng.normal(size=(3, 7, 2))
    target = rng.normal(size=(3, 7, 2) if own_targets else (7, 2))
    out = np.empty_like(scores)
    value = loss.value_and_delta(target, scores, weight, out)
    difference = scores - target
    w = np.broadcast_to(weight, (3, 7))[..., None]
    assert value == pytest.approx((w * difference**4).sum() / 4)
    assert_allclose(out, w * difference**3)
    assert_allclose(loss.predict(scores), scores)


def test_missing_methods_of_a_loss_object_have_the_defaults_of_loss():
    loss = as_loss(Quartic())
    assert as_loss(loss) is loss
    assert (loss.n_scores(3), loss.link) == (3, "identity")
    assert_allclose(loss.combine(np.array([[[1.0]], [[3.0]]])), [[2.0]])
    assert pickle.loads(pickle.dumps(loss)).n_scores(3) == 3
    with pytest.raises(ValueError, match="label_smoothing needs a loss for classes"):
        loss.smoothed(np.zeros((2, 1)), 0.1)


def test_methods_of_a_loss_object_replace_the_defaults():
    class Own(Quartic):
        link = "exp"

        def combine(self, scores):
            return scores.max(axis=0)

    loss = as_loss(Own())
    assert loss.link == "exp"
    assert_allclose(loss.combine(np.array([[[1.0]], [[3.0]]])), [[3.0]])


class NoPredict:
    def value_and_delta(self, target, scores, weight, out): ...


class NoValue:
    def predict(self, scores): ...


class NoOut(Quartic):
    def value_and_delta(self, target, scores, weight): ...


class NoFormula(Loss):
    pass


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        (NoPredict, "NoPredict has no predict"),
        (NoValue, "NoValue has no value_and_delta"),
        (NoOut, "value_and_delta of NoOut must take 4 arguments"),
        (NoFormula, "row_losses or value_and_delta, NoFormula has neither"),
    ],
)
def test_an_incomplete_loss_object_is_refused(loss, message):
    with pytest.raises(ValueError, match=message):
        as_loss(loss())


@pytest.mark.parametrize("preset", ["auto", "fast", "plain"])
def test_a_minimal_loss_object_trains_and_predicts(preset, rng):
    X = rng.normal(size=(60, 3))
    regressor = BackpropRegressor(
        loss=Quartic(), preset=preset, max_iter=5, n_iter_no_change=np.inf, random_state=0
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        assert np.isfinite(regressor.fit(X, X[:, 0]).predict(X)).all()


@pytest.mark.parametrize(("name", "n"), [("binary_log_loss", 1), ("multiclass_log_loss", 4)])
def test_label_smoothing_spreads_a_part_evenly_over_the_classes(name, n):
    n_classes = max(n, 2)
    found = LOSSES[name].smoothed(np.eye(n)[:1], 0.2)
    expected = np.full((1, n), 0.2 / n_classes)
    expected[0, 0] += 0.8
    assert_allclose(found, expected, rtol=1e-14)
