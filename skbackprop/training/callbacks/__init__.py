"""Callbacks: everything that happens around the steps of the optimizer."""

from .base import EVENTS, Callback
from .budget import TimeBudget
from .chosen import KeepChosen, SameRates
from .members import KeepBestMembers
from .rates import DivideWhenFlat
from .reporting import Log, Progress
from .rounds import AnotherRound, SameRounds
from .stopping import (
    KeepBest,
    KeepFinite,
    StopWhenFlat,
    loss_fell,
    score_or_loss_improved,
    score_rose,
)

__all__ = [
    "EVENTS",
    "AnotherRound",
    "Callback",
    "DivideWhenFlat",
    "KeepBest",
    "KeepBestMembers",
    "KeepChosen",
    "KeepFinite",
    "Log",
    "Progress",
    "SameRates",
    "SameRounds",
    "StopWhenFlat",
    "TimeBudget",
    "loss_fell",
    "score_or_loss_improved",
    "score_rose",
]
