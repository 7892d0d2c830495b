"""Quick start: a raw table in, and scikit-learn's MLP by a change of one import.

First a table with numbers in different units, missing values, names of towns and kinds of houses.
`BackpropRegressor` accepts it without settings. scikit-learn's `MLPRegressor` needs a pipeline
that imputes missing values, scales the numbers and the target, and encodes the categories; two
rows show its score, with its defaults and tuned by a grid search.

Then handwritten digits, once with ``from sklearn.neural_network import MLPClassifier`` and once
with ``from skbackprop.mlp import MLPClassifier``, in the same pipeline.  Both start from the same
weights and see the same mini-batches, so that the scores are the same.
"""

import argparse
import warnings
from time import perf_counter

import numpy as np
import sklearn.neural_network
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.impute import SimpleImputer
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import skbackprop.mlp
from skbackprop import BackpropRegressor

KINDS = {"flat": 1.0, "terraced": 1.1, "detached": 1.4}
TOWNS = {"Alba": 2.0, "Berga": 3.5, "Cove": 1.5, "Dorn": 2.5, "Elm": 4.0, "Fjord": 3.0}


def houses(n, seed=0):
    """A generated table of houses, with missing values, and their prices."""
    rng = np.random.default_rng(seed)
    kind, town = rng.choice(list(KINDS), n), rng.choice(list(TOWNS), n)
    area, year = np.exp(rng.normal(4.6, 0.4, n)), rng.integers(1880, 2020, n)
    plot = np.where(kind == "flat", 0.0, np.exp(rng.normal(6.0, 1.0, n)))
    factor = np.array([KINDS[k] for k in kind]) * np.array([TOWNS[t] for t in town])
    charm = 1 + 0.3 * np.cos((year - 1900) / 18)  # some decades built better than others
    price = 1000 * (area * factor * charm + 0.05 * plot + rng.normal(0, 15, n))

    X = np.empty((n, 5), dtype=object)
    for j, column in enumerate((area, year, plot, kind, town)):
        X[:, j] = column
    X[rng.random(n) < 0.1, 1] = np.nan  # the year is unknown
    X[rng.random(n) < 0.05, 4] = None
    return X, price


def by_pipeline():
    """What a careful user writes around scikit-learn's `MLPRegressor`."""
    columns = ColumnTransformer(
        [
            ("numbers", make_pipeline(SimpleImputer(), StandardScaler()), [0, 1, 2]),
            ("categories", OneHotEncoder(handle_unknown="ignore"), [3, 4]),
        ]
    )
    mlp = sklearn.neural_network.MLPRegressor(random_state=0)
    return TransformedTargetRegressor(make_pipeline(columns, mlp), transformer=StandardScaler())


def show(task, name, model, data):
    """Fit, score, and print a line."""
    X_train, X_test, y_train, y_test = data
    start = perf_counter()
    model.fit(X_train, y_train)
    seconds = perf_counter() - start
    print(f"{task:7}  {name:36}  {model.score(X_test, y_test):10.4f}  {seconds:7.1f}")


def main():
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    # The peers train for a fixed number of epochs, and warn that they could go on.
    warnings.simplefilter("ignore", ConvergenceWarning)
    print(f"{'task':7}  {'estimator':36}  {'test score':>10}  {'seconds':>7}")

    data = train_test_split(*houses(1200), random_state=0)
    show("houses", "BackpropRegressor()", BackpropRegressor(random_state=0), data)
    show("houses", "pipeline with MLPRegressor()", by_pipeline(), data)
    grid = {
        "regressor__mlpregressor__learning_rate_init": [1e-3, 1e-2],
        "regressor__mlpregressor__alpha": [1e-4, 1e-1],
    }
    search = GridSearchCV(by_pipeline(), grid, cv=3)
    show("houses", "the same, tuned by GridSearchCV", search, data)

    data = train_test_split(*load_digits(return_X_y=True), random_state=0)
    for module in (sklearn.neural_network, skbackprop.mlp):
        mlp = module.MLPClassifier((64,), learning_rate_init=0.01, max_iter=30, random_state=0)
        name = f"{module.__name__}.MLPClassifier"
        show("digits", name, make_pipeline(StandardScaler(), mlp), data)
    print("\nscore: R² on houses, accuracy on digits")


if __name__ == "__main__":
    main()
