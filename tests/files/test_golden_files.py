"""Files of earlier versions load, and their models say what they said."""

import json
from pathlib import Path

import numpy as np
import pytest

import skbackprop

GOLDEN = Path(__file__).parents[1] / "golden"
EXPECTED = json.loads((GOLDEN / "saved_models.json").read_text("utf-8"))


def test_every_file_is_tested():
    assert {path.stem for path in GOLDEN.glob("*.skbp")} == set(EXPECTED["models"])


@pytest.mark.parametrize("name", EXPECTED["models"])
def test_a_file_of_an_earlier_version_loads(name):
    path = GOLDEN / f"{name}.skbp"
    model, expected = skbackprop.load(path), EXPECTED["models"][name]
    X = EXPECTED["tables"][expected["table"]]
    answers = getattr(model, "predict_proba", model.predict)(X)
    # Another BLAS adds up in another order.
    np.testing.assert_allclose(answers, expected["answers"], rtol=1e-5, atol=1e-6)
    assert path.stat().st_size < 20_000
    assert isinstance(model._fitted.stack_sizes, list)  # None in the first files
    params = model.resolved_params_
    sizes = params["hidden_layer_sizes"]
    assert model.activations(X).shape[-2:] == (len(X), sizes[-1])
    type(model)(**params)._check_parameters()


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_file_with_training_state_trains_on():
    model = skbackprop.load(GOLDEN / "mlp_regressor_training.skbp")
    X = np.array(EXPECTED["tables"]["numbers"])
    assert model.fit(X, X[:, 0] * X[:, 1]).t_ == 6 * len(X)
