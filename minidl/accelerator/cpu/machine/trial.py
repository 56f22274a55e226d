"""Code that is compiled or loaded, run and checked before steps rely on any."""

from __future__ import annotations

import numpy as np

from minidl.accelerator.cpu.machine import machine_code
from minidl.accelerator.cpu.series.words import ADDRESS, COUNT, EACH, FIXED, LENGTH, NEXT
from minidl.accelerator.record.operands import CompilationUnavailableError
from minidl.backend.addresses import address


def attempt() -> None:
    """Run a command that each recorded step has: the command copies numbers.

    Raises:
        CompilationUnavailableError: no machine code can be made or run, or the code does not
            copy the numbers.
    """
    code = machine_code.placed(machine_code.unit("take", "series"))
    row, numbers = np.array([3, -1, 1 << 40]), (np.zeros(2, np.int64), np.zeros(1, np.int64))
    block = np.zeros(FIXED + EACH * len(numbers), np.int64)
    block[[NEXT, COUNT]] = address(row), len(numbers)
    block[FIXED + ADDRESS :: EACH] = list(map(address, numbers))
    block[FIXED + LENGTH :: EACH] = list(map(len, numbers))
    machine_code.COMMAND(code.address)(address(block), 0, 1)
    if [*numbers[0], *numbers[1]] != [3, -1, 1 << 40] or block[NEXT] != address(row) + row.nbytes:
        raise CompilationUnavailableError(
            "machine code computes something else than its source says",
            "python -m minidl cache clear",
        )
