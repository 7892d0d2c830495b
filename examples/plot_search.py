"""
A hyperparameter search that stops bad trials early
===================================================

Optuna draws the parameters, and `partial_fit` trains each trial epoch by epoch, so that a trial
that is clearly worse than the others is stopped.
"""

# %%
import warnings

import matplotlib.pyplot as plt
import numpy as np
import optuna
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skbackprop.mlp import MLPClassifier

optuna.logging.set_verbosity(optuna.logging.ERROR)
warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
X, y = load_digits(return_X_y=True)
X_train, X_valid, y_train, y_valid = train_test_split(X / 16, y, stratify=y, random_state=0)
curves = []


def objective(trial):
    model = MLPClassifier(
        trial.suggest_int("width", 8, 128, log=True),
        n_hidden_layers=trial.suggest_int("depth", 1, 3),
        learning_rate_init=trial.suggest_float("learning_rate", 1e-4, 1e-1, log=True),
        alpha=trial.suggest_float("alpha", 1e-6, 1e-1, log=True),
        random_state=0,
    )
    curves.append([])
    for epoch in range(20):
        model.partial_fit(X_train, y_train, classes=range(10))
        score = model.score(X_valid, y_valid)
        curves[-1].append(score)
        trial.report(score, epoch)
        if trial.should_prune():
            raise optuna.TrialPruned
    return score


study = optuna.create_study(
    direction="maximize",
    sampler=optuna.samplers.TPESampler(seed=0),
    pruner=optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=3),
)
study.optimize(objective, n_trials=25)
print(f"best accuracy {study.best_value:.3f}, with", study.best_params)

# %%
# Most trials are stopped after a few epochs.
epochs = sum(map(len, curves))
fig, ax = plt.subplots(figsize=(6.5, 4), layout="constrained")
for curve in curves:
    finished = len(curve) == 20
    ax.plot(np.arange(1, len(curve) + 1), curve, "C0-" if finished else "C1-", alpha=0.6)
ax.set(xlabel="epoch", ylabel="accuracy on held-out rows")
ax.set_title(f"{len(curves)} trials, {epochs} of {20 * len(curves)} epochs (orange: stopped)")
plt.show()
