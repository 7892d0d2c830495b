"""Files from which a training continues after its process was killed."""

from __future__ import annotations

from math import isnan
from numbers import Real
from os import PathLike, fsdecode
from typing import Any

from ..run import Run
from .base import Callback


class Checkpoint(Callback):
    """Save a training to a file at intervals, and continue from it in the next `fit`.

    It is a member of the list `callbacks` of an estimator.  When `fit` is called again with the
    same parameters and the same data, it finds the file and goes on; the fitted model is the one
    of a fit that was not broken off, bit for bit.  A file of other parameters, data or versions,
    and a damaged one, is refused with a ValueError and left as it is.  `fit` removes the file at
    its end, but not after Ctrl-C.

    The file is written at the ends of epochs, and replaced at once.  L-BFGS is written down when
    it has ended: a search that is broken off begins anew.

    Parameters
    ----------
    path : str, bytes or path-like
        The file, one for each fit: not for several that run at the same time.
    every_seconds : float, default=30
        The least time between two writings.  It is longer for a large network or a slow disk,
        so that writing takes at most 1 % of the time.  0: write after each epoch.

    Raises
    ------
    TypeError
        If another callback of the fit has no ``state_attributes``; if the state of a training
        cannot be stored.
    ValueError
        If `every_seconds` is not a number of at least 0.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn.datasets import load_iris
    >>> from skbackprop import BackpropClassifier
    >>> class PowerCut(Callback):
    ...     "A process that ends in the middle of training."
    ...     state_attributes = ()
    ...     is_due = True
    ...     def on_epoch_begin(self, run):
    ...         if PowerCut.is_due and run.clock.epoch == 5:
    ...             raise SystemExit
    >>> X, y = load_iris(return_X_y=True)
    >>> path = Path(tempfile.mkdtemp()) / "iris.ckpt"
    >>> callbacks = [PowerCut(), Checkpoint(path, every_seconds=0)]
    >>> model = BackpropClassifier(max_iter=20, callbacks=callbacks, random_state=0)
    >>> try:
    ...     model.fit(X, y)
    ... except SystemExit:
    ...     PowerCut.is_due = False
    >>> path.exists()
    True
    >>> model = model.fit(X, y)                            # goes on after epoch 5
    >>> path.exists()
    False
    >>> whole = BackpropClassifier(max_iter=20, random_state=0).fit(X, y)
    >>> bool((model.predict_proba(X) == whole.predict_proba(X)).all())
    True
    """

    state_attributes = ()

    def __init__(self, path: str | bytes | PathLike[Any], every_seconds: float = 30.0):
        self.path = fsdecode(path)
        is_number = isinstance(every_seconds, Real) and not isinstance(every_seconds, bool)
        if not is_number or isnan(every_seconds) or every_seconds < 0:
            raise ValueError(
                "Checkpoint needs every_seconds to be a number of at least 0, got "
                f"{every_seconds!r}. Set 0 to write after each epoch."
            )
        self.every_seconds = every_seconds

    def on_train_begin(self, run: Run) -> None:
        raise TypeError(
            "Checkpoint works in the list `callbacks` of an estimator, which takes it out of the "
            "list before training; got it in the callbacks of a plan. Set Plan.recorder."
        )
