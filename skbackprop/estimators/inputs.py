"""The arguments of `fit`, and the rows after their check."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any

import numpy as np

from ..params import Record, record
from ..recipes.resolve import is_auto
from ..recipes.settings import TableEncoding
from ..tables.containers import in_other_order
from ..tables.weights import NoWeightError, check_weight, take_rows
from ..training.batches import Rows
from ..warn import warn_user
from . import rows

if TYPE_CHECKING:
    from ..sources import Survey
    from ..training.shards import ShardedRows
    from ..training.stored import StoredRows

TINY = 64  # up to this many rows, weights that are counts are taken literally


@record
class FitInputs(Record):
    """The arguments of `fit` or `partial_fit`."""

    X: Any
    y: Any
    sample_weight: Any = None
    X_val: Any = None
    y_val: Any = None
    sample_weight_val: Any = None
    groups: Any = None
    classes: Any = None
    labels: Any = None  # y with the rows of a class of weight 0, which stays a class
    incremental: bool = False
    columns: Any = None  # X, read for the encoder
    class_counts: np.ndarray | None = None  # filled in for class_weight="balanced"
    scorer_weight: np.ndarray | None = None
    weight_scale: float = 1.0  # power of two that sample_weight was multiplied by
    kept_rows: np.ndarray | None = None  # if rows of weight 0 were removed from these arrays
    n_rows_given: int = 0
    survey: Survey | None = None  # if X is a sample of a source
    checkpoint: Any = None  # the file of a Checkpoint among the callbacks
    given: tuple[Any, Any, Any] = field(init=False)  # X, y and sample_weight as they came

    def __post_init__(self) -> None:
        self.given = self.X, self.y, self.sample_weight

    def drop_weightless_rows(self) -> None:
        """Remove the training rows of weight 0 from X, y, weights and groups.

        In the presets for tables this is done before anything is computed from the rows, so that
        such a row is absent from every statistic.  ``preset="plain"`` keeps them, as
        scikit-learn's MLP does: they count in the size of a batch and in the list of classes.
        """
        weight = self.sample_weight
        if weight is None or weight.all():
            return
        self.n_rows_given, rows = len(weight), np.flatnonzero(weight)
        self.X, self.y = take_rows(self.X, rows), take_rows(self.y, rows)
        self.groups = take_rows(self.groups, rows)
        self.sample_weight, self.kept_rows = weight[rows], rows

    def row_positions(self) -> np.ndarray:
        """For each row that the user gave its place among the rows kept; -1 for one removed."""
        if self.kept_rows is None:
            return np.arange(len(self.y))
        positions = np.full(self.n_rows_given, -1)
        positions[self.kept_rows] = np.arange(len(self.kept_rows))
        return positions


@record
class Table(Record):
    """Checked and encoded rows: features, y, target of the network, weights.

    ``weight_scale`` is the factor by which the weights were multiplied, to be applied to `alpha`.
    With `stored`, the rows are a sample of those that are trained on, which are in files or in
    other processes.
    """

    x: Any
    y: np.ndarray
    target: np.ndarray
    weight: np.ndarray | None
    weight_scale: float = 1.0
    stored: StoredRows | ShardedRows | None = None

    @property
    def rows(self) -> Rows:
        """What training needs of them."""
        return Rows(self.x, self.target, self.weight)

    @property
    def n_rows(self) -> int:
        """Number of rows that are trained on."""
        return self.rows.n if self.stored is None else self.stored.n

    def take(self, index: np.ndarray) -> Table:
        """Some of the rows."""
        weight = None if self.weight is None else self.weight[index]
        return Table(self.x[index], self.y[index], self.target[index], weight, self.weight_scale)

    def contents(self) -> list[bytes] | None:
        """The bytes of each row of a tiny table."""
        return rows.contents(self.x, self.target) if 0 < len(self.target) <= TINY else None

    def unfolded(self) -> Table:
        """A tiny table with a row of weight 2 written twice, and one of weight 0 left out.

        In an order that depends on the content alone, so that counting rows by weights
        and repeating them is the same to the last bit, whatever the batch size.  In
        larger tables a weight multiplies the row's loss, as it does in scikit-learn's
        MLP; in a full batch that comes to the same up to the order of summation.
        """
        # Differs from scikit-learn: there a weight of 2 in a mini-batch is no copy.
        weight = self.weight
        if weight is not None and weight.min() == weight.max():
            weight = None  # the rows count the same
        if weight is not None and ((weight != np.round(weight)).any() or weight.sum() > TINY):
            return self
        contents = self.contents()
        if contents is None or (weight is None and len(set(contents)) == len(contents)):
            return self
        order = np.array(sorted(range(len(contents)), key=contents.__getitem__))
        if weight is None:
            return self.take(order)
        table = self.take(np.repeat(order, weight[order].astype(int)))
        table.weight = None
        return table


def check_row_weights(
    weight: Any, absent: np.ndarray | None, n: int, name: str = "sample_weight"
) -> np.ndarray | None:
    """Sample weights as float64, 0 for the rows of `absent`, whose class has the weight 0."""
    w = check_weight(weight, n, name)
    if absent is None:
        return w
    w = np.where(absent, 0.0, 1.0 if w is None else w)
    if not w.any():
        raise NoWeightError(
            f"class_weight and {name} give the weight 0 to all {n} rows. Pass rows of a class "
            "whose weight is not 0."
        )
    return w


def warn_other_order(X: Any, others: dict[str, Any]) -> None:
    """Warn if rows of pandas objects have the labels of the rows of X in another order."""
    for name, other in others.items():
        if in_other_order(X, other):
            warn_by_position(name)


def warn_by_position(name: str) -> None:
    """Say that rows belong together by their position, as in scikit-learn, not by their labels."""
    warn_user(
        f"The rows of {name} have the labels (index) of the rows of X in another order, and rows "
        "are taken by position. If the labels are right, put both in one order, by "
        ".loc[X.index]; if the positions are, leave the labels out, by .to_numpy()."
    )


def check_arguments(inputs: FitInputs, params: dict[str, Any], *, first: bool) -> None:
    """Refuse arguments of a call that do not go together, or not with the parameters.

    `first` is true if the call does not go on with a fitted model.
    """
    if (inputs.X_val is None) != (inputs.y_val is None):
        missing, there = ("X_val", "y_val") if inputs.X_val is None else ("y_val", "X_val")
        raise ValueError(f"X_val and y_val go together, got {there} but not {missing}.")
    if inputs.sample_weight_val is not None and inputs.X_val is None:
        raise ValueError(
            "sample_weight_val needs X_val and y_val, got neither. Pass them too, or leave "
            "sample_weight_val out."
        )
    from ..sources import RowSource  # not at the top, as few programs have a source

    if isinstance(inputs.X_val, RowSource):
        raise ValueError(
            "X_val needs rows in memory, got a RowSource. Pass its rows as one table, with y_val."
        )
    if not inputs.incremental:
        return
    stopping, encoding = params["early_stopping"], params["feature_encoding"]
    if not is_auto(stopping) and stopping and inputs.X_val is None:
        raise ValueError(
            "partial_fit does not support early_stopping=True without validation data, "
            "since the rows of one call say little about the rest. Pass X_val and y_val, or "
            "set early_stopping=False."
        )
    if first and isinstance(encoding, TableEncoding) and encoding.value_effects is True:
        raise ValueError(
            "feature_encoding__value_effects=True needs all training rows at once, got the first "
            "call of partial_fit. Call fit first, or leave value_effects at 'auto'."
        )
