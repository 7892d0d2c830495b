"""The names of the layers."""

from .activate import Activate
from .base import Backward, Forward, Identity, Layer, is_trained
from .categorical import CategoricalEmbedding
from .compose import Residual, Sequential
from .dense import Dense
from .dropout import Dropout
from .ensemble import BatchEnsembleDense, MemberDense, ScaledDense
from .norm import BatchNorm, LayerNorm, RMSNorm
from .numerical import PeriodicEmbedding, PiecewiseLinear
from .residual import ReZero
from .scale import Scale
from .table import TableInput

__all__ = [
    "Activate",
    "Backward",
    "BatchEnsembleDense",
    "BatchNorm",
    "CategoricalEmbedding",
    "Dense",
    "Dropout",
    "Forward",
    "Identity",
    "Layer",
    "LayerNorm",
    "MemberDense",
    "PeriodicEmbedding",
    "PiecewiseLinear",
    "RMSNorm",
    "ReZero",
    "Residual",
    "Scale",
    "ScaledDense",
    "Sequential",
    "TableInput",
    "is_trained",
]
