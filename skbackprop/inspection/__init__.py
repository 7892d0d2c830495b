"""Look into a fitted network: its layers, and backpropagation step by step.

>>> from skbackprop.inspection import summary, trace
"""

from .summary import Summary, summary
from .trace import Trace, trace

__all__ = ["Summary", "Trace", "summary", "trace"]
