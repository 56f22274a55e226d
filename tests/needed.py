"""The packages that a file of tests needs before its first test can run."""

from __future__ import annotations

import ast
import functools
import importlib.util
from pathlib import Path

ROOT = Path(__file__).parents[1]
#: Folders with files that import each other.
OURS = ("minidl", "tests", "benchmarks", "examples")


def missing(path: Path) -> str | None:
    """A package that a file imports and that is not installed; None where there is none."""
    return next((name for name in sorted(packages(path)) if not _installed(name)), None)


def packages(path: Path) -> set[str]:
    """Packages without which a file, or a file of ours that it imports, cannot be loaded."""
    found: set[str] = set()
    waiting, seen = [path], {path}
    while waiting:
        names, files = _needs(waiting.pop())
        found |= names
        waiting += files - seen
        seen |= files
    return found


@functools.cache
def _needs(path: Path) -> tuple[frozenset[str], frozenset[Path]]:
    """Packages of others, and files of ours, that a file imports."""
    names, files = set(), set()
    for module in _imports(path):
        top = module.partition(".")[0]
        if top in OURS:
            place = ROOT.joinpath(*module.split("."))
            found = place.with_suffix(".py"), place / "__init__.py"
            files |= {file for file in found if file.is_file()}
        else:
            names.add(top)
    return frozenset(names), frozenset(files)


def _imports(path: Path) -> list[str]:
    """Names of modules, and of what may be modules, that a file cannot be loaded without."""
    found: list[str] = []
    package = path.parent.relative_to(ROOT).parts if path.is_relative_to(ROOT) else ()
    waiting: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.Try):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*above, *([node.module] if node.module else [])])
            found += [module, *(f"{module}.{alias.name}" for alias in node.names)]
        waiting += ast.iter_child_nodes(node)
    return found


@functools.cache
def _installed(name: str) -> bool:
    return importlib.util.find_spec(name) is not None
