"""The results as a page: facts, targets, and a table for each benchmark."""

from __future__ import annotations

from math import inf
from pathlib import Path
from types import ModuleType
from typing import Any

QUICK = (
    "**A quick run: the smallest networks, timed once. It shows that everything works; its "
    "numbers say nothing about speed.**"
)


def markdown(document: dict[str, Any], modules: dict[str, ModuleType]) -> str:
    """The whole page; its headings are of the second level, to be included in another."""
    parts = [QUICK] if document["quick"] else []
    parts += [facts(document)]
    if not document["quick"]:
        parts += ["## Targets", table(document["targets"], TARGET_COLUMNS)]
    for name, records in document["results"].items():
        module = modules[name]
        kept = [record for record in records if "error" not in record]
        columns = {k: v for k, v in module.COLUMNS.items() if any(k in r for r in kept)}
        parts += [f"## {module.TITLE}", table(kept, columns)]
        parts += [f"Failed: {r['error']}" for r in records if "error" in r]
    return "\n\n".join(parts) + "\n"


def facts(document: dict[str, Any]) -> str:
    """Date, command, machine and versions, as a list."""
    known = dict(document["facts"])
    threads = [
        f"{pool['library']} {pool['version']} ({pool['kernel']}, {pool['threads']} threads)"
        if pool["kernel"]
        else f"{pool['library']} ({pool['threads']} threads)"
        for pool in known.pop("threads")
    ]
    where = [f"{known.pop(k)}" for k in ("system", "machine")] + [f"{known.pop('cores')} cores"]
    lines = {
        "date": document["date"],
        "command": f"`{document['command']}`",
        "repeats": f"{document['repeats']}, medians are reported",
        "machine": ", ".join(where),
        "load": f"{document['load']:.2f} at the beginning",
        "threads": ", ".join(dict.fromkeys(threads)),
        "versions": ", ".join(f"{name} {version}" for name, version in known.items()),
        "skipped": ", ".join(f"{peer} ({why})" for peer, why in document["skipped"].items())
        or "nothing",
    }
    return "\n".join(f"- {name}: {text}" for name, text in lines.items())


def table(records: list[dict[str, Any]], columns: dict[str, str]) -> str:
    """A Markdown table with a row for each record."""
    lines = [list(columns.values()), ["---"] * len(columns)]
    lines += [[text(record.get(key)) for key in columns] for record in records]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def text(value: Any) -> str:
    """A number with three digits that count; yes and no for what is met."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "**no**"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 999.5 or value == 0 else f"{value:#.3g}".rstrip(".")
    return str(value)


def wrong_numbers(results: dict[str, list[dict[str, Any]]]) -> list[str]:
    """What in the results is not finite, or is negative and must not be."""
    return [
        f"{name}: {key} = {value}"
        for name, records in results.items()
        for record in records
        for key, value in flat(record)
        if not (-inf if key in DIFFERENCES else 0) <= value < inf
        or (key == "seconds" and value == 0)
    ]


def flat(record: dict[str, Any], name: str = "") -> list[tuple[str, float]]:
    """All numbers of a record with the outermost name they are under."""
    found: list[tuple[str, float]] = []
    for key, value in record.items():
        items = value if isinstance(value, list) else [value]
        for item in items:
            if isinstance(item, dict):
                found += flat(item, name or key)
            elif isinstance(item, (int, float)):
                found.append((name or key, item))
    return found


def plot(records: list[dict[str, Any]], path: Path) -> None:
    """Draw time against work, a line for each sweep, if matplotlib is there."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return
    figure = Figure(figsize=(7, 5), layout="constrained")
    axes = figure.subplots()
    for record in records:
        label = f"{record['what']}, {record['range']}"
        axes.loglog(record["work"], record["seconds"], marker="o", markersize=4, label=label)
    # Proportional to the work, through the point with the most work.
    most, seconds = max((r["work"][-1], r["seconds"][-1]) for r in records)
    least = min(r["work"][0] for r in records)
    axes.loglog(
        [least, most],
        [seconds * least / most, seconds],
        color="gray",
        linestyle="--",
        label="linear",
    )
    axes.set_xlabel("multiplications in the matrix products of a fit")
    axes.set_ylabel("seconds of the fit")
    axes.legend()
    figure.savefig(path, dpi=150)


def plot_errors(rows: list[dict[str, Any]], base: str, path: Path) -> None:
    """Draw the error of each method against its time, both relative to `base`."""
    try:
        import matplotlib
        from matplotlib.figure import Figure
        from matplotlib.ticker import NullLocator
    except ImportError:
        return
    rows = [row for row in rows if row.get("error") and row.get("time")]
    if not rows:
        return
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    for row in sorted(rows, key=lambda row: row["error"]):
        marker = "D" if row["method"].startswith("ours") else "o"
        place = row["time"], row["error"], row["deviation"]
        axes.errorbar(*place, marker=marker, linestyle="", label=row["method"])
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.yaxis.set_minor_locator(NullLocator())
    axes.set_yticks(ticks := [0.7, 0.8, 0.9, 1, 1.2, 1.5, 2], map(str, ticks))
    axes.set_xlabel(f"time of a fit, over that of {base}")
    axes.set_ylabel(f"error, over that of {base}")
    with matplotlib.rc_context({"svg.hashsalt": "skbackprop"}):
        figure.savefig(path, metadata={"Date": None})


TARGET_COLUMNS = {
    "target": "target",
    "must": "must reach",
    "measured": "measured",
    "where": "where",
    "met": "met",
}
DIFFERENCES = {"overhead", "more", "slope", "slope_at_end"}  # these may be negative
