"""A training step beside its bare matrix products: how much of the time is unavoidable?

The floor has the products of the same step and nothing else: no activation, no loss, no
optimizer, into arrays that are there.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from statistics import median
from typing import Any

import numpy as np

from .configurations import CONFIGURATIONS, Configuration
from .peers import Task, fit_ours
from .steps import make_epoch
from .timing import alternate


def cases(quick: bool) -> list[dict[str, Any]]:
    """Networks whose products are large enough to matter."""
    names = ["quick"] if quick else ["default", "tabular", "mnist", "wide", "huge"]
    return [{"configuration": name} for name in names]


def measure(configuration: str, repeats: int) -> dict[str, Any]:
    """Milliseconds per step of the products, of the loop, and of a whole fit (float32)."""
    c = CONFIGURATIONS[configuration]
    steps = {n: products(c, n) for n in set(c.batches)}
    epoch, task = make_epoch(c), Task(c, "float64", "float32")

    def floor() -> None:
        for _ in range(c.epochs):
            for n in c.batches:
                steps[n]()

    def loop() -> None:
        for _ in range(c.epochs):
            epoch()

    peers = {"floor": floor, "step": loop, "fit": lambda: fit_ours(task, c.epochs)}
    alternate(peers, 1)  # warm
    seconds = alternate(peers, repeats)
    result = {name: 1e3 * median(times) / c.n_steps for name, times in seconds.items()}
    share = result["floor"] / result["step"]
    return result | {"share": share, "seconds": seconds}


def products(c: Configuration, n: int) -> Callable[[], None]:
    """The matrix products of one step on a batch of `n` rows, one layer feeding the next."""
    rng = np.random.default_rng(0)

    def array(*shape: int) -> np.ndarray:
        return rng.standard_normal(shape, np.float32)

    triples: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    back: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    x, d = array(n, c.features), array(n, c.features)
    for n_in, n_out in pairwise(c.sizes):
        W = array(n_in, n_out) / np.float32(np.sqrt(n_in))
        y, dy, dW = array(n, n_out), array(n, n_out), array(n_in, n_out)
        triples.append((x, W, y))
        if back:  # below the first layer no delta is needed
            back.insert(0, (dy, W.T, d))
        back.insert(0, (x.T, dy, dW))
        x, d = y, dy

    def step() -> None:
        for a, b, out in triples:
            np.dot(a, b, out=out)
        for a, b, out in back:
            np.dot(a, b, out=out)

    return step


TITLE = "The floor: bare matrix products, milliseconds per step"
COLUMNS = {
    "configuration": "configuration",
    "floor": "products alone",
    "step": "step of the loop",
    "fit": "step of a whole fit",
    "share": "products / step of the loop",
}
