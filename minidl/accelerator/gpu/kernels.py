"""CUDA kernels on the device: compiled by CuPy on first use, and kept for good."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from minidl.backend import cuda

#: Compiler options of every CUDA kernel.
OPTIONS = ("--std=c++17",)
#: Threads of a block, and the most blocks; each thread loops over the elements beyond the grid.
THREADS, BLOCKS = 256, 1 << 16


@functools.cache
def source(name: str) -> str:
    """Source of a ``.cu`` file in this folder."""
    return Path(__file__).with_name(f"{name}.cu").read_text(encoding="utf-8")


def cuda_kernel(source: str, name: str) -> Any:
    """The CUDA kernel of this name in a source, as a function of (blocks, threads, arguments).

    CuPy checks no argument: arrays have the types of the source, and numbers are NumPy's scalars of
    those types.
    """
    return _cuda_kernel(source, name, cuda.current())


def forget() -> None:
    """Forget compiled CUDA kernels; the next use compiles again."""
    _cuda_kernel.cache_clear()


@functools.cache
def _cuda_kernel(source: str, name: str, device: int) -> Any:
    """Loaded on the GPU of this number, which is the current one."""
    made = importlib.import_module("cupy").RawKernel(source, name, options=OPTIONS)
    made.compile()  # not while a graph is captured
    return made


def launch(function: Any, size: int, arguments: Sequence[Any]) -> None:
    """Run a CUDA kernel, as a function, whose threads share out ``size`` elements."""
    if size:
        function((min(-(-size // THREADS), BLOCKS),), (THREADS,), tuple(arguments))
