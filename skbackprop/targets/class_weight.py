"""The factors on the weights of the rows that `class_weight` stands for."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils.class_weight import compute_sample_weight

from .label_codecs import LabelCodec


def class_factors(class_weight: Any, y: np.ndarray, codec: Any) -> np.ndarray:
    """The factor of each row."""
    if not (isinstance(class_weight, dict) and isinstance(codec, LabelCodec)):
        return compute_sample_weight(class_weight, y)
    check_class_weight(class_weight, codec)
    present = set(np.unique(y).tolist())  # a part of the data need not have all classes
    own = {label: weight for label, weight in class_weight.items() if label in present}
    return compute_sample_weight(own, y)


def check_class_weight(class_weight: dict[Any, float], codec: LabelCodec) -> None:
    """Refuse labels that are no classes, and weights below 0."""
    known = codec.classes.tolist()
    unknown = [label for label in class_weight if label not in known]
    if unknown:
        raise ValueError(
            f"class_weight needs labels of y, {known}, got {unknown} too. "
            "Remove these, or correct their spelling."
        )
    if min(class_weight.values()) < 0:
        raise ValueError(
            f"class_weight needs weights >= 0, got {class_weight}. Give a class that "
            "should not count the weight 0."
        )
