"""`fit` on sparse rows with many columns, beside `MLPClassifier`."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import csr_array, random_array
from sklearn.neural_network import MLPClassifier

from .configurations import Configuration
from .peers import OURS, Task, agree, estimator
from .timing import compare

DENSITY = 0.002


def cases(quick: bool) -> list[dict[str, Any]]:
    """float64 input, ours in float32 and in float64."""
    rows, columns = (230, 500) if quick else (20_000, 60_000)
    return [
        {"rows": rows, "columns": columns, "precision": precision}
        for precision in ("float32", "float64")
    ]


class SparseTask(Task):
    """Rows like counts of words; the label is the sign of a random combination of them."""

    def make_data(self) -> tuple[Any, np.ndarray]:
        """A CSR matrix and labels."""
        c, rng = self.configuration, np.random.default_rng(0)
        shape = c.rows, c.features
        X = csr_array(random_array(shape, density=DENSITY, format="csr", rng=rng))
        scores = X @ rng.standard_normal(c.features)
        return X, (scores > np.median(scores)).astype(int)


def measure(rows: int, columns: int, precision: str, repeats: int) -> dict[str, Any]:
    """Milliseconds per step of both peers."""
    c = Configuration(rows, columns, (100,), 2, min(200, rows), epochs=3)
    task = SparseTask(c, "float64", precision)
    difference = agree(task, "MLP")

    def peer(kind: Any) -> Any:
        model = estimator((kind, None), task, c.epochs, True)
        if kind is OURS[0]:
            model.set_params(dtype=precision)
        return lambda: model.fit(task.X, task.y)

    result = compare(peer(OURS[0]), peer(MLPClassifier), repeats, c.n_steps, 1e-3)
    return result | {"difference": difference}


TITLE = "Fit on sparse rows, 0.2 % of them set, milliseconds per step"
COLUMNS = {
    "rows": "rows",
    "columns": "columns",
    "precision": "our precision",
    "peer": "MLPClassifier",
    "ours": "ours",
    "ratio": "ratio",
}
