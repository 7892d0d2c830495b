"""MLflow: the signature of a model, saved models that predict the same, and autolog."""

import numpy as np
import pandas as pd
import pytest
from sklearn.pipeline import make_pipeline

from skbackprop import BackpropClassifier, BackpropRegressor

# MLflow warns of its own store and formats, and calls scikit-learn by old names.
pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.slow]
BOTH = pytest.mark.parametrize("Estimator", [BackpropClassifier, BackpropRegressor])


@pytest.fixture
def mlflow(tmp_path, monkeypatch):
    """The package, with its store in a folder of the test, and without a network."""
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    mlflow = pytest.importorskip("mlflow")
    pytest.importorskip("mlflow.sklearn")
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri((tmp_path / "runs").as_uri())
    yield mlflow
    mlflow.sklearn.autolog(disable=True)
    mlflow.set_tracking_uri(before)


def raw_table(Estimator):
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"a": rng.normal(size=60), "c": rng.choice(["red", "blue"], 60)})
    y = X["a"].to_numpy() + rng.normal(size=60)
    X.loc[3, "a"] = np.nan
    return X, np.where(y > 0, "yes", "no") if Estimator is BackpropClassifier else y


@BOTH
@pytest.mark.parametrize("serialization_format", ["skops", "cloudpickle"])
def test_a_saved_model_has_a_signature_and_predicts_the_same(
    Estimator, serialization_format, mlflow, tmp_path
):
    X, y = raw_table(Estimator)
    model = Estimator(max_iter=3, random_state=0).fit(X, y)
    signature = mlflow.models.infer_signature(X, model.predict(X))
    assert [(c.name, c.type.name) for c in signature.inputs] == [("a", "double"), ("c", "string")]
    assert len(signature.outputs) == 1
    ours = f"{Estimator.__module__}.{Estimator.__qualname__}"
    trust = {"skops_trusted_types": [ours]} if serialization_format == "skops" else {}
    path = str(tmp_path / "model")
    mlflow.sklearn.save_model(
        model,
        path,
        signature=signature,
        serialization_format=serialization_format,
        pip_requirements=[],
        **trust,
    )
    same = mlflow.sklearn.load_model(path)
    np.testing.assert_array_equal(same.predict(X), model.predict(X))
    served = mlflow.pyfunc.load_model(path)
    assert served.metadata.signature == signature
    np.testing.assert_array_equal(served.predict(X), model.predict(X))


@BOTH
def test_autolog_has_parameters_scores_and_the_model(Estimator, mlflow):
    X, y = raw_table(Estimator)
    # MLflow follows `fit` of scikit-learn's own classes: here, of the pipeline.
    model = make_pipeline("passthrough", Estimator(max_iter=3, random_state=0))
    mlflow.sklearn.autolog(silent=True)
    with mlflow.start_run() as run:
        model.fit(X, y)
    mlflow.sklearn.autolog(disable=True)
    logged = mlflow.get_run(run.info.run_id)
    assert logged.data.params[f"{Estimator.__name__.lower()}__max_iter"] == "3"
    assert logged.data.metrics["training_score"] == pytest.approx(model.score(X, y))
    (output,) = logged.outputs.model_outputs
    found = mlflow.pyfunc.load_model(f"models:/{output.model_id}")
    assert found.metadata.signature.inputs.input_names() == ["a", "c"]
    np.testing.assert_array_equal(found.predict(X), model.predict(X))
