"""L-BFGS: a quasi-Newton method on all rows at once.

A quasi-Newton method solves ``H p = −g`` for the direction ``p``.  L-BFGS approximates ``H`` by
the last ten pairs (change of ``θ``, change of ``g``), and a line search chooses the length of
the step.  The method is SciPy's; this file adapts it to flat vectors of any precision.

>>> import numpy as np
>>> result = minimize_lbfgs(
...     lambda theta: (np.sum((theta - 3) ** 2), 2 * (theta - 3)),
...     np.zeros(2), max_iter=100, max_fun=1000, tol=1e-8)
>>> result.theta, result.converged
(array([3., 3.]), True)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np


class LbfgsResult(NamedTuple):
    """The result of `minimize_lbfgs`.

    Attributes
    ----------
    theta : ndarray of shape (n,), float64
        The parameters, and ``value`` there.
    n_iter, n_eval : int
        Number of iterations and of evaluations of the objective.
    converged : bool
        Was a minimum found (and not a limit reached, or no descent step found)?
    status, message : int, str
        SciPy's: 0 converged, 1 limit reached, 2 no descent step, 99 ended by the callback.
    """

    theta: np.ndarray
    value: float
    n_iter: int
    n_eval: int
    converged: bool
    status: int
    message: str


def minimize_lbfgs(
    value_and_gradient: Callable[[np.ndarray], tuple[Any, np.ndarray]],
    theta: np.ndarray,
    *,
    max_iter: int,
    max_fun: int,
    tol: float,
    callback: Callable[[np.ndarray, float], object] | None = None,
) -> LbfgsResult:
    """Minimize by SciPy's L-BFGS-B, called as scikit-learn's MLP calls it.

    Parameters
    ----------
    value_and_gradient : callable
        Of a float64 vector; the gradient may have any precision and may be the same
        array every time.
    theta : ndarray of shape (n,)
        The start; it is copied.
    max_iter, max_fun : int
        Largest number of iterations; number of evaluations after which no further
        iteration starts.
    tol : float
        Converged when no entry of the gradient is greater.
    callback : callable, optional
        ``callback(theta, value)`` after every iteration, with a copy of the
        parameters; it may raise `StopIteration` to end the search.

    Returns
    -------
    result : LbfgsResult
        If the value is not finite at the start, the search ends there without an error.
    """
    from scipy.optimize import minimize  # 10 ms, for this solver only

    def evaluate(theta: np.ndarray) -> tuple[float, np.ndarray]:
        value, grad = value_and_gradient(theta)
        return float(value), grad

    def notify(intermediate_result: Any) -> None:  # SciPy reads the parameter's name
        assert callback is not None
        callback(intermediate_result.x.copy(), float(intermediate_result.fun))

    # Differs from scikit-learn: float64 throughout, where it lets SciPy round the
    # parameters to float32 between evaluations when the input is float32.
    found = minimize(
        evaluate,
        np.array(theta, np.float64),
        method="L-BFGS-B",
        jac=True,
        callback=None if callback is None else notify,
        options={"maxfun": max_fun, "maxiter": max_iter, "gtol": tol},
    )
    return LbfgsResult(
        theta=np.array(found.x, np.float64),
        value=float(found.fun),
        n_iter=int(found.nit),
        n_eval=int(found.nfev),
        converged=bool(found.success),
        status=int(found.status),
        message=str(found.message),
    )
