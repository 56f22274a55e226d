"""NumPy's eight sums side by side as one vector, which no compiler finds by itself."""

from __future__ import annotations

from typing import Any

from llvmlite import ir

from minidl.accelerator.cpu.machine.arithmetic import cast
from minidl.accelerator.cpu.machine.values import Number, intrinsic

_WORD, _LANE = ir.IntType(64), ir.IntType(32)


@intrinsic
def sums(builder: Any, x: Any, first: Any, second: Any, kinds: Any) -> tuple[Number, Number]:
    """The sums of two blocks of x, of whole eights of elements, as NumPy adds them up.

    ((0 + 1) + (2 + 3)) + ((4 + 5) + (6 + 7)), of sums of every eighth element. Each addition waits
    for the addition before, hence two blocks at a time.

    Args:
        x: address.
        first, second: beginning and length of each block; multiples of 8, 8 at least, and of
            the second no less.
        kinds: of the elements, of the sums.
    """
    source, working = kinds
    element, kind = source.ir, working.ir
    memory = builder.inttoptr(x, element.as_pointer())
    (begin, n), (other, m) = first, second
    starts = [builder.gep(memory, [place]) for place in (begin, other)]

    def eight(start: Any, place: Any) -> Any:
        pointer = builder.gep(start, [place])
        if source == working:
            lanes = builder.bitcast(pointer, ir.VectorType(kind, 8).as_pointer())
            return builder.load(lanes, align=source.bits // 8)
        made = ir.Constant(ir.VectorType(kind, 8), ir.Undefined)
        for lane in range(8):
            one = builder.load(builder.gep(pointer, [_WORD(lane)]))
            one = cast(builder, Number(source, one), working).ir
            made = builder.insert_element(made, one, _LANE(lane))
        return made

    def add(a: Any, b: Any) -> Any:
        return builder.fadd(a, b) if working.floating else builder.add(a, b)

    def more(totals: list[Any], count: Any, begin: Any, end: Any) -> list[Any]:
        """The totals of the last ``count`` starts, from the place ``begin`` up to ``end``."""
        before, loop, after = builder.block, *(builder.append_basic_block() for _ in range(2))
        builder.cbranch(builder.icmp_signed("<", begin, end), loop, after)
        builder.position_at_end(loop)
        place, *now = (builder.phi(value.type) for value in (begin, *totals))
        new = [add(t, eight(s, place)) for t, s in zip(now, starts[-count:], strict=True)]
        next_ = builder.add(place, _WORD(8))
        builder.cbranch(builder.icmp_signed("<", next_, end), loop, after)
        for phi, first, later in zip([place, *now], [begin, *totals], [next_, *new], strict=True):
            phi.add_incoming(first, before)
            phi.add_incoming(later, loop)
        builder.position_at_end(after)
        made = [builder.phi(total.type) for total in totals]
        for phi, first, later in zip(made, totals, new, strict=True):
            phi.add_incoming(first, before)
            phi.add_incoming(later, loop)
        return made

    both = more([eight(start, _WORD(0)) for start in starts], 2, _WORD(8), n)
    both[1:] = more(both[1:], 1, n, m)
    results = []
    for total in both:
        lanes = [builder.extract_element(total, _LANE(k)) for k in range(8)]
        while len(lanes) > 1:
            lanes = [add(a, b) for a, b in zip(lanes[::2], lanes[1::2], strict=True)]
        results.append(Number(working, lanes[0]))
    return results[0], results[1]
