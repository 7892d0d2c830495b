"""What explanations cost, and what they agree with.

``python -m benchmarks.bench_inspection --data FOLDER`` prints three tables:

- `ranks`: Spearman's correlation of permutation importance, on rows that were held out, with
  the mean absolute attributions and with the importances of the model alone, table by table;
- `times`: seconds for the attributions of 1,000 rows of 20 columns, and for their Shapley values
  against 50 rows, of 30 columns, too;
- `shapley`: the error against exact Shapley values of 8 columns, and milliseconds for a row, of
  attributions and of ``shap.PermutationExplainer`` with several budgets; and how many times longer
  the latter takes for the same error as one permutation of ours.

Times are those of the processor (``process_time``), in one thread.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Callable
from itertools import product
from math import comb
from statistics import median
from time import process_time
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
SHAPLEY_TABLES = ("concrete", "kin8nm", "california_housing", "churn")
BACKGROUND, EXPLAINED, N_COLUMNS = 50, 20, 8
# Each with its reverse; 10 are the default of shap, and 20 of ours have all coalitions.
OF_SHAP, OURS, SEEDS = (1, 10, 40), (1, 4, 20), 5


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
        start = process_time()
        call()
        times.append(process_time() - start)
    return median(times)


def time(kind: type, dtype: str) -> float:
    """Seconds for 1,000 rows of 20 columns, default model."""
    model, X = made_up(kind, 20)
    return seconds(lambda: feature_attributions(model, X.astype(dtype)))


def made_up(kind: type, n_columns: int) -> tuple[Any, np.ndarray]:
    """A default model of 1,000 rows, and the rows."""
    make = make_regression if kind is BackpropRegressor else make_classification
    X, y = make(1000, n_columns, n_informative=10, random_state=0)
    return kind(random_state=0).fit(X, y), X


def time_of_shapley(kind: type, n_columns: int) -> tuple[float, float]:
    """Seconds for the Shapley values of 1,000 rows, and their standard error."""
    model, X = made_up(kind, n_columns)
    params = {"baseline": X[:BACKGROUND], "method": "shapley"}
    start = process_time()
    found = feature_attributions(model, X, **params)
    return process_time() - start, float(np.median(found.errors))


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

    X, y, regression = few_rows(name, data)
    X = X.select_dtypes("number").iloc[:, :N_COLUMNS].fillna(0).to_numpy()
    if regression:
        model = BackpropRegressor(random_state=0, clip_predictions=False, n_jobs=1).fit(X, y)
    else:
        model = BackpropClassifier(random_state=0, n_jobs=1).fit(X, y)
    output = model.predict if regression else model.decision_function
    background, rows = X[:BACKGROUND], X[-EXPLAINED:]
    exact = exact_shapley(output, rows, background)

    def attributions(method: str, n: int = 1) -> Any:
        params = {"baseline": background, "method": method, "n_permutations": n}
        return lambda seed: feature_attributions(model, rows, random_state=seed, **params).values

    def permutations(n: int) -> Any:
        masker = shap.maskers.Independent(background, max_samples=len(background))
        explainer = shap.PermutationExplainer(output, masker, seed=0)
        n_evals = n * (2 * X.shape[1] + 1)
        return lambda _: explainer(rows, max_evals=n_evals, silent=True).values

    calls = {
        "integrated gradients": (attributions("integrated_gradients"), 1),
        "expected gradients": (attributions("expected_gradients"), 1),
    }
    calls |= {f"ours, {n} permutations": (attributions("shapley", n), SEEDS) for n in OURS}
    calls |= {f"shap, {n} permutations": (permutations(n), 1) for n in OF_SHAP}
    calls["shap, 1 permutations"][0](0)  # what it does once only
    found = {}
    for key, (call, n_seeds) in calls.items():
        start = process_time()
        errors = [call(seed) - exact for seed in range(n_seeds)]
        taken = (process_time() - start) / (n_seeds * len(rows))
        found[key] = rms(errors) / rms([exact]), 1000 * taken
    return found


def rms(arrays: list[np.ndarray]) -> float:
    """Root of the mean square of all numbers."""
    return float(np.sqrt(np.mean(np.square(arrays))))


def ratio_at_equal_error(found: dict[str, tuple[float, float]]) -> float:
    """How many times longer shap takes, at least, for the error of one permutation of ours.

    Between two of its budgets the logarithm of its time is linear in that of its error.
    """
    error, time_each = found["ours, 1 permutations"]
    of_shap = np.log([found[f"shap, {n} permutations"] for n in OF_SHAP[::-1]])
    return float(np.exp(np.interp(np.log(error), *of_shap.T)) / time_each)


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
        for n_columns in (20, 30):
            taken, error = time_of_shapley(kind, n_columns)
            print(f"{kind.__name__:20} {n_columns} columns, Shapley {taken:7.3f} s, {error:.3f}")
    names = names_of(arguments.tables, arguments.data)
    found = []
    for name in names:
        found.append(rank(name, arguments.data))
        print(f"{name:24} " + "  ".join(f"{k} {v:6.3f}" for k, v in found[-1].items()), flush=True)
    for key in found[0]:
        print(f"median of {key}: {median(each[key] for each in found):.3f}")
    for name in SHAPLEY_TABLES if arguments.data else ("diabetes",):
        errors = shapley(name, arguments.data)
        for key, (error, time_each) in errors.items():
            print(f"{name:20} {key:24} error {error:6.4f}  {time_each:8.2f} ms for a row")
        print(f"{name:20} shap at the same error: {ratio_at_equal_error(errors):.0f} times as long")
    return 0


if __name__ == "__main__":
    sys.exit(main())
