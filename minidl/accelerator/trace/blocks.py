"""Run a formula with NumPy in blocks that stay in cache.

A whole-array expression writes every temporary to memory and reads the temporary back. Here the
same ufuncs run on blocks of :data:`BLOCK` elements, and temporaries live in a handful of
block-sized registers. So the arrays themselves are the only traffic beyond the cache.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from minidl.accelerator.overlaps import meet, pairs
from minidl.accelerator.trace.program import COMPARISONS, MASKS, Program
from minidl.backend.addresses import overlapping

# 16 Ki float32 elements are 64 KiB a register: several fit into a core's L2 cache, and
# the cost of the Python calls is spread over enough elements.
BLOCK = 16_384

name = "blocks"


class _Call(NamedTuple):
    """One ufunc call of the plan. ``place`` is 'out', 'float' or 'mask'; ``slot`` which."""

    ufunc: np.ufunc
    operands: tuple[int, ...]
    target: int
    place: str
    slot: int


def compile(program: Program, aliases: Sequence[Sequence[int]]) -> Callable[..., None]:
    """Compile ``program`` to ``run(arguments, outs)`` over NumPy arrays.

    Args:
        program: the traced formula.
        aliases: for each output, the arguments whose array the output overwrites.
    """
    plan, floats, masks, copies = _allocate(program, aliases)
    count = len(program.arrays)
    fresh = [k for k, alias in enumerate(aliases) if not alias]
    written = [program.arrays.index(alias[0]) for alias in aliases if alias]
    both = pairs(count + len(fresh), {*written, *range(count, count + len(fresh))})

    def run(arguments: Sequence[Any], outs: Sequence[np.ndarray]) -> None:
        dtype, shape = outs[0].dtype, outs[0].shape
        arrays = [arguments[index] for index in program.arrays]
        every = [*arrays, *(outs[k] for k in fresh)]
        if meet(every, both):
            raise overlapping(program.name)
        rows = any(array.shape != shape for array in arrays)
        flat = (-1, shape[-1]) if rows else (-1,)
        targets = [out.reshape(flat) for out in outs]
        count = len(targets[0])
        length = max(1, min(count, BLOCK // (shape[-1] if rows else 1)))
        # Typed for arithmetic; as given for comparisons, so that uint16 bits meet an integer
        # threshold as uint16.
        scalars = program.scalar_values(arguments)
        values: dict[int, Any] = {i: dtype.type(value) for i, value in scalars.items()}
        values.update((~i, value) for i, value in scalars.items())
        # Pixels and other integers are computed with in the working type at once.
        mixed = any(array.dtype != dtype for array in arrays)
        if mixed and any(array.dtype.kind not in "biuf" for array in arrays):
            raise TypeError(
                f"{program.name}: expected arrays of numbers, received "
                f"{[str(array.dtype) for array in arrays]}"
            )
        convert = {"dtype": dtype, "casting": "unsafe"} if mixed else {}
        moving = []
        for index in program.arrays:
            array = arguments[index]
            if array.shape == shape:
                moving.append((index, array.reshape(flat)))
            else:
                values[index] = array
        pools = {
            "float": [np.empty((length, *targets[0].shape[1:]), dtype) for _ in range(floats)],
            "mask": [np.empty((length, *targets[0].shape[1:]), np.bool_) for _ in range(masks)],
        }
        for start in range(0, count, length):
            stop = min(start + length, count)
            for index, array in moving:
                values[index] = array[start:stop]
            pools["out"] = [target[start:stop] for target in targets]
            for ufunc, operands, target, place, slot in plan:
                result = pools[place][slot][: stop - start]
                options = convert if place != "mask" else {}
                ufunc(*[values[operand] for operand in operands], out=result, **options)
                values[target] = result
            for slot, register in copies:
                np.copyto(pools["out"][slot], values[register])

    return run


def _allocate(
    program: Program, aliases: Sequence[Sequence[int]]
) -> tuple[list[_Call], int, int, list[tuple[int, int]]]:
    """Give the result of each step a place: the output itself where safe, else a register."""
    last_use = {operand: k for k, step in enumerate(program.steps) for operand in step.operands}
    direct: dict[int, int] = {}
    for slot, register in enumerate(program.outputs):
        made_at = next((k for k, s in enumerate(program.steps) if s.target == register), None)
        if made_at is None or register in direct:
            continue
        if all(last_use.get(alias, -1) <= made_at for alias in aliases[slot]):
            direct[register] = slot
    copies = [(k, r) for k, r in enumerate(program.outputs) if direct.get(r) != k]
    held = {register for _, register in copies}

    free: dict[str, list[int]] = {"float": [], "mask": []}
    size = {"float": 0, "mask": 0}
    location: dict[int, tuple[str, int]] = {}
    plan = []
    scalar = set(program.scalar_registers)
    for k, step in enumerate(program.steps):
        # An operand read for the last time gives its register to the result: ufuncs may
        # write over their own input.
        for operand in set(step.operands):
            if operand in location and last_use[operand] == k and operand not in held:
                place, slot = location.pop(operand)
                free[place].append(slot)
        compares = step.ufunc in COMPARISONS
        if step.target in direct:
            place, slot = "out", direct[step.target]
        else:
            place = "mask" if step.ufunc in MASKS else "float"
            if not free[place]:
                free[place].append(size[place])
                size[place] += 1
            slot = free[place].pop()
            location[step.target] = place, slot
        operands = tuple(~i if compares and i in scalar else i for i in step.operands)
        plan.append(_Call(getattr(np, step.ufunc), operands, step.target, place, slot))
    return plan, size["float"], size["mask"], copies
