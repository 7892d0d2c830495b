"""The peers of a comparison: the same network, start, batches, epochs and Adam.

A peer is a function ``fit(task, epochs, shuffle)`` that trains and returns the trained
model's ``predict(X)``: probabilities of the classes, or numbers.  Without shuffling all
peers walk the same path up to rounding, which `agree` verifies.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from scipy.special import expit, softmax
from sklearn.neural_network import MLPClassifier, MLPRegressor

from skbackprop import mlp

from .configurations import ALPHA, Configuration, make_data

Predict: TypeAlias = Callable[[np.ndarray], np.ndarray]

OURS = mlp.MLPClassifier, mlp.MLPRegressor  # with preset="plain": the same network as the peers'
AGREEMENT = 0.01  # of the loss at the start, between peers of different precision


@dataclass
class Task:
    """What is to be learned, by all peers.

    Parameters
    ----------
    configuration : Configuration
    dtype : "float32" or "float64"
        Of X.
    precision : "auto", "float32" or "float64"
        Our ``dtype``.
    """

    configuration: Configuration
    dtype: str = "float64"
    precision: str = "auto"

    def __post_init__(self) -> None:
        self.X, self.y = self.make_data()
        start = estimator(OURS, self, 1, True)
        features, classes = self.configuration.features, self.configuration.classes
        start.initialize(features, *([range(classes)] if classes else []))
        self.untrained = predictor(start)
        self.start = [np.array(a, np.float32) for a in (*start.coefs_, *start.intercepts_)]

    def make_data(self) -> tuple[Any, np.ndarray]:
        """X and y."""
        return make_data(self.configuration, self.dtype)

    def loss(self, predict: Predict) -> float:
        """Mean loss of a model on all rows."""
        p = predict(self.X)
        if not self.configuration.classes:
            return float(np.mean((p.ravel() - self.y) ** 2) / 2)
        return float(-np.mean(np.log(p[np.arange(len(p)), self.y])))


def estimator(classes: tuple[Any, Any], task: Task, epochs: int, shuffle: bool) -> Any:
    """A classifier or regressor with the settings of `task`, and no early end."""
    c = task.configuration
    return classes[0 if c.classes else 1](
        hidden_layer_sizes=c.hidden,
        alpha=ALPHA,
        batch_size=c.batch,
        max_iter=epochs,
        shuffle=shuffle,
        random_state=0,
        tol=0.0,
        n_iter_no_change=np.inf,
    )


def predictor(model: Any) -> Predict:
    """Probabilities of a classifier, predictions of a regressor."""
    return model.predict_proba if hasattr(model, "predict_proba") else model.predict


def fit_ours(task: Task, epochs: int, shuffle: bool = True) -> Predict:
    """`skbackprop.mlp`: our estimators with the settings of scikit-learn's."""
    model = estimator(OURS, task, epochs, shuffle)
    return predictor(model.set_params(dtype=task.precision).fit(task.X, task.y))


def fit_mlp(task: Task, epochs: int, shuffle: bool = True) -> Predict:
    """scikit-learn's `MLPClassifier` or `MLPRegressor`."""
    model = estimator((MLPClassifier, MLPRegressor), task, epochs, shuffle)
    return predictor(model.fit(task.X, task.y))


def fit_torch(task: Task, epochs: int, shuffle: bool = True) -> Predict:
    """The plain loop of torch's tutorials, two threads, the fastest of its Adams.

    It does not even add up the loss, which ours does.
    """
    import torch

    torch.set_num_threads(2)
    c = task.configuration
    net, criterion, y = torch_network(task), torch_loss(task)(), torch_target(task)
    X = torch.as_tensor(task.X, dtype=torch.float32)
    y = torch.as_tensor(y)
    adam = torch.optim.Adam(net.parameters(), 1e-3, weight_decay=torch_decay(task), fused=True)
    for _ in range(epochs):
        order = torch.randperm(c.rows) if shuffle else torch.arange(c.rows)
        for rows in order.split(c.batch):
            adam.zero_grad()
            criterion(net(X[rows]), y[rows]).backward()
            adam.step()
    return torch_predictor(task, net)


def fit_skorch(task: Task, epochs: int, shuffle: bool = True) -> Predict:
    """skorch without validation, printing nothing."""
    import skorch
    import torch

    torch.set_num_threads(2)
    c = task.configuration
    kinds = {0: skorch.NeuralNetRegressor, 2: skorch.NeuralNetBinaryClassifier}
    net = torch_network(task)
    kinds.get(c.classes, skorch.NeuralNetClassifier)(
        net,
        criterion=torch_loss(task),
        optimizer=torch.optim.Adam,
        optimizer__fused=True,
        optimizer__weight_decay=torch_decay(task),
        lr=1e-3,
        max_epochs=epochs,
        batch_size=c.batch,
        iterator_train__shuffle=shuffle,
        train_split=None,
        verbose=0,
    ).fit(task.X.astype(np.float32), torch_target(task, flat=c.classes == 2))
    return torch_predictor(task, net)


def torch_network(task: Task) -> Any:
    """Our network in torch, with our starting weights."""
    import torch
    from torch import nn

    layers: list[Any] = []
    n = len(task.start) // 2
    for W, b in zip(task.start[:n], task.start[n:], strict=True):
        dense = nn.Linear(*W.shape)
        with torch.no_grad():
            dense.weight.copy_(torch.as_tensor(W.T))
            dense.bias.copy_(torch.as_tensor(b))
        layers += [dense, nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def torch_loss(task: Task) -> Any:
    """The class of the loss on scores."""
    from torch import nn

    kinds = {0: nn.MSELoss, 2: nn.BCEWithLogitsLoss}
    return kinds.get(task.configuration.classes, nn.CrossEntropyLoss)


def torch_target(task: Task, *, flat: bool = False) -> np.ndarray:
    """Class numbers for three and more classes, else one column of float32."""
    if task.configuration.classes > 2:
        return task.y.astype(np.int64)
    column = task.y.astype(np.float32)
    return column if flat else column[:, None]


def torch_decay(task: Task) -> float:
    """The L2 penalty; torch's squared error has no ½, so its penalty has none either."""
    factor = 1 if task.configuration.classes else 2
    return factor * ALPHA / task.configuration.batch


def torch_predictor(task: Task, net: Any) -> Predict:
    """What the scores of a torch network mean."""
    import torch

    def predict(X: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            scores = net(torch.as_tensor(X, dtype=torch.float32)).numpy().astype(np.float64)
        if task.configuration.classes == 0:
            return scores
        if task.configuration.classes == 2:
            return np.hstack([expit(-scores), expit(scores)])
        return softmax(scores, axis=1)

    return predict


def agree(task: Task, peer: str) -> float:
    """Warm both peers up, and see that they learn the same.

    Returns the difference of the losses after one epoch as a part of the loss at the
    start; raises if it is more than `AGREEMENT`.
    """
    before = task.loss(task.untrained)
    ours, theirs = (task.loss(fit(task, 1, False)) for fit in (fit_ours, SIDES[peer]))
    difference = abs(ours - theirs) / before
    if not 0 <= difference <= AGREEMENT:
        raise AssertionError(
            f"Ours and {peer} should learn the same, got the losses {ours} and {theirs} "
            f"after {before} at the start."
        )
    return difference


SIDES = {"ours": fit_ours, "MLP": fit_mlp, "torch": fit_torch, "skorch": fit_skorch}
