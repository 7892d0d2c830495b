"""Laws that every optimizer of the table obeys, and the published numbers."""

import copy
import json
import pickle
import tracemalloc
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.neural_network._stochastic_optimizers import AdamOptimizer, SGDOptimizer

from skbackprop.cores import n_cores
from skbackprop.optim import (
    OPTIMIZERS,
    SGD,
    Adam,
    AdamW,
    Lion,
    Muon,
    NAdam,
    Optimizer,
    ScheduleFree,
    base,
    check_optimizer,
    clip_norm,
    decay,
)

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "optimizers.json").read_text())

# Every row of the table, and the other branches of those that have any.
CASES = {name: optimizer() for name, optimizer in OPTIMIZERS.items()} | {
    "sgd, plain": SGD(momentum=0.0),
    "sgd, classical momentum": SGD(nesterov=False),
    "adam, without memory": Adam(beta_1=0.0, beta_2=0.0),
    "nadam, without memory": NAdam(beta_1=0.0, beta_2=0.0),
    "lion, short memory": Lion(beta_2=0.9),
    "muon, one matrix": Muon(shapes=((0, 2, 1, 2),), momentum=0.9),
    "muon, two matrices": Muon(shapes=((0, 1, 1, 1), (1, 2, 1, 1))),
}
ELEMENTWISE = {name: o for name, o in CASES.items() if not isinstance(o, Muon)}
every_optimizer = pytest.mark.parametrize("optimizer", CASES.values(), ids=CASES)
every_elementwise = pytest.mark.parametrize("optimizer", ELEMENTWISE.values(), ids=ELEMENTWISE)


def walk(optimizer, theta, grads, lr=0.01, state=None):
    """Take one step per gradient, in place; returns the state."""
    state = optimizer.state(theta) if state is None else state
    for grad in grads:
        optimizer.step(theta, grad, lr, state)
    return state


def randoms(n, n_steps, dtype=np.float64, seed=0):
    rng = np.random.default_rng(seed)
    theta = rng.standard_normal(n).astype(dtype)
    return theta, rng.standard_normal((n_steps, n)).astype(dtype)


@pytest.fixture
def small_blocks(monkeypatch):
    """Vectors above 100 elements are updated in blocks of 64 at most."""
    monkeypatch.setattr(base, "LONG", 100)
    monkeypatch.setattr(base, "BLOCK", 64)
    return monkeypatch


# --- they find the minimum -----------------------------------------------------


def parabola(theta):
    stretch = np.array([1.0, 10.0, 0.3])
    away = theta - np.array([1.0, -2.0, 0.5])
    return 0.5 * np.sum(stretch * away**2), stretch * away


def rosenbrock(theta):
    x, y = theta
    value = (1 - x) ** 2 + 100 * (y - x**2) ** 2
    return value, np.array([-2 * (1 - x) - 400 * x * (y - x**2), 200 * (y - x**2)])


def lowest(optimizer, objective, theta, n_steps, rates):
    """The best value reached with one of the rates, each going down to zero."""
    values = []
    for lr in rates:
        at = theta.copy()
        state = optimizer.state(at)
        for i in range(n_steps):
            _, grad = objective(at)
            clip_norm(grad, 10.0)  # the far walls of Rosenbrock's valley are steep
            optimizer.step(at, grad, lr * (1 - i / n_steps), state)
        values.append(objective(optimizer.eval_params(at, state))[0])
    return min(values)


@every_optimizer
def test_finds_the_minimum_of_a_parabola(optimizer):
    rates = (1.0, 0.3, 0.1, 0.03, 0.01)
    assert lowest(optimizer, parabola, np.zeros(3), 500, rates) < 1e-4


@every_optimizer
def test_finds_the_minimum_of_rosenbrock(optimizer):
    # 24.2 at the start; a path that only reaches the valley ends at about 4.
    start = np.array([-1.2, 1.0])
    rates = (0.3, 0.03, 0.01, 0.003, 0.001)
    assert lowest(optimizer, rosenbrock, start, 4000, rates) < 0.05


# --- what they do with their arrays ----------------------------------------------


@every_optimizer
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_is_kept(optimizer, dtype):
    theta, grads = randoms(7, 5, dtype)
    twin = theta.copy()
    state = walk(optimizer, theta, grads, lr=0.1)
    assert theta.dtype == state.slots.dtype == state.scratch.dtype == dtype
    walk(optimizer, twin, grads, lr=np.float64(0.1))  # must not promote the arithmetic
    assert_array_equal(theta, twin)


@every_optimizer
def test_the_gradient_is_left_alone(optimizer):
    theta, grads = randoms(7, 5)
    before = grads.copy()
    grads.setflags(write=False)
    walk(optimizer, theta, grads)
    assert_array_equal(grads, before)


@every_optimizer
def test_the_state_has_a_row_per_slot_and_counts_steps(optimizer):
    theta, grads = randoms(7, 5)
    state = walk(optimizer, theta, grads)
    assert state.slots.shape == (len(optimizer.slots), 7)
    assert state.scalars.shape == (len(optimizer.scalars),)
    assert state.t == 5


@every_optimizer
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_is_evaluated_is_like_theta_and_leaves_everything_alone(optimizer, dtype):
    theta, grads = randoms(7, 5, dtype)
    state = walk(optimizer, theta, grads)
    before = theta.copy(), state.slots.copy()
    found = optimizer.eval_params(theta, state)
    assert (found.shape, found.dtype) == (theta.shape, dtype)
    assert_array_equal(theta, before[0])
    assert_array_equal(state.slots, before[1])


@every_optimizer
def test_no_formula_contains_the_weight_decay(optimizer):
    # It would reach the biases; `decay` beside the step does not.
    theta, grads = randoms(7, 5)
    twin = theta.copy()
    walk(replace(optimizer, weight_decay=0.5), theta, grads)
    walk(replace(optimizer, weight_decay=0.0), twin, grads)
    assert_array_equal(theta, twin)


@every_optimizer
@pytest.mark.parametrize("n", [50, 1000])
def test_training_goes_on_exactly_from_a_pickle(optimizer, n, small_blocks):
    whole, grads = randoms(n, 20)
    parts = whole.copy()
    walk(optimizer, whole, grads)
    state = walk(optimizer, parts, grads[:9])
    state, again = pickle.loads(pickle.dumps((state, optimizer)))
    walk(again, parts, grads[9:], state=state)
    assert_array_equal(parts, whole)


@every_optimizer
@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda s: pickle.loads(pickle.dumps(s))])
def test_a_copied_state_is_independent_and_without_scratch(optimizer, duplicate):
    theta, grads = randoms(7, 5)
    state = walk(optimizer, theta, grads)
    twin = duplicate(state)
    assert twin.scratch is None
    assert twin.t == state.t
    assert_array_equal(twin.slots, state.slots)
    assert_array_equal(twin.scalars, state.scalars)
    assert not np.shares_memory(twin.slots, state.slots)
    assert not np.shares_memory(twin.scalars, state.scalars)


@every_optimizer
@pytest.mark.parametrize("lr", [0.01, np.full(50_000, 0.01, np.float32)], ids=["rate", "rates"])
def test_a_warm_step_allocates_next_to_nothing(optimizer, lr):
    theta, grads = randoms(50_000, 2, np.float32)
    state = walk(optimizer, theta, grads, lr=lr)
    tracemalloc.start()
    try:
        optimizer.step(theta, grads[0], lr, state)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4096  # one vector has 200,000 bytes


@every_optimizer
def test_nothing_denormal_remains_of_a_gradient_that_has_vanished(optimizer):
    theta, grads = randoms(8, 2, np.float32)
    state = walk(optimizer, theta, grads)
    walk(optimizer, theta, np.zeros((1022, 8), np.float32), state=state)
    assert state.t == 1024
    sizes = np.abs(state.slots)
    assert not np.any((sizes > 0) & (sizes < np.finfo(np.float32).tiny))


def test_rare_gradients_are_not_forgotten():
    # The smallest mean that is kept is far below what changes a parameter.
    theta, grads = randoms(8, 256, np.float32)
    state = walk(Adam(), theta, 1e-15 * grads)
    assert state.t == 256
    assert np.all(state.slots != 0)


# --- one rate or many ------------------------------------------------------------


@every_optimizer
@pytest.mark.parametrize("shape", [(1,), (50,), (1000,)])
def test_an_array_of_equal_rates_is_one_rate(optimizer, shape, small_blocks):
    n = max(shape[0], 50)
    one, grads = randoms(n, 10)
    many = one.copy()
    walk(optimizer, one, grads, lr=0.02)
    walk(optimizer, many, grads, lr=np.full(shape, 0.02))
    assert_allclose(many, one, rtol=1e-13, atol=1e-16)  # one rounding more of a size of 1


@every_optimizer
@pytest.mark.parametrize("n", [60, 1000])
def test_each_parameter_follows_its_own_rate(optimizer, n, small_blocks):
    mixed, grads = randoms(n, 10)
    slow, fast = mixed.copy(), mixed.copy()
    is_fast = np.arange(n) % 3 == 0
    walk(optimizer, mixed, grads, lr=np.where(is_fast, 0.05, 0.001))
    walk(optimizer, slow, grads, lr=0.001)
    walk(optimizer, fast, grads, lr=0.05)
    assert_allclose(mixed, np.where(is_fast, fast, slow), rtol=1e-13)


@every_optimizer
def test_rates_of_another_dtype_do_not_promote_the_arithmetic(optimizer):
    theta, grads = randoms(50, 10, np.float32)
    twin = theta.copy()
    rates = np.linspace(0.01, 0.1)
    walk(optimizer, theta, grads, lr=rates)
    walk(optimizer, twin, grads, lr=rates.astype(np.float32))
    assert_array_equal(theta, twin)


# --- blocks ------------------------------------------------------------------------


@every_elementwise
@pytest.mark.parametrize("n", [101, 128, 1000])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_blocks_change_no_bit(optimizer, n, dtype, small_blocks):
    blocked, grads = randoms(n, 300, dtype)
    whole = blocked.copy()
    state = walk(optimizer, blocked, grads)
    assert state.scratch.shape == (optimizer.n_scratch, base.block_size(whole))
    small_blocks.setattr(base, "LONG", 10_000)
    reference = walk(optimizer, whole, grads)
    assert reference.scratch.shape == (optimizer.n_scratch, n)
    assert_array_equal(blocked, whole)
    assert_array_equal(state.slots, reference.slots)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n", [2**16 + 1, 147_457, 2**18, 999_999])
def test_blocks_fit_the_cache_and_are_about_equal(dtype, n):
    theta = np.empty(n, dtype)
    block = base.block_size(theta)
    assert block % 16 == 0
    assert block * theta.itemsize <= 4 * base.BLOCK
    n_blocks = -(-n // block)
    assert block - (n - (n_blocks - 1) * block) <= 16 * n_blocks


@dataclass(frozen=True)
class Count(Optimizer):
    """Adds 1 everywhere, without a formula of its own for the whole vector."""

    def update(self, theta, grad, slots, scratch, lr, t):
        assert scratch.shape == (1, theta.size)
        theta += 1


@pytest.mark.parametrize("n", [99, 101, 1000])
def test_every_element_is_updated_once(n, small_blocks):
    theta = np.zeros(n)
    walk(Count(), theta, np.zeros((5, n)))
    assert_array_equal(theta, 5)


@pytest.mark.parametrize(("limit", "allowed"), [("1", {1}), ("", {1, 2}), ("4,2", {1, 2})])
def test_joblib_workers_are_not_oversubscribed(monkeypatch, limit, allowed):
    monkeypatch.setenv("OMP_NUM_THREADS", limit)
    assert min(n_cores(), 2) in allowed


# --- published numbers ---------------------------------------------------------------


@pytest.mark.parametrize("nesterov", [True, False])
@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9, 1.0])
def test_sgd_is_that_of_scikit_learn_bit_for_bit(momentum, nesterov):
    theta, grads = randoms(23, 50)
    params = [theta[:15].reshape(3, 5).copy(), theta[15:].copy()]
    reference = SGDOptimizer(params, 0.1, "constant", momentum, nesterov)
    optimizer = SGD(momentum, nesterov)
    state = optimizer.state(theta)
    for i, grad in enumerate(grads):
        lr = reference.learning_rate = 0.1 / (1 + i // 10)  # it changes under way
        optimizer.step(theta, grad, lr, state)
        reference.update_params(params, [grad[:15].reshape(3, 5), grad[15:]])
        assert_array_equal(theta, np.hstack([p.ravel() for p in params]))


@pytest.mark.parametrize(
    ("beta_1", "beta_2", "epsilon"),
    [(0.9, 0.999, 1e-8), (0.9, 0.95, 1e-3), (0.5, 0.0, 1e-8), (0.0, 0.9, 0.1)],
)
def test_adam_is_that_of_scikit_learn(beta_1, beta_2, epsilon):
    theta, grads = randoms(23, 50)
    params = [theta[:15].reshape(3, 5).copy(), theta[15:].copy()]
    reference = AdamOptimizer(params, 0.01, beta_1, beta_2, epsilon)
    optimizer = Adam(beta_1, beta_2, epsilon)
    state = optimizer.state(theta)
    for grad in grads:
        optimizer.step(theta, grad, 0.01, state)
        reference.update_params(params, [grad[:15].reshape(3, 5), grad[15:]])
        expected = np.hstack([p.ravel() for p in params])
        assert_allclose(theta, expected, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize(
    "row", GOLDEN["rows"], ids=[f"{r['name']} {r['parameters']}" for r in GOLDEN["rows"]]
)
def test_paths_are_those_published(row):
    theta = np.array(GOLDEN["start"])
    optimizer = OPTIMIZERS[row["name"]](**row["parameters"])
    state = optimizer.state(theta)
    path = {}
    lr = GOLDEN["learning_rate"]
    for t, grad in enumerate(GOLDEN["grads"], start=1):
        decay(theta, lr * optimizer.weight_decay)
        optimizer.step(theta, np.array(grad), lr, state)
        path[str(t)] = optimizer.eval_params(theta, state).copy()
    for t, expected in row["path"].items():
        assert_allclose(path[t], expected, rtol=1e-12)


def test_every_optimizer_has_a_golden_path():
    assert {row["name"] for row in GOLDEN["rows"]} == set(OPTIMIZERS)


def test_adamw_is_adam_with_another_default():
    assert replace(AdamW(), weight_decay=0.0) != Adam()  # another class, but
    assert AdamW.update is Adam.update
    assert (AdamW().weight_decay, Adam().weight_decay) == (0.01, 0.0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("lr", [0.25, np.full(5, 0.25)], ids=["rate", "rates"])
def test_lion_moves_by_the_rate_or_not_at_all(dtype, lr):
    theta = np.zeros(5, dtype)
    grad = np.array([1e-20, -1e-20, 0.0, 3e30, -2.0], dtype)
    walk(Lion(), theta, [grad], lr=lr)
    assert_array_equal(theta, [-0.25, 0.25, 0.0, -0.25, 0.25])


# --- schedule-free: what is evaluated is a mean ------------------------------------------


@pytest.mark.parametrize("rates", [(0.1, 0.2, 0.3, 0.1, 0.2), (0.0, 0.0, 0.3, 0.3, 0.3)])
def test_schedule_free_weighs_by_the_largest_rate_so_far(rates):
    theta, grads = randoms(7, len(rates))
    start = theta.copy()
    optimizer = ScheduleFree()
    state = optimizer.state(theta)
    zs = []
    for lr, grad in zip(rates, grads, strict=True):
        optimizer.step(theta, grad, lr, state)
        zs.append(state.slots[1].copy())
    weights = np.maximum.accumulate(rates) ** 2
    mean = np.average(zs, axis=0, weights=weights)
    x = optimizer.eval_params(theta, state)
    assert_allclose(x, mean, rtol=1e-13)
    assert_allclose(theta, 0.1 * zs[-1] + 0.9 * x, rtol=1e-13)
    assert not np.allclose(x, start)


def test_schedule_free_waits_where_it_is_while_the_rate_is_zero():
    theta, grads = randoms(7, 3)
    start = theta.copy()
    state = walk(ScheduleFree(), theta, grads, lr=0.0)
    assert_allclose(theta, start, rtol=1e-15)
    assert_array_equal(ScheduleFree().eval_params(theta, state), start)


def test_schedule_free_takes_other_changes_of_theta_for_steps():
    # The published decay: z moves by lr λ y, and x by its share of that.
    moved, grads = randoms(7, 4)
    still = moved.copy()
    optimizer = ScheduleFree()
    states = walk(optimizer, moved, grads[:3]), walk(optimizer, still, grads[:3])
    moved += 0.5
    walk(optimizer, moved, grads[3:], state=states[0])
    walk(optimizer, still, grads[3:], state=states[1])
    assert_allclose(states[0].slots[1] - states[1].slots[1], 0.5, rtol=1e-13)
    assert_allclose(states[0].slots[0] - states[1].slots[0], 0.5 / 4, rtol=1e-13)


# --- descriptions ----------------------------------------------------------------------


@every_optimizer
def test_an_optimizer_is_a_value(optimizer):
    assert pickle.loads(pickle.dumps(optimizer)) == optimizer
    assert eval(repr(optimizer), {type(optimizer).__name__: type(optimizer)}) == optimizer
    assert hash(optimizer) == hash(copy.deepcopy(optimizer))


def test_an_optimizer_without_a_formula_says_so():
    theta = np.zeros(3)
    optimizer = Optimizer()
    with pytest.raises(NotImplementedError, match="Optimizer defines neither `update` nor `step`"):
        optimizer.step(theta, theta, 0.1, optimizer.state(theta))


# --- what an optimizer must define --------------------------------------------------------


@every_optimizer
def test_every_optimizer_of_the_table_passes_the_check(optimizer):
    check_optimizer(optimizer)


class Stepper:
    def state(self, theta):
        return None

    def step(self, theta, grad, lr, state):
        theta -= lr * grad


@dataclass(frozen=True)
class OwnStep(Optimizer):
    def step(self, theta, grad, lr, state):
        theta -= lr * grad


@pytest.mark.parametrize("optimizer", [Count(), OwnStep(), Stepper()])
def test_update_or_step_is_enough(optimizer):
    check_optimizer(optimizer)


@dataclass(frozen=True)
class Misnamed(Optimizer):
    def apply(self, theta, grad, lr, state): ...


class OnlyStep:
    step = Stepper.step


@pytest.mark.parametrize(
    ("optimizer", "said"),
    [
        (Misnamed(), r"^Misnamed defines neither `update` nor `step`\. Define `update\("),
        (Optimizer(), "^Optimizer defines neither `update` nor `step`"),
        (OnlyStep(), "^OnlyStep is not an optimizer: it does not define `state`"),
        (object(), "does not define `state` and `step`. Derive it from"),
        (Adam, r"got the class Adam\. Pass Adam\(\)"),
    ],
)
def test_a_missing_method_is_named(optimizer, said):
    with pytest.raises(TypeError, match=said):
        check_optimizer(optimizer)


# --- settings that the training loop carries out ---------------------------------------------

BAD = {
    "weight_decay": [-1e-9, np.nan, "0", None, True],
    "max_grad_norm": [0.0, -1, np.inf, "1"],
    "l1": [-1e-9, np.inf, None],
    "gradient_accumulation_steps": [0, 1.5, True, None],
    "averaging": ["mean", True, 0.9],
    "lr_multipliers": ["mup", 2.0, {"dense_0": -1}, {0: 1.0}, {"dense_0": np.nan}],
}


@pytest.mark.parametrize(("name", "value"), [(n, v) for n, values in BAD.items() for v in values])
@pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_a_bad_setting_is_refused_with_advice(optimizer, name, value):
    with pytest.raises(
        ValueError, match=rf"^{optimizer.__name__} needs {name} .*got .*(Set|Choose)"
    ):
        optimizer(**{name: value})


@pytest.mark.parametrize(
    ("cls", "name", "value"),
    [
        (cls, name, value)
        for cls in OPTIMIZERS.values()
        for name, value in {"beta_1": 1.0, "beta_2": -0.1, "epsilon": 0.0, "rho": 1.0}.items()
        if hasattr(cls, name)
    ]
    + [(SGD, "momentum", 1.1), (Muon, "momentum", -0.1), (NAdam, "momentum_decay", -1.0)],
)
def test_a_bad_constant_is_refused(cls, name, value):
    with pytest.raises(ValueError, match=rf"^{cls.__name__} needs {name} in the range"):
        cls(**{name: value})


def test_settings_have_defaults_that_change_nothing():
    adam = Adam()
    assert (adam.max_grad_norm, adam.l1, adam.gradient_accumulation_steps) == (None, 0.0, 1)
    assert (adam.averaging, adam.lr_multipliers) == ("auto", "auto")


def test_factors_in_a_dict_count_for_equality_and_leave_the_hash_alone():
    one, two = Adam(lr_multipliers={"dense_0": 0}), Adam(lr_multipliers={"dense_0": 1})
    assert one != two
    assert one == Adam(lr_multipliers={"dense_0": 0})
    assert hash(one) == hash(Adam(lr_multipliers={"dense_0": 0}))
