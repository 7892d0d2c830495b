"""The labels that a classifier is given: checked, and compared with those of earlier calls."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.utils import column_or_1d
from sklearn.utils.multiclass import check_classification_targets, type_of_target, unique_labels

from .label_codecs import HeadsCodec, LabelCodec, MultilabelCodec


def check_labels(y: Any) -> np.ndarray:
    """Labels as an array, ``(n,)`` or ``(n, n_outputs)``."""
    if issparse(y):
        y = y.toarray()
    check_classification_targets(y)
    return column_or_1d(y, warn=True) if y.ndim == 2 and y.shape[1] == 1 else y


def make_label_codec(y: np.ndarray) -> Any:
    """The codec for these labels."""
    kind = type_of_target(y)
    if kind == "multilabel-indicator":
        return MultilabelCodec(y.shape[1])
    if y.ndim == 2:
        return HeadsCodec(tuple(LabelCodec(np.unique(column)) for column in y.T))
    return LabelCodec(np.unique(y))


def codec_of_classes(y: np.ndarray, classes: Any, known: Any) -> Any:
    """The codec of a call of ``partial_fit``: that of earlier calls, or one for `classes`."""
    if known is None:
        if type_of_target(y) == "multilabel-indicator":
            return MultilabelCodec(y.shape[1])
        if classes is None:
            raise ValueError("classes must be passed on the first call to partial_fit.")
        if y.ndim == 2:
            return HeadsCodec(tuple(LabelCodec(np.unique(c)) for c in classes))
        return LabelCodec(unique_labels(classes))
    if classes is not None and isinstance(known, LabelCodec):
        given = unique_labels(classes)
        if not np.array_equal(given, known.classes):
            raise ValueError(
                f"`classes={classes!r}` is not the same as on last call to "
                f"partial_fit, was: {known.classes!r}"
            )
    return known


def check_same_classes(y: np.ndarray, codec: Any) -> None:
    """Refuse labels of a warm start that are not those of the first call."""
    if isinstance(codec, LabelCodec) and y.ndim == 1:
        classes = unique_labels(y)
        same = set(classes.tolist()) == set(codec.classes.tolist())
    else:
        new = make_label_codec(y)
        classes, same = new.classes, type(new) is type(codec)
    if not same:
        raise ValueError(
            "warm_start can only be used where `y` has the same classes as in the previous "
            f"call to fit. Previously got {codec.classes}, `y` has {classes}"
        )


def check_known_labels(y: np.ndarray, codec: Any) -> None:
    """Refuse labels that are no classes of the codec."""
    unseen = unseen_labels(y, codec)
    if unseen:
        raise ValueError(
            f"`y` has classes not in `self.classes_`: {unseen}. Known are "
            f"{_plain(codec.classes)}. Remove these rows, or name all classes in the first "
            "call to partial_fit."
        )


def unseen_labels(y: np.ndarray, codec: Any) -> list[Any]:
    """The labels that are no classes of the codec."""
    if isinstance(codec, MultilabelCodec):
        if y.ndim != 2 or y.shape[1] != codec.n_targets:
            raise ValueError(
                f"`y` needs {codec.n_targets} columns, as in the first call, got shape "
                f"{y.shape}. Pass an indicator matrix of the same labels."
            )
        return []
    heads = codec.heads if isinstance(codec, HeadsCodec) else (codec,)
    columns = y.T if y.ndim == 2 else [y]
    if len(columns) != len(heads):
        raise ValueError(
            f"`y` needs {len(heads)} columns, as in the first call, got shape {y.shape}."
        )
    return [
        label
        for head, column in zip(heads, columns, strict=True)
        for label in np.setdiff1d(column, head.classes).tolist()
    ]


def _plain(classes: Any) -> Any:
    return [c.tolist() for c in classes] if isinstance(classes, list) else classes.tolist()
