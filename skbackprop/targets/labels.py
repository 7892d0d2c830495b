"""The labels that a classifier is given: checked, and compared with those of earlier calls.

Labels of one column are of one type: booleans, integers, floats, strings, or objects that can be
sorted, such as dates.  An array of objects that are all integers holds integers, and so on:

>>> check_labels(np.array([3, 1, 3], dtype=object))
array([3, 1, 3])
>>> check_labels(np.array([0, "one"], dtype=object))
Traceback (most recent call last):
    ...
ValueError: The labels of y are of several types: int and str. Convert them to one type, for \
example by y.astype(str).
"""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.utils import column_or_1d
from sklearn.utils.multiclass import check_classification_targets

from ..tables.columns import short, written
from .label_codecs import HeadsCodec, LabelCodec, MultilabelCodec
from .reading import as_columns, read_target

EXACT = 2**53  # integers up to here are floats without a loss
KINDS: dict[str, Any] = {
    "bool": (bool, np.bool_),
    "int": Integral,
    "float": Real,
    "str": str,
    "bytes": bytes,
}


def check_labels(y: Any, name: str = "y") -> np.ndarray:
    """Labels as an array, ``(n,)`` or ``(n, n_outputs)``.

    Parameters
    ----------
    y : array-like, Series, data frame or sparse matrix
        Labels as the user gave them.
    name : str
        What messages call them.

    Raises
    ------
    ValueError
        If a label is missing, if labels of a column are of several types, or if they are
        numbers of a regression target.
    """
    y = read_target(y, name)
    if y.ndim == 2 and y.shape[1] == 1:
        y = column_or_1d(y, warn=True)
    if y.ndim == 1:
        return _labels(y, name)
    columns = [_labels(column, f"column {i} of {name}") for i, column in enumerate(y.T)]
    if y.dtype.kind != "O" or len({column.dtype for column in columns}) == 1:
        return np.stack(columns, axis=1)
    return y


def _labels(y: np.ndarray, name: str) -> np.ndarray:
    """One column of labels, in the dtype of their type."""
    if y.dtype.kind == "O":
        y = _of_one_type(y, name)
    if y.dtype.kind != "O" or isinstance(y[0], str):
        check_classification_targets(y)
    return y


def _of_one_type(y: np.ndarray, name: str) -> np.ndarray:
    cells = y.tolist()
    kinds = {_kind(kind) for kind in set(map(type, cells))}
    if kinds == {"int", "float"} and all(abs(c) <= EXACT for c in cells if _kind(type(c)) == "int"):
        kinds = {"float"}
    if len(kinds) > 1:
        *first, last = sorted(kinds)
        raise ValueError(
            f"The labels of {name} are of several types: {', '.join(first)} and {last}. Convert "
            "them to one type, for example by y.astype(str)."
        )
    (kind,) = kinds
    if kind in ("bool", "int", "float"):
        return _numbers(cells, kind)
    if kind not in ("str", "bytes"):
        _check_sortable(cells, kind, name)
    return y


def _kind(kind: type) -> str:
    found = (name for name, base in KINDS.items() if issubclass(kind, base))
    return next(found, kind.__name__)


def _numbers(cells: list[Any], kind: str) -> np.ndarray:
    if kind == "bool":
        return np.array(cells, dtype=bool)
    numbers = np.array(cells)
    if kind == "int" and numbers.dtype.kind not in "iu":  # more than 64 bits: Python's integers
        numbers = np.array([int(cell) for cell in cells], dtype=object)
    return numbers.astype(np.float64) if kind == "float" and numbers.dtype.kind == "O" else numbers


def _check_sortable(cells: list[Any], kind: str, name: str) -> None:
    try:
        sorted(set(cells))
    except TypeError:
        raise ValueError(
            f"Unknown label type: the labels of {name} are objects of type {kind!r}, which cannot "
            "be sorted or compared. Pass numbers, booleans or strings."
        ) from None


# ---- the codec of labels -------------------------------------------------------------------


def make_label_codec(y: np.ndarray) -> Any:
    """The codec for checked labels."""
    if is_indicator(y):
        return MultilabelCodec(y.shape[1])
    if y.ndim == 2:
        return HeadsCodec(tuple(_codec(column) for column in y.T))
    return _codec(y)


def is_indicator(y: np.ndarray) -> bool:
    """Are these several columns of zeros and ones?

    Columns of two other labels, such as 1 and 2, are columns of labels.
    """
    if y.ndim != 2 or y.dtype.kind not in "biuf":
        return False
    return y.dtype.kind == "b" or bool(((y == 0) | (y == 1)).all())


def _codec(column: np.ndarray) -> LabelCodec:
    return LabelCodec(np.unique(_of_one_type(column, "y") if column.dtype == object else column))


def codec_of_classes(y: np.ndarray, classes: Any, known: Any) -> Any:
    """The codec of a call of ``partial_fit``: that of earlier calls, or one for `classes`."""
    if known is None:
        return _first_codec(y, classes)
    if classes is not None and isinstance(known, LabelCodec):
        given = np.unique(check_labels(classes, "classes"))
        if given.tolist() != known.classes.tolist():
            raise ValueError(
                f"`classes={classes!r}` is not the same as on last call to "
                f"partial_fit, was: {known.classes!r}"
            )
    return known


def _first_codec(y: np.ndarray, classes: Any) -> Any:
    if y.ndim == 2 and _is_list_of_arrays(classes):
        if len(classes) != y.shape[1]:
            raise ValueError(
                f"classes needs an array for each of the {y.shape[1]} columns of y, got "
                f"{len(classes)}. Pass one array of labels for each column."
            )
        return HeadsCodec(tuple(_codec(check_labels(own, "classes")) for own in classes))
    if is_indicator(y):
        return MultilabelCodec(y.shape[1])
    if classes is None:
        raise ValueError("classes must be passed on the first call to partial_fit.")
    if y.ndim == 2:
        raise ValueError(
            f"classes needs an array for each of the {y.shape[1]} columns of y, got {classes!r}. "
            "Pass a list with the labels of each column."
        )
    return _codec(check_labels(classes, "classes"))


def _is_list_of_arrays(classes: Any) -> bool:
    return isinstance(classes, (list, tuple)) and all(
        hasattr(own, "__len__") and not isinstance(own, (str, bytes)) for own in classes
    )


def check_same_classes(y: np.ndarray, codec: Any) -> None:
    """Refuse labels of a warm start that are not those of the first call."""
    new = make_label_codec(y)
    if isinstance(codec, HeadsCodec) and y.ndim == 2:  # by chance all of them zeros and ones?
        new = HeadsCodec(tuple(_codec(column) for column in y.T))
    same = type(new) is type(codec) and _plain(new.classes) == _plain(codec.classes)
    if not same:
        raise ValueError(
            "warm_start can only be used where `y` has the same classes as in the previous "
            f"call to fit. Previously got {short(str(codec.classes), 300)}, `y` has "
            f"{short(str(new.classes), 300)}"
        )


def check_known_labels(y: np.ndarray, codec: Any) -> None:
    """Refuse labels that are no classes of the codec."""
    unseen = unseen_labels(y, codec)
    if unseen:
        raise ValueError(
            f"`y` has classes not in `self.classes_`: {written(unseen)}. Known are "
            f"{written(_plain(codec.classes))}. Remove these rows, or name all classes in the "
            "first call to partial_fit."
        )


def unseen_labels(y: np.ndarray, codec: Any) -> list[Any]:
    """The labels that are no classes of the codec."""
    if isinstance(codec, MultilabelCodec):
        if y.ndim != 2 or y.shape[1] != codec.n_targets:
            raise ValueError(
                f"`y` needs {codec.n_targets} columns, as in the first call, got shape "
                f"{y.shape}. Pass an indicator matrix of the same labels."
            )
    elif as_columns(y).shape[1] != len(codec.heads):
        raise ValueError(
            f"`y` needs {len(codec.heads)} columns, as in the first call, got shape {y.shape}."
        )
    return [
        label
        for head, column in zip(codec.heads, as_columns(y).T, strict=True)
        for label in np.unique(column[head.codes(column) < 0]).tolist()
    ]


def _plain(classes: Any) -> Any:
    return [c.tolist() for c in classes] if isinstance(classes, list) else classes.tolist()
