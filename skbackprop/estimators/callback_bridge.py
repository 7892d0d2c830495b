"""scikit-learn's callbacks (1.9 and later, experimental there): one task per epoch.

Below 1.9 a mixin without ``set_callbacks`` and a context that does nothing stand in.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..training.callbacks import Callback
from ..training.run import Run

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:

    class _NullContext:
        """Stands for a callback context where scikit-learn has none."""

        def subcontext(self, **kwargs: Any) -> _NullContext:
            return self

        def call_on_fit_task_begin(self, **kwargs: Any) -> _NullContext:
            return self

        def call_on_fit_task_end(self, **kwargs: Any) -> bool:
            return False

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Nothing to support before scikit-learn 1.9."""

        def _init_callback_context(self, **kwargs: Any) -> _NullContext:
            return _NullContext()

    def with_callbacks(method: Callable) -> Callable:
        """Leave the method as it is."""
        return method


__all__ = ["CallbackSupportMixin", "TellScikitLearn", "with_callbacks"]


class TellScikitLearn(Callback):
    """Report every epoch to the callbacks set with ``set_callbacks``.

    Parameters
    ----------
    estimator : the estimator being fitted
    context : its callback context
    metadata : X, y and metadata, as the callbacks want them
    state : callable
        Attributes with which a copy of the estimator can predict.
    """

    def __init__(
        self,
        estimator: Any,
        context: Any,
        metadata: dict[str, Any],
        state: Callable[[Run], dict[str, Any]],
    ):
        self.estimator, self.context, self.metadata, self.state = (
            estimator,
            context,
            metadata,
            state,
        )

    def on_train_begin(self, run: Run) -> None:
        self.context.call_on_fit_task_begin(estimator=self.estimator, **self.metadata)

    def on_epoch_begin(self, run: Run) -> None:
        self._begin()

    def _begin(self) -> None:
        self.task = self.context.subcontext(task_name="epoch", max_subtasks=0)
        self.task.call_on_fit_task_begin(estimator=self.estimator, **self.metadata)

    def on_epoch_end(self, run: Run) -> None:
        if not hasattr(self, "task"):  # L-BFGS does not know when an iteration begins
            self._begin()
        stop = self.task.call_on_fit_task_end(
            estimator=self.estimator,
            **self.metadata,
            reconstruction_attributes=lambda: self.state(run),
        )
        del self.task
        if stop:
            run.stop("callback", "A scikit-learn callback asked to stop. Stopping.")

    def on_train_end(self, run: Run) -> None:
        self.context.call_on_fit_task_end(
            estimator=self.estimator,
            **self.metadata,
            reconstruction_attributes=lambda: self.state(run),
        )
