"""The base of all optimizers: a step of a flat vector of parameters.

An optimizer turns a flat gradient into a step of the flat parameters ``theta``.  It does not
depend on the network.  An optimizer is immutable settings; what changes from step to step is an
`OptimizerState`, one row per slot, so a checkpoint of it is one array.

One rule says what an optimizer defines:

- An *elementwise* optimizer defines `Optimizer.update`.  It changes each parameter by its own
  gradient only.  `Optimizer.step` applies it to the whole vector; if the vector does not fit
  into the cache, to one block after the other.
- Any other optimizer overrides `Optimizer.step`.

`check_optimizer` checks this before training.

An optimizer also has settings that the training loop carries out.  `Optimizer.weight_decay` and
`Optimizer.l1` act on the weights and not on the biases; a flat vector does not show this
difference, so no `update` contains them.

>>> import numpy as np
>>> from skbackprop.params import frozen
>>> @frozen
... class SignDescent(Optimizer):
...     "``θ ← θ − lr sign(g)``"
...     def update(self, theta, grad, slots, scratch, lr, t):
...         theta -= scale(np.sign(grad, out=scratch[0]), lr)
>>> optimizer, theta = SignDescent(), np.array([1.0, -1.0])
>>> state = optimizer.state(theta)
>>> optimizer.step(theta, 2 * theta, 0.25, state)
>>> theta, state.t
(array([ 0.75, -0.75]), 1)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import inf
from numbers import Integral, Real
from typing import Any, ClassVar, TypeAlias

import numpy as np

from ..params import Frozen, check_range, frozen
from .averaging import AVERAGES

Rate: TypeAlias = float | np.ndarray
Update: TypeAlias = Callable[
    [np.ndarray, np.ndarray, np.ndarray, np.ndarray, Rate, int], None
]  # theta, grad, slots, scratch, lr, t: see `Optimizer.update`

# Numbers of elements in float32, half as many in float64.  Two threads that share the blocks were
# rejected: for 2**18 to 2**23 elements they were not faster than one.
LONG = 2**17  # a longer vector is updated in blocks; for shorter ones nothing was gained
BLOCK = 2**16  # elements of a block: four vectors of it are 1 MiB


@dataclass(eq=False)
class OptimizerState:
    """What an optimizer keeps between two steps.

    Attributes
    ----------
    slots : ndarray of shape (n_slots, n)
        One row per name in `Optimizer.slots`.
    t : int
        Number of steps taken.
    scratch : ndarray of shape (n_scratch, block) or None
        Memory for the work of one step, made by the first step; copies do not contain it.
    scalars : ndarray of shape (n_scalars,), float64
        One number per name in `Optimizer.scalars`.
    """

    slots: np.ndarray
    t: int = 0
    scratch: np.ndarray | None = field(default=None, repr=False)
    scalars: np.ndarray = field(default_factory=lambda: np.zeros(0))

    def scratch_array(self, *shape: int) -> np.ndarray:
        """The scratch array, of this shape."""
        if self.scratch is None or self.scratch.shape != shape:
            self.scratch = np.empty(shape, self.slots.dtype)
        return self.scratch

    def __getstate__(self) -> dict[str, Any]:
        return {"slots": self.slots, "t": self.t, "scalars": self.scalars}


@frozen
class Optimizer(Frozen):
    """Base of all optimizers.

    The parameters below are keyword-only fields of every optimizer.  The optimizer only states
    them; the training loop carries them out.

    Parameters
    ----------
    weight_decay : float, default=0.0
        ``λ`` of the decoupled weight decay ``θ ← θ − lr λ θ``, before each step and on the
        weights only.
    max_grad_norm : float or None, default=None
        A longer gradient is scaled to this length before the step.  None: no limit.
    l1 : float, default=0.0
        L1 penalty: after each step a weight moves by ``lr · l1`` towards 0 and stops there.
    gradient_accumulation_steps : int, default=1
        Number of batches whose mean gradient makes one step.
    averaging : {"ema", "swa", "auto"} or None, default="auto"
        The average of the parameters that is evaluated and returned, see `AVERAGES`.  None:
        the parameters themselves.  "auto": the choice of the caller.
    lr_multipliers : {"ntk", "auto"}, dict or None, default="auto"
        Factors on the learning rate.  "ntk": a factor for each kind of array, that of a matrix
        falls with its number of inputs.  A dict from names of arrays, or parts of them between
        dots, to factors of at least 0.  None: 1 everywhere.  "auto": the choice of the caller.
    solve_output : bool or "auto", default="auto"
        Is the last layer solved for at the end, where the loss is the squared error and the
        validation loss falls?  "auto": the choice of the caller.

    Attributes
    ----------
    slots, scalars : tuple of str
        Names of the vectors and of the numbers that are kept from step to step.
    n_scratch : int
        Number of temporary vectors that a step needs.

    Raises
    ------
    ValueError
        If a parameter has a value that is not listed above.
    """

    slots: ClassVar[tuple[str, ...]] = ()
    scalars: ClassVar[tuple[str, ...]] = ()
    n_scratch: ClassVar[int] = 1

    weight_decay: float = field(default=0.0, kw_only=True)
    max_grad_norm: float | None = field(default=None, kw_only=True)
    l1: float = field(default=0.0, kw_only=True)
    gradient_accumulation_steps: int = field(default=1, kw_only=True)
    averaging: str | None = field(default="auto", kw_only=True)
    lr_multipliers: str | Mapping[str, float] | None = field(
        default="auto", kw_only=True, hash=False
    )
    solve_output: bool | str = field(default="auto", kw_only=True)

    def __post_init__(self) -> None:
        check_range(self, "[0, inf)", "weight_decay", "l1")
        if self.max_grad_norm is not None:
            check_range(self, "(0, inf)", "max_grad_norm")
        name, n = type(self).__name__, self.gradient_accumulation_steps
        if not isinstance(n, Integral) or isinstance(n, bool) or n < 1:
            raise ValueError(
                f"{name} needs gradient_accumulation_steps to be an int of at least 1, got {n!r}. "
                "Set 1 to take a step for each batch."
            )
        if self.averaging is not None and self.averaging not in ("auto", *AVERAGES):
            raise ValueError(
                f"{name} needs averaging to be None, 'auto' or one of "
                f"{', '.join(map(repr, AVERAGES))}, got {self.averaging!r}. "
                "Set None to use the parameters themselves."
            )
        if not (isinstance(self.solve_output, (bool, np.bool_)) or self.solve_output == "auto"):
            raise ValueError(
                f"{name} needs solve_output to be a bool or 'auto', got "
                f"{self.solve_output!r}. Set False to keep the last layer as it was trained."
            )
        if not is_lr_multipliers(self.lr_multipliers):
            raise ValueError(
                f"{name} needs lr_multipliers to be None, 'auto', 'ntk' or a dict of factors of at "
                f"least 0 by names of arrays, got {self.lr_multipliers!r}. Set None for the same "
                "learning rate everywhere."
            )

    def state(self, theta: np.ndarray) -> OptimizerState:
        """The state before the first step: every slot is zero."""
        slots = np.zeros((len(self.slots), theta.size), theta.dtype)
        return OptimizerState(slots, scalars=np.zeros(len(self.scalars)))

    def eval_params(self, theta: np.ndarray, state: OptimizerState) -> np.ndarray:
        """The parameters to evaluate and to return, if these are not `theta` itself.

        Some optimizers compute gradients at one point and recommend another.  The training
        loop evaluates and returns the result of this method, but continues from `theta`.  The
        result may be a row of the state: do not write to it, and copy it if it must outlive
        the next step.
        """
        return theta

    def update(
        self,
        theta: np.ndarray,
        grad: np.ndarray,
        slots: np.ndarray,
        scratch: np.ndarray,
        lr: Rate,
        t: int,
    ) -> None:
        """Change `theta` and `slots` in place: the formula of an elementwise optimizer.

        Parameters
        ----------
        theta, grad : ndarray of shape (block,)
            The parameters and their gradient, or the same part of both.
        slots : ndarray of shape (n_slots, block)
            The same part of the slots.
        scratch : ndarray of shape (n_scratch, block)
            Temporary memory with arbitrary contents.
        lr : float or ndarray of shape (block,)
            The learning rate.
        t : int
            The number of this step, counted from 1.
        """
        raise NotImplementedError(f"{type(self).__name__} defines neither `update` nor `step`.")

    def step(self, theta: np.ndarray, grad: np.ndarray, lr: Rate, state: OptimizerState) -> None:
        """Take one step: change `theta` and `state` in place.

        Parameters
        ----------
        theta, grad : ndarray of shape (n,)
            The parameters, and the gradient of the objective at them.
        lr : float or ndarray
            The learning rate, one for all or one for each parameter (then best of
            the dtype of `theta`, which saves a conversion per step).
        state : OptimizerState
            From `state(theta)`, and the same object for every step.
        """
        state.t += 1
        # A NumPy float64 would turn float32 arrays into float64.
        lr = as_learning_rates(lr, theta) if isinstance(lr, np.ndarray) else float(lr)
        if theta.nbytes <= 4 * LONG:
            scratch = state.scratch_array(self.n_scratch, theta.size)
            self.update(theta, grad, state.slots, scratch, lr, state.t)
        else:
            update_in_blocks(self.update, theta, grad, lr, state, self.n_scratch)


def update_in_blocks(
    update: Update,
    theta: np.ndarray,
    grad: np.ndarray,
    lr: Rate,
    state: OptimizerState,
    n_scratch: int,
) -> None:
    """Apply an elementwise `update` to the whole vector, one block after the other."""
    block = theta.size if theta.nbytes <= 4 * LONG else block_size(theta)
    scratch = state.scratch_array(n_scratch, block)
    if block == theta.size:
        update(theta, grad, state.slots, scratch, lr, state.t)
        return
    for start in range(0, theta.size, block):
        part = slice(start, start + block)
        update(
            theta[part],
            grad[part],
            state.slots[:, part],
            scratch[:, : theta.size - start],
            lr[part] if isinstance(lr, np.ndarray) else lr,
            state.t,
        )


def block_size(theta: np.ndarray) -> int:
    """Elements of a block: it fits into the cache, and all blocks are about equal."""
    n_blocks = -(-theta.nbytes // (4 * BLOCK))
    return -(-theta.size // (n_blocks * 16)) * 16  # a block starts a cache line


def as_learning_rates(lr: Rate, theta: np.ndarray) -> Rate:
    """One number, or one for each parameter and of its dtype."""
    if isinstance(lr, np.ndarray) and lr.ndim > 0:
        return np.broadcast_to(np.asarray(lr, theta.dtype), theta.shape)
    # A NumPy float64 would turn float32 arrays into float64.
    return float(lr)


def scale(update: np.ndarray, lr: Rate, factor: float = 1.0) -> np.ndarray:
    """``update ← lr · factor · update``, without a new array when there are many rates."""
    if isinstance(lr, np.ndarray):
        update *= lr
        if factor != 1.0:
            update *= factor
    else:
        update *= lr * factor
    return update


def flush(slot: np.ndarray, scratch: np.ndarray, t: int) -> None:
    """Every 256 steps, set to zero what would soon be denormal.

    The discounted sum of a gradient that has become zero (a dead unit, a rare word)
    shrinks by 0.9 per step, is denormal after 830 steps in float32, and never reaches
    zero: 0.9 times the smallest number is rounded up to it.  Arithmetic with such
    numbers is slow; 90 % of them made a step of Adam 15 % slower.
    """
    if t % 256 == 0:
        limits = np.finfo(slot.dtype)
        np.greater(np.abs(slot, out=scratch), limits.tiny / limits.eps**2, out=scratch)
        slot *= scratch


def is_lr_multipliers(value: object) -> bool:
    """None, a known name, or factors of at least 0 by names."""
    if isinstance(value, Mapping):
        return all(isinstance(k, str) and is_factor(v) for k, v in value.items())
    return value is None or (isinstance(value, str) and value in ("auto", "ntk"))


def is_factor(value: object) -> bool:
    """A finite number of at least 0."""
    return isinstance(value, Real) and 0 <= float(value) < inf


def defines_nothing(cls: type[Optimizer]) -> bool:
    """Are both `update` and `step` those of the base class?"""
    return cls.update is Optimizer.update and cls.step is Optimizer.step


def check_optimizer(optimizer: object) -> None:
    """Raise a TypeError if an object does not define what an optimizer must define.

    A subclass of `Optimizer` defines `update` (elementwise) or overrides `step` (any other).
    An object of another class needs `state` and `step`.

    Parameters
    ----------
    optimizer : object
        What a user passes as optimizer.

    Raises
    ------
    TypeError
        If a method is missing, or if a class was passed.  The message names the method.

    Examples
    --------
    >>> check_optimizer(Optimizer())
    Traceback (most recent call last):
        ...
    TypeError: Optimizer defines neither `update` nor `step`. Define `update(theta, grad, slots, \
scratch, lr, t)` if it is elementwise, or else override `step(theta, grad, lr, state)`.
    """
    if isinstance(optimizer, type):
        raise TypeError(
            f"An optimizer must be an object, got the class {optimizer.__name__}. Pass "
            f"{optimizer.__name__}()."
        )
    name = type(optimizer).__name__
    missing = [f"`{m}`" for m in ("state", "step") if not callable(getattr(optimizer, m, None))]
    if missing:
        raise TypeError(
            f"{name} is not an optimizer: it does not define {' and '.join(missing)}. "
            "Derive it from skbackprop.optim.Optimizer and define `update` or `step`."
        )
    if isinstance(optimizer, Optimizer) and defines_nothing(type(optimizer)):
        raise TypeError(
            f"{name} defines neither `update` nor `step`. Define `update(theta, grad, slots, "
            "scratch, lr, t)` if it is elementwise, or else override "
            "`step(theta, grad, lr, state)`."
        )
