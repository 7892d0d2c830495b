"""Learning-rate schedules.

A schedule is a pure function from the `Clock` to a factor on the initial learning rate.  It can
be plotted before training, and resumed training gets the same rates.  A rate that depends on
results (``"adaptive"``) is a callback, not a schedule.  The factor is never above 1: the initial
learning rate is the largest.  A schedule can also scale a weight decay, a dropout rate or the
label smoothing.

Most schedules depend on the completed part of training, ``t`` from 0 to 1, and need to know
its length: `Clock.progress`.

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

from ..params import Frozen, check_range, frozen


@dataclass
class Clock:
    """The position in training.

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
        Steps in an epoch; 0 if unknown.
    n_epochs : int
        Epochs completed when training ends at the latest; 0 if unknown.
    first_step : int
        Steps taken before the last warm restart, where schedules start again.
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
        """Steps planned since the last warm restart."""
        if self.n_steps <= 0 or self.n_epochs <= 0:
            raise ValueError(
                "This schedule needs to know how long training will be, got a clock with "
                f"n_steps={self.n_steps}, n_epochs={self.n_epochs}. Set both, or use a schedule "
                "that counts epochs: 'constant', 'invscaling' or 'exponential'."
            )
        return self.n_steps * self.n_epochs - self.first_step

    @property
    def steps_done(self) -> int:
        """Steps taken since the last warm restart."""
        return self.step - self.first_step

    @property
    def progress(self) -> float:
        """The completed part of the planned steps, from 0 to 1."""
        done, horizon = self.step - self.first_step, self.horizon
        return done / horizon if done < horizon else 1.0  # the horizon may be negative

    def tick(self, n_rows: int) -> None:
        """A step on `n_rows` rows was taken."""
        self.step += 1
        self.samples += n_rows

    def end_epoch(self) -> None:
        """An epoch is complete."""
        self.epoch += 1
        self.epoch_samples = self.samples


@frozen
class Schedule(Frozen):
    """Base of all schedules."""

    def __call__(self, clock: Clock) -> float:
        """The factor on the initial learning rate at this time."""
        raise NotImplementedError(f"{type(self).__name__} does not define `__call__`.")


@frozen
class Constant(Schedule):
    """Always 1."""

    def __call__(self, clock: Clock) -> float:
        return 1.0


@frozen
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
        check_range(self, "[0, inf)", "power_t")
        if self.unit not in ("epoch", "sample"):
            raise ValueError(
                f"InverseScaling counts in unit='epoch' or unit='sample', got {self.unit!r}. "
                "Use 'sample' for the numbers of scikit-learn, 'epoch' otherwise."
            )

    def __call__(self, clock: Clock) -> float:
        elapsed = clock.epoch if self.unit == "epoch" else clock.epoch_samples
        return float((elapsed + 1) ** -self.power_t)


@frozen
class Exponential(Schedule):
    """``gamma^e`` after ``e`` epochs.

    Parameters
    ----------
    gamma : float in (0, 1]
        The factor of one epoch.
    """

    gamma: float = 0.98

    def __post_init__(self) -> None:
        check_range(self, "(0, 1]", "gamma")

    def __call__(self, clock: Clock) -> float:
        return float(self.gamma**clock.epoch)


@frozen
class Step(Schedule):
    """``gamma^k`` after ``k`` milestones.

    Users of PyTorch expect it as ``MultiStepLR``.

    Parameters
    ----------
    milestones : tuple of float
        The parts of training, from 0 to 1, after which the rate is multiplied by `gamma`.
    gamma : float in (0, 1]
        The factor.

    References
    ----------
    K. He et al., "Deep residual learning for image recognition", CVPR 2016: a tenth after
    a half and after three quarters of the steps.
    """

    milestones: tuple[float, ...] = (0.5, 0.75)
    gamma: float = 0.1

    def __post_init__(self) -> None:
        check_range(self, "(0, 1]", "gamma")
        if not isinstance(self.milestones, tuple):
            object.__setattr__(self, "milestones", tuple(self.milestones))  # has a hash
        if not all(0 <= milestone <= 1 for milestone in self.milestones):
            raise ValueError(
                "Step needs milestones in the range [0, 1], parts of training, got "
                f"{self.milestones!r}. Divide numbers of epochs by max_iter."
            )

    def __call__(self, clock: Clock) -> float:
        t = clock.progress
        return float(self.gamma ** sum(t >= milestone for milestone in self.milestones))


@frozen
class Polynomial(Schedule):
    """``(1 − t)^power``: linear decay to zero if the power is 1.

    Users of Keras and PyTorch expect it as ``PolynomialDecay`` and ``PolynomialLR``.

    Parameters
    ----------
    power : float
        The exponent.

    References
    ----------
    A. Defazio et al., "Optimal linear decay learning rate schedules and further
    refinements", 2023, arXiv 2310.07831, for the linear decay.
    """

    power: float = 1.0

    def __post_init__(self) -> None:
        check_range(self, "[0, inf)", "power")

    def __call__(self, clock: Clock) -> float:
        return float((1 - clock.progress) ** self.power)


@frozen
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

    def __post_init__(self) -> None:
        check_range(self, "[0, 1]", "end")

    def __call__(self, clock: Clock) -> float:
        return interpolate(self.end, 1.0, half_cosine(clock.progress))


@frozen
class WarmupCosine(Schedule):
    """Linear warm-up to 1, then half a cosine down to `end`.

    With ``end=1.0`` a warm-up only.  Users of Keras expect it as ``CosineDecay`` with warm-up.

    Parameters
    ----------
    warmup : float in [0, 1)
        The part of training that is the warm-up.  The factor is 1 at its last step; at its
        first step it is not 0, because that step would change nothing.
    end : float in [0, 1]
        The last factor.

    References
    ----------
    P. Goyal et al., "Accurate, large minibatch SGD", 2017, arXiv 1706.02677, for the
    warm-up; then as `Cosine`.
    """

    warmup: float = 0.05
    end: float = 0.0

    def __post_init__(self) -> None:
        check_range(self, "[0, 1)", "warmup")
        check_range(self, "[0, 1]", "end")

    def __call__(self, clock: Clock) -> float:
        warm = min(1.0, (clock.steps_done + 1) / max(1.0, self.warmup * clock.horizon))
        return warm * interpolate(
            self.end, 1.0, half_cosine(rest_done(self.warmup, clock.progress))
        )


@frozen
class OneCycle(Schedule):
    """Half a cosine up from `start` to 1, and half a cosine down to `end`.

    The momentum is constant; in the paper it is varied, too.  Users of PyTorch expect it as
    ``OneCycleLR``.

    Parameters
    ----------
    warmup : float in (0, 1)
        The part of training in which the rate increases.
    start, end : float in [0, 1]
        The first and the last factor.

    References
    ----------
    L. N. Smith, N. Topin, "Super-convergence: Very fast training of neural networks using
    large learning rates", 2018, arXiv 1708.07120; cosines and numbers as in PyTorch.
    """

    warmup: float = 0.3
    start: float = 1 / 25
    end: float = 1 / 250_000

    def __post_init__(self) -> None:
        check_range(self, "(0, 1)", "warmup")
        check_range(self, "[0, 1]", "start", "end")

    def __call__(self, clock: Clock) -> float:
        t = clock.progress
        if t < self.warmup:
            return interpolate(1.0, self.start, half_cosine(t / self.warmup))
        return interpolate(self.end, 1.0, half_cosine(rest_done(self.warmup, t)))


@frozen
class CosLog4(Schedule):
    """Four cycles, each longer than the last: ``½ (1 − cos(2π log₂(1 + 15 t)))``.

    The rate is zero at ``t`` = 0, 1/15, 3/15, 7/15 and 1.  Early stopping can therefore choose
    among four ends of a cycle.

    References
    ----------
    D. Holzmüller, L. Grinsztajn, I. Steinwart, "Better by default: Strong pre-tuned MLPs
    and boosted trees on tabular data", NeurIPS 2024.
    """

    def __call__(self, clock: Clock) -> float:
        return 0.5 * (1 - cos(2 * pi * log2(1 + 15 * clock.progress)))


@frozen
class FlatCos(Schedule):
    """Constant 1, then half a cosine down to zero.

    Parameters
    ----------
    constant : float in [0, 1)
        The part of training in which the factor is 1.

    References
    ----------
    As `CosLog4`; the schedule of weight decay and dropout there.
    """

    constant: float = 0.5

    def __post_init__(self) -> None:
        check_range(self, "[0, 1)", "constant")

    def __call__(self, clock: Clock) -> float:
        t = max(0.0, clock.progress - self.constant) / (1 - self.constant)
        return 0.5 * (1 + cos(pi * t))


def half_cosine(t: float) -> float:
    """Half a cosine, from 1 at ``t = 0`` to 0 at ``t = 1``."""
    return 0.5 * (1 + cos(pi * t))


def rest_done(start: float, t: float) -> float:
    """The completed part of training from `start` on; 0 before `start`."""
    return max(0.0, t - start) / (1 - start)


def interpolate(low: float, high: float, share: float) -> float:
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
