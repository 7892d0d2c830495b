"""Raw tables: read from any container, and encoded as one matrix of numbers."""

from .columns import TableColumns, category_mask, read_table
from .encoder import ColumnEncoder

__all__ = ["ColumnEncoder", "TableColumns", "category_mask", "read_table"]
