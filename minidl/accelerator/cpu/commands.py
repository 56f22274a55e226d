"""Commands, their shares of arrays, and the places where the parts of a team wait for each other.

Arrays are shared out by rows: of a batch, and of weights, whose rows stay in one thread's cache
together with their gradients. A thread waits for the other threads only where a command reads or
overwrites another thread's results.
"""

from __future__ import annotations

import math
import weakref
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from minidl.accelerator.cpu.shares import COLUMNS, ROWS, WHOLE, WIDE
from minidl.accelerator.cpu.team import mail
from minidl.accelerator.cpu.team.team import part_count, team
from minidl.accelerator.overlaps import owner
from minidl.accelerator.record.operands import UnsupportedError as UnsupportedError
from minidl.backend.addresses import address

# Elements of a list from which a second thread saves more time than its call takes, some 10 µs.
WORTH = 1 << 17
_NESTED = list, tuple


def axis_of(rows: int, columns: int) -> int:
    """The axis along which an array of so many rows and columns is shared out."""
    if rows >= WIDE:
        return ROWS
    return COLUMNS if columns >= WIDE else WHOLE


def shape_of(array: np.ndarray) -> tuple[int, int]:
    """Rows and columns: all axes but the last, and the last; a vector is one row."""
    if array.ndim < 2:
        return 1, array.size
    if array.ndim > 2 and not array.flags.c_contiguous:
        raise UnsupportedError(f"{array.ndim} axes of scattered rows")
    return math.prod(array.shape[:-1]), array.shape[-1]


def known(*arrays: np.ndarray, written: Sequence[np.ndarray] = ()) -> None:
    """Check that compiled code can read arrays' elements where they lie, and write ``written``.

    Raises:
        UnsupportedError: float16, another byte order and the like; odd addresses; read-only.
    """
    for array in (*arrays, *written):
        if array.dtype.char not in "fd?bBhHiIlLqQ" or not array.dtype.isnative:
            raise UnsupportedError(f"elements of {array.dtype}")
        if not array.flags.aligned:
            raise UnsupportedError("elements that are not aligned")
    if not all(array.flags.writeable for array in written):
        raise UnsupportedError("a result in memory that is read-only")


def block_of(size: int, words: Mapping[int, int]) -> np.ndarray:
    """A block of ``size`` int64: the words at their places, 0 elsewhere."""
    block = np.zeros(size, np.int64)
    block[list(words)] = list(words.values())
    return block


class Access(NamedTuple):
    """Use of the memory from ``low`` up to ``high`` by a command.

    ``share`` is equal for two accesses in which every part touches the same elements of the same
    array; None where a part touches any of the elements.
    """

    low: int
    high: int
    writes: bool
    share: tuple[int, ...] | None

    def hinders(self, other: Access) -> bool:
        """True if all parts must have finished one access before the other begins."""
        if self.low >= other.high or other.low >= self.high or not (self.writes or other.writes):
            return False
        return self.share is None or self.share != other.share


def access(array: np.ndarray, writes: bool, axis: int | None) -> Access:
    """Access to an array shared out along COLUMNS or ROWS; None for any part, any element."""
    if array.flags.c_contiguous:
        low = address(array)
        high = low + array.nbytes
    else:
        low, high = np.lib.array_utils.byte_bounds(array)
    share: tuple[int, ...] | None = None
    if axis == WHOLE:
        share = (WHOLE,)
    elif axis is not None:
        rows, columns = shape_of(array)
        pitch = array.strides[0] if array.ndim == 2 else 0
        share = (axis, columns if axis == COLUMNS else rows, low, pitch)
    return Access(low, high, writes, share)


class Command:
    """A compiled function and its block, with the objects that have to outlive the command.

    Args:
        name: of the computation.
        function: address of a compiled function.
        block: int64 words, the function's argument.
        accesses: the memory read and written.
        kept: owners of the addresses in the block: arrays, in lists and tuples, and other commands.
            Such arrays cannot be resized any more: as long as there is a weak reference, NumPy
            refuses to move an array's memory, also for ``resize(refcheck=False)``.
        work: number of computed elements; :data:`WORTH` or more for a command of the whole team.
    """

    #: True for a command that changes memory of other lists, so that no list may run meanwhile.
    in_turn = False

    __slots__ = ("_pins", "accesses", "block", "function", "kept", "name", "work")

    def __init__(
        self,
        name: str,
        function: Any,
        block: np.ndarray,
        accesses: Sequence[Access],
        kept: Any,
        work: int = 0,
    ) -> None:
        self.name = name
        self.function = function
        self.block = block
        self.hold(accesses, kept, work)

    def hold(self, accesses: Sequence[Access], kept: Any, work: int) -> None:
        """Take over the arguments of the same names."""
        self.accesses, self.kept, self.work = accesses, kept, work
        self._pins = [weakref.ref(owner(array)) for array in _arrays(kept)]

    def __repr__(self) -> str:
        return f"<{self.name}>"


def _arrays(things: Any) -> list[np.ndarray]:
    """The arrays within nested tuples, lists and the like."""
    found, waiting = [], [things]
    for thing in waiting:  # which becomes longer meanwhile
        if isinstance(thing, np.ndarray):
            found.append(thing)
        elif isinstance(thing, _NESTED):
            waiting += thing
    return found


class CommandList:
    """Commands in a row; a call runs all, by the team, or by one thread if that is enough.

    Args:
        commands: in the order of running.
        flushes: True makes subnormal numbers 0 meanwhile.

    Attributes:
        commands: as a tuple.
        words: the commands as :func:`listed`.
        record: the argument of a team, see ``team/mail.py``.
        kept: the objects that have to outlive a list without commands.
    """

    def __init__(self, commands: Sequence[Command], flushes: bool = False) -> None:
        self.commands = tuple(commands)
        self.kept: Any = None
        self.words = listed(commands)
        self._shared = sum(command.work for command in commands) >= WORTH
        self._in_turn = any(command.in_turn for command in commands)
        team()  # without a team the error comes here, before anything runs
        shares = part_count() if self._shared else 1
        words = {
            mail.COMMANDS: address(self.words), mail.LENGTH: len(self.words),
            mail.TIMES: 1, mail.AGAIN: 1, mail.PARTS: shares, mail.FLUSHES: flushes,
        }  # fmt: skip
        self.record = block_of(mail.RECORD, words)
        self._where = address(self.record)

    def __call__(self) -> None:
        """Run the commands as often as the record says."""
        now = team()  # a forked process has another
        if self._shared:
            now.run(self._where)
        elif self._in_turn:
            now.run_here_in_turn(self._where)
        else:
            now.run_here(self._where)


def listed(commands: Sequence[Command]) -> np.ndarray:
    """Commands for a team: (function, address of the block, whether to wait first) for each."""
    words = np.zeros((len(commands), mail.EACH), np.int64)
    since: list[Access] = []  # accesses since the parts last met
    for line, command in zip(words, commands, strict=True):
        waits = _hinder(since, command.accesses)
        if waits:
            since.clear()
        since += command.accesses
        line[mail.FUNCTION], line[mail.BLOCK] = command.function, address(command.block)
        line[mail.WAITS] = waits
    return words


def _hinder(before: Sequence[Access], now: Sequence[Access]) -> bool:
    """True if an access has to be over before one of some later accesses begins."""
    for each in now:
        for other in before:
            if each.hinders(other):
                return True
    return False
