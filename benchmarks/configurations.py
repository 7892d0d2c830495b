"""The networks and data that all benchmarks share.

The data are drawn from a random linear teacher, so that there is something to learn and
two peers can be asked whether they have learned the same.

>>> CONFIGURATIONS["default"].n_steps          # 20 epochs of 50 batches
1000
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

ALPHA = 1e-4  # scikit-learn's default, on all peers


@dataclass(frozen=True)
class Configuration:
    """Size of the data, of the network and of a batch.

    Parameters
    ----------
    rows, features : int
        Shape of X.
    hidden : tuple of int
        Width of each hidden layer.
    classes : int
        Number of classes; 0 stands for regression.
    batch : int
        Rows in a batch.
    epochs : int
        Epochs of one timed fit: enough for a tenth of a second, few enough to be patient.
    """

    rows: int
    features: int
    hidden: tuple[int, ...]
    classes: int
    batch: int
    epochs: int

    @property
    def n_out(self) -> int:
        """Number of scores: one for two classes and for regression."""
        return self.classes if self.classes > 2 else 1

    @property
    def sizes(self) -> tuple[int, ...]:
        """Width of every layer, from the input to the scores."""
        return (self.features, *self.hidden, self.n_out)

    @property
    def batches(self) -> list[int]:
        """Rows in each batch of an epoch."""
        full, rest = divmod(self.rows, self.batch)
        return [self.batch] * full + [rest] * (rest > 0)

    @property
    def n_steps(self) -> int:
        """Steps of the optimizer in one timed fit."""
        return self.epochs * len(self.batches)

    @property
    def work(self) -> int:
        """Multiplications in the matrix products of one timed fit.

        Every layer has three products, the first has two: its ``dx`` is not needed.
        """
        forward = sum(before * after for before, after in pairwise(self.sizes))
        return self.epochs * self.rows * (3 * forward - self.sizes[0] * self.sizes[1])


def make_data(configuration: Configuration, dtype: str = "float64") -> tuple:
    """``X, y`` with labels 0, 1, … or, for regression, numbers of variance one."""
    c = configuration
    rng = np.random.default_rng(0)
    X = rng.standard_normal((c.rows, c.features)).astype(dtype)
    scores = X @ rng.standard_normal((c.features, max(c.classes, 1))) / np.sqrt(c.features)
    return X, scores.argmax(axis=1) if c.classes else scores[:, 0].astype(np.float64)


CLASSIFICATION = {
    "default": Configuration(10_000, 20, (100,), 2, 200, epochs=20),
    "tiny": Configuration(2_000, 8, (16, 16), 2, 32, epochs=30),
    "small": Configuration(10_000, 20, (64, 64), 5, 32, epochs=5),
    "tabular": Configuration(10_000, 60, (256, 256, 256), 2, 256, epochs=4),
    "mnist": Configuration(12_000, 784, (256, 128), 10, 128, epochs=3),
    "wide": Configuration(10_000, 100, (512, 512, 512), 10, 256, epochs=2),
    "huge": Configuration(2_000, 1000, (2000, 2000), 10, 256, epochs=2),
}
REGRESSION = {
    f"{name}-regression": replace(CLASSIFICATION[name], classes=0)
    for name in ("default", "tiny", "tabular")
}
QUICK = {  # for correctness only, in no time
    "quick": Configuration(230, 6, (8, 8), 3, 50, epochs=2),
    "quick-binary": Configuration(230, 6, (8,), 2, 50, epochs=2),
    "quick-regression": Configuration(230, 6, (8,), 0, 50, epochs=2),
}
COMPARED = CLASSIFICATION | REGRESSION
CONFIGURATIONS = COMPARED | QUICK
