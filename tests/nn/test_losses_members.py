"""Laws of the losses of several members: their own targets, and one answer from all."""

from math import exp, log

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skbackprop.nn.losses import LOSSES, BinaryLogLoss, Heads, Loss, MulticlassLogLoss, Pinball
from skbackprop.nn.losses.base import as_loss, log_mean_exp

from .test_losses import N, both_precisions, every_case, every_size, problem, value_and_delta

K = 3


def own_problem(case, n_outputs, dtype=np.float64):
    """A loss with targets, scores and weights of members who share none of them."""
    each = [problem(case, n_outputs, dtype=dtype, seed=seed) for seed in range(K)]
    return each[0][0], *(np.stack(arrays) for arrays in list(zip(*each, strict=True))[1:])


@every_case
@every_size
@both_precisions
def test_members_with_targets_and_weights_of_their_own(case, n_outputs, dtype):
    loss, target, scores, weight = own_problem(case, n_outputs, dtype)
    value, delta = value_and_delta(loss, target, scores, weight)
    each = [value_and_delta(loss, *own) for own in zip(target, scores, weight, strict=True)]
    tolerance = 100 * np.finfo(dtype).eps
    assert_allclose(value, sum(part[0] for part in each), rtol=tolerance, atol=tolerance)
    # to rounding: softmax shifts all scores of a call by one number where that is safe
    assert_allclose(delta, [part[1] for part in each], rtol=tolerance, atol=tolerance)
    assert delta.dtype == dtype


@every_case
@pytest.mark.parametrize("of_their_own", ["target", "weight", "both"])
def test_what_members_share_need_not_be_repeated(case, of_their_own):
    loss, target, scores, weight = own_problem(case, 3)
    if of_their_own == "target":
        weight = weight[0]
    elif of_their_own == "weight":
        target = target[0]
    repeated = np.broadcast_to(target, (K, *target.shape[-2:])), scores
    expected = value_and_delta(loss, *repeated, np.broadcast_to(weight, (K, N)).copy())
    value, delta = value_and_delta(loss, target, scores, weight)
    assert_allclose(value, expected[0], rtol=1e-13, atol=1e-13)
    assert_allclose(delta, expected[1], rtol=1e-13)


@every_case
@both_precisions
def test_a_member_far_out_does_not_disturb_the_others(case, dtype):
    loss, target, scores, weight = own_problem(case, 3, dtype)
    scores[1] *= 1e4 / np.abs(scores[1]).max()
    delta = value_and_delta(loss, target, scores, weight)[1]
    alone = [value_and_delta(loss, *own)[1] for own in zip(target, scores, weight, strict=True)]
    tolerance = 100 * np.finfo(dtype).eps
    assert_allclose(delta, alone, rtol=tolerance, atol=tolerance)


# ---------------------------------------------------------------------------- one answer


def without_shift(loss, scores):
    """Scores with what softmax does not look at taken away: one number for all classes."""
    if isinstance(loss, Heads):
        return np.concatenate(
            [without_shift(head, scores[..., s]) for head, _, s in loss.blocks], 1
        )
    return loss.log_predict(scores) if loss.link == "softmax" else scores


@every_case
@every_size
@both_precisions
def test_the_combined_scores_predict_the_mean_prediction(case, n_outputs, dtype):
    loss, _, scores, _ = problem(case, n_outputs, members=K, dtype=dtype)
    combined = loss.combine(scores)
    assert combined.shape == scores.shape[1:]
    assert combined.dtype == dtype
    rtol = 1e-12 if dtype == np.float64 else 1e-5
    assert_allclose(loss.predict(combined), loss.predict(scores).mean(axis=0), rtol=rtol, atol=rtol)


@every_case
@both_precisions
def test_members_who_agree_are_not_changed(case, dtype):
    loss, _, scores, _ = problem(case, 3, dtype=dtype)
    rtol = 1e-12 if dtype == np.float64 else 1e-5
    for k in 1, 2, 5:
        combined = loss.combine(np.stack([scores] * k))
        expected = without_shift(loss, scores)
        assert_allclose(without_shift(loss, combined), expected, rtol=rtol, atol=rtol)
        if dtype == np.float64:
            assert_allclose(loss.predict(combined), loss.predict(scores), rtol=1e-12)


@every_case
@both_precisions
def test_extreme_scores_are_combined_without_overflow(case, dtype):
    loss, _, scores, _ = problem(case, 3, members=K, dtype=dtype)
    mixed = np.where(np.arange(scores.size).reshape(scores.shape) % 5 % 2, 1e4, -1e4)
    for extreme in np.full_like(scores, 1e4), np.full_like(scores, -1e4), mixed.astype(dtype):
        with np.errstate(over="raise", invalid="raise", divide="raise"):
            combined = loss.combine(extreme)
        assert np.isfinite(combined).all()
        mean = loss.predict(extreme).mean(axis=0, dtype=np.float64)
        rtol = 1e-10 if dtype == np.float64 else 1e-4  # exp(cap) multiplies errors by the cap
        assert_allclose(loss.predict(combined), mean, rtol=rtol)


@every_case
def test_combining_leaves_the_scores_alone(case):
    loss, _, scores, _ = problem(case, 3, members=K)  # read-only
    before = scores.copy()
    loss.combine(scores)[...] = 0  # and answers with memory of its own
    assert_array_equal(scores, before)


@every_case
@every_size
def test_combine_backward_is_its_derivative(case, n_outputs):
    loss, _, scores, _ = problem(case, n_outputs, members=K)
    d, direction = np.random.default_rng(0).normal(size=(2, *scores.shape))
    h = 1e-6 * direction
    numeric = np.sum(d[0] * (loss.combine(scores + h) - loss.combine(scores - h))) / 2e-6
    delta = loss.combine_backward(scores, d[0])
    assert delta.shape == scores.shape
    assert_allclose(np.sum(delta * direction), numeric, rtol=1e-6, atol=1e-7)
    single = loss.combine_backward(scores.astype(np.float32), d[0].astype(np.float32))
    assert single.dtype == np.float32
    assert_allclose(single, delta, rtol=1e-3, atol=1e-5)


@every_case
@both_precisions
def test_the_derivative_of_extreme_scores_is_finite(case, dtype):
    loss, _, scores, _ = problem(case, 3, members=K, dtype=dtype)
    mixed = np.where(np.arange(scores.size).reshape(scores.shape) % 5 % 2, 1e4, -1e4)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        delta = loss.combine_backward(mixed.astype(dtype), np.ones_like(scores[0]))
    assert np.isfinite(delta).all()


def test_a_combination_without_derivative_is_refused():
    class Median(Loss):
        def row_losses(self, target, scores, out):
            return np.zeros(scores.shape[:-1])

        def combine(self, scores):
            return np.median(scores, axis=0)

    with pytest.raises(ValueError, match=r"Define combine_backward\(scores, d\)"):
        Median().combine_backward(np.zeros((3, 2, 1)), np.zeros((2, 1)))


def test_an_object_may_define_the_derivative():
    class First:
        def value_and_delta(self, target, scores, weight, out):
            return 0.0

        def predict(self, scores):
            return scores

        def combine(self, scores):
            return scores[0]

    zeros = np.zeros((2, 3, 1))
    with pytest.raises(ValueError, match="'First' defines combine"):
        as_loss(First()).combine_backward(zeros, zeros[0])
    First.combine_backward = lambda self, scores, d: np.stack([d, 0 * d])
    assert_array_equal(as_loss(First()).combine_backward(zeros, 1 + zeros[0])[:, 0, 0], [1, 0])


def test_combined_scores_by_hand():
    odds = np.array([log(0.2 / 0.8), log(0.6 / 0.4)]).reshape(2, 1, 1)
    assert_allclose(BinaryLogLoss().combine(odds), [[log(0.4 / 0.6)]])
    shares = np.log([[[0.2, 0.5, 0.3]], [[0.6, 0.1, 0.3]]]) + 7  # a shift does not count
    assert_allclose(np.exp(MulticlassLogLoss().combine(shares)), [[0.4, 0.3, 0.3]])
    for name in "poisson", "gamma", "tweedie":
        logs = np.log([[[2.0]], [[6.0]]])
        assert_allclose(LOSSES[name].combine(logs), [[log(4)]])
    assert_allclose(Pinball((0.1, 0.9)).combine(np.array([[[1.0, 5.0]], [[3.0, 6.0]]])), [[2, 5.5]])


def test_sure_members_keep_their_digits():
    """``1 - p`` of members this sure is lost to rounding; its logarithm is not."""
    scores = np.array([40.0, 50.0]).reshape(2, 1, 1)
    doubt = (exp(-40) + exp(-50)) / 2
    assert_allclose(BinaryLogLoss().combine(scores), [[-log(doubt)]], rtol=1e-14)
    assert_allclose(BinaryLogLoss().combine(-scores), [[log(doubt)]], rtol=1e-14)


def test_log_mean_exp_by_hand():
    assert_allclose(log_mean_exp(np.log([[1.0, 2.0], [3.0, 2.0]])), [log(2), log(2)])
    assert_allclose(log_mean_exp(np.array([[-1e5], [-1e5 - 1]])), [-1e5 + log((1 + exp(-1)) / 2)])
