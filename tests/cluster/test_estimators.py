"""`DaskBackpropClassifier` and `DaskBackpropRegressor`."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from settings import packed
from sklearn.base import clone
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.metrics import accuracy_score, r2_score

from skbackprop import BackpropClassifier, BackpropRegressor, load
from skbackprop.estimators.inputs import FitInputs
from skbackprop.nn.losses import Pinball
from skbackprop.sources import Batch

da = pytest.importorskip("dask.array")
dd = pytest.importorskip("dask.dataframe")
pytest.importorskip("distributed")
pandas = pytest.importorskip("pandas")

from skbackprop.dask import DaskBackpropClassifier, DaskBackpropRegressor  # noqa: E402
from skbackprop.dask.encoding import EncodePartitions  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

rng = np.random.default_rng(0)
N = 900
X = rng.normal(size=(N, 4))
Y = {
    "number": X[:, 0] * X[:, 1] + X[:, 2],
    "two numbers": np.stack([X[:, 0] + 1, 10 * X[:, 1] * X[:, 2]], axis=1),
    "two labels": np.where(X[:, 0] * X[:, 1] > 0, "yes", "no"),
    "three labels": np.digitize(X[:, 0] + X[:, 1], [-0.5, 0.5]),
    "indicators": (X[:, :2] > 0).astype(int),
}
WEIGHT = rng.integers(0, 3, N).astype(float)
SMALL = {"max_iter": 3, "sample_rows": 400, "batch_size": 128, "random_state": 0}


def estimator(kind, **params):
    dask = {True: DaskBackpropRegressor, False: DaskBackpropClassifier}["number" in kind]
    return dask(**SMALL | params)


def arrays(kind, chunk=250, weight=None):
    parts = [X, Y[kind]] if weight is None else [X, Y[kind], weight]
    return [da.from_array(part, chunks=(chunk, *part.shape[1:])) for part in parts]


class LocalHolders:
    """All shards in one process, in the place of `ActorHolders`."""

    def __init__(self, cluster, delayed, make):
        parts = {i: part.compute() for i, part in delayed.items()}
        self.shards = make(list(parts), *parts.values())

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass

    def call(self, method, *args):
        return [getattr(self.shards, method)(*args)]


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", Y)
def test_workers_give_the_model_of_one_process(client, monkeypatch, kind, dtype, weighted):
    given = arrays(kind, weight=WEIGHT if weighted else None)
    ours = estimator(kind, dtype=dtype).fit(*given)
    monkeypatch.setattr("skbackprop.dask.estimators.ActorHolders", LocalHolders)
    one = estimator(kind, dtype=dtype).fit(*given)
    assert_allclose(
        ours._fitted.network.theta,
        one._fitted.network.theta,
        rtol={"float32": 1e-4, "float64": 1e-10}[dtype],
        atol=1e-6,
    )
    assert ours.n_iter_ == 3


@pytest.mark.parametrize(
    "params",
    [
        {"preset": "plain", "early_stopping": True, "alpha": 0.1},
        {"preset": "plain", "early_stopping": False, "solver": "sgd", "learning_rate_init": 0.1},
        {"preset": "best", "n_members": 3},
        {"n_members": 1, "refit": True},
        {"n_members": 3, "refit": "fine_tune"},
        {"n_members": 3, "member_sharing": "batch"},
        {"gradient_accumulation_steps": 2, "label_smoothing": 0.1},
    ],
    ids=str,
)
def test_every_preset_learns(client, params):
    model = estimator("three labels", **{"max_iter": 20} | packed(**params)).fit(
        *arrays("three labels")
    )
    assert model.score(X, Y["three labels"]) > 0.7


@pytest.mark.parametrize("kind", ["number", "three labels"])
def test_parameters_averaged_after_each_epoch(client, kind):
    model = estimator(kind, sync="epoch", max_iter=40, batch_size=32, dropout=0.1)
    model.fit(*arrays(kind, weight=WEIGHT + 0.5))
    assert model.score(X, Y[kind]) > 0.8
    assert np.isfinite(model.history_["loss"]).all()


def test_few_rows_give_the_model_of_rows_in_memory(client):
    params = {"sample_rows": N}
    ours = estimator("number", **params).fit(*arrays("number", weight=WEIGHT))
    theirs = ours.to_local()
    assert type(theirs) is BackpropRegressor
    theirs = clone(theirs).fit(X, Y["number"], WEIGHT)
    assert_array_equal(ours.predict(X), theirs.predict(X))


def test_rows_in_memory_need_no_cluster():
    model = DaskBackpropRegressor(max_iter=2, random_state=0).fit(X, Y["number"])
    local = BackpropRegressor(max_iter=2, random_state=0).fit(X, Y["number"])
    assert_array_equal(model.predict(X), local.predict(X))
    assert model.score(X, Y["number"]) == local.score(X, Y["number"])


def frame():
    """Rows whose first partition has one label only, a level of its own, and missing values."""
    table = pandas.DataFrame(X, columns=list("abcd"))
    table["city"] = pandas.Categorical(np.where(np.arange(N) < 200, "Rome", "Oslo"))
    table["label"] = np.where(np.arange(N) < 300, "yes", Y["two labels"])
    table.loc[5:50, "b"] = np.nan
    return table


def test_a_frame_keeps_index_and_divisions(client):
    table = frame()
    parts = dd.from_pandas(table, npartitions=3)
    model = estimator("two labels").fit(parts, "label")
    assert model.feature_names_in_.tolist() == [*"abcd", "city"]
    columns = parts.drop(columns="label")
    predicted, p = model.predict(columns), model.predict_proba(columns)
    assert predicted.divisions == p.divisions == parts.divisions
    assert predicted.compute().index.equals(table.index)
    assert_array_equal(predicted.compute(), model.predict(table.drop(columns="label")))
    assert_allclose(p.compute(), model.predict_proba(table.drop(columns="label")), atol=1e-6)
    score = accuracy_score(table["label"], predicted.compute())
    assert model.score(columns, parts["label"]) == pytest.approx(score)
    assert score > 0.7


@pytest.mark.parametrize("method", ["predict", "predict_proba", "decision_function"])
@pytest.mark.parametrize("kind", ["two labels", "three labels", "indicators"])
def test_predictions_of_arrays_are_lazy_and_in_its_chunks(client, kind, method):
    model = estimator(kind, max_iter=1).fit(*arrays(kind))
    rows = da.from_array(X, chunks=(400, 2))
    lazy, local = getattr(model, method)(rows), getattr(model.to_local(), method)(X)
    assert isinstance(lazy, da.Array)
    assert lazy.chunks[0] == (400, 400, 100)
    assert lazy.shape == local.shape
    assert lazy.dtype == local.dtype
    computed = lazy.compute()
    if method == "predict":
        assert_array_equal(computed, local)
    else:
        assert_allclose(computed, local, atol=1e-6)
    assert_allclose(model.predict_log_proba(rows).compute(), model.predict_log_proba(X), atol=1e-5)


@pytest.mark.parametrize("sync", ["step", "epoch"])
def test_partitions_without_rows_or_weight(client, sync):
    from dask import delayed

    parts = np.split(X, [300, 300, 500]), np.split(Y["number"], [300, 300, 500])
    weight = np.split(np.where(np.arange(N) < 500, 1.0, 0.0), [300, 300, 500])
    given = [[delayed(part) for part in each] for each in (*parts, weight)]
    model = estimator("number", sync=sync, max_iter=20, batch_size=64).fit(*given)
    assert model.score(X[:500], Y["number"][:500]) > 0.5
    weight[2][:] = 1e-6  # almost 0
    given[2] = [delayed(part) for part in weight]
    other = estimator("number", sync=sync, max_iter=20, batch_size=64).fit(*given)
    assert other.predict(X).shape == (N,)


def test_predictions_of_partitions_without_rows(client):
    model = estimator("number", max_iter=1).fit(*arrays("number"))
    rows = da.from_array(X, chunks=(300, 4))
    kept = rows[rows[:, 0] > 99]
    assert model.predict(kept).compute().shape == (0,)
    parts = dd.from_pandas(pandas.DataFrame(X, columns=list("abcd")), npartitions=3)
    model = estimator("number", max_iter=1).fit(parts, da.from_array(Y["number"], chunks=300))
    assert len(model.predict(parts[parts.a > 99]).compute()) == 0


@pytest.mark.parametrize("kind", ["number", "two numbers"])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_score_is_that_of_all_rows(client, kind, weighted):
    weight = WEIGHT + 0.5 if weighted else None
    model = estimator(kind).fit(*arrays(kind))
    expected = r2_score(Y[kind], model.predict(X), sample_weight=weight)
    assert model.score(*arrays(kind, weight=weight)) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("kind", ["number", "two labels"])
def test_the_score_leaves_out_partitions_without_weight(client, kind):
    model = estimator(kind, max_iter=1).fit(*arrays(kind))
    weight = np.where(np.arange(N) < 250, 0.0, 1.0)  # the first partition has none
    expected = model.to_local().score(X[250:], Y[kind][250:])
    assert model.score(*arrays(kind, weight=weight)) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("kind", ["number", "two numbers"])
@pytest.mark.parametrize("unit", [1e200, 1e-200])
def test_the_score_has_no_unit(client, kind, unit):
    y = unit * Y[kind]
    y[:250] = 0.0  # the first partition
    model = estimator(kind, max_iter=1).fit(X, y)
    parts = da.from_array(X, chunks=(250, 4)), da.from_array(y, chunks=(250, *y.shape[1:]))
    assert model.score(*parts) == pytest.approx(model.to_local().score(X, y), rel=1e-6)


def test_the_score_of_a_constant(client):
    model = estimator("number", max_iter=1).fit(*arrays("number"))
    zeros = da.zeros(N, chunks=250)
    assert model.score(da.from_array(X, chunks=(250, 4)), zeros) == r2_score(
        np.zeros(N), model.predict(X)
    )


def test_the_score_of_one_row_and_of_quantiles(client):
    model = estimator("number", max_iter=1).fit(*arrays("number"))
    for rows, y in ((X[:1], Y["number"][:1]), [part[:1] for part in arrays("number")]):
        with pytest.warns(UndefinedMetricWarning, match="less than two samples"):
            assert np.isnan(model.score(rows, y))
    model = estimator("number", max_iter=1, loss=Pinball((0.1, 0.9))).fit(*arrays("number"))
    for rows, y in ((X, Y["number"]), arrays("number")):
        with pytest.raises(ValueError, match="got 2 predictions for 1 column"):
            model.score(rows, y)


@pytest.mark.parametrize("kind", ["number", "two numbers"])
def test_intervals_and_quantiles_of_collections_are_arrays(client, kind):
    model = estimator(kind, max_iter=1).fit(*arrays(kind))
    frame = dd.from_pandas(pandas.DataFrame(X), npartitions=3)
    for method in ("predict_interval", "predict_quantiles"):
        expected = getattr(model.to_local(), method)(X)
        for rows in (arrays(kind)[0], frame):
            found = getattr(model, method)(rows)
            assert isinstance(found, np.ndarray)
            assert_allclose(found, expected)


def test_a_copy_keeps_the_client_and_a_pickle_drops_it(client, tmp_path):
    model = estimator("number", client=client).fit(*arrays("number"))
    assert clone(model).client is client
    assert clone(model).get_params()["sample_rows"] == SMALL["sample_rows"]
    again = pickle.loads(pickle.dumps(model))
    assert again.client is None
    assert_array_equal(again.predict(X), model.predict(X))
    local = model.to_local()
    assert not hasattr(local, "client")
    model.save(tmp_path / "model.skbp")
    assert_array_equal(load(tmp_path / "model.skbp").predict(X), model.predict(X))


def test_no_client(monkeypatch):
    monkeypatch.setattr("distributed.default_client", lambda: (_ for _ in ()).throw(ValueError()))
    with pytest.raises(ValueError, match="needs a client, got client=None"):
        estimator("number").fit(*arrays("number"))
    assert "client_" not in dir(estimator("number").fit(X, Y["number"]))  # which asks for it


def test_parameters_are_those_of_the_local_estimator_and_three():
    for dask, local in [
        (DaskBackpropClassifier, BackpropClassifier),
        (DaskBackpropRegressor, BackpropRegressor),
    ]:
        more = {"sync": "step", "sample_rows": 50_000, "client": None}
        assert dask().get_params() == local().get_params() | more
        assert "client : distributed.Client" in dask.__doc__
        assert "hidden_layer_sizes : " in dask.__doc__
        assert (
            repr(dask((5,), max_iter=3)) == f"{dask.__name__}(hidden_layer_sizes=(5,), max_iter=3)"
        )
        with pytest.raises(TypeError):
            dask(clients=3)


def test_validation_rows_may_be_collections(client):
    model = estimator("number", max_iter=2)
    model.fit(*arrays("number"), X_val=da.from_array(X[:50]), y_val=da.from_array(Y["number"][:50]))
    assert len(model.validation_scores_) == 2


def test_time_budget_callbacks_and_checkpoint(client, tmp_path):
    from skbackprop.training.callbacks import Checkpoint

    path = tmp_path / "fit.skbp"
    model = estimator("number", callbacks=[Checkpoint(path, every_seconds=0)], time_budget=100)
    model.fit(*arrays("number"))
    assert not path.exists()
    again = estimator("number").fit(*arrays("number"))
    assert_allclose(again.predict(X), model.predict(X), rtol=1e-4, atol=1e-4)


class TestRefused:
    """What cannot be trained is refused, and a fitted model stays as it was."""

    def refused(self, match, *given, error=ValueError, **params):
        model = estimator("number", max_iter=1, warm_start=False).fit(*arrays("number"))
        before = model.predict(X)
        model.set_params(**params)
        with pytest.raises(error, match=match):
            model.fit(*given or arrays("number"))
        assert_array_equal(model.predict(X), before)

    def test_what_needs_all_rows_in_one_place(self, client):
        self.refused("normalization='batch' needs all rows", normalization="batch")
        self.refused(
            "solver='lbfgs' needs all rows", solver="lbfgs", preset="plain", batch_size="auto"
        )

    def test_groups(self, client):
        model = estimator("number")
        with pytest.raises(ValueError, match="groups needs rows in memory"):
            model.fit(*arrays("number"), groups=np.arange(N))

    def test_what_cannot_be_averaged(self, client):
        self.refused("needs an optimizer whose", sync="epoch", solver="schedule_free")

    def test_partitions_that_differ(self, client):
        from dask import delayed

        rows = [delayed(X[:500]), delayed(X[500:, :3])]
        labels = [delayed(Y["number"][:500]), delayed(Y["number"][500:])]
        self.refused("Partition 1 needs the columns of the first one", rows, labels)

    def test_a_partition_that_fails(self, client):
        from dask import delayed

        def fail():
            raise KeyError("no such file")

        rows = [delayed(X[:500]), delayed(fail)()]
        labels = [delayed(Y["number"][:500]), delayed(Y["number"][500:])]
        self.refused("no such file", rows, labels, error=KeyError)

    def test_rows_that_change(self):
        inputs = FitInputs(None, None)
        encode = EncodePartitions(None, None, inputs, 2, {3: (0, 800)})
        with pytest.raises(ValueError, match="Partition 3 had 800 rows .* and 700"):
            encode([3], Batch(X[:700], Y["number"][:700]))

    def test_labels_that_only_one_partition_has(self, client):
        labels = np.zeros(N, int)
        labels[-3:] = 7  # fewer than a sample would find by chance
        model = estimator("two labels", max_iter=1)
        model.fit(da.from_array(X, chunks=(250, 4)), da.from_array(labels, chunks=250))
        assert_array_equal(model.classes_, [0, 7])

    def test_workers_of_another_version(self, client, monkeypatch):
        versions = client.get_versions(packages=["numpy", "skbackprop"])
        address = next(iter(versions["workers"]))
        versions["workers"][address]["packages"]["numpy"] = "1.0"
        monkeypatch.setattr(type(client), "get_versions", lambda self, **_: versions)
        self_check = estimator("number")
        with pytest.raises(ValueError, match=r"need the versions of the client.* got numpy 1\.0"):
            self_check.fit(*arrays("number"))


def test_a_search_runs_on_the_cluster(client):
    import joblib
    from sklearn.model_selection import GridSearchCV

    search = GridSearchCV(
        BackpropRegressor(max_iter=2, random_state=0), {"dropout": [0.0, 0.2]}, cv=2
    )
    with joblib.parallel_config("dask", client=client):
        search.fit(X[:200], Y["number"][:200])
    with joblib.parallel_config("sequential"):
        alone = clone(search).fit(X[:200], Y["number"][:200])
    scores = [each.cv_results_["mean_test_score"] for each in (search, alone)]
    assert_allclose(*scores, rtol=1e-5)
