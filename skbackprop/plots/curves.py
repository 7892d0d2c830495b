"""Plots of losses by epoch and of learning rates by step.

A display is made by a classmethod ``from_…``, which draws it at once, or of numbers, to be
drawn by ``plot``.  It keeps what it has drawn, to be changed: ``ax_``, ``figure_``, and the
lines.  Everything after ``name`` is handed on to matplotlib.

>>> rates("step", n_epochs=4, n_steps=2, learning_rate=0.1)
array([0.1  , 0.1  , 0.1  , 0.1  , 0.01 , 0.01 , 0.001, 0.001])
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..inspection.models import open_model
from ..optim.schedules import SCHEDULES, Clock, Schedule
from ..optional import optional
from ..recipes.build import n_members


def import_pyplot() -> Any:
    """``matplotlib.pyplot``, or an error that says how to get it."""
    with optional("A display", "skbackprop[plot]"):
        from matplotlib import pyplot
    return pyplot


class _Display:
    """What all displays do: find axes, draw one line or two, write on the axes."""

    x_label, y_label = "", ""
    ax_: Any
    figure_: Any

    def _begin(self, ax: Any) -> Any:
        pyplot = import_pyplot()
        self.ax_ = pyplot.subplots()[1] if ax is None else ax
        self.figure_ = self.ax_.figure
        self.ax_.set(xlabel=self.x_label, ylabel=self.y_label)
        return self.ax_

    def _end(self) -> Any:
        if self.ax_.get_legend_handles_labels()[1]:
            self.ax_.legend()
        return self


class LossCurveDisplay(_Display):
    """The loss of every epoch, that of the validation rows, and which weights were kept.

    The weights of a fit with validation rows are not those of its last epoch.  So the end of the
    validation curve says little about the model, and the display marks what does: the epochs
    whose weights were kept (of several members each has its own), and the validation loss of the
    weights kept.

    Parameters
    ----------
    loss : sequence of float
        The training loss of each epoch, penalty included.
    validation_loss : sequence of float or None, optional
        The loss of the validation rows after each epoch; None where it was not measured.
    estimator_name : str, optional
        For the legend.
    kept_epochs : sequence of int
        The epochs, from 1, whose weights were kept, one for each member.
    kept_loss : float, optional
        The validation loss of the weights kept, the mean over members.
    ensemble_loss : float, optional
        The validation loss of the members' mean prediction.
    restarts : sequence of int
        The epochs after which the schedule of the learning rate was restarted.
    monitored : dict of sequences of float or None, optional
        Other values of each epoch by name, such as the scores of a `Monitor`.
    negate_score : bool, default=False
        Whether to change the sign of the values of `monitored`, as of "neg_log_loss", whose
        negative is a loss.

    Attributes
    ----------
    ax_, figure_ : matplotlib Axes and Figure
    line_ : matplotlib Line2D
        The training loss.
    validation_line_, kept_points_, kept_line_, ensemble_line_ : matplotlib Line2D or None
    restart_lines_, monitored_lines_ : list of matplotlib Line2D

    Examples
    --------
    >>> display = LossCurveDisplay([0.9, 0.5, 0.3], [1.0, 0.7, None], kept_epochs=[2])
    >>> display.plot()                                           # doctest: +SKIP
    """

    x_label, y_label = "Epoch", "Loss"

    def __init__(
        self,
        loss: Sequence[float],
        validation_loss: Sequence[float | None] | None = None,
        *,
        estimator_name: str | None = None,
        kept_epochs: Sequence[int] = (),
        kept_loss: float | None = None,
        ensemble_loss: float | None = None,
        restarts: Sequence[int] = (),
        monitored: Mapping[str, Sequence[float | None]] | None = None,
        negate_score: bool = False,
    ):
        self.loss, self.validation_loss = loss, validation_loss
        self.estimator_name = estimator_name
        self.kept_epochs, self.restarts = kept_epochs, restarts
        self.kept_loss, self.ensemble_loss = kept_loss, ensemble_loss
        self.monitored, self.negate_score = monitored or {}, negate_score

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        monitored: Sequence[str] = (),
        negate_score: bool = False,
        ax: Any = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> LossCurveDisplay:
        """Draw what a fitted estimator has written into ``history_``, and what it has kept.

        Several fits are compared by drawing them in the same `ax`.

        Parameters
        ----------
        estimator : estimator
            A fitted `BackpropClassifier` or `BackpropRegressor`, or a pipeline or a search that
            ends with one.
        monitored : sequence of str
            Columns of ``history_`` to draw beside the losses, such as those of a `Monitor`.
        negate_score : bool, default=False
            Whether to change the sign of `monitored`.
        ax : matplotlib Axes, optional
            Where to draw; by default in a new figure.
        name : str, optional
            For the legend; by default the name of the class.
        **kwargs : dict
            Of the lines, for ``Axes.plot``.
        """
        model = open_model(estimator).estimator
        history = model.history_
        unknown = [column for column in monitored if column not in history]
        if unknown:
            raise ValueError(f"monitored needs columns of history_, {[*history]}, got {unknown}.")
        display = cls(
            history["loss"],
            history["validation_loss"],
            estimator_name=type(model).__name__ if name is None else name,
            monitored={column: history[column] for column in monitored},
            negate_score=negate_score,
            **kept_of(model._fitted),
        )
        return display.plot(ax=ax, **kwargs)

    def plot(self, ax: Any = None, *, name: str | None = None, **kwargs: Any) -> LossCurveDisplay:
        """Draw the curves; the parameters are those of `from_estimator`."""
        ax, name = self._begin(ax), self.estimator_name if name is None else name
        from matplotlib.cbook import normalize_kwargs
        from matplotlib.lines import Line2D

        kwargs = normalize_kwargs(kwargs, Line2D)  # "color" for "c"
        before = f"{name}, " if name else ""
        epochs = np.arange(1, len(self.loss) + 1)
        (self.line_,) = ax.plot(epochs, self.loss, **{"label": f"{before}training", **kwargs})
        color = self.line_.get_color()
        self.validation_line_ = self.kept_points_ = None
        losses, measured = measured_of(self.validation_loss or [])
        if measured.size:
            style = {"label": f"{before}validation", "linestyle": "--", "color": color, **kwargs}
            (self.validation_line_,) = ax.plot(measured + 1, losses[measured], **style)
            kept = np.intersect1d(self.kept_epochs, measured + 1)
            if kept.size:
                style = {"color": color, "label": f"{before}epochs kept"}
                (self.kept_points_,) = ax.plot(kept, losses[kept - 1], "o", **style)
        self.kept_line_ = self._level(self.kept_loss, f"{before}weights kept", "-.", color)
        self.ensemble_line_ = self._level(self.ensemble_loss, f"{before}ensemble", ":", color)
        self.restart_lines_ = [
            ax.axvline(
                epoch, color=color, lw=0.8, alpha=0.6, label=None if i else f"{before}restart"
            )
            for i, epoch in enumerate(self.restarts)
        ]
        self.monitored_lines_ = []
        for column, values in self.monitored.items():
            scores, measured = measured_of(values)
            label = column.replace("neg_", "", 1) if self.negate_score else column
            drawn = -scores[measured] if self.negate_score else scores[measured]
            style = {"label": f"{before}{label}", **kwargs}
            self.monitored_lines_ += ax.plot(measured + 1, drawn, **style)
        return self._end()

    def _level(self, loss: float | None, label: str, linestyle: str, color: Any) -> Any:
        """A horizontal line at a loss, if it is known."""
        if loss is None:
            return None
        label = f"{label}, {loss:.3g}"
        return self.ax_.axhline(loss, color=color, lw=1.2, ls=linestyle, label=label)


def measured_of(values: Sequence[float | None]) -> tuple[np.ndarray, np.ndarray]:
    """The values as numbers, and which of them were measured."""
    numbers = np.array(values, float)  # None becomes NaN
    return numbers, np.flatnonzero(~np.isnan(numbers))


def kept_of(fitted: Any) -> dict[str, Any]:
    """Which epochs and weights a fit has kept, as arguments of `LossCurveDisplay`."""
    run, held = fitted.run, fitted.held_out
    marks: dict[str, Any] = {"restarts": [run.first_epoch + epoch for epoch in run.restarts]}
    if fitted.incremental or not run.best_epochs:
        return marks
    marks["kept_epochs"] = run.best_epochs
    # After a refit the weights are those of a second training, on all rows.  The file of a
    # classifier has no validation rows.
    if fitted.resolved["refit"] or held is None:
        return marks
    weight = np.ones(len(held.target)) if held.weight is None else held.weight
    kept = mean_loss_of(fitted.loss, held.target, held.scores, weight)
    k = n_members(fitted.resolved) or 1
    if k > 1 and fitted.resolved["member_sharing"] != "independent":
        return {**marks, "ensemble_loss": kept}  # the scores are those of the mean prediction
    marks["kept_loss"] = kept
    rows = fitted.validation_rows
    # All members have the same validation rows: given ones, or those of one split, and not those
    # of a source.  The runs of the members are there as long as the model is not pickled, and so
    # are the numbers of rows.
    if k > 1 and run.stacks and (rows is None or rows[0][1] == 1) and repeats(held.target, k):
        scores = fitted.loss.combine(held.scores.reshape(k, -1, held.scores.shape[-1]))
        n = len(scores)
        marks["ensemble_loss"] = mean_loss_of(fitted.loss, held.target[:n], scores, weight[:n])
    return marks


def repeats(values: np.ndarray, k: int) -> bool:
    """Are they the same values, `k` times?"""
    n, rest = divmod(len(values), k)
    return rest == 0 and np.array_equal(values, np.tile(values[:n], (k, *[1] * (values.ndim - 1))))


def mean_loss_of(loss: Any, target: np.ndarray, scores: np.ndarray, weight: np.ndarray) -> float:
    """The mean loss of rows with these scores."""
    share = (weight / weight.sum()).astype(scores.dtype)
    return loss.value_and_delta(target, scores, share, np.empty_like(scores))


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
        """Draw the learning rates of a fitted estimator: the last one of each epoch.

        The parameters are those of `LossCurveDisplay.from_estimator`.
        """
        estimator = open_model(estimator).estimator
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
