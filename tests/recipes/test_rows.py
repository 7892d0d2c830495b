"""How the recipe for tables depends on the number of rows."""

import numpy as np
import pytest

from skbackprop.recipes.presets import DataSummary, count_steps, preset_values

GROWING = np.unique(np.geomspace(10_000, 10_000_000, 400).astype(int))
BELOW = np.arange(5_000, 13_000, 20)


def by_rows(preset, n_classes):
    values = [preset_values(preset, DataSummary(int(n), 20, n_classes), "auto") for n in GROWING]
    return {
        "epochs": np.array([each["max_iter"] for each in values]),
        "batch": np.array([each["batch_size"] for each in values]),
        "width": np.array([each["hidden_layer_sizes"][0] for each in values]),
        "members": np.array([each["n_members"] for each in values]),
        "dropout": np.array([each["dropout"] for each in values]),
    }


@pytest.mark.parametrize("preset", ["fast", "auto", "best"])
@pytest.mark.parametrize("n_classes", [0, 2, 7])
def test_nothing_jumps_as_the_rows_grow(preset, n_classes):
    of = by_rows(preset, n_classes)
    assert np.abs(np.diff(of["epochs"])).max() <= 0.05 * of["epochs"][0] + 1
    assert np.abs(np.diff(np.log(of["batch"]))).max() < 0.04
    assert set(np.diff(of["width"])) <= {0, 8}
    assert set(np.diff(of["members"])) <= {-1, 0}
    assert np.abs(np.diff(of["dropout"])).max() < 0.002


@pytest.mark.parametrize("preset", ["fast", "auto", "best"])
@pytest.mark.parametrize("n_classes", [0, 2, 7])
def test_more_rows_are_more_steps_of_larger_batches(preset, n_classes):
    of = by_rows(preset, n_classes)
    n_batches = np.ceil(0.9 * GROWING / of["batch"])
    steps = of["epochs"] * n_batches
    assert (np.diff(of["batch"]) >= 0).all()
    assert (np.diff(of["dropout"]) <= 0).all()
    growth = GROWING / 1e4
    first = count_steps(DataSummary(10_000, 20, n_classes), preset)
    wanted = first * np.minimum((growth * np.minimum(growth, 2)) ** 0.5, 5)
    wanted = np.maximum(wanted, n_batches)
    assert (np.abs(steps - wanted) <= 0.5 * n_batches + 0.05 * wanted).all()  # whole epochs
    assert of["members"][-1] == 2
    assert of["width"][-1] == 128


@pytest.mark.parametrize(
    ("n", "n_classes", "expected"),
    [
        (1_000, 2, ((64, 64), 16, 65, 43)),
        (1_000, 7, ((64, 64), 8, 65, 43)),
        (3_000, 2, ((64, 64), 5, 129, 29)),
        (6_000, 0, ((64, 64), 5, 129, 19)),
        (6_000, 7, ((128, 128), 5, 129, 36)),
        (10_000, 2, ((64, 64), 5, 129, 11)),
        (10_000, 7, ((128, 128), 5, 129, 29)),
    ],
)
def test_up_to_10_000_rows_the_recipe_stays(n, n_classes, expected):
    values = preset_values("auto", DataSummary(n, 20, n_classes), "auto")
    names = ("hidden_layer_sizes", "n_members", "batch_size", "max_iter")
    assert tuple(values[name] for name in names) == expected
    assert values["dropout"] == 0.15


def test_classes_have_three_quarters_of_the_steps_up_to_7_500_rows():
    numbers, classes = (
        np.array([count_steps(DataSummary(int(n), n_classes=k), "auto") for n in BELOW])
        for k in (0, 2)
    )
    np.testing.assert_allclose(classes / numbers, np.clip(BELOW / 1e4, 0.75, 1), atol=1e-3)
    for preset in ("fast", "best"):
        few = [count_steps(DataSummary(6000, n_classes=k), preset) for k in (0, 2)]
        assert few[0] == few[1]


def members(preset, n, n_classes, **more):
    return preset_values(preset, DataSummary(n, 20, n_classes, **more), "auto")["n_members"]


@pytest.mark.parametrize(
    ("n_classes", "few", "last"), [(2, 1000, 11), (0, 200, 8), (1, 200, 8), (7, 200, 8)]
)
def test_members_become_fewer_as_the_rows_grow(n_classes, few, last):
    found = np.array([members("auto", n, n_classes) for n in range(1500)])
    assert (found[: few + 1] == 16).all()
    assert set(np.diff(found)) == {0, -1}  # no jump
    assert found[-1] == last
    assert members("auto", 3000, n_classes) == 5


@pytest.mark.parametrize(
    ("preset", "n", "n_classes", "more", "expected"),
    [
        ("auto", 100, 2, {"incremental": True}, 4),
        ("auto", 100, 7, {"incremental": True}, 4),
        ("auto", 600, 2, {"incremental": True}, 8),
        ("auto", 100, 2, {"sparse": True}, 1),
        ("fast", 100, 2, {}, 4),
    ],
)
def test_streams_sparse_rows_and_other_presets_have_as_many_members_as_ever(
    preset, n, n_classes, more, expected
):
    assert members(preset, n, n_classes, **more) == expected


@pytest.mark.parametrize("n_classes", [0, 2, 7])
@pytest.mark.parametrize("n", [100, 300, 1000, 1499])
def test_best_is_the_default_with_more_members_for_few_rows(n, n_classes):
    summary = DataSummary(n, 20, n_classes)
    auto, best = (preset_values(preset, summary, "auto") for preset in ("auto", "best"))
    assert best == auto | {"n_members": 3 * auto["n_members"]}


@pytest.mark.parametrize(
    ("n", "n_numeric", "n_classes", "expected"),
    [
        (1_500, 20, 2, (64, 33, 273, "both", 16)),
        (6_000, 20, 0, (64, 15, 71, "both", 16)),
        (6_000, 20, 7, (128, 15, 71, "both", 8)),
        (6_000, 23, 0, (64, 15, 71, "both", 8)),  # at most 400 inputs of all columns
        (6_000, 40, 0, (64, 15, 71, "both", 8)),
        (6_000, 50, 2, (64, 15, 71, "both", 4)),
    ],
)
def test_best_has_longer_training_and_more_inputs_for_more_rows(n, n_numeric, n_classes, expected):
    values = preset_values("best", DataSummary(n, n_numeric, n_classes), "auto")
    names = ("n_members", "max_iter", "numeric_embedding", "n_bins")
    assert (values["hidden_layer_sizes"][0], *(values[name] for name in names)) == expected
