"""The two estimators, and the methods that scikit-learn asks for."""

from .classifier import BackpropClassifier
from .convert import search_space
from .regressor import BackpropRegressor

__all__ = ["BackpropClassifier", "BackpropRegressor", "search_space"]
