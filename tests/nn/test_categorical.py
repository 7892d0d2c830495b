"""Categorical embeddings: the table by hand, codes outside the table, members."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skbackprop.nn import linalg
from skbackprop.nn.gradcheck import check_layer
from skbackprop.nn.initializers import Constant
from skbackprop.nn.layers import CategoricalEmbedding
from skbackprop.nn.linalg import scatter_adder
from skbackprop.nn.network import Network

from .test_layers import draw, make, run

CARDINALITIES = (2, 5, 3)


def draw_codes(shape, dtype=np.float64, seed=4):
    rng = np.random.default_rng(seed)
    return rng.integers(0, CARDINALITIES, (*shape, len(CARDINALITIES))).astype(dtype)


def one_hot(x):
    """The one-hot encoding of all columns, side by side."""
    return np.concatenate(
        [np.eye(n)[x[..., i].astype(int)] for i, n in enumerate(CARDINALITIES)], -1
    )


def blocks(table):
    """A table of all columns as a block-diagonal matrix."""
    out, start = np.zeros((len(table), 3 * table.shape[1])), 0
    for i, n in enumerate(CARDINALITIES):
        out[start : start + n, i * table.shape[1] :][:, : table.shape[1]] = table[start : start + n]
        start += n
    return out


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_looking_up_is_a_product_with_the_one_hot_encoding(dtype):
    network, x = make(CategoricalEmbedding(CARDINALITIES, 4), dtype), draw_codes((20,), dtype)
    y, dx, _ = run(network, x)
    assert_allclose(y, one_hot(x) @ blocks(network.p.table), rtol=1e-6)
    d, H = draw(y.shape, dtype, seed=2), one_hot(x)
    expected = np.concatenate(
        [
            H[:, a:b].T @ d[:, 4 * i : 4 * i + 4]
            for i, (a, b) in enumerate([(0, 2), (2, 7), (7, 10)])
        ]
    )
    assert_allclose(network.g.table, expected, rtol=1e-5, atol=1e-5)
    assert_array_equal(dx, np.zeros_like(x))


@pytest.mark.parametrize("members", [None, 3])
@pytest.mark.parametrize("shape", [(20,), (3, 20)])
def test_gradient_of_codes(members, shape):
    layer = CategoricalEmbedding(CARDINALITIES, 4, members)
    assert check_layer(layer, draw_codes(shape)) < 1e-8


def test_categories_that_do_not_occur_have_no_gradient():
    network = make(CategoricalEmbedding((3, 2), 2))
    run(network, np.array([[0.0, 1.0], [2.0, 1.0]]))
    assert_array_equal(network.g.table.any(axis=1), [True, False, True, False, True])


def test_no_code_reads_the_table_of_another_column():
    network = make(CategoricalEmbedding(CARDINALITIES, 4, members=2))
    wrong = np.array([[-1.0, -7.0, -1e9], [2.0, 99.0, 1e9], [0.4, 1.6, 1.5]])
    right = np.array([[0.0, 0.0, 0.0], [1.0, 4.0, 2.0], [0.0, 2.0, 2.0]])
    for result, expected in zip(run(network, wrong), run(network, right), strict=True):
        assert_array_equal(result, expected)


@pytest.mark.parametrize("members", [None, 2])
def test_initial_tables(members):
    network = Network(CategoricalEmbedding((500, 300), 10, members))
    network.initialize(np.random.default_rng(0))
    assert network.p.table.std() == pytest.approx(1, rel=0.03)
    assert network.p.table.mean() == pytest.approx(0, abs=0.03)
    other = Network(CategoricalEmbedding((5, 3), 10, members, init=Constant(7.0)))
    other.initialize(None)
    assert (other.theta == 7).all()


@pytest.mark.parametrize("cardinalities", [(), (3, 0), (-1,)])
def test_columns_without_categories(cardinalities):
    with pytest.raises(ValueError, match="one or more categories each.*Leave out columns"):
        CategoricalEmbedding(cardinalities)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kernel", [True, False])
def test_scatter_add(kernel, dtype, monkeypatch):
    if not kernel:
        monkeypatch.setattr(linalg, "_KERNELS", {})
    codes, d = np.random.default_rng(0).integers(0, 6, 40), draw((40, 3), dtype)
    out, expected = np.ones((7, 3), dtype), np.ones((7, 3), dtype)
    np.add.at(expected, codes, d)
    scatter_adder(40, dtype)(codes, d, out)
    assert_allclose(out, expected, rtol=1e-5)
    assert_array_equal(out[6], 1)
