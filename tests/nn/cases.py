"""Layers that every law is tested on: one line for each, ``name, layer, shape of x``."""

from dataclasses import dataclass
from functools import partial

import numpy as np

from skbackprop.nn.activations import ACTIVATIONS, Elu, LeakyRelu
from skbackprop.nn.initializers import Constant, FixedValues, Orthogonal, RandomSigns, UniformRange
from skbackprop.nn.layers import (
    Activate,
    BatchEnsembleDense,
    BatchNorm,
    CategoricalEmbedding,
    Dense,
    Dropout,
    Identity,
    Layer,
    LayerNorm,
    MemberDense,
    PeriodicEmbedding,
    PiecewiseLinear,
    Residual,
    ReZero,
    RMSNorm,
    Scale,
    ScaledDense,
    Sequential,
    TableInput,
)
from skbackprop.nn.parameters import Param


@dataclass(frozen=True)
class Standardize(Layer):
    """``y = (x - center) · scale``, with arrays that are not trained."""

    n: int

    def arrays(self):
        return {
            "center": Param((self.n,), Constant(0.0), "fixed"),
            "scale": Param((self.n,), Constant(1.0), "fixed"),
        }

    def bind(self, p, g, ws):
        y = ws.array("y", ws.shape)

        def forward(x):
            np.subtract(x, p.center, out=y)
            return np.multiply(y, p.scale, out=y)

        return forward, lambda d: np.multiply(d, p.scale, out=d)


TANH, RELU, MISH = (Activate(ACTIVATIONS[name]) for name in ("tanh", "relu", "mish"))
UNIFORM = UniformRange(-0.5, 0.5)
BLOCK = Sequential((Dense(5, 7), RELU, Dense(7, 5)))
MODERN = Sequential((LayerNorm((5,)), Dense(5, 7), MISH, Dropout(0.3)))
OF_FEATURES = {  # layers with numbers for each feature, which members share or do not
    "scale": Scale,
    "batch norm": BatchNorm,
    "layer norm": LayerNorm,
    "rms norm": RMSNorm,
}
EMBEDDINGS = {  # layers of tables, whose arrays members share or do not
    "periodic embedding": partial(PeriodicEmbedding, 5, 3),
    "categorical embedding": partial(CategoricalEmbedding, (2, 4, 1, 3, 3), 2),  # x is rounded
}
PIECEWISE = PiecewiseLinear(
    5, 4, init=FixedValues([[-2, -1, 0, 1, 2], [-1, 0, 0.5, 0.5, 0.5]] * 2 + [[0] * 5])
)
BINS = PiecewiseLinear(2, 3, init=FixedValues([[-2.0, -1, 0, 2], [-1, -0.5, 0.5, 0.5]]))
ALL_COLUMNS = {
    k: TableInput(
        2, 1, BINS, PeriodicEmbedding(2, 4, members=k), CategoricalEmbedding((3, 2), 5, k)
    )
    for k in (None, 3)
}

CASES: list[tuple[str, Layer, tuple[int, ...]]] = [
    ("identity", Identity(), (9, 5)),
    ("dense", Dense(5, 8), (9, 5)),
    ("dense with random biases", Dense(5, 8, bias_init=UNIFORM), (9, 5)),
    ("dense without biases", Dense(5, 8, bias=False), (9, 5)),
    ("dense from one to one", Dense(1, 1, init=UNIFORM), (9, 1)),
    ("dense of members", Dense(5, 8), (3, 9, 5)),
    ("member dense", MemberDense(3, 5, 8), (3, 9, 5)),
    ("member dense over one input", MemberDense(3, 5, 8, bias_init=UNIFORM), (9, 5)),
    ("member dense without biases", MemberDense(2, 5, 8, bias=False), (2, 9, 5)),
    ("batch ensemble", BatchEnsembleDense(3, 5, 8, start=RandomSigns()), (3, 9, 5)),
    ("batch ensemble over one input", BatchEnsembleDense(3, 5, 8, bias_init=UNIFORM), (9, 5)),
    ("batch ensemble without biases", BatchEnsembleDense(2, 5, 1, bias=False), (2, 9, 5)),
    ("scaled dense", ScaledDense(3, 5, 8, bias_init=UNIFORM), (3, 9, 5)),
    ("scaled dense over one input", ScaledDense(3, 5, 8), (9, 5)),
    ("scaled dense without biases", ScaledDense(2, 5, 1, bias=False), (2, 9, 5)),
    ("scale of members over one input", Scale((3, 5)), (9, 5)),
    *((name, Activate(f), (9, 5)) for name, f in ACTIVATIONS.items()),
    ("activate members", MISH, (3, 9, 5)),
    ("leaky relu of slope 0.3", Activate(LeakyRelu(0.3)), (9, 5)),
    ("elu of alpha 0.5", Activate(Elu(0.5)), (9, 5)),
    ("standardize", Standardize(5), (9, 5)),
    ("standardize members", Standardize(5), (3, 9, 5)),
    *((name, make((5,)), (9, 5)) for name, make in OF_FEATURES.items()),
    ("scale of one feature", Scale((1,)), (9, 1)),
    ("batch norm of one feature", BatchNorm((1,)), (9, 1)),
    *((f"{name} for all members", make((5,)), (3, 9, 5)) for name, make in OF_FEATURES.items()),
    *((f"{name} of members", make((3, 5)), (3, 9, 5)) for name, make in OF_FEATURES.items()),
    ("dropout", Dropout(0.3), (9, 5)),
    ("dropout of nothing", Dropout(0.0), (9, 5)),
    ("dropout of members", Dropout(0.3), (3, 9, 5)),
    ("dropout with a shared mask", Dropout(0.3, shared_mask=True), (3, 9, 5)),
    ("nothing in sequence", Sequential(()), (9, 5)),
    ("two hidden layers", Sequential((Dense(5, 8), RELU, Dense(8, 6), TANH, Dense(6, 2))), (9, 5)),
    ("two hidden layers of members", Sequential((Dense(5, 8), MISH, Dense(8, 2))), (3, 9, 5)),
    ("what does not learn first", Sequential((Standardize(5), TANH, Dense(5, 3))), (9, 5)),
    ("sequence in sequence", Sequential((Sequential((Dense(5, 4), TANH)), Dense(4, 2))), (9, 5)),
    ("residual", Residual(BLOCK), (9, 5)),
    ("residual of nothing", Residual(Identity()), (9, 5)),
    ("residual that does not learn", Residual(Sequential((Standardize(5), TANH))), (9, 5)),
    ("residual in residual", Residual(Sequential((Residual(BLOCK), TANH, BLOCK))), (9, 5)),
    ("residual above dense", Sequential((Dense(4, 5, init=Orthogonal()), Residual(BLOCK))), (9, 4)),
    ("residual of another width", Residual(Dense(5, 7), Dense(5, 7, bias=False)), (9, 5)),
    ("residual with layers in both branches", Residual(BLOCK, Sequential((TANH, BLOCK))), (9, 5)),
    ("rezero", ReZero(BLOCK), (9, 5)),
    ("rezero of nothing", ReZero(Identity()), (9, 5)),
    ("rezero of another width", ReZero(Dense(5, 7), Dense(5, 7)), (9, 5)),
    ("rezero for all members", ReZero(BLOCK), (3, 9, 5)),
    ("rezero of members", ReZero(BLOCK, shape=(3,)), (3, 9, 5)),
    ("modern", MODERN, (9, 5)),
    ("modern residual", ReZero(Sequential((MODERN, Dense(7, 5)))), (9, 5)),
    (
        "modern residual of members",
        Residual(Sequential((MODERN, BatchNorm((3, 7)), Dense(7, 5)))),
        (3, 9, 5),
    ),
    ("dropout first", Sequential((Dropout(0.2), Scale((5,)), Dense(5, 4), RMSNorm((4,)))), (9, 5)),
    *(
        (f"{name}{what}", make(members=k), shape)
        for name, make in EMBEDDINGS.items()
        for what, k, shape in (
            ("", None, (9, 5)),
            (" for all members", None, (3, 9, 5)),
            (" of members", 3, (3, 9, 5)),
            (" of members over one input", 3, (9, 5)),
        )
    ),
    ("piecewise linear", PIECEWISE, (9, 5)),
    ("piecewise linear for all members", PIECEWISE, (3, 9, 5)),
    ("piecewise linear without edges", PiecewiseLinear(5, 4), (9, 5)),
    ("columns of a table", ALL_COLUMNS[None], (9, 5)),
    ("columns of a table of members", ALL_COLUMNS[3], (3, 9, 5)),
    ("columns of a table of members over one input", ALL_COLUMNS[3], (9, 5)),
    ("columns of numbers", TableInput(3, 2, periodic=PeriodicEmbedding(3, 2, members=2)), (9, 5)),
    ("bins of the rows of members", TableInput(2, 3, BINS), (3, 9, 5)),
    ("table and members", Sequential((ALL_COLUMNS[3], ScaledDense(3, 27, 2))), (3, 9, 5)),
]
