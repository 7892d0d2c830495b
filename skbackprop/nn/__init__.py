"""Part I, the network: parameters, layers, activations, losses, and their gradients.

>>> import numpy as np
>>> from skbackprop.nn import ACTIVATIONS, Network, mlp
>>> network = Network(mlp(2, (8,), 1, activations=[ACTIVATIONS["tanh"]]))
>>> network.initialize(np.random.RandomState(0))
>>> network.scores(np.zeros((5, 2))).shape
(5, 1)

This part needs only NumPy and SciPy, and contains no optimization.
"""

from .activations import ACTIVATIONS, Activation
from .architectures import Initialization, mlp
from .gradcheck import check_gradient, check_layer
from .initializers import INITIALIZERS, Initializer
from .layers import Activate, Dense, Identity, Layer, Residual, Sequential
from .losses import LOSSES, Loss
from .network import Network, Pass
from .parameters import Layout, Param, Views
from .workspace import Workspace

__all__ = [
    "ACTIVATIONS",
    "INITIALIZERS",
    "LOSSES",
    "Activate",
    "Activation",
    "Dense",
    "Identity",
    "Initialization",
    "Initializer",
    "Layer",
    "Layout",
    "Loss",
    "Network",
    "Param",
    "Pass",
    "Residual",
    "Sequential",
    "Views",
    "Workspace",
    "check_gradient",
    "check_layer",
    "mlp",
]
