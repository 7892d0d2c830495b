"""Budgets: memory, and calls per step of training.

They say what seconds say, but are the same on every machine, so they can be asserted.  A
change that needs more has to raise a number here, and to be worth it; a change that needs
less should lower it.  ``python -m benchmarks.calls tiny`` prints the calls counted here.
"""

import importlib
import sys
import tracemalloc
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from plain import BackpropClassifier, BackpropRegressor

from skbackprop.training import Batches

ROOT = Path(__file__).parents[1]
PACKAGE = str(ROOT / "skbackprop")

# Scratch arrays of a fit that do not grow with the rows, for the networks below: rows of
# several batches, 2¹⁶ numbers in float32; three arrays of 200 × 100 for the hidden layer;
# gradient, two means, copies of the parameters; and a few smaller ones.
WORKSPACES = 2**20

# NumPy calls of a step of the tiny network (two hidden layers, two classes):
#   forward   dot, add for each of 3 layers, maximum for 2 of them                    8
#   loss      maximum, multiply, subtract, copysign, exp, log1p, add,
#             maximum, expit, subtract; multiply, add.reduce                         12
#   backward  dot (weights), dot (biases) for each of 3 layers; dot (delta),
#             sign, multiply for 2 of them                                           12
#   penalty   multiply, add, dot                                                      3
#   Adam      multiply and add for m; multiply, multiply, add for v; sqrt, add,
#             divide, multiply, subtract                                             10
NUMPY_CALLS = 45
NUMPY_CALLS_PER_LAYER = 8  # dot, add, maximum; dot, dot, dot, greater, multiply
# Functions of the package that run in such a step, the layers' forward and backward included.
PYTHON_CALLS = 36


@pytest.fixture
def benchmark(monkeypatch):
    """Import a module of ``benchmarks/``, which is beside this folder and not installed."""
    monkeypatch.syspath_prepend(ROOT)
    return lambda name: importlib.import_module(f"benchmarks.{name}")


@pytest.fixture
def tiny(benchmark):
    """Give the configuration that is all overhead, with few rows."""
    return replace(benchmark("configurations").CONFIGURATIONS["tiny"], rows=32 * 5)


def traced_peak(action):
    """Bytes that `action` holds at most beyond what was there."""
    tracemalloc.start()
    action()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


# ---- calls ----


def test_numpy_calls_of_a_step(benchmark, tiny):
    calls = benchmark("calls").record_step(tiny)
    assert len(calls) <= NUMPY_CALLS, Counter(call.name for call in calls)


def test_a_layer_more_costs_its_own_calls_only(benchmark, tiny):
    record = benchmark("calls").record_step
    counts = [len(record(replace(tiny, hidden=(16,) * depth))) for depth in range(1, 6)]
    assert set(np.diff(counts)) <= set(range(1, NUMPY_CALLS_PER_LAYER + 1))


@pytest.mark.parametrize("change", [{"batch": 16}, {"rows": 32 * 20}, {"features": 50}])
def test_the_number_of_calls_does_not_depend_on_sizes(benchmark, tiny, change):
    record = benchmark("calls").record_step
    assert len(record(replace(tiny, **change))) == len(record(tiny))


def test_calls_are_all_seen(benchmark, tiny):
    """The calls, written out, do the same step once more: none is missing."""
    calls = benchmark("calls")
    recorded = calls.record_step(tiny)
    last = recorded[-1]  # theta -= update
    theta = last.inputs[0]
    before, update = theta.copy(), last.inputs[1].copy()
    calls.written_out(recorded)()
    again = before - theta
    # Adam with nearly the same gradient in a row: the step keeps its sign and its size.
    assert np.corrcoef(update, again)[0, 1] > 0.9
    assert 0.5 < np.linalg.norm(again) / np.linalg.norm(update) < 2


def test_python_calls_of_a_step(benchmark, tiny):
    epoch = benchmark("steps").make_epoch(tiny)
    epoch()
    steps = [Counter()]

    def watch(frame, event, _):
        if event == "call" and frame.f_code.co_filename.startswith(PACKAGE):
            steps[-1][frame.f_code.co_qualname] += 1

    before = sys.getprofile()
    sys.setprofile(watch)
    try:
        epoch(lambda _: steps.append(Counter()))
    finally:
        sys.setprofile(before)
    calls = steps[2]  # neither the first, which gathers rows, nor the last
    assert 10 < calls.total() <= PYTHON_CALLS, calls


# ---- memory ----


@pytest.mark.parametrize("name", ["default", "tabular", "mnist"])
def test_a_warm_step_makes_less_than_an_activation(benchmark, monkeypatch, name):
    configurations, memory = benchmark("configurations"), benchmark("bench_memory")
    c = configurations.CONFIGURATIONS[name]
    few = {name: replace(c, rows=3 * c.batch)}
    monkeypatch.setattr(memory, "CONFIGURATIONS", few)
    assert 0 < memory.warm_step(name)["share"] < 1


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((50_000, 50), np.float32)
    return X, (X[:, 0] > 0).astype(int)


SETTINGS = {"max_iter": 1, "random_state": 0}
ONE_EPOCH = pytest.mark.filterwarnings("ignore:Stochastic Optimizer")


@ONE_EPOCH
@pytest.mark.parametrize("cls", [BackpropClassifier, BackpropRegressor])
@pytest.mark.parametrize("dtype", ["auto", "float32"])
def test_fit_does_not_copy_rows(cls, dtype, table):
    X, y = table
    model = cls(dtype=dtype, **SETTINGS)
    model.fit(X[:500], y[:500])
    peak = traced_peak(lambda: model.fit(X, y))
    assert peak < 0.1 * X.nbytes + WORKSPACES


FOREIGN = {  # what cannot be dealt as it is
    "float64": lambda X: X.astype(np.float64),
    "float64 by columns": lambda X: X.astype(np.float64, order="F"),
    "by columns": np.asfortranarray,
    "every other column": lambda X: np.repeat(X, 2, axis=1)[:, ::2],
    "DataFrame": pd.DataFrame,
}


@ONE_EPOCH
@pytest.mark.parametrize("convert", FOREIGN.values(), ids=FOREIGN)
def test_fit_converts_once(convert, table):
    X, y = table
    foreign = convert(X)
    model = BackpropClassifier(dtype="float32", **SETTINGS)
    model.fit(foreign[:500], y[:500])
    peak = traced_peak(lambda: model.fit(foreign, y))
    assert peak < 1.1 * X.nbytes + WORKSPACES


@ONE_EPOCH
@pytest.mark.parametrize("convert", FOREIGN.values(), ids=FOREIGN)
def test_rows_are_dealt_from_contiguous_arrays(convert, table, monkeypatch):
    """From any other array `take` makes a copy of the whole, for every batch."""
    dealt = []

    def note(*arguments, **named):
        dealt.extend(arguments[0][:2])
        return Batches(*arguments, **named)

    monkeypatch.setattr("skbackprop.estimators.stacks.Batches", note)
    foreign = convert(table[0][:200])
    BackpropRegressor(**SETTINGS).fit(foreign, foreign)
    assert [a.flags.c_contiguous for a in dealt] == [True, True]


@ONE_EPOCH
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_predict_needs_memory_for_its_answer_only(dtype, table):
    X, y = table
    model = BackpropClassifier(**SETTINGS).fit(X[:500].astype(dtype), y[:500])
    X = X.astype(dtype)
    answer = model.predict_proba(X)
    peak = traced_peak(lambda: model.predict_proba(X))
    assert peak < 3 * answer.nbytes + WORKSPACES
