"""A raw table in, an ONNX file out: train here, predict where skbackprop is not installed.

A classifier learns from a table with numbers, names, dates and missing cells, and is exported to
one file.  A second process, which imports onnxruntime and pandas but not skbackprop, reads the
file and the raw rows, and predicts.  Both processes must agree.  Needs onnx, onnxruntime and
pandas: ``pip install skbackprop[onnx] onnxruntime pandas``.
"""

import argparse
import subprocess
import sys
import tempfile
import warnings
from importlib.util import find_spec
from pathlib import Path

import numpy as np

TOWNS = ["Alba", "Berga", "Cove", "Dorn", "Elm", "Fjord", "Garda", "Holm", "Irun", "Jena", "Kiel"]

SERVER = '''
import sys

import numpy as np
import onnxruntime
import pandas as pd

model, table, answer = sys.argv[1:]
session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
X = pd.read_csv(table, parse_dates=["since"])

NUMBERS = {"tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(int64)": np.int64}


def column(values, kind):
    """One column as a tensor of shape (n, 1)."""
    if kind == "tensor(string)":
        cells = values.astype(object).where(values.notna(), "").astype(str).to_numpy(object)
    elif values.dtype.kind == "M":  # seconds since 1970
        cells = (values - pd.Timestamp(0)).dt.total_seconds().to_numpy()
    else:
        cells = values.to_numpy(NUMBERS[kind])
    return cells.reshape(-1, 1)


inputs = {i.name: column(X[i.name], i.type) for i in session.get_inputs()}
label, probabilities = session.run(["label", "probabilities"], inputs)
assert "skbackprop" not in sys.modules
np.savez(answer, label=label.astype(str), probabilities=probabilities)
'''


def customers(n, seed=0):
    """A made-up table of customers, and which of them leave."""
    import pandas as pd

    rng = np.random.default_rng(seed)
    since = pd.Timestamp("2015-01-01") + pd.to_timedelta(rng.integers(0, 3000, n), unit="D")
    X = pd.DataFrame(
        {
            "age": rng.integers(18, 90, n),
            "spent": np.where(rng.random(n) < 0.1, np.nan, np.exp(rng.normal(4, 1.5, n))),
            "town": rng.choice([*TOWNS, None], n),
            "plan": rng.choice(["basic", "family", "pro"], n),
            "since": since,
        }
    )
    risk = 0.02 * (50 - X["age"]) + (X["plan"] == "basic") - 0.001 * (since - since.min()).days
    return X, np.where(risk + rng.normal(0, 0.5, n) > 0, "leaves", "stays")


def serve(model, X, folder):
    """The predictions of another process for the rows of X."""
    table, answer = folder / "new_rows.csv", folder / "answer.npz"
    X.to_csv(table, index=False)
    subprocess.run([sys.executable, "-c", SERVER, str(model), str(table), str(answer)], check=True)
    with np.load(answer) as file:
        return file["label"], file["probabilities"]


def main():
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    missing = [name for name in ("onnx", "onnxruntime", "pandas") if find_spec(name) is None]
    if missing:
        print(f"skipped: this example needs {', '.join(missing)}, not installed here")
        return
    from skbackprop import BackpropClassifier
    from skbackprop.onnx import to_onnx

    warnings.simplefilter("ignore")  # a short training
    X, y = customers(1500)
    X_new, _ = customers(200, seed=1)
    X_new.loc[:9, "town"] = "a new town"
    clf = BackpropClassifier(max_iter=20, random_state=0).fit(X, y)

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "customers.onnx"
        path.write_bytes(to_onnx(clf, X).SerializeToString())
        label, p = serve(path, X_new, folder)
        size = path.stat().st_size

    difference = np.abs(p - clf.predict_proba(X_new)).max()
    print(f"size of the file:                        {size / 1000:.0f} kB")
    print(f"largest difference of a probability:     {difference:.1e}")
    print(
        f"labels that differ, of {len(label)}:              {(label != clf.predict(X_new)).sum()}"
    )
    assert difference < 1e-5


if __name__ == "__main__":
    main()
