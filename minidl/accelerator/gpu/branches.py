"""Groups of a step side by side on the device: in streams that wait for each other.

The main stream has the longest path of groups that need each other: forward pass, each dx, update.
The next stream has the longest path of the rest, and so on: dW, random bits, penalties.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from minidl.accelerator.gpu.grouping import Group
from minidl.accelerator.gpu.nodes import depend

#: Number of streams; a fourth makes no step of the benchmarks shorter.
STREAMS = 3
MAIN = 0
#: In place of a group's number: the beginning of the step.
BEGINNING = -1


@dataclass(frozen=True)
class Turn:
    """The place of a group among the others.

    Attributes:
        stream: number from 0, MAIN.
        after: numbers of groups in other streams for which this stream waits first, or BEGINNING;
            without groups for which the stream has waited already.
    """

    stream: int
    after: tuple[int, ...]


def turns(row: Sequence[Group]) -> list[Turn]:
    """The place of each group."""
    needs = [[h for h in range(k) if _depend(row[h], row[k])] for k in range(len(row))]
    streams, left = [STREAMS - 1] * len(row), set(range(len(row)))
    for stream in range(STREAMS - 1):
        for k in _longest_path(needs, left):
            streams[k] = stream
            left.remove(k)
    # By stream and other stream: the last group waited for. All begin after the main stream.
    waited = {(one, other): BEGINNING for one in range(STREAMS) for other in range(STREAMS)}
    waited.update({(one, MAIN): BEGINNING - 1 for one in range(STREAMS) if one != MAIN})
    made = []
    for stream, needed in zip(streams, needs, strict=True):
        after = []
        for other in range(STREAMS):
            last = max((h for h in needed if streams[h] == other), default=BEGINNING)
            if other != stream and last > waited[stream, other]:
                after.append(last)
                waited[stream, other] = last
        made.append(Turn(stream, tuple(after)))
    return made


def _longest_path(needs: Sequence[Sequence[int]], among: Collection[int]) -> set[int]:
    """Numbers of the most groups of which each needs the one before."""
    ends: dict[int, tuple[int, int]] = {}  # the longest path that ends with a group, and its number
    for k in sorted(among):
        ends[k] = 1 + max((ends[h][0] for h in needs[k] if h in ends), default=0), k
    path, (length, k) = set(), max(ends.values(), default=(0, 0))
    for _ in range(length):
        path.add(k)
        _, k = max((ends[h] for h in needs[k] if h in ends), default=(0, 0))
    return path


def _depend(first: Group, second: Group) -> bool:
    """True if the order of two groups matters."""
    return any(depend(one, other) for one in first.nodes for other in second.nodes)
