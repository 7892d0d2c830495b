"""Plots of the activations and the gradient norm of each layer.

A deep network learns if the activations of all layers vary from row to row, and if the gradient
reaches the first layer.  Glorot & Bengio, "Understanding the difficulty of training deep
feedforward neural networks" (2010), look at networks in this way.

>>> GradientFlowDisplay(["dense_0", "dense_2"], [0.1, 0.4]).norms
[0.1, 0.4]
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..inspection.summary import count_dead, gradient_norm, name_of_record, record_model
from ..nn.layers import Activate
from .curves import _Display

PERCENTILES = (5, 25, 50, 75, 95)


class ActivationDisplay(_Display):
    """The distribution of the activations of each layer, and how many units are dead.

    The box holds the middle half of the activations, the whiskers nine tenths, the line is the
    median.

    Parameters
    ----------
    layers : sequence of str
        Names of the layers.
    percentiles : array-like of shape (n_layers, 5)
        The 5th, 25th, 50th, 75th and 95th percentile of each.
    dead : sequence of int
        The number of units of each that return the same for every row.
    n_units : sequence of int
        The number of units of each.

    Attributes
    ----------
    ax_, figure_ : matplotlib Axes and Figure
    boxes_ : matplotlib BarContainer
    whiskers_ : matplotlib LineCollection
    medians_ : matplotlib Line2D
    """

    x_label, y_label = "Activation", ""

    def __init__(
        self, layers: Sequence[str], percentiles: Any, dead: Sequence[int], n_units: Sequence[int]
    ):
        self.layers, self.percentiles = layers, np.asarray(percentiles)
        self.dead, self.n_units = dead, n_units

    @classmethod
    def from_estimator(
        cls, estimator: Any, X: Any, *, ax: Any = None, **kwargs: Any
    ) -> ActivationDisplay:
        """Draw what the activations of a fitted estimator return for these rows.

        Parameters
        ----------
        estimator : estimator or Network
            A fitted `BackpropClassifier` or `BackpropRegressor`, a pipeline or a search that ends
            with one, or a `Network`.  All members of an ensemble are taken together.
        X : table of shape (n_samples, n_features)
            Two rows or more.
        ax : matplotlib Axes, optional
            Where to draw; by default in a new figure.
        **kwargs : dict
            Of the boxes, for ``Axes.barh``.
        """
        records = [r for r in record_model(estimator, X).records if isinstance(r.layer, Activate)]
        if not records:
            raise ValueError(
                "ActivationDisplay needs a network with a hidden layer, got one without. Use "
                "NetworkDisplay for a linear model."
            )
        display = cls(
            [name_of_record(record) for record in records],
            [np.percentile(record.y, PERCENTILES) for record in records],
            [count_dead(record) for record in records],
            [record.y[..., 0, :].size for record in records],
        )
        return display.plot(ax=ax, **kwargs)

    def plot(self, ax: Any = None, **kwargs: Any) -> ActivationDisplay:
        """Draw the boxes; the parameters are those of `from_estimator`."""
        ax = self._begin(ax)
        labels = [
            f"{layer}\n{dead} of {n} dead" if dead else layer
            for layer, dead, n in zip(self.layers, self.dead, self.n_units, strict=True)
        ]
        low, first, median, third, high = self.percentiles.T
        heights = np.arange(len(labels))
        self.whiskers_ = ax.hlines(heights, low, high, color="0.5", zorder=1)
        style = {"height": 0.5, "zorder": 2, **kwargs}
        self.boxes_ = ax.barh(heights, third - first, left=first, **style)
        (self.medians_,) = ax.plot(median, heights, "|", color="black", ms=18, zorder=3)
        ax.set_yticks(heights, labels)
        ax.invert_yaxis()  # the first layer on top
        return self


class GradientFlowDisplay(_Display):
    """The norm of the gradient of each layer with parameters.

    Parameters
    ----------
    layers : sequence of str
        Names of the layers.
    norms : sequence of float
        Norms of the gradient of the mean loss with respect to their parameters.

    Attributes
    ----------
    ax_, figure_ : matplotlib Axes and Figure
    line_ : matplotlib Line2D
    """

    x_label, y_label = "Norm of the gradient", ""

    def __init__(self, layers: Sequence[str], norms: Sequence[float]):
        self.layers, self.norms = layers, norms

    @classmethod
    def from_estimator(
        cls, estimator: Any, X: Any, y: Any, *, loss: Any = None, ax: Any = None, **kwargs: Any
    ) -> GradientFlowDisplay:
        """Draw the gradient of the mean loss of these rows.

        Parameters
        ----------
        estimator : estimator or Network
            A fitted `BackpropClassifier` or `BackpropRegressor`, a pipeline or a search that ends
            with one, or a `Network`.  Of the members of an ensemble it is the root of the mean
            square.
        X, y : array-like
            Two rows or more, and their targets.
        loss : str or Loss, optional
            For a `Network`.
        ax : matplotlib Axes, optional
            Where to draw; by default in a new figure.
        **kwargs : dict
            Of the line, for ``Axes.plot``.
        """
        recording = record_model(estimator, X, y, loss=loss)
        records = [record for record in recording.records if recording.own_arrays(record)]
        norms = [gradient_norm(recording, record) for record in records]
        return cls(list(map(name_of_record, records)), norms).plot(ax=ax, **kwargs)

    def plot(self, ax: Any = None, **kwargs: Any) -> GradientFlowDisplay:
        """Draw the norms; the parameters are those of `from_estimator`."""
        ax, heights = self._begin(ax), np.arange(len(self.layers))
        (self.line_,) = ax.plot(self.norms, heights, **{"marker": "o", **kwargs})
        ax.set_yticks(heights, self.layers)
        above = [norm for norm in self.norms if norm > 0]
        if above:
            ax.set_xscale("log")  # whole powers of ten; a norm of 0 is left out
            low, high = np.floor(np.log10(min(above))), np.ceil(np.log10(max(above)))
            ax.set_xlim(10**low, 10 ** max(high, low + 1))
        ax.invert_yaxis()
        return self
