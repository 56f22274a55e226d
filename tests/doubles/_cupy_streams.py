"""The work of the double's devices, which waits in streams until the host waits.

A device may work at once or late. The double works as late as possible: launches, copies and memory
that is given back wait in their stream. So a test notices memory of the host that is overwritten
before the copy of it, and arrays that are freed before a graph is launched again. No stream waits
for another, not even for the null stream, unless for an event.
"""

from __future__ import annotations

import collections
import threading
import weakref
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ._cupy_capture import Touched
from ._cupy_state import CURRENT, STATE, count_wait

Work = Callable[[], None]

_waiting: dict[Any, collections.deque[Work]] = collections.defaultdict(collections.deque)
_turn = threading.RLock()
#: Memory that was freed, kept for a while, so that nothing else comes to lie there.
_freed: collections.deque[Allocation] = collections.deque()
_freed_bytes = [0]
_MOST_FREED = 64 << 20


class _Streams(threading.local):
    """Streams that a thread has made current.

    Attributes:
        of: for each device, the last one last; none of them is the null stream's turn.
        entered: the lists that ``with`` has added to.
    """

    def __init__(self) -> None:
        self.of: dict[int, list[Any]] = collections.defaultdict(list)
        self.entered: list[list[Any]] = []


STREAMS = _Streams()


def current_stream(device: int | None = None) -> tuple[int, int]:
    """The key of the work in the current stream of a device, by default the current one."""
    device = CURRENT.device if device is None else device
    streams = STREAMS.of[device]
    return device, streams[-1].ptr if streams else 0


def submit(work: Work, stream: Any = None, touched: Sequence[Touched] = ()) -> None:
    """Do work in its turn, or when the graph that is captured is launched."""
    stream = current_stream() if stream is None else stream
    if STATE.captured is not None and STATE.captured.holds(stream):
        STATE.captured.add(work, touched, stream)
    elif STATE.deferred:
        _waiting[stream].append(work)
    else:
        work()


def catch_up(stream: Any = None, done: Callable[[], bool] = lambda: False) -> None:
    """Let a stream do its work, until something is done; the current stream if left out."""
    line = _waiting.get(current_stream() if stream is None else stream)
    with _turn:
        while line and not done():
            line.popleft()()


def catch_up_everywhere(device: int) -> None:
    """Let all streams of a device do their work, in any order of streams."""
    streams = [stream for stream in _waiting if stream[0] == device]
    STATE.random.shuffle(streams)
    for stream in streams:
        catch_up(stream)


def forget() -> None:
    """Drop all work, and all memory that was freed."""
    _waiting.clear()
    _freed.clear()
    _freed_bytes[0] = 0


def synchronise(action: str) -> None:
    """Record that `action` makes the host wait for the current stream, and let it wait."""
    count_wait(action)
    catch_up()


class Allocation:
    """Memory of a device.

    Attributes:
        host: the array that stands for it.
        begin, end: its addresses.
        device: the number of its device.
        freed: whether the device has come to where it was given back.
    """

    __slots__ = ("__weakref__", "begin", "device", "end", "freed", "host")

    def __init__(self, host: np.ndarray) -> None:
        self.host, self.device, self.freed = host, CURRENT.device, False
        self.begin = host.ctypes.data
        self.end = self.begin + max(host.nbytes, 1)
        _allocations.add(self)

    def overwrite(self) -> None:
        """Make whoever reads it later read what is no number."""
        self.freed = True
        spoil(self.host)
        _freed.append(self)
        _freed_bytes[0] += self.host.nbytes
        while _freed_bytes[0] > _MOST_FREED:
            _freed_bytes[0] -= _freed.popleft().host.nbytes


_allocations: weakref.WeakSet[Allocation] = weakref.WeakSet()


def spoil(host: np.ndarray) -> None:
    """Overwrite all elements with what is no number, or the largest."""
    kind = host.dtype.kind
    if host.flags.writeable:
        host.fill(np.nan if kind == "f" else kind == "b" or np.iinfo(host.dtype).max)


def free(allocation: Allocation) -> None:
    """Give memory back when what was launched until now is done, as CuPy's pool of memory does."""
    if STATE.deferred:
        _waiting[allocation.device, 0].append(allocation.overwrite)
    else:
        allocation.overwrite()


def allocation_at(place: int) -> Allocation:
    """The memory in which an address lies."""
    found = [each for each in list(_allocations) if each.begin <= place < each.end]
    assert found, f"the address {place:#x} is no memory of a device"
    return found[-1]


def check_launch(name: str, allocations: list[Allocation]) -> None:
    """Fail where a launch finds memory that was freed."""
    if any(each.freed for each in allocations):
        raise RuntimeError(f"{name}: an array that it was launched with has been freed")


def check_device(allocation: Allocation) -> None:
    """Fail where the memory is another device's than the current one."""
    if allocation.device != CURRENT.device:
        raise ValueError(
            "Array device must be same as the current device: array device = "
            f"{allocation.device} while current = {CURRENT.device}"
        )
