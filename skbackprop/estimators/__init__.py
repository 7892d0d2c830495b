"""The two estimators: scikit-learn's protocols over the core."""

from .classifier import BackpropClassifier
from .convert import search_space
from .regressor import BackpropRegressor

__all__ = ["BackpropClassifier", "BackpropRegressor", "search_space"]
