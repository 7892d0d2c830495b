"""A learning rate that is reduced after epochs without improvement."""

from __future__ import annotations

from ..run import Plateau, Run
from .base import Callback
from .stopping import HasImproved, count_epochs, plateau_message


class ReduceOnPlateau(Callback):
    """scikit-learn's ``learning_rate='adaptive'``: reduce the rate on a plateau.

    After more than `n_iter_no_change` epochs without improvement the rate is divided by
    `factor`; when it is already at `smallest`, training stops.
    """

    state_attributes = ()  # its plateau is that of the run

    def __init__(
        self,
        monitor: HasImproved,
        tol: float,
        n_iter_no_change: float,
        *,
        factor: float = 5.0,
        smallest: float = 1e-6,
    ):
        self.monitor, self.tol = monitor, tol
        self.n_iter_no_change = n_iter_no_change
        self.factor, self.smallest = factor, smallest

    def on_epoch_end(self, run: Run) -> None:
        # The plateau belongs to the run, not to this call: it is continued exactly.
        if count_epochs(self, run, run.plateau) <= self.n_iter_no_change:
            return
        message = plateau_message(self.monitor, self.tol, self.n_iter_no_change)
        if run.lr <= self.smallest:
            run.stop("learning_rate_too_small", message + " Learning rate too small. Stopping.")
            return
        run.lr_scale /= self.factor
        run.messages.append(message + f" Setting learning rate to {run.lr / self.factor:f}")
        # Differs from scikit-learn: the reference is reset too.  Otherwise a single low loss
        # early in training causes all of the divisions.
        run.plateau = Plateau()
