"""Local steps and averaged parameters: what each holder does, and what becomes of it."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skbackprop.nn.activations import ACTIVATIONS
from skbackprop.nn.layers import Activate, Dense, MemberDense, Sequential
from skbackprop.nn.losses import LOSSES
from skbackprop.nn.network import Network
from skbackprop.optim import Adam
from skbackprop.optim.schedules import SCHEDULES
from skbackprop.training import Batches, Plan, Rows, Run, Step, train
from skbackprop.training.local_steps import LocalBatches, LocalShards
from skbackprop.training.shards import ShardedRows

SIZES = 40, 25, 60, 35


class Places:
    """Holders in this process: the shards are dealt to `k` of them."""

    def __init__(self, shards, k):
        parts = [{i: shards[i] for i in range(j, len(shards), k)} for j in range(k)]
        self.holders = [LocalShards(part) for part in parts]

    def call(self, method, *args):
        return [getattr(holder, method)(*args) for holder in self.holders]


def make_shards(*, weighted):
    rng = np.random.default_rng(0)
    shards = {}
    for i, n in enumerate(SIZES):
        x = rng.normal(size=(n, 3))
        weight = rng.uniform(0.5, 2, n) if weighted else None
        shards[i] = Rows(x, np.sin(2 * x[:, :2]), weight), rng.integers(3, size=n)
    return shards


def make_run(k):
    def dense(n_in, n_out):
        return Dense(n_in, n_out) if k is None else MemberDense(k, n_in, n_out)

    network = Network(Sequential((dense(3, 8), Activate(ACTIVATIONS["tanh"]), dense(8, 2))))
    network.initialize(np.random.RandomState(0))
    return Run(network, np.random.RandomState(1))


def plan_of(batches, **settings):
    settings = {"optimizer": Adam(), "learning_rate": 0.01, "alpha": 0.1} | settings
    return Plan(LOSSES["squared_error"], batches, **settings)


def sharded(shards, k, left_out=-1):
    weighted = shards[0][0].weight is not None
    rows = ShardedRows(Places(shards, k), 3, 3, has_weight=weighted, kind=LocalBatches)
    return rows.batches(16, True, left_out, None)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("left_out", [-1, (0, 1, 2)])
def test_the_epoch_of_each_holder_is_made_of_ordinary_steps(left_out, weighted):
    k = None if isinstance(left_out, int) else len(left_out)
    shards = make_shards(weighted=weighted)
    batches, run = sharded(shards, 2, left_out), make_run(k)
    start = run.network.theta.copy()
    train(plan_of(batches, max_epochs=1), run)
    thetas, counts = [], []
    for holder in batches.rows.holders.holders:
        alone = make_run(k)
        alone.network.theta[...] = start
        alone.optimizer_state = Adam().state(alone.network.theta)
        order = holder._order_of_all(holder.epoch)
        own = Batches(holder.rows, 16, members=None if k is None else list(order))
        step = Step(plan_of(own), alone)
        for batch in own.epoch(order):
            step(batch)
        thetas.append(alone.network.theta)
        counts.append(order.shape[-1])
    assert_allclose(run.network.theta, np.average(thetas, axis=0, weights=counts), rtol=1e-12)


@pytest.mark.parametrize("k", [1, 2, 4])
def test_an_epoch_uses_every_row_of_each_holder_once(k):
    batches, run = sharded(make_shards(weighted=False), k, left_out=1), make_run(None)
    train(plan_of(batches, max_epochs=1), run)
    for holder in batches.rows.holders.holders:
        order = holder._order_of_all(holder.epoch)
        fold = np.concatenate([fold for _, fold in holder.shards.values()])
        assert sorted(order) == np.flatnonzero(fold != 1).tolist()


@pytest.mark.parametrize("k", [1, 2, 4])
def test_schedules_reach_their_end_and_the_loss_falls(k):
    batches, run = sharded(make_shards(weighted=False), k), make_run(None)
    train(plan_of(batches, max_epochs=30, schedule=SCHEDULES["cosine"]()), run)
    losses, rates = run.history.columns["loss"], run.history.columns["learning_rate"]
    assert losses[-1] < 0.5 * losses[0]
    assert rates[0] > 0.0098
    assert rates[-1] == pytest.approx(0, abs=1e-12)
    assert run.clock.step == 30 * len(batches)
    assert run.clock.samples == 30 * sum(SIZES)
    assert all(norm > 0 for norm in run.history.columns["gradient_norm"])


def test_optimizers_keep_their_state_from_epoch_to_epoch():
    batches, run = sharded(make_shards(weighted=False), 1), make_run(None)
    train(plan_of(batches, max_epochs=3), run)
    (holder,) = batches.rows.holders.holders
    assert holder.run.optimizer_state.t == 3 * len(batches)


def test_limits_hold():
    batches, run = sharded(make_shards(weighted=False), 2), make_run(None)
    low = np.full_like(run.network.theta, -0.1)
    run.network.theta.clip(low, -low, out=run.network.theta)
    train(replace(plan_of(batches, max_epochs=3), limits=(low, -low)), run)
    assert_array_equal(np.abs(run.network.theta) <= 0.1, True)
