"""A strict double of cuBLASLt: NumPy's products of matrices that lie column by column.

It knows what minidl asks for and nothing else, and fails where matrices do not fit together, lie
elsewhere than was said when an algorithm was chosen, or where something is used after its end.
"""

# ruff: noqa: N802 - the names are the library's
from __future__ import annotations

import ctypes
import itertools
from typing import Any

import numpy as np

from ._cupy_capture import touched
from ._cupy_cuda import get_current_stream
from ._cupy_state import CURRENT, STATE
from ._cupy_streams import allocation_at, check_launch, submit

_TYPES = {0: np.float32, 1: np.float64}
_COMPUTE = {68: 0, 70: 1, 77: 0}  # what each computes with
_TRANSPOSE = {3: "a", 4: "b"}
_WORKSPACE = 1
_ALIGNMENTS = {5: 0, 6: 1, 7: 2, 8: 3}


class CublasLt:
    """The library; every function returns 0, or raises, or returns what ``STATE.statuses`` says."""

    def __getattribute__(self, name: str) -> Any:
        """A function that fails does nothing."""
        status = STATE.statuses.get(name.removeprefix("cublasLt"), 0)
        if status and name.startswith("cublasLt"):
            return lambda *arguments: status
        return super().__getattribute__(name)

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self.things: dict[int, dict[str, Any]] = {}
        self.algorithms: list[dict[str, Any]] = []

    def _new(self, place: Any, **facts: Any) -> int:
        number = next(self._numbers)
        self.things[number] = facts
        place._obj.value = number
        return 0

    def _of(self, thing: Any, kind: str) -> dict[str, Any]:
        facts = self.things[thing.value]
        assert facts["kind"] == kind, (facts, kind)
        return facts

    class cublasLtGetVersion:  # noqa: N801
        """A function whose type of result can be set."""

        restype: Any = ctypes.c_int

        def __new__(cls) -> Any:
            assert cls.restype is ctypes.c_size_t
            return 130_002

    def cublasLtCreate(self, handle: Any) -> int:
        return self._new(handle, kind="handle", device=CURRENT.device)

    def cublasLtMatmulDescCreate(self, place: Any, compute: int, scale: int) -> int:
        assert _COMPUTE[compute] == scale
        return self._new(place, kind="description", scale=scale, compute=compute, a=0, b=0)

    def cublasLtMatmulDescSetAttribute(
        self, thing: Any, attribute: int, value: Any, size: Any
    ) -> int:
        assert size.value == ctypes.sizeof(value._obj) == 4
        self._of(thing, "description")[_TRANSPOSE[attribute]] = value._obj.value
        return 0

    def cublasLtMatmulDescDestroy(self, thing: Any) -> int:
        self._of(thing, "description")
        del self.things[thing.value]
        return 0

    def cublasLtMatrixLayoutCreate(
        self, place: Any, dtype: int, rows: Any, columns: Any, apart: Any
    ) -> int:
        assert apart.value >= rows.value > 0 < columns.value
        shape = rows.value, columns.value
        return self._new(place, kind="layout", dtype=dtype, shape=shape, apart=apart.value)

    def cublasLtMatrixLayoutDestroy(self, thing: Any) -> int:
        self._of(thing, "layout")
        del self.things[thing.value]
        return 0

    def cublasLtMatmulPreferenceCreate(self, place: Any) -> int:
        # What the library takes for granted where nobody says otherwise.
        return self._new(place, kind="preference", workspace=0, alignments=[256] * 4)

    def cublasLtMatmulPreferenceSetAttribute(
        self, thing: Any, attribute: int, value: Any, size: Any
    ) -> int:
        assert size.value == ctypes.sizeof(value._obj) == (8 if attribute == _WORKSPACE else 4)
        facts = self._of(thing, "preference")
        if attribute == _WORKSPACE:
            facts["workspace"] = value._obj.value
        else:
            facts["alignments"][_ALIGNMENTS[attribute]] = value._obj.value
        return 0

    def cublasLtMatmulPreferenceDestroy(self, thing: Any) -> int:
        self._of(thing, "preference")
        del self.things[thing.value]
        return 0

    def cublasLtMatmulAlgoGetHeuristic(
        self, handle: Any, description: Any, A: Any, B: Any, C: Any, D: Any, preference: Any,
        wanted: int, results: Any, count: Any,
    ) -> int:  # fmt: skip
        assert self._of(handle, "handle")["device"] == CURRENT.device
        assert wanted == 1
        assert ctypes.sizeof(results._obj) == 96
        self._fit(description, [A, B, C, D])
        facts = {**self._of(preference, "preference"), "for": [t.value for t in (A, B, C, D)]}
        facts["compute"] = self._of(description, "description")["compute"]
        self.algorithms.append(facts)
        results._obj.algorithm[0] = len(self.algorithms)
        results._obj.state = STATE.statuses.get("state", 0)
        count._obj.value = STATE.statuses.get("count", 1)
        return 0

    def _fit(self, description: Any, layouts: list[Any]) -> None:
        facts = self._of(description, "description")
        a, b, c, d = (self._of(layout, "layout") for layout in layouts)
        assert {each["dtype"] for each in (a, b, c, d)} == {facts["scale"]}
        (m, k), (k2, n) = (
            each["shape"][::-1] if facts[name] else each["shape"]
            for each, name in ((a, "a"), (b, "b"))
        )
        assert k == k2
        assert c["shape"] == d["shape"] == (m, n)

    def cublasLtMatmul(
        self, handle: Any, description: Any, alpha: Any, A: Any, a: Any, B: Any, b: Any, beta: Any,
        C: Any, c: Any, D: Any, d: Any, algorithm: Any, workspace: Any, size: Any, stream: Any,
    ) -> int:  # fmt: skip
        assert self._of(handle, "handle")["device"] == CURRENT.device
        self._fit(description, [a, b, c, d])
        chosen = self.algorithms[algorithm._obj[0] - 1]
        assert chosen["for"] == [layout.value for layout in (a, b, c, d)]
        for place, alignment in zip((A, B, C, D), chosen["alignments"], strict=True):
            assert place.value % alignment == 0
        assert chosen["workspace"] <= size.value
        assert workspace.value
        assert (stream.value or 0) == get_current_stream().ptr
        facts = dict(self._of(description, "description"))
        assert isinstance(alpha._obj, ctypes.c_float if facts["scale"] == 0 else ctypes.c_double)
        assert (alpha._obj.value, beta._obj.value) == (1, 0)
        assert C.value == D.value
        first, second, result = (
            _matrix(place, self._of(layout, "layout")) for place, layout in ((A, a), (B, b), (D, d))
        )
        first, second = (
            matrix.T if facts[name] else matrix for matrix, name in ((first, "a"), (second, "b"))
        )

        allocations = [allocation_at(place.value) for place in (A, B, D, workspace)]
        assert {each.device for each in allocations} == {CURRENT.device}

        def launch() -> None:
            check_launch("cublasLtMatmul", allocations)
            STATE.launches += 1
            result[...] = first @ second

        beside = (workspace.value, workspace.value + size.value, True)
        places = touched(first, False), touched(second, False), touched(result, True), beside
        if STATE.fault is None:
            submit(launch, touched=places)
        return 0


def _matrix(place: Any, layout: dict[str, Any]) -> np.ndarray:
    """A matrix that lies column by column."""
    rows, columns = layout["shape"]
    dtype = np.dtype(_TYPES[layout["dtype"]])
    size = (columns - 1) * layout["apart"] + rows
    memory = (ctypes.c_char * (size * dtype.itemsize)).from_address(place.value)
    flat = np.frombuffer(memory, dtype)
    strides = dtype.itemsize, layout["apart"] * dtype.itemsize
    return np.lib.stride_tricks.as_strided(flat, (rows, columns), strides, writeable=True)
