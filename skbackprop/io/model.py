"""Save a fitted estimator to one file, and load it again.

The file is described in ``docs/file_format.md``.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import stat
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy
import sklearn
from sklearn.base import is_regressor
from sklearn.utils.validation import check_is_fitted

from ..estimators.fitted import Fitted
from ..estimators.saving import ATTRIBUTES
from ..recipes.resolve import of_any_version
from . import safetensors, tables
from .decode import Decoder, check_custom
from .encode import Encoder

FORMAT_VERSION = 1
VERSION, MODEL = "skbackprop.format_version", "skbackprop.model"
CHECKPOINT = "skbackprop.checkpoint"  # instead of a model, see `checkpoint`
PARTS = ("estimator", "params", "attributes", "fitted", "custom")
DEEPEST = 300  # brackets in the JSON of a model


def save(estimator: Any, path: Any, *, training_state: bool = False) -> None:
    """Save a fitted estimator to a file.

    The file appears at once: it is written under another name in the same folder, and renamed.
    Whatever happens in between, `path` is what it was, or the new file.

    Parameters
    ----------
    estimator : BackpropClassifier, BackpropRegressor, or one of `skbackprop.mlp`
        Fitted.
    path : str, bytes or path-like
        The file; one that exists is replaced.  ``.skbp`` is the usual ending.
    training_state : bool, default=False
        Whether the file holds what continues training bit for bit: the state of the optimizer,
        averages, random generators and the order of the rows.

    Raises
    ------
    TypeError
        If the estimator holds an object that cannot be stored; the message names it.
    ValueError
        If there is something else at `path` than a regular file, such as a device.
    """
    write_atomically(path, dumps(estimator, training_state=training_state))


def load(path: Any, custom: Mapping[str, Any] | None = None) -> Any:
    """Load an estimator that was saved with ``estimator.save(path)``.

    No code of the file is run and nothing is imported by a name from it: a file of another person
    can be loaded safely.

    Parameters
    ----------
    path : str, bytes or path-like
        The file.
    custom : dict of str to class or function, default=None
        Your own classes and functions that the estimator has as parameters, by their names.

    Returns
    -------
    estimator : BackpropClassifier, BackpropRegressor, or one of `skbackprop.mlp`
        It predicts the same, bit for bit.

    Raises
    ------
    ValueError
        If the file is damaged, of a later version, of another tool, or holds objects of classes
        that are not in `custom`.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import skbackprop
    >>> X, y = [[0.0], [1.0], [2.0], [3.0]], [0.0, 1.0, 2.0, 3.0]
    >>> model = skbackprop.BackpropRegressor(preset="plain", solver="lbfgs").fit(X, y)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     model.save(Path(folder) / "model.skbp")
    ...     same = skbackprop.load(Path(folder) / "model.skbp")
    >>> bool((same.predict(X) == model.predict(X)).all())
    True
    """
    name = name_of(path)
    with open(name, "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise ValueError(f"Cannot load {name!r}: it is not a regular file.")
        try:
            return rebuild(safetensors.read(file, status.st_size), custom)
        except ValueError as error:
            raise ValueError(f"Cannot load {name!r}. {error}") from error


# ---------------------------------------------------------------------------- bytes


def dumps(estimator: Any, *, training_state: bool = False) -> bytes:
    """The bytes of the file of an estimator; see `save`."""
    check_is_fitted(estimator)
    return _pack(estimator, training_state)[0]


def as_bytes(estimator: Any) -> bytes | None:
    """The bytes of the file of an estimator, if `loads` needs nothing else to read them.

    A model that was trained by ``partial_fit`` or with ``warm_start=True`` comes with its
    training state.
    """
    try:
        data, custom = _pack(estimator, estimator._fitted.continued)
    except TypeError:  # it holds an object that cannot be stored
        return None
    return None if custom else data


def _pack(estimator: Any, training_state: bool) -> tuple[bytes, list[str]]:
    """The bytes of a file, and the names that `load` will ask for."""
    encoder, cls = Encoder(), type(estimator)
    fitted = estimator._fitted if training_state else _light(estimator)
    given = {name: vars(estimator)[name] for name in ATTRIBUTES if name in vars(estimator)}
    model = {
        "estimator": tables.ESTIMATOR_OF.get(cls) or encoder.own_name(cls, "the estimator"),
        "versions": versions(),
        "training_state": bool(training_state),
        "params": encoder.encode(estimator.get_params(deep=False), "params"),
        "attributes": encoder.encode(given, "attributes"),
        "fitted": encoder.encode(fitted, "fitted"),
        "custom": sorted(encoder.custom),
    }
    metadata = {VERSION: str(FORMAT_VERSION), MODEL: json.dumps(model, separators=(",", ":"))}
    return safetensors.dumps(encoder.tensors, metadata), model["custom"]


def _light(estimator: Any) -> Fitted:
    """The fitted state without what only training needs."""
    fitted: Fitted = estimator._fitted.light()
    # A classifier has used them, for its temperature; a regressor makes intervals of them.
    return fitted if is_regressor(estimator) else replace(fitted, held_out=None)


def versions() -> dict[str, str]:
    """The versions that a file states."""
    from .. import __version__

    return {
        "skbackprop": __version__,
        "numpy": numpy.__version__,
        "scikit-learn": sklearn.__version__,
    }


def loads(data: bytes, custom: Mapping[str, Any] | None = None) -> Any:
    """The estimator whose file has these bytes; see `load`."""
    return rebuild(safetensors.loads(data), custom)


def rebuild(contents: safetensors.Contents, custom: Mapping[str, Any] | None = None) -> Any:
    """The estimator that a file holds, with every fault of the file as a ValueError."""
    try:
        return _rebuild(contents, custom)
    except ValueError:
        raise
    except Exception as error:  # of a constructor that was given something else than it needs
        raise ValueError(
            f"The file does not hold a model that can be rebuilt: {type(error).__name__}: {error}"
        ) from error


def _rebuild(contents: safetensors.Contents, custom: Mapping[str, Any] | None) -> Any:
    tensors, metadata, checked = contents
    if CHECKPOINT in metadata:
        raise ValueError(
            "It is a checkpoint, from which `fit` goes on with the same Checkpoint among its "
            "callbacks; it holds no fitted model."
        )
    if VERSION not in metadata or MODEL not in metadata:
        raise ValueError(
            f"It is a safetensors file of another tool: its metadata has no {VERSION!r}. Load it "
            "with the safetensors package."
        )
    check_version(metadata[VERSION])
    if not checked:
        raise ValueError(f"The file is damaged: it has no checksum {safetensors.CHECKSUM!r}.")
    model = safetensors.parse_json(metadata[MODEL], "model", DEEPEST)
    missing = [name for name in PARTS if name not in model]
    if missing:
        raise ValueError(f"The model has no {missing[0]!r}.")
    check_custom(model["custom"], custom)
    decoder = Decoder(tensors, custom)
    params, given, fitted = (
        decoder.decode(model[name], name) for name in ("params", "attributes", "fitted")
    )
    name = model["estimator"]
    cls = tables.ESTIMATORS.get(name) or decoder.own(name)
    if not isinstance(fitted, Fitted) or set(given) - set(ATTRIBUTES):
        raise ValueError("The model has no fitted state.")
    fitted.resolved = of_any_version(fitted.resolved)
    fitted.stack_sizes = fitted.stack_sizes or []  # None in files of earlier versions
    estimator = cls(**params)
    vars(estimator).update(given, _fitted=fitted)
    return estimator


def check_version(text: str) -> None:
    """Refuse a file of a later version, and what is no version at all."""
    if not (text.isascii() and text.isdigit() and len(text) < 10) or int(text) < 1:
        raise ValueError(f"{VERSION!r} must be a whole number > 0, got {text[:100]!r}.")
    if int(text) > FORMAT_VERSION:
        raise ValueError(
            f"It has the format version {text}, newer than {FORMAT_VERSION}, which is the newest "
            "that this version of skbackprop can read. Install a newer version of skbackprop."
        )


# ---------------------------------------------------------------------------- files


def name_of(path: Any) -> str:
    """The path of a file as text."""
    try:
        return os.fsdecode(path)
    except TypeError:
        raise TypeError(
            "A model is in a file, whose path must be a str, bytes or os.PathLike, got "
            f"{type(path).__name__}. Pass a path; pickle writes to open files and to memory."
        ) from None


def write_atomically(path: Any, *parts: Any) -> None:
    """Make `path` a file with these bytes, or leave it as it was.

    A process that is killed may leave a file ``.skbp-….tmp`` in the folder.
    """
    name = name_of(path)
    target = Path(os.path.realpath(name))  # what a link points to is replaced
    if not target.parent.is_dir():
        raise FileNotFoundError(f"There is no folder {str(target.parent)!r}. Make it first.")
    if target.is_dir() or name.endswith((os.sep, os.altsep or os.sep)):
        raise IsADirectoryError(f"Cannot save to {name!r}: it is a folder. Name a file.")
    if os.path.lexists(target) and not target.is_file():
        raise ValueError(f"Cannot save to {name!r}: it is not a regular file. Name a file.")
    other = target.with_name(f".skbp-{secrets.token_hex(8)}.tmp")
    try:
        with open(other, "xb") as file:
            file.writelines(parts)
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            shutil.copymode(target, other)
        os.replace(other, target)
    except BaseException:
        other.unlink(missing_ok=True)
        raise
    _sync_folder(target.parent)


def _sync_folder(folder: Path) -> None:
    """Write the new name to the disk, where folders can be opened."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
