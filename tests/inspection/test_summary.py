"""A summary counts what is there."""

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop.inspection import summary, trace
from skbackprop.inspection.summary import n_inputs
from skbackprop.mlp import MLPClassifier
from skbackprop.nn import ACTIVATIONS, Activate, Dense, Network, Sequential
from skbackprop.nn.layers import CategoricalEmbedding, LayerNorm, Residual

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 3))
Y = np.digitize(X[:, 0] + X[:, 1], [-0.5, 0.5])
SMALL = {"max_iter": 2, "n_members": 3, "hidden_layer_sizes": (5, 4), "random_state": 0}
DEEP = {**SMALL, "residual": True, "normalization": "layer"}


@pytest.mark.parametrize("params", [SMALL, DEEP, {**SMALL, "n_members": 1}])
def test_all_parameters_are_counted_once(params):
    model = BackpropClassifier(**params).fit(X, Y)
    s = summary(model)
    assert sum(row["parameters"] for row in s.rows) == s.n_parameters == model.network_.theta.size
    assert sum(row["share"] for row in s.rows) == pytest.approx(1)
    assert f"{s.n_parameters:,} parameters" in repr(s)
    assert "dead" not in repr(s)


def test_the_statistics_are_those_of_the_activations():
    model = BackpropClassifier(**SMALL).fit(X, Y)
    rows = {row["layer"]: row for row in summary(model, X, Y).rows}
    hidden = model.activations(X, 0)
    assert rows["activate_2"]["mean"] == pytest.approx(hidden.mean(), rel=1e-5)
    assert rows["activate_2"]["std"] == pytest.approx(hidden.std(), rel=1e-5)
    assert rows["activate_2"]["output"] == "(3, n, 5)"
    assert rows["dropout_3"].get("mean") is None


def test_the_gradient_norm_is_that_of_the_members():
    model = BackpropRegressor(**SMALL).fit(X, X[:, 0])
    rows = {row["layer"]: row for row in summary(model, X, X[:, 0]).rows}
    traces = [trace(model, X, X[:, 0], member=m) for m in range(3)]
    squares = [(t[2].dW ** 2).sum() + (t[2].db ** 2).sum() for t in traces]
    assert rows["memberdense_4"]["gradient norm"] == pytest.approx(np.sqrt(np.mean(squares)))
    assert rows["activate_2"]["gradient norm"] is None


def test_dead_units_are_found():
    network = Network(Sequential((Dense(3, 4), Activate(ACTIVATIONS["relu"]), Dense(4, 1))))
    network.initialize(np.random.RandomState(0))
    network.p.dense_0.b[...] = [-100, 100, 0, -100]
    rows = summary(network, X).rows
    assert rows[1]["dead"] == 2
    assert rows[0]["dead"] is None
    assert "gradient norm" not in repr(summary(network, X))
    assert rows[2]["parameters"] == 5
    s = summary(network, X, X[:, 0], loss="squared_error")
    assert s.rows[0]["gradient norm"] > 0


def test_pipelines_frames_and_sparse_rows():
    plain = MLPClassifier((4,), max_iter=2, random_state=0)
    model = make_pipeline(StandardScaler(), plain).fit(X, Y)
    assert summary(model, X, Y).title == "MLPClassifier 3-4-3, float64, 31 parameters"
    sparse = MLPClassifier((4,), max_iter=2, random_state=0).fit(csr_matrix(X), Y)
    assert repr(summary(sparse, csr_matrix(X))) == repr(summary(sparse, X))
    frame = pd.DataFrame(summary(sparse, X, Y).rows)
    assert frame["parameters"].tolist() == [16, 0, 15]


def test_the_html_has_the_same_cells():
    s = summary(BackpropClassifier(**SMALL).fit(X, Y), X)
    html = s._repr_html_()
    assert html.count("<tr>") == 1 + len(s.rows)
    assert "memberdense_4" in html


def test_the_inputs_of_every_first_layer_are_counted():
    assert n_inputs(Residual(Dense(3, 3))) == 3
    assert n_inputs(Sequential((LayerNorm((4,)), Dense(4, 1)))) == 4
    assert n_inputs(CategoricalEmbedding((2, 5))) == 2
    table = pd.DataFrame({"a": X[:, 0], "b": RNG.choice(list("abcdefghijklm"), 60)})
    assert len(summary(BackpropClassifier(**SMALL).fit(table, Y)).rows) == 8


def test_errors_say_what_to_do():
    model, network = BackpropClassifier(**SMALL).fit(X, Y), Network(Dense(3, 1))
    with pytest.raises(ValueError, match="two rows or more, got 1"):
        summary(model, X[:1])
    with pytest.raises(ValueError, match="got y without X"):
        summary(model, y=Y)
    with pytest.raises(ValueError, match="needs a loss, got loss=None"):
        summary(network, X, X[:, 0])
    with pytest.raises(ValueError, match=r"a y for each of the \d+ rows, got \d"):
        summary(model, X, Y[:9])
    with pytest.raises(ValueError, match="labels that the model does not know"):
        summary(model, X, np.where(np.arange(len(Y)) == 3, "new", Y))
    with pytest.raises(ValueError, match="has a loss of its own"):
        summary(model, X, Y, loss="squared_error")
    with pytest.raises(ValueError, match="loss must be one of .*got 'mse'"):
        summary(network, X, X[:, 0], loss="mse")
