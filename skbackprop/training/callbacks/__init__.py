"""Callbacks: everything that happens around the steps of the optimizer."""

from .base import EVENTS, Callback
from .budget import TimeBudget
from .members import RestoreBestMembers
from .reduce_on_plateau import ReduceOnPlateau
from .replay import ReplayLearningRates, RestoreEpochs
from .reporting import Log, Progress
from .restarts import ReplayRestarts, WarmRestart
from .stopping import (
    RestoreBest,
    RestoreFinite,
    StopOnPlateau,
    loss_fell,
    score_or_loss_improved,
    score_rose,
)

__all__ = [
    "EVENTS",
    "Callback",
    "Log",
    "Progress",
    "ReduceOnPlateau",
    "ReplayLearningRates",
    "ReplayRestarts",
    "RestoreBest",
    "RestoreBestMembers",
    "RestoreEpochs",
    "RestoreFinite",
    "StopOnPlateau",
    "TimeBudget",
    "WarmRestart",
    "loss_fell",
    "score_or_loss_improved",
    "score_rose",
]
