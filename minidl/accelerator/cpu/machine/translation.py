"""Functions that commands consist of, translated to LLVM's instructions.

The language is a small part of Python: assignments, ``if``, ``while``, ``for`` over a range or over
a tuple that is written out, ``return``, and calls of functions in the same language. A variable
keeps the kind of number that it is first given. Both sides of ``and``, ``or`` and of a conditional
expression are computed, whichever is needed. Integers are added as in C, int64 or uint64, and
divided as in Python. Nothing raises. Floating-point operations keep their order, and a product and
a sum stay two operations, so that the results are those of NumPy, to the bit.

A call of a function becomes the instructions of its body. A function that says what it returns,
such as ``-> int64``, is one of its own, which may call itself.
"""

from __future__ import annotations

import ast
import builtins
import functools
import inspect
import math
import operator
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import FunctionType
from typing import Any, NamedTuple

from llvmlite import ir

from minidl.accelerator.cpu.machine.values import (
    Intrinsic,
    Kind,
    Number,
    Pointer,
    boolean,
    cast,
    compare,
    instruct,
    int64,
    kind_of,
    known,
    place,
    uint64,
)

_COMPARISONS = {
    ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=",
}  # fmt: skip
#: Names of LLVM's instructions for floating-point numbers and integers, and Python's operators.
_OPERATORS: dict[type, tuple[str, str, Callable[[Any, Any], Any]]] = {
    ast.Add: ("fadd", "add", operator.add),
    ast.Sub: ("fsub", "sub", operator.sub),
    ast.Mult: ("fmul", "mul", operator.mul),
    ast.Div: ("fdiv", "", operator.truediv),
    ast.FloorDiv: ("", "sdiv", operator.floordiv),
    ast.Mod: ("", "srem", operator.mod),
    ast.LShift: ("", "shl", operator.lshift),
    ast.RShift: ("", "ashr", operator.rshift),
    ast.BitAnd: ("", "and_", operator.and_),
    ast.BitOr: ("", "or_", operator.or_),
    ast.BitXor: ("", "xor", operator.xor),
}


class Translated(NamedTuple):
    """A function in LLVM's language.

    Attributes:
        text: a module with it.
        arguments: how many int64 it takes.
        returns: whether it returns one.
        computes: whether it reads or writes other numbers than int64, and not only directs others.
    """

    text: str
    arguments: int
    returns: bool
    computes: bool


def translated(function: FunctionType, text: str, entry: str) -> Translated:
    """Translate a function.

    Args:
        function: as Python made it of a source.
        text: that source.
        entry: its name in the module.

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
    """What the bodies of a module's functions have in common.

    Attributes:
        module: LLVM's.
        sources: functions by name, by the names of Python's modules that are in no file.
        own: functions of their own, by what they are made of.
        computes: as of what is made in the end.
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


class _Body:
    """The instructions of a function's body, for its arguments.

    Args:
        builder: to whose place they are written.
        function, tree: the function, and how it reads.
        arguments: values.
        whole: of what it is a part.
        returns: the kind of what it returns; None for that of what it returns first.
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
        self.builder, self.function, self.tree, self.whole = builder, function, tree, whole
        self.returns = returns
        self.end = builder.append_basic_block(f"{tree.name}.end")
        self.result: Any = None
        # Names of values, and of places of values that may be given others.
        self.values: dict[str, Any] = {}
        self.places: dict[str, Any] = {}
        names = [argument.arg for argument in tree.args.args]
        if len(names) != len(arguments):
            raise TypeError(f"{tree.name}: expected {len(names)} arguments, got {len(arguments)}")
        given = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and _stored(n)}
        for name, value in zip(names, arguments, strict=True):
            if name in given:
                self.places[name] = self.written(self.places.get(name), value)
            else:
                self.values[name] = value

    def run(self) -> Any:
        """Write them; what the function returns."""
        self.block(self.tree.body)
        if not self.builder.block.is_terminated:
            self.builder.branch(self.end)
        self.builder.position_at_end(self.end)
        return None if self.result is None else self.read(self.result)

    # Statements ------------------------------------------------------------------------------

    def block(self, statements: Sequence[ast.stmt]) -> None:
        """Write statements, up to one after which nothing comes."""
        for statement in statements:
            if self.builder.block.is_terminated:
                return
            try:
                write = getattr(self, f"on_{type(statement).__name__}", None)
                if write is None:
                    raise TypeError(f"the language has no {ast.unparse(statement)!r}")
                write(statement)
            except _Error:
                raise
            except (TypeError, AttributeError, KeyError, ValueError) as error:
                said = f"{self.tree.name}, line {statement.lineno}: {error}"
                raise _Error(said) from error

    def on_Expr(self, statement: ast.Expr) -> None:  # noqa: N802
        if not isinstance(statement.value, ast.Constant):  # a docstring
            self.value(statement.value)

    def on_Assign(self, statement: ast.Assign) -> None:  # noqa: N802
        (target,) = statement.targets
        self.assign(target, self.value(statement.value))

    def on_AugAssign(self, statement: ast.AugAssign) -> None:  # noqa: N802
        value = self.value(statement.value)
        if isinstance(statement.target, ast.Subscript):
            pointer = self.element(statement.target)
            self.store(pointer, self.operate(statement.op, self.load(pointer), value))
        else:
            assert isinstance(statement.target, ast.Name)
            where = self.places[statement.target.id]
            made = self.operate(statement.op, self.read(where), value)
            self.written(where, cast(self.builder, made, where.kind))

    def on_Return(self, statement: ast.Return) -> None:  # noqa: N802
        if statement.value is not None:
            value = self.value(statement.value)
            if self.returns is not None:
                value = cast(self.builder, value, self.returns)
            self.result = self.written(self.result, value)
        self.builder.branch(self.end)

    def on_If(self, statement: ast.If) -> None:  # noqa: N802
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

    def on_While(self, statement: ast.While) -> None:  # noqa: N802
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

    def on_For(self, statement: ast.For) -> None:  # noqa: N802
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

    # Variables -------------------------------------------------------------------------------

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
        if isinstance(value, tuple) and type(value) is tuple:
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

    def read(self, where: Any) -> Any:
        """The value of a place."""
        if isinstance(where, list):
            return tuple(map(self.read, where))
        return where._replace(ir=self.builder.load(where.ir, typ=_pointed(where)))

    def element(self, target: ast.Subscript) -> Pointer:
        """Where an element lies."""
        start = self.value(target.value)
        if not isinstance(start, Pointer):
            raise TypeError(f"{ast.unparse(target.value)!r} has no elements")
        self.whole.computes |= start.kind != int64
        index = cast(self.builder, self.value(target.slice), int64).ir
        return Pointer(start.kind, self.builder.gep(start.ir, [index], source_etype=start.kind.ir))

    def load(self, pointer: Pointer) -> Number:
        """The number at a place."""
        return Number(pointer.kind, self.builder.load(pointer.ir, typ=pointer.kind.ir))

    def store(self, pointer: Pointer, value: Any) -> None:
        """Write a number, as one of the kind that lies there."""
        self.builder.store(cast(self.builder, value, pointer.kind).ir, pointer.ir)

    # Expressions -----------------------------------------------------------------------------

    def value(self, tree: ast.expr) -> Any:
        """The value of an expression."""
        find = getattr(self, f"of_{type(tree).__name__}", None)
        if find is None:
            raise TypeError(f"the language has no {ast.unparse(tree)!r}")
        return find(tree)

    def of_Constant(self, tree: ast.Constant) -> Any:  # noqa: N802
        return tree.value

    def of_Name(self, tree: ast.Name) -> Any:  # noqa: N802
        if tree.id in self.places:
            return self.read(self.places[tree.id])
        if tree.id in self.values:
            return self.values[tree.id]
        return self.outside(tree.id)

    def outside(self, name: str) -> Any:
        """What the module or Python calls by a name."""
        found = self.function.__globals__
        return found[name] if name in found else getattr(builtins, name)

    def of_Attribute(self, tree: ast.Attribute) -> Any:  # noqa: N802
        return getattr(self.value(tree.value), tree.attr)

    def of_Subscript(self, tree: ast.Subscript) -> Any:  # noqa: N802
        return self.load(self.element(tree))

    def of_Tuple(self, tree: ast.Tuple) -> Any:  # noqa: N802
        found: list[Any] = []
        for each in tree.elts:
            if isinstance(each, ast.Starred):
                found += self.value(each.value)
            else:
                found.append(self.value(each))
        return tuple(found)

    def of_UnaryOp(self, tree: ast.UnaryOp) -> Any:  # noqa: N802
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
        return self.operate(ast.Sub(), 0, value)

    def of_BinOp(self, tree: ast.BinOp) -> Any:  # noqa: N802
        return self.operate(tree.op, self.value(tree.left), self.value(tree.right))

    def of_Compare(self, tree: ast.Compare) -> Any:  # noqa: N802
        values = list(map(self.value, (tree.left, *tree.comparators)))
        found = True
        for a, b, how in zip(values[:-1], values[1:], tree.ops, strict=True):
            name = _COMPARISONS[type(how)]
            if known(a) and known(b):
                one: Any = bool(eval(f"a {name} b", {"a": a, "b": b}))
            else:
                one = compare(self.builder, name, *self.alike(a, b))
            found = self.both(found, one)
        return found

    def of_BoolOp(self, tree: ast.BoolOp) -> Any:  # noqa: N802
        values = map(self.value, tree.values)
        if isinstance(tree.op, ast.And):
            return functools.reduce(self.both, values)
        return functools.reduce(functools.partial(self.both, either=True), values)

    def both(self, a: Any, b: Any, either: bool = False) -> Any:
        """a and b, or a or b."""
        for one, other in ((a, b), (b, a)):
            if known(one):
                return one if bool(one) is either else other
        a, b = (cast(self.builder, value, boolean).ir for value in (a, b))
        return Number(boolean, self.builder.or_(a, b) if either else self.builder.and_(a, b))

    def of_IfExp(self, tree: ast.IfExp) -> Any:  # noqa: N802
        condition = self.value(tree.test)
        if known(condition):
            return self.value(tree.body if condition else tree.orelse)
        return self.choose(condition, self.value(tree.body), self.value(tree.orelse))

    def choose(self, condition: Any, a: Any, b: Any) -> Any:
        """a, or b."""
        if type(a) is type(b) is tuple:
            return tuple(self.choose(condition, *each) for each in zip(a, b, strict=True))
        a, b = self.alike(a, b, keep=True)
        condition = cast(self.builder, condition, boolean).ir
        return Number(a.kind, self.builder.select(condition, a.ir, b.ir))

    def alike(self, a: Any, b: Any, keep: bool = False) -> tuple[Number, Number]:
        """Two numbers as numbers of one kind.

        Args:
            a, b: numbers.
            keep: whether small integers of one kind stay what they are.
        """
        kinds = [kind_of(value) for value in (a, b)]
        for k, value in enumerate((a, b)):  # a truth is 0 or 1 beside a number
            if kinds[k] == boolean != kinds[1 - k] and not known(value):
                other = kinds[1 - k] if kinds[1 - k].floating else int64
                values = [a, b]
                values[k] = cast(self.builder, value, other)
                return self.alike(values[0], values[1], keep)
        fixed = [kind for kind, value in zip(kinds, (a, b), strict=True) if not known(value)]
        fixed = fixed or kinds
        if fixed[0].floating:
            kind = fixed[0]
        elif kinds[0] == kinds[1] == boolean or (keep and kinds[0] == kinds[1]):
            kind = kinds[0]
        else:
            kind = uint64 if uint64 in fixed else int64
        for other in (*fixed, *(kinds if not kind.floating else ())):
            if other.floating != kind.floating or (kind.floating and other != kind):
                raise TypeError(f"{kinds[0].name} beside {kinds[1].name}")
        return cast(self.builder, a, kind), cast(self.builder, b, kind)

    def operate(self, how: ast.operator, a: Any, b: Any) -> Any:
        """Two numbers, added, multiplied or the like."""
        floating, integer, python = _OPERATORS[type(how)]
        if known(a) and known(b):
            return python(a, b)
        a, b = self.alike(a, b, keep=isinstance(how, ast.BitAnd | ast.BitOr | ast.BitXor))
        if integer in ("sdiv", "srem"):
            return self.divide(integer, a, b)
        if integer == "ashr" and not a.kind.signed:
            integer = "lshr"
        name = floating if a.kind.floating else integer
        if not name:
            raise TypeError(f"{type(how).__name__} of {a.kind.name}")
        return Number(a.kind, getattr(self.builder, name)(a.ir, b.ir))

    def divide(self, name: str, a: Number, b: Number) -> Number:
        """The quotient or the rest, towards less as in Python; b is not 0."""
        builder = self.builder
        if not a.kind.signed or a.kind.floating:
            raise TypeError(f"a division of {a.kind.name}")
        size = b.ir.constant if isinstance(b.ir, ir.Constant) else 0
        if size > 0 and not size & (size - 1):
            if name == "srem":
                return Number(a.kind, builder.and_(a.ir, a.kind.ir(size - 1)))
            return Number(a.kind, builder.ashr(a.ir, a.kind.ir(size.bit_length() - 1)))
        zero, rest = a.kind.ir(0), builder.srem(a.ir, b.ir)
        signs = builder.icmp_signed("<", builder.xor(a.ir, b.ir), zero)
        less = builder.and_(builder.icmp_signed("!=", rest, zero), signs)
        if name == "srem":
            return Number(a.kind, builder.add(rest, builder.select(less, b.ir, zero)))
        quotient = builder.sdiv(a.ir, b.ir)
        return Number(a.kind, builder.sub(quotient, builder.zext(less, a.kind.ir)))

    # Calls -----------------------------------------------------------------------------------

    def of_Call(self, tree: ast.Call) -> Any:  # noqa: N802
        if tree.keywords:
            raise TypeError(f"the language has no {ast.unparse(tree)!r}")
        function = self.value(tree.func)
        arguments = self.of_Tuple(ast.Tuple(tree.args))
        builder = self.builder
        if isinstance(function, Kind):
            (value,) = arguments
            return cast(builder, value, function)
        if isinstance(function, Intrinsic):
            return function.generate(builder, *(_raw(builder, value) for value in arguments))
        if function in (min, max):
            how: ast.cmpop = ast.Lt() if function is min else ast.Gt()
            return functools.reduce(functools.partial(self.better, how), arguments)
        if function in (abs, math.sqrt):
            (value,) = arguments
            if known(value):
                return function(value)
            name = "fabs" if function is abs else "sqrt"
            return self.standard(name, value)
        if function is math.isfinite:
            size = self.standard("fabs", *arguments)
            return compare(builder, "<", *self.alike(size, math.inf))
        if isinstance(function, FunctionType):
            return self.call(function, arguments)
        raise TypeError(f"the language has no {ast.unparse(tree)!r}")

    def better(self, how: ast.cmpop, a: Any, b: Any) -> Any:
        """The less or the greater one of two integers."""
        if known(a) and known(b):
            return min(a, b) if isinstance(how, ast.Lt) else max(a, b)
        a, b = self.alike(a, b, keep=True)
        if a.kind.floating:
            raise TypeError("min or max of floating-point numbers, of which one may be a NaN")
        return self.choose(compare(self.builder, _COMPARISONS[type(how)], b, a), b, a)

    def standard(self, name: str, value: Any) -> Number:
        """What LLVM has an instruction for, of a floating-point number."""
        kind = kind_of(value)
        if not kind.floating:
            raise TypeError(f"{name} of {kind.name}")
        number = cast(self.builder, value, kind)
        return Number(kind, instruct(self.builder, f"llvm.{name}.f{kind.bits}", kind.ir, number.ir))

    def call(self, function: FunctionType, arguments: Sequence[Any]) -> Any:
        """What a function in the same language returns."""
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
    """Raised with the place of what the language does not know."""


def _stored(name: ast.Name) -> bool:
    return isinstance(name.ctx, ast.Store)


def _pointed(where: Any) -> Any:
    """The type of what lies at a place."""
    return where.ir.allocated_type


def _raw(builder: Any, value: Any) -> Any:
    """A value as an intrinsic takes it."""
    if isinstance(value, Kind):
        return value
    if isinstance(value, Number | Pointer):
        return value.ir
    if isinstance(value, tuple):
        return [_raw(builder, each) for each in value]
    return cast(builder, value, kind_of(value)).ir
