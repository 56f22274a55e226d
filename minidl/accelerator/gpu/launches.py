"""Nodes as CUDA kernels, in a CUDA graph."""

from __future__ import annotations

import contextlib
import functools
import importlib
import warnings
from collections.abc import Callable, Sequence
from typing import Any

from minidl.accelerator.gpu import cublaslt, draws, groups
from minidl.accelerator.gpu.branches import BEGINNING, MAIN, STREAMS, Turn, turns
from minidl.accelerator.gpu.grouping import Group, grouped
from minidl.accelerator.gpu.kernels import cuda_kernel
from minidl.accelerator.gpu.nodes import Bits, Node, Product
from minidl.accelerator.gpu.numbers import Numbers
from minidl.accelerator.record.operands import UnsupportedError
from minidl.backend.sparse import outside

Launch = Callable[[], Any]


class Launches:
    """Launches of nodes with the present numbers.

    The device gets all launches at once, as a CUDA graph, with products by cuBLASLt. Where a
    product or the capture fails, CUDA kernels and CuPy's products are launched one after the
    other, and a warning says why.

    Args:
        nodes: to launch.
        numbers: that the nodes read.
        first: launched before the nodes.
        tf32: True allows ten bits of mantissa in products of float32.
    """

    def __init__(
        self,
        nodes: Sequence[Node],
        numbers: Numbers,
        first: Sequence[Launch] = (),
        tf32: bool = False,
    ) -> None:
        row = grouped(nodes)
        places = turns(row)
        # Launches hold their arrays, of which a graph knows nothing but the addresses.
        try:
            launches = [
                _launch(group, numbers, functools.partial(_captured_product, tf32, turn.stream))
                for group, turn in zip(row, places, strict=True)
            ]
            self._launches = [*first, *launches]
            self._run = _captured(first, launches, places)
        except _hindrances() as error:
            _say(str(error))
            self._launches = [*first, *(_launch(group, numbers, _plain_product) for group in row)]
            self._run = functools.partial(_one_by_one, self._launches)

    def __call__(self) -> None:
        self._run()


def _launch(group: Group, numbers: Numbers, product: Callable[[Product], Launch]) -> Launch:
    """A launch of a group; ``product`` makes the launch of a matrix product."""
    node = group.nodes[0]
    if isinstance(node, Product):
        return product(node)
    if isinstance(node, Bits):
        return draws.launch(node, numbers.place(node.step))
    made = groups.cuda_kernel(group)
    run = cuda_kernel(made.source, made.name)
    moving = [numbers.place(array) for array in made.moving]
    arguments = *made.arrays, *moving, *made.numbers
    return lambda: run(made.grid, made.block, arguments)


def _captured_product(tf32: bool, stream: int, node: Product) -> Launch:
    return cublaslt.library().product(node.a, node.b, node.out, tf32, stream)


def _plain_product(node: Product) -> Launch:
    matmul = importlib.import_module("cupy").matmul
    return lambda: matmul(node.a, node.b, out=node.out)


def _one_by_one(launches: Sequence[Launch]) -> None:
    for launch in launches:
        launch()


def _captured(
    first: Sequence[Launch], launches: Sequence[Launch], places: Sequence[Turn]
) -> Launch:
    """A CUDA graph of launches, each in its turn after the first ones."""
    if not first and not launches:
        return lambda: None
    cuda = importlib.import_module("cupy").cuda
    streams = [cuda.Stream(non_blocking=True) for _ in range(STREAMS)]
    main = streams[MAIN]
    # At the end the main stream waits for the last launch of each other stream.
    last = {turn.stream: k for k, turn in enumerate(places)}
    ends = [k for stream, k in last.items() if stream != MAIN]
    awaited = {k for turn in places for k in turn.after}.union(ends)
    events = {k: cuda.Event(disable_timing=True) for k in awaited}
    with main:
        main.begin_capture()
        try:
            _one_by_one(first)
            if BEGINNING in events:
                events[BEGINNING].record(main)
            for k, (launch, turn) in enumerate(zip(launches, places, strict=True)):
                stream = streams[turn.stream]
                for other in turn.after:
                    stream.wait_event(events[other])
                with stream:
                    launch()
                if k in events:
                    events[k].record(stream)
            for end in ends:
                main.wait_event(events[end])
        except BaseException:
            with contextlib.suppress(RuntimeError):  # that the capture has failed
                main.end_capture()
            raise
        graph = main.end_capture()
    run: Launch = graph.launch
    return run


def _hindrances() -> tuple[type[Exception], ...]:
    """Errors of products and captures after which launches one by one are still possible."""
    cuda = importlib.import_module("cupy").cuda
    errors = cuda.runtime.CUDARuntimeError, cuda.driver.CUDADriverError
    return cublaslt.UnavailableError, UnsupportedError, MemoryError, *errors


@functools.cache
def _say(why: str) -> None:
    """Warn, once for each reason."""
    warnings.warn(
        f"training steps are launched kernel by kernel, not as a CUDA graph: {why}",
        stacklevel=outside(),
    )
