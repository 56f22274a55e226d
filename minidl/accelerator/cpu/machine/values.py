"""Values of the language of commands, and the LLVM instructions that make values.

A value is a number, a pointer to numbers, a tuple of values, or a kind of numbers. A number of
Python's own is known when a command is compiled, and becomes a number of the other operand's kind.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from llvmlite import ir


class Kind(NamedTuple):
    """A type of numbers, named as NumPy's."""

    name: str
    bits: int
    floating: bool = False
    signed: bool = True

    @property
    def ir(self) -> Any:
        """LLVM's type of the kind."""
        if self.floating:
            return ir.FloatType() if self.bits == 32 else ir.DoubleType()
        return ir.IntType(self.bits)


boolean = Kind("bool", 1, signed=False)
int32, int64 = Kind("int32", 32), Kind("int64", 64)
uint8 = Kind("uint8", 8, signed=False)
uint16 = Kind("uint16", 16, signed=False)
uint32 = Kind("uint32", 32, signed=False)
uint64 = Kind("uint64", 64, signed=False)
int8, int16 = Kind("int8", 8), Kind("int16", 16)
float32, float64 = Kind("float32", 32, True), Kind("float64", 64, True)

#: By name.
KINDS = {
    kind.name: kind
    for kind in (
        int8, int16, int32, int64, uint8, uint16, uint32, uint64, float32, float64,
    )
}  # fmt: skip


class Number(NamedTuple):
    """A number that a command computes."""

    kind: Kind
    ir: Any


class Pointer(NamedTuple):
    """A place in memory from which on numbers of a kind lie."""

    kind: Kind
    ir: Any


class Intrinsic:
    """A function of LLVM's instructions.

    Takes a builder and the arguments: instructions for numbers, constants for known
    numbers, lists of both for tuples, and kinds. Returns a value, or None.
    """

    def __init__(self, generate: Callable[..., Any]) -> None:
        self.generate = generate


def intrinsic(generate: Callable[..., Any]) -> Any:
    """Decorate a function that writes instructions, so that commands can call the function."""
    return Intrinsic(generate)


def known(value: Any) -> bool:
    """Tell whether a value is a number of Python's own."""
    return isinstance(value, bool | int | float)


def kind_of(value: Any) -> Kind:
    """The kind of a number; for a number of Python's own the default kind.

    Raises:
        TypeError: the value is no number.
    """
    if isinstance(value, Number):
        return value.kind
    if not known(value):
        raise TypeError(f"expected a number, received {value!r}")
    if isinstance(value, bool):
        return boolean
    return int64 if isinstance(value, int) else float64


def place(builder: Any, kind: Any) -> Any:
    """Memory for a value until the function returns, allocated once, where the function begins."""
    with builder.goto_entry_block():
        return builder.alloca(kind)
