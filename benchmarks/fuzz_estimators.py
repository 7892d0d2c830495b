"""Fit estimators with random parameters to random data: the result is right, or refused.

``python -m benchmarks.fuzz_estimators 20000`` draws pairs of a configuration and of data: every
preset, solver and kind of target; small tables with missing, constant, huge, infinite, text and
date columns; weights, classes and more calls.  Each pair must end in finite outputs of the right
shape, or in a ValueError or TypeError that was raised on purpose, by this package or by
scikit-learn's checks.  Where the table is encoded and the learning rate is not extreme, a
RuntimeWarning is a fault, too.  A pair depends on its seed only: ``1 --seed 17`` repeats pair 17.
"""

from __future__ import annotations

import argparse
import time
import traceback
import warnings
from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.exceptions import NotFittedError

from skbackprop import (
    BackpropClassifier,
    BackpropRegressor,
    NumericEmbedding,
    Scheduled,
    TableEncoding,
    WeightInit,
    mlp,
)
from skbackprop.nn.activations import ACTIVATIONS
from skbackprop.nn.losses import Huber, Pinball
from skbackprop.optim import OPTIMIZERS, SGD, Adam

ON_PURPOSE = (ValueError, TypeError, NotFittedError)
OURS = ("/skbackprop/", "/sklearn/utils/", "/sklearn/base.py", "/sklearn/model_selection/")
INNER = ("/skbackprop/nn/blocks", "/skbackprop/nn/linalg")  # only NumPy can fail there

# Each value is allowed; some do not go together.
CHOICES: dict[str, list[Any]] = {
    "preset": ["auto", "fast", "plain", "plain", "best"],
    "solver": ["auto", *OPTIMIZERS, "lbfgs", SGD(momentum=0.5), Adam(averaging="swa")],
    "hidden_layer_sizes": ["auto", (3,), (4, 2), 5, ()],
    "n_hidden_layers": [None, None, 0, 2],
    "activation": ["auto", *ACTIVATIONS, ["tanh"]],
    "alpha": [0.0, 1e-4, 10.0, "auto"],
    "batch_size": ["auto", 1, 3, 1000],
    "learning_rate": ["auto", "constant", "adaptive", "cosine", "one_cycle", "invscaling"],
    "learning_rate_init": ["auto", "auto", 1e-3, 0.1, 1e3],
    "early_stopping": ["auto", True, False],
    "validation_fraction": [0.1, 0.5, 0.9],
    "n_iter_no_change": ["auto", 1, float("inf")],
    "n_members": ["auto", 1, 2, 3],
    "member_sharing": ["independent", "independent", "batch", "mini"],
    "dropout": ["auto", 0.3, Scheduled(0.2, "cosine")],
    "weight_decay": ["auto", 0.1],
    "normalization": [None, None, "batch", "layer", "rms"],
    "residual": [False, False, True],
    "numeric_embedding": ["auto", None, "both", NumericEmbedding("piecewise", n_bins=3)],
    "feature_encoding": ["auto", None, "table", TableEncoding(embedding_dim=2)],
    "weight_init": ["auto", "mlp", "orthogonal", "zeros", WeightInit(biases=None)],
    "scoring": ["auto", "loss", None, "accuracy", "r2", "neg_log_loss"],
    "refit": [False, False, True],
    "dtype": ["auto", "float32", "float64"],
    "shuffle": [True, False],
    "warm_start": [False, True],
    "standardize_target": ["auto", True, False],
    "loss": ["auto", "poisson", "gamma", Huber(), Pinball((0.1, 0.9))],
    "class_weight": [None, "balanced", {0: 2.0}],
    "calibration": ["auto", None, "temperature", "sqrt_temperature"],
}
COLUMNS = (
    *["normal"] * 12, *["text"] * 3, "integers", "constant", "missing", "huge", "tiny", "infinite",
    "numbers as text", "dates", "bools", "category", "identifiers",
)  # fmt: skip
SHIFTS = (0.0, 0.0, 0.0, 1e6, -1e12)


def column(rng: np.random.Generator, kind: str, n: int) -> Any:
    """A column of a table."""
    x = rng.normal(size=n)
    if kind == "missing":
        return np.where(rng.uniform(size=n) < rng.choice([0.2, 1.0]), np.nan, x)
    if kind == "infinite":
        return np.where(rng.uniform(size=n) < 0.1, np.inf, x)
    made = {
        "normal": x + rng.choice(SHIFTS),
        "integers": rng.integers(0, 5, n),
        "constant": np.full(n, 3.0),
        "huge": x * 10.0 ** rng.integers(20, 308),
        "tiny": x * 10.0 ** -rng.integers(20, 320),
        "text": rng.choice(["a", "b", "", "c d"], n).astype(object),
        "numbers as text": np.array([f"{v:,.2f}" for v in x * 1e4], object),
        "dates": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 900, n), "D"),
        "bools": x > 0,
        "category": pd.Categorical(rng.choice(list("xyz"), n)),
        "identifiers": pd.array(rng.integers(2**60, 2**60 + n, n), "Int64"),
    }
    return made[kind]


def table(rng: np.random.Generator) -> Any:
    """Rows in one of the containers that are accepted."""
    n, m = int(rng.choice([1, 2, 5, 12, 40, 90])), int(rng.integers(1, 6))
    kind = rng.choice(["array", "float32", "frame", "frame", "frame", "sparse", "list"])
    if kind == "frame":
        names = rng.choice(COLUMNS, m)
        return pd.DataFrame({f"c{i}": column(rng, name, n) for i, name in enumerate(names)})
    kinds = ("normal", "normal", "normal", "integers", "missing", "huge", "tiny")
    x = np.column_stack([column(rng, str(name), n) for name in rng.choice(kinds, m)])
    if kind == "sparse":
        return sparse.csr_matrix(np.where(rng.uniform(size=x.shape) < 0.5, x, 0.0))
    if kind == "float32":
        with np.errstate(over="ignore", under="ignore"):
            return x.astype(np.float32)
    return x.tolist() if kind == "list" else x


def one_of(rng: np.random.Generator, right: list[Any], wrong: list[Any]) -> Any:
    """One of the values, in a tenth of the cases a wrong one."""
    kinds = wrong if rng.random() < 0.1 else right
    return kinds[rng.integers(len(kinds))]


def labels(rng: np.random.Generator, n: int) -> Any:
    """Targets of a classifier."""
    codes = rng.integers(0, rng.integers(1, 4), n)
    right = [codes, codes.astype(float), codes.astype(str), codes.astype(str).astype(object)]
    right += [codes > 0, codes.tolist(), np.stack([codes > 0, rng.integers(0, 2, n)], 1)]
    return one_of(rng, right, [np.where(codes > 0, None, "a"), rng.normal(size=n)])


def numbers(rng: np.random.Generator, n: int) -> Any:
    """Targets of a regressor."""
    y = rng.normal(size=n) * 10.0 ** rng.choice([0, 0, 0, 5, 100, 300, -100, -310])
    right = [y, y, np.abs(y), rng.integers(0, 9, n), np.full(n, 2.0), np.stack([y, -y], 1)]
    right += [y.astype(object)]
    return one_of(rng, right, [np.where(rng.uniform(size=n) < 0.1, np.nan, y), y.astype(str)])


def weights(rng: np.random.Generator, n: int) -> Any:
    """Weights of rows, most often none."""
    right = [None, None, None, rng.uniform(size=n), rng.integers(0, 3, n)]
    right += [rng.uniform(size=n) * 1e39, np.full(n, 1e-50)]
    return one_of(rng, right, [np.zeros(n), -np.ones(n), np.full(n, np.nan), np.ones(n + 1)])


def estimator(rng: np.random.Generator, is_classifier: bool) -> Any:
    """An estimator with up to five parameters that are not the defaults."""
    if rng.random() < 0.1:
        cls: Any = mlp.MLPClassifier if is_classifier else mlp.MLPRegressor
    else:
        cls = BackpropClassifier if is_classifier else BackpropRegressor
    known = cls().get_params(deep=False)
    names = [name for name in CHOICES if name in known]
    params = {"max_iter": int(rng.integers(1, 4)), "random_state": 0}
    for name in ("preset", *rng.choice(names, rng.integers(0, 6))):
        options = CHOICES[name]
        params[name] = options[rng.integers(len(options))]
    return cls(**params)


def is_on_purpose(error: Exception) -> bool:
    """Tell whether an error was raised by a check, and not by a computation."""
    if not isinstance(error, ON_PURPOSE) or len(str(error)) < 10:
        return False
    frame = traceback.extract_tb(error.__traceback__)[-1]
    line = (frame.line or "").strip()
    inside = any(place in frame.filename for place in OURS)
    return inside and not any(place in frame.filename for place in INNER) and "raise" in line


def check_outputs(model: Any, X: Any, n: int) -> None:
    """Outputs are finite and of the right shape."""
    predicted = np.asarray(model.predict(X))
    assert len(predicted) == n, "predict: shape"
    if hasattr(model, "predict_proba"):
        p = model.predict_proba(X)
        for part in p if isinstance(p, list) else [p]:
            assert part.shape[0] == n, "predict_proba: shape"
            assert np.isfinite(part).all(), "predict_proba: not finite"
            assert (part >= 0).all(), "predict_proba: negative"
    else:
        assert np.isfinite(predicted.astype(float)).all(), "predict: not finite"


def try_pair(seed: int) -> str:
    """What becomes of a pair; an exception that is not on purpose is raised."""
    rng = np.random.default_rng(seed)
    is_classifier = bool(rng.random() < 0.5)
    model, X = estimator(rng, is_classifier), table(rng)
    n = X.shape[0] if hasattr(X, "shape") else len(X)
    y = labels(rng, n) if is_classifier else numbers(rng, n)
    weight = weights(rng, n)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        plain = model.preset == "plain" or isinstance(model, (mlp.MLPClassifier, mlp.MLPRegressor))
        sane = model.learning_rate_init in ("auto", 1e-3)
        if sane and not plain and model.feature_encoding is not None:
            warnings.simplefilter("error", RuntimeWarning)  # the encoder makes numbers moderate
        try:
            model.fit(X, y, weight)
            check_outputs(model, X, n)
            if rng.random() < 0.3 and hasattr(model, "partial_fit"):
                model.partial_fit(X, y, sample_weight=weight)
                check_outputs(model, X, n)
        except Exception as error:
            if is_on_purpose(error):
                return f"refused: {type(error).__name__}"
            raise
    return "right"


def fuzz(n: int, seed: int = 0) -> tuple[Counter[str], dict[str, list[int]]]:
    """Outcomes of `n` pairs, and the seeds of the faults by their messages."""
    counts: Counter[str] = Counter()
    faults: dict[str, list[int]] = {}
    for number in range(seed, seed + n):
        try:
            counts[try_pair(number)] += 1
        except Exception as error:
            place = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{place.filename.rpartition('/')[2]}:{place.lineno}"
            message = f"{type(error).__name__} at {where}: {str(error)[:100]}"
            faults.setdefault(message, []).append(number)
            counts["fault"] += 1
    return counts, faults


def main() -> None:
    """Read the number of pairs and print what became of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("n", type=int)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    start = time.perf_counter()
    counts, faults = fuzz(args.n, args.seed)
    print(dict(counts), f"{time.perf_counter() - start:.0f} s")
    for message, seeds in sorted(faults.items(), key=lambda item: -len(item[1])):
        print(len(seeds), message, seeds[:5])


if __name__ == "__main__":
    main()
