"""Optimizers that give every parameter a rate of its own.

A gradient has the unit "loss per parameter", a step the unit "parameter".  Dividing
the gradient by its own typical size cancels the first unit, and the learning rate
becomes what it should be: the length of a step, whatever the scale of the loss.

The five differ in what they call "typical size" and in what they divide:

==========  =====================================  ======================
            divided by the root of                 what is divided
==========  =====================================  ======================
`Adagrad`   the sum of all squared gradients       the gradient
`RMSprop`   a running mean of them                 the gradient
`Adam`      the same, corrected for its start      a running mean of it
`AdamW`     as Adam, and the weights decay         as Adam
`NAdam`     as Adam                                that mean, a step ahead
==========  =====================================  ======================

>>> import numpy as np
>>> optimizer, theta = Adam(), np.zeros(2)
>>> optimizer.step(theta, np.array([3.0, -4000.0]), 0.1, optimizer.state(theta))
>>> theta.round(6)
array([-0.1,  0.1])
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import sqrt
from typing import ClassVar

import numpy as np

from .base import Formula, Optimizer, OptimizerState, Rate, flush, scale


@dataclass(frozen=True)
class Adagrad(Optimizer):
    """Adagrad: divide by the root of the sum of all squared gradients so far.

    ``v ← v + g²``,  ``θ ← θ − lr · g / (√v + ε)``.

    The steps become shorter and shorter, most for those parameters that have been
    changed most; a rare feature keeps its long ones.

    Parameters
    ----------
    epsilon : float
        Keeps the division finite.

    References
    ----------
    J. Duchi, E. Hazan, Y. Singer, "Adaptive subgradient methods for online learning and
    stochastic optimization", JMLR 12, 2011.
    """

    slots: ClassVar[tuple[str, ...]] = ("v",)

    epsilon: float = 1e-10

    def update(
        self,
        theta: np.ndarray,
        grad: np.ndarray,
        slots: np.ndarray,
        scratch: np.ndarray,
        lr: Rate,
        t: int,
    ) -> None:
        v, s = slots[0], scratch[0]
        v += np.multiply(grad, grad, out=s)
        np.sqrt(v, out=s)
        s += self.epsilon
        np.divide(grad, s, out=s)
        theta -= scale(s, lr)


@dataclass(frozen=True)
class RMSprop(Optimizer):
    """RMSprop: divide by the root of a running mean of the squared gradients.

    ``v ← ρ v + (1−ρ) g²``,  ``θ ← θ − lr · g / (√v + ε)``.

    Where Adagrad remembers everything and comes to a halt, this forgets.  ``v`` starts at
    zero and is not corrected for it: the first step is ``1/√(1−ρ)`` times too long.

    Parameters
    ----------
    rho : float in [0, 1)
        How much of the mean outlives a step; 0.9 in the lecture, 0.99 in torch.
    epsilon : float
        Keeps the division finite.

    References
    ----------
    T. Tieleman, G. Hinton, "Lecture 6.5: RMSProp", Neural networks for machine learning,
    Coursera, 2012.
    """

    slots: ClassVar[tuple[str, ...]] = ("v",)

    rho: float = 0.9
    epsilon: float = 1e-8

    def update(
        self,
        theta: np.ndarray,
        grad: np.ndarray,
        slots: np.ndarray,
        scratch: np.ndarray,
        lr: Rate,
        t: int,
    ) -> None:
        v, s = slots[0], scratch[0]  # v is v/(1−ρ), as in Adam
        v *= self.rho
        v += np.multiply(grad, grad, out=s)
        np.sqrt(v, out=s)
        s += self.epsilon / sqrt(1 - self.rho)
        np.divide(grad, s, out=s)
        theta -= scale(s, lr, 1 / sqrt(1 - self.rho))
        flush(v, s, t)


@dataclass(frozen=True)
class Adam(Optimizer):
    """Adam: momentum, divided by the root of the mean squared gradient.

    ``m ← β₁ m + (1−β₁) g``,  ``v ← β₂ v + (1−β₂) g²``,
    ``θ ← θ − lr · √(1−β₂ᵗ) / (1−β₁ᵗ) · m / (√v + ε)``.

    ``m`` and ``v`` start at zero; the middle factor undoes that they are therefore
    too small in the first steps.

    Parameters
    ----------
    beta_1, beta_2 : float in [0, 1)
        How much of the two means outlives a step.
    epsilon : float
        Keeps the division finite.  As in scikit-learn and the last line of the
        paper's section 2 it is added to ``√v`` before ``v`` is corrected; torch adds
        it after.

    References
    ----------
    D. P. Kingma, J. Ba, "Adam: A method for stochastic optimization", ICLR 2015.
    """

    slots: ClassVar[tuple[str, ...]] = ("m", "v")

    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8

    def update(
        self,
        theta: np.ndarray,
        grad: np.ndarray,
        slots: np.ndarray,
        scratch: np.ndarray,
        lr: Rate,
        t: int,
    ) -> None:
        # The slots are m/(1−β₁) and v/(1−β₂): two passes less, and the constants go
        # into ε and the rate.  Ten passes are left.  BLAS's axpy for the last two was
        # rejected: it starts threads for vectors that fit into the cache.
        m, v, s = slots[0], slots[1], scratch[0]  # unpacking an array takes twice as long
        m *= self.beta_1
        m += grad
        v *= self.beta_2
        v += np.multiply(grad, grad, out=s)
        np.sqrt(v, out=s)
        s += self.epsilon / sqrt(1 - self.beta_2)
        np.divide(m, s, out=s)
        unscale = (1 - self.beta_1) / sqrt(1 - self.beta_2)
        correct = sqrt(1 - self.beta_2**t) / (1 - self.beta_1**t)
        theta -= scale(s, lr, unscale * correct)
        flush(m, s, t)


@dataclass(frozen=True)
class AdamW(Adam):
    """AdamW: Adam, and beside it the weights decay, ``θ ← θ − lr λ θ``.

    A penalty ``½ λ ‖θ‖²`` in the loss is not the same: Adam divides its gradient ``λ θ``
    by the typical size of the whole gradient, so that the weights that matter most
    would be penalized least.  See `Optimizer` for who does the decay.

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


@dataclass(frozen=True)
class NAdam(Optimizer):
    """NAdam: Adam with Nesterov's momentum, which steps from where it will be.

    ``m`` and ``v`` as in `Adam`, ``v̂ = v / (1−β₂ᵗ)``, and with a momentum that grows,
    ``μₜ = β₁ (1 − ½ · 0.96^(t ψ))``, and ``Πₜ = μ₁ μ₂ ⋯ μₜ``,

    ``θ ← θ − lr · [(1−μₜ) / (1−Πₜ) · g + μₜ₊₁ / (1−Πₜ₊₁) · m] / (√v̂ + ε)``.

    Parameters
    ----------
    beta_1, beta_2 : float in [0, 1)
        How much of the two means outlives a step.
    epsilon : float
        Keeps the division finite; added to the corrected root, as in the paper and in
        torch.
    momentum_decay : float
        ``ψ``, how fast the momentum grows from ``β₁/2`` to ``β₁``.

    References
    ----------
    T. Dozat, "Incorporating Nesterov momentum into Adam", ICLR workshop 2016.
    """

    slots: ClassVar[tuple[str, ...]] = ("m", "v")
    scalars: ClassVar[tuple[str, ...]] = ("product",)
    n_scratch: ClassVar[int] = 2

    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8
    momentum_decay: float = 0.004

    def state(self, theta: np.ndarray) -> OptimizerState:
        """The state before the first step: an empty product is 1."""
        state = super().state(theta)
        state.scalars[0] = 1.0
        return state

    def momentum(self, t: int) -> float:
        """``μₜ``."""
        return self.beta_1 * (1 - 0.5 * float(0.96 ** (t * self.momentum_decay)))

    def formula(self, lr: Rate, state: OptimizerState) -> Formula:
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
            m, v = slots  # as in Adam they are m/(1−β₁) and v/(1−β₂)
            s, step = scratch
            m *= self.beta_1
            m += grad
            v *= self.beta_2
            v += np.multiply(grad, grad, out=s)
            np.sqrt(v, out=s)
            s += self.epsilon / unscale
            np.multiply(m, of_m / of_grad, out=step)
            step += grad
            step /= s
            theta -= scale(step, lr, of_grad / unscale)
            flush(m, s, t)

        return update
