"""A worker that is killed during `fit`: the model is the same, or `fit` fails and says why."""

import os
import signal

import numpy as np
import pytest
from numpy.testing import assert_allclose

from skbackprop.training.callbacks import Callback

da = pytest.importorskip("dask.array")
distributed = pytest.importorskip("distributed")

from skbackprop.dask import DaskBackpropRegressor  # noqa: E402
from skbackprop.dask.cluster import MOST_LOST, ActorHolders  # noqa: E402

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]

rng = np.random.default_rng(0)
X = rng.normal(size=(2000, 3))
y = X[:, 0] * X[:, 1]
SETTINGS = {"max_iter": 6, "sample_rows": 500, "batch_size": 200, "random_state": 0}


class Kill(Callback):
    """Kill a worker that holds rows, after some batches."""

    state_attributes = ("n",)

    def __init__(self, batch, which):
        self.batch, self.which, self.n = batch, which, 0

    def on_batch_end(self, run):
        self.n += 1
        if self.n == self.batch:
            client = distributed.default_client()
            holding = sorted(address for address, keys in client.has_what().items() if keys)
            address = holding[self.which % len(holding)]
            os.kill(client.run(os.getpid, workers=[address])[address], signal.SIGKILL)


@pytest.fixture
def cluster():
    options = {"threads_per_worker": 1, "dashboard_address": ":0", "silence_logs": 50}
    with (
        distributed.LocalCluster(n_workers=2, processes=True, **options) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


def arrays():
    return da.from_array(X, chunks=(400, 3)), da.from_array(y, chunks=400)


@pytest.mark.parametrize("batch", [1, 17, 53])
def test_a_killed_worker_is_replaced(cluster, caplog, batch):
    expected = DaskBackpropRegressor(**SETTINGS).fit(*arrays()).predict(X)
    model = DaskBackpropRegressor(**SETTINGS, callbacks=[Kill(batch, batch)]).fit(*arrays())
    assert_allclose(model.predict(X), expected, rtol=1e-4, atol=1e-5)
    assert "was lost with" in caplog.text


def test_rows_that_are_lost_with_a_worker_are_named(cluster):
    rows = cluster.scatter(np.array_split(X, 4))
    labels = cluster.scatter(np.array_split(y, 4))
    model = DaskBackpropRegressor(**SETTINGS, callbacks=[Kill(3, 0)])
    with pytest.raises(RuntimeError, match="was lost with the workers that held it"):
        model.fit(rows, labels)
    assert not hasattr(model, "n_iter_")


def test_fit_gives_up_when_workers_are_lost_again_and_again():
    holders = ActorHolders(None, {}, None)
    for _ in range(MOST_LOST):
        holders.count_lost("tcp://a")
    with pytest.raises(RuntimeError, match=r"lost 21 workers, tcp://b was the last"):
        holders.count_lost("tcp://b")
