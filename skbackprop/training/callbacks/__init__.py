"""The callbacks that are called between the steps of the optimizer."""

from .base import EVENTS, Callback, is_callback
from .budget import TimeBudget
from .checkpoint import Checkpoint
from .monitor import Monitor
from .reduce_on_plateau import ReduceOnPlateau
from .replay import ReplayLearningRates, RestoreEpochs
from .reporting import Log, PeriodicProgress, Progress, print_begin, print_end
from .restarts import ReplayRestarts, WarmRestart
from .restore import RestoreBest, RestoreFinite, Validation
from .solve_output import SolveOutput, can_be_solved
from .stopping import StopOnPlateau, loss_fell, score_or_loss_improved, score_rose

__all__ = [
    "EVENTS",
    "Callback",
    "Checkpoint",
    "Log",
    "Monitor",
    "PeriodicProgress",
    "Progress",
    "ReduceOnPlateau",
    "ReplayLearningRates",
    "ReplayRestarts",
    "RestoreBest",
    "RestoreEpochs",
    "RestoreFinite",
    "SolveOutput",
    "StopOnPlateau",
    "TimeBudget",
    "Validation",
    "WarmRestart",
    "can_be_solved",
    "is_callback",
    "loss_fell",
    "print_begin",
    "print_end",
    "score_or_loss_improved",
    "score_rose",
]
