"""Training rows, validation rows, and their weights."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.model_selection import train_test_split

from ..tables.columns import short, written
from ..targets.reading import read_target
from ..warn import warn_user

TOO_SMALL = (
    "The validation set is too small. Increase 'validation_fraction' or the size of your dataset"
)
FEWEST = 5  # rows that can be split at all


def numbers(n: int) -> np.ndarray:
    """The numbers of `n` rows; each member has an order of its own, and short ones will do."""
    return np.arange(n, dtype=np.int32 if n < 2**31 else np.int64)


def split(
    contents: list[bytes] | None, stratify: np.ndarray | None, n: int, fraction: float, rng: Any
) -> tuple[np.ndarray, np.ndarray]:
    """Row numbers that learn and that validate.

    Drawn as scikit-learn's MLP draws them, except that more than two classes are
    stratified too, and that copies of a row, where they are known, stay together.
    """
    if contents is None or len(set(contents)) in (n, *range(FEWEST)):
        return _split_rows(n, stratify, fraction, rng)
    copies: dict[bytes, list[int]] = {}
    for i, content in enumerate(contents):
        copies.setdefault(content, []).append(i)
    groups = list(copies.values())
    first = np.array([rows[0] for rows in groups])
    split = _split_rows(len(first), None if stratify is None else stratify[first], fraction, rng)
    train, validation = ([row for i in side for row in groups[i]] for side in split)
    return np.array(train), np.array(validation)


def _split_rows(
    n: int, stratify: np.ndarray | None, fraction: float, rng: Any
) -> tuple[np.ndarray, np.ndarray]:
    n_validation, test_size = int(np.ceil(fraction * n)), fraction
    if n < FEWEST:
        if stratify is not None and n > 1:  # says which class has too few rows, if one has
            train_test_split(np.arange(n), test_size=0.5, random_state=0, stratify=stratify)
        raise ValueError(f"{TOO_SMALL}: got n_samples={n}, needed are {FEWEST}.")
    rows, rare, n_classes = np.arange(n), np.zeros(n, bool), 1
    if stratify is not None:
        _, code, count = np.unique(stratify, axis=0, return_inverse=True, return_counts=True)
        rare = count[code.ravel()] == 1
        n_classes = int((count > 1).sum())
    if n_validation < max(2, n_classes) or rare.any():
        test_size = max(n_validation, 2, n_classes)  # a row of each class, and two at least
    if n_classes == 0 or n - test_size * (test_size >= 1) - rare.sum() < n_classes:
        raise ValueError(
            f"{TOO_SMALL}: got n_samples={n} with {len(count)} classes, too few to have each "
            "class on both split."
        )
    if n - rare.sum() <= (test_size if test_size >= 1 else n_validation):
        raise ValueError(
            f"validation_fraction={fraction} leaves no training rows of n_samples={n}. Make it "
            "smaller, or set early_stopping=False."
        )
    train, validation = train_test_split(
        rows[~rare],
        random_state=rng,
        test_size=test_size,
        stratify=None if stratify is None else stratify[~rare],
    )
    return np.concatenate([train, rows[rare]]), validation


def folds(
    n: int, stratify: np.ndarray | None, fraction: float, k: int, rng: Any
) -> list[np.ndarray]:
    """For each of `k` members the rows that it validates on, about ``fraction · n``.

    Rows are shuffled, put in the order of their classes, and dealt out: each fold has its
    share of every class.  Members beyond the number of folds get folds of another deal.
    """
    n_folds = max(2, round(1 / fraction))
    dealt: list[np.ndarray] = []
    while len(dealt) < k:
        order = rng.permutation(n)
        if stratify is not None:
            order = order[np.argsort(stratify.ravel()[order], kind="stable")]
        dealt += [np.sort(order[i::n_folds]) for i in range(n_folds)]
    return dealt[:k]


def warn_rare(target: np.ndarray, labels: Any) -> None:
    """Say which classes have one row, which cannot both learn and validate."""
    values, count = np.unique(target.astype(int), return_counts=True)
    named = labels[values[count == 1]].tolist()
    if named:
        warn_user(
            "These classes of y have one row each, which stays in the training part: "
            f"{written(named)}. The validation score says nothing about them.",
        )


def contents(x: Any, target: np.ndarray) -> list[bytes]:
    """The bytes of each row: equal for rows that are copies of each other."""
    return [_content(x, i) + target[i].tobytes() for i in range(x.shape[0])]


def _content(x: Any, i: int) -> bytes:
    if isinstance(x, np.ndarray):
        return x[i].tobytes()
    row = x[[i]]  # a CSR row
    row.sum_duplicates()
    row.eliminate_zeros()
    return row.indices.astype(np.int64).tobytes() + row.data.tobytes()


def split_with(
    splitter: Any, X: Any, y: Any, groups: Any, positions: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """A split of a scikit-learn splitter, or of an iterable of index pairs.

    Of several splits it is the one with most training rows, the first of these: the last one
    of ``TimeSeriesSplit``, the first one of ``KFold``.  `positions` holds the present number of
    each row that index pairs count, -1 for a removed row of weight 0.
    """
    pairs = splitter
    if hasattr(splitter, "split"):
        pairs, positions = splitter.split(X, y, groups), np.arange(len(y))
    try:
        splits = [check_pair(pair, len(positions)) for pair in pairs]
    except ValueError as error:
        if groups is None and "'groups' parameter" in str(error):
            raise ValueError(
                f"{type(splitter).__name__} as validation_fraction needs the group of each row, "
                "got none. Pass groups to fit."
            ) from error
        raise
    if not splits:
        raise ValueError(
            "validation_fraction needs a splitter or an iterable with at least one pair (training "
            "rows, validation rows), got an empty iterable. An iterator can be used only once: "
            "pass a list of pairs."
        )
    largest = max(splits, key=lambda pair: len(pair[0]))
    training, validation = (positions[part][positions[part] >= 0] for part in largest)
    if len(validation) < 2:
        raise ValueError(f"{TOO_SMALL}: the splitter gave {len(validation)} rows to validate.")
    return training, validation


def check_pair(pair: Any, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of training rows and of validation rows, as arrays; masks are allowed."""
    name = "Each pair of validation_fraction"
    try:
        training, validation = (np.asarray(part) for part in pair)
    except (TypeError, ValueError):
        raise ValueError(
            f"{name} must hold two arrays of row numbers, (training, validation), got "
            f"{short(repr(pair))}. A single pair is written in a list, [(training, validation)]."
        ) from None
    index = []
    for part in (training, validation):
        if part.dtype.kind not in "biu" or part.ndim != 1:
            raise ValueError(f"{name} must hold row numbers or masks, got {short(repr(part))}.")
        wrong = len(part) != n if part.dtype.kind == "b" else ((part < -n) | (part >= n)).any()
        if wrong:
            raise ValueError(
                f"{name} must hold numbers of the {n} rows of X, got {short(repr(part))}."
            )
        index.append(np.arange(n)[part])
    common = np.intersect1d(*index)
    if common.size:
        raise ValueError(
            f"{name} must not have a row in both parts, got {common.size} such rows, for example "
            f"row {common[0]}."
        )
    if not len(index[0]):
        raise ValueError(f"{name} needs training rows, got none.")
    return index[0], index[1]


def group_numbers(groups: Any, n: int) -> np.ndarray:
    """The number of the group of each row."""
    groups = read_target(groups, "groups")
    if groups.shape != (n,):
        raise ValueError(f"groups needs one entry for each of the {n} rows, got {groups.shape}.")
    try:
        return np.unique(groups, return_inverse=True)[1]
    except TypeError as error:
        raise ValueError(
            f"groups has entries that cannot be compared: {error}. Make them all numbers or text."
        ) from None


def check_groups(groups: Any, n: int) -> np.ndarray:
    """The number of the group of each row, of which there are two at least."""
    code = group_numbers(groups, n)
    if code.max() < 1:
        raise ValueError(
            "groups needs at least two groups to hold out one of them, got one. Leave groups out, "
            "or set early_stopping=False."
        )
    return code


def group_folds(groups: np.ndarray, fraction: float, k: int, rng: Any) -> list[np.ndarray]:
    """As `folds`, with all rows of a group in the same fold.

    Groups are shuffled, and each is given to the fold with the fewest rows.
    """
    sizes = np.bincount(groups)
    n_folds = min(max(2, round(1 / fraction)), len(sizes))
    dealt: list[np.ndarray] = []
    while len(dealt) < k:
        n_rows, fold_of = np.zeros(n_folds), np.empty(len(sizes), int)
        for group in rng.permutation(len(sizes)):
            fold_of[group] = fold = int(np.argmin(n_rows))
            n_rows[fold] += sizes[group]
        dealt += [np.flatnonzero(fold_of[groups] == fold) for fold in range(n_folds)]
    return dealt[:k]


def divide_groups(groups: np.ndarray, folds: list[np.ndarray]) -> bool:
    """Is a group partly in one of the folds, and partly outside?"""
    size = np.bincount(groups)
    inside = np.array([np.bincount(groups[fold], minlength=len(size)) for fold in folds])
    return bool(((inside > 0) & (inside < size)).any())
