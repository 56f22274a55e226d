"""A tile of a product: some rows and vectors of the result, in registers until the sum is complete.

A vector holds neighbours of a row. The elements of a column of ``a``, one for each row of the tile,
are multiplied with the vectors of a row of ``b`` and added, column after column. Wherever ``a`` and
``b`` lie nothing is copied before, as long as neighbours in a row of ``b`` are neighbours in
memory; for other matrices, :func:`turn` makes a copy with such neighbours.

Goto & van de Geijn, "Anatomy of high-performance matrix multiplication", ACM Transactions on
Mathematical Software 34 (2008), section 6, without the copies of that paper.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llvmlite import ir

from minidl.accelerator.cpu.machine.arithmetic import instruct
from minidl.accelerator.cpu.machine.lowlevel import repeated
from minidl.accelerator.cpu.machine.values import Kind, Number, int64, intrinsic, place
from minidl.accelerator.cpu.products.tiling import BYTES, HIGH, PANEL, VECTORS

_WORD, _LANE, _BIT = ir.IntType(64), ir.IntType(32), ir.IntType(1)


@intrinsic
def tile(builder: Any, sizes: Any, out: Any, a: Any, b: Any, adds: Any, kind: Kind) -> None:
    """out = a b, or out + a b, for up to HIGH rows and VECTORS vectors of out, all of a kind.

    Args:
        sizes: rows, columns, inner size; 1 at least.
        out, b: address, elements from row to row.
        a: address, elements from row to row and from column to column.
        adds: whether the product is added to out.
    """
    vectors = _Vectors(builder, kind)
    rows, columns, inner = sizes
    lanes = _WORD(vectors.lanes)
    wide = builder.udiv(builder.add(columns, _WORD(vectors.lanes - 1)), lanes)
    done = builder.append_basic_block("done")
    choice = builder.switch(builder.add(builder.mul(rows, _WORD(VECTORS)), wide), done)
    for high in range(1, HIGH + 1):
        for count in range(1, VECTORS + 1):
            builder.position_at_end(builder.append_basic_block(f"tile_{high}_{count}"))
            choice.add_case(_WORD(high * VECTORS + count), builder.block)
            # Of the last vector there may be less than a whole one.
            left = builder.sub(columns, _WORD(vectors.lanes * (count - 1)))
            masks = [vectors.first(lanes)] * (count - 1) + [vectors.first(left)]
            _multiply(vectors, high, masks, inner, out, a, b, adds)
            builder.branch(done)
    builder.position_at_end(done)


@intrinsic
def turn(builder: Any, out: Any, x: Any, sizes: Any, kind: Kind) -> None:
    """out = xᵀ, of as many rows and columns as a vector has lanes, or as there are of x.

    The elements of out beyond these rows and columns are undefined.

    Args:
        out, x: address, elements from row to row.
        sizes: rows and columns of x; 1 at least.
    """
    vectors = _Vectors(builder, kind)
    count, columns = sizes
    lanes, mask = vectors.lanes, vectors.first(columns)
    last = builder.sub(count, _WORD(1))
    rows = []
    for k in range(lanes):  # where there are no more, the last one again
        row = builder.select(builder.icmp_unsigned("<", _WORD(k), last), _WORD(k), last)
        rows.append(vectors.load(vectors.place(x, row), mask))
    # The number of an element is that of the row, then that of the column, in bits. A riffle of all
    # elements moves each bit up by one; after half of the riffles the two have changed places.
    for _ in range(lanes.bit_length() - 1):
        pairs = zip(rows[: lanes // 2], rows[lanes // 2 :], strict=True)
        rows = [half for a, b in pairs for half in vectors.riffle(a, b)]
    for k, row in enumerate(rows):
        vectors.store(vectors.place(out, _WORD(k)), row, vectors.first(_WORD(lanes)))


@intrinsic
def panel(builder: Any) -> Number:
    """Address of PANEL rows of a tile's width, until the command is done."""
    memory = place(builder, ir.ArrayType(ir.IntType(8), PANEL * VECTORS * BYTES))
    memory.align = BYTES
    return Number(int64, builder.ptrtoint(memory, _WORD))


def _multiply(
    vectors: _Vectors,
    high: int,
    masks: Sequence[Any],
    inner: Any,
    out: Sequence[Any],
    a: Sequence[Any],
    b: Sequence[Any],
    adds: Any,
) -> None:
    """The instructions of a tile of ``high`` rows and as many vectors as there are masks."""
    builder, wide = vectors.builder, len(masks)
    # An address for each three rows: the other two lie once or twice the distance of rows further.
    threes = [vectors.place(a, _WORD(row)) for row in range(0, high, 3)]
    starts = [*threes, vectors.place(b, _WORD(0)), inner]
    before, loop = builder.block, builder.append_basic_block("column")
    builder.branch(loop)
    builder.position_at_end(loop)
    now = [builder.phi(start.type) for start in starts]
    sums = [builder.phi(vectors.kind) for _ in range(high * wide)]
    *threes, row_of_b, left = now
    others = [
        vectors.load(builder.gep(row_of_b, [_WORD(k * vectors.lanes)]), mask)
        for k, mask in enumerate(masks)
    ]
    made: list[Any] = []
    for row in range(high):
        place = builder.gep(threes[row // 3], [builder.mul(a[1], _WORD(row % 3))])
        element = repeated(builder, builder.load(place), vectors.lanes)
        made += [
            vectors.multiply_add(element, others[k], sums[row * wide + k]) for k in range(wide)
        ]
    moved = [builder.gep(three, [a[2]]) for three in threes]
    moved += [builder.gep(row_of_b, [b[1]]), builder.sub(left, _WORD(1))]
    moved = [_as_it_is(builder, value) for value in moved]
    again = builder.icmp_unsigned("!=", moved[-1], _WORD(0))
    after = builder.append_basic_block("summed")
    builder.cbranch(again, loop, after)
    zeros = [vectors.zero] * len(sums)
    for phi, start, new in zip([*now, *sums], [*starts, *zeros], [*moved, *made], strict=True):
        phi.add_incoming(start, before)
        phi.add_incoming(new, loop)
    builder.position_at_end(after)
    places = [vectors.place(out, _WORD(k // wide), k % wide) for k in range(len(made))]
    # An element that is overwritten is not read, either: the read may have to come from far away.
    with builder.if_else(builder.trunc(adds, _BIT)) as (yes, no):
        with yes:
            for k, place in enumerate(places):
                mask = masks[k % wide]
                vectors.store(place, builder.fadd(vectors.load(place, mask), made[k]), mask)
        with no:
            for k, place in enumerate(places):
                vectors.store(place, made[k], masks[k % wide])


def _as_it_is(builder: Any, value: Any) -> Any:
    """The value, hidden from the compiler, which no longer knows the origin of the value.

    The compiler would compute each address of a tile from the last, and wait; or unroll the
    loop, and have too few registers.
    """
    kind = ir.FunctionType(value.type, [value.type])
    return builder.asm(kind, "", "=r,0", [value], side_effect=False)


class _Vectors:
    """Instructions on vectors."""

    def __init__(self, builder: Any, kind: Kind) -> None:
        self.builder, self.element = builder, kind.ir
        self._size = kind.bits // 8
        self.lanes = BYTES // self._size
        self.kind = ir.VectorType(self.element, self.lanes)
        self.zero = ir.Constant(self.kind, None)

    def place(self, matrix: Sequence[Any], row: Any, vector: int = 0) -> Any:
        """The start of a row's vector in a matrix, given as (address, elements from row to row)."""
        start = self.builder.inttoptr(matrix[0], self.element.as_pointer())
        distance = self.builder.mul(row, matrix[1])
        return self.builder.gep(start, [self.builder.add(distance, _WORD(vector * self.lanes))])

    def first(self, count: Any) -> Any:
        """The mask of so many lanes, 1 at least, or of all."""
        lanes = _WORD(self.lanes)
        count = self.builder.select(self.builder.icmp_unsigned("<", count, lanes), count, lanes)
        # By bits: a comparison would be made anew in every loop.
        bits = self.builder.lshr(_WORD(-1), self.builder.sub(_WORD(64), count))
        bits = self.builder.trunc(bits, ir.IntType(self.lanes))
        return self.builder.bitcast(bits, ir.VectorType(_BIT, self.lanes))

    def riffle(self, a: Any, b: Any) -> list[Any]:
        """Lanes of a and b by turns: the lower halves first, then the upper halves."""
        half = self.lanes // 2
        orders = [
            [place for k in range(start, start + half) for place in (k, self.lanes + k)]
            for start in (0, half)
        ]
        return [self.builder.shuffle_vector(a, b, self._order(order)) for order in orders]

    def load(self, pointer: Any, mask: Any) -> Any:
        """The masked lanes; the rest is 0, and not read."""
        return self._call("masked.load", self.kind, pointer, _LANE(self._size), mask, self.zero)

    def store(self, pointer: Any, value: Any, mask: Any) -> None:
        """Write the masked lanes."""
        self._call("masked.store", ir.VoidType(), value, pointer, _LANE(self._size), mask)

    def multiply_add(self, a: Any, b: Any, c: Any) -> Any:
        """a b + c, rounded once."""
        return self._call("fma", self.kind, a, b, c)

    def _order(self, lanes: Sequence[int]) -> Any:
        return ir.Constant(ir.VectorType(_LANE, self.lanes), list(lanes))

    def _call(self, name: str, result: Any, *arguments: Any) -> Any:
        """Call LLVM's instruction for vectors of these elements."""
        full = f"llvm.{name}.v{self.lanes}f{8 * self._size}"
        full += ".p0" if name.startswith("masked") else ""
        return instruct(self.builder, full, result, *arguments)
