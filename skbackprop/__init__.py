"""Neural networks for scikit-learn users, over a pure NumPy backpropagation core."""

from .estimators import BackpropClassifier, BackpropRegressor, search_space
from .recipes.settings import LogLoss, NumericEmbedding, Scheduled, TableEncoding, WeightInit

__version__ = "0.1.0"

__all__ = [
    "BackpropClassifier",
    "BackpropRegressor",
    "LogLoss",
    "NumericEmbedding",
    "Scheduled",
    "TableEncoding",
    "WeightInit",
    "__version__",
    "search_space",
]
