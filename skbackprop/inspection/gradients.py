"""The derivative of a score with respect to each number of a row.

>>> import numpy as np
>>> from skbackprop import BackpropRegressor
>>> X = np.linspace(-1, 1, 200)[:, None] * [1.0, 1000.0]
>>> model = BackpropRegressor(random_state=0).fit(X, X[:, 0] ** 2)
>>> slopes = input_gradients(model, [[-0.5, 0.0], [0.5, 0.0]])
>>> slopes.shape, bool(slopes[0, 0] < 0 < slopes[1, 0])
((2, 2), True)
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..tables.marginals import owners, slopes, slopes_of_whitened
from .models import dense, open_model
from .scores import Scores, directions_of


def input_gradients(model: Any, X: Any, *, output: Any = None) -> np.ndarray:
    """Compute the Jacobian of the outputs with respect to the numeric columns.

    The derivatives are exact, by backpropagation through the input, and in the unit of each
    column: for a date per second.

    Parameters
    ----------
    model : BackpropClassifier, BackpropRegressor, Pipeline or search
        Fitted.  The columns of a pipeline are those that its last step gets.
    X : {array-like, sparse matrix, DataFrame} of shape (n_rows, n_features)
        The rows, as for `predict`.
    output : label, int or None
        The class, or the number of the output; by default all.  Outputs are on the scale of
        `feature_attributions`: ``decision_function``, or the prediction in the unit of y before
        it is limited to the range of y, or its logarithm.

    Returns
    -------
    gradients : ndarray of shape (n_rows, n_features) or (n_rows, n_features, n_outputs)
        With an axis of outputs if several are asked for.  NaN where there is no derivative: in
        columns of categories, and where a number is missing.  0 in columns that are not used.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from skbackprop import BackpropRegressor
    >>> from skbackprop.inspection import input_gradients
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = BackpropRegressor(random_state=0, max_iter=10).fit(X, y)
    >>> input_gradients(model, X).shape
    (442, 10)
    """
    opened = open_model(model)
    estimator, X = opened.estimator, opened.transform(X)
    fitted, x = estimator._fitted, estimator._encode(X)
    scores = Scores(fitted.network.at_least(x.dtype), fitted)
    directions, _ = directions_of(fitted.codec, scores.n_outputs, output)
    x = dense(x)
    encoded = _gradients(scores, x.astype(scores.network.dtype, copy=False), directions)
    if fitted.encoder is None:
        gradients = encoded
    else:
        gradients = slopes_of_whitened(fitted.encoder, x, encoded)
        encoded *= slopes(fitted.encoder, X, x)[..., None]
        columns = owners(fitted.encoder)
        where: Any = (slice(None), columns[columns >= 0])  # the stub knows no tuples
        np.add.at(gradients, where, encoded[:, columns >= 0])
    return gradients[..., 0] if len(directions) == 1 else gradients


def _gradients(scores: Scores, x: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """With respect to encoded rows, ``(n, n_encoded, q)``."""
    gradients, step = np.empty((*x.shape, len(directions))), scores.chunk(x.shape)
    for start in range(0, len(x), step):
        rows = x[start : start + step]
        gradient = scores.bind(rows.shape)
        for q, direction in enumerate(directions):
            gradients[start : start + step, :, q] = gradient(rows, direction)
    return gradients
