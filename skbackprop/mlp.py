"""scikit-learn's MLP by its own names: change one import, and keep the numbers.

``from skbackprop.mlp import MLPClassifier`` in the place of ``from sklearn.neural_network
import MLPClassifier`` gives the same model from the same seed, in less time.

>>> from skbackprop.mlp import MLPRegressor
>>> mlp = MLPRegressor(solver="lbfgs", random_state=0).fit([[0.0], [1.0]], [0.0, 1.0])
>>> mlp.resolved_params_["hidden_layer_sizes"]
(100,)
"""

from __future__ import annotations

from .estimators import BackpropClassifier, BackpropRegressor


class MLPClassifier(BackpropClassifier):
    """`BackpropClassifier` whose ``preset="auto"`` means ``"plain"``: scikit-learn's MLP."""

    _auto_preset = "plain"


class MLPRegressor(BackpropRegressor):
    """`BackpropRegressor` whose ``preset="auto"`` means ``"plain"``: scikit-learn's MLP."""

    _auto_preset = "plain"


__all__ = ["MLPClassifier", "MLPRegressor"]
