"""Streams: every chunk of rows is predicted first, and learned from then.

    python -m benchmarks.bench_streams --bikes bike_sharing_hour.parquet

Beside `partial_fit` of scikit-learn's linear models and MLP, which get their rows from a
`StandardScaler` that follows them by `partial_fit`, too (and, for numbers, a target that is
standardized by the first 1,000 rows).  Errors are quotients by those of predicting, from the
rows before each chunk, their mean or their most frequent label: 1 is no better than that.

Without ``--bikes`` there are only synthetic streams: numbers and labels whose columns, and whose
target, move by 10 standard deviations, at once or gradually.

    python -m benchmarks.bench_streams --fit --rows 100000 --sizes 10 1000

compares, on rows that do not move, `partial_fit` with one `fit` of as many passes.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from time import perf_counter
from typing import Any

import numpy as np
from sklearn.linear_model import SGDClassifier, SGDRegressor
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.preprocessing import StandardScaler

from skbackprop import BackpropClassifier, BackpropRegressor

N_ROWS = 20_000  # of a synthetic stream
FIRST = 1000  # rows after which errors are counted
Stream = tuple[np.ndarray, np.ndarray]


def synthetic(kind: str, n: int, *, labels: bool, seed: int = 0) -> Stream:
    """Rows of which columns and target stay, move gradually, or move at once in the middle."""
    rng = np.random.default_rng(seed)
    z, t = rng.normal(size=(n, 6)), np.arange(n) / n
    shift = {"none": 0 * t, "gradual": 10 * t, "at once": 10.0 * (t >= 0.5)}[kind]
    y = 2 * z[:, 0] + z[:, 1] * z[:, 2] + np.sin(2 * z[:, 3])
    y = y / y.std() + 0.3 * rng.normal(size=n)
    return z + shift[:, None], y > 0 if labels else y + shift


def bikes(path: str, *, labels: bool) -> Stream:
    """Rents of each hour in the order of time; as labels, whether they are more than 142."""
    import pandas

    table = pandas.read_parquet(path)
    y = table.pop("target").to_numpy(float)
    return table.to_numpy(float), y > 142 if labels else y


class Scaled:
    """A model of scikit-learn behind scalers that follow the rows of `partial_fit`."""

    def __init__(self, model: Any, *, labels: bool):
        self.model, self.labels, self.scaler = model, labels, StandardScaler()
        self.center, self.scale = 0.0, 1.0
        self.n = 0

    def partial_fit(self, X: np.ndarray, y: np.ndarray, **first: Any) -> None:
        """Scale, and learn."""
        z = self.scaler.partial_fit(X).transform(X)
        if not self.labels and self.n == 0:
            self.center, self.scale = y.mean(), y.std() or 1.0
        self.n += len(X)
        self.model.partial_fit(z, y if self.labels else (y - self.center) / self.scale, **first)

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Predict in the unit of y."""
        p = self.model.predict(self.scaler.transform(X))
        return p if self.labels else self.center + self.scale * p


def models(*, labels: bool) -> dict[str, Any]:
    """The peers, by name."""
    if labels:
        ours, linear, mlp = BackpropClassifier, SGDClassifier(loss="log_loss"), MLPClassifier()
    else:
        ours, linear, mlp = BackpropRegressor, SGDRegressor(), MLPRegressor()
    return {
        "ours": ours(random_state=0),
        "SGD": Scaled(linear.set_params(random_state=0), labels=labels),
        "MLP": Scaled(mlp.set_params(random_state=0), labels=labels),
    }


def chunks(n: int, size: int) -> Iterator[slice]:
    """All but the first chunk, which nothing is learned before."""
    return (slice(start, start + size) for start in range(FIRST, n, size))


def prequential(model: Any, stream: Stream, size: int, *, labels: bool) -> tuple[float, float]:
    """The error of a model on a stream, and its milliseconds per row."""
    X, y = stream
    start, total, n = perf_counter(), 0.0, len(X) - FIRST
    model.partial_fit(X[:FIRST], y[:FIRST], **({"classes": [False, True]} if labels else {}))
    for rows in chunks(len(X), size):
        predicted = model.predict(X[rows])
        total += np.sum(predicted != y[rows]) if labels else np.sum((predicted - y[rows]) ** 2)
        model.partial_fit(X[rows], y[rows])
    error = total / n if labels else np.sqrt(total / n)
    return float(error), 1e3 * (perf_counter() - start) / len(X)


class Constant:
    """The mean or the most frequent label of the rows before."""

    def __init__(self, *, labels: bool):
        self.labels, self.sum, self.n = labels, 0.0, 0

    def partial_fit(self, X: np.ndarray, y: np.ndarray, **first: Any) -> None:
        """Count."""
        self.sum, self.n = self.sum + y.sum(), self.n + len(y)

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Predict the same for all rows."""
        mean = self.sum / self.n
        return np.full(len(X), mean > 0.5 if self.labels else mean)


def streams(path: str | None, n: int, *, labels: bool) -> dict[str, Stream]:
    """All streams, by name."""
    found = {} if path is None else {"bike sharing": bikes(path, labels=labels)}
    kinds = {"no change": "none", "gradual change": "gradual", "change at once": "at once"}
    return found | {name: synthetic(kind, n, labels=labels) for name, kind in kinds.items()}


def against_fit(n: int, sizes: list[int]) -> None:
    """Print the errors after calls of each size, divided by those of one fit of as many passes."""
    print("| target | passes | rows of a call | error of `fit` | quotient |\n|---|---|---|---|---|")
    for labels in (False, True):
        X, y = synthetic("none", n + n // 5, labels=labels)
        train, test = slice(n), slice(n, None)
        estimator = type(models(labels=labels)["ours"])
        first = {"classes": [False, True]} if labels else {}
        for passes in (1, 5):
            fitted = estimator(random_state=0, max_iter=passes, early_stopping=False)
            least = _error(fitted.fit(X[train], y[train]), X[test], y[test], labels=labels)
            for size in sizes:
                model = estimator(random_state=0)
                for _ in range(passes):
                    for start in range(0, n, size):
                        rows = slice(start, start + size)
                        model.partial_fit(X[rows], y[rows], **first)
                error = _error(model, X[test], y[test], labels=labels)
                kind = "label" if labels else "number"
                print(
                    f"| {kind} | {passes} | {size} | {least:.3g} | {error / least:.3g} |",
                    flush=True,
                )


def _error(model: Any, X: np.ndarray, y: np.ndarray, *, labels: bool) -> float:
    predicted = model.predict(X)
    return float(np.mean(predicted != y) if labels else np.sqrt(np.mean((predicted - y) ** 2)))


def main() -> None:
    """Print one table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bikes", help="path of bike_sharing_hour.parquet")
    parser.add_argument("--rows", type=int, default=N_ROWS, help="rows of a synthetic stream")
    parser.add_argument("--sizes", type=int, nargs="+", default=[1, 100], help="rows of a call")
    parser.add_argument("--fit", action="store_true", help="compare with one fit")
    options = parser.parse_args()
    if options.fit:
        against_fit(options.rows, options.sizes)
        return
    names = ["ours", "SGD", "MLP"]
    print(f"| stream | target | rows of a call | {' | '.join(names)} | our ms per row |")
    print(f"|---|---|---|{'---|' * len(names)}---|")
    for labels in (False, True):
        for name, stream in streams(options.bikes, options.rows, labels=labels).items():
            for size in options.sizes:
                least, _ = prequential(Constant(labels=labels), stream, size, labels=labels)
                every = models(labels=labels)
                results = [prequential(every[k], stream, size, labels=labels) for k in names]
                cells = " | ".join(f"{error / least:.3g}" for error, _ in results)
                kind = "label" if labels else "number"
                print(f"| {name} | {kind} | {size} | {cells} | {results[0][1]:.2f} |", flush=True)


if __name__ == "__main__":
    main()
