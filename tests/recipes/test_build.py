"""Parts made from resolved parameters: schedules, averages, sizes of batches."""

import pytest

from skbackprop.optim import ExponentialAverage, FlatCos, WeightAverage
from skbackprop.recipes.build import make_average, make_scheduled
from skbackprop.recipes.presets import equal_batches

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
        average, first = make_average({"averaging": kind})
        assert (type(average), first) == (cls, begin)


@pytest.mark.parametrize(("n", "size", "expected"), [(300, 256, 300), (450, 64, 65), (0, 64, 1)])
def test_batches_are_about_equal(n, size, expected):
    assert equal_batches(n, size) == expected
