"""``cupy.cuda`` of the double: one device, the null stream, the runtime's questions."""

# ruff: noqa: N802 - the names are CuPy's
from __future__ import annotations

import types
from typing import Any

from ._cupy_state import (
    MODULE,
    STATE,
    CUDARuntimeError,
    OutOfMemoryError,
    require_device,
    synchronise,
)

cuda = types.ModuleType("cupy.cuda")
runtime = types.ModuleType("cupy.cuda.runtime")


def is_available() -> bool:
    return STATE.fault is None


def getDeviceCount() -> int:
    require_device()
    return 1


def getDevice() -> int:
    require_device()
    return 0


def getDeviceProperties(device: int) -> dict[str, Any]:
    require_device()
    return {"name": b"CuPy double", "major": 9, "minor": 0}


def driverGetVersion() -> int:
    return 0 if STATE.fault == "driver" else 13000


def runtimeGetVersion() -> int:
    return 13000


def memGetInfo() -> tuple[int, int]:
    require_device()
    return 60 << 30 if STATE.free is None else STATE.free, 80 << 30


def deviceSynchronize() -> None:
    require_device()
    synchronise("deviceSynchronize()")


class Device:
    def __init__(self, device: Any = None) -> None:
        self.id = getDevice() if device is None else int(device)

    def __int__(self) -> int:
        return self.id

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Device) and self.id == other.id

    def __hash__(self) -> int:
        return hash(self.id)

    def __repr__(self) -> str:
        return f"<CUDA Device {self.id}>"

    def __enter__(self) -> Any:
        require_device()
        return self

    def __exit__(self, *exception: object) -> None:
        return None

    def use(self) -> Device:
        return self

    def synchronize(self) -> None:
        deviceSynchronize()

    @property
    def compute_capability(self) -> str:
        require_device()
        return "90"


class Stream:
    null: Stream

    def __init__(self, null=False, non_blocking=False, ptds=False, priority=None) -> None:
        if not null:  # the null stream exists without a device
            require_device()
        self.ptr = 0 if null else id(self)

    def __enter__(self) -> Any:
        require_device()
        _streams.append(self)
        return self

    def __exit__(self, *exception: object) -> None:
        _streams.pop()

    def use(self) -> Stream:
        _streams[-1] = self
        return self

    def synchronize(self) -> None:
        require_device()
        synchronise("Stream.synchronize()")

    def begin_capture(self, mode: Any = None) -> None:
        require_device()
        if self is Stream.null:
            raise RuntimeError("cannot capture on the default (legacy) stream")
        if self is not get_current_stream():
            raise NotImplementedError("the double captures the current stream only")
        STATE.captured = []

    def end_capture(self) -> Graph:
        if STATE.captured is None:
            raise CUDARuntimeError(901)
        launches, STATE.captured = STATE.captured, None
        return Graph(launches)

    def is_capturing(self) -> bool:
        return STATE.captured is not None and self is get_current_stream()


class Graph:
    """What was launched while a stream was captured."""

    def __init__(self, launches: list[Any]) -> None:
        self._launches = launches

    def launch(self, stream: Any = None) -> None:
        require_device()
        STATE.graphs += 1
        for launch in self._launches:
            launch()


Stream.null = Stream(null=True)
_streams = [Stream.null]


def get_current_stream(device_id: int = -1) -> Stream:
    if STATE.fault is not None:
        require_device()
    return _streams[-1]


nvrtc = types.ModuleType("cupy.cuda.nvrtc")
nvrtc.getVersion = lambda: (13, 0)
for _item in (
    getDeviceCount,
    getDevice,
    getDeviceProperties,
    driverGetVersion,
    runtimeGetVersion,
    memGetInfo,
    deviceSynchronize,
):
    setattr(runtime, _item.__name__, _item)
runtime.CUDARuntimeError = CUDARuntimeError
for _item in (is_available, Device, Graph, Stream, get_current_stream):
    setattr(cuda, _item.__name__, _item)
memory = types.ModuleType("cupy.cuda.memory")
memory.OutOfMemoryError = OutOfMemoryError
cuda.memory = memory
cuda.runtime = runtime
cuda.nvrtc = nvrtc
MODULE.cuda = cuda
