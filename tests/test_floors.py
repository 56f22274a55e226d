"""Imports only go down: the floors of docs/design.md, read from the source.

Every import counts, those inside functions too. One that stands under ``TYPE_CHECKING`` loads
nothing: it may point around in a circle, but not up, nor out of where it may reach at all (see
`forbidden`).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "minidl"

# A module may import its own floor and those below; what is not listed is on the last one.
FLOORS = [
    {"backend"},
    {"accelerator"},
    {"checks", "names", "printing", "seeds"},
    {"kernels"},
    {"activations", "constraints", "initializers", "regularizers"},
    {"parameters"},
    {"layers", "losses", "metrics", "optimizers"},
    {"data", "network"},
]
BESIDE_THE_LOOP, ABOVE_ALL = len(FLOORS), len(FLOORS) + 1
ENGINE = FLOORS.index({"parameters"})  # the highest floor that data sets may use
TESTING = ("gradient_check", "teaching", "testing")  # what only tests load
COMPILERS = ("cupy", "cupyx", "numba", "llvmlite")
# Beside the book: commands that tell of the accelerator and of its files.
ABOUT_THE_ACCELERATOR = ("accelerator", "commands")


GUARDS = ("TYPE_CHECKING", "typing.TYPE_CHECKING")


@dataclass(frozen=True)
class Import:
    """``source`` imports ``target``; ``loads`` is False under TYPE_CHECKING.

    ``late`` is True in a function, which imports when it is called.
    """

    source: str
    target: str
    line: int
    loads: bool = True
    late: bool = False

    def __str__(self) -> str:
        return f"{self.source}:{self.line} imports {self.target}"


def top(module: str) -> str:
    """``minidl.layers.base`` stands below "layers", ``minidl`` itself below ""."""
    return module.split(".")[1] if "." in module else ""


def floor(module: str) -> int:
    name = top(module)
    if not name:
        return ABOVE_ALL
    return next((k for k, names in enumerate(FLOORS) if name in names), BESIDE_THE_LOOP)


def modules_of(root: Path) -> dict[str, Path]:
    """Every module below ``root``, the folder of the package minidl, by its full name."""
    found = {}
    for path in sorted(root.rglob("*.py")):
        parts = ["minidl", *path.relative_to(root).with_suffix("").parts]
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports_of(module: str, path: Path, modules: dict[str, Path]) -> Iterator[Import]:
    """The imports of one module; of ``from a import b``, a.b where that is a module."""
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]

    def names(node: ast.AST) -> Iterator[str]:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = package.split(".")[: len(package.split(".")) + 1 - node.level]
            base = ".".join(
                [*(start if node.level else []), *([node.module] if node.module else [])]
            )
            for alias in node.names:
                inner = f"{base}.{alias.name}"
                yield inner if inner in modules or not base else base
        elif isinstance(node, ast.Call) and node.args:
            called = node.func
            name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
            first = node.args[0]
            if name in ("import_module", "__import__") and isinstance(first, ast.Constant):
                yield str(first.value)

    def walk(node: ast.AST, loads: bool, late: bool = False) -> Iterator[Import]:
        for name in names(node):
            yield Import(module, name, node.lineno, loads, late)  # type: ignore[attr-defined]
        late = late or isinstance(node, ast.FunctionDef)
        if isinstance(node, ast.If) and ast.unparse(node.test) in GUARDS:
            for child in node.body:
                yield from walk(child, False, late)
            for child in node.orelse:
                yield from walk(child, loads, late)
            return
        for child in ast.iter_child_nodes(node):
            yield from walk(child, loads, late)

    yield from walk(ast.parse(path.read_text(encoding="utf-8")), True)


def forbidden(found: Import) -> str | None:
    """Why a module may not reach this target at all."""
    source, target = top(found.source), found.target
    own = target.split(".")[0] == "minidl"
    if target.split(".")[0] in COMPILERS and source not in ("backend", "accelerator"):
        return "only minidl.backend and the accelerator import cupy and compilers"
    if own and top(target) == "accelerator" and source not in ABOUT_THE_ACCELERATOR:
        if source != "backend":
            return "minidl.backend is the one door to the accelerator"
        if found.loads and not found.late:
            return "minidl.backend imports the accelerator when it is asked for, not before"
        return None
    if source == "accelerator" and own and top(target) not in ("backend", "accelerator"):
        return "the accelerator imports minidl.backend and nothing else of minidl"
    if target.split(".")[0] in ("pytest", "hypothesis") and source != "testing":
        return "only minidl.testing imports pytest and hypothesis"
    if own and top(target) in TESTING and source not in ("", "__main__", *TESTING):
        return "what only tests load is imported by nothing that trains"
    if source == "backend" and own and top(target) != "backend":
        return "minidl.backend imports nothing else of minidl but the accelerator, late"
    if source == "datasets" and own and top(target) != "datasets" and floor(target) > ENGINE:
        return "data sets import nothing of minidl above its first floor"
    return None


def violations(root: Path) -> list[str]:
    """What is wrong with the imports below ``root``, a line for each."""
    modules = modules_of(root)
    found = [i for name, path in modules.items() for i in imports_of(name, path, modules)]
    problems = [f"{i}: {why}" for i in found if (why := forbidden(i))]
    loading = [
        i
        for i in found
        if i.loads
        and i.target.split(".")[0] == "minidl"
        and not (i.late and (top(i.source), top(i.target)) == ("backend", "accelerator"))
    ]
    problems += [
        f"{i}: that is up, from floor {floor(i.source)} to {floor(i.target)}"
        for i in found
        if i.target.split(".")[0] == "minidl"
        and not (i.late and (top(i.source), top(i.target)) == ("backend", "accelerator"))
        and floor(i.target) > floor(i.source)
    ]
    edges: dict[str, set[str]] = {name: set() for name in modules}
    for i in loading:
        # To import a.b.c also runs a and a.b, unless the importer itself lies in them.
        parts = i.target.split(".")
        loaded = {".".join(parts[:n]) for n in range(2, len(parts) + 1)} or {i.target}
        edges[i.source] |= {
            m
            for m in loaded
            if m in modules and (m == i.target or not f"{i.source}.".startswith(f"{m}."))
        }
    return problems + [f"a cycle: {' -> '.join(cycle)}" for cycle in cycles(edges)]


def cycles(edges: dict[str, set[str]]) -> list[list[str]]:
    """The cycles that a depth-first walk closes: none if and only if there is none."""
    found: list[list[str]] = []
    finished: set[str] = set()

    def visit(module: str, path: list[str]) -> None:
        if module in path:
            found.append([*path[path.index(module) :], module])
        elif module not in finished:
            for target in sorted(edges[module]):
                visit(target, [*path, module])
            finished.add(module)

    for module in sorted(edges):
        visit(module, [])
    return found


def test_imports_only_go_down():
    assert violations(ROOT) == []


def test_every_floor_is_there():
    names = {top(module) for module in modules_of(ROOT)}
    assert set().union(*FLOORS) <= names
    assert {"training", "callbacks", "datasets", "saving", "plotting", *TESTING} <= names


def test_the_plan_has_these_floors():
    """The plan in docs/design.md; what is beside the loop has no number there."""
    page = (ROOT.parent / "docs" / "design.md").read_text(encoding="utf-8")
    plan = page.partition("```\nminidl/\n")[2].partition("```")[0]
    told: dict[str, int] = {}
    number = 0
    for line in plan.partition("beside the loop")[0].splitlines():
        number = int(line[2]) if line[2:3].isdigit() else number
        names = line[5:].split("   ")[0]
        told |= {name.rstrip("/").removesuffix(".py"): number for name in names.split()}
    assert told == {name: floor(f"minidl.{name}") for name in told}
    names = {top(module) for module in modules_of(ROOT)} - {"", "__main__"}
    beside = plan.partition("beside the loop")[2]
    assert {name for name in names - told.keys() if f" {name}/ " not in beside} == set()


# The checker bites -------------------------------------------------------------------------

SOUND = {
    "__init__": "from minidl import layers, network\nfrom minidl.training import fit\n",
    "backend/__init__": "from minidl.backend import switch\n",
    "backend/switch": "import numpy\ndef load():\n    import cupy\n"
    "    from minidl.accelerator import loops\n",
    "accelerator/__init__": "",
    "accelerator/loops": "import llvmlite\nfrom minidl.backend import switch\n",
    "commands/__init__": "",
    "commands/doctor": "from minidl.accelerator import loops\n",
    "checks": "import math\n",
    "kernels/__init__": "",
    "kernels/dense": "from minidl.backend import switch\n",
    "regularizers": "from minidl.kernels import dense\n",
    "parameters": "from minidl.regularizers import L2\n",
    "layers/__init__": "from minidl.layers.base import Layer\n",
    "layers/base": "from minidl import checks\nfrom minidl.backend.switch import load\n",
    "losses": "from minidl.layers.base import Layer\n",
    "network": "from minidl.layers import Layer\n",
    "training": "from minidl.network import Network\n",
    "gradient_check/__init__": "from minidl.training import fit\n",
    "testing/__init__": "from minidl.testing import strategies\n",
    "testing/strategies": "import hypothesis\nfrom minidl.gradient_check import gradcheck\n",
    "datasets/__init__": "from minidl.datasets import imdb\n",
    "datasets/imdb": "from minidl import checks\nfrom minidl.parameters import Vector\n",
}


@pytest.fixture
def tree(tmp_path):
    """Writes a package minidl that is sound but for the given modules."""

    def write(changed: dict[str, str]) -> Path:
        for name, text in {**SOUND, **changed}.items():
            path = tmp_path / "minidl" / f"{name}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return tmp_path / "minidl"

    return write


def test_a_sound_tree_passes(tree):
    assert violations(tree({})) == []


@pytest.mark.parametrize(
    ("module", "text", "problem"),
    [
        ("checks", "import minidl.kernels", "minidl.checks:1 imports minidl.kernels: that is up"),
        ("checks", "import minidl", "minidl.checks:1 imports minidl: that is up"),
        ("checks", "from minidl import fit", "minidl.checks:1 imports minidl: that is up"),
        ("kernels/dense", "from minidl import regularizers", "minidl.regularizers: that is up"),
        ("kernels/dense", "from .. import losses", "minidl.losses: that is up"),
        ("kernels/dense", "from ..layers.base import Layer", "minidl.layers.base: that is up"),
        ("kernels/dense", "from minidl.seeds import x\nfrom minidl.new import y",
         "minidl.kernels.dense:2 imports minidl.new: that is up"),
        ("regularizers", "from minidl import parameters", "minidl.parameters: that is up"),
        ("losses", "def f():\n    import minidl.network", "minidl.losses:2 imports minidl.network"),
        ("losses", "class A:\n    def f(self):\n        from minidl import training",
         "minidl.losses:3 imports minidl.training: that is up, from floor 6 to 8"),
        ("network", "try:\n    import minidl.training\nexcept ImportError:\n    pass",
         "that is up"),
        ("network", "import importlib\nimportlib.import_module('minidl.training')", "that is up"),
        ("layers/base", "def f():\n    from minidl.accelerator import loops", "the one door"),
        ("backend/switch", "from minidl.accelerator import loops", "when it is asked for"),
        ("accelerator/loops", "from minidl import checks", "and nothing else of minidl"),
        ("layers/base", "import cupy", "only minidl.backend and the accelerator import cupy"),
        ("training", "def f():\n    from numba import njit", "only minidl.backend and"),
        ("training", "import importlib\nx = importlib.import_module('cupy')",
         "only minidl.backend"),
        ("training", "from importlib import import_module\nimport_module('cupy.cuda')",
         "minidl.training:2 imports cupy.cuda: only minidl.backend"),
        ("training", "numba = __import__('numba')", "only minidl.backend and the accelerator"),
        ("training", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import cupy",
         "only minidl.backend and the accelerator import cupy"),
        ("backend/switch", "from minidl import checks", "imports nothing else of minidl"),
        ("backend/switch", "import typing\nif typing.TYPE_CHECKING:\n    import minidl.checks",
         "minidl.backend imports nothing else of minidl"),
        ("datasets/imdb", "from minidl.layers import Layer", "above its first floor"),
        ("datasets/imdb", "from minidl import training", "above its first floor"),
        ("training", "import hypothesis", "only minidl.testing imports pytest and hypothesis"),
        ("gradient_check/__init__", "def f():\n    import pytest", "only minidl.testing imports"),
        ("training", "from minidl.gradient_check import gradcheck", "imported by nothing that"),
        ("training", "from minidl import testing", "imported by nothing that trains"),
        ("layers/base", "def f():\n    import minidl.testing.strategies",
         "minidl.layers.base:2 imports minidl.testing.strategies: what only tests load"),
        ("parameters", "from typing import TYPE_CHECKING\nif not TYPE_CHECKING:\n"
         "    import minidl.layers", "minidl.parameters:3 imports minidl.layers: that is up"),
        ("parameters", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import numpy\n"
         "else:\n    import minidl.layers", "minidl.parameters:5 imports minidl.layers"),
    ],
)  # fmt: skip
def test_a_wrong_import_is_found(tree, module, text, problem):
    found = violations(tree({module: text}))
    assert any(problem in line for line in found), found


@pytest.mark.parametrize(
    ("changes", "cycle"),
    [
        ({"checks": "import minidl.seeds", "seeds": "def f():\n    import minidl.checks"},
         "minidl.checks -> minidl.seeds -> minidl.checks"),
        ({"layers/base": "from minidl.layers import dense",
          "layers/dense": "from .base import Layer"},
         "minidl.layers.base -> minidl.layers.dense -> minidl.layers.base"),
        ({"losses": "import minidl.metrics", "metrics": "import minidl.optimizers.base",
          "optimizers/base": "", "optimizers/__init__": "import minidl.losses"},
         "minidl.losses -> minidl.metrics -> minidl.optimizers -> minidl.losses"),
        ({"layers/base": "from minidl import layers"},
         "minidl.layers -> minidl.layers.base -> minidl.layers"),
    ],
)  # fmt: skip
def test_a_cycle_is_found(tree, changes, cycle):
    found = violations(tree(changes))
    assert [line for line in found if "cycle" in line] == [f"a cycle: {cycle}"]


def test_typing_imports_may_point_around_and_not_up(tree):
    text = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from minidl.{} import X\n"
    changes = {"losses": text.format("metrics"), "metrics": "from minidl import losses"}
    assert violations(tree(changes)) == []
    (problem,) = violations(tree({"layers/base": text.format("network"), "metrics": ""}))
    assert "that is up" in problem
