r"""The factors on the weights of the rows that `class_weight` stands for.

They multiply the sample weights, and nothing else happens: a fit with `class_weight` is the fit
with these products as `sample_weight`, to the last bit.  "balanced" gives every class the same
total weight: with the weight :math:`n_c` of the rows of class :math:`c`, of :math:`k` classes,

.. math:: f_c = \frac{\sum_j n_j}{k \, n_c}.

>>> from skbackprop.targets import LabelCodec
>>> y = np.array(["no", "no", "no", "yes"])
>>> heads = (LabelCodec(np.array(["no", "yes"])),)
>>> class_factors({"yes": 5.0}, y, heads)
array([1., 1., 1., 5.])
>>> class_factors("balanced", y, heads, class_counts(y, heads, None))
array([0.66666667, 0.66666667, 0.66666667, 2.        ])
"""

from __future__ import annotations

from datetime import date, datetime
from numbers import Real
from typing import Any

import numpy as np

from ..tables.columns import short, written
from .label_codecs import LabelCodec
from .reading import as_columns

DIGITS = 40  # binary digits of a count; the sum of some thousand such counts is exact


def class_factors(
    class_weight: Any,
    y: np.ndarray,
    heads: tuple[LabelCodec, ...],
    counts: np.ndarray | None = None,
) -> np.ndarray:
    """The factor of each row: the product over the columns of labels.

    Parameters
    ----------
    class_weight : dict, list of dict or "balanced"
        As the user gave it, checked by `check_class_weight`.
    y : ndarray of shape (n,) or (n, n_outputs)
        Checked labels.
    heads : tuple of LabelCodec
        The codec of each column.
    counts : ndarray or None
        For "balanced": the weight of the rows of each class, one column after the other.
    """
    if counts is not None:
        ends = np.cumsum([head.n_classes for head in heads])[:-1]
        of_classes = [balanced(count) for count in np.split(counts, ends)]
    else:
        pairs = zip(heads, _of_columns(class_weight), strict=True)
        of_classes = [
            np.array([float(given.get(label, 1.0)) for label in plain_labels(head.classes)])
            for head, given in pairs
        ]
    factor = np.ones(len(y))
    for head, column, of_class in zip(heads, as_columns(y).T, of_classes, strict=True):
        factor *= of_class[head.codes(column)]
    return factor


def _of_columns(class_weight: Any) -> Any:
    """The dict of each column of labels."""
    given = [class_weight] if isinstance(class_weight, dict) else class_weight
    return [{_plain(label): w for label, w in weights.items()} for weights in given]


def plain_labels(labels: np.ndarray) -> list[Any]:
    """Labels as objects of Python; those that are equal have the same hash.

    >>> plain_labels(np.array(["2020-01-01"], "M8[ns]"))
    [datetime.datetime(2020, 1, 1, 0, 0)]
    """
    cells = list(labels) if labels.dtype.kind in "mM" else labels.tolist()
    return [_plain(label) for label in cells]


def _plain(label: Any) -> Any:
    """A label; a date or a duration, whose types have different hashes, as that of Python."""
    if isinstance(label, (np.datetime64, np.timedelta64)):
        kind = np.dtype(f"{label.dtype.kind}8[us]")
        exact = label.astype(kind) if np.can_cast(kind, label.dtype, "same_kind") else label
        return exact.item() if exact == label else label
    return datetime(*label.timetuple()[:3]) if type(label) is date else label


def balanced(count: np.ndarray) -> np.ndarray:
    """The factor of each class with which all classes have the same weight; 1 without rows."""
    present = count > 0
    factor = np.ones(len(count))
    factor[present] = count.sum() / (present.sum() * count[present])
    return factor


def class_counts(
    y: np.ndarray,
    heads: tuple[LabelCodec, ...],
    weight: np.ndarray | None,
    before: np.ndarray | None = None,
) -> np.ndarray:
    """The weight of the rows of each class, one column after the other, added to `before`.

    Counts have `DIGITS` binary digits, so that their sums are exact: after ten calls with the
    same rows the factors are those of one call, to the last bit.
    """
    counts = []
    for head, column in zip(heads, as_columns(y).T, strict=True):
        count = np.bincount(head.codes(column), weight, len(head.classes)).astype(np.float64)
        grid = np.ldexp(1.0, int(np.frexp(count.sum())[1]) - DIGITS)
        counts.append(np.maximum(np.rint(count / grid), count > 0) * grid)
    together = np.concatenate(counts)
    return together if before is None else before + together


def without_weight(class_weight: Any, y: np.ndarray) -> np.ndarray | None:
    """Which rows have a class of weight 0; None if no class has."""
    if class_weight is None or isinstance(class_weight, str):
        return None
    absent = np.zeros(len(y), bool)
    for weights, column in zip(_of_columns(class_weight), as_columns(y).T, strict=True):
        labels = {label for label, weight in weights.items() if weight == 0}
        if labels:
            absent |= np.fromiter((label in labels for label in plain_labels(column)), bool, len(y))
    return absent if absent.any() else None


def check_class_weight(class_weight: Any, known: list[list[Any]]) -> None:
    """Refuse what names no class, or gives a class no sensible weight.

    Parameters
    ----------
    class_weight : dict, list of dict, "balanced" or None
        As the user gave it.
    known : list of list
        The labels of each column of y, from `plain_labels`.
    """
    if class_weight is None or isinstance(class_weight, str):
        return
    given = [class_weight] if isinstance(class_weight, dict) else class_weight
    if isinstance(class_weight, dict) != (len(known) == 1) or len(given) != len(known):
        got = "a dict" if isinstance(class_weight, dict) else f"a list of {len(given)}"
        needed = "a dict" if len(known) == 1 else f"a list of {len(known)} dicts"
        raise ValueError(
            f"class_weight needs {needed} for y with {len(known)} column"
            f"{'s' if len(known) > 1 else ''} of labels, got {got}. Or use 'balanced'."
        )
    for weights, labels in zip(given, known, strict=True):
        _check_weights(weights, labels)


def _check_weights(weights: Any, labels: list[Any]) -> None:
    if not isinstance(weights, dict):
        raise ValueError(
            f"class_weight needs a dict for each column of y, got {weights!r}. "
            "Write {label: weight}."
        )
    known = {_plain(label): weight for label, weight in weights.items()}
    unknown = [label for label in weights if _plain(label) not in labels]
    if unknown:
        raise ValueError(
            f"class_weight needs labels of y, {written(labels)}, got {written(unknown)} too. "
            "Remove these, or correct their spelling."
        )
    for label, weight in weights.items():
        if not isinstance(weight, Real) or weight < 0 or not weight < np.inf:
            raise ValueError(
                f"class_weight needs finite numbers >= 0, got {weight!r} for the class "
                f"{short(repr(label))}. Give a class that should not count the weight 0."
            )
    if all(known.get(label, 1) == 0 for label in labels):
        raise ValueError(
            "class_weight needs a class with a weight > 0, got zero for all classes: "
            f"{written(weights)}."
        )
