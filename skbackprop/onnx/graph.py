"""A graph of ONNX nodes under construction.

Every method that adds a node returns the name of its output, so that formulas read from the
inside out:

    y = graph.add("Add", graph.add("MatMul", x, W), b)
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from ..optional import optional

OPSET, ML_OPSET, IR_VERSION = 20, 4, 10  # of ai.onnx, of ai.onnx.ml, and of the file
ML = "ai.onnx.ml"
TYPES = {  # of tensors, by their names in ONNX, and the names of these types in `onnx.TensorProto`
    "float": "FLOAT",
    "double": "DOUBLE",
    "int64": "INT64",
    "string": "STRING",
    "bool": "BOOL",
}
NUMPY_TYPES = {"float": np.float32, "double": np.float64, "int64": np.int64, "bool": np.bool_}


def import_onnx() -> Any:
    """The package onnx, or an error that says how to install it."""
    with optional("ONNX export", "skbackprop[onnx]"):
        import onnx
    return onnx


class Graph:
    """Nodes and constants, with names that differ from each other.

    Parameters
    ----------
    number_type : {"float", "double"}
        The type of the numbers of the network.
    taken : iterable of str
        Names that the inputs and outputs have.
    prefix : str
        First part of the names of nodes, tensors and constants.

    Attributes
    ----------
    nodes : list of onnx.NodeProto
        In the order in which they run.
    initializers : list of onnx.TensorProto
        The constants.
    """

    def __init__(self, number_type: str = "float", taken: Any = (), prefix: str = "") -> None:
        onnx = import_onnx()
        self.helper, self.tensor_types = onnx.helper, onnx.TensorProto
        self.number_type, self.prefix, self.taken = number_type, prefix, set(taken)
        self.nodes: list[Any] = []
        self.initializers: list[Any] = []
        self._constants: dict[Any, str] = {}
        self._counts: Counter[str] = Counter()

    def add(
        self, op: str, *inputs: Any, output: str = "", n_outputs: int = 1, **settings: Any
    ) -> Any:
        """Add a node; return the name of its output, or a list of several names.

        Parameters
        ----------
        op : str
            The operator.
        *inputs : str, number or array
            Names of tensors; numbers become constants in the type of the network.
        output : str
            Name of the output; by default a new one.
        n_outputs : int
            Number of outputs.
        **settings : object
            The attributes of the node, and its domain.
        """
        names = [x if isinstance(x, str) else self.constant(x) for x in inputs]
        outputs = [output] if output else [self._name(op.lower()) for _ in range(n_outputs)]
        node = self.helper.make_node(op, names, outputs, name=self._name(f"node_{op}"), **settings)
        self.nodes.append(node)
        return outputs[0] if n_outputs == 1 else outputs

    def constant(self, values: Any, kind: str | None = None) -> str:
        """The name of a constant; by default in the type of the numbers of the network."""
        kind = kind or self.number_type
        if kind == "string":
            data: Any = [str(text).encode() for text in np.ravel(values)]
            shape = np.shape(values)
        else:
            array: np.ndarray = np.asarray(values, NUMPY_TYPES[kind], order="C")
            data, shape = array.tobytes(), array.shape
        key = kind, shape, data if kind != "string" else tuple(data)
        if key not in self._constants:
            name = self._constants[key] = self._name("constant")
            tensor = self.helper.make_tensor(
                name, self.type_code(kind), shape, data, raw=kind != "string"
            )
            self.initializers.append(tensor)
        return self._constants[key]

    def cast(self, x: str, kind: str) -> str:
        """The tensor `x` in another type."""
        return self.add("Cast", x, to=self.type_code(kind))

    def concat(self, parts: list[str], axis: int = -1) -> str:
        """Tensors side by side; a single one as it is."""
        return parts[0] if len(parts) == 1 else self.add("Concat", *parts, axis=axis)

    def columns(self, x: str, which: Any) -> str:
        """Some columns of the matrix `x`."""
        return self.add("Gather", x, self.constant(which, "int64"), axis=-1)

    def type_code(self, kind: str) -> int:
        """The number that ONNX has for a type."""
        return int(getattr(self.tensor_types, TYPES[kind]))

    def _name(self, stem: str) -> str:
        """A name that is not taken."""
        name = f"{self.prefix}{stem}"
        while name in self.taken:
            self._counts[stem] += 1
            name = f"{self.prefix}{stem}_{self._counts[stem]}"
        self.taken.add(name)
        return name
