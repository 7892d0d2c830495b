"""How the learning rate changes with time.

A schedule is a pure function from the `Clock` to a factor on the initial learning
rate.  Being pure, it can be plotted before training, and training that is resumed
gets the rates it would have got.  What reacts to results (``"adaptive"``) is
therefore no schedule but a callback.  The factor is never above 1, so the initial
learning rate is the greatest; and since it is only a number, it may as well fade a weight
decay, a dropout rate or the smoothing of labels.

Most schedules ask how much of the training is over, ``t`` from 0 to 1, and so have to
know how long it will be: `Clock.progress`.

>>> clock = Clock()
>>> schedule = InverseScaling(power_t=0.5)
>>> for _ in range(4):
...     print(round(schedule(clock), 3))
...     clock.end_epoch()
1.0
0.707
0.577
0.5
"""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, log2, pi
from typing import Literal


@dataclass
class Clock:
    """Where training is.

    Attributes
    ----------
    step : int
        Steps taken.
    epoch : int
        Epochs completed.
    samples : int
        Rows trained on.
    epoch_samples : int
        Rows trained on before this epoch.
    n_steps : int
        Steps in an epoch; 0 if nobody knows.
    n_epochs : int
        Epochs completed when training ends at the latest; 0 if nobody knows.
    first_step : int
        Steps taken before the present round: schedules begin anew with each round.
    """

    step: int = 0
    epoch: int = 0
    samples: int = 0
    n_steps: int = 0
    n_epochs: int = 0
    epoch_samples: int = 0
    first_step: int = 0

    @property
    def horizon(self) -> int:
        """Steps planned for this round, from its first to its last."""
        if self.n_steps <= 0 or self.n_epochs <= 0:
            raise ValueError(
                "This schedule needs to know how long training will be, got a clock with "
                f"n_steps={self.n_steps}, n_epochs={self.n_epochs}. Set both, or take a schedule "
                "that counts epochs: 'constant', 'invscaling' or 'exponential'."
            )
        return self.n_steps * self.n_epochs - self.first_step

    @property
    def taken(self) -> int:
        """Steps of this round that were taken."""
        return self.step - self.first_step

    @property
    def progress(self) -> float:
        """The part of the planned steps that has been taken, from 0 to 1."""
        taken, horizon = self.taken, self.horizon
        return taken / horizon if taken < horizon else 1.0  # a plan may end before it began

    def tick(self, n_rows: int) -> None:
        """A step on `n_rows` rows was taken."""
        self.step += 1
        self.samples += n_rows

    def end_epoch(self) -> None:
        """All rows were seen once more."""
        self.epoch += 1
        self.epoch_samples = self.samples


@dataclass(frozen=True)
class Schedule:
    """Base of all schedules."""

    def __call__(self, clock: Clock) -> float:
        """The factor on the initial learning rate at this time."""
        raise NotImplementedError(f"{type(self).__name__} does not define `__call__`.")


@dataclass(frozen=True)
class Constant(Schedule):
    """Always 1."""

    def __call__(self, clock: Clock) -> float:
        return 1.0


@dataclass(frozen=True)
class InverseScaling(Schedule):
    """``1 / (e + 1)^power_t`` after ``e`` epochs; constant within an epoch.

    Parameters
    ----------
    power_t : float
        The exponent.
    unit : {"epoch", "sample"}
        What ``e`` counts.
    """

    power_t: float = 0.5
    # Differs from scikit-learn: counts epochs, not samples.  There the factor after
    # 5 epochs is 0.41 in a table of one row, 0.018 in one of 600.
    unit: Literal["epoch", "sample"] = "epoch"

    def __post_init__(self) -> None:
        if self.unit not in ("epoch", "sample"):
            raise ValueError(
                f"InverseScaling counts in unit='epoch' or unit='sample', got {self.unit!r}. "
                "Use 'sample' for the numbers of scikit-learn, 'epoch' otherwise."
            )

    def __call__(self, clock: Clock) -> float:
        elapsed = clock.epoch if self.unit == "epoch" else clock.epoch_samples
        return float((elapsed + 1) ** -self.power_t)


@dataclass(frozen=True)
class Exponential(Schedule):
    """``gamma^e`` after ``e`` epochs.

    Parameters
    ----------
    gamma : float in (0, 1]
        The factor of one epoch.
    """

    gamma: float = 0.98

    def __call__(self, clock: Clock) -> float:
        return float(self.gamma**clock.epoch)


@dataclass(frozen=True)
class Step(Schedule):
    """``gamma^k`` after ``k`` milestones.

    Parameters
    ----------
    milestones : tuple of float
        Where in training, from 0 to 1, the rate is multiplied by `gamma`.
    gamma : float in (0, 1]
        The factor.

    References
    ----------
    K. He et al., "Deep residual learning for image recognition", CVPR 2016: a tenth after
    a half and after three quarters of the steps.
    """

    milestones: tuple[float, ...] = (0.5, 0.75)
    gamma: float = 0.1

    def __call__(self, clock: Clock) -> float:
        t = clock.progress
        return float(self.gamma ** sum(t >= milestone for milestone in self.milestones))


@dataclass(frozen=True)
class Polynomial(Schedule):
    """``(1 − t)^power``: a straight line down to zero, if the power is 1.

    Parameters
    ----------
    power : float
        The exponent.

    References
    ----------
    A. Defazio et al., "Optimal linear decay learning rate schedules and further
    refinements", 2023, arXiv 2310.07831, for the straight line.
    """

    power: float = 1.0

    def __call__(self, clock: Clock) -> float:
        return float((1 - clock.progress) ** self.power)


@dataclass(frozen=True)
class Cosine(Schedule):
    """Half a cosine from 1 to `end`.

    Parameters
    ----------
    end : float in [0, 1]
        The last factor.

    References
    ----------
    I. Loshchilov, F. Hutter, "SGDR: Stochastic gradient descent with warm restarts", ICLR
    2017, here without restarts.
    """

    end: float = 0.0

    def __call__(self, clock: Clock) -> float:
        return between(self.end, 1.0, fall(clock.progress))


@dataclass(frozen=True)
class WarmupCosine(Schedule):
    """A straight line up to 1, then half a cosine down to `end`.

    With ``end=1.0`` a warm-up only.

    Parameters
    ----------
    warmup : float in [0, 1)
        The part of training that the line takes.  It ends with the last step of that
        part, and its first step is not zero: that would be a step for nothing.
    end : float in [0, 1]
        The last factor.

    References
    ----------
    P. Goyal et al., "Accurate, large minibatch SGD", 2017, arXiv 1706.02677, for the
    warm-up; then as `Cosine`.
    """

    warmup: float = 0.05
    end: float = 0.0

    def __call__(self, clock: Clock) -> float:
        rise = min(1.0, (clock.taken + 1) / max(1.0, self.warmup * clock.horizon))
        return rise * between(self.end, 1.0, fall(after(self.warmup, clock.progress)))


@dataclass(frozen=True)
class OneCycle(Schedule):
    """Half a cosine up from `start` to 1, and half a cosine down to `end`.

    Momentum keeps still; the paper lets it go down and up.

    Parameters
    ----------
    warmup : float in (0, 1)
        The part of training that goes up.
    start, end : float in [0, 1]
        The first and the last factor.

    References
    ----------
    L. N. Smith, N. Topin, "Super-convergence: Very fast training of neural networks using
    large learning rates", 2018, arXiv 1708.07120; cosines and numbers as in torch.
    """

    warmup: float = 0.3
    start: float = 1 / 25
    end: float = 1 / 250_000

    def __call__(self, clock: Clock) -> float:
        t = clock.progress
        if t < self.warmup:
            return between(1.0, self.start, fall(t / self.warmup))
        return between(self.end, 1.0, fall(after(self.warmup, t)))


@dataclass(frozen=True)
class CosLog4(Schedule):
    """Four hills, each wider than the last: ``½ (1 − cos(2π log₂(1 + 15 t)))``.

    The rate is zero at ``t`` = 0, 1/15, 3/15, 7/15 and 1: a good point to stop at, four
    times.

    References
    ----------
    D. Holzmüller, L. Grinsztajn, I. Steinwart, "Better by default: Strong pre-tuned MLPs
    and boosted trees on tabular data", NeurIPS 2024.
    """

    def __call__(self, clock: Clock) -> float:
        return 0.5 * (1 - cos(2 * pi * log2(1 + 15 * clock.progress)))


@dataclass(frozen=True)
class FlatCos(Schedule):
    """1 for a while, then half a cosine down to zero.

    Parameters
    ----------
    flat : float in [0, 1)
        The part of training that is flat.

    References
    ----------
    As `CosLog4`, which it accompanies there: for weight decay and dropout.
    """

    flat: float = 0.5

    def __call__(self, clock: Clock) -> float:
        return fall(after(self.flat, clock.progress))


def fall(t: float) -> float:
    """Half a cosine, from 1 at ``t = 0`` to 0 at ``t = 1``."""
    return 0.5 * (1 + cos(pi * t))


def after(start: float, t: float) -> float:
    """How much of the rest of training is over; 0 before `start`."""
    return max(0.0, t - start) / (1 - start)


def between(low: float, high: float, share: float) -> float:
    """`low` for share 0, `high` for share 1."""
    return low + (high - low) * share


SCHEDULES: dict[str, type[Schedule]] = {
    "constant": Constant,
    "invscaling": InverseScaling,
    "exponential": Exponential,
    "step": Step,
    "polynomial": Polynomial,
    "cosine": Cosine,
    "warmup_cosine": WarmupCosine,
    "one_cycle": OneCycle,
    "coslog4": CosLog4,
    "flat_cos": FlatCos,
}
