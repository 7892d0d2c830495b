"""Mutation tests: each mutant must be found by the unit tests of its own room.

Run on demand, from anywhere: ``python tests/mutants.py [room or file ...]``.

A mutant replaces one text of one file of the package.  The script copies the project to a
temporary folder, applies one mutant at a time and runs the tests of its room there, without the
slow ones, at most 60 seconds.  It prints whether the mutant was killed (a test failed) or survived.
The exit code is 1 if a mutant survived, or if its text is not in the file exactly once: then the
code has changed, and the mutant must be changed with it.  ``tests/test_mutants.py`` checks the
texts in every run of the suite.
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

# For each file below skbackprop/ the tests that must find its mutants, below tests/, and the
# mutants: the old text, the new text, and what is wrong then.
TABLE: dict[str, tuple[str, list[tuple[str, str, str]]]] = {
    # --- nn ---------------------------------------------------------------------------------
    "nn/layers/dense.py": (
        "nn",
        [
            ("matmul)(x.T, d_rows", "matmul)(x.T, -d_rows", "gradient of the weights: sign"),
            ("product(d, WT, out=dx)", "product(-d, WT, out=dx)", "gradient of the input: sign"),
        ],
    ),
    "nn/layers/dropout.py": (
        "nn",
        [
            ("LEVELS / (LEVELS - threshold)", "LEVELS / LEVELS", "what is kept is not scaled up"),
            ("np.multiply(d, mask, out=d)", "d", "the gradient passes dropped units"),
        ],
    ),
    "nn/layers/norm.py": (
        "nn",
        [
            ("p.mean += weight * (mean - p.mean)", "p.mean += mean", "the running mean grows"),
            ("            d -= mean\n", "            d += mean\n", "gradient of the mean: sign"),
        ],
    ),
    "nn/monotone.py": (
        "nn/test_monotone.py",
        [
            ("d *= np.abs(y)", "d *= y", "the slope of a concave unit is negative"),
            ("[..., below != 0] = 0", "[..., below > 9] = 0", "scales may change the order"),
            ("NEVER, 0.0)", "1.0, 0.0)", "cosines count as increasing"),
            ("~(product < 0)", "(product > 0)", "inputs of no direction are free"),
        ],
    ),
    "nn/activations.py": (
        "nn/test_activations.py",
        [
            ("d *= 1 - y * y", "d *= 1 - y", "slope of tanh"),
            ("d *= s + y * (1 - s)", "d *= s + y", "slope of SiLU"),
        ],
    ),
    "nn/losses/classification.py": (
        "nn",
        [
            (
                "return target * (1 - epsilon) + epsilon / n_classes",
                "return target * (1 - epsilon) + epsilon",
                "smoothed labels do not add up to 1",
            ),
            ("losses -= chosen", "losses += chosen", "log loss: sign of the chosen score"),
        ],
    ),
    "nn/losses/regression.py": (
        "nn",
        [("losses *= b\n", "losses *= a\n", "the side of a loss with two slopes")],
    ),
    "nn/losses/base.py": (
        "nn",
        [("losses = losses * weight\n", "losses = losses + 0\n", "weights are ignored")],
    ),
    "nn/initializers.py": (
        "nn/test_initializers.py",
        [('"he": 2 / n_in', '"he": 1 / n_in', "variance of He")],
    ),
    "nn/parameters.py": (
        "nn",
        [('leaf[1].role == "free"', 'leaf[1].role != "free"', "free parameters are penalized")],
    ),
    # --- optim ------------------------------------------------------------------------------
    "optim/adaptive.py": (
        "optim/test_optimizers.py",
        [
            ("1 - self.beta_2**t", "1 - self.beta_1**t", "correction of the second moment"),
            (
                "self.momentum(state.t), self.momentum(state.t + 1)",
                "self.momentum(state.t), self.momentum(state.t)",
                "Nadam looks no step ahead",
            ),
            ("scale(s, lr, 1 / sqrt(1 - self.rho))", "scale(s, lr)", "first steps of RMSprop"),
        ],
    ),
    "optim/sgd.py": (
        "optim/test_optimizers.py",
        [("        v *= self.momentum\n", "        v *= 1\n", "momentum is 1")],
    ),
    "optim/signs.py": (
        "optim/test_optimizers.py",
        [("grad_sum *= self.beta_2", "grad_sum *= self.beta_1", "Lion: the other beta")],
    ),
    "optim/schedule_free.py": (
        "optim/test_optimizers.py",
        [("share = largest**2 / total", "share = largest / total", "weight of a step")],
    ),
    "optim/muon.py": (
        "optim/test_muon.py",
        [("sqrt(max(1.0, cols / rows))", "1.0", "the size of a step ignores the shape")],
    ),
    "optim/base.py": (
        "optim/test_optimizers.py",
        [
            ("range(0, theta.size, block)", "range(block, theta.size, block)", "first block"),
            ("if t % 256 == 0", "if t % 4096 == 0", "subnormal numbers stay for long"),
        ],
    ),
    "optim/regularize.py": (
        "optim/test_regularize.py",
        [
            (
                "if max_norm is not None and max_norm < norm",
                "if max_norm is not None",
                "small gradients are made larger",
            ),
            ("theta *= 1 - amount", "theta *= 1 + amount", "weight decay: sign"),
        ],
    ),
    "optim/averaging.py": (
        "optim/test_averaging.py",
        [
            ("(1 + self.t) / (10 + self.t)", "self.decay", "the start stays in the average"),
            ("return self.t / (self.t + 1)", "return 0.5", "not the mean of all"),
        ],
    ),
    "optim/schedules.py": (
        "optim/test_schedules.py",
        [
            ("clock.steps_done + 1", "clock.steps_done", "a step late"),
            ("self.n_epochs - self.first_step", "self.n_epochs", "progress of a second call"),
            ("log2(1 + 15 * clock.progress)", "log2(1 + 7 * clock.progress)", "cycles"),
        ],
    ),
    # --- training ---------------------------------------------------------------------------
    "training/callbacks/restore.py": (
        "training",
        [
            (
                "better = scores > self.best_scores",
                "better = scores > self.best_scores + 1e-3",
                "a small gain does not count",
            ),
            (
                "better = scores > self.best_scores",
                "better = scores >= self.best_scores",
                "the last of equal epochs is kept",
            ),
            (
                "losses < self.best_losses, better",
                "losses > self.best_losses, better",
                "of equal scores the larger loss",
            ),
        ],
    ),
    "training/loop.py": (
        "training",
        [
            (
                "total += step(batch) * (clock.samples - before)",
                "total += step(batch)",
                "mean of the losses of rows",
            ),
            ("reversed(hooks[", "list(hooks[", "the first callback is not called last"),
            (
                "plan.horizon or run.clock.epoch + plan.max_epochs",
                "plan.max_epochs",
                "second calls",
            ),
            ("deepcopy(run.rng).randint", "run.rng.randint", "dropout changes the order of rows"),
            ("run.average.decay = plan.average.decay", "pass", "the decay of the first call"),
        ],
    ),
    "training/history.py": (
        "training",
        [
            ("[self._n_rows - 1]", "[-1]", "the newest row of a copy"),
            ("    self._own_lists()\n        for name, column", "    for name, column", "copies"),
            ("min(self._n_rows, n_rows)", "n_rows", "rows that are not there"),
        ],
    ),
    "training/parallel_members.py": (
        "training",
        [
            ("(i < n_members % n_stacks)", "0", "members are lost"),
            ("if n_members * width < LARGE", "if width < LARGE", "large layers in one thread"),
            ("any(run.best_epoch == 0 for run in diverged)", "False", "untrained members"),
            ("small[np.arange(size) % n]", "small[np.zeros(size, int)]", "copies of one member"),
            ("sum(values) / len(values)", "sum(values) / len(columns)", "stacks that ended"),
            ("interrupted = train(plan, run).interrupted", "train(plan, run)", "Ctrl-C goes on"),
            ("key=lambda run: run.clock.epoch)", "key=lambda run: -run.clock.epoch)", "longest"),
            ("        first += size\n\n\ndef load", "\n\ndef load", "stacks of other members"),
        ],
    ),
    "training/callbacks/budget.py": (
        "training",
        [
            ("affordable < run.max_epochs", "affordable > run.max_epochs", "more than planned"),
            ("run.first_epoch + affordable", "affordable", "the schedule of a second call"),
            ("run.n_epochs * self.seconds / spent", "self.seconds / spent", "time of all epochs"),
            ("self.spent + now - self.last, now", "now - self.last, now", "the last epoch alone"),
            ("if spent >= self.seconds or", "if", "a last epoch that is too long"),
        ],
    ),
    "training/callbacks/stopping.py": (
        "training",
        [
            ("not loss <= plateau.reference - tol", "loss > plateau.reference - tol", "NaN"),
            ("not -score <= plateau.reference - tol", "-score > plateau.reference - tol", "NaN"),
            ("not loss <= plateau.reference - tol", "not loss <= plateau.reference", "tol"),
            (
                "self.plateau) > self.n_iter_no_change",
                "self.plateau) >= self.n_iter_no_change",
                "an epoch of patience too few",
            ),
            ("plateau.reference_loss = loss", "pass", "the reference of the loss stays"),
            (" or fell", "", "a loss that falls does not count"),
            ("plateau.reference = -score", "plateau.reference = score", "sign of the reference"),
            ("0 if improved else", "plateau.n_epochs if improved else", "not in a row"),
        ],
    ),
    "training/callbacks/replay.py": (
        "training",
        [
            ("now = self.epochs == run", "now = self.epochs >= run", "epochs before"),
            ("self.epochs.max():", "self.epochs.min():", "the first of the members ends training"),
            ("run.eval_network()", "run.network", "weights that are not averaged"),
            ("min(run.clock.epoch, len", "min(run.n_epochs, len", "rates of a second call"),
            ("and run.stop_reason not in ARRIVED", "", "L-BFGS that has converged"),
            ("if not run.failed and", "if", "weights of a fit that failed"),
        ],
    ),
    "training/objective.py": (
        "training",
        [
            (
                "share = rows.weight / rows.target.dtype.type(self.mean_weight)",
                "pass",
                "the weight of a batch of one row",
            ),
            (
                "added += self.network.grad",
                "added[...] = self.network.grad",
                "the last micro-batch alone",
            ),
            ("np.maximum(total, TINY)", "total", "a batch of weight 0"),
            ("return value / bound.n_members", "return value", "the sum of members"),
            (
                "self.label_smoothing * factor",
                "self.label_smoothing",
                "the schedule of label smoothing is ignored",
            ),
            ("self.alpha / total", "self.alpha", "the penalty is not divided by the rows"),
        ],
    ),
    "training/step.py": (
        "training estimators/test_monotone.py",
        [
            ("np.clip(theta, *plan.limits, out=theta)", "pass", "steps leave the limits"),
            (
                "        lr = run.lr = plan.learning_rate",
                "        clock.tick(n)\n        lr = run.lr = plan.learning_rate",
                "the clock is a step early",
            ),
            (
                "clock.step >= self.first_averaged",
                "clock.step > self.first_averaged",
                "averaging begins a step late",
            ),
        ],
    ),
    "training/callbacks/reduce_on_plateau.py": (
        "training",
        [
            (
                "run.plateau) <= self.n_iter_no_change",
                "run.plateau) < self.n_iter_no_change",
                "an epoch of patience too few",
            ),
            ("run.lr_scale /= self.factor", "run.lr_scale = 1 / self.factor", "divided once"),
            ("run.plateau = Plateau()", "pass", "one low loss causes all divisions"),
            ("run.lr <= self.smallest", "run.lr < self.smallest", "the smallest rate"),
            ("self.smallest:\n            run.stop", "self.smallest:\n            str", "no end"),
        ],
    ),
    "training/callbacks/restarts.py": (
        "training",
        [
            ("fall > self.gain * middle", "fall > self.gain", "an absolute gain"),
            (" and fall >= self.least", "", "negligible falls"),
            (" and end >= self.least", "", "negligible losses"),
            ("length = run.max_epochs - self.begin", "length = run.max_epochs", "length"),
            ("run.first_epoch + self.begin :", "self.begin :", "losses of an earlier call"),
            ("if end > run.n_epochs", "if end >= run.n_epochs", "restarts of no length"),
            ("run.clock.first_step = run.clock.step", "pass", "the schedule goes on"),
            ("run.clock.epoch + length", "run.max_epochs", "the horizon of a second call"),
            ("np.inf if loss is None", "0.0 if loss is None", "epochs that were not evaluated"),
            ("self.n_restarts >= self.max_restarts or not pays", "not pays", "no end"),
            ("self.factor * length", "length", "restarts are as long as the first schedule"),
        ],
    ),
    "training/batches.py": (
        "training",
        [
            (
                "-(-self.n_rows // self.batch_size)",
                "self.n_rows // self.batch_size",
                "the last batch is not counted",
            )
        ],
    ),
    "training/stored.py": (
        "training/test_stored.py",
        [
            ('open("ab")', 'open("wb")', "a bucket keeps the last rows alone"),
            (
                "np.add.at(self.counts, (bucket, fold), 1)",
                "self.counts[bucket, fold] += 1",
                "of equal pairs one is counted",
            ),
            ("self.sum_of_weights / max(self.n, 1)", "self.sum_of_weights", "no mean weight"),
            ("self.sum_of_weights += float", "self.sum_of_weights = float", "of the last rows"),
            ("rest[:, n_targets].astype(int)", "0 * rest[:, 0].astype(int)", "folds are lost"),
            ("fold != left_out", "fold == left_out", "training on the validation rows"),
            (
                "(0 if fold == NO_FOLD else counts[:, fold])",
                "counts[:, fold]",
                "without a fold the last one is subtracted",
            ),
            ("np.min(without, axis=0)", "np.max(without, axis=0)", "members of unequal folds"),
            ("rng.permutation(buckets)", "buckets", "buckets come in the same order"),
            (
                "kept if rng is None else rng.permutation(kept)",
                "kept",
                "rows of a bucket come in the same order",
            ),
            ("np.random.default_rng(order)", "np.random.default_rng(0)", "one order for all"),
            ("rng.randint(2**31)", "rng.randint(8)", "eight orders for all"),
            ("np.where(whole > 0, whole, self.used)", "whole", "small buckets are left out"),
            (
                "self.used // self.batch_size * self.batch_size",
                "self.used",
                "the last batch of a bucket is small",
            ),
            (
                "(-(-self.used // self.batch_size)).sum()",
                "(self.used // self.batch_size).sum()",
                "small batches are not counted",
            ),
            ("self.micro_batch_size or self.batch_size", "self.batch_size", "too much memory"),
        ],
    ),
    "training/resume.py": (
        "training/test_resume.py",
        [
            *(
                (f'    "{name}",\n', "", f"{name} is not restored")
                for name in (
                    "optimizer_state",
                    "clock",
                    "history",
                    "order",
                    "lr_scale",
                    "plateau",
                    "average",
                    "dropout_rng",
                    "max_epochs",
                    "best_epoch",
                    "restarts",
                    "lr",
                    "schedule_factors",
                    "stop_reason",
                    "messages",
                )
            ),
            (
                "network.theta[...], network.fixed[...] = vectors",
                "network.theta[...] = vectors[0]",
                "running statistics are not restored",
            ),
            (
                "(now.shape, now.dtype) != (then.shape, then.dtype)",
                "now.shape != then.shape",
                "a state of another precision is taken",
            ),
            ("run.rng.set_state(", "str(", "the generator is not restored"),
            ("network.over(*value) if isinstance(value, Vectors) else value", "value", "best"),
            (
                "or len(remembered) != len(plan.callbacks)",
                "",
                "a state of other callbacks fails in the middle",
            ),
            ("{name: Vectors.of(getattr(callback, name)) for name in names}", "{}", "callbacks"),
        ],
    ),
    "training/callbacks/solve_output.py": (
        "training/test_solve_output.py",
        [
            ("(1 - self.gain) * best.best_losses", "best.best_losses.copy()", "gain is ignored"),
            (
                "best.best_losses[better] = limits[better] = losses[better]",
                "best.best_losses[better] = losses[better]",
                "the last of the better layers, not the best",
            ),
            (
                "best.best_scores[better] = scores[better]",
                "pass",
                "the score is that of the layer before",
            ),
            ("copy_marked(best.best, solved, better)", "best.best = solved", "all members"),
            ("not run.failed and ", "", "a fit that failed is changed"),
            ("not run.interrupted and ", "", "a fit that was interrupted is changed"),
            (' and run.stop_reason != "diverged"', "", "a fit that diverged is changed"),
            (" or not np.isfinite(best.best_losses).all()", "", "losses that are not finite"),
            (
                "share[member] = weight[member] / weight[member].sum()",
                "share[member] = weight[member] / weight.sum()",
                "shares of a member do not add up to 1",
            ),
            (" and last.bias and last.n_in <= MOST_OUTPUTS", " and last.bias", "wide layers"),
            (" and last.bias and ", " and ", "layers without a bias"),
            ("penalty * size)", "penalty)", "the penalty depends on the unit of the outputs"),
            ("mean[:, :, None] * mean[:, None, :]", "0", "moments in place of covariances"),
            (
                "size[constant], projected[constant] = 1.0, 0.0",
                "size[constant] = 1.0",
                "weights of rounding errors",
            ),
            ("network.theta[...] = best.best.theta", "pass", "the solution is not used"),
        ],
    ),
    # --- tables -----------------------------------------------------------------------------
    "tables/scaling.py": (
        "tables",
        [
            ("CLIP = 3.0", "CLIP = 4.0", "the largest number"),
            ("(0.25, 0.5, 0.75)", "(0.2, 0.5, 0.8)", "no quartiles"),
            ("return 0.5 * x[low] + 0.5 * x[high]", "return x[low]", "the lower of two medians"),
            ("(third or first) < 0", "third < 0", "the sign of a symmetric column"),
            ("quantiles(away[differs], (0.5,)", "quantiles(away, (0.5,)", "zeros count"),
            ("rounding = ROUNDING * max", "rounding = 0 * max", "rounding errors are a spread"),
            ("float(min(1 / spread, LARGEST))", "float(1 / spread)", "subnormal numbers"),
            ("np.cumsum(mass) - mass / 2", "np.cumsum(mass)", "medians of sparse columns"),
            ("target + rounding", "target", "sums of rounded weights"),
        ],
    ),
    "tables/categories.py": (
        "tables",
        [
            ("counts[key] >= least", "counts[key] > least", "min_frequency is one more"),
            ("        share[0] = 0\n", "", "an unknown level has a share"),
            ("count[spelling] == 1}", "count[spelling] >= 1}", "01 and 1 are one level"),
            ("len(new) > 1 and not", "len(new) > 9 and not", "new levels are not said"),
            ("{*keys} <= {None, 0, 1}", "True", "2 instead of a boolean"),
            ("n = np.array([absent + others, ", "n = np.array([absent, ", "rare levels are lost"),
            ("[[0.0], [-1.0], [1.0]]", "[[0.0], [0.0], [1.0]]", "unknown is the first level"),
            ("return same or (", "return (", "booleans in a column of numbers"),
        ],
    ),
    "tables/running.py": (
        "tables",
        [
            ("(np.arange(POINTS) + 0.5) / POINTS", "np.arange(POINTS) / POINTS", "quantiles"),
            ("min(known, MEMORY) / POINTS", "known / POINTS", "the rows before count for ever"),
            ("known // 4", "known // 1", "rows wait too long"),
            ("0.25 <= ratio <= 2", "0.5 <= ratio <= 2", "statistics move too often"),
            ("min(before[1], after[1]) > JUMP", "max(before[1], after[1]) > JUMP", "jumps"),
            ("len(x) < LEAST", "len(x) < 1", "few rows are a jump"),
        ],
    ),
    "tables/growth.py": (
        "tables",
        [
            ("np.copysign(scale, old)", "scale", "columns that are turned"),
            ("counts[k] >= new.min_frequency", "counts[k] > new.min_frequency", "rare levels"),
            ("            new._known[j] = 0.0", "            pass", "rows before a jump"),
            ("max(1.0, n_new / len(rows))", "1.0", "rows that were left out do not count"),
            ("room = max(0, MOST_LEVELS - len(category.levels))", "room = MOST_LEVELS", "levels"),
            (
                "(was_known | ~absent.all(axis=0))",
                "~absent.all(axis=0)",
                "a column that is missing from now on",
            ),
            (
                "np.repeat(table[:1], len(levels), axis=0)",
                "np.repeat(table[-1:], len(levels), axis=0)",
                "a new level is the last one",
            ),
            (" or np.isnan(value).any()", "", "a column that was missing in all rows"),
        ],
    ),
    "tables/value_effects.py": (
        "tables/test_value_effects.py",
        [
            (
                "self.count[self.count >= OFTEN].sum()",
                "self.count[self.count > OFTEN].sum()",
                "10 rows are not often",
            ),
            (
                "self.count[self.of_row[known]] >= OFTEN",
                "self.count[self.of_row[known]] > OFTEN",
                "10 rows are not often",
            ),
            ("count.sum() / (2 * PARTS)", "count.sum()", "a frequent value takes many parts"),
            ("np.cumsum(mass) - mass / 2", "np.cumsum(mass)", "the end of a value, not its middle"),
            ("(count + PRIOR)", "(count + 1e-9)", "effects are not shrunk"),
            ("(values.count >= REPEATED)", "(values.count > REPEATED)", "two rows are too few"),
            ("every - sums(own", "every - 0 * sums(own", "a row sees its own label"),
            ("fold == number) & (values.of_row >= 0)", "fold == number)", "missing is a value"),
            ("d[np.isnan(line)] = 0.0", "pass", "missing values spoil the screen"),
            (
                "np.sqrt(weight.sum()), 0.0)",
                "np.sqrt(len(weight)), 0.0)",
                "standard errors ignore the weights",
            ),
            ("len(values.count) > FEWEST_VALUES", "len(values.count) > 0", "few values"),
            ("values.often >= least_share * w.sum()", "True", "the share of frequent values"),
            ("effect[~values.occurs_often] = 0.0", "pass", "copies of rows pass the screen"),
            ("least_z / 2", "-1", "copies of rows pass the screen"),
            ("passes &= z_of", "passes |= z_of", "one of two conditions is enough"),
            (
                "known[i].scale if i in known else _scales(own, w)",
                "_scales(own, w)",
                "a second call changes the unit of the input",
            ),
            ("np.sqrt(share / square)", "1 / np.sqrt(square)", "zeros count in the scale"),
            ("effect[order]]", "effect[order[::-1]]]", "effects of other values"),
            ("encoder.sign_of(i) * np.unique", "np.unique", "columns that are turned"),
            (
                "order = order[values.count[order] >= REPEATED]",
                "pass",
                "values of one row get a code",
            ),
            ("if single or self.single", "if single", "0.1 of a fit in single precision"),
            ("known[place] == x", "known[place] >= x", "new values have an effect"),
        ],
    ),
    "tables/weights.py": (
        "tables",
        [("-(-n // most) or 1", "n // most or 1", "up to twice as many rows")],
    ),
    "tables/whitening.py": (
        "tables/test_whitening.py",
        [
            ("n < ROWS_EACH * d", "n <= ROWS_EACH * d", "a row more is needed"),
            ("1 < d <= MOST_COLUMNS", "1 < d < MOST_COLUMNS", "a column fewer"),
            ("z[np.isnan(z)] = 0", "z[np.isnan(z)] = 1", "missing is not the median"),
            ("ALIKE = 0.95", "ALIKE = 0.96", "columns that are almost the old ones"),
            ("SMALLEST * values[-1]", "1e-3 * values[-1]", "small directions are dropped"),
            (
                "(V * V * root).sum(axis=1) / np.sqrt((V * V).sum(axis=1))",
                "(V * V * root).sum(axis=1)",
                "correlations of columns that follow from others",
            ),
            ("if not used.all():", "if False:", "columns without variance"),
            ("aweights=weight", "aweights=None", "correlations ignore the weights"),
            ("mean @ matrix + half * factor", "half * factor", "the center is lost"),
            ("(0.5 * factor)", "factor", "the new columns are twice as large"),
            (
                "(known != known.min()) & (known != known.max())",
                "known != known.min()",
                "columns of two values are whitened",
            ),
            ("len(x) if weight is None else weight.sum()", "len(x)", "rows by weight"),
        ],
    ),
    "tables/marginals.py": (
        "tables/test_marginals.py",
        [
            ("slot[1] if len(slot) > 1 else -1", "slot[-1]", "owners of levels and effects"),
            ("weights[0] = 1  #", "weights[:] = 1  #", "the baseline counts rows several times"),
            ("smooth_clip(-encoder", "smooth_clip(encoder", "whitened columns at the median"),
            ("median = 2 * encoder._center", "median = encoder._center", "half the median"),
            ("weights[: len(category.table), j] = category.shares", "pass", "shares of levels"),
            ("n, p=c.shares)", "n)", "levels are equally frequent"),
            ("rng.choice(points, n)", "np.resize(np.median(points), n)", "one number"),
            ("encoder._off[j", "encoder._on[j", "cells are missing"),
            ("NORMAL_SPREAD, n)", "1, n)", "whitened columns are too wide"),
            (
                "(1 - (encoded / CLIP) ** 2, 0) ** 1.5  # of",
                "(1 - (encoded / CLIP) ** 2, 0) ** 0.5  # of",
                "slope of the clip",
            ),
            (
                "(1 - (encoded[:, places] / CLIP) ** 2, 0) ** 1.5",
                "(1 - (encoded[:, places] / CLIP) ** 2, 0) ** 0.5",
                "slope of the clip of whitened columns",
            ),
            ("return slopes * encoder._scale", "return slopes", "slopes of sparse columns"),
            ("slopes[:, encoder.n_numeric :] = 0", "pass", "indicators have slopes"),
            ("*= 0.5 * encoder._scale", "*= encoder._scale", "slopes are twice as large"),
            ("place[0])), j] = np.nan", "place[0])), j] = 0", "a missing number has a slope"),
            ("0.5 * whitening.scale[:, None]", "whitening.scale[:, None]", "twice as large"),
            ("1 - 1 / FAR)", "1)", "numbers at the clip are infinite"),
            ("x = 2 * (halves", "x = (halves", "half of the numbers"),
            ("scaled, rows = linear_scale(x", "scaled, _ = linear_scale(x", "rows are overwritten"),
        ],
    ),
    # --- targets ----------------------------------------------------------------------------
    "targets/label_codecs.py": (
        "targets",
        [
            (
                "            return (scores[:, 0] > 0).astype(int)",
                "            return (scores[:, 0] < 0).astype(int)",
                "the other class",
            ),
            ("np.average(hits, weights=weight)", "np.average(hits)", "accuracy without weights"),
            (
                "np.concatenate([-scores, scores], axis=1)",
                "np.concatenate([scores, -scores], axis=1)",
                "probabilities of the other class",
            ),
            ("place.get(label, -1)", "place.get(label, 0)", "unknown labels are the first class"),
            ("np.minimum(p, 1 - limits.epsneg)", "np.minimum(p, 1)", "a probability of 1"),
            ("log_p[lost] = exact", "pass", "the logarithm of a tiny probability is 0"),
            (
                "limits.tiny / (1 + np.log(limits.tiny) - exact)",
                "limits.tiny",
                "tiny ones are equal",
            ),
            (
                "if len({column.dtype.kind for column in columns}) == 1:",
                "if True:",
                "labels as text",
            ),
            ("np.zeros_like(scores) if log else", "np.ones_like(scores) if log else", "one class"),
        ],
    ),
    "targets/number_codec.py": (
        "targets",
        [
            (
                "columns, weight = columns[weight > 0], weight[weight > 0]",
                "pass",
                "limits of rows of weight 0",
            ),
            ("scale = np.where(scale > 0, scale, 1.0)", "scale = 1.0 * scale", "a constant target"),
            ("(0.05, 0.95))", "(0.0, 1.0))", "far values are not said"),
            ("range(n if robust else 0)", "range(0)", "outliers hide the other rows"),
            (
                "np.abs(self._each(self.scale, deviations))",
                "self._each(self.scale, deviations)",
                "negative deviations",
            ),
            ("self._each(self.low, y), self", "self._each(self.high, y), self", "limits"),
            (
                "np.repeat(np.broadcast_to(values, self.n_targets), per_target)",
                "np.resize(np.broadcast_to(values, self.n_targets), predictions.shape[1])",
                "quantiles of other columns",
            ),
            ("u = np.ldexp(columns, -exponent)", "u = columns", "squares of huge numbers"),
            ("np.sqrt(limit / target.size)", "np.sqrt(limit)", "the sum of squares is infinite"),
            ("if after < 0.5 * before:", "if False:", "values that become equal"),
            ("HOMOGENEOUS and (asked or own)", "HOMOGENEOUS and asked", "the unit of amounts"),
            ("scale *= [skew", "scale *= [0 * skew", "sign of the scale"),
        ],
    ),
    "targets/class_weight.py": (
        "targets",
        [
            (
                "(present.sum() * count[present])",
                "(len(count) * count[present])",
                "classes without rows count",
            ),
            ("else before + together", "else together", "the counts of earlier calls"),
            (
                "np.maximum(np.rint(count / grid), count > 0)",
                "np.rint(count / grid)",
                "a class of little weight",
            ),
            ("factor *= of_class", "factor = of_class", "the last column alone"),
            ("if weight == 0}", "if weight < 0}", "classes of weight 0"),
            ("or weight < 0 or", "or weight <= 0 or", "weight 0 is refused"),
            ("given.get(label, 1.0)", "given.get(label, 0.0)", "classes that are not named"),
        ],
    ),
    "targets/running.py": (
        "targets",
        [
            ("mean=self.mean + share * gap", "mean=other.mean", "the rows before are forgotten"),
            ("(self.variance + share * gap**2)", "self.variance", "variance between two calls"),
            ("before = min(self.n, MEMORY)", "before = self.n", "the rows before count for ever"),
            ("low=np.minimum(codec.low, low)", "low=low", "limits of the rows before"),
            ("np.sqrt(self.variance + self.mean**2)", "np.sqrt(self.variance)", "without a bias"),
            ("codec.center + codec.scale * shift", "codec.center + shift", "unit of a shift"),
            (
                "(old.center - new.center) / new.scale",
                "(old.center - new.center) / old.scale",
                "unit of a shift",
            ),
            ("np.log(ratio)", "-np.log(ratio)", "sign of a factor as a logarithm"),
            ("variance=self.variance / scale**2", "variance=self.variance / scale", "square"),
            ("np.minimum(ratio, LARGEST)", "ratio", "noise of a large amplitude"),
        ],
    ),
    # --- sources ----------------------------------------------------------------------------
    "sources/survey.py": (
        "sources/test_survey.py",
        [
            ("np.uint64(27))) * mix2", "np.uint64(27))) * mix1", "another hash"),
            ("np.uint64(salt) * mix1", "np.uint64(0)", "the salt is ignored"),
            ("<= self.limit", "< self.limit", "a row too few"),
            ("if self.n > 2 * self.size", "if False", "the sample grows with the source"),
            ("if self.n > self.size:", "if False:", "the sample is too large"),
            (" | np.isin(numbers, self.always)", "", "rare labels are lost"),
            (
                "rows = np.flatnonzero(inverse == k)[:missing]",
                "rows = np.flatnonzero(inverse == k)",
                "all rows of a label",
            ),
            ("counts[c, value] += len(rows)", "pass", "the first rows of each batch"),
            ("max(1, min(self.size, MOST_CELLS", "max(1, max(self.size, MOST_CELLS", "wide tables"),
            ("np.arange(n_rows, n_rows + n)", "np.arange(n)", "numbers begin anew in each batch"),
            ("n_labels != n", "n_labels < n", "labels without rows"),
            ("len(self.numbers) == self.n_rows", "len(self.numbers) >= self.n_rows - 1", "whole"),
        ],
    ),
    "sources/readers.py": (
        "sources",
        [
            ("if found != n and", "if found is None and", "labels of other rows"),
            ('(values is not None or name == "label")', "values is not None", "no labels"),
            ("if batch.num_rows:", "if batch.num_rows > 1:", "rows are lost"),
            ("range(0, X.shape[0], size)", "range(0, X.shape[0] - 1, size)", "the last row"),
            ("value < 1", "value < 0", "a sample of no rows"),
        ],
    ),
    # --- recipes ----------------------------------------------------------------------------
    "recipes/build.py": (
        "recipes",
        [
            ('0.75 if kind == "swa"', '0.5 if kind == "swa"', "where averaging begins"),
            (
                'for name in ("dropout", "weight_decay", "label_smoothing"):\n        schedule',
                'for name in ("dropout", "weight_decay"):\n        schedule',
                "the schedule of label smoothing is ignored",
            ),
        ],
    ),
    "recipes/presets.py": (
        "recipes",
        [("ceil(n / max(1, round(n / size)))", "size", "the last batch is small")],
    ),
    "recipes/monotone.py": (
        "recipes/test_monotone.py",
        [
            (" * np.sign(scale)", "", "columns that are turned"),
            ("np.sign(getattr", "np.abs(getattr", "targets that are turned"),
            ("np.repeat(outputs, resolved", "np.resize(outputs, resolved", "quantiles of outputs"),
            ("found if any(found) else None", "found", "zeros are constraints"),
            ("len(monotonic_cst) != n", "len(monotonic_cst) < n", "an entry too many"),
            ('("numeric", "constant")', '("numeric", "constant", "binary")', "levels"),
            (
                "if old is not None and now != old",
                "if old is not None and now is not None and now != old",
                "constraints are dropped in a second call",
            ),
            ('"normalization": resolved["normalization"] is not None,', "", "layer norm"),
            ('"residual": resolved["residual"],', "", "residual blocks"),
            ('"value_effects": resolved["value_effects"],', "", "effects of values"),
            ('"whitened": resolved["whitened"] > 0,', "", "whitened columns"),
            ('"solve_output": resolved["solve_output"],', "", "a layer that is solved for"),
            ('"gelu_tanh", "mish", "silu")', '"gelu_tanh", "mish")', "SiLU falls"),
            ("codec.n_classes == 2)", "True)", "one class against others of several"),
            ("0 if all(given) else size // 2", "size // 2", "free units without a free column"),
            ("0 if all(given) else size // 2", "0 if any(given) else size // 2", "no free unit"),
            ("and type(loss).combine is Loss.combine", "", "members combined in another way"),
        ],
    ),
    # --- estimators -------------------------------------------------------------------------
    "estimators/stacks.py": (
        "estimators/test_passing.py",
        [
            (
                'label_smoothing=resolved["label_smoothing"]',
                "label_smoothing=0.0",
                "label smoothing is ignored",
            ),
            (
                'weight_decay=resolved["weight_decay"]',
                "weight_decay=0.0",
                "weight decay is ignored",
            ),
            (
                'max_grad_norm=resolved["max_grad_norm"]',
                "max_grad_norm=None",
                "the largest gradient is ignored",
            ),
        ],
    ),
    "estimators/refitting.py": (
        "estimators/test_fine_tuning.py",
        [
            ("plan.learning_rate *= FINE_TUNED", "pass", "the whole learning rate"),
            ("Polynomial(1.0), None", "plan.schedule, None", "the schedule once more"),
            ("part(everything, stack.first, stack.size)", "stack.plan.batches.members", "own rows"),
            ("constant(f(first.clock))", "f", "dropout as at first"),
            ("not in ENDED or not", "is None or not", "a training that was stopped goes on"),
            (" + 0.5)", " + 1)", "half an epoch and less"),
            ("if kind and not is_auto(estimator.refit)", "if kind", "a warning of the preset"),
            ("    if failed:", "    if not failed:", "a failure is taken"),
        ],
    ),
    "estimators/uncertainty.py": (
        "estimators/test_uncertainty.py",
        [
            (" * (1 + 1 / effective_size)", "", "the row to come is not counted"),
            ("np.maximum(low - y, y - high)", "np.maximum(y - low, y - high)", "rows below"),
            ("1 / np.dot(share, share)", "len(share)", "rows of unequal weight"),
            ("level = (1 - alpha)", "level = (1 - alpha / 2)", "both sides"),
            (" * (1 - 1e-9)", "", "a level that is reached but for rounding"),
            ("np.abs(residuals)", "residuals", "rows below the interval"),
        ],
    ),
    "estimators/calibration.py": (
        "estimators/test_calibration.py",
        [
            ("1.0 if weight is None else weight.astype(np.float64)", "1.0", "weights are ignored"),
            ("exp(-brentq", "exp(brentq", "one over the temperature"),
            ("        return HIGHEST", "        return LOWEST", "wrong more often than by chance"),
            ("        return LOWEST", "        return HIGHEST", "right in every row"),
        ],
    ),
    "estimators/rows.py": (
        "estimators/test_rows.py",
        [
            ("order[i::n_folds]", "order[i :: n_folds + 1]", "rows in no fold"),
            ('order[np.argsort(stratify.ravel()[order], kind="stable")]', "order", "classes"),
            ("int(np.argmin(n_rows))", "int(np.argmax(n_rows))", "groups in one fold"),
            ("n_rows[fold] += sizes[group]", "n_rows[fold] += 1", "folds of unequal size"),
            ("rare = count[code.ravel()] == 1", "rare = count[code.ravel()] < 1", "one row"),
            ("key=lambda pair: len(pair[0])", "key=lambda pair: -len(pair[0])", "smallest split"),
            ("positions[part][positions[part] >= 0]", "positions[part]", "rows of weight 0"),
            ("row.eliminate_zeros()", "pass", "zeros that are stored"),
            ("contents is None or len(set(contents)) in (n, *range(FEWEST))", "True", "copies"),
            (
                "min(max(2, round(1 / fraction)), len(sizes))",
                "max(2, round(1 / fraction))",
                "fewer groups than folds",
            ),
            ("    if common.size:", "    if False:", "rows in both parts"),
            ("return dealt[:k]\n\n\ndef warn", "return dealt[:1] * k\n\n\ndef warn", "one fold"),
        ],
    ),
    "estimators/effects.py": (
        "estimators/test_value_effects.py",
        [
            (" and inputs.X_val is None", "", "rows are held out twice"),
            ("table.rows.n < FEWEST_ROWS", "table.rows.n <= FEWEST_ROWS", "a row more"),
            ("() if inputs.incremental else", "", "streams change effects"),
            ('if not resolved["value_effects"]:', "if False:", "the parameter is ignored"),
            ("head.n_targets > 1", "False", "effects on several classes"),
            ("OF_LABELS if heads else OF_NUMBERS", "OF_NUMBERS if heads else OF_LABELS", "limits"),
            ("    rng = deepcopy(rng)\n", "", "effects change the order of rows"),
            ("if k == 1 else held", "if k == 1 else held[:1]", "folds of other members"),
            ("in reversed([held]", "in ([held]", "the last of the members"),
            ("max(2, N_FOLDS - first)", "(N_FOLDS - first)", "many members leave no fold"),
            (
                "max(2, N_FOLDS - first))[unit]",
                "max(1, N_FOLDS - first))[unit]",
                "the rest sees its own labels",
            ),
            (
                "rows.group_numbers(groups, n)[rest]",
                "np.arange(len(rest))",
                "groups are divided",
            ),
            ("fold, first = np.full(n, -1), 0", "fold, first = np.full(n, 0), 0", "one fold"),
        ],
    ),
    "estimators/split.py": (
        "estimators/test_value_effects.py",
        [("known[0] == key", "True", "validation rows of another table")],
    ),
    "estimators/source.py": (
        "estimators/test_sources.py",
        [
            ("first += len(numbers)", "first = len(numbers)", "rows are not counted"),
            (
                "            if shuffle:",
                "            if not shuffle:",
                "buckets in the given order",
            ),
            ("numbers = numbers[kept]", "numbers = numbers[: len(kept)]", "folds of other rows"),
            ("if first != n:", "if first > n:", "fewer rows in the second reading"),
            ("SALT_OF_BUCKETS = 1, 2", "SALT_OF_BUCKETS = 1, 1", "folds are parts of buckets"),
            ("max(2, round(1 / fraction))", "round(1 / fraction)", "all rows are held out"),
            (" * inputs.weight_scale", "", "weights of another unit than those of the sample"),
            (
                "numbers if inputs.kept_rows is None else numbers[inputs.kept_rows]",
                "numbers if inputs.kept_rows is None else numbers[: len(inputs.kept_rows)]",
                "validation rows that are trained on",
            ),
            ("    if not rows_of_batch(batch, name):", "    if False:", "empty batches"),
            ("if not found.is_complete:", "if True:", "few rows are written to files"),
        ],
    ),
    # --- io ---------------------------------------------------------------------------------
    "io/safetensors.py": (
        "files/test_safetensors.py",
        [
            (
                "crc = zlib.crc32(block.data, crc)",
                "crc = zlib.crc32(block.data)",
                "only one block counts",
            ),
            ("if n < len(block):", "if n < 0:", "a file that became shorter"),
        ],
    ),
    "io/checkpoint.py": (
        "files/test_checkpoint_files.py",
        [
            ("REST = 100", "REST = 1", "writing takes half of the time"),
            ("max(every, REST * self.seconds) if every else 0", "every", "slow disks"),
            (
                "if not is_due and run.stop_reason is None:",
                "if not is_due:",
                "the end of a training is lost for the next one",
            ),
            ('"interrupted", "failed"', '"interrupted",', "a training that failed is an end"),
            ('"interrupted", "failed"', '"failed",', "a training interrupted is an end"),
            (
                "{name: array.copy() for name, array in encoder.tensors.items()}",
                "dict(encoder.tensors)",
                "a state goes on changing",
            ),
            (
                "{name: array.copy() for name, array in part.tensors.items()}",
                "dict(part.tensors)",
                "training changes the state that is read",
            ),
            ('name.split(".")[0] == path', "name.startswith(path)", "training_1 and training_10"),
            ("if interrupted or self._stamp is None or", "if self._stamp is None or", "removed"),
            (
                "if interrupted or self._stamp is None or self._current() != self._stamp:",
                "if interrupted or self._stamp is None:",
                "a file of another process is removed",
            ),
            ("not in (None, self._stamp)", "is False", "a file of another process is lost"),
            ("self._known.get(name, fact) != fact", "self._known.get(name) != fact", "new facts"),
            ("hashlib.sha256(text.encode())", "hashlib.sha256()", "long texts are all equal"),
            ('f" with arrays {digest(encoder.tensors.values())}"', '""', "arrays are all equal"),
            (
                'f"{part.dtype.str}{part.shape}".encode()',
                'f"{part.dtype.str}".encode()',
                "shapes are all equal",
            ),
            ('found.update(b"None")', "pass", "None is no value"),
            ("(array.data, array.indices, array.indptr)", "(array.data,)", "places of entries"),
            ("for pair in value.items() for item in pair", "for item in value", "dict values"),
            ("if not checked or not isinstance(trainings", "if not isinstance(trainings", "damage"),
        ],
    ),
    # --- inspection -------------------------------------------------------------------------
    "inspection/attributions.py": (
        "inspection/test_attributions.py inspection/test_clients.py",
        [
            (
                "found.reshape(-1, n_starts, found.shape[1]).mean(axis=1)",
                "found.reshape(-1, n_starts, found.shape[1])[:, 0]",
                "the first baseline alone",
            ),
            ("error.reshape(-1, n_starts).mean(axis=1)", "0.0", "errors are lost"),
            (".mean(axis=0) @ directions.T", "[0] @ directions.T", "the base of one baseline"),
            ("weights[:, parts.sources]", "weights[:, -1:]", "weights of another column"),
            ("LARGEST_ERROR = 0.01", "LARGEST_ERROR = 10", "no warning"),
            ("~np.isin(texts, MISSING)", "texts == texts", "a missing level is a level"),
            ("parts.owners >= 0", "parts.owners > 0", "the first column has nothing"),
            ("opened.transform(baseline)", "baseline", "baselines of pipelines"),
            ("np.random.default_rng(0)", "np.random.default_rng()", "other draws in each call"),
            (
                "np.repeat(np.asarray(self.base_values)[None], n, axis=0)",
                "np.repeat(np.asarray(self.base_values)[None], 1, axis=0)",
                "a base for each row",
            ),
            (
                "return rows.mean(axis=-2, keepdims=True)",
                "return rows[..., :1, :]",
                "the first of the rows",
            ),
        ],
    ),
    "inspection/shapley.py": (
        "inspection/test_shapley.py",
        [
            ("owners[whitened] = -1", "pass", "whitened columns count twice"),
            ("np.union1d(owners[owners >= 0], read)", "owners[owners >= 0]", "columns twice"),
            ("z -= x[:, self.whitened] @ self.of_whitened", "pass", "whitened twice"),
            (
                "masks[:, None, ..., self.read]",
                "masks[:, None, ..., : len(self.read)]",
                "other numbers",
            ),
            ("self.parts.scores.terms(z.copy())", "self.upper.terms(z)", "ends in low precision"),
            (
                "starts.whole[:, :, None], of_starts, out",
                "of_starts, of_starts, out",
                "no baseline",
            ),
            ("outputs.mean(axis=(0, 1))", "outputs[0, 0]", "the base of one row"),
            ("variance / n_starts**2", "variance / n_starts", "errors of means"),
            ("np.float64(self.n - 1)", "np.float64(self.n)", "errors of few orders"),
            ("min(n_drawn, MOST_COALITIONS)", "MOST_COALITIONS", "all coalitions in any case"),
            ("max(self.d, 1)", "2", "what all columns add"),
            ("factorial(d - s - 1)", "factorial(d - s)", "weights of coalitions"),
            ("[masks, ~masks]", "[masks, masks]", "no reverse"),
            ("[-end, forth - back, end]", "[end, forth - back, end]", "the first column"),
        ],
    ),
    "inspection/quadrature.py": (
        "inspection/test_quadrature.py",
        [
            ("leggauss(8)", "leggauss(3)", "a coarse quadrature"),
            ("TOLERANCE[dtype] * 0.5**depth", "TOLERANCE[dtype] * 1000", "errors add up"),
            ("np.dtype(np.float64): 1e-6", "np.dtype(np.float64): 1e-2", "the tolerance"),
            (
                "LOOSE, SHORT, SHORTEST = 1e-4, 4, 14",
                "LOOSE, SHORT, SHORTEST = 1e-4, 4, 4",
                "steps",
            ),
            ("LOOSE, SHORT, SHORTEST = 1e-4, 4", "LOOSE, SHORT, SHORTEST = 1e-1, 4", "loose"),
            (
                "        found += (difference - found.sum(axis=1))[:, None] * share\n",
                "",
                "the rest",
            ),
            ("row % self.n_starts", "row // self.n_starts", "baselines of other rows"),
            ("np.tile(self.scores(self.z_start)", "np.repeat(self.scores(self.z_start)", "order"),
            (
                "np.add.at(missing, pieces.row[~again], gap[~again])",
                "missing[pieces.row[~again]] = gap[~again]",
                "the error of the last piece alone",
            ),
            (
                "np.add.at(total, where, gradient",
                "total.__setitem__(where, gradient",
                "of several pieces of a row one counts",
            ),
            ("middle = left + length / 2", "middle = left + length", "halves of other pieces"),
            ("np.concatenate([first, between])", "np.concatenate([first, last])", "ends"),
            ("(weight * length) * gradient", "weight * gradient", "short pieces count as whole"),
            ("part.left + node * length", "node * length", "all pieces begin at the start"),
            ("over = np.maximum(missing - floor, 0)", "over = missing - missing", "no error"),
        ],
    ),
}


class Mutant(NamedTuple):
    """One replacement, and the tests that must find it."""

    path: str  # of the file, below skbackprop/
    old: str
    new: str
    why: str
    tests: str  # below tests/

    @property
    def room(self) -> str:
        """The first folder of the path."""
        return self.path.split("/")[0]

    def __str__(self) -> str:
        return f"{self.path}: {self.why}: {self.old.strip()!r} -> {self.new.strip()!r}"


MUTANTS = [Mutant(path, *texts, tests) for path, (tests, rows) in TABLE.items() for texts in rows]


def mutated(mutant: Mutant, root: Path) -> str:
    """The text of the file with the mutant.

    Raises
    ------
    ValueError
        If the old text is not there exactly once.
    """
    path = root / "skbackprop" / mutant.path
    text = path.read_text("utf-8") if path.exists() else ""
    if text.count(mutant.old) != 1:
        raise ValueError(f"{mutant}: the old text is {text.count(mutant.old)} times in the file.")
    return text.replace(mutant.old, mutant.new)


def run(tests: str, root: Path) -> str:
    """Run tests in the copy: ``"passed"``, ``"failed"`` or ``"timed out"``."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-m", "not slow"]
    command += ["-p", "no:cacheprovider", *(f"tests/{path}" for path in tests.split())]
    environment = os.environ | {"PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(
            command, cwd=root, env=environment, capture_output=True, timeout=LIMIT, check=False
        )
    except subprocess.TimeoutExpired:
        return "timed out"
    if done.returncode not in (0, 1):  # 1: tests failed; 2 and more: they did not run
        return f"not run: {done.stdout.decode()[-300:]}"
    return "passed" if done.returncode == 0 else "failed"


def judge(mutant: Mutant, root: Path) -> str:
    """What became of a mutant: ``"killed"``, ``"survived"`` or what went wrong."""
    path = root / "skbackprop" / mutant.path
    try:
        text = mutated(mutant, root)
    except ValueError as error:
        return str(error)
    original = path.read_text("utf-8")
    try:
        path.write_text(text, "utf-8")
        outcome = run(mutant.tests, root)
    finally:
        path.write_text(original, "utf-8")
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
