"""Plots of attributions and importances.

>>> shown_columns(np.array([0.1, -3.0, 2.0, 0.2]), 3)       # the others are added up
([1, 2], [3, 0])
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..inspection import Attributions, Importances, feature_attributions, feature_importance
from ..tables.columns import short
from .curves import _Display

POSITIVE, NEGATIVE = "#c23b52", "#2f6fb2"
GRAY = "0.6"
HALF_HEIGHT = 0.38  # of the space of a column that its points take


class FeatureImportanceDisplay(_Display):
    """Two importances of each column: mean absolute attribution, and permutation.

    Both are divided by their largest value, because they are in different units.

    Parameters
    ----------
    importances : Importances
        See `skbackprop.inspection.feature_importance`.

    Attributes
    ----------
    ax_, figure_ : matplotlib Axes and Figure
    attribution_bars_, permutation_bars_ : matplotlib BarContainer
        The bars, the most important column first.

    Examples
    --------
    >>> from skbackprop.plots import FeatureImportanceDisplay
    >>> importances = Importances(["a", "b"], *np.array([[2, 1], [0.1, 0.1], [0.5, 0.2], [0, 0]]))
    >>> FeatureImportanceDisplay(importances).plot()            # doctest: +SKIP
    """

    x_label, y_label = "Importance, relative to the largest", ""

    def __init__(self, importances: Importances):
        self.importances = importances

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any,
        *,
        baseline: Any = "training",
        scoring: Any = None,
        n_repeats: int = 5,
        random_state: Any = None,
        max_display: int = 20,
        ax: Any = None,
        **kwargs: Any,
    ) -> FeatureImportanceDisplay:
        """Compute the importances and draw them.

        Parameters
        ----------
        estimator : BackpropClassifier, BackpropRegressor, Pipeline or search
            Fitted.
        X, y : table and array-like
            Rows and their targets; best those that the estimator was not fitted to.
        baseline, scoring, n_repeats, random_state : object
            See `skbackprop.inspection.feature_importance`.
        max_display : int
            Only so many columns are drawn, the most important ones.
        ax : matplotlib Axes, optional
            Where to draw; by default in a new figure.
        **kwargs : dict
            Of the bars, for ``Axes.barh``.
        """
        importances = feature_importance(
            estimator,
            X,
            y,
            baseline=baseline,
            scoring=scoring,
            n_repeats=n_repeats,
            random_state=random_state,
        )
        return cls(importances).plot(ax, max_display=max_display, **kwargs)

    def plot(
        self, ax: Any = None, *, max_display: int = 20, **kwargs: Any
    ) -> FeatureImportanceDisplay:
        """Draw the bars; the parameters are those of `from_estimator`."""
        ax, found = self._begin(ax), self.importances
        order = found.order[:max_display]
        place = np.arange(len(order))
        self.attribution_bars_, self.permutation_bars_ = (
            ax.barh(
                place + shift,
                mean[order] / _largest(mean),
                **{"height": 0.38, "xerr": std[order] / _largest(mean), "label": label, **kwargs},
            )
            for mean, std, shift, label in (
                (found.attribution_mean, found.attribution_std, -0.2, "mean |attribution|"),
                (found.permutation_mean, found.permutation_std, 0.2, "permutation"),
            )
        )
        ax.set_yticks(place, [short(found.feature_names[i]) for i in order])
        ax.invert_yaxis()
        return self._end()


class AttributionDisplay(_Display):
    """Attributions: of one row as a waterfall, of many as a summary.

    The waterfall leads from the output of the baseline, column by column, to that of the row.  The
    summary has a point for each row and column, colored by the value in the cell.

    Parameters
    ----------
    attributions : Attributions
        Of one output, see `skbackprop.inspection.feature_attributions`.

    Attributes
    ----------
    ax_, figure_ : matplotlib Axes and Figure
    bars_ : matplotlib BarContainer or None
        The steps of the waterfall, the largest first.
    points_ : list of matplotlib PathCollection or None
        The points of each column of the summary, the most important first.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from skbackprop import BackpropRegressor
    >>> from skbackprop.plots import AttributionDisplay
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = BackpropRegressor(random_state=0, max_iter=10).fit(X, y)
    >>> AttributionDisplay.from_estimator(model, X[:1])         # doctest: +SKIP
    """

    bars_: Any = None
    points_: Any = None

    def __init__(self, attributions: Attributions):
        if attributions.values.ndim == 3:
            raise ValueError(
                f"AttributionDisplay draws one output, got {attributions.values.shape[2]}. Choose "
                f"one of {', '.join(attributions.output_names[:10])} by output: a class of one "
                "column of labels, else the number of the output, from 0."
            )
        self.attributions = attributions

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        *,
        baseline: Any = "training",
        method: str = "integrated_gradients",
        output: Any = None,
        max_display: int = 10,
        ax: Any = None,
        **kwargs: Any,
    ) -> AttributionDisplay:
        """Compute the attributions and draw them.

        Parameters
        ----------
        estimator : BackpropClassifier, BackpropRegressor, Pipeline or search
            Fitted.
        X : table of shape (n_rows, n_features)
            One row, or many.
        baseline, method, output : object
            See `skbackprop.inspection.feature_attributions`.
        max_display : int
            So many lines are drawn; the last one has the sum of the other columns.
        ax : matplotlib Axes, optional
            Where to draw; by default in a new figure.
        **kwargs : dict
            Of the bars, for ``Axes.barh``, or of the points, for ``Axes.scatter``.
        """
        found = feature_attributions(estimator, X, baseline=baseline, method=method, output=output)
        return cls(found).plot(ax, max_display=max_display, **kwargs)

    def plot(self, ax: Any = None, *, max_display: int = 10, **kwargs: Any) -> AttributionDisplay:
        """Draw them; the parameters are those of `from_estimator`."""
        ax = self._begin(ax)
        draw = self._draw_row if len(self.attributions) == 1 else self._draw_rows
        draw(ax, max_display, kwargs)
        ax.invert_yaxis()
        return self._end()

    def _draw_row(self, ax: Any, max_display: int, kwargs: dict[str, Any]) -> None:
        found = self.attributions
        values, cells = found.values[0], found.cells[0]
        shown, others = shown_columns(values, max_display)
        names = [f"{short(found.feature_names[i])} = {_written(cells[i])}" for i in shown]
        steps = values[shown]
        if others:
            names, steps = [*names, _sum_of(others)], np.append(steps, values[others].sum())
        # From the output of the row, on top, down to that of the baseline.
        ends = found.base_values + values.sum() - np.append(0, np.cumsum(steps)[:-1])
        style = {"color": [POSITIVE if step > 0 else NEGATIVE for step in steps], **kwargs}
        self.bars_ = ax.barh(np.arange(len(steps)), steps, left=ends - steps, **style)
        ax.use_sticky_edges = False  # or the first bar touches the frame
        ax.set_yticks(np.arange(len(steps)), names)
        for x, label in ((found.base_values, "baseline"), (ends[0], "this row")):
            line = ":" if label == "baseline" else "--"
            ax.axvline(x, color=GRAY, linestyle=line, label=f"{label}: {x:.4g}")
        ax.set_xlabel(f"Output: {found.output_names[0]}")

    def _draw_rows(self, ax: Any, max_display: int, kwargs: dict[str, Any]) -> None:
        found = self.attributions
        sizes, numbers = np.abs(found.values).mean(axis=0), found.numbers
        shown, others = shown_columns(sizes, max_display)
        names = [short(found.feature_names[i]) for i in shown]
        shift, by_value = spread(len(found)), not {"c", "color"} & set(kwargs)
        style = {"s": 8, "cmap": "coolwarm", "vmin": 0, "vmax": 1} if by_value else {"s": 8}
        self.points_ = []
        for place, i in enumerate(shown):
            colors = {"c": ranks(numbers[:, i])} if by_value else {}
            points = ax.scatter(found.values[:, i], place + shift, **style | colors | kwargs)
            self.points_.append(points)
        if others:
            rest, names = found.values[:, others].sum(axis=1), [*names, _sum_of(others)]
            color = {"color": GRAY} if by_value else {}
            points = ax.scatter(rest, len(shown) + shift, **{"s": 8} | color | kwargs)
            self.points_.append(points)
        ax.set_yticks(np.arange(len(names)), names)
        ax.axvline(0, color=GRAY, linewidth=0.8, zorder=0)
        legend = "; blue: low values, red: high values" if by_value else ""
        ax.set_xlabel(f"Attribution to {found.output_names[0]}{legend}")


def shown_columns(sizes: np.ndarray, max_display: int) -> tuple[list[int], list[int]]:
    """The columns to draw, the largest first, and those that are added up in the last line."""
    order = np.argsort(-np.abs(sizes), kind="stable").tolist()
    n = len(order) if len(order) <= max_display else max(max_display - 1, 0)
    return order[:n], order[n:]


def ranks(numbers: np.ndarray) -> np.ndarray:
    """From 0 for the smallest to 1 for the largest; ½ for what is missing."""
    known = ~np.isnan(numbers)
    levels, place = np.unique(numbers[known], return_inverse=True)
    rank = np.full(len(numbers), 0.5)
    if len(levels) > 1:
        rank[known] = place / (len(levels) - 1)
    return rank


def spread(n: int) -> np.ndarray:
    """Shifts within a line, so that few points lie on each other; the same in every drawing."""
    return HALF_HEIGHT * (2 * (np.arange(n) * 0.618034 % 1) - 1)  # golden ratio: evenly spread


def _largest(mean: np.ndarray) -> float:
    return float(np.abs(mean).max(initial=0)) or 1.0


def _sum_of(others: list[int]) -> str:
    return f"{len(others)} other columns"


def _written(cell: Any) -> str:
    """A cell for a label."""
    return f"{cell:.4g}" if isinstance(cell, (float, np.floating)) else short(str(cell))
