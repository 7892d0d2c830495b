"""The state of a fitted estimator in one object, and the attributes computed from it.

An estimator holds its whole fitted state in one `Fitted`, so a failed fit can put the
old one back, and the attributes (``coefs_``, ``loss_curve_``, …) cannot disagree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import field, replace
from math import isnan
from typing import Any, Generic, Self, TypeAlias, TypeVar, overload

import numpy as np

from ..nn.layers import Layer
from ..nn.losses import Loss
from ..nn.network import Network
from ..params import Record, record
from ..recipes.build import make_layer
from ..recipes.settings import public
from ..tables.encoder import ColumnEncoder
from ..training.callbacks.restore import HeldOut
from ..training.run import Run

T = TypeVar("T")

# Numbers of rows and of members; training rows; validation rows.
ValidationRows: TypeAlias = tuple[tuple[int, int], Any, Any]


@record
class Fitted(Record):
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
    stack_sizes: list[int] = field(default_factory=list)  # members of each stack, if there are any
    validation_rows: ValidationRows | None = None

    def layer_of(self, size: int | None) -> Layer:
        """The network of a group of so many members; None stands for a single network."""
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


class ArrayList(list[np.ndarray]):
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


def state_of(estimator: Any, name: str) -> Fitted:
    """The fitted state, from which the attribute `name` is computed."""
    fitted = vars(estimator).get("_fitted")
    if fitted is None:
        raise AttributeError(
            f"{name!r} is available after `fit`: this {type(estimator).__name__} is not fitted yet."
        )
    return fitted


class FittedAttribute(property, Generic[T]):
    """A property that is computed from the fitted state of an estimator."""

    def __init__(self, compute: Callable[[Fitted], T]) -> None:
        super().__init__(compute)
        self.compute = compute

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, estimator: None, owner: type | None = None) -> Self: ...

    @overload
    def __get__(self, estimator: Any, owner: type | None = None) -> T: ...

    def __get__(self, estimator: Any, owner: type | None = None) -> Self | T:
        return self if estimator is None else self.compute(state_of(estimator, self.name))


class FittedArrays(FittedAttribute[ArrayList]):
    """The arrays that have this name in their layer; what is assigned is written into them."""

    def __init__(self, leaf: str) -> None:
        super().__init__(lambda fitted: arrays(fitted, leaf))

    def __set__(self, estimator: Any, values: Iterable[Any]) -> None:
        self.__get__(estimator).assign(values)


def arrays(fitted: Fitted, leaf: str) -> ArrayList:
    """The arrays of all layers that have this name in their layer."""
    network = fitted.network
    return ArrayList(
        network.theta[where].reshape(param.shape)
        for path, where, param in network.layout.names()
        if path.rpartition(".")[2] == leaf
    )


class FittedAttributes:
    """The fitted attributes."""

    _fitted: Fitted
    _params: Callable[[], dict[str, Any]]

    coefs_ = FittedArrays("W")
    intercepts_ = FittedArrays("b")

    @property
    def resolved_params_(self) -> dict[str, Any]:
        return public(state_of(self, "resolved_params_").resolved, self._params())

    network_ = FittedAttribute(lambda fitted: fitted.network)
    history_ = FittedAttribute(lambda fitted: fitted.run.history.columns)
    loss_curve_ = FittedAttribute(lambda fitted: fitted.run.history["loss"])
    best_iter_ = FittedAttribute(lambda fitted: fitted.run.best_epoch)
    best_validation_score_ = FittedAttribute(lambda fitted: fitted.best_score)
    stop_reason_ = FittedAttribute(lambda fitted: fitted.run.stop_reason)
    interrupted_ = FittedAttribute(lambda fitted: fitted.run.interrupted)
    t_ = FittedAttribute(lambda fitted: fitted.run.clock.samples)
    n_layers_ = FittedAttribute(lambda fitted: len(fitted.resolved["hidden_layer_sizes"]) + 2)
    n_outputs_ = FittedAttribute(lambda fitted: int(fitted.resolved["n_out"]))
    out_activation_ = FittedAttribute(lambda fitted: fitted.resolved["out_activation"])

    @FittedAttribute
    def column_report_(fitted: Fitted) -> list[dict[str, Any]]:
        return [] if fitted.encoder is None else fitted.encoder.report()

    @FittedAttribute
    def n_iter_(fitted: Fitted) -> int:
        return fitted.run.clock.epoch if fitted.incremental else fitted.run.n_epochs

    @FittedAttribute
    def loss_(fitted: Fitted) -> float:
        best = fitted.run.best_epoch
        return fitted.run.history["loss"][best - 1] if best > 0 else float("nan")

    @FittedAttribute
    def best_loss_(fitted: Fitted) -> float | None:
        finite = [loss for loss in fitted.run.history["loss"] if not isnan(loss)]
        return None if fitted.best_score is not None or not finite else min(finite)

    @FittedAttribute
    def validation_scores_(fitted: Fitted) -> list[float] | None:
        scores = [s for s in fitted.run.history["validation_score"] if s is not None]
        return None if fitted.best_score is None else scores

    def __sklearn_is_fitted__(self) -> bool:
        return "_fitted" in self.__dict__
