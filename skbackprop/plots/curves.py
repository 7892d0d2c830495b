"""Curves of training: the loss of the epochs, the rates of the steps, the loss at each rate.

A display is made by a classmethod ``from_…``, which draws it at once, or of numbers, to be
drawn by ``plot``.  It keeps what it has drawn, to be changed: ``ax_``, ``figure_``, and the
lines.  Everything after ``name`` is handed on to matplotlib.

>>> rates("step", n_epochs=4, n_steps=2, learning_rate=0.1)
array([0.1  , 0.1  , 0.1  , 0.1  , 0.01 , 0.01 , 0.001, 0.001])
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from ..optim.schedules import SCHEDULES, Clock, Schedule
from ..training.probe import RangeTest

EXTRA = "plot"  # of pyproject.toml


def new_axes(ax: Any) -> tuple[Any, Any]:
    """Axes to draw in, new ones if none are given, and their figure."""
    try:
        from matplotlib import pyplot
    except ImportError as error:
        raise ImportError(
            "Displays need matplotlib, which is not installed. Get it with "
            f'`pip install "skbackprop[{EXTRA}]"`.'
        ) from error
    if ax is None:
        _, ax = pyplot.subplots()
    return ax, ax.figure


class _Display:
    """What all displays do: find axes, draw one line or two, write on the axes."""

    x_label, y_label = "", ""
    ax_: Any
    figure_: Any

    def _begin(self, ax: Any) -> Any:
        self.ax_, self.figure_ = new_axes(ax)
        self.ax_.set(xlabel=self.x_label, ylabel=self.y_label)
        return self.ax_

    def _end(self) -> Any:
        if self.ax_.get_legend_handles_labels()[1]:
            self.ax_.legend()
        return self


class LossCurveDisplay(_Display):
    """The loss of every epoch, and that of the validation rows if there are any.

    Parameters
    ----------
    loss : sequence of float
        The training loss of each epoch, penalty included.
    validation_loss : sequence of float or None, optional
        The loss of the validation rows after each epoch; None where it was not measured.
    estimator_name : str, optional
        For the legend.

    Attributes
    ----------
    ax_, figure_ : matplotlib Axes and Figure
    line_ : matplotlib Line2D
        The training loss.
    validation_line_ : matplotlib Line2D or None

    Examples
    --------
    >>> display = LossCurveDisplay([0.9, 0.5, 0.3], [1.0, 0.7, None])
    >>> display.plot()                                           # doctest: +SKIP
    """

    x_label, y_label = "Epoch", "Loss"

    def __init__(
        self,
        loss: Sequence[float],
        validation_loss: Sequence[float | None] | None = None,
        *,
        estimator_name: str | None = None,
    ):
        self.loss, self.validation_loss = loss, validation_loss
        self.estimator_name = estimator_name

    @classmethod
    def from_estimator(
        cls, estimator: Any, *, ax: Any = None, name: str | None = None, **kwargs: Any
    ) -> LossCurveDisplay:
        """Draw what a fitted estimator has written into ``history_``.

        Parameters
        ----------
        estimator : BackpropClassifier or BackpropRegressor
            Fitted.
        ax : matplotlib Axes, optional
            Where to draw; by default in a new figure.
        name : str, optional
            For the legend; by default the name of the class.
        **kwargs : dict
            Of the lines, for ``Axes.plot``.
        """
        check_is_fitted(estimator)
        history = estimator.history_
        display = cls(
            history["loss"],
            history["validation_loss"],
            estimator_name=type(estimator).__name__ if name is None else name,
        )
        return display.plot(ax=ax, **kwargs)

    def plot(self, ax: Any = None, *, name: str | None = None, **kwargs: Any) -> LossCurveDisplay:
        """Draw the curves; the parameters are those of `from_estimator`."""
        ax, name = self._begin(ax), self.estimator_name if name is None else name
        before = "" if name is None else f"{name}, "
        epochs = np.arange(1, len(self.loss) + 1)
        (self.line_,) = ax.plot(epochs, self.loss, **{"label": f"{before}training", **kwargs})
        self.validation_line_ = None
        losses = np.array(self.validation_loss if self.validation_loss else [], float)
        measured = np.flatnonzero(~np.isnan(losses))  # None has become NaN
        if measured.size:
            style = {"label": f"{before}validation", "linestyle": "--", **kwargs}
            style.setdefault("color", self.line_.get_color())
            (self.validation_line_,) = ax.plot(measured + 1, losses[measured], **style)
        return self._end()


class ScheduleDisplay(_Display):
    """The learning rate of every step.

    Parameters
    ----------
    learning_rates : sequence of float
        One for each step, or each epoch.
    n_steps : int
        How many of them make an epoch.
    schedule_name : str, optional
        For the legend.

    Attributes
    ----------
    ax_, figure_ : matplotlib Axes and Figure
    line_ : matplotlib Line2D
    """

    x_label, y_label = "Epoch", "Learning rate"

    def __init__(
        self,
        learning_rates: Sequence[float] | np.ndarray,
        n_steps: int = 1,
        *,
        schedule_name: str | None = None,
    ):
        self.learning_rates, self.n_steps = learning_rates, n_steps
        self.schedule_name = schedule_name

    @classmethod
    def from_schedule(
        cls,
        schedule: str | Schedule,
        *,
        n_epochs: int = 100,
        n_steps: int = 10,
        learning_rate: float = 1.0,
        ax: Any = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> ScheduleDisplay:
        """Draw a schedule, which needs no training.

        Parameters
        ----------
        schedule : str or Schedule
            A key of `SCHEDULES`, or a schedule with numbers of its own.
        n_epochs, n_steps : int
            Epochs of the training, and steps in each.
        learning_rate : float
            What the schedule multiplies.
        ax : matplotlib Axes, optional
            Where to draw; by default in a new figure.
        name : str, optional
            For the legend; by default the name of the schedule.
        **kwargs : dict
            Of the line, for ``Axes.plot``.
        """
        if name is None:
            name = schedule if isinstance(schedule, str) else type(schedule).__name__
        each = rates(schedule, n_epochs=n_epochs, n_steps=n_steps, learning_rate=learning_rate)
        return cls(each, n_steps, schedule_name=name).plot(ax=ax, **kwargs)

    @classmethod
    def from_estimator(
        cls, estimator: Any, *, ax: Any = None, name: str | None = None, **kwargs: Any
    ) -> ScheduleDisplay:
        """Draw the rates at which a fitted estimator has learned: the last of each epoch.

        The parameters are those of `LossCurveDisplay.from_estimator`.
        """
        check_is_fitted(estimator)
        each = estimator.history_["learning_rate"]
        if not each or each[0] is None:
            raise ValueError(
                "ScheduleDisplay needs an estimator that learned by steps, got one without "
                "learning rates. solver='lbfgs' has none; choose another solver."
            )
        name = type(estimator).__name__ if name is None else name
        return cls(each, schedule_name=name).plot(ax=ax, **kwargs)

    def plot(self, ax: Any = None, *, name: str | None = None, **kwargs: Any) -> ScheduleDisplay:
        """Draw the curve; the parameters are those of `from_schedule`."""
        ax, name = self._begin(ax), self.schedule_name if name is None else name
        epochs = np.arange(1, len(self.learning_rates) + 1) / self.n_steps
        style = kwargs if name is None else {"label": name, **kwargs}
        (self.line_,) = ax.plot(epochs, self.learning_rates, **style)
        return self._end()


class LearningRateRangeDisplay(_Display):
    """The loss of the batches while the learning rate grew: what a range test has seen.

    Parameters
    ----------
    range_test : RangeTest
        See `skbackprop.training.probe.range_test`.

    Attributes
    ----------
    ax_, figure_ : matplotlib Axes and Figure
    line_ : matplotlib Line2D
        The smoothed loss.
    batch_line_ : matplotlib Line2D
        The loss of each batch.
    steepest_line_ : matplotlib Line2D
        Where the smoothed loss falls fastest.
    """

    x_label, y_label = "Learning rate", "Loss"

    def __init__(self, range_test: RangeTest):
        self.range_test = range_test

    @classmethod
    def from_range_test(
        cls, range_test: RangeTest, *, ax: Any = None, name: str | None = None, **kwargs: Any
    ) -> LearningRateRangeDisplay:
        """Draw the result of a range test.

        Parameters
        ----------
        range_test : RangeTest
        ax : matplotlib Axes, optional
            Where to draw; by default in a new figure.
        name : str, optional
            For the legend.
        **kwargs : dict
            Of the smoothed line, for ``Axes.plot``.
        """
        return cls(range_test).plot(ax=ax, name=name, **kwargs)

    def plot(
        self, ax: Any = None, *, name: str | None = None, **kwargs: Any
    ) -> LearningRateRangeDisplay:
        """Draw the curves; the parameters are those of `from_range_test`."""
        test, ax = self.range_test, self._begin(ax)
        style = {"label": "smoothed loss" if name is None else name, **kwargs}
        (self.line_,) = ax.plot(test.rates, test.smoothed, **style)
        color = self.line_.get_color()
        (self.batch_line_,) = ax.plot(test.rates, test.losses, ".", color=color, alpha=0.3)
        steepest = f"steepest, {test.steepest:.2g}"
        self.steepest_line_ = ax.axvline(test.steepest, color=color, ls=":", label=steepest)
        ax.set_xscale("log")
        return self._end()


def rates(
    schedule: str | Schedule, *, n_epochs: int, n_steps: int, learning_rate: float
) -> np.ndarray:
    """The learning rate of every step of a training."""
    if isinstance(schedule, str):
        if schedule not in SCHEDULES:
            raise ValueError(
                f"schedule must be one of {', '.join(sorted(SCHEDULES))}, or a Schedule, "
                f"got {schedule!r}."
            )
        schedule = SCHEDULES[schedule]()
    clock, factors = Clock(n_steps=n_steps, n_epochs=n_epochs), []
    for _ in range(n_epochs):
        for _ in range(n_steps):
            factors.append(schedule(clock))
            clock.tick(1)
        clock.end_epoch()
    return learning_rate * np.array(factors)
