"""
First-layer weights of a network for digits
===========================================

A network with 40 hidden units learns scikit-learn's digits, images of 8 × 8 pixels. Each hidden
unit has a weight for each pixel, so that its weights can be drawn as an image.
"""

# %%
# Pixels are divided by 16, so that they are between 0 and 1.
import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skbackprop.mlp import MLPClassifier

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X / 16, y, stratify=y, random_state=0)
model = MLPClassifier((40,), alpha=1.0, max_iter=500, random_state=0).fit(X_train, y_train)
print(f"accuracy on new images: {model.score(X_test, y_test):.3f}")
assert model.score(X_test, y_test) > 0.95

# %%
# Blue pixels speak for the unit, red pixels against it. A unit reacts to strokes in some places
# and to their absence in others.
W = model.coefs_[0]
fig, axes = plt.subplots(5, 8, figsize=(8, 5), layout="constrained")
scale = abs(W).max()
for ax, w in zip(axes.flat, W.T, strict=True):
    ax.imshow(w.reshape(8, 8), cmap="RdBu", vmin=-scale, vmax=scale)
    ax.set_axis_off()
fig.suptitle("Weights of the 40 hidden units")
plt.show()

# %%
# The images that the network gets wrong.
wrong = model.predict(X_test) != y_test
fig, axes = plt.subplots(1, 6, figsize=(8, 1.9), layout="constrained")
for ax, image, true, guess in zip(
    axes, X_test[wrong], y_test[wrong], model.predict(X_test)[wrong], strict=False
):
    ax.imshow(image.reshape(8, 8), cmap="gray_r")
    ax.set(title=f"{true}, not {guess}", xticks=[], yticks=[])
plt.show()
