"""What happened in each epoch: columns of numbers.

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
    """

    def __init__(self) -> None:
        self.columns: dict[str, list[Any]] = {name: [] for name in COLUMNS}

    def add(self, **values: Any) -> None:
        """Append one epoch."""
        for name, column in self.columns.items():
            column.append(values.get(name))

    def set(self, name: str, value: Any) -> None:
        """Fill in a value of the last epoch."""
        self.columns[name][-1] = value

    def copy(self) -> History:
        """The same rows, in lists of their own."""
        other = History()
        other.columns = {name: list(column) for name, column in self.columns.items()}
        return other

    def truncate(self, n_rows: int) -> None:
        """Keep the first rows only."""
        for column in self.columns.values():
            del column[n_rows:]

    def last(self, name: str) -> Any:
        """The newest value of a column."""
        return self.columns[name][-1]

    def __getitem__(self, name: str) -> list[Any]:
        return self.columns[name]

    def __len__(self) -> int:
        return len(self.columns["epoch"])
