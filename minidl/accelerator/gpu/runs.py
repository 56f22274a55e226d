"""Nodes of a CUDA kernel that a thread does in one loop over its elements.

A thread waits for no other within a run: each element that two nodes of the run touch, and that one
of the two writes, is the thread's own in both. Between runs the threads of a block wait for each
other where one run needs the results of another.
"""

from __future__ import annotations

from collections.abc import Sequence

from minidl.accelerator.gpu.grouping import ALONE, FLAT, fit
from minidl.accelerator.gpu.nodes import Node, Reduction, depend
from minidl.accelerator.gpu.sizes import frame


def runs(layout: str, nodes: Sequence[Node]) -> list[list[Node]]:
    """The nodes in runs, with a node in an earlier run where the results are the same."""
    row: list[list[Node]] = []
    for node in nodes:
        for run in reversed(row):
            if all(_one_loop(layout, each, node) for each in run):
                run.append(node)
                break
            if any(depend(each, node) for each in run):
                row.append([node])
                break
        else:
            row.append([node])
    return row


def wait(layout: str, before: Sequence[Node], run: Sequence[Node]) -> bool:
    """True if threads wait for each other between nodes and the next run."""
    if layout == FLAT:  # elements of a single thread
        return False
    # Reductions share the room for the results of each thread.
    both = [any(isinstance(node, Reduction) for node in nodes) for nodes in (before, run)]
    return all(both) or any(depend(one, other) for one in before for other in run)


def _one_loop(layout: str, first: Node, second: Node) -> bool:
    """True if a thread has the same elements in both nodes, and needs no other's."""
    for node in (first, second):
        if isinstance(node, Reduction) and (layout == ALONE or node.x.ndim > 2):
            return False
    return frame(layout, first) == frame(layout, second) and fit(FLAT, first, second)
