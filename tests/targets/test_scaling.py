"""The scale of a numeric target: no unit of y is better than another."""

import numpy as np
import pytest
from sklearn.metrics import d2_tweedie_score

from skbackprop import BackpropRegressor
from skbackprop.targets import TargetCodec

POWER = {"gamma": 2, "poisson": 1, "tweedie": 1.5}


def rows(n=200):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 3))
    return X, X[:, 0] + 0.1 * rng.normal(size=n)


@pytest.mark.parametrize("scaling", ["standardize", "mean"])
@pytest.mark.parametrize("exponent", [-1000, -600, -100, 0, 300, 1000])
def test_powers_of_two_do_not_change_a_bit_of_the_target(scaling, exponent):
    y = np.random.default_rng(0).uniform(1, 3, 50)
    w = np.random.default_rng(1).uniform(0, 3, 50)
    codec = TargetCodec.fitted(y, w, scaling=scaling)
    scaled = TargetCodec.fitted(np.ldexp(y, exponent), w, scaling=scaling)
    target = codec.encode(y, np.dtype("float64"))
    np.testing.assert_array_equal(scaled.encode(np.ldexp(y, exponent), target.dtype), target)
    np.testing.assert_array_equal(scaled.decode(target), np.ldexp(codec.decode(target), exponent))


def test_rows_of_weight_zero_have_no_influence_on_a_codec():
    y, w = np.array([1.0, 2.0, 4.0, 1e6]), np.array([1.0, 2.0, 1.0, 0.0])
    for scaling in (None, "standardize", "mean"):
        a = TargetCodec.fitted(y, w, scaling=scaling, clip=True)
        b = TargetCodec.fitted(y[:3], w[:3], scaling=scaling, clip=True)
        for name in ("center", "scale", "low", "high", "exponent"):
            np.testing.assert_array_equal(getattr(a, name), getattr(b, name))


# Not poisson without a preset for tables: scikit-learn's MLPRegressor takes y as it is.
@pytest.mark.parametrize(
    ("loss", "preset"),
    [*((loss, "fast") for loss in POWER), ("gamma", "plain"), ("tweedie", "plain")],
)
def test_the_unit_of_a_positive_target_does_not_matter(loss, preset):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(600, 3))
    mean = np.exp(X[:, 0] + 0.3 * X[:, 1])
    y = mean * rng.gamma(5, 0.2, 600) if loss == "gamma" else rng.poisson(3 * mean).astype(float)
    params = {"preset": preset, "loss": loss, "random_state": 0}
    params |= {"learning_rate_init": 0.01, "max_iter": 400} if preset == "plain" else {}
    scores = []
    for unit in (1.0, 1e-9, 1e9):
        model = BackpropRegressor(**params).fit(X[:400], y[:400] * unit)
        predicted = model.predict(X[400:]) / unit
        scores.append(d2_tweedie_score(y[400:], predicted, power=POWER[loss]))
    assert scores[0] > 0.5
    assert np.ptp(scores) < 0.01


@pytest.mark.parametrize("unit", [1e160, 1e300, 1e100, 1e-170, 1e-300])
def test_targets_whose_squares_are_no_numbers(unit):
    X, z = rows()
    model = BackpropRegressor(preset="fast", random_state=0).fit(X, z * unit)
    assert model.score(X, z * unit) > 0.9
    assert np.isfinite(model.predict_interval(X)).all()
    assert (model.predict_std(X) > 0).all()


def test_one_value_far_from_all_others_is_refused():
    X, y = rows()
    y[3] = 1e160
    with pytest.raises(ValueError, match="values so far apart.*different as float32"):
        BackpropRegressor(preset="fast").fit(X, y)


@pytest.mark.parametrize("unit", [1e160, 1e-170])
def test_a_plain_network_refuses_what_its_dtype_cannot_learn(unit):
    X, y = rows()
    with pytest.raises(ValueError, match="dtype float64 cannot learn.*Scale y"):
        BackpropRegressor(preset="plain").fit(X, y * unit)
    with pytest.raises(ValueError, match="dtype float32 cannot learn.*Scale y"):
        BackpropRegressor(preset="plain", dtype="float32").fit(X, y * np.sqrt(unit))


def test_the_advice_is_about_y_where_y_is_large():
    X, y = rows()
    with pytest.warns(UserWarning, match="Raise max_iter, or scale y"):
        BackpropRegressor(preset="plain", max_iter=2).fit(X, y * 1e6)


def test_a_score_of_probabilities_is_refused():
    X, y = rows()
    with pytest.raises(ValueError, match="scoring='neg_log_loss' needs a classifier"):
        BackpropRegressor(scoring="neg_log_loss").fit(X, y)
