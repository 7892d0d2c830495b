"""The studies of ``benchmarks/``: what their numbers mean, and that they go on."""

import importlib
import subprocess
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def benchmark(monkeypatch):
    """Import a module of ``benchmarks/``, which is beside this folder and not installed."""
    monkeypatch.syspath_prepend(ROOT)
    return lambda name: importlib.import_module(f"benchmarks.{name}")


# ---- the journal ----


@pytest.fixture
def measured():
    return []


@pytest.fixture
def measure(measured):
    """Give a measurement that fails for 2 the first time."""

    def square(n):
        measured.append(n)
        if n == 2 and measured.count(2) == 1:
            raise subprocess.CalledProcessError(1, "python")
        return {"square": n * n}

    return square


def test_a_study_goes_on_where_it_was(benchmark, measure, measured, tmp_path):
    collect, cases = benchmark("study").collect, [{"n": n} for n in (1, 2, 3)]
    first = collect("squares", cases[:2], measure, tmp_path)
    assert [record.get("square") for record in first] == [1, None]
    assert "2" in first[1]["failed"]
    with (tmp_path / "squares.jsonl").open("a") as file:
        file.write('\n{"n": 3, "squ')  # broken off
    again = collect("squares", cases, measure, tmp_path)
    assert [record["square"] for record in again] == [1, 4, 9]
    assert measured == [1, 2, 2, 3]


def test_a_line_after_a_broken_one_is_kept(benchmark, measure, measured, tmp_path):
    collect = benchmark("study").collect
    (tmp_path / "squares.jsonl").write_text('{"n": 1, "squ')
    for _ in range(2):
        collect("squares", [{"n": 3}], measure, tmp_path)
    assert measured == [3]


def test_without_a_journal_everything_is_measured(benchmark, measure, measured, tmp_path):
    for _ in range(2):
        benchmark("study").collect("squares", [{"n": 1}], measure, None)
    assert measured == [1, 1]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("given", [["--data", "a/b/c"], ["--output=a/b/c"], ["--tables", "a/b/c"]])
def test_no_folder_is_written_down(benchmark, given):
    assert "/" not in " ".join(benchmark("study").without_folders(given))


# ---- tables ----


def record(table, split, method, error, seconds=1.0, run="now"):
    return {"table": table, "split": split, "method": method, "factor": 1.0, "error": error,
            "fit_seconds": seconds, "run": run}  # fmt: skip


def test_summary_of_tables_by_hand(benchmark):
    tables = benchmark("bench_tables")
    records = [
        record("a", 0, "ours auto", 0.09), record("a", 0, "hgb", 0.19, 2.0),
        record("b", 0, "ours auto", 0.39), record("b", 0, "hgb", 0.19, 8.0),
        record("b", 1, "ours auto", 0.01),  # alone: left out
    ]  # fmt: skip
    cells = tables.complete(records)
    ours, hgb = tables.summary(cells)
    assert len(cells) == 2
    assert ours["rank"] == hgb["rank"] == 1.5
    assert ours["error"] == pytest.approx(1)  # a half and twice
    assert ours["deviation"] == pytest.approx(np.log(2))  # of ± log 2, over the root of 2 tables
    assert ours["time"] == pytest.approx(1 / 4)
    assert tables.won(cells) == [{"method": "ours auto", "hgb": 0.5}]


def test_times_of_different_runs_are_not_compared(benchmark):
    tables = benchmark("bench_tables")
    records = [record("a", 0, "ours auto", 0.1, run="then"), record("a", 0, "hgb", 0.1)]
    rows = {row["method"]: row for row in tables.summary(tables.complete(records))}
    assert rows["ours auto"]["time"] is None
    assert rows["hgb"]["time"] == 1


def test_ranks_share_ties(benchmark):
    ranked = benchmark("bench_tables").ranked({"a": 3, "b": 1, "c": 3, "d": 9})
    assert ranked == {"b": 1, "a": 2.5, "c": 2.5, "d": 4}


# ---- ablation ----


def test_a_variant_is_compared_with_the_default_on_the_same_rows(benchmark):
    ablation = benchmark("bench_ablation")
    name, errors = "not whitened", {"a": (0.09, 0.19), "b": (0.39, 0.19), "c": (0.5, 0.5)}
    records = [
        {"table": table, "seed": 0, "variant": variant, "kind": "binary", "error": error,
         "seconds": seconds}
        for table, (with_it, without) in errors.items()
        for variant, error, seconds in (("default", with_it, 1.0), (name, without, 2.0))
    ]  # fmt: skip
    row, everything = ablation.summary([*records, {"variant": name, "table": "d"}])
    assert (row["kind"], row["tables"], row["better"], row["worse"]) == ("binary", 3, 1, 1)
    assert row["ratio"] == pytest.approx(1)  # twice and half
    assert row["time"] == pytest.approx(2)
    assert everything == row | {"kind": "all"}
    assert ablation.summary(records[:1]) == []
    assert next(iter(ablation.variants().values())) == {}


# ---- rows ----


def test_other_methods_are_compared_at_the_same_number_of_rows(benchmark):
    rows = benchmark("bench_rows")
    records = [
        {"table": "a", "rows": n, "n": n, "seed": 0, "method": method, "error": error, "seconds": s}
        for n, method, error, s in ((10, "default", 0.09, 1.0), (10, "hgb", 0.19, 4.0),
                                    (20, "default", 0.39, 3.0), (20, "hgb", 0.19, 1.0))
    ]  # fmt: skip
    few, many = rows.summary([*records, {"rows": 30, "method": "hgb"}])
    assert (few["rows"], few["better"], many["better"]) == ("10", 1, 0)
    assert (few["ratio"], few["time"]) == pytest.approx((0.5, 0.25))
    assert (many["ratio"], many["time"]) == pytest.approx((2, 3))


@pytest.mark.parametrize("name", ["interactions", "steps", "several", "clusters"])
def test_made_up_tables_are_drawn_by_their_seed(benchmark, name):
    make = benchmark("made_up").make
    one, same, other = (make(name, 50, seed) for seed in (0, 0, 1))
    assert one.X.equals(same.X)
    assert not one.X.equals(other.X)
    assert len(one.X) == len(one.y) == 50


# ---- drawbacks ----


@pytest.mark.parametrize(
    ("errors", "expected"),
    [
        ([3, 1.04, 1, 1.03, 2, 1], (2, 8)),  # the last is as good, but apart
        ([1, 1, 1], (1, 4)),
        ([2, 1, 2], (2, 2)),
        ([np.inf, 1], (2, 2)),
    ],
)
def test_stretch_of_good_rates(benchmark, errors, expected):
    by_factor = {2.0**k: error for k, error in enumerate(errors)}
    assert benchmark("bench_drawbacks").stretch(by_factor) == expected


def test_gradients_of_one_layer_are_the_slope(benchmark):
    """The norm of the delta below the output is that of finite differences."""
    from skbackprop import BackpropClassifier

    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(6, 3)), np.arange(6) % 3
    net = BackpropClassifier((4, 4), preset="plain", random_state=0).initialize(3, range(3))
    deltas, weights = benchmark("drawbacks").gradients(net.network_, X, y)
    W, slopes = net.coefs_[1], []
    for i in np.ndindex(*W.shape):
        values, at = [], W[i]
        for step in (1e-6, -1e-6):
            W[i] = at + step
            values.append(-np.mean(np.log(net.predict_proba(X)[np.arange(6), y])))
        W[i] = at
        slopes.append((values[0] - values[1]) / 2e-6)
    assert len(deltas) == len(weights) == 2
    assert weights[1] == pytest.approx(np.linalg.norm(slopes), rel=1e-5)


def test_closed_gates_let_the_delta_through(benchmark):
    from skbackprop import BackpropClassifier

    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(6, 3)), np.arange(6) % 3
    net = BackpropClassifier((4,) * 5, preset="plain", residual=True, random_state=0)
    net.initialize(3, range(3))
    drawbacks = benchmark("drawbacks")
    deltas, weights = drawbacks.gradients(net.network_, X, y)
    assert deltas == pytest.approx([deltas[0]] * 5)
    assert drawbacks.first_to_last(weights) is None


def test_few_rows_of_a_few_seeds(benchmark):
    rows = [
        {"table": "a", "rows": 100, "method": method, "seed": seed, "error": error}
        for method, error in (("auto", 0.09), ("MLP", 0.19))
        for seed in (0, 1)
    ]
    (row,) = benchmark("bench_drawbacks").little_summary(rows)
    assert row["ratio"] == pytest.approx(0.5)
    assert row["won"] == 1
