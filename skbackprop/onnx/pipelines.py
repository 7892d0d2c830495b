"""Converters for skl2onnx, so that pipelines that end with our estimators are converted."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ..estimators import BackpropClassifier, BackpropRegressor
from ..mlp import MLPClassifier, MLPRegressor
from ..optional import optional
from ..targets.label_codecs import HeadsCodec, LabelCodec
from .convert import add_model
from .graph import Graph
from .inputs import Inputs, kinds_of_columns
from .targets import labels_of

OLDEST_OPSET = 18
KINDS = {"FloatTensorType": "float", "DoubleTensorType": "double", "Int64TensorType": "int64"}


def register():
    """Register the estimators of this package with skl2onnx.

    After it ``skl2onnx.to_onnx`` and ``convert_sklearn`` convert pipelines and other estimators
    of scikit-learn that hold a fitted `BackpropClassifier` or `BackpropRegressor` whose input is
    numbers, such as the output of a transformer.  Names and options are those of skl2onnx:
    ``zipmap``, ``nocl``, ``output_class_labels``, ``raw_scores``.  It needs ``target_opset`` 18 or
    later.

    Raises
    ------
    ImportError
        If skl2onnx is not installed.

    See Also
    --------
    to_onnx : Convert one estimator, from the raw columns of a table.

    Examples
    --------
    >>> from skbackprop.onnx import register
    >>> register()
    """
    otherwise = ", or use skbackprop.onnx.to_onnx, which does not need it"
    with optional("register", "skl2onnx", otherwise):
        from skl2onnx import update_registered_converter
    options = {
        "zipmap": [True, False, "columns"],
        "nocl": [True, False],
        "output_class_labels": [False, True],
        "raw_scores": [True, False],  # set by converters of what calls decision_function
    }
    for kind in (BackpropClassifier, MLPClassifier):
        update_registered_converter(
            kind,
            f"{kind.__module__}.{kind.__name__}",
            _classifier_shapes,
            _convert,
            options=options,
        )
    for regressor in (BackpropRegressor, MLPRegressor):
        name = f"{regressor.__module__}.{regressor.__name__}"
        update_registered_converter(regressor, name, _regressor_shapes, _convert)


def _classifier_shapes(operator: Any) -> None:
    """Tell skl2onnx the types and shapes of the outputs of a classifier."""
    from skl2onnx.common.data_types import Int64TensorType, StringTensorType

    codec = _codec(operator.scope_inst, operator.raw_operator)
    n, k = operator.inputs[0].get_first_dimension(), len(codec.classes)
    if isinstance(codec, LabelCodec):
        kind = Int64TensorType if labels_of(codec)[1] == "int64" else StringTensorType
        operator.outputs[0].set_type(kind([n]))
    else:
        operator.outputs[0].set_type(Int64TensorType([n, k]))
    operator.outputs[1].set_type(_number_type(operator)([n, k]))


def _regressor_shapes(operator: Any) -> None:
    """Tell skl2onnx the type and shape of the output of a regressor."""
    n, k = operator.inputs[0].get_first_dimension(), operator.raw_operator.n_outputs_
    operator.outputs[0].set_type(_number_type(operator)([n, k]))


def _convert(scope: Any, operator: Any, container: Any) -> None:
    """Add the nodes of an estimator to the graph of skl2onnx."""
    model = operator.raw_operator
    if container.target_opset < OLDEST_OPSET:
        raise ValueError(
            f"{type(model).__name__} needs target_opset={OLDEST_OPSET} or later, got "
            f"{container.target_opset}."
        )
    kinds = [_kind(variable) for variable in operator.inputs]
    fitted = replace(model._fitted, codec=_codec(scope, model))
    if fitted.encoder is not None and not fitted.encoder._sparse:
        _refuse_text(kinds_of_columns(fitted.encoder, None), fitted.encoder)
    number_type = "double" if _number_type(operator).__name__ == "DoubleTensorType" else "float"
    graph = Graph(number_type, prefix=f"{scope.get_unique_operator_name('skbackprop')}_")
    names = [variable.full_name for variable in operator.inputs]
    if len(names) > 1:
        kind = kinds[0] if len(set(kinds)) == 1 else "double"
        parts = [n if k == kind else graph.cast(n, kind) for n, k in zip(names, kinds, strict=True)]
        names, kinds = [graph.concat(parts)], [kind]
    inputs = Inputs(names, kinds[:1], None, model.n_features_in_)
    outputs = [variable.full_name for variable in operator.outputs]
    is_classifier = isinstance(model, (BackpropClassifier, MLPClassifier))
    raw = is_classifier and container.get_options(model, {"raw_scores": False})["raw_scores"]
    add_model(graph, fitted, inputs, outputs, number_type, raw=raw)
    _hand_over(graph, container)


def _hand_over(graph: Graph, container: Any) -> None:
    container.initializers.extend(graph.initializers)
    value = graph.helper.get_attribute_value
    for node in graph.nodes:
        settings = {item.name: value(item) for item in node.attribute}
        container.add_node(
            node.op_type,
            list(node.input),
            list(node.output),
            op_domain=node.domain,
            name=node.name,
            **settings,
        )


def _kind(variable: Any) -> str:
    name = type(variable.type).__name__
    if name not in KINDS:
        raise ValueError(
            f"The input {variable.raw_name!r} has the type {name}; in a pipeline the estimator "
            "needs numbers. Convert the estimator alone with skbackprop.onnx.to_onnx, which takes "
            "text, or put an encoder before it."
        )
    return KINDS[name]


def _refuse_text(kinds: dict[int, str], encoder: Any) -> None:
    text = [repr(encoder._name(i)) for i, kind in kinds.items() if kind == "string"]
    if text:
        raise ValueError(
            f"The columns {', '.join(text)} hold text; in a pipeline the estimator needs numbers. "
            "Convert the estimator alone with skbackprop.onnx.to_onnx."
        )


def _number_type(operator: Any) -> Any:
    from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType

    is_double = any(type(v.type) is DoubleTensorType for v in operator.inputs)
    return DoubleTensorType if is_double else FloatTensorType


def _codec(scope: Any, model: Any) -> Any:
    """The codec of the target, with numbers for classes if the option ``nocl`` asks for it."""
    codec = model._fitted.codec
    if isinstance(codec, HeadsCodec):
        raise ValueError(
            "skl2onnx has no outputs for several columns of labels. Convert the estimator alone "
            "with skbackprop.onnx.to_onnx, which has a pair of outputs for each."
        )
    if isinstance(codec, LabelCodec) and scope.get_options(model, {"nocl": False})["nocl"]:
        return replace(codec, classes=np.arange(len(codec.classes)))
    return codec
