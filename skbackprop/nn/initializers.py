"""Initial values of arrays.

An initializer fills an array, in place, with numbers drawn from a generator:

>>> import numpy as np
>>> W = np.empty((4, 2), dtype=np.float32)
>>> INITIALIZERS["he_normal"](W, np.random.RandomState(0))
>>> W.dtype, W.shape
(dtype('float32'), (4, 2))

Weights have the shape ``(n_in, n_out)``, so ``y = x W`` has a variance of
``n_in · Var(W) · E[x²]``.  The three classical rules choose ``Var(W)`` such that signals
neither vanish nor explode in deep networks:

=========  ======================  ================================================
lecun      ``1 / n_in``            keeps the forward variance (LeCun et al., 1998)
glorot     ``2 / (n_in + n_out)``  a compromise of both passes (Glorot & Bengio, 2010)
he         ``2 / n_in``            forwards, when relu drops half (He et al., 2015)
=========  ======================  ================================================

Each comes with normal or with uniform numbers; the uniform distribution on ``±a`` has
the variance ``a² / 3``.

scikit-learn's MLP draws from ``±sqrt(6 / (n_in + n_out))`` (the uniform Glorot rule; 2
instead of 6 for the logistic activation), ``W`` and then ``b`` layer by layer, and the
*biases from the same bound*.  The initializer of a bias does not get ``n_in``, so for this rule the
bound ``a`` is computed by the caller: ``Dense(..., init=UniformRange(-a, a),
bias_init=UniformRange(-a, a))``.

Keras and PyTorch have the LeCun and the orthogonal rules, which are in the table for users
who expect them: LeCun goes with selu, orthogonal with deep networks.

Numbers are drawn in double precision and then rounded, so one seed gives the same
network in float32 and in float64.  Only ``rng.uniform`` and ``rng.normal`` are called:
``np.random.RandomState`` and ``np.random.Generator`` both have them.
"""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt
from typing import Any, Literal, TypeAlias

import numpy as np

from ..params import Frozen, frozen

Initializer: TypeAlias = Callable[[np.ndarray, Any], None]
Kind: TypeAlias = Literal["glorot", "he", "lecun"]


@frozen
class Constant(Frozen):
    """Every entry is `value`."""

    value: float

    def __call__(self, out: np.ndarray, rng: Any) -> None:
        out[...] = self.value


@frozen
class FixedValues(Frozen):
    """The numbers, for example pretrained weights.

    Parameters
    ----------
    values : array-like
        Must have the shape of the array to fill.  It is copied.

    Examples
    --------
    >>> import numpy as np
    >>> b = np.empty(2)
    >>> FixedValues([1, 2])(b, rng=None)
    >>> b
    array([1., 2.])
    """

    values: Any

    def __post_init__(self) -> None:
        values = np.array(self.values, dtype=float)
        values.setflags(write=False)
        object.__setattr__(self, "values", values)

    def __call__(self, out: np.ndarray, rng: Any) -> None:
        if out.shape != self.values.shape:
            raise ValueError(
                f"FixedValues needs values of the shape of the array it fills, {out.shape}, "
                f"got values of shape {self.values.shape}. "
                "Weights are stored as (n_in, n_out): transpose them if they are (n_out, n_in)."
            )
        out[...] = self.values

    # Those of a dataclass would fail on arrays, which have no single truth value and no hash.
    def __eq__(self, other: object) -> bool:
        return isinstance(other, FixedValues) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    def __reduce__(self) -> tuple[type[FixedValues], tuple[Any]]:
        return FixedValues, (self.values,)  # a copy is read-only again

    @property
    def _key(self) -> tuple[Any, ...]:
        return self.values.shape, self.values.tobytes()


@frozen
class UniformRange(Frozen):
    """Uniform on ``[low, high)``, for any shape."""

    low: float
    high: float

    def __call__(self, out: np.ndarray, rng: Any) -> None:
        out[...] = rng.uniform(self.low, self.high, out.shape)


@frozen
class RandomSigns(Frozen):
    """1 or -1 with equal probability: makes members differ that share their weights."""

    def __call__(self, out: np.ndarray, rng: Any) -> None:
        out[...] = np.where(rng.uniform(-1.0, 1.0, out.shape) < 0, -1.0, 1.0)


@frozen
class Uniform(Frozen):
    """Uniform on ``±gain · sqrt(3 Var)``, with the variance of `kind`.

    Parameters
    ----------
    kind : {"glorot", "he", "lecun"}
        The rule for the variance.
    gain : float
        Multiplies the standard deviation.
    """

    kind: Kind
    gain: float = 1.0

    def __call__(self, out: np.ndarray, rng: Any) -> None:
        bound = self.gain * sqrt(3 * _variance(self.kind, out.shape))
        out[...] = rng.uniform(-bound, bound, out.shape)


@frozen
class Normal(Frozen):
    """Normal with mean 0 and ``gain²`` times the variance of `kind`.

    Parameters
    ----------
    kind : {"glorot", "he", "lecun"}
        The rule for the variance.
    gain : float
        Multiplies the standard deviation.
    """

    kind: Kind
    gain: float = 1.0

    def __call__(self, out: np.ndarray, rng: Any) -> None:
        out[...] = rng.normal(0.0, self.gain * sqrt(_variance(self.kind, out.shape)), out.shape)


@frozen
class Orthogonal(Frozen):
    """`gain` times a random matrix with orthonormal columns, or rows if it has fewer of them.

    Lengths are unchanged (in the dimensions that are not projected away) at any depth
    (Saxe et al., 2014).  Of an array ``(k, n_in, n_out)`` each member is such a matrix.
    """

    gain: float = 1.0

    def __call__(self, out: np.ndarray, rng: Any) -> None:
        *stack, n_in, n_out = _matrix_shape(out.shape, "Orthogonal")
        tall = (*stack, max(n_in, n_out), min(n_in, n_out))
        q, r = np.linalg.qr(rng.normal(0.0, 1.0, tall))
        # The signs make R's diagonal positive; without them Q is not uniformly distributed.
        diagonal = np.diagonal(r, axis1=-2, axis2=-1)[..., None, :]
        q *= np.where(diagonal < 0, -self.gain, self.gain)
        out[...] = q if n_in >= n_out else np.swapaxes(q, -1, -2)


def _variance(kind: Kind, shape: tuple[int, ...]) -> float:
    *_, n_in, n_out = _matrix_shape(shape, f"The rule {kind!r}")
    return {"glorot": 2 / (n_in + n_out), "he": 2 / n_in, "lecun": 1 / n_in}[kind]


def _matrix_shape(shape: tuple[int, ...], rule: str) -> tuple[int, ...]:
    if len(shape) < 2:
        raise ValueError(
            f"{rule} needs an array of shape (..., n_in, n_out), got shape {shape}. "
            "Initialize biases with Constant or UniformRange."
        )
    return shape


INITIALIZERS: dict[str, Initializer] = {
    "glorot_uniform": Uniform("glorot"),
    "glorot_normal": Normal("glorot"),
    "he_uniform": Uniform("he"),
    "he_normal": Normal("he"),
    "lecun_uniform": Uniform("lecun"),
    "lecun_normal": Normal("lecun"),
    "orthogonal": Orthogonal(),
    "zeros": Constant(0.0),
}
