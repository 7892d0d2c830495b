"""Rows from files: ``python -m benchmarks source``, ten million rows of thirty columns.

Needs pyarrow and pandas.

Makes a folder of Parquet files with numbers, categories and missing values, and learns from it:
our regressor from the files, our regressor and HistGradientBoosting from as many rows as an array
may have, LightGBM from all rows, read into memory.  Each learner has a process of its own.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from . import isolate

N_NUMBERS, LEVELS = 25, (3, 10, 10, 100, 200)
ROWS_OF_FILE = 500_000


def make_rows(n: int, seed: int) -> Any:
    """A table of pyarrow: 25 numbers, a tenth of five of them missing, and 5 categories."""
    import pyarrow

    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, N_NUMBERS), dtype=np.float32)
    codes = [rng.integers(0, k, n) for k in LEVELS]
    effects = [np.random.default_rng(k + i).normal(size=k) for i, k in enumerate(LEVELS)]
    y = X[:, 0] * X[:, 1] + np.sin(2 * X[:, 2]) + np.maximum(X[:, 3], 0) * X[:, 4]
    y += sum(effect[code] for effect, code in zip(effects, codes, strict=True)) / 2
    y += 0.5 * rng.standard_normal(n)
    X[:, -5:][rng.random((n, 5)) < 0.1] = np.nan
    columns = {f"x{j}": X[:, j] for j in range(N_NUMBERS)}
    for i, (code, k) in enumerate(zip(codes, LEVELS, strict=True)):
        names = np.array([f"level {level}" for level in range(k)])
        columns[f"c{i}"] = pyarrow.DictionaryArray.from_arrays(code.astype(np.int32), names)
    return pyarrow.table({**columns, "y": y.astype(np.float32)})


def write(folder: str, n: int) -> None:
    """Files of half a million rows each, and one of test rows."""
    from pyarrow import parquet

    for i, first in enumerate(range(0, n, ROWS_OF_FILE)):
        rows = make_rows(min(ROWS_OF_FILE, n - first), seed=i + 1)
        parquet.write_table(rows, f"{folder}/train/{i}.parquet", row_group_size=100_000)
    parquet.write_table(make_rows(100_000, seed=0), f"{folder}/test.parquet")


def measure(learner: str, folder: str, n: int) -> dict[str, Any]:
    """Seconds of `fit`, megabytes at its peak beyond those before, and 1 - R² of test rows."""
    from pyarrow import dataset, parquet

    model, in_memory = LEARNERS[learner]()
    test = parquet.read_table(f"{folder}/test.parquet").to_pandas()
    X, y = test.drop(columns="y"), test.y.to_numpy()
    train = dataset.dataset(f"{folder}/train")
    before, start = peak(), perf_counter()
    if in_memory:
        table = train.head(n).to_pandas()
        model.fit(table.drop(columns="y"), table.y.to_numpy())
    else:
        model.fit(train, "y")
    seconds = perf_counter() - start
    megabytes = peak() - before
    error = ((model.predict(X) - y) ** 2).mean() / y.var()
    epochs = getattr(model, "n_iter_", None)
    return {"seconds": seconds, "megabytes": megabytes, "1 - R²": error, "epochs": epochs}


def peak() -> float:
    """The largest resident set so far, in megabytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def ours() -> Any:
    from skbackprop import BackpropRegressor

    return BackpropRegressor(random_state=0)


def hist_gradient_boosting() -> Any:
    from sklearn.ensemble import HistGradientBoostingRegressor

    return HistGradientBoostingRegressor(max_features=1.0, random_state=0)


def lightgbm() -> Any:
    from lightgbm import LGBMRegressor

    return LGBMRegressor(random_state=0, verbose=-1)


LEARNERS = {  # a model, and does it need its rows in memory?
    "ours, from files": lambda: (ours(), False),
    "ours, from an array": lambda: (ours(), True),
    "HistGradientBoosting": lambda: (hist_gradient_boosting(), True),
    "LightGBM": lambda: (lightgbm(), True),
}


def main(arguments: list[str]) -> int:
    """Measure every learner, and print a row for each."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks source", description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--array-rows", type=int, default=1_000_000, help="rows of an array")
    parser.add_argument("--quick", action="store_true", help="few rows: does everything work?")
    parser.add_argument("--output", type=Path, default=isolate.ROOT / "benchmarks" / "results")
    options = parser.parse_args(arguments)
    if options.quick:
        options.rows, options.array_rows = 60_000, 5_000
    lines = [f"{'':22} {'rows':>10} {'seconds':>8} {'MB':>6} {'1 - R²':>8} {'epochs':>6}"]
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "train").mkdir()
        isolate.call("bench_source.write", folder=folder, n=options.rows)
        for learner in LEARNERS:
            if learner == "LightGBM" and not find_spec("lightgbm"):
                continue
            n = options.rows if learner in ("ours, from files", "LightGBM") else options.array_rows
            row = isolate.call("bench_source.measure", learner=learner, folder=folder, n=n)
            lines.append(
                f"{learner:22} {n:10} {row['seconds']:8.1f} {row['megabytes']:6.0f} "
                f"{row['1 - R²']:8.4f} {row['epochs'] or '':>6}"
            )
            print(lines[-1], flush=True)
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "source.txt").write_text("\n".join([*lines, ""]), "utf-8")
    return 0
