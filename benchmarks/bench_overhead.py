"""The price of layers: the training loop beside the NumPy calls that it ends in.

The calls of one step are recorded and written out one after the other, with every array
in hand: see `calls`.  What is left is objects, functions, views, the shuffling and the
gathering of rows.
"""

from __future__ import annotations

from statistics import median
from typing import Any

import numpy as np

from .calls import record_step, written_out
from .configurations import CONFIGURATIONS
from .steps import make_epoch
from .timing import alternate

EPOCHS = 20


def cases(quick: bool) -> list[dict[str, Any]]:
    """Networks so small that their arithmetic does not hide the rest."""
    names = ["quick"] if quick else ["tiny", "small"]
    return [{"configuration": name} for name in names]


def measure(configuration: str, repeats: int) -> dict[str, Any]:
    """Microseconds per step of the loop and of its calls alone (float32)."""
    c = CONFIGURATIONS[configuration]
    calls = record_step(c)
    by_hand, epoch = written_out(calls), make_epoch(c)
    n = EPOCHS * len(c.batches)

    def write_out() -> None:
        for _ in range(n):
            by_hand()

    def loop() -> None:
        for _ in range(EPOCHS):
            epoch()

    peers = {"loop": loop, "by_hand": write_out}
    with np.errstate(all="ignore"):  # the same batch over and over may end anywhere
        alternate(peers, 1)  # warm
        seconds = alternate(peers, repeats)
    result: dict[str, Any] = {name: 1e6 * median(t) / n for name, t in seconds.items()}
    result["overhead"] = result["loop"] - result["by_hand"]
    return result | {"calls": len(calls), "seconds": seconds}


TITLE = "Overhead of the layers, microseconds per step"
COLUMNS = {
    "configuration": "configuration",
    "calls": "NumPy calls",
    "by_hand": "the calls alone",
    "loop": "the loop",
    "overhead": "overhead",
}
