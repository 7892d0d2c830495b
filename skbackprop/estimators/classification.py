"""Labels in, labels and probabilities out: what is special about classification."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.metrics import accuracy_score
from sklearn.utils import column_or_1d
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets, type_of_target, unique_labels

from ..nn.losses import Loss, as_loss
from ..recipes.constraints import CLASS_WEIGHT, LOSS_OF_CLASSIFIER, check_parameters
from ..recipes.resolve import solver_is_stochastic
from ..targets.codec import HeadsCodec, LabelCodec, MultilabelCodec
from .callback_bridge import with_callbacks
from .inputs import FitInputs, Table


class LabelPredictions:
    """Predictions of a classifier, and what it answers to its base."""

    loss: Any
    class_weight: Any
    _fitted: Any
    _scores: Any
    _fit: Any
    _initialize: Any
    _state: Any

    @with_callbacks
    def fit(
        self,
        X,
        y,
        sample_weight=None,
        *,
        X_val=None,
        y_val=None,
        sample_weight_val=None,
        groups=None,
    ):
        """Learn from labeled rows.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            The input data.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Labels (numbers, strings, booleans or objects), an indicator matrix of
            several labels per row, or several columns of labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, at least 0. None stands for ones.
        X_val, y_val : array-like, default=None
            Rows on which ``early_stopping=True`` decides, instead of a part of X.
        sample_weight_val : array-like, default=None
            Weights of the validation rows.
        groups : array-like of shape (n_samples,), default=None
            Groups for a splitter given as ``validation_fraction``.

        Returns
        -------
        self : BackpropClassifier
            The fitted classifier.
        """
        inputs = FitInputs(X, y, sample_weight, X_val, y_val, sample_weight_val, groups)
        return self._fit(inputs)

    @available_if(solver_is_stochastic)
    def partial_fit(
        self,
        X,
        y,
        *,
        classes=None,
        sample_weight=None,
        X_val=None,
        y_val=None,
        sample_weight_val=None,
    ):
        """Go on learning: one epoch over the rows inputs.

        Ten calls with the same rows are a fit of ten epochs, bit for bit.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            The input data.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The labels; not all of the classes have to be there.
        classes : array-like of shape (n_classes,), or list of them, default=None
            All labels that will ever come (one array per column if `y` has several
            columns of labels). Needed in the first call, except for an indicator matrix.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.
        X_val, y_val, sample_weight_val : array-like, default=None
            Validation rows: their loss and score are written to ``history_``.

        Returns
        -------
        self : BackpropClassifier
            The fitted classifier.
        """
        inputs = FitInputs(X, y, sample_weight, X_val, y_val, sample_weight_val)
        inputs.classes, inputs.incremental = classes, True
        return self._fit(inputs)

    def initialize(self, n_features, classes):
        """Make the network with its starting weights, without data.

        Parameters
        ----------
        n_features : int
            Number of columns of the X to come.
        classes : array-like of shape (n_classes,)
            All labels.

        Returns
        -------
        self : BackpropClassifier
            A classifier that can predict, whose ``coefs_`` and ``intercepts_`` can be
            assigned, and that ``partial_fit`` or ``warm_start=True`` trains from there.

        Examples
        --------
        >>> from skbackprop import BackpropClassifier
        >>> clf = BackpropClassifier((3,), preset="plain").initialize(2, classes=[0, 1])
        >>> clf.coefs_[0][...] = 0.5
        >>> clf.predict_proba([[1.0, 2.0]]).shape
        (1, 2)
        """
        return self._initialize(n_features, LabelCodec(np.unique(classes)))

    def predict(self, X):
        """Predict labels.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            The input data.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            The most probable label of each row (of each column).
        """
        return self._decode(self._scores(X))

    def _decode(self, scores: np.ndarray) -> np.ndarray:
        return self._fitted.codec.decode(scores)

    def score(self, X, y, sample_weight=None):
        """Mean accuracy on labeled rows.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            The input data.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The true labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        score : float
            The share of the rows that are predicted right; of rows with all labels right
            for an indicator matrix; the mean over the columns for several columns of labels.
        """
        predicted = self.predict(X)
        if not isinstance(self._fitted.codec, HeadsCodec):
            return float(accuracy_score(y, predicted, sample_weight=sample_weight))
        hits = np.asarray(y) == predicted
        return float(np.mean(np.average(hits, axis=0, weights=sample_weight)))

    def predict_proba(self, X):
        """Predict probabilities.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            The input data.

        Returns
        -------
        p : ndarray of shape (n_samples, n_classes), or list of such arrays
            Columns in the order of ``classes_``; for several columns of labels a list
            with one array for each, as forests return it.
        """
        scores = self._scores(X)
        return self._fitted.codec.probabilities(scores, self._fitted.loss, log=False)

    def predict_log_proba(self, X):
        """Predict logarithms of probabilities, computed from the scores.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            The input data.

        Returns
        -------
        log_p : ndarray of shape (n_samples, n_classes), or list of such arrays
            Finite for scores up to 1e4 and beyond, where the logarithm of a
            probability that was rounded to zero is not.
        """
        scores = self._scores(X)
        return self._fitted.codec.probabilities(scores, self._fitted.loss, log=True)

    def decision_function(self, X):
        """Raw scores of the network.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            The input data.

        Returns
        -------
        scores : ndarray of shape (n_samples,) or (n_samples, n_classes), or list
            For two classes the score of ``classes_[1]``, positive where it is predicted.
        """
        scores = self._scores(X)
        return self._fitted.codec.decision(scores)

    @property
    def classes_(self):
        """The labels, sorted; a list of arrays for several columns of labels."""
        return self._state("classes_").codec.classes

    # ---- what the base asks for -----------------------------------------------------------

    def _check_parameters(self) -> None:
        check_parameters(self, loss=LOSS_OF_CLASSIFIER, class_weight=CLASS_WEIGHT)

    def _check_y(self, y: Any) -> np.ndarray:
        if issparse(y):
            y = y.toarray()
        check_classification_targets(y)
        return column_or_1d(y, warn=True) if y.ndim == 2 and y.shape[1] == 1 else y

    def _make_codec(self, y: np.ndarray, inputs: FitInputs, resume: bool) -> Any:
        if inputs.incremental:
            codec = self._codec_of_partial_fit(y, inputs, resume)
        elif resume:
            codec = self._fitted.codec
            self._check_same_classes(y, codec)
        else:
            return make_codec(y)
        unseen = self._unseen(y, codec)
        if unseen:
            raise ValueError(
                f"`y` has classes not in `self.classes_`: {unseen}. Known are "
                f"{_plain(codec.classes)}. Remove these rows, or name all classes in the first "
                "call to partial_fit."
            )
        return codec

    def _codec_of_partial_fit(self, y: np.ndarray, inputs: FitInputs, resume: bool) -> Any:
        if not resume:
            if type_of_target(y) == "multilabel-indicator":
                return MultilabelCodec(y.shape[1])
            if inputs.classes is None:
                raise ValueError("classes must be passed on the first call to partial_fit.")
            if y.ndim == 2:
                return HeadsCodec(tuple(LabelCodec(np.unique(c)) for c in inputs.classes))
            return LabelCodec(unique_labels(inputs.classes))
        codec = self._fitted.codec
        if inputs.classes is not None and isinstance(codec, LabelCodec):
            classes = unique_labels(inputs.classes)
            if not np.array_equal(classes, codec.classes):
                raise ValueError(
                    f"`classes={inputs.classes!r}` is not the same as on last call to "
                    f"partial_fit, was: {codec.classes!r}"
                )
        return codec

    def _check_same_classes(self, y: np.ndarray, codec: Any) -> None:
        if isinstance(codec, LabelCodec) and y.ndim == 1:
            classes = unique_labels(y)
            same = set(classes.tolist()) == set(codec.classes.tolist())
        else:
            new = make_codec(y)
            classes, same = new.classes, type(new) is type(codec)
        if not same:
            raise ValueError(
                "warm_start can only be used where `y` has the same classes as in the previous "
                f"call to fit. Previously got {codec.classes}, `y` has {classes}"
            )

    def _unseen(self, y: np.ndarray, codec: Any) -> list[Any]:
        if isinstance(codec, MultilabelCodec):
            if y.ndim != 2 or y.shape[1] != codec.n_targets:
                raise ValueError(
                    f"`y` needs {codec.n_targets} columns, as in the first call, got shape "
                    f"{y.shape}. Pass an indicator matrix of the same labels."
                )
            return []
        heads = codec.heads if isinstance(codec, HeadsCodec) else (codec,)
        columns = y.T if y.ndim == 2 else [y]
        if len(columns) != len(heads):
            raise ValueError(
                f"`y` needs {len(heads)} columns, as in the first call, got shape {y.shape}."
            )
        return [
            label
            for head, column in zip(heads, columns, strict=True)
            for label in np.setdiff1d(column, head.classes).tolist()
        ]

    def _make_loss(self, codec: Any) -> Loss:
        return codec.loss if isinstance(self.loss, str) else as_loss(self.loss)

    def _weigh(self, table: Table, codec: Any, inputs: FitInputs, *, count: bool = True) -> Table:
        """Multiply in ``class_weight``; "balanced" counts the rows of all calls so far."""
        if self.class_weight is None:
            return table
        if not (isinstance(self.class_weight, str) and isinstance(codec, LabelCodec)):
            self._check_class_weight(codec)
            factor = compute_sample_weight(self._present(table.y), table.y)
            return table.weighted(factor.astype(table.x.dtype))
        if count:
            going_on = inputs.incremental and "_fitted" in vars(self)
            before = self._fitted.class_counts if going_on else None
            inputs.class_counts = codec.counted(table.target, table.weight, before)
        return table.weighted(codec.balance(table.target, inputs.class_counts))

    def _check_class_weight(self, codec: Any) -> None:
        if not (isinstance(self.class_weight, dict) and isinstance(codec, LabelCodec)):
            return
        unknown = [label for label in self.class_weight if label not in codec.classes.tolist()]
        if unknown:
            raise ValueError(
                f"class_weight needs labels of y, {_plain(codec.classes)}, got {unknown} too. "
                "Remove these, or correct their spelling."
            )
        if min(self.class_weight.values()) < 0:
            raise ValueError(
                f"class_weight needs weights >= 0, got {self.class_weight}. Give a class that "
                "should not count the weight 0."
            )

    def _present(self, y: np.ndarray) -> Any:
        """``class_weight`` without classes that a part of the data does not have."""
        if isinstance(self.class_weight, dict):
            labels = set(np.unique(y).tolist())
            return {k: w for k, w in self.class_weight.items() if k in labels}
        return self.class_weight

    def _default_scoring(self, codec: Any, loss: Loss) -> str:
        single = isinstance(codec, LabelCodec) and isinstance(self.loss, str)
        return "accuracy" if single else "loss"

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


def make_codec(y: np.ndarray) -> Any:
    """The codec for these labels."""
    kind = type_of_target(y)
    if kind == "multilabel-indicator":
        return MultilabelCodec(y.shape[1])
    if y.ndim == 2:
        return HeadsCodec(tuple(LabelCodec(np.unique(column)) for column in y.T))
    return LabelCodec(np.unique(y))


def _plain(classes: Any) -> Any:
    return [c.tolist() for c in classes] if isinstance(classes, list) else classes.tolist()
