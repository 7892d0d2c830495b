"""Networks taken over from scikit-learn, and spaces to search."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import rv_continuous
from sklearn.exceptions import NotFittedError
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline

from skbackprop import BackpropClassifier, BackpropRegressor, search_space

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 3))
Y = {
    "binary": np.where(X[:, 0] > 0, "yes", "no"),
    "multiclass": np.digitize(X[:, 1], [-0.5, 0.5]),
    "multilabel": (X[:, :2] > 0).astype(int),
    "number": X[:, 0],
    "numbers": X[:, :2],
}
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.mark.parametrize("task", Y)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_what_is_taken_over_predicts_the_same_and_goes_on(task, dtype):
    number = task.startswith("number")
    Theirs = MLPRegressor if number else MLPClassifier
    Ours = BackpropRegressor if number else BackpropClassifier
    rows = X.astype(dtype)
    params = {"hidden_layer_sizes": (5, 4), "activation": "tanh", "alpha": 0.3, "max_iter": 5}
    mlp = Theirs(random_state=0, **params).fit(rows, Y[task])
    ours = Ours.from_sklearn(mlp)
    if number:
        assert_allclose(ours.predict(rows), mlp.predict(rows), rtol=1e-5)
    else:
        assert_array_equal(ours.predict(rows), mlp.predict(rows))
    if not number:
        assert_allclose(ours.predict_proba(rows), mlp.predict_proba(rows), rtol=1e-5)
    assert ours.coefs_[0].dtype == dtype
    assert ours.alpha == 0.3
    before = ours.network_.theta.copy()
    mlp.coefs_[0][...] = 0  # ours are copies
    assert_array_equal(ours.network_.theta, before)
    ours.partial_fit(rows, Y[task])
    assert (ours.network_.theta != before).any()


def test_only_a_fitted_network_is_taken_over():
    with pytest.raises(NotFittedError):
        BackpropClassifier.from_sklearn(MLPClassifier())


@pytest.mark.parametrize("wrong", [MLPRegressor(), make_pipeline(MLPClassifier()), None])
def test_only_a_network_for_the_same_kind_of_target_is_converted(wrong):
    name = type(wrong).__name__
    with pytest.raises(TypeError, match=f"needs a fitted MLPClassifier .* got {name}. Pass"):
        BackpropClassifier.from_sklearn(wrong)


@pytest.mark.parametrize("kind", ["tabular", "plain"])
def test_every_value_of_a_space_is_allowed(kind):
    space = search_space(kind)
    for seed in range(5):
        state = np.random.RandomState(seed)
        drawn = {
            name: values[state.randint(len(values))]
            if isinstance(values, list)
            else float(values.rvs(random_state=state))
            for name, values in space.items()
        }
        for Estimator in (BackpropClassifier, BackpropRegressor):
            Estimator(preset="plain" if kind == "plain" else "auto", **drawn)._check_parameters()
    continuous = [v for v in space.values() if not isinstance(v, list)]
    assert all(isinstance(v.dist, rv_continuous) for v in continuous)
    space.clear()
    assert search_space(kind)  # a copy
    with pytest.raises(ValueError, match="'tabular' or 'plain'"):
        search_space("wide")
