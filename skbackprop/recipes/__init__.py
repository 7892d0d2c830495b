"""What the parameters of an estimator mean: constraints, presets, resolution, construction."""

from .presets import DataSummary

__all__ = ["DataSummary"]
