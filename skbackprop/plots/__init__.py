"""Pictures of training and of what was learned, in scikit-learn's Display protocol.

They need matplotlib.
"""

from .attributions import AttributionDisplay, FeatureImportanceDisplay
from .curves import LearningRateRangeDisplay, LossCurveDisplay, ScheduleDisplay

__all__ = [
    "AttributionDisplay",
    "FeatureImportanceDisplay",
    "LearningRateRangeDisplay",
    "LossCurveDisplay",
    "ScheduleDisplay",
]
