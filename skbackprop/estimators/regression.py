"""Numbers in, numbers out: what is special about regression."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.utils import column_or_1d
from sklearn.utils.metaestimators import available_if

from ..nn.losses import LOSSES, Loss, Pinball, as_loss
from ..recipes.constraints import LOSS_OF_REGRESSOR, check_parameters
from ..recipes.resolve import solver_is_stochastic
from ..targets.codec import TargetCodec
from .callback_bridge import with_callbacks
from .inputs import FitInputs, Table

ANY_UNIT = {type(loss) for loss in LOSSES.values() if loss.link == "identity"}


class NumberPredictions:
    """Predictions of a regressor, and what it answers to its base."""

    loss: Any
    standardize_target: Any
    _fitted: Any
    _scores: Any
    _fit: Any
    _initialize: Any

    @with_callbacks
    def fit(
        self,
        X,
        y,
        sample_weight=None,
        *,
        X_val=None,
        y_val=None,
        sample_weight_val=None,
        groups=None,
    ):
        """Learn from rows with a numeric target.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            The input data.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The target, in any unit; what the loss allows.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, at least 0. None stands for ones.
        X_val, y_val : array-like, default=None
            Rows on which ``early_stopping=True`` decides, instead of a part of X.
        sample_weight_val : array-like, default=None
            Weights of the validation rows.
        groups : array-like of shape (n_samples,), default=None
            Groups for a splitter given as ``validation_fraction``.

        Returns
        -------
        self : BackpropRegressor
            The fitted regressor.
        """
        inputs = FitInputs(X, y, sample_weight, X_val, y_val, sample_weight_val, groups)
        return self._fit(inputs)

    @available_if(solver_is_stochastic)
    def partial_fit(
        self, X, y, *, sample_weight=None, X_val=None, y_val=None, sample_weight_val=None
    ):
        """Go on learning: one epoch over the rows inputs.

        Ten calls with the same rows are a fit of ten epochs, bit for bit.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            The input data.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The target.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.
        X_val, y_val, sample_weight_val : array-like, default=None
            Validation rows: their loss and score are written to ``history_``.

        Returns
        -------
        self : BackpropRegressor
            The fitted regressor.
        """
        inputs = FitInputs(X, y, sample_weight, X_val, y_val, sample_weight_val)
        inputs.incremental = True
        return self._fit(inputs)

    def initialize(self, n_features, n_outputs=1):
        """Make the network with its starting weights, without data.

        Parameters
        ----------
        n_features : int
            Number of columns of the X to come.
        n_outputs : int, default=1
            Number of columns of the y to come.

        Returns
        -------
        self : BackpropRegressor
            A regressor that can predict, whose ``coefs_`` and ``intercepts_`` can be
            assigned, and that ``partial_fit`` or ``warm_start=True`` trains from there.

        Examples
        --------
        >>> from skbackprop import BackpropRegressor
        >>> reg = BackpropRegressor((3,), preset="plain").initialize(n_features=2)
        >>> reg.intercepts_[-1][...] = 0.5
        >>> reg.predict([[1.0, 2.0]]).shape
        (1,)
        """
        return self._initialize(n_features, TargetCodec(n_outputs, n_outputs == 1))

    def predict(self, X):
        """Predict the target.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            The input data.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            Predictions in the unit of y; with several quantiles a column for each.
        """
        scores = self._scores(X)
        return self._fitted.codec.decode(self._fitted.loss.predict(scores))

    # ---- what the base asks for -----------------------------------------------------------

    def _check_parameters(self) -> None:
        check_parameters(self, loss=LOSS_OF_REGRESSOR)

    def _check_y(self, y: Any) -> np.ndarray:
        y = np.asarray(y)
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        y = y.astype(np.float64, copy=False)
        loss = self._make_loss(None)
        if hasattr(loss, "check_target"):
            loss.check_target(y)
        return y

    def _make_codec(self, y: np.ndarray, inputs: FitInputs, resume: bool) -> TargetCodec:
        if not resume:
            return TargetCodec.fitted(y)
        codec = self._fitted.codec
        n_targets = 1 if y.ndim == 1 else y.shape[1]
        if n_targets != codec.n_targets:
            raise ValueError(
                f"`y` needs {codec.n_targets} columns, as in the first call, got {n_targets}. "
                "Set warm_start=False to start anew."
            )
        return codec

    def _standardize(
        self, codec: TargetCodec, table: Table, resolved: dict[str, Any], resume: bool
    ) -> tuple[TargetCodec, Table]:
        """Bring the target to mean 0 and spread 1, for losses that do not mind."""
        allowed = type(self._make_loss(codec)) in ANY_UNIT
        if self.standardize_target is True and not allowed and not resume:
            raise ValueError(
                "standardize_target=True needs a loss for targets in any unit, such as "
                f"'squared_error' or 'pinball', got loss={self.loss!r}. Leave it 'auto'."
            )
        resolved["standardize_target"] = bool(resolved["standardize_target"]) and allowed
        if resume or not (resolved["standardize_target"] or resolved["clip_predictions"]):
            return codec, table
        codec = TargetCodec.fitted(
            table.y,
            table.weight,
            standardize=resolved["standardize_target"],
            turn=not isinstance(self._make_loss(codec), Pinball),  # the others are symmetric
            clip=resolved["clip_predictions"],
        )
        return codec, replace(table, target=codec.encode(table.y, table.x.dtype))

    def _make_loss(self, codec: Any) -> Loss:
        return LOSSES[self.loss] if isinstance(self.loss, str) else as_loss(self.loss)

    def _default_scoring(self, codec: Any, loss: Loss) -> str:
        return "r2" if self.loss == "squared_error" else "loss"

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        positive = self.loss in ("poisson", "gamma", "tweedie")
        tags.target_tags.positive_only = positive
        # Several outputs work for these losses too, but scikit-learn's check of this tag
        # knows only targets that may be negative.
        tags.target_tags.multi_output = not positive
        return tags
