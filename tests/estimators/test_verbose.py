"""What ``verbose`` prints."""

import re
import sys

import numpy as np
import pytest

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop.mlp import MLPClassifier
from skbackprop.recipes import build
from skbackprop.training.callbacks import Checkpoint, reporting

from .common import unconverged

pytestmark = unconverged

RNG = np.random.default_rng(0)
X = RNG.normal(size=(160, 3))
Y = X[:, 0] * X[:, 1] + X[:, 2]
LABELS = Y > 0
PRESETS = pytest.mark.parametrize("preset", ["auto", "fast", "best"])
EPOCH = re.compile(r"epoch +(\d+)/(\d+): training loss [\d.e-]+(, validation loss [\d.e-]+)?")


def printed(estimator, capsys, *arguments, **keywords):
    estimator.fit(*(arguments or (X, LABELS)), **keywords)
    out, err = capsys.readouterr()
    assert err == ""
    return out.splitlines()


def epochs(lines):
    return [int(match[1]) for match in map(EPOCH.search, lines) if match]


@PRESETS
def test_true_prints_a_few_lines(preset, capsys):
    model = BackpropClassifier(preset=preset, verbose=True, random_state=0)
    lines = printed(model, capsys)
    assert 8 <= len(lines) <= 25
    resolved = model.resolved_params_
    assert lines[0].startswith(
        f"preset={preset!r}: {resolved['n_members']} members, up to {resolved['max_iter']} epochs"
    )
    assert lines[0].endswith("16 of 160 rows validate each member")
    assert ("warm restarts" in lines[0]) == (resolved["max_restarts"] > 0)
    assert lines[-1].startswith(
        f"stopped after epoch {model.n_iter_} (all planned epochs are done)"
    )
    assert lines[-1].endswith(f"validation loss {-model.best_validation_score_:.4g}")
    assert epochs(lines)[-1] == model.n_iter_
    assert "score" not in "".join(lines)


def test_a_number_is_a_period_in_epochs(capsys):
    model = BackpropClassifier(verbose=3, max_iter=10, random_state=0)
    assert epochs(printed(model, capsys)) == [3, 6, 9, 10]
    model.set_params(verbose=1)
    assert epochs(printed(model, capsys)) == list(range(1, 11))
    model.set_params(verbose=0)
    assert printed(model, capsys) == []


def test_the_losses_are_those_of_the_history(capsys):
    model = BackpropRegressor(verbose=1, max_iter=4, random_state=0)
    lines = printed(model, capsys, X, Y)
    history = model.history_
    for i, line in enumerate(lines[1:-1]):
        loss, validation = history["loss"][i], history["validation_loss"][i]
        expected = f"training loss {loss:.4g}, validation loss {validation:.4g}"
        assert line == f"epoch {i + 1}/4: {expected}"


def test_warm_restarts_are_printed(capsys, monkeypatch):
    monkeypatch.setitem(build.GAINS, "squared_error", 0.1)
    model = BackpropRegressor(verbose=True, max_iter=8, max_restarts=2, n_members=8, random_state=0)
    lines = printed(model, capsys, X, Y)
    assert "warm restart: 16 more epochs" in lines
    assert any(line.startswith("epoch 24/24: ") for line in lines)
    assert epochs(lines)[-1] == model.n_iter_ > 8


def test_a_score_is_called_by_its_name(capsys):
    lines = printed(BackpropClassifier(verbose=1, max_iter=2, scoring="accuracy"), capsys)
    assert all("validation loss" in line for line in lines[1:-1])
    assert all("validation accuracy" in line for line in lines[1:])


def test_the_end_says_why_and_what_is_kept(capsys):
    settings = {"early_stopping": False, "n_members": 1, "random_state": 0}
    model = BackpropClassifier(verbose=True, max_iter=3, **settings)
    lines = printed(model, capsys)
    assert lines[0] == "preset='auto': one network, up to 3 epochs, no validation rows"
    assert lines[-1] == "stopped after epoch 3 (all planned epochs are done); kept: epoch 3"
    model.set_params(n_iter_no_change=1, tol=10.0, max_iter=30)
    assert "(no improvement for n_iter_no_change epochs)" in printed(model, capsys)[-1]
    model.set_params(solver="lbfgs", n_members="auto", n_iter_no_change="auto", tol=1e9)
    assert "(converged)" in printed(model, capsys)[-1]
    model = BackpropClassifier(verbose=True, max_iter=3, random_state=0)
    lines = printed(model, capsys, X, LABELS, X_val=X[:20], y_val=LABELS[:20])
    assert lines[0].endswith(", 20 validation rows")


def test_later_calls_count_epochs_on(capsys):
    model = BackpropClassifier(verbose=True, max_iter=2, warm_start=True, random_state=0)
    model.fit(X, LABELS)
    assert epochs(printed(model, capsys))[-1] == 4
    model.partial_fit(X, LABELS)
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("epoch 5/5: training loss ")


def test_a_second_training_and_stacks_are_named(capsys):
    lines = printed(BackpropClassifier(verbose=1, max_iter=2, refit=True), capsys)
    assert any(line.startswith("on all rows, epoch 1/") for line in lines)
    wide = {"hidden_layer_sizes": (1024,), "batch_size": 144, "n_members": 2}
    lines = printed(BackpropClassifier(verbose=1, max_iter=2, **wide), capsys)
    starts = [line.split(":")[0] for line in lines[1:-1]]
    assert starts == [f"stack {i} of 2, epoch {j}/2" for i in (1, 2) for j in (1, 2)]


@pytest.mark.parametrize("make", [MLPClassifier, BackpropClassifier])
@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("verbose", [True, 5])
def test_plain_prints_the_lines_of_scikit_learn(make, early_stopping, verbose, capsys):
    preset = {} if make is MLPClassifier else {"preset": "plain"}
    model = make((4,), max_iter=3, early_stopping=early_stopping, verbose=verbose, **preset)
    lines = printed(model, capsys)
    expected = []
    for i, loss in enumerate(model.loss_curve_):
        expected.append(f"Iteration {i + 1}, loss = {loss:.8f}")
        if early_stopping:
            expected.append(f"Validation score: {model.validation_scores_[i]:f}")
    assert lines == expected


# The bar, and the logger --------------------------------------------------------------------


@pytest.mark.parametrize("make", [BackpropClassifier, MLPClassifier])
def test_bar_shows_epochs_and_losses(make, capsys, monkeypatch):
    pytest.importorskip("rich")
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    monkeypatch.setenv("COLUMNS", "140")
    model = make(verbose="bar", max_iter=3, early_stopping=True, random_state=0).fit(X, LABELS)
    out, _ = capsys.readouterr()
    losses = [loss for loss in model.history_["validation_loss"] if loss is not None]
    assert "3/3" in out
    assert f"loss {model.history_['loss'][-1]:.4g}, validation loss {losses[-1]:.4g}" in out
    assert f"best {min(losses):.4g}" in out


def test_bar_without_a_terminal_prints_lines(capsys, monkeypatch):
    pytest.importorskip("rich")
    monkeypatch.setenv("TTY_COMPATIBLE", "0")
    lines = printed(BackpropClassifier(verbose="bar", max_iter=3, random_state=0), capsys)
    assert epochs(lines) == [1, 2, 3]


def test_bar_names_what_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "rich", None)
    with pytest.raises(ImportError, match=r"verbose='bar' needs rich.*skbackprop\[progress\]"):
        BackpropClassifier(verbose="bar").fit(X, LABELS)


def test_a_bar_does_not_change_the_model(monkeypatch):
    pytest.importorskip("rich")
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    models = [
        BackpropClassifier(verbose=verbose, max_iter=3, random_state=0).fit(X, LABELS)
        for verbose in (False, "bar")
    ]
    assert (models[0].network_.theta == models[1].network_.theta).all()


def test_a_long_training_is_announced_once(caplog, monkeypatch):
    monkeypatch.setattr(reporting, "MEASURED", 0.0)
    monkeypatch.setattr(reporting, "LONG", 1e-4)
    model = BackpropClassifier(max_iter=3, n_members=2, random_state=0)
    with caplog.at_level("INFO", "skbackprop"):
        model.fit(X, LABELS)
    (said,) = [r.getMessage() for r in caplog.records if "will take" in r.getMessage()]
    assert re.fullmatch(
        r"training will take about \d+ s: 144 rows, 3 encoded columns, 1 outputs, 2 members, "
        r"hidden layers \(64, 64\), 3 epochs",
        said,
    )


def test_a_short_training_is_not_announced(caplog):
    with caplog.at_level("INFO", "skbackprop"):
        BackpropClassifier(max_iter=3, random_state=0).fit(X, LABELS)
    assert "will take" not in caplog.text


def test_a_bar_and_a_checkpoint_go_together(tmp_path, monkeypatch):
    pytest.importorskip("rich")
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    checkpoint = Checkpoint(tmp_path / "file", every_seconds=0)
    model = BackpropRegressor(verbose="bar", max_iter=3, callbacks=[checkpoint], random_state=0)
    assert model.fit(X, Y).n_iter_ == 3
