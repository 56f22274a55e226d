"""Mutations that Cosmic Ray does not come with: a statement left out, another function called."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import cosmic_ray.plugins
import parso
from cosmic_ray.operators.operator import Example, Operator

# What stands in for a function of NumPy's, or of Python's.
_OTHER = {
    "maximum": "minimum",
    "minimum": "maximum",
    "fmax": "fmin",
    "add": "subtract",
    "subtract": "add",
    "multiply": "divide",
    "divide": "multiply",
    "exp": "expm1",
    "expm1": "exp",
    "log": "log1p",
    "log1p": "log",
    "sqrt": "square",
    "square": "sqrt",
    "abs": "positive",
    "absolute": "positive",
    "sign": "positive",
    "tanh": "sin",
    "sum": "mean",
    "mean": "sum",
    "floor": "ceil",
    "ceil": "floor",
    "where": "maximum",
    "zeros": "ones",
    "ones": "zeros",
    "zeros_like": "ones_like",
    "ones_like": "zeros_like",
    "any": "all",
    "all": "any",
    "max": "min",
    "min": "max",
}
_PLAIN = {"any", "all", "max", "min", "sum", "abs"}
# Statements without which the rest is another program. A docstring is none, nor an import.
_KEPT = ("import_name", "import_from", "string", "strings", "global_stmt", "nonlocal_stmt")


class DeleteStatement(Operator):  # type: ignore[misc]
    """An assignment, a call or a raise becomes ``pass``."""

    def mutation_positions(self, node: Any) -> Iterator[Any]:
        if node.type == "simple_stmt":
            statement = node.children[0]
            if statement.type not in _KEPT and statement != "pass" and not _declares(statement):
                yield node.start_pos, node.end_pos

    def mutate(self, node: Any, index: int) -> Any:
        nothing = parso.parse("pass\n").children[0]
        nothing.get_first_leaf().prefix = node.get_first_leaf().prefix
        return nothing

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (
            Example("x = 1\n", "pass\n"),
            Example("if x:\n    f(x)\n", "if x:\n    pass\n"),
            Example("if x:\n    raise E\n", "if x:\n    pass\n"),
        )


class ReplaceFunction(Operator):  # type: ignore[misc]
    """A function gives way to a related one: ``np.maximum`` to ``np.minimum``."""

    def mutation_positions(self, node: Any) -> Iterator[Any]:
        if node.type == "name" and node.value in _OTHER:
            before = node.get_previous_leaf()
            of_numpy = before == "." and before.get_previous_leaf().value in ("np", "xp")
            called = node.get_next_leaf() == "("
            if of_numpy or (called and before != "." and node.value in _PLAIN):
                yield node.start_pos, node.end_pos

    def mutate(self, node: Any, index: int) -> Any:
        return parso.python.tree.Name(_OTHER[node.value], node.start_pos, node.prefix)

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (
            Example("np.maximum(x, 0)", "np.minimum(x, 0)"),
            Example("y = max(x)", "y = min(x)"),
        )


def _declares(statement: Any) -> bool:
    """``name: type`` without a value."""
    annotated = [c for c in getattr(statement, "children", ()) if c.type == "annassign"]
    return bool(annotated) and "=" not in annotated[0].children


class _Provider(dict[str, type[Operator]]):
    """What Cosmic Ray looks operators up in."""


cosmic_ray.plugins.OPERATOR_PROVIDERS["minidl"] = _Provider(
    {operator.__name__: operator for operator in (DeleteStatement, ReplaceFunction)}
)
