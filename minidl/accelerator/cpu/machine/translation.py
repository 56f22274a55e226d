"""Functions of commands, translated to LLVM's instructions.

The language is a small part of Python: assignments, ``if``, ``while``, ``for`` over a range or over
a written-out tuple, ``return``, and calls of functions in the same language. A variable
keeps the kind of number of the first assignment. Both sides of ``and``, ``or`` and of a conditional
expression are computed, needed or not. Integers are added as in C, int64 or uint64, and
divided as in Python. Nothing raises. Floating-point operations keep their order, and a product and
a sum stay two operations, so that the results are NumPy's, to the bit.

A call of a function becomes the instructions of the body. A function with a return annotation,
such as ``-> int64``, stays a function, which may call itself.
"""

from __future__ import annotations

import ast
import functools
import inspect
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import FunctionType
from typing import Any, NamedTuple

from llvmlite import ir

from minidl.accelerator.cpu.machine.arithmetic import cast, operate
from minidl.accelerator.cpu.machine.expressions import Expressions
from minidl.accelerator.cpu.machine.values import Kind, Number, boolean, int64, kind_of, known


class Translated(NamedTuple):
    """A function in LLVM's language.

    Attributes:
        text: a module with the function.
        arguments: the number of int64 arguments.
        returns: True if the function returns an int64.
        computes: True if the function itself reads or writes other numbers than int64.
    """

    text: str
    arguments: int
    returns: bool
    computes: bool


def translated(function: FunctionType, text: str, entry: str) -> Translated:
    """Translate a function.

    Args:
        function: as Python made the function from a source.
        text: the source.
        entry: the function's name in the module.

    Raises:
        TypeError: the language has not all that the function consists of.
    """
    whole = _Whole(ir.Module(entry), {function.__globals__["__name__"]: _functions(text)})
    tree = whole.sources[function.__globals__["__name__"]][function.__name__]
    count = len(tree.args.args)
    kind = ir.FunctionType(int64.ir if tree.returns else ir.VoidType(), [int64.ir] * count)
    made = ir.Function(whole.module, kind, entry)
    builder = ir.IRBuilder(made.append_basic_block("entry"))
    result = _Body(builder, function, tree, [Number(int64, a) for a in made.args], whole).run()
    if tree.returns:
        builder.ret(cast(builder, 0 if result is None else result, int64).ir)
    else:
        builder.ret_void()
    return Translated(str(whole.module), count, tree.returns is not None, whole.computes)


@dataclass
class _Whole:
    """The common state of the bodies of a module's functions.

    Attributes:
        module: LLVM's.
        sources: functions by name, by the names of Python's modules that are in no file.
        own: functions with a return annotation, by function and kinds of arguments.
        computes: as in the result, :class:`Translated`.
    """

    module: ir.Module
    sources: dict[str, dict[str, ast.FunctionDef]]
    own: dict[Any, tuple[Kind, Any]] = field(default_factory=dict)
    computes: bool = False


def _functions(text: str) -> dict[str, ast.FunctionDef]:
    return {n.name: n for n in ast.parse(text).body if isinstance(n, ast.FunctionDef)}


@functools.cache
def _functions_of(module: str) -> dict[str, ast.FunctionDef]:
    return _functions(inspect.getsource(sys.modules[module]))


class _Body(Expressions):
    """The instructions of a function's body, for its arguments.

    Args:
        builder: writes the instructions, at its place.
        function, tree: the function, and the function's syntax tree.
        arguments: values.
        whole: the module's state.
        returns: the kind of the result; None for the kind of the first returned value.
    """

    def __init__(
        self,
        builder: Any,
        function: FunctionType,
        tree: ast.FunctionDef,
        arguments: Sequence[Any],
        whole: _Whole,
        returns: Kind | None = None,
    ) -> None:
        super().__init__(builder, function.__globals__)
        self.tree, self.whole, self.returns = tree, whole, returns
        self.end = builder.append_basic_block(f"{tree.name}.end")
        self.result: Any = None
        names = [argument.arg for argument in tree.args.args]
        if len(names) != len(arguments):
            raise TypeError(f"{tree.name}: expected {len(names)} arguments, got {len(arguments)}")
        nodes = (node for node in ast.walk(tree) if isinstance(node, ast.Name))
        given = {node.id for node in nodes if isinstance(node.ctx, ast.Store)}
        for name, value in zip(names, arguments, strict=True):
            if name in given:
                self.places[name] = self.written(None, value)
            else:
                self.values[name] = value

    def run(self) -> Any:
        """Write the instructions; return the function's result."""
        self.block(self.tree.body)
        if not self.builder.block.is_terminated:
            self.builder.branch(self.end)
        self.builder.position_at_end(self.end)
        self.whole.computes |= self.computes
        return None if self.result is None else self.read(self.result)

    # Statements ------------------------------------------------------------------------------

    def block(self, statements: Sequence[ast.stmt]) -> None:
        """Write statements, up to one after which nothing comes."""
        for statement in statements:
            if self.builder.block.is_terminated:
                return
            try:
                write = getattr(self, f"_on_{type(statement).__name__}", None)
                if write is None:
                    raise TypeError(f"the language has no {ast.unparse(statement)!r}")
                write(statement)
            except _Error:
                raise
            except (TypeError, AttributeError, KeyError, ValueError) as error:
                said = f"{self.tree.name}, line {statement.lineno}: {error}"
                raise _Error(said) from error

    def _on_Expr(self, statement: ast.Expr) -> None:  # noqa: N802
        if not isinstance(statement.value, ast.Constant):  # a docstring
            self.value(statement.value)

    def _on_Pass(self, statement: ast.Pass) -> None:  # noqa: N802
        pass

    def _on_Assign(self, statement: ast.Assign) -> None:  # noqa: N802
        (target,) = statement.targets
        self.assign(target, self.value(statement.value))

    def _on_AugAssign(self, statement: ast.AugAssign) -> None:  # noqa: N802
        value = self.value(statement.value)
        if isinstance(statement.target, ast.Subscript):
            pointer = self.element(statement.target)
            self.store(pointer, operate(self.builder, statement.op, self.load(pointer), value))
        else:
            assert isinstance(statement.target, ast.Name)
            where = self.places[statement.target.id]
            made = operate(self.builder, statement.op, self.read(where), value)
            self.written(where, cast(self.builder, made, where.kind))

    def _on_Return(self, statement: ast.Return) -> None:  # noqa: N802
        if statement.value is not None:
            value = self.value(statement.value)
            if self.returns is not None:
                value = cast(self.builder, value, self.returns)
            self.result = self.written(self.result, value)
        self.builder.branch(self.end)

    def _on_If(self, statement: ast.If) -> None:  # noqa: N802
        condition = self.value(statement.test)
        if known(condition):
            self.block(statement.body if condition else statement.orelse)
            return
        yes, no, after = (self.builder.append_basic_block(n) for n in ("yes", "no", "after"))
        self.builder.cbranch(cast(self.builder, condition, boolean).ir, yes, no)
        for start, statements in ((yes, statement.body), (no, statement.orelse)):
            self.builder.position_at_end(start)
            self.block(statements)
            if not self.builder.block.is_terminated:
                self.builder.branch(after)
        self.builder.position_at_end(after)

    def _on_While(self, statement: ast.While) -> None:  # noqa: N802
        head, body, after = (self.builder.append_basic_block(n) for n in ("head", "body", "after"))
        self.builder.branch(head)
        self.builder.position_at_end(head)
        condition = cast(self.builder, self.value(statement.test), boolean)
        self.builder.cbranch(condition.ir, body, after)
        self.builder.position_at_end(body)
        self.block(statement.body)
        if not self.builder.block.is_terminated:
            self.builder.branch(head)
        self.builder.position_at_end(after)

    def _on_For(self, statement: ast.For) -> None:  # noqa: N802
        if isinstance(statement.iter, ast.Tuple):
            for element in statement.iter.elts:
                self.assign(statement.target, self.value(element))
                self.block(statement.body)
            return
        call, builder = statement.iter, self.builder
        if not (isinstance(call, ast.Call) and ast.unparse(call.func) == "range"):
            raise TypeError(f"expected a range, received {ast.unparse(call)!r}")
        bounds = [cast(builder, self.value(a), int64).ir for a in call.args]
        zero, one = ir.Constant(int64.ir, 0), ir.Constant(int64.ir, 1)
        bounds = [zero, *bounds] if len(bounds) == 1 else bounds
        start, end, step = (*bounds, one)[:3]
        before = builder.block
        head, body, after = (builder.append_basic_block(n) for n in ("head", "body", "after"))
        builder.branch(head)
        builder.position_at_end(head)
        count = builder.phi(int64.ir)
        count.add_incoming(start, before)
        builder.cbranch(builder.icmp_signed("<", count, end), body, after)
        builder.position_at_end(body)
        self.assign(statement.target, Number(int64, count))
        self.block(statement.body)
        if not builder.block.is_terminated:
            count.add_incoming(builder.add(count, step, flags=["nsw"]), builder.block)
            builder.branch(head)
        builder.position_at_end(after)

    # Calls -----------------------------------------------------------------------------------

    def call(self, function: FunctionType, arguments: Sequence[Any]) -> Any:
        """The result of a function in the same language."""
        module = function.__globals__["__name__"]
        whole = self.whole
        here = whole.sources.get(module)
        tree = (here or _functions_of(module))[function.__name__]
        if tree.returns is None or here is None:
            return _Body(self.builder, function, tree, arguments, whole).run()
        numbers = [cast(self.builder, value, kind_of(value)) for value in arguments]
        key = function, *(number.kind for number in numbers)
        if key not in whole.own:
            kind = function.__globals__[ast.unparse(tree.returns)]
            form = ir.FunctionType(kind.ir, [number.kind.ir for number in numbers])
            own = ir.Function(whole.module, form, f"{tree.name}.{len(whole.own)}")
            own.linkage = "internal"
            whole.own[key] = kind, own
            builder = ir.IRBuilder(own.append_basic_block("entry"))
            given = [Number(n.kind, a) for n, a in zip(numbers, own.args, strict=True)]
            builder.ret(_Body(builder, function, tree, given, whole, kind).run().ir)
        kind, own = whole.own[key]
        return Number(kind, self.builder.call(own, [number.ir for number in numbers]))


class _Error(TypeError):
    """An error at code that the language does not know, with the place of the code."""
