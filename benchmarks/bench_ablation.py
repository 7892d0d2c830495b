"""What an ingredient of the recipe is worth: the default without it, over the default.

Both learn from three quarters of the training rows of a table and are evaluated on the fourth; the
test rows are not looked at.  A table counts where the ingredient changes the model.
"""

from __future__ import annotations

import argparse
from math import log
from statistics import mean
from time import process_time
from typing import Any

from . import report, study
from .bench_tables import SMALL, geometric
from .real_tables import judge, names_of, ours, split_rows
from .study import Record

ROWS, SEEDS = 4000, 2  # of which three quarters are learned from
WHOLE = "whole recipe"
QUICK = {"tables": ["breast_cancer", "diabetes"], "rows": 300, "seeds": 1}


def without(ingredient: str) -> dict[str, Any]:
    """The parameters that switch an ingredient off."""
    from skbackprop import TableEncoding

    off = {"value effects": {"feature_encoding": TableEncoding(value_effects=False)}}
    return off[ingredient]


INGREDIENTS = ["value effects"]  # the keys of `without`


def main(argv: list[str]) -> int:
    """Measure what has not been measured, and write all of it; 0 if nothing failed."""
    arguments = parse(argv)
    call = study.caller("bench_ablation.measure", quick=arguments.quick, data=arguments.data)
    cases = [
        {"table": table, "seed": seed, "rows": arguments.rows, "recipe": recipe}
        for table in arguments.tables
        for seed in range(arguments.seeds)
        for recipe in [WHOLE, *arguments.ingredients]
    ]
    records = study.collect("ablation", cases, call, arguments.journal)
    rows = [row for name in arguments.ingredients if (row := summary(records, name))]
    document = {
        "quick": arguments.quick,
        **study.facts("ablation", argv),
        "summary": rows,
        "records": records,
    }
    parts = [("The default without an ingredient", report.table(rows, COLUMNS))]
    return study.write("ablation", document, parts, arguments.output)


def parse(argv: list[str]) -> argparse.Namespace:
    """The options."""
    parser = study.parser("ablation", __doc__)
    parser.add_argument("--rows", type=int, default=ROWS, help="training rows, at most")
    parser.add_argument("--seeds", type=int, default=SEEDS, help="divisions of them")
    parser.add_argument("--ingredients", nargs="+", default=INGREDIENTS, choices=INGREDIENTS,
                        metavar="NAME", help="some of " + ", ".join(INGREDIENTS))  # fmt: skip
    arguments = study.start(parser.parse_args(argv))
    if arguments.quick:
        vars(arguments).update(QUICK, data=None)
    arguments.tables = names_of(arguments.tables, arguments.data)
    return arguments


def measure(table: str, seed: int, rows: int, recipe: str, data: str | None) -> dict[str, Any]:
    """Fit to three quarters of the training rows; the error on the fourth, and seconds."""
    from sklearn.model_selection import train_test_split

    parts = split_rows(table, data, 0, rows)
    X, X_left, y, y_left = train_test_split(
        parts.X,
        parts.y,
        test_size=0.25,
        random_state=seed,
        stratify=None if parts.regression else parts.y,
    )
    chosen = {} if recipe == WHOLE else without(recipe)
    model = ours("auto", n_jobs=1, **chosen).make(parts).set_params(random_state=seed)
    start = process_time()
    model.fit(X, y)
    seconds = process_time() - start
    return {"kind": parts.kind, "cpu_seconds": seconds} | judge(parts.kind, model, X_left, y_left)


def summary(records: list[Record], ingredient: str) -> Record | None:
    """Errors and times of the default over those without an ingredient, where they differ."""
    known = {(r["table"], r["seed"], r["recipe"]): r for r in records if "error" in r}
    errors: dict[str, list[float]] = {}
    times: dict[str, list[float]] = {}
    for (table, seed, recipe), off in known.items():
        on = known.get((table, seed, WHOLE))
        if recipe == ingredient and on and on["error"] != off["error"]:
            errors.setdefault(table, []).append(log((on["error"] + SMALL) / (off["error"] + SMALL)))
            times.setdefault(table, []).append(log(on["cpu_seconds"] / off["cpu_seconds"]))
    if not errors:
        return None
    ratios = [mean(values) for values in errors.values()]
    error, deviation = geometric(ratios)
    return {
        "ingredient": ingredient,
        "tables": len(ratios),
        "of": len({table for table, _, recipe in known if recipe == ingredient}),
        "error": error,
        "deviation": deviation,
        "won": sum(ratio < 0 for ratio in ratios),
        "time": geometric([mean(values) for values in times.values()])[0],
        "each": ", ".join(f"{t} {geometric(of)[0]:.3f}" for t, of in errors.items()),
    }


COLUMNS = {
    "ingredient": "ingredient",
    "tables": "tables that it changes",
    "of": "of",
    "error": "error, with / without",
    "deviation": "± (standard error over tables)",
    "won": "tables where it helps",
    "time": "time, with / without",
    "each": "table by table",
}
