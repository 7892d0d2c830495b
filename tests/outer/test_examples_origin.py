"""The two examples that go back to the origin: XOR in thirty lines, and one step by hand."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


def load(name):
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


xor, by_hand = load("origin_xor"), load("origin_by_hand")


def sigma(z):
    return 1 / (1 + np.exp(-z))


def teaching_program(n_updates):
    """The original: returns what it prints, and its weights at the end."""
    rng = np.random.RandomState(1)
    W1, W2 = rng.rand(2, 2), rng.rand(2, 1)
    X, y = np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), np.array([[0], [1], [1], [0]])
    for _ in range(n_updates):
        a = sigma(X @ W1)
        y_hat = sigma(a @ W2)
        delta2 = (y_hat - y) * y_hat * (1 - y_hat)
        delta1 = delta2 @ W2.T * a * (1 - a)
        W2 = W2 - 0.5 * a.T @ delta2
        W1 = W1 - 0.5 * X.T @ delta1
    return y_hat.ravel(), W1, W2


@pytest.mark.parametrize("n_updates", [2, 10, 1000, 5000])
def test_xor_equals_the_teaching_program(n_updates):
    printed, W1, W2 = teaching_program(n_updates)
    model = xor.train(n_updates - 1)
    np.testing.assert_allclose(model.predict(xor.X), printed, rtol=0, atol=1e-8)
    model.partial_fit(xor.X, xor.y)
    np.testing.assert_allclose(model.coefs_[0], W1, rtol=0, atol=1e-8)
    np.testing.assert_allclose(model.coefs_[1], W2, rtol=0, atol=1e-8)


def test_xor_ends_where_the_texts_end():
    expected = [0.1029, 0.8366, 0.8366, 0.2156]
    assert expected == xor.PRINTED
    np.testing.assert_array_equal(xor.train(4999).predict(xor.X).round(4), expected)


def test_xor_leaves_no_biases_and_the_global_generator_alone():
    state = np.random.get_state()[1].copy()
    model = xor.train(10)
    assert [W.shape for W in model.coefs_] == [(2, 2), (2, 1)]
    assert sum(np.size(b) for b in model.intercepts_ if b is not None) == 0
    np.testing.assert_array_equal(np.random.get_state()[1], state)


def assert_same_arrays(traced, by_formula):
    for name, values in by_formula.items():
        assert np.shape(values) == np.shape(traced[name]), name
        np.testing.assert_allclose(values, traced[name], rtol=0, atol=1e-12, err_msg=name)


def test_two_two_one_equals_the_hand_formulas():
    assert_same_arrays(by_hand.two_two_one(), by_hand.two_two_one_by_hand())


def test_two_two_one_takes_a_step_downhill():
    t = by_hand.two_two_one()
    a1 = sigma(by_hand.x @ t[1].new_W + t[1].new_b)
    a2 = sigma(a1 @ t[2].new_W + t[2].new_b)
    assert 0.5 * np.sum((a2 - by_hand.y) ** 2) < t.loss


@pytest.mark.parametrize("sizes", [(3, 2), (3, 4, 2), (3, 5, 4, 2), (2, 3, 4, 5, 6, 3)])
@pytest.mark.parametrize("n", [1, 4])
def test_any_depth_equals_the_hand_formulas(sizes, n):
    assert_same_arrays(*by_hand.any_depth(sizes, n))


@pytest.mark.parametrize(("example", "shown"), [(xor, "0.8366"), (by_hand, "∂L/∂W⁽¹⁾")])
def test_example_runs_and_shows_its_numbers(example, shown, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [example.__name__])
    example.main()
    assert shown in capsys.readouterr().out
