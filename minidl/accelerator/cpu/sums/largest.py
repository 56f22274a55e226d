"""The largest of many elements, of 32 places side by side, which no compiler finds by itself."""

from __future__ import annotations

from typing import Any

from llvmlite import ir

from minidl.accelerator.cpu.machine.values import Kind, Number, intrinsic

LANES = 32  # several vectors of a processor, since each comparison waits for the one before
_WORD, _LANE = ir.IntType(64), ir.IntType(32)


@intrinsic
def largest(builder: Any, x: Any, n: Any, kind: Kind) -> Number:
    """The largest of n elements, a NaN before all others.

    Args:
        x: address.
        n: a multiple of 32, 32 at least.
        kind: of the elements.
    """
    wide = ir.VectorType(kind.ir, LANES)
    start = builder.inttoptr(x, kind.ir.as_pointer())

    def lanes(place: Any) -> Any:
        pointer = builder.bitcast(builder.gep(start, [place]), wide.as_pointer())
        return builder.load(pointer, align=kind.bits // 8)

    def larger(a: Any, b: Any) -> Any:
        if not kind.floating:
            compare = builder.icmp_signed if kind.signed else builder.icmp_unsigned
            return builder.select(compare(">", b, a), b, a)
        nan = builder.fcmp_unordered("uno", b, b)
        return builder.select(builder.or_(builder.fcmp_ordered(">", b, a), nan), b, a)

    first = lanes(_WORD(0))
    before, loop, after = builder.block, *(builder.append_basic_block() for _ in range(2))
    builder.cbranch(builder.icmp_signed("<", _WORD(LANES), n), loop, after)
    builder.position_at_end(loop)
    place, found = builder.phi(_WORD), builder.phi(wide)
    new, next_ = larger(found, lanes(place)), builder.add(place, _WORD(LANES))
    builder.cbranch(builder.icmp_signed("<", next_, n), loop, after)
    for phi, begin, later in ((place, _WORD(LANES), next_), (found, first, new)):
        phi.add_incoming(begin, before)
        phi.add_incoming(later, loop)
    builder.position_at_end(after)
    result = builder.phi(wide)
    result.add_incoming(first, before)
    result.add_incoming(new, loop)
    count = LANES
    while count > 1:
        count //= 2
        halves = [
            builder.shuffle_vector(
                result,
                ir.Constant(result.type, ir.Undefined),
                ir.Constant(ir.VectorType(_LANE, count), list(range(low, low + count))),
            )
            for low in (0, count)
        ]
        result = larger(*halves)
    return Number(kind, builder.extract_element(result, _LANE(0)))
