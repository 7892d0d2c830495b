"""Dropout: in training, random inputs are set to 0.

The layers above can then not depend on a single input.  The other inputs are scaled up in
training (*inverted* dropout), so at inference the layer is the identity, without a copy:

>>> import numpy as np
>>> from skbackprop.nn.network import Network
>>> x, network = np.ones((2, 6)), Network(Dropout(0.5))
>>> network.bind(x.shape).forward(x) is x
True
>>> network.bind(x.shape, train=True, rng=np.random.default_rng(0)).forward(x)
array([[0., 2., 2., 2., 2., 2.],
       [0., 0., 2., 2., 2., 0.]])
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from ...params import frozen
from ..parameters import Views
from ..workspace import Workspace
from .base import Backward, Forward, Layer, same

BLOCK = 2**16  # numbers; in smaller blocks the calls take more time than the random numbers
LEVELS = 256  # of a random byte


@frozen
class Dropout(Layer):
    """``y = x · m / (1 - rate)``, with ``m`` = 0 with probability `rate`, else 1.

    Each entry has an ``m`` of its own, drawn in ``forward``, so the mean of ``y`` is ``x``.
    Backwards, through the same ``m``: ``dx = d · m / (1 - rate)``.

    ``ws.schedule_factors["dropout"]``, a number from 0 to 1, multiplies the rate, so that a
    schedule can lower it.  With ``ws.schedule_factors["drop_at_inference"] = 1`` entries are
    dropped at inference too, to measure how much the predictions vary.

    Srivastava, Hinton, Krizhevsky, Sutskever & Salakhutdinov, "Dropout: a simple way to
    prevent neural networks from overfitting" (2014).

    Parameters
    ----------
    rate : float
        The fraction dropped, ``0 <= rate < 1``.
    shared_mask : bool
        Do all members drop the same entries of a training batch?  Members are trained
        independently, and one mask takes less time than many.  At inference, where the
        predictions are averaged, each member has its own mask.
    """

    rate: float
    shared_mask: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.rate < 1:
            raise ValueError(
                f"Dropout needs 0 <= rate < 1, got rate={self.rate!r}. "
                "The rate is the fraction dropped, not the fraction kept. Usual are 0.05 to 0.5."
            )

    def bind(self, p: Views, g: Views, ws: Workspace) -> tuple[Forward, Backward]:
        drops = ws.train or ws.schedule_factors.get("drop_at_inference", 0.0) > 0
        if not drops or self.rate == 0:
            return same, same
        if ws.rng is None:
            raise ValueError(
                "Dropout needs random numbers in training, got a pass with rng=None. Bind it "
                "with a generator, or use rate=0 where the loss must not change between calls "
                "(L-BFGS)."
            )
        of_batch = ws.shape[-2:] if self.shared_mask and ws.train else ws.shape
        y, mask = ws.array("y", ws.shape), ws.array("mask", of_batch)

        def forward(x: Any) -> np.ndarray:
            if not isinstance(x, np.ndarray):
                raise TypeError(
                    f"Dropout needs a dense array in training, got {type(x).__name__}. "
                    "Drop out above the first dense layer, or pass X.toarray()."
                )
            draw_mask(ws.rng, self.rate * ws.schedule_factors.get("dropout", 1.0), mask)
            return np.multiply(x, mask, out=y)

        def backward(d: np.ndarray) -> np.ndarray:
            return np.multiply(d, mask, out=d)

        return forward, backward


def draw_mask(rng: Any, rate: float, out: np.ndarray) -> None:
    """Fill `out` with 0, with probability `rate`, and else with ``1 / (1 - rate)``.

    Each entry takes one random byte, a third of the time of ``rng.random(dtype=np.float32)``,
    and the mask is the same in every precision.  The rate is rounded up or down at random to
    a multiple of 1/256, so that its mean is right.  The kept entries are scaled by the rounded
    rate, so that the mean of every batch is right.
    """
    threshold = min(int(rate * LEVELS + rng.random()), LEVELS - 1)
    factor = out.dtype.type(LEVELS / (LEVELS - threshold))
    flat = out.reshape(-1)
    if isinstance(rng, np.random.Generator):
        draw = rng.bit_generator.random_raw
    else:
        draw = partial(rng.randint, 0, 2**64, dtype=np.uint64)
    for start in range(0, flat.size, BLOCK):
        block = flat[start : start + BLOCK]
        words = draw((block.size + 7) // 8)  # of eight bytes: rng.bytes takes three times as long
        np.multiply(words.view(np.uint8)[: block.size] >= threshold, factor, out=block)
