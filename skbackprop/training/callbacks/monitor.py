"""Named rows that are scored while a model is trained."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from numbers import Integral
from typing import Any, TypeAlias

from ..run import Run
from .base import Callback

Scorer: TypeAlias = Callable[..., float]
Scoring: TypeAlias = str | Scorer | Sequence[str] | Mapping[str, str | Scorer] | None


class Monitor(Callback):
    """Score named sets of rows after each epoch, and write the scores into ``history_``.

    It is a member of the list `callbacks` of an estimator.  The scores watch the training, and
    decide nothing: validation rows that end it and choose the weights are `X_val` of `fit`.

    The model that is scored is the one of that epoch, with the average of the weights if there is
    one.  Several members are scored together, as the ensemble that predicts; all of them are
    trained in one stack for that, as they are with a scorer in `scoring`.  What `fit` does at the
    end is not in the scores: the best epochs are restored, a last layer is solved for, a
    temperature calibrates probabilities, and with ``refit=True`` there is a second training, on all
    rows.

    Parameters
    ----------
    sets : dict
        ``{name: (X, y)}`` or ``{name: (X, y, sample_weight)}``, with X as `predict` takes it: in
        a pipeline, as the last step gets it.  The rows are not copied, not by `clone` either, and
        a file of a model does not hold them.
    scoring : str, callable, list of str, dict or None, default=None
        A scorer of scikit-learn, several of them by name, or a dict of scorers by names of your
        own.  None: the `score` of the estimator.  Greater is better, as everywhere.
    every : int, default=1
        Score after epochs that are a multiple of it, and after the last one of `fit`.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not of this form.  In `fit`, before training, if a scorer does not work
        with a set, or if two columns of the history have the same name.

    See Also
    --------
    skbackprop.plots.LossCurveDisplay : Draws these columns beside the losses.

    Notes
    -----
    The scorer `s` of the set `n` has the column ``n_s`` of ``history_``, and ``n_score`` if it has
    no name, with None for epochs that were not scored.  Own callbacks that follow in the list can
    read it: ``run.history.last("n_s")``.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.model_selection import train_test_split
    >>> from skbackprop import BackpropClassifier
    >>> X, X_new, y, y_new = train_test_split(*load_iris(return_X_y=True), random_state=0)
    >>> sets = {"train": (X, y), "new": (X_new, y_new)}
    >>> monitor = Monitor(sets, scoring=["neg_log_loss", "accuracy"])
    >>> model = BackpropClassifier(max_iter=10, callbacks=[monitor], random_state=0).fit(X, y)
    >>> [name for name in model.history_ if name.startswith("new")]
    ['new_neg_log_loss', 'new_accuracy']
    >>> len(model.history_["new_accuracy"]) == model.n_iter_
    True
    """

    state_attributes = ()

    sets: Mapping[str, Sequence[Any]] = {}  # of one that was read from a file
    scoring: Scoring
    every: int

    def __init__(
        self, sets: Mapping[str, Sequence[Any]], scoring: Scoring = None, *, every: int = 1
    ):
        if not isinstance(sets, Mapping) or not sets:
            raise TypeError(
                "Monitor needs a dict of sets, such as {'valid': (X_valid, y_valid)}, got "
                f"{'an empty one' if isinstance(sets, Mapping) else type(sets).__name__}."
            )
        for name, rows in sets.items():
            if not isinstance(name, str) or not name:
                raise TypeError(f"Monitor needs names of sets that are a str, got {name!r}.")
            if not isinstance(rows, (tuple, list)) or len(rows) not in (2, 3):
                raise TypeError(
                    f"Monitor needs (X, y) or (X, y, sample_weight) as the set {name!r}, got "
                    f"{len(rows) if isinstance(rows, (tuple, list)) else type(rows).__name__}"
                    f"{' parts' if isinstance(rows, (tuple, list)) else ''}."
                )
        if not isinstance(every, Integral) or isinstance(every, bool) or every < 1:
            raise ValueError(f"Monitor needs every to be an int of at least 1, got {every!r}.")
        self.sets, self.scoring, self.every = dict(sets), scoring, int(every)

    def __deepcopy__(self, memo: dict[int, Any]) -> Monitor:
        """Itself: nothing of it changes, and the rows may be many."""
        return self

    def on_train_begin(self, run: Run) -> None:
        raise TypeError(
            "Monitor works in the list `callbacks` of an estimator, which scores its own "
            "predictions; got it in the callbacks of a plan. Write a callback that scores "
            "run.eval_network()."
        )
