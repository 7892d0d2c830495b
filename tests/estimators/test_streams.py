"""Learning from a stream: the first rows fix neither the range of the model nor its columns."""

import copy
import pickle
import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from settings import packed
from sklearn.metrics import d2_tweedie_score, r2_score

from skbackprop import BackpropClassifier, BackpropRegressor, WeightInit, load
from skbackprop.nn.losses import Pinball
from skbackprop.tables.growth import statistics
from skbackprop.targets.number_codec import TargetCodec
from skbackprop.targets.running import follow_target, score_change, start_moments

rng = np.random.default_rng(0)
N = 1200
X = rng.normal(size=(N, 4))
F = 2 * X[:, 0] + np.sin(2 * X[:, 1])
CLASS = F > 0
BOTH = pytest.mark.parametrize("task", ["number", "class"])


def regressor(**params):
    return BackpropRegressor(random_state=0, **packed(**params))


def classifier(**params):
    return BackpropClassifier(random_state=0, **packed(**params))


def learn(model, X, y, size, passes=1):
    """Call `partial_fit` with rows in their order, `size` at a time."""
    first = {"classes": np.unique(y)} if isinstance(model, BackpropClassifier) else {}
    for _ in range(passes):
        for start in range(0, X.shape[0], size):
            model.partial_fit(X[start : start + size], y[start : start + size], **first)
            first = {}
    return model


# The range of y ------------------------------------------------------------------------------


def test_a_growing_target():
    """Each week there are 60 more rows, and y is larger by 50."""
    week = np.repeat(np.arange(20), 60)
    table, y = np.column_stack([week, X]), 50.0 * week + 10 * X[:, 0]
    model = regressor()
    for n in range(60, N + 1, 60):
        learn(model, table[:n], y[:n], n, passes=10)
    assert model.score(table, y) > 0.99
    assert model.predict(table[-60:]).mean() == pytest.approx(y[-60:].mean(), rel=0.05)


@pytest.mark.parametrize("first", [1, 20])
def test_a_constant_target_at_first(first):
    y = 1000 * F
    model = regressor().partial_fit(X[:first], np.zeros(first))
    assert learn(model, X, y, 50, passes=12).score(X, y) > 0.9


def test_counts_after_a_first_batch_of_zeros():
    y = rng.poisson(np.exp(0.5 * X[:, 0] + 2)).astype(float)
    model = regressor(loss="poisson").partial_fit(X[:50], np.zeros(50))
    learn(model, X, y, 50, passes=8)
    assert d2_tweedie_score(y, model.predict(X), power=1) > 0.5


def test_every_column_of_y_follows_for_itself():
    y = np.column_stack([F, 50 * F, F])
    late = y.copy()
    late[:, 2] = 1e4 * F + 1e6
    model = learn(learn(regressor(), X, y, 100), X, late, 50, passes=20)
    predicted = model.predict(X)
    for column in range(3):
        assert r2_score(late[:, column], predicted[:, column]) > 0.9
    scale = np.abs(model._fitted.codec.scale)
    assert scale[1] / scale[0] == pytest.approx(50, rel=0.1)
    assert scale[2] / scale[0] > 3000


def test_quantiles_in_another_unit():
    y = F + rng.normal(size=N)
    model = learn(regressor(loss=Pinball((0.1, 0.5, 0.9))), X, y, 100)
    learn(model, X, 1000 * y, 100, passes=10)
    covered = (1000 * y[:, None] < model.predict(X)).mean(axis=0)
    assert covered == pytest.approx([0.1, 0.5, 0.9], abs=0.1)


@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "huber"])
def test_partial_fit_after_fit_in_another_unit(loss):
    model = regressor(loss=loss, preset="fast").fit(X, F)
    learn(model, X, 1e5 * F + 1e6, N, passes=10)
    assert model.score(X, 1e5 * F + 1e6) > 0.9


@BOTH
def test_a_warm_fit_of_another_range(task):
    make, y = (regressor, F) if task == "number" else (classifier, CLASS)
    model = make(preset="fast", warm_start=True).fit(X, y)
    far = 1000 * X + 1e5
    y = 100 * y - 1e5 if task == "number" else y
    assert model.fit(far, y).score(far, y) > 0.95


def test_predictions_stay_in_the_range_of_all_rows():
    model = learn(regressor(), X, F, 100)
    low, high = F.min(), F.max()
    predicted = model.predict(100 * X)
    assert low <= predicted.min() < predicted.max() <= high
    predicted = model.partial_fit(X[:50], 3 * F[:50]).predict(100 * X)
    assert predicted.max() <= max(high, 3 * F[:50].max())
    assert model._fitted.codec.low <= min(low, 3 * F[:50].min())


@pytest.mark.parametrize("size", [1, 10, 64, 200])
def test_a_jump_leaves_the_rows_before(size):
    """The mean and the spread of two groups that are far apart are those of neither."""
    y = F + np.random.default_rng(1).normal(size=N)
    far = 10 * y.std()
    codec = start_moments(TargetCodec.fitted(y, scaling="standardize", clip=True), y)
    for start in range(0, 200, size):
        codec = follow_target(codec, y[start : start + size] + far)
    assert codec.center == pytest.approx(y.mean() + far, abs=0.5 * y.std())
    assert 0.5 < codec.scale / y.std() < 2


@pytest.mark.parametrize("step", [0.0, 0.05])
def test_steady_growth_and_outliers_are_no_jump(step):
    y = np.random.default_rng(1).normal(size=2000) + step * np.arange(2000)
    y[::20] += 100
    codec = start_moments(TargetCodec.fitted(y[:100], scaling="standardize", clip=True), y[:100])
    for row in y[100:, None]:
        codec = follow_target(codec, row)
    assert codec.scale > 0.5 * y[-300:].std()


def test_a_jump_of_columns_and_target_is_followed():
    late, y = X + 10, F + 20
    model = learn(learn(regressor(), X, F, 200, passes=5), late, y, 10)
    assert model.score(late, y) > 0.9


# The columns ---------------------------------------------------------------------------------


def test_a_first_batch_of_one_row():
    assert learn(regressor(), X[:1], F[:1], 1).predict(X[:3]) == pytest.approx(F[0])
    assert learn(learn(regressor(), X[:1], F[:1], 1), X, F, 50, passes=10).score(X, F) > 0.9


@pytest.mark.parametrize("first", [1, 100])
def test_columns_and_levels_that_appear_later(first):
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame(X, columns=list("abcd"))
    table["shop"] = np.repeat(["north", "south", "west"], N // 3)
    table.loc[: first - 1, "a"] = 0.0
    y = np.where(table.shop == "south", -1, 1) * X[:, 0] > 0
    model = learn(classifier(), table[:first], y[:first], first) if first == 100 else classifier()
    model.partial_fit(table[:first], y[:first], classes=[False, True])
    learn(model, table, y, 60, passes=15)
    assert model.score(table, y) > 0.93
    assert [row["n_encoded"] for row in model.column_report_] == [1, 1, 1, 1, 3]


@pytest.mark.parametrize("size", [1, 40])
def test_many_levels_one_after_the_other(size):
    pandas = pytest.importorskip("pandas")
    level = rng.integers(0, 30, N)
    effect = 3 * rng.normal(size=30)
    table = pandas.DataFrame({"x": X[:, 0], "level": [f"level {i}" for i in level]})
    y = X[:, 0] + effect[level]
    model = regressor().partial_fit(table[:1], y[:1])
    assert learn(model, table, y, size, passes=1 if size == 1 else 10).score(table, y) > 0.8
    assert model._fitted.encoder.cardinalities == (31,)


def test_missing_cells_that_appear_later():
    hole = rng.random(N) < 0.3
    hole[:400] = False
    table, y = X.copy(), np.where(hole, F + 20, F)
    table[hole, 2] = np.nan
    assert learn(regressor(), table, y, 50, passes=8).score(table, y) > 0.95


def test_no_room_for_more_levels_is_said_once(monkeypatch):
    pandas = pytest.importorskip("pandas")
    monkeypatch.setattr("skbackprop.tables.growth.MOST_LEVELS", 20)
    table = pandas.DataFrame({"x": X[:, 0], "id": [f"id {i}" for i in range(N)]})
    model = regressor().partial_fit(table[:1], F[:1])
    with pytest.warns(UserWarning, match="no room for more than 20 levels in column 'id'"):
        model.partial_fit(table[1:100], F[1:100])
    model.partial_fit(table[100:200], F[100:200])


def test_a_first_batch_of_one_class():
    y = np.digitize(F, [-1, 1])
    order = np.argsort(y, kind="stable")
    model = classifier().partial_fit(X[order[:100]], y[order[:100]], classes=[0, 1, 2])
    assert learn(model, X, y, 100, passes=10).score(X, y) > 0.9


def test_sparse_columns_that_appear_later():
    rows = sparse.random(400, 40, 0.2, format="lil", random_state=0)
    rows[:50, :20] = 0
    rows = rows.tocsr()
    y = np.asarray(rows[:, :20].sum(axis=1)).ravel()
    assert learn(regressor(), rows, y, 50, passes=60).score(rows, y) > 0.9


EVERY_PART = [
    {"n_members": 1},
    {"member_sharing": "batch"},
    {"member_sharing": "mini"},
    {"n_hidden_layers": 0},
    {"weight_init": WeightInit(biases=None)},
    {"solver": "schedule_free"},
    {"solver": "muon"},
    {"numeric_embedding": "both"},
    {"numeric_embedding": None},
    {"hidden_layer_sizes": (32,), "activation": ["silu", "tanh"]},
    {"normalization": "layer", "residual": True},
    {"normalization": "batch", "averaging": None},
    {"hidden_layer_sizes": (32,), "dropout": [0.1, 0.1]},
    {"averaging": "swa"},
    {"learned_scale": False, "n_members": 1, "dtype": "float64"},
]


@pytest.mark.parametrize("params", EVERY_PART, ids=str)
def test_every_part_of_a_network_grows_and_goes_on(params):
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame(X, columns=list("abcd"))
    table.loc[:99, "d"] = 5.0
    table["s"] = np.where(np.arange(N) < 100, "x", np.where(X[:, 3] > 0, "y", "z"))
    y = 100 * F + 0.1 * np.arange(N)
    model = learn(regressor(**params), table, y, 50, passes=3)
    again = pickle.loads(pickle.dumps(model))
    for each in (model, again):
        learn(each, table, y, 60, passes=1)
    assert_array_equal(model.predict(table), again.predict(table))
    assert [row["n_encoded"] for row in model.column_report_] == [1, 1, 1, 1, 3]
    least = 0.4 if params else 0.9
    assert model.score(table, y) > least


# What stays ----------------------------------------------------------------------------------


@BOTH
def test_the_function_does_not_jump(task):
    """Another spread of X and y, a new level and a new column: nothing is learned here."""
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame(X, columns=list("abcd"))
    table["s"], table["e"] = np.where(X[:, 2] > 0, "u", "v"), 1.0
    make, y = (regressor, F) if task == "number" else (classifier, CLASS)
    model = learn(make(dtype="float64", averaging=None), table, y, 100, passes=3)
    model.set_params(learning_rate_init=1e-12)
    near = table[np.abs(X).max(axis=1) < 0.5]
    before = model.predict(near) if task == "number" else model.decision_function(near)
    other = pandas.DataFrame(2.5 * X + 0.5, columns=list("abcd"))
    other["s"], other["e"] = np.where(X[:, 2] > 0, "u", "w"), X[:, 3]
    model.partial_fit(other, 2.5 * y + 1 if task == "number" else y)
    codec, encoder = model._fitted.codec, model._fitted.encoder
    assert encoder.n_numeric == 5
    assert encoder.n_other == 2
    after = model.predict(near) if task == "number" else model.decision_function(near)
    if task == "number":
        assert np.abs(codec.scale) > 1.5 * F.std()
    assert_allclose(after, before, atol=0.15 * before.std())


@pytest.mark.parametrize("scaling", ["standardize", "mean"])
def test_scores_keep_their_meaning_when_the_target_moves(scaling):
    y = np.exp(rng.normal(size=(100, 2)))
    codec = TargetCodec.fitted(y, scaling=scaling)
    codec = start_moments(codec, y, scaling=scaling)
    new = follow_target(codec, y * [3.0, 1.0])
    a, b = score_change(codec, new, scaling == "mean")
    scores = rng.normal(size=(5, 2))
    before = np.broadcast_to(codec.scale, 2)
    assert new.scale[0] > 1.4 * before[0]
    assert scaling == "mean" or new.scale[1] == before[1]
    link = np.exp if scaling == "mean" else np.asarray
    assert_allclose(new.decode(link(a * scores + b)), codec.decode(link(scores)), rtol=1e-9)


@BOTH
def test_calls_with_the_same_rows_are_one_fit(task):
    """With settings that do not depend on the kind of the call, also in the table presets."""
    make, y = (regressor, F) if task == "number" else (classifier, CLASS)
    params = {"learning_rate": lambda clock: 1.0, "early_stopping": False, "max_restarts": 0}
    params |= {"dropout_schedule": "constant", "weight_decay_schedule": "constant"}
    params |= {"numeric_embedding": "periodic", "learning_rate_init": 0.01, "max_iter": 6}
    params["n_members"] = 4
    once = make(**params).fit(X[:100], y[:100])
    often = learn(make(**params), X[:100], y[:100], 100, passes=6)
    assert_array_equal(once.network_.theta, often.network_.theta)
    assert_array_equal(once.predict(X), often.predict(X))


@BOTH
def test_a_failed_call_leaves_everything_as_it_was(task):
    make, y = (regressor, F) if task == "number" else (classifier, CLASS)
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame(X, columns=list("abcd"))
    table["s"] = "a"
    model = learn(make(), table[:300], y[:300], 50)
    before, untouched = model.predict(table), pickle.loads(pickle.dumps(model))
    other = pandas.DataFrame(1000 * X, columns=list("abcd"))
    other["s"] = "b"

    def fail(clock):
        raise RuntimeError("fault")

    for target in (y, 1e6 * y if task == "number" else y):
        with pytest.raises(RuntimeError, match="fault"):
            model.set_params(learning_rate=fail).partial_fit(other, target)
    model.set_params(learning_rate="auto")
    assert_array_equal(model.predict(table), before)
    assert statistics(model._fitted.encoder) == statistics(untouched._fitted.encoder)
    assert model.loss_curve_ == untouched.loss_curve_
    for each in (model, untouched):
        learn(each, table, y, 100)
    assert_array_equal(model.predict(table), untouched.predict(table))


@BOTH
@pytest.mark.parametrize("copied", [lambda m: pickle.loads(pickle.dumps(m)), copy.deepcopy])
def test_copies_between_calls(task, copied):
    make, y = (regressor, F) if task == "number" else (classifier, CLASS)
    one, other = make(), make()
    first = {} if task == "number" else {"classes": [False, True]}
    for start in range(0, N, 60):
        rows = slice(start, start + 60)
        table = X[rows] * (1 + start / 100) + start
        target = y[rows] * (1 + start) if task == "number" else y[rows]
        one.partial_fit(table, target, **first)
        other = copied(other).partial_fit(table, target, **first)
        first = {}
    assert_array_equal(one.predict(X), other.predict(X))


@pytest.mark.parametrize("copied", ["pickle", "file"])
def test_a_light_copy_of_a_fit_learns_a_new_level(copied, tmp_path):
    # It has no generator of random numbers, from which a new level gets its first vector.
    names = np.resize(list("abcdefghijkl"), 300)
    rows = np.column_stack([X[:300].astype(object), names])
    model = regressor(max_iter=2).fit(rows, F[:300])
    if copied == "pickle":
        other = pickle.loads(pickle.dumps(model))
    else:
        model.save(tmp_path / "file")
        other = load(tmp_path / "file")
    later = rows[:60].copy()
    later[:, -1] = "new"
    before, known = other.predict(later), model._fitted.encoder.cardinalities
    assert_array_equal(before, model.predict(later))
    other.partial_fit(later, F[:60] + 3)
    assert other._fitted.encoder.cardinalities == tuple(n + 1 for n in known) != ()
    assert other.predict(later).mean() > before.mean()


def test_a_new_fit_begins_again():
    model = learn(regressor(preset="fast"), 100 * X + 5, 1e4 * F, 100)
    once = regressor(preset="fast").fit(X, F)
    assert_array_equal(model.fit(X, F).predict(X), once.predict(X))


def test_the_plain_preset_follows_nothing():
    model = learn(regressor(preset="plain"), X, F, 100)
    codec = model._fitted.codec
    model.partial_fit(100 * X, 100 * F)
    assert model._fitted.codec is codec
    assert model._fitted.encoder is None


def test_a_history_is_not_changed_by_later_calls():
    model = learn(regressor(), X[:200], F[:200], 50)
    other = copy.copy(model)
    curve = list(model.loss_curve_)
    learn(other, X, F, 100)
    assert model.loss_curve_ == curve
    learn(model, X, F, 300)
    assert (len(model.loss_curve_), len(other.loss_curve_)) == (8, 16)


# How well ------------------------------------------------------------------------------------


def noisy(n, seed=0):
    generator = np.random.default_rng(seed)
    table = generator.normal(size=(n, 6))
    target = table[:, 0] * table[:, 1] + np.sin(2 * table[:, 2]) + np.abs(table[:, 3])
    return table, target + 0.5 * generator.normal(size=n)


def test_small_calls_learn_as_much_as_large_ones():
    table, target = noisy(8000)
    test, true = noisy(3000, seed=1)
    errors = {}
    for size in (1, 10, 1000):
        model = learn(regressor(), table, target, size)
        errors[size] = np.sqrt(np.mean((model.predict(test) - true) ** 2))
    assert errors[1] < 1.05 * errors[1000]
    assert errors[10] < 1.05 * errors[1000]


@pytest.mark.parametrize("size", [10, 1000])
def test_a_change_by_ten_standard_deviations_is_followed_in_one_pass(size):
    n = 6000
    table = np.random.default_rng(0).normal(size=(n, 4))
    target = (2 * table[:, 0] + np.sin(2 * table[:, 1])) / 2.1
    moved = np.arange(n) >= n // 2
    table, target = table + 10 * moved[:, None], target + 10 * moved
    model = learn(regressor(), table, target, size)
    assert model.score(table[-600:], target[-600:]) > 0.75


def test_small_and_large_calls_may_alternate():
    table, target = noisy(4000)
    model = learn(regressor(), table[:1000], target[:1000], 10)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for start in range(1000, 4000, 500):
            model.partial_fit(table[start : start + 500], target[start : start + 500])
            assert model.score(table, target) > 0.5
            learn(model, table[start : start + 50], target[start : start + 50], 1)
            assert model.score(table, target) > 0.5


# Parameters that are set between calls -------------------------------------------------------


@pytest.mark.parametrize("n_members", [1, 4])
def test_a_dropout_that_is_set_later_counts(n_members):
    model = learn(regressor(n_members=n_members), X, F, 200)
    with_more = copy.deepcopy(model).set_params(dropout=0.9).partial_fit(X, F)
    assert (model.partial_fit(X, F).predict(X) != with_more.predict(X)).any()
    runs = with_more._fitted.run.stacks or [with_more._fitted.run]
    assert all("rate=0.9" in repr(run.network.layer) for run in runs)


def test_single_rows_are_learned_without_dropout():
    model = learn(regressor(), X[:200], F[:200], 200)
    before = [run.network.layer for run in model._fitted.run.stacks]
    learn(model, X[:3], F[:3], 1)
    during = [run.network.layer for run in model._fitted.run.stacks]
    learn(model, X[:200], F[:200], 200)
    after = [run.network.layer for run in model._fitted.run.stacks]
    assert ["Dropout" in repr(x[0]) for x in (before, during, after)] == [True, False, True]
