"""More rows than 10,000: error and time of the default as the rows grow, beside boosted trees.

Made-up tables have every number of rows that is asked for, real ones all the training rows that
they have.  ``fixed`` is the default with the same networks and steps for any number of rows.
"""

from __future__ import annotations

import argparse
from math import ceil
from statistics import mean
from time import process_time

from . import made_up, report, study
from .ratios import compared
from .real_tables import PEERS, Method, judge, ours, split_rows
from .study import Record

ROWS = (6_000, 20_000, 50_000, 100_000, 400_000)
MOST = 1_000_000  # rows of a real table, as many as it has
METHODS = ("default", "fixed", "hgb", "lightgbm", "catboost")
QUICK = {"tables": ["breast_cancer"], "rows": [300], "methods": ["default", "hgb"], "seeds": 1}


def main(argv: list[str]) -> int:
    """Measure what has not been measured, and write all of it; 0 if nothing failed."""
    arguments = parse(argv)
    call = study.caller("bench_rows.measure", quick=arguments.quick, data=arguments.data)
    records = study.collect("rows", cases(arguments), call, arguments.journal)
    rows = summary(records)
    document = {"quick": arguments.quick, **study.facts("rows", argv, ("lightgbm", "catboost")),
                "summary": rows, "records": records}  # fmt: skip
    sections = [("Error and time, over those of others", report.table(rows, COLUMNS)),
                ("Table by table", report.table(*by_table(records)))]  # fmt: skip
    return study.write("rows", document, sections, arguments.output)


def parse(argv: list[str]) -> argparse.Namespace:
    """The options."""
    parser = study.parser("rows", __doc__)
    parser.add_argument("--seeds", type=int, default=2, help="tables of each kind, divisions")
    parser.add_argument("--rows", type=int, nargs="+", default=list(ROWS), metavar="N",
                        help="training rows of made-up tables")  # fmt: skip
    parser.add_argument("--made-up", nargs="*", choices=made_up.TABLES, metavar="NAME",
                        default=list(made_up.TABLES), help="some of them")  # fmt: skip
    parser.add_argument("--methods", nargs="+", choices=METHODS, metavar="NAME",
                        default=list(METHODS), help="some of " + ", ".join(METHODS))  # fmt: skip
    return study.start(parser.parse_args(argv), QUICK)


def cases(arguments: argparse.Namespace) -> list[Record]:
    """Method after method on each table."""
    tables = [(name, n) for n in arguments.rows for name in arguments.made_up]
    tables += [(name, MOST) for name in arguments.tables]
    return [
        {"table": table, "rows": rows, "seed": seed, "method": method}
        for seed in range(arguments.seeds)
        for table, rows in tables
        for method in arguments.methods
        if method not in PEERS or PEERS[method].is_installed
    ]


def measure(table: str, rows: int, seed: int, method: str, data: str | None) -> Record:
    """Fit to the training rows; the error on others, and seconds of the processor."""
    made = table in made_up.TABLES
    parts = made_up.make(table, rows, seed) if made else split_rows(table, data, seed, rows)
    n = len(parts.y)
    chosen = PEERS[method] if method in PEERS else network(method, n)
    X, X_test = chosen.prepare(parts.X), chosen.prepare(parts.X_test)
    model = chosen.make(parts)
    start = process_time()
    model.fit(X, parts.y)
    seconds = process_time() - start
    error = judge(parts.kind, model, X_test, parts.y_test)["error"]
    return {"kind": parts.kind, "n": n, "error": error, "seconds": seconds}


def network(method: str, n: int) -> Method:
    """Ours, with what the preset says or with five members 128 wide and about 2,000 steps."""
    if method == "default":
        return ours("auto")
    batch = ceil(0.9 * n / round(0.9 * n / 256))
    n_epochs = max(1, round(2000 / ceil(0.9 * n / batch)))
    return ours("auto", hidden_layer_sizes=(128, 128), n_members=5, dropout=0.15,
                batch_size=batch, max_iter=n_epochs)  # fmt: skip


def summary(records: list[Record]) -> list[Record]:
    """A row for each number of rows and each other method."""
    rows = []
    for n in dict.fromkeys(r["rows"] for r in records):
        some = [r for r in records if r["rows"] == n]
        for other in dict.fromkeys(r["method"] for r in records if r["method"] != "default"):
            found = compared(some, "method", "default", other)
            if found:
                size = "real tables" if n == MOST else f"{n:,}"
                rows.append({"rows": size, "method": other} | found)
    return rows


def by_table(records: list[Record]) -> tuple[list[Record], dict[str, str]]:
    """The mean error and the mean time of each method on each table."""
    methods = dict.fromkeys(r["method"] for r in records)
    cells: dict[tuple[str, int], dict[str, list[Record]]] = {}
    for r in records:
        if "error" in r:
            cells.setdefault((r["table"], r["n"]), {}).setdefault(r["method"], []).append(r)
    rows: list[Record] = []
    for (table, n), found in cells.items():
        row: Record = {"table": table, "n": n, "seeds": len(found.get("default", []))}
        for method, those in found.items():
            row[method] = mean(r["error"] for r in those)
            row[f"{method} s"] = mean(r["seconds"] for r in those)
        rows.append(row)
    columns = {"table": "table", "n": "rows", "seeds": "seeds"} | {m: m for m in methods}
    return rows, columns | {f"{m} s": f"{m}, s" for m in methods}


COLUMNS = {
    "rows": "rows",
    "method": "beside",
    "tables": "tables",
    "ratio": "error, ours over theirs",
    "deviation": "± (standard error over tables)",
    "better": "better on",
    "time": "time, ours over theirs",
}
