"""Laws of the encoder: what a table says decides, not its container, units, rows or order."""

import pickle
import subprocess
import sys
import warnings
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import sparse

from skbackprop.tables import category_mask, read_table
from skbackprop.tables.encoder import ColumnEncoder, is_small_when_dense
from skbackprop.tables.scaling import center_and_scale, quantiles, robust_scale, sparse_medians

pd = pytest.importorskip("pandas")
TOL = 1e-6
COLORS, N = ["blue", "green", "red"], 240


def bent(x):
    """The formula, written down a second time."""
    return x / np.sqrt(1 + (x / 3) ** 2)


def encode(X, *, test=None, **params):
    encoder = ColumnEncoder(**params).fit(X)
    return encoder.transform(X if test is None else test, np.float64)


def column(*cells):
    """An array of one column of any cells."""
    X = np.empty((len(cells), 1), dtype=object)
    X[:, 0] = cells
    return X


def mixed(seed=0):
    """Columns of every kind, as a DataFrame."""
    rng = np.random.default_rng(seed)
    holes = rng.normal(size=N)
    holes[::5] = np.nan
    color = rng.choice(COLORS, N).astype(object)
    color[::17] = None
    seconds = rng.integers(0, 10**7, N)
    return pd.DataFrame(
        {
            "number": 3 * rng.normal(size=N) + 1e3,
            "count": rng.integers(0, 50, N),
            "holes": holes,
            "flag": rng.random(N) < 0.3,
            "color": color,
            "town": np.array([f"town {int(k)}" for k in rng.exponential(8, N)], dtype=object),
            "day": np.datetime64("2020-01-01", "us") + seconds.astype("m8[s]"),
            "wait": seconds.astype("m8[s]").astype("m8[us]"),
        }
    )


# ---- numbers ----------------------------------------------------------------------------


def test_hand_worked_numbers():
    x = np.array([[0.0], [1.0], [2.0], [3.0], [5.0]])  # quartiles 1, 2, 3
    test = np.array([[2.0], [3.0], [4.0], [6.0]])
    expected = pytest.approx([0, 0.493197, 0.948683, 1.664101], abs=TOL)
    assert encode(x, test=test)[:, 0] == expected
    assert encode(-x, test=-test)[:, 0] == expected


@pytest.mark.parametrize("values", [[0, 1, 5], [-5, -1, 0], [-1, 0, 1], [3, 3, 4]])
@pytest.mark.parametrize("n_rows", [3, 30, 3000])
def test_a_column_is_encoded_as_its_mirror_image(values, n_rows):
    """Where its numbers are as far above as below, the rows decide."""
    x = np.random.default_rng(0).choice(np.array(values, float), size=(n_rows, 1))
    np.testing.assert_array_equal(encode(x, test=x), encode(-x, test=-x))
    np.testing.assert_allclose(encode(x, test=x), encode(7 - 3 * x, test=7 - 3 * x), atol=TOL)


def test_hand_worked_counts_that_are_mostly_zero():
    x = np.array([[0.0]] * 8 + [[2.0], [5.0]])  # quartiles 0, 0, 0; of 2 and 5: 3.5
    assert encode(x, test=[[0], [3.5], [7]])[:, 0] == pytest.approx(
        [0, 0.948683, 1.664101], abs=TOL
    )


@given(
    st.lists(st.integers(-5, 5), min_size=1, max_size=30),
    st.lists(st.integers(1, 4), min_size=30, max_size=30),
)
def test_a_weight_is_a_repetition_in_quantiles(x, weight):
    x, weight = np.array(x, float), np.array(weight[: len(x)])
    p = (0.25, 0.5, 0.75)
    repeated = np.repeat(x, weight)
    expected = np.quantile(repeated, p, method="averaged_inverted_cdf")
    np.testing.assert_array_equal(quantiles(repeated, p, None), expected)
    np.testing.assert_array_equal(quantiles(x, p, weight), expected)
    np.testing.assert_array_equal(quantiles(x, p, 0.1 * weight), expected)
    assert quantiles(repeated, (0.5,), None) == np.median(repeated)


COLUMNS = arrays(np.float64, st.integers(2, 40), elements=st.integers(-9, 9))


@settings(deadline=None)
@given(COLUMNS, st.sampled_from([1e-9, 0.3, 7.0, 1e9]), st.sampled_from([0.0, 1.0, 1e9, -1e12]))
def test_units_do_not_matter(x, a, b):
    b *= min(a, 1)  # or nothing is left of x
    expected = robust_scale(x, *center_and_scale(x))
    for factor in (a, -a):
        y = factor * x + b
        tolerance = TOL + 20 * np.spacing(abs(b)) / a
        np.testing.assert_allclose(
            robust_scale(y, *center_and_scale(y)), np.sign(factor) * expected, atol=tolerance
        )


@given(arrays(np.float64, (9, 3), elements=st.floats(allow_nan=True, allow_infinity=False)))
def test_any_number_is_encoded_below_three(X):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        E = encode(X)
    assert np.isfinite(E).all()
    assert (np.abs(E) <= 3).all()


def test_the_largest_numbers_keep_their_order():
    x = np.array([[-1.6e308], [-1e308], [0], [1e308], [1.7e308]])
    z = encode(x)[:, 0]
    assert z == pytest.approx(bent(np.array([-0.8, -0.5, 0, 0.5, 0.85])), abs=TOL)


def test_rounding_errors_are_no_spread():
    noise = np.array([[0.1 + 0.2], [0.3]] * 10)
    assert ColumnEncoder().fit(noise).describe() == [(0, "constant", 0)]
    with_signal = np.vstack([noise, [[0.5]]])
    assert encode(with_signal)[:3, 0] == pytest.approx([0, 0, 0], abs=TOL)
    assert encode(with_signal)[-1, 0] == pytest.approx(0.948683, abs=TOL)


def test_missing_numbers():
    X = np.array([[1, np.nan, 5], [2, 3, np.nan], [3, 9, 5], [4, 7, 5], [2.5, 7, 5]])
    encoder = ColumnEncoder().fit(X)
    assert encoder.describe() == [(0, "numeric", 1), (1, "numeric", 2), (2, "numeric", 1)]
    assert (encoder.n_numeric, encoder.n_other, encoder.cardinalities) == (2, 2, ())
    E = encoder.transform([[np.nan, np.nan, np.nan], [2.5, 7, 5]], np.float64)
    one = pytest.approx(0.948683, abs=TOL)
    assert E[0].tolist() == [0, 0, one, one]  # column 0 was never missing, column 2 is constant
    assert E[1].tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize("cell", [3.0, np.nan, None, "a"])
def test_nothing_left_is_a_column_of_zeros(cell):
    encoder = ColumnEncoder().fit(column(cell, cell, cell))
    assert (encoder.n_numeric, encoder.n_other, encoder.cardinalities) == (0, 1, ())
    assert encoder.n_encoded == 1
    np.testing.assert_array_equal(encoder.transform(column(cell, cell)), [[0], [0]])


def test_one_row_and_duplicate_columns():
    assert encode([[1.0, 2.0]]).shape == (1, 1)
    x = np.random.default_rng(0).normal(size=(20, 1))
    E = encode(np.hstack([x, x]))
    np.testing.assert_array_equal(E[:, 0], E[:, 1])


def test_infinities_are_refused_by_name():
    X = np.zeros((4, 3))
    X[1, 2], X[2, 0] = np.inf, -np.inf
    message = r"contains infinity or a value too large for dtype\('float64'\), in columns"
    with pytest.raises(ValueError, match=rf"{message} 0, 2\. Replace"):
        ColumnEncoder().fit(X)
    frame = pd.DataFrame(X, columns=list("abc"))
    with pytest.raises(ValueError, match=rf"{message} 'a', 'c'"):
        ColumnEncoder().fit(frame)
    with pytest.raises(ValueError, match=rf"{message} 'a', 'c'"):
        ColumnEncoder().fit(frame.assign(d="x"))
    with pytest.raises(ValueError, match=rf"{message} 0, 2"):
        ColumnEncoder().fit(np.eye(3)).transform(X)
    for cell in (10**400, Decimal("Infinity")):
        with pytest.raises(ValueError, match=r"value too large .*, in column 0\."):
            ColumnEncoder().fit(column(1, cell, 3))


# ---- categories -------------------------------------------------------------------------


def test_hand_worked_categories():
    X = [["a", "x"], ["b", "y"], ["a", "y"], ["b", "z"], ["a", "x"], [None, "x"]]
    encoder = ColumnEncoder().fit(X)
    assert encoder.describe() == [(0, "binary", 1), (1, "one-hot", 3)]
    E = encoder.transform([["a", "x"], ["b", "q"], ["?", None]], np.float64)
    # -1 three times, 0 once, 1 twice: quartiles -1, -0.5 and 1
    assert E[:, 0] == pytest.approx(bent(np.array([-0.25, 0.75, 0.25])), abs=TOL)
    # x in half of the rows: quartiles 0, 0.5 and 1; z in a sixth: quartiles 0, 0 and 0
    assert E[:, 1] == pytest.approx(bent(np.array([0.5, -0.5, -0.5])), abs=TOL)
    assert E[:, 3] == pytest.approx([0, 0, 0])


def test_a_large_category_has_codes_and_shares():
    levels = np.repeat([f"level {i}" for i in range(12)], np.arange(1, 13))
    encoder = ColumnEncoder(max_one_hot=4).fit(levels[:, np.newaxis])
    assert (encoder.n_numeric, encoder.n_other, encoder.cardinalities) == (0, 1, (12,))
    cells = column("level 0", "level 1", "level 11", "new", None)
    E = encoder.transform(cells, np.float64)
    assert E[:, 1].tolist() == [0, 1, 3, 0, 0]  # in the order of strings; level 0 is rare
    shares = np.array([0.0, *range(2, 13)]) / 78
    center, scale = center_and_scale(shares, np.arange(1, 13))
    assert E[:, 0] == pytest.approx(robust_scale(shares[[0, 1, 11, 0, 0]], center, scale), abs=TOL)


def test_rare_levels_share_code_zero():
    ids = np.array([f"id {i}" for i in range(30)])
    assert ColumnEncoder().fit(ids[:, np.newaxis]).describe() == [(0, "left out", 0)]
    X = np.array([*ids, *["often"] * 40, "twice", "twice"])[:, np.newaxis]
    assert ColumnEncoder().fit(X).describe() == [(0, "binary", 1)]
    assert ColumnEncoder(min_frequency=1).fit(X).cardinalities == (33,)
    small = ColumnEncoder().fit([["a"], ["b"], ["c"], ["c"]])
    assert small.describe() == [(0, "one-hot", 3)]


def test_ten_thousand_levels():
    rng = np.random.default_rng(0)
    X = rng.integers(0, 10_000, (100_000, 1))
    encoder = ColumnEncoder(categorical_features=[0]).fit(X)
    codes = encoder.transform(X)[:, -1]
    kept, counts = np.unique(X, return_counts=True)
    assert encoder.cardinalities == ((counts >= 2).sum() + 1,)
    np.testing.assert_array_equal(codes[X[:, 0] == 77], np.searchsorted(kept[counts >= 2], 77) + 1)


SPELLINGS = [
    ([1, 2, 3], [1.0, np.int8(2), Decimal(3)]),
    ([1, 2, 3], ["1", "2.0", "3"]),
    (["1", "2", "3"], [1, 2.0, np.float32(3)]),
    ([True, False, None], [1, 0, np.nan]),
    (["a", "b", "c"], [np.str_("a"), b"b", "c"]),
    ([2**60, 2**60 + 1, 2**60 + 2], [np.int64(2**60), 2**60 + 1, 2**60 + 2]),
]


@pytest.mark.parametrize(("cells", "others"), SPELLINGS)
def test_spellings_of_the_same_levels(cells, others):
    encoder = ColumnEncoder(categorical_features=[0]).fit(column(*cells, cells[0]))
    expected = encoder.transform(column(*cells))
    assert len(np.unique(expected, axis=0)) == 3
    np.testing.assert_array_equal(encoder.transform(column(*others)), expected)


def test_a_number_and_its_text_are_one_level():
    E = encode(column(1, "1", 2, "2.0", 1, "x"))
    np.testing.assert_array_equal(E[[0, 2]], E[[1, 3]])
    assert len(np.unique(E, axis=0)) == 3


WHICH = [
    ("from_dtype", [0, 0, 0, 1, 1, 1, 0, 0]),
    (["count", "color"], [0, 1, 0, 0, 1, 0, 0, 0]),
    ([4, 5], [0, 0, 0, 0, 1, 1, 0, 0]),
    (np.arange(8) == 3, [0, 0, 0, 1, 0, 0, 0, 0]),
    ([], [0] * 8),
    (None, [0] * 8),
]


@pytest.mark.parametrize(("features", "expected"), WHICH)
def test_which_columns_are_categories(features, expected):
    assert category_mask(read_table(mixed()), features).astype(int).tolist() == expected


KINDS = [  # cells, are they levels?
    ([1, 2.5, None], False),
    ([1, Decimal("2.5"), np.float32(1)], False),
    ([True, False, np.nan], True),
    ([True, 2, 3.5], False),
    (["1", "2", "3"], True),
    (["a", 2, None], True),
    ([pd.Timestamp("2020-01-01"), pd.NaT, None], False),
    ([None, np.nan, pd.NA], False),
]


@pytest.mark.parametrize(("cells", "levels"), KINDS)
def test_cells_of_any_type_are_numbers_or_levels(cells, levels):
    assert category_mask(read_table(column(*cells)), "from_dtype").tolist() == [levels]


def test_arrays_of_strings_may_hold_numbers():
    X = np.array([["1", "a"], ["2.5", "b"], ["nan", "b"]])
    assert ColumnEncoder().fit(X).describe() == [(0, "numeric", 2), (1, "binary", 1)]


# ---- any container ----------------------------------------------------------------------


def pandas_nullable(frame):
    return frame.convert_dtypes()


def pandas_category(frame):
    reverse = pd.CategoricalDtype([*sorted(frame.town.unique(), reverse=True), "unused"])
    return frame.astype({"town": reverse, "color": "category", "flag": "category"})


def pandas_arrow(frame):
    pytest.importorskip("pyarrow")
    return frame.convert_dtypes(dtype_backend="pyarrow")


def polars(frame):
    pl = pytest.importorskip("polars")
    frame = frame.astype({"color": object, "town": object})
    columns = {c: frame[c].to_numpy() for c in frame}
    columns["color"] = [None if cell != cell else cell for cell in columns["color"]]
    return pl.DataFrame(columns).with_columns(pl.col("holes").fill_nan(None))


def polars_category(frame):
    pl = pytest.importorskip("polars")
    towns = pl.Enum(sorted(frame.town.unique(), reverse=True))
    return polars(frame).with_columns(
        pl.col("color").cast(pl.Categorical), town=pl.col("town").cast(towns)
    )


def pyarrow(frame):
    return pytest.importorskip("pyarrow").Table.from_pandas(frame)


def pyarrow_category(frame):
    return pytest.importorskip("pyarrow").Table.from_pandas(pandas_category(frame))


def pyarrow_batch(frame):
    return pyarrow(frame).to_batches()[0]


def object_array(frame):
    return frame.to_numpy()


def lists(frame):
    return frame.to_numpy().tolist()


CONTAINERS = [
    pandas_nullable,
    pandas_category,
    pandas_arrow,
    polars,
    polars_category,
    pyarrow,
    pyarrow_category,
    pyarrow_batch,
    object_array,
    lists,
]


@pytest.mark.parametrize("container", CONTAINERS)
def test_the_container_does_not_matter(container):
    frame = mixed()
    encoder = ColumnEncoder().fit(frame)
    assert (encoder.n_numeric, encoder.n_other) == (5, 6)
    expected = encoder.transform(frame)
    same = container(frame)
    np.testing.assert_array_equal(encoder.transform(same), expected)
    other = ColumnEncoder().fit(same)
    np.testing.assert_array_equal(other.transform(same), expected)
    np.testing.assert_array_equal(other.transform(frame), expected)


def test_numbers_and_levels_in_one_array_of_floats():
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.normal(size=90), rng.integers(0, 3, 90), rng.integers(0, 20, 90)])
    X[::9, 1] = X[::10, 2] = np.nan
    frame = pd.DataFrame(X, columns=list("abc")).astype({"b": "Int64", "c": "Int64"})
    frame = frame.astype({"b": "category", "c": "category"})
    expected = encode(frame)
    np.testing.assert_array_equal(encode(X, categorical_features=[1, 2]), expected)
    masked = encode(X.tolist(), categorical_features=[False, True, True])
    np.testing.assert_array_equal(masked, expected)


def test_any_layout_of_numbers():
    X = np.random.default_rng(0).integers(-99, 99, (50, 3)).astype(np.float64)
    expected = encode(X)
    frames = [pd.DataFrame(X), pd.DataFrame(X.astype(int)), pd.DataFrame(X).astype("Float32")]
    dtypes = [X.astype(t) for t in (np.float32, np.float16, np.longdouble, int, object, str)]
    for same in [*frames, *dtypes, np.asfortranarray(X), X.tolist()]:
        np.testing.assert_array_equal(encode(same), expected)
    E = ColumnEncoder().fit(X).transform(X)
    assert E.dtype == np.float32
    assert E.flags.c_contiguous
    np.testing.assert_array_equal(E, expected.astype(np.float32))


def test_rows_do_not_know_of_each_other():
    frame = mixed()
    encoder = ColumnEncoder().fit(frame)
    E = encoder.transform(frame)
    one_by_one = [encoder.transform(frame.iloc[[i]]) for i in range(20)]
    np.testing.assert_array_equal(np.vstack(one_by_one), E[:20])
    X = np.random.default_rng(0).normal(size=(70_000, 2))  # more than one block
    encoder = ColumnEncoder().fit(X)
    np.testing.assert_array_equal(encoder.transform(X)[-5:], encoder.transform(X[-5:]))


def test_orders_do_not_matter():
    frame = mixed()
    encoder = ColumnEncoder().fit(frame)
    E = encoder.transform(frame)
    rows = np.random.default_rng(1).permutation(N)
    shuffled = ColumnEncoder().fit(frame.iloc[rows])
    np.testing.assert_array_equal(shuffled.transform(frame), E)
    reverse = frame[frame.columns[::-1]]
    other = ColumnEncoder().fit(reverse).transform(reverse)
    a, b = encoder.n_numeric, encoder.n_numeric + encoder.n_other
    for group in (slice(a), slice(a, b), slice(b, None)):
        here, there = (sorted(map(tuple, M[:, group].T)) for M in (E, other))
        assert here == there


def test_weights_are_repetitions():
    frame = mixed()
    weight = np.random.default_rng(2).integers(0, 4, N)
    repeated = frame.iloc[np.repeat(np.arange(N), weight)]
    expected = ColumnEncoder().fit(repeated)
    actual = ColumnEncoder().fit(frame, weight)
    assert actual.describe() == expected.describe()
    np.testing.assert_array_equal(actual.transform(frame), expected.transform(frame))
    X = frame[["number", "holes"]].to_numpy()
    expected = ColumnEncoder().fit(X[np.repeat(np.arange(N), weight)])
    np.testing.assert_array_equal(
        ColumnEncoder().fit(X, weight).transform(X), expected.transform(X)
    )


def test_rows_without_weight_are_not_there():
    X = column("a", "a", "b", "c", None)
    encoder = ColumnEncoder().fit(X, np.array([1, 1, 1, 0, 0]))
    assert encoder.describe() == [(0, "binary", 1)]
    X = np.array([[1.0], [2], [3], [np.nan]])
    assert ColumnEncoder().fit(X, np.array([1, 1, 1, 0])).describe() == [(0, "numeric", 1)]


def test_small_weights_are_relative():
    frame = mixed()
    weight = np.random.default_rng(2).uniform(1e-9, 2e-9, N)
    assert ColumnEncoder().fit(frame, weight).cardinalities[0] > 15
    E = [ColumnEncoder().fit(frame, w).transform(frame) for w in (weight, 1e6 * weight)]
    np.testing.assert_allclose(*E, atol=1e-6)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        ColumnEncoder().fit(frame, weight[1:])


# ---- sparse -----------------------------------------------------------------------------


@pytest.mark.parametrize("container", [sparse.csr_matrix, sparse.csc_array, sparse.coo_array])
def test_large_sparse_stays_sparse(container, monkeypatch):
    monkeypatch.setattr("skbackprop.tables.encoder.is_small_when_dense", lambda X: False)
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 5)) * (rng.random((60, 5)) < 0.3) * [1, 1e9, 1e-9, -7, 0]
    encoder = ColumnEncoder().fit(container(X))
    assert (encoder.n_numeric, encoder.n_other, encoder.cardinalities) == (0, 5, ())
    E = encoder.transform(container(X), np.float64)
    assert (E.format, E.nnz) == ("csr", np.count_nonzero(X))
    medians = [np.median(np.abs(x[x != 0])) if x.any() else np.inf for x in X.T]
    np.testing.assert_allclose(E.toarray(), bent(X / medians), atol=1e-12)
    np.testing.assert_array_equal(encoder.transform(X, np.float64).toarray(), E.toarray())
    frame = pd.DataFrame(X).astype(object)
    np.testing.assert_array_equal(encoder.transform(frame, np.float64).toarray(), E.toarray())
    assert encoder.describe()[1] == (1, "sparse", 1)


@given(
    arrays(np.float64, (8, 3), elements=st.integers(-3, 3)),
    arrays(np.int64, 8, elements=st.integers(1, 3)),
)
def test_sparse_medians_count_rows_by_weight(X, weight):
    repeated = sparse.csr_array(np.repeat(X, weight, axis=0))
    expected = sparse_medians(repeated, None)
    np.testing.assert_array_equal(sparse_medians(sparse.csr_array(X), weight), expected)
    np.testing.assert_array_equal(sparse_medians(sparse.csr_array(X), 0.1 * weight), expected)


def test_sparse_entries_stored_twice_are_added():
    X = sparse.csr_matrix(([1.0, 2.0, 5.0], [0, 0, 0], [0, 2, 3]), shape=(2, 1))
    np.testing.assert_array_equal(encode(X), encode(np.array([[3.0], [5.0]])))
    assert X.nnz == 3  # the user's matrix is as it was


def test_sparse_refuses_what_it_cannot_say():
    X = sparse.csr_matrix(np.eye(3))
    X.data[1] = np.nan
    with pytest.raises(ValueError, match="Input X contains NaN, in column 1, which a sparse"):
        ColumnEncoder().fit(X)
    X.data[1] = np.inf
    with pytest.raises(ValueError, match="contains infinity or a value .*, in column 1"):
        ColumnEncoder().fit(X)
    with pytest.raises(ValueError, match="categorical_features needs a dense table"):
        ColumnEncoder(categorical_features=[0]).fit(sparse.csr_matrix(np.eye(400)))


@pytest.mark.parametrize(
    ("shape", "density", "small"),
    [
        ((1000, 300), 0.001, True),
        ((1000, 301), 0.001, False),  # text: many columns, few entries
        ((1000, 5000), 0.1, True),
        ((1000, 5000), 0.05, False),
        ((50_000, 300), 0.0001, False),  # 120 MB
        ((50_000, 300), 0.2, True),
        ((500_000, 300), 0.2, False),  # 1.2 GB
    ],
)
def test_which_sparse_matrices_are_tables(shape, density, small):
    class Matrix:
        nnz = density * shape[0] * shape[1]

    Matrix.shape = shape
    assert is_small_when_dense(Matrix) == small


@pytest.mark.parametrize("container", [sparse.csr_matrix, sparse.csc_array, sparse.coo_array])
def test_small_sparse_is_the_dense_table(container):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 5)) * (rng.random((60, 5)) < 0.3)
    X[:, 1] = rng.integers(3, size=60)
    for columns in ("from_dtype", [1]):
        dense = ColumnEncoder(columns).fit(X)
        encoder = ColumnEncoder(columns).fit(container(X))
        assert encoder.describe() == dense.describe()
        for rows in (X, container(X), pd.DataFrame(X)):
            np.testing.assert_array_equal(encoder.transform(rows), dense.transform(X))


def test_fitted_to_dense_encodes_sparse():
    X = np.random.default_rng(0).normal(size=(20, 3))
    np.testing.assert_array_equal(encode(X, test=sparse.csr_matrix(X)), encode(X))


# ---- errors, and what is left behind ------------------------------------------------------

REFUSED = [
    (np.zeros(3), ValueError, "Expected 2D array, got 1D array instead"),
    (pd.Series([1, 2]), ValueError, "Expected a 2-dimensional container"),
    (np.zeros((0, 3)), ValueError, r"Found array with 0 sample\(s\)"),
    (np.zeros((3, 0)), ValueError, r"0 feature\(s\) \(shape=\(3, 0\)\) while a minimum of 1"),
    (pd.DataFrame({"a": []}), ValueError, r"Found array with 0 sample\(s\)"),
    (pd.DataFrame(index=[1, 2]), ValueError, r"0 feature\(s\)"),
    (np.zeros((3, 2), complex), ValueError, "Complex data not supported"),
    (column(1, 2j), ValueError, "Complex data not supported, got complex in column 0"),
    (column(1, {"a": 1}), TypeError, "argument must be a string or a real number, got 'dict'"),
    (column("a", [1]), TypeError, "column 0 .* got 'list'"),
]


@pytest.mark.parametrize(("X", "error", "message"), REFUSED)
def test_what_is_no_table_is_refused(X, error, message):
    with pytest.raises(error, match=message):
        ColumnEncoder().fit(X)


WRONG_FEATURES = [
    ("color", 'must be "from_dtype", names'),
    (["color", "smell"], "has the item 'smell' which is not a valid feature name"),
    ([0.5], "must be an array-like of bool, int or str"),
    ([0, "color"], "must be an array-like of bool, int or str|not a valid feature name"),
    ([8], r"must be in \[0, n_features - 1\]"),
    ([-1], r"must be in \[0, n_features - 1\]"),
    ([True, False], r"must have shape \(n_features,\), got: \(2,\) for 8 columns"),
]


@pytest.mark.parametrize(("features", "message"), WRONG_FEATURES)
def test_wrong_categorical_features(features, message):
    with pytest.raises(ValueError, match=message):
        ColumnEncoder(features).fit(mixed())


def test_more_errors():
    with pytest.raises(ValueError, match="integers or as a boolean mask when the model is fitted"):
        ColumnEncoder(["a"]).fit(np.eye(3))
    assert ColumnEncoder(["a"]).fit(np.eye(3), names=["b", "a", "c"]).describe()[1][1] == "binary"
    string = r"could not convert string to float: 'blue' in column 'color'.*from_dtype"
    with pytest.raises(ValueError, match=string):
        ColumnEncoder(None).fit(mixed())
    encoder = ColumnEncoder().fit(mixed())
    with pytest.raises(ValueError, match="X has 2 features, but .* expecting 8 features"):
        encoder.transform(np.eye(2))
    broken = mixed().astype({"number": object})
    broken.loc[3, "number"] = "three"
    with pytest.raises(ValueError, match="could not convert string to float: 'three' in column"):
        encoder.transform(broken)
    broken["number"] = [{"nested": 1}] * N
    with pytest.raises(TypeError, match="argument must be a string or a real number, got 'dict'"):
        encoder.transform(broken)


def test_the_input_is_left_alone():
    frame, X = mixed(), np.random.default_rng(0).normal(size=(9, 2))
    X[0] = np.nan
    before, copy = frame.copy(), X.copy()
    encode(frame)
    encode(X)
    pd.testing.assert_frame_equal(frame, before)
    np.testing.assert_array_equal(X, copy)


def test_a_fitted_encoder_needs_no_pandas(tmp_path):
    """Unpickled and used where pandas, polars and pyarrow cannot be imported."""
    frame = mixed()
    frame["level"] = pd.Series(pd.period_range("2020", periods=3, freq="Y")[np.arange(N) % 3])
    encoder = ColumnEncoder().fit(frame)
    plain = {
        "day": pd.Timestamp.to_pydatetime,
        "wait": pd.Timedelta.to_pytimedelta,
        "level": lambda period: period.to_timestamp().to_pydatetime(),
    }
    columns = [frame[c].tolist() for c in frame]
    for i, cells in enumerate(columns):  # what Python itself knows
        convert = plain.get(frame.columns[i], lambda cell: cell)
        columns[i] = [None if pd.isna(cell) else convert(cell) for cell in cells]
    X = np.array(columns, dtype=object).T
    expected = encoder.transform(frame)
    (tmp_path / "state.pickle").write_bytes(pickle.dumps((encoder, X, expected)))
    code = """if True:
        import pickle, sys
        class Missing:
            def find_spec(self, name, path=None, target=None):
                if name.partition(".")[0] in ("pandas", "polars", "pyarrow"):
                    raise ImportError(name)
        sys.meta_path.insert(0, Missing())
        encoder, X, expected = pickle.load(open(sys.argv[1], "rb"))
        assert (encoder.transform(X) == expected).all()
    """
    command = [sys.executable, "-c", code, str(tmp_path / "state.pickle")]
    subprocess.run(command, check=True, timeout=120)
