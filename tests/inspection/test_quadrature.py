"""Integrals along paths of functions whose integrals are known."""

from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from skbackprop.inspection import quadrature
from skbackprop.inspection.quadrature import NODES, Path
from skbackprop.nn.layers import Dense, MemberDense, Sequential
from skbackprop.nn.network import Network

ONE = np.ones(1)


class Scores:
    """A function of rows and its derivative, in the place of the upper layers of a network."""

    def __init__(self, f, slope, rows_at_once=1000):
        self.f, self.slope, self.rows_at_once = f, slope, rows_at_once

    def __call__(self, z):
        """A column of outputs: the sum of f over the columns of z, with another f for each."""
        return sum(f(z[..., j]) for j, f in enumerate(self.f))[..., None]

    def bind(self, shape):
        def gradient(z, direction):
            return direction[0] * np.stack(
                [g(z[..., j]) for j, g in enumerate(self.slope)], axis=-1
            )

        return gradient

    def chunk(self, shape):
        return self.rows_at_once


def paths(scores, start, stop, W=None, dtype=np.float64):
    """Paths of embedded rows that a linear map, the identity by default, comes before."""
    start, stop = np.atleast_2d(start).astype(dtype), np.atleast_2d(stop).astype(dtype)
    W = np.eye(start.shape[-1]) if W is None else W
    dense = Dense(*W.shape) if start.ndim == 2 else MemberDense(len(start), *W.shape)
    affine = Network(Sequential((dense,)), dtype)
    (p,) = (getattr(affine.p, name) for name, _ in affine.layer.named)
    p.W[...], p.b[...] = W, 0
    return Path(SimpleNamespace(affine=affine, scores=scores), start, stop)


def test_the_nodes_are_exact_for_polynomials():
    nodes, weights = NODES
    for power in range(16):
        assert_allclose(weights @ nodes**power, 1 / (power + 1), rtol=1e-12)


def test_a_sum_is_divided_into_its_terms():
    scores = Scores([np.exp, np.sin, np.square], [np.exp, np.cos, lambda x: 2 * x])
    start, stop = np.array([0.5, -1.0, 2.0]), np.array([[1.0, 2.0, -1.0], [0.0, -1.0, 5.0]])
    found, error = paths(scores, start, stop).attributions(ONE)
    expected = [f(stop[:, j]) - f(start[j]) for j, f in enumerate(scores.f)]
    assert_allclose(found, np.stack(expected, axis=1), atol=1e-8)
    assert (error <= 1e-8).all()


def test_the_linear_map_below_is_passed_once():
    rng = np.random.default_rng(0)
    W, start, stop = rng.normal(size=(2, 3)), rng.normal(size=2), rng.normal(size=(4, 2))
    scores = Scores([np.square] * 3, [lambda x: 2 * x] * 3)
    found, _ = paths(scores, start, stop, W).attributions(2 * ONE)
    # Of the square, the mean gradient along the path is that in the middle.
    middle = (start + stop) / 2
    assert_allclose(found, 4 * (middle @ W) @ W.T * (stop - start), rtol=1e-9)


@pytest.mark.parametrize("frequency", [3.0, 10.0, 14.0, 20.0, 30.0, 45.0, 80.0])
def test_smooth_functions_are_known_to_the_tolerance(frequency):
    f, slope = lambda x: np.sin(frequency * x), lambda x: frequency * np.cos(frequency * x)
    scores = Scores([f, f], [slope, slope])
    for end in (0.9, 1.7):
        found, error = paths(scores, [0.0, 0.0], [1.0, end]).attributions(ONE)
        exact, size = np.array([f(1.0), f(end)]), np.abs([f(1.0), f(end)]).sum()
        assert np.abs(found[0] - exact).max() <= 2e-6 * size
        assert error[0] <= 1e-5


def test_attributions_are_complete_to_rounding():
    f, slope = lambda x: np.sin(9 * x), lambda x: 9 * np.cos(9 * x)
    scores = Scores([f, np.abs], [slope, np.sign])
    stop = np.random.default_rng(0).normal(size=(20, 2))
    start = np.array([-0.3, -0.2])
    found, _ = paths(scores, start, stop).attributions(ONE)
    expected = (scores(stop) - scores(start[None]))[:, 0]
    assert_allclose(found.sum(axis=1), expected, atol=1e-13)


@pytest.mark.parametrize("kink", [0.3, 0.501, 0.77])
def test_a_step_of_the_gradient_is_found_by_halving(kink):
    f, slope = lambda x: np.maximum(x - kink, 0), lambda x: (x > kink) * 1.0
    scores = Scores([f, np.asarray], [slope, np.ones_like])
    found, error = paths(scores, [0.0, 0.0], [1.0, 1.0]).attributions(ONE)
    assert_allclose(found[0], [1 - kink, 1], atol=3e-4)
    assert 0 < error[0] <= 1e-4


def two_kinks(x):
    return np.maximum(x - 0.2, 0) + np.maximum(x - 0.9, 0)


def test_errors_of_pieces_add_up(monkeypatch):
    """Two pieces, with an error each, that are not halved again."""
    monkeypatch.setattr(quadrature, "SHORTEST", 1)
    slope = lambda x: (x > 0.2) * 1.0 + (x > 0.9)  # noqa: E731
    found, error = paths(Scores([two_kinks], [slope]), [0.0], [1.0]).attributions(ONE)
    nodes, weights = np.polynomial.legendre.leggauss(8)
    gaps = []
    for left in (0.0, 0.5):
        integral = weights @ slope(left + 0.25 * (nodes + 1)) / 4
        gaps.append(abs(two_kinks(left + 0.5) - two_kinks(left) - integral))
    assert min(gaps) > 1e-3
    assert_allclose(error, sum(gaps) / 0.9, rtol=1e-12)
    assert_allclose(found, [[0.9]], rtol=1e-12)


def test_a_jump_that_no_node_sees_is_reported():
    f = lambda x: (x > 0.5) * 1.0  # noqa: E731
    found, error = paths(Scores([f], [np.zeros_like]), [0.0], [1.0]).attributions(ONE)
    assert found[0, 0] == 0
    assert_allclose(error, 1)


def test_a_path_of_no_length_has_no_error():
    found, error = paths(Scores([np.exp], [np.exp]), [2.0], [2.0]).attributions(ONE)
    assert found[0, 0] == error[0] == 0


@pytest.mark.parametrize("rows_at_once", [1, 3, 1000])
def test_the_baselines_of_the_first_row_come_first(rows_at_once):
    rng = np.random.default_rng(0)
    start, stop = rng.normal(size=(3, 2)), rng.normal(size=(4, 2))
    f, slope = lambda x: np.sin(12 * x), lambda x: 12 * np.cos(12 * x)
    scores = Scores([f, f], [slope, slope], rows_at_once)
    found, error = paths(scores, start, stop).attributions(ONE)
    assert_allclose(found, (f(stop)[:, None] - f(start)).reshape(12, 2), atol=1e-5)
    assert error.shape == (12,)


class Members(Scores):
    """The scores of members are added up."""

    def __call__(self, z):
        return super().__call__(z).sum(axis=0)


def test_the_parts_of_members_are_added_up():
    rng = np.random.default_rng(0)
    start, stop = rng.normal(size=(2, 3, 2)), rng.normal(size=(2, 4, 2))
    f, slope = lambda x: np.sin(12 * x), lambda x: 12 * np.cos(12 * x)
    found, _ = paths(Members([f, f], [slope, slope]), start, stop).attributions(ONE)
    each = f(stop)[:, :, None] - f(start)[:, None]
    assert_allclose(found, each.sum(axis=0).reshape(12, 2), atol=1e-5)


def test_single_precision_has_its_own_tolerance():
    f, slope = lambda x: np.sin(7 * x), lambda x: 7 * np.cos(7 * x)
    scores = Scores([f, f], [slope, slope])
    found, error = paths(scores, [0.0, 0.0], [1.0, 0.4], dtype=np.float32).attributions(ONE)
    assert_allclose(found[0], [f(1.0), f(0.4)], atol=1e-4)
    assert error[0] <= 1e-4
