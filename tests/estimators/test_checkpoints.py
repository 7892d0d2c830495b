"""`Checkpoint`: a fit that is broken off and begun again is the fit that was not broken off."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.datasets import make_classification
from sklearn.model_selection import ShuffleSplit

from skbackprop import BackpropClassifier, BackpropRegressor, Scheduled, mlp
from skbackprop.io import checkpoint
from skbackprop.optim import OPTIMIZERS, SGD, Adam, AdamW, Optimizer
from skbackprop.optim.base import OptimizerState
from skbackprop.optim.schedules import SCHEDULES
from skbackprop.training import parallel_members
from skbackprop.training.callbacks import Callback, Checkpoint, TimeBudget

X, y = make_classification(90, 5, n_informative=4, n_redundant=0, flip_y=0.1, random_state=0)
NEW = make_classification(20, 5, n_informative=4, n_redundant=0, random_state=1)[0]
pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:These parameters have no effect:UserWarning"),
]
PLAIN = {
    "preset": "plain",
    "hidden_layer_sizes": (6, 5),
    "batch_size": 20,
    "max_iter": 6,
    "tol": 0.0,
    "n_iter_no_change": 3,
    "random_state": 0,
}
STOPPING = {"early_stopping": True, "validation_fraction": 0.2}
SHORT = {"max_iter": 6, "random_state": 0}


class Losses(Callback):
    """Remembers the losses, and changes training by them."""

    state_attributes = ("losses",)

    def __init__(self):
        self.losses = []

    def on_epoch_end(self, run):
        self.losses.append(run.history.last("loss"))
        run.lr_scale = 1.0 / (1.0 + sum(self.losses))


@dataclass
class Velocity:
    """The state of an optimizer of a user's."""

    velocity: np.ndarray
    n_steps: int = 0


@dataclass(frozen=True)
class Own:
    """An optimizer of a user's, with a state of its own."""

    def state(self, theta):
        return Velocity(np.zeros_like(theta))

    def step(self, theta, grad, lr, state):
        state.n_steps += 1
        state.velocity *= 0.9
        state.velocity -= lr * grad / state.n_steps
        theta += state.velocity


CASES = {
    **{f"solver {name}": PLAIN | {"solver": name} for name in [*OPTIMIZERS, "lbfgs"]},
    **{f"schedule {name}": PLAIN | {"learning_rate": name} for name in SCHEDULES},
    "adaptive": PLAIN
    | {"solver": "sgd", "learning_rate": "adaptive", "tol": 1.0, "n_iter_no_change": 1},
    "power of t": PLAIN | {"solver": "sgd", "learning_rate": "invscaling"},
    "patience": PLAIN | {"tol": 1.0, "n_iter_no_change": 2},
    "no shuffle": PLAIN | {"shuffle": False},
    "early stopping": PLAIN | STOPPING,
    "lbfgs, early stopping": PLAIN | STOPPING | {"solver": "lbfgs"},
    "restarts": PLAIN | STOPPING | {"learning_rate": "cosine", "max_iter": 3, "max_restarts": 2},
    "refit": PLAIN | STOPPING | {"refit": True},
    "refit, restarts": PLAIN
    | STOPPING
    | {"refit": True, "learning_rate": "cosine", "max_iter": 3, "max_restarts": 1},
    "refit, adaptive": PLAIN
    | STOPPING
    | {"refit": True, "solver": "sgd", "learning_rate": "adaptive", "n_iter_no_change": 1},
    "refit, lbfgs": PLAIN | STOPPING | {"refit": True, "solver": "lbfgs"},
    "ema": PLAIN | {"solver": Adam(averaging="ema")},
    "swa, restarts": PLAIN
    | STOPPING
    | {"solver": SGD(averaging="swa"), "max_iter": 4, "max_restarts": 1, "learning_rate": "cosine"},
    "clipping, l1, decay": PLAIN
    | {
        "solver": AdamW(l1=0.01, weight_decay=0.1, max_grad_norm=0.5, lr_multipliers="ntk"),
    },
    "accumulation": PLAIN | {"solver": Adam(gradient_accumulation_steps=2)},
    "dropout": PLAIN | {"dropout": Scheduled(0.3, "flat_cos")},
    "batch norm": PLAIN | {"normalization": "batch"},
    "layer norm, residual": PLAIN
    | {"normalization": "layer", "residual": True, "hidden_layer_sizes": (6, 6)},
    "members": PLAIN | STOPPING | {"n_members": 3},
    "members that share": PLAIN | {"n_members": 3, "member_sharing": "batch"},
    "members, refit": PLAIN | STOPPING | {"n_members": 3, "refit": True, "dropout": 0.2},
    "stacks": PLAIN | STOPPING | {"n_members": 3, "stacks": True, "dropout": 0.2},
    "stacks in turn": PLAIN | STOPPING | {"n_members": 3, "stacks": True, "callbacks": [Losses()]},
    "stacks, refit": PLAIN | STOPPING | {"n_members": 3, "stacks": True, "refit": True},
    "own callback": PLAIN | {"callbacks": [Losses()]},
    "own optimizer": PLAIN | {"solver": Own()},
    "time budget": PLAIN | {"callbacks": [TimeBudget(1000.0)]},
    "verbose": PLAIN | {"verbose": True},
    "probe": PLAIN | {"learning_rate_init": "probe"},
    "a generator": PLAIN | {"random_state": np.random.RandomState(7)},
    "default": SHORT | {"early_stopping": True, "validation_fraction": 0.2},
    "default, refit": SHORT | {"refit": True, "max_restarts": 1, "early_stopping": True},
    "default, verbose": SHORT | {"verbose": 1},
    "best": SHORT | {"preset": "best", "n_members": 3, "max_iter": 4},
    "best, stacks": SHORT | {"preset": "best", "n_members": 2, "max_iter": 4, "stacks": True},
    "fast": SHORT | {"preset": "fast"},
    "time budget of a preset": SHORT | {"time_budget": 1000.0},
}
# The same to the bit for whatever learns: a few with other data.
REGRESSORS = {
    "numbers": PLAIN | STOPPING,
    "numbers, default": SHORT,
    "numbers, best": SHORT | {"preset": "best", "n_members": 2, "refit": True, "max_iter": 3},
}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "fit.ckpt"


@pytest.fixture
def copies(path, monkeypatch):
    """Copies of the file after each writing: what is left by a process that is killed there."""
    kept = []
    write = checkpoint.CheckpointFile.write

    def write_and_keep(self):
        write(self)
        kept.append(path.with_name(f"copy {len(kept)}"))
        shutil.copy(path, kept[-1])

    monkeypatch.setattr(checkpoint.CheckpointFile, "write", write_and_keep)
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)  # no power is cut here
    return kept


def make(cls, params, path=None, every_seconds=0.0):
    params = {k: v for k, v in params.items() if k != "stacks"}
    rng = params["random_state"]
    if isinstance(rng, np.random.RandomState):
        params["random_state"] = np.random.RandomState(7)
    if path is not None:
        params["callbacks"] = [*params.get("callbacks", []), Checkpoint(path, every_seconds)]
    return cls(**params)


def result(model):
    """All that a fit leaves, but for the seconds."""
    fitted = model._fitted
    run = fitted.run
    predict = getattr(model, "predict_proba", model.predict)
    arrays = [run.network.theta, run.network.fixed, predict(NEW)]
    states = [run.optimizer_state, *(stack.optimizer_state for stack in run.stacks)]
    arrays += [state.slots for state in states if isinstance(state, OptimizerState)]
    generators = [run.rng, *(stack.rng for stack in run.stacks)]
    rest = [rng.get_state(legacy=False)["state"]["pos"] for rng in generators]
    rest += [{k: v for k, v in model.history_.items() if k != "seconds"}, run.restarts]
    rest += [model.stop_reason_, model.n_iter_, model.best_iter_, run.lr, fitted.temperature]
    rest += [fitted.best_score, run.best_epochs, run.messages]
    return [array.tobytes() for array in arrays] + [repr(value) for value in rest]


def check_law(cls, params, target, path, copies, monkeypatch):
    if params.get("stacks"):
        monkeypatch.setattr(parallel_members, "LARGE", 1)
    whole = result(make(cls, params).fit(X, target))
    assert result(make(cls, params, path).fit(X, target)) == whole
    assert not path.exists()
    assert copies
    broken_off = list(copies)
    for i in sorted({0, (2 * len(broken_off)) // 3, len(broken_off) - 1}):
        shutil.copy(broken_off[i], path)
        assert result(make(cls, params, path, 1e9).fit(X, target)) == whole, i
        assert not path.exists()


@pytest.mark.parametrize("name", CASES)
def test_a_fit_goes_on_bit_for_bit(name, path, copies, monkeypatch):
    check_law(BackpropClassifier, CASES[name], y, path, copies, monkeypatch)


@pytest.mark.parametrize("name", REGRESSORS)
def test_a_fit_of_numbers_goes_on_bit_for_bit(name, path, copies, monkeypatch):
    target = X[:, 0] * X[:, 1] + y
    check_law(BackpropRegressor, REGRESSORS[name], target, path, copies, monkeypatch)
