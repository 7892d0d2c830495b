"""
Why it answers: attributions, derivatives and importances
=========================================================

442 patients with diabetes: ten measurements, and a measure of the progression of the disease a year
later. The table comes with scikit-learn. Which measurements does the prediction depend on, and
how?
"""

# %%
# The measurements are in their own units, and the sex is a category.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.inspection import PartialDependenceDisplay
from sklearn.model_selection import train_test_split

from skbackprop import BackpropRegressor
from skbackprop.inspection import input_gradients, model_importances
from skbackprop.plots import AttributionDisplay, FeatureImportanceDisplay

X, y = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
X["sex"] = X["sex"].map({1.0: "a", 2.0: "b"}).astype("category")
X_train, X, y_train, y = train_test_split(X, y, test_size=0.3, random_state=0)
model = BackpropRegressor(random_state=0).fit(X_train, y_train)
print(f"R² of new rows: {model.score(X, y):.3f}")

# %%
# Two importances of each column: by how much it moves the prediction, and by how much R² falls when
# it is shuffled. `model_importances` needs no rows at all, so that `SelectFromModel` can use it.
fig, ax = plt.subplots(figsize=(6.5, 4), layout="constrained")
FeatureImportanceDisplay.from_estimator(model, X, y, random_state=0, ax=ax)
alone = dict(zip(X.columns, model_importances(model).round(1).tolist(), strict=True))
print("of the model alone:", alone)
plt.show()

# %%
# The attributions of all new rows (left), and those of the patient with the largest prediction
# (right). They add up to the difference between the prediction and that of the baseline.
fig, (left, right) = plt.subplots(1, 2, figsize=(11, 4.5), layout="constrained")
AttributionDisplay.from_estimator(model, X, ax=left)
AttributionDisplay.from_estimator(model, X.iloc[[np.argmax(model.predict(X))]], ax=right)
left.set_title("All patients")
right.set_title("One patient")
plt.show()

# %%
# scikit-learn's partial dependence works, too.
fig, ax = plt.subplots(figsize=(9, 3), layout="constrained")
PartialDependenceDisplay.from_estimator(
    model, X, ["bmi", "s5", "sex"], categorical_features=["sex"], ax=ax
)
plt.show()

# %%
# The derivative by the body mass index is the slope of the prediction in its unit: two predictions
# say the same.
by_bmi = input_gradients(model, X)[0, X.columns.get_loc("bmi")]
high, low = (X[:1].assign(bmi=X["bmi"][:1] + step) for step in (0.001, -0.001))
difference = (model.predict(high) - model.predict(low))[0] / 0.002
print(f"one unit of bmi for the first patient: {by_bmi:.4f}, by two predictions {difference:.4f}")
assert abs(by_bmi - difference) < 1e-4 * abs(difference)
