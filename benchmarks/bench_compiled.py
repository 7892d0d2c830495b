"""What compiled kernels would save: numba in place of NumPy's passes over memory.

``python -m benchmarks.bench_compiled --data FOLDER --tables NAME ...`` trains default models with
Adam, the average of the parameters and SiLU as loops that numba compiles, and with NumPy's;
``--networks wide huge`` does the same with plain networks, beside a loop of torch.  The package has
no such kernels: what they save is on the page of the performance.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable
from contextlib import ExitStack
from math import sqrt
from statistics import geometric_mean, median
from time import process_time
from typing import Any
from unittest.mock import patch

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop.nn.activations import Silu
from skbackprop.optim import Adam, averaging
from skbackprop.optim.base import flush

from .configurations import CONFIGURATIONS
from .peers import SIDES, Task
from .real_tables import judge, names_of, split_rows
from .report import table
from .timing import alternate

# tanh(x) = x p(x²) / q(x²) for |x| ≤ 9, to 5e-7: without a function that numba cannot vectorize.
P = (-2.76076847742355e-16, 2.00018790482477e-13, -8.60467152213735e-11, 5.12229709037114e-08,
     1.48572235717979e-05, 6.37261928875436e-04, 4.89352455891786e-03)  # fmt: skip
Q = (1.19825839466702e-06, 1.18534705686654e-04, 2.26843463243900e-03, 4.89352518554385e-03)


def kernels() -> dict[str, Any]:
    """Compiled loops; their arguments are vectors and numbers of one dtype."""
    import numba

    # By default numba checks each division, and then no loop is vectorized.
    compiled = numba.njit(fastmath=True, error_model="numpy", nogil=True)

    @compiled
    def adam(theta, grad, m, v, lr, beta_1, beta_2, epsilon):  # type: ignore[no-untyped-def]
        for i in range(theta.size):
            m[i] = beta_1 * m[i] + grad[i]
            v[i] = beta_2 * v[i] + grad[i] * grad[i]
            theta[i] -= lr[i] * m[i] / (np.sqrt(v[i]) + epsilon)

    @compiled
    def average(value, theta, keep):  # type: ignore[no-untyped-def]
        for i in range(theta.size):
            value[i] = theta[i] + keep * (value[i] - theta[i])

    p0, p1, p2, p3, p4, p5, p6 = (np.float32(p) for p in P)
    q0, q1, q2, q3 = (np.float32(q) for q in Q)
    half, one, nine = np.float32(0.5), np.float32(1), np.float32(9)

    @compiled
    def silu(z, out, slope):  # type: ignore[no-untyped-def]
        for i in range(z.size):
            x = min(max(half * z[i], -nine), nine)
            s = x * x
            p = (((((p0 * s + p1) * s + p2) * s + p3) * s + p4) * s + p5) * s + p6
            q = ((q0 * s + q1) * s + q2) * s + q3
            sigma = half + half * x * p / q
            out[i] = z[i] * sigma
            slope[i] = sigma + out[i] * (one - sigma)

    return {"adam": adam, "average": average, "silu": silu}


def patches(compiled: dict[str, Any]) -> ExitStack:
    """The compiled loops in the places of NumPy's, for single precision."""

    def update(
        self: Adam, theta: Any, grad: Any, slots: Any, scratch: Any, lr: Any, t: int
    ) -> None:
        number, beta_1, beta_2 = theta.dtype.type, self.beta_1, self.beta_2
        factor = (1 - beta_1) / sqrt(1 - beta_2) * sqrt(1 - beta_2**t) / (1 - beta_1**t)
        rates = np.multiply(lr, factor, out=scratch[0])
        epsilon = number(self.epsilon / sqrt(1 - beta_2))
        compiled["adam"](theta, grad, *slots, rates, number(beta_1), number(beta_2), epsilon)
        for slot in slots:
            flush(slot, scratch[0], t)

    numpy_average = averaging.Average.update

    def average(self: averaging.Average, theta: np.ndarray) -> None:
        if self.value is None:
            return numpy_average(self, theta)
        compiled["average"](self.value, theta, theta.dtype.type(self.keep()))
        self.t += 1
        return None

    def silu(self: Silu, z: np.ndarray, out: np.ndarray, slope: np.ndarray) -> None:
        compiled["silu"](z.reshape(-1), out.reshape(-1), slope.reshape(-1))

    stack = ExitStack()
    stack.enter_context(patch.object(Adam, "update", update))
    stack.enter_context(patch.object(averaging.Average, "update", average))
    stack.enter_context(patch.object(Silu, "forward_and_slope", silu))
    return stack


def of_default(name: str, data: str | None, compiled: Any, repeats: int) -> dict[str, Any]:
    """Seconds of the processor for a default fit, by both."""
    split = split_rows(name, data, 0)
    model = (BackpropRegressor if split.regression else BackpropClassifier)(random_state=0)
    seconds: dict[str, list[float]] = {"NumPy": [], "compiled": []}
    errors = {}
    for _ in range(1 + repeats):  # the first one compiles
        for side, times in seconds.items():
            with patches(compiled) if side == "compiled" else ExitStack():
                start = process_time()
                model.fit(split.X, split.y)
                times.append(process_time() - start)
            errors[f"error, {side}"] = judge(split.kind, model, split.X_test, split.y_test)["error"]
    return {"name": name} | {side: median(times[1:]) for side, times in seconds.items()} | errors


def of_network(name: str, compiled: Any, repeats: int) -> dict[str, Any]:
    """Seconds of the same fit by NumPy, by compiled loops and by torch."""
    task = Task(CONFIGURATIONS[name], "float32", "float32")
    epochs = task.configuration.epochs

    def ours() -> Any:
        with patches(compiled):
            return SIDES["ours"](task, epochs)

    sides: dict[str, Callable[[], Any]] = {"NumPy": lambda: SIDES["ours"](task, epochs)}
    sides |= {"compiled": ours, "torch": lambda: SIDES["torch"](task, epochs)}
    alternate(sides, 1)
    return {"name": name} | {s: median(times) for s, times in alternate(sides, repeats).items()}


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser("python -m benchmarks.bench_compiled", description=__doc__)
    parser.add_argument("--data", metavar="FOLDER", help="of NAME.parquet; else scikit-learn's")
    parser.add_argument("--tables", nargs="*", metavar="NAME")
    parser.add_argument("--networks", nargs="*", default=[], choices=sorted(CONFIGURATIONS))
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    compiled, data = kernels(), arguments.data
    tables = names_of(arguments.tables, data)
    rows = [of_default(name, data, compiled, arguments.repeats) for name in tables]
    networks = [of_network(name, compiled, arguments.repeats) for name in arguments.networks]
    for row in rows + networks:
        row["ratio"] = row["NumPy"] / row["compiled"]
    titles = {name: name for name in ("name", "NumPy", "compiled", "ratio")}
    if rows:
        print(table(rows, titles | {name: name for name in rows[0] if name.startswith("error")}))
        print(f"geometric mean of the ratios: {geometric_mean(r['ratio'] for r in rows):.3f}")
    if networks:
        print(table(networks, titles | {"torch": "torch"}))


if __name__ == "__main__":
    main()
