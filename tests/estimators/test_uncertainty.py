"""Conformal intervals keep their promise, and passes with dropout are what they should be."""

from math import ceil, sqrt

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array

from skbackprop import BackpropRegressor
from skbackprop.estimators import uncertainty
from skbackprop.estimators.uncertainty import (
    conformal_margin,
    conformal_quantile,
    conformalized_quantiles,
    mc_dropout,
    mc_predictions,
)
from skbackprop.nn.activations import ACTIVATIONS
from skbackprop.nn.layers import Activate, BatchNorm, Dense, Dropout, MemberDense, Sequential
from skbackprop.nn.losses import LOSSES
from skbackprop.nn.network import Network

SQUARED = LOSSES["squared_error"]

# ---------------------------------------------------------------------------- conformal


@pytest.mark.parametrize("n", [1, 2, 9, 10, 19, 37, 99, 100])
@pytest.mark.parametrize("alpha", [0.01, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9])
def test_the_margin_is_the_rank_that_is_printed(n, alpha):
    residuals = np.random.default_rng(n).normal(size=n)
    rank = ceil(round((n + 1) * (1 - alpha), 9))
    expected = np.inf if rank > n else np.sort(np.abs(residuals))[rank - 1]
    assert conformal_margin(residuals, alpha) == expected
    assert conformal_margin(residuals, alpha, np.full(n, 0.37)) == expected
    assert_array_equal(conformal_margin(np.stack([residuals] * 2, axis=1), alpha), [expected] * 2)


def test_every_column_has_a_margin_of_its_own():
    residuals = np.random.default_rng(0).normal(size=(50, 3)) * [1, 10, 100]
    each = [conformal_margin(column, 0.1) for column in residuals.T]
    assert_array_equal(conformal_margin(residuals, 0.1), each)


def test_margins_by_hand():
    residuals = np.array([3.0, -1.0, 2.0, -4.0])
    assert conformal_margin(residuals, 0.2) == 4  # the 4th of 4
    assert conformal_margin(residuals, 0.19) == np.inf  # the 5th of 4
    assert conformal_margin(residuals, 0.4) == 3
    assert conformal_margin(np.array([3, -1, 2, -4]), 0.4) == 3
    assert conformal_margin(np.zeros(0), 0.5) == np.inf
    assert_array_equal(conformal_margin(np.zeros((0, 2)), 0.5), [np.inf, np.inf])
    assert conformal_margin(residuals.astype(np.float32), 0.4).dtype == np.float32


@pytest.mark.parametrize(("n", "alpha"), [(19, 0.1), (50, 0.2), (8, 0.3)])
def test_conformal_intervals_hold_their_share(n, alpha):
    """Over the calibration rows and the next one together it is rank / (n + 1) exactly."""
    rng, repetitions = np.random.default_rng(0), 40_000
    residuals = rng.standard_t(2, size=(n + 1, repetitions))  # an experiment per column
    inside = np.abs(residuals[-1]) <= conformal_margin(residuals[:-1], alpha)
    expected = ceil(round((n + 1) * (1 - alpha), 9)) / (n + 1)
    deviation = sqrt(expected * (1 - expected) / repetitions)
    assert expected >= 1 - alpha
    assert_allclose(inside.mean(), expected, atol=4 * deviation)


def test_weights_carry_the_promise_to_another_distribution():
    """Rows are drawn evenly, the next one by weight, and its residual grows with the weight."""
    rng, n, alpha, repetitions = np.random.default_rng(0), 60, 0.1, 3_000
    plain, weighted = [], []
    for _ in range(repetitions):
        x = rng.random(n)
        new = max(rng.random(), rng.random())  # its density is 2 x
        residuals, residual = x * rng.normal(size=n), new * rng.normal()
        plain.append(abs(residual) <= conformal_margin(residuals, alpha))
        weighted.append(abs(residual) <= conformal_margin(residuals, alpha, x))
    assert np.mean(plain) < 0.87
    assert_allclose(np.mean(weighted), 0.9 + 0.5 / n, atol=4 * sqrt(0.09 / repetitions))


def test_rows_without_weight_are_not_there_and_scale_does_not_count():
    rng = np.random.default_rng(0)
    residuals, weight = rng.normal(size=40), rng.uniform(0.5, 2.0, 40)
    weight[::3] = 0
    kept = weight > 0
    expected = conformal_margin(residuals[kept], 0.1, weight[kept])
    assert conformal_margin(residuals, 0.1, weight) == expected
    assert conformal_margin(residuals, 0.1, 1e-6 * weight) == expected
    assert conformal_margin(residuals, 0.1, 0 * weight) == np.inf


def test_one_heavy_row_promises_no_more_than_one_row():
    weight = np.array([1e6, *np.ones(50)])
    assert conformal_margin(np.arange(51.0), 0.1, weight) == np.inf


def test_quantiles_with_a_margin_by_hand():
    low, high = np.zeros(4), np.array([1.0, 1.0, 1.0, 2.0])
    y = np.array([0.5, -1.0, 3.0, 1.9])  # inside by 0.5, outside by 1 and 2, inside by 0.1
    assert conformalized_quantiles(low, high, y, 0.2) == 2.0
    assert conformalized_quantiles(low, high, y, 0.4) == 1.0
    assert_allclose(conformalized_quantiles(low, high, y, 0.6), -0.1)
    assert_allclose(conformalized_quantiles(low, high, y, 0.8), -0.5)
    assert conformalized_quantiles(low, high, y, 0.1) == np.inf


def test_around_a_prediction_conformalized_quantiles_are_the_margin():
    rng = np.random.default_rng(0)
    y, prediction = rng.normal(size=(2, 30, 2))
    expected = conformal_margin(y - prediction, 0.1)
    assert_allclose(conformalized_quantiles(prediction, prediction, y, 0.1), expected)
    wider = conformalized_quantiles(prediction - 5, prediction + 5, y, 0.1)
    assert_allclose(wider, expected - 5)


@pytest.mark.parametrize("factor", [0.2, 1.0, 3.0])
def test_conformalized_quantiles_hold_their_share_whatever_the_quantiles(factor):
    rng, n, alpha, repetitions = np.random.default_rng(1), 39, 0.2, 20_000
    spread = rng.uniform(0.5, 3.0, size=(n + 1, repetitions))
    y, high = spread * rng.normal(size=(n + 1, repetitions)), factor * spread
    margin = conformalized_quantiles(-high[:-1], high[:-1], y[:-1], alpha)
    inside = (-high[-1] - margin <= y[-1]) & (y[-1] <= high[-1] + margin)
    assert_allclose(inside.mean(), 0.8, atol=4 * sqrt(0.16 / repetitions))


@pytest.mark.parametrize("alpha", [0, 1, -0.1, 1.5, np.nan])
def test_alpha_is_checked(alpha):
    with pytest.raises(ValueError, match=r"0 < alpha < 1, got alpha=.*\. It is the share"):
        conformal_quantile(np.ones(5), alpha)


def test_probabilities_are_refused_by_their_own_name():
    X = np.linspace(-1, 1, 60).reshape(-1, 1)
    model = BackpropRegressor(max_iter=2, random_state=0).fit(X, X[:, 0])
    for coverage in (90, 1.0, "0.9", None):
        with pytest.raises(ValueError, match=rf"coverage needs prob.*got {coverage!r}. Write 0.9"):
            model.predict_interval(X, coverage=coverage)
    for coverage in ([0.5, 0.9], np.array([0.5, 0.9])):
        with pytest.raises(ValueError, match=r"coverage needs one probability, got .*a call for"):
            model.predict_interval(X, coverage=coverage)
    with pytest.raises(ValueError, match=r"quantiles needs a list of probabilities, got \[\[0.1"):
        model.predict_quantiles(X, [[0.1, 0.9]])
    with pytest.raises(ValueError, match=r"quantiles needs prob.*got \[0.5, 1.0\]"):
        model.predict_quantiles(X, [0.5, 1.0])
    with pytest.raises(ValueError, match=r"quantiles needs prob.*got \[\]"):
        model.predict_quantiles(X, [])
    assert_array_equal(model.predict_quantiles(X, 0.3), model.predict_quantiles(X, [0.3]))


# ---------------------------------------------------------------------------- passes


def network(*, rate=0.5, batch_norm=False, dtype=np.float64):
    norm = [BatchNorm((6,))] if batch_norm else []
    layers = [Dense(3, 6), *norm, Activate(ACTIVATIONS["tanh"]), Dropout(rate), Dense(6, 2)]
    made = Network(Sequential(tuple(layers)), dtype)
    rng = np.random.default_rng(0)
    made.initialize(np.random.RandomState(0))
    made.fixed[...] = rng.uniform(0.5, 2.0, made.fixed.size)
    return made


def inputs(n=7, dtype=np.float64):
    return np.random.default_rng(1).normal(size=(n, 3)).astype(dtype)


def test_moments_are_those_of_all_masks():
    """Four units of one linear layer: the moments are known on paper."""
    rate, made = 0.5, Network(Sequential((Dropout(0.5), Dense(4, 1))))
    made.initialize(np.random.RandomState(0))
    W, b = made.theta[:4, None], made.theta[4]
    x = np.random.default_rng(0).normal(size=(3, 4))
    mean, sd = mc_dropout(made, x, 20_000, np.random.default_rng(0), SQUARED)
    expected = np.sqrt(rate / (1 - rate) * (x**2 @ W**2))
    assert_allclose(sd, expected, rtol=0.03)
    assert_allclose(mean, x @ W + b, atol=0.03 * expected.max())


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("batch_norm", [False, True])
def test_moments_are_those_of_the_passes(dtype, batch_norm):
    made, x = network(batch_norm=batch_norm, dtype=dtype), inputs(dtype=np.float64)
    [passes] = mc_predictions(made, x, 20, np.random.default_rng(0), SQUARED)
    assert passes.shape == (20, 7, 2)
    assert passes.dtype == dtype
    mean, sd = mc_dropout(made, x, 20, np.random.default_rng(0), SQUARED)
    assert mean.dtype == sd.dtype == dtype
    assert_array_equal(mean, passes.mean(axis=0))
    assert_array_equal(sd, passes.std(axis=0))
    assert (sd > 0).all()


def test_without_dropout_all_passes_are_the_prediction():
    made, x, loss = network(rate=0.0, batch_norm=True), inputs(), LOSSES["poisson"]
    mean, sd = mc_dropout(made, x, 3, np.random.default_rng(0), loss)
    assert_allclose(mean, loss.predict(made.scores(x)), rtol=1e-12)
    assert_allclose(sd, 0, atol=1e-12)


def test_the_network_is_not_changed():
    made = network(batch_norm=True)
    theta, fixed, scores = made.theta.copy(), made.fixed.copy(), made.scores(inputs())
    mc_dropout(made, inputs(), 5, np.random.default_rng(0), SQUARED)
    assert_array_equal(made.theta, theta)
    assert_array_equal(made.fixed, fixed)
    assert_array_equal(made.scores(inputs()), scores)


def test_no_row_hears_of_another():
    """Batch norm keeps to its stored moments: a row alone, or beside one far out."""
    made, rng = network(batch_norm=True), np.random.default_rng
    x = inputs(1)
    alone = next(mc_predictions(made, x, 4000, rng(0), SQUARED))
    beside = next(mc_predictions(made, np.vstack([x, x + 1e3]), 4000, rng(1), SQUARED))[:, :1]
    assert_allclose(alone.mean(axis=0), beside.mean(axis=0), atol=0.1 * alone.std())
    assert_allclose(alone.std(axis=0), beside.std(axis=0), rtol=0.1)


def test_members_are_more_passes():
    made = Network(Sequential((MemberDense(3, 3, 6), Dropout(0.5), MemberDense(3, 6, 2))))
    made.initialize(np.random.RandomState(0))
    each, rng = made.scores(inputs()), np.random.default_rng(0)
    [passes] = mc_predictions(made, inputs(), 2000, rng, SQUARED)
    assert passes.shape == (6000, 7, 2)
    assert_allclose(passes.mean(axis=0), each.mean(axis=0), atol=0.1)
    mean, sd = mc_dropout(made, inputs(), 10, rng, SQUARED)
    assert mean.shape == sd.shape == (7, 2)


@pytest.mark.parametrize("n", [1, 8, 9, 20])
def test_chunks_do_not_show(n, monkeypatch):
    monkeypatch.setattr(uncertainty, "ROWS", 8)
    made, x = network(rate=0.0), inputs(n)
    chunks = list(mc_predictions(made, x, 2, np.random.default_rng(0), SQUARED))
    assert all(len(chunk[0]) <= 8 for chunk in chunks)
    passes = np.concatenate(chunks, axis=1)
    assert passes.shape == (2, n, 2)
    assert_allclose(passes[1], made.scores(x), rtol=1e-12)
    mean, sd = mc_dropout(made, x, 2, np.random.default_rng(0), SQUARED)
    assert mean.shape == sd.shape == (n, 2)


def test_sparse_rows_are_rows():
    made, x = network(), inputs()
    x[np.abs(x) < 0.5] = 0
    dense, sparse = (
        mc_dropout(made, rows, 4, np.random.default_rng(0), SQUARED) for rows in (x, csr_array(x))
    )
    assert_allclose(sparse, dense, rtol=1e-12)


def test_a_legacy_generator_will_do_and_seeds_repeat():
    for make in np.random.default_rng, np.random.RandomState:
        first, again, other = (
            mc_dropout(network(), inputs(), 4, make(seed), SQUARED)[0] for seed in (0, 0, 1)
        )
        assert_array_equal(first, again)
        assert (first != other).any()


@pytest.mark.parametrize("n_passes", [0, 2.5, "many", True])
def test_passes_are_counted(n_passes):
    with pytest.raises(ValueError, match=rf"n_passes >= 1, got {n_passes!r}\. Usual"):
        mc_dropout(network(), inputs(), n_passes, np.random.default_rng(0), SQUARED)
