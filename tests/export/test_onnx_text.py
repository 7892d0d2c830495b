"""Text that writes numbers and dates means in a graph what it means to the estimators."""

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from runtime import session_of  # noqa: E402

from skbackprop.onnx.convert import make_model  # noqa: E402
from skbackprop.onnx.encoder import number_of_text, seconds_of_text  # noqa: E402
from skbackprop.onnx.graph import Graph  # noqa: E402
from skbackprop.onnx.inputs import Inputs  # noqa: E402
from skbackprop.tables.cells import PLAIN_NUMBER  # noqa: E402
from skbackprop.tables.text_dates import DateNotation  # noqa: E402

N = 3000


def read(formula, texts):
    """What a formula of the graph makes of texts."""
    graph = Graph(taken={"x", "y"})
    graph.add("Identity", formula(graph, "x"), output="y")
    model = make_model(onnx, graph, Inputs(["x"], ["string"], [0], 1), [("y", "double", [None, 1])])
    return session_of(model).run(None, {"x": np.array(texts, object)[:, None]})[0][:, 0]


def dates(rng):
    """Dates and moments in ISO 8601, of which some do not exist."""
    years = [0, 1, 4, 100, 400, 1582, 1900, 1969, 1970, 2000, 2023, 2024, 9999]
    for _ in range(N):
        text = f"{rng.choice(years):04d}-{rng.integers(14):02d}-{rng.integers(33):02d}"
        length = rng.integers(4)
        if length > 0:
            text += f"{rng.choice(['T', ' '])}{rng.integers(25):02d}:{rng.integers(61):02d}"
        if length > 1:
            text += f":{rng.integers(61):02d}"
        if length > 2:
            text += rng.choice([".5", ".123", ".000001"])
        yield text


def test_dates_are_the_same_seconds():
    texts = [*dates(np.random.default_rng(0)), "", "2024-1-1", "yesterday", "2024-01-01 10"]
    expected = [DateNotation().number(text) for text in texts[:-1]] + [None]
    assert 0.5 < np.mean([value is not None for value in expected]) < 0.9
    np.testing.assert_allclose(
        read(seconds_of_text, texts), np.array(expected, dtype=float), rtol=0, atol=2e-5
    )


@pytest.mark.parametrize("formula", [seconds_of_text, number_of_text])
def test_no_rows_are_no_rows(formula):
    assert read(formula, []).shape == (0,)


def test_plain_numbers_are_the_same():
    rng = np.random.default_rng(0)
    texts = ["".join(rng.choice(list("0123456789.+-e"), rng.integers(7))) for _ in range(N)]
    texts = [t for t in texts if "e" not in t[:-3]] + [" 1.5 ", "1e300", "1,5", "nan", "True"]
    plain = [PLAIN_NUMBER.fullmatch(text.strip()) for text in texts]
    expected = [float(t) if match else np.nan for t, match in zip(texts, plain, strict=True)]
    assert 0.2 < np.isfinite(expected).mean() < 0.8
    np.testing.assert_array_equal(read(number_of_text, texts), expected)
