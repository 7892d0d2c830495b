"""Parts made from resolved parameters: schedules, averages, sizes of batches."""

import pytest

from skbackprop.optim import ExponentialAverage, FlatCos, WeightAverage
from skbackprop.recipes.build import make_average, make_callbacks, make_scheduled
from skbackprop.recipes.presets import MOST_WORK, DataSummary, equal_batches, preset_values
from skbackprop.training.callbacks import RestoreFinite, WarmRestart

SCHEDULED = ("dropout", "weight_decay", "label_smoothing")


@pytest.mark.parametrize("name", SCHEDULED)
def test_each_scheduled_parameter_has_its_schedule(name):
    resolved = dict.fromkeys(SCHEDULED, 0.1)
    resolved |= {f"{other}_schedule": "constant" for other in SCHEDULED}
    assert make_scheduled(resolved) == {}
    assert make_scheduled(resolved | {f"{name}_schedule": "flat_cos"}) == {name: FlatCos()}
    assert make_scheduled(resolved | {f"{name}_schedule": "flat_cos", name: 0.0}) == {}


def test_averages_and_where_they_begin():
    assert make_average({"averaging": None}) == (None, 0.0)
    for kind, cls, begin in (("ema", ExponentialAverage, 0.0), ("swa", WeightAverage, 0.75)):
        average, first = make_average({"averaging": kind, "average_share": 1.0})
        assert (type(average), first) == (cls, begin)


@pytest.mark.parametrize(("n", "size", "expected"), [(300, 256, 300), (450, 64, 65), (0, 64, 1)])
def test_batches_are_about_equal(n, size, expected):
    assert equal_batches(n, size) == expected


# ---- restarts ---------------------------------------------------------------------------------


def work_of(values, summary):
    """Products of weights and rows in the first schedule, with one input for each bin."""
    width, kind = values["hidden_layer_sizes"][0], values["numeric_embedding"]
    bins = {"piecewise": values["n_bins"], "periodic": values["n_frequencies"], None: 0}
    bins["both"] = values["n_bins"] + values["n_frequencies"]
    n_inputs = summary.n_numeric * (1 + bins[kind]) + summary.n_other
    weights = n_inputs * width + width * width + width * max(summary.n_classes, 1)
    return weights * values["n_members"] * values["max_iter"] * 0.9 * summary.n


@pytest.mark.parametrize("preset", ["fast", "auto", "best"])
def test_restarts_fit_into_the_limit_of_work(preset):
    seen = set()
    for n in (200, 3000, 6000, 20_000, 400_000):
        for d in (2, 10, 100):
            for n_classes in (0, 2, 7, 26):
                for n_other in (0, 200):
                    summary = DataSummary(n, d, n_classes, n_other=n_other)
                    values = preset_values(preset, summary, "auto")
                    count, work = values["max_restarts"], work_of(values, summary)
                    assert count == 0 or work * (2 ** (count + 1) - 1) <= MOST_WORK[preset]
                    assert count == 2 or work * (2 ** (count + 2) - 1) > MOST_WORK[preset]
                    seen.add(count)
    assert seen == ({0} if preset == "fast" else {0, 1, 2})


def test_a_usual_table_may_have_two_restarts_and_a_large_one_none():
    counts = [
        preset_values("auto", DataSummary(*given), "auto")["max_restarts"]
        for given in ((500, 10), (6000, 20), (6000, 20, 2), (6000, 36, 6), (100_000, 30))
    ]
    assert counts == [2, 2, 2, 0, 0]


@pytest.mark.parametrize(
    ("loss", "gain"), [("squared_error", 0.2), ("huber", 0.1), ("log_loss", 0.1)]
)
def test_the_squared_error_has_to_fall_by_more(loss, gain):
    values = preset_values("auto", DataSummary(500, 5), "auto")
    resolved = values | {"loss": loss, "time_budget": None, "solver": "adam", "scoring": "loss"}
    best = RestoreFinite()  # any callback: it is not called
    callbacks = make_callbacks(resolved, best, RestoreFinite(), [], incremental=False)
    (restart,) = [each for each in callbacks if isinstance(each, WarmRestart)]
    assert restart.gain == gain
