"""Every schedule of the table: three expected values, pickling, purity."""

import copy
import pickle
from math import cos, log2, pi, sqrt

import pytest
from sklearn.neural_network._stochastic_optimizers import SGDOptimizer

from skbackprop.optim import (
    SCHEDULES,
    Clock,
    Constant,
    Cosine,
    CosLog4,
    Exponential,
    FlatCos,
    InverseScaling,
    OneCycle,
    Polynomial,
    Schedule,
    Step,
    WarmupCosine,
)


def clock_after(n_epochs, rows=(32, 32, 6), ticks=0):
    """The clock after whole epochs of batches of these sizes, and some batches more."""
    clock = Clock(n_steps=len(rows), n_epochs=20)
    for _ in range(n_epochs):
        for n_rows in rows:
            clock.tick(n_rows)
        clock.end_epoch()
    for n_rows in rows[:ticks]:
        clock.tick(n_rows)
    return clock


def clock_at(t, n_steps=100, n_epochs=100):
    """The clock after the part `t` of all steps."""
    step = round(t * n_steps * n_epochs)
    return Clock(step=step, epoch=step // n_steps, n_steps=n_steps, n_epochs=n_epochs)


# name: [(schedule, factors after 0, 3 and 15 epochs of 70 rows)], t = 0, 0.15 and 0.75
EXPECTED = {
    "constant": [(Constant(), (1.0, 1.0, 1.0))],
    "invscaling": [
        (InverseScaling(), (1.0, 0.5, 0.25)),
        (InverseScaling(power_t=2.0), (1.0, 1 / 16, 1 / 256)),
        (InverseScaling(power_t=0.0), (1.0, 1.0, 1.0)),
        (InverseScaling(power_t=1.0, unit="sample"), (1.0, 1 / 211, 1 / 1051)),
    ],
    "exponential": [
        (Exponential(), (1.0, 0.98**3, 0.98**15)),
        (Exponential(gamma=0.5), (1.0, 1 / 8, 1 / 2**15)),
    ],
    "step": [
        (Step(), (1.0, 1.0, 0.01)),
        (Step(milestones=(0.1, 0.9), gamma=0.5), (1.0, 0.5, 0.5)),
    ],
    "polynomial": [
        (Polynomial(), (1.0, 0.85, 0.25)),
        (Polynomial(power=2.0), (1.0, 0.85**2, 1 / 16)),
    ],
    "cosine": [
        (Cosine(), (1.0, (1 + cos(0.15 * pi)) / 2, (2 - sqrt(2)) / 4)),
        (Cosine(end=0.2), (1.0, 0.2 + 0.4 * (1 + cos(0.15 * pi)), 0.2 + 0.2 * (2 - sqrt(2)))),
    ],
    "warmup_cosine": [
        (WarmupCosine(), (1 / 3, (1 + cos(pi * 2 / 19)) / 2, (1 + cos(pi * 14 / 19)) / 2)),
        (WarmupCosine(warmup=0.5, end=0.1), (1 / 30, 1 / 3, 0.55)),
        (WarmupCosine(warmup=0.0), (1.0, (1 + cos(0.15 * pi)) / 2, (2 - sqrt(2)) / 4)),
        (WarmupCosine(end=1.0), (1 / 3, 1.0, 1.0)),
    ],
    "one_cycle": [
        (OneCycle(), (0.04, 0.52, 4e-6 + (1 - 4e-6) * (1 + cos(pi * 9 / 14)) / 2)),
        (OneCycle(warmup=0.5, start=0.0, end=0.0), (0.0, (1 - cos(0.3 * pi)) / 2, 0.5)),
    ],
    "coslog4": [
        (CosLog4(), (0.0, *((1 - cos(2 * pi * log2(x))) / 2 for x in (3.25, 12.25)))),
    ],
    "flat_cos": [
        (FlatCos(), (1.0, 1.0, 0.5)),
        (FlatCos(constant=0.0), (1.0, (1 + cos(0.15 * pi)) / 2, (2 - sqrt(2)) / 4)),
    ],
}
CASES = [(schedule, factors) for rows in EXPECTED.values() for schedule, factors in rows]
every_schedule = pytest.mark.parametrize(
    ("schedule", "factors"), CASES, ids=[repr(schedule) for schedule, _ in CASES]
)


def test_every_schedule_has_expected_values():
    assert set(EXPECTED) == set(SCHEDULES)
    for name, rows in EXPECTED.items():
        assert all(type(schedule) is SCHEDULES[name] for schedule, _ in rows)


@pytest.mark.parametrize("name", SCHEDULES)
def test_the_initial_rate_is_the_greatest_by_default(name):
    factors = [SCHEDULES[name]()(clock_at(i / 10_000)) for i in range(10_001)]
    assert min(factors) >= 0
    assert max(factors) <= 1
    assert max(factors) == pytest.approx(1, abs=1e-6)


WARMING_UP = {"warmup_cosine", "one_cycle", "coslog4"}


@pytest.mark.parametrize("name", sorted(set(SCHEDULES) - WARMING_UP))
def test_starts_with_the_initial_rate_unless_it_warms_up(name):
    assert SCHEDULES[name]()(clock_at(0.0)) == 1.0


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_schedule_stays_at_its_end_when_training_goes_on(name):
    beyond = Clock(step=12_000, epoch=100, n_steps=100, n_epochs=100)
    assert SCHEDULES[name]()(beyond) == SCHEDULES[name]()(clock_at(1.0))


COUNTING_EPOCHS = {"constant", "invscaling", "exponential"}


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("clock", [Clock(), Clock(n_steps=5), Clock(n_epochs=5)], ids=repr)
def test_without_a_horizon_it_works_or_says_so(name, clock):
    if name in COUNTING_EPOCHS:
        assert SCHEDULES[name]()(clock) == 1.0
    else:
        said = rf"how long training will be, got .*n_steps={clock.n_steps}.* Set both, or use"
        with pytest.raises(ValueError, match=said):
            SCHEDULES[name]()(clock)


def test_who_counts_epochs_is_named_in_the_message():
    with pytest.raises(ValueError, match="that counts epochs: ") as caught:
        Cosine()(Clock())
    assert {name for name in SCHEDULES if repr(name) in str(caught.value)} == COUNTING_EPOCHS


@every_schedule
def test_values(schedule, factors):
    found = [schedule(clock_after(n_epochs)) for n_epochs in (0, 3, 15)]
    assert found == pytest.approx(factors, rel=1e-14)
    assert all(type(factor) is float for factor in found)


@every_schedule
def test_pure(schedule, factors):
    clock = clock_after(3, ticks=2)
    before = copy.copy(clock)
    first = schedule(clock)
    schedule(clock_after(15))
    assert schedule(clock) == first
    assert clock == before


@every_schedule
def test_a_schedule_is_a_value(schedule, factors):
    twin = pickle.loads(pickle.dumps(schedule))
    assert twin == schedule
    assert hash(twin) == hash(schedule)
    assert twin(clock_after(3)) == schedule(clock_after(3))
    assert eval(repr(schedule), {type(schedule).__name__: type(schedule)}) == schedule


COSLOG4 = {0: 0, 0.01: 0.350381, 0.05: 0.323689, 0.1: 0.718355, 0.2: 0, 0.25: 0.493489,
           0.5: 0.073619, 0.75: 0.875658, 0.9: 0.186201, 0.99: 0.001821, 1: 0}  # fmt: skip
FLAT_COS = {0: 1, 0.3: 1, 0.5: 1, 0.6876: 0.691051, 0.75: 0.5, 0.9: 0.095492, 0.99: 0.000987, 1: 0}


@pytest.mark.parametrize(("t", "factor"), COSLOG4.items())
def test_coslog4_is_the_published_one(t, factor):
    assert CosLog4()(clock_at(t)) == pytest.approx(factor, abs=5e-7)


@pytest.mark.parametrize("k", range(4))
def test_coslog4_has_four_peaks(k):
    clock = clock_at((2 ** (k + 0.5) - 1) / 15, n_steps=10_000)
    assert CosLog4()(clock) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize(("t", "factor"), FLAT_COS.items())
def test_flat_cos_is_the_published_one(t, factor):
    assert FlatCos()(clock_at(t)) == pytest.approx(factor, abs=5e-7)


def test_one_cycle_goes_up_and_comes_down():
    factors = [OneCycle()(clock_at(i / 10)) for i in range(11)]
    assert factors[3] == 1.0
    assert factors[-1] == pytest.approx(4e-6)
    assert factors[:4] == sorted(factors[:4])
    assert factors[3:] == sorted(factors[3:], reverse=True)


def test_a_warmup_is_a_line_without_a_step_for_nothing():
    rates = [WarmupCosine(warmup=0.04)(clock_at(i / 100, 10, 10)) for i in range(6)]
    assert rates[:4] == pytest.approx([0.25, 0.5, 0.75, 1.0])
    assert 0.99 < rates[5] < rates[4] == 1.0
    assert WarmupCosine()(Clock(n_steps=1, n_epochs=1)) == 1.0  # of one step


@pytest.mark.parametrize("unit", ["epoch", "sample"])
def test_inverse_scaling_is_constant_within_an_epoch(unit):
    schedule = InverseScaling(unit=unit)
    inside = {schedule(clock_after(2, ticks=ticks)) for ticks in range(3)}
    assert len(inside) == 1
    assert schedule(clock_after(3)) not in inside


def test_inverse_scaling_by_samples_is_that_of_scikit_learn():
    schedule, clock = InverseScaling(power_t=0.7, unit="sample"), Clock()
    reference = SGDOptimizer([], 0.3, "invscaling", power_t=0.7)
    for _ in range(6):
        assert 0.3 * schedule(clock) == pytest.approx(reference.learning_rate, rel=1e-15)
        clock.tick(60)
        clock.tick(13)
        clock.end_epoch()
        reference.iteration_ends(clock.samples)


def test_inverse_scaling_does_not_depend_on_the_number_of_rows():
    # defect 27 of scikit-learn's MLP
    few, many = clock_after(5, rows=(10,)), clock_after(5, rows=(200, 200, 200))
    assert InverseScaling()(few) == InverseScaling()(many) == pytest.approx(6**-0.5)


def test_inverse_scaling_refuses_an_unknown_unit():
    with pytest.raises(ValueError, match=r"unit='epoch' or unit='sample', got 'step'\. Use"):
        InverseScaling(unit="step")


def test_the_clock_counts():
    assert clock_after(2, ticks=1) == Clock(
        step=7, epoch=2, samples=172, n_steps=3, n_epochs=20, epoch_samples=140
    )
    assert clock_after(2, ticks=1).horizon == 60
    assert clock_after(2, ticks=1).progress == 7 / 60
    assert pickle.loads(pickle.dumps(clock_after(2))) == clock_after(2)


@pytest.mark.parametrize("first_step", [6, 9])
def test_a_round_that_began_after_the_plan_has_ended_is_at_its_end(first_step):
    """This happens when `partial_fit` continues a fit with warm restarts."""
    clock = Clock(step=9, n_steps=3, n_epochs=2, first_step=first_step)
    assert clock.progress == 1.0
    for name in SCHEDULES:
        assert 0 <= SCHEDULES[name]()(clock) <= 1


def test_a_schedule_without_a_formula_says_so():
    with pytest.raises(NotImplementedError, match="Schedule does not define `__call__`"):
        Schedule()(Clock())
