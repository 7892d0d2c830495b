"""Plots of a network: units as circles, weights as lines, and weights as images.

Both displays show dense layers, of one member of an ensemble.  A weight above 0 is red and one
below 0 is blue; the thicker and darker, the larger.

>>> display = NetworkDisplay([np.array([[1.0, -2.0], [0.5, 0.0]]), np.array([[1.0], [3.0]])])
>>> display.widths
[2, 2, 1]
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, isqrt, sqrt
from typing import Any

import numpy as np

from ..inspection.models import one_member, open_model
from ..inspection.naming import DENSE
from ..inspection.record import record_pass
from ..inspection.scores import Parts, output_names
from ..inspection.summary import n_inputs
from .curves import _Display

RED, BLUE = "#b2182b", "#2166ac"  # of weights above and below 0


class NetworkDisplay(_Display):
    """Units as circles and weights as lines.

    Parameters
    ----------
    weights : sequence of ndarray of shape (n_in, n_out)
        Of each layer.
    biases : sequence of ndarray of shape (n_out,), or None
        Of each layer; they color the circles.
    input_names, output_names : sequence of str, optional
        What stands beside the first and the last units.
    max_units : int
        Of a layer with more units only so many are drawn, those with the largest weights.

    Attributes
    ----------
    ax_, figure_ : matplotlib Axes and Figure
    edges_ : list of matplotlib LineCollection
        The weights of each layer.
    units_ : list of matplotlib PathCollection
        The units of each layer, the inputs first.
    """

    def __init__(
        self,
        weights: Sequence[np.ndarray],
        biases: Sequence[np.ndarray] | None = None,
        *,
        input_names: Sequence[str] | None = None,
        output_names: Sequence[str] | None = None,
        max_units: int = 16,
    ):
        self.weights, self.biases, self.max_units = weights, biases, max_units
        self.input_names, self.output_names = input_names, output_names

    @property
    def widths(self) -> list[int]:
        """The number of units of each layer, the inputs first."""
        return [self.weights[0].shape[0], *(W.shape[1] for W in self.weights)]

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        member: int = 0,
        max_units: int = 16,
        ax: Any = None,
        **kwargs: Any,
    ) -> NetworkDisplay:
        """Draw the dense layers of a fitted estimator.

        The inputs are those of the first dense layer, in the order of the encoded table, in
        which numbers come first.  They have the names of the columns if each column is one input;
        with embeddings there are more inputs than columns.

        Parameters
        ----------
        estimator : estimator
            A fitted `BackpropClassifier` or `BackpropRegressor`, or a pipeline or a search that
            ends with one.
        member : int
            Which member of an ensemble.
        max_units : int
            Of a layer with more units only so many are drawn.
        ax : matplotlib Axes, optional
            Where to draw; by default in a new figure.
        **kwargs : dict
            Of the circles, for ``Axes.scatter``.
        """
        opened = open_model(estimator)
        weights, biases = dense_arrays(opened.estimator, member)
        columns, names = input_columns(opened.estimator), opened.feature_names
        display = cls(
            weights,
            biases,
            input_names=None if columns is None else [names[i] for i in columns],
            output_names=output_names(opened.estimator._fitted.codec, weights[-1].shape[1]),
            max_units=max_units,
        )
        return display.plot(ax=ax, **kwargs)

    def plot(self, ax: Any = None, **kwargs: Any) -> NetworkDisplay:
        """Draw the network; the parameters are those of `from_estimator`."""
        ax = self._begin(ax)
        drawn = [self._drawn(i) for i in range(len(self.widths))]
        places = [np.linspace(0.5, -0.5, len(d)) * (len(d) - 1) if len(d) else d for d in drawn]
        self.edges_ = [
            self._draw_edges(i, drawn[i], drawn[i + 1], places[i], places[i + 1])
            for i in range(len(self.weights))
        ]
        self.units_ = [
            self._draw_units(i, d, y, kwargs)
            for i, (d, y) in enumerate(zip(drawn, places, strict=True))
        ]
        for i, (names, side) in enumerate(((self.input_names, -1), (self.output_names, 1))):
            if names is None:
                continue
            index, y = drawn[-i], places[-i]
            x = 0 if side < 0 else len(self.weights)
            for unit, height in zip(index, y, strict=True):
                align = {"ha": "right" if side < 0 else "left", "va": "center"}
                ax.annotate(
                    names[unit], (x, height), (12 * side, 0), textcoords="offset points", **align
                )
        ax.margins(0.15, 0.1)
        ax.axis("off")
        return self

    def _drawn(self, layer: int) -> np.ndarray:
        """The numbers of the units that are drawn."""
        n = self.widths[layer]
        if n <= self.max_units:
            return np.arange(n)
        own = np.abs(self.weights[layer]).max(axis=1) if layer < len(self.weights) else 0
        before = np.abs(self.weights[layer - 1]).max(axis=0) if layer else 0
        return np.sort(np.argsort(-(own + before), kind="stable")[: self.max_units])

    def _draw_edges(self, i: int, rows: Any, columns: Any, left: Any, right: Any) -> Any:
        from matplotlib.collections import LineCollection

        W = np.asarray(self.weights[i])[np.ix_(rows, columns)]
        share = np.abs(W) / (np.abs(W).max(initial=0.0) or 1.0)
        order = np.argsort(share, axis=None)  # the largest on top
        a, b = np.unravel_index(order, W.shape)
        lines = [[(i, left[j]), (i + 1, right[k])] for j, k in zip(a, b, strict=True)]
        edges = LineCollection(
            lines,
            colors=[RED if W[j, k] > 0 else BLUE for j, k in zip(a, b, strict=True)],
            linewidths=0.3 + 3 * share[a, b],
            alpha=0.15 + 0.85 * share[a, b],
            zorder=1,
        )
        self.ax_.add_collection(edges)
        return edges

    def _draw_units(self, i: int, drawn: np.ndarray, y: np.ndarray, given: dict[str, Any]) -> Any:
        from matplotlib.colors import LinearSegmentedColormap

        n, style = len(drawn), {"s": 220, "edgecolors": "0.3", "zorder": 2, **given}
        if self.biases is None or i == 0:
            style = {"color": "white", **style} if "c" not in given else style
        elif not {"c", "color"} & set(given):
            b = np.asarray(self.biases[i - 1])[drawn]
            most = np.abs(b).max(initial=0.0) or 1.0
            colors = LinearSegmentedColormap.from_list("signed", [BLUE, "white", RED])
            style = {"c": b, "cmap": colors, "vmin": -1.5 * most, "vmax": 1.5 * most, **style}
        units = self.ax_.scatter(np.full(n, i), y, **style)
        if n < self.widths[i]:
            text = f"{n} of {self.widths[i]}"
            self.ax_.annotate(
                text, (i, min(y)), (0, -16), textcoords="offset points", ha="center", va="top"
            )
        return units


def dense_arrays(model: Any, member: int = 0) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """The weights and biases of the dense layers of a member, those past a block left out.

    Factors of inputs and outputs are multiplied into the weights.
    """
    network, _ = one_member(model, member)
    x = np.zeros((1, n_inputs(network.layer)), network.dtype)
    weights, biases = [], []
    for record in record_pass(network, x).records:
        if not isinstance(record.layer, DENSE) or record.path[-1:] == ("shortcut",):
            continue
        p = network.p
        for name in record.path:
            p = getattr(p, name)
        W = np.array(p.W[0] if p.W.ndim == 3 else p.W)
        for name, axis in (("scale", 1), ("r", 1), ("s", 0)):
            if hasattr(p, name):
                W *= np.expand_dims(np.ravel(getattr(p, name)), axis)
        weights.append(W)
        biases.append(np.ravel(p.b) if hasattr(p, "b") else np.zeros(W.shape[1]))
    return weights, biases


def input_columns(estimator: Any) -> np.ndarray | None:
    """For each input of the first dense layer the number of its column, if no two have the same.

    An encoded table has its columns in another order.
    """
    owners = Parts(estimator._fitted, np.float64).owners
    return owners if owners.min(initial=0) >= 0 and len(set(owners)) == len(owners) else None


class WeightDisplay(_Display):
    """The weights of the units of the first layer as images, side by side.

    Parameters
    ----------
    weights : ndarray of shape (n_pixels, n_units)
        A column for each unit.
    image_shape : tuple of int, optional
        Height and width, whose product is the number of pixels; by default a square.
    n_images : int
        The number of images, those of the units with the largest weights.

    Attributes
    ----------
    ax_, figure_ : matplotlib Axes and Figure
    image_ : matplotlib AxesImage
        All images in one.
    units_ : ndarray
        The numbers of the units, row by row.
    """

    def __init__(
        self,
        weights: np.ndarray,
        *,
        image_shape: tuple[int, int] | None = None,
        n_images: int = 24,
    ):
        n = len(weights)
        side = isqrt(n)
        if image_shape is None and side * side != n:
            raise ValueError(
                f"The {n} inputs of the first layer are no square image. Pass image_shape=(height, "
                "width)."
            )
        shape = (side, side) if image_shape is None else image_shape
        if shape[0] * shape[1] != n:
            raise ValueError(
                f"image_shape={shape} needs {shape[0] * shape[1]} inputs, the first layer has {n}. "
                "Pass the height and the width of the images."
            )
        self.weights, self.image_shape, self.n_images = weights, shape, n_images

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        image_shape: tuple[int, int] | None = None,
        n_images: int = 24,
        member: int = 0,
        ax: Any = None,
        **kwargs: Any,
    ) -> WeightDisplay:
        """Draw the weights of a fitted estimator whose inputs are pixels.

        Each column of X is a pixel, and must be one input of the network.  A pixel that is the
        same in all training rows is not used, and has the weight 0.

        Parameters
        ----------
        estimator : estimator
            A fitted `BackpropClassifier` or `BackpropRegressor`, or a pipeline or a search that
            ends with one.
        image_shape : tuple of int, optional
            Height and width; by default a square.
        n_images : int
            The number of images, those of the units with the largest weights.
        member : int
            Which member of an ensemble.
        ax : matplotlib Axes, optional
            Where to draw; by default in a new figure.
        **kwargs : dict
            Of the image, for ``Axes.imshow``.
        """
        model = open_model(estimator).estimator
        first, columns = dense_arrays(model, member)[0][0], input_columns(model)
        if columns is None:
            raise ValueError(
                f"WeightDisplay needs one input of the network for each pixel, got {len(first)} "
                f"inputs for {model.n_features_in_} columns. Use preset='plain', or "
                "feature_encoding=None, for images as rows of pixels."
            )
        weights = np.zeros((model.n_features_in_, first.shape[1]))  # 0 for unused pixels
        weights[columns] = first
        display = cls(weights, image_shape=image_shape, n_images=n_images)
        return display.plot(ax=ax, **kwargs)

    def plot(self, ax: Any = None, **kwargs: Any) -> WeightDisplay:
        """Draw the images; the parameters are those of `from_estimator`."""
        ax = self._begin(ax)
        height, width = self.image_shape
        W = np.asarray(self.weights)
        order = np.argsort(-np.linalg.norm(W, axis=0), kind="stable")
        self.units_ = order[: self.n_images]
        n = len(self.units_)
        columns = ceil(sqrt(1.5 * n))
        rows = ceil(n / columns)
        mosaic = np.full((rows * (height + 1) - 1, columns * (width + 1) - 1), np.nan)
        for place, unit in enumerate(self.units_):
            top, left = (place // columns) * (height + 1), (place % columns) * (width + 1)
            mosaic[top : top + height, left : left + width] = W[:, unit].reshape(height, width)
        most = np.nanmax(np.abs(mosaic))
        style = {"cmap": "RdBu_r", "vmin": -most, "vmax": most, "interpolation": "nearest"}
        self.image_ = ax.imshow(mosaic, **{**style, **kwargs})
        ax.axis("off")
        return self
