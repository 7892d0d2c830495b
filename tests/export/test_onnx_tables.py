"""Tables that users have: what their columns become as inputs of a graph."""

import datetime
import json

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from runtime import session_of

from skbackprop import BackpropClassifier
from skbackprop.onnx import to_onnx

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:Columns of X that hold text:UserWarning"),
]

N = 200
RNG = np.random.default_rng(0)
Y = RNG.integers(0, 2, N)
NUMBER = RNG.normal(size=N)
CODES = RNG.integers(0, 4, N)
DAYS = pd.DatetimeIndex(["2020-01-01", "2020-03-05T10:30", "2021-12-31", "2022-02-28"])
DAY = DAYS[CODES]


def fitted(X):
    return BackpropClassifier(max_iter=3, random_state=0, early_stopping=False).fit(X, Y)


def probabilities(model, feeds, sample=None):
    session = session_of(to_onnx(model, sample))
    assert set(feeds) == {i.name for i in session.get_inputs()}
    feeds = {name: np.asarray(values).reshape(N, -1) for name, values in feeds.items()}
    return session.run(None, feeds)[1]


def assert_equal(model, X, feeds, sample=None):
    p = probabilities(model, feeds, sample)
    np.testing.assert_allclose(p, model.predict_proba(X), rtol=0, atol=1e-5)


def seconds(days):
    return np.asarray(days, "M8[us]").astype(np.int64) / 1e6


NUMBERS = {"x": NUMBER.astype(np.float32)}
UTC = {"x": NUMBER.astype(np.float32), "c": seconds(DAY)}
COLUMNS = {
    "python dates": ([day.date() for day in DAY], seconds(DAY.normalize())),
    "time zones": (DAY.tz_localize("UTC").tz_convert("Asia/Tokyo"), seconds(DAY)),
    "months": (DAY.to_period("M"), seconds(DAY.to_period("M").to_timestamp())),
    "times of day": ([datetime.time(int(c), 30) for c in CODES], 3600.0 * CODES + 1800),
    "durations": (pd.to_timedelta(CODES, "min"), 60.0 * CODES),
    "booleans and None": (np.array([True, False, None, True], object)[CODES],
                          np.array([1, 0, np.nan, 1], np.float32)[CODES]),
    "categories of durations": (pd.Categorical(pd.to_timedelta(CODES, "min")),
                                60 * CODES.astype(np.float32)),
    "categories of days": (pd.Categorical(DAY), DAY.strftime("%Y-%m-%d %H:%M:%S").to_numpy(object)),
    "categories of days with T": (pd.Categorical(DAY),
                                  DAY.strftime("%Y-%m-%dT%H:%M:%S").to_numpy(object)),
    "bytes": (np.array([b"u", b"v", b"w", b"z"], object)[CODES],
              np.array(["u", "v", "w", "z"], object)[CODES]),
    "None in text": (np.array(["u", "v", None, "z"], object)[CODES],
                     np.array(["u", "v", "", "z"], object)[CODES]),
}  # fmt: skip


@pytest.mark.parametrize("kind", COLUMNS)
def test_columns_of_every_kind(kind):
    values, feed = COLUMNS[kind]
    X = pd.DataFrame({"x": NUMBER, "c": values})
    model = fitted(X)
    assert model._fitted.encoder.n_encoded > 1
    assert_equal(model, X, NUMBERS | {"c": feed})


def test_a_table_of_polars():
    polars = pytest.importorskip("polars")
    text = np.array(["u", "v", None, "z"], object)[CODES]
    X = polars.DataFrame({"x": NUMBER, "c": text, "n": CODES, "day": DAY.to_numpy()})
    X = X.with_columns(polars.when(polars.col("n") > 2).then(None).otherwise("n").alias("n"))
    n = np.where(CODES > 2, np.nan, CODES)
    feeds = {"x": NUMBER, "c": COLUMNS["None in text"][1], "n": n, "day": seconds(DAY)}
    assert_equal(fitted(X), X, feeds, X[:4])


@pytest.mark.parametrize("text", ["free", "constant"])
def test_text_that_is_not_used_has_no_input(text):
    words = ["same"] * N if text == "constant" else [f"note {a:.9f} of it" for a in NUMBER]
    X = pd.DataFrame({"words": words, "x": NUMBER, "y": NUMBER**2})
    model = fitted(X)
    assert_equal(model, X, {"x": NUMBER, "y": NUMBER**2}, X)
    model = fitted(X.to_numpy())
    single = (NUMBER**2).astype(np.float32)
    assert_equal(model, X.to_numpy(), {"x1": NUMBERS["x"], "x2": single})


def test_numbers_beyond_single_precision_are_double():
    X = np.column_stack([NUMBER * 1e300, NUMBER[::-1] * 1e-300])
    assert_equal(fitted(X), X, {"X": X})


def test_unsigned_integers_beyond_64_bits_with_a_sign_are_double():
    X = RNG.integers(0, 2**63, (N, 2)).astype(np.uint64) * 2
    assert_equal(fitted(X), X, {"X": X.astype(np.float64)}, X)


@pytest.mark.parametrize("n_rows", [0, 1])
def test_few_rows(n_rows):
    X = pd.DataFrame({"x": NUMBER, "c": COLUMNS["None in text"][0]})
    model = fitted(X)
    feeds = {"x": NUMBERS["x"][:n_rows, None], "c": COLUMNS["None in text"][1][:n_rows, None]}
    label, p = session_of(to_onnx(model)).run(None, feeds)
    assert label.shape == (n_rows,)
    np.testing.assert_allclose(p, model.predict_proba(X)[:n_rows], atol=1e-5)


def test_the_metadata_names_the_columns_in_order():
    X = pd.DataFrame({"b": NUMBER, "ä": NUMBER**2})
    meta = session_of(to_onnx(fitted(X))).get_modelmeta().custom_metadata_map
    assert json.loads(meta["feature_names"]) == ["b", "ä"]
    assert session_of(to_onnx(fitted(X.to_numpy()))).get_modelmeta().custom_metadata_map == {}


def test_columns_of_days_in_another_order_are_fed_by_name():
    X = pd.DataFrame({"c": DAY, "x": NUMBER})
    assert_equal(fitted(X), X, UTC)
