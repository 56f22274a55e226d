"""Recorded steps as machine code: commands that a team of threads runs without Python.

A command is a compiled function and a block of addresses and sizes (``commands``). ``elementwise``,
``ufuncs``, ``products``, ``sparse``, ``reductions``, ``draws`` and ``gather`` make commands;
``formulas`` and ``recording`` say which of them a formula or a kernel is; ``fusion`` and
``strips`` bring together what works on the same elements; ``team`` runs lists of commands, and
``series`` one list several times. Loaded only where compiled loops run the formulas.
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
from minidl.accelerator.cpu.products.plan import alone, multiplication
from minidl.accelerator.cpu.recording import Compiled
from minidl.accelerator.cpu.series.plan import Once, Series
from minidl.accelerator.cpu.sparse.plan import gather_rows
from minidl.accelerator.cpu.strips.plan import chained
from minidl.accelerator.cpu.team.team import part_count
from minidl.accelerator.record.operands import in_rows
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
    "draw",
    "gather",
    "gather_rows",
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
    return in_rows(entries, Command, lambda row: CommandList(_complete(row), flushes=True))


def series(
    entries: Sequence[Command | Callable[[], Any]], numbers: Sequence[np.ndarray]
) -> Series | None:
    """The same commands as a :class:`Series`; None where there are functions among them."""
    row = [entry for entry in entries if isinstance(entry, Command)]
    return Series(_complete(row), numbers) if len(row) == len(entries) else None


def _complete(row: Sequence[Command]) -> list[Command]:
    """What a list of commands is run as."""
    return alone(chained(fused(row)))


def run(commands: Sequence[Command]) -> None:
    """Run commands once, with all numbers as they are."""
    CommandList(alone(fused(commands)))()


def record_kernel(
    function: Callable[..., Any], arguments: Sequence[Any], named: dict[str, Any]
) -> list[Command]:
    """The commands of a kernel for these arguments.

    Raises:
        UnsupportedError: it does something that no command does.
    """
    return _record_kernel(function, arguments, named, Compiled())
