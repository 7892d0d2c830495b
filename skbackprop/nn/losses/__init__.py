"""The losses, and the table `LOSSES` of their names."""

from .base import Interval, Loss, as_loss
from .classification import BinaryLogLoss, Heads, MulticlassLogLoss
from .regression import (
    AbsoluteError,
    HalfGammaDeviance,
    HalfPoissonDeviance,
    HalfSquaredError,
    HalfTweedieDeviance,
    Huber,
    Pinball,
)

__all__ = [
    "LOSSES",
    "AbsoluteError",
    "BinaryLogLoss",
    "HalfGammaDeviance",
    "HalfPoissonDeviance",
    "HalfSquaredError",
    "HalfTweedieDeviance",
    "Heads",
    "Huber",
    "Interval",
    "Loss",
    "MulticlassLogLoss",
    "Pinball",
    "as_loss",
]

LOSSES: dict[str, Loss] = {
    "squared_error": HalfSquaredError(),
    "absolute_error": AbsoluteError(),
    "huber": Huber(),
    "pinball": Pinball(),
    "poisson": HalfPoissonDeviance(),
    "gamma": HalfGammaDeviance(),
    "tweedie": HalfTweedieDeviance(),
    "binary_log_loss": BinaryLogLoss(),
    "multiclass_log_loss": MulticlassLogLoss(),
}
