"""Mutation tests: each mutant must be found by the unit tests of its own room.

Run on demand, from anywhere: ``python tests/mutants.py [room or file ...]``.

A mutant replaces one text of one file of the package.  The script copies the project to a
temporary folder, applies one mutant at a time and runs the tests of its room there, at most
60 seconds.  It prints whether the mutant was killed (a test failed) or survived.  The exit code
is 1 if a mutant survived, or if its text is not in the file exactly once: then the code has
changed, and the mutant must be changed with it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
LIMIT = 60  # seconds for the tests of one mutant
IGNORED = shutil.ignore_patterns(".git", ".*_cache", "__pycache__", "build", "results", ".venv")


class Mutant(NamedTuple):
    """One replacement, and the tests that must find it, a path below ``tests/``."""

    path: str  # of the file, below skbackprop/
    old: str
    new: str
    tests: str

    @property
    def room(self) -> str:
        """The first folder of the path."""
        return self.path.split("/")[0]

    def __str__(self) -> str:
        return f"{self.path}: {self.old.strip()!r} -> {self.new.strip()!r}"


MUTANTS = [
    # --- nn ---------------------------------------------------------------------------------
    Mutant("nn/layers/dense.py", "matmul)(x.T, d_rows", "matmul)(x.T, -d_rows", "nn"),
    Mutant("nn/layers/dense.py", "product(d, WT, out=dx)", "product(-d, WT, out=dx)", "nn"),
    Mutant("nn/layers/dropout.py", "LEVELS / (LEVELS - threshold)", "LEVELS / LEVELS", "nn"),
    Mutant("nn/layers/dropout.py", "np.multiply(d, mask, out=d)", "d", "nn"),
    Mutant("nn/layers/norm.py", "p.mean += weight * (mean - p.mean)", "p.mean += mean", "nn"),
    Mutant("nn/layers/norm.py", "            d -= mean\n", "            d += mean\n", "nn"),
    Mutant("nn/monotone.py", "d *= np.abs(y)", "d *= y", "nn/test_monotone.py"),
    Mutant(
        "nn/monotone.py", "[..., below != 0] = 0", "[..., below > 9] = 0", "nn/test_monotone.py"
    ),
    Mutant("nn/monotone.py", "NEVER, 0.0)", "1.0, 0.0)", "nn/test_monotone.py"),
    Mutant("nn/monotone.py", "~(product < 0)", "(product > 0)", "nn/test_monotone.py"),
    Mutant("nn/activations.py", "d *= 1 - y * y", "d *= 1 - y", "nn/test_activations.py"),
    Mutant("nn/activations.py", "d *= s + y * (1 - s)", "d *= s + y", "nn/test_activations.py"),
    Mutant(
        "nn/losses/classification.py",
        "return target * (1 - epsilon) + epsilon / n_classes",
        "return target * (1 - epsilon) + epsilon",
        "nn/test_losses.py",
    ),
    Mutant("nn/losses/classification.py", "losses -= chosen", "losses += chosen", "nn"),
    Mutant("nn/losses/regression.py", "losses *= b\n", "losses *= a\n", "nn"),
    Mutant(
        "nn/losses/base.py",
        "losses = losses * weight\n",
        "losses = losses + 0\n",
        "nn",
    ),
    Mutant("nn/initializers.py", '"he": 2 / n_in', '"he": 1 / n_in', "nn/test_initializers.py"),
    Mutant("nn/parameters.py", 'leaf[1].role == "free"', 'leaf[1].role != "free"', "nn"),
    # --- optim ------------------------------------------------------------------------------
    Mutant(
        "optim/adaptive.py", "1 - self.beta_2**t", "1 - self.beta_1**t", "optim/test_optimizers.py"
    ),
    Mutant(
        "optim/adaptive.py",
        "self.momentum(state.t), self.momentum(state.t + 1)",
        "self.momentum(state.t), self.momentum(state.t)",
        "optim/test_optimizers.py",
    ),
    Mutant(
        "optim/adaptive.py",
        "scale(s, lr, 1 / sqrt(1 - self.rho))",
        "scale(s, lr)",
        "optim/test_optimizers.py",
    ),
    Mutant(
        "optim/sgd.py",
        "        v *= self.momentum\n",
        "        v *= 1\n",
        "optim/test_optimizers.py",
    ),
    Mutant(
        "optim/signs.py",
        "grad_sum *= self.beta_2",
        "grad_sum *= self.beta_1",
        "optim/test_optimizers.py",
    ),
    Mutant(
        "optim/schedule_free.py",
        "share = largest**2 / total",
        "share = largest / total",
        "optim/test_optimizers.py",
    ),
    Mutant("optim/muon.py", "sqrt(max(1.0, cols / rows))", "1.0", "optim/test_muon.py"),
    Mutant(
        "optim/base.py",
        "range(0, theta.size, block)",
        "range(block, theta.size, block)",
        "optim/test_optimizers.py",
    ),
    Mutant("optim/base.py", "if t % 256 == 0", "if t % 4096 == 0", "optim/test_optimizers.py"),
    Mutant(
        "optim/regularize.py",
        "if max_norm is not None and max_norm < norm",
        "if max_norm is not None",
        "optim/test_regularize.py",
    ),
    Mutant(
        "optim/regularize.py",
        "theta *= 1 - amount",
        "theta *= 1 + amount",
        "optim/test_regularize.py",
    ),
    Mutant(
        "optim/averaging.py",
        "(1 + self.t) / (10 + self.t)",
        "self.decay",
        "optim/test_averaging.py",
    ),
    Mutant(
        "optim/averaging.py",
        "return self.t / (self.t + 1)",
        "return 0.5",
        "optim/test_averaging.py",
    ),
    Mutant(
        "optim/schedules.py", "clock.steps_done + 1", "clock.steps_done", "optim/test_schedules.py"
    ),
    Mutant(
        "optim/schedules.py",
        "self.n_epochs - self.first_step",
        "self.n_epochs",
        "optim/test_schedules.py",
    ),
    Mutant(
        "optim/schedules.py",
        "log2(1 + 15 * clock.progress)",
        "log2(1 + 7 * clock.progress)",
        "optim/test_schedules.py",
    ),
    # --- training ---------------------------------------------------------------------------
    Mutant(
        "training/callbacks/restore.py",
        "better = scores > self.best_scores",
        "better = scores > self.best_scores + 1e-3",
        "training",
    ),
    Mutant(
        "training/callbacks/restore.py",
        "better = scores > self.best_scores",
        "better = scores >= self.best_scores",
        "training",
    ),
    Mutant(
        "training/callbacks/restore.py",
        "losses < self.best_losses, better",
        "losses > self.best_losses, better",
        "training",
    ),
    Mutant(
        "training/objective.py",
        "self.label_smoothing * factor",
        "self.label_smoothing",
        "training",
    ),
    Mutant("training/objective.py", "self.alpha / total", "self.alpha", "training"),
    Mutant(
        "training/step.py",
        "np.clip(theta, *plan.limits, out=theta)",
        "pass",
        "estimators/test_monotone.py",
    ),
    Mutant(
        "training/step.py",
        "        lr = run.lr = plan.learning_rate",
        "        clock.tick(n)\n        lr = run.lr = plan.learning_rate",
        "training",
    ),
    Mutant(
        "training/step.py",
        "clock.step >= self.first_averaged",
        "clock.step > self.first_averaged",
        "training",
    ),
    Mutant(
        "training/callbacks/reduce_on_plateau.py",
        "run.plateau) <= self.n_iter_no_change",
        "run.plateau) < self.n_iter_no_change",
        "training",
    ),
    Mutant("training/callbacks/restarts.py", "self.factor * length", "length", "training"),
    Mutant(
        "training/batches.py",
        "-(-self.n_rows // self.batch_size)",
        "self.n_rows // self.batch_size",
        "training",
    ),
    # --- tables -----------------------------------------------------------------------------
    Mutant("tables/scaling.py", "CLIP = 3.0", "CLIP = 4.0", "tables"),
    Mutant("tables/scaling.py", "(0.25, 0.5, 0.75)", "(0.2, 0.5, 0.8)", "tables"),
    Mutant("tables/categories.py", "counts[key] >= least", "counts[key] > least", "tables"),
    # --- targets ----------------------------------------------------------------------------
    Mutant(
        "targets/label_codecs.py",
        "            return (scores[:, 0] > 0).astype(int)",
        "            return (scores[:, 0] < 0).astype(int)",
        "targets",
    ),
    Mutant(
        "targets/label_codecs.py",
        "np.average(hits, weights=weight)",
        "np.average(hits)",
        "targets",
    ),
    # --- recipes ----------------------------------------------------------------------------
    Mutant("recipes/build.py", '0.75 if kind == "swa"', '0.5 if kind == "swa"', "recipes"),
    Mutant(
        "recipes/build.py",
        'for name in ("dropout", "weight_decay", "label_smoothing"):\n        schedule',
        'for name in ("dropout", "weight_decay"):\n        schedule',
        "recipes",
    ),
    Mutant("recipes/presets.py", "ceil(n / max(1, round(n / size)))", "size", "recipes"),
    Mutant("recipes/monotone.py", " * np.sign(scale)", "", "estimators/test_monotone.py"),
    Mutant(
        "recipes/monotone.py", "np.sign(getattr", "np.abs(getattr", "estimators/test_monotone.py"
    ),
    # --- estimators -------------------------------------------------------------------------
    Mutant(
        "estimators/learning.py",
        'label_smoothing=resolved["label_smoothing"]',
        "label_smoothing=0.0",
        "estimators/test_passing.py",
    ),
    Mutant(
        "estimators/learning.py",
        'weight_decay=resolved["weight_decay"]',
        "weight_decay=0.0",
        "estimators/test_passing.py",
    ),
    Mutant(
        "estimators/learning.py",
        'max_grad_norm=resolved["max_grad_norm"]',
        "max_grad_norm=None",
        "estimators/test_passing.py",
    ),
]


def apply(mutant: Mutant, root: Path) -> str | None:
    """Write the mutant; returns the original text, or None if the old text is not there once."""
    path = root / "skbackprop" / mutant.path
    text = path.read_text("utf-8") if path.exists() else ""
    if text.count(mutant.old) != 1:
        return None
    path.write_text(text.replace(mutant.old, mutant.new), "utf-8")
    return text


def run(tests: str, root: Path) -> str:
    """Run tests in the copy: ``"passed"``, ``"failed"`` or ``"timed out"``."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider"]
    environment = os.environ | {"PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(
            [*command, *(f"tests/{path}" for path in tests.split())],
            cwd=root,
            env=environment,
            capture_output=True,
            timeout=LIMIT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return "timed out"
    if done.returncode not in (0, 1):  # 1: tests failed; 2 and more: they did not run
        return f"not run: {done.stdout.decode()[-300:]}"
    return "passed" if done.returncode == 0 else "failed"


def judge(mutant: Mutant, root: Path) -> str:
    """What became of a mutant: ``"killed"``, ``"survived"`` or what went wrong."""
    original = apply(mutant, root)
    if original is None:
        return "old text not found exactly once"
    try:
        outcome = run(mutant.tests, root)
    finally:
        (root / "skbackprop" / mutant.path).write_text(original, "utf-8")
    return {"passed": "survived", "failed": "killed"}.get(outcome, outcome)


def main(chosen: list[str]) -> int:
    """Run the mutants of the chosen rooms or files, all by default."""
    mutants = [m for m in MUTANTS if not chosen or {m.room, m.path} & set(chosen)]
    if not mutants:
        print(f"There are no mutants of {chosen}. Rooms: {sorted({m.room for m in MUTANTS})}")
        return 1
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "project"
        shutil.copytree(ROOT, root, ignore=IGNORED)
        for tests in sorted({m.tests for m in mutants}):
            outcome = run(tests, root)
            if outcome != "passed":
                print(f"tests/{tests}: {outcome} without a mutant")
                return 1
        n_bad = 0
        for mutant in mutants:
            verdict = judge(mutant, root)
            n_bad += verdict != "killed"
            print(f"{verdict:9} {mutant}", flush=True)
    print(f"{len(mutants) - n_bad} of {len(mutants)} mutants killed")
    return int(n_bad > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
