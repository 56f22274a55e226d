"""Random numbers by address: a number depends on the purpose alone, not on earlier draws.

Philox 4x64-10 (Salmon, Moraes, Dror & Shaw, "Parallel random numbers: as easy as 1, 2, 3",
SC 2011) turns a 128-bit key and a 256-bit counter into 256 random bits. Here

    key     = (seed, purpose · 2³² + index)
    counter = (block, step, 0, 0)

where ``index`` counts the dropout layers, or the tensors for weights. So the mask of a layer at
a step is the same on a CPU and a GPU and after a resume.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.backend.switch import runner_for

WEIGHTS, DROPOUT, SHUFFLE, RADIUS, ANGLE = 1, 2, 3, 4, 5

_CHUNK = 4_096  # 64-bit words drawn at a time: 32 KiB, independent of the batch


class _Addressed:
    """One generator for life, addressed through its state: a new one costs more than its numbers.

    Args:
        seed: of the run, 0 … 2⁶⁴ - 1.
        purpose: :data:`DROPOUT`, or another constant of this module.
        index: which of several.
    """

    def __init__(self, seed: int, purpose: int, index: int) -> None:
        self._philox = np.random.Philox(key=_key(seed, purpose, index))
        self._state = self._philox.state

    def _go_to(self, step: int) -> None:
        """Have the next numbers be the first of a step; NumPy counts before each block."""
        self._state["state"]["counter"][:] = 0, step, 0, 0
        self._philox.state = self._state


class Orders(_Addressed):
    """Random orders of rows, addressed by (seed, step).

    Args:
        seed: of the run.
    """

    def __init__(self, seed: int) -> None:
        super().__init__(seed, SHUFFLE, 0)
        self.seed = seed
        self._generator = np.random.Generator(self._philox)

    def order(self, rows: int, step: int) -> np.ndarray:
        """The numbers of so many rows, each once: the order that belongs to this step."""
        self._go_to(step)
        return self._generator.permutation(rows)


class RandomBits(_Addressed):
    """16-bit random integers addressed by (seed, purpose, index, step, element).

    Args:
        seed, purpose: of the run; :data:`DROPOUT`, or another constant of this module.
        index: which of the layers that draw.
    """

    def fill(self, out: Any, step: int) -> None:
        """Overwrite ``out`` (uint16, contiguous), on its device, with the numbers of this step.

        Element i is the i-th 16-bit part of the stream that starts at counter
        (0, step, 0, 0), low part first.

        Raises:
            ValueError: elements of another type, or scattered or read-only elements.
        """
        flags = out.flags
        fits = flags.carray if isinstance(out, np.ndarray) else flags.c_contiguous
        if out.dtype != np.uint16 or not fits:
            raise ValueError(
                "expected a contiguous array of uint16 that can be written, received "
                f"{out.dtype} of shape {out.shape}"
            )
        runner_for(out).draw(self, out, step)

    @property
    def key(self) -> np.ndarray:
        """Two words: the seed; purpose and index."""
        key: np.ndarray = self._state["state"]["key"]
        return key

    def draw_on_host(self, out: np.ndarray, step: int) -> None:
        """Do the work of :meth:`fill` by NumPy's own Philox, for an array of NumPy."""
        self._go_to(step)
        flat = out.reshape(-1)
        for start in range(0, flat.size, 4 * _CHUNK):
            part = flat[start : start + 4 * _CHUNK]
            part[:] = self._philox.random_raw(-(-part.size // 4)).view(np.uint16)[: part.size]


def generator(seed: int, purpose: int, index: int, step: int = 0) -> np.random.Generator:
    """A NumPy generator at the address (seed, purpose, index, step)."""
    philox = np.random.Philox(key=_key(seed, purpose, index), counter=[0, step, 0, 0])
    return np.random.Generator(philox)


def _key(seed: int, purpose: int, index: int) -> Any:
    return np.array([seed, (purpose << 32) + index], dtype=np.uint64)
