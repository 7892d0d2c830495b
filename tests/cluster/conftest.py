"""A cluster of two workers in this process, for the tests of each file in this folder."""

import pytest


@pytest.fixture(scope="module")  # closed before other files make clusters of their own
def client():
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=False, dashboard_address=":0"
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client
