"""A trace has the arrays of the network itself, under the right names."""

from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop.inspection import trace
from skbackprop.inspection.markup import as_html, as_text, png, rgba
from skbackprop.inspection.models import one_member, open_model
from skbackprop.inspection.naming import Namer
from skbackprop.inspection.record import record_pass
from skbackprop.mlp import MLPClassifier
from skbackprop.nn import ACTIVATIONS, Dense, Network, Residual, Sequential, mlp
from skbackprop.nn.losses import LOSSES, Loss
from skbackprop.optim import Adam

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
RNG = np.random.default_rng(0)
TABLE = pd.DataFrame(
    {
        "size": RNG.normal(size=80),
        "price": RNG.lognormal(size=80),
        "city": RNG.choice(list("abcdefghijklmnop"), 80),
        "new": RNG.choice(["yes", "no"], 80),
    }
)
LABELS = np.array(["low", "mid", "top"])[np.digitize(TABLE["size"] + TABLE["price"], [0.5, 1.5])]
NUMBERS = TABLE["size"].to_numpy() + TABLE["price"].to_numpy()

SMALL = {"max_iter": 3, "n_members": 2, "hidden_layer_sizes": (5, 5), "random_state": 0}
PLAIN = {"preset": "plain", "max_iter": 3, "hidden_layer_sizes": (4, 3), "random_state": 0}
MODELS = {
    "default": SMALL,
    "residual and layer norm": {**SMALL, "residual": True, "normalization": "layer"},
    "batch norm": {**SMALL, "normalization": "batch", "solver": Adam(averaging=None)},
    "another width": {**SMALL, "residual": True, "hidden_layer_sizes": (5, 4)},
    "periodic": {**SMALL, "numeric_embedding": "periodic"},
    "shared": {**SMALL, "member_sharing": "batch"},
    "mini": {**SMALL, "member_sharing": "mini"},
    "one member": {**SMALL, "n_members": 1},
}


def fit(name, Estimator=BackpropClassifier):
    y = LABELS if Estimator is BackpropClassifier else NUMBERS
    return Estimator(**MODELS[name]).fit(TABLE, y)


@pytest.mark.parametrize("name", MODELS)
def test_the_members_together_predict_what_the_model_predicts(name):
    model = BackpropClassifier(calibration=None, **MODELS[name]).fit(TABLE, LABELS)
    traces = [trace(model, TABLE[:5], member=m) for m in range(MODELS[name]["n_members"])]
    mean = np.mean([t[-1].a for t in traces], axis=0)
    np.testing.assert_allclose(mean, model.predict_proba(TABLE[:5]), rtol=0, atol=1e-6)


def test_a_calibration_is_off_and_a_note_says_so():
    model, raw = (
        BackpropClassifier(calibration=calibration, **SMALL).fit(TABLE, LABELS)
        for calibration in ("temperature", None)
    )
    t, without = trace(model, TABLE[:5], LABELS[:5]), trace(raw, TABLE[:5], LABELS[:5])
    np.testing.assert_array_equal(t[-1].a, without[-1].a)
    np.testing.assert_array_equal(t[-1].delta, without[-1].delta)
    note = f"temperature {model._fitted.temperature:.4g}: off, as in training"
    assert t.notes == [*without.notes, note]
    assert note in str(t)


@pytest.mark.parametrize("Estimator", [BackpropClassifier, BackpropRegressor])
@pytest.mark.parametrize("name", MODELS)
def test_every_gradient_is_a_slope_of_the_loss(name, Estimator):
    model, y = fit(name, Estimator), LABELS if Estimator is BackpropClassifier else NUMBERS
    t = trace(model, TABLE[:6], y[:6], member=MODELS[name]["n_members"] - 1)
    network, _ = one_member(model, MODELS[name]["n_members"] - 1)
    args = t["a⁽⁰⁾"], t["y"], model._fitted.loss
    steps = Namer(record_pass(network, *args)).steps
    named = {array: path for step in steps for array, path in step.arrays.items()}
    assert set(named.values()) == set(network.layout.trained)
    for array, path in named.items():
        slice_ = network.layout.trained[path][0]
        gradient = np.ravel(t[f"∂L/∂{array}"])
        assert gradient.size == slice_.stop - slice_.start
        for i in {0, int(np.argmax(np.abs(gradient)))}:
            losses = []
            for step in (1e-5, -1e-5):
                theta = network.theta.copy()
                theta[slice_.start + i] += step
                losses.append(record_pass(network.over(theta), *args).loss)
            assert (losses[0] - losses[1]) / 2e-5 == pytest.approx(gradient[i], rel=1e-5, abs=1e-8)
        np.testing.assert_allclose(t[f"new {array}"], t[array] - 0.1 * t[f"∂L/∂{array}"])


@pytest.mark.parametrize("name", ["residual and layer norm", "another width", "batch norm"])
def test_the_derivative_of_the_input_is_a_slope(name):
    model = fit(name)
    t, (network, _) = trace(model, TABLE[:1], LABELS[:1]), one_member(model, 0)
    for j in range(2):  # the numbers; codes of categories have no slope
        losses = []
        for step in (1e-6, -1e-6):
            x = t["a⁽⁰⁾"].copy()
            x[0, j] += step
            losses.append(record_pass(network, x, t["y"], model._fitted.loss).loss)
        assert (losses[0] - losses[1]) / 2e-6 == pytest.approx(t["∂L/∂a⁽⁰⁾"][0, j], rel=1e-4)


@pytest.mark.parametrize("loss", ["squared_error", "poisson", "multiclass_log_loss"])
@pytest.mark.parametrize("n", [1, 3])
def test_the_formulas_of_the_textbooks_hold(loss, n):
    network = Network(mlp(3, (4, 3), 2, activations=[ACTIVATIONS["tanh"]]))
    network.initialize(np.random.RandomState(0))
    x, y = RNG.normal(size=(n, 3)), np.eye(2)[RNG.integers(2, size=n)]
    t = trace(network, x, y, loss=loss, learning_rate=0.5)
    assert len(t) == 4
    for layer in (1, 2, 3):
        now, below = t[layer], t[layer - 1]
        np.testing.assert_allclose(now.z, below.a @ now.W + now.b)
        np.testing.assert_allclose(now.dW, below.a.T @ now.delta)
        np.testing.assert_allclose(now.db, now.delta.sum(axis=0))
        np.testing.assert_allclose(now.new_W, now.W - 0.5 * now.dW)
        np.testing.assert_allclose(now.new_b, now.b - 0.5 * now.db)
        if layer < 3:
            np.testing.assert_allclose(now.a, np.tanh(now.z))
            above = t[layer + 1]
            np.testing.assert_allclose(now.delta, above.delta @ above.W.T * (1 - now.a**2))
    np.testing.assert_allclose(t[3].a, LOSSES[loss].predict(t[3].z))
    np.testing.assert_allclose(t[3].delta, (t[3].a - y) / n)
    assert t["∂L/∂a⁽⁰⁾"] == pytest.approx(t[1].delta @ t[1].W.T)


def test_the_formulas_of_other_layers_hold():
    t = trace(fit("residual and layer norm"), TABLE[:3], LABELS[:3])
    x, scale, delta = t["TableInput⁽⁰⁾"], t["scale⁽¹⁾"], t[1].delta
    np.testing.assert_allclose(t[1].z, (scale * x) @ t[1].W + t[1].b)
    np.testing.assert_allclose(t[1].dW, (scale * x).T @ delta)
    np.testing.assert_allclose(t["∂L/∂TableInput⁽⁰⁾"], scale * (delta @ t[1].W.T))
    weight, of_block = t["ReZero⁽²⁾.residual_weight"], t["∂L/∂ReZero⁽²⁾"]
    np.testing.assert_allclose(t["ReZero⁽²⁾"], t[1].a + weight * t[2].a)
    np.testing.assert_allclose(of_block, t[3].delta @ t[3].W.T)
    np.testing.assert_allclose(t["∂L/∂a⁽²⁾"], weight * of_block)
    np.testing.assert_allclose(t["∂L/∂ReZero⁽²⁾.residual_weight"], np.sum(of_block * t[2].a))
    np.testing.assert_allclose(t["∂L/∂a⁽¹⁾"], t[2].delta @ t[2].W.T + of_block)
    t = trace(fit("shared"), TABLE[:3], LABELS[:3], member=1)
    r, s = t["r⁽²⁾"], t["s⁽²⁾"]
    np.testing.assert_allclose(t[2].z, (r * t[1].a) @ t[2].W * s + t[2].b)
    np.testing.assert_allclose(t[2].dW, (r * t[1].a).T @ (t[2].delta * s))
    np.testing.assert_allclose(t["∂L/∂a⁽¹⁾"], r * ((t[2].delta * s) @ t[2].W.T))
    formulas = {entry.name: entry.formula for entry in t.entries}
    assert formulas["z⁽²⁾"] == "(r⁽²⁾ · a⁽¹⁾) W⁽²⁾ · s⁽²⁾ + b⁽²⁾"
    assert formulas["∂L/∂W⁽²⁾"] == "(r⁽²⁾ · a⁽¹⁾)ᵀ (δ⁽²⁾ · s⁽²⁾)"
    assert formulas["∂L/∂a⁽¹⁾"] == "r⁽²⁾ · ((δ⁽²⁾ · s⁽²⁾) W⁽²⁾ᵀ)"


def test_layers_have_their_names_and_formulas():
    t = trace(fit("residual and layer norm"), TABLE[:1], LABELS[:1])
    formulas = {entry.name: entry.formula for entry in t.entries}
    assert formulas["z⁽¹⁾"] == "(scale⁽¹⁾ · TableInput⁽⁰⁾) W⁽¹⁾ + b⁽¹⁾"
    assert formulas["a⁽²⁾"] == "silu(LayerNorm⁽²⁾)"
    assert formulas["ReZero⁽²⁾"] == "a⁽¹⁾ + ReZero⁽²⁾.residual_weight · a⁽²⁾"
    assert formulas["a⁽³⁾"] == "softmax(z⁽³⁾)"
    assert formulas["δ⁽³⁾"] == "a⁽³⁾ − y"
    assert formulas["∂L/∂a⁽¹⁾"] == "δ⁽²⁾ W⁽²⁾ᵀ + ∂L/∂ReZero⁽²⁾"
    assert "Dropout⁽¹⁾" in t.notes[0]
    assert "TableInput⁽⁰⁾.categorical.table" in t.names
    t = trace(fit("another width"), TABLE[:1], LABELS[:1])
    assert "shortcut⁽²⁾.W" in t.names
    assert "∂L/∂shortcut⁽²⁾.W" in t.names


@pytest.mark.parametrize(
    "y", [np.c_[LABELS, TABLE["new"]], np.eye(3)[:, [0, 1]][np.arange(80) % 3]]
)
def test_several_targets(y):
    model = BackpropClassifier(**SMALL).fit(TABLE, y)
    t = trace(model, TABLE[:4], y[:4])
    network, _ = one_member(model, 0)
    recording = record_pass(network, t["a⁽⁰⁾"], t["y"], model._fitted.loss)
    assert t.loss == recording.loss
    np.testing.assert_allclose(t[3].delta.sum(axis=0), t[3].db)


def test_two_activations_in_a_row_and_a_plain_residual_block():
    f = mlp(2, (2,), 2, activations=[ACTIVATIONS["tanh"]]).layers[1]
    network = Network(Sequential((Dense(2, 2), f, f, Residual(Dense(2, 2)))))
    network.initialize(np.random.RandomState(0))
    t = trace(network, [1.0, 2.0], [0.0, 1.0], loss="squared_error")
    np.testing.assert_allclose(t["a⁽¹⁾′"], np.tanh(t["a⁽¹⁾"]))
    np.testing.assert_allclose(t["Residual⁽²⁾"], t["a⁽¹⁾′"] + t["z⁽²⁾"])


def test_a_loss_of_ones_own():
    class Quartic(Loss):
        def row_losses(self, target, scores, out):
            np.power(scores - target, 3, out=out)
            return ((scores - target) ** 4 / 4).sum(axis=-1)

    network = Network(Dense(2, 1))
    network.initialize(np.random.RandomState(0))
    t = trace(network, [1.0, 2.0], 3.0, loss=Quartic())
    np.testing.assert_allclose(t[1].delta, (t[1].a - 3) ** 3)
    assert {e.name: e.formula for e in t.entries}["L"] == "Quartic(a⁽¹⁾, y)"


def test_what_a_row_may_be():
    model = fit("default")
    whole = trace(model, TABLE[3:4], LABELS[3:4])
    for row in (TABLE.iloc[3], TABLE[3:4]):
        assert trace(model, row, LABELS[3]).loss == whole.loss
    X = TABLE[["size", "price"]].to_numpy()
    plain = BackpropClassifier(**PLAIN).fit(X, LABELS)
    expected = trace(plain, X[2:3])[-1].a
    for row in (X[2], X[2].tolist(), csr_matrix(X[2:3])):
        np.testing.assert_array_equal(trace(plain, row)[-1].a, expected)
    texts = make_pipeline(TfidfVectorizer(), MLPClassifier((2,), max_iter=2))
    texts.fit(["good film", "bad film"] * 9, [1, 0] * 9)
    assert len(trace(texts, ["a bad film", "good"])[0].a) == 2
    assert trace(plain, X[2]).loss is None
    assert "backward" not in repr(trace(plain, X[2]))


def test_pipelines_and_searches_are_opened():
    X = TABLE[["size", "price"]]
    pipeline = make_pipeline(StandardScaler(), BackpropClassifier(**PLAIN))
    search = GridSearchCV(pipeline, {"backpropclassifier__alpha": [0.1, 1.0]}, cv=2).fit(X, LABELS)
    t = trace(search, X[:4], LABELS[:4])
    np.testing.assert_allclose(t[-1].a, search.predict_proba(X[:4]))
    np.testing.assert_allclose(t[0].a, search.best_estimator_[0].transform(X[:4]))
    assert type(open_model(search).estimator) is BackpropClassifier


def test_the_model_is_left_as_it_is():
    model = fit("batch norm")
    before = model.network_.theta.copy(), model.network_.fixed.copy()
    t = trace(model, TABLE[:9], LABELS[:9])
    t[1].W[...] = 0
    np.testing.assert_array_equal(model.network_.theta, before[0])
    np.testing.assert_array_equal(model.network_.fixed, before[1])


def test_errors_say_what_to_do():
    model, network = fit("default"), Network(Dense(2, 1))
    with pytest.raises(ValueError, match=r"member must be .* in the range \[0, 1\].*Got 2"):
        trace(model, TABLE[:1], member=2)
    with pytest.raises(ValueError, match=r"member must be .* Got 0.5"):
        trace(model, TABLE[:1], member=0.5)
    with pytest.raises(ValueError, match="labels that the model does not know: .*'huge'"):
        trace(model, TABLE[:1], ["huge"])
    with pytest.raises(ValueError, match="a y for each of the 2 rows, got 1"):
        trace(model, TABLE[:2], LABELS[:1])
    with pytest.raises(ValueError, match="a y for each of the 2 rows, got 3"):
        trace(network, np.ones((2, 2)), [1.0, 2.0, 3.0], loss="squared_error")
    with pytest.raises(ValueError, match="has a loss of its own"):
        trace(model, TABLE[:2], loss="squared_error")
    with pytest.raises(ValueError, match="needs a loss, got loss=None"):
        trace(network, [1.0, 2.0], 1.0)
    with pytest.raises(ValueError, match="loss must be one of .*got 'mse'"):
        trace(network, [1.0, 2.0], 1.0, loss="mse")
    with pytest.raises(ValueError, match="a network of one member, got one of 2"):
        trace(model.network_, np.zeros((1, 6)))
    with pytest.raises(NotFittedError):
        trace(BackpropClassifier(), [1.0])
    with pytest.raises(TypeError, match="got LogisticRegression"):
        trace(LogisticRegression().fit([[0.0], [1.0]], [0, 1]), [1.0])
    with pytest.raises(KeyError, match="'a9' is none of the arrays a⁽⁰⁾, "):
        trace(network, [1.0, 2.0])["a9"]


class Tags(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.found, self.depth = [], 0
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        self.depth += tag not in {"img", "br"}

    def handle_endtag(self, tag):
        self.depth -= 1


def test_the_html_is_whole_and_needs_nothing_else():
    html = trace(fit("default"), TABLE[:1], LABELS[:1])._repr_html_()
    tags = Tags(html)
    assert tags.depth == 0
    assert "script" not in {tag for tag, _ in tags.found}
    images = [attrs for tag, attrs in tags.found if tag == "img"]
    assert images
    assert all(attrs["src"].startswith("data:image/png;base64,") for attrs in images)
    assert "http" not in html


def test_numbers_become_text_cells_and_pictures():
    assert as_text(np.float64(0.123456)) == "0.1235"
    assert as_text(np.zeros((0, 50))) == "0 × 50 numbers"
    assert as_html(np.zeros((0, 50))) == "<br><small>0 × 50 numbers</small>"
    assert as_html(np.array([[0.0, -2.0]])).count("background:rgba(33,102,172,0.50)") == 1
    colors = rgba(np.array([[1.0, -2.0, np.nan]]))
    assert colors.tolist() == [[[178, 24, 43, 128], [33, 102, 172, 255], [128, 128, 128, 255]]]


def test_the_png_is_read_back():
    image = pytest.importorskip("matplotlib.image")
    import io

    pixels = RNG.integers(256, size=(5, 7, 4), dtype=np.uint8)
    read = image.imread(io.BytesIO(png(pixels)), format="png")
    np.testing.assert_array_equal(np.rint(255 * read).astype(np.uint8), pixels)
