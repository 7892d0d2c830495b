"""The meaning of ``"auto"``: one table for each preset.

``"plain"`` is scikit-learn's MLP, number for number.  The other three are recipes for tables.
They depend on what the training rows are (`DataSummary`), and never on the clock: the same rows
and the same seed give the same model.

The recipe for tables follows Holzmüller, Grinsztajn & Steinwart, "Better by default: strong
pre-tuned MLPs and boosted trees on tabular data" (2024), with what ensembles of small
networks make better, or superfluous.
"""

from __future__ import annotations

from dataclasses import replace
from math import ceil
from typing import Any

from ..params import Frozen, frozen

# scikit-learn's MLP.
PLAIN: dict[str, Any] = {
    "hidden_layer_sizes": (100,),
    "activation": "relu",
    "solver": "adam",
    "alpha": 1e-4,
    "learning_rate": "constant",
    "learning_rate_init": 1e-3,
    "max_iter": 200,
    "tol": 1e-4,
    "early_stopping": False,
    "validation_fraction": 0.1,
    "refit": False,
    "beta_1": 0.9,
    "beta_2": 0.999,
    "epsilon": 1e-8,
    "momentum": 0.9,
    "n_iter_no_change": 10,
    "weight_init": "mlp",
    "bias_init": "mlp",
    "dropout": 0.0,
    "dropout_schedule": "constant",
    "weight_decay_schedule": "constant",
    "averaging": None,
    "feature_encoding": None,
    "numeric_embedding": None,
    "n_frequencies": 8,
    "frequency_scale": 0.2,
    "n_bins": 8,
    "embedding_dim": 8,
    "feature_scale": False,
    "value_effects": False,
    "whitened": 0.0,
    "lr_multipliers": None,
    "solve_output": False,
    "n_members": 1,
    "max_restarts": 0,
    "calibration": None,
    "label_smoothing_schedule": "constant",
    "standardize_target": False,
    "clip_predictions": False,
}

MAX_EMBEDDING_COLUMNS = 400  # inputs that a numeric embedding may have
TINY = 150  # rows: with more steps networks overfit them
SMALL = 1500  # rows: with more steps and inputs than those of "auto" networks overfit them
MANY = 10_000  # rows: beyond them `many_rows` changes the recipe with their number
# What all schedules may cost, in products of weights and rows: about 15 s of one core, in "best" 20
# times as much. Restarts beyond are not planned.
MOST_WORK = {"fast": 0.0, "auto": 1.5e11, "best": 3e12}
# Numeric columns: fewer members above the first, embedded up to the second if there are many
# rows, narrower layers above the third.
WIDE, EMBEDDED, VERY_WIDE = 300, 1000, 3000
FEW, MANY_CALLS = 32, 2000  # rows of one call, and of the stream that such calls stand for
# Rows: with fewer the probabilities of two classes, and of more, are too extreme.
CALIBRATED_TWO, CALIBRATED_MORE = 600, 250
# Members for so few rows of two classes, and of others; with more rows they become fewer.
MOST_MEMBERS, FEW_OF_TWO, FEW_OF_OTHERS = 16, 1000, 200
FEWEST = 10  # rows: fewer are not split into training and validation rows

# Learning rates of classes and of numbers: the more steps, the smaller; "slow" is for few rows,
# too, and for an unknown number of steps.
RATES = {"fast": (0.01, 0.025), "auto": (0.01, 0.0125), "slow": (0.005, 0.0125)}

# What all recipes for tables have in common.
TABULAR: dict[str, Any] = PLAIN | {
    "activation": "silu",
    "alpha": 0.0,
    "learning_rate": "coslog4",
    "early_stopping": True,
    "beta_2": 0.95,
    "n_iter_no_change": float("inf"),
    "weight_init": "data",
    "bias_init": "data",
    "dropout": 0.15,
    "dropout_schedule": "flat_cos",
    "weight_decay": 0.16,
    "weight_decay_schedule": "flat_cos",
    "averaging": "ema",
    "scoring": "loss",
    "feature_encoding": "table",
    "feature_scale": True,
    "value_effects": True,
    "lr_multipliers": "ntk",
    "solve_output": True,
    "standardize_target": True,
    "clip_predictions": True,
}


@frozen
class DataSummary(Frozen):
    """What a recipe may depend on.

    Parameters
    ----------
    n : int
        Number of training rows.
    n_numeric : int
        Number of numeric columns.
    n_classes : int
        Number of classes; 0 in regression, 1 for targets of several columns of labels.
    sparse : bool
        Is X sparse?
    incremental : bool
        Is this a call of ``partial_fit``?
    n_other : int
        Number of other inputs: indicators, levels, whitened numbers, numbers of embeddings.
    """

    n: int
    n_numeric: int = 1
    n_classes: int = 0
    sparse: bool = False
    incremental: bool = False
    n_other: int = 0


def tabular(summary: DataSummary, *, speed: str = "auto") -> dict[str, Any]:
    """The recipe for tables: ``"fast"``, ``"auto"`` or ``"best"``."""
    n, small = summary.n, summary.n < SMALL
    width, batch = 128 if is_hard(summary) else 64, 64 if small else 128
    k = 4 if speed == "fast" else count_members(summary) * (3 if speed == "best" else 1)
    n_steps = count_steps(summary, speed)
    n_steps, batch, width, k, dropout = many_rows(n, n_steps, batch, width, k)
    slow = speed == "best" or summary.incremental or (small and speed == "auto")
    values = TABULAR | embedding(summary, speed)
    values |= {
        "hidden_layer_sizes": (width, width),
        "learning_rate_init": RATES["slow" if slow else speed][summary.n_classes == 0],
        "n_members": k,
        "dropout": dropout,
        "batch_size": equal_batches(int(0.9 * n), batch),
        # Some tables with classes lose by whitened columns; where half of the members do without
        # them, the harm is less than half. Nearly noise-free numbers need them in all members.
        "whitened": 0.5 if summary.n_classes else 1.0,
        "calibration": calibration(summary),
        # Two classes and numbers gain nothing.
        "refit": "fine_tune" if summary.n_classes > 2 else False,
    }
    values["max_iter"] = max(1, round(n_steps / ceil(max(0.9 * n, 1) / values["batch_size"])))
    if summary.n_numeric > WIDE:
        values |= wide(summary, width, k)
    values["max_restarts"] = affordable_restarts(values, summary, MOST_WORK[speed])
    if n < FEWEST:
        values["early_stopping"] = False
    if summary.sparse:
        values |= SPARSE | {"max_iter": min(max(values["max_iter"], 10), 100)}
    if summary.incremental:
        values |= INCREMENTAL
    return values


def is_hard(summary: DataSummary) -> bool:
    """Are there more than two classes, and enough rows to learn them by larger networks?"""
    return summary.n_classes > 2 and summary.n >= 4000


def count_steps(summary: DataSummary, speed: str) -> int:
    """How many steps a schedule has for up to `MANY` rows; for classes fewer if rows are few.

    >>> [count_steps(DataSummary(n, n_classes=2), "auto") for n in (100, 200, 7_500, 10_000)]
    [400, 600, 600, 800]
    >>> [count_steps(DataSummary(6_000, n_classes=k), "auto") for k in (0, 7)]
    [800, 1500]
    >>> [count_steps(DataSummary(6_000, n_classes=k), "fast") for k in (0, 2, 7)]
    [240, 240, 600]
    """
    n = summary.n
    if speed == "best" and n >= SMALL:
        return 3000
    n_steps = 400 if n < TINY else 2000 if is_hard(summary) else 800
    if speed == "fast":
        return 3 * n_steps // 10
    if summary.n_classes and n >= TINY:
        return round(n_steps * min(max(n / MANY, 0.75), 1))
    return n_steps


def count_members(summary: DataSummary) -> int:
    """How many members the recipe "auto" has for up to `MANY` rows.

    Members differ the more, the fewer the rows, so that their mean gains by more of them.

    >>> [count_members(DataSummary(n, n_classes=2)) for n in (100, 600, 1000, 1500, 2000, 3000)]
    [16, 16, 16, 11, 8, 5]
    >>> [count_members(DataSummary(n, n_classes=7)) for n in (100, 300, 1000, 1500, 2000, 3000)]
    [16, 11, 8, 5, 5, 5]
    """
    n, usual = summary.n, 8 if summary.n < SMALL else 5
    if summary.incremental:
        return 4 if n < TINY else usual
    few, least = (FEW_OF_TWO, 5) if summary.n_classes == 2 else (FEW_OF_OTHERS, usual)
    return min(MOST_MEMBERS, max(least, round(MOST_MEMBERS * few / max(n, 1))))


def embedding(summary: DataSummary, speed: str) -> dict[str, Any]:
    """How numbers become inputs: networks overfit few rows with many inputs."""
    n, longer = summary.n, speed == "best" and summary.n >= SMALL
    n_each = min(MAX_EMBEDDING_COLUMNS, n // 4) // max(summary.n_numeric, 1)
    n_bins = 8 if n_each >= 10 else 4
    if longer and summary.n_classes <= 2 and n_each >= 18:
        n_bins = 16
    n_frequencies = 4 if n_each >= (12 if n < SMALL else 40) else 2
    # Periodic embeddings besides the piecewise ones take time, so only "best" has them.
    kind, least = ("both", n_bins + 2) if longer else ("piecewise", n_bins)
    return {
        "numeric_embedding": kind if n_each >= least else "periodic",
        "n_bins": n_bins,
        "n_frequencies": max(1, min(n_frequencies, n_each)),
    }


def calibration(summary: DataSummary) -> str | None:
    """What few rows divide the scores by; not measured for several columns of labels."""
    few = CALIBRATED_TWO if summary.n_classes == 2 else CALIBRATED_MORE
    return "sqrt_temperature" if summary.n_classes > 1 and summary.n < few else None


def many_rows(
    n: int, n_steps: int, batch: int, width: int, k: int
) -> tuple[int, int, int, int, float]:
    """Steps, rows of a batch, width, members and dropout, by powers of the rows beyond `MANY`.

    More rows are worth more steps, and wider networks rather than more of them, since a member
    that overfits less gains less by being averaged.  The time grows by less than the rows.

    >>> many_rows(10_000, 800, 128, 64, 5)
    (800, 128, 64, 5, 0.15)
    >>> many_rows(100_000, 800, 128, 64, 5)
    (3578, 322, 128, 2, 0.0752)
    """
    growth = max(1.0, n / MANY)
    longer = (growth * min(growth, 2)) ** 0.5  # twice the rows twice the steps, then the root
    root = growth**0.5
    return (
        round(n_steps * min(longer, 5)),
        round(batch * growth**0.4),
        8 * round(min(width * root, 128) / 8),
        max(2, round(k / root)),
        round(0.15 * growth**-0.3, 4),
    )


def affordable_restarts(values: dict[str, Any], summary: DataSummary, most_work: float) -> int:
    """How many restarts fit into the work, each twice as long as the schedule before: 2 at most."""
    width, kind = values["hidden_layer_sizes"][0], values["numeric_embedding"]
    n_each = 1 + (values["n_bins"] if kind in ("piecewise", "both") else 0)
    n_each += values["n_frequencies"] if kind in ("periodic", "both") else 0
    n_inputs = summary.n_numeric * n_each + summary.n_other
    n_weights = width * (n_inputs + width + max(summary.n_classes, 1))
    work = values["n_members"] * n_weights * 0.9 * summary.n * values["max_iter"]
    limit = 2 - (summary.n_numeric > WIDE) - (summary.n_numeric > EMBEDDED)
    affordable = (r for r in range(limit, 0, -1) if work * (2 ** (r + 1) - 1) <= most_work)
    return next(affordable, 0)


def wide(summary: DataSummary, width: int, k: int) -> dict[str, Any]:
    """Changes for many numeric columns: work that grows more slowly than their number.

    There are fewer members, then narrower layers, and no embeddings unless rows are many.
    """
    n, d = summary.n, summary.n_numeric
    width = max(width // 2, 8 * round(width / 8 * min(1, (VERY_WIDE / d) ** (1 / 3))))
    changes: dict[str, Any] = {
        "n_members": min(k, max(2, round(k * (WIDE / d) ** 0.5))),
        "hidden_layer_sizes": (width, width),
    }
    if d > EMBEDDED or n < 4 * d:
        changes["numeric_embedding"] = None
    return changes


# Sparse rows have few entries, whatever their width: no factor by width, nothing dense below.
SPARSE: dict[str, Any] = {
    "hidden_layer_sizes": (128,),
    "learning_rate": "cosine",
    "learning_rate_init": 1e-3,
    "lr_multipliers": None,
    "feature_scale": False,
    "value_effects": False,
    "whitened": 0.0,
    "weight_init": "mlp",
    "bias_init": "mlp",
    "numeric_embedding": None,
    "n_members": 1,
    "batch_size": 64,
    "max_restarts": 0,
    "calibration": None,
    "refit": False,
    "weight_decay": 0.0,
}

# The length of training is unknown, and the rows of one call say little about the rest.
INCREMENTAL: dict[str, Any] = {
    "learning_rate": "constant",
    "dropout_schedule": "constant",
    "weight_decay_schedule": "constant",
    "early_stopping": False,
    "refit": False,
    "value_effects": False,
    "numeric_embedding": "periodic",
    "whitened": 0.0,
    "max_restarts": 0,
}

# All rows at once, and a loss without random parts.
FULL_BATCH: dict[str, Any] = {
    "learning_rate": "constant",
    "early_stopping": False,
    "refit": False,
    "dropout": 0.0,
    "weight_decay": 0.0,
    "averaging": None,
    "lr_multipliers": None,
    "alpha": 1e-4,
    "max_iter": 200,
    "n_members": 1,
    "max_restarts": 0,
}


def equal_batches(n: int, size: int) -> int:
    """A batch size near `size` with which the last batch is about as large as the others.

    >>> equal_batches(300, 256), equal_batches(450, 64)
    (300, 65)
    """
    return max(1, ceil(n / max(1, round(n / size))))


def preset_values(preset: str, summary: DataSummary, solver: Any) -> dict[str, Any]:
    """What ``"auto"`` stands for, parameter by parameter."""
    if preset == "plain":
        return PLAIN
    n = summary.n
    if summary.incremental and 0 < n < FEW:
        values = tabular(replace(summary, n=MANY_CALLS), speed=preset)
        values |= small_steps(values, n / values["batch_size"]) | {"batch_size": n}
        values |= {"dropout": 0.0}  # rows that are learned from once are not overfitted
        values |= {"weight_init": "mlp", "bias_init": "mlp"}  # so few rows say little about others
    else:
        values = tabular(summary, speed=preset)
    return values | FULL_BATCH if solver == "lbfgs" else values


def small_steps(values: dict[str, Any], share: float) -> dict[str, Any]:
    """The settings for batches that are smaller by a factor `share`, with the same result.

    So many rows after a step, Adam's moments, the average and the weights have lost as much of
    what they were as with the larger batches; the learning rate falls with the root of the batch.

    Malladi, Lyu, Panigrahi and Arora, "On the SDEs and scaling rules for adaptive gradient
    algorithms" (2022).
    """
    return {
        "learning_rate_init": values["learning_rate_init"] * share**0.5,
        "weight_decay": values["weight_decay"] * share**0.5,
        "beta_1": values["beta_1"] ** share,
        "beta_2": values["beta_2"] ** share,
        "average_share": share,
    }
