"""`Monitor`: what the history says of an epoch is what a scorer says of the model of that epoch."""

import copy
import pickle
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from settings import packed
from sklearn.base import clone
from sklearn.metrics import get_scorer, make_scorer, mean_pinball_loss
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skbackprop import BackpropClassifier, BackpropRegressor, load, mlp
from skbackprop.estimators import learning
from skbackprop.recipes import build
from skbackprop.training import parallel_members
from skbackprop.training.batches import Batches, Rows
from skbackprop.training.callbacks import Callback, Checkpoint, Monitor
from skbackprop.training.history import History
from skbackprop.training.loop import train
from skbackprop.training.parallel_members import mean_history
from skbackprop.training.plan import Plan

from .common import (
    CLASSIFICATION,
    REGRESSION,
    estimator_for,
    features,
    target,
    unconverged,
)

pytestmark = unconverged
PRESETS = pytest.mark.parametrize("preset", ["auto", "plain", "fast", "best"])


def frame(n, seed, preset="auto"):
    """A table with text and holes, but for the plain preset."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(rng.normal(size=(n, 2)), columns=["a", "b"])
    y = np.where(X["a"] + 0.3 * rng.normal(size=n) > 0, "yes", "no")
    if preset != "plain":
        X["c"] = rng.choice(["red", "blue"], n)
        X.loc[3, "a"] = np.nan
    return X, y


class Models(Callback):
    """Keeps the weights of every epoch."""

    seen: ClassVar[list] = []
    state_attributes = ()

    def on_train_begin(self, run):
        Models.seen = []

    def on_epoch_end(self, run):
        network = run.eval_network()
        Models.seen.append((network.theta.copy(), network.fixed.copy()))


def scores_of_every_epoch(model, scorer, X, y, **weight):
    """Of copies of the model with the weights of each epoch."""
    scores = []
    for theta, fixed in Models.seen:
        other = copy.deepcopy(model)
        other.network_.theta[...], other.network_.fixed[...] = theta, fixed
        other._fitted.temperature = 1.0
        scores.append(get_scorer(scorer)(other, X, y, **weight))
    return scores


# The law -----------------------------------------------------------------------------------------


@PRESETS
def test_the_history_has_the_scores_of_each_epoch(preset):
    X, y = frame(90, 0, preset)
    old, new = frame(40, 1, preset), frame(30, 2, preset)
    scoring = ["neg_log_loss", "roc_auc", "accuracy"]
    monitor = Monitor({"valid": old, "last year": new}, scoring)
    model = BackpropClassifier(
        preset=preset, max_iter=4, callbacks=[monitor, Models()], random_state=0
    ).fit(X, y)
    assert len(Models.seen) == model.n_iter_ >= 4
    for name, rows in {"valid": old, "last year": new}.items():
        for scorer in scoring:
            expected = scores_of_every_epoch(model, scorer, *rows)
            assert model.history_[f"{name}_{scorer}"] == expected


@pytest.mark.parametrize("preset", ["auto", "plain"])
@pytest.mark.parametrize("task", CLASSIFICATION + REGRESSION)
def test_every_kind_of_target(task, preset):
    X = features()
    y = target(task, X)
    monitor = Monitor({"valid": (X[60:], y[60:])})
    params = {"preset": preset, "max_iter": 3, "random_state": 0}
    model = estimator_for(task, callbacks=[monitor, Models()], **params).fit(X[:60], y[:60])
    expected = [score_of(model, theta, fixed, X[60:], y[60:]) for theta, fixed in Models.seen]
    assert model.history_["valid_score"] == expected


def score_of(model, theta, fixed, X, y):
    other = copy.deepcopy(model)
    other.network_.theta[...], other.network_.fixed[...] = theta, fixed
    return other.score(X, y)


@pytest.mark.parametrize(
    "params",
    [
        {"averaging": "ema"},
        {"averaging": "swa"},
        {"solver": "schedule_free"},
        {"solver": "lbfgs"},
        {"n_members": 3, "member_sharing": "batch"},
        {"n_members": 3, "normalization": "batch", "averaging": None},
        {"calibration": "temperature", "early_stopping": True},
    ],
)
def test_averages_shared_members_and_running_statistics(params):
    X, y = frame(90, 0)
    rows = frame(40, 1)
    callbacks = [Monitor({"valid": rows}, "neg_log_loss"), Models()]
    model = BackpropClassifier(
        max_iter=4, callbacks=callbacks, random_state=0, **packed(**params)
    ).fit(X, y)
    expected = scores_of_every_epoch(model, "neg_log_loss", *rows)
    assert model.history_["valid_neg_log_loss"] == expected


def test_the_last_epoch_is_the_model():
    X, y = frame(90, 0)
    callbacks = [Monitor({"train": (X, y)}, "neg_log_loss")]
    params = {"early_stopping": False, "random_state": 0, "callbacks": callbacks}
    model = BackpropClassifier(max_iter=3, **params).fit(X, y)
    score = get_scorer("neg_log_loss")(model, X, y)
    assert model.history_["train_neg_log_loss"][-1] == score


def test_the_validation_rows_have_the_validation_score():
    X, y = frame(90, 0)
    X_val, y_val = frame(40, 1)
    monitor = Monitor({"valid": (X_val, y_val)}, "neg_log_loss")
    model = BackpropClassifier(
        max_iter=4, scoring="neg_log_loss", callbacks=[monitor], random_state=0
    ).fit(X, y, X_val=X_val, y_val=y_val)
    history = model.history_
    known = [i for i, score in enumerate(history["validation_score"]) if score is not None]
    assert known
    assert [history["valid_neg_log_loss"][i] for i in known] == model.validation_scores_


@PRESETS
def test_who_watches_changes_nothing(preset):
    X, y = frame(90, 0, preset)
    params = {"preset": preset, "max_iter": 4, "random_state": 0}
    alone = BackpropClassifier(**params).fit(X, y)
    monitor = Monitor({"valid": frame(40, 1, preset)}, ["accuracy", "neg_log_loss"])
    watched = BackpropClassifier(callbacks=[monitor], **params).fit(X, y)
    assert_array_equal(watched.network_.theta, alone.network_.theta)
    assert watched.history_["loss"] == alone.history_["loss"]


def test_large_members_are_scored_together(monkeypatch):
    monkeypatch.setattr(parallel_members, "LARGE", 1)
    X, y = frame(90, 0)
    rows = frame(40, 1)
    params = {"preset": "fast", "n_members": 3, "max_iter": 2, "random_state": 0}
    callbacks = [Monitor({"valid": rows}), Models()]
    model = BackpropClassifier(callbacks=callbacks, **params).fit(X, y)
    assert model.history_["valid_score"] == scores_of_every_epoch(model, "accuracy", *rows)
    stacks = BackpropClassifier(warm_start=True, **params).fit(X, y)
    assert len(stacks._fitted.stack_sizes) == 2
    before = stacks.predict_proba(X)
    with pytest.raises(ValueError, match=r"in 2 stacks.*warm_start=False"):
        stacks.set_params(callbacks=callbacks).fit(X, y)
    assert_array_equal(stacks.predict_proba(X), before)


# Scorers and weights ------------------------------------------------------------------------------


def test_scorers_of_every_form():
    X = features()
    y = target("regression", X)
    rows = {"new": (X[:20], y[:20])}
    pinball = make_scorer(mean_pinball_loss, greater_is_better=False)
    forms = [
        (None, ["new_score"]),
        ("r2", ["new_r2"]),
        (pinball, ["new_score"]),
        (["r2", "neg_max_error"], ["new_r2", "new_neg_max_error"]),
        ({"half": pinball, "r": "r2"}, ["new_half", "new_r"]),
        (lambda model, X, y: len(X), ["new_score"]),
    ]
    for scoring, columns in forms:
        callbacks = [Monitor(rows, scoring)]
        model = BackpropRegressor(max_iter=2, callbacks=callbacks, random_state=0).fit(X, y)
        assert [name for name in model.history_ if name.startswith("new_")] == columns
        assert all(None not in model.history_[column] for column in columns)
    assert model.history_["new_score"] == [20.0] * model.n_iter_


def test_the_rows_may_have_weights():
    X = features()
    y = target("regression", X)
    weight = np.arange(80.0)
    monitor = Monitor({"all": (X, y), "weighted": (X, y, weight), "even": (X, y, None)}, "r2")
    model = BackpropRegressor(max_iter=2, callbacks=[monitor, Models()], random_state=0).fit(X, y)
    expected = scores_of_every_epoch(model, "r2", X, y, sample_weight=weight)
    assert model.history_["weighted_r2"] == expected
    assert model.history_["all_r2"] == model.history_["even_r2"] != expected


def test_a_scorer_may_look_at_other_rows():
    X = features()
    y = target("regression", X)
    seen = []

    def scorer(model, X, y):
        seen.append((model.predict(X), model.predict(X[:3])))
        return 0.0

    BackpropRegressor(max_iter=2, callbacks=[Monitor({"n": (X, y)}, scorer)]).fit(X, y)
    for whole, part in seen:
        assert_allclose(whole[:3], part, rtol=1e-12)


def test_epochs_that_are_not_scored_are_none():
    X, y = frame(90, 0)
    params = {"preset": "plain", "max_iter": 7, "random_state": 0}
    rows = {"train": (X[["a", "b"]].fillna(0), y)}
    X = rows["train"][0]
    some = BackpropClassifier(callbacks=[Monitor(rows, every=3)], **params).fit(X, y)
    all_ = BackpropClassifier(callbacks=[Monitor(rows)], **params).fit(X, y)
    expected = [
        score if epoch in (3, 6, 7) else None
        for epoch, score in enumerate(all_.history_["train_score"], 1)
    ]
    assert some.history_["train_score"] == expected


def test_the_last_epoch_is_scored_whoever_ends_it():
    X = features()
    y = target("regression", X)

    class Stop(Callback):
        def on_epoch_end(self, run):
            if run.n_epochs == 4:
                run.stop("enough")

    callbacks = [Monitor({"n": (X, y)}, every=3), Stop()]
    model = BackpropRegressor(callbacks=callbacks, random_state=0).fit(X, y)
    assert [score is None for score in model.history_["n_score"]] == [True, True, False, False]


def test_overflow_has_no_score():
    X = features().astype(np.float32)
    y = target("regression", X)
    monitor = Monitor({"n": (X * np.float32(1e30), y)})
    params = {"preset": "plain", "dtype": "float32", "max_iter": 3, "random_state": 0}

    class Grow(Callback):
        def on_batch_end(self, run):
            run.network.theta *= 1000.0

    model = BackpropRegressor((4,), callbacks=[Grow(), monitor], **params)
    model.fit(X, y)
    assert np.isnan(model.history_["n_score"][1:]).all()


# Life of a model ----------------------------------------------------------------------------------


def test_own_callbacks_read_the_scores():
    X, y = frame(90, 0)

    class Read(Callback):
        seen: ClassVar[list] = []

        def on_epoch_end(self, run):
            Read.seen.append(run.history.last("train_accuracy"))

    callbacks = [Read(), Monitor({"train": (X, y)}, "accuracy")]
    model = BackpropClassifier(max_iter=3, callbacks=callbacks, random_state=0).fit(X, y)
    assert Read.seen == model.history_["train_accuracy"]


def test_warm_restarts_and_a_second_training(monkeypatch):
    monkeypatch.setitem(build.GAINS, "squared_error", 0.1)
    X = np.random.default_rng(0).normal(size=(160, 3))
    y = X[:, 0] * X[:, 1] + X[:, 2]
    rows = {"valid": (X[:30], y[:30])}
    params = {"max_iter": 8, "max_restarts": 2, "n_members": 8, "random_state": 0}
    first = BackpropRegressor(callbacks=[Monitor(rows)], **params).fit(X, y)
    assert first._fitted.run.restarts
    again = BackpropRegressor(callbacks=[Monitor(rows)], refit=True, **params).fit(X, y)
    assert len(first.history_["valid_score"]) == first.n_iter_ > 8
    assert again.history_["valid_score"] == first.history_["valid_score"]
    assert None not in first.history_["valid_score"]


def test_partial_fit_and_warm_start_go_on():
    X, y = frame(90, 0)
    rows = {"valid": frame(40, 1)}
    model = BackpropClassifier(random_state=0).partial_fit(X, y, classes=["no", "yes"])
    model.set_params(callbacks=[Monitor(rows)])
    scores = [None]
    for _ in range(3):
        model.partial_fit(X, y)
        scores.append(model.score(*rows["valid"]))
    assert model.history_["valid_score"] == scores
    model.set_params(callbacks=[Monitor(rows, every=3)]).partial_fit(X, y).partial_fit(X, y)
    assert model.history_["valid_score"] == [*scores, None, model.score(*rows["valid"])]
    model.set_params(callbacks=None).partial_fit(X, y)
    assert model.history_["valid_score"][-1] is None
    warm = BackpropClassifier(
        max_iter=2, warm_start=True, callbacks=[Monitor(rows)], early_stopping=False, random_state=0
    )
    n = [len(warm.fit(X, y).history_["valid_score"]) for _ in range(3)]
    assert n == [2, 4, 6]
    assert warm.history_["valid_score"][-1] == warm.score(*rows["valid"])


def test_pipelines_and_searches():
    X = features()
    y = target("regression", X)
    scaler = StandardScaler().fit(X)
    monitor = Monitor({"new": (scaler.transform(X), y)}, "r2")
    model = make_pipeline(scaler, BackpropRegressor(max_iter=2, callbacks=[monitor])).fit(X, y)
    assert len(model[-1].history_["new_r2"]) == model[-1].n_iter_
    search = GridSearchCV(BackpropRegressor(callbacks=[monitor]), {"max_iter": [2, 3]}, cv=2)
    best = search.fit(X, y).best_estimator_
    assert len(best.history_["new_r2"]) == best.n_iter_


def test_copies_share_the_rows_and_files_leave_them_out(tmp_path):
    X, y = frame(60, 0)
    monitor = Monitor({"train": (X, y)}, ["accuracy"], every=2)
    model = BackpropClassifier(max_iter=2, callbacks=[monitor], random_state=0).fit(X, y)
    for other in (clone(model), copy.deepcopy(model)):
        assert other.callbacks[0] is monitor
    copied = pickle.loads(pickle.dumps(model))
    assert copied.callbacks[0].sets["train"][0].equals(X)
    assert copied.history_ == model.history_
    model.save(tmp_path / "model.skbp")
    loaded = load(tmp_path / "model.skbp")
    assert loaded.history_ == model.history_
    assert (loaded.callbacks[0].scoring, loaded.callbacks[0].every) == (["accuracy"], 2)
    with pytest.raises(ValueError, match=r"not in the file of a model.*set_params"):
        loaded.fit(X, y)
    assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))
    assert b"train_accuracy" in (tmp_path / "model.skbp").read_bytes()


def test_a_killed_fit_goes_on_with_its_scores(tmp_path):
    X, y = frame(90, 0)

    class PowerCut(Callback):
        state_attributes = ()
        is_due = True

        def on_epoch_begin(self, run):
            if PowerCut.is_due and run.clock.epoch == 4:
                raise SystemExit

    def model():
        callbacks = [Monitor({"valid": frame(40, 1)}, every=2), PowerCut(),
                     Checkpoint(tmp_path / "fit.ckpt", every_seconds=0)]  # fmt: skip
        return BackpropClassifier(max_iter=6, callbacks=callbacks, random_state=0)

    with pytest.raises(SystemExit):
        model().fit(X, y)
    PowerCut.is_due = False
    resumed = model().fit(X, y)
    whole = model().fit(X, y)
    assert resumed.history_["valid_score"] == whole.history_["valid_score"]
    assert_array_equal(resumed.network_.theta, whole.network_.theta)


def test_verbose_prints_the_scores(capsys):
    X = features()
    y = target("binary", X)
    monitor = Monitor({"new": (X, y)}, "accuracy")
    params = {"max_iter": 2, "verbose": 1, "callbacks": [monitor], "random_state": 0}
    for Estimator in (BackpropClassifier, mlp.MLPClassifier):
        model = Estimator(**params).fit(X, y)
        printed = capsys.readouterr().out
        for score in model.history_["new_accuracy"]:
            assert f"new_accuracy {score:.4g}" in printed


# What is refused ----------------------------------------------------------------------------------

ROWS = features(20), target("regression", features(20))


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        (({},), TypeError, "an empty one"),
        (([ROWS],), TypeError, "got list"),
        (({"": ROWS},), TypeError, "names of sets"),
        (({1: ROWS},), TypeError, "names of sets"),
        (({"a": ROWS[0]},), TypeError, "'a', got ndarray"),
        (({"a": ROWS[:1]},), TypeError, "'a', got 1 parts"),
        (({"a": ROWS}, "r2", 3), TypeError, "positional"),
    ],
)
def test_sets_of_another_form_are_refused(arguments, kind, message):
    with pytest.raises(kind, match=message):
        Monitor(*arguments)


@pytest.mark.parametrize("every", [0, -1, 1.0, True, "1"])
def test_every_is_a_number_of_epochs(every):
    with pytest.raises(ValueError, match="every to be an int of at least 1"):
        Monitor({"a": ROWS}, every=every)


@pytest.mark.parametrize(
    ("monitors", "message"),
    [
        ([Monitor({"a": (ROWS[0], ROWS[1][:9])})], "set 'a' by 'score'.*inconsistent"),
        ([Monitor({"a": (ROWS[0][:, :2], ROWS[1])})], "set 'a': .*2 features"),
        ([Monitor({"a": ROWS}, "r3")], "r3"),
        ([Monitor({"a": ROWS}, ["r2", "r3"])], "r3"),
        ([Monitor({"a": ROWS}, "roc_auc")], "'roc_auc'"),
        ([Monitor({"a": ROWS}, {"x": lambda model, X, y: "high"})], "set 'a' by 'x'"),
        ([Monitor({"a": ROWS}), Monitor({"a": ROWS})], "'a_score' already"),
        ([Monitor({"validation": ROWS})], "'validation_score' already"),
        ([Monitor({"a": ROWS, "a_b": ROWS}, {"b_c": "r2", "c": "r2"})], "'a_b_c' already"),
        ([Monitor({"a": (*ROWS, np.ones(20))}, lambda model, X, y: 0.0)], "sample_weight"),
    ],
)
def test_what_cannot_be_scored_is_refused_before_training(monitors, message):
    class NeverCalled(Callback):
        def on_train_begin(self, run):
            raise AssertionError("the training has begun")

    model = BackpropRegressor(callbacks=[*monitors, NeverCalled()])
    with pytest.raises((ValueError, TypeError), match=message):
        model.fit(*ROWS)
    assert not hasattr(model, "_fitted")


def test_a_failed_score_leaves_the_model_as_it_was():
    calls = []

    def scorer(model, X, y):
        calls.append(None)
        if len(calls) == 3:
            raise ValueError("no more")
        return 0.0

    model = BackpropRegressor(max_iter=3, random_state=0).fit(*ROWS)
    before, history = model.predict(ROWS[0]), copy.deepcopy(model.history_)
    model.set_params(warm_start=True, callbacks=[Monitor({"a": ROWS}, scorer)])
    with pytest.raises(ValueError, match="no more"):
        model.fit(*ROWS)
    assert_array_equal(model.predict(ROWS[0]), before)
    assert model.history_ == history


def test_a_monitor_belongs_to_an_estimator():
    model = mlp.MLPRegressor((3,), max_iter=1, random_state=0).fit(*ROWS)
    batches = Batches(Rows(ROWS[0], ROWS[1][:, None]))
    plan = Plan(model._fitted.loss, batches, callbacks=[Monitor({"a": ROWS})])
    with pytest.raises(TypeError, match="list `callbacks` of an estimator"):
        train(plan, model._fitted.run)


# Columns of the history ---------------------------------------------------------------------------


def test_a_new_column_of_a_copy_is_not_in_the_original():
    history = History()
    history.add(epoch=1, loss=0.5)
    other = history.copy()
    other.add(epoch=2, loss=0.4)
    other.set("mine", 3.0)
    assert other["mine"] == [None, 3.0]
    assert "mine" not in history.columns
    other.add(epoch=3)
    other.truncate(2)
    assert pickle.loads(pickle.dumps(other))["mine"] == other.copy()["mine"] == [None, 3.0]


def test_own_columns_of_several_stacks_are_averaged():
    one, two = History(), History()
    for epoch, value in enumerate([1.0, 2.0, 3.0], 1):
        one.add(epoch=epoch, loss=value)
        one.set("norm", value)
    two.add(epoch=1, loss=3.0)
    two.set("norm", 5.0)
    two.set("other", 1.0)
    mean = mean_history([one, two])
    assert mean["norm"] == [3.0, 2.0, 3.0]
    assert mean["other"] == [1.0, None, None]
    assert (mean["epoch"], mean["loss"]) == ([1, 2, 3], [2.0, 2.0, 3.0])


def test_the_plan_of_the_learning_rate_display_has_the_same_stacks(monkeypatch):
    monkeypatch.setattr(parallel_members, "LARGE", 1)
    X, y = frame(90, 0)
    monitored = BackpropClassifier(n_members=3, callbacks=[Monitor({"valid": (X, y)})])
    assert learning.untrained_stack(monitored, X, y).run.network.layout.size > (
        learning.untrained_stack(BackpropClassifier(n_members=3), X, y).run.network.layout.size
    )
