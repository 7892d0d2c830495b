"""A network that computes XOR, as a picture: its weights, and its decision regions.

The picture of the README.  Two inputs, two hidden units, one output; `NetworkDisplay` draws the
weights, scikit-learn's `DecisionBoundaryDisplay` the probabilities.
"""

import argparse
from pathlib import Path

import matplotlib

matplotlib.use("svg")

import matplotlib.pyplot as plt
import numpy as np
from sklearn.inspection import DecisionBoundaryDisplay

from skbackprop.mlp import MLPClassifier
from skbackprop.plots import NetworkDisplay

PICTURE = Path(__file__).parents[1] / "docs" / "images" / "xor.svg"
X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
y = np.array([0, 1, 1, 0])


def solve():
    """A network that knows XOR."""
    model = MLPClassifier((2,), activation="tanh", solver="lbfgs", alpha=1e-3, random_state=0)
    return model.fit(X, y)


def draw(model):
    """The network, and beside it the probabilities."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3.4), layout="constrained")
    display = NetworkDisplay.from_estimator(model, ax=left)
    left.set_title("weights: red above 0, blue below")
    DecisionBoundaryDisplay.from_estimator(
        model,
        X,
        response_method="predict_proba",
        eps=0.5,
        grid_resolution=60,
        cmap="RdBu_r",
        alpha=0.8,
        ax=right,
    )
    right.scatter(*X.T, c=["white" if label else "black" for label in y], s=90, edgecolors="black")
    right.set(title="XOR: the probability of 1", xlabel="x0", ylabel="x1")
    right.set(xticks=[0, 1], yticks=[0, 1], aspect="equal")
    return figure, display


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=PICTURE, help="where to write the picture")
    output = parser.parse_args().output
    model = solve()
    figure, _ = draw(model)
    output.parent.mkdir(parents=True, exist_ok=True)
    with plt.rc_context({"svg.hashsalt": "xor"}):  # the same bytes for the same picture
        figure.savefig(output, metadata={"Date": None})
    print(f"{model.score(X, y):.0%} of XOR; {output.name} has {output.stat().st_size // 1024} kB")
    assert model.score(X, y) == 1


if __name__ == "__main__":
    main()
