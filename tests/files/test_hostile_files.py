"""Files whose bytes are sound and whose contents are not: each fault a ValueError, at once."""

import importlib
import json
import tracemalloc
from pathlib import Path

import pytest

from skbackprop.io.model import FORMAT_VERSION, MODEL, VERSION, dumps, loads
from skbackprop.io.safetensors import dumps as dump_tensors
from skbackprop.io.safetensors import loads as load_tensors

from .models import few_calls, regressor

DATA = dumps(regressor(preset="plain", hidden_layer_sizes=(3,)))
TENSORS, METADATA, _ = load_tensors(DATA)
GIANT = {"$type": "layer.Dense", "n_in": 10**9, "n_out": 10**9}


def changed(change, **metadata):
    """A file with a sound checksum, whose model was changed in place."""
    model, tensors = json.loads(METADATA[MODEL]), dict(TENSORS)
    change(model, tensors)
    return dump_tensors(tensors, {**METADATA, MODEL: json.dumps(model), **metadata})


def put(value, *keys):
    def change(model, tensors):
        *first, last = keys
        for key in first:
            model = model[key]
        model[last] = value

    return change


def nothing(model, tensors): ...


FITTED = ("fitted", "network", "$network")
FAULTS = {
    "another tool's": (dump_tensors(TENSORS, {"format": "np"}), "safetensors file of another tool"),
    "a later version": (changed(nothing, **{VERSION: str(FORMAT_VERSION + 1)}), "newer than"),
    "no version": (changed(nothing, **{VERSION: "one"}), "must be a whole number > 0, got 'one'"),
    "version 0": (changed(nothing, **{VERSION: "0"}), "must be a whole number"),
    "a long version": (changed(nothing, **{VERSION: "9" * 5000}), "must be a whole number"),
    "no JSON": (changed(nothing, **{MODEL: "{"}), "The model is not JSON"),
    "deep JSON": (changed(nothing, **{MODEL: '{"a":' + "[" * 10**5}), "model is nested deeper"),
    "keys twice": (changed(nothing, **{MODEL: '{"a": 1, "a": 1}'}), "'a' is there twice"),
    "NaN": (changed(nothing, **{MODEL: '{"a": NaN}'}), "NaN is no number"),
    "an empty model": (changed(nothing, **{MODEL: "{}"}), "The model has no 'estimator'"),
    "an unknown estimator": (changed(put("os.system", "estimator")), "of os.system"),
    "an unknown parameter": (changed(put(1, "params", "dropouts")), "dropouts"),
    "an unknown attribute": (changed(put(1, "attributes", "predict")), "no fitted state"),
    "no fitted state": (changed(put(None, "fitted")), "no fitted state"),
    "an unknown type": (changed(put({"$type": "os.system"}, "fitted")), "no type 'os.system'"),
    "an unknown tag": (changed(put({"$eval": "1"}, "params", "alpha")), r"there is no '\$eval'"),
    "an unknown field": (changed(put(1, "fitted", "predict")), "has no 'predict'"),
    "an unknown function": (
        changed(put({"$function": "exec"}, "params", "learning_rate")),
        "no function 'exec'",
    ),
    "a class not passed": (
        changed(put({"$custom": "Popen", "fields": {}}, "params", "callbacks")),
        "of Popen",
    ),
    "a missing array": (changed(lambda m, t: t.popitem()), "is missing"),
    "another shape": (changed(put(5, *FITTED, "layers", "$tuple", 0, "n_in")), "must be of shape"),
    "a giant layer": (changed(put(GIANT, *FITTED, "layers", "$tuple", 0)), "is missing|of shape"),
    "no layer": (changed(put(None, *FITTED[:-1], "$network")), "needs a layer, got NoneType"),
    "a giant array": (
        changed(put({"$objects": [], "shape": [10**12]}, "params", "alpha")),
        "0 objects have no shape",
    ),
    "a giant range": (
        changed(put({"$range": [0, 10**12, 1]}, *FITTED, "layers")),
        "at most 1000 numbers in a file, got 1000000000000",
    ),
    "an endless range": (
        changed(put({"$range": [0, 10**30, 1]}, "params", "alpha")),
        "can be rebuilt: OverflowError",
    ),
    "a reference to nothing": (
        changed(put({"$same": "fitted"}, "params", "alpha")),
        "no object 'fitted' before it",
    ),
    "a wrong dtype": (changed(put({"$dtype": "O"}, "params", "dtype")), "no dtype 'O'"),
    "an unknown float": (changed(put({"$float": "x"}, "params", "alpha")), "can be rebuilt"),
}


@pytest.mark.parametrize(("data", "message"), FAULTS.values(), ids=FAULTS)
def test_a_fault_is_named_at_once_and_in_little_memory(data, message):
    tracemalloc.start()
    try:
        with few_calls(5000), pytest.raises(ValueError, match=message):
            loads(data)
        # Python's own objects, such as a traceback, take some kilobytes.
        assert tracemalloc.get_traced_memory()[1] < 30 * len(data) + 100_000
    finally:
        tracemalloc.stop()


def test_the_file_without_a_change_is_a_model():
    assert loads(changed(nothing)).get_params() == loads(DATA).get_params()


def test_a_file_without_its_checksum_is_refused():
    with pytest.raises(ValueError, match="has no checksum"):
        loads(DATA.replace(b"skbackprop.crc32", b"skbackprop.crc33"))


@pytest.fixture
def fuzz(monkeypatch):
    """Import the module of ``benchmarks/``, which is beside this folder and not installed."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2]))
    return importlib.import_module("benchmarks.fuzz_files")


@pytest.mark.filterwarnings("ignore")
def test_mutated_files_are_refused_or_are_models(fuzz):
    counts, slowest, _ = fuzz.fuzz(1500, seed=1)
    assert {result for _, result in counts} == {"refused", "loaded"}
    for name in ("flip", "truncate", "splice"):
        assert counts[name, "loaded"] <= 1  # a block may be written over itself
    assert slowest < 1
