"""The fits behind the figures on the drawbacks of backpropagation, one function for each.

Each function is a measurement with one seed; `bench_drawbacks` says with which arguments, and
what the numbers mean.
"""

from __future__ import annotations

from math import ceil
from statistics import median
from time import process_time
from typing import Any

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, train_test_split
from threadpoolctl import threadpool_limits

from skbackprop import BackpropClassifier
from skbackprop.nn import LOSSES, Network
from skbackprop.nn.workspace import Workspace

from . import real_tables
from .configurations import Configuration, make_data
from .real_tables import Split, divide, judge, ours

NO_END = {"n_iter_no_change": np.inf, "tol": 0.0}  # training lasts as long as it was told to
NO_STEP = 1e-60  # a learning rate that is 0 in float32: the network stays as it started


# ---- deep nets ------------------------------------------------------------------------------

WIDTH = 64
DEPTH_BATCH = 50
KINDS: dict[str, dict[str, Any]] = {
    "two layers": {},
    "plain": {},
    "residual": {"residual": True},
    "data": {"weight_init": "data"},
}


def depth(
    problem: str, activation: str, kind: str, layers: int, steps: int, seed: int, data: str | None
) -> dict[str, Any]:
    """Test accuracy of a stack, and how its gradient changes on the way down, at the start."""
    X, y = PROBLEMS[problem](seed)
    X, X_test, y, y_test = train_test_split(
        X, y, test_size=0.3, stratify=y, random_state=100 + seed
    )
    settings = {"preset": "plain", "activation": activation, "batch_size": DEPTH_BATCH} | NO_END
    net = BackpropClassifier((WIDTH,) * layers, random_state=seed, dtype="float32")
    net.set_params(**settings, **KINDS[kind])
    net.set_params(max_iter=1, learning_rate_init=NO_STEP).fit(X, y)
    deltas, weights = gradients(net.network_, X.astype(np.float32), y)
    epochs = ceil(steps / ceil(len(X) / DEPTH_BATCH))
    net.set_params(max_iter=epochs, learning_rate_init=1e-3).fit(X, y)
    return {
        "accuracy": float(net.score(X_test, y_test)),
        "delta_ratio": first_to_last(deltas),
        "weight_ratio": first_to_last(weights),
    }


def digits(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Digits of 8 × 8 pixels, 0 to 1."""
    X, y = load_digits(return_X_y=True)
    return X / 16, y


def spirals(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """1000 points on two spirals that go around each other one and a half times."""
    rng = np.random.default_rng(seed)
    y = np.arange(1000) % 2
    angle = 3 * np.pi * np.sqrt(rng.uniform(0.01, 1, 1000))
    X = np.stack([np.cos(angle + np.pi * y), np.sin(angle + np.pi * y)], axis=1) * angle[:, None]
    return X / (1.5 * np.pi) + rng.normal(0, 0.05, X.shape), y


PROBLEMS = {"digits": digits, "spirals": spirals}


def gradients(network: Network, x: np.ndarray, y: np.ndarray) -> tuple[list[float], list[float]]:
    """Norms of the gradient of the mean loss, from the first hidden layer to the last.

    Two lists: with respect to the output of each hidden layer, and with respect to its weights.
    The latter are 0 inside a residual block whose gate is 0, as all are at the start.
    """
    passes, shape = [], x.shape
    for name, layer in network.layer.named:  # type: ignore[attr-defined]
        ws = Workspace(shape, network.dtype, train=True, needs_dx=True)
        p, g = getattr(network.p, name), getattr(network.g, name, None)
        passes.append((name, *layer.bind(p, g, ws)))
        shape = layer.output_shape(shape)
    h = x
    for _, forward, _ in passes:
        h = forward(h)
    many = h.shape[1] > 1
    target = np.eye(h.shape[1])[y] if many else y[:, None]
    loss, d = LOSSES["multiclass_log_loss" if many else "binary_log_loss"], np.empty_like(h)
    loss.value_and_delta(target.astype(h.dtype), h, 1 / len(x), d)
    deltas = []
    for name, _, backward in reversed(passes):
        if not name.startswith("dense"):  # the delta of an activation, or of a residual block
            deltas.insert(0, norm(d))
        d = backward(d)
    weights = [norm(network.grad[where]) for _, where, param in network.layout.names()
               if param.role == "weight" and len(param.shape) == 2]  # fmt: skip
    return deltas, weights[:-1]


def norm(a: np.ndarray) -> float:
    """Euclidean, in a precision in which a vanishing gradient is not rounded to 0."""
    return float(np.linalg.norm(a.astype(np.float64)))


def first_to_last(norms: list[float]) -> float | None:
    """None where the last one is 0, and nothing can be compared."""
    return norms[0] / norms[-1] if norms[-1] > 0 else None


# ---- the learning rate ----------------------------------------------------------------------

MLP_RATE = 1e-3  # the default of MLPClassifier


def rate(
    table: str, method: str, factor: float | str, rows: int, seed: int, data: str | None
) -> dict[str, Any]:
    """Test error with a multiple of the recommended learning rate, or with a probed one."""
    split = divide(table, data, seed, rows)
    if method == "MLP":
        chosen: Any = MLP_RATE * float(factor)
        model = real_tables.mlp(split, learning_rate_init=chosen, random_state=seed)
    else:
        chosen = "probe" if factor == "probe" else resolved_rate(split, method) * float(factor)
        model = our_model(split, method, seed, learning_rate_init=chosen)
    try:
        model.fit(split.X, split.y)
    except ValueError as refused:
        if factor == "probe" and "learning_rate_init" in str(refused):
            return {"skipped": "learning_rate_init='probe' is not there yet"}
        return {"diverged": str(refused)}
    error = judge(split.kind, model, split.X_test, split.y_test)["error"]
    if factor == "probe":
        chosen = float(model.resolved_params_["learning_rate_init"])
    return {"learning_rate": chosen, "error": error}


def our_model(split: Split, preset: str, seed: int, **chosen: Any) -> Any:
    """Our estimator with the settings of a preset, but for those given."""
    return ours(preset, **chosen).make(split).set_params(random_state=seed)


def resolved_rate(split: Split, preset: str) -> float:
    """What ``learning_rate_init="auto"`` stands for: a fit of one epoch says it."""
    look = our_model(split, preset, 0, max_iter=1, max_restarts=0, n_members=1).fit(
        split.X, split.y
    )
    return float(look.resolved_params_["learning_rate_init"])


# ---- local minima ---------------------------------------------------------------------------

MARGIN = 0.01  # in a local minimum two rows have probability ½, and rounding may decide


def xor(
    activation: str, members: int, first: int, seeds: int, epochs: int, data: str | None
) -> dict[str, Any]:
    """From how many seeds, `first` and following, two hidden units learn all rows of XOR."""
    X, y = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]), np.array([0, 1, 1, 0])
    solved = 0
    for seed in range(first, first + seeds):
        net = BackpropClassifier((2,), activation, preset="plain", n_members=members, n_jobs=1)
        net.set_params(random_state=seed, learning_rate_init=0.05, alpha=0.0)
        net.set_params(max_iter=epochs, **NO_END).fit(X, y)
        p = net.predict_proba(X)[np.arange(4), y]
        solved += int(np.all(p > 0.5 + MARGIN))
    return {"solved": solved}


def spread(
    table: str, method: str, members: int, rows: int, seed: int, data: str | None
) -> dict[str, Any]:
    """Test error on the same division, from one seed."""
    split = divide(table, data, 0, rows)
    model = our_model(split, method, seed, n_members=members).fit(split.X, split.y)
    return {"error": judge(split.kind, model, split.X_test, split.y_test)["error"]}


# ---- little data ----------------------------------------------------------------------------

GRID = {
    "hidden_layer_sizes": [(32,), (100,), (64, 64)],
    "alpha": [1e-4, 1e-2, 1.0],
    "learning_rate_init": [1e-3, 1e-2],
}
FOLDS = 5


def little(
    table: str, rows: int, method: str, values: int, seed: int, data: str | None
) -> dict[str, Any]:
    """Test error of what was learned from the first rows of a division.

    The MLP chooses among so many `values` of each parameter of the grid, at most.
    """
    split = divide(table, data, seed, rows)
    if len(split.X) < rows:
        return {"too_few": len(split.X)}
    model = searched(split, seed, values) if method == "MLP" else our_model(split, method, seed)
    model.fit(split.X, split.y)
    return {"error": judge(split.kind, model, split.X_test, split.y_test)["error"]}


def searched(split: Split, seed: int, values: int) -> Any:
    """The best MLP of a grid, by the same error on folds of the training rows."""
    model = real_tables.mlp(split, random_state=seed)
    step = next(name for name in model.get_params() if name.endswith("alpha"))
    prefix = step.removesuffix("alpha")

    def score(fitted: Any, X: Any, y: np.ndarray) -> float:
        seen = split.regression or len(np.unique(y)) > 1
        return -judge(split.kind, fitted, X, y)["error"] if seen else 0.0

    named = {prefix + name: choices[:values] for name, choices in GRID.items()}
    return GridSearchCV(model, named, scoring=score, cv=FOLDS, error_score="raise")


# ---- cost -----------------------------------------------------------------------------------

PLAIN = {"preset": "plain", "random_state": 0, "n_jobs": 1, "dtype": "float32"} | NO_END
SMALL_NET = {"hidden_layer_sizes": (64, 64), "batch_size": 64}
WIDE_NET = {"hidden_layer_sizes": (256, 256), "batch_size": 256}
COSTS: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    # name: (both, one peer, the other peer)
    "8 members": (SMALL_NET, {}, {"n_members": 8}),
    "dropout and layer norm": (WIDE_NET, {}, {"dropout": 0.1, "normalization": "layer"}),
    "adamw": (WIDE_NET, {"solver": "adam"}, {"solver": "adamw"}),
    "lion": (WIDE_NET, {"solver": "adam"}, {"solver": "lion"}),
    "muon": (WIDE_NET, {"solver": "adam"}, {"solver": "muon"}),
}


def cost(what: str, steps: int, repeats: int, seed: int, data: str | None) -> dict[str, Any]:
    """Milliseconds of the processor per step without and with something, in turn.

    One thread computes, and its time is counted, not the clock's: other programs disturb
    little.  The ratio is the median of those of the turns.
    """
    both, one, other = COSTS[what]
    batch = both["batch_size"]
    c = Configuration(10 * batch, 30, both["hidden_layer_sizes"], 5, batch, max(1, steps // 10))
    X, y = make_data(c, "float32")
    models = [BackpropClassifier(max_iter=c.epochs).set_params(**PLAIN, **both, **settings)
              for settings in (one, other)]  # fmt: skip
    seconds: list[list[float]] = [[], []]
    with threadpool_limits(1):
        settle()
        for model in models:  # warm
            model.fit(X[:batch], y[:batch])
        for _ in range(repeats):
            for model, own in zip(models, seconds, strict=True):
                start = process_time()
                model.fit(X, y)
                own.append(process_time() - start)
    without, with_it = (1e3 * median(own) / c.n_steps for own in seconds)
    ratio = median(b / a for a, b in zip(*seconds, strict=True))
    return {"without": without, "with": with_it, "ratio": ratio}


def settle() -> None:
    """Multiply once something large.

    Until then OpenBLAS on one thread was seen to need three times as long for products of
    256 × 256; Muon makes large products, Adam none, and both have to be timed alike.
    """
    a = np.ones((700, 700), np.float32)
    np.dot(a, a)


FIGURES = {
    "depth": depth, "rate": rate, "xor": xor, "spread": spread, "little": little, "cost": cost,
}  # fmt: skip


def measure(figure: str, **arguments: Any) -> dict[str, Any]:
    """One measurement of one figure."""
    return FIGURES[figure](**arguments)
