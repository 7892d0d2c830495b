"""The record of each epoch: columns of numbers.

>>> history = History()
>>> history.add(epoch=1, loss=0.7)
>>> history.add(epoch=2, loss=0.5)
>>> history["loss"]
[0.7, 0.5]
>>> history.last("validation_score") is None
True
"""

from __future__ import annotations

from typing import Any

COLUMNS = (
    "epoch",
    "loss",
    "validation_loss",
    "validation_score",
    "learning_rate",
    "gradient_norm",
    "seconds",
)


class History:
    """A list for each of `COLUMNS`; what was not measured is None.

    ``epoch`` counts from 1 since the network was initialized.  ``loss`` is the mean
    over the epoch of each batch's loss before its update, penalty included.
    ``gradient_norm`` is that of the last batch of the epoch.  ``seconds`` is the time
    of the epoch, validation included.

    Callbacks may write columns of their own, by `set`.
    """

    def __init__(self) -> None:
        self._lists: dict[str, list[Any]] = {name: [] for name in COLUMNS}
        self._n_rows = 0
        self._is_read = False  # then the lists may be in other hands

    @property
    def columns(self) -> dict[str, list[Any]]:
        """The lists by name."""
        self._own_lists()
        self._is_read = True
        return self._lists

    def add(self, **values: Any) -> None:
        """Append one epoch."""
        self._own_lists()
        for name, column in self._lists.items():
            column.append(values.get(name))
        self._n_rows += 1

    def set(self, name: str, value: Any) -> None:
        """Fill in a value of the last epoch; in a column that is new, earlier ones are None."""
        if name not in self._lists:  # a copy of this history does not get it
            self._lists = {**self._lists, name: [None] * self._n_rows}
        self._lists[name][-1] = value

    def copy(self) -> History:
        """The same rows; adding rows to the copy does not change the original.

        Lists that were not read are shared: a copy takes no time, however long they are.
        """
        other = History()
        other._lists, other._n_rows = self._lists, self._n_rows
        if self._is_read:
            other._lists = {name: list(column) for name, column in self._lists.items()}
        return other

    def truncate(self, n_rows: int) -> None:
        """Keep the first rows only."""
        self._own_lists()
        for column in self._lists.values():
            del column[n_rows:]
        self._n_rows = min(self._n_rows, n_rows)

    def last(self, name: str) -> Any:
        """The newest value of a column."""
        return self._lists[name][self._n_rows - 1]

    def _own_lists(self) -> None:
        """Take copies of the rows if a copy of this history has added more to the lists."""
        if len(self._lists["epoch"]) != self._n_rows:
            rows = slice(self._n_rows)
            self._lists = {name: column[rows] for name, column in self._lists.items()}

    def __getstate__(self) -> dict[str, Any]:
        return {"columns": {name: column[: self._n_rows] for name, column in self._lists.items()}}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._lists = state["columns"]
        self._n_rows, self._is_read = len(self._lists["epoch"]), False

    def __getitem__(self, name: str) -> list[Any]:
        return self.columns[name]

    def __len__(self) -> int:
        return self._n_rows
