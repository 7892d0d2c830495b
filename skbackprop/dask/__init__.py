"""Estimators that are trained on the rows of a Dask cluster.

They need the packages dask and distributed, the extra ``dask``.
"""

from .estimators import DaskBackpropClassifier, DaskBackpropRegressor

__all__ = ["DaskBackpropClassifier", "DaskBackpropRegressor"]
