"""Real tables: where they come from, how they are divided, and who learns from them.

A table is ``NAME.parquet`` with a column ``target``, or one of those that scikit-learn brings.
Seven rows of ten are for training, of these the first 6,000 at most; `judge` has the error that
is usual for each kind of target.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
from sklearn import datasets
from sklearn.metrics import accuracy_score, log_loss, roc_auc_score
from sklearn.model_selection import train_test_split

from .environment import n_cores

Kind: TypeAlias = Literal["binary", "multiclass", "regression"]

BUNDLED = ("iris", "wine", "breast_cancer", "digits", "diabetes")
MOST_ROWS = 6000
FEWEST_NUMBERS = 20  # a target of fractions with no more values than that is a label
TINY = 1e-7  # no probability is less: one row may not decide the log loss


@dataclass(frozen=True)
class Split:
    """Training rows and test rows.

    Parameters
    ----------
    kind : {"binary", "multiclass", "regression"}
    X, X_test : DataFrame
        Columns of float64 with NaN where a number is missing, and categorical columns.
    y, y_test : ndarray
        Numbers, or 0, 1, … for the classes of `y`.
    """

    kind: Kind
    X: Any
    y: np.ndarray
    X_test: Any
    y_test: np.ndarray

    @property
    def regression(self) -> bool:
        """Is the target a number?"""
        return self.kind == "regression"


def names_of(given: list[str] | None, data: str | None) -> list[str]:
    """Names of tables: those given, by themselves or in a file, or all that are there."""
    if given is None:
        return (
            list(BUNDLED) if data is None else sorted(p.stem for p in Path(data).glob("*.parquet"))
        )
    files = {item: Path(item) for item in given if Path(item).is_file()}
    return [name for item in given for name in (files[item].read_text("utf-8").split()
                                                if item in files else [item])]  # fmt: skip


def load(name: str, data: str | None) -> tuple[Any, np.ndarray, bool]:
    """X, y, and "is y a number?"."""
    import pandas as pd

    if data is None:
        bunch = getattr(datasets, f"load_{name}")(as_frame=True)
        X, target = bunch.data.copy(), bunch.target
    else:
        X = pd.read_parquet(Path(data) / f"{name}.parquet")
        target = X.pop("target")
    for column in X.columns:
        X[column] = X[column].astype("float64" if X[column].dtype.kind in "iuf" else "category")
    X = X.loc[:, X.nunique(dropna=False) > 1]
    X.columns = [f"x{i}" for i in range(X.shape[1])]  # some learners refuse names with brackets
    regression = target.dtype.kind == "f" and target.nunique() > FEWEST_NUMBERS
    return X, target.to_numpy(float) if regression else target.astype(str).to_numpy(), regression


def split_rows(name: str, data: str | None, number: int, rows: int = MOST_ROWS) -> Split:
    """Split `number` of a table, with so many training rows at most."""
    X, y, regression = load(name, data)
    X, X_test, y, y_test = train_test_split(
        X, y, test_size=0.3, random_state=100 + number, stratify=None if regression else y
    )
    X, y, X_test, y_test = X.iloc[:rows], y[:rows], X_test.iloc[:MOST_ROWS], y_test[:MOST_ROWS]
    if regression:
        return Split("regression", X, y, X_test, y_test)
    classes, codes = np.unique(y, return_inverse=True)
    known = np.isin(y_test, classes)
    kind: Kind = "binary" if len(classes) == 2 else "multiclass"
    return Split(kind, X, codes, X_test[known], np.searchsorted(classes, y_test[known]))


def judge(kind: Kind, model: Any, X: Any, y: np.ndarray) -> dict[str, float]:
    """The error, lower is better, and for classes two more measures.

    It is ``1 - AUC`` for two classes, the log loss for more, and the root of the mean squared
    error over the spread of `y` for numbers.
    """
    if kind == "regression":
        residual = np.ravel(model.predict(X)) - y
        return {"error": float(np.sqrt(np.mean(residual**2)) / np.std(y))}
    n_classes = 1 + max(int(np.max(model.classes_)), int(np.max(y)))
    p = np.full((len(y), n_classes), TINY)
    p[:, np.asarray(model.classes_, int)] = np.clip(model.predict_proba(X), TINY, None)
    p /= p.sum(axis=1, keepdims=True)
    loss = float(log_loss(y, p, labels=np.arange(n_classes)))
    error = float(1 - roc_auc_score(y, p[:, 1])) if kind == "binary" else loss
    return {
        "error": error,
        "accuracy": float(accuracy_score(y, p.argmax(axis=1))),
        "log_loss": loss,
    }


# ---- who learns -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Method:
    """A way to learn from a table.

    Parameters
    ----------
    make : callable
        ``make(split) -> estimator``.
    package : str
        What must be installed.
    prepare : callable
        ``prepare(X) -> X``, what it needs of the columns.
    """

    make: Callable[[Split], Any]
    package: str = "sklearn"
    prepare: Callable[[Any], Any] = lambda X: X

    @property
    def is_installed(self) -> bool:
        """Can it be used here?"""
        return find_spec(self.package) is not None


def ours(preset: str, **chosen: Any) -> Method:
    """Our estimator with one of its presets."""
    from skbackprop import BackpropClassifier, BackpropRegressor

    def make(split: Split) -> Any:
        kind = BackpropRegressor if split.regression else BackpropClassifier
        return kind(preset=preset, random_state=0).set_params(**chosen)

    return Method(make)


def piped(estimator: Any, X: Any) -> Any:
    """What a careful user writes around an estimator that takes finite numbers only."""
    from sklearn.compose import make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    labels = categories(X)
    numbers = [column for column in X.columns if column not in labels]
    one_hot = OneHotEncoder(
        handle_unknown="ignore", min_frequency=2, max_categories=100, sparse_output=False
    )
    columns = make_column_transformer(
        (make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers),
        (one_hot, labels),
    )
    return make_pipeline(columns, estimator)


def linear(split: Split) -> Any:
    from sklearn.linear_model import LogisticRegression, RidgeCV

    model = RidgeCV() if split.regression else LogisticRegression(max_iter=1000)
    return piped(model, split.X)


def mlp(split: Split, **chosen: Any) -> Any:
    """scikit-learn's MLP, its target brought to spread 1 where that is a number."""
    from sklearn.compose import TransformedTargetRegressor
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.preprocessing import StandardScaler

    chosen = {"random_state": 0} | chosen
    if not split.regression:
        return piped(MLPClassifier(**chosen), split.X)
    model = piped(MLPRegressor(**chosen), split.X)
    return TransformedTargetRegressor(model, transformer=StandardScaler())


def hgb(split: Split) -> Any:
    from sklearn import ensemble

    kind = f"HistGradientBoosting{'Regressor' if split.regression else 'Classifier'}"
    return getattr(ensemble, kind)(random_state=0, categorical_features="from_dtype")


def lightgbm(split: Split) -> Any:
    import lightgbm as library

    kind = library.LGBMRegressor if split.regression else library.LGBMClassifier
    return kind(random_state=0, verbose=-1, n_jobs=n_cores())


def xgboost(split: Split) -> Any:
    import xgboost as library

    kind = library.XGBRegressor if split.regression else library.XGBClassifier
    return kind(random_state=0, enable_categorical=True, n_jobs=n_cores())


def catboost(split: Split) -> Any:
    import catboost as library

    kind = library.CatBoostRegressor if split.regression else library.CatBoostClassifier
    return kind(
        random_seed=0,
        verbose=0,
        cat_features=categories(split.X),
        allow_writing_files=False,
        thread_count=n_cores(),
    )


def realmlp(split: Split) -> Any:
    import pytabkit

    kind = f"RealMLP_TD_{'Regressor' if split.regression else 'Classifier'}"
    return getattr(pytabkit, kind)(random_state=0, n_threads=n_cores(), device="cpu", verbosity=0)


def categories(X: Any) -> list[str]:
    """Names of the categorical columns."""
    return [column for column in X.columns if X[column].dtype.name == "category"]


def few_categories(X: Any) -> Any:
    """Codes in the place of more categories than histograms have bins."""
    many = [column for column in categories(X) if len(X[column].cat.categories) > 250]
    return X.assign(**{column: X[column].cat.codes.astype(float) for column in many})


def all_labelled(X: Any) -> Any:
    """A missing category is a category."""
    return X.assign(
        **{c: X[c].astype(str).fillna("missing").astype("category") for c in categories(X)}
    )


def all_finite(X: Any) -> Any:
    """A missing number is the median of its column."""
    numbers = X.columns.difference(categories(X), sort=False)
    return X.assign(**{column: X[column].fillna(X[column].median()) for column in numbers})


PEERS = {
    "hgb": Method(hgb, prepare=few_categories),
    "mlp": Method(mlp),
    "linear": Method(linear),
    "lightgbm": Method(lightgbm, "lightgbm"),
    "xgboost": Method(xgboost, "xgboost"),
    "catboost": Method(catboost, "catboost", all_labelled),
    "realmlp": Method(realmlp, "pytabkit", all_finite),
}
