"""Groups of a step that the device may do beside others: two streams, which wait for each other.

The main stream has the longest path of groups that need each other: forward pass, each dx, update.
What has time to wait is in the other stream: dW, random bits, penalties.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from minidl.accelerator.gpu.grouping import Group
from minidl.accelerator.gpu.nodes import depend

MAIN, SIDE = 0, 1
#: In place of a group's number: the beginning of the step.
BEGINNING = -1


@dataclass(frozen=True)
class Turn:
    """The place of a group among the others.

    Attributes:
        stream: MAIN or SIDE.
        after: number of the group in the other stream for which this stream waits first, or
            BEGINNING; None for none, or where the stream has waited for that already.
    """

    stream: int
    after: int | None


def turns(row: Sequence[Group]) -> list[Turn]:
    """The place of each group."""
    needs = [[h for h in range(k) if _depend(row[h], row[k])] for k in range(len(row))]
    path = _longest_path(needs)
    streams = [MAIN if k in path else SIDE for k in range(len(row))]
    made = []
    waited = [BEGINNING, BEGINNING - 1]  # by stream: the last group waited for
    for k, stream in enumerate(streams):
        after = max((h for h in needs[k] if streams[h] != stream), default=BEGINNING)
        made.append(Turn(stream, after if after > waited[stream] else None))
        waited[stream] = max(waited[stream], after)
    return made


def _longest_path(needs: Sequence[Sequence[int]]) -> set[int]:
    """Numbers of the most groups of which each needs the one before."""
    ends: list[tuple[int, int]] = []  # by group: the longest path that ends there, and the number
    for k, needed in enumerate(needs):
        ends.append((1 + max((ends[h][0] for h in needed), default=0), k))
    path, (length, k) = set(), max(ends, default=(0, 0))
    for _ in range(length):
        path.add(k)
        _, k = max((ends[h] for h in needs[k]), default=(0, 0))
    return path


def _depend(first: Group, second: Group) -> bool:
    """True if the order of two groups matters."""
    return any(depend(one, other) for one in first.nodes for other in second.nodes)
