"""Rows that do not have to be in memory: batches of files, lazy tables and iterables."""

from .readers import Batch, RowSource, open_source
from .survey import Survey, survey

__all__ = ["Batch", "RowSource", "Survey", "open_source", "survey"]
