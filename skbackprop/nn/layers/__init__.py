"""The layers, and the table `LAYERS` that names them."""

from .activate import Activate
from .base import Backward, Forward, Layer, is_trained
from .categorical import CategoricalEmbedding
from .compose import Branches, Residual, Sequential
from .dense import Dense
from .dropout import Dropout
from .ensemble import MemberDense, ScaledDense
from .norm import BatchNorm, LayerNorm, RMSNorm
from .numerical import PeriodicEmbedding, PeriodicLinearEmbedding, PiecewiseLinear
from .residual import ReZero
from .scale import Scale, Standardize
from .table import TableInput

LAYERS: dict[str, type[Layer]] = {
    "dense": Dense,
    "member_dense": MemberDense,
    "scaled_dense": ScaledDense,
    "activate": Activate,
    "standardize": Standardize,
    "scale": Scale,
    "dropout": Dropout,
    "batch_norm": BatchNorm,
    "layer_norm": LayerNorm,
    "rms_norm": RMSNorm,
    "periodic_embedding": PeriodicEmbedding,
    "periodic_linear_embedding": PeriodicLinearEmbedding,
    "piecewise_linear": PiecewiseLinear,
    "categorical_embedding": CategoricalEmbedding,
    "table_input": TableInput,
    "sequential": Sequential,
    "residual": Residual,
    "branches": Branches,
    "gated_residual": ReZero,
}

__all__ = [
    "LAYERS",
    "Activate",
    "Backward",
    "BatchNorm",
    "Branches",
    "CategoricalEmbedding",
    "Dense",
    "Dropout",
    "Forward",
    "Layer",
    "LayerNorm",
    "MemberDense",
    "PeriodicEmbedding",
    "PeriodicLinearEmbedding",
    "PiecewiseLinear",
    "RMSNorm",
    "ReZero",
    "Residual",
    "Scale",
    "ScaledDense",
    "Sequential",
    "Standardize",
    "TableInput",
    "is_trained",
]
