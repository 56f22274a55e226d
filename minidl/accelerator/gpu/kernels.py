"""Kernels on the device: compiled by CuPy when they are first asked for, and kept for good."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

#: Compiler options of every kernel.
OPTIONS = ("--std=c++17",)
#: Threads of a block, and the most blocks of a kernel whose threads each take what is left.
THREADS, BLOCKS = 256, 1 << 16


@functools.cache
def source(name: str) -> str:
    """Of a ``.cu`` file beside this one."""
    return Path(__file__).with_name(f"{name}.cu").read_text(encoding="utf-8")


@functools.cache
def kernel(source: str, name: str) -> Any:
    """The kernel of this name in a source, as a function of (blocks, threads, arguments).

    CuPy hands its arguments on as they are: arrays of the types that the source says, and numbers
    as NumPy's scalars of those types.
    """
    made = importlib.import_module("cupy").RawKernel(source, name, options=OPTIONS)
    made.compile()  # not while a graph is captured
    return made


def launch(kernel: Any, size: int, arguments: Sequence[Any]) -> None:
    """Run a kernel whose threads share out so many elements."""
    if size:
        kernel((min(-(-size // THREADS), BLOCKS),), (THREADS,), tuple(arguments))
