"""A model that is saved and loaded: it predicts the same, and trains on the same."""

import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError

import skbackprop
from skbackprop import BackpropClassifier, BackpropRegressor, Scheduled, WeightInit
from skbackprop.io.decode import Decoder
from skbackprop.io.encode import Encoder
from skbackprop.io.model import FORMAT_VERSION, dumps, loads
from skbackprop.io.tables import KIND_OF
from skbackprop.nn.losses import Pinball
from skbackprop.optim import AVERAGES, Adam, Cosine, schedules

from .models import (
    LABELS,
    MODELS,
    NEW,
    NUMBERS,
    SCORE,
    TABLE,
    assert_same,
    classifier,
    few_calls,
    predictions,
    regressor,
)

ATTRIBUTES = (
    "classes_",
    "n_features_in_",
    "feature_names_in_",
    "resolved_params_",
    "history_",
    "n_iter_",
    "best_iter_",
    "best_validation_score_",
    "stop_reason_",
    "t_",
    "coefs_",
    "intercepts_",
    "out_activation_",
)
quiet = pytest.mark.filterwarnings("ignore::UserWarning")  # of short fits


@pytest.fixture(scope="module", params=MODELS)
def model_and_rows(request):
    make, X = MODELS[request.param]
    return make(), X


@quiet
@pytest.mark.parametrize("training_state", [False, True])
def test_a_loaded_model_is_the_same(model_and_rows, training_state):
    model, X = model_and_rows
    same = loads(dumps(model, training_state=training_state))
    assert type(same) is type(model)
    assert_same(predictions(same, X), predictions(model, X))
    assert_same(same.get_params(), model.get_params())
    for name in ATTRIBUTES:
        assert hasattr(same, name) == hasattr(model, name)
        if hasattr(model, name):
            assert_same(getattr(same, name), getattr(model, name))
    assert vars(same).keys() == vars(model).keys()
    assert same._fitted.run.network is same._fitted.network


@quiet
def test_a_file_of_a_loaded_model_is_the_same_file(model_and_rows):
    data = dumps(model_and_rows[0], training_state=True)
    assert dumps(loads(data), training_state=True) == data


def test_a_path_is_a_string_or_a_path(tmp_path):
    model = regressor()
    for path in (tmp_path / "a.skbp", str(tmp_path / "b.skbp")):
        assert model.save(path) is None
        assert_same(skbackprop.load(path).predict(NUMBERS), model.predict(NUMBERS))
    with pytest.raises(TypeError, match="str, bytes or os.PathLike"):
        model.save(3.5)


def test_only_a_fitted_model_is_saved(tmp_path):
    with pytest.raises(NotFittedError):
        BackpropRegressor().save(tmp_path / "model.skbp")
    assert os.listdir(tmp_path) == []


@quiet
def test_a_loaded_model_of_a_raw_table_refuses_what_it_refused(tmp_path):
    model = classifier(TABLE)
    same = loads(dumps(model))
    with pytest.raises(ValueError, match="feature names"):
        same.predict(NEW[NEW.columns[::-1]])
    assert_same(same.predict_proba(NEW), model.predict_proba(NEW))


@quiet
@pytest.mark.parametrize(
    "params",
    [
        {},
        {"preset": "plain", "solver": "sgd", "learning_rate": "adaptive"},
        {"preset": "plain", "solver": "schedule_free"},
        {"preset": "plain", "solver": "muon", "hidden_layer_sizes": (5, 4)},
        {"preset": "plain", "averaging": "ema", "dropout": 0.2},
        {"preset": "plain", "solver": "nadam", "early_stopping": True, "n_iter_no_change": 50},
        {"preset": "plain", "solver": "lbfgs"},
        {"n_members": 3, "early_stopping": False},
    ],
    ids=str,
)
def test_a_warm_start_goes_on_to_the_bit(params):
    model = regressor(warm_start=True, **params)
    same = loads(dumps(model, training_state=True))
    for one in (model, same):
        one.set_params(max_iter=3).fit(NUMBERS, SCORE)
    assert_same(same.network_.theta, model.network_.theta)
    assert_same(same.history_["loss"], model.history_["loss"])


@quiet
@pytest.mark.parametrize("params", [{}, {"preset": "plain", "dropout": 0.2}], ids=str)
def test_partial_fit_goes_on_to_the_bit(params):
    model = BackpropClassifier(random_state=0, max_iter=20, class_weight="balanced", **params)
    for _ in range(2):
        model.partial_fit(NUMBERS, LABELS["binary"], classes=["no", "yes"])
    same = loads(dumps(model, training_state=True))
    for one in (model, same):
        one.partial_fit(NUMBERS[::2], LABELS["binary"][::2])
    assert_same(same.network_.theta, model.network_.theta)
    assert_same(same.predict_proba(NUMBERS), model.predict_proba(NUMBERS))


@quiet
def test_without_training_state_a_model_trains_on_from_its_weights():
    model = regressor(preset="plain", warm_start=True)
    same = loads(dumps(model))
    assert same._fitted.run.optimizer_state is None
    before = same.network_.theta.copy()
    same.set_params(learning_rate_init=1e-9).fit(NUMBERS, SCORE)
    np.testing.assert_allclose(same.network_.theta, before, atol=1e-6)


def test_a_generator_given_as_seed_comes_back():
    model = regressor(random_state=np.random.RandomState(3))
    same = loads(dumps(model, training_state=True))
    assert same.random_state.randint(2**31) == model.random_state.randint(2**31)
    assert same._fitted.run.rng is not None


def test_parameters_of_every_kind_come_back():
    params = {
        "hidden_layer_sizes": range(3, 1, -1),
        "activation": ["relu", "mish"],
        "learning_rate": Cosine(0.1),
        "solver": Adam(beta_1=0.8, lr_multipliers={"dense_0.W": 0.5}),
        "weight_init": WeightInit("mlp", biases=None),
        "dropout": Scheduled(0.1, Cosine(0.2)),
        "loss": Pinball((0.1, 0.5)),
        "tol": np.float32(0.1),
        "alpha": np.float64(0.25),
        "n_iter_no_change": float("inf"),
        "validation_fraction": [(np.arange(90), np.arange(90, 120))],
        "random_state": np.int64(2**31),
        "early_stopping": np.True_,
    }
    model = regressor(preset="plain", **params)
    same = loads(dumps(model))
    for name, value in params.items():
        assert_same(getattr(same, name), value)


def test_every_average_can_be_stored():
    assert set(AVERAGES.values()) <= set(KIND_OF)


@pytest.mark.parametrize("numbers", [range(7), range(9, 0, -3), range(1000), range(0)], ids=str)
def test_a_short_range_comes_back(numbers):
    assert Decoder({}).decode(Encoder().encode(numbers, "a"), "a") == numbers


def test_a_long_range_comes_back_as_a_list():
    encoder = Encoder()
    encoded = encoder.encode(range(1001), "a")
    assert Decoder(encoder.tensors).decode(encoded, "a") == list(range(1001))


def test_weights_are_not_copied_when_they_are_loaded():
    theta = loads(dumps(regressor())).network_.theta
    assert theta.flags.writeable
    assert not theta.flags.owndata


def test_weights_can_be_read_by_name(tmp_path):
    numpy = pytest.importorskip("safetensors.numpy")
    model = regressor(preset="plain", hidden_layer_sizes=(3,))
    model.save(tmp_path / "model.skbp")
    tensors = numpy.load_file(tmp_path / "model.skbp")
    names = [name for name in tensors if name.startswith("fitted.network.")]
    arrays = [tensors[name] for name in sorted(names) if name.endswith(".W")]
    assert_same(arrays, list(model.coefs_))


def test_the_rest_is_json_with_versions(tmp_path):
    package = pytest.importorskip("safetensors")
    regressor().save(tmp_path / "model.skbp")
    with package.safe_open(tmp_path / "model.skbp", "np") as file:
        metadata = file.metadata()
    assert metadata["skbackprop.format_version"] == str(FORMAT_VERSION)
    model = json.loads(metadata["skbackprop.model"])
    assert model["estimator"] == "BackpropRegressor"
    assert model["versions"]["skbackprop"] == skbackprop.__version__
    assert model["params"]["random_state"] == 0
    assert model["training_state"] is False


@quiet
@pytest.mark.parametrize("make", [classifier, regressor])
def test_a_default_model_is_hardly_larger_than_its_weights(make, tmp_path):
    model = make(max_iter=256)
    model.save(tmp_path / "model.skbp")
    size = (tmp_path / "model.skbp").stat().st_size
    quantiles = 33 * 8 * NUMBERS.shape[1]  # of each number, for more calls of `partial_fit`
    assert size < 1.02 * model.network_.theta.nbytes + quantiles + 20_000


@pytest.mark.parametrize(
    "values",
    [
        [0.1] * 20,
        [0.5, -0.0, float("inf"), float("nan")] * 20,
        [None, 1.25, None, 1e300] * 20,
        list(range(300)),
        [2**40, -1] * 20,
        [2**70, 1] * 20,
        [1, 1.0, True] * 20,
        [None] * 40,
    ],
    ids=str,
)
def test_long_lists_of_numbers_come_back(values):
    encoder = Encoder()
    encoded = json.loads(json.dumps(encoder.encode({"list": values}, "a")))
    same = Decoder(encoder.tensors).decode(encoded, "a")["list"]
    assert_same(same, values)
    assert [str(item) for item in same] == [str(item) for item in values]  # -0.0


def test_a_model_loads_in_few_calls(tmp_path):
    regressor().save(tmp_path / "model.skbp")
    with few_calls(12_000):
        skbackprop.load(tmp_path / "model.skbp")


def test_load_is_listed_and_unknown_names_are_not_there():
    assert "load" in skbackprop.__all__
    with pytest.raises(AttributeError, match="no attribute 'lode'"):
        _ = skbackprop.lode


def test_levels_of_any_type_come_back():
    keys = [1, "1", 2.5, True, None, "$tuple", "", "a.b/c..\0"]
    table = pd.DataFrame({"mixed": (keys * 20)[:120], "x": NUMBERS[:, 0]})
    model = regressor(table)
    assert_same(loads(dumps(model)).predict(table), model.predict(table))


def test_clocks_are_stored_by_value():
    model = regressor()
    same = loads(dumps(model))
    assert type(same._fitted.run.clock) is schedules.Clock
    assert same._fitted.run.clock == model._fitted.run.clock


def test_a_saved_model_is_not_changed(tmp_path):
    model = regressor(warm_start=True)
    before = {name: id(value) for name, value in vars(model).items()}
    theta = model.network_.theta.copy()
    model.save(Path(tmp_path) / "model.skbp", training_state=True)
    assert {name: id(value) for name, value in vars(model).items()} == before
    assert_same(model.network_.theta, theta)


def test_lists_with_the_same_places_share_a_mask():
    value = {"a": [None, 1.5] * 9, "b": [None, 7] * 9, "c": [2, None] * 9}
    encoder = Encoder()
    encoded = encoder.encode(value, "x")
    assert list(encoder.tensors) == ["x.a", "x.a.known", "x.b", "x.c", "x.c.known"]
    assert Decoder(encoder.tensors).decode(encoded, "x") == value
