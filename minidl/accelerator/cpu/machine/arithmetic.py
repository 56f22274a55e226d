"""Arithmetic on numbers of the language that commands are written in."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from typing import Any

from llvmlite import ir

from minidl.accelerator.cpu.machine.values import (
    Kind,
    Number,
    boolean,
    int64,
    kind_of,
    known,
    uint64,
)

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


def cast(builder: Any, value: Any, kind: Kind) -> Number:
    """A number converted to another kind, as in C."""
    if known(value):
        number = float(value) if kind.floating else int(value)
        return Number(kind, ir.Constant(kind.ir, number))
    old, number = kind_of(value), value.ir
    if old == kind:
        return Number(kind, number)
    if kind == boolean:
        return Number(kind, compare(builder, "!=", value, cast(builder, 0, old)).ir)
    if old.floating and kind.floating:
        make = builder.fpext if kind.bits > old.bits else builder.fptrunc
    elif old.floating:
        make = builder.fptosi if kind.signed else builder.fptoui
    elif kind.floating:
        make = builder.sitofp if old.signed else builder.uitofp
    elif kind.bits > old.bits:
        make = builder.sext if old.signed else builder.zext
    elif kind.bits < old.bits:
        make = builder.trunc
    else:
        return Number(kind, number)
    return Number(kind, make(number, kind.ir))


def compare(builder: Any, how: str, a: Number, b: Number) -> Number:
    """A truth about two numbers of one kind; but for ``!=``, none is true of a NaN."""
    if a.kind.floating:
        make = builder.fcmp_unordered if how == "!=" else builder.fcmp_ordered
    else:
        make = builder.icmp_signed if a.kind.signed else builder.icmp_unsigned
    return Number(boolean, make(how, a.ir, b.ir))


def instruct(builder: Any, name: str, result: Any, *arguments: Any) -> Any:
    """Call an instruction that LLVM offers as a function."""
    kind = ir.FunctionType(result, [argument.type for argument in arguments])
    function = builder.module.globals.get(name) or ir.Function(builder.module, kind, name)
    return builder.call(function, arguments)


def alike(builder: Any, a: Any, b: Any, keep: bool = False) -> tuple[Number, Number]:
    """Two numbers as numbers of one kind.

    Args:
        a, b: numbers.
        keep: True if truths and small integers of one kind stay unchanged.
    """
    kinds = [kind_of(value) for value in (a, b)]
    for k, value in enumerate((a, b)):  # a truth is 0 or 1 beside a number
        if kinds[k] == boolean != kinds[1 - k] and not known(value):
            other = kinds[1 - k] if kinds[1 - k].floating else int64
            values = [a, b]
            values[k] = cast(builder, value, other)
            return alike(builder, values[0], values[1], keep)
    fixed = [kind for kind, value in zip(kinds, (a, b), strict=True) if not known(value)]
    fixed = fixed or kinds
    if fixed[0].floating:
        kind = fixed[0]
    elif keep and kinds[0] == kinds[1]:
        kind = kinds[0]
    else:
        kind = uint64 if uint64 in fixed else int64
    for other in (*fixed, *(kinds if not kind.floating else ())):
        if other.floating != kind.floating or (kind.floating and other != kind):
            raise TypeError(f"{kinds[0].name} beside {kinds[1].name}")
    return cast(builder, a, kind), cast(builder, b, kind)


def operate(builder: Any, how: ast.operator, a: Any, b: Any) -> Any:
    """Two numbers, added, multiplied or the like."""
    floating, integer, python = _OPERATORS[type(how)]
    if known(a) and known(b):
        return python(a, b)
    a, b = alike(builder, a, b, keep=isinstance(how, ast.BitAnd | ast.BitOr | ast.BitXor))
    if integer in ("sdiv", "srem"):
        return divide(builder, integer, a, b)
    if integer == "ashr" and not a.kind.signed:
        integer = "lshr"
    name = floating if a.kind.floating else integer
    if not name:
        raise TypeError(f"{type(how).__name__} of {a.kind.name}")
    return Number(a.kind, getattr(builder, name)(a.ir, b.ir))


def divide(builder: Any, name: str, a: Number, b: Number) -> Number:
    """The quotient or the rest, towards less as in Python; b is not 0."""
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


def both(builder: Any, a: Any, b: Any, either: bool = False) -> Any:
    """a and b, or a or b."""
    for one, other in ((a, b), (b, a)):
        if known(one):
            return one if bool(one) is either else other
    a, b = (cast(builder, value, boolean).ir for value in (a, b))
    return Number(boolean, builder.or_(a, b) if either else builder.and_(a, b))


def choose(builder: Any, condition: Any, a: Any, b: Any) -> Any:
    """a, or b."""
    if type(a) is type(b) is tuple:
        return tuple(choose(builder, condition, *each) for each in zip(a, b, strict=True))
    a, b = alike(builder, a, b, keep=True)
    condition = cast(builder, condition, boolean).ir
    return Number(a.kind, builder.select(condition, a.ir, b.ir))


def better(builder: Any, less: bool, a: Any, b: Any) -> Any:
    """The less or the greater one of two integers."""
    if known(a) and known(b):
        return min(a, b) if less else max(a, b)
    a, b = alike(builder, a, b, keep=True)
    if a.kind.floating:
        raise TypeError("min or max of floating-point numbers, of which one may be a NaN")
    return choose(builder, compare(builder, "<" if less else ">", b, a), b, a)


def standard(builder: Any, name: str, value: Any) -> Number:
    """A function of a floating-point number for which LLVM has an instruction."""
    kind = kind_of(value)
    if not kind.floating:
        raise TypeError(f"{name} of {kind.name}")
    number = cast(builder, value, kind)
    return Number(kind, instruct(builder, f"llvm.{name}.f{kind.bits}", kind.ir, number.ir))
