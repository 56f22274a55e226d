"""Addresses, calls by address, atomics: commands need all three, and Python lacks all three.

Each function here becomes a few instructions within the calling function.
"""

from __future__ import annotations

import platform
from typing import Any

from llvmlite import ir

from minidl.accelerator.cpu.machine.arithmetic import instruct
from minidl.accelerator.cpu.machine.values import (
    Kind,
    Number,
    Pointer,
    int64,
    intrinsic,
    place,
    uint64,
)

_WORD = int64.ir


@intrinsic
def at(builder: Any, address: Any, kind: Kind) -> Pointer:
    """The pointer to numbers of a kind at an address (int64)."""
    return Pointer(kind, builder.inttoptr(address, kind.ir.as_pointer()))


@intrinsic
def load(builder: Any, address: Any) -> Number:
    """The int64 at an address; the load also sees all writes before the int64's store."""
    return Number(int64, builder.load_atomic(_word(builder, address), "seq_cst", 8))


@intrinsic
def store(builder: Any, address: Any, value: Any) -> None:
    """Write an int64; a thread that loads the int64 also sees all earlier writes."""
    builder.store_atomic(value, _word(builder, address), "seq_cst", 8)


@intrinsic
def add(builder: Any, address: Any, value: Any) -> Number:
    """Add to the int64 at an address, as one operation; return the former value."""
    return Number(int64, builder.atomic_rmw("add", _word(builder, address), value, "seq_cst"))


def _word(builder: Any, address: Any) -> Any:
    return builder.inttoptr(address, _WORD.as_pointer())


@intrinsic
def call(builder: Any, function: Any, arguments: Any) -> None:
    """Call the C function at an address with int64 that returns nothing."""
    _call(builder, ir.VoidType(), function, arguments)


@intrinsic
def ask(builder: Any, function: Any, arguments: Any, kind: Kind) -> Number:
    """The number that the C function at an address returns for int64."""
    return Number(kind, _call(builder, kind.ir, function, arguments))


def _call(builder: Any, result: Any, function: Any, words: Any) -> Any:
    kind = ir.FunctionType(result, [_WORD] * len(words))
    return builder.call(builder.inttoptr(function, kind.as_pointer()), words)


@intrinsic
def prefetch(builder: Any, address: Any) -> None:
    """Ask for the cache line at an address, which is to be read soon."""
    pointer = builder.inttoptr(address, ir.IntType(8).as_pointer())
    number = ir.IntType(32)
    # read, keep, data
    arguments = pointer, number(0), number(3), number(1)
    instruct(builder, "llvm.prefetch.p0", ir.VoidType(), *arguments)


def prefetch_all(first, end):
    """Ask for all cache lines from an address up to another."""
    for line in range(first, end, 64):
        prefetch(line)


def within(start, count, size, room):
    """Start and count of the part within ``size`` elements, and of no more than ``room``."""
    start = min(max(start, 0), size)
    return start, max(min(count, size - start, room), 0)


@intrinsic
def pause(builder: Any) -> None:
    """Wait for some 20 ns, in which another thread of the same core has the whole core."""
    if _X86:
        instruct(builder, "llvm.x86.sse2.pause", ir.VoidType())


@intrinsic
def whole_product(builder: Any, a: Any, b: Any) -> tuple[Number, Number]:
    """The upper and the lower 64 bits of the product of two uint64."""
    wide = ir.IntType(128)
    product = builder.mul(*(builder.zext(value, wide) for value in (a, b)))
    upper = builder.trunc(builder.lshr(product, ir.Constant(wide, 64)), _WORD)
    return Number(uint64, upper), Number(uint64, builder.trunc(product, _WORD))


@intrinsic
def float_control(builder: Any) -> Number:
    """The control register of floating-point arithmetic; 0 on an unknown processor."""
    if not _X86:
        return Number(int64, ir.Constant(_WORD, 0))
    register = place(builder, ir.IntType(32))
    instruct(builder, "llvm.x86.sse.stmxcsr", ir.VoidType(), register)
    return Number(int64, builder.zext(builder.load(register), _WORD))


@intrinsic
def set_float_control(builder: Any, value: Any) -> None:
    """Set the register to a value of :func:`float_control`, or to such a value with other bits."""
    if _X86:
        register = place(builder, ir.IntType(32))
        builder.store(builder.trunc(value, ir.IntType(32)), register)
        instruct(builder, "llvm.x86.sse.ldmxcsr", ir.VoidType(), register)


_X86 = platform.machine().lower() in ("x86_64", "amd64")


def repeated(builder: Any, value: Any, lanes: int) -> Any:
    """A vector of equal lanes."""
    empty = ir.Constant(ir.VectorType(value.type, lanes), ir.Undefined)
    one = builder.insert_element(empty, value, ir.IntType(32)(0))
    first = ir.Constant(ir.VectorType(ir.IntType(32), lanes), [0] * lanes)
    return builder.shuffle_vector(one, empty, first)
