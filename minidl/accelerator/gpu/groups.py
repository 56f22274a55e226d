"""The CUDA C++ source of a group's CUDA kernel, which does the nodes one after the other."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from minidl.accelerator.broadcasting import BY_COLUMN, BY_ROW, ONE
from minidl.accelerator.gpu.grouping import (
    ALONE,
    BY_COLUMNS,
    BY_ROWS,
    FLAT,
    Group,
    rows_of,
)
from minidl.accelerator.gpu.kernels import source
from minidl.accelerator.gpu.nodes import (
    Loop,
    Node,
    Reduction,
    Rows,
    overlap,
    pointer,
)
from minidl.accelerator.gpu.sizes import blocks_of, matrices, matrix, of_launch
from minidl.accelerator.trace.cuda_source import TYPES, statements

_KERNEL = """\
{functions}
typedef {index} I;

extern "C" __global__ void {name}({parameters})
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
_TOGETHER = (
    "own = together(own, ({found}*)shared, thread, threadIdx.{place}, {step}, blockDim.{place});"
)


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
    writer = _Writer(group)
    body = "\n".join(writer.node(node) for node in group.nodes)
    if re.search(r"\bthread\b", body):
        body = _THREAD + body
    if "shared" in body:
        body = _SHARED.format(threads=math.prod(writer.block)) + body
    reduces = any(isinstance(node, Reduction) for node in group.nodes)
    # The name is for profilers.
    words = "_".join(_word(node) for node in group.nodes)
    name = f"minidl_{re.sub(r'[^0-9A-Za-z_]', '_', words)[:60]}"
    text = _KERNEL.format(
        functions=source("reductions") if reduces else "",
        index=TYPES[writer.index.__name__],
        name=name,
        parameters=", ".join(writer.parameters()),
        body=body,
    )
    numbers = *map(np.float64, writer.numbers), *map(writer.index, writer.sizes)
    arrays, moving = tuple(writer.arrays), tuple(writer.moving)
    return CudaKernel(text, name, writer.grid, writer.block, arrays, moving, numbers)


def _word(node: Node) -> str:
    """A word for a node."""
    if isinstance(node, Loop):
        return node.program.name
    return node.kind if isinstance(node, Reduction) else "rows"


class _Writer:
    """State of the writing of a group's source."""

    def __init__(self, group: Group) -> None:
        self.layout = group.layouts[0]
        self.arrays: list[Any] = []
        self.moving: list[np.ndarray] = []
        self.numbers: list[float] = []
        self.sizes: list[int] = []
        self._written = [array for node in group.nodes for array in node.writes]
        sizes = [a.size for node in group.nodes for a in (*node.reads, *node.writes)]
        # Threads count beyond the last element.
        self.index = np.uint32 if max(sizes) < 1 << 30 else np.uint64
        self.grid, self.block = of_launch(self.layout, group.nodes)

    def parameters(self) -> list[str]:
        """Parameters of the CUDA kernel."""
        made = []
        for k, array in enumerate(self.arrays):
            kind = TYPES[array.dtype.name]
            changes = any(overlap(array, other) for other in self._written)
            made.append(f"{kind}* x{k}" if changes else f"const {kind}* __restrict__ x{k}")
        for k, numbers in enumerate(self.moving):
            made.append(f"const {TYPES[numbers.dtype.name]}* __restrict__ m{k}")
        made += [f"double n{k}" for k in range(len(self.numbers))]
        return made + [f"I s{k}" for k in range(len(self.sizes))]

    def node(self, node: Node) -> str:
        """Source of a node, in braces."""
        if isinstance(node, Loop):
            return self._loop(node)
        if isinstance(node, Reduction):
            return self._reduction(node)
        assert isinstance(node, Rows)
        return self._rows(node)

    def _name(self, array: Any) -> str:
        for k, other in enumerate(self.arrays):
            if pointer(other) == pointer(array) and other.dtype == array.dtype:
                return f"x{k}"
        self.arrays.append(array)
        return f"x{len(self.arrays) - 1}"

    def _moves(self, numbers: np.ndarray) -> str:
        for k, other in enumerate(self.moving):
            if other is numbers:
                return f"m{k}"
        self.moving.append(numbers)
        return f"m{len(self.moving) - 1}"

    def _number(self, value: float) -> str:
        self.numbers.append(float(value))
        return f"n{len(self.numbers) - 1}"

    def _size(self, value: int) -> str:
        # No part of the source: networks that differ in sizes alone share their CUDA kernels.
        self.sizes.append(value)
        return f"s{len(self.sizes) - 1}"

    def _loop(self, node: Loop) -> str:
        places = {BY_COLUMN: "column", BY_ROW: "row", ONE: "0"}
        at = {
            register: f"{self._name(a)}[{places.get(node.kind(a), 'i')}]"
            for register, a in node.arrays.items()
        }
        program = node.program
        numbers = self._moves(node.numbers) if node.moving else ""
        given = {
            r: f"{numbers}[{k}]" if node.moving else self._number(node.numbers[k])
            for k, r in enumerate(program.scalar_registers)
            if r in program.read
        }
        outs = [f"{self._name(out)}[i]" for out in node.outs]
        types = [out.dtype.name for out in node.outs]
        body = [
            *[f"const T r{register} = T({number});" for register, number in given.items()],
            *statements(program, at, outs, types),
        ]
        typed = f"typedef {TYPES[node.working.name]} T;"
        shape = matrix(self.layout, node.outs[0])
        return self._elements(shape, [typed, *body], program.name)

    def _rows(self, node: Rows) -> str:
        rows, columns = rows_of(node.out)
        out, x, order = self._name(node.out), self._name(node.x), self._name(node.order)
        where = self._moves(node.where)
        body = [
            f"if (row < {where}[1]) "
            f"{out}[i] = {x}[{order}[{where}[0] + row] * {self._size(columns)} + column];"
        ]
        return self._elements((rows, columns), body, "the next rows")

    def _elements(self, shape: tuple[int, int], body: list[str], comment: str) -> str:
        """A loop over the elements of this thread, and a barrier."""
        inner = "\n".join(f"            {line}" for line in body)
        rows, columns = map(self._size, shape)
        place = [f"const I i = row * {columns} + column;"]
        if self.layout in (FLAT, ALONE):
            first = "I(blockDim.x) * blockIdx.x + threadIdx.x" if self.layout == FLAT else "thread"
            step = "I(blockDim.x) * gridDim.x" if self.layout == FLAT else "blockDim.x"
            head = [f"for (I i = {first}; i < {rows} * {columns}; i += {step}) {{"]
            used = {"row": "/", "column": "%"}
            place = [
                f"const I {name} = i {operator} {columns};"
                for name, operator in used.items()
                if re.search(rf"\b{name}\b", inner)
            ]
        elif self.layout == BY_ROWS:
            head = [
                "const I row = I(blockDim.y) * blockIdx.x + threadIdx.y;",
                f"for (I column = threadIdx.x; row < {rows} && column < {columns}; "
                "column += blockDim.x) {",
            ]
        else:
            head = [
                "const I column = I(blockDim.x) * blockIdx.x + threadIdx.x;",
                f"for (I row = threadIdx.y; row < {rows} && column < {columns}; "
                "row += blockDim.y) {",
            ]
        before = "\n".join([f"        {h}" for h in head] + [f"            {p}" for p in place])
        return f"    {{  // {comment}\n{before}\n{inner}\n        }}\n    }}\n{self._barrier()}"

    def _barrier(self) -> str:
        # Elements of a single thread need no barrier.
        return "" if self.layout == FLAT else "    __syncthreads();"

    def _reduction(self, node: Reduction) -> str:
        kind = "Sum" if node.kind == "sum" else "Largest"
        found = f"{kind}<{TYPES[node.working.name]}>"
        result = (
            f"({TYPES[node.out.dtype.name]})own.{'place' if node.kind == 'argmax' else 'value'}"
        )
        x, out = self._name(node.x), self._name(node.out)
        _, rows, columns = map(self._size, matrices(node))
        by_row = node.axis is None or (node.axis == 1 and node.x.ndim == 2)
        if self.layout == ALONE and node.axis is not None:
            first, step, many = f"k * {columns}", "1", columns
            if not by_row:
                first = f"k / {columns} * {rows} * {columns} + k % {columns}"
                step, many = columns, rows
            lines = [
                f"for (I k = thread; k < {self._size(node.out.size)}; k += blockDim.x) {{",
                f"    {found} own;",
                f"    for (I j = 0; j < {many}; ++j) own.add({x}[{first} + j * {step}], j);",
                f"    {out}[k] = {result};",
                "}",
            ]
        else:
            along, many, step = "x", columns, "1"
            places = "row = I(blockDim.y) * blockIdx.x + threadIdx.y"
            within, target, at = f"row < {rows}", "row", f"row * {columns} + j"
            if self.layout == BY_COLUMNS:
                along, many, step = "y", rows, "blockDim.x"
                # One after the other: the grid's other axes end at 65,535.
                wide = self._size(blocks_of(node))
                places = (
                    f"column = I(blockDim.x) * (blockIdx.x % {wide}) + threadIdx.x, "
                    f"matrix = blockIdx.x / {wide}"
                )
                within, target = f"column < {columns}", f"matrix * {columns} + column"
                at = f"(matrix * {rows} + j) * {columns} + column"
            lines = [
                f"const I {places};",
                f"{found} own;",
                f"for (I j = threadIdx.{along}; {within} && j < {many}; j += blockDim.{along})",
                f"    own.add({x}[{at}], j);",
                _TOGETHER.format(found=found, place=along, step=step),
                f"if (threadIdx.{along} == 0 && {within}) {out}[{target}] = {result};",
            ]
        text = "\n".join(f"        {line}" for line in lines)
        return f"    {{  // {node.kind}\n{text}\n    }}\n{self._barrier()}"
