"""Data-dependent initialization: pre-activations of variance 1 that change their sign."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from scipy.optimize import linprog
from scipy.sparse import csr_array

from skbackprop.nn.activations import ACTIVATIONS
from skbackprop.nn.architectures import Extras, Initialization, mlp
from skbackprop.nn.data_init import MAX_ROWS, N_MIXED, DataInit, data_dependent_init, last_dense
from skbackprop.nn.initializers import INITIALIZERS, Constant
from skbackprop.nn.layers import (
    Activate,
    Dense,
    MemberDense,
    Residual,
    ReZero,
    Sequential,
)
from skbackprop.nn.losses import LOSSES
from skbackprop.nn.network import Network

TANH = ACTIVATIONS["tanh"]
N = 300


def table(n=N, n_in=5, seed=0):
    """Columns in units of their own."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, n_in)) * 10.0 ** np.arange(-2, n_in - 2) + 1


def started(layer, x, dtype=np.float64, *, seed=0, **options):
    network = Network(layer, dtype)
    network.initialize(np.random.RandomState(seed))
    data_dependent_init(network, x, np.random.default_rng(seed), **options)
    return network


def dense_layers(ws, layer, p, x):
    """Parameters, input and output of every dense layer, from the workspaces of a pass."""
    if isinstance(layer, Dense | MemberDense):
        yield p, ws.x, ws.arrays["y"]
    elif isinstance(layer, Sequential):
        for name, part in layer.named:
            yield from dense_layers(ws.children[name], part, getattr(p, name), x)
    elif isinstance(layer, Residual):
        for name in ("inner", "shortcut"):
            child = ws.children[name], getattr(layer, name), getattr(p, name)
            yield from dense_layers(*child, x)


def products(network, x):
    """``(x W, b)`` of every dense layer."""
    x = x.astype(network.dtype)
    bound = network.bind(x.shape)
    bound.forward(x)
    return [
        (inputs @ p.W, getattr(p, "b", np.zeros(1)))
        for p, inputs, _ in dense_layers(bound.ws, network.layer, network.p, x)
    ]


def residual(activation, depth=50):
    return mlp(5, (64,) * depth, 1, activations=[activation], extras=Extras(residual=True))


LAYERS = {
    "dense": Dense(5, 3),
    "no bias": Dense(5, 3, bias=False),
    "one hidden layer": mlp(5, (8,), 2, activations=[TANH]),
    "activated output": Sequential((Dense(5, 4), Activate(TANH), Dense(4, 2), Activate(TANH))),
    "dropout": mlp(5, (8, 8), 2, activations=[TANH], extras=Extras(dropout=0.5)),
    "layer norm": mlp(5, (8, 8), 2, activations=[TANH], extras=Extras(normalization="layer")),
    "batch norm": mlp(5, (8, 8), 2, activations=[TANH], extras=Extras(normalization="batch")),
    "widths": mlp(5, (8, 6, 7), 2, activations=[TANH], extras=Extras(residual=True)),
    "residual": Sequential((Dense(5, 6), Residual(Sequential((Dense(6, 6), Activate(TANH)))))),
    "nested": Residual(Sequential((Dense(5, 5), ReZero(Dense(5, 5), Dense(5, 5))))),
    "members": Sequential((MemberDense(3, 5, 4), Activate(TANH), MemberDense(3, 4, 2))),
} | {
    f"{name}, {depth} deep, start {init}": mlp(
        5,
        (64,) * depth,
        1,
        activations=[ACTIVATIONS[name]],
        initialization=Initialization(INITIALIZERS[init]),
    )
    for name in ("tanh", "relu", "mish")
    for depth, init in ((50, "he_normal"), (50, "orthogonal"), (3, "lecun_uniform"))
}
EACH = pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS.keys())


@EACH
@pytest.mark.parametrize("bias", ["he5", None])
def test_every_pre_activation_has_variance_one(layer, bias):
    network = started(layer, table(), bias=bias)
    for product, _ in products(network, table()):
        assert product.std(axis=-2) == pytest.approx(1, abs=1e-5)


@EACH
def test_every_neuron_changes_its_sign_among_the_rows(layer):
    for product, b in products(started(layer, table()), table()):
        if b.any():
            assert (-b <= product.max(axis=-2)).all()
            assert (-b >= product.min(axis=-2)).all()
            assert len(np.unique(b)) == b.size  # each has its own rows and shares


def test_biases_are_mixtures_of_five_rows(rng):
    product = rng.normal(size=(40, 3))
    mixed = DataInit(np.random.default_rng(3), "he5", None).mixture(product)
    again = np.random.default_rng(3)
    chosen = again.integers(40, size=(N_MIXED, 3))
    share = again.dirichlet(np.ones(N_MIXED), size=3)
    by_hand = [sum(share[j, m] * product[chosen[m, j], j] for m in range(5)) for j in range(3)]
    np.testing.assert_allclose(mixed, by_hand, rtol=1e-12)


def test_the_kink_of_a_neuron_lies_inside_the_data():
    """It passes through a point of the convex hull of the rows: a linear program finds it."""
    x = table(30, 2)
    network = started(Dense(2, 8), x)
    p = network.p
    for j in range(8):
        equations = np.vstack([x @ p.W[:, j], np.ones(30)])
        found = linprog(np.zeros(30), A_eq=equations, b_eq=[-p.b[j], 1.0], bounds=(0, None))
        assert found.success


def test_a_mixture_is_spread_as_the_law_says(rng):
    """``Var(Σ λ p) = Var(p) Σ E λ² = 1/3`` for five λ of a flat Dirichlet distribution."""
    mixed = DataInit(np.random.default_rng(0), "he5", None).mixture(rng.normal(size=(2000, 20_000)))
    assert mixed.std() == pytest.approx((1 / 3) ** 0.5, rel=0.03)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("given", [np.float32, np.float64])
def test_dtype_is_kept(dtype, given):
    network = started(LAYERS["one hidden layer"], table().astype(given), dtype)
    assert network.theta.dtype == network.p.dense_0.W.dtype == dtype
    assert network.p.dense_0.W.base is not None
    assert np.shares_memory(network.p.dense_0.W, network.theta)


def test_single_precision_has_variance_one_too():
    network = started(LAYERS["relu, 50 deep, start he_normal"], table(), np.float32)
    for product, _ in products(network, table()):
        assert product.std(axis=0) == pytest.approx(1, abs=1e-3)


def test_members_are_scaled_each_on_its_own(rng):
    x = rng.normal(size=(3, N, 5)) * np.array([1.0, 10.0, 1000.0])[:, None, None]
    network = started(LAYERS["members"], x)
    for product, b in products(network, x):
        assert product.shape[0] == 3
        assert product.std(axis=-2) == pytest.approx(1, abs=1e-5)
        assert (-b <= product.max(axis=-2)).all()
        assert (-b >= product.min(axis=-2)).all()
    alone = Network(Dense(5, 4))
    alone.initialize(np.random.RandomState(0))
    alone.p.W[...] = network.p.memberdense_0.W[1] * 7
    data_dependent_init(alone, x[1], np.random.default_rng(0))
    np.testing.assert_allclose(alone.p.W, network.p.memberdense_0.W[1], rtol=1e-12)


def test_a_matrix_that_members_share_is_scaled_over_all_their_rows(rng):
    x = rng.normal(size=(3, N, 5)) + np.arange(3)[:, None, None]
    network = started(Dense(5, 2), x)
    assert (x @ network.p.W).std(axis=(0, 1)) == pytest.approx(1, abs=1e-5)
    assert network.p.b.shape == (2,)


def test_sparse_rows_are_the_same_rows():
    x = table() * (table(seed=1) > 1)
    dense, sparse = (started(LAYERS["one hidden layer"], a) for a in (x, csr_array(x)))
    np.testing.assert_allclose(sparse.theta, dense.theta, rtol=1e-9)


def test_the_result_does_not_depend_on_the_scale_of_the_weights():
    given = started(Dense(5, 4, init=INITIALIZERS["glorot_normal"]), table())
    scaled = started(Dense(5, 4, init=INITIALIZERS["he_normal"]), table())
    np.testing.assert_allclose(given.theta, scaled.theta, rtol=1e-12)


def test_biases_without_a_rule_are_not_changed():
    network = started(Dense(5, 4, bias_init=Constant(0.25)), table(), bias=None)
    assert network.p.b.tolist() == [0.25] * 4


@pytest.mark.parametrize("name", ["one hidden layer", "activated output", "widths", "nested"])
def test_the_output_layer_can_be_left_alone(name):
    layer = LAYERS[name]
    untouched = Network(layer)
    untouched.initialize(np.random.RandomState(0))
    network = started(layer, table(), scale_output=False)
    last, before = (last_dense(layer, of.p) for of in (network, untouched))
    np.testing.assert_array_equal(last.W, before.W)
    unequal = [
        (network.theta[where] != untouched.theta[where]).any()
        for path, where, _ in network.layout.names()
        if path.endswith("W")
    ]
    assert unequal.count(False) == 1


def test_a_network_without_dense_layers_stays_as_it_is():
    network = started(Activate(TANH), table(), scale_output=False)
    assert network.theta.size == 0


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "x",
    [np.zeros((50, 5)), np.ones((50, 5)), np.full((7, 5), 1e5 / 3), np.arange(5.0)[None]],
    ids=["zeros", "ones", "equal rows", "one row"],
)
@pytest.mark.parametrize("name", ["one hidden layer", "layer norm", "members"])
def test_constant_rows_do_not_change_the_weights(x, dtype, name):
    before = Network(LAYERS[name], dtype)
    before.initialize(np.random.RandomState(0))
    network = started(LAYERS[name], x, dtype)
    assert np.isfinite(network.theta).all()
    np.testing.assert_array_equal(network.weights, before.weights)


def test_a_constant_column_is_harmless(rng):
    x = np.column_stack([np.full(N, 3.0), rng.normal(size=(N, 4)), np.zeros(N)])
    network = started(mlp(6, (8,), 2, activations=[TANH]), x)
    for product, _ in products(network, x):
        assert product.std(axis=0) == pytest.approx(1, abs=1e-5)


def test_large_tables_are_sampled():
    x = table(MAX_ROWS + 500)
    network = started(LAYERS["one hidden layer"], x)
    stds = [product.std(axis=0) for product, _ in products(network, x)]
    assert all(std == pytest.approx(1, abs=0.1) for std in stds)
    assert any(std != pytest.approx(1, abs=1e-5) for std in stds)
    members = started(LAYERS["members"], np.stack([x] * 3))
    assert np.isfinite(members.theta).all()


def test_one_seed_is_one_initialization():
    first, second, other = (started(LAYERS["widths"], table(3000), seed=s) for s in (0, 0, 1))
    np.testing.assert_array_equal(first.theta, second.theta)
    assert not np.array_equal(first.theta, other.theta)


def test_threads():
    def start(seed):
        return started(LAYERS["widths"], table(), seed=seed).theta

    with ThreadPoolExecutor(8) as threads:
        for seed, theta in enumerate(threads.map(start, range(8))):
            np.testing.assert_array_equal(theta, start(seed))


def test_rows_and_fixed_arrays_are_only_read():
    x = table()
    x.setflags(write=False)
    network = Network(LAYERS["batch norm"])
    network.initialize(np.random.RandomState(0))
    fixed = network.fixed.copy()
    data_dependent_init(network, x, np.random.default_rng(0))
    np.testing.assert_array_equal(network.fixed, fixed)


def gradients(network, x):
    """Length of the gradient of each weight matrix."""
    bound = network.bind(x.shape, train=True)
    target = np.random.default_rng(1).normal(size=(len(x), 1))
    loss = LOSSES["squared_error"]
    loss.value_and_delta(target, bound.forward(x), 1 / len(x), bound.delta)
    bound.backward(bound.delta)
    lengths = {
        path: float(np.linalg.norm(network.grad[where]))
        for path, where, _ in network.layout.names()
    }
    return np.array([v for path, v in lengths.items() if path.endswith(".W")])


@pytest.mark.parametrize("name", ["tanh", "relu", "mish"])
@pytest.mark.parametrize("bias", ["he5", None])
def test_gradients_of_deep_residual_networks_are_of_one_size(name, bias):
    network = started(residual(ACTIVATIONS[name]), table(), bias=bias)
    for path, where, _ in network.layout.names():
        if path.endswith("residual_weight"):  # at 0, no gradient passes
            network.theta[where] = 1 / 50
    blocks = gradients(network, table())[1:-1]
    assert len(blocks) == 49
    assert 0.1 < blocks[0] / blocks[-1] < 10
    assert blocks.max() / blocks.min() < 30


def test_gradients_of_deep_plain_networks_do_not_vanish():
    """With scikit-learn's initialization the gradient vanishes in 50 logistic layers."""
    layer = mlp(5, (64,) * 50, 1, activations=[ACTIVATIONS["logistic"]])
    untouched = Network(layer)
    untouched.initialize(np.random.RandomState(0))
    before, after = gradients(untouched, table()), gradients(started(layer, table()), table())
    assert before[0] / before[-2] < 1e-6
    assert 1e-2 < after[0] / after[-2] < 1e4


def test_errors_say_what_to_do():
    network = Network(Dense(5, 3))
    with pytest.raises(ValueError, match=r"bias must be 'he5' or None, got 'he'"):
        data_dependent_init(network, table(), np.random.default_rng(0), bias="he")
    with pytest.raises(ValueError, match=r"at least one row, got x of shape \(0, 5\)"):
        data_dependent_init(network, np.zeros((0, 5)), np.random.default_rng(0))
