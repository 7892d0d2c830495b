"""One row through ONNX and through `predict_proba`, and both on real tables.

``python -m benchmarks.bench_onnx --data FOLDER`` fits an estimator to every table of a folder,
exports it, and prints the largest difference between onnxruntime and the estimator on rows that
were held out.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop.mlp import MLPClassifier as OurMLPClassifier

from .environment import missing_peers

TOLERANCE = 1e-5
N_FEATURES, CALLS = 20, 500
MOST_ROWS, TEST_ROWS = 6000, 1000
FEWEST_NUMBERS = 20  # a target of fractions with no more values than that is a label
NUMBERS = {"tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(int64)": np.int64}
MODELS = {  # the names of the peers are in `environment`
    "BackpropClassifier()": "ONNX",
    "mlp.MLPClassifier()": "ONNX",
    "MLPClassifier(), skl2onnx": "MLP in ONNX",
    "LGBMClassifier(), onnxmltools": "LightGBM in ONNX",
}


def cases(quick: bool) -> list[dict[str, Any]]:
    """The models whose packages are installed."""
    missing = missing_peers()
    return [{"model": model} for model, peer in MODELS.items() if peer not in missing]


def measure(model: str, repeats: int) -> dict[str, Any]:
    """Microseconds for one row, from an array; the size of the file; the largest difference."""
    X, y = make_classification(1000, N_FEATURES, n_informative=10, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a short training is enough
        fitted, onnx_model = fit_and_export(model, X, y)
    content = onnx_model.SerializeToString()
    session = session_of(content)
    only = session.get_inputs()[0]
    row = X[:1].astype(np.float32)
    p = session.run(None, {only.name: X.astype(np.float32)})[1]
    return {
        "onnxruntime": microseconds(lambda: session.run(None, {only.name: row}), repeats),
        "predict_proba": microseconds(lambda: fitted.predict_proba(X[:1]), repeats),
        "kilobytes": len(content) / 1000,
        "difference": float(np.abs(p - fitted.predict_proba(X)).max()),
    }


def fit_and_export(model: str, X: np.ndarray, y: np.ndarray) -> tuple[Any, Any]:
    """A fitted model and what it is in ONNX."""
    if model.startswith("BackpropClassifier") or model.startswith("mlp"):
        from skbackprop.onnx import to_onnx

        kind = BackpropClassifier if model.startswith("Backprop") else OurMLPClassifier
        fitted = kind(random_state=0).fit(X, y)
        return fitted, to_onnx(fitted)
    if model.startswith("LGBM"):
        from lightgbm import LGBMClassifier
        from onnxmltools import convert_lightgbm
        from onnxmltools.convert.common.data_types import FloatTensorType

        fitted = LGBMClassifier(verbose=-1).fit(X, y)
        kinds = [("X", FloatTensorType([None, N_FEATURES]))]
        return fitted, convert_lightgbm(fitted, initial_types=kinds, zipmap=False)
    from skl2onnx import to_onnx as to_onnx_by_skl2onnx

    fitted = MLPClassifier(random_state=0).fit(X, y)
    return fitted, to_onnx_by_skl2onnx(
        fitted, X[:1].astype(np.float32), options={"zipmap": False}, target_opset=21
    )


def session_of(content: bytes) -> Any:
    """An onnxruntime session on one thread."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # the labels of LightGBM warn in every call
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def microseconds(call: Any, repeats: int) -> float:
    """Median over the repeats of the mean time of a call."""
    call()
    times = []
    for _ in range(repeats):
        start = perf_counter()
        for _ in range(CALLS):
            call()
        times.append((perf_counter() - start) / CALLS * 1e6)
    return median(times)


TITLE = "One row through ONNX, microseconds per call, and the size of the file"
COLUMNS = {
    "model": "model",
    "onnxruntime": "onnxruntime",
    "predict_proba": "predict_proba",
    "kilobytes": "kB",
    "difference": "largest difference",
}


# ---- real tables -----------------------------------------------------------------------------


def check(path: Path, max_iter: Any) -> float:
    """The largest difference on held-out rows of a table, and a line that says it.

    Of probabilities it is absolute, and of numbers relative to their spread.
    """
    import pandas as pd

    from skbackprop.onnx import to_onnx

    X = pd.read_parquet(path)
    y = X.pop("target")
    is_number = y.dtype.kind == "f" and y.nunique() > FEWEST_NUMBERS
    y = y.to_numpy(float) if is_number else y.astype(str).to_numpy(object)
    X, X_test, y, _ = train_test_split(X, y, test_size=0.3, random_state=0)
    X, y, X_test = X[:MOST_ROWS], y[:MOST_ROWS], X_test[:TEST_ROWS]
    kind = BackpropRegressor if is_number else BackpropClassifier
    model = kind(max_iter=max_iter, random_state=0).fit(X, y)
    session = session_of(to_onnx(model, X).SerializeToString())
    answers = session.run(None, feeds(session, X_test))
    if is_number:
        expected = model.predict(X_test)
        difference = np.abs(answers[0][:, 0] - expected).max() / expected.std()
        note = f"{len(X_test)} rows"
    else:
        p = model.predict_proba(X_test)
        difference = np.abs(answers[1] - p).max()
        top = np.sort(p, axis=1)[:, -2:]
        wrong = (answers[0] != model.predict(X_test)) & (top[:, 1] - top[:, 0] > 2 * TOLERANCE)
        note = f"{len(X_test)} rows, {wrong.sum()} labels differ"
        difference = np.inf if wrong.any() else difference
    print(f"{path.stem:24} {kind.__name__:20} {difference:9.1e}  {note}", flush=True)
    return float(difference)


def feeds(session: Any, X: Any) -> dict[str, np.ndarray]:
    inputs = session.get_inputs()
    if len(inputs) == 1 and inputs[0].name == "X":
        return {"X": X.to_numpy(NUMBERS[inputs[0].type])}
    return {i.name: column(X[i.name], i.type) for i in inputs}


def column(values: Any, kind: str) -> np.ndarray:
    """One column as a tensor of shape (n, 1)."""
    if kind == "tensor(string)":
        cells = values.astype(object).where(values.notna(), "").astype(str).to_numpy(object)
    elif values.dtype.kind == "M":
        cells = values.astype("datetime64[us]").astype("int64").to_numpy() / 1e6
        cells = np.where(values.isna(), np.nan, cells)
    else:
        cells = values.to_numpy(dtype=NUMBERS[kind], na_value=np.nan)
    return cells.reshape(-1, 1)


def main() -> int:
    """Check every table of a folder; 1 if a difference is too large."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of NAME.parquet")
    parser.add_argument("--tables", nargs="+", help="some of the tables")
    parser.add_argument("--max-iter", type=int, help="epochs of each fit")
    arguments = parser.parse_args()
    paths = sorted(arguments.data.glob("*.parquet"))
    chosen = [p for p in paths if arguments.tables is None or p.stem in arguments.tables]
    warnings.simplefilter("ignore")
    differences = [check(path, arguments.max_iter or "auto") for path in chosen]
    print(f"largest difference of {len(chosen)} tables: {max(differences, default=0.0):.1e}")
    return int(max(differences, default=0.0) > TOLERANCE)


if __name__ == "__main__":
    sys.exit(main())
