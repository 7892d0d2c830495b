"""Attributions: the contribution of each column of a row to its score.

>>> from sklearn.datasets import load_diabetes
>>> from skbackprop import BackpropRegressor
>>> X, y = load_diabetes(return_X_y=True, as_frame=True)
>>> model = BackpropRegressor(random_state=0, max_iter=10).fit(X, y)
>>> explained = feature_attributions(model, X[:3])
>>> explained.values.shape
(3, 10)
>>> sums = explained.base_values + explained.values.sum(axis=1)
>>> bool(abs(sums - model.predict(X[:3])).max() < 1e-8)
True
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.utils import check_random_state

from ..optional import optional
from ..tables.marginals import (
    baseline_rows,
    draw_rows,
    is_sparse,
    scaled_numbers,
    whiten_drawn,
)
from ..warn import warn_user
from .models import Opened, dense, open_model
from .quadrature import Path
from .scores import Parts, directions_of
from .shapley import MixedRows, shapley_values

METHODS = ("integrated_gradients", "expected_gradients", "shapley")
MOST_PATHS, MOST_NUMBERS = 512, 2**22  # that are integrated at once, and at their ends
DRAWS = 50  # rows that stand for the training rows in expected gradients
MISSING = ("nan", "NaN", "NaT", "None", "<NA>")  # as text
LARGEST_ERROR = 0.01  # of attributions without a warning


@dataclass(frozen=True, eq=False, repr=False)
class Attributions:
    """Attributions of the columns of some rows.  ``numpy.asarray`` gives `values`.

    Attributes
    ----------
    values : ndarray of shape (n_rows, n_columns) or (n_rows, n_columns, n_outputs)
        What each cell adds to the output; with an axis of outputs if there are several.
    base_values : float or ndarray of shape (n_outputs,)
        The output of the baseline; the mean if its rows are compared with one by one.
    data : array, DataFrame or sparse matrix of shape (n_rows, n_columns)
        The rows, as the estimator got them.
    feature_names : list of str
        The names of the columns.
    output_names : list of str
        The class or the number of each output.
    errors : ndarray of shape (n_rows,) or (n_rows, n_outputs)
        The relative error of the numerical integral, before what was missing was divided among
        the columns.  Of Shapley values the relative standard error by the drawing of the orders
        (both as roots of the sum of squares over the columns): 0 if all coalitions are used, NaN
        with one permutation.
    """

    values: np.ndarray
    base_values: Any
    data: Any
    feature_names: list[str]
    output_names: list[str]
    errors: np.ndarray

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.values, dtype, copy=copy)

    def __len__(self) -> int:
        return len(self.values)

    def __repr__(self) -> str:
        outputs = f"output={self.output_names[0]!r}"
        if self.values.ndim == 3:
            outputs = f"n_outputs={len(self.output_names)}"
        return f"Attributions({len(self)} rows, {len(self.feature_names)} columns, {outputs})"

    @property
    def cells(self) -> np.ndarray:
        """The rows as an array of numbers or objects."""
        X = self.data
        if hasattr(X, "toarray"):
            return X.toarray()
        if hasattr(X, "to_numpy"):
            return X.to_numpy()
        # A list of numbers and text would become an array of text.
        return np.asarray(X, dtype=object) if isinstance(X, list) else np.asarray(X)

    @property
    def numbers(self) -> np.ndarray:
        """The rows as floats: NaN for a missing cell, and the order of its level for others."""
        return np.stack([_as_numbers(column) for column in self.cells.T], axis=1)

    def to_shap(self) -> Any:
        """The same as a ``shap.Explanation``, for the plots of shap.

        Returns
        -------
        explanation : shap.Explanation
            Its ``data`` are numbers, in place of a category the number of its level in the order
            of the levels; ``display_data`` are the cells.
        """
        with optional("to_shap", "skbackprop[shap]"):
            from shap import Explanation
        n, several = len(self.values), self.values.ndim == 3
        return Explanation(
            self.values,
            base_values=np.repeat(np.asarray(self.base_values)[None], n, axis=0),
            data=self.numbers,
            display_data=self.cells,
            feature_names=self.feature_names,
            output_names=self.output_names if several else None,
        )


def feature_attributions(
    model: Any,
    X: Any,
    *,
    baseline: Any = "training",
    method: str = "integrated_gradients",
    output: Any = None,
    n_permutations: int = 4,
    random_state: Any = 0,
) -> Attributions:
    r"""Compute the contribution of each column to the output for each row.

    The attributions of a row add up to the difference between its output and that of a baseline.
    Everything that a column is encoded as (embeddings, levels, where it is missing, its whitened
    column, the effects of its values) counts for the column.  The output is what
    ``decision_function`` returns, for two classes the log-odds of the second one; for regressors it
    is the prediction in the unit of y, before it is limited to the range of y in training, and its
    logarithm for ``loss="poisson"``, ``"gamma"`` and ``"tweedie"``.

    Parameters
    ----------
    model : BackpropClassifier, BackpropRegressor, Pipeline or search
        Fitted.  The columns of a pipeline are those that its last step gets.
    X : {array-like, sparse matrix, DataFrame} of shape (n_rows, n_features)
        The rows, as for `predict`.
    baseline : "training" or table of shape (n_background, n_features)
        What the rows are compared with.  ``"training"`` is the median of each number, nothing
        missing, and of each category all levels with their shares of the training rows: what
        the model keeps of them.  Without the encoding of a table (``preset="plain"``) it keeps
        nothing, and rows are needed, for example a part of the training rows.
    method : {"integrated_gradients", "expected_gradients", "shapley"}
        Integrated gradients compare with one row, the mean of the embedded rows of the baseline.
        Expected gradients are the mean of the attributions against each of its rows, and take so
        much longer; the rows of ``"training"`` are then 50 in which each column is drawn by
        itself.  Shapley values have the same rows of the baseline, and are the mean over all
        orders in which the cells of a row can replace those of a row of the baseline.
    output : label, int or None
        The class, or the number of the output (of a column of y, of a quantile); by default all.
    n_permutations : int
        For Shapley values: so many random orders of the columns, each with its reverse, for each
        row of the baseline.  If they have no fewer coalitions than there are, all coalitions take
        their place and the values are exact: 4 are enough for 5 columns, 20 for 8.  Four times as
        many have half of the error.
    random_state : int, RandomState or None
        For Shapley values: the random orders.

    Returns
    -------
    attributions : Attributions
        Its ``values`` are of shape (n_rows, n_columns), with an axis of outputs if several are
        explained; ``to_shap()`` makes a ``shap.Explanation`` of it.

    Notes
    -----
    The gradients are those of backpropagation, and are integrated along the straight path
    between the embedded rows, by Gauss-Legendre quadrature with as many nodes as the row needs.
    A warning says when an error of more than 1 % is left.

    Shapley values are those of the game in which the output of a coalition of columns is the mean
    output of rows that have these cells of the row and the others of a row of the baseline
    ("interventional").  Whitened columns are computed from the mixed numbers.  The values add up to
    rounding; `errors` says how precise they are one by one.

    References
    ----------
    Sundararajan, Taly & Yan, "Axiomatic attribution for deep networks" (2017).
    Erion, Janizek, Sturmfels, Lundberg & Lee, "Improving performance of deep learning models
    with axiomatic attribution priors and expected gradients" (2021).
    Mitchell, Cooper, Frank & Holmes, "Sampling permutations for Shapley value estimation" (2022).

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skbackprop import BackpropClassifier
    >>> from skbackprop.inspection import feature_attributions
    >>> X, y = load_iris(return_X_y=True)
    >>> model = BackpropClassifier(random_state=0, max_iter=10).fit(X, y)
    >>> feature_attributions(model, X).values.shape
    (150, 4, 3)
    >>> feature_attributions(model, X, baseline=X, output=2).values.shape
    (150, 4)
    >>> exact = feature_attributions(model, X[:2], baseline=X[::3], method="shapley")
    >>> sums = exact.base_values + exact.values.sum(axis=1)
    >>> bool(abs(sums - model.decision_function(X[:2])).max() < 1e-12), exact.errors.max()
    (True, np.float64(0.0))
    """
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}, got {method!r}.")
    opened = open_model(model)
    X = opened.transform(X)
    fitted, x = opened.estimator._fitted, opened.estimator._encode(X)
    directions, names = directions_of(fitted.codec, int(fitted.resolved["n_out"]), output)
    if method == "shapley":
        n, rng = _checked(n_permutations, x), check_random_state(random_state)
        values, base, errors = _shapley(opened, X, x, baseline, directions, n, rng)
    else:
        values, base, errors = _gradients(opened, x, baseline, directions, method)
    single = len(directions) == 1
    return Attributions(
        values[..., 0] if single else values,
        float(base[0]) if single else base,
        X,
        opened.feature_names,
        names,
        errors[:, 0] if single else errors,
    )


def _checked(n_permutations: Any, x: Any) -> int:
    """The number of permutations, if Shapley values can be had of such encoded rows."""
    whole = isinstance(n_permutations, (int, np.integer)) and not isinstance(n_permutations, bool)
    if not whole or n_permutations < 1:
        raise ValueError(f"n_permutations must be an int of 1 or more, got {n_permutations!r}.")
    if not isinstance(x, np.ndarray):
        raise ValueError(
            "method='shapley' needs dense rows, got a sparse matrix. Use "
            "method='integrated_gradients'; or X.toarray(), if the model has preset='plain'."
        )
    return int(n_permutations)


def _shapley(
    opened: Opened,
    X: Any,
    x: np.ndarray,
    baseline: Any,
    directions: np.ndarray,
    n_permutations: int,
    rng: Any,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Shapley values, ``(n, n_columns, q)``, what they add to, and errors, of encoded rows x."""
    fitted, encoder = opened.estimator._fitted, opened.estimator._fitted.encoder
    start, _, table = _rows_of_baseline(opened, baseline, draw=True)
    start = dense(start)
    if encoder is None:
        scaled, of_start = np.empty((len(x), 0)), np.empty((len(start), 0))
    elif table is None:
        scaled, (start, of_start) = scaled_numbers(encoder, X), whiten_drawn(encoder, start)
    else:
        scaled, of_start = scaled_numbers(encoder, X), scaled_numbers(encoder, table)
    mixed = MixedRows(fitted, x.dtype, directions)
    found, base, errors = shapley_values(mixed, (x, scaled), (start, of_start), n_permutations, rng)
    values = np.zeros((len(x), opened.estimator.n_features_in_, len(directions)))
    values[:, mixed.columns] = found
    return values, base, errors


def _gradients(
    opened: Opened, x: Any, baseline: Any, directions: np.ndarray, method: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The same by integrals of gradients."""
    estimator = opened.estimator
    parts = Parts(estimator._fitted, x.dtype)
    start = _baseline(opened, parts, baseline, method)
    values, errors = _explain(parts, start, x, directions, estimator.n_features_in_)
    _warn_of_errors(errors)
    return values, parts.scores(parts.affine.scores(start)).mean(axis=0) @ directions.T, errors


def _explain(
    parts: Parts, start: np.ndarray, x: Any, directions: np.ndarray, n_columns: int
) -> tuple[np.ndarray, np.ndarray]:
    """Attributions, ``(n, n_columns, q)``, and errors of encoded rows: means over the baselines."""
    n, q, n_starts = x.shape[0], len(directions), start.shape[-2]
    values, errors = np.empty((n, n_columns, q)), np.empty((n, q))
    embedded = np.flatnonzero(parts.owners >= 0)
    # Adds up what belongs to a column of the table.
    owner = sparse.csr_array(
        (np.ones(len(embedded)), (embedded, parts.owners[embedded])),
        shape=(len(parts.owners), n_columns),
    )
    step = max(1, min(MOST_PATHS, MOST_NUMBERS * n_starts // start.size) // n_starts)
    for i in range(0, n, step):
        path = Path(parts, start, parts.embed(x[i : i + step]))
        for j, direction in enumerate(directions):
            found, error = path.attributions(direction)
            of_rows = found.reshape(-1, n_starts, found.shape[1]).mean(axis=1)
            values[i : i + step, :, j] = of_rows @ owner
            errors[i : i + step, j] = error.reshape(-1, n_starts).mean(axis=1)
    return values, errors


def _baseline(opened: Opened, parts: Parts, baseline: Any, method: str) -> np.ndarray:
    """Embedded rows to start from, of shape (b, d) or (k, b, d)."""
    expected = method == "expected_gradients"
    x, weights, _ = _rows_of_baseline(opened, baseline, draw=expected)
    rows = parts.embed(x)
    if expected and weights is None:
        return rows
    if weights is None:
        return rows.mean(axis=-2, keepdims=True)
    mean = np.sum(rows * weights[:, parts.sources], axis=-2, keepdims=True)
    return mean.astype(rows.dtype)


def _rows_of_baseline(
    opened: Opened, baseline: Any, *, draw: bool
) -> tuple[Any, np.ndarray | None, Any]:
    """Encoded rows, the weights of their cells if their mean is meant, and the table if given."""
    estimator = opened.estimator
    if not isinstance(baseline, str):
        table = opened.transform(baseline)
        return estimator._encode(table), None, table
    if baseline != "training":
        raise ValueError(f"baseline must be 'training' or rows like those of X, got {baseline!r}.")
    encoder = estimator._fitted.encoder
    if encoder is None:
        raise ValueError(
            "baseline='training' needs what the encoding of a table keeps of the training "
            f"rows, got an estimator with preset={estimator.preset!r} without it. Pass rows, "
            "for example baseline=X_train[:100]."
        )
    if draw and not is_sparse(encoder):
        return draw_rows(encoder, DRAWS, np.random.default_rng(0)), None, None
    return *baseline_rows(encoder), None


def _warn_of_errors(errors: np.ndarray) -> None:
    worst = float(errors.max(initial=0))
    if worst > LARGEST_ERROR:
        n = int((errors > LARGEST_ERROR).sum())
        warn_user(
            f"The attributions of {n} rows are known to {worst:.1%} only: the gradient has many "
            "steps, as with activation='relu'. Fit with a smooth activation, such as 'silu'."
        )


def _as_numbers(column: np.ndarray) -> np.ndarray:
    """A column as floats; of cells that are no numbers the place of each level."""
    if column.dtype.kind in "biuf":
        return column.astype(np.float64)
    texts = np.array([str(cell) for cell in column])
    known = ~np.isin(texts, MISSING)
    numbers = np.full(len(column), np.nan)
    try:
        numbers[known] = column[known].astype(np.float64)
    except (TypeError, ValueError):
        numbers[known] = np.unique(texts[known], return_inverse=True)[1]
    return numbers
