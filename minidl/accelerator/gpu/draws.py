"""Random bits on the device, at the addresses of ``backend/random.py``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minidl.accelerator.gpu.kernels import THREADS, cuda_kernel, source
from minidl.accelerator.gpu.nodes import Bits

_PARTS = 16  # numbers of a thread


def fill(out: Any, key: np.ndarray, step: int) -> None:
    """Overwrite ``out`` with the 16-bit numbers of a key at a step.

    Args:
        out: uint16, contiguous, from the beginning of an array's memory.
        key: two uint64.
        step: from 0.
    """
    bits = cuda_kernel(source("philox"), "random_bits")
    bits(_grid(out), (THREADS,), (out, np.int64(out.size), *key, np.uint64(step)))


def launch(node: Bits, step: Any) -> Callable[[], Any]:
    """A launch that draws a node's numbers.

    Args:
        node: the argument ``step`` replaces its step.
        step: int64, on the device.
    """
    bits = cuda_kernel(source("philox"), "random_bits_ahead")
    out = node.out
    arguments = out, np.int64(out.size), *node.key, step, np.uint64(node.ahead)
    return lambda: bits(_grid(out), (THREADS,), arguments)


def _grid(out: Any) -> tuple[int]:
    return (-(-out.size // (_PARTS * THREADS)),)
