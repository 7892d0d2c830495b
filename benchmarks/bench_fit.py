"""`fit` beside `fit` of the peers: the same network, start, batches, epochs and Adam."""

from __future__ import annotations

from typing import Any

from .configurations import COMPARED, CONFIGURATIONS, QUICK
from .environment import missing_peers
from .peers import SIDES, Task, agree
from .timing import compare

MILLISECOND = 1e-3


def cases(quick: bool) -> list[dict[str, Any]]:
    """Every peer on every configuration; MLP also in the precision of ours."""
    skipped = missing_peers()
    return [
        {"against": against, "configuration": name}
        for against, (peer, *_) in AGAINST.items()
        if peer not in skipped
        for name in (QUICK if quick else COMPARED)
    ]


def measure(against: str, configuration: str, repeats: int) -> dict[str, Any]:
    """Milliseconds per step of both peers; raises if they do not learn the same."""
    peer, dtype, precision = AGAINST[against]
    c = CONFIGURATIONS[configuration]
    task = Task(c, dtype, precision)
    difference = agree(task, peer)
    result = compare(
        lambda: SIDES["ours"](task, c.epochs),
        lambda: SIDES[peer](task, c.epochs),
        repeats,
        per=c.n_steps,
        unit=MILLISECOND,
    )
    return result | {"difference": difference}


TITLE = "Fit, milliseconds per step"
COLUMNS = {
    "against": "against",
    "configuration": "configuration",
    "peer": "peer",
    "ours": "ours",
    "ratio": "ratio",
}
AGAINST = {  # name: (peer, dtype of X, our dtype)
    "MLP, float64 input": ("MLP", "float64", "float32"),
    "MLP, both float32": ("MLP", "float32", "auto"),
    "MLP, both float64": ("MLP", "float64", "auto"),
    "torch": ("torch", "float64", "float32"),
    "skorch": ("skorch", "float64", "float32"),
}
