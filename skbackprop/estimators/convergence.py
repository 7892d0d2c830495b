"""The warnings, and the one error, that the end of training calls for."""

from __future__ import annotations

from math import inf
from typing import Any

from sklearn.exceptions import ConvergenceWarning

from ..training.run import Run
from ..warn import warn_user

ADVICE = "Scale X (StandardScaler), or lower learning_rate_init."


def report_end(run: Run, resolved: dict[str, Any], *, incremental: bool) -> None:
    """Tell the user how training ended, if not as planned."""
    advice = resolved.get("advice", ADVICE)
    if run.stop_reason == "diverged":
        if run.best_epoch == 0:
            raise ValueError(
                "Solver produced non-finite parameter weights. The input data may contain "
                f"large values and need to be preprocessed. {advice}"
            )
        warn_user(
            f"Training diverged in epoch {run.clock.epoch}: the loss or the weights are not "
            f"finite. The weights of epoch {run.best_epoch} are kept. {advice}",
            ConvergenceWarning,
        )
    elif run.stop_reason == "interrupted":
        warn_user("Training interrupted by user.")
    elif run.stop_reason == "abnormal":
        warn_user(
            f"lbfgs found no step that lowers the loss: {run.messages[-1]} {advice}",
            ConvergenceWarning,
        )
    elif run.stop_reason == "max_iter" and not incremental and _was_to_converge(resolved):
        name = "lbfgs" if resolved["solver"] == "lbfgs" else "Stochastic Optimizer"
        warn_user(
            f"{name}: Maximum iterations ({resolved['max_iter']}) reached and the "
            "optimization hasn't converged yet. Raise max_iter, or scale "
            f"{'X' if advice == ADVICE else 'y'}.",
            ConvergenceWarning,
        )


def _was_to_converge(resolved: dict[str, Any]) -> bool:
    """Was training to go on until it is flat?  A recipe without patience was to end here."""
    patient = resolved["n_iter_no_change"] < inf or resolved["preset"] == "plain"
    return resolved["solver"] == "lbfgs" or patient
