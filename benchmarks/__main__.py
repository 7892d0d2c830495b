"""Run the benchmarks: ``python -m benchmarks``, see ``benchmarks/README.md``.

The studies, ``python -m benchmarks tables``, ``ablation``, ``rows``, ``drawbacks``, ``source`` and
``cluster``, are run by name.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from . import (
    bench_ablation,
    bench_checkpoints,
    bench_cluster,
    bench_drawbacks,
    bench_fit,
    bench_floor,
    bench_import,
    bench_memory,
    bench_onnx,
    bench_overhead,
    bench_predict,
    bench_rows,
    bench_scaling,
    bench_source,
    bench_sparse,
    bench_tables,
    isolate,
    report,
)
from .environment import missing_peers
from .targets import TARGETS

RESULTS = isolate.ROOT / "benchmarks" / "results"
ELSEWHERE = isolate.ROOT / "build" / "benchmarks"  # for runs that are not the whole


def main() -> int:
    """Measure, write, and say where; 0 if nothing failed."""
    if sys.argv[1:2] and sys.argv[1] in STUDIES:
        return STUDIES[sys.argv[1]].main(sys.argv[2:])
    arguments = parse(sys.argv[1:])
    document = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": " ".join(["python -m benchmarks", *sys.argv[1:]]),
        "quick": arguments.quick,
        "repeats": arguments.repeats,
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0,
        "facts": caller(arguments)("environment.look"),
        "skipped": missing_peers(),
    }
    for peer, why in missing_peers().items():
        print(f"skipped: {peer}, {why}")
    results = {name: run(name, arguments) for name in arguments.only}
    targets = [] if arguments.quick else [target.judge(results) for target in TARGETS]
    document |= {"targets": targets, "results": results}
    write(document, arguments.output)
    failed = [
        record["error"] for records in results.values() for record in records if "error" in record
    ]
    if arguments.quick:
        failed += report.wrong_numbers(results)
    for error in failed:
        print(f"failed: {error}")
    if arguments.quick and set(arguments.only) == set(BENCHMARKS):
        quick = ["--quick", "--output", str(arguments.output)]
        failed += [name for name, study in STUDIES.items() if study.main(quick)]
    return 1 if failed else 0


def parse(given: list[str]) -> argparse.Namespace:
    """The options; where to write depends on what is run."""
    parser = argparse.ArgumentParser("python -m benchmarks", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=BENCHMARKS, metavar="NAME",
                        help=f"some of {', '.join(BENCHMARKS)}")  # fmt: skip
    parser.add_argument("--repeats", type=int, default=5, help="how often to time each peer")
    parser.add_argument("--quick", action="store_true",
                        help="the smallest networks, once: does everything work?")  # fmt: skip
    parser.add_argument("--output", type=Path, help="folder to write to; a whole run writes to "
                        "benchmarks/results, any other to build/benchmarks")  # fmt: skip
    arguments = parser.parse_args(given)
    whole = not arguments.only and not arguments.quick
    arguments.only = arguments.only or list(BENCHMARKS)
    arguments.output = arguments.output or (RESULTS if whole else ELSEWHERE)
    arguments.repeats = 1 if arguments.quick else arguments.repeats
    return arguments


def caller(arguments: argparse.Namespace) -> Callable[..., Any]:
    """A process for each call, except in a quick run, which would spend its time on imports."""
    return isolate.call_here if arguments.quick else isolate.call


def run(name: str, arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """The records of one benchmark: for each case what was asked and what was measured."""
    records = []
    for case in BENCHMARKS[name].cases(arguments.quick):
        print(f"{name}: {', '.join(map(str, case.values()))}", end=" ", flush=True)
        try:
            answer = caller(arguments)(f"bench_{name}.measure", **case, repeats=arguments.repeats)
        except subprocess.CalledProcessError:  # its traceback has been printed
            answer = {"error": f"{name} {case}"}
        short = {k: round(v, 4) for k, v in answer.items() if isinstance(v, float)}
        print(" ".join(f"{k}={v}" for k, v in short.items()) or answer)
        records.append(case | answer)
    return records


def write(document: dict[str, Any], folder: Path) -> None:
    """``results.json``, ``results.md`` and ``scaling.png``."""
    folder.mkdir(parents=True, exist_ok=True)
    as_json = json.dumps(document, indent=1, ensure_ascii=False)
    (folder / "results.json").write_text(as_json + "\n", "utf-8")
    (folder / "results.md").write_text(report.markdown(document, BENCHMARKS), "utf-8")
    sweeps = [record for record in document["results"].get("scaling", []) if "work" in record]
    if sweeps:
        report.plot(sweeps, folder / "scaling.png")
    print(f"written: {folder}")


BENCHMARKS = {
    "fit": bench_fit,
    "floor": bench_floor,
    "overhead": bench_overhead,
    "predict": bench_predict,
    "memory": bench_memory,
    "onnx": bench_onnx,
    "checkpoints": bench_checkpoints,
    "sparse": bench_sparse,
    "import": bench_import,
    "scaling": bench_scaling,
}
STUDIES = {  # python -m benchmarks NAME
    "tables": bench_tables,
    "ablation": bench_ablation,
    "rows": bench_rows,
    "drawbacks": bench_drawbacks,
    "source": bench_source,
    "cluster": bench_cluster,
}

if __name__ == "__main__":
    sys.exit(main())
