"""The estimators in the hands of scikit-learn's other tools."""

import re
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn import config_context
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV, CalibrationDisplay
from sklearn.compose import TransformedTargetRegressor, make_column_transformer
from sklearn.ensemble import (
    AdaBoostClassifier,
    AdaBoostRegressor,
    BaggingClassifier,
    BaggingRegressor,
    StackingRegressor,
    VotingClassifier,
)
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.inspection import (
    DecisionBoundaryDisplay,
    PartialDependenceDisplay,
    partial_dependence,
    permutation_importance,
)
from sklearn.linear_model import Ridge
from sklearn.metrics import ConfusionMatrixDisplay, RocCurveDisplay, log_loss
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    LearningCurveDisplay,
    RandomizedSearchCV,
    cross_val_predict,
    learning_curve,
)
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier, OutputCodeClassifier
from sklearn.multioutput import (
    ClassifierChain,
    MultiOutputClassifier,
    MultiOutputRegressor,
    RegressorChain,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.semi_supervised import SelfTrainingClassifier
from sklearn.utils import estimator_html_repr

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop.inspection import training_report
from skbackprop.mlp import MLPClassifier, MLPRegressor
from skbackprop.optim import Adam

from .common import (
    BOTH,
    CLASSIFIER,
    REGRESSOR,
    assert_identical,
    assert_within,
    small,
    task_data,
    unconverged,
)

pytestmark = unconverged

ROOT = Path(__file__).parents[2]
PUBLIC = [BackpropClassifier, BackpropRegressor, MLPClassifier, MLPRegressor]

# Searches --------------------------------------------------------------------------------


@BOTH
def test_grid_search_in_processes(Estimator):
    estimator, X, y = small(Estimator)
    grid = {"alpha": [1e-4, 1.0], "hidden_layer_sizes": [(4,), (8, 4)]}
    search = GridSearchCV(estimator, grid, cv=3, n_jobs=2).fit(X, y)
    alone = GridSearchCV(estimator, grid, cv=3).fit(X, y)
    assert_array_equal(search.cv_results_["mean_test_score"], alone.cv_results_["mean_test_score"])
    assert search.score(X, y) > 0.7
    assert_identical(search.best_estimator_, alone.best_estimator_)


@BOTH
def test_search_over_sizes_as_numbers(Estimator):
    estimator, X, y = small(Estimator, hidden_layer_sizes="auto", max_iter=10)
    space = {"n_hidden_layers": [1, 2, 3], "hidden_layer_sizes": [2, 4, 8]}
    search = RandomizedSearchCV(estimator, space, n_iter=4, cv=2, random_state=0).fit(X, y)
    best = search.best_params_
    shapes = [W.shape[1] for W in search.best_estimator_.coefs_[:-1]]
    assert shapes == [best["hidden_layer_sizes"]] * best["n_hidden_layers"]


@BOTH
def test_halving_search_over_epochs(Estimator):
    estimator, X, y = small(Estimator)
    search = HalvingGridSearchCV(
        estimator,
        {"learning_rate_init": [1e-4, 1e-3, 1e-2, 0.05]},
        resource="max_iter",
        min_resources=5,
        max_resources=40,
        factor=2,
        cv=3,
        random_state=0,
    ).fit(X, y)
    assert search.n_resources_ == [5, 10, 20][: search.n_iterations_]
    assert search.best_estimator_.n_iter_ == search.n_resources_[-1]
    assert search.best_params_["learning_rate_init"] > 1e-3


@BOTH
def test_learning_curve_by_partial_fit(Estimator):
    estimator, X, y = small(Estimator)
    sizes, train, test = learning_curve(
        estimator, X, y, cv=3, exploit_incremental_learning=True, train_sizes=[20, 40, 60]
    )
    assert sizes.tolist() == [20, 40, 60]
    assert np.isfinite(train).all()
    assert np.isfinite(test).all()


# Cross-validation and calibration --------------------------------------------------------

METHODS = ["predict", "predict_proba", "predict_log_proba", "decision_function"]


@pytest.mark.parametrize("method", METHODS)
def test_cross_val_predict(method):
    X, y = task_data("multiclass")
    out = cross_val_predict(CLASSIFIER, X, y, cv=3, method=method)
    assert out.shape == ((90,) if method == "predict" else (90, 3))
    labels = out if method == "predict" else out.argmax(axis=1)
    assert (labels == y).mean() > 0.6


def test_cross_val_predict_of_numbers():
    X, y = task_data("multi-output")
    out = cross_val_predict(REGRESSOR, X, y, cv=3)
    assert out.shape == y.shape
    assert np.corrcoef(out[:, 0], y[:, 0])[0, 1] > 0.7


@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
def test_calibration(method):
    X, y = task_data("binary", 300)
    y = np.where(np.random.RandomState(0).uniform(size=300) < 0.2, 1 - y, y)
    sure = clone(CLASSIFIER).set_params(max_iter=300, alpha=0.0, hidden_layer_sizes=(30,))
    calibrated = CalibratedClassifierCV(sure, cv=3, method=method).fit(X[:200], y[:200])
    p = calibrated.predict_proba(X[200:])
    assert_within(p.sum(axis=1), np.ones(100), 1e-12)
    uncalibrated = sure.fit(X[:200], y[:200]).predict_proba(X[200:])
    assert log_loss(y[200:], p) < log_loss(y[200:], uncalibrated)


# Meta-estimators -------------------------------------------------------------------------


def classifier(Meta, **params):
    return lambda: Meta(clone(CLASSIFIER), **params)


def regressor(Meta, **params):
    return lambda: Meta(clone(REGRESSOR), **params)


def members(n):
    return [(f"net {i}", clone(CLASSIFIER).set_params(random_state=i)) for i in range(n)]


META = {
    "bagging": (classifier(BaggingClassifier, n_estimators=4, random_state=0), "multiclass"),
    "bagging numbers": (regressor(BaggingRegressor, n_estimators=4, random_state=0), "regression"),
    "boosting": (classifier(AdaBoostClassifier, n_estimators=3, random_state=0), "multiclass"),
    "boosting numbers": (
        regressor(AdaBoostRegressor, n_estimators=3, random_state=0),
        "regression",
    ),
    "stacking": (
        lambda: StackingRegressor([("net", REGRESSOR), ("line", Ridge())], Ridge(), cv=3),
        "regression",
    ),
    "voting": (lambda: VotingClassifier(members(2), voting="soft"), "multiclass"),
    "one vs rest": (classifier(OneVsRestClassifier), "multiclass"),
    "one vs rest, labels": (classifier(OneVsRestClassifier), "multilabel"),
    "one vs one": (classifier(OneVsOneClassifier), "multiclass"),
    "output code": (classifier(OutputCodeClassifier, random_state=0), "multiclass"),
    "several outputs": (classifier(MultiOutputClassifier), "heads"),
    "several labels": (classifier(MultiOutputClassifier), "multilabel"),
    "several numbers": (regressor(MultiOutputRegressor), "multi-output"),
    "chain": (classifier(ClassifierChain), "multilabel"),
    "chain of numbers": (regressor(RegressorChain), "multi-output"),
    "scaled target": (
        regressor(TransformedTargetRegressor, transformer=StandardScaler()),
        "regression",
    ),
    "pipeline": (lambda: make_pipeline(StandardScaler(), CLASSIFIER), "multiclass"),
    "pipeline of numbers": (lambda: make_pipeline(StandardScaler(), REGRESSOR), "multi-output"),
}


@pytest.mark.parametrize("name", META)
def test_meta_estimator(name):
    make, task = META[name]
    X, y = task_data(task, 150)
    estimator = make().fit(X[:100], y[:100])
    prediction = estimator.predict(X[100:])
    assert prediction.shape == y[100:].shape
    if task in ("regression", "multi-output"):
        assert estimator.score(X[100:], y[100:]) > 0.4
    else:
        assert (prediction == y[100:]).mean() > 0.6


def test_meta_estimators_learn_what_the_estimator_alone_learns():
    X, y = task_data("multi-output")
    columns = MultiOutputRegressor(REGRESSOR).fit(X, y)
    assert_identical(columns.estimators_[1], clone(REGRESSOR).fit(X, y[:, 1]))


def test_incremental_meta_estimators():
    X, y = task_data("multilabel")
    meta = MultiOutputClassifier(CLASSIFIER)
    for _ in range(3):
        meta.partial_fit(X, y, classes=[np.array([0, 1])] * 3)
    alone = clone(CLASSIFIER)
    for _ in range(3):
        alone.partial_fit(X, y[:, 2], classes=[0, 1])
    assert_identical(meta.estimators_[2], alone)


def test_self_training():
    X, y = task_data("binary", 200)
    known = np.arange(200) % 5 == 0
    meta = SelfTrainingClassifier(CLASSIFIER, threshold=0.9).fit(X, np.where(known, y, -1))
    assert (meta.predict(X[~known]) == y[~known]).mean() > 0.7


@BOTH
def test_permutation_importance(Estimator):
    estimator, X, y = small(Estimator, 200)
    X = np.concatenate([X, np.random.RandomState(9).normal(size=(200, 1))], axis=1)
    found = permutation_importance(
        clone(estimator).fit(X, y), X, y, n_repeats=5, random_state=0
    ).importances_mean
    assert found[6] < 0.2 * found.max()  # the column that says nothing
    assert found.max() > 0.1


@BOTH
def test_partial_dependence(Estimator):
    estimator, X, y = small(Estimator)
    found = partial_dependence(clone(estimator).fit(X, y), X, [0], kind="both", grid_resolution=5)
    assert found["average"].shape == (1, 5)
    assert found["individual"].shape == (1, 90, 5)


# Data frames, output, representation -----------------------------------------------------


@pytest.mark.parametrize("library", ["pandas", "polars"])
@BOTH
def test_data_frames(Estimator, library):
    frames = pytest.importorskip(library)
    estimator, X, y = small(Estimator)
    names = list("abcdef")
    frame = frames.DataFrame({name: X[:, i] for i, name in enumerate(names)})
    column = frames.DataFrame({"y": y})["y"]
    fitted = clone(estimator).set_params(early_stopping=True).fit(frame, column)
    assert fitted.feature_names_in_.tolist() == names
    plain = clone(estimator).set_params(early_stopping=True).fit(X, y)
    assert_identical(fitted, plain)
    assert_array_equal(fitted.predict(frame), plain.predict(X))
    with pytest.raises(ValueError, match="feature names"):
        fitted.predict(frame[names[::-1]])


@BOTH
def test_output_of_transformers_as_frames(Estimator):
    pandas = pytest.importorskip("pandas")
    estimator, X, y = small(Estimator)
    frame = pandas.DataFrame(X, columns=list("abcdef"))
    prepare = make_column_transformer(
        (StandardScaler(), ["a", "b", "c"]), (FunctionTransformer(), ["d", "e", "f"])
    )
    with config_context(transform_output="pandas"):
        pipeline = make_pipeline(prepare, estimator).fit(frame, y)
        assert isinstance(pipeline.predict(frame), np.ndarray)
        assert pipeline.score(frame, y) > 0.7
    assert len(pipeline[-1].feature_names_in_) == 6


@BOTH
def test_representation(Estimator):
    estimator, X, y = small(Estimator)
    name = Estimator.__name__
    assert repr(Estimator()) == f"{name}()"
    assert repr(Estimator(alpha=0.1)) == f"{name}(alpha=0.1)"
    for each in (clone(estimator), clone(estimator).fit(X, y), make_pipeline(clone(estimator))):
        html = estimator_html_repr(each)
        assert name in html
        assert "hidden_layer_sizes" in html


@pytest.mark.parametrize("Estimator", PUBLIC)
def test_representation_links_to_the_documentation(Estimator):
    link, name = Estimator()._get_doc_link(), Estimator.__name__
    page = re.fullmatch(r"https://[\w.]+/generated/(\S+)\.html", link)[1]
    assert page == ("skbackprop.mlp." if name.startswith("MLP") else "skbackprop.") + name
    assert f"   {page}\n" in (ROOT / "docs/api.md").read_text("utf-8")


@pytest.mark.parametrize("Estimator", PUBLIC)
def test_notebooks_describe_every_parameter(Estimator):
    common = pytest.importorskip("sklearn.utils._repr_html.common")
    for name in Estimator().get_params():
        assert common.get_docstring(Estimator, "Parameters", name), name


# Displays --------------------------------------------------------------------------------


@pytest.fixture
def _figures():
    pyplot = pytest.importorskip("matplotlib.pyplot")
    yield
    pyplot.close("all")


figures = pytest.mark.usefixtures("_figures")


@figures
@pytest.mark.parametrize("response", ["predict", "predict_proba", "decision_function"])
@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_decision_boundary(task, response):
    X, y = task_data(task)
    fitted = clone(CLASSIFIER).fit(X[:, :2], y)
    of_class = {"class_of_interest": 1} if task == "multiclass" and response != "predict" else {}
    display = DecisionBoundaryDisplay.from_estimator(
        fitted, X[:, :2], response_method=response, grid_resolution=10, **of_class
    )
    assert display.response.shape == (10, 10)


@figures
def test_curves():
    X, y = task_data("binary")
    fitted = clone(CLASSIFIER).fit(X, y)
    assert RocCurveDisplay.from_estimator(fitted, X, y).roc_auc > 0.8
    CalibrationDisplay.from_estimator(fitted, X, y, n_bins=3)
    matrix = ConfusionMatrixDisplay.from_estimator(fitted, X, y).confusion_matrix
    assert np.trace(matrix) / matrix.sum() == pytest.approx(fitted.score(X, y))


@figures
@BOTH
def test_other_displays(Estimator):
    estimator, X, y = small(Estimator)
    fitted = clone(estimator).fit(X, y)
    partial = PartialDependenceDisplay.from_estimator(fitted, X, [0, (1, 2)], grid_resolution=4)
    assert partial.axes_.size == 2
    curve = LearningCurveDisplay.from_estimator(estimator, X, y, cv=2, train_sizes=[0.5, 1.0])
    assert np.isfinite(curve.test_scores).all()


# Subclasses and arrays of others --------------------------------------------------------------


class Narrow(BackpropClassifier):
    """With a constructor of its own, as in user code."""

    def __init__(self, *, width=8, note=""):
        super().__init__(width, max_iter=3, random_state=0)
        self.width, self.note = width, note


class Keywords(MLPClassifier):
    """With a constructor that passes on what it gets."""

    def __init__(self, note="", **params):
        super().__init__(**params)
        self.note = note


def test_a_subclass_may_have_a_constructor_of_its_own(tmp_path):
    X, y = task_data("binary")
    expected = BackpropClassifier(4, max_iter=3, random_state=0).fit(X, y)
    model = clone(Narrow(width=4)).fit(X, y)
    assert_array_equal(model.predict_proba(X), expected.predict_proba(X))
    assert repr(model.resolved_params_) == repr(expected.resolved_params_)
    assert GridSearchCV(Narrow(), {"width": [2, 4]}, cv=2).fit(X, y).best_params_["width"] in (2, 4)
    assert model.partial_fit(X, y).n_iter_ == 4
    pytest.importorskip("matplotlib")
    assert training_report(model, tmp_path / "report.html").exists()


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_subclass_may_pass_keywords_on():
    X, y = task_data("binary")
    model = Keywords("mine", hidden_layer_sizes=(3,), max_iter=2, random_state=0).fit(X, y)
    expected = MLPClassifier((3,), max_iter=2, random_state=0).fit(X, y)
    assert_array_equal(model.predict_proba(X), expected.predict_proba(X))
    assert model.get_params() == {"note": "mine"}  # as scikit-learn reads constructors


def test_dtypes_of_other_libraries_are_not_compared_with_those_of_numpy():
    class Other:
        def __eq__(self, other):
            raise TypeError("dtypes of two libraries")

    class Array:
        dtype, shape, ndim = Other(), (3, 4), 2

        def __len__(self):
            return 3

        def __array__(self, dtype=None, copy=None):
            return np.ones((3, 4), dtype)

    X, y = task_data("binary")
    model = BackpropClassifier(max_iter=2, random_state=0).fit(X[:, :4], y)
    assert_array_equal(model.predict_proba(Array()), model.predict_proba(np.ones((3, 4))))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("Estimator", [BackpropRegressor, MLPRegressor])
@pytest.mark.parametrize(
    ("name", "value", "kinds"),
    [
        *((name, 0.25, [np.float64, np.float32]) for name in (
            "alpha", "learning_rate_init", "beta_1", "beta_2", "epsilon", "weight_decay", "dropout",
            "validation_fraction",
        )),
        *((name, 20, [np.int64, np.uint8]) for name in ("batch_size", "hidden_layer_sizes")),
        ("n_members", 2, [np.int64, np.uint8]),
        ("dropout", [0.25, 0.5], [lambda values: [np.float64(v) for v in values]]),
        ("solver", 0.25, [lambda v: Adam(beta_1=np.float64(v), beta_2=np.float64(v))]),
    ],
)  # fmt: skip
def test_numbers_of_numpy_are_numbers(Estimator, name, value, kinds):
    """What a search has drawn, and the same number written by hand, are the same fit."""
    X, y = task_data("regression", 70)
    common = {"dtype": "float32", "max_iter": 3, "random_state": 0}
    common |= {"early_stopping": True} if name == "validation_fraction" else {}
    plain = Adam(beta_1=value, beta_2=value) if name == "solver" else value
    common["hidden_layer_sizes"] = [4, 4] if isinstance(value, list) else 4
    expected = Estimator(**common | {name: plain}).fit(X, y)
    for kind in kinds:
        model = Estimator(**common | {name: kind(value)}).fit(X, y)
        assert_array_equal(model.network_.theta, expected.network_.theta)
