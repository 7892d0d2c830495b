"""Objects of the user's in a file: stored by value, and loaded with the classes passed."""

import os
import threading
from dataclasses import dataclass

import numpy as np
import pytest
from sklearn.metrics import make_scorer, r2_score

import skbackprop
from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop.io.decode import Decoder
from skbackprop.io.encode import Encoder
from skbackprop.io.model import dumps, loads
from skbackprop.optim.schedules import Constant
from skbackprop.training.callbacks import Callback, ReduceOnPlateau, TimeBudget, loss_fell

from .models import LABELS, NUMBERS, SCORE, assert_same, predictions, regressor


@dataclass(frozen=True)
class Sine:
    """An activation."""

    frequency: float = 1.0

    def forward(self, z, out):
        np.sin(self.frequency * z, out=out)

    def backward(self, z, a, d):
        d *= self.frequency * np.cos(self.frequency * z)


class Cube:
    """An activation that is no dataclass, without state."""

    def forward(self, z, out):
        np.power(z, 3, out=out)

    def backward(self, z, a, d):
        d *= 3 * z**2


class Counting(Callback):
    """A callback with state."""

    def __init__(self, every=2):
        self.every, self.seen = every, [np.arange(3)]

    def on_epoch_end(self, run):
        self.seen.append(run.clock.epoch)


class Locked(Callback):
    def __init__(self):
        self.lock = threading.Lock()

    def on_epoch_end(self, run): ...

    def __deepcopy__(self, memo):
        return self


class Slotted(Callback):
    __slots__ = ("a",)

    def on_epoch_end(self, run): ...


def half_life(clock):
    """A schedule that is a function."""
    return 0.5**clock.epoch


class Mine(BackpropRegressor):
    """A class of the user's."""


PLAIN = {"preset": "plain", "hidden_layer_sizes": (4,)}


def test_a_frozen_dataclass_is_loaded_with_its_class(tmp_path):
    model = regressor(activation=Sine(0.5), **PLAIN)
    model.save(tmp_path / "model.skbp")
    same = skbackprop.load(tmp_path / "model.skbp", custom={"Sine": Sine})
    assert same.activation == Sine(0.5)
    assert_same(predictions(same, NUMBERS), predictions(model, NUMBERS))


def test_without_its_class_the_message_names_it(tmp_path):
    path = tmp_path / "model.skbp"
    regressor(activation=[Sine()], learning_rate=half_life, **PLAIN).save(path)
    for custom in (None, {}, {"Cosine": Sine}):
        with pytest.raises(ValueError, match=r'of Sine, half_life.*custom=\{"Sine": Sine, "half'):
            skbackprop.load(path, custom=custom)
    with pytest.raises(ValueError, match=r"of half_life\. "):
        skbackprop.load(path, custom={"Sine": Sine})


def test_objects_and_functions_of_a_module_are_stored():
    params = {"activation": Cube(), "learning_rate": half_life, "callbacks": [Counting(3)]}
    model = regressor(**params, **PLAIN)
    custom = {"Cube": Cube, "half_life": half_life, "Counting": Counting}
    same = loads(dumps(model), custom)
    assert_same(predictions(same, NUMBERS), predictions(model, NUMBERS))
    assert same.learning_rate is half_life
    assert type(same.activation) is Cube
    assert same.callbacks[0].every == 3
    assert_same(same.callbacks[0].seen, model.callbacks[0].seen)


def test_an_object_in_two_places_is_one_object():
    model = regressor(callbacks=[Counting()], **PLAIN)
    same = loads(dumps(model), {"Counting": Counting})
    assert same.callbacks[0] is same.resolved_params_["callbacks"][0]


def test_an_object_is_found_again_under_a_key_of_any_letters():
    first, second = Counting(3), Counting(4)
    given = {"größe": first, "länge": second, "x" * 60: [first, second]}
    encoder = Encoder()
    decoder = Decoder(encoder.tensors, {"Counting": Counting})
    found = decoder.decode(encoder.encode(given, "params"), "params")
    assert [found["größe"].every, found["länge"].every] == [3, 4]
    assert found["x" * 60][0] is found["größe"]
    assert found["x" * 60][1] is found["länge"]


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"learning_rate": lambda clock: 1.0}, r"params\.learning_rate: a lambda"),
        ({"callbacks": [Locked()]}, r"params\.callbacks\.0\.lock: an object of class lock"),
        ({"callbacks": [Slotted()]}, r"params\.callbacks\.0: an object of class Slotted"),
    ],
    ids=["lambda", "lock", "slots"],
)
def test_what_cannot_be_stored_is_named_and_nothing_is_written(params, message, tmp_path):
    (tmp_path / "model.skbp").write_bytes(b"before")
    with pytest.raises(
        TypeError, match=rf"save cannot store {message}.*custom=\{{\"Sine\": Sine\}}"
    ):
        regressor(**params, **PLAIN).save(tmp_path / "model.skbp")
    assert os.listdir(tmp_path) == ["model.skbp"]
    assert (tmp_path / "model.skbp").read_bytes() == b"before"


def test_two_classes_of_one_name_are_refused():
    other = dataclass(frozen=True)(type("Sine", (Sine,), {}))
    with pytest.raises(TypeError, match="another class or function called Sine"):
        dumps(regressor(activation=[Sine(), other()], preset="plain", hidden_layer_sizes=(3, 3)))


def test_an_object_that_holds_itself_is_refused():
    callback = Counting()
    callback.seen.append(callback)
    with pytest.raises(TypeError, match="part of itself"):
        dumps(regressor(callbacks=[callback], **PLAIN))


def test_a_class_that_does_not_fit_is_a_fault_of_the_file():
    data = dumps(regressor(activation=Sine(), **PLAIN))
    with pytest.raises(ValueError, match="can be rebuilt: TypeError: .*frequency"):
        loads(data, {"Sine": Constant})


def test_a_subclass_of_an_estimator_is_loaded_with_its_class():
    model = Mine(max_iter=3, random_state=0, **PLAIN)
    with pytest.warns(UserWarning, match="hasn't converged"):
        model.fit(NUMBERS, SCORE)
    data = dumps(model)
    with pytest.raises(ValueError, match="of Mine"):
        loads(data)
    same = loads(data, {"Mine": Mine})
    assert type(same) is Mine
    assert_same(same.predict(NUMBERS), model.predict(NUMBERS))


def test_a_class_may_not_be_called_like_ours():
    shadow = type("BackpropClassifier", (BackpropClassifier,), {})
    with pytest.warns(UserWarning, match="hasn't converged"):
        model = shadow(max_iter=1, **PLAIN).fit(NUMBERS, LABELS["binary"])
    with pytest.raises(TypeError, match="called BackpropClassifier"):
        dumps(model)


def test_callbacks_of_ours_need_no_classes():
    callbacks = [TimeBudget(100.0), ReduceOnPlateau(loss_fell, 1e-4, 5)]
    same = loads(dumps(regressor(callbacks=callbacks, **PLAIN)))
    assert [vars(one) for one in same.callbacks] == [vars(one) for one in callbacks]


def test_a_scorer_of_a_decorated_function_is_stored_by_name():
    scorer = make_scorer(r2_score)  # a function of a module, wrapped by a function inside another
    model = regressor(scoring=scorer)
    custom = {"_Scorer": type(scorer), "r2_score": r2_score}
    same = loads(dumps(model), custom)
    assert same.scoring._score_func is r2_score
    assert_same(same.predict(NUMBERS), model.predict(NUMBERS))

    def inside(y, predicted):
        return r2_score(y, predicted)

    with pytest.raises(TypeError, match="a lambda or a function inside a function"):
        dumps(regressor(scoring=make_scorer(inside)))
