"""A state that is put back: the run is the one it was taken from, and goes on as that one does."""

from copy import deepcopy
from dataclasses import fields

import numpy as np
import pytest

from skbackprop.nn import ACTIVATIONS, LOSSES, Network
from skbackprop.nn.architectures import Extras, mlp
from skbackprop.nn.layers import BatchNorm
from skbackprop.optim import Adam, ExponentialAverage, FlatCos
from skbackprop.training import Batches, Plan, Rows, Run, train
from skbackprop.training.callbacks import Callback, RestoreBest, Validation
from skbackprop.training.resume import OF_RUN, restore_training, training_state

N, N_EPOCHS, LAST = 30, 12, 7
rng = np.random.default_rng(0)
X, TARGET = rng.normal(size=(N, 3)), rng.normal(size=(N, 1))
OF_ONE_CALL = {"passes", "optimizer", "training_theta"}  # made again by `train`


class Busy(Callback):
    """Changes whatever a callback may change."""

    state_attributes = ("losses", "never_set")

    def __init__(self):
        self.losses = []

    def on_epoch_begin(self, run):
        run.lr_scale = 1.0 + 0.1 * run.schedule_factors.get("dropout", 3.0) + 0.01 * run.lr

    def on_epoch_end(self, run):
        self.losses.append(run.history.last("loss"))
        run.plateau.n_epochs += 1
        run.max_epochs = N_EPOCHS - 1
        run.restarts.append(run.clock.epoch)
        run.messages.append(f"loss {sum(self.losses)}")
        if run.clock.epoch == LAST:
            run.stop("enough", "It is enough.")


class Kept:
    """Keeps the state after each epoch, and puts the given one back."""

    def __init__(self, state=None):
        self.states, self.state = [], state

    def restore(self, plan, run):
        if self.state is not None:
            restore_training(plan, run, deepcopy(self.state))
        return self.state is not None

    def record(self, plan, run):
        self.states.append(deepcopy(training_state(plan, run)))


def start(dtype=np.float64, width=5, callbacks=None):
    """A plan with everything that has a state, and a run that has not begun."""
    extras = Extras(dropout=0.3, normalization="batch")
    network = Network(mlp(3, (width,), 1, activations=[ACTIVATIONS["tanh"]], extras=extras), dtype)
    assert any(isinstance(layer, BatchNorm) for layer in network.layer.layers)
    network.initialize(np.random.default_rng(1))
    rows, loss = Rows(X.astype(dtype), TARGET.astype(dtype)), LOSSES["squared_error"]
    if callbacks is None:
        callbacks = [Busy(), RestoreBest(Validation(rows), loss)]
    plan = Plan(
        loss,
        Batches(rows, batch_size=8),
        optimizer=Adam(),
        learning_rate=0.05,
        average=ExponentialAverage(),
        has_dropout=True,
        scheduled={"dropout": FlatCos()},
        schedule=FlatCos(),
        max_epochs=N_EPOCHS,
        callbacks=callbacks,
    )
    return plan, Run(network, np.random.RandomState(2))


def trained(recorder):
    plan, run = start()
    plan.recorder = recorder
    return plan, train(plan, run)


def flat(value):
    """What a value holds, as plain data that can be compared."""
    if isinstance(value, np.ndarray):
        return value.dtype, value.shape, value.tobytes()
    if isinstance(value, np.random.RandomState):
        return flat(value.get_state(legacy=False))
    if isinstance(value, np.random.Generator):
        return value.bit_generator.state
    if isinstance(value, Network):
        return flat([value.theta, value.fixed])
    if isinstance(value, dict):
        return {name: flat(each) for name, each in value.items() if name != "seconds"}
    if isinstance(value, (list, tuple)):
        return [flat(each) for each in value]
    if hasattr(value, "__getstate__") and hasattr(value, "__dict__"):
        return flat(value.__getstate__())
    return value


def contents(run):
    return {f.name: flat(getattr(run, f.name)) for f in fields(run) if f.name not in OF_ONE_CALL}


@pytest.fixture(scope="module")
def whole():
    """The training that is not broken off, and its state after each epoch."""
    kept = Kept()
    plan, run = trained(kept)
    return kept.states, contents(run), flat(vars(plan.callbacks[0])), flat(plan.callbacks[1].best)


@pytest.mark.parametrize("epoch", range(1, LAST + 1))
def test_a_training_goes_on_bit_for_bit(epoch, whole):
    states, expected, losses, best = whole
    assert len(states) == LAST
    kept = Kept(states[epoch - 1])
    plan, run = trained(kept)
    assert len(kept.states) == LAST - epoch  # epochs that are done are not done again
    assert contents(run) == expected
    assert flat(vars(plan.callbacks[0])) == losses
    assert flat(plan.callbacks[1].best) == best


def test_what_training_changes_is_in_the_state(whole):
    """A new attribute of `Run` that changes belongs into `OF_RUN`, or is made again by `train`."""
    before, after = contents(start()[1]), whole[1]
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {*OF_RUN, "network", "rng", "best_epochs"}  # the last by the callbacks


def test_a_state_that_does_not_fit_changes_nothing(whole):
    state = whole[0][2]
    less = {"run": {name: value for name, value in state["run"].items() if name != "lr"}}
    cases = [
        (start(width=6), state, "network has .* numbers of float64, got a state of"),
        (start(np.float32), state, "numbers of float32, got a state of .* of float64"),
        (start(callbacks=[Busy()]), state, "not the parts"),
        (start(), state | less, "not the parts"),
    ]
    for (plan, run), wrong, message in cases:
        before, of_callbacks = contents(run), flat([vars(each) for each in plan.callbacks[:1]])
        with pytest.raises(ValueError, match=message):
            restore_training(plan, run, wrong)
        assert contents(run) == before
        assert flat([vars(each) for each in plan.callbacks[:1]]) == of_callbacks


def test_the_generator_of_the_caller_is_set_and_not_replaced(whole):
    plan, run = start()
    before = run.rng
    restore_training(plan, run, deepcopy(whole[0][0]))
    assert run.rng is before
    assert flat(before) == flat(whole[0][0]["rng"])
