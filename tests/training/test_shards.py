"""Rows in several places give the gradients, and the model, of the same batches in one place."""

from functools import partial

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skbackprop.nn.activations import ACTIVATIONS
from skbackprop.nn.layers import Activate, Dense, Dropout, MemberDense, Sequential
from skbackprop.nn.losses import LOSSES
from skbackprop.nn.network import Network
from skbackprop.optim import Adam
from skbackprop.training import Objective, Plan, Rows, Run, train
from skbackprop.training.shards import ShardedRows, ShardedStep, Shards, Task, philox_state

SIZES = 70, 0, 31, 12, 55  # rows of the shards, one of which is empty
N_FOLDS, N_FEATURES = 3, 4
TOLERANCE = {"float64": 1e-10, "float32": 1e-4}


class Places:
    """Holders in this process: the shards are dealt to `k` of them."""

    def __init__(self, shards, k):
        numbers = sorted(shards)
        self.holders = [Shards({i: shards[i] for i in numbers[j::k]}) for j in range(k)]

    def call(self, method, *args):
        return [getattr(holder, method)(*args) for holder in self.holders]


def target_of(loss, n, rng):
    if "log_loss" in loss:
        return np.eye(3)[rng.integers(3, size=n)]
    return rng.uniform(0.5, 2.0, (n, 3))


def make_shards(loss="squared_error", dtype="float64", *, weighted=False):
    rng, shards = np.random.default_rng(0), {}
    for i, n in enumerate(SIZES):
        x, target = rng.normal(size=(n, N_FEATURES)), target_of(loss, n, rng)
        weight = rng.integers(0, 3, n).astype(dtype) if weighted else None
        rows = Rows(x.astype(dtype), target.astype(dtype), weight)
        shards[i] = rows, rng.integers(N_FOLDS, size=n)
    return shards


def make_network(n_members=None, dtype="float64", rate=0.0):
    dense = Dense if n_members is None else partial(MemberDense, n_members)
    layers = dense(N_FEATURES, 5), Activate(ACTIVATIONS["tanh"]), Dropout(rate), dense(5, 3)
    network = Network(Sequential(layers), dtype)
    network.initialize(np.random.RandomState(0))
    return network


def sharded(shards, k, left_out=-1, **options):
    weighted = shards[0][0].weight is not None
    rows = ShardedRows(Places(shards, k), N_FEATURES, N_FOLDS, has_weight=weighted)
    return rows.batches(*({"batch_size": 20, "shuffle": True} | options).values(), left_out, None)


def trained(shards, k, left_out=-1, *, dtype="float64", rate=0.0, loss="squared_error", **plan):
    members = None if isinstance(left_out, int) else len(left_out)
    run = Run(make_network(members, dtype, rate), np.random.RandomState(1))
    batches = sharded(shards, k, left_out)
    plan = {"alpha": 0.1, "optimizer": Adam(), "max_epochs": 3} | plan
    train(Plan(LOSSES[loss], batches, has_dropout=rate > 0, learning_rate=0.01, **plan), run)
    return run


def in_one_place(shards, order, step, task):
    """The rows of a step, by the definition: of each shard its part of a new order."""
    parts = []
    for i, (rows, fold) in shards.items():
        rng = np.random.default_rng([order, i])
        several = not isinstance(task.left_out, int)
        orders = [
            rng.permutation(np.flatnonzero(fold != out))[: task.used[i]]
            for out in (task.left_out if several else [task.left_out])
        ]
        index = np.array(orders if several else orders[0])
        parts.append(rows.take(index[..., task.bounds(i, step) : task.bounds(i, step + 1)]))
    weights = [part.weight for part in parts]
    return Rows(
        np.concatenate([part.x for part in parts], axis=-2),
        np.concatenate([part.target for part in parts], axis=-2),
        None if weights[0] is None else np.concatenate(weights, axis=-1),
    )


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("left_out", [-1, 1, (0, 1, 2, 0)])
@pytest.mark.parametrize("loss", LOSSES)
def test_the_gradient_is_that_of_the_batch_in_one_place(loss, left_out, weighted):
    shards = make_shards(loss, weighted=weighted)
    network = make_network(None if isinstance(left_out, int) else 4)
    batches = sharded(shards, 3, left_out)
    smoothing = 0.1 if "log_loss" in loss else 0.0
    plan = Plan(LOSSES[loss], batches, alpha=0.3, label_smoothing=smoothing, optimizer=Adam())
    sharded_step = ShardedStep(plan, Run(network, None))
    objective = sharded_step.objective
    for step, batch in enumerate(batches.epoch(np.array([7]))):
        value, gradient = sharded_step.add_up(batch), network.grad.copy()
        rows = in_one_place(shards, 7, step, batches.task)
        assert batch.n == rows.n
        assert value == pytest.approx(objective(rows, network.bind(rows.x.shape)), rel=1e-12)
        assert_allclose(gradient, network.grad, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("rate", [0.0, 0.3])
@pytest.mark.parametrize("left_out", [-1, (0, 1, 2)])
@pytest.mark.parametrize("dtype", TOLERANCE)
def test_the_model_does_not_depend_on_the_number_of_places(dtype, left_out, rate):
    shards = make_shards(dtype=dtype, weighted=True)
    one, *others = (trained(shards, k, left_out, dtype=dtype, rate=rate) for k in (1, 2, 4))
    for other in others:
        assert_allclose(other.network.theta, one.network.theta, rtol=TOLERANCE[dtype], atol=1e-7)
        assert_allclose(other.history.columns["loss"], one.history.columns["loss"], rtol=1e-6)


def test_dropout_masks_are_new_in_each_step_epoch_and_shard():
    states = [
        philox_state(epoch, step, shard) for epoch in (1, 2) for step in (0, 1) for shard in (0, 1)
    ]
    bits = [np.random.Philox() for _ in states]
    for bit, state in zip(bits, states, strict=True):
        bit.state = state
    assert len({tuple(bit.random_raw(4)) for bit in bits}) == len(states)


@pytest.mark.parametrize("left_out", [-1, 2, (0, 2)])
@pytest.mark.parametrize("size", [1, 7, 20, 1000])
def test_an_epoch_uses_every_row_once_but_for_those_left_out(size, left_out):
    shards = {
        i: (Rows(rows.x * 0 + 1000 * i + np.arange(rows.n)[:, None], rows.target), fold)
        for i, (rows, fold) in make_shards().items()
    }
    batches = sharded(shards, 2, left_out, batch_size=size)
    network = make_network(None if isinstance(left_out, int) else 2)
    batches.begin(Objective(network, LOSSES["squared_error"]), has_dropout=False)
    drawn = list(batches.epoch(np.array([3])))
    assert sum(batch.n for batch in drawn) == batches.n_rows
    assert max(batch.n for batch in drawn) <= size + len(SIZES)
    rows = [in_one_place(shards, 3, batch.step, batches.task).x[..., 0] for batch in drawn]
    together = np.atleast_2d(np.concatenate(rows, axis=-1))
    for out, seen in zip(np.atleast_1d(left_out), together, strict=True):
        allowed = [1000 * i + np.flatnonzero(fold != out) for i, (_, fold) in shards.items()]
        assert len(set(seen)) == len(seen)
        assert set(seen) <= set(np.concatenate(allowed))
        if isinstance(left_out, int):
            assert set(seen) == set(np.concatenate(allowed))


def test_without_shuffling_the_epochs_are_equal():
    shards = make_shards()
    batches = sharded(shards, 1, shuffle=False)
    assert_array_equal(batches.order(None, np.random.RandomState(0)), [0])
    batches.begin(Objective(make_network(), LOSSES["squared_error"]), has_dropout=False)
    holder = batches.rows.holders.holders[0]
    next(batches.epoch(np.array([0]))).value_and_gradient(make_network().theta, {})
    for i, (rows, _) in shards.items():
        assert_array_equal(holder.orders[i], np.arange(rows.n))


def test_steps_of_rows_without_weight_are_left_out():
    shards = {
        0: (Rows(np.ones((8, 4)), np.ones((8, 3)), np.repeat([1.0, 0.0], 4)), np.zeros(8, int))
    }
    batches = sharded(shards, 1, batch_size=4, shuffle=False)
    batches.begin(Objective(make_network(), LOSSES["squared_error"]), has_dropout=False)
    assert [batch.step for batch in batches.epoch(np.array([0]))] == [0]


def test_many_small_shards_do_not_all_give_rows_in_the_same_step():
    task = Task(*[None] * 7, used=np.full(100, 3), n_steps=10, shuffle=True, rows_per_pass=99)
    starts = np.array([task.bounds(slice(None), step) for step in range(11)])
    assert_array_equal(starts[0], 0)
    assert_array_equal(starts[-1], 3)
    assert_array_equal(np.diff(starts, axis=0).sum(axis=1), 30)


def test_a_place_without_rows():
    shards = make_shards(weighted=True)
    few = {i: shards[i] for i in (0, 2)}  # the numbers of shards may have gaps
    batches = sharded(few, 1)
    batches.rows.holders.holders.append(Shards({}))
    network = make_network()
    batches.begin(Objective(network, LOSSES["squared_error"]), has_dropout=False)
    for step, batch in enumerate(batches.epoch(np.array([7]))):
        rows = in_one_place(few, 7, step, batches.task)
        assert batch.total == pytest.approx(rows.weight.sum())
        assert np.isfinite(batch.value_and_gradient(network.theta, {})[1]).all()


def test_counts_and_weights_of_the_rows():
    shards = make_shards(weighted=True)
    rows = ShardedRows(Places(shards, 2), N_FEATURES, N_FOLDS, has_weight=True)
    assert rows.n == sum(SIZES)
    weights = np.concatenate([part.weight for part, _ in shards.values()])
    assert rows.weight == pytest.approx(weights.mean())
    for i, (_, fold) in shards.items():
        assert_array_equal(rows.counts[i], np.bincount(fold, minlength=N_FOLDS))
