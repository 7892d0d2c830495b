"""Models that leave their process: the method ``save``, and what a pickle holds."""

from __future__ import annotations

import copyreg
import warnings
from typing import Any

from sklearn.exceptions import InconsistentVersionWarning

MARK = "_skbackprop_version"  # in a pickle: the version that has written it
FILE = "_skbackprop_file"  # in a state: the bytes of a file
ATTRIBUTES = ("n_features_in_", "feature_names_in_")


class Saving:
    """Estimators that can be saved to a file, and pickled."""

    def save(self, path, *, training_state=False):
        """Save the fitted model to one file, which `skbackprop.load` reads.

        The file is safe to load and readable by the safetensors package; it loads in all later
        versions. A model that continues training exactly needs ``training_state=True``.

        Parameters
        ----------
        path : str or path-like
            The file, such as ``"model.skbp"``. One that exists is replaced, at once.
        training_state : bool, default=False
            Whether the file holds what continues training bit for bit: the state of the
            optimizer, averages, random generators and the order of the rows.

        Raises
        ------
        TypeError
            If the model holds an object that cannot be stored; the message names it.
        """
        from ..io import save

        save(self, path, training_state=training_state)

    def __reduce_ex__(self, protocol: Any) -> Any:
        """For pickle and copy: the objects as they are, which is fastest and keeps all of them."""
        if type(self).__getstate__ is not Saving.__getstate__:  # a subclass has a state of its own
            return super().__reduce_ex__(protocol)
        return copyreg.__newobj__, (type(self),), self._state_for_pickle()  # type: ignore[attr-defined]

    def _state_for_pickle(self) -> dict[str, Any]:
        from .. import __version__

        state = dict(super().__getstate__())  # type: ignore[misc]
        fitted = state.get("_fitted")
        if fitted is not None and not fitted.continued:
            state["_fitted"] = fitted.light()
        return {**state, MARK: __version__}

    def __getstate__(self) -> dict[str, Any]:
        """For skops and whatever else asks for it: parameters and fitted state as one file.

        Its bytes need no trust.  Objects of the user's that ask for it stay as they are.
        """
        from ..io.model import as_bytes

        state = self._state_for_pickle()
        data = as_bytes(self) if "_fitted" in state else None
        if data is None:
            return state
        inside = {"_fitted", *self.get_params(deep=False), *ATTRIBUTES}  # type: ignore[attr-defined]
        return {FILE: data} | {k: v for k, v in state.items() if k not in inside}

    def __setstate__(self, state: dict[str, Any]) -> None:
        from .. import __version__

        state = dict(state)
        version = state.pop(MARK, "of an unknown number, before 0.1.0")
        if version != __version__:
            warnings.warn(
                InconsistentVersionWarning(
                    estimator_name=type(self).__name__,
                    current_sklearn_version=__version__,
                    original_sklearn_version=version,
                ),
                stacklevel=2,
            )
        data = state.pop(FILE, None)
        if data is not None:
            from ..io.model import loads

            state |= vars(loads(data))
        super().__setstate__(state)  # type: ignore[misc]
