"""Running an exported model in onnxruntime, on rows of any table."""

import numpy as np
import pandas as pd

from skbackprop.onnx import to_onnx

NUMBERS = {"tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(int64)": np.int64}


def session_of(onnx_model):
    import onnx
    import onnxruntime

    onnx.checker.check_model(onnx_model, full_check=True)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(
        onnx_model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def column(values, kind):
    """A column as a tensor of shape (n, 1)."""
    values = pd.Series(values)
    if kind == "tensor(string)":
        cells = values.astype(object).where(values.notna(), "").astype(str).to_numpy(object)
    elif values.dtype.kind in "mM":
        cells = values.astype(f"{values.dtype.kind}8[us]").astype("int64").to_numpy() / 1e6
        cells = np.where(values.isna(), np.nan, cells)
    else:
        cells = pd.to_numeric(values).to_numpy(dtype=NUMBERS[kind], na_value=np.nan)
    return cells.reshape(-1, 1)


def feeds(session, X):
    """The inputs of a session, from a table."""
    table = X if isinstance(X, pd.DataFrame) else None
    if len(session.get_inputs()) == 1 and session.get_inputs()[0].name == "X":
        (only,) = session.get_inputs()
        return {"X": np.asarray(X).astype(NUMBERS[only.type])}
    if table is None:
        table = pd.DataFrame(np.asarray(X, dtype=object))
        table.columns = [f"x{i}" for i in table.columns]
    return {i.name: column(table[i.name], i.type) for i in session.get_inputs()}


def run(model, X, X_sample=None, **settings):
    """The outputs of the exported model, by name."""
    session = session_of(to_onnx(model, X_sample, **settings))
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, feeds(session, X)), strict=True))
