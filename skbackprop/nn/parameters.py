"""One flat vector with all parameters, and named views of it.

Every trained number of a network lives in one contiguous vector ``theta``.  A layer
declares the arrays it needs.  A `Layout` assigns a slice of the vector to each of them, and
`Layout.bind` returns views that share memory with the vector:

>>> import numpy as np
>>> from skbackprop.nn.initializers import Constant
>>> layout = Layout({"W": Param((2, 3), Constant(0)), "b": Param((3,), Constant(0), "free")})
>>> theta = np.zeros(layout.size)
>>> p = layout.bind(theta)
>>> p.b[...] = 7
>>> theta
array([0., 0., 0., 0., 0., 0., 7., 7., 7.])

Code that treats all parameters alike (an optimizer, a moving average, L-BFGS, a checkpoint)
works on ``theta`` and needs no layers.

Weights come first, free arrays after them, so the penalized part is the slice
``theta[:layout.n_weights]`` and needs no mask.  It is also the order in which scikit-learn
packs ``coefs_ + intercepts_``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import prod
from numbers import Integral
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

import numpy as np

from ..params import Frozen, frozen
from .initializers import Initializer

Role: TypeAlias = Literal["weight", "free", "fixed"]
Path: TypeAlias = tuple[str, ...]


@frozen
class Param(Frozen):
    """The declaration of one array.

    Parameters
    ----------
    shape : tuple of int
        Shape of the array.
    init : Initializer
        A callable ``init(out, rng)`` that fills the array.
    role : {"weight", "free", "fixed"}
        ``"weight"`` is trained and penalized, ``"free"`` is trained only (biases, gains),
        ``"fixed"`` is stored with the model but not trained (running moments, bin edges).

    Raises
    ------
    ValueError
        If one of them is none of these.
    """

    shape: tuple[int, ...]
    init: Initializer
    role: Role = "weight"

    def __post_init__(self) -> None:
        if self.role not in get_args(Role):
            raise ValueError(
                f"Param needs a role among {get_args(Role)}, got {self.role!r}. "
                "Biases and gains are 'free': trained, but not penalized."
            )
        is_shape = isinstance(self.shape, tuple) and all(
            isinstance(n, Integral) and n >= 0 for n in self.shape
        )
        if not is_shape:
            raise ValueError(
                f"Param needs a shape that is a tuple of ints >= 0, got {self.shape!r}. "
                "The shape of a vector of 3 numbers is (3,)."
            )
        if not callable(self.init):
            raise ValueError(
                f"Param needs an init that can be called as init(out, rng), got {self.init!r}. "
                "Use Constant(0.0) for an array that starts at 0."
            )


Tree: TypeAlias = Mapping[str, "Param | Tree"]
Nested: TypeAlias = dict[str, "tuple[slice, Param] | Nested"]  # a tree with places


class Views(SimpleNamespace):
    """Named views, nested like the layers: ``p.dense_1.W``.

    The arrays that the layers of this package declare are listed here, for editors and type
    checkers.  A layer may declare arrays with any other name.
    """

    if TYPE_CHECKING:
        # Dense, MemberDense, ScaledDense, BatchEnsembleDense
        W: np.ndarray  # weights, (n_in, n_out), or (k, n_in, n_out)
        b: np.ndarray  # biases, (n_out,), or (k, n_out)
        r: np.ndarray  # factors of the inputs of each member, (k, n_in)
        s: np.ndarray  # factors of the outputs of each member, (k, n_out)
        # Scale, ScaledDense
        scale: np.ndarray  # factors of the inputs, (n_in,), or (k, n_in)
        # BatchNorm, LayerNorm, RMSNorm
        gamma: np.ndarray  # gains
        beta: np.ndarray  # biases
        mean: np.ndarray  # running mean, fixed
        variance: np.ndarray  # running variance, fixed
        n_batches: np.ndarray  # number of batches of the running moments, fixed
        # ParametricActivation, ReZero
        alpha: np.ndarray  # how much of the activation is used
        residual_weight: np.ndarray  # factor of the inner layer
        # PeriodicEmbedding, PiecewiseLinear, CategoricalEmbedding
        frequency: np.ndarray
        phase: np.ndarray
        edges: np.ndarray  # of the bins, fixed
        table: np.ndarray  # a row for each category
        # Residual, ReZero
        inner: Views
        shortcut: Views

        def __getattr__(self, name: str) -> Any: ...


NO_GRADIENT = Views()  # what `bind` gets for `g` at inference


class Layout:
    """The slice of each declared array in the flat vectors."""

    def __init__(self, tree: Tree):
        self.tree = tree
        leaves = list(_leaves(tree))
        trained = sorted(
            (leaf for leaf in leaves if leaf[1].role != "fixed"),
            key=lambda leaf: leaf[1].role == "free",  # stable: weights first
        )
        self.trained = _place(trained)
        self.fixed = _place([leaf for leaf in leaves if leaf[1].role == "fixed"])
        self.size = sum(prod(param.shape) for _, param in trained)
        self.fixed_size = sum(prod(param.shape) for _, param in leaves) - self.size
        self.n_weights = sum(prod(p.shape) for _, p in trained if p.role == "weight")
        self._nested = _nest(tree, {**self.trained, **self.fixed})

    def bind(self, theta: np.ndarray, fixed: np.ndarray | None = None) -> Views:
        """Views of `theta` (and of `fixed`, when given) under their names."""
        return _views(self._nested, theta, fixed)

    def initialize(self, theta: np.ndarray, fixed: np.ndarray, rng: Any) -> None:
        """Fill both vectors, array by array, in the order of declaration."""
        places = {**self.trained, **self.fixed}
        for path, param in _leaves(self.tree):
            vector = fixed if param.role == "fixed" else theta
            param.init(vector[places[path][0]].reshape(param.shape), rng)

    def names(self) -> Iterator[tuple[str, slice, Param]]:
        """The trained arrays as ``("dense_0.W", where, param)``, in vector order."""
        for path, (where, param) in self.trained.items():
            yield ".".join(path), where, param


def _leaves(tree: Tree, path: Path = ()) -> Iterator[tuple[Path, Param]]:
    for name, node in tree.items():
        if isinstance(node, Param):
            yield (*path, name), node
        else:
            yield from _leaves(node, (*path, name))


def _place(leaves: list[tuple[Path, Param]]) -> dict[Path, tuple[slice, Param]]:
    stop, place = 0, {}
    for path, param in leaves:
        start, stop = stop, stop + prod(param.shape)
        place[path] = slice(start, stop), param
    return place


def _nest(tree: Tree, places: dict[Path, tuple[slice, Param]], path: Path = ()) -> Nested:
    """The tree with the places of its arrays."""
    return {
        name: places[*path, name] if isinstance(node, Param) else _nest(node, places, (*path, name))
        for name, node in tree.items()
    }


def _views(nested: Nested, theta: np.ndarray, fixed: np.ndarray | None) -> Views:
    views = Views()
    for name, node in nested.items():
        if isinstance(node, dict):
            setattr(views, name, _views(node, theta, fixed))
            continue
        where, param = node
        vector = fixed if param.role == "fixed" else theta
        if vector is not None:
            setattr(views, name, vector[where].reshape(param.shape))
    return views
