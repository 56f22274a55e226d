"""The body of a group's CUDA kernel: loops of its threads, barriers, and results in trees."""

from __future__ import annotations

import re
from collections.abc import Sequence

from minidl.accelerator.broadcasting import BY_COLUMN, BY_ROW, ONE
from minidl.accelerator.gpu.arguments import Arguments
from minidl.accelerator.gpu.grouping import (
    ALONE,
    BY_COLUMNS,
    BY_ROWS,
    FLAT,
    Group,
    rows_of,
    stacked,
)
from minidl.accelerator.gpu.nodes import Loop, Node, Reduction, Rows
from minidl.accelerator.gpu.runs import runs, wait
from minidl.accelerator.gpu.sizes import (
    blocks_of,
    frame,
    matrices,
    of_launch,
    threads_of,
    threads_of_matrix,
)
from minidl.accelerator.trace.cuda_source import TYPES, statements

_TOGETHER = "{own} = together({own}, ({found}*)shared, thread, {place}, {step}, {count});"
#: Of the threads that share out the elements of a row or a column: this one's place among them, how
#: far apart they are numbered, their number, and where their result belongs.
_BESIDE = {
    BY_ROWS: ("threadIdx.x", "1", "blockDim.x", "row"),
    BY_COLUMNS: ("threadIdx.y", "blockDim.x", "blockDim.y", "column"),
}


class Writer:
    """State of the writing of a group's source.

    Attributes:
        given: arguments of the CUDA kernel.
        grid, block: sizes.
    """

    def __init__(self, group: Group) -> None:
        self.layout = group.layouts[0]
        self.given = Arguments([array for node in group.nodes for array in node.writes])
        self.grid, self.block = of_launch(self.layout, group.nodes)

    def body(self, nodes: Sequence[Node]) -> str:
        """Source of the nodes, run by run."""
        parts: list[str] = []
        before: list[Node] = []  # since the last barrier
        for run in runs(self.layout, nodes):
            if wait(self.layout, before, run):
                parts.append("    __syncthreads();")
                before = []
            before += run
            parts.append(_block(", ".join(map(word, run)), self._run(run)))
        return "\n".join(parts)

    def _run(self, run: Sequence[Node]) -> list[str]:
        """One loop over the elements of this thread, and the joint work of the threads."""
        node = run[0]
        if isinstance(node, Reduction):
            if self.layout == ALONE:
                return self._alone(node)
            if node.x.ndim == 3:
                return self._matrices(node)
        return self._beside(run) if self.layout in _BESIDE else self._flat(run)

    def _flat(self, run: Sequence[Node]) -> list[str]:
        """A loop over elements in the order of memory."""
        rows, columns = map(self.given.size, frame(self.layout, run[0]))
        first, step = "thread", "blockDim.x"
        if self.layout == FLAT:
            first, step = f"I({step}) * blockIdx.x + threadIdx.x", f"I({step}) * gridDim.x"
        inner = [f"    {line}" for node in run for line in self._element(node)]
        places = [
            f"    const I {name} = i {operator} {columns};"
            for name, operator in {"row": "/", "column": "%"}.items()
            if re.search(rf"\b{name}\b", "\n".join(inner))
        ]
        head = f"for (I i = {first}; i < {rows} * {columns}; i += {step}) {{"
        return [head, *places, *inner, "}"]

    def _beside(self, run: Sequence[Node]) -> list[str]:
        """A loop along a row or a column, beside threads that have other elements of that."""
        node = run[0]
        rows, columns = map(self.given.size, frame(self.layout, node))
        place, step, count, own = _BESIDE[self.layout]
        along, across, most, within = "column", "y", columns, f"row < {rows}"
        if self.layout == BY_COLUMNS:
            along, across, most, within = "row", "x", rows, f"column < {columns}"
        head = [f"const I {own} = I(blockDim.{across}) * blockIdx.x + threadIdx.{across};"]
        inner: list[str] = []
        after: list[str] = []
        for k, each in enumerate(run):
            inner += self._element(each, f"own{k}", along)
            if isinstance(each, Reduction):
                found = _found(each)
                head.append(f"{found} own{k};")
                after += ["__syncthreads();"] if after else []
                after += [
                    _TOGETHER.format(
                        own=f"own{k}", found=found, place=place, step=step, count=count
                    ),
                    f"if ({place} == 0 && {within}) "
                    f"{self.given.array(each.out)}[{own}] = {_result(each, f'own{k}')};",
                ]
        return [
            *head,
            f"for (I {along} = {place}; {within} && {along} < {most}; {along} += {count}) {{",
            f"    const I i = row * {columns} + column;",
            *[f"    {line}" for line in inner],
            "}",
            *after,
        ]

    def _matrices(self, node: Reduction) -> list[str]:
        """Sums of the columns of matrices, which are shared out to threads, or to blocks."""
        size = self.given.size
        many, rows, columns = map(size, matrices(node))
        if stacked(node) > 1:
            # One after the other: the grid's other axes end at 65,535.
            wide = size(blocks_of(node))
            block, matrix = f"(blockIdx.x % {wide})", f"blockIdx.x / {wide}"
            place, count = "threadIdx.y", "blockDim.y"
        else:
            count = size(threads_of_matrix(node, self.block[1]))
            block, matrix, place = "blockIdx.x", f"threadIdx.y / {count}", f"threadIdx.y % {count}"
        found = _found(node)
        within = f"column < {columns} && matrix < {many}"
        step = "blockDim.x"
        together = _TOGETHER.format(own="own", found=found, place="place", step=step, count=count)
        return [
            f"const I column = I(blockDim.x) * {block} + threadIdx.x, matrix = {matrix};",
            f"const unsigned place = {place};",
            f"{found} own;",
            f"for (I row = place; {within} && row < {rows}; row += {count})",
            f"    own.add({self.given.array(node.x)}"
            f"[(matrix * {rows} + row) * {columns} + column], row);",
            together,
            f"if (place == 0 && {within})",
            f"    {self.given.array(node.out)}[matrix * {columns} + column]"
            f" = {_result(node, 'own')};",
        ]

    def _alone(self, node: Reduction) -> list[str]:
        """Results of a block's threads, some threads for each result."""
        size = self.given.size
        results, many = node.out.size, node.x.size // max(node.out.size, 1)
        by_row = node.axis is None or (node.axis == 1 and node.x.ndim == 2)
        results, many = size(results), size(many)
        count = size(threads_of(node, self.block[0]))
        columns = many if by_row else size(matrices(node)[2])
        teams = f"blockDim.x / {count}"
        place, which, step, at = f"thread % {count}", f"thread / {count}", "1", f"k * {many} + j"
        if not by_row:
            # Threads side by side are at columns side by side.
            place, which, step = "thread / teams", "thread % teams", "teams"
            at = f"(k / {columns} * {many} + j) * {columns} + k % {columns}"
        found = _found(node)
        together = _TOGETHER.format(own="own", found=found, place="place", step=step, count=count)
        return [
            f"const unsigned teams = {teams}, place = {place};",
            # Several rounds are of single threads, which do not see results of other threads.
            f"for (I first = 0; first < {results}; first += teams) {{",
            f"    const I k = first + {which};",
            f"    {found} own;",
            f"    for (I j = place; k < {results} && j < {many}; j += {count})",
            f"        own.add({self.given.array(node.x)}[{at}], j);",
            f"    {together}",
            f"    if (place == 0 && k < {results})",
            f"        {self.given.array(node.out)}[k] = {_result(node, 'own')};",
            "}",
        ]

    def _element(self, node: Node, own: str = "", along: str = "") -> list[str]:
        """The work of a node on element i, in braces where the work has names of its own."""
        array = self.given.array
        if isinstance(node, Reduction):
            return [f"{own}.add({array(node.x)}[i], {along});"]
        if isinstance(node, Rows):
            where, columns = self.given.moves(node.where), self.given.size(rows_of(node.out)[1])
            row = f"{array(node.order)}[{where}[0] + row]"
            return [
                f"if (row < {where}[1]) "
                f"{array(node.out)}[i] = {array(node.x)}[{row} * {columns} + column];"
            ]
        assert isinstance(node, Loop)
        return ["{", *[f"    {line}" for line in self._formula(node)], "}"]

    def _formula(self, node: Loop) -> list[str]:
        places = {BY_COLUMN: "column", BY_ROW: "row", ONE: "0"}
        array = self.given.array
        at = {
            register: f"{array(a)}[{places.get(node.kind(a), 'i')}]"
            for register, a in node.arrays.items()
        }
        program = node.program
        numbers = self.given.moves(node.numbers) if node.moving else ""
        given = {
            r: f"{numbers}[{k}]" if node.moving else self.given.number(node.numbers[k])
            for k, r in enumerate(program.scalar_registers)
            if r in program.read
        }
        outs = [f"{array(out)}[i]" for out in node.outs]
        types = [out.dtype.name for out in node.outs]
        return [
            f"typedef {TYPES[node.working.name]} T;",
            *[f"const T r{register} = T({number});" for register, number in given.items()],
            *statements(program, at, outs, types),
        ]


def word(node: Node) -> str:
    """A word for a node."""
    if isinstance(node, Loop):
        return node.program.name
    return node.kind if isinstance(node, Reduction) else "rows"


def _found(node: Reduction) -> str:
    """The C++ type of the result of a thread."""
    kind = "Sum" if node.kind == "sum" else "Largest"
    return f"{kind}<{TYPES[node.working.name]}>"


def _result(node: Reduction, own: str) -> str:
    """The C++ expression of a result."""
    part = "place" if node.kind == "argmax" else "value"
    return f"({TYPES[node.out.dtype.name]}){own}.{part}"


def _block(comment: str, lines: Sequence[str]) -> str:
    """Lines in braces."""
    text = "\n".join(f"        {line}" for line in lines)
    return f"    {{  // {comment}\n{text}\n    }}"
