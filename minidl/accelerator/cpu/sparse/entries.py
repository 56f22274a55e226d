"""The entries of a sparse row times rows of a dense matrix, some columns of them in registers.

Columns are taken in vectors of ``WIDEST`` bytes, then of half as many, and so on down to one
element: the compiler turns a vector of any size into registers. In plain loops over columns, each
sum would go to memory and back before the next entry.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from llvmlite import ir

from minidl.accelerator.cpu.machine.lowlevel import repeated
from minidl.accelerator.cpu.machine.values import intrinsic, place

WIDEST = 256  # half of the sixteen registers of AVX2

_WORD = ir.IntType(64)


@intrinsic
def add_up(builder: Any, out: Any, entries: Any, x: Any, units: Any, kinds: Any) -> None:
    """out = the sum over the entries of factor · (row ``column`` of x), in their order.

    Args:
        out, x: addresses; of a row, of the first row.
        entries: addresses of the first factor and the first column, and the number of entries.
        units: columns of x, whose rows lie one after the other.
        kinds: of the factors and everything else, of the columns' numbers.
    """
    rows = _Rows(builder, out, entries, x, units, kinds)
    for start, lanes in rows.columns():
        total = place(builder, rows.vector(lanes))
        builder.store(ir.Constant(rows.vector(lanes), None), total)
        with rows.each_entry(lanes) as (factors, column):
            term = builder.fmul(factors, rows.load(rows.x, column, start, lanes))
            builder.store(builder.fadd(builder.load(total), term), total)
        rows.store(rows.out, _WORD(0), start, builder.load(total))


@intrinsic
def add_to(builder: Any, out: Any, entries: Any, x: Any, units: Any, kinds: Any) -> None:
    """Row ``column`` of out += factor · x, for each entry.

    Args: as of :func:`add_up`, but out is the address of the first row, x of a row.
    """
    rows = _Rows(builder, out, entries, x, units, kinds)
    for start, lanes in rows.columns():
        own = rows.load(rows.x, _WORD(0), start, lanes)
        with rows.each_entry(lanes) as (factors, column):
            before = rows.load(rows.out, column, start, lanes)
            made = builder.fadd(before, builder.fmul(factors, own))
            rows.store(rows.out, column, start, made)


class _Rows:
    """Arguments of :func:`add_up` and :func:`add_to`, with instructions on the arguments."""

    def __init__(
        self, builder: Any, out: Any, entries: Any, x: Any, units: Any, kinds: Any
    ) -> None:
        self._builder, self._units = builder, units
        real, integer = kinds
        self._element, column = real.ir, integer.ir
        self._size = real.bits // 8
        factors, columns, self._count = entries
        self.out, self.x, self._factors = (
            builder.inttoptr(address, self._element.as_pointer()) for address in (out, x, factors)
        )
        self._columns = builder.inttoptr(columns, column.as_pointer())

    def columns(self) -> Iterator[tuple[Any, int]]:
        """The beginning and the length of each vector of columns, for instructions on it."""
        lanes = widest = WIDEST // self._size
        while lanes:
            first, times = _WORD(0), self._builder.udiv(self._units, _WORD(lanes))
            if lanes < widest:  # once or not at all, after the larger vectors
                first = self._builder.and_(self._units, _WORD(-2 * lanes))
                times = self._builder.and_(times, _WORD(1))
            with _times(self._builder, times) as k:
                yield self._builder.add(first, self._builder.mul(k, _WORD(lanes))), lanes
            lanes //= 2

    @contextmanager
    def each_entry(self, lanes: int) -> Iterator[tuple[Any, Any]]:
        """The factor in each lane of a vector, and the column, for instructions on both."""
        builder = self._builder
        with _times(builder, self._count) as k:
            factor = builder.load(builder.gep(self._factors, [k]))
            column = builder.load(builder.gep(self._columns, [k]))
            yield repeated(builder, factor, lanes), builder.sext(column, _WORD)

    def vector(self, lanes: int) -> Any:
        """The type of so many elements."""
        return ir.VectorType(self._element, lanes)

    def load(self, start: Any, row: Any, place: Any, lanes: int) -> Any:
        """Columns of a row, from a place on."""
        pointer = self._pointer(start, row, place, self.vector(lanes))
        return self._builder.load(pointer, align=self._size)

    def store(self, start: Any, row: Any, place: Any, value: Any) -> None:
        """Write columns of a row, from a place on."""
        pointer = self._pointer(start, row, place, value.type)
        self._builder.store(value, pointer, align=self._size)

    def _pointer(self, start: Any, row: Any, place: Any, kind: Any) -> Any:
        element = self._builder.add(self._builder.mul(row, self._units), place)
        return self._builder.bitcast(self._builder.gep(start, [element]), kind.as_pointer())


@contextmanager
def _times(builder: Any, count: Any) -> Iterator[Any]:
    """The number of each time, for instructions that are run so many times."""
    before = builder.block
    head, body, after = (builder.append_basic_block(name) for name in ("head", "body", "after"))
    builder.branch(head)
    builder.position_at_end(head)
    number = builder.phi(_WORD)
    number.add_incoming(_WORD(0), before)
    builder.cbranch(builder.icmp_signed("<", number, count), body, after)
    builder.position_at_end(body)
    yield number
    number.add_incoming(builder.add(number, _WORD(1), flags=["nsw"]), builder.block)
    builder.branch(head)
    builder.position_at_end(after)
