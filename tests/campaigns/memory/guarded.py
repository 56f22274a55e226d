"""Memory for NumPy's arrays, each between two pages that nobody may touch.

An array ends at the beginning of the page after, or begins at the end of the page before: a read or
write one byte too far ends the process. On the other side, up to the page's end, lies a pattern
that is compared when the array is freed. Now and then freed memory becomes such a page for a while.

NumPy takes memory from a handler (NEP 49), here ``guarded.c``; so the engine's own buffers lie
between such pages as well.
"""

from __future__ import annotations

import ctypes
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
from numpy._core import _multiarray_umath  # type: ignore[attr-defined]

_SET_HANDLER = 304  # its place in the table of NumPy's C interface


def build(folder: Path) -> Path:
    """Compile the library into a folder."""
    source, made = Path(__file__).with_suffix(".c"), folder / "guarded.so"
    command = ["g++", "-x", "c", "-O1", "-shared", "-fPIC", "-o", str(made), str(source)]
    subprocess.run([*command, "-lpthread"], check=True)
    return made


class Memory:
    """Memory that NumPy takes for all arrays from here on, in this thread.

    Args:
        library: made by :func:`build`.
        side: "after" for arrays that end at an untouchable page; "before" for arrays that begin
            after one.
    """

    def __init__(self, library: Path, side: str) -> None:
        if side not in ("after", "before"):
            raise ValueError(f"side: expected 'after' or 'before', received {side!r}")
        word = ctypes.c_void_p
        self._library = ctypes.CDLL(str(library))
        self._library.guarded.restype = word
        self._library.protect.argtypes = [word, ctypes.c_int]
        self._library.damage.restype = ctypes.c_long
        capsule = ctypes.pythonapi.PyCapsule_New
        capsule.restype, capsule.argtypes = ctypes.py_object, [word, ctypes.c_char_p, word]
        pointer = ctypes.pythonapi.PyCapsule_GetPointer
        pointer.restype, pointer.argtypes = word, [ctypes.py_object, ctypes.c_char_p]
        table = ctypes.cast(pointer(_multiarray_umath._ARRAY_API, None), ctypes.POINTER(word))
        set_handler = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.py_object)(table[_SET_HANDLER])
        handler = self._library.guarded(side == "after")
        self._capsule: Any = capsule(handler, b"mem_handler", None)
        set_handler(self._capsule)
        if _multiarray_umath.get_handler_name() != "guarded":
            raise RuntimeError("NumPy takes its memory elsewhere")

    def protect(self, array: np.ndarray, yes: bool) -> None:
        """Forbid writes to the memory of an array that owns its memory; or allow them again."""
        self._library.protect(array.__array_interface__["data"][0], yes)

    def damage(self) -> int:
        """Number of arrays with writes beside the array, of those freed since the last time."""
        return int(self._library.damage())
