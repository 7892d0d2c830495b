"""scikit-learn's callbacks (1.9 and later, experimental there): one task per epoch.

Below 1.9 a mixin without ``set_callbacks`` stands in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, TypeVar

from ..nn.network import Network, copy_members
from ..recipes import build
from ..training.callbacks import Callback
from ..training.callbacks.restarts import most_epochs_with_restarts
from ..training.run import Run
from .fitted import Fitted
from .inputs import FitInputs
from .monitoring import monitors_of

Method = TypeVar("Method", bound=Callable[..., Any])

try:
    from sklearn.callback import CallbackSupportMixin
    from sklearn.callback import with_callbacks as of_scikit_learn
except ImportError:

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Nothing to support before scikit-learn 1.9."""

    def of_scikit_learn(method: Method) -> Method:
        """Leave the method as it is."""
        return method


with_callbacks: Callable[[Method], Method] = of_scikit_learn

__all__ = ["CallbackSupportMixin", "FitTasks", "Method", "unharmed_on_error", "with_callbacks"]

# Attributes during `fit`: its callbacks, and their task.
OF_SCIKIT_LEARN = ("_callback_fit_ctx", "_skl_callbacks_to_teardown")


class FitTasks:
    """The tasks of one call of `fit`, reported to the callbacks set with ``set_callbacks``.

    The task "fit" has one task "epoch" for each epoch.  If there are several trainings (stacks
    of members, a second training on all rows), it has one task "training" for each of them, and
    these have the epochs.

    Parameters
    ----------
    estimator : the estimator being fitted
    fitted : Fitted
    inputs : FitInputs
    n_trainings : int
        Most trainings.
    """

    def __init__(self, estimator: Any, fitted: Fitted, inputs: FitInputs, n_trainings: int):
        self.estimator, self.fitted, self.n_trainings = estimator, fitted, n_trainings
        self.max_epochs = most_epochs(fitted.resolved)
        X, y, weight = inputs.given
        metadata = {} if weight is None else {"sample_weight": weight}
        self.data = {"X": X, "y": y, "metadata": metadata}
        self.context: Any = None
        if getattr(estimator, "_skl_callbacks", None) and not inputs.incremental:
            n = self.max_epochs if n_trainings == 1 else n_trainings
            self.context = estimator._init_callback_context(task_name="fit", max_subtasks=n)
            self.begin(self.context)

    def callbacks(self, stacks: Sequence[Any], i: int) -> list[Callback]:
        """What reports the epochs of stack `i`; nothing without callbacks to report to."""
        if self.context is None:
            return []
        return [ReportEpochs(self, lambda run: self._state(stacks[: i + 1], run))]

    def _state(self, stacks: Sequence[Any], run: Run) -> dict[str, Any]:
        """Attributes with which a copy of the estimator predicts, by the members so far.

        The last of the stacks is in training, by `run`.
        """
        fitted, now = self.fitted, run.eval_network()
        if len(stacks) == 1:
            network = now.over(now.theta.copy(), now.fixed.copy())
        else:
            *before, last = stacks
            network = Network(fitted.layer_of(last.first + last.size), now.dtype)
            for stack in before:
                copy_members(network, stack.run.network, stack.first, to_whole=True)
            copy_members(network, now, last.first, to_whole=True)
        run = replace(
            run, network=network, history=run.history.copy(), clock=replace(run.clock), passes={}
        )
        return {"_fitted": replace(fitted, network=network, run=run).light()}

    def begin(self, task: Any) -> None:
        """Call the hooks of the beginning of a task."""
        task.call_on_fit_task_begin(estimator=self.estimator, **self.data)

    def end(self, task: Any, state: Callable[[], dict[str, Any]] | None = None) -> bool:
        """Call the hooks of the end of a task.  Does one of the callbacks ask to stop?"""
        stop = task.call_on_fit_task_end(
            estimator=self.estimator, **self.data, reconstruction_attributes=state
        )
        return bool(stop)

    def end_fit(self) -> None:
        """Report the end of the task "fit", with the model."""
        if self.context is not None:
            self.end(self.context, lambda: {"_fitted": self.fitted})


class ReportEpochs(Callback):
    """Report each epoch of a training as a task.

    Parameters
    ----------
    tasks : FitTasks
    state : callable
        ``state(run)`` gives attributes with which a copy of the estimator predicts.
    """

    def __init__(self, tasks: FitTasks, state: Callable[[Run], dict[str, Any]]):
        self.tasks, self.state = tasks, state
        self.training, self.task = tasks.context, None

    def on_train_begin(self, run: Run) -> None:
        tasks = self.tasks
        if tasks.n_trainings > 1:
            self.training = tasks.context.subcontext("training", max_subtasks=tasks.max_epochs)
            tasks.begin(self.training)

    def on_epoch_begin(self, run: Run) -> None:
        self.task = self.training.subcontext("epoch")
        self.tasks.begin(self.task)

    def on_epoch_end(self, run: Run) -> None:
        if self.task is None:  # L-BFGS tells when an iteration ends, not when it begins
            self.on_epoch_begin(run)
        task, self.task = self.task, None
        if self.tasks.end(task, lambda: self.state(run)):
            run.stop("callback", "A scikit-learn callback asked to stop. Stopping.")

    def on_train_end(self, run: Run) -> None:
        if run.failed:
            return  # `fit` raises: only `teardown` is called
        if self.task is not None:  # the epoch was interrupted, and is not part of the model
            self.tasks.end(self.task)
        if self.tasks.n_trainings > 1:
            self.tasks.end(self.training)


def most_epochs(resolved: dict[str, Any]) -> int | None:
    """The largest number of epochs of a training; None if it is not known in advance."""
    if len(monitors_of(resolved)) < len(resolved["callbacks"] or []):
        return None  # other callbacks may plan more epochs
    max_restarts = resolved["max_restarts"] if build.restarts(resolved) else 0
    return most_epochs_with_restarts(resolved["max_iter"], max_restarts)


@contextmanager
def unharmed_on_error(estimator: Any) -> Iterator[None]:
    """If the block raises, the estimator is as it was before.

    What scikit-learn needs to tear its callbacks down stays.
    """
    before = dict(estimator.__dict__)
    try:
        yield
    except BaseException:
        now = estimator.__dict__
        before |= {name: now[name] for name in OF_SCIKIT_LEARN if name in now}
        now.clear()
        now.update(before)
        raise
