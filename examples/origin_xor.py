"""Thirty lines of NumPy that learn XOR, as one estimator.

The teaching program: two inputs, two hidden units, one output, no biases, the logistic
function σ everywhere, the four rows of XOR, 5000 times

    a = σ(X W₁),  ŷ = σ(a W₂)                      forward
    δ₂ = (ŷ − y) ŷ (1 − ŷ),  δ₁ = δ₂ W₂ᵀ a (1 − a)   backward
    W₂ ← W₂ − ½ aᵀ δ₂,  W₁ ← W₁ − ½ Xᵀ δ₁            update

and at the end it prints the ŷ of its last forward pass.

There are two differences.  The program *sums* the loss over the four rows, an estimator takes the
mean: the step of 0.5 becomes a `learning_rate_init` of 4 × 0.5 = 2.  And the last forward pass
comes before the last update: the printed predictions are those after 4999 updates.  `partial_fit`
then makes the 5000th.
"""

import argparse
import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skbackprop import WeightInit
from skbackprop.mlp import MLPRegressor

X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
y = np.array([0.0, 1.0, 1.0, 0.0])
PRINTED = [0.1029, 0.8366, 0.8366, 0.2156]  # by the teaching program


def train(n_updates):
    """The network of the program after `n_updates` updates."""
    rng = np.random.RandomState(1)  # the same numbers as after np.random.seed(1)
    model = MLPRegressor(
        hidden_layer_sizes=(2,),
        activation=["logistic", "logistic"],  # of the hidden layer and of the output
        loss="squared_error",
        weight_init=WeightInit([rng.rand(2, 2), rng.rand(2, 1)], biases=None),
        solver="sgd",
        learning_rate_init=4 * 0.5,
        momentum=0,
        alpha=0,
        batch_size=4,
        max_iter=n_updates,
        n_iter_no_change=n_updates,  # no early end
    )
    with warnings.catch_warnings():  # it has not converged, and fit warns
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(X, y)


def main():
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    model = train(4999)
    printed = model.predict(X)
    model.partial_fit(X, y)

    print("  x₁  x₂   y   the program        ŷ   after the last update")
    for x, target, program, before, after in zip(
        X, y, PRINTED, printed, model.predict(X), strict=True
    ):
        print(f"{x[0]:4.0f}{x[1]:4.0f}{target:4.0f}{program:14.4f}{before:9.4f}{after:24.4f}")
    print(f"\nW₁ =\n{model.coefs_[0]}\nW₂ =\n{model.coefs_[1]}")
    assert np.array_equal(printed.round(4), PRINTED)


if __name__ == "__main__":
    main()
