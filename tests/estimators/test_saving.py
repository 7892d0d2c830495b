"""Models that leave their process by pickle, copy and skops."""

import copy
import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import InconsistentVersionWarning
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skbackprop
from skbackprop import BackpropClassifier, mlp
from skbackprop.nn.activations import Silu

from .tables import X as ROWS
from .tables import Y, fitted

COPIES = {
    "pickle": lambda model: pickle.loads(pickle.dumps(model)),
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
}


@pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES)
@pytest.mark.parametrize("make", [lambda: fitted("number"), BackpropClassifier])
def test_a_copy_has_the_attributes_of_the_original(make, copied):
    model = make()
    assert vars(copied(model)).keys() == vars(model).keys()


def test_a_pickle_of_another_version_warns(monkeypatch):
    data = pickle.dumps(fitted("number"))
    monkeypatch.setattr(skbackprop, "__version__", "99.0")
    with pytest.warns(InconsistentVersionWarning, match="from version 0.* using version 99.0"):
        pickle.loads(data)


def test_a_pickle_without_a_version_warns():
    model = fitted("number")
    state = dict(vars(model))
    with pytest.warns(InconsistentVersionWarning, match="before 0.1.0"):
        model.__setstate__(state)


def test_a_state_holds_plain_types_and_the_bytes_of_a_file():
    state = fitted("number").__getstate__()
    assert {type(value) for value in state.values()} <= {str, bytes}


def test_a_subclass_may_have_a_state_of_its_own():
    model = Own(max_iter=3, random_state=0).fit(ROWS, Y["binary"])
    same = pickle.loads(pickle.dumps(model))
    assert same.note == "kept"
    np.testing.assert_array_equal(same.predict_proba(ROWS), model.predict_proba(ROWS))


class Own(BackpropClassifier):
    def __getstate__(self):
        return {**super().__getstate__(), "note": "kept"}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    ("model", "name"),
    [
        (BackpropClassifier(max_iter=3), "skbackprop.estimators.classifier.BackpropClassifier"),
        (BackpropClassifier(max_iter=3, activation=Silu()), "classifier.BackpropClassifier"),
        (mlp.MLPClassifier(max_iter=3), "skbackprop.mlp.MLPClassifier"),
    ],
    ids=["default", "with an object", "mlp"],
)
def test_skops_needs_to_trust_our_class_only(model, name):
    skops = pytest.importorskip("skops.io")
    pipeline = make_pipeline(StandardScaler(), clone(model).set_params(random_state=0))
    pipeline.fit(ROWS, Y["binary"])
    data = skops.dumps(pipeline)
    untrusted = skops.get_untrusted_types(data=data)
    assert len(untrusted) == 1
    assert untrusted[0].endswith(name)
    same = skops.loads(data, trusted=untrusted)
    np.testing.assert_array_equal(same.predict_proba(ROWS), pipeline.predict_proba(ROWS))


def test_partial_fit_goes_on_through_skops():
    skops = pytest.importorskip("skops.io")
    model = BackpropClassifier(random_state=0, max_iter=9)
    model.partial_fit(ROWS, Y["binary"], classes=["no", "yes"])
    data = skops.dumps(model)
    same = skops.loads(data, trusted=skops.get_untrusted_types(data=data))
    for one in (model, same):
        one.partial_fit(ROWS, Y["binary"])
    np.testing.assert_array_equal(same.network_.theta, model.network_.theta)
