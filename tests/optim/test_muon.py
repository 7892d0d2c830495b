"""Muon: singular values near 1, matrices apart from the rest, transposition and scale."""

import tracemalloc

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skbackprop.optim import Adam, Muon, muon
from skbackprop.optim.muon import orthogonalize

SIZES = [(1, 4, 4), (1, 3, 8), (1, 8, 3), (5, 4, 6), (5, 6, 4), (1, 1, 7), (1, 7, 1)]


def stack_of(k, rows, cols, dtype=np.float64, seed=0):
    return np.random.default_rng(seed).standard_normal((k, rows, cols)).astype(dtype)


def polynomial(s):
    for _ in range(5):
        s = 3.4445 * s - 4.7750 * s**3 + 2.0315 * s**5
    return s


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_the_polynomial_acts_on_the_singular_values(size, scale):
    found = scale * stack_of(*size)
    U, s, Vt = np.linalg.svd(found, full_matrices=False)
    s /= np.linalg.norm(s, axis=-1, keepdims=True)
    orthogonalize(found)
    assert_allclose(found, (U * polynomial(s)[:, None]) @ Vt, rtol=1e-9, atol=1e-12)


def test_singular_values_from_a_hundredth_come_near_one():
    s = polynomial(np.linspace(0.01, 1, 10_001))
    assert 0.68 < s.min() < s.max() < 1.14


def test_no_direction_comes_of_nothing():
    stack = np.zeros((2, 3, 4))
    stack[1] = 1e-9  # far below SMALLEST
    orthogonalize(stack)
    assert_array_equal(stack[0], 0)
    assert np.linalg.norm(stack[1], 2) < 0.02 * 3.4445**5


@pytest.mark.parametrize("size", SIZES)
def test_matrices_of_a_stack_do_not_meet(size):
    together = stack_of(*size)
    alone = together.copy()
    orthogonalize(together)
    for matrix in alone:
        orthogonalize(matrix[None])
    assert_allclose(together, alone, rtol=1e-12)


@pytest.mark.parametrize(("rows", "cols"), [(4, 4), (3, 8), (8, 3)])
def test_a_step_of_a_matrix(rows, cols):
    rng = np.random.default_rng(0)
    n = rows * cols
    theta, grads = rng.standard_normal(n + 5), rng.standard_normal((4, n + 5))
    optimizer = Muon(shapes=((2, 2 + n, rows, cols),), momentum=0.8)
    expected, M = theta.copy()[2 : 2 + n].reshape(rows, cols), np.zeros((rows, cols))
    state = optimizer.state(theta)
    for grad in grads:
        optimizer.step(theta, grad, 0.1, state)
        G = grad[2 : 2 + n].reshape(rows, cols)
        M = 0.8 * M + 0.2 * G
        step = (0.2 * G + 0.8 * M)[None]
        orthogonalize(step)
        expected = expected - 0.1 * np.sqrt(max(1, cols / rows)) * step[0]
    assert_allclose(theta[2 : 2 + n].reshape(rows, cols), expected, rtol=1e-12)


SHAPES = {
    "none": (),
    "first": ((0, 12, 3, 4),),
    "last": ((28, 40, 4, 3),),
    "neighbors": ((3, 15, 3, 4), (15, 39, 3, 4)),
    "all": ((0, 40, 5, 8),),
}


@pytest.mark.parametrize("shapes", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("block", [4, 1000])
def test_the_rest_follows_adam(shapes, block, monkeypatch):
    monkeypatch.setattr(muon, "BLOCK", block)
    rng = np.random.default_rng(0)
    theta, grads = rng.standard_normal(40), rng.standard_normal((10, 40))
    twin, start = theta.copy(), theta.copy()
    adam, optimizer = (
        Adam(0.8, 0.9, 1e-5),
        Muon(shapes=shapes, beta_1=0.8, beta_2=0.9, epsilon=1e-5),
    )
    state, twin_state = optimizer.state(theta), adam.state(theta)
    for grad in grads:
        optimizer.step(theta, grad, 0.1, state)
        adam.step(twin, grad, 0.1, twin_state)
    is_rest = np.ones(40, bool)
    for begin, end, *_ in shapes:
        is_rest[begin:end] = False
    assert_array_equal(theta[is_rest], twin[is_rest])
    assert not np.any(theta[~is_rest] == start[~is_rest])
    assert not np.any(theta[~is_rest] == twin[~is_rest])


@pytest.mark.parametrize("many", [False, True], ids=["rate", "rates"])
@pytest.mark.parametrize(("rows", "cols"), [(20, 50), (50, 20)])
def test_a_warm_step_allocates_next_to_nothing(rows, cols, many):
    rng = np.random.default_rng(0)
    theta = rng.standard_normal(30_000).astype(np.float32)
    grad = rng.standard_normal(30_000).astype(np.float32)
    optimizer = Muon(shapes=((5000, 25_000, rows, cols),))
    lr = np.full(theta.shape, 0.01, np.float32) if many else 0.01
    state = optimizer.state(theta)
    optimizer.step(theta, grad, lr, state)
    peaks = []
    tracemalloc.start()
    try:
        for _ in range(3):  # other parts of the process allocate at times
            tracemalloc.reset_peak()
            before, _ = tracemalloc.get_traced_memory()
            optimizer.step(theta, grad, lr, state)
            peaks.append(tracemalloc.get_traced_memory()[1] - before)
    finally:
        tracemalloc.stop()
    assert theta.dtype == state.slots.dtype == state.scratch.dtype == np.float32
    assert min(peaks) < 4096  # one vector has 120,000 bytes


def test_shapes_may_come_from_json():
    assert Muon(shapes=[[0, 4, 2, 2]]) == Muon(shapes=((0, 4, 2, 2),))
    assert hash(Muon(shapes=[[0, 4, 2, 2]])) == hash(Muon(shapes=((0, 4, 2, 2),)))


@pytest.mark.parametrize(
    "shapes",
    [
        ((0, 5, 2, 2),),
        ((4, 4, 2, 2),),
        ((4, 0, 2, 2),),
        ((-4, 0, 2, 2),),
        ((0, 4, 2, 2), (2, 6, 2, 2)),
        ((4, 8, 2, 2), (0, 4, 2, 2)),
        ((0, 4, 0, 2),),
    ],
)
def test_shapes_that_do_not_fit_are_refused(shapes):
    with pytest.raises(ValueError, match=r"whole matrices, got \(\(.*Take them from the layout"):
        Muon(shapes=shapes)


def test_shapes_of_another_network_are_refused():
    with pytest.raises(ValueError, match=r"end at 8, but there are only 7 parameters\. Take"):
        Muon(shapes=((0, 8, 2, 4),)).state(np.zeros(7))
