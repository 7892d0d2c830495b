"""A raw table in, an ONNX file out: train here, predict where skbackprop is not installed.

A classifier learns from a table with numbers, names, dates and missing cells.  It is exported to
the file ``customers.onnx`` in a folder, beside ``new_rows.csv``, a few raw rows, and
``expected.csv``, the predictions of the classifier for them.  The script ``serve_onnx.py`` reads
this folder with NumPy and onnxruntime alone, and predicts the same.  Needs onnx and pandas: ``pip
install skbackprop[onnx] pandas``.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import warnings
from importlib.util import find_spec
from pathlib import Path

import numpy as np

TOWNS = ["Alba", "Berga", "Cove", "Dorn", "Elm", "Fjord", "Garda", "Holm", "Irun", "Jena", "Kiel"]
SERVER = Path(__file__).with_name("serve_onnx.py")


def customers(n, seed=0):
    """A made-up table of customers, and which of them leave."""
    import pandas as pd

    rng = np.random.default_rng(seed)
    since = pd.Timestamp("2015-01-01") + pd.to_timedelta(rng.integers(0, 3000, n), unit="D")
    X = pd.DataFrame(
        {
            "age": rng.integers(18, 90, n),
            "spent": np.where(rng.random(n) < 0.1, np.nan, np.exp(rng.normal(4, 1.5, n)).round(2)),
            "town": rng.choice([*TOWNS, None], n),
            "plan": rng.choice(["basic", "family", "pro"], n),
            "member": rng.random(n) < 0.3,
            "since": np.where(rng.random(n) < 0.05, np.datetime64("NaT"), since.to_numpy()),
        }
    )
    days = (since - since.min()).days
    risk = 0.02 * (50 - X["age"]) + (X["plan"] == "basic") - X["member"] - 0.001 * days
    return X, np.where(risk + rng.normal(0, 0.5, n) > 0, "leaves", "stays")


def write(folder, clf, X, X_new):
    """Write the model, new rows, and its answers for them."""
    import pandas as pd

    from skbackprop.onnx import to_onnx

    (folder / "customers.onnx").write_bytes(to_onnx(clf, X).SerializeToString())
    X_new.to_csv(folder / "new_rows.csv", index=False)
    answers = pd.DataFrame(clf.predict_proba(X_new), columns=clf.classes_)
    answers.insert(0, "label", clf.predict(X_new))
    answers.to_csv(folder / "expected.csv", index=False)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, help="keep the files in this folder")
    output = parser.parse_args().output
    missing = [name for name in ("onnx", "pandas") if find_spec(name) is None]
    if missing:
        print(f"skipped: this example needs {', '.join(missing)}, not installed here")
        return
    from skbackprop import BackpropClassifier

    warnings.simplefilter("ignore")  # a short training
    X, y = customers(1500)
    X_new, _ = customers(200, seed=1)
    X_new.loc[:9, "town"] = "a new town"
    clf = BackpropClassifier(max_iter=20, random_state=0).fit(X, y)

    with tempfile.TemporaryDirectory() as temporary:
        folder = output or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        write(folder, clf, X, X_new)
        size = (folder / "customers.onnx").stat().st_size
        print(f"customers.onnx: {size / 1000:.0f} kB, of a table with columns {list(X.columns)}")
        if find_spec("onnxruntime"):  # serve it in another process
            subprocess.run([sys.executable, os.fspath(SERVER), os.fspath(folder)], check=True)


if __name__ == "__main__":
    main()
