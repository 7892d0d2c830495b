"""The state of a fitted estimator in one object, and the attributes computed from it.

An estimator holds its whole fitted state in one `Fitted`, so a failed fit can put the
old one back, and the attributes (``coefs_``, ``loss_curve_``, …) cannot disagree.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from math import isnan
from typing import Any, TypeAlias

import numpy as np

from ..nn.layers import Layer
from ..nn.losses import Loss
from ..nn.network import Network
from ..recipes.build import make_layer
from ..recipes.settings import public
from ..tables.encoder import ColumnEncoder
from ..training.callbacks.restore import HeldOut
from ..training.run import Run

# Numbers of rows and of members; training rows; validation rows.
ValidationRows: TypeAlias = tuple[tuple[int, int], Any, Any]


@dataclass(eq=False)
class Fitted:
    """Network, codec and loss, the run that trained them, and the parameters used.

    Attributes
    ----------
    continued : bool
        Was the model trained by ``partial_fit`` or with ``warm_start=True``?  Only then
        does a pickle hold what is needed to go on exactly.
    """

    network: Network
    codec: Any
    loss: Loss
    run: Run
    resolved: dict[str, Any]
    encoder: ColumnEncoder | None = None
    widths: tuple[int, int, tuple[int, ...]] = (0, 0, ())
    continued: bool = False
    incremental: bool = False
    best_score: float | None = None
    held_out: HeldOut | None = None
    temperature: float = 1.0
    class_counts: np.ndarray | None = None
    stack_sizes: list[int] | None = None  # of members
    validation_rows: ValidationRows | None = None

    def layer_of(self, size: int) -> Layer:
        """The network of a group of so many members."""
        return make_layer(self.resolved, self.widths, self.loss, size)

    def scores(self, x: Any) -> np.ndarray:
        """Raw scores for encoded rows; those of members are combined."""
        scores = self.member_scores(x)
        return self.loss.combine(scores) if scores.ndim == 3 else scores

    def member_scores(self, x: Any) -> np.ndarray:
        """Raw scores, ``(k, n, m)`` for k members."""
        scores = self.network.at_least(x.dtype).scores(x)
        if self.temperature != 1.0:
            scores /= scores.dtype.type(self.temperature)
        return scores

    def light(self) -> Fitted:
        """A copy without optimizer state, generator and order of rows."""
        run = replace(
            self.run,
            optimizer_state=None,
            rng=None,
            order=None,
            average=None,
            training_theta=None,
            dropout_rng=None,
            stacks=[],
        )
        return replace(self, run=run, validation_rows=None)


def same_arrays(network: Network, layer: Any, resolved: dict[str, Any]) -> Network:
    """The trained arrays under new layers, if they still fit."""
    new = Network(layer, network.dtype)
    old_shapes = [param.shape for _, _, param in network.layout.names()]
    new_shapes = [param.shape for _, _, param in new.layout.names()]
    if old_shapes != new_shapes or network.layout.fixed_size != new.layout.fixed_size:
        raise ValueError(
            f"Continuing needs a network of the same shape, with arrays {old_shapes}, got "
            f"hidden_layer_sizes={resolved['hidden_layer_sizes']}, "
            f"n_members={resolved['n_members']}, normalization={resolved['normalization']!r} and "
            f"residual={resolved['residual']!r}, which give {new_shapes}. "
            "Set warm_start=False to start anew, or set the parameters back."
        )
    return new.over(network.theta, network.fixed)


class ArrayList(list):
    """Views of the parameters; assigning an item writes into the network."""

    def __setitem__(self, index: Any, values: Any) -> None:
        if isinstance(index, slice):
            self.assign(values, range(*index.indices(len(self))))
        else:
            self.assign([values], [index])

    def assign(self, values: Iterable[Any], indices: Iterable[int] | None = None) -> None:
        """Copy arrays into the views."""
        values = [np.asarray(value) for value in values]
        views = list(self) if indices is None else [self[i] for i in indices]
        expected, got = [v.shape for v in views], [v.shape for v in values]
        if expected != got:
            raise ValueError(
                f"The network needs arrays of shapes {expected}, got {got}. To change the "
                "architecture, set hidden_layer_sizes and fit again."
            )
        for view, value in zip(views, values, strict=True):
            view[...] = value


class FittedAttributes:
    """The fitted attributes, as properties."""

    _fitted: Fitted
    _params: Any

    def _state(self, name: str) -> Fitted:
        fitted = self.__dict__.get("_fitted")
        if fitted is None:
            raise AttributeError(
                f"{name!r} is available after `fit`: this {type(self).__name__} is not fitted yet."
            )
        return fitted

    def _arrays(self, name: str, leaf: str) -> ArrayList:
        network = self._state(name).network
        return ArrayList(
            network.theta[where].reshape(param.shape)
            for path, where, param in network.layout.names()
            if path.rpartition(".")[2] == leaf
        )

    @property
    def coefs_(self) -> ArrayList:
        return self._arrays("coefs_", "W")

    @coefs_.setter
    def coefs_(self, values: Iterable[Any]) -> None:
        self.coefs_.assign(values)

    @property
    def intercepts_(self) -> ArrayList:
        return self._arrays("intercepts_", "b")

    @intercepts_.setter
    def intercepts_(self, values: Iterable[Any]) -> None:
        self.intercepts_.assign(values)

    @property
    def network_(self) -> Network:
        return self._state("network_").network

    @property
    def resolved_params_(self) -> dict[str, Any]:
        resolved = self._state("resolved_params_").resolved
        return public(resolved, self._params())

    @property
    def column_report_(self) -> list[dict[str, Any]]:
        encoder = self._state("column_report_").encoder
        return [] if encoder is None else encoder.report()

    @property
    def history_(self) -> dict[str, list[Any]]:
        return self._state("history_").run.history.columns

    @property
    def n_iter_(self) -> int:
        fitted = self._state("n_iter_")
        return fitted.run.clock.epoch if fitted.incremental else fitted.run.n_epochs

    @property
    def t_(self) -> int:
        return self._state("t_").run.clock.samples

    @property
    def n_layers_(self) -> int:
        return len(self._state("n_layers_").resolved["hidden_layer_sizes"]) + 2

    @property
    def n_outputs_(self) -> int:
        return int(self._state("n_outputs_").resolved["n_out"])

    @property
    def out_activation_(self) -> str:
        return self._state("out_activation_").resolved["out_activation"]

    @property
    def loss_curve_(self) -> list[float]:
        return self._state("loss_curve_").run.history["loss"]

    @property
    def best_iter_(self) -> int:
        return self._state("best_iter_").run.best_epoch

    @property
    def loss_(self) -> float:
        fitted = self._state("loss_")
        curve = fitted.run.history["loss"]
        return curve[fitted.run.best_epoch - 1] if fitted.run.best_epoch > 0 else float("nan")

    @property
    def best_loss_(self) -> float | None:
        fitted = self._state("best_loss_")
        finite = [loss for loss in fitted.run.history["loss"] if not isnan(loss)]
        return None if fitted.best_score is not None or not finite else min(finite)

    @property
    def validation_scores_(self) -> list[float] | None:
        fitted = self._state("validation_scores_")
        scores = [s for s in fitted.run.history["validation_score"] if s is not None]
        return None if fitted.best_score is None else scores

    @property
    def best_validation_score_(self) -> float | None:
        return self._state("best_validation_score_").best_score

    @property
    def stop_reason_(self) -> str | None:
        return self._state("stop_reason_").run.stop_reason

    @property
    def interrupted_(self) -> bool:
        return self._state("interrupted_").run.interrupted

    def __sklearn_is_fitted__(self) -> bool:
        return "_fitted" in self.__dict__
