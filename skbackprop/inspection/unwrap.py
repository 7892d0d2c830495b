"""Which network a model has: of a pipeline, a search, or an estimator.

>>> from sklearn.pipeline import make_pipeline
>>> from sklearn.preprocessing import StandardScaler
>>> from skbackprop import BackpropRegressor
>>> model = make_pipeline(StandardScaler(), BackpropRegressor(max_iter=2, n_members=1))
>>> model = model.fit([[1.0], [3.0], [5.0], [7.0], [9.0]], [0.0, 1.0, 2.0, 3.0, 4.0])
>>> estimator, X = unwrap(model, [[5.0]])
>>> type(estimator).__name__, X
('BackpropRegressor', array([[0.]]))
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from ..estimators.base import BackpropEstimator
from ..nn.layers import Layer
from ..nn.network import Network, copy_members
from ..recipes.build import n_members


def unwrap(model: Any, X: Any = None) -> tuple[Any, Any]:
    """The fitted estimator of a model, and `X` as this estimator gets it.

    Parameters
    ----------
    model : estimator
        A fitted `BackpropClassifier` or `BackpropRegressor`, a pipeline that ends with one, or a
        search with a ``best_estimator_`` that is one of these.
    X : table, optional
        Rows as the model gets them.
    """
    check_is_fitted(model)
    if hasattr(model, "best_estimator_"):
        return unwrap(model.best_estimator_, X)
    if isinstance(model, Pipeline):
        before = model[:-1]
        return unwrap(model[-1], X if X is None or not len(before) else before.transform(X))
    if not isinstance(model, BackpropEstimator):
        raise TypeError(
            "This function needs a fitted BackpropClassifier or BackpropRegressor, or a pipeline "
            f"or a search with one as the last step, got {type(model).__name__}. Pass the fitted "
            "estimator itself."
        )
    return model, X


def one_member(estimator: Any, member: int) -> tuple[Network, set[tuple[str, ...]]]:
    """A copy of the network of one member, in double precision, and which arrays are stacked.

    The stacked arrays have a first axis of length 1.
    """
    fitted = estimator._fitted
    network = fitted.network
    k = n_members(fitted.resolved)
    if not 0 <= member < (k or 1):
        raise ValueError(
            f"member must be an int in the range [0, {(k or 1) - 1}], the model has {k or 1} "
            f"members. Got {member!r} instead."
        )
    if k is None:
        return in_double_precision(network), set()
    single = Network(fitted.layer_of(1), network.dtype)
    copy_members(network, single, member, to_whole=False)
    return in_double_precision(single), stacked_arrays(single, fitted.layer_of(2))


def in_double_precision(network: Network) -> Network:
    """A copy, in float64 if that is more precise."""
    dtype = np.result_type(network.dtype, np.float64)
    return network.over(network.theta.astype(dtype), network.fixed.astype(dtype))


def stacked_arrays(single: Network, pair: Layer) -> set[tuple[str, ...]]:
    """The arrays of a stack of one member that each member of a stack of two has."""
    of_pair = Network(pair).layout
    places = {**single.layout.trained, **single.layout.fixed}
    of_two = {**of_pair.trained, **of_pair.fixed}
    return {path for path, (_, param) in places.items() if param.shape != of_two[path][1].shape}
