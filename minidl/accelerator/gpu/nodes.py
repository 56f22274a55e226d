"""Nodes of a recorded step on the device, one for each call of NumPy.

A node only names the computation and the arrays; ``grouping`` finds nodes that one CUDA kernel can
do, ``groups`` writes that CUDA kernel.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from minidl.accelerator.broadcasting import kind_of
from minidl.accelerator.record.operands import UnsupportedError
from minidl.accelerator.trace.cuda_source import SCALAR, TYPES
from minidl.accelerator.trace.program import Program


def pointer(array: Any) -> int:
    """Address of the first element."""
    place: int = array.data.ptr
    return place


def overlap(a: Any, b: Any) -> bool:
    """True if two arrays may have elements in common."""
    first, second = pointer(a), pointer(b)
    return bool(first < second + span(b) and second < first + span(a))


def span(array: Any) -> int:
    """Bytes from the first element to the end of the last; strides are not negative."""
    if not array.size:
        return 0
    steps = zip(array.shape, array.strides, strict=True)
    return int(sum((n - 1) * stride for n, stride in steps) + array.itemsize)


def same(a: Any, b: Any) -> bool:
    """True if two arrays have the same elements in the same memory."""
    return a is b or bool(
        pointer(a) == pointer(b) and (a.shape, a.strides, a.dtype) == (b.shape, b.strides, b.dtype)
    )


def check(*arrays: Any) -> None:
    """Raise if a CUDA kernel could not find the elements.

    Raises:
        UnsupportedError: elements that do not lie one after the other, or of a type that the
            device does not know.
    """
    for array in arrays:
        if not array.flags.c_contiguous or array.dtype.name not in TYPES:
            raise UnsupportedError(f"an array of {array.dtype} with strides {array.strides}")


class Node:
    """A computation, with the arrays read and written."""

    out: Any

    @property
    def reads(self) -> list[Any]:
        """Arrays."""
        return []

    @property
    def writes(self) -> list[Any]:
        """Arrays."""
        return [self.out]

    @functools.cached_property
    def memory(self) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        """Addresses of the beginnings and ends of arrays read, and of arrays written."""
        reads, writes = (
            [(pointer(a), pointer(a) + span(a)) for a in arrays]
            for arrays in (self.reads, self.writes)
        )
        return reads, writes


@dataclass(frozen=True, eq=False)
class Loop(Node):
    """outs = program(arrays, numbers), element by element.

    Attributes:
        program: of a formula, or of one function of NumPy.
        arrays: by register.
        outs: of one shape, contiguous; one may be among the arrays.
        numbers: float64, of the program's numbers; on the host.
        moving: True if each run reads the numbers anew.
        working: the type of the computation.
    """

    program: Program
    arrays: Mapping[int, Any]
    outs: tuple[Any, ...]
    numbers: np.ndarray
    moving: bool
    working: np.dtype[Any]

    @property
    def reads(self) -> list[Any]:
        """Arrays."""
        return list(self.arrays.values())

    @property
    def writes(self) -> list[Any]:
        """Arrays."""
        return list(self.outs)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the outputs."""
        shape: tuple[int, ...] = self.outs[0].shape
        return shape

    def kind(self, array: Any) -> str:
        """Kind of an array beside the outputs: an element for each output, row, column, or one."""
        found = kind_of(array, self.shape)
        assert found is not None
        return found


@dataclass(frozen=True, eq=False)
class Reduction(Node):
    """out = the sum, the largest element, or the first place of the largest element, of x.

    Attributes:
        kind: "sum", "max" or "argmax".
        x: contiguous.
        axis: 1 for each row of a matrix, 0 for each column, None for all elements; 1 for each
            column of each of several matrices.
        out: contiguous.
    """

    kind: str
    x: Any
    axis: int | None
    out: Any

    @property
    def reads(self) -> list[Any]:
        """Arrays."""
        return [self.x]

    @property
    def working(self) -> np.dtype[Any]:
        """The type of the computation."""
        dtype: np.dtype[Any] = self.out.dtype if self.kind == "sum" else self.x.dtype
        return dtype


@dataclass(frozen=True, eq=False)
class Rows(Node):
    """out[i] = x[order[start + i]] for i < count: the next batch.

    Attributes:
        x, out: arrays of rows, contiguous.
        order: int64, on the device.
        where: (start, count), int64, on the host; read at each run.
    """

    x: Any
    order: Any
    where: np.ndarray
    out: Any

    @property
    def reads(self) -> list[Any]:
        """Arrays."""
        return [self.x, self.order]


@dataclass(frozen=True, eq=False)
class Product(Node):
    """out = a b, by the library of products."""

    a: Any
    b: Any
    out: Any

    @property
    def reads(self) -> list[Any]:
        """Arrays."""
        return [self.a, self.b]


@dataclass(frozen=True, eq=False)
class Bits(Node):
    """out = the 16-bit random numbers of a key.

    Attributes:
        key: two uint64.
        out: uint16, contiguous.
        step: one int64, on the host; read at each run.
        ahead: added to ``step``; the numbers belong to the sum.
    """

    key: np.ndarray
    out: Any
    step: np.ndarray
    ahead: int


def depend(first: Node, second: Node) -> bool:
    """True if the order of two nodes matters."""
    (reads, writes), (others, written) = first.memory, second.memory
    pairs = (writes, others), (writes, written), (reads, written)
    return any(
        begin < end_too and begin_too < end
        for one, other in pairs
        for begin, end in one
        for begin_too, end_too in other
    )


def loop(
    program: Program,
    arguments: Mapping[int, Any],
    outs: Sequence[Any],
    working: np.dtype[Any] | None = None,
    numbers: np.ndarray | None = None,
) -> Loop:
    """The node of a program.

    Args:
        program: traced from a formula.
        arguments: by register; numbers, or arrays that NumPy would broadcast to the outputs' shape.
        outs: of one shape.
        working: the type of the computation; default the outputs' type.
        numbers: values of the program's numbers, read at each run; default the present values.

    Raises:
        UnsupportedError: a function, a layout or a type that the device has no source for.
    """
    unknown = program.ufuncs() - SCALAR.keys()
    if unknown:
        raise UnsupportedError(f"{program.name}: {', '.join(unknown)}")
    arrays = {register: arguments[register] for register in program.arrays}
    check(*arrays.values(), *outs)
    shape = outs[0].shape
    for array in arrays.values():
        if kind_of(array, shape) is None:
            raise UnsupportedError(f"{program.name}: {array.shape} beside {shape}")
        if any(overlap(array, out) and not same(array, out) for out in outs):
            raise UnsupportedError(f"{program.name}: an argument that is overwritten in part")
    moving = numbers is not None
    if numbers is None:
        numbers = np.array(program.numbers(arguments), np.float64)
    return Loop(program, arrays, tuple(outs), numbers, moving, working or outs[0].dtype)


def reduction(kind: str, x: Any, axis: Any, out: Any) -> Reduction:
    """The node of a sum, max or argmax along an axis.

    Raises:
        UnsupportedError: other axes, a layout or a type that the device has no source for.
    """
    check(x, out)
    if axis is not None and not isinstance(axis, int):
        raise UnsupportedError(f"{kind} along several axes")
    axis = axis if axis is None else axis % x.ndim
    if x.ndim == 1:
        axis = None
    if x.ndim > 3 or (x.ndim == 3 and axis is not None and axis != 1):
        raise UnsupportedError(f"{kind} along axis {axis} of {x.ndim}")
    left = () if axis is None else (*x.shape[:axis], *x.shape[axis + 1 :])
    if out.size != math.prod(left) or (kind == "argmax") != (out.dtype == np.int64):
        raise UnsupportedError(f"{kind} of shape {x.shape} along {axis} into {out.shape}")
    if kind == "max" and x.dtype != out.dtype:
        raise UnsupportedError(f"max of {x.dtype} as {out.dtype}")
    return Reduction(kind, x, axis, out)
