"""Why it answers: attributions, derivatives and importances, drawn.

442 patients with diabetes: ten measurements, and a number that says how far the disease has gone a
year later (it comes with scikit-learn).  One table is printed, which columns matter, by three
measures:

- *attribution*: how much the column moves the prediction, on average over the test rows;
- *permutation*: how much R² falls on the test rows when the column is shuffled;
- *model alone*: how much the prediction varies with the column, without any rows.

Then three pictures: both importances with their spread, the attributions of all test rows, and
those of one patient.  At last a check: the derivative by the body mass index is the difference of
two predictions.
"""

import argparse

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.model_selection import train_test_split

from skbackprop import BackpropRegressor
from skbackprop.inspection import feature_importance, input_gradients, model_importances
from skbackprop.plots import AttributionDisplay, FeatureImportanceDisplay


def patients():
    """The measurements in their own units, with the sex as a category."""
    X, y = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
    X["sex"] = X["sex"].map({1.0: "a", 2.0: "b"}).astype("category")
    return train_test_split(X, y, test_size=0.3, random_state=0)


def show(model, X, y):
    """Print the importances of each column."""
    found, alone = feature_importance(model, X, y, random_state=0), model_importances(model)
    print(f"{'column':8}  {'attribution':>16}  {'permutation':>16}  {'model alone':>11}")
    for i in found.order:
        attribution = f"{found.attribution_mean[i]:.1f} ± {found.attribution_std[i]:.1f}"
        permutation = f"{found.permutation_mean[i]:.3f} ± {found.permutation_std[i]:.3f}"
        name = found.feature_names[i]
        print(f"{name:8}  {attribution:>16}  {permutation:>16}  {alone[i]:11.1f}")


def draw(model, X, y):
    """Draw all test rows, and the one with the largest prediction."""
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(15, 4.5), layout="constrained")
    FeatureImportanceDisplay.from_estimator(model, X, y, random_state=0, ax=left)
    AttributionDisplay.from_estimator(model, X, ax=middle)
    worst = X.iloc[[np.argmax(model.predict(X))]]
    AttributionDisplay.from_estimator(model, worst, ax=right)
    left.set_title("Which columns matter")
    middle.set_title("All patients")
    right.set_title("One patient")
    return figure


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", help="write the pictures to this file and show no window")
    arguments = parser.parse_args()
    X_train, X, y_train, y = patients()
    model = BackpropRegressor(random_state=0).fit(X_train, y_train)
    print(f"R² on the test rows: {model.score(X, y):.3f}\n")
    show(model, X, y)

    by_bmi = input_gradients(model, X)[0, X.columns.get_loc("bmi")]
    high, low = (X[:1].assign(bmi=X["bmi"][:1] + step) for step in (0.001, -0.001))
    difference = (model.predict(high) - model.predict(low))[0] / 0.002
    print(f"\none unit of bmi for the first patient: {by_bmi:.4f}, by differences {difference:.4f}")

    figure = draw(model, X, y)
    if arguments.output:
        figure.savefig(arguments.output)
    else:
        plt.show()


if __name__ == "__main__":
    main()
