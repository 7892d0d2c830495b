"""Fitted models of every kind, small and quick, for the tests of files."""

import contextlib
import sys
import warnings

import numpy as np
import pandas as pd
from settings import packed

from skbackprop import BackpropClassifier, BackpropRegressor, mlp
from skbackprop.nn.losses import Pinball

N = 120
rng = np.random.default_rng(0)
NUMBERS = rng.normal(size=(N, 4))
SCORE = NUMBERS[:, 0] * NUMBERS[:, 1] + np.sin(2 * NUMBERS[:, 2])
TABLE = pd.DataFrame(
    {
        "number": np.where(rng.uniform(size=N) < 0.1, np.nan, NUMBERS[:, 0]),
        "date": pd.Timestamp("2024-01-31") + pd.to_timedelta(rng.integers(0, 500, N), "D"),
        "color": rng.choice(["red", "blue", "grün", None], N),
        "place": pd.Categorical(rng.choice([f"place {i}" for i in range(30)], N)),
        "id": pd.array(rng.integers(2**53, 2**53 + 12, N), "Int64"),
        "flag": rng.uniform(size=N) < 0.5,
    }
)
TABLE.loc[3, "id"] = pd.NA
NEW = TABLE.head(20).assign(color=["violet", None] * 10, number=np.nan)
LABELS = {
    "binary": np.where(SCORE > 0, "yes", "no"),
    "numbers as labels": np.digitize(SCORE, [-0.5, 0.5]) - 1,
    "bools": SCORE > 0,
    "objects": np.where(SCORE > 0, "yes", "no").astype(object),
    "float labels": np.digitize(SCORE, [-0.5, 0.5]).astype(float),
    "one class": np.zeros(N, int),
    "multilabel": np.stack([SCORE > 0, NUMBERS[:, 3] > 0], axis=1).astype(int),
    "heads": np.stack([SCORE > 0, np.digitize(NUMBERS[:, 3], [-1, 1])], axis=1).astype(str),
}
TARGETS = {
    "one number": SCORE,
    "several numbers": np.stack([SCORE, NUMBERS[:, 3]], axis=1),
    "float32": SCORE.astype(np.float32),
}
QUICK = {"max_iter": 4, "random_state": 0}


def classifier(X=NUMBERS, kind="binary", **params):
    return _fit(BackpropClassifier, X, LABELS[kind], params)


def regressor(X=NUMBERS, kind="one number", y=None, **params):
    return _fit(BackpropRegressor, X, TARGETS[kind] if y is None else y, params)


def _fit(Estimator, X, y, params):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Estimator(**packed(**{**QUICK, **params})).fit(X, y)


def plain(Estimator, y, **params):
    return _fit(Estimator, NUMBERS, y, params)


# name: what makes the model, and the rows that it predicts for
MODELS = {
    **{f"classifier, {kind}": (lambda k=kind: classifier(kind=k), NUMBERS) for kind in LABELS},
    **{f"regressor, {kind}": (lambda k=kind: regressor(kind=k), NUMBERS) for kind in TARGETS},
    **{
        f"preset {preset}": (lambda p=preset: regressor(preset=p), NUMBERS)
        for preset in ("plain", "fast", "best")
    },
    "raw table": (lambda: classifier(TABLE), NEW),
    "raw table, numbers": (lambda: regressor(TABLE), NEW),
    "frame of numbers": (lambda: regressor(pd.DataFrame(NUMBERS, columns=list("abcd"))), NUMBERS),
    "float64": (lambda: regressor(dtype="float64"), NUMBERS),
    "dtype as a class": (lambda: regressor(dtype=np.float64), NUMBERS),
    "calibrated": (lambda: classifier(calibration="temperature"), NUMBERS),
    "poisson": (lambda: regressor(y=rng.poisson(np.exp(SCORE)), loss="poisson"), NUMBERS),
    "quantiles": (lambda: regressor(loss=Pinball((0.1, 0.9))), NUMBERS),
    "mlp classifier": (lambda: plain(mlp.MLPClassifier, LABELS["binary"]), NUMBERS),
    "mlp regressor": (
        lambda: plain(mlp.MLPRegressor, SCORE, solver="lbfgs", hidden_layer_sizes=(3,)),
        NUMBERS,
    ),
    "sparse": (lambda: _sparse_model(), NUMBERS),
    "dropout and norms": (
        lambda: classifier(preset="plain", dropout=0.1, normalization="batch", residual=True),
        NUMBERS,
    ),
    "embeddings": (lambda: regressor(numeric_embedding="both"), NUMBERS),
    "averaged": (lambda: regressor(preset="plain", averaging="swa"), NUMBERS),
    "given weights": (
        lambda: regressor(
            preset="plain",
            hidden_layer_sizes=np.array([2]),
            weight_init=[np.ones((4, 2)), np.ones((2, 1))],
        ),
        NUMBERS,
    ),
    "class weights": (
        lambda: classifier(
            kind="numbers as labels", class_weight={-1: 1, 0: 2.0, 1: np.float32(3)}
        ),
        NUMBERS,
    ),
    "without data": (lambda: BackpropRegressor((3,), preset="plain").initialize(4), NUMBERS),
}


def _sparse_model():
    from scipy.sparse import csr_matrix

    return regressor(csr_matrix(np.where(NUMBERS > 0, NUMBERS, 0)))


def predictions(model, X):
    """All that a model says of some rows."""
    names = ("predict", "predict_proba", "predict_log_proba", "decision_function")
    answers = [getattr(model, name)(X) for name in names if hasattr(model, name)]
    if hasattr(model, "predict_interval") and model._fitted.held_out is not None:
        answers.append(model.predict_interval(X, coverage=0.8))
    return answers


def assert_same(a, b):
    """Equal to the bit and of the same types, whatever is inside."""
    assert type(a) is type(b), (a, b)
    if isinstance(a, np.ndarray):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b, strict=True)
    elif isinstance(a, dict):
        assert list(a) == list(b)
        for key in a:
            assert_same(a[key], b[key])
    elif isinstance(a, (list, tuple)):
        assert len(a) == len(b)
        for one, other in zip(a, b, strict=True):
            assert_same(one, other)
    elif isinstance(a, float) and a != a:
        assert b != b
    else:
        assert a == b


@contextlib.contextmanager
def few_calls(limit):
    """Count the calls, of Python's functions and of C's, in place of a clock."""
    n, before = 0, sys.getprofile()

    def count(frame, event, arg):
        nonlocal n
        n += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        yield
    finally:
        sys.setprofile(before)
    assert n <= limit, f"{n} calls, at most {limit} are allowed"
