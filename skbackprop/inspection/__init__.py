"""Explanations of fitted models, and tables and traces of their computation.

>>> from skbackprop.inspection import feature_attributions, summary, trace
"""

from .attributions import Attributions, feature_attributions
from .gradients import input_gradients
from .importance import Importances, feature_importance, model_importances
from .report import training_report
from .summary import Summary, summary
from .trace import Trace, trace

__all__ = [
    "Attributions",
    "Importances",
    "Summary",
    "Trace",
    "feature_attributions",
    "feature_importance",
    "input_gradients",
    "model_importances",
    "summary",
    "trace",
    "training_report",
]
