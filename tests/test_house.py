"""The rules of the house, and for each rule a snippet that breaks it.

A rule is a function of one file that yields what is wrong with it.  `RULES` hold for the
package, `banned_words` and `retired_words` for every text of the project; `VIOLATIONS` and
`CLEAN` hold both answers of every rule.
"""

import ast
import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
import types
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import median

import pytest

ROOT = Path(__file__).parents[1]
CORE = {"numpy", "scipy"}
PARTS = {"nn", "optim", "training", "tables", "targets", "sources", "recipes", "estimators"}

MAY_IMPORT = {  # part: (the parts below it, packages that are always there)
    "params": (set(), set()),
    "cores": (set(), set()),
    "optional": (set(), set()),
    "nn": ({"params"}, CORE),
    "optim": ({"params"}, CORE),
    "training": ({"nn", "optim", "params"}, CORE),
    "warn": (set(), set()),
    "tables": ({"optional", "params"}, CORE | {"sklearn"}),
    "targets": ({"nn", "tables", "params"}, CORE | {"sklearn"}),
    "sources": ({"optional", "tables"}, CORE),
    "recipes": (
        {"nn", "optim", "training", "targets", "tables", "warn", "optional", "params"},
        CORE | {"sklearn"},
    ),
    "estimators": (
        PARTS | {"warn", "params", "cores"},
        CORE | {"sklearn", "threadpoolctl"},
    ),
    "onnx": (PARTS | {"mlp", "optional"}, CORE | {"sklearn"}),
    "inspection": (PARTS | {"optional", "params", "warn"}, CORE | {"sklearn"}),
    "plots": (PARTS | {"inspection", "optional"}, CORE | {"sklearn"}),
    "io": (PARTS | {"mlp", "warn", "cores"}, CORE | {"sklearn"}),
    "dask": (PARTS | {"optional"}, CORE | {"sklearn"}),
    "mlp": ({"estimators"}, set()),
    "__init__": (PARTS | {"inspection", "plots", "io", "dask"}, set()),
}
OPTIONAL = {  # part: packages that may be missing, imported inside functions only
    "plots": {"matplotlib"},
    "inspection": {"shap"},
    "tables": {"pyarrow"},
    "sources": {"pandas", "polars", "pyarrow"},
    "recipes": {"rich"},
    "onnx": {"onnx", "skl2onnx"},
    "dask": {"dask", "distributed", "pandas"},
}
INSIDE = {  # part: what of the package is imported inside functions only, where it is used
    "estimators": {"io", "__version__"},
    "inspection": {"plots", "__version__"},
    "io": {"__version__"},
}
PRINTS = "skbackprop/training/callbacks/reporting.py"
GENERATORS = {"Generator", "PCG64", "Philox", "RandomState", "SFC64", "SeedSequence", "default_rng"}

# (base class, the table that names its subclasses, subclasses that need no name)
TABLES = [
    # MonotoneUnits is for a layer of known width.
    (
        "skbackprop.nn.activations.Activation",
        "skbackprop.nn.activations.ACTIVATIONS",
        {"MonotoneUnits"},
    ),
    ("skbackprop.nn.initializers.Initializer", "skbackprop.nn.initializers.INITIALIZERS", set()),
    # Heads joins losses, one for each column of the target; LossAdapter completes an object.
    ("skbackprop.nn.losses.Loss", "skbackprop.nn.losses.LOSSES", {"Heads", "LossAdapter"}),
    ("skbackprop.optim.Optimizer", "skbackprop.optim.OPTIMIZERS", set()),
    ("skbackprop.optim.schedules.Schedule", "skbackprop.optim.schedules.SCHEDULES", set()),
    # What a file can hold, but for what has no state and is only a base.
    *(
        (f"skbackprop.{base}", "skbackprop.io.tables.RECORDS", set())
        for base in (
            "nn.activations.Activation",
            "nn.initializers.Initializer",
            "nn.layers.Layer",
            "nn.losses.Loss",
            "optim.Optimizer",
            "optim.schedules.Schedule",
        )
    ),
]


@dataclass(frozen=True)
class File:
    path: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @property
    def part(self) -> str:
        return self.path.split("/")[1].removesuffix(".py")

    @property
    def n_lines(self) -> int:
        return len(self.text.splitlines())


def read(pattern: str) -> list[File]:
    paths = sorted(path for path in ROOT.glob(pattern) if path.is_file())
    return [File(path.relative_to(ROOT).as_posix(), path.read_text("utf-8")) for path in paths]


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def dotted(node: ast.AST) -> str:
    """``a.b.c`` for an attribute of an attribute of a name."""
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else "?"


def imports(file: File) -> Iterator[tuple[int, str, bool]]:
    """Line, absolute name, and "is it inside a function?" of everything imported."""
    inside = {id(node) for f in functions(file.tree) for node in ast.walk(f)}
    folder = file.path.split("/")[:-1]
    for node in ast.walk(file.tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = folder[: len(folder) + 1 - node.level] if node.level else []
            base = ".".join([*above, *filter(None, [node.module])])
            names = [f"{base}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            yield node.lineno, name, id(node) in inside


def layering(file: File) -> Iterator[str]:
    if file.part not in MAY_IMPORT:
        yield f"1: {file.part} is not a part of the house; add it to MAY_IMPORT"
        return
    below, packages = MAY_IMPORT[file.part]
    for line, name, inside in imports(file):
        root, *rest = name.split(".")
        if root == "skbackprop":
            later = INSIDE.get(file.part, set()) if inside else set()
            allowed = rest[0] in below | {file.part} | later
        else:
            extra = OPTIONAL.get(file.part, set()) if inside else set()
            allowed = root in sys.stdlib_module_names | packages | extra
        if not allowed:
            yield f"{line}: {file.part} may not import {name} here"


def docstring_lines(tree: ast.AST) -> int:
    """Lines of all docstrings in a file."""
    owners = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    found = [n for n in ast.walk(tree) if isinstance(n, owners) and ast.get_docstring(n)]
    return sum(n.body[0].end_lineno - n.body[0].lineno + 1 for n in found)


def file_length(file: File) -> Iterator[str]:
    # Docstrings are not counted: the public docstring of a class and those of its methods
    # must stand in one place, however long they are.
    n = file.n_lines - docstring_lines(file.tree)
    if n > 400:
        yield f"1: {n} lines without docstrings, at most 400"


def function_length(file: File) -> Iterator[str]:
    for f in functions(file.tree):
        body = f.body[1:] if ast.get_docstring(f) is not None else f.body
        n = body[-1].end_lineno - body[0].lineno + 1 if body else 0
        if n > 50:
            yield f"{f.lineno}: the body of {f.name} has {n} lines, at most 50"


def parameters(file: File) -> Iterator[str]:
    if file.part not in {"nn", "optim", "training"}:
        return
    for f in functions(file.tree):
        names = [a.arg for a in (*f.args.posonlyargs, *f.args.args, *f.args.kwonlyargs)]
        n = len(names) - (names[:1] in (["self"], ["cls"]))
        if n > 6:
            yield f"{f.lineno}: {f.name} has {n} parameters, at most 6"


def printing(file: File) -> Iterator[str]:
    for node in ast.walk(file.tree):
        if isinstance(node, ast.Call) and dotted(node.func) == "print" and file.path != PRINTS:
            yield f"{node.lineno}: prints; only {PRINTS} may"


def global_random(file: File) -> Iterator[str]:
    """Random numbers come from a generator that was passed in, or made from a seed."""
    for line, name, _ in imports(file):
        if name.startswith("numpy.random.") and name.split(".")[2] not in GENERATORS:
            yield f"{line}: imports {name}; pass a generator"
    for node in ast.walk(file.tree):
        if not isinstance(node, ast.Call):
            continue
        module, _, name = dotted(node.func).rpartition(".")
        seeded = name in GENERATORS and (node.args or node.keywords)
        if module in {"np.random", "numpy.random"} and not seeded:
            yield f"{node.lineno}: calls {module}.{name}; pass a generator"


def chapter(file: File) -> Iterator[str]:
    if ast.get_docstring(file.tree) is None:
        yield "1: no module docstring; a file is a chapter and says what it is about"


RULES = [
    layering,
    file_length,
    function_length,
    parameters,
    printing,
    global_random,
    chapter,
]


def banned_words(file: File) -> Iterator[str]:
    """No path of one machine, no host of packages, nothing left unfinished."""
    pattern = (
        r"(?<![\w.~)])/(?:home|opt|root|tmp|work|Users)/\w|\bpyp[i]\b|\b(?:TOD[O]|FIXM[E]|XX[X])\b"
    )
    for number, line in enumerate(file.text.splitlines(), 1):
        for word in re.findall(pattern, line):
            yield f"{number}: {word!r}"


# Words that this project no longer uses: a standard term has taken the place of each.
RETIRED = {  # whole words, in any case
    "at every look": "without random parts",
    "by heart": "overfit",
    "came to no good end": "failed",
    "data_start": "data-dependent initialization",
    "descend": "fit_stochastic",
    "fading": "schedule",
    "hills": "periods of a schedule",
    "hand_out": "return",
    "how sure": "how certain",
    "humps": "periods of a schedule",
    "is there after": "is available after",
    "judged": "evaluated",
    "last word": "called last, decides",
    "learned from nothing": "trained",
    "lender": "shared memory",
    "max_rounds": "max_restarts",
    "next to nothing": "little",
    "nobody": "no caller, no row",
    "ramps": "piecewise-linear encoding",
    "rehearsal": "dry run",
    "rehearse": "dry run",
    "roads": "branches",
    "rounds": "warm restarts",
    "somebody": "a caller",
    "take_back": "restore",
    "waves": "periodic embedding",
    "who is told": "gets",
}
RETIRED_NAMES = [  # as they are written; in lower case some are ordinary words
    *("AnotherRound", "DivideWhenFlat", "Ear", "Facts", "GatedResidual", "Given", "KeepChosen"),
    *("ROOM", "SameRates", "SameRounds", "Sides", "StopWhenFlat", "_Some", "def divide"),
    *("dx_from", "heard_enough", "in_parts", "n_still", "part_size", "sides =", "sides["),
    *("start_from_data", "ws.facts"),
]


def retired_words(file: File) -> Iterator[str]:
    """Private words of former versions; this file lists them."""
    if file.path == "tests/test_house.py":
        return
    # An underscore is a part of a name: `_Some` is not in `get_Some`, nor "rounds" in `n_rounds_`.
    one_of = "|".join(map(re.escape, RETIRED)), "|".join(map(re.escape, RETIRED_NAMES))
    for number, line in enumerate(file.text.splitlines(), 1):
        for word in re.findall(rf"(?<!\w)(?:{one_of[0]})(?!\w)", line, re.IGNORECASE):
            yield f"{number}: {word!r} is retired, say {RETIRED[word.lower()]!r}"
        for word in re.findall(rf"(?<!\w)(?:{one_of[1]})(?:(?<=\W)|(?!\w))", line):
            yield f"{number}: {word!r} is retired"


TEXTS = [
    "*.cff",
    "*.md",
    "*.toml",
    ".*.yaml",
    ".ci/*",
    "benchmarks/**/*.md",
    "benchmarks/**/*.py",
    "docs/**/*.md",
    "docs/**/*.py",
    "examples/**/*.py",
    "skbackprop/**/*.py",
    "tests/**/*.py",
]


def offences(rule, files: list[File]) -> list[str]:
    return [f"{file.path}:{message}" for file in files for message in rule(file)]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_package_keeps(rule):
    assert offences(rule, read("skbackprop/**/*.py")) == []


@pytest.mark.parametrize("pattern", TEXTS)
def test_no_banned_words(pattern):
    assert offences(banned_words, read(pattern)) == []


@pytest.mark.parametrize("pattern", TEXTS)
def test_no_retired_words(pattern):
    assert offences(retired_words, read(pattern)) == []


@pytest.mark.parametrize("word", [*RETIRED, *RETIRED_NAMES])
def test_every_retired_word_is_seen(word):
    assert offences(retired_words, [File("docs/new.md", f"text with {word} in it")])


def is_typically_short(files: list[File]) -> bool:
    return median(file.n_lines for file in files) < 200


def test_the_median_file_is_short():
    assert is_typically_short(read("skbackprop/**/*.py"))
    assert not is_typically_short([File("long.py", "\n" * n) for n in (100, 200, 300)])


NN, LOOP, LINE = "skbackprop/nn/new.py", "skbackprop/training/callbacks/new.py", "    x = 1\n"
VIOLATIONS = [
    (layering, NN, "import sklearn"),
    (layering, NN, "from ..optim import Adam"),
    (layering, NN, "from .. import optim"),
    (layering, NN, "def f():\n    from skbackprop.training import loop"),
    (layering, LOOP, "from ...estimators.base import BackpropEstimator"),
    (layering, "skbackprop/optim/new.py", "from ..nn.network import Network"),
    (layering, "skbackprop/estimators/new.py", "def f():\n    import pandas"),
    (layering, "skbackprop/estimators/new.py", "from ..inspection import summary"),
    (layering, "skbackprop/tables/new.py", "from ..estimators.rows import split"),
    (layering, "skbackprop/estimators/new.py", "from ..io import save"),
    (layering, "skbackprop/nn/new.py", "def f():\n    from ..io import save"),
    (layering, "skbackprop/plots/new.py", "import matplotlib.pyplot as plt"),
    (layering, "skbackprop/__init__.py", "import numpy"),
    (layering, "skbackprop/new/new.py", "import numpy"),
    (file_length, NN, "x = 1\n" * 401),
    (file_length, NN, '"""What it is."""\n' + "x = 1\n" * 401),
    (function_length, NN, "def f():\n" + LINE * 51),
    (function_length, NN, 'class A:\n  def f(self):\n    """Do."""\n' + LINE * 51),
    (parameters, NN, "def f(a, b, c, d, e, f, g): ..."),
    (parameters, LOOP, "class A:\n  def f(self, a, b, c, d, *, e, f, g): ..."),
    (printing, NN, "print('done')"),
    (global_random, NN, "import numpy as np\nnp.random.normal(size=3)"),
    (global_random, NN, "import numpy as np\nnp.random.default_rng()"),
    (global_random, NN, "from numpy.random import rand"),
    (chapter, NN, "x = 1"),
    (banned_words, "docs/new.md", "open(r'" + "/ho" + "me/me/x.csv')"),
    (banned_words, "docs/new.md", "TO" + "DO: explain"),
    (banned_words, "README.md", "https://" + "pyp" + "i.org/project/x"),
    (retired_words, "docs/new.md", "Few rows are learned by heart."),
    (retired_words, "skbackprop/training/new.py", "# Rounds after the first"),
    (retired_words, "skbackprop/estimators/new.py", "train, test = sides[0]"),
    (retired_words, "tests/new.py", "model.set_params(max_rounds=2)"),
]
CLEAN = [
    (layering, NN, "import math\nimport numpy as np\nfrom .layers.base import Layer"),
    (layering, LOOP, "from ...nn.losses import Loss\nfrom ..run import Run\nfrom .. import run"),
    (layering, "skbackprop/plots/new.py", "def f():\n    import matplotlib.pyplot as plt"),
    (layering, "skbackprop/estimators/new.py", "def f():\n    from ..io import save"),
    (layering, "skbackprop/__init__.py", "from .estimators import BackpropClassifier"),
    (file_length, NN, "x = 1\n" * 400),
    (file_length, NN, '"""What\n' + "it is\n" * 100 + '"""\n' + "x = 1\n" * 400),
    (function_length, NN, 'def f():\n    """Do."""\n' + LINE * 50),
    (parameters, NN, "class A:\n  def f(self, a, b, c, d, *, e, f): ..."),
    (parameters, "skbackprop/estimators/new.py", "def f(a, b, c, d, e, f, g): ..."),
    (printing, PRINTS, "print('done')"),
    (global_random, NN, "import numpy as np\nrng = np.random.default_rng(seed)\nrng.normal()"),
    (chapter, NN, '"""What a layer is."""'),
    (banned_words, "docs/new.md", "see `../examples/quickstart.py` and a worked example"),
    (retired_words, "docs/new.md", "Divide both sides by a given number, and round. An ear hears."),
    (retired_words, "skbackprop/optim/new.py", "np.divide(x, n, out=x)\nn = round(given[0])"),
]


@pytest.mark.parametrize(("rule", "path", "text"), VIOLATIONS)
def test_a_violation_is_seen(rule, path, text):
    assert offences(rule, [File(path, text)])


@pytest.mark.parametrize(("rule", "path", "text"), CLEAN)
def test_clean_code_passes(rule, path, text):
    assert offences(rule, [File(path, text)]) == []


def test_every_rule_is_tested_both_ways():
    rules = {*RULES, banned_words, retired_words}
    assert {rule for rule, *_ in VIOLATIONS} == {rule for rule, *_ in CLEAN} == rules


# What only shows at run time: the tables, and what ``__all__`` promises.


def modules() -> list[types.ModuleType]:
    package = importlib.import_module("skbackprop")
    names = [m.name for m in pkgutil.walk_packages(package.__path__, "skbackprop.")]
    return [package, *map(importlib.import_module, names)]


# What `import skbackprop` does not load: parts of the package, modules that few programs need, and
# packages that are large or optional.
NOT_LOADED = {
    *("skbackprop.dask", "skbackprop.inspection", "skbackprop.io", "skbackprop.onnx"),
    *("skbackprop.plots", "skbackprop.sources"),
    *("skbackprop.estimators.source", "skbackprop.recipes.progress_bar"),
    *("skbackprop.tables.marginals", "skbackprop.training.dry_run"),
    *("skbackprop.training.local_steps", "skbackprop.training.probe"),
    *("skbackprop.training.shards", "skbackprop.training.stored"),
    *("dask", "distributed", "matplotlib", "onnx", "pandas", "polars", "pyarrow", "rich", "shap"),
}


def test_the_import_loads_few_modules():
    line = "import sys, sklearn.neural_network; before = set(sys.modules); import skbackprop; "
    command = [sys.executable, "-c", line + "print(*(set(sys.modules) - before))"]
    loaded = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert "skbackprop.estimators.base" in loaded
    assert NOT_LOADED.isdisjoint(loaded)
    # A module that has another name or place is not noticed otherwise.
    ours = {name for name in NOT_LOADED if name.startswith("skbackprop.")}
    assert ours <= {module.__name__ for module in modules()}


def find(path: str):
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(module), name)


def subclasses(base: type) -> set[type]:
    below = base.__subclasses__()
    return {*below, *(c for b in below for c in subclasses(b))}


def unlisted(base: type, table: dict[str, object], exceptions: set[str], package: str) -> set[str]:
    """Public subclasses of `base`, defined in `package`, that `table` does not reach."""
    reached = {entry if isinstance(entry, type) else type(entry) for entry in table.values()}
    public = {
        c.__name__
        for c in subclasses(base) - reached
        if c.__module__.startswith(package) and not c.__name__.startswith("_")
    }
    return public - exceptions


@pytest.mark.parametrize(("base", "table", "exceptions"), TABLES)
def test_the_table_is_complete(base, table, exceptions):
    modules()  # a subclass exists when its file has been imported
    assert unlisted(find(base), find(table), exceptions, "skbackprop.") == set()


def test_an_unlisted_class_is_seen():
    class Base: ...

    class Listed(Base): ...

    class Instance(Listed): ...

    class Forgotten(Listed): ...

    class Excepted(Base): ...

    class _Private(Base): ...

    table = {"listed": Listed, "instance": Instance()}
    assert unlisted(Base, table, {"Excepted"}, __name__) == {"Forgotten"}
    assert unlisted(Base, table, {"Excepted"}, "skbackprop.") == set()


def undocumented(module: types.ModuleType) -> list[str]:
    """Names of ``__all__`` that do not exist, or are classes or functions without words."""
    wrong = []
    for name in getattr(module, "__all__", []):
        thing = getattr(module, name, None)
        if thing is None:
            wrong.append(f"{module.__name__}.{name} does not exist")
        elif inspect.isclass(thing) or inspect.isfunction(thing):
            words = vars(thing).get("__doc__") if inspect.isclass(thing) else thing.__doc__
            # A dataclass or named tuple without words gets its signature for a docstring.
            if not words or words.startswith(f"{name}("):
                wrong.append(f"{module.__name__}.{name} has no docstring")
    return wrong


def test_public_names_exist_and_are_documented():
    assert [wrong for module in modules() for wrong in undocumented(module)] == []


def test_packages_say_what_is_public():
    packages = [module for module in modules() if hasattr(module, "__path__")]
    assert [module.__name__ for module in packages if not getattr(module, "__all__", None)] == []


def test_an_undocumented_name_is_seen():
    module = types.ModuleType("new")
    source = """
        from dataclasses import dataclass
        __all__ = ["Missing", "Silent", "Spoken", "silent", "TABLE"]
        TABLE = {}
        @dataclass
        class Silent:
            x: int
        class Spoken(Silent):
            "Say something."
        def silent(): ...
    """
    exec(inspect.cleandoc(source), vars(module))
    assert undocumented(module) == [
        "new.Missing does not exist",
        "new.Silent has no docstring",
        "new.silent has no docstring",
    ]
