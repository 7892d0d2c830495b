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
from .inputs import LARGE_OFFSET, LARGEST_SCALE
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
    graph: Graph,
    fitted: Any,
    scores: Tensor,
    names: list[str],
    kind: str | None = None,
    *,
    raw: bool = False,
) -> list[Output]:
    """Add the outputs to a graph; return the name, type and shape of each.

    With `raw` the scores of ``decision_function`` stand for the probabilities; of two classes
    those of both.
    """
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
        return multilabel(graph, codec, scores, names, raw)
    ends = np.cumsum([0, *(head.n_targets for head in codec.heads)])
    outputs = []
    for i, head in enumerate(codec.heads):
        part = scores
        if len(codec.heads) > 1:
            part = Tensor(
                graph.columns(scores.name, np.arange(ends[i], ends[i + 1])), scores.stacked
            )
        outputs += labels(graph, head, part, names[2 * i : 2 * i + 2], raw)
    return outputs


def mean_of_members(graph: Graph, x: str, stacked: bool) -> str:
    """The mean over the axis of members, if there is one."""
    if not stacked:
        return x
    return graph.add("ReduceMean", x, graph.constant([0], "int64"), keepdims=0)


# ---- labels ----------------------------------------------------------------------------------


def labels(
    graph: Graph, codec: LabelCodec, scores: Tensor, names: list[str], raw: bool
) -> list[Output]:
    """The label and the probabilities of one column of labels."""
    classes, kind = labels_of(codec)
    if len(classes) == 2:
        both = graph.add("Concat", graph.add("Neg", scores.name), scores.name, axis=-1)
        p = graph.add("Sigmoid", both)
        decision = log_odds(graph, Tensor(both, scores.stacked)) if raw else ""
    else:
        p = graph.add("Softmax", scores.name, axis=-1)
        decision = log_probabilities(graph, scores) if raw else ""
    p = mean_of_members(graph, p, scores.stacked)
    graph.add("Identity", decision or p, output=names[1])
    best = graph.add("ArgMax", p, axis=1, keepdims=0)
    graph.add("Gather", graph.constant(classes, kind), best, output=names[0])
    return [(names[0], kind, [None]), (names[1], graph.number_type, [None, len(classes)])]


def log_odds(graph: Graph, scores: Tensor) -> str:
    """The log-odds of the mean probability of the members."""
    if not scores.stacked:
        return scores.name
    negative = graph.add("Neg", scores.name)
    q, p = (graph.add("Neg", graph.add("Softplus", x)) for x in (scores.name, negative))
    return graph.add("Sub", sum_in_logarithms(graph, p), sum_in_logarithms(graph, q))


def log_probabilities(graph: Graph, scores: Tensor) -> str:
    """The scores; of members the logarithm of their mean probability."""
    if not scores.stacked:
        return scores.name
    log_p = graph.add("LogSoftmax", scores.name, axis=-1)
    n = graph.add("Shape", log_p, start=0, end=1)
    log_n = graph.add("Log", graph.add("Cast", n, to=graph.type_code(graph.number_type)))
    return graph.add("Sub", sum_in_logarithms(graph, log_p), log_n)


def sum_in_logarithms(graph: Graph, x: str) -> str:
    """``log(Σ exp(x))`` over the members."""
    return graph.add("ReduceLogSumExp", x, graph.constant([0], "int64"), keepdims=0)


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
    graph: Graph, codec: MultilabelCodec, scores: Tensor, names: list[str], raw: bool
) -> list[Output]:
    """For each label whether it is predicted, and its probability."""
    p = mean_of_members(graph, graph.add("Sigmoid", scores.name), scores.stacked)
    graph.add("Identity", log_odds(graph, scores) if raw else p, output=names[1])
    is_predicted = graph.add("Greater", p, 0.5)
    graph.add("Cast", is_predicted, to=graph.type_code("int64"), output=names[0])
    shape = [None, codec.n_targets]
    return [(names[0], "int64", shape), (names[1], graph.number_type, shape)]


# ---- numbers ---------------------------------------------------------------------------------


def numbers(graph: Graph, fitted: Any, scores: Tensor, name: str, kind: str | None) -> Output:
    """Predictions in the units of y; in double if single precision has too few digits or powers."""
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
    limits = [] if codec.low is None else [*np.ravel(codec.low), *np.ravel(codec.high)]
    is_far = (
        np.abs([*center, *scale, *limits]).max() > LARGEST_SCALE or scale.min() < 1 / LARGEST_SCALE
    )
    kind = kind or ("double" if is_large or is_far else graph.number_type)
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
