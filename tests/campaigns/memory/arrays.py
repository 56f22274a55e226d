"""Arrays that fit, and arrays that do not: of other shapes, types, strides, places, owners."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.campaigns.memory.guarded import Memory

#: In what way an array may be wrong, or only unusual.
KINDS = (
    "longer", "shorter", "wider", "narrower", "empty", "flat", "deeper", "single",
    "strided", "sliced", "backwards", "transposed", "fortran", "repeated", "sliding",
    "misaligned", "swapped", "read-only", "protected", "other type", "of a dead owner",
    "overlapping", "the same", "a list", "nothing", "a number", "a text",
)  # fmt: skip
_TYPES = ("float64", "float16", "uint8", "int64", "int32", "bool", "complex64", "object", "U4")


class Maker:
    """Maker of one call's arrays, which afterwards finds writes beside the arrays.

    Args:
        random: source of the choices.
        memory: home of the arrays.
        dtype: of arrays that fit.
    """

    def __init__(self, random: np.random.Generator, memory: Memory, dtype: str) -> None:
        self._random, self._memory, self._dtype = random, memory, dtype
        self._made: list[np.ndarray] = []
        self._protected: list[np.ndarray] = []
        self._beside: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []

    def values(self, shape: tuple[int, ...]) -> np.ndarray:
        """Numbers of the type, from -1 to 1."""
        return np.asarray(2 * self._random.random(shape) - 1, self._dtype)  # 0-d ones too

    def array(self, shape: tuple[int, ...], kind: str | None = None) -> Any:
        """An array of a shape, wrong in some way or, for None, in none."""
        made = self._of_kind(shape, kind)
        if isinstance(made, np.ndarray):
            self._made.append(made)
        return made

    def done(self) -> list[str]:
        """Writes in wrong places, after the call."""
        for array in self._protected:
            self._memory.protect(array, False)
        found = []
        for base, before, outside in self._beside:
            if not np.array_equal(base[outside], before[outside]):
                found.append(f"something was written between the elements of {base.size} bytes")
        self._made.clear()
        return found

    def _of_kind(self, shape: tuple[int, ...], kind: str | None) -> Any:
        rows, rest = (shape[0], shape[1:]) if shape else (1, ())
        columns = shape[-1] if shape else 1
        changed = {
            "longer": (rows + 1 + int(self._random.integers(40)), *rest),
            "shorter": (rows // 2, *rest),
            "wider": (*shape[:-1], columns + 1 + int(self._random.integers(40))),
            "narrower": (*shape[:-1], columns // 2),
            "empty": (0, *rest),
            "flat": (int(np.prod(shape)),),
            "deeper": (*shape, 2),
            "single": (1,) * len(shape),
        }
        if kind in changed:
            return self.values(changed[kind])
        if kind == "overlapping" or kind == "the same":
            return self._from_another(shape, kind == "the same")
        if kind == "a list":
            return self.values(shape).tolist()
        if kind in ("nothing", "a number", "a text"):
            return {"nothing": None, "a number": np.float32(0.5), "a text": "x"}[kind]
        if kind == "other type":
            return np.ones(shape).astype(self._random.choice(_TYPES))
        array = self.values(shape)
        if kind == "swapped":
            return array.astype(array.dtype.newbyteorder())
        if kind == "read-only":
            array.flags.writeable = False
        if kind == "protected" and array.size:
            array.flags.writeable = False
            self._memory.protect(array, True)
            self._protected.append(array)
        return self._laid_out(array, kind)

    def _laid_out(self, array: np.ndarray, kind: str | None) -> np.ndarray:
        shape, rows = array.shape, len(array) if array.ndim else 1
        if kind == "strided" and array.ndim:
            return self._within((*shape[:-1], 2 * shape[-1]), np.s_[..., ::2])
        if kind == "sliced" and array.ndim:
            return self._within((*shape[:-1], shape[-1] + 3), np.s_[..., 1:-2])
        if kind == "backwards":
            return array[::-1] if array.ndim else array
        if kind == "transposed" and array.ndim > 1:
            return self.values(shape[::-1]).T
        if kind == "fortran":
            return np.asfortranarray(array)
        if kind == "repeated" and array.ndim:
            return np.lib.stride_tricks.as_strided(array, shape, (0, *array.strides[1:]))
        if kind == "sliding" and array.ndim > 1 and array.size:
            line = self.values((rows + shape[1],))
            return np.lib.stride_tricks.sliding_window_view(line, shape[1])[:rows]
        if kind == "misaligned":
            base = np.zeros(array.nbytes + 1, np.uint8)
            moved = base[1:].view(array.dtype).reshape(shape)
            moved[...] = array
            return moved
        if kind == "of a dead owner":
            return array.reshape(-1)[...].reshape(shape)
        return array

    def _within(self, shape: tuple[int, ...], part: Any) -> np.ndarray:
        """A part of a larger array, of which nothing else may change."""
        owner = self.values(shape)
        base = owner.reshape(-1).view(np.uint8)
        places = np.arange(base.size).reshape(*shape, owner.itemsize)[(*_index(part), slice(None))]
        outside = np.ones(base.size, np.bool_)
        outside[places] = False
        self._beside.append((base, base.copy(), outside))
        return owner[part]

    def _from_another(self, shape: tuple[int, ...], whole: bool) -> Any:
        """Memory of an array made before, if any has enough."""
        size = int(np.prod(shape))
        for other in self._made[::-1]:
            if whole and other.shape == shape:
                return other
            flat = other.reshape(-1) if other.flags.c_contiguous else other[:0].reshape(-1)
            if not whole and other.dtype == self._dtype and flat.size >= size:
                start = int(self._random.integers(flat.size - size + 1))
                return flat[start : start + size].reshape(shape)
        return self.values(shape)


def _index(part: Any) -> tuple[Any, ...]:
    return part if isinstance(part, tuple) else (part,)
