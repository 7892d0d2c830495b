"""Tables and short fits for the tests of this folder."""

import warnings
from functools import cache

import numpy as np
import pandas as pd

from skbackprop import BackpropClassifier, BackpropRegressor

N = 120


def mixed(n=N, seed=0):
    """Every kind of column: numbers, holes, dates, text, few levels, many levels, a constant."""
    rng = np.random.default_rng(seed)
    area = np.exp(rng.normal(size=n))
    area[rng.random(n) < 0.2] = np.nan
    town = rng.choice([f"t{i}" for i in range(12)], n)
    return pd.DataFrame(
        {
            "area": area,
            "town": pd.Categorical(town, categories=sorted(set(town))),
            "kind": rng.choice(["flat", "house", "hut"], n),
            "new": rng.random(n) < 0.5,
            "sold": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, n), "D"),
            "tax": [f"{x:.1f}" for x in rng.normal(50, 10, n)],
            "rooms": rng.integers(1, 6, n),
            "one": 1.0,
        }
    )


def score(X):
    """What the targets are made of."""
    code = X["town"].cat.codes.to_numpy() % 4
    rooms = X["rooms"].to_numpy()
    return np.nan_to_num(X["area"].to_numpy()) + code * (rooms - 3) + X["new"].to_numpy()


def target(kind, X):
    """A target of this kind."""
    s = score(X)
    return {
        "binary": lambda: np.where(s > np.median(s), "yes", "no"),
        "multiclass": lambda: np.digitize(s, np.quantile(s, [0.3, 0.7])),
        "multilabel": lambda: np.stack([s > 0, X["rooms"] > 2], axis=1).astype(int),
        "heads": lambda: np.stack([np.digitize(s, [0, 2]), X["rooms"] > 2], axis=1).astype(int),
        "regression": lambda: 1000 * s,
        "outputs": lambda: np.stack([s, -100 * s + X["rooms"]], axis=1),
        "counts": lambda: np.round(np.exp(np.clip(s, -3, 3))) + 1,
    }[kind]()


LABELS = {"binary", "multiclass", "multilabel", "heads"}


def fit(kind, X=None, **params):
    """A short fit; `params` may hold objects."""
    X = mixed() if X is None else X
    Estimator = BackpropClassifier if kind in LABELS else BackpropRegressor
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Estimator(**{"random_state": 0, "max_iter": 3, **params}).fit(
            X, target(kind, mixed())
        )


@cache
def fitted(kind, preset="fast"):
    """A short fit that several tests use."""
    return fit(kind, preset=preset)


def outputs(model, X):
    """What is explained, ``(n, m)``, by the public methods."""
    if isinstance(model, BackpropRegressor):
        y = model.predict(X).reshape(len(X), -1)
        return np.log(y) if model.loss in ("poisson", "gamma", "tweedie") else y
    found = model.decision_function(X)
    found = found if isinstance(found, list) else [found]
    return np.hstack([part.reshape(len(X), -1) for part in found])
