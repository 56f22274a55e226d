"""The double's streams that wait for events, in a capture and outside."""

from __future__ import annotations

import numpy as np
import pytest

from minidl.accelerator.gpu import cublaslt

from ._cupy_capture import RaceError
from .cupy_double import STATE, installed
from .cupy_double import cupy as cp
from .support import device, same

SOURCE = """
extern "C" __global__ void sum(const float* a, const float* b, float* out) { *out = *a + *b; }
"""


@pytest.fixture(autouse=True)
def no_capture():
    yield
    STATE.captured = None


@pytest.fixture
def streams():
    return [cp.cuda.Stream(non_blocking=True) for _ in range(2)]


def add(stream, a, b, out):
    with stream:
        cp.RawKernel(SOURCE, "sum")((1,), (1,), (a, b, out))


def numbers():
    return [device([value]) for value in (1, 2, 0, 0, 0)]


def forked(streams, events, works):
    """A graph of works, each with its stream and the works for which the stream waits first."""
    main, side = streams
    cp.RawKernel(SOURCE, "sum").compile()
    with main:
        main.begin_capture()
        events[0].record(main)
        side.wait_event(events[0])
        for k, (number, arrays, waits) in enumerate(works, 1):
            for each in waits:
                streams[number].wait_event(events[each])
            add(streams[number], *arrays)
            events[k].record(streams[number])
        main.wait_event(events[len(works)])
        return main.end_capture()


def test_works_in_two_streams_come_in_any_order_that_events_allow(streams):
    a, b, c, d, e = numbers()
    works = [(0, (a, b, c), ()), (0, (a, a, d), ()), (1, (c, c, e), (1,))]
    graph = forked(streams, [cp.cuda.Event() for _ in range(4)], works)
    assert graph._capture.needs == [0, 1, 1]
    graph.launch()
    same(e, np.array([6], "f4"))
    same(d, np.array([2], "f4"))


RACES = {
    "read while it is written": lambda a, b, c, d, e: [(0, (a, b, c), ()), (1, (c, c, d), ())],
    "written while it is read": lambda a, b, c, d, e: [(0, (a, b, c), ()), (1, (b, b, a), ())],
    "written twice": lambda a, b, c, d, e: [(0, (a, b, c), ()), (1, (a, b, c), ())],
    "an event too early": lambda a, b, c, d, e: [
        (0, (a, a, d), ()), (0, (a, b, c), ()), (1, (c, c, e), (1,))
    ],
}  # fmt: skip


@pytest.mark.parametrize("what", RACES)
def test_streams_that_do_not_wait_for_each_other_are_found(what, streams):
    works = RACES[what](*numbers())
    with pytest.raises(RaceError, match=f"works {len(works) - 2} and {len(works) - 1} of a"):
        forked(streams, [cp.cuda.Event() for _ in range(len(works) + 1)], works)


@pytest.mark.parametrize("alone", [True, False])
def test_products_in_two_streams_need_two_workspaces(streams, alone):
    x, outs = device(np.eye(2)), [device(np.zeros((2, 2))) for _ in range(2)]
    main, side = streams
    with installed():
        library = cublaslt.Library()
        runs = [library.product(x, x, out, stream=k * alone) for k, out in enumerate(outs)]
        event, end = cp.cuda.Event(), cp.cuda.Event()
        with main:
            main.begin_capture()
            event.record(main)
            side.wait_event(event)
            runs[0]()
            with side:
                if not alone:
                    with pytest.raises(RaceError):
                        runs[1]()
                    return
                runs[1]()
            end.record(side)
            main.wait_event(end)
            main.end_capture().launch()
        main.synchronize()
        same(outs[1], np.eye(2, dtype="f4"))


def test_a_capture_ends_when_all_have_joined(streams):
    main, side = streams
    a, b, c, _, _ = numbers()
    event = cp.cuda.Event()
    cp.RawKernel(SOURCE, "sum").compile()
    with main:
        main.begin_capture()
        event.record(main)
        side.wait_event(event)
        assert side.is_capturing()
        add(side, a, b, c)
        with pytest.raises(cp.cuda.runtime.CUDARuntimeError, match="StreamCaptureUnjoined"):
            main.end_capture()
    assert not main.is_capturing()


def test_a_stream_that_has_not_joined_is_not_captured(streams):
    main, side = streams
    a, b, c, _, _ = numbers()
    cp.RawKernel(SOURCE, "sum").compile()
    with main:
        main.begin_capture()
        add(side, a, b, c)
        graph = main.end_capture()
    assert graph._capture.works == []
    side.synchronize()
    same(c, np.array([3], "f4"))


def test_an_event_of_no_capture_is_not_waited_for_in_one(streams):
    main, side = streams
    event = cp.cuda.Event()
    event.record(side)
    with main:
        main.begin_capture()
        with pytest.raises(cp.cuda.runtime.CUDARuntimeError, match="StreamCaptureUnsupported"):
            main.wait_event(event)


@pytest.mark.parametrize("waits", [False, True])
def test_a_stream_waits_for_an_event_alone(streams, waits):
    main, side = streams
    a, b, c, d, _ = numbers()
    event = cp.cuda.Event()
    add(main, a, b, c)
    event.record(main)
    if waits:
        side.wait_event(event)
    add(side, c, c, d)
    side.synchronize()
    main.synchronize()
    same(d, np.array([6 if waits else 0], "f4"))
