"""The steps of `fit`, which the two estimators share: check, encode, plan, train, store.

A call of `fit` goes from here to a step of training as follows:

1. `BackpropEstimator._prepare` checks the arguments, reads y and the columns of X, resolves the
   parameters, and makes a `Fitted`: the network, the run that will train it, and all that
   `predict` needs.  If training goes on from a call before, this is a corrected copy of its state.
2. `learn` divides the rows, makes a plan for each stack of members, and calls `train`.
3. The estimator gets the `Fitted`, if nothing has failed.

What a parameter stands for is decided in `recipes`, what a column is in `tables`, and what y is in
`targets`.
"""

from __future__ import annotations

import copyreg
import inspect
import secrets
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import cache
from numbers import Real
from os import PathLike
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_consistent_length, check_random_state
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from ..nn.architectures import depth_of_hidden
from ..nn.layers import Sequential
from ..nn.losses import Loss
from ..nn.network import Network
from ..recipes import build, monotone
from ..recipes.constraints import check_parameters
from ..recipes.presets import PLAIN, DataSummary
from ..recipes.resolve import (
    encodes,
    is_auto,
    preset_of,
    resolve,
    solver_is_stochastic,
    warn_unused,
    whitens,
)
from ..recipes.rules import Rule, is_integer
from ..recipes.settings import check_settable
from ..tables.columns import read_table
from ..tables.encoder import ColumnEncoder
from ..tables.weights import cast_weights, count_rows, scale_weights
from ..targets import Codec
from ..training.run import Run
from .arrays import (
    check_features,
    check_names,
    check_rows,
    encode,
    encode_table,
    fit_encoder,
)
from .callback_bridge import CallbackSupportMixin, Method, unharmed_on_error
from .convert import from_mlp
from .effects import add_effects
from .fitted import Fitted, FittedAttributes
from .inputs import FitInputs, Table, check_arguments, check_row_weights, warn_other_order
from .learning import learn
from .resuming import open_checkpoint
from .saving import NAMES, file_state, light_state, restored_state
from .split import known_rows
from .stream import continued, follow_rows

# Where the "?" of an estimator in a notebook leads; scikit-learn fills the name in.
DOC_PAGE = "https://skbackprop.readthedocs.io/generated/{}.{{estimator_name}}.html"

if_stochastic: Callable[[Method], Method] = available_if(solver_is_stochastic)


# scikit-learn has no types: its classes are "Any".
class BackpropEstimator(FittedAttributes, CallbackSupportMixin, BaseEstimator):  # type: ignore[misc]
    """Base of `BackpropClassifier` and `BackpropRegressor`."""

    _auto_preset = "auto"  # what preset="auto" means
    _doc_link_module = "skbackprop"
    _doc_link_template = DOC_PAGE.format("skbackprop")

    # ---- what the two estimators define -------------------------------------------------

    def _check_parameters(self, **own: Rule) -> None:
        check_parameters(self, **own)

    def _make_codec(self, inputs: FitInputs, old: Fitted | None) -> Any:
        raise NotImplementedError

    def _make_loss(self, codec: Any) -> Loss:
        raise NotImplementedError

    def _check_y(self, y: Any, name: str = "y") -> np.ndarray:
        raise NotImplementedError

    def _absent_rows(self, inputs: FitInputs, old: Fitted | None) -> np.ndarray | None:
        """Which training rows count nothing, whatever their sample weight."""
        return None

    def _unseen(self, y: np.ndarray, codec: Any) -> list[Any]:
        """The labels of other rows that the training rows do not have."""
        return []

    def _weigh(
        self,
        y: np.ndarray,
        weight: np.ndarray | None,
        codec: Any,
        inputs: FitInputs,
        *,
        count: bool = True,
    ) -> np.ndarray | None:
        """Sample weights times what else the rows weigh."""
        return weight

    def _default_scoring(self, codec: Any, loss: Loss) -> str:
        raise NotImplementedError

    # ---- rows that are not in memory: few programs have some, so the import is here -------

    def _take_sample(self, inputs: FitInputs) -> None:
        from .source import take_sample

        take_sample(self, inputs)

    def _stored_rows(
        self, fitted: Fitted, table: Table, inputs: FitInputs
    ) -> AbstractContextManager[Table]:
        from .source import stored_rows

        return stored_rows(self, fitted, table, inputs)

    # ---- the story ----------------------------------------------------------------------

    def _fit(self, inputs: FitInputs) -> Self:
        with unharmed_on_error(self):
            fitted, table = self._prepare(inputs)
            with self._stored_rows(fitted, table, inputs) as table:
                learn(self, fitted, table, inputs)
            self._fitted = fitted
        return self

    def _prepare(self, inputs: FitInputs) -> tuple[Fitted, Table]:
        """Everything before the training: the state to be trained, and the encoded rows."""
        self._check_parameters()
        goes_on = inputs.incremental or self.warm_start
        old = vars(self).get("_fitted") if goes_on else None  # the state of the call before
        params = self._params()
        check_arguments(inputs, params, first=old is None)
        rng = (None if old is None else old.run.rng) or generator(self.random_state)
        inputs.checkpoint = open_checkpoint(self, inputs, rng if old is None else None)
        self._take_sample(inputs)
        codec = self._prepare_target(inputs, old)
        encoder = self._encoder(inputs, params, old)
        table = self._check_table(inputs, codec, encoder, old)
        resolved = self._resolve(params, table, codec, encoder, inputs, old)
        codec, table = self._standardize(codec, table, resolved, old)
        encoder, table, drawn = add_effects(encoder, table, codec, resolved, inputs, old, rng)
        fitted = self._start(table, codec, resolved, encoder, rng, old)
        fitted.validation_rows = drawn or known_rows(old, resolved)
        fitted.incremental, fitted.class_counts = inputs.incremental, inputs.class_counts
        fitted.continued = goes_on
        return fitted, table

    def _prepare_target(self, inputs: FitInputs, old: Fitted | None) -> Any:
        """Check y and the weights, remove rows of weight 0, and make the codec of y."""
        inputs.y = self._check_y(inputs.y)
        n = count_rows(inputs.X)
        if n is not None:  # what has no rows is refused with X
            check_consistent_length(inputs.X, inputs.y)
            _, y, weight = inputs.given
            warn_other_order(inputs.X, {"y": y, "sample_weight": weight})
        absent = self._absent_rows(inputs, old)
        inputs.sample_weight = check_row_weights(inputs.sample_weight, absent, len(inputs.y))
        if n is not None and preset_of(self) != "plain":
            inputs.drop_weightless_rows()
        codec = self._make_codec(inputs, old)
        inputs.scorer_weight = inputs.sample_weight  # without the class weights
        weight = self._weigh(inputs.y, inputs.sample_weight, codec, inputs)
        if weight is not None:
            inputs.sample_weight, inputs.weight_scale = scale_weights(weight)
        return codec

    def _encoder(
        self, inputs: FitInputs, params: dict[str, Any], old: Fitted | None
    ) -> ColumnEncoder | None:
        """What makes numbers of the columns, fitted to the rows of this call and those before."""
        known = None if old is None else old.encoder
        if known is None and (old is not None or not encodes(params)):
            return None
        inputs.columns = read_table(inputs.X)  # what is no table at all is refused first
        if known is None:
            whiten = whitens(params, incremental=inputs.incremental)
            return fit_encoder(self, inputs.columns, inputs.sample_weight, whiten=whiten)
        check_names(self, inputs.columns.source, reset=False)
        return follow_rows(known, inputs)

    def _check_table(
        self, inputs: FitInputs, codec: Any, encoder: ColumnEncoder | None, old: Fitted | None
    ) -> Table:
        """The rows as the numbers that the network takes."""
        if encoder is None:
            X = check_rows(self, inputs.X, reset=old is None)
            X = X if old is None else build.dense_if_embedded(old, X)
        elif old is None:
            single = is_auto(self.dtype)  # enough for encoded numbers
            X = encoder.transform(inputs.columns, np.dtype("float32" if single else self.dtype))
        else:
            X = encode_table(encoder, inputs.columns, old.network.dtype)
        if old is not None:
            X = X.astype(old.network.dtype, copy=False)
        y = inputs.y
        check_consistent_length(X, y)
        weight, factor = cast_weights(inputs.sample_weight, X.dtype)
        if weight is None and inputs.survey is not None and inputs.sample_weight is not None:
            weight, factor = inputs.sample_weight.astype(X.dtype), 1.0  # others may differ
        scale = inputs.weight_scale * factor
        table = Table(X, y, codec.encode(y, X.dtype), weight, scale)
        return table if self._shows_rows(inputs) else table.unfolded()

    def _params(self) -> dict[str, Any]:
        """The parameters, with the preset that "auto" stands for."""
        return {name: getattr(self, name) for name in self._defaults()} | {
            "preset": preset_of(self)
        }

    def _shows_rows(self, inputs: FitInputs) -> bool:
        """Do the numbers of the rows of X matter: to a splitter, to groups, or to a scorer?"""
        if inputs.survey is not None:
            return True  # each row has a number in the source
        splits = not isinstance(self.validation_fraction, (Real, str))
        scores = not (isinstance(self.scoring, str) and self.scoring in ("auto", "loss"))
        return splits or scores or inputs.groups is not None

    def _resolve(
        self,
        params: dict[str, Any],
        table: Table,
        codec: Any,
        encoder: ColumnEncoder | None,
        inputs: FitInputs,
        old: Fitted | None,
    ) -> dict[str, Any]:
        """The parameters with what "auto" stands for, and a warning of those without effect."""
        sparse = not isinstance(table.x, np.ndarray)
        n = table.x.shape[0] if inputs.survey is None else inputs.survey.n_rows
        n_numeric, n_other, cardinalities = build.widths_of(encoder, table.x, old)
        n_other += PLAIN["embedding_dim"] * len(cardinalities)
        summary = DataSummary(n, n_numeric, codec.n_classes, sparse, inputs.incremental, n_other)
        resolved, of_preset = resolve(params, summary, None if old is None else old.resolved)
        if inputs.X_val is not None and is_auto(self.early_stopping):
            resolved["early_stopping"] = True  # what else would the rows be for?
        if old is None or not inputs.incremental:
            warn_unused(params, resolved, of_preset, self._defaults())
        return resolved

    def _standardize(
        self, codec: Any, table: Table, resolved: dict[str, Any], old: Fitted | None
    ) -> tuple[Any, Table]:
        """The codec, and the table, with the target in the unit that is learned."""
        return codec, table

    def _start(
        self,
        table: Table,
        codec: Any,
        resolved: dict[str, Any],
        encoder: ColumnEncoder | None,
        rng: np.random.RandomState,
        old: Fitted | None = None,
    ) -> Fitted:
        """The network and the run to train: new ones, or copies of those of the last call."""
        loss, dtype = self._make_loss(codec), table.x.dtype
        out, scoring = resolved["out_activation"], resolved["scoring"]
        score = self._default_scoring(codec, loss)
        resolved.update(
            out_activation=loss.link if is_auto(out) else out,
            score=score,
            scoring=score if is_auto(scoring) else scoring,
            dtype=dtype.name,
            n_out=loss.n_scores(codec.n_targets),
        )
        monotone.settle(resolved, encoder, codec, loss, None if old is None else old.resolved)
        widths = build.widths_of(encoder, table.x, old)
        if old is not None:
            return continued(
                old,
                table.x,
                rng,
                codec=codec,
                loss=loss,
                resolved=resolved,
                encoder=encoder,
                widths=widths,
            )
        layer = build.make_layer(resolved, widths, loss, build.n_members(resolved))
        network = Network(layer, dtype)
        whitened = slice(0) if encoder is None else encoder.whitened
        limits = monotone.make_limits(resolved, network, encoder, codec)
        build.initialize(network, table.x, resolved, rng, whitened, limits)
        return Fitted(network, codec, loss, Run(network, rng), resolved, encoder, widths)

    # ---- prediction -----------------------------------------------------------------------

    def _scores(self, X: Any) -> np.ndarray:
        """Raw scores of the network; those of members are combined."""
        x = self._encode(X)
        return self._fitted.scores(x)

    def _encode(self, X: Any) -> Any:
        """X as the input of the network."""
        if "_fitted" not in vars(self):
            check_is_fitted(self)  # raises; it takes as long as a layer of the network
        encoder = self._fitted.encoder
        if encoder is None:
            return build.dense_if_embedded(self._fitted, check_features(self, X))
        # As precise as X: of a few rows the predictions are the same as of many.
        dtype = getattr(X, "dtype", None)  # that of another library may warn of a comparison
        single = isinstance(dtype, np.dtype) and dtype == np.float32
        own = np.float32 if single else np.float64
        return encode(self, encoder, X, np.result_type(own, self._fitted.network.dtype))

    def activations(self, X: Any, layer: int = -1) -> np.ndarray:
        """Output of a hidden layer.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The input data.
        layer : int, default=-1
            Which hidden layer, counted from 0; -1 is the last one.

        Returns
        -------
        activations : ndarray of shape (n_samples, width of the layer)
            What the layer hands to the next one, after its activation function; of shape
            (n_members, n_samples, width) if there are several members.
        """
        check_is_fitted(self)
        X = self._encode(X)
        sizes = self._fitted.resolved["hidden_layer_sizes"]
        if not is_integer(layer) or not -len(sizes) <= layer < len(sizes):
            raise ValueError(
                f"layer must be an int in the range [{-len(sizes)}, {len(sizes) - 1}], the "
                f"network has {len(sizes)} hidden layers. Got {layer!r} instead."
            )
        network, resolved = self._fitted.network, self._fitted.resolved
        extras = build.make_extras(resolved, build.n_members(resolved))
        assert isinstance(network.layer, Sequential)
        depth = depth_of_hidden(layer % len(sizes), extras) + build.has_front(self._fitted)
        return network.scores(X, layer=Sequential(network.layer.layers[:depth]))

    def _initialize(self, n_features: int, codec: Codec) -> Self:
        """A network with starting weights, without data."""
        for name, n in {"n_features": n_features, "n_outputs": codec.n_targets}.items():
            if not is_integer(n) or n < 1:
                raise ValueError(f"{name} must be an int of at least 1, got {n!r}.")
        with unharmed_on_error(self):
            self._check_parameters()
            params = self._params()
            if encodes(params):
                raise ValueError(
                    "initialize makes a network without data, which needs a preset that does not "
                    f"look at the data, got preset={self.preset!r}. Use preset='plain', or "
                    "feature_encoding=None."
                )
            summary = DataSummary(0, n_features, codec.n_classes, incremental=True)
            resolved, _ = resolve(params, summary)
            dtype = np.dtype(np.float64 if is_auto(self.dtype) else self.dtype)
            x = np.zeros((0, n_features), dtype)
            table = Table(x, np.zeros(0), np.zeros((0, codec.n_targets), dtype), None)
            fitted = self._start(table, codec, resolved, None, generator(self.random_state))
            for name in ("feature_names_in_", NAMES):
                self.__dict__.pop(name, None)
            self.n_features_in_ = n_features
            fitted.continued = fitted.incremental = True
            self._fitted = fitted
        return self

    @classmethod
    def from_sklearn(cls, mlp: Any) -> Self:
        """Make a fitted estimator of a fitted ``MLPClassifier`` or ``MLPRegressor``.

        It predicts the same, and goes on learning by ``partial_fit`` or with
        ``warm_start=True``; what the optimizer remembered is not taken over.

        Parameters
        ----------
        mlp : MLPClassifier or MLPRegressor
            A fitted estimator of ``sklearn.neural_network``.

        Returns
        -------
        estimator : BackpropClassifier or BackpropRegressor
            With ``preset="plain"`` and the parameters of `mlp`.

        Examples
        --------
        >>> from sklearn.datasets import load_diabetes
        >>> from sklearn.neural_network import MLPRegressor
        >>> from skbackprop import BackpropRegressor
        >>> X, y = load_diabetes(return_X_y=True)
        >>> mlp = MLPRegressor(solver="lbfgs", tol=1e5, random_state=0).fit(X, y)
        >>> ours = BackpropRegressor.from_sklearn(mlp)
        >>> float(abs(ours.predict(X) - mlp.predict(X)).max().round(6))
        0.0
        """
        return from_mlp(cls, mlp)

    # ---- files and pickles ----------------------------------------------------------------

    def save(self, path: str | bytes | PathLike[str], *, training_state: bool = False) -> None:
        """Save the fitted model to one file, which `skbackprop.load` reads.

        The file is safe to load and readable by the safetensors package; it loads in all later
        versions. A model that continues training exactly needs ``training_state=True``.

        Parameters
        ----------
        path : str or path-like
            The file, such as ``"model.skbp"``. One that exists is replaced, at once.
        training_state : bool, default=False
            Whether the file holds what continues training bit for bit: the state of the
            optimizer, averages, random generators and the order of the rows.

        Raises
        ------
        TypeError
            If the model holds an object that cannot be stored; the message names it.
        """
        from ..io import save

        save(self, path, training_state=training_state)

    def __reduce_ex__(self, protocol: Any) -> Any:
        """For pickle and copy: the objects as they are, which is fastest and keeps all of them."""
        if type(self).__getstate__ is not BackpropEstimator.__getstate__:  # that of a subclass
            return super().__reduce_ex__(protocol)
        new = copyreg.__newobj__  # type: ignore[attr-defined]
        return new, (type(self),), light_state(super().__getstate__())

    def __getstate__(self) -> dict[str, Any]:
        """For skops and whatever else asks for it: parameters and fitted state as one file."""
        return file_state(self, super().__getstate__())

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(restored_state(self, state))

    # ---- protocols ------------------------------------------------------------------------

    def set_params(self, **params: Any) -> Self:
        """Set parameters.

        Parameters
        ----------
        **params : dict
            Names and values.  ``numeric_embedding__n_bins`` sets `n_bins` of the object that is
            the value of `numeric_embedding`.

        Returns
        -------
        self : BackpropClassifier or BackpropRegressor
            The estimator.

        Raises
        ------
        ValueError
            If a name is unknown, if the value of the parameter is not an object with this
            setting, or if the object refuses the value.
        """
        check_settable(self, params)
        return super().set_params(**params)

    @classmethod
    @cache
    def _get_param_names(cls) -> list[str]:
        return super()._get_param_names()  # reads the signature, which takes long

    @classmethod
    @cache
    def _defaults(cls) -> dict[str, Any]:
        """Of all parameters; the constructor of a user's subclass may have fewer, or others."""
        ours = next(c for c in cls.__mro__ if c.__module__.startswith("skbackprop."))
        return {p.name: p.default for p in inspect.signature(ours).parameters.values()}

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        encoding = {"preset": preset_of(self), "feature_encoding": self.feature_encoding}
        tags.input_tags.allow_nan = encodes(encoding)
        return tags


def remember(estimator: Any, arguments: dict[str, Any]) -> None:
    """Keep the arguments of a constructor as they are, under their own names."""
    for name, value in arguments.items():
        if name not in ("self", "__class__"):
            setattr(estimator, name, value)


def generator(random_state: Any) -> np.random.RandomState:
    """The generator of a fit; without a seed a new one, so that the global one is left alone."""
    return check_random_state(secrets.randbits(32) if random_state is None else random_state)
