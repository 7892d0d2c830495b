"""What can be a source, and what it yields."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skbackprop import RowSource
from skbackprop.sources import open_source
from skbackprop.tables import read_table

X = np.random.default_rng(0).normal(size=(90, 2))
WORDS = np.array(["red", "blue", "green"] * 30)
Y = np.arange(90)


def arrow():
    pyarrow = pytest.importorskip("pyarrow")
    columns = {"a": X[:, 0], "color": WORDS, "b": X[:, 1], "price": Y, "w": Y + 1.0}
    return pyarrow.table(columns)


def parquet(folder):
    table = arrow()
    from pyarrow import parquet

    for i in range(3):
        parquet.write_table(table.slice(30 * i, 30), folder / f"part{i}.parquet", row_group_size=8)
    return folder


def dataset(folder):
    folder = parquet(folder)
    from pyarrow import dataset

    return dataset.dataset(folder)


def lazy_frame(folder):
    polars = pytest.importorskip("polars")
    return polars.scan_parquet(parquet(folder) / "*.parquet")


def dask_frame(folder):
    dataframe = pytest.importorskip("dask.dataframe")
    return dataframe.from_pandas(arrow().to_pandas(), npartitions=4, sort=False)


TABLES = {
    "a folder": parquet,
    "the name of a folder": lambda folder: str(parquet(folder)),
    "a list of files": lambda folder: sorted(parquet(folder).glob("*.parquet")),
    "a pyarrow Dataset": dataset,
    "a polars LazyFrame": lazy_frame,
    "a dask DataFrame": dask_frame,
}


@pytest.mark.parametrize("kind", TABLES)
def test_tables_yield_their_rows_with_labels_and_weights_apart(kind, tmp_path):
    source = open_source(TABLES[kind](tmp_path), "price", "w")
    for _ in range(2):  # again and again
        batches = list(source.batches())
        y = np.concatenate([np.asarray(batch.y) for batch in batches])
        weight = np.concatenate([np.asarray(batch.sample_weight) for batch in batches])
        assert_array_equal(y, Y)
        assert_array_equal(weight, Y + 1.0)
        tables = [read_table(batch.X) for batch in batches]
        assert all(table.names == ["a", "color", "b"] for table in tables)
        b = np.concatenate([table.column(2).values for table in tables])
        assert_array_equal(b, X[:, 1])


@pytest.mark.parametrize("kind", ["an array", "a folder", "a polars LazyFrame"])
@pytest.mark.parametrize("size", [1, 7, 29, 89, 90])
def test_batches_of_any_size_have_all_rows(kind, size, tmp_path, monkeypatch):
    monkeypatch.setattr("skbackprop.sources.readers.BATCH_ROWS", size)
    source = RowSource(X, Y) if kind == "an array" else RowSource(TABLES[kind](tmp_path), "price")
    found = [np.asarray(batch.y) for batch in source.batches()]
    assert_array_equal(np.concatenate(found), Y)
    assert 1 <= min(map(len, found)) <= max(map(len, found)) <= size


def test_arrays_on_a_disk_yield_slices(tmp_path, monkeypatch):
    monkeypatch.setattr("skbackprop.sources.readers.BATCH_ROWS", 40)
    on_disk = np.memmap(tmp_path / "x", float, "w+", shape=X.shape)
    on_disk[...] = X
    batches = list(RowSource(on_disk, Y, Y + 1.0).batches())
    assert [len(batch.y) for batch in batches] == [40, 40, 10]
    assert_array_equal(np.concatenate([batch.X for batch in batches]), X)


@pytest.mark.parametrize(
    ("X", "y"),
    [
        (X, None),
        (X, Y),
        (X.tolist(), None),
        (["a", "b"], None),
        ("text", None),
        ({"a": [1.0]}, None),
        (np.memmap, Y),
    ],
    ids=str,
)
def test_what_is_in_memory_is_no_source(X, y):
    assert open_source(X, y, None) is None


def test_a_lazy_table_without_the_name_of_its_label_is_no_source(tmp_path):
    assert open_source(lazy_frame(tmp_path), Y, None) is None


class Yields:
    def __init__(self, *batches):
        self.batches = batches

    def __iter__(self):
        return iter(self.batches)


def test_no_pyarrow(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(ImportError, match=r"needs pyarrow.*skbackprop\[dataframe\]"):
        list(RowSource("folder", "y").batches())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: RowSource(iter([])), "can be read once"),
        (lambda: RowSource(b for b in []), "got generator"),
        (lambda: RowSource(3), "A source must be a folder.*got int"),
        (lambda: RowSource([[1.0]]), "got list"),
        (lambda: RowSource(Yields(), label="y"), "in its batches"),
        (lambda: RowSource("folder"), "label must be the name of a column, got None"),
        (lambda: RowSource("folder", "y", Y), "sample_weight must be the name of a column"),
        (lambda: RowSource(Yields(), sample_rows=0), "sample_rows needs an int of at least 1"),
        (lambda: RowSource(Yields(), buffer_rows=2.5), "buffer_rows needs an int"),
        (lambda: list(RowSource(Yields(3)).batches()), "Batch 0 .* must be a tuple"),
        (lambda: list(RowSource(Yields((X, Y), (X,))).batches()), "Batch 1 .* must be a tuple"),
        (lambda: open_source(RowSource(X, Y), Y, None), "has its own labels"),
    ],
)
def test_what_is_no_source_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_missing_column_and_a_corrupt_file_are_named(tmp_path):
    parquet(tmp_path)
    with pytest.raises(ValueError, match="Batch 0 .* cannot be read"):
        list(RowSource("no such folder", "price").batches())
    with pytest.raises(ValueError, match="Batch 0 .*has no column 'cost'. Its columns are 'a'"):
        list(RowSource(tmp_path, "cost").batches())
    (tmp_path / "part1.parquet").write_bytes(b"PAR1 this is no table PAR1")
    with pytest.raises(ValueError, match=r"cannot be read: .*part1\.parquet"):
        list(RowSource(tmp_path, "price").batches())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((X, Y[:89]), "label .* each of its 90 rows, got 89 of them"),
        ((X, np.tile(Y, 2)), "label .* each of its 90 rows, got 180 of them"),
        ((X, None), "label .* got None"),
        ((X, "price"), "label .* got 'price'. Names of columns are for files"),
        ((X, Y, np.ones(180)), "sample_weight .* each of its 90 rows, got 180 of them"),
        ((X, Y, 2.0), "sample_weight .* got 2.0"),
    ],
)
def test_an_array_needs_a_label_and_a_weight_for_each_row(arguments, message):
    with pytest.raises(ValueError, match=message):
        RowSource(*arguments)


def test_files_with_other_columns_are_refused_and_an_index_is_no_column(tmp_path):
    # pyarrow would leave out a column that the first file lacks, and fill one that a later lacks.
    frame = parquet(tmp_path) and arrow().to_pandas()
    frame[::-1].to_parquet(tmp_path / "part3.parquet")  # with the column __index_level_0__
    batches = list(RowSource(tmp_path, "price").batches())
    assert {tuple(batch.X.column_names) for batch in batches} == {("a", "color", "b", "w")}
    assert_array_equal(np.concatenate([batch.y for batch in batches]), [*Y, *Y[::-1]])
    frame.drop(columns="color").to_parquet(tmp_path / "part4.parquet")
    with pytest.raises(ValueError, match=r"part4\.parquet' and the first .* only .* has 'color'"):
        next(RowSource(tmp_path, "price").batches())
    paths = [tmp_path / f"part{i}.parquet" for i in (4, 0)]
    with pytest.raises(ValueError, match=r"part0\.parquet' and the first .* only .* has 'color'"):
        next(RowSource(paths, "price").batches())


def test_tables_in_memory_are_cut_by_position(monkeypatch):
    pandas = pytest.importorskip("pandas")
    monkeypatch.setattr("skbackprop.sources.readers.BATCH_ROWS", 7)
    frame = pandas.DataFrame({"a": X[:, 0]}, index=np.linspace(-5, 5, 90))
    batches = list(RowSource(frame, pandas.Series(Y, frame.index)).batches())
    assert_array_equal(np.concatenate([batch.X["a"] for batch in batches]), X[:, 0])
    assert_array_equal(np.concatenate([batch.y for batch in batches]), Y)


def test_none_is_no_batch_and_labels_of_batches_are_not_given_twice():
    class Batches:
        def __iter__(self):
            yield X, Y
            yield None

    with pytest.raises(ValueError, match="Batch 1 .* must be a tuple .* got NoneType"):
        list(RowSource(Batches()).batches())
    with pytest.raises(ValueError, match="Labels and weights of an iterable are in its batches"):
        open_source(Batches(), Y, None)
