"""`from_sklearn`, which copies a fitted MLP of scikit-learn, and `search_space`."""

from __future__ import annotations

from typing import Any

from sklearn.base import is_classifier
from sklearn.utils.validation import check_is_fitted

from ..recipes.settings import NumericEmbedding
from ..targets import Codec, LabelCodec, MultilabelCodec, TargetCodec


def spaces() -> dict[str, dict[str, Any]]:
    """The distributions of `search_space`, by preset."""
    from scipy.stats import loguniform, uniform  # to make one takes a millisecond

    return {
        # Around the recipe for tables; half of the spaces of its authors, without what wins little.
        "tabular": {
            "learning_rate_init": loguniform(1e-3, 4e-2),
            "hidden_layer_sizes": [32, 64, 128, 256],
            "n_hidden_layers": [1, 2, 3],
            "dropout": uniform(0.0, 0.4),
            "weight_decay": loguniform(1e-3, 1.0),
            "numeric_embedding": [
                None,
                "piecewise",
                *(NumericEmbedding("both", frequency_scale=scale) for scale in (0.05, 0.2, 0.8)),
            ],
            "activation": ["mish", "relu"],
        },
        # A single network as scikit-learn has it; scale X before.
        "plain": {
            "learning_rate_init": loguniform(1e-4, 1e-1),
            "hidden_layer_sizes": [16, 32, 64, 128, 256],
            "n_hidden_layers": [1, 2, 3],
            "alpha": loguniform(1e-6, 1e1),
            "batch_size": [32, 64, 128, 256],
            "activation": ["relu", "tanh", "mish"],
        },
    }


def search_space(kind: str = "tabular") -> dict[str, Any]:
    """Parameters to search, with a distribution or a list of values for each of them.

    Parameters
    ----------
    kind : {"tabular", "plain"}, default="tabular"
        Around the recipe for tables, or for ``preset="plain"``.

    Returns
    -------
    space : dict
        For ``RandomizedSearchCV``; distributions of SciPy have ``ppf``, with which other
        search tools can draw from them.

    Examples
    --------
    >>> sorted(search_space("plain"))
    ['activation', 'alpha', 'batch_size', 'hidden_layer_sizes', 'learning_rate_init',
    'n_hidden_layers']
    """
    known_spaces = spaces()
    if kind not in known_spaces:
        known = " or ".join(repr(name) for name in known_spaces)
        raise ValueError(f"kind must be {known}, got {kind!r}.")
    return known_spaces[kind]


def from_mlp(cls: Any, mlp: Any) -> Any:
    """An estimator of class `cls` that predicts as the fitted `mlp` does."""
    from sklearn.neural_network import MLPClassifier, MLPRegressor  # takes milliseconds

    theirs = MLPClassifier if is_classifier(cls()) else MLPRegressor
    if not isinstance(mlp, theirs):
        raise TypeError(
            f"{cls.__name__}.from_sklearn needs a fitted {theirs.__name__} of "
            f"sklearn.neural_network, got {type(mlp).__name__}. Pass the network itself, such as "
            "the last step of a pipeline, to the class for its kind of target."
        )
    check_is_fitted(mlp)
    known = cls().get_params(deep=False)
    params = {k: v for k, v in mlp.get_params(deep=False).items() if k in known}
    params |= {"preset": "plain", "dtype": mlp.coefs_[0].dtype.name}
    estimator = cls(**params)
    n_outputs = mlp.n_outputs_
    if not hasattr(mlp, "classes_"):
        codec: Codec = TargetCodec(n_outputs, n_outputs == 1)
    elif mlp.out_activation_ == "logistic" and n_outputs > 1:
        codec = MultilabelCodec(n_outputs)
    else:
        codec = LabelCodec(mlp.classes_)
    estimator._initialize(mlp.n_features_in_, codec)
    estimator.coefs_, estimator.intercepts_ = mlp.coefs_, mlp.intercepts_
    if hasattr(mlp, "feature_names_in_"):
        estimator.feature_names_in_ = mlp.feature_names_in_
    return estimator
