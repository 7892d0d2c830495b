"""Monotone constraints: kept by every prediction, or refused."""

import pickle

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from settings import packed
from sklearn.base import clone

from skbackprop import (
    BackpropClassifier,
    BackpropRegressor,
    LogLoss,
    RowSource,
    TableEncoding,
    load,
)
from skbackprop.nn.losses import Loss, Pinball
from skbackprop.optim import SGD, ScheduleFree
from skbackprop.training.callbacks import Callback

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

N, PAIRS = 300, 2000
QUICK = {"max_iter": 20, "random_state": 0}
CST = {"up": 1, "down": -1}


def table(n=N, seed=0, missing=0.0):
    """Skewed columns of numbers, of which the target rises with one and falls with another."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(
        {
            "free": rng.normal(size=n),
            "down": -rng.lognormal(size=n),  # the encoder turns it
            "color": rng.choice(["red", "green", "blue"], n),
            "up": rng.lognormal(size=n),
        }
    )
    noise = rng.normal(size=n) * 2
    score = X["up"] - X["down"] + X["free"] * (X["color"] == "red") + noise
    if missing:
        X.loc[rng.random(n) < missing, "up"] = np.nan
    return X, score.to_numpy()


X, SCORE = table()
Y = {
    "number": SCORE,
    "turned": -np.exp(SCORE / 8),  # the codec turns it
    "numbers": np.stack([SCORE, -np.exp(SCORE / 8)], axis=1),
    "counts": np.round(np.exp(SCORE / 4)),
    "binary": np.where(SCORE > 2, "yes", "no"),
}
DIRECTION = {"turned": -1}


def settings(task="number", **params):
    sign = DIRECTION.get(task, 1)
    cst = {name: sign * value for name, value in CST.items()}
    return {**QUICK, "feature_encoding": TableEncoding(monotonic_cst=cst), **params}


def fit(task="number", X=X, **params):
    Estimator = BackpropClassifier if task == "binary" else BackpropRegressor
    return Estimator(**packed(**settings(task, **params))).fit(X, Y[task])


def pairs(name, n=PAIRS, seed=1):
    """Rows, and the same rows with a larger number in one column: within and beyond training."""
    rng = np.random.default_rng(seed)
    low, _ = table(n, seed)
    span = np.ptp(X[name])
    low[name] = rng.uniform(X[name].min() - span, X[name].max() + span, n)
    step = span * 10.0 ** rng.uniform(-6, 1, n)
    return low, low.assign(**{name: low[name] + step})


def outputs(model, X):
    if hasattr(model, "predict_proba"):
        return model.predict_proba(X)[:, 1]
    return model.predict(X)


def n_violations(model, cst=CST, get=outputs, **options):
    count = 0
    for name, sign in cst.items():
        low, high = pairs(name, **options)
        rise = np.asarray(get(model, high), float) - get(model, low)
        count += int((sign * rise < 0).sum())
    return count


# The guarantee --------------------------------------------------------------------------------


def test_without_constraints_the_order_is_violated():
    assert n_violations(fit(feature_encoding="auto")) > 0


@pytest.mark.parametrize("preset", ["auto", "fast", "best", "plain"])
@pytest.mark.parametrize("task", ["number", "binary"])
def test_presets(task, preset):
    model = fit(task, preset=preset, max_iter=2 if preset == "best" else 8)
    assert n_violations(model) == 0
    assert np.ptp(outputs(model, X)) > 0


def test_hundred_thousand_pairs_of_scores_in_double_precision():
    model = fit("number")
    low, high = pairs("up", 100_000)
    scores = [model._fitted.member_scores(model._encode(part)) for part in (low, high)]
    assert scores[0].dtype == np.float64
    assert (scores[1] * np.sign(model._fitted.codec.scale) >= scores[0]).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_turned_target_and_turned_columns(dtype):
    model = fit("turned", dtype=dtype)
    fitted = model._fitted
    assert fitted.codec.scale[0] < 0
    assert (fitted.encoder._scale < 0).any()
    assert n_violations(model, {"up": -1, "down": 1}) == 0


def test_pairs_in_single_precision():
    numbers = ["free", "down", "up"]
    model = BackpropRegressor(
        **QUICK, feature_encoding=TableEncoding(monotonic_cst=[0, -1, 1])
    ).fit(X[numbers].to_numpy(np.float32), SCORE)

    def single(model, X):
        return model.predict(X[numbers].to_numpy(np.float32))

    assert n_violations(model, get=single) == 0


PARTS = {
    "linear": {"hidden_layer_sizes": ()},
    "one unit": {"hidden_layer_sizes": (1,)},
    "one network": {"n_members": 1},
    "three layers": {"hidden_layer_sizes": (9, 7, 5)},
    "relu": {"activation": "relu"},
    "outer activation": {"activation": ["silu", "silu", "softplus"], "standardize_target": False},
    "periodic": {"numeric_embedding": "periodic"},
    "both": {"numeric_embedding": "both"},
    "no embedding": {"numeric_embedding": None},
    "no factors": {"feature_scale": False},
    "weights": {"weight_init": "he_normal", "bias_init": "zeros"},
    "muon": {"solver": "muon"},
    "large steps": {"solver": SGD(momentum=0.9, averaging=None), "learning_rate_init": 0.3},
    "lion": {"solver": "lion"},
    "swa": {"averaging": "swa", "solver": "adam"},
    "penalties": {"l1": 0.01, "alpha": 1.0, "solver": "adamw"},
    "probe": {"learning_rate_init": "probe"},
    "refit": {"refit": True},
    "fine-tuned": {"refit": "fine_tune", "max_iter": 8},
    "accumulation": {"gradient_accumulation_steps": 2, "batch_size": 16},
    "quantiles": {"loss": Pinball((0.1, 0.5, 0.9))},
}


@pytest.mark.parametrize("part", PARTS)
def test_parts(part):
    params = {"max_iter": 6, **PARTS[part]}
    if "feature_scale" in params:
        encoding = TableEncoding(learned_scale=params.pop("feature_scale"), monotonic_cst=CST)
        params["feature_encoding"] = encoding
    model = fit(**params)
    assert n_violations(model, n=1000) == 0


def test_every_output_has_the_order():
    model = fit("numbers")
    scale = np.sign(model._fitted.codec.scale)
    assert_array_equal(scale, [1, -1])
    for name, sign in CST.items():
        low, high = pairs(name)
        assert (sign * (model.predict(high) - model.predict(low)) >= 0).all()


@pytest.mark.parametrize("loss", ["poisson", "absolute_error"])
def test_losses(loss):
    assert n_violations(fit("counts", loss=loss), n=1000) == 0


def test_probabilities_of_a_calibrated_classifier():
    model = fit("binary", calibration="temperature", loss=LogLoss(0.1))
    assert n_violations(model) == 0
    assert n_violations(model, get=lambda m, X: m.predict_log_proba(X)[:, 1]) == 0


def test_no_column_is_free():
    X, predictions = table()[0][["down", "up"]], []
    for cst in ([-1, 1], CST):
        model = BackpropRegressor(**QUICK, feature_encoding=TableEncoding(monotonic_cst=cst))
        predictions.append(model.fit(X, SCORE).predict(X))
        assert n_violations(model, get=lambda m, X: m.predict(X[["down", "up"]])) == 0
    assert_array_equal(*predictions)


def test_columns_that_are_constant():
    encoding = TableEncoding(monotonic_cst=[1, -1])
    model = BackpropRegressor(**QUICK, feature_encoding=encoding).fit(np.ones((N, 2)), SCORE)
    predicted = model.predict([[0.0, 1.0], [1.0, 1.0], [2.0, 0.0]])
    assert_allclose(predicted, predicted[0], rtol=1e-12)


def test_no_constraint():
    expected = fit(feature_encoding=TableEncoding()).predict(X)
    for cst in ({}, {"up": 0}, [0, 0, 0, 0]):
        model = fit(feature_encoding=TableEncoding(monotonic_cst=cst), warm_start=True)
        assert_array_equal(model.predict(X), expected)
        assert model.resolved_params_["feature_encoding"].monotonic_cst is None


def test_known_values_of_a_column_with_missing_ones():
    X, y = table(missing=0.2)
    model = BackpropRegressor(**settings()).fit(X, y)
    assert n_violations(model) == 0


def test_dates_and_numbers_in_text():
    days = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(N), "D")
    X = pd.DataFrame({"day": days, "text": [f"{v:.3f}" for v in SCORE], "other": SCORE % 1})
    y = np.arange(N) / 50 - SCORE
    with pytest.warns(UserWarning, match="hold text"):
        model = BackpropRegressor(
            **QUICK, feature_encoding=TableEncoding(monotonic_cst={"day": 1, "text": -1})
        ).fit(X, y)
    later = X.assign(day=X["day"] + pd.to_timedelta(1, "D"))
    more = X.assign(text=[f"{v + 0.5:.3f}" for v in SCORE])
    assert (model.predict(later) >= model.predict(X)).all()
    assert (model.predict(more) <= model.predict(X)).all()


# Going on, copies and files -------------------------------------------------------------------


@pytest.mark.parametrize("task", ["number", "binary"])
def test_partial_fit(task):
    model = (BackpropClassifier if task == "binary" else BackpropRegressor)(**settings(task))
    for call in range(4):
        X, score = table(60, seed=call)
        X, y = X * 1, (np.where(score > 2, "yes", "no") if task == "binary" else score * (1 + call))
        X["up"] *= 1 + 3 * call  # the statistics follow
        if call == 0:  # columns get their places later
            X[["free", "down"]] = 0.0
        model.partial_fit(X, y, **({"classes": ["no", "yes"]} if task == "binary" else {}))
        assert n_violations(model) == 0


def test_warm_start():
    model = fit(warm_start=True)
    model.fit(*table(seed=5))
    assert n_violations(model) == 0


def test_other_constraints_are_refused_when_training_goes_on():
    model = fit(warm_start=True)
    before = model.predict(X)
    model.set_params(feature_encoding__monotonic_cst={"up": -1})
    with pytest.raises(ValueError, match="set warm_start=False"):
        model.fit(X, SCORE)
    assert_array_equal(model.predict(X), before)
    model.set_params(feature_encoding__monotonic_cst=[0, -1, 0, 1])  # the same in another form
    model.fit(X, SCORE)
    assert n_violations(model) == 0


def test_a_step_that_is_interrupted_is_corrected():
    class Spoil(Callback):
        def on_epoch_end(self, run):
            run.network.theta[...] = -1.0

    model = fit(n_members=1, callbacks=[Spoil()], early_stopping=False, solver=SGD(averaging=None))
    assert n_violations(model) == 0


def test_rows_of_a_source():
    rows, target = X[["free", "down", "up"]].to_numpy(), SCORE

    class Batches:
        def __iter__(self):
            for start in range(0, N, 64):
                yield rows[start : start + 64], target[start : start + 64]

    encoding = TableEncoding(monotonic_cst=[0, -1, 1])
    model = BackpropRegressor(**QUICK, feature_encoding=encoding)
    model.fit(RowSource(Batches(), sample_rows=100, buffer_rows=100))
    assert (
        n_violations(model, get=lambda m, X: m.predict(X[["free", "down", "up"]].to_numpy())) == 0
    )


def test_copies_and_files(tmp_path):
    model = fit("number")
    model.save(tmp_path / "model.skbp")
    for copy in (pickle.loads(pickle.dumps(model)), load(tmp_path / "model.skbp")):
        assert_array_equal(copy.predict(X), model.predict(X))
        assert copy.feature_encoding == model.feature_encoding
    assert clone(model).get_params()["feature_encoding__monotonic_cst"] == CST
    again = clone(model).set_params(**model.resolved_params_).fit(X, SCORE)
    assert_array_equal(again.predict(X), model.predict(X))


def test_forms():
    expected = fit().predict(X)
    for cst in ([0, -1, 0, 1], (0, -1, 0, 1), np.array([0, -1, 0, 1]), {"free": 0, **CST}):
        same = fit(feature_encoding=TableEncoding(monotonic_cst=cst))
        assert_array_equal(same.predict(X), expected)


def test_it_is_a_setting_that_searches_reach():
    model = BackpropRegressor(feature_encoding=TableEncoding())
    assert model.get_params()["feature_encoding__monotonic_cst"] is None
    model.set_params(feature_encoding__monotonic_cst=[1])
    assert model.feature_encoding == TableEncoding(monotonic_cst=[1])
    assert TableEncoding(monotonic_cst=np.array([1, 0])) != TableEncoding(monotonic_cst=[0, 1])
    assert hash(TableEncoding(monotonic_cst=CST)) == hash(TableEncoding())


# Refusals -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "cst", [2, "up", [0.5, 1], [2, 0, 0, 0], [[1, 0]], [], {"up": 3}, {1: 1}, ["1", "0"], {0}]
)
def test_values_that_are_no_directions(cst):
    with pytest.raises(ValueError, match="feature_encoding__monotonic_cst"):
        TableEncoding(monotonic_cst=cst)


class Odd(Loss):
    def predict(self, scores):
        return np.cos(scores)

    def row_losses(self, target, scores, out):
        np.subtract(scores, target, out=out)
        return (out**2).sum(axis=-1) / 2


REFUSED = {
    "length": ({"monotonic_cst": [1, 0]}, "one entry for each of the 4 columns of X, got 2"),
    "name": ({"monotonic_cst": {"height": 1}}, "names of columns of X, got 'height'"),
    "category": ({"monotonic_cst": {"color": 1}}, "columns of numbers, got 1 for column 'color'"),
    "lbfgs": ({"solver": "lbfgs"}, "solver='lbfgs'"),
    "schedule_free": ({"solver": "schedule_free"}, "solver='schedule_free'"),
    "object": ({"solver": ScheduleFree()}, "solver=ScheduleFree"),
    "normalization": ({"normalization": "layer"}, "normalization='layer'"),
    "residual": ({"residual": True}, "residual=True"),
    "sharing": ({"member_sharing": "mini"}, "member_sharing='mini'"),
    "activation": ({"activation": ["silu", "silu", "gelu"]}, "activation="),
    "loss": ({"loss": Odd()}, "the loss Odd"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case):
    params, message = REFUSED[case]
    params = dict(params)
    cst = params.pop("monotonic_cst", CST)
    with pytest.raises(ValueError, match=message):
        fit(feature_encoding=TableEncoding(monotonic_cst=cst), **params)


def test_targets_without_order():
    for y in (np.digitize(SCORE, [0, 3]), np.stack([SCORE > 0, SCORE > 2], axis=1)):
        with pytest.raises(ValueError, match="needs two classes"):
            BackpropClassifier(**settings()).fit(X, y)


def test_columns_without_names():
    with pytest.raises(ValueError, match="needs columns with names"):
        fit(X=X[["free", "down", "up"]].to_numpy())


def test_sparse():
    from scipy import sparse

    wide = sparse.random_array((N, 500), density=0.01, rng=0, format="csr")
    cst = [1, *[0] * 499]
    with pytest.raises(ValueError, match="Pass a dense table"):
        fit(X=wide, feature_encoding=TableEncoding(monotonic_cst=cst))
