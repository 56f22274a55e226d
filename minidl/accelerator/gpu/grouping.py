"""Nodes that one CUDA kernel can do, one after the other.

The blocks of a CUDA kernel do not wait for each other. So each block keeps to its own elements:
some elements of arrays of one size (FLAT), rows of a batch (BY_ROWS), columns (BY_COLUMNS); or one
block alone does everything (ALONE). A node joins a CUDA kernel if every element that both touch,
and that one of the two writes, belongs to the same block in both.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from minidl.accelerator.broadcasting import BY_COLUMN, BY_ROW, EACH
from minidl.accelerator.gpu.nodes import (
    Bits,
    Loop,
    Node,
    Reduction,
    Rows,
    depend,
    overlap,
    pointer,
)

FLAT, BY_ROWS, BY_COLUMNS, ALONE = "flat", "rows", "columns", "alone"

#: The most elements of a node that a block does alone, on a device with room for a hundred blocks.
SMALL = 4096
#: The most matrices whose columns are summed by threads of one block, which has columns of all of
#: the matrices. Of more matrices each has blocks of its own.
MATRICES = 8


class Group:
    """Nodes that one CUDA kernel does, in their order.

    Attributes:
        nodes: of the group.
        layouts: possible kinds of a block's own elements, the best first.
    """

    def __init__(self, node: Node) -> None:
        self.nodes = [node]
        self.layouts = layouts(node)

    def join(self, node: Node) -> bool:
        """Append another node; False, and nothing done, if impossible."""
        possible = layouts(node)
        common = [
            layout
            for layout in self.layouts
            if layout in possible and all(fit(layout, each, node) for each in self.nodes)
        ]
        if FLAT not in common and all(isinstance(each, Loop) for each in (*self.nodes, node)):
            # Loops alone keep to the layout that gives the most blocks. A sum that joins later may
            # choose another layout that is possible for all nodes.
            common = [layout for layout in common if layout == ALONE]
        if not common:
            return False
        self.nodes.append(node)
        self.layouts = common
        return True


def grouped(nodes: Iterable[Node]) -> list[Group]:
    """The nodes in groups, with a node in an earlier group where the results are the same.

    A draw of random bits comes as early as possible, so that the draw parts no nodes that one CUDA
    kernel can do.
    """
    row: list[Group] = []
    for node in nodes:
        needs = [k for k, group in enumerate(row) if any(depend(n, node) for n in group.nodes)]
        last = max(needs, default=-1)
        if isinstance(node, Bits):
            while last + 1 < len(row) and isinstance(row[last + 1].nodes[0], Bits):
                last += 1  # draws in their order
            row.insert(last + 1, Group(node))
        # First the group that has last touched the node's arrays, then the latest group.
        elif not any(g.join(node) for g in (*row[last : last + 1], *reversed(row[last + 1 :]))):
            row.append(Group(node))
    return row


def layouts(node: Node) -> list[str]:
    """Possible kinds of a block's own elements; none for a node outside such CUDA kernels."""
    if isinstance(node, Loop):
        small = [ALONE] if node.outs[0].size <= SMALL else []
        return [FLAT, BY_ROWS, BY_COLUMNS, *small]
    if isinstance(node, Rows):
        return [BY_ROWS]
    if isinstance(node, Reduction):
        x = node.x
        if node.axis is None:
            return [ALONE]
        found = [BY_ROWS] if node.axis == 1 and x.ndim == 2 else []
        if x.ndim == 3 or node.axis == 0:
            found = [BY_COLUMNS] if node.kind == "sum" else []
        return found + ([ALONE] if x.size <= SMALL else [])
    return []


def fit(layout: str, first: Node, second: Node) -> bool:
    """True if blocks can do both nodes without waiting for each other."""
    if layout == ALONE:
        return True
    if _frame(layout, first) != _frame(layout, second):
        return False
    pairs = [(a, b) for a in first.writes for b in (*second.reads, *second.writes)]
    pairs += [(a, b) for a in first.reads for b in second.writes]
    return all(
        _own(layout, first, a) and _own(layout, second, b) and _alike(layout, a, b)
        for a, b in pairs
        if overlap(a, b)
    )


def _alike(layout: str, a: Any, b: Any) -> bool:
    """True if an element belongs to the same block in either array."""
    apart = pointer(a) - pointer(b)
    if a.itemsize != b.itemsize:
        return False
    if layout == BY_COLUMNS:
        columns = columns_of(a)[1]
        return columns == columns_of(b)[1] and apart % (columns * a.itemsize) == 0
    if layout == BY_ROWS:
        return apart == 0 and rows_of(a) == rows_of(b)
    return apart == 0 and bool(a.size == b.size)


def _own(layout: str, node: Node, array: Any) -> bool:
    """True if a block touches only its own elements of an array."""
    if isinstance(node, Loop):
        kind = EACH if any(array is out for out in node.outs) else node.kind(array)
        also = {BY_ROWS: BY_ROW, BY_COLUMNS: BY_COLUMN}.get(layout)
        return kind in (EACH, also)
    if isinstance(node, Rows):
        return array is node.out
    if not isinstance(node, Reduction):
        return False
    # Where matrices have blocks of their own, no two blocks have the same columns of a matrix.
    return array is node.x if layout == FLAT else stacked(node) == 1


def rows_of(array: Any) -> tuple[int, int]:
    """Rows and columns where rows belong to blocks: a vector is a column."""
    rows = array.shape[0] if array.ndim else 1
    return rows, array.size // max(rows, 1)


def columns_of(array: Any) -> tuple[int, int]:
    """Rows and columns where columns belong to blocks: a vector is a row."""
    columns = array.shape[-1] if array.ndim else 1
    return array.size // max(columns, 1), columns


def _frame(layout: str, node: Node) -> tuple[int, ...]:
    """The shared-out extents: elements, rows, or columns and the number of matrices."""
    array = node.x if isinstance(node, Reduction) else node.writes[0]
    if layout == FLAT:
        return (array.size,)
    if layout == BY_ROWS:
        return rows_of(array)[:1]
    return columns_of(array)[1], stacked(node)


def stacked(node: Node) -> int:
    """Number of matrices with separately summed columns, each matrix in blocks of its own."""
    if not isinstance(node, Reduction) or node.x.ndim < 3 or len(node.x) <= MATRICES:
        return 1
    return len(node.x)
