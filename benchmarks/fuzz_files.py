"""Load many damaged files: each is refused by a ValueError, or is a model.

``python -m benchmarks.fuzz_files 100000`` mutates valid files (flipped bits, truncation, blocks
moved, copied and taken from other files, edits of the header and of the model) and counts what
`load` makes of them.  Edits come with a checksum that fits, so that they get past it.  The
mutations depend on the seed only.
"""

from __future__ import annotations

import argparse
import json
import time
import tracemalloc
import warnings
from collections import Counter
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import numpy as np

from skbackprop import BackpropClassifier, BackpropRegressor, mlp
from skbackprop.io.model import MODEL, dumps, loads
from skbackprop.io.safetensors import CHECKSUM, METADATA, UNSET, checksum

ODD: list[Any] = [
    None, True, -1, 0, 1, 2**31, 2**63, 10**30, 0.5, -0.0, "", "x", "..", "a\0", "inf", [], {},
    [[]], {"$tuple": []}, {"$range": [0, 10**12, 1]}, {"$same": "fitted"}, {"$array": "x"},
    {"$": 1},
    {"$float": "nan"}, {"$type": "layer.Dense"}, {"$type": "os.system"}, {"$custom": "Sine"},
    {"$numbers": "x"}, {"$objects": [], "shape": [10**12]}, {"$dtype": "V9"}, {"$scalar": 1},
]  # fmt: skip


def samples() -> list[bytes]:
    """A few small models, with and without training state."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 3))
    table = np.array([[a, "red" if a > 0 else "blue"] for a in X[:, 0]], object)
    small = {"max_iter": 2, "random_state": 0, "hidden_layer_sizes": (3,)}
    models = [
        BackpropClassifier(**small).fit(table, X[:, 0] > 0),
        BackpropRegressor(**small, warm_start=True).fit(X, X[:, 1]),
        mlp.MLPClassifier(**small).fit(X, np.digitize(X[:, 0], [-1, 1])),
    ]
    return [dumps(model, training_state=state) for model in models for state in (False, True)]


def flip(rng: np.random.Generator, data: bytearray, other: bytes) -> bytearray:
    """Flip one to eight bits."""
    for place in rng.integers(0, len(data), rng.integers(1, 9)):
        data[place] ^= 1 << int(rng.integers(8))
    return data


def truncate(rng: np.random.Generator, data: bytearray, other: bytes) -> bytearray:
    """Cut off the end, or add to it."""
    return data[: rng.integers(len(data))] if rng.random() < 0.7 else data + data[:9]


def splice(rng: np.random.Generator, data: bytearray, other: bytes) -> bytearray:
    """Write a block of this file, or of another one, elsewhere."""
    source = other if rng.random() < 0.5 else bytes(data)
    n, start = int(rng.integers(1, 200)), int(rng.integers(len(source)))
    place = int(rng.integers(len(data)))
    keep = n if rng.random() < 0.5 else 0
    data[place : place + keep] = source[start : start + n]
    return data


def swap_body(rng: np.random.Generator, data: bytearray, other: bytes) -> bytearray:
    """The header of one file before the data of another."""
    return data[: 8 + _length(data)] + other[8 + _length(other) :]


def edit_header(rng: np.random.Generator, data: bytearray, other: bytes) -> bytearray:
    """Change a value of the header, and let the checksum fit."""
    header = json.loads(data[8 : 8 + _length(data)])
    return _with_header(edit(rng, header), data)


def edit_model(rng: np.random.Generator, data: bytearray, other: bytes) -> bytearray:
    """Change values of the model, and let the checksum fit."""
    header = json.loads(data[8 : 8 + _length(data)])
    model = json.loads(header[METADATA][MODEL])
    for _ in range(rng.integers(1, 4)):
        model = edit(rng, model)
    header[METADATA][MODEL] = json.dumps(model)
    return _with_header(header, data)


def edit_array(rng: np.random.Generator, data: bytearray, other: bytes) -> bytearray:
    """Change bytes of the arrays, and let the checksum fit."""
    start = 8 + _length(data)
    data[start:] = flip(rng, data[start:], other)
    return _with_header(json.loads(data[8:start]), data)


MUTATIONS: dict[str, Callable[[np.random.Generator, bytearray, bytes], bytearray]] = {
    "flip": flip,
    "truncate": truncate,
    "splice": splice,
    "swap body": swap_body,
    "edit header": edit_header,
    "edit model": edit_model,
    "edit array": edit_array,
}


def edit(rng: np.random.Generator, value: Any) -> Any:
    """A JSON value in which one place is changed, removed, renamed or moved."""
    places: list[tuple[Any, Any]] = []
    stack = [value]
    while stack:
        node = stack.pop()
        keys = list(node) if isinstance(node, dict) else range(len(node))
        for key in keys:
            places.append((node, key))
            if isinstance(node[key], (dict, list)):
                stack.append(node[key])
    if not places:
        return value
    node, key = places[rng.integers(len(places))]
    donor, name = places[rng.integers(len(places))]
    action = rng.integers(4)
    if action == 0:
        node[key] = deepcopy(ODD[rng.integers(len(ODD))])
    elif action == 1:
        node[key] = json.loads(json.dumps(donor[name]))
    elif action == 2 or not isinstance(node, dict):
        del node[key]
    else:
        node[str(name)] = node.pop(key)
    return value


def _length(data: Any) -> int:
    return int.from_bytes(data[:8], "little")


def _with_header(header: Any, data: bytearray) -> bytearray:
    metadata = header.get(METADATA) if isinstance(header, dict) else None
    marked = isinstance(metadata, dict) and CHECKSUM in metadata
    if marked:
        metadata[CHECKSUM] = UNSET
    text = json.dumps(header, separators=(",", ":")).encode()
    head, body = len(text).to_bytes(8, "little") + text, bytes(data[8 + _length(data) :])
    if marked:
        entry = f'"{CHECKSUM}":"'.encode()
        digits = checksum([head, body]).encode()
        head = head.replace(entry + UNSET.encode(), entry + digits)
    return bytearray(head + body)


def outcome(data: bytes) -> str:
    """What `load` makes of a file: "refused", "loaded", or the name of another error."""
    try:
        loads(data)
    except ValueError:
        return "refused"
    except BaseException as error:
        return f"{type(error).__name__}: {error}"
    return "loaded"


def fuzz(n: int, seed: int = 0) -> tuple[Counter[tuple[str, str]], float, int]:
    """Outcomes by mutation, the longest time of a load, and the most memory of one."""
    rng, files = np.random.default_rng(seed), samples()
    counts: Counter[tuple[str, str]] = Counter()
    slowest, most = 0.0, 0
    names = list(MUTATIONS)
    for i in range(n):
        name = names[i % len(names)]
        data, other = (files[k] for k in rng.integers(len(files), size=2))
        damaged = bytes(MUTATIONS[name](rng, bytearray(data), other))
        if i % 50 == 0:
            tracemalloc.start()
        start = time.perf_counter()
        counts[name, outcome(damaged)] += 1
        slowest = max(slowest, time.perf_counter() - start)
        if i % 50 == 0:
            most = max(most, tracemalloc.get_traced_memory()[1] // len(data))
            tracemalloc.stop()
    return counts, slowest, most


def main() -> int:
    """Print a table; 1 if anything but a ValueError was raised."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("n", type=int, nargs="?", default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    counts, slowest, most = fuzz(arguments.n, arguments.seed)
    others = [key for key in counts if key[1] not in ("refused", "loaded")]
    for name in MUTATIONS:
        print(f"{name:12} refused {counts[name, 'refused']:6} loaded {counts[name, 'loaded']:6}")
    for key in others:
        print(*key, counts[key])
    print(f"slowest {slowest:.3f} s; most memory {most} times the file")
    return int(bool(others))


if __name__ == "__main__":
    raise SystemExit(main())
