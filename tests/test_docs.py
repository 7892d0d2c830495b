"""What the documents say is true: their code runs, their links lead somewhere.

Every fenced ``python`` block of ``README.md`` and of ``docs/`` is run, the blocks of one
file in one namespace, unless the line before it is ``<!-- skip -->``.  A block of ``>>>``
lines is a doctest.  And the docstrings of the estimators say what their signatures say.
"""

import ast
import doctest
import inspect
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from textwrap import dedent

import numpy as np
import pandas as pd
import pytest

import skbackprop
from skbackprop import BackpropClassifier, BackpropRegressor

ROOT = Path(__file__).parents[1]
DOCS = sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob("docs/**/*.md"))
PAGES = [*sorted(path.name for path in ROOT.glob("*.md")), *DOCS]
ESTIMATORS = [BackpropClassifier, BackpropRegressor]
DOCTEST_FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE

BLOCK = re.compile(
    r"(?P<skip><!-- skip -->\s*\n)?"
    r"^(?P<indent> *)```(?:python|pycon)[^\n]*\n(?P<code>.*?)^(?P=indent)```",
    re.MULTILINE | re.DOTALL,
)
LINK = re.compile(r"\[[^\]]*\]\((?P<markdown>[^)\s]+)\)|\{literalinclude\} (?P<include>\S+)")


def blocks(text: str) -> list[tuple[int, str]]:
    """Line number and code of every block that is to be run."""
    return [
        (text.count("\n", 0, match.start("code")), dedent(match["code"]))
        for match in BLOCK.finditer(text)
        if not match["skip"]
    ]


def run(text: str, name: str) -> int:
    """Run the blocks of `text` in one namespace; say how many there were."""
    namespace: dict[str, object] = {"__name__": "__main__"}
    for line, code in blocks(text):
        if code.lstrip().startswith(">>>"):
            test = doctest.DocTestParser().get_doctest(code, namespace, name, name, line)
            runner = doctest.DebugRunner(optionflags=DOCTEST_FLAGS)
            runner.run(test, clear_globs=False)
            namespace.update(test.globs)
        else:
            exec(compile("\n" * line + code, name, "exec"), namespace)
    return len(blocks(text))


def broken_links(text: str, folder: Path) -> list[str]:
    """Relative targets that do not exist, seen from `folder`."""
    targets = [match["markdown"] or match["include"] for match in LINK.finditer(text)]
    paths = [target.split("#")[0] for target in targets if "://" not in target]
    return [path for path in paths if path and not (folder / path).exists()]


@pytest.mark.parametrize("page", PAGES)
def test_code_runs(page, monkeypatch, tmp_path):
    if page == "docs/sources.md":
        pytest.importorskip("pyarrow")
    if page == "docs/cluster.md":
        pytest.importorskip("dask.array")
        pytest.importorskip("distributed")
    if page == "docs/saving.md":
        pytest.importorskip("onnx")
        pytest.importorskip("onnxruntime")
    if page in ("docs/callbacks.md", "docs/looking_inside.md"):
        pytest.importorskip("matplotlib")
    monkeypatch.chdir(tmp_path)  # what a block writes stays out of the tree
    assert run((ROOT / page).read_text("utf-8"), page) >= (page == "README.md")


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    path = ROOT / page
    assert broken_links(path.read_text("utf-8"), path.parent) == []


def test_blocks_are_found_run_and_skipped():
    page = dedent("""
        ```python
        x = 1
        ```
        <!-- skip -->
        ```python
        raise AssertionError
        ```
        ```bash
        exit 1
        ```
        1. in a list
           ```python
           x += 1
           ```
        ```pycon
        >>> x
        2
        ```
    """)
    assert run(page, "page") == 3
    with pytest.raises(doctest.DocTestFailure):
        run(page.replace("\n2\n", "\n3\n"), "page")
    with pytest.raises(ZeroDivisionError):
        run(page.replace("x = 1", "x = 1 / 0"), "page")


def test_a_broken_link_is_seen(tmp_path):
    (tmp_path / "there.md").touch()
    page = "[a](there.md#part) [b](#part) [c](https://example.org) [d](gone.md) {literalinclude} x"
    assert broken_links(page, tmp_path) == ["gone.md", "x"]


def test_a_broken_link_of_a_built_page_is_seen(tmp_path):
    (tmp_path / "part").mkdir()
    (tmp_path / "index.html").write_text(
        """<a href="part/">in</a> <a href="part/index.html#a%20b">in</a> <img src="x.png">
        <a href="#here" id="here">in</a> <a href="https://example.org/x#y">out</a>
        <a href="part/index.html#there">broken</a> <a href="../outside.html">broken</a>"""
    )
    (tmp_path / "part/index.html").write_text('<p id="a b"><img srcset="../y.png 1x, ../x.png 2x">')
    (tmp_path / "x.png").touch()
    (tmp_path.parent / "outside.html").touch()
    command = [sys.executable, str(ROOT / "docs/check_links.py"), str(tmp_path)]
    found = subprocess.run(command, capture_output=True, text=True)
    assert found.returncode == 1
    assert found.stdout.splitlines() == [
        "index.html:3: part/index.html#there: no such anchor",
        "index.html:3: ../outside.html: no such file",
        "part/index.html:1: ../y.png: no such file",
    ]
    (tmp_path / "index.html").unlink()
    (tmp_path / "y.png").touch()
    assert subprocess.run(command, capture_output=True).returncode == 0


def test_the_tour_of_the_code_visits_every_file_once():
    text = (ROOT / "docs/core.md").read_text("utf-8")
    visited = re.findall(r"^\.\. automodule:: (\S+)$", text, re.MULTILINE)
    files = [path for part in ("nn", "optim", "training")
             for path in (ROOT / "skbackprop" / part).rglob("[!_]*.py")]  # fmt: skip
    names = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in files]
    assert sorted(visited) == sorted(names)


def test_one_version_everywhere():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    version = project["version"]
    assert skbackprop.__version__ == version
    assert f"\nversion: {version}\n" in (ROOT / "CITATION.cff").read_text("utf-8")
    assert f"## [{version}]" in (ROOT / "CHANGELOG.md").read_text("utf-8")


# The docstrings of the estimators.


def entries(doc: str, section: str) -> dict[str, str]:
    """``{name: type}`` of a numpydoc section, in order."""
    _, _, rest = inspect.cleandoc(doc).partition(f"{section}\n{'-' * len(section)}\n")
    body = re.split(r"\n\S+[^\n]*\n-{3,}\n", rest)[0]
    return dict(re.findall(r"^(\w+) : ([^\n]*)$", body, re.MULTILINE))


def default_of(kind: str) -> object:
    """The default that ``int, default=3`` announces, or `inspect.Parameter.empty`."""
    _, found, text = kind.partition("default=")
    return ast.literal_eval(text) if found else inspect.Parameter.empty


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_parameters_are_documented_as_declared(cls):
    documented = entries(cls.__doc__, "Parameters")
    declared = inspect.signature(cls).parameters
    assert list(documented) == list(declared)
    assert {name: default_of(kind) for name, kind in documented.items()} == {
        name: parameter.default for name, parameter in declared.items()
    }


def fitted_attributes(estimator) -> set[str]:
    properties = [name for name, _ in inspect.getmembers(type(estimator), inspect.isdatadescriptor)]
    names = {name for name in (*vars(estimator), *properties) if re.fullmatch(r"[a-z]\w*_", name)}
    return {name for name in names if hasattr(estimator, name)}


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_fitted_attributes_are_documented(cls):
    rng = np.random.RandomState(0)
    X, y = pd.DataFrame(rng.normal(size=(40, 2)), columns=["a", "b"]), np.arange(40) % 2
    settings = {
        "preset": "plain",
        "hidden_layer_sizes": (3,),
        "random_state": 0,
        "max_iter": 3,
        "tol": 0.0,
    }
    found = set()
    for extra in ({}, {"early_stopping": True}, {"solver": "lbfgs"}):
        with pytest.warns():  # three iterations are not enough, and it says so
            found |= fitted_attributes(cls(**settings, **extra).fit(X, y))
    assert found == set(entries(cls.__doc__, "Attributes"))


def test_docstrings_are_read_correctly():
    doc = """Do.

    Parameters
    ----------
    first : int, default=3
        Three words : here.
    second : int
    third : str

    Attributes
    ----------
    fourth_ : ndarray
    """
    assert entries(doc, "Parameters") == {
        "first": "int, default=3",
        "second": "int",
        "third": "str",
    }
    assert list(entries(doc, "Attributes")) == ["fourth_"]
    assert default_of("{'a', 'b'}, default='a'") == "a"
    assert default_of("int") is inspect.Parameter.empty


def test_the_book_has_every_module_once():
    text = (ROOT / "docs/book.md").read_text("utf-8")
    listed = re.findall(r"^\| `([\w/]+\.py)`", text, re.MULTILINE)
    package = ROOT / "skbackprop"
    assert sorted(listed) == sorted(
        p.relative_to(package).as_posix() for p in package.rglob("*.py")
    )
