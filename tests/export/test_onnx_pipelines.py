"""Pipelines that end with our estimators, converted by skl2onnx."""

import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import StackingClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
skl2onnx = pytest.importorskip("skl2onnx")

from runtime import session_of  # noqa: E402
from skl2onnx.common.data_types import (  # noqa: E402
    DoubleTensorType,
    FloatTensorType,
    StringTensorType,
)

from skbackprop import BackpropClassifier, BackpropRegressor  # noqa: E402
from skbackprop.mlp import MLPClassifier  # noqa: E402
from skbackprop.onnx import register  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
N = 240
SHORT = {"max_iter": 4, "random_state": 0}


@pytest.fixture(autouse=True)
def _registered():
    register()
    register()  # a second time changes nothing


def data(seed=0, k=3):
    X = np.random.default_rng(seed).normal(size=(N, 4)).astype(np.float32)
    return X, np.digitize(X[:, 0], np.linspace(-1, 1, k - 1) if k > 2 else [0.0])


def convert(model, kinds=None, **options):
    kinds = kinds or [("X", FloatTensorType([None, 4]))]
    settings = {"options": {id(model[-1]): options}} if options else {}
    return session_of(skl2onnx.convert_sklearn(model, "p", kinds, target_opset=21, **settings))


@pytest.mark.parametrize("kind", [BackpropClassifier, MLPClassifier])
@pytest.mark.parametrize("k", [2, 3])
def test_classifiers_in_a_pipeline(kind, k):
    X, y = data(k=k)
    model = make_pipeline(StandardScaler(), kind(**SHORT)).fit(X, np.array(list("abc"))[y])
    label, p = convert(model, zipmap=False).run(None, {"X": X})
    np.testing.assert_allclose(p, model.predict_proba(X), atol=1e-5)
    assert (label == model.predict(X)).mean() > 0.99


def test_the_options_of_skl2onnx():
    X, y = data()
    model = make_pipeline(StandardScaler(), BackpropClassifier(**SHORT)).fit(X, y * 10)
    session = convert(model)
    assert [o.name for o in session.get_outputs()] == ["output_label", "output_probability"]
    p = session.run(None, {"X": X})[1]
    np.testing.assert_allclose(pd.DataFrame(p)[[0, 10, 20]], model.predict_proba(X), atol=1e-5)
    label, _ = convert(model, zipmap=False, nocl=True).run(None, {"X": X})
    assert set(label) <= {0, 1, 2}
    names = [o.name for o in convert(model, zipmap="columns").get_outputs()]
    assert names == ["output_label", "i0", "i10", "i20"]
    classes = convert(model, zipmap=False, output_class_labels=True).run(None, {"X": X})[-1]
    assert classes.tolist() == [0, 10, 20]


@pytest.mark.parametrize("kind", [BackpropClassifier, MLPClassifier])
@pytest.mark.parametrize("k", [2, 3])
def test_what_calls_decision_function_gets_its_scores(kind, k):
    X, y = data(k=k)
    model = make_pipeline(StandardScaler(), kind(**SHORT)).fit(X, y)
    _, scores = convert(model, zipmap=False, raw_scores=True).run(None, {"X": X})
    expected = model.decision_function(X)
    expected = np.stack([-expected, expected], axis=1) if k == 2 else expected
    np.testing.assert_allclose(scores, expected, atol=1e-5)
    outer = [CalibratedClassifierCV(kind(**SHORT), cv=2, method="sigmoid")]
    # With two classes skl2onnx cannot stack scores of any estimator.
    for method in ("predict_proba", "decision_function")[: k - 1]:
        inner = [("network", kind(**SHORT))]
        outer.append(StackingClassifier(inner, cv=2, stack_method=method))
    for around in outer:
        around.fit(X, y)
        made = skl2onnx.to_onnx(around, X[:1], options={"zipmap": False}, target_opset=21)
        _, p = session_of(made).run(None, {"X": X})
        np.testing.assert_allclose(p, around.predict_proba(X), atol=1e-5)


@pytest.mark.parametrize("n_outputs", [1, 2])
@pytest.mark.parametrize("tensor", [FloatTensorType, DoubleTensorType])
def test_regressors_in_a_pipeline(n_outputs, tensor):
    X, _ = data()
    X = X.astype(np.float64 if tensor is DoubleTensorType else np.float32)
    y = 1e6 + X[:, :n_outputs]
    model = make_pipeline(StandardScaler(), BackpropRegressor(**SHORT))
    model.fit(X, y if n_outputs > 1 else y[:, 0])
    session = convert(model, [("X", tensor([None, 4]))])
    assert [o.name for o in session.get_outputs()] == ["variable"]
    (predicted,) = session.run(None, {"X": X})
    expected = model.predict(X).reshape(N, -1)
    np.testing.assert_allclose(predicted, expected, rtol=1e-6)
    assert predicted.dtype == X.dtype


def test_after_a_column_transformer():
    X, y = data()
    table = pd.DataFrame(X[:, :2], columns=["a", "b"])
    table["c"] = np.array(["u", "v", "w"])[np.arange(N) % 3]
    columns = ColumnTransformer(
        [("n", StandardScaler(), ["a", "b"]), ("c", OneHotEncoder(sparse_output=False), ["c"])]
    )
    model = make_pipeline(columns, BackpropClassifier(**SHORT)).fit(table, y)
    kinds = [(c, FloatTensorType([None, 1])) for c in "ab"] + [("c", StringTensorType([None, 1]))]
    session = convert(model, kinds, zipmap=False)
    given = {c: table[[c]].to_numpy(np.float32) for c in "ab"} | {
        "c": table[["c"]].to_numpy(object)
    }
    np.testing.assert_allclose(session.run(None, given)[1], model.predict_proba(table), atol=1e-5)


def test_multilabel_in_a_pipeline():
    X, _ = data()
    model = make_pipeline(StandardScaler(), BackpropClassifier(**SHORT)).fit(X, (X[:, :2] > 0) * 1)
    label, p = convert(model, zipmap=False).run(None, {"X": X})
    np.testing.assert_allclose(p, model.predict_proba(X), atol=1e-5)
    assert (label == model.predict(X)).mean() > 0.99


def test_what_a_pipeline_cannot_hold_is_refused():
    X, y = data()
    several = make_pipeline(StandardScaler(), BackpropClassifier(**SHORT))
    several.fit(X, np.stack([y, y[::-1]], axis=1))
    with pytest.raises(ValueError, match="several columns of labels"):
        convert(several)
    model = make_pipeline(StandardScaler(), BackpropClassifier(**SHORT)).fit(X, y)
    with pytest.raises(ValueError, match="needs target_opset=18 or later, got 15"):
        skl2onnx.convert_sklearn(
            model, initial_types=[("X", FloatTensorType([None, 4]))], target_opset=15
        )
    text = np.array(["u", "v", "w"], object)[np.arange(N) % 3].reshape(-1, 1)
    alone = BackpropClassifier(**SHORT).fit(text, y)
    with pytest.raises(ValueError, match="needs numbers"):
        skl2onnx.convert_sklearn(alone, initial_types=[("X", StringTensorType([None, 1]))])


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "skl2onnx", None)
    with pytest.raises(ImportError, match="register needs skl2onnx"):
        register()
