"""A fitted estimator as an ONNX model."""

from __future__ import annotations

import json
from typing import Any

from sklearn.utils.validation import check_is_fitted

from ..estimators.arrays import check_names
from ..estimators.base import BackpropEstimator
from .encoder import Source, encode
from .graph import IR_VERSION, ML, ML_OPSET, OPSET, Graph, import_onnx
from .inputs import Inputs, choose_inputs
from .network import scores_of
from .targets import output_names, outputs_of

NUMBER_TYPES = {"float32": "float", "float64": "double"}


def to_onnx(model, X_sample=None, *, dtype="float32"):
    """Convert a fitted estimator to one ONNX graph, from raw columns to predictions.

    The graph holds the encoding of the table, the embeddings, the network with all its members,
    the calibration of the probabilities, and the scale and limits of the target.  It has no
    dropout and no state of training.  It uses opset 20 of ONNX and opset 4 of ``ai.onnx.ml``,
    and runs in onnxruntime 1.20 or later, without this package.

    A table of numbers is one input ``X`` of shape (n_samples, n_features).  Any other table has
    one input of shape (n_samples, 1) for each column that the model uses, under the name of the
    column, or ``x0``, ``x1``, … for columns without a name.  Columns of text are strings, and a
    missing cell is an empty string; numbers are float, double or int64, and a missing cell is
    NaN; dates, times and durations are seconds, in double.

    The names of the columns in `fit`, in their order, are a JSON list in the metadata of the
    model, under ``feature_names``.

    A classifier has the outputs ``label``, int64 or string, and ``probabilities``; with several
    columns of labels ``label_0``, ``probabilities_0``, ``label_1``, ….  A regressor has the
    output ``variable`` of shape (n_samples, n_outputs).

    Parameters
    ----------
    model : BackpropClassifier or BackpropRegressor
        A fitted estimator.
    X_sample : table, default=None
        A few rows like those to come.  The inputs get the types that its numbers have: float64
        gives double, float32 float, integers int64.  By default they are float, or double where
        a column has a large offset compared to its spread, as identifiers and times have.
    dtype : {"float32", "float64"}, default="float32"
        Precision of the network.  Numbers are centered and scaled in double precision in both.
        "float64" is for a network that takes unscaled numbers (``feature_encoding=None``).

    Returns
    -------
    onnx_model : onnx.ModelProto
        The model; ``onnx_model.SerializeToString()`` is what onnxruntime reads.

    Raises
    ------
    ImportError
        If onnx is not installed.
    TypeError
        If the model is not an estimator of this package.
    ValueError
        If a part cannot be converted: a layer, activation or loss of your own, a column of text
        that is read as numbers or dates in a special notation, labels that are neither whole
        numbers nor text.  If `X_sample` has other columns than X in `fit`, or another order.

    See Also
    --------
    register : Convert pipelines with skl2onnx.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skbackprop import BackpropClassifier
    >>> from skbackprop.onnx import to_onnx
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = BackpropClassifier(max_iter=2, random_state=0).fit(X, y)
    >>> onnx_model = to_onnx(clf)
    >>> [output.name for output in onnx_model.graph.output]
    ['label', 'probabilities']
    """
    onnx = import_onnx()
    if not isinstance(model, BackpropEstimator):
        raise TypeError(
            "to_onnx needs a BackpropClassifier or a BackpropRegressor, got "
            f"{type(model).__name__}. Convert pipelines with skl2onnx after "
            "skbackprop.onnx.register()."
        )
    check_is_fitted(model)
    if dtype not in NUMBER_TYPES:
        raise ValueError(f"dtype needs one of {', '.join(NUMBER_TYPES)}, got {dtype!r}.")
    fitted = model._fitted
    names = output_names(fitted.codec)
    inputs = choose_inputs(fitted.encoder, model.n_features_in_, X_sample, names)
    if X_sample is not None:
        check_names(model, X_sample, reset=False)
    graph = Graph(NUMBER_TYPES[dtype], {*names, *inputs.names})
    made = make_model(onnx, graph, inputs, add_model(graph, fitted, inputs, names))
    if hasattr(model, "feature_names_in_"):
        columns = json.dumps(model.feature_names_in_.tolist())
        onnx.helper.set_model_props(made, {"feature_names": columns})
    return made


def add_model(
    graph: Graph,
    fitted: Any,
    inputs: Inputs,
    names: list[str],
    kind: str | None = None,
    *,
    raw: bool = False,
) -> list[Any]:
    """Add everything from the inputs to the outputs; return name, type and shape of outputs."""
    encoded = encode(graph, fitted.encoder, Source(graph, inputs, fitted.encoder))
    return outputs_of(
        graph, fitted, scores_of(graph, fitted.network, encoded), names, kind, raw=raw
    )


def make_model(onnx: Any, graph: Graph, inputs: Inputs, outputs: list[Any]) -> Any:
    """The model of a graph that is complete, checked."""
    helper, width = onnx.helper, inputs.n_features if inputs.is_matrix else 1
    infos = [
        helper.make_tensor_value_info(name, graph.type_code(kind), [None, width])
        for name, kind in zip(inputs.names, inputs.kinds, strict=True)
    ]
    ends = [
        helper.make_tensor_value_info(name, graph.type_code(kind), shape)
        for name, kind, shape in outputs
    ]
    made = helper.make_graph(graph.nodes, "skbackprop", infos, ends, graph.initializers)
    model = helper.make_model(
        made,
        ir_version=IR_VERSION,
        opset_imports=[helper.make_opsetid("", OPSET), helper.make_opsetid(ML, ML_OPSET)],
        producer_name="skbackprop",
    )
    onnx.checker.check_model(model)
    return model
