"""The four classic drawbacks of backpropagation, and what is left of them.

Deep nets do not learn, the learning rate has to be found, training ends in local minima, and
few rows are not enough: a figure for each, over several seeds, and one for the cost of what
helps.  The fits themselves are in `drawbacks`.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from itertools import product
from math import inf, log
from statistics import mean, median, stdev
from typing import Any, TypeAlias

from . import report, study
from .drawbacks import COSTS, FIGURES, KINDS, PROBLEMS
from .ratios import SMALL, geometric
from .study import Record
from .targets import Results, Target, pick

Groups: TypeAlias = dict[tuple[Any, ...], list[Record]]

ACTIVATIONS = ("tanh", "relu", "mish")
FACTORS = [2.0**k for k in range(-5, 6)]
NEAR = 1.05  # times the best error: as good as the best
PROBED = 1.03
MLP = "MLP"  # the method that is not one of our presets
ALL = "all, geometric mean"
DEFAULT_TABLES = ["breast_cancer", "digits", "diabetes"]  # of scikit-learn's: enough rows
N_SEEDS = 5
N_XOR = 100
MORE_SEEDS = 2  # times the seeds: a standard deviation needs more of them than a mean


def main(argv: list[str]) -> int:
    """Measure what has not been measured, and write all of it; 0 if nothing failed."""
    arguments = parse(argv)
    measure = study.caller("drawbacks.measure", quick=arguments.quick, data=arguments.data)
    cases = [{"figure": figure} | case for figure in arguments.only
             for case in CASES[figure](arguments)]  # fmt: skip
    records = study.collect("drawbacks", cases, measure, arguments.journal)
    summaries = {
        figure: list(SUMMARIES[figure]([r for r in records if r["figure"] == figure]))
        for figure in arguments.only
    }
    targets = [] if arguments.quick else [target.judge(summaries) for target in TARGETS]
    targets = [target for target in targets if target["measured"] is not None]
    document = {
        "quick": arguments.quick,
        **study.facts("drawbacks", argv),
        "notes": {"tables": ", ".join(arguments.tables), "seeds": str(arguments.seeds)},
        "targets": targets,
        "summary": summaries,
        "records": records,
    }
    sections = [("What it must show", report.table(targets, report.TARGET_COLUMNS))]
    sections = sections if targets else []
    for figure, rows in summaries.items():
        columns = {k: v for k, v in COLUMNS[figure].items() if any(k in row for row in rows)}
        sections.append((TITLES[figure], report.table(rows, columns)))
    return study.write("drawbacks", document, sections, arguments.output)


def parse(argv: list[str]) -> argparse.Namespace:
    """The options."""
    parser = study.parser("drawbacks", __doc__)
    parser.add_argument("--only", nargs="+", choices=FIGURES, default=list(FIGURES),
                        metavar="FIGURE", help="some of " + ", ".join(FIGURES))  # fmt: skip
    parser.add_argument("--seeds", type=int, default=N_SEEDS, help=f"default {N_SEEDS}")
    parser.add_argument(
        "--rows",
        type=int,
        default=2000,
        help="training rows of rate and spread, at most; default 2000",
    )
    arguments = parser.parse_args(argv)
    if arguments.tables is None and arguments.data is None:
        arguments.tables = DEFAULT_TABLES
    return study.start(arguments, {"tables": ["iris"], "seeds": 1, "rows": 60})


# ---- which cases ----------------------------------------------------------------------------


def depth_cases(arguments: argparse.Namespace) -> Iterator[Record]:
    """Each kind of stack with each activation, and two layers beside it."""
    quick = arguments.quick
    stacks = product(
        range(arguments.seeds),
        ["digits"] if quick else PROBLEMS,
        ACTIVATIONS[:1] if quick else ACTIVATIONS,
        KINDS,
    )
    for seed, problem, activation, kind in stacks:
        layers = 2 if kind == "two layers" else 5 if quick else 50
        yield {"problem": problem, "activation": activation, "kind": kind, "layers": layers,
               "steps": 5 if quick else 2000, "seed": seed}  # fmt: skip


def rate_cases(arguments: argparse.Namespace) -> Iterator[Record]:
    """Rates on a grid for both peers, and a probed one."""
    factors, methods = [1.0] if arguments.quick else FACTORS, methods_of(arguments)
    for seed in range(arguments.seeds):
        for table in arguments.tables:
            for factor in [*factors, "probe"]:
                for method in methods if factor != "probe" else methods[:1]:
                    yield {"table": table, "method": method, "factor": factor,
                           "rows": arguments.rows, "seed": seed}  # fmt: skip


def methods_of(arguments: argparse.Namespace) -> list[str]:
    """Our preset, and the peer."""
    return ["fast" if arguments.quick else "auto", MLP]


def xor_cases(arguments: argparse.Namespace) -> Iterator[Record]:
    """One network and eight, with both classical activations; a tenth of the seeds at a time."""
    few = arguments.quick
    seeds = 2 if few else N_XOR // 10
    for activation in ("tanh", "logistic"):
        for members in (1, 8):
            for first in range(0, seeds if few else N_XOR, seeds):
                yield {"activation": activation, "members": members, "first": first,
                       "seeds": seeds, "epochs": 20 if few else 2000}  # fmt: skip


def spread_cases(arguments: argparse.Namespace) -> Iterator[Record]:
    """One member and eight on the same rows, from many seeds."""
    for seed in range(MORE_SEEDS * arguments.seeds):
        for table in arguments.tables:
            for members in (1, 2 if arguments.quick else 8):
                yield {"table": table, "method": methods_of(arguments)[0], "members": members,
                       "rows": arguments.rows, "seed": seed}  # fmt: skip


def little_cases(arguments: argparse.Namespace) -> Iterator[Record]:
    """Few rows for both peers."""
    for seed in range(arguments.seeds):
        for table in arguments.tables:
            for rows in [60] if arguments.quick else [100, 300, 1000]:
                for method in methods_of(arguments):
                    yield {"table": table, "rows": rows, "method": method,
                           "values": 1 if arguments.quick else 3, "seed": seed}  # fmt: skip


def cost_cases(arguments: argparse.Namespace) -> Iterator[Record]:
    """Every comparison in a process for each seed."""
    steps, repeats = (10, 1) if arguments.quick else (100, 9)
    for seed in range(arguments.seeds):
        for what in COSTS:
            yield {"what": what, "steps": steps, "repeats": repeats, "seed": seed}


# ---- what they mean -------------------------------------------------------------------------


def grouped(records: list[Record], key: str, *by: str) -> Groups:
    """The records that have `key`, together if they agree in `by`."""
    groups: Groups = {}
    for record in records:
        if key in record:
            groups.setdefault(tuple(record[name] for name in by), []).append(record)
    return groups


def average(records: list[Record], key: str) -> float:
    """Mean of a number over seeds."""
    return mean(record[key] for record in records)


def depth_summary(records: list[Record]) -> Iterator[Record]:
    """Accuracies, also as a share of the best of two layers; ratios of gradients."""
    groups = grouped(records, "accuracy", "problem", "activation", "kind")
    for (problem, activation, kind), of in groups.items():
        best = max((average(other, "accuracy") for (p, _, k), other in groups.items()
                    if (p, k) == (problem, "two layers")), default=None)  # fmt: skip
        accuracy = average(of, "accuracy")
        row = {"problem": problem, "activation": activation, "kind": kind,
               "where": f"{problem}, {activation}", "layers": of[0]["layers"],
               "accuracy": accuracy, "worst": min(r["accuracy"] for r in of)}  # fmt: skip
        if best:
            row["share"] = accuracy / best
        for key in ("delta_ratio", "weight_ratio"):
            ratios = [r[key] for r in of if r[key] is not None]
            row[key] = median(ratios) if ratios else None
        if row["delta_ratio"]:
            row["factor"] = max(row["delta_ratio"], 1 / row["delta_ratio"])
        yield row


def rate_summary(records: list[Record]) -> Iterator[Record]:
    """For each table the rates that are as good as the best, and what the default loses."""
    diverged = [record | {"error": inf} for record in records if "diverged" in record]
    groups = grouped([*records, *diverged], "error", "table", "method")
    for (table, method), of in groups.items():
        by_factor = {factor: average(same, "error")
                     for (factor,), same in grouped(of, "error", "factor").items()}  # fmt: skip
        probed = by_factor.pop("probe", None)
        best = min(by_factor.values())
        low, high = stretch(by_factor)
        row = {"table": table, "method": method, "best": best, "from": low, "to": high,
               "range": high / low, "at_default": by_factor[1.0] / best}  # fmt: skip
        yield row | ({} if probed is None else {"probed": probed / best})


def stretch(errors: dict[float, float]) -> tuple[float, float]:
    """The first and last of the factors around the best one whose errors are near the best.

    >>> stretch({0.5: 3.0, 1.0: 1.04, 2.0: 1.0, 4.0: 1.03, 8.0: 2.0, 16.0: 1.0})
    (1.0, 4.0)
    """
    factors = sorted(errors)
    best = min(factors, key=errors.__getitem__)
    near = [errors[factor] <= NEAR * errors[best] for factor in factors]
    first = last = factors.index(best)
    while first > 0 and near[first - 1]:
        first -= 1
    while last < len(factors) - 1 and near[last + 1]:
        last += 1
    return factors[first], factors[last]


def xor_summary(records: list[Record]) -> Iterator[Record]:
    """Seeds from which XOR was learned."""
    groups = grouped(records, "solved", "activation", "members")
    for (activation, members), of in groups.items():
        yield {"activation": activation, "members": members,
               "solved": sum(r["solved"] for r in of),
               "seeds": sum(r["seeds"] for r in of)}  # fmt: skip


def spread_summary(records: list[Record]) -> Iterator[Record]:
    """Standard deviations of the error; at last the geometric mean of their ratios."""
    ratios = []
    for (table,), of in grouped(records, "error", "table").items():
        errors = {members: [r["error"] for r in same]
                  for (members,), same in grouped(of, "error", "members").items()}  # fmt: skip
        if len(errors) < 2 or min(map(len, errors.values())) < 2:
            continue
        one, many = errors[1], errors[max(errors)]
        row = {"table": table, "seeds": len(one), "members": max(errors),
               "error_one": mean(one), "error_many": mean(many),
               "spread_one": stdev(one), "spread_many": stdev(many)}  # fmt: skip
        if row["spread_one"] > 0 < row["spread_many"]:
            row["ratio"] = row["spread_many"] / row["spread_one"]
            ratios.append(log(row["ratio"]))
        yield row
    if ratios:
        center, deviation = geometric(ratios)
        yield {"table": ALL, "ratio": center, "deviation": deviation}


def little_summary(records: list[Record]) -> Iterator[Record]:
    """Our error over that of the searched MLP, over all tables with so many rows."""
    for (rows,), of in grouped(records, "error", "rows").items():
        logs, wins = [], []
        for same in grouped(of, "error", "table").values():
            errors = {method: {r["seed"]: r["error"] for r in own}
                      for (method,), own in grouped(same, "error", "method").items()}  # fmt: skip
            if len(errors) < 2:
                continue
            theirs, (ours,) = errors.pop(MLP), errors.values()
            seeds = [seed for seed in ours if seed in theirs]
            if seeds:
                logs.append(mean(log((ours[s] + SMALL) / (theirs[s] + SMALL)) for s in seeds))
                wins.append(float(mean(ours[s] for s in seeds) < mean(theirs[s] for s in seeds)))
        if logs:
            ratio, deviation = geometric(logs)
            yield {"rows": rows, "tables": len(logs), "ratio": ratio, "deviation": deviation,
                   "won": mean(wins)}  # fmt: skip


def cost_summary(records: list[Record]) -> Iterator[Record]:
    """Medians over the processes."""
    for (what,), of in grouped(records, "ratio", "what").items():
        ratio = median(r["ratio"] for r in of)
        yield {"what": what, "without": median(r["without"] for r in of),
               "with": median(r["with"] for r in of), "ratio": ratio,
               "least": min(r["ratio"] for r in of), "most": max(r["ratio"] for r in of),
               "part": max(0.0, 1 - 1 / ratio)}  # fmt: skip


# ---- what it must be, and how it is written -------------------------------------------------


def over_tables(key: str, reduce: Callable[[list[float]], float]) -> Any:
    """A number of our rows of the learning rates."""

    def select(results: Results) -> dict[str, float]:
        values = pick("rate", key, "table", method="auto")(results).values()
        return {"": reduce(list(values))} if values else {}

    return select


def share_probed(values: list[float]) -> float:
    """Share of tables on which the probed rate is near the best."""
    return mean(float(value <= PROBED) for value in values)


DEEP = "50 layers, accuracy over the best of two layers"
NORMS = "50 layers, gradient from first to last hidden layer"
TARGETS = [
    *(Target(f"{DEEP}, {kind}", pick("depth", "share", "where", kind=kind), "smallest", ">=", 0.97,
             "") for kind in ("residual", "data")),
    *(Target(f"{NORMS}, {kind}", pick("depth", "factor", "where", kind=kind), "largest", "<=", 10)
      for kind in ("residual", "data")),
    Target("range of rates within 5 % of the best error, median of the tables",
           over_tables("range", median), "", ">=", 30),
    Target("tables on which the probed rate is within 3 % of the best error",
           over_tables("probed", share_probed), "", ">=", 20 / 26, ""),
    Target("XOR from 100 seeds, 8 members", pick("xor", "solved", "activation", members=8),
           "smallest", ">=", N_XOR, ""),
    Target("spread of the test error, 8 members over one", pick("spread", "ratio", "table",
           table=ALL), "", "<=", 0.5),
    Target("error over that of the best MLP of a grid, few rows", pick("little", "ratio", "rows"),
           "largest", "<=", 1),
    Target("step of 8 members over one of one", pick("cost", "ratio", "what", what="8 members"),
           "", "<=", 4),
    Target("dropout and layer norm, part of a step",
           pick("cost", "part", "what", what="dropout and layer norm"), "", "<=", 0.35, ""),
    *(Target(f"step of {solver} over one of adam", pick("cost", "ratio", "what", what=solver), "",
             "<=", 1) for solver in ("adamw", "lion")),
]  # fmt: skip
CASES: dict[str, Callable[[argparse.Namespace], Iterator[Record]]] = {
    "depth": depth_cases, "rate": rate_cases, "xor": xor_cases, "spread": spread_cases,
    "little": little_cases, "cost": cost_cases,
}  # fmt: skip
SUMMARIES: dict[str, Callable[[list[Record]], Iterator[Record]]] = {
    "depth": depth_summary, "rate": rate_summary, "xor": xor_summary, "spread": spread_summary,
    "little": little_summary, "cost": cost_summary,
}  # fmt: skip
TITLES = {
    "depth": "Deep nets: hidden layers of 64, plainly stacked and otherwise",
    "rate": "The learning rate: where the test error is within 5 % of its best",
    "xor": "Local minima: seeds from which two hidden units learn XOR",
    "spread": "Local minima: spread of the test error over seeds",
    "little": "Little data: recommended settings beside MLPClassifier's best of a grid",
    "cost": "What it costs, milliseconds of the processor per step",
}
COLUMNS = {
    "depth": {"problem": "problem", "kind": "stack", "layers": "layers",
              "activation": "activation", "accuracy": "test accuracy", "worst": "worst seed",
              "share": "of the best of two layers",
              "delta_ratio": "gradient of outputs at the start, first / last layer",
              "weight_ratio": "gradient of weights at the start, first / last layer"},
    "rate": {"table": "table", "method": "method", "best": "best error", "from": "from, × default",
             "to": "to, × default", "range": "range, ×", "at_default": "default / best",
             "probed": "probed / best"},
    "xor": {"activation": "activation", "members": "members", "solved": "solved", "seeds": "of"},
    "spread": {"table": "table", "seeds": "seeds", "members": "members",
               "error_one": "error, one", "error_many": "error, members",
               "spread_one": "spread, one", "spread_many": "spread, members", "ratio": "ratio",
               "deviation": "± (standard error)"},
    "little": {"rows": "rows", "tables": "tables", "ratio": "error, ours / MLP",
               "deviation": "± (standard error over tables)", "won": "share of tables won"},
    "cost": {"what": "what", "without": "without, or adam", "with": "with", "ratio": "ratio",
             "least": "least", "most": "most", "part": "part of the step"},
}  # fmt: skip
