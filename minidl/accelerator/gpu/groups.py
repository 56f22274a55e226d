"""The CUDA C++ source of a group's CUDA kernel, which does the nodes one after the other."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from minidl.accelerator.gpu.grouping import Group
from minidl.accelerator.gpu.kernels import source
from minidl.accelerator.gpu.nodes import Reduction
from minidl.accelerator.gpu.writing import Writer, word
from minidl.accelerator.trace.cuda_source import TYPES

_KERNEL = """\
{functions}
typedef {index} I;

extern "C" __global__ void __launch_bounds__({threads}) {name}({parameters})
{{
{body}
}}
"""
_SHARED = """\
    // Room for what each thread has found.
    __shared__ unsigned long long shared[2 * {threads}];
"""
_THREAD = """\
    const unsigned thread = threadIdx.x + blockDim.x * threadIdx.y;
"""


@dataclass(frozen=True)
class CudaKernel:
    """A group's CUDA kernel.

    Attributes:
        source: CUDA C++.
        name: of the CUDA kernel in the source, made of the nodes' names.
        grid, block: sizes.
        arrays: the first arguments.
        moving: arrays of 64-bit numbers on the host, whose counterparts on the device follow.
        numbers: the last arguments: float64, and sizes.
    """

    source: str
    name: str
    grid: tuple[int, ...]
    block: tuple[int, ...]
    arrays: tuple[Any, ...]
    moving: tuple[np.ndarray, ...]
    numbers: tuple[np.generic, ...]


def cuda_kernel(group: Group) -> CudaKernel:
    """The CUDA kernel of a group that has a layout."""
    writer = Writer(group)
    body = writer.body(group.nodes)
    threads = math.prod(writer.block)
    if re.search(r"\bthread\b", body):
        body = _THREAD + body
    if "shared" in body:
        body = _SHARED.format(threads=threads) + body
    sizes = [a.size for node in group.nodes for a in (*node.reads, *node.writes)]
    # Threads count beyond the last element.
    index: type[np.generic] = np.uint32 if max(sizes) < 1 << 30 else np.uint64
    reduces = any(isinstance(node, Reduction) for node in group.nodes)
    # The name is for profilers.
    words = "_".join(word(node) for node in group.nodes)
    name = f"minidl_{re.sub(r'[^0-9A-Za-z_]', '_', words)[:60]}"
    given = writer.given
    text = _KERNEL.format(
        functions=source("reductions") if reduces else "",
        index=TYPES[index.__name__],
        threads=threads,
        name=name,
        parameters=given.parameters(),
        body=body,
    )
    arrays, moving, numbers = tuple(given.arrays), tuple(given.moving), given.numbers(index)
    return CudaKernel(text, name, writer.grid, writer.block, arrays, moving, numbers)
