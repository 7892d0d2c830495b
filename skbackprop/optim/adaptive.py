"""Optimizers with an adaptive learning rate for each parameter.

They divide the gradient by its own typical size.  The learning rate is then about the length
of a step of each parameter, whatever the scale of the loss.

==========  =====================================  ========================
            divided by the root of                 what is divided
==========  =====================================  ========================
`Adagrad`   the sum of all squared gradients       the gradient
`RMSprop`   their running mean                     the gradient
`Adam`      the same, bias-corrected               the running mean of it
`AdamW`     as Adam, with weight decay             as Adam
`NAdam`     as Adam                                that mean, one step ahead
==========  =====================================  ========================

The formulas have the running means ``m ← β₁ m + (1−β₁) g`` and ``v ← β₂ v + (1−β₂) g²``.  The
slots hold the discounted sums ``grad_sum = Σ β₁ᵏ gₜ₋ₖ = m / (1−β₁)`` and
``square_sum = Σ β₂ᵏ gₜ₋ₖ² = v / (1−β₂)``: a step then takes two passes less over the vector, and
the constants are part of ``ε`` and of the learning rate.

>>> import numpy as np
>>> optimizer, theta = Adam(), np.zeros(2)
>>> optimizer.step(theta, np.array([3.0, -4000.0]), 0.1, optimizer.state(theta))
>>> theta.round(6)
array([-0.1,  0.1])
"""

from __future__ import annotations

from dataclasses import field
from math import sqrt
from typing import ClassVar

import numpy as np

from ..params import check_range, frozen
from .base import (
    Optimizer,
    OptimizerState,
    Rate,
    as_learning_rates,
    flush,
    scale,
    update_in_blocks,
)


@frozen
class Adagrad(Optimizer):
    """Adagrad: divide by the root of the sum of all squared gradients so far.

    ``v ← v + g²``,  ``θ ← θ − lr · g / (√v + ε)``.

    The steps become shorter over time, most for the parameters with the largest gradients; a
    rare feature keeps long steps.  Users of Keras and PyTorch expect it for sparse features.

    Parameters
    ----------
    epsilon : float
        Added to the denominator.

    References
    ----------
    J. Duchi, E. Hazan, Y. Singer, "Adaptive subgradient methods for online learning and
    stochastic optimization", JMLR 12, 2011.
    """

    slots: ClassVar[tuple[str, ...]] = ("square_sum",)

    epsilon: float = 1e-10

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, "(0, inf)", "epsilon")

    def update(
        self,
        theta: np.ndarray,
        grad: np.ndarray,
        slots: np.ndarray,
        scratch: np.ndarray,
        lr: Rate,
        t: int,
    ) -> None:
        square_sum, s = slots[0], scratch[0]
        square_sum += np.multiply(grad, grad, out=s)
        np.sqrt(square_sum, out=s)
        s += self.epsilon
        np.divide(grad, s, out=s)
        theta -= scale(s, lr)


@frozen
class RMSprop(Optimizer):
    """RMSprop: divide by the root of a running mean of the squared gradients.

    ``v ← ρ v + (1−ρ) g²``,  ``θ ← θ − lr · g / (√v + ε)``.

    It is Adagrad with a running mean instead of a sum, so the steps do not vanish.  ``v``
    starts at zero without bias correction: the first step is ``1/√(1−ρ)`` times too long.
    Users of Keras and PyTorch expect it: it is the default of ``keras.Model.compile``.

    Parameters
    ----------
    rho : float in [0, 1)
        Decay of the running mean per step; 0.9 in the lecture, 0.99 in PyTorch.
    epsilon : float
        Added to the denominator.

    References
    ----------
    T. Tieleman, G. Hinton, "Lecture 6.5: RMSProp", Neural networks for machine learning,
    Coursera, 2012.
    """

    slots: ClassVar[tuple[str, ...]] = ("square_sum",)

    rho: float = 0.9
    epsilon: float = 1e-8

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, "[0, 1)", "rho")
        check_range(self, "(0, inf)", "epsilon")

    def update(
        self,
        theta: np.ndarray,
        grad: np.ndarray,
        slots: np.ndarray,
        scratch: np.ndarray,
        lr: Rate,
        t: int,
    ) -> None:
        square_sum, s = slots[0], scratch[0]
        square_sum *= self.rho
        square_sum += np.multiply(grad, grad, out=s)
        np.sqrt(square_sum, out=s)
        s += self.epsilon / sqrt(1 - self.rho)
        np.divide(grad, s, out=s)
        theta -= scale(s, lr, 1 / sqrt(1 - self.rho))
        flush(square_sum, s, t)


@frozen
class Adam(Optimizer):
    """Adam: momentum, divided by the root of the mean squared gradient.

    ``m ← β₁ m + (1−β₁) g``,  ``v ← β₂ v + (1−β₂) g²``,
    ``θ ← θ − lr · √(1−β₂ᵗ) / (1−β₁ᵗ) · m / (√v + ε)``.

    ``m`` and ``v`` start at zero and are too small in the first steps; the middle factor is
    the bias correction.

    Parameters
    ----------
    beta_1, beta_2 : float in [0, 1)
        Decay of the two running means per step.
    epsilon : float
        Added to the denominator.  As in scikit-learn and the last line of the paper's
        section 2 it is added to ``√v`` before the bias correction; PyTorch adds it after.

    References
    ----------
    D. P. Kingma, J. Ba, "Adam: A method for stochastic optimization", ICLR 2015.
    """

    slots: ClassVar[tuple[str, ...]] = ("grad_sum", "square_sum")

    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, "[0, 1)", "beta_1", "beta_2")
        check_range(self, "(0, inf)", "epsilon")

    def update(
        self,
        theta: np.ndarray,
        grad: np.ndarray,
        slots: np.ndarray,
        scratch: np.ndarray,
        lr: Rate,
        t: int,
    ) -> None:
        # Ten passes over the vector.  BLAS's axpy for the last two was rejected: it starts
        # threads for vectors that fit into the cache.
        grad_sum, square_sum = slots[0], slots[1]  # unpacking an array takes twice as long
        s = scratch[0]
        grad_sum *= self.beta_1
        grad_sum += grad
        square_sum *= self.beta_2
        square_sum += np.multiply(grad, grad, out=s)
        np.sqrt(square_sum, out=s)
        s += self.epsilon / sqrt(1 - self.beta_2)
        np.divide(grad_sum, s, out=s)
        unscale = (1 - self.beta_1) / sqrt(1 - self.beta_2)
        correct = sqrt(1 - self.beta_2**t) / (1 - self.beta_1**t)
        theta -= scale(s, lr, unscale * correct)
        flush(grad_sum, s, t)


@frozen
class AdamW(Adam):
    """AdamW: Adam with decoupled weight decay, ``θ ← θ − lr λ θ``.

    A penalty ``½ λ ‖θ‖²`` in the loss is not the same: Adam divides its gradient ``λ θ``
    by the typical size of the whole gradient, so that weights with large gradients would be
    penalized least.  The training loop carries out the decay, see `Optimizer`.

    Parameters
    ----------
    beta_1, beta_2, epsilon : float
        As in `Adam`.
    weight_decay : float
        ``λ``.

    References
    ----------
    I. Loshchilov, F. Hutter, "Decoupled weight decay regularization", ICLR 2019.
    """

    weight_decay: float = field(default=0.01, kw_only=True)


@frozen
class NAdam(Optimizer):
    """NAdam: Adam with Nesterov's momentum.

    ``m`` and ``v`` as in `Adam`, ``v̂ = v / (1−β₂ᵗ)``, and with an increasing momentum
    ``μₜ = β₁ (1 − ½ · 0.96^(t ψ))`` and ``Πₜ = μ₁ μ₂ ⋯ μₜ``,

    ``θ ← θ − lr · [(1−μₜ) / (1−Πₜ) · g + μₜ₊₁ / (1−Πₜ₊₁) · m] / (√v̂ + ε)``.

    Users of Keras and PyTorch expect it: both have it beside Adam.

    Parameters
    ----------
    beta_1, beta_2 : float in [0, 1)
        Decay of the two running means per step.
    epsilon : float
        Added to the bias-corrected root, as in the paper and in PyTorch.
    momentum_decay : float
        ``ψ``, how fast the momentum increases from ``β₁/2`` to ``β₁``.

    References
    ----------
    T. Dozat, "Incorporating Nesterov momentum into Adam", ICLR workshop 2016.
    """

    slots: ClassVar[tuple[str, ...]] = ("grad_sum", "square_sum")
    scalars: ClassVar[tuple[str, ...]] = ("product",)
    n_scratch: ClassVar[int] = 2

    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8
    momentum_decay: float = 0.004

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, "[0, 1)", "beta_1", "beta_2")
        check_range(self, "(0, inf)", "epsilon")
        check_range(self, "[0, inf)", "momentum_decay")

    def state(self, theta: np.ndarray) -> OptimizerState:
        """The state before the first step: an empty product is 1."""
        state = super().state(theta)
        state.scalars[0] = 1.0
        return state

    def momentum(self, t: int) -> float:
        """``μₜ``."""
        return self.beta_1 * (1 - 0.5 * float(0.96 ** (t * self.momentum_decay)))

    def step(self, theta: np.ndarray, grad: np.ndarray, lr: Rate, state: OptimizerState) -> None:
        """Take one step: change `theta` and `state` in place."""
        state.t += 1
        mu, next_mu = self.momentum(state.t), self.momentum(state.t + 1)
        product = float(state.scalars[0]) * mu
        state.scalars[0] = product
        of_grad = (1 - mu) / (1 - product)
        of_m = (1 - self.beta_1) * next_mu / (1 - product * next_mu)
        unscale = sqrt((1 - self.beta_2) / (1 - self.beta_2**state.t))

        def update(
            theta: np.ndarray,
            grad: np.ndarray,
            slots: np.ndarray,
            scratch: np.ndarray,
            lr: Rate,
            t: int,
        ) -> None:
            grad_sum, square_sum = slots
            s, step = scratch
            grad_sum *= self.beta_1
            grad_sum += grad
            square_sum *= self.beta_2
            square_sum += np.multiply(grad, grad, out=s)
            np.sqrt(square_sum, out=s)
            s += self.epsilon / unscale
            np.multiply(grad_sum, of_m / of_grad, out=step)
            step += grad
            step /= s
            theta -= scale(step, lr, of_grad / unscale)
            flush(grad_sum, s, t)

        update_in_blocks(update, theta, grad, as_learning_rates(lr, theta), state, self.n_scratch)
