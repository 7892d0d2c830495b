"""Displays in scikit-learn's manner, over matplotlib."""

from .curves import LossCurveDisplay, ScheduleDisplay
from .learning_rate import LearningRateDisplay
from .network import NetworkDisplay, WeightDisplay

__all__ = [
    "LearningRateDisplay",
    "LossCurveDisplay",
    "NetworkDisplay",
    "ScheduleDisplay",
    "WeightDisplay",
]
