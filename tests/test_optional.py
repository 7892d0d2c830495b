"""Packages that may be missing: one message, and every place of it names the right extra."""

import ast
import re
import sys
import tomllib
from pathlib import Path

import pytest

from skbackprop.optional import optional

ROOT = Path(__file__).parents[1]
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"][
    "optional-dependencies"
]
TREES = {
    path.relative_to(ROOT / "skbackprop").as_posix(): ast.parse(path.read_text("utf-8"))
    for path in sorted((ROOT / "skbackprop").rglob("*.py"))
}


def packages(block):
    """The packages that the statements of a block import."""
    found = set()
    for node in block:
        names = [alias.name for alias in node.names]
        found |= {name.split(".")[0] for name in names} if isinstance(node, ast.Import) else set()
        found |= {node.module.split(".")[0]} if isinstance(node, ast.ImportFrom) else set()
    return found


def sites():
    """File, what pip is to install, and the packages that are imported, of every call."""
    for path, tree in TREES.items():
        for node in ast.walk(tree):
            call = node.items[0].context_expr if isinstance(node, ast.With) else None
            if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "optional":
                yield path, ast.literal_eval(call.args[1]), packages(node.body)


SITES = list(sites())


def test_the_sites_are_these():
    assert [
        ("dask/estimators.py", "skbackprop[dask]", {"distributed"}),
        ("dask/partitions.py", "skbackprop[dask]", {"dask", "distributed"}),
        ("inspection/attributions.py", "skbackprop[shap]", {"shap"}),
        ("onnx/graph.py", "skbackprop[onnx]", {"onnx"}),
        ("onnx/pipelines.py", "skl2onnx", {"skl2onnx"}),
        ("plots/curves.py", "skbackprop[plot]", {"matplotlib"}),
        ("recipes/progress_bar.py", "skbackprop[progress]", {"rich"}),
        ("sources/readers.py", "skbackprop[dataframe]", {"pyarrow"}),
        ("tables/containers.py", "skbackprop[dataframe]", {"pyarrow"}),
    ] == SITES


@pytest.mark.parametrize(("path", "requirement", "imported"), SITES)
def test_the_requirement_installs_what_is_imported(path, requirement, imported):
    extra = re.fullmatch(r"skbackprop\[(\w+)\]", requirement)
    installed = {requirement} if extra is None else set()
    for each in EXTRAS[extra[1]] if extra else ():
        name, *more = re.findall(r"\w+", each.split(">")[0])  # as in dask[distributed]
        installed |= {name, *more}
    assert imported <= installed


def test_nothing_else_says_that_a_package_is_missing():
    for path, tree in TREES.items():
        raised = [node for node in ast.walk(tree) if isinstance(node, ast.Raise)]
        texts = [n.value for each in raised for n in ast.walk(each) if isinstance(n, ast.Constant)]
        found = [text for text in texts if "not installed" in str(text)]
        assert len(found) == (path == "optional.py"), path


def test_the_message_names_package_extra_and_way_out(monkeypatch):
    monkeypatch.setitem(sys.modules, "rich", None)
    with (
        pytest.raises(ImportError) as caught,
        optional("The bar", "skbackprop[progress]", ", or draw it"),
    ):
        import rich  # noqa: F401
    expected = (
        'The bar needs rich, which is not installed: pip install "skbackprop[progress]", or draw it'
    )
    assert str(caught.value) == expected


def test_a_package_that_is_there_and_broken_speaks_for_itself():
    with (
        pytest.raises(ImportError, match="^Cannot load backend$"),
        optional("A display", "skbackprop[plot]"),
    ):
        raise ImportError("Cannot load backend")


def test_a_stream_needs_pyarrow(monkeypatch):
    from skbackprop.tables.columns import read_table

    class Stream:
        __arrow_c_stream__ = None

    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ImportError, match=r"an Arrow stream, needs pyarrow.*\[dataframe\]"):
        read_table(Stream())


def test_dask_estimators_need_their_extra(monkeypatch):
    from skbackprop.dask import DaskBackpropRegressor

    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ImportError, match=r"needs (dask|distributed),.*skbackprop\[dask\]"):
        DaskBackpropRegressor().fit([[0.0]], [1.0])
