"""Running commands: by the team, and in the orders in which a team might happen to do it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from minidl.accelerator.cpu import player
from minidl.accelerator.cpu.commands import Command, listed
from minidl.accelerator.cpu.machine.machine_code import COMMAND
from minidl.accelerator.cpu.team.team import part_count


def play(commands: Sequence[Command]) -> None:
    """Run commands with the team of this process, as a tape does, but with subnormal numbers."""
    player.run(commands)


def in_turn(commands: Sequence[Command], order: Sequence[int]) -> None:
    """What a team may do, in one thread: from one wait to the next, each part by itself.

    Where a part needs what another has not done yet, and nobody waits, the result is wrong: in
    this order of the parts, or in the opposite one.
    """
    segment: list[Any] = []
    for function, block, waits in listed(commands).tolist():
        if waits:
            _run_segment(segment, order)
            segment.clear()
        segment.append((COMMAND(function), block))
    _run_segment(segment, order)


def _run_segment(segment: Sequence[Any], order: Sequence[int]) -> None:
    for part in order:
        for function, block in segment:
            function(block, part, len(order))


def schedules(commands: Sequence[Command], repeats: int = 1) -> list[Callable[[], None]]:
    """Calls that each run the commands: parts in turn, both ways, and ``repeats`` times at once."""
    forth = range(part_count())
    turns = [forth] if len(forth) == 1 else [forth, forth[::-1]]
    return [
        *((lambda order=order: in_turn(commands, order)) for order in turns),
        *[lambda: play(commands)] * repeats,
    ]


def each_schedule(
    commands: Sequence[Command], arrays: Sequence[np.ndarray], repeats: int = 1
) -> Iterator[None]:
    """Run the commands in every schedule, with the arrays as they are now at each beginning."""
    start = [array.copy() for array in arrays]
    for run in schedules(commands, repeats):
        for array, before in zip(arrays, start, strict=True):
            array[...] = before
        run()
        yield


def same_bits(actual: Any, expected: Any) -> None:
    """Equal shapes, types and bits, the sign of zero included; one NaN is as good as another."""
    actual, expected = np.asarray(actual), np.asarray(expected)
    assert (actual.dtype, actual.shape) == (expected.dtype, expected.shape)
    np.testing.assert_array_equal(actual, expected)
    if actual.dtype.kind == "f":
        number = ~np.isnan(expected)
        np.testing.assert_array_equal(np.signbit(actual)[number], np.signbit(expected)[number])


def random(shape: Any, dtype: Any = "float64", seed: int = 0) -> np.ndarray:
    """Normal numbers."""
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def sliced(array: np.ndarray, beyond: int) -> np.ndarray:
    """The same numbers, in the first columns of rows that are ``beyond`` elements longer."""
    rows, columns = array.shape
    wide = np.full((rows, columns + beyond), 77, array.dtype)
    wide[:, :columns] = array
    return wide[:, :columns]
