"""The partitions of Dask collections are the rows of the table."""

import os
import tempfile

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skbackprop.sources import RowSource, survey

da = pytest.importorskip("dask.array")
dd = pytest.importorskip("dask.dataframe")
pytest.importorskip("distributed")

from skbackprop.dask.cluster import Cluster, WorkerLost  # noqa: E402
from skbackprop.dask.partitions import open_partitions  # noqa: E402

rng = np.random.default_rng(0)
X, y, WEIGHT = rng.normal(size=(300, 3)), np.arange(300) % 4, np.arange(300) + 1.0


@pytest.fixture
def cluster(client):
    return Cluster(client)


@pytest.mark.parametrize("size", [20, 1000])
@pytest.mark.parametrize("chunk", [300, 100, 37])
def test_the_sample_is_that_of_the_rows_in_one_table(cluster, chunk, size):
    rows = open_partitions(
        cluster, da.from_array(X, chunks=(chunk, 2)), da.from_array(y, chunks=chunk), None, size
    )
    ours = rows.survey(all_labels=True)
    theirs = survey(RowSource(X, y, sample_rows=size), all_labels=True)
    assert ours.n_rows == theirs.n_rows
    assert_array_equal(ours.numbers, theirs.numbers)
    assert_array_equal(ours.sample.X, theirs.sample.X)
    assert_array_equal(ours.sample.y, theirs.sample.y)
    assert ours.sample.sample_weight is None


def test_labels_and_weights_in_other_chunks_are_divided_as_the_rows(cluster):
    parts = open_partitions(
        cluster,
        da.from_array(X, chunks=(100, 3)),
        da.from_array(y, chunks=50),
        da.from_array(WEIGHT, chunks=300),
        1000,
    )
    found = parts.survey(all_labels=False).sample
    assert_array_equal(found.y, y)
    assert_array_equal(found.sample_weight, WEIGHT)


def test_columns_of_a_frame_and_empty_partitions(cluster):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=list("abc")).assign(label=y, weight=WEIGHT)
    parts = dd.from_pandas(frame, npartitions=5)
    parts = parts[(parts.weight > 130) | (parts.weight < 20)]
    found = open_partitions(cluster, parts, "label", "weight", 1000)
    assert len(found.delayed) < 5
    sample = found.survey(all_labels=True).sample
    kept = (WEIGHT > 130) | (WEIGHT < 20)
    assert_array_equal(sample.X, X[kept])
    assert list(sample.X.columns) == list("abc")
    assert_array_equal(sample.y, y[kept])
    assert_array_equal(sample.sample_weight, WEIGHT[kept])


def test_lists_of_delayed_partitions(cluster):
    from dask import delayed

    rows = [delayed(X[:200]), delayed(X[200:])]
    labels = [delayed(y[:200]), delayed(y[200:])]
    found = open_partitions(cluster, rows, labels, None, 1000)
    assert_array_equal(found.survey(all_labels=True).sample.X, X)
    futures = cluster.client.scatter([X[:200], X[200:]])
    found = open_partitions(cluster, futures, labels, None, 1000)
    assert_array_equal(found.survey(all_labels=True).sample.X, X)


def test_partitions_are_computed_once(cluster, tmp_path):
    from dask import delayed

    def read(i):
        os.close(tempfile.mkstemp(dir=tmp_path)[0])  # a new file for each call, in any thread
        return X[i::2]

    rows = [delayed(read, pure=False)(i) for i in range(2)]
    found = open_partitions(cluster, rows, [delayed(y[i::2]) for i in range(2)], None, 1000)
    found.survey(all_labels=True)
    parts = cluster.compute(found.delayed)
    assert [len(cluster.result(part, "a partition").X) for part in parts.values()] == [150, 150]
    assert len(list(tmp_path.iterdir())) == 2


def test_an_error_of_a_partition_is_raised(cluster):
    from dask import delayed

    def fail():
        raise TimeoutError("the disk does not answer")

    with pytest.raises(TimeoutError, match="the disk"):
        cluster.result(cluster.client.compute(delayed(fail)()), "Partition 0")


class Answer:
    """A future that is late, and then has an error."""

    def __init__(self, error):
        self.errors = [TimeoutError(), error]

    def done(self):
        return len(self.errors) == 1

    def result(self, timeout=None):
        raise self.errors.pop(0) if len(self.errors) > 1 else self.errors[0]


class Transfer:
    """The future of a task that is finished, whose value arrives after some seconds."""

    status = "finished"

    def __init__(self, seconds):
        self.seconds = seconds

    def done(self):
        return True

    def result(self, timeout):
        if timeout < self.seconds:
            raise TimeoutError
        return "the value"


class OneWorker:
    asynchronous, status = False, "running"

    def nthreads(self):
        return {"tcp://a": 1}


@pytest.mark.parametrize("error", [OSError("Unable to contact"), RuntimeError("Actor was lost")])
def test_an_answer_that_is_missing_and_a_worker_that_is_gone(error):
    with pytest.raises(WorkerLost, match="tcp://b"):
        Cluster(OneWorker()).result(Answer(error), "begin", "tcp://b")


def test_an_error_of_a_worker_that_is_there_names_it(monkeypatch):
    monkeypatch.setattr("skbackprop.dask.cluster.NOTICE", 0.0)
    with pytest.raises(OSError, match="disk") as raised:
        Cluster(OneWorker()).result(Answer(OSError("disk")), "begin", "tcp://a")
    assert raised.value.__notes__ == ["begin failed on tcp://a."]
    with pytest.raises(TimeoutError, match="slow"):
        Cluster(OneWorker()).result(Answer(TimeoutError("slow")), "begin", "tcp://a")


def test_a_value_may_take_long_to_arrive():
    assert Cluster(OneWorker()).result(Transfer(100.0), "Partition 0") == "the value"


def test_what_is_divided_otherwise_is_refused(cluster):
    rows = da.from_array(X, chunks=(100, 3))
    labels = da.concatenate([da.from_array(part) for part in (y[:100], y[:90], y[200:])])
    with pytest.raises(ValueError, match=r"the same partitions, got {'X': 3, 'y': 1}"):
        open_partitions(cluster, rows, da.from_array(y[:200], chunks=200), None, 10)
    with pytest.raises(TypeError, match=r"y needs one of Dask arrays.* got ndarray"):
        open_partitions(cluster, rows, y, None, 10)
    with pytest.raises(ValueError, match="Partition 1 needs as many labels as rows"):
        open_partitions(cluster, rows, labels, None, 10)
    none, labels = rows[rows[:, 0] > 99], da.from_array(y, chunks=100)
    with pytest.raises(ValueError, match="no rows in any partition"):
        open_partitions(cluster, none, labels[labels > 99], None, 10)
