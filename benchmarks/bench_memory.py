"""New memory in a warm step, and at the peak of `fit`.

Two meters: `tracemalloc` knows what Python and NumPy ask for, the resident set what the
process really holds, workspaces of BLAS included.
"""

from __future__ import annotations

import sys
import tracemalloc
from importlib.util import find_spec
from typing import Any

import numpy as np

from skbackprop.mlp import MLPClassifier

from .configurations import CONFIGURATIONS
from .steps import make_epoch

MEGABYTE = 1e6


def cases(quick: bool) -> list[dict[str, Any]]:
    """Warm steps of some networks; a fit on rows of float32, and of float64 to convert."""
    names = ["quick"] if quick else ["default", "tiny", "tabular", "huge"]
    n = 20_000 if quick else 1_000_000
    steps = [{"what": "warm step", "configuration": name} for name in names]
    fits = [
        {"what": "fit", "meter": meter, "dtype": dtype, "rows": n}
        for dtype in ("float32", "float64")
        for meter in METERS
        if meter != "resident set" or find_spec("resource")
    ]
    return steps + fits


def measure(what: str, repeats: int, **arguments: Any) -> dict[str, Any]:
    """Megabytes, and what they are to be compared with; one run, for memory does not waver."""
    return {"warm step": warm_step, "fit": fit}[what](**arguments)


def warm_step(configuration: str) -> dict[str, Any]:
    """The most that a step of a warm epoch adds; and the largest activation array."""
    c = CONFIGURATIONS[configuration]
    epoch, peaks, kept = make_epoch(c), [], [0]

    def note(_: Any) -> None:
        now, peak = tracemalloc.get_traced_memory()
        peaks.append(peak - kept[-1])
        kept.append(now)
        tracemalloc.reset_peak()

    epoch()
    tracemalloc.start()
    epoch(note)
    tracemalloc.stop()
    activation = c.batch * max(c.hidden) * 4
    return compared(max(peaks), activation)


def fit(meter: str, dtype: str, rows: int) -> dict[str, Any]:
    """The peak of a fit of one epoch beyond what was there before, X and y included."""
    rng = np.random.default_rng(0)
    X = np.empty((rows, 50), dtype)
    for part in np.array_split(X, 100):  # no large temporary may hide what fit needs
        part[...] = rng.standard_normal(part.shape)
    y = (X[:, 0] > 0).astype(int)
    model = MLPClassifier(max_iter=1, dtype="float32", random_state=0)
    model.fit(X[:1000], y[:1000])  # warm: imports, threads, workspaces of BLAS
    start, stop = METERS[meter]
    before = start()
    model.fit(X, y)
    return compared(stop() - before, X.nbytes)


def compared(new: float, beside: float) -> dict[str, Any]:
    """Both in megabytes, and the one as a share of the other."""
    return {"new": new / MEGABYTE, "beside": beside / MEGABYTE, "share": new / beside}


def start_tracing() -> float:
    """Bytes at the beginning: none that we know of."""
    tracemalloc.start()
    return 0.0


def stop_tracing() -> float:
    """Bytes that Python and NumPy held at most since."""
    peak = float(tracemalloc.get_traced_memory()[1])
    tracemalloc.stop()
    return peak


def resident_peak() -> float:
    """Bytes that the process held at most, ever."""
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return float(peak if sys.platform == "darwin" else 1024 * peak)


METERS = {
    "tracemalloc": (start_tracing, stop_tracing),
    "resident set": (resident_peak, resident_peak),
}
TITLE = "New memory, megabytes"
COLUMNS = {
    "what": "in",
    "configuration": "configuration",
    "rows": "rows of 50",
    "dtype": "X",
    "meter": "meter",
    "new": "new memory",
    "beside": "one activation, or X",
    "share": "share",
}
