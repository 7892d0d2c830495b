"""Made-up tables of any number of rows, for questions that real tables are too short for.

`TABLES` has them by name.  The seed says what is to be learned as well as which rows there are, so
that another seed is another table of the same kind.  Rows of training and of test are drawn
independently.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from scipy.special import expit, softmax

from .real_tables import Kind, Split

N_TEST = 20_000
Draw: TypeAlias = Callable[[int, np.random.Generator], tuple[Any, np.ndarray]]


def make(name: str, rows: int, seed: int) -> Split:
    """A table with so many training rows."""
    kind, define = TABLES[name]
    draw = define(np.random.default_rng([seed, 0]))
    X, y = draw(rows, np.random.default_rng([seed, 1]))
    X_test, y_test = draw(N_TEST, np.random.default_rng([seed, 2]))
    return Split(kind, X, y, X_test, y_test)


def numbers(n: int, mixing: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Correlated numbers of variance 1, every third of them skewed."""
    Z = rng.standard_normal((n, len(mixing))) @ mixing
    Z[:, ::3] = (np.exp(Z[:, ::3]) - np.exp(0.5)) / 2.16
    return Z


def correlations(d: int, rng: np.random.Generator) -> np.ndarray:
    """A matrix that gives independent numbers correlations, and keeps their variance."""
    mixing = np.eye(d) + 0.9 * rng.standard_normal((d, d)) / np.sqrt(d)
    return mixing / np.linalg.norm(mixing, axis=0)


def frame(Z: np.ndarray, codes: list[np.ndarray], rng: np.random.Generator) -> Any:
    """The columns, where a twentieth of the cells of the last three numbers are missing."""
    import pandas as pd

    Z = Z.copy()
    Z[:, -3:][rng.random((len(Z), 3)) < 0.05] = np.nan
    columns = {f"x{j}": Z[:, j] for j in range(Z.shape[1])}
    columns |= {f"c{j}": pd.Categorical(code) for j, code in enumerate(codes)}
    return pd.DataFrame(columns)


def interactions(rng: np.random.Generator) -> Draw:
    """Two classes: products and a sine of 20 numbers, categories of 3 to 300 levels."""
    d, levels = 20, (3, 8, 20, 60, 300)
    mixing, pairs = correlations(d, rng), rng.integers(0, d, (8, 2))
    effects = [rng.normal(size=k) for k in levels]
    slopes, linear = rng.normal(size=(levels[1], d)) / np.sqrt(d), rng.normal(size=d) / np.sqrt(d)

    def draw(n: int, rng: np.random.Generator) -> tuple[Any, np.ndarray]:
        Z = numbers(n, mixing, rng)
        codes = [(k * rng.random(n) ** 1.5).astype(int) for k in levels]
        score = Z @ linear + (Z * slopes[codes[1]]).sum(1)
        score += sum(np.tanh(Z[:, i] * Z[:, j]) for i, j in pairs) / 2 + np.sin(2 * Z[:, 1])
        score += sum(e[c] for e, c in zip(effects, codes, strict=True)) / 2
        y = (rng.random(n) < expit(2 * score)).astype(int)
        return frame(Z, codes, rng), y

    return draw


def steps(rng: np.random.Generator) -> Draw:
    """A number: jumps at thresholds of one to three of 15 numbers and a category at a time."""
    d, n_boxes = 15, 40
    mixing, sizes = correlations(d, rng), rng.normal(size=n_boxes)
    parts = [rng.integers(0, d, rng.integers(1, 4)) for _ in range(n_boxes)]
    places = [rng.normal(size=len(part)) * 0.7 for part in parts]
    effects = rng.normal(size=12)

    def draw(n: int, rng: np.random.Generator) -> tuple[Any, np.ndarray]:
        Z, code = numbers(n, mixing, rng), rng.integers(0, 12, n)
        y = effects[code] * (Z[:, 0] > 0)
        for size, part, place in zip(sizes, parts, places, strict=True):
            y += size * (Z[:, part] > place).all(axis=1)
        return frame(Z, [code], rng), y + 0.5 * rng.standard_normal(n)

    return draw


def several(rng: np.random.Generator) -> Draw:
    """Six classes: scores of a network of 20 numbers, and of thresholds and a category."""
    d, m, h = 20, 6, 32
    mixing, V = correlations(d, rng), rng.normal(size=(d, h)) * 1.5 / np.sqrt(d)
    W, effects = rng.normal(size=(h, m)) * 6 / np.sqrt(h), rng.normal(size=(10, m))
    boxes, sizes = rng.integers(0, d, (20, 2)), 1.5 * rng.normal(size=(20, m))

    def draw(n: int, rng: np.random.Generator) -> tuple[Any, np.ndarray]:
        Z, code = numbers(n, mixing, rng), rng.integers(0, 10, n)
        scores = np.tanh(Z @ V) @ W + effects[code]
        for (i, j), size in zip(boxes, sizes, strict=True):
            scores += np.outer((Z[:, i] > 0.3) & (Z[:, j] < 0.3), size)
        below = softmax(scores, axis=1).cumsum(axis=1)
        return frame(Z, [code], rng), (rng.random((n, 1)) > below[:, :-1]).sum(axis=1)

    return draw


def clusters(rng: np.random.Generator) -> Draw:
    """Two classes of 8 clusters each at corners of a cube, 30 columns, one label of 20 wrong."""
    d, informative, k = 30, 15, 16
    corners = rng.choice([-1.0, 1.0], (k, informative))
    shapes = rng.uniform(-1, 1, (k, informative, informative))
    redundant = rng.uniform(-1, 1, (informative, 5))

    def draw(n: int, rng: np.random.Generator) -> tuple[Any, np.ndarray]:
        import pandas as pd

        of, Z = rng.integers(0, k, n), rng.standard_normal((n, informative))
        for c in range(k):
            Z[of == c] = Z[of == c] @ shapes[c] + corners[c]
        noise = rng.standard_normal((n, d - informative - 5))
        y = np.where(rng.random(n) < 0.05, rng.integers(0, 2, n), of % 2)
        return pd.DataFrame(np.hstack([Z, Z @ redundant, noise])).add_prefix("x"), y

    return draw


TABLES: dict[str, tuple[Kind, Callable[[np.random.Generator], Draw]]] = {
    "interactions": ("binary", interactions),
    "steps": ("regression", steps),
    "several": ("multiclass", several),
    "clusters": ("binary", clusters),
}
