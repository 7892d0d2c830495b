"""`MLPClassifier` and `MLPRegressor`, with the parameters and the numbers of scikit-learn's.

``from skbackprop.mlp import MLPClassifier`` in the place of ``from sklearn.neural_network
import MLPClassifier`` gives the same model from the same seed, in less time.

>>> from skbackprop.mlp import MLPRegressor
>>> mlp = MLPRegressor(solver="lbfgs", random_state=0).fit([[0.0], [1.0]], [0.0, 1.0])
>>> mlp.resolved_params_["hidden_layer_sizes"]
(100,)
"""

from __future__ import annotations

from .estimators import BackpropClassifier, BackpropRegressor
from .estimators.base import DOC_PAGE


def _doc(base: type) -> str:
    """The parameters and attributes of `base`, under a first line of our own.

    Notebooks show the parameters of a docstring, and do not look in those of base classes.
    """
    text = base.__doc__ or ""  # empty with python -OO
    sections = text[text.find("Parameters\n") : text.find("Examples\n")]
    name = base.__name__
    return f"""`{name}` whose ``preset="auto"`` means ``"plain"``: scikit-learn's MLP.

    {sections}"""


class MLPClassifier(BackpropClassifier):  # noqa: D101
    __doc__ = _doc(BackpropClassifier)
    _auto_preset = "plain"
    _doc_link_template = DOC_PAGE.format("skbackprop.mlp")


class MLPRegressor(BackpropRegressor):  # noqa: D101
    __doc__ = _doc(BackpropRegressor)
    _auto_preset = "plain"
    _doc_link_template = DOC_PAGE.format("skbackprop.mlp")


__all__ = ["MLPClassifier", "MLPRegressor"]
