"""Errors say three things: what was required, what was got, and what to do."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest
from plain import BackpropClassifier, BackpropRegressor
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GroupKFold, GroupShuffleSplit, LeaveOneGroupOut

from skbackprop import LogLoss, NumericEmbedding, Scheduled, TableEncoding, WeightInit
from skbackprop.nn.activations import ACTIVATIONS
from skbackprop.nn.architectures import NORMALIZATIONS
from skbackprop.nn.initializers import INITIALIZERS
from skbackprop.nn.losses import LOSSES
from skbackprop.optim import AVERAGES, OPTIMIZERS, Adam
from skbackprop.optim.schedules import SCHEDULES
from skbackprop.training.callbacks import Callback

from .common import BOTH, unconverged

X = np.random.RandomState(0).normal(size=(30, 3))
y = np.arange(30) % 2

# For every parameter: values that are wrong, and what a message must name as right.
ACTIVATION_NAMES = [repr(name) for name in ACTIVATIONS] + ["forward", "backward"]
INITIALIZER_NAMES = [repr(name) for name in INITIALIZERS] + ["callable"]
NOT_BOOL = ["yes", None, 2, 0.5], ["bool"]
NOT_POSITIVE = ["much", None, 0.0, -1.0, np.nan, np.inf, [1.0]], ["auto", "(0", "inf)"]
SHARE = ["much", None, -0.1, 1.0, np.nan, [0.5]], ["[0", "1)"]
BIASES = (["large", {}, np.nan], ["auto", "mlp", *INITIALIZER_NAMES])
FACTORS = (["fast", 1.0, {"W": -1.0}, {1: 1.0}], ["None", "auto", "ntk", "dict"])

NOT_AUTO_BOOL = ["yes", None, 2, 0.5], ["auto", "bool"]
NOT_SCHEDULE = ["fast", None, 0.1], ["auto", *map(repr, SCHEDULES)]

WRONG = {
    "hidden_layer_sizes": (["many", None, 0, -5, (5, 0), (8.0, 4.5), 2.5, "12"], ["auto", "int"]),
    "activation": (
        ["rectifier", None, 3, ["relu", "no"], (None,), "softmax", ["softmax", "relu"]],
        ACTIVATION_NAMES,
    ),
    "preset": (["fancy", None, 1], ["auto", "plain", "fast", "best"]),
    "solver": (["newton", None, 1], ["auto", "lbfgs", *map(repr, OPTIMIZERS)]),
    "alpha": (["much", None, -1, np.nan, np.inf, [1.0]], ["auto", "[0", "inf)"]),
    "batch_size": (["many", None, 0, -1, 2.5, True], ["auto", "int", "[1"]),
    "learning_rate": (["fast", None, 0.1], ["adaptive", *map(repr, SCHEDULES)]),
    "learning_rate_init": (["much", None, 0.0, -1.0, np.nan, [1.0]], ["auto", "probe", "(0"]),
    "power_t": (["much", None, -1.0, np.nan, [1.0]], ["[0", "inf)"]),
    "max_iter": (["many", None, 0, -1, 2.5, True], ["auto", "int", "[1"]),
    "shuffle": NOT_BOOL,
    "random_state": (["seed", -1, 0.5, 2**32, [1]], ["int", "RandomState", "None"]),
    "tol": (["much", None, -1.0, np.nan, [1.0]], ["auto", "[0", "inf)"]),
    "verbose": (["yes", None, -1, 0.5], ["bool", "int"]),
    "warm_start": NOT_BOOL,
    "momentum": (["much", None, -0.1, 1.1, np.nan, [0.5]], ["[0", "1]"]),
    "nesterovs_momentum": NOT_BOOL,
    "early_stopping": (["yes", None, 2, 0.5], ["auto", "bool"]),
    "validation_fraction": (["much", None, 0.0, 1.0, -0.1, 1.5, 3, np.nan], ["auto", "(0", "1)"]),
    "beta_1": SHARE,
    "beta_2": SHARE,
    "epsilon": (["much", None, 0.0, -1.0, np.nan, [1.0]], ["(0", "inf)"]),
    "n_iter_no_change": (["many", None, 0, -1, 2.5, np.nan, -np.inf], ["auto", "int", "[1", "inf"]),
    "max_fun": (["many", None, 0, -1, 2.5], ["int", "[1"]),
    "n_hidden_layers": (["many", -1, 2.5, (1,)], ["None", "int", "[0"]),
    "weight_decay": (
        ["much", None, -0.1, np.nan, np.inf, [0.1], NumericEmbedding(), Scheduled],
        ["auto", "[0", "inf)", "a Scheduled"],
    ),
    "dropout": (
        ["much", None, -0.1, 1.0, 1, np.nan, [1.0], [True], True, NumericEmbedding(), LogLoss()],
        ["auto", "[0", "1)", "list", "input", "a Scheduled"],
    ),
    "categorical_features": (["from_types", 3, 0.5], ["None", "from_dtype", "names", "mask"]),
    "feature_encoding": (
        ["columns", True, 0, NumericEmbedding(), TableEncoding],
        ["None", "auto", "table", "a TableEncoding"],
    ),
    "refit": NOT_BOOL,
    "numeric_embedding": (
        ["wavelets", True, 0, TableEncoding(), Scheduled(0.1)],
        ["None", "periodic", "piecewise", "both", "a NumericEmbedding"],
    ),
    "n_members": (["many", None, 0, 2.5], ["auto", "int", "[1"]),
    "member_sharing": (["all", None, 1], ["batch", "independent", "mini"]),
    "max_restarts": (["many", None, -1, 2.5], ["auto", "int", "[0"]),
    "time_budget": (["long", 0, -1.0], ["None", "(0"]),
    "callbacks": (["mine", 3, [3], (None,), [Callback]], ["None", "on_epoch_end", "not classes"]),
    "n_jobs": (["all", 0, 2.5], ["None", "int"]),
    "normalization": (["group", True, 1, 0], ["None", *map(repr, NORMALIZATIONS)]),
    "residual": NOT_BOOL,
    "weight_init": (
        ["large", None, {}, Scheduled(0.1)],
        ["auto", "mlp", *INITIALIZER_NAMES, "a WeightInit"],
    ),
    "scoring": ([3, 0.5, {}], ["auto", "None", "loss", "get_scorer_names", "callable"]),
    "dtype": (["float16", int, np.int64, None, "double"], ["auto", "float32", "float64"]),
}
LOSS_OF = {
    BackpropClassifier: ["log_loss", "a LogLoss", "value_and_delta", "predict"],
    BackpropRegressor: [repr(name) for name in LOSSES if "log_loss" not in name]
    + ["value_and_delta", "predict"],
}
WRONG_IN = {
    BackpropClassifier: WRONG
    | {
        "loss": (["hinge", None, 3, Scheduled(0.1), LogLoss], LOSS_OF[BackpropClassifier]),
        "calibration": (
            ["isotonic", True, 1.0],
            ["auto", "None", "temperature", "sqrt_temperature"],
        ),
        "class_weight": (["equal", 3, 0.5], ["balanced", "dict", "None"]),
    },
    BackpropRegressor: WRONG
    | {
        "loss": (["hinge", None, 3, LogLoss(0.1)], LOSS_OF[BackpropRegressor]),
        "standardize_target": NOT_AUTO_BOOL,
        "clip_predictions": NOT_AUTO_BOOL,
    },
}
NESTED = {  # a value of a setting of a part: the parameter that holds the part
    "numeric_embedding": lambda name, value: NumericEmbedding("both", **{name: value}),
    "feature_encoding": lambda name, value: TableEncoding(**{name: value}),
    "dropout": lambda name, value: Scheduled(0.1, value),
    "weight_decay": lambda name, value: Scheduled(0.1, value),
    "weight_init": lambda name, value: WeightInit("mlp", value),
    "loss": lambda name, value: LogLoss(Scheduled(0.1, value) if "__" in name else value),
}


def parameter(name, value):
    """The argument of a constructor that sets a parameter, or a setting of a part."""
    part, is_nested, rest = name.partition("__")
    return {part: NESTED[part](rest, value) if is_nested else value}


CASES = [
    (Estimator, name, value, allowed)
    for Estimator, table in WRONG_IN.items()
    for name, (values, allowed) in table.items()
    for value in values
]


@BOTH
def test_every_parameter_has_a_row(Estimator):
    plain = {name for name in WRONG_IN[Estimator] if "__" not in name}
    assert set(Estimator().get_params()) == plain
    assert len(plain) <= 45


@pytest.mark.parametrize(("Estimator", "name", "value", "allowed"), CASES)
def test_a_wrong_value_is_refused_with_what_is_allowed(Estimator, name, value, allowed):
    estimator = Estimator(**parameter(name, value))
    assert estimator.get_params()[name] is value  # the constructor checks nothing
    with pytest.raises(ValueError, match=f"The '{name}' parameter of {Estimator.__name__}") as e:
        estimator.fit(X, y)
    message = str(e.value)
    assert "must be" in message
    assert f"Got {value!r} instead" in message
    for part in allowed:
        assert part in message
    classes = {"classes": [0, 1]} if Estimator is BackpropClassifier else {}
    if name != "solver":  # without a known solver there is no partial_fit
        with pytest.raises(ValueError, match=f"The '{name}' parameter"):
            estimator.partial_fit(X, y, **classes)
    assert "n_features_in_" not in vars(estimator)


# Settings objects check their fields when they are made, and name the parameter of a search.
IN_OBJECTS = {
    (Scheduled, "value", "dropout"): (["much", None, -0.1, np.inf, np.nan, [1.0]], ["[0", "list"]),
    (Scheduled, "schedule", "dropout"): NOT_SCHEDULE,
    (NumericEmbedding, "kind", "numeric_embedding"): (["cosines", None, 3], ["periodic", "both"]),
    (NumericEmbedding, "n_bins", "numeric_embedding"): (
        ["many", None, 1, 2.5, True],
        ["auto", "int", "[2"],
    ),
    (NumericEmbedding, "n_frequencies", "numeric_embedding"): (
        ["many", None, 0, 2.5],
        ["auto", "int", "[1"],
    ),
    (NumericEmbedding, "frequency_scale", "numeric_embedding"): NOT_POSITIVE,
    (TableEncoding, "embedding_dim", "feature_encoding"): (
        ["much", None, 0, 2.5],
        ["auto", "int", "[1"],
    ),
    (TableEncoding, "learned_scale", "feature_encoding"): NOT_AUTO_BOOL,
    (TableEncoding, "value_effects", "feature_encoding"): NOT_AUTO_BOOL,
    (TableEncoding, "whitened", "feature_encoding"): (
        ["much", None, -0.1, 1.5, np.nan, True],
        ["auto", "[0", "1]"],
    ),
    (TableEncoding, "monotonic_cst", "feature_encoding"): (
        [1, "up", [2], [[1]], [], {"up": 2}, {0: 1}],
        ["None", "-1, 0 and 1", "column names"],
    ),
    (WeightInit, "weights", "weight_init"): (
        ["large", None, {}, 0.5],
        ["auto", "mlp", *INITIALIZER_NAMES],
    ),
    (WeightInit, "biases", "weight_init"): BIASES,
    (LogLoss, "label_smoothing", "loss"): (
        ["much", None, -0.1, 1.0, np.nan, Scheduled(1.5), Scheduled("auto")],
        ["[0", "1)", "a Scheduled"],
    ),
}
FIELDS = [
    (cls, field, parameter, value, allowed)
    for (cls, field, parameter), (values, allowed) in IN_OBJECTS.items()
    for value in values
]


def test_every_field_of_a_settings_object_has_a_row():
    classes = (Scheduled, NumericEmbedding, TableEncoding, WeightInit, LogLoss)
    fields = {(cls, f.name) for cls in classes for f in dataclasses.fields(cls)}
    assert {(cls, field) for cls, field, _ in IN_OBJECTS} == fields


@pytest.mark.parametrize(("cls", "field", "parameter", "value", "allowed"), FIELDS)
def test_a_settings_object_refuses_a_wrong_value(cls, field, parameter, value, allowed):
    good = {"value": 0.1} if cls is Scheduled else {}
    with pytest.raises(ValueError, match=f"The '{field}' parameter of {cls.__name__}") as e:
        cls(**good | {field: value})
    assert f"{parameter}__{field}" in str(e.value)
    assert f"Got {value!r} instead" in str(e.value)
    assert all(part in str(e.value) for part in allowed)
    estimator = BackpropClassifier(**{parameter: cls(**good)})
    before = estimator.get_params()
    with pytest.raises(ValueError, match=f"{parameter}__{field}"):
        estimator.set_params(**{f"{parameter}__{field}": value})
    assert estimator.get_params() == before


# Optimizers do the same; another object in the place of one is checked by `fit`.
IN_OPTIMIZERS = {
    "gradient_accumulation_steps": (["many", None, 0, 2.5, True], ["int", "1"]),
    "max_grad_norm": (["much", 0.0, -1.0, np.nan, np.inf, [1.0], True], ["(0", "inf)"]),
    "l1": (["much", None, -0.1, np.nan, np.inf, [0.1]], ["[0", "inf)"]),
    "averaging": (["mean", True, 0.9, 0], ["None", "auto", *map(repr, AVERAGES)]),
    "lr_multipliers": FACTORS,
    "solve_output": NOT_AUTO_BOOL,
}
OF_SOLVERS = [
    (name, value, allowed) for name, (values, allowed) in IN_OPTIMIZERS.items() for value in values
]


@pytest.mark.parametrize(("name", "value", "allowed"), OF_SOLVERS)
def test_an_optimizer_refuses_a_wrong_value(name, value, allowed):
    with pytest.raises(ValueError, match=rf"Adam needs {name}.*got") as e:
        Adam(**{name: value})
    assert repr(value) in str(e.value)
    assert all(part in str(e.value) for part in allowed)
    with pytest.raises(ValueError, match=f"Adam needs {name}"):
        BackpropClassifier(solver=Adam()).set_params(**{f"solver__{name}": value})


@BOTH
@pytest.mark.parametrize(("name", "value", "allowed"), OF_SOLVERS)
def test_a_wrong_value_of_another_optimizer_is_refused_by_fit(Estimator, name, value, allowed):
    solver = SimpleNamespace(state=lambda theta: None, step=lambda *args: None, **{name: value})
    with pytest.raises(ValueError, match=f"The 'solver__{name}' parameter.*Got") as e:
        Estimator(solver=solver).fit(X, y)
    assert all(part in str(e.value) for part in allowed)


@BOTH
@pytest.mark.parametrize(
    ("name", "value"),
    [("dropout", 1.0), ("dropout", [1.5]), ("weight_decay", [0.5, 0.5])],
)
def test_a_scheduled_value_that_the_parameter_does_not_take_is_refused(Estimator, name, value):
    if value == [1.5]:
        with pytest.raises(ValueError, match="The 'value' parameter of Scheduled"):
            Scheduled(value, "cosine")
        return
    estimator = Estimator(**{name: Scheduled(value, "cosine")})
    with pytest.raises(ValueError, match=rf"The '{name}__value' parameter of {Estimator.__name__}"):
        estimator.fit(X, y)


@BOTH
@pytest.mark.parametrize(
    ("key", "example"),
    [
        ("dropout__schedule", "Scheduled"),
        ("weight_decay__value", "Scheduled"),
        ("numeric_embedding__n_bins", "NumericEmbedding"),
        ("feature_encoding__embedding_dim", "TableEncoding"),
        ("weight_init__biases", "WeightInit"),
        ("solver__averaging", "Adam"),
    ],
)
def test_a_setting_of_a_plain_value_is_refused_with_advice(Estimator, key, example):
    with pytest.raises(ValueError, match=rf"{key} needs .* an object.*got.*{example}\("):
        Estimator().set_params(**{key: 1})


@BOTH
def test_several_problems_are_reported_together(Estimator):
    estimator = Estimator(alpha=-1, solver="newton", max_iter=0)
    with pytest.raises(ValueError, match="alpha") as error:
        estimator.fit(X, y)
    assert all(name in str(error.value) for name in ("alpha", "solver", "max_iter"))


# Unknown names --------------------------------------------------------------------------------

TYPOS = [
    ("activation", "rleu", "relu"),
    ("activation", "Tanh", "tanh"),
    ("activation", "ReLU", "relu"),
    ("activation", "softpls", "softplus"),
    ("activation", "leakyrelu", "leaky_relu"),
    ("solver", "adma", "adam"),
    ("solver", "SGD", "sgd"),
    ("solver", "l-bfgs", "lbfgs"),
    ("learning_rate", "invscale", "invscaling"),
    ("learning_rate", "adaptative", "adaptive"),
    ("learning_rate", "constnat", "constant"),
    ("weight_init", "he_uniforn", "he_uniform"),
    ("weight_init", "Glorot_Normal", "glorot_normal"),
    ("preset", "plane", "plain"),
    ("dtype", "float3", "float32"),
    ("solver", "adam_w", "adamw"),
    ("solver", "schedule-free", "schedule_free"),
    ("solver", "Muon", "muon"),
    ("learning_rate", "cosin", "cosine"),
    ("learning_rate", "one-cycle", "one_cycle"),
    ("normalization", "LAYER", "layer"),
    ("early_stopping", "Auto", "auto"),
]


@BOTH
@pytest.mark.parametrize(("name", "typo", "known"), TYPOS)
def test_the_nearest_known_name_is_suggested(Estimator, name, typo, known):
    with pytest.raises(ValueError, match=f"{name}.*{typo}.*Did you mean '{known}'"):
        Estimator(**parameter(name, typo)).fit(X, y)


@pytest.mark.parametrize(
    ("Estimator", "typo", "known"),
    [
        (BackpropRegressor, "poison", "poisson"),
        (BackpropRegressor, "square_error", "squared_error"),
        (BackpropRegressor, "Huber", "huber"),
        (BackpropRegressor, "absolut_error", "absolute_error"),
        (BackpropClassifier, "logloss", "log_loss"),
    ],
)
def test_the_nearest_known_loss_is_suggested(Estimator, typo, known):
    with pytest.raises(ValueError, match=f"loss.*{typo}.*Did you mean '{known}'"):
        Estimator(loss=typo).fit(X, y)


@pytest.mark.parametrize(
    ("make", "typo", "known"),
    [
        (lambda: WeightInit(biases="zero"), "zero", "zeros"),
        (lambda: WeightInit("he_uniforn"), "he_uniforn", "he_uniform"),
        (lambda: Scheduled(0.1, "cosin"), "cosin", "cosine"),
        (lambda: NumericEmbedding("Periodic"), "Periodic", "periodic"),
        (lambda: BackpropClassifier((5,), ["relu", "sofmax"]).fit(X, y), "sofmax", "softmax"),
    ],
)
def test_the_nearest_known_name_of_a_setting_is_suggested(make, typo, known):
    with pytest.raises(ValueError, match=f"{typo}.*Did you mean '{known}'"):
        make()


def test_a_typo_in_a_list_of_activations_is_corrected():
    with pytest.raises(ValueError, match=r"activation.*rleu.*Did you mean 'relu'"):
        BackpropClassifier((5, 5), activation=["tanh", "rleu"]).fit(X, y)


@BOTH
def test_an_unknown_scorer_is_refused_by_name(Estimator):
    with pytest.raises(ValueError, match="'acuracy' instead. Did you mean 'accuracy'"):
        Estimator(early_stopping=True, scoring="acuracy").fit(X, y)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"activation": "sigmoid"}, "mean 'logistic'"),
        ({"activation": ["relu", "Swish"]}, "mean 'silu'"),
        ({"activation": "softmax"}, "It is for the output, where the log loss has it"),
        ({"loss": "mse"}, "mean 'squared_error'"),
        ({"loss": "quantile"}, "mean 'pinball'"),
        ({"weight_init": "xavier"}, "mean 'glorot_uniform'"),
        ({"learning_rate": 0.01}, "mean learning_rate_init=0.01"),
        ({"numeric_embedding": "linear"}, "Got 'linear' instead.$"),  # no name of an embedding
    ],
)
def test_names_of_other_libraries_are_understood(params, message):
    with pytest.raises(ValueError, match=message):
        BackpropRegressor((5, 5), **params).fit(X, y)


# Parameters that do not go together -----------------------------------------------------------


@pytest.mark.parametrize("loss", [name for name in LOSSES if "log_loss" not in name])
def test_a_loss_in_the_first_place_is_sent_to_its_keyword(loss):
    with pytest.raises(ValueError, match=f"hidden_layer_sizes.*loss='{loss}'"):
        BackpropRegressor(loss).fit(X, y)


@unconverged
def test_sizes_in_the_first_place_work():
    assert BackpropRegressor((50,), max_iter=2).fit(X, y).coefs_[0].shape == (3, 50)


@BOTH
@pytest.mark.parametrize("sizes", [(5,), [7, 7], ()])
def test_a_number_of_layers_and_explicit_sizes_are_refused_together(Estimator, sizes):
    with pytest.raises(
        ValueError, match=r"n_hidden_layers=2 needs hidden_layer_sizes.*int.*auto"
    ) as e:
        Estimator(sizes, n_hidden_layers=2).fit(X, y)
    assert f"got {sizes!r}" in str(e.value)


@unconverged
@BOTH
@pytest.mark.parametrize(
    ("scalars", "sizes"),
    [
        ({"n_hidden_layers": 2}, (100, 100)),
        ({"hidden_layer_sizes": 7}, (7,)),
        ({"n_hidden_layers": 3, "hidden_layer_sizes": 7}, (7, 7, 7)),
        ({"n_hidden_layers": 0}, ()),
        ({"n_hidden_layers": 0, "hidden_layer_sizes": 7}, ()),
        ({"n_hidden_layers": np.int64(1), "hidden_layer_sizes": np.int32(4)}, (4,)),
        ({}, (100,)),
    ],
)
def test_scalar_sizes_make_the_layers(Estimator, scalars, sizes):
    estimator = Estimator(max_iter=1, **scalars).fit(X, y)
    assert estimator.resolved_params_["hidden_layer_sizes"] == sizes
    assert tuple(W.shape[1] for W in estimator.coefs_[:-1]) == sizes


@BOTH
@pytest.mark.parametrize("activation", [["relu"] * 4, [], ("tanh", "relu", "relu", "relu")])
def test_as_many_activations_as_hidden_layers(Estimator, activation):
    with pytest.raises(ValueError, match=r"activation.*2 hidden layers.*output.*got \d"):
        Estimator((5, 4), activation=activation).fit(X, y)


def test_softmax_is_for_the_output_only():
    with pytest.raises(ValueError, match=r"activation needs 'softmax'.*2 hidden layers.*output"):
        BackpropClassifier((5, 4), activation=["relu", "softmax"]).fit(X, y)


@BOTH
@pytest.mark.parametrize("name", ["weight_init", "weight_init__biases"])
def test_as_many_initial_arrays_as_layers_and_of_their_shapes(Estimator, name):
    def made(arrays):
        init = WeightInit(biases=arrays) if name.endswith("biases") else arrays
        return Estimator((5,), weight_init=init)

    with pytest.raises(ValueError, match=rf"{name} .*2 layers.*got 1"):
        made([np.zeros((3, 5))]).fit(X, y)
    with pytest.raises(ValueError, match=r"shape.*got values of shape \(2, 2\)"):
        made([np.zeros((2, 2)), np.zeros((2, 2))]).fit(X, y)


@pytest.mark.parametrize("out", ["softmax", "identity", "tanh"])
def test_an_output_activation_that_the_loss_does_not_have_is_refused(out):
    given = ["relu", out]
    with pytest.raises(ValueError, match=rf"activation=\['relu', '{out}'\].*needs a loss on plain"):
        BackpropClassifier((5,), activation=given).fit(X, y)
    with pytest.raises(ValueError, match=rf"activation=\['relu', '{out}'\].*needs a loss on plain"):
        BackpropRegressor((5,), loss="poisson", activation=given).fit(X, y)


# Data -----------------------------------------------------------------------------------------


@BOTH
def test_validation_rows_come_in_pairs_and_with_early_stopping(Estimator):
    estimator = Estimator((3,), early_stopping=True)
    with pytest.raises(ValueError, match=r"X_val and y_val.*got X_val"):
        estimator.fit(X, y, X_val=X)
    with pytest.raises(ValueError, match=r"X_val and y_val.*got y_val"):
        estimator.fit(X, y, y_val=y)
    estimator.set_params(early_stopping=False)
    with pytest.raises(ValueError, match=r"early_stopping=True.*got early_stopping=False"):
        estimator.fit(X, y, X_val=X, y_val=y)


def test_a_class_only_in_the_validation_rows_is_refused_by_name():
    estimator = BackpropClassifier((3,), early_stopping=True)
    with pytest.raises(ValueError, match=r"y_val.*7"):
        estimator.fit(X, y, X_val=X, y_val=np.where(y == 1, 7, 0))


def test_continuous_targets_are_refused_by_the_classifier():
    with pytest.raises(ValueError, match="Unknown label type"):
        BackpropClassifier((3,)).fit(X, X[:, 0])


@BOTH
def test_lbfgs_has_no_partial_fit(Estimator):
    with pytest.raises(AttributeError, match="partial_fit"):
        _ = Estimator(solver="lbfgs").partial_fit


@BOTH
def test_before_fit_there_is_one_clear_error(Estimator):
    estimator = Estimator()
    with pytest.raises(NotFittedError):
        estimator.predict(X)
    for name in ("coefs_", "loss_curve_", "best_iter_", "n_iter_", "resolved_params_"):
        with pytest.raises(AttributeError, match=name):
            getattr(estimator, name)


@BOTH
@pytest.mark.parametrize("column", [["a", "b"] * 10, np.arange(20).astype("datetime64[D]")])
def test_a_column_without_numbers_is_refused_by_name(Estimator, column):
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame({"size": np.arange(20.0), "place": column})
    with pytest.raises((ValueError, TypeError), match=r"column 'place'.*OneHotEncoder"):
        Estimator((3,)).fit(table, np.arange(20) % 2)


@BOTH
def test_a_validation_fraction_without_training_rows_is_refused(Estimator):
    with pytest.raises(ValueError, match=r"validation_fraction=0.9 leaves no training rows"):
        Estimator((3,), early_stopping=True, validation_fraction=0.9).fit(X[:5], [0, 0, 0, 0, 0])


@BOTH
def test_one_row_is_not_held_out(Estimator):
    with pytest.raises(ValueError, match="early_stopping"):
        Estimator(preset="fast", early_stopping=True).fit(X[:1], y[:1])


def test_a_score_of_another_kind_of_target_is_refused_by_name():
    classifier = BackpropClassifier((3,), early_stopping=True, scoring="r2")
    with pytest.raises(ValueError, match="scoring='r2' failed.*scoring='loss'"):
        classifier.fit(X, np.where(y == 1, "yes", "no"))


LONG = "x" * 10**5
MIXED_X, LABELS = np.random.default_rng(0).normal(size=(61, 2)), np.array(["a", *["a", "b"] * 30])
MIXED = np.array([LONG, *["a", "b"] * 30], dtype=object)


@pytest.mark.parametrize(
    "fails",
    [
        lambda: BackpropClassifier(activation=LONG).fit(MIXED_X, LABELS),
        lambda: BackpropClassifier(class_weight={LONG: 1.0}).fit(MIXED_X, LABELS),
        lambda: BackpropClassifier(max_iter=1).fit(MIXED_X, LABELS, X_val=MIXED_X, y_val=MIXED),
        lambda: (
            BackpropClassifier(preset="plain", max_iter=1)
            .partial_fit(MIXED_X, LABELS, classes=["a", "b"])
            .partial_fit(MIXED_X, MIXED)
        ),
    ],
)
def test_a_message_does_not_repeat_a_long_value(fails):
    with pytest.raises(ValueError, match="xxx") as error:
        fails()
    assert len(str(error.value)) < 1000


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_other_classes_at_a_warm_start_are_named_as_in_scikit_learn():
    model = BackpropClassifier(warm_start=True, max_iter=1).fit(X, y)
    expected = r"Previously got \[0 1\], `y` has \[0 1 2\]$"
    with pytest.raises(ValueError, match=expected):
        model.fit(X, np.arange(30) % 3)


# Names that no parameter has, and X and y that are no tables ------------------------------------


@BOTH
@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"learning_rat_init": 0.1}, "'learning_rat_init'.* Did you mean 'learning_rate_init'"),
        ({"averaging": "ema"}, "'averaging'.* Did you mean 'solver__averaging'"),
        ({"xyzzy": 1}, "'xyzzy'.* Valid parameters are: .*'hidden_layer_sizes'"),
        ({"xyzzy__n": 1}, "'xyzzy'.* Valid parameters are: .*'hidden_layer_sizes'"),
        ({"learning_rate__init": 0.1}, "learning_rate='auto'. Did you mean 'learning_rate_init'"),
        ({"preset__n": 1}, "needs preset to be an object with this setting.* mean 'preset'"),
        ({"solver": Adam(), "solver__beta2": 0.5}, "Did you mean 'beta_2'"),
    ],
)
def test_set_params_names_the_nearest_parameter(Estimator, params, message):
    model = Estimator()
    with pytest.raises(ValueError, match=message):
        model.set_params(**params)


RECORDS = [{"a": 1.0, "b": 2.0}, {"a": 2.0, "b": 1.0}] * 5


@unconverged
@pytest.mark.parametrize("preset", ["auto", "plain"])
@pytest.mark.parametrize(
    ("table", "message"),
    [
        (RECORDS, r"got records with names. .*pandas.DataFrame\(X\)"),
        (np.array([(1.0, 2.0)] * 10, dtype=[("a", "f8"), ("b", "f8")]), "got records with names"),
        ({"a": np.arange(10.0), "b": np.arange(10.0)}, r"got dict. .*pandas.DataFrame\(\[X\]\)"),
        ("rows.csv", "got str. Read the file first"),
        (iter(np.ones((10, 2))), "Make a list of its rows"),
    ],
    ids=["list of dict", "structured array", "dict", "path", "iterator"],
)
def test_what_is_no_table_is_refused_with_advice(preset, table, message):
    labels = np.arange(10) % 2
    model = BackpropClassifier(preset=preset, max_iter=1, random_state=0)
    with pytest.raises(TypeError, match=message):
        model.fit(table, labels)
    model.set_params(solver="lbfgs").fit(np.ones((10, 2)), labels)
    with pytest.raises(TypeError, match=message):
        model.predict(table)


@BOTH
@pytest.mark.parametrize("preset", ["auto", "plain"])
def test_images_are_refused_with_advice(Estimator, preset):
    images = np.zeros((30, 4, 4))
    message = r"dim 3, .* shape \(30, 4, 4\).* X.reshape\(len\(X\), -1\)"
    with pytest.raises(ValueError, match=message):
        Estimator(preset=preset).fit(images, y)


@BOTH
def test_the_name_of_a_column_needs_files(Estimator):
    with pytest.raises(TypeError, match=r"got 'target'.* y=X\['target'\], and X without it"):
        Estimator().fit(X, "target")


@unconverged
@BOTH
def test_missing_values_without_an_encoding_are_refused_with_advice(Estimator):
    holes = np.where(X > 1, np.nan, X)
    model = Estimator(preset="plain", max_iter=2)
    for call in (lambda: model.fit(holes, y), lambda: model.fit(X, y).predict(holes)):
        with pytest.raises(ValueError, match=r"contains NaN.*SimpleImputer.* preset for tables"):
            call()


@pytest.mark.parametrize("method", ["predict_interval", "predict_quantiles", "predict_std"])
def test_methods_of_a_regressor_that_is_not_fitted(method):
    with pytest.raises(NotFittedError):
        getattr(BackpropRegressor(), method)(X)


def test_a_single_pair_of_rows_is_refused_with_advice():
    pair = (np.arange(20), np.arange(20, 30))
    with pytest.raises(ValueError, match=r"array\(\[.*…. A single pair is written in a list"):
        BackpropClassifier(early_stopping=True, validation_fraction=pair).fit(X, y)


@pytest.mark.parametrize("n", [0, -1, "2", 2.0, None])
def test_a_network_without_data_needs_its_numbers_of_columns(n):
    message = rf"must be an int of at least 1, got {n!r}\."
    for call in (
        lambda: BackpropClassifier().initialize(n, classes=[0, 1]),
        lambda: BackpropRegressor().initialize(n),
        lambda: BackpropRegressor().initialize(2, n_outputs=n),
    ):
        with pytest.raises(ValueError, match=message):
            call()


@pytest.mark.parametrize("layer", [1, -2, "a", 0.0, None])
def test_the_number_of_a_hidden_layer_is_checked(layer):
    model = BackpropRegressor((3,)).initialize(2)
    with pytest.raises(ValueError, match=rf"layer must be an int in the range .* Got {layer!r}"):
        model.activations(np.ones((1, 2)), layer)


@pytest.mark.parametrize("splitter", [GroupKFold(3), GroupShuffleSplit(1), LeaveOneGroupOut()])
def test_a_splitter_by_groups_needs_groups(splitter):
    model = BackpropClassifier(early_stopping=True, validation_fraction=splitter)
    with pytest.raises(ValueError, match="as validation_fraction needs .* Pass groups to fit"):
        model.fit(X, y)
