"""Searches of dask-ml, which is optional."""

import warnings

import numpy as np
import pytest
from sklearn.linear_model import SGDClassifier

da = pytest.importorskip("dask.array")
pytest.importorskip("distributed")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of its imports
    searches = pytest.importorskip("dask_ml.model_selection")

from skbackprop import BackpropClassifier  # noqa: E402
from skbackprop.dask import DaskBackpropClassifier  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")  # dask-ml is older than what it calls

rng = np.random.default_rng(0)
X = rng.normal(size=(600, 4))
y = (X[:, 0] > 0).astype(int)


def arrays():
    return da.from_array(X, chunks=(200, 4)), da.from_array(y, chunks=200)


@pytest.mark.parametrize("kind", [BackpropClassifier, DaskBackpropClassifier])
@pytest.mark.parametrize("search", ["GridSearchCV", "RandomizedSearchCV"])
def test_searches_of_whole_fits(client, search, kind):
    model = kind(max_iter=3, random_state=0)
    more = {"n_iter": 2, "random_state": 0} if search == "RandomizedSearchCV" else {}
    found = getattr(searches, search)(model, {"dropout": [0.0, 0.2]}, cv=2, **more)
    found.fit(*arrays())
    assert found.best_score_ > 0.8
    assert found.best_params_["dropout"] in (0.0, 0.2)


@pytest.mark.parametrize(
    ("search", "settings"),
    [
        ("IncrementalSearchCV", {"n_initial_parameters": 3, "max_iter": 3}),
        ("HyperbandSearchCV", {"max_iter": 3}),
    ],
)
def test_searches_by_partial_fit(client, search, settings):
    def fit(model, params):
        found = getattr(searches, search)(model, params, random_state=0, **settings)
        return found.fit(*arrays(), classes=[0, 1])

    try:
        fit(SGDClassifier(), {"alpha": [1e-4, 1e-3, 1e-2]})
    except RuntimeError as error:
        pytest.skip(f"dask-ml does not go with this dask: {error}")
    model = BackpropClassifier(random_state=0)
    assert fit(model, {"alpha": [1e-4, 1e-3, 1e-2]}).best_score_ > 0.8
