"""What the double counts: where the host waits for the device, what is copied to it."""

from __future__ import annotations

import numpy as np
import pytest

from . import cupy_double as double
from .cupy_double import cupy as cp
from .support import device, same

WAITS = {
    "float": lambda x: float(x[0, 0]),
    "int": lambda x: int(x[0, 0]),
    "bool": lambda x: bool(x[0, 0]),
    "if": lambda x: 1 if x[0, 0] > 0 else 0,
    "item": lambda x: x[0, 0].item(),
    "tolist": lambda x: x.tolist(),
    "tobytes": lambda x: x.tobytes(),
    "get": lambda x: x.get(),
    "asnumpy": lambda x: cp.asnumpy(x),
    "str": lambda x: str(x),
    "repr": lambda x: repr(x),
    "format": lambda x: f"{x.sum():.2f}",
    "print": lambda x: print(x),
    "read mask": lambda x: x[x > 0],
    "write mask": lambda x: x.__setitem__(x > 0, 0.0),
    "mask in a tuple": lambda x: x[0, x[0] > 0],
    "nonzero": lambda x: x.nonzero(),
    "where of one argument": lambda x: cp.where(x > 0),
    "unique": lambda x: cp.unique(x),
    "shares_memory": lambda x: cp.shares_memory(x, x[0]),
    "in": lambda x: 1.0 in x[0],
    "stream": lambda x: cp.cuda.Stream.null.synchronize(),
    "current stream": lambda x: cp.cuda.get_current_stream().synchronize(),
    "device": lambda x: cp.cuda.Device().synchronize(),
    "runtime": lambda x: cp.cuda.runtime.deviceSynchronize(),
    "blocking copy": lambda x: cp.asarray(np.ones(2), blocking=True),
}


@pytest.mark.parametrize("action", WAITS.values(), ids=WAITS.keys())
def test_each_of_these_waits_for_the_device_once(x, action):
    double.reset_synchronisations()
    action(x)
    assert double.synchronisations() == 1
    with double.forbid_synchronisation(), pytest.raises(double.SynchronisationError):
        action(x)
    assert double.synchronisations() == 1
    action(x)  # allowed again
    assert double.synchronisations() == 2


def test_host_values_come_out_right(x):
    assert float(x[0, 1]) == -2.0
    assert int(x[1, 0]) == 4
    assert bool(x[0, 0]) is True
    assert x.tolist() == [[1, -2, 3], [4, 5, -6]]
    assert x[0, 0].item() == 1.0
    assert repr(x[0]) == "array([ 1., -2.,  3.], dtype=float32)"
    assert str(x[0]) == "[ 1. -2.  3.]"
    assert f"{x[0, 0]:.1f}" == "1.0"
    out = np.empty((2, 3), "f")
    assert x.get(out=out) is out
    assert (out == x.get()).all()
    assert not x.get(order="F").flags.c_contiguous
    same(x[x > 2], np.array([3, 4, 5], "f"))
    x[x > 2] = x[0]
    same(x, np.array([[1, -2, 1], [-2, 3, -6]], "f"))
    same(x.nonzero()[0], [0, 0, 0, 1, 1, 1])
    same(cp.unique(device([2, 1, 2])), np.array([1, 2], "f"))


def test_the_work_of_a_step_does_not_wait(x):
    with double.forbid_synchronisation():
        y = cp.maximum(x @ x.T, 0) + x.sum(axis=1)
        y /= y.max()
        y[...] = cp.where(y > 0.5, y, 0)
        x[0] = y[0, 0]
        x[cp.argmax(y, axis=1)] = 1.0
        for row in x:  # rows are views
            row *= 2
        assert x.shape == (2, 3)
        assert x.dtype == np.float32


def test_empty_arrays_do_not_wait():
    empty = cp.zeros((0, 2))  # CuPy returns before it copies or counts
    with double.forbid_synchronisation():
        empty.get(), empty.nonzero(), empty[empty[:, 0] > 0]


TRANSFERS = {
    "asarray": (lambda x, h: cp.asarray(h), 1),
    "array": (lambda x, h: cp.array(h), 1),
    "list": (lambda x, h: cp.asarray([1.0, 2.0]), 1),
    "set": (lambda x, h: x.set(h), 1),
    "host index": (lambda x, h: x[np.array([0])], 1),
    "scalar": (lambda x, h: cp.asarray(1.0), 0),  # a fill, no copy
    "device array": (lambda x, h: cp.asarray(x), 0),
    "zeros": (lambda x, h: cp.zeros(3), 0),
    "scalar operand": (lambda x, h: x * 2.0, 0),
    "fill": (lambda x, h: x.fill(2.0), 0),
}


@pytest.mark.parametrize(("action", "number"), TRANSFERS.values(), ids=TRANSFERS.keys())
def test_copies_from_the_host_are_counted(x, host, action, number):
    double.reset_transfers()
    with double.forbid_synchronisation():  # they do not wait
        action(x, host)
    assert double.transfers() == number


def test_asarray_copies_the_values_at_once(host):
    y = cp.asarray(host)  # by way of memory that CuPy keeps
    host[...] = 0
    same(y, np.ones((2, 3), "f"))


def test_set_reads_the_memory_of_the_host_late(x, host):
    x.set(host)
    host[...] = 2
    same(x, np.full((2, 3), 2, "f"))


def test_the_source_of_set_is_kept_by_nobody(x):
    x.set(np.ones((2, 3), "f"))
    with pytest.raises(RuntimeError, match="the source of a copy was freed"):
        cp.cuda.Stream.null.synchronize()


def test_counts_of_a_block(x, host):
    x.get()
    with double.count_synchronisations() as counts:
        x.get()
        float(x[0, 0])
        x.set(host)
    x.get()
    assert (counts.synchronisations, counts.transfers) == (2, 1)
