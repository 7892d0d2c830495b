"""Codecs of classes: labels and accuracy."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skbackprop.targets import LabelCodec

BINARY, THREE = LabelCodec(np.array(["a", "b"])), LabelCodec(np.array(["a", "b", "c"]))


def test_the_label_of_a_positive_score_is_the_second_class():
    assert_array_equal(BINARY.decode(np.array([[-0.1], [0.1]])), ["a", "b"])


def test_the_label_of_several_classes_has_the_largest_score():
    assert_array_equal(THREE.decode(np.array([[0.0, 2.0, 1.0], [3.0, 2.0, 1.0]])), ["b", "a"])


@pytest.mark.parametrize("weight", [None, np.array([3.0, 1.0])])
def test_accuracy_is_weighted(weight):
    expected = 0.5 if weight is None else 0.75
    scores = np.array([[1.0], [1.0]])
    assert BINARY.score(np.array([[1.0], [0.0]]), scores, weight) == expected
    hot = np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
    assert THREE.score(hot, np.array([[0.0, 1.0, 0.0]] * 2), weight) == expected
