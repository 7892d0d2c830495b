"""Parameters reach the training: changing one changes the model."""

import numpy as np
import pytest

from skbackprop import BackpropClassifier
from skbackprop.optim import Step

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 3))
Y = (X[:, 0] + 0.5 * RNG.normal(size=60) > 0).astype(int)


def weights(**params):
    model = BackpropClassifier(
        (4,), preset="plain", solver="sgd", learning_rate_init=0.1, max_iter=4, tol=0.0,
        n_iter_no_change=100, random_state=0, **params,
    )  # fmt: skip
    with pytest.warns(UserWarning, match="reached"):
        model.fit(X, Y)
    return np.concatenate([w.ravel() for w in model.coefs_])


@pytest.mark.parametrize(
    "params",
    [
        {"label_smoothing": 0.2},
        {"weight_decay": 0.1},
        {"max_grad_norm": 1e-3},
        {"l1": 1e-2},
        {"dropout": 0.3},
    ],
)
def test_a_parameter_changes_the_weights(params):
    assert np.abs(weights(**params) - weights()).max() > 1e-4


@pytest.mark.parametrize(
    "params", [{"label_smoothing": 0.2}, {"weight_decay": 0.1}, {"dropout": 0.3}]
)
def test_its_schedule_changes_the_weights(params):
    (name,) = params
    schedule = {f"{name}_schedule": Step(milestones=(0.5,))}
    assert np.abs(weights(**params, **schedule) - weights(**params)).max() > 1e-5
