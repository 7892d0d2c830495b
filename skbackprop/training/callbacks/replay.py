"""A second training with the learning rates of the first, up to its best epochs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...nn.network import copy_marked
from ..run import Run
from .base import Callback

# L-BFGS may arrive before the epoch; where it is, is then what was asked for.
ARRIVED = "converged", "abnormal"


class RestoreEpochs(Callback):
    """Return the weights of a given epoch, of each member those of its own.

    Training ends with the last of these epochs.  Where one is not reached, the weights are
    those of the start, but for L-BFGS that has converged before.

    Parameters
    ----------
    epochs : sequence of int
        One epoch, counted as in the history, for each member; or one for all of them.
    """

    state_attributes = ("kept",)

    def __init__(self, epochs: Sequence[int]):
        self.epochs = np.asarray(epochs)

    def on_train_begin(self, run: Run) -> None:
        network = run.network
        self.kept = network.over(network.theta.copy(), network.fixed.copy())

    def on_epoch_end(self, run: Run) -> None:
        now = self.epochs == run.clock.epoch
        if now.any():
            copy_marked(self.kept, run.eval_network(), now)
        if run.clock.epoch >= self.epochs.max():
            run.stop("chosen_epoch")

    def on_train_end(self, run: Run) -> None:
        if not run.failed and run.stop_reason not in ARRIVED:
            run.network.theta[...], run.network.fixed[...] = self.kept.theta, self.kept.fixed
            run.best_epoch = int(self.epochs.max())


class ReplayLearningRates(Callback):
    """Scale the learning rate as another run did, by results that this one does not see.

    Parameters
    ----------
    scales : sequence of float
        A factor on the learning rate for each epoch, the first of all calls included.
    """

    state_attributes = ()

    def __init__(self, scales: Sequence[float]):
        self.scales = scales

    def on_epoch_begin(self, run: Run) -> None:
        run.lr_scale = self.scales[min(run.clock.epoch, len(self.scales) - 1)]
