"""scikit-learn's own judgment: `check_estimator` in many configurations.

One thing is excused: ``partial_fit`` refuses ``early_stopping=True`` without validation
data, as scikit-learn does.  The checks that call it may fail with that refusal and with
nothing else.
"""

import importlib.util
import inspect
import json
import os
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass

import pytest
from plain import BackpropClassifier, BackpropRegressor
from sklearn.exceptions import DataConversionWarning
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.utils import estimator_checks, get_tags
from sklearn.utils.estimator_checks import check_estimator, estimator_checks_generator

from skbackprop import WeightInit
from skbackprop.nn.activations import ACTIVATIONS
from skbackprop.nn.losses import LOSSES

from .common import BOTH, SKLEARN_HAS_CALLBACKS, unconverged

pytestmark = [
    unconverged,
    # `check_class_weight_classifiers` sets it, whatever the solver.
    pytest.mark.filterwarnings("ignore:These parameters .* n_iter_no_change=20. :UserWarning"),
]


@dataclass(frozen=True)
class Fading:
    """A schedule whose end is a rest: going on with it changes nothing any more."""

    n_epochs: int

    def __call__(self, clock):
        return float(clock.epoch < self.n_epochs)


SMALL = {"hidden_layer_sizes": (10,), "max_iter": 30}
HIDDEN = [name for name in ACTIVATIONS if name != "exp"]  # exp is for the output
NUMERIC_LOSSES = [name for name in LOSSES if "log_loss" not in name]
COMMON = {
    "default": {"hidden_layer_sizes": "auto", "max_iter": 20},
    "sgd": {"solver": "sgd"},
    "sgd plain": {"solver": "sgd", "momentum": 0.0, "max_iter": 100},
    "sgd momentum": {"solver": "sgd", "nesterovs_momentum": False},
    "sgd invscaling": {"solver": "sgd", "learning_rate": "invscaling", "power_t": 0.25},
    "sgd adaptive": {"solver": "sgd", "learning_rate": "adaptive", "n_iter_no_change": 2},
    # The penalty keeps probabilities apart that `check_classifier_multioutput` ranks: near 1
    # there are no numbers left for the scores of sure networks.
    "lbfgs": {"solver": "lbfgs", "alpha": 1.0},
    "lbfgs tanh": {"solver": "lbfgs", "activation": "tanh", "hidden_layer_sizes": (6, 4)},
    "early stopping": {"early_stopping": True},
    "early stopping sgd": {"solver": "sgd", "early_stopping": True, "validation_fraction": 0.3},
    "early stopping lbfgs": {"solver": "lbfgs", "early_stopping": True},
    "early stopping on loss": {"early_stopping": True, "scoring": "loss"},
    "batch of 1": {"batch_size": 1, "max_iter": 3},
    "batch of 4": {"batch_size": 4, "max_iter": 8},
    "batch auto": {"batch_size": "auto"},
    # Some checks fit twice and want the same answer: the first fit has to come to rest.
    "warm start": {"warm_start": True, "learning_rate": Fading(20), "max_iter": 20},
    "warm start lbfgs": {"warm_start": True, "solver": "lbfgs", "alpha": 1.0, "tol": 0.01},
    "float32": {"dtype": "float32"},
    "float64": {"dtype": "float64", "solver": "lbfgs", "alpha": 1.0},
    "no intercept": {"weight_init": WeightInit(biases=None)},
    "scalar sizes": {"hidden_layer_sizes": 6, "n_hidden_layers": 2},
    "unshuffled": {"shuffle": False},
    "verbose": {"verbose": True, "max_iter": 20},
}
CLASSIFIERS = {
    **COMMON,
    **{f"activation {name}": {"activation": name} for name in HIDDEN[::2]},
    "one activation each": {"hidden_layer_sizes": (8, 6), "activation": ("tanh", "relu")},
    "balanced": {"class_weight": "balanced"},
    "balanced lbfgs": {"class_weight": "balanced", "solver": "lbfgs", "alpha": 1.0},
}
REGRESSORS = {
    **COMMON,
    **{f"activation {name}": {"activation": name} for name in HIDDEN[1::2]},
    **{f"loss {name}": {"loss": name, "max_iter": 60} for name in NUMERIC_LOSSES},
    **{f"loss {name} lbfgs": {"loss": name, "solver": "lbfgs"} for name in NUMERIC_LOSSES[1:]},
    "loss huber early stopping": {"loss": "huber", "early_stopping": True},
    "loss poisson early stopping": {"loss": "poisson", "early_stopping": True, "max_iter": 60},
}
RATES = {"adam": 0.03, "sgd": 0.03}


def make(Estimator, params):
    """A small estimator whose learning rate lets it learn the tasks in its few epochs."""
    rate = RATES.get(params.get("solver", "adam"))
    params = {**SMALL, **({} if rate is None else {"learning_rate_init": rate}), **params}
    return Estimator(**params)


CASES = [
    pytest.param(make(Estimator, params), id=f"{Estimator.__name__[8:]}-{name}")
    for Estimator, cases in [(BackpropClassifier, CLASSIFIERS), (BackpropRegressor, REGRESSORS)]
    for name, params in cases.items()
]


# What must be checked --------------------------------------------------------------------


class ClassifierTwin(MLPClassifier):
    """What scikit-learn is told of BackpropClassifier: never fitted, only looked at."""

    def __init__(self, class_weight=None):
        super().__init__()
        self.class_weight = class_weight

    def fit(self, X, y, sample_weight=None):
        """Take weights, also where scikit-learn 1.6 does not."""

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = False
        return tags


class RegressorTwin(MLPRegressor):
    """What scikit-learn is told of BackpropRegressor."""

    def fit(self, X, y, sample_weight=None):
        """Take weights, also where scikit-learn 1.6 does not."""

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


TWINS = {BackpropClassifier: ClassifierTwin(), BackpropRegressor: RegressorTwin()}
POSITIVE = {"poisson", "gamma", "tweedie"}


def names_of_checks(estimator):
    """How often each check is generated."""
    return Counter(check.func.__name__ for _, check in estimator_checks_generator(estimator))


def wanted_checks(estimator):
    """How often each check has to be generated."""
    wanted = names_of_checks(TWINS[type(estimator)])
    if estimator.loss in POSITIVE:
        # It passes targets below 0 whatever the tag `positive_only` says, so that no
        # estimator of positive targets can own up to taking several of them.
        del wanted["check_regressor_multioutput"]
    return wanted


@pytest.mark.parametrize("estimator", CASES)
def test_tags(estimator):
    tags = get_tags(estimator)
    assert tags.input_tags.sparse
    assert not tags.input_tags.allow_nan
    assert not tags.array_api_support
    assert not tags.no_validation
    assert not tags.non_deterministic
    assert not tags._skip_test
    assert tags.target_tags.single_output
    assert tags.target_tags.positive_only == (estimator.loss in POSITIVE)
    # For a classifier this tag also promises that probabilities and decisions rank alike, which
    # probabilities that have been rounded to nearly 1 cannot do: MLPClassifier leaves it off too.
    regressor = isinstance(estimator, BackpropRegressor)
    assert tags.target_tags.multi_output == (regressor and estimator.loss not in POSITIVE)
    if isinstance(estimator, BackpropClassifier):
        assert tags.estimator_type == "classifier"
        assert tags.classifier_tags.multi_label
        assert tags.classifier_tags.multi_class
        assert not tags.classifier_tags.poor_score
    else:
        assert tags.estimator_type == "regressor"
        assert not tags.regressor_tags.poor_score


@BOTH
def test_twins_ask_for_more_than_scikit_learn_does_of_its_own(Estimator):
    own = MLPClassifier() if Estimator is BackpropClassifier else MLPRegressor()
    wanted = names_of_checks(TWINS[Estimator])
    assert names_of_checks(own) <= wanted
    floor = {BackpropClassifier: 68, BackpropRegressor: 61}
    if not SKLEARN_HAS_CALLBACKS:  # it came with 1.9, as some of the checks did
        floor = {BackpropClassifier: 58, BackpropRegressor: 52}
    assert wanted.total() >= floor[Estimator]


# Running them ----------------------------------------------------------------------------

REFUSAL = "partial_fit does not support early_stopping=True"
CALL_PARTIAL_FIT = {
    name
    for name, check in inspect.getmembers(estimator_checks, inspect.isfunction)
    if name.startswith("check_") and "partial_fit" in inspect.getsource(inspect.unwrap(check))
}
NEEDS_SCIPY_ARRAY_API = {"check_array_api_input"}


def is_excused(estimator, name, error):
    """Is this scikit-learn's refusal of early stopping in partial_fit, or a batch of one row?

    The weight of a batch divides its loss, as in scikit-learn's MLP, so that the weight of a
    batch of one row cancels.
    """
    if name == "check_class_weight_classifiers" and estimator.batch_size == 1:
        return type(error) is AssertionError
    return (
        estimator.early_stopping is True
        and name in CALL_PARTIAL_FIT
        and type(error) is ValueError
        and str(error).startswith(REFUSAL)
    )


@pytest.mark.parametrize("estimator", CASES)
def test_check_estimator(estimator):
    rows = check_estimator(estimator, on_skip=None, on_fail=None)
    failed = {
        row["check_name"]: row["exception"]
        for row in rows
        if row["status"] not in ("passed", "skipped")
        and not is_excused(estimator, row["check_name"], row["exception"])
    }
    assert not failed
    skipped = {row["check_name"] for row in rows if row["status"] == "skipped"}
    assert skipped <= NEEDS_SCIPY_ARRAY_API
    # A wrong tag removes checks without a word.
    missing = wanted_checks(estimator) - Counter(r["check_name"] for r in rows)
    assert not missing


def test_there_are_at_least_40_configurations():
    assert len(CASES) >= 40
    assert len({repr(case.values[0]) for case in CASES}) == len(CASES)


# Checks that scikit-learn does not generate ----------------------------------------------

UNLISTED = [
    "check_dataframe_column_names_consistency",
    "check_inplace_ensure_writeable",
    # not check_param_validation: it reads the private `_parameter_constraints`; the rules of
    # estimators/constraints.py have tests of their own
]


@pytest.mark.parametrize("name", UNLISTED)
@BOTH
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_unlisted_check(name, Estimator, solver):
    if name == "check_dataframe_column_names_consistency":
        pytest.importorskip("pandas")
    check = getattr(estimator_checks, name)
    check(Estimator.__name__, make(Estimator, {"solver": solver}))


@BOTH
def test_a_column_for_y_warns(Estimator):
    """`check_supervised_y_2d` does not ask that of those who take several outputs."""
    X, y = [[0.0], [1.0], [2.0], [3.0]], [[0], [1], [0], [1]]
    with pytest.warns(DataConversionWarning, match="column-vector"):
        estimator = make(Estimator, {}).fit(X, y)
    assert estimator.predict(X).shape == (4,)


# Once more with SCIPY_ARRAY_API=1, which SciPy reads when it is imported ------------------

ARRAY_API_SCRIPT = """
import json, sys, warnings
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import estimator_checks
from plain import BackpropClassifier, BackpropRegressor

warnings.simplefilter("error")
warnings.simplefilter("ignore", ConvergenceWarning)
warnings.filterwarnings("ignore", "These parameters .* n_iter_no_change=20. ")
for Estimator in (BackpropClassifier, BackpropRegressor):
    for params in ({"learning_rate_init": 0.03}, {"solver": "lbfgs", "alpha": 1.0}):
        estimator = Estimator((10,), max_iter=30, **params)
        rows = estimator_checks.check_estimator(estimator, on_skip=None, on_fail=None)
        estimator.set_params(random_state=0)  # before 1.9 this check fits twice without a seed
        estimator_checks.check_array_api_input_and_values("net", estimator, "numpy")
        report = [[row["check_name"], row["status"], repr(row["exception"])] for row in rows]
        print(json.dumps([Estimator.__name__, report]))
"""


def test_once_more_with_the_array_api_of_scipy():
    if importlib.util.find_spec("sklearn.externals.array_api_compat") is None:
        pytest.importorskip("array_api_compat")  # that scikit-learn 1.6 does not bring along
    done = subprocess.run(
        [sys.executable, "-c", ARRAY_API_SCRIPT],
        env={
            **os.environ,
            "SCIPY_ARRAY_API": "1",
            "OPENBLAS_NUM_THREADS": "1",
            "PYTHONPATH": os.pathsep.join(sys.path),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    reports = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(reports) == 4
    for name, report in reports:
        assert [row for row in report if row[1] != "passed"] == []  # nor is one skipped
        Estimator = BackpropClassifier if name == "BackpropClassifier" else BackpropRegressor
        assert not names_of_checks(TWINS[Estimator]) - Counter(row[0] for row in report)
