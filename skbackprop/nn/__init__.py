"""Part I, the network: parameters, layers, activations, losses, and their gradients.

>>> import numpy as np
>>> from skbackprop.nn import ACTIVATIONS, Network, mlp
>>> network = Network(mlp(2, (8,), 1, activations=[ACTIVATIONS["tanh"]]))
>>> network.initialize(np.random.RandomState(0))
>>> network.scores(np.zeros((5, 2))).shape
(5, 1)

This part needs NumPy and SciPy only and knows nothing of optimization.
"""

from .activations import ACTIVATIONS, Activation
from .architectures import Initialization, mlp
from .gradcheck import check_gradient, check_layer
from .initializers import INITIALIZERS, Initializer
from .layers import LAYERS, Activate, Dense, Layer, Residual, Sequential, Standardize
from .losses import LOSSES, Loss
from .network import Network, Pass
from .parameters import Layout, Param, Views
from .workspace import Workspace

__all__ = [
    "ACTIVATIONS",
    "INITIALIZERS",
    "LAYERS",
    "LOSSES",
    "Activate",
    "Activation",
    "Dense",
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
    "Standardize",
    "Views",
    "Workspace",
    "check_gradient",
    "check_layer",
    "mlp",
]
