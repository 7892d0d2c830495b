"""The estimators with scikit-learn's defaults, under their own names.

Most tests ask about one thing at a time, and start from ``preset="plain"``.
"""

import skbackprop


class BackpropClassifier(skbackprop.BackpropClassifier):
    _auto_preset = "plain"


class BackpropRegressor(skbackprop.BackpropRegressor):
    _auto_preset = "plain"
