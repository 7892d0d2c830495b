"""What explanations cost, and what they agree with.

``python -m benchmarks.bench_inspection --data FOLDER`` prints three tables:

- `ranks`: Spearman's correlation of permutation importance, on rows that were held out, with
  the mean absolute attributions and with the importances of the model alone, table by table;
- `times`: seconds for the attributions of 1,000 rows of 20 columns;
- `shapley`: the error against exact Shapley values of 8 columns, and milliseconds for a row, of
  attributions and of ``shap.PermutationExplainer`` with several budgets.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Callable
from itertools import product
from math import comb
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
from scipy.stats import spearmanr
from sklearn.datasets import make_classification, make_regression
from sklearn.inspection import permutation_importance
from sklearn.model_selection import train_test_split

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop.inspection import feature_attributions, model_importances

from .real_tables import load, names_of

MOST_ROWS, FEWEST_OF_A_CLASS = 2000, 5
SHAPLEY_TABLES = ("concrete", "kin8nm", "california_housing")
BACKGROUND, EXPLAINED, N_COLUMNS = 50, 20, 8
PERMUTATIONS = (1, 2, 5, 10)  # each with its reverse; 10 are the default of shap


def few_rows(name: str, data: str | None) -> tuple[Any, np.ndarray, bool]:
    """A part of a table, "is y a number?", and no class that is too small to be divided."""
    X, y, regression = load(name, data)
    some = np.random.default_rng(0).permutation(len(X))[:MOST_ROWS]
    X, y = X.iloc[some].reset_index(drop=True), y[some]
    if not regression:
        classes, counts = np.unique(y, return_counts=True)
        kept = np.isin(y, classes[counts >= FEWEST_OF_A_CLASS])
        X, y = X[kept], y[kept]
    return X, y, regression


def rank(name: str, data: str | None) -> dict[str, float]:
    """Correlations with permutation importance."""
    X, y, regression = few_rows(name, data)
    X, X_test, y, y_test = train_test_split(
        X, y, random_state=0, stratify=None if regression else y
    )
    kind = BackpropRegressor if regression else BackpropClassifier
    model = kind(random_state=0, n_jobs=1).fit(X, y)
    scoring = "r2" if regression else "neg_log_loss"
    expected = permutation_importance(
        model, X_test, y_test, scoring=scoring, n_repeats=5, random_state=0
    ).importances_mean
    sizes = np.abs(feature_attributions(model, X_test).values)
    sizes = sizes.mean(axis=(0, 2)) if sizes.ndim == 3 else sizes.mean(axis=0)
    return {
        "attributions": float(spearmanr(sizes, expected)[0]),
        "model alone": float(spearmanr(model_importances(model), expected)[0]),
    }


def seconds(call: Callable[[], Any], repeats: int = 3) -> float:
    """Median time of a call, after a first one."""
    call()
    times = []
    for _ in range(repeats):
        start = perf_counter()
        call()
        times.append(perf_counter() - start)
    return median(times)


def time(kind: type, dtype: str) -> float:
    """Seconds for 1,000 rows of 20 columns, default model."""
    make = make_regression if kind is BackpropRegressor else make_classification
    X, y = make(1000, 20, n_informative=10, random_state=0)
    model, X = kind(random_state=0).fit(X, y), X.astype(dtype)
    return seconds(lambda: feature_attributions(model, X))


def exact_shapley(f: Any, X: np.ndarray, background: np.ndarray) -> np.ndarray:
    """Shapley values of a few columns, against all rows of the background."""
    p = X.shape[1]
    masks = np.array(list(product((False, True), repeat=p)))
    sizes, powers = masks.sum(axis=1), 2 ** np.arange(p - 1, -1, -1)
    values = np.empty(X.shape)
    for row, x in enumerate(X):
        mixed = np.where(masks[:, None], x, background)
        v = f(mixed.reshape(-1, p)).reshape(len(masks), -1).mean(axis=1)
        for j in range(p):
            without = np.flatnonzero(~masks[:, j])
            weight = [1 / (p * comb(p - 1, size)) for size in sizes[without]]
            values[row, j] = weight @ (v[without + powers[j]] - v[without])
    return values


def shapley(name: str, data: str | None) -> dict[str, tuple[float, float]]:
    """For each explainer its error, relative to the Shapley values, and milliseconds for a row."""
    import shap

    X, y, _ = few_rows(name, data)
    X = X.select_dtypes("number").iloc[:, :N_COLUMNS].fillna(0).to_numpy()
    model = BackpropRegressor(random_state=0, clip_predictions=False).fit(X, y)
    background, rows = X[:BACKGROUND], X[-EXPLAINED:]
    exact = exact_shapley(model.predict, rows, background)

    def attributions(method: str) -> Any:
        return lambda: feature_attributions(model, rows, baseline=background, method=method).values

    def permutations(n: int) -> Any:
        masker = shap.maskers.Independent(background, max_samples=len(background))
        explainer = shap.PermutationExplainer(model.predict, masker, seed=0)
        n_evals = n * (2 * X.shape[1] + 1)
        return lambda: explainer(rows, max_evals=n_evals, silent=True).values

    calls = {
        "integrated gradients": attributions("integrated_gradients"),
        "expected gradients": attributions("expected_gradients"),
    } | {f"shap, {n} permutations": permutations(n) for n in PERMUTATIONS}
    return {
        key: (
            float(np.sqrt(np.mean((call() - exact) ** 2) / np.mean(exact**2))),
            1000 * seconds(call) / len(rows),
        )
        for key, call in calls.items()
    }


def main() -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", help="folder of NAME.parquet; by default scikit-learn's tables")
    parser.add_argument("--tables", nargs="+", help="some of the tables")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    for kind in (BackpropRegressor, BackpropClassifier):
        for dtype in ("float64", "float32"):
            print(f"{kind.__name__:20} {dtype} {time(kind, dtype):7.3f} s", flush=True)
    names = names_of(arguments.tables, arguments.data)
    found = []
    for name in names:
        found.append(rank(name, arguments.data))
        print(f"{name:24} " + "  ".join(f"{k} {v:6.3f}" for k, v in found[-1].items()), flush=True)
    for key in found[0]:
        print(f"median of {key}: {median(each[key] for each in found):.3f}")
    for name in SHAPLEY_TABLES if arguments.data else ("diabetes",):
        for key, (error, time_each) in shapley(name, arguments.data).items():
            print(f"{name:20} {key:24} error {error:6.3f}  {time_each:8.2f} ms for a row")
    return 0


if __name__ == "__main__":
    sys.exit(main())
