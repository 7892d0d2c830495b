"""What a pickle of an estimator holds: the objects as they are, or the bytes of a model file."""

from __future__ import annotations

import warnings
from typing import Any

from sklearn.exceptions import InconsistentVersionWarning

MARK = "_skbackprop_version"  # in a pickle: the version that has written it
FILE = "_skbackprop_file"  # in a state: the bytes of a file
NAMES = "_column_names"  # names that are not all strings, which scikit-learn does not keep
ATTRIBUTES = ("n_features_in_", "feature_names_in_", NAMES)


def light_state(state: dict[str, Any]) -> dict[str, Any]:
    """The attributes of an estimator, without what only the training needs."""
    from .. import __version__

    fitted = state.get("_fitted")
    if fitted is not None and not fitted.continued:
        state = {**state, "_fitted": fitted.light()}
    return {**state, MARK: __version__}


def file_state(estimator: Any, state: dict[str, Any]) -> dict[str, Any]:
    """The attributes, with parameters and fitted state as the bytes of one file.

    Bytes need no trust.  Objects of the user's that cannot be stored in a file stay as they are.
    """
    from ..io.model import as_bytes

    data = as_bytes(estimator) if "_fitted" in state else None
    if data is None:
        return light_state(state)
    inside = {"_fitted", *estimator.get_params(deep=False), *ATTRIBUTES}
    rest = {name: value for name, value in light_state(state).items() if name not in inside}
    return {FILE: data} | rest


def restored_state(estimator: Any, state: dict[str, Any]) -> dict[str, Any]:
    """The attributes, from the state of a pickle; another version gives a warning."""
    from .. import __version__

    state = dict(state)
    version = state.pop(MARK, "of an unknown number, before 0.1.0")
    if version != __version__:
        warnings.warn(
            InconsistentVersionWarning(
                estimator_name=type(estimator).__name__,
                current_sklearn_version=__version__,
                original_sklearn_version=version,
            ),
            stacklevel=3,
        )
    data = state.pop(FILE, None)
    if data is not None:
        from ..io.model import loads

        state |= vars(loads(data))
    return state
