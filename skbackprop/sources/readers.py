"""Sources of rows: what can be read batch by batch, and again from the start.

>>> import numpy as np
>>> class Halves:
...     def __iter__(self):
...         yield np.array([[0.0], [1.0]]), np.array([0, 1])
...         yield np.array([[2.0]]), np.array([1])
>>> [len(batch.y) for batch in RowSource(Halves()).batches()]
[2, 1]
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from ..optional import optional
from ..tables.containers import names_of
from ..tables.weights import count_rows

SAMPLE_ROWS = 50_000
BATCH_ROWS, BATCH_CELLS = 2**16, 2**21  # read at once: at most so many rows and cells
# What has one of these attributes is an array or a table, and no iterable of batches.
OF_TABLES = ("__array__", "__dataframe__", "__arrow_c_stream__", "shape", "columns", "dtype")
KINDS = (
    "a folder, file or list of files in the Parquet format, a pyarrow Dataset, a polars LazyFrame, "
    "a dask DataFrame, or an iterable of batches (X, y) or (X, y, sample_weight)"
)


class Batch(NamedTuple):
    """Some rows, as `fit` takes them."""

    X: Any
    y: Any
    sample_weight: Any = None


class RowSource:
    """Rows for `fit` that do not have to be in memory.

    `fit` reads them batch by batch and several times.  It makes such an object of every source
    that it is given; make one yourself to change the sizes, or for arrays on a disk.

    Parameters
    ----------
    data : object
        A folder, a file or a list of files in the Parquet format, a `pyarrow.dataset.Dataset`, a
        polars `LazyFrame`, a dask `DataFrame`, an array (for example a `numpy.memmap`), or an
        iterable that yields ``(X, y)`` or ``(X, y, sample_weight)`` anew each time.
    label : str or array-like of shape (n_samples,), default=None
        Name of the column with the labels; for an array the labels themselves; None for an
        iterable of batches.
    sample_weight : str or array-like of shape (n_samples,), default=None
        Name of the column with the weights of the rows, or the weights themselves.
    sample_rows : int, default=50000
        Rows of the sample that scales, levels, quantiles and validation rows come from.  A source
        of fewer rows is read into memory, and the model is that of an array.
    buffer_rows : int, default=None
        Rows that are in memory, and that are shuffled together, in training.  None: as many as
        have 64 MB when they are encoded.
    folder : str or path-like, default=None
        Where the encoded rows are written during `fit`: 4 bytes for each column of the network's
        input.  None: the system's folder of temporary files.

    Examples
    --------
    >>> import numpy as np
    >>> from skbackprop import BackpropClassifier, RowSource
    >>> X = np.random.default_rng(0).normal(size=(2000, 3))
    >>> source = RowSource(X, X[:, 0] > 0, sample_rows=500, buffer_rows=1000)
    >>> model = BackpropClassifier(max_iter=30, random_state=0).fit(source)
    >>> model.predict([[1.0, 0.0, 0.0], [-1.0, 0.0, 0.0]])
    array([ True, False])
    """

    def __init__(
        self,
        data: Any,
        label: Any = None,
        sample_weight: Any = None,
        *,
        sample_rows: int = SAMPLE_ROWS,
        buffer_rows: int | None = None,
        folder: Any = None,
    ) -> None:
        _check_count("sample_rows", sample_rows)
        if buffer_rows is not None:
            _check_count("buffer_rows", buffer_rows)
        self.data, self.label, self.sample_weight = data, label, sample_weight
        self.sample_rows, self.buffer_rows, self.folder = sample_rows, buffer_rows, folder
        self._read = _reader_of(data, label, sample_weight)

    def batches(self) -> Iterator[Batch]:
        """Read the rows from the start.

        Raises
        ------
        ValueError
            If a batch cannot be read, or lacks the column of the labels or of the weights.
        """
        batches, i = iter(self._read()), 0
        while True:
            try:
                batch = next(batches)
            except StopIteration:
                return
            except (ValueError, OSError) as error:  # what pyarrow raises is one of these
                raise ValueError(f"Batch {i} of the source cannot be read: {error}") from error
            yield self._checked(batch, i)
            i += 1

    def _checked(self, batch: Any, i: int) -> Batch:
        """A batch with labels and weights of its own."""
        if isinstance(batch, Batch):
            return batch
        if isinstance(self.label, str):
            names = [self.label]
            if self.sample_weight is not None:
                names.append(self.sample_weight)
            columns = [column_of(batch, name, f"Batch {i} of the source") for name in names]
            return Batch(without(batch, names), *columns)
        if not isinstance(batch, tuple) or len(batch) not in (2, 3):
            raise ValueError(
                f"Batch {i} of the source must be a tuple (X, y) or (X, y, sample_weight), got "
                f"{type(batch).__name__}."
            )
        return Batch(*batch)


def _check_count(name: str, value: Any) -> None:
    if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < 1:
        raise ValueError(f"{name} needs an int of at least 1, got {value!r}.")


def _rows_at_once(n_columns: int) -> int:
    return max(1, min(BATCH_ROWS, BATCH_CELLS // max(n_columns, 1)))


def open_source(X: Any, y: Any, sample_weight: Any) -> RowSource | None:
    """The source that the arguments of `fit` stand for; None for rows in memory."""
    if isinstance(X, RowSource):
        if y is not None or sample_weight is not None:
            raise ValueError("A RowSource has its own labels and weights. Pass neither to fit.")
        return X
    by_name = isinstance(y, str) and (_is_path(X) or _lazy_reader(X) is not None)
    of_batches = hasattr(X, "__iter__") and not _is_table(X)
    if y is not None and (hasattr(X, "__len__") or isinstance(X, Iterator)):
        of_batches = False  # rows, and y is theirs
    return RowSource(X, y, sample_weight) if by_name or of_batches else None


def _is_table(X: Any) -> bool:
    plain = isinstance(X, (list, tuple, str, bytes, dict, set))
    return plain or any(hasattr(type(X), name) for name in OF_TABLES)


def _is_path(data: Any) -> bool:
    if isinstance(data, (list, tuple)):
        return len(data) > 0 and all(map(_is_path, data))
    return isinstance(data, (str, os.PathLike))


def _reader_of(data: Any, label: Any, sample_weight: Any) -> Callable[[], Iterable[Any]]:
    """A function that starts to read the batches of some data."""
    read = _lazy_reader(data)
    if read is not None:
        for name, value in {"label": label, "sample_weight": sample_weight}.items():
            if not isinstance(value, str) and (value is not None or name == "label"):
                raise ValueError(f"{name} must be the name of a column, got {value!r}.")
        return read
    if isinstance(data, Iterator):
        raise ValueError(
            f"A source must be readable several times, got {type(data).__name__}, which can be "
            "read once. Pass an object whose __iter__ starts anew, for example one that calls the "
            "generator."
        )
    if hasattr(data, "shape") and len(data.shape) == 2:
        return _array_reader(data, label, sample_weight)
    if not hasattr(data, "__iter__") or _is_table(data):
        raise ValueError(f"A source must be {KINDS}, got {type(data).__name__}.")
    if label is not None or sample_weight is not None:
        raise ValueError("Labels and weights of an iterable are in its batches. Leave them out.")
    return lambda: data


def _array_reader(data: Any, label: Any, sample_weight: Any) -> Callable[[], Iterable[Any]]:
    """How to read an array or a table in memory, whose labels and weights are arrays, too."""
    n = data.shape[0]
    for name, values in {"label": label, "sample_weight": sample_weight}.items():
        found = None if isinstance(values, str) else count_rows(values)
        if found != n and (values is not None or name == "label"):
            raise ValueError(
                f"{name} of an array or a table in memory needs a value for each of its {n} rows, "
                f"got {repr(values) if found is None else f'{found} of them'}. Names of columns "
                "are for files and lazy tables."
            )
    return lambda: _slices(data, label, sample_weight)


def _lazy_reader(data: Any) -> Callable[[], Iterable[Any]] | None:
    """How to read files and tables that are not in memory; None for anything else."""
    library, kind = type(data).__module__.partition(".")[0], type(data).__name__
    if _is_path(data):
        return lambda: _file_batches(data)
    if library == "pyarrow" and hasattr(data, "to_batches") and hasattr(data, "scanner"):
        return lambda: _arrow_batches(data)
    if library == "polars" and kind == "LazyFrame":
        return lambda: _polars_batches(data)
    if library.startswith("dask") and hasattr(data, "npartitions") and hasattr(data, "columns"):
        return lambda: (part.compute() for part in data.partitions)
    return None


def _file_batches(paths: Any) -> Iterator[Any]:
    with optional("Reading files", "skbackprop[dataframe]"):
        from pyarrow import dataset
    given = list(paths) if isinstance(paths, (list, tuple)) else paths
    files = dataset.dataset(given, format="parquet")
    for file in files.get_fragments():
        _check_columns(file, files.schema)
    yield from _arrow_batches(files)


def _check_columns(file: Any, first: Any) -> None:
    """Refuse a file with other columns than the first: pyarrow would leave out or fill cells."""
    different = sorted({*_columns_of(file.physical_schema)} ^ {*_columns_of(first)})
    if different:
        raise ValueError(
            f"{file.path!r} and the first file do not have the same columns, only one of them has "
            f"{', '.join(map(repr, different[:8]))}. Choose the same columns in every file."
        )


def _columns_of(schema: Any) -> list[str]:
    """The columns of files, without those in which pandas stores an index that has no name."""
    return [name for name in schema.names if not re.fullmatch(r"__index_level_\d+__", name)]


def _arrow_batches(dataset: Any) -> Iterator[Any]:
    import pyarrow

    size, columns = _rows_at_once(len(dataset.schema)), _columns_of(dataset.schema)
    # Few batches are read ahead: they need memory, too.
    batches = dataset.to_batches(
        columns=None if columns == dataset.schema.names else columns,
        batch_size=size,
        batch_readahead=2,
        fragment_readahead=1,
        use_threads=False,
    )
    for batch in batches:
        if batch.num_rows:
            yield pyarrow.Table.from_batches([batch])


def _polars_batches(frame: Any) -> Iterator[Any]:
    size = _rows_at_once(len(frame.collect_schema()))
    if hasattr(frame, "collect_batches"):  # polars 1.34 and newer
        yield from frame.collect_batches(chunk_size=size)
        return
    first, batch = 0, frame.slice(0, size).collect()
    while len(batch):
        yield batch
        first += len(batch)
        batch = frame.slice(first, size).collect()


def _slices(X: Any, y: Any, weight: Any) -> Iterator[Batch]:
    size = _rows_at_once(X.shape[1])
    for first in range(0, X.shape[0], size):
        yield Batch(*(_slice(part, slice(first, first + size)) for part in (X, y, weight)))


def _slice(part: Any, rows: slice) -> Any:
    """Some rows by their positions: an index of numbers in pandas would be compared with them."""
    return None if part is None else getattr(part, "iloc", part)[rows]


def column_of(table: Any, name: str, owner: str) -> Any:
    """A column of a table of pyarrow, pandas or polars, which messages call `owner`."""
    if not hasattr(table, "column_names") and not hasattr(table, "columns"):
        raise ValueError(
            f"{owner} needs named columns, one of which is {name!r}, got {type(table).__name__}. "
            "Pass a table, or the column itself."
        )
    names = names_of(table)
    if name not in names:
        some = ", ".join(map(repr, names[:8])) + (", ..." if len(names) > 8 else "")
        raise ValueError(f"{owner} has no column {name!r}. Its columns are {some}.")
    return table.column(name) if hasattr(table, "column_names") else table[name]


def without(table: Any, names: list[str]) -> Any:
    """A table without some of its columns."""
    if hasattr(table, "drop_columns"):  # pyarrow
        return table.drop_columns(names)
    return table.drop(columns=names) if hasattr(table, "iloc") else table.drop(names)
