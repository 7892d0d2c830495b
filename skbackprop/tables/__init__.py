"""From any table to one matrix of numbers: columns, scaling, encoder.

This part imports no network.
"""

from .columns import read_table
from .encoder import ColumnEncoder

__all__ = ["ColumnEncoder", "read_table"]
