"""How a time is taken: peers in turn, medians of repeats."""

from __future__ import annotations

import gc
from collections.abc import Callable
from statistics import median
from time import perf_counter, sleep
from typing import Any

PAUSE = 0.02  # seconds: threads of one library that wait for work must not disturb the next


def alternate(peers: dict[str, Callable[[], Any]], repeats: int) -> dict[str, list[float]]:
    """Seconds of each peer, measured A B A B …, so that both see the same machine."""
    seconds: dict[str, list[float]] = {name: [] for name in peers}
    for _ in range(repeats):
        for name, peer in peers.items():
            gc.collect()
            sleep(PAUSE)
            start = perf_counter()
            peer()
            seconds[name].append(perf_counter() - start)
    return seconds


def compare(
    ours: Callable[[], Any], peer: Callable[[], Any], repeats: int, per: float, unit: float
) -> dict[str, Any]:
    """Median of both peers in `unit` seconds per one of `per`, and how often ours fits in."""
    seconds = alternate({"peer": peer, "ours": ours}, repeats)
    result: dict[str, Any] = {name: median(values) / per / unit for name, values in seconds.items()}
    result["ratio"] = result["peer"] / result["ours"]
    result["seconds"] = seconds
    return result
