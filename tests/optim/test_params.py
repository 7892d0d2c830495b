"""Settings objects: values, immutability, and the parameters that scikit-learn reads and sets."""

import copy
import dataclasses
import inspect
import pickle
from dataclasses import FrozenInstanceError, dataclass, field, fields, replace

import numpy as np
import pytest
from sklearn.base import clone

from skbackprop import BackpropRegressor
from skbackprop.optim import AVERAGES, OPTIMIZERS, SCHEDULES, SGD, Adam, ExponentialAverage, Muon
from skbackprop.params import Frozen, Record, check_range, frozen, record

SETTINGS = {name: cls() for name, cls in {**OPTIMIZERS, **SCHEDULES}.items()} | {
    "muon with shapes": Muon(shapes=((0, 4, 2, 2),), momentum=0.5),
    "adam with factors": Adam(0.5, lr_multipliers={"dense_0": 0.0}, max_grad_norm=1.0),
}
every_setting = pytest.mark.parametrize("value", SETTINGS.values(), ids=SETTINGS)


@frozen
class Point(Frozen):
    """Two numbers and a note, which is not compared."""

    x: float
    y: float = 0.0
    note: str = field(default="", compare=False, repr=False)

    def __post_init__(self):
        check_range(self, "[0, 1]", "y")


@frozen
class Pair(Frozen):
    """Settings with settings."""

    first: Point
    second: object = None


class TestValues:
    @every_setting
    def test_a_copy_is_equal_and_hashes_alike(self, value):
        for twin in (copy.copy(value), copy.deepcopy(value), pickle.loads(pickle.dumps(value))):
            assert twin == value
            assert hash(twin) == hash(value)
        assert replace(value) == value
        assert [f.name for f in fields(value) if f.init] == list(value.get_params())

    @every_setting
    def test_fields_cannot_be_assigned_or_deleted(self, value):
        for name in (*value.get_params(), "slots", "something"):
            with pytest.raises(FrozenInstanceError):
                setattr(value, name, 1)
        with pytest.raises(FrozenInstanceError):
            del value.anything

    def test_equality_hash_and_text_are_those_of_a_dataclass(self):
        @dataclass(frozen=True)
        class Reference:
            x: float
            y: float = 0.0
            note: str = field(default="", compare=False, repr=False)

        for arguments in ((1.0,), (1.0, 0.5), (np.nan, 0.5, "a")):
            ours, theirs = Point(*arguments), Reference(*arguments)
            assert repr(ours) == f"Point(x={ours.x!r}, y={ours.y!r})"
            assert hash(ours) == hash(theirs)
            assert dataclasses.asdict(ours) == dataclasses.asdict(theirs)
        assert Point(1.0, note="a") == Point(1.0, note="b")
        assert Point(1.0) != Point(2.0)
        assert Point(1.0) != (1.0, 0.0)
        assert str(inspect.signature(Point)) == str(inspect.signature(Reference))

    def test_a_subclass_may_be_an_ordinary_dataclass_or_class(self):
        @dataclass(frozen=True)
        class Space(Point):
            z: float = 0.0

        @frozen
        class Time(Space):
            t: float = 0.0

        class Plain(Point):
            def __init__(self):
                super().__init__(0.5)
                self.extra = 1

        assert Space(1.0, z=2.0) == Space(1.0, 0.0, "", 2.0)
        assert Plain().extra == 1
        assert Space(1.0).set_params(z=3.0).z == 3.0
        with pytest.raises(FrozenInstanceError):
            Space(1.0).z = 2.0
        with pytest.raises(FrozenInstanceError):
            Plain().x = 2.0

    def test_a_class_without_the_base_is_refused(self):
        with pytest.raises(TypeError, match="frozen needs a subclass of Frozen, got Bare"):

            @frozen
            class Bare:
                x: int = 0


@frozen
class Options(Frozen):
    """One field of each kind."""

    first: int
    second: int = 2
    made: list[int] = field(default_factory=list)
    named: int = field(default=3, kw_only=True)
    derived: int = field(init=False)

    def __post_init__(self):
        object.__setattr__(self, "derived", self.first + self.second)


def frozen_classes(base=Frozen):
    below = [c for c in base.__subclasses__() if c.__module__.startswith("skbackprop.")]
    return [*below, *(c for b in below for c in frozen_classes(b))]


class TestConstructor:
    """It is shared by all classes, and takes what that of a dataclass takes."""

    def test_positions_names_and_defaults(self):
        options = Options(1, named=5)
        assert repr(options) == "Options(first=1, second=2, made=[], named=5, derived=3)"
        assert options.made is not Options(1).made
        assert Options(1, 2, [], named=5) == Options(second=2, first=1, named=5, made=[])
        assert replace(options, second=7).derived == 8

    @pytest.mark.parametrize(
        ("args", "kwargs", "message"),
        [
            ((), {}, "Options: missing a required argument: 'first'"),
            ((1, 2, [], 3), {}, "Options: too many positional arguments"),
            ((1,), {"first": 1}, "Options: multiple values for argument 'first'"),
            ((1,), {"third": 1}, "Options: got an unexpected keyword argument 'third'"),
            ((1,), {"derived": 1}, "Options: got an unexpected keyword argument 'derived'"),
        ],
    )
    def test_wrong_arguments_are_refused(self, args, kwargs, message):
        with pytest.raises(TypeError, match=message):
            Options(*args, **kwargs)

    def test_the_signature(self):
        parameters = inspect.signature(Options).parameters
        assert list(parameters) == ["first", "second", "made", "named"]
        assert parameters["named"].kind is inspect.Parameter.KEYWORD_ONLY

        class Own(Options):
            def __init__(self, n):
                super().__init__(n)

            def __call__(self, x):
                return x

        assert list(inspect.signature(Own).parameters) == ["n"]
        assert list(inspect.signature(Own(1)).parameters) == ["x"]

    @pytest.mark.parametrize("cls", frozen_classes(), ids=lambda cls: cls.__qualname__)
    def test_every_class_has_a_signature(self, cls):
        names = [f.name for f in fields(cls) if f.init]  # fields with a default come last
        assert sorted(inspect.signature(cls).parameters) == sorted(names)


class TestParameters:
    @every_setting
    def test_a_clone_is_equal(self, value):
        assert clone(value) == value

    @pytest.mark.parametrize("name", AVERAGES)
    def test_a_clone_of_an_average_is_a_new_average(self, name):
        average = AVERAGES[name]()
        average.update(np.ones(3))
        assert (clone(average).value, clone(average).t) == (None, 0)
        assert clone(ExponentialAverage(0.5)).decay == 0.5

    def test_values_are_set_in_place(self):
        adam = Adam()
        assert adam.set_params(beta_1=0.5, max_grad_norm=2.0) is adam
        assert adam == Adam(0.5, max_grad_norm=2.0)

    @pytest.mark.parametrize("params", [{"beta_2": 2.0}, {"beta_1": 0.5, "epsilon": 0.0}])
    def test_a_bad_value_changes_nothing(self, params):
        adam = Adam()
        with pytest.raises(ValueError, match="Adam needs"):
            adam.set_params(**params)
        assert adam == Adam()

    def test_an_unknown_name_is_refused_with_the_valid_ones(self):
        with pytest.raises(ValueError, match=r"SGD has no parameter 'beta_1'.*, momentum, nest"):
            SGD().set_params(beta_1=0.5)
        with pytest.raises(ValueError, match="no parameter 'beta2'. Did you mean 'beta_2'"):
            Adam().set_params(beta2=0.5)

    def test_nested_parameters(self):
        inner = Point(1.0)
        pair = Pair(inner, Point(2.0))
        assert pair.get_params()["second__x"] == 2.0
        pair.set_params(first__x=3.0, second=Point(4.0), second__y=0.5)
        assert pair == Pair(Point(3.0), Point(4.0, 0.5))
        assert inner == Point(1.0)  # another owner may have it
        for params in ({"first__x": 9.0, "second__y": 2.0}, {"second": None, "second__x": 1.0}):
            with pytest.raises(ValueError, match="Point needs y|no parameters of its own"):
                pair.set_params(**params)
            assert pair == Pair(Point(3.0), Point(4.0, 0.5))

    def test_a_search_reaches_the_optimizer_of_an_estimator(self):
        optimizer = Adam()
        model = BackpropRegressor(solver=optimizer)
        assert model.get_params()["solver__beta_2"] == 0.999
        tried = clone(model).set_params(solver__beta_2=0.95, solver__max_grad_norm=1.0)
        assert tried.solver == Adam(beta_2=0.95, max_grad_norm=1.0)
        assert optimizer == Adam()
        with pytest.raises(ValueError, match="Adam has no parameter 'momentum'"):
            tried.set_params(solver__momentum=0.5)


@pytest.mark.parametrize("interval", ["[0, 1]", "(0, 1)", "[0, 1)", "(0, 1]"])
def test_the_ends_of_a_range(interval):
    for end, bracket in ((0.0, interval[0]), (1, interval[-1])):
        if bracket in "[]":
            check_range(Point(end), interval, "x")
        else:
            with pytest.raises(ValueError, match=r"Point needs x in the range .*, got x="):
                check_range(Point(end), interval, "x")
    check_range(Point(np.float32(0.5), 0.5), interval, "x", "y")
    for bad in (np.nan, "0.5", None, True, -0.1, 1.1):
        with pytest.raises(ValueError, match=r"Choose a number in this range"):
            check_range(Point(bad), interval, "x")


@record
class Work(Record):
    """What may be changed."""

    size: int
    done: list[int] = field(default_factory=list)
    twice: int = field(init=False)

    def __post_init__(self):
        self.twice = 2 * self.size


def test_a_record_is_a_dataclass_that_may_be_changed():
    work, other = Work(3), Work(size=3)
    work.done.append(1)
    assert (work.twice, work.done, other.done) == (6, [1], [])  # each has a list of its own
    assert repr(work) == "Work(size=3, done=[1], twice=6)"
    assert work != Work(3, [1])  # one is equal to itself only
    larger = replace(work, size=4)
    assert (larger.size, larger.done, larger.twice) == (4, [1], 8)
    larger.size = 5
    assert copy.deepcopy(larger).size == pickle.loads(pickle.dumps(larger)).size == 5
    assert list(inspect.signature(Work).parameters) == ["size", "done"]
    assert list(inspect.signature(Record).parameters) == ["args", "kwargs"]
    for wrong in ((), (1, [], 2)):
        with pytest.raises(TypeError, match="Work: "):
            Work(*wrong)
    with pytest.raises(TypeError, match="record needs a subclass of Record, got object"):
        record(object)
