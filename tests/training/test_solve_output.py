"""The last layer that is solved for: ridge regression, and when it is kept."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.linalg import lstsq
from sklearn.linear_model import Ridge

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop.nn.activations import ACTIVATIONS
from skbackprop.nn.architectures import Extras, mlp
from skbackprop.nn.layers import Sequential
from skbackprop.nn.losses import HalfSquaredError
from skbackprop.nn.network import Network
from skbackprop.optim import Adam
from skbackprop.training.batches import Rows
from skbackprop.training.callbacks import RestoreBest, SolveOutput, Validation
from skbackprop.training.callbacks.solve_output import (
    MOST_OUTPUTS,
    PENALTIES,
    can_be_solved,
    solutions,
)
from skbackprop.training.run import Run

N = 300
rng = np.random.default_rng(0)
X = rng.normal(size=(N, 3))
TARGET = np.stack([np.sin(2 * X[:, 0]), X[:, 1] * X[:, 2]], axis=1) + 100
WEIGHT = rng.integers(0, 3, N).astype(float)
FOLDS = [np.arange(start, N, 10) for start in range(3)]
TRAINING = [np.setdiff1d(np.arange(N), fold) for fold in FOLDS]


def network(members=None, dtype=np.float64, width=6):
    extras = Extras(members=members)
    made = Network(mlp(3, (width,), 2, activations=[ACTIVATIONS["tanh"]], extras=extras), dtype)
    made.initialize(np.random.default_rng(1))
    return made


def outputs(net, x):
    return net.scores(x, layer=Sequential(net.layer.layers[:-1]))


# ---- the formula -------------------------------------------------------------------------


@pytest.mark.parametrize("weight", [None, WEIGHT])
def test_it_is_ridge_regression(weight):
    net, rows = network(3), Rows(X, TARGET, weight)
    hidden = outputs(net, X)
    for penalty, solved in zip(PENALTIES, solutions(net, rows, TRAINING), strict=True):
        for m, training in enumerate(TRAINING):
            w = None if weight is None else weight[training]
            H, total = hidden[m][training], len(training) if w is None else w.sum()
            variance = np.cov(H.T, aweights=w, bias=True).trace() / H.shape[1]
            twin = Ridge(penalty * variance * total, solver="svd")
            twin.fit(H, TARGET[training], sample_weight=w)
            expected = twin.predict(hidden[m])
            assert_allclose(solved.scores(X)[m], expected, rtol=1e-7)


def test_without_a_penalty_it_is_the_least_squares_solution():
    net = network()
    H = np.column_stack([outputs(net, X), np.ones(N)])
    expected = H @ lstsq(H, TARGET)[0]
    first = next(solutions(net, Rows(X, TARGET)))
    assert_allclose(first.scores(X), expected, rtol=1e-6)


def test_many_rows_are_summed_in_blocks(monkeypatch):
    net, rows = network(3), Rows(X, TARGET)
    whole = [solved.theta.copy() for solved in solutions(net, rows, TRAINING)]
    monkeypatch.setattr("skbackprop.training.callbacks.solve_output.BLOCK", 7)
    for expected, solved in zip(whole, solutions(net, rows, TRAINING), strict=True):
        assert_allclose(solved.theta, expected, rtol=1e-6, atol=1e-8)


def test_members_may_learn_from_all_rows():
    net, rows = network(3), Rows(X, TARGET)
    every = [np.arange(N)] * 3
    for ours, twin in zip(solutions(net, rows), solutions(net, rows, every), strict=True):
        assert_allclose(ours.theta, twin.theta, rtol=1e-9)


def test_outputs_that_are_equal_or_constant_give_finite_weights():
    net = network(dtype=np.float32)
    net.p.dense_0.W[:, 1] = net.p.dense_0.W[:, 0]
    net.p.dense_0.b[1] = net.p.dense_0.b[0]
    net.p.dense_0.W[:, 2] = 0
    for solved in solutions(net, Rows(X.astype(np.float32), TARGET.astype(np.float32))):
        assert np.isfinite(solved.theta).all()


@pytest.mark.parametrize("weight", [0.0, 1e-16])  # all equal, and but for rounding errors
def test_outputs_that_are_all_constant_give_the_mean(weight):
    net = network()
    net.p.dense_0.W[...] = weight
    net.p.dense_0.b[...] = 0.7
    for solved in solutions(net, Rows(X, TARGET)):
        assert_allclose(solved.scores(X[:2]), [TARGET.mean(axis=0)] * 2)
        assert (getattr(solved.p, net.layer.named[-1][0]).W == 0).all()


@pytest.mark.parametrize(
    ("width", "bias", "expected"), [(MOST_OUTPUTS, True, True), (MOST_OUTPUTS + 1, True, False),
                                    (6, False, False)]
)  # fmt: skip
@pytest.mark.parametrize("members", [None, 2])
def test_which_last_layers_can_be_solved(width, bias, expected, members):
    extras = Extras(members=members, bias=bias)
    made = Network(mlp(3, (width,), 2, activations=[ACTIVATIONS["tanh"]], extras=extras))
    assert can_be_solved(made) is expected


# ---- when it is kept -------------------------------------------------------------------------


def trained(net, training=TRAINING):
    """A run after an epoch, and the callback that has evaluated it."""
    best = RestoreBest(Validation(Rows(X, TARGET), FOLDS if training else None), HalfSquaredError())
    run = Run(net, np.random.RandomState(0))
    run.begin()
    run.history.add(epoch=1, loss=1.0, learning_rate=0.1, gradient_norm=1.0)
    best.on_train_begin(run)
    best.on_epoch_end(run)
    return run, best


def solved_by(net, gain=0.0, training=TRAINING):
    run, best = trained(net, training)
    before = best.best_losses.copy()
    SolveOutput(Rows(X, TARGET), training, best, gain).on_train_end(run)
    return before, best


@pytest.mark.parametrize("training", [TRAINING, None])
def test_a_better_last_layer_is_kept(training):
    net = network(3 if training else None)
    before, best = solved_by(net, training=training)
    losses, scores = best.evaluate(net)
    assert (losses < 0.5 * before).all()
    assert_array_equal(losses, best.best_losses)
    assert_array_equal(scores, best.best_scores)


def test_a_member_keeps_its_own_where_another_is_not_better():
    net = network(3)
    solved = next(solutions(net, Rows(X, TARGET), TRAINING))
    net.theta[...] = solved.theta
    start = net.theta.copy()
    last = net.layer.named[-1][0]
    getattr(net.p, last).b[0] += 100.0  # of the first member
    _, best = solved_by(net, gain=0.9)
    assert best.best_losses[0] < 10
    now, before = getattr(net.p, last), getattr(net.over(start).p, last)
    assert_array_equal(now.W[1:], before.W[1:])
    assert_array_equal(now.b[1:], before.b[1:])


def test_of_the_better_layers_the_best_is_kept():
    """For some members a small penalty is the best one, and the last one better than none, too."""
    net = network(3)
    _, best = trained(net)
    losses = [best.evaluate(each)[0] for each in solutions(net, Rows(X, TARGET), TRAINING)]
    own = best.best_losses.copy()
    assert (losses[-1] < own).all()
    assert (np.argmin(losses, axis=0) < len(PENALTIES) - 1).any()
    _, best = solved_by(net)
    assert_array_equal(best.best_losses, np.minimum(own, np.min(losses, axis=0)))


def end(run, best, name):
    """Let a run end in this way."""
    run.failed, run.interrupted = name == "failed", name == "interrupted"
    run.stop_reason = "diverged" if name == "diverged" else "max_iter"
    if name == "nothing is finite":
        best.best_losses[0] = np.inf
    if name == "nothing was evaluated":
        best.best = None


@pytest.mark.parametrize(
    "name", ["failed", "interrupted", "diverged", "nothing is finite", "nothing was evaluated"]
)
def test_a_training_that_did_not_end_well_is_left_alone(name):
    net = network(3)
    run, best = trained(net)
    theta, losses = net.theta.copy(), best.best_losses.copy()
    end(run, best, name)
    SolveOutput(Rows(X, TARGET), TRAINING, best).on_train_end(run)
    assert_array_equal(net.theta, theta)
    assert_array_equal(best.best_losses[1:], losses[1:])


# ---- in the estimators -----------------------------------------------------------------------


def fitted(solve, cls=BackpropRegressor, y=TARGET[:, 0], **params):
    params = {"max_iter": 10, "random_state": 0} | params
    return cls(solver=Adam(solve_output=solve), **params).fit(X, y)


@pytest.mark.parametrize("params", [{}, {"n_members": 1}, {"n_members": 3, "dtype": "float64"}])
def test_the_validation_loss_falls(params):
    with_it, without = fitted(True, **params), fitted(False, **params)
    assert with_it.best_validation_score_ > without.best_validation_score_
    *hidden, _ = with_it.coefs_
    for ours, other in zip(hidden, without.coefs_, strict=False):
        assert_array_equal(ours, other)


@pytest.mark.parametrize(
    "params",
    [
        {"loss": "huber"},
        {"n_members": 3, "member_sharing": "batch"},
        {"early_stopping": False},
        {"refit": True},
        {"hidden_layer_sizes": ()},
        {"activation": ["silu", "silu", "exp"], "hidden_layer_sizes": (8, 8)},
        {"y": TARGET[:, 0] > 100, "cls": BackpropClassifier},
    ],
)
def test_other_networks_stay_as_they_are(params):
    assert_array_equal(fitted(True, **params).predict(X), fitted(False, **params).predict(X))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_it_is_the_default_for_tables_only():
    assert_array_equal(fitted("auto").predict(X), fitted(True).predict(X))
    plain = {"preset": "plain", "early_stopping": True, "max_iter": 20}
    assert_array_equal(fitted("auto", **plain).predict(X), fitted(False, **plain).predict(X))
    first = fitted("auto")
    again = BackpropRegressor(**first.resolved_params_ | {"random_state": 0}).fit(X, TARGET[:, 0])
    assert_array_equal(again.predict(X), first.predict(X))


def test_training_goes_on_from_the_solved_layer():
    model = fitted(True, warm_start=True)
    before = model.best_validation_score_
    assert model.fit(X, TARGET[:, 0]).best_validation_score_ >= before
    model.partial_fit(X, TARGET[:, 0])
    assert np.isfinite(model.predict(X)).all()
