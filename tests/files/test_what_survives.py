"""The table "what survives which way" of ``docs/saving.md``, row by row.

Checkpoints and the rows "safe to open" and "later versions" have tests of their own:
``test_hostile_files.py``, ``test_golden_files.py`` and ``estimators/test_saving.py``.
"""

import io
import pickle
from dataclasses import dataclass

import joblib
import numpy as np
import pytest

from skbackprop.io.model import dumps, loads

from .models import NEW, NUMBERS, SCORE, TABLE, assert_same, classifier, regressor

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # of short fits


def by_joblib(model):
    file = io.BytesIO()
    joblib.dump(model, file)
    file.seek(0)
    return joblib.load(file)


def by_skops(model):
    skops = pytest.importorskip("skops.io")
    data = skops.dumps(model)
    return skops.loads(data, trusted=skops.get_untrusted_types(data=data))


WAYS = {
    "pickle": lambda model: pickle.loads(pickle.dumps(model)),
    "joblib": by_joblib,
    "save": lambda model: loads(dumps(model)),
    "training state": lambda model: loads(dumps(model, training_state=True)),
    "skops": by_skops,
}
every_way = pytest.mark.parametrize("way", WAYS)


@pytest.fixture(scope="module")
def models():
    return {
        "classifier": classifier(TABLE, calibration="temperature"),
        "regressor": regressor(TABLE, dropout=0.1),
    }


@every_way
def test_predictions_encoder_and_history(way, models):
    for model in models.values():
        same = WAYS[way](model)
        assert_same(same.predict(NEW), model.predict(NEW))
        assert_same(same.get_params(), model.get_params())
        assert_same(same.resolved_params_, model.resolved_params_)
        assert_same(same.history_, model.history_)
        assert_same(same.feature_names_in_, model.feature_names_in_)
        with pytest.raises(ValueError, match="feature names"):
            same.predict(NEW[NEW.columns[::-1]])
    model = models["classifier"]
    assert_same(WAYS[way](model).predict_proba(NEW), model.predict_proba(NEW))


@every_way
def test_uncertainty(way, models):
    model, same = models["regressor"], WAYS[way](models["regressor"])
    assert_same(same.predict_interval(NEW, coverage=0.8), model.predict_interval(NEW, coverage=0.8))
    assert_same(same.predict_quantiles(NEW, [0.1]), model.predict_quantiles(NEW, [0.1]))
    assert_same(same.predict_std(NEW), model.predict_std(NEW))


@every_way
def test_training_continues(way):
    one_shot = regressor(dropout=0.1)
    warm = regressor(dropout=0.1, warm_start=True)
    for model, exact in ((one_shot, way == "training state"), (warm, way != "save")):
        same = WAYS[way](model)
        for one in (model, same):
            one.set_params(warm_start=True, max_iter=3).fit(NUMBERS, SCORE)
        assert np.array_equal(same.network_.theta, model.network_.theta) == exact


@every_way
def test_metadata_requests_and_own_attributes(way, models):
    model = WAYS["pickle"](models["classifier"])
    model.note = "mine"
    model._metadata_request = "requests"  # where scikit-learn keeps them
    same, kept = WAYS[way](model), way not in ("save", "training state")
    assert hasattr(same, "note") == kept
    assert hasattr(same, "_metadata_request") == kept


@dataclass(frozen=True)
class Sine:
    frequency: float = 1.0

    def forward(self, z, out):
        np.sin(self.frequency * z, out=out)

    def backward(self, z, y, d):
        d *= self.frequency * np.cos(self.frequency * z)


def test_own_objects():
    model = regressor(activation=Sine(0.5))
    for way in ("pickle", "joblib", "skops"):
        assert_same(WAYS[way](model).predict(NUMBERS), model.predict(NUMBERS))
    same = loads(dumps(model), custom={"Sine": Sine})
    assert_same(same.predict(NUMBERS), model.predict(NUMBERS))


def test_own_objects_take_more_trust_in_skops():
    skops = pytest.importorskip("skops.io")
    names = skops.get_untrusted_types(data=skops.dumps(regressor(activation=Sine(0.5))))
    assert any(name.endswith(".Sine") for name in names)
    assert any(name.endswith(".Fitted") for name in names)


def test_skops_holds_the_bytes_of_our_file():
    pytest.importorskip("skops.io")
    model = classifier(kind="multilabel")
    same = by_skops(model)
    assert dumps(same) == dumps(model)
    assert_same(same.predict(NUMBERS), model.predict(NUMBERS))
