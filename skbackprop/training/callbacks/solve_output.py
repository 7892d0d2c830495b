r"""The last layer, computed by ridge regression where the loss is the squared error.

With the outputs :math:`h_i` of the last hidden layer, targets :math:`t_i` and weights :math:`w_i`
of the training rows, the last layer that minimizes

.. math:: \sum_i w_i \, |t_i - W^\top h_i - b|^2 + \lambda \, |W|^2

has a closed form, ridge regression.  With the weighted covariances :math:`G = U D U^\top` of the
outputs and :math:`R` of outputs and targets, it is :math:`W = U (D + \lambda)^{-1} U^\top R`, for
every :math:`\lambda` by the same decomposition.

Hoerl and Kennard, "Ridge regression: biased estimation for nonorthogonal problems" (1970).

>>> import numpy as np
>>> from skbackprop.nn.activations import ACTIVATIONS
>>> from skbackprop.nn.architectures import mlp
>>> network = Network(mlp(2, (8,), 1, activations=[ACTIVATIONS["tanh"]]))
>>> network.initialize(np.random.default_rng(0))
>>> x = np.random.default_rng(1).normal(size=(200, 2))
>>> rows = Rows(x, np.sin(x[:, :1]))
>>> def error(network):
...     return round(float(np.mean((network.scores(x) - rows.target) ** 2)), 2)
>>> error(network), min(error(solved) for solved in solutions(network, rows))
(1.79, 0.02)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ...nn.layers import Dense, MemberDense, Sequential
from ...nn.network import Network, copy_marked
from ..batches import Rows
from ..run import Run
from .base import Callback
from .restore import RestoreBest

PENALTIES = 10.0 ** np.arange(-9, 1)  # times the mean variance of the outputs
MOST_OUTPUTS = 500  # of a hidden layer: the time grows with their third power
ROUNDING = 8.0  # relative deviations of outputs up to so many units are rounding errors
BLOCK = 2**11  # rows whose outputs are in memory at once


class SolveOutput(Callback):
    """Replace the last layer of each member by one that is solved for, where that is better.

    A member keeps its own last layer, unless another has a validation loss that is less by the part
    `gain` at least.

    Parameters
    ----------
    rows : Rows
        The rows that `members` counts.
    members : sequence of ndarray, or None
        The numbers of the training rows of each member.  None: all train on all rows.
    best : RestoreBest
        The callback that restores the best parameters before, and evaluates.
    gain : float
        Least relative fall of the validation loss.
    """

    state_attributes = ()  # it does nothing before the end

    def __init__(
        self,
        rows: Rows,
        members: Sequence[np.ndarray] | None,
        best: RestoreBest,
        gain: float = 0.0,
    ):
        self.rows, self.members, self.best, self.gain = rows, members, best, gain

    def on_train_end(self, run: Run) -> None:
        best, network = self.best, run.network
        ended = not run.failed and not run.interrupted and run.stop_reason != "diverged"
        if not ended or best.best is None or not np.isfinite(best.best_losses).all():
            return
        limits = (1 - self.gain) * best.best_losses
        with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is not better
            for solved in solutions(network, self.rows, self.members):
                losses, scores = best.evaluate(solved)
                better = losses < limits
                if better.any():
                    copy_marked(best.best, solved, better)
                    best.best_losses[better] = limits[better] = losses[better]
                    best.best_scores[better] = scores[better]
        network.theta[...] = best.best.theta


def can_be_solved(network: Network) -> bool:
    """Tell whether the last layer is dense, of at most `MOST_OUTPUTS` inputs, and has a bias."""
    last = network.layer.layers[-1]  # type: ignore[attr-defined]
    return isinstance(last, (Dense, MemberDense)) and last.bias and last.n_in <= MOST_OUTPUTS


def solutions(
    network: Network, rows: Rows, members: Sequence[np.ndarray] | None = None
) -> Iterator[Network]:
    """The network with a last layer solved for with each of `PENALTIES`; all in the same memory."""
    mean, covariance = moments(network, rows, members)
    n_out = rows.target.shape[1]
    values, U = np.linalg.eigh(covariance[:, :-n_out, :-n_out])
    values = np.maximum(values, 0)
    size = values.mean(axis=-1, keepdims=True)
    projected = U.swapaxes(-1, -2) @ covariance[:, :-n_out, -n_out:]
    rounding = ROUNDING * np.finfo(network.dtype).eps
    constant = (size <= rounding**2 * np.square(mean[:, :-n_out]).mean(axis=-1, keepdims=True))[
        :, 0
    ]
    size[constant], projected[constant] = 1.0, 0.0  # the mean of the targets is left
    solved = network.over(network.theta.copy())
    p = getattr(solved.p, network.layer.named[-1][0])  # type: ignore[attr-defined]
    for penalty in PENALTIES:
        W = U @ (projected / (values + penalty * size)[..., None])
        p.W[...] = W.reshape(p.W.shape)
        p.b[...] = (mean[:, -n_out:] - np.vecmat(mean[:, :-n_out], W)).reshape(p.b.shape)
        yield solved


def moments(
    network: Network, rows: Rows, members: Sequence[np.ndarray] | None
) -> tuple[np.ndarray, np.ndarray]:
    """For each member means and covariances of the outputs of its last hidden layer and targets."""
    below = Sequential(network.layer.layers[:-1])  # type: ignore[attr-defined]
    weight = shares_of_rows(rows, members)
    total: Any = 0.0
    center: Any = None
    for start in range(0, rows.n, BLOCK):
        part = slice(start, start + BLOCK)
        outputs = network.scores(rows.x[part], layer=below)
        outputs = outputs.reshape(-1, *outputs.shape[-2:])
        target = np.broadcast_to(rows.target[part], (*outputs.shape[:2], rows.target.shape[1]))
        z = np.concatenate([outputs, target, np.ones_like(outputs[..., :1])], -1, dtype=np.float64)
        if center is None:  # covariances are differences of moments: near 0 these are exact
            center = z.mean(axis=1)
            center[:, -1] = 0
        z -= center[:, None]
        total = total + (z * weight[:, part, None]).swapaxes(-1, -2) @ z
    mean = total[:, -1, :-1]
    covariance = total[:, :-1, :-1] - mean[:, :, None] * mean[:, None, :]
    return mean + center[:, :-1], covariance


def shares_of_rows(rows: Rows, members: Sequence[np.ndarray] | None) -> np.ndarray:
    """The share of each row in the training rows of each member, by weight; of others 0."""
    weight = np.ones(rows.n) if rows.weight is None else rows.weight.astype(np.float64)
    if members is None:
        return weight[None] / weight.sum()
    shares = np.zeros((len(members), rows.n))
    for share, member in zip(shares, members, strict=True):
        share[member] = weight[member] / weight[member].sum()
    return shares
