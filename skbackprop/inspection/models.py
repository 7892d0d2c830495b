"""The estimator inside a pipeline or a search, and its members.

>>> from sklearn.datasets import load_iris
>>> from sklearn.pipeline import make_pipeline
>>> from sklearn.preprocessing import StandardScaler
>>> from skbackprop import BackpropClassifier
>>> X, y = load_iris(return_X_y=True)
>>> model = make_pipeline(StandardScaler(), BackpropClassifier(max_iter=2, random_state=0))
>>> opened = open_model(model.fit(X, y))
>>> type(opened.estimator).__name__, opened.feature_names
('BackpropClassifier', ['x0', 'x1', 'x2', 'x3'])
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import issparse
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from ..estimators.base import BackpropEstimator
from ..nn.layers import Layer
from ..nn.losses import LOSSES, Loss, as_loss
from ..nn.network import Network, copy_members
from ..recipes.build import n_members


class Opened(NamedTuple):
    """A fitted estimator, and the steps of the pipelines around it, the outermost first."""

    estimator: BackpropEstimator
    steps: list[Pipeline]

    def transform(self, X: Any) -> Any:
        """X as the estimator gets it."""
        for step in self.steps:
            X = step.transform(X)
        return X

    @property
    def feature_names(self) -> list[str]:
        """The names of the columns of the estimator; x0, x1, … if they have none."""
        names = getattr(self.estimator, "feature_names_in_", None)
        if names is None and self.steps:
            try:
                names = self.steps[-1].get_feature_names_out()
            except (AttributeError, ValueError):  # a step that does not name its columns
                names = None
        if names is None or len(names) != self.estimator.n_features_in_:
            names = [f"x{i}" for i in range(self.estimator.n_features_in_)]
        return [str(name) for name in names]


def open_model(model: Any) -> Opened:
    """The estimator of this package in a model.

    Parameters
    ----------
    model : BackpropClassifier, BackpropRegressor, Pipeline or search
        Fitted.  A pipeline ends with the estimator; a search has a ``best_estimator_``.

    Raises
    ------
    TypeError
        If there is no such estimator.
    NotFittedError
        If it is not fitted.
    """
    steps: list[Pipeline] = []
    inner = model
    while isinstance(inner, Pipeline) or hasattr(inner, "best_estimator_"):
        if isinstance(inner, Pipeline):
            steps += [inner[:-1]] if len(inner.steps) > 1 else []
            inner = inner.steps[-1][1]
        else:
            inner = inner.best_estimator_
    if not isinstance(inner, BackpropEstimator):
        if hasattr(inner, "estimator"):  # a search that is not fitted says so first
            check_is_fitted(inner)
        of = "" if inner is model else f" inside {type(model).__name__}"
        raise TypeError(
            "model must be a BackpropClassifier or BackpropRegressor, or a Pipeline or search "
            f"(with refit=True) of one, got {type(inner).__name__}{of}."
        )
    check_is_fitted(inner)
    return Opened(inner, steps)


def dense(x: Any) -> np.ndarray:
    """Encoded rows as an array."""
    return x.toarray() if issparse(x) else np.asarray(x)


def arguments_of_pass(
    model: Any, X: Any, y: Any, loss: Any, dtype: np.dtype
) -> tuple[np.ndarray, np.ndarray | None, Loss | None]:
    """The rows, the targets and the loss of a pass, as the network of a model gets them."""
    if isinstance(model, Network):
        x, target, loss = np.asarray(X, dtype), y, loss_of_network(loss, y)
    else:
        if loss is not None:
            raise ValueError(
                f"An estimator has a loss of its own, got loss={loss!r}. Leave loss out."
            )
        opened = open_model(model)
        estimator, fitted = opened.estimator, opened.estimator._fitted
        x, loss = dense(estimator._encode(opened.transform(X))).astype(dtype), fitted.loss
        target = None if y is None else encode_target(estimator, y, dtype)
    if target is not None:
        # The targets of a single row may come as one list.
        n = 1 if x.shape[-2] == 1 else len(target)
        target = np.asarray(target, dtype).reshape(n, -1)
        if n != x.shape[-2]:
            raise ValueError(f"There must be a y for each of the {x.shape[-2]} rows, got {n}.")
    return x, target, loss


def encode_target(estimator: Any, y: Any, dtype: np.dtype) -> np.ndarray:
    """Targets as the loss of a fitted estimator gets them."""
    codec = estimator._fitted.codec
    y = estimator._check_y(y)
    unseen = estimator._unseen(y, codec)
    if unseen:
        raise ValueError(f"y has labels that the model does not know: {unseen}.")
    return codec.encode(y, dtype)


def loss_of_network(loss: Any, y: Any) -> Loss | None:
    """The loss of a network, which has none of its own, from its name or as it is."""
    names = ", ".join(sorted(LOSSES))
    if y is not None and loss is None:
        raise ValueError(
            f"A Network with y needs a loss, got loss=None. Pass one of {names}, or a Loss."
        )
    if isinstance(loss, str):
        if loss not in LOSSES:
            raise ValueError(f"loss must be one of {names}, got {loss!r}.")
        return LOSSES[loss]
    return None if loss is None else as_loss(loss)


def one_member(estimator: Any, member: int) -> tuple[Network, set[tuple[str, ...]]]:
    """A copy of the network of one member, in double precision, and which arrays are stacked.

    The stacked arrays have a first axis of length 1.
    """
    fitted = estimator._fitted
    network = fitted.network
    k = n_members(fitted.resolved)
    count = k or 1
    if not isinstance(member, (int, np.integer)) or not 0 <= member < count:
        raise ValueError(
            f"member must be an int in the range [0, {count - 1}], the model has {count} "
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
