"""Plots of the loss while the learning rate grows, and of the rates that the probe tried.

>>> from skbackprop import BackpropRegressor
>>> X = np.random.default_rng(0).normal(size=(200, 2))
>>> test, _ = range_test_of(BackpropRegressor(random_state=0), X, X[:, 0], n_steps=20)
>>> test.rates[[0, -1]].round(6)
array([1.e-06, 1.e+01])
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.pipeline import Pipeline

from ..estimators.base import BackpropEstimator
from ..estimators.learning import untrained_stack
from ..estimators.stacks import Stack
from ..training.probe import Probe, RangeTest, range_test
from .curves import _Display


class LearningRateDisplay(_Display):
    """The loss of the batches while the learning rate grows, and the rate that is used.

    A range test trains a copy of the untrained network for a few steps, with a rate that grows
    from step to step.  The loss falls where rates are large enough, and rises where they are too
    large; good rates are between the two.  Smith, "Cyclical learning rates for training neural
    networks" (2017).

    Parameters
    ----------
    range_test : RangeTest
        See `skbackprop.training.probe.range_test`.
    learning_rate : float, optional
        The rate that is used.
    probe : Probe, optional
        See `skbackprop.training.probe.probe_learning_rate`.

    Attributes
    ----------
    ax_, figure_ : matplotlib Axes and Figure
    line_ : matplotlib Line2D
        The smoothed loss.
    batch_line_ : matplotlib Line2D
        The loss of each batch.
    steepest_line_ : matplotlib Line2D
        Where the smoothed loss falls fastest.
    used_line_ : matplotlib Line2D or None
        The rate that is used.
    probe_lines_ : list of matplotlib Line2D
        The validation losses of the tries of the probe, a line for each number of steps, and the
        rate that it has chosen.
    """

    x_label, y_label = "Learning rate", "Loss"

    def __init__(
        self,
        range_test: RangeTest,
        *,
        learning_rate: float | None = None,
        probe: Probe | None = None,
    ):
        self.range_test, self.learning_rate, self.probe = range_test, learning_rate, probe

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any,
        *,
        probe: bool = False,
        lowest: float = 1e-6,
        highest: float = 10.0,
        n_steps: int = 100,
        ax: Any = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> LearningRateDisplay:
        """Make a range test on these rows and draw it.

        The estimator is left as it is, and need not be fitted.

        Parameters
        ----------
        estimator : estimator
            A `BackpropClassifier` or `BackpropRegressor`, or a pipeline or a search that ends with
            one, with a solver that has a learning rate.
        X, y : array-like
            The rows to train on.
        probe : bool, default=False
            Draw the tries of ``learning_rate_init="probe"``, too?  They take up to about half of
            the time of a fit.
        lowest, highest : float
            The first rate and the last.
        n_steps : int
            Steps in between.
        ax : matplotlib Axes, optional
            Where to draw; by default in a new figure.
        name : str, optional
            For the legend.
        **kwargs : dict
            Of the smoothed line, for ``Axes.plot``.
        """
        limits = {"lowest": lowest, "highest": highest, "n_steps": n_steps}
        test, stack = range_test_of(estimator, X, y, **limits)
        tries = stack.probe() if probe else None
        display = cls(test, learning_rate=stack.plan.learning_rate, probe=tries)
        return display.plot(ax=ax, name=name, **kwargs)

    def plot(self, ax: Any = None, *, name: str | None = None, **kwargs: Any) -> Any:
        """Draw the curves; the parameters are those of `from_estimator`."""
        test, ax = self.range_test, self._begin(ax)
        style = {"label": "smoothed loss" if name is None else name, **kwargs}
        (self.line_,) = ax.plot(test.rates, test.smoothed, **style)
        color = self.line_.get_color()
        (self.batch_line_,) = ax.plot(test.rates, test.losses, ".", color=color, alpha=0.3)
        steepest = f"steepest, {test.steepest:.2g}"
        self.steepest_line_ = ax.axvline(test.steepest, color=color, ls=":", label=steepest)
        self.used_line_ = None
        if self.learning_rate is not None:
            label = f"used, {self.learning_rate:.2g}"
            self.used_line_ = ax.axvline(self.learning_rate, color=color, lw=1, label=label)
        self.probe_lines_ = [] if self.probe is None else self._draw_probe(self.probe)
        ax.set_xscale("log")
        return self._end()

    def _draw_probe(self, probe: Probe) -> list[Any]:
        lines = []
        for n_steps in sorted({t.n_steps for t in probe.tries}):
            tries = sorted(
                (t.learning_rate, t.loss)
                for t in probe.tries
                if t.n_steps == n_steps and np.isfinite(t.loss)
            )
            label = f"probe, {n_steps} steps"
            lines += self.ax_.plot(*np.reshape(tries, (-1, 2)).T, "o-", ms=4, label=label)
        color, label = lines[-1].get_color(), f"probe, {probe.learning_rate:.2g}"
        return [*lines, self.ax_.axvline(probe.learning_rate, color=color, ls="--", label=label)]


def range_test_of(estimator: Any, X: Any, y: Any, **limits: Any) -> tuple[RangeTest, Stack]:
    """A range test of an estimator on these rows, and the stack that it was made with."""
    if hasattr(estimator, "best_estimator_"):
        return range_test_of(estimator.best_estimator_, X, y, **limits)
    if isinstance(estimator, Pipeline):
        before = clone(estimator[:-1]) if len(estimator) > 1 else None
        X = X if before is None else before.fit_transform(X, y)
        return range_test_of(estimator[-1], X, y, **limits)
    if not isinstance(estimator, BackpropEstimator):
        raise TypeError(
            "LearningRateDisplay needs a BackpropClassifier or BackpropRegressor, or a pipeline or "
            f"a fitted search that ends with one, got {type(estimator).__name__}."
        )
    stack = untrained_stack(clone(estimator), X, y)
    return range_test(stack.plan, stack.run, **limits), stack
