"""`predict_proba` beside that of `MLPClassifier`, for one row and for many."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.neural_network import MLPClassifier

from .configurations import CONFIGURATIONS, make_data
from .peers import OURS, Task, estimator
from .timing import compare


def cases(quick: bool) -> list[dict[str, Any]]:
    """One row and many; in the default precision, and ours in float32."""
    configuration, many = ("quick", 500) if quick else ("default", 100_000)
    return [
        {"configuration": configuration, "rows": rows, "dtype": dtype}
        for dtype in ("float64", "float32")
        for rows in (1, many)
    ]


def measure(configuration: str, rows: int, dtype: str, repeats: int) -> dict[str, Any]:
    """Microseconds per call of both peers, fitted to and predicting from `dtype`."""
    c = CONFIGURATIONS[configuration]
    task = Task(c, dtype)
    ours, peer = (
        estimator((kind, None), task, 1, True).fit(task.X, task.y)
        for kind in (OURS[0], MLPClassifier)
    )
    X, _ = make_data(replace(c, rows=rows), dtype)
    difference = np.abs(ours.predict_proba(X) - peer.predict_proba(X)).max()
    if not difference <= 1e-3:
        raise AssertionError(f"Both should predict the same, got a difference of {difference}.")
    n = max(1, 2000 // rows)  # calls

    def calls(model: Any) -> Any:
        return lambda: [model.predict_proba(X) for _ in range(n)]

    result = compare(calls(ours), calls(peer), repeats, per=n, unit=1e-6)
    return result | {"difference": float(difference)}


TITLE = "`predict_proba`, microseconds per call"
COLUMNS = {
    "configuration": "configuration",
    "dtype": "precision, X and networks",
    "rows": "rows",
    "peer": "MLPClassifier",
    "ours": "ours",
    "ratio": "ratio",
}
