"""The classifier: its parameters and its methods."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from typing import Any, Self, TypeAlias

import numpy as np
from sklearn.base import ClassifierMixin

from ..nn.losses import Loss, as_loss
from ..recipes.constraints import CLASS_WEIGHT, LOSS_OF_CLASSIFIER, check_parameters
from ..recipes.rules import Rule
from ..recipes.settings import LogLoss, NumericEmbedding, Scheduled, TableEncoding
from ..tables.weights import check_weight
from ..targets import LabelCodec
from ..targets.class_weight import (
    check_class_weight,
    class_counts,
    class_factors,
    plain_labels,
    without_weight,
)
from ..targets.label_codecs import label_accuracy
from ..targets.labels import (
    check_known_labels,
    check_labels,
    check_same_classes,
    codec_of_classes,
    make_label_codec,
    unseen_labels,
)
from ..targets.reading import as_columns
from .base import BackpropEstimator, if_stochastic, remember
from .callback_bridge import with_callbacks
from .fitted import Fitted, FittedAttribute
from .inputs import FitInputs
from .uncertainty import member_deviation

Arrays: TypeAlias = np.ndarray | Any  # for several columns of labels a list of arrays


class BackpropClassifier(ClassifierMixin, BackpropEstimator):  # type: ignore[misc]
    """Neural network classifier for raw tables, and a replacement of ``MLPClassifier``.

    Without parameters it takes a table as it comes (numbers on any scale, missing values,
    categories) and averages a few small networks, trained by backpropagation.  With
    ``preset="plain"`` the same `random_state` gives the numbers of ``MLPClassifier``, but for the
    differences listed in the documentation.

    `y` holds labels of two or more classes, an indicator matrix of several labels per row, or
    several columns of labels.  `X` is a DataFrame, an array or a sparse matrix.

    Parameters
    ----------
    hidden_layer_sizes : int, array-like of int or "auto", default="auto"
        Units in each hidden layer; ``()`` makes a linear model.  With `n_hidden_layers` an int
        is the width of every hidden layer.  "auto": ``(64, 64)``, or ``(128, 128)`` for many
        rows or many classes; plain: ``(100,)``.
    activation : str, object, list of these or "auto", default="auto"
        Of all hidden layers, or one for each; one more entry is the activation of the output,
        for a loss on plain outputs.  "identity", "logistic", "tanh", "relu", "leaky_relu",
        "elu", "selu", "gelu", "gelu_tanh", "silu", "mish", "softplus",
        "hard_tanh", "exp", or an object with ``forward`` and ``backward``.  "auto": "silu";
        plain: "relu".
    preset : {"auto", "plain", "fast", "best"}, default="auto"
        Says what "auto" stands for: "auto" is a recipe for tables, "fast" and "best" are a
        quicker and a slower one; "plain" is scikit-learn's MLP.
    categorical_features : "from_dtype", array-like or None, default="from_dtype"
        Columns of categories: those that are not numbers, or these names, numbers or mask.
    loss : {"log_loss"}, LogLoss or object, default="log_loss"
        What is minimized.  `LogLoss` has smoothed labels; another object has
        ``value_and_delta``, ``predict`` and ``log_predict``.
    solver : str, object or "auto", default="auto"
        "lbfgs" uses all rows at once; "sgd", "adam", "adamw", "nadam", "adagrad", "rmsprop",
        "lion", "muon" and "schedule_free" take a step for every batch, as does an object
        such as ``Adam(max_grad_norm=1.0)``, whose fields are the settings that the constructor
        does not have: gradient clipping and accumulation, L1 penalty, averaging, factors on the
        learning rate (`skbackprop.optim`).  An object goes by its own numbers, such as its
        `beta_2`, and not by those of the preset.  "auto": "adam".
    alpha : float or "auto", default="auto"
        Strength of the L2 penalty on the weights, see Notes.  "auto": 0; plain: 0.0001.
    batch_size : int or "auto", default="auto"
        Rows in a batch of a stochastic solver.  "auto": about 64, 128 or 256
        by `n_samples`; plain: ``min(200, n_samples)``.
    learning_rate : str, object or "auto", default="auto"
        How the rate changes: "constant"; "invscaling", by ``(n + 1) ** -power_t`` after ``n``
        epochs; "adaptive", divided by 5 whenever training is flat (see `n_iter_no_change`);
        these two not with "adam", as in scikit-learn.  With every stochastic solver: "cosine",
        "warmup_cosine", "one_cycle", "exponential", "step", "polynomial", "coslog4",
        "flat_cos", or an object, ``schedule(clock) -> factor``.  "auto": "coslog4"; plain:
        "constant".
    learning_rate_init : float, "probe" or "auto", default="auto"
        Learning rate at the start, for stochastic solvers.  "probe": the best of several in
        short trainings, which cost about two thirds of a training.  "auto": 0.01, 0.005 for
        few rows, in "best" and for `partial_fit`; plain: 0.001.
    power_t : float, default=0.5
        Exponent of ``learning_rate="invscaling"``, for "sgd".
    max_iter : int or "auto", default="auto"
        Most epochs ("lbfgs": iterations) of one call of `fit`.  "auto": 800 steps or so, and
        warm restarts (`max_restarts`); plain: 200.
    shuffle : bool, default=True
        Whether rows are dealt in a new order every epoch, for stochastic solvers.
    random_state : int, RandomState or None, default=None
        Source of the initial weights, then of the validation rows, then of the shuffles.
    tol : float or "auto", default="auto"
        Smallest gain of the training loss (or validation score) that counts; for "lbfgs" also
        the largest entry of the gradient at a minimum.  "auto": 0.0001.
    verbose : bool, int or "bar", default=False
        Whether to print progress: one line about the plan, a line after every few epochs, and one
        about the end.  An int is the number of epochs between two lines; True chooses it such
        that there are 10 to 20 lines.  "bar" draws a progress bar, which needs rich; without a
        terminal it is True.  plain: a line for each epoch, as scikit-learn prints, or a bar.
    warm_start : bool, default=False
        Whether `fit` goes on exactly where the last call ended, instead of starting anew.
    momentum : float or "auto", default="auto"
        Part of the velocity that remains after a step of "sgd" or "muon", from 0 to 1.  "auto":
        0.9, 0.95 for "muon".
    nesterovs_momentum : bool, default=True
        Whether the momentum is Nesterov's, for "sgd" with ``momentum > 0``.
    early_stopping : bool or "auto", default="auto"
        Whether to stop when the score of held-out rows gets flat, and to return the weights
        of the best epoch.  For every solver.  "auto": True; plain: only if `X_val` is given.
    validation_fraction : float, splitter, iterable or "auto", default="auto"
        What early stopping holds out of X if `fit` gets no ``X_val``: a share of the rows,
        stratified by class, or the first split of a splitter or of an iterable of index
        pairs.  "auto": 0.1.
    refit : bool, "fine_tune" or "auto", default="auto"
        Whether to train a second time, on all rows.  True: from the same start, up to the epoch
        (of each member) that was best.  "fine_tune": from the weights of that epoch, for a tenth
        as many epochs, with a learning rate that falls from a tenth of the initial one to 0.
        Scores and curves are those of the first training, and so are the rows held out, which
        the calibration goes by.  "auto": "fine_tune" for more than two classes, but False for
        sparse rows and batch normalization, if `max_iter`, a scorer, a splitter or your own loss
        is given, and with solver="lbfgs"; plain: False.
    beta_1 : float or "auto", default="auto"
        Part of the mean of the gradient that remains after a step of "adam" and similar
        solvers.  "auto": 0.9, or what the solver's paper says.
    beta_2 : float or "auto", default="auto"
        Part of the mean of the squared gradient that remains after a step of "adam" and
        similar solvers.  "auto": 0.999, or what the solver's paper says.
    epsilon : float or "auto", default="auto"
        Keeps the division in "adam" and similar solvers finite.  "auto": 1e-8, 1e-10 for "adagrad".
    n_iter_no_change : int, inf or "auto", default="auto"
        Training is flat after more than this many epochs in a row without a gain of `tol`.
        For stochastic solvers, and for "lbfgs" with early stopping.  "auto": inf; plain: 10.
    max_fun : int, default=15000
        Evaluations after which "lbfgs" starts no further iteration.
    weight_decay : float, Scheduled or "auto", default="auto"
        Decoupled decay: before a step each weight loses ``rate * weight_decay`` of itself,
        whatever the batch size.  "auto": 0.16 with the schedule "flat_cos"; plain: the solver's
        own, 0.01 for "adamw", 0 for most.
    dropout : float, list of float, Scheduled or "auto", default="auto"
        Fraction of each hidden layer that is dropped in training, or one fraction for each; a
        list with one more entry begins with that of the input.  "auto": 0.15; plain: 0.  In the
        recipes for tables a plain number has the schedule "flat_cos".
    normalization : {"batch", "layer", "rms"} or None, default=None
        What scales the input of each hidden activation.
    residual : bool, default=False
        Is each hidden layer, the first one excepted, added to its own input, times a factor
        that starts at 0 (ReZero)?  With it 50 layers learn.
    feature_encoding : {"table"}, TableEncoding, None or "auto", default="auto"
        "table": numbers are scaled by their quartiles and smoothly clipped, missing ones get
        an indicator, numbers whose single values mean something the effect of the value,
        categories become columns or codes.  A `TableEncoding` has monotone constraints, too.
        None: X is taken as it is.  "auto": "table"; plain: None.
    numeric_embedding : {"periodic", "piecewise", "both"}, NumericEmbedding, None or "auto", \
            default="auto"
        More inputs for each numeric column: cosines with learned frequencies, piecewise-linear
        encoding between quantiles, or both.  "auto": "piecewise", "both" in "best" from 1,500
        rows on, "periodic" for very many columns or few rows; plain: None.
    n_members : int or "auto", default="auto"
        Networks trained at once, whose predictions are averaged.  "auto": 5, up to 16 for
        few rows, three times as many in "best", 4 in "fast"; plain: 1.
    member_sharing : {"independent", "batch", "mini"}, default="independent"
        What members share: nothing, not even the rows that validate; all but vectors at each
        matrix, and the last layer (TabM); or all but the signs of the input, and the last layer.
    max_restarts : int or "auto", default="auto"
        Largest number of warm restarts of the schedule, each twice as long as the one before;
        a restart is begun if the validation loss fell by a tenth in the second half of the
        last schedule, unless the loss or its fall is negligible (0.0005 of log loss).  "auto":
        2, 1 or 0, as many as fit into a limit of work; 0 if `max_iter` is set; plain: 0.
    time_budget : float or None, default=None
        Seconds for the training in one call of `fit`: the epochs and their schedules are
        shortened to what there is time for.  It makes the result depend on the machine.
    n_hidden_layers : int or None, default=None
        Number of hidden layers, all with the width `hidden_layer_sizes`: two numbers that a
        search can tune.  None: `hidden_layer_sizes` has an entry for each layer.
    calibration : {"temperature", "sqrt_temperature", "auto"} or None, default="auto"
        What the scores of each member are divided by.  "temperature": the number with which the
        probabilities of the rows held out are best (Guo, Pleiss, Sun & Weinberger, 2017).
        "sqrt_temperature": its square root, and at least 1; a choice of ours for few rows.
        "auto": "sqrt_temperature" for two classes and fewer than 600 rows, for more classes and
        fewer than 250, else None; also None for large sparse X, several columns of labels, a
        loss object other than `LogLoss`, a scorer as `scoring`, `partial_fit`, and without
        held-out rows; plain: None.
    class_weight : dict, list of dict, "balanced" or None, default=None
        Factor on the weights of the rows of a class; a list for several columns of labels.  A
        class of weight 0 stays in `classes_`, with a probability near 0.  "balanced" gives all
        classes the same weight; in `partial_fit` it counts the rows of all calls so far.
    weight_init : str, callable, list, WeightInit or "auto", default="auto"
        How weights start: "mlp" (scikit-learn's rule), "glorot_uniform", "glorot_normal",
        "he_uniform", "he_normal", "lecun_uniform", "lecun_normal", "orthogonal", "zeros", an
        initializer, "data" (unit variance of what goes into each unit), or a list with an
        initializer or array for each layer.  "auto": "data"; plain: "mlp".
        With "mlp" and "data" the biases start by the same
        rule; `WeightInit` sets weights and biases apart.
    scoring : str, callable or None, default="auto"
        What early stopping watches: a scorer, its name, None for `score`, or "loss", minus the
        validation loss.  Members are scored by their own validation rows.  "auto": "loss"; plain:
        accuracy, or "loss" for more than one column of labels and
        for a loss object.
    dtype : {"float32", "float64", "auto"}, default="auto"
        Precision.  "auto": "float32"; without `feature_encoding` that of X, float64 if X has
        neither.
    callbacks : list of callbacks or None, default=None
        Objects with methods of `skbackprop.training.callbacks.Callback`, called during
        training, for each group of members; copies of them are used.  With a `Checkpoint` among
        them a fit goes on after its process was killed; a `Monitor` scores named rows after each
        epoch, for `history_`.
    n_jobs : int or None, default=None
        Most threads that train members side by side; None stands for all cores.  The numbers
        do not depend on it.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,), or list of these
        The labels; a list for several columns of labels.
    n_features_in_ : int
        Number of columns of X.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the columns, if X had names that are all strings.
    coefs_ : list of ndarray
        Weights of each layer, ``(n_in, n_out)``, or ``(n_members, n_in, n_out)`` for several
        members: views, which can be written to and assigned.
    intercepts_ : list of ndarray
        Biases of each layer, ``(n_out,)``, or ``(n_members, n_out)`` for several members: views,
        which can be written to and assigned.
    loss_curve_ : list of float
        Training loss of every epoch since the network was made, see Notes.
    loss_ : float
        The entry of ``loss_curve_`` that belongs to the weights.
    best_loss_ : float or None
        The smallest entry of ``loss_curve_``; None with validation rows.
    best_iter_ : int
        The epoch, counted from 1, whose weights these are.
    n_iter_ : int
        Epochs of the last `fit`, or all epochs after `partial_fit`.
    t_ : int
        Training rows visited by the stochastic solvers, epoch after epoch.
    validation_scores_ : list of float or None
        Score of the validation rows after each epoch, if there are such rows.
    best_validation_score_ : float or None
        Score of the validation rows at the epoch ``best_iter_`` of early stopping.
    column_report_ : list of dict
        For each column of `X` its "column" (name or index), what it was "read_as", its
        "encoding", the number "n_encoded" of inputs that it became, and a "note" on text and
        on effects of values.  Empty without a feature encoding.
    history_ : dict of list
        Columns with an entry for each epoch: epoch, loss, validation_loss, validation_score,
        learning_rate, gradient_norm (of the last batch), seconds; and those of callbacks, such
        as `Monitor`.
    stop_reason_ : str
        "max_iter", "no_improvement", "learning_rate_too_small", "converged" ("lbfgs"),
        "diverged", "time_budget", "interrupted" or "callback".
    interrupted_ : bool
        Whether Ctrl-C ended training; the last complete epoch is kept then.
    resolved_params_ : dict
        The parameters as they were used, with the values that "auto" stood for.  They are valid
        parameters of the constructor, and make the same model.
    n_layers_ : int
        Number of layers, input and output included.
    n_outputs_ : int
        Number of scores: 1 for two classes.
    out_activation_ : str or object
        Activation of the output.
    network_ : Network
        The layers over one vector of parameters, ``network_.theta``.

    See Also
    --------
    BackpropRegressor : The same for numeric targets.
    sklearn.neural_network.MLPClassifier : The class whose place this one takes.

    Notes
    -----
    A batch of rows with weights ``w`` (`sample_weight` times `class_weight`) has the loss ::

        L(θ) = (Σᵢ wᵢ ℓ(yᵢ, score(xᵢ; θ)) + ½ alpha ‖W‖²) / Σᵢ wᵢ

    where ``W`` are all weights, without the biases.  ``loss_curve_`` holds the mean of ``L``
    over the batches of an epoch, each taken just before its step and counted by its rows; for
    "lbfgs" it holds ``L`` of all rows after each iteration.

    Training goes on exactly: warm fits of 4 and 6 epochs, or ten calls of `partial_fit`, are
    one fit of 10 epochs bit for bit, also through a pickle; without early stopping, and with
    schedules that do not ask how long training will be.

    References
    ----------
    - Rumelhart, Hinton & Williams, "Learning representations by back-propagating errors",
      Nature 323 (1986).
    - Liu & Nocedal, "On the limited memory BFGS method for large scale optimization",
      Mathematical Programming 45 (1989).
    - Glorot & Bengio, "Understanding the difficulty of training deep feedforward neural
      networks", AISTATS (2010).
    - He, Zhang, Ren & Sun, "Delving deep into rectifiers: surpassing human-level performance
      on ImageNet classification", ICCV (2015).
    - Kingma & Ba, "Adam: a method for stochastic optimization", ICLR (2015).

    Examples
    --------
    >>> from sklearn.datasets import make_classification
    >>> from sklearn.model_selection import train_test_split
    >>> from skbackprop import BackpropClassifier
    >>> X, y = make_classification(n_samples=100, random_state=1)
    >>> X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=1)
    >>> clf = BackpropClassifier(random_state=1).fit(X_train, y_train)
    >>> clf.score(X_test, y_test) > 0.85
    True
    >>> mlp = BackpropClassifier(preset="plain", learning_rate_init=0.01, random_state=1)
    >>> mlp.fit(X_train, y_train).predict_proba(X_test[:1]).round(2)
    array([[0.01, 0.99]])
    """

    def __init__(
        self,
        hidden_layer_sizes: str | int | Sequence[int] | np.ndarray = "auto",
        activation: Any = "auto",
        *,
        preset: str = "auto",
        categorical_features: Any = "from_dtype",
        loss: Any = "log_loss",
        solver: Any = "auto",
        alpha: float | str = "auto",
        batch_size: int | str = "auto",
        learning_rate: str | Callable[..., Any] = "auto",
        learning_rate_init: float | str = "auto",
        power_t: float = 0.5,
        max_iter: int | str = "auto",
        shuffle: bool = True,
        random_state: int | np.random.RandomState | None = None,
        tol: float | str = "auto",
        verbose: int | str = False,
        warm_start: bool = False,
        momentum: float | str = "auto",
        nesterovs_momentum: bool = True,
        early_stopping: bool | str = "auto",
        validation_fraction: Any = "auto",
        refit: bool | str = "auto",
        beta_1: float | str = "auto",
        beta_2: float | str = "auto",
        epsilon: float | str = "auto",
        n_iter_no_change: float | str = "auto",
        max_fun: int = 15000,
        weight_decay: float | str | Scheduled = "auto",
        dropout: float | Sequence[float] | str | Scheduled = "auto",
        normalization: str | None = None,
        residual: bool = False,
        feature_encoding: str | TableEncoding | None = "auto",
        numeric_embedding: str | NumericEmbedding | None = "auto",
        n_members: int | str = "auto",
        member_sharing: str = "independent",
        max_restarts: int | str = "auto",
        time_budget: float | None = None,
        n_hidden_layers: int | None = None,
        calibration: str | None = "auto",
        class_weight: Any = None,
        weight_init: Any = "auto",
        scoring: Any = "auto",
        dtype: Any = "auto",
        callbacks: Sequence[Any] | None = None,
        n_jobs: int | None = None,
    ) -> None:
        remember(self, locals())

    @with_callbacks
    def fit(
        self,
        X: Any,
        y: Any = None,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
        groups: Any = None,
    ) -> Self:
        """Train on labeled rows.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            The input data, or a source of rows that are not in memory: see `RowSource`.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs), or str, default=None
            Labels (numbers, strings, booleans or objects), an indicator matrix of
            several labels per row, or several columns of labels.
            For tables in files the name of their column; None if the batches of X have labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, at least 0. None stands for ones.
        X_val, y_val : array-like, default=None
            Rows on which ``early_stopping=True`` decides, instead of a part of X.
        sample_weight_val : array-like, default=None
            Weights of the validation rows.
        groups : array-like of shape (n_samples,), default=None
            Rows of a group validate together; also for a splitter as ``validation_fraction``.

        Returns
        -------
        self : BackpropClassifier
            The fitted classifier.
        """
        return self._fit(FitInputs(X, y, sample_weight, X_val, y_val, sample_weight_val, groups))

    @if_stochastic
    def partial_fit(
        self,
        X: Any,
        y: Any,
        *,
        classes: Any = None,
        sample_weight: Any = None,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
    ) -> Self:
        """Train for one more epoch, on the given rows.

        Ten calls with the same rows are a fit of ten epochs, bit for bit.  In the presets for
        tables the range of X, and the columns and levels, follow the rows of all calls.

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
        given = X, y, sample_weight, X_val, y_val, sample_weight_val
        return self._fit(FitInputs(*given, classes=classes, incremental=True))

    def initialize(self, n_features: int, classes: Any) -> Self:
        """Make the network with its initial weights, without data.

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
        codec = LabelCodec(np.unique(check_labels(classes, "classes")))
        return self._initialize(n_features, codec)

    def predict(self, X: Any) -> np.ndarray:
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
        scores = self._scores(X)
        return self._fitted.codec.decode(scores)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
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
        scores = self._scores(X)
        return label_accuracy(self._fitted.codec, check_labels(y), scores, sample_weight)

    def predict_proba(self, X: Any) -> Arrays:
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

    def predict_log_proba(self, X: Any) -> Arrays:
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

    def decision_function(self, X: Any) -> Arrays:
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

    def predict_std(self, X: Any, *, method: str = "members", n_passes: int = 50) -> np.ndarray:
        """Predict the standard deviation of the members.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            The input data.
        method : {"members", "dropout"}, default="members"
            Compare the members, or passes of the network with its dropout on (Gal &
            Ghahramani, 2016).
        n_passes : int, default=50
            Number of passes.

        Returns
        -------
        std : ndarray of shape (n_samples, n_classes)
            Standard deviation of each probability; of several columns of labels side by side.
        """
        x = self._encode(X)
        std = member_deviation(self._fitted, x, method, n_passes)
        binary = std.shape[1] == 1 and self._fitted.codec.n_classes == 2
        return np.repeat(std, 2, axis=1) if binary else std

    @FittedAttribute
    def classes_(fitted: Fitted) -> Arrays:
        """The labels, sorted; a list of arrays for several columns of labels."""
        return fitted.codec.classes

    # ---- used by `BackpropEstimator` --------------------------------------------------------

    def _check_parameters(self, **own: Rule) -> None:
        check_parameters(self, loss=LOSS_OF_CLASSIFIER, class_weight=CLASS_WEIGHT, **own)

    def _check_y(self, y: Any, name: str = "y") -> np.ndarray:
        return check_labels(y, name)

    def _absent_rows(self, inputs: FitInputs, old: Fitted | None) -> np.ndarray | None:
        """The rows whose class has the weight 0."""
        if self.class_weight is None or isinstance(self.class_weight, str):
            return None
        if old is not None:
            known = [plain_labels(head.classes) for head in old.codec.heads]
        elif inputs.classes is not None:
            codec = codec_of_classes(inputs.y, inputs.classes, None)
            known = [plain_labels(head.classes) for head in codec.heads]
        else:
            known = [plain_labels(np.unique(column)) for column in as_columns(inputs.y).T]
        check_class_weight(self.class_weight, known)
        absent = without_weight(self.class_weight, inputs.y)
        if absent is not None:
            weight = check_weight(inputs.sample_weight, len(inputs.y))
            inputs.labels = inputs.y if weight is None else inputs.y[weight > 0]
        return absent

    def _make_codec(self, inputs: FitInputs, old: Fitted | None) -> Any:
        y = inputs.y if inputs.labels is None else inputs.labels
        if inputs.incremental:
            codec = codec_of_classes(y, inputs.classes, None if old is None else old.codec)
        elif old is None:
            return make_label_codec(y)
        else:
            codec = old.codec
            check_same_classes(y, codec)
        check_known_labels(y, codec)
        return codec

    def _unseen(self, y: np.ndarray, codec: Any) -> list[Any]:
        return unseen_labels(y, codec)

    def _make_loss(self, codec: Any) -> Loss:
        return codec.loss if isinstance(self.loss, (str, LogLoss)) else copy(as_loss(self.loss))

    def _weigh(
        self,
        y: np.ndarray,
        weight: np.ndarray | None,
        codec: Any,
        inputs: FitInputs,
        *,
        count: bool = True,
    ) -> np.ndarray | None:
        """Multiply in ``class_weight``; "balanced" counts the rows of all calls so far."""
        if self.class_weight is None:
            return weight
        if count and isinstance(self.class_weight, str):
            going_on = inputs.incremental and "_fitted" in vars(self)
            before = self._fitted.class_counts if going_on else None
            inputs.class_counts = class_counts(y, codec.heads, weight, before)
        factor = class_factors(self.class_weight, y, codec.heads, inputs.class_counts)
        return factor if weight is None else weight * factor

    def _default_scoring(self, codec: Any, loss: Loss) -> str:
        single = isinstance(codec, LabelCodec) and isinstance(self.loss, (str, LogLoss))
        return "accuracy" if single else "loss"

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
