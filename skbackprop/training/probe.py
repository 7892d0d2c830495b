"""The choice of a learning rate, by short trainings of copies of the run.

Two functions, neither of which changes the run or the plan:

`range_test` measures a curve.  The rate grows exponentially from batch to batch; the loss
is constant at first, then falls, and at last diverges.  A good rate is where it falls fastest.
L. N. Smith, "Cyclical learning rates for training neural networks", WACV 2017.

`probe_learning_rate` makes a choice.  Rates that differ by factors of 2 each train a copy
from the same start, with the same batches, and with a schedule that ends at 0, since what
counts is the loss after the rate has come down.  The best third gets twice the steps, from
the start again, and so on.  K. Jamieson, A. Talwalkar, "Non-stochastic best arm
identification and hyperparameter optimization", AISTATS 2016.

>>> import numpy as np
>>> from skbackprop.nn import LOSSES, Dense, Network
>>> from skbackprop.optim import SGD
>>> from skbackprop.training import Batches, Plan, Rows, Run
>>> x = np.random.default_rng(0).normal(size=(1000, 1))
>>> run = Run(Network(Dense(1, 1)), np.random.RandomState(0))
>>> batches = Batches(Rows(x, 3 * x))
>>> plan = Plan(LOSSES["squared_error"], batches, optimizer=SGD(), learning_rate=1e-3)
>>> probe_learning_rate(plan, run, n_steps=20).learning_rate      # for the 1000 steps of the plan
0.0064
>>> run.network.theta
array([0., 0.])
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import inf, isfinite, log, sqrt
from typing import TypeAlias

import numpy as np

from ..nn.losses import Loss
from ..nn.network import Network
from ..optim.schedules import Clock, Polynomial, Schedule
from ..params import Frozen, frozen
from .batches import Batches, Rows
from .dry_run import LossRecorder, dry_run
from .objective import shares
from .plan import Plan
from .run import Run

Evaluation: TypeAlias = Callable[[Network], float]

FACTORS = (1 / 8, 1 / 4, 1 / 2, 1.0, 2.0, 4.0, 8.0)
WIDER = 4  # rates that are tried beyond the first ones, at most
TIE = 0.01  # losses that differ by a smaller part of the best one tie
SHARE = 25  # of the planned steps is what a first try takes
FEWEST_STEPS = 30  # in which a rate can show what it is worth
MOST_EPOCHS = 4
FARTHEST = 64  # times the steps of the last tries: no plan counts as longer
HELD = 5  # one row of so many is held out, if no others are
N_EVALUATED = 4096  # that many of them, or a few more

SMOOTHING = 0.9  # what is kept of the mean of the losses at each step of a range test


# ---- the choice ---------------------------------------------------------------------------


@frozen
class Try(Frozen):
    """The result of a rate: the loss after so many steps, infinite if it diverged."""

    learning_rate: float
    n_steps: int
    loss: float


@frozen
class Probe(Frozen):
    """The rate chosen, and all tries that led to it, in the order in which they were made."""

    learning_rate: float
    tries: tuple[Try, ...]


def probe_learning_rate(
    plan: Plan,
    run: Run,
    *,
    evaluate: Evaluation | None = None,
    factors: Sequence[float] = FACTORS,
    n_steps: int | None = None,
) -> Probe:
    """Choose the initial learning rate by successive halving of a few candidates.

    Every try trains a copy of the run, its optimizer's state and its generator included,
    from the present parameters, with the plan as it is but for the rate, the steps, the
    schedule (a straight line to 0) and the callbacks (none).  So the choice is a function
    of the plan and the run.

    The candidates are ``plan.learning_rate`` times `factors`, and, as long as the best is the
    smallest or the largest, up to `WIDER` more beyond it.  The best third is tried again with
    twice the steps, and so on, until three are left.  Of rates whose losses tie, within 1 %,
    the largest is taken.

    The rate that is best for a short training is too large for a long one.  For ``T`` steps
    on a convex function the best is proportional to ``1 / √T`` (M. Zinkevich, "Online convex
    programming and generalized infinitesimal gradient ascent", ICML 2003), so the winner is
    multiplied by the root of the steps of its last try over those of the plan.  On 12 tables,
    one of them made up, with 2 optimizers its best validation loss was about 8 % (geometric
    mean) above that of the best of 12 rates, without the root 13 %; at the worst 60 %.

    With 7 candidates it costs 13 times `n_steps`, and at most 4 times more for widening.

    Parameters
    ----------
    plan : Plan
        With an optimizer; L-BFGS has no learning rate.
    run : Run
    evaluate : callable, optional
        ``evaluate(network) -> loss`` of a trained copy, such as ``mean_loss(loss, rows)``
        of validation rows.  By default each fifth row is held out for it; with more than
        20,000 rows these are trained on too, since networks do not overfit them in a few epochs.
    factors : sequence of float
        Rising.
    n_steps : int, optional
        Steps of each of the first tries; by default 4 % of those planned, but at least
        `FEWEST_STEPS` and at most `MOST_EPOCHS` epochs.
    """
    check_optimizer(plan, "probe_learning_rate")
    if len(factors) == 0 or min(factors) <= 0 or any(np.diff(factors) <= 0):
        raise ValueError(
            f"probe_learning_rate needs rising factors above 0, got factors={factors!r}. "
            "Leave factors out for 1/8 to 8."
        )
    planned = (plan.horizon or plan.max_epochs) * len(plan.batches)
    if n_steps is None:
        n_steps = max(FEWEST_STEPS, min(planned // SHARE, MOST_EPOCHS * len(plan.batches)))
    if evaluate is None:
        batches, evaluate = hold_out(plan.batches, plan.loss)
        plan = replace(plan, batches=batches)
    tries: list[Try] = []

    def attempt(rate: float) -> float:
        tries.append(Try(rate, n_steps, try_rate(plan, run, evaluate, rate, n_steps)))
        return tries[-1].loss

    rates = [plan.learning_rate * factor for factor in factors]
    losses = widen({rate: attempt(rate) for rate in rates}, attempt)
    while len(losses) > 3:
        n_steps *= 2
        losses = {rate: attempt(rate) for rate in best_third(losses)}
    times = min(max(planned / n_steps, 1.0), FARTHEST)
    return Probe(best_rate(losses) / sqrt(times), tuple(tries))


def widen(losses: dict[float, float], attempt: Callable[[float], float]) -> dict[float, float]:
    """Try rates beyond the best, as long as it is the smallest or the largest."""
    rates = sorted(losses)
    for _ in range(WIDER if len(rates) > 1 else 0):
        best = best_rate(losses)
        if best == rates[-1]:
            rates.append(best * best / rates[-2])
            losses[rates[-1]] = attempt(rates[-1])
        elif best == rates[0]:
            rates.insert(0, best * best / rates[1])
            losses[rates[0]] = attempt(rates[0])
    return losses


def best_third(losses: dict[float, float]) -> list[float]:
    """The rates with the lowest losses, three at least; the larger of two that are equal."""
    ranked = sorted(losses, key=lambda rate: (losses[rate], -rate))
    return sorted(ranked[: max(3, len(ranked) // 3)])


def best_rate(losses: dict[float, float]) -> float:
    """The largest rate among those that tie with the best; the smallest if all diverged.

    >>> best_rate({0.1: 0.503, 0.2: 0.5, 0.4: 0.504, 0.8: 0.6})
    0.4
    """
    best = min(losses.values())
    if best == inf:
        return min(losses)
    return max(rate for rate, loss in losses.items() if loss <= best + TIE * abs(best))


def try_rate(plan: Plan, run: Run, evaluate: Evaluation, rate: float, n_steps: int) -> float:
    """The loss of a copy that was trained with this rate."""
    recorder = LossRecorder(plan.loss)
    copy = dry_run(plan, run, recorder, n_steps, learning_rate=rate, schedule=Polynomial())
    if recorder.diverged:
        return inf
    with np.errstate(over="ignore", invalid="ignore"):
        loss = evaluate(copy.network)
    return float(loss) if isfinite(loss) else inf


def mean_loss(loss: Loss, rows: Rows) -> Evaluation:
    """An evaluation: the mean loss of these rows, and of all members if there are any."""
    share, _ = shares(rows)

    def evaluate(network: Network) -> float:
        scores = network.scores(rows.x)
        n_members = scores.shape[0] if scores.ndim == 3 else 1
        return loss.value_and_delta(rows.target, scores, share, np.empty_like(scores)) / n_members

    return evaluate


def hold_out(batches: Batches, loss: Loss) -> tuple[Batches, Evaluation]:
    """Training rows, and an evaluation on other rows, at equal distances."""
    rows, n = batches.rows, batches.rows.n
    held = np.zeros(n, bool)
    held[:: max(HELD, n // N_EVALUATED)] = True
    weight = np.ones(n) if rows.weight is None else rows.weight
    if n < 2 * HELD or not (weight[held].any() and weight[~held].any()):
        return batches, mean_loss(loss, rows)
    evaluate = mean_loss(loss, rows.take(held))
    return (batches if n > HELD * N_EVALUATED else without(batches, held)), evaluate


def without(batches: Batches, held: np.ndarray) -> Batches:
    """Batches of the other rows."""
    if batches.members is not None:  # their numbers count all rows
        members = [whole_batches(rows[~held[rows]], batches) for rows in batches.members]
        return replace(batches, members=members)
    index = whole_batches(np.flatnonzero(~held), batches)
    return replace(batches, rows=batches.rows.take(index), _buffers={})


def whole_batches(rows: np.ndarray, batches: Batches) -> np.ndarray:
    """These rows, without a last batch of a single row, which batch norm refuses."""
    single = len(rows) > 1 and len(rows) % batches.rows_per_pass == 1
    return rows[:-1] if single else rows


# ---- the curve ----------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class RangeTest:
    """Rates, and the loss at each.

    Attributes
    ----------
    rates : ndarray of shape (n,)
        The rates of the steps, rising.
    losses : ndarray of shape (n,)
        The loss of the batch of each step, before it.
    smoothed : ndarray of shape (n,)
        An exponential mean of the losses.
    """

    rates: np.ndarray
    losses: np.ndarray
    smoothed: np.ndarray

    @property
    def steepest(self) -> float:
        """The rate at which the smoothed loss falls fastest, before its minimum."""
        first = min(round(1 / (1 - SMOOTHING)), len(self.rates) - 1)  # before, little is smooth
        part = slice(first, max(first, int(np.argmin(self.smoothed))) + 1)
        falls = np.diff(self.smoothed[part])  # the rates are at equal distances, as logarithms
        return float(self.rates[part][np.argmin(falls) if falls.size else 0])


@frozen
class _Rising(Schedule):
    """From `low` to 1, by the same factor at each of `n` steps."""

    low: float
    n: int

    def __call__(self, clock: Clock) -> float:
        return float(self.low ** (1 - min(clock.step / (self.n - 1), 1.0)))


def range_test(
    plan: Plan, run: Run, lowest: float = 1e-6, highest: float = 10.0, n_steps: int = 100
) -> RangeTest:
    """Train a copy with a learning rate that grows from batch to batch.

    It ends before `highest` when the smoothed loss is over 4 times its best.  It is a
    rough picture: each rate has one batch only, and starts from the parameters of the rates before.

    Parameters
    ----------
    plan : Plan
        With an optimizer; its rate, schedule and callbacks are not used.
    run : Run
    lowest, highest : float
        The first rate and the last.
    n_steps : int
        Steps in between.

    Examples
    --------
    >>> from skbackprop.nn import LOSSES, Dense, Network
    >>> from skbackprop.optim import SGD
    >>> x = np.random.default_rng(0).normal(size=(1000, 1))
    >>> run = Run(Network(Dense(1, 1)), np.random.RandomState(0))
    >>> plan = Plan(LOSSES["squared_error"], Batches(Rows(x, 3 * x)), optimizer=SGD(momentum=0.0))
    >>> test = range_test(plan, run)
    >>> 0.01 < test.steepest < 1, len(test.rates)
    (True, 100)
    """
    check_optimizer(plan, "range_test")
    if not (0 < lowest < highest and n_steps >= 2):
        raise ValueError(
            "range_test needs 0 < lowest < highest and n_steps >= 2, got "
            f"lowest={lowest!r}, highest={highest!r}, n_steps={n_steps!r}."
        )
    recorder = LossRecorder(plan.loss, smooth=SMOOTHING)
    schedule = _Rising(lowest / highest, n_steps)
    dry_run(plan, run, recorder, n_steps, learning_rate=highest, schedule=schedule)
    n = len(recorder.losses) - recorder.diverged
    rates = lowest * np.exp(np.arange(n) * (log(highest / lowest) / (n_steps - 1)))
    return RangeTest(rates, np.array(recorder.losses[:n]), np.array(recorder.smoothed[:n]))


def check_optimizer(plan: Plan, name: str) -> None:
    """Refuse L-BFGS."""
    if plan.optimizer is None:
        raise ValueError(
            f"{name} needs an optimizer with a learning rate, got optimizer=None (L-BFGS). Choose "
            "another optimizer, or leave the learning rate alone: L-BFGS finds its own steps."
        )
