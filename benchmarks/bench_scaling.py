"""Cost of `fit` against everything that may grow: is it linear in the work?

The work of a fit is the number of multiplications in its matrix products.  On paper with
two logarithmic scales a cost proportional to it is a line of slope 1.  Small networks lie
above the line, since a step costs something even if it does nothing; so the slope over
the whole range is at most 1, and nears 1 at its end.
"""

from __future__ import annotations

from dataclasses import replace
from statistics import median
from typing import Any

import numpy as np

from .configurations import Configuration
from .peers import Task, fit_ours
from .timing import alternate

BASE = Configuration(2_000, 20, (100,), 2, 200, epochs=2)


def cases(quick: bool) -> list[dict[str, Any]]:
    """One sweep for each thing that grows."""
    return [{"what": what, "short": quick} for what in SWEEPS]


def measure(what: str, short: bool, repeats: int) -> dict[str, Any]:
    """Seconds and work of fits along a sweep, and the slopes of the one against the other."""
    values, change = SWEEPS[what]
    values = values[:2] if short else values
    work, seconds = [], []
    for value in values:
        c = replace(BASE, **change(value))
        task = Task(c, "float32")
        fit_ours(task, 1)  # warm
        times = alternate({"ours": lambda t=task, c=c: fit_ours(t, c.epochs)}, repeats)
        work.append(c.work)
        seconds.append(median(times["ours"]))
    return {
        "range": f"{values[0]} to {values[-1]}",
        "from": 1e3 * seconds[0],
        "to": 1e3 * seconds[-1],
        "slope": slope(work, seconds),
        "slope_at_end": slope(work[-2:], seconds[-2:]),
        "values": values,
        "work": work,
        "seconds": seconds,
    }


def slope(work: list[int], seconds: list[float]) -> float:
    """Of the logarithm of the time against that of the work."""
    return float(np.polyfit(np.log(work), np.log(seconds), 1)[0])


SWEEPS: dict[str, tuple[list[int], Any]] = {
    "rows": ([1_000, 10_000, 100_000, 1_000_000], lambda n: {"rows": n}),
    "features": ([10, 30, 100, 300, 1_000, 3_000], lambda n: {"features": n}),
    "width": ([16, 32, 64, 128, 256, 512, 1_024, 2_048], lambda n: {"hidden": (n, n)}),
    "depth": ([1, 2, 4, 8, 16, 32], lambda n: {"hidden": (128,) * n}),
    "classes": ([3, 10, 30, 100, 300, 1_000], lambda n: {"classes": n}),
}
TITLE = "Cost of fit against the work"
COLUMNS = {
    "what": "what grows",
    "range": "range",
    "from": "ms at the start",
    "to": "ms at the end",
    "slope": "slope",
    "slope_at_end": "slope of the last two",
}
