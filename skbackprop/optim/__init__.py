"""Optimization of a flat vector, and the table `OPTIMIZERS` that names the methods.

Training clips the gradient, decays the weights and takes the step, all in place.  An L1 penalty
(`soft_threshold`) and `averaging` follow the step.

>>> import numpy as np
>>> theta = np.array([2.0, -1.0])
>>> optimizer = OPTIMIZERS["adam"]()
>>> state, clock, schedule = optimizer.state(theta), Clock(), Constant()
>>> for _ in range(500):
...     grad = 2 * (theta - 3)
...     norm = clip_norm(grad, 10.0)
...     decay(theta, 1e-5)
...     optimizer.step(theta, grad, 0.05 * schedule(clock), state)
...     clock.tick(n_rows=1)
>>> theta.round(2)
array([3., 3.])
"""

from .adaptive import Adagrad, Adam, AdamW, NAdam, RMSprop
from .averaging import AVERAGES, Average, ExponentialAverage, WeightAverage
from .base import Optimizer, OptimizerState, check_optimizer
from .lbfgs import LbfgsResult, minimize_lbfgs
from .muon import Muon
from .regularize import clip_norm, decay, soft_threshold
from .schedule_free import ScheduleFree
from .schedules import (
    SCHEDULES,
    Clock,
    Constant,
    Cosine,
    CosLog4,
    Exponential,
    FlatCos,
    InverseScaling,
    OneCycle,
    Polynomial,
    Schedule,
    Step,
    WarmupCosine,
)
from .sgd import SGD
from .signs import Lion

OPTIMIZERS: dict[str, type[Optimizer]] = {
    "sgd": SGD,
    "adagrad": Adagrad,
    "rmsprop": RMSprop,
    "adam": Adam,
    "adamw": AdamW,
    "nadam": NAdam,
    "lion": Lion,
    "schedule_free": ScheduleFree,
    "muon": Muon,
}

__all__ = [
    "AVERAGES",
    "OPTIMIZERS",
    "SCHEDULES",
    "SGD",
    "Adagrad",
    "Adam",
    "AdamW",
    "Average",
    "Clock",
    "Constant",
    "CosLog4",
    "Cosine",
    "Exponential",
    "ExponentialAverage",
    "FlatCos",
    "InverseScaling",
    "LbfgsResult",
    "Lion",
    "Muon",
    "NAdam",
    "OneCycle",
    "Optimizer",
    "OptimizerState",
    "Polynomial",
    "RMSprop",
    "Schedule",
    "ScheduleFree",
    "Step",
    "WarmupCosine",
    "WeightAverage",
    "check_optimizer",
    "clip_norm",
    "decay",
    "minimize_lbfgs",
    "soft_threshold",
]
