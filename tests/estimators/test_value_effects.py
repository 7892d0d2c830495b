"""Estimators with the effects of single values among their inputs."""

import pickle
import warnings

import numpy as np
import pytest
from scipy import sparse
from sklearn.model_selection import GroupKFold

import skbackprop
from skbackprop import BackpropClassifier, BackpropRegressor, TableEncoding, mlp
from skbackprop.estimators.effects import add_effects, deal
from skbackprop.tables.value_effects import learn_effects

N = 1200
SHORT = {"max_iter": 3, "random_state": 0, "n_jobs": 1}
OFF, ON = TableEncoding(value_effects=False), TableEncoding(value_effects=True)
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def table(seed=0, n=N):
    """A column of codes of which every fourth or so matters, one of amounts, gaps and noise."""
    rng = np.random.default_rng(seed)
    code = rng.integers(0, 40, n).astype(float)
    score = 3.0 * (code % 5 == 2) + rng.normal(size=n)
    X = np.stack([code, rng.normal(size=n), np.full(n, 3.0), rng.integers(0, 9, n)], axis=1)
    X[rng.random(n) < 0.1, 1] = np.nan
    X[rng.random(n) < 0.05, 0] = np.nan
    return X, score


X, SCORE = table()
LABELS = (SCORE > 1.5).astype(int)
TARGETS = {
    "two classes": LABELS,
    "multilabel": np.stack([LABELS, X[:, 3] > 4], axis=1).astype(int),
    "number": SCORE,
    "numbers": np.stack([X[:, 3], SCORE], axis=1),
}


def fit(y=LABELS, X=X, encoding=None, weight=None, **params):
    kind = BackpropRegressor if y.dtype.kind == "f" else BackpropClassifier
    chosen = {} if encoding is None else {"feature_encoding": encoding}
    return kind(**SHORT | chosen | params).fit(X, y, weight)


def effects(model):
    return [(e.column, e.targets.tolist()) for e in model._fitted.encoder.effects]


def same(a, b, X=X):
    if hasattr(a, "predict_proba"):
        return np.array_equal(a.predict_proba(X), b.predict_proba(X))
    return np.array_equal(a.predict(X), b.predict(X))


@pytest.mark.parametrize(
    ("task", "expected"),
    [("two classes", [(0, [0])]), ("multilabel", [(0, [0])]), ("number", [(0, [0])]),
     ("numbers", [(0, [1])])],
)  # fmt: skip
def test_which_columns_have_effects(task, expected):
    model = fit(TARGETS[task])
    assert effects(model) == expected
    assert model.column_report_[0]["n_encoded"] == 3  # number, missing, effect
    assert model.resolved_params_["feature_encoding"].value_effects is True


def test_no_effects_of_three_classes_and_of_few_rows():
    assert effects(fit(np.digitize(SCORE, [0.5, 2]))) == []
    assert effects(fit(LABELS[:150], X[:150])) == []


@pytest.mark.parametrize("task", ["two classes", "number"])
def test_without_effects_nothing_changes(task):
    rng = np.random.default_rng(1)
    noise = np.hstack([X[:, 1:], rng.integers(0, 40, (N, 1))])
    y = TARGETS[task]
    on, off = fit(y, noise, ON), fit(y, noise, OFF)
    assert effects(on) == []
    assert same(on, off, noise)
    assert [a.tolist() for a in on.coefs_] == [a.tolist() for a in off.coefs_]


def test_the_error_falls():
    later, score = table(1)
    y = (score > 1.5).astype(int)
    whole = {"max_iter": 20}
    accuracy = [fit(encoding=e, **whole).score(later, y) for e in (ON, OFF)]
    assert accuracy[0] > accuracy[1] + 0.02


def test_held_out_rows_have_the_effects_of_the_rows_that_learn():
    """What a member validates on is encoded by effects that it may know."""
    model = fit(warm_start=True)
    fitted = model._fitted
    (_, k), training, held = fitted.validation_rows
    fold = deal(N, None, np.random.RandomState(0), fitted.validation_rows)
    target = LABELS[:, np.newaxis].astype(float)
    found = [(0, np.array([0]))]
    _, own = learn_effects(fitted.encoder, X, target, None, fold, found)
    # Members beyond ten hold rows out once more, and these are in the folds of the first ten.
    assert k > 10
    assert sorted(np.concatenate(held[:10])) == list(range(N))
    for m in range(10):
        assert len(set(fold[held[m]].tolist())) == 1
        alone = np.zeros(N, int)
        alone[held[m]] = 1
        of_training = target.copy()
        of_training[held[m]] = 99  # of no influence
        _, encoded = learn_effects(fitted.encoder, X, of_training, None, alone, found)
        np.testing.assert_allclose(encoded[held[m]], own[held[m]], atol=1e-9)
        assert not set(held[m]) & set(training[m])


@pytest.mark.parametrize("fraction", [0.1, 0.3])
def test_groups_are_not_divided(fraction):
    groups = np.random.default_rng(0).integers(0, 50, N)
    model = BackpropClassifier(validation_fraction=fraction, warm_start=True, **SHORT)
    rows = model.fit(X, LABELS, groups=groups)._fitted.validation_rows
    assert effects(model) == [(0, [0])]
    for drawn in (rows, None):
        fold = deal(N, groups, np.random.RandomState(0), drawn)
        assert (fold >= 0).all()
        assert all(len(set(fold[groups == g].tolist())) == 1 for g in range(50))


@pytest.mark.parametrize(
    "params",
    [{"n_members": 1}, {"validation_fraction": GroupKFold(5)}, {"early_stopping": False},
     {"refit": True}, {"n_members": 16}, {"solver": "lbfgs"}, {"class_weight": "balanced"}],
)  # fmt: skip
def test_any_way_to_hold_rows_out(params):
    model = BackpropClassifier(**SHORT | params)
    model.fit(X, LABELS, groups=np.arange(N) % 60)
    assert effects(model) == [(0, [0])]
    assert model.score(X, LABELS) > 0.6


def test_validation_rows_of_the_user_are_later_rows():
    later, score = table(1)
    model = BackpropClassifier(**SHORT, warm_start=True)
    model.fit(X, LABELS, X_val=later, y_val=(score > 1.5) * 1)
    assert effects(model) == [(0, [0])]
    assert model._fitted.validation_rows is None  # none of X is held out


@pytest.mark.parametrize("task", ["two classes", "number"])
def test_units_signs_orders_and_threads(task):
    y, order = TARGETS[task], [2, 0, 3, 1]
    first = fit(y)
    a, b = np.array([-2.0, 0.5, 1.0, 4.0]), np.array([1.0, 8.0, 0.0, -2.0])
    others = [(fit(y, a * X + b), a * X + b), (fit(y, X[:, order]), X[:, order])]
    predict = "predict_proba" if task == "two classes" else "predict"
    expected = getattr(first, predict)(X)
    for model, turned in others:
        np.testing.assert_allclose(getattr(model, predict)(turned), expected, atol=2e-4)
    assert same(first, fit(y, n_jobs=2))
    if task == "number":
        mirrored = fit(3 - 2 * y).predict(X)
        np.testing.assert_allclose(mirrored, 3 - 2 * expected, atol=2e-3)


def test_the_container_does_not_matter():
    pd = pytest.importorskip("pandas")
    complete = np.nan_to_num(X)
    text = pd.DataFrame(complete).assign(**{"0": [f"{int(v)} km" for v in complete[:, 0]]})
    text = text[["0", 1, 2, 3]].rename(columns=str)
    expected = fit(X=complete).predict_proba(complete)
    for other in (sparse.csr_matrix(complete), pd.DataFrame(complete), complete.tolist(), text):
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Columns of X that hold text")
            np.testing.assert_array_equal(fit(X=other).predict_proba(other), expected)


def test_rows_of_weight_zero_are_not_there():
    weight = np.where(np.arange(N) % 4 == 0, 0.0, 1.5)
    kept = weight > 0
    assert same(fit(weight=weight), fit(LABELS[kept], X[kept], weight=weight[kept]))


def test_pickles_files_and_parameters(tmp_path):
    model = fit()
    model.save(tmp_path / "model.safetensors")
    assert same(model, pickle.loads(pickle.dumps(model)))
    assert same(model, skbackprop.load(tmp_path / "model.safetensors"))
    assert same(model, BackpropClassifier().set_params(**model.resolved_params_).fit(X, LABELS))


def test_warm_fits_learn_the_effects_anew():
    model = fit(warm_start=True)
    first = model._fitted.encoder.effects[0]
    model.fit(X, LABELS)
    second = model._fitted.encoder.effects[0]
    np.testing.assert_array_equal(second.table, first.table)  # the same rows
    model.fit(X, 1 - LABELS)
    third = model._fitted.encoder.effects[0]
    np.testing.assert_allclose(third.table, -first.table, atol=1e-6)
    np.testing.assert_array_equal(third.scale, first.scale)


def test_warm_fits_of_other_rows_hold_out_other_rows():
    model = fit(warm_start=True)
    for n in (900, 1100):
        model.fit(X[:n], LABELS[:n])
        assert model._fitted.validation_rows[0][0] == n
        assert effects(model) == [(0, [0])]


def test_warm_fits_with_few_rows_leave_effects_alone():
    model = fit(warm_start=True)
    first = model._fitted.encoder.effects
    model.fit(X[:60], LABELS[:60])
    assert model._fitted.encoder.effects == first


@pytest.mark.parametrize("column", [np.arange(N) / 7, np.full(N, np.nan)])
def test_warm_fits_without_values_that_repeat(column):
    model = fit(warm_start=True)
    other = X.copy()
    other[:, 0] = column
    model.fit(other, LABELS)
    (effect,) = model._fitted.encoder.effects
    assert len(effect.numbers) == 0
    assert np.isfinite(model.predict_proba(other)).all()


def test_generators_are_used_only_for_effects():
    np.random.seed(0)
    expected = np.random.RandomState(0).rand()
    fit(random_state=None)
    assert np.random.rand() == expected
    noise = X[:, 1:]
    states = [np.random.RandomState(0) for _ in range(2)]
    for state, encoding in zip(states, (ON, OFF), strict=True):
        fit(X=noise, encoding=encoding, random_state=state)
    assert states[0].rand() == states[1].rand()


@pytest.mark.parametrize("early_stopping", [True, False])
def test_the_generator_of_the_fit_stays_where_it_is(early_stopping, monkeypatch):
    states = []

    def observed(*arguments):
        rng = arguments[-1]
        states.append(rng.get_state(legacy=False))
        result = add_effects(*arguments)
        states.append(rng.get_state(legacy=False))
        return result

    monkeypatch.setattr("skbackprop.estimators.base.add_effects", observed)
    assert effects(fit(early_stopping=early_stopping)) == [(0, [0])]
    before, after = (state["state"] for state in states)
    assert before["pos"] == after["pos"]
    np.testing.assert_array_equal(before["key"], after["key"])


@pytest.mark.parametrize(("n", "expected"), [(199, 0), (200, 1)])
def test_two_hundred_rows_are_enough(n, expected, monkeypatch):
    calls = []
    name = "skbackprop.estimators.effects.find_effects"
    monkeypatch.setattr(name, lambda *arguments: calls.append(arguments) or [])
    fit(LABELS[:n], X[:n])
    assert len(calls) == expected


# ---- folds -----------------------------------------------------------------------------------


def dealt(n, drawn=None, groups=None):
    return deal(n, groups, np.random.RandomState(0), drawn)


def test_without_validation_rows_there_are_ten_equal_folds():
    assert np.bincount(dealt(1000)).tolist() == [100] * 10
    assert np.bincount(dealt(3)).tolist() == [1, 1, 1]
    assert (dealt(1000) != dealt(1000)[np.argsort(dealt(1000), kind="stable")]).any()


def held_out(*held, n=100):
    """As `draw_rows` returns it for members that hold these rows out."""
    training = [np.setdiff1d(np.arange(n), each) for each in held]
    return (n, len(held)), training, [np.array(each) for each in held]


def test_the_rows_of_a_member_are_a_fold_of_their_own():
    fold = dealt(100, held_out(range(10), range(50, 70)))
    assert len({*fold[:10], *fold[50:70]}) == 2
    assert set(fold[:10]).isdisjoint(fold[10:])
    assert len(set(fold)) == 10
    one = dealt(100, ((100, 1), np.arange(20, 100), np.arange(20)))
    assert len(set(one[:20])) == 1
    assert set(one[:20]).isdisjoint(one[20:])


def test_rows_that_two_members_hold_out_are_those_of_the_first():
    fold = dealt(100, held_out(range(10), range(5, 20), range(15, 30)))
    assert [len(set(fold[part])) for part in (slice(10), slice(10, 20), slice(20, 30))] == [1] * 3
    assert len({fold[0], fold[10], fold[20]}) == 3


def test_of_many_members_the_other_rows_are_in_two_folds():
    """No row sees its own label, however many members there are."""
    fold = dealt(100, held_out(*np.arange(60).reshape(20, 3)))
    assert len(set(fold[60:])) == 2
    assert set(fold[60:]).isdisjoint(fold[:60])
    assert len(set(fold)) == 22


def test_groups_of_the_rest_stay_together():
    groups = np.arange(100) // 4
    fold = dealt(100, held_out(range(8), range(40, 48)), groups)
    assert (fold.reshape(25, 4) == fold[::4, np.newaxis]).all()
    assert len(set(fold)) == 10
    assert len(set(dealt(100, None, ["one"] * 100))) == 1


def test_streams_leave_effects_alone():
    model = fit()
    first = model._fitted.encoder.effects
    model.partial_fit(X[:400], LABELS[:400])
    assert model._fitted.encoder.effects == first
    assert model.resolved_params_["feature_encoding"].value_effects is True
    stream = BackpropClassifier(random_state=0).partial_fit(X, LABELS, classes=[0, 1])
    assert effects(stream) == []
    with pytest.raises(ValueError, match="value_effects=True needs all training rows"):
        BackpropClassifier(feature_encoding=ON).partial_fit(X, LABELS, classes=[0, 1])


def test_plain_networks_have_none():
    complete = np.nan_to_num(X)
    assert mlp.MLPClassifier(max_iter=2).fit(complete, LABELS)._fitted.encoder is None
    assert effects(fit(preset="plain", feature_encoding="table")) == []
    assert effects(fit(preset="plain", encoding=ON)) == [(0, [0])]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("task", ["two classes", "numbers"])
def test_onnx(task, dtype):
    runtime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    from skbackprop.onnx import to_onnx

    tenths = X.copy()
    tenths[:, 0] /= 10
    model = fit(TARGETS[task], tenths)
    rows = np.vstack([tenths[:200], tenths[:5] + 0.05]).astype(dtype)
    session = runtime.InferenceSession(to_onnx(model, rows[:1]).SerializeToString())
    outputs = session.run(None, {session.get_inputs()[0].name: rows})
    if task == "numbers":
        np.testing.assert_allclose(outputs[0], model.predict(rows), atol=1e-4)
    else:
        p = np.asarray(outputs[1])
        np.testing.assert_allclose(p, model.predict_proba(rows), atol=1e-5)
