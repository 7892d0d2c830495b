"""Neural networks for scikit-learn users, over a pure NumPy backpropagation core."""

from typing import TYPE_CHECKING, Any

from .estimators import BackpropClassifier, BackpropRegressor, search_space
from .recipes.settings import LogLoss, NumericEmbedding, Scheduled, TableEncoding, WeightInit

if TYPE_CHECKING:
    from .io import load
    from .sources import RowSource

__version__ = "0.1.0"

__all__ = [
    "BackpropClassifier",
    "BackpropRegressor",
    "LogLoss",
    "NumericEmbedding",
    "RowSource",
    "Scheduled",
    "TableEncoding",
    "WeightInit",
    "__version__",
    "load",
    "search_space",
]


def __getattr__(name: str) -> Any:
    """`load` and `RowSource` are imported when they are used first."""
    if name == "load":
        from .io import load

        return load
    if name == "RowSource":
        from .sources import RowSource

        return RowSource
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
