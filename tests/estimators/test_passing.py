"""Parameters reach the training: changing one changes the model."""

import numpy as np
import pytest

from skbackprop import BackpropClassifier, LogLoss, Scheduled
from skbackprop.optim import SGD, Step

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 3))
Y = (X[:, 0] + 0.5 * RNG.normal(size=60) > 0).astype(int)


def weights(**params):
    model = BackpropClassifier(
        (4,), preset="plain", learning_rate_init=0.1, max_iter=4, tol=0.0,
        n_iter_no_change=100, random_state=0, **({"solver": SGD()} | params),
    )  # fmt: skip
    with pytest.warns(UserWarning, match="reached"):
        model.fit(X, Y)
    return np.concatenate([w.ravel() for w in model.coefs_])


@pytest.mark.parametrize(
    "params",
    [
        {"loss": LogLoss(0.2)},
        {"weight_decay": 0.1},
        {"solver": SGD(max_grad_norm=1e-3)},
        {"solver": SGD(l1=1e-2)},
        {"dropout": 0.3},
    ],
)
def test_a_parameter_changes_the_weights(params):
    assert np.abs(weights(**params) - weights()).max() > 1e-4


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("loss", LogLoss),
        ("weight_decay", lambda value: value),
        ("dropout", lambda value: value),
    ],
)
def test_its_schedule_changes_the_weights(name, make):
    scheduled = Scheduled(0.2, Step(milestones=(0.5,)))
    difference = weights(**{name: make(scheduled)}) - weights(**{name: make(0.2)})
    assert np.abs(difference).max() > 1e-5
