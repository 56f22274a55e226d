"""Loops over the same elements as one: numbers that one computes or loads are not loaded again."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from minidl.accelerator.cpu.commands import Command
from minidl.accelerator.cpu.elementwise import Loop
from minidl.accelerator.trace.program import Program, Step

# A compiler checks that arrays do not overlap, pair by pair, and gives up at too many.
MOST = 7

_joined: dict[Any, tuple[Program, Program, Program]] = {}


def fused(commands: Iterable[Command]) -> list[Command]:
    """The commands, with successive loops as one where the results are the same.

    A loop also joins an earlier loop with an array in common, if no command between the two touches
    the arrays of the later one.
    """
    row: list[Command] = []
    for command in commands:
        if not isinstance(command, Loop) or not _joins(row, command):
            row.append(command)
    return row


def _joins(row: list[Command], loop: Loop) -> bool:
    """Have the last command of a row that can do so join a loop; return False if none can."""
    for place in range(len(row) - 1, -1, -1):
        before = row[place]
        if isinstance(before, Loop) and _alike(before, loop):
            both = join(before, loop) if place == len(row) - 1 or _meet(before, loop) else None
            if both is not None:
                row[place] = both
                return True
        if depend(before, loop):
            return False
    return False


def _alike(first: Loop, second: Loop) -> bool:
    """True if both are over arrays of one shape, shared out and computed in the same way."""
    return (
        first.outs[0].shape == second.outs[0].shape
        and first.axis == second.axis
        and first.working == second.working
    )


def _meet(first: Loop, second: Loop) -> bool:
    """True if loops have an array in common."""
    known = {*first.reads.values(), *first.makes}
    return not known.isdisjoint((*second.reads.values(), *second.makes))


def depend(first: Command, second: Command) -> bool:
    """True if the order of two commands matters."""
    for a in first.accesses:
        for b in second.accesses:
            if a.low < b.high and b.low < a.high and (a.writes or b.writes):
                return True
    return False


def join(a: Loop, b: Loop) -> Loop | None:
    """Both loops as one, each element through both programs; None where that is impossible."""
    made = {where: k for k, where in enumerate(a.makes)}
    read = {where: register for register, where in a.reads.items()}
    taken: dict[int, int] = {}  # register of b -> of a
    for register, where in b.reads.items():
        if where in made:
            taken[register] = a.program.outputs[made[where]]
        elif where in read:
            taken[register] = read[where]
        elif any(np.may_share_memory(b.arrays[register], out) for out in a.outs):
            return None
    rewritten = set()
    for out, where in zip(b.outs, b.makes, strict=True):
        if where in made:
            rewritten.add(made[where])
        elif any(np.may_share_memory(out, other) for other in a.outs):
            return None
        for register, other in a.reads.items():
            if other != where and np.may_share_memory(a.arrays[register], out):
                return None
    kept = tuple(k for k in range(len(a.outs)) if k not in rewritten)
    outs = (*(a.outs[k] for k in kept), *b.outs)
    program = _program(a.program, b.program, tuple(sorted(taken.items())), kept)
    shift = _shift(a.program)
    more = [r for r in b.arrays if r not in taken]
    arrays = {**a.arrays, **{r + shift: b.arrays[r] for r in more}}
    reads = {**a.reads, **{r + shift: b.reads[r] for r in more}}
    makes = [*(a.makes[k] for k in kept), *b.makes]
    if len({*reads.values(), *makes}) > MOST:
        return None
    numbers, accesses = (*a.numbers, *b.numbers), list({*a.accesses, *b.accesses})
    return Loop(
        program, arrays, outs, numbers, a.working, a.axis, reads, makes, accesses, kept=(a, b)
    )


def _shift(program: Program) -> int:
    """The offset for the registers of a program that follows this one."""
    used = [*program.arrays, *program.scalar_registers, *program.outputs]
    return 1 + max([*used, *(step.target for step in program.steps)])


def _program(
    a: Program, b: Program, taken: tuple[tuple[int, int], ...], kept: tuple[int, ...]
) -> Program:
    """a, then b, with some of b's arrays taken from a's arrays and outputs.

    Args:
        a, b: programs.
        taken: (register of b, register of a).
        kept: outputs of a that are stored; all of b's are.
    """
    key = id(a), id(b), taken, kept
    if key not in _joined:
        shift = _shift(a)
        registers = dict(taken)

        def moved(register: int) -> int:
            return registers.get(register, register + shift)

        arrays = [*a.arrays, *(moved(r) for r in b.arrays if r not in registers)]
        steps = [Step(s.ufunc, tuple(map(moved, s.operands)), moved(s.target)) for s in b.steps]
        joined = Program(
            name=f"{a.name}_{b.name}"[:80],
            arrays=tuple(arrays),
            scalars=(*a.scalar_registers, *map(moved, b.scalar_registers)),
            constants={},
            prologue=(),
            steps=(*a.steps, *steps),
            outputs=(*(a.outputs[k] for k in kept), *map(moved, b.outputs)),
        )
        _joined[key] = a, b, joined  # which keeps their identities
    return _joined[key][2]
