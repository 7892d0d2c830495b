"""Fitted models as ONNX graphs, from the raw columns of a table to the prediction.

It needs the package onnx, and `register` needs skl2onnx.
"""

from .convert import to_onnx
from .pipelines import register

__all__ = ["register", "to_onnx"]
