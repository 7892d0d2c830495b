"""A table in partitions on the workers of a Dask cluster: train, predict, fetch the model.

Run:  python examples/cluster_dask.py

It needs dask and distributed.  The cluster is two workers on this machine; with
``Client("tcp://scheduler:8786")`` in their place nothing else changes.
"""

import numpy as np
import pandas as pd
from dask import dataframe
from distributed import Client, LocalCluster

from skbackprop.dask import DaskBackpropRegressor


def flats(seed: int, n: int = 2000) -> pd.DataFrame:
    """Rents of made-up flats, some of whose areas are missing."""
    rng = np.random.default_rng(seed)
    rows = pd.DataFrame({"area": rng.uniform(20, 150, n), "city": rng.choice(["Bern", "Graz"], n)})
    rows["rent"] = rows.area * np.where(rows.city == "Bern", 20.0, 12.0) + rng.normal(0, 50, n)
    rows.loc[rng.random(n) < 0.05, "area"] = np.nan
    return rows


def main() -> None:
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster,
        Client(cluster),
    ):
        table = dataframe.from_map(flats, range(4))  # made on the workers, as files would be read
        model = DaskBackpropRegressor(max_iter=20, sample_rows=2000, random_state=0)
        model.fit(table, "rent")
        rows = table.drop(columns="rent")
        print(f"R² of all rows: {model.score(rows, table['rent']):.3f}")
        print("lazy, with the partitions of the table:", model.predict(rows).npartitions)
        local = model.to_local()
    print("at home:", local.predict(pd.DataFrame({"area": [50.0], "city": ["Graz"]})).round())


if __name__ == "__main__":
    main()
