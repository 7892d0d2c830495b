"""Displays of networks: the weights that are drawn are those of the model."""

import importlib.util
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skbackprop import BackpropClassifier, BackpropRegressor, TableEncoding
from skbackprop.mlp import MLPClassifier, MLPRegressor
from skbackprop.plots import NetworkDisplay, WeightDisplay
from skbackprop.plots.network import dense_arrays

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 4))
Y = np.array(["no", "yes"])[(X[:, 0] > 0).astype(int)]


@pytest.fixture(autouse=True)
def pyplot():
    pyplot = pytest.importorskip("matplotlib.pyplot")
    yield pyplot
    pyplot.close("all")


def texts(display):
    return [text.get_text() for text in display.ax_.texts]


def test_every_weight_is_a_line_and_every_unit_a_circle():
    model = MLPClassifier((3, 2), max_iter=2, random_state=0).fit(X, Y)
    display = NetworkDisplay.from_estimator(model)
    assert display.widths == [4, 3, 2, 1]
    assert [len(units.get_offsets()) for units in display.units_] == [4, 3, 2, 1]
    for W, edges in zip(model.coefs_, display.edges_, strict=True):
        assert len(edges.get_segments()) == W.size
        widest = edges.get_segments()[-1]  # the largest weight is drawn last
        i, j = np.unravel_index(np.abs(W).argmax(), W.shape)
        red = edges.get_colors()[-1][0] > 0.5
        assert red == (W[i, j] > 0)
        layer = int(widest[0][0])
        assert widest[0].tolist() == display.units_[layer].get_offsets()[i].tolist()
        assert widest[1].tolist() == display.units_[layer + 1].get_offsets()[j].tolist()
    assert display.units_[1].get_array().tolist() == model.intercepts_[0].tolist()
    assert texts(display) == ["x0", "x1", "x2", "x3", "yes"]


def test_columns_and_classes_have_their_names():
    table = pd.DataFrame(X, columns=list("abcd"))
    labels = np.array(["x", "y", "z"])[np.digitize(X[:, 0], [-0.5, 0.5])]
    model = BackpropClassifier(
        hidden_layer_sizes=(3,), numeric_embedding=None, max_iter=2, random_state=0
    )
    display = NetworkDisplay.from_estimator(model.fit(table, labels), member=3)
    assert texts(display)[4:] == ["x", "y", "z"]
    encoded = model._encode(table)
    for place, name in enumerate(texts(display)[:4]):  # not in the order of the table
        moved = model._encode(table.assign(**{name: table[name] + 0.1}))
        assert np.flatnonzero((moved != encoded).any(axis=0)) == [place]
    display = NetworkDisplay.from_estimator(BackpropRegressor(max_iter=2).fit(table, X[:, 0]))
    assert display.input_names is None
    assert texts(display) == ["16 of 64", "16 of 64", "y"]
    two = MLPRegressor((2,), max_iter=2, random_state=0).fit(X, X[:, :2])
    assert texts(NetworkDisplay.from_estimator(two))[-2:] == ["y0", "y1"]


def test_an_input_has_the_name_of_its_own_column():
    """Numbers come first in an encoded table, wherever they stand in the table."""
    table = pd.DataFrame({"kind": np.where(X[:, 1] > 0, "u", "v"), "size": X[:, 0]})
    encoding = TableEncoding(value_effects=False, whitened=0.0)
    settings = {"numeric_embedding": None, "max_iter": 2, "random_state": 0}
    model = BackpropClassifier(
        hidden_layer_sizes=(3,), feature_encoding=encoding, dropout=0.0, **settings
    )
    display = NetworkDisplay.from_estimator(model.fit(table, Y))
    assert texts(display) == ["size", "kind", "yes"]
    assert len(np.unique(model._encode(table)[:, 1])) == 2  # the levels of kind
    # As many inputs as columns, of which one has two and one has none.
    table = pd.DataFrame({"size": X[:, 0], "same": 1.0})
    table.loc[::3, "size"] = np.nan
    assert NetworkDisplay.from_estimator(model.fit(table, Y)).input_names is None


def test_several_columns_of_labels_have_their_names():
    labels = np.stack([Y, np.array(["a", "b", "c"])[np.digitize(X[:, 1], [-0.5, 0.5])]], axis=1)
    model = BackpropClassifier(preset="plain", hidden_layer_sizes=(3,), max_iter=2, random_state=0)
    display = NetworkDisplay.from_estimator(model.fit(X, labels))
    assert texts(display)[4:] == ["0: yes", "1: a", "1: b", "1: c"]


def test_circles_may_have_a_color(pyplot):
    model = MLPClassifier((3,), max_iter=2, random_state=0).fit(X, Y)
    for name in ("c", "color"):
        display = NetworkDisplay.from_estimator(model, **{name: "green"})
        for units in display.units_:
            np.testing.assert_allclose(units.get_facecolor(), [[0, 128 / 255, 0, 1]])


@pytest.mark.parametrize("params", [{}, {"member_sharing": "batch"}, {"residual": True}])
def test_factors_are_multiplied_into_the_weights(params):
    model = BackpropClassifier(
        hidden_layer_sizes=(3, 3), numeric_embedding=None, max_iter=2, random_state=0, **params
    ).fit(X, Y)
    weights, biases = dense_arrays(model, 1)
    assert [W.shape for W in weights] == [(4, 3), (3, 3), (3, 1)]
    assert [b.shape for b in biases] == [(3,), (3,), (1,)]
    hidden = model.activations(X, 0)[1]
    z = model._encode(X) @ weights[0] + biases[0]
    np.testing.assert_allclose(hidden, z / (1 + np.exp(-z)), rtol=1e-4, atol=1e-5)


def test_the_units_with_the_largest_weights_are_drawn():
    W = np.zeros((30, 1))
    W[[3, 7, 20]] = [[1.0], [-2.0], [3.0]]
    display = NetworkDisplay([W], input_names=[str(i) for i in range(30)], max_units=3).plot()
    assert texts(display) == ["3 of 30", "3", "7", "20"]
    assert len(display.units_[1].get_offsets()) == 1


def test_weights_become_images():
    images = RNG.uniform(size=(50, 12))
    model = MLPClassifier((5,), max_iter=2, random_state=0).fit(images, RNG.integers(2, size=50))
    display = WeightDisplay.from_estimator(model, image_shape=(3, 4), n_images=2)
    W, mosaic = model.coefs_[0], display.image_.get_array()
    assert display.units_.tolist() == np.argsort(-np.linalg.norm(W, axis=0))[:2].tolist()
    np.testing.assert_array_equal(mosaic[:3, :4], W[:, display.units_[0]].reshape(3, 4))
    np.testing.assert_array_equal(mosaic[:3, 5:9], W[:, display.units_[1]].reshape(3, 4))
    assert display.image_.get_clim()[0] == -display.image_.get_clim()[1]
    assert WeightDisplay(np.ones((9, 2))).image_shape == (3, 3)
    with pytest.raises(ValueError, match="12 inputs of the first layer are no square"):
        WeightDisplay.from_estimator(model)
    with pytest.raises(ValueError, match="needs 15 inputs, the first layer has 12"):
        WeightDisplay.from_estimator(model, image_shape=(3, 5))


def test_pixels_of_an_encoded_table_have_their_places():
    images = RNG.uniform(size=(60, 9))
    images[:, 4] = 1.0  # is not used
    model = BackpropClassifier(
        hidden_layer_sizes=(3,), numeric_embedding=None, max_iter=2, random_state=0
    )
    encoding = TableEncoding(value_effects=False, whitened=0.0)
    model.set_params(feature_encoding=encoding).fit(images, images[:, 0] > 0.5)
    display = WeightDisplay.from_estimator(model)
    W = dense_arrays(model)[0][0]
    encoded = model._encode(images)
    assert not display.weights[4].any()
    for pixel in (0, 1, 2, 3, 5, 6, 7, 8):
        moved = images.copy()
        moved[:, pixel] += 0.1
        (place,) = np.flatnonzero((model._encode(moved) != encoded).any(axis=0))
        np.testing.assert_array_equal(display.weights[pixel], W[place])
    model.set_params(numeric_embedding="periodic").fit(images, images[:, 0] > 0.5)
    with pytest.raises(ValueError, match=r"one input of the network for each pixel, got \d+"):
        WeightDisplay.from_estimator(model)


def test_pipelines_are_opened_and_axes_are_used(pyplot):
    plain = MLPClassifier((3,), max_iter=2, random_state=0)
    pipeline = make_pipeline(StandardScaler(), plain).fit(X, Y)
    _, ax = pyplot.subplots()
    assert NetworkDisplay.from_estimator(pipeline, ax=ax, s=50).ax_ is ax
    assert (
        WeightDisplay.from_estimator(pipeline, ax=ax, cmap="gray").image_.get_cmap().name == "gray"
    )


def test_the_picture_of_the_readme_is_made_by_its_script(tmp_path, monkeypatch):
    path = ROOT / "examples" / "xor_picture.py"
    spec = importlib.util.spec_from_file_location("xor_picture", path)
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    monkeypatch.setattr("sys.argv", ["xor_picture", "--output", str(tmp_path / "xor.svg")])
    example.main()
    made, kept = (tmp_path / "xor.svg").read_text(), example.PICTURE.read_text()
    assert made.count("<path") == kept.count("<path")
