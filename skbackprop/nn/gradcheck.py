"""Checks of gradients and of layers.

`check_gradient` compares a gradient ``g`` with finite differences: the slope of a function
``L`` along a random unit direction ``u`` must be ``g · u``.  The slope is measured by the
central difference of fourth order

    ``L'(0) ≈ (8 (L(h) - L(-h)) - (L(2h) - L(-2h))) / 12h``

of ``L(t) = L(θ + t u)``.  A direction changes all parameters at once, so a few directions
check a network of any size.

>>> import numpy as np
>>> check_gradient(lambda t: (np.sum(t**3), 3 * t**2), np.arange(5.0)) < 1e-9
True
>>> check_gradient(lambda t: (np.sum(t**3), 2 * t**2), np.arange(5.0)) > 0.1
True

A difference across a kink (of relu) is no slope.  Each direction is therefore measured with
four steps, each an eighth of the one before, and the smallest error counts: a short step
rarely crosses a kink, and a wrong gradient is wrong at every step.

`check_layer` does the same for a layer, and checks the rules of `skbackprop.nn.layers.base`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn, TypeAlias

import numpy as np

from .layers.base import Layer
from .network import Network, Pass
from .parameters import NO_GRADIENT
from .workspace import Workspace


def check_gradient(
    value_and_gradient: Callable[[np.ndarray], tuple[Any, np.ndarray]],
    theta: np.ndarray,
    *,
    directions: int = 4,
    step: float | None = None,
    random_state: int = 0,
) -> float:
    """Largest relative error of a gradient along random directions.

    Parameters
    ----------
    value_and_gradient : callable
        ``value_and_gradient(theta) -> (value, gradient)``.  It may return the same
        array each time.
    theta : ndarray of shape (n,)
        Where to check.  Its dtype is that of the arguments of `value_and_gradient`.
    directions : int
        How many random directions to try.
    step : float, optional
        Longest step.  By default the fifth root of the precision of `theta`, which
        balances rounding and truncation: 0.0007 in float64, 0.04 in float32.
    random_state : int
        Seed of the directions.

    Returns
    -------
    float
        ``|g · u - slope|`` relative to the largest of both and of the typical size of
        ``g · u``, ``‖g‖ / sqrt(n)``; NaN if any value is NaN.
    """
    if theta.size == 0:
        return 0.0
    h = np.finfo(theta.dtype).eps ** 0.2 if step is None else step
    g = np.array(value_and_gradient(theta.copy())[1], dtype=float)
    rng = np.random.default_rng(random_state)
    errors = []
    for _ in range(directions):
        u = rng.normal(size=theta.shape)
        u /= np.linalg.norm(u)

        def along(t: float, u: np.ndarray = u) -> float:
            return float(value_and_gradient((theta + t * u).astype(theta.dtype))[0])

        slopes = np.array([_slope(along, h / 8**i) for i in range(4)])
        typical = np.linalg.norm(g) / np.sqrt(g.size)
        scale = np.maximum(np.maximum(np.abs(slopes), np.abs(g @ u)), typical)
        scale[scale == 0] = 1
        errors.append(np.min(np.abs(slopes - g @ u) / scale))
    return float(np.max(errors))


def _slope(f: Callable[[float], float], h: float) -> float:
    return (8 * (f(h) - f(-h)) - (f(2 * h) - f(-2 * h))) / (12 * h)


def check_layer(
    layer: Layer, x: Any, *, dtype: Any = np.float64, train: bool = False, random_state: int = 0
) -> float:
    """Check the rules for layers, and return the largest relative error of the gradients.

    The gradients with respect to the parameters and to `x` are those of ``Σ c · y`` with
    random numbers ``c``.  They are computed in `dtype`, and compared with differences of the
    same network in float64.

    Parameters
    ----------
    layer : Layer
        The layer to check.
    x : array-like of shape (..., n, n_in)
        An input, of finite numbers.
    dtype : dtype
        Precision of the gradient: expect 1e-8 in float64 and 1e-5 in float32.
    train : bool
        Check a training pass.  Every pass starts from the same random numbers; a layer
        that draws different ones in float32 can be checked in float64 only.
    random_state : int
        Seed of the parameters, of ``c``, of the directions and of training passes.

    Returns
    -------
    float
        The larger of the two errors, see `check_gradient`.

    Raises
    ------
    AssertionError
        If the layer breaks a rule of `skbackprop.nn.layers.base`; the message names the rule.

    Examples
    --------
    >>> import numpy as np
    >>> from skbackprop.nn.layers import Dense
    >>> check_layer(Dense(3, 2), np.ones((5, 3))) < 1e-8
    True
    """
    rng = np.random.default_rng([random_state, 1])  # not the numbers of the user
    network, twin = Network(layer, dtype), Network(layer)
    network.initialize(rng)
    network.theta += 0.1 * rng.normal(size=network.theta.shape)  # a factor of 0 hides errors
    theta = network.theta.astype(float)
    twin.fixed[...] = network.fixed
    x = np.asarray(x, dtype).astype(float)
    c = rng.normal(size=layer.output_shape(x.shape)).astype(dtype)
    RuleCheck(network, train, random_state)(x.astype(dtype), c)

    def run(network: Network, theta: np.ndarray, x: np.ndarray) -> tuple[float, np.ndarray]:
        network.theta[...] = theta
        seeded = np.random.default_rng(random_state)
        bound = network.bind(x.shape, train=train, rng=seeded, needs_dx=True)
        y = bound.forward(x.astype(network.dtype))
        value = float(np.sum(y * c, dtype=float))
        return value, bound.backward(c.astype(network.dtype))

    def of_theta(theta: np.ndarray) -> tuple[float, np.ndarray]:
        value, _ = run(twin, theta, x)
        run(network, theta, x)
        return value, network.grad

    def of_x(flat: np.ndarray) -> tuple[float, np.ndarray]:
        value, _ = run(twin, theta, flat.reshape(x.shape))
        return value, run(network, theta, flat.reshape(x.shape))[1].ravel()

    return float(
        np.max(
            [
                check_gradient(of_theta, theta, random_state=random_state),
                check_gradient(of_x, x.ravel(), random_state=random_state),
            ]
        )
    )


Results: TypeAlias = tuple[np.ndarray, np.ndarray, np.ndarray]  # copies of y, dx and grad


class RuleCheck:
    """The rules of `skbackprop.nn.layers.base`, for the layer of one network.

    New arrays of the workspace and the gradient are filled with NaN, and ``x`` is read-only.
    """

    def __init__(self, network: Network, train: bool, seed: int):
        self.network, self.train, self.seed = network, train, seed
        self.theta, self.fixed = network.theta.copy(), network.fixed.copy()

    def __call__(self, x: np.ndarray, c: np.ndarray) -> None:
        """Raise AssertionError if the layer breaks a rule; `c` is the delta of the output."""
        x = x.copy()
        x.setflags(write=False)
        self.check_inference(x)
        other = x[..., ::-1, :][..., : max(2, x.shape[-2] // 2), :]  # a smaller batch
        c_other = c[..., : other.shape[-2], :]
        first, second = self.bind(x.shape), self.bind(other.shape)
        expected, expected_other = self.run(first, x, c), self.run(second, other, c_other)
        self.compare(
            self.run(self.bind(x.shape, needs_dx=False), x, c)[2:],
            expected[2:],
            "the gradient is another if ws.needs_dx is False. Rule 3: backward writes every "
            "entry of g",
        )
        shared = self.network.bind_within(first, other.shape)
        rule_1 = (
            "the results depend on an earlier batch. Rule 1: forward writes every entry of its "
            "output for every batch; rule 2: the caller may overwrite dx"
        )
        for _ in range(2):
            self.compare(self.run(shared, other, c_other), expected_other, rule_1)
            self.compare(self.run(first, x, c), expected, rule_1)
        y = self.forward(first, x).copy()
        self.run(second, other, c_other)
        self.compare(
            (y, *self.backward(first, x, c)),
            expected,
            "the results change if another pass runs between forward and backward. Rule 4: "
            "values that backward needs are stored on ws, not on the layer",
        )

    def bind(self, shape: tuple[int, ...], *, needs_dx: bool = True) -> Pass:
        rng = np.random.default_rng(self.seed)
        ws = Workspace(shape, self.network.dtype, train=self.train, rng=rng, needs_dx=needs_dx)
        ws.debug = True
        return self.network.bind_workspace(ws)

    def run(self, bound: Pass, x: np.ndarray, c: np.ndarray) -> Results:
        y = self.forward(bound, x).copy()
        return (y, *self.backward(bound, x, c))

    def forward(self, bound: Pass, x: np.ndarray) -> np.ndarray:
        self.network.fixed[...] = self.fixed
        bound.ws.rng.bit_generator.state = np.random.default_rng(self.seed).bit_generator.state
        y = self.call(bound.forward, x)
        self.check_array("forward", y, self.network.layer.output_shape(x.shape))
        if np.isnan(y).any():
            self.fail(
                "the output has NaN. Rule 1: forward writes every entry of its output (arrays of "
                "ws hold NaN at first); or its formula gives NaN for this x"
            )
        return y

    def backward(self, bound: Pass, x: np.ndarray, c: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        network = self.network
        network.grad.fill(np.nan)
        dx = self.call(bound.backward, c.copy())
        if not np.array_equal(network.theta, self.theta):
            self.fail("a pass changes parameters. Rule 4: a layer writes to g, not to p")
        if not self.train and not np.array_equal(network.fixed, self.fixed):
            self.fail('inference changes a "fixed" array. Rule 4: it is written only if ws.train')
        unwritten = [
            n for n, where, _ in network.layout.names() if np.isnan(network.grad[where]).any()
        ]
        if unwritten:
            self.fail(
                f"the gradient of {', '.join(unwritten)} has NaN. Rule 3: backward writes every "
                "entry of g, and does not add to what g holds (here NaN)"
            )
        if not bound.ws.needs_dx:
            return np.empty(0), network.grad.copy()
        self.check_array("backward", dx, x.shape)
        if np.isnan(dx).any():
            self.fail(
                "dx has NaN. Backward writes every entry of dx (arrays of ws hold NaN at first)"
            )
        grad, dx_before = network.grad.copy(), dx.copy()
        dx.fill(np.nan)
        self.compare(
            (network.grad,), (grad,), "dx shares memory with g. Rule 2: dx belongs to the caller"
        )
        return dx_before, grad

    def call(self, function: Callable[[np.ndarray], Any], a: np.ndarray) -> Any:
        """Call forward or backward; a write to ``x``, which is read-only, is an error."""
        try:
            return function(a)
        except ValueError as error:
            if "read-only" not in str(error):
                raise
            problem = "writes to x. Rule 1: forward never writes to x, nor does backward"
            raise AssertionError(f"{type(self.network.layer).__name__}: {problem}.") from error

    def check_inference(self, x: np.ndarray) -> None:
        """Bind without a gradient, as `predict` does."""
        ws = Workspace(x.shape, self.network.dtype)
        ws.needs_grad = False
        try:
            forward, _ = self.network.layer.bind(self.network.p, NO_GRADIENT, ws)
        except AttributeError as error:
            self.fail(
                f"bind fails at inference ({error}). Rule 5: g is read in backward, not in bind"
            )
        self.call(forward, x)

    def check_array(self, name: str, array: Any, shape: tuple[int, ...]) -> None:
        """An ndarray of the expected shape and dtype?"""
        dtype = self.network.dtype
        if not isinstance(array, np.ndarray) or array.shape != shape or array.dtype != dtype:
            got = (
                f"{array.dtype} of shape {array.shape}"
                if isinstance(array, np.ndarray)
                else type(array).__name__
            )
            source = "output_shape" if name == "forward" else "x"
            self.fail(f"{name} returns {got}, expected {dtype} of shape {shape}, see {source}")

    def compare(
        self, results: tuple[np.ndarray, ...], expected: tuple[np.ndarray, ...], problem: str
    ) -> None:
        eps = float(np.finfo(self.network.dtype).eps) ** 0.5
        for a, b in zip(results, expected, strict=True):
            if not np.allclose(a, b, rtol=eps, atol=eps * np.abs(b).max(initial=0.0)):
                self.fail(problem)

    def fail(self, problem: str) -> NoReturn:
        raise AssertionError(f"{type(self.network.layer).__name__}: {problem}.")
