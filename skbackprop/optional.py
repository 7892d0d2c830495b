"""Packages that few programs need: imported where they are used, and named when they are missing.

>>> with optional("A display", "skbackprop[plot]"):
...     import no_such_package
Traceback (most recent call last):
    ...
ImportError: A display needs no_such_package, which is not installed: pip install "skbackprop[plot]"
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def optional(what: str, requirement: str, otherwise: str = "") -> Iterator[None]:
    """Say how to install what the imports in this block do not find.

    Parameters
    ----------
    what : str
        What the packages are needed for.
    requirement : str
        What pip installs: an extra of this package, as in "skbackprop[plot]", or a package.
    otherwise : str, default=""
        What else the user can do.

    Raises
    ------
    ImportError
        If a package is missing.  Errors of a package that is there are left as they are.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise ImportError(
            f"{what} needs {error.name}, which is not installed: "
            f'pip install "{requirement}"{otherwise}'
        ) from error
