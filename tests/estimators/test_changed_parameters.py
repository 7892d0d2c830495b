"""Every parameter may be changed between two calls: it counts, is refused, or is warned about."""

import copy

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn.model_selection import GroupKFold, KFold

from skbackprop import (
    BackpropClassifier,
    BackpropRegressor,
    LogLoss,
    NumericEmbedding,
    TableEncoding,
    WeightInit,
)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

N = 120
RNG = np.random.default_rng(0)
X = pd.DataFrame(RNG.normal(size=(N, 3)), columns=list("abc"))
Y = {
    BackpropClassifier: (X["a"] + 0.5 * RNG.normal(size=N) > 0.5).astype(int),
    BackpropRegressor: X["a"] + 0.1 * RNG.normal(size=N),
}


class Stop:
    """Ends the training after its first epoch."""

    def on_epoch_end(self, run):
        run.stop("callback")


# For each parameter those of both calls, and its value in the second call.
PLAIN = {"preset": "plain", "hidden_layer_sizes": (4,), "max_iter": 4, "batch_size": 16}
SGD, LONG = PLAIN | {"solver": "sgd"}, PLAIN | {"max_iter": 40, "learning_rate_init": 0.3}
STOPPING = {"early_stopping": True, "validation_fraction": 0.2}
TABLE = {"preset": "fast", "hidden_layer_sizes": (4,), "n_members": 2, "max_iter": 4}
COUNTS = {
    "activation": (PLAIN, "tanh"),
    "alpha": (PLAIN, 5.0),
    "batch_size": (PLAIN, 7),
    "beta_1": (PLAIN, 0.5),
    "beta_2": (PLAIN, 0.5),
    "calibration": (TABLE | {"calibration": None}, "temperature"),
    "callbacks": (PLAIN, [Stop()]),
    "class_weight": (PLAIN, {0: 1.0, 1: 5.0}),
    "dropout": (PLAIN, 0.3),
    "early_stopping": (PLAIN, True),
    "epsilon": (PLAIN, 0.1),
    "learning_rate": (PLAIN, "cosine"),
    "learning_rate_init": (PLAIN, 0.1),
    "loss": (PLAIN, {BackpropClassifier: LogLoss(0.2), BackpropRegressor: "absolute_error"}),
    "max_fun": (PLAIN | {"solver": "lbfgs", "batch_size": "auto", "max_iter": 50}, 3),
    "max_iter": (PLAIN, 2),
    "max_restarts": (TABLE | {"max_restarts": 0}, 2),
    "momentum": (SGD, 0.1),
    "n_iter_no_change": (LONG | STOPPING, 1),
    "nesterovs_momentum": (SGD, False),
    "power_t": (SGD | {"learning_rate": "invscaling"}, 0.9),
    "preset": (TABLE, "plain"),
    "refit": (PLAIN | STOPPING, True),
    "scoring": (PLAIN | STOPPING, "loss"),
    "shuffle": (PLAIN, False),
    "solver": (PLAIN, "sgd"),
    "time_budget": (PLAIN, 1e-9),
    "tol": (PLAIN | {"max_iter": 20, "n_iter_no_change": 2}, 10.0),
    "validation_fraction": (PLAIN | STOPPING, 0.4),
    "warm_start": (PLAIN, False),
    "weight_decay": (PLAIN, 0.5),
}
REFUSED = {
    "categorical_features": (TABLE, ["a"]),
    "clip_predictions": (TABLE, False),
    "dtype": (TABLE, "float64"),
    "feature_encoding": (TABLE, None),
    "feature_encoding__embedding_dim": (TABLE, 3),
    "feature_encoding__learned_scale": (TABLE, False),
    "feature_encoding__monotonic_cst": (TABLE, {"a": 1}),
    "feature_encoding__value_effects": (TABLE, False),
    "feature_encoding__whitened": (TABLE, 0.3),
    "hidden_layer_sizes": (PLAIN, (5,)),
    "member_sharing": (TABLE, "batch"),
    "n_hidden_layers": (PLAIN | {"hidden_layer_sizes": 4}, 2),
    "n_members": (TABLE, 3),
    "normalization": (PLAIN, "layer"),
    "numeric_embedding": (TABLE, "both"),
    "numeric_embedding__frequency_scale": (TABLE, 2.0),
    "numeric_embedding__n_bins": (TABLE, 5),
    "numeric_embedding__n_frequencies": (TABLE, 5),
    "residual": (PLAIN | {"hidden_layer_sizes": (4, 4)}, True),
    "standardize_target": (TABLE, False),
}
WARNED = {"random_state": (PLAIN, 1), "weight_init": (PLAIN, WeightInit("he_normal"))}
NOT_OF_THE_MODEL = {"n_jobs": (PLAIN, 1), "verbose": (PLAIN, True)}


def cases(table):
    """Class, name, parameters of both calls, and the other value."""
    found = []
    for Estimator in Y:
        known = Estimator().get_params(deep=False)
        for name, (params, value) in table.items():
            if name.partition("__")[0] in known:
                other = value.get(Estimator, value) if isinstance(value, dict) else value
                words = f"{Estimator.__name__} {name}"
                found.append(pytest.param(Estimator, name, params, other, id=words))
    return found


def fitted(Estimator, params, name=""):
    """A model after a first call; the part with the setting `name` is an object."""
    if "numeric_embedding__" in name:
        kind = "piecewise" if name.endswith("n_bins") else "periodic"
        params = params | {"numeric_embedding": NumericEmbedding(kind)}
    if "feature_encoding__" in name:
        params = params | {"feature_encoding": TableEncoding()}
    return Estimator(**params, random_state=0, warm_start=True).fit(X, Y[Estimator])


def summary(model):
    """What a call leaves: predictions, and how they were found."""
    method = "predict_proba" if hasattr(model, "predict_proba") else "predict"
    return [getattr(model, method)(X), model.loss_curve_, model.validation_scores_, model.n_iter_]


def same(one, two):
    return all(map(np.array_equal, summary(one), summary(two)))


@pytest.mark.parametrize("Estimator", list(Y))
def test_every_parameter_is_in_one_of_the_tables(Estimator):
    named = [*COUNTS, *REFUSED, *WARNED, *NOT_OF_THE_MODEL]
    assert len(named) == len(set(named))
    assert set(Estimator().get_params(deep=False)) <= set(named)


@pytest.mark.filterwarnings("ignore:These parameters have no effect with:UserWarning")
@pytest.mark.parametrize(("Estimator", "name", "params", "other"), cases(COUNTS))
def test_another_value_counts_from_the_next_call(Estimator, name, params, other):
    model = fitted(Estimator, params)
    changed = copy.deepcopy(model).set_params(**{name: other}).fit(X, Y[Estimator])
    assert not same(model.fit(X, Y[Estimator]), changed)


@pytest.mark.parametrize(("Estimator", "name", "params", "other"), cases(REFUSED))
def test_another_value_is_refused(Estimator, name, params, other):
    model = fitted(Estimator, params, name)
    before = summary(model)
    model.set_params(**{name: other})
    for train in (model.fit, model.partial_fit):
        with pytest.raises(ValueError, match="Continuing needs"):
            train(X, Y[Estimator])
    assert all(map(np.array_equal, summary(model), before))


@pytest.mark.parametrize(("Estimator", "name", "params", "other"), cases(WARNED))
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_another_value_is_warned_about(Estimator, name, params, other, method):
    model = fitted(Estimator, params)
    changed = copy.deepcopy(model).set_params(**{name: other})
    with pytest.warns(UserWarning, match=f"no effect when training goes on: {name}="):
        getattr(changed, method)(X, Y[Estimator])
    assert same(getattr(model, method)(X, Y[Estimator]), changed)
    assert changed.resolved_params_ == model.resolved_params_
    changed.set_params(warm_start=False).fit(X, Y[Estimator])  # no warning: it counts


@pytest.mark.parametrize(("Estimator", "name", "params", "other"), cases(NOT_OF_THE_MODEL))
def test_another_value_is_no_part_of_the_model(Estimator, name, params, other):
    model = fitted(Estimator, params)
    changed = copy.deepcopy(model).set_params(**{name: other}).fit(X, Y[Estimator])
    assert same(model.fit(X, Y[Estimator]), changed)


def held_out(model):
    (_, k), _, held = model._fitted.validation_rows
    return [held] if k == 1 else held


@pytest.mark.parametrize("params", [PLAIN, TABLE], ids=["one network", "members"])
@pytest.mark.parametrize("between", [{}, {"early_stopping": False}], ids=["", "not stopped"])
def test_another_validation_fraction_draws_other_rows(params, between):
    y = Y[BackpropRegressor]
    model = fitted(BackpropRegressor, params | STOPPING)
    first = held_out(model)
    for rows, again in zip(first, held_out(model.fit(X, y)), strict=True):
        assert_array_equal(again, rows)  # of the same fraction they stay
    model.set_params(validation_fraction=0.5)
    if between:
        with pytest.warns(UserWarning, match="no effect"):
            model.set_params(**between).fit(X, y)
    second = held_out(model.set_params(early_stopping=True).fit(X, y))
    assert [len(rows) for rows in second] == [60] * len(first)
    for rows, again in zip(second, held_out(copy.deepcopy(model).fit(X, y)), strict=True):
        assert_array_equal(again, rows)


def test_another_splitter_draws_other_rows():
    y, groups = Y[BackpropRegressor], np.arange(N) % 4
    model = fitted(BackpropRegressor, PLAIN | STOPPING | {"validation_fraction": KFold(4)})
    assert_array_equal(held_out(model)[0], np.arange(30))
    model.set_params(validation_fraction=GroupKFold(4)).fit(X, y, groups=groups)
    assert len(set(groups[held_out(model)[0]])) == 1
