"""A row of weight 0 is no row, to the bit, in the presets for tables."""

import numpy as np
import pytest
from scipy import sparse

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop.tables.weights import check_weight, scale_weights

pd = pytest.importorskip("pandas")
FAST = {"preset": "fast", "random_state": 0, "max_iter": 5}
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def rows(n=120):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 3))
    w = np.ones(n)
    w[::7] = 0
    y = X[:, 0] + 0.1 * rng.normal(size=n)
    X[::7], y[::7] = 1e6, -1e6  # what must not be seen
    return X, y, w


CONTAINERS = {
    "array": (np.asarray, np.asarray),
    "list": (lambda X: X.tolist(), lambda y: y.tolist()),
    "pandas": (
        lambda X: pd.DataFrame(X, columns=list("abc"), index=range(5, 5 + len(X))),
        pd.Series,
    ),
    "csr": (sparse.csr_matrix, np.asarray),
    "coo": (sparse.coo_array, np.asarray),
}


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("Estimator", [BackpropClassifier, BackpropRegressor])
def test_weight_zero_is_absence(Estimator, container):
    X, y, w = rows()
    if Estimator is BackpropClassifier:
        y = np.where(w == 0, "absent", np.where(y > 0, "high", "low"))
    of_X, of_y = CONTAINERS[container]
    kept = w > 0
    a = Estimator(**FAST).fit(of_X(X), of_y(y), sample_weight=w)
    b = Estimator(**FAST).fit(of_X(X[kept]), of_y(y[kept]))
    np.testing.assert_array_equal(a.predict(of_X(X)), b.predict(of_X(X)))
    np.testing.assert_array_equal(a.network_.theta, b.network_.theta)
    if Estimator is BackpropClassifier:
        assert a.classes_.tolist() == ["high", "low"]
    else:
        np.testing.assert_array_equal(a.predict_interval(of_X(X)), b.predict_interval(of_X(X)))


@pytest.mark.parametrize("library", ["polars", "pyarrow"])
def test_weight_zero_is_absence_in_tables_of_other_libraries(library):
    module = pytest.importorskip(library)
    make = module.DataFrame if library == "polars" else module.table
    X, y, w = rows()
    y, kept = (y > 0).astype(int), w > 0
    data, own = ({name: a[:, i] for i, name in enumerate("abc")} for a in (X, X[kept]))
    a = BackpropClassifier(**FAST).fit(make(data), y, sample_weight=w)
    b = BackpropClassifier(**FAST).fit(make(own), y[kept])
    np.testing.assert_array_equal(a.predict_proba(make(data)), b.predict_proba(make(data)))


def test_weight_zero_is_absence_among_validation_rows():
    X, y, w = rows()
    kept = w > 0
    train = X[kept][:60], y[kept][:60]
    a = BackpropRegressor(**FAST).fit(*train, X_val=X, y_val=y, sample_weight_val=w)
    b = BackpropRegressor(**FAST).fit(*train, X_val=X[kept], y_val=y[kept])
    assert a.history_["validation_loss"] == b.history_["validation_loss"]
    np.testing.assert_array_equal(a.network_.theta, b.network_.theta)


def test_index_pairs_count_the_rows_as_they_were_given():
    X, y, w = rows()
    kept = np.flatnonzero(w)
    pairs = [(np.arange(20, 120), np.arange(20))]
    own = [(np.flatnonzero(kept >= 20), np.flatnonzero(kept < 20))]
    a = BackpropRegressor(**FAST, validation_fraction=pairs).fit(X, y, sample_weight=w)
    b = BackpropRegressor(**FAST, validation_fraction=own).fit(X[kept], y[kept])
    np.testing.assert_array_equal(a.network_.theta, b.network_.theta)


@pytest.mark.parametrize("preset", ["fast", "plain"])
@pytest.mark.parametrize("border", [[0.5], [-0.5, 0.5]])
def test_a_class_of_weight_zero_stays_a_class(border, preset):
    X, y, _ = rows()
    y = np.digitize(y, border)
    params = FAST | {"preset": preset, "max_iter": 30, "class_weight": {0: 0.0}}
    a = BackpropClassifier(**params, warm_start=True).fit(X, y)
    assert a.classes_.tolist() == [*range(len(border) + 1)]
    if preset == "fast":
        assert a.predict_proba(X)[:, 0].max() < 0.05
        assert (a.predict(X[y > 0]) == y[y > 0]).mean() > 0.8
    a.fit(X, y)
    a.partial_fit(X[y > 0], y[y > 0])
    assert a.classes_.tolist() == [*range(len(border) + 1)]


def test_rows_of_a_class_of_weight_zero_are_absent_otherwise():
    X, y, w = rows()
    y = np.digitize(y, [-0.5, 0.5])
    wrong = np.where((y == 0)[:, None], 1e6, X)
    params = FAST | {"class_weight": {0: 0.0}}
    a, b = (BackpropClassifier(**params).fit(rows, y) for rows in (X, wrong))
    np.testing.assert_array_equal(a.predict_proba(X), b.predict_proba(X))
    by_sample = BackpropClassifier(**params).fit(X, y, sample_weight=(y != 1) * w)
    assert by_sample.classes_.tolist() == [0, 2]


@pytest.mark.parametrize("preset", ["fast", "plain"])
@pytest.mark.parametrize("unit", [2.0**130, 2.0**-170])
def test_very_large_and_very_small_weights_are_weights(unit, preset):
    X, y, w = rows()
    X, y = X[w > 0], y[w > 0]
    w = np.random.default_rng(1).uniform(0.5, 2, len(X))
    params = FAST | {"preset": preset, "dtype": "float32", "alpha": 0.0}
    a, b = (BackpropRegressor(**params).fit(X, y, sample_weight=c * w) for c in (1, unit))
    np.testing.assert_array_equal(a.network_.theta, b.network_.theta)


def test_a_penalty_is_scaled_with_the_weights():
    w, factor = scale_weights(np.array([1e39, 3e39]))
    assert w.max() <= 1
    assert (w / factor).tolist() == [1e39, 3e39]
    assert scale_weights(np.array([1.0, 3.0]))[1] == 1.0


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        ([1, None, 1], "sample_weight contains NaN, in 1 of 3 rows, the first is row 1"),
        ([1, np.inf, 1], "sample_weight contains infinity"),
        ([1, -1, 1], "Negative values"),
        ([0, 0, 0], "only zeros"),
        ([1, 1], "needs a weight for each of the 3 rows, got 2"),
        (np.ones((3, 1)), "1D array"),
        (["a", "b", "c"], "needs numbers, got values of dtype"),
        ([1, 1j, 1], "real numbers"),
        (np.ma.array([1, 2, 3], mask=[0, 1, 0]), "masked"),
        (pd.Series([1, None, 1], dtype="Int64"), "contains NaN"),
        (np.arange(3).astype("M8[D]"), "needs numbers, got datetime64"),
    ],
)
def test_what_is_no_weight_is_refused(weight, message):
    with pytest.raises(ValueError, match=message):
        check_weight(weight, 3)


def test_weights_in_arrays_of_pyarrow():
    arrow = pytest.importorskip("pyarrow")
    assert check_weight(arrow.array([True, False]), 2).tolist() == [1, 0]
    with pytest.raises(ValueError, match="contains NaN, in 1 of 2 rows"):
        check_weight(arrow.array([1, None]), 2)
