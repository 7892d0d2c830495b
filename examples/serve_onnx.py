"""Raw rows to predictions, with NumPy and onnxruntime alone: no skbackprop, no pandas.

Reads a folder that ``export_onnx.py --output FOLDER`` has written: a model in ONNX, and raw rows
as text.  The model does the rest: it imputes missing cells, scales, encodes categories, also new
ones, and returns labels and probabilities.  They are compared with those of the estimator in
``expected.csv``.
"""

import argparse
import csv
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np

NUMBERS = {"tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(int64)": np.int64}
DATES = {"since"}  # dates are seconds since 1970
WORDS = {"True": "1", "False": "0", "": "nan"}


def column(name, texts, kind):
    """One column of a table as a tensor of shape (n, 1)."""
    if kind == "tensor(string)":  # as it is; a missing cell is an empty text
        return np.array(texts, object).reshape(-1, 1)
    if name in DATES:
        moments = np.array([text or "NaT" for text in texts], "M8[s]")
        numbers = np.where(np.isnat(moments), np.nan, moments.astype(np.int64))
    else:
        numbers = np.array([WORDS.get(text, text) for text in texts], float)
    return numbers.astype(NUMBERS[kind]).reshape(-1, 1)


def read(path):
    """The columns of a file of comma-separated values, as lists of text by name."""
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return {name: [row[name] for row in rows] for name in rows[0]}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?", help="written by export_onnx.py")
    folder = parser.parse_args().folder
    if folder is None or find_spec("onnxruntime") is None:
        print("skipped: this example needs onnxruntime and the folder of export_onnx.py --output")
        return
    import onnxruntime

    session = onnxruntime.InferenceSession(
        folder / "customers.onnx", providers=["CPUExecutionProvider"]
    )
    table, expected = read(folder / "new_rows.csv"), read(folder / "expected.csv")
    feeds = {i.name: column(i.name, table[i.name], i.type) for i in session.get_inputs()}
    label, p = session.run(["label", "probabilities"], feeds)

    difference = np.abs(p - np.array([expected["leaves"], expected["stays"]], float).T).max()
    others = np.sum(label != np.array(expected["label"]))
    known = [name for name in ("skbackprop", "sklearn", "pandas") if find_spec(name)]
    print(f"installed beside onnxruntime:            {', '.join(known) or 'none of ours'}")
    print(f"largest difference of a probability:     {difference:.1e}")
    print(f"labels that differ, of {len(label)}:              {others}")
    assert not {"skbackprop", "sklearn", "pandas"} & set(sys.modules)
    assert difference < 1e-5
    assert others == 0


if __name__ == "__main__":
    main()
