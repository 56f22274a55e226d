"""The double is as unkind as a device: late, in any order, with less precision, and it forgets."""

from __future__ import annotations

import gc

import numpy as np
import pytest

from . import cupy_double as double
from ._cupy_raw import _contracts
from ._cupy_streams import spoil
from .cupy_double import STATE
from .cupy_double import cupy as cp
from .support import device, same

MORE = cp.RawKernel('extern "C" __global__ void more(float* x) { x[threadIdx.x] += 1; }', "more")


def more(x):
    MORE((1,), (x.size,), (x,))


def test_a_launch_waits_until_the_host_does():
    x = device([1, 2])
    more(x)
    assert (x._memory == [1, 2]).all()
    cp.cuda.Stream.null.synchronize()
    assert (x._memory == [2, 3]).all()
    STATE.deferred = False
    try:
        more(x)
        assert (x._memory == [3, 4]).all()
    finally:
        STATE.deferred = True


def test_work_of_a_stream_is_done_in_its_order():
    x = device([1, 2])
    host = np.array([5, 6], np.float32)
    more(x)
    x.set(host)
    more(x)
    x[1:].fill(9)
    more(x)
    same(x, np.array([7, 10], np.float32))


def test_no_stream_waits_for_another():
    x, stream = device([1, 2]), cp.cuda.Stream(non_blocking=True)
    with stream:
        more(x)
    same(x, np.array([1, 2], np.float32))
    stream.synchronize()
    same(x, np.array([2, 3], np.float32))


def test_a_device_that_is_waited_for_has_done_the_work_of_all_streams():
    x, stream = device([1, 2]), cp.cuda.Stream(non_blocking=True)
    more(x)
    with stream:
        more(x)
    cp.cuda.Device().synchronize()
    assert (x._memory == [3, 4]).all()


def test_an_event_is_done_when_the_work_before_it_is():
    x, event = device([1, 2]), cp.cuda.Event()
    assert event.done  # it was never recorded
    more(x)
    event.record()
    more(x)
    assert not event.done
    with double.count_synchronisations() as counts:
        event.synchronize()
        assert event.done
        event.synchronize()
    assert counts.synchronisations == 1
    assert (x._memory == [2, 3]).all()


def test_pinned_memory_holds_what_was_there_before():
    memory = cp.cuda.alloc_pinned_memory(24)
    table = np.frombuffer(memory, np.int64, 3)
    assert (table == -1).all()
    table[:] = 1, 2, 3
    x = device(np.zeros(3), np.int64)
    x.set(table)
    same(x, np.array([1, 2, 3]))


ORDER = """
extern "C" __global__ void order(int* count, int* out)
{
    out[blockIdx.x + gridDim.x * (blockIdx.y + gridDim.y * blockIdx.z)] = (*count)++;
}
"""


def test_blocks_run_in_any_order():
    """Which a kernel must not find out, as this one does."""

    def found():
        count, out = device(np.zeros(1), np.int32), device(np.zeros(24), np.int32)
        cp.RawKernel(ORDER, "order")((2, 3, 4), (1,), (count, out))
        return out.get().tolist()

    orders = [found() for _ in range(5)]
    assert all(sorted(order) == list(range(24)) for order in orders)
    assert len({tuple(order) for order in orders}) > 1
    STATE.shuffled = False
    try:
        assert found() == list(range(24))
    finally:
        STATE.shuffled = True


@pytest.mark.parametrize(
    ("grid", "block"), [((1, 65536), (1,)), ((1, 1, 65536), (1,)), ((2**31,), (1,))]
)
def test_a_grid_has_limits(grid, block):
    with pytest.raises(ValueError, match="more: a grid has at most"):
        MORE(grid, block, (device([1.0]),))


def test_a_block_has_limits():
    with pytest.raises(ValueError, match="more: a block has at most"):
        MORE((1,), (1, 1, 65), (device([1.0]),))


TIMES = 'extern "C" __global__ void half_of({0}* x, {0}* y) {{ y[0] = x[0] * {0}(0.5); }}'


def times(dtype, value):
    kernel = cp.RawKernel(TIMES.format({"f4": "float", "f8": "double"}[dtype]), "half_of")
    x, y = device([value], dtype), device([1.0], dtype)
    kernel((1,), (1,), (x, y))
    return float(y[0])


def test_subnormal_float32_numbers_are_0_in_kernels():
    tiny = float(np.finfo("f4").tiny)
    assert times("f4", tiny / 2) == 0  # as arguments
    assert times("f4", tiny) == 0  # as results
    assert times("f4", 2 * tiny) == tiny
    tiny = float(np.finfo("f8").tiny)
    assert times("f8", tiny) == tiny / 2


def test_subnormal_float32_numbers_are_0_in_functions():
    tiny = np.finfo("f4").tiny
    x = device([tiny / 2, -tiny / 2, tiny, 2 * tiny])
    same(x * np.float32(0.5), np.array([0, -0.0, 0, tiny], "f4"))
    same(cp.add(x, x), np.array([0, 0, 2 * tiny, 4 * tiny], "f4"))
    wide = device([np.finfo("f8").tiny / 2], "f8")
    same(wide * 0.5, wide.get() * 0.5)
    same(x.copy(), x.get())  # a copy computes nothing


@pytest.mark.skipif(not _contracts(), reason="the processor has no such operation")
def test_a_product_and_a_sum_are_rounded_once():
    source = 'extern "C" __global__ void both(double* x) { x[2] = x[0] * x[1] + x[2]; }'
    small = 2.0**-30

    def found():
        x = device([1 + small, 1 - small, -1.0], np.float64)
        cp.RawKernel(source, "both")((1,), (1,), (x,))
        return float(x[2])

    assert found() == -(small**2)
    STATE.contracted = False
    try:
        assert found() == 0
    finally:
        STATE.contracted = True


def test_memory_that_was_freed_is_overwritten_in_its_turn():
    x = device([1, 2])
    memory, other = x._memory, device([0, 0])
    cp.RawKernel(
        'extern "C" __global__ void copied(const float* x, float* y)'
        "{ y[threadIdx.x] = x[threadIdx.x]; }",
        "copied",
    )((1,), (2,), (x, other))
    del x
    gc.collect()
    assert (memory == [1, 2]).all()
    same(other, np.array([1, 2], np.float32))
    assert np.isnan(memory).all()


@pytest.mark.parametrize("dtype", ["f4", "i8", "u2", "?"])
def test_freed_memory_holds_what_is_no_number_or_the_largest(dtype):
    host = np.zeros(3, dtype)
    spoil(host)
    limit = {"f4": np.nan, "i8": 2**63 - 1, "u2": 65535, "?": True}[dtype]
    np.testing.assert_array_equal(host, np.full(3, limit, dtype))


def test_two_devices():
    with double.installed(devices=2):
        x = device([1, 2])
        assert cp.cuda.runtime.getDeviceCount() == 2
        with cp.cuda.Device(1):
            assert cp.cuda.runtime.getDevice() == 1
            y = cp.zeros(2, "f4")
            for call in (lambda: x + 1, lambda: more(x), lambda: cp.add(x, y), lambda: x.sum()):
                with pytest.raises(ValueError, match="array device = 0 while current = 1"):
                    call()
            same(x, np.array([1, 2], "f4"))  # what brings an array to the host chooses its device
            moved = x.copy()
            assert (int(moved.device), int(x.device)) == (1, 0)
            stream, event = cp.cuda.Stream(non_blocking=True), cp.cuda.Event()
            with stream:
                stream.begin_capture()
                more(y)
                graph = stream.end_capture()
        assert cp.cuda.runtime.getDevice() == 0
        for call in (graph.launch, event.record):
            with pytest.raises(cp.cuda.runtime.CUDARuntimeError, match="InvalidValue"):
                call()
        with pytest.raises(RuntimeError, match=r"created on \(1\) does not match .* device \(0\)"):
            stream.__enter__()
        with pytest.raises(cp.cuda.runtime.CUDARuntimeError, match="invalid device ordinal"):
            cp.cuda.Device(2).use()


def test_what_fails_in_a_capture_spoils_it():
    stream = cp.cuda.Stream(non_blocking=True)
    with stream:
        stream.begin_capture()
        with pytest.raises(cp.cuda.runtime.CUDARuntimeError, match="Unsupported"):
            cp.empty(3)
        with pytest.raises(cp.cuda.runtime.CUDARuntimeError, match="Invalidated"):
            stream.end_capture()
    assert not stream.is_capturing()
