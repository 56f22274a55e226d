"""Expressions of the language that commands are written in, as LLVM's instructions."""

from __future__ import annotations

import ast
import builtins
import functools
import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from types import FunctionType
from typing import Any

from minidl.accelerator.cpu.machine.arithmetic import (
    alike,
    better,
    both,
    cast,
    choose,
    compare,
    operate,
    standard,
)
from minidl.accelerator.cpu.machine.values import (
    Intrinsic,
    Kind,
    Number,
    Pointer,
    boolean,
    int64,
    kind_of,
    known,
    place,
)

_COMPARISONS = {
    ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=",
}  # fmt: skip


class Expressions(ABC):
    """The expressions of a function.

    Args:
        builder: writes the instructions, at its place.
        names: the objects that the module calls by name.

    Attributes:
        values: constant values, by name.
        places: memory of the variables' values, by name.
        computes: True once an element other than an int64 has been met.
    """

    def __init__(self, builder: Any, names: dict[str, Any]) -> None:
        self.builder, self.names = builder, names
        self.values: dict[str, Any] = {}
        self.places: dict[str, Any] = {}
        self.computes = False

    @abstractmethod
    def call(self, function: FunctionType, arguments: Sequence[Any]) -> Any:
        """The result of a function in the same language."""

    def value(self, tree: ast.expr) -> Any:
        """The value of an expression."""
        find = getattr(self, f"_of_{type(tree).__name__}", None)
        if find is None:
            raise TypeError(f"the language has no {ast.unparse(tree)!r}")
        return find(tree)

    def _of_Constant(self, tree: ast.Constant) -> Any:  # noqa: N802
        return tree.value

    def _of_Name(self, tree: ast.Name) -> Any:  # noqa: N802
        if tree.id in self.places:
            return self.read(self.places[tree.id])
        if tree.id in self.values:
            return self.values[tree.id]
        if tree.id in self.names:
            return self.names[tree.id]
        return getattr(builtins, tree.id)

    def _of_Attribute(self, tree: ast.Attribute) -> Any:  # noqa: N802
        return getattr(self.value(tree.value), tree.attr)

    def _of_Tuple(self, tree: ast.Tuple) -> Any:  # noqa: N802
        found: list[Any] = []
        for each in tree.elts:
            if isinstance(each, ast.Starred):
                found += self.value(each.value)
            else:
                found.append(self.value(each))
        return tuple(found)

    def _of_Subscript(self, tree: ast.Subscript) -> Any:  # noqa: N802
        return self.load(self.element(tree))

    def element(self, target: ast.Subscript) -> Pointer:
        """The address of an element."""
        start = self.value(target.value)
        if not isinstance(start, Pointer):
            raise TypeError(f"{ast.unparse(target.value)!r} has no elements")
        self.computes |= start.kind != int64
        index = cast(self.builder, self.value(target.slice), int64).ir
        return Pointer(start.kind, self.builder.gep(start.ir, [index], source_etype=start.kind.ir))

    def load(self, pointer: Pointer) -> Number:
        """The number at a place."""
        return Number(pointer.kind, self.builder.load(pointer.ir, typ=pointer.kind.ir))

    def read(self, where: Any) -> Any:
        """The value of a place."""
        if isinstance(where, list):
            return tuple(map(self.read, where))
        return where._replace(ir=self.builder.load(where.ir, typ=where.ir.allocated_type))

    def _of_UnaryOp(self, tree: ast.UnaryOp) -> Any:  # noqa: N802
        value, builder = self.value(tree.operand), self.builder
        if isinstance(tree.op, ast.Not):
            if known(value):
                return not value
            return Number(boolean, builder.not_(cast(builder, value, boolean).ir))
        if not isinstance(tree.op, ast.USub):
            raise TypeError(f"the language has no {ast.unparse(tree)!r}")
        if known(value):
            return -value
        if value.kind.floating:
            return Number(value.kind, builder.fneg(value.ir))
        return operate(self.builder, ast.Sub(), 0, value)

    def _of_BinOp(self, tree: ast.BinOp) -> Any:  # noqa: N802
        return operate(self.builder, tree.op, self.value(tree.left), self.value(tree.right))

    def _of_Compare(self, tree: ast.Compare) -> Any:  # noqa: N802
        values = list(map(self.value, (tree.left, *tree.comparators)))
        found = True
        for a, b, how in zip(values[:-1], values[1:], tree.ops, strict=True):
            name = _COMPARISONS[type(how)]
            if known(a) and known(b):
                one: Any = bool(eval(f"a {name} b", {"a": a, "b": b}))
            else:
                one = compare(self.builder, name, *alike(self.builder, a, b, keep=True))
            found = both(self.builder, found, one)
        return found

    def _of_BoolOp(self, tree: ast.BoolOp) -> Any:  # noqa: N802
        either = isinstance(tree.op, ast.Or)
        join = functools.partial(both, self.builder, either=either)
        return functools.reduce(join, map(self.value, tree.values))

    def _of_IfExp(self, tree: ast.IfExp) -> Any:  # noqa: N802
        condition = self.value(tree.test)
        if known(condition):
            return self.value(tree.body if condition else tree.orelse)
        return choose(self.builder, condition, self.value(tree.body), self.value(tree.orelse))

    def _of_Call(self, tree: ast.Call) -> Any:  # noqa: N802
        if tree.keywords:
            raise TypeError(f"the language has no {ast.unparse(tree)!r}")
        function = self.value(tree.func)
        arguments = self._of_Tuple(ast.Tuple(tree.args))
        builder = self.builder
        if isinstance(function, Kind):
            (value,) = arguments
            return cast(builder, value, function)
        if isinstance(function, Intrinsic):
            return function.generate(builder, *(_raw(builder, value) for value in arguments))
        if function in (min, max):
            pick = functools.partial(better, builder, function is min)
            return functools.reduce(pick, arguments)
        if function in (abs, math.sqrt):
            (value,) = arguments
            if known(value):
                return function(value)
            name = "fabs" if function is abs else "sqrt"
            return standard(builder, name, value)
        if function is math.isfinite:
            size = standard(builder, "fabs", *arguments)
            return compare(builder, "<", *alike(builder, size, math.inf))
        if isinstance(function, FunctionType):
            return self.call(function, arguments)
        raise TypeError(f"the language has no {ast.unparse(tree)!r}")

    # Variables and elements ------------------------------------------------------------------

    def assign(self, target: ast.expr, value: Any) -> None:
        """Give a value to a name or an element, or values to several."""
        if isinstance(target, ast.Tuple):
            for part, each in zip(target.elts, value, strict=True):
                self.assign(part, each)
        elif isinstance(target, ast.Subscript):
            self.store(self.element(target), value)
        else:
            assert isinstance(target, ast.Name)
            self.places[target.id] = self.written(self.places.get(target.id), value)

    def written(self, where: Any, value: Any) -> Any:
        """The place of a value, written there; a new one where there is none."""
        builder = self.builder
        if type(value) is tuple:
            old = where or [None] * len(value)
            return [self.written(o, v) for o, v in zip(old, value, strict=True)]
        if isinstance(value, Pointer):
            where = where or Pointer(value.kind, place(builder, value.ir.type))
            builder.store(value.ir, where.ir)
            return where
        kind = kind_of(value)
        if where is None:
            where = Number(kind, place(builder, kind.ir))
        if not known(value) and kind != where.kind and (kind.floating or where.kind != int64):
            raise TypeError(f"a variable of {where.kind.name} is given {kind.name}")
        if kind.floating and not where.kind.floating:
            raise TypeError(f"a variable of {where.kind.name} is given {value}")
        builder.store(cast(builder, value, where.kind).ir, where.ir)
        return where

    def store(self, pointer: Pointer, value: Any) -> None:
        """Write a number, as one of the kind that lies there."""
        self.builder.store(cast(self.builder, value, pointer.kind).ir, pointer.ir)


def _raw(builder: Any, value: Any) -> Any:
    """A value in the form that an intrinsic takes."""
    if isinstance(value, Kind):
        return value
    if isinstance(value, Number | Pointer):
        return value.ir
    if isinstance(value, tuple):
        return [_raw(builder, each) for each in value]
    return cast(builder, value, kind_of(value)).ir
