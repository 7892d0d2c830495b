"""Shapley values: equal to the definition on mixed rows of the table, and its laws."""

from itertools import permutations, product
from math import comb

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

import skbackprop
from skbackprop import BackpropClassifier, BackpropRegressor, TableEncoding
from skbackprop.inspection import feature_attributions
from skbackprop.inspection.shapley import every_coalition, masks_of_orders, values_of_orders
from skbackprop.plots import AttributionDisplay

from .tables import fit, fitted, mixed, outputs
from .test_attributions import KINDS, SMOOTH

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
ALL = 20  # pairs of orders are more than all coalitions of 8 columns


def by_definition(model, X, background):
    """From the outputs of all mixtures of rows of the table, by the public methods."""
    X, background = pd.DataFrame(X), pd.DataFrame(background)
    n, b, d = len(X), len(background), X.shape[1]
    masks = np.array(list(product((False, True), repeat=d)))
    row, start, mask = (
        a.ravel() for a in np.meshgrid(np.arange(n), np.arange(b), np.arange(2**d), indexing="ij")
    )
    both = pd.concat([X, background], ignore_index=True)
    table = pd.DataFrame(
        {
            name: both[name].array.take(np.where(masks[mask, j], row, n + start))
            for j, name in enumerate(X.columns)
        }
    )
    v = outputs(model, table if isinstance(X.columns[0], str) else table.to_numpy())
    v = v.reshape(n, b, 2**d, -1).mean(axis=1)
    sizes, values = masks.sum(axis=1), np.zeros((n, d, v.shape[-1]))
    for j in range(d):
        without = np.flatnonzero(~masks[:, j])
        weights = 1 / (d * np.array([comb(d - 1, size) for size in sizes[without]]))
        steps = v[:, without + 2 ** (d - 1 - j)] - v[:, without]
        values[:, j] = np.einsum("s,nsq->nq", weights, steps)
    return values, v[:, 0].mean(axis=0)


def check_exact(model, X, background, tolerance=2e-5, rounding=1e-9):
    found = feature_attributions(
        model, X, baseline=background, method="shapley", n_permutations=ALL
    )
    expected, base = by_definition(model, X, background)
    scale = np.abs(expected).max(axis=(0, 1))
    error = np.abs(found.values.reshape(expected.shape) - expected)
    assert (error <= tolerance * scale).all()
    assert_allclose(found.base_values, np.squeeze(base), rtol=rounding, atol=rounding * scale.max())
    assert_array_equal(found.errors, np.zeros(found.errors.shape))


def check_complete(model, X, found):
    """To rounding, whatever the precision of the network."""
    values = found.values.reshape(*found.values.shape[:2], -1)
    total = values.sum(axis=1) + found.base_values
    size = np.abs(values).sum(axis=1).max(axis=0)
    assert (np.abs(total - outputs(model, X)) <= 1e-13 * (size + np.abs(total))).all()


# ---- the definition ---------------------------------------------------------------------------


@pytest.mark.parametrize("case", SMOOTH)
def test_all_coalitions_are_those_of_the_table(case):
    kind, params = SMOOTH[case]
    params = {"clip_predictions": False, **params} if kind in KINDS[4:] else params
    model, X = fit(kind, **params), mixed()
    tolerance = 1e-10 if "float64" in case else 2e-5
    check_exact(model, X[:3], X[50:54], tolerance)
    drawn = feature_attributions(model, X[:9], baseline=X[50:54], method="shapley")
    check_complete(model, X[:9], drawn)
    assert (drawn.values[:, -1] == 0).all()  # the constant column


def alike(n=300):
    """Numbers that say nearly the same, so that they are whitened; a few are missing."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 1)) + 0.05 * rng.normal(size=(n, 5))
    y = X[:, 0] - X[:, 1] + 0.1 * X[:, 2] * X[:, 3]
    X[rng.random(X.shape) < 0.03] = np.nan
    X[0, 1] = X[1, 2] = X[60, 0] = np.nan
    return X, y


@pytest.mark.parametrize("Estimator", [BackpropRegressor, BackpropClassifier])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_whitened_columns_are_computed_from_mixed_numbers(Estimator, dtype):
    X, y = alike()
    is_regressor = Estimator is BackpropRegressor
    params = {"clip_predictions": False} if is_regressor else {}
    model = Estimator(random_state=0, max_iter=4, dtype=dtype, max_restarts=0, **params)
    model.fit(X, y if is_regressor else y > 0)
    assert model._fitted.encoder._whitening is not None
    check_exact(model, X[:3], X[60:64], 1e-10 if dtype == "float64" else 1e-4)
    drawn = feature_attributions(model, X[:9], method="shapley")
    check_complete(model, X[:9], drawn)


def shapley(model, X, background, **params):
    return feature_attributions(model, X, baseline=background, method="shapley", **params).values


def test_effects_of_values_belong_to_their_column():
    rng = np.random.default_rng(0)
    X = rng.integers(0, 40, size=(600, 3)).astype(float)
    y = (rng.normal(size=40) * 5)[X[:, 0].astype(int)] + X[:, 1] * X[:, 2] / 100
    model = BackpropRegressor(random_state=0, max_iter=3, clip_predictions=False).fit(X, y)
    assert model._fitted.encoder.effects
    check_exact(model, X[:3], X[50:54])


@pytest.mark.parametrize("labels", [False, True])
def test_plain_and_monotone_models(labels):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(80, 6))
    y = X[:, 0] * X[:, 1] + X[:, 2] * X[:, 3] * X[:, 4]
    Estimator = BackpropClassifier if labels else BackpropRegressor
    y = y > 0 if labels else y
    plain = Estimator((12, 6), "relu", preset="plain", max_iter=20, random_state=0).fit(X, y)
    check_exact(plain, X[:3], X[50:54], 1e-10)
    params = {} if labels else {"clip_predictions": False}
    rising = TableEncoding(monotonic_cst=[1, 0, -1, 0, 0, 0])
    monotone = Estimator(
        preset="fast", feature_encoding=rising, max_iter=3, random_state=0, **params
    ).fit(X, y)
    check_exact(monotone, X[:3], X[50:54])


def test_in_single_precision():
    X = np.random.default_rng(0).normal(size=(100, 4)).astype(np.float32)
    model = BackpropClassifier(preset="fast", random_state=0).fit(X, X[:, 0] * X[:, 1] > 0)
    check_exact(model, X[:3], X[50:54], rounding=1e-6)


# ---- orders -----------------------------------------------------------------------------------


def test_all_orders_give_what_all_coalitions_give():
    d = 4
    masks, weights = every_coalition(d)
    v = np.random.default_rng(0).normal(size=2**d)
    expected = weights @ v[masks @ 2 ** np.arange(d)] + (v[-1] - v[0]) / d
    places = np.array(list(permutations(range(d))))[None, None]
    numbers = masks_of_orders(places) @ 2 ** np.arange(d)
    found = values_of_orders(v[numbers][:, None, ..., None], np.full((1, 1, 1, 1), v[-1] - v[0]),
                             places)  # fmt: skip
    assert_allclose(found.mean(axis=3).ravel(), expected)
    assert_allclose(weights.sum(axis=0), 0, atol=1e-15)  # so that the sum is complete


@pytest.mark.parametrize("kind", ["regression", "multiclass"])
def test_orders_come_closer_to_all_coalitions(kind):
    model, X = fitted(kind), mixed()
    exact = shapley(model, X[:20], X[40:60], n_permutations=ALL)
    size = np.sqrt(np.mean(exact**2))
    errors, said = [], []
    for n in (1, 2, 8):
        params = {"baseline": X[40:60], "method": "shapley", "n_permutations": n}
        found = feature_attributions(model, X[:20], **params)
        errors.append(np.sqrt(np.mean((found.values - exact) ** 2)) / size)
        square = (found.values**2).sum(axis=1)
        said.append(np.sqrt((found.errors**2 * square).mean() / (exact**2).sum(axis=1).mean()))
    assert errors[1] < 0.1
    assert errors[2] < 0.7 * errors[0]
    assert np.isnan(said[0])
    assert_allclose(said[1:], errors[1:], rtol=0.5)


def test_pairs_are_exact_where_two_columns_act_together():
    """The square of a sum has products of two columns only."""
    X = np.random.default_rng(0).normal(size=(40, 6))
    model = BackpropRegressor((1,), preset="plain", activation=Square(), max_iter=2,
                              random_state=0).fit(X, X[:, 0])  # fmt: skip
    drawn = shapley(model, X[:3], X[20:22], n_permutations=1)
    assert_allclose(drawn, shapley(model, X[:3], X[20:22], n_permutations=ALL), atol=1e-12)


class Square:
    def forward(self, z, out):
        np.multiply(z, z, out=out)

    def backward(self, z, y, d):
        d *= 2 * z


def test_columns_that_do_the_same_get_the_same():
    X = np.random.default_rng(0).normal(size=(40, 4))
    X[:, 1] = X[:, 0]
    model = BackpropRegressor((8,), preset="plain", max_iter=5, random_state=0).fit(X, X[:, 0])
    model.coefs_[0][1] = model.coefs_[0][0]
    model.coefs_[0][3] = 0
    values = shapley(model, X[:5], X[20:25], n_permutations=ALL)
    assert_allclose(values[:, 0], values[:, 1], rtol=1e-12)
    assert np.abs(values[:, 0]).min() > 1e-4
    assert_allclose(values[:, 3], 0, atol=1e-14)  # a column without weights
    drawn = shapley(model, X[:5], X[20:25], n_permutations=1)
    assert_allclose(drawn[:, 3], 0, atol=1e-14)


def test_the_seed_chooses_the_orders():
    model, X = fitted("multiclass"), mixed()
    params = {"baseline": X[40:50], "method": "shapley", "n_permutations": 2}
    first = feature_attributions(model, X[:5], **params)
    assert_array_equal(feature_attributions(model, X[:5], **params).values, first.values)
    rng = np.random.RandomState(0)
    same = feature_attributions(model, X[:5], **params, random_state=rng)
    assert_array_equal(same.values, first.values)
    other = feature_attributions(model, X[:5], **params, random_state=1)
    assert (other.values[..., 0] != first.values[..., 0]).any()
    assert_allclose(other.base_values, first.base_values)


def test_rows_and_baselines_in_parts(monkeypatch):
    model, X = fitted("regression"), mixed()
    whole = shapley(model, X[:40], X[40:50], n_permutations=ALL)
    monkeypatch.setattr("skbackprop.inspection.shapley.EVALUATED", 1)
    parts = shapley(model, X[:40], X[40:50], n_permutations=ALL)
    assert_allclose(parts, whole, atol=1e-5 * np.abs(whole).max())


# ---- what goes with it --------------------------------------------------------------------------


def test_the_training_baseline_is_drawn():
    model, X = fitted("binary"), mixed()[:8]
    found = feature_attributions(model, X, method="shapley")
    check_complete(model, X, found)
    again = feature_attributions(model, X, method="shapley")
    assert_array_equal(again.values, found.values)


def test_an_output_can_be_chosen():
    model, X = fitted("multiclass"), mixed()
    every = shapley(model, X[:5], X[40:50])
    assert every.shape == (5, 8, 3)
    assert_allclose(shapley(model, X[:5], X[40:50], output=1), every[..., 1])
    yes, no = (shapley(fitted("binary"), X[:5], X[40:50], output=o) for o in ("yes", "no"))
    assert_allclose(yes, -no)


def test_few_columns():
    X = np.random.default_rng(0).normal(size=(40, 1))
    model = BackpropRegressor(preset="fast", max_iter=2, random_state=0, clip_predictions=False)
    check_exact(model.fit(X, X[:, 0]), X[:3], X[20:24], 1e-9)
    constant = model.fit(np.ones((40, 2)), X[:, 0])
    assert_array_equal(shapley(constant, np.ones((3, 2)), np.ones((4, 2))), np.zeros((3, 2)))


def test_it_is_drawn():
    pyplot = pytest.importorskip("matplotlib.pyplot")
    X = mixed()
    display = AttributionDisplay.from_estimator(
        fitted("binary"), X[:9], baseline=X[40:50], method="shapley"
    )
    assert len(display.points_) == 8
    pyplot.close("all")


@pytest.mark.filterwarnings("ignore:Columns of X that hold text")
def test_models_that_go_on_and_that_are_loaded(tmp_path):
    X, y = mixed(), np.array(["no", "yes"])[mixed()["new"].astype(int)]
    model = BackpropClassifier(preset="fast", random_state=0)
    model.partial_fit(X[:40].assign(kind="flat"), y[:40], classes=["no", "yes"])
    model.partial_fit(X[40:], y[40:])
    check_exact(model, X[:3].assign(kind="palace"), X[50:54])
    model.save(tmp_path / "model.skbp")
    loaded = skbackprop.load(tmp_path / "model.skbp")
    assert_array_equal(shapley(loaded, X[:3], X[50:54]), shapley(model, X[:3], X[50:54]))


def test_explaining_leaves_the_model_alone():
    model, X = fitted("multiclass"), mixed()
    theta = model.network_.theta.copy()
    shapley(model, X[:5], X[40:50])
    assert_array_equal(model.network_.theta, theta)


def test_what_is_refused():
    model, X = fitted("binary"), mixed()[:5]
    for n in (0, 1.5, True, "all"):
        with pytest.raises(ValueError, match="n_permutations must be an int of 1 or more"):
            feature_attributions(model, X, method="shapley", n_permutations=n)
    with pytest.raises(ValueError, match="random_state|seed"):
        feature_attributions(model, X, method="shapley", random_state="a")
    rows = sparse.random(60, 400, 0.02, format="csr", random_state=0)
    text = BackpropClassifier(preset="fast", max_iter=1, random_state=0)
    text.fit(rows, np.arange(60) % 2)
    with pytest.raises(ValueError, match="needs dense rows, got a sparse matrix"):
        feature_attributions(text, rows[:2], baseline=rows, method="shapley")


def test_the_baseline_may_be_sparse():
    X = np.random.default_rng(0).normal(size=(40, 3))
    model = BackpropRegressor((4,), preset="plain", max_iter=2, random_state=0).fit(X, X[:, 0])
    expected = shapley(model, X[:3], X[20:25])
    assert_array_equal(shapley(model, X[:3], sparse.csr_matrix(X[20:25])), expected)
