"""The layers of a network as a table: shapes, parameters, activations, gradients.

>>> from skbackprop.nn import ACTIVATIONS, Network, mlp
>>> network = Network(mlp(4, (8,), 3, activations=[ACTIVATIONS["relu"]]))
>>> network.initialize(np.random.RandomState(0))
>>> summary(network)
Network 4-8-3, float64, 67 parameters
<BLANKLINE>
layer       output  parameters   share
dense_0     (n, 8)          40  59.7 %
activate_1  (n, 8)           0   0.0 %
dense_2     (n, 3)          27  40.3 %
"""

from __future__ import annotations

from html import escape
from math import prod
from typing import Any

import numpy as np

from ..nn.layers import (
    Activate,
    CategoricalEmbedding,
    Dropout,
    Identity,
    Layer,
    Residual,
    Sequential,
    TableInput,
)
from ..nn.network import Network
from .markup import framed, number, table_html
from .models import arguments_of_pass, in_double_precision, open_model
from .naming import DENSE
from .record import LayerRecord, Recording, record_pass

COLUMNS = ("layer", "output", "parameters", "share", "mean", "std", "dead", "gradient norm")


class Summary:
    """The layers of a network, as `summary` returns them.

    ``print(s)`` shows a table, a notebook shows it as HTML, and ``pandas.DataFrame(s.rows)`` has
    its numbers.

    Attributes
    ----------
    rows : list of dict
        For each layer the columns of the table.
    n_parameters : int
        The number of trained numbers, of all members together.
    title : str
    """

    def __init__(self, title: str, rows: list[dict[str, Any]], n_parameters: int):
        self.title, self.rows, self.n_parameters = title, rows, n_parameters

    def cells(self) -> tuple[list[str], list[list[str]]]:
        """The header and the rows of the table as text; columns without a number are left out."""
        known = [name for name in COLUMNS if any(row.get(name) is not None for row in self.rows)]
        return known, [[_text(name, row.get(name)) for name in known] for row in self.rows]

    def __repr__(self) -> str:
        header, rows = self.cells()
        widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
        lines = [self.title, ""]
        for row in (header, *rows):
            first, *rest = (
                cell.rjust(width) if i > 1 else cell.ljust(width)
                for i, (cell, width) in enumerate(zip(row, widths, strict=True))
            )
            lines.append("  ".join([first, *rest]).rstrip())
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return framed(f"<div><b>{escape(self.title)}</b></div>", table_html(*self.cells()))


def summary(model: Any, X: Any = None, y: Any = None, *, loss: Any = None) -> Summary:
    """The layers of a network with the shapes of their outputs and their parameters.

    With `X`, also the mean and the standard deviation of what each layer returns for these rows,
    and how many units of an activation are dead: they return the same for every row.  With `X` and
    `y`, also the norm of the gradient of the mean loss with respect to the parameters of each
    layer.  Random parts are off, as in prediction.

    Parameters
    ----------
    model : estimator or Network
        A fitted `BackpropClassifier` or `BackpropRegressor`, a pipeline or a fitted search that
        ends with one, or a `Network`.
    X : table of shape (n_samples, n_features), optional
        Rows as the model gets them, two or more.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs), optional
        Their targets.
    loss : str or Loss, optional
        For a `Network` and `y`: a key of `LOSSES`, or a loss.  An estimator has its own.

    Returns
    -------
    summary : Summary
        A table that can be printed.  All members of an ensemble are counted together; the gradient
        norm is the root of the mean square over the members.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skbackprop.inspection import summary
    >>> from skbackprop.mlp import MLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> model = MLPClassifier((5,), solver="lbfgs", random_state=0).fit(X, y)
    >>> summary(model, X, y)
    MLPClassifier 4-5-3, float64, 43 parameters
    <BLANKLINE>
    layer       output  parameters   share    mean    std  dead  gradient norm
    dense_0     (n, 5)          25  58.1 %   ...
    activate_1  (n, 5)           0   0.0 %   ...
    dense_2     (n, 3)          18  41.9 %   ...
    """
    recording = record_model(model, X, y, loss=loss)
    rows = [
        _row(recording, record, with_rows=X is not None)
        for record in recording.records
        if not isinstance(record.layer, Identity)
    ]
    n = recording.network.layout.size
    return Summary(f"{title_of(model, recording)}, {n:,} parameters", rows, n)


def _row(recording: Recording, record: LayerRecord, *, with_rows: bool) -> dict[str, Any]:
    layout, arrays = recording.network.layout, recording.own_arrays(record)
    n = sum(prod(layout.trained[path][1].shape) for path in arrays)
    row: dict[str, Any] = {"layer": name_of_record(record), "output": _shape(record)}
    row |= {"parameters": n, "share": n / (layout.size or 1)}
    if with_rows and not isinstance(record.layer, Dropout):
        row |= {"mean": float(record.y.mean()), "std": float(record.y.std())}
        row["dead"] = count_dead(record) if isinstance(record.layer, Activate) else None
    if recording.grad is not None:
        row["gradient norm"] = gradient_norm(recording, record) if arrays else None
    return row


def name_of_record(record: LayerRecord) -> str:
    """The name of a layer in its network."""
    return ".".join(record.path) or type(record.layer).__name__.lower()


def title_of(model: Any, recording: Recording) -> str:
    """What kind of model, with the widths of its layers, its members and its precision."""
    dense = [r for r in recording.records if isinstance(r.layer, DENSE)]
    dense = [r for r in dense if r.path[-1:] != ("shortcut",)]
    widths = "-".join(str(a.shape[-1]) for a in [*(r.x for r in dense[:1]), *(r.y for r in dense)])
    network, kind = model, "Network"
    if not isinstance(model, Network):
        estimator = open_model(model).estimator
        network, kind = estimator.network_, type(estimator).__name__
    k = f", {len(recording.scores)} members" if recording.scores.ndim == 3 else ""
    return f"{kind} {widths}{k}, {network.dtype}"


def record_model(model: Any, X: Any = None, y: Any = None, *, loss: Any = None) -> Recording:
    """A recorded pass of all members for these rows, or for two rows of zeros."""
    if y is not None and X is None:
        raise ValueError("y needs X, got y without X. Pass the rows, too.")
    network = model if isinstance(model, Network) else open_model(model).estimator._fitted.network
    network = in_double_precision(network)
    if X is None:
        return record_pass(network, np.zeros((2, n_inputs(network.layer)), network.dtype))
    x, target, loss = arguments_of_pass(model, X, y, loss, network.dtype)
    if x.shape[-2] < 2:
        raise ValueError(
            f"Statistics of activations need two rows or more, got {x.shape[-2]}. Pass more rows, "
            "or leave X out."
        )
    return record_pass(network, x, target, loss)


def n_inputs(layer: Layer) -> int:
    """The number of columns that go into a layer.

    >>> from skbackprop.nn import Dense
    >>> n_inputs(Sequential((Dropout(0.1), Dense(3, 2))))
    3
    """
    if isinstance(layer, Sequential):
        changing = (part for part in layer.layers if not isinstance(part, (Activate, Dropout)))
        return n_inputs(next(changing))
    if isinstance(layer, Residual):
        return n_inputs(layer.inner)
    if isinstance(layer, TableInput):
        return layer.n_plain + len(layer.categorical.cardinalities if layer.categorical else ())
    if isinstance(layer, CategoricalEmbedding):
        return len(layer.cardinalities)
    any_layer: Any = layer  # a norm or a scale has a shape
    return any_layer.n_in if hasattr(layer, "n_in") else any_layer.shape[-1]


def gradient_norm(recording: Recording, record: LayerRecord) -> float:
    """The norm of the gradient of a layer; of several members the root mean square."""
    assert recording.grad is not None
    places = [recording.network.layout.trained[path][0] for path in recording.own_arrays(record)]
    squares = sum(float(np.dot(recording.grad[s], recording.grad[s])) for s in places)
    k = recording.scores.shape[0] if recording.scores.ndim == 3 else 1
    return float(np.sqrt(squares / k))


def count_dead(record: LayerRecord) -> int:
    """How many units return the same for every row, in all members."""
    return int((record.y == record.y[..., :1, :]).all(axis=-2).sum())


def _text(column: str, value: Any) -> str:
    if value is None:
        return ""
    if column == "share":
        return f"{100 * value:.1f} %"
    return f"{value:,}" if isinstance(value, int) else number(value)


def _shape(record: LayerRecord) -> str:
    *members, _, width = record.y.shape
    return f"({', '.join([*map(str, members), 'n', str(width)])})"
