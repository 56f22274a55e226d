"""Recorded steps as machine code: commands that a team of threads runs without Python.

A command is a compiled function and a block of addresses and sizes (``commands``), whose
words have names in a module ``words`` beside the command's ``plan`` and ``code``. ``elementwise``,
``ufuncs``, ``products``, ``sparse``, ``sums``, ``draws`` and ``gather`` make commands; ``formulas``
and ``recording`` choose the commands of a formula or a kernel; ``fusion`` and ``strips`` bring
together commands on the same elements; ``team`` runs lists of commands, and ``series`` one list
several times. Loaded only where compiled loops run the formulas.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minidl.accelerator.cpu.commands import Command, CommandList, UnsupportedError
from minidl.accelerator.cpu.draws.plan import draw
from minidl.accelerator.cpu.elementwise import Eager
from minidl.accelerator.cpu.formulas import Bound, commands
from minidl.accelerator.cpu.fusion import fused
from minidl.accelerator.cpu.gather.plan import gather
from minidl.accelerator.cpu.looks.plan import look
from minidl.accelerator.cpu.products.threads import multiplication, on_one_thread
from minidl.accelerator.cpu.recording import Compiled
from minidl.accelerator.cpu.series.plan import Once, Series
from minidl.accelerator.cpu.sparse.plan import gather_rows
from minidl.accelerator.cpu.strips.plan import chained
from minidl.accelerator.cpu.team.team import part_count
from minidl.accelerator.record.operands import calls_of
from minidl.accelerator.record.operands import record_kernel as _record_kernel
from minidl.accelerator.trace.loop_source import KNOWN

__all__ = [
    "KNOWN",
    "Bound",
    "Eager",
    "Once",
    "UnsupportedError",
    "assemble",
    "commands",
    "complete",
    "draw",
    "gather",
    "gather_rows",
    "look",
    "multiplication",
    "part_count",
    "record_kernel",
    "run",
    "series",
]


def assemble(entries: Sequence[Command | Callable[[], Any]]) -> list[Callable[[], Any]]:
    """Calls that run a step: commands, list by list, and functions, in their order.

    Within a list of commands subnormal numbers are 0.
    """
    return calls_of(entries, Command, lambda row: CommandList(complete(row), flushes=True))


def series(
    entries: Sequence[Command | Callable[[], Any]], numbers: Sequence[np.ndarray]
) -> Series | None:
    """The commands of ``entries`` as a :class:`Series`; None if an entry is a function."""
    row = [entry for entry in entries if isinstance(entry, Command)]
    return Series(complete(row), numbers) if len(row) == len(entries) else None


def complete(row: Sequence[Command]) -> list[Command]:
    """The commands in the form in which a list runs: fused, chained, with BLAS on one thread."""
    return on_one_thread(chained(fused(row)))


def run(commands: Sequence[Command]) -> None:
    """Run commands once, with all numbers as they are."""
    CommandList(on_one_thread(fused(commands)))()


def record_kernel(
    function: Callable[..., Any], arguments: Sequence[Any], named: dict[str, Any]
) -> list[Command]:
    """The commands of a kernel with these arguments.

    Raises:
        UnsupportedError: the kernel calls something that has no command.
    """
    return _record_kernel(function, arguments, named, Compiled())
