"""Error and time of estimators with their default settings on real tables.

Every table is divided several times, and every method learns from each division in a process
of its own.  Errors of different tables are compared as ratios, and by ranks.
"""

from __future__ import annotations

import argparse
from math import log
from statistics import mean, median
from time import perf_counter, process_time
from typing import Any, TypeAlias

from . import report, study
from .ratios import SMALL, geometric
from .real_tables import MOST_ROWS, PEERS, Method, judge, ours, split_rows
from .study import Record

Cells: TypeAlias = dict[tuple[str, int], dict[str, Record]]  # (table, split): method: record

PRESETS = ("auto", "fast", "best")
BASE = "hgb"  # others are compared with it
QUICK = {"tables": ["iris", "diabetes"], "presets": ["fast"], "peers": ["hgb", "mlp", "linear"],
         "splits": 1, "rows": 60}  # fmt: skip


def main(argv: list[str]) -> int:
    """Measure what has not been measured, and write all of it; 0 if nothing failed."""
    arguments = parse(argv)
    skipped = {name: f"{PEERS[name].package} not installed"
               for name in arguments.peers if not PEERS[name].is_installed}  # fmt: skip
    for name, why in skipped.items():
        print(f"skipped: {name}, {why}")
    call = study.caller("bench_tables.measure", quick=arguments.quick, data=arguments.data)
    name = stem(arguments)
    records = study.collect(name, cases(arguments), call, arguments.journal)
    cells = complete(records)
    packages = tuple(PEERS[peer].package for peer in arguments.peers if peer not in skipped)
    document = {
        "quick": arguments.quick,
        **study.facts("tables", argv, packages),
        "notes": notes(arguments, cells, skipped),
        "summary": summary(cells),
        "won": won(cells),
        "records": records,
    }
    report.plot_errors(document["summary"], BASE, arguments.output / f"{name}.svg")
    return study.write(name, document, sections(document), arguments.output)


def parse(argv: list[str]) -> argparse.Namespace:
    """The options."""
    parser = study.parser("tables", __doc__)
    parser.add_argument("--splits", type=int, default=5, help="divisions of each table")
    parser.add_argument("--rows", type=int, default=MOST_ROWS, help="training rows, at most")
    parser.add_argument("--presets", nargs="*", default=list(PRESETS), metavar="PRESET",
                        help="ours: " + ", ".join(PRESETS))  # fmt: skip
    parser.add_argument("--peers", nargs="*", default=list(PEERS), choices=PEERS, metavar="PEER",
                        help="some of " + ", ".join(PEERS))  # fmt: skip
    parser.add_argument("--learning-rate-factors", type=numbers, default=[1.0], metavar="F,F,…",
                        help="what our learning_rate_init is multiplied by")  # fmt: skip
    return study.start(parser.parse_args(argv), QUICK)


def numbers(text: str) -> list[float]:
    """``"0.5,1,2"`` as numbers."""
    return [float(item) for item in text.split(",")]


def stem(arguments: argparse.Namespace) -> str:
    """Name of the results: a study of other rows or rates does not write over this one."""
    rows = f"_{arguments.rows}" if arguments.rows != MOST_ROWS and not arguments.quick else ""
    return f"tables{rows}" + "_rates" * (arguments.learning_rate_factors != [1.0])


def cases(arguments: argparse.Namespace) -> list[Record]:
    """Method after method on each division, so that they see the same machine."""
    methods = [(f"ours {preset}", factor) for preset in arguments.presets
               for factor in arguments.learning_rate_factors]  # fmt: skip
    methods += [(name, 1.0) for name in arguments.peers if PEERS[name].is_installed]
    return [
        {"table": table, "split": split, "rows": arguments.rows, "method": method, "factor": factor}
        for split in range(arguments.splits)
        for table in arguments.tables
        for method, factor in methods
    ]


def measure(
    table: str, split: int, rows: int, method: str, factor: float, data: str | None
) -> dict[str, Any]:
    """Fit to one division; errors on its other rows, and seconds."""
    parts = split_rows(table, data, split, rows)
    chosen = PEERS[method] if method in PEERS else ours(method.removeprefix("ours "))
    X, X_test = chosen.prepare(parts.X), chosen.prepare(parts.X_test)
    model = with_rate(chosen, parts, factor)
    start, cpu_start = perf_counter(), process_time()
    model.fit(X, parts.y)
    seconds = {"fit_seconds": perf_counter() - start, "fit_cpu_seconds": process_time() - cpu_start}
    start = perf_counter()
    evaluated = judge(parts.kind, model, X_test, parts.y_test)
    seconds["predict_seconds"] = perf_counter() - start
    return {"kind": parts.kind, "n_train": len(X), "n_test": len(X_test)} | evaluated | seconds


def with_rate(method: Method, split: Any, factor: float) -> Any:
    """An estimator with `factor` times the rate that it would have taken.

    What that is says a fit of one epoch, so that nothing is assumed about how it is chosen.
    """
    model = method.make(split)
    if factor == 1.0:
        return model
    look = method.make(split).set_params(max_iter=1, max_restarts=0).fit(split.X, split.y)
    rate = look.resolved_params_["learning_rate_init"]
    return model.set_params(learning_rate_init=factor * rate)


# ---- what it means --------------------------------------------------------------------------


def label(record: Record) -> str:
    """Name of a method in the results."""
    factor = record["factor"]
    return record["method"] if factor == 1 else f"{record['method']}, rate × {factor:g}"


def complete(records: list[Record]) -> Cells:
    """The divisions on which every method has learned."""
    cells: Cells = {}
    for record in records:
        if "error" in record:
            cells.setdefault((record["table"], record["split"]), {})[label(record)] = record
    methods = dict.fromkeys(label(record) for record in records)
    return {
        where: {method: found[method] for method in methods}
        for where, found in cells.items()
        if set(found) == set(methods)
    }


def summary(cells: Cells) -> list[Record]:
    """A row for each method, best rank first."""
    ranks: dict[str, list[float]] = {}
    for found in cells.values():
        for method, rank in ranked({m: r["error"] for m, r in found.items()}).items():
            ranks.setdefault(method, []).append(rank)
    rows = [{"method": method, "rank": mean(of)} | about(method, cells)
            for method, of in ranks.items()]  # fmt: skip
    return sorted(rows, key=lambda row: row["rank"])


def about(method: str, cells: Cells) -> Record:
    """Errors and times of a method; ratios are to `BASE`, if it took part."""
    own = [found[method] for found in cells.values()]
    accuracies = [record["accuracy"] for record in own if "accuracy" in record]
    row: Record = {
        "accuracy": mean(accuracies) if accuracies else None,
        "fit_seconds": median(record["fit_seconds"] for record in own),
    }
    if any(BASE not in found for found in cells.values()):
        return row
    row["error"], row["deviation"] = ratio(cells, method, "error", SMALL)
    row["log_loss"], _ = ratio(cells, method, "log_loss", SMALL)
    row["time"], _ = ratio(cells, method, "fit_seconds", 0.0, same_run=True)
    return row


def ratio(
    cells: Cells, method: str, key: str, plus: float, *, same_run: bool = False
) -> tuple[float | None, float | None]:
    """Geometric mean over tables of a number over that of `BASE`, and its standard error."""
    logs: dict[str, list[float]] = {}
    for (table, _), found in cells.items():
        own, base = found[method], found[BASE]
        if key in own and (not same_run or own["run"] == base["run"]):
            logs.setdefault(table, []).append(log((own[key] + plus) / (base[key] + plus)))
    return geometric([mean(values) for values in logs.values()])


def ranked(values: dict[str, float]) -> dict[str, float]:
    """1 for the smallest; equal values share their ranks.

    >>> ranked({"a": 0.3, "b": 0.1, "c": 0.3})
    {'a': 2.5, 'b': 1.0, 'c': 2.5}
    """
    return {
        name: 0.5 + sum(other < value for other in values.values())
        + sum(other == value for other in values.values()) / 2
        for name, value in values.items()
    }  # fmt: skip


def won(cells: Cells) -> list[Record]:
    """For each of our methods the share of tables on which its error is below that of others."""
    errors: dict[str, dict[str, list[float]]] = {}
    for (table, _), found in cells.items():
        for method, record in found.items():
            errors.setdefault(method, {}).setdefault(table, []).append(record["error"])
    means = {method: {table: mean(of) for table, of in tables.items()}
             for method, tables in errors.items()}  # fmt: skip
    return [
        {"method": method}
        | {other: share_below(of, means[other]) for other in means if other != method}
        for method, of in means.items()
        if method.startswith("ours")
    ]


def share_below(these: dict[str, float], those: dict[str, float]) -> float:
    """Share of tables with the smaller value; a tie is half."""
    return mean((these[table] < those[table]) + (these[table] == those[table]) / 2
                for table in these)  # fmt: skip


# ---- how it is written ----------------------------------------------------------------------


def notes(arguments: argparse.Namespace, cells: Cells, skipped: dict[str, str]) -> dict[str, str]:
    """What belongs to this study."""
    tables = list(dict.fromkeys(table for table, _ in cells))
    left_out = len(arguments.tables) * arguments.splits - len(cells)
    return {
        "tables": f"{len(tables)}: {', '.join(tables)}",
        "splits": f"{arguments.splits}, at most {arguments.rows} training rows",
        "left out": f"{left_out} divisions on which a method failed" if left_out else "nothing",
        "skipped": ", ".join(f"{name} ({why})" for name, why in skipped.items()) or "nothing",
    }


def sections(document: Record) -> list[tuple[str, str]]:
    """The tables of the page, under their titles."""
    duels: dict[str, str] = {}
    for row in document["won"]:
        duels |= {name: name for name in row if name != "method"}
    parts = [
        ("Error and time on real tables", report.table(document["summary"], COLUMNS)),
        ("Share of tables won", report.table(document["won"], {"method": "method"} | duels)),
        ("Error, table by table", report.table(*by_table(document["records"]))),
    ]
    return [(title, text) for title, text in parts if title != "Share of tables won" or duels]


def by_table(records: list[Record]) -> tuple[list[Record], dict[str, str]]:
    """A row for each table, a column for each method: the mean over the splits."""
    rows: dict[str, dict[str, list[float]]] = {}
    for record in records:
        if "error" in record:
            of = rows.setdefault(record["table"], {})
            of.setdefault(label(record), []).append(record["error"])
    names = dict.fromkeys(name for of in rows.values() for name in of)
    means = [{"table": t} | {name: mean(values) for name, values in of.items()}
             for t, of in rows.items()]  # fmt: skip
    return means, {"table": "table"} | {name: name for name in names}


COLUMNS = {
    "method": "method",
    "rank": "mean rank",
    "error": f"error / {BASE}",
    "deviation": "± (standard error over tables)",
    "accuracy": "accuracy, mean",
    "log_loss": f"log loss / {BASE}",
    "fit_seconds": "fit, median seconds",
    "time": f"time / {BASE}, same run",
}
