"""Displays of training and of fitted networks, as in scikit-learn.

They need matplotlib.
"""

from .attributions import AttributionDisplay, FeatureImportanceDisplay
from .curves import LossCurveDisplay, ScheduleDisplay
from .layers import ActivationDisplay, GradientFlowDisplay
from .learning_rate import LearningRateDisplay
from .network import NetworkDisplay, WeightDisplay

__all__ = [
    "ActivationDisplay",
    "AttributionDisplay",
    "FeatureImportanceDisplay",
    "GradientFlowDisplay",
    "LearningRateDisplay",
    "LossCurveDisplay",
    "NetworkDisplay",
    "ScheduleDisplay",
    "WeightDisplay",
]
