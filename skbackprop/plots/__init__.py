"""Pictures of training and of what was learned, in scikit-learn's Display protocol.

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
