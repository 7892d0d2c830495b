"""Handwritten digits: an image is a row of 784 pixels.

A multilayer perceptron does not use which pixels are neighbors.  It still classifies 98 % of the
test images of MNIST correctly: one hidden layer of 256 rectified linear units, stochastic gradient
descent with Nesterov momentum, and a learning rate that is divided by five when the training loss
does not improve.

First `skbackprop.mlp.MLPClassifier` is trained, and then, with the same settings and in float32,
scikit-learn's: same initial weights, same mini-batches, same number of epochs.  The results differ
only after many epochs, when the learning rate is divided: scikit-learn divides it although the loss
still falls slowly.

    python examples/image_mnist.py                   # downloads MNIST from OpenML once
    python examples/image_mnist.py --data mnist.npz  # reads a local copy
    python examples/image_mnist.py --quick           # a sixth of the images, few epochs

The settings were chosen on the last 6,000 training images; the test images were not used.
"""

import argparse
import sys
import warnings
from time import perf_counter

import sklearn.neural_network
from _data import load_mnist
from sklearn.exceptions import ConvergenceWarning

import skbackprop.mlp

SETTINGS = {
    "hidden_layer_sizes": (256,),
    "activation": "relu",
    "alpha": 1e-2,
    "solver": "sgd",
    "learning_rate": "adaptive",
    "learning_rate_init": 0.1,
    "batch_size": 100,
    "tol": 5e-3,
    "n_iter_no_change": 1,
    "max_iter": 15,
    "random_state": 0,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", metavar="FILE", help="npz file to read instead of downloading")
    parser.add_argument("--quick", action="store_true", help="a subset, a few seconds")
    args = parser.parse_args()

    X_train, y_train, X_test, y_test = load_mnist(args.data)
    settings, limit = SETTINGS, 0.980
    if args.quick:
        print("--quick: 10,000 of the 60,000 training images, 5 epochs")
        X_train, y_train = X_train[:10_000], y_train[:10_000]
        settings, limit = SETTINGS | {"max_iter": 5}, 0.94

    print(f"{'MLPClassifier of':22}  {'test accuracy':>13}  {'epochs':>6}  {'seconds':>7}")
    accuracies = []
    for module in (skbackprop.mlp, sklearn.neural_network):
        model = module.MLPClassifier(**settings)
        start = perf_counter()
        with warnings.catch_warnings():  # the number of epochs is a budget, and meant to be used
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(X_train, y_train)
        seconds = perf_counter() - start
        accuracies.append(model.score(X_test, y_test))
        print(f"{module.__name__:22}  {accuracies[-1]:13.4f}  {model.n_iter_:6}  {seconds:7.1f}")
    if accuracies[0] < limit:
        sys.exit(f"test accuracy {accuracies[0]:.4f} is below the limit {limit:.3f}")


if __name__ == "__main__":
    main()
