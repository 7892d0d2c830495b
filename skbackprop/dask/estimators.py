"""`BackpropClassifier` and `BackpropRegressor` for the partitions of a Dask cluster."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from sklearn.base import clone, is_classifier

from ..estimators import BackpropClassifier, BackpropRegressor
from ..estimators.base import DOC_PAGE, BackpropEstimator, remember
from ..estimators.fitted import Fitted
from ..estimators.inputs import FitInputs, Table
from ..estimators.source import check_inputs, check_source, folds_of, keep_sample
from ..optional import optional
from ..recipes.rules import NONE, Rule, having, integer, names
from ..sources.readers import SAMPLE_ROWS
from ..training.local_steps import LocalBatches, LocalShards
from ..training.shards import ShardedBatches, ShardedRows, Shards
from .cluster import ActorHolders, Cluster
from .encoding import EncodePartitions
from .lazy import accuracy_of_part, lazily, mean_of_parts, r2_of_parts, squares_of_part
from .partitions import Partitions, is_collection, is_partitioned, open_partitions

OWN = {
    "sync": "step",
    "sample_rows": SAMPLE_ROWS,
    "client": None,
}  # parameters beside those of the base class
DOC = """`{name}` whose rows are the partitions of Dask collections.

    `fit` takes Dask arrays, Dask DataFrames, or lists of delayed partitions.  The rows stay on the
    workers that hold them.  In every step each worker computes the gradient of its part of a batch;
    the sum is exact, and parameters, optimizer, validation and callbacks are in the process that
    calls `fit`.  The model does not depend on the number of workers, up to rounding.  A worker that
    is lost is replaced: its partitions are computed again on others, and the step is repeated.
    Rows in memory are learned without the cluster.

    `predict`, `predict_proba`, `predict_log_proba` and `decision_function` of a collection are
    lazy: an array gives an array, a DataFrame gives a Series or a DataFrame with the same index
    and divisions.

    {parameters}sync : {{"step", "epoch"}}, default="step"
        "step": the gradients of all workers are added up in every step, exactly.  "epoch": each
        worker takes the steps of an epoch on its own rows, and then their parameters are averaged
        (McMahan et al., 2017), which needs few messages; the model depends on the workers.
    sample_rows : int, default=50000
        Rows of the sample that scales, levels, quantiles and validation rows come from.  A table of
        fewer rows is collected, and the model is that of `{name}` for rows in memory.
    client : distributed.Client, default=None
        The cluster; None for the current client.  It is not part of a copy or a pickle that leaves
        the process.

    {attributes}client_ : distributed.Client
        The client that is used.

    See Also
    --------
    {name} : The same estimator for rows in memory, files and batches.

    References
    ----------
    Chen, Pan, Monga, Bengio & Jozefowicz, "Revisiting distributed synchronous SGD" (2016).

    McMahan, Moore, Ramage, Hampson & Agüera y Arcas, "Communication-efficient learning of deep
    networks from decentralized data" (2017).

    Examples
    --------
    >>> import dask.array as da
    >>> import numpy as np
    >>> from distributed import Client
    >>> from skbackprop.dask import Dask{name}
    >>> client = Client(n_workers=2, processes=False, dashboard_address=":0")
    >>> X = da.from_array(np.random.default_rng(0).normal(size=(1000, 3)), chunks=(250, 3))
    >>> model = Dask{name}(max_iter=20, sample_rows=500, random_state=0)
    >>> model = model.fit(X, X[:, 0] > 0)
    >>> model.predict(X).chunks
    ((250, 250, 250, 250),)
    >>> client.close()
    """


KINDS_OF_SYNC: dict[str, tuple[type[Shards], type[ShardedBatches]]] = {
    "step": (Shards, ShardedBatches),
    "epoch": (LocalShards, LocalBatches),
}


RULES_OF_OWN: dict[str, Rule] = {
    "sync": names(*KINDS_OF_SYNC),
    "sample_rows": integer(1),
    "client": NONE | Rule("a distributed.Client", having("submit", "nthreads").allows),
}


class NoClientError(ValueError, AttributeError):
    """There is no client; an AttributeError for `hasattr`."""


def check_parallel(fitted: Fitted, sync: str) -> None:
    """Refuse what rows in several processes do not allow."""
    if fitted.resolved["normalization"] == "batch":
        raise ValueError(
            "normalization='batch' needs all rows of a batch in one process, got the rows of a "
            "cluster. Use normalization='layer'."
        )
    if sync == "epoch" and fitted.resolved["solver"] == "schedule_free":
        raise ValueError(
            "sync='epoch' needs an optimizer whose parameters can be averaged, got schedule_free. "
            "Use solver='adamw', or sync='step'."
        )


def _doc(base: type) -> str:
    """The docstring of the Dask estimator of `base`, with the parameters of `base`."""
    text = base.__doc__ or ""  # empty with python -OO
    marks = [
        text.find(f"{title}\n") for title in ("Parameters", "Attributes", "See Also", "Examples")
    ]
    first, attributes, *ends = [max(0, mark) for mark in marks]
    end = min(mark for mark in ends if mark) if any(ends) else len(text)
    return DOC.format(
        name=base.__name__,
        parameters=text[first:attributes].rstrip() + "\n    ",
        attributes=text[attributes:end].rstrip() + "\n    ",
    )


def _with_own(init: Callable[..., None]) -> Callable[..., None]:
    """The constructor `init` with the parameters of `OWN` at its end."""
    signature = inspect.signature(init)
    more = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=value)
        for name, value in OWN.items()
    ]
    signature = signature.replace(parameters=[*signature.parameters.values(), *more])

    def __init__(*args: Any, **kwargs: Any) -> None:
        given = signature.bind(*args, **kwargs)
        given.apply_defaults()
        arguments = dict(given.arguments)
        remember(arguments.pop("self"), arguments)

    __init__.__signature__ = signature  # type: ignore[attr-defined]
    return __init__


def _same(model: Any) -> Any:
    return model


class DaskEstimator(BackpropEstimator):
    """What the two estimators share: where the rows are, and lazy predictions."""

    _local: type[BackpropEstimator]  # the other base
    sync: str
    sample_rows: int
    client: Any

    @property
    def client_(self) -> Any:
        with optional("skbackprop.dask", "skbackprop[dask]"):
            from distributed import default_client
        if self.client is not None:
            return self.client
        try:
            return default_client()
        except ValueError:
            raise NoClientError(
                f"{type(self).__name__} needs a client, got client=None, and there is no current "
                "one. Make one by distributed.Client(), or pass client."
            ) from None

    @property
    def resolved_params_(self) -> dict[str, Any]:
        return super().resolved_params_ | {name: getattr(self, name) for name in OWN}

    def to_local(self) -> Any:
        """The same model as an estimator without a client.

        Returns
        -------
        model : BackpropClassifier or BackpropRegressor
            With the same parameters and, if this one is fitted, with what was learned.
        """
        local = self._local.__new__(self._local)
        local.__dict__.update({k: v for k, v in vars(self).items() if k not in OWN})
        return local

    def fit(self, X, y=None, sample_weight=None, **options):
        """Train on the rows of a cluster, or on rows in memory.

        Parameters
        ----------
        X : dask Array or DataFrame, list of Delayed, or array-like of shape (n_samples, n_features)
            The input data.
        y : dask Array, Series or DataFrame, list of Delayed, str, or array-like
            The target, divided as X; the name of a column of X.
        sample_weight : like y, default=None
            Weights of the rows, at least 0. None stands for ones.
        **options : dict
            ``X_val``, ``y_val``, ``sample_weight_val`` and, for rows in memory, ``groups``: see
            `BackpropClassifier.fit`. Collections are collected, and must fit in memory.

        Returns
        -------
        self : DaskBackpropClassifier or DaskBackpropRegressor
            The fitted estimator.
        """
        self._check_parameters()  # before anything runs
        if is_partitioned(X):
            cluster = Cluster(self.client_)
            cluster.check_versions()
            X = open_partitions(cluster, X, y, sample_weight, self.sample_rows)
            y = sample_weight = None
        for name, value in options.items():
            if is_collection(value):
                options[name] = self.client_.compute(value).result()
        return super().fit(X, y, sample_weight, **options)

    def score(self, X, y, sample_weight=None):
        """Accuracy of a classifier, R² of a regressor.

        Parameters
        ----------
        X, y, sample_weight : as in fit
            Rows, labels and weights.  Those of a cluster are scored where they are.

        Returns
        -------
        score : float
            See `BackpropClassifier.score` and `BackpropRegressor.score`.
        """
        if not is_partitioned(X):
            return super().score(X, y, sample_weight)
        of_part: Callable[..., Any] = squares_of_part
        join: Callable[..., float] = r2_of_parts
        if is_classifier(self):
            of_part, join = accuracy_of_part, mean_of_parts
        cluster = Cluster(self.client_)
        held = open_partitions(cluster, X, y, sample_weight, self.sample_rows).held
        model = cluster.submit(_same, self.to_local())  # each worker gets it once
        jobs = {i: cluster.submit(of_part, model, part) for i, part in held.items()}
        return join([cluster.result(job, f"Partition {i}") for i, job in jobs.items()])

    def predict(self, X):
        """Predict; lazily for a Dask collection.

        Parameters
        ----------
        X : dask Array or DataFrame, or array-like of shape (n_samples, n_features)
            The input data.

        Returns
        -------
        y : dask Array, Series or DataFrame, or ndarray
            Predictions, see `BackpropClassifier.predict` and `BackpropRegressor.predict`.
        """
        return self._predict("predict", X)

    def _predict(self, method: str, X: Any) -> Any:
        model = self.to_local()
        return lazily(model, method, X) if is_partitioned(X) else getattr(model, method)(X)

    def save(self, path, *, training_state=False):
        """Save what `to_local` returns, which needs no cluster when it is loaded.

        Parameters
        ----------
        path : str or path-like
            The file, such as ``"model.skbp"``.
        training_state : bool, default=False
            See `BackpropClassifier.save` and `BackpropRegressor.save`.
        """
        self.to_local().save(path, training_state=training_state)

    # ---- used by `BackpropEstimator` --------------------------------------------------------

    def _check_parameters(self, **own: Rule) -> None:
        super()._check_parameters(**RULES_OF_OWN, **own)

    def _params(self) -> dict[str, Any]:
        return {k: v for k, v in super()._params().items() if k not in OWN}

    def _take_sample(self, inputs: FitInputs) -> None:
        if not isinstance(inputs.X, Partitions):
            super()._take_sample(inputs)
            return
        check_inputs(inputs)
        keep_sample(inputs, inputs.X.survey(all_labels=is_classifier(self)))

    @contextmanager
    def _stored_rows(self, fitted: Fitted, table: Table, inputs: FitInputs) -> Iterator[Table]:
        found = inputs.survey
        if found is None or not isinstance(found.source, Partitions):
            with super()._stored_rows(fitted, table, inputs) as table:
                yield table
            return
        check_source(self, fitted, table)
        check_parallel(fitted, self.sync)
        rows, n_folds = found.source, folds_of(fitted.resolved)
        holder, kind = KINDS_OF_SYNC[self.sync]
        encode = EncodePartitions(self.to_local(), fitted, inputs, n_folds, rows.spans, holder)
        with ActorHolders(rows.cluster, rows.delayed, encode) as holders:
            rows.held = {}  # the workers have them encoded
            weighted = table.weight is not None
            n_features = table.x.shape[1]
            stored = ShardedRows(holders, n_features, n_folds, has_weight=weighted, kind=kind)
            yield replace(table, stored=stored)

    # ---- protocols --------------------------------------------------------------------------

    def __reduce_ex__(self, protocol: Any) -> Any:
        make, arguments, state = super().__reduce_ex__(protocol)[:3]
        return make, arguments, {**state, "client": None}

    def __sklearn_clone__(self) -> Any:
        params = {
            k: clone(v, safe=False) for k, v in self.get_params(deep=False).items() if k != "client"
        }
        return type(self)(**params, client=self.client)


class DaskBackpropClassifier(DaskEstimator, BackpropClassifier):  # noqa: D101
    __doc__ = _doc(BackpropClassifier)
    _doc_link_template = DOC_PAGE.format("skbackprop.dask")
    _local = BackpropClassifier
    __init__ = _with_own(BackpropClassifier.__init__)

    def predict_proba(self, X):
        """Predict probabilities; lazily for a Dask collection.

        Parameters
        ----------
        X : dask Array or DataFrame, or array-like of shape (n_samples, n_features)
            The input data.

        Returns
        -------
        p : dask Array or DataFrame, or ndarray of shape (n_samples, n_classes)
            Columns in the order of ``classes_``.
        """
        return self._predict("predict_proba", X)

    def predict_log_proba(self, X):
        """Predict logarithms of probabilities; lazily for a Dask collection.

        Parameters
        ----------
        X : dask Array or DataFrame, or array-like of shape (n_samples, n_features)
            The input data.

        Returns
        -------
        log_p : dask Array or DataFrame, or ndarray of shape (n_samples, n_classes)
            See `BackpropClassifier.predict_log_proba`.
        """
        return self._predict("predict_log_proba", X)

    def decision_function(self, X):
        """Raw scores of the network; lazily for a Dask collection.

        Parameters
        ----------
        X : dask Array or DataFrame, or array-like of shape (n_samples, n_features)
            The input data.

        Returns
        -------
        scores : dask Array, Series or DataFrame, or ndarray
            See `BackpropClassifier.decision_function`.
        """
        return self._predict("decision_function", X)


class DaskBackpropRegressor(DaskEstimator, BackpropRegressor):  # noqa: D101
    __doc__ = _doc(BackpropRegressor)
    _doc_link_template = DOC_PAGE.format("skbackprop.dask")
    _local = BackpropRegressor
    __init__ = _with_own(BackpropRegressor.__init__)
