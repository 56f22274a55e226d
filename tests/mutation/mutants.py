"""The mutants of a source file: what Cosmic Ray's operators make of it, without the idle ones."""

from __future__ import annotations

import ast
import difflib
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import cosmic_ray.plugins
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code

from tests.mutation import operators  # noqa: F401  registers them

ROOT = Path(__file__).parents[2]
#: The engine's arithmetic: what is mutated.
SUBJECTS = ("minidl/kernels", "minidl/optimizers", "minidl/layers", "minidl/regularizers")

# Left out: of the operators that could take another's place all but + - * /, since formulas know
# no others and fail at once, which flatters the score; `is` in place of `==`, which says nothing.
_IDLE = re.compile(
    r"core/ReplaceBinaryOperator_\w+_(LShift|RShift|Bit\w+|Mod|Pow|FloorDiv)$"
    r"|core/ReplaceUnaryOperator_\w+_(Invert|Not)$"
    r"|core/ReplaceComparisonOperator_(Eq|NotEq|Lt|LtE|Gt|GtE)_(Is|IsNot)$"
    r"|core/ReplaceComparisonOperator_(Is|IsNot)_(Eq|NotEq|Lt|LtE|Gt|GtE)$"
)


class Mutant(NamedTuple):
    """One change to one file.

    Attributes:
        path: of the file, from the repository's root.
        definition: the function or class changed, the innermost.
        change: the lines before and after, as in a diff.
        source: the whole file with it.
    """

    path: str
    definition: str
    change: str
    source: str

    def __str__(self) -> str:
        return f"{self.path}, {self.definition}\n{self.change}"


def files(root: Path = ROOT) -> list[str]:
    """Every file to mutate, from the repository's root."""
    found = []
    for subject in SUBJECTS:
        path = root / subject
        found += sorted(path.glob("*.py")) if path.is_dir() else [path]
    return [str(path.relative_to(root)) for path in found]


def mutants(path: str, root: Path = ROOT) -> Iterator[Mutant]:
    """All that differ from the file and from each other in more than annotations."""
    source = (root / path).read_text(encoding="utf-8")
    seen = {_meaning(source)}
    for name in cosmic_ray.plugins.operator_names():
        kind = cosmic_ray.plugins.get_operator(name)
        if _IDLE.match(name) or kind.arguments():
            continue
        for occurrence, definition in enumerate(_definitions(source, kind())):
            changed = mutate_code(source, kind(), occurrence)
            meaning = _meaning(changed)
            if meaning is not None and meaning not in seen:
                seen.add(meaning)
                yield Mutant(path, definition, _change(source, changed), changed)


def _definitions(source: str, operator: Any) -> Iterator[str]:
    """The name of what is around each place where an operator applies."""
    for node in ast_nodes(get_ast(source)):
        for _ in operator.mutation_positions(node):
            yield _definition(node)


def _definition(node: Any) -> str:
    if node.type == "decorator":
        node = node.parent.children[-1].children[0]
    names = []
    while node := node.parent:
        if node.type in ("funcdef", "classdef"):
            names.insert(0, node.name.value)
    return ".".join(names) or "module"


def _meaning(source: str) -> str | None:
    """The program without what never runs: annotations and docstrings. None if it is none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)
        try:
            tree = ast.parse(source)
            compile(source, "<mutant>", "exec")
        except SyntaxError:
            return None
    tree = _Negations().visit(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.arg | ast.AnnAssign):
            node.annotation = None if isinstance(node, ast.arg) else ast.Constant(None)
        elif isinstance(node, ast.FunctionDef):
            node.returns = None
        # Statements that are a constant: docstrings, and what a deletion leaves.
        for body in ("body", "orelse"):
            lines = getattr(node, body, None)
            if isinstance(lines, list):
                kept = [line for line in lines if not _nothing(line)]
                setattr(node, body, kept or [ast.Pass()])
    return ast.dump(tree)


_OPPOSITE = {ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In}


class _Negations(ast.NodeTransformer):
    """``not a is b`` as ``a is not b``, and the reverse."""

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.expr:
        self.generic_visit(node)
        inner = node.operand
        if isinstance(node.op, ast.Not) and isinstance(inner, ast.Compare) and len(inner.ops) == 1:
            opposite = _OPPOSITE.get(type(inner.ops[0]))
            if opposite:
                return ast.Compare(inner.left, [opposite()], inner.comparators)
        return node


def _nothing(node: ast.stmt) -> bool:
    constant = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return constant or isinstance(node, ast.Pass)


def _change(before: str, after: str) -> str:
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm="")
    return "\n".join(x for x in list(lines)[2:] if not x.startswith("@@") and x[1:].strip())
