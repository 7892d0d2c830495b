"""Pictures of training, in scikit-learn's Display protocol; they need matplotlib."""

from .curves import LearningRateRangeDisplay, LossCurveDisplay, ScheduleDisplay

__all__ = ["LearningRateRangeDisplay", "LossCurveDisplay", "ScheduleDisplay"]
