"""Displays in scikit-learn's manner, over matplotlib."""

from .curves import LossCurveDisplay, ScheduleDisplay
from .layers import ActivationDisplay, GradientFlowDisplay
from .learning_rate import LearningRateDisplay
from .network import NetworkDisplay, WeightDisplay

__all__ = [
    "ActivationDisplay",
    "GradientFlowDisplay",
    "LearningRateDisplay",
    "LossCurveDisplay",
    "NetworkDisplay",
    "ScheduleDisplay",
    "WeightDisplay",
]
