"""Settings of the parts of an estimator: objects that are the values of its parameters.

A part with one setting is a plain value, ``dropout=0.1``.  A part with several settings takes
an object, ``dropout=Scheduled(0.1, "flat_cos")``.  Searches reach its fields by scikit-learn's
double underscore:

>>> from skbackprop import BackpropClassifier, NumericEmbedding
>>> clf = BackpropClassifier(numeric_embedding=NumericEmbedding("piecewise", n_bins=4))
>>> clf.set_params(numeric_embedding__n_bins=16).numeric_embedding.n_bins
16

`flatten` replaces these objects by the plain settings of which `recipes` makes a network.
"""

from __future__ import annotations

from typing import Any

from ..params import Frozen, frozen


@frozen
class Scheduled(Frozen):
    """A value that changes in training: `value` times the factor of a schedule.

    Parameters
    ----------
    value : float or list of float
        The value at the start, for `dropout`, `weight_decay` or ``LogLoss.label_smoothing``.
    schedule : str or object, default="constant"
        A name of `skbackprop.optim.SCHEDULES`, or ``schedule(clock) -> factor``.

    Examples
    --------
    >>> from skbackprop import BackpropRegressor, Scheduled
    >>> BackpropRegressor(dropout=Scheduled(0.3, "flat_cos")).get_params()["dropout__value"]
    0.3
    """

    value: Any
    schedule: Any = "constant"


@frozen
class NumericEmbedding(Frozen):
    """How each numeric column becomes several inputs of the network.

    Parameters
    ----------
    kind : {"piecewise", "periodic", "both", "auto"}, default="auto"
        Piecewise-linear encoding between quantiles, cosines with learned frequencies, or both.
    n_bins : int or "auto", default="auto"
        Bins of a column, for "piecewise".
    n_frequencies : int or "auto", default="auto"
        Frequencies of a column, for "periodic".
    frequency_scale : float or "auto", default="auto"
        Standard deviation of the frequencies at the start.

    References
    ----------
    Gorishniy, Rubachev & Babenko, "On embeddings for numerical features in tabular deep
    learning" (2022).

    Examples
    --------
    >>> from skbackprop import BackpropRegressor, NumericEmbedding
    >>> reg = BackpropRegressor(numeric_embedding=NumericEmbedding("periodic", n_frequencies=8))
    """

    kind: str = "auto"
    n_bins: Any = "auto"
    n_frequencies: Any = "auto"
    frequency_scale: Any = "auto"


@frozen
class TableEncoding(Frozen):
    """How the columns of a table become numbers.

    Parameters
    ----------
    embedding_dim : int or "auto", default="auto"
        Numbers that stand for a category of more than 8 levels.
    learned_scale : bool or "auto", default="auto"
        Has each input of the network a learned factor?

    References
    ----------
    Guo & Berkhahn, "Entity embeddings of categorical variables" (2016).

    Examples
    --------
    >>> from skbackprop import BackpropClassifier, TableEncoding
    >>> clf = BackpropClassifier(feature_encoding=TableEncoding(embedding_dim=16))
    """

    embedding_dim: Any = "auto"
    learned_scale: Any = "auto"


@frozen
class WeightInit(Frozen):
    """The initial weights and biases.

    Parameters
    ----------
    weights : str, callable, list or "auto", default="auto"
        See the parameter `weight_init`.
    biases : float, str, callable, list, None or "auto", default="auto"
        "mlp" (scikit-learn's rule), "data", "zeros", a number, an initializer, or a list with
        an initializer or array for each layer.  None: the layers have no biases.

    Examples
    --------
    >>> from skbackprop import BackpropClassifier, WeightInit
    >>> clf = BackpropClassifier(weight_init=WeightInit("he_normal", biases="zeros"))
    """

    weights: Any = "auto"
    biases: Any = "auto"


@frozen
class LogLoss(Frozen):
    """The log loss of a classifier, with smoothed labels.

    Parameters
    ----------
    label_smoothing : float or Scheduled, default=0.0
        Part of each target that is spread evenly over the classes.

    References
    ----------
    Szegedy, Vanhoucke, Ioffe, Shlens & Wojna, "Rethinking the inception architecture for
    computer vision" (2016).

    Examples
    --------
    >>> from skbackprop import BackpropClassifier, LogLoss
    >>> clf = BackpropClassifier(loss=LogLoss(label_smoothing=0.1))
    """

    label_smoothing: Any = 0.0


# Plain settings, and the parameter by which a user reaches each of them.
PUBLIC_NAMES: dict[str, str] = {
    "dropout_schedule": "dropout__schedule",
    "weight_decay_schedule": "weight_decay__schedule",
    "label_smoothing": "loss__label_smoothing",
    "label_smoothing_schedule": "loss__label_smoothing__schedule",
    "n_bins": "numeric_embedding__n_bins",
    "n_frequencies": "numeric_embedding__n_frequencies",
    "frequency_scale": "numeric_embedding__frequency_scale",
    "embedding_dim": "feature_encoding__embedding_dim",
    "feature_scale": "feature_encoding__learned_scale",
    "bias_init": "weight_init__biases",
    "max_grad_norm": "solver__max_grad_norm",
    "l1": "solver__l1",
    "gradient_accumulation_steps": "solver__gradient_accumulation_steps",
    "averaging": "solver__averaging",
    "lr_multipliers": "solver__lr_multipliers",
}
OF_OPTIMIZER: dict[str, Any] = {  # fields that every optimizer object has
    "max_grad_norm": None,
    "l1": 0.0,
    "gradient_accumulation_steps": 1,
    "averaging": "auto",
    "lr_multipliers": "auto",
}


def flatten(params: dict[str, Any]) -> dict[str, Any]:
    """The parameters, with the settings of each part as plain values."""
    flat = dict(params)
    for name in ("dropout", "weight_decay"):
        flat |= _scheduled(name, params[name], "auto")
    loss = params["loss"]
    smoothing = loss.label_smoothing if isinstance(loss, LogLoss) else 0.0
    flat |= _scheduled("label_smoothing", smoothing, "constant")
    flat["loss"] = "log_loss" if isinstance(loss, LogLoss) else loss
    embedding = params["numeric_embedding"]
    if not isinstance(embedding, NumericEmbedding):
        embedding = NumericEmbedding(embedding)
    flat |= embedding.get_params(deep=False) | {"numeric_embedding": embedding.kind}
    encoding = params["feature_encoding"]
    given = isinstance(encoding, TableEncoding)
    flat["feature_encoding"] = "table" if given else encoding
    flat["embedding_dim"] = encoding.embedding_dim if given else "auto"
    flat["feature_scale"] = encoding.learned_scale if given else "auto"
    init = params["weight_init"]
    if not isinstance(init, WeightInit):
        rules = isinstance(init, str) and init in ("mlp", "data")  # for weights and biases
        init = WeightInit(init, init if rules else "auto")
    flat |= {"weight_init": init.weights, "fit_intercept": init.biases is not None}
    flat["bias_init"] = "auto" if init.biases is None else init.biases
    solver = params["solver"]
    own = {} if isinstance(solver, str) else OF_OPTIMIZER
    flat |= OF_OPTIMIZER | {name: getattr(solver, name, own[name]) for name in own}
    return flat


def _scheduled(name: str, value: Any, schedule: str) -> dict[str, Any]:
    if isinstance(value, Scheduled):
        return {name: value.value, f"{name}_schedule": value.schedule}
    return {name: value, f"{name}_schedule": schedule}


def public(resolved: dict[str, Any], names: Any) -> dict[str, Any]:
    """The resolved parameters under the names, and in the objects, of the constructor."""
    r = resolved
    values = dict(r)
    for name in ("dropout", "weight_decay"):
        if r[f"{name}_schedule"] != "constant":
            values[name] = Scheduled(r[name], r[f"{name}_schedule"])
    if r["label_smoothing"]:
        smoothing = Scheduled(r["label_smoothing"], r["label_smoothing_schedule"])
        values["loss"] = LogLoss(smoothing)
    if r["numeric_embedding"] is not None:
        values["numeric_embedding"] = NumericEmbedding(
            r["numeric_embedding"], r["n_bins"], r["n_frequencies"], r["frequency_scale"]
        )
    if r["feature_encoding"] is not None:
        values["feature_encoding"] = TableEncoding(r["embedding_dim"], r["feature_scale"])
    values["weight_init"] = WeightInit(
        r["weight_init"], r["bias_init"] if r["fit_intercept"] else None
    )
    return {name: values[name] for name in names}
