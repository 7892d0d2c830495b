"""The tables of the classes that a file can hold.

A class has a key, which is in the files and never changes, and the fields that are stored: those
of a dataclass or named tuple, or those that are named here.  A class that is renamed keeps its
key; a field that is added to a dataclass needs a default, which it has in files that were written
before.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import fields, is_dataclass
from typing import Any, NamedTuple

import numpy as np

from ..estimators import fitted
from ..estimators.classifier import BackpropClassifier
from ..estimators.regressor import BackpropRegressor
from ..mlp import MLPClassifier, MLPRegressor
from ..nn import activations, initializers, layers, losses, monotone
from ..nn.losses.base import LossAdapter
from ..optim import adaptive, averaging, muon, schedule_free, schedules, sgd, signs
from ..optim.base import OptimizerState
from ..recipes import settings
from ..tables import (
    categories,
    encoder,
    reading,
    text_dates,
    text_numbers,
    value_effects,
    whitening,
)
from ..targets import HeadsCodec, LabelCodec, MultilabelCodec, TargetCodec
from ..targets.running import RunningMoments
from ..training import callbacks, history, resume, run
from ..training.callbacks import restore

LONGEST_RANGE = 1000  # numbers: a few bytes must not stand for more than memory holds

ESTIMATORS: dict[str, type] = {
    "BackpropClassifier": BackpropClassifier,
    "BackpropRegressor": BackpropRegressor,
    "mlp.MLPClassifier": MLPClassifier,
    "mlp.MLPRegressor": MLPRegressor,
}

# Dataclasses and named tuples: all fields are stored, but for those in `LEFT_OUT`.
RECORDS: dict[str, type] = {
    "layer.Layer": layers.Layer,
    "layer.Activate": layers.Activate,
    "layer.BatchEnsembleDense": layers.BatchEnsembleDense,
    "layer.BatchNorm": layers.BatchNorm,
    "layer.CategoricalEmbedding": layers.CategoricalEmbedding,
    "layer.Dense": layers.Dense,
    "layer.Dropout": layers.Dropout,
    "layer.Identity": layers.Identity,
    "layer.LayerNorm": layers.LayerNorm,
    "layer.MemberDense": layers.MemberDense,
    "layer.PeriodicEmbedding": layers.PeriodicEmbedding,
    "layer.PiecewiseLinear": layers.PiecewiseLinear,
    "layer.RMSNorm": layers.RMSNorm,
    "layer.ReZero": layers.ReZero,
    "layer.Residual": layers.Residual,
    "layer.Scale": layers.Scale,
    "layer.ScaledDense": layers.ScaledDense,
    "layer.Sequential": layers.Sequential,
    "layer.TableInput": layers.TableInput,
    "activation.Elu": activations.Elu,
    "activation.Exp": activations.Exp,
    "activation.Gelu": activations.Gelu,
    "activation.GeluTanh": activations.GeluTanh,
    "activation.HardTanh": activations.HardTanh,
    "activation.Identity": activations.Identity,
    "activation.LeakyRelu": activations.LeakyRelu,
    "activation.Logistic": activations.Logistic,
    "activation.Mish": activations.Mish,
    "activation.MonotoneUnits": monotone.MonotoneUnits,
    "activation.Relu": activations.Relu,
    "activation.Selu": activations.Selu,
    "activation.Silu": activations.Silu,
    "activation.Softplus": activations.Softplus,
    "activation.Tanh": activations.Tanh,
    "initializer.Constant": initializers.Constant,
    "initializer.FixedValues": initializers.FixedValues,
    "initializer.Normal": initializers.Normal,
    "initializer.Orthogonal": initializers.Orthogonal,
    "initializer.RandomSigns": initializers.RandomSigns,
    "initializer.Uniform": initializers.Uniform,
    "initializer.UniformRange": initializers.UniformRange,
    "loss.AbsoluteError": losses.AbsoluteError,
    "loss.BinaryLogLoss": losses.BinaryLogLoss,
    "loss.HalfGammaDeviance": losses.HalfGammaDeviance,
    "loss.HalfPoissonDeviance": losses.HalfPoissonDeviance,
    "loss.HalfSquaredError": losses.HalfSquaredError,
    "loss.HalfTweedieDeviance": losses.HalfTweedieDeviance,
    "loss.Heads": losses.Heads,
    "loss.Huber": losses.Huber,
    "loss.LossAdapter": LossAdapter,
    "loss.MulticlassLogLoss": losses.MulticlassLogLoss,
    "loss.Pinball": losses.Pinball,
    "schedule.Clock": schedules.Clock,
    "schedule.Constant": schedules.Constant,
    "schedule.CosLog4": schedules.CosLog4,
    "schedule.Cosine": schedules.Cosine,
    "schedule.Exponential": schedules.Exponential,
    "schedule.FlatCos": schedules.FlatCos,
    "schedule.InverseScaling": schedules.InverseScaling,
    "schedule.OneCycle": schedules.OneCycle,
    "schedule.Polynomial": schedules.Polynomial,
    "schedule.Step": schedules.Step,
    "schedule.WarmupCosine": schedules.WarmupCosine,
    "optimizer.Adagrad": adaptive.Adagrad,
    "optimizer.Adam": adaptive.Adam,
    "optimizer.AdamW": adaptive.AdamW,
    "optimizer.Lion": signs.Lion,
    "optimizer.Muon": muon.Muon,
    "optimizer.NAdam": adaptive.NAdam,
    "optimizer.RMSprop": adaptive.RMSprop,
    "optimizer.SGD": sgd.SGD,
    "optimizer.ScheduleFree": schedule_free.ScheduleFree,
    "optimizer.State": OptimizerState,
    "codec.Heads": HeadsCodec,
    "codec.Label": LabelCodec,
    "codec.Multilabel": MultilabelCodec,
    "codec.Target": TargetCodec,
    "codec.Moments": RunningMoments,
    "encoder.Category": categories.Category,
    "encoder.DateNotation": text_dates.DateNotation,
    "encoder.NumberNotation": text_numbers.NumberNotation,
    "encoder.Reading": reading.Reading,
    "encoder.ValueEffect": value_effects.ValueEffect,
    "encoder.Whitening": whitening.Whitening,
    "settings.LogLoss": settings.LogLoss,
    "settings.NumericEmbedding": settings.NumericEmbedding,
    "settings.Scheduled": settings.Scheduled,
    "settings.TableEncoding": settings.TableEncoding,
    "settings.WeightInit": settings.WeightInit,
    "training.Plateau": run.Plateau,
    "training.Run": run.Run,
    "training.Snapshot": restore.Snapshot,
    "training.Vectors": resume.Vectors,
    "estimator.Fitted": fitted.Fitted,
    "estimator.HeldOut": restore.HeldOut,
}
LEFT_OUT: dict[str, tuple[str, ...]] = {
    "optimizer.State": ("scratch",),
    "training.Run": ("passes", "messages", "schedule_factors"),
}

# Other classes, with the attributes that are stored, where an object has them.
OBJECTS: dict[str, tuple[type, tuple[str, ...]]] = {
    "encoder.Columns": (
        encoder.ColumnEncoder,
        (
            "categorical_features",
            "max_one_hot",
            "min_frequency",
            "whiten",
            "n_features",
            "names",
            "n_numeric",
            "n_other",
            "cardinalities",
            "_sparse",
            "_numeric",
            "_center",
            "_scale",
            "_missing",
            "_off",
            "_on",
            "_categories",
            "_constant",
            "_is_empty",
            "notes",
            "_left_out",
            "_readings",
            "_followed",
            "_points",
            "_known",
            "_waiting",
            "effects",
            "_whitening",
        ),
    ),
    "average.Exponential": (averaging.ExponentialAverage, ("decay", "value", "t")),
    "average.Weight": (averaging.WeightAverage, ("value", "t")),
    "training.History": (history.History, ("columns",)),
    "callback.Checkpoint": (callbacks.Checkpoint, ("path", "every_seconds")),
    "callback.Log": (callbacks.Log, ()),
    "callback.Monitor": (callbacks.Monitor, ("scoring", "every")),
    "callback.Progress": (callbacks.Progress, ()),
    "callback.ReduceOnPlateau": (
        callbacks.ReduceOnPlateau,
        ("monitor", "tol", "n_iter_no_change", "factor", "smallest"),
    ),
    "callback.RestoreFinite": (callbacks.RestoreFinite, ()),
    "callback.StopOnPlateau": (
        callbacks.StopOnPlateau,
        ("monitor", "tol", "n_iter_no_change", "plateau"),
    ),
    "callback.TimeBudget": (callbacks.TimeBudget, ("seconds",)),
    "callback.WarmRestart": (callbacks.WarmRestart, ("gain", "factor", "max_restarts")),
}

FUNCTIONS: dict[str, Any] = {
    "monitor.loss_fell": callbacks.loss_fell,
    "monitor.score_or_loss_improved": callbacks.score_or_loss_improved,
    "monitor.score_rose": callbacks.score_rose,
    "numpy.float32": np.float32,  # as the parameter dtype
    "numpy.float64": np.float64,
}

GENERATORS: dict[str, type] = {
    "Generator": np.random.Generator,
    "RandomState": np.random.RandomState,
}
BIT_GENERATORS: dict[str, Any] = {
    "MT19937": np.random.MT19937,
    "PCG64": np.random.PCG64,
    "PCG64DXSM": np.random.PCG64DXSM,
    "Philox": np.random.Philox,
    "SFC64": np.random.SFC64,
}


class Kind(NamedTuple):
    """A class that is in the tables, with its key and the names of the fields that are stored."""

    key: str
    cls: type
    fields: tuple[str, ...]


def field_names(cls: type, left_out: tuple[str, ...] = ()) -> tuple[str, ...]:
    """The fields that the constructor of a dataclass or of a named tuple takes."""
    if not is_dataclass(cls):
        return tuple(cls._fields)  # type: ignore[attr-defined]
    return tuple(f.name for f in fields(cls) if f.init and f.name not in left_out)


def path_names(keys: Iterable[str]) -> dict[str, str | int]:
    """The name of each key of a dict in a path: itself if it is a short ASCII name, else its place.

    >>> path_names(["alpha", "größe", "a b"])
    {'alpha': 'alpha', 'größe': 1, 'a b': 2}
    """
    return {
        key: key if re.fullmatch(r"[A-Za-z_]\w{0,49}", key, re.ASCII) else i
        for i, key in enumerate(keys)
    }


def make_kinds() -> dict[str, Kind]:
    """All classes of the tables by their keys."""
    kinds = {
        key: Kind(key, cls, field_names(cls, LEFT_OUT.get(key, ()))) for key, cls in RECORDS.items()
    }
    return kinds | {key: Kind(key, cls, names) for key, (cls, names) in OBJECTS.items()}


KINDS = make_kinds()
KIND_OF = {kind.cls: kind for kind in KINDS.values()}
FUNCTION_OF = {id(function): key for key, function in FUNCTIONS.items()}
ESTIMATOR_OF = {cls: key for key, cls in ESTIMATORS.items()}
