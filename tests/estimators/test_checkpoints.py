"""`Checkpoint`: a fit that is broken off and begun again is the fit that was not broken off."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from itertools import count

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.datasets import make_classification
from sklearn.model_selection import ShuffleSplit

from skbackprop import BackpropClassifier, BackpropRegressor, Scheduled, load, mlp
from skbackprop.io import checkpoint
from skbackprop.optim import OPTIMIZERS, Adam, AdamW
from skbackprop.optim.base import OptimizerState
from skbackprop.optim.schedules import SCHEDULES
from skbackprop.training import parallel_members
from skbackprop.training.callbacks import Callback, Checkpoint, TimeBudget, budget

X, y = make_classification(90, 5, n_informative=4, n_redundant=0, flip_y=0.1, random_state=0)
NEW = make_classification(20, 5, n_informative=4, n_redundant=0, random_state=1)[0]
pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:Training diverged"),
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
RESTARTING = STOPPING | {
    "learning_rate": "cosine",
    "learning_rate_init": 0.03,
    "n_iter_no_change": 100,
    "max_iter": 3,
    "max_restarts": 2,
}
SHORT = {"max_iter": 6, "random_state": 0}


class Losses(Callback):
    """Remembers the losses, and changes training by them."""

    state_attributes = ("losses",)

    def __init__(self):
        self.losses = []

    def on_epoch_end(self, run):
        self.losses.append(run.history.last("loss"))
        run.lr_scale = 1.0 / (1.0 + sum(self.losses))


class Scales(Callback):
    """Changes the learning rate at the beginning of an epoch by a schedule of the last step."""

    state_attributes = ()

    def on_epoch_begin(self, run):
        run.lr_scale = 1.0 + run.schedule_factors.get("dropout", 0.0)


class Grow(Callback):
    """Multiplies the parameters in the last step of the last epoch."""

    state_attributes = ()

    def __init__(self, factor):
        self.factor = factor

    def on_batch_end(self, run):
        if run.clock.step == run.max_epochs * run.clock.n_steps:
            run.network.theta *= self.factor


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
    "restarts": PLAIN | RESTARTING,
    "refit": PLAIN | STOPPING | {"refit": True},
    "refit, restarts": PLAIN | RESTARTING | {"refit": True},
    "refit, adaptive": PLAIN
    | STOPPING
    | {"refit": True, "solver": "sgd", "learning_rate": "adaptive", "n_iter_no_change": 1},
    "refit, lbfgs": PLAIN | STOPPING | {"refit": True, "solver": "lbfgs"},
    "ema": PLAIN | {"solver": Adam(averaging="ema")},
    "swa, restarts": PLAIN | RESTARTING | {"solver": Adam(averaging="swa"), "max_restarts": 1},
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
    "members, fine-tuned": PLAIN
    | STOPPING
    | {"n_members": 3, "refit": "fine_tune", "dropout": Scheduled(0.2, "flat_cos")},
    "stacks": PLAIN | STOPPING | {"n_members": 3, "stacks": True, "dropout": 0.2},
    "stacks in turn": PLAIN | STOPPING | {"n_members": 3, "stacks": True, "callbacks": [Losses()]},
    "stacks, refit": PLAIN | STOPPING | {"n_members": 3, "stacks": True, "refit": True},
    "own callback": PLAIN | {"callbacks": [Losses()]},
    "own callback, schedule": PLAIN
    | {"callbacks": [Scales()], "dropout": Scheduled(0.3, "flat_cos")},
    "ties": PLAIN | STOPPING | {"learning_rate_init": 0.1, "max_iter": 40, "n_iter_no_change": 100},
    "diverged": PLAIN | {"callbacks": [Grow(np.nan)], "dtype": "float64"},
    "huge": PLAIN | {"callbacks": [Grow(1e150)], "dtype": "float64"},
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
def path(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)  # no power is cut here
    return tmp_path / "fit.ckpt"


@pytest.fixture
def copies(path, monkeypatch):
    """Copies of the file after each writing: what is left by a process that is killed there."""
    kept, number = [], count()
    write = checkpoint.CheckpointFile.write

    def write_and_keep(self):
        write(self)
        copied = shutil.copy(path, path.with_name(f"copy {next(number)}"))
        kept.append(copied)

    monkeypatch.setattr(checkpoint.CheckpointFile, "write", write_and_keep)
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
    model = make(cls, params).fit(X, target)
    whole = result(model)
    assert result(make(cls, params, path).fit(X, target)) == whole
    assert not path.exists()
    assert copies
    if params.get("max_restarts") and params.get("preset") == "plain":
        assert model._fitted.run.restarts
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


def broken_off(params, path, copies, which=2, X=X, y=y, **arguments):
    """A fit that was killed: its file is at `path`."""
    make(BackpropClassifier, params, path).fit(X, y, **arguments)
    shutil.copy(copies[which], path)
    copies.clear()


def refusal(params, path, X=X, y=y, **arguments):
    """The message of a fit that is refused; it leaves the file as it was."""
    before = path.read_bytes()
    model = make(BackpropClassifier, params, path)
    with pytest.raises(ValueError, match=re.escape(repr(str(path)))) as caught:
        model.fit(X, y, **arguments)
    assert path.read_bytes() == before
    assert not hasattr(model, "n_iter_")
    return str(caught.value)


OTHER = {
    "batch_size": ({"batch_size": 30}, "batch_size is 20 there and 30 here"),
    "solver": ({"solver": Adam()}, "solver is 'auto' there and Adam here"),
    "seed": ({"random_state": 1}, "random_state is 0 there and 1 here"),
    "seed of numpy": ({"random_state": np.int64(1)}, "random_state is 0 there and 1 here"),
    "no seed": ({"random_state": None}, "random_state is 0 there and NoneType here"),
    "callbacks": ({"callbacks": [Losses()]}, "number of callbacks is 1 there and 2 here"),
    "verbose": ({"verbose": True}, "verbose is False there and True here"),
}


@pytest.mark.parametrize("name", OTHER)
def test_other_parameters_are_refused_with_both_sides(name, path, copies):
    broken_off(PLAIN, path, copies)
    changes, message = OTHER[name]
    text = refusal(PLAIN | changes, path)
    assert text.startswith(f"The checkpoint {str(path)!r} is of another fit: ")
    assert re.search(message, text)
    assert "remove the file" in text


def test_arrays_and_objects_among_the_parameters_are_compared(path, copies):
    weights = [np.zeros((5, 6)), np.zeros((6, 5)), np.zeros((5, 1))]
    params = PLAIN | {"weight_init": weights, "callbacks": [Losses()]}
    broken_off(params, path, copies)
    others = [weights[0] + 1, *weights[1:]]
    assert "weight_init is [" in refusal(params | {"weight_init": others}, path)
    changed = Losses()
    changed.losses.append(1.0)
    text = refusal(params | {"callbacks": [changed]}, path)
    assert re.search(r"callback 0 is Losses .*\[\].* there and Losses .*\[1.0\].* here", text)


def test_settings_of_objects_are_compared_one_by_one(path, copies):
    broken_off(PLAIN | {"solver": Adam(beta_1=0.5, averaging="ema")}, path, copies)
    text = refusal(PLAIN | {"solver": Adam(beta_1=0.75)}, path)
    assert "solver__averaging is 'ema' there and 'auto' here; solver__beta_1 is 0.5 there" in text


def test_another_class_is_refused(path, copies):
    broken_off(PLAIN, path, copies)
    model = make(BackpropRegressor, PLAIN, path)
    with pytest.raises(ValueError, match="the class is BackpropClassifier there and BackpropR"):
        model.fit(X, y)


def test_other_data_are_refused(path, copies):
    broken_off(PLAIN, path, copies)
    assert "table is (90, 5) there and (89, 5) here" in refusal(PLAIN, path, X[1:], y[1:])
    other = X.copy()
    other[17, 3] = np.nextafter(other[17, 3], 9)
    assert "the digest of the rows is" in refusal(PLAIN, path, other)
    assert "the digest of the rows is" in refusal(PLAIN, path, y=1 - y)
    weight = np.linspace(1, 2, len(y))
    assert "the digest of the rows is" in refusal(PLAIN, path, sample_weight=weight)
    text = refusal(PLAIN, path, X_val=X[:9], y_val=y[:9])
    assert "division of the rows" in text


def test_another_version_is_refused(path, copies, monkeypatch):
    broken_off(PLAIN, path, copies)
    monkeypatch.setattr(checkpoint, "versions", lambda: {"numpy": "3.0.0"})
    assert f"numpy is {np.__version__} there and 3.0.0 here" in refusal(PLAIN, path)


def test_a_division_without_a_seed_is_refused(path, copies):
    params = PLAIN | {"early_stopping": True, "validation_fraction": ShuffleSplit(1)}
    broken_off(params, path, copies)
    assert "the digest of the division of the rows is" in refusal(params, path)


def test_n_jobs_and_the_interval_may_be_others(path, copies):
    whole = result(make(BackpropClassifier, PLAIN).fit(X, y))
    broken_off(PLAIN, path, copies)
    assert result(make(BackpropClassifier, PLAIN | {"n_jobs": 1}, path, 5).fit(X, y)) == whole


def test_without_a_seed_the_file_has_the_one_that_was_drawn(path, copies):
    params = PLAIN | STOPPING | {"random_state": None, "n_members": 2, "dropout": 0.1}
    model = make(BackpropClassifier, params, path).fit(X, y)
    shutil.copy(copies[1], path)
    assert result(make(BackpropClassifier, params, path).fit(X, y)) == result(model)


@pytest.mark.parametrize("rows", [csr_array(X), X.astype(np.float32)], ids=["sparse", "float32"])
def test_rows_of_other_kinds(rows, path, copies):
    whole = result(make(BackpropClassifier, PLAIN).fit(rows, y))
    broken_off(PLAIN, path, copies, X=rows)
    assert result(make(BackpropClassifier, PLAIN, path).fit(rows, y)) == whole


def test_validation_rows_weights_and_a_scorer(path, copies):
    params = SHORT | {"scoring": "accuracy"}
    rest = {"X_val": X[:20], "y_val": y[:20], "sample_weight": np.linspace(1, 2, 70)}
    whole = result(make(BackpropClassifier, params).fit(X[20:], y[20:], **rest))
    broken_off(params, path, copies, X=X[20:], y=y[20:], **rest)
    model = make(BackpropClassifier, params, path).fit(X[20:], y[20:], **rest)
    assert result(model) == whole


def test_a_fit_can_be_broken_off_more_than_once(path, copies):
    params = PLAIN | STOPPING | {"refit": True, "n_members": 2}
    whole = result(make(BackpropClassifier, params).fit(X, y))
    make(BackpropClassifier, params, path).fit(X, y)
    n = len(copies)
    for _ in range(n - 1):
        shutil.copy(copies[0], path)
        copies.clear()
        assert result(make(BackpropClassifier, params, path).fit(X, y)) == whole
        assert len(copies) < n  # epochs that are done are not done again
        n = len(copies)


def test_a_warm_start_goes_on(path, copies):
    for params in (PLAIN | STOPPING, SHORT | {"n_members": 2}):
        models = [
            make(BackpropClassifier, params | {"warm_start": True}).fit(X, y) for _ in range(3)
        ]
        whole = result(models[0].fit(X, y))
        for model in models[1:]:
            model.callbacks = [Checkpoint(path, 0)]
        assert result(models[1].fit(X, y)) == whole
        shutil.copy(copies[1], path)
        assert result(models[2].fit(X, y)) == whole
        shutil.copy(copies[1], path)
        with pytest.raises(ValueError, match="the number of epochs before is"):
            models[2].fit(X, y)
        path.unlink()
        copies.clear()


# ---- interruptions -------------------------------------------------------------------------


class Break(Callback):
    """Raises in the middle of a chosen epoch, once."""

    state_attributes = ()
    error = None

    def on_batch_end(self, run):
        if Break.error is not None and run.clock.epoch == 3:
            error, Break.error = Break.error, None
            raise error


@pytest.mark.parametrize("stacks", [False, True])
def test_ctrl_c_leaves_the_file(stacks, path, monkeypatch):
    if stacks:
        monkeypatch.setattr(parallel_members, "LARGE", 1)
    params = PLAIN | STOPPING | {"callbacks": [Break()]} | ({"n_members": 3} if stacks else {})
    whole = result(make(BackpropClassifier, params).fit(X, y))
    monkeypatch.setattr(Break, "error", KeyboardInterrupt())
    with pytest.warns(UserWarning, match="interrupted"):
        model = make(BackpropClassifier, params, path).fit(X, y)
    assert model.interrupted_
    assert path.exists()
    assert result(model.fit(X, y)) == whole
    assert not path.exists()


def test_ctrl_c_in_the_second_training_leaves_the_file(path, monkeypatch):
    params = PLAIN | STOPPING | {"refit": True}
    whole = result(make(BackpropClassifier, params).fit(X, y))
    n_calls = count()

    def write(self, write=checkpoint.CheckpointFile.write):
        write(self)
        if next(n_calls) == 8:  # after the 6 epochs of the first
            raise KeyboardInterrupt

    monkeypatch.setattr(checkpoint.CheckpointFile, "write", write)
    with pytest.warns(UserWarning, match="The second training, on all rows, failed"):
        make(BackpropClassifier, params, path).fit(X, y)
    assert path.exists()
    assert result(make(BackpropClassifier, params, path).fit(X, y)) == whole
    assert not path.exists()


def test_ctrl_c_in_parallel_leaves_no_half_state(path, monkeypatch):
    """The runs of other stacks are stopped after their epoch, which is no end of theirs."""
    monkeypatch.setattr(parallel_members, "LARGE", 1)
    long = {"max_iter": 200, "n_iter_no_change": 200}  # it must not end before the interruption
    params = PLAIN | STOPPING | long | {"n_members": 2, "n_jobs": 2}
    whole = result(make(BackpropClassifier, params).fit(X, y))

    def wait(jobs, return_when):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(parallel_members, "wait", wait)
        patched.setattr("skbackprop.estimators.learning.n_cores", lambda: 2)
        with pytest.warns(UserWarning, match="interrupted"):
            make(BackpropClassifier, params, path).fit(X, y)
    assert result(make(BackpropClassifier, params, path).fit(X, y)) == whole


def test_an_error_leaves_the_file_and_the_model(path, monkeypatch):
    params = PLAIN | {"callbacks": [Break()]}
    model = make(BackpropClassifier, params, path).fit(X, y)
    whole = result(model)
    monkeypatch.setattr(Break, "error", RuntimeError("broken"))
    with pytest.raises(RuntimeError, match="broken"):
        model.fit(X, y)
    assert result(model) == whole
    assert path.exists()
    assert result(model.fit(X, y)) == whole
    assert not path.exists()


def test_a_fit_that_diverges_leaves_no_file(path, copies):
    params = PLAIN | {"solver": "sgd", "learning_rate_init": 1e30}
    with pytest.raises(ValueError, match="non-finite"):
        make(BackpropRegressor, params, path).fit(X, y)
    assert copies
    assert not path.exists()


# ---- files ---------------------------------------------------------------------------------


def test_what_is_no_checkpoint_is_refused(path, copies):
    broken_off(PLAIN, path, copies)
    data = path.read_bytes()
    path.write_bytes(data[:-1])
    assert "The file is truncated" in refusal(PLAIN, path)
    path.write_bytes(data[:-9] + bytes([data[-9] ^ 1]) + data[-8:])
    assert "is not used as a checkpoint, and is as it was. The file is damaged" in refusal(
        PLAIN, path
    )
    path.write_bytes(b"my notes")
    assert "is no safetensors file" in refusal(PLAIN, path)
    mlp.MLPClassifier(max_iter=3).fit(X, y).save(path)
    assert "It holds something else, such as a model. Remove it" in refusal(PLAIN, path)


def test_a_checkpoint_is_no_model(path, copies):
    broken_off(PLAIN, path, copies)
    with pytest.raises(ValueError, match="It is a checkpoint, from which `fit` goes on"):
        load(path)


def forged(path, change):
    """Write a checkpoint that was changed, with a checksum that fits."""
    tensors, metadata, _ = checkpoint.safetensors.loads(path.read_bytes())
    found = checkpoint.json.loads(metadata[checkpoint.CHECKPOINT])
    change(found, tensors, metadata)
    metadata[checkpoint.CHECKPOINT] = checkpoint.json.dumps(found)
    path.write_bytes(checkpoint.safetensors.dumps(tensors, metadata))


@pytest.mark.parametrize(
    "change",
    [
        lambda found, tensors, metadata: metadata.update({checkpoint.VERSION: "99"}),
        lambda found, tensors, metadata: found.pop("facts"),
        lambda found, tensors, metadata: found["trainings"]["training_0"].pop("callbacks"),
        lambda found, tensors, metadata: found["trainings"]["training_0"]["run"].pop("clock"),
        lambda found, tensors, metadata: found.update(trainings=[]),
        lambda found, tensors, metadata: found.update(start=None),
        lambda found, tensors, metadata: tensors.pop("training_0.network.theta"),
        lambda found, tensors, metadata: tensors.update({"training_0.network.theta": np.zeros(3)}),
    ],
)
def test_a_file_that_has_not_what_it_needs_is_refused(change, path, copies):
    broken_off(PLAIN, path, copies)
    forged(path, change)
    assert "is not used as a checkpoint, and is as it was" in refusal(PLAIN, path)


def test_a_folder_that_is_missing_is_said_at_once(tmp_path):
    with pytest.raises(FileNotFoundError, match="Make it first"):
        make(BackpropClassifier, PLAIN, tmp_path / "there" / "fit.ckpt").fit(X, y)


def test_a_file_of_another_process_is_not_overwritten(path, monkeypatch):
    write = checkpoint.CheckpointFile.write

    def write_twice(self):
        write(self)
        path.write_bytes(b"of another fit")

    monkeypatch.setattr(checkpoint.CheckpointFile, "write", write_twice)
    with pytest.warns(UserWarning, match="was written by another process meanwhile"):
        model = make(BackpropClassifier, PLAIN, path).fit(X, y)
    assert model.n_iter_ == PLAIN["max_iter"]
    assert path.read_bytes() == b"of another fit"


def test_a_full_disk_does_not_end_training(path, monkeypatch):
    def write(path, *parts):
        raise OSError("No space left on device")

    monkeypatch.setattr(checkpoint, "write_atomically", write)
    with pytest.warns(UserWarning, match="training goes on: No space left"):
        model = make(BackpropClassifier, PLAIN, path).fit(X, y)
    assert model.n_iter_ == PLAIN["max_iter"]


class Clock(Callback):
    """A second for each epoch."""

    state_attributes = ()
    now = 0.0

    def on_epoch_begin(self, run):
        Clock.now += 1.0


@pytest.mark.parametrize(
    ("every", "seconds", "n"),
    [(10, 0.0, 4), (1, 0.0, 40), (1, 0.05, 8), (10, 0.15, 2), (0, 0.5, 40)],
)
def test_the_file_is_written_after_so_many_seconds(every, seconds, n, path, copies, monkeypatch):
    """And not so often that writing takes more than 1 % of the time."""
    write = checkpoint.CheckpointFile.write

    def slow_write(self):
        write(self)
        Clock.now += seconds

    monkeypatch.setattr(checkpoint.CheckpointFile, "write", slow_write)
    monkeypatch.setattr(checkpoint, "perf_counter", lambda: Clock.now)
    params = PLAIN | {"max_iter": 40, "callbacks": [Clock()], "n_iter_no_change": 100}
    make(BackpropClassifier, params, path, every).fit(X, y)
    assert len(copies) == n


# ---- what is refused -----------------------------------------------------------------------


class Silent(Callback):
    """Does not say what it remembers."""

    def on_epoch_end(self, run):
        pass


class Lock(Losses):
    """Remembers what no file can hold."""

    def __init__(self):
        self.losses = iter([])


def test_callbacks_say_what_they_remember(path):
    for callbacks in ([Silent()], [Losses(), Silent()]):
        model = make(BackpropClassifier, PLAIN | {"callbacks": callbacks}, path)
        with pytest.raises(TypeError, match="got Silent without state_attributes. Give its class"):
            model.fit(X, y)
    model = make(BackpropClassifier, PLAIN | {"callbacks": [Lock()]}, path)
    with pytest.raises(TypeError, match=r"hold the state of this training.*callbacks.*losses"):
        model.fit(X, y)
    assert not path.exists()


def test_it_is_used_in_fit_alone(path):
    model = make(BackpropClassifier, PLAIN, path)
    with pytest.raises(ValueError, match="partial_fit does not support Checkpoint"):
        model.partial_fit(X, y, classes=[0, 1])
    model.callbacks = [Checkpoint(path), Checkpoint(path)]
    with pytest.raises(ValueError, match="may hold one Checkpoint, got 2"):
        model.fit(X, y)
    model.callbacks, model._skl_callbacks = [Checkpoint(path)], ["a progress bar"]
    with pytest.raises(ValueError, match="scikit-learn's callbacks.*got .'a progress bar'."):
        model.fit(X, y)
    with pytest.raises(TypeError, match="works in the list `callbacks` of an estimator"):
        Checkpoint(path).on_train_begin(None)


@pytest.mark.parametrize("seconds", [-1, float("nan"), "5", None, True])
def test_the_interval_is_a_number(seconds):
    with pytest.raises(ValueError, match="every_seconds to be a number of at least 0, got"):
        Checkpoint("fit.ckpt", seconds)


def test_a_model_with_a_checkpoint_can_be_saved(path, tmp_path):
    model = make(BackpropClassifier, PLAIN, path, 7).fit(X, y)
    model.save(tmp_path / "model.skbp")
    same = load(tmp_path / "model.skbp")
    assert vars(same.callbacks[0]) == {"path": str(path), "every_seconds": 7}
    assert result(same.fit(X, y)) == result(model)


@pytest.mark.parametrize("seconds", [4.5, 12.5])
def test_the_seconds_of_a_budget_are_those_of_all_processes(seconds, path, copies, monkeypatch):
    monkeypatch.setattr(budget, "perf_counter", lambda: Clock.now)
    params = PLAIN | {
        "time_budget": seconds,
        "callbacks": [Clock()],
        "learning_rate": "cosine",
        "max_iter": 10,
        "n_iter_no_change": 100,
    }
    whole = make(BackpropClassifier, params, path).fit(X, y)
    assert whole.n_iter_ == min(10, int(seconds))
    for copied in list(copies):
        shutil.copy(copied, path)
        Clock.now += 1000.0  # between two processes
        assert result(make(BackpropClassifier, params, path).fit(X, y)) == result(whole)


PRINTING = {
    "plain": PLAIN
    | {"solver": "sgd", "learning_rate": "adaptive", "tol": 1.0, "n_iter_no_change": 1},
    "default": RESTARTING | {"hidden_layer_sizes": (8,), "random_state": 0, "n_members": 1},
}


@pytest.mark.parametrize("name", PRINTING)
def test_lines_are_printed_once(name, path, copies, capsys):
    params = PRINTING[name] | {"verbose": True}
    make(BackpropClassifier, params, path).fit(X, y)
    lines = capsys.readouterr().out.splitlines()
    n_before = 1 if name == "default" else 0  # lines before training, which each process prints
    assert "warm restart" in " ".join(lines) or name == "plain"
    for copied in list(copies):
        shutil.copy(copied, path)
        make(BackpropClassifier, params, path).fit(X, y)
        again = capsys.readouterr().out.splitlines()[n_before:]
        assert again == lines[len(lines) - len(again) :]
