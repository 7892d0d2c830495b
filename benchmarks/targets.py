"""What has to be reached, as numbers.

A target takes some of the measured numbers, makes one of them, and compares it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import geometric_mean
from typing import Any, Literal, TypeAlias

Results: TypeAlias = dict[str, list[dict[str, Any]]]
Numbers: TypeAlias = dict[str, float]  # by the name of the configuration

HOW: dict[str, Callable[[Any], float]] = {
    "geometric mean": geometric_mean,
    "smallest": min,
    "largest": max,
    "": min,  # of one
}


@dataclass(frozen=True)
class Target:
    """A number that must be at least, or at most, a limit.

    Parameters
    ----------
    what : str
        In words.
    select : callable
        The numbers it is about, from all results.
    how : str
        How one number is made of them.
    relation, limit : ">=" or "<=", float
        What has to be reached.
    unit : str
        Of the limit.
    """

    what: str
    select: Callable[[Results], Numbers]
    how: str
    relation: Literal[">=", "<="]
    limit: float
    unit: str = "×"

    @property
    def title(self) -> str:
        """Words of the first column."""
        return f"{self.what}, {self.how}" if self.how else self.what

    @property
    def must(self) -> str:
        """Words of the second column."""
        sign = {">=": "≥", "<=": "≤"}[self.relation]
        return f"{sign} {self.limit:g} {self.unit}".strip()

    def judge(self, results: Results) -> dict[str, Any]:
        """The measured number, where it was measured, and whether it is enough."""
        numbers = self.select(results)
        facts = {"target": self.title, "must": self.must}
        if not numbers:
            return facts | {"measured": None, "where": "", "met": None}
        number = HOW[self.how](numbers.values())
        where = next((name for name, value in numbers.items() if value == number), "")
        met = number >= self.limit if self.relation == ">=" else number <= self.limit
        return facts | {"measured": number, "where": where if len(numbers) > 1 else "", "met": met}


def pick(benchmark: str, key: str = "ratio", label: str = "configuration", **where: Any) -> Any:
    """The numbers under `key` of those records that have the values of `where`."""

    def select(results: Results) -> Numbers:
        return {
            str(record.get(label, "")): record[key]
            for record in results.get(benchmark, [])
            if key in record and all(record.get(name) == value for name, value in where.items())
        }

    return select


def fit(against: str) -> Any:
    """How many of our fits fit into one of the peer."""
    return pick("fit", against=against)


def peak(meter: str) -> Any:
    """New memory of a fit, as a part of X."""
    return pick("memory", "share", what="fit", dtype="float32", meter=meter)


PREDICT = "predict_proba against MLPClassifier"
FLOOR = "bare matrix products, share of a step of the loop"
TARGETS = [
    Target("fit against MLP, float64 input", fit("MLP, float64 input"), "geometric mean", ">=", 4),
    Target("fit against MLP, float64 input", fit("MLP, float64 input"), "smallest", ">=", 2.8),
    Target("fit against MLP, both float32", fit("MLP, both float32"), "geometric mean", ">=", 2.5),
    Target("fit against MLP, both float32", fit("MLP, both float32"), "smallest", ">=", 1.5),
    Target("fit against MLP, both float64", fit("MLP, both float64"), "geometric mean", ">=", 2.5),
    Target("fit against MLP, both float64", fit("MLP, both float64"), "smallest", ">=", 1.5),
    Target("fit against a plain torch loop", fit("torch"), "geometric mean", ">=", 2.5),
    Target("fit against a plain torch loop", fit("torch"), "smallest", ">=", 1.5),
    Target("fit against skorch", fit("skorch"), "geometric mean", ">=", 5),
    *(
        Target(f"{FLOOR}, {name}", pick("floor", "share", configuration=name), "", ">=", share, "")
        for name, share in (("tabular", 0.6), ("wide", 0.75), ("huge", 0.8))
    ),
    Target(
        "overhead of the layers, tiny",
        pick("overhead", "overhead", configuration="tiny"),
        "",
        "<=",
        15,
        "µs per step",
    ),
    Target(f"{PREDICT}, one row", pick("predict", rows=1, dtype="float64"), "", ">=", 2),
    Target(f"{PREDICT}, 100,000 rows", pick("predict", rows=100_000, dtype="float64"), "", ">=", 2),
    Target(
        "new memory in a warm step over one activation",
        pick("memory", "share", what="warm step"),
        "largest",
        "<=",
        1,
        "",
    ),
    *(
        Target(f"new memory of fit over X of float32, {meter}", peak(meter), "", "<=", 0.1, "")
        for meter in ("tracemalloc", "resident set")
    ),
    Target(
        "fit on sparse rows against MLPClassifier", pick("sparse", precision="float32"), "", ">=", 5
    ),
    Target("import beyond that of scikit-learn's MLP", pick("import", "more"), "", "<=", 30, "ms"),
    Target(
        "checkpoints in a fit of a minute", pick("checkpoints", "percent"), "largest", "<=", 2, "%"
    ),
    Target(
        "slope of cost against work", pick("scaling", "slope", "what"), "largest", "<=", 1.1, ""
    ),
    Target(
        "slope of cost against work at the end",
        pick("scaling", "slope_at_end", "what"),
        "largest",
        "<=",
        1.1,
        "",
    ),
]
