"""What Numba's language lacks and commands need: addresses, calls by address, atomics.

Everything here becomes a few instructions within the function that uses it.
"""

from __future__ import annotations

import platform
from typing import Any

import numba
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, register_jitable

from minidl.accelerator.cpu import shares
from minidl.accelerator.cpu.products import tiling

_WORD = ir.IntType(64)

# Functions that commands call. NumPy's rules for division by zero: Numba's own would raise.
helper = numba.njit(error_model="numpy")
for _plain in (shares.cut, shares.share, shares.as_one, tiling.even):
    register_jitable(error_model="numpy")(_plain)


@intrinsic
def at(context: Any, address: Any, dtype: Any) -> Any:
    """The pointer to elements of ``dtype`` at an address (int64)."""
    pointer = types.CPointer(dtype.dtype)

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.inttoptr(values[0], context.get_value_type(pointer))

    return pointer(types.int64, dtype), generate


@intrinsic
def load(context: Any, address: Any) -> Any:
    """The int64 at an address, with all that was written before it was."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        pointer = builder.inttoptr(values[0], _WORD.as_pointer())
        return builder.load_atomic(pointer, "seq_cst", 8)

    return types.int64(types.int64), generate


@intrinsic
def store(context: Any, address: Any, value: Any) -> Any:
    """Write an int64; whoever loads it also sees all that was written before."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        pointer = builder.inttoptr(values[0], _WORD.as_pointer())
        builder.store_atomic(values[1], pointer, "seq_cst", 8)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), generate


@intrinsic
def add(context: Any, address: Any, value: Any) -> Any:
    """Add to the int64 at an address, as one operation."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        pointer = builder.inttoptr(values[0], _WORD.as_pointer())
        return builder.atomic_rmw("add", pointer, values[1], "seq_cst")

    return types.int64(types.int64, types.int64), generate


@intrinsic
def exchange(context: Any, address: Any, value: Any) -> Any:
    """Write an int64 and give what was there, as one operation."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        pointer = builder.inttoptr(values[0], _WORD.as_pointer())
        return builder.atomic_rmw("xchg", pointer, values[1], "seq_cst")

    return types.int64(types.int64, types.int64), generate


@intrinsic
def call(context: Any, function: Any, arguments: Any) -> Any:
    """Call the C function at an address with int64, or pointers, that returns nothing."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        _call(builder, ir.VoidType(), values)
        return context.get_dummy_value()

    return types.void(types.int64, arguments), generate


@intrinsic
def ask(context: Any, function: Any, arguments: Any, dtype: Any) -> Any:
    """The ``dtype`` that the C function at an address returns for int64, or pointers."""
    result = dtype.dtype

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return _call(builder, context.get_value_type(result), values)

    return result(types.int64, arguments, dtype), generate


def _call(builder: Any, result: Any, values: Any) -> Any:
    """Call the address that is the first of the values with the words of the second."""
    words = unpacked(builder, values[1])
    kind = ir.FunctionType(result, [_WORD] * len(words))
    return builder.call(builder.inttoptr(values[0], kind.as_pointer()), words)


@intrinsic
def prefetch(context: Any, address: Any) -> Any:
    """Ask for the cache line at an address, which is to be read soon."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        pointer = builder.inttoptr(values[0], ir.IntType(8).as_pointer())
        number = ir.IntType(32)
        # read, keep, data
        arguments = pointer, number(0), number(3), number(1)
        instruct(builder, "llvm.prefetch.p0", ir.VoidType(), *arguments)
        return context.get_dummy_value()

    return types.void(types.int64), generate


@helper
def prefetch_all(first, end):
    """Ask for all cache lines from an address up to another."""
    for line in range(first, end, 64):
        prefetch(line)


@helper
def within(start, count, size, room):
    """Start and count of what lies within ``size`` elements and is no more than ``room``."""
    start = min(max(start, 0), size)
    return start, max(min(count, size - start, room), 0)


@intrinsic
def pause(context: Any) -> Any:
    """Wait for some 20 ns, in which another thread of the same core has all of it."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        if _X86:
            instruct(builder, "llvm.x86.sse2.pause", ir.VoidType())
        return context.get_dummy_value()

    return types.void(), generate


@intrinsic
def whole_product(context: Any, a: Any, b: Any) -> Any:
    """The upper and the lower 64 bits of the product of two uint64."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        wide = ir.IntType(128)
        product = builder.mul(*(builder.zext(value, wide) for value in values))
        upper = builder.trunc(builder.lshr(product, ir.Constant(wide, 64)), _WORD)
        lower = builder.trunc(product, _WORD)
        return context.make_tuple(builder, signature.return_type, [upper, lower])

    return types.UniTuple(types.uint64, 2)(types.uint64, types.uint64), generate


@intrinsic
def float_control(context: Any) -> Any:
    """The control register of floating-point arithmetic; 0 where it is not known."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        if not _X86:
            return ir.Constant(_WORD, 0)
        place = builder.alloca(ir.IntType(32))
        instruct(builder, "llvm.x86.sse.stmxcsr", ir.VoidType(), place)
        return builder.zext(builder.load(place), _WORD)

    return types.int64(), generate


@intrinsic
def set_float_control(context: Any, value: Any) -> Any:
    """Set it to what :func:`float_control` gives, or to that with other bits."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        if _X86:
            place = builder.alloca(ir.IntType(32))
            builder.store(builder.trunc(values[0], ir.IntType(32)), place)
            instruct(builder, "llvm.x86.sse.ldmxcsr", ir.VoidType(), place)
        return context.get_dummy_value()

    return types.void(types.int64), generate


_X86 = platform.machine().lower() in ("x86_64", "amd64")


def instruct(builder: Any, name: str, result: Any, *arguments: Any) -> Any:
    """Call an instruction that LLVM offers as a function."""
    kind = ir.FunctionType(result, [argument.type for argument in arguments])
    function = builder.module.globals.get(name) or ir.Function(builder.module, kind, name)
    return builder.call(function, arguments)


def repeated(builder: Any, value: Any, lanes: int) -> Any:
    """A vector of equal lanes."""
    empty = ir.Constant(ir.VectorType(value.type, lanes), ir.Undefined)
    one = builder.insert_element(empty, value, ir.IntType(32)(0))
    first = ir.Constant(ir.VectorType(ir.IntType(32), lanes), [0] * lanes)
    return builder.shuffle_vector(one, empty, first)


def unpacked(builder: Any, values: Any) -> list[Any]:
    """What a tuple consists of."""
    return [builder.extract_value(values, k) for k in range(len(values.type))]
