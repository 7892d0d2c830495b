"""How sure a fitted estimator is: the methods, over the arrays of `uncertainty`."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..nn.losses import Pinball
from ..recipes.build import drops
from .conformal import conformal_margin, conformal_quantile, conformalized_quantiles, mc_dropout


class MemberSpread:
    """What members, or passes with dropout, disagree on."""

    _fitted: Any
    _encode: Any

    def _deviation(self, X: Any, method: str, n_passes: int) -> np.ndarray:
        """Standard deviation of the predictions, ``(n, m)``."""
        x, fitted = self._encode(X), self._fitted
        if method == "members":
            scores = fitted.member_scores(x)
            if scores.ndim == 2:
                raise ValueError(
                    "method='members' needs n_members of two or more, got one network. Fit with "
                    "n_members=8, or use method='dropout'."
                )
            return fitted.loss.predict(scores).std(axis=0)
        if method != "dropout":
            raise ValueError(f"method must be 'members' or 'dropout', got {method!r}.")
        if not drops(fitted.resolved):
            raise ValueError(
                "method='dropout' needs a network with dropout, got dropout=0. Fit with "
                "dropout=0.1, or use method='members'."
            )
        rng = np.random.default_rng(0)  # the same masks whenever it is asked
        return mc_dropout(fitted.network, x, n_passes, rng, fitted.loss)[1]


class ProbabilitySpread(MemberSpread):
    """The spread of probabilities."""

    def predict_std(self, X, *, method="members", n_passes=50):
        """Predict how far apart the members are.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            The input data.
        method : {"members", "dropout"}, default="members"
            Compare the members, or passes of the network with its dropout on (Gal &
            Ghahramani, 2016).
        n_passes : int, default=50
            Number of passes.

        Returns
        -------
        std : ndarray of shape (n_samples, n_classes)
            Standard deviation of each probability; of several columns of labels side by side.
        """
        std = self._deviation(X, method, n_passes)
        binary = std.shape[1] == 1 and self._fitted.codec.n_classes == 2
        return np.repeat(std, 2, axis=1) if binary else std


class NumberSpread(MemberSpread):
    """The spread of numbers, and intervals with a promise."""

    predict: Any
    _state: Any

    def predict_std(self, X, *, method="members", n_passes=50):
        """Predict how far apart the members are.

        It tells how much a prediction depends on chance in training, not how much `y`
        scatters around it: for that see `predict_interval`.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            The input data.
        method : {"members", "dropout"}, default="members"
            Compare the members, or passes of the network with its dropout on (Gal &
            Ghahramani, 2016).
        n_passes : int, default=50
            Number of passes.

        Returns
        -------
        std : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            In the unit of y.
        """
        std = self._deviation(X, method, n_passes)
        codec = self._fitted.codec
        std = std * np.broadcast_to(np.abs(codec.scale), codec.n_targets).repeat(
            std.shape[1] // codec.n_targets
        )
        return std[:, 0] if codec.one_dimensional and std.shape[1] == 1 else std

    def predict_interval(self, X, *, coverage=0.9):
        """Predict intervals that hold `y` with a given probability.

        Split-conformal: the margin is a quantile of the residuals of rows that were held out.
        It is kept on average over rows like those of training, and not quite as promised: the
        rows held out have chosen the epoch, and each was predicted by one member alone.  Two
        quantiles of a regressor with ``loss=Pinball((low, high))`` are corrected by a margin
        instead.  Vovk, Gammerman & Shafer (2005); Romano, Patterson & Candès (2019).

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            The input data.
        coverage : float, default=0.9
            Probability that an interval holds its `y`, more than 0 and less than 1.

        Returns
        -------
        intervals : ndarray of shape (n_samples, 2) or (n_samples, n_outputs, 2)
            Lower and upper ends, infinite if too few rows were held out for the coverage.
        """
        target, predicted, weight = self._held_out("predict_interval")
        if isinstance(self._fitted.loss, Pinball):
            low, high = predicted.min(axis=1), predicted.max(axis=1)
            margin = conformalized_quantiles(low, high, target[:, 0], 1 - coverage, weight)
            ends = self.predict(X)
            ends = ends.reshape(len(ends), -1)
            low, high = ends.min(axis=1) - margin, ends.max(axis=1) + margin
            return np.stack([np.minimum(low, high), np.maximum(low, high)], axis=-1)
        margin = conformal_margin(target - predicted, 1 - coverage, weight)
        y = self.predict(X)
        margin = margin[0] if y.ndim == 1 else margin
        return np.stack([y - margin, y + margin], axis=-1)

    def predict_quantiles(self, X, quantiles=(0.1, 0.5, 0.9)):
        """Predict quantiles of `y`.

        The prediction plus quantiles of the residuals of held-out rows, which makes the
        spread the same for all rows.  For one that depends on the row fit
        ``loss=Pinball((0.1, 0.5, 0.9))``, whose `predict` gives these quantiles.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            The input data.
        quantiles : sequence of float, default=(0.1, 0.5, 0.9)
            Probabilities that `y` is smaller, more than 0 and less than 1.

        Returns
        -------
        y : ndarray of shape (n_samples, n_quantiles) or (n_samples, n_outputs, n_quantiles)
            The quantiles in the order asked for.
        """
        if isinstance(self._fitted.loss, Pinball):
            raise ValueError(
                "predict_quantiles adds residuals to a prediction of the mean or median, got a "
                "regressor with loss=Pinball. Its predict gives its quantiles."
            )
        target, predicted, weight = self._held_out("predict_quantiles")
        residuals = target - predicted
        shifts = np.array([conformal_quantile(residuals, 1 - q, weight) for q in quantiles])
        y = self.predict(X)
        shifts = shifts[:, 0] if y.ndim == 1 else shifts.T
        return y[..., None] + shifts

    def _held_out(self, name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        """Targets and predictions of the rows held out, in the unit of y, and their weights."""
        fitted = self._state(name)
        if fitted.held_out is None:
            raise ValueError(
                f"{name} needs rows that were not learned from, got early_stopping=False. Fit "
                "with early_stopping=True, or with X_val and y_val."
            )
        held, decode = fitted.held_out, fitted.codec.decode
        y, predicted = decode(held.target), decode(fitted.loss.predict(held.scores))
        return y.reshape(len(y), -1), predicted.reshape(len(y), -1), held.weight
