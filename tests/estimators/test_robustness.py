"""Bad input never harms a fitted model, and fit and predict harm nothing around them."""

import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import joblib
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from plain import BackpropClassifier, BackpropRegressor
from scipy import sparse
from sklearn.base import clone

from .common import BOTH, SOLVERS, unconverged, weights

pytestmark = unconverged


def blobs(n=60, n_classes=2, seed=0):
    """Classes that overlap."""
    rng = np.random.RandomState(seed)
    y = np.arange(n) % n_classes
    return rng.normal(size=(n, 4)) + y[:, None], y


def output(estimator, X):
    return getattr(estimator, "predict_proba", estimator.predict)(X)


# What can be wrong with a call: arguments made from X and y, and parameters.


def replaced(array, value, at=(3, 1)):
    array = array.astype(float)
    array[at[: array.ndim]] = value
    return array


BAD_X_AND_Y = {
    "NaN in X": lambda X, y: (replaced(X, np.nan), y),
    "inf in X": lambda X, y: (replaced(X, np.inf), y),
    "NaN in sparse X": lambda X, y: (sparse.csr_array(replaced(X, np.nan)), y),
    "NaN in y": lambda X, y: (X, replaced(y, np.nan)),
    "inf in y": lambda X, y: (X, replaced(y, -np.inf)),
    "too few columns": lambda X, y: (X[:, :3], y),
    "too many columns": lambda X, y: (np.hstack([X, X]), y),
    "y too short": lambda X, y: (X, y[:-1]),
    "X of one dimension": lambda X, y: (X[:, 0], y),
    "X of three dimensions": lambda X, y: (X[None], y),
    "words in X": lambda X, y: (np.where(X > 0, "a", "b"), y),
    "no rows": lambda X, y: (X[:0], y[:0]),
    "no columns": lambda X, y: (X[:, :0], y),
    "no y": lambda X, y: (X, None),
    "complex X": lambda X, y: (X * 1j, y),
    "ragged y": lambda X, y: (X, [[1]] * 30 + [[1, 2]] * 30),
}
BAD_WEIGHTS = {
    "negative weights": lambda n: -np.ones(n),
    "weights of zero": lambda n: np.zeros(n),
    "weights too short": lambda n: np.ones(n - 1),
    "NaN in weights": lambda n: np.full(n, np.nan),
    "weights of two dimensions": lambda n: np.ones((n, 2)),
}
BAD_PARAMS = {
    "activation": "rleu",
    "alpha": -1,
    "batch_size": 0,
    "learning_rate_init": "fast",
    "solver": "newton",
    "hidden_layer_sizes": (5, 0),
    "max_iter": 0,
    "loss": "hinge",
    "dtype": "float16",
}


def fitted_before(Estimator, method):
    """A fitted model, a way to call `method` on it, and what it must go on predicting."""
    X, y = blobs()
    estimator = Estimator((5,), max_iter=3, warm_start=method == "warm fit", random_state=0)
    estimator.fit(X, y)
    call = estimator.partial_fit if method == "partial_fit" else estimator.fit
    return estimator, call, X, y, (output(estimator, X), vars(estimator).copy())


def assert_unharmed(estimator, X, before):
    assert_array_equal(output(estimator, X), before[0])
    assert vars(estimator) == before[1]


METHODS = ("fit", "warm fit", "partial_fit")
EVERY_METHOD = pytest.mark.parametrize("method", METHODS)


@BOTH
@pytest.mark.parametrize(
    ("method", "fault"),
    [
        (method, fault)
        for method in METHODS
        for fault in BAD_X_AND_Y
        if not (method == "fit" and "columns" in fault and fault != "no columns")
    ],  # a fit that begins again may have other columns
)
def test_bad_data_does_not_harm_a_fitted_model(Estimator, method, fault):
    estimator, call, X, y, before = fitted_before(Estimator, method)
    with pytest.raises((ValueError, TypeError)):
        call(*BAD_X_AND_Y[fault](X, y))
    assert_unharmed(estimator, X, before)


@BOTH
@EVERY_METHOD
@pytest.mark.parametrize("fault", BAD_WEIGHTS)
def test_bad_weights_do_not_harm_a_fitted_model(Estimator, method, fault):
    estimator, call, X, y, before = fitted_before(Estimator, method)
    with pytest.raises(ValueError, match=r"(?i)sample.weight|inconsistent"):
        call(X, y, sample_weight=BAD_WEIGHTS[fault](len(X)))
    assert_unharmed(estimator, X, before)


@BOTH
@EVERY_METHOD
@pytest.mark.parametrize("name", BAD_PARAMS)
def test_a_bad_parameter_does_not_harm_a_fitted_model(Estimator, method, name):
    estimator, call, X, y, before = fitted_before(Estimator, method)
    good = estimator.get_params()[name]
    estimator.set_params(**{name: BAD_PARAMS[name]})
    assert_array_equal(output(estimator, X), before[0])
    with pytest.raises(ValueError, match=name):
        call(X, y)
    estimator.set_params(**{name: good})
    assert_unharmed(estimator, X, before)


@EVERY_METHOD
@pytest.mark.parametrize("loss", ["poisson", "tweedie", "gamma"])
def test_a_target_outside_the_domain_does_not_harm_a_fitted_model(method, loss):
    X, y = blobs()
    y = y + 1.0
    estimator = BackpropRegressor((5,), loss=loss, max_iter=3, random_state=0)
    estimator.set_params(warm_start=method == "warm fit").fit(X, y)
    before = estimator.predict(X), vars(estimator).copy()
    call = estimator.partial_fit if method == "partial_fit" else estimator.fit
    with pytest.raises(ValueError, match=r"y >=? 0"):
        call(X, replaced(y, -1.0))
    assert_unharmed(estimator, X, before)


@BOTH
@EVERY_METHOD
def test_bad_validation_rows_do_not_harm_a_fitted_model(Estimator, method):
    estimator, call, X, y, before = fitted_before(Estimator, method)
    for bad in ({"X_val": X}, {"y_val": y}, {"X_val": X[:, :3], "y_val": y}):
        estimator.set_params(early_stopping=True)
        with pytest.raises(ValueError, match=r"X_val|features"):
            call(X, y, **bad)
        estimator.set_params(early_stopping="auto")
        assert_unharmed(estimator, X, before)


class Failing:
    """A scorer that fails when it is called for the third time, in the midst of training."""

    calls = 0

    def __call__(self, estimator, X, y):
        self.calls += 1
        if self.calls == 3:
            raise ZeroDivisionError("the scorer of the user")
        return 0.0


@BOTH
@EVERY_METHOD
def test_an_error_in_the_midst_of_training_does_not_harm_a_fitted_model(Estimator, method):
    estimator, call, X, y, _ = fitted_before(Estimator, method)
    estimator.set_params(early_stopping=True, scoring=Failing(), learning_rate_init=0.1)
    validation = dict(zip(("X_val", "y_val"), blobs(30, seed=1), strict=True))
    while estimator.scoring.calls < 3:
        before, past = output(estimator, X), list(estimator.loss_curve_)
        try:
            call(X, y, **validation)
        except ZeroDivisionError:
            assert_array_equal(output(estimator, X), before)
            assert estimator.loss_curve_ == past
    assert len(past) >= 3


@SOLVERS
@pytest.mark.parametrize("warm_start", [False, True])
def test_divergence_does_not_harm_a_fitted_model(solver, warm_start):
    X, y = blobs()
    estimator = BackpropRegressor((5,), solver=solver, max_iter=3, random_state=0)
    before = estimator.set_params(warm_start=warm_start).fit(X, y).predict(X)
    if warm_start:  # a warm fit has an epoch to fall back to
        with pytest.warns(UserWarning, match="diverged"):
            estimator.fit(X * 1e200, y)
    else:
        with pytest.raises(ValueError, match="Solver produced non-finite parameter weights"):
            estimator.fit(X * 1e200, y)
    assert_array_equal(estimator.predict(X), before)


# Nothing around them is harmed ------------------------------------------------------------


@BOTH
@SOLVERS
@pytest.mark.parametrize("container", [np.ascontiguousarray, np.asfortranarray, sparse.csr_array,
                                       sparse.csc_array])  # fmt: skip
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_X_y_weights_and_the_global_generator_are_left_alone(Estimator, solver, container, dtype):
    X, y = blobs()
    X, weight = container(X.astype(dtype)), np.arange(60.0)
    kept = X.copy(), y.copy(), weight.copy()
    state = np.random.get_state()[1].copy()
    estimator = Estimator((5,), solver=solver, max_iter=3, random_state=0)
    output(estimator.fit(X, y, sample_weight=weight), X)
    if solver != "lbfgs":
        estimator.partial_fit(X, y, sample_weight=weight)
    assert_array_equal(np.random.get_state()[1], state)
    for array, original in zip((X, y, weight), kept, strict=True):
        assert array.dtype == original.dtype
        if sparse.issparse(array):
            array, original = array.toarray(), original.toarray()
        assert_array_equal(array, original)


@BOTH
@SOLVERS
@pytest.mark.parametrize("early_stopping", [False, True])
def test_read_only_and_memory_mapped_arrays_are_accepted(
    Estimator, solver, early_stopping, tmp_path
):
    X, y = blobs()
    weight = np.ones(60)
    estimator = Estimator(
        (5,), solver=solver, max_iter=3, early_stopping=early_stopping, random_state=0
    )
    expected = output(clone(estimator).fit(X, y, sample_weight=weight), X)
    joblib.dump((X, y, weight), tmp_path / "data")
    mapped = joblib.load(tmp_path / "data", mmap_mode="r")
    for array in (X, y, weight):
        array.setflags(write=False)
    for arrays in ((X, y, weight), mapped):
        assert not any(array.flags.writeable for array in arrays)
        estimator.fit(*arrays)
        assert_array_equal(output(estimator, arrays[0]), expected)


@BOTH
def test_a_memory_mapped_model_predicts(Estimator, tmp_path):
    X, y = blobs()
    estimator = Estimator((5,), max_iter=3, random_state=0).fit(X, y)
    joblib.dump(estimator, tmp_path / "model")
    mapped = joblib.load(tmp_path / "model", mmap_mode="r")
    assert_array_equal(output(mapped, X), output(estimator, X))


@BOTH
@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array])
def test_predictions_of_eight_threads_are_bitwise_equal(Estimator, container):
    X, y = blobs(500)
    X = container(X)
    estimator = Estimator((50, 20), max_iter=3, random_state=0).fit(X, y)
    expected = output(estimator, X)
    before = vars(estimator).copy()
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda _: output(estimator, X), range(32)))
    for result in results:
        assert_array_equal(result, expected)
    assert vars(estimator) == before


# Shapes at the edge -------------------------------------------------------------------------


@SOLVERS
def test_one_row(solver):
    X = np.array([[1.0, 2.0]])
    settings = {"solver": solver, "max_iter": 100, "tol": 0, "random_state": 0}
    if solver != "lbfgs":
        settings |= {"learning_rate_init": 0.1, "n_iter_no_change": 100}
    regressor = BackpropRegressor((5,), alpha=0, **settings).fit(X, [3.0])
    assert_allclose(regressor.predict(X), [3.0], atol=0.05)
    classifier = BackpropClassifier((5,), **settings).fit(X, ["only"])
    assert_array_equal(classifier.predict(X), ["only"])


@BOTH
@SOLVERS
def test_constant_columns_and_a_single_column(Estimator, solver):
    X, y = blobs()
    for columns in (np.zeros((60, 3)), np.full((60, 2), 7.0), X[:, :1]):
        estimator = Estimator((5,), solver=solver, max_iter=3, random_state=0).fit(columns, y)
        assert np.isfinite(output(estimator, columns)).all()
        assert len(estimator.predict(columns)) == 60


@SOLVERS
def test_a_constant_target(solver):
    X, _ = blobs()
    y = np.full(60, 2.0)
    estimator = BackpropRegressor((5,), solver=solver, max_iter=500, tol=1e-7, random_state=0)
    if solver != "lbfgs":
        estimator.set_params(learning_rate_init=0.01, n_iter_no_change=100)
    assert_allclose(estimator.fit(X, y).predict(X), y, atol=0.2)


@BOTH
def test_integers_and_lists_are_accepted(Estimator):
    X, y = blobs()
    X = np.round(3 * X).astype(int)
    estimator = Estimator((5,), max_iter=3, random_state=0)
    expected = output(clone(estimator).fit(X.astype(float), y), X.astype(float))
    for given in (X, X.astype(np.int8), X.tolist()):
        assert_array_equal(output(estimator.fit(given, y.tolist()), given), expected)


# DataFrames ---------------------------------------------------------------------------------


@BOTH
@EVERY_METHOD
def test_the_names_and_the_order_of_columns_are_checked(Estimator, method):
    pd = pytest.importorskip("pandas")
    X, y = blobs()
    frame = pd.DataFrame(X, columns=list("abcd"))
    estimator = Estimator((5,), max_iter=3, warm_start=method == "warm fit", random_state=0)
    before = output(estimator.fit(frame, y), frame)
    assert_array_equal(estimator.feature_names_in_, list("abcd"))
    assert_array_equal(before, output(clone(estimator).fit(X, y), X))
    with pytest.warns(UserWarning, match="feature names"):
        assert_array_equal(output(estimator, X), before)
    call = estimator.partial_fit if method == "partial_fit" else estimator.fit
    for wrong in (frame[list("bacd")], frame.rename(columns={"a": "z"})):
        with pytest.raises(ValueError, match="feature names should match"):
            estimator.predict(wrong)
        if method != "fit":
            with pytest.raises(ValueError, match="feature names should match"):
                call(wrong, y)
            assert_array_equal(estimator.feature_names_in_, list("abcd"))
            assert_array_equal(output(estimator, frame), before)
    with pytest.raises(ValueError, match="feature names should match"):
        estimator.predict(frame[list("abc")])
    no_names = pytest.warns(UserWarning, match="feature names")
    with no_names, pytest.raises(ValueError, match="3 features"):
        estimator.predict(X[:, :3])


# Memory -------------------------------------------------------------------------------------


def wide_csr(n, n_features, per_row):
    """Random CSR with `per_row` non-zeros in each row, one in each block of columns."""
    rng = np.random.RandomState(0)
    block = n_features // per_row
    columns = rng.randint(block, size=(n, per_row), dtype=np.int32)
    columns += block * np.arange(per_row, dtype=np.int32)
    indptr = np.arange(n + 1, dtype=np.int32) * per_row
    data = rng.normal(size=n * per_row)
    return sparse.csr_matrix((data, columns.ravel(), indptr), shape=(n, n_features))


@pytest.mark.parametrize("early_stopping", [False, True])
def test_wide_sparse_input_needs_memory_for_its_entries_and_the_weights(early_stopping):
    X = wide_csr(20_000, 60_000, 120)
    assert X.nnz == 0.002 * X.shape[0] * X.shape[1]
    y = np.asarray(X[:, :3000].sum(axis=1)).ravel() > 0
    estimator = BackpropClassifier((4,), max_iter=1, early_stopping=early_stopping, random_state=0)
    tracemalloc.start()
    try:
        estimator.fit(X, y).predict(X)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    entries = X.data.nbytes + X.indices.nbytes + X.indptr.nbytes
    parameters = sum(array.nbytes for array in weights(estimator))
    # A dense batch of 200 rows alone would take 96 MB, all rows 9.6 GB.
    assert peak < 2 * entries + 10 * parameters < 80e6


@pytest.mark.filterwarnings("ignore")
def test_running_statistics_that_overflow_are_not_handed_out():
    """The losses use the moments of the batch, and the predictions those of the epoch."""
    rows = np.random.default_rng(0).normal(size=(90, 1)) * 1e200
    regressor = BackpropRegressor(normalization="batch", max_iter=2, random_state=0)
    assert np.isfinite(regressor.fit(rows, np.arange(90.0)).predict(rows)).all()
    assert regressor.stop_reason_ == "diverged"
