"""From `monotonic_cst` to limits of weights: the signs on the way, and what is refused."""

from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skbackprop.nn.activations import ACTIVATIONS
from skbackprop.nn.architectures import mlp
from skbackprop.nn.losses import LOSSES, Loss, Pinball
from skbackprop.nn.monotone import MonotoneUnits
from skbackprop.nn.network import Network
from skbackprop.recipes import monotone
from skbackprop.tables.encoder import ColumnEncoder
from skbackprop.targets.label_codecs import LabelCodec
from skbackprop.targets.number_codec import TargetCodec

SKEWED = np.array([0.0, 1.0, 2.0, 3.0, 20.0])
# A column that is turned, one that is not, a constant, two levels, three levels.
ROWS = [[-x, x, 7.0, "ab"[i % 2], "abc"[i % 3]] for i, x in enumerate(SKEWED)]
ENCODER = ColumnEncoder().fit(ROWS)
NUMBER, SQUARED = TargetCodec(1), LOSSES["squared_error"]
assert ENCODER._scale[0] * ENCODER._scale[1] < 0
assert [kind for _, kind, _ in ENCODER.describe()][2:] == ["constant", "binary", "one-hot"]


def resolved(cst=(1, 0, 0, 0, 0), **params):
    """Resolved parameters with which constraints are possible."""
    possible = {
        "monotonic_cst": cst if cst is None or isinstance(cst, dict) else list(cst),
        "out_activation": "auto",
        "solver": "adam",
        "normalization": None,
        "residual": False,
        "n_members": 2,
        "member_sharing": "independent",
        "value_effects": False,
        "whitened": 0.0,
        "solve_output": False,
        "activation": "silu",
        "hidden_layer_sizes": (),
        "n_out": 1,
    }
    return possible | params


def settled(cst, old=None, codec=NUMBER, loss=SQUARED, **params):
    given = resolved(cst, **params)
    monotone.settle(given, ENCODER, codec, loss, old)
    return given["monotonic_cst"]


# ---- directions --------------------------------------------------------------------------------


def test_zeros_are_no_constraint():
    assert settled((0, 0, 0, 0, 0)) is None
    assert settled(None) is None
    assert settled((0, -1, 1, 0, 0)) == [0, -1, 1, 0, 0]


@pytest.mark.parametrize("n", [4, 6])
def test_there_is_one_entry_for_each_column(n):
    with pytest.raises(ValueError, match=f"each of the 5 columns of X, got {n}"):
        settled([1] + [0] * (n - 1))


def test_a_column_that_is_not_named_is_free():
    encoder = ColumnEncoder().fit([[1.0, 2.0, 3.0]], names=["a", "b", "c"])
    assert monotone.directions({"c": -1, "a": 1}, encoder) == [1, 0, -1]


@pytest.mark.parametrize(("i", "kind"), [(3, "binary"), (4, "one-hot")])
def test_levels_have_no_direction(i, kind):
    with pytest.raises(ValueError, match=f"got -1 for column {i}, which is {kind}. Make numbers"):
        settled(-np.eye(5, dtype=int)[i])


def test_constraints_of_a_second_call_are_those_of_the_first():
    first = {"monotonic_cst": [1, 0, 0, 0, 0]}
    assert settled((1, 0, 0, 0, 0), first) == first["monotonic_cst"]
    none = {"monotonic_cst": None}
    assert settled(None, none) is None
    for now, old in ((None, first), ((0, 1, 0, 0, 0), first), ((1, 0, 0, 0, 0), none)):
        with pytest.raises(ValueError, match="which was .*, got .*Set it back"):
            settled(now, old)


# ---- what is refused ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "part",
    [
        {"solver": "lbfgs"},
        {"solver": "schedule_free"},
        {"normalization": "layer"},
        {"residual": True},
        {"member_sharing": "batch"},
        {"out_activation": "silu"},
        {"value_effects": True},
        {"whitened": 1.0},
        {"solve_output": True},
    ],
)
def test_parts_that_do_not_keep_the_order(part):
    settled(None, **part)  # without constraints there is nothing to refuse
    with pytest.raises(ValueError, match="order of predictions.* got [a-z_]+.*Leave it"):
        settled((1, 0, 0, 0, 0), **part)


def test_one_member_shares_nothing():
    settled((1, 0, 0, 0, 0), n_members=1, member_sharing="batch")


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_an_output_activation_is_allowed_if_it_never_falls(name):
    z = np.linspace(-30, 30, 100_001)
    y = np.empty_like(z)
    ACTIVATIONS[name].forward(z.copy(), y)
    if (np.diff(y) < 0).any():
        with pytest.raises(ValueError, match="order of predictions"):
            settled((1, 0, 0, 0, 0), out_activation=name)
    else:
        settled((1, 0, 0, 0, 0), out_activation=name)


class Combines(Loss):
    """Combines members in a way of its own."""

    def combine(self, scores):
        return -scores.mean(axis=0)


class Predicts(Loss):
    """Predicts in a way of its own."""

    def predict(self, scores):
        return -scores


def test_losses_of_the_user_must_predict_as_usual():
    settled((1, 0, 0, 0, 0), loss=Loss())
    for loss in (Combines(), Predicts()):
        with pytest.raises(ValueError, match=f"got the loss {type(loss).__name__}"):
            settled((1, 0, 0, 0, 0), loss=loss)


def test_of_labels_two_classes_have_an_order():
    binary, several = LOSSES["binary_log_loss"], LOSSES["multiclass_log_loss"]
    codec = [LabelCodec(np.arange(n)) for n in range(4)]
    assert settled((1, 0, 0, 0, 0), codec=codec[2], loss=binary)
    for n, loss in ((3, several), (3, binary), (2, several)):
        with pytest.raises(ValueError, match=f"needs two classes, .* got {n} classes"):
            settled((1, 0, 0, 0, 0), codec=codec[n], loss=loss)


# ---- the network -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cst", "expected"),
    [([1, 0], [(3, 4), (2, 3)]), ([0, -1], [(3, 4), (2, 3)]), ([1, -1], [(0, 7), (0, 5)])],
)
def test_half_of_the_units_are_free_if_a_column_is(cst, expected):
    silu = ACTIVATIONS["silu"]
    given = {"monotonic_cst": cst, "hidden_layer_sizes": (7, 5)}
    found = monotone.monotone_activations(given, [silu])
    assert [(units.n_free, units.n_monotone) for units in found] == expected
    assert all(isinstance(units, MonotoneUnits) and units.free is silu for units in found)
    assert monotone.monotone_activations(given | {"monotonic_cst": None}, [silu]) == [silu]


def signs(cst, codec, n_out):
    """The signs that the weights of a linear network may have: 1, -1, or 0 for both."""
    width = ENCODER.n_numeric + ENCODER.n_other
    network = Network(mlp(width, (), n_out, activations=[ACTIVATIONS["identity"]]))
    given = resolved(cst, n_out=n_out)
    low, high = (
        network.over(each) for each in monotone.make_limits(given, network, ENCODER, codec)
    )
    assert_array_equal(np.unique([*low.theta, *high.theta]), [-np.inf, 0, np.inf])
    return (low.p.dense_0.W == 0) * 1 - (high.p.dense_0.W == 0) * 1


@pytest.mark.parametrize("cst", [(1, 0, 0, 0, 0), (0, -1, 1, 0, 0), (-1, 1, 0, 0, 0)])
def test_the_signs_of_columns_and_targets_are_those_of_their_units(cst):
    """Numbers come first, in the order of the encoder; quantiles of an output are neighbors."""
    codec = TargetCodec(2, scale=np.array([2.0, -3.0]))
    for n_quantiles in (1, 3):
        factor, _ = codec.units(2 * n_quantiles)
        found = signs(cst, codec, 2 * n_quantiles)
        for row, i, scale in zip(found, ENCODER._numeric, ENCODER._scale, strict=False):
            assert_array_equal(row, cst[i] * np.sign(scale) * np.sign(factor))
        assert (found[ENCODER.n_numeric :] == 0).all()


def test_labels_are_not_turned():
    found = signs((0, 1, 0, 0, 0), SimpleNamespace(), 1)
    place = ENCODER._numeric.tolist().index(1)
    assert found[place, 0] == np.sign(ENCODER._scale[place])
    assert np.count_nonzero(found) == 1


def test_without_constraints_there_are_no_limits():
    network = Network(mlp(2, (), 1, activations=[ACTIVATIONS["identity"]]))
    assert monotone.make_limits(resolved(None), network, ENCODER, NUMBER) is None


def test_quantiles_are_monotone():
    assert settled((1, 0, 0, 0, 0), loss=Pinball((0.1, 0.9)), n_out=2) == [1, 0, 0, 0, 0]
