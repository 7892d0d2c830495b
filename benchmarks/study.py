"""Studies: benchmarks of many fits, which go on where they were broken off.

A study is a list of cases.  Each is measured in a process of its own, and what comes of it is
appended to the journal ``NAME.jsonl`` at once, a line for each; a case that has its line is not
measured again.  At the end `write` makes ``NAME.json`` and ``NAME.md`` of the lines.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias

from . import isolate, report
from .environment import installed
from .real_tables import names_of

Record: TypeAlias = dict[str, Any]

RESULTS = isolate.ROOT / "benchmarks" / "results"
ELSEWHERE = isolate.ROOT / "build" / "benchmarks"
WITHOUT_RESULT = {"failed", "skipped"}  # records that have one of these are tried again
FOLDERS = ("--data", "--output")  # paths of this machine do not belong in results


def parser(name: str, text: str | None) -> argparse.ArgumentParser:
    """The options that all studies have."""
    parser = argparse.ArgumentParser(f"python -m benchmarks {name}", description=text)
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="of NAME.parquet, with a column"
                        " named target each; without it the tables of scikit-learn")  # fmt: skip
    parser.add_argument("--tables", nargs="+", metavar="NAME", help="some of the tables: names, or "
                        "a file with names")  # fmt: skip
    parser.add_argument("--quick", action="store_true", help="little of everything: does it work?")
    parser.add_argument("--output", type=Path, metavar="FOLDER", help="default: benchmarks/results,"
                        " for a quick run build/benchmarks")  # fmt: skip
    return parser


def start(arguments: argparse.Namespace, quick: Record) -> argparse.Namespace:
    """Complete the options that depend on others; those of a quick run are given."""
    arguments.journal = None if arguments.quick else arguments.output or ELSEWHERE
    arguments.output = arguments.output or (ELSEWHERE if arguments.quick else RESULTS)
    for folder in filter(None, (arguments.journal, arguments.output)):
        folder.mkdir(parents=True, exist_ok=True)
    if arguments.data is not None:
        arguments.data = str(arguments.data.resolve())
    if arguments.quick:
        vars(arguments).update(quick, data=None)
    arguments.tables = names_of(arguments.tables, arguments.data)
    return arguments


def collect(
    name: str, cases: list[Record], measure: Callable[..., Record], journal: Path | None
) -> list[Record]:
    """The record of each case: what was asked, what was measured, in which run.

    Without a journal every case is measured, and nothing is written.
    """
    path = None if journal is None else journal / f"{name}.jsonl"
    run = datetime.now(UTC).isoformat(timespec="seconds")
    done = [record for record in read(path) if not WITHOUT_RESULT & set(record)]
    records = []
    for number, case in enumerate(cases, 1):
        record = next((old for old in done if case.items() <= old.items()), None)
        if record is None:
            print(
                f"{number}/{len(cases)} {', '.join(map(str, case.values()))}", end=" ", flush=True
            )
            try:
                answer = measure(**case)
            except subprocess.CalledProcessError:  # its traceback has been printed
                answer = {"failed": ", ".join(map(str, case.values()))}
            short = {k: round(v, 4) for k, v in answer.items() if isinstance(v, float)}
            print(" ".join(f"{k}={v}" for k, v in short.items()) or answer)
            record = case | answer | {"run": run}
            append(path, record)
        records.append(record)
    return records


def append(path: Path | None, record: Record) -> None:
    """Write a line; it begins with the break, since the line before may have been broken off."""
    if path is not None:
        with path.open("a", encoding="utf-8") as file:
            file.write("\n" + json.dumps(record, ensure_ascii=False))


def read(path: Path | None) -> list[Record]:
    """The lines written so far; one that was broken off is left out."""
    records: list[Record] = []
    there = path is not None and path.exists()
    for line in path.read_text("utf-8").splitlines() if there else []:
        try:
            records.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return records


def caller(function: str, *, quick: bool, **more: Any) -> Callable[..., Record]:
    """``measure(**case)`` in a fresh process; in a quick run here."""
    call = isolate.call_here if quick else isolate.call
    return lambda **case: call(function, **case, **more)


def facts(command: str, argv: list[str], packages: tuple[str, ...] = ()) -> Record:
    """When, on what and with what."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": " ".join([f"python -m benchmarks {command}", *without_folders(argv)]),
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0,
        "facts": isolate.call_here("environment.look")
        | {name: found for name in packages if (found := installed(name))},
    }


def without_folders(argv: list[str]) -> list[str]:
    """The options, with FOLDER for what is called otherwise elsewhere.

    >>> without_folders(["--data", "some/where", "--output=here", "--rows", "500"])
    ['--data', 'FOLDER', '--output=FOLDER', '--rows', '500']
    """
    shown = [f"{arg.split('=')[0]}=FOLDER" if arg.startswith(tuple(f"{f}=" for f in FOLDERS))
             else arg for arg in argv]  # fmt: skip
    after = ["", *shown[:-1]]
    shown = [
        "FOLDER" if before in FOLDERS else arg for before, arg in zip(after, shown, strict=True)
    ]
    return [Path(arg).name for arg in shown]


def page(document: Record, sections: list[tuple[str, str]]) -> str:
    """The study as Markdown: facts, and sections under titles of the second level."""
    known = document["facts"]
    others = {"system", "machine", "cores", "threads"}
    versions = [f"{name} {version}" for name, version in known.items() if name not in others]
    lines = {
        "date": document["date"],
        "command": f"`{document['command']}`",
        "machine": f"{known['system']}, {known['machine']}, {known['cores']} cores",
        "load": f"{document['load']:.2f} at the end",
        "versions": ", ".join(versions),
    } | document.get("notes", {})
    parts = [report.QUICK] if document["quick"] else []
    parts += ["\n".join(f"- {name}: {text}" for name, text in lines.items())]
    for title, text in sections:
        parts += [f"## {title}", text]
    parts += [f"Failed: {r['failed']}" for r in document["records"] if "failed" in r]
    return "\n\n".join(parts) + "\n"


def write(name: str, document: Record, sections: list[tuple[str, str]], folder: Path) -> int:
    """``NAME.json`` and ``NAME.md``; 1 if something failed, or is no number in a quick run."""
    as_json = json.dumps(document, indent=1, ensure_ascii=False)
    (folder / f"{name}.json").write_text(as_json + "\n", "utf-8")
    (folder / f"{name}.md").write_text(page(document, sections), "utf-8")
    failed = [record["failed"] for record in document["records"] if "failed" in record]
    if document["quick"]:
        failed += report.wrong_numbers({name: document["records"]})
    for what in failed:
        print(f"failed: {name}, {what}")
    print(f"written: {folder / name}.md")
    return 1 if failed else 0
