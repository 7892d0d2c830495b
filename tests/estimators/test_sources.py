"""`fit` on a source: the same model as from an array if it is small, a good one if it is not."""

import subprocess
import sys
import tempfile
from pathlib import Path
from textwrap import dedent
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from scipy import sparse
from settings import packed

from skbackprop import BackpropClassifier, BackpropRegressor, RowSource
from skbackprop.estimators.source import (
    SALT_OF_BUCKETS,
    SALT_OF_FOLDS,
    fold_of,
    folds_of,
    folds_of_sample,
)
from skbackprop.sources.survey import SALT_OF_SAMPLE
from skbackprop.training.callbacks import Checkpoint
from skbackprop.training.stored import StoredRows

from .common import CLASSIFICATION, TARGETS, unconverged

pytestmark = unconverged
rng = np.random.default_rng(0)
X = rng.normal(size=(1200, 4))
Y = X[:, 0] * X[:, 1] + X[:, 2]
LABELS = np.where(Y > 0, "yes", "no")
SMALL = {"hidden_layer_sizes": (16,), "max_iter": 12, "random_state": 0}
SIZES = {"sample_rows": 300, "buffer_rows": 250}


class Batches:
    """An iterable of batches, which may differ when it is read again."""

    def __init__(self, *parts, size=128, again=None):
        self.parts, self.size, self.again, self.n_read = parts, size, again, 0

    def __iter__(self):
        parts = self.again if self.again is not None and self.n_read else self.parts
        self.n_read += 1
        for first in range(0, len(parts[0]), self.size):
            yield tuple(part[first : first + self.size] for part in parts)


def classifier(**params):
    return BackpropClassifier(**packed(**(SMALL | params)))


def regressor(**params):
    return BackpropRegressor(**packed(**(SMALL | params)))


@pytest.mark.parametrize("preset", ["auto", "plain"])
@pytest.mark.parametrize(("make", "y"), [(classifier, LABELS), (regressor, Y)])
def test_a_source_of_few_rows_makes_the_model_of_an_array(make, y, preset):
    weight = np.arange(1200) % 3 + 0.5
    array = make(preset=preset).fit(X, y, sample_weight=weight)
    source = make(preset=preset).fit(Batches(X, y, weight))
    assert_array_equal(array.network_.theta, source.network_.theta)
    assert_array_equal(array.predict(X), source.predict(X))


CASES = {
    "early stopping": {},
    "one network": {"n_members": 1},
    "shared members": {"member_sharing": "batch"},
    "plain": {"preset": "plain", "learning_rate_init": 0.02, "max_iter": 30},
    "plain, validated": {"preset": "plain", "early_stopping": True, "learning_rate_init": 0.02},
    "no validation": {"early_stopping": False},
    "refit": {"refit": True},
    "fine-tuned": {"refit": "fine_tune"},
    "in order": {"shuffle": False},
    "accumulated": {"gradient_accumulation_steps": 2},
    "restarts": {"max_restarts": 1},
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize(("make", "y"), [(classifier, LABELS), (regressor, Y)])
def test_a_source_is_learned(make, y, name):
    order = np.arange(1200) if name == "in order" else np.argsort(y, kind="stable")
    source = RowSource(Batches(X[order], y[order]), **SIZES)
    model = make(**CASES[name]).fit(source)
    again = make(**CASES[name]).fit(source)
    assert model.score(X, y) > (0.85 if y is LABELS else 0.7)
    assert_array_equal(model.predict(X), again.predict(X))


@pytest.mark.parametrize("task", TARGETS)
def test_every_kind_of_target(task):
    y = TARGETS[task](X @ rng.normal(size=(4, 3)), np.random.RandomState(0))
    make = classifier if task in CLASSIFICATION else regressor
    params = {"loss": "poisson"} if task == "poisson" else {}
    model = make(**params).fit(RowSource(X, y, **SIZES))
    assert np.shape(model.predict(X)) == np.shape(y)
    assert model.score(X, y) > 0.15


def test_columns_of_a_data_frame_keep_their_meaning():
    table = pd.DataFrame({"number": X[:, 0], "color": np.where(X[:, 1] > 0, "red", "blue")})
    table.loc[::7, "number"] = np.nan
    y = (table.color == "red") ^ (table.number > 0)
    order = ["color", "number"]
    model = classifier(max_iter=30).fit(RowSource(Batches(table, y.to_numpy()), **SIZES))
    assert model.score(table, y) > 0.95
    assert list(model.feature_names_in_) == ["number", "color"]
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(table[order])


@pytest.mark.parametrize("sizes", [{}, SIZES], ids=["in memory", "in files"])
def test_rows_of_a_batch_with_labels_in_another_order_are_said(sizes):
    table, y, weight = pd.DataFrame(X), pd.Series(Y), pd.Series(np.ones(len(Y)))
    good = table[:600], y[:600], weight[:600]
    model = regressor(max_iter=1).fit(RowSource(iter_of(good, good), **sizes))  # no warning
    for name, bad in {
        "y": (table[600:], y[:599:-1], weight[600:]),
        "sample_weight": (table[600:], y[600:], weight[:599:-1]),
    }.items():
        with pytest.warns(UserWarning, match=f"The rows of {name} of batch 1 have the labels"):
            model.fit(RowSource(iter_of(good, bad), **sizes))


def test_rare_labels_are_learned():
    y = LABELS.astype(object)
    y[[3, 1100]] = "maybe"
    model = classifier().fit(RowSource(X, y, **SIZES))
    assert model.classes_.tolist() == ["maybe", "no", "yes"]


def test_rows_of_weight_0_do_not_count():
    wrong = np.arange(1200) % 2 == 0
    y = np.where(wrong, "wrong", LABELS)
    model = classifier(class_weight={"wrong": 0, "yes": 1, "no": 1}, max_iter=30)
    model.fit(RowSource(X, y, np.where(wrong, 0.0, 1.0), **SIZES))
    assert (model.predict(X) == LABELS).mean() > 0.85


@pytest.mark.parametrize("shuffle", [True, False])
def test_the_sizes_of_batches_change_no_bit(shuffle):
    """Neither which rows are in the sample, nor in which order training visits them."""
    table = pd.DataFrame({"a": X[:, 0], "b": np.where(X[:, 1] > 1, np.nan, X[:, 1])})
    weight = np.arange(1200) % 3 * 0.5
    found = []
    for size in (13, 500, 1200):
        source = RowSource(Batches(table, LABELS, weight, size=size), **SIZES)
        model = classifier(max_iter=2, n_members=2, shuffle=shuffle, class_weight="balanced")
        found.append(model.fit(source).network_.theta)
    assert_array_equal(found[1], found[0])
    assert_array_equal(found[2], found[0])


@pytest.mark.parametrize("shuffle", [True, False])
def test_shuffled_rows_go_to_random_buckets(shuffle, monkeypatch):
    """So that each bucket is a random part of the rows, in whatever order they come."""
    written = []

    def write(self, rows, bucket, fold, write=StoredRows.write):
        written.append(bucket)
        write(self, rows, bucket, fold)

    monkeypatch.setattr(StoredRows, "write", write)
    regressor(max_iter=1, shuffle=shuffle).fit(RowSource(X, Y, **SIZES))
    bucket, in_order = np.concatenate(written), np.arange(1200) // 250
    if shuffle:
        counts = np.zeros((5, 5))
        np.add.at(counts, (bucket, in_order), 1)
        assert counts.min() > 0.5 * 1200 / 25 * 0.8  # the last part has 200 rows
    else:
        assert_array_equal(bucket, in_order)


def test_large_weights_and_a_penalty_in_their_unit():
    """The objective is divided by the sum of the weights, and a power of two is exact."""
    weight, found = 1.0 + np.arange(1200) % 3, []
    for unit in (1.0, 2.0**40):
        model = regressor(max_iter=2, n_members=1, alpha=unit)
        model.fit(RowSource(X, Y, weight * unit, **SIZES))
        found.append(model.network_.theta)
    assert_array_equal(*found)


def test_batches_without_rows_or_without_weight_do_not_matter():
    weight = np.where((np.arange(1200) >= 300) & (np.arange(1200) < 500), 0.0, 1.5)

    def fitted(X, *empty):
        batches = [
            (X[i : i + 100], Y[i : i + 100], weight[i : i + 100]) for i in range(0, 1200, 100)
        ]
        source = RowSource(iter_of(*empty, *batches, *empty), **SIZES)
        return regressor(max_iter=2).fit(source).network_.theta

    expected = fitted(X)
    assert_array_equal(fitted(np.where(weight[:, None] == 0, 99.0, X)), expected)
    assert_array_equal(fitted(X, (X[:0], Y[:0], weight[:0]), ([], [], [])), expected)


def test_a_batch_of_a_class_of_weight_0_does_not_matter():
    y = np.where(np.arange(1200) < 400, "wrong", LABELS)
    model = classifier(class_weight={"wrong": 0, "yes": 1, "no": 1}, max_iter=30)
    model.fit(RowSource(iter_of(*zip(np.split(X, 12), np.split(y, 12), strict=True)), **SIZES))
    assert (model.predict(X) == LABELS).mean() > 0.85


def test_weights_that_are_equal_in_the_sample_only():
    from skbackprop.sources import survey

    weight, y = np.ones(1200), LABELS.copy()
    others = np.setdiff1d(np.arange(1200), survey(RowSource(X, Y, sample_rows=300)).numbers)
    weight[others], y[others] = 50.0, "yes"
    model = classifier().fit(RowSource(X, y, weight, **SIZES))
    assert (model.predict(X) == "yes").mean() > 0.9


def test_validation_rows_of_ones_own():
    model = classifier().fit(RowSource(X[:1000], LABELS[:1000], **SIZES), X_val=X[1000:],
                             y_val=LABELS[1000:])  # fmt: skip
    assert model.score(X[1000:], LABELS[1000:]) > 0.85
    assert model.history_["validation_loss"][-1] is not None


def test_validation_rows_are_in_memory():
    with pytest.raises(ValueError, match="X_val needs rows in memory, got a RowSource. Pass"):
        regressor().fit(X, Y, X_val=RowSource(X, Y), y_val=Y)


def test_training_goes_on():
    model = classifier(warm_start=True, max_iter=4, early_stopping=False)
    source = RowSource(X, LABELS, **SIZES)
    losses = [model.fit(source).loss_ for _ in range(3)]
    assert losses[0] > losses[1] > losses[2]
    model.partial_fit(X[:100], LABELS[:100])
    assert model.score(X, LABELS) > 0.8


def test_a_fit_on_a_source_survives_a_kill(tmp_path):
    class StopAt:
        state_attributes, epoch = (), 4

        def on_epoch_end(self, run):
            if run.n_epochs == StopAt.epoch:
                raise SystemExit

    def fit():
        callbacks = [Checkpoint(tmp_path / "file", every_seconds=0), StopAt()]
        return regressor(max_iter=6, callbacks=callbacks).fit(RowSource(X, Y, **SIZES))

    with pytest.raises(SystemExit):
        fit()
    assert (tmp_path / "file").exists()
    StopAt.epoch = None
    again = fit()
    whole = regressor(max_iter=6).fit(RowSource(X, Y, **SIZES))
    assert_array_equal(again.network_.theta, whole.network_.theta)
    assert not (tmp_path / "file").exists()


def again(X2, y2=LABELS):
    return RowSource(Batches(X, LABELS, again=(X2, y2)), **SIZES)


MORE = np.concatenate([X, X])
REFUSED = {
    "no rows": (lambda: Batches(X[:0], LABELS[:0]), {}, "The source has no rows"),
    "other lengths": (lambda: Batches(X, LABELS[:5]), {}, "Batch 0 .* as many labels as rows"),
    "containers": (
        lambda: iter_of((X[:9], LABELS[:9]), (pd.DataFrame(X[:9]), LABELS[:9])),
        {},
        r"one container, got numpy\.ndarray, pandas\.DataFrame\. Convert all",
    ),
    "fewer rows": (lambda: again(X[:900], LABELS[:900]), {}, "had 1200 rows .* and 900 when"),
    "more rows": (lambda: again(MORE, np.tile(LABELS, 2)), {}, "had 1200 rows .* and more when"),
    "fewer columns": (lambda: again(X[:, :3]), {}, "Batch 0 of the source: X has 3 features"),
    "text": (lambda: again(np.full((1200, 4), "a")), {}, "Batch 0 of the source: "),
    "labels": (
        lambda: again(X, np.where(Y > 2, "new", LABELS)),
        {},
        "Batch 0 of the source: y of the batch has labels that y does not have: .*new",
    ),
    "lbfgs": (lambda: RowSource(X, LABELS, **SIZES), {"solver": "lbfgs"}, "solver='lbfgs' needs"),
    "probe": (
        lambda: RowSource(X, LABELS, **SIZES),
        {"learning_rate_init": "probe"},
        "learning_rate_init='probe' needs all rows",
    ),
    "splitter": (
        lambda: RowSource(X, LABELS, **SIZES),
        {"validation_fraction": [(np.arange(100), np.arange(100, 200))]},
        "validation_fraction, given as a splitter, needs",
    ),
    "sparse": (
        lambda: RowSource(iter_of((sparse.csr_matrix(X), LABELS)), **SIZES),
        {"preset": "plain"},
        "a sparse X needs",
    ),
    "few validation rows": (
        lambda: RowSource(X, LABELS, sample_rows=4),
        {},
        "Raise sample_rows",
    ),
}


class iter_of:
    def __init__(self, *batches):
        self.batches = batches

    def __iter__(self):
        return iter(self.batches)


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_right_is_refused_and_the_model_is_kept(name, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    make, params, message = REFUSED[name]
    model = classifier(max_iter=2).fit(X[:200], LABELS[:200])
    before = model.predict_proba(X)
    model.set_params(**params)
    with pytest.raises(ValueError, match=message):
        model.fit(make())
    assert_array_equal(model.predict_proba(X), before)
    assert list(Path(tmp_path).iterdir()) == []  # no file is left behind


def test_folds_and_buckets_do_not_depend_on_each_other():
    assert len({SALT_OF_SAMPLE, SALT_OF_FOLDS, SALT_OF_BUCKETS}) == 3


@pytest.mark.parametrize(
    ("fraction", "n_folds"), [(0.1, 10), (0.3, 3), (0.5, 2), (0.9, 2), (1 / 7, 7)]
)
def test_a_fold_has_the_share_of_the_validation_rows(fraction, n_folds):
    """The nearest one: there are two folds at least, since one is trained on."""
    resolved = {"early_stopping": True, "validation_fraction": fraction}
    assert folds_of(resolved) == n_folds
    assert folds_of(resolved | {"early_stopping": False}) == 1


def test_the_fold_of_a_row_of_the_sample_is_that_of_its_number():
    found = SimpleNamespace(numbers=np.array([3, 50, 7, 1000]))
    inputs = SimpleNamespace(survey=found, kept_rows=None)
    every = fold_of(np.arange(1001), 5)
    assert_array_equal(folds_of_sample(inputs, 5), every[found.numbers])
    inputs.kept_rows = np.array([1, 3])  # the others have the weight 0
    assert_array_equal(folds_of_sample(inputs, 5), every[[50, 1000]])


def test_other_arguments_are_refused():
    source = RowSource(X, LABELS, **SIZES)
    with pytest.raises(ValueError, match="groups needs rows in memory"):
        classifier().fit(source, groups=np.arange(1200))
    with pytest.raises(ValueError, match=r"Call it for each batch"):
        classifier().partial_fit(source, None, classes=["no", "yes"])
    with pytest.raises(ValueError, match="y"):
        classifier().fit(X)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the limit of memory is Linux's")
def test_memory_does_not_grow_with_the_rows():
    """Two million rows of 30 columns, 480 MB as an array, with 250 MB to spend."""
    program = dedent("""
        import resource
        import numpy as np
        from skbackprop import BackpropRegressor, RowSource

        class Rows:
            def __iter__(self):
                rng = np.random.default_rng(0)
                for _ in range(100):
                    X = rng.normal(size=(20_000, 30))
                    yield X, X[:, 0] * X[:, 1]

        def held():
            with open("/proc/self/status") as file:
                return next(int(line.split()[1]) for line in file if line.startswith("VmData"))

        limit = held() * 1024 + 250 * 2**20
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
        model = BackpropRegressor(n_members=2, max_iter=1, n_jobs=1, random_state=0)
        model.fit(Rows())
        X = np.random.default_rng(1).normal(size=(1000, 30))
        assert model.score(X, X[:, 0] * X[:, 1]) > 0.5
    """)
    subprocess.run([sys.executable, "-c", program], check=True)
