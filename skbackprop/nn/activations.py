"""Elementwise non-linearities ``y = f(z)`` and their derivatives.

An activation is any object with two methods.  ``forward(z, out)`` writes ``f(z)`` to
`out` and leaves ``z`` alone; ``backward(z, y, d)`` multiplies the delta ``d`` by
``f'(z)``, in place.  It gets both ``z`` and ``y`` because some derivatives are fast to
compute from ``z`` and some from ``y``: ``tanh' = 1 - y²``.

>>> import numpy as np
>>> f = ACTIVATIONS["tanh"]
>>> z, y, d = np.array([0.0, 1.0]), np.empty(2), np.ones(2)
>>> f.forward(z, y)
>>> f.backward(z, y, d)
>>> d.round(4)
array([1.    , 0.42])

A custom activation needs no base class and no entry in the table:

>>> class Square:
...     def forward(self, z, out):
...         np.multiply(z, z, out=out)
...     def backward(self, z, y, d):
...         d *= 2 * z

Formulas with temporaries are `blockwise`.  None overflows, in float32 or float64.
"""

from __future__ import annotations

from math import log, pi, sqrt
from typing import Protocol, runtime_checkable

import numpy as np
from scipy.special import erf, expit

from ..params import Frozen, frozen
from .blocks import blockwise

FEW = 1024  # numbers; up to so many the calls take more time than the arithmetic
# NumPy converts a Python number anew at every call, which takes as long as the call itself.
ZERO = {np.dtype(t): np.zeros((), t) for t in (np.float32, np.float64)}


@runtime_checkable
class Activation(Protocol):
    """The two methods of an activation.  A custom one need not inherit from it."""

    def forward(self, z: np.ndarray, out: np.ndarray, /) -> None:
        """Write ``f(z)`` to `out`, which is not `z`."""

    def backward(self, z: np.ndarray, y: np.ndarray, d: np.ndarray, /) -> None:
        """Multiply `d` by ``f'(z)`` in place, given ``y = f(z)``."""


@frozen
class Identity(Frozen, Activation):
    """``y = z``, ``y' = 1``."""

    def forward(self, z: np.ndarray, out: np.ndarray) -> None:
        np.copyto(out, z)

    def backward(self, z: np.ndarray, y: np.ndarray, d: np.ndarray) -> None:
        pass


@frozen
class Logistic(Frozen, Activation):
    """``y = 1 / (1 + e⁻ᶻ)``, ``y' = y (1 - y)``."""

    def forward(self, z: np.ndarray, out: np.ndarray) -> None:
        expit(z, out=out)  # _sigmoid is faster, but scikit-learn's last digit comes from expit

    @blockwise()
    def backward(self, z: np.ndarray, y: np.ndarray, d: np.ndarray) -> None:
        d *= y
        d *= 1 - y


@frozen
class Tanh(Frozen, Activation):
    """``y = tanh z``, ``y' = 1 - y²``."""

    def forward(self, z: np.ndarray, out: np.ndarray) -> None:
        np.tanh(z, out=out)

    @blockwise()
    def backward(self, z: np.ndarray, y: np.ndarray, d: np.ndarray) -> None:
        d *= 1 - y * y


@frozen
class HardTanh(Frozen, Activation):
    """``y = min(max(z, -1), 1)``, ``y' = 1`` where ``|y| < 1``, else 0.

    A fast approximation of `Tanh`, which PyTorch and Keras have too.
    """

    def forward(self, z: np.ndarray, out: np.ndarray) -> None:
        np.clip(z, -1, 1, out=out)

    @blockwise()
    def backward(self, z: np.ndarray, y: np.ndarray, d: np.ndarray) -> None:
        d *= np.abs(y) < 1


@frozen
class Relu(Frozen, Activation):
    """``y = max(z, 0)``, ``y' = 1`` where ``z > 0``, else 0 (at 0 too, as scikit-learn)."""

    def forward(self, z: np.ndarray, out: np.ndarray) -> None:
        np.maximum(z, ZERO.get(z.dtype, 0), out=out)

    @blockwise(times=4)
    def backward(self, z: np.ndarray, y: np.ndarray, d: np.ndarray) -> None:
        # Both are faster than d[y == 0] = 0, as scikit-learn does it (five times; a mask
        # that cannot be predicted is slow); the second one converts a mask, which
        # is faster for more than a few rows.
        d *= np.sign(y) if y.size <= FEW else y > 0


@frozen
class LeakyRelu(Frozen, Activation):
    """``y = max(z, slope · z)``, ``y' = 1`` where ``z > 0``, else `slope`.

    Parameters
    ----------
    slope : float
        From 0 (relu) to 1 (identity).
    """

    slope: float = 0.01

    def __post_init__(self) -> None:
        if not 0 <= self.slope <= 1:
            raise ValueError(
                f"LeakyRelu needs 0 <= slope <= 1, got slope={self.slope!r}. "
                "Usual values are 0.01 to 0.3."
            )

    def forward(self, z: np.ndarray, out: np.ndarray) -> None:
        np.multiply(z, self.slope, out=out)
        np.maximum(z, out, out=out)

    @blockwise()
    def backward(self, z: np.ndarray, y: np.ndarray, d: np.ndarray) -> None:
        d *= np.maximum(np.sign(z), self.slope)


@frozen
class Elu(Frozen, Activation):
    """``y = z`` where ``z > 0``, else ``α (eᶻ - 1)``; ``y' = 1``, else ``y + α``.

    PyTorch and Keras have it too.  Clevert, Unterthiner & Hochreiter, "Fast and accurate
    deep network learning by exponential linear units" (2015).

    Parameters
    ----------
    alpha : float
        The limit for ``z → -∞`` is ``-alpha``.
    """

    alpha: float = 1.0

    @blockwise()
    def forward(self, z: np.ndarray, out: np.ndarray) -> None:
        np.expm1(np.minimum(z, 0), out=out)
        out *= self.alpha
        out += np.maximum(z, 0)

    @blockwise()
    def backward(self, z: np.ndarray, y: np.ndarray, d: np.ndarray) -> None:
        d *= np.where(z > 0, 1, y + self.alpha)


@frozen
class Selu(Frozen, Activation):
    """``y = λ · elu(z)`` with ``λ ≈ 1.0507``, ``α ≈ 1.6733``; ``y' = λ``, else ``y + λα``.

    The two numbers make mean 0 and variance 1 a fixed point of a layer whose weights are
    initialized by "lecun_normal".  PyTorch and Keras have it too.  Klambauer, Unterthiner,
    Mayr & Hochreiter, "Self-normalizing neural networks" (2017).
    """

    @blockwise()
    def forward(self, z: np.ndarray, out: np.ndarray) -> None:
        Elu(SELU_ALPHA).forward(z, out)
        out *= SELU_SCALE

    @blockwise()
    def backward(self, z: np.ndarray, y: np.ndarray, d: np.ndarray) -> None:
        d *= np.where(z > 0, SELU_SCALE, y + SELU_SCALE * SELU_ALPHA)


SELU_SCALE = 1.0507009873554804934193349852946
SELU_ALPHA = 1.6732632423543772848170429916717


@frozen
class Gelu(Frozen, Activation):
    """``y = z Φ(z)``, ``y' = Φ(z) + z φ(z)``, with the normal distribution ``Φ``, density ``φ``.

    Hendrycks & Gimpel, "Gaussian error linear units" (2016).
    """

    @blockwise()
    def forward(self, z: np.ndarray, out: np.ndarray) -> None:
        erf(z * sqrt(0.5), out=out)
        out += 1
        out *= 0.5
        out *= z

    @blockwise()
    def backward(self, z: np.ndarray, y: np.ndarray, d: np.ndarray) -> None:
        near = (np.abs(z) < 1e-30).astype(z.dtype)
        slope = (y + 0.5 * near) / (z + near)  # Φ = y / z: erf is by far the slowest step
        c = np.clip(z, -40, 40)  # beyond, φ is 0 and z² might overflow
        slope += c * np.exp(-0.5 * c * c) / sqrt(2 * pi)
        d *= slope


@frozen
class GeluTanh(Frozen, Activation):
    """``y = ½ z (1 + tanh u) = z s`` with ``u = sqrt(2/π) (z + 0.044715 z³)``, ``s = σ(2u)``.

    ``y' = s + z s (1 - s) 2u'``.  The approximation of `Gelu` in the same paper; they
    differ by less than 0.0005.  For large negative ``z`` ``s`` has smaller rounding errors than
    ``1 + tanh u``.  PyTorch and Keras have it as ``gelu`` with the option ``approximate``.
    """

    @blockwise()
    def forward(self, z: np.ndarray, out: np.ndarray) -> None:
        np.multiply(z, _sigmoid(GELU_SLOPE * z * (1 + 0.044715 * z * z)), out=out)

    @blockwise()
    def backward(self, z: np.ndarray, y: np.ndarray, d: np.ndarray) -> None:
        square = 0.044715 * z * z
        s = _sigmoid(GELU_SLOPE * z * (1 + square))
        d *= s * (1 + z * (1 - s) * GELU_SLOPE * (1 + 3 * square))


GELU_SLOPE = 2 * sqrt(2 / pi)


@frozen
class Silu(Frozen, Activation):
    """``y = z σ(z)`` with the logistic ``σ``, ``y' = σ + y (1 - σ)``; also called swish.

    Elfwing, Uchibe & Doya, "Sigmoid-weighted linear units for neural network function
    approximation in reinforcement learning" (2017).
    """

    @blockwise()
    def forward(self, z: np.ndarray, out: np.ndarray) -> None:
        np.multiply(z, _sigmoid(z), out=out)

    @blockwise()
    def backward(self, z: np.ndarray, y: np.ndarray, d: np.ndarray) -> None:
        s = _sigmoid(z)
        d *= s + y * (1 - s)

    @blockwise(times=3)
    def forward_and_slope(self, z: np.ndarray, out: np.ndarray, slope: np.ndarray) -> None:
        """Both at once, with ``σ(z) = ½ + ½ tanh(½ z)``, whose tanh is faster than an exp."""
        half, one = np.full((), 0.5, z.dtype), np.ones((), z.dtype)
        s = z * half
        np.tanh(s, out=s)
        s *= half
        s += half
        np.multiply(z, s, out=out)
        np.subtract(one, s, out=slope)
        slope *= out
        slope += s


@frozen
class Softplus(Frozen, Activation):
    """``y = log(1 + eᶻ)``, ``y' = σ(z)``, the logistic function.

    PyTorch and Keras have it; as an output activation it makes predictions positive.
    """

    @blockwise()
    def forward(self, z: np.ndarray, out: np.ndarray) -> None:
        np.log1p(np.exp(-np.abs(z)), out=out)  # 1/20 of the time of np.logaddexp(z, 0)
        out += np.maximum(z, 0)

    @blockwise()
    def backward(self, z: np.ndarray, y: np.ndarray, d: np.ndarray) -> None:
        d *= _sigmoid(z)


def _sigmoid(z: np.ndarray) -> np.ndarray:
    """``w / (1 + w)`` with ``w = eᶻ``: accurate for both signs, and faster than `expit`."""
    w: np.ndarray = np.exp(np.minimum(z, 40))  # σ(40) is rounded to 1
    w /= 1 + w
    return w


@frozen
class Mish(Frozen, Activation):
    """``y = z t`` with ``t = tanh(log(1 + eᶻ))``, ``y' = t + z t'``.

    With ``w = eᶻ`` and ``n = w (w + 2)`` one exponential is enough:
    ``t = n / (n + 2)`` and ``t' = 4 w (w + 1) / (n + 2)²``.

    Misra, "Mish: a self regularized non-monotonic activation function" (2019).
    """

    @blockwise()
    def forward(self, z: np.ndarray, out: np.ndarray) -> None:
        w = np.exp(np.minimum(z, 20))  # at 20, t is rounded to 1
        w *= w + 2
        np.divide(w, w + 2, out=out)
        out *= z

    @blockwise()
    def backward(self, z: np.ndarray, y: np.ndarray, d: np.ndarray) -> None:
        slope = np.empty_like(z)
        self.forward_and_slope(z, np.empty_like(z), slope)
        d *= slope

    @blockwise()
    def forward_and_slope(self, z: np.ndarray, out: np.ndarray, slope: np.ndarray) -> None:
        """Both at once, with ``q = 1 / (n + 2)``: ``t = n q``, ``t' = 4 (n - w) q²``."""
        c = np.minimum(z, np.full_like(z, 20))  # faster than the minimum with a number
        w = np.exp(c)
        n = w * (w + 2)
        q = np.reciprocal(n + 2)
        t = n * q
        np.multiply(z, t, out=out)
        n -= w
        n *= q
        n *= q
        n *= c
        np.multiply(n, 4, out=slope)
        slope += t


@frozen
class Exp(Frozen, Activation):
    """``y = eᶻ``, ``y' = y``: a positive output, as in Poisson regression; Keras has it too.

    ``z`` is cut off below half the logarithm of the largest number, so neither ``y`` nor
    ``y²`` overflows.  Beyond the cut the derivative remains ``y`` and is not 0, so that
    training can correct an output that is too large.
    """

    def forward(self, z: np.ndarray, out: np.ndarray) -> None:
        np.minimum(z, 0.49 * log(np.finfo(z.dtype).max), out=out)
        np.exp(out, out=out)

    def backward(self, z: np.ndarray, y: np.ndarray, d: np.ndarray) -> None:
        d *= y


ACTIVATIONS: dict[str, Activation] = {
    "identity": Identity(),
    "logistic": Logistic(),
    "tanh": Tanh(),
    "relu": Relu(),
    "leaky_relu": LeakyRelu(),
    "elu": Elu(),
    "selu": Selu(),
    "gelu": Gelu(),
    "gelu_tanh": GeluTanh(),
    "silu": Silu(),
    "mish": Mish(),
    "softplus": Softplus(),
    "hard_tanh": HardTanh(),
    "exp": Exp(),
}
