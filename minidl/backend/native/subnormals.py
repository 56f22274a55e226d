"""Lists of commands that take subnormal numbers for 0.

A processor takes up to a hundred times as long for them, and what decays for want of a gradient
passes through them: moments, and with L2 the weights themselves and the squares of their gradients.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from minidl.backend.native.commands import Command
from minidl.backend.native.machine_code import command
from minidl.backend.native.team import team


def flushing(commands: Sequence[Command]) -> list[Command]:
    """The commands, with subnormal numbers taken for 0 and made 0 while they run."""
    block = np.zeros(8 * team().parts, np.int64)  # a cache line for each part
    begin, end = (command(name, "subnormals") for name in ("begin", "end"))
    return [
        Command("subnormal numbers are 0", begin, block, [], block),
        *commands,
        Command("subnormal numbers as before", end, block, [], block),
    ]
