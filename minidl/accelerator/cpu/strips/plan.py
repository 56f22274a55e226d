"""A product and the loop over its result, strip by strip: a strip stays in a cache in between."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from minidl.accelerator.cpu.commands import Command
from minidl.accelerator.cpu.elementwise import Loop
from minidl.accelerator.cpu.fusion import depend
from minidl.accelerator.cpu.machine.machine_code import command
from minidl.accelerator.cpu.products.plan import Product
from minidl.accelerator.cpu.strips.words import BLOCK, COUNT, EACH, FIXED, FUNCTION, STRIPS
from minidl.accelerator.cpu.team.team import part_count
from minidl.backend.addresses import address, location

# Bytes of the result in a strip, for a cache that also holds the loop's other arrays; least rows of
# a strip, for whole tiles.
BYTES, ROWS = 1 << 17, 64


def chained(commands: Iterable[Command]) -> list[Command]:
    """The commands, with products of large results moved to the loops over the results."""
    row: list[Command] = []
    for each in commands:
        place = _product_of(each, row)
        row.append(each if place is None else _chain(row.pop(place), each))
    return row


def _product_of(loop: Command, before: Sequence[Command]) -> int | None:
    """The place of a product that can be made strip by strip with this loop."""
    if not isinstance(loop, Loop):
        return None
    read = set(loop.reads.values())
    for place, made in enumerate(before):
        if _strips(made) > 1 and location(made.kept.out) in read:
            # Of the same rows each, and nothing in between minds.
            meets = any(b.hinders(a) for a in made.accesses for b in loop.accesses)
            if not meets and not any(depend(made, between) for between in before[place + 1 :]):
                return place
    return None


def _strips(made: Command) -> int:
    """Number of strips in a part's share of a product; 0 for a product that cannot be cut."""
    if not isinstance(made, Product) or not made.by_rows:
        return 0
    out, parts = made.kept.out, part_count()
    return int(min(out.nbytes // (BYTES * parts), len(out) // (ROWS * parts)))


def _chain(made: Command, loop: Command) -> Command:
    both = made, loop
    block = np.zeros(FIXED + EACH * len(both), np.int64)
    block[[STRIPS, COUNT]] = _strips(made), len(both)
    block[FIXED + FUNCTION :: EACH] = [each.function for each in both]
    block[FIXED + BLOCK :: EACH] = [address(each.block) for each in both]
    return Command(
        f"{made.name}, {loop.name}",
        command("strips", "strips"),
        block,
        [*made.accesses, *loop.accesses],
        both,
        made.work + loop.work,
    )
