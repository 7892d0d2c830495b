"""Warnings that name the line of the user."""

from __future__ import annotations

import sys
import warnings
from typing import Any


def warn_user(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn at the line of the user that led here: the first outside of the libraries."""
    level, frame = 2, sys._getframe(1)
    while frame.f_back is not None and _is_library(frame):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)


def _is_library(frame: Any) -> bool:
    return frame.f_globals.get("__name__", "").startswith(("skbackprop.", "sklearn."))
