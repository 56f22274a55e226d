"""Looks at Python's objects: compiled code asks through Python's own C functions.

A look at a thousand objects before each step takes less than half the time that Python needs.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minidl.accelerator.cpu.commands import UnsupportedError
from minidl.accelerator.cpu.looks.words import ANSWER, EACH, FUNCTION, OBJECT, PLACE
from minidl.accelerator.cpu.machine.machine_code import address_of, function
from minidl.accelerator.record.glance import Holdings
from minidl.backend.addresses import address

# Their results are borrowed references: a caller that compares addresses gives nothing back.
_SIZE, _ENTRY, _ELEMENT, _CODE = (
    address_of(getattr(ctypes.pythonapi, name))
    for name in (
        "PyObject_Size", "PyDict_GetItemWithError", "PyList_GetItem", "PyFunction_GetCode",
    )
)  # fmt: skip


def look(holdings: Holdings) -> Callable[[], bool]:
    """A faster form of ``holdings.unchanged``; the same where no code can be compiled."""
    try:
        return Look(holdings)
    except UnsupportedError:
        return holdings.unchanged


class Look:
    """Questions to containers and functions, called to ask if the objects are the same.

    Args:
        holdings: with the objects of now.

    Raises:
        CompilationUnavailableError: no machine code can be had.
    """

    def __init__(self, holdings: Holdings) -> None:
        self._answered = function("answered", "looks", ctypes.PYFUNCTYPE)
        self._kept = holdings  # as long as they live, no other object has their addresses
        counts = [size for _, size in holdings.sizes]
        places = [k for _, k, _ in holdings.elements]
        names = [id(name) for _, name, _ in holdings.entries]
        self._questions = np.concatenate(
            [
                _asked(_SIZE, holdings.sizes, 0, counts),
                _asked(_ENTRY, holdings.entries, names),
                _asked(_ELEMENT, holdings.elements, places),
                _asked(_CODE, holdings.codes, 0),
            ]
        )
        self._where = address(self._questions)

    def __call__(self) -> bool:
        """Tell if all have the objects that they had."""
        return bool(self._answered(self._where, len(self._questions)))


def _asked(function: int, rows: Sequence[tuple[Any, ...]], places: Any, answers: Any = None) -> Any:
    """A function's questions to the first object of each row; the last one is the answer."""
    made = np.empty((len(rows), EACH), np.int64)
    made[:, FUNCTION], made[:, PLACE] = function, places
    made[:, OBJECT] = [id(row[0]) for row in rows]
    made[:, ANSWER] = [id(row[-1]) for row in rows] if answers is None else answers
    return made
