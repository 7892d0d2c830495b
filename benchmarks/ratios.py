"""Errors and times of one method over those of another, on the same rows."""

from __future__ import annotations

from math import exp, log, sqrt
from statistics import mean, stdev

from .study import Record

SMALL = 0.01  # added to errors before they are divided: what is almost 0 may not decide


def compared(
    records: list[Record], by: str, one: str, other: str, key: str = "error"
) -> Record | None:
    """Geometric means over the tables of ratios of two methods; None if no table has both.

    Parameters
    ----------
    records : list of Record
        With a table, a seed, the seconds of a fit, and the name of the method under `by`.
    by : str
        The key of the name.
    one, other : str
        The names of the methods; the numbers of `one` are divided by those of `other`.
    key : str
        The key of the error.
    """
    records = [record for record in records if key in record]
    errors = logs(records, by, one, other, key, SMALL)
    if not errors:
        return None
    ratio, deviation = geometric(list(errors.values()))
    time, _ = geometric(list(logs(records, by, one, other, "seconds", 0.0).values()))
    return {
        "tables": len(errors),
        "ratio": ratio,
        "deviation": deviation,
        "better": sum(value < 0 for value in errors.values()),
        "worse": sum(value > 0 for value in errors.values()),
        "time": time,
    }


def logs(
    records: list[Record], by: str, one: str, other: str, key: str, plus: float
) -> dict[str, float]:
    """For each table the mean logarithm of a number of one method over that of another."""
    found = {(r[by], r["table"], r["seed"]): r[key] + plus for r in records if key in r}
    each: dict[str, list[float]] = {}
    for (name, table, seed), value in found.items():
        beside = found.get((other, table, seed))
        if name == one and beside is not None:
            each.setdefault(table, []).append(log(value / beside))
    return {table: mean(values) for table, values in each.items()}


def geometric(logs: list[float]) -> tuple[float | None, float | None]:
    """The exponential of a mean, and its standard error: of two values at least."""
    if not logs:
        return None, None
    center = exp(mean(logs))
    return center, center * stdev(logs) / sqrt(len(logs)) if len(logs) > 1 else None
