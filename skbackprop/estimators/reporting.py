"""The report of a training: lines with ``verbose``, and warnings."""

from __future__ import annotations

from math import inf
from typing import Any

from sklearn.exceptions import ConvergenceWarning

from ..recipes import build
from ..training.callbacks import print_begin, print_end
from ..training.run import Run
from ..warn import warn_user
from .fitted import Fitted
from .split import Split

ADVICE = "Scale X (StandardScaler), or lower learning_rate_init."


def is_verbose(fitted: Fitted) -> bool:
    """Is there a line before and after a training?  Not after each call of ``partial_fit``."""
    return bool(fitted.resolved["verbose"]) and not (
        fitted.incremental or fitted.resolved["preset"] == "plain"
    )


def describe_work(fitted: Fitted, split: Split, n_members: int) -> str:
    """What there is to do in a training, in words: what its time depends on."""
    resolved = fitted.resolved
    parts = [
        f"{split.n_training} rows",
        f"{split.table.x.shape[1]} encoded columns",
        f"{resolved['n_out']} outputs",
        f"{n_members} members" if n_members > 1 else "one network",
        f"hidden layers {resolved['hidden_layer_sizes']}",
        f"{resolved['max_iter']} epochs",
    ]
    if build.restarts(resolved):
        parts.append(f"up to {resolved['max_restarts']} warm restarts after them")
    return ", ".join(parts)


def announce(fitted: Fitted, split: Split) -> None:
    """With ``verbose``, print what will be trained."""
    if not is_verbose(fitted):
        return
    resolved, k = fitted.resolved, build.n_members(fitted.resolved)
    members = "one network" if k is None else f"{k} members"
    epochs = f"up to {resolved['max_iter']} epochs"
    if build.restarts(resolved):
        epochs += ", and more with warm restarts"
    held = split.held_out
    if held is None:
        validation = "no validation rows"
    elif split.folds is None:
        validation = f"{held.rows.n} validation rows"
    else:
        n = max(map(len, split.folds))
        validation = f"{n} of {held.rows.n} rows validate each member"
    print_begin(resolved["preset"], [members, epochs, validation])


def announce_end(fitted: Fitted) -> None:
    """With ``verbose``, print what was kept, and why training stopped."""
    if not is_verbose(fitted):
        return
    scoring, best, parts = fitted.resolved["scoring"], fitted.best_score, []
    if best is not None and scoring == "loss":
        parts.append(f"validation loss {-best:.4g}")
    elif best is not None:
        name = scoring if isinstance(scoring, str) else "score"
        parts.append(f"validation {name} {best:.4g}")
    print_end(fitted.run, *parts)


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
