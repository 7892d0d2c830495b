"""Settings objects: parameters of an estimator that have fields of their own."""

import copy
import inspect
import pickle

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy.stats import randint
from settings import packed
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV

from skbackprop import (
    BackpropClassifier,
    BackpropRegressor,
    LogLoss,
    NumericEmbedding,
    Scheduled,
    TableEncoding,
    WeightInit,
    search_space,
)
from skbackprop.nn.layers import Dropout
from skbackprop.optim import OPTIMIZERS, SGD, Adam, AdamW, Cosine, Lion, Muon

from .tables import ESTIMATORS, QUICK, TASKS, X, Y, fitted, outputs

BOTH = pytest.mark.parametrize("Estimator", [BackpropClassifier, BackpropRegressor])
SHORT = {"max_iter": 3, "random_state": 0}
PLAIN = {"preset": "plain", "hidden_layer_sizes": (5, 4), "n_iter_no_change": 99, **SHORT}
quiet = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

PARTS = {
    "solver": Adam(beta_2=0.95, max_grad_norm=1.0),
    "dropout": Scheduled(0.1, "cosine"),
    "weight_decay": Scheduled(0.01, Cosine()),
    "numeric_embedding": NumericEmbedding("both", n_bins=4, n_frequencies=2, frequency_scale=0.5),
    "feature_encoding": TableEncoding(embedding_dim=4, learned_scale=False, value_effects=False),
    "weight_init": WeightInit("he_normal", biases="zeros"),
}
NESTED = {  # name: another value
    "solver__beta_2": 0.9,
    "solver__max_grad_norm": 0.5,
    "solver__l1": 0.001,
    "solver__gradient_accumulation_steps": 2,
    "solver__averaging": None,
    "solver__lr_multipliers": {"W": 0.5},
    "solver__solve_output": False,
    "dropout__value": 0.3,
    "dropout__schedule": "flat_cos",
    "weight_decay__value": 0.2,
    "weight_decay__schedule": "constant",
    "numeric_embedding__kind": "piecewise",
    "numeric_embedding__n_bins": 16,
    "numeric_embedding__n_frequencies": 3,
    "numeric_embedding__frequency_scale": 0.1,
    "feature_encoding__embedding_dim": 8,
    "feature_encoding__learned_scale": True,
    "feature_encoding__value_effects": True,
    "feature_encoding__whitened": 0.25,
    "feature_encoding__monotonic_cst": [1, 0, 0, -1],
    "weight_init__weights": "orthogonal",
    "weight_init__biases": None,
}
OBJECTS = [
    *PARTS.values(),
    LogLoss(label_smoothing=0.1),
    LogLoss(Scheduled(0.1, "cosine")),
    WeightInit([np.eye(4), np.ones((4, 1))], biases=[np.zeros(4), np.zeros(1)]),
    Scheduled([0.1, 0.2]),
]


def constructor(Estimator):
    return inspect.signature(Estimator.__init__).parameters.keys() - {"self"}


# Names ----------------------------------------------------------------------------------------


@BOTH
def test_the_constructor_is_short(Estimator):
    assert len(constructor(Estimator)) <= 45


@BOTH
@pytest.mark.parametrize("name", NESTED)
def test_set_params_reaches_every_field(Estimator, name):
    estimator = Estimator(**copy.deepcopy(PARTS))
    before = estimator.get_params()
    assert name in before
    estimator.set_params(**{name: NESTED[name]})
    part, _, field = name.partition("__")
    after = estimator.get_params()
    assert after[name] == NESTED[name] != before[name]
    assert getattr(after[part], field) == NESTED[name]
    assert {k for k in after if after[k] != before[k]} <= {name, part}


def test_set_params_reaches_a_schedule_within_a_loss():
    classifier = BackpropClassifier(loss=LogLoss(Scheduled(0.1)))
    classifier.set_params(loss__label_smoothing__schedule="cosine")
    assert classifier.loss == LogLoss(Scheduled(0.1, "cosine"))
    classifier.set_params(loss__label_smoothing=0.2)
    assert classifier.loss == LogLoss(0.2)


@BOTH
def test_every_field_is_among_the_names(Estimator):
    parts = {name.partition("__")[0]: value for name, value in PARTS.items()}
    fields = {f"{part}__{f}" for part, value in parts.items() for f in value.get_params(False)}
    unlisted = {"solver__beta_1", "solver__epsilon", "solver__weight_decay"}
    assert fields - set(NESTED) == unlisted
    assert fields <= set(Estimator(**PARTS).get_params())


def test_a_search_does_not_change_the_objects_of_the_user():
    solver = Adam()
    grid = {"solver__averaging": [None, "ema"]}
    GridSearchCV(BackpropClassifier(solver=solver, **SHORT), grid, cv=2).fit(X, Y["binary"])
    assert solver == Adam()


@BOTH
@pytest.mark.parametrize("name", [*NESTED, "loss__label_smoothing"])
def test_searches_reach_every_field(Estimator, name):
    y = Y["binary"] if Estimator is BackpropClassifier else Y["number"]
    parts = copy.deepcopy(PARTS)
    value = NESTED.get(name, 0.2)
    if name.startswith("loss"):
        if Estimator is BackpropRegressor:
            return
        parts["loss"] = LogLoss()
    if name == "numeric_embedding__kind":
        parts["numeric_embedding"] = NumericEmbedding("both")  # not every kind uses all fields
    estimator = Estimator(**parts, **SHORT, n_members=2, batch_size=20)
    old = estimator.get_params()[name]
    search = GridSearchCV(estimator, {name: [old, value]}, cv=2, error_score="raise")
    search.fit(X, y)
    assert [params[name] for params in search.cv_results_["params"]] == [old, value]
    assert search.best_estimator_.get_params()[name] == search.best_params_[name]


def test_a_random_search_draws_fields_from_distributions():
    estimator = BackpropClassifier(numeric_embedding=NumericEmbedding("piecewise"), **SHORT)
    space = {"numeric_embedding__n_bins": randint(2, 9)}
    search = RandomizedSearchCV(estimator, space, n_iter=3, cv=2, random_state=0)
    search.fit(X, Y["binary"])
    best = search.best_estimator_
    resolved = best.resolved_params_["numeric_embedding"]
    assert resolved.n_bins == search.best_params_["numeric_embedding__n_bins"]


@quiet
@pytest.mark.filterwarnings("ignore:batch_size=.* is larger than:UserWarning")
@BOTH
@pytest.mark.parametrize("kind", ["tabular", "plain"])
def test_the_search_spaces_hold_valid_values(Estimator, kind):
    y = Y["binary"] if Estimator is BackpropClassifier else Y["number"]
    preset = "plain" if kind == "plain" else "auto"
    estimator = Estimator(preset=preset, max_iter=1, n_members=2, random_state=0)
    search = RandomizedSearchCV(
        estimator, search_space(kind), n_iter=6, cv=2, random_state=0, error_score="raise"
    )
    search.fit(X, y)
    for name, values in search_space(kind).items():
        for value in values if isinstance(values, list) else [values.ppf(0.0), values.ppf(0.999)]:
            clone(estimator).set_params(**{name: value})._check_parameters()


# Objects --------------------------------------------------------------------------------------


@pytest.mark.parametrize("settings", OBJECTS, ids=repr)
def test_copies_are_equal_and_apart(settings):
    for other in (
        clone(settings),
        copy.deepcopy(settings),
        pickle.loads(pickle.dumps(settings)),
        type(settings)(**settings.get_params(deep=False)),
    ):
        assert other == settings
        assert hash(other) == hash(settings)
        assert other is not settings
    assert settings != "auto"
    with pytest.raises(AttributeError):
        settings.rules = {}


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (Scheduled(0.1), Scheduled(0.2)),
        (Scheduled(0.1), Scheduled([0.1])),
        (Scheduled(0.1), LogLoss(0.1)),
        (NumericEmbedding("both"), NumericEmbedding("periodic")),
        (WeightInit([np.eye(2)]), WeightInit([np.ones((2, 2))])),
        (WeightInit([np.eye(2)]), WeightInit([np.eye(3)])),
        (WeightInit(biases=None), WeightInit(biases=0.0)),
    ],
)
def test_other_values_are_not_equal(a, b):
    assert a != b


def test_the_text_of_an_object_is_its_constructor():
    for settings in (*list(PARTS.values())[1:2], LogLoss(Scheduled(0.1, "cosine"))):
        assert eval(repr(settings)) == settings
    assert repr(NumericEmbedding("both", n_bins=4)) == (
        "NumericEmbedding(kind='both', n_bins=4, n_frequencies='auto', frequency_scale='auto')"
    )
    shown = repr(BackpropClassifier(dropout=Scheduled(0.1, "cosine")))
    assert "dropout=Scheduled(value=0.1, schedule='cosine')" in shown


@BOTH
def test_an_estimator_is_made_again_of_its_parameters(Estimator):
    estimator = Estimator(**PARTS)
    params = estimator.get_params(deep=False)
    assert set(params) == constructor(Estimator)
    again = Estimator(**params)
    assert again.get_params() == estimator.get_params()
    for other in (clone(estimator), pickle.loads(pickle.dumps(estimator))):
        assert other.get_params() == estimator.get_params()


# What they mean -------------------------------------------------------------------------------

SAME = [  # two ways to say the same
    ({"dropout": 0.2}, {"dropout": Scheduled(0.2, "flat_cos")}),
    ({"dropout": 0.2}, {"dropout": Scheduled(0.2, "auto")}),
    ({}, {"dropout": Scheduled("auto", "auto"), "weight_decay": Scheduled("auto", "auto")}),
    ({}, {"dropout": Scheduled("auto", "flat_cos")}),
    ({"weight_decay": 0.2}, {"weight_decay": Scheduled(0.2, "flat_cos")}),
    ({"dropout": [0.2, 0.2]}, {"dropout": [0.0, 0.2, 0.2]}),
    ({}, {"numeric_embedding": NumericEmbedding()}),
    ({"numeric_embedding": "both"}, {"numeric_embedding": NumericEmbedding("both")}),
    ({}, {"feature_encoding": TableEncoding()}),
    ({"feature_encoding": "table"}, {"feature_encoding": TableEncoding(embedding_dim=8)}),
    ({}, {"weight_init": WeightInit()}),
    ({"weight_init": "he_normal"}, {"weight_init": WeightInit("he_normal")}),
    ({"hidden_layer_sizes": (7, 7)}, {"hidden_layer_sizes": 7, "n_hidden_layers": 2}),
    ({}, {"solver": Adam(beta_2=0.95)}),
    ({"solver": "muon"}, {"solver": Muon()}),
    ({"solver": "adamw"}, {"solver": AdamW()}),
    ({"solver": "lion"}, {"solver": Lion()}),
    ({"solver": "sgd"}, {"solver": SGD()}),
    ({"weight_decay": 0.3}, {"solver": Adam(beta_2=0.95, weight_decay=0.3)}),
    ({"max_restarts": 0}, {"max_restarts": "auto"}),  # because of `max_iter`
]


@pytest.mark.parametrize("task", ["binary", "number"])
@pytest.mark.parametrize(("first", "second"), SAME, ids=str)
def test_two_ways_to_say_the_same(task, first, second):
    rate = {"learning_rate_init": 0.003, "n_members": 2, "max_iter": 4}
    one, two = fitted(task, **rate, **first), fitted(task, **rate, **second)
    assert_array_equal(one.network_.theta, two.network_.theta)


OTHER = [
    {"dropout": Scheduled(0.15)},
    {"dropout": [0.5, 0.15, 0.15]},
    {"weight_decay": Scheduled(5.0)},
    {"numeric_embedding": NumericEmbedding(n_bins=3)},
    {"feature_encoding": TableEncoding(learned_scale=False)},
    {"weight_init": WeightInit(biases=None)},
    {"solver": Adam(beta_2=0.95, averaging=None)},
    {"solver": Adam(beta_2=0.95, lr_multipliers=None)},
    {"solver": Adam(beta_2=0.95, max_grad_norm=0.01)},
    {"solver": Adam(beta_2=0.95, l1=0.1)},
    {"solver": Adam(beta_2=0.95, gradient_accumulation_steps=2)},
    {"loss": LogLoss(label_smoothing=0.3)},
    {"loss": LogLoss(label_smoothing=Scheduled(0.3, "cosine"))},
]


@pytest.mark.parametrize("params", OTHER, ids=str)
def test_every_setting_changes_the_model(params):
    rate = {"n_members": 2, "max_iter": 4, "numeric_embedding": "piecewise"}
    one, two = fitted("binary", **rate), fitted("binary", **rate | params)
    assert not np.array_equal(outputs(one, X), outputs(two, X))


@quiet
def test_the_last_of_the_activations_is_that_of_the_output():
    one = BackpropRegressor(**PLAIN).fit(X, Y["number"])
    two = BackpropRegressor(**PLAIN, activation=["relu", "relu", "tanh"]).fit(X, Y["number"])
    assert two.out_activation_ == "tanh"
    assert np.abs(two.predict(X)).max() <= 1
    assert one.out_activation_ == "identity"
    linear = BackpropRegressor((), preset="plain", activation=["tanh"], **SHORT)
    assert linear.fit(X, Y["number"]).out_activation_ == "tanh"


@quiet
def test_the_activation_of_the_loss_may_be_named():
    plain = BackpropClassifier(**PLAIN).fit(X, Y["multiclass"])
    named = BackpropClassifier(**PLAIN, activation=["relu", "relu", "softmax"])
    assert_array_equal(named.fit(X, Y["multiclass"]).network_.theta, plain.network_.theta)


@quiet
def test_the_first_of_the_rates_is_that_of_the_input():
    model = BackpropClassifier(**PLAIN, dropout=[0.3, 0.0, 0.2]).fit(X, Y["binary"])
    layers = model.network_.layer.layers
    rates = {i: layer.rate for i, layer in enumerate(layers) if isinstance(layer, Dropout)}
    assert list(rates.values()) == [0.3, 0.2]
    assert min(rates) == 0


@quiet
def test_a_warm_start_keeps_the_activation_of_the_output():
    model = BackpropRegressor(**PLAIN, activation=["relu", "relu", "tanh"], warm_start=True)
    model.fit(X, Y["number"]).set_params(activation="auto").fit(X, Y["number"])
    assert model.out_activation_ == "tanh"


@quiet
def test_layers_without_biases():
    model = BackpropClassifier(**PLAIN, weight_init=WeightInit(biases=None)).fit(X, Y["binary"])
    assert model.intercepts_ == []


@pytest.mark.parametrize("task", ["binary", "number"])
def test_muon_as_an_object_gets_the_matrices_of_the_network(task):
    model = fitted(task, solver=Muon(momentum=0.9), n_members=1, learning_rate_init=0.01)
    assert [shape[2:] for shape in model._fitted.run.optimizer.shapes] == [(64, 64)]


# What they were -------------------------------------------------------------------------------

BACK = [
    {},
    {"preset": "fast"},
    {"preset": "best", "n_members": 2},
    {"n_members": 1, "calibration": None},
    {"dropout": [0.2, 0.1, 0.1]},
    {"dropout": Scheduled(0.2)},
    {"weight_decay": Scheduled(0.1, "cosine")},
    {"dropout": 0.0, "weight_decay": 0.0},
    {"numeric_embedding": None},
    {"numeric_embedding": NumericEmbedding("periodic", n_frequencies=3)},
    {"feature_encoding": None},
    {"feature_encoding": TableEncoding(learned_scale=False)},
    {"weight_init": "orthogonal"},
    {"weight_init": WeightInit("mlp", biases=None)},
    {"hidden_layer_sizes": 9, "n_hidden_layers": 3},
    {"solver": Adam(max_grad_norm=1.0)},
    {"solver": Lion(averaging=None), "learning_rate_init": 0.001},
    {"solver": "muon"},
    {"solver": "lbfgs"},
    {"solver": "sgd", "learning_rate_init": 0.003},
    {"early_stopping": False},
    {"max_restarts": 1},
    {"preset": "plain"},
    {"preset": "plain", "solver": "sgd", "early_stopping": True},
    {"preset": "plain", "activation": ["relu", "identity"], "hidden_layer_sizes": (6,)},
    {"preset": "plain", "solver": "lbfgs", "hidden_layer_sizes": (4,)},
    *({"preset": "plain", "solver": name} for name in OPTIMIZERS),
]


@quiet
@pytest.mark.parametrize("task", ["multiclass", "number"])
@pytest.mark.parametrize("params", BACK, ids=str)
def test_resolved_parameters_make_the_same_model(task, params):
    if "activation" in params:
        task = "number"
    params = {"max_iter": 4, "random_state": 0, **params}
    if ESTIMATORS[task] is BackpropRegressor:
        params.pop("calibration", None)
    first = ESTIMATORS[task](**params).fit(X, Y[task])
    resolved = first.resolved_params_
    assert set(resolved) == constructor(ESTIMATORS[task])
    again = ESTIMATORS[task](**resolved).fit(X, Y[task])  # without a warning
    assert_array_equal(outputs(again, X), outputs(first, X))
    assert again.resolved_params_ == resolved


def test_resolved_label_smoothing():
    loss = LogLoss(Scheduled(0.2, "cosine"))
    first = fitted("binary", loss=loss)
    assert first.resolved_params_["loss"] == loss
    again = BackpropClassifier(**first.resolved_params_).fit(X, Y["binary"])
    assert_array_equal(outputs(again, X), outputs(first, X))


def test_resolved_values_of_the_preset_are_in_the_objects():
    resolved = fitted("number", solver=Adam()).resolved_params_
    assert resolved["solver"] == Adam(averaging="ema", lr_multipliers="ntk", solve_output=True)
    assert resolved["beta_2"] == 0.999
    assert resolved["dropout"] == Scheduled(0.15, "flat_cos")
    assert resolved["weight_decay"] == Scheduled(0.16, "flat_cos")
    assert resolved["weight_init"] == WeightInit("data", biases="data")
    assert resolved["feature_encoding"] == TableEncoding(8, True, True, 1.0)
    assert resolved["numeric_embedding"].kind == "piecewise"


def test_a_fitted_model_does_not_follow_its_parameters():
    classifier = fitted("binary", loss=LogLoss(0.1), solver=Adam())
    resolved, before = classifier.resolved_params_, outputs(classifier, X)
    classifier.set_params(loss__label_smoothing=0.4, solver__beta_2=0.5)
    assert classifier.resolved_params_ == resolved
    assert_array_equal(outputs(classifier, X), before)


@pytest.mark.parametrize(
    ("params", "named"),
    [
        ({"loss": LogLoss(Scheduled(0.0, "cosine"))}, "loss__label_smoothing__schedule='cosine'"),
        ({"dropout": Scheduled(0.0, "cosine")}, "dropout__schedule='cosine'"),
        (
            {"numeric_embedding": NumericEmbedding("periodic", n_bins=5)},
            "numeric_embedding__n_bins=5",
        ),
        ({"weight_init": WeightInit("mlp", biases="data")}, "weight_init__biases='data'"),
    ],
)
@quiet
def test_settings_without_effect_are_named_as_a_search_names_them(params, named):
    with pytest.warns(UserWarning, match=f"no effect.*: {named}"):
        BackpropClassifier(**PLAIN, **params).fit(X, Y["binary"])


@TASKS
def test_a_plain_setting_packed(task):
    params = packed(averaging=None, n_bins=4, bias_init="zeros", dropout_schedule="cosine")
    assert params == {
        "solver": Adam(averaging=None),
        "numeric_embedding": NumericEmbedding(n_bins=4),
        "weight_init": WeightInit(biases="zeros"),
        "dropout": Scheduled("auto", "cosine"),
    }
    assert np.isfinite(outputs(ESTIMATORS[task](**QUICK, **params).fit(X, Y[task]), X)).all()
