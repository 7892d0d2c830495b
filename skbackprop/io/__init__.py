"""Fitted models in files: safe to load, readable without this package, valid in later versions.

`model` says what is saved, `encode` and `decode` turn objects into JSON and arrays and back by
the literal `tables`, and `safetensors` is the bytes.
"""

from .model import load, save

__all__ = ["load", "save"]
