"""From the scores of a network to labels, probabilities and numbers.

``predict(combine(scores))`` is the mean of the predictions of the members (`Loss.combine`), and
that is how a graph computes it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..nn import losses
from ..nn.losses.regression import SCORE_CAP
from ..targets.label_codecs import HeadsCodec, LabelCodec, MultilabelCodec
from ..targets.number_codec import TargetCodec
from .graph import NUMPY_TYPES, Graph
from .inputs import LARGE_OFFSET
from .network import Tensor

Output = tuple[str, str, list[Any]]  # name, type, shape

IDENTITY = (losses.HalfSquaredError, losses.AbsoluteError, losses.Huber, losses.Pinball)
EXP = (losses.HalfPoissonDeviance, losses.HalfGammaDeviance, losses.HalfTweedieDeviance)


def output_names(codec: Any) -> list[str]:
    """The names of the outputs, those of skl2onnx.

    With several columns of labels each column has a pair, ``label_0``, ``probabilities_0``, ….
    """
    if isinstance(codec, TargetCodec):
        return ["variable"]
    if isinstance(codec, HeadsCodec):
        pairs = range(len(codec.heads))
        return [f"{name}_{i}" for i in pairs for name in ("label", "probabilities")]
    return ["label", "probabilities"]


def outputs_of(
    graph: Graph, fitted: Any, scores: Tensor, names: list[str], kind: str | None = None
) -> list[Output]:
    """Add the outputs to a graph; return the name, type and shape of each."""
    codec, loss = fitted.codec, fitted.loss
    if fitted.temperature != 1.0:
        divided = graph.add("Div", scores.name, fitted.temperature)
        scores = Tensor(divided, scores.stacked)
    if isinstance(codec, TargetCodec):
        return [numbers(graph, fitted, scores, names[0], kind)]
    if type(loss) is not type(codec.loss):
        raise ValueError(
            f"The loss {type(loss).__name__} has no ONNX formula for these labels. Fit with "
            "loss='log_loss'."
        )
    if isinstance(codec, MultilabelCodec):
        return multilabel(graph, codec, scores, names)
    ends = np.cumsum([0, *(head.n_targets for head in codec.heads)])
    outputs = []
    for i, head in enumerate(codec.heads):
        part = scores
        if len(codec.heads) > 1:
            part = Tensor(
                graph.columns(scores.name, np.arange(ends[i], ends[i + 1])), scores.stacked
            )
        outputs += labels(graph, head, part, names[2 * i : 2 * i + 2])
    return outputs


def mean_of_members(graph: Graph, x: str, stacked: bool) -> str:
    """The mean over the axis of members, if there is one."""
    if not stacked:
        return x
    return graph.add("ReduceMean", x, graph.constant([0], "int64"), keepdims=0)


# ---- labels ----------------------------------------------------------------------------------


def labels(graph: Graph, codec: LabelCodec, scores: Tensor, names: list[str]) -> list[Output]:
    """The label and the probabilities of one column of labels."""
    classes, kind = labels_of(codec)
    if len(classes) == 2:
        both = graph.add("Concat", graph.add("Neg", scores.name), scores.name, axis=-1)
        p = graph.add("Sigmoid", both)
    else:
        p = graph.add("Softmax", scores.name, axis=-1)
    p = graph.add("Identity", mean_of_members(graph, p, scores.stacked), output=names[1])
    best = graph.add("ArgMax", p, axis=1, keepdims=0)
    graph.add("Gather", graph.constant(classes, kind), best, output=names[0])
    return [(names[0], kind, [None]), (names[1], graph.number_type, [None, len(classes)])]


def labels_of(codec: LabelCodec) -> tuple[list[Any], str]:
    """The labels of the classes, and their type: whole numbers or strings."""
    classes = codec.classes.tolist()
    if all(isinstance(label, str) for label in classes):
        return classes, "string"
    numbers = all(isinstance(label, (bool, int, float)) for label in classes)
    if numbers and all(float(n).is_integer() and -(2**63) <= n < 2**63 for n in classes):
        return [int(label) for label in classes], "int64"
    raise ValueError(
        f"ONNX has labels of type int64 and string, got classes such as {classes[0]!r:.50}. "
        "Fit with y.astype(str), or with the numbers of the classes."
    )


def multilabel(
    graph: Graph, codec: MultilabelCodec, scores: Tensor, names: list[str]
) -> list[Output]:
    """For each label whether it is predicted, and its probability."""
    p = mean_of_members(graph, graph.add("Sigmoid", scores.name), scores.stacked)
    graph.add("Identity", p, output=names[1])
    is_predicted = graph.add("Greater", p, 0.5)
    graph.add("Cast", is_predicted, to=graph.type_code("int64"), output=names[0])
    shape = [None, codec.n_targets]
    return [(names[0], "int64", shape), (names[1], graph.number_type, shape)]


# ---- numbers ---------------------------------------------------------------------------------


def numbers(graph: Graph, fitted: Any, scores: Tensor, name: str, kind: str | None) -> Output:
    """Predictions in the units of y; in double if the target has a large offset."""
    codec, loss = fitted.codec, fitted.loss
    y = mean_of_members(graph, predictions(graph, loss, scores.name), scores.stacked)
    n_outputs = loss.n_scores(codec.n_targets)
    per_target = n_outputs // codec.n_targets
    center, scale = (
        np.repeat(np.broadcast_to(a, codec.n_targets), per_target)
        for a in (codec.center, codec.scale)
    )
    y = graph.cast(y, "double") if graph.number_type == "float" else y
    if (center != 0).any() or (scale != 1).any():
        y = graph.add("Mul", y, graph.constant(scale, "double"))
        y = graph.add("Add", y, graph.constant(center, "double"))
    if codec.low is not None:
        y = graph.add("Max", y, graph.constant(np.repeat(codec.low, per_target), "double"))
        y = graph.add("Min", y, graph.constant(np.repeat(codec.high, per_target), "double"))
    is_large = (np.abs(center / scale) > LARGE_OFFSET).any()
    kind = kind or ("double" if is_large else graph.number_type)
    graph.add("Cast", y, to=graph.type_code(kind), output=name)
    return name, kind, [None, n_outputs]


def predictions(graph: Graph, loss: Any, scores: str) -> str:
    """The inverse link of a loss."""
    if type(loss) in IDENTITY:
        return scores
    if type(loss) in EXP:
        cap = SCORE_CAP[np.dtype(NUMPY_TYPES[graph.number_type])]
        return graph.add("Exp", graph.add("Min", scores, cap))
    raise ValueError(
        f"The loss {type(loss).__name__} has no ONNX formula. Fit with one of "
        f"{', '.join(repr(name) for name in losses.LOSSES)}."
    )
