"""A short, seeded run of the fuzzer of the estimators; the long run is a benchmark."""

import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def fuzz(monkeypatch):
    monkeypatch.syspath_prepend(ROOT)
    return importlib.import_module("benchmarks.fuzz_estimators")


def test_random_pairs_are_right_or_refused(fuzz):
    counts, faults = fuzz.fuzz(300, seed=1)
    assert not faults
    assert counts["right"] > 100


@pytest.mark.parametrize("error", [ZeroDivisionError("by zero, in this test"), ValueError("short")])
def test_a_fault_is_found(fuzz, monkeypatch, error):
    def fit(self, *args):
        raise error

    monkeypatch.setattr(fuzz.BackpropClassifier, "fit", fit)
    monkeypatch.setattr(fuzz.BackpropRegressor, "fit", fit)
    counts, faults = fuzz.fuzz(5)
    assert counts["fault"] == 5
    assert sum(map(len, faults.values())) == 5
