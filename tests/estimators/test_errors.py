"""Errors say three things: what was required, what was got, and what to do."""

import numpy as np
import pytest
from plain import BackpropClassifier, BackpropRegressor
from sklearn.exceptions import NotFittedError

from skbackprop import LogLoss, NumericEmbedding, Scheduled, TableEncoding, WeightInit
from skbackprop.nn.activations import ACTIVATIONS
from skbackprop.nn.architectures import NORMALIZATIONS
from skbackprop.nn.initializers import INITIALIZERS
from skbackprop.nn.losses import LOSSES
from skbackprop.optim import OPTIMIZERS
from skbackprop.optim.schedules import SCHEDULES

from .common import BOTH, unconverged

X = np.random.RandomState(0).normal(size=(30, 3))
y = np.arange(30) % 2

# For every parameter: values that are wrong, and what a message must name as right.
ACTIVATION_NAMES = [repr(name) for name in ACTIVATIONS] + ["forward", "backward"]
INITIALIZER_NAMES = [repr(name) for name in INITIALIZERS] + ["callable"]
NOT_BOOL = ["yes", None, 2, 0.5], ["bool"]
NOT_POSITIVE = ["much", None, 0.0, -1.0, np.nan, np.inf, [1.0]], ["auto", "(0", "inf)"]
SHARE = ["much", None, -0.1, 1.0, np.nan, [0.5]], ["[0", "1)"]

NOT_AUTO_BOOL = ["yes", None, 2, 0.5], ["auto", "bool"]
NOT_SCHEDULE = ["fast", None, 0.1], ["auto", *map(repr, SCHEDULES)]

WRONG = {
    "hidden_layer_sizes": (["many", None, 0, -5, (5, 0), (8.0, 4.5), 2.5, "12"], ["auto", "int"]),
    "activation": (["rectifier", None, 3, ["relu", "no"], (None,)], ACTIVATION_NAMES),
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
    "weight_decay": (["much", None, -0.1, np.nan, np.inf, [0.1]], ["auto", "[0", "inf)"]),
    "dropout": (
        ["much", None, -0.1, 1.0, 1, np.nan, [1.0], [True], True],
        ["auto", "[0", "1)", "list"],
    ),
    "dropout__schedule": NOT_SCHEDULE,
    "weight_decay__schedule": NOT_SCHEDULE,
    "categorical_features": (["from_types", 3, 0.5], ["None", "from_dtype", "names", "mask"]),
    "feature_encoding": (["columns", True, 0], ["None", "auto", "table"]),
    "refit": NOT_BOOL,
    "feature_encoding__learned_scale": NOT_AUTO_BOOL,
    "numeric_embedding": (["wavelets", True, 0], ["None", "periodic", "piecewise", "both"]),
    "numeric_embedding__n_frequencies": (["many", None, 0, 2.5], ["auto", "int", "[1"]),
    "numeric_embedding__frequency_scale": NOT_POSITIVE,
    "numeric_embedding__n_bins": (["many", None, 1, 2.5], ["auto", "int", "[2"]),
    "feature_encoding__embedding_dim": (["much", None, 0, 2.5], ["auto", "int", "[1"]),
    "n_members": (["many", None, 0, 2.5], ["auto", "int", "[1"]),
    "member_sharing": (["all", None, 1], ["batch", "independent", "mini"]),
    "time_budget": (["long", 0, -1.0], ["None", "(0"]),
    "max_restarts": (["many", None, -1, 2.5], ["auto", "int", "[0"]),
    "callbacks": (["mine", 3, [3], (None,)], ["None", "callbacks"]),
    "n_jobs": (["all", 0, 2.5], ["None", "int"]),
    "normalization": (["group", True, 1, 0], ["None", *map(repr, NORMALIZATIONS)]),
    "residual": NOT_BOOL,
    "weight_init": (["large", None, {}], ["auto", "mlp", *INITIALIZER_NAMES]),
    "weight_init__biases": (["large", {}], ["auto", "mlp", *INITIALIZER_NAMES]),
    "scoring": ([3, 0.5, {}], ["auto", "None", "str", "callable"]),
    "dtype": (["float16", int, np.int64, None, "double"], ["auto", "float32", "float64"]),
}
LOSS_OF = {
    BackpropClassifier: ["log_loss", "value_and_delta", "predict"],
    BackpropRegressor: [repr(name) for name in LOSSES if "log_loss" not in name]
    + ["value_and_delta", "predict"],
}
WRONG_IN = {
    BackpropClassifier: WRONG
    | {
        "loss": (["hinge", None, 3], LOSS_OF[BackpropClassifier]),
        "calibration": (["isotonic", True, 1.0], ["None", "temperature"]),
        "loss__label_smoothing": (["much", None, -0.1, 1.0, np.nan], ["[0", "1)"]),
        "loss__label_smoothing__schedule": NOT_SCHEDULE,
        "class_weight": (["equal", 3, 0.5], ["balanced", "dict", "None"]),
    },
    BackpropRegressor: WRONG
    | {
        "loss": (["hinge", None, 3], LOSS_OF[BackpropRegressor]),
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
    ("weight_init__biases", "zero", "zeros"),
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


def test_a_typo_in_a_list_of_activations_is_corrected():
    with pytest.raises(ValueError, match=r"activation.*rleu.*Did you mean 'relu'"):
        BackpropClassifier((5, 5), activation=["tanh", "rleu"]).fit(X, y)


@BOTH
def test_an_unknown_scorer_is_refused_by_name(Estimator):
    with pytest.raises(ValueError, match="acuracy"):
        Estimator(early_stopping=True, scoring="acuracy").fit(X, y)


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
def test_a_number_of_layers_and_a_list_of_sizes_are_refused_together(Estimator, sizes):
    with pytest.raises(ValueError, match="n_hidden_layers=2 needs hidden_layer_sizes") as error:
        Estimator(sizes, n_hidden_layers=2).fit(X, y)
    assert repr(sizes) in str(error.value)
    assert "auto" in str(error.value)


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
@pytest.mark.parametrize("activation", [["relu"] * 4, [], ("tanh", "relu", "relu", "tanh")])
def test_as_many_activations_as_hidden_layers(Estimator, activation):
    with pytest.raises(ValueError, match=r"activation.*2 hidden layers.*got \d"):
        Estimator((5, 4), activation=activation).fit(X, y)


@BOTH
@pytest.mark.parametrize("name", ["weight_init", "weight_init__biases"])
def test_as_many_initial_arrays_as_layers_and_of_their_shapes(Estimator, name):
    with pytest.raises(ValueError, match=rf"{name}.*2 layers.*got 1"):
        Estimator((5,), **parameter(name, [np.zeros((3, 5))])).fit(X, y)
    with pytest.raises(ValueError, match=r"shape.*got values of shape \(2, 2\)"):
        Estimator((5,), **parameter(name, [np.zeros((2, 2)), np.zeros((2, 2))])).fit(X, y)


@pytest.mark.parametrize("output", ["identity", "tanh"])
def test_an_output_activation_that_the_loss_does_not_have_is_refused(output):
    activation = ["relu", output]
    with pytest.raises(ValueError, match=f"output activation '{output}'"):
        BackpropClassifier((4,), activation=activation).fit(X, y)
    with pytest.raises(ValueError, match=f"output activation '{output}'"):
        BackpropRegressor((4,), loss="poisson", activation=activation).fit(X, y)


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
