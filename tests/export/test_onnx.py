"""Exported models predict in onnxruntime what the estimators predict."""

import sys

import numpy as np
import pandas as pd
import pytest

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from runtime import run, session_of  # noqa: E402

from skbackprop import (  # noqa: E402
    BackpropClassifier,
    BackpropRegressor,
    LogLoss,
    NumericEmbedding,
    TableEncoding,
)
from skbackprop.mlp import MLPClassifier, MLPRegressor  # noqa: E402
from skbackprop.nn.activations import ACTIVATIONS  # noqa: E402
from skbackprop.nn.losses import Huber, Pinball  # noqa: E402
from skbackprop.onnx import to_onnx  # noqa: E402

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:Columns of X that hold text:UserWarning"),
    pytest.mark.filterwarnings("ignore:Column .* texts that are not:UserWarning"),
]

N = 240
SHORT = {"max_iter": 4, "random_state": 0, "early_stopping": False}


def numeric(seed=0):
    return np.random.default_rng(seed).normal(size=(N, 5))


def numeric_with_missing(seed=0):
    X = numeric(seed)
    X[np.random.default_rng(seed).random(X.shape) < 0.1] = np.nan
    return X


def related(seed=0):
    """Columns with something in common, which are whitened."""
    X = numeric(seed) + 2 * numeric(seed + 2)[:, :1]
    X[:5, 1] = np.nan
    return X


def mixed(seed=0):
    """A table with a column of every kind."""
    rng = np.random.default_rng(seed)
    when = pd.Timestamp("1969-06-01") + pd.to_timedelta(rng.integers(0, 2 * 10**9, N), unit="s")
    towns = [*"abcdefghijkl", "Besançon"]
    X = pd.DataFrame(
        {
            "age": rng.integers(18, 90, N),
            "income": np.where(rng.random(N) < 0.2, np.nan, rng.lognormal(10, 2, N)),
            "town": rng.choice([*towns, None], N),
            "color": pd.Categorical(rng.choice(["red", "green", "blue"], N)),
            "member": rng.random(N) < 0.3,
            "grade": pd.Categorical(rng.choice([1, 2, 3], N)),
            "when": when,
            "stay": pd.to_timedelta(rng.integers(0, 10**6, N), unit="s"),
            "paid": [f"{value:.2f}" for value in rng.normal(0, 100, N)],
            "day": when.strftime("%Y-%m-%d"),
            "minute": when.strftime("%Y-%m-%d %H:%M"),
            "moment": when.strftime("%Y-%m-%dT%H:%M:%S"),
            "constant": 1,
        }
    )
    X.loc[3, "when"], X.loc[5:20, "paid"], X.loc[7, "day"] = pd.NaT, "n/a", "unknown"
    return X


def mixed_with_unseen():
    """Rows as `mixed` makes them, with levels and texts that it does not make."""
    X = mixed(1)
    X["color"] = X["color"].astype(object)
    X.loc[10:30, "town"], X.loc[20:40, "color"] = "elsewhere", "violet"
    X.loc[:9, "color"], X.loc[:9, "day"], X.loc[30:35, "paid"] = None, None, None
    return X


def arrays():
    """An array of objects: columns without names."""
    X = np.empty((N, 2), object)
    X[:, 0], X[:, 1] = numeric()[:, 0], np.array(["x", "y", None], object)[np.arange(N) % 3]
    return X


TABLES = {
    "numeric": (numeric(), numeric(1)),
    "missing": (numeric_with_missing(), numeric_with_missing(1)),
    "related": (related(), related(1)),
    "mixed": (mixed(), mixed_with_unseen()),
    "objects": (arrays(), arrays()[::-1]),
}
LABELS = {
    "two strings": np.array(["no", "yes"]),
    "three strings": np.array(["a", "é", "c"]),
    "integers": np.array([-5, 7, 40, 2**40]),
    "booleans": np.array([False, True]),
    "floats": np.array([0.0, 1.0, 2.0]),
    "objects": np.array(["u", "v"], dtype=object),
}


def classes(k, seed=0):
    """Numbers of classes that depend on `numeric`."""
    return np.digitize(numeric(seed)[:, 0], np.linspace(-1, 1, k - 1) if k > 2 else [0.0])


def assert_same_classes(model, X, outputs, tolerance=1e-5):
    p, label = model.predict_proba(X), model.predict(X)
    assert len(p) >= 200
    np.testing.assert_allclose(outputs["probabilities"], p, rtol=0, atol=tolerance)
    ordered = np.sort(p, axis=1)
    tied = ordered[:, -1] - ordered[:, -2] < 2 * tolerance
    equal = np.asarray(label == outputs["label"])
    assert equal[~tied].all()
    assert tied.mean() < 0.05


def assert_same_numbers(model, X, outputs, tolerance=1e-5):
    y = model.predict(X)
    assert len(y) >= 200
    assert outputs["variable"].shape == y.reshape(len(y), -1).shape
    np.testing.assert_allclose(
        outputs["variable"], y.reshape(len(y), -1), rtol=tolerance, atol=tolerance * y.std()
    )


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("sampled", [False, True])
@pytest.mark.parametrize("k", [2, 3])
def test_classifiers_of_every_table(table, sampled, k):
    X, X_new = TABLES[table]
    model = BackpropClassifier(**SHORT).fit(X, classes(k))
    outputs = run(model, X_new, X[:5] if sampled else None)
    assert_same_classes(model, X_new, outputs)
    assert outputs["probabilities"].dtype == np.float32
    assert outputs["label"].dtype == np.int64


@pytest.mark.parametrize("table", TABLES)
def test_regressors_of_every_table(table):
    X, X_new = TABLES[table]
    model = BackpropRegressor(**SHORT).fit(X, 100 + 5 * numeric()[:, 0])
    assert_same_numbers(model, X_new, run(model, X_new, X[:5]))


def test_whitened_columns_are_exported():
    counts = []
    for share in (1.0, 0.0):
        model = BackpropRegressor(feature_encoding=TableEncoding(whitened=share), **SHORT)
        model.fit(related(), numeric()[:, 0])
        counts.append([node.op_type for node in to_onnx(model).graph.node].count("MatMul"))
    assert counts[0] == counts[1] + 1


def test_all_columns_of_the_mixed_table_are_read():
    names = [i.name for i in session_of(to_onnx(fitted_to_mixed())).get_inputs()]
    assert names == [name for name in mixed().columns if name != "constant"]


def fitted_to_mixed():
    return BackpropClassifier(**SHORT).fit(mixed(), classes(2))


def test_a_sample_decides_the_types_of_numbers():
    model = fitted_to_mixed()
    kinds = {
        name: [i.type for i in session_of(to_onnx(model, sample)).get_inputs()]
        for name, sample in (("none", None), ("sample", mixed()[:2]))
    }
    assert kinds["none"][:3] == ["tensor(float)", "tensor(float)", "tensor(string)"]
    assert kinds["sample"][:3] == ["tensor(int64)", "tensor(double)", "tensor(string)"]


@pytest.mark.parametrize("labels", LABELS)
def test_labels_keep_their_type(labels):
    names = LABELS[labels]
    y = names[classes(len(names))]
    model = BackpropClassifier(**SHORT).fit(numeric(), y)
    outputs = run(model, numeric(1))
    assert_same_classes(model, numeric(1), outputs)
    assert outputs["label"].dtype == (object if names.dtype.kind in "UO" else np.int64)


@pytest.mark.parametrize("preset", ["fast", "auto", "best", "plain"])
def test_every_preset(preset):
    settings = {"max_iter": 4, "random_state": 0}
    X, X_new = TABLES["numeric" if preset == "plain" else "mixed"]
    model = BackpropClassifier(preset=preset, **settings).fit(X, classes(3))
    assert_same_classes(model, X_new, run(model, X_new, X[:5]))
    model = BackpropRegressor(preset=preset, **settings).fit(X, numeric()[:, 1])
    assert_same_numbers(model, X_new, run(model, X_new, X[:5]))


@pytest.mark.parametrize("sharing", ["independent", "batch", "mini"])
@pytest.mark.parametrize("embedding", ["piecewise", "periodic", "both", None])
def test_members_and_embeddings(sharing, embedding):
    X, X_new = TABLES["mixed"]
    settings = {"n_members": 3, "member_sharing": sharing, "numeric_embedding": embedding, **SHORT}
    model = BackpropClassifier(**settings).fit(X, classes(3))
    assert_same_classes(model, X_new, run(model, X_new, X[:5]))


@pytest.mark.parametrize("normalization", ["batch", "layer", "rms"])
@pytest.mark.parametrize("n_members", [1, 3])
def test_normalization_and_residual_connections(normalization, n_members):
    settings = {"normalization": normalization, "residual": True, "n_members": n_members, **SHORT}
    model = BackpropClassifier((16, 16, 8), preset="plain", **settings)
    model.fit(numeric(), classes(3))
    assert_same_classes(model, numeric(1), run(model, numeric(1)))


@pytest.mark.parametrize("n_members", [1, 3])
def test_learned_scales_and_dropout(n_members):
    model = BackpropClassifier(
        feature_encoding=TableEncoding(learned_scale=True),
        dropout=0.3,
        n_members=n_members,
        **SHORT,
    ).fit(numeric(), classes(2))
    assert_same_classes(model, numeric(1), run(model, numeric(1)))


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_activation(activation, dtype):
    settings = SHORT | {"learning_rate_init": 1e-4 if activation == "exp" else "auto"}
    model = BackpropRegressor((16, 8), activation, **settings).fit(numeric(), numeric()[:, 0])
    assert_same_numbers(model, numeric(1), run(model, numeric(1), numeric(), dtype=dtype))


@pytest.mark.parametrize("cst", [[1, 0, 0, -1, 0], [1, 1, 1, -1, -1]])
@pytest.mark.parametrize("n_members", [1, 3])
def test_monotone_networks(n_members, cst):
    encoding = TableEncoding(monotonic_cst=cst)
    model = BackpropRegressor(feature_encoding=encoding, n_members=n_members, **SHORT)
    model.fit(numeric(), numeric()[:, 0])
    assert_same_numbers(model, numeric(1), run(model, numeric(1)))


def test_double_precision():
    X = 1e4 * numeric() + 1e6
    model = MLPRegressor(**SHORT).fit(X, numeric()[:, 0])
    outputs = run(model, X, X, dtype="float64")
    assert outputs["variable"].dtype == np.float64
    assert_same_numbers(model, X, outputs, 1e-12)


def test_calibrated_probabilities():
    model = BackpropClassifier(
        calibration="temperature", n_members=3, max_iter=10, random_state=0
    ).fit(numeric(), classes(3))
    assert abs(model._fitted.temperature - 1) > 0.01
    assert_same_classes(model, numeric(1), run(model, numeric(1)))


@pytest.mark.parametrize("n_members", [1, 3])
@pytest.mark.parametrize("loss", ["poisson", "gamma", "tweedie", "squared_error", "huber"])
def test_losses_of_numbers(loss, n_members):
    y = np.exp(numeric()[:, :2] * 2)
    model = BackpropRegressor(loss=loss, n_members=n_members, **SHORT).fit(numeric(), y)
    assert_same_numbers(model, numeric(1), run(model, numeric(1)))


@pytest.mark.parametrize("loss", [Pinball((0.1, 0.5, 0.9)), Huber(0.5), "absolute_error"])
@pytest.mark.parametrize("n_outputs", [1, 2])
def test_quantiles_and_several_outputs(loss, n_outputs):
    y = numeric()[:, :n_outputs] * [10, 1000][:n_outputs] - 7
    model = BackpropRegressor(loss=loss, clip_predictions=True, **SHORT).fit(
        numeric(), y if n_outputs > 1 else y[:, 0]
    )
    outputs = run(model, 3 * numeric(1))
    assert_same_numbers(model, 3 * numeric(1), outputs)
    assert outputs["variable"].shape[1] == n_outputs * (3 if isinstance(loss, Pinball) else 1)


def test_a_target_with_a_large_offset_is_double():
    model = BackpropRegressor(**SHORT).fit(numeric(), 1.7e9 + numeric()[:, 0])
    outputs = run(model, numeric(1), numeric(1))
    assert outputs["variable"].dtype == np.float64
    np.testing.assert_allclose(outputs["variable"][:, 0], model.predict(numeric(1)), rtol=1e-14)


@pytest.mark.parametrize("unit", [1e40, 1e-42])
def test_a_target_beyond_single_precision_is_double(unit):
    model = BackpropRegressor(**SHORT).fit(numeric(), unit * numeric()[:, 0])
    outputs = run(model, numeric(1))
    assert outputs["variable"].dtype == np.float64
    np.testing.assert_allclose(
        outputs["variable"][:, 0] / unit, model.predict(numeric(1)) / unit, atol=1e-5
    )


def test_columns_with_a_large_offset_are_double():
    X, X_new = numeric(), numeric(1)
    X[:, 0], X_new[:, 0] = X[:, 0] + 1.7e9, X_new[:, 0] + 1.7e9
    model = BackpropClassifier(**SHORT).fit(X, classes(2))
    assert session_of(to_onnx(model)).get_inputs()[0].type == "tensor(double)"
    assert_same_classes(model, X_new, run(model, X_new))


def test_multilabel():
    y = (numeric()[:, :3] > 0).astype(int)
    model = BackpropClassifier(n_members=2, **SHORT).fit(numeric(), y)
    outputs = run(model, numeric(1))
    np.testing.assert_allclose(outputs["probabilities"], model.predict_proba(numeric(1)), atol=1e-5)
    assert (outputs["label"] == model.predict(numeric(1))).mean() > 0.999
    assert outputs["label"].dtype == np.int64


@pytest.mark.parametrize("n_members", [1, 2])
def test_several_columns_of_labels_have_a_pair_of_outputs_each(n_members):
    y = np.stack([classes(3), classes(2) * 10], axis=1)
    model = BackpropClassifier(n_members=n_members, **SHORT).fit(numeric(), y)
    outputs = run(model, numeric(1))
    assert list(outputs) == ["label_0", "probabilities_0", "label_1", "probabilities_1"]
    label = model.predict(numeric(1))
    for i, p in enumerate(model.predict_proba(numeric(1))):
        np.testing.assert_allclose(outputs[f"probabilities_{i}"], p, atol=1e-5)
        assert (outputs[f"label_{i}"] == label[:, i]).mean() > 0.99


def test_one_class():
    model = BackpropClassifier(**SHORT).fit(numeric(), np.repeat("only", N))
    outputs = run(model, numeric(1))
    assert set(outputs["label"]) == {"only"}
    assert (outputs["probabilities"] == 1).all()


def test_smoothed_labels_and_the_mlp_classes():
    model = BackpropClassifier(loss=LogLoss(0.1), **SHORT).fit(numeric(), classes(3))
    assert_same_classes(model, numeric(1), run(model, numeric(1)))
    model = MLPClassifier((10,), **SHORT).fit(numeric(), classes(3))
    assert_same_classes(model, numeric(1), run(model, numeric(1)))


def test_embeddings_without_an_encoding():
    model = BackpropClassifier(
        feature_encoding=None, numeric_embedding=NumericEmbedding("both"), **SHORT
    ).fit(numeric(), classes(3))
    assert_same_classes(model, numeric(1), run(model, numeric(1)))


def test_a_sparse_table_is_a_matrix():
    from scipy.sparse import csr_matrix

    X = np.where(np.abs(numeric()) > 1, numeric(), 0)
    model = BackpropClassifier(**SHORT).fit(csr_matrix(X), classes(2))
    assert_same_classes(model, csr_matrix(X), run(model, X))


def test_a_table_without_a_column_that_varies():
    X = np.ones((N, 2))
    model = BackpropClassifier(**SHORT).fit(X, classes(2))
    outputs = run(model, X)
    np.testing.assert_allclose(outputs["probabilities"], model.predict_proba(X), atol=1e-6)


@pytest.mark.parametrize("kind", [int, float, str])
def test_categories_of_numbers(kind):
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 15, N)
    X = pd.DataFrame({"id": (codes * 1.5 if kind is float else codes).astype(kind), "x": 0.5})
    X["x"] = rng.normal(size=N)
    X_new = X.copy()
    X_new.loc[:9, "id"] = kind(99)
    model = BackpropClassifier(categorical_features=["id"], **SHORT).fit(X, classes(3))
    for sample in (None, X):
        assert_same_classes(model, X_new, run(model, X_new, sample))


def test_each_number_of_a_frame_has_the_type_of_the_sample():
    X = pd.DataFrame({"a": classes(3), "b": numeric()[:, 0], "c": numeric()[:, 1] > 0})
    model = BackpropClassifier(categorical_features=["a"], **SHORT).fit(X, classes(2))
    kinds = [i.type for i in session_of(to_onnx(model, X.astype({"b": np.float32}))).get_inputs()]
    assert kinds == ["tensor(int64)", "tensor(float)", "tensor(int64)"]


def test_large_identifiers_are_not_confused():
    ids = np.repeat(2**24 + np.arange(12), N // 12)
    X = pd.DataFrame({"id": ids, "x": numeric()[:, 0]})
    model = BackpropClassifier(categorical_features=["id"], **SHORT).fit(X, ids % 2)
    assert_same_classes(model, X, run(model, X))
    X["id"] += 2**60
    model = BackpropClassifier(categorical_features=["id"], **SHORT).fit(X, ids % 2)
    assert_same_classes(model, X, run(model, X))


def test_large_identifiers_of_an_array_are_not_confused():
    ids = 2**60 + np.repeat(np.arange(12), N // 12)
    X = np.stack([np.arange(N), ids], axis=1)
    model = BackpropClassifier(categorical_features=[1], **SHORT).fit(X, ids % 2)
    for sample in (None, X):
        assert_same_classes(model, X, run(model, X, sample))


def test_days_that_do_not_exist_are_missing():
    days = pd.date_range("1890-01-01", "2110-01-01", N).strftime("%Y-%m-%d").to_numpy(object)
    model = BackpropRegressor(**SHORT).fit(days[:, None], np.arange(N))
    odd = ["2023-02-29", "2024-02-29", "1900-02-29", "2000-02-29", "2024-04-31", "2024-12-31"]
    odd += ["2024-13-01", "0000-01-01", "2024-01-00", "2024-1-1", "", "2024-01-31T24:00"]
    odd += ["2024-01-31 23:59:59.123456", "1969-12-31T23:59:59", "0400-02-29", "0001-03-01"]
    new = np.array((odd * N)[:N], object)[:, None]
    assert_same_numbers(model, new, run(model, new))


def test_integers_that_were_missing_in_fit_are_double():
    X = pd.DataFrame({"a": np.where(np.arange(N) % 9, np.arange(N), np.nan), "b": range(N)})
    model = BackpropClassifier(**SHORT).fit(X, classes(2))
    sample = pd.DataFrame({"a": [1, 2], "b": [3, 4]})
    assert session_of(to_onnx(model, sample)).get_inputs()[0].type == "tensor(double)"
    assert_same_classes(model, X, run(model, X, sample))


def test_names_of_columns_never_collide():
    X = mixed()[["town", "age", "color"]].set_axis(["label", "constant", "probabilities"], axis=1)
    model = BackpropClassifier(**SHORT).fit(X, classes(2))
    session = session_of(to_onnx(model))
    assert [i.name for i in session.get_inputs()] == [
        "label_input",
        "constant",
        "probabilities_input",
    ]


# ---- what is refused -------------------------------------------------------------------------


def test_text_in_a_notation_is_refused_by_name():
    X = mixed()[["age"]].assign(price=[f"${value},000" for value in range(100, 100 + N)])
    model = BackpropRegressor(**SHORT).fit(X, numeric()[:, 0])
    with pytest.raises(ValueError, match=r"Column 'price' holds numbers .* Convert it to numbers"):
        to_onnx(model)


def test_dates_in_a_notation_are_refused_by_name():
    dates = pd.Timestamp("2020-01-01") + pd.to_timedelta(np.arange(N), unit="D")
    X = mixed()[["age"]].assign(day=dates.strftime("%d.%m.%Y"))
    model = BackpropRegressor(**SHORT).fit(X, numeric()[:, 0])
    with pytest.raises(ValueError, match="Column 'day' holds dates"):
        to_onnx(model)


class Square:
    def forward(self, z, out):
        np.multiply(z, z, out=out)

    def backward(self, z, y, d):
        d *= 2 * z


class OwnLoss:
    def value_and_delta(self, target, scores, weight, out):
        np.multiply(np.reshape(weight, (-1, 1)), scores - target, out=out)
        return float(np.sum(out * (scores - target)) / 2)

    def predict(self, scores):
        return scores


def test_parts_of_the_user_are_refused_by_name():
    model = BackpropRegressor(activation=Square(), **SHORT).fit(numeric(), numeric()[:, 0])
    with pytest.raises(ValueError, match="The activation Square has no ONNX formula"):
        to_onnx(model)
    model = BackpropRegressor(loss=OwnLoss(), **SHORT).fit(numeric(), numeric()[:, 0])
    with pytest.raises(ValueError, match="has no ONNX formula"):
        to_onnx(model)


def test_integers_of_more_than_64_bits_are_refused_by_name():
    ids = np.array([2**70 + i % 12 for i in range(N)], object)
    X = pd.DataFrame({"id": ids, "x": numeric()[:, 0]})
    model = BackpropClassifier(categorical_features=["id"], **SHORT).fit(X, classes(2))
    with pytest.raises(ValueError, match="Column 'id' holds integers of more than 64 bits"):
        to_onnx(model)


def test_labels_of_other_types_are_refused():
    y = np.array([pd.Timestamp("2020-01-01"), pd.Timestamp("2021-01-01")], object)[classes(2)]
    model = BackpropClassifier(**SHORT).fit(numeric(), y)
    with pytest.raises(ValueError, match="int64 and string"):
        to_onnx(model)


def test_wrong_arguments_are_refused():
    from sklearn.exceptions import NotFittedError
    from sklearn.linear_model import LogisticRegression

    with pytest.raises(NotFittedError):
        to_onnx(BackpropClassifier())
    with pytest.raises(TypeError, match="LogisticRegression"):
        to_onnx(LogisticRegression())
    model = BackpropClassifier(**SHORT).fit(numeric(), classes(2))
    with pytest.raises(ValueError, match="X_sample needs 5 columns"):
        to_onnx(model, numeric()[:, :3])
    frame = pd.DataFrame(numeric(), columns=list("abcde"))
    model = BackpropClassifier(**SHORT).fit(frame, classes(2))
    with pytest.raises(ValueError, match="same order"):  # else the types would be those of others
        to_onnx(model, frame[list("edcba")])
    with pytest.raises(ValueError, match="dtype needs one of float32, float64, got 'half'"):
        to_onnx(model, dtype="half")


def test_a_missing_package_is_named(monkeypatch):
    model = BackpropClassifier(**SHORT).fit(numeric(), classes(2))
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ImportError, match=r'pip install "skbackprop\[onnx\]"'):
        to_onnx(model)


def test_the_graph_has_opset_20_and_no_training_parts():
    model = BackpropClassifier(dropout=0.5, **SHORT).fit(numeric(), classes(2))
    made = to_onnx(model)
    assert {o.domain: o.version for o in made.opset_import} == {"": 20, "ai.onnx.ml": 4}
    assert "Dropout" not in {node.op_type for node in made.graph.node}
    held = sum(np.prod(tensor.dims) for tensor in made.graph.initializer)
    assert held < 1.1 * model._fitted.network.theta.size + 1000
