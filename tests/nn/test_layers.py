"""The rules of `skbackprop.nn.layers.base`, for every layer of `CASES`."""

import copy
import pickle
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from dataclasses import FrozenInstanceError, dataclass, fields

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

from skbackprop.nn.activations import ACTIVATIONS, Activation
from skbackprop.nn.gradcheck import check_layer
from skbackprop.nn.layers import (
    Activate,
    Dense,
    Identity,
    Layer,
    Residual,
    Sequential,
    is_trained,
)
from skbackprop.nn.network import Network

from .cases import CASES, Standardize

each_case = pytest.mark.parametrize(("name", "layer", "shape"), CASES, ids=[c[0] for c in CASES])
each_dtype = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def make(layer, dtype=np.float64):
    """A network none of whose numbers is 0 or 1, which would hide what they multiply."""
    rng = np.random.default_rng(0)
    network = Network(layer, dtype)
    network.initialize(rng)
    network.theta += 0.1 * rng.normal(size=network.theta.shape)
    network.fixed += rng.uniform(0.1, 0.5, network.fixed.shape)
    return network


def draw(shape, dtype=np.float64, seed=1):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def run(network, x, bound=None):
    """Copies of ``y``, ``dx`` and the gradient, of the loss ``Σ c y``."""
    bound = bound or network.bind(x.shape, needs_dx=True)
    y = bound.forward(x).copy()
    dx = bound.backward(draw(y.shape, network.dtype, seed=2)).copy()
    return y, dx, network.grad.copy()


def assert_same(results, expected, rtol=1e-12, atol=1e-13):
    for result, other in zip(results, expected, strict=True):
        assert_allclose(result, other, rtol=rtol, atol=atol)


def all_arrays(ws):
    yield from ws.arrays.values()
    for child in ws.children.values():
        yield from all_arrays(child)


def subclasses(base):
    for c in base.__subclasses__():
        yield c
        yield from subclasses(c)


def inner_layers(layer):
    """The layer and the layers inside it."""
    yield layer
    for field in fields(layer):
        value = getattr(layer, field.name)
        for inner in value if isinstance(value, tuple) else (value,):
            if isinstance(inner, Layer):
                yield from inner_layers(inner)


def test_every_layer_and_activation_has_a_case():
    tried = [inner for _, layer, _ in CASES for inner in inner_layers(layer)]
    package = {c for c in subclasses(Layer) if c.__module__.startswith("skbackprop.nn.")}
    assert package <= {type(layer) for layer in tried}
    assert Dense in package
    assert set(ACTIVATIONS.values()) <= {
        layer.activation for layer in tried if isinstance(layer, Activate)
    }


@each_case
@pytest.mark.parametrize("train", [False, True])
def test_gradient(name, layer, shape, train):
    assert check_layer(layer, draw(shape), train=train) < 1e-8


@each_case
def test_gradient_in_single_precision(name, layer, shape):
    assert check_layer(layer, draw(shape), dtype=np.float32) < 1e-5


@each_case
def test_output_shape(name, layer, shape):
    network = make(layer)
    assert network.bind(shape).forward(draw(shape)).shape == layer.output_shape(shape)


@each_case
def test_every_entry_of_the_gradient_is_written(name, layer, shape):
    network, x = make(layer), draw(shape)
    expected = run(network, x)
    network.grad.fill(np.nan)
    assert_same(run(network, x), expected, rtol=0, atol=0)


@each_case
def test_x_is_unchanged(name, layer, shape):
    network, x = make(layer), draw(shape)
    before = x.copy()
    bound = network.bind(shape, train=True, rng=np.random.default_rng(0), needs_dx=True)
    d = np.ones_like(bound.forward(x))
    assert_array_equal(x, before)
    bound.backward(d)
    assert_array_equal(x, before)


@each_case
def test_dx_belongs_to_the_caller(name, layer, shape):
    """Overwriting ``dx`` harms neither the gradient nor the next pass."""
    network, x = make(layer), draw(shape)
    expected = run(network, x)
    bound = network.bind(shape, needs_dx=True)
    bound.forward(x)
    dx = bound.backward(draw(layer.output_shape(shape), seed=2))
    dx.fill(np.nan)
    assert_array_equal(network.grad, expected[2])
    assert_same(run(network, x, bound), expected, rtol=0, atol=0)


@each_case
def test_the_gradient_does_not_depend_on_needs_dx(name, layer, shape):
    network, x = make(layer), draw(shape)
    expected = run(network, x)[2]
    network.grad.fill(np.nan)
    bound = network.bind(shape)
    bound.forward(x)
    bound.backward(draw(layer.output_shape(shape), seed=2))
    assert_allclose(network.grad, expected, rtol=1e-12, atol=1e-13)


@each_case
def test_inference_changes_nothing(name, layer, shape):
    network, x = make(layer), draw(shape)
    theta, fixed = network.theta.copy(), network.fixed.copy()
    run(network, x)
    assert_array_equal(network.fixed, fixed)
    assert_array_equal(network.theta, theta)


@each_case
@each_dtype
def test_dtype(name, layer, shape, dtype):
    network = make(layer, dtype)
    bound = network.bind(shape, needs_dx=True)
    results = run(network, draw(shape, dtype), bound)
    buffers = [a for a in all_arrays(bound.ws) if np.issubdtype(a.dtype, np.floating)]
    assert {a.dtype for a in (*results, *buffers)} == {np.dtype(dtype)}


@each_case
def test_rows_are_independent(name, layer, shape):
    """The output for a row does not depend on the other rows."""
    network, x = make(layer), draw(shape)
    y = network.bind(shape).forward(x)
    for rows in ([0], [4, 2], [8, 7, 6, 5, 4, 3, 2, 1]):
        part = x[..., rows, :]
        assert_allclose(
            network.bind(part.shape).forward(part), y[..., rows, :], rtol=1e-12, atol=1e-14
        )


@each_case
def test_gradient_is_the_sum_over_the_rows(name, layer, shape):
    """And a batch of one row is a batch."""
    network, x = make(layer), draw(shape)
    y, dx, grad = run(network, x)
    d, total = draw(y.shape, seed=2), np.zeros_like(grad)
    for i in range(shape[-2]):
        row = x[..., i : i + 1, :]
        bound = network.bind(row.shape, needs_dx=True)
        bound.forward(row)
        part = bound.backward(d[..., i : i + 1, :].copy())
        assert_allclose(part, dx[..., i : i + 1, :], rtol=1e-11, atol=1e-13)
        total += network.grad
    assert_allclose(total, grad, rtol=1e-11, atol=1e-12)


@each_case
def test_any_memory_layout(name, layer, shape):
    network, x = make(layer), draw(shape)
    expected = run(network, x)
    wide = draw((*shape[:-1], 2 * shape[-1]))
    wide[..., ::2] = x
    for other in (np.asfortranarray(x), wide[..., ::2], x[..., ::-1, :][..., ::-1, :]):
        other.setflags(write=False)
        assert_same(run(network, other), expected)


@each_case
def test_passes_do_not_mix(name, layer, shape):
    """A short last batch between the forward and the backward of another."""
    network, x = make(layer), draw(shape)
    short = draw((*shape[:-2], 2, shape[-1]), seed=3)
    expected, expected_short = run(network, x), run(network, short)
    bound, bound_short = (network.bind(a.shape, needs_dx=True) for a in (x, short))
    y = bound.forward(x)
    result_short = run(network, short, bound_short)
    dx = bound.backward(draw(y.shape, seed=2))
    assert_same((y, dx, network.grad), expected, rtol=0, atol=0)
    assert_same(result_short, expected_short, rtol=0, atol=0)


@each_case
def test_results_do_not_depend_on_earlier_batches(name, layer, shape):
    network, x = make(layer), draw(shape)
    bound = network.bind(shape, needs_dx=True)
    run(network, draw(shape, seed=3), bound)
    assert_same(run(network, x, bound), run(network, x), rtol=0, atol=0)


@each_case
def test_a_pass_within_a_larger_one(name, layer, shape):
    """The two passes alternate, and share arrays."""
    network, x = make(layer), draw(shape)
    short = draw((*shape[:-2], 2, shape[-1]), seed=3)
    bound = network.bind(shape, needs_dx=True)
    within = network.bind_within(bound, short.shape)
    large, small = list(all_arrays(bound.ws)), list(all_arrays(within.ws))
    assert all(any(np.shares_memory(a, b) for b in large) for a in small if a.size)
    for rows, own in ((x, bound), (short, within)) * 2:
        assert_same(run(network, rows, own), run(network, rows), rtol=0, atol=0)


@each_case
def test_eight_threads_agree(name, layer, shape):
    network = make(layer)
    x = draw((*shape[:-2], 50, shape[-1]))

    def predict(_):
        if x.ndim == 2:
            return network.scores(x, chunk=20)
        return network.bind(x.shape).forward(x)  # scores takes rows without an axis of members

    expected = predict(0)
    with ThreadPoolExecutor(8) as pool:
        for scores in pool.map(predict, range(32)):
            assert_array_equal(scores, expected)


@each_case
@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda a: pickle.loads(pickle.dumps(a))])
def test_copies(name, layer, shape, duplicate):
    network, x = make(layer), draw(shape)
    twin = duplicate(network)
    assert_same(run(twin, x), run(network, x), rtol=0, atol=0)
    views = [(twin.p, [twin.theta, twin.fixed]), (twin.g, [twin.grad])]
    for tree, vectors in views:
        for view in leaves(tree):
            assert any(np.shares_memory(view, vector) for vector in vectors)


def leaves(views):
    for value in vars(views).values():
        if isinstance(value, np.ndarray):
            yield value
        else:
            yield from leaves(value)


@each_case
def test_is_a_value(name, layer, shape):
    assert layer == copy.deepcopy(layer) == pickle.loads(pickle.dumps(layer))
    assert hash(layer) == hash(copy.deepcopy(layer))
    with pytest.raises(FrozenInstanceError):
        layer.n_in = 3


@each_case
def test_a_warm_pass_allocates_no_activation(name, layer, shape):
    """Less than the smallest activation of this batch, 65,536 numbers in every column."""
    shape = (*shape[:-2], 2**16, shape[-1])
    network, x = make(layer), draw(shape)
    bound = network.bind(shape, train=True, rng=np.random.default_rng(0), needs_dx=True)
    smallest = min([x.nbytes, *(a.nbytes for a in all_arrays(bound.ws) if a.ndim > 1)])
    network.grad.fill(0)
    d = [np.ones_like(bound.forward(x)) for _ in range(2)]
    bound.backward(d[0])
    tracemalloc.start()
    try:
        bound.forward(x)
        bound.backward(d[1])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < smallest


FORMATS = [sparse.csr_array, sparse.csc_array, sparse.coo_array, sparse.csr_matrix]


@pytest.mark.parametrize("make_sparse", FORMATS)
@pytest.mark.parametrize("bias", [False, True])
@each_dtype
def test_sparse_input(make_sparse, bias, dtype):
    layer = Sequential((Dense(5, 8, bias=bias), Activate(ACTIVATIONS["tanh"]), Dense(8, 2)))
    network = make(layer, dtype)
    x = draw((9, 5), dtype) * np.random.RandomState(0).randint(0, 2, (9, 5)).astype(dtype)
    results = []
    for batch in (x, make_sparse(x)):
        bound = network.bind(x.shape, train=True)
        y = bound.forward(batch).copy()
        assert bound.backward(np.ones_like(y)) is None  # a dense dx was never made
        assert set(bound.ws.children["dense_0"].arrays) == {"y"}
        results.append((y, network.grad.copy(), network.scores(batch)))
    eps = np.finfo(dtype).eps
    assert_same(results[1], results[0], rtol=20 * eps, atol=20 * eps)
    assert {a.dtype for a in results[1]} == {np.dtype(dtype)}


@dataclass(frozen=True)
class Counted(Activation):
    """The identity, which counts the calls of its backward."""

    calls: list

    def forward(self, z, out):
        np.copyto(out, z)

    def backward(self, z, y, d):
        self.calls.append(d)


@pytest.mark.parametrize("needs_dx", [False, True])
def test_backward_ends_at_the_lowest_trained_layer(needs_dx):
    below, above = Counted([]), Counted([])
    low = Sequential((Standardize(5), Activate(below)))
    layer = Sequential((low, Residual(Activate(below)), Dense(5, 5), Activate(above)))
    bound = make(layer).bind((9, 5), needs_dx=needs_dx)
    bound.forward(draw((9, 5)))
    dx = bound.backward(np.ones((9, 5)))
    assert len(above.calls) == 1
    assert len(below.calls) == (2 if needs_dx else 0)
    assert (dx is not None) == needs_dx


def test_is_trained_depends_on_roles():
    assert is_trained(Dense(5, 8))
    assert is_trained(Residual(Sequential((Standardize(5), Dense(5, 5)))))
    assert not is_trained(Sequential((Standardize(5), Identity())))


def test_dense_by_hand():
    network, x = make(Dense(5, 8)), draw((9, 5))
    W, b = network.p.W.copy(), network.p.b.copy()
    y, dx, _ = run(network, x)
    d = draw((9, 8), seed=2)
    assert_allclose(y, x @ W + b, rtol=1e-13)
    assert_allclose(dx, d @ W.T, rtol=1e-12, atol=1e-14)
    assert_allclose(network.g.W, x.T @ d, rtol=1e-12, atol=1e-14)
    assert_allclose(network.g.b, d.sum(axis=0), rtol=1e-12, atol=1e-14)


def test_standardize_by_hand():
    network, x = make(Standardize(5)), draw((9, 5))
    center, scale = network.p.center.copy(), network.p.scale.copy()
    y, dx, grad = run(network, x)
    assert_allclose(y, (x - center) * scale, rtol=1e-14)
    assert_allclose(dx, draw((9, 5), seed=2) * scale, rtol=1e-14)
    assert grad.size == 0


def test_residual_by_hand():
    network, x = make(Residual(Dense(5, 5))), draw((9, 5))
    W, b = network.p.inner.W.copy(), network.p.inner.b.copy()
    y, dx, _ = run(network, x)
    d = draw((9, 5), seed=2)
    assert_allclose(y, x + x @ W + b, rtol=1e-12, atol=1e-14)
    assert_allclose(dx, d + d @ W.T, rtol=1e-12, atol=1e-14)
