"""The names and formulas of textbooks for the arrays of a network.

A layer of the textbooks is a dense layer with its activation, and they are counted from 1; layer
0 is the input.  Examples are rows, so that a layer computes ``z = a W + b``:

===================  ==================================================================
``z⁽ˡ⁾``             ``a⁽ˡ⁻¹⁾ W⁽ˡ⁾ + b⁽ˡ⁾``, what the dense layer `l` returns
``a⁽ˡ⁾``             ``f(z⁽ˡ⁾)``, what its activation returns
``δ⁽ˡ⁾``             ``∂L/∂z⁽ˡ⁾``, the derivative of the loss, a row for each example
===================  ==================================================================

Other layers have the names of their classes, with the number of the dense layer below them:
``LayerNorm⁽¹⁾``.

>>> superscript(12), delta_of("z⁽¹⁾"), delta_of("a⁽¹⁾")
('⁽¹²⁾', 'δ⁽¹⁾', '∂L/∂a⁽¹⁾')
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..nn.activations import ACTIVATIONS
from ..nn.layers import (
    Activate,
    BatchEnsembleDense,
    Dense,
    Dropout,
    Identity,
    Layer,
    MemberDense,
    Residual,
    ReZero,
    ScaledDense,
    Sequential,
)
from .record import LayerRecord, Recording

DENSE = (Dense, MemberDense, ScaledDense, BatchEnsembleDense)
DIGITS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def superscript(number: int) -> str:
    """The number of a layer, as an exponent in parentheses."""
    return f"⁽{str(number).translate(DIGITS)}⁾"


def delta_of(name: str) -> str:
    """The name of the derivative of the loss with respect to an array."""
    return f"δ{name[1:]}" if name.startswith("z⁽") else f"∂L/∂{name}"


def name_of(activation: Any) -> str:
    """The name of an activation: its key in `ACTIVATIONS`, or that of its class."""
    keys = (key for key, known in ACTIVATIONS.items() if type(known) is type(activation))
    return next(keys, type(activation).__name__)


@dataclass
class Step:
    """One layer of a pass, by names.

    Attributes
    ----------
    name : str
        Of what the layer returns.
    number : int
        Of the layer of the textbooks that it belongs to.
    formula : str
    record : LayerRecord
    arrays : dict
        The paths of its trained arrays by name.
    gradients : dict
        The formulas of their derivatives, by the same names.
    terms : dict
        For each array that goes in, what the step adds to the derivative with respect to it.
    """

    name: str
    number: int
    formula: str
    record: LayerRecord
    arrays: dict[str, tuple[str, ...]] = field(default_factory=dict)
    gradients: dict[str, str] = field(default_factory=dict)
    terms: dict[str, str] = field(default_factory=dict)


class Namer:
    """Walk through the layers of a recorded pass and name everything.

    Attributes
    ----------
    steps : list of Step
        In the order of the forward pass.
    off : list of str
        What is said about layers that do nothing outside of training.
    number : int
        The number of dense layers so far.
    """

    def __init__(self, recording: Recording):
        self.records = {record.path: record for record in recording.records}
        self.recording = recording
        self.steps: list[Step] = []
        self.off: list[str] = []
        self.number = 0
        self.output = self.walk(recording.network.layer, (), "a⁽⁰⁾")

    def walk(self, layer: Layer, path: tuple[str, ...], source: str) -> str:
        """Name the parts of `layer`, which gets `source`, and return the name of its output."""
        if isinstance(layer, Sequential):
            for name, part in layer.named:
                source = self.walk(part, (*path, name), source)
            return source
        if isinstance(layer, Residual):
            return self.residual(layer, path, source)
        if isinstance(layer, Dropout):
            self.off.append(f"Dropout{superscript(self.number)}")
            return source
        if isinstance(layer, Identity):
            return source
        if isinstance(layer, DENSE):
            return self.dense(layer, path, source)
        label = superscript(self.number)
        if isinstance(layer, Activate):
            f = name_of(layer.activation)
            name = self.unused(f"a{label}")
            term = f"{delta_of(name)} · {f}′({source})"
            return self.add(name, f"{f}({source})", path, {source: term})
        kind = type(layer).__name__
        name = self.unused(f"{kind}{label}")
        return self.add(name, f"{kind}({source})", path, {source: f"{delta_of(name)} · ∂{kind}"})

    def dense(self, layer: Any, path: tuple[str, ...], source: str) -> str:
        """A dense layer; one that leads past a block is not counted."""
        past = path[-1:] == ("shortcut",)
        self.number += not past
        label = superscript(self.number)
        name = self.unused(f"shortcut{label}" if past else f"z{label}")
        before = f"{name}." if past else ""
        own = {leaf: f"{before}{leaf}{'' if past else label}" for leaf in layer.arrays()}
        x, y, back = source, "", delta_of(name)
        if isinstance(layer, ScaledDense):
            x = f"({own['scale']} · {source})"
        if isinstance(layer, BatchEnsembleDense):
            x, y = f"({own['r']} · {source})", f" · {own['s']}"
            back = f"({back}{y})"
        formula = f"{x} {own['W']}{y}" + (f" + {own['b']}" if "b" in own else "")
        term = f"{back} {own['W']}ᵀ"
        if x != source:
            term = f"{own.get('scale') or own['r']} · ({term})"
        self.add(name, formula, path, {source: term})
        step = self.steps[-1]
        step.arrays = {own[leaf]: (*path, leaf) for leaf in layer.arrays()}
        step.gradients = {own["W"]: f"{x}ᵀ {back}"}
        if "b" in own:
            step.gradients[own["b"]] = f"Σ {delta_of(name)}"
        return name

    def residual(self, layer: Residual, path: tuple[str, ...], source: str) -> str:
        """A block, and what leads past it."""
        inner = self.walk(layer.inner, (*path, "inner"), source)
        past = self.walk(layer.shortcut, (*path, "shortcut"), source)
        kind = type(layer).__name__
        name = self.unused(f"{kind}{superscript(self.number)}")
        factor = f"{name}.residual_weight · " if isinstance(layer, ReZero) else ""
        terms = {inner: f"{factor}{delta_of(name)}", past: delta_of(name)}
        self.add(name, f"{past} + {factor}{inner}", path, terms)
        if factor:
            self.steps[-1].gradients = {f"{name}.residual_weight": f"Σ {delta_of(name)} · {inner}"}
        return name

    def add(self, name: str, formula: str, path: tuple[str, ...], terms: dict[str, str]) -> str:
        """Add a step, with the arrays of its layer that belong to no part of it."""
        record = self.records[path]
        own = self.recording.own_arrays(record)
        arrays = {f"{name}.{'.'.join(p[len(path) :])}": p for p in own}
        self.steps.append(Step(name, self.number, formula, record, arrays, {}, terms))
        return name

    def unused(self, name: str) -> str:
        """The name, or, if it is in use, with primes."""
        while any(step.name == name for step in self.steps):
            name += "′"
        return name

    def backward_formula(self, name: str) -> str:
        """How the derivative with respect to an array comes from those above it."""
        return " + ".join(step.terms[name] for step in self.steps if name in step.terms)
