"""`fit` on a source: a sample of the rows decides, and all rows are written to files for training.

The source is read twice.  The first reading takes a sample, from which encoder, target scale,
parameters and validation rows come as from a table in memory.  The second one encodes all rows
and writes them to files (`training.stored`).  A row belongs to the fold that a hash of its number
says.  Each network leaves out the rows of one fold, and validates on those of them that are in the
sample.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.base import is_classifier

from ..sources import Batch, Survey, open_source, survey
from ..sources.survey import row_keys, rows_of_batch
from ..tables.weights import NoWeightError
from ..training.batches import Rows
from ..training.stored import StoredRows
from .fitted import Fitted
from .inputs import FitInputs, Table, warn_by_position
from .later_rows import check_later_rows

BUFFER = 2**26  # bytes
NAMES = "y of the batch", "sample_weight of the batch"  # in messages
SALT_OF_FOLDS, SALT_OF_BUCKETS = 1, 2


def take_sample(estimator: Any, inputs: FitInputs) -> None:
    """Replace a source by a sample of its rows; by all rows, if there are few."""
    source = open_source(inputs.X, inputs.y, inputs.sample_weight)
    if source is not None:
        check_inputs(inputs)
        found = survey(source, all_labels=is_classifier(estimator))
        if found.misplaced is not None:
            warn_by_position(found.misplaced)
        keep_sample(inputs, found)


def check_inputs(inputs: FitInputs) -> None:
    """Refuse arguments that need all rows in memory."""
    if inputs.incremental:
        raise ValueError(
            "partial_fit takes the rows of one batch, in memory, got a source. Call it for each "
            "batch: for X, y in source: model.partial_fit(X, y)."
        )
    if inputs.groups is not None:
        raise ValueError("groups needs rows in memory, got a source. Leave groups out.")


def keep_sample(inputs: FitInputs, found: Survey) -> None:
    """Put the sample in the place of the source."""
    inputs.X, inputs.y, inputs.sample_weight = found.sample
    if not found.is_complete:
        inputs.survey = found


@contextmanager
def stored_rows(estimator: Any, fitted: Fitted, table: Table, inputs: FitInputs) -> Iterator[Table]:
    """The table with all rows of the source in files; a table in memory is left as it is."""
    if inputs.survey is None:
        yield table
        return
    check_source(estimator, fitted, table)
    source, n, shuffle = inputs.survey.source, inputs.survey.n_rows, fitted.resolved["shuffle"]
    widths = table.x.shape[1], table.target.shape[1]
    n_in_buffer = source.buffer_rows or max(1, BUFFER // (sum(widths) * table.x.itemsize))
    n_buckets, n_folds = -(-n // n_in_buffer), folds_of(fitted.resolved)
    with StoredRows(
        widths,
        table.x.dtype,
        n_buckets,
        n_folds,
        has_weight=table.weight is not None,
        folder=source.folder,
    ) as stored:
        first = 0
        for i, batch in enumerate(source.batches()):
            name = f"Batch {i} of the source"
            numbers = np.arange(first, first + rows_of_batch(batch, name))
            first += len(numbers)
            if first > n:
                break
            rows, kept = encode_batch(estimator, fitted, batch, inputs, name)
            if rows is None:
                continue
            numbers = numbers[kept]
            bucket = numbers // n_in_buffer
            if shuffle:
                bucket = (row_keys(numbers, SALT_OF_BUCKETS) % np.uint64(n_buckets)).astype(int)
            stored.write(rows, bucket, fold_of(numbers, n_folds))
        if first != n:
            raise ValueError(
                f"The source had {n} rows when it was read first, and "
                f"{'more' if first > n else first} when it was read again. Pass a source that "
                "yields the same rows each time."
            )
        yield replace(table, stored=stored)


def check_source(estimator: Any, fitted: Fitted, table: Table) -> None:
    """Refuse what needs all rows in memory."""
    resolved, encoding = fitted.resolved, estimator.feature_encoding
    needs = {
        "feature_encoding__value_effects=True": getattr(encoding, "value_effects", None) is True,
        "solver='lbfgs'": resolved["solver"] == "lbfgs",
        "learning_rate_init='probe'": resolved["probe"],
        "validation_fraction, given as a splitter,": not isinstance(
            resolved["validation_fraction"], (int, float)
        ),
        "a sparse X": not isinstance(table.x, np.ndarray),
    }
    for name, given in needs.items():
        if given:
            raise ValueError(
                f"{name} needs all rows in memory, got a source of more rows than its "
                "sample_rows. Choose another value, or pass the rows as one table."
            )


def encode_batch(
    estimator: Any, fitted: Fitted, batch: Batch, inputs: FitInputs, name: str
) -> tuple[Rows | None, np.ndarray]:
    """A batch as rows for training, and which of its rows these are; None if there are none.

    Messages call it `name`.
    """
    if not rows_of_batch(batch, name):
        return None, np.empty(0, int)
    try:
        table, kept = check_later_rows(estimator, *batch, NAMES, fitted, inputs)
    except NoWeightError:  # those of the source are not all 0
        return None, np.empty(0, int)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error
    weight = None
    if table.weight is not None:
        weight = (table.weight * inputs.weight_scale).astype(table.x.dtype)
    return Rows(table.x, table.target, weight), kept


def folds_of(resolved: dict[str, Any]) -> int:
    """How many folds there are; one, of which nothing is left out, without early stopping."""
    fraction = resolved["validation_fraction"]
    return max(2, round(1 / fraction)) if resolved["early_stopping"] else 1


def fold_of(numbers: np.ndarray, n_folds: int) -> np.ndarray:
    """The fold of each row, by its number."""
    return (row_keys(numbers, SALT_OF_FOLDS) % np.uint64(n_folds)).astype(int)


def folds_of_sample(inputs: FitInputs, n_folds: int) -> np.ndarray:
    """The fold of each row of the sample."""
    assert inputs.survey is not None
    numbers = inputs.survey.numbers
    return fold_of(numbers if inputs.kept_rows is None else numbers[inputs.kept_rows], n_folds)
