"""Numbers as text and as HTML: small arrays in figures, large ones as pictures.

>>> as_text(np.array([[0.5, -1.0]]))
'[[ 0.5 -1. ]]'
>>> as_text(np.ones((100, 64)))
'100 × 64 numbers from 1 to 1'
>>> as_html(np.array([[0.5, "<b>"]], dtype=object))
'<table class="skb-array"><tr><td>0.5</td><td>&lt;b&gt;</td></tr></table>'
"""

from __future__ import annotations

import struct
import zlib
from base64 import b64encode
from html import escape
from typing import Any

import numpy as np

MOST_NUMBERS, MOST_COLUMNS = 48, 8  # of an array that is written out
RED, BLUE = (178, 24, 43), (33, 102, 172)  # of numbers above and below 0
WIDEST, TALLEST, LARGEST = 256, 128, 12  # pixels of a picture, and of a number in it

STYLE = """
.skb{font:14px/1.45 system-ui,sans-serif;max-width:100%;overflow-x:auto}
.skb table{border-collapse:collapse;margin:.3em 0}
.skb td,.skb th{padding:.15em .6em;text-align:right;vertical-align:middle;border:0}
.skb table.skb-rows>tbody>tr>*{border-top:1px solid rgba(128,128,128,.35)}
.skb table.skb-rows>*>tr>*{text-align:left}
.skb table.skb-rows>*>tr>.skb-number{text-align:right;white-space:nowrap}
.skb .skb-number{font-variant-numeric:tabular-nums}
.skb table.skb-array td{font:13px/1.4 ui-monospace,monospace;padding:.05em .5em}
.skb .skb-part{font-weight:600;padding-top:.9em}
.skb img{image-rendering:pixelated;border:1px solid rgba(128,128,128,.5);vertical-align:middle}
.skb small{opacity:.75}
@media(max-width:640px){.skb table.skb-trace,.skb .skb-trace>tbody,.skb .skb-trace>tbody>tr,
.skb .skb-trace>tbody>tr>td{display:block}.skb table.skb-trace>tbody>tr>td+td{border-top:0}}
""".strip()


def number(value: Any) -> str:
    """A number in four digits; anything else as it is.

    >>> number(0.123456), number(1234567.0), number(3), number("three")
    ('0.1235', '1.235e+06', '3', 'three')
    """
    return f"{value:.4g}" if isinstance(value, (float, np.floating)) else str(value)


def is_small(array: np.ndarray) -> bool:
    """Is the array written out?"""
    width = array.shape[-1] if array.ndim else 1
    return array.ndim <= 2 and array.size <= MOST_NUMBERS and width <= MOST_COLUMNS


def in_words(array: np.ndarray) -> str:
    """The shape and the range of an array."""
    shape = " × ".join(map(str, array.shape))
    if not array.size:
        return f"{shape} numbers"
    return f"{shape} numbers from {number(array.min())} to {number(array.max())}"


def as_text(value: Any) -> str:
    """A number, or an array if it is small, else its shape and range."""
    array = np.asarray(value)
    if not is_small(array):
        return in_words(array)
    if array.ndim == 0:
        return number(array.item())
    return np.array2string(array, precision=4, suppress_small=True, max_line_width=100)


def as_html(value: Any) -> str:
    """The same as HTML: a table with colored cells, or a picture."""
    array = np.asarray(value)
    if array.ndim == 0:
        return escape(number(array.item()))
    if not is_small(array):
        return f"{picture(array)}<br><small>{escape(in_words(array))}</small>"
    colors = rgba(array) if array.dtype.kind == "f" else None
    rows = []
    for i, row in enumerate(np.atleast_2d(array)):
        cells = []
        for j, value in enumerate(row):
            style = "" if colors is None else background(colors[i, j])
            cells.append(f"<td{style}>{escape(number(value))}</td>")
        rows.append(f"<tr>{''.join(cells)}</tr>")
    return f'<table class="skb-array">{"".join(rows)}</table>'


def background(color: np.ndarray) -> str:
    """The color of a cell; half of it, to be read on both light and dark pages."""
    r, g, b, alpha = color
    return f' style="background:rgba({r},{g},{b},{alpha / 510:.2f})"'


def rgba(array: np.ndarray) -> np.ndarray:
    """Red for numbers above 0, blue below; the larger, the less transparent; gray if not finite."""
    a = np.nan_to_num(np.atleast_2d(array).astype(float), posinf=0.0, neginf=0.0)
    opacity = np.abs(a) / (np.abs(a).max(initial=0.0) or 1.0)
    colors = np.where((a >= 0)[..., None], np.array(RED), np.array(BLUE))
    colors = np.concatenate([colors, np.rint(255 * opacity)[..., None]], axis=-1)
    colors[~np.isfinite(np.atleast_2d(array).astype(float))] = 128, 128, 128, 255
    return colors.astype(np.uint8)


def picture(array: np.ndarray) -> str:
    """An image with a pixel for each number, enlarged or reduced to be easily seen."""
    flat = array.reshape(-1, array.shape[-1]) if array.ndim != 1 else array[None]
    if not flat.size:
        return ""
    height, width = flat.shape
    scale = min(WIDEST / width, TALLEST / height, LARGEST)
    scale = int(scale) if scale >= 1 else scale
    size = f'width="{round(width * scale) or 1}" height="{round(height * scale) or 1}"'
    data = b64encode(png(rgba(flat))).decode()
    words = escape(in_words(array), quote=True)
    return f'<img {size} style="max-width:100%" alt="{words}" src="data:image/png;base64,{data}">'


def png(pixels: np.ndarray) -> bytes:
    """The bytes of a PNG image of pixels ``(height, width, 4)``.

    ISO/IEC 15948, "Portable Network Graphics": a signature, and chunks of length, name, data and
    checksum.  Before each row of pixels stands the number of its filter, 0.
    """
    height, width = pixels.shape[:2]
    rows = np.zeros((height, 1 + 4 * width), np.uint8)
    rows[:, 1:] = pixels.reshape(height, -1)
    header = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    chunks = (b"IHDR", header), (b"IDAT", zlib.compress(rows.tobytes(), 9)), (b"IEND", b"")
    parts = [
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def table_html(header: list[str], rows: list[list[Any]]) -> str:
    """A table; the first column is text, numbers are aligned at the right."""
    classes = ["", *[' class="skb-number"'] * (len(header) - 1)]
    head = "".join(f"<th{c}>{escape(h)}</th>" for c, h in zip(classes, header, strict=True))
    body = "".join(
        "<tr>"
        + "".join(
            f"<td{c}>{escape(number(cell))}</td>" for c, cell in zip(classes, row, strict=True)
        )
        + "</tr>"
        for row in rows
    )
    table = f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody>"
    return f'<table class="skb-rows">{table}</table>'


def framed(*parts: str) -> str:
    """HTML for a notebook, with its style."""
    return f'<div class="skb"><style>{STYLE}</style>{"".join(parts)}</div>'
