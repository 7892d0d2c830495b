"""Categories: rows of tables by hand; and branches, which lead columns to layers."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skbackprop.nn import linalg
from skbackprop.nn.gradcheck import check_layer
from skbackprop.nn.initializers import Constant
from skbackprop.nn.layers import (
    Activate,
    Branches,
    CategoricalEmbedding,
    Dense,
    Dropout,
    Layer,
    PeriodicEmbedding,
    Scale,
    Sequential,
)
from skbackprop.nn.linalg import scatter_adder
from skbackprop.nn.network import Network

from .cases import TABLE
from .test_layers import Loud, draw, make, run

CARDINALITIES = (2, 5, 3)


def draw_codes(shape, dtype=np.float64, seed=4):
    rng = np.random.default_rng(seed)
    return rng.integers(0, CARDINALITIES, (*shape, len(CARDINALITIES))).astype(dtype)


def one_hot(x):
    """The encoding nobody makes, all columns side by side."""
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


def test_categories_that_are_not_met_learn_nothing():
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
def test_start_of_tables(members):
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


# Branches.


def test_branches_are_their_layers_side_by_side():
    parts = Dense(2, 4), Layer(), Activate(Loud([])), Scale((2,))
    network = make(Branches(tuple(zip((2, 1, 3, 2), parts, strict=True))))
    x = draw((9, 8))
    columns, outputs = np.split(x, [2, 3, 6], axis=1), [4, 1, 3, 2]
    y, dx, _ = run(network, x)
    d = np.split(draw(y.shape, seed=2), np.cumsum(outputs)[:-1], axis=1)
    names = ["dense_0", "layer_1", "activate_2", "scale_3"]
    assert list(vars(network.p)) == names
    alone = []
    for name, layer, part, delta in zip(names, parts, columns, d, strict=True):
        one = Network(layer)
        for array, value in vars(getattr(network.p, name)).items():
            getattr(one.p, array)[...] = value
        bound = one.bind(part.shape, needs_dx=True)
        alone.append((bound.forward(part), bound.backward(delta.copy())))
        for array, value in vars(one.g).items():
            assert_allclose(getattr(getattr(network.g, name), array), value, rtol=1e-12)
    assert_allclose(y, np.hstack([a for a, _ in alone]), rtol=1e-12)
    assert_allclose(dx, np.hstack([b for _, b in alone]), rtol=1e-12)


def test_outputs_without_members_are_those_of_every_member():
    network, x = make(TABLE), draw((9, 5))
    y = network.scores(x)
    assert y.shape == TABLE.output_shape(x.shape) == (3, 9, 26)
    scaled = slice(15, 16)  # after two features with four waves each, and a table
    for k in range(3):
        assert_array_equal(y[k, :, scaled], x[:, 3:4] * network.p.scale_2.scale)
    several = run(network, np.stack([x] * 3))
    single = run(network, x)
    assert_allclose(single[0], several[0], rtol=1e-13)
    assert_allclose(single[1], several[1].sum(axis=0), rtol=1e-12, atol=1e-13)
    assert_allclose(single[2], several[2], rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("needs_dx", [False, True])
def test_a_branch_that_does_not_learn_is_not_asked(needs_dx):
    still, moving = Loud([]), Loud([])
    learns = Sequential((Dense(3, 3), Activate(moving)))
    layer = Branches(((2, Activate(still)), (3, learns)))
    bound = make(layer).bind((9, 5), needs_dx=needs_dx)
    bound.forward(draw((9, 5)))
    dx = bound.backward(np.ones((9, 5)))
    assert len(moving.asked) == 1
    assert len(still.asked) == needs_dx
    assert (dx is not None) == needs_dx
    assert ("dx" in bound.ws.arrays) == needs_dx


def test_branches_know_whether_they_train():
    layer = Branches(((2, Dropout(0.5)), (2, Layer())))
    x = np.ones((500, 4))
    y = make(layer).bind(x.shape, train=True, rng=np.random.default_rng(0)).forward(x)
    assert set(np.unique(y[:, :2])) == {0, 2}
    assert_array_equal(y[:, 2:], 1)


def test_branches_need_all_columns():
    layer = Branches(((2, Layer()), (3, Layer())))
    for method in (layer.output_shape, Network(layer).bind):
        with pytest.raises(ValueError, match=r"2 \+ 3, got an input of shape \(9, 6\)"):
            method((9, 6))


def test_branches_need_one_number_of_members():
    layer = Branches(tuple((1, PeriodicEmbedding(1, members=k)) for k in (2, 3)))
    with pytest.raises(ValueError, match=r"\(2, 9, 9\), \(3, 9, 9\).*the same number"):
        layer.output_shape((9, 2))
