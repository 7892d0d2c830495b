"""Codecs of classes: labels and accuracy."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit, log_expit, log_softmax, softmax

from skbackprop.nn.losses import BinaryLogLoss, MulticlassLogLoss
from skbackprop.targets import LabelCodec
from skbackprop.targets.label_codecs import HeadsCodec, MultilabelCodec

BINARY, THREE = LabelCodec(np.array(["a", "b"])), LabelCodec(np.array(["a", "b", "c"]))
ONE = LabelCodec(np.array(["a"]))


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


def test_of_one_class_every_row_is_right():
    assert ONE.score(np.ones((3, 1)), np.array([[-1.0], [0.0], [2.0]]), None) == 1


@pytest.mark.parametrize("unit", ["D", "s", "us", "ns"])
def test_dates_are_labels_in_any_unit(unit):
    codec = LabelCodec(np.array(["2024-01-01", "2024-01-02"], "M8[ns]"))
    y = np.array(["2024-01-02", "2024-01-01", "2024-01-03"], f"M8[{unit}]")
    assert_array_equal(codec.codes(y), [1, 0, -1])
    later = np.array(["2024-01-01T01"], "M8[ns]")
    assert_array_equal(LabelCodec(codec.classes.astype("M8[D]")).codes(later), [-1])


# ---- probabilities -------------------------------------------------------------------------------

SCORES = np.array([[-800.0], [-90.0], [-3.0], [0.0], [3.0], [90.0], [800.0]])


def test_columns_are_in_the_order_of_the_classes():
    p = BINARY.probabilities(SCORES, BinaryLogLoss(), log=False)
    assert_allclose(p[:, 1], expit(SCORES[:, 0]), atol=1e-15)
    assert_allclose(p[:, 0], expit(-SCORES[:, 0]), atol=1e-15)
    hot = np.array([[3.0, 1.0, 0.0], [0.0, 0.0, 700.0]])
    assert_allclose(THREE.probabilities(hot, MulticlassLogLoss(), log=False), softmax(hot, axis=1),
                    atol=1e-15)  # fmt: skip


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_probabilities_are_between_0_and_1_and_keep_the_order(dtype):
    p = BINARY.probabilities(SCORES.astype(dtype), BinaryLogLoss(), log=False)
    assert ((p > 0) & (p < 1)).all()
    assert (np.diff(p[:, 1]) >= 0).all()
    assert p[0, 1] < p[1, 1]
    far = np.array([[-900.0], [-800.0]], dtype)  # both are 0 but for the order
    tiny = BINARY.probabilities(far, BinaryLogLoss(), log=False)
    assert 0 < tiny[0, 1] < tiny[1, 1]


def test_logarithms_of_probabilities_are_exact_where_these_are_zero():
    log_p = BINARY.probabilities(SCORES, BinaryLogLoss(), log=True)
    assert_allclose(log_p[:, 1], log_expit(SCORES[:, 0]), rtol=1e-12, atol=1e-15)
    scores = np.array([[0.0, -800.0, 3.0]])
    found = THREE.probabilities(scores, MulticlassLogLoss(), log=True)
    assert_allclose(found, log_softmax(scores, axis=1))


def test_of_one_class_the_probability_is_1():
    scores = np.zeros((3, 1))
    assert_array_equal(ONE.probabilities(scores, ONE.loss, log=False), np.ones((3, 1)))
    assert_array_equal(ONE.probabilities(scores, ONE.loss, log=True), np.zeros((3, 1)))
    assert_array_equal(ONE.decode(scores), ["a"] * 3)


# ---- labels --------------------------------------------------------------------------------------


def test_a_label_that_is_no_class_has_no_code():
    assert_array_equal(THREE.codes(np.array(["c", "z", "a"])), [2, -1, 0])
    numbers = LabelCodec(np.array([0, 1]))
    assert_array_equal(numbers.codes(np.array([1.0, 0.5, True, 2**60], object)), [1, -1, 1, -1])


def test_each_head_has_its_scores_and_its_labels():
    heads = HeadsCodec((THREE, BINARY, LabelCodec(np.array([10, 20]))))
    scores = np.array([[0.0, 2.0, 1.0, -1.0, 1.0], [3.0, 2.0, 1.0, 1.0, -1.0]])
    assert [part.shape[1] for part in heads.split(scores)] == [3, 1, 1]
    labels = heads.decode(scores)
    assert labels.tolist() == [["b", "a", 20], ["a", "b", 10]]
    assert_array_equal(heads.encode(labels, np.dtype(float)),
                       [[0, 1, 0, 0, 1], [1, 0, 0, 1, 0]])  # fmt: skip
    texts = HeadsCodec((THREE, BINARY)).decode(scores[:, :4])
    assert texts.dtype.kind == "U"
    half = heads.score(heads.encode(labels, np.dtype(float)), -scores, None)
    assert half == pytest.approx(0.0)


def test_an_indicator_matrix_is_right_if_all_labels_are():
    codec, target = MultilabelCodec(2), np.array([[1.0, 0.0], [1.0, 1.0], [0.0, 0.0]])
    scores = np.array([[1.0, -1.0], [1.0, -1.0], [-1.0, -1.0]])
    assert_array_equal(codec.decode(scores), [[1, 0], [1, 0], [0, 0]])
    assert codec.score(target, scores, None) == pytest.approx(2 / 3)
    assert codec.score(target, scores, np.array([1.0, 2.0, 1.0])) == pytest.approx(0.5)
