"""Drawings as SVG inside an HTML page, without files, fonts or text colors of their own.

>>> text = as_svg(lambda ax: ax.plot([1, 2], [3, 4]), "a <line>")  # doctest: +SKIP
"""

from __future__ import annotations

import re
from collections.abc import Callable
from hashlib import sha256
from html import escape
from io import StringIO
from typing import Any

from .curves import import_pyplot

INK = "#010203"  # becomes the color of the text around the picture
COLORS = ("#4c8bf5", "#e8710a", "#22a06b", "#b05bd6", "#d64550", "#9a7b4f")  # on white and black
FONT = "system-ui, sans-serif"


def as_svg(
    draw: Callable[[Any], Any], label: str, *, width: float = 4.0, height: float = 2.9
) -> str:
    """An ``<svg>`` element of what `draw` draws in axes.

    Parameters
    ----------
    draw : callable
        ``draw(ax)``.
    label : str
        What the picture shows, for readers who do not see it.
    width, height : float
        In inches.
    """
    import_pyplot()  # says which extra is missing
    from matplotlib import rc_context
    from matplotlib.figure import Figure
    from matplotlib.rcsetup import cycler

    style: dict[Any, Any] = dict.fromkeys(
        ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color"), INK
    )
    style |= {"svg.fonttype": "none", "svg.hashsalt": label, "font.size": 10.0}
    style |= {"axes.prop_cycle": cycler(color=COLORS), "legend.frameon": False}
    style |= {"axes.spines.top": False, "axes.spines.right": False, "legend.fontsize": 9.0}
    with rc_context(style):
        figure = Figure(figsize=(width, height), layout="constrained")  # no window is opened
        draw(figure.subplots())
        buffer = StringIO()
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    return _embedded(buffer.getvalue(), label)


def _embedded(text: str, label: str) -> str:
    """The element without declarations, with names of its own and the color of the page."""
    svg = text[text.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = svg.replace(INK, "currentColor").replace("stroke: #000000", "stroke: currentColor")
    svg = re.sub(r"font: ([\d.]+px) [^;\"]*", rf"font: \1 {FONT}", svg)
    prefix = f"s{sha256(text.encode()).hexdigest()[:8]}-"
    svg = re.sub(r'\bid="', f'id="{prefix}', svg)
    svg = svg.replace("url(#", f"url(#{prefix}").replace('href="#', f'href="#{prefix}')
    svg = re.sub(r'(xmlns(?::\w+)?|version)="[^"]*" ?', "", svg).replace("xlink:href", "href")
    return svg.replace("<svg ", f'<svg role="img" aria-label="{escape(label, quote=True)}" ', 1)
