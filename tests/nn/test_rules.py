"""`check_layer` and the declarations refuse each broken rule, and name it."""

from dataclasses import dataclass, field

import numpy as np
import pytest

from skbackprop.nn import Activate, Dense, Layer, Param, check_layer
from skbackprop.nn.initializers import Constant


@dataclass(frozen=True)
class Factor(Layer):
    """``y = s x``, a correct layer; each subclass breaks one rule."""

    state: dict = field(default_factory=dict, compare=False)

    def arrays(self):
        return {"s": Param((5,), Constant(2.0), "free"), "m": Param((5,), Constant(0.0), "fixed")}

    def bind(self, p, g, ws):
        y = ws.array("y", ws.shape)
        return (lambda x: self.forward(x, p, ws, y)), (lambda d: self.backward(d, p, g, ws))

    def forward(self, x, p, ws, y):
        ws.x = x
        return np.multiply(x, p.s, out=y)

    def backward(self, d, p, g, ws):
        np.sum((d * ws.x).reshape(-1, 5), axis=0, out=g.s)
        return np.multiply(d, p.s, out=d)


class WritesX(Factor):
    def forward(self, x, p, ws, y):
        ws.x = x.copy()
        x *= p.s
        return x


class WritesXWithoutEffect(Factor):
    def forward(self, x, p, ws, y):
        return super().forward(np.clip(x, -1e9, 1e9, out=x), p, ws, y)


class BackwardWritesX(Factor):
    def backward(self, d, p, g, ws):
        dx = super().backward(d, p, g, ws)
        ws.x[...] = 0
        return dx


class ReturnsXAndOverwritesIt(Factor):
    def forward(self, x, p, ws, y):
        ws.x = ws.y = x
        return x

    def backward(self, d, p, g, ws):
        g.s[...] = 0
        ws.y += d
        return d


class Accumulates(Factor):
    def backward(self, d, p, g, ws):
        g.s += (d * ws.x).reshape(-1, 5).sum(axis=0)
        return d * p.s


class WritesPartOfTheGradient(Factor):
    def backward(self, d, p, g, ws):
        g.s[:3] = (d * ws.x).reshape(-1, 5).sum(axis=0)[:3]
        return d * p.s


class NeverWritesOutput(Factor):
    def forward(self, x, p, ws, y):
        ws.x = x
        return y


class WritesPartOfOutput(Factor):
    def forward(self, x, p, ws, y):
        ws.x = x
        y[..., 1:] = x[..., 1:] * p.s[1:]
        return y


class NeverWritesDx(Factor):
    def bind(self, p, g, ws):
        dx = ws.array("dx", ws.shape)
        forward, backward = super().bind(p, g, ws)
        return forward, lambda d: (backward(d), dx)[1]


class AddsToAnEarlierOutput(Factor):
    def bind(self, p, g, ws):
        y = np.zeros(ws.shape)
        return super().bind(p, g, ws)[0] and (
            lambda x: self.add(x, p, ws, y),
            lambda d: self.backward(d, p, g, ws),
        )

    def add(self, x, p, ws, y):
        ws.x = x
        y += x * p.s
        return y


class DxIsTheGradient(Layer):
    def arrays(self):
        return {"s": Param((9, 5), Constant(2.0), "free")}

    def bind(self, p, g, ws):
        def backward(d):
            g.s[: len(d)] = d
            g.s[len(d) :] = 0
            return g.s[: len(d)]

        return (lambda x: x + p.s[: len(x)]), backward


class ChangesParameters(Factor):
    def backward(self, d, p, g, ws):
        dx = super().backward(d, p, g, ws)
        p.s -= 0.1 * g.s
        return dx


class ChangesFixedArraysAtInference(Factor):
    def forward(self, x, p, ws, y):
        p.m += 1
        return super().forward(x, p, ws, y)


class KeepsXOnItself(Factor):
    def forward(self, x, p, ws, y):
        self.state["x"] = x
        return np.multiply(x, p.s, out=y)

    def backward(self, d, p, g, ws):
        x = self.state["x"]
        g.s[...] = (d[..., : len(x), :] * x[: len(d)]).reshape(-1, 5).sum(axis=0)
        return d * p.s


class ReadsTheGradientInBind(Factor):
    def bind(self, p, g, ws):
        g.s.fill(0)
        return super().bind(p, g, ws)


class AnotherOutputShape(Factor):
    def output_shape(self, shape):
        return (*shape[:-1], shape[-1] + 1)


class AnotherDtype(Factor):
    def forward(self, x, p, ws, y):
        return super().forward(x, p, ws, y).astype(np.float32)


class NoDx(Factor):
    def backward(self, d, p, g, ws):
        super().backward(d, p, g, ws)


class SkipsTheGradientWithoutDx(Factor):
    def backward(self, d, p, g, ws):
        dx = super().backward(d, p, g, ws)
        if not ws.needs_dx:
            g.s[...] = 0
        return dx


MUTANTS = [
    (WritesX, "writes to x. Rule 1"),
    (WritesXWithoutEffect, "writes to x. Rule 1"),
    (BackwardWritesX, "writes to x. Rule 1"),
    (ReturnsXAndOverwritesIt, "writes to x. Rule 1"),
    (Accumulates, "gradient of s has NaN. Rule 3"),
    (WritesPartOfTheGradient, "gradient of s has NaN. Rule 3"),
    (NeverWritesOutput, "output has NaN. Rule 1"),
    (WritesPartOfOutput, "output has NaN. Rule 1"),
    (NeverWritesDx, "dx has NaN"),
    (AddsToAnEarlierOutput, "depend on an earlier batch. Rule 1"),
    (DxIsTheGradient, "dx shares memory with g. Rule 2"),
    (ChangesParameters, "changes parameters. Rule 4"),
    (ChangesFixedArraysAtInference, "changes a .fixed. array. Rule 4"),
    (KeepsXOnItself, "another pass runs between forward and backward. Rule 4"),
    (ReadsTheGradientInBind, "bind fails at inference .*Rule 5"),
    (AnotherOutputShape, r"float64 of shape \(9, 5\), expected float64 of shape \(9, 6\)"),
    (AnotherDtype, "forward returns float32"),
    (NoDx, "backward returns NoneType"),
    (SkipsTheGradientWithoutDx, "if ws.needs_dx is False. Rule 3"),
]


@pytest.mark.parametrize(("mutant", "message"), MUTANTS, ids=lambda m: getattr(m, "__name__", ""))
def test_check_layer_names_the_broken_rule(mutant, message, rng):
    with pytest.raises(AssertionError, match=f"^{mutant.__name__}: .*{message}"):
        check_layer(mutant(), rng.normal(size=(9, 5)))


@pytest.mark.parametrize("shape", [(9, 5), (1, 5), (2, 5), (3, 9, 5)])
@pytest.mark.parametrize("train", [False, True])
def test_check_layer_accepts_a_correct_layer(shape, train, rng):
    x = rng.normal(size=shape)
    before = x.copy()
    assert check_layer(Factor(), x, train=train) < 1e-8
    np.testing.assert_array_equal(x, before)


def test_fixed_arrays_may_change_in_training(rng):
    assert check_layer(ChangesFixedArraysAtInference(), rng.normal(size=(9, 5)), train=True) < 1e-8


class NoOutput:
    def forward(self, z, out):
        pass

    def backward(self, z, y, d):
        pass


class PartOfOutput(NoOutput):
    def forward(self, z, out):
        np.copyto(out[1:], z[1:])


class WritesZ(NoOutput):
    def forward(self, z, out):
        np.copyto(out, z)
        z.fill(0)


class BackwardWritesZ(NoOutput):
    def forward(self, z, out):
        np.copyto(out, z)

    def backward(self, z, y, d):
        z *= d


class NoSlope(NoOutput):
    def forward_and_slope(self, z, out, slope):
        np.copyto(out, z)


@pytest.mark.parametrize(
    ("activation", "message"),
    [
        (NoOutput, "output has NaN. Rule 1"),
        (PartOfOutput, "output has NaN. Rule 1"),
        (WritesZ, "writes to x. Rule 1"),
        (BackwardWritesZ, "writes to x. Rule 1"),
        (NoSlope, "dx has NaN"),
    ],
)
def test_check_layer_names_the_rule_that_an_activation_breaks(activation, message, rng):
    with pytest.raises(AssertionError, match=f"^Activate: .*{message}"):
        check_layer(Activate(activation()), rng.normal(size=(9, 5)))


def test_a_layer_without_bind_cannot_be_made():
    class DefinesForward(Layer):
        def forward(self, x):
            return 2 * x

    with pytest.raises(TypeError, match=r"abstract class DefinesForward .*'?bind'?"):
        DefinesForward()


@pytest.mark.parametrize("role", ["bias", "", None, "weights"])
def test_roles_are_checked(role):
    with pytest.raises(ValueError, match=r"a role among \('weight', 'free', 'fixed'\), got"):
        Param((3,), Constant(0.0), role)


@pytest.mark.parametrize("shape", [3, [3], (3.0,), (-1,), ("3",), None])
def test_shapes_are_checked(shape):
    with pytest.raises(ValueError, match=r"tuple of ints >= 0, got .*\(3,\)"):
        Param(shape, Constant(0.0))


def test_integers_of_numpy_are_a_shape():
    assert Param((np.int64(3),), Constant(0.0)).shape == (3,)


@pytest.mark.parametrize("init", [0.0, "zeros", None])
def test_initializers_are_checked(init):
    with pytest.raises(ValueError, match=r"can be called as init\(out, rng\), got"):
        Param((3,), init)


def test_a_wrong_gradient_is_an_error_and_no_broken_rule(rng):
    class Doubled(Dense):
        def bind(self, p, g, ws):
            forward, backward = super().bind(p, g, ws)
            return forward, lambda d: backward(2 * d)

    assert check_layer(Doubled(5, 3), rng.normal(size=(9, 5))) > 0.4
