"""Look into a fitted model: its layers, backpropagation step by step, a report of all there is.

>>> from skbackprop.inspection import summary, trace, training_report
"""

from .report import training_report
from .summary import Summary, summary
from .trace import Trace, trace

__all__ = ["Summary", "Trace", "summary", "trace", "training_report"]
