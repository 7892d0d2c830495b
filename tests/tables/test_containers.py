"""Containers: exact integers, masks, types without numbers, and tables that are not in memory."""

import pickle

import numpy as np
import pytest

from skbackprop import BackpropRegressor
from skbackprop.io.model import dumps, loads
from skbackprop.tables import ColumnEncoder

pd = pytest.importorskip("pandas")
IDS = [10**18, 10**18 + 1, 10**18 + 2] * 5


def levels(X):
    return len(np.unique(ColumnEncoder([0]).fit(X).transform(X), axis=0))


def polars(cells):
    return pytest.importorskip("polars").DataFrame({"a": cells})


def pyarrow(cells):
    return pytest.importorskip("pyarrow").table({"a": cells})


def pandas_arrow(cells):
    pytest.importorskip("pyarrow")
    return pd.DataFrame({"a": pd.array(cells, "int64[pyarrow]")})


EXACT = {
    "Int64": lambda cells: pd.DataFrame({"a": pd.array(cells, "Int64")}),
    "UInt64": lambda cells: pd.DataFrame({"a": pd.array(cells, "UInt64")}),
    "category": lambda cells: pd.DataFrame({"a": pd.array(cells, "Int64")}).astype("category"),
    "object": lambda cells: pd.DataFrame({"a": np.array(cells, dtype=object)}),
    "lists": lambda cells: [[cell] for cell in cells],
    "pandas and pyarrow": pandas_arrow,
    "polars": polars,
    "pyarrow": pyarrow,
}


@pytest.mark.parametrize("container", EXACT.values(), ids=EXACT)
def test_long_integers_are_exact_levels(container):
    assert levels(container(IDS)) == 3
    assert levels(container([None, *IDS])) == 4


def test_long_integers_beside_floats():
    assert len(np.unique(ColumnEncoder([0]).fit(pd.DataFrame({"a": IDS, "b": 0.5})).transform(
        pd.DataFrame({"a": IDS, "b": 0.5})), axis=0)) == 3  # fmt: skip
    assert levels(np.array(IDS, dtype=np.uint64)[:, np.newaxis]) == 3


@pytest.mark.parametrize("dtype", [float, np.float32, int, object])
def test_a_mask_means_missing(dtype):
    rng = np.random.default_rng(0)
    X, hidden = rng.integers(0, 99, (50, 2)), rng.random((50, 2)) < 0.3
    masked = np.ma.array(np.where(hidden, -9999, X).astype(dtype), mask=hidden)
    nan = np.where(hidden, np.nan, X)
    expected = ColumnEncoder().fit(nan).transform(nan)
    np.testing.assert_array_equal(ColumnEncoder().fit(masked).transform(masked), expected)


def test_a_mask_is_refused_where_nothing_may_be_missing():
    X = np.ma.array(np.eye(20), mask=np.eye(20) == 1)
    with pytest.raises(ValueError, match="contains NaN"):
        BackpropRegressor(preset="plain").fit(X, np.arange(20))


def test_complex_columns_are_refused_by_name():
    with pytest.raises(ValueError, match="Complex data not supported, .* in column 'b'"):
        ColumnEncoder().fit(pd.DataFrame({"a": [1.0, 2.0], "b": [1j, 2.0]}))


@pytest.mark.parametrize("kind", ["List", "Array", "Struct"])
def test_nested_columns_of_polars_are_refused_by_name(kind):
    pl = pytest.importorskip("polars")
    column = {
        "List": pl.Series([[1, 2], [3]]),
        "Array": pl.Series([[1, 2], [3, 4]], dtype=pl.Array(pl.Int64, 2)),
        "Struct": pl.Series([{"x": 1}, {"x": 2}]),
    }[kind]
    with pytest.raises(TypeError, match=f"In column 'a' .* got .{kind}"):
        ColumnEncoder().fit(pl.DataFrame({"a": column}))


@pytest.mark.parametrize("kind", ["Int128", "Decimal"])
def test_numbers_of_polars_without_a_type_of_numpy(kind):
    pl = pytest.importorskip("polars")
    dtype = pl.Int128 if kind == "Int128" else pl.Decimal(10, 2)
    X = pl.DataFrame({"a": pl.Series([1, None, 3], dtype=dtype)})
    expected = ColumnEncoder().fit([[1.0], [np.nan], [3.0]]).transform([[1.0], [np.nan], [3.0]])
    np.testing.assert_array_equal(ColumnEncoder().fit(X).transform(X), expected)


def test_a_lazy_frame_is_refused():
    pl = pytest.importorskip("polars")
    with pytest.raises(TypeError, match=r"got polars\.LazyFrame\. Call X\.collect\(\)"):
        BackpropRegressor().fit(pl.LazyFrame({"a": [1.0]}), [1.0])


class Partitioned:
    """The attributes of a dask DataFrame."""

    npartitions, columns, iloc = 2, ["a"], None


@pytest.mark.parametrize("preset", ["auto", "plain"])
def test_a_frame_in_partitions_is_refused(preset):
    with pytest.raises(TypeError, match=r"got .*\.Partitioned\. Call X\.compute\(\)"):
        BackpropRegressor(preset=preset).fit(Partitioned(), [1.0])


class Stream:
    """What offers nothing but the Arrow C stream."""

    def __init__(self, table):
        self.table = table

    def __arrow_c_stream__(self, requested_schema=None):
        return self.table.__arrow_c_stream__(requested_schema)


def test_an_arrow_stream_is_read():
    table = pytest.importorskip("pyarrow").table({"x": np.arange(30.0), "c": list("abc") * 10})
    params = {"max_iter": 2, "random_state": 0}
    model = BackpropRegressor(**params).fit(Stream(table), np.arange(30.0))
    assert list(model.feature_names_in_) == ["x", "c"]
    expected = BackpropRegressor(**params).fit(table.to_pandas(), np.arange(30.0))
    np.testing.assert_array_equal(model.predict(Stream(table)), expected.predict(table.to_pandas()))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("preset", ["auto", "plain"])
def test_a_batch_of_pyarrow_has_names(preset):
    pyarrow = pytest.importorskip("pyarrow")
    X = pd.DataFrame({"x": np.arange(30.0), "z": np.arange(30.0)[::-1] ** 2})
    model = BackpropRegressor(preset=preset, max_iter=1, early_stopping=False)
    model.fit(pyarrow.RecordBatch.from_pandas(X), np.arange(30.0))
    assert list(model.feature_names_in_) == ["x", "z"]
    np.testing.assert_array_equal(
        model.predict(pyarrow.RecordBatch.from_pandas(X)), model.predict(X)
    )
    with pytest.raises(ValueError, match="same order as they were in fit"):
        model.predict(pyarrow.RecordBatch.from_pandas(X.iloc[:, ::-1]))


UNUSUAL = {
    "int": [2020, 2021, 2022],
    "default": [0, 1, 2],
    "dates": pd.to_datetime(["2020-01-01", "2020-01-02", "2020-01-03"]),
    "MultiIndex": pd.MultiIndex.from_tuples([("x", "mean"), ("x", "std"), ("z", "mean")]),
}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("names", UNUSUAL.values(), ids=UNUSUAL)
@pytest.mark.parametrize("preset", ["auto", "plain"])
def test_columns_in_another_order_are_refused_whatever_their_names(preset, names):
    rng = np.random.default_rng(0)
    X, y = pd.DataFrame(rng.normal(size=(40, 3)), columns=names), rng.normal(size=40)
    other = X.iloc[:, [2, 0, 1]]
    model = BackpropRegressor(preset=preset, max_iter=1, early_stopping=False, random_state=0)
    expected = model.fit(X, y).predict(X)
    for fitted in (model, pickle.loads(pickle.dumps(model)), loads(dumps(model))):
        np.testing.assert_array_equal(fitted.predict(X), expected)
        with pytest.raises(ValueError, match="same order as they were in fit, .*, got .*Put"):
            fitted.predict(other)
        with pytest.raises(ValueError, match="same order as they were in fit, .*, got .*Put"):
            fitted.partial_fit(other, y)
        np.testing.assert_array_equal(fitted.predict(X), expected)
    with pytest.raises(ValueError, match="same order as they were in fit, .*, got .*Put"):
        model.set_params(early_stopping=True).fit(X, y, X_val=other, y_val=y)
    np.testing.assert_array_equal(model.predict(X), expected)
    # Names of other columns, such as later days, are ignored.
    np.testing.assert_array_equal(model.predict(X.set_axis([7, 8, 9], axis=1)), expected)
    again = model.fit(X.to_numpy(), y).predict(other)  # the names were forgotten
    np.testing.assert_array_equal(again, model.predict(other.to_numpy()))


@pytest.mark.parametrize("first", [int, float, str, np.int16])
@pytest.mark.parametrize("second", [int, float, str, np.int16])
@pytest.mark.filterwarnings("ignore:X (has|does not have valid) feature names")
def test_numbers_as_names_are_compared_whatever_their_type(first, second):
    X, y = pd.DataFrame(np.random.default_rng(0).normal(size=(40, 3))), np.arange(40.0)
    named = X.set_axis(pd.Index([first(i) for i in (1, 2, 3)], dtype=object), axis=1)
    other = X.iloc[:, [2, 0, 1]].set_axis([second(i) for i in (3, 1, 2)], axis=1)
    model = BackpropRegressor(max_iter=1, random_state=0).fit(named, y)
    with pytest.raises(ValueError, match="same order as they were in fit"):
        model.predict(other)


def test_names_that_repeat_are_refused():
    with pytest.raises(ValueError, match="must differ, got 'a' more than once"):
        ColumnEncoder().fit(pd.DataFrame(np.eye(3), columns=["a", "a", "b"]))


def test_a_message_does_not_repeat_a_long_name():
    X = pd.DataFrame({"x" * 10**6: [np.inf, 1.0]})
    with pytest.raises(ValueError, match="contains infinity") as error:
        ColumnEncoder().fit(X)
    assert len(str(error.value)) < 500
    with pytest.raises(ValueError, match="not a valid feature name") as error:
        ColumnEncoder(["y" * 10**6]).fit(X.fillna(0).clip(0, 1))
    assert len(str(error.value)) < 500
