"""Random bits on the device, at the addresses of ``backend/random.py``."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.backend.device.kernels import kernel, launch, source

_PARTS = 16  # numbers of a thread


def fill(out: Any, key: np.ndarray, step: int) -> None:
    """Overwrite ``out`` (uint16, contiguous) with the 16-bit numbers of a key at a step.

    Args:
        out: not a part of an array that begins within it.
        key: two uint64.
        step: from 0.
    """
    bits = kernel(source("philox"), "random_bits")
    launch(bits, -(-out.size // _PARTS), (out, np.int64(out.size), *key, np.uint64(step)))
