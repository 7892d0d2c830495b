"""Threads inside the workers of joblib, and models that are read from read-only files."""

import copy
import threading
from dataclasses import dataclass

import joblib
import numpy as np
import pytest
from sklearn.model_selection import cross_val_score
from threadpoolctl import threadpool_info, threadpool_limits

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop.cores import n_cores
from skbackprop.estimators import learning, stacks
from skbackprop.nn.losses import HalfSquaredError
from skbackprop.optim import Adam

from .common import unconverged

pytestmark = unconverged

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(160, 3)), RNG.normal(size=160)
STACKS = {"hidden_layer_sizes": (1024,), "batch_size": 140, "n_members": 2}  # of one member each
MODELS = {
    "plain": {"preset": "plain"},
    "average": {"preset": "plain", "solver": Adam(averaging="ema"), "dropout": 0.1},
    "schedule_free": {"preset": "plain", "solver": "schedule_free"},
    "auto": {},
    "stacks": STACKS,
}


def n_training_threads():
    """Threads that compute in this process: for each thread that trains those of BLAS."""
    members = [t for t in threading.enumerate() if t.name.startswith("skbackprop-members")]
    blas = [lib["num_threads"] for lib in threadpool_info() if lib["user_api"] == "blas"]
    return max(len(members), 1) * max(blas, default=1)


@dataclass(frozen=True)
class CountThreads(HalfSquaredError):
    """A loss that raises an error if more threads compute than it allows."""

    most: int = 1

    def value_and_delta(self, *arguments):
        if n_training_threads() > self.most:
            raise RuntimeError(f"{n_training_threads()} threads")
        return super().value_and_delta(*arguments)


def test_members_in_threads_share_the_cores_with_blas(monkeypatch):
    for module in (learning, stacks):
        monkeypatch.setattr(module, "n_cores", lambda: 2)
    model = BackpropRegressor(**STACKS, max_iter=2, loss=CountThreads(2))
    with threadpool_limits(2, user_api="blas"):
        model.fit(X, Y)
        assert n_training_threads() == 2  # the limit is lifted again


def test_workers_of_joblib_use_no_more_threads_than_cores(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)  # joblib sets it in its workers
    most = max(1, n_cores() // 2)
    settings = STACKS | {"hidden_layer_sizes": (4096,), "batch_size": "auto"}
    model = BackpropRegressor(**settings, max_iter=2, loss=CountThreads(most))
    scores = cross_val_score(model, X, Y, cv=2, n_jobs=2, error_score="raise")
    assert np.isfinite(scores).all()


@pytest.mark.parametrize("how", ["warm fit", "partial_fit"])
@pytest.mark.parametrize("name", MODELS)
def test_a_model_in_a_read_only_file_predicts_and_goes_on(name, how, tmp_path):
    model = BackpropRegressor(**MODELS[name], max_iter=2, random_state=0, warm_start=True)
    model.fit(X, Y)
    joblib.dump(model, tmp_path / "model.joblib")
    loaded = joblib.load(tmp_path / "model.joblib", mmap_mode="r")
    assert not loaded.network_.theta.flags.writeable
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    control = copy.deepcopy(model)
    for each in (loaded, control):
        each.partial_fit(X, Y) if how == "partial_fit" else each.fit(X, Y)
    np.testing.assert_array_equal(loaded.predict(X), control.predict(X))


def test_a_classifier_in_a_read_only_file_goes_on(tmp_path):
    labels = np.where(Y > 0, "yes", "no")
    model = BackpropClassifier(max_iter=2, random_state=0, class_weight="balanced")
    model.partial_fit(X, labels, classes=["no", "yes"])
    joblib.dump(model, tmp_path / "model.joblib")
    loaded = joblib.load(tmp_path / "model.joblib", mmap_mode="r").partial_fit(X, labels)
    expected = model.partial_fit(X, labels).predict_proba(X)
    np.testing.assert_array_equal(loaded.predict_proba(X), expected)
