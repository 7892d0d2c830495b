r"""Normalization: outputs of mean 0 and variance 1.

All three layers of this file compute

    ``x̂ = (x - mean) / sd``,  ``y = gamma · x̂ + beta``

and differ in what the moments are taken over: the *rows* of the batch, feature by feature
(batch norm), or the *features*, row by row (layer norm, and RMS norm, which has no mean).

The moments depend on ``x``.  The delta ``e = d · gamma`` of ``x̂`` therefore loses its parts
along two directions in which ``x̂`` cannot change: ``1``, because its mean is 0, and ``x̂``
itself, because its length is fixed:

    ``dx = (e - mean(e) - x̂ · mean(e · x̂)) / sd``

with means over the same axis as the moments.

>>> import numpy as np
>>> from skbackprop.nn.network import Network
>>> network = Network(LayerNorm((4,)))
>>> network.initialize(None)
>>> y = network.scores(np.array([[1.0, 2.0, 3.0, 4.0], [10.0, 10.0, 10.0, 30.0]]))
>>> y.round(2)
array([[-1.34, -0.45,  0.45,  1.34],
       [-0.58, -0.58, -0.58,  1.73]])
"""

from __future__ import annotations

from math import prod

import numpy as np

from ...params import frozen
from ..initializers import Constant
from ..parameters import Param, Tree, Views
from ..workspace import Workspace
from .base import Backward, Forward, Layer
from .scale import sum_rows


@frozen
class BatchNorm(Layer):
    """``y = gamma · (x - mean) / sd + beta``, the moments taken over the rows of the batch.

    Inference, which must not depend on the other rows, uses running moments: plain means
    of those of the first ``1 / momentum`` batches, exponential ones from then on.  (In
    other libraries the exponential means are 0 and 1 at first, which biases a short training.)

    Backwards the two sums that are ``dbeta = Σ d`` and ``dgamma = Σ d · x̂`` reappear in
    the delta: ``dx = gamma / sd · (d - dbeta / n - x̂ · dgamma / n)``.

    The rows of a batch depend on each other: the gradient of a batch is not the sum of the
    gradients of its parts, and the loss of the same rows changes with their order.

    Ioffe & Szegedy, "Batch normalization: accelerating deep network training by reducing
    internal covariate shift" (2015).

    Parameters
    ----------
    shape : tuple of int
        Of ``gamma``: ``(n_in,)``, or ``(k, n_in)`` if members are normalized one by one.
    momentum : float
        The least weight of the present batch in the running moments.
    epsilon : float
        Added to the variance, so that a constant feature causes no division by 0.
    """

    shape: tuple[int, ...]
    momentum: float = 0.1
    epsilon: float = 1e-5

    def arrays(self) -> Tree:
        return {
            "gamma": Param(self.shape, Constant(1.0), "free"),
            "beta": Param(self.shape, Constant(0.0), "free"),
            "mean": Param(self.shape, Constant(0.0), "fixed"),
            "variance": Param(self.shape, Constant(1.0), "fixed"),
            "n_batches": Param((1,), Constant(0.0), "fixed"),
        }

    def bind(self, p: Views, g: Views, ws: Workspace) -> tuple[Forward, Backward]:
        ones = np.ones(prod(ws.shape[:-1]), ws.dtype)
        n = ones.size if len(self.shape) == 1 else ws.shape[-2]
        if ws.train and n < 2:
            raise ValueError(
                "BatchNorm needs at least 2 rows in a training batch, got 1: a single row has "
                "no variance. Choose a batch_size that leaves no last batch of one row, or use "
                "LayerNorm."
            )
        y, centered = ws.array("y", ws.shape), ws.array("centered", ws.shape)
        product = ws.array("product", ws.shape)
        batch_mean, batch_variance, sd = np.empty((3, *self.shape), ws.dtype)

        def forward(x: np.ndarray) -> np.ndarray:
            mean, variance = p.mean, p.variance
            if ws.train:
                mean = sum_rows(x, ones, out=batch_mean)
                mean /= n
            np.subtract(x, mean[..., None, :], out=centered)
            if ws.train:
                variance = sum_rows(np.square(centered, out=product), ones, out=batch_variance)
                variance /= n
                self._update_moments(p, mean, variance * (n / (n - 1)))
            np.sqrt(variance + self.epsilon, out=sd)
            np.multiply(centered, (p.gamma / sd)[..., None, :], out=y)
            return np.add(y, p.beta[..., None, :], out=y)

        def backward(d: np.ndarray) -> np.ndarray:
            sum_rows(d, ones, out=g.beta)
            sum_rows(np.multiply(d, centered, out=product), ones, out=g.gamma)
            g.gamma /= sd
            if ws.train:
                d -= (g.beta / n)[..., None, :]
                d -= np.multiply(centered, (g.gamma / (n * sd))[..., None, :], out=product)
            return np.multiply(d, (p.gamma / sd)[..., None, :], out=d)

        return forward, backward

    def _update_moments(self, p: Views, mean: np.ndarray, variance: np.ndarray) -> None:
        """Move the running moments towards those of a batch, the variance without bias."""
        p.n_batches += 1
        weight = np.maximum(1 / p.n_batches, self.momentum)
        p.mean += weight * (mean - p.mean)
        p.variance += weight * (variance - p.variance)


@frozen
class LayerNorm(Layer):
    """``y = gamma · (x - mean) / sd + beta``, the moments taken over the features of a row.

    It is the same in training and at inference, and the rows are independent.

    Backwards, with ``e = d · gamma``: ``dbeta = Σ d`` and ``dgamma = Σ d · x̂`` over the
    batch, and ``dx = (e - mean(e) - x̂ · mean(e · x̂)) / sd``.

    Ba, Kiros & Hinton, "Layer normalization" (2016).

    Parameters
    ----------
    shape : tuple of int
        Of ``gamma``: ``(n_in,)``, or ``(k, n_in)`` if each member has its own.
    epsilon : float
        Added to the variance.
    """

    shape: tuple[int, ...]
    epsilon: float = 1e-5

    def arrays(self) -> Tree:
        return {
            "gamma": Param(self.shape, Constant(1.0), "free"),
            "beta": Param(self.shape, Constant(0.0), "free"),
        }

    def bind(self, p: Views, g: Views, ws: Workspace) -> tuple[Forward, Backward]:
        n = self.shape[-1]
        y, normal = ws.array("y", ws.shape), ws.array("normal", ws.shape)
        product = ws.array("product", ws.shape)
        mean, mean_product, inverse_sd = (
            ws.array(name, ws.shape[:-1])[..., None]
            for name in ("mean", "mean_product", "inverse_sd")
        )
        ones = np.ones(prod(ws.shape[:-1]), ws.dtype)
        average = np.full((n, 1), 1 / n, ws.dtype)  # a product with it is a mean over features
        gamma, beta = p.gamma[..., None, :], p.beta[..., None, :]

        def forward(x: np.ndarray) -> np.ndarray:
            np.subtract(x, np.matmul(x, average, out=mean), out=normal)
            inverse_root_mean_square(normal, self.epsilon, out=inverse_sd)
            np.multiply(normal, inverse_sd, out=normal)
            np.multiply(normal, gamma, out=y)
            return np.add(y, beta, out=y)

        def backward(d: np.ndarray) -> np.ndarray:
            sum_rows(d, ones, out=g.beta)
            sum_rows(np.multiply(d, normal, out=product), ones, out=g.gamma)
            weights = p.gamma[..., None] / n
            np.matmul(d, weights, out=mean)  # of e
            np.matmul(product, weights, out=mean_product)  # of e · x̂
            d *= gamma
            d -= mean
            d -= np.multiply(normal, mean_product, out=product)
            return np.multiply(d, inverse_sd, out=d)

        return forward, backward


@frozen
class RMSNorm(Layer):
    """``y = gamma · x / rms`` with ``rms² = mean(x²)`` over the features of a row.

    `LayerNorm` without the mean and ``beta``: about as good in most networks, and faster.

    Backwards, with ``x̂ = x / rms`` and ``e = d · gamma``: ``dgamma = Σ d · x̂`` over the
    batch, and ``dx = (e - x̂ · mean(e · x̂)) / rms``.

    Zhang & Sennrich, "Root mean square layer normalization" (2019).

    Parameters
    ----------
    shape : tuple of int
        Of ``gamma``: ``(n_in,)``, or ``(k, n_in)`` if each member has its own.
    epsilon : float
        Added to the mean square.
    """

    shape: tuple[int, ...]
    epsilon: float = 1e-5

    def arrays(self) -> Tree:
        return {"gamma": Param(self.shape, Constant(1.0), "free")}

    def bind(self, p: Views, g: Views, ws: Workspace) -> tuple[Forward, Backward]:
        n = self.shape[-1]
        y, normal = ws.array("y", ws.shape), ws.array("normal", ws.shape)
        product = ws.array("product", ws.shape)
        mean_product, inverse_rms = (
            ws.array(name, ws.shape[:-1])[..., None] for name in ("mean_product", "inverse_rms")
        )
        ones = np.ones(prod(ws.shape[:-1]), ws.dtype)
        gamma = p.gamma[..., None, :]

        def forward(x: np.ndarray) -> np.ndarray:
            inverse_root_mean_square(x, self.epsilon, out=inverse_rms)
            np.multiply(x, inverse_rms, out=normal)
            return np.multiply(normal, gamma, out=y)

        def backward(d: np.ndarray) -> np.ndarray:
            sum_rows(np.multiply(d, normal, out=product), ones, out=g.gamma)
            np.matmul(product, p.gamma[..., None] / n, out=mean_product)  # of e · x̂
            d *= gamma
            d -= np.multiply(normal, mean_product, out=product)
            return np.multiply(d, inverse_rms, out=d)

        return forward, backward


def inverse_root_mean_square(x: np.ndarray, epsilon: float, out: np.ndarray) -> None:
    """Write ``1 / sqrt(mean(x²) + epsilon)`` of every row to `out`, ``(..., n, 1)``."""
    np.vecdot(x, x, out=out[..., 0])
    out /= x.shape[-1]
    out += epsilon
    np.sqrt(out, out=out)
    np.divide(1, out, out=out)
