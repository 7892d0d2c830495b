"""Raw tables: read from any container, and encoded as one matrix of numbers."""

from .columns import TableColumns, read_table
from .containers import open_container
from .encoder import ColumnEncoder
from .selection import category_mask

__all__ = [
    "ColumnEncoder",
    "TableColumns",
    "category_mask",
    "open_container",
    "read_table",
]
