"""A report of a fitted model in one HTML file.

The pictures are in the file, as SVG, and so is the style; no script, no font and no address is
loaded.  It can be read on a telephone and on a dark screen.

>>> from tempfile import TemporaryDirectory
>>> from sklearn.datasets import load_iris
>>> from skbackprop.mlp import MLPClassifier
>>> X, y = load_iris(return_X_y=True)
>>> model = MLPClassifier((5,), solver="lbfgs", random_state=0).fit(X, y)
>>> with TemporaryDirectory() as folder:
...     path = training_report(model, f"{folder}/report.html")
...     text = path.read_text("utf-8")
>>> "<title>MLPClassifier</title>" in text
True
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable
from datetime import datetime
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline

from .evaluation import Evaluation
from .markup import number, table_html
from .models import open_model
from .summary import summary

REASONS = {
    "max_iter": "all planned epochs were trained",
    "no_improvement": "no improvement for n_iter_no_change epochs",
    "time_budget": "the time budget was used up",
    "learning_rate_too_small": "the learning rate became too small",
    "interrupted": "interrupted by the user",
    "diverged": "the loss or the weights were not finite",
    "callback": "a callback asked to stop",
    "abnormal": "lbfgs found no step that lowers the loss",
}
UNEXPECTED = ("interrupted", "diverged", "abnormal")

STYLE = """
:root{color-scheme:light dark;--page:#fff;--card:#f6f7f9;--ink:#1c1e21;--soft:#5c6470;
--line:#d9dde3;--warn:#fff4d6}
@media(prefers-color-scheme:dark){:root{--page:#16181c;--card:#1f2228;--ink:#e6e8eb;
--soft:#a0a8b4;--line:#363b44;--warn:#3a3115}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
main{max-width:64rem;margin:auto;padding:1rem}
h1{font-size:1.5rem;margin:.5rem 0;overflow-wrap:anywhere}
h2{font-size:1.15rem;margin:2rem 0 .5rem;border-bottom:1px solid var(--line)}
h3{font-size:.95rem;margin:0 0 .3rem}
p{margin:.4rem 0}small,.soft{color:var(--soft)}
.grid{display:grid;gap:1rem;grid-template-columns:repeat(auto-fit,minmax(min(100%,21rem),1fr))}
.card{background:var(--card);border:1px solid var(--line);border-radius:.5rem;padding:.8rem;
min-width:0}
.scores{display:flex;flex-wrap:wrap;gap:.6rem}.scores div{padding:.5rem .9rem}
.scores b{display:block;font-size:1.3rem;font-variant-numeric:tabular-nums}
.warn{background:var(--warn);white-space:pre-wrap;overflow-wrap:anywhere;margin:.5rem 0}
.scroll{overflow-x:auto}
svg{width:100%;height:auto;max-width:36rem}
table{border-collapse:collapse;font-size:.87rem;width:100%}
th,td{text-align:left;padding:.2rem .7rem .2rem 0;border-bottom:1px solid var(--line);
vertical-align:top}
th.skb-number,td.skb-number{text-align:right;white-space:nowrap}
table.wide td:last-child{overflow-wrap:anywhere;font-family:ui-monospace,monospace}
tr.changed td{font-weight:600}
""".strip()


def training_report(
    model: Any,
    path: Any = "report.html",
    *,
    X_test: Any = None,
    y_test: Any = None,
    title: str | None = None,
    max_importance_rows: int = 1000,
) -> Path:
    """Write a report of a fitted model to one HTML file.

    It has the scores, the course of the training, the calibration and the confusion of a
    classifier or the residuals of a regressor, the importance of the columns by permutation, the
    layers, the columns, all parameters as they were resolved, and the versions of the packages.

    Parameters
    ----------
    model : estimator
        A fitted `BackpropClassifier` or `BackpropRegressor`, a pipeline or a fitted search that
        ends with one.
    path : str or path, default="report.html"
        The file to write.
    X_test, y_test : array-like, optional
        Rows that the model was not trained on.  Without them there are no scores, no calibration,
        no residuals and no importances.
    title : str, optional
        By default the name of the class.
    max_importance_rows : int, default=1000
        The importances are those of so many of the test rows, drawn at random.

    Returns
    -------
    path : Path
        Of the file.
    """
    if (X_test is None) != (y_test is None):
        raise ValueError(
            "X_test and y_test go together, got one without the other. Pass both, or leave both "
            "out."
        )
    estimator = open_model(model).estimator
    test = None
    if X_test is not None:
        test = Evaluation(model, X_test, y_test, max_rows=max_importance_rows)
    title = type(estimator).__name__ if title is None else title
    sections = [
        ("Warnings", _warnings(estimator, test)),
        ("Scores on the test rows", "" if test is None else _scores(test)),
        ("Training", _training(estimator)),
        ("Predictions", "" if test is None else _figures(test.figures())),
        ("Importance of the columns", "" if test is None else _importances(test)),
        ("Layers", _scrolling(_summary_table(model))),
        ("Columns of the table", _scrolling(_columns(estimator))),
        ("Parameters", _parameters(model, estimator)),
        ("Environment", _pairs(_environment())),
    ]
    body = "".join(
        f"<section><h2>{escape(name)}</h2>{html}</section>" for name, html in sections if html
    )
    target = Path(path)
    target.write_text(_page(title, _subtitle(model, estimator), body), "utf-8")
    return target


def _page(title: str, subtitle: str, body: str) -> str:
    head = (
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title><style>{STYLE}</style>"
    )
    main = f'<main><h1>{escape(title)}</h1><p class="soft">{escape(subtitle)}</p>{body}</main>'
    return f'<!DOCTYPE html>\n<html lang="en"><head>{head}</head><body>{main}</body></html>\n'


def _subtitle(model: Any, estimator: Any) -> str:
    parts, inner = [], getattr(model, "best_estimator_", model)
    if inner is not model:
        parts.append(f"the best of {type(model).__name__}")
    if isinstance(inner, Pipeline):
        parts.append(" → ".join(type(step).__name__ for _, step in inner.steps))
    resolved = estimator.resolved_params_
    parts.append(f"{resolved['preset']!r} preset")
    parts.append(f"{estimator.n_features_in_} columns")
    return ", ".join(parts)


def _warnings(estimator: Any, test: Evaluation | None) -> str:
    run, encoder = estimator._fitted.run, estimator._fitted.encoder
    found = []
    if run.stop_reason in UNEXPECTED:
        kept = f"The weights of epoch {run.best_epoch} are kept."
        found.append(f"Training ended early: {REASONS[run.stop_reason]}. {kept}")
    if encoder is not None and encoder.notes:
        found.append(encoder.message())
    if test is None:
        found.append(
            "No test rows were given: nothing here says how good the model is on new rows. Pass "
            "X_test and y_test."
        )
    return "".join(f'<div class="card warn">{escape(text)}</div>' for text in found)


def _scores(test: Evaluation) -> str:
    cells = [
        f'<div class="card"><small>{escape(name)}</small><b>{escape(number(value))}</b></div>'
        for name, value in test.scores().items()
    ] or ["There is no score for several predictions of each row."]
    return f'<div class="scores">{"".join(cells)}</div><p class="soft">{test.n:,} rows</p>'


def _training(estimator: Any) -> str:
    from ..plots import LossCurveDisplay, ScheduleDisplay

    history = estimator.history_
    figures: dict[str, Callable[[Any], Any]] = {
        "Loss": lambda ax: LossCurveDisplay.from_estimator(estimator, ax=ax, name="")
    }
    if history["learning_rate"] and history["learning_rate"][0] is not None:
        figures["Learning rate of the epochs"] = lambda ax: ScheduleDisplay.from_estimator(
            estimator, ax=ax, name=""
        )
    return _pairs(_facts(estimator)) + _figures(figures)


def _facts(estimator: Any) -> dict[str, Any]:
    """What happened in training."""
    run, resolved = estimator._fitted.run, estimator.resolved_params_
    seconds = [s for s in estimator.history_["seconds"] if s is not None]
    kept = run.best_epochs or [run.best_epoch]
    facts = {
        "members": resolved["n_members"],
        "epochs": len(estimator.history_["loss"]),
        "ended because": REASONS.get(str(run.stop_reason), str(run.stop_reason)),
        "epochs kept": str(kept[0]) if len(set(kept)) == 1 else f"{min(kept)} to {max(kept)}",
        "warm restarts": len(run.restarts),
        "seconds": sum(seconds) if seconds else "not measured",
    }
    best, scoring = estimator.best_validation_score_, resolved["scoring"]
    if best is not None and scoring == "loss":
        facts["validation loss of the weights kept"] = -best
    elif best is not None:
        name = scoring if isinstance(scoring, str) else "score"
        facts[f"validation {name} of the weights kept"] = best
    return facts


def _figures(figures: dict[str, Any]) -> str:
    from ..plots.svg import as_svg

    cards = [
        f'<figure class="card" style="margin:0"><h3>{escape(name)}</h3>'
        f"{as_svg(draw, name)}</figure>"
        for name, draw in figures.items()
    ]
    return f'<div class="grid" style="margin-top:1rem">{"".join(cards)}</div>' if cards else ""


def _importances(test: Evaluation) -> str:
    rows, words = test.importances()
    if not rows:
        return f"<p>{escape(words)}</p>"

    def draw(ax: Any) -> None:
        shown = rows[:20][::-1]
        means, spreads = [row[1] for row in shown], [row[2] for row in shown]
        ax.barh([row[0] for row in shown], means, xerr=spreads, height=0.7)
        ax.set_xlabel("fall of the score")

    from ..plots.svg import as_svg

    height = 0.9 + 0.22 * min(len(rows), 20)
    picture = as_svg(draw, "Importance of the columns by permutation", height=height)
    table = table_html(["column", "fall of the score", "std"], [list(row) for row in rows])
    details = f"<details><summary>All numbers</summary>{_scrolling(table)}</details>"
    return f'<div class="card">{picture}</div><p class="soft">{escape(words)}</p>{details}'


def _summary_table(model: Any) -> str:
    s = summary(model)
    return f"<p>{escape(s.title)}</p>{table_html(*s.cells())}"


def _columns(estimator: Any) -> str:
    report = estimator.column_report_
    if not report:
        return ""
    header = ["column", "read as", "encoding", "inputs", "note"]
    rows = "".join(_row(row.values()) for row in report)
    head = "".join(f"<th>{name}</th>" for name in header)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _parameters(model: Any, estimator: Any) -> str:
    defaults = type(estimator)._defaults()
    changed = {n for n, default in defaults.items() if repr(getattr(estimator, n)) != repr(default)}
    rows = "".join(
        _row((name, repr(value)), ' class="changed"' if name in changed else "")
        for name, value in estimator.resolved_params_.items()
    )
    words = "As they were resolved; those that were set are bold."
    best = getattr(model, "best_params_", None)
    if best:
        words += f" The search chose {best!r}."
    table = f'<table class="wide"><tbody>{rows}</tbody></table>'
    return f'<p class="soft">{escape(words)}</p>{_scrolling(table)}'


def _environment() -> dict[str, Any]:
    import scipy
    import sklearn

    from .. import __version__

    return {
        "written": datetime.now().astimezone().isoformat(" ", "minutes"),
        "skbackprop": __version__,
        "scikit-learn": sklearn.__version__,
        "NumPy": np.__version__,
        "SciPy": scipy.__version__,
        "Python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
    }


def _pairs(facts: dict[str, Any]) -> str:
    rows = "".join(map(_row, facts.items()))
    return f"<table><tbody>{rows}</tbody></table>"


def _row(values: Iterable[Any], attributes: str = "") -> str:
    cells = "".join(f"<td>{escape(number(value))}</td>" for value in values)
    return f"<tr{attributes}>{cells}</tr>"


def _scrolling(html: str) -> str:
    return f'<div class="scroll">{html}</div>' if html else ""
