"""Which weights are kept, and when the learning rate is divided or the schedule restarts."""

from types import SimpleNamespace

import numpy as np
import pytest

from skbackprop.nn import ACTIVATIONS, LOSSES, Dense, Network
from skbackprop.nn.architectures import Extras, mlp
from skbackprop.nn.initializers import Constant
from skbackprop.training import Rows, Run
from skbackprop.training.callbacks import ReduceOnPlateau, RestoreBest, Validation
from skbackprop.training.callbacks.restarts import WarmRestart
from skbackprop.training.callbacks.stopping import loss_fell

ROWS = Rows(np.ones((4, 1)), np.zeros((4, 1)))
SQUARED = LOSSES["squared_error"]


def start(layer=None):
    network = Network(layer or Dense(1, 1, bias=False, init=Constant(1.0)))
    network.initialize(np.random.RandomState(0))
    run = Run(network, np.random.RandomState(0))
    run.max_epochs = 100
    return run


def epoch(callback, run, weight, loss=1.0):
    """An epoch that ends with this weight everywhere."""
    run.network.theta[...] = weight
    run.clock.epoch += 1
    run.history.add(epoch=run.clock.epoch, loss=loss)
    callback.on_epoch_end(run)


@pytest.mark.parametrize("gain", [1e-9, 1e-4])
def test_a_small_gain_of_the_loss_replaces_the_best_weights(gain):
    run, keeper = start(), RestoreBest(Validation(ROWS), SQUARED)
    for weight in (1e-2, 1e-2 - gain, 1e-2):
        epoch(keeper, run, weight)
    keeper.on_train_end(run)
    assert run.network.theta == pytest.approx([1e-2 - gain], rel=1e-12)
    assert run.best_epoch == 2


def test_a_small_gain_of_the_score_replaces_the_best_weights():
    run = start()
    keeper = RestoreBest(
        Validation(ROWS), SQUARED, score=lambda network, m, scores, rows: -float(scores[0, 0])
    )
    for weight in (0.5, 0.4999, 0.5):
        epoch(keeper, run, weight)
    assert keeper.best_epochs.tolist() == [2]


def test_equal_scores_are_decided_by_the_loss():
    run = start()
    keeper = RestoreBest(Validation(ROWS), SQUARED, score=lambda *arguments: 1.0)
    for weight in (0.5, 0.4999, 0.5):
        epoch(keeper, run, weight)
    assert keeper.best_epochs.tolist() == [2]


def members(weights):
    """Epochs of two members that end with these weights; returns the best epochs."""
    run = start(mlp(1, (), 1, activations=[ACTIVATIONS["identity"]], extras=Extras(members=2)))
    keeper = RestoreBest(Validation(ROWS, [np.arange(4)] * 2), SQUARED)
    for weight in weights:
        epoch(keeper, run, weight)
    return keeper.best_epochs.tolist()


def test_a_small_gain_replaces_the_best_weights_of_members():
    assert members([1e-2, 1e-2 - 1e-4, 1e-2]) == [2, 2]


def test_the_first_of_equally_good_epochs_of_members_is_kept():
    assert members([0.1, 0.1, 0.2]) == [1, 1]


@pytest.mark.parametrize("patience", [1, 3])
def test_the_rate_is_divided_after_more_than_the_epochs_of_patience(patience):
    run = start()
    run.lr, callback = 1.0, ReduceOnPlateau(loss_fell, 1e-4, patience)
    scales = []
    for _ in range(patience + 2):  # the first epoch improves on nothing
        epoch(callback, run, 1.0)
        scales.append(run.lr_scale)
    assert scales == [1.0] * (patience + 1) + [0.2]


def test_a_restart_is_longer_by_the_factor():
    run, callback = start(), WarmRestart(gain=0.1, factor=3, max_restarts=1)
    run.max_epochs = 4
    callback.on_train_begin(run)
    follower = SimpleNamespace(on_epoch_end=lambda run: None)
    for loss in (1.0, 0.9, 0.6, 0.4):
        epoch(follower, run, 1.0)
        run.history.set("validation_loss", loss)
        callback.on_epoch_end(run)
    assert (run.restarts, run.max_epochs) == ([4], 4 + 3 * 4)
