"""Backpropagation, step by step: every array of one pass, under the name that textbooks use.

The arrays are those of the layers of the network; nothing is computed a second time.  `trace`
passes rows forward and backward, and makes one step of plain gradient descent on a copy.

>>> from skbackprop.nn import ACTIVATIONS, Network, mlp
>>> network = Network(mlp(2, (2,), 1, activations=[ACTIVATIONS["logistic"]]))
>>> network.initialize(np.random.RandomState(0))
>>> t = trace(network, [1.0, 0.0], [1.0], loss="binary_log_loss")
>>> t[2].delta.round(3), t["δ⁽²⁾"] is t[2].delta
(array([[-0.248]]), True)
>>> np.allclose(t[2].dW, t[1].a.T @ t[2].delta)
True
"""

from __future__ import annotations

from html import escape
from itertools import groupby
from operator import attrgetter
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

from ..nn.losses import (
    BinaryLogLoss,
    HalfPoissonDeviance,
    HalfSquaredError,
    Loss,
    MulticlassLogLoss,
)
from ..nn.network import Network
from ..optim import SGD
from .markup import as_html, as_text, framed
from .models import arguments_of_pass, in_double_precision, one_member, open_model
from .naming import Namer, Step, delta_of, superscript
from .record import Recording, record_pass

# Losses whose delta, with their own link, is the prediction minus the target.
CANONICAL = (BinaryLogLoss, HalfPoissonDeviance, HalfSquaredError, MulticlassLogLoss)
WIDEST_FORMULA = 44  # characters; in the text a longer one has a line of its own


class Entry(NamedTuple):
    """One array: its part of the pass, its layer, its name, its formula, its value."""

    part: str
    number: int
    name: str
    formula: str
    value: Any


class TracedLayer(SimpleNamespace):
    """The arrays of one layer; None is what it does not have.

    Attributes
    ----------
    z, a : ndarray
        Before and after the activation.
    W, b : ndarray
        Weights and biases.
    delta : ndarray
        ``∂L/∂z``.
    dW, db : ndarray
        ``∂L/∂W`` and ``∂L/∂b``.
    new_W, new_b : ndarray
        After one step of gradient descent.
    """

    z = a = W = b = delta = dW = db = new_W = new_b = None

    def __repr__(self) -> str:
        shapes = (f"{name}: {np.shape(value)}" for name, value in vars(self).items())
        return f"TracedLayer({', '.join(shapes)})"


class Trace:
    """The arrays of one pass of a network, by layer and by name.

    ``t[l]`` is layer `l`, from 1, as a `TracedLayer`: ``t[1].z``, ``t[1].a``, ``t[1].delta``,
    ``t[1].dW``, ``t[1].new_W``; ``t[0].a`` is the input, and ``t[-1]`` the last layer.  ``t[name]``
    is an array by its name, ``t["δ⁽¹⁾"]``, also where a layer is none of the textbooks',
    ``t["LayerNorm⁽¹⁾"]``.  ``print(t)`` shows all of them; a notebook shows them as HTML.

    Attributes
    ----------
    entries : list of Entry
        All arrays in the order of the computation, each with its name and formula.
    layers : list of TracedLayer
    loss : float or None
        The mean loss of the rows, without penalties.
    learning_rate : float
        The ``η`` of the update.
    """

    def __init__(self, title: str, entries: list[Entry], notes: list[str], learning_rate: float):
        self.title, self.entries, self.notes = title, entries, notes
        self.learning_rate = learning_rate
        self._by_name = {entry.name: entry.value for entry in entries}
        self.loss: float | None = self._by_name.get("L")
        self.layers = [self._layer(i) for i in range(max(e.number for e in entries) + 1)]

    def _layer(self, number: int) -> TracedLayer:
        label = superscript(number)
        names = {
            **{short: f"{short}{label}" for short in ("z", "a", "W", "b")},
            "delta": f"δ{label}",
            **{f"d{short}": f"∂L/∂{short}{label}" for short in ("W", "b")},
            **{f"new_{short}": f"new {short}{label}" for short in ("W", "b")},
        }
        values = {short: self._by_name.get(name) for short, name in names.items()}
        return TracedLayer(**{short: v for short, v in values.items() if v is not None})

    def __len__(self) -> int:
        return len(self.layers)

    def __getitem__(self, key: int | str) -> Any:
        if not isinstance(key, str):
            return self.layers[key]
        if key not in self._by_name:
            raise KeyError(f"{key!r} is none of the arrays {', '.join(self._by_name)}")
        return self._by_name[key]

    @property
    def names(self) -> list[str]:
        """The names of all arrays, in the order of the computation."""
        return list(self._by_name)

    def _parts(self) -> list[tuple[str, list[Entry]]]:
        titles = {"update": f"update, η = {self.learning_rate:g}"}
        return [
            (titles.get(part, part), list(entries))
            for part, entries in groupby(self.entries, attrgetter("part"))
        ]

    def __repr__(self) -> str:
        lines = [self.title, *self.notes]
        for title, entries in self._parts():
            lines += ["", title]
            texts = [f"  {e.name} = {e.formula}" if e.formula else f"  {e.name}" for e in entries]
            width = 2 + max((len(t) for t in texts if len(t) <= WIDEST_FORMULA), default=0)
            for text, entry in zip(texts, entries, strict=True):
                value = as_text(entry.value).replace("\n", "\n" + " " * width)
                if len(text) > WIDEST_FORMULA:
                    lines.append(text)
                    text = ""
                lines.append(f"{text:{width}}{value}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        rows = []
        for title, entries in self._parts():
            rows.append(f'<tr><th class="skb-part" colspan="2">{escape(title)}</th></tr>')
            rows += [
                f"<tr><td><b>{escape(e.name)}</b>{escape(f' = {e.formula}' if e.formula else '')}"
                f"</td><td>{as_html(e.value)}</td></tr>"
                for e in entries
            ]
        notes = "".join(f"<div>{escape(note)}</div>" for note in self.notes)
        table = f'<table class="skb-rows skb-trace"><tbody>{"".join(rows)}</tbody></table>'
        return framed(f"<div><b>{escape(self.title)}</b></div>{notes}", table)


def trace(
    model: Any,
    x: Any,
    y: Any = None,
    *,
    loss: Any = None,
    member: int = 0,
    learning_rate: float = 0.1,
) -> Trace:
    """One forward and backward pass of a row or of a batch, and one step of gradient descent.

    The model is left as it is.  Random parts are off, as in prediction: dropout is the identity,
    and batch normalization uses its running moments.  The loss is the mean loss of the rows,
    without penalties, class weights and label smoothing, and probabilities are those that the
    loss sees, without a calibration.  All numbers have double precision.

    Parameters
    ----------
    model : estimator or Network
        A fitted `BackpropClassifier` or `BackpropRegressor`, a pipeline or a fitted search that
        ends with one, or a `Network`.
    x : array-like of shape (n_features,) or (n_samples, n_features)
        A row or a batch, as the model gets it.  ``a⁽⁰⁾`` is what the network gets: the encoded
        row of a table.
    y : scalar or array-like, optional
        The target of the row, or of each row.  Without it there is a forward pass only.  A
        regressor that standardizes its target has ``y`` and ``a⁽ᴸ⁾`` in standard deviations.
    loss : str or Loss, optional
        For a `Network`: a key of `LOSSES`, or a loss.  An estimator has its own.
    member : int, default=0
        Which member of an ensemble.
    learning_rate : float, default=0.1
        The ``η`` of the update ``W ← W − η ∂L/∂W``.

    Returns
    -------
    trace : Trace
        The arrays, by layer and by name.

    References
    ----------
    Rumelhart, Hinton & Williams, "Learning representations by back-propagating errors" (1986).
    The names are those of Nielsen, "Neural networks and deep learning" (2015), with examples in
    rows.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skbackprop.inspection import trace
    >>> from skbackprop.mlp import MLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> model = MLPClassifier((5,), solver="lbfgs", random_state=0).fit(X, y)
    >>> t = trace(model, X[70], y[70])
    >>> t[-1].a.round(3), t[-1].delta.round(3)          # softmax, and softmax − target
    (array([[0.   , 0.595, 0.405]]), array([[ 0.   , -0.405,  0.405]]))
    """
    stacked: set[Any]
    if isinstance(model, Network):
        network, stacked = in_double_precision(model), set()
        x, source, temperature = np.atleast_2d(np.asarray(x)), "the input", 1.0
    else:
        estimator = open_model(model).estimator
        network, stacked = one_member(estimator, member)
        x, source = _as_table(model, x), "the row as the network gets it"
        temperature = estimator._fitted.temperature
    y = np.asarray(y)[None] if y is not None and np.ndim(y) == 0 else y
    x, target, loss = arguments_of_pass(model, x, y, loss, network.dtype)
    shape = network.layer.output_shape(x.shape)
    if isinstance(model, Network) and len(shape) > 2:
        raise ValueError(
            f"trace needs a network of one member, got one of {shape[0]}. Pass the fitted "
            "estimator, and choose a member with member=."
        )
    recording = record_pass(network, x, target, loss)
    names = Namer(recording)
    entries = [Entry("forward", 0, "a⁽⁰⁾", source, x), *_forward(names, recording, stacked)]
    if loss is not None:
        prediction = _prediction(names, recording, loss)
        if prediction.name != names.output:
            entries.append(prediction)
    if target is not None:
        entries += _loss(prediction.name, recording, loss, target)
        from_loss = _of_loss(prediction.name, loss, len(target))
        entries += _backward(names, recording, stacked, from_loss)
        entries += _update(names, recording, stacked, learning_rate)
    sizes = "-".join(str(width) for width in _widths(entries))
    rows = "1 row" if len(x) == 1 else f"{len(x)} rows"
    notes = [f"{', '.join(names.off)}: off, as in prediction"] if names.off else []
    notes += [f"temperature {temperature:.4g}: off, as in training"] if temperature != 1 else []
    return Trace(f"{sizes} network, {rows}", entries, notes, learning_rate)


def _as_table(model: Any, x: Any) -> Any:
    """A row as a table of one row; a table as it is."""
    if hasattr(x, "to_frame"):  # a row of a DataFrame
        return x.to_frame().T
    if np.ndim(x) == 1 and hasattr(model, "n_features_in_"):  # else they are texts
        return [x] if isinstance(x, list) else np.asarray(x)[None]
    return x


def _one(array: Any) -> Any:
    """Without the axis of members, of which there is one."""
    return array[0] if np.ndim(array) == 3 else array


def _forward(names: Namer, recording: Recording, stacked: set[Any]) -> list[Entry]:
    entries = []
    for step in names.steps:
        for name, value in _arrays(step, recording.network.p, stacked):
            entries.append(Entry("forward", step.number, name, "", value))
        value = _one(step.record.y)
        entries.append(Entry("forward", step.number, step.name, step.formula, value))
    return entries


def _prediction(names: Namer, recording: Recording, loss: Loss) -> Entry:
    """What the loss makes of the scores; the last activation, if it leaves them as they are."""
    scores, last = _one(recording.scores), names.output
    if loss.link == "identity" and last.startswith("a"):
        return Entry("forward", names.number, last, "", scores)
    name = names.unused(f"a{superscript(names.number)}")
    formula = last if loss.link == "identity" else f"{loss.link}({last})"
    return Entry("forward", names.number, name, formula, loss.predict(scores))


def _loss(prediction: str, recording: Recording, loss: Loss, target: np.ndarray) -> list[Entry]:
    formula = f"{_name(loss)}({prediction}, y)"
    formula += ", the mean of the rows" if len(target) > 1 else ""
    return [
        Entry("forward", 0, "y", "the target", target),
        Entry("forward", 0, "L", formula, recording.loss),
    ]


def _name(loss: Loss) -> str:
    return getattr(loss, "name", "") or type(loss).__name__


def _of_loss(prediction: str, loss: Loss, n: int) -> str:
    """The formula of the derivative of the loss with respect to the scores."""
    mean = "" if n == 1 else f" / {n}"
    if isinstance(loss, CANONICAL):
        return f"({prediction} − y){mean}" if mean else f"{prediction} − y"
    return f"∂{_name(loss)}{mean}"


def _backward(names: Namer, recording: Recording, stacked: set[Any], from_loss: str) -> list[Entry]:
    entries: list[Entry] = []
    assert recording.grad is not None
    g = recording.network.layout.bind(recording.grad)
    for step in reversed(names.steps):
        last = step.name == names.output
        formula = from_loss if last else names.backward_formula(step.name)
        delta = _one(step.record.d)
        entries.append(Entry("backward", step.number, delta_of(step.name), formula, delta))
        for name, value in _arrays(step, g, stacked):
            formula = step.gradients.get(name, "")
            entries.append(Entry("backward", step.number, f"∂L/∂{name}", formula, value))
    formula = names.backward_formula("a⁽⁰⁾")
    return [*entries, Entry("backward", 0, "∂L/∂a⁽⁰⁾", formula, _one(recording.dx))]


def _update(
    names: Namer, recording: Recording, stacked: set[Any], learning_rate: float
) -> list[Entry]:
    network, descent = recording.network, SGD(momentum=0.0)
    theta = network.theta.copy()
    assert recording.grad is not None
    descent.step(theta, recording.grad, learning_rate, descent.state(theta))
    new = network.layout.bind(theta)
    return [
        Entry("update", step.number, f"new {name}", f"{name} − η ∂L/∂{name}", value)
        for step in names.steps
        for name, value in _arrays(step, new, stacked)
    ]


def _arrays(step: Step, views: Any, stacked: set[Any]) -> list[tuple[str, np.ndarray]]:
    """The trained arrays of a step, as copies."""
    found = []
    for name, path in step.arrays.items():
        value = views
        for part in path:
            value = getattr(value, part)
        found.append((name, np.array(value[0] if path in stacked else value)))
    return found


def _widths(entries: list[Entry]) -> list[int]:
    """The numbers of inputs, and of outputs of each dense layer."""
    sized = [e.value for e in entries if e.name == "a⁽⁰⁾" or e.name.startswith("z⁽")]
    return [value.shape[-1] for value in sized]
