"""Look into a fitted network: backpropagation step by step.

>>> from skbackprop.inspection import trace
"""

from .trace import Trace, trace

__all__ = ["Trace", "trace"]
