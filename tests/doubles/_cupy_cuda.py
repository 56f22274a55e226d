"""``cupy.cuda`` of the double: devices, streams, events, the runtime's questions."""

# ruff: noqa: N802 - the names are CuPy's
from __future__ import annotations

import types
from typing import Any

import numpy as np

from ._cupy_capture import Capture
from ._cupy_state import (
    CURRENT,
    MODULE,
    STATE,
    CUDADriverError,
    CUDARuntimeError,
    OutOfMemoryError,
    count_wait,
    not_captured,
    require_device,
)
from ._cupy_streams import STREAMS, catch_up, catch_up_everywhere, submit

cuda = types.ModuleType("cupy.cuda")
runtime = types.ModuleType("cupy.cuda.runtime")


def is_available() -> bool:
    return STATE.fault is None


def getDeviceCount() -> int:
    require_device()
    return STATE.devices


def getDevice() -> int:
    require_device()
    return CURRENT.device


def setDevice(device: int) -> None:
    require_device()
    if not 0 <= device < STATE.devices:
        raise CUDARuntimeError(101)
    CURRENT.device = device


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
    count_wait("deviceSynchronize()")
    catch_up_everywhere(CURRENT.device)


class Device:
    def __init__(self, device: Any = None) -> None:
        self.id = getDevice() if device is None else int(device)
        self._before: list[int] = []

    def __int__(self) -> int:
        return self.id

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Device) and self.id == other.id

    def __hash__(self) -> int:
        return hash(self.id)

    def __repr__(self) -> str:
        return f"<CUDA Device {self.id}>"

    def __enter__(self) -> Any:
        # device.pyx: a capture does not forbid it.
        self._before.append(CURRENT.device)
        _choose(self.id)
        return self

    def __exit__(self, *exception: object) -> None:
        _choose(self._before.pop())

    def use(self) -> Device:
        _choose(self.id)
        return self

    def synchronize(self) -> None:
        with self:
            deviceSynchronize()

    @property
    def compute_capability(self) -> str:
        require_device()
        return "90"


def _choose(device: int) -> None:
    if STATE.captured is None:
        setDevice(device)
    else:
        CURRENT.device = device


class Stream:
    null: Stream

    def __init__(self, null=False, non_blocking=False, ptds=False, priority=None) -> None:
        if not null:  # the null stream exists without a device
            require_device()
        self.ptr = 0 if null else id(self)
        self.device_id = -1 if null else CURRENT.device

    @property
    def _key(self) -> tuple[int, int]:
        return CURRENT.device if self.device_id == -1 else self.device_id, self.ptr

    def _require_its_device(self) -> None:
        if self.device_id not in (-1, CURRENT.device):
            raise RuntimeError(
                f"The device that the stream is created on ({self.device_id}) does not match with "
                f"the current device ({CURRENT.device})"
            )

    def __enter__(self) -> Any:
        if STATE.captured is None:
            require_device()
        self._require_its_device()
        STREAMS.entered.append(STREAMS.of[CURRENT.device])
        STREAMS.entered[-1].append(self)
        return self

    def __exit__(self, *exception: object) -> None:
        STREAMS.entered.pop().pop()

    def use(self) -> Stream:
        self._require_its_device()
        STREAMS.of[CURRENT.device][-1:] = [self]
        return self

    def synchronize(self) -> None:
        require_device()
        count_wait("Stream.synchronize()")
        catch_up(self._key)

    def record(self, event: Any = None) -> Event:
        event = Event() if event is None else event
        event.record(self)
        return event

    def begin_capture(self, mode: Any = None) -> None:
        require_device()
        if self is Stream.null:
            raise RuntimeError("cannot capture on the default (legacy) stream")
        if self is not get_current_stream():
            raise NotImplementedError("the double captures the current stream only")
        STATE.captured, STATE.invalid = Capture(self._key), False

    def end_capture(self) -> Graph:
        if STATE.captured is None:
            raise CUDARuntimeError(901)
        capture, STATE.captured = STATE.captured, None
        if STATE.invalid:
            raise CUDARuntimeError(901)
        capture.end(self._key)
        return Graph(capture)

    def is_capturing(self) -> bool:
        return STATE.captured is not None and STATE.captured.holds(self._key)

    def wait_event(self, event: Event) -> None:
        capture, before = event._captured
        if capture is not None and capture is STATE.captured:
            capture.wait(self._key, before)
            return
        not_captured()
        number = event._recorded

        def wait() -> None:
            catch_up(event._stream, lambda: event._reached >= number)

        submit(wait, self._key)


class Event:
    """A place in a stream; done is what was never recorded."""

    def __init__(self, block=False, disable_timing=False, interprocess=False) -> None:
        require_device()
        self._device, self._stream = CURRENT.device, None
        self._recorded = self._reached = 0
        self._captured: tuple[Capture | None, int] = None, 0  # what it comes after there

    def record(self, stream: Any = None) -> None:
        if self._device != CURRENT.device:
            raise CUDARuntimeError(1)
        stream = get_current_stream() if stream is None else stream
        if STATE.captured is not None and STATE.captured.holds(stream._key):
            self._captured = STATE.captured, STATE.captured.event(stream._key)
            return
        not_captured()
        self._stream, self._captured = stream._key, (None, 0)
        self._recorded += 1
        number = self._recorded

        def reach() -> None:
            self._reached = number

        submit(reach, self._stream)

    @property
    def done(self) -> bool:
        return self._reached == self._recorded

    def synchronize(self) -> None:
        if not self.done:
            count_wait("Event.synchronize()")
            catch_up(self._stream, lambda: self.done)


class Graph:
    """What was launched while a stream was captured."""

    def __init__(self, capture: Capture) -> None:
        self._capture, self._device = capture, CURRENT.device

    def launch(self, stream: Any = None) -> None:
        require_device()
        if self._device != CURRENT.device:
            raise CUDARuntimeError(1)
        STATE.graphs += 1
        submit(self._capture.run, None if stream is None else stream._key)


Stream.null = Stream(null=True)


def get_current_stream(device_id: int = -1) -> Stream:
    if STATE.fault is not None:
        require_device()
    streams = STREAMS.of[CURRENT.device if device_id == -1 else device_id]
    return streams[-1] if streams else Stream.null


class PinnedMemoryPointer(bytearray):
    """Memory of the host that the device reads by itself."""

    ptr = property(lambda self: np.frombuffer(self, np.uint8).ctypes.data)


def alloc_pinned_memory(size: int) -> PinnedMemoryPointer:
    require_device()
    return PinnedMemoryPointer(b"\xff" * max(size, 1))


nvrtc = types.ModuleType("cupy.cuda.nvrtc")
nvrtc.getVersion = lambda: (13, 0)
for _item in (
    getDeviceCount,
    getDevice,
    setDevice,
    getDeviceProperties,
    driverGetVersion,
    runtimeGetVersion,
    memGetInfo,
    deviceSynchronize,
):
    setattr(runtime, _item.__name__, _item)
runtime.CUDARuntimeError = CUDARuntimeError
for _item in (
    is_available,
    Device,
    Event,
    Graph,
    Stream,
    alloc_pinned_memory,
    get_current_stream,
):
    setattr(cuda, _item.__name__, _item)
driver = types.ModuleType("cupy.cuda.driver")
driver.CUDADriverError = CUDADriverError
cuda.driver = driver
memory = types.ModuleType("cupy.cuda.memory")
memory.OutOfMemoryError = OutOfMemoryError
cuda.memory = memory
cuda.runtime = runtime
cuda.nvrtc = nvrtc
MODULE.cuda = cuda
