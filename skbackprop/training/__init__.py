"""Training: the objective, mini-batches, the step, the loop and its callbacks."""

from .batches import Batches, Rows
from .history import History
from .loop import train
from .objective import Objective
from .plan import Plan
from .run import Run
from .step import Step

__all__ = ["Batches", "History", "Objective", "Plan", "Rows", "Run", "Step", "train"]
