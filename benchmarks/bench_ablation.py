"""What each ingredient of the default recipe is worth: the recipe without it, or with another.

Only the training rows of split 0 are used: three of four are learned from, and the errors are
those of the others, so that what is decided here has not seen the test rows.  Every ratio is of
the two errors on the same rows.
"""

from __future__ import annotations

import argparse
from itertools import product
from math import ceil
from time import process_time
from typing import Any

import numpy as np
from sklearn.model_selection import train_test_split

from . import report, study
from .ratios import SMALL, compared, logs
from .real_tables import MOST_ROWS, judge, ours, split_rows
from .study import Record

FEW_ROWS = 3000
KINDS = ("binary", "multiclass", "regression")
MEASURES = ("error", "log_loss")  # for two classes the error is 1 - AUC, for more the log loss
QUICK = {"tables": ["iris", "diabetes"], "variants": ["not whitened"], "seeds": 1, "rows": 80}


def variants() -> dict[str, dict[str, Any]]:
    """The parameters of each variant; the first one is the default."""
    from skbackprop import TableEncoding
    from skbackprop.optim import Adam

    return {
        "default": {},
        "no effects of values": {"feature_encoding": TableEncoding(value_effects=False)},
        "not whitened": {"feature_encoding": TableEncoding(whitened=0.0)},
        "whitened in half of the members": {"feature_encoding": TableEncoding(whitened=0.5)},
        "whitened in all members": {"feature_encoding": TableEncoding(whitened=1.0)},
        # Below 1,500 rows only two classes have another number by default.
        "8 members": {"n_members": 8},
        "last layer as trained": {"solver": Adam(beta_2=0.95, solve_output=False)},
        # Of classes only; the first differs from the default with few rows, the second with many.
        "scores as trained": {"calibration": None},
        "scores divided": {"calibration": "sqrt_temperature"},
    }


def main(argv: list[str]) -> int:
    """Measure what has not been measured, and write all of it; 0 if nothing failed."""
    arguments = parse(argv)
    call = study.caller("bench_ablation.measure", quick=arguments.quick, data=arguments.data)
    records = study.collect("ablation", cases(arguments), call, arguments.journal)
    rows = summary(records)
    document = {"quick": arguments.quick, **study.facts("ablation", argv), "summary": rows,
                "records": records}  # fmt: skip
    sections = [("Error and time, over those of the default", report.table(rows, COLUMNS)),
                ("Table by table", report.table(*by_table(records)))]  # fmt: skip
    return study.write("ablation", document, sections, arguments.output)


def parse(argv: list[str]) -> argparse.Namespace:
    """The options."""
    parser = study.parser("ablation", __doc__)
    parser.add_argument("--seeds", type=int, default=4, help="divisions of the training rows")
    parser.add_argument("--rows", type=int, default=FEW_ROWS, help="rows divided, at most")
    parser.add_argument("--learned", type=int, help="learn from so many rows, and evaluate on all "
                        "other training rows")  # fmt: skip
    parser.add_argument("--variants", nargs="+", choices=list(variants())[1:], metavar="NAME",
                        default=list(variants())[1:], help="some of the variants")  # fmt: skip
    return study.start(parser.parse_args(argv), QUICK)


def cases(arguments: argparse.Namespace) -> list[Record]:
    """The default and each variant on each division."""
    rows = {"rows": arguments.rows}
    if arguments.learned is not None:
        rows = {"rows": MOST_ROWS, "learned": arguments.learned}
    return [
        {"table": table, "seed": seed, **rows, "variant": variant}
        for seed in range(arguments.seeds)
        for table in arguments.tables
        for variant in ["default", *arguments.variants]
    ]


def measure(
    table: str, seed: int, rows: int, variant: str, data: str | None, learned: int | None = None
) -> Record:
    """Fit to three of four training rows, or to `learned` of them, and judge on the others.

    The record has the error, for classes the log loss, and seconds of the processor.
    """
    split = split_rows(table, data, 0, rows)
    stratify = None if split.regression or np.bincount(split.y).min() < 2 else split.y
    n = len(split.y)
    n_test = ceil(n / 4) if learned is None else max(ceil(n / 4), n - learned)
    X, X_test, y, y_test = train_test_split(
        split.X, split.y, test_size=n_test, random_state=seed, stratify=stratify
    )
    known = slice(None) if split.regression else np.isin(y_test, y)
    chosen = variants()[variant]
    if split.regression:
        chosen.pop("calibration", None)
    model = ours("auto", random_state=seed, **chosen).make(split)
    start = process_time()
    model.fit(X, y)
    seconds = process_time() - start
    found = judge(split.kind, model, X_test[known], y_test[known])
    measured = {name: found[name] for name in MEASURES if name in found}
    return {"kind": split.kind, **measured, "seconds": seconds}


def summary(records: list[Record]) -> list[Record]:
    """A row for each variant, kind of target and measure."""
    rows = []
    for variant, kind, measure in product(variants_of(records), (*KINDS, "all"), MEASURES):
        some = [r for r in records if kind == "all" or r.get("kind") == kind]
        found = compared(some, "variant", variant, "default", measure)
        if found:
            measured = {"variant": variant, "kind": kind, "measure": measure.replace("_", " ")}
            rows.append(measured | found)
    return rows


def variants_of(records: list[Record]) -> list[str]:
    """The variants that were measured, without the default."""
    return list(dict.fromkeys(r["variant"] for r in records if r["variant"] != "default"))


def by_table(records: list[Record]) -> tuple[list[Record], dict[str, str]]:
    """A row for each table, a column for each variant: its error over that of the default."""
    names = variants_of(records)
    columns = {name: logs(records, "variant", name, "default", "error", SMALL) for name in names}
    tables = dict.fromkeys(table for column in columns.values() for table in column)
    rows = [
        {"table": table} | {name: float(np.exp(columns[name][table])) for name in names}
        for table in tables
    ]
    return rows, {"table": "table"} | {name: name for name in names}


COLUMNS = {
    "variant": "variant",
    "kind": "target",
    "measure": "measure",
    "tables": "tables",
    "ratio": "over that of the default",
    "deviation": "± (standard error over tables)",
    "better": "better on",
    "worse": "worse on",
    "time": "time / default",
}
