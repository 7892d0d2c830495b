"""Members that share what they have learned, all but a little."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

from .tables import TASKS, X, Y, fitted, outputs

SHARING = pytest.mark.parametrize("sharing", ["batch", "mini"])


@TASKS
@SHARING
def test_members_may_share_their_weights(task, sharing):
    shared = fitted(task, n_members=8, member_sharing=sharing)
    apart = fitted(task, n_members=8)
    assert shared.network_.theta.size < apart.network_.theta.size / 3
    members = shared.network_.scores(shared._encode(X))
    assert members.shape == apart.network_.scores(apart._encode(X)).shape
    assert (members.std(axis=0) > 0).all()  # they differ
    again = fitted(task, n_members=8, member_sharing=sharing)
    assert_array_equal(again.network_.theta, shared.network_.theta)
    assert_allclose(
        outputs(pickle.loads(pickle.dumps(shared)), X), outputs(shared, X), rtol=0, atol=0
    )


@SHARING
def test_shared_members_learn(sharing):
    params = {"n_members": 8, "member_sharing": sharing, "max_iter": 80}
    rng = np.random.default_rng(5)
    new = rng.normal(size=(500, 4))
    truth = new[:, 0] * new[:, 1] + np.sin(2 * new[:, 2])
    assert fitted("number", **params).score(new, truth) > 0.5
    assert fitted("number", **params).predict_std(new).shape == (500,)


@SHARING
@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_shared_members_go_on_exactly(sharing):
    params = {"preset": "plain", "n_members": 3, "member_sharing": sharing}
    params |= {"hidden_layer_sizes": (5, 5)}
    long = fitted("binary", **params | {"max_iter": 6})
    short = fitted("binary", **params | {"max_iter": 2, "warm_start": True})
    short.set_params(max_iter=4).fit(X, Y["binary"])
    assert_array_equal(short.network_.theta, long.network_.theta)


@SHARING
def test_shared_members_take_every_part(sharing):
    parts = {"residual": True, "normalization": "layer"}
    estimator = fitted("multiclass", n_members=4, member_sharing=sharing, **parts)
    assert estimator.activations(X, 0).shape == (4, 160, 64)
    assert np.isfinite(estimator.predict_proba(X)).all()


@SHARING
def test_what_shared_members_refuse(sharing):
    text = sparse.csr_array(sparse.hstack([sparse.csr_array(X), sparse.csr_array((len(X), 400))]))
    with pytest.raises(ValueError, match=r"needs dense rows, got a sparse X.*toarray"):
        fitted("binary", X=text, n_members=2, member_sharing=sharing)
    with pytest.warns(UserWarning, match="member_sharing"):
        fitted("binary", n_members=1, member_sharing=sharing)
