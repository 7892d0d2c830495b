"""The regressor: its parameters and its methods."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import replace
from typing import Any, Self

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils.validation import check_is_fitted

from ..nn.losses import LOSSES, HalfSquaredError, Loss, Pinball, as_loss
from ..nn.reparametrize import ends_with_scores
from ..recipes.constraints import (
    LOSS_OF_REGRESSOR,
    check_parameters,
    check_scoring_of_numbers,
)
from ..recipes.resolve import is_auto
from ..recipes.rules import Rule
from ..recipes.settings import NumericEmbedding, Scheduled, TableEncoding
from ..targets import TargetCodec
from ..targets.number_codec import (
    ANY_UNIT,
    check_distinct,
    check_encoded,
    check_size,
    r2_in_any_unit,
    scaling_of,
    words_on_far_values,
)
from ..targets.numbers import check_numbers
from ..targets.running import follow_target, start_moments, words_on_spread
from ..warn import warn_user
from .base import BackpropEstimator, if_stochastic, remember
from .callback_bridge import with_callbacks
from .fitted import Fitted
from .inputs import FitInputs, Table
from .uncertainty import (
    check_shares,
    conformal_margin,
    conformal_quantile,
    conformalized_quantiles,
    held_out_rows,
    member_deviation,
)

MODERATE = 1e-3, 1e3  # sizes of a target that a network learns without being scaled
ADVICE_ON_Y = "Scale y (TransformedTargetRegressor), or leave preset and standardize_target 'auto'."


class BackpropRegressor(RegressorMixin, BackpropEstimator):  # type: ignore[misc]
    """Neural network regressor for raw tables, and a replacement of ``MLPRegressor``.

    Without parameters it takes a table as it comes (numbers on any scale, missing values,
    categories) and averages a few small networks, trained by backpropagation.  With
    ``preset="plain"`` the same `random_state` gives the numbers of ``MLPRegressor``, but for the
    differences listed in the documentation.

    `y` has one column of numbers or several.  `X` is a DataFrame, an array or a sparse matrix.

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
    loss : str or object, default="squared_error"
        What is minimized: "squared_error", "absolute_error", "huber", "pinball" (the median,
        unless it is an object with other quantiles), "poisson", "gamma", "tweedie", or an
        object with ``value_and_delta`` and ``predict``.  Summed over the columns of `y`.
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
        short trainings, which cost about two thirds of a training.  "auto": 0.0125, 0.025
        in "fast"; plain: 0.001.
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
        or the first split of a splitter or of an iterable of index pairs.  "auto": 0.1.
    refit : bool, "fine_tune" or "auto", default="auto"
        Whether to train a second time, on all rows.  True: from the same start, up to the epoch
        (of each member) that was best.  "fine_tune": from the weights of that epoch, for a tenth
        as many epochs, with a learning rate that falls from a tenth of the initial one to 0.
        Scores and curves are those of the first training, and so are the rows held out, which
        `predict_interval` goes by.  "auto": False.
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
        a restart is begun if the validation loss fell by a fifth (a loss that is not the squared
        error by a tenth) in the second half of the last schedule, unless the loss or its fall is
        negligible (0.0005 of R²).  "auto": 2, 1 or 0, as many as fit into a limit of work; 0
        if `max_iter` is set; plain: 0.
    time_budget : float or None, default=None
        Seconds for the training in one call of `fit`: the epochs and their schedules are
        shortened to what there is time for.  It makes the result depend on the machine.
    n_hidden_layers : int or None, default=None
        Number of hidden layers, all with the width `hidden_layer_sizes`: two numbers that a
        search can tune.  None: `hidden_layer_sizes` has an entry for each layer.
    standardize_target : bool or "auto", default="auto"
        Is the network trained on a target of mean 0 and variance 1?  Only for losses that
        allow any number.  "auto": True; plain: False.
    clip_predictions : bool or "auto", default="auto"
        Are predictions kept in the range of the training target?  "auto": True; plain: False.
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
        R² for the squared error, else "loss".
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
        Number of outputs of the network: columns of `y`, times quantiles of "pinball".
    out_activation_ : str or object
        Activation of the output.
    network_ : Network
        The layers over one vector of parameters, ``network_.theta``.

    See Also
    --------
    BackpropClassifier : The same for labels.
    sklearn.neural_network.MLPRegressor : The class whose place this one takes.

    Notes
    -----
    A batch of rows with weights ``w`` has the loss ::

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
    >>> from sklearn.datasets import make_regression
    >>> from skbackprop import BackpropRegressor
    >>> X, y = make_regression(n_samples=200, n_features=20, random_state=1)
    >>> BackpropRegressor(random_state=1).fit(X[:150], y[:150]).score(X[150:], y[150:]) > 0.9
    True
    >>> reg = BackpropRegressor(preset="plain", solver="lbfgs", max_iter=1000, random_state=1)
    >>> reg.fit(X[:150], y[:150]).score(X[150:], y[150:])
    0.99
    >>> reg.n_outputs_, reg.stop_reason_
    (1, 'converged')
    """

    def __init__(
        self,
        hidden_layer_sizes: str | int | Sequence[int] | np.ndarray = "auto",
        activation: Any = "auto",
        *,
        preset: str = "auto",
        categorical_features: Any = "from_dtype",
        loss: Any = "squared_error",
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
        standardize_target: bool | str = "auto",
        clip_predictions: bool | str = "auto",
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
        """Train on rows with a numeric target.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            The input data, or a source of rows that are not in memory: see `RowSource`.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs), or str, default=None
            The target, in any unit; what the loss allows.
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
        self : BackpropRegressor
            The fitted regressor.
        """
        return self._fit(FitInputs(X, y, sample_weight, X_val, y_val, sample_weight_val, groups))

    @if_stochastic
    def partial_fit(
        self,
        X: Any,
        y: Any,
        *,
        sample_weight: Any = None,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
    ) -> Self:
        """Train for one more epoch, on the given rows.

        Ten calls with the same rows are a fit of ten epochs, bit for bit.  In the presets for
        tables the range of X and y, and the columns and levels, follow the rows of all calls.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            The input data.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The target.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.
        X_val, y_val, sample_weight_val : array-like, default=None
            Validation rows: their loss and score are written to ``history_``.

        Returns
        -------
        self : BackpropRegressor
            The fitted regressor.
        """
        given = X, y, sample_weight, X_val, y_val, sample_weight_val
        return self._fit(FitInputs(*given, incremental=True))

    def initialize(self, n_features: int, n_outputs: int = 1) -> Self:
        """Make the network with its initial weights, without data.

        Parameters
        ----------
        n_features : int
            Number of columns of the X to come.
        n_outputs : int, default=1
            Number of columns of the y to come.

        Returns
        -------
        self : BackpropRegressor
            A regressor that can predict, whose ``coefs_`` and ``intercepts_`` can be
            assigned, and that ``partial_fit`` or ``warm_start=True`` trains from there.

        Examples
        --------
        >>> from skbackprop import BackpropRegressor
        >>> reg = BackpropRegressor((3,), preset="plain").initialize(n_features=2)
        >>> reg.intercepts_[-1][...] = 0.5
        >>> reg.predict([[1.0, 2.0]]).shape
        (1,)
        """
        return self._initialize(n_features, TargetCodec(n_outputs, n_outputs == 1))

    def predict(self, X: Any) -> np.ndarray:
        """Predict the target.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            The input data.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            Predictions in the unit of y; with several quantiles a column for each.
        """
        scores = self._scores(X)
        return self._fitted.codec.decode(self._fitted.loss.predict(scores))

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Coefficient of determination, R².

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            The input data.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The true target.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        score : float
            1 for a perfect prediction, 0 for one no better than the mean of `y`; the mean over
            the columns of `y`.

        Raises
        ------
        ValueError
            If the loss has several quantiles: there is no single prediction to score.
        """
        return r2_in_any_unit(check_numbers(y), self.predict(X), sample_weight)

    def predict_std(self, X: Any, *, method: str = "members", n_passes: int = 50) -> np.ndarray:
        """Predict the standard deviation of the members.

        It is how much a prediction depends on chance in training, not how much `y`
        scatters around it: for that see `predict_interval`.

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
        std : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            In the unit of y.
        """
        x = self._encode(X)
        std = member_deviation(self._fitted, x, method, n_passes)
        codec = self._fitted.codec
        std = codec.decode_deviations(std)
        return std[:, 0] if codec.one_dimensional and std.shape[1] == 1 else std

    def predict_interval(self, X: Any, *, coverage: float = 0.9) -> np.ndarray:
        """Predict intervals that contain `y` with a given probability.

        Split-conformal: the margin is a quantile of the residuals of rows that were held out.
        It is kept on average over rows like those of training, and not quite as promised: the
        rows held out have chosen the epoch, and each was predicted by one member alone.  Two
        quantiles of a regressor with ``loss=Pinball((low, high))`` are corrected by a margin
        instead.  Vovk, Gammerman & Shafer (2005); Romano, Patterson & Candès (2019).

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            The input data.
        coverage : float, default=0.9
            Probability that an interval holds its `y`, more than 0 and less than 1.

        Returns
        -------
        intervals : ndarray of shape (n_samples, 2) or (n_samples, n_outputs, 2)
            Lower and upper ends, infinite if too few rows were held out for the coverage.
        """
        check_is_fitted(self)
        check_shares("coverage", coverage, 0)
        target, predicted, weight = held_out_rows(self._fitted, "predict_interval")
        if isinstance(self._fitted.loss, Pinball):
            low, high = predicted.min(axis=1), predicted.max(axis=1)
            margin = conformalized_quantiles(low, high, target[:, 0], 1 - coverage, weight)
            ends = np.asarray(self.predict(X))  # a Dask collection is computed
            ends = ends.reshape(len(ends), -1)
            low, high = ends.min(axis=1) - margin, ends.max(axis=1) + margin
            return np.stack([np.minimum(low, high), np.maximum(low, high)], axis=-1)
        margin = conformal_margin(target - predicted, 1 - coverage, weight)
        y = np.asarray(self.predict(X))
        margin = margin[0] if y.ndim == 1 else margin
        return np.stack([y - margin, y + margin], axis=-1)

    def predict_quantiles(self, X: Any, quantiles: Any = (0.1, 0.5, 0.9)) -> np.ndarray:
        """Predict quantiles of `y`.

        The prediction plus quantiles of the residuals of held-out rows, which makes the
        spread the same for all rows.  For one that depends on the row fit
        ``loss=Pinball((0.1, 0.5, 0.9))``, whose `predict` gives these quantiles.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            The input data.
        quantiles : float or sequence of float, default=(0.1, 0.5, 0.9)
            Probabilities that `y` is smaller, more than 0 and less than 1.

        Returns
        -------
        y : ndarray of shape (n_samples, n_quantiles) or (n_samples, n_outputs, n_quantiles)
            The quantiles in the order asked for.
        """
        check_is_fitted(self)
        quantiles = np.atleast_1d(quantiles)
        check_shares("quantiles", quantiles.tolist(), 1)
        if isinstance(self._fitted.loss, Pinball):
            raise ValueError(
                "predict_quantiles adds residuals to a prediction of the mean or median, got a "
                "regressor with loss=Pinball. Its predict gives its quantiles."
            )
        target, predicted, weight = held_out_rows(self._fitted, "predict_quantiles")
        residuals = target - predicted
        shifts = np.array([conformal_quantile(residuals, 1 - q, weight) for q in quantiles])
        y = np.asarray(self.predict(X))  # a Dask collection is computed
        shifts = shifts[:, 0] if y.ndim == 1 else shifts.T
        return y[..., None] + shifts

    # ---- used by `BackpropEstimator` --------------------------------------------------------

    def _check_parameters(self, **own: Rule) -> None:
        check_parameters(self, loss=LOSS_OF_REGRESSOR, **own)
        check_scoring_of_numbers(self.scoring)

    def _check_y(self, y: Any, name: str = "y") -> np.ndarray:
        y = check_numbers(y, name)
        loss = self._make_loss(None)
        if hasattr(loss, "check_target"):
            loss.check_target(y)
        return y

    def _make_codec(self, inputs: FitInputs, old: Fitted | None) -> TargetCodec:
        y = inputs.y
        if old is None:
            return TargetCodec.fitted(y)
        codec = old.codec
        codec.check_columns(y)
        followed = follow_target(
            codec,
            y,
            inputs.sample_weight,
            alone=not inputs.incremental,
            has_bias=old.resolved["fit_intercept"],
            is_fixed=not ends_with_scores(old.network.layer),
        )
        words = words_on_spread(codec, followed, y) if inputs.incremental else ""
        if words:
            warn_user(words)
        return followed

    def _standardize(
        self, codec: TargetCodec, table: Table, resolved: dict[str, Any], old: Fitted | None
    ) -> tuple[TargetCodec, Table]:
        """Bring the target to mean 0 and spread 1, or to mean 1 for homogeneous deviances."""
        loss = self._make_loss(codec)
        if self.standardize_target is True and type(loss) not in ANY_UNIT and old is None:
            raise ValueError(
                "standardize_target=True needs a loss for targets in any unit, such as "
                f"'squared_error' or 'pinball', got loss={self.loss!r}. Leave it 'auto'."
            )
        asked = bool(resolved["standardize_target"])
        resolved["standardize_target"] = asked and type(loss) in ANY_UNIT
        scaling = scaling_of(loss, asked=asked, automatic=is_auto(self.standardize_target))
        if old is None and (scaling or resolved["clip_predictions"]):
            codec = TargetCodec.fitted(
                table.y,
                table.weight,
                scaling=scaling,
                flip_sign=scaling == "standardize" and not isinstance(loss, Pinball),
                clip=resolved["clip_predictions"],
                robust=type(loss) is not HalfSquaredError,
            )
            if scaling:
                codec = start_moments(codec, table.y, table.weight, scaling=scaling)
            table = replace(table, target=codec.encode(table.y, table.x.dtype))
        check_encoded(table.y, table.target, loss)
        if old is None:
            if scaling is None:
                check_size(table.y, table.target, loss)
            else:
                check_distinct(table.y, table.target)
            words = words_on_far_values(table.y, table.target)
            if words and scaling == "standardize" and type(loss) is HalfSquaredError:
                warn_user(words)
        with np.errstate(over="ignore"):
            spread = np.sqrt(np.mean(np.square(table.target, dtype=np.float64)))
        if not (MODERATE[0] < spread < MODERATE[1]) and type(loss) in ANY_UNIT:
            resolved["advice"] = ADVICE_ON_Y
        return codec, table

    def _make_loss(self, codec: Any) -> Loss:
        return LOSSES[self.loss] if isinstance(self.loss, str) else copy(as_loss(self.loss))

    def _default_scoring(self, codec: Any, loss: Loss) -> str:
        return "r2" if self.loss == "squared_error" else "loss"

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        positive = self.loss in ("poisson", "gamma", "tweedie")
        tags.target_tags.positive_only = positive
        # Several outputs work for these losses too, but scikit-learn's check of this tag
        # knows only targets that may be negative.
        tags.target_tags.multi_output = not positive
        return tags
