"""Why a model answers as it does: attributions, derivatives and importances."""

from .attributions import Attributions, feature_attributions
from .gradients import input_gradients
from .importance import Importances, feature_importance, model_importances

__all__ = [
    "Attributions",
    "Importances",
    "feature_attributions",
    "feature_importance",
    "input_gradients",
    "model_importances",
]
