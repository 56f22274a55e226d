"""Sizes of a CUDA kernel's grid and blocks; and an array's rows and columns for a layout."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minidl.accelerator.gpu.grouping import ALONE, BY_ROWS, FLAT, columns_of, rows_of, stacked
from minidl.accelerator.gpu.kernels import BLOCKS, THREADS
from minidl.accelerator.gpu.nodes import Loop, Node, Reduction, Rows

#: Threads of a block that sums columns: columns, which lie side by side, and rows, at most. Eight
#: numbers of float32 are the 32 bytes that a device reads at once.
WIDE, HIGH = 8, 64
#: Threads of a block that does everything: those of a warp at least, and the most of a block.
LEAST, MOST = 32, 1024


def matrix(layout: str, array: Any) -> tuple[int, int]:
    """Rows and columns of an array's elements."""
    return rows_of(array) if layout == BY_ROWS else columns_of(array)


def matrices(node: Reduction) -> tuple[int, int, int]:
    """Matrices, rows of each, and columns."""
    if node.axis is None:
        return 1, 1, node.x.size
    shape = node.x.shape
    return (1, *shape) if len(shape) == 2 else shape


def frame(layout: str, node: Node) -> tuple[int, int]:
    """Rows and columns of the elements that a node's threads share out."""
    if isinstance(node, Reduction):
        many, rows, columns = matrices(node)
        return max(rows, 1) * many // stacked(node), columns
    assert isinstance(node, Loop | Rows)
    return matrix(layout, node.writes[0])


def blocks_of(node: Reduction) -> int:
    """Blocks for the columns of one of a node's matrices."""
    return -(-matrices(node)[2] // WIDE)


def threads_of_matrix(node: Reduction, high: int) -> int:
    """Threads of a column that sum one of the matrices that a block has columns of."""
    return high // _power(matrices(node)[0])


def threads_of(node: Reduction, threads: int) -> int:
    """Threads of a block that find one of a node's results, where the block finds all."""
    results = node.out.size
    return min(max(threads // _power(results), 1), _power(node.x.size // max(results, 1)))


def of_launch(layout: str, nodes: Sequence[Node]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Sizes of the grid and of a block, so that some thread does each element."""
    if layout == FLAT:
        size = max(node.outs[0].size for node in nodes if isinstance(node, Loop))
        return (min(-(-size // THREADS), BLOCKS),), (THREADS,)
    if layout == ALONE:
        size = max(array.size for node in nodes for array in (*node.reads, *node.writes))
        return (1,), (max(LEAST, min(MOST, _power(size))),)
    frames = [frame(layout, node) for node in nodes]
    rows, columns = (max(sizes) for sizes in zip(*frames, strict=True))
    if layout == BY_ROWS:
        wide = min(THREADS, _power(columns))
        high = min(THREADS // wide, _power(rows))
        return (-(-rows // high),), (wide, high)
    blocks = -(-columns // WIDE) * max(map(stacked, nodes))
    return (blocks,), (WIDE, min(HIGH, _power(rows)))


def _power(size: int) -> int:
    """The power of 2 from a size on."""
    return 1 << max(size - 1, 0).bit_length()
