"""What an optimizer is.

An optimizer turns a flat gradient into a step of the flat parameters.  It knows
no network: ``theta`` is a vector, and that is all.  An optimizer is an immutable
recipe; what it remembers from step to step is an `OptimizerState`, one row per
slot, so a checkpoint or an all-reduce of it is one line.

Most optimizers are *elementwise*: what happens to one parameter depends on its own
gradient only.  Such an optimizer is its formula, `Optimizer.update`, and it may be
applied to any part of the vector at any time.  `Optimizer.step` uses this: a vector
that does not fit into the cache is walked in blocks that do, so that the passes of
the formula over a block find it there, and two threads share the blocks.

Two things an optimizer states and leaves to the loop.  Its `weight_decay` acts on the
weights and not on the biases, a difference that a flat vector does not show; so no
formula contains it, and the loop lets the weights decay by ``lr · weight_decay`` before
each step (`decay` in `regularize`; "decoupled" decay: no optimizer rescales it).  And
who is to be judged is `Optimizer.eval_params`, which for most is ``theta`` itself.

>>> import numpy as np
>>> from dataclasses import dataclass
>>> @dataclass(frozen=True)
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

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, field
from functools import cache
from typing import Any, ClassVar, TypeAlias

import numpy as np

Rate: TypeAlias = float | np.ndarray
Formula: TypeAlias = Callable[
    [np.ndarray, np.ndarray, np.ndarray, np.ndarray, Rate, int], None
]  # theta, grad, slots, scratch, lr, t: see `Optimizer.update`


# Numbers of elements in float32, half as many in float64.
LONG = 2**17  # a longer vector is walked in blocks: below, nothing was gained by it
BLOCK = 2**16  # elements of a block: four vectors of it are 1 MiB
# Above this two threads share the blocks.  In training they gain next to nothing wherever
# the threads of BLAS stay awake for a while after a product, as those of OpenBLAS do.
SHARED = 2**18


@dataclass(eq=False)
class OptimizerState:
    """What an optimizer remembers between two steps.

    Attributes
    ----------
    slots : ndarray of shape (n_slots, n)
        One row per name in `Optimizer.slots`.
    t : int
        Number of steps taken.
    scratch : ndarray of shape (n_threads, n_scratch, block) or None
        Room for the work of one step, made by the first; copies go without it.
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


@dataclass(frozen=True)
class Optimizer:
    """Base of all optimizers.

    Parameters
    ----------
    weight_decay : float
        ``λ`` of the decoupled weight decay ``θ ← θ − lr λ θ``.  No optimizer does it: the
        loop reads this number, and does it before each step, on the weights only.

    Attributes
    ----------
    slots, scalars : tuple of str
        Names of the vectors and of the numbers it remembers.
    n_scratch : int
        Number of vectors it needs room for during a step.
    """

    slots: ClassVar[tuple[str, ...]] = ()
    scalars: ClassVar[tuple[str, ...]] = ()
    n_scratch: ClassVar[int] = 1

    weight_decay: float = field(default=0.0, kw_only=True)

    def state(self, theta: np.ndarray) -> OptimizerState:
        """The state before the first step: every slot is zero."""
        slots = np.zeros((len(self.slots), theta.size), theta.dtype)
        return OptimizerState(slots, scalars=np.zeros(len(self.scalars)))

    def eval_params(self, theta: np.ndarray, state: OptimizerState) -> np.ndarray:
        """The parameters to evaluate and to return, where these are not `theta` itself.

        Some optimizers take gradients at one point and recommend another.  The loop
        evaluates on what this returns and hands it out in the end, but goes on from
        `theta`.  It may be a row of the state: read it, do not write to it, and copy
        what has to outlive the next step.
        """
        return theta

    def formula(self, lr: Rate, state: OptimizerState) -> Formula:
        """The formula of the coming step; `state.t` is its number already.

        Called once per step, where `update` is called for each block.  An optimizer
        that remembers scalars overrides this: it changes them, and returns a function
        with the signature of `update` that knows them.
        """
        return self.update

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

        All arrays are the same part of their vectors; `scratch` has ``n_scratch``
        rows of that size with nothing in them, and `t` counts from 1.  An optimizer
        that is not elementwise overrides `step` instead.
        """
        raise NotImplementedError(f"{type(self).__name__} defines neither `update` nor `step`.")

    def step(self, theta: np.ndarray, grad: np.ndarray, lr: Rate, state: OptimizerState) -> None:
        """Take one step: change `theta` and `state` in place.

        Parameters
        ----------
        theta, grad : ndarray of shape (n,)
            The parameters, and the gradient of what is minimized at them.
        lr : float or ndarray
            The learning rate, one for all or one for each parameter (then best of
            the dtype of `theta`, which saves a conversion per step).
        state : OptimizerState
            From `state(theta)`, then handed on from step to step.
        """
        state.t += 1
        lr = as_learning_rates(lr, theta)
        if theta.nbytes > 4 * LONG:
            self._step_in_blocks(theta, grad, lr, state)
            return
        scratch = state.scratch_array(1, self.n_scratch, theta.size)[0]
        self.formula(lr, state)(theta, grad, state.slots, scratch, lr, state.t)

    def _step_in_blocks(
        self, theta: np.ndarray, grad: np.ndarray, lr: Rate, state: OptimizerState
    ) -> None:
        formula = self.formula(lr, state)
        helper = _helper(os.getpid()) if theta.nbytes > 4 * SHARED else None
        n_threads = 1 if helper is None else 2
        block = block_size(theta, n_threads)
        scratch = state.scratch_array(n_threads, self.n_scratch, block)

        def walk(first: int) -> None:
            for start in range(first * block, theta.size, n_threads * block):
                part = slice(start, start + block)
                formula(
                    theta[part],
                    grad[part],
                    state.slots[:, part],
                    scratch[first, :, : theta.size - start],
                    lr[part] if isinstance(lr, np.ndarray) else lr,
                    state.t,
                )

        if helper is None:
            walk(0)
            return
        # The context carries np.errstate, which a new thread would not know.
        other_half = helper.submit(copy_context().run, walk, 1)
        try:
            walk(0)
        finally:
            other_half.result()


def block_size(theta: np.ndarray, n_threads: int) -> int:
    """Elements of a block: few enough for the cache, and as many blocks for every thread."""
    n_rounds = -(-theta.nbytes // (4 * BLOCK * n_threads))
    return -(-theta.size // (n_rounds * n_threads * 16)) * 16  # a block starts a cache line


def as_learning_rates(lr: Rate, theta: np.ndarray) -> Rate:
    """One number, or one for each parameter and of its dtype."""
    if isinstance(lr, np.ndarray) and lr.ndim > 0:
        return np.broadcast_to(np.asarray(lr, theta.dtype), theta.shape)
    # Not even a NumPy float64 may get through: it would turn float32 into float64.
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

    A running mean of a gradient that has become zero (a dead unit, a rare word)
    shrinks by 0.9 per step, is denormal after 830 steps in float32, and never gets to
    zero: 0.9 times the smallest number is rounded up to it.  Arithmetic with such
    numbers is slow; 90 % of them made a step of Adam 15 % slower.
    """
    if t % 256 == 0:
        limits = np.finfo(slot.dtype)
        np.greater(np.abs(slot, out=scratch), limits.tiny / limits.eps**2, out=scratch)
        slot *= scratch


@cache
def _helper(process: int) -> ThreadPoolExecutor | None:
    """One thread to share the work of a long step with, if this process may have one.

    Threads do not survive a fork, hence one for each process.
    """
    if n_cores() < 2:
        return None
    try:
        helper = ThreadPoolExecutor(1, "skbackprop")
        # Start the thread now: a job whose thread fails to start stays in the queue,
        # and would be done a second time if a later start succeeds.
        helper.submit(int).result()
    except RuntimeError:  # there are no threads here, as in a browser
        return None
    return helper


def n_cores() -> int:
    """Number of cores we may use; joblib tells its workers by OMP_NUM_THREADS."""
    limit = os.environ.get("OMP_NUM_THREADS", "")
    known = hasattr(os, "sched_getaffinity")
    n = len(os.sched_getaffinity(0)) if known else os.cpu_count() or 1
    return min(n, int(limit)) if limit.isdigit() else n
