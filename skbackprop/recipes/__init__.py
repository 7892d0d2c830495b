"""The parameters of an estimator: constraints, presets, resolution, construction."""

from .presets import DataSummary

__all__ = ["DataSummary"]
