"""Backpropagation by hand, compared with the layers of the package.

The network of the textbooks: two inputs, two hidden units, one output, biases, the logistic
function σ as activation, one example, the loss L = ½ (a⁽²⁾ − y)².

    forward    z⁽ˡ⁾ = a⁽ˡ⁻¹⁾ W⁽ˡ⁾ + b⁽ˡ⁾,  a⁽ˡ⁾ = σ(z⁽ˡ⁾)
    deltas     δ⁽²⁾ = (a⁽²⁾ − y) σ'(z⁽²⁾),  δ⁽¹⁾ = δ⁽²⁾ W⁽²⁾ᵀ σ'(z⁽¹⁾),  σ' = a (1 − a)
    gradients  ∂L/∂W⁽ˡ⁾ = a⁽ˡ⁻¹⁾ᵀ δ⁽ˡ⁾,  ∂L/∂b⁽ˡ⁾ = Σ δ⁽ˡ⁾
    update     W ← W − η ∂L/∂W,  b ← b − η ∂L/∂b

Then any number of layers with softmax and cross-entropy, and several examples, whose mean loss
counts: the delta of the last layer is δ⁽ᴸ⁾ = (a⁽ᴸ⁾ − y) / n.

Examples are rows, as everywhere in the package.  Textbooks with examples in columns write W a for
a W, with the transposed W.
"""

import argparse

import numpy as np

from skbackprop.inspection import trace
from skbackprop.nn import ACTIVATIONS, Activate, Dense, Network, Sequential, mlp

SIGMOID = Activate(ACTIVATIONS["logistic"])


def sigma(z):
    return 1 / (1 + np.exp(-z))


# one example, and what the network starts from
x, y = np.array([[0.5, -1.0]]), np.array([[1.0]])
W1, b1 = np.array([[0.1, -0.3], [0.4, 0.2]]), np.array([0.1, -0.2])
W2, b2 = np.array([[0.7], [-0.6]]), np.array([0.3])
eta = 0.5


def two_two_one():
    """One step of gradient descent of a network with these weights: all there is to it."""
    network = Network(Sequential((Dense(2, 2), SIGMOID, Dense(2, 1), SIGMOID)))
    network.p.dense_0.W[...], network.p.dense_0.b[...] = W1, b1
    network.p.dense_2.W[...], network.p.dense_2.b[...] = W2, b2
    return trace(network, x, y, loss="squared_error", learning_rate=eta)


def two_two_one_by_hand():
    """Every array of the step, by name."""
    a1 = sigma(x @ W1 + b1)
    a2 = sigma(a1 @ W2 + b2)
    delta2 = (a2 - y) * a2 * (1 - a2)
    delta1 = delta2 @ W2.T * a1 * (1 - a1)
    return {
        "a⁽¹⁾": a1,
        "a⁽²⁾": a2,
        "L": 0.5 * np.sum((a2 - y) ** 2),
        "δ⁽²⁾": delta2,
        "δ⁽¹⁾": delta1,
        "∂L/∂W⁽²⁾": a1.T @ delta2,
        "∂L/∂b⁽²⁾": delta2.sum(axis=0),
        "∂L/∂W⁽¹⁾": x.T @ delta1,
        "∂L/∂b⁽¹⁾": delta1.sum(axis=0),
        "new W⁽²⁾": W2 - eta * a1.T @ delta2,
        "new b⁽²⁾": b2 - eta * delta2.sum(axis=0),
        "new W⁽¹⁾": W1 - eta * x.T @ delta1,
        "new b⁽¹⁾": b1 - eta * delta1.sum(axis=0),
    }


def any_depth(sizes=(3, 5, 4, 2), n=4):
    """The same for a network of these sizes and `n` examples: by network, and by hand."""
    rng = np.random.RandomState(0)
    network = Network(mlp(sizes[0], sizes[1:-1], sizes[-1], activations=[SIGMOID.activation]))
    network.initialize(rng)
    X, Y = rng.randn(n, sizes[0]), np.eye(sizes[-1])[rng.randint(sizes[-1], size=n)]
    t = trace(network, X, Y, loss="multiclass_log_loss")

    L, a = len(sizes) - 1, [X]
    for layer in range(1, L + 1):
        z = a[-1] @ t[layer].W + t[layer].b
        a.append(sigma(z))
    a[L] = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    by_hand = {"L": -np.sum(Y * np.log(a[L])) / n}
    delta = (a[L] - Y) / n
    for layer in reversed(range(1, L + 1)):
        number = "⁽" + "⁰¹²³⁴⁵⁶⁷⁸⁹"[layer] + "⁾"
        by_hand |= {
            f"a{number}": a[layer],
            f"δ{number}": delta,
            f"∂L/∂W{number}": a[layer - 1].T @ delta,
            f"∂L/∂b{number}": delta.sum(axis=0),
        }
        delta = delta @ t[layer].W.T * a[layer - 1] * (1 - a[layer - 1])
    return t, by_hand


def check(t, by_hand):
    """Compare the arrays, and say how far they are apart."""
    off = max(np.max(np.abs(t[name] - values)) for name, values in by_hand.items())
    print(t, f"\n\n{len(by_hand)} of these arrays by hand: off by {off:.0e} at most\n")
    assert off < 1e-12


def main():
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    check(two_two_one(), two_two_one_by_hand())
    check(*any_depth())


if __name__ == "__main__":
    main()
