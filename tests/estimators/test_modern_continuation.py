"""Training on is exact for every solver, and for averages, dropout and normalization too.

Six epochs in one `fit`, two and four, six calls of `partial_fit`, with and without a pickle
in the middle: the same weights, bit for bit.  And what must *not* be continued: what another
solver remembered, an average of weights that was replaced from outside, a call that failed.
"""

import copy
import pickle
import re
from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from plain import BackpropClassifier
from settings import packed
from sklearn.base import clone

from skbackprop import BackpropRegressor, TableEncoding
from skbackprop.nn.architectures import NORMALIZATIONS
from skbackprop.optim import AVERAGES, OPTIMIZERS
from skbackprop.optim.schedules import SCHEDULES

from .common import assert_identical, features, target, unconverged, weights

pytestmark = unconverged

X = features(50, 4)
y = target("multiclass", X)
COMMON = {"batch_size": 16, "random_state": 7, "learning_rate_init": 0.01}  # 16 16 16 2
EXTRAS = {
    "ema": {"averaging": "ema"},
    "dropout": {"dropout": 0.3},
    "batch": {"normalization": "batch"},
    "layer": {"normalization": "layer"},
    "rms": {"normalization": "rms"},
    "residual": {"hidden_layer_sizes": (6, 6, 5), "residual": True},
    "decay and clipping": {"weight_decay": 0.3, "max_grad_norm": 0.1},
    "accumulation": {"batch_size": 10, "gradient_accumulation_steps": 2, "alpha": 0.1},
    "everything": {
        "hidden_layer_sizes": (6, 6, 5),
        "solver": "adamw",
        "averaging": "ema",
        "dropout": 0.2,
        "normalization": "layer",
        "residual": True,
        "weight_decay": 0.1,
        "max_grad_norm": 1.0,
        "activation": "silu",
    },
    "batch and dropout": {"solver": "muon", "normalization": "batch", "dropout": 0.2},
    "schedule-free and dropout": {"solver": "schedule_free", "dropout": 0.2},
    "schedule-free and ema": {"solver": "schedule_free", "averaging": "ema"},
    "exponential": {"solver": "nadam", "learning_rate": "exponential"},
    "invscaling": {"solver": "lion", "learning_rate": "invscaling"},
}
SETTINGS = {solver: {"solver": solver} for solver in OPTIMIZERS} | EXTRAS
# Those that return other parameters than they continue from.
TWO_POINTS = {"ema": {"averaging": "ema"}, "schedule-free": {"solver": "schedule_free"}}
EVERY_SETTING = pytest.mark.parametrize("setting", SETTINGS)
EVERY_TWO_POINTS = pytest.mark.parametrize("params", TWO_POINTS.values(), ids=TWO_POINTS)


def make(**params):
    return BackpropClassifier(**packed(**{"hidden_layer_sizes": (6, 5), **COMMON, **params}))


def as_it_is(estimator):
    return estimator


def through_pickle(estimator):
    return pickle.loads(pickle.dumps(estimator))


COPIES = pytest.mark.parametrize("copied", [as_it_is, through_pickle, copy.deepcopy])


def assert_same(first, second):
    """The same model with the same past."""
    assert_identical(first, second)
    assert_array_equal(first.network_.theta, second.network_.theta)
    assert_array_equal(first.network_.fixed, second.network_.fixed)
    assert first.loss_curve_ == second.loss_curve_
    assert first.history_["learning_rate"] == second.history_["learning_rate"]


@COPIES
@EVERY_SETTING
def test_two_warm_fits_are_one_long_fit(setting, copied):
    long = make(**SETTINGS[setting], max_iter=6).fit(X, y)
    assert len(set(long.loss_curve_)) == 6  # every epoch learned something
    short = make(**SETTINGS[setting], max_iter=2, warm_start=True).fit(X, y)
    short = copied(short).set_params(max_iter=4).fit(X, y)
    assert_same(short, long)


@COPIES
@EVERY_SETTING
def test_six_calls_of_partial_fit_are_one_long_fit(setting, copied):
    long = make(**SETTINGS[setting], max_iter=6).fit(X, y)
    short = make(**SETTINGS[setting])
    for _ in range(6):
        short = copied(short).partial_fit(X, y, classes=np.unique(y))
    assert_same(short, long)


@EVERY_SETTING
def test_refitting_begins_again(setting):
    estimator = make(**SETTINGS[setting], max_iter=4)
    first = weights(clone(estimator).fit(X, y))
    for mine, other in zip(weights(estimator.fit(X, y).fit(X, y)), first, strict=True):
        assert_array_equal(mine, other)


@EVERY_TWO_POINTS
def test_a_pickle_of_a_plain_fit_predicts_the_same_and_is_light(params):
    estimator = make(**params, hidden_layer_sizes=(200, 50), max_iter=3).fit(X, y)
    pickled = pickle.dumps(estimator)
    assert_array_equal(pickle.loads(pickled).predict_proba(X), estimator.predict_proba(X))
    assert len(pickled) < 1.5 * estimator.network_.theta.nbytes


def test_the_mean_over_the_last_quarter_depends_on_the_length_of_the_call():
    """``averaging="swa"``: a call that goes on counts all epochs, those before it too."""
    long = make(averaging="swa", max_iter=8).fit(X, y)
    plain = make(max_iter=5).fit(X, y)  # 20 of 32 steps: averaging has not begun
    short = make(averaging="swa", max_iter=8)
    assert long._fitted.run.average.t == 9  # steps 24 to 32
    with pytest.raises(AssertionError):
        assert_identical(long, plain)
    again = short.set_params(max_iter=4, warm_start=True).fit(X, y).fit(X, y)
    assert again._fitted.run.average.t == 5 + 9


@pytest.mark.parametrize("rate", ["cosine", "polynomial", "step"])
def test_a_schedule_with_an_end_goes_on_with_the_end_of_the_longer_one(rate):
    """Two and four epochs: first a schedule of two, then the rest of one of six."""
    settings = {"solver": "adamw", "learning_rate": rate, "warm_start": True}
    rates = {n: make(**settings, max_iter=n).fit(X, y).history_["learning_rate"] for n in (2, 6)}
    short = make(**settings, max_iter=2).fit(X, y).set_params(max_iter=4).fit(X, y)
    assert_allclose(short.history_["learning_rate"], rates[2] + rates[6][2:], rtol=1e-12)


@pytest.mark.parametrize("params", [*({"learning_rate": name} for name in SCHEDULES),
                                    {"averaging": "swa"}])  # fmt: skip
def test_partial_fit_takes_max_iter_for_the_length_of_training(params):
    settings = {"solver": "adamw", **params, "max_iter": 6}
    long = make(**settings).fit(X, y)
    short = make(**settings)
    for _ in range(6):
        short.partial_fit(X, y, classes=np.unique(y))
    assert_same(short, long)
    rates = short.partial_fit(X, y).history_["learning_rate"]
    assert rates[6] <= rates[5]  # beyond the end a schedule stays where it ended


# What must not be continued ------------------------------------------------------------------


@pytest.mark.parametrize(("first", "second"), list(permutations(OPTIMIZERS, 2)))
def test_another_solver_remembers_nothing_of_the_first(first, second):
    estimator = make(solver=first, warm_start=True, max_iter=3).fit(X, y)
    forgetful = copy.deepcopy(estimator)
    forgetful._fitted.run.reset_optimizer()
    for each in (estimator, forgetful):
        each.set_params(solver=second).fit(X, y)
    assert estimator.stop_reason_ == "max_iter"
    assert_identical(estimator, forgetful)


@pytest.mark.parametrize("before", [None, *AVERAGES])
@pytest.mark.parametrize("after", [None, *AVERAGES])
def test_a_new_kind_of_average_counts_from_the_next_call(before, after):
    estimator = make(averaging=before, warm_start=True, max_iter=4).fit(X, y)
    estimator.set_params(solver__averaging=after).fit(X, y)
    kind = type(None) if after is None else AVERAGES[after]
    assert type(estimator._fitted.run.average) is kind


@EVERY_TWO_POINTS
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_weights_that_were_assigned_are_gone_on_from(params, method):
    estimator = make(**params, warm_start=True, max_iter=10).fit(X, y)
    estimator.set_params(max_iter=1)
    estimator.coefs_ = [np.full_like(W, 9.0) for W in estimator.coefs_]
    getattr(estimator, method)(X, y)
    for W in estimator.coefs_:
        assert np.abs(W - 9.0).max() < 1.0


@pytest.mark.parametrize("params", [{}, *TWO_POINTS.values()], ids=["plain", *TWO_POINTS])
def test_the_best_weights_are_gone_on_from(params):
    """Early stopping returns the best epoch; the next call begins there."""
    wrong = np.where(np.arange(50) % 4 == 0, (y + 1) % 3, y)  # what too sure networks pay for
    rows = {"X_val": X, "y_val": wrong}
    settings = {"early_stopping": True, "scoring": "loss", "n_iter_no_change": 90}
    estimator = make(**params, **settings, warm_start=True, max_iter=80).fit(X, y, **rows)
    assert 1 < estimator.best_iter_ < 80
    best, before = estimator.best_validation_score_, estimator.network_.theta.copy()
    estimator.set_params(max_iter=1, learning_rate_init=1e-9).fit(X, y, **rows)
    assert_allclose(estimator.validation_scores_[-1], best, rtol=1e-4)
    assert_allclose(estimator.best_validation_score_, best, rtol=1e-4)
    assert_allclose(estimator.network_.theta, before, atol=1e-4)


class Trouble:
    """A schedule that raises `error` in the second batch after `armed` was set."""

    def __init__(self, error):
        self.error, self.armed, self.n = error, False, 0

    def __call__(self, clock):
        self.n += self.armed
        if self.n > 1:
            raise self.error
        return 1.0


@pytest.mark.parametrize("params", [{}, *TWO_POINTS.values()], ids=["plain", *TWO_POINTS])
@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_a_call_that_is_broken_off_leaves_the_weights_of_the_last_epoch(params, error):
    rate = Trouble(error)
    estimator = make(**params, learning_rate=rate, warm_start=True, max_iter=4).fit(X, y)
    before = estimator.predict_proba(X)
    rate.armed = True
    if error is RuntimeError:
        with pytest.raises(RuntimeError):
            estimator.fit(X, y)
    else:
        with pytest.warns(UserWarning, match="interrupted"):
            estimator.fit(X, y)
        assert estimator.interrupted_
    assert_array_equal(estimator.predict_proba(X), before)


@pytest.mark.parametrize(("before", "after"), list(permutations([None, *NORMALIZATIONS], 2)))
def test_another_normalization_is_refused(before, after):
    estimator = make(normalization=before, warm_start=True, max_iter=2).fit(X, y)
    probabilities = estimator.predict_proba(X)
    with pytest.raises(ValueError, match="same shape"):
        estimator.set_params(normalization=after).fit(X, y)
    assert_array_equal(estimator.predict_proba(X), probabilities)


def test_dropout_may_change_on_the_way():
    estimator = make(warm_start=True, max_iter=2).fit(X, y)
    estimator.set_params(dropout=0.4).fit(X, y).set_params(dropout=0.0).fit(X, y)
    assert estimator.best_iter_ == 6


KEPT = {
    "feature_encoding": ("table", None),
    "categorical_features": ("from_dtype", ["a"]),
    "dtype": ("float32", "float64"),
    "standardize_target": (True, False),
    "clip_predictions": (True, False),
}
TABLE = pd.DataFrame({"a": np.arange(60) % 3, "b": np.linspace(-1, 1, 60)})


@pytest.mark.parametrize("name", KEPT)
def test_what_the_first_call_has_decided_cannot_be_changed(name):
    params = {"n_members": 1, "max_iter": 2, "random_state": 0, "warm_start": True}
    model = BackpropRegressor(**params).fit(TABLE, TABLE["b"])
    before, (same, other) = model.predict(TABLE), KEPT[name]
    message = f"the {name} of the first call, which was {same!r}, got {re.escape(repr(other))}"
    for train in (model.fit, model.partial_fit):
        model.set_params(**{name: other})
        with pytest.raises(ValueError, match=message):
            train(TABLE, TABLE["b"])
        assert_array_equal(model.predict(TABLE), before)
    model.set_params(**{name: same}).fit(TABLE, TABLE["b"])  # said, and not changed
    assert model.resolved_params_[name] == same or name == "feature_encoding"


def test_another_preset_keeps_what_the_first_call_has_decided():
    params = {"max_iter": 2, "random_state": 0, "warm_start": True}
    model = BackpropRegressor(**params).fit(TABLE, TABLE["b"])
    model.set_params(preset="plain").fit(TABLE, TABLE["b"])
    now = model.resolved_params_
    assert isinstance(now["feature_encoding"], TableEncoding)
    assert (now["standardize_target"], now["clip_predictions"]) == (True, True)
